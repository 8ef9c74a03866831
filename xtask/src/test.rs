//! `cargo xtask test`: the list of steps. Their longer bodies are in `checks.rs`.

use std::{ffi::OsString, process::ExitCode};

use crate::{
    checks,
    command::{self, Failure},
    node, packages, plan,
    plan::Step,
    workspace::cargo,
};

/// Runs the steps of these names, or all of them.
pub(crate) fn test(names: &[OsString]) -> Result<ExitCode, Failure> {
    let names: Vec<_> = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    plan::run(STEPS, &names)
}

/// Every step: quick ones first, and what builds the same things side by side.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "packages",
        shows: "the Debian packages that build and test the window are installed",
        needs: &[],
        cure: "install the packages named above by hand, then run `cargo xtask test` again",
        run: |_| packages::install(&[packages::WINDOW, packages::TEST].concat()),
    },
    Step {
        name: "npm",
        shows: "Node.js is new enough, and the npm packages of the lock file are installed",
        needs: &[],
        cure: "install Node.js 20.19 or newer, then run `npm ci` in sse-monitor/ui and read what it says",
        run: |_| node::install(),
    },
    Step {
        name: "fmt",
        shows: "the Rust code is laid out as rustfmt does",
        needs: &[],
        cure: "run `cargo fmt --all` (and `cargo fmt` in fuzz), and commit what it changed",
        run: |_| checks::fmt(),
    },
    Step {
        name: "dependencies",
        shows: "sse-codec without default features depends on what it needs, and no more",
        needs: &[],
        cure: "take the dependency out, or make it optional; see `cargo tree -p sse-codec --no-default-features -e normal`",
        run: |_| checks::dependencies(),
    },
    Step {
        name: "ui-types",
        shows: "the page's types fit (svelte-check)",
        needs: &["npm"],
        cure: "run `npm run check` in sse-monitor/ui, and mend what it names",
        run: |_| command::run(&mut node::npm(["run", "check"])),
    },
    Step {
        name: "ui-tests",
        shows: "the page's unit tests pass (vitest)",
        needs: &["npm"],
        cure: "run `npm test` in sse-monitor/ui, and mend what fails",
        run: |report| {
            let mut npm = node::npm(["test"]);
            command::run_tests(command::coloured(&mut npm), &mut report.closing)
        },
    },
    Step {
        name: "clippy",
        shows: "clippy warns of nothing in any target, and Cargo.lock is up to date",
        needs: &["packages", "npm"],
        cure: "run `cargo clippy --workspace --all-targets`, and mend what it names",
        run: |_| checks::clippy(),
    },
    Step {
        name: "docs",
        shows: "rustdoc warns of nothing",
        needs: &["packages", "npm"],
        cure: "run `cargo doc --workspace --no-deps`, and mend what it names",
        run: |_| {
            let mut doc = cargo(["doc", "--workspace", "--no-deps"]);
            command::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
        },
    },
    Step {
        name: "build",
        shows: "everything but the window builds: libraries, programs, tests, examples, benches",
        needs: &[],
        cure: "run `cargo test --no-run --all-targets`, and mend what the compiler names",
        // As the tests do, so that nothing is built twice.
        run: |_| command::run(&mut cargo(["test", "--no-run", "--all-targets"])),
    },
    Step {
        name: "tests",
        shows: "every Rust test passes but the window's",
        needs: &["build"],
        cure: "run `cargo test` with the name of the failing test, and mend it",
        run: checks::tests,
    },
    Step {
        name: "doctests",
        shows: "every example in the documentation runs",
        needs: &["build"],
        cure: "run `cargo test --doc`, and mend the example it names",
        run: |report| {
            let mut doctests = cargo(["test", "--doc"]);
            command::run_tests(command::coloured(&mut doctests), &mut report.closing)
        },
    },
    Step {
        name: "adaptors",
        shows: "the codec passes its tests and examples with every feature on",
        needs: &[],
        cure: "run `cargo test -p sse-codec --all-features`, and mend what fails",
        run: checks::adaptors,
    },
    Step {
        name: "features",
        shows: "each package builds alone: with its default features, with none, with each one",
        needs: &["packages"],
        cure: "run the command named above, and declare what the feature needs in the package's manifest",
        run: |_| checks::features(),
    },
    Step {
        name: "cores",
        shows: "each core builds without its default features",
        needs: &[],
        cure: "run the command named above, and put what needs the feature behind it",
        run: |_| checks::cores(),
    },
    Step {
        name: "no-std",
        shows: "the cores build for processors without an operating system",
        needs: &[],
        cure: "run the command named above, and take what needs `std` out of the core",
        run: |report| checks::cores_for(&["thumbv7em-none-eabihf", "x86_64-unknown-none"], report),
    },
    Step {
        name: "processors",
        shows: "the codec does on other processors (ARM of 64 bits, x86 of 32) what it does here",
        needs: &["packages"],
        cure: "run the command named above, and mend what of sse-codec/src/scan.rs that processor has",
        run: checks::processors,
    },
    Step {
        name: "wasm",
        shows: "the cores build for WebAssembly",
        needs: &[],
        cure: "run the command named above, and take what needs an operating system out of the core",
        run: |report| checks::cores_for(&["wasm32-unknown-unknown"], report),
    },
    Step {
        name: "fuzz",
        shows: "the fuzz targets build, and hold over their committed corpora",
        needs: &[],
        cure: "run `cargo test --no-default-features` in fuzz, which also renews its Cargo.lock; a failing input is named there",
        run: checks::fuzz,
    },
    Step {
        name: "window",
        shows: "the window passes its tests end to end, under a display of its own",
        needs: &["packages", "npm", "build"],
        cure: "run `xvfb-run -a cargo test -p sse-monitor-app`, and read what the window said",
        run: checks::window,
    },
];
