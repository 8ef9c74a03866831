//! Which entries of a log belong to which topic or pattern.

use alloc::{boxed::Box, collections::VecDeque, vec, vec::Vec};
use core::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::{
    selector::{Selector, covers},
    topic::Topic,
};

/// Names, each with a number and the places of its entries.
///
/// A number is given to whatever has entries or is *pinned*, which is what subscribers do. There
/// may be a topic a subscriber, and nearly all of those never have an entry: so a name stands here
/// once, the table holds numbers only, and what belongs to entries is boxed.
///
/// Of topics that hold nothing any more, up to where they were trimmed is remembered singly for
/// some; all that were forgotten share one floor.
pub(crate) struct Index {
    /// Names come from strangers, so they are hashed with a seed.
    hasher: FixedState,
    numbers: HashTable<u32>,
    records: Vec<Record>,
    free: Vec<u32>,
    /// The numbers of the patterns in use.
    patterns: Vec<u32>,
    hollow: Hollow,
    /// Where a topic that is not known may have been trimmed.
    floor: u64,
    bytes: u64,
}

#[derive(Default)]
struct Record {
    /// Empty while the number is free.
    name: Box<str>,
    trimmed: u64,
    entries: Option<Box<Entries>>,
    pins: u32,
}

#[derive(Default)]
struct Entries {
    marks: VecDeque<Mark>,
    /// Cumulative bytes.
    bytes: u64,
    /// Of a topic: the patterns in use that match it.
    patterns: Box<[u32]>,
}

struct Mark {
    offset: u64,
    /// Cumulative bytes before this entry.
    begin: u64,
}

impl Mark {
    /// Twice its place: the table grows ahead.
    const COST: u64 = 2 * size_of::<Self>() as u64;
}

/// Topics that hold nothing, with the trim that made them so, in that order. One that no longer
/// tells the truth is passed over.
#[derive(Default)]
struct Hollow {
    queue: VecDeque<(u32, u32, u64)>,
    bytes: u64,
}

/// How many topics that hold nothing are remembered one by one.
const MAX_HOLLOW: usize = 16_384;

