//! Recordings that are given away: what was asked to be masked is nowhere in them, and the rest is as it was.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{fs, path::Path};

use serde_json::json;
use sse_monitor_engine::{
    Limits, Row, RowKind,
    recording::{
        PackError, Recording, Source, export, import, import_within,
        redact::{Field, Redaction, preview, redact},
    },
};

const STREAM: &str = concat!(
    "retry: 20\n: hello CANARY\n\n",
    "id: 1\nevent: say\n: CANARY within\ndata: {\"user\": {\"name\": \"bob\", \"age\": 7},\ndata:  \"text\": \"a CANARY sang\"}\n\n",
    "id: CANARY-2\r\nevent: CANARY\r\ndata: plain CANARYCANARY\r\n\r\n",
    "CANARY: a field without a meaning\nid: 3\n\n",
    "data: {\"user\":{\"name\":\"evelyn\"},\"user\":{\"name\":\"mallory\"}}\n\n",
    "data: untouched, {\"user\":1}\n\n",
    "data: CAN\ndata: ARY over two lines\n\n",
    "data: {\"user\": {\"name\": \"trudy\"}}\ndata: CANARY",
);

#[test]
fn what_is_asked_for_is_masked_everywhere_and_listed() {
    let keep = tempfile::tempdir().unwrap();
    let recording = recorded(keep.path(), STREAM.as_bytes());
    let redaction = Redaction::new().literal("CANARY").json(".user.name").unwrap();
    let shown = preview(&recording.view(), &redaction).unwrap();
    let to = keep.path().join("given.ssrec");
    let done = redact(&recording, &redaction, &to).unwrap();
    assert_eq!(done, shown, "exactly what was shown");
    let counts: Vec<_> =
        done.patterns.iter().map(|text| (text.what.as_str(), text.count)).collect();
    assert_eq!(done.masked_lines, 2, "of the event that was not finished");
    assert_eq!(done.not_json, 3);
    assert_eq!(counts, [("a text of 6 characters", 8), ("JSON at .user.name", 3)]);
    let cuts: Vec<_> =
        done.cuts.iter().map(|cut| (cut.row, cut.field, cut.count, cut.around.as_str())).collect();
    assert_eq!(
        cuts,
        [
            (4, Field::Comment, 1, "hello ***"),
            (6, Field::Comment, 1, "*** within"),
            (6, Field::Data, 2, "{\"user\": {\"name\": \"***\", \"age\": 7},\n \"text\": \"a…"),
            (7, Field::Id, 1, "***-2"),
            (7, Field::EventType, 1, "***"),
            (7, Field::Data, 2, "plain ******"),
            (8, Field::Unread, 1, "***: a field without a mean…"),
            (8, Field::Data, 2, "{\"user\":{\"name\":\"***\"},\"user\":{\"name\":\"***\"}}"),
        ]
    );

    let given = Recording::open(&to).unwrap();
    assert_eq!(given.damage(), []);
    let bytes = fs::read(&to).unwrap();
    for secret in ["CANARY", "bob", "evelyn", "mallory", "trudy"] {
        assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "{secret}");
    }
    assert_eq!(given.origin().redacted_texts, done.patterns);
    let texts = |row: &Row| (row.event_type.clone(), row.id.clone(), row.data.clone());
    let events = events(&given);
    let told: Vec<_> = events.iter().map(texts).collect();
    let expected = [
        ("say", "1", "{\"user\": {\"name\": \"***\", \"age\": 7},\n \"text\": \"a *** sang\"}"),
        ("***", "***-2", "plain ******"),
        ("message", "3", "{\"user\":{\"name\":\"***\"},\"user\":{\"name\":\"***\"}}"),
        ("message", "3", "untouched, {\"user\":1}"),
        ("message", "3", "CAN\nARY over two lines"),
    ];
    assert_eq!(told, expected.map(|(a, b, c)| (a.into(), b.into(), c.into())));
    // Rows stand where they stood, at the times that they had.
    let before = recording.view().page(1, 99, 99);
    let after = given.view().page(1, 99, 99);
    let places = |rows: &[Row]| -> Vec<_> {
        rows.iter()
            .map(|r| (r.number, r.kind, r.unix_micros, r.elapsed_micros, r.attempt))
            .collect()
    };
    assert_eq!(places(&after), places(&before));
    assert_eq!(given.totals().events, recording.totals().events);

    let refused = redact(&recording, &redaction, &to).unwrap_err();
    assert!(matches!(refused, PackError::Exists { .. }), "{refused}");
    let left = fs::read_dir(keep.path()).unwrap().count();
    assert_eq!(left, 2, "no folder is left");
}

