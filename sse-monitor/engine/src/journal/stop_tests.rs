//! Recordings that stop while the stream goes on.

use sse_codec::{Decoder, Item};

use super::{
    retention::{DiskLimit, DiskPolicy, Overflow, Retention},
    tests::{at, feed, folder, open, rows},
    turn::{ResponseHead, Turn},
    writer::{Place, Writer},
};
use crate::{
    recording::{Recording, export::raw, pack},
    row::{Row, RowKind},
};

/// More than a small recording may take.
const LONG: usize = 8_000;

fn small(path: &std::path::Path) -> Writer {
    let limit = DiskLimit { bytes: 12_000, policy: DiskPolicy::Stop };
    open(Place::Folder { path: path.into(), limit })
}

fn events(writer: &Writer) -> Vec<Row> {
    let mut rows = rows(&writer.kept().view());
    rows.retain(|row| row.kind == RowKind::Event);
    rows
}

#[test]
fn an_event_that_the_stop_cuts_is_whole() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = small(&path);
    feed(&mut writer, b"id: 1\ndata: one\n\n");
    let long = "x".repeat(LONG);
    let body =
        format!("id: 2\nevent: tick\ndata: {long}\n: beat\ndata: end\n\nid: 3\ndata: three\n\n");
    for piece in body.as_bytes().chunks(700) {
        feed(&mut writer, piece);
    }
    assert!(writer.stopped().unwrap().contains("the limit of 12000 bytes"));
    let rows = events(&writer);
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.id.as_str(), row.event_type.as_str(), row.data.as_str()))
        .collect();
    let two = format!("{long}\nend");
    assert_eq!(said, [("1", "message", "one"), ("2", "tick", &two), ("3", "message", "three")]);

    // What is recorded says how far it goes, and why.
    writer.close(at(9));
    let recording = Recording::open(&path).unwrap();
    assert!(recording.is_closed() && recording.damage().is_empty());
    assert_eq!(
        recording.recording_stopped().unwrap(),
        "the limit of 12000 bytes for recordings is reached"
    );
    assert_eq!(recording.totals().events, 1);
    assert_eq!(recording.view().next_row() - 1, 2);
}

#[test]
fn what_is_recorded_stays_in_sight_when_memory_is_full() {
    let keep = tempfile::tempdir().unwrap();
    let mut writer = small(&keep.path().join("s"));
    writer.fall_back_to(Retention { bytes: 64 << 10, rows: 100, overflow: Overflow::Pause });
    for n in 1..=2_000 {
        assert!(writer.room() > 0, "nobody releases the rows of a recording");
        feed(&mut writer, format!("id: {n}\ndata: {n}\n\n").as_bytes());
    }
    assert!(writer.stopped().is_some());
    let ids: Vec<u64> = events(&writer).iter().map(|row| row.id.parse().unwrap()).collect();
    let recorded = ids.iter().zip(1..).take_while(|(id, n)| **id == *n).count();
    assert!(recorded > 20, "{recorded}");
    let newest = &ids[recorded..];
    assert!((1..=100).contains(&newest.len()), "{}", newest.len());
    assert!(newest.iter().rev().zip((1..=2_000).rev()).all(|(id, n)| *id == n));
    // An export has what is shown, and nothing that is put together from both sides of what fell out.
    let mut body = Vec::new();
    raw(&writer.kept().view(), None, &mut body).unwrap();
    let (mut decoder, mut rest, mut exported) = (Decoder::new(), &body[..], Vec::new());
    while let Some(item) = decoder.decode(&mut rest).unwrap() {
        if let Item::Event(event) = item {
            exported.push(event.data.parse::<u64>().unwrap());
        }
    }
    assert_eq!(exported, ids);
    let refused = pack(&writer.kept().view(), writer.totals(), &keep.path().join("a"), |_| {});
    assert!(refused.unwrap_err().to_string().contains("stopped"), "no file says what fell out");
    let totals = writer.totals();
    let shown = rows(&writer.kept().view()).len() as u64;
    // With the turns: that it was connected, and that recording stopped.
    assert_eq!(totals.rows_forgotten + shown, totals.events + 2);
}

#[test]
fn a_turn_is_no_longer_than_a_frame_may_be() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    let mut turn = Turn::new(RowKind::Connected { status: 200 }, "é".repeat(1 << 20));
    let header = |n: usize| (format!("x-{n}"), "\u{1}".repeat(100_000));
    turn.response =
        Some(ResponseHead { headers: (0..50).map(header).collect(), ..ResponseHead::default() });
    writer.turn(&turn, at(3));
    feed(&mut writer, b"data: after\n\n");
    // It is not closed, and so read frame by frame.
    let recording = Recording::open(&path).unwrap();
    let rows = rows(&recording.view());
    assert_eq!(rows.last().unwrap().data, "after");
    assert!(rows[1].data.contains("bytes)") && rows[1].data.starts_with('é'));
    let read = recording.view().turn(2).unwrap();
    let headers = read.response.unwrap().headers;
    assert!(headers[0].1.ends_with("(100000 bytes)") && headers.len() < 50);
}
