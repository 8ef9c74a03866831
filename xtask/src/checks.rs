//! The longer steps of `cargo xtask test`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    command::{self, Failure, exists},
    plan::Report,
    workspace::{self, cargo},
};

/// The crates that do no IO, with the features that they are built with where there is no `std`.
const CORES: &[(&str, &[&str])] =
    &[("sse-codec", &["", "alloc"]), ("sse-client", &[""]), ("sse-server-core", &[""])];

/// All that `sse-codec` may depend on without its default features: a fast search for bytes, a fast
/// check of UTF-8, and errors, which take a macro to derive.
const CODEC_NEEDS: &[&str] = &[
    "memchr",
    "simdutf8",
    "thiserror",
    "thiserror-impl",
    "proc-macro2",
    "quote",
    "syn",
    "unicode-ident",
];

pub(crate) fn fmt() -> Result<(), Failure> {
    component("fmt", "rustfmt")?;
    command::run(&mut cargo(["fmt", "--all", "--check"]))?;
    command::run(&mut cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

pub(crate) fn clippy() -> Result<(), Failure> {
    component("clippy", "clippy")?;
    let mut lint = cargo(["clippy", "--locked", "--workspace", "--all-targets", "--"]);
    command::run(lint.args(["-D", "warnings"]))
}

/// A toolchain may have been installed without the parts that not everybody needs.
fn component(subcommand: &str, component: &str) -> Result<(), Failure> {
    let mut version = cargo([subcommand, "--version"]);
    if version.output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    eprintln!("xtask: adding {component} to the Rust toolchain.");
    command::run(Command::new("rustup").args(["component", "add", component]))
        .map_err(|failure| failure.or_cure(format!("install {component} for this Rust toolchain")))
}

pub(crate) fn dependencies() -> Result<(), Failure> {
    let tree = ["tree", "-p", "sse-codec", "--no-default-features", "-e", "normal"];
    let tree = command::output(cargo(tree).args(["--prefix", "none", "--format", "{lib} {p}"]))?;
    println!("{tree}");
    let extra = extra_packages(&tree);
    if extra.is_empty() {
        return Ok(());
    }
    Err(Failure::told(format!("sse-codec also depends on {}", extra.join(", "))))
}

/// The packages of a tree that are neither the codec itself nor what it needs.
fn extra_packages(tree: &str) -> Vec<&str> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .filter(|name| *name != "sse-codec" && !CODEC_NEEDS.contains(name))
        .collect()
}

pub(crate) fn tests(report: &mut Report) -> Result<(), Failure> {
    let mut tests = runner();
    command::run_tests(command::coloured(&mut tests), &mut report.closing)
}

/// The codec with every feature, which nothing else in the workspace asks for.
pub(crate) fn adaptors(report: &mut Report) -> Result<(), Failure> {
    let all = ["-p", "sse-codec", "--all-features"];
    command::run(cargo(["clippy", "--all-targets"]).args(all).args(["--", "-D", "warnings"]))?;
    let mut tests = cargo(["test"]);
    command::run_tests(command::coloured(tests.args(all)), &mut report.closing)?;
    command::run(cargo(["run", "-p", "sse-codec", "--example", "firmware"]).args(&all[2..]))
}

pub(crate) fn window(report: &mut Report) -> Result<(), Failure> {
    let mut tests = runner();
    tests.args(["-p", "sse-monitor-app"]);
    let mut tests = with_display(tests);
    tests.env("SSE_SERVER_BIN", workspace::program("sse-server")?);
    command::run_tests(command::coloured(&mut tests), &mut report.closing)
}

/// nextest where it is installed, for its speed; the tests pass under either.
fn runner() -> Command {
    if exists("cargo-nextest") {
        cargo(["nextest", "run", "--no-fail-fast", "--all-targets"])
    } else {
        cargo(["test", "--no-fail-fast", "--all-targets"])
    }
}

/// The same command under a display of its own, so that no window opens in anybody's face.
fn with_display(command: Command) -> Command {
    if !exists("xvfb-run") {
        eprintln!("xtask: there is no xvfb-run here, so the window opens on this display.");
        return command;
    }
    let mut with = Command::new("xvfb-run");
    // Without -noreset the display begins anew where its last window has gone, and drops one that just comes.
    with.args(["--auto-servernum", "--server-args=-screen 0 1280x800x24 -noreset"]);
    with.arg(command.get_program()).args(command.get_args());
    with.current_dir(workspace::root());
    with
}

pub(crate) fn features() -> Result<(), Failure> {
    for package in workspace::default_members()? {
        let check = || cargo(["check", "--quiet", "-p", &package.name]);
        println!("{}: default features", package.name);
        command::run(&mut check())?;
        if !package.has_default && package.features.is_empty() {
            continue;
        }
        println!("{}: no features", package.name);
        command::run(check().arg("--no-default-features"))?;
        for feature in &package.features {
            println!("{}: {feature}", package.name);
            command::run(check().args(["--no-default-features", "--features", feature]))?;
        }
    }
    Ok(())
}

/// Builds each core without its default features.
pub(crate) fn cores() -> Result<(), Failure> {
    build_cores(&[])
}

/// Builds the cores for other targets, where their standard library is or can be installed.
pub(crate) fn cores_for(targets: &[&str], report: &mut Report) -> Result<(), Failure> {
    for target in targets {
        if has_target(target) || add_target(target) {
            build_cores(&["--target", target])?;
        } else {
            report.skipped = Some(no_target(target));
        }
    }
    Ok(())
}

fn no_target(target: &str) -> String {
    format!(
        "the target {target} is not installed and could not be added; where there is a network, \
         `rustup target add {target}` does it"
    )
}

/// A processor with other registers than this one, and what runs its programs here.
struct Processor {
    target: &'static str,
    runner: Option<&'static str>,
}

/// What is built brings its C library along and is linked by what comes with Rust, so that no other compiler
/// is needed.
const PROCESSORS: &[Processor] = &[
    Processor { target: "aarch64-unknown-linux-musl", runner: Some("qemu-aarch64") },
    // Words of 32 bits, and the scans that any processor can do.
    Processor { target: "i686-unknown-linux-musl", runner: None },
];

pub(crate) fn processors(report: &mut Report) -> Result<(), Failure> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        report.skipped =
            Some("only Linux on x86-64 runs the programs of the other processors".to_owned());
        return Ok(());
    }
    let mut skipped = Vec::new();
    for Processor { target, runner } in PROCESSORS {
        println!("{target}");
        if let Some(runner) = runner
            && !exists(runner)
        {
            skipped.push(format!(
                "{target}: {runner} is not installed; what Debian calls qemu-user has it"
            ));
            continue;
        }
        if !(has_target(target) || add_target(target)) {
            skipped.push(no_target(target));
            continue;
        }
        let mut tests = cargo(["test", "-p", "sse-codec", "--lib", "--test", "conformance"]);
        tests.args(["--target", target]);
        let variable =
            |name| format!("CARGO_TARGET_{}_{name}", target.to_uppercase().replace('-', "_"));
        tests.env(variable("LINKER"), "rust-lld");
        tests.env(variable("RUSTFLAGS"), "-C link-self-contained=yes");
        if let Some(runner) = runner {
            tests.env(variable("RUNNER"), runner);
        }
        command::run_tests(command::coloured(&mut tests), &mut report.closing)?;
    }
    if !skipped.is_empty() {
        report.skipped = Some(skipped.join("; "));
    }
    Ok(())
}

