//! From a body's bytes to its rows: the same for a live stream, a rebuilt index and an import.

use core::mem;

use serde::de::IgnoredAny;
use sse_codec::{DecodeError, Decoder, EventId, Item, Limits, Line, LineTooLong, Lines};

use super::{
    entry::{
        EntryKind, FLAG_COMMENT_TOO_LONG, FLAG_EVENT_TOO_LONG, FLAG_NDJSON, FLAG_OWN_ID,
        FLAG_VALUE_TOO_LONG,
    },
    turn::{Checkpoint, Format, LinePlace},
};

/// What an event that is a line of JSON has for a type.
pub(crate) const NDJSON_TYPE: &str = sse_codec::DEFAULT_EVENT_TYPE;

/// What has come of an event is not held beyond that, since its bytes are kept anyhow: it is enough to know how long it
/// is.
const MOST_HELD: usize = 64 << 10;

/// The same of a line of JSON. One that is longer is an event even if it is blank, and none if it is the last and without
/// an end.
const MOST_LINE_HELD: usize = 1 << 20;

/// Decodes one body after the other.
#[derive(Debug)]
pub(crate) struct Indexer {
    limits: Limits,
    format: Format,
    decoder: Decoder,
    lines: Lines,
    /// How long the beginning of the line is, as text, that is not held.
    line_before: usize,
    /// Within an event whose beginning is not there.
    skipping: bool,
    /// What is added to the decoder's places: it did not see the body's beginning.
    base: u64,
}

/// A row of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) kind: EntryKind,
    pub(crate) flags: u8,
    /// Its bytes' place in the body.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// As an entry has it.
    pub(crate) data_length: u32,
    pub(crate) event_type: &'a str,
    pub(crate) id: &'a str,
    /// Of an event, where it is held.
    pub(crate) data: Option<&'a str>,
}

impl Indexer {
    pub(crate) fn new(limits: Limits, last_event_id: &str) -> Self {
        let mut indexer = Self {
            limits,
            format: Format::EventStream,
            decoder: Decoder::with_limits(limits).comments(true),
            lines: Lines::with_limit(limits.event),
            line_before: 0,
            skipping: false,
            base: 0,
        };
        indexer.seed(last_event_id);
        indexer
    }

    /// Goes on where another stood.
    pub(crate) fn resume(limits: Limits, checkpoint: &Checkpoint) -> Self {
        let mut indexer = Self::new(limits, &checkpoint.last_event_id);
        indexer.format = checkpoint.format;
        indexer.base = checkpoint.body_offset;
        indexer.skipping = checkpoint.mid_event;
        if indexer.skipping {
            // What only ends a line that began before is no blank line.
            let before = match checkpoint.line {
                LinePlace::Start => "",
                LinePlace::AfterCr => "\r",
                LinePlace::Within | LinePlace::Unknown => "x",
            };
            let _ = indexer.lines.next_line(&mut before.as_bytes());
        } else {
            indexer.pass_beginning();
        }
        indexer
    }

    /// Another body begins.
    pub(crate) fn begin(&mut self, format: Format) {
        self.format = format;
        self.decoder.finish();
        self.lines.finish();
        self.line_before = 0;
        self.base = 0;
        self.skipping = false;
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Where in the body the event begins of which whole lines have come, and not its end.
    pub(crate) fn pending_event(&self) -> Option<u64> {
        self.decoder.pending_event().map(|start| self.base + start)
    }

    /// Whether the body stands within what was dropped, and told, since it was too long.
    pub(crate) fn is_dropping(&self) -> bool {
        match self.format {
            Format::EventStream => self.decoder.is_dropping(),
            Format::Ndjson => self.lines.is_dropping(),
        }
    }

    /// Whether it passes over the rest of an event whose beginning is not there.
    pub(crate) const fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Lets go of what is unfinished, but for what must be known of it. After each read.
    pub(crate) fn let_go(&mut self) {
        match self.format {
            Format::EventStream => self.decoder.forget_text(MOST_HELD),
            Format::Ndjson => self.line_before += self.lines.forget_text(MOST_LINE_HELD),
        }
    }

    /// The next row; `None`: all of `input` is used.
    #[inline]
    pub(crate) fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Found<'a>> {
        if self.skipping {
            self.skip(input);
        }
        match self.format {
            Format::EventStream => self.next_event(input),
            Format::Ndjson => self.next_line(input),
        }
    }

