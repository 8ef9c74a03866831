//! Recordings that are damaged, old or large, and test vectors of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod imported;

use std::fs;

use imported::{Imported, STREAM};
use serde_json::{Value, json};
use sse_monitor_engine::{
    Limits, Row, RowKind,
    query::{Match, diff},
    recording::{DamageKind, Recording, Source, export, import_within, pack},
};

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
