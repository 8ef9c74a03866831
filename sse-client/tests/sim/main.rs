//! One hub and many sessions over a network that delays, cuts and half-opens, in virtual time.
//!
//! Whoever stays has seen every event of its topics once and in order, or was told of a gap by a
//! `reset`. A run is decided by its seed; a failing one is printed:
//! `SIM_SEED=123 cargo test -p sse-client --test sim` plays it alone, and `SIM_SEEDS=100000` as many
//! from it, or from 0, on.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

extern crate alloc;

mod client;
mod network;
mod random;
mod world;

use std::{
    io::{Write, stdout},
    thread,
};

use world::{Totals, World};

/// What a debug build plays in a few seconds.
const SEEDS: u64 = 2_000;

#[test]
fn every_event_once_and_in_order_or_a_gap_that_is_told() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match (number("SIM_SEED"), number("SIM_SEEDS")) {
        (Some(seed), count) => seed..seed + count.unwrap_or(1),
        (None, count) => 0..count.unwrap_or(SEEDS),
    };
    let lanes = if seeds.end - seeds.start > 1 { 2 } else { 1 };
    let lane = |lane: u64| {
        let mut totals = Totals::default();
        for seed in (seeds.start + lane..seeds.end).step_by(lanes) {
            let _told = Tell(seed);
            totals.add(&World::play(seed));
        }
        totals
    };
    let totals = thread::scope(|scope| {
        let other = (lanes > 1).then(|| scope.spawn(|| lane(1)));
        let mut totals = lane(0);
        if let Some(other) = other {
            totals.add(&other.join().expect("the other half of the seeds has failed"));
        }
        totals
    });
    // Not by `println`, so that it is seen when the test passes, too.
    writeln!(stdout(), "{} seeds: {totals:?}", seeds.end - seeds.start).unwrap();
    if lanes > 1 {
        totals.assert_that_everything_happened();
    }
}

#[test]
fn the_same_seed_plays_the_same() {
    for seed in 0..20 {
        assert_eq!(World::play(seed), World::play(seed));
    }
}

/// Names the seed of a run that does not come to its end.
struct Tell(u64);

impl Drop for Tell {
    fn drop(&mut self) {
        if thread::panicking() {
            let seed = self.0;
            eprintln!("seed {seed} fails: SIM_SEED={seed} cargo test -p sse-client --test sim");
        }
    }
}
