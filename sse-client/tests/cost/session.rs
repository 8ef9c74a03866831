//! The session alone, with the events that a driver makes of its outputs.

use bytes::Bytes;
use sse_client::{
    Event, Limits,
    session::{Attempt, Output, ResponseHead, Session, SessionConfig},
};
use sse_codec::time::Instant;

use crate::{COUNT, events, peak};

fn open(config: SessionConfig) -> (Session, Attempt) {
    let mut session = Session::new(config, 1, Instant::ORIGIN);
    let Some(Output::Connect { attempt, .. }) = session.poll_output() else { panic!() };
    let head = ResponseHead::new(200).content_type(Some(b"text/event-stream"));
    session.handle_response(attempt, head, Instant::ORIGIN);
    assert!(matches!(session.poll_output(), Some(Output::Opened { .. })));
    (session, attempt)
}

/// Gives a chunk, and takes out its events as a driver does.
fn read(session: &mut Session, attempt: Attempt, chunk: &Bytes) -> u64 {
    session.handle_body(attempt, chunk.clone(), Instant::ORIGIN);
    let mut events = 0;
    while let Some(output) = session.poll_output() {
        if let Output::Event { event, .. } = output {
            assert!(!Event::from(event).data().is_empty());
            events += 1;
        }
    }
    events
}

#[test]
fn an_event_costs_two_allocations_at_most() {
    let (mut session, attempt) = open(SessionConfig::new());
    for n in 0..10 {
        read(&mut session, attempt, &events(n * 100, 100).into());
    }
    let next = Bytes::from(events(1000, 100));
    // Also an event that comes in two pieces.
    let (first, second) = (next.slice(..next.len() / 2), next.slice(next.len() / 2..));
    let before = COUNT.get().calls;
    let events = read(&mut session, attempt, &first) + read(&mut session, attempt, &second);
    let allocations = COUNT.get().calls - before;
    println!("{allocations} allocations for {events} events");
    assert_eq!(events, 100);
    assert!(allocations <= 2 * events, "{allocations} for {events}");
}

#[test]
fn what_never_ends_takes_no_more_memory_than_the_limits() {
    const LINE: usize = 16 << 10;
    const EVENT: usize = 64 << 10;
    const BYTES: usize = 1 << 20;
    let limits = Limits::default().line(LINE).event(EVENT);
    for (name, head, fill) in [
        ("a line", "", "x"),
        ("a data line", "data: ", "x"),
        ("data lines", "", "data: 0123456789abcdef\n"),
        ("empty data lines", "", "data\n"),
        ("an id", "id: ", "x"),
        ("ids", "", "id: 0123456789abcdef\n"),
        ("a type", "event: ", "x"),
        ("a comment", ": ", "x"),
        ("comments", "", ": beat\n"),
        ("blank lines", "", "\n"),
        ("reconnection times", "", "retry: 1\n"),
        ("events that say nothing new", "", "id: 1\ndata\n\n"),
    ] {
        for size in [1, 1000, 16 << 10] {
            // Byte by byte less is enough: nothing but the number of chunks is different.
            let bytes = if size == 1 { 2 * EVENT } else { BYTES };
            let text = head.to_owned() + &fill.repeat(bytes / fill.len());
            let (mut session, attempt) = open(SessionConfig::new().limits(limits).comments(true));
            let taken = peak(|| {
                for chunk in text.as_bytes().chunks(size) {
                    session.handle_body(attempt, Bytes::copy_from_slice(chunk), Instant::ORIGIN);
                    while session.poll_output().is_some() {}
                }
            });
            let allowed = (EVENT + (64 << 10)) as i64;
            assert!(taken <= allowed, "{name}, chunks of {size}: {taken} of {allowed} bytes");
        }
    }
}
