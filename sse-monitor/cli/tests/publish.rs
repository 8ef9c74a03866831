//! `sse serve` and `sse publish`, against each other and against a scripted server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{
    fs,
    io::Write,
    process::{Output, Stdio},
};

use origin::Origin;
use process::{Sse, interrupt, lines, sse, terminate, words};
use serde_json::{Value, json};

/// A hub, and its URL.
fn hub(args: &[&str]) -> (Sse, String) {
    let mut hub = Sse::spawn(&mut sse(&[&["serve", "--port", "0"], args].concat()));
    hub.line();
    let url = hub.stdout_read.trim().strip_suffix("/events").unwrap().to_owned();
    (hub, url)
}

fn publish(args: &[&str], stdin: &str) -> Output {
    let mut publish = Sse::spawn(sse(&[&["publish"], args].concat()).stdin(Stdio::piped()));
    // One that refuses its command line reads nothing.
    let _ = publish.child.stdin.take().unwrap().write_all(stdin.as_bytes());
    publish.wait()
}

fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_is_published_is_what_arrives() {
    let (hub, url) = hub(&[]);
    let stream = format!("{url}/events?topic=a&topic=b&lastEventId=earliest");
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("data.txt");
    fs::write(&file, "two\nlines").unwrap();
    let from_file = format!("@{}", file.display());
    let mut ids = Vec::new();
    for (args, stdin) in [
        (&[url.as_str(), "--topic", "a", "{\"exact\":  1}"][..], ""),
        (&[&url, "--topic", "c", "--topic", "b", "--event", "tick", &from_file], ""),
        (&[&url, "--all"], "from stdin\n"),
        (&[&format!("{url}/events/a"), "--event", "raw", "-"], "raw"),
    ] {
        let output = publish(args, stdin);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", words(&output));
        assert_eq!(words(&output), "");
        ids.push(text(&output.stdout).trim().to_owned());
    }
    let tail = Sse::spawn(&mut sse(&["tail", "--count", "5", &stream])).wait();
    let told: Vec<_> = lines(&tail)
        .iter()
        .filter(|line| !["connected", "reset"].contains(&line["type"].as_str().unwrap()))
        .map(|line| (line["id"].clone(), line["type"].clone(), line["data"].clone()))
        .collect();
    let expected = [
        ("message", "{\"exact\":  1}"),
        ("tick", "two\nlines"),
        ("message", "from stdin\n"),
        ("raw", "raw"),
    ];
    let expected: Vec<_> = ids
        .iter()
        .zip(expected)
        .map(|(id, (event_type, data))| (json!(id), json!(event_type), json!(data)))
        .collect();
    assert_eq!(told, expected);
    #[cfg(unix)]
    {
        interrupt(&hub.child);
        assert_eq!(hub.wait().status.code(), Some(0));
    }
}

