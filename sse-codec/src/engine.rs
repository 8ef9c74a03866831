//! Lines to items, in whatever memory: the one engine behind every door.
//!
//! WHATWG HTML §9.2.6, "Interpreting an event stream". Most of a stream is plain: lines that end in LF or
//! CRLF, far below the limits. For such there are ways that do little else than look for line ends: an event
//! that lies whole in the chunk is given where it lies (`whole`); of one that a chunk cuts, or that has several
//! lines of data, the values go to the block's own memory (`lines`). The [`Stage`] in which a stream stands,
//! and how the chunk begins, say which [`Way`] is tried first; a way that meets what it does not expect leaves
//! the chunk to one that expects more, and at last to `decode_slowly`, which takes every stream.
//!
//! What a call needs to know of the one before passes through registers: the chunk, and the bytes used of it. A
//! pointer that went through memory would be waited for longer than most events take.

use core::{marker::PhantomData, mem, ops::Range, time::Duration};

use crate::{
    block::Block,
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    memory::{Full, KEPT, Store},
    position::Position,
    scan::{self, Job, Piece, Text, Vector, Widest},
};

mod lines;
mod slow;
mod whole;

use lines::{DataLine, Lines};
pub(crate) use whole::Head;
use whole::{DataEvent, TypedEvent, WholeEvent};

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

/// What a call gives.
type Decoded<'a> = Result<Option<Item<'a>>, DecodeError>;

#[derive(Debug)]
pub(crate) struct Engine<S> {
    bounds: Bounds,
    widest: Widest,
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
    /// How long the comment was, as text, that came before what is carried, and was not to be kept.
    forgotten_comment: u32,
}

/// What is known of where the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Between two blocks, with nothing pending.
    Clean,
    /// At a line of a block that has no data so far.
    Begun,
    /// In a `data` line.
    Data,
    /// At a line of a block that has data, or in another line than those.
    Within,
    /// Anywhere.
    Other,
}

/// In fewer bytes, an event with a type is hardly whole.
const WORTHWHILE: usize = 64;

/// A line of so many bytes does most often not end in the next few.
const LONG: usize = 512;

/// No event has fewer bytes.
const SHORTEST: usize = b"data:\n\n".len();

/// What is left to say of a block that ended.
struct EndedBlock {
    /// Where it began.
    start: u64,
    has_id: bool,
    /// In the block's own memory.
    has_event_type: bool,
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

/// A way to go on, fast where a stream is as it expects; where not, it leaves the chunk to another.
///
/// It gives the bytes used, and writes down what they say, if anything.
trait Way {
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize;
}

/// A [`Way`] as a [`Job`].
struct Go<'a, 'd, S, W>(&'a mut Engine<S>, &'d mut Decoded<'a>, PhantomData<W>);

impl<'a, 'i: 'a, S: Store, W: Way> Job<'i> for Go<'a, '_, S, W> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V, chunk: &'i [u8]) -> usize {
        W::decode(self.0, vector, chunk, self.1)
    }
}

impl<S: Store> Engine<S> {
    pub(crate) fn new(bounds: Bounds, mut memory: impl FnMut(Part) -> S) -> Self {
        Self {
            bounds,
            widest: Widest::detect(),
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
            forgotten_comment: 0,
        }
    }

    pub(crate) const fn give_comments(&mut self, wanted: bool) {
        self.comments = wanted;
    }

    pub(crate) fn last_event_id(&self) -> &str {
        self.last_event_id.text()
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn pending_event(&self) -> Option<u64> {
        (self.block.size > 0 && !self.block.dropped).then_some(self.block.start)
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn is_dropping(&self) -> bool {
        self.block.dropped
    }

    /// A caller's own id is no stream's to limit: only lent memory can be too small for it.
    pub(crate) fn set_last_event_id(&mut self, id: &str, limit: usize) -> Result<(), Full> {
        self.last_event_id.set(Piece::from_text(id), limit)
    }

    /// The smaller of the memories for ids, which change places with each event that has one.
    pub(crate) fn id_memory(&self) -> usize {
        self.last_event_id.room().min(self.block.id.room())
    }

    pub(crate) fn finish(&mut self) {
        self.position = Position::default();
        self.line = Line::Start;
        self.line_len = 0;
        self.block.clear();
        self.block.data.reset();
        self.block.event_type.reset();
        self.block.id.reset();
        self.carry.reset();
        self.block.forgotten = 0;
        self.forgotten_comment = 0;
        self.stage = Stage::Other;
    }

    /// Forgets the data of the event under way, and the comment, where they are more than `most` bytes.
    #[cfg(feature = "alloc")]
    pub(crate) fn forget_text(&mut self, most: usize) {
        self.block.forget_data(most);
        let is_comment = self.line == Line::Carried && self.carry.bytes().starts_with(b":");
        if is_comment && self.carry.len() > most.max(1) {
            self.carry.forget_after(1, &mut self.forgotten_comment);
        }
    }

    /// The next item of `input`, which is advanced past the bytes used. `Ok(None)`: all are used.
    #[inline(always)]
    pub(crate) fn decode<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Decoded<'a> {
        if self.stage == Stage::Clean
            && let Some(event) = scan::tick(input)
        {
            *input = &input[event.len..];
            return Ok(Some(Item::Event(self.give_data_event(DEFAULT_EVENT_TYPE, event))));
        }
        if input.is_empty() {
            if self.stage == Stage::Clean && self.block.data.room().max(self.carry.room()) > KEPT {
                self.block.data.clear_and_shrink();
                self.carry.clear_and_shrink();
            }
            return Ok(None);
        }
        let mut decoded = Ok(None);
        let used = self.decode_on(input, &mut decoded);
        *input = &input[used..];
        decoded
    }

    /// Decodes the next item, and gives the bytes used.
    #[inline(always)]
    fn decode_on<'a, 'i: 'a>(&'a mut self, chunk: &'i [u8], decoded: &mut Decoded<'a>) -> usize {
        if self.stage == Stage::Data && self.line_len >= LONG && self.extend_data_line(chunk) {
            return chunk.len();
        }
        match self.stage {
            Stage::Data => self.go::<DataLine>(chunk, decoded),
            Stage::Clean if chunk.starts_with(b"data:") => self.go::<DataEvent>(chunk, decoded),
            Stage::Clean if chunk.len() >= WORTHWHILE && chunk.starts_with(b"event:") => {
                self.go::<TypedEvent>(chunk, decoded)
            }
            Stage::Clean | Stage::Begun if chunk.len() >= SHORTEST => {
                self.go::<WholeEvent>(chunk, decoded)
            }
            Stage::Clean | Stage::Begun | Stage::Within => self.go::<Lines>(chunk, decoded),
            Stage::Other => self.go_slowly(0, chunk, decoded),
        }
    }

