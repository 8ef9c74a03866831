//! The loop: outputs out, inputs in, one timer.

use core::{
    fmt,
    future::poll_fn,
    hash::BuildHasher,
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{hash::RandomState, time::SystemTime};

use futures_core::Stream;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use sse_codec::time::Instant;

use super::{
    request::Template,
    time::{Clock, Timer},
    transport::{Input, Transport},
    update::Update,
};
use crate::{
    event::Event,
    session::{Attempt, ReadyState, ResponseHead, Session, SessionConfig, Timer as Reason},
};

/// How many pieces of input, or items that nobody asked for, one poll takes in without giving anything
/// out. Past that it yields, so that a stream which says nothing at great length cannot hold its thread.
pub(super) const INPUTS_A_POLL: u32 = 32;

/// How much later than asked for a poll comes that tells of somebody who did not listen: a task that waited
/// for something else, a process that stood still. No timer is so late by itself.
const LATE: Duration = Duration::from_millis(250);

/// A stream of everything that happens to an event source: see [`Update`].
///
/// Made by [`Builder::open_updates`](super::Builder::open_updates); polled within a tokio runtime
/// that has IO and time enabled. It reads only while it is polled, and dropping it drops the
/// connection.
///
/// ```no_run
/// use sse_client::{EventSource, Update};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut updates = EventSource::builder("http://localhost:8080/events").open_updates()?;
/// while let Some(update) = updates.next().await {
///     match update {
///         Update::Opened { head, .. } => println!("connected: {}", head.status),
///         Update::Event(event) => println!("{}: {}", event.event_type(), event.data()),
///         Update::Disconnected { error, retry_in: Some(wait), .. } => {
///             println!("{error}; again in {wait:.1?}");
///         }
///         Update::Disconnected { error, retry_in: None, .. } => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Updates {
    session: Session,
    transport: Transport,
    clock: Clock,
    timer: Timer,
    /// Whose the time since the last poll was.
    since: Since,
    /// The deadline that was seen to be past, before the HTTP client's own task had its turn.
    past: Option<Instant>,
    /// A silence was excused, and the server has said nothing since.
    is_excused: bool,
}

#[derive(Clone, Copy, Debug)]
enum Since {
    /// Nothing was given out.
    Waiting,
    /// An event was given out.
    Event,
    /// Something else was, at this time.
    Told(Instant),
}

impl Updates {
    pub(super) fn new(template: Template, config: SessionConfig) -> Self {
        // Keyed from the system's randomness: enough to spread waits, and no dependency.
        let seed = RandomState::new().hash_one(());
        Self {
            session: Session::new(config, seed, Instant::ORIGIN),
            transport: Transport::new(template),
            clock: Clock::default(),
            timer: Timer::default(),
            since: Since::Waiting,
            past: None,
            is_excused: false,
        }
    }

    /// The next event, if it has arrived and comes before anything else: that takes neither the clock nor
    /// the socket.
    #[inline(always)]
    pub(super) fn arrived_event(&mut self) -> Option<Event> {
        let (event, is_repeat) = self.session.poll_event()?;
        self.since = Since::Event;
        Some(Event::from(event).repeated(is_repeat))
    }

    /// The next update about what has arrived.
    fn arrived(&mut self) -> Option<Update> {
        loop {
            let output = self.session.poll_output()?;
            let update = self.transport.act(output, &mut self.clock);
            if update.is_some() {
                return update;
            }
        }
    }

    fn give(&mut self, update: Update) -> Poll<Option<Update>> {
        let is_event = matches!(update, Update::Event(_));
        self.since = if is_event { Since::Event } else { Since::Told(self.clock.now()) };
        Poll::Ready(Some(update))
    }

    /// The next update; `None` after [`Update::Closed`]. Cancelling this future loses nothing.
    pub async fn next(&mut self) -> Option<Update> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What the standard calls `readyState`.
    pub fn ready_state(&self) -> ReadyState {
        self.session.ready_state()
    }

