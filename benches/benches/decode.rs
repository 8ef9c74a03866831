//! `cargo bench -p benches --features peers --bench decode`: decoders, on every corpus and chunk size.
//! At its end, unless some benchmarks were chosen by name, the table of ratios.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use benches::{
    corpus,
    decode::{CHUNK_SIZES, contenders},
    report::{self, Choice},
};
use bytes::Bytes;
use criterion::Throughput;

mod common;

fn main() -> io::Result<()> {
    let Some(mut criterion) = common::criterion() else { return Ok(()) };
    for corpus in corpus::all() {
        let stream = Bytes::from(corpus.bytes);
        for size in CHUNK_SIZES {
            let name = size.map_or("whole".into(), |size| size.to_string());
            let mut group = criterion.benchmark_group(format!("decode/{}/{name}", corpus.letter));
            group.throughput(Throughput::Bytes(stream.len() as u64));
            for mut contender in contenders(&stream, size) {
                // Criterion repeats it ten times at least.
                let start = Instant::now();
                (contender.work)();
                if start.elapsed() > Duration::from_secs(2) {
                    eprintln!("left out: {} takes {:?} once", contender.name, start.elapsed());
                    continue;
                }
                group.bench_function(contender.name, |bencher| {
                    bencher.iter(|| black_box((contender.work)()));
                });
            }
            group.finish();
        }
    }
    criterion.final_summary();
    if common::all_were_asked_for() {
        report::decode(&Choice::default(), &mut io::stdout())?;
    }
    Ok(())
}
