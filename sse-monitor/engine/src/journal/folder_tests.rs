//! What is left of a session some of whose files are cut off, overwritten, gone, or in the place of others.

use std::{fs, path::Path};

use super::{
    frame::{FILE_HEADER, FRAME_HEADER},
    retention::{DiskLimit, DiskPolicy},
    tests::{feed, open, packed, rows},
    writer::Place,
};
use crate::{
    recording::{Damage, DamageKind, ImportError, OpenError, Recording, Source, pack, redact},
    row::{Row, RowKind},
};

/// A session of three segments and its rows.
fn session() -> (tempfile::TempDir, std::path::PathBuf, Vec<Row>) {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 1 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 0.. {
        feed(&mut writer, format!("id: {n}\ndata: {:0500}\n\n", 0).as_bytes());
        if path.join("000003.sse").exists() && n % 100 == 0 {
            break;
        }
    }
    let rows = rows(&writer.kept().view());
    (keep, path, rows)
}

fn kinds(recording: &Recording) -> Vec<DamageKind> {
    recording.damage().iter().map(|damage| damage.kind).collect()
}

/// What is told of a folder is told of the file that is made of it, whose rows are as many.
fn is_told_in_one_file(recording: &Recording, keep: &Path) {
    let file = keep.join("one.ssrec");
    pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
    let made = Recording::open(&file).unwrap();
    assert_eq!(rows(&made.view()).len(), rows(&recording.view()).len());
    assert!(made.damage().iter().any(Damage::is_loss), "{:?}", made.damage());
    assert_eq!((made.report().missed, made.counts_lost_rows()), (None, false));
    // Again in what is made of that, by its end alone, and without what is masked.
    let again = keep.join("again.ssrec");
    pack(&made.view(), made.totals(), &again, |_| {}).unwrap();
    let gaps = |recording: &Recording| -> Vec<_> {
        let told = recording.damage();
        let gaps = told.iter().filter(|damage| damage.kind == DamageKind::Gap);
        gaps.map(|damage| damage.at).collect()
    };
    let again_made = Recording::open(&again).unwrap();
    assert_eq!(gaps(&again_made).len(), gaps(&made).len());
    let bytes = fs::read(&again).unwrap();
    let told = gaps(&again_made).iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let told = format!("\"gaps\":[{told}]");
    assert!(memchr::memmem::find(&bytes, told.as_bytes()).is_some(), "{told}");
    let nothing = redact::Redaction::new().literal("nothing of it");
    let given = keep.join("given.ssrec");
    redact::redact(recording, &nothing, &given).unwrap();
    let shown: Vec<_> = rows(&recording.view()).into_iter().map(|row| row.data).collect();
    let given_rows = rows(&Recording::open(&given).unwrap().view());
    assert!(given_rows.iter().all(|row| shown.contains(&row.data)));
    for file in [file, again, given] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn of_a_segment_whose_end_is_missing_it_is_told_where_rows_are_missing() {
    let (keep, path, expected) = session();
    for number in 1..=2 {
        let file = path.join(format!("{number:06}.sse"));
        let whole = fs::read(&file).unwrap();
        for length in [0, 1, FILE_HEADER, 100, whole.len() / 2, whole.len() - 3000] {
            fs::write(&file, &whole[..length]).unwrap();
            let recording = Recording::open(&path).unwrap();
            let told = kinds(&recording);
            assert!(told.contains(&DamageKind::EndMissing), "{number}, {length}: {told:?}");
            assert!(!recording.counts_lost_rows());
            let left = rows(&recording.view());
            assert!(left.len() < expected.len() && left.iter().all(|row| expected.contains(row)));
            is_told_in_one_file(&recording, keep.path());
        }
        // Of its end frame nothing but the frame.
        fs::write(&file, &whole[..whole.len() - 10]).unwrap();
        let recording = Recording::open(&path).unwrap();
        assert!(!recording.damage().iter().any(Damage::is_loss), "{:?}", recording.damage());
        assert!(rows(&recording.view()) == expected);
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_segment_that_is_overwritten_leaves_the_others() {
    let (keep, path, expected) = session();
    for number in 1..=3 {
        let file = path.join(format!("{number:06}.sse"));
        let whole = fs::read(&file).unwrap();
        fs::write(&file, "hello, this is something else\n").unwrap();
        let recording = Recording::open(&path).unwrap();
        assert!(kinds(&recording).contains(&DamageKind::Changed));
        assert!(!recording.counts_lost_rows());
        let left = rows(&recording.view());
        assert!(!left.is_empty() && left.iter().all(|row| expected.contains(row)), "{number}");
        is_told_in_one_file(&recording, keep.path());
        // No more is missing than that.
        let told = kinds(&recording);
        assert!(!told.contains(&DamageKind::Missing), "{told:?}");
        fs::write(&file, whole).unwrap();
    }
    for number in 1..=3 {
        fs::write(path.join(format!("{number:06}.sse")), "hello, this is something else\n")
            .unwrap();
    }
    assert!(matches!(Recording::open(&path), Err(OpenError::Foreign { .. })));
}

#[test]
fn that_a_segment_is_gone_is_told_in_one_file_too() {
    let (keep, path, _) = session();
    let third = fs::read(path.join("000003.sse")).unwrap();
    fs::remove_file(path.join("000003.sse")).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(kinds(&recording), [DamageKind::Missing]);
    is_told_in_one_file(&recording, keep.path());
    fs::write(path.join("000003.sse"), third).unwrap();
    fs::remove_file(path.join("000002.sse")).unwrap();
    is_told_in_one_file(&Recording::open(&path).unwrap(), keep.path());
}

#[test]
fn a_segment_in_the_place_of_another_is_told() {
    for (from, to) in [(2, 3), (1, 3), (2, 1)] {
        let (keep, path, _) = session();
        let name = |number: u64| path.join(format!("{number:06}.sse"));
        fs::copy(name(from), name(to)).unwrap();
        let recording = Recording::open(&path).unwrap();
        let told = recording.damage();
        let is_it = |damage: &&Damage| damage.kind == DamageKind::Misplaced;
        let places: Vec<_> = told.iter().filter(is_it).map(|damage| &*damage.file).collect();
        assert_eq!(places, [format!("{to:06}.sse")], "{told:?}");
        assert!(!recording.counts_lost_rows());
        let damaged = rows(&recording.view()).iter().any(|row| row.kind == RowKind::Damaged);
        assert!(!damaged, "{from}, {to}");
        is_told_in_one_file(&recording, keep.path());
    }
}

#[test]
fn a_last_segment_that_is_empty_is_a_loss_where_the_one_before_says_that_it_goes_on() {
    let (keep, path, _) = session();
    fs::write(path.join("000003.sse"), []).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(kinds(&recording), [DamageKind::EndMissing]);
    is_told_in_one_file(&recording, keep.path());
}

#[test]
fn what_is_in_the_place_of_another_is_told_beside_a_damaged_header() {
    let (_keep, path, _) = session();
    let mut bytes = fs::read(path.join("000002.sse")).unwrap();
    bytes[2] = 0;
    fs::write(path.join("000003.sse"), bytes).unwrap();
    let told = kinds(&Recording::open(&path).unwrap());
    assert!(told.contains(&DamageKind::Misplaced), "{told:?}");
}

#[test]
fn zeros_behind_the_last_frame_are_no_gap() {
    let (_keep, path, expected) = session();
    let file = path.join("000003.sse");
    for zeros in [39, FRAME_HEADER, 41] {
        let mut bytes = fs::read(&file).unwrap();
        let whole = bytes.clone();
        bytes.resize(bytes.len() + zeros, 0);
        fs::write(&file, bytes).unwrap();
        let recording = Recording::open(&path).unwrap();
        assert!(!recording.damage().iter().any(Damage::is_loss), "{:?}", recording.damage());
        assert!(rows(&recording.view()) == expected);
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_damaged_end_frame_is_an_end() {
    let (_keep, path, _) = session();
    let file = path.join("000002.sse");
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len() - 100;
    bytes[5000] ^= 1;
    bytes[end] ^= 1;
    fs::write(&file, bytes).unwrap();
    let told = kinds(&Recording::open(&path).unwrap());
    assert_eq!(told.iter().filter(|kind| **kind == DamageKind::Changed).count(), 2, "{told:?}");
    assert!(!told.contains(&DamageKind::EndMissing), "{told:?}");
}

#[test]
fn that_an_end_is_missing_is_told_beside_other_damage() {
    let (_keep, path, _) = session();
    let file = path.join("000002.sse");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() / 2);
    bytes[5000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let told = kinds(&Recording::open(&path).unwrap());
    assert!(told.contains(&DamageKind::EndMissing), "{told:?}");
}

#[test]
fn a_recording_is_known_without_its_first_bytes() {
    let (_keep, file, expected) = packed();
    let whole = fs::read(&file).unwrap();
    for zeros in [8, FILE_HEADER, 30] {
        let mut bytes = whole.clone();
        bytes[..zeros].fill(0);
        fs::write(&file, &bytes).unwrap();
        let recording = Recording::open(&file).unwrap();
        assert!(!recording.damage().is_empty());
        let left = rows(&recording.view()).into_iter().map(|row| row.data);
        assert!(left.eq(expected.iter().map(|row| row.data.clone())), "{zeros}");
        assert!(matches!(Source::guess(&bytes), Err(ImportError::Recording)));
    }
    // A stream that sends what a recording holds is a stream all the same.
    let body = [&b"data: a recording\n\n"[..], &[b'x'; 60], &whole].concat();
    assert!(matches!(Source::guess(&body), Ok(Source::Raw)));
}
