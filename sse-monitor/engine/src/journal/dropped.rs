//! Events that passed a limit: what is known of one, and its bytes, which are kept all the same.

use alloc::sync::Arc;
use core::{fmt::Write as _, ops::ControlFlow};

use serde::{Deserialize, Serialize};

use super::{
    entry::{Entry, FLAG_COMMENT_TOO_LONG, FLAG_EVENT_TOO_LONG, FLAG_NDJSON, FLAG_VALUE_TOO_LONG},
    reader::Unreadable,
    turn::{Format, LinePlace},
};

/// Type and ID are looked for in so much of an event: they mostly stand before what is long.
const BEGINNING: usize = 64 << 10;

/// Types and IDs are told up to so many characters.
const MOST_SHOWN: usize = 80;

/// What was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Passed {
    /// A line of the event, or of a comment: all is dropped that stands with it up to the next blank line.
    Line,
    /// All of the event, which may be a line of JSON.
    Event,
    /// The event's type or ID.
    Value,
    /// A comment, as text: its line is within the limit, so that it alone was left out and no event is lost by it.
    Comment,
}

/// How the bytes of a row end, as [`View::visit_raw`](crate::View::visit_raw) shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RawEnd {
    /// With the row.
    Whole,
    /// Of an event that was dropped, as far as it has come by now: it goes on, or its connection ended.
    Unfinished,
    /// Not all of them can be read, or there are none.
    Damaged,
}

/// An event that was dropped since it passed a [limit](crate::Limits), or a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Dropped {
    /// What was too long.
    pub passed: Passed,
    /// The limit, in bytes.
    pub limit: u64,
    /// Before which byte of the response's body it begins; `None` where the recording is of a version that does
    /// not say.
    pub at: Option<u64>,
    /// Its type, where its beginning names one.
    pub event_type: Option<String>,
    /// Its ID, where its beginning names one.
    pub id: Option<String>,
}

impl Passed {
    /// What its entry says.
    pub(super) const fn of(entry: &Entry) -> Self {
        match entry {
            _ if entry.has(FLAG_COMMENT_TOO_LONG) => Self::Comment,
            // A line of JSON is an event.
            _ if entry.has(FLAG_EVENT_TOO_LONG) || entry.has(FLAG_NDJSON) => Self::Event,
            _ if entry.has(FLAG_VALUE_TOO_LONG) => Self::Value,
            _ => Self::Line,
        }
    }
}

impl Dropped {
    /// What its entry says, and its first bytes.
    pub(super) fn of(entry: &Entry, beginning: &[u8]) -> Self {
        let passed = Passed::of(entry);
        let is_event = passed != Passed::Comment && !entry.has(FLAG_NDJSON);
        let value = |name| is_event.then(|| value(beginning, name)).flatten();
        Self {
            passed,
            limit: entry.data_length.into(),
            at: entry.id_at.checked_sub(1),
            event_type: value(b"event"),
            id: value(b"id"),
        }
    }

    /// It in words.
    pub(super) fn sentence(&self) -> String {
        let is_comment = self.passed == Passed::Comment;
        let mut text = String::from(if is_comment { "a comment" } else { "an event" });
        let mut known = Vec::new();
        known.extend(self.event_type.as_deref().map(|name| format!("type {}", shown(name))));
        known.extend(self.id.as_deref().map(|id| format!("id {}", shown(id))));
        known.extend(self.at.map(|at| format!("at byte {at} of the body")));
        if !known.is_empty() {
            let _ = write!(text, " ({})", known.join(", "));
        }
        text.push_str(match self.passed {
            Passed::Comment => " was left out, and no event with it: it",
            Passed::Event => " was dropped: it",
            Passed::Line => " was dropped: a line of it",
            Passed::Value => " was dropped: its type or ID",
        });
        let _ = write!(text, " is longer than {} bytes", self.limit);
        text.push_str(match self.passed {
            Passed::Comment => " as text, the limit for a line",
            Passed::Event => ", the limit for an event",
            Passed::Line => ", the limit for a line",
            Passed::Value => ", the limit for these",
        });
        text
    }
}

/// What the last whole line of this name says, before a blank line.
fn value(beginning: &[u8], name: &[u8]) -> Option<String> {
    let mut found = None;
    let mut rest = beginning;
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        let line = &rest[..end];
        let is_crlf = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + if is_crlf { 2 } else { 1 }..];
        if line.is_empty() {
            break;
        }
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(b":"));
        let value = value.map(|value| value.strip_prefix(b" ").unwrap_or(value));
        if let Some(value) = value.filter(|value| !(name == b"id" && value.contains(&0))) {
            found = Some(value);
        }
    }
    // An empty one is none.
    let found = found.filter(|value| !value.is_empty());
    found.map(|value| String::from_utf8_lossy(value).into_owned())
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where an event ends whose rest was not decoded: after its blank line; of a comment or a line of JSON after the line.
#[derive(Debug)]
pub(crate) struct End {
    is_line: bool,
    line_is_empty: bool,
    after_cr: bool,
}

impl End {
    /// Of one from its beginning on.
    pub(super) const fn of(entry: &Entry) -> Self {
        let is_line = entry.has(FLAG_COMMENT_TOO_LONG) || entry.has(FLAG_NDJSON);
        Self { is_line, line_is_empty: true, after_cr: false }
    }

