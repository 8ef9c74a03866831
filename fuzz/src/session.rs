//! Law: whatever a session is told, in whatever order, its outputs come in their order, what a body says
//! comes out once and whole, and each wait leads on.

use std::{collections::VecDeque, time::Duration};

use sse_client::session::{
    Attempt, Failure, FailureKind, Output, ReadyState, ResponseHead, RetryPolicy, Session,
    SessionConfig,
};
use sse_codec::{DecodeError, Decoder, Item, Limits, time::Instant};

/// Tells a session what the bytes say.
///
/// The first byte chooses policy, limits, comments, and by which door events are taken. Then operations, each a byte: its low three bits say
/// which, the others are its operand; a body takes as many bytes of the input as its operand says.
pub fn session(input: &[u8]) {
    let [options, ops @ ..] = input else { return };
    let mut ops = ops;
    let mut run = Run::new(*options);
    while let [op, rest @ ..] = ops {
        ops = rest;
        let operand = op >> 3;
        match op & 0b111 {
            0 => run.respond(operand),
            1 | 2 => {
                let (body, rest) = ops.split_at(ops.len().min(usize::from(operand)));
                run.body(body);
                ops = rest;
            }
            3 => run.end(operand),
            4 => run.wait(Duration::from_millis(1 << operand)),
            5 => (0..operand).for_each(|_| _ = run.poll()),
            6 => run.be_late(operand),
            _ if operand == 31 => run.close(),
            _ => run.time_out(),
        }
    }
    run.drain();
}

/// A session, and what must come of what it was told.
struct Run {
    session: Session,
    now: Instant,
    attempt: Option<Attempt>,
    phase: Phase,
    /// What decodes the same bodies, each chunk at once.
    twin: Decoder,
    due: VecDeque<Due>,
    /// Whether events are asked for by themselves, before anything else.
    asks_for_events: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// No attempt is under way.
    Idle,
    Requested,
    /// The head was a stream's; the body goes on.
    Open,
    /// The attempt is over, and what is due of it may not have been given out.
    Over,
    Closed,
}

#[derive(Debug, PartialEq)]
enum Due {
    Event { event_type: String, data: String, last_event_id: String },
    Comment(String),
    ReconnectionTime(Duration),
    Dropped(DecodeError),
}

impl Run {
    fn new(options: u8) -> Self {
        let policy = match options & 0b11 {
            0 => RetryPolicy::whatwg(),
            1 => RetryPolicy::never(),
            2 => RetryPolicy::resilient().max_attempts(Some(3)),
            _ => RetryPolicy::resilient(),
        };
        let limits = match options >> 2 & 1 {
            0 => Limits::default(),
            _ => Limits::default().line(16).event(24),
        };
        let comments = options >> 3 & 1 == 1;
        let config = SessionConfig::new().policy(policy).limits(limits).comments(comments);
        Self {
            session: Session::new(config, u64::from(options), Instant::ORIGIN),
            now: Instant::ORIGIN,
            attempt: None,
            phase: Phase::Idle,
            twin: Decoder::with_limits(limits).comments(comments),
            due: VecDeque::new(),
            asks_for_events: options >> 4 & 1 == 1,
        }
    }

    fn respond(&mut self, operand: u8) {
        let Some(attempt) = self.attempt else { return };
        let (status, media_type, is_stream) = HEADS[usize::from(operand) % HEADS.len()];
        let retry_after = (operand & 1 == 1).then(|| Duration::from_secs(u64::MAX >> operand));
        let head = ResponseHead::new(status)
            .content_type(media_type.map(str::as_bytes))
            .retry_after(retry_after);
        self.session.handle_response(attempt, head, self.now);
        if self.phase == Phase::Requested {
            self.phase = if is_stream { Phase::Open } else { Phase::Over };
            if is_stream {
                self.twin.finish();
            }
        }
    }

    fn body(&mut self, body: &[u8]) {
        let Some(attempt) = self.attempt else { return };
        self.session.handle_body(attempt, body.to_vec().into(), self.now);
        if self.phase != Phase::Open {
            return;
        }
        let mut rest = body;
        while let Some(item) = self.twin.decode(&mut rest).transpose() {
            self.due.push_back(match item {
                Ok(Item::Event(event)) => Due::Event {
                    event_type: event.event_type.to_owned(),
                    data: event.data.to_owned(),
                    last_event_id: event.last_event_id.to_owned(),
                },
                Ok(Item::Comment { text, .. }) => Due::Comment(text.to_owned()),
                Ok(Item::ReconnectionTime { duration, .. }) => Due::ReconnectionTime(duration),
                Ok(item) => panic!("an item this target does not compare yet: {item:?}"),
                Err(error) => Due::Dropped(error),
            });
        }
    }

