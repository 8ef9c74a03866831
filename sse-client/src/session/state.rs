//! The session's states and every transition between them.
//!
//! ```text
//!            new ──► Connecting ──response is a stream──► Open ──close()──► Closed
//!                     ▲    │  └─────is none──► Refused      │                  ▲
//!            until is │    │ failed,     has said why, │    │ ended, broke     │
//!                past │    ▼ too late      or too late ▼    ▼ off, idle        │
//!                   Waiting ◄──────the policy tries again─── Ending ──gives up┘
//! ```
//!
//! `Refused` lasts until the body of an answer that is no stream has told its beginning.
//! `Ending` lasts until what had arrived is given out: only then are the reconnection time and the
//! last event ID known, and a reader that is behind is not pushed by another connection.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use core::mem;
use core::time::Duration;

use sse_codec::time::Instant;

use super::{
    Attempt, Deadline, ReadyState, Timer,
    backoff::Backoff,
    error::{LONGEST_BODY, SessionError},
    policy::RetryPolicy,
};

#[derive(Debug)]
enum State {
    Connecting {
        attempt: Attempt,
        quiet: Quiet,
    },
    Refused {
        attempt: Attempt,
        error: SessionError,
        body: Vec<u8>,
        until: Instant,
    },
    /// `heard`: a byte of the body has come.
    Open {
        attempt: Attempt,
        since: Instant,
        heard: bool,
        quiet: Quiet,
    },
    Ending {
        attempt: Attempt,
        error: SessionError,
        at: Instant,
        steady: bool,
    },
    Waiting {
        until: Instant,
    },
    Closed,
}

/// How long an answer that is no stream may take to say why. Its head said the most already.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the server may stay silent: until it answers, then until the first byte of the stream, then
/// between any two.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    timer: Timer,
    timeout: Option<Duration>,
    until: Option<Instant>,
}

impl Quiet {
    fn new(timer: Timer, timeout: Option<Duration>, now: Instant) -> Self {
        Self { timer, timeout, until: timeout.map(|timeout| now + timeout) }
    }
}

/// An output that borrows nothing, waiting for its turn.
#[derive(Debug)]
pub(super) enum Signal {
    Connect { attempt: Attempt },
    Abort { attempt: Attempt },
    Opened { attempt: Attempt },
    Disconnected { attempt: Attempt, error: SessionError, retry_at: Option<Instant> },
    Closed,
}

#[derive(Debug)]
pub(super) struct Machine {
    policy: RetryPolicy,
    state: State,
    attempts: u64,
    backoff: Backoff,
    signals: VecDeque<Signal>,
}

impl Machine {
    pub(super) fn new(policy: RetryPolicy, seed: u64, now: Instant) -> Self {
        let mut machine = Self {
            policy,
            state: State::Closed,
            attempts: 0,
            backoff: Backoff::new(seed),
            signals: VecDeque::new(),
        };
        machine.connect(now);
        machine
    }

    pub(super) fn ready_state(&self) -> ReadyState {
        match self.state {
            State::Connecting { .. }
            | State::Refused { .. }
            | State::Ending { .. }
            | State::Waiting { .. } => ReadyState::Connecting,
            State::Open { .. } => ReadyState::Open,
            State::Closed => ReadyState::Closed,
        }
    }

    pub(super) fn is_connecting(&self, attempt: Attempt) -> bool {
        matches!(self.state, State::Connecting { attempt: current, .. } if current == attempt)
    }

