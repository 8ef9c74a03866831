//! `sse tail` of several streams, and where it goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

extern crate alloc;

use alloc::collections::BTreeSet;
use std::fs;

use origin::Origin;
use process::{is_harmless, lines, start, words};
use serde_json::json;

#[test]
fn each_line_says_which_stream_it_is_of() {
    let (first, second) = (Origin::start(), Origin::start());
    let sse = start(&["--count", "2", &first.url(), &second.url()]);
    let _one = first.open("data: one\n\n");
    let _two = second.open("data: two\n\n");
    let output = sse.wait();
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&output);
    let told: BTreeSet<_> = lines
        .iter()
        .map(|line| (line["url"].as_str().unwrap(), line["data"].as_str().unwrap()))
        .collect();
    let (one, two) = (first.url(), second.url());
    assert_eq!(told, BTreeSet::from([(one.as_str(), "one"), (two.as_str(), "two")]));
    assert_eq!((&lines[0]["n"], &lines[1]["n"]), (&json!(1), &json!(2)));
}

#[test]
fn people_see_a_short_prefix_a_stream() {
    let origin = Origin::start();
    let (news, prices) = (format!("{}/news", origin.url()), format!("{}/prices?x", origin.url()));
    let sse = start(&["--pretty", "--count", "2", &news, &prices]);
    let mut open = [origin.accept(), origin.accept()];
    open.sort_by_key(|exchange| exchange.head.contains("/prices"));
    for (exchange, data) in open.iter_mut().zip(["one\u{1b}[2J", "two"]) {
        exchange.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
        exchange.send(&format!("data: {data}\n\n"));
    }
    let output = sse.wait();
    assert!(is_harmless(&output.stdout));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert!(lines[0].starts_with("news    ") && lines[0].ends_with("one\\u{1b}[2J"), "{text}");
    assert!(lines[1].starts_with("prices  ") && lines[1].ends_with("two"), "{text}");
    assert!(words(&output).contains("sse: news: connected (HTTP/1.1 200)\n"), "{output:?}");
}

#[test]
fn a_stream_that_is_cut_or_refused_does_not_end_the_others() {
    let (refusing, ending, going) = (Origin::start(), Origin::start(), Origin::start());
    let (_kept, nowhere) = origin::nowhere();
    let nowhere = format!("http://{nowhere}/");
    let mut sse = start(&["--once", &refusing.url(), &nowhere, &ending.url(), &going.url()]);
    refusing.answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    ending.open("data: cut\n\n").end();
    sse.until_words(&["404 Not Found", "nothing listens", "the server ended the stream"]);
    let exchange = going.open("data: after them\n\n");
    sse.until_line("after them");
    exchange.end();
    let output = sse.wait();
    // 0, 0, 3 and 4: the highest.
    assert_eq!(output.status.code(), Some(4), "{}", words(&output));
    assert_eq!(lines(&output).len(), 2);
}

#[test]
fn what_ends_it_hides_no_stream_that_was_refused() {
    for ending in [&["--count", "1"][..], &["--once"]] {
        let (refusing, going) = (Origin::start(), Origin::start());
        let (one, other) = (refusing.url(), going.url());
        let mut sse = start(&[ending, &[&one, &other]].concat());
        refusing.answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        let mut exchange = going.open("");
        sse.until_word("404 Not Found");
        exchange.send("data: one\n\n");
        sse.line();
        if ending == ["--once"] {
            exchange.end();
        } else {
            exchange.closed();
        }
        let output = sse.wait();
        assert_eq!(output.status.code(), Some(4), "{ending:?}: {}", words(&output));
    }
}

#[test]
fn each_stream_goes_on_where_it_was_left() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("place.json");
    let path = file.to_str().unwrap();
    let (first, second) = (Origin::start(), Origin::start());
    let with_token = |token: &str| format!("{}?token={token}", first.url());
    let sse = start(&["--once", "--state", path, &with_token("CANARY"), &second.url()]);
    first.open("id: 7\ndata: one\n\n").end();
    second.open("id: a\ndata: two\n\nid: b\n\n").end();
    assert_eq!(sse.wait().status.code(), Some(0));
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains("CANARY"), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 1, "nothing is left beside it");

    // A new token leads to the same place; the other's stays.
    let sse = start(&["--once", "--state", path, &with_token("NEW")]);
    let exchange = first.open("id: 8\ndata: three\n\n");
    assert_eq!(exchange.header("last-event-id"), Some("7"));
    exchange.end();
    assert_eq!(sse.wait().status.code(), Some(0));
    let sse = start(&["--once", "--state", path, &second.url(), &with_token("NEW")]);
    let exchange = second.open("");
    assert_eq!(exchange.header("last-event-id"), Some("a"));
    exchange.end();
    let exchange = first.open("");
    assert_eq!(exchange.header("last-event-id"), Some("8"));
    exchange.end();
    assert_eq!(sse.wait().status.code(), Some(0));
}

