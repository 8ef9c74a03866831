//! What can go wrong, by who is at fault: the stream ([`DecodeError`]) or the caller
//! ([`InvalidField`]).

use core::fmt;

use thiserror::Error;

/// An event of the stream was dropped because it passed a [limit](crate::Limits).
///
/// One event is lost, or one comment, not the stream: decoding goes on after that event's blank line. If the event
/// had a legal id, it becomes the last event ID at that blank line like any other, so that a
/// reconnect does not ask for the same event for ever.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sse_codec::{Decoder, Limits};
///
/// let mut decoder = Decoder::with_limits(Limits::default().event(8));
/// let error = decoder.decode(&mut &b"data: 12345\n"[..]).unwrap_err();
/// assert_eq!(error.to_string(), "an event at byte 0 is larger than the limit of 8 bytes; it was dropped");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A line, without its end, has more bytes than [`Limits::line`](crate::Limits::line).
    #[error(
        "a line of the event stream at byte {line_start} is longer than the limit of {limit} bytes; its event was dropped"
    )]
    #[non_exhaustive]
    LineTooLong {
        /// Where in the stream the line begins.
        line_start: u64,
        /// Where in the stream its event's first line begins: this one, or one before it.
        event_start: u64,
        /// The limit it passed, in bytes.
        limit: usize,
    },
    /// An event type or an event ID has more bytes, as text, than
    /// [`Limits::value`](crate::Limits::value).
    #[error(
        "an {kind} of the event stream at byte {line_start} is longer than the limit of {limit} bytes; its event was dropped"
    )]
    #[non_exhaustive]
    ValueTooLong {
        /// Which of the two.
        kind: ValueKind,
        /// Where in the stream its line begins.
        line_start: u64,
        /// Where in the stream its event's first line begins: this one, or one before it.
        event_start: u64,
        /// The limit it passed, in bytes.
        limit: usize,
    },
    /// A comment has more bytes as text than [`Limits::line`](crate::Limits::line), since each byte that
    /// is no UTF-8 takes three there. It alone was left out: no event is lost by it.
    #[error(
        "a comment of the event stream at byte {line_start} is longer than {limit} bytes as text, the limit for a line; it was left out"
    )]
    #[non_exhaustive]
    CommentTooLong {
        /// Where in the stream its line begins.
        line_start: u64,
        /// The limit it passed, in bytes.
        limit: usize,
    },
    /// The `data`, `event` and `id` lines of one event, each with one byte for its end, have more
    /// bytes than [`Limits::event`](crate::Limits::event).
    #[error(
        "an event at byte {event_start} is larger than the limit of {limit} bytes; it was dropped"
    )]
    #[non_exhaustive]
    EventTooLong {
        /// Where in the stream the event's first line begins.
        event_start: u64,
        /// The limit it passed, in bytes.
        limit: usize,
    },
}

/// Which value of an event is meant.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sse_codec::{EventType, InvalidField, ValueKind};
///
/// let error = EventType::new("a\nb").unwrap_err();
/// assert_eq!(error, InvalidField::LineBreak { kind: ValueKind::EventType, at: 1 });
/// assert_eq!(error.to_string(), "a line break (byte 1) cannot be part of an event type");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// The event type, of an `event` field.
    EventType,
    /// The event ID, of an `id` field.
    EventId,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EventType => "event type",
            Self::EventId => "event ID",
        })
    }
}

/// A value that a field of an event stream cannot carry: which, and where what is wrong with it stands.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sse_codec::{EventId, InvalidField, ValueKind};
///
/// let kind = ValueKind::EventId;
/// assert_eq!(EventId::new("7\n8"), Err(InvalidField::LineBreak { kind, at: 1 }));
/// assert_eq!(EventId::new("7\08"), Err(InvalidField::Nul { at: 1 }));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidField {
    /// CR or LF would end the line and start another field.
    #[error("a line break (byte {at}) cannot be part of an {kind}")]
    LineBreak {
        /// The value that was to be made.
        kind: ValueKind,
        /// The byte at which the line break stands.
        at: usize,
    },
    /// Every client ignores an id with NUL in it.
    #[error("NUL (byte {at}) cannot be part of an event ID")]
    Nul {
        /// The byte at which NUL stands.
        at: usize,
    },
    /// The memory that was lent for it is smaller.
    #[error("an event ID of {len} bytes does not fit the buffer that was lent for it")]
    TooLong {
        /// The bytes of the id.
        len: usize,
    },
}

/// What [`EventId`](crate::EventId) checks.
#[inline]
pub(crate) fn check_event_id(value: &str) -> Result<(), InvalidField> {
    // Most ids have no control character at all, which one look at all bytes shows.
    if value.bytes().fold(true, |plain, byte| plain & (byte > b'\r')) {
        return Ok(());
    }
    match memchr::memchr3(b'\n', b'\r', 0, value.as_bytes()) {
        Some(at) if value.as_bytes()[at] == 0 => Err(InvalidField::Nul { at }),
        Some(at) => Err(InvalidField::LineBreak { kind: ValueKind::EventId, at }),
        None => Ok(()),
    }
}
