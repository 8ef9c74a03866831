//! What is left of a segment whose head is damaged, and of a file whose index is.

use std::{fs, path::Path};

use sse_codec::Limits;

use super::{
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader, FrameKind},
    retention::{DiskLimit, DiskPolicy},
    tests::{at, connected, feed, folder, open, rows},
    turn::{Format, Origin, Turn},
    writer::{Place, Writer},
};
use crate::{
    recording::{Damage, Recording, pack},
    row::{Row, RowKind},
};

/// A folder whose segments are as small as they get.
fn small(path: &Path, policy: DiskPolicy) -> Place {
    Place::Folder { path: path.into(), limit: DiskLimit { bytes: 1 << 20, policy } }
}

/// Changes the payload of the head, of which nothing is left then.
fn damage_head(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    let mut damaged = bytes.clone();
    damaged[FILE_HEADER + FRAME_HEADER + 3] ^= 1;
    fs::write(file, damaged).unwrap();
    bytes
}

fn remove_index(folder: &Path, number: u64) {
    for name in ["index", "ids"] {
        fs::remove_file(folder.join(format!("{number:06}.{name}"))).unwrap();
    }
}

#[test]
fn a_segment_whose_head_is_damaged_goes_on_where_the_one_before_ends() {
    for format in [Format::EventStream, Format::Ndjson] {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("s");
        let mut writer =
            Writer::new(Origin::default(), Limits::default(), small(&path, DiskPolicy::Stop))
                .unwrap();
        connected(&mut writer, format);
        if format == Format::EventStream {
            feed(&mut writer, b"id: only\n\n");
        }
        for n in 0.. {
            feed(
                &mut writer,
                match format {
                    Format::EventStream => format!("data: {n}-{:0500}\n\n", 0),
                    Format::Ndjson => format!("{{\"a\":\"{n}-{:0500}\"}}\n", 0),
                }
                .as_bytes(),
            );
            if path.join("000003.sse").exists() {
                break;
            }
        }
        drop(writer);
        let whole = rows(&Recording::open(&path).unwrap().view());
        for number in 2..=3 {
            let file = path.join(format!("{number:06}.sse"));
            let bytes = damage_head(&file);
            remove_index(&path, number);
            let recording = Recording::open(&path).unwrap();
            assert!(rows(&recording.view()) == whole, "{format:?}, {number}");
            assert!(recording.damage().iter().any(Damage::is_loss));
            assert!(recording.counts_lost_rows());
            fs::write(&file, bytes).unwrap();
        }
    }
}

#[test]
fn what_is_packed_of_a_folder_whose_beginning_is_gone_is_as_much() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(small(&path, DiskPolicy::Stop));
    connected(&mut writer, Format::Ndjson);
    while !path.join("000003.sse").exists() {
        feed(&mut writer, format!("{{\"a\":\"{:0500}\"}}\n", 0).as_bytes());
    }
    drop(writer);
    fs::remove_file(path.join("000001.sse")).unwrap();
    damage_head(&path.join("000002.sse"));
    let recording = Recording::open(&path).unwrap();
    let left = rows(&recording.view());
    assert!(left.len() > 10);
    let file = keep.path().join("one.ssrec");
    pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
    let made = rows(&Recording::open(&file).unwrap().view());
    let texts = |rows: &[Row]| -> Vec<_> { rows.iter().map(|row| row.data.clone()).collect() };
    assert!(texts(&made) == texts(&left), "{} of {}", made.len(), left.len());
}

#[test]
fn what_is_packed_of_a_journal_without_its_head_has_no_row_that_is_not_shown() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    writer.turn(&Turn::new(RowKind::Connecting, "again"), at(1));
    connected(&mut writer, Format::EventStream);
    feed(&mut writer, b"data: a\n\n");
    drop(writer);
    // So little is left of the head that the first frame after it has no room to be the second of the journal.
    let file = path.join("000001.sse");
    let mut bytes = fs::read(&file).unwrap();
    let head = FrameHeader::decode(bytes[FILE_HEADER..].first_chunk().unwrap()).unwrap();
    bytes.drain(FILE_HEADER..FILE_HEADER + FRAME_HEADER + head.length as usize - 30);
    fs::write(&file, bytes).unwrap();
    let recording = Recording::open(&path).unwrap();
    let shown = rows(&recording.view());
    let packed = keep.path().join("one.ssrec");
    pack(&recording.view(), recording.totals(), &packed, |_| {}).unwrap();
    assert_eq!(rows(&Recording::open(&packed).unwrap().view()), shown);
}

