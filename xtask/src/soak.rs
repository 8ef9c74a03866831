//! `cargo xtask soak`: what takes longer than anybody waits for, as long as one likes.

use core::time::Duration;
use std::{
    ffi::OsString,
    fs,
    process::{Command, ExitCode},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    command::{self, Failure, exists},
    workspace,
};

/// Minutes for each part, and each fuzz target, where none are given.
const MINUTES: u64 = 10;

/// What the tests that miri runs are called: those of the scans, and those that send every stream of the
/// vectors through them, by each way to cut it.
const MIRI_TESTS: &[&str] = &["scan::", "whole", "byte_by_byte", "the_naive_twin_agrees"];

/// Features of a processor that a scan is made for, one run of miri with each.
const MIRI_FEATURES: &[&str] = &["", "+avx2,+bmi1"];

/// Tests that can do more, or go on with other seeds, for as long as one likes.
const SIMULATIONS: &[Simulation] = &[
    Simulation {
        name: "hub-sim",
        test: ["sse-server-core", "sim", "any_seed_will_do_and_the_same_gives_the_same_trace"],
        seed: Some("SIM_SEED"),
        count: "SIM_SEEDS",
        round: 50,
    },
    Simulation {
        name: "hub-crowd",
        test: ["sse-server-core", "sim", "ten_thousand_subscribers_are_given_all_or_are_told"],
        seed: Some("SIM_SEED"),
        count: "SIM_SEEDS",
        round: 1,
    },
    Simulation {
        name: "hub-model",
        test: ["sse-server-core", "hub_model", "the_hub_does_as_the_model_says"],
        seed: None,
        count: "PROPTEST_CASES",
        round: 500,
    },
    Simulation {
        name: "hub-resume",
        test: [
            "sse-server-core",
            "resume_property",
            "a_client_gets_all_of_its_topics_in_order_or_a_reset",
        ],
        seed: None,
        count: "PROPTEST_CASES",
        round: 2000,
    },
    Simulation {
        name: "admission-model",
        test: ["sse-server-core", "admission_model", "admission_does_as_the_model_says"],
        seed: None,
        count: "PROPTEST_CASES",
        round: 500,
    },
    Simulation {
        name: "hub-taint",
        test: [
            "sse-server-core",
            "taint",
            "a_hundred_thousand_deliveries_reach_their_audience_alone",
        ],
        seed: Some("TAINT_SEED"),
        count: "TAINT_DELIVERIES",
        round: 200_000,
    },
    Simulation {
        name: "server-kills",
        test: [
            "sse-server",
            "kills",
            "a_hundred_kills_of_random_connections_lose_repeat_and_reorder_nothing",
        ],
        seed: None,
        count: "SSE_KILLS",
        round: 2000,
    },
    Simulation {
        name: "server-slow",
        test: [
            "sse-server",
            "slow",
            "half_that_never_reads_is_cut_and_counted_and_the_other_half_misses_nothing",
        ],
        seed: None,
        count: "SSE_CROWD",
        round: 2000,
    },
    Simulation {
        name: "server-flood",
        test: [
            "sse-server",
            "flood",
            "half_open_connections_cost_little_leave_others_alone_and_end",
        ],
        seed: None,
        count: "SSE_CROWD",
        round: 10_000,
    },
    Simulation {
        name: "server-resets",
        test: [
            "sse-server",
            "flood",
            "streams_of_http_2_that_are_reset_as_they_come_take_nothing_along",
        ],
        seed: None,
        count: "SSE_RESETS",
        round: 100_000,
    },
    Simulation {
        name: "server-churn",
        test: ["sse-server", "churn", "connects_and_topics_without_number_leave_nothing_behind"],
        seed: None,
        count: "SSE_ROUNDS",
        round: 20_000,
    },
    Simulation {
        name: "server-drain",
        test: [
            "sse-server",
            "drain",
            "a_crowd_that_reads_loses_nothing_that_was_acknowledged_and_comes_back_staggered",
        ],
        seed: None,
        count: "SSE_CROWD",
        round: 10_000,
    },
    Simulation {
        name: "server-sleep",
        test: [
            "sse-server",
            "sleep",
            "a_stop_of_the_process_cuts_nobody_repeats_nothing_and_makes_up_for_no_heartbeats",
        ],
        seed: None,
        count: "SSE_STOP_MS",
        round: 60_000,
    },
    Simulation {
        name: "engine-kills",
        test: [
            "sse-monitor-engine",
            "killed",
            "a_recording_whose_program_was_killed_has_all_that_was_written",
        ],
        seed: None,
        count: "SSE_KILLS",
        round: 50,
    },
    Simulation {
        name: "session-sim",
        test: ["sse-client", "sim", "every_event_once_and_in_order_or_a_gap_that_is_told"],
        seed: Some("SIM_SEED"),
        count: "SIM_SEEDS",
        round: 1000,
    },
    Simulation {
        name: "session-ops",
        test: [
            "sse-client",
            "session_ops",
            "outputs_come_in_order_and_no_event_is_lost_or_repeated",
        ],
        seed: None,
        count: "PROPTEST_CASES",
        round: 10_000,
    },
    Simulation {
        name: "session-relay",
        test: [
            "sse-client",
            "relay",
            "over_a_network_that_cuts_anywhere_what_arrives_is_what_was_published",
        ],
        seed: Some("RELAY_SEED"),
        count: "RELAY_SESSIONS",
        round: 2000,
    },
];

