//! A bounded log of encoded events, with an index a topic.

use alloc::{boxed::Box, collections::VecDeque, vec, vec::Vec};
use core::fmt;

use bytes::Bytes;
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use crate::{
    config::Retention,
    cursor::{Cursor, Epoch},
    event::{Appended, HistoryPage, Stored},
    selector::Selector,
};

/// What is kept of one store's order, oldest entries trimmed first.
///
/// A pattern that is in use at a hub is indexed like a topic.
///
/// A [`Hub`](crate::Hub) keeps one as its window; a store in memory is one, with a longer
/// retention. Each topic indexes its own entries with their cumulative bytes, and remembers up to
/// where it was trimmed, so that "what did this subscriber lose, and how much is there to read"
/// concerns its own topics only. Of topics that hold nothing any more a number is remembered
/// singly; beyond it, all forgotten ones share one floor.
///
/// Names come from strangers, so they are hashed with a seed.
pub struct Log {
    retention: Retention,
    epoch: Epoch,
    head: u64,
    /// Contiguous; the last one has the offset `head`.
    entries: VecDeque<Entry>,
    kept_bytes: u64,
    total_bytes: u64,
    numbers: HashMap<Selector, u32, FixedState>,
    records: Vec<Record>,
    /// The numbers of the patterns in use.
    patterns: Vec<u32>,
    free: Vec<u32>,
    /// Topics that hold nothing, with the trim that made them so, in that order. An entry that no
    /// longer tells the truth is passed over.
    hollow: VecDeque<(u32, u64)>,
    /// Where a topic that is not known may have been trimmed.
    floor: u64,
    newest: Vec<u32>,
}

struct Entry {
    frame: Bytes,
    topics: Box<[u32]>,
    /// Cumulative bytes of the log, this entry's included.
    end: u64,
    at: Instant,
}

#[derive(Default)]
struct Record {
    name: Option<Selector>,
    /// Of a topic: the patterns in use that match it.
    patterns: Box<[u32]>,
    marks: VecDeque<Mark>,
    /// Cumulative bytes of the topic.
    bytes: u64,
    trimmed: u64,
    pins: u32,
}

struct Mark {
    offset: u64,
    /// Cumulative bytes of the topic before this entry.
    begin: u64,
}

/// How an entry joined a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placed {
    /// Right after the one before.
    Next,
    /// Not at all: it was there already.
    Stale,
    /// After a hole, for which all before it was given up.
    Jumped,
    /// As the first that is seen of a new epoch; all of the old one was given up.
    NewEpoch,
}

/// How many topics that hold nothing are remembered one by one.
const MAX_HOLLOW: usize = 16_384;

impl Log {
    /// An empty log that begins after `head`. The seed hashes the names of topics.
    pub fn new(retention: Retention, head: Cursor, seed: u64) -> Self {
        Self {
            retention,
            epoch: head.epoch(),
            head: head.offset(),
            entries: VecDeque::new(),
            kept_bytes: 0,
            total_bytes: 0,
            numbers: HashMap::with_hasher(FixedState::with_seed(seed)),
            records: Vec::new(),
            patterns: Vec::new(),
            free: Vec::new(),
            hollow: VecDeque::new(),
            floor: head.offset(),
            newest: Vec::new(),
        }
    }

    /// The newest place.
    pub const fn head(&self) -> Cursor {
        Cursor::new(self.epoch, self.head)
    }

