//! `sse`: event streams in a terminal.
//!
//! Data goes to stdout, words to stderr, and the exit status says how it ended ([`exit::Exit`]).

#![forbid(unsafe_code)]

extern crate alloc;

mod args;
mod escape;
mod exit;
mod tail;
mod words;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let Args { command } = Args::parse();
    match command {
        Command::Tail(tail) => tail::run(tail).into(),
    }
}
