//! A thousand streams of one server over HTTP/2, in one set of tasks on one thread.
//!
//! What reqwest holds is found by a thousand bare bodies of the same server's responses to the same
//! requests, read as far by as many tasks; what is more than that is the session's and the driver's.
//! The server has a thread, and so a count, of its own. Over HTTP/1.1 each socket has buffers of
//! reqwest's that come and go in pieces of 8 KiB, which drown what is looked for.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use alloc::sync::Arc;
use core::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use std::thread;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::{
    body::{Body, Frame},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_client::{EventSource, HttpClient, RetryPolicy};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::Notify,
    task::JoinSet,
};

use crate::{events, held};

const STREAMS: usize = 1000;
/// The events that a stream has had; another is still on its way.
const EVENTS: u32 = 99;

#[test]
fn a_thousand_open_streams_cost_4_kib_each_at_most() {
    let body = body();
    let length = body.len();
    let url = format!("http://{}/events", serve(body));

    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let bare = bytes_each(|done| {
        let request = client
            .get(&url)
            .header("authorization", "Bearer 1")
            .header("accept", "text/event-stream")
            .header("cache-control", "no-cache");
        async move {
            // Its head is let go of here too, so that it does not count as more than what it is.
            let response = http::Response::<reqwest::Body>::from(request.send().await.unwrap());
            let mut body = response.into_body();
            let mut left = length;
            while left > 0 {
                left -= body.frame().await.unwrap().unwrap().into_data().unwrap().len();
            }
            done.one();
            body.frame().await;
        }
    });

    let client = HttpClient::new(|client| client.no_proxy().http2_prior_knowledge()).unwrap();
    let policy = RetryPolicy::resilient().idle_timeout(Some(Duration::from_secs(3600)));
    let whole = bytes_each(|done| {
        let source = EventSource::builder(&url)
            .header("Authorization", "Bearer 1")
            .policy(policy.clone())
            .shared_client(&client);
        let mut source = source.open().unwrap();
        async move {
            for _ in 0..EVENTS {
                source.next().await.unwrap().unwrap();
            }
            done.one();
            source.next().await;
        }
    });

    let ours = whole - bare;
    println!("{whole} bytes a stream, {bare} of them of its HTTP body; {ours} are ours");
    assert!(ours <= 4 << 10, "{ours} bytes a stream");
}

/// The bytes that each of a thousand tasks holds once all have come as far as they should.
fn bytes_each<F>(mut task: impl FnMut(Done) -> F) -> i64
where
    F: Future<Output = ()> + Send + 'static,
{
    // A runtime that is gone has left nothing behind that the next would be seen to free.
    runtime().block_on(async {
        let before = held();
        let done = Done(Arc::default());
        let mut tasks: JoinSet<()> = (0..STREAMS).map(|_| task(done.clone())).collect();
        tokio::select! {
            () = done.all() => {}
            ended = tasks.join_next() => panic!("a stream has ended: {ended:?}"),
        }
        let each = (held() - before) / STREAMS as i64;
        tasks.shutdown().await;
        each
    })
}

/// Counts the streams that have come as far as they should.
#[derive(Clone)]
struct Done(Arc<(AtomicUsize, Notify)>);

impl Done {
    fn one(&self) {
        if self.0.0.fetch_add(1, Ordering::Relaxed) + 1 == STREAMS {
            self.0.1.notify_one();
        }
    }

    async fn all(&self) {
        self.0.1.notified().await;
    }
}

/// Events, and the beginning of another.
fn body() -> String {
    let body = events(0, EVENTS + 1);
    body[..body.len() - 10].into()
}

/// Gives everyone the beginning of a stream, and holds it open.
fn serve(body: String) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = service_fn(move |_| {
        let body = Held(Some(body.clone().into()));
        let response = http::Response::builder().header(CONTENT_TYPE, "text/event-stream");
        async move { response.body(body) }
    });
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let mut http = http2::Builder::new(TokioExecutor::new());
                http.max_concurrent_streams(2 * STREAMS as u32);
                tokio::spawn(http.serve_connection(TokioIo::new(socket), answer.clone()));
            }
        });
    });
    address
}

/// A body that gives its beginning, and has no end.
struct Held(Option<Bytes>);

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
