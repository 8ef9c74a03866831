//! The URL of an event stream as people give it, and what can be wrong with it.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use thiserror::Error;
use url::{ParseError, Url};

/// Reads the URL of an event stream as a person gives it: with `http://` or `https://`, and forgiving
/// white space around it.
///
/// [`Builder::open`](super::Builder::open) does this by itself; a program that takes URLs from people
/// can so find a mistake while they type.
///
/// ```
/// use sse_client::{UrlMistake, parse_url};
///
/// assert_eq!(parse_url(" https://example.org ").unwrap(), "https://example.org/");
/// assert_eq!(parse_url("localhost:8080/events"), Err(UrlMistake::NoScheme));
/// ```
///
/// Gives it in its normal form.
///
/// # Errors
/// [`UrlMistake`] says what is wrong.
pub fn parse_url(text: &str) -> Result<String, UrlMistake> {
    parse(text).map(String::from)
}

pub(super) fn parse(text: &str) -> Result<Url, UrlMistake> {
    let text = text.trim();
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => match text.split_once("://") {
            // The URL standard takes the path's first segment for the host; a person forgot it.
            Some((_, rest)) if rest.starts_with('/') => Err(UrlMistake::NoHost),
            _ => Ok(url),
        },
        // "localhost:8080/events" reads as a URL with the scheme "localhost".
        Ok(_) if is_host_and_port(text) => Err(without_scheme(text)),
        Ok(_) => Err(UrlMistake::OtherScheme),
        Err(_) if text.is_empty() => Err(UrlMistake::Empty),
        Err(ParseError::EmptyHost) => Err(UrlMistake::NoHost),
        Err(ParseError::RelativeUrlWithoutBase) => Err(without_scheme(text)),
        Err(reason) => Err(malformed(reason)),
    }
}

fn is_host_and_port(text: &str) -> bool {
    text.split_once(':').is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What is wrong with a text that has no scheme.
fn without_scheme(text: &str) -> UrlMistake {
    let is_path = text.starts_with('/') && !text.starts_with("//");
    match Url::parse(&format!("http://{}", text.trim_start_matches('/'))) {
        // A path would read as a host.
        _ if is_path => UrlMistake::NotAUrl,
        // "http//example.org" lacks a colon, and would read as a host named "http".
        Ok(url) if matches!(url.host_str(), Some("http" | "https")) => UrlMistake::NotAUrl,
        Ok(_) => UrlMistake::NoScheme,
        Err(reason @ ParseError::InvalidPort) => malformed(reason),
        Err(_) => UrlMistake::NotAUrl,
    }
}

fn malformed(reason: ParseError) -> UrlMistake {
    UrlMistake::Malformed(match reason {
        ParseError::InvalidPort => "its port is not a number up to 65535",
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => {
            "its host has a character that no host can have"
        }
        ParseError::InvalidIpv6Address => {
            "its IPv6 address is none; it is written as in http://[::1]:8080/events"
        }
        ParseError::InvalidIpv4Address => "its IPv4 address is none",
        ParseError::EmptyHost
        | ParseError::Overflow
        | ParseError::RelativeUrlWithCannotBeABaseBase
        | ParseError::RelativeUrlWithoutBase
        | ParseError::SetHostOnCannotBeABaseUrl
        | _ => "it cannot be read",
    })
}

/// What can be wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlMistake {
    /// There is nothing.
    #[error("no URL was given")]
    Empty,
    /// It does not begin with `http://` or `https://`, but would be right with it.
    #[error("the URL does not say how to connect: begin it with http:// or https://")]
    NoScheme,
    /// Its scheme is another.
    #[error("the URL of an event stream must begin with http:// or https://")]
    OtherScheme,
    /// It names no host.
    #[error("the URL names no host")]
    NoHost,
    /// It has no scheme, and would not be one with it either.
    #[error("this is not a URL")]
    NotAUrl,
    /// It is malformed in the way that this says.
    #[error("this is not a URL: {0}")]
    Malformed(&'static str),
}

/// A given text as an error may show it: no longer than a line or two, and without what may be a
/// secret in it.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let text = text.trim();
    let query = text.find(['?', '#']).map_or(text.len(), |query| query + 1);
    // What stands before it is a password or ends in one, and a password may hold anything.
    let end = if text.contains('@') { query.min(scheme_len(text)) } else { query };
    let end = text.char_indices().nth(LONGEST).map_or(end, |(longest, _)| end.min(longest));
    if end == text.len() { text.to_string() } else { format!("{}…", &text[..end]) }
}

/// The length of the scheme that `text` begins with, and of the slashes after it; 0 without slashes.
fn scheme_len(text: &str) -> usize {
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    match text.split_once("//").map(|(before, _)| before) {
        Some("") => 2,
        Some(before)
            if before.strip_suffix(':').is_some_and(|name| name.chars().all(of_scheme)) =>
        {
            before.len() + 2
        }
        Some(_) | None => 0,
    }
}

/// The sentence of a mistake.
pub(super) struct UrlSentence<'a> {
    pub(super) url: &'a str,
    pub(super) mistake: UrlMistake,
}

impl fmt::Display for UrlSentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url;
        match self.mistake {
            UrlMistake::Empty => {
                f.write_str("no URL was given: write one such as http://localhost:8080/events")
            }
            UrlMistake::NoScheme => {
                let with = format!("http://{}", url.trim_start_matches('/'));
                write!(f, "{url:?} does not say how to connect: write {with:?}")
            }
            UrlMistake::OtherScheme => write!(
                f,
                "{url:?} is not the URL of an event stream: it must begin with http:// or https://",
            ),
            UrlMistake::NoHost => {
                write!(f, "{url:?} names no host: write one such as http://localhost:8080/events")
            }
            UrlMistake::NotAUrl => {
                write!(f, "{url:?} is not a URL: write one such as http://localhost:8080/events")
            }
            UrlMistake::Malformed(reason) => {
                write!(f, "{url:?} is not a URL: {reason}")
            }
        }
    }
}
