//! Lines to items: the event stream interpretation of WHATWG HTML §9.2.6.

use alloc::string::String;
use core::time::Duration;

use crate::{
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    field::{Field, parse_retry},
    line::{LineTooLong, Lines, Place},
    value::EventId,
};

/// How much of a stream one line and one event may be, in bytes of the stream.
///
/// Bytes of the stream are counted, not bytes in buffers, so that what comes out never depends on
/// how the stream was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of one line, without its end. Default: 1 MiB.
    pub line: usize,
    /// The bytes of the `data`, `event` and `id` lines of one event, each with one byte for its end.
    /// Default: 4 MiB.
    pub event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 1 << 20, event: 4 << 20 }
    }
}

impl Limits {
    /// The same limits, with lines of up to `bytes`.
    #[must_use]
    pub const fn line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// The same limits, with events of up to `bytes`.
    #[must_use]
    pub const fn event(mut self, bytes: usize) -> Self {
        self.event = bytes;
        self
    }
}

/// Turns `text/event-stream` bytes into items, however the bytes are cut.
///
/// ```
/// use sse_codec::{Decoder, Item};
///
/// let mut decoder = Decoder::new();
/// let mut prices = Vec::new();
/// for chunk in [&b"event: price\nda"[..], b"ta: 1.08\n\n: a comment\n"] {
///     let mut input = chunk;
///     while let Some(item) = decoder.decode(&mut input)? {
///         if let Item::Event(event) = item {
///             prices.push((event.event_type.to_owned(), event.data.to_owned()));
///         }
///     }
/// }
/// assert_eq!(prices, [("price".to_owned(), "1.08".to_owned())]);
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    lines: Lines,
    limits: Limits,
    comments: bool,
    block: Block,
    last_event_id: String,
    /// A comment that did not lie whole and valid in the chunk.
    comment: String,
}

/// What the lines since the last blank line have said.
#[derive(Debug, Default)]
struct Block {
    /// Each `data` value with an LF after it.
    data: String,
    event_type: String,
    id: String,
    /// Where the first `data`, `event` or `id` line began.
    start: Option<u64>,
    /// Bytes of the stream counted against [`Limits::event`].
    size: usize,
    has_data: bool,
    has_id: bool,
    /// Over a limit: only its id still matters.
    dropped: bool,
    /// Given out: to be cleared by the next call.
    dispatched: bool,
}

/// Values that lie in the chunk that is being decoded, and so need no copy yet.
#[derive(Default)]
struct Held<'i> {
    data: Option<&'i str>,
    event_type: Option<&'i str>,
}

