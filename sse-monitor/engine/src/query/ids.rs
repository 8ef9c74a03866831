//! What the IDs of events tell: what came again, what is missing, what came out of order.

use alloc::collections::VecDeque;
use core::{hash::BuildHasher, num::NonZeroU32, ops::Range};
use std::collections::HashMap;

// IDs are a server's, so the hash is keyed; there are many, so it is quick.
use foldhash::fast::{FixedState, RandomState};

use super::report::Numbering;

/// How many of the latest IDs are remembered to be known again: a resume that goes further back
/// than that is seldom.
const REMEMBERED: usize = 1 << 16;

/// Before so many steps nothing is said about what is missing.
const FEWEST_STEPS: u64 = 8;

/// So many steps of one, at numbers that are below the latest and never were left out, are those of a server
/// that counts anew. So is it with so many numbers in a row that came in an earlier attempt with other data.
const ANEW: u64 = 3;

/// How many runs of numbers left out are remembered, to be known when they come late.
const MOST_HOLES: usize = 1024;

/// Follows the IDs of a session, in order.
#[derive(Debug, Default)]
pub(super) struct Trail {
    hasher: RandomState,
    /// The hashes of the latest IDs, and how often each is among them.
    latest: VecDeque<u64>,
    known: HashMap<u64, Known, RandomState>,
    /// Counts the attempts, and the events in the latest whose IDs were known.
    attempt: u32,
    repeats: u64,
    /// How many numbers in a row came with other data than in an earlier attempt.
    others: u64,
    /// The latest ID that ends in a number.
    number: Option<Numbered>,
    /// Numbers below it that were left out so far, the lowest first.
    holes: VecDeque<Range<u64>>,
    missing: u64,
    /// The latest number below it that was in no hole, and how many steps of one led there.
    below: Option<(u64, u64)>,
    /// Steps from one number to the next, and all other steps forward.
    steps_of_one: u64,
    steps_beyond: u64,
    /// Whether any event had an ID, and any a number that goes on from none before.
    has_ids: bool,
    began_anew: bool,
}

/// An ID among the latest.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// How often it is among them.
    count: u32,
    /// The attempt that it came in last, and the data that came with it.
    attempt: u32,
    data: DataSeen,
}

/// An event's data, as far as it is remembered to be known again: in eight bytes, since many are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataSeen {
    pub(crate) length: u32,
    /// `None`: it was too long to be looked at.
    pub(crate) sum: Option<NonZeroU32>,
}

impl Default for DataSeen {
    fn default() -> Self {
        Self::NEVER
    }
}

impl DataSeen {
    /// Of data that is longer its length alone tells, since not all of it is held while it comes.
    pub(crate) const MOST_SUMMED: u32 = 32 << 10;

    /// Of an ID that came without an event. No data is as long.
    const NEVER: Self = Self { length: u32::MAX, sum: None };

    /// Of an ID that several events had in one attempt: with which of them it comes again nobody can tell.
    const SEVERAL: Self = Self { length: u32::MAX, sum: Some(NonZeroU32::MIN) };

    /// Always the same for the same data.
    pub(crate) fn sum(data: &str) -> Option<NonZeroU32> {
        if data.len() > Self::MOST_SUMMED as usize {
            return None;
        }
        let sum = FixedState::default().hash_one(data.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "as many bits as are kept of it")]
        NonZeroU32::new(sum as u32 | 1)
    }

    /// Whether they are known to be two; `None` where of one nothing is known.
    fn is_another(&self, other: &Self) -> Option<bool> {
        if [self, other].iter().any(|data| data.length == u32::MAX) {
            return None;
        }
        let sums = self.sum.zip(other.sum);
        Some(self.length != other.length || sums.is_some_and(|(one, other)| one != other))
    }
}

#[derive(Clone, Copy, Debug)]
struct Numbered {
    prefix: u64,
    value: u64,
}

/// What an ID tells about its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// It came before, and not in another attempt with other data.
    pub(super) is_repeat: bool,
    /// Its number is smaller than the largest so far, and it did not come before.
    pub(super) is_out_of_order: bool,
    /// How many numbers lie between it and the one before.
    pub(super) skipped: u64,
    /// So many that were told to be out of order are not, since the numbers began anew with them.
    pub(super) in_order_after_all: u64,
    /// So many that were told to be repeats are not, for the same reason.
    pub(super) new_after_all: u64,
}

