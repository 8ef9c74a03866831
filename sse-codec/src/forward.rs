//! Events that were received, on their way out again.

use crate::{
    encoder::OutgoingEvent,
    error::InvalidField,
    event::{DEFAULT_EVENT_TYPE, Event, OwnedEvent},
    shared::{SharedEvent, SharedItem},
    value::{EventId, EventType},
};

/// The event as it came, to send on: type `message` is left out, and so is an id that is not the event's own.
///
/// Of an event that a decoder gave it never fails; its fields are public, though, and may have been set since.
///
/// ```
/// use sse_codec::{Decoder, Item, OutgoingEvent};
///
/// let stream = b"id: 7\ndata: a\n\nevent: price\ndata: 1.08\n\n";
/// let mut forwarded = Vec::new();
/// Decoder::new().visit(stream, |item| {
///     if let Ok(Item::Event(event)) = item {
///         OutgoingEvent::try_from(&event).expect("it was received").encode_into(&mut forwarded);
///     }
/// });
/// assert_eq!(forwarded, stream);
/// ```
impl<'a> TryFrom<&Event<'a>> for OutgoingEvent<'a> {
    type Error = InvalidField;

    fn try_from(event: &Event<'a>) -> Result<Self, InvalidField> {
        outgoing(event.event_type, event.data, event.has_id.then_some(event.last_event_id))
    }
}

/// The event as it came, as of [`Event`].
///
/// ```
/// use sse_codec::{InvalidField, OutgoingEvent, OwnedEvent};
///
/// let mut event = OwnedEvent::default();
/// event.data = "1.08".into();
/// assert_eq!(OutgoingEvent::try_from(&event)?.encode().as_bytes(), b"data: 1.08\n\n");
/// event.event_type = "price\ndata: forged".into();
/// assert!(matches!(OutgoingEvent::try_from(&event), Err(InvalidField::LineBreak { at: 5, .. })));
/// # Ok::<(), InvalidField>(())
/// ```
impl<'a> TryFrom<&'a OwnedEvent> for OutgoingEvent<'a> {
    type Error = InvalidField;

    fn try_from(event: &'a OwnedEvent) -> Result<Self, InvalidField> {
        outgoing(&event.event_type, &event.data, event.has_id.then_some(&event.last_event_id))
    }
}

/// The event as it came, as of [`Event`].
///
/// ```
/// use bytes::Bytes;
/// use sse_codec::{OutgoingEvent, SharedDecoder, SharedItem};
///
/// let item = SharedDecoder::new().decode(&mut Bytes::from("id: 7\ndata: a\n\n"))?;
/// let event = item.and_then(SharedItem::into_event).expect("a whole event");
/// assert_eq!(OutgoingEvent::try_from(&event)?.encode().as_bytes(), b"id: 7\ndata: a\n\n");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
impl<'a> TryFrom<&'a SharedEvent> for OutgoingEvent<'a> {
    type Error = InvalidField;

    fn try_from(event: &'a SharedEvent) -> Result<Self, InvalidField> {
        outgoing(&event.event_type, &event.data, event.has_id.then_some(&event.last_event_id))
    }
}

fn outgoing<'a>(
    event_type: &'a str,
    data: &'a str,
    own_id: Option<&'a str>,
) -> Result<OutgoingEvent<'a>, InvalidField> {
    let mut event = OutgoingEvent::new().data(data);
    if event_type != DEFAULT_EVENT_TYPE {
        event = event.event_type(EventType::new(event_type)?);
    }
    if let Some(id) = own_id {
        event = event.id(EventId::new(id)?);
    }
    Ok(event)
}

impl SharedItem {
    /// The event, if it is one.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_codec::{SharedDecoder, SharedItem};
    ///
    /// let (mut decoder, mut chunk) = (SharedDecoder::new(), Bytes::from("retry: 1\ndata: a\n\n"));
    /// let items = core::iter::from_fn(|| decoder.decode(&mut chunk).transpose());
    /// let events: Vec<_> = items.filter_map(|item| item.ok()?.into_event()).collect();
    /// assert_eq!(events[0].data, "a");
    /// ```
    #[must_use]
    pub fn into_event(self) -> Option<SharedEvent> {
        match self {
            Self::Event(event) => Some(event),
            Self::Comment { .. } | Self::ReconnectionTime { .. } => None,
        }
    }
}
