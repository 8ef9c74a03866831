//! What to ask for, checked before anything is sent.

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, future::Future, time::Duration};

use bytes::Bytes;
#[cfg(feature = "gzip")]
use http::header::ACCEPT_ENCODING;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, COOKIE,
        PROXY_AUTHORIZATION, TRANSFER_ENCODING,
    },
};
use reqwest::{Client, ClientBuilder};
use sse_codec::{EventId, InvalidField, Limits};
use thiserror::Error;
use url::Url;

use super::{
    EventSource, HttpClient, Updates, client,
    failure::root_cause,
    request::{LAST_EVENT_ID, Provider, Redirects, Template},
    url::{UrlMistake, UrlSentence, parse, shown},
};
use crate::session::{Attempt, Failure, RetryPolicy, SessionConfig};

/// How long headers may take to be made where the policy does not say: as long as a connection.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(30);

/// What to ask for, and how to keep it up. Made by [`EventSource::builder`].
///
/// A mistake in any part comes out of [`open`](Self::open), so that calls can be chained.
///
/// ```no_run
/// use core::time::Duration;
/// use sse_client::{EventSource, RetryPolicy};
///
/// # fn main() -> Result<(), sse_client::BuildError> {
/// let source = EventSource::builder("https://example.org/events")
///     .header("Authorization", "Bearer 123")
///     .last_event_id("7-42")
///     .policy(RetryPolicy::resilient().idle_timeout(Some(Duration::from_secs(45))))
///     .open()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Builder {
    url: String,
    method: Method,
    headers: HeaderMap,
    body: Option<Bytes>,
    body_is_json: bool,
    client: Option<ClientBuilder>,
    shared: Option<HttpClient>,
    last_event_id: Option<String>,
    policy: RetryPolicy,
    limits: Limits,
    provider: Option<Provider>,
    redirects: Redirects,
    #[cfg(feature = "gzip")]
    expansion: Option<super::Expansion>,
    /// The first mistake in a header or in the body.
    mistake: Option<BuildError>,
}