    /// Decodes the next item in a way of its own.
    #[inline(always)]
    fn go<'a, 'i: 'a, W: Way>(&'a mut self, chunk: &'i [u8], decoded: &mut Decoded<'a>) -> usize {
        self.widest.run(Go(self, decoded, PhantomData::<W>), chunk)
    }

    /// The same from another way, which stays small by that.
    #[inline(never)]
    fn go_on<'a, 'i: 'a, W: Way>(
        &'a mut self,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        self.go::<W>(chunk, decoded)
    }

    /// An event with which nothing is pending.
    #[inline(always)]
    fn give_data_event<'a>(
        &'a mut self,
        event_type: &'a str,
        event: scan::DataEvent<'a>,
    ) -> Event<'a> {
        let start = self.position.offset();
        self.position.count(event.len);
        let ended = EndedBlock { start, has_id: false, has_event_type: false };
        self.event_of_block(ended, Some(event_type), event.data, start + event.blank as u64 + 1)
    }

    /// What a `retry` line in the chunk says.
    #[inline(always)]
    fn reconnection_time<'a>(&self, milliseconds: u64, line: Range<usize>) -> Item<'a> {
        let offset = self.position.offset();
        let span = Span { start: offset + line.start as u64, end: offset + line.end as u64 + 1 };
        Item::ReconnectionTime { duration: Duration::from_millis(milliseconds), span }
    }

    /// Finds out where the stream stands.
    #[inline(always)]
    fn settle(&mut self) {
        self.stage = match self.line {
            Line::Skipped => Stage::Other,
            _ if self.block.dropped || !self.position.is_plain() => Stage::Other,
            // What is looked for by its form alone must not pass a limit.
            _ if self.harmless < scan::TICK => Stage::Other,
            Line::Start if self.block.size == 0 => Stage::Clean,
            Line::Start if !self.block.has_data => Stage::Begun,
            Line::Data => Stage::Data,
            Line::Start | Line::Carried | Line::Ignored => Stage::Within,
        };
    }

    /// The end of a block. `start` and `id` are of lines of it that its memory does not know of.
    #[inline(always)]
    fn end_block(&mut self, id: Option<&str>, start: u64) -> EndedBlock {
        let block = &mut self.block;
        if let Some(id) = id {
            let _fits = self.last_event_id.set(Piece::from_text(id), self.bounds.value);
        } else if block.has_id {
            mem::swap(&mut self.last_event_id, &mut block.id);
        }
        let ended = EndedBlock {
            start: if block.size == 0 { start } else { block.start },
            has_id: id.is_some() || block.has_id,
            has_event_type: block.has_event_type,
        };
        block.clear();
        self.stage = Stage::Clean;
        ended
    }

    /// The event of a block that ended. `event_type` is of lines that its memory does not know of.
    #[inline(always)]
    fn event_of_block<'a>(
        &'a self,
        block: EndedBlock,
        event_type: Option<&'a str>,
        data: &'a str,
        end: u64,
    ) -> Event<'a> {
        Event {
            event_type: match event_type {
                Some(event_type) => event_type,
                None if block.has_event_type => self.block.event_type_text(),
                None => DEFAULT_EVENT_TYPE,
            },
            data,
            last_event_id: self.last_event_id.text(),
            has_id: block.has_id,
            span: Span { start: block.start, end },
        }
    }

    /// An event of whose data some was forgotten.
    #[inline(never)]
    fn outline<'a>(
        &'a mut self,
        event_type: Option<&'a str>,
        has_id: bool,
        span: Span,
    ) -> Item<'a> {
        let data_len = self.block.take_data_len();
        let event_type = match event_type {
            Some("") => DEFAULT_EVENT_TYPE,
            Some(event_type) => event_type,
            None => self.block.event_type_text(),
        };
        let last_event_id = self.last_event_id.text();
        Item::EventOutline { event_type, data_len, last_event_id, has_id, span }
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
}
