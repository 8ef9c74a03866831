//! `cargo bench -p benches --features peers --bench encode`: encoders, a batch of events at a time. At its
//! end, unless some benchmarks were chosen by name, the table of ratios.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{hint::black_box, io};

use benches::{
    encode::{Batch, LETTERS, contenders},
    report::{self, Choice},
};
use criterion::Throughput;

mod common;

fn main() -> io::Result<()> {
    let Some(mut criterion) = common::criterion() else { return Ok(()) };
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
    if common::all_were_asked_for() {
        report::encode(&Choice::default(), &mut io::stdout())?;
    }
    Ok(())
}
