//! What a stream costs: allocations an event, bytes a stream.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
};
use std::{alloc::System, thread_local};

use bytes::Bytes;
use sse_client::{
    Event,
    session::{Attempt, Output, ResponseHead, Session, SessionConfig},
};
use sse_codec::time::Instant;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Counts for each thread by itself, since tests run side by side.
struct Counting;

fn note(allocations: u64, bytes: i64) {
    // A thread that ends has nothing to count any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = BYTES.try_with(|count| count.set(count.get() + bytes));
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's own promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: the caller's own promise.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn open(seed: u64) -> (Session, Attempt) {
    let mut session = Session::new(SessionConfig::new(), seed, Instant::ORIGIN);
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

fn chunk(from: u32) -> Bytes {
    let event = |n| format!("event: delta\nid: chat-{n}\ndata: {{\"text\":\"word {n}\"}}\n\n");
    (from..from + 100).map(event).collect::<String>().into()
}

#[test]
fn an_event_costs_two_allocations_at_most() {
    let (mut session, attempt) = open(1);
    for n in 0..10 {
        read(&mut session, attempt, &chunk(n * 100));
    }
    let next = chunk(1000);
    // Also an event that comes in two pieces.
    let (first, second) = (next.slice(..next.len() / 2), next.slice(next.len() / 2..));
    let before = ALLOCATIONS.get();
    let events = read(&mut session, attempt, &first) + read(&mut session, attempt, &second);
    let allocations = ALLOCATIONS.get() - before;
    println!("{allocations} allocations for {events} events");
    assert_eq!(events, 100);
    assert!(allocations <= 2 * events, "{allocations} for {events}");
}

/// The bytes that each of a thousand holds, its own size included.
fn bytes_each<T>(make: impl FnMut(u64) -> T) -> i64 {
    let before = BYTES.get();
    let things: Vec<T> = (0..1000).map(make).collect();
    let each = (BYTES.get() - before) / 1000;
    drop(things);
    each
}

#[test]
fn a_thousand_streams_cost_4_kib_each_at_most() {
    let chunk = chunk(0);
    // The last event is still on its way.
    let cut = chunk.slice(..chunk.len() - 10);
    let open = bytes_each(|seed| {
        let (mut session, attempt) = open(seed);
        read(&mut session, attempt, &cut);
        session
    });
    println!("{open} bytes a session that is open and has seen 99 ids");
    #[cfg(feature = "reqwest")]
    let open = {
        let fresh = bytes_each(|seed| Session::new(SessionConfig::new(), seed, Instant::ORIGIN));
        let client = reqwest::Client::builder().no_proxy();
        let client = sse_client::HttpClient::new(client).unwrap();
        let source = bytes_each(|_| {
            let builder = sse_client::EventSource::builder("http://127.0.0.1:9/events");
            builder.header("Authorization", "Bearer 1").shared_client(&client).open().unwrap()
        });
        println!("{fresh} bytes a new session, {source} with the driver's state around it");
        open + source - fresh
    };
    println!("{open} bytes a stream");
    assert!(open <= 4 << 10, "{open}");
}
