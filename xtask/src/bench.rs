//! `cargo xtask bench`: measures, and keeps the tables in docs/performance.md, each part in its own place.

use core::fmt::Write;
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    command::{self, Failure, exists},
    machine, workspace,
    workspace::cargo,
};

/// The page of the results, from the root of the workspace.
const PAGE: &str = "docs/performance.md";

/// What the flag is called that leaves the page alone.
const PRINT: &str = "--print";

/// One thing to measure.
pub(crate) struct Part {
    /// What one types to measure it alone, and what its place in the page is called.
    name: &'static str,
    shows: &'static str,
    /// Why it cannot be measured here.
    missing: fn() -> Option<String>,
    /// Builds what it takes, and gives the command that measures and prints.
    command: fn() -> Result<Command, Failure>,
    form: Form,
}

/// What the command of a part prints.
enum Form {
    Markdown,
    /// Lines for a terminal, and what of each is kept.
    Lines(fn(&str) -> Option<&str>),
}

/// In the order of the page.
const PARTS: &[Part] = &[
    Part {
        name: "decode",
        shows: "the codec's decoder beside its peers",
        missing: || None,
        command: || Ok(program("table", "peers", &["decode"])),
        form: Form::Markdown,
    },
    Part {
        name: "encode",
        shows: "the codec's encoder beside its peers",
        missing: || None,
        command: || Ok(program("table", "peers", &["encode"])),
        form: Form::Markdown,
    },
    Part {
        name: "instructions",
        shows: "how many instructions the codec takes (wants valgrind and gungraun-runner)",
        missing: missing_for_instructions,
        command: || Ok(bench("instructions", "instructions")),
        form: Form::Lines(|line| {
            let is_count = line.trim_start().starts_with("Instructions:");
            let is_kept = is_count || line.starts_with("instructions::");
            // Behind the bar stands what some earlier run on this machine saw.
            is_kept.then(|| line.split('|').next().unwrap_or(line))
        }),
    },
    Part {
        name: "client",
        shows: "the client beside its peers, from the chunk and from the socket",
        missing: || None,
        command: || Ok(program("client", "client-peers", &[])),
        form: Form::Lines(|line| Some(line)),
    },
    Part {
        name: "hub",
        shows: "the hub's core with a million subscribers (takes gigabytes of memory)",
        missing: || None,
        command: || Ok(bench("hub", "hub")),
        form: Form::Lines(|line| {
            (line.starts_with("hub/") || line.contains(" time: ")).then_some(line)
        }),
    },
    Part {
        name: "engine",
        shows: "the monitor's engine beside curl and sse-stream (takes some gigabytes of the disk)",
        missing: || None,
        command: || Ok(program("engine", "engine", &[])),
        form: Form::Lines(|line| Some(line)),
    },
    Part {
        name: "window",
        shows: "the window's main thread at 100,000 events a second (Linux; wants WebKitWebDriver)",
        missing: missing_for_window,
        command: || {
            let mut bench = bench_of("sse-monitor-app");
            bench.args(["--bench", "window"]);
            Ok(bench)
        },
        form: Form::Markdown,
    },
    Part {
        name: "load",
        shows: "the server beside one of axum, over thousands of sockets (Linux)",
        missing: || {
            (!cfg!(target_os = "linux")).then(|| "it reads /proc, which only Linux has".to_owned())
        },
        command: load,
        form: Form::Markdown,
    },
];

/// The parts and what they show, one a line.
pub(crate) fn list() -> String {
    PARTS.iter().fold(String::new(), |mut list, part| {
        writeln!(list, "  {:<14} {}", part.name, part.shows).expect("a String takes every text");
        list
    })
}

/// Measures the parts of these names, or all, and puts what they print into the page.
pub(crate) fn bench_parts(args: &[OsString]) -> Result<ExitCode, Failure> {
    let mut names: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let only_print = names.iter().any(|name| name == PRINT);
    names.retain(|name| name != PRINT);
    let mut summary = Vec::new();
    let mut failed = false;
    for part in choose(&names)? {
        println!("\n== {}: {}", part.name, part.shows);
        if let Some(reason) = (part.missing)() {
            println!("xtask: skipped, since {reason}");
            summary.push(format!("skipped  {}: {reason}", part.name));
            continue;
        }
        match measure(part, only_print) {
            Ok(()) => summary.push(format!("measured {}", part.name)),
            Err(failure) => {
                failed = true;
                println!("xtask: {failure}");
                summary.push(format!("FAILED   {}: {failure}", part.name));
            }
        }
    }
    println!("\n== Summary");
    summary.iter().for_each(|line| println!("{line}"));
    if !only_print {
        println!("the tables are in {PAGE}");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn choose(names: &[String]) -> Result<Vec<&'static Part>, Failure> {
    if let Some(name) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name)) {
        return Err(Failure::usage(format!("`bench` has no part {name:?}")));
    }
    let is_chosen = |part: &&Part| names.is_empty() || names.iter().any(|name| name == part.name);
    Ok(PARTS.iter().filter(is_chosen).collect())
}

