//! What was recorded, opened again: whole, damaged, cut off, and in one file.

use core::ops::Range;
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use super::{
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader},
    retention::{DiskLimit, DiskPolicy},
    tests::{at, feed, folder, open, packed, recorded, rows},
    turn::{END_PAYLOAD, End},
    writer::Place,
};
use crate::{
    recording::{DamageKind, OpenError, PackError, Recording, pack},
    row::Row,
    state::Totals,
};

#[test]
fn a_closed_session_opens_as_it_was() {
    let (_keep, path, expected) = recorded(true);
    let recording = Recording::open(&path).unwrap();
    assert!(recording.is_closed());
    assert_eq!(recording.damage(), []);
    assert_eq!(recording.origin().url, "http://127.0.0.1/events");
    assert_eq!(recording.totals().events, 4);
    assert_eq!(rows(&recording.view()), expected);
    assert_eq!(recording.check(|_| {}).unwrap(), []);
}

#[test]
fn a_session_that_was_not_closed_opens_whole_and_says_so() {
    let (_keep, path, expected) = recorded(false);
    let recording = Recording::open(&path).unwrap();
    assert!(!recording.is_closed());
    let kinds: Vec<_> = recording.damage().iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::NotClosed]);
    assert_eq!(rows(&recording.view()), expected);
    assert_eq!(recording.totals().events, 4);
}

#[test]
fn a_segment_that_was_only_just_made_is_none() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    feed(&mut writer, b"data: a\n\n");
    drop(writer);
    for length in [0, 7] {
        std::fs::write(path.join("000002.sse"), &super::frame::MAGIC[..length]).unwrap();
        let recording = Recording::open(&path).unwrap();
        assert!(!recording.is_closed());
        assert_eq!(rows(&recording.view()).len(), 2);
    }
}

#[test]
fn a_segment_without_rows_takes_no_count_away() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 1 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    let mut events = 0;
    while writer.kept().view().parts().len() < 2 {
        feed(&mut writer, b"data: a\n\n");
        events += 1;
    }
    drop(writer);
    // As if its program had been killed when it had written no more than the head.
    let journal = path.join("000002.sse");
    let bytes = std::fs::read(&journal).unwrap();
    let head = FrameHeader::decode(bytes[FILE_HEADER..].first_chunk().unwrap()).unwrap();
    let end = FILE_HEADER + FRAME_HEADER + head.length as usize;
    std::fs::write(&journal, &bytes[..end]).unwrap();
    let recording = Recording::open(&path).unwrap();
    let left = recording.totals().events;
    assert!(left > 0 && left <= events, "{left} of {events}");
    assert_eq!(left, recording.report().events);
}

#[test]
fn without_its_index_a_session_is_indexed_again() {
    for name in ["000001.index", "000001.ids", "types"] {
        let (_keep, path, expected) = recorded(true);
        std::fs::remove_file(path.join(name)).unwrap();
        assert_eq!(rows(&Recording::open(&path).unwrap().view()), expected, "{name}");
    }
}

#[test]
fn a_bit_of_any_byte_of_a_folder_flipped_is_told() {
    for name in ["000001.sse", "000001.index", "000001.ids", "types", "statistics"] {
        let (_keep, path, expected) = recorded(true);
        flip_bits(&path.join(name), &path, &expected, |at| at % 8..at % 8 + 1);
    }
}

#[test]
fn any_bit_of_a_recording_flipped_is_told() {
    let (_keep, path, expected) = packed();
    flip_bits(&path, &path, &expected, |_| 0..8);
}

#[test]
fn a_recording_cut_anywhere_opens_up_to_there_and_says_so() {
    let (_keep, path, expected) = packed();
    let file = File::options().write(true).open(&path).unwrap();
    let mut fewest = expected.len();
    for length in (0..file.metadata().unwrap().len()).rev() {
        file.set_len(length).unwrap();
        match Recording::open(&path) {
            Ok(recording) => {
                let rows = rows(&recording.view());
                assert_eq!(rows, expected[..rows.len()], "cut at {length}");
                assert!(rows.len() <= fewest, "what is shorter has no more rows");
                fewest = rows.len();
                assert!(!recording.damage().is_empty(), "cut at {length}");
            }
            Err(error) => assert_eq!(length, 0, "{error}"),
        }
    }
    assert_eq!(fewest, 0);
}

