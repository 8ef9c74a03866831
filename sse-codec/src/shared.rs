//! The shared door: chunks as `Bytes` in, owned items out.

use core::time::Duration;

use bytes::{Buf, Bytes};

use crate::{
    byte_str::ByteStr,
    decoder::{Decoder, Limits},
    error::DecodeError,
    event::{Event, Item, OwnedEvent, Span, owned_event_type},
    value::EventId,
};

/// Turns chunks of shared bytes into items that own what they say, and copy it only where it does not lie
/// whole in its chunk.
///
/// For whoever hands events on: to another task, into a queue. An event whose longer texts lie in the
/// chunk keeps that chunk alive; see [`SharedEvent::detach`]. Texts of up to 23 bytes are kept in place.
///
/// ```
/// use bytes::Bytes;
/// use sse_codec::{SharedDecoder, SharedItem};
///
/// let mut decoder = SharedDecoder::new();
/// let mut chunk = Bytes::from_static(b"event: price\ndata: 1.08\n\ndata: cut");
/// let mut events = Vec::new();
/// loop {
///     match decoder.decode(&mut chunk) {
///         Ok(Some(SharedItem::Event(event))) => events.push(event),
///         Ok(Some(_)) => {}
///         Ok(None) => break,
///         Err(dropped) => eprintln!("{dropped}"),
///     }
/// }
/// assert!(chunk.is_empty());
/// assert_eq!((&events[0].event_type[..], &events[0].data[..]), ("price", "1.08"));
/// ```
#[derive(Debug, Default)]
pub struct SharedDecoder {
    decoder: Decoder,
    /// The last event ID as the latest event had it, so that events under one id share it.
    last_event_id: ByteStr,
}

/// What [`Item`] says, owned.
///
/// ```
/// use bytes::Bytes;
/// use sse_codec::{SharedDecoder, SharedItem};
///
/// let item = SharedDecoder::new().decode(&mut Bytes::from("retry: 500\n"))?;
/// let Some(SharedItem::ReconnectionTime { duration, .. }) = item else { unreachable!() };
/// assert_eq!(duration.as_millis(), 500);
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedItem {
    /// An event, complete with its blank line.
    Event(SharedEvent),
    /// A comment line, without its colon. Given only when [asked for](SharedDecoder::comments).
    #[non_exhaustive]
    Comment {
        /// What follows the colon, byte for byte.
        text: ByteStr,
        /// The line, with the byte that ended it.
        span: Span,
    },
    /// A `retry` field: how long to wait before a reconnect.
    #[non_exhaustive]
    ReconnectionTime {
        /// The time to wait.
        duration: Duration,
        /// The line, with the byte that ended it.
        span: Span,
    },
}

/// What [`Event`] says, owned.
///
/// ```
/// use bytes::Bytes;
/// use sse_codec::{SharedDecoder, SharedItem};
///
/// let item = SharedDecoder::new().decode(&mut Bytes::from("id: 7\ndata: a\n\n"))?;
/// let event = item.and_then(SharedItem::into_event).expect("a whole event");
/// std::thread::spawn(move || assert_eq!((&*event.last_event_id, &*event.data), ("7", "a")));
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedEvent {
    /// The value of the `event` field; `message` where it was empty or missing.
    pub event_type: ByteStr,
    /// The values of the `data` fields, joined by LF.
    pub data: ByteStr,
    /// The last event ID at this event.
    pub last_event_id: ByteStr,
    /// Whether that is its own: its block had an `id` line, without NUL in it.
    pub has_id: bool,
    /// From the first byte of its first line to the byte that completed it.
    pub span: Span,
}

impl SharedItem {
    /// Where in the stream this item stands, as [`Item::span`] says it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_codec::{SharedDecoder, Span};
    ///
    /// let item = SharedDecoder::new().decode(&mut Bytes::from("\ndata: a\n\n"))?;
    /// assert_eq!(item.map(|item| item.span()), Some(Span { start: 1, end: 10 }));
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub const fn span(&self) -> Span {
        match self {
            Self::Event(event) => event.span,
            Self::Comment { span, .. } | Self::ReconnectionTime { span, .. } => *span,
        }
    }
}

