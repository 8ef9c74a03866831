//! `sse bench`: measures an endpoint by many connections.

mod connection;
mod descriptors;
mod report;
mod source;
mod stamp;
mod tally;
mod trail;

use alloc::sync::Arc;
use core::{ops::ControlFlow, time::Duration};
use std::{
    io::{self, IsTerminal},
    time::Instant,
};

use clap::Parser;
use indicatif::HumanCount;
use sse_monitor_engine::{
    Caller,
    query::{JsonPath, Steps},
};
use tokio::{runtime, sync::watch, task::JoinSet, time};

use crate::{
    args::{Colour, duration},
    exit::Exit,
    progress::{Progress, TICK},
    publish::{Route, Template},
    request::Target,
    signals::asked_to_end,
    stdout,
    tail::is_coloured,
    words::{Words, counted},
};
use connection::Connection;
use report::Report;
use source::Source;
use stamp::Mark;
use tally::{Marks, Tally};

/// Time between two connections that are opened, unless --ramp says otherwise.
const BETWEEN: Duration = Duration::from_millis(2);

/// How long the last events may take to arrive.
const LAST: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  A hundred connections for half a minute; events are published for it, to see
  how long they take:
    sse bench --connections 100 --for 30s \\
      --publish http://127.0.0.1:8080 --topic load --rate 50 \\
      'http://127.0.0.1:8080/events?topic=load'

  Any endpoint, whose data says when it was sent ({\"at\": 1700000000123}):
    sse bench --connections 20 --timestamp .at https://example.com/events

  A language model's answers, three at a time, each asked for once; or what a
  curl command gets:
    sse bench --connections 3 --once --for 1m --json @request.json \\
      -H @token.txt https://api.example.com/v1/chat/completions
    sse bench --connections 3 --once -- curl https://example.com/chat -d @body

  For a program:
    sse bench --connections 50 --json-report http://127.0.0.1:8080/events |
      jq .firstEventMicros.p99

Times are of all connections together: open, until the head of the answer; first event, from the \
request on; delivery, from when an event was sent until it arrived. What is missing or came again is \
told by the numbers of the events that --publish sends, or else by IDs that one connection saw and \
another did not. A stream that is cut is opened again after its last event, unless --once is given: \
then it ends once all have. The time of --for begins once each connection was opened or refused, which \
takes at most half a minute; where none was opened it is over then. What is measured comes uncompressed. Control-C prints what there is, \
and gives 130. Else the exit status is 0 where any connection opened, or says why none did: sse --help";

/// The options of `sse bench`.
#[derive(Debug, Parser)]
#[command(
    after_long_help = EXAMPLES,
    after_help = "More, with examples: sse bench --help",
    override_usage = "sse bench [OPTIONS] <URL>\n       sse bench [OPTIONS] -- curl <URL> ..."
)]
pub(crate) struct Bench {
    #[command(flatten)]
    target: Target,

    /// So many connections
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,

    /// For so long, once each was opened or refused, such as 30s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "10s")]
    time: Duration,

    /// Open them spread over this time; without it, one each 2 ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ramp: Option<Duration>,

    /// Do not open again what was cut
    #[arg(long, visible_alias = "no-reconnect")]
    once: bool,

    /// Publish events to the hub at this URL, as sse publish does, and measure their way
    #[arg(long, value_name = "URL", conflicts_with = "timestamp")]
    publish: Option<String>,

    /// The topic to publish to; can be given more than once; without it to everyone
    #[arg(long = "topic", value_name = "TOPIC", requires = "publish")]
    topics: Vec<String>,

    /// Publish so many events a second
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,

    /// Bytes of data of each
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u32).range(..=262_144))]
    size: u32,

    /// When an event was sent stands at this path of its JSON data
    ///
    /// As RFC 3339, or as a number of seconds, milliseconds, microseconds or nanoseconds since 1970. The
    /// clocks of both machines should agree.
    #[arg(long, value_name = "PATH")]
    timestamp: Option<String>,

    /// Print one JSON object, in a terminal too
    #[arg(long)]
    json_report: bool,

    /// Print a table, in a pipe too
    #[arg(long, conflicts_with = "json_report")]
    pretty: bool,

    /// Say nothing but what went wrong
    #[arg(short, long)]
    silent: bool,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// Runs the command to its end.
