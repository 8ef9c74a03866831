//! Decodes one corpus with one engine, for a profiler: `probe pull a 64 3`.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use bytes::Bytes;
use sse_benches::{corpus, decode};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, letter, size, times] = &arguments[..] else {
        eprintln!("usage: probe pull|visit|… LETTER CHUNK_SIZE TIMES");
        std::process::exit(2);
    };
    let Some(corpus) = letter.chars().next().and_then(corpus::one) else {
        eprintln!("no corpus {letter}: a to j");
        std::process::exit(2);
    };
    let stream = Bytes::from(corpus.bytes);
    let mut contenders = decode::contenders(&stream, size.parse().ok());
    let Some(contender) = contenders.iter_mut().find(|contender| contender.name == name) else {
        eprintln!("no decoder {name}");
        std::process::exit(2);
    };
    for _ in 0..times.parse().unwrap_or(1) {
        let outcome = (contender.work)();
        println!("{outcome:?}");
    }
}
