//! Recordings from bodies and lines of JSON.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod imported;

use std::fs;

use imported::{Imported, STREAM};
use serde_json::{Value, json};
use sse_monitor_engine::{
    RowKind,
    recording::{ImportError, Recording, Source, export, import},
};

#[test]
fn a_body_comes_out_as_it_went_in() {
    let import = Imported::of(STREAM, Source::Raw);
    let rows = import.events();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].event_type.as_str(), rows[0].data.as_str()), ("tick", "one\ntwo"));
    assert_eq!((rows[1].id.as_str(), rows[1].data.as_str()), ("1", "\u{fffd}"));
    let mut out = Vec::new();
    assert_eq!(
        export::raw(&import.recording.view(), None, &mut out).unwrap().bytes,
        STREAM.len() as u64
    );
    assert_eq!(out, STREAM);
    assert_eq!(import.recording.origin().imported_from.as_deref(), Some("a file"));
}

#[test]
fn the_codecs_vectors_come_out_as_they_went_in() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../sse-codec/tests/vectors.json")).unwrap();
    let mut seen = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let input = match vector["hex"].as_str() {
            Some(hex) => bytes_of(hex),
            None => vector["input"].as_str().unwrap().as_bytes().to_vec(),
        };
        if input.is_empty() {
            continue;
        }
        let name = vector["name"].as_str().unwrap();
        let import = match Imported::try_of(&input, Source::Raw) {
            Err(ImportError::Empty { .. }) => {
                assert_eq!(
                    (&vector["events"], &vector["retry"]),
                    (&json!([]), &Value::Null),
                    "{name}"
                );
                seen += 1;
                continue;
            }
            imported => imported.unwrap(),
        };
        let fixture = export::fixture(&import.recording.view(), 1, name).unwrap().unwrap().vector;
        assert_eq!(fixture["name"], vector["name"]);
        let events = |vector: &Value| -> Vec<(Value, Value, Value)> {
            let events = vector["events"].as_array().unwrap().iter();
            let or = |value: &Value, default: &str| {
                if value.is_null() { json!(default) } else { value.clone() }
            };
            events
                .map(|e| (or(&e["type"], "message"), e["data"].clone(), or(&e["id"], "")))
                .collect()
        };
        assert_eq!(events(&fixture), events(vector), "{name}");
        assert_eq!(fixture["retry"], vector["retry"], "{name}");
        let rows = import.events();
        let rows: Vec<_> =
            rows.iter().map(|r| (json!(r.event_type), json!(r.data), json!(r.id))).collect();
        assert_eq!(rows, events(vector), "the rows of {name}");
        seen += 1;
    }
    assert!(seen > 90, "{seen}");
}

#[test]
fn lines_of_tail_become_the_events_they_tell_of() {
    let lines = concat!(
        r#"{"kind":"event","n":1,"time":"2026-01-31T12:00:00.000001Z","attempt":1,"type":"tick","id":"7","data":"a\nb"}"#,
        "\n",
        r#"{"kind":"comment","time":"2026-01-31T12:00:01Z","attempt":1,"text":" beat"}"#,
        "\n\n",
        r#"{"kind":"event","n":2,"time":"2026-01-31T12:00:02Z","attempt":3,"type":"message","id":"7","data":""}"#,
        "\n",
    );
    let import = Imported::of(lines.as_bytes(), Source::Ndjson);
    let events = import.events();
    assert_eq!((events[0].event_type.as_str(), events[0].data.as_str()), ("tick", "a\nb"));
    assert_eq!(events[0].unix_micros, 1_769_860_800_000_001);
    assert_eq!((events[1].id.as_str(), events[1].data.as_str()), ("7", ""));
    assert_eq!(events[1].elapsed_micros, 1_999_999);
    let rows = import.recording.view().page(1, 99, 99);
    assert!(rows.iter().any(|row| row.kind == RowKind::Comment && row.data == " beat"));
    // The second attempt brought nothing, and is not left out.
    assert_eq!(events[1].attempt, 3);
}

#[test]
fn an_attempt_far_from_the_one_before_costs_no_more_than_the_next() {
    let line =
        |attempt: u32| format!("{{\"kind\":\"event\",\"attempt\":{attempt},\"data\":\"\"}}\n");
    let lines = [0, 7, u32::MAX, 3].map(line).concat();
    let import = Imported::of(lines.as_bytes(), Source::Ndjson);
    let attempts: Vec<_> = import.events().into_iter().map(|row| row.attempt).collect();
    assert_eq!(attempts, [1, 7, u32::MAX, u32::MAX]);
    assert_eq!(import.recording.totals().attempts, 3);
}

#[test]
fn other_lines_of_json_are_events_themselves() {
    let import = Imported::of(b"{\"a\":1}\n{\"a\":2}\n", Source::Ndjson);
    let data: Vec<_> = import.events().into_iter().map(|row| row.data).collect();
    assert_eq!(data, ["{\"a\":1}", "{\"a\":2}"]);
}