impl Trail {
    /// The next event that has an ID of its own, or another than the one before, and this data.
    pub(super) fn next(&mut self, id: &str, data: DataSeen) -> Told {
        let mut told = Told::default();
        if id.is_empty() {
            return told;
        }
        self.has_ids = true;
        let hash = self.hasher.hash_one(id);
        let number = self.numbered(id);
        let is_another = self.is_another(hash, &data);
        match is_another {
            Some(true) => self.others += u64::from(number.is_some()),
            Some(false) => self.others = 0,
            None => {}
        }
        if let Some(number) = number.filter(|_| self.others >= ANEW) {
            // A server that goes on sends the same again: this one counts anew, from where the attempt began.
            told.new_after_all = core::mem::take(&mut self.repeats);
            self.others = 0;
            self.remember(hash, data);
            self.forget_earlier_attempts();
            self.go_on_from(number);
            return told;
        }
        // A number that came with other data once may be of a server that writes the time into what it sends again.
        told.is_repeat =
            self.known.contains_key(&hash) && (number.is_some() || is_another != Some(true));
        self.repeats += u64::from(told.is_repeat);
        self.remember(hash, data);
        let Some(number) = number else { return told };
        let Some(before) = self.number.filter(|before| before.prefix == number.prefix) else {
            self.go_on_from(number);
            return told;
        };
        if told.is_repeat {
            // What comes again is no step; the steps go on where it began.
            if number.value > before.value {
                self.number = Some(number);
            }
        } else if number.value > before.value {
            self.step(before.value, number, &mut told);
        } else if !self.fill(number.value) {
            self.step_below(number, &mut told);
        } else {
            told.is_out_of_order = true;
        }
        told
    }

    /// A hub says that events up to this ID were lost; its own event has none.
    pub(super) fn reset(&mut self, id: &str) -> Told {
        let Some(number) = self.numbered(id) else { return Told::default() };
        let mut told = Told::default();
        match self.number.filter(|before| before.prefix == number.prefix) {
            Some(before) if number.value > before.value => {
                self.step(before.value, Numbered { value: number.value + 1, ..number }, &mut told);
                self.number = Some(number);
            }
            Some(_) => {}
            None => self.go_on_from(number),
        }
        told
    }

    /// A request goes on after this ID, which may have come without an event, or in another session.
    pub(super) fn resumed(&mut self, id: &str) {
        self.attempt = self.attempt.wrapping_add(1);
        self.repeats = 0;
        self.others = 0;
        if id.is_empty() {
            return;
        }
        let hash = self.hasher.hash_one(id);
        if self.known.contains_key(&hash) {
            return;
        }
        self.remember(hash, DataSeen::NEVER);
        if let Some(number) = self.numbered(id) {
            match self.number.filter(|before| before.prefix == number.prefix) {
                Some(before) if number.value <= before.value => {}
                Some(_) => self.number = Some(number),
                None => self.go_on_from(number),
            }
        }
    }

    /// What the numbers tell.
    pub(super) const fn numbering(&self) -> Numbering {
        let steps = self.steps_of_one + self.steps_beyond;
        if !self.has_ids {
            Numbering::NoIds
        } else if self.steps_of_one < steps - steps / 10 {
            Numbering::NotOneByOne
        } else if steps < FEWEST_STEPS {
            Numbering::TooFew
        } else if self.began_anew {
            Numbering::Anew
        } else {
            Numbering::OneByOne
        }
    }

    /// How many numbers were left out, and did not come late either.
    pub(super) const fn missing(&self) -> u64 {
        self.missing
    }

    fn step(&mut self, before: u64, number: Numbered, told: &mut Told) {
        self.number = Some(number);
        self.below = None;
        told.skipped = number.value - before - 1;
        if told.skipped == 0 {
            self.steps_of_one += 1;
            return;
        }
        self.steps_beyond += 1;
        self.missing = self.missing.saturating_add(told.skipped);
        if self.holes.len() == MOST_HOLES {
            self.holes.pop_front();
        }
        self.holes.push_back(before + 1..number.value);
    }

    /// Whether it was left out so far.
    fn fill(&mut self, value: u64) -> bool {
        let at = self.holes.partition_point(|hole| hole.end <= value);
        let Some(hole) = self.holes.get_mut(at).filter(|hole| hole.contains(&value)) else {
            return false;
        };
        self.missing -= 1;
        let after = value + 1..hole.end;
        hole.end = value;
        if hole.is_empty() {
            self.holes.remove(at);
        }
        if !after.is_empty() {
            if self.holes.len() == MOST_HOLES {
                self.holes.pop_front();
            }
            let at = self.holes.partition_point(|hole| hole.end <= value);
            self.holes.insert(at, after);
        }
        true
    }

