//! Events that pass a limit: told, kept, and let through where the limit is raised.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{fs, path::Path, process::Output};

use origin::Origin;
use process::{Sse, lines, sse, start, words};

/// Two events of which one has a line that is too long for the default, between two others.
fn body() -> (String, String, String) {
    let line = format!("id: 2\nevent: image\ndata: {}\n\n", "x".repeat(2 << 20));
    let event = format!("id: 3\n{}\n", format!("data: {}\n", "y".repeat(1 << 19)).repeat(10));
    let body = format!("id: 1\ndata: a\n\n{line}{event}id: 4\ndata: b\n\n");
    (body, line, event)
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Sse::spawn(sse(arguments).current_dir(folder)).wait()
}

#[test]
fn what_is_dropped_is_told_to_people_and_programs() {
    let origin = Origin::start();
    let sse = start(&["--once", &origin.url()]);
    let (body, line, _) = body();
    let mut exchange = origin.open("");
    exchange.send(&body);
    exchange.end();
    let output = sse.wait();
    let said = words(&output);
    assert!(
        said.contains(
            "an event (type image, id 2, at byte 15 of the body) was dropped: a line of it is longer than 1048576 \
             bytes, the limit for a line; --max-line raises it"
        ),
        "{said}"
    );
    assert!(said.contains("the limit for an event; --max-event raises it"), "{said}");
    let lines = lines(&output);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["event", "dropped", "dropped", "event"]);
    let dropped = &lines[1];
    assert_eq!(
        (&dropped["type"], &dropped["id"], &dropped["passed"], &dropped["limit"], &dropped["at"]),
        (&"image".into(), &"2".into(), &"line".into(), &1_048_576.into(), &15.into())
    );
    assert_eq!(dropped["attempt"], 1);
    assert!(dropped["text"].as_str().unwrap().starts_with("an event (type image"), "{dropped}");
    let at = 15 + line.len();
    assert_eq!((&lines[2]["passed"], &lines[2]["at"]), (&"event".into(), &at.into()));
    assert_eq!(lines[3]["n"], 2, "what was dropped is no event that was printed");
}

#[test]
fn the_limits_are_raised_where_that_is_asked_for() {
    let origin = Origin::start();
    let url = origin.url();
    let keep = tempfile::tempdir().unwrap();
    let (body, ..) = body();
    for arguments in [
        &["tail", "--once", "--max-line", "3M", "--max-event", "8M", &url][..],
        &["record", "--once", "--max-line", "8M", &url, "-o", "a.ssrec"],
    ] {
        let sse = Sse::spawn(sse(arguments).current_dir(keep.path()));
        let mut exchange = origin.open("");
        exchange.send(&body);
        exchange.end();
        let output = sse.wait();
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        let output =
            if arguments[0] == "tail" { output } else { run(keep.path(), &["show", "a.ssrec"]) };
        let lengths: Vec<_> =
            lines(&output).iter().map(|line| line["data"].as_str().unwrap().len()).collect();
        assert_eq!(lengths, [1, 2 << 20, 10 * ((1 << 19) + 1) - 1, 1], "{}", words(&output));
    }
    for (size, why) in [("2G", "give a size of 1G at most"), ("much", "such as 500M")] {
        let output = run(keep.path(), &["tail", "--max-line", size, &url]);
        assert_eq!(output.status.code(), Some(2));
        assert!(words(&output).contains(why), "{}", words(&output));
    }
}

