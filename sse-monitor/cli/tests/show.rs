//! What a recording has, and what differs between two, by the command as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{fs, path::Path, process::Output};

use origin::Origin;
use process::lines;
use serde_json::Value;
use sse_monitor_engine::{DiskLimit, Watch, WatchRequest};

#[test]
fn rows_are_asked_for_by_the_numbers_that_are_shown() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("body"), ": beat\n\ndata: one\n\ndata: two\n\n").unwrap();
    assert!(sse(keep.path(), &["import", "body", "-o", "a.ssrec"]).status.success());
    let rows = lines(&sse(keep.path(), &["show", "a.ssrec"]));
    let numbers: Vec<_> = rows.iter().map(|row| row["row"].as_u64().unwrap()).collect();
    let shown = sse(keep.path(), &["show", "--pretty", "--numbers", "a.ssrec"]);
    let shown = text(&shown.stdout);
    for ((row, line), data) in numbers.iter().zip(shown.lines()).zip(["one", "two"]) {
        assert!(line.trim_start().starts_with(&format!("{row}  ")), "{line}");
        let raw = sse(keep.path(), &["show", "--raw", &row.to_string(), "a.ssrec"]);
        assert_eq!(text(&raw.stdout), format!("data: {data}\n\n"));
        let from = sse(keep.path(), &["show", "--from", &row.to_string(), "a.ssrec"]);
        assert_eq!(lines(&from)[0]["data"], data);
    }
    for (row, words) in [("1", "row 1 is a turn of the connection"), ("99", "rows go from 1 to 5")]
    {
        let raw = sse(keep.path(), &["show", "--raw", row, "a.ssrec"]);
        assert_eq!(raw.status.code(), Some(1), "{raw:?}");
        assert!(text(&raw.stderr).contains(words), "{raw:?}");
    }
}

#[test]
fn a_recording_says_when_it_began_where_that_is_known() {
    let keep = tempfile::tempdir().unwrap();
    let event = |time: &str| format!("{{\"kind\":\"event\"{time},\"data\":\"a\"}}\n");
    let timed = ["2026-01-31T12:00:00.5Z", "2026-02-03T12:00:00.5Z"]
        .map(|time| event(&format!(",\"time\":\"{time}\"")))
        .concat();
    for (name, body) in [("timed", timed), ("untimed", event(""))] {
        fs::write(keep.path().join("lines"), body).unwrap();
        assert!(sse(keep.path(), &["import", "lines", "-o", name]).status.success());
    }
    let show = |arguments: &[&str]| {
        let mut command = process::sse(&[&["show"], arguments].concat());
        command.current_dir(keep.path()).env("TZ", "UTC").output().unwrap()
    };
    let stats = &lines(&show(&["--stats", "timed"]))[0];
    assert_eq!(stats["startedUnixMicros"], 1_769_860_800_500_000_u64, "{stats}");
    assert_eq!(lines(&show(&["--stats", "untimed"]))[0]["startedUnixMicros"], Value::Null);
    for (file, heading) in [
        ("timed", "imported from lines, begun 2026-01-31 12:00:00 +00:00: 2 events in 1 attempt\n"),
        ("untimed", "imported from lines: 1 event in 1 attempt\n"),
    ] {
        let shown = text(&show(&[file]).stderr);
        assert!(shown.ends_with(heading), "{shown}");
        let checked = text(&show(&["--check", file]).stderr);
        assert!(checked.contains(heading.trim_end()), "{checked}");
    }
    let pretty = text(&show(&["--stats", "--pretty", "timed"]).stdout);
    assert!(pretty.contains("began            2026-01-31 12:00:00 +00:00\n"), "{pretty}");
    assert!(pretty.contains("time             3.0 days\n"), "{pretty}");
    let pretty = text(&show(&["--stats", "--pretty", "untimed"]).stdout);
    assert!(!pretty.contains("began"), "{pretty}");
}

