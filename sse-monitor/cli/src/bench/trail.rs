//! What each connection saw of a numbered sequence: gaps, repeats, order.

use core::hash::BuildHasher;
use std::collections::{HashMap, HashSet, hash_map::RandomState};

use sse_monitor_engine::query::{Numbering, Steps};

/// How far back a number is known exactly; further back it counts as a repeat.
const WINDOW: u64 = 1024;

/// IDs beyond so many are not looked at.
const MOST_IDS: usize = 1 << 20;

/// The numbers that one connection saw.
#[derive(Clone, Debug, Default)]
struct Trail {
    /// The first number that it should have seen, and the last that it has.
    first: Option<u64>,
    last: u64,
    distinct: u64,
    repeated: u64,
    out_of_order: u64,
    /// From one number to the next within an attempt.
    steps: Steps,
    /// Whether the attempt brought a number so far.
    is_within: bool,
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
    fn begins_at(&mut self, number: u64) {
        self.first = Some(number);
    }

    fn saw(&mut self, number: u64) {
        let is_within = core::mem::replace(&mut self.is_within, true);
        let first = *self.first.get_or_insert(number);
        if self.distinct == 0 {
            self.last = number;
        } else if number > self.last {
            if is_within {
                self.steps.step(number - self.last - 1);
            }
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
    fn told(&self, end: Option<u64>) -> Told {
        let last = end.unwrap_or(0).max(if self.distinct > 0 { self.last } else { 0 });
        let due = self.first.map_or(0, |first| (last + 1).saturating_sub(first));
        self.told_of(due)
    }

    /// What it saw of these numbers, in order, which are all that there are.
    fn told_among(&self, known: &[u64]) -> Told {
        let before = |number: u64| known.partition_point(|&other| other < number);
        let due = self.first.map_or(0, |first| before(self.last + 1).saturating_sub(before(first)));
        self.told_of(due as u64)
    }

    fn told_of(&self, due: u64) -> Told {
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

/// A number, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// One by one: none is left out.
    OneByOne(u64),
    /// The number that an ID ends in; those between need not exist.
    OfId(u64),
}

/// What one connection saw of both.
#[derive(Clone, Debug, Default)]
pub(super) struct Trails {
    one_by_one: Trail,
    of_ids: Trail,
}

impl Trails {
    /// It should see all from this one on.
    pub(super) fn begins_at(&mut self, number: u64) {
        self.one_by_one.begins_at(number);
    }

    /// Another attempt begins: what was lost before it says nothing of how a server counts.
    pub(super) const fn begin_attempt(&mut self) {
        self.of_ids.is_within = false;
    }

    /// What the numbers of IDs tell, as far as they came within attempts.
    pub(super) const fn steps(&self) -> Steps {
        self.of_ids.steps
    }

    pub(super) fn saw(&mut self, number: Number) {
        match number {
            Number::OneByOne(number) => self.one_by_one.saw(number),
            Number::OfId(number) => self.of_ids.saw(number),
        }
    }

    /// What it saw of all that `known` has, and up to `end` where it was there to the end.
    pub(super) fn told(&self, end: Option<u64>, known: &Known) -> Told {
        let mut told = self.one_by_one.told(end);
        told += if known.numbering == Numbering::OneByOne {
            self.of_ids.told(None)
        } else {
            self.of_ids.told_among(&known.numbers)
        };
        told
    }
}

/// The numbers that any connection saw of IDs.
#[derive(Debug)]
pub(super) struct Known {
    /// In order.
    numbers: Vec<u64>,
    /// What they tell of those that none saw.
    pub(super) numbering: Numbering,
}

/// Numbers IDs. Those that differ in the number at their end are numbered by that; others in the order in
/// which any connection first saw them, which is that of the stream where no connection misses one.
#[derive(Debug, Default)]
pub(super) struct Ids {
    hasher: RandomState,
    /// What stands before the number in the first ID, and in all that are numbered by it.
    prefix: Option<String>,
    of_ids: HashSet<u64>,
    one_by_one: HashMap<u64, u64>,
    pub(super) is_full: bool,
}

impl Ids {
    pub(super) fn number(&mut self, id: &str) -> Option<Number> {
        let has_room = self.of_ids.len() + self.one_by_one.len() < MOST_IDS;
        let prefix = id.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = id[prefix.len()..].parse().ok().filter(|number| *number < u64::MAX);
        if let Some(number) = number
            && *self.prefix.get_or_insert_with(|| prefix.to_owned()) == prefix
        {
            let is_known =
                self.of_ids.contains(&number) || (has_room && self.of_ids.insert(number));
            self.is_full |= !is_known;
            return is_known.then_some(Number::OfId(number));
        }
        let hash = self.hasher.hash_one(id);
        let next = self.one_by_one.len() as u64;
        let known = self.one_by_one.get(&hash).copied();
        self.is_full |= known.is_none() && !has_room;
        let number =
            known.or_else(|| has_room.then(|| *self.one_by_one.entry(hash).or_insert(next)));
        number.map(Number::OneByOne)
    }

    /// The numbers of all IDs that were numbered by their own. `within` are all connections' steps from one to the
    /// next.
    pub(super) fn known(&self, within: Steps) -> Known {
        let mut numbers: Vec<_> = self.of_ids.iter().copied().collect();
        numbers.sort_unstable();
        let mut steps = Steps::default();
        numbers.windows(2).for_each(|pair| steps.step(pair[1] - pair[0] - 1));
        let numbering = if !self.one_by_one.is_empty() {
            // Of others it cannot be known what none saw.
            Numbering::NotOneByOne
        } else if numbers.is_empty() {
            Numbering::NoIds
        } else {
            steps.numbering_with(within)
        };
        Known { numbers, numbering }
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
    fn ids_are_numbered_by_their_own_number_or_as_they_come() {
        let mut ids = Ids::default();
        let numbers = ["a-7", "b", "a-9", "c", "b", "d-1", "a-7"].map(|id| ids.number(id).unwrap());
        let (own, seen) = (Number::OfId, Number::OneByOne);
        assert_eq!(numbers, [own(7), seen(0), own(9), seen(1), seen(0), seen(2), own(7)]);
        assert_eq!(ids.known(Steps::default()).numbers, [7, 9]);
    }

    #[test]
    fn only_what_another_saw_is_missing_whoever_was_first() {
        for order in [[0, 1], [1, 0]] {
            let seen = [&["1", "4", "4"][..], &["1", "2", "4"]];
            let (mut ids, mut trails) = (Ids::default(), [Trails::default(), Trails::default()]);
            for at in order {
                seen[at].iter().for_each(|id| trails[at].saw(ids.number(id).unwrap()));
            }
            let known = ids.known(Steps::default());
            let told = trails.map(|trails| trails.told(None, &known));
            assert_eq!(told[0], Told { missed: 1, repeated: 1, out_of_order: 0 });
            assert_eq!(told[1], Told::default());
        }
    }

    /// What is missing by the IDs that each connection saw, and what they tell.
    fn missed(attempts: &[&[&[u64]]]) -> (u64, Numbering) {
        let mut ids = Ids::default();
        let trails: Vec<_> = attempts
            .iter()
            .map(|attempts| {
                let mut trails = Trails::default();
                for attempt in *attempts {
                    trails.begin_attempt();
                    attempt
                        .iter()
                        .for_each(|id| trails.saw(ids.number(&format!("e-{id}")).unwrap()));
                }
                trails
            })
            .collect();
        let mut within = Steps::default();
        trails.iter().for_each(|trails| within += trails.steps());
        let known = ids.known(within);
        (trails.iter().map(|trails| trails.told(None, &known).missed).sum(), known.numbering)
    }

    #[test]
    fn what_no_connection_saw_is_missing_where_ids_count_one_by_one() {
        let all: Vec<u64> = (1..=20).chain(26..=40).collect();
        assert_eq!(missed(&[&[&all], &[&all]]), (10, Numbering::OneByOne));
        assert_eq!(missed(&[&[&all]]), (5, Numbering::OneByOne));
        // At each reconnect one is lost.
        let cut: Vec<Vec<u64>> = (0..5).map(|n| (7 * n..7 * n + 6).collect()).collect();
        let cut: Vec<_> = cut.iter().map(Vec::as_slice).collect();
        assert_eq!(missed(&[&cut]), (4, Numbering::OneByOne));
        let tens: Vec<u64> = (0..20).map(|n| n * 10).collect();
        assert_eq!(missed(&[&[&tens], &[&tens[..9], &tens[10..]]]), (1, Numbering::NotOneByOne));
    }
}
