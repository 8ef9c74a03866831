//! The door without an allocator: the caller lends the memory.

use crate::{
    engine::{Bounds, Engine, Part},
    error::{DecodeError, InvalidField, check_event_id},
    event::Item,
    memory::Lent,
};

/// The memory that a [`SliceDecoder`] works in. Its sizes are the limits.
///
/// ```
/// use sse_codec::{Buffers, DecodeError, SliceDecoder};
///
/// let (mut line, mut event, mut ids) = ([0; 64], [0; 8], [[0; 16]; 3]);
/// let [event_type, last_id, id] = ids.each_mut().map(|id| &mut id[..]);
/// let buffers = Buffers { line: &mut line, event: &mut event, event_type, ids: [last_id, id] };
/// let error = SliceDecoder::new(buffers).decode(&mut &b"data: ab\n"[..]).err();
/// assert!(matches!(error, Some(DecodeError::EventTooLong { event_start: 0, limit: 7, .. })));
/// ```
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Buffers<'b> {
    /// The longest line, without its end.
    pub line: &'b mut [u8],
    /// All `data`, `event` and `id` lines of one event, each with one byte for its end: one byte less
    /// than this.
    pub event: &'b mut [u8],
    /// The longest event type.
    pub event_type: &'b mut [u8],
    /// The longest event ID, twice: the last one, and that of the event being read. The shortest
    /// of these and `event_type` counts.
    pub ids: [&'b mut [u8]; 2],
}

/// Turns `text/event-stream` bytes into items without an allocator, in memory that the caller lends.
///
/// What comes out is what a [`Decoder`](crate::Decoder) with limits of these sizes gives: an event that
/// would not fit the memory is over the limit, even if it happened to lie whole in a chunk.
///
/// ```
/// use sse_codec::{Buffers, Item, SliceDecoder};
///
/// let (mut line, mut event) = ([0; 64], [0; 128]);
/// let (mut event_type, mut last_id, mut id) = ([0; 16], [0; 16], [0; 16]);
/// let mut decoder = SliceDecoder::new(Buffers {
///     line: &mut line,
///     event: &mut event,
///     event_type: &mut event_type,
///     ids: [&mut last_id, &mut id],
/// });
/// for mut chunk in [&b"event: temperature\nda"[..], b"ta: 21.5\n\n"] {
///     loop {
///         match decoder.decode(&mut chunk) {
///             Ok(Some(Item::Event(event))) => {
///                 assert_eq!((event.event_type, event.data), ("temperature", "21.5"));
///             }
///             Ok(Some(_)) => {}
///             Ok(None) => break,
///             Err(_dropped) => {} // larger than the buffers
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct SliceDecoder<'b>(Engine<Lent<'b>>);

impl<'b> SliceDecoder<'b> {
    /// A decoder that works in `buffers`, and leaves comments out.
    ///
    /// ```
    /// use sse_codec::{Buffers, SliceDecoder};
    ///
    /// # let (mut line, mut event, mut ids) = ([0; 64], [0; 128], [[0; 16]; 3]);
    /// # let [event_type, last_id, id] = ids.each_mut().map(|id| &mut id[..]);
    /// # let buffers = Buffers { line: &mut line, event: &mut event, event_type, ids: [last_id, id] };
    /// let mut decoder = SliceDecoder::new(buffers);
    /// assert_eq!(decoder.decode(&mut &b": a comment\n"[..]), Ok(None));
    /// ```
    pub fn new(buffers: Buffers<'b>) -> Self {
        let Buffers { line, event, event_type, ids: [last, id] } = buffers;
        let bounds = Bounds {
            line: line.len(),
            value: event_type.len().min(last.len()).min(id.len()),
            event: event.len().saturating_sub(1),
        };
        let mut parts = [Some(line), Some(event), Some(event_type), Some(id), Some(last)];
        Self(Engine::new(bounds, |part| {
            let part = match part {
                Part::Line => &mut parts[0],
                Part::Data => &mut parts[1],
                Part::EventType => &mut parts[2],
                Part::Id => &mut parts[3],
                Part::LastEventId => &mut parts[4],
            };
            part.take().unwrap_or_default()
        }))
    }

    /// Gives comments as items too, or leaves them out (as from the start).
    ///
    /// ```
    /// use sse_codec::{Buffers, Item, SliceDecoder};
    ///
    /// # let (mut line, mut event, mut ids) = ([0; 64], [0; 128], [[0; 16]; 3]);
    /// # let [event_type, last_id, id] = ids.each_mut().map(|id| &mut id[..]);
    /// # let buffers = Buffers { line: &mut line, event: &mut event, event_type, ids: [last_id, id] };
    /// let mut decoder = SliceDecoder::new(buffers).comments(true);
    /// let item = decoder.decode(&mut &b": hi\n"[..]);
    /// assert!(matches!(item, Ok(Some(Item::Comment { text: " hi", .. }))));
    /// ```
    #[must_use]
    pub fn comments(mut self, wanted: bool) -> Self {
        self.0.give_comments(wanted);
        self
    }

