//! Under what conditions something was measured, in words.

use std::{
    fs,
    process::Command,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::workspace;

/// The day, the machine, the compiler and the code. What cannot be found out is left out.
pub(crate) fn conditions() -> String {
    let known = [Some(today()), Some(machine()), system(), compiler(), code(), load()];
    known.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / (24 * 60 * 60))
}

/// The date so many days after the first of 1970.
fn date(mut days: u64) -> String {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

fn machine() -> String {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut words = format!("{processors} processors");
    if let Some(model) = field("/proc/cpuinfo", "model name") {
        words = format!("{words} ({model})");
    }
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|total| total.split_whitespace().next()?.parse::<u64>().ok());
    match memory {
        Some(kib) => format!("{words}, {} GiB", kib.div_ceil(1 << 20)),
        None => words,
    }
}

/// The first value of this name in a file of `name: value` lines.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn system() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(format!("Linux {}", release.trim()))
}

fn compiler() -> Option<String> {
    let version = said(Command::new("rustc").arg("--version"))?;
    Some(version.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

fn code() -> Option<String> {
    let git = |args: &[&str]| said(Command::new("git").args(args).current_dir(workspace::root()));
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    // The page itself is what a measurement changes.
    let changes = git(&["status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs"])?;
    let changed = if changes.is_empty() { "" } else { " with changes" };
    Some(format!("commit {commit}{changed}"))
}

/// How busy the machine was with other things before.
fn load() -> Option<String> {
    let averages = fs::read_to_string("/proc/loadavg").ok()?;
    Some(format!("load {} before", averages.split_whitespace().next()?))
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn the_conditions_name_the_machine() {
        assert!(conditions().contains("processors"), "{}", conditions());
    }
}
