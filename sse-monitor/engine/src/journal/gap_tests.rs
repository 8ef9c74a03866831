//! Recordings in which the header of a frame is damaged, or what it holds, beside frames that are whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sse_codec::Limits;

use super::{
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader, u32_at},
    retention::{DiskLimit, DiskPolicy},
    tests::{at, feed, folder, open, rows},
    turn::{Format, Origin, ResponseHead, Turn},
    writer::{Place, Writer},
};
use crate::{
    recording::{DamageKind, Recording, Source, export, import, pack, redact},
    row::{Row, RowKind},
    state::Fault,
};

const FIRST_JSON: [&[u8]; 4] = [b"{\"a\":1}\n{\"a\":2}\n", b"{\"a\":", b"3}\n", b"{\"a\":4}\n"];
const SECOND_JSON: [&[u8]; 4] = [b"{\"b\":1}\n", b"{\"b\":2}\n", b"{\"b\":3", b"}\n{\"b\":4}\n"];

/// Events, comments and turns, a frame each, and some over several.
fn whole(format: Format) -> (tempfile::TempDir, PathBuf) {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    let json = [FIRST_JSON, SECOND_JSON];
    let connected = |writer: &mut Writer| {
        writer.turn(&Turn::new(RowKind::Connecting, "again"), at(6));
        let mut turn = Turn::new(RowKind::Connected { status: 200 }, "connected");
        turn.response = Some(ResponseHead { format, ..ResponseHead::default() });
        writer.turn(&turn, at(7));
        writer.begin_body(format, at(7));
    };
    for lines in json.iter().filter(|_| format == Format::Ndjson) {
        connected(&mut writer);
        lines.iter().for_each(|line| feed(&mut writer, line));
    }
    for attempt in (1..3).filter(|_| format == Format::EventStream) {
        for n in 0..4 {
            feed(&mut writer, format!("data: {attempt}-{n}\n\n").as_bytes());
        }
        feed(&mut writer, b": alone\n");
        feed(&mut writer, format!("data: {attempt}-a\n: within\n").as_bytes());
        feed(&mut writer, b": within too\ndata: b\n");
        feed(&mut writer, format!("\nretry: 7\ndata: {attempt}-last\n\n").as_bytes());
        let end = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
        writer.turn(&Turn::new(end, "ended"), at(5));
        connected(&mut writer);
    }
    if format == Format::EventStream {
        feed(&mut writer, b"data: the end\n\n");
    }
    writer.close(at(9));
    let recording = Recording::open(&path).unwrap();
    let file = keep.path().join("one.ssrec");
    pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
    (keep, file)
}

/// Where the frames of a journal begin, up to its end.
fn frames(file: &[u8]) -> Vec<(usize, FrameHeader)> {
    let mut at = FILE_HEADER;
    core::iter::from_fn(|| {
        let header = FrameHeader::decode(file.get(at..)?.first_chunk()?)?;
        let place = (at, header);
        at += FRAME_HEADER + header.length as usize;
        (!header.kind.is_derived()).then_some(place)
    })
    .collect()
}

fn texts(rows: impl IntoIterator<Item = Row>) -> Vec<String> {
    let is_text = |row: &Row| matches!(row.kind, RowKind::Event | RowKind::Comment);
    let texts = rows.into_iter().filter(is_text).map(|row| row.data);
    // What stands within an event goes with it.
    texts.filter(|text| !text.starts_with(" within")).collect()
}

fn imported(bytes: &[u8], path: &Path) -> Vec<String> {
    let source = Source::guess(bytes).unwrap();
    if import(bytes, source, "it", path).is_err() {
        return Vec::new();
    }
    let rows = texts(rows(&Recording::open(path).unwrap().view()));
    fs::remove_file(path).unwrap();
    rows
}

#[test]
fn what_is_shown_of_a_damaged_recording_is_in_what_is_made_of_it() {
    made_of_it(Format::EventStream);
}

#[test]
fn what_is_shown_of_damaged_lines_of_json_is_in_what_is_made_of_them() {
    made_of_it(Format::Ndjson);
}

