//! `sse`: event streams in a terminal.
//!
//! Data goes to stdout, words to stderr, and the exit status says how it ended ([`exit::Exit`]).

#![forbid(unsafe_code)]

extern crate alloc;

mod args;
mod attempt;
mod bench;
mod damage;
mod diff;
mod escape;
mod exit;
mod export;
mod filter;
mod import;
mod limits;
mod man;
mod new_file;
mod progress;
mod publish;
mod record;
mod redact;
mod request;
mod serve;
mod sessions;
mod show;
mod signals;
mod stdout;
mod tail;
mod too_large;
mod words;

use core::ops::ControlFlow;
use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, error::ErrorKind};

use args::{Args, Command};
use exit::Exit;
use words::Words;

fn main() -> ExitCode {
    let command = match Args::try_parse() {
        Ok(Args { command }) => command,
        Err(error) => return refuse(&error),
    };
    match command {
        Command::Tail(tail) => tail::run(*tail),
        Command::Publish(publish) => publish::run(&publish),
        Command::Bench(bench) => bench::run(&bench),
        Command::Serve(serve) => serve::run(&serve),
        Command::Record(record) => record::run(&record),
        Command::Show(show) => show::run(&show),
        Command::Diff(diff) => diff::run(&diff),
        Command::Export(export) => export::run(&export),
        Command::Import(import) => import::run(&import),
        Command::Redact(options) => redact::run(&options),
        Command::Sessions(options) => sessions::run(&options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "sse", &mut script);
            print(&script)
        }
        Command::Man { command, dir } => man::run(command.as_deref(), dir.as_deref()),
    }
    .into()
}

/// Text of our own to stdout.
pub(crate) fn print(text: &[u8]) -> Exit {
    let words = Words::new(tail::is_coloured(args::Colour::Auto, &io::stderr()), false);
    match stdout::bytes(text, &words) {
        ControlFlow::Continue(()) => Exit::Done,
        ControlFlow::Break(exit) => exit,
    }
}

/// Says what is wrong with the command line, or what was asked about it. What cannot be said, since stderr cannot be
/// written to, is left unsaid.
fn refuse(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    let mut stderr = io::stderr();
    if !error.use_stderr() {
        return match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = writeln!(stderr, "sse: {}", stdout::cannot_be_written(&error));
                Exit::Other.into()
            }
            Ok(()) | Err(_) => Exit::Done.into(),
        };
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        let first = std::env::args().nth(1).unwrap_or_default();
        if request::curl::is_curl(&first) {
            let _ = writeln!(
                stderr,
                "\nA curl command is given to tail, record or bench: sse tail -- curl URL ..."
            );
        } else if first.contains([':', '/']) {
            let _ = writeln!(
                stderr,
                "\nA URL alone is no command. To print the events there: sse tail URL"
            );
        }
    }
    // Options of a curl command were taken for ours.
    let mut before_dashes = std::env::args().skip(2).take_while(|word| word != "--");
    if error.kind() == ErrorKind::UnknownArgument
        && before_dashes.any(|word| request::curl::is_curl(&word))
    {
        let command = std::env::args().nth(1).unwrap_or_default();
        let _ = writeln!(
            stderr,
            "\nBefore a curl command stand two dashes: sse {} -- curl URL ...",
            escape::shown(&command)
        );
    }
    Exit::Usage.into()
}