    #[inline]
    fn next_event<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Found<'a>> {
        let base = self.base;
        let found = |kind, span: sse_codec::Span, data_length| Found {
            kind,
            flags: 0,
            start: base + span.start,
            end: base + span.end,
            data_length,
            event_type: "",
            id: "",
            data: None,
        };
        match self.decoder.decode(input) {
            Ok(None) => None,
            Ok(Some(Item::Event(event))) => Some(Found {
                event_type: event.event_type,
                id: event.last_event_id,
                flags: own_id(event.has_id),
                data: Some(event.data),
                ..found(EntryKind::Event, event.span, narrow(event.data.len()))
            }),
            Ok(Some(Item::EventOutline {
                event_type,
                data_len,
                last_event_id: id,
                has_id,
                span,
                ..
            })) => Some(Found {
                event_type,
                id,
                flags: own_id(has_id),
                ..found(EntryKind::Event, span, narrow(data_len))
            }),
            Ok(Some(Item::CommentOutline { text_len, span, .. })) => {
                Some(found(EntryKind::Comment, span, narrow(text_len)))
            }
            Ok(Some(Item::Comment { text, span, .. })) => {
                Some(found(EntryKind::Comment, span, narrow(text.len())))
            }
            Ok(Some(Item::ReconnectionTime { duration, span, .. })) => {
                let wait = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
                Some(found(EntryKind::ReconnectionTime, span, wait))
            }
            Ok(Some(other)) => Some(found(EntryKind::Comment, other.span(), 0)),
            Err(error) => {
                // Up to what was too long: where that and its event end, nobody knows yet.
                let (flags, start, end, limit) = match error {
                    DecodeError::EventTooLong { event_start, limit, .. } => {
                        (FLAG_EVENT_TOO_LONG, event_start, event_start, limit)
                    }
                    DecodeError::LineTooLong { line_start, event_start, limit, .. } => {
                        (0, event_start, line_start, limit)
                    }
                    DecodeError::CommentTooLong { line_start, limit, .. } => {
                        (FLAG_COMMENT_TOO_LONG, line_start, line_start, limit)
                    }
                    DecodeError::ValueTooLong { line_start, event_start, limit, .. } => {
                        (FLAG_VALUE_TOO_LONG, event_start, line_start, limit)
                    }
                    _ => (0, 0, 0, 0),
                };
                let span = sse_codec::Span { start, end };
                Some(Found { flags, ..found(EntryKind::DecodeError, span, narrow(limit)) })
            }
        }
    }

    fn next_line<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Found<'a>> {
        loop {
            let (kind, start, end, data_length) = match self.lines.next_line(input) {
                Ok(None) => return None,
                Ok(Some(line)) => {
                    let before = mem::take(&mut self.line_before);
                    let is_short = line.span.end - line.span.start <= MOST_LINE_HELD as u64;
                    if is_short && line.bytes.trim_ascii().is_empty() {
                        continue;
                    }
                    let length = before.saturating_add(lossy_length(line.bytes));
                    (EntryKind::Event, line.span.start, line.span.end, narrow(length))
                }
                Err(LineTooLong { line_start, limit, .. }) => {
                    self.line_before = 0;
                    (EntryKind::DecodeError, line_start, line_start, narrow(limit))
                }
            };
            return Some(Found {
                kind,
                flags: FLAG_NDJSON,
                start: self.base + start,
                end: self.base + end,
                data_length,
                event_type: if kind == EntryKind::Event { NDJSON_TYPE } else { "" },
                id: "",
                data: None,
            });
        }
    }

    /// The line of JSON that has come but for its end, if it is a whole value.
    pub(crate) fn whole_line(&self) -> Option<Line<'_>> {
        if self.format != Format::Ndjson || self.skipping || self.line_before > 0 {
            return None;
        }
        let line = self.lines.unfinished()?;
        // A number may go on.
        let is_closed = matches!(line.bytes.trim_ascii().first(), Some(b'{' | b'[' | b'"'));
        let is_whole = || serde_json::from_slice::<IgnoredAny>(line.bytes).is_ok();
        (is_closed && is_whole()).then_some(line)
    }

    /// How many bytes have come of the latest line of JSON, where it is none by itself.
    pub(crate) fn begun_line(&self) -> u64 {
        let Some(line) = self.lines.unfinished() else { return 0 };
        let has_text = self.line_before > 0 || !line.bytes.trim_ascii().is_empty();
        let is_begun = !self.skipping && has_text && self.whole_line().is_none();
        if is_begun { line.span.end - line.span.start } else { 0 }
    }

    /// The body has ended. What is left of lines of JSON is one too if it is a whole value; of an event stream it is
    /// nothing.
    pub(crate) fn finish(&mut self) -> Option<Found<'static>> {
        let found = self.whole_line().map(|line| Found {
            kind: EntryKind::Event,
            flags: FLAG_NDJSON,
            start: self.base + line.span.start,
            end: self.base + line.span.end,
            data_length: narrow(lossy_length(line.bytes)),
            event_type: NDJSON_TYPE,
            id: "",
            data: None,
        });
        self.begin(self.format);
        found
    }

    /// Passes over the rest of an event whose beginning is not there.
    fn skip(&mut self, input: &mut &[u8]) {
        let before = input.len();
        loop {
            match self.lines.next_line(input) {
                Ok(None) => break,
                Ok(Some(line)) if line.bytes.is_empty() || self.format == Format::Ndjson => {
                    self.skipping = false;
                    self.lines.finish();
                    break;
                }
                // A line that is too long is the skipped event's.
                Ok(Some(_)) | Err(_) => {}
            }
        }
        self.base += (before - input.len()) as u64;
        if !self.skipping {
            self.pass_beginning();
        }
    }

    /// A byte order mark is left out at a body's beginning alone: elsewhere the decoders see a blank line before.
    fn pass_beginning(&mut self) {
        let Some(before) = self.base.checked_sub(1) else { return };
        self.base = before;
        let _ = self.decoder.decode(&mut &b"\n"[..]);
        let _ = self.lines.next_line(&mut &b"\n"[..]);
    }

    fn seed(&mut self, last_event_id: &str) {
        // What no event stream can carry was never a last event ID.
        if let Ok(id) = EventId::new(last_event_id) {
            self.decoder.set_last_event_id(&id);
        }
    }
}

