//! Segments that begin anywhere in a body: their index made again is the one that was.

use alloc::sync::Arc;
use core::ops::ControlFlow;

use sse_codec::Limits;

use super::Writer;
use crate::{
    journal::{
        blob::Blob,
        entry::FLAG_BEGINNING_LOST,
        kept::Kept,
        reader,
        retention::Retention,
        segment::Segment,
        tests::{at, feed},
        turn::{Format, Head, Origin, ResponseHead, Turn},
        view::{Part, View},
    },
    recording::rebuild::rebuild,
    row::RowKind,
};

fn limits() -> Limits {
    Limits::default().line(16).event(40)
}

fn origin() -> Origin {
    let (most_line, most_event) = (limits().line as u64, limits().event as u64);
    Origin { most_line, most_event, ..Origin::default() }
}

/// What has come of a body.
fn recorded(format: Format, body: &[u8]) -> Writer {
    let mut writer = Writer::in_memory(origin(), limits(), Retention::default());
    writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
    let mut connected = Turn::new(RowKind::Connected { status: 200 }, "connected");
    connected.response = Some(ResponseHead { format, ..ResponseHead::default() });
    writer.turn(&connected, at(0));
    writer.begin_body(format, at(0));
    feed(&mut writer, body);
    writer
}

/// The rows of a body, with their bytes: but for those whose beginning is in the segment before, though they were not
/// dropped by then. An index that is made again does without them.
fn rows(view: &View) -> Vec<(RowKind, String, Vec<u8>)> {
    let mut whole = Vec::new();
    reader::for_entries(view, view.numbers(), |_, number, entry| {
        whole.extend(entry.filter(|entry| !entry.has(FLAG_BEGINNING_LOST)).map(|_| number));
        ControlFlow::<()>::Continue(())
    });
    let rows = view.rows(&whole, usize::MAX).into_iter();
    let rows =
        rows.filter(|row| !matches!(row.kind, RowKind::Connecting | RowKind::Connected { .. }));
    rows.map(|row| (row.kind, row.data, view.raw(row.number).unwrap_or_default())).collect()
}

/// The same with indexes that are made again of each segment by itself.
fn rebuilt(view: &View) -> View {
    let kept = Arc::new(Kept::new(origin()));
    for Part { segment, .. } in view.parts() {
        let journal = Blob::memory();
        let mut bytes = Vec::new();
        let length = usize::try_from(segment.journal.len()).unwrap();
        segment.journal.read_into(0, length, &mut bytes).unwrap();
        journal.append([&[], &bytes]).unwrap();
        let checkpoint = segment.checkpoint.clone();
        let head = Head { checkpoint: checkpoint.clone(), ..Head::default() };
        let before = Writer::in_memory(origin(), limits(), Retention::default()).totals();
        let rebuilt = rebuild(&journal, &head, limits(), before, &kept, "journal").unwrap();
        let blobs = [journal, rebuilt.index, rebuilt.ids];
        let (number, first_row) = (segment.number, segment.first_row);
        kept.push(Arc::new(Segment::existing(
            number,
            first_row,
            rebuilt.rows,
            blobs,
            checkpoint,
            None,
        )));
    }
    kept.view()
}

/// Checks it for each place at which the body may be cut in two, and says how many of them lie within what was dropped.
fn check(format: Format, body: &[u8], name: &str) -> usize {
    let mut within_dropped = 0;
    for cut in 0..=body.len() {
        let mut writer = recorded(format, &body[..cut]);
        within_dropped += usize::from(writer.indexing.indexer().is_dropping());
        writer.rotate(at(2));
        feed(&mut writer, &body[cut..]);
        let live = writer.kept().view();
        assert_eq!(rows(&rebuilt(&live)), rows(&live), "{name} cut at {cut}");
    }
    within_dropped
}

#[test]
fn a_segment_may_begin_anywhere_in_a_body() {
    // A line that is too long, an event that is, and a comment, each with more of the event after it.
    let line = "id: 1\ndata: a\n\ndata: 0123456789abcdef\ndata: b\n\nid: 2\ndata: c\n\n";
    let event = "data: a\n\ndata: 0123456\ndata: 0123456\ndata: 0123456\ndata: b\n\n\ndata: c\n\n";
    let comment = "data: a\n\n: 0123456789abcdef\ndata: b\n\n\u{feff}data: c\n\ndata: d\n\n";
    for body in [line, event, comment] {
        for end in ["\n", "\r\n", "\r"] {
            let body = body.replace('\n', end);
            let within_dropped = check(Format::EventStream, body.as_bytes(), &format!("{body:?}"));
            assert!(within_dropped > 8, "{body:?}: {within_dropped}");
        }
    }
}

#[test]
fn a_segment_may_begin_anywhere_in_lines_of_json() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(60));
    let body = format!("[1]\n\n{long}\r\n\r\n[2]\n[3]\r[4]\n");
    assert!(check(Format::Ndjson, body.as_bytes(), "lines") > 8);
}
