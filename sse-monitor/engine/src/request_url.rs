//! A URL as somebody typed it.

use sse_client::UrlMistake;
use url::{ParseError, Url};

use crate::{masked::shown_url, request::RequestError};

/// Takes it, or says what is wrong with it and what to type instead where that can be told.
pub(crate) fn parse_url(typed: &str) -> Result<Url, RequestError> {
    let given = || shown_url(typed.trim());
    let parsed = Url::parse(typed.trim());
    sse_client::parse_url(typed).map_err(|mistake| match mistake {
        UrlMistake::Empty => RequestError::NoUrl,
        UrlMistake::NoScheme => {
            let suggestion = format!("http://{}", typed.trim().trim_start_matches('/'));
            if !names_host(typed.trim()) {
                let source = ParseError::RelativeUrlWithoutBase;
                return RequestError::NotAUrl { given: given(), source };
            }
            RequestError::NoScheme { given: given(), suggestion: shown_url(&suggestion) }
        }
        UrlMistake::OtherScheme => {
            let scheme = typed.trim().split(':').next().unwrap_or_default();
            RequestError::UnsupportedScheme { scheme: scheme.to_ascii_lowercase() }
        }
        UrlMistake::Malformed(_) => {
            // Without a scheme, only its port can be told to be wrong.
            let source = match &parsed {
                Err(source) if *source != ParseError::RelativeUrlWithoutBase => *source,
                _ => ParseError::InvalidPort,
            };
            RequestError::NotAUrl { given: given(), source }
        }
        UrlMistake::NoHost => {
            RequestError::NotAUrl { given: given(), source: ParseError::EmptyHost }
        }
        UrlMistake::NotAUrl | _ => {
            RequestError::NotAUrl { given: given(), source: ParseError::RelativeUrlWithoutBase }
        }
    })?;
    parsed.map_err(|source| RequestError::NotAUrl { given: given(), source })
}

/// Whether what stands before the path could be meant for a host: there is a dot or a port in it, or it is the one that
/// has neither. A recording's name is none.
fn names_host(typed: &str) -> bool {
    let typed = typed.trim_start_matches('/');
    let host = typed.split(['/', '?', '#']).next().unwrap_or_default();
    if host.ends_with(".ssrec") {
        return false;
    }
    host.eq_ignore_ascii_case("localhost") || host.trim_matches('.').contains(['.', ':', '@'])
}
