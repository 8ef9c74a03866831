//! A writer and its readers.

use std::path::Path;

use sse_codec::Limits;

use super::{
    retention::{DiskLimit, DiskPolicy, Overflow, Retention},
    turn::{Format, Origin, ResponseHead, Turn},
    view::View,
    writer::{Place, Writer},
};
use crate::{
    clock::Moment,
    recording::{Recording, pack},
    row::{Row, RowKind},
};

#[test]
fn rows_come_back_as_the_stream_said_them() {
    let keep = tempfile::tempdir().unwrap();
    for place in [memory(), folder(&keep.path().join("s"))] {
        let mut writer = open(place);
        feed(
            &mut writer,
            b"id: 7\nevent: tick\ndata: one\ndata: two\x1b[0m\n\n: beat\r\nretry: 20\n\n",
        );
        feed(&mut writer, b"data: no id of its own\n\n");
        let rows = rows(&writer.kept().view());
        let [connected, event, comment, retry, second] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(connected.kind, RowKind::Connected { status: 200 });
        assert_eq!((event.event_type.as_str(), event.id.as_str()), ("tick", "7"));
        assert_eq!((event.data.as_str(), event.data_bytes), ("one\ntwo\u{1b}[0m", 11));
        assert_eq!((event.attempt, event.elapsed_micros, event.number), (1, 2, 2));
        assert_eq!(event.unix_micros, 1_700_000_000_000_002);
        assert_eq!((comment.kind, comment.data.as_str()), (RowKind::Comment, " beat"));
        assert_eq!(retry.kind, RowKind::ReconnectionTime { wait_ms: 20 });
        assert_eq!((second.event_type.as_str(), second.id.as_str()), ("message", "7"));
        let raw = writer.kept().view().raw(2).unwrap();
        assert_eq!(raw, b"id: 7\nevent: tick\ndata: one\ndata: two\x1b[0m\n\n");
    }
}

#[test]
fn an_event_is_whole_however_it_was_cut() {
    let body =
        "id: 1\ndata: aé\n\nevent: x\r\ndata: b\r\n\r\n: c\n\ndata: d\rdata: e\r\rdata: f\n\n";
    let mut whole = open(memory());
    feed(&mut whole, body.as_bytes());
    let expected = rows(&whole.kept().view());
    assert_eq!(expected.len(), 6);
    for size in 1..body.len() {
        let mut writer = open(memory());
        for chunk in body.as_bytes().chunks(size) {
            feed(&mut writer, chunk);
        }
        let rows = rows(&writer.kept().view());
        let texts = |rows: &[Row]| -> Vec<_> {
            let texts = |row: &Row| (row.event_type.clone(), row.id.clone(), row.data.clone());
            rows.iter().map(texts).collect()
        };
        assert_eq!(texts(&rows), texts(&expected), "in pieces of {size}");
    }
}

#[test]
fn an_event_with_a_comment_within_is_whole_however_it_was_cut() {
    let body = b": x\nretry: 1\n\ndata: one\n: beat\ndata: two\nretry: 5\ndata: three\n\n: y\n\n";
    for size in 1..=body.len() {
        let mut writer = open(memory());
        for chunk in body.chunks(size) {
            feed(&mut writer, chunk);
        }
        let rows = rows(&writer.kept().view());
        let event = rows.iter().find(|row| row.kind == RowKind::Event).unwrap();
        assert_eq!(event.data, "one\ntwo\nthree", "in pieces of {size}");
        assert_eq!(rows.len(), 1 + 6, "in pieces of {size}");
    }
}

#[test]
fn a_page_begins_anywhere_and_crosses_segments() {
    let folder_path = tempfile::tempdir().unwrap();
    let limit = DiskLimit { bytes: 8 << 20, policy: DiskPolicy::Stop };
    let path = folder_path.path().join("s");
    for place in [memory(), Place::Folder { path: path.clone(), limit }] {
        let mut writer = open(place);
        let mut body = String::new();
        for n in 2..=30_000 {
            body.push_str(&format!("id: {n}\ndata: {n}\n\n"));
        }
        for chunk in body.as_bytes().chunks(4_000) {
            feed(&mut writer, chunk);
        }
        let view = writer.kept().view();
        assert!(view.parts().len() > 1, "{}", view.parts().len());
        assert_eq!((view.first_row(), view.next_row()), (1, 30_001));
        for first in [2, 4_096, 15_000, 29_999, 30_000] {
            let page = view.page(first, 50, 80);
            let expected: Vec<u64> = (first..=30_000).take(50).collect();
            assert_eq!(page.iter().map(|row| row.number).collect::<Vec<_>>(), expected);
            assert!(
                page.iter().all(|row| row.data == row.number.to_string() && row.id == row.data)
            );
        }
        assert!(view.page(30_001, 50, 80).is_empty());
        assert!(view.page(u64::MAX, usize::MAX, usize::MAX).is_empty());
        assert!(view.page(1, 0, 80).is_empty());
    }
}