#[test]
fn a_frame_that_reaches_into_the_end_is_packed_with_its_row() {
    let keep = tempfile::tempdir().unwrap();
    let (path, file) = (keep.path().join("s"), keep.path().join("one.ssrec"));
    let mut writer = open(folder(&path));
    feed(&mut writer, b"data: a\n\n");
    writer.turn(&Turn::new(RowKind::Closed, "closed"), at(1));
    writer.close(at(9));
    let recording = Recording::open(&path).unwrap();
    pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
    let whole = fs::read(&file).unwrap();
    let mut place = FILE_HEADER;
    let mut frames = Vec::new();
    while let Some(header) = whole.get(place..).and_then(|b| b.first_chunk::<FRAME_HEADER>()) {
        let header = FrameHeader::decode(header).unwrap();
        frames.push((place, header));
        place += FRAME_HEADER + header.length as usize;
    }
    let end = frames.iter().position(|(_, header)| header.kind == FrameKind::End).unwrap();
    for missing in 1..5 {
        let mut bytes = whole.clone();
        bytes.drain(frames[end].0 - missing..frames[end].0);
        fs::write(&file, bytes).unwrap();
        let recording = Recording::open(&file).unwrap();
        let made = keep.path().join("made.ssrec");
        pack(&recording.view(), recording.totals(), &made, |_| {}).unwrap();
        let made_of = rows(&Recording::open(&made).unwrap().view());
        assert_eq!(made_of.len(), rows(&recording.view()).len(), "{missing}");
        fs::remove_file(made).unwrap();
    }
}

#[test]
fn a_segment_that_begins_with_a_turn_lacks_no_row_where_its_head_is_damaged() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(small(&path, DiskPolicy::Stop));
    while !path.join("000002.sse").exists() {
        writer.turn(&Turn::new(RowKind::Connecting, "x".repeat(1000)), at(1));
    }
    writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(1));
    writer.begin_body(Format::EventStream, at(1));
    feed(&mut writer, b"data: a\n\n");
    let whole = rows(&writer.kept().view());
    drop(writer);
    // Nothing tells with what it goes on.
    fs::remove_file(path.join("000001.sse")).unwrap();
    damage_head(&path.join("000002.sse"));
    remove_index(&path, 2);
    let recording = Recording::open(&path).unwrap();
    let left = rows(&recording.view());
    assert_eq!(left.last().unwrap().data, whole.last().unwrap().data);
    assert!(recording.counts_lost_rows());
}

#[test]
fn a_session_whose_first_head_is_damaged_is_told_of_by_the_next() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(small(&path, DiskPolicy::Stop));
    while !path.join("000004.sse").exists() {
        feed(&mut writer, format!("data: {:0500}\n\n", 0).as_bytes());
    }
    drop(writer);
    fs::remove_file(path.join("000001.sse")).unwrap();
    let before = Recording::open(&path).unwrap();
    damage_head(&path.join("000002.sse"));
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.origin().url, "http://127.0.0.1/events");
    let (first, next) = (before.view().first_row(), before.view().next_row());
    assert!(first > 1);
    assert_eq!((recording.view().first_row(), recording.view().next_row()), (first, next));
    assert!(rows(&recording.view()) == rows(&before.view()));
}

