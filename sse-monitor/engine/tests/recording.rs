//! Recordings from and to what other programs know.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use sse_monitor_engine::{
    Limits, Row, RowKind,
    query::{Match, diff},
    recording::{
        DamageKind, ImportError, Imported as Told, Recording, Source, export, import,
        import_within, pack,
    },
};

const STREAM: &[u8] =
    b"retry: 20\nid: 1\nevent: tick\ndata: one\ndata: two\n\n: beat\n\ndata: \xff\n\n";

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
fn a_har_file_comes_out_as_it_went_in() {
    let har = json!({"log": {"version": "1.2", "entries": [
        {
            "startedDateTime": "2026-01-31T12:00:05.5Z",
            "request": {"method": "POST", "url": "https://me:pw@example.com/a?token=CANARY&b=c",
                "headers": [{"name": "Authorization", "value": "Bearer CANARY"},
                    {"name": "Last-Event-ID", "value": "1"}]},
            "response": {"status": 200, "httpVersion": "HTTP/2.0",
                "headers": [{"name": "content-type", "value": "text/event-stream"}],
                "content": {"mimeType": "text/event-stream; charset=utf-8", "text": "id: 2\ndata: b\n\n"}},
            "timings": {"wait": 12.5},
        },
        {
            "startedDateTime": "2026-01-31T12:00:00Z",
            "request": {"method": "GET", "url": "https://example.com/a"},
            "response": {"status": 200, "content": {"mimeType": "text/event-stream",
                "text": "aWQ6IDEKZGF0YTogYQoK", "encoding": "base64"}},
        },
        {
            "startedDateTime": "2026-01-31T12:00:00Z",
            "request": {"method": "GET", "url": "https://example.com/page"},
            "response": {"status": 200, "content": {"mimeType": "text/html", "text": "<p>"}},
        },
    ]}});
    let import = Imported::of(har.to_string().as_bytes(), Source::Har);
    let events = import.events();
    let told: Vec<_> =
        events.iter().map(|row| (row.attempt, row.id.as_str(), row.data.as_str())).collect();
    assert_eq!(told, [(1, "1", "a"), (2, "2", "b")], "in the order of their times");
    assert_eq!(events[1].elapsed_micros, 5_512_500);
    let sent: Vec<_> =
        import.recording.report().latest_attempts.into_iter().map(|told| told.id_sent).collect();
    assert_eq!(sent, ["", "1"]);
    let request = import.recording.view().turn(4).unwrap().request.unwrap();
    assert_eq!(request.url, "https://***@example.com/a?token=***&b=c");
    let mut out = Vec::new();
    export::har(&import.recording.view(), None, &mut out).unwrap();
    assert!(!String::from_utf8_lossy(&out).contains("CANARY"));
    let written: Value = serde_json::from_slice(&out).unwrap();
    let times = &written["log"]["entries"][1];
    assert_eq!(times["response"]["content"]["text"], "id: 2\ndata: b\n\n");
    assert_eq!(times["response"]["content"]["size"], 15);
    assert_eq!(times["response"]["bodySize"], 15);
    assert_eq!(
        (&times["time"], &times["startedDateTime"]),
        (&json!(12.5), &json!("2026-01-31T12:00:05.5Z"))
    );
    let again = Imported::of(&out, Source::guess(&out));
    let texts = |rows: Vec<Row>| -> Vec<_> {
        rows.into_iter().map(|row| (row.attempt, row.id, row.data)).collect()
    };
    assert_eq!(texts(again.events()), texts(events));
}

