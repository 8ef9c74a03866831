//! `sse tail`: prints a stream's events as they arrive.

mod line;
mod ndjson;
mod printer;

use core::{future, ops::ControlFlow, time::Duration};
use std::{fs, io, process};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use sse_monitor_engine::{
    Overflow, Reconnect, RequestError, Retention, State, Watch, WatchRequest,
};
use tokio::{runtime, signal, task, time};

use crate::{
    args::{self, Colour, Tail},
    exit::Exit,
    stdout,
    words::Words,
};
use printer::Printer;

/// What may wait to be printed, in bytes and rows; past it the server is made to wait. Enough that a
/// reader that pauses now and then costs no speed.
const WAITING: Retention = Retention { bytes: 4 << 20, rows: 16_384, overflow: Overflow::Pause };

/// Rows taken from the engine at a time.
const PAGE: usize = 512;

/// How long a ^C waits for output that its reader does not take.
const GRACE: Duration = Duration::from_millis(300);

/// How long the end of the time given waits for it: longer, since nobody watches, and a reader that is
/// only slow should get its lines whole.
const GRACE_AFTER_TIME: Duration = Duration::from_secs(1);

/// Runs the command to its end.
pub(crate) fn run(tail: Tail) -> Exit {
    let words = Words::new(is_coloured(tail.color, &io::stderr()), tail.silent);
    if stdout::is_closed() {
        words.error(
            "stdout is closed, so the events cannot be written; to throw them away: >/dev/null",
        );
        return Exit::Other;
    }
    let request = match request(&tail) {
        Ok(request) => request,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    // The stream is read on the runtime's thread and printed on this one, so that a reader that
    // blocks stdout holds up neither the connection nor the clock nor ^C.
    let runtime = match runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    let exit = runtime.block_on(follow(&tail, request, &words));
    // Nothing is left worth waiting for, such as a name being looked up.
    runtime.shutdown_background();
    exit
}

fn request(tail: &Tail) -> Result<WatchRequest, String> {
    let words = |error: RequestError| error.to_string();
    let reconnect = match tail {
        Tail { once: true, .. } => Reconnect::Never,
        Tail { keep_trying: true, .. } => Reconnect::Always,
        // Who mistyped a port should hear so, rather than wait.
        _ => Reconnect::OnceOpened,
    };
    let mut request = WatchRequest::new(&tail.url)
        .map_err(words)?
        .last_event_id(&tail.last_event_id)
        .map_err(words)?
        .reconnect(reconnect)
        .retention(WAITING);
    for header in &tail.headers {
        let Some(path) = args::header_file(header) else {
            request = request.header(header).map_err(words)?;
            continue;
        };
        let lines = fs::read_to_string(&path).map_err(|error| {
            format!("the headers in {} cannot be read: {error}", path.display())
        })?;
        for (line, number) in lines.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            request = request
                .header(line)
                .map_err(|error| format!("{}, line {number}: {error}", path.display()))?;
        }
    }
    Ok(request)
}

async fn follow(tail: &Tail, request: WatchRequest, words: &Words) -> Exit {
    tokio::spawn(exit_after_interrupt());
    if let Some(time) = tail.time {
        tokio::spawn(exit_after_time(time, *words));
    }
    let watch = Watch::start(request, &runtime::Handle::current());
    let mut printer = Printer::new(tail, words);
    // Printing stops only between two pages, so that no line is cut.
    tokio::select! {
        exit = print(&watch, &mut printer) => exit,
        () = elapsed(tail.time) => printer.out_of_time(),
        _ = signal::ctrl_c() => Exit::Interrupted,
    }
}

/// Prints until the stream is over for good, or enough was printed.
async fn print(watch: &Watch, printer: &mut Printer<'_>) -> Exit {
    let mut seen = 0;
    let mut next = 1;
    loop {
        seen = watch.changed(seen).await;
        // Taken before the rows: once it is over, they are the last.
        let state = watch.snapshot().state;
        loop {
            let page = watch.page(next, PAGE, usize::MAX);
            let Some(last) = page.last() else { break };
            next = last.number + 1;
            match printer.page(&page) {
                ControlFlow::Continue(()) => watch.release(next),
                ControlFlow::Break(exit) => return exit,
            }
            // A stream that never pauses must not keep the clock and ^C from their turn.
            task::yield_now().await;
        }
        match state {
            State::Closed => return Exit::Done,
            State::Failed { failure } => return printer.failed(&failure),
            State::Idle | State::Connecting { .. } | State::Open { .. } | State::Waiting { .. } => {
            }
            _ => {}
        }
    }
}

async fn elapsed(time: Option<Duration>) {
    match time {
        Some(time) => time::sleep(time).await,
        None => future::pending().await,
    }
}

/// Ends the process where a reader that does not take our output would hold up a ^C.
async fn exit_after_interrupt() {
    if signal::ctrl_c().await.is_ok() {
        time::sleep(GRACE).await;
        process::exit(Exit::Interrupted as i32);
    }
}

/// Ends the process where a reader that does not take our output would hold up the end of its time.
async fn exit_after_time(time: Duration, words: Words) {
    time::sleep(time.saturating_add(GRACE_AFTER_TIME)).await;
    let said = task::spawn_blocking(move || {
        words.error("the time given is over, and nobody reads stdout: what waits there is lost");
    });
    // Perhaps nobody reads stderr either.
    let _ = time::timeout(GRACE, said).await;
    process::exit(Exit::TimedOut as i32);
}

fn is_coloured(colour: Colour, stream: &impl RawStream) -> bool {
    match colour {
        Colour::Auto => AutoStream::choice(stream) != ColorChoice::Never,
        Colour::Always => true,
        Colour::Never => false,
    }
}
