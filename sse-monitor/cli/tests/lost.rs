//! What a recording does not hold is told: what was damaged, dropped, too large or cut off.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{fs, path::Path, process::Output};

use origin::Origin;
use process::{Sse, lines, sse, words};
use serde_json::Value;

#[test]
fn a_byte_that_is_damaged_is_told_by_statistics_and_comparisons() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let record = start(keep.path(), &["record", "--count", "20", &origin.url(), "-o", "a.ssrec"]);
    let mut exchange = origin.open("");
    let journal = keep.path().join("a.ssrec.recording/000001.sse");
    for n in 1..20 {
        exchange.send(&format!("id: {n}\ndata: number {n}\n\n"));
        // A read each, so that a frame has one.
        while !fs::read(&journal).is_ok_and(|b| text(&b).contains(&format!("number {n}\n"))) {
            std::thread::yield_now();
        }
    }
    exchange.send("id: 20\ndata: number 20\n\n");
    assert!(record.wait().status.success());
    let mut bytes = fs::read(keep.path().join("a.ssrec")).unwrap();
    let place = bytes.windows(9).position(|window| window == b"number 7\n").unwrap();
    bytes[place] ^= 1;
    fs::write(keep.path().join("b.ssrec"), bytes).unwrap();
    let shown = lines(&show(keep.path(), &["show", "b.ssrec"]));
    assert_eq!(shown.len(), 19);
    let stats = show(keep.path(), &["show", "--stats", "b.ssrec"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!((&stats["events"], &stats["damaged"]), (&19.into(), &1.into()), "{stats}");
    let pretty = text(&show(keep.path(), &["show", "--stats", "--pretty", "b.ssrec"]).stdout);
    assert!(pretty.contains("damaged          1 row, not counted"), "{pretty}");
    let diff = show(keep.path(), &["diff", "a.ssrec", "b.ssrec"]);
    let told: Value = serde_json::from_slice(&diff.stdout).unwrap();
    assert_eq!((&told["inBoth"], &told["damagedSecond"]), (&19.into(), &1.into()), "{told}");
    assert_eq!(told["onlySecond"], serde_json::json!([]));
    assert!(words(&diff).contains("since damaged: 1 row of the second"), "{diff:?}");
}

#[test]
fn the_end_of_a_recording_says_what_it_holds_and_what_it_does_not() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    let event = |n: u32| format!("id: {n}\ndata: {n:-<200}\n\n");
    let many: String = (0..2_000).map(event).collect();
    let record = |limit: &[&str]| {
        start(keep.path(), &[&["record", "--once", &url, "-o", "a.ssrec"], limit].concat())
    };

    let dropping = record(&["--drop-oldest", "--limit", "100K", "-X", "POST"]);
    let mut exchange = origin.open("");
    exchange.send(&many);
    exchange.end();
    let output = dropping.wait();
    let size = fs::metadata(keep.path().join("a.ssrec")).unwrap().len();
    assert!((50 << 10..=100 << 10).contains(&size), "{size}");
    let held = lines(&show(keep.path(), &["show", "a.ssrec"])).len();
    assert!((1..2_000).contains(&held), "{held}");
    let said = words(&output);
    assert!(said.contains(&format!("recorded the latest {held} of 2,000 events in")), "{said}");
    let dropped = said.split("the oldest ").nth(1).unwrap().replace(',', "");
    assert!(dropped.starts_with(&format!("{} were dropped", 2_000 - held)), "{said}");
    // Its request is among what was dropped.
    let export = |form| show(keep.path(), &["export", "--as", form, "a.ssrec"]);
    let (curl, har) = (export("curl"), export("har"));
    let told = format!(
        "the request of attempt 1 is not in it: the oldest rows were dropped; its URL is {url}"
    );
    assert!(words(&curl).contains(&told) && curl.status.code() == Some(1), "{curl:?}");
    assert!(words(&har).contains(&told) && har.status.success(), "{har:?}");
    let har: Value = serde_json::from_slice(&har.stdout).unwrap();
    let entry = &har["log"]["entries"][0];
    assert_eq!(
        (&entry["request"]["method"], &entry["request"]["url"]),
        (&"POST".into(), &url.clone().into())
    );
    assert!(entry["comment"].as_str().unwrap().contains("not in the recording"), "{entry}");
    fs::remove_file(keep.path().join("a.ssrec")).unwrap();

    // Nobody watches where a recording ends.
    let stopping = record(&["--limit", "20K"]);
    let mut exchange = origin.open("");
    exchange.flood(many.as_bytes(), many.len());
    let output = stopping.wait();
    let size = fs::metadata(keep.path().join("a.ssrec")).unwrap().len();
    assert!((10 << 10..=20 << 10).contains(&size), "{size}");
    let (said, held) = (words(&output), lines(&show(keep.path(), &["show", "a.ssrec"])).len());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recording stopped: the limit of 20480 bytes"), "{said}");
    assert!(!said.contains("watching goes on"), "{said}");
    assert!(said.contains(&format!("recorded {held} events in a.ssrec")), "{said}");
    fs::remove_file(keep.path().join("a.ssrec")).unwrap();

    let output = record(&["--limit", "10K"]).wait();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(words(&output).contains("give 16K at least"), "{output:?}");

    let recording = record(&["--limit", "16K"]);
    let long = "x".repeat(16 << 10);
    origin.answer(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx: {long}\r\n\r\n"
    ));
    let output = recording.wait();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recording stopped: the limit of 16384 bytes"), "{said}");
    assert!(said.contains("nothing was recorded: no stream was open before that"), "{said}");
    assert!(!said.contains("what came before"), "{said}");
    assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 0);
}

