//! `sse tail` as a process, against a scripted server on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::process::{Command, Stdio};

use origin::Origin;
use process::{Sse, command, interrupt, is_harmless, lines, start, terminate, without_time, words};
use serde_json::json;

#[test]
fn a_pipe_gets_one_json_object_a_line() {
    let origin = Origin::start();
    let sse = start(&["--count", "2", &origin.url()]);
    let mut exchange = origin.open(": hi\nid: 7\nevent: tick\ndata: one\ndata: \"two\"\n\n");
    exchange.send("data: \u{1b}[31m\u{9b}é\n\n");
    let output = sse.wait();
    let lines = lines(&output);
    assert_eq!(lines.len(), 2, "comments are not asked for: {lines:?}");
    assert_eq!(
        without_time(&lines[0]),
        json!({
            "kind": "event", "n": 1, "attempt": 1, "type": "tick", "id": "7",
            "data": "one\n\"two\"",
        })
    );
    assert_eq!(
        without_time(&lines[1]),
        json!({
            "kind": "event", "n": 2, "attempt": 1, "type": "message", "id": "7",
            "data": "\u{1b}[31m\u{9b}é",
        })
    );
    assert!(is_harmless(&output.stdout));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn comments_come_where_they_are_asked_for() {
    let origin = Origin::start();
    let sse = start(&["--comments", "--count", "1", &origin.url()]);
    let _exchange = origin.open(": heartbeat\n\ndata: one\n\n");
    let lines = lines(&sse.wait());
    assert_eq!(
        without_time(&lines[0]),
        json!({"kind": "comment", "attempt": 1, "text": " heartbeat"})
    );
    assert_eq!(lines[1]["n"], 1);
}

#[test]
fn columns_are_of_events_and_leave_comments_as_they_are() {
    let origin = Origin::start();
    let sse = start(&["--comments", "--columns", ".a", "--count", "1", &origin.url()]);
    let _exchange = origin.open(": heartbeat\n\ndata: {\"a\":1}\n\n");
    let lines = lines(&sse.wait());
    assert_eq!((&lines[0]["text"], &lines[1]["data"]), (&json!(" heartbeat"), &json!("1")));
}

#[test]
fn people_get_one_event_a_line_without_control_characters() {
    let origin = Origin::start();
    let sse = start(&["--pretty", "--comments", "--count", "2", &origin.url()]);
    let _exchange = origin.open(
        ": \u{1b}]0;title\u{7}\nid: 1\u{1b}\nevent: t\u{9b}k\ndata: one\ndata: \u{202e}two\n\n\
         data: three\n\n",
    );
    let output = sse.wait();
    assert!(is_harmless(&output.stdout), "{output:?}");
    assert!(is_harmless(&output.stderr), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().map(|line| &line["00:00:00.000".len()..]).collect();
    assert_eq!(
        lines,
        [
            "  : \\u{1b}]0;title\\u{7}",
            "  t\\u{9b}k     [1\\u{1b}] one⏎\\u{202e}two",
            "  message      [1\\u{1b}] three",
        ]
    );
}

#[test]
fn colour_is_used_where_it_is_asked_for() {
    let origin = Origin::start();
    for (color, coloured) in [("always", true), ("never", false), ("auto", false)] {
        let sse = start(&["--pretty", "--color", color, "--count", "1", &origin.url()]);
        let _exchange = origin.open("event: tick\ndata: one\n\n");
        assert_eq!(sse.wait().stdout.contains(&0x1b), coloured, "{color}");
    }
}

/// `script` gives the command a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_lines_with_colour_unless_no_color_is_set() {
    for no_color in [false, true] {
        let origin = Origin::start();
        let line = format!("{} tail --count 1 {}", env!("CARGO_BIN_EXE_sse"), origin.url());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script.env_remove("NO_COLOR").env("TERM", "xterm-256color").stdin(Stdio::null());
        if no_color {
            script.env("NO_COLOR", "1");
        }
        let terminal = Sse::spawn(&mut script);
        let _exchange = origin.open("id: 7\nevent: tick\ndata: one\ndata: two\n\n");
        let output = terminal.wait();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains('\u{1b}'), !no_color, "{text:?}");
        if no_color {
            assert!(text.contains("  tick         [7] one⏎two\r\n"), "{text:?}");
        }
    }
}

