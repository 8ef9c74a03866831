//! The bytes of events that were dropped.

use core::ops::ControlFlow;
use std::{fs, path::Path};

use sse_codec::Limits;

use super::{
    dropped::{Dropped, Passed, RawEnd},
    retention::{DiskLimit, DiskPolicy},
    tests::{at, feed, memory, rows},
    turn::{Format, Origin, Turn},
    view::View,
    writer::{Place, Writer},
};
use crate::{
    recording::{Recording, pack},
    row::RowKind,
    state::Fault,
};

/// An event with a line that is too long, after a comment within it, one that is too long as a whole, and one that
/// the connection cut, between others.
struct Sent {
    line: String,
    event: String,
    cut: String,
    body: String,
}

impl Sent {
    fn new() -> Self {
        let line =
            format!(": c\r\nid: 5\nevent: image\ndata: {}\r\ndata: rest\r\n\r", "x".repeat(5000));
        let event = format!("id: 6\n{}\n", "data: 1234567890\n".repeat(400));
        let cut = format!("data: {}", "z".repeat(2000));
        // So much that a small segment is full within the next event, before that is too large.
        let small = format!("data: {}\n\n", "b".repeat(900)).repeat(3);
        let body = ["data: a\n\n", &line, "\n", &small, &event, ": d\n", &cut].concat();
        Self { line, event, cut, body }
    }

    fn to(&self, place: Place) -> Writer {
        let limits = Limits::default().line(1000).event(3000);
        let origin = Origin { most_line: 1000, most_event: 3000, ..Origin::default() };
        let mut writer = Writer::new(origin, limits, place).unwrap();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        self.body.as_bytes().chunks(700).for_each(|piece| feed(&mut writer, piece));
        let kind = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
        writer.turn(&Turn::new(kind, "ended"), at(0));
        // What another connection brings is no part of it.
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        feed(&mut writer, b"\n\ndata: of another\n\n");
        writer
    }
}

fn place(path: &Path, bytes: u64) -> Place {
    Place::Folder { path: path.into(), limit: DiskLimit { bytes, policy: DiskPolicy::Stop } }
}

/// Each row that was dropped, with its bytes.
fn dropped(view: &View) -> Vec<(u64, Dropped, Vec<u8>)> {
    let rows = (1..view.next_row()).filter_map(|row| Some((row, view.dropped(row)?)));
    rows.map(|(row, dropped)| (row, dropped, view.raw(row).unwrap())).collect()
}

#[test]
fn the_bytes_of_what_was_dropped_are_there_wherever_they_lie() {
    let keep = tempfile::tempdir().unwrap();
    let sent = Sent::new();
    for (place, is_small) in [
        (memory(), false),
        (place(&keep.path().join("small"), 64 << 10), true),
        (place(&keep.path().join("large"), 1 << 30), false),
    ] {
        let writer = sent.to(place);
        let view = writer.kept().view();
        assert_eq!(view.parts().len() > 1, is_small);
        let told = dropped(&view);
        let [first, second, third] = &told[..] else { panic!("{told:?}") };
        let text = |bytes: &[u8]| String::from_utf8(bytes.into()).unwrap();
        assert_eq!(text(&first.2), sent.line[5..], "without the comment, which is a row itself");
        assert_eq!(text(&second.2), sent.event);
        assert_eq!(text(&third.2), sent.cut);
        assert_eq!((first.1.passed, first.1.limit, first.1.at), (Passed::Line, 1000, Some(14)));
        assert_eq!(first.1.event_type.as_deref(), Some("image"));
        assert_eq!((second.1.passed, second.1.id.as_deref()), (Passed::Event, Some("6")));
        assert_eq!(third.1.at, Some((sent.body.len() - sent.cut.len()) as u64));
        let said = view.row(first.0).unwrap().data;
        assert!(
            said.starts_with("an event (type image, id 5, at byte 14 of the body) was"),
            "{said}"
        );
    }
}

