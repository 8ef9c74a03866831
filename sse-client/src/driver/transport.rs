//! The socket side: does what the session says, and reports what comes.

use alloc::{borrow::ToOwned, boxed::Box, format, string::String};
use core::{
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_LOCATION, Entry, LOCATION, SET_COOKIE},
};
use reqwest::{Body, Response};
use sse_codec::time::Instant;

#[cfg(feature = "gzip")]
use super::inflate::Inflate;
use super::{
    body::Incoming,
    failure::place,
    request::{Answer, Hop, Provided, Template, Turn},
    time::Clock,
    update::{Head, Update},
};
use crate::{
    event::Event,
    session::{Attempt, Failure, FailureKind, Output, Words},
};

pub(super) struct Transport {
    template: Template,
    phase: Phase,
    /// The head of the response that the session is judging.
    head: Option<Box<Head>>,
    /// Who gave it.
    place: String,
}

enum Phase {
    Idle,
    /// The caller makes the headers.
    Preparing {
        attempt: Attempt,
        hop: Hop,
        headers: Provided,
        until: Instant,
    },
    Requesting {
        attempt: Attempt,
        hop: Hop,
        answer: Answer,
    },
    Reading {
        attempt: Attempt,
        body: Incoming,
    },
}

/// What the transport has to report.
pub(super) enum Input {
    /// The caller has made the headers, and the request is on its way.
    Sent,
    Redirected(Update),
    Response(Attempt),
    Body(Attempt, Bytes),
    End(Attempt),
    Failure(Attempt, Failure),
}

impl Transport {
    pub(super) fn new(template: Template) -> Self {
        Self { template, phase: Phase::Idle, head: None, place: String::new() }
    }