#[test]
fn what_was_dropped_stays_counted_where_an_index_is_damaged() {
    for policy in [DiskPolicy::DropOldest, DiskPolicy::Stop] {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("s");
        let mut writer = open(small(&path, policy));
        for n in 0..4000 {
            feed(&mut writer, format!("id: {n}\nevent: e\ndata: {:0500}\n\n", 0).as_bytes());
        }
        writer.close(at(9));
        let closed = Recording::open(&path).unwrap();
        let file = keep.path().join("one.ssrec");
        pack(&closed.view(), closed.totals(), &file, |_| {}).unwrap();
        let all = |recording: &Recording| {
            let told = (recording.totals(), recording.recording_stopped());
            (told, recording.report().events, rows(&recording.view()))
        };
        let whole = Recording::open(&file).unwrap();
        let expected = all(&whole);
        let is_short = expected.0.1.is_some() || expected.0.0.rows_forgotten > 0;
        assert!(is_short, "{policy:?}: {:?}", expected.0);
        let bytes = fs::read(&file).unwrap();
        let mut place = FILE_HEADER;
        let mut seen = 0;
        while let Some(header) = bytes.get(place..).and_then(|b| b.first_chunk::<FRAME_HEADER>()) {
            let header = FrameHeader::decode(header).unwrap();
            // The statistics alone know how many events there were.
            if header.kind.is_derived() && header.kind != FrameKind::Statistics {
                seen += 1;
                // Its payload, and its header.
                for at in [place + FRAME_HEADER + header.length as usize / 2, place + 9] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= 3;
                    fs::write(&file, damaged).unwrap();
                    let recording = Recording::open(&file).unwrap();
                    let what = format!("{policy:?}, {:?}, byte {}", header.kind, at - place);
                    assert!(all(&recording) == expected, "{what}");
                    let damage = recording.damage();
                    assert!(damage.len() == 1 && !damage[0].is_loss(), "{what}: {damage:?}");
                }
            }
            place += FRAME_HEADER + header.length as usize;
        }
        assert_eq!(seen, 4);

        // With its head nobody knows with what it goes on.
        if policy == DiskPolicy::DropOldest {
            let mut damaged = bytes.clone();
            damaged[FILE_HEADER + FRAME_HEADER + 3] ^= 1;
            let last = damaged.len() - 1;
            damaged[last] ^= 1;
            fs::write(&file, damaged).unwrap();
            assert!(!Recording::open(&file).unwrap().counts_lost_rows());
        }
    }
}

#[test]
fn a_segment_whose_head_is_damaged_goes_on_within_an_event() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 1 << 20, policy: DiskPolicy::Stop };
    let place = Place::Folder { path: path.clone(), limit };
    let origin = Origin { most_line: 1000, most_event: 3000, ..Origin::default() };
    let mut writer = Writer::new(origin, Limits::default().line(1000).event(3000), place).unwrap();
    writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
    writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(0));
    writer.begin_body(Format::EventStream, at(0));
    // What stands between a data line and the next counts against no limit of an event, and a segment does not wait
    // for its end.
    while !path.join("000003.sse").exists() {
        feed(&mut writer, b"data: begins\n");
        for _ in 0..150 {
            feed(&mut writer, format!("unknown: {:0980}\n", 0).as_bytes());
        }
        feed(&mut writer, b"data: ends\n\n");
    }
    drop(writer);
    let texts = |path: &Path| -> Vec<_> {
        let view = Recording::open(path).unwrap().view();
        let all = rows(&view).into_iter().filter(|row| row.kind == RowKind::Event);
        all.map(|row| row.data).collect()
    };
    let whole = texts(&path);
    let cut = |number: usize| {
        Recording::open(&path).unwrap().view().parts()[number].segment.checkpoint.mid_event
    };
    assert!(cut(1) || cut(2));
    for number in 2..=3 {
        let journal = path.join(format!("{number:06}.sse"));
        let bytes = fs::read(&journal).unwrap();
        let mut damaged = bytes.clone();
        damaged[FILE_HEADER + FRAME_HEADER + 3] ^= 1;
        fs::write(&journal, damaged).unwrap();
        for name in ["index", "ids"] {
            let _ = fs::remove_file(path.join(format!("{number:06}.{name}")));
        }
        let left = texts(&path);
        assert!(left.iter().all(|text| whole.contains(text)), "{number}");
        assert!(left.len() >= whole.len() - 1, "{number}: {} of {}", left.len(), whole.len());
        assert!(!Recording::open(&path).unwrap().counts_lost_rows());
        fs::write(&journal, bytes).unwrap();
    }
}
