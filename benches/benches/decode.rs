//! `cargo bench -p sse-benches --bench decode --features peers`: decoders, on every corpus and chunk
//! size. The table of ratios comes from the program `table`, whose rounds interleave.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use sse_benches::{
    corpus,
    decode::{CHUNK_SIZES, contenders},
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for corpus in corpus::all() {
        let stream = Bytes::from(corpus.bytes);
        for size in CHUNK_SIZES {
            let name = size.map_or("whole".into(), |size| size.to_string());
            let mut group = criterion.benchmark_group(format!("decode/{}/{name}", corpus.letter));
            group.throughput(Throughput::Bytes(stream.len() as u64));
            for mut contender in contenders(&stream, size) {
                group.bench_function(contender.name, |bencher| {
                    bencher.iter(|| black_box((contender.work)()));
                });
            }
            group.finish();
        }
    }
    criterion.final_summary();
}
