//! What is left of a recording of which one bit is another, by the command as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod process;

use core::ops::Range;
use std::{
    fs,
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use process::{lines, sse, words};
use serde_json::Value;

const EVENTS: usize = 26;

/// The kind of the last frame but for what is made from the others.
const END: u8 = 5;

/// The kind of the frame that has the index.
const INDEX: u8 = 16;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    sse(arguments).current_dir(folder).output().unwrap()
}

/// A recording of 26 events in four attempts, a frame each.
fn recorded() -> tempfile::TempDir {
    let keep = tempfile::tempdir().unwrap();
    let event = |n: usize| {
        let attempt = n / 7 + 1;
        format!(
            "{{\"kind\":\"event\",\"attempt\":{attempt},\"id\":\"{n}\",\"data\":\"event {n}\"}}\n"
        )
    };
    fs::write(keep.path().join("lines"), (0..EVENTS).map(event).collect::<String>()).unwrap();
    let imported = run(keep.path(), &["import", "lines", "-o", "a.ssrec"]);
    assert!(imported.status.success(), "{imported:?}");
    keep
}

/// Where the frames stand, and of which kind they are.
fn frames(file: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut at = 16;
    let frames = core::iter::from_fn(|| {
        let header: [u8; 5] = *file.get(at..)?.first_chunk()?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let frame = at..at + 40 + length as usize;
        at = frame.end;
        Some((header[4], frame))
    });
    frames.collect()
}