impl SharedEvent {
    /// The same event in memory of its own, so that an event of a hundred bytes that is kept does not
    /// keep a chunk of 64 KiB alive.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_codec::{SharedDecoder, SharedItem};
    ///
    /// let mut stream = b"data: an event of more than 23 bytes\n\n".to_vec();
    /// stream.resize(64 << 10, b'.');
    /// let mut chunk = Bytes::from(stream);
    /// let whole = chunk.clone();
    /// let item = SharedDecoder::new().decode(&mut chunk)?;
    /// drop(chunk);
    /// let Some(SharedItem::Event(event)) = item else { unreachable!() };
    /// assert!(!whole.is_unique());
    /// let event = event.detach();
    /// assert!(whole.is_unique() && event.data.len() == 30);
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    #[must_use]
    pub fn detach(self) -> Self {
        Self {
            event_type: self.event_type.detach(),
            data: self.data.detach(),
            last_event_id: self.last_event_id.detach(),
            has_id: self.has_id,
            span: self.span,
        }
    }
}

impl From<SharedEvent> for OwnedEvent {
    fn from(event: SharedEvent) -> Self {
        Self {
            event_type: owned_event_type(event.event_type.as_str()),
            data: event.data.as_str().into(),
            last_event_id: event.last_event_id.as_str().into(),
            has_id: event.has_id,
        }
    }
}

impl SharedDecoder {
    /// A decoder with the default [`Limits`], which leaves comments out.
    ///
    /// ```
    /// let mut decoder = sse_codec::SharedDecoder::new();
    /// assert_eq!(decoder.decode(&mut bytes::Bytes::from(": a comment\n")), Ok(None));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder with other limits.
    ///
    /// ```
    /// use sse_codec::{Limits, SharedDecoder};
    ///
    /// let mut decoder = SharedDecoder::with_limits(Limits::default().line(4));
    /// assert!(decoder.decode(&mut bytes::Bytes::from("data: a\n\n")).is_err());
    /// ```
    pub fn with_limits(limits: Limits) -> Self {
        Self { decoder: Decoder::with_limits(limits), last_event_id: ByteStr::default() }
    }

    /// Gives comments as items too, or leaves them out (as from the start).
    ///
    /// ```
    /// use sse_codec::{SharedDecoder, SharedItem};
    ///
    /// let mut decoder = SharedDecoder::new().comments(true);
    /// let item = decoder.decode(&mut bytes::Bytes::from(": hi\n"))?;
    /// assert!(matches!(item, Some(SharedItem::Comment { text, .. }) if text == " hi"));
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    #[must_use]
    pub fn comments(mut self, wanted: bool) -> Self {
        self.decoder = self.decoder.comments(wanted);
        self
    }