    /// How long a server may ask to wait.
    pub(super) fn longest_asked_wait(&self) -> Option<Duration> {
        self.policy.longest_asked_wait
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the body of the response is of use.
    pub(super) fn reads_body(&self) -> bool {
        matches!(self.state, State::Open { .. } | State::Refused { .. })
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let (at, timer) = match self.state {
            State::Connecting { quiet, .. } | State::Open { quiet, .. } => {
                (quiet.until?, quiet.timer)
            }
            State::Refused { until, .. } => (until, Timer::Refusal),
            State::Waiting { until } => (until, Timer::Reconnect),
            State::Ending { .. } | State::Closed => return None,
        };
        Some(Deadline { at, timer })
    }

    #[inline]
    pub(super) fn has_signals(&self) -> bool {
        !self.signals.is_empty()
    }

    pub(super) fn pop_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

    pub(super) fn ask_reconnection_time(&mut self, time: Duration) {
        self.backoff.ask(time);
    }

    /// Closed or Waiting → Connecting.
    fn connect(&mut self, now: Instant) {
        self.attempts += 1;
        let attempt = Attempt(self.attempts);
        let quiet = Quiet::new(Timer::Response, self.policy.response_timeout(), now);
        self.state = State::Connecting { attempt, quiet };
        self.signals.push_back(Signal::Connect { attempt });
    }

    /// Connecting → Open.
    pub(super) fn open(&mut self, attempt: Attempt, now: Instant) {
        let policy = &self.policy;
        let quiet = match policy.first_byte_timeout {
            Some(timeout) => Quiet::new(Timer::FirstByte, Some(timeout), now),
            None => Quiet::new(Timer::Idle, policy.idle_timeout, now),
        };
        self.state = State::Open { attempt, since: now, heard: false, quiet };
        self.signals.push_back(Signal::Opened { attempt });
    }

    /// Connecting → Refused.
    pub(super) fn refuse(&mut self, attempt: Attempt, error: SessionError, now: Instant) {
        let until = now + REFUSAL_TIMEOUT;
        self.state = State::Refused { attempt, error, body: Vec::new(), until };
    }

    /// Refused → Refused, or Ending once as much is said as is kept.
    pub(super) fn explain(&mut self, attempt: Attempt, said: &[u8], now: Instant) {
        match &mut self.state {
            State::Refused { attempt: current, body, .. } if *current == attempt => {
                let room = LONGEST_BODY - body.len();
                body.extend_from_slice(&said[..said.len().min(room)]);
                if body.len() == LONGEST_BODY {
                    self.abort(attempt, SessionError::Ended, now);
                }
            }
            State::Connecting { .. }
            | State::Refused { .. }
            | State::Open { .. }
            | State::Ending { .. }
            | State::Waiting { .. }
            | State::Closed => {}
        }
    }

    /// Open → Open, with the silence counted from `now`. Returns whether `attempt` is the open one.
    pub(super) fn alive(&mut self, attempt: Attempt, now: Instant) -> bool {
        match &mut self.state {
            State::Open { attempt: current, heard, quiet, .. } if *current == attempt => {
                *heard = true;
                *quiet = Quiet::new(Timer::Idle, self.policy.idle_timeout, now);
                true
            }
            State::Connecting { .. }
            | State::Refused { .. }
            | State::Open { .. }
            | State::Ending { .. }
            | State::Waiting { .. }
            | State::Closed => false,
        }
    }

    /// Stays what it is, with the silence counted from `now`, since until now nobody listened.
    pub(super) fn reading(&mut self, now: Instant) {
        match &mut self.state {
            State::Connecting { quiet, .. } | State::Open { quiet, .. } => {
                *quiet = Quiet::new(quiet.timer, quiet.timeout, now);
            }
            State::Refused { until, .. } => *until = now + REFUSAL_TIMEOUT,
            State::Ending { .. } | State::Waiting { .. } | State::Closed => {}
        }
    }

    /// Connecting, Refused or Open → Ending, if `attempt` is still the one. What was refused stays
    /// the error, however its body ends.
    pub(super) fn end(&mut self, attempt: Attempt, error: SessionError, now: Instant) {
        let (error, steady) = match mem::replace(&mut self.state, State::Closed) {
            State::Connecting { attempt: current, .. } if current == attempt => (error, false),
            State::Refused { attempt: current, error, body, .. } if current == attempt => {
                (error.with_body(&body), false)
            }
            State::Open { attempt: current, since, heard, .. } if current == attempt => {
                // A stream that only fell silent has not shown yet that it works.
                let is_mute = !heard && error.is_silence();
                (error, !is_mute && now - since >= self.policy.steady_after)
            }
            other @ (State::Connecting { .. }
            | State::Refused { .. }
            | State::Open { .. }
            | State::Ending { .. }
            | State::Waiting { .. }
            | State::Closed) => {
                self.state = other;
                return;
            }
        };
        self.state = State::Ending { attempt, error, at: now, steady };
    }

    /// As [`end`](Self::end), where the transport still holds the request and must let go.
    pub(super) fn abort(&mut self, attempt: Attempt, error: SessionError, now: Instant) {
        self.signals.push_back(Signal::Abort { attempt });
        self.end(attempt, error, now);
    }

    /// Ending → Waiting or Closed, once nothing that arrived is left. `has_event`: the stream brought one.
    pub(super) fn settle(&mut self, has_event: bool) -> Option<Signal> {
        let State::Ending { .. } = self.state else { return None };
        let State::Ending { attempt, error, at, steady } =
            mem::replace(&mut self.state, State::Closed)
        else {
            return None;
        };
        let failures = if steady || (has_event && self.policy.steady_on_event) {
            self.backoff.reset();
            0
        } else {
            self.backoff.fail()
        };
        let again = self.policy.retries(&error);
        let used_up = self.policy.max_attempts.is_some_and(|most| failures >= most.max(1));
        let retry_at =
            (again && !used_up).then(|| at + self.backoff.wait(&self.policy, error.retry_after()));
        match retry_at {
            Some(until) => self.state = State::Waiting { until },
            None => self.signals.push_back(Signal::Closed),
        }
        let error = match again && used_up {
            true => SessionError::GaveUp { attempts: failures, last: Box::new(error) },
            false => error,
        };
        Some(Signal::Disconnected { attempt, error, retry_at })
    }

    /// Whatever the current deadline is for, if it has passed.
    pub(super) fn timeout(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline.at) {
            return;
        }
        match self.state {
            State::Refused { attempt, .. } => self.abort(attempt, SessionError::Ended, now),
            State::Connecting { attempt, quiet } | State::Open { attempt, quiet, .. } => {
                let timeout = quiet.timeout.unwrap_or_default();
                let error = match quiet.timer {
                    Timer::Response => SessionError::ResponseTimeout(timeout),
                    Timer::FirstByte => SessionError::FirstByteTimeout(timeout),
                    Timer::Refusal | Timer::Idle | Timer::Reconnect => {
                        SessionError::IdleTimeout(timeout)
                    }
                };
                self.abort(attempt, error, now);
            }
            State::Waiting { .. } => self.connect(now),
            State::Ending { .. } | State::Closed => {}
        }
    }

