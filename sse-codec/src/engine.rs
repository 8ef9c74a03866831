//! Lines to items, in whatever memory: the one engine behind every door.
//!
//! WHATWG HTML §9.2.6, "Interpreting an event stream". Most of a stream is plain: lines of text that end
//! in LF or CRLF, far below the limits. Here is what such a stream takes, by the [`Stage`] in which it
//! stands at the beginning of a call: a whole event is read where it lies in the chunk; of one that the
//! chunk cuts, the values go to the block's own memory. Whatever is not plain goes to `decode_slowly`,
//! which takes every stream, from the line at which a way of here gives up.

use core::mem;

use crate::{
    block::Block,
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    field::Field,
    head::{self, EventLines, Head, Rest},
    memory::{Full, Store},
    position::Position,
    scan::{self, DataStart, Job, LineEnds, Piece, Text, Vector},
};

mod slow;

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
pub(crate) struct Engine<S> {
    bounds: Bounds,
    /// No line and no event of so few bytes is too long; its type or its id may be.
    harmless: usize,
    position: Position,
    line: Line,
    line_start: u64,
    /// The bytes of the unfinished line so far.
    line_len: usize,
    comments: bool,
    stage: Stage,
    block: Block<S>,
    /// The beginning of an unfinished line; a comment that does not lie in the chunk as text.
    carry: Text<S>,
    last_event_id: Text<S>,
}

/// What is known of where the stream stands, so that what is plain is decoded without a look at anything
/// else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Between two blocks, with nothing pending.
    Clean,
    /// At a line of a block that has no data so far.
    Begun,
    /// At or in a `data` line of a block whose data so far is in its own memory.
    Data,
    /// Between two blocks, in a line that is ignored.
    Ignored,
    /// In a line that is carried, of a block that has no data so far.
    Carried,
    /// Anything at all.
    Other,
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

/// [`Engine::decode_block`] with the widest registers.
struct BlockJob<'a, 'c, 'i, S>(&'a mut Engine<S>, &'c mut &'i [u8]);

impl<'a, 'i: 'a, S: Store> Job for BlockJob<'a, '_, 'i, S> {
    type Output = Result<Option<Item<'a>>, DecodeError>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        self.0.decode_block(vector, self.1)
    }
}

/// [`Engine::decode_data`] with the widest registers.
struct DataJob<'a, 'c, 'i, S>(&'a mut Engine<S>, &'c mut &'i [u8]);

impl<'a, 'i: 'a, S: Store> Job for DataJob<'a, '_, 'i, S> {
    type Output = Result<Option<Item<'a>>, DecodeError>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        self.0.decode_data(vector, self.1)
    }
}

impl<S: Store> Engine<S> {
    pub(crate) fn new(bounds: Bounds, mut memory: impl FnMut(Part) -> S) -> Self {
        Self {
            bounds,
            harmless: bounds.line.min(bounds.event),
            position: Position::default(),
            line: Line::Start,
            line_start: 0,
            line_len: 0,
            comments: false,
            stage: Stage::Other,
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

    pub(crate) fn pending_event(&self) -> Option<u64> {
        (self.block.size > 0 && !self.block.dropped).then_some(self.block.start)
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
        self.stage = Stage::Other;
    }

    /// The next item of `input`, which is advanced past the bytes used. `Ok(None)`: all are used.
    #[inline(always)]
    pub(crate) fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if self.stage == Stage::Clean {
            match scan::data_start(input) {
                DataStart::Block(block) if block.len <= self.harmless => {
                    let start = self.position.offset();
                    self.position.advance(input, block.len);
                    return Ok(Some(Item::Event(Event {
                        event_type: DEFAULT_EVENT_TYPE,
                        data: block.data,
                        last_event_id: self.last_event_id.text(),
                        has_id: false,
                        span: Span { start, end: start + block.span as u64 },
                    })));
                }
                DataStart::Open(value) if input.len() <= self.harmless => {
                    self.open_data_line(value, self.position.offset(), input.len());
                    self.position.advance(input, input.len());
                    return Ok(None);
                }
                DataStart::Block(_) | DataStart::Open(_) | DataStart::Other => {}
            }
        }
        // A copy, so that the caller's own can stay in registers.
        let mut rest = *input;
        let item = self.decode_on(&mut rest);
        *input = rest;
        item
    }

    #[inline(always)]
    fn decode_on<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        match self.stage {
            Stage::Data => scan::with_widest(DataJob(self, input)),
            Stage::Clean | Stage::Begun => scan::with_widest(BlockJob(self, input)),
            Stage::Ignored => self.decode_ignored(input),
            Stage::Carried => self.decode_carried(input),
            Stage::Other => self.decode_slowly(input),
        }
    }

