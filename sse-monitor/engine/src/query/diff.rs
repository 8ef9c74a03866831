//! Two sessions beside each other: what only one has, what they say differently, and when.

use alloc::collections::VecDeque;
use core::{
    hash::BuildHasher as _,
    mem,
    ops::{ControlFlow, Range},
};
use std::collections::{HashMap, hash_map::Entry};

use foldhash::fast::RandomState;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::report::Gaps;
use crate::{
    journal::{
        entry::{EntryKind, FLAG_OWN_ID, FLAG_SAME_ID},
        reader::{self, Reader},
        view::{Part, View},
    },
    row::{Row, RowKind},
};

/// The longest difference in time that is told apart from longer ones: a day.
const LONGEST: u64 = 24 * 3600 * 1_000_000;

/// Rows that are read at a time from the end of a session.
const BLOCK: u64 = 4096;

/// What makes two events of two sessions the same one.
///
/// Those that both sessions begin with are paired, then those that both end with. Of what is between, where several are
/// alike, those are paired first that come after an event that is alike too, and then each with the first one that is
/// left. So of a stream that repeats events without IDs, what is lost in one place is told as it is; where sessions
/// differ in several, those between may be [told as moved](Diff::reordered) though they did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Match {
    /// ID, type and data; of what is left then its own ID, or type and data where neither has one of its own.
    #[default]
    Id,
    /// Type and data.
    Content,
}

impl Match {
    /// Whether they say the same in everything that is compared.
    fn is_alike(self, first: &Seen, second: &Seen) -> bool {
        first.content == second.content && (self == Self::Content || first.id == second.id)
    }
}

/// What differs between two sessions, first and second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Diff {
    /// Events that both have.
    pub in_both: u64,
    /// Rows of the first that the second does not have.
    pub only_first: Vec<u64>,
    /// Rows of the second that the first does not have.
    pub only_second: Vec<u64>,
    /// Rows of equal IDs that do not say the same.
    pub changed: Vec<(u64, u64)>,
    /// Rows of events of both that come in another order in the second: the fewest without which the others
    /// come in one order.
    pub reordered: Vec<(u64, u64)>,
    /// Rows of the first that are damaged, and so not compared.
    #[serde(default)]
    pub damaged_first: u64,
    /// Rows of the second that are damaged, and so not compared.
    #[serde(default)]
    pub damaged_second: u64,
    /// How much later or earlier the second got the same event, each counted from the first event that
    /// both have.
    pub time: Gaps,
}

impl Diff {
    /// Whether both have the same events in the same order; their times may differ.
    pub const fn is_empty(&self) -> bool {
        self.only_first.is_empty()
            && self.only_second.is_empty()
            && self.changed.is_empty()
            && self.reordered.is_empty()
    }
}

/// An event, as far as it must be remembered.
#[derive(Clone, Copy, Debug)]
struct Seen {
    row: u64,
    content: u64,
    id: u64,
    /// Whether it has it from no event before.
    has_own_id: bool,
    elapsed_micros: u64,
}

/// The events of a session that were not met in the other so far, by what makes them the same.
#[derive(Debug, Default)]
struct Left {
    oldest: HashMap<u64, Seen, RandomState>,
    /// Those that are alike and came after the oldest, where there are any.
    others: HashMap<u64, VecDeque<Seen>, RandomState>,
}

impl Left {
    fn add(&mut self, key: u64, seen: Seen) {
        match self.oldest.entry(key) {
            Entry::Vacant(place) => drop(place.insert(seen)),
            Entry::Occupied(_) => self.others.entry(key).or_default().push_back(seen),
        }
    }

    /// The oldest.
    fn take(&mut self, key: u64) -> Option<Seen> {
        let Entry::Occupied(mut oldest) = self.oldest.entry(key) else { return None };
        match self.others.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => Some(oldest.insert(next)),
            None => Some(oldest.remove()),
        }
    }

    /// In the order of their rows.
    fn into_sorted(self) -> Vec<Seen> {
        let others = self.others.into_values().flatten();
        let mut all: Vec<_> = self.oldest.into_values().chain(others).collect();
        all.sort_unstable_by_key(|seen| seen.row);
        all
    }
}

/// An event that both have.
#[derive(Clone, Copy, Debug)]
struct Pair {
    first: u64,
    second: u64,
    is_changed: bool,
    /// By how much the second got it later, each by its own clock.
    later: i64,
}