#[test]
fn what_cannot_be_imported_is_told_and_leaves_nothing() {
    let keep = tempfile::tempdir().unwrap();
    let to = keep.path().join("out.ssrec");
    let refused = |bytes: &[u8], source| import(bytes, source, "a file", &to).unwrap_err();
    let line = br#"{"kind":"event","data":"a"}"#;
    let error = refused(&[line, &b"\n{\"kind\":\"event\"}\n"[..]].concat(), Source::Ndjson);
    assert!(matches!(error, ImportError::Line { line: 2, .. }), "{error}");
    let endless = vec![b'x'; 40 << 20];
    let error = refused(&[line, &b"\n{\"kind\":\""[..], &endless].concat(), Source::Ndjson);
    assert!(error.to_string().contains("line 2: it is longer than"), "{error}");
    for (bad, why) in [
        (r#"{"kind":"event","data":"a","time":"bogus"}"#, "line 2: its time \"bogus\" is none"),
        (r#"{"kind":"event","data":1}"#, "line 2: invalid type: integer `1`, expected a string"),
    ] {
        let error = refused(&[line, &b"\n"[..], bad.as_bytes(), b"\n"].concat(), Source::Ndjson);
        let said = error.to_string();
        assert!(said.starts_with(why) && !said.contains("column 0"), "{said}");
    }
    let turn = br#"{"kind":"turn","time":"2026-01-31T12:00:00Z","attempt":1,"text":"a"}"#;
    assert!(matches!(refused(turn, Source::Ndjson), ImportError::Empty { .. }));
    assert!(matches!(refused(b"{}", Source::Har), ImportError::Har { .. }));
    assert!(matches!(refused(br#"{"log":{"entries":[]}}"#, Source::Har), ImportError::NoStream));
    for (bytes, source, sentence) in [
        (&b""[..], Source::Raw, "it has no event and no comment: it is empty"),
        (b"", Source::Har, "it has no event and no comment: it is empty"),
        (b"\n\n", Source::Ndjson, "it has no event and no comment"),
        (b"<!DOCTYPE html>\n<p>data: a\n\n", Source::Raw, "no comment; it looks like HTML or XML"),
        (b"{\"a\":1}\n", Source::Raw, "no comment; it looks like JSON"),
        (b"\x1f\x8b\x08", Source::Raw, "no comment: it is compressed (gzip)"),
        (b"data: never complete\n", Source::Raw, "no comment: it is cut off within the first one"),
        (
            b"{\n \"a\": 1\n}\n",
            Source::Ndjson,
            "line 1: it is not JSON by itself (EOF while parsing an object); where values span",
        ),
        (b"\n\n[1,\n2]\n", Source::Ndjson, "line 3: it is not JSON by itself (EOF"),
        (
            b"{\"name\":\"a\",\"input\":\"\",\"events\":[]}\n",
            Source::Ndjson,
            "it is a test fixture",
        ),
    ] {
        let error = refused(bytes, source).to_string();
        assert!(error.contains(sentence), "{error}");
    }
    let of_a = Imported::of(b"data: a\n\n", Source::Raw);
    let recording = fs::read(of_a.keep.path().join("out.ssrec")).unwrap();
    for bit in 0..8 * 8 {
        let mut damaged = recording.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = refused(&damaged, Source::Raw);
        assert!(matches!(error, ImportError::Recording), "bit {bit}: {error}");
    }
    let error = refused(&recording, Source::Raw).to_string();
    assert!(error.contains("it is a recording already"), "{error}");
    assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 0);
    import(&b"data: a\n\n"[..], Source::Raw, "a file", &to).unwrap();
    assert!(matches!(refused(b"data: a\n\n", Source::Raw), ImportError::Pack(_)));
    assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 1);
}

#[test]
fn lines_that_are_no_json_are_events_as_they_are_of_a_stream() {
    for lines in ["{\"a\":1}\nnot\n{\"b\":\n[2]\n", "no JSON\n{\"b\":1}\nnor this\n"] {
        let import = Imported::of(lines.as_bytes(), Source::Ndjson);
        assert_eq!((import.told.events, import.told.not_json), (lines.lines().count() as u64, 2));
        let mut out = Vec::new();
        export::raw(&import.recording.view(), None, &mut out).unwrap();
        assert_eq!(out, lines.as_bytes());
    }
}

#[test]
fn lines_that_tell_of_no_event_are_passed_over_wherever_they_stand() {
    let turn =
        r#"{"kind":"turn","time":"2026-01-31T12:00:00Z","attempt":1,"id":"","text":"connecting"}"#;
    let event = r#"{"kind":"event","n":1,"time":"2026-01-31T12:00:01Z","attempt":1,"type":"tick","id":"7","data":"a"}"#;
    let later = r#"{"kind":"lull","time":"2026-01-31T12:00:02Z","attempt":1,"data":[1]}"#;
    for lines in [[turn, event, later], [later, turn, event], [event, later, turn]] {
        for before in ["", "\u{feff}", "\r\n \n", "\u{feff}\n"] {
            let text = format!("{before}{}", lines.join("\r\n"));
            let import = Imported::of(text.as_bytes(), Source::Ndjson);
            let events = import.events();
            assert_eq!(events.len(), 1, "{text}");
            let told =
                (events[0].event_type.as_str(), events[0].id.as_str(), events[0].data.as_str());
            assert_eq!(told, ("tick", "7", "a"), "{text}");
            assert_eq!(events[0].unix_micros, 1_769_860_801_000_000);
        }
    }
    // Nor is a mark a part of what others wrote.
    let import = Imported::of(b"\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}", Source::Ndjson);
    let data: Vec<_> = import.events().into_iter().map(|row| row.data).collect();
    assert_eq!(data, ["{\"a\":1}", "{\"a\":2}"]);
}

#[test]
fn turns_among_the_lines_are_passed_over() {
    let turn =
        r#"{"kind":"turn","time":"2026-01-31T12:00:00Z","attempt":1,"id":"","text":"connecting"}"#;
    let event =
        r#"{"kind":"event","n":1,"time":"2026-01-31T12:00:01Z","attempt":4,"id":"7","data":"a"}"#;
    let other = r#"{"kind":"of a later version","x":1}"#;
    let import = Imported::of(format!("{turn}\n{event}\n{other}\n").as_bytes(), Source::Ndjson);
    let rows = import.events();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id.as_str(), rows[0].data.as_str(), rows[0].attempt), ("7", "a", 4));
    // What only looks like one is anybody's.
    let import = Imported::of(br#"{"kind":"turn","to":"left"}"#, Source::Ndjson);
    assert_eq!(import.events()[0].data, r#"{"kind":"turn","to":"left"}"#);
}

#[test]
fn what_a_file_is_shows_in_its_beginning() {
    for (beginning, source) in [
        (&b"data: a"[..], Source::Raw),
        (b"", Source::Raw),
        (b"\xEF\xBB\xBF: a", Source::Raw),
        (b" {\"kind\":", Source::Ndjson),
        (b"[1]", Source::Ndjson),
        (b"{\n \"log\": {", Source::Har),
    ] {
        assert_eq!(Source::guess(beginning).unwrap(), source, "{beginning:?}");
    }
}

#[test]
fn an_event_that_is_cut_off_is_told_and_how_much_of_it_came() {
    let keep = tempfile::tempdir().unwrap();
    let har = |body: &str| {
        let entry = serde_json::json!({
            "startedDateTime": "2026-01-31T12:00:00.000Z",
            "request": {"method": "GET", "url": "http://a/", "headers": []},
            "response": {"status": 200, "httpVersion": "HTTP/1.1", "headers": [],
                "content": {"mimeType": "text/event-stream", "text": body}},
            "timings": {"wait": 1},
        });
        serde_json::json!({"log": {"entries": [entry, entry]}}).to_string()
    };
    let line = "{\"kind\":\"event\",\"data\":\"a\"}\n";
    let cases = [
        ("data: a\n\ndata: lost".to_owned(), Source::Raw, 1, 1, 10),
        ("data: a\n\n\n: c\nretry: 1\nid: 2\ndata: b\n".into(), Source::Raw, 1, 1, 14),
        ("data: a\n\n: comment\n\n".into(), Source::Raw, 1, 0, 0),
        ("{\"a\":1}\n{\"b\":".into(), Source::Ndjson, 1, 1, 5),
        ("{\"a\":1}\n{\"b\":2}".into(), Source::Ndjson, 2, 0, 0),
        (format!("{line}{{ \"kind\" : \"event\","), Source::Ndjson, 1, 1, 19),
        // What these would have told of nobody knows, or it was no event.
        (format!("{line}{{\"kind\":\"ev"), Source::Ndjson, 1, 0, 11),
        (format!("{line}{{\"kind\":\"turn\",\"te"), Source::Ndjson, 1, 0, 18),
        (format!("{line}{{\"kind\":\"comment\",\"text\":\"a"), Source::Ndjson, 1, 0, 27),
        (har("data: a\n\ndata: lost\n"), Source::Har, 2, 2, 22),
    ];
    for (number, (text, source, events, cut_off, bytes)) in cases.into_iter().enumerate() {
        let to = keep.path().join(number.to_string());
        let told = import(text.as_bytes(), source, "a file", &to).unwrap();
        let came = (told.events, told.cut_off, told.cut_off_bytes + told.cut_off_line);
        assert_eq!(came, (events, cut_off, bytes), "{text}");
        let report = Recording::open(&to).unwrap().report();
        assert_eq!((report.events, report.unfinished), (events, cut_off), "{text}");
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digits = String::from_utf8(digits).unwrap();
    (0..digits.len() / 2)
        .map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap())
        .collect()
}
