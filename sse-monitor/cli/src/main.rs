//! `sse`: event streams in a terminal.
//!
//! Data goes to stdout, words to stderr, and the exit status says how it ended ([`exit::Exit`]).

#![forbid(unsafe_code)]

extern crate alloc;

mod args;
mod escape;
mod exit;
mod stdout;
mod tail;
mod words;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

use args::{Args, Command};
use exit::Exit;

fn main() -> ExitCode {
    let command = match Args::try_parse() {
        Ok(Args { command }) => command,
        Err(error) => return refuse(&error),
    };
    match command {
        Command::Tail(tail) => tail::run(tail).into(),
    }
}

/// Says what is wrong with the command line, or what was asked about it.
fn refuse(error: &clap::Error) -> ExitCode {
    // What cannot be said (stderr is closed) is left unsaid.
    let _ = error.print();
    if error.kind() == ErrorKind::InvalidSubcommand {
        let first = std::env::args().nth(1).unwrap_or_default();
        if first.contains([':', '/']) {
            anstream::eprintln!(
                "\nA URL alone is no command. To print the events there: sse tail URL"
            );
        }
    }
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