impl Builder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            method: Method::GET,
            headers: HeaderMap::new(),
            body: None,
            body_is_json: false,
            client: None,
            shared: None,
            last_event_id: None,
            policy: RetryPolicy::default(),
            limits: Limits::default(),
            provider: None,
            redirects: Redirects::All,
            #[cfg(feature = "gzip")]
            expansion: Some(super::Expansion::default()),
            mistake: None,
        }
    }

    /// The method; GET by default.
    ///
    /// A request that costs something, such as a question to a language model, is better asked once
    /// ([`RetryPolicy::never`]): under the default policy a stream that ends is opened by the same request
    /// again, POST or not.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Adds a header. It goes with every attempt, but never to another origin than the URL's: a
    /// redirect elsewhere goes without it (but with the body, if its status says so, and with the last event
    /// ID), and so does one that leads back from there, since it was the other origin that asked for it. `Content-Length` and `Transfer-Encoding` are the HTTP client's.
    ///
    /// `Accept: text/event-stream` and `Cache-Control: no-cache` are sent unless named here, and with the
    /// feature `gzip` `Accept-Encoding: gzip`; `identity` asks for no compression. So is
    /// `Authorization` for a user and a password in the URL. `Last-Event-ID` is the
    /// [ID to begin with](Self::last_event_id).
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match header(name, value) {
            Ok((name, value)) => {
                self.headers.append(name, value);
            }
            Err(mistake) => {
                self.mistake.get_or_insert(mistake);
            }
        }
        self
    }

    /// Adds many headers, each as [`header`](Self::header) does.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        for (name, value) in &headers {
            if is_framing(name) {
                let name = name.to_string();
                self.mistake.get_or_insert(BuildError::Framing { name });
            }
            let mut value = value.clone();
            hide_secret(name, &mut value);
            self.headers.append(name, value);
        }
        self
    }

    /// Asks for headers before each attempt, for what does not last as long as the stream: a token
    /// that expires, a signature with a date.
    ///
    /// They stand instead of those of the same name, and like them go to the URL's own origin only.
    /// `Last-Event-ID`, `Content-Length` and `Transfer-Encoding` among them are left out.
    /// They may take as long as the policy allows an answer
    /// ([`first_byte_timeout`](RetryPolicy::first_byte_timeout) or [`idle_timeout`](RetryPolicy::idle_timeout)), or else
    /// 30 s; then the attempt has failed, and another is made. The server's own time begins after that. A [`Failure`] ends the attempt; its kind says
    /// whether another is made: after [`Connect`](crate::session::FailureKind::Connect) yes, after
    /// [`Request`](crate::session::FailureKind::Request) never. Where a server answers an old token
    /// with 401, [`RetryPolicy::retry_status`]`(401, true)` has the next attempt ask for a new one.
    ///
    /// ```no_run
    /// use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
    /// use sse_client::{EventSource, session::{Failure, FailureKind}};
    ///
    /// # async fn fresh_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # fn main() -> Result<(), sse_client::BuildError> {
    /// let source = EventSource::builder("https://example.org/events")
    ///     .headers_with(|_attempt| async {
    ///         let token = fresh_token()
    ///             .await
    ///             .map_err(|error| Failure::new(FailureKind::Connect, format!("no token: {error}")))?;
    ///         let value = HeaderValue::try_from(format!("Bearer {token}"))
    ///             .map_err(|_| Failure::new(FailureKind::Request, "the token is no header's value"))?;
    ///         Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    ///     })
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn headers_with<F, R>(mut self, mut provider: F) -> Self
    where
        F: FnMut(Attempt) -> R + Send + 'static,
        R: Future<Output = Result<HeaderMap, Failure>> + Send + 'static,
    {
        self.provider = Some(Box::new(move |attempt| Box::pin(provider(attempt))));
        self
    }

    /// The body, sent again with each attempt. Say its media type by
    /// [`header`](Self::header)`("Content-Type", …)`.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.body_is_json = false;
        self
    }

    /// The body as JSON of this value, sent again with each attempt, and its `Content-Type` unless that
    /// is named. The method is still GET unless [said](Self::method).
    ///
    /// ```no_run
    /// use sse_client::{EventSource, RetryPolicy};
    ///
    /// # fn main() -> Result<(), sse_client::BuildError> {
    /// let answer = EventSource::builder("https://example.org/v1/chat/completions")
    ///     .method(http::Method::POST)
    ///     .json(&serde_json::json!({ "stream": true, "messages": [] }))
    ///     .policy(RetryPolicy::never()) // an answer that is cut is not asked for twice
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    /// With the feature `json`.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => Self { body_is_json: true, ..self.body(json) },
            Err(mistake) => {
                self.mistake.get_or_insert(BuildError::Json(mistake.to_string()));
                self
            }
        }
    }

    /// The last event ID to begin with, to resume from one that was stored.
    pub fn last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = Some(id.into());
        self
    }

    /// What is tried again, when, and which time-outs hold; [`RetryPolicy::resilient`] by default.
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How large a line and an event may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The settings of the HTTP client: proxies, trusted certificates, client certificates, cookies, name
    /// resolution, and how long a connection may take to come about. They stand over
    /// [those that streams need](HttpClient), with which the given builder begins.
    ///
    /// ```no_run
    /// use core::time::Duration;
    /// use sse_client::EventSource;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let proxy = reqwest::Proxy::all("http://proxy.example.org:3128")?;
    /// let source = EventSource::builder("https://example.org/events")
    ///     .client(|client| client.proxy(proxy).connect_timeout(Duration::from_secs(5)))
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Its redirect policy is replaced, since redirects are followed here: each reconnect starts at
    /// the original URL, and what [`header`](Self::header) named stays with its origin. So are `gzip`,
    /// `brotli`, `zstd` and `deflate`: compression is undone here, where it is counted, by the feature
    /// `gzip`. Leave its `timeout` and `read_timeout` unset, and use the policy's.
    ///
    /// Put secrets into [`header`](Self::header), [`headers`](Self::headers) and
    /// [`headers_with`](Self::headers_with) rather than into the client's `default_headers`, which reqwest
    /// sends wherever a redirect leads. `Authorization`, `Proxy-Authorization` and `Cookie` among those, and
    /// the cookies of its `cookie_store`, go to another origin empty. Of other headers nobody knows that they
    /// are secret, and a client certificate (`identity`) is shown to whoever asks for one:
    /// [`Redirects::SameOrigin`] keeps them at home.
    ///
    /// The other way a `cookie_store` lets everything in: a cookie that is set by the end of a redirect is kept
    /// for its host, whatever the port, and goes with the next attempt to a URL of that host, in the place of
    /// one of the same name. Here, too, [`Redirects::SameOrigin`] is the way out.
    pub fn client(mut self, settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.client = Some(settings(self.client.unwrap_or_else(client::for_streams)));
        self
    }

    /// An HTTP client that other event sources use as well, instead of one of its own: a thousand
    /// streams need one pool of connections, not a thousand. Making one reads the system's
    /// certificates, too, which a program that opens streams often does better once. Each stream has a
    /// connection of its own in it; [over HTTP/2](HttpClient) they share one. Its settings were
    /// given to it: [`client`](Self::client) beside it is a mistake.
    pub fn shared_client(mut self, client: &HttpClient) -> Self {
        self.shared = Some(client.clone());
        self
    }

    /// Which redirects are followed; [`Redirects::All`] by default.
    ///
    /// ```no_run
    /// use sse_client::{EventSource, Redirects};
    ///
    /// # fn main() -> Result<(), sse_client::BuildError> {
    /// let source = EventSource::builder("https://example.org/events")
    ///     .redirects(Redirects::SameOrigin)
    ///     .open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirects(mut self, allowed: Redirects) -> Self {
        self.redirects = allowed;
        self
    }

    /// What a compressed stream may expand to before it is cut off; [`Expansion::default`](super::Expansion)
    /// unless said. `None`: anything, for a server that is trusted. The limits on
    /// [lines and events](Self::limits) hold all the same, and never is more decompressed than is read.
    ///
    /// With the feature `gzip`.
    #[cfg(feature = "gzip")]
    pub fn expansion(mut self, allowed: Option<super::Expansion>) -> Self {
        self.expansion = allowed;
        self
    }

    /// The stream of events. Nothing is sent before it is polled.
    ///
    /// # Errors
    /// [`BuildError`] if the URL, a header, or the last event ID cannot be used.
    pub fn open(self) -> Result<EventSource, BuildError> {
        Ok(EventSource::new(self.build(false)?))
    }

    /// The stream of everything that happens, comments included. Nothing is sent before it is
    /// polled.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_updates(self) -> Result<Updates, BuildError> {
        self.build(true)
    }

    fn build(mut self, comments: bool) -> Result<Updates, BuildError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let mut url = parse(&self.url)
            .map_err(|mistake| BuildError::Url { url: shown(&self.url), mistake })?;
        let client = match (self.shared, self.client) {
            (Some(shared), None) => shared,
            (Some(_), Some(_)) => return Err(BuildError::TwoClients),
            (None, own) => HttpClient::build(own.unwrap_or_else(client::for_streams))?,
        };
        if let Some(credentials) = take_credentials(&mut url, client.client())? {
            self.headers.entry(AUTHORIZATION).or_insert(credentials);
        }
        self.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("text/event-stream"));
        // What the Fetch standard makes of the "no-store" cache mode, which EventSource asks for.
        self.headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        #[cfg(feature = "gzip")]
        self.headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        if self.body_is_json {
            let json = HeaderValue::from_static("application/json");
            self.headers.entry(CONTENT_TYPE).or_insert(json);
        }
        let patience = self.policy.response_timeout().unwrap_or(PROVIDER_TIMEOUT);
        let mut config =
            SessionConfig::new().policy(self.policy).limits(self.limits).comments(comments);
        // The session alone says which id is sent: the one to begin with is only the first.
        let named = self.headers.remove(LAST_EVENT_ID);
        let named = named.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        if let Some(id) = self.last_event_id.or(named) {
            config = config.last_event_id(EventId::new(id).map_err(BuildError::LastEventId)?);
        }
        let template = Template {
            client,
            method: self.method,
            url,
            headers: self.headers,
            body: self.body,
            provider: self.provider,
            patience,
            redirects: self.redirects,
            #[cfg(feature = "gzip")]
            expansion: self.expansion,
        };
        Ok(Updates::new(template, config))
    }
}

