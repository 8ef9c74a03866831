//! An event on its way: asked for, checked, placed by the store.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt::Write;

use bytes::Bytes;
use sse_codec::{EventType, OutgoingEvent};

use crate::{cursor::Cursor, delivery::reserved, key::PublishKey, topic::Topic};

/// An event that somebody asks to publish. [`Hub::publish`](crate::Hub::publish) checks it.
///
/// ```
/// use sse_codec::EventType;
/// use sse_server_core::{Publish, PublishKey, Topic};
///
/// let event = Publish::new([Topic::new("orders")?, Topic::user("ann")?], "{\"order\":17}")
///     .event_type(EventType::new("paid")?)
///     .key(PublishKey::new("order-17-paid")?);
/// # let _ = event;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Publish {
    pub(crate) topics: Vec<Topic>,
    pub(crate) event_type: Option<EventType<'static>>,
    pub(crate) data: String,
    pub(crate) key: Option<PublishKey>,
}

impl Publish {
    /// An event for whoever subscribed to any of `topics`; it reaches each of them once.
    pub fn new(topics: impl IntoIterator<Item = Topic>, data: impl Into<String>) -> Self {
        let topics = topics.into_iter().collect();
        Self { topics, event_type: None, data: data.into(), key: None }
    }

    /// Sets the event type. `connected`, `reset`, `heartbeat` and `presence` are the hub's own, so
    /// that a client can take them for its word: they are refused.
    pub fn event_type(mut self, event_type: EventType<'static>) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Its bytes, as far as they are its publisher's.
    pub(crate) fn size(&self) -> usize {
        let topics: usize = self.topics.iter().map(|topic| topic.as_str().len()).sum();
        let event_type = self.event_type.as_ref().map_or(0, |name| name.as_str().len());
        topics + event_type + self.data.len()
    }

    /// Sets by which key a repeat of this event is known: it is answered with the place of the
    /// first, and nobody gets it again.
    pub fn key(mut self, key: PublishKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The topics it goes to.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }
}

/// A checked event that waits for its place.
///
/// ```
/// use sse_codec::time::Instant;
/// use sse_server_core::{Cursor, Epoch, Hub, HubConfig, Output, Publish, Topic};
///
/// let start = Cursor::new(Epoch::new(0xe), 0);
/// let mut hub = Hub::new(HubConfig::default(), start, 1);
/// hub.publish(Publish::new([Topic::new("prices")?], "1.08"), Instant::ORIGIN)?;
/// let Some(Output::Append { event, .. }) = hub.poll_output() else { unreachable!() };
/// let appended = event.place(Cursor::new(start.epoch(), 1));
/// assert_eq!(&appended.frame[..], b"id: e-1\ndata: 1.08\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    topics: Arc<[Topic]>,
    event_type: Option<EventType<'static>>,
    data: String,
    key: Option<PublishKey>,
}

impl Draft {
    pub(crate) fn new(publish: Publish) -> Self {
        let Publish { mut topics, event_type, data, key } = publish;
        topics.sort_unstable();
        topics.dedup();
        Self { topics: topics.into(), event_type, data, key }
    }

    /// By what a repeat of it is known. A store that has [seen](crate::Keys) the key answers
    /// [`Receipt::repeat`](crate::Receipt::repeat), and appends nothing.
    pub const fn key(&self) -> Option<&PublishKey> {
        self.key.as_ref()
    }

    /// What makes it this event and no other.
    pub(crate) fn content(&self) -> impl core::hash::Hash {
        let event_type = self.event_type.as_ref().map(EventType::as_str);
        (&*self.topics, event_type, self.data.as_str())
    }

    /// The topics it goes to, in order, each once.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Gives it the place that the store chose, and encodes it: once a process, whatever the
    /// number of hubs and subscribers.
    pub fn place(self, cursor: Cursor) -> Appended {
        let mut event = OutgoingEvent::new().id(cursor.id()).data(self.data);
        if let Some(event_type) = self.event_type {
            event = event.event_type(event_type);
        }
        Appended { cursor, topics: self.topics, frame: event.encode().into_bytes() }
    }
}