#[test]
fn a_recording_in_which_nothing_is_found_stays_as_it_was() {
    let keep = tempfile::tempdir().unwrap();
    let recording = recorded(keep.path(), STREAM.as_bytes());
    let redaction = Redaction::new().literal("nowhere").regex("[0-9]{9}").unwrap();
    let to = keep.path().join("given.ssrec");
    let done = redact(&recording, &redaction, &to).unwrap();
    assert_eq!((done.cut_count, done.cuts.len()), (0, 0));
    let given = Recording::open(&to).unwrap();
    assert_eq!(given.origin().redacted_texts, []);
    let body = |recording: &Recording| {
        let mut body = Vec::new();
        export::raw(&recording.view(), None, &mut body).unwrap();
        body
    };
    assert_eq!(body(&given), STREAM.as_bytes());
}

#[test]
fn an_event_that_was_too_long_is_masked_whole_and_still_told() {
    let keep = tempfile::tempdir().unwrap();
    let long = format!("data: CANARY{}\ndata: {}\n\n", "x".repeat(5 << 20), "secret ".repeat(9));
    let stream = format!("data: a\n\n{long}data: b CANARY\n\n");
    let recording = recorded(keep.path(), stream.as_bytes());
    assert_eq!(recording.totals().decode_errors, 1);
    let to = keep.path().join("given.ssrec");
    let done = redact(&recording, &Redaction::new().literal("CANARY"), &to).unwrap();
    assert_eq!(done.cut_count, 1);
    assert!(done.masked_lines >= 2, "{done:?}");
    let given = Recording::open(&to).unwrap();
    assert_eq!((given.totals().decode_errors, given.totals().events), (1, 2));
    assert_eq!(events(&given)[1].data, "b ***");
    let mut body = Vec::new();
    export::raw(&given.view(), None, &mut body).unwrap();
    assert_eq!(body.len(), stream.len() - 3);
    for secret in [&b"CANARY"[..], b"secret", b"xx"] {
        assert!(memchr::memmem::find(&body, secret).is_none());
    }
}

#[test]
fn what_was_too_long_is_masked_whole_and_nothing_beside_it() {
    let keep = tempfile::tempdir().unwrap();
    let long = "x".repeat(40);
    let json = format!("[1]\n[\"{long}\"]\n[2]\r\n[3]\n");
    // As text each of these bytes is three.
    let comment =
        [&b"data: a\n: "[..], &[0xff; 8], b"\ndata: b\n\n: ", &[0xff; 8], b"\ndata: c\n\n"]
            .concat();
    let line = format!("data: {long}\ndata: of it\n\ndata: a\n\n");
    let event = format!("{}data: of it\n\n\ndata: a\n\n", "data: 0123456\n".repeat(4));
    for (name, source, body, kept) in [
        ("json", Source::Ndjson, json.as_bytes(), &["[1]", "[2]", "[3]"][..]),
        ("comment", Source::Raw, &comment, &["a\nb", "c"]),
        ("line", Source::Raw, line.as_bytes(), &["a"]),
        ("lines", Source::Raw, line.replace('\n', "\r\n").as_bytes(), &["a"]),
        ("event", Source::Raw, event.as_bytes(), &["a"]),
    ] {
        let to = keep.path().join(name).with_extension("ssrec");
        let limits = Limits::default().line(20).event(40);
        import_within(limits, body, source, name, &to).unwrap();
        let recording = Recording::open(&to).unwrap();
        let given = keep.path().join(name).with_extension("given.ssrec");
        redact(&recording, &Redaction::new().literal("not in it"), &given).unwrap();
        let given = Recording::open(&given).unwrap();
        let data: Vec<_> = events(&given).into_iter().map(|row| row.data).collect();
        assert_eq!(data, kept, "{name}");
        assert_eq!(given.totals().decode_errors, recording.totals().decode_errors, "{name}");
        let mut body = Vec::new();
        export::raw(&given.view(), None, &mut body).unwrap();
        for secret in [&b"xx"[..], b"of it", b"0123"] {
            let is_there = memchr::memmem::find(&body, secret).is_some();
            assert!(!is_there, "{name}: {}", String::from_utf8_lossy(&body));
        }
    }
}

