//! What the lines since the last blank line have said.

use core::{mem, time::Duration};

use crate::{
    engine::{Bounds, Line},
    error::DecodeError,
    event::Span,
    field::{Field, parse_retry},
    head::Head,
    scan::{self, DataLine, Full, Memory, Piece, Text},
};

/// The event that is being put together.
#[derive(Debug)]
pub(crate) struct Block<M> {
    pub(crate) data: Text<M>,
    pub(crate) event_type: Text<M>,
    pub(crate) id: Text<M>,
    /// Where the first `data`, `event` or `id` line began, once there was one.
    pub(crate) start: u64,
    /// Bytes of such lines, each with one for its end.
    pub(crate) size: usize,
    pub(crate) has_data: bool,
    pub(crate) has_id: bool,
    /// Over a limit: only its id still matters.
    pub(crate) dropped: bool,
    /// Given out: to be cleared by the next call.
    pub(crate) given_out: bool,
}

/// Values that lie in the chunk, and so need no copy yet.
#[derive(Default)]
pub(crate) struct Held<'i> {
    pub(crate) data: Option<Piece<'i>>,
    pub(crate) event_type: Option<Piece<'i>>,
    pub(crate) id: Option<Piece<'i>>,
}

/// What a line led to.
pub(crate) enum Step<'l> {
    Nothing,
    Dispatch,
    Comment(Piece<'l>),
    ReconnectionTime(Duration),
}

impl<M: Memory> Block<M> {
    pub(crate) const fn new(data: M, event_type: M, id: M) -> Self {
        Self {
            data: Text::new(data),
            event_type: Text::new(event_type),
            id: Text::new(id),
            start: 0,
            size: 0,
            has_data: false,
            has_id: false,
            dropped: false,
            given_out: false,
        }
    }

    /// The data without the line feed after its last line; only once it is known to be text.
    pub(crate) fn data_text(&self) -> &str {
        let data = self.data.text();
        data.strip_suffix('\n').unwrap_or(data)
    }

    /// Takes the lines of a block that may stand before its data, and end at `end`.
    pub(crate) fn begin(&mut self, head: &Head<'_>, end: u64) {
        if head.len == 0 {
            return;
        }
        self.start = end - head.len as u64;
        self.size = head.len;
        let _fits = self.event_type.set(head.event_type, usize::MAX);
        if head.has_id {
            self.has_id = true;
            let _fits = self.id.set(head.id, usize::MAX);
        }
    }

    /// What a whole line says.
    #[inline]
    pub(crate) fn step<'l>(
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
                if !self.has_data {
                    let value = value.checked();
                    if value.is_known() {
                        held.data = Some(value);
                        return Ok(Step::Nothing);
                    }
                }
                self.add_data(value, bounds);
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

    /// Takes a `data` line of `len` bytes, its end included; or does nothing, where something is
    /// special about it.
    #[inline(always)]
    pub(crate) fn take_data<'i>(
        &mut self,
        value: Piece<'i>,
        len: usize,
        start: u64,
        held: &mut Held<'i>,
        bounds: Bounds,
    ) -> bool {
        if self.size == 0 {
            self.start = start;
        }
        let size = self.size.saturating_add(len);
        if size > bounds.event || self.dropped || !value.is_known() {
            return false;
        }
        self.size = size;
        if !self.has_data {
            let Some(first) = held.data.replace(value) else { return true };
            held.data = None;
            self.has_data = true;
            let _fits = self.data.push_line(first, bounds.event.saturating_add(1));
        }
        // All of the lines fit, so does their data.
        let _fits = self.data.push_line(value, bounds.event.saturating_add(1));
        true
    }

    /// Takes further `data` lines, as long as nothing is special about them, and counts their bytes.
    #[inline(never)]
    pub(crate) fn take_data_lines(&mut self, bytes: &[u8], bounds: Bounds) -> usize {
        let room = bounds.event.saturating_sub(self.size);
        let mut taken = 0;
        while let DataLine::Whole(value, len) = scan::data_line(&bytes[taken..]) {
            if len > bounds.line || taken + len > room {
                break;
            }
            let _fits = self.data.push_line(value, bounds.event.saturating_add(1));
            taken += len;
        }
        self.size += taken;
        taken
    }

    /// Counts a `data`, `event` or `id` line, and drops the event that it makes too long.
    #[inline]
    pub(crate) fn count(
        &mut self,
        line_len: usize,
        span: Span,
        bounds: Bounds,
    ) -> Result<(), DecodeError> {
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
    pub(crate) fn sort(&mut self, begun: Piece<'_>, comments: bool, bounds: Bounds) -> Line {
        match begun.bytes() {
            [b':', ..] if !comments => Line::Ignored,
            [b'd', b'a', b't', b'a', b':', after, ..] => {
                let name = if *after == b' ' { 6 } else { 5 };
                self.has_data = true;
                self.extend_data(begun.after_ascii(name), bounds);
                Line::Data
            }
            _ => Line::Carried,
        }
    }

    /// "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF)".
    #[inline]
    fn add_data(&mut self, value: Piece<'_>, bounds: Bounds) {
        self.has_data = true;
        self.extend_data(value, bounds);
        self.end_data_line(bounds);
    }

    pub(crate) fn end_data_line(&mut self, bounds: Bounds) {
        self.extend_data(Piece::from_text("\n"), bounds);
    }

    /// Where it does not fit, its line will be counted, and the event dropped.
    #[inline]
    pub(crate) fn extend_data(&mut self, value: Piece<'_>, bounds: Bounds) {
        // The last line feed will be cut off, and so may pass the limit.
        let _fits = self.data.push(value, bounds.event.saturating_add(1));
    }

    /// Copies what would not outlive the chunk. All of it fits, or its line would have been refused.
    pub(crate) fn take_in(&mut self, held: &mut Held<'_>, bounds: Bounds) {
        if let Some(id) = held.id.take() {
            let _fits = self.id.set(id, bounds.value);
        }
        if let Some(event_type) = held.event_type.take() {
            let _fits = self.event_type.set(event_type, bounds.value);
        }
        if let Some(data) = held.data.take() {
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
    pub(crate) fn drop_event(&mut self) -> bool {
        !mem::replace(&mut self.dropped, true)
    }

    pub(crate) fn has_event_type(&self) -> bool {
        !self.event_type.bytes().is_empty()
    }

    pub(crate) const fn is_clear(&self) -> bool {
        self.size == 0 && !self.dropped && !self.given_out
    }

    pub(crate) fn clear(&mut self) {
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
