//! Servers with certificates, those of the client's tests.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use alloc::sync::Arc;
use core::{convert::Infallible, net::SocketAddr};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

pub(crate) fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sse-client/tests/driver/tls").join(name)
}

fn acceptor(name: &str, protocol: &[u8], asks_for_certificate: bool) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = if asks_for_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(pem("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_file(pem(&format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(pem(&format!("{name}.key"))).unwrap();
    let mut config = config.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn listening() -> (Runtime, TcpListener, SocketAddr) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    (runtime, listener, address)
}

/// A server with a certificate that answers each request with one event.
pub(crate) struct Secure {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

impl Secure {
    pub(crate) fn start(name: &str, protocol: &'static [u8], asks_for_certificate: bool) -> Self {
        let acceptor = acceptor(name, protocol, asks_for_certificate);
        let (runtime, listener, address) = listening();
        runtime.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let Ok(socket) = acceptor.accept(socket).await else { continue };
                let answer = service_fn(async |_| {
                    let body = Full::new(Bytes::from_static(b"data: secret\n\n"));
                    let response =
                        http::Response::builder().header("content-type", "text/event-stream");
                    Ok::<_, Infallible>(response.body(body).unwrap())
                });
                let io = TokioIo::new(socket);
                if protocol == b"h2" {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    tokio::spawn(server.serve_connection(io, answer));
                } else {
                    let server = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(server.serve_connection(io, answer));
                }
            }
        });
        Self { address, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}/events", self.address)
    }
}

/// A proxy that is spoken to within TLS, and tells the heads of what goes through it.
pub(crate) struct SecureProxy {
    pub(crate) address: SocketAddr,
    pub(crate) heads: std::sync::mpsc::Receiver<String>,
    _runtime: Runtime,
}

impl SecureProxy {
    pub(crate) fn start() -> Self {
        let acceptor = acceptor("server", b"http/1.1", false);
        let (runtime, listener, address) = listening();
        let (sender, heads) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let Ok(mut socket) = acceptor.accept(socket).await else { continue };
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(socket.read_u8().await.unwrap());
                    }
                    let text = String::from_utf8(head).unwrap();
                    let target = text.split(' ').nth(1).unwrap().trim_start_matches("http://");
                    let target = target.split('/').next().unwrap();
                    let mut server = TcpStream::connect(target).await.unwrap();
                    if text.starts_with("CONNECT") {
                        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                        socket.flush().await.unwrap();
                    } else {
                        server.write_all(text.as_bytes()).await.unwrap();
                    }
                    sender.send(text).unwrap();
                    // How it ends is the test's business.
                    let _ = tokio::io::copy_bidirectional(&mut socket, &mut server).await;
                });
            }
        });
        Self { address, heads, _runtime: runtime }
    }
}
