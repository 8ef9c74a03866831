//! The plain way: line by line into the block's own memory, as long as lines end in LF or CRLF and are far
//! below the limits.
//!
//! For events that chunks cut, and those of several lines of data.

use super::{Decoded, Engine, Line, Stage, Way};
use crate::{
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Item, Span},
    field::{Field, parse_retry},
    memory::Store,
    name::{DATA, EVENT, ID, RETRY, first_word},
    scan::{self, LineEnds, Piece, Vector, line_end_width, pass_ignorable},
};

/// The bytes of `data:`. If a chunk ends with them, the next one decides whether a space follows.
const DATA_COLON: usize = 5;

/// In a `data` line: more of it most often, or the end of the event.
pub(super) struct DataLine;

impl Way for DataLine {
    #[inline(always)]
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        if engine.block.size + engine.line_len + chunk.len() > engine.harmless {
            return engine.go_on::<Lines>(chunk, decoded);
        }
        let end = if engine.block.data.is_known() {
            LineEnds::new(vector, chunk, 0).next(false)
        } else {
            scan::line_end(vector, chunk)
        };
        let piece = end.line;
        if end.at == chunk.len() {
            engine.line_len += piece.len();
            engine.block.extend_data(piece, engine.bounds);
            engine.position.count(piece.len());
            return piece.len();
        }
        let blank = line_end_width(&chunk[end.next..]);
        if end.next == end.at || blank == 0 {
            return engine.go_on::<Lines>(chunk, decoded);
        }
        engine.end_data_line(piece, chunk);
        engine.give_data(end.next, blank, decoded)
    }
}

/// At or in any line.
pub(super) struct Lines;

impl Way for Lines {
    #[inline(always)]
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        // No line and no event of so few bytes passes a limit, wherever it ends.
        let room = engine.harmless.saturating_sub(engine.block.size + engine.line_len);
        let bytes = chunk.get(..room).unwrap_or(chunk);
        let mut start = 0;
        let mut ends = LineEnds::new(vector, bytes, start);
        loop {
            let end = ends.next(false);
            if engine.line != Line::Start {
                let piece = end.line;
                if end.next == end.at {
                    return engine.extend_line(piece, chunk, decoded);
                }
                start = end.next;
                match engine.line {
                    Line::Data => engine.end_data_line(piece, bytes),
                    Line::Ignored => {
                        engine.end_line();
                        if !engine.comments {
                            let is_clean = engine.block.size == 0;
                            start = pass_ignorable(vector, bytes, start, is_clean);
                            ends = LineEnds::new(vector, bytes, start);
                        }
                    }
                    Line::Start | Line::Carried | Line::Skipped => {
                        if !engine.end_carried_line(piece) {
                            return engine.go_slowly(0, chunk, decoded);
                        }
                    }
                }
                continue;
            }
            if end.next == end.at {
                return engine.leave(start, end.line, chunk, decoded);
            }
            let rest = &bytes[start..];
            let word = first_word(rest);
            if let Some(at) = DATA.value_in(word) {
                engine.block.begin_data();
                let value = end.line.after_ascii(at);
                engine.block.push_data_line(value, &rest[at..], engine.bounds);
            } else if let Some(at) = EVENT.value_in(word) {
                let value = end.line.after_ascii(at).checked();
                if !value.is_known() || value.len() > engine.bounds.value {
                    return engine.leave(start, Piece::NONE, chunk, decoded);
                }
                engine.block.set_event_type(value, engine.bounds.value);
            } else if let Some(at) = ID.value_in(word) {
                let value = end.line.after_ascii(at).checked();
                let has_nul = !end.plain && value.bytes().contains(&0);
                if !value.is_known() || value.len() > engine.bounds.value || has_nul {
                    return engine.leave(start, Piece::NONE, chunk, decoded);
                }
                engine.block.set_id(value, engine.bounds.value);
            } else if let Some(at) = RETRY.value_in(word) {
                let Some(milliseconds) = parse_retry(&end.line.bytes()[at..]) else {
                    return engine.leave(start, Piece::NONE, chunk, decoded);
                };
                *decoded = Ok(Some(engine.reconnection_time(milliseconds, start..end.at)));
                engine.position.count(end.next);
                engine.settle();
                return end.next;
            } else if end.at == start && engine.block.has_data {
                return engine.give_data(start, end.next - start, decoded);
            } else if end.at == start || (rest[0] == b':' && !engine.comments) {
                if end.at == start && engine.block.size > 0 {
                    engine.end_block(None, 0);
                }
                // One that ends in CRLF is passed by itself.
                start = end.next;
                if !engine.comments {
                    let is_clean = engine.block.size == 0;
                    start = pass_ignorable(vector, bytes, start, is_clean);
                    ends = LineEnds::new(vector, bytes, start);
                }
                continue;
            } else {
                return engine.leave(start, Piece::NONE, chunk, decoded);
            }
            if engine.block.size == 0 {
                engine.block.start = engine.position.offset() + start as u64;
            }
            engine.block.size += end.at - start + 1;
            start = end.next;
        }
    }
}

