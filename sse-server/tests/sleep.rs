//! A process that is stopped for a while, as with a machine that sleeps, goes on as if nothing was.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

mod common;

use core::time::Duration;

use common::{Server, amount};

#[test]
fn a_stop_of_the_process_cuts_nobody_repeats_nothing_and_makes_up_for_no_heartbeats() {
    let millis = amount("SSE_STOP_MS", 1_500) as u64;
    let server = Server::start(&["--heartbeat", "50ms", "--max-stall", "1s"]);
    let begun = std::time::Instant::now();
    let mut streams: Vec<_> = (0..100).map(|_| server.subscribe("/events/a", "")).collect();
    let mut heard = vec![String::new(); streams.len()];
    // What was read last may have left heartbeats behind that came later.
    let mut since = begun;
    for round in 0..3 {
        // Some of these are on their way when it stops.
        for n in 0..10 {
            server.publish(&format!(r#"{{"topic": "a", "data": "{round}.{n}"}}"#));
        }
        let before: Vec<_> = streams.iter().map(|stream| stream.bytes.len()).collect();
        server.signal("STOP");
        std::thread::sleep(Duration::from_millis(millis));
        server.signal("CONT");
        server.publish(&format!(r#"{{"topic": "a", "data": "{round}.awake"}}"#));
        let read_since = std::time::Instant::now();
        for (stream, heard) in streams.iter_mut().zip(&mut heard) {
            for n in 0..10 {
                let event = stream.event();
                assert_eq!(event.data, format!("{round}.{n}"));
                let offset = |id: &str| id.rsplit('-').next().unwrap().parse::<u64>().unwrap_or(0);
                assert!(offset(heard) < offset(&event.last_event_id), "ids never go back");
                *heard = event.last_event_id;
            }
            assert_eq!(stream.data(), format!("{round}.awake"));
        }
        // One at most for the whole of the stop, one that was due, and those of the time around it.
        let awake = since.elapsed().saturating_sub(Duration::from_millis(millis));
        let most = 2 + awake.as_millis() as usize / 50;
        for (stream, before) in streams.iter().zip(before) {
            let heartbeats = stream.bytes[before..].windows(11).filter(|b| b == b": heartbeat");
            let beats = heartbeats.count();
            assert!(beats <= most, "{beats} heartbeats in {awake:?} awake");
        }
        since = read_since;
    }
}
