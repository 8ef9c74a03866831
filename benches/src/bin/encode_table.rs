//! Prints how the encoders compare: `cargo run --release -p sse-benches --features peers --bin
//! encode_table`.
//!
//! Arguments: corpora by letter (`encode_table ace`), and `--rounds N`.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::time::Duration;

use sse_benches::{encode, rounds};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let letters = arguments.first().filter(|first| !first.starts_with('-'));
    let rounds = arguments
        .iter()
        .position(|argument| argument == "--rounds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(9);
    println!("ns an event; × is the peer's time over ours into a vec");
    for letter in encode::LETTERS {
        if letters.is_some_and(|letters| !letters.contains(letter)) {
            continue;
        }
        let Some(batch) = encode::Batch::of(letter) else { continue };
        let mut contenders = encode::contenders(&batch);
        let medians = rounds::run(&mut contenders, rounds, Duration::from_millis(10));
        let ns = |time: Duration| time.as_nanos() as f64 / batch.parts.len() as f64;
        let mut line = format!("{letter}");
        for median in &medians {
            line += &format!(" | {} {:.1}", median.name, ns(median.time));
            if median.name != "copy" && !encode::OURS.contains(&median.name) {
                line += &format!(" ×{:.2}", ns(median.time) / ns(medians[0].time));
            }
        }
        println!("{line}");
    }
}
