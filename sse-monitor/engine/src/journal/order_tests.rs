//! Recordings of which whole frames, or whole files, were taken out, moved or doubled.

use core::ops::Range;
use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    frame::{FILE_HEADER, FRAME_HEADER, u32_at},
    retention::{DiskLimit, DiskPolicy},
    tests::{at, feed, folder, open, packed, recorded, rows},
    writer::Place,
};
use crate::{
    recording::{DamageKind, Recording, pack},
    row::Row,
};

/// A recording, the file in it that is changed, and its rows.
struct Changed {
    _keep: tempfile::TempDir,
    path: PathBuf,
    file: PathBuf,
    whole: Vec<u8>,
    frames: Vec<Range<usize>>,
    expected: Vec<Row>,
}

impl Changed {
    fn folder() -> Self {
        let (keep, path, expected) = recorded(true);
        let file = path.join("000001.sse");
        Self::of(keep, path, file, expected)
    }

    fn file() -> Self {
        let (keep, path, expected) = packed();
        Self::of(keep, path.clone(), path, expected)
    }

    fn of(keep: tempfile::TempDir, path: PathBuf, file: PathBuf, expected: Vec<Row>) -> Self {
        let whole = fs::read(&file).unwrap();
        let frames = frames(&whole);
        Self { _keep: keep, path, file, whole, frames, expected }
    }

    /// Opens it with these frames, of which the first `intact` are where they were: all of their rows are there, and
    /// nothing that was not recorded.
    fn check(&self, order: &[usize], intact: usize, what: &str) {
        let mut bytes = self.whole[..FILE_HEADER].to_vec();
        for frame in &order[..intact] {
            bytes.extend_from_slice(&self.whole[self.frames[*frame].clone()]);
        }
        fs::write(&self.file, &bytes).unwrap();
        let least = rows(&Recording::open(&self.path).unwrap().view()).len();
        for frame in &order[intact..] {
            bytes.extend_from_slice(&self.whole[self.frames[*frame].clone()]);
        }
        fs::write(&self.file, &bytes).unwrap();
        let recording = Recording::open(&self.path).unwrap();
        let found = rows(&recording.view());
        assert!(found.len() >= least, "{what}: {} of {least} rows", found.len());
        assert_eq!(found, self.expected[..found.len()], "{what}");
        let damage = recording.damage();
        assert!(!damage.is_empty(), "{what}: nothing is told");
        assert!(damage.iter().all(|damage| !damage.to_string().is_empty()));
        // It is told of the copy too.
        let copy = self.path.with_extension("copy");
        pack(&recording.view(), recording.totals(), &copy, |_| {}).unwrap();
        let copied = Recording::open(&copy).unwrap();
        assert_eq!(rows(&copied.view()), found, "{what}, copied");
        fs::remove_file(copy).unwrap();
    }
}

/// Where a file's frames stand.
fn frames(file: &[u8]) -> Vec<Range<usize>> {
    let mut at = FILE_HEADER;
    core::iter::from_fn(|| {
        let length = u32_at(file.get(at..at + FRAME_HEADER)?, 0) as usize;
        let frame = at..at + FRAME_HEADER + length;
        at = frame.end;
        Some(frame)
    })
    .collect()
}

#[test]
fn a_frame_that_was_taken_out_is_noticed() {
    for changed in [Changed::folder(), Changed::file()] {
        let count = changed.frames.len();
        assert!(count >= 8, "{count}");
        for out in 0..count {
            let order: Vec<_> = (0..count).filter(|frame| *frame != out).collect();
            changed.check(&order, out, &format!("without frame {out} of {count}"));
        }
    }
}

#[test]
fn two_frames_that_were_exchanged_are_noticed() {
    for changed in [Changed::folder(), Changed::file()] {
        let count = changed.frames.len();
        for first in 0..count {
            for second in first + 1..count {
                let mut order: Vec<_> = (0..count).collect();
                order.swap(first, second);
                changed.check(&order, first, &format!("frames {first} and {second} exchanged"));
            }
        }
    }
}

