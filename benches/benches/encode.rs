//! `cargo bench -p sse-benches --bench encode --features peers`: encoders, a batch of events at a time.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use sse_benches::encode::{Batch, LETTERS, contenders};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for letter in LETTERS {
        let Some(batch) = Batch::of(letter) else { continue };
        let mut group = criterion.benchmark_group(format!("encode/{letter}"));
        group.throughput(Throughput::Elements(batch.parts.len() as u64));
        for mut contender in contenders(&batch) {
            group.bench_function(contender.name, |bencher| {
                bencher.iter(|| black_box((contender.work)()));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
