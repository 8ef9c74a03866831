//! The loop: outputs out, inputs in, one timer.

use core::{
    fmt,
    future::poll_fn,
    hash::BuildHasher,
    mem,
    pin::Pin,
    task::{Context, Poll},
};
use std::{hash::RandomState, time::SystemTime};

use futures_core::Stream;
use sse_codec::time::Instant;

use super::{
    request::Template,
    time::{Clock, Timer},
    transport::{Input, Transport},
    update::Update,
};
use crate::{
    event::Event,
    session::{Attempt, Output, ReadyState, ResponseHead, Session, SessionConfig},
};

/// How many pieces of input, or items that nobody asked for, one poll takes in without giving anything
/// out. Past that it yields, so that a stream which says nothing at great length cannot hold its thread.
pub(super) const INPUTS_A_POLL: u32 = 32;

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
///         Update::Opened { head, .. } => println!("connected to {}", head.url),
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
    /// Whether the last poll gave something out, so that the time since was the reader's.
    reader_was_away: bool,
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
            reader_was_away: false,
        }
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

    fn feed(&mut self, input: Input, now: Instant) -> Option<Update> {
        match input {
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
        let content_type = head.content_type();
        let content_encoding = head.headers.get(http::header::CONTENT_ENCODING);
        let response = ResponseHead::new(head.status.as_u16())
            .content_encoding(content_encoding.map(http::HeaderValue::as_bytes))
            .content_type(content_type.as_deref())
            .retry_after(head.retry_after(SystemTime::now()));
        self.session.handle_response(attempt, response, now);
    }
}

impl Stream for Updates {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        let this = self.get_mut();
        let now = this.clock.now();
        if mem::take(&mut this.reader_was_away) {
            this.session.handle_reading(now);
        }
        for _ in 0..INPUTS_A_POLL {
            // Matched where it is: moving an output costs more than reading a short event.
            let update = loop {
                match this.session.poll_output_with(Event::from) {
                    Some(Output::Event { event, is_repeat }) => {
                        break Some(Update::Event(event.repeated(is_repeat)));
                    }
                    Some(output) => match this.transport.act(output, now) {
                        None => {}
                        update => break update,
                    },
                    None => break None,
                }
            };
            if update.is_some() {
                this.reader_was_away = true;
                return Poll::Ready(update);
            }
            if this.session.ready_state() == ReadyState::Closed {
                return Poll::Ready(None);
            }
            // A stream that waits for its next event must not hold a buffer of the HTTP client's.
            this.session.release_chunk();
            if let Poll::Ready(input) = this.transport.poll(this.session.wants_body(), cx) {
                if let Some(update) = this.feed(input, now) {
                    this.reader_was_away = true;
                    return Poll::Ready(Some(update));
                }
                continue;
            }
            // Only now: what has arrived in time counts, even if it is looked at late.
            let Some(deadline) = this.session.poll_timeout() else { return Poll::Pending };
            if now < deadline.at && this.timer.poll(deadline.at, &this.clock, cx).is_pending() {
                return Poll::Pending;
            }
            this.session.handle_timeout(now.max(deadline.at));
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
