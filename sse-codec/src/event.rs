//! What a decoder gives out.

use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, string::String};

/// A range of bytes of the stream, counted from its first byte (a byte order mark included).
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sse_codec::{Decoder, Span};
///
/// let stream = b": a comment\ndata: a\n\n";
/// let mut decoder = Decoder::new();
/// let item = decoder.decode(&mut &stream[..])?.expect("a whole event");
/// let Span { start, end } = item.span();
/// assert_eq!(&stream[start as usize..end as usize], b"data: a\n\n");
/// # }
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// The byte after the last one.
    pub end: u64,
}

/// One thing that a stream says, borrowed from the chunk it came in, or from the decoder.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sse_codec::{Decoder, Item};
///
/// let mut told = Vec::new();
/// Decoder::new().comments(true).visit(b"retry: 500\n: hi\ndata: a\n\n", |item| match item {
///     Ok(Item::Event(event)) => told.push(event.data.to_owned()),
///     Ok(Item::Comment { text, .. }) => told.push(format!(":{text}")),
///     Ok(Item::ReconnectionTime { duration, .. }) => told.push(format!("{duration:?}")),
///     Ok(_) | Err(_) => {}
/// });
/// assert_eq!(told, ["500ms", ": hi", "a"]);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event, complete with its blank line.
    Event(Event<'a>),
    /// A comment line, without its colon. Given only when [asked for](crate::Decoder::comments).
    #[non_exhaustive]
    Comment {
        /// What follows the colon, byte for byte: no space is taken off.
        text: &'a str,
        /// The line, with the byte that ended it.
        span: Span,
    },
    /// A `retry` field: how long to wait before a reconnect. In force once its line is read, even
    /// if no event follows.
    #[non_exhaustive]
    ReconnectionTime {
        /// The time to wait.
        duration: Duration,
        /// The line, with the byte that ended it.
        span: Span,
    },
    /// An event of whose data some was not kept, since the decoder was
    /// [told to forget it](crate::Decoder::forget_text). As an [`Event`] but for that.
    #[non_exhaustive]
    EventOutline {
        /// The value of the `event` field; `message` where it was empty or missing.
        event_type: &'a str,
        /// How many bytes the data has.
        data_len: usize,
        /// The last event ID at this event.
        last_event_id: &'a str,
        /// Whether that is its own.
        has_id: bool,
        /// From the first byte of its first line to the byte that completed it.
        span: Span,
    },
    /// A comment of which some was not kept, likewise.
    #[non_exhaustive]
    CommentOutline {
        /// How many bytes follow the colon.
        text_len: usize,
        /// The line, with the byte that ended it.
        span: Span,
    },
}

impl Item<'_> {
    /// Where in the stream this item stands: from the first byte of its first line to the byte
    /// that completed it (of a CRLF that is the CR).
    ///
    /// Comments that stand within an event's lines lie within its span.
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use sse_codec::{Decoder, Span};
    ///
    /// let mut decoder = Decoder::new();
    /// let item = decoder.decode(&mut &b"\nretry: 5\n"[..])?.expect("it is whole");
    /// assert_eq!(item.span(), Span { start: 1, end: 10 });
    /// # }
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub const fn span(&self) -> Span {
        match self {
            Self::Event(event) => event.span,
            Self::Comment { span, .. }
            | Self::ReconnectionTime { span, .. }
            | Self::EventOutline { span, .. }
            | Self::CommentOutline { span, .. } => *span,
        }
    }
}

/// An event, as an `EventSource` would dispatch it.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sse_codec::{Decoder, Item};
///
/// let mut decoder = Decoder::new();
/// let mut input = &b"id: 7\ndata: a\n\ndata: b\ndata: c\n\n"[..];
/// assert!(matches!(decoder.decode(&mut input), Ok(Some(Item::Event(event))) if event.has_id));
/// let Ok(Some(Item::Event(event))) = decoder.decode(&mut input) else { unreachable!() };
/// assert_eq!((event.event_type, event.data), ("message", "b\nc"));
/// assert_eq!((event.last_event_id, event.has_id), ("7", false));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The value of the `event` field; `message` where it was empty or missing.
    pub event_type: &'a str,
    /// The values of the `data` fields, joined by LF.
    pub data: &'a str,
    /// The last event ID at this event: its own `id`, else that of the latest block that had one.
    pub last_event_id: &'a str,
    /// Whether that is its own: its block had an `id` line, without NUL in it.
    pub has_id: bool,
    /// From the first byte of its first `data`, `event` or `id` line to the byte that completed it.
    pub span: Span,
}

