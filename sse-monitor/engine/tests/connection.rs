//! A watch over what stands between it and the stream: compression, TLS, HTTP/2, proxies; and what is
//! recorded of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

extern crate alloc;

mod origin;
mod secure;

use core::{future::Future, net::SocketAddr, time::Duration};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use compression_codecs::{
    BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder,
    core::{
        Level,
        util::{PartialBuffer, WriteBuffer},
    },
};
use origin::Origin;
use secure::{Secure, pem};
use sse_monitor_engine::{
    DiskLimit, Expansion, Failure, Fault, Format, Reconnect, Row, RowKind, Snapshot, State, Watch,
    WatchRequest,
    query::Statistics,
    recording::{Recording, export},
};

/// Past this a test is stuck, and says where.
const STUCK: Duration = Duration::from_secs(30);

#[test]
fn compressed_streams_are_decoded_event_by_event() {
    for coding in ["gzip", "br", "zstd"] {
        let origin = Origin::start();
        let watch = Watch::start(once(&origin.url()).compressed(true));
        let mut exchange = origin.accept();
        assert_eq!(exchange.header("accept-encoding"), Some("gzip, br, zstd"));
        exchange.send(&head(&format!("text/event-stream\r\ncontent-encoding: {coding}")));
        let mut encoder = encoder(coding);
        let mut wire = 0;
        for n in 1..=3_u64 {
            let coded = encode(&mut *encoder, format!("id: {n}\ndata: event {n}\n\n").as_bytes());
            wire += coded.len();
            exchange.send_bytes(&coded);
            // Each is there before the next is sent.
            until(&watch, |snapshot| snapshot.totals.events == n);
        }
        let rows = watch.page(3, 9, 80);
        assert_eq!(
            rows.iter().map(|row| row.data.as_str()).collect::<Vec<_>>(),
            ["event 1", "event 2", "event 3"]
        );
        let head = watch.view().turn(2).unwrap().response.unwrap();
        assert_eq!(head.decoded.as_deref(), Some(coding));
        assert!(watch.brief_report().silent_micros.is_some(), "it is open");
        exchange.end();
        until(&watch, |snapshot| snapshot.state.is_over());
        let report = watch.report();
        assert_eq!(report.silent_micros, None);
        let (bytes, wire) = (3 * "id: 1\ndata: event 1\n\n".len() as u64, wire as u64);
        let attempt = &report.latest_attempts[0];
        assert_eq!((report.body_bytes, report.wire_bytes), (bytes, wire), "{coding}");
        assert_eq!((attempt.body_bytes, attempt.wire_bytes), (bytes, wire));
        let mut har = Vec::new();
        export::har(&watch.view(), None, &mut har).unwrap();
        let har: serde_json::Value = serde_json::from_slice(&har).unwrap();
        let response = &har["log"]["entries"][0]["response"];
        let sizes = (&response["bodySize"], &response["content"]["size"]);
        assert_eq!(sizes, (&wire.into(), &bytes.into()));
    }
}

#[test]
fn a_compressed_stream_that_expands_without_measure_is_ended() {
    let origin = Origin::start();
    let limits = Expansion { ratio: 20, free_bytes: 1 << 20 };
    let watch = Watch::start(once(&origin.url()).expansion(limits));
    let mut exchange = origin.accept();
    exchange.send(&head("text/event-stream\r\ncontent-encoding: gzip"));
    exchange.send_bytes(&encode(&mut *encoder("gzip"), &vec![b'\n'; 8 << 20]));
    let failure = failure(&watch);
    assert!(failure.sentence.contains("expands without measure"), "{failure:?}");
}