    /// The last event ID: what a reconnect sends, and what to store for a later resume.
    pub fn last_event_id(&self) -> &str {
        self.session.last_event_id()
    }

    /// Closes it: drops the connection at once, and the next poll gives [`Update::Closed`].
    pub fn close(&mut self) {
        self.session.close();
        self.transport.let_go();
    }

    /// What is due next and when, and whether it judges a silence.
    fn deadline(&self) -> Option<(Instant, bool)> {
        // A server that was not asked yet has nothing to answer.
        if let Some(until) = self.transport.preparing_until() {
            return Some((until, true));
        }
        let deadline = self.session.poll_timeout()?;
        Some((deadline.at, deadline.timer != Reason::Reconnect))
    }

    /// Somebody listens again.
    fn reading(&mut self, now: Instant) {
        self.session.handle_reading(now);
        self.transport.reading(now);
    }

    fn feed(&mut self, input: Input, now: Instant) -> Option<Update> {
        self.is_excused = false;
        match input {
            // The server's time begins now.
            Input::Sent => self.session.handle_reading(now),
            Input::Redirected(update) => return Some(update),
            Input::Response(attempt) => self.judge(attempt, now),
            Input::Body(attempt, chunk) => self.session.handle_body(attempt, chunk, now),
            Input::End(attempt) => self.session.handle_end(attempt, now),
            Input::Failure(attempt, failure) => self.session.handle_failure(attempt, failure, now),
        }
        None
    }

    fn judge(&mut self, attempt: Attempt, now: Instant) {
        let Some(head) = self.transport.head() else { return };
        let content_type = head.joined(CONTENT_TYPE);
        let is_undone = self.transport.inflates();
        let content_encoding = head.joined(CONTENT_ENCODING).filter(|_| !is_undone);
        let response = ResponseHead::new(head.status.as_u16())
            .place(self.transport.place())
            .content_encoding(content_encoding.as_deref())
            .content_type(content_type.as_deref())
            .retry_after(head.retry_after(SystemTime::now()));
        self.session.handle_response(attempt, response, now);
    }
}

impl Stream for Updates {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        let this = self.get_mut();
        for _ in 0..INPUTS_A_POLL {
            if let Some(update) = this.arrived() {
                return this.give(update);
            }
            if this.session.ready_state() == ReadyState::Closed {
                return Poll::Ready(None);
            }
            // A stream that waits for its next event must not hold a buffer of the HTTP client's.
            this.session.release_chunk();
            let now = this.clock.now();
            let was_away = match mem::replace(&mut this.since, Since::Waiting) {
                Since::Waiting => false,
                Since::Event => true,
                Since::Told(then) => now > then + LATE,
            };
            if was_away {
                this.reading(now);
            }
            if let Poll::Ready(input) = this.transport.poll(this.session.wants_body(), now, cx) {
                if let Some(update) = this.feed(input, now) {
                    return this.give(update);
                }
                continue;
            }
            // Only now: what has arrived in time counts, even if it is looked at late.
            let Some((due, is_silence)) = this.deadline() else { return Poll::Pending };
            if now < due && this.timer.poll(due, &this.clock, cx).is_pending() {
                return Poll::Pending;
            }
            let now = this.clock.now();
            // What was looked at twice since it was due is judged.
            if is_silence && this.past != Some(due) {
                if now > due + LATE && !mem::replace(&mut this.is_excused, true) {
                    // Nobody listened, and perhaps nothing was even sent. Once: who always comes late
                    // would wait for ever.
                    this.reading(now);
                    continue;
                }
                // The HTTP client's task may stand behind this one with bytes in its hands.
                this.past = Some(due);
                break;
            }
            match this.transport.give_up_preparing() {
                Some(failure) => _ = this.feed(failure, now),
                None => this.session.handle_timeout(now.max(due)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("ready_state", &self.ready_state())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
