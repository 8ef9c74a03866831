//! What is kept, as it stood at one moment: rows by number.

use alloc::sync::Arc;
use core::ops::{ControlFlow, Range};

use super::{
    dropped::{Dropped, Passed, RawEnd},
    kept::Kept,
    reader::Reader,
    segment::Segment,
    turn::{Origin, Turn},
};
use crate::row::Row;

/// A session's rows as they stood at one moment. The stream may go on meanwhile, and whatever is
/// dropped meanwhile can still be read through it.
///
/// Cheap to make: nothing is copied and nothing is locked while it is read, so that a search over a
/// million events holds up neither the stream nor the window.
#[derive(Clone, Debug)]
pub struct View {
    kept: Arc<Kept>,
    parts: Vec<Part>,
    first_row: u64,
}

/// A segment, and how many rows it had.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    pub(crate) rows: u64,
}

impl Part {
    pub(crate) fn numbers(&self) -> Range<u64> {
        self.segment.first_row..self.segment.first_row + self.rows
    }
}

impl View {
    pub(crate) fn new<'a>(
        kept: Arc<Kept>,
        segments: impl Iterator<Item = &'a Arc<Segment>>,
        first_row: u64,
    ) -> Self {
        let parts = segments
            .map(|segment| Part { segment: Arc::clone(segment), rows: segment.rows() })
            .collect();
        Self { kept, parts, first_row }
    }

    /// Where the session's rows come from.
    pub fn origin(&self) -> &Origin {
        &self.kept.origin
    }

    /// The number of the oldest row.
    pub fn first_row(&self) -> u64 {
        self.first_row.min(self.next_row())
    }

    /// The number that the row after the newest gets.
    pub fn next_row(&self) -> u64 {
        self.parts.last().map_or(self.first_row, |part| part.numbers().end)
    }

    /// Up to `count` rows from number `first` on, each with at most `preview` bytes of its data.
    ///
    /// Begins at the oldest row where `first` has fallen out, and is empty past the newest. The cost
    /// depends on the page, not on how many rows there are.
    pub fn page(&self, first: u64, count: usize, preview: usize) -> Vec<Row> {
        let numbers = self.numbers();
        let first = first.max(numbers.start);
        let last = first.saturating_add(count as u64).min(numbers.end);
        let mut reader = Reader::new(self);
        (first..last).filter_map(|number| reader.row(number, preview)).collect()
    }

    /// Calls `each` for the rows that [`page`](Self::page) would give, one at a time in the same memory.
    /// Returns the number of the row after those it was called for.
    pub fn visit<B>(
        &self,
        first: u64,
        count: usize,
        mut each: impl FnMut(&mut Row) -> ControlFlow<B>,
    ) -> ControlFlow<B, u64> {
        let numbers = self.numbers();
        let first = first.max(numbers.start);
        let last = first.saturating_add(count as u64).min(numbers.end).max(first);
        let mut reader = Reader::new(self);
        let mut row = Row::default();
        for number in first..last {
            if reader.row_into(number, usize::MAX, &mut row).is_some() {
                each(&mut row)?;
            }
        }
        ControlFlow::Continue(last)
    }

    /// The whole row `number`; `None` if it has fallen out or did not come yet.
    pub fn row(&self, number: u64) -> Option<Row> {
        (number >= self.first_row).then(|| Reader::new(self).row(number, usize::MAX)).flatten()
    }

    /// The bytes of row `number` as the server sent them, without transfer and content coding; `None`
    /// if there are none, since it is a turn of the connection, or since they are damaged. Of an event that was
    /// [dropped](Self::dropped) at most the first 64 MiB; [`visit_raw`](Self::visit_raw) has no such limit.
    pub fn raw(&self, number: u64) -> Option<Vec<u8>> {
        (number >= self.first_row).then(|| Reader::new(self).raw_row(number)).flatten()
    }

    /// Shows `each` the bytes of row `number`, a piece at a time, until it breaks. An event that was
    /// [dropped](Self::dropped) goes up to its blank line, or as far as it came. Gives how they end; a turn of the
    /// connection has none.
    pub fn visit_raw<B>(
        &self,
        number: u64,
        each: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> ControlFlow<B, RawEnd> {
        if number < self.first_row {
            return ControlFlow::Continue(RawEnd::Damaged);
        }
        Reader::new(self).visit_raw(number, each)
    }

    /// What is known of row `number`, which was dropped since it passed a limit; `None` of any other, and where it
    /// cannot be read.
    pub fn dropped(&self, number: u64) -> Option<Dropped> {
        (number >= self.first_row).then(|| Reader::new(self).dropped(number)).flatten()
    }

    /// Which limit row `number` passed, as [`dropped`](Self::dropped) tells with all else: without a look at its bytes.
    pub fn passed(&self, number: u64) -> Option<Passed> {
        (number >= self.first_row).then(|| Reader::new(self).passed(number)).flatten()
    }

    /// What row `number` tells of the connection, with the heads of request and response; `None` if it
    /// is no turn of it.
    pub fn turn(&self, number: u64) -> Option<Turn> {
        (number >= self.first_row).then(|| Reader::new(self).turn(number)).flatten()
    }

    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The segment in which row `number` is.
    pub(crate) fn part_of(&self, number: u64) -> Option<&Part> {
        let after = self.parts.partition_point(|part| part.segment.first_row <= number);
        let part = self.parts.get(after.checked_sub(1)?)?;
        part.numbers().contains(&number).then_some(part)
    }

    /// The numbers of all its rows.
    pub(crate) fn numbers(&self) -> Range<u64> {
        self.first_row()..self.next_row()
    }
}