#[test]
fn what_is_cut_off_within_an_event_is_told() {
    let origin = Origin::start();
    let ended = |content_type: &str, body: &[u8]| {
        let watch = Watch::start(once(&origin.url()));
        let mut exchange = origin.accept();
        exchange.send(&head(content_type));
        exchange.send_bytes(body);
        exchange.end();
        let failure = failure(&watch);
        // What ends before its compression does broke off.
        let is_broken = failure.sentence.contains("has no end");
        let fault = if is_broken { Fault::Connect } else { Fault::Ended };
        assert_eq!(failure.fault, fault, "{failure:?}");
        let last = watch.page(1, usize::MAX, usize::MAX).pop().unwrap();
        assert_eq!(last.data, failure.sentence);
        (watch.report().unfinished, failure.sentence)
    };
    let (stream, json) = ("text/event-stream", "application/x-ndjson");
    for (content_type, body, is_cut) in [
        (stream, "data: a\n\ndata: lost", true),
        (stream, "data: a\n\nid: 7\r\ndata: lost\r\n", true),
        (stream, "data: a\n\n: beat", false),
        (stream, "data: a\n\nid: 7\n\n", false),
        (stream, "data: a\n\n\n\n", false),
        (json, "{\"a\":1}\n{\"a\":", true),
        (json, "{\"a\":1}\n{\"a\":2}", false),
        (json, "{\"a\":1}\n  ", false),
    ] {
        let (unfinished, sentence) = ended(content_type, body.as_bytes());
        assert_eq!(unfinished, u64::from(is_cut), "{body:?}");
        assert_eq!(sentence.contains("an event was cut off"), is_cut, "{body:?}: {sentence}");
    }
    let mut gzip = encoder("gzip");
    let mut whole = encode(&mut *gzip, b"data: a\n\n");
    let coded = "text/event-stream\r\ncontent-encoding: gzip";
    let (_, sentence) = ended(coded, &whole);
    assert!(sentence.contains("its compression (gzip) has no end"), "{sentence}");
    let mut piece = [0; 64];
    let mut buffer = WriteBuffer::new_initialized(&mut piece);
    assert!(gzip.finish(&mut buffer).unwrap());
    whole.extend_from_slice(buffer.written());
    let (_, sentence) = ended(coded, &whole);
    assert!(!sentence.contains("compression"), "{sentence}");
}

#[test]
fn what_hangs_up_on_a_handshake_may_speak_no_tls() {
    let origin = Origin::start();
    let watch = Watch::start(once(&origin.url().replace("http:", "https:")));
    drop(origin.listener().accept().unwrap());
    let failure = failure(&watch);
    assert!(failure.sentence.contains("is it http:// rather than https://?"), "{failure:?}");
    assert!(!failure.sentence.contains("certificate"), "{failure:?}");
}

#[test]
fn an_unknown_coding_is_refused_in_words() {
    let origin = Origin::start();
    let watch = Watch::start(once(&origin.url()));
    origin.accept().send(&head("text/event-stream\r\ncontent-encoding: compress"));
    let failure = failure(&watch);
    assert_eq!(failure.fault, Fault::Protocol);
    assert!(failure.sentence.contains("compressed by one of gzip, br, zstd"), "{failure:?}");
    assert!(!failure.sentence.contains("sse-client"), "{failure:?}");
}

#[test]
fn lines_of_json_are_events() {
    let origin = Origin::start();
    let watch = Watch::start(once(&origin.url()));
    let mut exchange = origin.accept();
    exchange.send(&head("application/x-ndjson; charset=utf-8"));
    exchange.send("{\"a\":1}\n\n{\"a\"");
    exchange.send(":2}\r\n{\"not\":\"whole\"");
    until(&watch, |snapshot| snapshot.totals.events == 2);
    exchange.end();
    until(&watch, |snapshot| snapshot.state.is_over());
    let rows = watch.page(3, 9, 80);
    assert_eq!((rows[0].data.as_str(), rows[1].data.as_str()), ("{\"a\":1}", "{\"a\":2}"));
    assert_eq!(watch.view().turn(2).unwrap().response.unwrap().format, Format::Ndjson);
}

#[test]
fn method_body_and_headers_are_sent() {
    let origin = Origin::start();
    let request = once(&origin.url()).body("{\"q\":1}").header("Content-Type: application/json");
    let request = request.unwrap().header("Accept: text/event-stream, */*").unwrap();
    let _watch = Watch::start(request);
    let mut exchange = origin.accept();
    assert!(exchange.head.starts_with("POST /events HTTP/1.1\r\n"), "{}", exchange.head);
    assert_eq!(exchange.header("content-type"), Some("application/json"));
    assert_eq!(exchange.header("content-length"), Some("7"));
    assert_eq!(exchange.header("accept"), Some("text/event-stream, */*"));
    assert_eq!(exchange.receive(7), b"{\"q\":1}");
}

#[test]
fn the_user_in_a_url_is_sent_as_a_header() {
    let origin = Origin::start();
    let url = origin.url().replace("http://", "http://me:p%40ss@");
    let _watch = Watch::start(once(&url));
    let exchange = origin.accept();
    assert_eq!(exchange.header("authorization"), Some("Basic bWU6cEBzcw=="));
}