fn made_of_it(format: Format) {
    let (keep, file) = whole(format);
    let bytes = fs::read(&file).unwrap();
    let sent = texts(rows(&Recording::open(&file).unwrap().view()));
    let frames = frames(&bytes);
    assert!(frames.len() > 12, "{}", frames.len());
    // The head says what it is of, and the end that it is closed.
    for (number, (at, header)) in frames.iter().enumerate().skip(1).take(frames.len() - 2) {
        // Its length, its time, and its payload.
        for place in [0, 10, FRAME_HEADER + header.length as usize / 2] {
            let what = format!("frame {number} of {}, byte {place}", frames.len());
            let mut damaged = bytes.clone();
            // One bit of a header can be mended.
            damaged[at + place] ^= 12;
            fs::write(&file, damaged).unwrap();
            let recording = Recording::open(&file).unwrap();
            let view = recording.view();
            let shown = texts(rows(&view));
            // What one frame takes with it at most.
            assert!(shown.len() + 3 >= sent.len(), "{what}: {shown:?}");
            let damage = recording.damage();
            let length = FRAME_HEADER as u64 + u64::from(header.length);
            assert_eq!(
                damage.iter().map(|d| (d.at, d.bytes, d.kind)).collect::<Vec<_>>(),
                [(*at as u64, length, DamageKind::Changed)],
                "{what}"
            );
            assert_eq!(recording.check(|_| {}).unwrap(), damage, "{what}");

            let other = keep.path().join("other.ssrec");
            let mut raw = Vec::new();
            export::raw(&view, None, &mut raw).unwrap();
            // An event that is not complete at its attempt's end is none, and left out.
            assert_eq!(imported(&raw, &other), shown, "{what}, raw");
            let mut har = Vec::new();
            export::har(&view, None, &mut har).unwrap();
            // Its entries are taken in the order of their times, which here is another.
            let sorted = |mut texts: Vec<String>| {
                texts.sort();
                texts
            };
            assert_eq!(sorted(imported(&har, &other)), sorted(shown.clone()), "{what}, HAR");
            let redaction = redact::Redaction::new().literal("nothing of it");
            redact::redact(&recording, &redaction, &other).unwrap();
            assert_eq!(texts(rows(&Recording::open(&other).unwrap().view())), shown, "{what}");
            fs::remove_file(&other).unwrap();
            let report = recording.report();
            let events = shown.iter().filter(|text| *text != " alone").count();
            assert_eq!(report.events, events as u64, "{what}");
            let least = frames.iter().filter(|(other, _)| other != at);
            let least = least.filter(|(_, header)| header.kind.is_body());
            let least: u64 = least.map(|(_, header)| u64::from(header.length)).sum();
            assert!(report.body_bytes >= least, "{what}: {} of {least}", report.body_bytes);
            // A copy is damaged in the same place, and not more.
            pack(&view, recording.totals(), &other, |_| {}).unwrap();
            let copied = Recording::open(&other).unwrap();
            assert_eq!(texts(rows(&copied.view())), shown, "{what}, copied");
            assert_eq!(copied.damage().len(), 1, "{what}, copied");
            let mut again = Vec::new();
            export::raw(&copied.view(), None, &mut again).unwrap();
            assert!(raw == again, "{what}, copied");
            fs::remove_file(&other).unwrap();
        }
    }
}

#[test]
fn what_follows_a_damaged_frame_is_indexed_again_where_the_index_is_damaged_too() {
    let (_keep, file) = whole(Format::EventStream);
    let bytes = fs::read(&file).unwrap();
    let sent = texts(rows(&Recording::open(&file).unwrap().view()));
    let frames = frames(&bytes);
    for (at, _) in &frames[1..frames.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at + 10] ^= 12;
        // The trailer's place of the index.
        let end = damaged.len();
        damaged[end - 20] ^= 4;
        fs::write(&file, damaged).unwrap();
        let recording = Recording::open(&file).unwrap();
        let found = texts(rows(&recording.view()));
        assert!(found.iter().all(|text| sent.contains(text)), "{at}: {found:?}");
        // Without an index nobody knows whether an event begins where the next frame does.
        assert!(found.len() + 6 >= sent.len(), "{at}: {found:?}");
        assert_eq!(recording.damage()[0].kind, DamageKind::Changed);
    }
}

