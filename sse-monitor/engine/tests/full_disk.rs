//! A disk that is really full, for a recording: a small file system of its own, seen by one child alone.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    thread,
};

use sse_monitor_engine::{
    DiskLimit, Reconnect, RowKind, Watch, WatchRequest, recording::Recording,
};

/// Tells the child where the small file system is.
const DISK: &str = "SSE_SMALL_DISK";

#[test]
fn a_full_disk_stops_recording_and_not_watching() {
    let keep = env::temp_dir().join(format!("sse-full-disk-{}", std::process::id()));
    fs::create_dir(&keep).unwrap();
    // In a namespace of its own, which ends with the child, and the mount with it.
    let script = "mount -t tmpfs -o size=4m none \"$1\" || exit 77; shift; exec \"$@\"";
    let child = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .arg(&keep)
        .arg(env::current_exe().unwrap())
        .args(["--exact", "records_on_a_small_disk", "--ignored", "--nocapture"])
        .env(DISK, &keep)
        .output();
    // Only the folder that was mounted over, which is empty here: nothing else is ever removed.
    fs::remove_dir(&keep).unwrap();
    let child = match child {
        Ok(child) => child,
        Err(error) => return println!("skipped: there is no unshare here ({error})"),
    };
    let said = String::from_utf8_lossy(&child.stderr);
    if child.status.code() == Some(77) || said.contains("unshare failed") {
        return println!("skipped: no file system may be mounted here ({})", said.trim());
    }
    let shown = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{shown}\n{said}");
    assert!(shown.contains("1 passed"), "{shown}");
}

#[test]
#[ignore = "the child of the test above"]
fn records_on_a_small_disk() {
    const EVENTS: u64 = 40_000;
    let Some(disk) = env::var_os(DISK) else { return };
    let folder = Path::new(&disk).join("session");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        for n in 0..EVENTS {
            socket.write_all(format!("id: {n}\ndata: {n} {:-<200}\n\n", "").as_bytes()).unwrap();
        }
    });
    let request = WatchRequest::new(&url).unwrap().reconnect(Reconnect::Never);
    let watch = Watch::start(request.record(&folder, DiskLimit::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut seen = 0;
        while !watch.snapshot().state.is_over() {
            seen = watch.changed(seen).await;
        }
    });
    server.join().unwrap();

    // It says so, in words and by a row, and everything came.
    let sentence = watch.recording_stopped().unwrap();
    assert!(sentence.contains("the disk is full"), "{sentence}");
    assert_eq!(watch.snapshot().totals.events, EVENTS);
    let rows = watch.page(1, usize::MAX, 80);
    let numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=rows.len() as u64).collect::<Vec<_>>());
    let stops: Vec<_> = rows.iter().filter(|row| row.kind == RowKind::RecordingStopped).collect();
    assert_eq!(stops.len(), 1);
    let told = watch.row(stops[0].number).unwrap().data;
    assert_eq!(told, format!("{sentence}, and watching goes on"));
    let ids: Vec<_> = rows.iter().filter(|row| row.kind == RowKind::Event).map(|r| &r.id).collect();
    assert!(ids.iter().zip(0_u64..).all(|(id, n)| **id == n.to_string()) && ids.len() == 40_000);

    // What had found room is whole.
    let recording = Recording::open(&folder).unwrap();
    let recorded = recording.view().page(1, usize::MAX, 80);
    assert_eq!(recorded[..], rows[..recorded.len()]);
    assert!(recorded.len() > 5_000, "{}", recorded.len());
    assert!(recorded.iter().all(|row| row.kind != RowKind::Damaged));
    drop(watch);
}