#[test]
fn each_step_of_connecting_is_timed() {
    let origin = Origin::start();
    let watch = Watch::start(once(&origin.url().replace("127.0.0.1", "localhost")));
    let _exchange = origin.open("data: a\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let view = watch.view();
    let phases = view.turn(2).unwrap().phases.unwrap();
    assert!(phases.dns_micros.is_some() && phases.tcp_micros.is_some(), "{phases:?}");
    assert!(phases.tls_micros.is_none() && phases.head_micros.is_some(), "{phases:?}");
    let mut statistics = Statistics::default();
    statistics.update(&view);
    let attempt = &statistics.report().latest_attempts[0];
    assert!(attempt.first_byte_micros <= attempt.first_event_micros, "{attempt:?}");
    assert_eq!(attempt.phases, Some(phases));
}

#[test]
fn a_trusted_certificate_opens_the_stream_over_either_version_of_http() {
    for (protocol, version) in [(&b"h2"[..], "HTTP/2.0"), (b"http/1.1", "HTTP/1.1")] {
        let secure = Secure::start("server", protocol, false);
        let request = once(&secure.url()).authorities(&pem("ca.pem")).unwrap();
        let watch = Watch::start(request);
        until(&watch, |snapshot| snapshot.totals.events == 1);
        let turn = watch.view().turn(2).unwrap();
        assert_eq!(turn.response.unwrap().version, version);
        assert!(turn.phases.unwrap().tls_micros.is_some());
        assert_eq!(watch.row(3).unwrap().data, "secret");
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_opens_nothing_unless_anyone_is_trusted() {
    let secure = Secure::start("server", b"http/1.1", false);
    let watch = Watch::start(WatchRequest::new(&secure.url()).unwrap());
    let failure = failure(&watch);
    assert_eq!(failure.fault, Fault::Tls);
    assert!(failure.sentence.contains("check the certificate"), "{failure:?}");
    let watch = Watch::start(once(&secure.url()).insecure(true));
    until(&watch, |snapshot| snapshot.totals.events == 1);
}

#[test]
fn a_certificate_that_is_given_itself_is_trusted_if_it_is_in_order() {
    // One that signs itself, and one of an authority that is not given.
    for (server, given) in [("self", "self.pem"), ("server", "server.pem")] {
        let secure = Secure::start(server, b"http/1.1", false);
        let watch = Watch::start(once(&secure.url()).authorities(&pem(given)).unwrap());
        until(&watch, |snapshot| snapshot.totals.events == 1);
    }
    for (server, given, why) in [
        ("self", "expired.pem", "check the certificate"),
        ("expired", "expired.pem", "expired"),
        ("other", "other.pem", "not valid for name"),
    ] {
        let secure = Secure::start(server, b"http/1.1", false);
        let watch = Watch::start(once(&secure.url()).authorities(&pem(given)).unwrap());
        let failure = failure(&watch);
        assert!(failure.sentence.contains(why), "{server}: {failure:?}");
        assert!(!failure.sentence.contains("OtherError"), "{failure:?}");
    }
}

#[test]
fn a_key_that_wants_a_password_is_told_from_none() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("locked.key");
    let pem_of_key =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(&key, pem_of_key).unwrap();
    let secure = Secure::start("server", b"http/1.1", true);
    let refusal = once(&secure.url()).identity(&pem("reader.pem"), &key).unwrap_err();
    assert!(refusal.to_string().contains("wants a password"), "{refusal}");
}

#[test]
fn a_certificate_is_shown_where_one_is_asked_for() {
    let secure = Secure::start("server", b"http/1.1", true);
    let request = once(&secure.url()).authorities(&pem("ca.pem")).unwrap();
    let request = request.identity(&pem("reader.pem"), &pem("reader.key")).unwrap();
    let watch = Watch::start(request);
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let none = once(&secure.url()).authorities(&pem("reader.key")).unwrap_err();
    assert!(none.to_string().contains("has no certificate"), "{none}");
}

#[test]
fn a_proxy_is_gone_through() {
    let origin = Origin::start();
    let proxy = Proxy::start();
    let watch = Watch::start(once(&origin.url()).proxy(&proxy.url("me:pw@")).unwrap());
    let _exchange = origin.open("data: through\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let head = proxy.head();
    assert!(head.starts_with(&format!("GET {} HTTP/1.1\r\n", origin.url())), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic bwu6chc=\r\n"), "{head}");

    let secure = Secure::start("server", b"h2", false);
    let request = once(&secure.url()).authorities(&pem("ca.pem")).unwrap();
    let watch = Watch::start(request.proxy(&proxy.url("")).unwrap());
    until(&watch, |snapshot| snapshot.totals.events == 1);
    let head = proxy.head();
    assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", secure.address)), "{head}");
}

#[test]
fn what_is_watched_is_recorded_without_its_secrets() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().join("session");
    let origin = Origin::start();
    let url = format!("{}?topic=a&access_token=CANARY1", origin.url());
    let url = url.replace("http://", "http://me:CANARY2@");
    let request = WatchRequest::new(&url)
        .unwrap()
        .header("X-Api-Key: CANARY3")
        .unwrap()
        .header("Cookie: sid=CANARY4")
        .unwrap()
        .record(&folder, DiskLimit::default());
    let watch = Watch::start(request);
    let mut exchange = origin.accept();
    let location = format!("{}?token=CANARY5", origin.url());
    exchange.send(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    ));
    let mut exchange = origin.accept();
    assert_eq!(exchange.header("x-api-key"), Some("CANARY3"));
    exchange.send(&head("text/event-stream\r\nset-cookie: a=CANARY6"));
    exchange.send("retry: 1\nid: 7\ndata: the body stays as it is\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 1);
    exchange.end();
    let mut exchange = origin.accept();
    exchange.send(&head("text/event-stream"));
    exchange.send("data: two\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 2);
    watch.disconnect();
    assert_eq!(watch.recording_stopped(), None);
    let live = watch.page(1, 99, usize::MAX);
    let recording = Recording::open(&folder).unwrap();
    assert!(recording.is_closed());
    assert_eq!(recording.damage(), []);
    assert_eq!(recording.view().page(1, 99, usize::MAX), live);
    assert!(live.iter().any(|row| row.kind == RowKind::Redirected { status: 307 }));
    assert_eq!(
        recording.origin().redacted,
        [
            "user and password in the URL",
            "query key access_token",
            "header x-api-key",
            "header cookie"
        ]
    );
    for file in fs::read_dir(&folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, b"CANARY").is_none());
    }
}

#[test]
fn what_cannot_be_recorded_is_watched_all_the_same() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("a file");
    fs::write(&file, "in the way").unwrap();
    let origin = Origin::start();
    let watch = Watch::start(once(&origin.url()).record(&file, DiskLimit::default()));
    let _exchange = origin.open("data: a\n\n");
    until(&watch, |snapshot| snapshot.totals.events == 1);
    assert!(watch.recording_stopped().unwrap().contains("nothing is recorded in"));
    assert_eq!(watch.row(1).unwrap().kind, RowKind::RecordingStopped);
}

fn once(url: &str) -> WatchRequest {
    WatchRequest::new(url).unwrap().reconnect(Reconnect::Never)
}

fn head(content_type: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(STUCK, future).await }).expect("it is stuck")
}