    /// How many entries are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many encoded bytes are kept.
    pub const fn bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// Takes the next entry of the store's order, and trims.
    pub fn append(&mut self, appended: &Appended, now: Instant) -> Placed {
        let (epoch, offset) = (appended.cursor.epoch(), appended.cursor.offset());
        let placed = if epoch != self.epoch {
            Placed::NewEpoch
        } else if offset <= self.head {
            return Placed::Stale;
        } else if offset == self.head + 1 {
            Placed::Next
        } else {
            Placed::Jumped
        };
        if placed != Placed::Next {
            self.restart(Cursor::new(epoch, offset.saturating_sub(1)));
        }
        let size = appended.frame.len() as u64;
        self.head = offset;
        self.kept_bytes += size;
        self.total_bytes += size;
        self.newest.clear();
        for name in appended.topics.iter() {
            let number = self.number(&name.clone().into());
            self.newest.push(number);
            self.newest.extend_from_slice(&self.records[number as usize].patterns);
        }
        // Two topics of an event may match one pattern.
        self.newest.sort_unstable();
        self.newest.dedup();
        for &number in &self.newest {
            self.records[number as usize].mark(offset, size);
        }
        self.entries.push_back(Entry {
            frame: appended.frame.clone(),
            topics: self.newest.as_slice().into(),
            end: self.total_bytes,
            at: now,
        });
        self.trim(now);
        placed
    }

    /// Lets go of what is over the retention.
    pub fn trim(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front() {
            let outlived = self.retention.age.is_some_and(|age| now - oldest.at > age);
            if !outlived
                && self.entries.len() <= self.retention.events
                && self.kept_bytes <= self.retention.bytes
            {
                break;
            }
            self.trim_oldest();
        }
        while self.hollow.len() > MAX_HOLLOW {
            let Some((number, trimmed)) = self.hollow.pop_front() else { break };
            let record = &self.records[number as usize];
            if record.is_hollow() && record.trimmed == trimmed {
                self.forget(number);
            }
        }
    }

    /// Reads what is kept of these topics after a place, at most `max_bytes` (though one entry at
    /// least).
    pub fn page(
        &mut self,
        selectors: &[Selector],
        after: Cursor,
        max_bytes: usize,
        now: Instant,
    ) -> HistoryPage {
        self.trim(now);
        let mut page =
            HistoryPage { head: self.head(), trimmed: 0, upto: self.head, entries: Vec::new() };
        if after.epoch() != self.epoch {
            return page;
        }
        let mut numbers = Vec::with_capacity(selectors.len());
        let mut is_scan = false;
        for selector in selectors {
            match self.numbers.get(selector) {
                Some(&number) => numbers.push(number),
                None => page.trimmed = page.trimmed.max(self.floor),
            }
            if selector.is_pattern() && !self.numbers.contains_key(selector) {
                numbers.extend(self.matching(selector));
                is_scan = true;
            }
        }
        for &number in &numbers {
            page.trimmed = page.trimmed.max(self.records[number as usize].trimmed);
        }
        let mut room = max_bytes;
        let mut take = |at: u64, offset: u64, frame: &Bytes| {
            if frame.len() > room && !page.entries.is_empty() {
                page.upto = at;
                return false;
            }
            room = room.saturating_sub(frame.len());
            page.entries.push(Stored { offset, frame: frame.clone() });
            true
        };
        let mut at = after.offset();
        if is_scan {
            // A pattern without an index may match very many topics: look at each entry once.
            let mut wanted = vec![false; self.records.len()];
            for &number in &numbers {
                wanted[number as usize] = true;
            }
            let first = self.head + 1 - self.entries.len() as u64;
            for (entry, offset) in self.entries.iter().zip(first..) {
                let fits = entry.topics.iter().any(|&number| wanted[number as usize]);
                if offset > at && fits {
                    if !take(at, offset, &entry.frame) {
                        break;
                    }
                    at = offset;
                }
            }
        } else {
            while let Some((offset, frame)) = self.next_after(numbers.iter().copied(), at) {
                if !take(at, offset, frame) {
                    break;
                }
                at = offset;
            }
        }
        page
    }

    /// The first entry of any of these topics past an offset.
    pub(crate) fn next_after(
        &self,
        topics: impl Iterator<Item = u32>,
        after: u64,
    ) -> Option<(u64, &Bytes)> {
        let offset =
            topics.filter_map(|number| self.records[number as usize].first_after(after)).min()?;
        let index = self.entries.len() as u64 - 1 - (self.head - offset);
        Some((offset, &self.entries[index as usize].frame))
    }

