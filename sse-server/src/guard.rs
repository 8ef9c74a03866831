//! Against pages from elsewhere that reach for a listener on the loopback address.
//!
//! A browser lets any page send requests to this machine, and a page whose name resolves to this
//! machine (DNS rebinding) even reads the answers. What it cannot do is lie about `Host` and
//! `Origin`.

use http::{HeaderMap, Request, StatusCode, header, uri::Authority};

use crate::respond::Refusal;

/// What a request may say in `Host` and `Origin`.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    pub(crate) fn new(more_hosts: &[String]) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let more = more_hosts.iter().map(|host| host.to_ascii_lowercase());
        Self { hosts: own.into_iter().chain(more).collect() }
    }

    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let named = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => one(request.headers(), &header::HOST)?,
        };
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
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if !from.is_some_and(|from| from.eq_ignore_ascii_case(named)) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format_args!(
                    "this server is for this machine's own pages, not for those of {origin:?}; \
                     put both behind one host"
                ),
            ));
        }
        Ok(())
    }
}

/// The value of a header that there may be once.
fn one<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a str>, Refusal> {
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
        Guard::new(&["hub.test".into()]).check(&request.body(()).unwrap()).is_ok()
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

    #[test]
    fn only_the_same_origin_may_ask() {
        let host = Some("localhost:8080");
        for origin in ["http://localhost:8080", "https://localhost:8080", "http://LOCALHOST:8080"] {
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
