//! A bounded log of encoded events.

use alloc::{boxed::Box, collections::VecDeque, vec, vec::Vec};
use core::{cell::Cell, fmt};

use bytes::Bytes;
use sse_codec::time::Instant;

use crate::{
    config::{HubConfig, Retention},
    cursor::{Cursor, Epoch},
    event::{Appended, HistoryPage, Stored},
    index::Index,
    merge::Merge,
    selector::Selector,
};

/// What is kept of one store's order, oldest entries trimmed first.
///
/// A [`Hub`](crate::Hub) keeps one as its window; a store in memory is one, with a longer
/// retention. Each topic indexes its own entries with their cumulative bytes, and remembers up to
/// where it was trimmed, so that "what did this subscriber lose, and how much is there to read"
/// concerns its own topics only. A pattern that is in use at a hub is indexed like a topic; one that
/// is not has its entries looked for, so many at a time.
///
/// ```
/// use sse_codec::time::Instant;
/// use sse_server_core::{Cursor, Epoch, Log, Retention, Selector};
///
/// let mut log = Log::new(Retention::DEFAULT, Cursor::new(Epoch::new(1), 0), 1);
/// let page = log.page(&[Selector::new("prices.*")?], log.head(), 4096, Instant::ORIGIN);
/// assert!(page.entries.is_empty() && page.upto == 0);
/// # Ok::<(), sse_server_core::InvalidTopic>(())
/// ```
pub struct Log {
    retention: Retention,
    epoch: Epoch,
    head: u64,
    /// Contiguous; the last one has the offset `head`.
    entries: VecDeque<Entry>,
    /// Of the entries that are kept: their frames, and the memory of each beside.
    kept_bytes: u64,
    /// Cumulative bytes of all frames.
    total_bytes: u64,
    index: Index,
    newest: Vec<u32>,
    /// The topics of the entries that were trimmed last.
    trims: VecDeque<Box<[u32]>>,
}

struct Entry {
    frame: Bytes,
    topics: Box<[u32]>,
    /// Cumulative bytes of the log, this entry's included.
    end: u64,
    at: Instant,
}

/// How many entries are looked through for a pattern at once.
const MAX_LOOK: usize = 4096;

/// How many topics are matched to patterns at once, by which one entry with many topics, to be matched
/// to many patterns, is as much work as many entries.
const MAX_TRIES: usize = 2 * MAX_LOOK;

/// Of how many trimmed entries it is known whose they were, for patterns. Those of a topic that was
/// forgotten lie below the index's floor, so that no number here is of another one.
const MAX_TRIMS: usize = 1024;

