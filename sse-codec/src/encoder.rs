//! Events to bytes. Values are checked before they get here, so nothing in this file can fail.

use alloc::{borrow::Cow, vec::Vec};
use core::{fmt, time::Duration};

use bytes::Bytes;

use crate::value::{EventId, EventType};

/// An event, or a block without data, on its way out.
///
/// Whatever is set is written as one block: `event`, `id`, `retry`, then a `data` line for each
/// line of the data, then the blank line. Law: what a decoder reads from it equals what was set, with
/// each CRLF, CR and LF of the data as LF.
///
/// ```
/// use sse_codec::{EventId, EventType, OutgoingEvent};
///
/// let frame = OutgoingEvent::new()
///     .event_type(EventType::new("price")?)
///     .id(EventId::new("7")?)
///     .data("EUR\r\n1.08")
///     .encode();
/// assert_eq!(frame.as_bytes(), b"event: price\nid: 7\ndata: EUR\ndata: 1.08\n\n");
/// # Ok::<(), sse_codec::InvalidField>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct OutgoingEvent<'a> {
    event_type: Option<EventType<'a>>,
    id: Option<EventId<'a>>,
    reconnection_time: Option<Duration>,
    data: Option<Cow<'a, str>>,
}

impl<'a> OutgoingEvent<'a> {
    /// A block with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the event type.
    pub fn event_type(mut self, value: EventType<'a>) -> Self {
        self.event_type = Some(value);
        self
    }

    /// Sets the event ID. Without data, the block only moves the client's last event ID.
    pub fn id(mut self, value: EventId<'a>) -> Self {
        self.id = Some(value);
        self
    }

    /// Sets how long the client waits before it reconnects, in whole milliseconds (a fraction is
    /// cut off).
    pub fn reconnection_time(mut self, value: Duration) -> Self {
        self.reconnection_time = Some(value);
        self
    }

    /// Sets the data: any text. CRLF, CR and LF are each one line break; `""` is a real, empty
    /// event, unlike no data at all, which clients do not dispatch.
    pub fn data(mut self, value: impl Into<Cow<'a, str>>) -> Self {
        self.data = Some(value.into());
        self
    }

    /// How many bytes [`encode_into`](Self::encode_into) appends.
    pub fn encoded_len(&self) -> usize {
        let mut len = 1;
        if let Some(event_type) = &self.event_type {
            len += "event: \n".len() + event_type.as_str().len();
        }
        if let Some(id) = &self.id {
            len += "id: \n".len() + id.as_str().len();
        }
        if let Some(time) = self.reconnection_time {
            len += "retry: \n".len() + Decimal::new(milliseconds(time)).as_bytes().len();
        }
        if let Some(data) = &self.data {
            len += data_lines(data.as_bytes())
                .map(|line| "data: \n".len() + line.len())
                .sum::<usize>();
        }
        len
    }

    /// Appends the block to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        if let Some(event_type) = &self.event_type {
            field(out, b"event: ", event_type.as_str().as_bytes());
        }
        if let Some(id) = &self.id {
            field(out, b"id: ", id.as_str().as_bytes());
        }
        if let Some(time) = self.reconnection_time {
            field(out, b"retry: ", Decimal::new(milliseconds(time)).as_bytes());
        }
        if let Some(data) = &self.data {
            for line in data_lines(data.as_bytes()) {
                field(out, b"data: ", line);
            }
        }
        out.push(b'\n');
    }

    /// The block as a [`Frame`].
    pub fn encode(&self) -> Frame {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut out);
        Frame(Bytes::from(out))
    }
}

/// An encoded block: encoded once, shared by every subscriber. Cloning it copies no bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A comment block: a `:` line for each line of `text`, then a blank line.
    ///
    /// ```
    /// assert_eq!(sse_codec::Frame::comment("still here").as_bytes(), b": still here\n\n");
    /// ```
    pub fn comment(text: &str) -> Self {
        let mut out = Vec::with_capacity(text.len() + 4);
        for line in data_lines(text.as_bytes()) {
            field(&mut out, if line.is_empty() { b":" } else { b": " }, line);
        }
        out.push(b'\n');
        Self(Bytes::from(out))
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoded bytes, shared.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        frame.0
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?})", self.0)
    }
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Clients keep 64 bits at most; whoever waits half a milliard years will not notice.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The lines of a text, broken at CRLF, CR and LF. Always one at least.
fn data_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text) else {
            rest = None;
            return Some(text);
        };
        let width = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + width..]);
        Some(&text[..end])
    })
}

/// A number in decimal digits, without an allocation.
struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    fn new(mut value: u64) -> Self {
        let mut decimal = Self { digits: [b'0'; 20], start: 20 };
        loop {
            decimal.start -= 1;
            decimal.digits[decimal.start] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                return decimal;
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}