#[test]
fn a_har_file_of_ours_tells_when_each_event_came() {
    let line = |n: u32, attempt: u32| {
        format!(
            "{{\"kind\":\"event\",\"time\":\"2026-01-31T12:00:{:02}.{:06}Z\",\"attempt\":{attempt},\"data\":\"{n}\"}}\n",
            n * n % 60,
            n * 7919
        )
    };
    let lines: String = (0..7).map(|n| line(n, 1 + n / 4)).collect();
    let import = Imported::of(lines.as_bytes(), Source::Ndjson);
    let mut har = Vec::new();
    export::har(&import.recording.view(), None, &mut har).unwrap();
    let again = Imported::of(&har, Source::Har);
    let times = |import: &Imported| -> Vec<_> {
        import.events().into_iter().map(|row| (row.elapsed_micros, row.unix_micros)).collect()
    };
    assert_eq!(times(&again), times(&import));
    let (report, before) = (again.recording.report(), import.recording.report());
    assert!(!report.untimed && before.gaps.count == 5, "{before:?}");
    assert_eq!(
        (report.gaps, report.peak_rate, report.duration_micros, report.rate),
        (before.gaps, before.peak_rate, before.duration_micros, before.rate)
    );

    // A browser tells when the body began and ended, and not what came between.
    let mut plain: Value = serde_json::from_slice(&har).unwrap();
    for entry in plain["log"]["entries"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("_sseReads");
    }
    let plain = Imported::of(plain.to_string().as_bytes(), Source::Har).recording.report();
    assert!(plain.untimed && plain.duration_micros > 30_000_000, "{plain:?}");
    assert_eq!((plain.gaps.count, plain.peak_rate, plain.latest_seconds.len()), (0, 0, 0));
    assert!(plain.rate > 0.0 && plain.rate < 1.0, "{plain:?}");
    // Nothing tells of a body alone.
    let raw = Imported::of(STREAM, Source::Raw);
    let report = raw.recording.report();
    assert!(report.untimed && report.gaps.count == 0 && report.duration_micros == 0, "{report:?}");
    let mut har = Vec::new();
    export::har(&raw.recording.view(), None, &mut har).unwrap();
    assert!(Imported::of(&har, Source::Har).recording.report().untimed);
}

#[test]
fn a_body_in_many_pieces_comes_out_of_a_har_file_as_it_went_in() {
    // More than a read brings, so that characters lie in two of them.
    let text = "data: \u{1f600}\"\\\u{1}\u{e9}\u{20ac}\n\n".repeat(20_000);
    for (body, encoding) in [
        (text.clone().into_bytes(), Value::Null),
        ([text.as_bytes(), b"data: \xff\n\n"].concat(), json!("base64")),
        ([text.as_bytes(), b"data: \xe2\x82"].concat(), json!("base64")),
    ] {
        let import = Imported::of(&body, Source::Raw);
        let mut out = Vec::new();
        export::har(&import.recording.view(), None, &mut out).unwrap();
        let har: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(har["log"]["entries"][0]["response"]["content"]["encoding"], encoding);
        let again = Imported::of(&out, Source::Har);
        let mut back = Vec::new();
        export::raw(&again.recording.view(), None, &mut back).unwrap();
        assert!(back == body, "{} bytes of {}", back.len(), body.len());
    }
}

#[test]
fn an_attempt_whose_beginning_is_damaged_is_one_of_its_own_and_the_damage_is_told() {
    let line = |attempt: u32| {
        format!("{{\"kind\":\"event\",\"attempt\":{attempt},\"data\":\"of {attempt}\"}}\n")
    };
    let import = Imported::of([1, 2, 3].map(line).concat().as_bytes(), Source::Ndjson);
    let whole = import.recording.view();
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("whole.ssrec");
    pack(&whole, import.recording.totals(), &file, |_| {}).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let sentence = b"imported from a file";
    let second = memchr::memmem::find_iter(&bytes, sentence).nth(1).unwrap();
    bytes[second] ^= 1;
    let file = keep.path().join("damaged.ssrec");
    fs::write(&file, bytes).unwrap();
    let recording = Recording::open(&file).unwrap();
    let mut out = Vec::new();
    export::har(&recording.view(), None, &mut out).unwrap();
    let har: Value = serde_json::from_slice(&out).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap().iter();
    let told: Vec<_> =
        entries.map(|e| (&e["_attempt"], &e["response"]["content"]["text"])).collect();
    let body = |attempt: u32| json!(format!("data: of {attempt}\n\n"));
    let bodies = [1, 2, 3].map(body);
    assert_eq!(told, [(&json!(1), &bodies[0]), (&json!(2), &bodies[1]), (&json!(3), &bodies[2])]);
    let kinds: Vec<_> = recording.damage().into_iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::Changed]);
}

