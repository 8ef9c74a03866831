//! What an HTTP client has in it that reqwest shows to people alone, in its debug output.
//!
//! Two things must be known that it has no getter for: which secrets its default headers hold, since a
//! redirect to another origin must not carry them, and which proxy it goes by, since it does not say whom
//! it found nobody at. Where the output is unlike this one day, tests of redirects and of failures fail.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use http::{
    HeaderName,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};
use reqwest::Client;
use url::Url;

#[derive(Debug, Default)]
pub(super) struct Told {
    secrets: Vec<HeaderName>,
    proxies: Option<String>,
}

impl Told {
    pub(super) fn by(client: &Client) -> Self {
        let shown = format!("{client:?}");
        let headers = shown.split_once("default_headers: {").map_or("", |(_, headers)| headers);
        let is_default = |name: &HeaderName| headers.contains(&format!("\"{name}\": "));
        let secrets = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].into_iter().filter(is_default);
        let proxies = shown
            .split_once("proxies: [")
            .map(|(_, proxies)| proxies.split(", referer").next().unwrap_or_default().to_owned());
        Self {
            secrets: secrets.collect(),
            proxies: proxies.filter(|proxies| proxies != "Matcher]"),
        }
    }

    /// The names of default headers that say who asks.
    pub(super) fn secrets(&self) -> &[HeaderName] {
        &self.secrets
    }

    /// The words that blame the proxy too, where there is one for `url`.
    pub(super) fn or_proxy(&self, url: &Url, preposition: &str) -> String {
        let Some(proxies) = &self.proxies else { return String::new() };
        let (matcher, exceptions) = proxies.split_once("no: NoProxy").unwrap_or((proxies, ""));
        let host = url.host_str().unwrap_or_default();
        if exceptions.contains(&format!("\"{host}\"")) || exceptions.contains(&format!("({host})"))
        {
            return String::new();
        }
        let key = format!("{}: Intercept {{ uri: ", url.scheme());
        let proxy = matcher.split_once(&key).and_then(|(_, rest)| rest.split_once(" }"));
        match proxy {
            Some((proxy, _)) => {
                format!(", or {preposition} the proxy {}", proxy.trim_end_matches('/'))
            }
            // One that a function of the caller chooses.
            None if matcher.contains('_') => format!(" (or {preposition} its proxy)"),
            None => String::new(),
        }
    }
}