/// How many topics are searched anew for each entry.
const FEW: usize = 4;

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
    /// Not at all: no event can have this place. The first one of an epoch has the offset 1, and after
    /// the last number there is no next.
    Impossible,
}

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
            index: Index::new(seed, head.offset()),
            newest: Vec::new(),
            trims: VecDeque::new(),
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

    /// About the memory of what is kept: frames, and what is held beside them to find them by.
    pub const fn bytes(&self) -> u64 {
        self.kept_bytes + self.index.bytes()
    }

    /// Takes the next entry of the store's order, and trims.
    pub fn append(&mut self, appended: &Appended, now: Instant) -> Placed {
        let (epoch, offset) = (appended.cursor.epoch(), appended.cursor.offset());
        let placed = if matches!(offset, 0 | u64::MAX) {
            return Placed::Impossible;
        } else if epoch != self.epoch {
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
        self.total_bytes += size;
        self.newest.clear();
        for topic in appended.topics.iter() {
            self.index.number_all(topic.as_str(), &mut self.newest);
        }
        // Two topics of an event may match one pattern.
        self.newest.sort_unstable();
        self.newest.dedup();
        for &number in &self.newest {
            self.index.mark(number, offset, size);
        }
        let entry = Entry {
            frame: appended.frame.clone(),
            topics: self.newest.as_slice().into(),
            end: self.total_bytes,
            at: now,
        };
        self.kept_bytes += entry.cost();
        self.entries.push_back(entry);
        self.trim(now);
        placed
    }

    /// Lets go of what is over the retention.
    pub fn trim(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front() {
            let outlived = self.retention.age.is_some_and(|age| now - oldest.at > age);
            if !outlived
                && self.entries.len() <= self.retention.events
                && self.bytes() <= self.retention.bytes
            {
                break;
            }
            self.trim_oldest();
        }
        self.index.trim(self.retention.bytes / 8, self.first());
    }

    /// Reads what is kept of these topics after a place, at most `max_bytes` by
    /// [`Stored::cost`] (though one entry at least). By a pattern it looks through so many entries
    /// and topics at once, and finds none perhaps: [`HistoryPage::upto`] says how far it came.
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
        let (mut numbers, mut patterns) = (Vec::with_capacity(selectors.len()), Vec::new());
        for selector in selectors {
            if selector.is_pattern() {
                patterns.push(selector);
                page.trimmed = page.trimmed.max(self.index.floor());
            } else if let Some(number) = self.index.find(selector.as_str()) {
                numbers.push(number);
                page.trimmed = page.trimmed.max(self.index.trimmed(number));
            } else {
                page.trimmed = page.trimmed.max(self.index.floor());
            }
        }
        let mut room = Room { page: &mut page, left: max_bytes };
        if patterns.is_empty() {
            let mut upto = after.offset();
            let is_whole = self.each_after(numbers.iter().copied(), upto, |offset, frame| {
                let is_taken = room.take(offset, frame);
                if is_taken {
                    upto = offset;
                }
                is_taken
            });
            if !is_whole {
                page.upto = upto;
            }
        } else {
            self.look_through(&numbers, &patterns, after.offset(), room);
        }
        page
    }

    /// Fills a page by patterns, of which there is no index. There may be very many topics: each that
    /// comes up is looked at once.
    fn look_through(
        &self,
        numbers: &[u32],
        patterns: &[&Selector],
        after: u64,
        mut room: Room<'_>,
    ) {
        let mut known = vec![None; self.index.numbers()];
        for &number in numbers {
            known[number as usize] = Some(true);
        }
        let tried = Cell::new(0);
        let mut is_wanted = |number: &u32| {
            let matches = || {
                tried.set(tried.get() + patterns.len());
                patterns.iter().any(|it| self.index.is_match(it, *number))
            };
            *known[*number as usize].get_or_insert_with(matches)
        };
        let first = self.first();
        let read = (after.saturating_sub(first - 1)).min(self.entries.len() as u64);
        let unread = self.entries.range(read as usize..).zip(first + read..);
        for (looked, (entry, offset)) in unread.enumerate() {
            let is_enough = looked == MAX_LOOK || tried.get() >= MAX_TRIES;
            if is_enough
                || entry.topics.iter().any(&mut is_wanted) && !room.take(offset, &entry.frame)
            {
                room.page.upto = offset - 1;
                break;
            }
        }
        // To whoever has seen all that is gone it does not matter whose it was.
        let known_gone = after.max(room.page.trimmed);
        let gone = self.trims.iter().rev().zip((1..first).rev());
        let mut gone = gone.take_while(|&(_, offset)| offset > known_gone);
        tried.set(0);
        // Beyond what is remembered, or too much to match, it may have been theirs.
        let lost =
            gone.find(|(topics, _)| tried.get() >= MAX_TRIES || topics.iter().any(&mut is_wanted));
        let unknown = (first - 1).saturating_sub(self.trims.len() as u64);
        let unknown = if unknown > known_gone { unknown } else { 0 };
        let lost = lost.map_or(unknown, |(_, offset)| offset);
        room.page.trimmed = room.page.trimmed.max(lost);
    }

    /// Gives `take` the entries of any of these topics past an offset, in order, until it wants no
    /// more: false then.
    pub(crate) fn each_after(
        &self,
        topics: impl Iterator<Item = u32> + Clone,
        mut after: u64,
        mut take: impl FnMut(u64, &Bytes) -> bool,
    ) -> bool {
        // Of few it costs less to search for each entry than to remember where one is.
        if topics.clone().nth(FEW).is_none() {
            while let Some((offset, frame)) = self.next_after(topics.clone(), after) {
                if !take(offset, frame) {
                    return false;
                }
                after = offset;
            }
            return true;
        }
        let mut offsets = Merge::new(&self.index, topics, after);
        offsets.all(|offset| self.frame(offset).is_none_or(|frame| take(offset, frame)))
    }

    /// The first entry of any of these topics past an offset.
    pub(crate) fn next_after(
        &self,
        topics: impl Iterator<Item = u32>,
        after: u64,
    ) -> Option<(u64, &Bytes)> {
        let offset = topics.filter_map(|number| self.index.first_after(number, after)).min()?;
        let index = self.entries.len() as u64 - 1 - (self.head - offset);
        Some((offset, &self.entries[index as usize].frame))
    }

    /// Whether everything of this topic past an offset is at hand.
    pub(crate) fn covers(&self, topic: u32, after: u64) -> bool {
        self.trimmed(topic) <= after
    }

    /// Up to where entries of this topic are gone.
    pub(crate) fn trimmed(&self, topic: u32) -> u64 {
        self.index.trimmed(topic)
    }

    /// How many bytes of this topic lie past an offset.
    pub(crate) fn lag(&self, topic: u32, after: u64) -> u64 {
        self.index.bytes_after(topic, after)
    }

    /// The entries of any of these topics past an offset, up to another, each once, with their bytes.
    pub(crate) fn entries_of(
        &self,
        topics: impl Iterator<Item = u32>,
        after: u64,
        upto: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        let offsets = topics.flat_map(|number| self.index.offsets(number, after, upto));
        let mut offsets: Vec<_> = offsets.collect();
        // Sorted in parts, which this makes use of.
        offsets.sort();
        offsets.dedup();
        offsets.into_iter().filter_map(|at| Some((at, self.frame(at)?.len() as u64)))
    }

    /// How many bytes of whatever topic lie past an offset: never less than those of any
    /// topics, without a search.
    pub(crate) fn lag_of_all(&self, after: u64) -> u64 {
        let behind = self.head.saturating_sub(after);
        match (self.entries.len() as u64).checked_sub(behind + 1) {
            Some(index) => self.total_bytes - self.entries[index as usize].end,
            None if behind == 0 => 0,
            None => self
                .entries
                .front()
                .map_or(0, |first| self.total_bytes - first.end + first.frame.len() as u64),
        }
    }

    /// Whether the entry that came last has brought the bytes of all past a multiple of `step`.
    pub(crate) fn has_passed(&self, step: u64) -> bool {
        let newest = self.entries.back().map_or(0, |entry| entry.frame.len() as u64);
        let past = |bytes: u64| bytes.checked_div(step);
        step == 0 || past(self.total_bytes) != past(self.total_bytes - newest)
    }

    /// The topics of the entry that came last.
    pub(crate) fn newest_topics(&self) -> &[u32] {
        &self.newest
    }

    /// The newest entry of this topic past an offset.
    pub(crate) fn latest_after(&self, topic: u32, after: u64) -> Option<u64> {
        self.index.last_after(topic, after)
    }

    /// The frame of an entry that is kept.
    pub(crate) fn frame(&self, offset: u64) -> Option<&Bytes> {
        let index = usize::try_from(offset.checked_sub(self.first())?).ok()?;
        self.entries.get(index).map(|entry| &entry.frame)
    }

    /// Notes that a slot subscribes to this topic or pattern: see [`Index::enter`].
    pub(crate) fn enter(&mut self, name: &Selector, slot: u32) -> (u32, u32) {
        self.index.enter(name, slot, self.head)
    }

    /// Notes that whoever is at this place does so no more: see [`Index::leave`].
    pub(crate) fn leave(&mut self, number: u32, place: u32) -> Option<u32> {
        self.index.leave(number, place, self.head)
    }

    /// The slots of those who subscribe to this.
    pub(crate) fn members(&self, number: u32) -> &[u32] {
        self.index.members(number)
    }

    /// What this number stands for.
    pub(crate) fn name(&self, number: u32) -> Selector {
        Selector::known(self.index.name(number))
    }

    /// The number of what is known by this name.
    pub(crate) fn number_of(&self, name: &Selector) -> Option<u32> {
        self.index.find(name.as_str())
    }

    /// How many patterns are in use.
    pub(crate) fn patterns(&self) -> usize {
        self.index.patterns()
    }

    /// The most that one event can take, by what a hub lets through.
    pub(crate) fn largest_entry(config: &HubConfig) -> u64 {
        // An event of line breaks alone has a field for each byte; its id is 37 bytes at most.
        let fields = (config.max_event as u64).saturating_add(1);
        let frame = fields.saturating_mul("data: \n".len() as u64);
        let marks = (config.max_topics as u64).saturating_add(config.max_patterns_in_use as u64);
        let marks = marks.saturating_mul(size_of::<u32>() as u64);
        ["event: \nid: \n\n".len() as u64 + 40, marks, Entry::TABLES]
            .into_iter()
            .chain([Index::largest_share(config.max_topics, config.max_patterns_in_use)])
            .fold(frame, u64::saturating_add)
    }

    /// Gives up everything and begins after `head`.
    fn restart(&mut self, head: Cursor) {
        self.entries.clear();
        self.trims.clear();
        self.kept_bytes = 0;
        self.newest.clear();
        self.epoch = head.epoch();
        self.head = head.offset();
        self.index.clear(head.offset());
    }

    fn trim_oldest(&mut self) {
        let offset = self.first();
        let Some(entry) = self.entries.pop_front() else { return };
        self.kept_bytes -= entry.cost();
        for &number in &entry.topics {
            self.index.unmark(number, offset);
        }
        if self.trims.len() == MAX_TRIMS {
            self.trims.pop_front();
        }
        self.trims.push_back(entry.topics);
    }

    /// The offset of the oldest entry, or of the next.
    fn first(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }
}

