//! `sse record`: keeps a stream in a file.

use core::time::Duration;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use indicatif::{HumanBytes, HumanCount};
use sse_monitor_engine::{
    DiskLimit, DiskPolicy, Fault, State, Totals, View, Watch, WatchRequest,
    query::{Report, Statistics},
    recording::{PackError, Recording, discard, pack, remove_folder},
};
use tokio::{runtime, time};

use crate::{
    args::Record,
    exit::Exit,
    new_file::refuse_what_is_there,
    progress::{Progress, TICK},
    request::{Again, broken},
    signals::{asked_to_end, end_when_asked},
    tail::is_coloured,
    words::{Words, counted},
};

/// Runs the command to its end.
pub(crate) fn run(record: &Record) -> Exit {
    let words = Words::new(is_coloured(record.color, &io::stderr()), record.silent);
    let folder = folder_of(&record.output);
    let request = match record.connect.request(record.again, record.most, &words) {
        Ok(request) => request,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    if let Err(sentence) = check(&record.output, &folder) {
        words.error(&sentence);
        return Exit::Other;
    }
    let Again { once, keep_trying } = record.again;
    let is_sent_once = !request.is_repeatable() && !once && !keep_trying;
    let policy = if record.drop_oldest { DiskPolicy::DropOldest } else { DiskPolicy::Stop };
    let request = request.record(&folder, DiskLimit { bytes: record.limit, policy });
    let request = match record.count {
        Some(count) => request.stop_after(count),
        None => request,
    };
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            words.error(&format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Other;
        }
    };
    let ended = runtime.block_on(follow(record, request, is_sent_once, &words));
    finish(&folder, &record.output, ended, &words)
}

/// Where the session lies until it is in its file.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".recording");
    file.with_file_name(name)
}

fn check(file: &Path, folder: &Path) -> Result<(), String> {
    refuse_what_is_there(file)?;
    match fs::create_dir(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(format!(
            "{0} is there already: a recording under way, or one that was not finished; look at it with: \
             sse show {0}; make the file of it with: sse import {0} -o {1}",
            folder.display(),
            file.display()
        )),
        Err(error) => Err(format!("nothing can be recorded in {}: {error}", folder.display())),
    }
}

/// How it ended.
enum Ended {
    /// As it was asked to, or by a failure that was told.
    Itself(Exit),
    /// By a signal, which is how recording ends if nothing else was asked for.
    Asked(Exit),
    /// Since nothing more could be recorded: why, in words.
    Stopped(String),
}

async fn follow(
    record: &Record,
    request: WatchRequest,
    is_sent_once: bool,
    words: &Words,
) -> Ended {
    // Before the server sees that somebody records.
    let asked = asked_to_end();
    let watch = Watch::start(request);
    let progress = Progress::line(words);
    let ended = tokio::select! {
        ended = until_over(&watch, record.count, is_sent_once, words) => ended,
        () = show(&progress, &watch) => Ended::Itself(Exit::Other),
        () = elapsed(record.time) => Ended::Itself(out_of_time(&watch, record, words)),
        exit = asked => Ended::Asked(exit),
    };
    progress.clear();
    watch.disconnect();
    ended
}

/// Tells how far it is, for as long as it is polled.
async fn show(progress: &Progress, watch: &Watch) {
    let mut before = 0;
    loop {
        let totals = watch.snapshot().totals;
        let rate = (totals.events - before) * 1000 / TICK.as_millis() as u64;
        before = totals.events;
        progress.say(format!(
            "{}, {} a second, {} on the disk; Control-C ends it",
            counted(totals.events, "event"),
            HumanCount(rate),
            HumanBytes(totals.kept_bytes)
        ));
        time::sleep(TICK).await;
    }
}

