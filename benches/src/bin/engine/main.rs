//! The monitor's engine: how fast it takes a stream in while it is asked, what a row costs, how fast it
//! opens, searches and packs, beside `curl -N | wc -l` and a reader on sse-stream over the same bytes.
//!
//! `cargo run --release -p benches --bin engine --features engine -- [EVENTS [MANY]]`: a million, and ten, where
//! nothing is said. The ten million take some gigabytes of the disk.

#![deny(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

#[path = "../../../../sse-monitor/engine/tests/counting/mod.rs"]
mod counting;
mod memory;
mod stream;

use std::{
    env, fs, io,
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use sse_monitor_engine::{
    DiskLimit, Reconnect, RowKind, Watch, WatchRequest,
    query::{Budget, Order, Query, Text},
    recording::{Recording, Source, import, pack},
};

use stream::{curl, event, needle, serve, short, sse_stream, sse_tail};

fn main() -> ExitCode {
    let child = env::args().nth(1).filter(|word| word == memory::CHILD);
    match child.map_or_else(run, |_| memory::child()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("engine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let number = |at| env::args().nth(at).and_then(|n| n.parse().ok());
    let (events, many) = (number(1).unwrap_or(1_000_000), number(2).unwrap_or(10_000_000));
    let folder = env::temp_dir().join(format!("sse-bench-engine-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let result = take_in(events, &folder)
        .and_then(|()| memory::large_events(&folder))
        .and_then(|()| search(&folder.join("searched"), events))
        .and_then(|()| open_many(&folder.join("many.ssrec"), many));
    fs::remove_dir_all(&folder)?;
    result
}

fn take_in(events: u64, folder: &Path) -> io::Result<()> {
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
    println!(
        "resident while recording: {:.1} bytes an event (goal: 48)",
        grown as f64 / events as f64
    );
    drop(watched);
    println!("worst and best of 3 (goal: 100,000 recording while it is asked, better 300,000):");
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
    row("engine recording, asked as a window asks", events, || {
        watch(&url, events, Some(&next()), true).map(|_| ())
    });
    let file = folder.join("one.ssrec");
    open("as a folder", &session, "0.5 s")?;
    repack(&session, &file)?;
    open("as a file", &file, "0.5 s")
}

/// As many as one would not wait for, made without a network.
fn open_many(file: &Path, events: u64) -> io::Result<()> {
    println!("\n{events} events of 150 bytes");
    let begun = Instant::now();
    let body = stream::Body { next: 0, events, made: Vec::new(), at: 0 };
    let imported = import(body, Source::Raw, "a bench", file).map_err(io::Error::other)?.events;
    if imported != events {
        return Err(io::Error::other(format!("{imported} events were imported")));
    }
    println!("imported into a file: {:.1} s", begun.elapsed().as_secs_f64());
    open("as a file", file, "2 s")?;
    repack(file, &file.with_extension("again"))
}

/// Time to the first page, and to statistics over all.
fn open(what: &str, path: &Path, goal: &str) -> io::Result<()> {
    let begun = Instant::now();
    let recording = Recording::open(path).map_err(io::Error::other)?;
    let view = recording.view();
    let page = view.page(view.next_row() / 2, 50, 600);
    let opened = begun.elapsed();
    let begun = Instant::now();
    let events = recording.report().events;
    println!(
        "{what}: opened to a page of {} rows in {:.1} ms (goal: {goal}); statistics of {events} events in {:.1} ms",
        page.len(),
        opened.as_secs_f64() * 1e3,
        begun.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}

fn repack(from: &Path, to: &Path) -> io::Result<()> {
    let recording = Recording::open(from).map_err(io::Error::other)?;
    let (begun, cpu) = (Instant::now(), cpu_time());
    pack(&recording.view(), recording.totals(), to, |_| {}).map_err(io::Error::other)?;
    println!(
        "put in one file of {} MB: {:.2} s (of the processor {:.2} s)",
        fs::metadata(to)?.len() >> 20,
        begun.elapsed().as_secs_f64(),
        (cpu_time() - cpu).as_secs_f64()
    );
    Ok(())
}

/// Searches a session while others come in.
fn search(session: &Path, events: u64) -> io::Result<()> {
    println!(
        "\n{events} events of 150 bytes, searched while others are recorded (goal: first results in 0.3 s)"
    );
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
            "{what}: {hits} hits in {:.0}-{:.0} ms (of the processor {:.0} ms)",
            best.as_secs_f64() * 1e3,
            worst.as_secs_f64() * 1e3,
            cpu.as_secs_f64() * 1e3
        );
    };
    let near_the_end = format!("{:08x}", needle(events - 3));
    time("a common text, first 50", &Query::new().text(Text::literal("line of a log")), 50);
    time("a text near the end", &Query::new().text(Text::literal(&near_the_end)), 50);
    time("a text that is nowhere, all rows", &Query::new().text(Text::literal("no such text")), 50);
    time("in any case, all rows", &Query::new().text(Text::any_case("NO SUCH TEXT")), 50);
    let regex = Text::regex("ff[0-9]{4}ff\"").map_err(io::Error::other)?;
    time("a regular expression, all rows", &Query::new().text(regex), usize::MAX);
    let json = Query::new().json(".n >= 999990").map_err(io::Error::other)?;
    time("a test on JSON, all rows", &json, usize::MAX);
    time("one id, all rows", &Query::new().id("424242"), usize::MAX);
    for order in [Order::Backward, Order::Forward] {
        let query = Query::new().text(Text::literal(&near_the_end));
        let begun = Instant::now();
        let filtered = watched.filter(query, order)?;
        let (mut first, mut progress) = (None, filtered.progress());
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        while !progress.is_caught_up {
            progress = runtime.block_on(filtered.changed(progress.revision));
            if progress.matches > 0 {
                first.get_or_insert_with(|| begun.elapsed());
            }
        }
        println!(
            "a filtered list, {order:?}: the first hit after {:.0} ms, all after {:.0} ms",
            first.unwrap_or_default().as_secs_f64() * 1e3,
            begun.elapsed().as_secs_f64() * 1e3
        );
    }
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
    let done = AtomicBool::new(false);
    let query = Query::new().event_type("kind3").text(Text::literal("u4242"));
    let filtered = if asked { Some(watch.filter(query, Order::Backward)?) } else { None };
    thread::scope(|scope| {
        if let Some(filtered) = &filtered {
            scope.spawn(|| {
                // Sixty times a second: how it stands, the newest rows, and a page of those that pass.
                let mut packed = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let (snapshot, _) = (watch.snapshot(), watch.brief_report());
                    let view = watch.view();
                    let matches = filtered.progress().matches;
                    let found = view.rows(&filtered.page(matches.saturating_sub(50), 50), 600);
                    let newest = view.page(snapshot.next_row.saturating_sub(50), 50, 600);
                    packed.clear();
                    newest.iter().chain(&found).for_each(|row| row.pack_into(&mut packed));
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
            println!("{name:<42} {error}");
            return;
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let rate = |time: Duration| events as f64 / time.as_secs_f64();
    println!("{name:<42} {:>9.0} - {:>9.0} events/s", rate(times[2]), rate(times[0]));
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
