//! What to watch, checked before anything is sent.

use core::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use sse_codec::{EventId, Limits};
use thiserror::Error;
use url::{ParseError, Url};

use crate::{
    connection::{Expansion, ProxyChoice, Trust},
    journal::retention::{DiskLimit, Retention},
    masked::{redacted, shown_url},
    request_url::parse_url,
};

/// What to watch: a URL, and what to send with it.
///
/// ```
/// use sse_monitor_engine::WatchRequest;
///
/// let request = WatchRequest::new("http://127.0.0.1:8080/events")?.header("Accept-Language: de")?;
/// assert_eq!(request.url(), "http://127.0.0.1:8080/events");
///
/// let error = WatchRequest::new("localhost:8080/events").unwrap_err();
/// assert!(error.to_string().contains("try http://localhost:8080/events"));
/// # Ok::<(), sse_monitor_engine::RequestError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct WatchRequest {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) last_event_id: String,
    pub(crate) reconnect: Reconnect,
    pub(crate) retention: Retention,
    pub(crate) method: Method,
    pub(crate) body: Option<Bytes>,
    /// Headers of ours that are not sent.
    pub(crate) without: Vec<HeaderName>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) compressed: bool,
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
    pub(crate) expansion: Expansion,
    pub(crate) recording: Option<(PathBuf, DiskLimit)>,
    pub(crate) most_events: u64,
}

impl WatchRequest {
    /// Takes a URL as somebody typed it; white space around it is ignored.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, and what to type instead where that can be told.
    pub fn new(url: &str) -> Result<Self, RequestError> {
        Ok(Self {
            url: parse_url(url)?,
            headers: Vec::new(),
            last_event_id: String::new(),
            reconnect: Reconnect::default(),
            retention: Retention::default(),
            method: Method::GET,
            body: None,
            without: Vec::new(),
            proxy: ProxyChoice::default(),
            compressed: false,
            trust: Trust::default(),
            limits: Limits::default(),
            expansion: Expansion::default(),
            recording: None,
            most_events: u64::MAX,
        })
    }

    /// Sends a header with each attempt, given as curl takes it: `Name: value`.
    ///
    /// # Errors
    /// [`RequestError::Header`] if it cannot be sent. The error never repeats the value, which may
    /// be a secret.
    pub fn header(mut self, line: &str) -> Result<Self, RequestError> {
        let (name, value) = parse_header(line)?;
        self.headers.push((name, value));
        Ok(self)
    }

    /// Resumes after this event: the ID that the first attempt sends.
    ///
    /// # Errors
    /// [`RequestError::LastEventId`] if a line break or NUL is in it.
    pub fn last_event_id(mut self, id: &str) -> Result<Self, RequestError> {
        EventId::new(id).map_err(|source| RequestError::LastEventId { source })?;
        self.last_event_id = id.into();
        Ok(self)
    }

    /// When a connection that failed or was lost is tried again.
    pub const fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sends `user:password` as basic authentication, unless there is an `Authorization` header.
    pub fn user(mut self, user: &str) -> Self {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        // An http URL takes both, and encodes what must be.
        let _ = self.url.set_username(name).and_then(|()| self.url.set_password(Some(password)));
        self
    }

    /// Sends this method. With none given it is `GET`, or `POST` where there is a [body](Self::body).
    ///
    /// # Errors
    /// [`RequestError::Method`] if it is not one.
    pub fn method(mut self, method: &str) -> Result<Self, RequestError> {
        self.method = Method::from_bytes(method.as_bytes())
            .map_err(|_| RequestError::Method { given: method.into() })?;
        Ok(self)
    }

    /// Sends this body, by `POST` unless a [method](Self::method) is named after it.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.method = Method::POST;
        self
    }

    /// Whether to send it again costs nothing and changes nothing: not where it has a body, or another method than
    /// `GET`. Whatever it is, it is sent again as [`reconnect`](Self::reconnect) says.
    pub fn is_repeatable(&self) -> bool {
        self.method == Method::GET && self.body.is_none()
    }

    /// Asks for a compressed stream. One that comes compressed unasked is decoded all the same.
    pub const fn compressed(mut self, wanted: bool) -> Self {
        self.compressed = wanted;
        self
    }

    /// How much a compressed stream may expand.
    pub const fn expansion(mut self, expansion: Expansion) -> Self {
        self.expansion = expansion;
        self
    }

    /// How large a line and an event may be.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Records what arrives in this folder, which is made; without it, all is kept in memory, within
    /// the [retention](Self::retention).
    ///
    /// What cannot be recorded, since the disk is full or the folder cannot be made, does not end the
    /// watch: see [`Watch::recording_stopped`](crate::Watch::recording_stopped).
    pub fn record(mut self, folder: impl Into<PathBuf>, limit: DiskLimit) -> Self {
        self.recording = Some((folder.into(), limit));
        self
    }

    /// Ends the watch with this many events, of which there is at least one: what the same read brought after them is
    /// not kept.
    pub const fn stop_after(mut self, events: u64) -> Self {
        self.most_events = if events == 0 { 1 } else { events };
        self
    }

    /// What of it is masked wherever it is shown or kept.
    pub fn redacted(&self) -> Vec<String> {
        redacted(&self.url, self.headers.iter().map(|(name, _)| name.as_str()))
    }

    /// How much is kept of what arrives.
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The URL, fit to be shown: user and password, and what looks like a secret in its query, are
    /// masked.
    ///
    /// ```
    /// use sse_monitor_engine::WatchRequest;
    ///
    /// let request = WatchRequest::new("http://me:pw@127.0.0.1:8080/events?topic=a&token=t")?;
    /// assert_eq!(request.url(), "http://***@127.0.0.1:8080/events?topic=a&token=***");
    /// # Ok::<(), sse_monitor_engine::RequestError>(())
    /// ```
    pub fn url(&self) -> String {
        shown_url(self.url.as_str())
    }
}

