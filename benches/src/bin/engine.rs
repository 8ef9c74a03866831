//! The monitor's engine: how fast it takes a stream in while it is asked, what a row costs, how fast it
//! opens and searches, beside `curl -N | wc -l` and a reader on sse-stream over the same bytes.
//!
//! `cargo run --release -p sse-benches --bin engine --features engine -- [EVENTS]`

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use rustix::time::{ClockId, clock_gettime};
use sse_monitor_engine::{
    DiskLimit, Reconnect, RowKind, Watch, WatchRequest,
    query::{Budget, Order, Query, Statistics, Text},
    recording::{Recording, pack},
};

/// The event bars are given for: about 300 bytes, of which the data is most.
fn event(n: u64, out: &mut Vec<u8>) {
    const WORDS: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor \
                         incididunt ut labore et dolore magna aliqua ut enim ad minim veniam quis \
                         nostrud exercitation ullamco laboris nisi";
    let text = &WORDS[..190];
    let kind = n % 7;
    let _ = write!(
        out,
        "id: {n}\nevent: kind{kind}\ndata: {{\"n\":{n},\"user\":\"u{}\",\"value\":{}.{:02},\"text\":\"{text}\"}}\n\n",
        n * 7919 % 100_003,
        n % 1000,
        n % 100,
    );
}

/// An event of 150 bytes, for the search.
fn short(n: u64, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "id: {n}\ndata: {{\"n\":{n},\"text\":\"{:-<90} {:08x}\"}}\n\n",
        "a line of a log ",
        n.wrapping_mul(2_654_435_761) as u32
    );
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("engine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let events = env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let folder = env::temp_dir().join(format!("sse-bench-engine-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let result = measure(events, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn measure(events: u64, folder: &Path) -> io::Result<()> {
    let url = serve(events, event)?;
    println!("{events} events of about 300 bytes over loopback");
    let mut number = 0;
    let mut next = || {
        number += 1;
        folder.join(format!("session-{number}"))
    };
    // First, while nothing was freed that could be used again unseen.
    let before = resident();
    let session = next();
    let watched = watch(&url, events, Some(&session), false)?;
    let grown = resident().saturating_sub(before);
    println!("resident while recording: {:.1} bytes an event", grown as f64 / events as f64);
    drop(watched);
    println!("worst and best of 3:");
    row("curl -N | wc -l", events, || curl(&url));
    row("sse-stream on reqwest", events, || sse_stream(&url));
    row("engine in memory", events, || watch(&url, events, None, false).map(|_| ()));
    row("engine recording", events, || watch(&url, events, Some(&next()), false).map(|_| ()));
    // The command is a package of its own, and may not have been built.
    let command = env::current_exe()?.with_file_name("sse");
    if command.exists() {
        row("sse tail | wc -l", events, || sse_tail(&command, &url, events));
    } else {
        println!("sse tail: not measured; cargo build --release -p sse-monitor-cli makes it");
    }
    row("engine recording, asked all the time", events, || {
        watch(&url, events, Some(&next()), true).map(|_| ())
    });

    open("folder", &session)?;
    let file = folder.join("one.ssrec");
    let recording = Recording::open(&session).map_err(io::Error::other)?;
    let begun = Instant::now();
    pack(&recording.view(), recording.totals(), &file, |_| {}).map_err(io::Error::other)?;
    println!("put in one file: {:.2} s", begun.elapsed().as_secs_f64());
    open("file", &file)?;

    search(&next(), events)
}

/// Time to the first page, and to statistics over all.
fn open(what: &str, path: &Path) -> io::Result<()> {
    let begun = Instant::now();
    let recording = Recording::open(path).map_err(io::Error::other)?;
    let view = recording.view();
    let page = view.page(view.next_row() / 2, 50, 600);
    let opened = begun.elapsed();
    let begun = Instant::now();
    let mut statistics = Statistics::default();
    statistics.update(&view);
    println!(
        "{what}: opened to a page of {} rows in {:.1} ms; statistics of {} events in {:.1} ms",
        page.len(),
        opened.as_secs_f64() * 1e3,
        statistics.report().events,
        begun.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}

/// Searches a session while another million comes in.
fn search(session: &Path, events: u64) -> io::Result<()> {
    let url = serve(events, short)?;
    let watched = watch(&url, events, Some(session), false)?;
    let more = session.with_extension("more");
    let busy = Arc::new(AtomicBool::new(true));
    let ingest = thread::spawn({
        let busy = Arc::clone(&busy);
        move || {
            let mut n = 0;
            while busy.load(Ordering::Relaxed) {
                n += 1;
                let _ = watch(&url, events, Some(&more.with_extension(n.to_string())), false);
            }
        }
    });
    let view = watched.view();
    let time = |what: &str, query: &Query, hits: usize| {
        let mut times: Vec<_> = (0..5)
            .map(|_| {
                let (begun, cpu) = (Instant::now(), cpu_time());
                let found = view.find(query, 0, Order::Forward, Budget::hits(hits));
                let rows = view.rows(&found.numbers[..found.numbers.len().min(50)], 600);
                (begun.elapsed(), cpu_time() - cpu, found.numbers.len(), rows.len())
            })
            .collect();
        times.sort();
        let ((best, cpu, hits, _), (worst, ..)) = (times[0], times[4]);
        println!(
            "search while ingesting, {what}: {hits} hits in {:.0}-{:.0} ms (of the processor {:.0} ms)",
            best.as_secs_f64() * 1e3,
            worst.as_secs_f64() * 1e3,
            cpu.as_secs_f64() * 1e3
        );
    };
    let last = format!("{:08x}", (events - 3).wrapping_mul(2_654_435_761) as u32);
    time("a text near the end", &Query::new().text(Text::literal(&last)), 50);
    time("a text that is nowhere, all rows", &Query::new().text(Text::literal("no such text")), 50);
    time("a common text, first 50", &Query::new().text(Text::literal("line of a log")), 50);
    time("in any case, all rows", &Query::new().text(Text::any_case("NO SUCH TEXT")), 50);
    let regex = Text::regex("ff[0-9]{4}ff\"").map_err(io::Error::other)?;
    time("a regular expression, all rows", &Query::new().text(regex), usize::MAX);
    let json = Query::new().json(".n >= 999990").map_err(io::Error::other)?;
    time("a test on JSON, all rows", &json, usize::MAX);
    time("one id, all rows", &Query::new().id("424242"), usize::MAX);
    busy.store(false, Ordering::Relaxed);
    ingest.join().map_err(|_| io::Error::other("the second stream's thread broke"))
}

/// Watches a stream to its end and checks that nothing is missing.
fn watch(url: &str, events: u64, record: Option<&Path>, asked: bool) -> io::Result<Watch> {
    let mut request = WatchRequest::new(url).map_err(io::Error::other)?.reconnect(Reconnect::Never);
    if let Some(folder) = record {
        request = request.record(folder, DiskLimit::default());
    }
    let watch = Watch::start(request);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let queries = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        if asked {
            scope.spawn(|| {
                // What a window asks for: a page at the end, a filtered page, statistics.
                let mut statistics = Statistics::default();
                let query = Query::new().event_type("kind3").text(Text::literal("u4242"));
                while !done.load(Ordering::Relaxed) {
                    let view = watch.view();
                    view.page(view.next_row().saturating_sub(50), 50, 600);
                    view.find(&query, u64::MAX, Order::Backward, Budget { hits: 50, rows: 50_000 });
                    statistics.update(&view);
                    queries.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(16));
                }
            });
        }
        runtime.block_on(async {
            let mut seen = 0;
            while !watch.snapshot().state.is_over() {
                seen = watch.changed(seen).await;
            }
        });
        done.store(true, Ordering::Relaxed);
    });
    let snapshot = watch.snapshot();
    if snapshot.totals.events != events || watch.recording_stopped().is_some() {
        return Err(io::Error::other(format!("not all is there: {snapshot:?}")));
    }
    let newest = watch.page(snapshot.next_row - 2, 1, 10).pop();
    if newest.is_none_or(|row| row.kind != RowKind::Event || row.id != (events - 1).to_string()) {
        return Err(io::Error::other("the newest event is another"));
    }
    Ok(watch)
}

