//! Recordings from and to HAR files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod imported;

use imported::{Imported, STREAM};
use serde_json::{Value, json};
use sse_monitor_engine::{
    Row,
    recording::{ImportError, Source, export},
};

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
    let again = Imported::of(&out, Source::guess(&out).unwrap());
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
        // After those of which the time is known.
        let report = import.recording.report();
        assert_eq!(report.duration_micros, 0, "{report:?}");
        let began = import.recording.origin().started_unix_micros;
        assert!(import.events().iter().all(|row| row.unix_micros == began));
    }
    // Neither can be read as it is asked for: the one has no bottom, the other no such character.
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (time, why) in [
        (deep, "entry 1: it is nested too deep"),
        ("\"\\ud800\"".into(), "entry 1: it has a text or a number that cannot be read"),
    ] {
        let bad = with("/startedDateTime", json!("HERE")).to_string().replace("\"HERE\"", &time);
        let har = format!("{{\"log\":{{\"entries\":[{bad},{good}]}}}}");
        let import = Imported::of(har.as_bytes(), Source::Har);
        assert_eq!((import.told.events, &import.told.left_out[..]), (1, &[why.to_owned()][..]));
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
