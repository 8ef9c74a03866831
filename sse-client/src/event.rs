//! An event that owns its text.

use alloc::string::String;
use core::fmt;

use sse_codec::{DEFAULT_EVENT_TYPE, Span};

/// An event as a server sent it: type, data, and the last event ID that holds from it on.
///
/// All its text lies in one allocation.
///
/// ```
/// use sse_client::Event;
///
/// let event = Event::new("price", "1.08", "7");
/// assert_eq!((event.event_type(), event.data(), event.last_event_id()), ("price", "1.08", "7"));
/// assert_eq!(event.into_data(), "1.08");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// Data, type and id, one after the other: data first, so that it can be kept alone in place.
    /// The type that most events have is not written out: no event's type is empty.
    text: String,
    type_start: usize,
    id_start: usize,
    span: Span,
    /// 0 or 1, as wide as the others: moving an event with a hole in it costs as much as making a short one.
    is_repeat: usize,
}

impl Event {
    /// An event that came from nowhere; for tests, mostly. An empty type is `message`, as in a stream.
    pub fn new(event_type: &str, data: &str, last_event_id: &str) -> Self {
        Self::assemble(event_type, data, last_event_id, Span::default())
    }

    // Always in place: a short event that is handed over in memory costs twice what it takes to make.
    #[inline(always)]
    fn assemble(event_type: &str, data: &str, last_event_id: &str, span: Span) -> Self {
        let event_type = if event_type == DEFAULT_EVENT_TYPE { "" } else { event_type };
        let (type_start, id_start) = (data.len(), data.len() + event_type.len());
        let text = match (event_type, last_event_id) {
            ("", "") => data.into(),
            _ => [data, event_type, last_event_id].concat(),
        };
        Self { text, type_start, id_start, span, is_repeat: 0 }
    }

    /// The type; `message` where the server gave none.
    pub fn event_type(&self) -> &str {
        match &self.text[self.type_start..self.id_start] {
            "" => DEFAULT_EVENT_TYPE,
            event_type => event_type,
        }
    }

    /// The data, its lines joined by LF.
    pub fn data(&self) -> &str {
        &self.text[..self.type_start]
    }

    /// The last event ID: this event's own, or that of the latest block that had one, else empty.
    pub fn last_event_id(&self) -> &str {
        &self.text[self.id_start..]
    }

    /// Which bytes of its response body this event was; 0 is the body's first byte.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Whether the server has sent this event before, as its id tells: after a reconnect, its own id
    /// is one that came before it, among the latest 128 events with one. What to do about it is the reader's choice.
    pub fn is_repeat(&self) -> bool {
        self.is_repeat != 0
    }

    /// The data alone, without a copy.
    pub fn into_data(mut self) -> String {
        self.text.truncate(self.type_start);
        self.text
    }
}

impl From<sse_codec::Event<'_>> for Event {
    #[inline(always)]
    fn from(event: sse_codec::Event<'_>) -> Self {
        let sse_codec::Event { event_type, data, last_event_id, span, .. } = event;
        Self::assemble(event_type, data, last_event_id, span)
    }
}

#[cfg(feature = "reqwest")]
impl Event {
    #[inline]
    pub(crate) fn repeated(mut self, is_repeat: bool) -> Self {
        self.is_repeat = usize::from(is_repeat);
        self
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event_type", &self.event_type())
            .field("data", &self.data())
            .field("last_event_id", &self.last_event_id())
            .field("span", &self.span)
            .field("is_repeat", &self.is_repeat())
            .finish()
    }
}
