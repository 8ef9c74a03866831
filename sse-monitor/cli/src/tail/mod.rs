//! `sse tail`: prints a stream's events as they arrive.

pub(crate) mod line;
pub(crate) mod name;
pub(crate) mod ndjson;
pub(crate) mod printer;
mod state;
mod stream;

use core::{future, ops::ControlFlow, time::Duration};
use std::{io, process};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use sse_monitor_engine::{self as engine, Overflow, Retention, WatchRequest};
use tokio::{runtime, task, time};

use crate::{
    args::{Colour, Tail},
    exit::Exit,
    signals::asked_to_end,
    stdout,
    words::Words,
};
use printer::Printer;
use state::{State, StateFile};
use stream::Stream;

/// What may wait to be printed, in bytes and rows; past it the server is made to wait. Enough that a
/// reader that pauses now and then costs no speed.
const WAITING: Retention = Retention { bytes: 4 << 20, rows: 16_384, overflow: Overflow::Pause };

/// Rows taken from the engine at a time.
const PAGE: usize = 2048;

/// How long a ^C waits for output that its reader does not take.
const GRACE: Duration = Duration::from_millis(300);

/// How long the end of the time given waits for it: longer, since nobody watches, and a reader that is
/// only slow should get its lines whole.
const GRACE_AFTER_TIME: Duration = Duration::from_secs(1);

/// Runs the command to its end.
pub(crate) fn run(tail: Tail) -> Exit {
    let output = &tail.output;
    let words = Words::new(is_coloured(output.color, &io::stderr()), output.silent);
    let prepared = tail.filter.wanted().and_then(|wanted| {
        let mut requests = tail.connect.requests(tail.again, tail.most, &words)?;
        let urls: Vec<_> = requests.iter().map(WatchRequest::url).collect();
        let state =
            tail.state.as_deref().map(|file| StateFile::open(file, &requests)).transpose()?;
        for (number, request) in requests.iter_mut().enumerate() {
            let mut next = request.clone().retention(WAITING);
            if let Some(id) = state.as_ref().and_then(|state| state.last_event_id(number)) {
                next = next.last_event_id(id).map_err(|error| error.to_string())?;
            }
            *request = next;
        }
        let names = name::names(&urls);
        Ok((wanted, state, requests.into_iter().zip(names).collect::<Vec<_>>()))
    });
    let (wanted, state, requests) = match prepared {
        Ok(prepared) => prepared,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    // The stream is read on the watch's thread and printed on this one, so that a reader that blocks
    // stdout holds up neither the connection nor the clock nor ^C.
    let runtime = match runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    stdout::widen();
    let state = state.map(State::new);
    let mut printer = Printer::new(&tail, wanted, state.clone(), &words);
    let exit = runtime.block_on(follow(&tail, requests, state, &mut printer, &words));
    // Nothing is left worth waiting for, such as a name being looked up.
    runtime.shutdown_background();
    printer.close(exit)
}

async fn follow(
    tail: &Tail,
    requests: Vec<(WatchRequest, Option<name::Name>)>,
    state: Option<State>,
    printer: &mut Printer<'_>,
    words: &Words,
) -> Exit {
    // Before the server sees that somebody reads.
    let asked = asked_to_end();
    tokio::spawn(exit_when_asked(state.clone()));
    if let Some(time) = tail.time {
        tokio::spawn(exit_after_time(time, state.clone(), *words));
    }
    if let Some(state) = state {
        tokio::spawn(state.keep_written());
    }
    let numbered = requests.into_iter().enumerate();
    let mut streams: Vec<_> =
        numbered.map(|(number, (request, name))| Stream::start(number, request, name)).collect();
    // Printing stops only between two pages, so that no line is cut.
    let (exit, is_time_over) = tokio::select! {
        exit = print(&mut streams, printer) => (exit, false),
        () = elapsed(tail.time) => (Exit::Done, true),
        exit = asked => (exit, false),
        // Whoever read has enough, and may wait for this to end.
        () = stdout::closed() => (Exit::Done, false),
    };
    if is_time_over { printer.out_of_time(&streams) } else { exit }
}

/// Prints until all streams are over for good, or enough was printed.
async fn print(streams: &mut [Stream], printer: &mut Printer<'_>) -> Exit {
    loop {
        stream::changed(streams).await;
        let mut is_more = true;
        // A page of each in turn, so that none waits for one that never pauses.
        while is_more {
            is_more = false;
            for stream in streams.iter_mut().filter(|stream| stream.over.is_none()) {
                let state = stream.state();
                match printer.page(stream, PAGE) {
                    ControlFlow::Break(exit) => return worst(streams, exit),
                    ControlFlow::Continue(true) => is_more = true,
                    ControlFlow::Continue(false) => {
                        stream.over = match state {
                            engine::State::Closed => Some(Exit::Done),
                            engine::State::Failed { failure } => {
                                Some(printer.failed(stream, &failure))
                            }
                            engine::State::Idle
                            | engine::State::Connecting { .. }
                            | engine::State::Open { .. }
                            | engine::State::Waiting { .. }
                            | _ => None,
                        };
                    }
                }
                // A stream that never pauses must not keep the clock and ^C from their turn.
                task::yield_now().await;
            }
        }
        // None that was cut or refused ends the others; the exit status is that of the worst.
        if streams.iter().all(|stream| stream.over.is_some()) {
            return printer.all_over(streams, worst(streams, Exit::Done));
        }
    }
}

/// The exit status of all, of which those that are over have theirs.
fn worst(streams: &[Stream], exit: Exit) -> Exit {
    streams.iter().filter_map(|stream| stream.over).fold(exit, Exit::max)
}

async fn elapsed(time: Option<Duration>) {
    match time {
        Some(time) => time::sleep(time).await,
        None => future::pending().await,
    }
}

/// Ends the process where a reader that does not take our output would hold up a signal to end.
async fn exit_when_asked(state: Option<State>) {
    let exit = asked_to_end().await;
    time::sleep(GRACE).await;
    leave(exit, state);
}

/// Ends the process where a reader that does not take our output would hold up the end of its time.
async fn exit_after_time(time: Duration, state: Option<State>, words: Words) {
    time::sleep(time.saturating_add(GRACE_AFTER_TIME)).await;
    let said = task::spawn_blocking(move || {
        words.error("the time given is over, and nobody reads stdout: what waits there is lost");
    });
    // Perhaps nobody reads stderr either.
    let _ = time::timeout(GRACE, said).await;
    leave(Exit::TimedOut, state);
}

/// Ends the process, and keeps where the next run goes on.
fn leave(exit: Exit, state: Option<State>) -> ! {
    // Nobody is told where it fails: perhaps nobody reads stderr either.
    let _ = state.map(|state| state.file().write());
    process::exit(exit as i32)
}

pub(crate) fn is_coloured(colour: Colour, stream: &impl RawStream) -> bool {
    match colour {
        Colour::Auto => AutoStream::choice(stream) != ColorChoice::Never,
        Colour::Always => true,
        Colour::Never => false,
    }
}
