//! How many instructions the codec takes for the same work, which no other load on the machine changes:
//! `cargo bench -p benches --features instructions --bench instructions`.
//!
//! It needs valgrind, and `gungraun-runner` in the version of `gungraun`. Each case has the count that was
//! seen when it was last looked at; it fails when it takes [`MARGIN`] percent more. Who makes the codec faster,
//! or takes another compiler, writes down the new counts with the change.

#![forbid(unsafe_code)]
#![allow(missing_docs, unused_qualifications, reason = "gungraun's macros")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::hint::black_box;

use benches::{
    corpus, decode,
    encode::{self, Batch},
    rounds::Outcome,
};
use bytes::Bytes;
use gungraun::{Callgrind, EventKind, prelude::*};

/// Compilers differ by less than this, as a rule.
const MARGIN: u64 = 5;

/// The bytes of a stream. Enough for a steady state, little enough for valgrind.
const SIZE: usize = 256 << 10;

/// As a server's TLS hands them on.
const CHUNK: Option<usize> = Some(16 << 10);

fn expect(instructions: u64) -> LibraryBenchmarkConfig {
    let limit = instructions + instructions * MARGIN / 100;
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(Callgrind::default().format([EventKind::Ir]).hard_limits([(EventKind::Ir, limit)]));
    config
}

fn stream(letter: char) -> Bytes {
    Bytes::from(corpus::of_size(letter, SIZE).expect("there is such a corpus").bytes)
}

/// Leaked, so that giving their memory back is not counted.
fn batch(letter: char) -> (&'static Batch, &'static mut Vec<u8>) {
    let batch = Batch::of(letter).expect("there is such a corpus");
    let out = Vec::with_capacity(batch.encoded_bytes);
    (Box::leak(Box::new(batch)), Box::leak(Box::new(out)))
}

#[library_benchmark(setup = stream)]
#[bench::chat_deltas(args = ('a'), config = expect(218_888))]
#[bench::typed_deltas(args = ('b'), config = expect(473_236))]
#[bench::ticks(args = ('c'), config = expect(1_266_046))]
#[bench::every_field(args = ('h'), config = expect(2_398_263))]
fn pull(stream: Bytes) -> Outcome {
    black_box(decode::pull(black_box(&stream), CHUNK))
}

#[library_benchmark(setup = stream)]
#[bench::chat_deltas(args = ('a'), config = expect(213_729))]
#[bench::ticks(args = ('c'), config = expect(1_295_256))]
fn visit(stream: Bytes) -> Outcome {
    black_box(decode::visit(black_box(&stream), CHUNK))
}

#[library_benchmark(setup = stream)]
#[bench::chat_deltas(args = ('a'), config = expect(917_753))]
fn pull_small_chunks(stream: Bytes) -> Outcome {
    black_box(decode::pull(black_box(&stream), Some(64)))
}

#[library_benchmark(setup = stream)]
#[bench::chat_deltas(args = ('a'), config = expect(407_472))]
fn shared(stream: Bytes) -> Outcome {
    black_box(decode::shared(black_box(&stream), CHUNK))
}

#[library_benchmark(setup = batch)]
#[bench::chat_deltas(args = ('a'), config = expect(98_778))]
#[bench::typed_deltas(args = ('b'), config = expect(241_851))]
#[bench::ticks(args = ('c'), config = expect(153_242))]
#[bench::twenty_lines(args = ('e'), config = expect(165_726))]
#[bench::every_field(args = ('h'), config = expect(536_768))]
fn encode_into((batch, out): (&'static Batch, &'static mut Vec<u8>)) -> Outcome {
    black_box(encode::into_vec(black_box(batch), out))
}

library_benchmark_group!(name = decoding, benchmarks = [pull, visit, pull_small_chunks, shared]);
library_benchmark_group!(name = encoding, benchmarks = [encode_into]);

main!(library_benchmark_groups = [decoding, encoding]);
