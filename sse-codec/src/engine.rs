//! Lines to items, in whatever memory: the one engine behind every door.
//!
//! WHATWG HTML §9.2.6, "Interpreting an event stream". Values stay in the chunk (`Held`) as long as
//! the chunk is there, and are copied to the block's own memory only when the call ends before the
//! block does.

use core::{mem, time::Duration};

use crate::{
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    field::{Field, parse_retry},
    position::Position,
    scan::{self, Full, Memory, Piece, Text},
    whole::whole_block,
};

/// What one line and one event may come to, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// One line, without its end.
    pub(crate) line: usize,
    /// One event type, one event ID, as text.
    pub(crate) value: usize,
    /// All of an event's lines, each with one byte for its end; its data, as text.
    pub(crate) event: usize,
}

impl Bounds {
    /// A block of no more bytes than this cannot pass any limit.
    #[inline(always)]
    fn harmless(self) -> usize {
        self.line.min(self.value).min(self.event)
    }
}

/// The uses that an engine has for memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Line,
    Data,
    EventType,
    Id,
    LastEventId,
}

#[derive(Debug)]
pub(crate) struct Engine<M> {
    bounds: Bounds,
    position: Position,
    line: Line,
    line_start: u64,
    /// The bytes of the unfinished line so far.
    line_len: usize,
    comments: bool,
    /// Between two blocks, with nothing pending: the next byte may begin a block that is decoded
    /// without a look at anything else here.
    clean: bool,
    block: Block<M>,
    /// The beginning of an unfinished line; a comment that does not lie in the chunk as text.
    carry: Text<M>,
    last_event_id: Text<M>,
}

/// What becomes of the line that earlier chunks began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// There is none.
    Start,
    /// It is kept until it is whole.
    Carried,
    /// It is a `data` line, whose value goes straight to the block.
    Data,
    /// It would be ignored; only its length matters.
    Ignored,
    /// It is over the limit.
    Skipped,
}

/// What the lines since the last blank line have said.
#[derive(Debug)]
struct Block<M> {
    data: Text<M>,
    event_type: Text<M>,
    id: Text<M>,
    /// Where the first `data`, `event` or `id` line began, once there was one.
    start: u64,
    /// Bytes of such lines, each with one for its end.
    size: usize,
    has_data: bool,
    has_id: bool,
    /// Over a limit: only its id still matters.
    dropped: bool,
    /// Given out: to be cleared by the next call.
    given_out: bool,
}

/// Values that lie in the chunk, and so need no copy yet.
#[derive(Default)]
struct Held<'i> {
    data: Option<Piece<'i>>,
    event_type: Option<Piece<'i>>,
    id: Option<Piece<'i>>,
}

/// What a line led to.
enum Step<'l> {
    Nothing,
    Dispatch,
    Comment(Piece<'l>),
    ReconnectionTime(Duration),
}

/// What a call found; the item is built once the search has given its borrows back.
enum Found<'i> {
    Event {
        data: Option<&'i str>,
        event_type: Option<&'i str>,
        span: Span,
    },
    /// `None`: carried, after its colon.
    Comment {
        text: Option<&'i str>,
        span: Span,
    },
    ReconnectionTime {
        duration: Duration,
        span: Span,
    },
}

impl<M: Memory> Engine<M> {
    pub(crate) fn new(bounds: Bounds, mut memory: impl FnMut(Part) -> M) -> Self {
        Self {
            bounds,
            position: Position::default(),
            line: Line::Start,
            line_start: 0,
            line_len: 0,
            comments: false,
            clean: false,
            block: Block {
                data: Text::new(memory(Part::Data)),
                event_type: Text::new(memory(Part::EventType)),
                id: Text::new(memory(Part::Id)),
                start: 0,
                size: 0,
                has_data: false,
                has_id: false,
                dropped: false,
                given_out: false,
            },
            carry: Text::new(memory(Part::Line)),
            last_event_id: Text::new(memory(Part::LastEventId)),
        }
    }

    pub(crate) const fn give_comments(&mut self, wanted: bool) {
        self.comments = wanted;
    }

    pub(crate) fn last_event_id(&self) -> &str {
        self.last_event_id.text()
    }

    pub(crate) fn set_last_event_id(&mut self, id: &str) {
        // A caller's own id is no stream's to limit; lent memory takes it or leaves it empty.
        let _fits = self.last_event_id.set(Piece::from_text(id), usize::MAX);
    }

