//! What the lines since the last blank line have said.

use core::{mem, time::Duration};

use crate::{
    engine::{Bounds, Head, Line},
    error::{DecodeError, ValueKind},
    event::{DEFAULT_EVENT_TYPE, Span},
    field::{Field, parse_retry},
    memory::{Full, Store},
    scan::{self, Piece, Text},
};

/// The event that is being put together.
#[derive(Debug)]
pub(crate) struct Block<S> {
    pub(crate) data: Text<S>,
    pub(crate) event_type: Text<S>,
    pub(crate) id: Text<S>,
    /// Where the first `data`, `event` or `id` line began, once there was one.
    pub(crate) start: u64,
    /// Bytes of such lines, each with one for its end.
    pub(crate) size: usize,
    // What the texts hold counts only where these say so: it may be of an event that was given out.
    pub(crate) has_data: bool,
    pub(crate) has_event_type: bool,
    pub(crate) has_id: bool,
    /// How long the data was, as text, that came before what `data` holds, and was not to be kept.
    pub(crate) forgotten: u32,
    /// Over a limit: only its id still matters.
    pub(crate) dropped: bool,
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

impl<S: Store> Block<S> {
    pub(crate) const fn new(data: S, event_type: S, id: S) -> Self {
        Self {
            data: Text::new(data),
            event_type: Text::new(event_type),
            id: Text::new(id),
            start: 0,
            size: 0,
            has_data: false,
            has_event_type: false,
            has_id: false,
            forgotten: 0,
            dropped: false,
        }
    }

    /// The data without the line feed after its last line; only once it is known to be text.
    pub(crate) fn data_text(&self) -> &str {
        let data = self.data.text();
        data.strip_suffix('\n').unwrap_or(data)
    }

    /// Makes text of the data, what was forgotten of it counted; says whether it fits.
    #[inline(always)]
    pub(crate) fn make_data_text(&mut self, bounds: Bounds) -> bool {
        // The last line feed will be cut off, and so may pass the limit.
        let most = bounds.event.saturating_add(1);
        let fits = self.data.make_text(most).is_ok();
        if self.forgotten == 0 {
            return fits;
        }
        let fits = fits && (self.forgotten as usize).saturating_add(self.data.len()) <= most;
        if !fits {
            self.forgotten = 0;
        }
        fits
    }

    /// How long the data is of which some was forgotten, without the line feed after its last line.
    pub(crate) fn take_data_len(&mut self) -> usize {
        (mem::take(&mut self.forgotten) as usize + self.data.len()).saturating_sub(1)
    }

    /// Forgets the data if it is more than `most` bytes, and counts it.
    #[cfg(feature = "alloc")]
    pub(crate) fn forget_data(&mut self, most: usize) {
        if self.has_data && self.data.len() > most {
            if self.dropped {
                self.data.clear();
            } else {
                self.data.forget_after(0, &mut self.forgotten);
            }
        }
    }

    pub(crate) fn event_type_text(&self) -> &str {
        match self.event_type.text() {
            "" => DEFAULT_EVENT_TYPE,
            event_type => event_type,
        }
    }

    /// What was there before belongs to another event.
    #[inline(always)]
    pub(crate) fn begin_data(&mut self) {
        if !self.has_data {
            self.has_data = true;
            self.data.clear();
        }
    }

    /// A line of data that fits, or will be counted, and the event dropped. `from` begins with its value.
    #[inline(always)]
    pub(crate) fn push_data_line(&mut self, value: Piece<'_>, from: &[u8], bounds: Bounds) {
        // The last line feed will be cut off, and so may pass the limit.
        let _fits = self.data.push_line(value, from, bounds.event.saturating_add(1));
    }

    /// Takes lines of `size` bytes that begin at `start`. All of them fit.
    #[inline(always)]
    pub(crate) fn take(&mut self, head: Head<'_>, start: u64, size: usize, limit: usize) {
        if self.size == 0 {
            self.start = start;
        }
        self.size += size;
        if let Some(event_type) = head.event_type {
            self.set_event_type(Piece::from_text(event_type), limit);
        }
        if let Some(id) = head.id {
            self.set_id(Piece::from_text(id), limit);
        }
    }

    /// Takes text that fits.
    #[inline(always)]
    pub(crate) fn set_id(&mut self, value: Piece<'_>, limit: usize) {
        self.has_id = true;
        let _fits = self.id.set(value, limit);
    }

    /// Takes text that fits.
    #[inline(always)]
    pub(crate) fn set_event_type(&mut self, value: Piece<'_>, limit: usize) {
        self.has_event_type = true;
        let _fits = self.event_type.set(value, limit);
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
                match hold(value, &mut held.event_type, &mut self.event_type, bounds) {
                    Ok(()) => self.has_event_type = true,
                    Err(Full) => return self.drop_value(ValueKind::EventType, span, bounds),
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
                            return self.drop_value(ValueKind::EventId, span, bounds);
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
                self.begin_data();
                self.extend_data(begun.after_ascii(name), bounds);
                Line::Data
            }
            bytes if bytes[0] != b':' && !may_be_known(bytes) => Line::Ignored,
            _ => Line::Carried,
        }
    }

    /// "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF)".
    #[inline]
    fn add_data(&mut self, value: Piece<'_>, bounds: Bounds) {
        self.begin_data();
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
            self.set_event_type(event_type, bounds.value);
        }
        if let Some(data) = held.data.take() {
            self.add_data(data, bounds);
        }
    }

    fn drop_value<'l>(
        &mut self,
        kind: ValueKind,
        span: Span,
        bounds: Bounds,
    ) -> Result<Step<'l>, DecodeError> {
        if self.drop_event() {
            let (line_start, limit) = (span.start, bounds.value);
            let event_start = self.start_at(line_start);
            return Err(DecodeError::ValueTooLong { kind, line_start, event_start, limit });
        }
        Ok(Step::Nothing)
    }

    /// Whether this is news.
    pub(crate) fn drop_event(&mut self) -> bool {
        self.forgotten = 0;
        !mem::replace(&mut self.dropped, true)
    }

    /// Where the event begins that a line here is of.
    pub(crate) const fn start_at(&self, line_start: u64) -> u64 {
        if self.size > 0 { self.start } else { line_start }
    }

    pub(crate) const fn is_clear(&self) -> bool {
        self.size == 0 && !self.dropped
    }

    /// Begins anew. What its texts hold stays until there are others, since it may just be given out.
    #[inline(always)]
    pub(crate) const fn clear(&mut self) {
        self.size = 0;
        self.has_data = false;
        self.has_event_type = false;
        self.has_id = false;
        self.dropped = false;
    }
}

/// Whether a line that begins like this may have a field that means something.
fn may_be_known(begun: &[u8]) -> bool {
    [&b"data"[..], b"event", b"id", b"retry"].into_iter().any(|name| {
        match begun.strip_prefix(name) {
            Some(rest) => rest.first().is_none_or(|after| *after == b':'),
            None => name.starts_with(begun),
        }
    })
}

/// Holds a value in the chunk if it is text already, else as text in the block's own memory. `Full`
/// changes nothing.
#[inline]
fn hold<'l, S: Store>(
    value: Piece<'l>,
    held: &mut Option<Piece<'l>>,
    text: &mut Text<S>,
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