    /// Seeds the last event ID, to resume from one that was stored.
    ///
    /// ```
    /// use sse_codec::{EventId, SharedDecoder};
    ///
    /// let mut decoder = SharedDecoder::new();
    /// decoder.set_last_event_id(&EventId::new("41")?);
    /// assert_eq!(decoder.last_event_id(), "41");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    pub fn set_last_event_id(&mut self, id: &EventId<'_>) {
        self.decoder.set_last_event_id(id);
    }

    /// The last event ID: what a reconnect sends.
    ///
    /// ```
    /// let mut decoder = sse_codec::SharedDecoder::new();
    /// assert_eq!(decoder.decode(&mut bytes::Bytes::from("id: 42\n\n")), Ok(None));
    /// assert_eq!(decoder.last_event_id(), "42");
    /// ```
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Where in the stream the event begins whose blank line has not come, as [`Decoder::pending_event`]
    /// says it.
    ///
    /// ```
    /// let mut decoder = sse_codec::SharedDecoder::new();
    /// assert_eq!(decoder.decode(&mut bytes::Bytes::from("id: 42\n\ndata: a\n")), Ok(None));
    /// assert_eq!(decoder.pending_event(), Some(8));
    /// ```
    pub fn pending_event(&self) -> Option<u64> {
        self.decoder.pending_event()
    }

    /// Decodes the next item and advances `chunk` past the bytes used. `Ok(None)`: all of it is
    /// used, feed more; nothing of it is held any more but by the events that were given.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_codec::{SharedDecoder, SharedItem};
    ///
    /// let (mut decoder, mut chunk) = (SharedDecoder::new(), Bytes::from("data: a\n\ndata: cut"));
    /// assert!(matches!(decoder.decode(&mut chunk), Ok(Some(SharedItem::Event(_)))));
    /// assert_eq!(decoder.decode(&mut chunk), Ok(None));
    /// assert!(chunk.is_empty());
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] when an event passes a limit. That event is lost; the next call goes on.
    #[inline]
    pub fn decode(&mut self, chunk: &mut Bytes) -> Result<Option<SharedItem>, DecodeError> {
        let mut input = &chunk[..];
        // Each item is made where it is returned, after all else is done: a copy of what was written a moment ago
        // makes the processor wait for longer than all the rest takes.
        let item = match self.decoder.decode(&mut input) {
            Ok(Some(item)) => item,
            Ok(None) => {
                *chunk = Bytes::new();
                return Ok(None);
            }
            Err(error) => {
                let left = input.len();
                keep_last(chunk, left);
                return Err(error);
            }
        };
        let left = input.len();
        let Item::Event(event) = item else {
            let item = share_other(item, chunk);
            keep_last(chunk, left);
            return Ok(Some(item));
        };
        let (has_id, span) = (event.has_id, event.span);
        // Most events have no id, and a type that is short.
        if self.last_event_id.as_bytes().is_empty()
            && event.last_event_id.is_empty()
            && let Some(event_type) = ByteStr::short(event.event_type)
        {
            let last_event_id = ByteStr::EMPTY;
            if let Some(data) = ByteStr::short(event.data) {
                keep_last(chunk, left);
                let event = SharedEvent { event_type, data, last_event_id, has_id, span };
                return Ok(Some(SharedItem::Event(event)));
            }
            let data = ByteStr::long_within(chunk, event.data);
            keep_last(chunk, left);
            let event = SharedEvent { event_type, data, last_event_id, has_id, span };
            return Ok(Some(SharedItem::Event(event)));
        }
        let event = share_event(event, chunk, &mut self.last_event_id);
        keep_last(chunk, left);
        Ok(Some(SharedItem::Event(event)))
    }

    /// The end of the stream: drops the incomplete event and its id, keeps the last event ID, and is
    /// ready for the next stream.
    ///
    /// ```
    /// let mut decoder = sse_codec::SharedDecoder::new();
    /// assert_eq!(decoder.decode(&mut bytes::Bytes::from("id: 42\n\ndata: cut\n")), Ok(None));
    /// decoder.finish();
    /// assert_eq!((decoder.last_event_id(), decoder.pending_event()), ("42", None));
    /// ```
    pub fn finish(&mut self) {
        self.decoder.finish();
    }
}

/// What is seldom given, apart from what is given most of the time.
#[inline(never)]
fn share_other(item: Item<'_>, chunk: &Bytes) -> SharedItem {
    match item {
        Item::Comment { text, span } => {
            SharedItem::Comment { text: ByteStr::within(chunk, text), span }
        }
        Item::ReconnectionTime { duration, span } => {
            SharedItem::ReconnectionTime { duration, span }
        }
        // Events are shared before; one that came here would be whole all the same.
        Item::Event(event) => SharedItem::Event(share_event(event, chunk, &mut ByteStr::default())),
        // Nobody can tell this decoder to forget any text.
        Item::EventOutline { span, .. } | Item::CommentOutline { span, .. } => {
            debug_assert!(false, "an outline, of a decoder that keeps all text");
            SharedItem::Comment { text: ByteStr::default(), span }
        }
    }
}

/// Leaves the last `left` bytes of a chunk.
#[inline(always)]
fn keep_last(chunk: &mut Bytes, left: usize) {
    if left > 0 {
        chunk.advance(chunk.len() - left);
    } else {
        // An empty piece would keep the whole chunk alive for as long as nothing new comes.
        *chunk = Bytes::new();
    }
}

#[inline(always)]
fn share_event(event: Event<'_>, chunk: &Bytes, last_event_id: &mut ByteStr) -> SharedEvent {
    // Comparing nothing with nothing through a call can cost more than all the rest.
    let both_empty = last_event_id.as_bytes().is_empty() && event.last_event_id.is_empty();
    if !both_empty && last_event_id.as_bytes() != event.last_event_id.as_bytes() {
        *last_event_id = ByteStr::from(event.last_event_id);
    }
    SharedEvent {
        event_type: ByteStr::within(chunk, event.event_type),
        data: ByteStr::within(chunk, event.data),
        last_event_id: last_event_id.clone(),
        has_id: event.has_id,
        span: event.span,
    }
}
