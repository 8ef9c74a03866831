//! What stopped a request, in one sentence.

use core::error::Error as StdError;
use std::io;

use sse_client::session::{Failure, FailureKind};
use tokio_rustls::rustls;
use url::Url;

/// The host and port of `url`, as people write them; never its user, password, path or query.
pub(crate) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "the URL's host".to_owned(),
    }
}

pub(crate) fn unknown_name(host: &str) -> Failure {
    let message = format!("no address is known for {host:?}: check the name, or the network");
    Failure::new(FailureKind::Resolve, message)
}

/// No connection to `place`.
pub(crate) fn unconnected(place: &str, error: &io::Error) -> Failure {
    let is = |kind| error.kind() == kind;
    let (kind, message) = if is(io::ErrorKind::ConnectionRefused) {
        let message =
            format!("nothing listens at {place}: connection refused; is the server running?");
        (FailureKind::Refused, message)
    } else if is(io::ErrorKind::HostUnreachable) || is(io::ErrorKind::NetworkUnreachable) {
        let message =
            format!("there is no way to {place}: {error}; check the address, or the network");
        (FailureKind::Unreachable, message)
    } else if is(io::ErrorKind::TimedOut) {
        (FailureKind::TimedOut, format!("{place} gave no answer in time: {error}"))
    } else {
        (FailureKind::Connect, format!("no connection to {place}: {error}"))
    };
    Failure::new(kind, message)
}

pub(crate) fn untrusted(place: &str, error: &io::Error) -> Failure {
    let cause = root_cause(error);
    // So rustls says that the answer was not TLS at all.
    let hung_up = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
    let is_passing = hung_up.contains(&error.kind());
    let advice = if is_passing {
        "; it hung up: does it speak TLS, or is it http:// rather than https://?"
    } else if ["InvalidContentType", "corrupt message"].iter().any(|w| cause.contains(w)) {
        "; it seems to speak no TLS: is it http:// rather than https://?"
    } else {
        "; check the certificate and its name"
    };
    let message = format!("no secure connection to {place}: {cause}{advice}");
    // It hung up, which the next attempt may not see.
    let kind = if is_passing { FailureKind::Connect } else { FailureKind::Tls };
    Failure::new(kind, message)
}

/// In words what rustls says in names.
pub(crate) fn of_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) = error else {
        return error.to_string();
    };
    match other.0.to_string().as_str() {
        "CaUsedAsEndEntity" => {
            "its certificate is an authority's, not a server's, and not one that is trusted".into()
        }
        "UnsupportedCertVersion" => {
            "a certificate is of X.509 version 1; make one of version 3".into()
        }
        other => format!("a certificate is not in order ({other})"),
    }
}

/// The request went out and no response came.
pub(crate) fn unanswered(place: &str, error: &hyper::Error) -> Failure {
    let cause = root_cause(error);
    if error.is_parse() || cause.contains("frame") {
        let message = format!("what {place} answers is not HTTP: {cause}; is this the right port?");
        return Failure::new(FailureKind::Protocol, message);
    }
    let message = format!("{place} closed the connection without an answer: {cause}");
    Failure::new(FailureKind::Interrupted, message)
}

pub(crate) fn broken_off(place: &str, error: &hyper::Error) -> Failure {
    let cause = root_cause(error);
    let message = format!("the connection to {place} broke in the middle of the stream: {cause}");
    Failure::new(FailureKind::Interrupted, message)
}

/// The words of the innermost cause: the outer ones only say that something was sent.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    loop {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped.map(|error| error as &(dyn StdError + 'static)).or(cause.source()) {
            Some(inner) => cause = inner,
            None => break,
        }
    }
    if let Some(error) = cause.downcast_ref() {
        return of_tls(error);
    }
    let words = cause.to_string();
    // Where rustls has its manual is of no use to whoever watches a stream.
    words.split_once(": https://docs.rs/").map_or(words.clone(), |(words, _)| words.to_owned())
}