#[test]
fn no_row_has_more_of_its_data_than_is_asked_for() {
    let limits = Limits::default().line(8);
    let mut writer = Writer::new(Origin::default(), limits, memory()).unwrap();
    writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(1));
    writer.begin_body(Format::EventStream, at(1));
    feed(&mut writer, b"data: too long\n\nretry: 7\n: ab\ndata: c\n\n");
    let view = writer.kept().view();
    let whole = rows(&view);
    assert_eq!(whole.len(), 5);
    for preview in 0..20 {
        for (row, whole) in view.page(1, 9, preview).iter().zip(&whole) {
            let most = preview.min(whole.data.len());
            assert_eq!((&*row.data, row.data_bytes), (&whole.data[..most], whole.data_bytes));
        }
    }
}

#[test]
fn a_preview_is_cut_between_characters_and_says_so() {
    let mut writer = open(memory());
    feed(&mut writer, "data: aé€𝄞z\n\n".as_bytes());
    let view = writer.kept().view();
    let previews: Vec<_> = (0..=12).map(|n| view.page(2, 1, n).remove(0)).collect();
    let texts: Vec<_> = previews.iter().map(|row| row.data.as_str()).collect();
    assert_eq!(
        texts,
        ["", "a", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€", "aé€", "aé€𝄞", "aé€𝄞z", "aé€𝄞z"]
    );
    assert!(previews[10].is_cut());
    assert!(!previews[11].is_cut());
}

#[test]
fn past_a_limit_in_memory_the_oldest_fall_out_and_are_counted() {
    let by_rows = Retention { rows: 160, ..Retention::default() };
    let by_bytes = Retention { bytes: 40_000, ..Retention::default() };
    for retention in [by_rows, by_bytes] {
        let mut writer = open(Place::Memory(retention));
        for n in 2..=1_000 {
            feed(&mut writer, format!("data: {n}\n\n").as_bytes());
            let view = writer.kept().view();
            assert!(view.next_row() - view.first_row() <= retention.rows);
            assert!(writer.totals().kept_bytes <= retention.bytes as u64);
        }
        let view = writer.kept().view();
        assert_eq!(view.next_row(), 1_001);
        assert!(view.first_row() > 1);
        assert_eq!(writer.totals().rows_forgotten, view.first_row() - 1);
        let page = view.page(1, 1, 80);
        assert_eq!(page[0].data, view.first_row().to_string(), "a page begins at the oldest kept");
        assert_eq!(view.row(1), None);
    }
}

#[test]
fn what_is_dropped_can_still_be_read_through_an_older_view() {
    let mut writer = open(Place::Memory(Retention { bytes: 10_000, ..Retention::default() }));
    feed(&mut writer, b"data: first\n\n");
    let before = writer.kept().view();
    for _ in 0..1_000 {
        feed(&mut writer, b"data: later\n\n");
    }
    assert_eq!(writer.kept().view().row(2), None);
    assert_eq!(before.row(2).unwrap().data, "first");
}

#[test]
fn a_pausing_writer_takes_no_more_rows_than_it_has_room_for() {
    let retention = Retention { rows: 32, overflow: Overflow::Pause, ..Retention::default() };
    let mut writer = open(Place::Memory(retention));
    let body: String = (2..=40).map(|n| format!("data: {n}\n\n")).collect();
    let mut used = 0;
    while writer.room() > 0 {
        let rest = &body.as_bytes()[used..];
        used += writer.body(rest, rest.len(), used > 0, writer.room(), at(2));
    }
    assert_eq!(writer.kept().next_row(), 33);
    assert_eq!(&body[used..used + 8], "data: 33");
    writer.kept().show_from(33);
    writer.release();
    assert_eq!(writer.room(), 32);
    while used < body.len() {
        used += writer.body(&body.as_bytes()[used..], 0, true, writer.room(), at(2));
    }
    assert_eq!(writer.kept().view().row(40).unwrap().data, "40");
    assert_eq!(writer.totals().rows_forgotten, 0, "released is not forgotten");
}

#[test]
fn an_endless_line_takes_no_more_than_its_limit_and_is_told() {
    let retention = Retention { bytes: 4 << 20, rows: 16_384, overflow: Overflow::Pause };
    let mut writer = open(Place::Memory(retention));
    writer.kept().show_from(2);
    let chunk = vec![b'x'; 1 << 16];
    feed(&mut writer, b"data: ");
    for _ in 0..1024 {
        assert!(writer.room() > 0, "what is no row must not wait for itself");
        feed(&mut writer, &chunk);
        writer.kept().show_from(writer.kept().next_row());
        assert!(writer.totals().kept_bytes < 12 << 20, "{}", writer.totals().kept_bytes);
    }
    feed(&mut writer, b"\n\ndata: after\n\n");
    let view = writer.kept().view();
    assert_eq!(view.row(view.next_row() - 1).unwrap().data, "after");
    assert_eq!(writer.totals().decode_errors, 1);
}

#[test]
fn a_comment_that_is_too_long_is_told_as_one_and_takes_no_event_along() {
    let mut writer = open(memory());
    // Each of its bytes is three as text.
    let comment = vec![0xff; Limits::default().line / 2];
    let body = [&b"data: a\n:"[..], &comment, b"\ndata: b\n\n"].concat();
    feed(&mut writer, &body);
    let rows = rows(&writer.kept().view());
    let [_, told, event] = &rows[..] else { panic!("{} rows", rows.len()) };
    assert_eq!(told.kind, RowKind::DecodeError);
    let said =
        "a comment (at byte 8 of the body) was left out, and no event with it: it is longer than";
    assert!(told.data.starts_with(said), "{}", told.data);
    assert_eq!(event.data, "a\nb");
    let totals = writer.totals();
    assert_eq!((totals.events, totals.comments, totals.decode_errors), (1, 1, 0));
    let report = writer.kept().statistics().report().clone();
    assert_eq!((report.events, report.comments, report.decode_errors), (1, 1, 0));
}

/// A small session of two attempts, in a folder.
pub(super) fn recorded(closed: bool) -> (tempfile::TempDir, std::path::PathBuf, Vec<Row>) {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("session");
    let mut writer = open(folder(&path));
    feed(&mut writer, b"id: 1\ndata: one\n\nid: 2\nevent: tick\nda");
    feed(&mut writer, b"ta: two\n\n: beat\n");
    writer.turn(&Turn::new(RowKind::Connecting, "connecting again").id("2"), at(3));
    writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(4));
    writer.begin_body(Format::EventStream, at(4));
    feed(&mut writer, b"data: three\n\ndata: four\n\ndata: not who");
    if closed {
        writer.close(at(5));
    }
    let rows = rows(&writer.kept().view());
    (keep, path, rows)
}