impl<S: Store> Engine<S> {
    /// Takes a short chunk of an unfinished `data` line, if there is nothing but plain text in it, and room for
    /// that; and says so. For so few bytes, the way to wider registers would cost more than they save.
    #[inline(never)]
    pub(super) fn extend_data_line(&mut self, chunk: &[u8]) -> bool {
        let harmless = self.block.size + self.line_len + chunk.len() <= self.harmless;
        let Some(piece) = scan::short_and_plain(chunk).filter(|_| harmless) else { return false };
        let fits = self.block.data.push_within(piece);
        if fits {
            self.line_len += piece.len();
            self.position.count(piece.len());
        }
        fits
    }

    /// The event whose data is in the block's own memory. At `end` begins the blank line, of `blank` bytes.
    #[inline(never)]
    fn give_data<'a>(&'a mut self, end: usize, blank: usize, decoded: &mut Decoded<'a>) -> usize {
        let next = end + blank;
        let end = self.position.offset() + end as u64 + 1;
        self.position.count(next);
        let limit = self.bounds.event;
        let ended = self.end_block(None, 0);
        *decoded = if !self.block.make_data_text(self.bounds) {
            Err(DecodeError::EventTooLong { event_start: ended.start, limit })
        } else if self.block.forgotten > 0 {
            let event_type = if ended.has_event_type { None } else { Some(DEFAULT_EVENT_TYPE) };
            let span = Span { start: ended.start, end };
            Ok(Some(self.outline(event_type, ended.has_id, span)))
        } else {
            let data = self.block.data_text();
            Ok(Some(Item::Event(self.event_of_block(ended, None, data, end))))
        };
        next
    }

    /// All of the chunk, or as much of it as was looked at, belongs to a line that earlier chunks began.
    #[inline(always)]
    fn extend_line<'a, 'i: 'a>(
        &'a mut self,
        piece: Piece<'_>,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        if piece.len() < chunk.len() || self.line == Line::Carried {
            return self.go_slowly(0, chunk, decoded);
        }
        self.line_len += piece.len();
        if self.line == Line::Data {
            self.block.extend_data(piece, self.bounds);
        }
        self.position.count(piece.len());
        piece.len()
    }

    /// The end of a `data` line that earlier chunks began.
    #[inline(always)]
    fn end_data_line(&mut self, piece: Piece<'_>, bytes: &[u8]) {
        self.block.push_data_line(piece, bytes, self.bounds);
        if self.block.size == 0 {
            self.block.start = self.line_start;
        }
        self.block.size += self.line_len + piece.len() + 1;
        self.end_line();
    }

    #[inline(always)]
    const fn end_line(&mut self) {
        self.line = Line::Start;
        self.line_len = 0;
    }

    /// The end of a line that earlier chunks began, and that says what it is only when it is whole; unless
    /// there is something special about it.
    #[inline(never)]
    fn end_carried_line(&mut self, piece: Piece<'_>) -> bool {
        let carried = self.carry.len();
        let _fits = self.carry.push(piece, self.bounds.line);
        let limit = self.bounds.value;
        let is_text = |value: Piece<'_>| value.is_known() && value.len() <= limit;
        match Field::parse(self.carry.piece()) {
            Field::Data(value) => {
                self.block.begin_data();
                self.block.push_data_line(value, value.bytes(), self.bounds);
            }
            Field::EventType(value) if is_text(value) => self.block.set_event_type(value, limit),
            Field::Id(value) if is_text(value) && !value.bytes().contains(&0) => {
                self.block.set_id(value, limit);
            }
            Field::Blank
            | Field::Comment(_)
            | Field::EventType(_)
            | Field::Id(_)
            | Field::Retry(_)
            | Field::Unknown => {
                self.carry.truncate(carried);
                return false;
            }
        }
        if self.block.size == 0 {
            self.block.start = self.line_start;
        }
        self.block.size += self.line_len + piece.len() + 1;
        self.end_line();
        true
    }

    /// Stops at the line that begins at `start`: it is special, or `line` is all that the chunk has of it, which is
    /// no more than what fits.
    #[inline(never)]
    pub(super) fn leave<'a, 'i: 'a>(
        &'a mut self,
        start: usize,
        line: Piece<'_>,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        let offset = self.position.offset();
        if start + line.len() < chunk.len() {
            self.position.count(start);
            self.settle();
            return self.go_slowly(start, chunk, decoded);
        }
        self.position.count(chunk.len());
        if line.len() == 0 {
            self.settle();
            return chunk.len();
        }
        self.line_start = offset + start as u64;
        self.line_len = line.len();
        self.stage = Stage::Within;
        match DATA.value_in(first_word(line.bytes())) {
            Some(at) if line.len() > DATA_COLON => {
                self.line = Line::Data;
                self.stage = Stage::Data;
                self.block.begin_data();
                self.block.extend_data(line.after_ascii(at), self.bounds);
            }
            None if line.bytes()[0] == b':' && !self.comments => self.line = Line::Ignored,
            Some(_) | None => {
                self.line = Line::Carried;
                let _fits = self.carry.set(line, self.bounds.line);
            }
        }
        chunk.len()
    }

    /// Leaves the chunk from `start` on to the way that takes everything.
    #[inline(never)]
    pub(super) fn go_slowly<'a, 'i: 'a>(
        &'a mut self,
        start: usize,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        let mut rest = &chunk[start..];
        *decoded = self.decode_slowly(&mut rest);
        chunk.len() - rest.len()
    }
}
