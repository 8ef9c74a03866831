//! Which entries of a log belong to which topic or pattern.

use alloc::{
    boxed::Box,
    collections::{VecDeque, vec_deque},
    vec::Vec,
};
use core::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::{
    members::{Crowds, Members},
    patterns::Patterns,
    selector::{Selector, covers},
    topic::Topic,
};

/// Names, each with a number, the places of its entries, and who subscribed.
///
/// A number is given to whatever has entries or members. There may be a topic a subscriber, and
/// nearly all of those never have an entry: so a name stands here once, the table holds numbers
/// only, and what belongs to entries is boxed.
///
/// Of topics that hold nothing any more, up to where they were trimmed is remembered singly for
/// some; all that were forgotten share one floor.
///
/// A pattern is indexed from when it comes into use, as if all before were trimmed, so that it costs
/// the same however many topics and entries there are: what lies before is read from the store. It stays
/// indexed for a while when nobody uses it any more, since those who lost their connection come back.
pub(crate) struct Index {
    /// Names come from strangers, so they are hashed with a seed.
    hasher: FixedState,
    numbers: HashTable<u32>,
    records: Vec<Record>,
    free: Vec<u32>,
    crowds: Crowds,
    patterns: Patterns<u32>,
    patterns_in_use: usize,
    /// The patterns that nobody uses, the one that has been so for longest first, and which entry was
    /// the newest when that began.
    idle: VecDeque<(u32, u64)>,
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
    members: Members,
}

#[derive(Default)]
struct Entries {
    marks: VecDeque<Mark>,
    /// Cumulative bytes.
    bytes: u64,
}

#[derive(Debug)]
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

/// How many patterns that nobody uses are indexed.
const MAX_IDLE: usize = 64;