async fn until_over(watch: &Watch, count: Option<u64>, is_sent_once: bool, words: &Words) -> Ended {
    let mut seen = 0;
    loop {
        seen = watch.changed(seen).await;
        let snapshot = watch.snapshot();
        if let Some(sentence) = watch.recording_stopped() {
            // There is nothing left to do for a command that records.
            return Ended::Stopped(sentence);
        }
        match snapshot.state {
            State::Failed { failure } if failure.fault == Fault::Ended => {
                words.note(&failure.sentence);
                let came = snapshot.totals.events;
                let Some(count) = count.filter(|count| came < *count) else {
                    return Ended::Itself(Exit::Done);
                };
                words.error(&format!("only {came} of {count} events came before the stream ended"));
                return Ended::Itself(Exit::Unexpected);
            }
            State::Failed { failure } => {
                let was_sent = is_sent_once && snapshot.totals.connections > 0;
                words.error(&broken(&failure, was_sent));
                return Ended::Itself(failure.fault.into());
            }
            State::Closed => return Ended::Itself(Exit::Done),
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

/// Puts the session in its file. What ended the stream was told before what became of the recording.
fn finish(folder: &Path, file: &Path, ended: Ended, words: &Words) -> Exit {
    let stays = format!(
        "what was recorded stays in {0}; to make the file of it: sse import {0} -o {1}",
        folder.display(),
        file.display()
    );
    let fail = |sentence: String| {
        words.error(&format!("{sentence}; {stays}"));
        Exit::Other
    };
    let recording = match Recording::open(folder) {
        Ok(recording) => recording,
        Err(error) => {
            // Without a recording there is nothing to keep.
            let _ = fs::remove_dir(folder);
            words.error(&match ended {
                // It says that nothing is recorded, and why.
                Ended::Stopped(sentence) => sentence,
                Ended::Itself(_) | Ended::Asked(_) => error.to_string(),
            });
            return Exit::Other;
        }
    };
    let totals = recording.totals();
    if let Ended::Stopped(sentence) = &ended {
        match recording.recording_stopped().filter(|_| totals.connections == 0) {
            Some(why) => words.error(&format!("recording stopped: {why}")),
            None => words.error(sentence),
        }
    }
    if totals.connections == 0 {
        drop(recording);
        if let Err(error) = remove_folder(folder) {
            return fail(error.to_string());
        }
        return match ended {
            Ended::Itself(Exit::Done) | Ended::Asked(_) => {
                words.error("nothing was recorded: no stream was open");
                // By its status the server said that there is none any more.
                if let Ended::Asked(exit) = ended { exit } else { Exit::Http }
            }
            Ended::Stopped(_) => {
                words.error("nothing was recorded: no stream was open before that");
                Exit::Other
            }
            // Why was told.
            Ended::Itself(exit) => exit,
        };
    }
    let length = Some(journal_bytes(folder));
    let progress = Progress::bytes(words, format!("writing {}", file.display()), length);
    let ending = {
        let (under_way, file, words, stays) =
            (progress.clone(), file.to_owned(), *words, stays.clone());
        end_when_asked(move || {
            under_way.clear();
            discard(&file);
            words.error(&format!("interrupted; {stays}"));
        })
    };
    let view = recording.view();
    let packed = pack(&view, totals, file, |bytes| progress.at(bytes));
    // From here on there is nothing to put away, and little left to do.
    drop(ending);
    progress.clear();
    if let Err(error) = packed {
        if is_full(&error) {
            // The same again would find no more room.
            words.error(&format!(
                "{error}; what was recorded stays in {0}: make room, or choose a file on another disk, and make it \
                 with: sse import {0} -o FILE",
                folder.display()
            ));
            return Exit::Other;
        }
        return fail(error.to_string());
    }
    let held = (totals.rows_forgotten > 0).then(|| held(&view));
    drop(view);
    drop(recording);
    if let Err(error) = remove_folder(folder) {
        words.warning(&format!("{} cannot be removed: {error}", folder.display()));
    }
    words.note(&recorded(&totals, held.as_ref(), file));
    match ended {
        Ended::Itself(exit) => exit,
        Ended::Stopped(_) => Exit::Other,
        Ended::Asked(_) => Exit::Done,
    }
}

fn is_full(error: &PackError) -> bool {
    let PackError::Io { source, .. } = error else { return false };
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What a recording holds: not all that came, where the oldest rows were dropped.
fn held(view: &View) -> Report {
    let mut statistics = Statistics::default();
    statistics.update(view);
    statistics.report().clone()
}

/// What became of what came, in a sentence.
fn recorded(totals: &Totals, held: Option<&Report>, file: &Path) -> String {
    let size = HumanBytes(fs::metadata(file).map(|file| file.len()).unwrap_or_default());
    let came = counted(totals.events, "event");
    let file = file.display();
    let were =
        |count: u64| format!("{} {}", HumanCount(count), if count == 1 { "was" } else { "were" });
    let events = held.map_or(totals.events, |held| held.events);
    let mut sentence = match totals.events.saturating_sub(events) {
        0 if held.is_none() => format!("recorded {came} in {file} ({size})"),
        0 => format!(
            "recorded {came} in {file} ({size}); the oldest {} dropped at the limit, no event among them",
            match totals.rows_forgotten {
                1 => "row was".into(),
                rows => format!("{} rows were", HumanCount(rows)),
            }
        ),
        dropped => format!(
            "recorded the latest {} of {came} in {file} ({size}); the oldest {} dropped at the limit",
            HumanCount(events),
            were(dropped)
        ),
    };
    if totals.decode_errors > 0 {
        let held = held.map_or(totals.decode_errors, |held| held.decode_errors);
        let shown = match totals.decode_errors.saturating_sub(held) {
            0 => "sse show --turns says which, --raw prints their bytes, and ".into(),
            _ if held == 0 => String::new(),
            _ => format!(
                "sse show --turns lists the latest {}, --raw prints their bytes, and ",
                HumanCount(held)
            ),
        };
        sentence.push_str(&format!(
            "; {} dropped as too large: {shown}--max-line and --max-event raise the limits",
            were(totals.decode_errors)
        ));
    }
    sentence
}

/// Bytes of a recording that are read to copy or to check it, as nearly as can be told.
pub(crate) fn journal_bytes(recording: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    match fs::read_dir(recording) {
        Ok(files) => {
            let paths = files.flatten().map(|file| file.path());
            let journals = paths.filter(|path| path.extension().is_some_and(|e| e == "sse"));
            journals.map(|path| length(&path)).sum()
        }
        Err(_) => length(recording),
    }
}