#[test]
fn what_is_damaged_is_no_event_to_statistics_and_comparisons() {
    // A read each, so that a frame has one.
    let line = |n: u32| {
        let time = format!("2026-01-31T12:00:{n:02}Z");
        format!(
            "{{\"kind\":\"event\",\"time\":\"{time}\",\"id\":\"{n}\",\"data\":\"number {n}\"}}\n"
        )
    };
    let lines: String = (10..30).map(line).collect();
    let import = Imported::of(lines.as_bytes(), Source::Ndjson);
    let view = import.recording.view();
    let mut bytes = fs::read(import.keep.path().join("out.ssrec")).unwrap();
    let place = memchr::memmem::find(&bytes, b"number 17").unwrap();
    bytes[place] ^= 1;
    let file = import.keep.path().join("damaged.ssrec");
    fs::write(&file, bytes).unwrap();
    let recording = Recording::open(&file).unwrap();
    let report = recording.report();
    let rows = recording.view().page(1, usize::MAX, usize::MAX);
    let shown = |kind: RowKind| rows.iter().filter(|row| row.kind == kind).count() as u64;
    assert_eq!((report.events, report.damaged), (shown(RowKind::Event), shown(RowKind::Damaged)));
    assert_eq!((report.events, report.damaged), (19, 1));
    for (first, second) in [(&view, &recording.view()), (&recording.view(), &view)] {
        let told = diff(first, second, Match::Id);
        assert_eq!((told.in_both, told.damaged_first + told.damaged_second), (19, 1));
        assert_eq!(told.only_first.len() + told.only_second.len(), 1, "{told:?}");
    }
}

#[test]
fn comparisons_count_the_damage_that_statistics_do() {
    let import = Imported::of(STREAM, Source::Raw);
    let view = import.recording.view();
    let whole = fs::read(import.keep.path().join("out.ssrec")).unwrap();
    let file = import.keep.path().join("damaged.ssrec");
    let mut damaged = 0;
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        let Ok(recording) = Recording::open(&file) else { continue };
        let told = diff(&view, &recording.view(), Match::Id);
        assert_eq!(told.damaged_second, recording.report().damaged, "byte {at}");
        damaged += u64::from(told.damaged_second == 1);
    }
    assert!(damaged > 50, "{damaged}");
}

#[test]
fn a_test_vector_is_small_enough_to_be_read() {
    let body = format!("data: {}\n\n", "x".repeat(1_000_000)).repeat(17);
    let import = Imported::of(body.as_bytes(), Source::Raw);
    let Err(error) = export::fixture(&import.recording.view(), 1, "large") else {
        panic!("it is too large")
    };
    assert!(error.to_string().contains("at most 16777216"), "{error}");
    assert_eq!(export::fixture(&import.recording.view(), 2, "none").unwrap(), None);
}

#[test]
fn a_test_vector_has_the_events_that_its_input_has() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("a.ssrec");
    let line = "x".repeat(100);
    let large = format!("data: {line}\n").repeat(4);
    let body = format!(
        ": c\ndata: a\n\nid: 9\ndata: {line}{line}\r\nevent: b\r\n\r\ndata: b\n\n{large}\nid: {line}\ndata: v\n\n\
         : {line}{line}\ndata: {line}\n\ndata: {line}{line}\ndata: cut"
    );
    let limits = Limits::default().line(150).event(350).value(90);
    import_within(limits, body.as_bytes(), Source::Raw, "it", &file).unwrap();
    let view = Recording::open(&file).unwrap().view();
    let export::Fixture { vector, dropped, .. } = export::fixture(&view, 1, "it").unwrap().unwrap();
    let input = ": c\ndata: a\n\ndata: b\n\n";
    assert_eq!((vector["input"].as_str(), dropped), (Some(input), 5));
    let events = json!([{"data": "a"}, {"data": "b"}]);
    assert_eq!((&vector["events"], &vector["last_id"]), (&events, &Value::Null));
}