impl Index {
    pub(crate) fn new(seed: u64, floor: u64) -> Self {
        Self {
            hasher: FixedState::with_seed(seed),
            numbers: HashTable::new(),
            records: Vec::new(),
            free: Vec::new(),
            crowds: Crowds::default(),
            patterns: Patterns::default(),
            patterns_in_use: 0,
            idle: VecDeque::new(),
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
        let names = topics.saturating_add(patterns).saturating_add(MAX_IDLE);
        let name = "*".repeat(Topic::MAX_LEN).into_boxed_str();
        let each = Record { name, ..Record::default() }.cost() + Mark::COST;
        (names as u64).saturating_mul(each)
    }

    /// All numbers are below.
    pub(crate) fn numbers(&self) -> usize {
        self.records.len()
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) const fn floor(&self) -> u64 {
        self.floor
    }

    /// How many patterns are in use.
    pub(crate) const fn patterns(&self) -> usize {
        self.patterns_in_use
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
        out.push(self.number(topic));
        self.patterns.matching(topic, &mut |&number| out.push(number));
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

    /// Takes the oldest entry out. Nothing is done where the number was given to another name since
    /// the entry came.
    pub(crate) fn unmark(&mut self, number: u32, offset: u64) {
        let record = &mut self.records[number as usize];
        let Some(entries) = &mut record.entries else { return };
        if entries.marks.front().is_none_or(|mark| mark.offset != offset) {
            return;
        }
        record.trimmed = offset;
        entries.marks.pop_front();
        self.bytes -= Mark::COST;
        if !entries.marks.is_empty() {
            // A topic that was loud once would hold on to what it took then.
            if entries.marks.capacity() > 4 * entries.marks.len() + 16 {
                entries.marks.shrink_to(2 * entries.marks.len());
            }
            return;
        }
        record.entries = None;
        self.bytes -= record.cost();
        if record.is_hollow() {
            self.hollowed(number);
        }
    }

    /// Forgets topics that hold nothing, beyond so many and so many bytes, and patterns that nobody has
    /// used since what is now the `first` entry.
    pub(crate) fn trim(&mut self, max_bytes: u64, first: u64) {
        while self.idle.front().is_some_and(|&(_, head)| head < first) {
            self.drop_pattern();
        }
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
            record.entries = None;
            record.trimmed = floor;
            if record.is_hollow() {
                self.forget(number as u32);
            }
        }
    }

    /// Notes that a slot subscribes to this name. Gives the number, and the place among those who
    /// did. `head` is the newest entry there is.
    pub(crate) fn enter(&mut self, selector: &Selector, slot: u32, head: u64) -> (u32, u32) {
        let number = match self.find(selector.as_str()) {
            Some(number) => number,
            None if selector.is_pattern() => {
                let number = self.add(selector.as_str(), head);
                self.patterns.insert(selector.as_str(), number);
                number
            }
            None => self.add(selector.as_str(), self.floor),
        };
        let record = &mut self.records[number as usize];
        if record.members.is_empty() && record.is_pattern() {
            self.patterns_in_use += 1;
            self.idle.retain(|&(other, _)| other != number);
        }
        (number, record.members.push(slot, &mut self.crowds))
    }

    /// Notes that whoever is at this place subscribes no more. Gives the slot that takes it. A name
    /// without entries and members loses its number.
    pub(crate) fn leave(&mut self, number: u32, place: u32, head: u64) -> Option<u32> {
        let record = &mut self.records[number as usize];
        let moved = record.members.swap_remove(place, &mut self.crowds);
        if record.members.is_empty() {
            if record.is_pattern() {
                self.patterns_in_use -= 1;
                self.idle.push_back((number, head));
                if self.idle.len() > MAX_IDLE {
                    self.drop_pattern();
                }
            } else if record.is_hollow() {
                self.hollowed(number);
            }
        }
        moved
    }

    /// The slots of those who subscribe to what has this number.
    pub(crate) fn members(&self, number: u32) -> &[u32] {
        self.records[number as usize].members.slots(&self.crowds)
    }

    /// Whether a pattern matches what has this number, a topic.
    pub(crate) fn is_match(&self, pattern: &Selector, number: u32) -> bool {
        let record = &self.records[number as usize];
        let is_topic = !record.name.is_empty() && !record.is_pattern();
        is_topic && covers(pattern.as_str(), &record.name)
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

    /// The entries under this number past an offset, in order.
    pub(crate) fn marks_after(&self, number: u32, after: u64) -> Marks<'_> {
        let entries = self.records[number as usize].entries.as_ref();
        Marks(entries.map(|entries| {
            let marks = &entries.marks;
            // Most subscribers have read all.
            let is_read = marks.back().is_none_or(|last| last.offset <= after);
            marks.range(if is_read { marks.len() } else { position(marks, after) }..)
        }))
    }

    /// The last entry under this number, if it lies past an offset.
    pub(crate) fn last_after(&self, number: u32, after: u64) -> Option<u64> {
        let last = self.records[number as usize].entries.as_ref()?.marks.back()?.offset;
        (last > after).then_some(last)
    }

    /// The entries under this number that lie past an offset, up to another.
    pub(crate) fn offsets(
        &self,
        number: u32,
        after: u64,
        upto: u64,
    ) -> impl DoubleEndedIterator<Item = u64> {
        let entries = self.records[number as usize].entries.as_ref().into_iter();
        entries.flat_map(move |entries| {
            let (from, to) = (position(&entries.marks, after), position(&entries.marks, upto));
            entries.marks.range(from..to.max(from)).map(|mark| mark.offset)
        })
    }

    /// How many bytes under this number lie past an offset.
    pub(crate) fn bytes_after(&self, number: u32, after: u64) -> u64 {
        let Some(entries) = &self.records[number as usize].entries else { return 0 };
        let read = position(&entries.marks, after);
        // A mark says where its entry begins, so that nothing need be known of those before it.
        entries.marks.get(read).map_or(0, |first| entries.bytes - first.begin)
    }

    fn number(&mut self, topic: &str) -> u32 {
        self.find(topic).unwrap_or_else(|| self.add(topic, self.floor))
    }

    fn add(&mut self, name: &str, trimmed: u64) -> u32 {
        let record = Record { name: name.into(), trimmed, ..Record::default() };
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

    /// Forgets the pattern that nobody has used for longest. The entries that it was found by may name
    /// its number still.
    fn drop_pattern(&mut self) {
        let Some((number, _)) = self.idle.pop_front() else { return };
        let record = core::mem::take(&mut self.records[number as usize]);
        if let Some(entries) = &record.entries {
            self.bytes -= record.cost() + entries.marks.len() as u64 * Mark::COST;
        }
        self.patterns.remove(&record.name);
        self.release(number, &record.name);
    }
}

impl Record {
    fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    const fn has_entries(&self) -> bool {
        self.entries.is_some()
    }

    /// Whether it is a topic that has lost its last entry and member.
    fn is_hollow(&self) -> bool {
        let is_topic = !self.name.is_empty() && !self.is_pattern();
        is_topic && self.members.is_empty() && !self.has_entries()
    }

    /// About the memory of a name with entries, marks apart. Twice the tables, which grow ahead.
    fn cost(&self) -> u64 {
        const TABLES: usize = 2 * (size_of::<Record>() + size_of::<u32>()) + size_of::<Entries>();
        (self.name.len() + TABLES) as u64
    }
}

/// Places of entries under one number.
#[derive(Debug)]
pub(crate) struct Marks<'a>(Option<vec_deque::Iter<'a, Mark>>);

impl Iterator for Marks<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0.as_mut()?.next().map(|mark| mark.offset)
    }
}

fn position(marks: &VecDeque<Mark>, after: u64) -> usize {
    #[cfg(test)]
    tests::SEARCHES.set(tests::SEARCHES.get() + 1);
    marks.partition_point(|mark| mark.offset <= after)
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use core::cell::Cell;

    use super::*;

    std::thread_local! {
        /// How many times entries were searched.
        pub(crate) static SEARCHES: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_name_without_entries_stays_small() {
        assert!(size_of::<Record>() <= 40, "{}", size_of::<Record>());
    }
}
