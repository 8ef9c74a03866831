//! Three more drivers on the same session: blocking sockets, smol, and bytes in memory.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

extern crate alloc;

use core::{net::SocketAddr, time::Duration};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use sse_client::session::RetryPolicy;

#[expect(dead_code, reason = "of an example only its driver is tested")]
#[path = "../examples/blocking.rs"]
mod blocking;
#[path = "seam/memory.rs"]
mod memory;
#[expect(dead_code, reason = "of an example only its driver is tested")]
#[path = "../examples/smol.rs"]
mod smol_driver;

/// Answers each connection by the next text, then closes it; gives back the ids it was asked from.
fn serve(answers: &'static [&'static str]) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let answer = |answer: &&str| {
            let (mut socket, _) = listener.accept().unwrap();
            let mut id = String::new();
            for line in BufReader::new(socket.try_clone().unwrap()).lines() {
                let line = line.unwrap();
                if let Some(sent) = line.strip_prefix("Last-Event-ID: ") {
                    sent.clone_into(&mut id);
                }
                if line.is_empty() {
                    break;
                }
            }
            socket.write_all(answer.as_bytes()).unwrap();
            id
        };
        answers.iter().map(answer).collect()
    });
    (address, server)
}

const ANSWERS: &[&str] = &[
    "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 1\ndata: a\n\ndata: cut",
    "HTTP/1.0 503 Service Unavailable\r\n\r\n",
    "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n\
     event: b\r\ndata: 1\r\ndata: 2\r\n\r\n",
    "HTTP/1.0 404 Not Found\r\n\r\n",
];
const ASKED_FROM: [&str; 4] = ["", "1", "1", "1"];
const SEEN: [(&str, &str); 2] = [("message", "a"), ("b", "1\n2")];
const LAST_WORDS: &str = "the server answered 404 Not Found: check the URL's path";

fn at_once() -> RetryPolicy {
    RetryPolicy::resilient().no_backoff().reconnection_time(Duration::from_millis(1))
}

#[test]
fn a_driver_on_blocking_sockets_resumes_and_gives_up_in_words() {
    let (address, server) = serve(ANSWERS);
    let mut seen = Vec::new();
    let end = blocking::follow(&address.to_string(), "/", at_once(), |event| {
        seen.push((event.event_type().to_owned(), event.data().to_owned()));
        true
    });
    assert_eq!(end.unwrap_err(), LAST_WORDS);
    assert_eq!(seen, SEEN.map(|(kind, data)| (kind.into(), data.into())));
    assert_eq!(server.join().unwrap(), ASKED_FROM);
}

#[test]
fn a_driver_on_smol_resumes_and_gives_up_in_words() {
    let (address, server) = serve(ANSWERS);
    let mut seen = Vec::new();
    let host = address.to_string();
    let end = smol::block_on(smol_driver::follow(&host, "/", at_once(), |event| {
        seen.push((event.event_type().to_owned(), event.data().to_owned()));
        true
    }));
    assert_eq!(end.unwrap_err(), LAST_WORDS);
    assert_eq!(seen, SEEN.map(|(kind, data)| (kind.into(), data.into())));
    assert_eq!(server.join().unwrap(), ASKED_FROM);
}

#[test]
fn a_head_without_end_is_no_head() {
    for blocking in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            // It may have left before all of it is sent.
            let _ = socket.write_all(&[b'x'; 128 << 10]);
            while socket.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
        });
        let end = if blocking {
            blocking::follow(&host, "/", RetryPolicy::never(), |_| true)
        } else {
            smol::block_on(smol_driver::follow(&host, "/", RetryPolicy::never(), |_| true))
        };
        assert!(end.unwrap_err().ends_with("what it answers is not HTTP"));
        server.join().unwrap();
    }
}

#[test]
fn both_stop_when_their_reader_does() {
    let (address, server) = serve(&ANSWERS[..1]);
    assert_eq!(blocking::follow(&address.to_string(), "/", at_once(), |_| false), Ok(()));
    server.join().unwrap();
    let (address, server) = serve(&ANSWERS[..1]);
    let host = address.to_string();
    assert_eq!(smol::block_on(smol_driver::follow(&host, "/", at_once(), |_| false)), Ok(()));
    server.join().unwrap();
}