const fn own_id(has_id: bool) -> u8 {
    if has_id { FLAG_OWN_ID } else { 0 }
}

/// How long it is as a reader will see it: what is not UTF-8 is replaced.
fn lossy_length(bytes: &[u8]) -> usize {
    let chunks = bytes.utf8_chunks();
    let replaced = |chunk: &core::str::Utf8Chunk<'_>| {
        if chunk.invalid().is_empty() { 0 } else { char::REPLACEMENT_CHARACTER.len_utf8() }
    };
    chunks.map(|chunk| chunk.valid().len() + replaced(&chunk)).sum()
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(indexer: &mut Indexer, mut input: &[u8]) -> Vec<(EntryKind, u64, u64, String)> {
        let mut rows = Vec::new();
        while let Some(found) = indexer.next(&mut input) {
            rows.push((found.kind, found.start, found.end, found.id.to_owned()));
        }
        rows
    }

    #[test]
    fn rows_stand_where_their_bytes_stand() {
        let body = b"id: 7\ndata: a\n\n: hi\nretry: 5\ndata: b\n\n";
        let mut indexer = Indexer::new(Limits::default(), "");
        let rows = all(&mut indexer, body);
        let places: Vec<_> =
            rows.iter().map(|(kind, start, end, _)| (*kind, *start, *end)).collect();
        assert_eq!(
            places,
            [
                (EntryKind::Event, 0, 15),
                (EntryKind::Comment, 15, 20),
                (EntryKind::ReconnectionTime, 20, 29),
                (EntryKind::Event, 29, 38),
            ]
        );
        assert_eq!((rows[0].3.as_str(), rows[3].3.as_str()), ("7", "7"));
        // The next body counts from its own beginning, and the ID stays.
        indexer.begin(Format::EventStream);
        assert_eq!(all(&mut indexer, b"data: c\n\n")[0], (EntryKind::Event, 0, 9, "7".into()));
    }

    #[test]
    fn lines_of_json_are_events_too() {
        let mut indexer = Indexer::new(Limits::default(), "");
        indexer.begin(Format::Ndjson);
        for bytes in [&b"a\xff\xfeb"[..], b"\xe2\x82", b"", "€".as_bytes()] {
            assert_eq!(lossy_length(bytes), String::from_utf8_lossy(bytes).len());
        }
        let rows = all(&mut indexer, b"{\"a\":1}\n\n  \r\n{\"a\":2}\n{\"un");
        let places: Vec<_> =
            rows.iter().map(|(kind, start, end, _)| (*kind, *start, *end)).collect();
        assert_eq!(places, [(EntryKind::Event, 0, 8), (EntryKind::Event, 13, 21)]);
    }

    #[test]
    fn from_a_checkpoint_within_an_event_it_goes_on_after_that_event() {
        let whole = b"data: a\ndata: b\n\ndata: c\n\n";
        let checkpoint = Checkpoint { body_offset: 10, mid_event: true, ..Checkpoint::default() };
        let mut indexer = Indexer::resume(Limits::default(), &checkpoint);
        let rows = all(&mut indexer, &whole[10..]);
        assert_eq!(rows, [(EntryKind::Event, 17, 26, String::new())]);
    }
}
