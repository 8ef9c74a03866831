//! Responses: the few forms there are.

use core::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use sse_codec::{Frame, OutgoingEvent};
use sse_server_core::{AdmissionError, PublishError, StoreError, SubscribeError, TicketError};

use crate::{body::Body, hub::Hub, hub_task::Refused};

/// After how long it is worth to try again where there was no place.
const CROWDED: Duration = Duration::from_secs(10);

/// A refusal: a status, and a sentence that says what is wrong and what to do.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    sentence: String,
    allow: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl core::fmt::Display) -> Self {
        Self { status, sentence: sentence(&reason.to_string()), allow: None, retry_after: None }
    }

    pub(crate) fn bad_request(reason: impl core::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// 405, with the methods that there are.
    pub(crate) fn method(method: &http::Method, path: &str, allow: &'static str) -> Self {
        let reason = format!("{path} takes {allow}, not {method}");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, reason) }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response =
            json(self.status, &serde_json::json!({ "error": self.sentence }).to_string());
        let headers = response.headers_mut();
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if self.is_for_now() {
            headers.insert(header::RETRY_AFTER, self.retry_seconds().into());
        }
        response
    }

    /// Whether it would be another answer later.
    pub(crate) fn is_for_now(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    /// A stream that says when to come back and ends, for clients to which another status would
    /// mean never.
    pub(crate) fn into_stream(self, jitter: u16) -> Response<Body> {
        let millis = self.retry_seconds() * 1000;
        // Up to half as long again, so that those who were refused together come back apart.
        let retry = millis + millis / 2 * u64::from(jitter) / u64::from(u16::MAX);
        let mut wire = Vec::new();
        wire.extend_from_slice(Frame::comment(&self.sentence).as_bytes());
        let time = OutgoingEvent::new().reconnection_time(Duration::from_millis(retry));
        wire.extend_from_slice(time.encode().as_bytes());
        event_stream(Bytes::from(wire).into())
    }

    /// Says to come back at some time within `spread`, as `turn` has it, unless it says later already.
    pub(crate) fn within(self, spread: Duration, turn: u16) -> Self {
        let wait = spread.mul_f64(f64::from(turn) / f64::from(u16::MAX));
        Self { retry_after: self.retry_after.max(Some(wait)), ..self }
    }

    /// Names the event of a batch that is to blame.
    pub(crate) fn in_line(mut self, line: usize) -> Self {
        self.sentence = format!("In line {line}: {}", self.sentence);
        self
    }

    fn retry_seconds(&self) -> u64 {
        self.retry_after.map_or(1, |wait| (wait.as_secs_f64().ceil() as u64).max(1))
    }
}

impl From<AdmissionError> for Refusal {
    fn from(error: AdmissionError) -> Self {
        let (status, retry_after) = match error {
            AdmissionError::TooFast { wait } | AdmissionError::OpenedTooFast { wait } => {
                (StatusCode::TOO_MANY_REQUESTS, Some(wait))
            }
            AdmissionError::TooManyForUser { .. }
            | AdmissionError::TooManyForAddress { .. }
            | AdmissionError::TooManyPatterns { .. }
            | AdmissionError::WatchesTooMany { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, Some(CROWDED))
            }
            AdmissionError::Full
            | AdmissionError::TooManyWatched
            | AdmissionError::TooManyOverlaps => (StatusCode::SERVICE_UNAVAILABLE, Some(CROWDED)),
            AdmissionError::AsksForTooManyPatterns { .. }
            | AdmissionError::AsksToWatchTooMany { .. } => (StatusCode::BAD_REQUEST, None),
            AdmissionError::BurstTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, None),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { retry_after, ..Self::new(status, error) }
    }
}

