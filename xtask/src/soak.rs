//! `cargo xtask soak`: what takes longer than anybody waits for, as long as one likes.

use core::time::Duration;
use std::{ffi::OsString, fs, process::Command, process::ExitCode, time::Instant};

use crate::{
    command::{self, Failure, exists},
    workspace,
};

/// Minutes for each fuzz target where none are given.
const MINUTES: u64 = 10;

/// What the tests that miri runs are called: every stream of the vectors, by each way to cut it, goes through
/// the scan.
const MIRI_TESTS: &[&str] = &["whole", "byte_by_byte", "the_naive_twin_agrees"];

/// Fuzzes each target for that many minutes, and runs the codec's tests under miri.
pub(crate) fn soak(args: &[OsString]) -> Result<ExitCode, Failure> {
    let minutes = minutes(args)?;
    let mut lines = Vec::new();
    let mut failed = false;
    let targets = fuzz_targets()?;
    match missing_for_fuzzing() {
        Some(reason) => lines.push(format!("skipped  fuzz: {reason}")),
        None => {
            for target in targets {
                failed |= attempt(&format!("fuzz {target}"), &mut lines, || fuzz(&target, minutes));
            }
        }
    }
    match missing_for_miri() {
        Some(reason) => lines.push(format!("skipped  miri: {reason}")),
        None => failed |= attempt("miri", &mut lines, miri),
    }

    println!("\n== Summary");
    for line in lines {
        println!("{line}");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn minutes(args: &[OsString]) -> Result<u64, Failure> {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let minutes = match &words[..] {
        [] => Some(MINUTES),
        [flag, value] if flag == "--minutes" => value.parse().ok().filter(|minutes| *minutes > 0),
        _ => None,
    };
    minutes.ok_or_else(|| {
        Failure::usage("`soak` takes `--minutes N`, with N at least 1, and nothing else")
    })
}

/// Runs one part. Gives whether it failed.
fn attempt(name: &str, lines: &mut Vec<String>, run: impl FnOnce() -> Result<(), Failure>) -> bool {
    println!("\n== {name}");
    let start = Instant::now();
    let result = run();
    let time = start.elapsed().as_secs_f64();
    match &result {
        Ok(()) => lines.push(format!("passed   {name} {time:.0} s")),
        Err(failure) => lines.push(format!("FAILED   {name} {time:.0} s  {failure}")),
    }
    result.is_err()
}

fn fuzz(target: &str, minutes: u64) -> Result<(), Failure> {
    let seconds = Duration::from_secs(60 * minutes).as_secs();
    // What it finds on its way goes to a folder of its own: the committed corpus is kept small by hand.
    let found = format!("fuzz/target/corpus/{target}");
    let folder = workspace::root().join(&found);
    fs::create_dir_all(&folder).map_err(|error| {
        Failure::new(format!("{} cannot be made: {error}", folder.display()), "make room for it")
    })?;
    let committed = format!("fuzz/corpus/{target}");
    let mut run = nightly();
    run.args(["cargo", "fuzz", "run", target, &found, &committed, "--"])
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-max_len=4096"]);
    command::run(&mut run)
}

fn miri() -> Result<(), Failure> {
    let mut run = nightly();
    run.args([
        "cargo",
        "miri",
        "test",
        "-p",
        "sse-codec",
        "--test",
        "conformance",
        "--",
        "--exact",
    ])
    .args(MIRI_TESTS)
    // The vectors are read at build time, and a clock only by the test runner.
    .env("MIRIFLAGS", "-Zmiri-disable-isolation");
    command::run(&mut run)
}

/// A command of the nightly compiler, at the root of the workspace.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]).current_dir(workspace::root());
    // cargo tells its children which compiler runs them; these have another.
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    command
}

fn missing_for_fuzzing() -> Option<String> {
    missing_nightly().or_else(|| {
        (!exists("cargo-fuzz")).then(|| {
            "cargo-fuzz is not installed; `cargo install cargo-fuzz --locked` installs it"
                .to_owned()
        })
    })
}

fn missing_for_miri() -> Option<String> {
    missing_nightly().or_else(|| {
        let here = command::output(nightly().args(["cargo", "miri", "--version"])).is_ok();
        (!here).then(|| {
            "miri is not installed; `rustup component add --toolchain nightly miri rust-src` adds it"
                .to_owned()
        })
    })
}

fn missing_nightly() -> Option<String> {
    if !exists("rustup") {
        return Some("there is no rustup here, which brings the nightly compiler".to_owned());
    }
    let here = command::output(nightly().args(["rustc", "--version"])).is_ok();
    (!here).then(|| {
        "there is no nightly compiler; `rustup toolchain install nightly` installs one".to_owned()
    })
}

/// The programs of fuzz/Cargo.toml, so that a new target is soaked as soon as it is there.
fn fuzz_targets() -> Result<Vec<String>, Failure> {
    let path = workspace::root().join("fuzz/Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| {
        Failure::new(
            format!("{} cannot be read: {error}", path.display()),
            "check that the checkout is whole (`git status`)",
        )
    })?;
    Ok(programs(&manifest))
}

fn programs(manifest: &str) -> Vec<String> {
    manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|program| {
            let name = program.lines().find_map(|line| line.trim().strip_prefix("name = "))?;
            Some(name.trim_matches('"').to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_manifest() {
        let targets = fuzz_targets().unwrap();
        for target in ["decode_chunking", "decode_vs_naive", "encode_round_trip", "limits"] {
            assert!(targets.contains(&target.to_owned()), "{targets:?}");
        }
        assert_eq!(programs("[package]\nname = \"a\"\n\n[[bin]]\nname = \"b\"\n"), ["b"]);
    }

    #[test]
    fn minutes_are_a_number_above_zero() {
        let parse =
            |words: &[&str]| minutes(&words.iter().map(OsString::from).collect::<Vec<_>>()).ok();
        assert_eq!(parse(&[]), Some(MINUTES));
        assert_eq!(parse(&["--minutes", "30"]), Some(30));
        assert_eq!(parse(&["--minutes", "0"]), None);
        assert_eq!(parse(&["30"]), None);
    }
}