/// What the loop found; the item is built once the borrow of the loop has ended.
enum Found<'i> {
    Event { held: Held<'i>, span: Span },
    Comment { text: Option<&'i str>, span: Span },
    ReconnectionTime { duration: Duration, span: Span },
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the default [`Limits`], which leaves comments out.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder with other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            lines: Lines::with_limit(limits.line),
            limits,
            comments: false,
            block: Block::default(),
            last_event_id: String::new(),
            comment: String::new(),
        }
    }

    /// Gives comments as items too, or leaves them out (as from the start).
    #[must_use]
    pub fn comments(mut self, wanted: bool) -> Self {
        self.comments = wanted;
        self
    }

    /// Seeds the last event ID, to resume from one that was stored.
    pub fn set_last_event_id(&mut self, id: &EventId<'_>) {
        self.last_event_id.clear();
        self.last_event_id.push_str(id.as_str());
    }

    /// The last event ID: what a reconnect sends. Moved at the blank line of each block with a legal
    /// `id` field, whether or not the block had data.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Decodes the next item and advances `input` past the bytes used. `Ok(None)`: all of it is
    /// used, feed more.
    ///
    /// An item borrows the chunk where it lies whole in it, else the decoder.
    ///
    /// # Errors
    /// [`DecodeError`] when an event passes a limit. That event is lost; the next call goes on.
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if self.block.dispatched {
            self.block.clear();
        }
        Ok(match self.find(input)? {
            None => None,
            Some(Found::Event { held, span }) => Some(Item::Event(Event {
                event_type: match held.event_type.unwrap_or(&self.block.event_type) {
                    "" => DEFAULT_EVENT_TYPE,
                    event_type => event_type,
                },
                data: match held.data {
                    Some(data) => data,
                    // "If the data buffer's last character is a U+000A LINE FEED (LF) character,
                    // then remove the last character from the data buffer."
                    None => &self.block.data[..self.block.data.len() - 1],
                },
                last_event_id: &self.last_event_id,
                span,
            })),
            Some(Found::Comment { text, span }) => {
                Some(Item::Comment { text: text.unwrap_or(&self.comment), span })
            }
            Some(Found::ReconnectionTime { duration, span }) => {
                Some(Item::ReconnectionTime { duration, span })
            }
        })
    }

    /// The end of the stream: drops the incomplete event and its id, keeps the last event ID, and is
    /// ready for the next stream (whose bytes are counted from 0 again).
    ///
    /// Keeping the last event ID over a reconnect is what browsers do; read by the letter, one event
    /// without an id after a reconnect would erase it.
    pub fn finish(&mut self) {
        self.lines.finish();
        self.block.clear();
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Found<'i>>, DecodeError> {
        let mut held = Held::default();
        loop {
            let (place, span) = match self.lines.advance(input) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.block.take_in(held);
                    return Ok(None);
                }
                Err(LineTooLong { line_start, limit, .. }) => {
                    held = Held::default();
                    if self.block.drop_event() {
                        return Err(DecodeError::LineTooLong { line_start, limit });
                    }
                    continue;
                }
            };
            let (line, in_chunk) = match place {
                Place::Chunk(line) => (line, Some(line)),
                Place::Carry => (self.lines.carried(), None),
            };
            let field = Field::parse(line);
            if let Field::Data(_) | Field::EventType(_) | Field::Id(_) = field {
                self.block.start.get_or_insert(span.start);
                self.block.size = self.block.size.saturating_add(line.len() + 1);
                if self.block.size > self.limits.event && !self.block.dropped {
                    held = Held::default();
                    if let Field::Id(value) = field {
                        self.block.set_id(value);
                    }
                    let event_start = self.block.start.unwrap_or(span.start);
                    self.block.drop_event();
                    let limit = self.limits.event;
                    return Err(DecodeError::EventTooLong { event_start, limit });
                }
            }
            match field {
                Field::Blank => {
                    let start = self.block.start.unwrap_or(span.start);
                    if self.block.has_id {
                        core::mem::swap(&mut self.last_event_id, &mut self.block.id);
                    }
                    // "If the data buffer is an empty string, set the data buffer and the event
                    // type buffer to the empty string and return."
                    if (self.block.has_data || held.data.is_some()) && !self.block.dropped {
                        self.block.dispatched = true;
                        let span = Span { start, end: span.end };
                        return Ok(Some(Found::Event { held, span }));
                    }
                    held = Held::default();
                    self.block.clear();
                }
                Field::Data(_) | Field::EventType(_) if self.block.dropped => {}
                Field::Data(value) => {
                    if let Some(first) = held.data.take() {
                        self.block.push_data(first);
                    }
                    let whole = in_chunk.and_then(value_of).and_then(utf8);
                    match whole {
                        Some(text) if !self.block.has_data => held.data = Some(text),
                        Some(text) => self.block.push_data(text),
                        None => {
                            push_lossy(&mut self.block.data, value);
                            self.block.data.push('\n');
                            self.block.has_data = true;
                        }
                    }
                }
                Field::EventType(value) => {
                    self.block.event_type.clear();
                    held.event_type = in_chunk.and_then(value_of).and_then(utf8);
                    if held.event_type.is_none() {
                        push_lossy(&mut self.block.event_type, value);
                    }
                }
                Field::Id(value) => self.block.set_id(value),
                Field::Retry(value) => {
                    if let Some(milliseconds) = parse_retry(value) {
                        self.block.take_in(held);
                        let duration = Duration::from_millis(milliseconds);
                        return Ok(Some(Found::ReconnectionTime { duration, span }));
                    }
                }
                Field::Comment(value) if self.comments => {
                    let text = in_chunk.and_then(|line| utf8(&line[1..]));
                    if text.is_none() {
                        self.comment.clear();
                        push_lossy(&mut self.comment, value);
                    }
                    self.block.take_in(held);
                    return Ok(Some(Found::Comment { text, span }));
                }
                Field::Comment(_) | Field::Unknown => {}
            }
        }
    }
}

impl Block {
    /// Copies what would not outlive the chunk.
    fn take_in(&mut self, held: Held<'_>) {
        if let Some(event_type) = held.event_type {
            self.event_type.push_str(event_type);
        }
        if let Some(data) = held.data {
            self.push_data(data);
        }
    }

    fn push_data(&mut self, line: &str) {
        self.data.push_str(line);
        self.data.push('\n');
        self.has_data = true;
    }

    /// "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the
    /// field value. Otherwise, ignore the field."
    fn set_id(&mut self, value: &[u8]) {
        if memchr::memchr(0, value).is_none() {
            self.id.clear();
            push_lossy(&mut self.id, value);
            self.has_id = true;
        }
    }

    /// Whether this is news.
    fn drop_event(&mut self) -> bool {
        self.data.clear();
        self.event_type.clear();
        self.has_data = false;
        !core::mem::replace(&mut self.dropped, true)
    }

    fn clear(&mut self) {
        self.data.clear();
        self.event_type.clear();
        self.start = None;
        self.size = 0;
        self.has_data = false;
        self.has_id = false;
        self.dropped = false;
        self.dispatched = false;
    }
}

/// The value of a line that is known to be a field, borrowed as long as the line.
fn value_of(line: &[u8]) -> Option<&[u8]> {
    match Field::parse(line) {
        Field::Data(value) | Field::EventType(value) => Some(value),
        Field::Blank | Field::Comment(_) | Field::Id(_) | Field::Retry(_) | Field::Unknown => None,
    }
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

/// Appends `bytes` with each maximal subpart that is not UTF-8 as U+FFFD.
fn push_lossy(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