    /// Of one from within it on.
    pub(crate) fn from_within(format: Format, line: LinePlace) -> Self {
        let line_is_empty = matches!(line, LinePlace::Start | LinePlace::AfterCr);
        let after_cr = line == LinePlace::AfterCr;
        Self { is_line: format == Format::Ndjson, line_is_empty, after_cr }
    }

    /// How many bytes of the next piece it ends with; `None`: it goes on.
    pub(crate) fn find(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(found) = memchr::memchr2(b'\n', b'\r', &piece[at..]) {
            let is_empty = self.line_is_empty && found == 0;
            let is_lf = piece[at + found] == b'\n';
            let is_of_cr = is_empty && is_lf && core::mem::take(&mut self.after_cr);
            at += found + 1;
            if is_of_cr {
                continue;
            }
            if is_empty || self.is_line {
                return Some(at);
            }
            (self.line_is_empty, self.after_cr) = (true, !is_lf);
        }
        if at < piece.len() {
            (self.line_is_empty, self.after_cr) = (false, false);
        }
        None
    }
}

impl super::reader::Reader<'_> {
    /// What is known of a row that was dropped.
    pub(super) fn dropped_of(
        &mut self,
        segment: &Arc<super::segment::Segment>,
        entry: &Entry,
    ) -> Result<Dropped, Unreadable> {
        let mut beginning = Vec::new();
        let _: ControlFlow<(), bool> = self.dropped_bytes(segment, entry, |piece| {
            let room = BEGINNING - beginning.len();
            beginning.extend_from_slice(&piece[..piece.len().min(room)]);
            if beginning.len() < BEGINNING {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(Dropped::of(entry, &beginning))
    }

    /// Shows `each` the bytes of a row that was dropped, up to where it ends or until it breaks.
    /// Gives whether it ends there.
    pub(super) fn dropped_bytes<B>(
        &mut self,
        segment: &Arc<super::segment::Segment>,
        entry: &Entry,
        mut each: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, bool>, Unreadable> {
        let mut end = End::of(entry);
        self.body_from(segment, entry, |piece| match end.find(piece) {
            Some(used) => match each(&piece[..used]) {
                ControlFlow::Continue(()) => ControlFlow::Break(None),
                ControlFlow::Break(value) => ControlFlow::Break(Some(value)),
            },
            None => each(piece).map_break(Some),
        })
        .map(|read| match read {
            ControlFlow::Break(Some(value)) => ControlFlow::Break(value),
            ControlFlow::Break(None) => ControlFlow::Continue(true),
            ControlFlow::Continue(()) => ControlFlow::Continue(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::entry::EntryKind;

    fn entry(flags: u8) -> Entry {
        Entry {
            kind: EntryKind::DecodeError,
            flags,
            event_type: 0,
            attempt: 1,
            at: 0,
            frame_back: 0,
            length: 0,
            data_length: 16,
            elapsed_micros: 0,
            id_at: 0,
            id_length: 0,
        }
    }

    #[test]
    fn an_event_ends_with_its_blank_line_however_the_body_is_cut() {
        for (flags, body, length) in [
            (0, &b"id: 1\ndata: x\n\ndata: next\n\n"[..], 15),
            (0, b"data: x\r\n: c\r\n\r\ndata: next", 15),
            (0, b"data: x\r\rdata", 9),
            (0, b"data: x\n", 8),
            (FLAG_NDJSON, b"{\"a\":1}\n{}", 8),
            (FLAG_COMMENT_TOO_LONG, b":c\rdata", 3),
        ] {
            for size in 1..=body.len() {
                let mut end = End::of(&entry(flags));
                let mut before = 0;
                let found = body.chunks(size).find_map(|piece| {
                    let found = end.find(piece).map(|used| before + used);
                    before += piece.len();
                    found
                });
                assert_eq!(found.unwrap_or(before), length, "{body:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_known_of_it_is_told() {
        let told = |entry: &Entry, beginning: &[u8]| Dropped::of(entry, beginning).sentence();
        let line = Entry { id_at: 8, ..entry(0) };
        assert_eq!(
            told(&line, b"id: 5\r\nevent:image\r\ndata: xxxxxxxxxxx"),
            "an event (type image, id 5, at byte 7 of the body) was dropped: a line of it is longer than \
             16 bytes, the limit for a line"
        );
        let event = entry(FLAG_EVENT_TOO_LONG);
        assert_eq!(
            told(&event, b"data: a\n\nid: of the next\n"),
            "an event was dropped: it is longer than 16 bytes, the limit for an event"
        );
        let json = entry(FLAG_NDJSON);
        assert_eq!(Dropped::of(&json, b"{\"id\":1").passed, Passed::Event);
        let value = Entry { id_at: 1, ..entry(FLAG_VALUE_TOO_LONG) };
        assert_eq!(
            told(&value, b"id: a\0\nid: "),
            "an event (at byte 0 of the body) was dropped: its type or ID is longer than 16 bytes, the \
             limit for these"
        );
        let comment = entry(FLAG_COMMENT_TOO_LONG);
        assert!(
            told(&comment, b": c\nid: 1\n").starts_with("a comment was left out, and no event")
        );
    }
}
