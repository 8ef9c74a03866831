//! Events to bytes. Values are checked before they get here, so nothing in this file can fail.

use alloc::{borrow::Cow, vec::Vec};
use core::time::Duration;

use crate::{
    buffer::{Buffer, DataWriter, put_lines},
    frame::Frame,
    text::{decimal_len, line_break, put_decimal, put_short, text_lines},
    value::{EventId, EventType},
};

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
    ///
    /// ```
    /// assert_eq!(sse_codec::OutgoingEvent::new().encode().as_bytes(), b"\n");
    /// ```
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the event type.
    ///
    /// ```
    /// use sse_codec::{EventType, OutgoingEvent};
    ///
    /// let event = OutgoingEvent::new().event_type(EventType::new("price")?).data("1.08");
    /// assert_eq!(event.encode().as_bytes(), b"event: price\ndata: 1.08\n\n");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    #[inline]
    pub fn event_type(mut self, value: EventType<'a>) -> Self {
        self.event_type = Some(value);
        self
    }

    /// Sets the event ID. Without data, the block only moves the client's last event ID.
    ///
    /// ```
    /// use sse_codec::{EventId, OutgoingEvent};
    ///
    /// let block = OutgoingEvent::new().id(EventId::new("7")?);
    /// assert_eq!(block.encode().as_bytes(), b"id: 7\n\n");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    #[inline]
    pub fn id(mut self, value: EventId<'a>) -> Self {
        self.id = Some(value);
        self
    }

    /// Sets how long the client waits before it reconnects, in whole milliseconds (a fraction is
    /// cut off). It needs no data beside it.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_codec::OutgoingEvent;
    ///
    /// let mut out = Vec::new();
    /// OutgoingEvent::new().reconnection_time(Duration::from_secs(3)).encode_into(&mut out);
    /// assert_eq!(out, b"retry: 3000\n\n");
    /// ```
    #[inline]
    pub fn reconnection_time(mut self, value: Duration) -> Self {
        self.reconnection_time = Some(value);
        self
    }

    /// Sets the data: any text. CRLF, CR and LF are each one line break; `""` is a real, empty
    /// event, unlike no data at all, which clients do not dispatch.
    ///
    /// ```
    /// use sse_codec::OutgoingEvent;
    ///
    /// assert_eq!(OutgoingEvent::new().data("a\nb").encode().as_bytes(), b"data: a\ndata: b\n\n");
    /// assert_eq!(OutgoingEvent::new().data("").encode().as_bytes(), b"data: \n\n");
    /// ```
    #[inline]
    pub fn data(mut self, value: impl Into<Cow<'a, str>>) -> Self {
        self.data = Some(value.into());
        self
    }

    /// How many bytes [`encode_into`](Self::encode_into) appends.
    ///
    /// ```
    /// use sse_codec::OutgoingEvent;
    ///
    /// let event = OutgoingEvent::new().data("1.08");
    /// assert_eq!(event.encoded_len(), b"data: 1.08\n\n".len());
    /// ```
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let text = self.data.as_ref().map(|data| data.as_bytes());
        self.len_where(text.and_then(line_break))
    }

    /// The same, where the first line break of the data is known.
    #[inline]
    fn len_where(&self, first_break: Option<usize>) -> usize {
        let field = |name: &str, value: &str| name.len() + ": \n".len() + value.len();
        let event_type = self.event_type.as_ref().map_or(0, |value| field("event", value.as_str()));
        let id = self.id.as_ref().map_or(0, |value| field("id", value.as_str()));
        let retry = self
            .reconnection_time
            .map_or(0, |time| "retry: \n".len() + decimal_len(milliseconds(time)));
        let data = self.data.as_ref().map_or(0, |data| match first_break {
            None => field("data", data),
            Some(_) => text_lines(data.as_bytes()).map(|line| "data: \n".len() + line.len()).sum(),
        });
        event_type + id + retry + data + 1
    }

    /// Appends the block to `out`, a `Vec<u8>` or a [`bytes::BytesMut`].
    ///
    /// Data without a line break is read once and copied once; nothing is allocated where `out` has
    /// room.
    ///
    /// ```
    /// use sse_codec::OutgoingEvent;
    ///
    /// let mut out = Vec::new();
    /// for data in ["a", "b"] {
    ///     OutgoingEvent::new().data(data).encode_into(&mut out);
    /// }
    /// assert_eq!(out, b"data: a\n\ndata: b\n\n");
    /// ```
    #[inline(always)]
    pub fn encode_into<B: Buffer>(&self, out: &mut B) {
        let text = self.data.as_ref().map(|data| data.as_bytes());
        self.encode_where(text.and_then(line_break), out);
    }

    /// The same, where the first line break of the data is known.
    #[inline(always)]
    fn encode_where<B: Buffer>(&self, first_break: Option<usize>, out: &mut B) {
        self.encode_head(out);
        let Some(data) = &self.data else { return out.put(b"\n") };
        out.put(b"data: ");
        put_lines(out, data.as_bytes(), first_break);
        out.put(b"\n\n");
    }

    /// The block as a [`Frame`].
    ///
    /// ```
    /// use sse_codec::OutgoingEvent;
    ///
    /// let frame = OutgoingEvent::new().data("1.08").encode();
    /// assert_eq!(frame.clone().into_bytes(), "data: 1.08\n\n"); // for each subscriber, no copy
    /// ```
    #[must_use]
    pub fn encode(&self) -> Frame {
        // Most data is one line: then to look through it once is enough.
        let text = self.data.as_ref().map(|data| data.as_bytes());
        let first_break = text.and_then(line_break);
        let mut out = Vec::with_capacity(self.len_where(first_break));
        self.encode_where(first_break, &mut out);
        Frame::encoded(out)
    }

    /// Begins the block in `out`, and gives a writer for its data, in place of any that was
    /// [set](Self::data).
    ///
    /// What is written goes straight into `data` lines: a value that knows how to print itself needs no
    /// `String` on its way.
    ///
    /// ```
    /// use core::fmt::Write;
    /// use sse_codec::OutgoingEvent;
    ///
    /// let mut out = Vec::new();
    /// let mut data = OutgoingEvent::new().data_writer(&mut out);
    /// write!(data, "{}\n{:.2}", "EUR", 1.084)?;
    /// data.finish();
    /// assert_eq!(out, b"data: EUR\ndata: 1.08\n\n");
    /// # Ok::<(), core::fmt::Error>(())
    /// ```
    #[inline(always)]
    pub fn data_writer<'b, B: Buffer>(&self, out: &'b mut B) -> DataWriter<'b, B> {
        let start = out.len();
        self.encode_head(out);
        DataWriter::new(out, start)
    }

    #[inline(always)]
    fn encode_head<B: Buffer>(&self, out: &mut B) {
        let event_type = self.event_type.as_ref().map(EventType::as_str);
        let id = self.id.as_ref().map(EventId::as_str);
        if event_type.is_some() || id.is_some() || self.reconnection_time.is_some() {
            // Not `self`, which would have to be put into memory for it.
            head(out, event_type, id, self.reconnection_time);
        }
    }
}

/// The lines before the data. Most events have none, and need not carry this code into their callers.
#[inline(never)]
fn head<B: Buffer>(
    out: &mut B,
    event_type: Option<&str>,
    id: Option<&str>,
    reconnection_time: Option<Duration>,
) {
    if let Some(event_type) = event_type {
        out.put(b"event: ");
        put_short(out, event_type.as_bytes());
        out.put(b"\n");
    }
    if let Some(id) = id {
        out.put(b"id: ");
        put_short(out, id.as_bytes());
        out.put(b"\n");
    }
    if let Some(time) = reconnection_time {
        out.put(b"retry: ");
        put_decimal(out, milliseconds(time));
        out.put(b"\n");
    }
}

/// Clients keep 64 bits at most; whoever waits half a billion years will not notice.
#[inline]
fn milliseconds(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(time.subsec_millis()))
}