#[test]
fn a_session_in_one_file_is_the_same_session() {
    let (_keep, path, expected) = packed();
    let recording = Recording::open(&path).unwrap();
    assert!(recording.is_closed());
    assert_eq!(recording.damage(), []);
    assert_eq!(rows(&recording.view()), expected);
    let again = path.with_file_name("again.ssrec");
    pack(&recording.view(), recording.totals(), &again, |_| {}).unwrap();
    assert_eq!(rows(&Recording::open(&again).unwrap().view()), expected);
    let refused = pack(&recording.view(), recording.totals(), &again, |_| {});
    assert!(matches!(refused, Err(PackError::Exists { .. })));
}

#[test]
fn a_session_of_many_segments_is_packed_and_opened() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 4 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 2..=20_000 {
        feed(&mut writer, format!("id: {}\nevent: e{}\ndata: {n}\n\n", n / 2, n % 3).as_bytes());
    }
    assert!(writer.kept().view().parts().len() > 3);
    let expected = rows(&writer.kept().view());
    let file = keep.path().join("one.ssrec");
    // Of a session under way.
    pack(&writer.kept().view(), writer.totals(), &file, |_| {}).unwrap();
    assert_eq!(rows(&Recording::open(&file).unwrap().view()), expected);
    writer.close(at(99));
    assert_eq!(rows(&Recording::open(&path).unwrap().view()), expected);
}

#[test]
fn totals_may_be_any_numbers() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 1 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    while writer.kept().view().parts().len() < 2 {
        feed(&mut writer, b"retry: 1\n: x\nid: 1\ndata: a\n\n");
    }
    feed(&mut writer, b"retry: 1\n: x\nid: 1\ndata: a\n\n");
    let expected = rows(&writer.kept().view());
    drop(writer);
    let file = path.join("000001.sse");
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() - END_PAYLOAD - FRAME_HEADER;
    let payload = &bytes[at + FRAME_HEADER..];
    let mut end: End = serde_json::from_slice(payload).unwrap();
    let Totals { events, comments, reconnection_times, data_bytes, .. } = &mut end.totals;
    for total in [events, comments, reconnection_times, data_bytes] {
        *total = u64::MAX;
    }
    let payload = end.encode();
    let header = FrameHeader::decode(bytes[at..].first_chunk().unwrap()).unwrap();
    let forged = FrameHeader::new(header.kind, &payload, header.moment, header.attempt);
    bytes.truncate(at);
    bytes.extend_from_slice(&forged.numbered(header.number).encode());
    bytes.extend_from_slice(&payload);
    std::fs::write(&file, bytes).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(rows(&recording.view()), expected);
    assert!(recording.totals().events > 1 << 53);
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("x");
    for (bytes, words) in [
        (&b""[..], "it is empty"),
        (b"data: a\n\n", "body of an event stream"),
        (b"{\"a\":1}\n", "lines of JSON"),
        (b"{\"log\":{}}", "HAR"),
        (b"\x7fELF", "is not a recording"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = Recording::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }));
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(Recording::open(keep.path()), Err(OpenError::Empty { .. })));
    assert!(matches!(
        Recording::open(&keep.path().join("none")),
        Err(OpenError::Unreadable { .. })
    ));
    #[cfg(unix)]
    {
        let error = Recording::open(Path::new("/dev/null")).unwrap_err();
        assert!(matches!(error, OpenError::NoFile { .. }));
        assert!(error.to_string().contains("save it to a file first"), "{error}");
    }
}

fn flip_bits(file: &Path, path: &Path, expected: &[Row], bits: impl Fn(usize) -> Range<usize>) {
    let whole = std::fs::read(file).unwrap();
    let totals = Recording::open(path).unwrap().totals();
    let mut handle = File::options().write(true).open(file).unwrap();
    let mut put = |at: usize, byte: u8| {
        handle.seek(SeekFrom::Start(at as u64)).unwrap();
        handle.write_all(&[byte]).unwrap();
    };
    for (at, byte) in whole.iter().enumerate() {
        // Of what fills the end frame up one bit a byte is enough.
        let bits = if *byte == b' ' { 0..1 } else { bits(at) };
        for bit in bits {
            put(at, byte ^ (1 << bit));
            let recording =
                Recording::open(path).unwrap_or_else(|error| panic!("byte {at}: {error}"));
            let (rows, damage) = (rows(&recording.view()), recording.damage());
            assert_eq!(damage.len(), 1, "byte {at} of {file:?}: {damage:?}");
            let is_loss = damage[0].is_loss();
            assert!(rows == expected || is_loss, "byte {at} of {file:?}: {rows:?}");
            assert!(is_loss || recording.totals() == totals, "byte {at} of {file:?}");
            // Whatever the bit.
            if bit == at % 8 {
                assert_eq!(recording.check(|_| {}).unwrap(), damage, "byte {at} of {file:?}");
            }
        }
        put(at, *byte);
    }
}
