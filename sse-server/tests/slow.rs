//! Half of a crowd never reads: it is cut and counted, and the other half misses nothing.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use common::{Server, amount};

#[test]
fn half_that_never_reads_is_cut_and_counted_and_the_other_half_misses_nothing() {
    let half = amount("SSE_CROWD", 100) / 2;
    let mut server = Server::start(&[
        "--admin",
        "127.0.0.1:0",
        "--connect-rate",
        "100000",
        "--streams-per-address",
        "20000",
        "--max-lag",
        "400000",
        "--max-stall",
        "60s",
    ]);
    let admin = server.admin();
    let mut stalled: Vec<_> = (0..half).map(|_| server.open("/events/a", "")).collect();
    let mut reads: Vec<_> = (0..half).map(|_| server.subscribe("/events/a", "")).collect();
    // More than what the kernel holds for each of them, and the lag that may be. Each event is read
    // before the next is published, so nobody who reads lags.
    for n in 0..70 {
        let data = format!("{n} {}", "x".repeat(50_000));
        server.publish(&format!(r#"{{"topic": "a", "data": "{data}"}}"#));
        for stream in &mut reads {
            assert!(stream.data() == data, "event {n}");
        }
    }
    for stream in &mut stalled {
        stream.wait_for_reset();
    }
    let stats = server.stats(admin);
    let counters = &stats["counters"];
    assert_eq!(counters["cut_for_lag_total"], half, "{stats}");
    assert_eq!(counters["subscribers"], half, "{stats}");
}
