//! Commands that are asked to end in the middle of what they do.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use origin::Origin;
use process::{Sse, hang_up, interrupt, lines, sse, terminate, words};

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn start(folder: &Path, arguments: &[&str]) -> Sse {
    Sse::spawn(sse(arguments).current_dir(folder))
}

/// Waits until a file has this in it.
fn until_has(file: &Path, text: &str) {
    while !fs::read(file).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)) {
        std::thread::yield_now();
    }
}

/// `env` of coreutils says what becomes of the signal before the command begins.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_ends_it_unless_it_was_told_to_outlive_that() {
    let origin = Origin::start();
    let tail = |signal: &str| {
        let mut command = Command::new("env");
        command.args([signal, env!("CARGO_BIN_EXE_sse"), "tail", &origin.url()]);
        Sse::spawn(command.stdin(Stdio::null()))
    };
    let mut closed = tail("--default-signal=HUP");
    let _exchange = origin.open("data: one\n\n");
    closed.line();
    hang_up(&closed.child);
    let output = closed.wait();
    assert_eq!(output.status.code(), Some(129), "{}", words(&output));

    let mut outliving = tail("--ignore-signal=HUP");
    let mut exchange = origin.open("data: one\n\n");
    outliving.line();
    hang_up(&outliving.child);
    exchange.send("data: two\n\n");
    outliving.until_line("two");
    interrupt(&outliving.child);
    assert_eq!(outliving.wait().status.code(), Some(130));
}

#[test]
fn where_a_stream_was_left_is_kept_though_it_falls_silent_or_is_ended() {
    let keep = tempfile::tempdir().unwrap();
    let state = keep.path().join("state.json");
    let origin = Origin::start();
    for (id, is_killed) in [("8", true), ("9", false)] {
        let mut tail = start(keep.path(), &["tail", "--state", "state.json", &origin.url()]);
        let mut exchange = origin.open("id: 7\ndata: a\n\n");
        tail.line();
        until_has(&state, "\"7\"");
        exchange.send(&format!("id: {id}\ndata: b\n\n"));
        tail.line();
        if is_killed {
            // Nothing comes any more, and nobody asks it to end.
            until_has(&state, "\"8\"");
            tail.child.kill().unwrap();
            tail.wait();
        } else {
            terminate(&tail.child);
            assert_eq!(tail.wait().status.code(), Some(143));
        }
        assert!(fs::read_to_string(&state).unwrap().contains(&format!("\"{id}\"")), "{id}");
    }
}

#[test]
fn a_recording_that_ends_before_anything_opened_says_so() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let record = start(keep.path(), &["record", "--keep-trying", &origin.url(), "-o", "a.ssrec"]);
    let _unanswered = origin.accept();
    interrupt(&record.child);
    let output = record.wait();
    assert!(words(&output).contains("nothing was recorded: no stream was open"), "{output:?}");
    assert_eq!(output.status.code(), Some(130));
    assert!(names(keep.path()).is_empty());
}

#[test]
fn a_stream_that_is_over_by_its_status_is_nothing_to_record() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    for (command, status) in [(&["record", "-o", "a.ssrec"][..], 4), (&["tail"], 0)] {
        let over = start(keep.path(), &[command, &[&origin.url()]].concat());
        origin.answer("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        let output = over.wait();
        assert!(words(&output).contains("204 No Content"), "{output:?}");
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert!(names(keep.path()).is_empty());
    }
}

#[test]
fn a_redirect_that_leads_to_no_stream_is_a_refusal_by_its_status_to_every_command() {
    let keep = tempfile::tempdir().unwrap();
    let redirect = |location: &str| {
        format!(
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    for command in
        [&["tail"][..], &["record", "-o", "a.ssrec"], &["bench", "--connections", "1", "--once"]]
    {
        for (location, times, said) in
            [("/a", 21, "in a circle"), ("ftp://a/", 1, "ftp:"), ("http://[", 1, "not a URL")]
        {
            let origin = Origin::start();
            let over = start(keep.path(), &[command, &[&origin.url()]].concat());
            (0..times).for_each(|_| origin.answer(&redirect(location)));
            let output = over.wait();
            // What stopped a connection stands in the report of a measurement.
            let told = words(&output) + &String::from_utf8_lossy(&output.stdout);
            assert!(told.contains(said), "{output:?}");
            assert_eq!(output.status.code(), Some(4), "{command:?} {location}: {output:?}");
        }
    }
    let origin = Origin::start();
    let url = origin.url().replace("/events", "");
    let over = start(keep.path(), &["publish", &url, "--all", "hello"]);
    let mut exchange = origin.accept();
    let length = exchange.header("content-length").map_or(0, |length| length.parse().unwrap());
    exchange.receive(length);
    exchange.send(&redirect("/a"));
    let output = over.wait();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

#[test]
fn what_a_killed_program_left_becomes_a_file() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let mut record = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
    let _exchange = origin.open("id: 7\ndata: one\n\n");
    until_has(&keep.path().join("a.ssrec.recording/000001.sse"), "data: one");
    record.child.kill().unwrap();
    record.wait();
    let again = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]).wait();
    let how = "sse import a.ssrec.recording -o a.ssrec";
    assert!(words(&again).contains(how), "{}", words(&again));
    let form = ["import", "a.ssrec.recording", "-o", "a.ssrec", "--from", "raw"];
    assert_eq!(start(keep.path(), &form).wait().status.code(), Some(2));
    let import = start(keep.path(), &["import", "a.ssrec.recording", "-o", "a.ssrec"]).wait();
    assert!(import.status.success(), "{}", words(&import));
    assert!(words(&import).contains("imported 1 event into a.ssrec"), "{}", words(&import));
    assert_eq!(names(keep.path()), ["a.ssrec", "a.ssrec.recording"]);
    let shown = start(keep.path(), &["show", "a.ssrec"]).wait();
    let lines = lines(&shown);
    assert_eq!((&lines[0]["id"], &lines[0]["data"]), (&"7".into(), &"one".into()));
}

