//! What a source holds once a large event has come and gone.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use core::net::SocketAddr;
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use sse_client::{EventSource, HttpClient, RetryPolicy, Update};

use crate::held;

/// Lines of a data of almost 4 MiB, in one event.
const LINES: usize = 4;
const LINE: usize = 1_000_000;

const HELD: i64 = 70 << 10;

#[test]
fn a_large_event_is_not_held_after_its_body_in_the_wait_or_after_a_close() {
    let url = format!("http://{}/", serve());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = HttpClient::new(|client| client.no_proxy()).unwrap();
        let open = |policy| {
            let builder = EventSource::builder(&url).policy(policy).shared_client(&client);
            builder.open_updates().unwrap()
        };
        // What a first connection makes for all that follow is not the source's.
        read(&mut open(RetryPolicy::never())).await;
        let before = held();
        let beyond = |what: &str| {
            let held = held() - before;
            println!("{held} bytes {what}");
            assert!(held <= HELD, "{held} bytes {what}");
        };

        let mut ended = open(RetryPolicy::never());
        read(&mut ended).await;
        beyond("after the end of the body");
        drop(ended);

        let mut closed = open(RetryPolicy::never());
        while !matches!(closed.next().await, Some(Update::Event(_))) {}
        closed.close();
        // The connection's own task has its turn.
        tokio::task::yield_now().await;
        beyond("after a close");
        drop(closed);

        let mut waiting = open(RetryPolicy::resilient());
        read(&mut waiting).await;
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            _ = waiting.next() => panic!("it does not wait"),
            () = tokio::task::yield_now() => {}
        }
        beyond("in the wait");
    });
}

/// Takes what comes up to the end of the body.
async fn read(updates: &mut sse_client::Updates) {
    while let Some(update) = updates.next().await {
        if let Update::Event(event) = &update {
            assert_eq!(event.data().len(), LINES * (LINE + 1) - 1);
        }
        if matches!(update, Update::Disconnected { .. }) {
            return;
        }
    }
}

/// Gives everyone one large event.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let event = format!("data: {}\n", "x".repeat(LINE)).repeat(LINES) + "\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let answer = head.to_owned() + &event;
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let answer = answer.clone();
            thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request);
                // Who closes early has a right to.
                let _ = socket.write_all(answer.as_bytes());
            });
        }
    });
    address
}
