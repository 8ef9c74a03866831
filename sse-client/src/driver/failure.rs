//! What a transport's error means, in one sentence.

use alloc::{
    format,
    string::{String, ToString},
};
use core::error::Error as StdError;
use std::io;

use url::{Host, Url};

use super::told::Told;
use crate::session::{Failure, FailureKind};

/// The host and port of `url`, as people write them; never its user, password, path or query.
pub(super) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_string(),
        (None, _) => "the URL's host".to_string(),
    }
}

/// Why a request to `url` has no response.
pub(super) fn classify(error: &reqwest::Error, url: &Url, told: &Told) -> Failure {
    let place = place(url);
    let cause = root_cause(error);
    let kind = kind_of(error, url);
    if is_of_tunnel(error) {
        let cause = match cause.trim_start_matches(TUNNEL) {
            "unsuccessful" => "it refused",
            cause => cause,
        };
        let message = format!(
            "the proxy made no way to {place}: {cause}; check the proxy's address and its credentials"
        );
        return Failure::new(FailureKind::Connect, message);
    }
    Failure::new(
        kind,
        match kind {
            FailureKind::Refused => format!(
                "nothing listens at {place}{}: connection refused; is the server running?",
                told.or_proxy(url, "at")
            ),
            FailureKind::Resolve => match url.host() {
                Some(Host::Domain(host)) => format!(
                    "no address is known for {host:?}{}: check the name, or the network",
                    told.or_proxy(url, "for")
                ),
                // Addresses need no looking up: the name was another's.
                Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                    format!(
                        "no address is known for the proxy on the way to {place}: check its name"
                    )
                }
            },
            FailureKind::Unreachable => {
                format!("there is no way to {place}: {cause}; check the address, or the network")
            }
            FailureKind::TimedOut if error.is_connect() => format!(
                "no connection to {place} came about in time: check the address, or the network"
            ),
            FailureKind::TimedOut => format!("{place} gave no answer in time: {cause}"),
            FailureKind::Tls => {
                if speaks_no_tls(&cause) {
                    format!("{place} does not speak TLS: is it http:// rather than https://?")
                } else if has_no_tls(error) {
                    format!(
                        "{place} cannot be reached securely, since this program has no TLS: the features \
                         rustls and native-tls of sse-client bring it"
                    )
                } else {
                    let cause = of_native_tls(error).unwrap_or(cause);
                    format!("{place} cannot be reached securely: {}", distrust(&cause))
                }
            }
            FailureKind::Protocol if is_too_large(&cause) => {
                format!("{place} answers with a head that is too large: {cause}")
            }
            FailureKind::Protocol if is_not_http2(&cause) => format!(
                "{place} does not answer in HTTP/2, which was asked for without asking it first \
                 (`http2_prior_knowledge`): {cause}"
            ),
            // A TLS server answers plain HTTP by an alert, of which hyper shows no byte.
            FailureKind::Protocol if url.scheme() == "http" => format!(
                "what {place} answers is not HTTP: {cause}; is this the right port, and is it http:// \
                 rather than https://?"
            ),
            FailureKind::Protocol => {
                format!("what {place} answers is not HTTP: {cause}; is this the right port?")
            }
            FailureKind::Interrupted => {
                let hint =
                    if may_want_tls(url) { "; is it https:// rather than http://?" } else { "" };
                format!("{place} closed the connection without an answer: {cause}{hint}")
            }
            FailureKind::Request
            | FailureKind::Redirect
            | FailureKind::Coding
            | FailureKind::Expansion => {
                format!("the request to {place} cannot be sent: {cause}")
            }
            FailureKind::Connect if is_passing(&cause) => {
                format!("{place} broke off the TLS handshake: {cause}")
            }
            FailureKind::Connect => format!("{place} cannot be reached: {cause}"),
        },
    )
}

/// Why the body of a response from `url` broke off.
pub(super) fn classify_body(error: &reqwest::Error, url: &Url) -> Failure {
    let place = place(url);
    let cause = root_cause(error);
    if error.is_timeout() {
        let message = format!("the stream from {place} was cut by the HTTP client's own time-out");
        return Failure::new(FailureKind::TimedOut, message);
    }
    let message = format!("the connection to {place} broke in the middle of the stream: {cause}");
    Failure::new(FailureKind::Interrupted, message)
}

fn kind_of(error: &reqwest::Error, url: &Url) -> FailureKind {
    let io_kind = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
        .map(io::Error::kind);
    let hyper = causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).last();
    if error.is_builder() {
        return FailureKind::Request;
    }
    if error.is_dns() {
        return FailureKind::Resolve;
    }
    if error.is_timeout() {
        return FailureKind::TimedOut;
    }
    let cause = root_cause(error);
    if hyper.is_some_and(hyper::Error::is_parse) || cause.contains(UNASKED) || is_not_http2(&cause)
    {
        return FailureKind::Protocol;
    }
    // In TLS 1.3 the server judges a client's certificate only after the handshake.
    if url.scheme() == "https" && is_alert(&cause) && !is_passing(&cause) {
        return FailureKind::Tls;
    }
    if !error.is_connect() {
        return FailureKind::Interrupted;
    }
    match io_kind {
        Some(io::ErrorKind::ConnectionRefused) => FailureKind::Refused,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            FailureKind::Unreachable
        }
        // What rustls calls its own errors: its verdict, or what the other side told it.
        Some(io::ErrorKind::InvalidData) if url.scheme() == "https" && !is_passing(&cause) => {
            FailureKind::Tls
        }
        // Below TLS all went well: what failed is the handshake, or there is no TLS at all.
        None if of_native_tls(error).is_some_and(|cause| !is_passing(&cause)) => FailureKind::Tls,
        None if has_no_tls(error) => FailureKind::Tls,
        _ => FailureKind::Connect,
    }
}

