//! The `EventSource` processing model as a state machine without IO.
//!
//! A [`Session`] reads no clock, opens no socket and draws no randomness: `now` and a seed come in,
//! [`Output`]s come out. What moves the bytes is a driver: `EventSource` is
//! one (feature `reqwest`), and another fits on a page:
//!
//! ```
//! use core::time::Duration;
//! use sse_client::session::{Instant, Output, ResponseHead, Session, SessionConfig};
//!
//! let mut now = Instant::ORIGIN;
//! let mut session = Session::new(SessionConfig::new(), 42, now);
//! let mut seen = Vec::new();
//! for requests in 1.. {
//!     while let Some(output) = session.poll_output() {
//!         match output {
//!             Output::Connect { attempt, last_event_id, .. } => {
//!                 seen.push(format!("GET with Last-Event-ID {last_event_id:?}"));
//!                 // Send the request; here is what comes back.
//!                 let head = ResponseHead::new(200).content_type(Some(b"text/event-stream"));
//!                 session.handle_response(attempt, head, now);
//!                 session.handle_body(attempt, (&b"id: 7\ndata: hello\n\n"[..]).into(), now);
//!                 session.handle_end(attempt, now);
//!             }
//!             Output::Event { event, .. } => seen.push(format!("event {:?}", event.data)),
//!             Output::Disconnected { error, .. } => seen.push(error.to_string()),
//!             _ => {}
//!         }
//!     }
//!     if requests == 2 {
//!         session.close();
//!         break;
//!     }
//!     // Sleep until then, or until a socket has something to report.
//!     now = session.poll_timeout().expect("it waits to reconnect").at;
//!     session.handle_timeout(now);
//! }
//! assert_eq!(seen[0], "GET with Last-Event-ID \"\"");
//! assert_eq!(seen[1], "event \"hello\"");
//! assert_eq!(seen[2], "the server ended the stream");
//! assert_eq!(seen[3], "GET with Last-Event-ID \"7\"");
//! ```
//!
//! Methods are of four kinds: getters; `handle_*` (the world reports; cannot fail, and a report on
//! an attempt that is over changes nothing); verbs ([`Session::close`]); `poll_*` (what the caller
//! does next). They may be called in any order.
//!
//! What a driver names of other crates is here: [`Instant`], a time since an origin of the driver's choice, and
//! [`Bytes`], a piece of a body, made of a `Vec<u8>` or copied from a slice.

mod backoff;
mod debug;
mod error;
mod policy;
mod response;
mod resume;
mod state;
#[cfg(test)]
mod tests;

use alloc::{borrow::ToOwned, boxed::Box, string::String};
use core::fmt;
use core::time::Duration;

use sse_codec::{DecodeError, Decoder, Event, EventId, Item, Limits, Span};

use self::{
    resume::Resume,
    state::{Machine, Signal},
};

#[cfg(feature = "reqwest")]
pub(crate) use self::error::Words;
pub use self::{
    error::{ErrorKind, Failure, FailureKind, SessionError},
    policy::RetryPolicy,
    response::ResponseHead,
};
#[doc(no_inline)]
pub use bytes::Bytes;
#[doc(no_inline)]
pub use sse_codec::time::Instant;

/// How a session behaves.
///
/// ```
/// use sse_client::session::{RetryPolicy, SessionConfig};
///
/// let config = SessionConfig::new().policy(RetryPolicy::whatwg()).comments(true);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SessionConfig {
    policy: RetryPolicy,
    limits: Limits,
    comments: bool,
    last_event_id: Option<EventId<'static>>,
}

impl SessionConfig {
    /// [`RetryPolicy::resilient`], the codec's default [`Limits`], no comments, no last event ID.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is tried again, when, and which time-outs hold.
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How large a line and an event may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether comments are given out.
    pub fn comments(mut self, wanted: bool) -> Self {
        self.comments = wanted;
        self
    }

    /// The last event ID to begin with, to resume from one that was stored.
    pub fn last_event_id(mut self, id: EventId<'static>) -> Self {
        self.last_event_id = Some(id);
        self
    }
}

/// One request of a session, numbered from 1.
///
/// Reports name the attempt they are about, so that a late one about an abandoned request is
/// harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(u64);

impl Attempt {
    /// Its number; the session's first attempt is 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the standard's `readyState` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the standard has these three")]
pub enum ReadyState {
    /// There is no stream now: an attempt is under way, or the session waits to make the next.
    Connecting,
    /// The stream is open.
    Open,
    /// It is over, and nothing opens it again.
    Closed,
}

/// When the session wants [`Session::handle_timeout`], and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// Why.
    pub timer: Timer,
}

