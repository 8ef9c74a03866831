//! Whether a proxy stands between, and how to get through it.

use std::io;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use sse_client::session::{Failure, FailureKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

use super::failure;

/// More than any proxy says before a tunnel opens.
const MOST_HEAD: usize = 8 << 10;

/// A proxy that a request goes through.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) authorization: Option<HeaderValue>,
}

/// The proxy for `url`: the one that was asked for, or what the environment says (`HTTPS_PROXY` and
/// the like, with `NO_PROXY`).
pub(crate) fn proxy_for(url: &Url, asked: Option<&str>) -> Result<Option<Proxy>, Failure> {
    let matcher = match asked {
        Some(proxy) => Matcher::builder().all(proxy).build(),
        None => Matcher::from_env(),
    };
    let Ok(target) = url.as_str().parse::<Uri>() else { return Ok(None) };
    let Some(found) = matcher.intercept(&target) else { return Ok(None) };
    let refuse = |why: String| Failure::new(FailureKind::Request, why);
    match found.uri().scheme_str() {
        Some("http") | None => {}
        Some(other) => {
            return Err(refuse(format!(
                "a proxy is spoken to over http, not {other}: give one like http://proxy:3128"
            )));
        }
    }
    let host = found.uri().host().ok_or_else(|| refuse("the proxy's URL names no host".into()))?;
    let port = found.uri().port_u16().unwrap_or(80);
    let authorization = found.basic_auth().cloned();
    let host = host.trim_matches(['[', ']']).to_owned();
    Ok(Some(Proxy { host, port, authorization }))
}

/// Asks the proxy for a tunnel to `target`.
pub(crate) async fn tunnel(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    proxy: &Proxy,
    target: &Url,
) -> Result<(), Failure> {
    let to = failure::place(target);
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(value) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let from = format!("{}:{}", proxy.host, proxy.port);
    let broken = |error: io::Error| failure::unconnected(&format!("the proxy {from}"), &error);
    stream.write_all(&request).await.map_err(broken)?;
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
            format!("the proxy {from} wants to know who asks (407): check its user and password"),
        )),
        _ => Err(Failure::new(
            FailureKind::Connect,
            format!("the proxy {from} opens no way to {to}: {}", line.escape_debug()),
        )),
    }
}
