//! Prints how the decoders compare: `cargo run --release -p sse-benches --features peers --bin table`.
//!
//! Arguments: corpora by letter (`table ach`), and `--rounds N`.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::time::Duration;

use bytes::Bytes;
use sse_benches::{corpus, decode, rounds};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let letters = arguments.first().filter(|first| !first.starts_with('-'));
    let rounds = arguments
        .iter()
        .position(|argument| argument == "--rounds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(9);
    for corpus in corpus::all() {
        if letters.is_some_and(|letters| !letters.contains(corpus.letter)) {
            continue;
        }
        let stream = Bytes::from(corpus.bytes);
        for size in decode::CHUNK_SIZES {
            let mut contenders = decode::contenders(&stream, size);
            let medians = rounds::run(&mut contenders, rounds, Duration::from_millis(10));
            let mut line = format!(
                "{} {:>6}",
                corpus.letter,
                size.map_or("whole".into(), |size| size.to_string())
            );
            let best = medians.iter().skip(5).map(|median| median.time).min();
            for median in &medians {
                let mb = stream.len() as f64 / median.time.as_secs_f64() / 1e6;
                line += &format!(" | {} {mb:.0}", median.name);
                let right = median.outcome.events == corpus.events
                    && median.outcome.data_bytes == corpus.data_bytes;
                if !right && !median.name.starts_with("mem") {
                    line += "(!)";
                }
            }
            if let Some(best) = best {
                let ratio = |index: usize| best.as_secs_f64() / medians[index].time.as_secs_f64();
                let ns = medians[0].time.as_nanos() as f64 / corpus.events as f64;
                line += &format!(
                    " || pull ×{:.2} visit ×{:.2} owned ×{:.2} ({ns:.1} ns)",
                    ratio(0),
                    ratio(1),
                    ratio(2)
                );
            }
            println!("{line}");
        }
    }
}
