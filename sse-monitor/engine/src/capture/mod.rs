//! What arrived, in memory: rows in order, found by number, bounded.

mod retention;
mod segment;

pub use retention::{Overflow, Retention};

use alloc::collections::VecDeque;

use crate::row::{Row, RowKind};
use segment::Segment;

/// A row that is about to be written: everything but its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) kind: RowKind,
    pub(crate) unix_micros: u64,
    pub(crate) elapsed_micros: u64,
    pub(crate) attempt: u32,
    pub(crate) event_type: &'a str,
    pub(crate) id: &'a str,
    pub(crate) data: &'a str,
}

/// Append-only segments. Each has the texts of its rows one after the other, and a fixed-width
/// index over them, so that a row costs no allocation of its own and the oldest ones go by the
/// segment. Any row is found by halving over the segments, whatever their number of rows.
#[derive(Debug)]
pub(crate) struct Capture {
    retention: Retention,
    segments: VecDeque<Segment>,
    /// The number of the oldest row kept; `next` where none is.
    first: u64,
    next: u64,
    kept_bytes: usize,
    forgotten: u64,
}

impl Capture {
    pub(crate) const fn new(retention: Retention) -> Self {
        Self {
            retention,
            segments: VecDeque::new(),
            first: 1,
            next: 1,
            kept_bytes: 0,
            forgotten: 0,
        }
    }

    pub(crate) const fn first_row(&self) -> u64 {
        self.first
    }

    pub(crate) const fn next_row(&self) -> u64 {
        self.next
    }

    pub(crate) const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    pub(crate) const fn rows_forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Whether the retention is reached: the next row costs an older one its place.
    pub(crate) fn is_full(&self) -> bool {
        !self.segments.is_empty()
            && (self.kept_bytes >= self.retention.bytes
                || self.next - self.first >= self.retention.rows)
    }

    pub(crate) fn append(&mut self, draft: &Draft<'_>) {
        if self.segments.back().is_none_or(|last| last.is_full(&self.retention)) {
            if let Some(last) = self.segments.back_mut() {
                last.seal();
            }
            self.segments.push_back(Segment::new(self.next));
        }
        if let Some(last) = self.segments.back_mut() {
            self.kept_bytes += last.append(draft);
            self.next += 1;
        }
        if self.retention.overflow == Overflow::DropOldest {
            self.forget();
        }
    }

    /// Drops the rows before `number`, as far as whole segments go.
    pub(crate) fn release(&mut self, number: u64) {
        while self.segments.front().is_some_and(|oldest| oldest.end() <= number) {
            self.drop_oldest();
        }
    }