    /// Whether everything of this topic past an offset is at hand.
    pub(crate) fn covers(&self, topic: u32, after: u64) -> bool {
        self.records[topic as usize].trimmed <= after
    }

    /// How many bytes of this topic lie past an offset.
    pub(crate) fn lag(&self, topic: u32, after: u64) -> u64 {
        self.records[topic as usize].bytes_after(after)
    }

    /// How many bytes of whatever topic lie past an offset: never less than [`lag`](Self::lag) of
    /// any topics together, without a search.
    pub(crate) fn lag_of_all(&self, after: u64) -> u64 {
        let behind = self.head.saturating_sub(after);
        match (self.entries.len() as u64).checked_sub(behind + 1) {
            Some(index) => self.total_bytes - self.entries[index as usize].end,
            None if behind == 0 => 0,
            None => self.kept_bytes,
        }
    }

    /// The topics of the entry that came last.
    pub(crate) fn newest_topics(&self) -> &[u32] {
        &self.newest
    }

    /// The newest entry of this topic past an offset.
    pub(crate) fn latest_after(&self, topic: u32, after: u64) -> Option<u64> {
        let newest = self.records[topic as usize].marks.back()?.offset;
        (newest > after).then_some(newest)
    }

    /// The frame of an entry that is kept.
    pub(crate) fn frame(&self, offset: u64) -> Option<&Bytes> {
        let first = self.head + 1 - self.entries.len() as u64;
        let index = usize::try_from(offset.checked_sub(first)?).ok()?;
        self.entries.get(index).map(|entry| &entry.frame)
    }

    /// Keeps the number of this topic or pattern until [`unpin`](Self::unpin).
    pub(crate) fn pin(&mut self, name: &Selector) -> u32 {
        let number = self.number(name);
        if name.is_pattern() && self.records[number as usize].pins == 0 {
            self.index_pattern(number, name);
        }
        self.records[number as usize].pins += 1;
        number
    }

    pub(crate) fn unpin(&mut self, number: u32) {
        let record = &mut self.records[number as usize];
        record.pins -= 1;
        if record.pins > 0 {
            return;
        }
        if record.name.as_ref().is_some_and(Selector::is_pattern) {
            self.drop_pattern(number);
        } else if record.is_hollow() {
            self.hollowed(number);
        }
    }

    pub(crate) fn name(&self, number: u32) -> Option<&Selector> {
        self.records[number as usize].name.as_ref()
    }

    /// The number of what is known by this name.
    pub(crate) fn number_of(&self, name: &Selector) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// How many patterns are in use.
    pub(crate) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// The topics that a pattern matches.
    fn matching(&self, pattern: &Selector) -> impl Iterator<Item = u32> {
        let numbered = self.records.iter().zip(0..);
        numbered.filter_map(move |(record, number)| {
            let name = record.name.as_ref().filter(|name| !name.is_pattern())?;
            pattern.covers(name).then_some(number)
        })
    }

    /// Indexes a pattern that comes into use, over all that is kept.
    fn index_pattern(&mut self, number: u32, pattern: &Selector) {
        self.patterns.push(number);
        let mut matched = vec![false; self.records.len()];
        for topic in self.matching(pattern).collect::<Vec<_>>() {
            matched[topic as usize] = true;
            let record = &mut self.records[topic as usize];
            record.patterns = record.patterns.iter().copied().chain([number]).collect();
            let trimmed = record.trimmed;
            let own = &mut self.records[number as usize].trimmed;
            *own = trimmed.max(*own);
        }
        let first = self.head + 1 - self.entries.len() as u64;
        for (entry, offset) in self.entries.iter_mut().zip(first..) {
            if entry.topics.iter().any(|&topic| matched[topic as usize]) {
                entry.topics = entry.topics.iter().copied().chain([number]).collect();
                self.records[number as usize].mark(offset, entry.frame.len() as u64);
            }
        }
    }

