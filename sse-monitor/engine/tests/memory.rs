//! What an event without an end costs, by an allocator that counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod counting;

use std::{
    io::{BufWriter, Read, Write},
    net::TcpListener,
    thread,
};

use counting::Taken;
use sse_monitor_engine::{
    DiskLimit, Limits, Reconnect, Retention, RowKind, Watch, WatchRequest, recording::Recording,
};

/// The most bytes of an event.
const LIMIT: usize = 16 << 20;

/// What a server sends.
#[derive(Clone, Copy, Debug)]
struct Sent {
    what: &'static str,
    /// How long it is, but for its end.
    bytes: usize,
    content_type: &'static str,
    begins: &'static str,
    /// What stands between so many bytes and the next.
    between: (usize, &'static str),
    ends: &'static str,
    /// How many rows of it pass a limit, and how many do not.
    rows: (u64, u64),
}

/// An event without an end.
const ENDLESS: Sent = Sent {
    what: "one line",
    bytes: 2 * LIMIT,
    content_type: "text/event-stream",
    begins: "data: ",
    between: (usize::MAX, ""),
    ends: "\nid: 7\n\ndata: after\n\n",
    rows: (1, 1),
};

const SHAPES: [Sent; 7] = [
    ENDLESS,
    Sent { what: "lines of a megabyte", between: (1 << 20, "\ndata: "), ..ENDLESS },
    Sent { what: "lines of a hundred bytes", between: (100, "\ndata: "), ..ENDLESS },
    Sent { what: "four times the limit", bytes: 4 * LIMIT, ..ENDLESS },
    Sent {
        what: "just what is allowed",
        bytes: LIMIT - 100,
        ends: "\nid: 7\n\ndata: after\n\n",
        rows: (0, 2),
        ..ENDLESS
    },
    Sent {
        what: "a comment",
        bytes: LIMIT - 100,
        begins: ":",
        ends: "\nid: 7\ndata: after\n\n",
        rows: (0, 1),
        ..ENDLESS
    },
    Sent {
        what: "a line of JSON",
        bytes: LIMIT - 100,
        content_type: "application/x-ndjson",
        begins: "\"",
        ends: "\"\n\"after\"\n",
        rows: (0, 2),
        ..ENDLESS
    },
];

/// One test, since all share the count.
#[test]
fn an_event_without_an_end_takes_less_than_twice_its_limit() {
    let keep = tempfile::tempdir().unwrap();
    for (n, sent) in SHAPES.into_iter().enumerate() {
        let folder = keep.path().join(n.to_string());
        let taken = watch(sent, |request| request.record(&folder, DiskLimit::default()));
        println!("{}, recording: {:.2} times the limit", sent.what, taken as f64 / LIMIT as f64);
        // It is on the disk, and so need not be in memory.
        assert!(taken <= LIMIT / 2, "{}: {taken} bytes, with a limit of {LIMIT}", sent.what);
        let recording = Recording::open(&folder).unwrap();
        let totals = recording.totals();
        assert_eq!((totals.decode_errors, totals.events), sent.rows, "{}", sent.what);

        let retention = Retention { bytes: LIMIT, ..Retention::default() };
        let taken = watch(sent, |request| request.retention(retention));
        println!("{}, in memory: {:.2} times the limit", sent.what, taken as f64 / LIMIT as f64);
        assert!(taken < 2 * LIMIT, "{}: {taken} bytes, with a limit of {LIMIT}", sent.what);
    }
}

/// The most bytes that were taken while it came, and a small event after it.
fn watch(sent: Sent, set: impl FnOnce(WatchRequest) -> WatchRequest) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let taken = Taken::from_now_on();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let _ = (&socket).read(&mut [0; 4096]).unwrap();
        let mut socket = BufWriter::with_capacity(16 << 10, socket);
        let Sent { bytes, content_type, begins, between, ends, .. } = sent;
        write!(
            socket,
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{begins}"
        )
        .unwrap();
        let mut left = bytes;
        while left > 0 {
            let piece = &[b'x'; 16 << 10][..left.min(between.0).min(16 << 10)];
            socket.write_all(piece).unwrap();
            left -= piece.len();
            if left % between.0 < piece.len() {
                socket.write_all(between.1.as_bytes()).unwrap();
            }
        }
        socket.write_all(ends.as_bytes()).unwrap();
        socket.flush().unwrap();
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
    let most = taken.most();
    assert_eq!((snapshot.totals.decode_errors, snapshot.totals.events), sent.rows, "{}", sent.what);
    // The one after it, which the ID of the first reached.
    let rows = watch.page(snapshot.next_row - 2, 1, 80);
    let [after] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(after.kind, RowKind::Event);
    assert!(after.data.contains("after"), "{after:?}");
    let id = if sent.content_type == ENDLESS.content_type { "7" } else { "" };
    assert_eq!((after.id.as_str(), snapshot.last_event_id.as_str()), (id, id));
    most
}