#[test]
fn turns_of_the_connection_and_where_it_came_from_are_masked_too() {
    let keep = tempfile::tempdir().unwrap();
    let har = json!({"log": {"version": "1.2", "entries": [{
        "startedDateTime": "2026-01-31T12:00:05Z",
        "request": {"method": "GET", "url": "https://example.com/users/CANARY",
            "headers": [{"name": "Last-Event-ID", "value": "CANARY-1"}]},
        "response": {"status": 200, "headers": [{"name": "x-user", "value": "CANARY"}],
            "content": {"mimeType": "text/event-stream", "text": "id: CANARY-2\ndata: b\n\n"}},
    }]}});
    let to = keep.path().join("har.ssrec");
    import(har.to_string().as_bytes(), Source::Har, "of CANARY", &to).unwrap();
    let given = keep.path().join("given.ssrec");
    let recording = Recording::open(&to).unwrap();
    let done = redact(&recording, &Redaction::new().literal("CANARY"), &given).unwrap();
    assert!(done.cuts.iter().any(|cut| cut.field == Field::Turn), "{done:?}");
    assert!(memchr::memmem::find(&fs::read(&given).unwrap(), b"CANARY").is_none());
    let given = Recording::open(&given).unwrap();
    assert!(given.origin().url.ends_with("/users/***") || given.origin().url.is_empty());
    assert_eq!(given.origin().imported_from.as_deref(), Some("of ***"));
}

#[test]
fn lines_of_json_are_masked_as_data() {
    let keep = tempfile::tempdir().unwrap();
    let lines = "{\"a\": \"CANARY\", \"b\": 1}\n\n{\"a\":2}\n{\"a\": \"unfinished";
    let to = keep.path().join("lines.ssrec");
    import(lines.as_bytes(), Source::Ndjson, "lines", &to).unwrap();
    let recording = Recording::open(&to).unwrap();
    let given = keep.path().join("given.ssrec");
    redact(&recording, &Redaction::new().json(".a").unwrap(), &given).unwrap();
    let given = Recording::open(&given).unwrap();
    let data: Vec<_> = events(&given).into_iter().map(|row| row.data).collect();
    assert_eq!(data[..2], ["{\"a\": \"***\", \"b\": 1}", "{\"a\":\"***\"}"]);
    let mut body = Vec::new();
    export::raw(&given.view(), None, &mut body).unwrap();
    assert!(memchr::memmem::find(&body, b"unfin").is_none(), "{}", String::from_utf8_lossy(&body));
}

fn recorded(folder: &Path, body: &[u8]) -> Recording {
    let to = folder.join("whole.ssrec");
    import(body, Source::Raw, "a file", &to).unwrap();
    Recording::open(&to).unwrap()
}

fn events(recording: &Recording) -> Vec<Row> {
    let mut rows = recording.view().page(1, usize::MAX, usize::MAX);
    rows.retain(|row| row.kind == RowKind::Event);
    rows
}