    fn end(&mut self, operand: u8) {
        let Some(attempt) = self.attempt else { return };
        match KINDS.get(usize::from(operand)) {
            Some(kind) => {
                self.session.handle_failure(attempt, Failure::new(*kind, "it failed"), self.now);
            }
            None => self.session.handle_end(attempt, self.now),
        }
        if matches!(self.phase, Phase::Requested | Phase::Open) {
            self.phase = Phase::Over;
        }
    }

    /// Time passes, with a reader that has taken all there was.
    fn wait(&mut self, time: Duration) {
        self.drain();
        self.now = self.now + time;
        self.session.handle_timeout(self.now);
        self.drain();
    }

    /// It is as late as the session asked to be woken.
    fn time_out(&mut self) {
        self.drain();
        let Some(deadline) = self.session.poll_timeout() else { return };
        self.now = self.now.max(deadline.at);
        self.session.handle_timeout(self.now);
        let outputs = self.drain();
        let after = self.session.poll_timeout();
        assert!(outputs > 0 || after != Some(deadline), "{deadline:?} leads to nothing");
    }

    /// The reader was away, or a report comes about an attempt that is over.
    fn be_late(&mut self, operand: u8) {
        self.drain();
        if operand & 1 == 1 {
            self.session.handle_reading(self.now);
        } else if self.phase == Phase::Over {
            self.respond(0);
        }
    }

    fn close(&mut self) {
        self.session.close();
        self.due.clear();
        self.phase = Phase::Closed;
        assert_eq!(self.session.ready_state(), ReadyState::Closed);
        assert_eq!(self.session.poll_timeout(), None);
    }

    fn drain(&mut self) -> usize {
        let mut outputs = 0;
        while self.poll() {
            outputs += 1;
            assert!(outputs < 1 << 20, "the outputs have no end");
        }
        assert!(self.due.is_empty(), "the session keeps {:?}", self.due);
        outputs
    }

    fn poll(&mut self) -> bool {
        if self.asks_for_events
            && let Some((event, _)) = self.session.poll_event()
        {
            let due = Due::Event {
                event_type: event.event_type.to_owned(),
                data: event.data.to_owned(),
                last_event_id: event.last_event_id.to_owned(),
            };
            assert_eq!(Some(due), self.due.pop_front());
            return true;
        }
        let Some(output) = self.session.poll_output() else { return false };
        let due = match output {
            Output::Connect { attempt, .. } => {
                assert_eq!(attempt.number(), self.attempt.map_or(1, |last| last.number() + 1));
                assert!(self.due.is_empty() && self.phase != Phase::Closed);
                self.attempt = Some(attempt);
                self.phase = Phase::Requested;
                return true;
            }
            Output::Disconnected { attempt, .. } => {
                assert_eq!(Some(attempt), self.attempt);
                assert!(self.due.is_empty(), "over, but this is due: {:?}", self.due);
                self.phase = Phase::Over;
                return true;
            }
            Output::Closed => {
                assert!(self.due.is_empty());
                self.phase = Phase::Closed;
                return true;
            }
            Output::Abort { attempt, .. } | Output::Opened { attempt, .. } => {
                assert_eq!(Some(attempt), self.attempt);
                return true;
            }
            Output::Event { event, .. } => Due::Event {
                event_type: event.event_type.to_owned(),
                data: event.data.to_owned(),
                last_event_id: event.last_event_id.to_owned(),
            },
            Output::Comment { text, .. } => Due::Comment(text.to_owned()),
            Output::ReconnectionTime { duration, .. } => Due::ReconnectionTime(duration),
            Output::Dropped(error) => Due::Dropped(error),
            output => panic!("an output this target does not know yet: {output:?}"),
        };
        assert_eq!(Some(due), self.due.pop_front());
        true
    }
}

/// Heads, and whether they are a stream's.
const HEADS: &[(u16, Option<&str>, bool)] = &[
    (200, Some("text/event-stream"), true),
    (200, Some("Text/Event-Stream; charset=utf-8"), true),
    (200, Some("text/html"), false),
    (200, None, false),
    (204, Some("text/event-stream"), false),
    (301, None, false),
    (401, None, false),
    (429, Some("text/event-stream"), false),
    (503, Some("application/json"), false),
];

const KINDS: &[FailureKind] = &[FailureKind::Refused, FailureKind::Tls];