impl WatchRequest {
    /// What goes with the request and is for nobody else: headers' values, whole and without the scheme
    /// before them, the password, and what looks like a secret in the query.
    pub(crate) fn secrets(&self) -> Vec<String> {
        // Shorter ones would mask ordinary words.
        const SHORTEST: usize = 6;
        let headers = self.headers.iter().flat_map(|(_, value)| {
            [value.clone(), value.rsplit([' ', '=']).next().unwrap_or_default().to_owned()]
        });
        let masked = shown_url(self.url.as_str());
        let query = self.url.query_pairs().filter_map(|(key, value)| {
            (!value.is_empty() && masked.contains(&format!("{key}=***")))
                .then(|| value.into_owned())
        });
        // As it stands in the URL, too.
        let raw = self.url.query().unwrap_or_default().split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            masked.contains(&format!("{key}=***")).then(|| value.to_owned())
        });
        let mut secrets: Vec<_> = headers
            .chain(self.url.password().map(ToOwned::to_owned))
            .chain(query)
            .chain(raw)
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        // The longer first, so that none is masked in part.
        secrets.sort_by_key(|secret| core::cmp::Reverse(secret.len()));
        secrets
    }
}

/// Without the headers' values and the URL's secrets.
impl fmt::Debug for WatchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("WatchRequest")
            .field("url", &self.url())
            .field("headers", &headers)
            .field("last_event_id", &self.last_event_id)
            .field("reconnect", &self.reconnect)
            .field("retention", &self.retention)
            .finish()
    }
}

/// When a connection that failed or was lost is tried again.
///
/// What cannot get better is never tried again, such as a 404 or a page of HTML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reconnect {
    /// Always, the first one too: the server may be about to start.
    #[default]
    Always,
    /// Once a stream was open; a first connection that fails is the end.
    OnceOpened,
    /// Until a stream was open: its end is the end.
    UntilOpened,
    /// Never: the stream's end is the end.
    Never,
}

/// Why a request cannot be sent as it was given. What was given is repeated without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nothing was given.
    #[error("no URL was given; type one like http://127.0.0.1:8080/events")]
    NoUrl,
    /// It does not say http or https, and with it would be a URL.
    #[error("“{given}” does not begin with http:// or https://; try {suggestion}")]
    NoScheme {
        /// What was given.
        given: String,
        /// The same with a scheme.
        suggestion: String,
    },
    /// Its scheme is not one that event streams are read over.
    #[error(
        "event streams are read over http or https, not {scheme}; check the beginning of the URL"
    )]
    UnsupportedScheme {
        /// The scheme.
        scheme: String,
    },
    /// It is not a URL at all.
    #[error("“{given}” is not a URL{}; type one like http://127.0.0.1:8080/events", detail(*.source))]
    NotAUrl {
        /// What was given.
        given: String,
        /// What the parser says.
        source: ParseError,
    },
    /// It is not a method.
    #[error("“{given}” is not an HTTP method; give one such as GET or POST")]
    Method {
        /// What was given.
        given: String,
    },
    /// A header cannot be sent.
    #[error("{} cannot be sent: {fault}; give it as “Name: value”", header(name))]
    Header {
        /// What stands before the colon; empty without one, since all of it may be a secret.
        name: String,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// A proxy cannot be gone through.
    #[error("{reason}")]
    Proxy {
        /// What is wrong with it, in words, without what may be a password.
        reason: String,
    },
    /// A last event ID cannot be sent.
    #[error("the last event ID cannot be sent: {source}")]
    LastEventId {
        /// What is wrong with it.
        source: sse_codec::InvalidField,
    },
}

/// What the parser says, unless it is only that there is nothing like a URL.
fn detail(source: ParseError) -> String {
    if source == ParseError::RelativeUrlWithoutBase {
        return String::new();
    }
    format!(" ({source})")
}

fn header(name: &str) -> String {
    if name.is_empty() { "a header".into() } else { format!("the header “{name}”") }
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// There is no colon after the name.
    #[error("there is no colon in it")]
    NoColon,
    /// The name has a character that names cannot have, or none at all.
    #[error("what stands before the colon is not a header name")]
    Name,
    /// The value has a control character.
    #[error("its value has a character that headers cannot carry")]
    Value,
}