#[test]
fn what_was_dropped_at_the_limit_is_told_though_no_event_was_among_it_and_is_not_to_be_shown() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    let limit = ["--drop-oldest", "--limit", "100K", "--max-line", "1K"];
    let record = |name: &str, body: &str| {
        let record =
            start(keep.path(), &[&["record", "--once", &url, "-o", name], &limit[..]].concat());
        let mut exchange = origin.open("");
        exchange.send(body);
        exchange.end();
        let output = record.wait();
        assert!(output.status.success(), "{output:?}");
        words(&output)
    };
    let comments = format!(": {:-<200}\n", "").repeat(2_000);
    let said = record("comments.ssrec", &format!("{comments}data: a\n\n"));
    assert!(said.contains("recorded 1 event in comments.ssrec"), "{said}");
    assert!(said.contains(" rows were dropped at the limit, no event among them"), "{said}");

    // The event that is too large is among what was dropped.
    let large = format!("data: {:-<2000}\n\n", "");
    let events = format!("data: {:-<200}\n\n", "").repeat(2_000);
    let said = record("large.ssrec", &format!("{large}{events}"));
    assert!(
        said.contains("; 1 was dropped as too large: --max-line and --max-event raise"),
        "{said}"
    );
    let shown = words(&show(keep.path(), &["show", "large.ssrec"]));
    assert!(shown.contains("dropped as too large: 1 event\n"), "{shown}");
    assert_eq!(
        lines(&show(keep.path(), &["show", "--turns", "--count", "1", "large.ssrec"]))[0]["kind"],
        "event"
    );

    // Of what is given away too.
    let redact = ["redact", "--text", "none", "-o", "given.ssrec", "large.ssrec"];
    assert!(show(keep.path(), &redact).status.success());
    let given = words(&show(keep.path(), &["show", "given.ssrec"]));
    assert!(given.contains("events in 1 attempt\n"), "{given}");

    // What nobody can know is not said.
    let stats =
        |name: &str| text(&show(keep.path(), &["show", "--stats", "--pretty", name]).stdout);
    let given = stats("given.ssrec");
    assert!(!given.contains("attempts         0"), "{given}");
    let mut bytes = fs::read(keep.path().join("large.ssrec")).unwrap();
    let place = bytes.windows(6).position(|window| window == b"data: ").unwrap();
    bytes[place] ^= 3;
    fs::write(keep.path().join("damaged.ssrec"), bytes).unwrap();
    let damaged = stats("damaged.ssrec");
    assert!(damaged.contains("rate ") && !damaged.contains("first event after"), "{damaged}");
    let summary = words(&show(keep.path(), &["show", "--stats", "--pretty", "damaged.ssrec"]));
    assert!(summary.contains("cannot be read; the first "), "{summary}");
    fs::write(
        keep.path().join("line"),
        "{\"kind\":\"event\",\"time\":\"2026-01-31T12:00:00.000000Z\",\"data\":\"x\"}\n",
    )
    .unwrap();
    assert!(show(keep.path(), &["import", "line", "-o", "line.ssrec"]).status.success());
    let line = stats("line.ssrec");
    assert!(!line.contains("0.0 events/s") && !line.contains("first event after"), "{line}");
}

#[test]
fn a_stream_that_ends_before_so_many_events_says_so_and_its_status_too() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    let count = ["--once", "--count", "3", &url];
    for command in [&["tail"][..], &["record", "-o", "a.ssrec"]] {
        for (body, status) in
            [("data: a\n\ndata: b\n\n", 7), ("data: a\n\ndata: b\n\ndata: c\n\n", 0)]
        {
            let running = start(keep.path(), &[command, &count[..]].concat());
            origin.open(body).end();
            let output = running.wait();
            assert_eq!(output.status.code(), Some(status), "{output:?}");
            let told = "only 2 of 3 events came before the stream ended";
            assert_eq!(words(&output).contains(told), status == 7, "{output:?}");
            let _ = fs::remove_file(keep.path().join("a.ssrec"));
        }
    }
}