fn measure(part: &Part, only_print: bool) -> Result<(), Failure> {
    let mut command = (part.command)()?;
    let conditions = machine::conditions();
    let printed = command::output_shown(&mut command)?;
    if only_print {
        return Ok(());
    }
    let path = workspace::root().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    let how = format!("`cargo xtask bench {}`, {conditions}", part.name);
    let page = with_section(&page, part.name, &section(&how, &printed, &part.form))?;
    fs::write(&path, page).map_err(|error| {
        Failure::new(format!("{} cannot be written: {error}", path.display()), "make it writable")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("{} cannot be read: {error}", path.display()),
        "check that the checkout is whole (`git status`)",
    )
}

/// What stands in the page for a part.
fn section(how: &str, printed: &str, form: &Form) -> String {
    match form {
        Form::Markdown => format!("{how}\n\n{}\n", printed.trim_end()),
        Form::Lines(keep) => {
            let lines: Vec<_> = printed.lines().filter_map(keep).collect();
            format!("{how}\n\n```text\n{}\n```\n", lines.join("\n"))
        }
    }
}

/// The page with `body` in the place of the part called `name`, and all else as it was.
fn with_section(page: &str, name: &str, body: &str) -> Result<String, Failure> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let place =
        page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = place else {
        return Err(Failure::new(
            format!("{PAGE} has no place for `{name}`"),
            format!("put the lines `{}` and `{end}` where its table shall stand", begin.trim_end()),
        ));
    };
    Ok(format!("{before}{begin}\n{body}\n{end}{after}"))
}

/// Runs a program of the benchmarks, as users would be served: optimized.
fn program(name: &str, feature: &str, args: &[&str]) -> Command {
    let mut run = cargo(["run", "--quiet", "--release", "-p", "benches"]);
    run.args(["--features", feature, "--bin", name, "--"]).args(args);
    run
}

fn bench(name: &str, feature: &str) -> Command {
    let mut bench = bench_of("benches");
    bench.args(["--features", feature, "--bench", name]);
    bench
}

fn bench_of(package: &str) -> Command {
    cargo(["bench", "--quiet", "-p", package])
}

fn load() -> Result<Command, Failure> {
    let build = |args: &[&str]| command::run(cargo(["build", "--quiet", "--release"]).args(args));
    build(&["-p", "sse-server", "--bin", "sse-server"])?;
    build(&["-p", "benches", "--features", "load", "--bin", "load", "--bin", "axum-broadcast"])?;
    let mut load = Command::new(released("load")?);
    load.arg(released("sse-server")?).arg(released("axum-broadcast")?);
    Ok(load)
}

/// A program that was built with `--release`, in the folder beside that of the profile xtask was built in.
fn released(name: &str) -> Result<PathBuf, Failure> {
    let own = workspace::program("xtask")?;
    let target = own.parent().and_then(Path::parent).unwrap_or(&own);
    Ok(target.join("release").join(name).with_extension(std::env::consts::EXE_EXTENSION))
}

fn missing_for_window() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("its window is driven by WebKitGTK's driver, which only Linux has".to_owned());
    }
    ["WebKitWebDriver", "Xvfb"].into_iter().find(|program| !exists(program)).map(|program| {
        format!("{program} is not installed; `cargo xtask test packages` installs it on Debian")
    })
}

fn missing_for_instructions() -> Option<String> {
    let install = "cargo install gungraun-runner --version 0.20.0 --locked";
    if !exists("valgrind") {
        return Some(
            "valgrind is not installed; `apt-get install valgrind` installs it on Debian"
                .to_owned(),
        );
    }
    (!exists("gungraun-runner"))
        .then(|| format!("gungraun-runner is not installed; `{install}` installs it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_changes_its_own_place_and_nothing_else() {
        let page = "# P\n<!-- a -->\nold\n<!-- end of a -->\ntext\n<!-- b -->\n<!-- end of b -->\n";
        let new = with_section(page, "a", "new\n").unwrap();
        assert_eq!(
            new,
            "# P\n<!-- a -->\n\nnew\n\n<!-- end of a -->\ntext\n<!-- b -->\n<!-- end of b -->\n"
        );
        // Measured again, it is the same page.
        assert_eq!(with_section(&new, "a", "new\n").unwrap(), new);
        let failure = with_section(page, "c", "new").unwrap_err().to_string();
        assert!(failure.contains("no place for `c`"), "{failure}");
    }

    #[test]
    fn the_page_has_a_place_for_every_part() {
        let page = fs::read_to_string(workspace::root().join(PAGE)).unwrap();
        for part in PARTS {
            with_section(&page, part.name, "").unwrap();
        }
    }

    #[test]
    fn lines_for_a_terminal_stand_in_a_block_without_what_is_noise() {
        let form = Form::Lines(|line| line.split_once(" = ").map(|(name, _)| name));
        assert_eq!(
            section("how", "a = 1\nsome noise\n  b = 2\n", &form),
            "how\n\n```text\na\n  b\n```\n"
        );
        assert_eq!(section("how", "| a |\n", &Form::Markdown), "how\n\n| a |\n");
    }

    #[test]
    fn an_unknown_part_is_a_wrong_usage() {
        assert!(choose(&["decoder".to_owned()]).err().unwrap().is_usage());
        assert_eq!(choose(&["encode".to_owned()]).unwrap().len(), 1);
        assert_eq!(choose(&[]).unwrap().len(), PARTS.len());
    }
}