fn until(watch: &Watch, reached: impl Fn(&Snapshot) -> bool) -> Snapshot {
    wait(async {
        loop {
            let snapshot = watch.snapshot();
            if reached(&snapshot) {
                return snapshot;
            }
            let rows: Vec<Row> = watch.page(1, 99, 200);
            assert!(!snapshot.state.is_over(), "it is over: {rows:?}");
            watch.changed(snapshot.revision).await;
        }
    })
}

fn failure(watch: &Watch) -> Failure {
    let snapshot = until(watch, |snapshot| snapshot.state.is_over());
    let State::Failed { failure } = snapshot.state else { panic!("{snapshot:?}") };
    failure
}

fn encoder(coding: &str) -> Box<dyn EncodeV2> {
    match coding {
        "gzip" => Box::new(GzipEncoder::new(Level::Fastest.into())),
        "br" => Box::new(BrotliEncoder::new(Default::default())),
        _ => Box::new(ZstdEncoder::new(3)),
    }
}

fn encode(encoder: &mut dyn EncodeV2, bytes: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut input = PartialBuffer::new(bytes);
    let mut piece = vec![0; 1 << 16];
    loop {
        let mut buffer = WriteBuffer::new_initialized(&mut piece);
        let done = if input.unwritten().is_empty() {
            encoder.flush(&mut buffer).unwrap()
        } else {
            encoder.encode(&mut input, &mut buffer).unwrap();
            false
        };
        coded.extend_from_slice(buffer.written());
        if done {
            return coded;
        }
    }
}

/// A proxy that keeps the heads of what goes through it.
struct Proxy {
    address: SocketAddr,
    heads: std::sync::mpsc::Receiver<String>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heads) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let text = String::from_utf8(head.clone()).unwrap();
                let target = text.split(' ').nth(1).unwrap().trim_start_matches("http://");
                let target = target.split('/').next().unwrap();
                let mut server = TcpStream::connect(target).unwrap();
                if text.starts_with("CONNECT") {
                    socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
                } else {
                    server.write_all(&head).unwrap();
                }
                sender.send(text).unwrap();
                let (mut from, mut to) = (socket.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut from, &mut to));
                thread::spawn(move || std::io::copy(&mut server, &mut socket));
            }
        });
        Self { address, heads }
    }

    fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    fn head(&self) -> String {
        self.heads.recv_timeout(STUCK).unwrap()
    }
}
