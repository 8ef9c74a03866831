//! What the IDs of events tell: what came again, what is missing, what came out of order.

use alloc::collections::VecDeque;
use core::hash::BuildHasher;
use std::collections::HashMap;

// IDs are a server's, so the hash is keyed; there are many, so it is quick.
use foldhash::fast::RandomState;

/// How many of the latest IDs are remembered to be known again: a resume that goes further back
/// than that is seldom.
const REMEMBERED: usize = 1 << 16;

/// Before so many steps nothing is said about what is missing.
const FEWEST_STEPS: u64 = 8;

/// How many places are remembered at which numbers were left out.
const MOST_HOLES: usize = 1024;

/// Follows the IDs of a session, in order.
#[derive(Debug, Default)]
pub(super) struct Trail {
    hasher: RandomState,
    /// The hashes of the latest IDs, and how often each is among them.
    latest: VecDeque<u64>,
    known: HashMap<u64, u32, RandomState>,
    /// The latest ID that ends in a number.
    number: Option<Numbered>,
    /// Steps from one number to the next, and all other steps forward.
    steps_of_one: u64,
    steps_beyond: u64,
    /// Numbers that were left out, the latest last.
    holes: VecDeque<Hole>,
    /// The latest number out of order, and how many came one by one up to it.
    below: Option<(Numbered, u64)>,
}

/// Numbers from `first` to `last`.
#[derive(Clone, Copy, Debug)]
struct Hole {
    prefix: u64,
    first: u64,
    last: u64,
}

#[derive(Clone, Copy, Debug)]
struct Numbered {
    prefix: u64,
    value: u64,
}

/// What an ID tells about its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// It came before.
    pub(super) is_repeat: bool,
    /// Its number is smaller than the one before, and it did not come before.
    pub(super) is_out_of_order: bool,
    /// It had been left out.
    pub(super) is_late: bool,
    /// How many numbers lie between it and the one before.
    pub(super) skipped: u64,
}

impl Trail {
    /// The next event that has an ID of its own, or another than the one before.
    pub(super) fn next(&mut self, id: &str) -> Told {
        let mut told = Told::default();
        if id.is_empty() {
            return told;
        }
        let hash = self.hasher.hash_one(id);
        told.is_repeat = self.known.contains_key(&hash);
        self.remember(hash);
        let Some(number) = self.numbered(id) else { return told };
        if let Some(before) = self.number.filter(|before| before.prefix == number.prefix) {
            if told.is_repeat {
                // What comes again is no step; the steps go on where it began.
            } else if number.value <= before.value {
                told.is_late = self.fill(number);
                if !self.begins_anew(number) {
                    told.is_out_of_order = true;
                    return told;
                }
            } else if number.value == before.value + 1 {
                self.steps_of_one += 1;
            } else {
                self.steps_beyond += 1;
                told.skipped = number.value - before.value - 1;
                self.leave_out(Hole {
                    prefix: number.prefix,
                    first: before.value + 1,
                    last: number.value - 1,
                });
            }
            if told.is_repeat && number.value < before.value {
                return told;
            }
        }
        self.number = Some(number);
        told
    }

    fn leave_out(&mut self, hole: Hole) {
        if self.holes.len() == MOST_HOLES {
            self.holes.pop_front();
        }
        self.holes.push_back(hole);
    }

    /// Whether the number was left out; now it is no longer.
    fn fill(&mut self, number: Numbered) -> bool {
        let Numbered { prefix, value } = number;
        let is_in =
            |hole: &Hole| hole.prefix == prefix && (hole.first..=hole.last).contains(&value);
        let Some(at) = self.holes.iter().rposition(is_in) else { return false };
        let Some(Hole { first, last, .. }) = self.holes.remove(at) else { return false };
        if value < last {
            self.holes.insert(at, Hole { prefix, first: value + 1, last });
        }
        if first < value && self.holes.len() < MOST_HOLES {
            self.holes.insert(at, Hole { prefix, first, last: value - 1 });
        }
        true
    }