/// A page as far as there is room.
struct Room<'a> {
    page: &'a mut HistoryPage,
    left: usize,
}

impl Room<'_> {
    /// Adds an entry, if there is room for it or it is the first.
    fn take(&mut self, offset: u64, frame: &Bytes) -> bool {
        let entry = Stored { offset, frame: frame.clone() };
        if entry.cost() > self.left && !self.page.entries.is_empty() {
            return false;
        }
        self.left = self.left.saturating_sub(entry.cost());
        self.page.entries.push(entry);
        true
    }
}

impl Entry {
    /// About the memory that it takes, its marks in the index apart.
    fn cost(&self) -> u64 {
        (self.frame.len() + size_of_val(&*self.topics)) as u64 + Self::TABLES
    }

    /// What it takes beside: twice its place, since the table grows ahead, and what counts the
    /// references to its frame.
    const TABLES: u64 = 2 * size_of::<Self>() as u64 + 32;
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("head", &self.head())
            .field("entries", &self.entries.len())
            .field("bytes", &self.bytes())
            .field("topics", &self.index.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use super::*;
    use crate::{HubConfig, Publish, Topic, index::tests::SEARCHES};

    /// Events of 1 KB, of as many topics in turn and of some of them at once.
    fn log_of(topics: u64, events: u64) -> Log {
        let start = Cursor::new(Epoch::new(1), 0);
        let mut log = Log::new(Retention::DEFAULT, start, 1);
        let mut hub = crate::Hub::new(HubConfig::default(), start, 1);
        for n in 0..events {
            let names = [n, n * 7].map(|n| Topic::new(&format!("t{}", n % topics)).unwrap());
            hub.publish(Publish::new(names, "x".repeat(1000)), Instant::ORIGIN).unwrap();
            let Some(crate::Output::Append { id, event, .. }) = hub.poll_output() else { panic!() };
            let place = Cursor::new(start.epoch(), n + 1);
            log.append(&event.place(place), Instant::ORIGIN);
            hub.handle_append_done(id, Ok(crate::Receipt::new(place)), Instant::ORIGIN);
            hub.poll_output();
        }
        log
    }

    #[test]
    fn a_page_of_many_topics_searches_each_once() {
        const EVENTS: u64 = 5000;
        for topics in [1, 4, 5, 64] {
            let mut log = log_of(topics, EVENTS);
            let names = |n| Selector::from(Topic::new(&format!("t{n}")).unwrap());
            let asked: Vec<_> = (0..topics).map(names).collect();
            let (mut after, mut offsets, mut pages) = (0, Vec::new(), 0);
            SEARCHES.set(0);
            while after < EVENTS {
                let place = Cursor::new(Epoch::new(1), after);
                let page = log.page(&asked, place, 256 << 10, Instant::ORIGIN);
                after = page.upto;
                offsets.extend(page.entries.iter().map(|entry| entry.offset));
                pages += 1;
            }
            assert!(offsets.iter().copied().eq(1..=EVENTS), "{topics} topics");
            let (searches, few) = (SEARCHES.get(), topics <= FEW as u64);
            let most = if few { (EVENTS as usize + pages) * FEW } else { pages * topics as usize };
            assert!(searches <= most, "{topics} topics: {searches} searches in {pages} pages");
        }
    }
}
