//! The doors to the engine that own their memory.

use crate::{
    engine::{Bounds, Engine},
    error::DecodeError,
    event::Item,
    memory::Growing,
    value::EventId,
};

/// How much of a stream one line and one event may be, in bytes of the stream.
///
/// Bytes of the stream are counted, not bytes in buffers, so that what comes out never depends on
/// how the stream was cut. Data, types and ids are counted as the text that they become as well: each sequence that is
/// not UTF-8 becomes U+FFFD, which has three bytes, and what swells so may pass its limit although its bytes did not.
///
/// ```
/// use sse_codec::{DecodeError, Decoder, Item, Limits};
///
/// let mut decoder = Decoder::with_limits(Limits::default().line(16));
/// let mut input = &b"data: a line of more than that\n\ndata: short\n\n"[..];
/// let error = decoder.decode(&mut input).unwrap_err();
/// assert!(matches!(error, DecodeError::LineTooLong { line_start: 0, limit: 16, .. }));
/// // One event is lost, and no more.
/// let Ok(Some(Item::Event(event))) = decoder.decode(&mut input) else { unreachable!() };
/// assert_eq!(event.data, "short");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of one line, without its end; comments and fields of unknown names are lines too. A line that is too
    /// long and stands between two events costs the event that comes next. Default: 1 MiB.
    pub line: usize,
    /// The bytes of the `data`, `event` and `id` lines of one event, each with one byte for its end.
    /// Default: 4 MiB.
    pub event: usize,
    /// The bytes of one event type and of one event ID, as text. Default: 16 KiB, which is as much as most
    /// servers take of a `Last-Event-ID` header.
    pub value: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 1 << 20, event: 4 << 20, value: 16 << 10 }
    }
}

impl Limits {
    /// The same limits, with lines of up to `bytes`.
    ///
    /// ```
    /// use sse_codec::{DecodeError, Decoder, Item, Limits};
    ///
    /// let mut decoder = Decoder::with_limits(Limits::default().line(8));
    /// let mut input = &b": a long comment\ndata: a\n\ndata: b\n\n"[..];
    /// assert!(matches!(decoder.decode(&mut input), Err(DecodeError::LineTooLong { .. })));
    /// // The comment cost the event after it.
    /// assert!(matches!(decoder.decode(&mut input), Ok(Some(Item::Event(event))) if event.data == "b"));
    /// ```
    #[must_use]
    pub const fn line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// The same limits, with events of up to `bytes`.
    ///
    /// ```
    /// use sse_codec::{DecodeError, Decoder, Limits};
    ///
    /// let mut decoder = Decoder::with_limits(Limits::default().event(15));
    /// let mut input = &b"data: a\ndata: b\n\n"[..]; // two lines of 7 bytes, and an end of each
    /// assert!(matches!(decoder.decode(&mut input), Err(DecodeError::EventTooLong { .. })));
    /// ```
    #[must_use]
    pub const fn event(mut self, bytes: usize) -> Self {
        self.event = bytes;
        self
    }

    /// The same limits, with event types and event IDs of up to `bytes`.
    ///
    /// ```
    /// use sse_codec::{DecodeError, Decoder, Limits};
    ///
    /// let mut decoder = Decoder::with_limits(Limits::default().value(4));
    /// assert_eq!(decoder.decode(&mut &b"id: 1234\n\n"[..]), Ok(None));
    /// // Two bytes of the stream, but six of text.
    /// let error = decoder.decode(&mut &b"id: \xFF\xFF\ndata\n\n"[..]);
    /// assert!(matches!(error, Err(DecodeError::ValueTooLong { limit: 4, .. })));
    /// ```
    #[must_use]
    pub const fn value(mut self, bytes: usize) -> Self {
        self.value = bytes;
        self
    }
}

