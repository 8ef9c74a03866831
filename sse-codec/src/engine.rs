//! Lines to items, in whatever memory: the one engine behind every door.
//!
//! WHATWG HTML §9.2.6, "Interpreting an event stream". Values stay in the chunk (`Held`) as long as
//! the chunk is there, and are copied to the block's own memory only when the call ends before the
//! block does.

use core::{mem, time::Duration};

use crate::{
    block::{Block, Held, Step},
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    head::{self, Head},
    position::Position,
    scan::{self, DataLine, DataStart, Full, Memory, Piece, Text},
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
pub(crate) enum Line {
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
            block: Block::new(memory(Part::Data), memory(Part::EventType), memory(Part::Id)),
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

    /// A caller's own id is no stream's to limit: only lent memory can be too small for it.
    pub(crate) fn set_last_event_id(&mut self, id: &str) -> Result<(), Full> {
        self.last_event_id.set(Piece::from_text(id), usize::MAX)
    }

    pub(crate) fn finish(&mut self) {
        self.position = Position::default();
        self.line = Line::Start;
        self.line_len = 0;
        self.block.clear();
        self.clean = false;
    }

    /// The next item of `input`, which is advanced past the bytes used. `Ok(None)`: all are used.
    #[inline(always)]
    pub(crate) fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if self.clean {
            match scan::data_start(input) {
                DataStart::Block(block) if block.len <= self.bounds.harmless() => {
                    let start = self.position.offset();
                    self.position.advance(input, block.len);
                    return Ok(Some(Item::Event(Event {
                        event_type: DEFAULT_EVENT_TYPE,
                        data: block.data,
                        last_event_id: self.last_event_id.text(),
                        span: Span { start, end: start + block.span as u64 },
                    })));
                }
                DataStart::Open(value) if input.len() <= self.bounds.line => {
                    self.open_data_line(value, self.position.offset(), input.len());
                    self.position.advance(input, input.len());
                    return Ok(None);
                }
                DataStart::Block(_) | DataStart::Open(_) | DataStart::Other => {}
            }
            return self.decode_block(input);
        }
        if self.line == Line::Data {
            let (piece, ended) = scan::long_line(input);
            let len = self.line_len + piece.len();
            if len <= self.bounds.line {
                self.line_len = len;
                self.block.extend_data(piece, self.bounds);
                self.position.advance(input, piece.len());
                if !ended {
                    return Ok(None);
                }
                return self.decode_after_data_line(input);
            }
        }
        self.decode_slowly(input)
    }

    /// At the beginning of a block: its type and its id may come before the data.
    #[inline(never)]
    fn decode_block<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if !self.comments && input.first() == Some(&b':') {
            let ignored = scan::ignorable_lines(input, true, self.bounds.line);
            self.position.advance(input, ignored);
        }
        let head = Head::read(input);
        let block = match scan::data_start(&input[head.len..]) {
            DataStart::Block(block) => block,
            rest @ (DataStart::Open(_) | DataStart::Other) => {
                if head.len > self.bounds.harmless() {
                    return self.decode_slowly(input);
                }
                // What was read of the head is not read again.
                self.position.advance(input, head.len);
                self.block.begin(&head, self.position.offset());
                match rest {
                    DataStart::Open(value) if input.len() <= self.bounds.line => {
                        self.open_data_line(value, self.position.offset(), input.len());
                        self.position.advance(input, input.len());
                        return Ok(None);
                    }
                    DataStart::Open(_) | DataStart::Block(_) | DataStart::Other => {}
                }
                match head::retry_line(input) {
                    Some((duration, len)) if len <= self.bounds.line => {
                        self.clean = self.block.is_clear();
                        let start = self.position.offset();
                        self.position.advance(input, len);
                        let span = Span { start, end: start + len as u64 };
                        return Ok(Some(Item::ReconnectionTime { duration, span }));
                    }
                    Some(_) | None => {}
                }
                return self.decode_slowly(input);
            }
        };
        if head.len + block.len > self.bounds.harmless() {
            return self.decode_slowly(input);
        }
        let start = self.position.offset();
        self.position.advance(input, head.len + block.len);
        if head.has_id {
            // It is no longer than the block, which is harmless.
            let _fits = self.last_event_id.set(head.id, usize::MAX);
        }
        Ok(Some(Item::Event(Event {
            event_type: head.event_type.text().unwrap_or(DEFAULT_EVENT_TYPE),
            data: block.data,
            last_event_id: self.last_event_id.text(),
            span: Span { start, end: start + (head.len + block.span) as u64 },
        })))
    }

    /// At the end of a `data` line that earlier chunks began: most often, the event ends with it.
    #[inline(never)]
    fn decode_after_data_line<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        let size = self.block.size.saturating_add(self.line_len + 1);
        if !input.starts_with(b"\n\n") || size > self.bounds.event || self.block.dropped {
            return self.decode_slowly(input);
        }
        if self.block.size == 0 {
            self.block.start = self.line_start;
        }
        self.line = Line::Start;
        self.line_len = 0;
        self.block.end_data_line(self.bounds);
        self.position.advance(input, 2);
        let found = self.dispatch(&mut Held::default(), self.position.offset())?;
        Ok(found.map(|found| self.item(found)))
    }

    #[inline(never)]
    fn decode_slowly<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if self.block.given_out {
            self.block.clear();
            if self.line == Line::Start && self.position.is_plain() {
                self.clean = true;
                return self.decode_block(input);
            }
        }
        if self.line == Line::Start && self.position.is_plain() && !self.block.dropped {
            match scan::data_line(input) {
                // The event whose type and id were read before.
                DataLine::Whole(data, len)
                    if !self.block.has_data
                        && input.get(len) == Some(&b'\n')
                        && self.block.size + len < self.bounds.harmless() =>
                {
                    let start = self.position.offset();
                    self.position.advance(input, len + 1);
                    if self.block.size == 0 {
                        self.block.start = start;
                    }
                    let mut held = Held { data: Some(data), ..Held::default() };
                    let found = self.dispatch(&mut held, self.position.offset())?;
                    self.clean = self.block.is_clear();
                    return Ok(found.map(|found| self.item(found)));
                }
                DataLine::Open(value) if input.len() <= self.bounds.line => {
                    self.open_data_line(value, self.position.offset(), input.len());
                    self.position.advance(input, input.len());
                    return Ok(None);
                }
                DataLine::Whole(..) | DataLine::Open(_) | DataLine::Other => {}
            }
        }
        let found = self.find(input);
        self.clean = self.line == Line::Start && self.block.is_clear() && self.position.is_plain();
        Ok(found?.map(|found| self.item(found)))
    }

    fn item<'a, 'i: 'a>(&'a self, found: Found<'i>) -> Item<'a> {
        match found {
            Found::Event { data, event_type, span } => Item::Event(Event {
                event_type: match event_type.unwrap_or(self.block.event_type.text()) {
                    "" => DEFAULT_EVENT_TYPE,
                    event_type => event_type,
                },
                data: data.unwrap_or(self.block.data_text()),
                last_event_id: self.last_event_id.text(),
                span,
            }),
            Found::Comment { text, span } => {
                let text = text.or(self.carry.text().get(1..)).unwrap_or_default();
                Item::Comment { text, span }
            }
            Found::ReconnectionTime { duration, span } => Item::ReconnectionTime { duration, span },
        }
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Found<'i>>, DecodeError> {
        if !self.position.is_plain() || self.line != Line::Start {
            if let Some(found) = self.resume_line(input)? {
                return Ok(Some(found));
            }
            if self.line != Line::Start {
                return Ok(None);
            }
        }
        let before = input.len();
        let found = self.find_from_line_start(input);
        self.position.count(before - input.len());
        found
    }

    /// Reads line by line, as long as the chunk holds the lines whole. The position is left to the
    /// caller to count on.
    fn find_from_line_start<'i>(
        &mut self,
        rest: &mut &'i [u8],
    ) -> Result<Option<Found<'i>>, DecodeError> {
        let chunk_end = self.position.offset() + rest.len() as u64;
        let mut held = Held::default();
        loop {
            match rest.first() {
                None => {
                    self.block.take_in(&mut held, self.bounds);
                    return Ok(None);
                }
                Some(b':') if !self.comments => {
                    let blanks = self.block.is_clear();
                    *rest = &rest[scan::ignorable_lines(rest, blanks, self.bounds.line)..];
                    if rest.is_empty() {
                        // The next chunk begins a line: none is unfinished.
                        continue;
                    }
                }
                Some(_) => {}
            }
            let start = chunk_end - rest.len() as u64;
            match scan::data_line(rest) {
                DataLine::Whole(value, len)
                    if len <= self.bounds.line
                        && self.block.take_data(value, len, start, &mut held, self.bounds) =>
                {
                    *rest = &rest[len..];
                    if self.block.has_data {
                        *rest = &rest[self.block.take_data_lines(rest, self.bounds)..];
                    }
                    if rest.first() == Some(&b'\n') {
                        *rest = &rest[1..];
                        let end = chunk_end - rest.len() as u64;
                        if let Some(found) = self.dispatch(&mut held, end)? {
                            return Ok(Some(found));
                        }
                    }
                    continue;
                }
                DataLine::Open(value) if rest.len() <= self.bounds.line && !self.block.dropped => {
                    self.block.take_in(&mut held, self.bounds);
                    self.open_data_line(value, start, rest.len());
                    *rest = &[];
                    return Ok(None);
                }
                DataLine::Whole(..) | DataLine::Open(_) | DataLine::Other => {}
            }
            let (line, ended) = scan::line(rest);
            if !ended || line.len() > self.bounds.line {
                self.block.take_in(&mut held, self.bounds);
                self.line_start = start;
                *rest = &rest[line.len()..];
                self.keep(line)?;
                if !ended {
                    return Ok(None);
                }
                // Over the limit, in an event that was dropped before: no news.
                self.line = Line::Start;
                self.line_len = 0;
                self.position.pass_line_end(rest);
                continue;
            }
            let span = Span { start, end: start + line.len() as u64 + 1 };
            *rest = &rest[line.len()..];
            self.position.pass_line_end(rest);
            match self.block.step(line, span, &mut held, self.bounds, self.comments) {
                Ok(Step::Nothing) => {}
                Ok(Step::Dispatch) => {
                    if let Some(found) = self.dispatch(&mut held, span.end)? {
                        return Ok(Some(found));
                    }
                }
                Ok(Step::ReconnectionTime(duration)) => {
                    self.block.take_in(&mut held, self.bounds);
                    return Ok(Some(Found::ReconnectionTime { duration, span }));
                }
                Ok(Step::Comment(text)) => {
                    self.block.take_in(&mut held, self.bounds);
                    let text = text.text();
                    if text.is_some() || self.carry_comment(line, span)? {
                        return Ok(Some(Found::Comment { text, span }));
                    }
                }
                Err(error) => {
                    self.block.take_in(&mut held, self.bounds);
                    return Err(error);
                }
            }
        }
    }

    /// Begins a `data` line that the chunk does not end, with the value so far.
    #[inline(never)]
    fn open_data_line(&mut self, value: Piece<'_>, start: u64, len: usize) {
        self.clean = false;
        self.line = Line::Data;
        self.line_start = start;
        self.line_len = len;
        self.block.has_data = true;
        self.block.extend_data(value, self.bounds);
    }

    /// "Dispatch the event", where the block is one. `end` is after its blank line.
    fn dispatch<'i>(
        &mut self,
        held: &mut Held<'i>,
        end: u64,
    ) -> Result<Option<Found<'i>>, DecodeError> {
        let Held { data, event_type, id } = mem::take(held);
        // "Set the last event ID string of the event source to the value of the last event ID
        // buffer": done whether or not an event follows.
        if let Some(id) = id {
            let _fits = self.last_event_id.set(id, self.bounds.value);
        } else if self.block.has_id {
            mem::swap(&mut self.last_event_id, &mut self.block.id);
        }
        // "If the data buffer is an empty string, set the data buffer and the event type buffer to
        // the empty string and return."
        if (!self.block.has_data && data.is_none()) || self.block.dropped {
            self.block.clear();
            return Ok(None);
        }
        let start = self.block.start;
        if data.is_some() && (event_type.is_some() || !self.block.has_event_type()) {
            self.block.clear();
        } else {
            self.block.given_out = true;
            let limit = self.bounds.event;
            if data.is_none() && self.block.data.make_text(limit.saturating_add(1)).is_err() {
                return Err(DecodeError::EventTooLong { event_start: start, limit });
            }
        }
        let data = data.and_then(Piece::text);
        let event_type = event_type.and_then(Piece::text);
        Ok(Some(Found::Event { data, event_type, span: Span { start, end } }))
    }

    /// Goes on with what earlier chunks began: a byte order mark, a CRLF, a line. The line is still
    /// unfinished only if all of the input is used.
    fn resume_line<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Found<'i>>, DecodeError> {
        if self.line == Line::Start {
            let Some(bytes) = self.position.enter(input) else { return Ok(None) };
            self.line_start = self.position.offset() - bytes.len() as u64;
            self.keep(Piece::unknown(bytes))?;
        }
        let (piece, ended) = scan::line(input);
        self.position.advance(input, piece.len());
        self.keep(piece)?;
        if !ended {
            return Ok(None);
        }
        let span = Span { start: self.line_start, end: self.position.offset() + 1 };
        let before = input.len();
        self.position.pass_line_end(input);
        self.position.count(before - input.len());
        self.finish_line(span)
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
            Line::Data => {
                self.block.end_data_line(self.bounds);
                self.block.count(len, span, self.bounds)?;
                Ok(None)
            }
            Line::Carried => {
                let mut held = Held::default();
                let line = self.carry.piece();
                let step = self.block.step(line, span, &mut held, self.bounds, self.comments);
                self.block.take_in(&mut held, self.bounds);
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
