//! What the benchmarks share: inputs from a seed, the engines that read them, and interleaved rounds.
//!
//! Figures of a noisy machine mean little by themselves. Every comparison here is made within one run,
//! the contenders taking turns, and is read as a ratio of medians.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

pub mod corpus;
pub mod decode;
pub mod encode;
pub mod report;
pub mod rounds;
