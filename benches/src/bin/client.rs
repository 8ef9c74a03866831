//! From the chunk to the caller, and from the socket to the caller beside other clients.
//!
//! `cargo run --release -p benches --bin client --features client-peers`

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{
    hint::black_box,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    thread,
    time::Duration,
};

use benches::rounds::{Contender, Measured, Outcome, run};
use bytes::Bytes;
use sse_client::{
    Event, EventSource, RetryPolicy,
    session::{Output, ResponseHead, Session, SessionConfig},
};
use sse_codec::{Decoder, Item, time::Instant};

const CHUNK: usize = 16 << 10;
const BODY: usize = 4 << 20;
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    for (name, body) in bodies() {
        doors(name, &body);
        sockets(name, &body);
    }
    ExitCode::SUCCESS
}

/// Chat deltas with an id each, and ticks without.
fn bodies() -> [(&'static str, Vec<u8>); 2] {
    let mut deltas = String::new();
    for n in 0.. {
        if deltas.len() >= BODY {
            break;
        }
        let word = "lorem ipsum dolor sit amet ".repeat(n % 10 + 1);
        deltas +=
            &format!("event: delta\nid: chat-{n}\ndata: {{\"index\":0,\"text\":\"{word}\"}}\n\n");
    }
    let ticks = "data: 1.0842\n\n".repeat(BODY / 14);
    [("deltas", deltas.into_bytes()), ("ticks", ticks.into_bytes())]
}

fn chunks(body: &[u8]) -> Vec<Bytes> {
    body.chunks(CHUNK).map(Bytes::copy_from_slice).collect()
}

/// The codec with owned events, and the session with the driver's events.
fn doors(name: &str, body: &[u8]) {
    let chunks = chunks(body);
    let codec = || {
        let mut decoder = Decoder::new();
        let mut outcome = Outcome::default();
        for chunk in &chunks {
            let mut input = &chunk[..];
            while let Ok(Some(item)) = decoder.decode(&mut input) {
                if let Item::Event(event) = item {
                    let event = event.to_owned();
                    read(&event);
                    count(&mut outcome, event.data.len());
                }
            }
        }
        outcome
    };
    let session = || {
        let now = Instant::ORIGIN;
        let mut session = Session::new(SessionConfig::new(), 1, now);
        let Some(Output::Connect { attempt, .. }) = session.poll_output() else {
            return Outcome::default();
        };
        let head = ResponseHead::new(200).content_type(Some(b"text/event-stream"));
        session.handle_response(attempt, head, now);
        let mut outcome = Outcome::default();
        for chunk in &chunks {
            session.handle_body(attempt, chunk.clone(), now);
            loop {
                while let Some((event, _)) = session.poll_event() {
                    let event = Event::from(event);
                    read(&event);
                    count(&mut outcome, event.data().len());
                }
                if session.poll_output().is_none() {
                    break;
                }
            }
        }
        outcome
    };
    let mut contenders = [
        Contender { name: "codec, owned", work: Box::new(codec) },
        Contender { name: "session, owned", work: Box::new(session) },
    ];
    show(&format!("{name}: from the chunk"), &run(&mut contenders, ROUNDS, TURN));
}

const TURN: Duration = Duration::from_millis(100);

/// Clients of one server on loopback.
fn sockets(name: &str, body: &[u8]) {
    let url = format!("http://{}/", serve(body.to_vec()));
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    let ours = || {
        runtime.block_on(async {
            let mut outcome = Outcome::default();
            let source = EventSource::builder(&url)
                .client(|client| client.no_proxy())
                .policy(RetryPolicy::never());
            let Ok(mut source) = source.open() else { return outcome };
            while let Some(Ok(event)) = source.next().await {
                count(&mut outcome, event.data().len());
            }
            outcome
        })
    };
    // What the HTTP client takes by itself, which is none of an event's: counted as the others, so that
    // its time an event can be subtracted from theirs.
    let counted = counted(body);
    let body_alone = || {
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().http1_only().build();
            let Ok(client) = client else { return Outcome::default() };
            let Ok(mut response) = client.get(&url).send().await else { return Outcome::default() };
            while let Ok(Some(chunk)) = response.chunk().await {
                read(&chunk);
            }
            counted
        })
    };
    let mut contenders = vec![
        Contender { name: "sse-client", work: Box::new(ours) },
        Contender { name: "reqwest, body alone", work: Box::new(body_alone) },
    ];
    peers::add(&mut contenders, &runtime, &url);
    show(&format!("{name}: from the socket"), &run(&mut contenders, ROUNDS, TURN));
}

