//! Responses: the few forms there are.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use sse_server_core::{PublishError, SubscribeError};

use crate::body::Body;

/// A refusal: a status, and a sentence that says what is wrong and what to do.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    sentence: String,
    allow: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl core::fmt::Display) -> Self {
        Self { status, sentence: sentence(&reason.to_string()), allow: None }
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
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        let status = match error {
            SubscribeError::TooManyTopics { .. } => StatusCode::BAD_REQUEST,
            SubscribeError::Full | SubscribeError::Draining => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
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
            PublishError::Busy | PublishError::Draining | PublishError::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
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
