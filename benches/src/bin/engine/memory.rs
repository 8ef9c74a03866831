//! What an event of the most bytes that are allowed takes, and one that is longer: each watched in a process of its
//! own, whose memory is counted where it is asked for and where it is resident.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    thread,
};

use sse_monitor_engine::{DiskLimit, Limits, Reconnect, Retention, Watch, WatchRequest};

use crate::counting::Taken;

/// The first argument of the process that is measured.
pub(crate) const CHILD: &str = "a-large-event";

/// The most bytes of a line and of an event.
const LIMIT: usize = 64 << 20;

/// Measures each in a process of its own.
pub(crate) fn large_events(folder: &Path) -> io::Result<()> {
    println!(
        "\nan event without a line end, with a limit of {} MiB (goal: below 2 times)",
        LIMIT >> 20
    );
    for (what, bytes) in
        [("of just the limit", LIMIT - 100), ("of four times the limit", 4 * LIMIT)]
    {
        for how in ["recorded", "in memory"] {
            let folder = folder.join(format!("large-{bytes}-{}", how.len()));
            let child = Command::new(env::current_exe()?)
                .args([
                    CHILD.as_ref(),
                    bytes.to_string().as_ref(),
                    folder.as_os_str(),
                    how.as_ref(),
                ])
                .output()?;
            if !child.status.success() {
                return Err(io::Error::other(String::from_utf8_lossy(&child.stderr).into_owned()));
            }
            print!("{what}, {how}: {}", String::from_utf8_lossy(&child.stdout));
        }
    }
    Ok(())
}

/// Watches one such event, and prints what it took.
pub(crate) fn child() -> io::Result<()> {
    let argument =
        |at| env::args().nth(at).ok_or_else(|| io::Error::other("an argument is missing"));
    let bytes: usize = argument(2)?.parse().map_err(io::Error::other)?;
    let (folder, how) = (argument(3)?, argument(4)?);
    let url = serve(bytes)?;
    let limits = Limits::default().line(LIMIT).event(LIMIT);
    let request = WatchRequest::new(&url).map_err(io::Error::other)?;
    let request = request.limits(limits).reconnect(Reconnect::Never);
    let retention = Retention { bytes: LIMIT, ..Retention::default() };
    let request = match how.as_str() {
        "recorded" => request.record(&folder, DiskLimit::default()),
        _ => request.retention(retention),
    };
    let resident = most_resident();
    let taken = Taken::from_now_on();
    let watch = Watch::start(request);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut seen = 0;
        while !watch.snapshot().state.is_over() {
            seen = watch.changed(seen).await;
        }
    });
    let totals = watch.snapshot().totals;
    if totals.events + totals.decode_errors != 2 {
        return Err(io::Error::other(format!("not all came: {totals:?}")));
    }
    let times = |bytes: f64| bytes / LIMIT as f64;
    println!(
        "{:.2} times at the allocator, {:.2} times resident",
        times(taken.most() as f64),
        times(most_resident().saturating_sub(resident) as f64),
    );
    Ok(())
}

/// Sends one event of so many bytes, and a small one, without holding any.
fn serve(bytes: usize) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (mut socket, _) = listener.accept()?;
        let _ = socket.read(&mut [0; 4096])?;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: ")?;
        let piece = [b'x'; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            let count = left.min(piece.len());
            socket.write_all(&piece[..count])?;
            left -= count;
        }
        socket.write_all(b"\n\ndata: after\n\n")
    });
    Ok(format!("http://{address}/"))
}

/// The most bytes of this process that were in memory so far.
fn most_resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