/// Stands for a caller that reads all of an event where it is: else the compiler sees that only a length is
/// wanted, and copies nothing.
fn read<T>(event: &T) {
    black_box(event);
}

fn counted(body: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    Decoder::new().visit(body, |item| {
        if let Ok(Item::Event(event)) = item {
            count(&mut outcome, event.data.len());
        }
    });
    outcome
}

fn count(outcome: &mut Outcome, data: usize) {
    outcome.events += 1;
    outcome.data_bytes += data as u64;
}

/// Sends `body` to everyone who asks, and closes.
fn serve(body: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            // A client that has enough leaves.
            let _ = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&body));
        }
    });
    address
}

fn show(title: &str, measured: &[Measured]) {
    println!("{title}");
    let Some(first) = measured.first() else { return };
    for one in measured {
        let Measured { name, outcome, .. } = one;
        let an_event = one.time().as_nanos() as f64 / outcome.events.max(1) as f64;
        let ratio = one.times_as_long_as(first);
        let told = if outcome == &first.outcome { "" } else { "  WRONG COUNT" };
        println!(
            "  {name:<22} {an_event:>8.1} ns an event  {ratio:>5.2}x  {}{told}",
            outcome.events
        );
    }
}

#[cfg(not(feature = "client-peers"))]
mod peers {
    use super::Contender;

    pub(super) fn add(_: &mut Vec<Contender<'_>>, _: &tokio::runtime::Runtime, _: &str) {}
}

#[cfg(feature = "client-peers")]
mod peers {
    use eventsource_client::{Client as _, ClientBuilder, SSE};
    use futures_util::{StreamExt as _, TryStreamExt as _};
    use reqwest_eventsource::Event as PeerEvent;

    use super::{Contender, Outcome, count};

    pub(super) fn add<'a>(
        contenders: &mut Vec<Contender<'a>>,
        runtime: &'a tokio::runtime::Runtime,
        url: &'a str,
    ) {
        let reqwest_eventsource = move || {
            runtime.block_on(async {
                let mut outcome = Outcome::default();
                let client = reqwest_0_12::Client::builder().no_proxy().build();
                let Ok(client) = client else { return outcome };
                let Ok(mut source) = reqwest_eventsource::EventSource::new(client.get(url)) else {
                    return outcome;
                };
                source.set_retry_policy(Box::new(reqwest_eventsource::retry::Never));
                while let Some(Ok(event)) = source.next().await {
                    if let PeerEvent::Message(event) = event {
                        count(&mut outcome, event.data.len());
                    }
                }
                outcome
            })
        };
        let eventsource_client = move || {
            runtime.block_on(async {
                let mut outcome = Outcome::default();
                let Ok(builder) = ClientBuilder::for_url(url) else { return outcome };
                let options = eventsource_client::ReconnectOptions::reconnect(false).build();
                let transport = launchdarkly_sdk_transport::HyperTransport::new();
                let Ok(transport) = transport else { return outcome };
                let client = builder.reconnect(options).build_with_transport(transport);
                let mut stream = client.stream();
                while let Ok(Some(item)) = stream.try_next().await {
                    if let SSE::Event(event) = item {
                        count(&mut outcome, event.data.len());
                    }
                }
                outcome
            })
        };
        contenders
            .push(Contender { name: "reqwest-eventsource", work: Box::new(reqwest_eventsource) });
        contenders
            .push(Contender { name: "eventsource-client", work: Box::new(eventsource_client) });
    }
}
