//! A relay between client and server that does what networks do, by a seed: cuts, resets, half-closes
//! and stalls at any byte. Whatever it does, what arrives is what was published.
//!
//! `RELAY_SEED=123 RELAY_SESSIONS=1 cargo test -p sse-client --test relay` plays one session
//! alone; more of them go on from that seed, or from 0.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

extern crate alloc;

use alloc::{collections::BTreeMap, sync::Arc};
use core::{net::SocketAddr, time::Duration};
use std::{
    io::{self, Write},
    sync::Mutex,
};

use sse_client::{Error, EventSource, HttpClient, RetryPolicy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

#[expect(dead_code, reason = "the simulation uses more of it")]
#[path = "sim/random.rs"]
mod random;

use random::Random;

const SESSIONS: u64 = 200;
/// As many sessions at once as find descriptors where only 256 are allowed.
const AT_ONCE: u64 = 30;
const EVENTS: u64 = 40;
/// A session meets so many faults at most, so that it comes to its end.
const FAULTS: u64 = 8;

/// What happens to a connection once so many bytes of the answer have gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    /// Both directions end properly, in the middle of whatever it is.
    Close,
    Reset,
    /// The client is told of an end, and may still send.
    HalfClose,
    /// Nothing more comes, and nobody is told.
    Stall,
}

/// Which faults there were, over all sessions.
type Count = Arc<Mutex<BTreeMap<Fault, u64>>>;

#[tokio::test]
async fn over_a_network_that_cuts_anywhere_what_arrives_is_what_was_published() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("RELAY_SEED").unwrap_or(0);
    let sessions = number("RELAY_SESSIONS").unwrap_or(SESSIONS);
    let server = serve().await;
    let count = Count::default();
    let client = HttpClient::new(|client| client.no_proxy()).unwrap();
    let mut running = JoinSet::new();
    for seed in first..first + sessions {
        if seed - first >= AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(session(seed, server, client.clone(), Arc::clone(&count)));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    // Not by `println`, so that it is seen when the test passes, too.
    let count = count.lock().unwrap();
    writeln!(io::stdout(), "{sessions} sessions of {EVENTS} events, connections: {count:?}")
        .unwrap();
    assert!(sessions < SESSIONS || count.len() == 5, "some fault never happened: {count:?}");
}

/// Reads all events through a relay of its own.
async fn session(seed: u64, server: SocketAddr, client: HttpClient, count: Count) {
    let relay = relay(Random::new(seed), server, count).await;
    let patience = Some(Duration::from_millis(300));
    let policy = RetryPolicy::resilient()
        .no_backoff()
        .reconnection_time(Duration::from_millis(1))
        .idle_timeout(patience);
    let mut source = EventSource::builder(format!("http://{relay}/?framing={}", seed % 2))
        .policy(policy)
        .shared_client(&client)
        .open()
        .unwrap();
    for number in 1..=EVENTS {
        let event = match source.next().await {
            Some(Ok(event)) => event,
            None | Some(Err(Error::Failed(_) | _)) => panic!("seed {seed} ended before {number}"),
        };
        let id = number.to_string();
        assert_eq!((event.last_event_id(), event.data()), (&*id, &*data(number)), "seed {seed}");
        assert!(!event.is_repeat(), "seed {seed}: {number} was never sent before");
    }
}

fn data(number: u64) -> String {
    format!("event {number}\n{}", "é".repeat(usize::try_from(number * 7 % 60).unwrap()))
}

/// Gives everyone the events after the last one that it says it has, and then holds the stream open.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            // Whoever is cut off makes an error here.
            tokio::spawn(answer(socket));
        }
    });
    address
}

async fn answer(mut socket: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let last = head.lines().find_map(|line| line.strip_prefix("last-event-id: "));
    let last: u64 = last.map_or(0, |id| id.parse().expect("an id of this server"));
    let is_chunked = head.starts_with("get /?framing=1 ");
    let framing = if is_chunked { "transfer-encoding: chunked\r\n" } else { "" };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";
    socket.write_all(format!("{head}{framing}\r\n").as_bytes()).await?;
    for number in last + 1..=EVENTS {
        let lines = data(number).replace('\n', "\ndata: ");
        let event = format!("id: {number}\ndata: {lines}\n\n");
        let framed = if is_chunked { format!("{:x}\r\n{event}\r\n", event.len()) } else { event };
        socket.write_all(framed.as_bytes()).await?;
    }
    // Until the other side leaves.
    socket.read_u8().await.map(drop)
}

async fn relay(mut random: Random, server: SocketAddr, count: Count) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let faults = random.within(1..FAULTS);
        for connection in 0.. {
            let (client, _) = listener.accept().await.unwrap();
            let fault = match random.within(0..4) {
                _ if connection >= faults => Fault::None,
                0 => Fault::Close,
                1 => Fault::Reset,
                2 => Fault::HalfClose,
                _ => Fault::Stall,
            };
            *count.lock().unwrap().entry(fault).or_default() += 1;
            // Also before the first byte, and in the middle of the head.
            let after = random.within(0..1500);
            let pieces = Random::new(random.next());
            tokio::spawn(carry(client, server, fault, after, pieces));
        }
    });
    address
}

/// Carries bytes both ways until a fault, or until either side leaves.
async fn carry(
    client: TcpStream,
    server: SocketAddr,
    fault: Fault,
    mut left: u64,
    mut pieces: Random,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::spawn(async move {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        Ok::<_, io::Error>(from_client)
    });
    let mut buffer = [0; 200];
    while fault == Fault::None || left > 0 {
        let most = usize::try_from(pieces.within(1..201)).unwrap();
        let most =
            if fault == Fault::None { most } else { most.min(usize::try_from(left).unwrap()) };
        let read = from_server.read(&mut buffer[..most]).await?;
        if read == 0 {
            return Ok(());
        }
        to_client.write_all(&buffer[..read]).await?;
        left = left.saturating_sub(read as u64);
    }
    match fault {
        Fault::None | Fault::Close => asking.abort(),
        Fault::Reset => {
            socket2::SockRef::from(to_client.as_ref()).set_linger(Some(Duration::ZERO))?;
            asking.abort();
        }
        Fault::HalfClose => {
            to_client.shutdown().await?;
            let _left = asking.await;
        }
        // Until the client has had enough.
        Fault::Stall => drop(asking.await),
    }
    Ok(())
}
