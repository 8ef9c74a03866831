//! A driver on smol: the session on another runtime than tokio, in one loop.
//!
//! `cargo run -p sse-client --no-default-features --example smol -- 127.0.0.1:8080 /events`: HTTP/1.0, in which
//! a body lasts until the connection closes; no TLS.

#![forbid(unsafe_code)]

use core::{error::Error, future::pending, pin::Pin};
use std::{
    io::{self, Write, stdout},
    time::Instant as Clock,
};

use smol::{
    Timer,
    future::{Future, or},
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use sse_client::{
    Event,
    session::{
        Attempt, Bytes, Failure, FailureKind, Instant, Output, ResponseHead, RetryPolicy, Session,
        SessionConfig,
    },
};

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(host), Some(path)) = (std::env::args().nth(1), std::env::args().nth(2)) else {
        return Err("say host:port and path, such as 127.0.0.1:8080 /events".into());
    };
    smol::block_on(follow(&host, &path, RetryPolicy::resilient(), |event| {
        writeln!(stdout(), "{:>12} {}", event.event_type(), event.data()).is_ok()
    }))
    .map_err(Into::into)
}

type Answer = io::Result<(u16, String, BufReader<TcpStream>)>;

enum Wire {
    None,
    Opening(Attempt, Pin<Box<dyn Future<Output = Answer>>>),
    Reading(Attempt, BufReader<TcpStream>),
}

enum Input {
    Timeout,
    Head(Attempt, Answer),
    Body(Attempt, io::Result<Bytes>),
}

/// Gives each event to `reader` until that says `false`, or until the stream is over for good.
pub(crate) async fn follow(
    host: &str,
    path: &str,
    policy: RetryPolicy,
    mut reader: impl FnMut(Event) -> bool,
) -> Result<(), String> {
    let origin = Clock::now();
    let now = || Instant::from_origin(origin.elapsed());
    let mut session =
        Session::new(SessionConfig::new().policy(policy), std::process::id().into(), now());
    let mut wire = Wire::None;
    let mut last_words = Ok(());
    loop {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Connect { attempt, last_event_id, header, .. } => {
                    let id = header.map(|_| last_event_id.to_owned());
                    let request = request(host.to_owned(), path.to_owned(), id);
                    wire = Wire::Opening(attempt, Box::pin(request));
                }
                Output::Abort { .. } => wire = Wire::None,
                Output::Event { event, .. } if !reader(Event::from(event)) => return Ok(()),
                Output::Disconnected { error, retry_at, .. } => {
                    let failed = retry_at.is_none() && !error.is_clean_end();
                    last_words = if failed { Err(error.to_string()) } else { Ok(()) };
                }
                Output::Closed => return last_words,
                Output::Event { .. } | Output::Opened { .. } | Output::Dropped(_) => {}
                Output::Comment { .. } | Output::ReconnectionTime { .. } | _ => {}
            }
        }
        let at = session.poll_timeout().map(|deadline| origin + deadline.at.since_origin());
        let timeout = async {
            at.map_or_else(Timer::never, Timer::at).await;
            Input::Timeout
        };
        match or(next(&mut wire), timeout).await {
            Input::Timeout => session.handle_timeout(now()),
            Input::Head(attempt, Ok((status, media_type, body))) => {
                wire = Wire::Reading(attempt, body);
                let head = ResponseHead::new(status).content_type(Some(media_type.as_bytes()));
                session.handle_response(attempt, head, now());
            }
            Input::Body(attempt, Ok(chunk)) if chunk.is_empty() => {
                wire = Wire::None;
                session.handle_end(attempt, now());
            }
            Input::Body(attempt, Ok(chunk)) => session.handle_body(attempt, chunk, now()),
            Input::Head(attempt, Err(error)) | Input::Body(attempt, Err(error)) => {
                wire = Wire::None;
                let message = format!("the connection to {host} failed: {error}");
                let failure = Failure::new(FailureKind::Interrupted, message);
                session.handle_failure(attempt, failure, now());
            }
        }
    }
}

/// What comes next on the wire.
async fn next(wire: &mut Wire) -> Input {
    match wire {
        Wire::None => pending().await,
        Wire::Opening(attempt, opening) => Input::Head(*attempt, opening.await),
        Wire::Reading(attempt, body) => {
            let mut buffer = [0; 16 << 10];
            let read = body.read(&mut buffer).await;
            Input::Body(*attempt, read.map(|read| Bytes::copy_from_slice(&buffer[..read])))
        }
    }
}

/// Sends a request and reads the head of its answer: status, media type, body.
async fn request(host: String, path: String, last_event_id: Option<String>) -> Answer {
    let mut socket = TcpStream::connect(&host).await?;
    let id = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let ask =
        format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n{id}\r\n");
    socket.write_all(ask.as_bytes()).await?;
    let mut body = BufReader::new(socket);
    let (mut head, mut line) = ((&mut body).take(64 << 10), String::new());
    head.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("what it answers is not HTTP"))?;
    let mut media_type = String::new();
    loop {
        line.clear();
        head.read_line(&mut line).await?;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => {
                value.trim().clone_into(&mut media_type);
            }
            Some(_) => {}
            None => return Ok((status, media_type, body)),
        }
    }
}
