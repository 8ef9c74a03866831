//! What an HTTP client has in it that reqwest shows to people alone, in its debug output.
//!
//! Two things must be known that it has no getter for: which secrets its default headers hold and whether it
//! keeps cookies (for hosts, whatever their ports), since a redirect to another origin must carry none, and which proxy it goes by, since it does not say whom
//! it found nobody at. Where the output is unlike this one day, tests of redirects and of failures fail.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use http::{
    HeaderName,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};
use reqwest::Client;
use url::Url;

#[derive(Default)]
pub(super) struct Told {
    secrets: Vec<HeaderName>,
    /// For `http:` and for `https:` URLs.
    proxies: [Option<String>; 2],
    /// Hosts that are asked without, as they are shown.
    exceptions: String,
    /// A function of the caller chooses one.
    may_have_another: bool,
}

impl Told {
    pub(super) fn by(client: &Client) -> Self {
        let shown = format!("{client:?}");
        let (settings, headers) =
            shown.split_once(", default_headers: {").unwrap_or((&shown[..], ""));
        let is_default = |name: &HeaderName| headers.contains(&format!("\"{name}\": "));
        let names = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].into_iter();
        let has_cookies = shown.contains("cookie_store: true");
        let secrets = names.filter(|name| is_default(name) || (*name == COOKIE && has_cookies));
        let list = settings.split_once("proxies: [").map_or("", |(_, rest)| upto_bracket(rest));
        let (matchers, exceptions) = list.split_once("no: NoProxy").unwrap_or((list, ""));
        let proxy = |scheme: &str| {
            let (_, rest) = matchers.split_once(&format!("{scheme}: Intercept {{ uri: "))?;
            let (proxy, _) = rest.split_once(" }")?;
            Some(proxy.trim_end_matches('/').to_owned())
        };
        Self {
            secrets: secrets.collect(),
            proxies: ["http", "https"].map(proxy),
            exceptions: exceptions.to_owned(),
            may_have_another: list.split(", ").any(|matcher| matcher == "_"),
        }
    }

    /// The names of headers that the client adds by itself and that say who asks.
    pub(super) fn secrets(&self) -> &[HeaderName] {
        &self.secrets
    }

    /// The words that blame the proxy too, where there is one for `url`.
    pub(super) fn or_proxy(&self, url: &Url, preposition: &str) -> String {
        let host = url.host_str().unwrap_or_default();
        let is_exception = |shown: &str| self.exceptions.contains(shown);
        if is_exception(&format!("\"{host}\"")) || is_exception(&format!("({host})")) {
            return String::new();
        }
        let [http, https] = &self.proxies;
        match if url.scheme() == "https" { https } else { http } {
            Some(proxy) => format!(", or {preposition} the proxy {proxy}"),
            None if self.may_have_another => format!(" (or {preposition} its proxy)"),
            None => String::new(),
        }
    }
}

/// The text before the bracket that closes one that is open. An address may have brackets of its own.
fn upto_bracket(text: &str) -> &str {
    let mut depth = 1_u32;
    let end = text.bytes().position(|byte| {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &text[..end.unwrap_or(text.len())]
}
