//! Scripts in virtual time: one behaviour each.

mod answers;
mod attempts;
mod body;
mod resume;
mod silence;
mod waits;

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::*;

const STREAM: ResponseHead<'_> = ResponseHead::new(200).content_type(Some(b"text/event-stream"));

/// A session, its clock, and its outputs in words.
struct Script {
    session: Session,
    now: Instant,
    attempt: Attempt,
}

impl Script {
    fn new(config: SessionConfig) -> Self {
        Self::seeded(config, 0)
    }

    fn seeded(config: SessionConfig, seed: u64) -> Self {
        let now = Instant::ORIGIN;
        Self { session: Session::new(config, seed, now), now, attempt: Attempt(1) }
    }

    fn open(&mut self) {
        self.outputs();
        self.respond(STREAM);
        self.outputs();
    }

    /// Ends the body, and opens the next.
    fn reopen(&mut self) {
        self.outputs();
        self.end();
        self.outputs();
        self.wait();
        self.open();
    }

    fn respond(&mut self, head: ResponseHead<'_>) {
        self.session.handle_response(self.attempt, head, self.now);
    }

    /// An answer that is no stream, and has no body.
    fn refuse(&mut self, head: ResponseHead<'_>) {
        self.respond(head);
        self.end();
    }

    fn body(&mut self, text: &str) {
        self.session.handle_body(self.attempt, Bytes::copy_from_slice(text.as_bytes()), self.now);
    }

    fn end(&mut self) {
        self.session.handle_end(self.attempt, self.now);
    }

    fn fail(&mut self, kind: FailureKind) {
        let failure = Failure::new(kind, "it failed");
        self.session.handle_failure(self.attempt, failure, self.now);
    }

    fn advance(&mut self, time: Duration) {
        self.now = self.now + time;
        self.session.handle_timeout(self.now);
    }

    /// Jumps to the deadline.
    fn wait(&mut self) {
        self.now = self.session.poll_timeout().unwrap().at.max(self.now);
        self.session.handle_timeout(self.now);
    }

    fn timer(&self) -> Option<Timer> {
        self.session.poll_timeout().map(|deadline| deadline.timer)
    }

    /// What the failure that comes next says beside its sentence.
    fn body_of_failure(&mut self) -> String {
        match self.session.poll_output() {
            Some(Output::Disconnected { error, .. }) => error.body().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn outputs(&mut self) -> Vec<String> {
        let mut words = vec![];
        while let Some(output) = self.session.poll_output() {
            words.push(match output {
                Output::Connect { attempt, last_event_id, header } => {
                    self.attempt = attempt;
                    match (last_event_id, header) {
                        ("", None) => format!("connect {attempt}"),
                        (id, None) => format!("connect {attempt} without {id}"),
                        (id, Some(sent)) => {
                            assert_eq!(id.as_bytes(), sent);
                            format!("connect {attempt} from {id}")
                        }
                    }
                }
                Output::Abort { attempt } => format!("abort {attempt}"),
                Output::Opened { attempt } => format!("opened {attempt}"),
                Output::Event { event, is_repeat } => {
                    let Event { event_type, data, last_event_id, .. } = event;
                    let again = if is_repeat { " again" } else { "" };
                    format!("{event_type} {data} ({last_event_id}){again}")
                }
                Output::Comment { text, .. } => format!("comment {text:?}"),
                Output::ReconnectionTime { duration, .. } => format!("retry {duration:?}"),
                Output::Dropped(error) => format!("dropped: {error}"),
                Output::Disconnected { attempt, error, retry_at: None } => {
                    format!("disconnected {attempt}: {error}")
                }
                Output::Disconnected { attempt, error, retry_at: Some(at) } => {
                    format!("disconnected {attempt}: {error}; again at {:?}", at.since_origin())
                }
                Output::Closed => "closed".to_owned(),
            });
        }
        words
    }
}

/// Waits for so many milliseconds exactly, and is `resilient` otherwise.
fn exact(milliseconds: u64) -> RetryPolicy {
    RetryPolicy::resilient().no_backoff().reconnection_time(Duration::from_millis(milliseconds))
}