#[test]
fn a_lost_connection_is_told_and_goes_on_after_the_last_id() {
    let origin = Origin::start();
    let sse = start(&["--count", "2", &origin.url()]);
    origin.open("retry: 1\nid: 7\ndata: one\n\n").end();
    let again = origin.open("data: two\n\n");
    assert_eq!(again.header("last-event-id"), Some("7"));
    let output = sse.wait();
    let words = words(&output);
    assert!(words.contains("sse: connected (HTTP/1.1 200)\n"), "{words}");
    assert!(
        words.contains("sse: connection lost: the server ended the stream; trying again in "),
        "{words}"
    );
    assert!(words.contains(", after id 7\n"), "{words}");
    let lines = lines(&output);
    assert_eq!((&lines[1]["attempt"], &lines[1]["data"]), (&json!(2), &json!("two")));
}

#[test]
fn silence_leaves_only_what_went_wrong() {
    let origin = Origin::start();
    let sse = start(&["--silent", "--once", &origin.url()]);
    origin.open("data: one\n\n").end();
    let output = sse.wait();
    assert_eq!((words(&output).as_str(), output.status.code()), ("", Some(0)));

    let sse = start(&["--silent", "--keep-trying", "--count", "1", &origin.url()]);
    origin.answer("HTTP/1.1 503 Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n");
    let _exchange = origin.open("retry: 1\ndata: one\n\n");
    let output = sse.wait();
    assert_eq!((words(&output).as_str(), output.status.code()), ("", Some(0)));
}

