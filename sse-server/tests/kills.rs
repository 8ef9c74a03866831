//! Connections die at any moment, and nothing is lost.
#![forbid(unsafe_code)]

mod common;

use common::{Server, amount};

/// Numbers from a seed (an xorshift).
fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_hundred_kills_of_random_connections_lose_repeat_and_reorder_nothing() {
    let events = 4 * amount("SSE_KILLS", 100) as u64;
    let server = Server::start(&["--publish-rate", "100000", "--connect-rate", "100000"]);
    let server = &server;
    let kills: u64 = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8u64)
            .map(|n| {
                // Subscribed before the first is published.
                let mut stream = server.open("/events/a", "");
                scope.spawn(move || {
                    let (mut seed, mut next, mut kills) = (n + 1, 0, 0);
                    let mut last = stream.event().last_event_id;
                    while next < events {
                        // Cut after a few events, at times before the first.
                        for _ in 0..chance(&mut seed) % 40 {
                            let event = stream.event();
                            if event.event_type == "connected" {
                                continue;
                            }
                            assert_eq!(event.data, next.to_string(), "subscriber {n}");
                            last = event.last_event_id;
                            next += 1;
                            if next == events {
                                return kills;
                            }
                        }
                        kills += 1;
                        stream = server.open("/events/a", &format!("Last-Event-ID: {last}\r\n"));
                    }
                    kills
                })
            })
            .collect();
        for n in 0..events {
            server.publish(&format!(r#"{{"topic": "a", "data": "{n}"}}"#));
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    println!("{kills} kills");
    assert!(kills >= events / 4, "{kills}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_stalled_reader_costs_64_kib_at_most_and_is_cut() {
    const STALLED: u64 = 50;
    let args = ["--admin", "127.0.0.1:0", "--max-lag", "4000000", "--max-stall", "2s"];
    let mut server = Server::start(&args);
    let admin = server.admin();
    let mut reads = server.subscribe("/events/a", "");
    let publish = |reads: &mut common::Stream| {
        for _ in 0..30 {
            server.publish(&format!(r#"{{"topic": "a", "data": "{}"}}"#, "x".repeat(100_000)));
            assert_eq!(reads.data().len(), 100_000);
        }
    };
    // What the history takes, it takes with or without them.
    publish(&mut reads);
    publish(&mut reads);
    let before = server.memory();
    let mut stalled: Vec<_> = (0..STALLED).map(|_| server.open("/events/a", "")).collect();
    publish(&mut reads);
    let each = server.memory().saturating_sub(before + 30 * 100) / STALLED;
    println!("{each} KiB a stalled reader");
    assert!(each <= 64, "{each} KiB");
    // They are found and cut, and their connections reset.
    for stream in &mut stalled {
        stream.wait_for_reset();
    }
    let counters = &server.stats(admin)["counters"];
    assert_eq!(counters["cut_for_stall_total"], STALLED, "{counters}");
    assert_eq!(counters["cut_at_wire_total"], 0, "{counters}");
}
