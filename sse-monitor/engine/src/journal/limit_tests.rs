//! Recordings that reach the limit of their disk, and what is on it by then.

use alloc::sync::Arc;
use std::path::Path;

use super::{
    retention::{DiskLimit, DiskPolicy},
    tests::{at, feed, open, rows},
    turn::{Format, Turn},
    writer::Place,
};
use crate::{
    recording::{Recording, pack},
    row::RowKind,
    state::Fault,
};

#[test]
fn what_is_recorded_is_brought_to_the_disk_while_it_comes() {
    let keep = tempfile::tempdir().unwrap();
    let limit = DiskLimit { bytes: 8 << 20, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: keep.path().join("s"), limit });
    while writer.kept().view().parts().len() < 3 {
        feed(&mut writer, &b"data: some\n\n".repeat(5_000));
    }
    let segments: Vec<_> =
        writer.kept().view().parts().iter().map(|part| Arc::clone(&part.segment)).collect();
    // Without a close, and without a look at the clock: it comes to pass.
    while segments.iter().any(|segment| segment.synced() < segment.journal.len()) {
        std::thread::yield_now();
    }
    let path = keep.path().join("s");
    let now = Recording::open(&path).unwrap();
    assert_eq!((now.is_live(), now.is_closed()), (true, false));
    assert_eq!(now.damage(), [], "it has no end yet");
    writer.close(at(2));
    let then = Recording::open(&path).unwrap();
    assert_eq!((then.is_live(), then.is_closed()), (false, true));
}

#[test]
fn past_a_disk_limit_recording_stops_and_watching_goes_on() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 100_000, policy: DiskPolicy::Stop };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 2..=2_000 {
        feed(&mut writer, format!("data: {n}\n\n").as_bytes());
    }
    assert!(
        writer.stopped().unwrap().contains("the limit of 100000 bytes"),
        "{:?}",
        writer.stopped()
    );
    let live = rows(&writer.kept().view());
    let stop = live.iter().position(|row| row.kind == RowKind::RecordingStopped).unwrap();
    assert_eq!(live.len(), 2_001, "no event is missing, and one row says that recording stopped");
    assert_eq!(live.last().unwrap().data, "2000");
    let recording = Recording::open(&path).unwrap();
    assert!(recording.is_closed());
    assert_eq!(rows(&recording.view()), live[..stop]);
}

#[test]
fn a_recording_takes_no_more_than_its_limit_in_a_folder_nor_in_a_file() {
    let keep = tempfile::tempdir().unwrap();
    let mut number = 0;
    for policy in [DiskPolicy::Stop, DiskPolicy::DropOldest] {
        for bytes in [16 << 10, 100_000, 300_000] {
            for (length, many_types) in [(10, true), (900, false), (9_000, true)] {
                number += 1;
                let path = keep.path().join(format!("s{number}"));
                let mut writer =
                    open(Place::Folder { path: path.clone(), limit: DiskLimit { bytes, policy } });
                let mut body = String::new();
                for n in 0..(2 * bytes / length) {
                    let name = if many_types { n % 100 } else { 0 };
                    body.push_str(&format!(
                        "id: {n}\nevent: type-{name}\ndata: {}\n\n",
                        "x".repeat(length as usize)
                    ));
                }
                // Each read brings more than the limit may have room for.
                for piece in body.as_bytes().chunks(150_000) {
                    feed(&mut writer, piece);
                    assert!(size_of_folder(&path) <= bytes, "{policy:?} {bytes} {length}");
                }
                writer.close(at(9));
                let size = size_of_folder(&path);
                assert!(size <= bytes, "{policy:?} {bytes} {length}: {size}");
                let recording = Recording::open(&path).unwrap();
                assert!(recording.damage().is_empty(), "{:?}", recording.damage());
                let file = keep.path().join(format!("{number}.ssrec"));
                pack(&recording.view(), recording.totals(), &file, |_| {}).unwrap();
                let size = std::fs::metadata(&file).unwrap().len();
                assert!(size <= bytes, "{policy:?} {bytes} {length}: {size}");
                // Nor is most of it left free.
                if length < 9_000 {
                    assert!(size > bytes / 3, "{policy:?} {bytes} {length}: {size}");
                }
            }
        }
    }
}

#[test]
fn many_attempts_leave_room_for_events_in_a_small_recording() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 64 << 10, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 0..600_u64 {
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(n * 2_000_000));
        feed(&mut writer, format!("data: {n}\n\n").as_bytes());
    }
    writer.close(at(9));
    assert_eq!(writer.stopped(), None);
    assert!(size_of_folder(&path) <= limit.bytes);
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.view().row(recording.view().next_row() - 1).unwrap().data, "599");
    let report = recording.report();
    assert_eq!((report.attempts >= 600, report.events), (true, 600));
    // The latest are told one by one, as far as there is room.
    let told = report.latest_attempts.len();
    assert!((2..600).contains(&told), "{told}");
    assert_eq!(report.latest_attempts.back().unwrap().events, 1);
    // What is made again counts those too whose turns are gone.
    std::fs::remove_file(path.join("types")).unwrap();
    assert!(Recording::open(&path).unwrap().totals().attempts >= 600);
}