    pub(crate) fn finish(&mut self) {
        self.position = Position::default();
        self.line = Line::Start;
        self.line_len = 0;
        self.block.clear();
        self.clean = false;
    }

    /// The next item of `input`, which is advanced past the bytes used. `Ok(None)`: all are used.
    #[inline]
    pub(crate) fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if self.clean
            && let Some(whole) = whole_block(input)
            && whole.len <= self.bounds.harmless()
        {
            let start = self.position.offset();
            self.position.advance(input, whole.len);
            if let Some(id) = whole.id {
                // It is no longer than the block, which is harmless.
                let _fits = self.last_event_id.set(id, usize::MAX);
            }
            return Ok(Some(Item::Event(Event {
                event_type: whole.event_type,
                data: whole.data,
                last_event_id: self.last_event_id.text(),
                span: Span { start, end: start + whole.span as u64 },
            })));
        }
        self.decode_slowly(input)
    }

    #[inline(never)]
    fn decode_slowly<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        let found = self.find(input);
        self.clean = self.line == Line::Start && self.block.is_clear() && self.position.is_plain();
        Ok(match found? {
            None => None,
            Some(Found::Event { data, event_type, span }) => Some(Item::Event(Event {
                event_type: match event_type.unwrap_or(self.block.event_type.text()) {
                    "" => DEFAULT_EVENT_TYPE,
                    event_type => event_type,
                },
                data: data.unwrap_or(self.block.data.text()),
                last_event_id: self.last_event_id.text(),
                span,
            })),
            Some(Found::Comment { text, span }) => {
                let text = text.or(self.carry.text().get(1..)).unwrap_or_default();
                Some(Item::Comment { text, span })
            }
            Some(Found::ReconnectionTime { duration, span }) => {
                Some(Item::ReconnectionTime { duration, span })
            }
        })
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Found<'i>>, DecodeError> {
        if self.block.given_out {
            self.block.clear();
        }
        let mut held = Held::default();
        loop {
            if self.line == Line::Start {
                let held_back = self.position.enter(input);
                self.line_start = self.position.offset();
                if let Some(bytes) = held_back {
                    self.line_start -= bytes.len() as u64;
                    self.keep(Piece::unknown(bytes))?;
                }
            }
            let (piece, ended) = scan::line(input);
            let whole = ended && self.line == Line::Start && piece.len() <= self.bounds.line;
            if !whole {
                if !ended && piece.len() == 0 {
                    self.block.take_in(held, self.bounds);
                    return Ok(None);
                }
                self.position.advance(input, piece.len());
                self.block.take_in(mem::take(&mut held), self.bounds);
                self.keep(piece)?;
                if !ended {
                    return Ok(None);
                }
                let span = Span { start: self.line_start, end: self.position.offset() + 1 };
                self.position.pass_line_end(input);
                if let Some(found) = self.finish_line(span)? {
                    return Ok(Some(found));
                }
                continue;
            }
            self.position.advance(input, piece.len());
            let span = Span { start: self.line_start, end: self.position.offset() + 1 };
            self.position.pass_line_end(input);
            match self.block.step(piece, span, &mut held, self.bounds, self.comments) {
                Ok(Step::Nothing) => {}
                Ok(Step::Dispatch) => {
                    if let Some(found) = self.dispatch(mem::take(&mut held), span)? {
                        return Ok(Some(found));
                    }
                }
                Ok(Step::ReconnectionTime(duration)) => {
                    self.block.take_in(held, self.bounds);
                    return Ok(Some(Found::ReconnectionTime { duration, span }));
                }
                Ok(Step::Comment(text)) => {
                    self.block.take_in(mem::take(&mut held), self.bounds);
                    let text = text.text();
                    if text.is_some() || self.carry_comment(piece, span)? {
                        return Ok(Some(Found::Comment { text, span }));
                    }
                }
                Err(error) => {
                    self.block.take_in(held, self.bounds);
                    return Err(error);
                }
            }
        }
    }

    /// "Dispatch the event", where the block is one.
    fn dispatch<'i>(
        &mut self,
        held: Held<'i>,
        blank: Span,
    ) -> Result<Option<Found<'i>>, DecodeError> {
        // "Set the last event ID string of the event source to the value of the last event ID
        // buffer": done whether or not an event follows.
        if let Some(id) = held.id {
            let _fits = self.last_event_id.set(id, self.bounds.value);
        } else if self.block.has_id {
            mem::swap(&mut self.last_event_id, &mut self.block.id);
        }
        // "If the data buffer is an empty string, set the data buffer and the event type buffer to
        // the empty string and return."
        if (!self.block.has_data && held.data.is_none()) || self.block.dropped {
            self.block.clear();
            return Ok(None);
        }
        self.block.given_out = true;
        let limit = self.bounds.event;
        if held.data.is_none() && self.block.data.make_text(limit) == Err(Full) {
            return Err(DecodeError::EventTooLong { event_start: self.block.start, limit });
        }
        Ok(Some(Found::Event {
            data: held.data.and_then(Piece::text),
            event_type: held.event_type.and_then(Piece::text),
            span: Span { start: self.block.start, end: blank.end },
        }))
    }

    /// Puts the next piece of a line that the chunk does not hold whole where it belongs.
    fn keep(&mut self, piece: Piece<'_>) -> Result<(), DecodeError> {
        self.line_len += piece.len();
        if self.line_len > self.bounds.line && self.line != Line::Skipped {
            self.line = Line::Skipped;
            if self.block.drop_event() {
                let limit = self.bounds.line;
                return Err(DecodeError::LineTooLong { line_start: self.line_start, limit });
            }
        }
        match self.line {
            Line::Skipped | Line::Ignored => {}
            Line::Data => self.block.extend_data(piece, self.bounds),
            Line::Carried => {
                // No more than the limit, as just counted.
                let _fits = self.carry.push(piece, self.bounds.line);
                self.line = self.block.sort(self.carry.piece(), self.comments, self.bounds);
            }
            Line::Start => {
                self.line = self.block.sort(piece, self.comments, self.bounds);
                if self.line == Line::Carried {
                    let _fits = self.carry.set(piece, self.bounds.line);
                }
            }
        }
        Ok(())
    }

    /// The end of a line that the chunk did not hold whole.
    fn finish_line<'i>(&mut self, span: Span) -> Result<Option<Found<'i>>, DecodeError> {
        let len = mem::take(&mut self.line_len);
        match mem::replace(&mut self.line, Line::Start) {
            Line::Start | Line::Skipped | Line::Ignored => Ok(None),
            Line::Data => self.block.count(len, span, self.bounds).map(|()| None),
            Line::Carried => {
                let mut held = Held::default();
                let line = self.carry.piece();
                let step = self.block.step(line, span, &mut held, self.bounds, self.comments);
                self.block.take_in(held, self.bounds);
                match step? {
                    // A carried line is not blank.
                    Step::Nothing | Step::Dispatch => Ok(None),
                    Step::ReconnectionTime(duration) => {
                        Ok(Some(Found::ReconnectionTime { duration, span }))
                    }
                    Step::Comment(_) => {
                        let fits = self.decode_carried_comment(span)?;
                        Ok(fits.then_some(Found::Comment { text: None, span }))
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn carry_comment(&mut self, line: Piece<'_>, span: Span) -> Result<bool, DecodeError> {
        let _fits = self.carry.set(line, self.bounds.line);
        self.decode_carried_comment(span)
    }

    /// Whether it fits as text.
    fn decode_carried_comment(&mut self, span: Span) -> Result<bool, DecodeError> {
        let limit = self.bounds.line;
        let fits = self.carry.make_text(limit).is_ok();
        if !fits && self.block.drop_event() {
            return Err(DecodeError::LineTooLong { line_start: span.start, limit });
        }
        Ok(fits)
    }
}

impl<M: Memory> Block<M> {
    /// What a whole line says.
    #[inline]
    fn step<'l>(
        &mut self,
        line: Piece<'l>,
        span: Span,
        held: &mut Held<'l>,
        bounds: Bounds,
        comments: bool,
    ) -> Result<Step<'l>, DecodeError> {
        match Field::parse(line) {
            Field::Blank => return Ok(Step::Dispatch),
            Field::Data(value) => {
                self.count(line.len(), span, bounds)?;
                if let Some(first) = held.data.take() {
                    self.add_data(first, bounds);
                }
                let value = if self.has_data { value } else { value.checked() };
                if !self.has_data && value.is_known() {
                    held.data = Some(value);
                } else {
                    self.add_data(value, bounds);
                }
            }
            Field::EventType(value) => {
                self.count(line.len(), span, bounds)?;
                if hold(value, &mut held.event_type, &mut self.event_type, bounds) == Err(Full) {
                    return self.drop_line(span, bounds.value);
                }
            }
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer
            // to the field value. Otherwise, ignore the field."
            Field::Id(value) => {
                let counted = self.count(line.len(), span, bounds);
                if !value.bytes().contains(&0) {
                    match hold(value, &mut held.id, &mut self.id, bounds) {
                        Ok(()) => self.has_id = true,
                        Err(Full) => {
                            counted?;
                            return self.drop_line(span, bounds.value);
                        }
                    }
                }
                counted?;
            }
            Field::Retry(value) => {
                if let Some(milliseconds) = parse_retry(value.bytes()) {
                    return Ok(Step::ReconnectionTime(Duration::from_millis(milliseconds)));
                }
            }
            Field::Comment(text) if comments => return Ok(Step::Comment(text)),
            Field::Comment(_) | Field::Unknown => {}
        }
        Ok(Step::Nothing)
    }

    /// Counts a `data`, `event` or `id` line, and drops the event that it makes too long.
    #[inline]
    fn count(&mut self, line_len: usize, span: Span, bounds: Bounds) -> Result<(), DecodeError> {
        if self.size == 0 {
            self.start = span.start;
        }
        self.size = self.size.saturating_add(line_len + 1);
        if self.size > bounds.event && self.drop_event() {
            return Err(DecodeError::EventTooLong { event_start: self.start, limit: bounds.event });
        }
        Ok(())
    }

    /// Decides what becomes of a line by how it begins.
    fn sort(&mut self, begun: Piece<'_>, comments: bool, bounds: Bounds) -> Line {
        match begun.bytes() {
            [b':', ..] if !comments => Line::Ignored,
            [b'd', b'a', b't', b'a', b':', after, ..] => {
                let name = if *after == b' ' { 6 } else { 5 };
                self.add_data(begun.after_ascii(name), bounds);
                Line::Data
            }
            _ => Line::Carried,
        }
    }

    /// Where it does not fit, its line will be counted, and the event dropped.
    fn add_data(&mut self, value: Piece<'_>, bounds: Bounds) {
        if mem::replace(&mut self.has_data, true) {
            self.extend_data(Piece::from_text("\n"), bounds);
        }
        self.extend_data(value, bounds);
    }

    #[inline]
    fn extend_data(&mut self, value: Piece<'_>, bounds: Bounds) {
        let _fits = self.data.push(value, bounds.event);
    }

    /// Copies what would not outlive the chunk. All of it fits, or its line would have been refused.
    fn take_in(&mut self, held: Held<'_>, bounds: Bounds) {
        if let Some(id) = held.id {
            let _fits = self.id.set(id, bounds.value);
        }
        if let Some(event_type) = held.event_type {
            let _fits = self.event_type.set(event_type, bounds.value);
        }
        if let Some(data) = held.data {
            self.add_data(data, bounds);
        }
    }

    fn drop_line<'l>(&mut self, span: Span, limit: usize) -> Result<Step<'l>, DecodeError> {
        if self.drop_event() {
            return Err(DecodeError::LineTooLong { line_start: span.start, limit });
        }
        Ok(Step::Nothing)
    }

    /// Whether this is news.
    fn drop_event(&mut self) -> bool {
        !mem::replace(&mut self.dropped, true)
    }

    const fn is_clear(&self) -> bool {
        self.size == 0 && !self.dropped && !self.given_out
    }

    fn clear(&mut self) {
        self.data.clear();
        self.event_type.clear();
        self.size = 0;
        self.has_data = false;
        self.has_id = false;
        self.dropped = false;
        self.given_out = false;
    }
}

/// Holds a value in the chunk if it is text already, else as text in the block's own memory. `Full`
/// changes nothing.
#[inline]
fn hold<'l, M: Memory>(
    value: Piece<'l>,
    held: &mut Option<Piece<'l>>,
    text: &mut Text<M>,
    bounds: Bounds,
) -> Result<(), Full> {
    let value = value.checked();
    if value.is_known() && value.len() <= bounds.value {
        *held = Some(value);
        return Ok(());
    }
    if scan::lossy_len(value.bytes()) > bounds.value {
        return Err(Full);
    }
    *held = None;
    text.set(value, bounds.value)?;
    text.make_text(bounds.value)
}
