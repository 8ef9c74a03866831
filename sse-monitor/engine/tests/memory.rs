//! What an event without an end costs, by an allocator that counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use core::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicIsize, Ordering},
};
use std::{
    alloc::System,
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use sse_monitor_engine::{
    DiskLimit, Limits, Reconnect, Retention, RowKind, Watch, WatchRequest, recording::Recording,
};

/// The most bytes of an event.
const LIMIT: usize = 16 << 20;

#[global_allocator]
static COUNTED: Counting = Counting;

static NOW: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

struct Counting;

// SAFETY: everything is the system's allocator; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there while it moves.
        count(size.cast_signed());
        // SAFETY: as the caller promises.
        let moved = unsafe { System.realloc(place, layout, size) };
        count(-layout.size().cast_signed());
        moved
    }
}

fn count(bytes: isize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(now, Ordering::Relaxed);
}

/// One test, since all share the count.
#[test]
fn an_event_without_an_end_takes_no_more_than_twice_its_limit() {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().join("s");
    for (line, what) in [("", "one line"), ("\ndata: ", "lines of a megabyte")] {
        let _ = std::fs::remove_dir_all(&folder);
        let taken = watch(line, |request| request.record(&folder, DiskLimit::default()));
        assert!(taken <= 2 * LIMIT, "{what}: {taken} bytes, with a limit of {LIMIT}");
        println!("{what}, recording: {:.2} times the limit", taken as f64 / LIMIT as f64);
        let recording = Recording::open(&folder).unwrap();
        assert_eq!(recording.totals().decode_errors, 1);
        assert_eq!(recording.totals().events, 1);

        let retention = Retention { bytes: LIMIT, ..Retention::default() };
        let taken = watch(line, |request| request.retention(retention));
        // What is kept in memory has a limit of its own.
        assert!(
            taken <= 2 * LIMIT + retention.bytes,
            "{what} in memory: {taken} bytes, with a limit of {LIMIT}"
        );
        println!("{what}, in memory: {:.2} times the limit", taken as f64 / LIMIT as f64);
    }
}

/// The most bytes that were taken while an event came of twice what is allowed, and a small one after it.
fn watch(every_megabyte: &'static str, set: impl FnOnce(WatchRequest) -> WatchRequest) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: ")
            .unwrap();
        let piece = [b'x'; 16 << 10];
        for n in 1..=2 * LIMIT / piece.len() {
            socket.write_all(&piece).unwrap();
            if n % 64 == 63 {
                socket.write_all(every_megabyte.as_bytes()).unwrap();
            }
        }
        socket.write_all(b"\nid: 7\n\ndata: after\n\n").unwrap();
    });
    let limits = Limits::default().line(LIMIT).event(LIMIT);
    let request = WatchRequest::new(&url).unwrap().limits(limits).reconnect(Reconnect::Never);
    let watch = Watch::start(set(request));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut seen = 0;
        while !watch.snapshot().state.is_over() {
            seen = watch.changed(seen).await;
        }
    });
    server.join().unwrap();
    let snapshot = watch.snapshot();
    let most = MOST.load(Ordering::Relaxed);
    // The event that was too long, and the one after it, which the ID of the first reached.
    let rows = watch.page(snapshot.next_row - 2, 1, 80);
    assert_eq!((snapshot.totals.decode_errors, snapshot.totals.events), (1, 1));
    let [after] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (after.kind, after.id.as_str(), after.data.as_str()),
        (RowKind::Event, "7", "after")
    );
    assert_eq!(snapshot.last_event_id, "7");
    (most - before).unsigned_abs()
}
