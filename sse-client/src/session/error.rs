//! Why a session has no stream, in types for programs and in sentences for people.

use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use thiserror::Error;

/// How much is kept of the body of an answer that is no event stream: enough for the JSON of an
/// error, which has more to say than one sentence where it lists quotas or fields.
pub(super) const LONGEST_BODY: usize = 16 << 10;

/// Why a stream did not open, or why it is no longer open.
///
/// Its `Display` is a sentence (without a full stop) that says what is wrong and, where there is
/// something to do, what to do. [`kind`](Self::kind) sorts the reasons for an exit code or an icon.
/// Its `Debug` shows of a [`body`](Self::body) the length only.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There was no response, or its body broke off.
    #[error("{0}")]
    Transport(Failure),
    /// The status was neither 200 nor 204.
    #[error(
        "{}",
        StatusSentence { place, status: *status, retry_after: *retry_after, granted: *granted }
    )]
    #[non_exhaustive]
    Status {
        /// Who answered, as its driver says: see [`ResponseHead::place`](super::ResponseHead::place).
        place: Box<str>,
        /// What the server answered.
        status: u16,
        /// How long it asks to wait (`Retry-After`); 100 years at most.
        retry_after: Option<Duration>,
        /// What it gets of that by the policy's
        /// [`longest_asked_wait`](super::RetryPolicy::longest_asked_wait), where that is less.
        granted: Option<Duration>,
        /// What it says beside that: see [`body`](SessionError::body).
        body: Box<str>,
    },
    /// Status 204: the server says that there is no stream any more, and not to ask again.
    #[error("the server answered 204 No Content: the stream is over and is not to be opened again")]
    NoContent,
    /// Status 200, but not of the type `text/event-stream`.
    #[error("{}", MediaTypeSentence(place, found.as_deref()))]
    #[non_exhaustive]
    MediaType {
        /// Who answered.
        place: Box<str>,
        /// The media type found, without its parameters and cut to 100 characters; `None` if there
        /// was none.
        found: Option<String>,
        /// What it says beside that: see [`body`](SessionError::body).
        body: Box<str>,
    },
    /// An event stream, but compressed in a way that the transport does not undo.
    #[error(
        "{place} compressed the stream ({found}), and this client does not take that: {}, or {}",
        "have the server send it as it is",
        if is_gzip(found) {
            "build the client with that compression (the feature gzip of sse-client)"
        } else {
            "compressed by gzip alone (the feature gzip of sse-client)"
        }
    )]
    #[non_exhaustive]
    ContentEncoding {
        /// Who answered.
        place: Box<str>,
        /// The content coding found, cut to 100 characters.
        found: String,
    },
    /// The server ended the body, as it may at any time.
    #[error("the server ended the stream")]
    Ended,
    /// No response came in time.
    #[error("the server gave no answer within {}", Words(*.0))]
    ResponseTimeout(Duration),
    /// The response's head came in time, but not the first byte of its body.
    #[error("the server opened the stream and then sent nothing for {}", Words(*.0))]
    FirstByteTimeout(Duration),
    /// The open stream fell silent: no event, and no heartbeat either.
    #[error("nothing arrived for {}, not even a heartbeat", Words(*.0))]
    IdleTimeout(Duration),
    /// The policy's [`max_attempts`](super::RetryPolicy::max_attempts) were used up.
    #[error(
        "{last}; gave up after {attempts} failed {}",
        if *attempts == 1 { "attempt" } else { "attempts in a row" }
    )]
    #[non_exhaustive]
    GaveUp {
        /// How many attempts failed in a row.
        attempts: u32,
        /// Why the last one failed.
        last: Box<Self>,
    },
}

/// Whether these codings are no other than gzip, once.
fn is_gzip(codings: &str) -> bool {
    let codings = codings.split(',').map(str::trim);
    let mut codings = codings.filter(|coding| !matches!(*coding, "" | "identity"));
    matches!((codings.next(), codings.next()), (Some("gzip" | "x-gzip"), None))
}

/// The sorts of [`SessionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself cannot work as given (an unusable URL, header or redirect).
    Request,
    /// The server could not be reached, or the connection was gone before it answered.
    Connect,
    /// Somebody was reached, but no trust could be established.
    Tls,
    /// It took too long.
    Timeout,
    /// An HTTP status other than 200 and 204.
    Http,
    /// An answer that is not an event stream, or not even HTTP, or one that expands without measure.
    Protocol,
    /// The stream was open and ended or broke off; or there is none to open any more, as status 204 says.
    /// [`is_clean_end`](SessionError::is_clean_end) tells an end in due form from one that broke off.
    Ended,
}