#[test]
fn what_is_done_at_a_disk_limit_can_be_changed_before_it_is_reached() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 100_000, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    writer.set_policy(DiskPolicy::Stop);
    for n in 2..=2_000 {
        feed(&mut writer, format!("data: {n}\n\n").as_bytes());
    }
    assert!(writer.stopped().unwrap().contains("limit"), "{:?}", writer.stopped());
    // It is in memory now, where there is nothing to change.
    writer.set_policy(DiskPolicy::DropOldest);
    assert_eq!(Recording::open(&path).unwrap().view().first_row(), 1, "the beginning is there");
}

#[test]
fn past_a_disk_limit_that_drops_the_newest_stay() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 200_000, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 2..=5_000 {
        feed(&mut writer, format!("id: {n}\ndata: {n}\n\n").as_bytes());
    }
    writer.close(at(9));
    let size = size_of_folder(&path);
    assert!(size <= 200_000, "{size}");
    let view = Recording::open(&path).unwrap().view();
    assert_eq!((view.first_row(), view.next_row()), (writer.kept().first_row(), 5_001));
    assert!(view.first_row() > 1_000);
    assert_eq!(writer.totals().rows_forgotten, view.first_row() - 1);
    assert_eq!(view.row(5_000).unwrap().id, "5000");
    assert_eq!(view.page(1, 1, 80)[0].data, view.first_row().to_string());
}

#[test]
fn past_a_disk_limit_that_drops_it_goes_on_without_rows_too() {
    for bytes in ["\n", "none: x\n\n", ": c\n", "retry: 5\n\n"] {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("s");
        let limit = DiskLimit { bytes: 100_000, policy: DiskPolicy::DropOldest };
        let mut writer = open(Place::Folder { path: path.clone(), limit });
        for _ in 0..200 {
            feed(&mut writer, bytes.repeat(2_000 / bytes.len()).as_bytes());
            assert_eq!(writer.stopped(), None, "{bytes:?}");
        }
        feed(&mut writer, b"data: next\n\n");
        writer.close(at(9));
        assert!(size_of_folder(&path) <= limit.bytes, "{bytes:?}: {}", size_of_folder(&path));
        let view = Recording::open(&path).unwrap().view();
        assert_eq!(view.row(view.next_row() - 1).unwrap().data, "next", "{bytes:?}");
    }
}

#[test]
fn past_a_disk_limit_that_drops_a_server_that_is_down_stops_nothing() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: DiskLimit::LEAST_BYTES, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    for n in 0..200 {
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(n * 2_000_000));
        let refused = RowKind::Disconnected { fault: Fault::Connect, retry_in_ms: Some(1) };
        writer.turn(&Turn::new(refused, "connection refused"), at(n * 2_000_000));
        assert_eq!(writer.stopped(), None, "{n}");
    }
    writer.begin_body(Format::EventStream, at(9));
    feed(&mut writer, b"data: up\n\n");
    writer.close(at(9));
    assert!(size_of_folder(&path) <= limit.bytes);
    let view = Recording::open(&path).unwrap().view();
    assert_eq!(view.row(view.next_row() - 1).unwrap().data, "up");
}

#[test]
fn an_event_that_is_too_long_for_a_disk_limit_stops_the_recording_and_is_told() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("s");
    let limit = DiskLimit { bytes: 100_000, policy: DiskPolicy::DropOldest };
    let mut writer = open(Place::Folder { path: path.clone(), limit });
    let fits = "x".repeat(70_000);
    for data in ["before", &fits] {
        feed(&mut writer, format!("data: {data}\n\n").as_bytes());
    }
    assert_eq!(writer.stopped(), None);
    let newest = writer.kept().next_row() - 1;
    assert_eq!(writer.kept().view().row(newest).unwrap().data, fits);
    feed(&mut writer, format!("data: after\n\ndata: {}\n\n", "x".repeat(200_000)).as_bytes());
    assert!(writer.stopped().unwrap().contains("an event is too long for the limit of 100000"));
    writer.close(at(9));
    assert!(size_of_folder(&path) <= limit.bytes);
    let view = Recording::open(&path).unwrap().view();
    assert_eq!(view.row(view.next_row() - 1).unwrap().data, "after");
}

fn size_of_folder(path: &Path) -> u64 {
    std::fs::read_dir(path).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}