/// How the errors of a tunnel through a proxy begin. Their type has no name outside its crate.
const TUNNEL: &str = "tunnel error: ";

fn is_of_tunnel(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with(TUNNEL))
}

/// What the platform's TLS says, which knows more than what lies below it.
#[cfg(feature = "native-tls")]
fn of_native_tls(error: &reqwest::Error) -> Option<String> {
    causes(error).find(|cause| cause.is::<native_tls::Error>()).map(ToString::to_string)
}

#[cfg(not(feature = "native-tls"))]
fn of_native_tls(_: &reqwest::Error) -> Option<String> {
    None
}

/// Whether a handshake failed by what may be otherwise the next time: the other side broke it off, without a
/// word or by an alert that is about neither certificates nor versions, as a server does that is being
/// restarted. The words are those of rustls and of OpenSSL.
fn is_passing(cause: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|words| cause.contains(words));
    let is_verdict =
        has(&["ertificate", "UnknownCA", "unknown ca", "ProtocolVersion", "protocol version"])
            || has(&["InsufficientSecurity", "UnrecognisedName", "unrecognized name"])
            || has(&[
                "NoApplicationProtocol",
                "no application protocol",
                "AccessDenied",
                "access denied",
            ]);
    has(&["unexpected EOF", "handshake eof"]) || (is_alert(cause) && !is_verdict)
}

/// Whether it is the other side's word, as rustls and OpenSSL put it.
fn is_alert(cause: &str) -> bool {
    ["fatal alert", " alert "].iter().any(|words| cause.contains(words))
}

/// So a client that was built without TLS refuses a URL.
fn has_no_tls(error: &reqwest::Error) -> bool {
    root_cause(error).contains("scheme is not http")
}

/// So rustls and OpenSSL say that the answer was not TLS at all. Only words: what the reasons are
/// called is the TLS library's affair.
fn speaks_no_tls(cause: &str) -> bool {
    let not_tls = ["InvalidContentType", "wrong version number", "packet length too long"];
    not_tls.iter().any(|words| cause.contains(words))
}

/// Whether it is plain HTTP to a port of the kind that TLS servers have, such as 443 and 8443.
fn may_want_tls(url: &Url) -> bool {
    url.scheme() == "http" && url.port_or_known_default().is_some_and(|port| port % 1000 == 443)
}

/// What a TLS library's words for a certificate mean, and what to do about it.
fn distrust(cause: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|words| cause.contains(words));
    let meaning = match () {
        () if is_alert(cause) && has(&["ertificate", "UnknownCA", "unknown ca"]) => {
            "it does not trust this client's certificate, or wants to see one: give the HTTP client one \
             (`identity`) that it trusts"
        }
        () if cause.contains("CaUsedAsEndEntity") => {
            "its certificate is an authority's and not a server's, as a self-signed one often is; make \
             one that says \"CA:FALSE\", or one that an authority of your own signs"
        }
        () if has(&["UnknownIssuer", "self-signed certificate", "local issuer certificate"]) => {
            "nobody who is trusted here has signed its certificate; if it is your own, give the HTTP \
             client the authority's certificate"
        }
        () if has(&["Expired", "certificate has expired"]) => {
            "its certificate has expired, or this machine's clock is wrong"
        }
        () => return format!("{cause}; check the certificate and its name"),
    };
    format!("{meaning} ({cause})")
}

/// So hyper says that something spoke before it was asked. There is no predicate for it.
const UNASKED: &str = "received unexpected message";

/// So h2 says that what came are no frames.
fn is_not_http2(cause: &str) -> bool {
    cause.contains("frame with invalid size")
}

/// So hyper says that a head is longer than it takes. Its predicate for that is its server's.
fn is_too_large(cause: &str) -> bool {
    cause.contains("message head is too large")
}

/// The words of the innermost cause: the outer ones only say that a request was sent.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// From the outermost to the innermost. An `io::Error` that wraps another error steps over it in
/// its own `source`, and that other one is the one that knows.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    core::iter::successors(error.source(), |&cause| {
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => cause.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_to_a_port_of_tls_may_want_it() {
        for (url, expected) in [
            ("http://example.org:443/", true),
            ("http://example.org:8443/", true),
            ("http://example.org:8080/", false),
            ("http://example.org/", false),
            ("https://example.org:8443/", false),
        ] {
            assert_eq!(Url::parse(url).map(|url| may_want_tls(&url)), Ok(expected), "{url}");
        }
    }
}
