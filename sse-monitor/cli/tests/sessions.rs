//! Recordings listed, and made fit to be given away, by the command as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

#[test]
fn the_recordings_of_a_folder_are_listed() {
    let keep = tempfile::tempdir().unwrap();
    let empty = sse(keep.path(), &["sessions"]);
    assert!(empty.status.success() && empty.stdout.is_empty(), "{empty:?}");
    assert!(text(&empty.stderr).contains("there is no recording in ."), "{empty:?}");

    fs::write(keep.path().join("body"), "data: a\n\ndata: b\n\n").unwrap();
    assert!(sse(keep.path(), &["import", "body", "-o", "a.ssrec"]).status.success());
    fs::write(keep.path().join("b.ssrec"), "hello \u{1b}[31m").unwrap();
    let listed = sse(keep.path(), &["sessions"]);
    let lines: Vec<Value> =
        text(&listed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["name"], &lines[0]["state"]), (&"a.ssrec".into(), &"finished".into()));
    assert_eq!((&lines[0]["events"], &lines[1]["state"]), (&2.into(), &"unreadable".into()));
    assert!(text(&listed.stderr).contains("b.ssrec is not a recording"), "{listed:?}");
    let pretty = sse(keep.path(), &["sessions", "--pretty", "."]);
    assert!(text(&pretty.stdout).contains("2 events"), "{pretty:?}");
    assert!(text(&pretty.stdout).contains("0 events"), "{pretty:?}");
    fs::write(keep.path().join("one"), "data: a\n\n").unwrap();
    assert!(sse(keep.path(), &["import", "one", "-o", "one.ssrec"]).status.success());
    let pretty = sse(keep.path(), &["sessions", "--pretty", "."]);
    assert!(text(&pretty.stdout).contains(" 1 event  "), "{pretty:?}");
    for name in ["one", "one.ssrec"] {
        fs::remove_file(keep.path().join(name)).unwrap();
    }
    let mut left: Vec<_> =
        fs::read_dir(keep.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.ssrec", "b.ssrec", "body"], "a list writes nothing");

    let none = sse(keep.path(), &["sessions", "nowhere"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
}

#[test]
fn a_file_that_is_damaged_is_listed_as_that() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("body"), "data: a\n\ndata: b\n\n").unwrap();
    assert!(sse(keep.path(), &["import", "body", "-o", "a.ssrec"]).status.success());
    let whole = fs::read(keep.path().join("a.ssrec")).unwrap();
    let at = whole.windows(7).position(|bytes| bytes == b"data: b").unwrap();
    let mut changed = whole.clone();
    changed[at] ^= 3;
    fs::write(keep.path().join("b.ssrec"), changed).unwrap();
    fs::write(keep.path().join("c.ssrec"), &whole[..at]).unwrap();
    let listed = sse(keep.path(), &["sessions"]);
    let states: Vec<Value> = text(&listed.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone())
        .collect();
    assert_eq!(states, ["finished", "damaged", "damaged"], "{listed:?}");
}

#[test]
fn a_recording_is_made_fit_to_be_given_away() {
    let keep = tempfile::tempdir().unwrap();
    let body = "id: 1\ndata: {\"user\": \"CANARY\", \"key\": \"sk-CANARY1\"}\n\ndata: x\n\n";
    fs::write(keep.path().join("body"), body).unwrap();
    assert!(sse(keep.path(), &["import", "body", "-o", "a.ssrec"]).status.success());
    let asked = ["redact", "--json", ".user", "--regex", "sk-[A-Z0-9]+", "a.ssrec"];
    let shown = sse(keep.path(), &[&asked[..], &["--pretty"]].concat());
    assert!(shown.status.success(), "{shown:?}");
    let line = "row 3        data          2  {\"user\": \"***\", \"key\": \"***\"}\n";
    assert_eq!(text(&shown.stdout), line);
    assert!(text(&shown.stderr).contains("nothing was written"), "{shown:?}");
    let done = sse(keep.path(), &[&asked[..], &["-o", "given.ssrec"]].concat());
    let done: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&done["cutCount"], &done["patterns"][0]["count"]), (&1.into(), &1.into()));
    let given = sse(keep.path(), &["show", "--columns", ".key", "given.ssrec"]);
    assert!(text(&given.stdout).contains("\"data\":\"***\""), "{given:?}");
    assert!(!text(&fs::read(keep.path().join("given.ssrec")).unwrap()).contains("CANARY"));

    for (asked, status, sentence) in [
        (&["redact", "a.ssrec"][..], 2, "nothing is asked for"),
        (&["redact", "--regex", "(", "a.ssrec"], 2, "is not a regular expression"),
        (&["redact", "--text", "x", "body"], 1, "is not a recording"),
        (&["redact", "--text", "x", "a.ssrec", "-o", "given.ssrec"], 1, "is there already"),
    ] {
        let refused = sse(keep.path(), asked);
        assert_eq!(refused.status.code(), Some(status), "{refused:?}");
        assert!(text(&refused.stderr).contains(sentence), "{refused:?}");
    }
}

fn sse(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sse")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
