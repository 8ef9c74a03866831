//! A run of rows that come and go together.

use core::mem::size_of;

use super::{Draft, Retention};
use crate::row::{Row, RowKind};

/// What one row's texts take in the index.
const ENTRY_BYTES: usize = size_of::<Entry>();

/// Big enough that a gigabyte is a thousand segments, small enough to be dropped without a pause.
const SEGMENT_TEXT: usize = 1 << 20;

/// Rows without much text fill a segment too.
const SEGMENT_ROWS: u64 = 1 << 14;

/// A segment is this share of the retention at most, so that one dropped is little lost.
const SEGMENT_SHARE: u8 = 16;

/// The fixed-width part of a row. Its texts (type, id, data) lie in the segment from `start` on,
/// one after the other.
#[derive(Debug)]
struct Entry {
    unix_micros: u64,
    elapsed_micros: u64,
    kind: RowKind,
    attempt: u32,
    start: u32,
    event_type: u32,
    id: u32,
    data: u32,
}

#[derive(Debug)]
pub(super) struct Segment {
    first: u64,
    text: String,
    entries: Vec<Entry>,
}

impl Segment {
    pub(super) const fn new(first: u64) -> Self {
        Self { first, text: String::new(), entries: Vec::new() }
    }

    /// The number after its last row.
    pub(super) const fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(super) const fn cost(&self) -> usize {
        self.text.len() + self.entries.len() * ENTRY_BYTES
    }

    pub(super) fn is_full(&self, retention: &Retention) -> bool {
        let text = SEGMENT_TEXT.min(retention.bytes / usize::from(SEGMENT_SHARE));
        let rows = SEGMENT_ROWS.min(retention.rows / u64::from(SEGMENT_SHARE)).max(1);
        self.cost() >= text || self.entries.len() as u64 >= rows
    }

    /// Gives back the room that no further row will take.
    pub(super) fn seal(&mut self) {
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Says how many bytes the row takes.
    pub(super) fn append(&mut self, draft: &Draft<'_>) -> usize {
        let before = self.cost();
        let entry = Entry {
            unix_micros: draft.unix_micros,
            elapsed_micros: draft.elapsed_micros,
            kind: draft.kind,
            attempt: draft.attempt,
            start: narrow(self.text.len()),
            event_type: self.push(draft.event_type),
            id: self.push(draft.id),
            data: self.push(draft.data),
        };
        self.entries.push(entry);
        self.cost() - before
    }

    /// The rows from `first` on, each with at most `preview` bytes of its data.
    pub(super) fn rows(&self, first: u64, preview: usize) -> impl Iterator<Item = Row> {
        let skip = usize::try_from(first.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let numbers = self.first..;
        numbers.zip(&self.entries).skip(skip).map(move |(number, entry)| {
            let texts = self.text.get(entry.start as usize..).unwrap_or_default();
            let (event_type, texts) = split(texts, entry.event_type);
            let (id, texts) = split(texts, entry.id);
            let (data, _) = split(texts, entry.data);
            Row {
                number,
                kind: entry.kind,
                unix_micros: entry.unix_micros,
                elapsed_micros: entry.elapsed_micros,
                attempt: entry.attempt,
                event_type: event_type.into(),
                id: id.into(),
                data: beginning(data, preview).into(),
                data_bytes: entry.data.into(),
            }
        })
    }

    fn push(&mut self, text: &str) -> u32 {
        // The codec's limits keep a text far below; an entry must hold for any caller.
        let room = (u32::MAX as usize).saturating_sub(self.text.len());
        let text = beginning(text, room);
        self.text.push_str(text);
        narrow(text.len())
    }
}

/// At most `bytes` bytes of `text`, cut between characters.
fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    &text[..end]
}

fn split(text: &str, at: u32) -> (&str, &str) {
    text.split_at_checked(at as usize).unwrap_or((text, ""))
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_its_width() {
        assert_eq!(ENTRY_BYTES, 48);
    }
}