    /// Whether so many numbers came one by one below the others that these are a new count.
    fn begins_anew(&mut self, number: Numbered) -> bool {
        let before = self.below.filter(|(before, _)| {
            before.prefix == number.prefix && before.value + 1 == number.value
        });
        let steps = before.map_or(0, |(_, steps)| steps + 1);
        self.below = (steps < FEWEST_STEPS).then_some((number, steps));
        self.below.is_none()
    }

    /// Whether the IDs count one by one, so that a number left out is an event that did not come.
    pub(super) const fn counts_one_by_one(&self) -> bool {
        let steps = self.steps_of_one + self.steps_beyond;
        steps >= FEWEST_STEPS && self.steps_of_one >= steps - steps / 10
    }

    fn remember(&mut self, hash: u64) {
        if self.latest.len() == REMEMBERED
            && let Some(oldest) = self.latest.pop_front()
            && let Some(count) = self.known.get_mut(&oldest)
        {
            *count -= 1;
            if *count == 0 {
                self.known.remove(&oldest);
            }
        }
        self.latest.push_back(hash);
        *self.known.entry(hash).or_default() += 1;
    }

    /// The number at the end of an ID, and what stands before it.
    fn numbered(&self, id: &str) -> Option<Numbered> {
        let digits = id.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (prefix, number) = id.split_at(id.len() - digits);
        Some(Numbered { prefix: self.hasher.hash_one(prefix), value: number.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(ids: &[&str]) -> (Vec<Told>, Trail) {
        let mut trail = Trail::default();
        let told = ids.iter().map(|id| trail.next(id)).collect();
        (told, trail)
    }

    #[test]
    fn what_comes_again_is_a_repeat_and_no_step() {
        let (told, _) = follow(&["e-1", "e-2", "e-3", "e-2", "e-3", "e-4"]);
        let repeats: Vec<_> = told.iter().map(|told| told.is_repeat).collect();
        assert_eq!(repeats, [false, false, false, true, true, false]);
        assert!(told.iter().all(|told| told.skipped == 0 && !told.is_out_of_order));
    }

    #[test]
    fn numbers_left_out_are_missing_only_where_they_count_one_by_one() {
        let ids: Vec<String> = (1..=20).chain(25..=40).map(|n| format!("e-{n}")).collect();
        let (told, trail) = follow(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(trail.counts_one_by_one());
        assert_eq!(told.iter().map(|told| told.skipped).sum::<u64>(), 4);
        let (_, trail) = follow(&["1", "5", "9", "10", "17", "21", "22", "40", "41", "50"]);
        assert!(!trail.counts_one_by_one());
        let (_, trail) = follow(&["1", "2", "3"]);
        assert!(!trail.counts_one_by_one(), "too few to tell");
    }

    #[test]
    fn what_comes_late_fills_what_was_left_out_and_nothing_else() {
        let (told, _) = follow(&["1", "5", "3", "2", "0", "6"]);
        let late: Vec<_> = told.iter().map(|told| told.is_late).collect();
        assert_eq!(late, [false, false, true, true, false, false]);
        assert_eq!(told.iter().map(|told| told.skipped).sum::<u64>(), 3);
    }

    #[test]
    fn a_count_that_begins_anew_is_followed() {
        let ids: Vec<String> = (100..120).chain(1..30).map(|n| n.to_string()).collect();
        let (told, _) = follow(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let out = told.iter().filter(|told| told.is_out_of_order).count() as u64;
        assert_eq!(out, FEWEST_STEPS);
        assert!(told.iter().all(|told| told.skipped == 0 && !told.is_repeat));
    }

    #[test]
    fn a_smaller_number_that_is_new_is_out_of_order() {
        let (told, _) = follow(&["1", "2", "4", "3", "5", "x", "", "6"]);
        let out: Vec<_> = told.iter().map(|told| told.is_out_of_order).collect();
        assert_eq!(out, [false, false, false, true, false, false, false, false]);
    }
}