impl From<TicketError> for Refusal {
    fn from(error: TicketError) -> Self {
        let (status, retry_after) = match error {
            TicketError::Unknown => (StatusCode::UNAUTHORIZED, None),
            TicketError::Used => (StatusCode::FORBIDDEN, None),
            // Of a connection that broke the server may not know yet.
            TicketError::TooManyUnused { .. } => (StatusCode::TOO_MANY_REQUESTS, Some(CROWDED)),
            TicketError::InUse => (StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(1))),
            TicketError::Full => (StatusCode::SERVICE_UNAVAILABLE, Some(CROWDED)),
            TicketError::Refused(error) => return error.into(),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { retry_after, ..Self::new(status, error) }
    }
}

impl<E: Into<Self>> From<Refused<E>> for Refusal {
    fn from(refused: Refused<E>) -> Self {
        match refused {
            Refused::Admission(error) => error.into(),
            Refused::Ticket(error) => error.into(),
            Refused::Hub(error) => error.into(),
        }
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        let (status, retry_after) = match error {
            SubscribeError::TooManyTopics { .. } | SubscribeError::TooManyPatterns { .. } => {
                (StatusCode::BAD_REQUEST, None)
            }
            SubscribeError::Forbidden { .. } => (StatusCode::FORBIDDEN, None),
            SubscribeError::Expired => (StatusCode::UNAUTHORIZED, None),
            SubscribeError::Full | SubscribeError::PatternsFull => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(CROWDED))
            }
            SubscribeError::Draining => (StatusCode::SERVICE_UNAVAILABLE, None),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { retry_after, ..Self::new(status, error) }
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        let status = match error {
            PublishError::NoTopic
            | PublishError::TooManyTopics { .. }
            | PublishError::ReservedType
            | PublishError::InvalidType { .. } => StatusCode::BAD_REQUEST,
            PublishError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            PublishError::Store(StoreError::KeyReused) => StatusCode::CONFLICT,
            PublishError::Busy | PublishError::Draining | PublishError::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
}

/// Whether the process is of use, which is not to say that there is room.
pub(crate) fn health(hub: &Hub) -> Result<Response<Body>, Refusal> {
    if hub.has_failed() {
        let reason = "the hub has panicked and is of no more use; restart the process";
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, reason));
    }
    Ok(text(StatusCode::OK, "ok\n"))
}

/// The head of an event stream. An intermediary that keeps to it neither keeps nor alters nor
/// delays what passes.
pub(crate) fn event_stream(body: Body) -> Response<Body> {
    with_type(StatusCode::OK, "text/event-stream", body, "no-store, no-transform", true)
}

pub(crate) fn json(status: StatusCode, text: &str) -> Response<Body> {
    let body = Bytes::copy_from_slice(text.as_bytes()).into();
    with_type(status, "application/json", body, "no-store", false)
}

pub(crate) fn metrics(text: &str) -> Response<Body> {
    let body = Bytes::copy_from_slice(text.as_bytes()).into();
    with_type(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", body, "no-store", false)
}

pub(crate) fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Bytes::from_static(text.as_bytes()).into();
    with_type(status, "text/plain; charset=utf-8", body, "no-store", false)
}

pub(crate) fn html(text: &'static str) -> Response<Body> {
    let body = Bytes::from_static(text.as_bytes()).into();
    let mut response =
        with_type(StatusCode::OK, "text/html; charset=utf-8", body, "no-store", false);
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    );
    response
}

fn with_type(
    status: StatusCode,
    media_type: &'static str,
    body: Body,
    cache: &'static str,
    unbuffered: bool,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if unbuffered {
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

/// Errors of the core are clauses; what goes out is a sentence.
fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(chars).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_to_wait_for_longer_is_told_so_whatever_the_spread() {
        let retry = |wait: u64, spread: u64, turn| {
            let wait = Duration::from_secs(wait);
            let refusal = Refusal::from(AdmissionError::OpenedTooFast { wait });
            refusal.within(Duration::from_secs(spread), turn).retry_seconds()
        };
        assert_eq!([retry(60, 0, 9), retry(60, 25, u16::MAX)], [60, 60]);
        assert_eq!(
            [retry(10, 25, 0), retry(10, 25, 40_000), retry(10, 25, u16::MAX)],
            [10, 16, 25]
        );
    }
}