impl SessionError {
    /// Which sort of reason this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(failure) => match failure.kind {
                FailureKind::Request | FailureKind::Redirect => ErrorKind::Request,
                FailureKind::Resolve
                | FailureKind::Refused
                | FailureKind::Unreachable
                | FailureKind::Connect => ErrorKind::Connect,
                FailureKind::Tls => ErrorKind::Tls,
                FailureKind::TimedOut => ErrorKind::Timeout,
                FailureKind::Protocol | FailureKind::Coding | FailureKind::Expansion => {
                    ErrorKind::Protocol
                }
                FailureKind::Interrupted => ErrorKind::Ended,
            },
            Self::Status { .. } => ErrorKind::Http,
            Self::MediaType { .. } | Self::ContentEncoding { .. } => ErrorKind::Protocol,
            Self::NoContent | Self::Ended => ErrorKind::Ended,
            Self::ResponseTimeout(_) | Self::FirstByteTimeout(_) | Self::IdleTimeout(_) => {
                ErrorKind::Timeout
            }
            Self::GaveUp { last, .. } => last.kind(),
        }
    }

    /// Whether the server ended the stream in due form, so that nothing is lost: where it is not to be
    /// opened again, that is no failure.
    pub const fn is_clean_end(&self) -> bool {
        matches!(self, Self::Ended | Self::NoContent)
    }

    /// What the server says in the body of an answer that is no event stream: its first 16 KiB,
    /// as text, or what of them came within 2 s.
    ///
    /// An API that refuses a request often says here why. It is not part of the sentence, since it
    /// may be long, a web page, or repeat what was sent, secrets too.
    ///
    /// ```
    /// # fn show(error: sse_client::session::SessionError) {
    /// eprintln!("{error}");
    /// if error.body().starts_with('{') {
    ///     eprintln!("{}", error.body());
    /// }
    /// # }
    /// ```
    pub fn body(&self) -> &str {
        match self {
            Self::Status { body, .. } | Self::MediaType { body, .. } => body,
            Self::GaveUp { last, .. } => last.body(),
            Self::Transport(_)
            | Self::NoContent
            | Self::ContentEncoding { .. }
            | Self::Ended
            | Self::ResponseTimeout(_)
            | Self::FirstByteTimeout(_)
            | Self::IdleTimeout(_) => "",
        }
    }

    /// Whether the server was given up for its silence.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(self, Self::ResponseTimeout(_) | Self::FirstByteTimeout(_) | Self::IdleTimeout(_))
    }

    /// The same with what the body says.
    pub(super) fn with_body(mut self, said: &[u8]) -> Self {
        if let Self::Status { body, .. } | Self::MediaType { body, .. } = &mut self {
            let text = String::from_utf8_lossy(said);
            // A character may have been cut through.
            let is_cut = said.len() == LONGEST_BODY;
            *body = if is_cut { text.trim_end_matches('\u{FFFD}') } else { &*text }.into();
        }
        self
    }

    /// The HTTP status, where it was that: also of the last attempt, where the policy gave up.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::GaveUp { last, .. } => last.status(),
            Self::NoContent => Some(204),
            Self::MediaType { .. } | Self::ContentEncoding { .. } => Some(200),
            Self::Transport(_)
            | Self::Ended
            | Self::ResponseTimeout(_)
            | Self::FirstByteTimeout(_)
            | Self::IdleTimeout(_) => None,
        }
    }

    /// How long the server asked to wait, where it did; 100 years at most, so that it can be added to any time.
    /// The policy may not [let it](super::RetryPolicy::longest_asked_wait) have as much.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::GaveUp { last, .. } => last.retry_after(),
            Self::Transport(_)
            | Self::NoContent
            | Self::MediaType { .. }
            | Self::ContentEncoding { .. }
            | Self::Ended
            | Self::ResponseTimeout(_)
            | Self::FirstByteTimeout(_)
            | Self::IdleTimeout(_) => None,
        }
    }
}

/// A transport's failure, as its driver reports it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Failure {
    /// Decides whether trying again can help.
    pub kind: FailureKind,
    /// The sentence for people, such as "nothing listens at 127.0.0.1:9: connection refused; is the
    /// server running?". No full stop; never a secret.
    pub message: String,
}

impl Failure {
    /// A failure of this kind, in these words.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What went wrong below the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The host's name has no address.
    Resolve,
    /// Nothing listens at the address.
    Refused,
    /// No way to the host.
    Unreachable,
    /// The connection failed in another way, or was gone before there was an answer.
    Connect,
    /// The TLS handshake failed for good: a certificate or a name that one side cannot trust, no common
    /// version. One that was broken off in another way is a [`Connect`](Self::Connect).
    Tls,
    /// The transport's own time-out.
    TimedOut,
    /// The connection broke, or the body ended before its announced end. Before there is an answer, a session
    /// takes it for a [`Connect`](Self::Connect).
    Interrupted,
    /// What came is not HTTP.
    Protocol,
    /// A body that from its beginning is not compressed as its answer says.
    Coding,
    /// A compressed body expands to more than it may.
    Expansion,
    /// A redirect that cannot be followed.
    Redirect,
    /// A request that cannot be sent as it is.
    Request,
}