#[test]
fn a_request_comes_out_as_a_curl_command() {
    let har = json!({"log": {"entries": [{
        "startedDateTime": "2026-01-31T12:00:00Z",
        "request": {"method": "GET", "url": "https://example.com/it's",
            "headers": [{"name": "Cookie", "value": "a=b"}, {"name": "Accept", "value": "*/*"}]},
        "response": {"status": 200, "content": {"mimeType": "text/event-stream", "text": "data: a\n\n"}},
    }]}});
    let import = Imported::of(har.to_string().as_bytes(), Source::Har);
    let command = export::curl(&import.recording.view(), 1).unwrap().unwrap();
    assert_eq!(
        command,
        "curl -N \\\n  -H 'cookie: ***' \\\n  -H 'accept: */*' \\\n  'https://example.com/it'\\''s'"
    );
    assert_eq!(export::curl(&import.recording.view(), 2).unwrap(), None);
}

#[test]
fn a_recording_that_an_older_program_made_opens() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("old.ssrec");
    let bytes = include_bytes!("version-1.ssrec");
    assert_eq!(bytes[8], 1);
    fs::write(&file, bytes).unwrap();
    let recording = Recording::open(&file).unwrap();
    assert_eq!((recording.damage(), recording.check(|_| {}).unwrap()), (vec![], vec![]));
    assert!(recording.is_closed());
    let rows = recording.view().page(1, usize::MAX, usize::MAX);
    let events = rows.iter().filter(|row| row.kind == RowKind::Event).count() as u64;
    assert_eq!((events, recording.report().events), (recording.totals().events, events));
    assert!(events > 0);
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
fn a_bad_entry_of_a_har_file_is_left_out_and_told() {
    let entry = |text: &str, encoding: &str| {
        json!({
            "startedDateTime": "2026-01-31T12:00:00Z",
            "request": {"method": "GET", "url": "https://example.com/a?token=CANARY"},
            "response": {"status": 200, "content": {
                "mimeType": "text/event-stream", "text": text, "encoding": encoding,
            }},
        })
    };
    let har = |entries: &[Value]| json!({"log": {"entries": entries}}).to_string();
    let (bad, good) = (entry("!", "base64"), entry("data: a\n\n", ""));
    let import = Imported::of(har(&[good.clone(), bad.clone(), good]).as_bytes(), Source::Har);
    assert_eq!(import.told.events, 2);
    let [told] = &import.told.left_out[..] else { panic!("{:?}", import.told) };
    assert!(
        told.starts_with("entry 2 (https://example.com/a?token=***): its body is not"),
        "{told}"
    );
    let error = Imported::try_of(har(&[bad]).as_bytes(), Source::Har).err().unwrap();
    assert!(matches!(error, ImportError::Entry { .. }), "{error}");
    assert!(error.to_string().contains("; entry 1 (https"), "{error}");
}