#[test]
fn a_line_of_json_that_is_too_long_names_the_limit_that_lets_it_through() {
    let origin = Origin::start();
    let url = origin.url();
    let body = format!("{{\"a\":\"{}\"}}\n[1]\n", "x".repeat(20 << 10));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for (limit, kinds) in
        [("--max-event=16K", ["dropped", "event"]), ("--max-event=32K", ["event", "event"])]
    {
        let sse = start(&["--once", limit, &url]);
        origin.answer(&answer);
        let output = sse.wait();
        let said = words(&output);
        let lines = lines(&output);
        let told: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(told, kinds, "{said}");
        if told[0] == "dropped" {
            assert_eq!((&lines[0]["passed"], &lines[0]["limit"]), (&"event".into(), &16384.into()));
            let advice =
                "it is longer than 16384 bytes, the limit for an event; --max-event raises it";
            assert!(said.contains(advice), "{said}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_shown_all_of_what_was_dropped() {
    let keep = tempfile::tempdir().unwrap();
    // So long that it comes in many pieces, of which each but for the first begins within a character.
    let repeated = 33 << 20;
    let body = format!("data: x{}\u{1b}[31m\ndata: end\n\ndata: next\n\n", "é".repeat(repeated));
    fs::write(keep.path().join("body"), body).unwrap();
    let imported = run(keep.path(), &["import", "body", "-o", "a.ssrec"]);
    assert!(imported.status.success(), "{}", words(&imported));
    let rows = lines(&run(keep.path(), &["show", "--turns", "a.ssrec"]));
    let row = &rows.iter().find(|row| row["kind"] == "dropped").unwrap()["row"];
    let shown = process::in_terminal(keep.path(), &format!("show --raw {row} a.ssrec"));
    assert!(shown.status.success());
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(text.matches('é').count(), repeated);
    let rest: String = text.chars().filter(|c| *c != 'é').collect();
    assert_eq!(rest, "data: x\\u{1b}[31m\r\ndata: end\r\n\r\n");
}

#[test]
fn a_recording_gives_the_bytes_of_what_was_dropped() {
    let origin = Origin::start();
    let keep = tempfile::tempdir().unwrap();
    let record = Sse::spawn(
        sse(&["record", "--once", &origin.url(), "-o", "a.ssrec"]).current_dir(keep.path()),
    );
    let (body, line, event) = body();
    let mut exchange = origin.open("");
    exchange.send(&body);
    exchange.end();
    let said = words(&record.wait());
    assert!(said.contains("2 were dropped as too large: sse show --turns says which"), "{said}");

    let shown = run(keep.path(), &["show", "--turns", "a.ssrec"]);
    assert!(words(&shown).contains("dropped as too large: 2 events"), "{}", words(&shown));
    let rows: Vec<_> = lines(&shown)
        .iter()
        .filter(|line| line["kind"] == "dropped")
        .map(|line| line["row"].to_string())
        .collect();
    let raw = |row: &str| run(keep.path(), &["show", "--raw", row, "a.ssrec"]);
    for (row, bytes) in rows.iter().zip([&line, &event]) {
        let output = raw(row);
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        assert!(output.stdout == bytes.as_bytes(), "row {row}: {} bytes", output.stdout.len());
    }

    // Made anew with other limits, they are events.
    let raw_body = run(keep.path(), &["export", "--as", "raw", "a.ssrec", "-o", "body"]);
    assert!(raw_body.status.success(), "{}", words(&raw_body));
    let import = run(keep.path(), &["import", "body", "--max-line", "8M", "-o", "b.ssrec"]);
    assert!(words(&import).contains("imported 4 events"), "{}", words(&import));

    // What is damaged since is told, and is no success.
    let mut bytes = fs::read(keep.path().join("a.ssrec")).unwrap();
    let middle = bytes.windows(64).position(|window| window == [b'x'; 64]).unwrap() + (1 << 20);
    bytes[middle] ^= 1;
    fs::write(keep.path().join("a.ssrec"), bytes).unwrap();
    let why = "was dropped, and its bytes are damaged";
    let output = raw(&rows[0]);
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).contains(why), "{}", words(&output));
    #[cfg(target_os = "linux")]
    {
        let shown = process::in_terminal(keep.path(), &format!("show --raw {} a.ssrec", rows[0]));
        assert_eq!(shown.status.code(), Some(1));
        let text = String::from_utf8(shown.stdout).unwrap();
        // What is intact is shown.
        assert!(text.contains("id: 2\r\nevent: image\r\ndata: xxx"), "{} bytes", text.len());
        assert!(text.contains(why));
    }
}

#[test]
fn what_was_dropped_is_told_by_whatever_does_not_have_it() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path();
    let (body, line, event) = body();
    let har = serde_json::json!({"log": {"entries": [{
        "startedDateTime": "2026-01-31T12:00:00Z", "request": {"method": "GET", "url": "http://a/"},
        "response": {"status": 200, "content": {"mimeType": "text/event-stream", "text": body}},
    }]}});
    fs::write(folder.join("body"), &body).unwrap();
    fs::write(folder.join("har"), har.to_string()).unwrap();
    fs::write(folder.join("line"), body.replace(&event, "")).unwrap();
    for (name, told) in [
        ("body", "dropped as too large: 2 events; --max-line and --max-event raise the limits"),
        ("har", "dropped as too large: 2 events; --max-line and --max-event raise the limits"),
        ("line", "dropped as too large: 1 event; --max-line raises the limit"),
    ] {
        let recording = format!("{name}.ssrec");
        let import = run(folder, &["import", name, "-o", &recording]);
        assert!(words(&import).contains("imported 2 events"), "{}", words(&import));
        assert!(words(&import).contains(told), "{}", words(&import));
    }

    let export = run(folder, &["export", "--as", "ndjson", "body.ssrec"]);
    let kinds: Vec<_> = lines(&export).iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds, ["event", "dropped", "dropped", "event"]);
    assert_eq!(lines(&export)[1]["id"], "2");
    let told = "dropped as too large: 2 events, so not in it; --as raw has the bytes";
    assert!(export.status.success() && words(&export).contains(told), "{}", words(&export));

    let export = run(folder, &["export", "--as", "fixture", "body.ssrec"]);
    assert!(export.status.success() && words(&export).contains(told), "{}", words(&export));
    let fixture = &lines(&export)[0];
    let without = body.replace(&event, "").replace(&line, "");
    assert_eq!(fixture["input"], without);
    assert_eq!(fixture["events"].as_array().unwrap().len(), 2);

    for form in ["raw", "har"] {
        let export = run(folder, &["export", "--as", form, "body.ssrec"]);
        assert!(!words(&export).contains("dropped"), "its bytes are there: {}", words(&export));
    }
    let redact = run(folder, &["redact", "--text", "none", "body.ssrec"]);
    let told = "masked whole, since of events that were too large, or never complete: ";
    assert!(redact.status.success() && words(&redact).contains(told), "{}", words(&redact));
    let diff = run(folder, &["diff", "body.ssrec", "line.ssrec"]);
    for told in ["2 events of the first", "1 event of the second"] {
        let told = format!("not compared, since dropped as too large: {told}");
        assert!(words(&diff).contains(&told), "{}", words(&diff));
    }
}
