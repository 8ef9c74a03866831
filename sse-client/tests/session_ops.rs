//! Whatever is reported, in whatever order, a session keeps its laws.

#![forbid(unsafe_code)]

extern crate alloc;

use alloc::collections::VecDeque;
use core::time::Duration;

use proptest::{collection::vec, prelude::*};
use sse_client::session::{
    Attempt, Failure, FailureKind, Output, ReadyState, ResponseHead, RetryPolicy, Session,
    SessionConfig,
};
use sse_codec::time::Instant;

#[derive(Clone, Debug)]
enum Op {
    Respond(u16, &'static str),
    /// A numbered event, whole or cut in two.
    Body(Option<usize>),
    End,
    Fail(FailureKind),
    Advance(u64),
    /// Take so many outputs.
    Poll(u8),
    Close,
}

/// The attempt that a report is about: the latest, or the one before it.
type IsLate = bool;

fn ops() -> impl Strategy<Value = Vec<(Op, IsLate)>> {
    let status = prop_oneof![8 => Just(200), 1 => Just(204), 1 => Just(404), 2 => Just(503)];
    let media_type = prop_oneof![
        8 => Just("text/event-stream"),
        1 => Just("text/html"),
    ];
    let kind = prop_oneof![8 => Just(FailureKind::Refused), 1 => Just(FailureKind::Tls)];
    let op = prop_oneof![
        6 => (status, media_type).prop_map(|(status, kind)| Op::Respond(status, kind)),
        12 => proptest::option::of(0_usize..12).prop_map(Op::Body),
        3 => Just(Op::End),
        3 => kind.prop_map(Op::Fail),
        6 => (0_u64..120_000).prop_map(Op::Advance),
        12 => (1_u8..6).prop_map(Op::Poll),
        1 => Just(Op::Close),
    ];
    vec((op, prop::bool::weighted(0.1)), 0..200)
}

/// What the outputs so far allow next.
#[derive(Debug)]
struct Witness {
    latest: Option<Attempt>,
    before: Option<Attempt>,
    phase: Phase,
    /// The attempt whose reports count, and whether its head was a stream's.
    live: Option<(Attempt, bool)>,
    /// The numbers of the events that the session took in, and has not given out.
    due: VecDeque<u64>,
    aborted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Start,
    Connecting,
    Open,
    Waiting,
    GivenUp,
    Closed,
}

impl Witness {
    fn see(&mut self, output: &Output<'_>, closing: bool) {
        let was = self.phase;
        match output {
            Output::Connect { attempt, .. } => {
                assert!(!closing, "connects after the close");
                assert!(matches!(was, Phase::Start | Phase::Waiting), "connects while {was:?}");
                assert_eq!(attempt.number(), self.latest.map_or(1, |last| last.number() + 1));
                (self.before, self.latest) = (self.latest, Some(*attempt));
                self.live = Some((*attempt, false));
                self.aborted = false;
                self.phase = Phase::Connecting;
            }
            Output::Abort { attempt, .. } => {
                assert_eq!(self.latest, Some(*attempt));
                assert!(!self.aborted, "aborts twice");
                self.aborted = true;
            }
            Output::Opened { attempt, .. } => {
                assert_eq!((was, Some(*attempt)), (Phase::Connecting, self.latest));
                self.phase = Phase::Open;
            }
            Output::Event { event, .. } => {
                assert_eq!(was, Phase::Open);
                let due = self.due.pop_front().map(|number| number.to_string());
                assert_eq!(Some(event.data), due.as_deref(), "an event is lost or repeated");
                assert_eq!(event.last_event_id, event.data);
            }
            Output::Disconnected { attempt, retry_at, .. } => {
                assert!(
                    matches!(was, Phase::Connecting | Phase::Open),
                    "disconnects while {was:?}"
                );
                assert_eq!(Some(*attempt), self.latest);
                assert!(self.due.is_empty(), "disconnects before the last event");
                self.phase = if retry_at.is_some() { Phase::Waiting } else { Phase::GivenUp };
            }
            Output::Closed => {
                assert!(closing || was == Phase::GivenUp);
                assert_ne!(was, Phase::Closed);
                self.phase = Phase::Closed;
            }
            Output::Comment { .. } | Output::ReconnectionTime { .. } | Output::Dropped(_) | _ => {
                panic!("not in this script: {output:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn outputs_come_in_order_and_no_event_is_lost_or_repeated(ops in ops(), seed: u64) {
        let mut now = Instant::ORIGIN;
        let policy = RetryPolicy::resilient().idle_timeout(Some(Duration::from_secs(45)));
        let mut session = Session::new(SessionConfig::new().policy(policy), seed, now);
        let mut witness = Witness {
            latest: None,
            before: None,
            phase: Phase::Start,
            live: None,
            due: VecDeque::new(),
            aborted: false,
        };
        let mut closing = false;
        let mut number = 0;
        for (op, is_late) in ops {
            let about = if is_late { witness.before } else { witness.latest };
            let connecting = about.is_some() && witness.live == about.map(|about| (about, false));
            let open = about.is_some() && witness.live == about.map(|about| (about, true));
            match (op, about) {
                (Op::Advance(milliseconds), _) => {
                    now = now + Duration::from_millis(milliseconds);
                    if session.poll_timeout().is_some_and(|deadline| deadline.at <= now) {
                        witness.live = None;
                    }
                    session.handle_timeout(now);
                }
                (Op::Poll(outputs), _) => {
                    for _ in 0..outputs {
                        let Some(output) = session.poll_output() else { break };
                        let connects = matches!(output, Output::Connect { .. });
                        witness.see(&output, closing);
                        // Only an attempt that is over already has no time-out.
                        if connects && session.poll_timeout().is_none() {
                            witness.live = None;
                        }
                    }
                }
                (Op::Close, _) => {
                    session.close();
                    closing = true;
                    witness.live = None;
                    witness.due.clear();
                }
                (_, None) => {}
                (Op::Respond(status, kind), Some(about)) => {
                    let head = ResponseHead::new(status).content_type(Some(kind.as_bytes()));
                    session.handle_response(about, head, now);
                    if connecting {
                        let is_stream = status == 200 && kind == "text/event-stream";
                        witness.live = is_stream.then_some((about, true));
                    }
                }
                (Op::Body(cut), Some(about)) => {
                    number += 1;
                    let text = format!("id:{number}\ndata:{number}\n\n").into_bytes();
                    let (first, second) = text.split_at(cut.unwrap_or(text.len()).min(text.len()));
                    session.handle_body(about, first.to_vec().into(), now);
                    session.handle_body(about, second.to_vec().into(), now);
                    if open {
                        witness.due.push_back(number);
                    }
                }
                (Op::End, Some(about)) => {
                    session.handle_end(about, now);
                    if connecting || open {
                        witness.live = None;
                    }
                }
                (Op::Fail(kind), Some(about)) => {
                    session.handle_failure(about, Failure::new(kind, "it failed"), now);
                    if connecting || open {
                        witness.live = None;
                    }
                }
            }
            if closing {
                prop_assert_eq!(session.ready_state(), ReadyState::Closed);
                prop_assert_eq!(session.poll_timeout(), None);
                prop_assert!(!session.wants_body());
            }
        }
        while let Some(output) = session.poll_output() {
            witness.see(&output, closing);
        }
        if witness.phase == Phase::Closed {
            prop_assert_eq!(session.ready_state(), ReadyState::Closed);
            session.handle_timeout(now + Duration::from_secs(1 << 30));
            prop_assert!(session.poll_output().is_none());
        }
    }
}
