//! Heads of requests and responses, as they may be kept: without secrets.

use alloc::sync::Arc;
use std::sync::OnceLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Version, header};

use super::{exchange::Template, line::Response};
use crate::{
    journal::turn::{Format, Phases, RequestHead, ResponseHead},
    masked,
    request::WatchRequest,
};

/// A response's head, and how long its connection took.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) response: ResponseHead,
    pub(super) phases: Phases,
}

impl Seen {
    pub(super) fn of(response: &Response, format: Format, decoded: Option<&str>) -> Self {
        let head = ResponseHead {
            status: response.status.as_u16(),
            version: version(response.version),
            headers: shown(&response.headers),
            format,
            decoded: decoded.map(Into::into),
            remote: response.remote.map(|address| address.to_string()),
        };
        Self { response: head, phases: response.phases }
    }
}

pub(super) fn template(request: &WatchRequest) -> Arc<Template> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        // Both were checked when they were given.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name.clone(), value);
        }
    }
    let mut url = request.url.clone();
    if !headers.contains_key(header::AUTHORIZATION)
        && let Some(value) = basic(&url)
    {
        headers.insert(header::AUTHORIZATION, value);
    }
    // Whoever asks is named by the header alone; a URL without user takes this.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.set_fragment(None);
    Arc::new(Template {
        method: request.method.clone(),
        url,
        headers,
        body: request.body.clone(),
        without: request.without.clone(),
        proxy: request.proxy.clone(),
        compressed: request.compressed,
        trust: request.trust.clone(),
        tls: OnceLock::new(),
        proxy_tls: OnceLock::new(),
    })
}

/// User and password of the URL, as HTTP sends them.
fn basic(url: &url::Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let mut pair = plain(url.username());
    pair.push(b':');
    pair.extend(plain(url.password().unwrap_or_default()));
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()
}

pub(super) fn request(template: &Template, url: &str, id: Option<&[u8]>) -> RequestHead {
    RequestHead {
        method: template.method.to_string(),
        url: url.to_owned(),
        headers: shown(&template.headers(id)),
        body_bytes: template.body.as_ref().map_or(0, |body| body.len() as u64),
    }
}

/// What a body with this `Content-Type` is read as.
pub(super) fn format(content_type: Option<&[u8]>) -> Format {
    let text = content_type.and_then(|bytes| core::str::from_utf8(bytes).ok());
    text.and_then(Format::of_type).unwrap_or_default()
}

/// The headers, with what is secret in them masked.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |(name, value): (&http::HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), masked::shown_header(name.as_str(), &value))
    };
    headers.iter().map(shown).collect()
}

fn version(version: Version) -> String {
    format!("{version:?}")
}
