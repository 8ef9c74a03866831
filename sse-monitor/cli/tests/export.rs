//! What is exported, and where it may go, by the command as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod process;

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
};

use process::{sse, words};

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
    assert!(words(&none).contains("there is no such attempt"), "{none:?}");
    assert_eq!(names(), before);
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
        (
            &["export", "--as", "har", "--attempt", "1", "body.ssrec"][..],
            "--attempt is of other forms",
        ),
        (&["show", "--stats", "--type", "tick", "body.ssrec"], "cannot be used with"),
        (&["show", "--stats", "--attempt", "1", "body.ssrec"], "cannot be used with"),
        (&["show", "--stats", "--from", "2", "body.ssrec"], "cannot be used with"),
        (&["show", "--check", "-n", "2", "body.ssrec"], "cannot be used with"),
        (&["show", "--raw", "3", "--columns", ".a", "body.ssrec"], "cannot be used with"),
        (&["show", "--raw", "3", "--comments", "body.ssrec"], "cannot be used with"),
    ] {
        let output = run(keep.path(), arguments);
        assert!(words(&output).contains(sentence), "{arguments:?}: {}", words(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
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