#[test]
fn lines_are_published_in_batches() {
    let (_hub, url) = hub(&["--silent"]);
    let lines: String = (1..=1_050).map(|n| format!("{{\"data\":{n}}}\n")).collect();
    let output = publish(&[&url, "--topic", "a", "--ndjson"], &lines);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(text(&output.stdout).lines().count(), 1_050);
    assert!(words(&output).contains("published 1,050 events"), "{}", words(&output));

    // What sse tail prints goes on to another topic.
    let stream = format!("{url}/events?topic=a&lastEventId=earliest");
    let tail = Sse::spawn(&mut sse(&["tail", "--count", "11", "--comments", &stream])).wait();
    let comment = "{\"kind\":\"comment\",\"text\":\" beat\"}\n";
    let lines_of_tail = format!("{comment}{}", text(&tail.stdout));
    let output = publish(&[&url, "--topic", "b", "--ndjson", "-"], &lines_of_tail);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert!(words(&output).contains("lines of sse tail are no events to publish"), "{output:?}");
    assert_eq!(text(&output.stdout).lines().count(), 10, "without the connected of the hub");

    let bad = format!("{}{{\"data\":1,\"event\":\"a\\nb\"}}\n", &lines[..55]);
    let output = publish(&[&url, "--topic", "a", "--ndjson"], &bad);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    let line = bad.lines().count();
    assert!(said.contains(&format!("“In line {line}: In \"event\"")), "{said}");
    assert!(
        said.ends_with("; nothing was published\n") || said.contains("; mend it, and"),
        "{said}"
    );
    let output = publish(&[&url, "--topic", "a", "--ndjson"], "{\"data\":1}\nno\n");
    let said = words(&output);
    assert!(
        said.contains(
            "line 2 is not JSON (expected ident, at column 2): give one object on each line"
        ),
        "{said}"
    );
    let told = "; published before: 1 event, up to line 1; mend it, and go on from line 2\n";
    assert!(said.ends_with(told), "{said}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).lines().count(), 1);
}

#[test]
fn a_line_that_only_looks_like_one_of_tail_is_not_passed_over() {
    let (_hub, url) = hub(&["--silent"]);
    for line in [
        "{\"topic\":\"a\",\"kind\":\"order\",\"data\":1}",
        "{\"kind\":\"event\",\"topic\":\"a\",\"data\":1}",
        "{\"kind\":\"order\",\"data\":1}",
    ] {
        let output = publish(&[&url, "--topic", "b", "--ndjson"], line);
        // The hub knows no such field.
        assert!(words(&output).contains("kind"), "{line}: {}", words(&output));
        assert_eq!(output.status.code(), Some(4), "{line}: {}", words(&output));
    }
}

#[test]
fn a_line_that_is_not_utf_8_is_told() {
    let (_hub, url) = hub(&["--silent"]);
    let mut publish =
        Sse::spawn(sse(&["publish", &url, "--topic", "a", "--ndjson"]).stdin(Stdio::piped()));
    let mut stdin = publish.child.stdin.take().unwrap();
    stdin.write_all(b"{\"data\":\"one\"}\n{\"data\":\"caf\xe9\"}\n").unwrap();
    drop(stdin);
    let output = publish.wait();
    assert!(words(&output).contains("line 2 is not UTF-8 at byte 12"), "{}", words(&output));
    assert!(words(&output).contains("published before: 1 event"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_password_goes_where_curl_sends_it_and_never_into_an_event() {
    let origin = Origin::start();
    let url = origin.url().replace("/events", "");
    let publish =
        Sse::spawn(&mut sse(&["publish", "--user", "me:pw", &url, "--to-user", "7", "hello"]));
    let mut exchange = origin.accept();
    assert_eq!(exchange.header("authorization"), Some("Basic bWU6cHc="));
    let body = exchange.receive(exchange.header("content-length").unwrap().parse().unwrap());
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent, json!({"user": "7", "data": "hello"}));
    exchange.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"id\":\"1\"}");
    assert_eq!(publish.wait().status.code(), Some(0));
}

#[test]
fn a_server_that_asks_to_wait_is_waited_for() {
    let origin = Origin::start();
    let url = origin.url().replace("/events", "");
    let publish =
        Sse::spawn(sse(&["publish", &url, "--topic", "a", "--ndjson"]).stdin(Stdio::piped()));
    let mut publish = publish;
    publish.child.stdin.take().unwrap().write_all(b"{\"data\":1}\n{\"data\":2}\n").unwrap();
    origin.answer(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let mut exchange = origin.accept();
    let length = exchange.header("content-length").unwrap().parse().unwrap();
    let body = String::from_utf8(exchange.receive(length)).unwrap();
    let events: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0], json!({"data": 1, "topic": "a"}));
    let ids = (1..=events.len()).map(|n| n.to_string()).collect::<Vec<_>>();
    let answer = json!({ "ids": ids }).to_string();
    exchange.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()));
    if events.len() == 1 {
        // The second line came later, and goes over the same connection.
        let mut again = String::new();
        while !again.ends_with("\r\n\r\n") {
            again.push_str(text(&exchange.receive(1)));
        }
        exchange.receive(length);
        exchange.send("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ids\":[\"2\"]");
    }
    let output = publish.wait();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert!(words(&output).contains("the server asks to wait 0 s"), "{}", words(&output));
}

#[test]
fn who_publishes_is_told_by_a_token_that_is_never_shown() {
    let origin = Origin::start();
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("token");
    fs::write(&file, "CANARY-token\n").unwrap();
    let file = file.to_str().unwrap();
    let url = format!("{}?access_token=CANARY-query", origin.url().replace("/events", "/publish"));
    let publish = Sse::spawn(&mut sse(&["publish", &url, "--all", "--token-file", file, "hello"]));
    let mut exchange = origin.accept();
    assert_eq!(exchange.header("authorization"), Some("Bearer CANARY-token"));
    assert_eq!(exchange.header("content-type"), Some("application/json"));
    let body = exchange.receive(exchange.header("content-length").unwrap().parse().unwrap());
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent, json!({"all": true, "data": "hello"}));
    let refusal = "{\"error\":\"Not CANARY-token\\u001b but another.\"}";
    exchange.send(&format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{refusal}",
        refusal.len()
    ));
    let output = publish.wait();
    assert_eq!(output.status.code(), Some(4));
    let said = words(&output);
    assert_eq!(said, "sse: the server answered 403 Forbidden: “Not ***\u{fffd} but another”\n");
}