    pub(crate) fn page(&self, first: u64, count: usize, preview: usize) -> Vec<Row> {
        let first = first.max(self.first);
        let kept = usize::try_from(self.next.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut rows = Vec::with_capacity(count.min(kept));
        for segment in self.segments.iter().skip(self.segment_of(first)) {
            let room = count.saturating_sub(rows.len());
            if room == 0 {
                break;
            }
            rows.extend(segment.rows(first, preview).take(room));
        }
        rows
    }

    pub(crate) fn row(&self, number: u64) -> Option<Row> {
        let segment = self.segments.get(self.segment_of(number))?;
        segment.rows(number, usize::MAX).next().filter(|row| row.number == number)
    }

    /// The index of the segment that `number` lies in, were it there.
    fn segment_of(&self, number: u64) -> usize {
        self.segments.partition_point(|segment| segment.end() <= number)
    }

    fn forget(&mut self) {
        while self.segments.len() > 1
            && (self.kept_bytes > self.retention.bytes
                || self.next - self.first > self.retention.rows)
        {
            self.forgotten += self.drop_oldest();
        }
    }

    /// Drops the oldest segment; says how many rows it had.
    fn drop_oldest(&mut self) -> u64 {
        let Some(oldest) = self.segments.pop_front() else { return 0 };
        self.kept_bytes -= oldest.cost();
        let before = self.first;
        self.first = oldest.end();
        self.first - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let mut capture = Capture::new(Retention::default());
        capture.append(&Draft { attempt: 3, id: "7", ..event("tick", "one\ntwo\u{1b}[0m") });
        let row = capture.row(1).unwrap();
        assert_eq!(
            row,
            Row {
                number: 1,
                kind: RowKind::Event,
                unix_micros: 5,
                elapsed_micros: 4,
                attempt: 3,
                event_type: "tick".into(),
                id: "7".into(),
                data: "one\ntwo\u{1b}[0m".into(),
                data_bytes: 11,
            }
        );
        assert_eq!(capture.row(0), None);
        assert_eq!(capture.row(2), None);
    }

    #[test]
    fn a_page_begins_at_any_row_and_crosses_segments() {
        let mut capture = Capture::new(Retention { rows: 1_000_000, ..Retention::default() });
        for n in 1..=100_000_u32 {
            capture.append(&event("n", &n.to_string()));
        }
        assert!(capture.segments.len() > 3);
        for first in [1, 2, 16_384, 16_385, 50_000, 99_999, 100_000] {
            let page = capture.page(first, 50, 80);
            let expected: Vec<u64> = (first..=100_000).take(50).collect();
            assert_eq!(page.iter().map(|row| row.number).collect::<Vec<_>>(), expected);
            assert!(page.iter().all(|row| row.data == row.number.to_string()));
        }
        assert!(capture.page(100_001, 50, 80).is_empty());
        assert!(capture.page(u64::MAX, usize::MAX, usize::MAX).is_empty());
        assert!(capture.page(1, 0, 80).is_empty());
    }

    #[test]
    fn a_preview_is_cut_between_characters_and_says_so() {
        let mut capture = Capture::new(Retention::default());
        capture.append(&event("message", "aé€𝄞z"));
        let previews: Vec<_> = (0..=12).map(|n| capture.page(1, 1, n).remove(0)).collect();
        let texts: Vec<_> = previews.iter().map(|row| row.data.as_str()).collect();
        assert_eq!(
            texts,
            ["", "a", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€", "aé€", "aé€𝄞", "aé€𝄞z", "aé€𝄞z"]
        );
        assert!(previews[10].is_cut());
        assert!(!previews[11].is_cut());
    }

    #[test]
    fn past_the_row_limit_the_oldest_fall_out_and_are_counted() {
        let mut capture = Capture::new(Retention { rows: 160, ..Retention::default() });
        for n in 1..=1_000_u32 {
            capture.append(&event("n", &n.to_string()));
            assert!(capture.next_row() - capture.first_row() <= 160);
        }
        assert_eq!(capture.next_row(), 1_001);
        assert_eq!(capture.rows_forgotten(), capture.first_row() - 1);
        assert!(capture.next_row() - capture.first_row() >= 150, "no more is dropped than must be");
        let page = capture.page(1, 1, 80);
        assert_eq!(page[0].number, capture.first_row(), "a page begins at the oldest row kept");
        assert_eq!(capture.row(1), None);
    }

    #[test]
    fn past_the_byte_limit_the_oldest_fall_out_and_the_newest_stays() {
        let mut capture = Capture::new(Retention { bytes: 10_000, ..Retention::default() });
        for _ in 0..1_000 {
            capture.append(&event("n", &"x".repeat(100)));
            assert!(capture.kept_bytes() <= 10_000);
        }
        capture.append(&event("n", &"x".repeat(50_000)));
        capture.append(&event("n", "after"));
        assert_eq!(capture.row(capture.next_row() - 1).unwrap().data, "after");
        assert!(capture.next_row() - capture.first_row() <= 2);
    }

    #[test]
    fn a_pausing_capture_forgets_nothing_until_it_is_released() {
        let retention = Retention { rows: 32, overflow: Overflow::Pause, ..Retention::default() };
        let mut capture = Capture::new(retention);
        for n in 1..=40_u32 {
            capture.append(&event("n", &n.to_string()));
        }
        assert!(capture.is_full());
        assert_eq!((capture.first_row(), capture.rows_forgotten()), (1, 0));
        capture.release(41);
        assert!(!capture.is_full());
        assert_eq!((capture.first_row(), capture.kept_bytes()), (41, 0));
        assert_eq!(capture.rows_forgotten(), 0, "released is not forgotten");
        capture.append(&event("n", "41"));
        assert_eq!(capture.row(41).unwrap().data, "41");
    }

    fn event<'a>(event_type: &'a str, data: &'a str) -> Draft<'a> {
        Draft {
            kind: RowKind::Event,
            unix_micros: 5,
            elapsed_micros: 4,
            attempt: 1,
            event_type,
            id: "",
            data,
        }
    }
}
