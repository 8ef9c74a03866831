//! The driver: an `sse-client` session on a connection of its own, so that every step of connecting
//! and every read is seen.

mod call;
mod dial;
mod exchange;
mod expansion;
mod failure;
mod head;
mod inflate;
mod line;
mod pipe;
mod proxy;
mod socks;
mod tls;
mod verifier;

use alloc::sync::Arc;
use core::{future::poll_fn, hash::BuildHasher, pin::Pin, task::Poll, time::Duration};
use std::hash::RandomState;

use bytes::Bytes;
use http::header;
use sse_client::{
    RetryPolicy,
    session::{
        Attempt, ErrorKind, FailureKind, Output, ReadyState, ResponseHead, Session, SessionConfig,
        SessionError,
    },
};
use sse_codec::{EventId, Limits, time::Instant};
use tokio::{
    sync::{
        Notify,
        mpsc::{self, UnboundedReceiver},
    },
    time,
};

pub use call::{Answer, Caller};
pub use expansion::Expansion;
pub(crate) use proxy::{ProxyChoice, check as check_proxy};
pub use tls::CertificateError;
pub(crate) use tls::{Trust, authorities, identity};

use crate::{
    journal::turn::{Format, Turn},
    log::Log,
    request::{Reconnect, WatchRequest},
    row::RowKind,
    state::{Failure, Fault, State},
    words,
};
use exchange::{Redirected, Template};
pub(crate) use inflate::ACCEPTED;
use inflate::Inflate;
use line::{Body, Response};

/// What stands before a value in its line.
const LONGEST_NAME: usize = "event: ".len();

type SessionFailure = sse_client::session::Failure;
type Answering = Pin<Box<dyn Future<Output = Result<Response, SessionFailure>> + Send>>;

/// Reads until the stream is over for good.
pub(crate) async fn follow(request: WatchRequest, log: Arc<Log>, reconnects: Arc<Notify>) {
    let policy = match request.reconnect {
        Reconnect::Always | Reconnect::OnceOpened | Reconnect::UntilOpened => {
            // One who watches a stream whose connections are short is no crowd, and wants to see what comes: growing
            // waits are for a server that brings nothing.
            RetryPolicy::resilient().steady_on_event(true)
        }
        Reconnect::Never => RetryPolicy::never(),
    };
    let mut config = SessionConfig::new().policy(policy).limits(of_ids(request.limits));
    if let Ok(id) = EventId::new(request.last_event_id.clone()) {
        config = config.last_event_id(id);
    }
    // Keyed from the system's randomness: enough to spread waits, and no dependency.
    let seed = RandomState::new().hash_one(());
    let driver = Driver {
        session: Session::new(config, seed, Instant::ORIGIN),
        started: time::Instant::now(),
        url: request.url(),
        secrets: request.secrets(),
        expansion: request.expansion,
        reconnect: request.reconnect,
        reconnects,
        template: head::template(&request),
        log,
        phase: Phase::Idle,
        attempt: 0,
        is_open: false,
        was_open: false,
        cut_coding: None,
        head: None,
    };
    driver.run().await;
}

/// As much of a stream as the session must hold to know the last event ID, which it learns of events that
/// are longer too: the rows are decoded from what is kept, and an event must not be held twice.
fn of_ids(limits: Limits) -> Limits {
    let line = limits.line.min(limits.value.saturating_add(LONGEST_NAME));
    limits.line(line).event(limits.event.min(line))
}

struct Driver {
    session: Session,
    started: time::Instant,
    url: String,
    /// What a server may repeat and nobody should read.
    secrets: Vec<String>,
    expansion: Expansion,
    reconnect: Reconnect,
    /// Tells that somebody wants the next attempt now.
    reconnects: Arc<Notify>,
    template: Arc<Template>,
    log: Arc<Log>,
    phase: Phase,
    /// The attempt under way, from 1.
    attempt: u32,
    is_open: bool,
    was_open: bool,
    /// The content coding of a body that ended before it did.
    cut_coding: Option<&'static str>,
    /// Of the response that the session judges.
    head: Option<head::Seen>,
}