fn parse_header(line: &str) -> Result<(HeaderName, String), RequestError> {
    let Some((name, value)) = line.split_once(':') else {
        return Err(RequestError::Header { name: String::new(), fault: HeaderFault::NoColon });
    };
    let (name, value) = (name.trim(), value.trim());
    let refused = |fault| RequestError::Header { name: name.into(), fault };
    let header = HeaderName::try_from(name).map_err(|_| refused(HeaderFault::Name))?;
    HeaderValue::try_from(value).map_err(|_| refused(HeaderFault::Value))?;
    Ok((header, value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_as_typed() {
        for (typed, url) in [
            ("http://127.0.0.1:8080/events?topic=a", "http://127.0.0.1:8080/events?topic=a"),
            ("  https://example.com \n", "https://example.com/"),
            ("HTTP://[::1]:1/", "http://[::1]:1/"),
        ] {
            assert_eq!(WatchRequest::new(typed).unwrap().url(), url);
        }
    }

    #[test]
    fn what_is_not_a_url_is_told_in_a_sentence() {
        for (typed, sentence) in [
            ("", "no URL was given; type one like http://127.0.0.1:8080/events"),
            (
                "localhost:8080/events",
                "“localhost:8080/events” does not begin with http:// or https://; try \
                 http://localhost:8080/events",
            ),
            (
                "127.0.0.1:8080",
                "“127.0.0.1:8080” does not begin with http:// or https://; try \
                 http://127.0.0.1:8080",
            ),
            (
                "//example.com/a",
                "“//example.com/a” does not begin with http:// or https://; try \
                 http://example.com/a",
            ),
            (
                "example.com/events",
                "“example.com/events” does not begin with http:// or https://; try \
                 http://example.com/events",
            ),
            (
                "ws://example.com",
                "event streams are read over http or https, not ws; check the beginning of the URL",
            ),
            (
                "file:///etc/hosts",
                "event streams are read over http or https, not file; check the beginning of the \
                 URL",
            ),
            (
                "javascript:alert(1)",
                "event streams are read over http or https, not javascript; check the beginning \
                 of the URL",
            ),
            ("wget", "“wget” is not a URL; type one like http://127.0.0.1:8080/events"),
            ("./feed", "“./feed” is not a URL; type one like http://127.0.0.1:8080/events"),
            ("a.ssrec", "“a.ssrec” is not a URL; type one like http://127.0.0.1:8080/events"),
            (
                "localhost/a",
                "“localhost/a” does not begin with http:// or https://; try http://localhost/a",
            ),
            ("not a url", "“not a url” is not a URL; type one like http://127.0.0.1:8080/events"),
            (
                "http://",
                "“http://” is not a URL (empty host); type one like http://127.0.0.1:8080/events",
            ),
            (
                "http://127.0.0.1:99999/",
                "“http://127.0.0.1:99999/” is not a URL (invalid port number); type one like \
                 http://127.0.0.1:8080/events",
            ),
        ] {
            assert_eq!(WatchRequest::new(typed).unwrap_err().to_string(), sentence, "{typed:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let request = WatchRequest::new("http://me:secret@127.0.0.1/?token=secret").unwrap();
        let request = request.header("X-Api-Key: secret").unwrap();
        assert_eq!(request.url(), "http://***@127.0.0.1/?token=***");
        assert!(!format!("{request:?}").contains("secret"), "{request:?}");
        for typed in [
            "http://me:secret@127.0.0.1:99999/events?token=secret",
            "http://me:se/secret@127.0.0.1/",
            "me:secret@127.0.0.1/?token=secret",
            "//me:secret@127.0.0.1/?token=secret",
            "127.0.0.1:8080/?token=secret",
            "127.0.0.1:99999/?token=secret",
            "/events?token=secret",
            "a b?token=secret",
            "secret@127.0.0.1",
        ] {
            let error = WatchRequest::new(typed).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn what_a_server_may_repeat_is_known_as_a_secret() {
        let url = "http://me:hunter22@127.0.0.1/?access_token=let+me+in&topic=newsroom";
        let request = WatchRequest::new(url).unwrap();
        let request = request.header("Authorization: Bearer of-mine").unwrap();
        assert_eq!(
            request.secrets(),
            ["Bearer of-mine", "let me in", "let+me+in", "hunter22", "of-mine"]
        );
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_told_without_its_value() {
        for (line, fault) in [
            ("Authorization Bearer secret", HeaderFault::NoColon),
            (": secret", HeaderFault::Name),
            ("A b: secret", HeaderFault::Name),
            ("X: secret\r\nY: z", HeaderFault::Value),
        ] {
            let request = WatchRequest::new("http://127.0.0.1/").unwrap();
            let error = request.header(line).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(matches!(error, RequestError::Header { fault: f, .. } if f == fault));
        }
    }

    #[test]
    fn a_last_event_id_with_a_line_break_is_refused() {
        let request = WatchRequest::new("http://127.0.0.1/").unwrap();
        assert!(request.last_event_id("1\n2").is_err());
    }
}