#[test]
fn a_frame_that_is_there_twice_is_noticed() {
    for changed in [Changed::folder(), Changed::file()] {
        let count = changed.frames.len();
        for twice in 0..count {
            let mut order: Vec<_> = (0..count).collect();
            order.insert(twice, twice);
            changed.check(&order, twice + 1, &format!("frame {twice} twice"));
        }
    }
}

#[test]
fn a_recording_of_version_1_opens_as_it_was() {
    let Changed { _keep, file, path, mut whole, frames, expected } = Changed::file();
    whole[8] = 1;
    set_sum(&mut whole[..FILE_HEADER], 12);
    for frame in frames {
        let header = &mut whole[frame.start..frame.start + FRAME_HEADER];
        header[5..8].fill(0);
        set_sum(header, 36);
    }
    fs::write(&file, whole).unwrap();
    let recording = Recording::open(&path).unwrap();
    assert_eq!((recording.damage(), recording.is_closed()), (Vec::new(), true));
    assert_eq!(rows(&recording.view()), expected);
    assert_eq!(recording.check(|_| {}).unwrap(), []);
    // A copy of it is numbered.
    let copy = path.with_extension("copy");
    pack(&recording.view(), recording.totals(), &copy, |_| {}).unwrap();
    assert_eq!(rows(&Recording::open(&copy).unwrap().view()), expected);
    let copied = fs::read(copy).unwrap();
    for (frame, number) in self::frames(&copied).iter().zip(1_u32..) {
        assert_eq!(u32_at(&copied, frame.start + 4) >> 8, number);
    }
}

#[test]
fn a_segment_that_was_taken_out_is_told() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("session");
    let limit = DiskLimit { bytes: 16 * 4096, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 0..100 {
        feed(&mut writer, format!("id: {n}\ndata: {}\n\n", "x".repeat(200)).as_bytes());
    }
    writer.close(at(9));
    let segments = || {
        let names = fs::read_dir(&path).unwrap().map(|file| file.unwrap().path());
        let mut names: Vec<_> =
            names.filter(|name| name.extension() == Some("sse".as_ref())).collect();
        names.sort();
        names
    };
    let all = segments();
    assert!(all.len() >= 3, "{all:?}");
    let told = |path: &Path| {
        let damage = Recording::open(path).unwrap().damage();
        damage.into_iter().map(|damage| (damage.file, damage.kind)).collect::<Vec<_>>()
    };
    assert_eq!(told(&path), []);
    for gone in [all.len() - 1, 1] {
        let kept = fs::read(&all[gone]).unwrap();
        fs::remove_file(&all[gone]).unwrap();
        let name = all[gone].file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(told(&path), [(name, DamageKind::Missing)]);
        fs::write(&all[gone], kept).unwrap();
    }
    // The oldest may have been dropped.
    fs::remove_file(&all[0]).unwrap();
    assert_eq!(told(&path), []);
}

#[test]
fn a_large_segment_with_a_frame_less_is_not_believed() {
    // Large enough that it is not read whole when it is opened.
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("session");
    let mut writer = open(folder(&path));
    let event = format!("data: {}\n\n", "x".repeat(1 << 19));
    for _ in 0..130 {
        feed(&mut writer, event.as_bytes());
    }
    writer.close(at(9));
    let file = path.join("000001.sse");
    let mut whole = fs::read(&file).unwrap();
    assert!(whole.len() > 64 << 20);
    let frames = frames(&whole);
    let seventh = frames[6].clone();
    whole.drain(seventh.clone());
    fs::write(&file, whole).unwrap();
    let recording = Recording::open(&path).unwrap();
    let damage = recording.damage();
    assert_eq!(damage[0].kind, DamageKind::Disordered);
    assert_eq!((damage[0].at, damage.len()), (seventh.start as u64, 1));
    // The connection's row, and those of the frames before; then what the next segment has.
    let rows = rows(&recording.view());
    assert_eq!(rows.iter().zip(1..).take_while(|(row, number)| row.number == *number).count(), 5);
}

fn set_sum(bytes: &mut [u8], at: usize) {
    let sum = crc32fast::hash(&bytes[..at]).to_le_bytes();
    bytes[at..at + 4].copy_from_slice(&sum);
}