pub(crate) fn run(bench: &Bench) -> Exit {
    let words = Words::new(is_coloured(bench.color, &io::stderr()), bench.silent);
    let prepared = prepare(bench, &words);
    let (caller, url, source, timestamp) = match prepared {
        Ok(prepared) => prepared,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    let began = Instant::now();
    let own = source.as_ref().map(|_| Mark::new(began));
    let tally = Tally::new(Marks { own, timestamp });
    let asked =
        runtime.block_on(measure(bench, &caller, source, began, Arc::clone(&tally), &words));
    let length = began.elapsed();
    runtime.shutdown_background();
    let counts = tally.counts();
    let report = Report::of(&counts, url, length, bench);
    let is_table = bench.pretty || (io::stdout().is_terminal() && !bench.json_report);
    let mut text = if is_table { report.table() } else { report.json() };
    if counts.ids.is_full {
        words.warning("more than a million IDs came; what is missing is told of the first of them");
    }
    if let ControlFlow::Break(exit) = stdout::print(&mut text, &words) {
        return exit;
    }
    if let Some(exit) = asked {
        return exit;
    }
    if counts.told_to_stop > 0 {
        let connections = counted(counts.told_to_stop, "connection");
        words.note(&format!(
            "the server answered 204 No Content to {connections}: the stream is over and is not to be opened again"
        ));
    }
    if counts.opened == 0 && counts.failed == 0 && counts.ended > 0 {
        return Exit::Done;
    }
    if counts.opened == 0 {
        words.error("no connection was opened; the failures say why");
        return counts.worst.max(Exit::Other);
    }
    if bench.publish.is_some() && counts.published == 0 {
        words.error("nothing could be published; the failures say why");
        return counts.worst.max(Exit::Other);
    }
    Exit::Done
}

type Prepared = (Caller, String, Option<Source>, Option<JsonPath>);

/// The error is a sentence.
fn prepare(bench: &Bench, words: &Words) -> Result<Prepared, String> {
    descriptors::make_room(bench.connections.into())?;
    let request = bench.target.uncompressed(words)?;
    let timestamp = bench.timestamp.as_deref().map(JsonPath::new).transpose();
    let timestamp = timestamp.map_err(|error| error.to_string())?;
    let source = bench.publish.as_deref().map(|url| source(bench, url)).transpose()?;
    Ok((Caller::new(&request), request.url(), source, timestamp))
}

fn source(bench: &Bench, url: &str) -> Result<Source, String> {
    let Route::Json { url } = Route::of(url)? else {
        return Err(
            "give --publish the hub's address or its /publish, and the topic by --topic".into()
        );
    };
    let request = bench
        .target
        .way
        .request(&url)?
        .header("Content-Type: application/x-ndjson")
        .and_then(|request| request.method("POST"))
        .map_err(|error| error.to_string())?;
    let template = Template {
        topics: bench.topics.clone(),
        all: bench.topics.is_empty(),
        event: Some("bench".into()),
        ..Template::default()
    };
    let caller = Caller::new(&request);
    Ok(Source { caller, template, rate: bench.rate, size: bench.size as usize })
}

/// The exit status of the signal that ended it, if one did.
async fn measure(
    bench: &Bench,
    caller: &Caller,
    source: Option<Source>,
    began: Instant,
    tally: Arc<Tally>,
    words: &Words,
) -> Option<Exit> {
    let progress = Progress::line(words);
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let between = bench.ramp.map_or(BETWEEN, |ramp| ramp / bench.connections);
    let mut publishing_since = None;
    let work = async {
        for index in 0..bench.connections {
            // By the clock, so that a late one does not put off the others.
            time::sleep_until((began + between * index).into()).await;
            let mut stopped = stopped.clone();
            let mut connection =
                Connection::new(caller.clone(), Arc::clone(&tally), began, bench.once);
            connections.spawn(async move {
                tokio::select! {
                    () = connection.run() => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
                connection
            });
        }
        let all = bench.connections.into();
        tally.until_tried(all).await;
        if tally.counts().opened == 0 {
            // Nothing is there to be measured.
            return;
        }
        publishing_since = Some(began.elapsed());
        match (source, tally.marks.own.clone()) {
            (Some(source), Some(mark)) => {
                source.run(mark, Arc::clone(&tally), bench.time).await;
                until_quiet(&tally).await;
            }
            _ => {
                // Where none is opened again, it may end before.
                let _ = time::timeout(bench.time, tally.until_over(all)).await;
            }
        }
    };
    let asked = tokio::select! {
        // First, so that it is listened for before anything begins.
        biased;
        exit = asked_to_end() => Some(exit),
        () = show(&progress, &tally, bench) => None,
        () = work => None,
    };
    progress.clear();
    // Nobody is there to be told once all have ended by themselves.
    let _ = stop.send(true);
    let mut all = Vec::with_capacity(bench.connections as usize);
    let mut within = Steps::default();
    while let Some(connection) = connections.join_next().await {
        let Ok(connection) = connection else { continue };
        within += connection.trail.steps();
        all.push(connection);
    }
    let mut counts = tally.counts();
    let published = counts.published;
    let known = counts.ids.known(within);
    for mut connection in all {
        let mut end = None;
        if bench.publish.is_some() && published > 0 {
            // Who was there before the first event should have seen all of them.
            let was_there = connection.opened_at.zip(publishing_since).is_some_and(|(a, b)| a < b);
            if was_there {
                connection.trail.begins_at(1);
            }
            end = Some(published).filter(|_| connection.is_open && asked.is_none());
        }
        counts.told += connection.trail.told(end, &known);
    }
    counts.numbering = known.numbering;
    drop(counts);
    asked
}

/// Waits for what is still on its way: until nothing came for a while.
async fn until_quiet(tally: &Tally) {
    let mut before = None;
    let quiet = async {
        loop {
            let events = tally.counts().events;
            if before.replace(events) == Some(events) {
                return;
            }
            time::sleep(TICK).await;
        }
    };
    let _ = time::timeout(LAST, quiet).await;
}

/// Tells how far it is, for as long as it is polled.
async fn show(progress: &Progress, tally: &Tally, bench: &Bench) {
    let mut before = 0;
    loop {
        let (open, failed, events) = {
            let counts = tally.counts();
            (counts.open, counts.failed, counts.events)
        };
        let rate = (events - before) * 1000 / TICK.as_millis() as u64;
        before = events;
        progress.say(format!(
            "{} of {} open, {} failed; {} events, {} a second; Control-C ends it",
            HumanCount(open),
            HumanCount(bench.connections.into()),
            HumanCount(failed),
            HumanCount(events),
            HumanCount(rate)
        ));
        time::sleep(TICK).await;
    }
}