    /// Waiting → Connecting, though the wait is not over.
    pub(super) fn reconnect(&mut self, now: Instant) {
        if let State::Waiting { .. } = self.state {
            self.connect(now);
        }
    }

    /// Any → Closed. What was still to be said is unsaid.
    pub(super) fn close(&mut self) {
        let queued = mem::take(&mut self.signals);
        // A request that was never announced needs no end.
        let is_unheard = queued.iter().any(|signal| matches!(signal, Signal::Connect { .. }));
        let is_held = queued.iter().any(|signal| matches!(signal, Signal::Abort { .. }));
        match mem::replace(&mut self.state, State::Closed) {
            State::Connecting { attempt, .. }
            | State::Refused { attempt, .. }
            | State::Open { attempt, .. }
                if !is_unheard =>
            {
                self.signals.push_back(Signal::Abort { attempt });
            }
            State::Ending { attempt, .. } if is_held && !is_unheard => {
                self.signals.push_back(Signal::Abort { attempt });
            }
            State::Connecting { .. }
            | State::Refused { .. }
            | State::Open { .. }
            | State::Ending { .. }
            | State::Waiting { .. } => {}
            // Its end may still be queued, and is the same.
            State::Closed => {
                self.signals = queued;
                return;
            }
        }
        self.signals.push_back(Signal::Closed);
    }
}
