//! What lies between the events and the wire: compression, HTTP/2, proxies.

use core::{convert::Infallible, net::SocketAddr, time::Duration};

use http::header::CONTENT_TYPE;
use http_body_util::Full;
use hyper::{body::Bytes, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_client::{Event, EventSource, HttpClient, Redirects, Update};
use tokio::net::TcpListener;

use crate::origin::{Origin, STREAM, Step, answer, send, source};

/// One block of gzip that stores its bytes as they are: no end of the file follows, as from a server
/// that flushes after each event.
fn gzip(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut bytes = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 0];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

async fn compressing() -> Origin {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\
                connection: close\r\n\r\n";
    let body = Step::Bytes(gzip("id: 1\ndata: small\n\n").into());
    Origin::start(vec![vec![send(head), body, Step::Hold]]).await
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn a_compressed_stream_gives_each_event_as_it_comes() {
    let origin = compressing().await;
    let mut source = origin.source("/").open().unwrap();
    // The origin holds the stream open, so nothing waits for its end.
    assert_eq!(source.next().await.unwrap().unwrap().data(), "small");
    assert_eq!(origin.requests()[0].header("accept-encoding"), Some("gzip"));
}

#[cfg(not(feature = "gzip"))]
#[tokio::test]
async fn a_stream_compressed_unasked_is_refused_in_words() {
    let origin = compressing().await;
    let error = origin.source("/").open().unwrap().next().await.unwrap().unwrap_err();
    let expected = format!("{} compressed the stream (gzip)", origin.address);
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(origin.requests()[0].header("accept-encoding"), None);
}

#[tokio::test]
async fn http_2_carries_a_stream_and_its_resume() {
    let address = http_2().await;
    let builder = source(format!("http://{address}/"));
    let builder = builder.client(|client| client.http2_prior_knowledge());
    let mut updates = builder.open_updates().unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let update = updates.next().await.unwrap();
        if let Update::Opened { head, .. } = &update {
            assert_eq!(head.version, http::Version::HTTP_2);
        }
        if let Update::Event(event) = update {
            seen.push(event.into_data());
        }
    }
    assert_eq!(seen, ["1 after -", "1 after 1", "1 after 1"]);
}

#[tokio::test]
async fn readers_that_pause_on_one_http_2_connection_stop_no_other() {
    let address = http_2().await;
    let client = HttpClient::new(|client| client.no_proxy().http2_prior_knowledge()).unwrap();
    let open = |path| {
        let builder = EventSource::builder(format!("http://{address}{path}"));
        builder.shared_client(&client).open().unwrap()
    };
    let mut paused = Vec::new();
    for _ in 0..8 {
        let mut source = open("/flood");
        in_time(&mut source).await;
        paused.push(source);
    }
    // As much arrives for them meanwhile as may.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let mut source = open("/");
    assert_eq!(in_time(&mut source).await.data(), "1 after -");
}

/// The next event, unless the stream starves.
async fn in_time(source: &mut EventSource) -> Event {
    let event = tokio::time::timeout(Duration::from_secs(10), source.next()).await;
    event.expect("it starves").unwrap().unwrap()
}

#[tokio::test]
async fn a_proxy_is_the_callers_own_clients() {
    let proxy =
        Origin::start(vec![vec![send(STREAM), send("data: by the proxy\n\n"), Step::Hold]]).await;
    let settings = reqwest::Proxy::http(proxy.url("/")).unwrap();
    let builder = EventSource::builder("http://events.invalid/feed");
    let builder = builder.client(|client| client.proxy(settings));
    let mut source = builder.open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "by the proxy");
    assert_eq!(proxy.requests()[0].line, "GET http://events.invalid/feed HTTP/1.1");
}

#[tokio::test]
async fn cookies_are_the_callers_own_clients_and_stay_with_their_origin() {
    let cookie = "set-cookie: session=7; Path=/\r\n";
    let set = STREAM.replacen("\r\n", &format!("\r\n{cookie}"), 1);
    // To the client's store it is the same host, whatever the port.
    let foreign = Origin::start(vec![vec![send(STREAM), send("data: 2\n\n"), Step::Hold]]).await;
    let elsewhere = format!("location: {}\r\n", foreign.url("/"));
    let redirect = answer("307 Temporary Redirect", &elsewhere, "");
    let home = Origin::start(vec![vec![send(set), send("data: 1\n\n")], redirect]).await;
    let builder = home.source("/").client(|client| client.cookie_store(true));
    let mut source = builder.open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
    assert_eq!(source.next().await.unwrap().unwrap().data(), "2");
    let sent: Vec<_> =
        home.requests().iter().map(|request| request.header("cookie").map(str::to_owned)).collect();
    assert_eq!(sent, [None, Some("session=7".to_owned())]);
    assert_eq!(foreign.requests()[0].header("cookie"), Some(""));
}

/// As `Builder::client` says of a store: it knows hosts, and no ports.
#[tokio::test]
async fn another_origin_of_the_host_can_set_a_cookie_where_redirects_may_lead_there() {
    let set = STREAM.replacen("\r\n", "\r\nset-cookie: session=theirs; Path=/\r\n", 1);
    let foreign = Origin::start(vec![vec![send(set), send("data: 1\n\n")]]).await;
    let elsewhere = format!("location: {}\r\n", foreign.url("/"));
    let redirect = answer("307 Temporary Redirect", &elsewhere, "");
    let home = Origin::start(vec![redirect, vec![send(STREAM), send("data: 2\n\n")]]).await;
    let source = home.source("/").client(|client| client.cookie_store(true));
    let mut everywhere = source.open().unwrap();
    assert_eq!(everywhere.next().await.unwrap().unwrap().data(), "1");
    assert_eq!(everywhere.next().await.unwrap().unwrap().data(), "2");
    assert_eq!(home.requests()[1].header("cookie"), Some("session=theirs"));
    drop(everywhere);

    let home = Origin::start(vec![answer("307 Temporary Redirect", &elsewhere, "")]).await;
    let source = home.source("/").client(|client| client.cookie_store(true));
    let mut at_home = source.redirects(Redirects::SameOrigin).open().unwrap();
    assert!(at_home.next().await.unwrap().is_err());
    assert_eq!(foreign.requests().len(), 1);
}

/// Says with each event what it was asked to go on from, and ends.
async fn http_2() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
        let id = request.headers().get("last-event-id").map(|id| id.to_str().unwrap());
        let body = match request.uri().path() {
            "/flood" => "data: 16 bytes\n\n".repeat(1 << 18), // 4 MiB
            _ => format!("id: 1\ndata: 1 after {}\n\n", id.unwrap_or("-")),
        };
        let response = http::Response::builder().header(CONTENT_TYPE, "text/event-stream");
        Ok::<_, Infallible>(response.body(Full::<Bytes>::from(body)).unwrap())
    });
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(socket), answer));
        }
    });
    address
}