impl FailureKind {
    /// Whether the same request would fail the same way for ever, so that no policy tries it again.
    pub const fn is_hopeless(self) -> bool {
        match self {
            Self::Tls | Self::Coding | Self::Expansion | Self::Redirect | Self::Request => true,
            Self::Resolve
            | Self::Refused
            | Self::Unreachable
            | Self::Connect
            | Self::TimedOut
            | Self::Interrupted
            | Self::Protocol => false,
        }
    }
}

struct StatusSentence<'a> {
    place: &'a str,
    status: u16,
    retry_after: Option<Duration>,
    granted: Option<Duration>,
}

impl fmt::Display for StatusSentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, advice) = match self.status {
            301 => (" Moved Permanently", "it redirects without saying where to"),
            302 => (" Found", "it redirects without saying where to"),
            303 => (" See Other", "it redirects without saying where to"),
            307 => (" Temporary Redirect", "it redirects without saying where to"),
            308 => (" Permanent Redirect", "it redirects without saying where to"),
            400 => (" Bad Request", "check the URL's query and the headers"),
            401 => (" Unauthorized", "it wants to know who asks: check the credentials"),
            403 => (" Forbidden", "it gives this stream only to others: check the credentials"),
            404 => (" Not Found", "check the URL's path"),
            405 => (" Method Not Allowed", "check the method (GET or POST?)"),
            406 => (" Not Acceptable", "it has no event stream to give here"),
            407 => (" Proxy Authentication Required", "check the proxy's credentials"),
            408 => (" Request Timeout", "the request took too long to arrive"),
            410 => (" Gone", "the stream no longer exists"),
            429 => (" Too Many Requests", "too many requests or streams are open"),
            500 => (" Internal Server Error", "the fault is the server's: see its log"),
            502 => (" Bad Gateway", "the gateway cannot reach the server behind it"),
            503 => (" Service Unavailable", "the server is overloaded or in maintenance"),
            504 => (" Gateway Timeout", "the server behind the gateway is silent"),
            501 | 505..=599 => ("", "the fault is the server's: see its log"),
            _ => ("", "an event stream is answered with 200"),
        };
        write!(f, "{} answered {}{reason}: {advice}", self.place, self.status)?;
        // A date that is past, or 0, asks for nothing.
        let Some(after) = self.retry_after.filter(|after| !after.is_zero()) else { return Ok(()) };
        write!(f, "; it asks to wait {}", Words(after))?;
        match self.granted {
            Some(granted) => write!(f, ", of which this client grants {}", Words(granted)),
            None => Ok(()),
        }
    }
}

struct MediaTypeSentence<'a>(&'a str, Option<&'a str>);

impl fmt::Display for MediaTypeSentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place, found) = self;
        match found {
            Some("text/html" | "application/xhtml+xml") => write!(
                f,
                "{place} answered with a web page (text/html), not with an event stream \
                 (text/event-stream): check the URL",
            ),
            Some(found) => write!(
                f,
                "{place} answered with {found}, not with an event stream (text/event-stream): \
                 check the URL, what the request asks for, or the server's Content-Type",
            ),
            None => write!(
                f,
                "{place} answered without a media type: an event stream needs \
                 \"Content-Type: text/event-stream\"",
            ),
        }
    }
}

/// More than anyone waits, and little enough to be added to any time.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A duration as one says it: "250 ms", "2.7 s", "45 s", "5 min", "1 h 30 min".
pub(crate) struct Words(pub(crate) Duration);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let two =
            |f: &mut fmt::Formatter<'_>, seconds: u64, unit: (u64, &str), rest: (u64, &str)| {
                write!(f, "{} {}", seconds / unit.0, unit.1)?;
                match seconds % unit.0 / rest.0 {
                    0 => Ok(()),
                    left => write!(f, " {left} {}", rest.1),
                }
            };
        let tenths = self.0.subsec_millis() / 100;
        match self.0.as_secs() {
            0 => write!(f, "{} ms", self.0.as_millis()),
            seconds @ 1..10 if tenths > 0 => write!(f, "{seconds}.{tenths} s"),
            seconds if seconds < 2 * MINUTE => write!(f, "{seconds} s"),
            seconds if seconds < HOUR => two(f, seconds, (MINUTE, "min"), (1, "s")),
            seconds if seconds < 2 * DAY => two(f, seconds, (HOUR, "h"), (MINUTE, "min")),
            seconds if seconds < LONGEST_WAIT.as_secs() => write!(f, "{} days", seconds / DAY),
            _ => f.write_str("100 years"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_duration_is_said_in_words() {
        for (milliseconds, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (2_040, "2 s"),
            (2_740, "2.7 s"),
            (10_900, "10 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (130_000, "2 min 10 s"),
            (3_600_000, "1 h"),
            (5_400_000, "1 h 30 min"),
            (172_800_000, "2 days"),
            (u64::MAX, "100 years"),
        ] {
            assert_eq!(Words(Duration::from_millis(milliseconds)).to_string(), expected);
        }
    }
}