    fn step_below(&mut self, number: Numbered, told: &mut Told) {
        let steps = match self.below {
            Some((latest, steps)) if number.value == latest + 1 => steps + 1,
            _ => 0,
        };
        if steps < ANEW {
            self.below = Some((number.value, steps));
            told.is_out_of_order = true;
            return;
        }
        self.steps_of_one += steps;
        told.in_order_after_all = steps;
        self.go_on_from(number);
    }

    /// What was left out before does not come any more.
    fn go_on_from(&mut self, number: Numbered) {
        self.began_anew |= self.number.is_some();
        self.number = Some(number);
        self.holes.clear();
        self.below = None;
    }

    /// Whether an ID came in an earlier attempt with other data; `None` where there is nothing to compare it with.
    fn is_another(&self, hash: u64, data: &DataSeen) -> Option<bool> {
        match self.known.get(&hash) {
            Some(known) if known.attempt != self.attempt => data.is_another(&known.data),
            Some(_) => None,
            None => Some(false),
        }
    }

    fn forget_earlier_attempts(&mut self) {
        self.known.retain(|_, known| known.attempt == self.attempt);
        self.latest.retain(|hash| self.known.contains_key(hash));
    }

    fn remember(&mut self, hash: u64, data: DataSeen) {
        if self.latest.len() == REMEMBERED
            && let Some(oldest) = self.latest.pop_front()
            && let Some(known) = self.known.get_mut(&oldest)
        {
            known.count -= 1;
            if known.count == 0 {
                self.known.remove(&oldest);
            }
        }
        self.latest.push_back(hash);
        let known = self.known.entry(hash).or_default();
        let is_second =
            known.count > 0 && known.attempt == self.attempt && known.data != DataSeen::NEVER;
        let data = if is_second { DataSeen::SEVERAL } else { data };
        *known = Known { count: known.count + 1, attempt: self.attempt, data };
    }

