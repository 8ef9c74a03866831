//! Opens a connection, and takes the time of each step.

use alloc::sync::Arc;
use core::{net::SocketAddr, time::Duration};
use std::{io, time::Instant};

use sse_client::session::{Failure, FailureKind};
use tokio::{
    io::{AsyncRead, AsyncWrite},
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
    pipe::Pipe,
    proxy::{self, Kind, Proxy},
    socks::{self, Target},
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
    Plain(Pipe),
    Tls(Box<TlsStream<Pipe>>),
}

/// How long a connection may take to come about, through a proxy and with TLS.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// What is trusted; made where it is first needed.
pub(crate) trait Tls {
    /// Of the server.
    fn server(&self) -> Result<Arc<ClientConfig>, Failure>;
    /// Of a proxy.
    fn proxy(&self) -> Result<Arc<ClientConfig>, Failure>;
}

/// Connects to the host of `url`, or to `proxy` on the way to it.
pub(crate) async fn dial(
    url: &Url,
    proxy: Option<&Proxy>,
    tls: &impl Tls,
) -> Result<Dialed, Failure> {
    let mut phases = Phases::default();
    let (host, port, place) = match proxy {
        Some(proxy) => (proxy.host.clone(), proxy.port, proxy.place()),
        None => (host_of(url), port_of(url), failure::place(url)),
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
    let pipe = match proxy {
        Some(proxy) => through(proxy, tcp, url, tls).await?,
        None => Pipe::Tcp(tcp),
    };
    phases.tcp_micros = Some(micros(started));
    if url.scheme() != "https" {
        return Ok(Dialed { stream: Stream::Plain(pipe), remote, is_http2: false, phases });
    }
    let started = Instant::now();
    let tls = secured(tls.server()?, host_of(url), pipe, &failure::place(url)).await?;
    phases.tls_micros = Some(micros(started));
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Dialed { stream: Stream::Tls(Box::new(tls)), remote, is_http2, phases })
}

/// The way through the proxy to the host of `url`, over a connection to the proxy.
async fn through(
    proxy: &Proxy,
    mut tcp: TcpStream,
    url: &Url,
    tls: &impl Tls,
) -> Result<Pipe, Failure> {
    if let Kind::Socks5 { resolves } = proxy.kind {
        let (host, port) = (host_of(url), port_of(url));
        let target = match host.parse() {
            Ok(address) => Target::Address(SocketAddr::new(address, port)),
            Err(_) if resolves => Target::Name(host, port),
            Err(_) => Target::Address(addresses(&host, port).await?[0]),
        };
        socks::open(&mut tcp, proxy, &target).await?;
        return Ok(Pipe::Tcp(tcp));
    }
    let mut pipe = if proxy.kind == Kind::Https {
        let tls = secured(tls.proxy()?, proxy.host.clone(), tcp, &proxy.place()).await?;
        Pipe::Tls(Box::new(tls))
    } else {
        Pipe::Tcp(tcp)
    };
    if !proxy.takes_request(url) {
        proxy::tunnel(&mut pipe, proxy, url).await?;
    }
    Ok(pipe)
}

async fn secured<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ClientConfig>,
    host: String,
    stream: S,
    place: &str,
) -> Result<TlsStream<S>, Failure> {
    let name = ServerName::try_from(host.clone()).map_err(|_| {
        let message = format!("{host:?} is no name that a certificate could be for");
        Failure::new(FailureKind::Request, message)
    })?;
    let connecting = TlsConnector::from(config).connect(name, stream).await;
    connecting.map_err(|error| failure::untrusted(place, &error))
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

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(80)
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