#[test]
fn entries_of_a_har_file_that_are_none_are_left_out_whatever_is_wrong_with_them() {
    let good = json!({
        "startedDateTime": "2026-01-31T12:00:00Z",
        "request": {"method": "GET", "url": "https://example.com/a?token=CANARY"},
        "response": {"status": 200, "content": {
            "mimeType": "text/event-stream", "text": "data: a\n\n",
        }},
    });
    let with = |path: &str, value: Value| {
        let mut entry = good.clone();
        *entry.pointer_mut(path).unwrap() = value;
        entry
    };
    let har = |entries: &[Value]| json!({"log": {"entries": entries}}).to_string();
    let url = "(https://example.com/a?token=***)";
    for (bad, why) in [
        (json!(7), "entry 2: it is no JSON object".to_owned()),
        (json!("CANARY"), "entry 2: it is no JSON object".into()),
        (with("/request", Value::Null), "entry 2: it has no request".into()),
        (
            with("/request/url", json!(["CANARY"])),
            "entry 2: its request has no method or no URL".into(),
        ),
        (
            with("/request/method", Value::Null),
            format!("entry 2 {url}: its request has no method or no URL"),
        ),
        (with("/response", json!("CANARY")), format!("entry 2 {url}: it has no response")),
        (
            with("/response/status", json!(70_000)),
            format!("entry 2 {url}: its response has no status"),
        ),
        (
            with("/response/content", json!([])),
            format!("entry 2 {url}: its response has no content"),
        ),
        (
            with("/response/content/text", json!(7)),
            format!("entry 2 {url}: something in it is of another"),
        ),
    ] {
        let bytes = har(&[good.clone(), bad.clone(), good.clone()]);
        let import = Imported::of(bytes.as_bytes(), Source::Har);
        assert_eq!(import.told.events, 2, "{why}");
        let [told] = &import.told.left_out[..] else { panic!("{why}: {:?}", import.told) };
        assert!(told.starts_with(&why) && !told.contains("CANARY"), "{told}");
        let error = Imported::try_of(har(&[json!({}), bad]).as_bytes(), Source::Har).err().unwrap();
        let ImportError::Entry { reason } = &error else { panic!("{error}") };
        assert_eq!(reason, "entry 1: it has no request");
    }
    // What is known to be no stream, or was not saved, is passed over as others are.
    for other in [
        json!({"response": {"content": {"mimeType": "image/png", "text": "x"}}}),
        json!({"response": {"content": {"mimeType": "text/event-stream"}}}),
        json!({"response": {"content": {}}}),
    ] {
        let import = Imported::of(har(&[other.clone(), good.clone()]).as_bytes(), Source::Har);
        assert_eq!((import.told.events, import.told.left_out.len()), (1, 0), "{other}");
        let error = Imported::try_of(har(&[other]).as_bytes(), Source::Har).err().unwrap();
        assert!(matches!(error, ImportError::NoStream), "{error}");
    }
    // An event is kept whenever it came.
    for time in [Value::Null, json!(7), json!("yesterday")] {
        let bytes = har(&[with("/startedDateTime", time), good.clone()]);
        let import = Imported::of(bytes.as_bytes(), Source::Har);
        assert_eq!((import.told.events, import.told.left_out.len()), (2, 0));
        assert!(import.recording.origin().untimed);
    }
    let many: Vec<_> = (0..130).map(|_| json!({})).chain([good]).collect();
    let import = Imported::of(har(&many).as_bytes(), Source::Har);
    let told = (import.told.events, import.told.left_out.len(), import.told.more_left_out);
    assert_eq!(told, (1, 100, 30));
}

