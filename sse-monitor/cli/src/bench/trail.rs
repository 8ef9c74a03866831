//! What each connection saw of a numbered sequence: gaps, repeats, order.

use core::hash::BuildHasher;
use std::collections::{HashMap, hash_map::RandomState};

/// How far back a number is known exactly; further back it counts as a repeat.
const WINDOW: u64 = 1024;

/// IDs beyond so many are not looked at.
const MOST_IDS: usize = 1 << 20;

/// The numbers that one connection saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// The first number that it should have seen, and the last that it has.
    first: Option<u64>,
    last: u64,
    distinct: u64,
    repeated: u64,
    out_of_order: u64,
    /// A bit for each of the latest numbers, by its rest.
    window: [u64; (WINDOW / 64) as usize],
}

/// What is told of a connection, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) missed: u64,
    pub(super) repeated: u64,
    pub(super) out_of_order: u64,
}

impl Trail {
    /// It should see all numbers from this one on.
    pub(super) fn begins_at(&mut self, number: u64) {
        self.first = Some(number);
    }

    pub(super) fn saw(&mut self, number: u64) {
        let first = *self.first.get_or_insert(number);
        if self.distinct == 0 {
            self.last = number;
        } else if number > self.last {
            // The bits of those between stood for numbers that are too old now.
            for between in (self.last + 1..number).take(WINDOW as usize) {
                self.mark(between, false);
            }
            self.last = number;
        } else if number < first || self.last - number >= WINDOW || self.is_marked(number) {
            self.repeated += 1;
            return;
        } else {
            self.out_of_order += 1;
        }
        self.mark(number, true);
        self.distinct += 1;
    }

    /// What it saw, of all up to `end` where it was there to the end.
    pub(super) fn told(&self, end: Option<u64>) -> Told {
        let last = end.unwrap_or(0).max(if self.distinct > 0 { self.last } else { 0 });
        let due = self.first.map_or(0, |first| (last + 1).saturating_sub(first));
        Told {
            missed: due.saturating_sub(self.distinct),
            repeated: self.repeated,
            out_of_order: self.out_of_order,
        }
    }

    fn is_marked(&self, number: u64) -> bool {
        let at = number % WINDOW;
        self.window[(at / 64) as usize] & (1 << (at % 64)) != 0
    }

    fn mark(&mut self, number: u64, seen: bool) {
        let at = number % WINDOW;
        let word = &mut self.window[(at / 64) as usize];
        if seen {
            *word |= 1 << (at % 64);
        } else {
            *word &= !(1 << (at % 64));
        }
    }
}

impl core::ops::AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        self.missed += other.missed;
        self.repeated += other.repeated;
        self.out_of_order += other.out_of_order;
    }
}

/// Numbers IDs in the order in which any connection first saw them: where all connections are of one
/// stream, that is the stream's order.
#[derive(Debug, Default)]
pub(super) struct Ids {
    hasher: RandomState,
    numbers: HashMap<u64, u64>,
    pub(super) is_full: bool,
}

impl Ids {
    pub(super) fn number(&mut self, id: &str) -> Option<u64> {
        let hash = self.hasher.hash_one(id);
        let next = self.numbers.len() as u64;
        if self.numbers.len() < MOST_IDS {
            return Some(*self.numbers.entry(hash).or_insert(next));
        }
        let known = self.numbers.get(&hash).copied();
        self.is_full |= known.is_none();
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &[u64], end: Option<u64>) -> Told {
        let mut trail = Trail::default();
        numbers.iter().for_each(|&number| trail.saw(number));
        trail.told(end)
    }

    #[test]
    fn gaps_repeats_and_order_are_told_apart() {
        let all = |missed, repeated, out_of_order| Told { missed, repeated, out_of_order };
        assert_eq!(told(&[], None), all(0, 0, 0));
        assert_eq!(told(&[5, 6, 7], None), all(0, 0, 0));
        assert_eq!(told(&[5, 8], None), all(2, 0, 0));
        assert_eq!(told(&[5, 6], Some(9)), all(3, 0, 0));
        assert_eq!(told(&[5, 7, 6, 7, 5], None), all(0, 2, 1));
        assert_eq!(told(&[1, 5_000, 3_000, 4_999], None), all(4_997, 1, 1));
        // A number that has the place in the window of an old one is not taken for it.
        assert_eq!(told(&[1, 2, 1_026, 1_025], None), all(1_022, 0, 1));
    }

    #[test]
    fn a_connection_that_saw_nothing_missed_all() {
        let mut trail = Trail::default();
        trail.begins_at(1);
        assert_eq!(trail.told(Some(10)).missed, 10);
        assert_eq!(trail.told(None).missed, 0, "it was gone before, so nobody can say");
    }

    #[test]
    fn ids_are_numbered_as_they_come() {
        let mut ids = Ids::default();
        let numbers = ["a", "b", "a", "c"].map(|id| ids.number(id));
        assert_eq!(numbers, [Some(0), Some(1), Some(0), Some(2)]);
    }
}
