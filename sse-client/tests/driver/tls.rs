//! Secure connections, by an authority of the tests' own.

use alloc::sync::Arc;
use core::net::SocketAddr;

use sse_client::{Builder, EventSource, RetryPolicy, Update, session::ErrorKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
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

const AUTHORITY: &[u8] = include_bytes!("tls/ca.pem");

#[tokio::test]
async fn a_trusted_certificate_opens_the_stream() {
    let address = serve(SERVER, false).await;
    let mut source = trusting(address).policy(RetryPolicy::never()).open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "secret");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_hopeless() {
    let address = serve(SERVER, false).await;
    let builder = EventSource::builder(url(address)).client(|client| client.no_proxy());
    let sentence = hopeless(builder).await;
    assert!(sentence.starts_with(&format!("{address} cannot be reached securely: ")), "{sentence}");
    assert!(
        sentence.contains("nobody who is trusted here has signed its certificate"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_self_signed_authority_as_the_server_is_called_so() {
    let address = serve(SELF, false).await;
    let itself = reqwest::Certificate::from_pem(SELF.0).unwrap();
    let builder = EventSource::builder(url(address))
        .client(|client| client.no_proxy().tls_backend_rustls().tls_certs_only([itself]));
    let sentence = hopeless(builder).await;
    assert!(
        sentence.contains("its certificate is an authority's and not a server's"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_hopeless() {
    let address = serve(OTHER, false).await;
    let sentence = hopeless(trusting(address)).await;
    assert!(sentence.starts_with(&format!("{address} cannot be reached securely: ")), "{sentence}");
    assert!(sentence.ends_with("; check the certificate and its name"), "{sentence}");
}

#[tokio::test]
async fn a_client_certificate_comes_from_the_callers_own_client() {
    let address = serve(SERVER, true).await;
    let identity = [include_bytes!("tls/reader.pem").as_slice(), include_bytes!("tls/reader.key")];
    let identity = reqwest::Identity::from_pem(&identity.concat()).unwrap();
    let mut source = trusting(address).client(|client| client.identity(identity)).open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "secret");
}

#[tokio::test]
async fn a_server_that_misses_a_client_certificate_is_hopeless() {
    let address = serve(SERVER, true).await;
    let sentence = hopeless(trusting(address)).await;
    assert!(sentence.starts_with(&format!("{address} cannot be reached securely: ")), "{sentence}");
    assert!(sentence.contains("or wants to see one: give the HTTP client one"), "{sentence}");
}

#[tokio::test]
async fn a_handshake_that_the_server_breaks_off_is_tried_again() {
    // Records with the fatal alerts "internal_error" and "handshake_failure"; half of one; nothing at all.
    for said in [&[0x15, 3, 3, 0, 2, 2, 80][..], &[0x15, 3, 3, 0, 2, 2, 40], &[0x16, 3, 3], &[]] {
        let address = break_off(said).await;
        for builder in [
            EventSource::builder(url(address))
                .client(|client| client.no_proxy().tls_backend_rustls()),
            EventSource::builder(url(address)).client(native),
        ] {
            let mut updates = builder.open_updates().unwrap();
            let (error, retry_in) = loop {
                if let Some(Update::Disconnected { error, retry_in, .. }) = updates.next().await {
                    break (error, retry_in);
                }
            };
            assert!(retry_in.is_some(), "after {said:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::Connect, "after {said:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_knows_no_common_version_or_trusts_us_not_is_hopeless() {
    for alert in [70, 48] {
        let said: &'static [u8] = vec![0x15, 3, 3, 0, 2, 2, alert].leak();
        let address = break_off(said).await;
        hopeless(
            EventSource::builder(url(address))
                .client(|client| client.no_proxy().tls_backend_rustls()),
        )
        .await;
        hopeless(EventSource::builder(url(address)).client(native)).await;
    }
}

#[cfg(feature = "native-tls")]
fn native(client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    client.no_proxy().tls_backend_native()
}

#[cfg(not(feature = "native-tls"))]
fn native(client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    client.no_proxy()
}

/// Reads the beginning of a handshake, says this, and closes.
async fn break_off(said: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _hello = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(said).await;
        }
    });
    address
}

/// Certificate and key.
type Pair = (&'static [u8], &'static [u8]);

const SERVER: Pair = (include_bytes!("tls/server.pem"), include_bytes!("tls/server.key"));
/// As `openssl req -x509` makes one if nobody says more.
const SELF: Pair = (include_bytes!("tls/self.pem"), include_bytes!("tls/self.key"));
const OTHER: Pair = (include_bytes!("tls/other.pem"), include_bytes!("tls/other.key"));

fn url(address: SocketAddr) -> String {
    format!("https://{address}/events")
}

fn trusting(address: SocketAddr) -> Builder {
    let authority = reqwest::Certificate::from_pem(AUTHORITY).unwrap();
    EventSource::builder(url(address))
        .client(|client| client.no_proxy().tls_backend_rustls().tls_certs_only([authority]))
}

/// The sentence of the first and last disconnect.
async fn hopeless(builder: Builder) -> String {
    let mut updates = builder.open_updates().unwrap();
    loop {
        if let Some(Update::Disconnected { error, retry_in, .. }) = updates.next().await {
            assert_eq!((error.kind(), retry_in), (ErrorKind::Tls, None), "{error}");
            return error.to_string();
        }
    }
}

/// One event to everyone who gets as far as to send a request.
async fn serve((certificate, key): Pair, asks_for_certificate: bool) -> SocketAddr {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = if asks_for_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let mut config = config.with_single_cert(vec![certificate], key).unwrap();
    // It would be asked for HTTP/2 if anyone wanted that, and knows none.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = match acceptor.accept(socket).into_fallible().await {
                Ok(socket) => socket,
                Err((_, mut socket)) => {
                    // Else a reset could overtake the alert.
                    while socket.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
                    continue;
                }
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = socket.read_u8().await else { break };
                head.push(byte);
            }
            let answer = format!("{}data: secret\n\n", crate::origin::STREAM);
            // A client that left is no matter.
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.flush().await;
        }
    });
    address
}