#[test]
fn what_the_ids_of_events_do_not_tell_is_not_made_up() {
    let keep = tempfile::tempdir().unwrap();
    let ids = |epoch: &str, range: core::ops::RangeInclusive<u32>| -> String {
        range.map(|n| format!("id: {epoch}-{n}\ndata: {n}\n\n")).collect()
    };
    let reset = "event: reset\nid: b2-0\ndata: {\"reason\":\"epoch\"}\n\n";
    for (n, (body, told)) in [
        (ids("a1", 1..=20), "missing          0 by their ids"),
        (
            ids("a1", 1..=20) + &ids("a1", 24..=40) + reset + &ids("b2", 1..=20),
            "missing          at least 3 by their ids: the server began to count anew",
        ),
        (ids("a1", 1..=3), "missing          not to be told: too few events"),
        ("data: a\n\n".into(), "missing          not to be told: events have no ids"),
        (
            (1..20).map(|n| ids("a1", 7 * n..=7 * n)).collect(),
            "missing          not to be told: ids do not count one by one",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(keep.path().join("body"), body).unwrap();
        let to = format!("{n}.ssrec");
        assert!(sse(keep.path(), &["import", "body", "-o", &to]).status.success());
        let stats = text(&sse(keep.path(), &["show", "--stats", "--pretty", &to]).stdout);
        assert!(stats.contains(told), "{stats}");
        assert_eq!(
            stats.contains("resets           1, by which"),
            told.contains("anew"),
            "{stats}"
        );
    }
}

#[test]
fn what_differs_is_told() {
    let keep = tempfile::tempdir().unwrap();
    for (name, body) in [
        ("a", "id: 1\ndata: one\n\nid: 2\ndata: two\n\n"),
        ("b", "id: 1\ndata: one\n\nid: 3\ndata: three\u{1b}\n\n"),
    ] {
        fs::write(keep.path().join(name), body).unwrap();
        let to = format!("{name}.ssrec");
        assert!(sse(keep.path(), &["import", name, "-o", &to]).status.success());
    }
    let same = sse(keep.path(), &["diff", "--pretty", "a.ssrec", "a.ssrec"]);
    assert_eq!((same.status.code(), text(&same.stdout)), (Some(0), String::new()), "{same:?}");
    assert!(text(&same.stderr).contains("of one at least nobody knows when they came"), "{same:?}");
    let line = "{\"kind\":\"event\",\"time\":\"2026-01-31T12:00:00Z\",\"data\":\"a\"}\n";
    fs::write(keep.path().join("c"), line).unwrap();
    assert!(sse(keep.path(), &["import", "c", "-o", "c.ssrec"]).status.success());
    let same = sse(keep.path(), &["diff", "--pretty", "c.ssrec", "c.ssrec"]);
    assert!(text(&same.stderr).contains("apart by 0 µs at the median, 0 µs at most"), "{same:?}");
    let other = sse(keep.path(), &["diff", "--pretty", "a.ssrec", "b.ssrec"]);
    assert_eq!(other.status.code(), Some(7));
    let lines: Vec<_> = text(&other.stdout).lines().map(|line| line[..2].to_owned()).collect();
    assert_eq!(lines, ["< ", "> "]);
    assert!(!text(&other.stdout).contains('\u{1b}'));
    assert!(text(&other.stderr).contains("1 in both"), "{other:?}");
    let json = sse(keep.path(), &["diff", "a.ssrec", "b.ssrec"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["inBoth"], &json["onlySecond"]), (&1.into(), &serde_json::json!([4])));
    assert!(json["time"].is_null(), "{json}");
}

#[test]
fn what_comes_in_another_order_is_shown() {
    let keep = tempfile::tempdir().unwrap();
    for (name, ids) in [("a", [1, 2, 3, 4]), ("b", [4, 1, 2, 3])] {
        let body = ids.map(|id| format!("id: {id}\ndata: of {id}\n\n")).concat();
        fs::write(keep.path().join(name), body).unwrap();
        let to = format!("{name}.ssrec");
        assert!(sse(keep.path(), &["import", name, "-o", &to]).status.success());
    }
    for (first, second, reordered) in [("a", "b", [6, 3]), ("b", "a", [3, 6])] {
        let files = [first, second].map(|name| format!("{name}.ssrec"));
        let shown = sse(keep.path(), &["diff", "--pretty", "-s", &files[0], &files[1]]);
        assert_eq!(shown.status.code(), Some(7), "{shown:?}");
        let shown = text(&shown.stdout);
        assert!(shown.starts_with("~ ") && shown.contains("of 4"), "{shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
        let json = sse(keep.path(), &["diff", &files[0], &files[1]]);
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["reordered"], serde_json::json!([reordered]));
    }
}

#[test]
fn attempts_that_were_cleared_are_not_counted() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().join("a.recording");
    let origin = Origin::start();
    let request = WatchRequest::new(&origin.url()).unwrap();
    let watch = Watch::start(request.record(&folder, DiskLimit::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let until_events = |count: u64| {
        runtime.block_on(async {
            let mut seen = 0;
            while watch.snapshot().totals.events < count {
                seen = watch.changed(seen).await;
            }
        });
    };
    for _ in 0..2 {
        origin.open("retry: 1\ndata: a\n\n").end();
    }
    let mut exchange = origin.open("data: a\n\n");
    until_events(3);
    watch.clear();
    exchange.send("data: b\n\n");
    until_events(1);
    watch.disconnect();
    drop(watch);
    let shown = sse(keep.path(), &["show", "a.recording"]);
    assert_eq!(lines(&shown)[0]["attempt"], 3, "{shown:?}");
    assert!(text(&shown.stderr).contains("1 event in 1 attempt\n"), "{shown:?}");
    let stats = lines(&sse(keep.path(), &["show", "--stats", "a.recording"]));
    assert_eq!(stats[0]["attempts"], 1, "{stats:?}");
}

fn sse(folder: &Path, arguments: &[&str]) -> Output {
    process::sse(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
