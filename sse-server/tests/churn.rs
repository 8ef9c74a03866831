//! Those who come and go, and topics that nobody names twice, leave nothing behind.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use common::{Server, amount};

#[test]
fn connects_and_topics_without_number_leave_nothing_behind() {
    let rounds = amount("SSE_ROUNDS", 600);
    let mut server = Server::start(&[
        "--admin",
        "127.0.0.1:0",
        "--keep-events",
        "500",
        "--connect-rate",
        "100000",
        "--publish-rate",
        "1000000",
    ]);
    let admin = server.admin();
    // The hub remembers some thousands of topics that nobody uses any more, for their gaps: so
    // names that never come again show nothing before there were more.
    let names = if rounds < 20_000 { 500 } else { usize::MAX };
    let mut round = 0;
    let mut churn = |rounds: usize| {
        for _ in 0..rounds {
            round += 1;
            let topic = round % names;
            let mut stream = server.open(&format!("/events/t{topic}.x?topic=t{topic}.*"), "");
            server.publish(&format!(r#"{{"topic": "t{topic}.x", "data": "{topic}"}}"#));
            stream.wait_for(&format!("data: {topic}\n\n"));
        }
        // As soon as the server has heard that they are gone.
        while server.stats(admin)["counters"]["subscribers"] != 0 {}
    };
    // History, tables and the allocator's own fill up first.
    churn(rounds.max(1000));
    let (memory, descriptors) = (server.memory(), server.descriptors());
    churn(rounds);
    let grown = server.memory().saturating_sub(memory);
    println!("{grown} KiB on {memory} after {rounds} connects and topics more");
    assert!(grown <= memory / 50 + 256, "{grown} KiB on {memory}");
    while server.descriptors() > descriptors {
        std::thread::yield_now();
    }
}