#[test]
fn a_command_line_that_cannot_work_is_told_with_status_2() {
    for (args, sentence) in [
        (&["http://127.0.0.1:1", "x"][..], "say whom it is for: --topic, --to-user or --all"),
        (
            &["http://127.0.0.1:1/events", "--topic", "a", "x"],
            "takes them at /publish: give http://127.0.0.1:1",
        ),
        (&["http://127.0.0.1:1/events/a", "--topic", "a", "x"], "the URL names the topic"),
        (&["http://127.0.0.1:1/events/a", "--ndjson"], "not to /events/TOPIC"),
        (&["127.0.0.1:1", "--all", "x"], "does not begin with http://"),
        (&["http://127.0.0.1:1", "--all", "--token-file", "/no/such", "x"], "/no/such cannot"),
    ] {
        let output = publish(args, "");
        assert!(words(&output).contains(sentence), "{args:?}: {}", words(&output));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    let (_kept, nowhere) = origin::nowhere();
    let output = publish(&[&format!("http://{nowhere}"), "--all", "x"], "");
    assert!(words(&output).contains("nothing listens at"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(3));
    let line = "{\"all\":true,\"data\":\"x\"}\n";
    let output = publish(&[&format!("http://{nowhere}"), "--ndjson"], line);
    let said = words(&output);
    assert!(said.ends_with("; nothing was published\n"), "{said}");
    assert!(!said.contains("not known"), "nobody was reached who could have taken it: {said}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_wrong_command_line_wherever_it_is_named() {
    let keep = tempfile::tempdir().unwrap();
    let folder = format!("@{}", keep.path().display());
    let hub = "http://127.0.0.1:1";
    let stream = "http://127.0.0.1:1/events";
    for arguments in [
        &["publish", hub, "--all", "@none"][..],
        &["publish", hub, "--all", &folder],
        &["publish", hub, "--all", "--ndjson", "@none"],
        &["publish", hub, "--all", "--ndjson", &folder],
        &["publish", hub, "--all", "-H", "@none", "x"],
        &["publish", hub, "--all", "--token-file", "none", "x"],
        &["tail", "-H", "@none", stream],
        &["tail", "-d", "@none", stream],
        &["tail", "--data-binary", "@none", stream],
        &["tail", "--data-urlencode", "a@none", stream],
        &["tail", "--json", "@none", stream],
        &["tail", "--cacert", "none", stream],
        &["tail", "--cert", "none", stream],
        &["record", "-o", "none.ssrec", "-H", "@none", stream],
        &["bench", "-d", "@none", stream],
        &["tail", "--", "curl", "-d", "@none", stream],
    ] {
        let output = Sse::spawn(sse(arguments).current_dir(keep.path())).wait();
        assert!(words(&output).contains(" cannot be read: "), "{arguments:?}: {}", words(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", words(&output));
    }
    // Whoever forgot the @ is told.
    let lines = keep.path().join("lines");
    fs::write(&lines, "{\"data\":1}\n").unwrap();
    let output = publish(&[hub, "--all", "--ndjson", lines.to_str().unwrap()], "");
    let hint = format!("to send its lines, write @{}", lines.display());
    assert!(words(&output).contains(&hint), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
    // Stdin is none that was forgotten, whatever lies in the folder.
    fs::write(keep.path().join("-"), "").unwrap();
    let mut publish = Sse::spawn(
        sse(&["publish", hub, "--all", "--ndjson", "-"])
            .current_dir(keep.path())
            .stdin(Stdio::piped()),
    );
    publish.child.stdin.take().unwrap().write_all(b"no event\n").unwrap();
    let output = publish.wait();
    assert!(words(&output).contains("line 1 "), "{}", words(&output));
    assert!(!words(&output).contains("write @"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_port_in_use_is_told() {
    let (_hub, url) = hub(&["--silent"]);
    let port = url.rsplit(':').next().unwrap();
    let output = Sse::spawn(&mut sse(&["serve", "--port", port])).wait();
    assert!(words(&output).contains("is in use by another program"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn sigterm_lets_those_who_read_read_to_the_end() {
    let (hub, url) = hub(&["--silent"]);
    let mut tail = Sse::spawn(&mut sse(&["tail", "--once", &format!("{url}/events?topic=a")]));
    tail.until_word("connected");
    assert_eq!(publish(&[&url, "--topic", "a", "last"], "").status.code(), Some(0));
    terminate(&hub.child);
    assert_eq!(hub.wait().status.code(), Some(0));
    let output = tail.wait();
    assert!(lines(&output).iter().any(|line| line["data"] == "last"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}

#[cfg(unix)]
#[test]
fn control_c_says_how_far_it_came() {
    let (_hub, url) = hub(&["--silent"]);
    let mut publish =
        Sse::spawn(sse(&["publish", &url, "--all", "--ndjson"]).stdin(Stdio::piped()));
    let mut stdin = publish.child.stdin.take().unwrap();
    stdin.write_all(b"{\"data\":1}\n").unwrap();
    publish.line();
    interrupt(&publish.child);
    let output = publish.wait();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(words(&output), "sse: interrupted; published before: 1 event, up to line 1\n");
    drop(stdin);
}
