//! Finds the rows that pass a query.

use alloc::sync::Arc;
use core::ops::Range;

use super::{
    block::Scan,
    filter::{Excluded, Exclusion, Query, TypeSet},
    text::Needle,
};
use crate::{
    journal::{
        entry::{ENTRY, Entry, EntryKind},
        reader::Reader,
        segment::Segment,
        texts,
        view::{Part, View},
    },
    row::{Row, RowKind},
};

/// Entries looked at together: few enough that the first results are there in a blink, and that a
/// search can be given up.
pub(super) const BLOCK: u64 = 2048;

/// In which order rows are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// From the oldest to the newest.
    #[default]
    Forward,
    /// From the newest to the oldest.
    Backward,
}

/// A page of rows that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hits {
    /// Their numbers, in the order asked for.
    pub numbers: Vec<u64>,
    /// From which row on to ask for more; `None` once all were looked at.
    pub next: Option<u64>,
    /// How many rows were looked at.
    pub looked_at: u64,
    /// The rows up to `next` that could not be read to be asked, since they are damaged, block by block.
    pub unreadable: Vec<u64>,
}

/// How much one call finds and looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most rows found.
    pub hits: usize,
    /// About how many rows are looked at, in whole blocks of some thousands: so a search that finds
    /// nothing comes back, can be shown as under way, and be given up.
    pub rows: u64,
}

impl Budget {
    /// As many rows as there are, until so many are found.
    pub const fn hits(hits: usize) -> Self {
        Self { hits, rows: u64::MAX }
    }
}

impl View {
    /// The numbers of the rows that pass, from row `from` on in this order. To go on, ask again with
    /// [`Hits::next`].
    pub fn find(&self, query: &Query, from: u64, order: Order, budget: Budget) -> Hits {
        let mut hits = Hits::default();
        let mut search = Search::new(self, query);
        let all = search.numbers();
        let mut left = match order {
            Order::Forward => from.max(all.start)..all.end,
            Order::Backward => all.start..all.end.min(from.saturating_add(1)),
        };
        while left.start < left.end {
            if hits.numbers.len() >= budget.hits || hits.looked_at >= budget.rows {
                hits.next = Some(match order {
                    Order::Forward => left.start,
                    Order::Backward => left.end - 1,
                });
                break;
            }
            let block = match order {
                Order::Forward => left.start..left.end.min(left.start + BLOCK),
                Order::Backward => left.start.max(left.end.saturating_sub(BLOCK))..left.end,
            };
            hits.looked_at += block.end - block.start;
            let mut found = Vec::new();
            search.block(block.clone(), |_, number, _| found.push(number));
            let room = budget.hits - hits.numbers.len();
            let before = left.clone();
            match order {
                Order::Forward => {
                    left.start = match found.get(room) {
                        // The rest of the block is looked at again.
                        Some(first_left) => *first_left,
                        None => block.end,
                    };
                    hits.numbers.extend(found.into_iter().take(room));
                }
                Order::Backward => {
                    found.reverse();
                    left.end = match found.get(room) {
                        Some(first_left) => first_left + 1,
                        None => block.start,
                    };
                    hits.numbers.extend(found.into_iter().take(room));
                }
            }
            let is_past = |number: &&u64| before.contains(number) && !left.contains(number);
            hits.unreadable.extend(search.unreadable.iter().filter(is_past));
        }
        hits
    }

    /// The rows of these numbers, as [`find`](Self::find) gives them, with at most `preview` bytes of
    /// their data each.
    pub fn rows(&self, numbers: &[u64], preview: usize) -> Vec<Row> {
        let mut reader = Reader::new(self);
        numbers.iter().filter_map(|number| reader.row(*number, preview)).collect()
    }

    /// How many rows pass.
    pub fn count(&self, query: &Query) -> u64 {
        let mut count = 0;
        for_each_hit(self, query, |_, _, _| count += 1);
        count
    }
}

/// A search under way.
pub(super) struct Search<'v> {
    view: &'v View,
    query: &'v Query,
    types: TypeSet,
    excluded: Excluded<'v>,
    reader: Reader<'v>,
    /// The rows of a block that could not be read to be asked.
    unreadable: Vec<u64>,
    /// What a row's bytes must hold: the longest of the texts, which is mostly the rarest.
    needle: Option<&'v Needle>,
    scan: Scan,
    bytes: Vec<u8>,
    entries: Vec<Option<Entry>>,
}

