//! What a session waits for, how long, and what it tries again.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::error::SessionError;

/// When an attempt has failed, whether to try again, and after how long.
///
/// | what happened | [`whatwg`](Self::whatwg) | [`resilient`](Self::resilient) |
/// |---|---|---|
/// | the stream ended, or broke off | again | again |
/// | no connection: name, refusal, no route, reset, not HTTP | again | again |
/// | a time-out | has none of its own | again |
/// | 204 | over, without an error | over, without an error |
/// | 408, 425, 429, 5xx (but not 501 and 505) | fails | again, `Retry-After` respected |
/// | any other status but 200 | fails | fails |
/// | 200 of another media type, or compressed beyond the client's means | fails | fails |
/// | a stream that is not compressed as it says, or expands without measure | fails | fails |
/// | TLS distrust, a redirect that cannot be followed, an impossible request | fails | fails |
/// | waits | the reconnection time | the reconnection time, and a random part of a time that grows from 500 ms to 30 s |
/// | reconnection time until the stream says one | 3 s | 500 ms |
/// | [`first_byte_timeout`](Self::first_byte_timeout) | none | none |
/// | [`idle_timeout`](Self::idle_timeout) | none | none |
///
/// Under `resilient` one thus waits 0.5 to 1 s after a first failure or a stream that stayed open, then 0.5 to 1.5 s,
/// 0.5 to 2.5 s, and so on, up to 30.5 s.
///
/// [`never`](Self::never) is `resilient` without a second attempt.
///
/// ```
/// use core::time::Duration;
/// use sse_client::session::RetryPolicy;
///
/// let policy = RetryPolicy::resilient()
///     .idle_timeout(Some(Duration::from_secs(45)))
///     .max_attempts(Some(10))
///     .retry_status(404, true); // our gateway answers so while it starts
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    pub(super) retries: bool,
    pub(super) transient_statuses: bool,
    pub(super) statuses: BTreeMap<u16, bool>,
    pub(super) reconnection_time: Duration,
    pub(super) growth: Option<Growth>,
    pub(super) longest_asked_wait: Option<Duration>,
    pub(super) max_attempts: Option<u32>,
    pub(super) steady_after: Duration,
    pub(super) steady_on_event: bool,
    pub(super) first_byte_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

/// The random part of a wait: from nothing up to `first`, doubled with each failure in a row, never
/// past `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) first: Duration,
    pub(super) cap: Duration,
}

impl Default for RetryPolicy {
    /// [`resilient`](Self::resilient).
    fn default() -> Self {
        Self::resilient()
    }
}

impl RetryPolicy {
    /// As the standard says and browsers do.
    pub fn whatwg() -> Self {
        Self {
            retries: true,
            transient_statuses: false,
            statuses: BTreeMap::new(),
            // "This must initially be an implementation-defined value, probably in the region of a
            // few seconds." 3 s is Chromium's.
            reconnection_time: Duration::from_secs(3),
            growth: None,
            longest_asked_wait: None,
            max_attempts: None,
            steady_after: Duration::from_secs(10),
            steady_on_event: false,
            first_byte_timeout: None,
            idle_timeout: None,
        }
    }

    /// What one adds by hand to an `EventSource` that must stay up: the default.
    pub fn resilient() -> Self {
        Self {
            transient_statuses: true,
            // Short, since the random part soon grows past it.
            reconnection_time: Duration::from_millis(500),
            growth: Some(Growth {
                first: Duration::from_millis(500),
                // A server that comes back finds all its clients within half a minute.
                cap: Duration::from_secs(30),
            }),
            // Whoever asks for more, by mistake or malice, is asked again after an hour.
            longest_asked_wait: Some(Duration::from_secs(3600)),
            ..Self::whatwg()
        }
    }

    /// One attempt; the stream's end is the end.
    pub fn never() -> Self {
        Self { retries: false, ..Self::resilient() }
    }

    /// Tries (or does not try) again when the server answers `status`, whatever the table says. Has
    /// no effect on 200 and 204.
    pub fn retry_status(mut self, status: u16, again: bool) -> Self {
        self.statuses.insert(status, again);
        self
    }

