//! A driver on blocking sockets: the session, one thread, no runtime, no HTTP library.
//!
//! `cargo run -p sse-client --no-default-features --example blocking -- 127.0.0.1:8080 /events`
//!
//! It speaks HTTP/1.0, in which a body lasts until the connection closes, and no TLS.

#![forbid(unsafe_code)]

use core::{error::Error, time::Duration};
use std::{
    io::{self, BufRead, BufReader, Read, Write, stdout},
    net::TcpStream,
    thread,
    time::Instant as Clock,
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
    let policy = RetryPolicy::resilient().idle_timeout(Some(Duration::from_secs(45)));
    follow(&host, &path, policy, |event| {
        // Nobody to read it: the end.
        writeln!(stdout(), "{:>12} {}", event.event_type(), event.data()).is_ok()
    })
    .map_err(Into::into)
}

/// Gives each event to `reader` until that says `false`, or until the stream is over for good.
pub(crate) fn follow(
    host: &str,
    path: &str,
    policy: RetryPolicy,
    mut reader: impl FnMut(Event) -> bool,
) -> Result<(), String> {
    let origin = Clock::now();
    let now = || Instant::from_origin(origin.elapsed());
    // Enough to spread the waits of many such programs.
    let mut session =
        Session::new(SessionConfig::new().policy(policy), std::process::id().into(), now());
    let mut connection: Option<(Attempt, BufReader<TcpStream>)> = None;
    let mut last_words = Ok(());
    loop {
        let mut asked = None;
        while let Some(output) = session.poll_output() {
            match output {
                Output::Connect { attempt, last_event_id, header, .. } => {
                    asked = Some((attempt, header.map(|_| last_event_id.to_owned())));
                }
                Output::Abort { .. } => connection = None,
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
        let deadline = session.poll_timeout().map(|deadline| deadline.at - now());
        let patience = deadline.map(|wait| wait.max(Duration::from_millis(1)));
        if let Some((attempt, id)) = asked {
            match request(host, path, id.as_deref(), patience) {
                Ok((status, media_type, body)) => {
                    let head = ResponseHead::new(status).content_type(Some(media_type.as_bytes()));
                    connection = Some((attempt, body));
                    session.handle_response(attempt, head, now());
                }
                Err(error) => session.handle_failure(attempt, failure(host, &error), now()),
            }
        } else if let Some((attempt, body)) = &mut connection {
            let attempt = *attempt;
            let mut buffer = [0; 16 << 10];
            let read =
                body.get_ref().set_read_timeout(patience).and_then(|()| body.read(&mut buffer));
            match read {
                // It is of no more use, and to read from it again would be a wait without rest.
                Ok(0) => {
                    connection = None;
                    session.handle_end(attempt, now());
                }
                Ok(read) => {
                    session.handle_body(attempt, Bytes::copy_from_slice(&buffer[..read]), now());
                }
                // The deadline below decides what that means.
                Err(error) if is_late(&error) => {}
                Err(error) => {
                    connection = None;
                    session.handle_failure(attempt, failure(host, &error), now());
                }
            }
        } else {
            thread::sleep(patience.unwrap_or_default());
        }
        session.handle_timeout(now());
    }
}

/// Sends a request and reads the head of its answer: status, media type, body.
fn request(
    host: &str,
    path: &str,
    last_event_id: Option<&str>,
    patience: Option<Duration>,
) -> io::Result<(u16, String, BufReader<TcpStream>)> {
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(patience)?;
    let id = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let ask =
        format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n{id}\r\n");
    socket.write_all(ask.as_bytes())?;
    let mut body = BufReader::new(socket);
    let mut lines = body.by_ref().take(64 << 10).lines();
    let status = lines.next().transpose()?.unwrap_or_default();
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("what it answers is not HTTP"))?;
    let mut media_type = String::new();
    for line in lines {
        let line = line?;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => {
                value.trim().clone_into(&mut media_type);
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok((status, media_type, body))
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn failure(host: &str, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Interrupted, format!("the connection to {host} failed: {error}"))
}