impl Index {
    pub(crate) fn new(seed: u64, floor: u64) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            numbers: HashTable::new(),
            records: Vec::new(),
            free: Vec::new(),
            patterns: Vec::new(),
            hollow: Hollow::default(),
            floor,
            bytes: 0,
        }
    }

    /// About the memory of what has entries: names, and a mark an entry.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The most that [`bytes`](Self::bytes) can grow by one entry.
    pub(crate) fn largest_share(topics: usize, patterns: usize) -> u64 {
        let name = "*".repeat(Topic::MAX_LEN).into_boxed_str();
        let each = Record { name, ..Record::default() }.cost() + Mark::COST;
        (topics + patterns) as u64 * each
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) const fn floor(&self) -> u64 {
        self.floor
    }

    /// How many patterns are in use.
    pub(crate) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// The number of what is known by this name.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let is_it = |&number: &u32| *self.records[number as usize].name == *name;
        self.numbers.find(self.hasher.hash_one(name), is_it).copied()
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        &self.records[number as usize].name
    }

    /// Up to where entries of this number are gone.
    pub(crate) fn trimmed(&self, number: u32) -> u64 {
        self.records[number as usize].trimmed
    }

    /// Puts the numbers of a topic, and of the patterns that match it, at the end of `out`.
    pub(crate) fn number_all(&mut self, topic: &str, out: &mut Vec<u32>) {
        let number = self.number(topic);
        out.push(number);
        if let Some(entries) = &self.records[number as usize].entries {
            out.extend_from_slice(&entries.patterns);
        }
    }

    /// Enters the newest entry under a number.
    pub(crate) fn mark(&mut self, number: u32, offset: u64, size: u64) {
        let record = &mut self.records[number as usize];
        if !record.has_entries() {
            self.bytes += record.cost();
        }
        self.bytes += Mark::COST;
        let entries = record.entries.get_or_insert_default();
        entries.marks.push_back(Mark { offset, begin: entries.bytes });
        entries.bytes += size;
    }

    /// Takes the oldest entry out.
    pub(crate) fn unmark(&mut self, number: u32, offset: u64) {
        let record = &mut self.records[number as usize];
        record.trimmed = offset;
        let Some(entries) = &mut record.entries else { return };
        entries.marks.pop_front();
        self.bytes -= Mark::COST;
        if !entries.marks.is_empty() {
            // A topic that was loud once would hold on to what it took then.
            if entries.marks.capacity() > 4 * entries.marks.len() + 16 {
                entries.marks.shrink_to(2 * entries.marks.len());
            }
            return;
        }
        record.emptied();
        self.bytes -= record.cost();
        if record.is_hollow() {
            self.hollowed(number);
        }
    }

    /// Forgets topics that hold nothing, beyond so many and so many bytes.
    pub(crate) fn trim(&mut self, max_bytes: u64) {
        while self.hollow.queue.len() > MAX_HOLLOW || self.hollow.bytes > max_bytes {
            let Some((number, cost, trimmed)) = self.hollow.queue.pop_front() else { return };
            self.hollow.bytes -= u64::from(cost);
            let record = &self.records[number as usize];
            if record.is_hollow() && record.trimmed == trimmed {
                self.forget(number);
            }
        }
    }

    /// Takes all entries out, up to `floor`.
    pub(crate) fn clear(&mut self, floor: u64) {
        self.hollow = Hollow::default();
        self.floor = floor;
        self.bytes = 0;
        for number in 0..self.records.len() {
            let record = &mut self.records[number];
            record.emptied();
            record.trimmed = floor;
            if record.is_hollow() {
                self.forget(number as u32);
            }
        }
    }

    /// Keeps the number of this name until [`unpin`](Self::unpin). For a pattern that comes into
    /// use it also says, by number, which topics it matches: enter their entries under it.
    pub(crate) fn pin(&mut self, selector: &Selector) -> (u32, Option<Vec<bool>>) {
        let number = self.number(selector.as_str());
        let record = &mut self.records[number as usize];
        record.pins += 1;
        let is_new = record.pins == 1 && selector.is_pattern();
        (number, is_new.then(|| self.adopt(number, selector)))
    }

    /// Gives up a pin. Whether that was the last of a pattern, which then has no number any more:
    /// take it out of the entries.
    pub(crate) fn unpin(&mut self, number: u32) -> bool {
        let record = &mut self.records[number as usize];
        record.pins -= 1;
        if record.pins > 0 {
            return false;
        }
        if record.is_pattern() {
            self.drop_pattern(number);
            return true;
        }
        if record.is_hollow() {
            self.hollowed(number);
        }
        false
    }

    /// The topics that a pattern matches.
    pub(crate) fn matching<'a>(&'a self, pattern: &'a Selector) -> impl Iterator<Item = u32> + 'a {
        (0..self.records.len() as u32).filter(|&number| self.is_match(pattern, number))
    }

    /// Whether a pattern matches what has this number, a topic.
    pub(crate) fn is_match(&self, pattern: &Selector, number: u32) -> bool {
        let record = &self.records[number as usize];
        let is_topic = !record.name.is_empty() && !record.is_pattern();
        is_topic && covers(pattern.as_str(), &record.name)
    }

    /// By number, whether it is one of these.
    fn set_of(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut set = vec![false; self.records.len()];
        for number in numbers {
            set[number as usize] = true;
        }
        set
    }

    /// The first entry under this number past an offset.
    pub(crate) fn first_after(&self, number: u32, after: u64) -> Option<u64> {
        let marks = &self.records[number as usize].entries.as_ref()?.marks;
        // Most subscribers have read all but the last.
        match marks.len() {
            0 => None,
            len if marks[len - 1].offset <= after => None,
            1 => Some(marks[0].offset),
            len if marks[len - 2].offset <= after => Some(marks[len - 1].offset),
            _ => Some(marks[position(marks, after)].offset),
        }
    }

    /// The last entry under this number, if it lies past an offset.
    pub(crate) fn last_after(&self, number: u32, after: u64) -> Option<u64> {
        let last = self.records[number as usize].entries.as_ref()?.marks.back()?.offset;
        (last > after).then_some(last)
    }

    /// How many bytes under this number lie past an offset.
    pub(crate) fn bytes_after(&self, number: u32, after: u64) -> u64 {
        let Some(entries) = &self.records[number as usize].entries else { return 0 };
        let read = position(&entries.marks, after);
        // A mark says where its entry begins, so that nothing need be known of those before it.
        entries.marks.get(read).map_or(0, |first| entries.bytes - first.begin)
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let mut record = Record { name: name.into(), trimmed: self.floor, ..Record::default() };
        if !record.is_pattern() {
            let matches = |&&pattern: &&u32| covers(&self.records[pattern as usize].name, name);
            let patterns: Box<[u32]> = self.patterns.iter().filter(matches).copied().collect();
            if !patterns.is_empty() {
                record.entries = Some(Box::new(Entries { patterns, ..Entries::default() }));
            }
        }
        let number = match self.free.pop() {
            Some(number) => {
                self.records[number as usize] = record;
                number
            }
            None => {
                self.records.push(record);
                // Four thousand million topics do not fit into any memory there is.
                (self.records.len() - 1) as u32
            }
        };
        let hash_of = |&number: &u32| self.hasher.hash_one(&*self.records[number as usize].name);
        self.numbers.insert_unique(self.hasher.hash_one(name), number, hash_of);
        number
    }

    /// Forgets a topic that holds nothing at once if the floor says as much, else in its turn.
    fn hollowed(&mut self, number: u32) {
        let record = &self.records[number as usize];
        if record.trimmed <= self.floor {
            self.forget(number);
        } else {
            let cost = record.cost();
            self.hollow.queue.push_back((number, cost as u32, record.trimmed));
            self.hollow.bytes += cost;
        }
    }

    fn forget(&mut self, number: u32) {
        let record = core::mem::take(&mut self.records[number as usize]);
        self.floor = self.floor.max(record.trimmed);
        self.release(number, &record.name);
    }

    fn release(&mut self, number: u32, name: &str) {
        let hash = self.hasher.hash_one(name);
        if let Ok(entry) = self.numbers.find_entry(hash, |&other| other == number) {
            entry.remove();
            self.free.push(number);
        }
    }

    /// Takes in a pattern that comes into use, and says which topics it matches.
    fn adopt(&mut self, number: u32, pattern: &Selector) -> Vec<bool> {
        self.patterns.push(number);
        let matched: Vec<_> = self.matching(pattern).collect();
        for &topic in &matched {
            let record = &mut self.records[topic as usize];
            let trimmed = record.trimmed;
            let patterns = &mut record.entries.get_or_insert_default().patterns;
            *patterns = patterns.iter().copied().chain([number]).collect();
            let own = &mut self.records[number as usize].trimmed;
            *own = trimmed.max(*own);
        }
        self.set_of(matched)
    }

    fn drop_pattern(&mut self, number: u32) {
        self.patterns.retain(|&other| other != number);
        let record = core::mem::take(&mut self.records[number as usize]);
        if let Some(entries) = record.entries.as_ref().filter(|entries| !entries.marks.is_empty()) {
            self.bytes -= record.cost() + entries.marks.len() as u64 * Mark::COST;
        }
        self.release(number, &record.name);
        for record in &mut self.records {
            let Some(entries) = &mut record.entries else { continue };
            if entries.patterns.contains(&number) {
                let others = entries.patterns.iter().copied().filter(|&other| other != number);
                entries.patterns = others.collect();
                if entries.marks.is_empty() {
                    record.emptied();
                }
            }
        }
    }
}

impl Record {
    fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    fn has_entries(&self) -> bool {
        self.entries.as_ref().is_some_and(|entries| !entries.marks.is_empty())
    }

    fn is_hollow(&self) -> bool {
        !self.name.is_empty() && self.pins == 0 && !self.has_entries()
    }

    /// Lets go of what belongs to entries, except for the patterns, which will be asked for again.
    fn emptied(&mut self) {
        let Some(entries) = &mut self.entries else { return };
        entries.marks = VecDeque::new();
        if entries.patterns.is_empty() {
            self.entries = None;
        }
    }

    /// About the memory of a name with entries, marks apart. Twice the tables, which grow ahead.
    fn cost(&self) -> u64 {
        const TABLES: usize = 2 * (size_of::<Record>() + size_of::<u32>()) + size_of::<Entries>();
        (self.name.len() + TABLES) as u64
    }
}

fn position(marks: &VecDeque<Mark>, after: u64) -> usize {
    marks.partition_point(|mark| mark.offset <= after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_entries_stays_small() {
        assert!(size_of::<Record>() <= 40, "{}", size_of::<Record>());
    }
}