/// Shows header names, not values: they may be secrets. So may a URL's query.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("method", &self.method)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What cannot be asked for. Its `Display` is a sentence that says what is wrong and what to do, causes included, so
/// that it has no `source`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL is not one, or not of a web server.
    #[error("{}", UrlSentence { url, mistake: *mistake })]
    #[non_exhaustive]
    Url {
        /// What was given, without its query, and without what stands around an `@`: there may be
        /// secrets. Cut to 200 characters.
        url: String,
        /// What is wrong with it.
        mistake: UrlMistake,
    },
    /// A header's name is not one.
    #[error("{name:?} cannot be the name of a header: it may have letters, digits and hyphens")]
    #[non_exhaustive]
    HeaderName {
        /// What was given, up to a colon if it has one, and cut to 200 characters.
        name: String,
    },
    /// A header's value (not shown, since it may be a secret) cannot be sent.
    #[error(
        "the value of the header {name:?} cannot be sent: it has a line break or another control \
         character in it"
    )]
    #[non_exhaustive]
    HeaderValue {
        /// The header's name.
        name: String,
    },
    /// The last event ID could not have come from a stream.
    #[error("this cannot be a last event ID: {0}")]
    LastEventId(InvalidField),
    /// The value that was to be the body is not JSON, such as a map whose keys are no strings.
    #[cfg(feature = "json")]
    #[error("the body cannot be written as JSON: {0}")]
    Json(String),
    /// Settings for a client of its own, and a [shared one](Builder::shared_client) as well.
    #[error(
        "a shared HTTP client has its settings already: give them to `HttpClient::new`, not to \
         `Builder::client`"
    )]
    TwoClients,
    /// A header that says how the body is sent, which is the HTTP client's affair.
    #[error("the header {name:?} is not yours to set: the HTTP client says how a body is sent")]
    #[non_exhaustive]
    Framing {
        /// The header's name.
        name: String,
    },
    /// The client that was given could not be built.
    #[error("the HTTP client could not be made: {}", root_cause(.0))]
    Client(reqwest::Error),
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BuildError> {
    let Ok(name) = HeaderName::try_from(name) else {
        // Whoever gives the whole line as the name gives the value with it.
        let shown = name.split_once(':').map_or(name.into(), |(name, _)| format!("{name}:…"));
        return Err(BuildError::HeaderName { name: cut(&shown) });
    };
    if is_framing(&name) {
        return Err(BuildError::Framing { name: name.to_string() });
    }
    let Ok(mut value) = HeaderValue::try_from(value) else {
        return Err(BuildError::HeaderValue { name: name.to_string() });
    };
    hide_secret(&name, &mut value);
    Ok((name, value))
}

/// Whether a header is about the connection rather than the request: a wrong one leaves the server waiting
/// for a body that does not come.
pub(super) fn is_framing(name: &HeaderName) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
}

/// Keeps what names somebody out of debug output and of HTTP/2's compression table.
pub(super) fn hide_secret(name: &HeaderName, value: &mut HeaderValue) {
    if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
        value.set_sensitive(true);
    }
}

/// Takes the user and the password out of `url`, where they would be shown and would not outlast a
/// redirect, as the header that they stand for.
fn take_credentials(url: &mut Url, client: &Client) -> Result<Option<HeaderValue>, BuildError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    // The HTTP client does the same with each request, and knows how.
    let mut request = client.get(url.clone()).build().map_err(BuildError::Client)?;
    // A URL with a host takes both.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    Ok(request.headers_mut().remove(AUTHORIZATION))
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