pub(super) fn packed() -> (tempfile::TempDir, std::path::PathBuf, Vec<Row>) {
    let (keep, path, expected) = recorded(true);
    let recording = Recording::open(&path).unwrap();
    let file = keep.path().join("one.ssrec");
    pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
    (keep, file, expected)
}

pub(super) fn memory() -> Place {
    Place::Memory(Retention::default())
}

pub(super) fn folder(path: &Path) -> Place {
    Place::Folder { path: path.into(), limit: DiskLimit::default() }
}

/// A writer with one row: that the stream is open.
pub(super) fn open(place: Place) -> Writer {
    let origin = Origin {
        url: "http://127.0.0.1/events".into(),
        started_unix_micros: 1_700_000_000_000_000,
        ..Origin::default()
    };
    let mut writer = Writer::new(origin, Limits::default(), place).unwrap();
    writer.begin_attempt();
    writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(1));
    writer.begin_body(Format::EventStream, at(1));
    writer
}

/// A further attempt.
pub(super) fn connected(writer: &mut Writer, format: Format) {
    writer.turn(&Turn::new(RowKind::Connecting, "again"), at(3));
    let mut turn = Turn::new(RowKind::Connected { status: 200 }, "connected again");
    turn.response = Some(ResponseHead { format, ..ResponseHead::default() });
    writer.turn(&turn, at(4));
    writer.begin_body(format, at(4));
}

pub(super) fn feed(writer: &mut Writer, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let used = writer.body(rest, rest.len(), rest.len() < bytes.len(), u64::MAX, at(2));
        rest = &rest[used..];
    }
}

pub(super) fn at(elapsed_micros: u64) -> Moment {
    Moment { unix_micros: 1_700_000_000_000_000 + elapsed_micros, elapsed_micros }
}

pub(super) fn rows(view: &View) -> Vec<Row> {
    view.page(1, usize::MAX, usize::MAX)
}
