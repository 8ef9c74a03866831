//! `sse`: event streams in a terminal.
//!
//! Data goes to stdout, words to stderr, and the exit status says how it ended ([`exit::Exit`]).

#![forbid(unsafe_code)]

extern crate alloc;

mod args;
mod connect;
mod diff;
mod escape;
mod exchange;
mod exit;
mod filter;
mod record;
mod redact;
mod sessions;
mod show;
mod stdout;
mod tail;
mod words;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, error::ErrorKind};

use args::{Args, Command};
use exit::Exit;

fn main() -> ExitCode {
    let command = match Args::try_parse() {
        Ok(Args { command }) => command,
        Err(error) => return refuse(&error),
    };
    match command {
        Command::Tail(tail) => tail::run(*tail),
        Command::Record(record) => record::run(&record),
        Command::Show(show) => show::run(&show),
        Command::Diff(diff) => diff::run(&diff),
        Command::Export(export) => exchange::export(&export),
        Command::Import(import) => exchange::import(&import),
        Command::Redact(options) => redact::run(&options),
        Command::Sessions(options) => sessions::run(&options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "sse", &mut script);
            print(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            // Into memory it cannot fail.
            let _ = clap_mangen::Man::new(Args::command()).render(&mut page);
            print(&page)
        }
    }
    .into()
}

/// Text of our own to stdout.
fn print(text: &[u8]) -> Exit {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Other,
        // Who reads no further has enough.
        Ok(()) | Err(_) => Exit::Done,
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