    /// Takes a pattern that nobody uses out of all indexes.
    fn drop_pattern(&mut self, number: u32) {
        let without = |numbers: &mut Box<[u32]>| {
            if numbers.contains(&number) {
                *numbers = numbers.iter().copied().filter(|&other| other != number).collect();
            }
        };
        self.entries.iter_mut().for_each(|entry| without(&mut entry.topics));
        self.records.iter_mut().for_each(|record| without(&mut record.patterns));
        self.patterns.retain(|&other| other != number);
        let record = core::mem::take(&mut self.records[number as usize]);
        if let Some(name) = record.name {
            self.numbers.remove(&name);
            self.free.push(number);
        }
    }

    /// Gives up everything and begins after `head`.
    pub(crate) fn restart(&mut self, head: Cursor) {
        self.entries.clear();
        self.kept_bytes = 0;
        self.hollow.clear();
        self.newest.clear();
        self.epoch = head.epoch();
        self.head = head.offset();
        self.floor = head.offset();
        for number in 0..self.records.len() {
            let record = &mut self.records[number];
            record.marks.clear();
            record.trimmed = self.floor;
            if record.is_hollow() {
                self.forget(number as u32);
            }
        }
    }

    fn trim_oldest(&mut self) {
        let offset = self.head + 1 - self.entries.len() as u64;
        let Some(entry) = self.entries.pop_front() else { return };
        self.kept_bytes -= entry.frame.len() as u64;
        for &number in &entry.topics {
            let record = &mut self.records[number as usize];
            record.marks.pop_front();
            record.trimmed = offset;
            if record.is_hollow() {
                self.hollowed(number);
            }
        }
    }

    /// Forgets a topic that holds nothing at once if the floor says as much, else in its turn.
    fn hollowed(&mut self, number: u32) {
        let trimmed = self.records[number as usize].trimmed;
        if trimmed <= self.floor {
            self.forget(number);
        } else {
            self.hollow.push_back((number, trimmed));
        }
    }

    fn forget(&mut self, number: u32) {
        let record = core::mem::take(&mut self.records[number as usize]);
        if let Some(name) = record.name {
            self.floor = self.floor.max(record.trimmed);
            self.numbers.remove(&name);
            self.free.push(number);
        }
    }

    fn number(&mut self, name: &Selector) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let mut record =
            Record { name: Some(name.clone()), trimmed: self.floor, ..Record::default() };
        if !name.is_pattern() {
            let matches = |&&pattern: &&u32| {
                let pattern = self.records[pattern as usize].name.as_ref();
                pattern.is_some_and(|pattern| pattern.covers(name))
            };
            record.patterns = self.patterns.iter().filter(matches).copied().collect();
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
        self.numbers.insert(name.clone(), number);
        number
    }
}

impl Record {
    fn mark(&mut self, offset: u64, size: u64) {
        self.marks.push_back(Mark { offset, begin: self.bytes });
        self.bytes += size;
    }

    fn is_hollow(&self) -> bool {
        self.name.is_some() && self.pins == 0 && self.marks.is_empty()
    }

    fn first_after(&self, after: u64) -> Option<u64> {
        // Most subscribers have read all but the last.
        match self.marks.len() {
            0 => None,
            len if self.marks[len - 1].offset <= after => None,
            1 => Some(self.marks[0].offset),
            len if self.marks[len - 2].offset <= after => Some(self.marks[len - 1].offset),
            _ => Some(self.marks[self.position(after)].offset),
        }
    }

    fn bytes_after(&self, after: u64) -> u64 {
        let read = self.position(after);
        // A mark says where its entry begins, so that nothing need be known of those before it.
        self.marks.get(read).map_or(0, |first| self.bytes - first.begin)
    }

    fn position(&self, after: u64) -> usize {
        self.marks.partition_point(|mark| mark.offset <= after)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("head", &self.head())
            .field("entries", &self.entries.len())
            .field("bytes", &self.kept_bytes)
            .field("topics", &self.numbers.len())
            .finish_non_exhaustive()
    }
}