    /// Who gave the latest response, for a sentence.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The head of the latest response.
    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_deref()
    }

    /// Whether the body comes as its sender meant it, whatever coding the head names.
    pub(super) fn inflates(&self) -> bool {
        matches!(&self.phase, Phase::Reading { body, .. } if body.is_inflated())
    }

    /// Does what an output says, and turns it into what the reader is told, if anything.
    pub(super) fn act(&mut self, output: Output<'_>, clock: &mut Clock) -> Option<Update> {
        Some(match output {
            Output::Connect { attempt, last_event_id, header } => {
                let hop = self.template.first(header);
                self.phase = match &mut self.template.provider {
                    Some(provider) => {
                        let headers = provider(attempt);
                        let until = clock.now() + self.template.patience;
                        Phase::Preparing { attempt, hop, headers, until }
                    }
                    None => {
                        let answer = self.template.send(&hop);
                        Phase::Requesting { attempt, hop, answer }
                    }
                };
                let (last_event_id, id_is_sent) = (last_event_id.to_owned(), header.is_some());
                Update::Connecting { attempt, last_event_id, id_is_sent }
            }
            Output::Abort { .. } => {
                self.let_go();
                return None;
            }
            Output::Opened { attempt } => Update::Opened { attempt, head: self.head.take()? },
            Output::Event { event, is_repeat } => {
                Update::Event(Event::from(event).repeated(is_repeat))
            }
            Output::Comment { text, span } => Update::Comment { text: text.to_owned(), span },
            Output::ReconnectionTime { duration, span } => {
                Update::ReconnectionTime { duration, span }
            }
            Output::Dropped(error) => Update::Dropped(error),
            Output::Disconnected { attempt, error, retry_at } => {
                let head = self.head.take();
                let retry_in = retry_at.map(|at| whole_millis(at - clock.now()));
                Update::Disconnected { attempt, error, head, retry_in }
            }
            Output::Closed => Update::Closed,
        })
    }

    /// By when the caller is to have made the headers, if that is what is waited for.
    pub(super) fn preparing_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Preparing { until, .. } => Some(until),
            Phase::Idle | Phase::Requesting { .. } | Phase::Reading { .. } => None,
        }
    }

    /// Counts that time from `now`, since until now nobody listened.
    pub(super) fn reading(&mut self, now: Instant) {
        if let Phase::Preparing { until, .. } = &mut self.phase {
            *until = now + self.template.patience;
        }
    }

    /// Waits no longer for the caller's headers.
    pub(super) fn give_up_preparing(&mut self) -> Option<Input> {
        let Phase::Preparing { attempt, .. } = self.phase else { return None };
        self.phase = Phase::Idle;
        let message = format!(
            "the headers for the request (`headers_with`) were not there within {}: nothing was sent",
            Words(self.template.patience)
        );
        Some(Input::Failure(attempt, Failure::new(FailureKind::TimedOut, message)))
    }

    /// Drops the request and its connection.
    pub(super) fn let_go(&mut self) {
        self.phase = Phase::Idle;
    }

    /// What has come. Reads a body only while it is wanted.
    pub(super) fn poll(
        &mut self,
        wants_body: bool,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Input> {
        if let Phase::Preparing { attempt, headers, .. } = &mut self.phase {
            let attempt = *attempt;
            match ready!(headers.as_mut().poll(cx)) {
                Ok(headers) => {
                    self.prepared(headers);
                    return Poll::Ready(Input::Sent);
                }
                Err(failure) => {
                    self.phase = Phase::Idle;
                    return Poll::Ready(Input::Failure(attempt, failure));
                }
            }
        }
        match &mut self.phase {
            Phase::Idle | Phase::Preparing { .. } => Poll::Pending,
            Phase::Requesting { attempt, answer, .. } => {
                let attempt = *attempt;
                let result = ready!(answer.as_mut().poll(cx));
                Poll::Ready(match result {
                    Ok(response) => self.answered(attempt, response, now),
                    Err(failure) => {
                        self.phase = Phase::Idle;
                        Input::Failure(attempt, failure)
                    }
                })
            }
            Phase::Reading { .. } if !wants_body => Poll::Pending,
            Phase::Reading { attempt, body } => {
                let attempt = *attempt;
                let input = match ready!(body.poll(now, cx)) {
                    Some(Ok(chunk)) => return Poll::Ready(Input::Body(attempt, chunk)),
                    Some(Err(failure)) => Input::Failure(attempt, failure),
                    None => Input::End(attempt),
                };
                self.phase = Phase::Idle;
                Poll::Ready(input)
            }
        }
    }

    fn prepared(&mut self, headers: HeaderMap) {
        match core::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Preparing { attempt, mut hop, .. } => {
                hop.provide(headers);
                let answer = self.template.send(&hop);
                self.phase = Phase::Requesting { attempt, hop, answer };
            }
            other @ (Phase::Idle | Phase::Requesting { .. } | Phase::Reading { .. }) => {
                self.phase = other;
            }
        }
    }

    fn answered(&mut self, attempt: Attempt, response: Response, now: Instant) -> Input {
        let Phase::Requesting { hop, .. } = core::mem::replace(&mut self.phase, Phase::Idle) else {
            return Input::End(attempt);
        };
        let status = response.status();
        match hop.turn(status, response.headers(), self.template.redirects) {
            Turn::Answer => {
                let url = response.url().clone();
                let version = response.version();
                let (head, body) = http::Response::<Body>::from(response).into_parts();
                self.place = place(&url) + if hop.is_first() { "" } else { ", after a redirect," };
                let url_shown = url.as_str().to_owned();
                let body = self.incoming(Incoming::new(body, url), &head.headers, now);
                let headers = hidden(head.headers);
                self.head = Some(Box::new(Head { url: url_shown, status, version, headers }));
                self.phase = Phase::Reading { attempt, body };
                Input::Response(attempt)
            }
            Turn::Redirect(hop) => {
                let location = hop.url().as_str().to_owned();
                let answer = self.template.send(&hop);
                self.phase = Phase::Requesting { attempt, hop, answer };
                Input::Redirected(Update::Redirected { attempt, status, location })
            }
            Turn::Astray(failure) => Input::Failure(attempt, failure),
        }
    }
}

impl Transport {
    /// A body by what the answer's head says of it.
    #[cfg(feature = "gzip")]
    fn incoming(&self, body: Incoming, headers: &HeaderMap, now: Instant) -> Incoming {
        match Inflate::knows(headers) {
            true => body.inflated(self.template.expansion, now),
            false => body,
        }
    }

    #[cfg(not(feature = "gzip"))]
    fn incoming(&self, body: Incoming, _: &HeaderMap, _: Instant) -> Incoming {
        body
    }
}

/// Up to the next millisecond: who asked for 7 s need not read of 6.999 s and something.
fn whole_millis(time: Duration) -> Duration {
    let rest = time.subsec_nanos() % 1_000_000;
    // A wait without end is as long as there is time.
    let missing = Duration::from_nanos(u64::from((1_000_000 - rest) % 1_000_000));
    time.saturating_add(missing)
}

/// With what a server gave for us alone, and URLs, kept out of debug output.
fn hidden(mut headers: HeaderMap) -> HeaderMap {
    for name in [SET_COOKIE, LOCATION, CONTENT_LOCATION] {
        if let Entry::Occupied(mut values) = headers.entry(name) {
            values.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
    headers
}
