//! A request and its response, over all redirects.

use alloc::sync::Arc;
use core::time::Duration;
use std::{sync::OnceLock, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use sse_client::session::{Failure, FailureKind};
use tokio::sync::mpsc::UnboundedSender;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::{
    dial::{self, Dialed, Tls},
    failure, inflate,
    line::{self, Line, Response},
    proxy::{self, Proxy, ProxyChoice},
    tls::Trust,
};

/// As many as browsers follow.
const MOST_REDIRECTS: u32 = 20;

/// What is sent, but for the last event ID.
pub(crate) struct Template {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// Headers of ours that are not sent.
    pub(crate) without: Vec<HeaderName>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) compressed: bool,
    pub(crate) trust: Trust,
    /// Made of `trust` where it is first needed.
    pub(crate) tls: OnceLock<Arc<ClientConfig>>,
    /// The same for a proxy.
    pub(crate) proxy_tls: OnceLock<Arc<ClientConfig>>,
}

/// The server sent the request elsewhere.
#[derive(Debug)]
pub(crate) struct Redirected {
    pub(crate) status: StatusCode,
    pub(crate) location: Url,
    /// What the request had until here, and does not have from here on.
    pub(crate) kept_back: Vec<HeaderName>,
}

/// One request of an attempt.
struct Hop {
    method: Method,
    url: Url,
    body: Option<Bytes>,
    /// Still at the origin that the user named: others get no personal header.
    at_home: bool,
}

impl Template {
    /// The headers of the first request, as they are sent.
    pub(crate) fn headers(&self, last_event_id: Option<&[u8]>) -> HeaderMap {
        self.headers_at(true, self.body.is_some(), last_event_id)
    }

    /// Sends the request and follows redirects; each is told to `redirects`.
    pub(crate) async fn send(
        &self,
        last_event_id: Option<Vec<u8>>,
        redirects: UnboundedSender<Redirected>,
    ) -> Result<Response, Failure> {
        let mut hop = Hop {
            method: self.method.clone(),
            url: self.url.clone(),
            body: self.body.clone(),
            at_home: true,
        };
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send_once(&hop, last_event_id.as_deref()).await?;
            let Some(next) = hop.follow(response.status, &response.headers)? else {
                return Ok(response);
            };
            let leaves = hop.at_home && !next.at_home;
            let kept_back = if leaves { self.personal().cloned().collect() } else { Vec::new() };
            let (status, location) = (response.status, next.url.clone());
            let told = Redirected { status, location, kept_back };
            // Nobody listens once the watch is over.
            let _ = redirects.send(told);
            hop = next;
        }
        let from = failure::place(&hop.url);
        let message = format!(
            "the redirects lead in a circle: gave up after {MOST_REDIRECTS}, the last one from {from}"
        );
        Err(Failure::new(FailureKind::Redirect, message))
    }

    async fn send_once(
        &self,
        hop: &Hop,
        last_event_id: Option<&[u8]>,
    ) -> Result<Response, Failure> {
        let proxy = proxy::proxy_for(&hop.url, &self.proxy)?;
        let dialed = self.dialed(hop, proxy.as_ref()).await?;
        let request = self.message(hop, proxy.as_ref(), dialed.is_http2, last_event_id)?;
        line::speak(request, dialed, hop.place()).await
    }

    /// The request, as it goes over a connection of this kind.
    fn message(
        &self,
        hop: &Hop,
        proxy: Option<&Proxy>,
        is_http2: bool,
        last_event_id: Option<&[u8]>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder().method(hop.method.clone());
        let taker = proxy.filter(|proxy| proxy.takes_request(&hop.url));
        let whole = is_http2 || taker.is_some();
        request = request.uri(target(&hop.url, whole));
        let headers = self.headers_at(hop.at_home, hop.body.is_some(), last_event_id);
        if let Some(all) = request.headers_mut() {
            if !is_http2 && !headers.contains_key(header::HOST) {
                all.extend(host(&hop.url).map(|host| (header::HOST, host)));
            }
            let authorization = taker.and_then(Proxy::authorization);
            all.extend(authorization.map(|value| (header::PROXY_AUTHORIZATION, value)));
            all.extend(headers);
        }
        let body = Full::new(hop.body.clone().unwrap_or_default());
        request.body(body).map_err(|error| {
            let message = format!("the request to {} cannot be sent: {error}", hop.place());
            Failure::new(FailureKind::Request, message)
        })
    }

    /// Sends one request, and keeps the connection for the next; no redirect is followed.
    pub(crate) async fn post(
        &self,
        line: &mut Option<Line>,
        body: Bytes,
    ) -> Result<Response, Failure> {
        let hop = Hop {
            method: self.method.clone(),
            url: self.url.clone(),
            body: Some(body),
            at_home: true,
        };
        let proxy = proxy::proxy_for(&hop.url, &self.proxy)?;
        // One that the server has closed meanwhile is told before anything is sent on it.
        let mut kept = line.take();
        if let Some(line) = &mut kept
            && !line.is_ready().await
        {
            kept = None;
        }
        let mut open = match kept {
            Some(kept) => kept,
            None => {
                let dialed = self.dialed(&hop, proxy.as_ref()).await?;
                Line::open(dialed, &hop.place()).await?
            }
        };
        let request = self.message(&hop, proxy.as_ref(), open.is_http2(), None)?;
        let response = open.send(request, hop.place()).await?;
        *line = Some(open);
        Ok(response)
    }

    async fn dialed(&self, hop: &Hop, proxy: Option<&Proxy>) -> Result<Dialed, Failure> {
        let dialing = dial::dial(&hop.url, proxy, self);
        let in_time = tokio::time::timeout(dial::LONGEST, dialing).await;
        in_time.unwrap_or_else(|_| {
            let place = failure::place(&hop.url);
            Err(failure::unconnected(&place, &std::io::ErrorKind::TimedOut.into()))
        })
    }

    /// The names of the headers that only the origin gets that the user named.
    fn personal(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.keys().filter(|name| !IMPERSONAL.contains(name))
    }

    fn headers_at(&self, at_home: bool, body: bool, last_event_id: Option<&[u8]>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if self.compressed {
            let accepted = HeaderValue::from_static(inflate::ACCEPTED);
            headers.insert(header::ACCEPT_ENCODING, accepted);
        }
        for name in &self.without {
            headers.remove(name);
        }
        let mut named = None;
        for (name, value) in &self.headers {
            if (at_home || IMPERSONAL.contains(name)) && (body || name != header::CONTENT_TYPE) {
                // The first of a name stands in place of ours; further ones beside it.
                if named.replace(name) == Some(name) {
                    headers.append(name, value.clone());
                } else {
                    headers.insert(name, value.clone());
                }
            }
        }
        if let Some(id) = last_event_id.and_then(|id| HeaderValue::from_bytes(id).ok()) {
            headers.insert(HeaderName::from_static("last-event-id"), id);
        }
        headers
    }
}