#[test]
fn a_header_file_is_named_with_the_line_that_cannot_be_sent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "X-One: 1\n\nsecret\n").unwrap();
    let path = file.path().display().to_string();
    let output = start(&["-H", &format!("@{path}"), "http://127.0.0.1/"]).wait();
    let words = words(&output);
    assert!(words.contains(&format!("{path}, line 3: a header cannot be sent: ")), "{words}");
    assert!(!words.contains("secret"), "{words}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_url_without_a_command_is_told_which() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sse")).arg("http://127.0.0.1:1/").output().unwrap();
    assert!(words(&output).contains("sse tail URL"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn it_says_its_version_by_its_own_name() {
    for args in [&["--version"][..], &["tail", "--version"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_sse")).args(args).output().unwrap();
        let version = concat!("sse ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), version, "{args:?}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_is_full_is_told_and_one_that_leads_nowhere_is_one() {
    let sse = env!("CARGO_BIN_EXE_sse");
    for arguments in ["man", "completions bash", "tail --help"] {
        // As Python's `subprocess.DEVNULL`: to read and write, beside a stdin that is something else.
        let line = format!("exec {sse} {arguments} 1<>/dev/null");
        let output = Command::new("sh").args(["-c", &line]).stdin(Stdio::piped()).output().unwrap();
        assert_eq!((words(&output).as_str(), output.status.code()), ("", Some(0)), "{arguments}");
    }
    for arguments in ["--help", "man", "tail --help"] {
        let line = format!("exec {sse} {arguments} >/dev/full");
        let output = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
        assert!(words(&output).contains("cannot be written to stdout"), "{}", words(&output));
        assert_eq!(output.status.code(), Some(1), "{arguments}");
    }
    // What is wrong with the command line is told by the status, where words have no place.
    for arguments in ["tail --nonsense", "tail --nonsense curl", "http://127.0.0.1:1/", "curl", ""]
    {
        let line = format!("exec {sse} {arguments} 2>/dev/full");
        let output = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
        assert_eq!((output.stdout.len(), output.status.code()), (0, Some(2)), "{arguments}");
    }
}

#[test]
fn a_circle_of_redirects_is_told_once() {
    let origin = Origin::start();
    let sse = start(&[&origin.url()]);
    let around =
        "HTTP/1.1 302 Found\r\nlocation: /a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    (0..21).for_each(|_| origin.answer(around));
    let output = sse.wait();
    let words = words(&output);
    assert_eq!(words.matches("redirected (302)").count(), 1, "{words}");
    assert!(words.contains("the redirects lead in a circle: gave up after 20"), "{words}");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn headers_and_the_last_id_are_sent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Authorization: Bearer from-a-file\n\n").unwrap();
    let origin = Origin::start();
    let from_file = format!("@{}", file.path().display());
    let sse = start(&[
        "-H",
        "X-One: 1",
        "-H",
        &from_file,
        "--last-event-id",
        "41",
        "--count",
        "1",
        &origin.url(),
    ]);
    let exchange = origin.open("data: one\n\n");
    assert_eq!(exchange.header("x-one"), Some("1"));
    assert_eq!(exchange.header("authorization"), Some("Bearer from-a-file"));
    assert_eq!(exchange.header("last-event-id"), Some("41"));
    let output = sse.wait();
    assert!(!words(&output).contains("from-a-file"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_command_line_that_cannot_work_is_told_with_status_2() {
    for (args, sentence) in [
        (&[""][..], "no URL was given; type one like http://127.0.0.1:8080/events"),
        (&["localhost:8080/events"], "try http://localhost:8080/events"),
        (&["not a url"], "“not a url” is not a URL"),
        (&["wget", "http://127.0.0.1:1/"], "“wget” is not a URL; type one like http://"),
        (&["no-such.ssrec"], "there is no such file as “no-such.ssrec”, and no such URL"),
        (&["./no/such"], "there is no such file as “./no/such”, and no such URL"),
        (
            &["./Cargo.toml"],
            "“./Cargo.toml” is no URL but a file here; what a recording has is printed by: sse show",
        ),
        (&["http://"], "“http://” is not a URL (empty host)"),
        (&["ftp://127.0.0.1/"], "read over http or https, not ftp"),
        (&["\u{1b}[31m"], "“\\u{1b}[31m”"),
        (
            &["-H", "secret", "http://127.0.0.1/"],
            "a header cannot be sent: there is no colon in it; give it as “Name: value”",
        ),
        (&["-H", "@/no/such/file", "http://127.0.0.1/"], "the headers in /no/such/file cannot be"),
        (&["--last-event-id", "1\n2", "http://127.0.0.1/"], "the last event ID cannot be sent"),
        (&["--for", "soon", "http://127.0.0.1/"], "give a time such as 10s, 500ms or 5m"),
        (&["--count", "0", "http://127.0.0.1/"], "--count"),
        (&["--ndjson", "--pretty", "http://127.0.0.1/"], "cannot be used with"),
        (&[], "required"),
    ] {
        let output = start(args).wait();
        let words = words(&output);
        assert!(words.contains(sentence), "{args:?}: {words}");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {words}");
        assert!(output.stdout.is_empty());
        assert!(!words.contains("panicked") && is_harmless(words.as_bytes()), "{words}");
        assert!(!words.contains("secret"), "{words}");
    }
}

#[test]
fn nobody_listening_is_told_with_status_3() {
    let (_kept, nowhere) = origin::nowhere();
    let output = start(&[&format!("http://{nowhere}/events")]).wait();
    let words = words(&output);
    assert!(
        words.contains(&format!("nothing listens at {nowhere}: connection refused")),
        "{words}"
    );
    assert!(words.contains("to keep trying, add --keep-trying"), "{words}");
    assert_eq!(output.status.code(), Some(3));
}

#[cfg(unix)]
#[test]
fn keeping_on_trying_says_when() {
    let (_kept, nowhere) = origin::nowhere();
    let mut sse = start(&["--keep-trying", &format!("http://{nowhere}/events")]);
    sse.until_word("Trying again in ");
    interrupt(&sse.child);
    assert_eq!(sse.wait().status.code(), Some(130));
}

#[test]
fn an_answer_that_is_no_event_stream_is_told_with_its_status() {
    for (response, status, sentence) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 4, "404 Not Found: check the URL"),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", 4, "check the credentials"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p>.",
            6,
            "a web page (text/html), not with an event stream",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            6,
            "application/json, not with an event stream",
        ),
        ("HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n", 4, "503 Service Unavailable"),
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", 4, "to keep trying, add --keep-trying"),
        (
            "HTTP/1.1 403 No\r\ncontent-type: application/json\r\ncontent-length: 23\r\n\r\n\
             {\"error\":\"no\\u001b it\"}",
            4,
            "the server answered 403 Forbidden: “no\u{fffd} it”\n",
        ),
        ("SSH-2.0-OpenSSH\r\n", 6, "HTTP"),
    ] {
        let origin = Origin::start();
        let sse = start(&[&origin.url()]);
        origin.answer(response);
        let output = sse.wait();
        let words = words(&output);
        assert!(words.contains(sentence), "{response:?}: {words}");
        assert_eq!(output.status.code(), Some(status), "{response:?}: {words}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_event_that_is_too_long_is_told_and_the_rest_comes() {
    let origin = Origin::start();
    let sse = start(&["--count", "1", &origin.url()]);
    let long = "x".repeat((1 << 20) + 1);
    let _exchange = origin.open(&format!("data: {long}\n\ndata: after\n\n"));
    let output = sse.wait();
    assert!(words(&output).contains("longer than"), "{}", words(&output));
    let lines = lines(&output);
    assert_eq!((&lines[0]["kind"], &lines[1]["data"]), (&"dropped".into(), &"after".into()));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_time_that_is_over_is_no_failure() {
    let origin = Origin::start();
    let sse = start(&["--for", "1s", &origin.url()]);
    // Not joined: on a machine that is too busy to connect in time, there is nothing to accept.
    std::thread::spawn(move || origin.open("data: one\n\n").closed());
    let output = sse.wait();
    let was_open = words(&output).contains("sse: connected (");
    let status = if was_open { 0 } else { 5 };
    assert_eq!(output.status.code(), Some(status), "{}", words(&output));
}

#[test]
fn a_time_that_is_over_ends_it_where_nobody_reads_the_pipe() {
    let origin = Origin::start();
    let mut sse = start(&["--for", "1s", &origin.url()]);
    let stdout = sse.stdout.take();
    let event = format!("data: {}\n\n", "x".repeat(1_000));
    // Not joined: perhaps nothing connects in time. It is more than the pipe, the command and the sockets hold.
    std::thread::spawn(move || origin.open("").flood(event.as_bytes(), 256 << 20));
    let output = sse.wait();
    let words = words(&output);
    // On a machine that is too busy to fill the pipe in time, it ends as if somebody read.
    let was_stuck = words.contains("nobody reads stdout");
    let status = if !was_stuck && words.contains("sse: connected (") { 0 } else { 5 };
    assert_eq!(output.status.code(), Some(status), "{words}");
    drop(stdout);
}

#[test]
fn a_time_that_is_over_before_what_was_asked_for_is_told_with_status_5() {
    // It takes the connection, and never answers.
    let origin = Origin::start();
    for (args, sentence) in [
        (&["--for", "50ms"][..], "no stream was open in the time given"),
        (&["--for", "50ms", "--count", "5"], "only 0 of 5 events came in the time given"),
    ] {
        let output = start(&[args, &[&origin.url()]].concat()).wait();
        assert!(words(&output).contains(sentence), "{}", words(&output));
        assert_eq!(output.status.code(), Some(5));
    }
}

#[test]
fn a_pipe_that_nobody_reads_on_ends_it_quietly() {
    let origin = Origin::start();
    let mut sse = start(&[&origin.url()]);
    let mut exchange = origin.open("data: one\n\n");
    sse.line();
    sse.stdout = None;
    // One may still be taken: another test's child, about to start, holds the pipe for a moment.
    exchange.flood(b"data: two\n\n", 256 << 20);
    let output = sse.wait();
    assert_eq!(output.status.code(), Some(0));
    let words = words(&output);
    assert!(!words.contains("panicked") && !words.contains("Broken pipe"), "{words}");
}

/// Whoever has enough need not wait for another event, nor for a heartbeat.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_that_is_closed_ends_it_though_nothing_comes() {
    let origin = Origin::start();
    let mut sse = start(&[&origin.url()]);
    let exchange = origin.open("data: one\n\n");
    sse.line();
    sse.stdout = None;
    exchange.closed();
    let output = sse.wait();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}

#[cfg(unix)]
#[test]
fn control_c_ends_it_with_130() {
    let origin = Origin::start();
    let mut sse = start(&[&origin.url()]);
    let exchange = origin.open("data: one\n\n");
    sse.line();
    interrupt(&sse.child);
    assert_eq!(sse.wait().status.code(), Some(130));
    exchange.closed();
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_with_143() {
    let origin = Origin::start();
    let mut sse = start(&[&origin.url()]);
    let exchange = origin.open("data: one\n\n");
    sse.line();
    terminate(&sse.child);
    let output = sse.wait();
    assert_eq!(output.status.code(), Some(143), "{}", words(&output));
    exchange.closed();
}

#[cfg(unix)]
#[test]
fn control_c_ends_it_where_nobody_reads_the_pipe() {
    let origin = Origin::start();
    let mut sse = start(&[&origin.url()]);
    let mut exchange = origin.open("");
    let stdout = sse.stdout.take();
    let event = format!("data: {}\n\n", "x".repeat(1_000));
    // Past what the pipe, the command and the sockets hold, the server cannot send any more until
    // the command has gone.
    let flood = std::thread::spawn(move || exchange.flood(event.as_bytes(), 256 << 20));
    sse.until_word("connected");
    interrupt(&sse.child);
    assert_eq!(sse.wait().status.code(), Some(130));
    assert!(flood.join().unwrap() < 256 << 20, "what nobody reads is not read from the server");
    drop(stdout);
}

#[test]
fn a_full_disk_is_told() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let origin = Origin::start();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = command(&[&origin.url()]);
    let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let _exchange = origin.open("data: one\n\n");
    let output = child.wait_with_output().unwrap();
    assert!(words(&output).contains("cannot be written to stdout"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn help_shows_examples_and_exit_statuses() {
    let tail = start(&["--help"]).wait();
    let text = String::from_utf8(tail.stdout).unwrap();
    assert!(text.contains("Examples:") && text.contains("sse tail http://"), "{text}");
    let sse = Command::new(env!("CARGO_BIN_EXE_sse")).arg("--help").output().unwrap();
    assert!(String::from_utf8(sse.stdout).unwrap().contains("Exit status:"));
}
