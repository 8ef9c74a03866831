//! The rows that the window lists, by position: all of a session, or those that pass a filter.

use alloc::sync::Arc;

use sse_monitor_engine::{Row, View, query::Filtered};

/// Of a row in the list one line is seen: no screen is wider than this.
const PREVIEW_BYTES: usize = 600;

/// How often a page is taken anew where a search found older rows meanwhile.
const TRIES: usize = 4;

/// A session's rows in order, as they stood at one moment, and where the list ends.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) stretches: Vec<Stretch>,
    /// The number of the oldest row that is kept.
    pub(crate) first: u64,
    /// The number after the newest that is listed.
    pub(crate) end: u64,
}

/// The rows of one watch or recording.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) view: View,
    /// Rows and attempts that came before its own first ones.
    pub(crate) rows: u64,
    pub(crate) attempts: u32,
    /// Which of them pass, where there is a filter.
    pub(crate) found: Option<Arc<Filtered>>,
}

/// Rows that lie beside each other in the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Slice {
    /// How many rows the list has.
    pub(crate) total: u64,
    /// The position of the first of these.
    pub(crate) begin: u64,
    /// The position of the row that was asked about: of the next in the list, if it does not pass.
    pub(crate) anchor: u64,
    pub(crate) rows: Vec<Row>,
}

impl List {
    /// How many rows of the list come before row `number`.
    pub(crate) fn position(&self, number: u64) -> u64 {
        let number = number.clamp(self.first, self.end.max(self.first));
        if self.stretches.iter().all(|stretch| stretch.found.is_none()) {
            return number - self.first;
        }
        self.stretches.iter().map(|stretch| stretch.passed(self.first, number)).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.position(self.end)
    }

    /// Up to `count` rows, from `shift` rows after row `number` on; the last ones without a number.
    pub(crate) fn slice(&self, number: Option<u64>, shift: i64, count: usize) -> Slice {
        let mut slice = Slice::default();
        for _ in 0..TRIES {
            let total = self.total();
            let anchor = number.map_or(total, |number| self.position(number));
            let begin = match number {
                Some(_) => anchor.saturating_add_signed(shift).min(total),
                None => total.saturating_sub(count as u64),
            };
            let rows = self.page(begin, count);
            let is_still = rows.first().is_none_or(|row| self.position(row.number) == begin);
            slice = Slice { total, begin, anchor, rows };
            if is_still && self.total() == total {
                break;
            }
        }
        slice
    }

    /// The row `by` rows after row `number`, or after the one at `position` without it, and its position.
    pub(crate) fn seek(&self, number: Option<u64>, position: u64, by: i64) -> Option<(u64, u64)> {
        let from = number.map_or(position, |number| self.position(number));
        let last = self.total().checked_sub(1)?;
        let to = from.min(last).saturating_add_signed(by).min(last);
        let row = self.page(to, 1).pop()?;
        Some((row.number, to))
    }

    fn page(&self, position: u64, count: usize) -> Vec<Row> {
        let mut skip = position;
        let mut rows = Vec::new();
        for stretch in &self.stretches {
            let room = count - rows.len();
            if room == 0 {
                break;
            }
            let Some(found) = &stretch.found else {
                let (from, end) = (self.first + position, self.end);
                let local = stretch.local(from).max(1);
                let page = stretch.view.page(local, room, PREVIEW_BYTES);
                let placed = page.into_iter().map(|row| stretch.place(row));
                rows.extend(placed.filter(|row| row.number >= from && row.number < end));
                continue;
            };
            let passed = stretch.passed(self.first, self.end);
            if skip < passed {
                let before = found.position(stretch.local(self.first));
                let left = usize::try_from(passed - skip).unwrap_or(usize::MAX);
                let numbers = found.page(before + skip, room.min(left));
                let page = stretch.view.rows(&numbers, PREVIEW_BYTES);
                rows.extend(page.into_iter().map(|row| stretch.place(row)));
            }
            skip = skip.saturating_sub(passed);
        }
        rows
    }
}

impl Stretch {
    /// The number that a row of the list has here; 0 if it came before.
    fn local(&self, number: u64) -> u64 {
        number.saturating_sub(self.rows)
    }

    /// The row with its place among those of all stretches.
    pub(crate) fn place(&self, row: Row) -> Row {
        // The window shows no time of 0.
        let unix_micros = if self.view.origin().untimed { 0 } else { row.unix_micros };
        let (number, attempt) = (row.number + self.rows, row.attempt + self.attempts);
        Row { number, attempt, unix_micros, ..row }
    }

    /// How many rows pass, from number `first` up to `end`.
    fn passed(&self, first: u64, end: u64) -> u64 {
        let Some(found) = &self.found else { return 0 };
        found.position(self.local(end)).saturating_sub(found.position(self.local(first)))
    }
}
