//! The same work for `sse-server` and for a server of axum and `tokio::sync::broadcast`, side by
//! side, as one table: loss, repeats, order, latency, CPU a delivery, memory a connection.
//!
//! `load SSE_SERVER AXUM_BROADCAST [SCALE [WORK]]`: the paths of two binaries; a scale of 10 does a
//! tenth of the work; only the works whose name holds `WORK`. Both servers hold their subscribers at
//! the same time and take turns of a second or so, so that whatever else the machine does falls on
//! both. One thread reads all connections and publishes. The publisher never runs further ahead of
//! the slowest reader than its window, so that a lost event is a server's fault. All traffic stays
//! on the loopback address. CPU and memory are read from `/proc`: Linux only.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod client;
mod process;
mod run;
mod work;

use std::{io, process::Command};

use crate::{
    process::Server,
    run::{Row, Run},
    work::{WORKS, Work},
};

/// In how many turns a server does a work.
const TURNS: u64 = 8;

const NAMES: [&str; 2] = ["sse-server", "axum + broadcast"];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, peer, more @ ..] = &arguments[..] else {
        eprintln!("usage: load SSE_SERVER AXUM_BROADCAST [SCALE [WORK]]");
        std::process::exit(2);
    };
    let scale = more.first().and_then(|scale| scale.parse().ok()).unwrap_or(1).max(1);
    let only = more.get(1).map_or("", String::as_str);
    println!(
        "| work | server | CPU s/M | k deliveries/s | p50 / p99 / p99.9 ms | \
         lost / repeated / refused | idle KiB a connection | peak KiB | connect µs | cut |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for work in WORKS.into_iter().filter(|work| work.name.contains(only)) {
        let work = work.scaled(scale);
        let rows = compare(hub, peer, work)?;
        for (name, row) in NAMES.into_iter().zip(rows) {
            println!("{}", line(work, name, row));
        }
    }
    Ok(())
}

fn compare(hub: &str, peer: &str, work: Work) -> io::Result<[Row; 2]> {
    let mut ours = Command::new(hub);
    ours.args(["--listen", "127.0.0.1:0", "--streams-per-address", "1000000"]);
    ours.args(["--connect-rate", "100000", "--publish-rate", "1000000"]);
    let servers = [Server::start(&mut ours)?, Server::start(&mut Command::new(peer))?];
    let [ours, peers] = &servers;
    let mut runs = [Run::connect(ours, work)?, Run::connect(peers, work)?];
    for turn in 0..TURNS {
        // Each begins as often as the other.
        let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
        for at in order {
            runs[at].slice(work.events.div_ceil(TURNS))?;
        }
    }
    Ok(runs.map(Run::finish))
}

fn line(work: Work, server: &str, mut row: Row) -> String {
    let latencies = &mut row.tally.latencies;
    latencies.sort_unstable();
    let percentile = |p: usize| {
        let at = (latencies.len() * p / 1000).min(latencies.len().saturating_sub(1));
        f64::from(latencies.get(at).copied().unwrap_or(0)) / 1000.0
    };
    let (p50, p99, p999) = (percentile(500), percentile(990), percentile(999));
    let connections = (work.subscribers + work.stalled) as f64;
    let delivered = row.tally.delivered.max(1) as f64;
    let cut = match work.stalled {
        0 => "-".to_owned(),
        stalled => format!("{} of {stalled}", row.cut),
    };
    format!(
        "| {} | {server} | {:.2} | {:.0} | {p50:.1} / {p99:.1} / {p999:.1} | {} / {} / {} | \
         {:.1} | {:.1} | {:.0} | {cut} |",
        work.name,
        row.cpu.as_secs_f64() * 1e6 / delivered,
        delivered / row.time.as_secs_f64() / 1000.0,
        row.tally.lost,
        row.tally.repeated,
        row.refused,
        row.idle_kib as f64 / connections,
        row.peak_kib as f64 / connections,
        row.connect_cpu.as_secs_f64() * 1e6 / connections,
    )
}
