//! Recordings with something damaged beside what is read of them.

use std::fs;

use sse_codec::Limits;

use super::{
    frame::{FILE_HEADER, FRAME_HEADER, u32_at},
    reader::Reader,
    retention::{DiskLimit, DiskPolicy},
    tests::{at, connected, feed, folder, open, recorded, rows},
    turn::{Format, Origin, Turn},
    writer::{Place, Writer},
};
use crate::{
    query::{Budget, Kind, Order, Query, Text},
    recording::{Damage, DamageKind, Recording, export, pack, redact},
    row::{Row, RowKind},
    state::Fault,
};

fn events(recording: &Recording) -> Vec<(u64, String)> {
    let mut rows: Vec<Row> = rows(&recording.view());
    rows.retain(|row| row.kind == RowKind::Event);
    rows.into_iter().map(|row| (row.number, row.data)).collect()
}

#[test]
fn bodies_are_not_joined_over_a_turn_that_cannot_be_read() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    feed(&mut writer, b"data: one\n\ndata: a\n");
    connected(&mut writer, Format::EventStream);
    feed(&mut writer, b"data: b\n\ndata: c\n\n");
    let file = path.join("000001.sse");
    let mut bytes = fs::read(&file).unwrap();
    let place = memchr::memmem::find(&bytes, b"connected again").unwrap();
    bytes[place] ^= 1;
    fs::write(&file, bytes).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.damage()[0].kind, DamageKind::Changed);
    let expected = [(2, "one".to_owned()), (5, "b".to_owned()), (6, "c".to_owned())];
    assert_eq!(events(&recording), expected);
    assert_eq!(rows(&recording.view())[3].kind, RowKind::Damaged);
    let redaction = redact::Redaction::new().literal("nothing of it");
    let to = keep.path().join("given.ssrec");
    redact::redact(&recording, &redaction, &to).unwrap();
    let given: Vec<_> =
        events(&Recording::open(&to).unwrap()).into_iter().map(|(_, data)| data).collect();
    assert_eq!(given, ["one", "b", "c"]);
}

#[test]
fn an_attempt_whose_beginning_is_damaged_is_not_counted_as_the_one_before() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let place = Place::Folder { path: path.clone(), limit: DiskLimit::default() };
    let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
    connected(&mut writer, Format::EventStream);
    feed(&mut writer, b"data: one\n\n");
    connected(&mut writer, Format::EventStream);
    feed(&mut writer, b"data: two\n\ndata: three\n\n");
    writer.close(at(9));
    let file = path.join("000001.sse");
    let mut bytes = fs::read(&file).unwrap();
    let places: Vec<_> = memchr::memmem::find_iter(&bytes, b"\"again\"").collect();
    bytes[places[1]] ^= 1;
    fs::write(&file, bytes).unwrap();
    let report = Recording::open(&path).unwrap().report();
    let attempts = report.latest_attempts.iter();
    let told: Vec<_> = attempts
        .map(|it| (it.attempt, it.events, it.first_byte_micros, it.first_event_micros.is_some()))
        .collect();
    assert_eq!(told, [(1, 1, Some(1), true), (2, 2, None, false)]);
    assert_eq!((report.attempts, report.damaged), (2, 1));
}

#[test]
fn types_that_were_cut_off_give_no_event_another_one() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 16 * 4096, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 0..60 {
        let event_type = ["a", "b"][n % 2];
        feed(&mut writer, format!("event: {event_type}\ndata: {n:0200}\n\n").as_bytes());
    }
    feed(&mut writer, b"event: z\ndata: z\n\n");
    let expected = rows(&writer.kept().view());
    drop(writer);
    let types = path.join("types");
    let text = fs::read_to_string(&types).unwrap();
    assert_eq!(text.lines().count(), 3);
    for lines in 0..3 {
        let cut: String = text.lines().take(lines).map(|line| format!("{line}\n")).collect();
        fs::write(&types, cut).unwrap();
        assert_eq!(rows(&Recording::open(&path).unwrap().view()), expected, "{lines} types");
    }
}