    /// How long to wait before a reconnect until the stream says (`retry:`) how long.
    pub const fn reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = time;
        self
    }

    /// Adds to each wait a random time between nothing and `first`, which doubles with each failure
    /// in a row up to `cap` ("full jitter").
    pub const fn backoff(mut self, first: Duration, cap: Duration) -> Self {
        self.growth = Some(Growth { first, cap });
        self
    }

    /// Waits for the reconnection time exactly, however often it fails.
    pub const fn no_backoff(mut self) -> Self {
        self.growth = None;
        self
    }

    /// The most that a server can make this client wait, by `retry:` or `Retry-After`.
    /// Default: 1 hour under `resilient`, no bound under `whatwg`.
    pub const fn longest_asked_wait(mut self, wait: Option<Duration>) -> Self {
        self.longest_asked_wait = wait;
        self
    }

    /// Gives up once so many attempts in a row failed. A stream that stayed open for
    /// [`steady_after`](Self::steady_after) is no failure, whatever its end. One attempt is always made,
    /// also where this is 0. Default: no limit.
    pub const fn max_attempts(mut self, attempts: Option<u32>) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// How long a stream must stay open to count as a success, so that the waits grow from their
    /// beginning again, and [`max_attempts`](Self::max_attempts) is counted anew. Default: 10 s. One that was
    /// given up for its silence, without a byte of its body, is no success however long that took. The end of
    /// a stream is seen when somebody reads on, so that a reader's own pauses before it count as open.
    ///
    /// A server whose answers are short by design, such as one that sends what there is and ends, is asked ever
    /// less often by the default, though each answer brings something: say `Duration::ZERO` for it, or
    /// [`steady_on_event`](Self::steady_on_event).
    pub const fn steady_after(mut self, time: Duration) -> Self {
        self.steady_after = time;
        self
    }

    /// Whether a stream that brought an event counts as a success too, however soon it ended. One that was dropped
    /// for its size is one. Default: no, since a server that sends something to each and then dies should not have
    /// all its clients back at once, for ever.
    pub const fn steady_on_event(mut self, counts: bool) -> Self {
        self.steady_on_event = counts;
        self
    }

    /// How long a server may take to its first byte, where that is to be another time than
    /// [`idle_timeout`](Self::idle_timeout): once asked to that of its answer, redirects included, and
    /// then to that of the stream. A proxy that holds a stream back shows so. Off by default, since
    /// many servers send nothing before the first event, not even the answer's head.
    ///
    /// How long a connection may take to come about is the transport's affair; the driver on reqwest
    /// gives it 30 s.
    pub const fn first_byte_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.first_byte_timeout = timeout;
        self
    }

    /// How long the server may be silent, before it answers too. Any byte is life, heartbeat comments included; choose
    /// two or three times the server's heartbeat. Off by default, since many servers send none.
    pub const fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long an answer may take.
    pub(crate) fn response_timeout(&self) -> Option<Duration> {
        self.first_byte_timeout.or(self.idle_timeout)
    }

    /// Whether an attempt that ended by `error` is followed by another.
    pub fn retries(&self, error: &SessionError) -> bool {
        self.retries
            && match error {
                SessionError::Transport(failure) => !failure.kind.is_hopeless(),
                SessionError::Status { status, .. } => self.retries_status(*status),
                SessionError::Ended
                | SessionError::ResponseTimeout(_)
                | SessionError::FirstByteTimeout(_)
                | SessionError::IdleTimeout(_) => true,
                SessionError::NoContent
                | SessionError::MediaType { .. }
                | SessionError::ContentEncoding { .. }
                | SessionError::GaveUp { .. } => false,
            }
    }

    fn retries_status(&self, status: u16) -> bool {
        let transient = match status {
            408 | 425 | 429 => true,
            // Not implemented, HTTP version not supported: the next answer is the same.
            501 | 505 => false,
            500..=599 => true,
            _ => false,
        };
        self.statuses.get(&status).copied().unwrap_or(self.transient_statuses && transient)
    }
}
