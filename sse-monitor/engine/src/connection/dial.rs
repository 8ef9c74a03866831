//! Opens a connection, and takes the time of each step.

use alloc::sync::Arc;
use core::{net::SocketAddr, time::Duration};
use std::{io, time::Instant};

use sse_client::session::{Failure, FailureKind};
use tokio::{
    net::{TcpStream, lookup_host},
    time,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};
use url::{Host, Url};

use super::{
    failure,
    proxy::{self, Proxy},
};
use crate::journal::turn::Phases;

/// While there are further addresses, no single one may take all of the time.
const AN_ADDRESS: Duration = Duration::from_secs(3);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Dialed {
    pub(crate) stream: Stream,
    pub(crate) remote: Option<SocketAddr>,
    /// The server chose HTTP/2.
    pub(crate) is_http2: bool,
    pub(crate) phases: Phases,
}

#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long a connection may take to come about, through a proxy and with TLS.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// Connects to the host of `url`, or to `proxy` on the way to it.
pub(crate) async fn dial(
    url: &Url,
    proxy: Option<&Proxy>,
    tls: impl FnOnce() -> Result<Arc<ClientConfig>, Failure>,
) -> Result<Dialed, Failure> {
    let mut phases = Phases::default();
    let (host, port, place) = match proxy {
        Some(proxy) => {
            let place = format!("the proxy {}:{}", proxy.host, proxy.port);
            (proxy.host.clone(), proxy.port, place)
        }
        None => (host_of(url), url.port_or_known_default().unwrap_or(80), failure::place(url)),
    };
    let started = Instant::now();
    let addresses = addresses(&host, port).await?;
    if host.parse::<core::net::IpAddr>().is_err() {
        phases.dns_micros = Some(micros(started));
    }
    let started = Instant::now();
    let tcp = connect(&addresses).await.map_err(|error| failure::unconnected(&place, &error))?;
    // Small requests should not wait to be joined by others.
    let _ = tcp.set_nodelay(true);
    let remote = tcp.peer_addr().ok();
    let is_tls = url.scheme() == "https";
    let mut tcp = tcp;
    if let (Some(proxy), true) = (proxy, is_tls) {
        proxy::tunnel(&mut tcp, proxy, url).await?;
    }
    phases.tcp_micros = Some(micros(started));
    if !is_tls {
        return Ok(Dialed { stream: Stream::Plain(tcp), remote, is_http2: false, phases });
    }
    let started = Instant::now();
    let name = ServerName::try_from(host_of(url)).map_err(|_| {
        let message = format!("{:?} is no name that a certificate could be for", host_of(url));
        Failure::new(FailureKind::Request, message)
    })?;
    let connector = TlsConnector::from(tls()?);
    let tls = connector
        .connect(name, tcp)
        .await
        .map_err(|error| failure::untrusted(&failure::place(url), &error))?;
    phases.tls_micros = Some(micros(started));
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Dialed { stream: Stream::Tls(Box::new(tls)), remote, is_http2, phases })
}

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let found = lookup_host((host, port)).await;
    let addresses: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() { Err(failure::unknown_name(host)) } else { Ok(addresses) }
}

/// The first address that takes a connection; the error is the last one's.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for (index, address) in addresses.iter().enumerate() {
        let attempt = TcpStream::connect(address);
        let result = if index + 1 == addresses.len() {
            attempt.await
        } else {
            time::timeout(AN_ADDRESS, attempt)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        };
        match result {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The host without the brackets of an IPv6 address.
fn host_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
