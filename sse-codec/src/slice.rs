//! The door without an allocator: the caller lends the memory.

use crate::{
    engine::{Bounds, Engine, Part},
    error::{DecodeError, InvalidField, check_event_id},
    event::Item,
    memory::Lent,
};

/// The memory that a [`SliceDecoder`] works in. Its sizes are the limits.
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
/// for chunk in [&b"event: temperature\nda"[..], b"ta: 21.5\n\n"] {
///     let mut input = chunk;
///     while let Some(item) = decoder.decode(&mut input)? {
///         if let Item::Event(event) = item {
///             assert_eq!((event.event_type, event.data), ("temperature", "21.5"));
///         }
///     }
/// }
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct SliceDecoder<'b>(Engine<Lent<'b>>);

impl<'b> SliceDecoder<'b> {
    /// A decoder that works in `buffers`, and leaves comments out.
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
    pub fn last_event_id(&self) -> &str {
        self.0.last_event_id()
    }

    /// Decodes the next item and advances `input` past the bytes used. `Ok(None)`: all of it is
    /// used, feed more.
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
    pub fn finish(&mut self) {
        self.0.finish();
    }
}