    /// The number at the end of an ID, and what stands before it.
    fn numbered(&self, id: &str) -> Option<Numbered> {
        let digits = id.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (prefix, number) = id.split_at(id.len() - digits);
        let value = number.parse().ok().filter(|value| *value < u64::MAX)?;
        Some(Numbered { prefix: self.hasher.hash_one(prefix), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_DATA: DataSeen = DataSeen { length: 0, sum: None };

    fn of(text: &str) -> DataSeen {
        let length = u32::try_from(text.len()).unwrap();
        DataSeen { length, sum: DataSeen::sum(text) }
    }

    fn follow(ids: &[&str]) -> (Vec<Told>, Trail) {
        let mut trail = Trail::default();
        let told = ids.iter().map(|id| trail.next(id, NO_DATA)).collect();
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
        assert_eq!(trail.numbering(), Numbering::OneByOne);
        assert_eq!(told.iter().map(|told| told.skipped).sum::<u64>(), 4);
        let (_, trail) = follow(&["1", "5", "9", "10", "17", "21", "22", "40", "41", "50"]);
        assert_eq!(trail.numbering(), Numbering::NotOneByOne);
        let (_, trail) = follow(&["1", "2", "3"]);
        assert_eq!(trail.numbering(), Numbering::TooFew);
        let (_, trail) = follow(&["", ""]);
        assert_eq!(trail.numbering(), Numbering::NoIds);
    }

    #[test]
    fn a_smaller_number_that_is_new_is_out_of_order() {
        let (told, _) = follow(&["1", "2", "4", "3", "5", "x", "", "6"]);
        let out: Vec<_> = told.iter().map(|told| told.is_out_of_order).collect();
        assert_eq!(out, [false, false, false, true, false, false, false, false]);
    }

    fn numbers(trail: &mut Trail, numbers: impl IntoIterator<Item = u64>) -> (u64, u64, u64) {
        let mut sums = (0, 0, 0);
        for number in numbers {
            let told = trail.next(&format!("e-{number}"), NO_DATA);
            sums.0 += u64::from(told.is_repeat);
            sums.1 += u64::from(told.is_out_of_order);
            sums.1 -= told.in_order_after_all;
            sums.2 += told.skipped;
        }
        sums
    }

    #[test]
    fn what_comes_late_fills_what_was_left_out_and_nothing_else_does() {
        let mut trail = Trail::default();
        assert_eq!(numbers(&mut trail, (11..=30).chain(41..=50)), (0, 0, 10));
        assert_eq!(trail.missing(), 10);
        // In the middle, at an end, and what is left in one go.
        assert_eq!(numbers(&mut trail, [35, 31, 40, 32, 33, 34, 36]), (0, 7, 0));
        assert_eq!(trail.missing(), 3);
        // A number from before the beginning was never missed.
        assert_eq!(numbers(&mut trail, [7, 5]), (0, 2, 0));
        assert_eq!(numbers(&mut trail, [37, 38, 39, 51]), (0, 3, 0));
        assert_eq!((trail.missing(), trail.holes.len()), (0, 0));
        assert_eq!(trail.numbering(), Numbering::OneByOne);
    }

    #[test]
    fn numbers_that_begin_anew_are_in_order_and_hide_no_hole() {
        let mut trail = Trail::default();
        numbers(&mut trail, (5_001..=5_040).chain(5_044..=5_080));
        // The server was started again, and lost two events more.
        assert_eq!(numbers(&mut trail, (1..=500).chain(503..=600)), (0, 0, 2));
        assert_eq!(trail.missing(), 5);
        // What it had not sent before that is in no number.
        assert_eq!(trail.numbering(), Numbering::Anew);
    }

    #[test]
    fn what_was_lost_with_another_epoch_is_not_to_be_told() {
        let mut trail = Trail::default();
        numbers(&mut trail, 1..=20);
        assert_eq!(trail.numbering(), Numbering::OneByOne);
        trail.next("f-0", NO_DATA);
        (1..=20).for_each(|n| assert_eq!(trail.next(&format!("f-{n}"), NO_DATA), Told::default()));
        assert_eq!((trail.numbering(), trail.missing()), (Numbering::Anew, 0));
        // Nor where the hub says so.
        let mut trail = Trail::default();
        trail.resumed("e-5");
        numbers(&mut trail, 6..=20);
        assert_eq!(trail.reset("f-7"), Told::default());
        assert_eq!(trail.numbering(), Numbering::Anew);
    }

    #[test]
    fn the_same_ids_with_other_data_in_another_attempt_are_of_a_server_that_counts_anew() {
        let attempts = |texts: [&str; 2]| {
            let mut trail = Trail::default();
            let (mut repeated, mut missed) = (0, 0);
            for (end, text) in [50, 60].into_iter().zip(texts) {
                trail.resumed(if end == 50 { "" } else { "50" });
                for n in 1..=end {
                    // The first of them is the same by chance.
                    let data = if n == 1 { of("same") } else { of(text) };
                    let told = trail.next(&n.to_string(), data);
                    repeated += u64::from(told.is_repeat);
                    repeated -= told.new_after_all;
                    missed += told.skipped;
                }
            }
            (trail.numbering(), repeated, missed)
        };
        assert_eq!(attempts(["short", "longer"]), (Numbering::Anew, 0, 0));
        assert_eq!(attempts(["other", "again"]), (Numbering::Anew, 0, 0));
        assert_eq!(attempts(["again", "again"]), (Numbering::OneByOne, 50, 0));
        // What is too long to be looked at is taken for the same where it is as long.
        let long = |text: &str| text.repeat(DataSeen::MOST_SUMMED as usize + 1);
        assert_eq!(attempts([&long("a"), &long("b")]), (Numbering::OneByOne, 50, 0));
        assert_eq!(attempts([&long("a"), &long("bb")]), (Numbering::Anew, 0, 0));
        // Within one attempt it is the server's own affair.
        let mut trail = Trail::default();
        for n in 1..=20 {
            trail.next(&n.to_string(), of("one"));
        }
        assert!(trail.next("20", of("two")).is_repeat);
        assert_eq!(trail.numbering(), Numbering::OneByOne);
    }

    /// Whether each is a repeat, and what the numbers tell after a beginning that counts one by one.
    fn follow_attempts(attempts: &[&[(&str, &str)]]) -> (Vec<bool>, Numbering) {
        let mut trail = Trail::default();
        for n in 1..=20 {
            trail.next(&n.to_string(), of("same"));
        }
        let mut repeats = Vec::new();
        for attempt in attempts {
            trail.resumed("20");
            for (id, text) in *attempt {
                let told = trail.next(id, of(text));
                assert_eq!(told.new_after_all, 0);
                repeats.push(told.is_repeat);
            }
        }
        (repeats, trail.numbering())
    }

    #[test]
    fn events_that_share_an_id_in_an_attempt_are_repeats_when_they_come_again() {
        let batches = ["21", "22", "23", "24", "25"].map(|id| [(id, "a"), (id, "b")]);
        let batches = batches.as_flattened();
        let (repeats, numbering) = follow_attempts(&[batches, batches]);
        let first = [false, true].repeat(5);
        assert_eq!((repeats, numbering), ([first, vec![true; 10]].concat(), Numbering::OneByOne));
        // Cut within one: what is left of it comes under the same ID.
        let (repeats, numbering) =
            follow_attempts(&[&[("21", "a")], &[("21", "b"), ("22", "a")], &[("22", "b")]]);
        assert_eq!((repeats, numbering), (vec![false, true, false, true], Numbering::OneByOne));
    }

    #[test]
    fn a_heartbeat_with_the_latest_id_is_no_other_event_of_a_server_that_counts_anew() {
        let beat = |id, time| [(id, time)];
        let (repeats, numbering) = follow_attempts(&[
            &beat("20", "12:00:01"),
            &beat("20", "12:00:02"),
            &beat("20", "12:00:03"),
            &[("20", "12:00:04"), ("21", "same"), ("21", "12:00:05")],
            &[("21", "12:00:06"), ("22", "same")],
        ]);
        let expected = [true, true, true, true, false, true, true, false];
        assert_eq!((&repeats[..], numbering), (&expected[..], Numbering::OneByOne));
    }

    #[test]
    fn a_server_that_counts_anew_is_known_by_some_numbers_and_those_are_known_again() {
        let mut trail = Trail::default();
        for n in 1..=20 {
            trail.next(&n.to_string(), of("old"));
        }
        trail.resumed("20");
        let told = [1, 2, 3, 4].map(|n: u64| trail.next(&n.to_string(), of("new")));
        assert_eq!(told.map(|told| told.is_repeat), [true, true, false, false]);
        assert_eq!(told.map(|told| told.new_after_all), [0, 0, 2, 0]);
        assert_eq!(trail.numbering(), Numbering::Anew);
        trail.resumed("4");
        for n in 1..=4 {
            assert!(trail.next(&n.to_string(), of("new")).is_repeat, "{n}");
        }
    }

    #[test]
    fn an_id_without_a_number_comes_again_with_its_data_and_not_with_another() {
        let mut trail = Trail::default();
        trail.next("a-x", of("one"));
        trail.next("b-x", of("two"));
        trail.resumed("b-x");
        assert!(trail.next("a-x", of("one")).is_repeat);
        assert!(!trail.next("b-x", of("owt")).is_repeat);
    }

    #[test]
    fn what_a_hub_says_is_lost_is_missing() {
        let mut trail = Trail::default();
        numbers(&mut trail, 1..=20);
        // From 21 to 29: the reset has a place, and is no event.
        assert_eq!(trail.reset("e-29").skipped, 9);
        assert_eq!(numbers(&mut trail, 30..=40), (0, 0, 0));
        assert_eq!((trail.numbering(), trail.missing()), (Numbering::OneByOne, 9));
        assert_eq!(trail.reset("e-40"), Told::default(), "nothing was");
        assert_eq!(trail.reset("none"), Told::default());
    }

    #[test]
    fn a_trail_goes_on_from_the_id_that_was_sent() {
        let mut trail = Trail::default();
        trail.resumed("e-5");
        assert_eq!(numbers(&mut trail, [5]), (1, 0, 0));
        assert_eq!(numbers(&mut trail, 9..=20), (0, 0, 3));
        // It had moved on without an event.
        trail.resumed("e-30");
        trail.resumed("e-20");
        trail.resumed("");
        assert_eq!(numbers(&mut trail, 31..=40), (0, 0, 0));
        assert_eq!(trail.missing(), 3);
    }

    #[test]
    fn holes_are_remembered_up_to_a_limit() {
        let mut trail = Trail::default();
        let odd = |n: u64| 2 * n + 1;
        numbers(&mut trail, (0..=2 * MOST_HOLES as u64).map(odd));
        assert_eq!((trail.holes.len(), trail.missing()), (MOST_HOLES, 2 * MOST_HOLES as u64));
        // One that is forgotten stays missed, one that is not is filled.
        assert_eq!(numbers(&mut trail, [2, 4 * MOST_HOLES as u64]), (0, 2, 0));
        assert_eq!(
            (trail.holes.len(), trail.missing()),
            (MOST_HOLES - 1, 2 * MOST_HOLES as u64 - 1)
        );
        // Many that are split.
        let mut trail = Trail::default();
        numbers(&mut trail, [0, 1_000_000]);
        numbers(&mut trail, (0..3 * MOST_HOLES as u64).map(|n| 1_000 + 3 * n));
        assert_eq!(
            (trail.holes.len(), trail.missing()),
            (MOST_HOLES, 999_999 - 3 * MOST_HOLES as u64)
        );
    }
}
