//! The task that reads the stream and writes the log.

use alloc::sync::Arc;
use core::time::Duration;

use sse_client::{
    EventSource, RetryPolicy, Update, Updates,
    session::{ErrorKind, FailureKind, SessionError},
};

use crate::{
    log::{Content, Log},
    request::{Reconnect, WatchRequest},
    row::RowKind,
    state::{Failure, Fault, State},
    words,
};

/// Reads until the stream is over for good.
pub(crate) async fn read(request: WatchRequest, log: Arc<Log>) {
    let mut reader = Reader {
        url: request.url(),
        secrets: request.secrets(),
        reconnect: request.reconnect,
        attempt: 0,
        log,
    };
    match open(request) {
        Ok(updates) => reader.follow(updates).await,
        Err(sentence) => reader.fail(Fault::Request, sentence),
    }
}

fn open(request: WatchRequest) -> Result<Updates, String> {
    let policy = match request.reconnect {
        Reconnect::Always | Reconnect::OnceOpened => RetryPolicy::resilient(),
        Reconnect::Never => RetryPolicy::never(),
    };
    let mut builder = EventSource::builder(request.url).policy(policy);
    if !request.last_event_id.is_empty() {
        builder = builder.last_event_id(request.last_event_id);
    }
    for (name, value) in &request.headers {
        builder = builder.header(name.as_str(), value);
    }
    builder.open_updates().map_err(|error| error.to_string())
}

struct Reader {
    url: String,
    secrets: Vec<String>,
    reconnect: Reconnect,
    /// The attempt under way, from 1.
    attempt: u32,
    log: Arc<Log>,
}

impl Reader {
    async fn follow(&mut self, mut updates: Updates) {
        let mut is_open = false;
        let mut was_open = false;
        loop {
            self.log.room().await;
            let Some(update) = updates.next().await else { return };
            match update {
                Update::Event(event) => self.log.write(Content {
                    kind: RowKind::Event,
                    event_type: event.event_type(),
                    id: event.last_event_id(),
                    data: event.data(),
                }),
                Update::Comment { text, .. } => self.log.write(plain(RowKind::Comment, &text)),
                Update::ReconnectionTime { duration, .. } => self.reconnection_time(duration),
                Update::Dropped(error) => {
                    self.log.write(plain(RowKind::DecodeError, &error.to_string()));
                }
                Update::Connecting { attempt, last_event_id, id_is_sent, .. } => {
                    is_open = false;
                    self.attempt = u32::try_from(attempt.number()).unwrap_or(u32::MAX);
                    self.connecting(&last_event_id, id_is_sent);
                }
                Update::Redirected { status, location, .. } => {
                    let sentence = words::redirected(status.as_u16(), &location);
                    let kind = RowKind::Redirected { status: status.as_u16() };
                    self.log.write(plain(kind, &sentence));
                }
                Update::Opened { head, .. } => {
                    (is_open, was_open) = (true, true);
                    let sentence = words::connected(head.status.as_u16(), head.version);
                    let kind = RowKind::Connected { status: head.status.as_u16() };
                    let attempt = self.attempt;
                    self.log.turn(plain(kind, &sentence), |_| State::Open { attempt });
                }
                Update::Disconnected { error, retry_in, .. } => {
                    let retry_in = match self.reconnect {
                        Reconnect::OnceOpened if !was_open => None,
                        Reconnect::OnceOpened | Reconnect::Always | Reconnect::Never => retry_in,
                    };
                    let last_event_id = updates.last_event_id();
                    self.log.last_event_id(last_event_id);
                    match retry_in {
                        Some(wait) => self.wait(&error, wait, is_open, last_event_id),
                        // Dropping the updates keeps it from being tried again.
                        None => {
                            return self.fail(fault(&error), words::failure(&error, &self.secrets));
                        }
                    }
                }
                Update::Closed => return,
                // A kind of update that this version does not know has no row.
                _ => {}
            }
        }
    }

    fn connecting(&self, last_event_id: &str, id_is_sent: bool) {
        let sentence = words::connecting(&self.url, self.attempt, last_event_id, id_is_sent);
        let id = if id_is_sent { last_event_id } else { "" };
        let kind = RowKind::Connecting;
        let attempt = self.attempt;
        self.log.last_event_id(last_event_id);
        self.log.turn(Content { kind, event_type: "", id, data: &sentence }, |_| {
            State::Connecting { attempt }
        });
    }

    fn reconnection_time(&self, duration: Duration) {
        let kind = RowKind::ReconnectionTime { wait_ms: milliseconds(duration) };
        self.log.write(plain(kind, &words::reconnection_time(duration)));
    }

    fn wait(&self, error: &SessionError, wait: Duration, was_open: bool, last_event_id: &str) {
        let failure =
            Failure { fault: fault(error), sentence: words::failure(error, &self.secrets) };
        let sentence = words::lost(&failure.sentence, was_open, wait, last_event_id);
        let retry_in_ms = Some(milliseconds(wait));
        let kind = RowKind::Disconnected { fault: failure.fault, retry_in_ms };
        let content = Content { kind, event_type: "", id: last_event_id, data: &sentence };
        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.log.turn(content, |now| State::Waiting {
            retry_at_unix_micros: now.unix_micros.saturating_add(wait),
            failure,
        });
    }

    fn fail(&self, fault: Fault, sentence: String) {
        let kind = RowKind::Disconnected { fault, retry_in_ms: None };
        let row = sentence.clone();
        self.log
            .turn(plain(kind, &row), |_| State::Failed { failure: Failure { fault, sentence } });
    }
}

/// A row without type and ID.
const fn plain(kind: RowKind, data: &str) -> Content<'_> {
    Content { kind, event_type: "", id: "", data }
}

fn fault(error: &SessionError) -> Fault {
    // An end without its announcement is the connection's, not the server's.
    if matches!(error, SessionError::Transport(f) if f.kind == FailureKind::Interrupted) {
        return Fault::Connect;
    }
    match error.kind() {
        ErrorKind::Request => Fault::Request,
        ErrorKind::Connect => Fault::Connect,
        ErrorKind::Tls => Fault::Tls,
        ErrorKind::Timeout => Fault::TimedOut,
        ErrorKind::Http if RetryPolicy::resilient().retries(error) => Fault::Unavailable,
        ErrorKind::Http => Fault::Http,
        ErrorKind::Protocol => Fault::Protocol,
        ErrorKind::Ended => Fault::Ended,
        _ => Fault::Other,
    }
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
