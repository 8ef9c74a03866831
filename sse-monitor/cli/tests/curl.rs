//! What curl's options and whole curl commands send.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{io::Write, process::Stdio};

use origin::{Exchange, Origin};
use process::{Sse, command, lines, start, words};

/// Answers with one event, and gives what was asked with its body.
fn asked(origin: &Origin, sse: Sse) -> (Exchange, String) {
    let mut exchange = origin.accept();
    let length = exchange.header("content-length").map_or(0, |length| length.parse().unwrap());
    let body = String::from_utf8(exchange.receive(length)).unwrap();
    exchange.send(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: one\n\n",
    );
    let output = sse.wait();
    assert_eq!(lines(&output)[0]["data"], "one", "{}", words(&output));
    (exchange, body)
}

fn request_line(exchange: &Exchange) -> &str {
    exchange.head.lines().next().unwrap()
}

#[test]
fn a_pasted_command_is_taken_whole() {
    let origin = Origin::start();
    let url = origin.url();
    let text = format!(
        "curl '{url}?a=b' \\\n  -H 'X-Note: it'\\''s' -H \"Authorization: Bearer $SSE_TEST_TOKEN\" \\\n  \
         --data-raw $'{{\"q\":\"\\u00e9\\n\"}}' --compressed -sS --max-time 5"
    );
    let mut by_text = command(&["--count", "1", &text]);
    let (exchange, body) =
        asked(&origin, Sse::spawn(by_text.env("SSE_TEST_TOKEN", "from-the-environment")));
    assert_eq!(request_line(&exchange), "POST /events?a=b HTTP/1.1");
    assert_eq!(exchange.header("x-note"), Some("it's"));
    assert_eq!(exchange.header("authorization"), Some("Bearer from-the-environment"));
    assert_eq!(exchange.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(exchange.header("accept-encoding").is_some());
    assert_eq!(body, "{\"q\":\"é\n\"}");

    let by_words = start(&[
        "--count",
        "1",
        "--",
        "curl",
        "-sNXPUT",
        &url,
        "-H",
        "content-type: text/plain",
        "-d",
        "a=1",
        "-d",
        "b=2",
        "-u",
        "me:pw",
    ]);
    let (exchange, body) = asked(&origin, by_words);
    assert_eq!(request_line(&exchange), "PUT /events HTTP/1.1");
    assert_eq!(exchange.header("content-type"), Some("text/plain"));
    assert_eq!(exchange.header("authorization"), Some("Basic bWU6cHc="));
    assert_eq!(body, "a=1&b=2");
}

#[test]
fn what_means_nothing_is_named_and_what_cannot_be_followed_is_refused() {
    let origin = Origin::start();
    let sse = start(&["--once", "--", "curl", "-sN", "--max-time", "5", &origin.url()]);
    origin.open("data: one\n\n").end();
    let output = sse.wait();
    let said = "of the curl command this means nothing here, and is left out: -s, -N, --max-time";
    assert!(words(&output).contains(said), "{}", words(&output));
    for (args, sentence) in [
        (&["--", "curl", "--nonsense", "http://a"][..], "--nonsense is no option of curl"),
        (&["curl http://a | jq ."], "the | at character 15 is for a shell"),
        (&["curl 'http://a"], "the quote ' at character 6 is never closed"),
        (&["curl -F a=@b http://a"], "forms of several parts are not sent here"),
        (&["curl http://a -H \"X: $SSE_TEST_NOWHERE\""], "the variable SSE_TEST_NOWHERE"),
        (&["-x", "socks4://a", "http://127.0.0.1:1/"], "socks5 or socks5h, not socks4"),
        (&["-u", "me", "http://127.0.0.1:1/"], "after --user stands USER:PASSWORD"),
    ] {
        let output = start(args).wait();
        assert!(words(&output).contains(sentence), "{args:?}: {}", words(&output));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn bodies_and_headers_come_from_files_and_stdin() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a\r\nb\n").unwrap();
    let path = format!("@{}", file.path().display());
    let origin = Origin::start();
    let url = origin.url();
    let (exchange, body) = asked(&origin, start(&["--count", "1", "-d", &path, &url]));
    assert_eq!((request_line(&exchange), body.as_str()), ("POST /events HTTP/1.1", "ab"));
    let binary = start(&["--count", "1", "--data-binary", &path, &url]);
    assert_eq!(asked(&origin, binary).1, "a\r\nb\n");

    let mixed =
        ["--count", "1", "-d", "a", "--data-raw", "@b", "-d", "c", "--data-urlencode", "d=é", &url];
    assert_eq!(asked(&origin, start(&mixed)).1, "a&@b&c&d=%C3%A9");

    let mut piped =
        Sse::spawn(command(&["--count", "1", "--json", "@-", &url]).stdin(Stdio::piped()));
    piped.child.stdin.take().unwrap().write_all(b"{\"a\": 1}\n").unwrap();
    let (exchange, body) = asked(&origin, piped);
    assert_eq!(exchange.header("content-type"), Some("application/json"));
    assert_eq!(exchange.header("accept"), Some("text/event-stream"));
    assert_eq!(body, "{\"a\": 1}\n");

    let mut piped = Sse::spawn(command(&["--count", "1", "-H", "@-", &url]).stdin(Stdio::piped()));
    piped.child.stdin.take().unwrap().write_all(b"X-One: 1\nUser-Agent:\nX-Two;\n").unwrap();
    let (exchange, _) = asked(&origin, piped);
    assert_eq!(exchange.header("x-one"), Some("1"));
    assert_eq!(exchange.header("user-agent"), None);
    assert!(exchange.head.contains("x-two: \r\n"), "{}", exchange.head);
}

#[test]
fn letters_that_mean_something_else_in_curl_are_not_taken() {
    for letter in ["-g", "-w", "-c", "-t"] {
        let output = start(&[letter, "http://127.0.0.1:1/", "http://127.0.0.1:1/"]).wait();
        let refusal = format!("unexpected argument '{letter}'");
        assert!(words(&output).contains(&refusal), "{letter}: {}", words(&output));
        assert_eq!(output.status.code(), Some(2));
    }
}