impl Pair {
    fn of(first: Seen, second: Seen) -> Self {
        let later = i128::from(second.elapsed_micros) - i128::from(first.elapsed_micros);
        Self {
            first: first.row,
            second: second.row,
            is_changed: first.content != second.content,
            // A forged time may be any number.
            later: i64::try_from(later).unwrap_or(i64::MAX),
        }
    }
}

/// Compares the events of two sessions.
///
/// Reads each session once. Remembers 40 bytes of each event of the first, until those are paired that both begin and
/// end with; of each that is left of it then 56 to 110, and as many again of one that is like another; 32 of each that both
/// have (48 where not all come in one order), and of each of the second that has no like 40. What grows takes up to
/// twice as much. Events are compared by hashes of their texts, keyed anew each time.
pub fn diff(first: &View, second: &View, by: Match) -> Diff {
    let hasher = RandomState::default();
    let [mut first, mut second] = [first, second].map(|view| Unread::of(view, &hasher));
    let (mut all, mut pairs, mut over) = (Vec::new(), Vec::new(), Vec::new());
    first.read_while(|seen| {
        all.push(seen);
        true
    });
    let (before, end) = pair_ends(&mut all, &mut second, by, &mut pairs);
    let key = |before: &mut u64, seen: &Seen| {
        let before = mem::replace(before, seen.content);
        match by {
            Match::Id => hasher.hash_one((seen.id, seen.content, before)),
            Match::Content => hasher.hash_one((seen.content, before)),
        }
    };
    let (mut left, mut last) = (Left::default(), before);
    all.into_iter().for_each(|seen| left.add(key(&mut last, &seen), seen));
    let mut last = before;
    let mut meet = |seen| match left.take(key(&mut last, &seen)) {
        Some(other) => pairs.push(Pair::of(other, seen)),
        None => over.push(seen),
    };
    second.read_while(|seen| {
        meet(seen);
        true
    });
    end.into_iter().for_each(meet);
    let mut left = left.into_sorted();
    let mut again =
        |key: &dyn Fn(&Seen) -> Option<u64>| pair(&mut left, &mut over, &mut pairs, key);
    match by {
        Match::Id => {
            again(&|seen| Some(hasher.hash_one((seen.id, seen.content))));
            again(&|seen| seen.has_own_id.then_some(seen.id));
            again(&|seen| (!seen.has_own_id).then_some(seen.content));
        }
        Match::Content => again(&|seen| Some(seen.content)),
    }
    pairs.sort_unstable_by_key(|pair| pair.second);
    let changed = pairs.iter().filter(|pair| pair.is_changed);
    Diff {
        in_both: pairs.len() as u64,
        only_first: left.iter().map(|seen| seen.row).collect(),
        only_second: over.iter().map(|seen| seen.row).collect(),
        changed: changed.map(|pair| (pair.first, pair.second)).collect(),
        time: apart(&pairs),
        reordered: reordered(pairs.into_iter().map(|pair| (pair.first, pair.second)).collect()),
        damaged_first: first.damaged,
        damaged_second: second.damaged,
    }
}

/// Pairs the events that both begin with, then those that both end with. What is left of the first stays in it; returns
/// the content of the event before that, and what was read of the end of the second and has no like.
fn pair_ends(
    first: &mut Vec<Seen>,
    second: &mut Unread<'_>,
    by: Match,
    pairs: &mut Vec<Pair>,
) -> (u64, Vec<Seen>) {
    let mut before = 0;
    second.read_while(|seen| {
        let other = first.get(pairs.len()).filter(|other| by.is_alike(other, &seen));
        let Some(other) = other else { return false };
        pairs.push(Pair::of(*other, seen));
        before = seen.content;
        true
    });
    first.drain(..pairs.len());
    let mut block = Vec::new();
    while block.is_empty() && second.read_last(&mut block) {
        let is_alike = |(first, second): &(Seen, Seen)| by.is_alike(first, second);
        let last = |first: &[Seen], second: &[Seen]| {
            first.last().copied().zip(second.last().copied()).filter(is_alike)
        };
        while let Some((other, seen)) = last(first, &block) {
            pairs.push(Pair::of(other, seen));
            first.pop();
            block.pop();
        }
    }
    first.shrink_to_fit();
    (before, block)
}

/// Pairs, in their order, those that are left of both and have the same key.
fn pair(
    first: &mut Vec<Seen>,
    second: &mut Vec<Seen>,
    pairs: &mut Vec<Pair>,
    key: &dyn Fn(&Seen) -> Option<u64>,
) {
    if first.is_empty() || second.is_empty() {
        return;
    }
    let mut left = Left::default();
    first.retain(|seen| key(seen).map(|key| left.add(key, *seen)).is_none());
    second.retain(|seen| match key(seen).and_then(|key| left.take(key)) {
        Some(other) => {
            pairs.push(Pair::of(other, *seen));
            false
        }
        None => true,
    });
    first.extend(left.into_sorted());
    first.sort_unstable_by_key(|seen| seen.row);
}