#[cfg(feature = "alloc")]
impl Event<'_> {
    /// A copy that outlives the chunk and the decoder.
    ///
    /// ```
    /// use sse_codec::{Decoder, Item, OwnedEvent};
    ///
    /// let mut kept: Vec<OwnedEvent> = Vec::new();
    /// Decoder::new().visit(b"event: price\ndata: 1.08\n\n", |item| {
    ///     if let Ok(Item::Event(event)) = item {
    ///         kept.push(event.to_owned());
    ///     }
    /// });
    /// assert_eq!((&*kept[0].event_type, &*kept[0].data), ("price", "1.08"));
    /// ```
    pub fn to_owned(&self) -> OwnedEvent {
        OwnedEvent {
            event_type: owned_event_type(self.event_type),
            data: self.data.into(),
            last_event_id: self.last_event_id.into(),
            has_id: self.has_id,
        }
    }
}

#[cfg(feature = "alloc")]
pub(crate) fn owned_event_type(event_type: &str) -> Cow<'static, str> {
    match event_type {
        DEFAULT_EVENT_TYPE => Cow::Borrowed(DEFAULT_EVENT_TYPE),
        event_type => Cow::Owned(event_type.into()),
    }
}

/// An event that owns its text.
///
/// ```
/// use sse_codec::OwnedEvent;
///
/// let mut event = OwnedEvent::default();
/// event.data = "1.08".into();
/// assert_eq!((&*event.event_type, event.has_id), ("message", false));
/// ```
///
/// With the feature `serde` it can be serialized and deserialized; a type that is missing or empty is
/// [`message`](DEFAULT_EVENT_TYPE), a missing id empty, and `has_id` is false where it is missing.
#[cfg(feature = "alloc")]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OwnedEvent {
    /// The value of the `event` field; `message`, without an allocation, where it was empty or missing.
    #[cfg_attr(
        feature = "serde",
        serde(default = "default_event_type", deserialize_with = "event_type")
    )]
    pub event_type: Cow<'static, str>,
    /// The values of the `data` fields, joined by LF.
    pub data: String,
    /// The last event ID at this event.
    #[cfg_attr(feature = "serde", serde(default))]
    pub last_event_id: String,
    /// Whether that is its own: its block had an `id` line, without NUL in it.
    #[cfg_attr(feature = "serde", serde(default))]
    pub has_id: bool,
}

/// An empty event of the type [`message`](DEFAULT_EVENT_TYPE).
#[cfg(feature = "alloc")]
impl Default for OwnedEvent {
    fn default() -> Self {
        Self {
            event_type: Cow::Borrowed(DEFAULT_EVENT_TYPE),
            data: String::new(),
            last_event_id: String::new(),
            has_id: false,
        }
    }
}

#[cfg(feature = "serde")]
fn default_event_type() -> Cow<'static, str> {
    Cow::Borrowed(DEFAULT_EVENT_TYPE)
}

#[cfg(feature = "serde")]
fn event_type<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Cow<'static, str>, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(text)?;
    Ok(match text.as_str() {
        "" | DEFAULT_EVENT_TYPE => default_event_type(),
        _ => Cow::Owned(text),
    })
}

/// As an [`OwnedEvent`], which it reads back as: where in the stream it stood is not said.
#[cfg(feature = "serde")]
impl serde::Serialize for crate::SharedEvent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut event = serializer.serialize_struct("OwnedEvent", 4)?;
        event.serialize_field("event_type", &self.event_type)?;
        event.serialize_field("data", &self.data)?;
        event.serialize_field("last_event_id", &self.last_event_id)?;
        event.serialize_field("has_id", &self.has_id)?;
        event.end()
    }
}

/// What an event's type is when its `event` field is empty or missing.
///
/// ```
/// assert_eq!(sse_codec::DEFAULT_EVENT_TYPE, "message");
/// ```
pub const DEFAULT_EVENT_TYPE: &str = "message";
