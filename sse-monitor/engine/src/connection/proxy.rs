//! Whether a proxy stands between, and how to get through it.

use std::{env, io};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use sse_client::session::{Failure, FailureKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::rustls::pki_types::CertificateDer;
use url::Url;

use super::failure;

/// More than any proxy says before a tunnel opens.
const MOST_HEAD: usize = 8 << 10;

/// What was asked for; what was not, the environment says.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyChoice {
    pub(crate) url: Option<String>,
    pub(crate) user: Option<String>,
    /// Hosts that are gone to without one.
    pub(crate) no_proxy: Option<String>,
    pub(crate) insecure: bool,
    pub(crate) authorities: Vec<CertificateDer<'static>>,
}

/// A proxy that a request goes through.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) kind: Kind,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Name and password.
    pub(crate) user: Option<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Https,
    Socks5 {
        /// It looks the host's name up itself.
        resolves: bool,
    },
}

impl Proxy {
    /// Where it is, for sentences.
    pub(crate) fn place(&self) -> String {
        format!("the proxy {}:{}", self.host, self.port)
    }

    /// Whether it takes the request itself, rather than open a way to the server.
    pub(crate) fn takes_request(&self, url: &Url) -> bool {
        matches!(self.kind, Kind::Http | Kind::Https) && url.scheme() == "http"
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (name, password) = self.user.as_ref()?;
        let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        HeaderValue::from_str(&value).ok()
    }
}

/// Without the password.
impl core::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// The proxy for `url`: the one that was asked for, or what the environment says, as curl reads it.
pub(crate) fn proxy_for(url: &Url, choice: &ProxyChoice) -> Result<Option<Proxy>, Failure> {
    let variable = |names: &[&str]| names.iter().find_map(|name| env::var(name).ok());
    let given = choice.url.clone().or_else(|| variable(variables(url)));
    let Some(given) = given.filter(|given| !given.trim().is_empty()) else { return Ok(None) };
    let exempt = choice.no_proxy.clone().or_else(|| variable(&["no_proxy", "NO_PROXY"]));
    if exempt.is_some_and(|hosts| is_exempt(url, hosts)) {
        return Ok(None);
    }
    let mut proxy = read(&given).map_err(|why| Failure::new(FailureKind::Request, why))?;
    if let Some(user) = &choice.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        proxy.user = Some((name.into(), password.into()));
    }
    Ok(Some(proxy))
}

/// The variables that say which proxy to take, the first that is set.
fn variables(url: &Url) -> &'static [&'static str] {
    if url.scheme() == "https" {
        return &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    }
    // A CGI program's HTTP_PROXY is a header that a stranger sent.
    match env::var_os("REQUEST_METHOD") {
        Some(_) => &["http_proxy", "all_proxy", "ALL_PROXY"],
        None => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    }
}

fn is_exempt(url: &Url, hosts: String) -> bool {
    let matcher = Matcher::builder().all("http://any").no(hosts).build();
    let target = url.as_str().parse::<Uri>();
    target.is_ok_and(|target| matcher.intercept(&target).is_none())
}

/// Whether this is a proxy that can be gone through; the error is a sentence.
pub(crate) fn check(given: &str) -> Result<(), String> {
    // An empty one means none, whatever the environment says.
    if given.trim().is_empty() { Ok(()) } else { read(given).map(drop) }
}