#[test]
fn an_import_that_is_interrupted_leaves_nothing() {
    for end in [interrupt, terminate] {
        let keep = tempfile::tempdir().unwrap();
        let mut command = sse(&["import", "-", "-o", "a.ssrec"]);
        let mut import = Sse::spawn(command.current_dir(keep.path()).stdin(Stdio::piped()));
        let mut stdin = import.child.stdin.take().unwrap();
        stdin.write_all("data: a\n\n".repeat(10_000).as_bytes()).unwrap();
        // It is in the middle, and waits for more.
        while !names(keep.path()).iter().any(|name| name.starts_with("a.ssrec.part")) {
            std::thread::yield_now();
        }
        end(&import.child);
        let output = import.wait();
        assert!(matches!(output.status.code(), Some(130 | 143)), "{output:?}");
        assert_eq!(words(&output), "sse: interrupted; there is no a.ssrec\n");
        assert_eq!(names(keep.path()), [""; 0]);
        drop(stdin);
    }
}

/// Whether the second signal comes while the file is written, or once it is there, is a race; that nothing
/// is lost, and nothing half made left, is not.
#[test]
fn a_recording_is_in_its_folder_or_its_file_whenever_it_is_ended() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let mut record = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
    let mut exchange = origin.open("");
    let event = format!("data: {}\n\n", "x".repeat(10_000));
    exchange.flood(event.as_bytes(), 32 << 20);
    interrupt(&record.child);
    let mut is_running = || record.child.try_wait().unwrap().is_none();
    while is_running() && !names(keep.path()).iter().any(|name| name == "a.ssrec.part") {
        std::thread::yield_now();
    }
    if is_running() {
        interrupt(&record.child);
    }
    let output = record.wait();
    assert!(matches!(output.status.code(), Some(0 | 130)), "{output:?}");
    let left = names(keep.path());
    let expected = if output.status.success() { "a.ssrec" } else { "a.ssrec.recording" };
    assert!(left.iter().any(|name| name == expected), "{left:?} {output:?}");
    for name in &left {
        let shown = start(keep.path(), &["show", "--stats", name]).wait();
        assert!(shown.status.success(), "{name}: {}", words(&shown));
        assert!(lines(&shown)[0]["events"].as_u64().unwrap() > 0, "{name}: {shown:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_told_how_far_long_work_is() {
    let keep = tempfile::tempdir().unwrap();
    // More rows than are looked at before anything is told.
    fs::write(keep.path().join("body"), "data: x\n\n".repeat(70_000)).unwrap();
    for (arguments, told) in [
        ("import body -o a.ssrec", "importing body"),
        ("show --check a.ssrec", "checking a.ssrec"),
        ("show --where .a a.ssrec", "looking through"),
        ("export --as raw -o raw a.ssrec", "exporting a.ssrec"),
        ("redact --text y -o b.ssrec a.ssrec", "looking through a.ssrec"),
        ("diff a.ssrec b.ssrec", "comparing"),
    ] {
        let output = process::in_terminal(keep.path(), arguments);
        assert!(output.status.success(), "{arguments}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(told) && text.contains("Control-C ends it"), "{arguments}: {text}");
    }
    // Whoever reads the pipe may have the terminal to itself.
    for arguments in [
        "show --where .a a.ssrec | cat",
        "export --as raw a.ssrec | wc",
        "diff a.ssrec a.ssrec | cat",
    ] {
        let output = process::in_terminal(keep.path(), arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("Control-C"), "{arguments}: {text}");
    }
}