#[test]
fn a_wrong_bit_in_the_header_of_what_is_derived_is_told_once_and_loses_nothing() {
    let (_keep, file) = whole(Format::EventStream);
    let bytes = fs::read(&file).unwrap();
    let expected = rows(&Recording::open(&file).unwrap().view());
    let end = frames(&bytes).last().map(|(at, header)| at + FRAME_HEADER + header.length as usize);
    let (mut at, mut derived) = (end.unwrap(), 0);
    while at < bytes.len() {
        let header = FrameHeader::decode(bytes[at..].first_chunk().unwrap()).unwrap();
        for bit in 0..FRAME_HEADER * 8 {
            let mut damaged = bytes.clone();
            damaged[at + bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, damaged).unwrap();
            let recording = Recording::open(&file).unwrap();
            let what = format!("{:?}, bit {bit}", header.kind);
            let told: Vec<_> =
                recording.damage().into_iter().map(|d| (d.at, d.bytes, d.kind)).collect();
            assert_eq!(told, [(at as u64, FRAME_HEADER as u64, DamageKind::Mended)], "{what}");
            assert!(recording.is_closed() && rows(&recording.view()) == expected, "{what}");
            assert_eq!(recording.check(|_| {}).unwrap(), recording.damage(), "{what}");
        }
        at += FRAME_HEADER + header.length as usize;
        derived += 1;
    }
    assert_eq!(derived, 5);
}

#[test]
fn what_looks_like_a_frame_within_one_is_passed_over() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    let inner = b"data: nobody sent this\n\n";
    let mut body = b": a stream may have any bytes ".to_vec();
    let number = super::frame::Number::FIRST.skip(4);
    let header = FrameHeader::new(super::frame::FrameKind::Body, inner, at(2), 1).numbered(number);
    body.extend_from_slice(&header.encode());
    body.extend_from_slice(inner);
    body.extend_from_slice(b": and more of it\n");
    feed(&mut writer, b"data: one\n\n");
    feed(&mut writer, &body);
    feed(&mut writer, b"data: two\n\n");
    writer.close(at(9));
    let journal = path.join("000001.sse");
    let bytes = fs::read(&journal).unwrap();
    let place = memchr::memmem::find(&bytes, b": a stream").unwrap();
    assert_eq!(u32_at(&bytes, place - FRAME_HEADER) as usize, body.len());
    let header = place - FRAME_HEADER;
    let index = fs::read(path.join("000001.index")).unwrap();
    let expected = texts(rows(&Recording::open(&path).unwrap().view()));
    let file = keep.path().join("one.ssrec");
    let flip = |bits: &[usize]| {
        let mut damaged = bytes.clone();
        bits.iter().for_each(|bit| damaged[header + bit / 8] ^= 1 << (bit % 8));
        fs::write(&journal, damaged).unwrap();
        fs::write(path.join("000001.index"), &index).unwrap();
    };
    for bit in 0..FRAME_HEADER * 8 {
        flip(&[bit]);
        for has_index in [true, false] {
            if !has_index {
                fs::remove_file(path.join("000001.index")).unwrap();
            }
            let recording = Recording::open(&path).unwrap();
            assert_eq!(texts(rows(&recording.view())), expected, "bit {bit}, {has_index}");
            let told: Vec<_> =
                recording.damage().into_iter().map(|d| (d.at, d.bytes, d.kind)).collect();
            assert_eq!(
                told,
                [(header as u64, FRAME_HEADER as u64, DamageKind::Mended)],
                "bit {bit}"
            );
            assert_eq!(recording.check(|_| {}).unwrap(), recording.damage());
            assert_eq!(recording.report().events, 2, "bit {bit}");
            let mut raw = Vec::new();
            export::raw(&recording.view(), None, &mut raw).unwrap();
            assert_eq!(raw.len(), 2 * b"data: one\n\n".len() + body.len(), "bit {bit}");
            if bit % 8 != bit / 8 % 8 {
                continue;
            }
            pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
            let copy = Recording::open(&file).unwrap();
            assert_eq!((texts(rows(&copy.view())), copy.damage()), (expected.clone(), vec![]));
            fs::remove_file(&file).unwrap();
        }
    }
    // Cut off within, it is cut off, and what looks like a frame is its own.
    for bit in 0..FRAME_HEADER * 8 {
        let mut damaged = bytes[..place + body.len() - 1].to_vec();
        damaged[header + bit / 8] ^= 1 << (bit % 8);
        fs::write(&journal, damaged).unwrap();
        let recording = Recording::open(&path).unwrap();
        assert_eq!(texts(rows(&recording.view())), ["one"], "bit {bit}");
        let told: Vec<_> = recording.damage().into_iter().map(|d| (d.at, d.kind)).collect();
        assert_eq!(told, [(header as u64, DamageKind::CutOff)], "bit {bit}");
    }
    // Of more bits the length may be well, which leads past it.
    flip(&[80, 81]);
    fs::remove_file(path.join("000001.index")).unwrap();
    let found = texts(rows(&Recording::open(&path).unwrap().view()));
    assert!(!found.iter().any(|text| text.contains("nobody")), "{found:?}");
    assert_eq!(found[0], "one");
}