    /// Seeds the last event ID, to resume from one that was stored.
    ///
    /// # Errors
    /// [`InvalidField`] if no stream could have sent that id, or it does not fit each of the two
    /// [buffers for ids](Buffers::ids); then the last event ID stays what it was.
    ///
    /// ```
    /// use sse_codec::{Buffers, InvalidField, SliceDecoder};
    ///
    /// let (mut line, mut event) = ([0; 64], [0; 128]);
    /// let (mut event_type, mut last_id, mut id) = ([0; 16], [0; 16], [0; 16]);
    /// let mut decoder = SliceDecoder::new(Buffers {
    ///     line: &mut line,
    ///     event: &mut event,
    ///     event_type: &mut event_type,
    ///     ids: [&mut last_id, &mut id],
    /// });
    /// assert_eq!(decoder.set_last_event_id("41"), Ok(()));
    /// assert_eq!(decoder.last_event_id(), "41");
    /// let long = "an id of more than sixteen bytes";
    /// assert!(matches!(decoder.set_last_event_id(long), Err(InvalidField::TooLong { .. })));
    /// assert_eq!(decoder.last_event_id(), "41");
    /// ```
    pub fn set_last_event_id(&mut self, id: &str) -> Result<(), InvalidField> {
        check_event_id(id)?;
        let limit = self.0.id_memory();
        if id.len() > limit {
            return Err(InvalidField::TooLong { len: id.len() });
        }
        let _fits = self.0.set_last_event_id(id, limit);
        Ok(())
    }

    /// The last event ID: what a reconnect sends.
    ///
    /// ```
    /// use sse_codec::{Buffers, SliceDecoder};
    ///
    /// # let (mut line, mut event, mut ids) = ([0; 64], [0; 128], [[0; 16]; 3]);
    /// # let [event_type, last_id, id] = ids.each_mut().map(|id| &mut id[..]);
    /// # let buffers = Buffers { line: &mut line, event: &mut event, event_type, ids: [last_id, id] };
    /// let mut decoder = SliceDecoder::new(buffers);
    /// assert_eq!(decoder.decode(&mut &b"id: 42\n\n"[..]), Ok(None));
    /// assert_eq!(decoder.last_event_id(), "42");
    /// ```
    pub fn last_event_id(&self) -> &str {
        self.0.last_event_id()
    }

    /// Decodes the next item and advances `input` past the bytes used. `Ok(None)`: all of it is
    /// used, feed more.
    ///
    /// ```
    /// use sse_codec::{Buffers, Item, SliceDecoder};
    ///
    /// # let (mut line, mut event, mut ids) = ([0; 64], [0; 128], [[0; 16]; 3]);
    /// # let [event_type, last_id, id] = ids.each_mut().map(|id| &mut id[..]);
    /// # let buffers = Buffers { line: &mut line, event: &mut event, event_type, ids: [last_id, id] };
    /// let mut decoder = SliceDecoder::new(buffers);
    /// let mut input = &b"data: a\n\ndata: cut"[..];
    /// assert!(matches!(decoder.decode(&mut input), Ok(Some(Item::Event(event))) if event.data == "a"));
    /// assert_eq!(decoder.decode(&mut input), Ok(None));
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] when an event passes a limit, which is the size of a buffer. That event is lost;
    /// the next call goes on.
    #[inline]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        self.0.decode(input)
    }

    /// The end of the stream: drops the incomplete event and its id, keeps the last event ID, and is
    /// ready for the next stream.
    ///
    /// ```
    /// use sse_codec::{Buffers, SliceDecoder};
    ///
    /// # let (mut line, mut event, mut ids) = ([0; 64], [0; 128], [[0; 16]; 3]);
    /// # let [event_type, last_id, id] = ids.each_mut().map(|id| &mut id[..]);
    /// # let buffers = Buffers { line: &mut line, event: &mut event, event_type, ids: [last_id, id] };
    /// let mut decoder = SliceDecoder::new(buffers);
    /// assert_eq!(decoder.decode(&mut &b"id: 42\n\nid: 43\ndata: cut"[..]), Ok(None));
    /// decoder.finish();
    /// assert_eq!(decoder.last_event_id(), "42");
    /// ```
    pub fn finish(&mut self) {
        self.0.finish();
    }
}