#[test]
fn streams_that_differ_in_a_secret_or_a_body_have_a_place_each() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("place.json");
    let path = file.to_str().unwrap();
    let origin = Origin::start();
    let of = |key: &str| format!("{}?api_key={key}", origin.url());
    let (alice, bob) = (of("ALICE"), of("BOB"));
    let run = |answers: [(&str, &str); 2]| {
        let mut asked = Vec::new();
        let sse = start(&["--once", "--state", path, &alice, &bob]);
        for _ in &answers {
            let mut exchange = origin.accept();
            let body = answers.iter().find(|(key, _)| exchange.head.contains(*key)).unwrap();
            exchange.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
            exchange.send(body.1);
            asked.push((body.0.to_owned(), exchange.header("last-event-id").map(str::to_owned)));
            exchange.end();
        }
        asked.sort();
        let output = sse.wait();
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        (asked, lines(&output))
    };
    let (_, told) =
        run([("ALICE", "id: 3\ndata: of alice\n\n"), ("BOB", "id: 9\ndata: of bob\n\n")]);
    for line in told {
        let number = if line["data"] == "of alice" { 1 } else { 2 };
        assert_eq!(line["stream"], number, "{line}");
        assert!(line["url"].as_str().unwrap().ends_with("api_key=***"), "{line}");
    }
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains("ALICE") && !kept.contains("BOB"), "{kept}");
    let (asked, _) = run([("ALICE", ""), ("BOB", "")]);
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(asked, [("ALICE".to_owned(), id("3")), ("BOB".to_owned(), id("9"))]);

    // Which of them this is nobody can say, and a guess could pass over events.
    let output = start(&["--state", path, &of("EVE")]).wait();
    assert!(words(&output).contains("cannot be told"), "{}", words(&output));
    let output = start(&["--state", path, &alice, &alice]).wait();
    assert!(words(&output).contains("is given twice"), "{}", words(&output));
    let output = start(&["--state", path, "-d", "another question", &alice]).wait();
    assert!(words(&output).contains("with another method or body"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_place_in_another_stream_is_refused() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("place.json");
    let path = file.to_str().unwrap();
    fs::write(&file, "{\"streams\":[{\"url\":\"http://a/\",\"lastEventId\":\"7\"}]}").unwrap();
    let output = start(&["--state", path, "http://127.0.0.1:1/"]).wait();
    assert!(words(&output).contains("keeps where http://a/ was left"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
    fs::write(&file, "{\"lastEventId\":").unwrap();
    let output = start(&["--state", path, "http://127.0.0.1:1/"]).wait();
    assert!(words(&output).contains("is not a file that --state wrote"), "{}", words(&output));
}

#[test]
fn a_place_that_cannot_be_kept_is_told_before_anything_is_read() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let path = keep.path().join("none/state.json");
    let output = start(&["--state", path.to_str().unwrap(), &origin.url()]).wait();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    let said = words(&output);
    assert!(said.starts_with("sse: where this run stops cannot be kept in"), "{said}");
    assert_eq!(said.lines().count(), 1, "nothing was asked for: {said}");
    assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 0);
}

#[test]
fn one_last_id_for_several_streams_is_refused() {
    let output =
        start(&["--last-event-id", "7", "http://127.0.0.1:1/", "http://127.0.0.1:2/"]).wait();
    assert!(words(&output).contains("--last-event-id is of one stream"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn where_its_place_cannot_be_kept_a_stream_is_printed_all_the_same() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().join("kept");
    fs::create_dir(&folder).unwrap();
    let origin = Origin::start();
    let path = folder.join("state.json");
    let mut sse = start(&["--once", "--state", path.to_str().unwrap(), &origin.url()]);
    let mut exchange = origin.open(": hello\n\n");
    fs::remove_dir(&folder).unwrap();
    exchange.send("id: 1\ndata: one\n\n");
    sse.line();
    sse.until_word("cannot be kept");
    exchange.send("id: 2\ndata: two\n\n");
    sse.line();
    exchange.end();
    let output = sse.wait();
    assert_eq!(lines(&output).len(), 2);
    let told = words(&output).matches("where this run stops cannot be kept in").count();
    assert_eq!((told, output.status.code()), (1, Some(1)), "{output:?}");
}
