//! The bodies of the fuzz targets, as plain functions.
//!
//! Each takes the fuzzer's bytes and panics where a law is broken. They stand here rather than in
//! `fuzz_targets/`, so that a stable compiler builds them and `tests/replay.rs` can run them over the
//! committed corpora. With nightly and cargo-fuzz, `cargo +nightly fuzz run decode_chunking` goes on
//! from there.

#![forbid(unsafe_code)]

/// The naive twin, and what brings decoders to one form: the codec's own tests use the same.
#[path = "../../sse-codec/tests/common/mod.rs"]
mod common;
mod decode_chunking;
mod decode_vs_naive;
mod encode_round_trip;
mod input;
mod limits;
mod recording;
mod session;

pub use crate::{
    decode_chunking::decode_chunking, decode_vs_naive::decode_vs_naive,
    encode_round_trip::encode_round_trip, limits::limits, recording::recording, session::session,
};