#[test]
fn what_was_dropped_is_shown_piece_by_piece() {
    let writer = Sent::new().to(memory());
    let view = writer.kept().view();
    let row = dropped(&view)[0].0;
    let mut pieces = 0;
    let whole = view.visit_raw(row, |_| {
        pieces += 1;
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(whole, ControlFlow::Continue(RawEnd::Whole));
    assert!(pieces > 5, "{pieces}");
    // No more than is wanted.
    let first = view.visit_raw(row, |piece| ControlFlow::Break(piece.len()));
    assert_eq!(first, ControlFlow::Break(686));
    let mut writer = writer;
    feed(&mut writer, &b"data: more than is taken, without an end".repeat(9));
    let view = writer.kept().view();
    let last = dropped(&view).last().unwrap().0;
    let end = view.visit_raw(last, |_| ControlFlow::<()>::Continue(()));
    assert_eq!(end, ControlFlow::Continue(RawEnd::Unfinished));
    let turn = view.visit_raw(1, |_| ControlFlow::<()>::Continue(()));
    assert_eq!(turn, ControlFlow::Continue(RawEnd::Damaged));
}

#[test]
fn a_recording_tells_the_same_of_what_was_dropped() {
    let keep = tempfile::tempdir().unwrap();
    for (name, bytes) in [("small", 64 << 10), ("large", 1 << 30)] {
        let folder = keep.path().join(name);
        let mut writer = Sent::new().to(place(&folder, bytes));
        let view = writer.kept().view();
        let expected = dropped(&view);
        writer.close(at(0));
        let recording = Recording::open(&folder).unwrap();
        assert_eq!(dropped(&recording.view()), expected);
        let file = folder.with_extension("ssrec");
        pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
        assert_eq!(dropped(&Recording::open(&file).unwrap().view()), expected);
        // The index is made again of the segments one by one, which may begin within an event that was dropped.
        let again = without_index(&folder);
        assert_eq!(again.next_row(), view.next_row(), "{name}");
        assert_eq!(dropped(&again), expected, "{name}");
    }
}

#[test]
fn a_segment_that_begins_with_the_end_of_a_dropped_line_tells_no_event_that_nobody_sent() {
    let keep = tempfile::tempdir().unwrap();
    for (name, end, rest) in [
        ("lf", "", "\ndata: rest\n\n"),
        ("cr", "", "\rdata: rest\r\r"),
        ("crlf", "\r", "\ndata: rest\r\n\r\n"),
    ] {
        let folder = keep.path().join(name);
        let origin = Origin { most_line: 1000, most_event: 3000, ..Origin::default() };
        let limits = Limits::default().line(1000).event(3000);
        let mut writer = Writer::new(origin, limits, place(&folder, 64 << 10)).unwrap();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        // So long that its segment waits no longer for its end.
        feed(&mut writer, format!("data: {}{end}", "x".repeat(20_000)).as_bytes());
        feed(&mut writer, rest.as_bytes());
        feed(&mut writer, b"data: next\n\n");
        let live = rows(&writer.kept().view());
        let kinds: Vec<_> = live.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [RowKind::Connecting, RowKind::DecodeError, RowKind::Event], "{name}");
        assert!(writer.kept().view().parts()[1].segment.checkpoint.mid_event);
        writer.close(at(0));
        assert_eq!(rows(&without_index(&folder)), live, "{name}");
    }
}

#[test]
fn what_was_dropped_is_not_joined_over_a_segment_that_is_gone() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().join("s");
    let origin = Origin { most_line: 1000, most_event: 3000, ..Origin::default() };
    let limits = Limits::default().line(1000).event(3000);
    let mut writer = Writer::new(origin, limits, place(&folder, 128 << 10)).unwrap();
    writer.begin_body(Format::EventStream, at(0));
    let mut sent = 0;
    while !folder.join("000003.sse").exists() {
        feed(&mut writer, format!("{sent:0999}").as_bytes());
        sent += 1;
    }
    feed(&mut writer, b"the end\n\n");
    writer.close(at(0));
    let raw = |at: &Path| {
        let view = Recording::open(at).unwrap().view();
        let mut raw = Vec::new();
        let end = view.visit_raw(1, |piece| {
            raw.extend_from_slice(piece);
            ControlFlow::<()>::Continue(())
        });
        (raw, end)
    };
    let (whole, end) = raw(&folder);
    assert_eq!(end, ControlFlow::Continue(RawEnd::Whole));
    fs::remove_file(folder.join("000002.sse")).unwrap();
    let (cut, end) = raw(&folder);
    assert_eq!(end, ControlFlow::Continue(RawEnd::Unfinished));
    assert!(whole.starts_with(&cut) && cut.len() < whole.len(), "{} bytes", cut.len());
}

/// A recording whose indexes are made again.
fn without_index(folder: &Path) -> View {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "index") {
            fs::remove_file(path).unwrap();
        }
    }
    Recording::open(folder).unwrap().view()
}
