//! Line by line, whatever comes: what the plain ways of [`Engine`] leave over.

use core::{mem, time::Duration};

use super::{Decoded, Engine, Line, Stage};
use crate::{
    block::{Held, Step},
    error::DecodeError,
    event::{DEFAULT_EVENT_TYPE, Item, Span},
    memory::Store,
    scan::{self, Baseline, Piece},
};

/// What a call found; the item is built once the search has given its borrows back.
pub(super) enum Found<'i> {
    Event {
        /// `None`: in the block's own memory, both of them.
        data: Option<&'i str>,
        event_type: Option<&'i str>,
        has_id: bool,
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

impl<S: Store> Engine<S> {
    #[inline(never)]
    pub(super) fn decode_slowly<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Decoded<'a> {
        if !self.position.is_plain() || self.line != Line::Start {
            let found = self.resume_line(input);
            self.settle();
            if let Some(found) = found? {
                return Ok(Some(self.item(found)));
            }
            if self.line != Line::Start {
                return Ok(None);
            }
            if self.stage != Stage::Other {
                let mut decoded = Ok(None);
                let used = self.decode_on(input, &mut decoded);
                *input = &input[used..];
                return decoded;
            }
        }
        let before = input.len();
        let found = self.find_from_line_start(input);
        self.position.count(before - input.len());
        self.settle();
        Ok(found?.map(|found| self.item(found)))
    }

    pub(super) fn item<'a, 'i: 'a>(&'a mut self, found: Found<'i>) -> Item<'a> {
        match found {
            Found::Event { data: None, event_type, has_id, span } if self.block.forgotten > 0 => {
                self.outline(event_type, has_id, span)
            }
            Found::Event { data, event_type, has_id, span } => {
                self.event(data, event_type, has_id, span)
            }
            Found::Comment { text: None, span } if self.forgotten_comment > 0 => {
                let carried = self.carry.len().saturating_sub(1);
                let text_len = mem::take(&mut self.forgotten_comment) as usize + carried;
                Item::CommentOutline { text_len, span }
            }
            Found::Comment { text, span } => {
                let text = text.or(self.carry.text().get(1..)).unwrap_or_default();
                Item::Comment { text, span }
            }
            Found::ReconnectionTime { duration, span } => Item::ReconnectionTime { duration, span },
        }
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
                Some(b':') if !self.comments && rest.len() <= self.bounds.line => {
                    let blanks = self.block.is_clear();
                    *rest = &rest[scan::pass_ignorable(Baseline, rest, 0, blanks)..];
                    if rest.is_empty() {
                        // The next chunk begins a line: none is unfinished.
                        continue;
                    }
                }
                Some(_) => {}
            }
            let start = chunk_end - rest.len() as u64;
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
                    if text.is_none() {
                        self.carry_comment(line, span)?;
                    }
                    return Ok(Some(Found::Comment { text, span }));
                }
                Err(error) => {
                    self.block.take_in(&mut held, self.bounds);
                    return Err(error);
                }
            }
        }
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
        let has_id = id.is_some() || self.block.has_id;
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
        let event_type = match event_type {
            Some(event_type) => event_type.text(),
            None if self.block.has_event_type => None,
            None => Some(DEFAULT_EVENT_TYPE),
        };
        self.block.clear();
        let limit = self.bounds.event;
        if data.is_none() && !self.block.make_data_text(self.bounds) {
            return Err(DecodeError::EventTooLong { event_start: start, limit });
        }
        let data = data.and_then(Piece::text);
        Ok(Some(Found::Event { data, event_type, has_id, span: Span { start, end } }))
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
        // A line that is passed over has no limit, and may never end.
        self.line_len = self.line_len.saturating_add(piece.len());
        if self.line_len > self.bounds.line && self.line != Line::Skipped {
            self.line = Line::Skipped;
            self.forgotten_comment = 0;
            if self.block.drop_event() {
                let (line_start, limit) = (self.line_start, self.bounds.line);
                let event_start = self.block.start_at(line_start);
                return Err(DecodeError::LineTooLong { line_start, event_start, limit });
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
    pub(super) fn finish_line<'i>(&mut self, span: Span) -> Result<Option<Found<'i>>, DecodeError> {
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
                        self.decode_carried_comment(span)?;
                        Ok(Some(Found::Comment { text: None, span }))
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn carry_comment(&mut self, line: Piece<'_>, span: Span) -> Result<(), DecodeError> {
        let _fits = self.carry.set(line, self.bounds.line);
        self.decode_carried_comment(span)
    }

    /// Makes text of it, which may be longer than its line was.
    fn decode_carried_comment(&mut self, span: Span) -> Result<(), DecodeError> {
        let limit = self.bounds.line;
        let fits = self.carry.make_text(limit).is_ok()
            && (self.forgotten_comment as usize).saturating_add(self.carry.len()) <= limit;
        if fits {
            return Ok(());
        }
        self.forgotten_comment = 0;
        Err(DecodeError::CommentTooLong { line_start: span.start, limit })
    }
}
