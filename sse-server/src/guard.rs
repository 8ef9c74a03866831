//! Against pages from elsewhere: those that publish by the browsers of others, and those that reach
//! for a listener on the loopback address.
//!
//! A browser lets any page send requests to this machine, and a page whose name resolves to this
//! machine (DNS rebinding) even reads the answers. What it cannot do is lie about `Host` and
//! `Origin`.

use http::{HeaderMap, Method, Request, StatusCode, header, header::HeaderName, uri::Authority};

use crate::{
    origin::{HostName, Origin},
    respond::Refusal,
};

/// What a request may say in `Host` and `Origin`.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    origins: Vec<Origin>,
}

impl Guard {
    pub(crate) fn new(more_hosts: &[HostName], origins: &[Origin]) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let more = more_hosts.iter().map(|host| host.as_str().to_owned());
        Self { hosts: own.into_iter().chain(more).collect(), origins: origins.to_vec() }
    }

    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let named = named_host(request)?;
        // Without a name no browser is at work: every one sends it.
        let Some(named) = named else { return Ok(()) };
        let authority = named.parse::<Authority>().ok();
        let host = authority.as_ref().map_or("", Authority::host).to_ascii_lowercase();
        if !self.hosts.contains(&host) || named.contains('@') {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format_args!(
                    "this server is for this machine and answers to {}, not to {named:?}; \
                     name another with --allow-host",
                    self.hosts.join(", ")
                ),
            ));
        }
        let Some(origin) = one(request.headers(), &header::ORIGIN)? else { return Ok(()) };
        if !is_of(origin, named) && !is_listed(origin, &self.origins) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format_args!(
                    "this server is for this machine's own pages, not for those of {origin:?}; \
                     put both behind one host, or name that origin with --allow-origin"
                ),
            ));
        }
        Ok(())
    }
}

/// Refuses what a page from elsewhere sends that would change something. A browser asks nobody before
/// it sends text, and adds the cookies of whoever sits before it.
pub(crate) fn own_page<B>(request: &Request<B>, origins: &[Origin]) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let origin = one(request.headers(), &header::ORIGIN)?;
    if origin.is_some_and(|origin| is_listed(origin, origins)) {
        return Ok(());
    }
    let is_own = match (one(request.headers(), &SEC_FETCH_SITE)?, origin) {
        // The browser knows, whatever name a proxy has put in the place of the host's.
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        (None, Some(origin)) => named_host(request)?.is_some_and(|named| is_of(origin, named)),
        // No browser.
        (None, None) => true,
    };
    if is_own {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        format_args!(
            "this is posted by a page of {:?}, and only the server's own may; send it from there, \
             or have that origin allowed (--allow-origin, RoutesConfig::allowed_origins)",
            origin.unwrap_or("another site")
        ),
    ))
}

/// What browsers say of a page that asks (W3C Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host and port that a request is for.
fn named_host<B>(request: &Request<B>) -> Result<Option<&str>, Refusal> {
    match request.uri().authority() {
        Some(authority) => Ok(Some(authority.as_str())),
        None => one(request.headers(), &header::HOST),
    }
}

fn is_of(origin: &str, named: &str) -> bool {
    let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    from.is_some_and(|from| from.eq_ignore_ascii_case(named))
}

fn is_listed(origin: &str, origins: &[Origin]) -> bool {
    origins.iter().any(|listed| listed.as_str() == origin)
}

/// The value of a header that there may be once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Refusal::bad_request(format_args!("the header {name} must be there once"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(host: Option<&str>, origin: Option<&str>) -> bool {
        let mut request = Request::get("/events");
        for (name, value) in [("host", host), ("origin", origin)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let guard =
            Guard::new(&["hub.test".parse().unwrap()], &["https://shop.test".parse().unwrap()]);
        guard.check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn only_this_machines_own_names_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:9",
            "hub.test:1",
        ] {
            assert!(allows(Some(host), None), "{host}");
        }
        for host in [
            "evil.test",
            "evil.test:8080",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "127.0.0.2",
            "localhost@evil.test",
            "evil.test@localhost",
            "localhost.",
            "0.0.0.0",
            "[::]",
            "",
            "127.1",
            "2130706433",
            "localhost:80:80",
            "a b",
        ] {
            assert!(!allows(Some(host), None), "{host}");
        }
        assert!(allows(None, None));
    }

    fn may_post(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post("/events/a");
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        own_page(&request.body(()).unwrap(), &["https://shop.test".parse().unwrap()]).is_ok()
    }

    #[test]
    fn only_pages_of_its_own_and_those_allowed_may_post() {
        let (host, own) = (("host", "hub.test"), ("origin", "https://hub.test"));
        let (evil, shop) = (("origin", "https://evil.test"), ("origin", "https://shop.test"));
        let site = |site| ("sec-fetch-site", site);
        for headers in [
            &[host][..],
            &[host, own],
            &[host, own, site("same-origin")],
            // Behind a proxy that has its own name for the host.
            &[("host", "10.0.0.1:8080"), own, site("same-origin")],
            &[host, site("none")],
            &[host, shop],
            &[host, shop, site("cross-site")],
        ] {
            assert!(may_post(headers), "{headers:?}");
        }
        for headers in [
            &[host, evil][..],
            &[host, ("origin", "null")],
            &[evil],
            &[host, evil, site("cross-site")],
            &[host, site("cross-site")],
            &[host, site("same-site")],
            &[host, own, site("cross-site")],
            &[host, own, evil],
            &[host, ("origin", "https://hub.test.evil.test")],
        ] {
            assert!(!may_post(headers), "{headers:?}");
        }
    }

    #[test]
    fn only_the_same_origin_may_ask() {
        let host = Some("localhost:8080");
        for origin in [
            "http://localhost:8080",
            "https://localhost:8080",
            "http://LOCALHOST:8080",
            "https://shop.test",
        ] {
            assert!(allows(host, Some(origin)), "{origin}");
        }
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "http://evil.test",
            "null",
            "",
            "http://127.0.0.1:8080",
            "file://",
            "http://localhost:8080.evil.test",
            "http://localhost:8080/",
            "chrome-extension://abc",
            "localhost:8080",
        ] {
            assert!(!allows(host, Some(origin)), "{origin}");
        }
    }
}
