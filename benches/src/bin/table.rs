//! Prints one table of ratios: `table decode` or `table encode`, then corpora by letter (`ace`) and
//! `--rounds N` as one likes.
//!
//! `cargo xtask bench decode encode` runs it with the peers, and keeps what it prints.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{io, process::ExitCode};

use benches::report::{self, Choice};

const USAGE: &str = "usage: table decode|encode [LETTERS] [--rounds N]";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let table = arguments.next();
    let mut choice = Choice::default();
    while let Some(argument) = arguments.next() {
        if argument != "--rounds" {
            choice.letters = argument;
        } else if let Some(rounds) = arguments.next().and_then(|n| n.parse().ok())
            && rounds > 0
        {
            choice.rounds = rounds;
        } else {
            return usage();
        }
    }
    let result = match table.as_deref() {
        Some("decode") => report::decode(&choice, &mut io::stdout()),
        Some("encode") => report::encode(&choice, &mut io::stdout()),
        _ => return usage(),
    };
    if let Err(error) = result {
        eprintln!("the table could not be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