/// Reads a proxy's URL. The error is a sentence, without what may be a password.
fn read(given: &str) -> Result<Proxy, String> {
    const HINT: &str = "give one like http://proxy:3128 or socks5h://proxy:1080";
    let given = given.trim();
    let (scheme, rest) = given.split_once("://").unwrap_or(("http", given));
    let (kind, usual_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Kind::Http, 1080),
        "https" => (Kind::Https, 443),
        "socks5" => (Kind::Socks5 { resolves: false }, 1080),
        "socks5h" => (Kind::Socks5 { resolves: true }, 1080),
        other => {
            return Err(format!(
                "a proxy is spoken to over http, https, socks5 or socks5h, not {}; {HINT}",
                other.escape_debug()
            ));
        }
    };
    // By a scheme whose usual port is no proxy's, so that none that is named is forgotten.
    let url = Url::parse(&format!("http-proxy://{rest}"));
    let url = url.map_err(|error| format!("the proxy is no URL ({error}); {HINT}"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(format!("the proxy's URL names no host; {HINT}"));
    }
    let plain = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let is_named = !url.username().is_empty() || url.password().is_some();
    let user = is_named.then(|| (plain(url.username()), plain(url.password().unwrap_or_default())));
    Ok(Proxy { kind, host, port: url.port().unwrap_or(usual_port), user })
}

/// Asks an HTTP proxy for a tunnel to `target`.
pub(crate) async fn tunnel(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    proxy: &Proxy,
    target: &Url,
) -> Result<(), Failure> {
    let to = failure::place(target);
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(value) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let from = proxy.place();
    let broken = |error: io::Error| failure::unconnected(&from, &error);
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte, since what follows the head is the target's. It is short, and comes once.
    while !head.ends_with(b"\r\n\r\n") && head.len() < MOST_HEAD {
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    let line = String::from_utf8_lossy(head.split(|b| *b == b'\r').next().unwrap_or_default());
    match line.split(' ').nth(1) {
        Some(status) if status.len() == 3 && status.starts_with('2') => Ok(()),
        Some("407") => Err(Failure::new(
            FailureKind::Connect,
            format!("{from} wants to know who asks (407): check its user and password"),
        )),
        _ => Err(Failure::new(
            FailureKind::Connect,
            format!("{from} opens no way to {to}: {}", line.escape_debug()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_as_curl_reads_it() {
        let socks = |resolves| Kind::Socks5 { resolves };
        for (given, kind, host, port) in [
            ("proxy", Kind::Http, "proxy", 1080),
            ("proxy:3128", Kind::Http, "proxy", 3128),
            ("http://proxy:80/", Kind::Http, "proxy", 80),
            ("HTTPS://proxy", Kind::Https, "proxy", 443),
            ("socks5://127.0.0.1:9050", socks(false), "127.0.0.1", 9050),
            ("socks5h://[::1]", socks(true), "::1", 1080),
        ] {
            let proxy = read(given).unwrap();
            let read = (proxy.kind, proxy.host.as_str(), proxy.port, &proxy.user);
            assert_eq!(read, (kind, host, port, &None), "{given}");
        }
        let proxy = read("http://me:p%40w@proxy:1").unwrap();
        assert_eq!(proxy.user, Some(("me".into(), "p@w".into())));
        assert!(!format!("{proxy:?}").contains("p@w"));
    }

    #[test]
    fn what_is_no_proxy_is_refused_in_words_and_never_passed_by() {
        for (given, sentence) in [
            ("socks4://me:secret@a", "over http, https, socks5 or socks5h, not socks4"),
            ("ftp://a", "not ftp"),
            ("http://", "no"),
            ("http://me:secret@a:99999", "the proxy is no URL (invalid port number)"),
        ] {
            let refusal = read(given).unwrap_err();
            assert!(refusal.contains(sentence), "{given}: {refusal}");
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn hosts_can_be_exempt() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (hosts, target, is_it) in [
            ("*", "http://a/", true),
            ("example.com", "https://api.example.com:1/x", true),
            (".example.com", "https://example.com/", true),
            ("example.com", "https://notexample.com/", false),
            ("10.0.0.0/8, 127.0.0.1", "http://127.0.0.1:8080/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("", "http://a/", false),
        ] {
            assert_eq!(is_exempt(&url(target), hosts.into()), is_it, "{hosts} {target}");
            let choice = ProxyChoice {
                url: Some("proxy".into()),
                no_proxy: Some(hosts.into()),
                ..ProxyChoice::default()
            };
            assert_eq!(proxy_for(&url(target), &choice).unwrap().is_none(), is_it);
        }
    }
}
