//! Streams that come compressed, over real sockets.

use core::mem;
use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use sse_client::{
    Builder, Error, Expansion, RetryPolicy, SessionError,
    session::{ErrorKind, FailureKind},
};

use crate::origin::{Origin, Step, answer, send};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    content-encoding: gzip\r\nconnection: close\r\n\r\n";

/// Compresses as a server does that flushes after each event.
struct Gzip(GzEncoder<Vec<u8>>);

impl Gzip {
    fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::best()))
    }

    fn event(&mut self, text: &str) -> Vec<u8> {
        self.0.write_all(text.as_bytes()).unwrap();
        self.0.flush().unwrap();
        mem::take(self.0.get_mut())
    }

    fn end(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }
}

fn bytes(bytes: impl Into<alloc::sync::Arc<[u8]>>) -> Step {
    Step::Bytes(bytes.into())
}

/// One member with `text` in it.
fn member(text: &str) -> Vec<u8> {
    let mut gzip = Gzip::new();
    [gzip.event(text), gzip.end()].concat()
}

/// 64 MiB of letters in some 64 KiB.
fn bomb() -> Vec<u8> {
    let mut gzip = Gzip::new();
    let first = gzip.event("data: ");
    let letters = "x".repeat(1 << 20);
    gzip.event(&letters);
    [first, gzip.event(&letters).repeat(64)].concat()
}

/// The error that ends it.
async fn failure(builder: Builder) -> SessionError {
    let mut source = builder.open().unwrap();
    loop {
        match source.next().await.unwrap() {
            Err(Error::Failed(error)) => {
                assert!(source.next().await.is_none());
                return error;
            }
            Err(Error::Dropped(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_bomb_ends_the_stream_and_no_policy_asks_for_another() {
    for policy in [RetryPolicy::resilient(), RetryPolicy::whatwg(), RetryPolicy::never()] {
        let origin = Origin::start(vec![vec![send(HEAD), bytes(bomb()), Step::Hold]]).await;
        let error = failure(origin.source("/").policy(policy)).await;
        let SessionError::Transport(failure) = &error else { panic!("{error:?}") };
        assert_eq!(failure.kind, FailureKind::Expansion);
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let expected = format!("the compressed stream from {} expands", origin.address);
        assert!(error.to_string().starts_with(&expected), "{error}");
        origin.left().await;
        assert_eq!(origin.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_stream_that_is_called_gzip_and_is_none_is_not_asked_for_again() {
    let origin = Origin::start(vec![vec![send(HEAD), send("data: 1\n\n"), Step::Hold]]).await;
    let error = failure(origin.source("/")).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().ends_with("it does not begin as gzip does"), "{error}");
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn what_a_stream_may_expand_to_is_the_callers_to_say() {
    let mut gzip = Gzip::new();
    let events =
        [gzip.event("data: 1\n\n"), gzip.event(&format!("data: {}\n\n", "x".repeat(100_000)))];
    let origin = Origin::start(vec![vec![send(HEAD), bytes(events.concat()), Step::Hold]]).await;
    let narrow = Some(Expansion::default().ratio(2).free_bytes(70_000));
    let mut source = origin.source("/").expansion(narrow).open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
    let error = source.next().await.unwrap().unwrap_err().to_string();
    assert!(error.contains("where 2 for one are allowed and 70000 beyond that"), "{error}");
    for wide in [Some(Expansion::default()), None] {
        let mut source = origin.source("/").expansion(wide).open().unwrap();
        assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
        assert_eq!(source.next().await.unwrap().unwrap().data().len(), 100_000);
    }
}

#[tokio::test]
async fn the_callers_own_client_decompresses_nothing_uncounted() {
    let origin = Origin::start(vec![vec![send(HEAD), bytes(bomb()), Step::Hold]]).await;
    let error = failure(origin.source("/").client(|client| client.gzip(true))).await;
    assert!(error.to_string().contains("expands without measure"), "{error}");
    assert_eq!(origin.requests()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_body_that_breaks_off_or_goes_wrong_within_a_member_is_asked_for_again() {
    let first = Gzip::new().event("id: 1\ndata: 1\n\n");
    let corrupt = [Gzip::new().event("id: 2\ndata: 2\n\n"), b"\xFFnot gzip".to_vec()].concat();
    let whole = [member("id: 3\ndata: 3\n\n"), member("id: 4\ndata: 4\n\n")].concat();
    let scripts = [first, corrupt, whole].map(|body| vec![send(HEAD), bytes(body)]);
    let origin = Origin::start(scripts.into()).await;
    let mut source = origin.source("/").open().unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(source.next().await.unwrap().unwrap().into_data());
    }
    assert_eq!(seen, ["1", "2", "3", "4", "3"]);
    let sent: Vec<_> = origin
        .requests()
        .iter()
        .map(|sent| sent.header("last-event-id").map(str::to_owned))
        .collect();
    assert_eq!(sent, [None, Some("1".to_owned()), Some("2".to_owned()), Some("4".to_owned())]);
}

#[tokio::test]
async fn the_end_of_the_last_member_is_the_end_in_due_form() {
    for body in [Vec::new(), member("data: 1\n\n"), member("data: 1\n\n").repeat(2)] {
        let origin = Origin::start(vec![vec![send(HEAD), bytes(body)]]).await;
        let mut source = origin.source("/").policy(RetryPolicy::never()).open().unwrap();
        while let Some(event) = source.next().await {
            assert_eq!(event.unwrap().data(), "1");
        }
    }
    let cut = member("data: 1\n\n");
    let cut = cut[..cut.len() - 1].to_vec();
    let origin = Origin::start(vec![vec![send(HEAD), bytes(cut)]]).await;
    let mut source = origin.source("/").policy(RetryPolicy::never()).open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
    let error = source.next().await.unwrap().unwrap_err().to_string();
    assert!(error.ends_with("broke off in the middle"), "{error}");
}

#[tokio::test]
async fn what_was_not_asked_for_is_refused_by_name() {
    for coding in ["br", "zstd", "deflate", "gzip, br"] {
        let head = HEAD.replace("gzip", coding);
        let origin = Origin::start(vec![vec![send(head), bytes(bomb()), Step::Hold]]).await;
        let error = failure(origin.source("/")).await.to_string();
        let address = origin.address;
        let expected =
            format!("{address} compressed the stream ({coding}), and this client does not");
        assert!(error.starts_with(&expected), "{error}");
        assert!(
            error.ends_with("or compressed by gzip alone (the feature gzip of sse-client)"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_caller_says_what_is_asked_for_and_any_origin_may_know() {
    let away = Origin::start(vec![answer("204 No Content", "", "")]).await;
    let elsewhere = format!("location: {}\r\n", away.url("/"));
    let home = Origin::start(vec![answer("307 Temporary Redirect", &elsewhere, "")]).await;
    for (named, expected) in [(None, "gzip"), (Some("identity"), "identity")] {
        let mut builder = home.source("/");
        if let Some(named) = named {
            builder = builder.header("Accept-Encoding", named);
        }
        assert!(builder.open().unwrap().next().await.is_none());
        for origin in [&home, &away] {
            let requests = origin.requests();
            assert_eq!(requests.last().unwrap().header("accept-encoding"), Some(expected));
        }
    }
}

#[tokio::test]
async fn a_compressed_refusal_says_why() {
    let head = HEAD.replace("200 OK", "403 Forbidden").replace("text/event-stream", "text/plain");
    let origin = Origin::start(vec![vec![send(head), bytes(member("no seat left"))]]).await;
    let error = failure(origin.source("/")).await;
    assert_eq!((error.status(), error.body()), (Some(403), "no seat left"));
}