struct Simulation {
    name: &'static str,
    /// Package, file and name.
    test: [&'static str; 3],
    /// The variable that says the seed to begin with. Without one it draws its own, and prints
    /// what failed.
    seed: Option<&'static str>,
    /// The variable that says how many seeds, or cases, or deliveries from one.
    count: &'static str,
    /// How many at a time: some seconds' worth.
    round: u64,
}

/// Runs these parts, or all, each for that many minutes.
pub(crate) fn soak(args: &[OsString]) -> Result<ExitCode, Failure> {
    let (minutes, parts) = arguments(args)?;
    let is_wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| part == name);
    let mut lines = Vec::new();
    let mut failed = false;
    for simulation in SIMULATIONS.iter().filter(|simulation| is_wanted(simulation.name)) {
        let mut done = String::new();
        let run = || simulate(simulation, minutes, &mut done);
        failed |= attempt(simulation.name, &mut lines, run);
        lines.push(format!("         {done}"));
    }
    if is_wanted("fuzz") {
        match missing_for_fuzzing() {
            Some(reason) => lines.push(format!("skipped  fuzz: {reason}")),
            None => {
                for target in fuzz_targets()? {
                    let run = || fuzz(&target, minutes);
                    failed |= attempt(&format!("fuzz {target}"), &mut lines, run);
                }
            }
        }
    }
    if is_wanted("miri") {
        match missing_for_miri() {
            Some(reason) => lines.push(format!("skipped  miri: {reason}")),
            None => failed |= attempt("miri", &mut lines, miri),
        }
    }

    println!("\n== Summary");
    for line in lines {
        println!("{line}");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn arguments(args: &[OsString]) -> Result<(u64, Vec<String>), Failure> {
    let mut words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let minutes = match &words[..] {
        [flag, value, ..] if flag == "--minutes" => {
            let minutes = value.parse().ok().filter(|minutes| *minutes > 0);
            words.drain(..2);
            minutes
        }
        _ => Some(MINUTES),
    };
    let known: Vec<_> =
        SIMULATIONS.iter().map(|simulation| simulation.name).chain(["fuzz", "miri"]).collect();
    match minutes {
        Some(minutes) if words.iter().all(|word| known.contains(&&**word)) => Ok((minutes, words)),
        _ => Err(Failure::usage(format!(
            "`soak` takes `--minutes N`, with N at least 1, and then parts: {}",
            known.join(", ")
        ))),
    }
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

/// Runs a simulation with ever new seeds. Says in `done` which, whether or not the last round failed.
fn simulate(simulation: &Simulation, minutes: u64, done: &mut String) -> Result<(), Failure> {
    let Simulation { test: [package, file, test], seed: variable, count, round, .. } = *simulation;
    // No two runs go over the same seeds.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = now.as_secs() % 1_000_000_000 * 1000;
    let (start, mut rounds) = (Instant::now(), 0);
    loop {
        let seed = first + rounds * round;
        rounds += 1;
        *done = format!("{count}={round}, {rounds} times, {} in all", rounds * round);
        let mut run = Command::new("cargo");
        run.current_dir(workspace::root()).env(count, round.to_string());
        if let Some(variable) = variable {
            run.env(variable, seed.to_string());
            *done = format!("{variable}={first} to {seed}, {done}");
        }
        run.args(["test", "-p", package, "--test", file, test, "--", "--exact", "--nocapture"]);
        command::run(&mut run)?;
        if start.elapsed() >= Duration::from_secs(60 * minutes) {
            return Ok(());
        }
    }
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

/// The scans of each width: miri has the processor features that the build was told of, and no more.
fn miri() -> Result<(), Failure> {
    for features in if cfg!(target_arch = "x86_64") { MIRI_FEATURES } else { &[""] } {
        println!(
            "-- with {}",
            if features.is_empty() { "the target's own features" } else { features }
        );
        miri_with(features)?;
    }
    Ok(())
}

fn miri_with(features: &str) -> Result<(), Failure> {
    let mut run = nightly();
    if !features.is_empty() {
        run.env("RUSTFLAGS", format!("-C target-feature={features}"));
    }
    run.args(["cargo", "miri", "test", "-p", "sse-codec", "--lib", "--test", "conformance", "--"])
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
    fn minutes_are_a_number_above_zero_and_parts_are_known() {
        let parse =
            |words: &[&str]| arguments(&words.iter().map(OsString::from).collect::<Vec<_>>()).ok();
        assert_eq!(parse(&[]), Some((MINUTES, vec![])));
        assert_eq!(parse(&["--minutes", "30"]), Some((30, vec![])));
        assert_eq!(parse(&["--minutes", "30", "miri"]), Some((30, vec!["miri".into()])));
        assert_eq!(
            parse(&["hub-sim", "fuzz"]),
            Some((MINUTES, vec!["hub-sim".into(), "fuzz".into()]))
        );
        assert_eq!(parse(&["--minutes", "0"]), None);
        assert_eq!(parse(&["--minutes"]), None);
        assert_eq!(parse(&["30"]), None);
    }

    #[test]
    fn the_tests_of_simulations_are_there() {
        for Simulation { test: [package, file, test], count, .. } in SIMULATIONS {
            let folder = match package.strip_prefix("sse-monitor-") {
                Some(part) => format!("sse-monitor/{part}"),
                None => (*package).to_owned(),
            };
            let tests = workspace::root().join(folder).join("tests");
            let source = fs::read_to_string(tests.join(file).with_extension("rs"))
                .or_else(|_| fs::read_to_string(tests.join(file).join("main.rs")))
                .unwrap();
            assert!(source.contains(&format!("fn {test}(")), "{test}");
            assert!(source.contains(count) || *count == "PROPTEST_CASES", "{count}");
        }
    }
}