/// Where the frames of a body stand.
fn bodies(file: &[u8]) -> Vec<Range<usize>> {
    let bodies = frames(file).into_iter().filter(|(kind, _)| [3, 4].contains(kind));
    bodies.map(|(_, frame)| frame).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn flip(keep: &Path, bits: u8, place: impl Fn(Range<usize>) -> usize) -> Range<usize> {
    let mut bytes = fs::read(keep.join("a.ssrec")).unwrap();
    let frame = bodies(&bytes)[1].clone();
    bytes[place(frame.clone())] ^= bits;
    fs::write(keep.join("b.ssrec"), bytes).unwrap();
    frame
}

#[test]
fn one_bit_of_a_header_takes_nothing_with_it_and_is_told() {
    let keep = recorded();
    let folder = keep.path();
    let frame = flip(folder, 1, |frame| frame.start + 10);
    let told = format!("one bit of the 40 bytes from byte {} on is not as", frame.start);
    for arguments in [
        &["show", "b.ssrec"][..],
        &["show", "--stats", "b.ssrec"],
        &["export", "--as", "ndjson", "b.ssrec"],
        &["diff", "a.ssrec", "b.ssrec"],
        &["redact", "--text", "x", "-o", "given.ssrec", "b.ssrec"],
    ] {
        let output = run(folder, arguments);
        assert!(words(&output).contains(&told), "{output:?}");
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(lines(&run(folder, &["show", "b.ssrec"])).len(), EVENTS);
    let check = run(folder, &["show", "--check", "b.ssrec"]);
    assert!(words(&check).contains(&told) && check.status.code() == Some(1), "{check:?}");
}

#[test]
fn one_place_takes_one_frame_with_it_and_no_more() {
    let keep = recorded();
    let folder = keep.path();
    // In the frame's header, and in what it holds.
    for place in [|frame: Range<usize>| frame.start + 10, |frame: Range<usize>| frame.end - 3] {
        let frame = flip(folder, 3, place);
        let show = run(folder, &["show", "b.ssrec"]);
        let told = format!("{} bytes from byte {} on", frame.len(), frame.start);
        assert!(words(&show).contains(&told), "{show:?}");
        let count = "25 events in 4 attempts, and 1 row that cannot be read";
        assert!(words(&show).contains(count), "{show:?}");
        let shown: Vec<String> =
            lines(&show).iter().map(|line| line["data"].as_str().unwrap().to_owned()).collect();
        assert_eq!(shown.len(), EVENTS - 1);

        let missing = format!("1 row in {} bytes", frame.len());
        let told = format!("what is damaged is not printed: {missing}");
        assert!(words(&show).contains(&told), "{show:?}");
        assert_eq!(show.status.code(), Some(1), "{show:?}");
        let raw = run(folder, &["show", "--raw", "3", "b.ssrec"]);
        assert!(raw.status.success() && !raw.stdout.is_empty(), "{raw:?}");
        let export = |form: &str| {
            let output = run(folder, &["export", "--as", form, "b.ssrec"]);
            let said = format!("what is damaged is not in the export: {missing}");
            assert!(words(&output).contains(&said), "{form}: {output:?}");
            assert!(!words(&output).contains("left out"), "{form}: {output:?}");
            assert_eq!(output.status.code(), Some(1), "{form}");
            output.stdout
        };
        assert_eq!(export("ndjson").iter().filter(|byte| **byte == b'\n').count(), EVENTS - 1);
        let raw = String::from_utf8(export("raw")).unwrap();
        let data: Vec<_> = raw.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(data, shown);
        let har: Value = serde_json::from_slice(&export("har")).unwrap();
        let entries = har["log"]["entries"].as_array().unwrap();
        let body = |entry: &Value| {
            entry["response"]["content"]["text"].as_str().unwrap().matches("data: ").count()
        };
        assert_eq!(entries.iter().map(body).collect::<Vec<_>>(), [6, 7, 7, 5]);
        let fixture: Value = serde_json::from_slice(&export("fixture")).unwrap();
        assert_eq!(fixture["events"].as_array().unwrap().len(), 6);

        let given = folder.join("given.ssrec");
        let redact = run(folder, &["redact", "--text", "x", "-o", "given.ssrec", "b.ssrec"]);
        let said = format!("and is not in what is written: {missing}");
        assert!(words(&redact).contains(&said), "{redact:?}");
        assert_eq!(lines(&run(folder, &["show", "given.ssrec"])).len(), EVENTS - 1);
        fs::remove_file(given).unwrap();

        let stats = run(folder, &["show", "--stats", "b.ssrec"]);
        let told = format!("what is damaged is not counted: {missing}");
        assert!(words(&stats).contains(&told), "{stats:?}");
        assert_eq!(stats.status.code(), Some(1), "{stats:?}");
        let stats = &lines(&stats)[0];
        assert_eq!((&stats["events"], &stats["damaged"]), (&25.into(), &1.into()), "{stats}");
        assert!(stats["bodyBytes"].as_u64().unwrap() >= raw.len() as u64, "{stats}");
    }
}

#[test]
fn what_is_damaged_is_not_told_as_what_the_server_lost() {
    let keep = recorded();
    let folder = keep.path();
    flip(folder, 3, |frame| frame.end - 3);
    let stats = |pretty: &[&str]| run(folder, &[&["show", "--stats", "b.ssrec"], pretty].concat());
    let diff = || run(folder, &["diff", "a.ssrec", "b.ssrec"]);
    let (counted, compared) = (&lines(&stats(&[]))[0], diff());
    assert_eq!((&counted["damaged"], &counted["missed"]), (&1.into(), &Value::Null), "{counted}");
    assert_eq!(lines(&compared)[0]["damagedSecond"], 1);
    let told = "not known: ids leave out 1, and part of the recording cannot be read";
    assert!(text(&stats(&["--pretty"])).contains(told));

    // The header of the index of a whole one: it is made again.
    let whole = fs::read(folder.join("a.ssrec")).unwrap();
    let index = frames(&whole).into_iter().find(|(kind, _)| *kind == INDEX).unwrap().1;
    let mut bytes = whole.clone();
    bytes[index.start + 9] ^= 1;
    bytes[index.start + 10] ^= 1;
    fs::write(folder.join("c.ssrec"), bytes).unwrap();
    let again = run(folder, &["show", "--stats", "c.ssrec"]);
    assert!(again.status.success() && words(&again).contains("made again"), "{again:?}");
    assert_eq!(lines(&again)[0]["damaged"], 0);
    assert_eq!(lines(&run(folder, &["show", "c.ssrec"])).len(), EVENTS);
    assert!(run(folder, &["diff", "a.ssrec", "c.ssrec"]).status.success());

    // The index too, by which alone it is known how many rows that were.
    let mut bytes = fs::read(folder.join("b.ssrec")).unwrap();
    let index = frames(&bytes).into_iter().find(|(kind, _)| *kind == INDEX).unwrap().1;
    bytes[index.start + 45] ^= 1;
    fs::write(folder.join("b.ssrec"), bytes).unwrap();
    let counted = &lines(&stats(&[]))[0];
    // Nor does anything else tell where the event after them begins.
    assert_eq!(counted["events"], 24);
    for name in ["damaged", "missed"] {
        assert_eq!(counted[name], Value::Null, "{name}: {counted}");
    }
    let pretty = text(&stats(&["--pretty"]));
    assert!(
        pretty.contains("not known: ids leave out 2, and part")
            && pretty.contains("not known how many rows"),
        "{pretty}"
    );
    let compared = diff();
    assert_eq!(lines(&compared)[0]["damagedSecond"], Value::Null, "{compared:?}");
    assert!(words(&compared).contains("part of the second cannot be read"), "{compared:?}");
    assert!(!words(&compared).contains("part of the first"), "{compared:?}");
}

#[test]
fn of_very_many_damaged_places_each_command_says_how_many() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path();
    let event = |n: usize| {
        format!(
            "{{\"kind\":\"event\",\"attempt\":1,\"time\":\"2026-01-31T12:00:00.{n:06}Z\",\"data\":\"event {n}\"}}\n"
        )
    };
    fs::write(folder.join("lines"), (0..1201).map(event).collect::<String>()).unwrap();
    assert!(run(folder, &["import", "lines", "-o", "a.ssrec"]).status.success());
    let mut bytes = fs::read(folder.join("a.ssrec")).unwrap();
    let frames = bodies(&bytes);
    assert_eq!(frames.len(), 1201);
    let frames = &frames[1..];
    frames.iter().for_each(|frame| bytes[frame.end - 4] ^= 1);
    let all: usize = frames.iter().map(ExactSizeIterator::len).sum();
    fs::write(folder.join("b.ssrec"), bytes).unwrap();
    for arguments in [
        &["show", "b.ssrec"][..],
        &["show", "--stats", "b.ssrec"],
        &["show", "--check", "b.ssrec"],
        &["export", "--as", "raw", "b.ssrec"],
        &["diff", "b.ssrec", "b.ssrec"],
        &["redact", "--text", "x", "b.ssrec"],
    ] {
        let output = run(folder, arguments);
        let told = words(&output).matches("sse: b.ssrec is damaged").count();
        let files = if arguments[0] == "diff" { 2 } else { 1 };
        assert_eq!(told, files * 1000, "{arguments:?}");
        let others = "200 more places are damaged, too many to tell each: ";
        assert_eq!(words(&output).matches(others).count(), files, "{arguments:?}");
    }
    let export = run(folder, &["export", "--as", "raw", "b.ssrec"]);
    let missing = format!("1,200 rows in {},{:03} bytes", all / 1000, all % 1000);
    assert!(words(&export).contains(&missing), "{missing}");
}

#[test]
fn a_damaged_recording_is_imported_as_far_as_it_can_be_read() {
    let keep = recorded();
    let folder = keep.path();
    let import = |arguments: &[&str]| {
        let output = run(folder, &[&["import", "b.ssrec", "-o", "c.ssrec"], arguments].concat());
        let shown = run(folder, &["show", "c.ssrec"]);
        let _ = fs::remove_file(folder.join("c.ssrec"));
        (output, shown)
    };
    // A frame of it.
    flip(folder, 3, |frame| frame.end - 3);
    let (output, shown) = import(&[]);
    assert!(words(&output).contains("imported 25 events"), "{output:?}");
    assert!(
        words(&output).contains("are not as they were written; the rest is here"),
        "{output:?}"
    );
    assert!(words(&output).contains("cannot be read of c.ssrec either: 1 row in "), "{output:?}");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(lines(&shown).len(), EVENTS - 1);
    let (output, _) = import(&["--max-line", "1MiB"]);
    assert!(words(&output).contains("of which the rows are taken that it has"), "{output:?}");
    // Its end, and the first byte, by which it is known.
    let whole = fs::read(folder.join("a.ssrec")).unwrap();
    let ends = bodies(&whole)[9].end;
    let mut damaged = whole.clone();
    damaged[0] ^= 4;
    let end = "cannot be read of c.ssrec either: its end, which is missing";
    for (bytes, events, told, missing) in [
        (&whole[..ends], 10, "b.ssrec is cut off", Some(end)),
        (&whole[..ends - 2], 9, "b.ssrec is cut off", Some(end)),
        (&whole[..whole.len() - 20], EVENTS, "b.ssrec is cut off", None),
        (&damaged, EVENTS, "b.ssrec is damaged: 16 bytes from byte 0 on", None),
    ] {
        fs::write(folder.join("b.ssrec"), bytes).unwrap();
        let (output, shown) = import(&[]);
        assert!(words(&output).contains(told), "{output:?}");
        let counted = format!("imported {events} events");
        assert!(words(&output).contains(&counted), "{output:?}");
        assert!(words(&output).contains(missing.unwrap_or_default()), "{output:?}");
        assert_eq!(output.status.code(), Some(i32::from(missing.is_some())), "{output:?}");
        assert_eq!(lines(&shown).len(), events);
        assert!(
            !words(&shown).contains("cut off") && !words(&shown).contains("damaged"),
            "{shown:?}"
        );
    }
    // The end, and what is made from the rest: the payload of each of these frames, and the header.
    let is_after = |kind: u8| kind == END || kind >= INDEX;
    for (_, frame) in frames(&whole).into_iter().filter(|(kind, _)| is_after(*kind)) {
        for at in [(frame.start + 40 + frame.end) / 2, frame.start + 9] {
            let mut damaged = whole.clone();
            damaged[at] ^= 3;
            fs::write(folder.join("b.ssrec"), damaged).unwrap();
            let (output, shown) = import(&[]);
            assert!(words(&output).contains("imported 26 events"), "{output:?}");
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert_eq!(lines(&shown).len(), EVENTS);
            assert!(!words(&shown).contains("damaged"), "{shown:?}");
        }
    }
    // Of a whole one nothing need be made.
    fs::write(folder.join("b.ssrec"), &whole).unwrap();
    let (output, _) = import(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = "it is a recording already, which all commands take as it is";
    assert!(words(&output).contains(told), "{output:?}");
    // What is refused anyway is not looked through before.
    let (output, _) = import(&["--from", "raw"]);
    assert!(words(&output).contains("of which the rows are taken that it has"), "{output:?}");
}

#[test]
fn what_is_whole_of_a_damaged_recording_is_shown_as_of_a_whole_one() {
    let keep = recorded();
    let folder = keep.path();
    let row = |n: usize| lines(&run(folder, &["show", "a.ssrec"]))[n]["row"].to_string();
    let [second, third] = [row(1), row(2)];
    flip(folder, 3, |frame| frame.end - 3);
    for (arguments, is_whole) in [
        (&["--last", "1"][..], true),
        (&["--last", "24"], true),
        (&["--last", "25"], false),
        (&["--count", "1"], true),
        (&["--count", "2"], false),
        (&["--from", &third], true),
        (&["--from", &second], false),
        (&["--attempt", "2"], true),
        (&["--attempt", "1"], false),
        (&["--last", "24", "--grep", "event"], true),
        (&["--last", "25", "--grep", "event"], false),
        (&["--count", "1", "--grep", "event"], true),
        (&["--count", "2", "--grep", "event"], false),
        (&["--grep", "event"], false),
        (&["--raw", &third], true),
        (&["--raw", &second], false),
    ] {
        let output = run(folder, &[&["show"], arguments, &["b.ssrec"]].concat());
        assert!(words(&output).contains("b.ssrec is damaged"), "{output:?}");
        let expected = Some(i32::from(!is_whole));
        assert_eq!(output.status.code(), expected, "{arguments:?}: {output:?}");
    }
    // The first byte, by which it is known.
    let mut bytes = fs::read(folder.join("a.ssrec")).unwrap();
    bytes[0] ^= 4;
    fs::write(folder.join("b.ssrec"), bytes).unwrap();
    for arguments in
        [&["show", "b.ssrec"][..], &["show", "--stats", "b.ssrec"], &["diff", "a.ssrec", "b.ssrec"]]
    {
        let output = run(folder, arguments);
        assert!(words(&output).contains("b.ssrec is damaged: 16 bytes from byte 0 on"));
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn a_file_whose_end_is_missing_is_not_all_there() {
    let keep = recorded();
    let folder = keep.path();
    let whole = fs::read(folder.join("a.ssrec")).unwrap();
    let ends = bodies(&whole)[9].end;
    for (bytes, is_whole) in
        [(&whole[..ends], false), (&whole[..ends - 2], false), (&whole[..whole.len() - 20], true)]
    {
        fs::write(folder.join("b.ssrec"), bytes).unwrap();
        for (arguments, needs_end) in [
            (&["show"][..], true),
            (&["show", "--last", "1"], true),
            (&["show", "--from", "3"], true),
            (&["show", "--count", "2"], false),
            (&["show", "--stats"], true),
            (&["export", "--as", "raw"], true),
            (&["redact", "--text", "x"], true),
        ] {
            let output = run(folder, &[arguments, &["b.ssrec"]].concat());
            assert!(words(&output).contains("b.ssrec is cut off"), "{output:?}");
            let is_well = is_whole || !needs_end;
            let said = words(&output).matches("its end").count();
            assert_eq!(
                output.status.code(),
                Some(i32::from(!is_well)),
                "{arguments:?}: {output:?}"
            );
            assert!(is_well || said > 0, "{output:?}");
        }
    }
}

/// Of more than 64 MiB not all is read when it is opened.
#[test]
fn what_is_damaged_of_a_large_recording_is_told_by_an_import() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path();
    let data = "x".repeat(1_000_000);
    let event = |n: usize| {
        format!("{{\"kind\":\"event\",\"attempt\":1,\"id\":\"{n}\",\"data\":\"{data}\"}}\n")
    };
    fs::write(folder.join("lines"), (0..70).map(event).collect::<String>()).unwrap();
    assert!(run(folder, &["import", "lines", "-o", "a.ssrec"]).status.success());
    fs::remove_file(folder.join("lines")).unwrap();
    let frame = flip(folder, 3, |frame| frame.end - 3);
    let output = run(folder, &["import", "b.ssrec", "-o", "c.ssrec"]);
    let told = format!("b.ssrec is damaged: {} bytes from byte {} on", frame.len(), frame.start);
    assert!(words(&output).contains(&told), "{output:?}");
    assert!(words(&output).contains("imported 69 events"), "{output:?}");
    assert!(words(&output).contains("cannot be read of c.ssrec either: 1 row in "), "{output:?}");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    fs::remove_file(folder.join("c.ssrec")).unwrap();
    // The first byte, by which it is known, is written anew.
    let mut bytes = fs::read(folder.join("a.ssrec")).unwrap();
    bytes[0] ^= 4;
    fs::write(folder.join("b.ssrec"), bytes).unwrap();
    let output = run(folder, &["import", "b.ssrec", "-o", "c.ssrec"]);
    assert!(words(&output).contains("imported 70 events"), "{output:?}");
    assert!(output.status.success(), "{output:?}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_recording_and_is_not_waited_for() {
    let keep = recorded();
    let made = std::process::Command::new("mkfifo").arg(keep.path().join("pipe")).status();
    assert!(made.unwrap().success());
    let run = |arguments: &[&str]| {
        let mut child = sse(arguments)
            .current_dir(keep.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Of what is refused nothing need be read.
        let bytes = fs::read(keep.path().join("a.ssrec")).unwrap();
        let _ = child.stdin.take().unwrap().write_all(&bytes);
        child.wait_with_output().unwrap()
    };
    for pipe in ["/dev/stdin", "pipe"] {
        for arguments in [
            &["show", pipe][..],
            &["show", "--stats", pipe],
            &["diff", "a.ssrec", pipe],
            &["export", "--as", "raw", pipe],
            &["redact", "--text", "x", pipe],
        ] {
            let output = run(arguments);
            assert!(words(&output).contains("save it to a file first"), "{output:?}");
            assert_eq!((output.status.code(), output.stdout), (Some(2), vec![]), "{arguments:?}");
        }
    }
}