/// Who is subscribed to a topic, for those who watch it: [`Admission`](crate::Admission) says it,
/// and each [hub](crate::Hub::handle_presence) tells its watchers.
///
/// ```
/// use sse_codec::time::Instant;
/// use sse_server_core::{Admission, AdmissionConfig, Selector, Topic, Visitor};
///
/// let (mut admission, now) = (Admission::new(AdmissionConfig::default(), 1), Instant::ORIGIN);
/// admission.admit(Visitor::new([Selector::new("$presence.room")?]), now)?;
/// admission.admit(Visitor::new([Selector::new("room")?]).user("ann"), now)?;
/// let due = admission.poll_timeout().expect("something to tell");
/// let word = admission.poll_presence(due).expect("a second later");
/// assert_eq!((word.count, &*word.joined[0]), (1, "ann"));
/// assert_eq!(admission.presence(&Topic::new("room")?).users, word.users, "or at once, by asking");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Presence {
    /// The topic.
    pub topic: Topic,
    /// How many streams of it are open, whether of known users or not: all of them, always.
    pub count: usize,
    /// The first of their users, each once, in order:
    /// [`max_named`](crate::AdmissionConfig::max_named) at most.
    pub users: Vec<Arc<str>>,
    /// The users who came since the last word.
    pub joined: Vec<Arc<str>>,
    /// The users who left. With those who came `max_named` at most.
    pub left: Vec<Arc<str>>,
    /// Whether there are more of any of these users than are named. If not, `users` are all there
    /// are; if so, `count` still is exact, and
    /// [`presence_after`](crate::Admission::presence_after) gives the others by the page.
    pub is_partial: bool,
}

impl Presence {
    /// The event `presence`. It has no id, since it is not kept: whoever comes back is told anew.
    pub(crate) fn encode(&self) -> Bytes {
        let mut data = String::from("{\"topic\":");
        json_string(&mut data, self.topic.as_str());
        let _ = write!(data, ",\"count\":{}", self.count);
        for (name, users) in
            [("users", &self.users), ("joined", &self.joined), ("left", &self.left)]
        {
            let _ = write!(data, ",\"{name}\":[");
            for (n, user) in users.iter().enumerate() {
                data.push_str(if n > 0 { "," } else { "" });
                json_string(&mut data, user);
            }
            data.push(']');
        }
        let _ = write!(data, ",\"partial\":{}}}", self.is_partial);
        let event = OutgoingEvent::new().event_type(reserved("presence"));
        event.data(data).encode().into_bytes()
    }
}

/// Writes a JSON string.
fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// An event that has its place in the store's order. Cloning it copies no bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Appended {
    /// Its place: the id that clients see.
    pub cursor: Cursor,
    /// The topics it goes to.
    pub topics: Arc<[Topic]>,
    /// Its encoded block.
    pub frame: Bytes,
}

/// A part of what a store keeps, for whom the hub's window has overtaken.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The newest place of the store.
    pub head: Cursor,
    /// The last entry of these topics that is no longer kept, as far as is known; 0 for none.
    pub trimmed: u64,
    /// All that the store keeps of these topics up to this offset is in the page.
    pub upto: u64,
    /// The entries, in order.
    pub entries: Vec<Stored>,
}

impl HistoryPage {
    /// About the memory that its entries take.
    pub(crate) fn cost(&self) -> usize {
        self.entries.iter().map(Stored::cost).sum()
    }
}

/// One entry of a [`HistoryPage`].
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its offset.
    pub offset: u64,
    /// Its encoded block.
    pub frame: Bytes,
}

impl Stored {
    /// What it counts in a page: its frame, and its place in the list.
    ///
    /// ```
    /// use sse_server_core::Stored;
    ///
    /// let entry = Stored { offset: 1, frame: b"data: 1\n\n"[..].into() };
    /// assert_eq!(entry.cost(), 9 + size_of::<Stored>());
    /// ```
    pub const fn cost(&self) -> usize {
        self.frame.len() + size_of::<Self>()
    }
}