fn build_cores(target: &[&str]) -> Result<(), Failure> {
    for (package, features) in CORES {
        for features in *features {
            let mut build = cargo(["build", "-p", package, "--no-default-features"]);
            command::run(build.args(["--features", features]).args(target))?;
        }
    }
    Ok(())
}

fn has_target(target: &str) -> bool {
    let query = ["--print", "target-libdir", "--target", target];
    command::output(Command::new("rustc").args(query)).is_ok_and(|path| Path::new(&path).is_dir())
}

fn add_target(target: &str) -> bool {
    let mut add = Command::new("rustup");
    add.args(["target", "add", target]).stdin(Stdio::null());
    command::run(&mut add).is_ok()
}

pub(crate) fn fuzz(report: &mut Report) -> Result<(), Failure> {
    let manifest = ["--manifest-path", "fuzz/Cargo.toml", "--locked"];
    let mut lint = cargo(["clippy", "--all-targets"]);
    command::run(lint.args(manifest).args(["--", "-D", "warnings"]))?;
    let mut replay = cargo(["test", "--no-default-features"]);
    command::run_tests(command::coloured(replay.args(manifest)), &mut report.closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_too_many_is_named() {
        let tree =
            "sse_codec sse-codec v0.1.0 (a/path)\nmemchr memchr v2.8.0\nserde serde v1.0.0\n";
        assert_eq!(extra_packages(tree), ["serde"]);
    }
}
