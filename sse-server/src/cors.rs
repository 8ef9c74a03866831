//! Which pages of other origins may read the answers: those that may post, and no others.
//!
//! A browser asks first (a preflight) where a page sends more than a form could, and shows a page
//! no answer that does not name its origin: not even why it was refused.

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{self, HeaderName},
};

use crate::{body::Body, origin::Origin, respond::Refusal};

/// What a page may send besides what any form can: who asks, what a body is, and where to resume.
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Cache-Control, Content-Type, Last-Event-ID");

/// What a page may read besides what it may of any answer.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static("Retry-After");

/// For how many seconds a browser need not ask again: no browser takes more than two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What is added to the answer to one request.
#[derive(Debug)]
pub(crate) struct Cors {
    /// That of the page, if it is one of those allowed.
    origin: Option<HeaderValue>,
}

impl Cors {
    /// `None` where no origins are allowed, so that answers do not depend on them.
    pub(crate) fn of<B>(request: &Request<B>, allowed: &[Origin]) -> Option<Self> {
        if allowed.is_empty() {
            return None;
        }
        let mut named = request.headers().get_all(header::ORIGIN).iter();
        let origin = named.next().filter(|named| {
            allowed.iter().any(|allowed| allowed.as_str().as_bytes() == named.as_bytes())
        });
        Some(Self { origin: origin.filter(|_| named.next().is_none()).cloned() })
    }

    /// Lets the page read an answer, if it may.
    pub(crate) fn let_read(self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        // Otherwise a cache would show one page what was let another read.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers
                .insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

/// Whether a browser asks what a page may send.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    let has = |name: HeaderName| request.headers().contains_key(name);
    *request.method() == Method::OPTIONS
        && has(header::ORIGIN)
        && has(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers what a page may send to a route that takes these methods.
pub(crate) fn preflight<B>(
    request: &Request<B>,
    allowed: &[Origin],
    methods: &'static str,
) -> Result<Response<Body>, Refusal> {
    let may = Cors::of(request, allowed).is_some_and(|cors| cors.origin.is_some());
    if !may {
        let origin = request.headers().get(header::ORIGIN).map_or(&b""[..], HeaderValue::as_bytes);
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format_args!(
                "pages of {:?} may not ask this server; have that origin allowed \
                 (--allow-origin, RoutesConfig::allowed_origins), or put both behind one host",
                String::from_utf8_lossy(origin)
            ),
        ));
    }
    let mut response = Response::new(Body::from(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(
        header::VARY,
        HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"),
    );
    Ok(response)
}