#[test]
fn the_last_line_of_json_needs_no_end() {
    for (last, counts) in [(r#"{"n":2}"#, true), (r#"{"n":2"#, false), ("2", false), ("  ", false)]
    {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("s");
        let mut writer = open(folder(&path));
        connected(&mut writer, Format::Ndjson);
        feed(&mut writer, b"{\"n\":1}\n");
        for byte in last.as_bytes().chunks(3) {
            feed(&mut writer, byte);
        }
        let end = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
        writer.turn(&Turn::new(end, "it ended"), at(5));
        let live = rows(&writer.kept().view());
        let said: Vec<_> = live.iter().skip(3).map(|row| row.data.as_str()).collect();
        let expected = [r#"{"n":1}"#, last, "it ended"];
        let expected: Vec<_> =
            expected.into_iter().filter(|data| counts || *data != last).collect();
        assert_eq!(said, expected);
        assert_eq!(writer.totals().events, 1 + u64::from(counts));
        // The same when it is read frame by frame, and when it is given away.
        let recording = Recording::open(&path).unwrap();
        assert_eq!(rows(&recording.view()), live);
        let redaction = redact::Redaction::new().literal("n").json(".x").unwrap();
        let to = keep.path().join("given.ssrec");
        let done = redact::redact(&recording, &redaction, &to).unwrap();
        let data = done.cuts.iter().filter(|cut| cut.field == redact::Field::Data);
        assert_eq!(data.count(), 1 + usize::from(counts), "{done:?}");
        let given = events(&Recording::open(&to).unwrap());
        assert_eq!(given.len(), 1 + usize::from(counts), "{given:?}");
    }
}

#[test]
fn a_frame_of_a_later_kind_is_passed_over() {
    let (_keep, path, expected) = recorded(false);
    let file = path.join("000001.sse");
    let whole = fs::read(&file).unwrap();
    let head_ends = FILE_HEADER + FRAME_HEADER + u32_at(&whole, FILE_HEADER) as usize;
    // Its second frame, which is a turn, as if there were another before it.
    for kind in [6, 15, 16, 200] {
        let mut bytes = whole[..head_ends].to_vec();
        let mut header = whole[head_ends..head_ends + FRAME_HEADER].to_vec();
        header[..4].copy_from_slice(&3_u32.to_le_bytes());
        header[4] = kind;
        header[32..36].copy_from_slice(&crc32fast::hash(b"new").to_le_bytes());
        let sum = crc32fast::hash(&header[..36]);
        header[36..].copy_from_slice(&sum.to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(b"new");
        let mut number = 3_u32;
        let mut at = head_ends;
        while let Some(header) = whole.get(at..at + FRAME_HEADER) {
            let mut header = header.to_vec();
            let length = u32_at(&header, 0) as usize;
            header[5..8].copy_from_slice(&number.to_le_bytes()[..3]);
            let sum = crc32fast::hash(&header[..36]);
            header[36..].copy_from_slice(&sum.to_le_bytes());
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(&whole[at + FRAME_HEADER..at + FRAME_HEADER + length]);
            at += FRAME_HEADER + length;
            number += 1;
        }
        fs::write(&file, bytes).unwrap();
        let recording = Recording::open(&path).unwrap();
        let kinds: Vec<_> = recording.damage().into_iter().map(|damage| damage.kind).collect();
        assert_eq!(kinds, [DamageKind::NotClosed], "kind {kind}");
        assert_eq!(rows(&recording.view()), expected, "kind {kind}");
    }
}

#[test]
fn of_very_many_damaged_places_the_first_are_listed_and_the_others_counted() {
    const EVENTS: u64 = 1500;
    let keep = tempfile::tempdir().unwrap();
    let (path, file) = (keep.path().join("s"), keep.path().join("one.ssrec"));
    let mut writer = open(folder(&path));
    for n in 0..EVENTS {
        feed(&mut writer, format!("data: place {n}\n\n").as_bytes());
    }
    writer.close(at(9));
    let recording = Recording::open(&path).unwrap();
    pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
    let mut bytes = 0;
    for file in [&path.join("000001.sse"), &file] {
        let mut damaged = fs::read(file).unwrap();
        let places: Vec<_> = memchr::memmem::find_iter(&damaged, b"data: place ").collect();
        bytes = places
            .iter()
            .map(|at| (FRAME_HEADER + u32_at(&damaged, at - FRAME_HEADER) as usize) as u64)
            .sum();
        places.iter().for_each(|at| damaged[at + 8] ^= 1);
        fs::write(file, damaged).unwrap();
    }
    let told = |damage: &[Damage]| {
        assert_eq!(damage.len(), 1001);
        let [.., others] = damage else { unreachable!() };
        assert_eq!((others.places, others.kind), (EVENTS - 1000, DamageKind::Changed));
        assert!(others.to_string().starts_with("500 more places are damaged"), "{others}");
        let all = damage.iter().fold((0, 0), |all, d| (all.0 + d.places, all.1 + d.bytes));
        assert_eq!(all, (EVENTS, bytes));
    };
    for has_index in [true, false] {
        for place in [&path, &file] {
            if !has_index && place == &path {
                fs::remove_file(path.join("000001.index")).unwrap();
            } else if !has_index {
                let mut bytes = fs::read(place).unwrap();
                let end = bytes.len();
                bytes[end - 20] ^= 1;
                fs::write(place, &bytes[..end - 80]).unwrap();
            }
            let recording = Recording::open(place).unwrap();
            let is_cut = !has_index && place == &file;
            if !is_cut {
                told(&recording.damage());
            }
            assert_eq!(recording.check(|_| {}).unwrap(), recording.damage());
            // What is met again is not counted again.
            let before = recording.damage();
            export::raw(&recording.view(), None, &mut std::io::sink()).unwrap();
            assert_eq!(recording.damage(), before);
        }
    }
}

#[test]
fn of_very_many_missing_files_the_first_are_named_and_the_others_counted() {
    let (_keep, path, _) = recorded(true);
    for (last, named, others) in [(103, 101, 0), (104, 100, 2), (1_000_000, 100, 999_898)] {
        let file = path.join(format!("{last:06}.sse"));
        fs::copy(path.join("000001.sse"), &file).unwrap();
        let mut damage = Recording::open(&path).unwrap().damage();
        damage.retain(|damage| damage.kind == DamageKind::Missing);
        let told: Vec<_> = damage.iter().map(|damage| damage.places).collect();
        let mut expected = vec![1; named];
        expected.extend((others > 0).then_some(others));
        assert_eq!(told, expected, "{last}");
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn segments_may_have_any_number() {
    let (_keep, path, _) = recorded(true);
    let whole = fs::read(path.join("000001.sse")).unwrap();
    for name in [format!("{}.sse", u64::MAX), format!("0{}.sse", u64::MAX)] {
        fs::write(path.join(name), &whole[..FILE_HEADER + FRAME_HEADER]).unwrap();
    }
    let recording = Recording::open(&path).unwrap();
    export::raw(&recording.view(), None, &mut std::io::sink()).unwrap();
    assert_eq!(recording.report().events, 4);
}

#[test]
fn what_is_left_out_since_it_is_damaged_is_told_where_it_is_met() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    for n in 0..70_u32 {
        feed(&mut writer, format!("id: {n}\ndata: {n}-{}\n\n", "x".repeat(1_000_000)).as_bytes());
    }
    writer.close(at(9));
    let flip = |name: &str, at: usize| {
        let file = path.join(name);
        let mut bytes = fs::read(&file).unwrap();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
    };
    let open = || Recording::open(&path).unwrap();
    assert_eq!((open().damage(), open().check(|_| {}).unwrap()), (vec![], vec![]));
    // Large enough that nothing of its journal is read when it is opened.
    flip("000001.sse", 30 << 20);
    let recording = open();
    assert_eq!(recording.damage(), []);
    assert_eq!(recording.check(|_| {}).unwrap().len(), 1);
    export::raw(&recording.view(), None, &mut std::io::sink()).unwrap();
    let damage = recording.damage();
    assert_eq!((damage.len(), damage[0].kind), (1, DamageKind::Changed));
    assert!(damage[0].at < 30 << 20 && damage[0].at + damage[0].bytes > 30 << 20);
    // A search tells of the row that it could not ask.
    let recording = open();
    let query = Query::new().without(Text::literal("y"));
    let count = recording.view().count(&query);
    assert_eq!((count, recording.damage().len()), (1 + 70 - 1, 1));
    // The header of the file too.
    flip("000001.sse", 3);
    assert_eq!(open().check(|_| {}).unwrap().len(), 2);
}

#[test]
fn a_search_tells_of_a_header_what_a_reader_of_the_whole_journal_tells() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    for n in 0..300 {
        feed(&mut writer, format!("data: a{n}\n\ndata: b{n}\n\n").as_bytes());
    }
    writer.close(at(9));
    let file = path.join("000001.sse");
    let whole = fs::read(&file).unwrap();
    let header = |n: usize| {
        let data = format!("data: a{n}\n");
        memchr::memmem::find(&whole, data.as_bytes()).unwrap() - FRAME_HEADER
    };
    let (first, second, last) = (header(150), header(153), header(299));
    for (zeros, lost) in [
        (first..first + FRAME_HEADER, 2),
        (first + 5..first + 8, 2),
        (first + 17..first + 19, 2),
        (first - 3..second + 3, 2 * 5),
        (header(0)..header(0) + FRAME_HEADER, 2),
        (last..last + FRAME_HEADER, 2),
    ] {
        for order in [Order::Forward, Order::Backward] {
            let recording = Recording::open(&path).unwrap();
            assert_eq!(recording.damage(), []);
            let mut bytes = whole.clone();
            bytes[zeros.clone()].fill(0);
            fs::write(&file, bytes).unwrap();
            let query = Query::new().kind(Kind::Event).text(Text::regex("^[ab]").unwrap());
            let from = if order == Order::Forward { 0 } else { u64::MAX };
            let hits = recording.view().find(&query, from, order, Budget::hits(1000));
            assert_eq!(hits.numbers.len(), 600 - lost, "{zeros:?}");
            let damage = recording.damage();
            assert_eq!(damage, Recording::open(&path).unwrap().damage(), "{zeros:?}");
            fs::write(&file, &whole).unwrap();
        }
    }
}

#[test]
fn what_was_found_damaged_is_not_read_for_each_of_its_rows() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    feed(&mut writer, b"data: a\n\ndata: b\n\n");
    feed(&mut writer, b"data: c\n\n");
    let view = writer.kept().view();
    let file = path.join("000001.sse");
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    bytes[memchr::memmem::find(&whole, b"data: a").unwrap()] ^= 3;
    fs::write(&file, bytes).unwrap();
    let mut reader = Reader::new(&view);
    let mut is_damaged = |row| reader.row(row, 9).unwrap().kind == RowKind::Damaged;
    assert!(is_damaged(2));
    // Whoever reads it again finds it whole.
    fs::write(&file, whole).unwrap();
    assert!(is_damaged(3));
    assert!(!is_damaged(4));
}

#[test]
fn what_is_packed_is_indexed_again_where_its_index_is_damaged() {
    for file in ["000001.index", "000001.ids"] {
        let (keep, path, expected) = recorded(true);
        let [whole, again] = ["whole.ssrec", "again.ssrec"].map(|name| keep.path().join(name));
        let recording = Recording::open(&path).unwrap();
        pack(&recording.view(), recording.totals(), &whole, |_| {}).unwrap();
        // Of a large one not each entry is looked at when it is opened.
        let mut bytes = fs::read(path.join(file)).unwrap();
        bytes[1] ^= 1;
        fs::write(path.join(file), bytes).unwrap();
        assert_ne!(rows(&recording.view()), expected);
        pack(&recording.view(), recording.totals(), &again, |_| {}).unwrap();
        assert!(fs::read(&again).unwrap() == fs::read(&whole).unwrap(), "{file}");
    }
}

#[test]
fn what_its_program_counted_stays_where_damage_is_met_later() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    for id in (1..60).filter(|id| id % 20 != 0) {
        feed(&mut writer, format!("id: {id}\ndata: x\n\n").as_bytes());
    }
    writer.close(at(9));
    let recording = Recording::open(&path).unwrap();
    let report = recording.report();
    assert_eq!(report.missed, Some(2), "{report:?}");
    recording.view().kept().add_damage(Damage::new("000001.sse", 99, 9, DamageKind::Changed));
    assert_eq!(recording.report(), report);
    // Counted anew, a number that is left out may be that of what is damaged.
    let file = path.join("000001.sse");
    let mut bytes = fs::read(&file).unwrap();
    let place = memchr::memmem::find(&bytes, b"id: 30").unwrap();
    bytes[place] ^= 1;
    fs::write(&file, bytes).unwrap();
    let report = Recording::open(&path).unwrap().report();
    assert_eq!((report.damaged, report.missed), (1, None), "{report:?}");
}

#[test]
fn nothing_is_missed_for_certain_beside_an_entry_that_is_damaged() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let mut writer = open(folder(&path));
    // More than are looked at one by one when it is opened.
    let events: String = (1..200_000).map(|n| format!("id: {n}\ndata: x\n\n")).collect();
    feed(&mut writer, events.as_bytes());
    writer.close(at(9));
    fs::remove_file(path.join("statistics")).unwrap();
    assert_eq!(Recording::open(&path).unwrap().report().missed, Some(0));
    let index = path.join("000001.index");
    let mut bytes = fs::read(&index).unwrap();
    bytes[100_007 * 48 + 9] ^= 1;
    fs::write(&index, &bytes).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.damage(), []);
    let report = recording.report();
    assert_eq!((report.damaged, report.missed), (1, None), "{report:?}");
    assert_eq!(
        recording.damage(),
        [Damage::new("000001.index", 100_007 * 48, 48, DamageKind::Changed)]
    );
    // An ID too: whoever reads the row tells of it.
    bytes[100_007 * 48 + 9] ^= 1;
    fs::write(&index, bytes).unwrap();
    let ids = path.join("000001.ids");
    let mut bytes = fs::read(&ids).unwrap();
    bytes[3] ^= 1;
    fs::write(&ids, bytes).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert!(!recording.is_looked_through() && recording.damage().is_empty());
    let damaged = recording.view().page(1, 10, 9);
    let damaged: Vec<_> = damaged.iter().filter(|row| row.kind == RowKind::Damaged).collect();
    assert_eq!(damaged.len(), 1);
    let damage = recording.damage();
    assert_eq!((damage.len(), &*damage[0].file), (1, "000001.ids"), "{damage:?}");
    assert_eq!(recording.check(|_| {}).unwrap(), damage);
}

#[test]
fn the_url_of_a_request_that_is_not_there_is_told_where_it_can_be_no_other() {
    for (imported_from, expected) in
        [(None, "\"url\":\"http://a/\""), (Some("b.har"), "\"url\":\"\"")]
    {
        let keep = tempfile::tempdir().unwrap();
        let imported_from = imported_from.map(str::to_owned);
        let origin = Origin { url: "http://a/".into(), imported_from, ..Origin::default() };
        let mut writer =
            Writer::new(origin, Limits::default(), folder(&keep.path().join("s"))).unwrap();
        connected(&mut writer, Format::EventStream);
        feed(&mut writer, b"data: one\n\n");
        let mut har = Vec::new();
        export::har(&writer.kept().view(), None, &mut har).unwrap();
        let har = String::from_utf8(har).unwrap().replace(": ", ":");
        assert!(har.contains(expected), "{har}");
    }
}