/// What a redacted copy of the folder shows.
fn redacted(folder: &Path) -> Vec<String> {
    let recording = Recording::open(folder).unwrap();
    let copy = folder.with_extension("copy");
    let redaction = redact::Redaction::new().literal("nothing of it");
    redact::redact(&recording, &redaction, &copy).unwrap();
    let texts = texts(rows(&Recording::open(&copy).unwrap().view()));
    fs::remove_file(copy).unwrap();
    texts
}

#[test]
fn no_event_goes_on_from_a_journal_without_a_frame_into_the_next() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 1 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    feed(&mut writer, b"data: a\n");
    feed(&mut writer, b"data: b\n\n");
    while !path.join("000002.sse").exists() {
        feed(&mut writer, format!(": {}\n", "x".repeat(1000)).as_bytes());
    }
    feed(&mut writer, b"data: z\n\n");
    writer.close(at(9));
    let journal = path.join("000001.sse");
    let mut bytes = fs::read(&journal).unwrap();
    let place = memchr::memmem::find(&bytes, b"data: b").unwrap();
    bytes.drain(place - FRAME_HEADER..place + b"data: b\n\n".len());
    fs::write(&journal, bytes).unwrap();
    let events = |texts: Vec<String>| -> Vec<String> {
        texts.into_iter().filter(|text| !text.starts_with(" x")).collect()
    };
    assert_eq!(events(texts(rows(&Recording::open(&path).unwrap().view()))), ["z"]);
    assert_eq!(events(redacted(&path)), ["z"]);
}

#[test]
fn a_segment_whose_head_is_damaged_stands_where_its_name_says() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 1 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    let mut sent = Vec::new();
    while !path.join("000004.sse").exists() {
        let body = format!(": {}\ndata: {}\n\n", "x".repeat(900), sent.len());
        sent.extend_from_slice(body.as_bytes());
        feed(&mut writer, body.as_bytes());
    }
    writer.close(at(9));
    let journal = path.join("000002.sse");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[FILE_HEADER + FRAME_HEADER + 3] ^= 1;
    fs::write(&journal, bytes).unwrap();
    for is_indexed in [true, false] {
        if !is_indexed {
            fs::remove_file(path.join("000002.index")).unwrap();
        }
        let recording = Recording::open(&path).unwrap();
        let files: Vec<_> = recording.damage().into_iter().map(|damage| damage.file).collect();
        assert_eq!(files, ["000002.sse"], "{is_indexed}");
        assert_eq!(recording.check(|_| {}).unwrap(), recording.damage());
        let mut raw = Vec::new();
        export::raw(&recording.view(), None, &mut raw).unwrap();
        assert!(raw == sent, "{is_indexed}: {} of {} bytes", raw.len(), sent.len());
        let mut har = Vec::new();
        export::har(&recording.view(), None, &mut har).unwrap();
        assert!(String::from_utf8(har).unwrap().contains("_sseReads"), "{is_indexed}");
        assert_eq!(recording.report().body_bytes, sent.len() as u64, "{is_indexed}");
    }
}

#[test]
fn what_follows_a_dropped_event_is_in_a_redacted_copy_though_its_rest_is_damaged() {
    for (format, next) in [(Format::EventStream, "data: next\n\n"), (Format::Ndjson, "\"next\"\n")]
    {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("s");
        let origin = Origin { most_line: 64, most_event: 64, ..Origin::default() };
        let place = Place::Folder { path: path.clone(), limit: DiskLimit::default() };
        let mut writer = Writer::new(origin, Limits::default().line(64).event(64), place).unwrap();
        let mut connected = Turn::new(RowKind::Connected { status: 200 }, "connected");
        connected.response = Some(ResponseHead { format, ..ResponseHead::default() });
        writer.turn(&connected, at(0));
        writer.begin_body(format, at(0));
        feed(&mut writer, format!("data: {}", "x".repeat(100)).as_bytes());
        feed(&mut writer, b"the rest\n\n");
        feed(&mut writer, next.as_bytes());
        writer.close(at(9));
        let journal = path.join("000001.sse");
        let whole = fs::read(&journal).unwrap();
        let place = memchr::memmem::find(&whole, b"the rest").unwrap();
        // The payload, and the header.
        for place in [place, place - FRAME_HEADER + 10] {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            fs::write(&journal, bytes).unwrap();
            let shown = texts(rows(&Recording::open(&path).unwrap().view()));
            assert_eq!((shown.len(), redacted(&path)), (1, shown), "{format:?}");
        }
    }
}