fn row(name: &str, events: u64, mut work: impl FnMut() -> io::Result<()>) {
    let mut times = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        if let Err(error) = work() {
            println!("{name:<40} {error}");
            return;
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let rate = |time: Duration| events as f64 / time.as_secs_f64();
    println!("{name:<40} {:>9.0} - {:>9.0} events/s", rate(times[2]), rate(times[0]));
}

fn curl(url: &str) -> io::Result<()> {
    let mut curl = Command::new("curl").args(["-sN", url]).stdout(Stdio::piped()).spawn()?;
    let out = curl.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let counted = Command::new("wc").arg("-l").stdin(out).output()?;
    curl.wait()?;
    if counted.stdout.len() > 1 { Ok(()) } else { Err(io::Error::other("curl read nothing")) }
}

fn sse_tail(command: &Path, url: &str, events: u64) -> io::Result<()> {
    let mut tail = Command::new(command)
        .args(["tail", "--silent", "--once", url])
        .stdout(Stdio::piped())
        .spawn()?;
    let out = tail.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let counted = Command::new("wc").arg("-l").stdin(out).output()?;
    tail.wait()?;
    let lines = String::from_utf8_lossy(&counted.stdout).trim().parse();
    if lines == Ok(events) {
        Ok(())
    } else {
        Err(io::Error::other(format!("sse tail printed {lines:?} of {events} lines")))
    }
}

fn sse_stream(url: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        let response = client.get(url).send().await.map_err(io::Error::other)?;
        let mut events = sse_stream::SseStream::from_bytes_stream(response.bytes_stream());
        let mut bytes = 0;
        while let Some(event) = events.next().await {
            bytes += event.map_err(io::Error::other)?.data.map_or(0, |data| data.len());
        }
        if bytes > 0 { Ok(()) } else { Err(io::Error::other("sse-stream read nothing")) }
    })
}

/// Sends the events to everyone who asks, and closes.
fn serve(events: u64, event: fn(u64, &mut Vec<u8>)) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address: SocketAddr = listener.local_addr()?;
    // Made once, so that the sender is never what is measured.
    let mut body = Vec::new();
    (0..events).for_each(|n| event(n, &mut body));
    let body = Arc::new(body);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let body = Arc::clone(&body);
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let _ = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&body));
            });
        }
    });
    Ok(format!("http://{address}/"))
}

/// The processor time of this thread: what others do on the machine does not count.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Bytes of this process that are in memory and no file's.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
