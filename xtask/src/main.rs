//! Set-up, run and test of this workspace, without a dependency: `cargo xtask help` lists what it does.

#![forbid(unsafe_code)]

mod bench;
mod checks;
mod command;
mod guard;
mod hub;
mod machine;
mod node;
mod packages;
mod plan;
mod run;
mod soak;
mod test;
mod workspace;

use std::{env, ffi::OsString, process::ExitCode};

use crate::command::Failure;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  run            installs what is missing, builds, starts a demo hub on a free loopback port and
                 opens the monitor's window on its live stream; without a display, `sse tail`
                 shows the same stream in the terminal
  test [STEP…]   installs what is missing and runs every check and test, or only these steps and
                 what they need
  soak [--minutes N] [PART…]
                 runs each simulation with ever new seeds and fuzzes each target, for N minutes (10),
                 and runs the codec under miri; or only these parts. Fuzzing and miri want a nightly
                 compiler, cargo-fuzz and miri; it says what it skipped for the lack of them
  bench [--print] [PART…]
                 measures every part or these, each beside its peers, and puts the tables into
                 docs/performance.md, or only prints them
  help           says this
";

/// Wrong usage, as most commands say it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let (name, rest) = match args.split_first() {
        Some((name, rest)) => (name.to_string_lossy(), rest),
        None => ("help".into(), &args[..]),
    };
    let result = match (&*name, rest) {
        ("run", []) => run::run(),
        ("test", steps) => test::test(steps),
        ("soak", args) => soak::soak(args),
        ("bench", parts) => bench::bench_parts(parts),
        (guard::COMMAND, [program, args @ ..]) => guard::guard(program, args),
        ("help" | "--help" | "-h", _) => {
            print!("{HELP}\nSteps of `test`:\n{}", plan::list(test::STEPS));
            print!("\nParts of `bench`:\n{}", bench::list());
            Ok(ExitCode::SUCCESS)
        }
        ("run", [extra, ..]) => {
            Err(Failure::usage(format!("`run` takes no argument, but got {extra:?}")))
        }
        (other, _) => Err(Failure::usage(format!("there is no command {other:?}"))),
    };
    result.unwrap_or_else(|failure| {
        eprintln!("xtask: {failure}");
        if failure.is_usage() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
    })
}
