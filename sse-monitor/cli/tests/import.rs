//! Recordings made of what other programs wrote, by the command as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod process;

use std::{fs, path::Path, process::Output};

use process::lines;

#[test]
fn what_brings_no_event_is_no_import() {
    let keep = tempfile::tempdir().unwrap();
    for (content, words) in [
        ("", "no comment: it is empty"),
        ("\u{feff}", "it has no event and no comment"),
        ("<!DOCTYPE html>\n<html></html>\n", "it looks like HTML or XML"),
        ("{\"name\":\"a\",\"input\":\"\",\"events\":[]}\n", "it is a test fixture"),
    ] {
        fs::write(keep.path().join("file"), content).unwrap();
        let import = sse(keep.path(), &["import", "file", "-o", "a.ssrec"]);
        assert_eq!(import.status.code(), Some(1), "{import:?}");
        assert!(text(&import.stderr).contains(words), "{import:?}");
        assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_file_that_is_no_text_is_refused_unless_it_is_said_what_it_is() {
    let keep = tempfile::tempdir().unwrap();
    for (beginning, words) in [
        (&b"\x7fELF\x02\x01"[..], "it is a program (ELF)"),
        (b"\x89PNG\r\n\x1a\n", "it is an image (PNG)"),
        (b"PK\x03\x04", "it is a ZIP file; unpack it and import what is in it"),
        (b"\x1f\x8b\x08", "it is compressed (gzip); import what gunzip makes of it"),
        (b"\x28\xb5\x2f\xfd", "it is compressed (zstd)"),
        (b"\xff\xfe", "it is text in UTF-16"),
    ] {
        // By chance something of it may look like an event.
        fs::write(keep.path().join("file"), [beginning, &b"\n\ndata: a\n\n"[..]].concat()).unwrap();
        let import = sse(keep.path(), &["import", "file", "-o", "a.ssrec"]);
        assert_eq!(import.status.code(), Some(1), "{import:?}");
        let said = text(&import.stderr);
        assert!(said.contains(words) && said.contains("--from raw"), "{said}");
        assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 1);
        let import = sse(keep.path(), &["import", "--from", "raw", "file", "-o", "a.ssrec"]);
        assert!(text(&import.stderr).contains("imported 1 event"), "{import:?}");
        fs::remove_file(keep.path().join("a.ssrec")).unwrap();
    }
    // Within a body there may be any byte.
    fs::write(keep.path().join("file"), b"data: \x7fELF\x00\xff\n\n").unwrap();
    assert!(sse(keep.path(), &["import", "file", "-o", "a.ssrec"]).status.success());
}

#[test]
fn a_body_that_is_cut_off_is_imported_and_told() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("cut"), "data: a\n\ndata: lo").unwrap();
    let output = sse(keep.path(), &["import", "cut", "-o", "cut.ssrec"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("imported 1 event"), "{said}");
    assert!(said.contains("the last event is cut off and is none: 8 bytes came of it"), "{said}");
    let shown = text(&sse(keep.path(), &["show", "cut.ssrec"]).stderr);
    assert!(shown.contains("and thrown away: 1 event"), "{shown}");
    // A line that tells of no event takes none with it.
    let lines = "{\"kind\":\"event\",\"data\":\"a\"}\n{\"kind\":\"turn\",\"te";
    fs::write(keep.path().join("lines"), lines).unwrap();
    let said = text(&sse(keep.path(), &["import", "lines", "-o", "lines.ssrec"]).stderr);
    assert!(said.contains("the last line is cut off and is left out: 18 bytes"), "{said}");
    assert!(!said.contains("the last event"), "{said}");
    let shown = text(&sse(keep.path(), &["show", "lines.ssrec"]).stderr);
    assert!(!shown.contains("thrown away"), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_no_fault_of_what_is_imported() {
    let keep = tempfile::tempdir().unwrap();
    let event = "{\"kind\":\"event\",\"data\":\"some\"}\n";
    for (name, body) in [("raw", "data: some\n\n".repeat(4_000)), ("ndjson", event.repeat(4_000))] {
        fs::write(keep.path().join(name), body).unwrap();
        // A file may have 8 KiB, and who passes that is told rather than ended.
        let line =
            format!("ulimit -f 16; exec {} import {name} -o a.ssrec", env!("CARGO_BIN_EXE_sse"));
        let mut import = std::process::Command::new("sh");
        let output = import.args(["-c", &line]).current_dir(keep.path()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot be imported: the recording cannot be written: "), "{said}");
        fs::remove_file(keep.path().join(name)).unwrap();
        assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 0, "nothing is left");
    }
}

#[test]
fn times_that_are_not_known_are_not_made_up() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("body"), "data: a\n\n".repeat(1000)).unwrap();
    assert!(sse(keep.path(), &["import", "body", "-o", "a.ssrec"]).status.success());
    let stats = &lines(&sse(keep.path(), &["show", "--stats", "a.ssrec"]))[0];
    assert_eq!((&stats["events"], &stats["untimed"]), (&1000.into(), &true.into()));
    for name in ["durationMicros", "rate", "peakRate", "gaps", "stalls"] {
        assert!(stats[name].is_null(), "{name}: {stats}");
    }
    let told = text(&sse(keep.path(), &["show", "--stats", "--pretty", "a.ssrec"]).stdout);
    assert!(told.contains("time             not known: what was imported does not say"), "{told}");
    assert!(!told.contains("rate") && !told.contains("gaps"), "{told}");
    assert!(told.ends_with("\n    1  1,000 events\n"), "{told}");
    let told = text(&sse(keep.path(), &["show", "-n", "1", "--pretty", "a.ssrec"]).stdout);
    assert_eq!(told, "message      a\n");
    // Nor in what is made of it, and made of that.
    assert!(sse(keep.path(), &["export", "--as", "ndjson", "a.ssrec", "-o", "l"]).status.success());
    let line = &lines(&sse(keep.path(), &["show", "a.ssrec"]))[0];
    assert!(line["time"].is_null() && line["data"] == "a", "{line}");
    assert!(sse(keep.path(), &["import", "l", "-o", "b.ssrec"]).status.success());
    let stats = &lines(&sse(keep.path(), &["show", "--stats", "b.ssrec"]))[0];
    assert_eq!((&stats["events"], &stats["untimed"]), (&1000.into(), &true.into()));
    fs::write(keep.path().join("other"), "data: b\n\n").unwrap();
    assert!(sse(keep.path(), &["import", "other", "-o", "o.ssrec"]).status.success());
    let told = text(&sse(keep.path(), &["diff", "--pretty", "o.ssrec", "a.ssrec"]).stdout);
    assert!(told.starts_with("<       3  message      b\n>       3  message      a\n"), "{told}");
    let line =
        |time| format!("{{\"kind\":\"event\",\"time\":{time},\"attempt\":1,\"data\":\"a\"}}\n");
    fs::write(keep.path().join("some"), line("\"2026-01-01T00:00:00Z\"") + &line("null")).unwrap();
    let some = sse(keep.path(), &["import", "some", "-o", "c.ssrec"]);
    assert!(text(&some.stderr).contains("line 2: it has no time, though the first"), "{some:?}");
}

fn sse(folder: &Path, arguments: &[&str]) -> Output {
    process::sse(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