/// Reading what the system trusts takes a while, so it is done once.
impl Tls for Template {
    fn server(&self) -> Result<Arc<ClientConfig>, Failure> {
        made_once(&self.tls, || self.trust.config())
    }

    fn proxy(&self) -> Result<Arc<ClientConfig>, Failure> {
        made_once(&self.proxy_tls, || {
            let ProxyChoice { insecure, authorities, .. } = self.proxy.clone();
            Trust { insecure, authorities, identity: None }.config_for_proxy()
        })
    }
}

fn made_once(
    cell: &OnceLock<Arc<ClientConfig>>,
    make: impl FnOnce() -> Result<ClientConfig, Failure>,
) -> Result<Arc<ClientConfig>, Failure> {
    if let Some(config) = cell.get() {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(make()?);
    Ok(Arc::clone(cell.get_or_init(|| config)))
}

/// Headers that tell nothing of who asks.
const IMPERSONAL: [HeaderName; 4] =
    [header::ACCEPT, header::CACHE_CONTROL, header::USER_AGENT, header::CONTENT_TYPE];

const USER_AGENT: &str = concat!("sse-monitor/", env!("CARGO_PKG_VERSION"));

impl Hop {
    fn place(&self) -> String {
        failure::place(&self.url)
    }

    /// Where a response sends the request, by the Fetch standard's "HTTP-redirect fetch"; `None`: it
    /// is the answer.
    fn follow(&self, status: StatusCode, headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = headers.get(header::LOCATION).filter(|_| is_redirect) else {
            return Ok(None);
        };
        let astray = |message| Err(Failure::new(FailureKind::Redirect, message));
        let target = core::str::from_utf8(location.as_bytes());
        let url = match target.ok().and_then(|target| self.url.join(target).ok()) {
            Some(url) if matches!(url.scheme(), "http" | "https") => url,
            Some(url) => {
                let (from, scheme) = (self.place(), url.scheme());
                return astray(format!(
                    "{from} redirects to a URL that begins with {scheme}:, and event streams are read over http and https \
                     alone: check the URL, or ask whoever runs {from}"
                ));
            }
            None => {
                let from = self.place();
                return astray(format!(
                    "{from} redirects to something that is not a URL: check the one that was asked for, or ask \
                     whoever runs {from}"
                ));
            }
        };
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        Ok(Some(Self {
            method: if becomes_get { Method::GET } else { self.method.clone() },
            body: if becomes_get { None } else { self.body.clone() },
            at_home: self.at_home && url.origin() == self.url.origin(),
            url,
        }))
    }
}

/// `Retry-After` as a time from now: of its two forms one is that already, the other a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than that are more than anyone's patience.
        let seconds = value.parse().map(Duration::from_secs);
        return Some(seconds.unwrap_or(Duration::MAX));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    // The server's own clock, where it shows it, so that the difference of two clocks is none.
    let theirs = headers.get(header::DATE).and_then(|value| date(value.to_str().ok()?));
    let from = theirs.unwrap_or_else(SystemTime::now);
    Some(date(value)?.duration_since(from).unwrap_or_default())
}

/// What the request line says.
fn target(url: &Url, whole: bool) -> String {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    if whole {
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        format!("{}://{authority}{path}", url.scheme())
    } else {
        path.to_owned()
    }
}

fn host(url: &Url) -> Option<HeaderValue> {
    HeaderValue::from_str(&url[url::Position::BeforeHost..url::Position::AfterPort]).ok()
}