#[test]
fn a_filter_that_nothing_passes_is_told() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    for (filter, is_told) in [("nothing", true), ("message", false)] {
        let tail = start(keep.path(), &["tail", "--once", "--type", filter, &url]);
        origin.open("data: a\n\ndata: b\n\n").end();
        let said = words(&tail.wait());
        let told = "of 2 events that came none passes the filter";
        assert_eq!(said.contains(told), is_told, "{said}");
    }
    fs::write(keep.path().join("body"), "data: a\n\n").unwrap();
    assert!(show(keep.path(), &["import", "body", "-o", "a.ssrec"]).status.success());
    for (arguments, is_told) in [
        (&["--grep", "b"][..], true),
        (&["--grep", "a"], false),
        (&["--from", "4"], false),
        (&["--count", "0"], false),
    ] {
        let said = words(&show(keep.path(), &[&["show", "a.ssrec"], arguments].concat()));
        assert_eq!(said.contains("nothing passes the filter"), is_told, "{said}");
    }
}

#[test]
fn events_that_are_too_large_are_told_at_the_end_of_a_recording() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    let record = start(keep.path(), &["record", "--once", &url, "-o", "a.ssrec"]);
    let mut exchange = origin.open("data: a\n\ndata: ");
    let large = vec![b'x'; 1 << 20];
    // As much as an event may be, and more.
    for _ in 0..65 {
        exchange.send_bytes(&large);
    }
    exchange.send("\n\ndata: b\n\n");
    exchange.end();
    let said = words(&record.wait());
    assert!(said.contains("recorded 2 events in a.ssrec ("), "{said}");
    assert!(said.contains("); 1 was dropped as too large"), "{said}");
}

#[test]
fn an_event_that_is_cut_off_is_told_wherever_its_stream_is() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    for command in [&["tail", "--once", &url][..], &["record", "--once", &url, "-o", "a.ssrec"]] {
        let command = start(keep.path(), command);
        origin.open("data: a\n\ndata: lost").end();
        let output = command.wait();
        assert!(output.status.success(), "{output:?}");
        let said = words(&output);
        assert!(said.contains("ended the stream; an event was cut off by that"), "{said}");
    }
    let shown = show(keep.path(), &["show", "a.ssrec"]);
    assert_eq!(lines(&shown).len(), 1);
    assert!(words(&shown).contains("and thrown away: 1 event; --turns"), "{shown:?}");
    let stats = show(keep.path(), &["show", "--stats", "a.ssrec"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!((&stats["events"], &stats["unfinished"]), (&1.into(), &1.into()), "{stats}");
    let pretty = text(&show(keep.path(), &["show", "--stats", "--pretty", "a.ssrec"]).stdout);
    assert!(pretty.contains("cut off          1 event, thrown away"), "{pretty}");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_larger_stops_recording_and_says_so() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let line = format!(
        "ulimit -f 2000; exec {} record {} -o a.ssrec",
        env!("CARGO_BIN_EXE_sse"),
        origin.url()
    );
    let mut command = std::process::Command::new("sh");
    let record = Sse::spawn(command.args(["-c", &line]).current_dir(keep.path()));
    let mut exchange = origin.open("");
    // As much as no file may have, whatever the unit is.
    let many = format!("data: {:-<200}\n\n", "").repeat(20_000);
    exchange.flood(many.as_bytes(), many.len());
    let output = record.wait();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recording stopped: no file may be larger here (ulimit -f)"), "{said}");
    let shown = lines(&show(keep.path(), &["show", "a.ssrec.recording"]));
    assert!(shown.len() > 100, "{}", shown.len());
}

#[test]
fn that_damage_of_a_large_recording_is_not_counted_is_told() {
    let keep = tempfile::tempdir().unwrap();
    let comment = [&b":"[..], &vec![b'x'; 1 << 20], b"\n"].concat();
    for (name, comments, is_told) in [("large", 65, true), ("small", 1, false)] {
        let body = [&b"data: a\n\n"[..], &comment.repeat(comments)].concat();
        fs::write(keep.path().join("body"), body).unwrap();
        assert!(show(keep.path(), &["import", "body", "-o", name]).status.success());
        let stats = show(keep.path(), &["show", "--stats", name]);
        assert_eq!(stats.status.code(), Some(0), "{stats:?}");
        let told = format!("so damage is not counted here; to look: sse show --check {name}");
        assert_eq!(words(&stats).contains(&told), is_told, "{}", words(&stats));
    }
}

#[test]
fn a_test_that_cannot_be_read_is_named() {
    let keep = tempfile::tempdir().unwrap();
    let shown = show(keep.path(), &["show", "--where", ".i >", "a.ssrec"]);
    assert_eq!(shown.status.code(), Some(2), "{shown:?}");
    assert!(words(&shown).contains("--where '.i >': "), "{shown:?}");
}

fn start(folder: &Path, arguments: &[&str]) -> Sse {
    Sse::spawn(sse(arguments).current_dir(folder))
}

fn show(folder: &Path, arguments: &[&str]) -> Output {
    start(folder, arguments).wait()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