/// By how much times differ, counted from the first of the pairs.
fn apart(pairs: &[Pair]) -> Gaps {
    // Three digits tell times well enough apart; the bounds are constants, and right ones.
    let mut times = Histogram::<u64>::new_with_bounds(1, LONGEST, 3)
        .unwrap_or_else(|error| unreachable!("{error}"));
    let mut longest = 0;
    let origin = pairs.first().map_or(0, |pair| pair.later);
    for pair in pairs {
        let apart = pair.later.abs_diff(origin);
        longest = longest.max(apart);
        times.saturating_record(apart.min(LONGEST));
    }
    Gaps::of(&times, longest)
}

/// Of pairs in the order of the second, those outside a longest run that the first has in the same order.
///
/// By what ends the runs of each length (patience sorting): as many are left out whichever session is the
/// first, in a time of n log n.
fn reordered(both: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    if both.is_sorted() {
        return Vec::new();
    }
    // Where the run of each length ends that has the lowest end, and the pair before each pair in its run.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = Vec::with_capacity(both.len());
    for (place, (row, _)) in both.iter().enumerate() {
        let length = ends.partition_point(|end| both[*end].0 < *row);
        before.push(length.checked_sub(1).map_or(usize::MAX, |shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    let mut in_order = ends.last().copied().unwrap_or(usize::MAX);
    let mut others = Vec::with_capacity(both.len() - ends.len());
    for (place, pair) in both.into_iter().enumerate().rev() {
        match place == in_order {
            true => in_order = before[place],
            false => others.push(pair),
        }
    }
    others.reverse();
    others
}

/// What of a session was not read yet.
struct Unread<'a> {
    view: &'a View,
    hasher: &'a RandomState,
    rows: Range<u64>,
    /// How many rows were damaged of what was read.
    damaged: u64,
}

impl<'a> Unread<'a> {
    fn of(view: &'a View, hasher: &'a RandomState) -> Self {
        Self { view, hasher, rows: view.numbers(), damaged: 0 }
    }

    /// Shows each event in its order, until one is not taken, with which the next read begins.
    fn read_while(&mut self, mut is_taken: impl FnMut(Seen) -> bool) {
        let mut rows = self.rows.clone();
        rows.start = self.read(rows.clone(), &mut is_taken).unwrap_or(rows.end);
        self.rows = rows;
    }

    /// The events of some rows at its end; whether there were any rows.
    fn read_last(&mut self, events: &mut Vec<Seen>) -> bool {
        let within = |part: &Part| {
            let Range { start, end } = part.numbers();
            start.max(self.rows.start)..end.min(self.rows.end)
        };
        let Some(rows) = self.view.parts().iter().rev().map(within).find(|rows| !rows.is_empty())
        else {
            return false;
        };
        self.rows.end = rows.start.max(rows.end.saturating_sub(BLOCK));
        self.read(self.rows.end..rows.end, &mut |seen| {
            events.push(seen);
            true
        });
        true
    }

    /// The row of the first event that is not taken.
    fn read(&mut self, rows: Range<u64>, is_taken: &mut dyn FnMut(Seen) -> bool) -> Option<u64> {
        let mut reader = Reader::new(self.view);
        reader::for_entries(self.view, rows, |_, number, entry| {
            // Others are read to see whether they are damaged, as statistics do: what they were nobody can tell then.
            let is_event = entry.is_none_or(|entry| entry.kind == EntryKind::Event);
            let is_own =
                entry.is_some_and(|entry| entry.has(FLAG_OWN_ID) || !entry.has(FLAG_SAME_ID));
            let row = reader.row(number, if is_event { usize::MAX } else { 0 });
            self.damaged += u64::from(row.as_ref().is_some_and(|row| row.kind == RowKind::Damaged));
            let Some(row) = row.filter(|row| row.kind == RowKind::Event) else {
                return ControlFlow::Continue(());
            };
            let Row { event_type, data, id, elapsed_micros, .. } = row;
            let content = self.hasher.hash_one((&event_type, &data));
            let has_own_id = is_own && !id.is_empty();
            let id = self.hasher.hash_one(&id);
            match is_taken(Seen { row: number, content, id, has_own_id, elapsed_micros }) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(number),
            }
        })
    }
}