/// Turns `text/event-stream` bytes into items, however the bytes are cut.
///
/// ```
/// use sse_codec::{Decoder, Item};
///
/// let mut decoder = Decoder::new();
/// let mut prices = Vec::new();
/// for mut chunk in [&b"event: price\nda"[..], b"ta: 1.08\n\n: a comment\n"] {
///     loop {
///         match decoder.decode(&mut chunk) {
///             Ok(Some(Item::Event(event))) => prices.push(event.to_owned()),
///             Ok(Some(_)) => {}
///             Ok(None) => break,
///             Err(dropped) => eprintln!("{dropped}"),
///         }
///     }
/// }
/// assert_eq!((&*prices[0].event_type, &*prices[0].data), ("price", "1.08"));
/// ```
#[derive(Debug)]
pub struct Decoder(Engine<Growing>);

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the default [`Limits`], which leaves comments out.
    ///
    /// ```
    /// let mut decoder = sse_codec::Decoder::new();
    /// assert_eq!(decoder.decode(&mut &b": a comment\n"[..]), Ok(None));
    /// ```
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder with other limits.
    ///
    /// ```
    /// use sse_codec::{Decoder, Limits};
    ///
    /// let mut decoder = Decoder::with_limits(Limits::default().line(64 << 10).event(256 << 10));
    /// assert!(decoder.decode(&mut &b"data: a\n\n"[..])?.is_some());
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub fn with_limits(limits: Limits) -> Self {
        // More than any memory has, and far enough from the end of the numbers to be added up.
        let most = |limit: usize| limit.min(isize::MAX as usize / 4);
        let (line, event) = (most(limits.line), most(limits.event));
        let bounds = Bounds { line, value: limits.value.min(line), event };
        Self(Engine::new(bounds, |_| Growing::default()))
    }

    /// Gives comments as items too, or leaves them out (as from the start).
    ///
    /// ```
    /// use sse_codec::{Decoder, Item};
    ///
    /// let mut decoder = Decoder::new().comments(true);
    /// let item = decoder.decode(&mut &b": still here\n"[..])?;
    /// assert!(matches!(item, Some(Item::Comment { text: " still here", .. })));
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    #[must_use]
    pub fn comments(mut self, wanted: bool) -> Self {
        self.0.give_comments(wanted);
        self
    }

    /// Seeds the last event ID, to resume from one that was stored.
    ///
    /// ```
    /// use sse_codec::{Decoder, EventId};
    ///
    /// let mut decoder = Decoder::new();
    /// decoder.set_last_event_id(&EventId::new("41")?);
    /// assert_eq!(decoder.last_event_id(), "41");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    pub fn set_last_event_id(&mut self, id: &EventId<'_>) {
        // Memory that grows has room.
        let _fits = self.0.set_last_event_id(id.as_str(), usize::MAX);
    }

    /// The last event ID: what a reconnect sends. Moved at the blank line of each block with a legal
    /// `id` field, whether or not the block had data.
    ///
    /// ```
    /// use sse_codec::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// assert_eq!(decoder.decode(&mut &b"id: 42\n\n"[..]), Ok(None));
    /// assert_eq!(decoder.last_event_id(), "42");
    /// ```
    pub fn last_event_id(&self) -> &str {
        self.0.last_event_id()
    }

    /// Where in the stream the event begins of which whole lines have come, and not its end. Who keeps the
    /// bytes of items keeps them from there: a comment or a reconnection time may stand within an event.
    ///
    /// ```
    /// use sse_codec::Decoder;
    ///
    /// let mut decoder = Decoder::new().comments(true);
    /// let mut input = &b"data: a\n\ndata: b\n: beat\ndata: c\n\n"[..];
    /// assert!(decoder.decode(&mut input)?.is_some());
    /// assert_eq!(decoder.pending_event(), None);
    /// assert!(decoder.decode(&mut input)?.is_some_and(|item| item.span().start == 17));
    /// assert_eq!(decoder.pending_event(), Some(9));
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub fn pending_event(&self) -> Option<u64> {
        self.0.pending_event()
    }

    /// Whether the stream stands within an event that was dropped, whose blank line has not come: until then nothing
    /// but comments and reconnection times is given.
    ///
    /// ```
    /// use sse_codec::{Decoder, Limits};
    ///
    /// let mut decoder = Decoder::with_limits(Limits::default().event(8));
    /// assert!(decoder.decode(&mut &b"data: 12345\n"[..]).is_err());
    /// assert!(decoder.is_dropping());
    /// assert!(decoder.decode(&mut &b"data: 6\n\n"[..])?.is_none());
    /// assert!(!decoder.is_dropping());
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub fn is_dropping(&self) -> bool {
        self.0.is_dropping()
    }

    /// Decodes the next item and advances `input` past the bytes used. `Ok(None)`: all of it is
    /// used, feed more.
    ///
    /// An item borrows the chunk where it lies whole in it, else the decoder.
    ///
    /// ```
    /// use sse_codec::{Decoder, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// let mut input = &b"data: a\n\ndata: cut"[..];
    /// assert!(matches!(decoder.decode(&mut input), Ok(Some(Item::Event(event))) if event.data == "a"));
    /// assert_eq!(decoder.decode(&mut input), Ok(None));
    /// assert!(input.is_empty());
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] when an event passes a limit. That event is lost; the next call goes on.
    #[inline]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        self.0.decode(input)
    }

    /// Decodes a whole chunk and calls `each` for every item in it, and for every event that passed
    /// a limit.
    ///
    /// ```
    /// use sse_codec::{Decoder, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// let mut events = 0;
    /// decoder.visit(b"data: a\n\ndata: b\n\n", |item| {
    ///     if let Ok(Item::Event(_)) = item {
    ///         events += 1;
    ///     }
    /// });
    /// assert_eq!(events, 2);
    /// ```
    #[inline]
    pub fn visit(&mut self, mut chunk: &[u8], mut each: impl FnMut(Result<Item<'_>, DecodeError>)) {
        while let Some(item) = self.0.decode(&mut chunk).transpose() {
            each(item);
        }
    }

    /// Forgets the data of the event under way, and the comment, where they are more than `most` bytes; only their
    /// length is known then. For who keeps the stream's bytes anyhow, so that a large event is not there twice:
    /// called after each chunk, the decoder takes `most` and a few chunks for data and comments, whatever the limits are.
    /// An unfinished `id`, `event` or `retry` line is held up to [`Limits::line`], as ever. Of one event or comment no
    /// more is forgotten than can be counted in 32 bits.
    ///
    /// What ends after that is an [`Item::EventOutline`] or an [`Item::CommentOutline`].
    ///
    /// ```
    /// use sse_codec::{Decoder, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// assert!(decoder.decode(&mut &b"id: 7\ndata: a rather long e"[..])?.is_none());
    /// decoder.forget_text(10);
    /// let item = decoder.decode(&mut &b"vent\n\n"[..])?;
    /// assert!(matches!(item, Some(Item::EventOutline { data_len: 19, last_event_id: "7", .. })));
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub fn forget_text(&mut self, most: usize) {
        self.0.forget_text(most);
    }

    /// The end of the stream: drops the incomplete event and its id, keeps the last event ID, and is
    /// ready for the next stream (whose bytes are counted from 0 again).
    ///
    /// Keeping the last event ID over a reconnect is what browsers do; read by the letter, one event
    /// without an id after a reconnect would erase it.
    ///
    /// ```
    /// use sse_codec::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// assert_eq!(decoder.decode(&mut &b"id: 42\n\nid: 43\ndata: cut"[..]), Ok(None));
    /// decoder.finish();
    /// assert_eq!(decoder.last_event_id(), "42");
    /// ```
    pub fn finish(&mut self) {
        self.0.finish();
    }
}