/// What a [`Deadline`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The attempt has no response by then.
    Response,
    /// The answer that is no event stream has said why by then.
    Refusal,
    /// The open stream has not sent its first byte by then.
    FirstByte,
    /// The open stream has been silent for too long by then.
    Idle,
    /// The wait is over by then: the next attempt begins.
    Reconnect,
}

/// What the driver does or passes on, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output<'a> {
    /// Send the request, from the original URL, with `Accept: text/event-stream`.
    #[non_exhaustive]
    Connect {
        /// To be named in every report about this request.
        attempt: Attempt,
        /// The last event ID.
        last_event_id: &'a str,
        /// The value for the `Last-Event-ID` header: the id's raw UTF-8. `None`: send no such
        /// header, since the id is empty or [holds a byte](header_value) that no header can carry.
        header: Option<&'a [u8]>,
    },
    /// Let go of the request: drop its connection.
    #[non_exhaustive]
    Abort {
        /// The request.
        attempt: Attempt,
    },
    /// The response is an event stream.
    #[non_exhaustive]
    Opened {
        /// Whose response.
        attempt: Attempt,
    },
    /// An event.
    #[non_exhaustive]
    Event {
        /// What the server sent.
        event: Event<'a>,
        /// Whether the server has sent it before, as its id tells: after a reconnect, or a resume
        /// from a [stored id](SessionConfig::last_event_id), it bears an id of its own, which came
        /// before that, among the latest 128 events with one. It is given out all the same.
        is_repeat: bool,
    },
    /// A comment line; only if [asked for](SessionConfig::comments).
    #[non_exhaustive]
    Comment {
        /// What follows the colon, byte for byte.
        text: &'a str,
        /// The line's place in the response body.
        span: Span,
    },
    /// The stream set the reconnection time.
    #[non_exhaustive]
    ReconnectionTime {
        /// What it said.
        duration: Duration,
        /// The line's place in the response body.
        span: Span,
    },
    /// An event, or a comment, was over a limit and is lost; the stream goes on.
    Dropped(DecodeError),
    /// The attempt is over, and all that arrived was given out.
    #[non_exhaustive]
    Disconnected {
        /// Which attempt.
        attempt: Attempt,
        /// Why.
        error: SessionError,
        /// When the next attempt begins; `None` if there is none.
        retry_at: Option<Instant>,
    },
    /// Nothing more will come.
    Closed,
}

/// The `Last-Event-ID` header's value for `id`: its raw UTF-8, or `None` if the id is empty (the
/// standard sends no header then) or holds a control character, which no header can carry.
///
/// A resume that cannot be asked for must not stop the reconnect: it goes without the header, and
/// the server treats it as new.
pub fn header_value(id: &str) -> Option<&[u8]> {
    let sendable = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7F);
    (!id.is_empty() && id.bytes().all(sendable)).then_some(id.as_bytes())
}

/// An `EventSource` without its socket.
pub struct Session {
    machine: Machine,
    decoder: Decoder,
    resume: Resume,
    /// What of the body is not given out yet: `chunk[used..]`.
    chunk: Bytes,
    used: usize,
    /// The body has brought an event.
    has_event: bool,
    /// What came out before an event that was looked for, and is to be given out next.
    aside: Option<Box<Aside>>,
    /// The same, once it was: what an output borrows.
    given: Option<Box<Aside>>,
}

impl Session {
    /// A session whose first [`Output`] asks to connect. The seed decides the jitter of its waits:
    /// give each session another.
    pub fn new(config: SessionConfig, seed: u64, now: Instant) -> Self {
        let mut decoder = Decoder::with_limits(config.limits).comments(config.comments);
        if let Some(id) = &config.last_event_id {
            decoder.set_last_event_id(id);
        }
        let resume = Resume::new(decoder.last_event_id(), seed);
        let machine = Machine::new(config.policy, seed, now);
        Self {
            machine,
            decoder,
            resume,
            chunk: Bytes::new(),
            used: 0,
            has_event: false,
            aside: None,
            given: None,
        }
    }

    /// What the standard calls `readyState`.
    pub fn ready_state(&self) -> ReadyState {
        self.machine.ready_state()
    }

    /// The last event ID: what the next attempt sends.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Whether to read on from the socket. While it is false, reports of body bytes still work, at
    /// the price of a copy.
    pub fn wants_body(&self) -> bool {
        self.machine.reads_body() && self.is_drained()
    }