impl<'v> Search<'v> {
    pub(super) fn new(view: &'v View, query: &'v Query) -> Self {
        let texts = query.texts.iter().filter_map(|text| text.needle());
        let needles = texts.chain(query.json.iter().filter_map(|test| test.needle()));
        let types = view.kept().types();
        Self {
            view,
            query,
            excluded: Excluded::of(query, &types),
            types: TypeSet::of(query, &types),
            reader: Reader::new(view),
            unreadable: Vec::new(),
            needle: needles.max_by_key(|needle| needle.longest()),
            scan: Scan::default(),
            bytes: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// The rows among which the query looks.
    pub(super) fn numbers(&self) -> Range<u64> {
        let all = self.view.numbers();
        match &self.query.numbers {
            Some(numbers) => {
                let end = numbers.end().saturating_add(1).min(all.end);
                all.start.max(*numbers.start()).min(end)..end
            }
            None => all,
        }
    }

    /// Shows `each` the rows of this block that pass, in order; without an entry those that do as damaged ones.
    pub(super) fn block(
        &mut self,
        numbers: Range<u64>,
        mut each: impl FnMut(&Arc<Segment>, u64, Option<&Entry>),
    ) {
        let view = self.view;
        self.unreadable.clear();
        for part in view.parts() {
            let rows = part.numbers();
            let range = rows.start.max(numbers.start)..rows.end.min(numbers.end);
            if range.start < range.end {
                self.part(part, range, &mut each);
            }
        }
    }

    fn part(
        &mut self,
        part: &Part,
        range: Range<u64>,
        each: &mut impl FnMut(&Arc<Segment>, u64, Option<&Entry>),
    ) {
        let (view, segment) = (self.view, &part.segment);
        let count = usize::try_from(range.end - range.start).unwrap_or(0);
        let at = (range.start - segment.first_row) * ENTRY as u64;
        if segment.index.read_into(at, count * ENTRY, &mut self.bytes).is_err() {
            return;
        }
        let mut entries = core::mem::take(&mut self.entries);
        entries.clear();
        entries.extend(self.bytes.as_chunks::<ENTRY>().0.iter().map(Entry::decode));
        let may_pass = |(entry, number): (&Option<Entry>, u64)| {
            entry.as_ref().is_some_and(|entry| self.query.may_pass(number, entry, &self.types))
        };
        // Where no row can pass whatever it says, the bytes are left alone.
        let needle = self.needle.filter(|_| entries.iter().zip(range.clone()).any(may_pass));
        let is_walked =
            needle.is_some_and(|needle| self.scan.look(segment, &entries, needle).is_ok());
        for ((slot, entry), number) in entries.iter().enumerate().zip(range) {
            let Some(entry) = entry else {
                view.kept().add_damage(segment.damaged_entry(number));
                if self.query.may_pass_without_entry() && self.passes_as_damaged(number) {
                    each(segment, number, None);
                } else {
                    self.unreadable.push(number);
                }
                continue;
            };
            if !self.query.names_kind(entry.kind) {
                if self.query.may_pass(number, entry, &self.types) && self.passes_as_damaged(number)
                {
                    each(segment, number, None);
                }
                continue;
            }
            // The sentences of the other kinds stand nowhere.
            let stands =
                matches!(entry.kind, EntryKind::Event | EntryKind::Comment | EntryKind::Turn);
            if is_walked && stands && !self.scan.is_marked(slot) {
                continue;
            }
            if self.passes(segment, number, entry) && self.is_left(number, entry) {
                each(segment, number, Some(entry));
            }
        }
        self.entries = entries;
    }

    fn passes_as_damaged(&mut self, number: u64) -> bool {
        let row = self.reader.row(number, usize::MAX);
        row.is_some_and(|row| {
            row.kind == RowKind::Damaged && self.query.passes(&row) && self.excluded.passes(&row)
        })
    }

    fn passes(&mut self, segment: &Arc<Segment>, number: u64, entry: &Entry) -> bool {
        let query = self.query;
        if !query.may_pass(number, entry, &self.types) {
            return false;
        }
        if !query.ids.is_empty() {
            let Ok(id) = self.reader.id(segment, entry) else {
                self.unreadable.push(number);
                return false;
            };
            if !query.ids.iter().any(|wanted| wanted == id) {
                return false;
            }
        }
        let type_is_known = query.event_types.is_empty() || self.types.is_known(entry.event_type);
        if type_is_known && !query.reads_data() {
            return true;
        }
        if entry.kind != EntryKind::Event {
            return self.other_passes(number, entry);
        }
        let limits = self.reader.limits();
        let texts =
            self.reader.raw(segment, entry).and_then(|raw| texts::texts(entry, raw, limits));
        let Ok(texts) = texts else {
            self.reader.tell(segment, number, entry);
            self.unreadable.push(number);
            return false;
        };
        (type_is_known || query.event_types.iter().any(|wanted| **wanted == *texts.event_type))
            && query.data_passes(&texts.data)
    }

    /// Whether it is none of those that are excluded.
    fn is_left(&mut self, number: u64, entry: &Entry) -> bool {
        match self.excluded.look(number, entry) {
            Exclusion::Passes => true,
            Exclusion::IsExcluded => false,
            Exclusion::IsOpen => {
                let row = self.reader.row(number, usize::MAX);
                row.is_some_and(|row| self.excluded.passes(&row))
            }
        }
    }

    /// Rows that are no events have a sentence or a comment for data.
    fn other_passes(&mut self, number: u64, entry: &Entry) -> bool {
        if !(self.query.json.is_empty() && self.query.event_types.is_empty()) {
            return false;
        }
        match texts::sentence(entry) {
            Some(sentence) => self.query.data_passes(&sentence),
            None => {
                let row = self.reader.row(number, usize::MAX);
                if row.as_ref().is_some_and(|row| row.kind == RowKind::Damaged) {
                    self.unreadable.push(number);
                    return false;
                }
                row.is_some_and(|row| self.query.data_passes(&row.data))
            }
        }
    }
}

/// Shows `each` the entries of the rows that pass, in order; of those that do as damaged ones none.
pub(super) fn for_each_hit(
    view: &View,
    query: &Query,
    mut each: impl FnMut(&Arc<Segment>, u64, Option<&Entry>),
) {
    let mut search = Search::new(view, query);
    let numbers = search.numbers();
    let mut start = numbers.start;
    while start < numbers.end {
        let end = numbers.end.min(start + BLOCK);
        search.block(start..end, &mut each);
        start = end;
    }
}
