//! What the IDs of events tell: what came again, what is missing, what came out of order.

use alloc::collections::VecDeque;
use core::{hash::BuildHasher, num::NonZeroU32, ops::Range};
use std::collections::HashMap;

// IDs are a server's, so the hash is keyed; there are many, so it is quick.
use foldhash::fast::{FixedState, RandomState};

use super::{report::Numbering, steps::Steps};

/// How many of the latest IDs are remembered to be known again: a resume that goes further back
/// than that is seldom.
const REMEMBERED: usize = 1 << 16;

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
    holes: VecDeque<Hole>,
    missing: u64,
    /// The latest number below it that was in no hole.
    below: Option<Below>,
    /// Steps from one number to the next higher one.
    steps: Steps,
    /// Those within attempts alone: what is lost between two says nothing of how a server counts.
    steps_within: Steps,
    /// Whether the attempt brought a number so far.
    is_within: bool,
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

/// Numbers that one step left out.
#[derive(Clone, Debug)]
struct Hole {
    numbers: Range<u64>,
    /// Whether the step lies within an attempt.
    is_within: bool,
}

#[derive(Clone, Copy, Debug)]
struct Below {
    latest: u64,
    /// How many steps of one led there, and how many of these lie within attempts.
    steps: u64,
    within: u64,
}

#[derive(Clone, Copy, Debug)]
struct Numbered {
    prefix: u64,
    value: u64,
}

/// What an ID tells about its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// It came before; without a number, not in another attempt with other data. What is told so of numbers
    /// [may be taken back](Self::new_after_all).
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
        // What has no number says nothing of a server that counts.
        match is_another.filter(|_| number.is_some()) {
            Some(true) => self.others += 1,
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
        let is_within = core::mem::replace(&mut self.is_within, true);
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
            self.step(before.value, number, is_within, &mut told);
        } else if !self.fill(number.value) {
            self.step_below(number, is_within, &mut told);
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
                let next = Numbered { value: number.value + 1, ..number };
                self.step(before.value, next, false, &mut told);
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
        self.is_within = false;
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
    pub(super) fn numbering(&self) -> Numbering {
        if !self.has_ids {
            return Numbering::NoIds;
        }
        let numbering = self.steps.numbering_with(self.steps_within);
        if numbering == Numbering::OneByOne && self.began_anew {
            return Numbering::Anew;
        }
        numbering
    }

    /// How many numbers were left out, and did not come late either.
    pub(super) const fn missing(&self) -> u64 {
        self.missing
    }

    fn step(&mut self, before: u64, number: Numbered, is_within: bool, told: &mut Told) {
        self.number = Some(number);
        self.below = None;
        told.skipped = number.value - before - 1;
        self.steps.step(told.skipped);
        if is_within {
            self.steps_within.step(told.skipped);
        }
        if told.skipped == 0 {
            return;
        }
        self.missing = self.missing.saturating_add(told.skipped);
        if self.holes.len() == MOST_HOLES {
            self.holes.pop_front();
        }
        self.holes.push_back(Hole { numbers: before + 1..number.value, is_within });
    }

    /// Whether it was left out so far.
    fn fill(&mut self, value: u64) -> bool {
        let at = self.holes.partition_point(|hole| hole.numbers.end <= value);
        let Some(hole) = self.holes.get_mut(at).filter(|hole| hole.numbers.contains(&value)) else {
            return false;
        };
        self.missing -= 1;
        let Hole { numbers, is_within } = hole;
        let is_within = *is_within;
        let beside = u64::from(value == numbers.start) + u64::from(value + 1 == numbers.end);
        self.steps.fill(beside);
        if is_within {
            // Of a step between two attempts nothing was counted here that could become two.
            self.steps_within.fill(beside);
        }
        let after = value + 1..numbers.end;
        numbers.end = value;
        if numbers.is_empty() {
            self.holes.remove(at);
        }
        if !after.is_empty() {
            if self.holes.len() == MOST_HOLES {
                self.holes.pop_front();
            }
            let at = self.holes.partition_point(|hole| hole.numbers.end <= value);
            self.holes.insert(at, Hole { numbers: after, is_within });
        }
        true
    }

    fn step_below(&mut self, number: Numbered, is_within: bool, told: &mut Told) {
        let latest = number.value;
        let (steps, within) = match self.below {
            Some(below) if latest == below.latest + 1 => {
                (below.steps + 1, below.within + u64::from(is_within))
            }
            _ => (0, 0),
        };
        if steps < ANEW {
            self.below = Some(Below { latest, steps, within });
            told.is_out_of_order = true;
            return;
        }
        (0..steps).for_each(|_| self.steps.step(0));
        (0..within).for_each(|_| self.steps_within.step(0));
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
mod tests;