    /// Reports that the response's head is there.
    ///
    /// Where it is no event stream's, the beginning of its body is wanted still: it often says why.
    pub fn handle_response(&mut self, attempt: Attempt, head: ResponseHead<'_>, now: Instant) {
        if !self.machine.is_connecting(attempt) {
            return;
        }
        match head.check(self.machine.longest_asked_wait()) {
            Ok(()) => {
                // Each body is decoded from its own beginning; the last event ID is kept.
                self.decoder.finish();
                self.resume.begin();
                self.has_event = false;
                self.machine.open(attempt, now);
            }
            Err(error) if head.may_say_why() => self.machine.refuse(attempt, error, now),
            Err(error) => self.machine.abort(attempt, error, now),
        }
    }

    /// Reports bytes of the body.
    pub fn handle_body(&mut self, attempt: Attempt, chunk: Bytes, now: Instant) {
        // No byte is no sign of life.
        if chunk.is_empty() {
            return;
        }
        if !self.machine.alive(attempt, now) {
            self.machine.explain(attempt, &chunk, now);
            return;
        }
        self.chunk = match &self.chunk[self.used..] {
            [] => chunk,
            unread => [unread, &chunk].concat().into(),
        };
        self.used = 0;
    }

    /// Reports that the body came to its end, as announced by the transport.
    pub fn handle_end(&mut self, attempt: Attempt, now: Instant) {
        self.machine.end(attempt, SessionError::Ended, now);
    }

    /// Reports that the request failed, or that its body broke off.
    pub fn handle_failure(&mut self, attempt: Attempt, mut failure: Failure, now: Instant) {
        // What was never open cannot have broken off.
        if failure.kind == FailureKind::Interrupted && self.machine.is_connecting(attempt) {
            failure.kind = FailureKind::Connect;
        }
        self.machine.end(attempt, SessionError::Transport(failure), now);
    }

    /// Reports that the caller reads on after a pause of its own: a silence that nobody listened to,
    /// or that nobody had broken by a request, is not held against the server.
    pub fn handle_reading(&mut self, now: Instant) {
        self.machine.reading(now);
    }

    /// Reports the time. Does nothing before [`poll_timeout`](Self::poll_timeout)'s.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline.at <= now) {
            self.machine.timeout(now);
        }
    }

    /// Ends the wait before the next attempt, as where somebody asks for it by hand. Does nothing otherwise.
    pub fn reconnect(&mut self, now: Instant) {
        self.machine.reconnect(now);
    }

    /// Closes it for good, and drops what was not given out yet but an [`Output::Abort`] and
    /// [`Output::Closed`].
    pub fn close(&mut self) {
        self.machine.close();
        self.used = self.chunk.len();
        self.aside = None;
        self.release_chunk();
    }

    /// The next thing to do or to pass on; `None`: nothing for now.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if self.machine.has_signals() || self.is_drained() {
            return self.poll_signal();
        }
        if self.aside.is_some() {
            self.given = self.aside.take();
            return self.given.as_deref().map(Aside::output);
        }
        let mut unread = &self.chunk[self.used..];
        let item = self.decoder.decode(&mut unread);
        self.used = self.chunk.len() - unread.len();
        match item {
            Ok(Some(Item::Event(event))) => {
                self.has_event = true;
                let is_repeat = event.has_id && self.resume.is_repeat(event.last_event_id);
                Some(Output::Event { event, is_repeat })
            }
            Ok(Some(Item::Comment { text, span, .. })) => Some(Output::Comment { text, span }),
            Ok(Some(Item::ReconnectionTime { duration, span, .. })) => {
                self.machine.ask_reconnection_time(duration);
                Some(Output::ReconnectionTime { duration, span })
            }
            Err(error) => {
                self.has_event = true;
                Some(Output::Dropped(error))
            }
            // All is used, or a later codec gave an item of a sort not known here.
            Ok(_) if self.used == self.chunk.len() => {
                settle(&mut self.machine, &mut self.has_event)
            }
            Ok(_) => None,
        }
    }

    /// The next event, and whether it is a [repeat](Output::Event), if it has arrived and nothing else comes
    /// before it. `None`: what comes next, if anything, is [`poll_output`](Self::poll_output)'s to say.
    ///
    /// For drivers that make an event of their own of each: where nothing else can come out, a short event
    /// takes no way through memory, and costs half of what it costs as an [`Output`].
    ///
    /// ```
    /// use sse_client::{Event, session::{Output, Session}};
    ///
    /// fn pass_on(session: &mut Session, events: &mut Vec<Event>) {
    ///     loop {
    ///         while let Some((event, _)) = session.poll_event() {
    ///             events.push(event.into());
    ///         }
    ///         match session.poll_output() {
    ///             Some(Output::Connect { .. }) => { /* send the request */ }
    ///             Some(_) => {}
    ///             None => break,
    ///         }
    ///     }
    /// }
    /// ```
    #[inline(always)]
    pub fn poll_event(&mut self) -> Option<(Event<'_>, bool)> {
        if self.machine.has_signals() || self.is_drained() || self.aside.is_some() {
            return None;
        }
        let mut unread = &self.chunk[self.used..];
        let item = self.decoder.decode(&mut unread);
        self.used = self.chunk.len() - unread.len();
        if let Ok(Some(Item::Event(event))) = item {
            self.has_event = true;
            let is_repeat = event.has_id && self.resume.is_repeat(event.last_event_id);
            return Some((event, is_repeat));
        }
        self.has_event |= item.is_err();
        set_aside(item, &mut self.machine, &mut self.aside);
        None
    }

    /// What is due apart from the body's items, which it may be the end of.
    fn poll_signal(&mut self) -> Option<Output<'_>> {
        if let Some(signal) = self.machine.pop_signal() {
            return Some(signal.with_id(self.decoder.last_event_id()));
        }
        let signal = settle(&mut self.machine, &mut self.has_event);
        self.release_chunk();
        signal
    }

    /// Lets go of the chunk that was reported last, once all of it was given out. The next call of
    /// [`poll_output`](Self::poll_output) does so too; a driver that waits in between, and whose
    /// chunks are pieces of larger buffers, frees such a buffer by this for as long as it waits. After the end of a
    /// body it frees what the decoder has grown by, too.
    pub fn release_chunk(&mut self) {
        if self.is_drained() {
            self.chunk = Bytes::new();
            self.used = 0;
            self.given = None;
            if !self.machine.is_open() {
                // There may be a long wait before the next body, or there is none.
                self.decoder.finish();
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout). May change with every other call.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.deadline()
    }

    /// The silence of a server is judged only while somebody reads.
    fn deadline(&self) -> Option<Deadline> {
        self.machine.deadline().filter(|deadline| {
            !matches!(deadline.timer, Timer::FirstByte | Timer::Idle) || self.is_drained()
        })
    }

    /// Whether all that has arrived was given out.
    #[inline]
    fn is_drained(&self) -> bool {
        self.used == self.chunk.len() && self.aside.is_none()
    }
}

