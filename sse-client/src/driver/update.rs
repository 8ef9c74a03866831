//! Everything that happens to an event source, for those who show it.

use alloc::{borrow::Cow, boxed::Box, string::String};
use core::{fmt, time::Duration};
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use sse_codec::{DecodeError, Span};

use super::url::shown;
use crate::{
    event::Event,
    session::{Attempt, SessionError},
};

/// One thing that happened, in order.
///
/// `Debug` shows no query of a URL, and of what a server said in a refusal the length only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// A request is on its way.
    #[non_exhaustive]
    Connecting {
        /// The request's number, from 1.
        attempt: Attempt,
        /// The last event ID; empty if there is none.
        last_event_id: String,
        /// Whether the id goes along. An id with a control character in it does not, since no
        /// header can carry it: the server will treat this as a first connection.
        id_is_sent: bool,
    },
    /// The server sent the request elsewhere.
    #[non_exhaustive]
    Redirected {
        /// Which request.
        attempt: Attempt,
        /// 301, 302, 303, 307 or 308.
        status: StatusCode,
        /// Where to. Its query may hold a secret.
        location: String,
    },
    /// The stream is open.
    #[non_exhaustive]
    Opened {
        /// Which request.
        attempt: Attempt,
        /// What the server answered before the body.
        head: Box<Head>,
    },
    /// An event.
    Event(Event),
    /// A comment line: often a heartbeat.
    #[non_exhaustive]
    Comment {
        /// What follows the colon, byte for byte.
        text: String,
        /// The line's place in the response body.
        span: Span,
    },
    /// The stream set the time to wait before a reconnect.
    #[non_exhaustive]
    ReconnectionTime {
        /// What it said.
        duration: Duration,
        /// The line's place in the response body.
        span: Span,
    },
    /// An event, or a comment, was over a limit and is lost; the stream goes on.
    Dropped(DecodeError),
    /// The attempt is over.
    #[non_exhaustive]
    Disconnected {
        /// Which attempt.
        attempt: Attempt,
        /// Why; its `Display` is a sentence to show.
        error: SessionError,
        /// What the server answered, if that was no event stream: a request's number for its operator,
        /// limits, who it wants to know. Else `None`.
        head: Option<Box<Head>>,
        /// How long until the next attempt; `None`: there is none, [`Closed`](Self::Closed) follows.
        retry_in: Option<Duration>,
    },
    /// Nothing more will come.
    Closed,
}

/// A response's head.
///
/// `Debug` shows no query of a URL, and no value of `Set-Cookie`, `Location` and `Content-Location`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// Where the response came from, after all redirects. Its query may hold a secret.
    pub url: String,
    /// The status.
    pub status: StatusCode,
    /// HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
}

impl Head {
    /// A header's value; of several the values with commas between them, as HTTP has it.
    pub(super) fn joined(&self, name: HeaderName) -> Option<Cow<'_, [u8]>> {
        let mut values = self.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let first = Cow::Borrowed(values.next()?);
        Some(values.fold(first, |all, value| [&all, value].join(&b", "[..]).into()))
    }

    /// `Retry-After` as a time from now: of its two forms one is that already, the other a date.
    pub(super) fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than that are more than anyone's patience.
            return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
        }
        let date = |text: &str| httpdate::parse_http_date(text).ok();
        // The server's own clock, where it shows it, so that the difference of two clocks is none.
        let theirs = self.headers.get(http::header::DATE);
        let from = theirs.and_then(|value| date(value.to_str().ok()?)).unwrap_or(now);
        Some(date(value)?.duration_since(from).unwrap_or_default())
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt, last_event_id, id_is_sent } => f
                .debug_struct("Connecting")
                .field("attempt", attempt)
                .field("last_event_id", last_event_id)
                .field("id_is_sent", id_is_sent)
                .finish(),
            Self::Redirected { attempt, status, location } => f
                .debug_struct("Redirected")
                .field("attempt", attempt)
                .field("status", status)
                .field("location", &shown(location))
                .finish(),
            Self::Opened { attempt, head } => {
                f.debug_struct("Opened").field("attempt", attempt).field("head", head).finish()
            }
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Comment { text, span } => {
                f.debug_struct("Comment").field("text", text).field("span", span).finish()
            }
            Self::ReconnectionTime { duration, span } => f
                .debug_struct("ReconnectionTime")
                .field("duration", duration)
                .field("span", span)
                .finish(),
            Self::Dropped(error) => f.debug_tuple("Dropped").field(error).finish(),
            Self::Disconnected { attempt, error, head, retry_in } => f
                .debug_struct("Disconnected")
                .field("attempt", attempt)
                .field("error", error)
                .field("head", head)
                .field("retry_in", retry_in)
                .finish(),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("url", &shown(&self.url))
            .field("status", &self.status)
            .field("version", &self.version)
            .field("headers", &self.headers)
            .finish()
    }
}
