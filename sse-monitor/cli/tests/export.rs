//! What is exported, and where it may go, by the command as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
};

use origin::Origin;
use process::{Sse, sse, words};

/// What a terminal would act on: it sets the clipboard, and turns text around.
const BODY: &str = "id: 1\ndata: \u{1b}]52;c;aGk=\u{7}\u{9b}31m \u{202e}x\n\n";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    sse(arguments).current_dir(folder).output().unwrap()
}

/// A folder with a recording of that body, and one of a request whose URL has it.
fn recorded() -> tempfile::TempDir {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("body"), BODY).unwrap();
    let har = serde_json::json!({"log": {"entries": [{
        "startedDateTime": "2026-01-31T12:00:00Z",
        "request": {"method": "GET", "url": "http://a/\u{1b}]52;c;aGk=\u{7}"},
        "response": {"status": 200, "content": {"mimeType": "text/event-stream", "text": BODY}},
    }]}});
    fs::write(keep.path().join("har"), har.to_string()).unwrap();
    for name in ["body", "har"] {
        let imported = run(keep.path(), &["import", name, "-o", &format!("{name}.ssrec")]);
        assert!(imported.status.success(), "{imported:?}");
    }
    keep
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_shown_nothing_that_it_would_act_on() {
    let keep = recorded();
    for (form, file, shown) in [
        ("raw", "body.ssrec", "\\u{1b}]52;c;aGk=\\u{7}\\u{9b}31m \\u{202e}x"),
        ("curl", "har.ssrec", "\\u{1b}]52;c;aGk="),
        ("har", "body.ssrec", "\\u001b]52;c;aGk=\\u0007\\u009b31m \\u202ex"),
        ("fixture", "body.ssrec", "\\u001b]52;c;aGk=\\u0007\\u009b31m \\u202ex"),
        ("ndjson", "body.ssrec", "\\u001b]52;c;aGk=\\u0007\\u009b31m \\u202ex"),
    ] {
        let output = process::in_terminal(keep.path(), &format!("export --as {form} {file}"));
        assert!(output.status.success(), "{form}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(shown), "{form}: {text:?}");
        let acts = |c: char| c.is_control() && !"\r\n".contains(c) || c == '\u{202e}';
        assert!(!text.contains(acts), "{form}: {text:?}");
    }
}

#[test]
fn a_pipe_and_a_file_get_the_bytes_as_they_are_and_json_that_is_safe_anywhere() {
    let keep = recorded();
    let raw = run(keep.path(), &["export", "--as", "raw", "body.ssrec"]);
    assert_eq!(String::from_utf8(raw.stdout).unwrap(), BODY);
    let har = run(keep.path(), &["export", "--as", "har", "body.ssrec"]);
    assert!(process::is_harmless(&har.stdout), "{har:?}");
    let har: serde_json::Value = serde_json::from_slice(&har.stdout).unwrap();
    assert_eq!(har["log"]["entries"][0]["response"]["content"]["text"], BODY);
    let to_file = run(keep.path(), &["export", "--as", "raw", "-o", "again", "body.ssrec"]);
    assert!(to_file.status.success(), "{to_file:?}");
    assert_eq!(fs::read_to_string(keep.path().join("again")).unwrap(), BODY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(keep.path().join("again")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "what was recorded is nobody else's business");
    }
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let keep = recorded();
    let names = || -> Vec<String> {
        let files = fs::read_dir(keep.path()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let before = names();
    let none =
        run(keep.path(), &["export", "--as", "raw", "--attempt", "7", "-o", "x", "body.ssrec"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    let why = "there is no attempt 7 in it: only attempt 1 is";
    assert!(words(&none).contains(why), "{none:?}");
    assert_eq!(names(), before);
    let printed = run(keep.path(), &["export", "--as", "raw", "-o", "-", "body.ssrec"]);
    assert_eq!(String::from_utf8_lossy(&printed.stdout), BODY);
    for arguments in [
        &["import", "body", "-o", "-"][..],
        &["redact", "--text", "a", "body.ssrec", "-o", "-"],
        &["record", "http://127.0.0.1:1/", "-o", "-"],
    ] {
        let refused = run(keep.path(), arguments);
        assert!(
            words(&refused).contains("a recording is a file and cannot go to stdout"),
            "{refused:?}"
        );
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    let shown = run(keep.path(), &["show", "-"]);
    assert!(
        words(&shown).contains("a recording is a file and cannot come from stdin"),
        "{shown:?}"
    );
    assert_eq!((shown.status.code(), names()), (Some(2), before));
    let there = run(keep.path(), &["export", "--as", "raw", "-o", "body", "body.ssrec"]);
    assert!(words(&there).contains("body is there already; it is not written over"), "{there:?}");
    assert_eq!(fs::read_to_string(keep.path().join("body")).unwrap(), BODY);
    fs::write(keep.path().join("x.part"), "another's").unwrap();
    let under_way = run(keep.path(), &["export", "--as", "raw", "-o", "x", "body.ssrec"]);
    assert!(words(&under_way).contains("x.part is there already"), "{under_way:?}");
    assert_eq!(fs::read_to_string(keep.path().join("x.part")).unwrap(), "another's");
}

#[test]
fn options_that_say_nothing_about_what_is_asked_for_are_refused() {
    let keep = recorded();
    for (arguments, sentence) in [
        (&["show", "--stats", "--type", "tick", "body.ssrec"][..], "cannot be used with"),
        (&["show", "--raw", "3", "--numbers", "body.ssrec"], "cannot be used with"),
        (&["show", "--stats", "--attempt", "1", "body.ssrec"], "cannot be used with"),
        (&["show", "--stats", "--from", "2", "body.ssrec"], "cannot be used with"),
        (&["show", "--check", "-n", "2", "body.ssrec"], "cannot be used with"),
        (&["show", "--from", "0", "body.ssrec"], "from 1 on"),
        (&["show", "--raw", "3", "--columns", ".a", "body.ssrec"], "cannot be used with"),
        (&["show", "--raw", "3", "--comments", "body.ssrec"], "cannot be used with"),
    ] {
        let output = run(keep.path(), arguments);
        assert!(words(&output).contains(sentence), "{arguments:?}: {}", words(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

/// A recording of two attempts, of which the first was cut within an event.
fn of_two_attempts(folder: &Path) {
    let origin = Origin::start();
    let url = origin.url();
    let record =
        Sse::spawn(sse(&["record", "--count", "2", "-o", "two.ssrec", &url]).current_dir(folder));
    origin.open("retry: 1\nid: 1\ndata: one\n\nid: 2\ndata: cut").end();
    origin.open("id: 2\ndata: two\n\n").closed();
    let output = record.wait();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn several_attempts_are_exported_as_the_events_that_were_recorded() {
    let keep = tempfile::tempdir().unwrap();
    of_two_attempts(keep.path());
    let raw = run(keep.path(), &["export", "--as", "raw", "two.ssrec"]);
    let body = "retry: 1\nid: 1\ndata: one\n\nid: 2\ndata: two\n\n";
    assert_eq!(String::from_utf8(raw.stdout.clone()).unwrap(), body);
    assert!(words(&raw).contains("left out: 15 bytes of events that are not whole"), "{raw:?}");
    let first = run(keep.path(), &["export", "--as", "raw", "--attempt", "1", "two.ssrec"]);
    assert!(first.stdout.ends_with(b"id: 2\ndata: cut"), "{first:?}");
    assert_eq!(words(&first), "");
}

#[test]
fn one_attempt_of_several_is_exported_as_har() {
    let keep = tempfile::tempdir().unwrap();
    of_two_attempts(keep.path());
    for (attempt, bodies) in
        [(None, &["one", "two"][..]), (Some("1"), &["one"]), (Some("2"), &["two"])]
    {
        let mut asked = vec!["export", "--as", "har", "two.ssrec"];
        asked.extend(attempt.into_iter().flat_map(|attempt| ["--attempt", attempt]));
        let har = run(keep.path(), &asked);
        assert!(har.status.success(), "{har:?}");
        let har: serde_json::Value = serde_json::from_slice(&har.stdout).unwrap();
        let entries = har["log"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), bodies.len(), "{attempt:?}");
        for (entry, body) in entries.iter().zip(bodies) {
            let text = entry["response"]["content"]["text"].as_str().unwrap();
            assert!(text.contains(body), "{text}");
        }
    }
    let none =
        run(keep.path(), &["export", "--as", "har", "--attempt", "3", "-o", "x", "two.ssrec"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    let why = "there is no attempt 3 in it: attempts 1 to 2 are";
    assert!(words(&none).contains(why), "{none:?}");
    for attempt in ["3", "0"] {
        let shown = run(keep.path(), &["show", "--attempt", attempt, "two.ssrec"]);
        let why = format!("there is no attempt {attempt} in it: attempts 1 to 2 are");
        assert!(words(&shown).contains(&why), "{shown:?}");
        assert_eq!(shown.status.code(), Some(1), "{shown:?}");
    }
    let shown = run(keep.path(), &["show", "--from", "900", "two.ssrec"]);
    assert!(words(&shown).contains("there is no row 900: rows go from 1 to "), "{shown:?}");
    assert_eq!(shown.status.code(), Some(1), "{shown:?}");
    assert!(!keep.path().join("x").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_no_more_is_told() {
    let keep = recorded();
    for arguments in [
        &["show", "--raw", "3", "body.ssrec"][..],
        &["show", "body.ssrec"],
        &["diff", "body.ssrec", "har.ssrec", "--by", "content", "--pretty"],
        &["export", "--as", "raw", "body.ssrec"],
        &["completions", "bash"],
        &["man"],
    ] {
        if arguments[0] == "diff" {
            // So that there is something to print.
            fs::write(keep.path().join("other"), "data: other\n\n").unwrap();
            fs::remove_file(keep.path().join("har.ssrec")).unwrap();
            let again = run(keep.path(), &["import", "other", "-o", "har.ssrec"]);
            assert!(again.status.success(), "{again:?}");
        }
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = sse(arguments);
        command.current_dir(keep.path()).stdout(full).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        assert!(
            words(&output).contains("cannot be written to stdout"),
            "{arguments:?}: {}",
            words(&output)
        );
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn what_is_damaged_and_left_out_is_told_in_each_form() {
    let keep = recorded();
    let whole = fs::read(keep.path().join("body.ssrec")).unwrap();
    let at = whole.windows(8).position(|bytes| bytes == b"]52;c;aG").unwrap();
    let mut damaged = whole.clone();
    damaged[at] = b'!';
    fs::write(keep.path().join("damaged.ssrec"), damaged).unwrap();
    // Its end is missing, and nothing of what came before.
    fs::write(keep.path().join("short.ssrec"), &whole[..whole.len() - 100]).unwrap();
    for form in ["raw", "har", "ndjson"] {
        for masked in [&[][..], &["--redact", "--text", "hi"]] {
            let export =
                |file| run(keep.path(), &[&["export", "--as", form][..], masked, &[file]].concat());
            let output = export("damaged.ssrec");
            assert_eq!(output.status.code(), Some(1), "{form}: {output:?}");
            let words = words(&output);
            assert_eq!(words.matches("are not as they were written").count(), 1, "{words}");
            if form == "ndjson" && masked.is_empty() {
                assert_eq!(output.stdout, b"", "damage is told on stderr alone");
                let show = run(keep.path(), &["show", "damaged.ssrec"]);
                assert_eq!(show.stdout, b"", "{show:?}");
                assert!(self::words(&show).contains("row 3 is damaged"), "{show:?}");
            }
            // There is one event, so that masked rows may be none at all.
            let said = ["what is damaged is not in the export", "nothing of that sort can be read"];
            assert!(said.iter().any(|said| words.contains(said)), "{form}: {words}");
            let output = export("short.ssrec");
            assert!(output.status.success(), "{form}: {output:?}");
            assert!(self::words(&output).contains("short.ssrec is cut off"), "{output:?}");
        }
    }
    let redacted = run(keep.path(), &["redact", "--text", "hi", "-o", "x.ssrec", "damaged.ssrec"]);
    assert_eq!(redacted.status.code(), Some(1), "{redacted:?}");
    let told = "what is damaged was not looked at, and is not in what is written: 1 row in ";
    assert!(words(&redacted).contains(told), "{redacted:?}");
    let preview = run(keep.path(), &["redact", "--text", "hi", "damaged.ssrec"]);
    assert!(
        words(&preview).contains("what is damaged was not looked at: 1 row in "),
        "{preview:?}"
    );
    let same = run(keep.path(), &["diff", "damaged.ssrec", "damaged.ssrec"]);
    assert_eq!(same.status.code(), Some(1), "nobody can tell: {same:?}");
}

#[cfg(unix)]
#[test]
fn a_copy_that_is_masked_is_whole_or_nothing_is_exported_and_none_is_left() {
    let keep = recorded();
    let body = "data: CANARY\n\n".repeat(10_000);
    fs::write(keep.path().join("long"), &body).unwrap();
    let imported = run(keep.path(), &["import", "long", "-o", "long.ssrec"]);
    assert!(imported.status.success(), "{imported:?}");
    let temporary = keep.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let asked = ["export", "--as", "raw", "--redact", "--text", "CANARY", "long.ssrec"];
    // No file gets longer than so many pieces of 512 bytes or of 1024, as on a disk that is full.
    let limited = |pieces: &str| {
        let line = format!("trap '' XFSZ; ulimit -f {pieces}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_sse")]).args(asked);
        command.current_dir(keep.path()).env("TMPDIR", &temporary).output().unwrap()
    };
    let output = limited("20");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(words(&output).contains("long.ssrec cannot be redacted: "), "{output:?}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    let output = limited("unlimited");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), body.replace("CANARY", "***"));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    fs::remove_dir(&temporary).unwrap();
    let output = limited("unlimited");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_body_that_is_too_large_for_a_test_vector_is_told_as_that() {
    let keep = tempfile::tempdir().unwrap();
    let event = format!("data: {}\n\n", "x".repeat(999_000));
    fs::write(keep.path().join("body"), event.repeat(17)).unwrap();
    let imported = run(keep.path(), &["import", "body", "-o", "a.ssrec"]);
    assert!(imported.status.success(), "{imported:?}");
    let output = run(keep.path(), &["export", "--as", "fixture", "a.ssrec"]);
    let said = words(&output);
    assert!(said.starts_with("sse: the body of attempt 1 has 16983136 bytes"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}
