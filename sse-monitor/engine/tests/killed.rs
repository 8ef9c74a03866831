//! A program that records is killed, again and again: what it had written is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use core::ops::Range;
use std::{
    env, fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use sse_monitor_engine::{
    DiskLimit, DiskPolicy, Reconnect, RowKind, Watch, WatchRequest,
    recording::{DamageKind, Recording, pack},
};

/// Tells the child where to record.
const FOLDER: &str = "SSE_RECORD_UNTIL_KILLED";

/// How often it is killed, if more often than here.
const KILLS: &str = "SSE_KILLS";

/// So many bytes are there when it is killed: within its first segment, and about the ends of others.
const WRITTEN: Range<u64> = 1..3 << 19;

#[test]
fn a_recording_whose_program_was_killed_has_all_that_was_written() {
    let kills = env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(3);
    let keep = tempfile::tempdir().unwrap();
    let (mut events, mut segments) = (0, 0);
    for kill in 0..kills {
        let folder = keep.path().join(kill.to_string());
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "records_until_it_is_killed", "--ignored"])
            .env(FOLDER, &folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over the range by the golden ratio, the same each time.
        let span = WRITTEN.end - WRITTEN.start;
        let enough = WRITTEN.start + (kill * 0x9E37_79B9) % span;
        while written(&folder) < enough {
            assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let recording = Recording::open(&folder).unwrap();
        assert!(!recording.is_closed());
        for damage in recording.damage() {
            let is_told = matches!(damage.kind, DamageKind::NotClosed | DamageKind::CutOff);
            assert!(is_told, "{damage}");
        }
        let view = recording.view();
        let (mut expected, mut next) = (0_u64, view.first_row());
        while next < view.next_row() {
            for row in view.page(next, 4096, 80) {
                assert_eq!(row.number, next);
                next += 1;
                if row.kind == RowKind::Event {
                    assert_eq!(row.data.parse(), Ok(expected), "row {}", row.number);
                    expected += 1;
                }
            }
        }
        assert_eq!(recording.totals().events, expected);
        assert_eq!(recording.report().events, recording.totals().events);
        let file = keep.path().join(format!("{kill}.ssrec"));
        pack(&view, recording.totals(), &file, |_| {}).unwrap();
        let packed = Recording::open(&file).unwrap();
        assert_eq!((packed.damage(), packed.view().next_row()), (vec![], view.next_row()));
        events += expected;
        segments += fs::read_dir(&folder).unwrap().count() / 3;
    }
    println!("killed {kills} times: {events} events in {segments} segments, none lost or repeated");
}

#[test]
#[ignore = "the child of the test above"]
fn records_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Small segments, so that many end; nothing is dropped before it is killed.
    let limit = DiskLimit { bytes: 8 << 20, policy: DiskPolicy::Stop };
    let request = WatchRequest::new(&url).unwrap().reconnect(Reconnect::Never);
    let _watch = Watch::start(request.record(Path::new(&folder), limit));
    let (mut socket, _) = listener.accept().unwrap();
    let _ = socket.read(&mut [0; 4096]).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    for block in 0.. {
        let events: String = (block * 100..block * 100 + 100)
            .map(|n: u64| format!("id: {n}\nevent: kind{}\n: beat\ndata: {n}\n\n", n % 7))
            .collect();
        // The parent's end is this one's.
        if socket.write_all(events.as_bytes()).is_err() {
            return;
        }
    }
}

fn written(folder: &Path) -> u64 {
    let Ok(files) = fs::read_dir(folder) else { return 0 };
    let journals =
        files.flatten().filter(|file| file.path().extension().is_some_and(|e| e == "sse"));
    journals.map(|file| file.metadata().map_or(0, |file| file.len())).sum()
}