/// Without what has come of a body: it may be anyone's secret.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("ready_state", &self.ready_state())
            .field("last_event_id", &self.last_event_id())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

/// An item that came out where an event was looked for.
enum Aside {
    Comment { text: String, span: Span },
    ReconnectionTime { duration: Duration, span: Span },
    Dropped(DecodeError),
}

impl Aside {
    fn output(&self) -> Output<'_> {
        match self {
            Self::Comment { text, span } => Output::Comment { text, span: *span },
            Self::ReconnectionTime { duration, span } => {
                Output::ReconnectionTime { duration: *duration, span: *span }
            }
            Self::Dropped(error) => Output::Dropped(*error),
        }
    }
}

/// What follows of an end. Of the attempts after it none has brought that event.
fn settle<'a>(machine: &mut Machine, has_event: &mut bool) -> Option<Output<'a>> {
    let signal = machine.settle(*has_event)?;
    *has_event = false;
    Some(signal.with_id(""))
}

/// Keeps what is no event for [`Session::poll_output`]. Apart, so that events pay nothing for it.
#[cold]
#[inline(never)]
fn set_aside(
    item: Result<Option<Item<'_>>, DecodeError>,
    machine: &mut Machine,
    aside: &mut Option<Box<Aside>>,
) {
    *aside = match item {
        Ok(Some(Item::Comment { text, span, .. })) => {
            Some(Box::new(Aside::Comment { text: text.to_owned(), span }))
        }
        Ok(Some(Item::ReconnectionTime { duration, span, .. })) => {
            machine.ask_reconnection_time(duration);
            Some(Box::new(Aside::ReconnectionTime { duration, span }))
        }
        Err(error) => Some(Box::new(Aside::Dropped(error))),
        Ok(_) => None,
    };
}

impl Signal {
    fn with_id(self, last_event_id: &str) -> Output<'_> {
        match self {
            Self::Connect { attempt } => {
                let header = header_value(last_event_id);
                Output::Connect { attempt, last_event_id, header }
            }
            Self::Abort { attempt } => Output::Abort { attempt },
            Self::Opened { attempt } => Output::Opened { attempt },
            Self::Disconnected { attempt, error, retry_at } => {
                Output::Disconnected { attempt, error, retry_at }
            }
            Self::Closed => Output::Closed,
        }
    }
}