    /// At the beginning of a block, or of a line before its data.
    #[inline(always)]
    fn decode_block<'a, 'i: 'a, V: Vector>(
        &'a mut self,
        vector: V,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        if let Some(b':' | b'\n') = input.first() {
            self.pass_ignorable_lines(input);
            if input.first() == Some(&b':') && self.stage == Stage::Clean && !self.comments {
                return self.decode_ignored(input);
            }
        }
        let EventLines { event_type, id, data, len } =
            match Head::read_event(vector, input, self.bounds.value) {
                Ok(lines) => lines,
                Err(head) => return self.decode_part(head, input),
            };
        if self.block.size + len > self.harmless {
            return self.decode_slowly(input);
        }
        let start = self.position.offset();
        self.position.advance(input, len);
        Ok(Some(self.event_of_lines(event_type, id, data, start, start + len as u64)))
    }

    /// An event that ends with plain lines, the first of which begins at `start`.
    #[inline(always)]
    fn event_of_lines<'a>(
        &'a mut self,
        event_type: Option<&'a str>,
        id: Option<&str>,
        data: &'a str,
        start: u64,
        end: u64,
    ) -> Item<'a> {
        let start = if self.block.size == 0 { start } else { self.block.start };
        if let Some(id) = id {
            let _fits = self.last_event_id.set(Piece::from_text(id), self.bounds.value);
        } else if self.block.has_id {
            mem::swap(&mut self.last_event_id, &mut self.block.id);
        }
        let has_id = id.is_some() || self.block.has_id;
        let own_event_type = self.block.has_event_type;
        self.block.clear();
        self.stage = Stage::Clean;
        Item::Event(Event {
            event_type: match event_type {
                Some(event_type) => event_type,
                None if own_event_type => self.block.event_type_text(),
                None => DEFAULT_EVENT_TYPE,
            },
            data,
            last_event_id: self.last_event_id.text(),
            has_id,
            span: Span { start, end },
        })
    }

    /// Passes over whole lines that say nothing.
    #[inline(never)]
    fn pass_ignorable_lines(&mut self, input: &mut &[u8]) {
        let blanks = self.stage == Stage::Clean;
        let begins = blanks || input.first() == Some(&b':');
        if begins && !self.comments && input.len() <= self.bounds.line {
            let ignored = scan::ignorable_lines(input, blanks);
            self.position.advance(input, ignored);
        }
    }

    /// A block whose end was not found, or that is no event.
    #[inline(never)]
    fn decode_part<'a, 'i: 'a>(
        &'a mut self,
        head: Head<'i>,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        let head = if let Rest::Unread = head.rest {
            head.read_on(input, self.bounds.value)
        } else {
            head
        };
        let start = self.position.offset();
        let after_head = start + head.len as u64;
        if self.block.size + head.size() > self.harmless {
            return self.decode_slowly(input);
        }
        if let (Rest::Blank(width), Some(data)) = (head.rest, head.data) {
            self.position.advance(input, head.len + width);
            let end = after_head + 1;
            return Ok(Some(self.event_of_lines(head.event_type, head.id, data, start, end)));
        }
        self.block.take(&head, start, self.bounds);
        match head.rest {
            Rest::OpenData(value) if self.block.size + input.len() <= self.harmless => {
                self.open_data_line(value, after_head, input.len() - head.len);
                self.position.advance(input, input.len());
                Ok(None)
            }
            Rest::Retry(duration, len, width) if len <= self.bounds.line => {
                self.position.advance(input, head.len + len + width);
                self.settle();
                let span = Span { start: after_head, end: after_head + len as u64 + 1 };
                Ok(Some(Item::ReconnectionTime { duration, span }))
            }
            Rest::Cut(line) if line.len() == 0 => {
                self.position.advance(input, head.len);
                self.settle();
                Ok(None)
            }
            Rest::Cut(line)
                if !self.block.has_data
                    && line.bytes()[0] != b':'
                    && self.block.size + input.len() <= self.harmless =>
            {
                self.position.advance(input, input.len());
                self.line = Line::Carried;
                self.line_start = after_head;
                self.line_len = line.len();
                let _fits = self.carry.set(line, self.bounds.line);
                self.stage = Stage::Carried;
                Ok(None)
            }
            Rest::Blank(_)
            | Rest::OpenData(_)
            | Rest::Cut(_)
            | Rest::Retry(..)
            | Rest::Other
            | Rest::Unread => {
                self.position.advance(input, head.len);
                self.settle();
                if self.stage == Stage::Data {
                    self.decode_on(input)
                } else {
                    self.decode_slowly(input)
                }
            }
        }
    }

    /// With data in the block's own memory: more of it most often, or the end of the event.
    #[inline(always)]
    fn decode_data<'a, 'i: 'a, V: Vector>(
        &'a mut self,
        vector: V,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        let bytes = *input;
        let mut ends = LineEnds::new(vector, bytes);
        let mut start = 0;
        if self.line == Line::Data {
            let end = ends.next();
            let Some(value) = ends.piece_from(0) else { return Ok(None) };
            if self.block.size + self.line_len + end >= self.harmless {
                return self.decode_slowly(input);
            }
            if end == bytes.len() {
                self.line_len += end;
                self.block.extend_data(value, self.bounds);
                self.position.advance(input, end);
                return Ok(None);
            }
            let width = scan::line_end_width(&bytes[end..]);
            if width == 0 {
                return self.decode_slowly(input);
            }
            self.block.push_data_line(value, bytes, self.bounds);
            if self.block.size == 0 {
                self.block.start = self.line_start;
            }
            self.block.size += self.line_len + end + 1;
            self.line_len = 0;
            self.line = Line::Start;
            start = end + width;
        }
        while let Some(name_len) = head::data_name(&bytes[start..]) {
            let end = ends.next_from(start);
            let Some(value) = ends.piece_from(start + name_len) else { break };
            if self.block.size + end - start >= self.harmless {
                break;
            }
            let width = scan::line_end_width(&bytes[end..]);
            if width == 0 {
                if end < bytes.len() {
                    break;
                }
                self.open_data_line(value, self.position.offset() + start as u64, end - start);
                self.position.advance(input, end);
                return Ok(None);
            }
            self.block.push_data_line(value, &bytes[start + name_len..], self.bounds);
            self.block.size += end - start + 1;
            start = end + width;
        }
        let width = scan::line_end_width(&bytes[start..]);
        self.position.advance(input, start + width);
        if width > 0 {
            return self.give_data(self.position.offset() - width as u64 + 1);
        }
        if input.is_empty() { Ok(None) } else { self.decode_slowly(input) }
    }

    /// The event whose data is in the block's own memory. `end` is after the byte that completes it.
    #[inline(never)]
    fn give_data(&mut self, end: u64) -> Result<Option<Item<'_>>, DecodeError> {
        self.stage = Stage::Clean;
        let has_id = self.block.has_id;
        if has_id {
            mem::swap(&mut self.last_event_id, &mut self.block.id);
        }
        let (start, limit) = (self.block.start, self.bounds.event);
        let own_event_type = self.block.has_event_type;
        self.block.clear();
        if self.block.data.make_text(limit.saturating_add(1)).is_err() {
            return Err(DecodeError::EventTooLong { event_start: start, limit });
        }
        Ok(Some(Item::Event(Event {
            event_type: if own_event_type {
                self.block.event_type_text()
            } else {
                DEFAULT_EVENT_TYPE
            },
            data: self.block.data_text(),
            last_event_id: self.last_event_id.text(),
            has_id,
            span: Span { start, end },
        })))
    }

    /// In a line between two blocks that is ignored.
    #[inline(never)]
    fn decode_ignored<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        let (line, ended) = scan::line(input);
        if self.line_len + line.len() > self.bounds.line {
            return self.decode_slowly(input);
        }
        if !ended {
            if self.line == Line::Start {
                self.line_start = self.position.offset();
            }
            self.line = Line::Ignored;
            self.line_len += line.len();
            self.stage = Stage::Ignored;
            self.position.advance(input, line.len());
            return Ok(None);
        }
        if input[line.len()] != b'\n' {
            return self.decode_slowly(input);
        }
        self.line = Line::Start;
        self.line_len = 0;
        self.stage = Stage::Clean;
        self.position.advance(input, line.len() + 1);
        self.decode_on(input)
    }

    /// In a line that earlier chunks began, and that says what it is only when it is whole.
    #[inline(never)]
    fn decode_carried<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        let (piece, _) = scan::line(input);
        let len = self.line_len + piece.len();
        let width = scan::line_end_width(&input[piece.len()..]);
        if width == 0 || self.block.size + len >= self.harmless {
            return self.decode_slowly(input);
        }
        let _fits = self.carry.push(piece, self.bounds.line);
        let Field::Data(value) = Field::parse(self.carry.piece()) else {
            self.line_len = len;
            let start = self.line_start;
            let end = self.position.offset() + piece.len() as u64 + 1;
            self.position.advance(input, piece.len() + width);
            let found = self.finish_line(Span { start, end });
            self.settle();
            return match found? {
                Some(found) => Ok(Some(self.item(found))),
                None => self.decode_on(input),
            };
        };
        self.block.begin_data();
        self.block.push_data_line(value, value.bytes(), self.bounds);
        if self.block.size == 0 {
            self.block.start = self.line_start;
        }
        self.block.size += len + 1;
        self.line = Line::Start;
        self.line_len = 0;
        self.stage = Stage::Data;
        self.position.advance(input, piece.len() + width);
        let width = scan::line_end_width(input);
        if width == 0 {
            return self.decode_on(input);
        }
        let end = self.position.offset() + 1;
        self.position.advance(input, width);
        self.give_data(end)
    }

    /// Finds out where the stream stands.
    #[inline(always)]
    fn settle(&mut self) {
        self.stage = if self.block.dropped || !self.position.is_plain() {
            Stage::Other
        } else {
            match self.line {
                Line::Data => Stage::Data,
                Line::Start if self.block.has_data => Stage::Data,
                Line::Start if self.block.size > 0 => Stage::Begun,
                Line::Start => Stage::Clean,
                Line::Ignored if self.block.size == 0 => Stage::Ignored,
                Line::Carried if !self.block.has_data => Stage::Carried,
                Line::Ignored | Line::Carried | Line::Skipped => Stage::Other,
            }
        };
    }

    /// The event; `None` for what is in the block's own memory.
    #[inline(always)]
    fn event<'a>(
        &'a self,
        data: Option<&'a str>,
        event_type: Option<&'a str>,
        has_id: bool,
        span: Span,
    ) -> Item<'a> {
        Item::Event(Event {
            event_type: match event_type {
                Some("") => DEFAULT_EVENT_TYPE,
                Some(event_type) => event_type,
                None => self.block.event_type_text(),
            },
            data: match data {
                Some(data) => data,
                None => self.block.data_text(),
            },
            last_event_id: self.last_event_id.text(),
            has_id,
            span,
        })
    }

    /// Begins a `data` line that the chunk does not end, with the value so far.
    #[inline(never)]
    fn open_data_line(&mut self, value: Piece<'_>, start: u64, len: usize) {
        self.stage = Stage::Data;
        self.line = Line::Data;
        self.line_start = start;
        self.line_len = len;
        self.block.begin_data();
        self.block.extend_data(value, self.bounds);
    }
}