enum Phase {
    Idle,
    Requesting { attempt: Attempt, answer: Answering, redirects: UnboundedReceiver<Redirected> },
    Reading(Reading),
}

struct Reading {
    attempt: Attempt,
    body: Body,
    format: Format,
    inflate: Option<Box<Inflate>>,
    /// Bytes that came and are not decoded yet.
    coded: Bytes,
    /// How many bytes came for the next piece that is written.
    wire: usize,
}

/// What came.
enum Input {
    Redirected(Redirected),
    Response(Attempt, Result<Response, SessionFailure>),
    Chunk(Bytes),
    End,
    Failure(SessionFailure),
}

impl Driver {
    async fn run(mut self) {
        loop {
            if !self.act() || self.log.is_over() {
                return;
            }
            let deadline = self.session.poll_timeout();
            let timer = async {
                match deadline.and_then(|d| self.started.checked_add(d.at.since_origin())) {
                    Some(at) => time::sleep_until(at).await,
                    None => core::future::pending().await,
                }
            };
            let wants_body = self.session.wants_body();
            // What has arrived in time counts, even if it is looked at late: so input comes first.
            tokio::select! {
                biased;
                input = self.phase.input(wants_body) => self.feed(input).await,
                () = self.reconnects.notified() => self.session.reconnect(self.now()),
                () = timer => self.session.handle_timeout(self.now()),
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.started.elapsed())
    }

    /// Does what the session says; false once it is over.
    fn act(&mut self) -> bool {
        let now = self.now();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect { attempt, last_event_id, header, .. } => {
                    (self.is_open, self.cut_coding) = (false, None);
                    self.attempt = u32::try_from(attempt.number()).unwrap_or(u32::MAX);
                    let id = header.map(<[u8]>::to_vec);
                    let last_event_id = last_event_id.to_owned();
                    self.connect(attempt, &last_event_id, id);
                }
                Output::Abort { .. } => self.phase = Phase::Idle,
                Output::Opened { .. } => self.opened(),
                Output::Disconnected { error, retry_at, .. } => {
                    let wait = retry_at.map(|at| at - now);
                    let may_retry = match self.reconnect {
                        Reconnect::OnceOpened => self.was_open,
                        Reconnect::UntilOpened => !self.was_open,
                        Reconnect::Always | Reconnect::Never => true,
                    };
                    let id = self.session.last_event_id().to_owned();
                    self.log.last_event_id(&id);
                    match wait.filter(|_| may_retry) {
                        Some(wait) => self.wait(&error, wait, &id),
                        None => {
                            self.fail(&error);
                            return false;
                        }
                    }
                }
                Output::Closed => return false,
                // The rows are made of the bytes; the session only needs to have seen them.
                Output::Event { .. }
                | Output::Comment { .. }
                | Output::ReconnectionTime { .. }
                | Output::Dropped(_) => {}
                _ => {}
            }
        }
        self.session.ready_state() != ReadyState::Closed
    }

    fn connect(&mut self, attempt: Attempt, last_event_id: &str, id: Option<Vec<u8>>) {
        let sentence = words::connecting(&self.url, self.attempt, last_event_id, id.is_some());
        let mut turn = Turn::new(RowKind::Connecting, sentence);
        if id.is_some() {
            turn = turn.id(last_event_id);
        }
        turn.request = Some(head::request(&self.template, &self.url, id.as_deref()));
        self.log.last_event_id(last_event_id);
        let attempt_number = self.attempt;
        self.log.turn(&turn, |_| State::Connecting { attempt: attempt_number });
        let (told, redirects) = mpsc::unbounded_channel();
        let template = Arc::clone(&self.template);
        let answer: Answering = Box::pin(async move { template.send(id, told).await });
        self.phase = Phase::Requesting { attempt, answer, redirects };
    }

    fn opened(&mut self) {
        (self.is_open, self.was_open) = (true, true);
        let Some(seen) = self.head.take() else { return };
        let kind = RowKind::Connected { status: seen.response.status };
        let sentence = words::connected(seen.response.status, &seen.response.version);
        let mut turn = Turn::new(kind, sentence);
        let format = seen.response.format;
        turn.response = Some(seen.response);
        turn.phases = Some(seen.phases);
        let attempt = self.attempt;
        self.log.turn(&turn, |_| State::Open { attempt });
        self.log.begin_body(format);
    }

    async fn feed(&mut self, input: Input) {
        match input {
            Input::Redirected(Redirected { status, location, kept_back }) => {
                let status = status.as_u16();
                let sentence = words::redirected(status, &location, &kept_back);
                self.log.write(&Turn::new(RowKind::Redirected { status }, sentence));
            }
            Input::Response(attempt, Ok(response)) => self.answered(attempt, response),
            Input::Response(attempt, Err(failure)) => {
                self.session.handle_failure(attempt, failure, self.now());
            }
            Input::Chunk(chunk) => self.chunk(chunk).await,
            Input::End => {
                if let Phase::Reading(Reading { attempt, inflate, .. }) = &self.phase {
                    let cut = inflate.as_deref().filter(|inflate| inflate.is_cut());
                    self.cut_coding = cut.map(Inflate::name);
                    self.session.handle_end(*attempt, self.now());
                }
                self.phase = Phase::Idle;
            }
            Input::Failure(failure) => {
                if let Phase::Reading(Reading { attempt, .. }) = self.phase {
                    self.session.handle_failure(attempt, failure, self.now());
                }
                self.phase = Phase::Idle;
            }
        }
    }

    fn answered(&mut self, attempt: Attempt, response: Response) {
        let now = self.now();
        let value = |name| response.headers.get(name).map(http::HeaderValue::as_bytes);
        let coding = value(header::CONTENT_ENCODING).and_then(|v| core::str::from_utf8(v).ok());
        let coding = coding.map(|coding| coding.trim().to_ascii_lowercase());
        let inflate =
            coding.and_then(|coding| Inflate::of(&coding, self.expansion, time::Instant::now()));
        let inflate = inflate.map(Box::new);
        let content_type = value(header::CONTENT_TYPE);
        let format = head::format(content_type);
        // To the session lines of JSON are another form of event stream.
        let stands_for = match format {
            Format::Ndjson => Some(&b"text/event-stream"[..]),
            Format::EventStream => content_type,
        };
        let still_coded = value(header::CONTENT_ENCODING).filter(|_| inflate.is_none());
        let head = ResponseHead::new(response.status.as_u16())
            .content_type(stands_for)
            .content_encoding(still_coded)
            .retry_after(exchange::retry_after(&response.headers));
        self.head = Some(head::Seen::of(&response, format, inflate.as_deref().map(Inflate::name)));
        self.session.handle_response(attempt, head, now);
        self.phase = Phase::Reading(Reading {
            attempt,
            body: response.body,
            format,
            inflate,
            coded: Bytes::new(),
            wire: 0,
        });
    }

    async fn chunk(&mut self, chunk: Bytes) {
        let Phase::Reading(reading) = &mut self.phase else { return };
        let wire = core::mem::take(&mut reading.wire);
        let (attempt, format) = (reading.attempt, reading.format);
        // An answer that is no stream says why, and only the session hears that.
        let events = self.log.events();
        if self.is_open {
            self.log.body(&chunk, wire).await;
        }
        let now = self.now();
        // Where the log had no room the silence since was ours.
        self.session.handle_reading(now);
        let chunk = match format {
            Format::EventStream => chunk,
            // It needs to know only that something came, and whether that is an event.
            Format::Ndjson if self.log.events() != events => Bytes::from_static(b"data:\n\n"),
            Format::Ndjson => Bytes::from_static(b":\n"),
        };
        self.session.handle_body(attempt, chunk, now);
    }

    /// What ended the connection, and whether that was within an event.
    fn failure(&self, error: &SessionError) -> (Failure, bool) {
        let is_within_event = self.is_open && self.log.is_within_event();
        let sentence = words::failure(error, &self.secrets);
        let sentence = words::cut(sentence, is_within_event, self.cut_coding);
        // A body that ends before its compression does broke off, however well its end was announced.
        let fault = if self.cut_coding.is_some() { Fault::Connect } else { fault(error) };
        (Failure { fault, sentence }, is_within_event)
    }

    fn wait(&self, error: &SessionError, wait: Duration, last_event_id: &str) {
        let (failure, unfinished) = self.failure(error);
        let sentence = words::lost(&failure.sentence, self.is_open, wait, last_event_id);
        let retry_in_ms = Some(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        let kind = RowKind::Disconnected { fault: failure.fault, retry_in_ms };
        let mut turn = Turn::new(kind, sentence).id(last_event_id);
        turn.unfinished = unfinished;
        turn.response = self.head.as_ref().map(|seen| seen.response.clone());
        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.log.turn(&turn, |now| State::Waiting {
            retry_at_unix_micros: now.unix_micros.saturating_add(wait),
            failure,
        });
    }

    fn fail(&self, error: &SessionError) {
        let (failure, unfinished) = self.failure(error);
        let kind = RowKind::Disconnected { fault: failure.fault, retry_in_ms: None };
        let mut turn = Turn::new(kind, failure.sentence.clone());
        turn.unfinished = unfinished;
        turn.response = self.head.as_ref().map(|seen| seen.response.clone());
        self.log.turn(&turn, |_| State::Failed { failure });
    }
}

