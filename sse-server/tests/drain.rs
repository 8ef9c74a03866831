//! A drain with a crowd: it ends, those who read lose nothing, and they do not all come back at once.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use std::time::Instant;

use common::{Server, amount};

#[test]
fn a_crowd_that_reads_loses_nothing_that_was_acknowledged_and_comes_back_staggered() {
    const EVENTS: usize = 20;
    let crowd = amount("SSE_CROWD", 1000);
    let server = Server::start(&[
        "--streams-per-address",
        "20000",
        "--connect-rate",
        "100000",
        "--drain",
        "60s",
    ]);
    let mut streams: Vec<_> = (0..crowd).map(|_| server.open("/events/a", "")).collect();
    // In the long run some never read: they hold up nobody, and end by the deadline.
    let stalled = if crowd < 10_000 { 0 } else { 5 };
    let stalled: Vec<_> = (0..stalled).map(|_| server.open("/events/b", "")).collect();
    for _ in 0..10 {
        server.publish(&format!(r#"{{"topic": "b", "data": "{}"}}"#, "x".repeat(90_000)));
    }
    let published: Vec<_> = (0..EVENTS).map(|n| format!("{n} {}", "x".repeat(100))).collect();
    for data in &published {
        server.publish(&format!(r#"{{"topic": "a", "data": "{data}"}}"#));
    }
    let begun = Instant::now();
    server.signal("TERM");
    let mut seconds = vec![0; 64];
    for stream in &mut streams {
        let wire = stream.rest();
        let data: Vec<_> = wire.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        // The first is that of `connected`.
        assert_eq!(data[1..], published);
        let retry: usize =
            wire.rsplit("retry: ").next().unwrap().lines().next().unwrap().parse().unwrap();
        seconds[retry / 1000] += 1;
    }
    let read = begun.elapsed();
    assert_eq!(server.wait().code(), Some(0));
    drop(stalled);
    let peak = *seconds.iter().max().unwrap();
    println!(
        "{crowd} subscribers: those who read had gone after {read:?}, all after {:?}; \
         {peak} at most come back in one second",
        begun.elapsed()
    );
    // 400 a second, give or take what chance does.
    assert!(peak <= 480.max(crowd / 20), "{peak} come back in one second: {seconds:?}");
}
