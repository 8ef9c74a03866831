//! `sse record`: keeps a stream in a file.

use core::time::Duration;
use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sse_monitor_engine::{
    DiskLimit, DiskPolicy, Fault, State, Watch, WatchRequest,
    recording::{Recording, pack, remove_folder},
};
use tokio::{runtime, time};

use crate::{args::Record, exit::Exit, signals::asked_to_end, tail::is_coloured, words::Words};

/// How often the line in the terminal changes.
const TICK: Duration = Duration::from_millis(200);

/// Runs the command to its end.
pub(crate) fn run(record: &Record) -> Exit {
    let words = Words::new(is_coloured(record.color, &io::stderr()), record.silent);
    let folder = folder_of(&record.output);
    let prepared = record.connect.request(record.again.reconnect(), &words).and_then(|request| {
        check(&record.output, &folder)?;
        Ok(request)
    });
    let request = match prepared {
        Ok(request) => request,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    let policy = if record.drop_oldest { DiskPolicy::DropOldest } else { DiskPolicy::Stop };
    let request = request.record(&folder, DiskLimit { bytes: record.limit, policy });
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    let exit = runtime.block_on(follow(record, request, &words));
    let finished = finish(&folder, &record.output, &words);
    // What ended the stream is told before what became of the recording.
    if finished == Exit::Done { exit } else { finished }
}

/// Where the session lies until it is in its file.
fn folder_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".recording");
    file.with_file_name(name)
}

fn check(file: &Path, folder: &Path) -> Result<(), String> {
    if file.file_name().is_none() {
        return Err(format!("{} names no file to record to", file.display()));
    }
    if file.exists() {
        return Err(format!("{} is there already; it is not written over", file.display()));
    }
    match fs::create_dir(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(format!(
            "{} is there already: a recording under way, or one that was not finished; look at it with: \
             sse show {0}",
            folder.display()
        )),
        Err(error) => Err(format!("nothing can be recorded in {}: {error}", folder.display())),
    }
}

async fn follow(record: &Record, request: WatchRequest, words: &Words) -> Exit {
    // Before the server sees that somebody records.
    let asked = asked_to_end();
    let watch = Watch::start(request);
    let progress = Progress::new(record.silent);
    let exit = tokio::select! {
        exit = until_over(&watch, record, words) => exit,
        () = progress.show(&watch) => Exit::Other,
        () = elapsed(record.time) => out_of_time(&watch, record, words),
        _ = asked => Exit::Done,
    };
    progress.clear();
    watch.disconnect();
    exit
}

async fn until_over(watch: &Watch, record: &Record, words: &Words) -> Exit {
    let mut seen = 0;
    loop {
        seen = watch.changed(seen).await;
        let snapshot = watch.snapshot();
        if let Some(sentence) = watch.recording_stopped() {
            words.error(&sentence);
            // There is nothing left to do for a command that records.
            return Exit::Other;
        }
        if record.count.is_some_and(|count| snapshot.totals.events >= count) {
            return Exit::Done;
        }
        match snapshot.state {
            State::Failed { failure } if failure.fault == Fault::Ended => {
                words.note(&failure.sentence);
                return Exit::Done;
            }
            State::Failed { failure } => {
                words.error(&failure.sentence);
                return failure.fault.into();
            }
            State::Closed => return Exit::Done,
            State::Idle | State::Connecting { .. } | State::Open { .. } | State::Waiting { .. } => {
            }
            _ => {}
        }
    }
}

async fn elapsed(time: Option<Duration>) {
    match time {
        Some(time) => time::sleep(time).await,
        None => core::future::pending().await,
    }
}

fn out_of_time(watch: &Watch, record: &Record, words: &Words) -> Exit {
    let totals = watch.snapshot().totals;
    match record.count {
        Some(count) => {
            let came = totals.events;
            words.error(&format!("only {came} of {count} events came in the time given"));
            Exit::TimedOut
        }
        None if totals.connections == 0 => {
            words.error("no stream was open in the time given");
            Exit::TimedOut
        }
        None => Exit::Done,
    }
}

/// Puts the session in its file.
fn finish(folder: &Path, file: &Path, words: &Words) -> Exit {
    let fail = |sentence: String| {
        words.error(&format!("{sentence}; what was recorded stays in {}", folder.display()));
        Exit::Other
    };
    let recording = match Recording::open(folder) {
        Ok(recording) => recording,
        Err(error) => {
            // Without a recording there is nothing to keep.
            let _ = fs::remove_dir(folder);
            words.error(&error.to_string());
            return Exit::Other;
        }
    };
    let totals = recording.totals();
    if totals.connections == 0 {
        drop(recording);
        return match remove_folder(folder) {
            Ok(()) => Exit::Done,
            Err(error) => fail(error.to_string()),
        };
    }
    if let Err(error) = pack(&recording.view(), totals, file, |_| {}) {
        return fail(error.to_string());
    }
    drop(recording);
    if let Err(error) = remove_folder(folder) {
        words.warning(&format!("{} cannot be removed: {error}", folder.display()));
    }
    let size = fs::metadata(file).map(|file| file.len()).unwrap_or_default();
    words.note(&format!(
        "recorded {} events in {} ({})",
        HumanCount(totals.events),
        file.display(),
        HumanBytes(size)
    ));
    Exit::Done
}

/// A line in the terminal that tells how far it is.
struct Progress(ProgressBar);

impl Progress {
    fn new(silent: bool) -> Self {
        let is_shown = io::stderr().is_terminal() && !silent;
        let target =
            if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("sse: {msg}");
        let bar = ProgressBar::with_draw_target(None, target);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())))
    }

    async fn show(&self, watch: &Watch) {
        let mut before = 0;
        loop {
            let totals = watch.snapshot().totals;
            let rate = (totals.events - before) * 1000 / TICK.as_millis() as u64;
            before = totals.events;
            self.0.set_message(format!(
                "{} events, {} a second, {} on the disk; Control-C ends it",
                HumanCount(totals.events),
                HumanCount(rate),
                HumanBytes(totals.kept_bytes)
            ));
            self.0.tick();
            time::sleep(TICK).await;
        }
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