impl Phase {
    /// What comes next. Reads a body only while it is wanted. Cancelling this loses nothing.
    async fn input(&mut self, wants_body: bool) -> Input {
        match self {
            Self::Requesting { attempt, answer, redirects } => {
                tokio::select! {
                    biased;
                    Some(redirected) = redirects.recv() => Input::Redirected(redirected),
                    response = answer => {
                        let attempt = *attempt;
                        *self = Self::Idle;
                        Input::Response(attempt, response)
                    }
                }
            }
            Self::Reading(reading) if wants_body => poll_fn(|cx| reading.poll(cx)).await,
            Self::Idle | Self::Reading(_) => core::future::pending().await,
        }
    }
}

impl Reading {
    fn poll(&mut self, cx: &mut core::task::Context<'_>) -> Poll<Input> {
        loop {
            if let Some(inflate) = &mut self.inflate {
                match inflate.next(&mut self.coded) {
                    Ok(Some(piece)) => return Poll::Ready(Input::Chunk(piece)),
                    Ok(None) => {}
                    Err(failure) => return Poll::Ready(Input::Failure(failure)),
                }
            }
            match core::task::ready!(self.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => {
                    self.wire += chunk.len();
                    match &mut self.inflate {
                        Some(inflate) => {
                            inflate.received(time::Instant::now());
                            self.coded = chunk;
                        }
                        None => return Poll::Ready(Input::Chunk(chunk)),
                    }
                }
                Some(Err(failure)) => return Poll::Ready(Input::Failure(failure)),
                None => return Poll::Ready(Input::End),
            }
        }
    }
}

fn fault(error: &SessionError) -> Fault {
    let is_of = |kind| matches!(error, SessionError::Transport(failure) if failure.kind == kind);
    // An end without its announcement is the connection's, not the server's.
    if is_of(FailureKind::Interrupted) {
        return Fault::Connect;
    }
    // A request that is answered was good enough.
    if is_of(FailureKind::Redirect) {
        return Fault::Http;
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
