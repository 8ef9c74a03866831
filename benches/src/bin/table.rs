//! Compares the decoders in one run and prints one table.
//!
//! `cargo run --release -p sse-benches --features peers --bin table -- [LETTERS] [--rounds N]
//! [--write FILE]`

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{fmt::Write, time::Duration};

use bytes::Bytes;
use sse_benches::{
    corpus::{self, Corpus},
    decode::{self, ChunkSize},
    rounds::{self, Median},
};

/// The contenders before the peers: pull, visit, owned, memcpy, memchr2.
const OURS: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut letters, mut rounds, mut file) = (None, 15, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(rounds),
            "--write" => file = arguments.next(),
            _ => letters = Some(argument),
        }
    }
    let mut table = String::from(INTRODUCTION);
    table += "| stream | chunk | pull | visit | owned | best peer | pull × | visit × | owned × | memcpy | memchr2 |\n";
    table += "|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|\n";
    print!("{table}");
    for corpus in corpus::all() {
        if letters.as_ref().is_some_and(|letters| !letters.contains(corpus.letter)) {
            continue;
        }
        let stream = Bytes::from(corpus.bytes.clone());
        for size in decode::CHUNK_SIZES {
            let mut contenders = decode::contenders(&stream, size);
            let medians = rounds::run(&mut contenders, rounds, Duration::from_millis(10));
            let row = row(&corpus, size, &medians);
            print!("{row}");
            table += &row;
        }
    }
    if let Some(file) = file
        && let Err(error) = std::fs::write(&file, table)
    {
        eprintln!("{file} could not be written: {error}");
        std::process::exit(1);
    }
}

const INTRODUCTION: &str = "\
# Performance

Decoding, in MB/s: the median of interleaved rounds in one run, so the ratios hold where the absolute
figures do not. `pull`, `visit` and `owned` (each event copied out) are ours; × is ours over the fastest
peer of the same row. `memcpy` copies the chunks, `memchr2` finds the line ends with a call a line: what
a decoder could hardly beat, and what a decoder that looks for lines first could hardly beat.

Made by `cargo xtask bench`. The streams are generated from a seed, 4 MiB each; every decoder's events
and bytes of data are counted and compared, and a `!` marks one that got them wrong.

";

fn row(corpus: &Corpus, size: ChunkSize, medians: &[Median]) -> String {
    let speed = |median: &Median| {
        let mb = corpus.bytes.len() as f64 / median.time.as_secs_f64() / 1e6;
        let right = median.name.starts_with("mem")
            || median.outcome.events == corpus.events
                && median.outcome.data_bytes == corpus.data_bytes;
        format!("{mb:.0}{}", if right { "" } else { "!" })
    };
    let best = medians.iter().skip(OURS).min_by_key(|median| median.time);
    let ratio = |median: &Median| match best {
        Some(best) => format!("{:.2}", best.time.as_secs_f64() / median.time.as_secs_f64()),
        None => "–".into(),
    };
    let chunk = size.map_or("whole".into(), |size| size.to_string());
    let mut row = format!("| {} {} | {chunk} ", corpus.letter, corpus.name);
    for median in &medians[..3] {
        let _ = write!(row, "| {} ", speed(median));
    }
    let _ = match best {
        Some(best) => write!(row, "| {} {} ", best.name, speed(best)),
        None => write!(row, "| – "),
    };
    for median in &medians[..3] {
        let _ = write!(row, "| {} ", ratio(median));
    }
    let _ = writeln!(row, "| {} | {} |", speed(&medians[3]), speed(&medians[4]));
    row
}