#[test]
fn the_last_line_is_imported_without_its_end_too() {
    let import = Imported::of(
        br#"{"a":1}
{"a":2}"#,
        Source::Ndjson,
    );
    assert_eq!(import.events().len(), 2);
    let har = |body: &str| {
        json!({"log": {"entries": [{
            "startedDateTime": "2026-01-31T12:00:00Z",
            "request": {"method": "GET", "url": "https://127.0.0.1/e?ticket=CANARY", "headers": [
                {"name": ":path", "value": "/e?token=CANARY"},
                {"name": "Link", "value": "<https://127.0.0.1/e?code=CANARY>; rel=next"},
            ]},
            "response": {"status": 200, "content": {"mimeType": "application/x-ndjson", "text": body}},
        }]}})
        .to_string()
    };
    let import = Imported::of(har("{\"a\":1}\n{\"a\":2}").as_bytes(), Source::Har);
    assert_eq!(
        import.events().iter().map(|row| row.data.as_str()).collect::<Vec<_>>(),
        ["{\"a\":1}", "{\"a\":2}"]
    );
    assert_eq!(import.recording.origin().redacted, ["query key ticket"]);
    let mut out = Vec::new();
    export::har(&import.recording.view(), None, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("CANARY") && out.contains("ticket=***"), "{out}");
    let curl = export::curl(&import.recording.view(), 1).unwrap().unwrap();
    assert!(!curl.contains(":path") && !curl.contains("CANARY"), "{curl}");
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
fn a_head_that_is_far_too_large_is_cut() {
    let large = "\u{1}\u{e9}".repeat(1 << 18);
    let headers: Vec<_> =
        (0..1000).map(|n| json!({"name": format!("x-{n}"), "value": large[..4096]})).collect();
    let har = json!({"log": {"entries": [{
        "startedDateTime": "2026-01-31T12:00:00Z",
        "request": {"method": large, "url": format!("https://example.com/?{large}"), "headers": headers},
        "response": {"status": 200, "httpVersion": large, "headers": [{"name": "x", "value": large}],
            "content": {"mimeType": "text/event-stream", "text": "data: a\n\n"}},
    }]}});
    let import = Imported::of(har.to_string().as_bytes(), Source::Har);
    assert_eq!(import.events().len(), 1);
    let request = import.recording.view().turn(1).unwrap().request.unwrap();
    assert!(request.url.starts_with("https://example.com/?") && request.url.len() < 9000);
    assert!(!request.headers.is_empty() && request.headers.len() < 20);
    assert_eq!(import.recording.check(|_| {}).unwrap(), []);
}

#[test]
fn what_was_masked_is_listed_up_to_a_limit() {
    let query: String = (0..300).map(|n| format!("{n}-token=CANARY&")).collect();
    let har = json!({"log": {"entries": [{
        "startedDateTime": "2026-01-31T12:00:00Z",
        "request": {"method": "GET", "url": format!("https://example.com/?{query}")},
        "response": {"status": 200, "content": {"mimeType": "text/event-stream", "text": "data: a\n\n"}},
    }]}});
    let import = Imported::of(har.to_string().as_bytes(), Source::Har);
    assert_eq!(import.recording.origin().redacted.len(), 100);
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
fn a_page_has_the_beginning_of_a_long_event_and_a_row_all_of_it() {
    let lines: String = (0..40_000).map(|n| format!("data: line {n} \u{e9}\n")).collect();
    let body = format!("id: 7\nevent: long\n: within\n{lines}\ndata: short\n\n");
    let import = Imported::of(body.as_bytes(), Source::Raw);
    let view = import.recording.view();
    let events = import.events();
    let [long, short] = &events[..] else { panic!("{}", events.len()) };
    assert!(long.data.len() > 500_000 && long.data.ends_with("line 39999 \u{e9}"));
    for preview in [0, 1, 7, 8, 100, 20_000] {
        let page = view.page(long.number, 2, preview);
        let end = (0..=preview).rev().find(|&end| long.data.is_char_boundary(end)).unwrap();
        let expected = Row { data: long.data[..end].into(), ..long.clone() };
        assert_eq!(page[0], expected, "of {preview} bytes");
        assert_eq!(page[1].number, short.number);
    }
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
        assert_eq!(Source::guess(beginning), source, "{beginning:?}");
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

struct Imported {
    told: Told,
    recording: Recording,
    keep: tempfile::TempDir,
}

impl Imported {
    fn of(bytes: &[u8], source: Source) -> Self {
        Self::try_of(bytes, source).unwrap()
    }

    fn try_of(bytes: &[u8], source: Source) -> Result<Self, ImportError> {
        let keep = tempfile::tempdir().unwrap();
        let to: PathBuf = keep.path().join("out.ssrec");
        let told = import(bytes, source, "a file", &to)?;
        let recording = Recording::open(&to).unwrap();
        assert_eq!(recording.damage(), []);
        Ok(Self { told, recording, keep })
    }

    fn events(&self) -> Vec<Row> {
        let mut rows = self.recording.view().page(1, usize::MAX, usize::MAX);
        rows.retain(|row| row.kind == RowKind::Event);
        rows
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digits = String::from_utf8(digits).unwrap();
    (0..digits.len() / 2)
        .map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap())
        .collect()
}
