//! Requests, and the redirects between a request and its answer.

use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use core::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE,
        CONTENT_LOCATION, CONTENT_TYPE, LOCATION,
    },
};
use reqwest::Response;
use url::Url;

use super::{
    HttpClient,
    builder::{hide_secret, is_framing},
    failure::{classify, place},
};
use crate::session::{Attempt, Failure, FailureKind};

/// The Fetch standard's limit.
const MOST_REDIRECTS: u8 = 20;

pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

/// Makes the headers of an attempt.
pub(super) type Provider = Box<dyn FnMut(Attempt) -> Provided + Send>;

pub(super) type Provided = Pin<Box<dyn Future<Output = Result<HeaderMap, Failure>> + Send>>;

/// Which redirects are followed: see [`Builder::redirects`](super::Builder::redirects).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Redirects {
    /// All, to any web server, up to 20 in a row, as the Fetch standard has it.
    #[default]
    All,
    /// Those that stay with the URL's origin: its scheme, host and port. Another ends the event
    /// source.
    SameOrigin,
    /// None: each ends the event source.
    None,
}

/// Whose value is the session's affair.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What each attempt asks for.
pub(super) struct Template {
    pub(super) client: HttpClient,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    pub(super) provider: Option<Provider>,
    /// How long the provider may take.
    pub(super) patience: Duration,
    pub(super) redirects: Redirects,
    /// What a compressed body may expand to.
    #[cfg(feature = "gzip")]
    pub(super) expansion: Option<super::Expansion>,
}

/// One request of an attempt: the first goes to the original URL, the next where it was sent.
pub(super) struct Hop {
    method: Method,
    url: Url,
    body: Option<Bytes>,
    /// A redirect made a request without a body of one with it.
    lost_its_body: bool,
    /// Whether every request so far went to the original origin.
    at_home: bool,
    redirects: u8,
    last_event_id: Option<HeaderValue>,
    /// What the provider made for this attempt; as personal as the template's own.
    provided: Option<Box<HeaderMap>>,
}

/// What a response means for the attempt.
pub(super) enum Turn {
    /// It is the answer.
    Answer,
    /// The request goes elsewhere.
    Redirect(Hop),
    /// It should go elsewhere, but cannot.
    Astray(Failure),
}

impl Template {
    /// An attempt's first request. `last_event_id` is the header's value.
    pub(super) fn first(&self, last_event_id: Option<&[u8]>) -> Hop {
        Hop {
            method: self.method.clone(),
            url: self.url.clone(),
            body: self.body.clone(),
            lost_its_body: false,
            at_home: true,
            redirects: 0,
            last_event_id: last_event_id.and_then(|value| HeaderValue::from_bytes(value).ok()),
            provided: None,
        }
    }

    /// Sends one request.
    pub(super) fn send(&self, hop: &Hop) -> Answer {
        let mut headers =
            if hop.at_home { self.headers.clone() } else { self.impersonal_headers() };
        if let (true, Some(provided)) = (hop.at_home, &hop.provided) {
            // What the provider names stands instead of what the builder named.
            headers.extend(HeaderMap::clone(provided));
        }
        if hop.lost_its_body {
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                headers.remove(name);
            }
        }
        if !hop.at_home {
            // A header that is named, even an empty one, stands instead of the client's own.
            for name in self.client.told().secrets() {
                headers.insert(name, HeaderValue::from_static(""));
            }
        }
        if let Some(id) = &hop.last_event_id {
            headers.insert(LAST_EVENT_ID, id.clone());
        }
        let client = self.client.client();
        let mut request = client.request(hop.method.clone(), hop.url.clone()).headers(headers);
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        let (url, told) = (hop.url.clone(), Arc::clone(self.client.told()));
        // The sentence names the host; the URL's query may hold a secret.
        let sent = move |error: reqwest::Error| classify(&error.without_url(), &url, &told);
        Box::pin(async move { request.send().await.map_err(sent) })
    }

    /// What any origin may know: not who asks.
    fn impersonal_headers(&self) -> HeaderMap {
        let impersonal = [ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE];
        let named = self.headers.iter().filter(|(name, _)| impersonal.contains(name));
        named.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl Hop {
    pub(super) fn provide(&mut self, mut headers: HeaderMap) {
        headers.remove(LAST_EVENT_ID);
        let framing: Vec<_> = headers.keys().filter(|name| is_framing(name)).cloned().collect();
        for name in framing {
            headers.remove(name);
        }
        for (name, value) in &mut headers {
            hide_secret(name, value);
        }
        self.provided = Some(Box::new(headers));
    }

    pub(super) fn is_first(&self) -> bool {
        self.redirects == 0
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Follows a redirect as the Fetch standard's "HTTP-redirect fetch" does.
    pub(super) fn turn(&self, status: StatusCode, headers: &HeaderMap, allowed: Redirects) -> Turn {
        let (true, Some(location)) =
            (matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308), headers.get(LOCATION))
        else {
            return Turn::Answer;
        };
        let astray = |message| Turn::Astray(Failure::new(FailureKind::Redirect, message));
        let from = place(&self.url);
        if self.redirects == MOST_REDIRECTS {
            return astray(format!(
                "the redirects lead in a circle: gave up after {MOST_REDIRECTS}, the last one from \
                 {from}"
            ));
        }
        let target = core::str::from_utf8(location.as_bytes());
        let url = match target.ok().and_then(|target| self.url.join(target).ok()) {
            Some(url) if matches!(url.scheme(), "http" | "https") => url,
            Some(url) => {
                let scheme = url.scheme();
                return astray(format!(
                    "{from} redirects to an address that is not a web server's: it begins with {scheme}:"
                ));
            }
            None => return astray(format!("{from} redirects to something that is not a URL")),
        };
        let is_home = url.origin() == self.url.origin();
        let to = place(&url);
        match allowed {
            Redirects::All => {}
            Redirects::SameOrigin if is_home => {}
            Redirects::SameOrigin => {
                let message = format!("{from} redirects to another origin, {to}");
                return astray(message + ", and this client is told not to follow there");
            }
            Redirects::None => {
                let message = format!("{from} redirects to {to}");
                return astray(message + ", and this client is told to follow no redirect");
            }
        }
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        Turn::Redirect(Self {
            method: if becomes_get { Method::GET } else { self.method.clone() },
            body: if becomes_get { None } else { self.body.clone() },
            lost_its_body: self.lost_its_body || becomes_get,
            at_home: self.at_home && is_home,
            redirects: self.redirects + 1,
            last_event_id: self.last_event_id.clone(),
            provided: self.provided.clone(),
            url,
        })
    }
}

/// Without headers and query: they may hold secrets.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("method", &self.method)
            .field("at", &place(&self.url))
            .finish_non_exhaustive()
    }
}
