//! `sse show`: what a recording has.

use core::{fmt::Write as _, ops::ControlFlow};
use std::{
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
};

use indicatif::{HumanBytes, HumanCount};
use sse_monitor_engine::{
    RawEnd, Row, RowKind, View,
    query::{AttemptReport, Budget, Kind, Numbering, Order, Query, Report},
    recording::{DamageKind, Recording},
};

use crate::{
    args::Show,
    attempt,
    damage::{self, Opened},
    escape::{self, Escaped, StandIns},
    exit::Exit,
    filter::Wanted,
    progress::Progress,
    record::{held, journal_bytes},
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, printer::Format},
    words::{Words, counted},
};

/// Rows found and printed at a time.
const PAGE: usize = 512;

/// Rows looked at before it is told how far it is.
const STRETCH: u64 = 1 << 16;

/// Attempts that are shown one by one.
const MOST_ATTEMPTS: usize = 20;

/// Runs the command to its end.
pub(crate) fn run(show: &Show) -> Exit {
    let output = &show.output;
    let words = Words::new(is_coloured(output.color, &io::stderr()), output.silent);
    let wanted = match show.filter.wanted() {
        Ok(wanted) => wanted,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    let recording = match damage::recording(&show.file) {
        Ok(recording) => recording,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Other;
        }
    };
    if show.check {
        return check(show, &recording, &words);
    }
    let mut opened = Opened::of(recording, &show.file, &words);
    let recording = &opened.recording;
    if let Some(why) = recording.recording_stopped() {
        words.note(&format!("the recording ends early: {why}"));
    }
    let view = recording.view();
    // Whether it goes through all that was recorded.
    let mut is_all = true;
    let exit = match show {
        Show { raw: Some(row), .. } => {
            is_all = false;
            raw(&view, *row, &words)
        }
        Show { stats: true, .. } => stats(recording, &show.file, &Format::of(output), &words),
        _ => {
            words.note(&summary(recording));
            if let Some(sentence) = out_of_range(show, &view) {
                words.error(&sentence);
                return Exit::Other;
            }
            match rows(show, &view, wanted, &words) {
                ControlFlow::Continue(()) => {
                    tell_cut_off(recording, &words);
                    Exit::Done
                }
                // Whoever read has enough.
                ControlFlow::Break(exit) => {
                    is_all = false;
                    exit
                }
            }
        }
    };
    if opened.tell(&words) && is_all {
        let what = if show.stats { "counted" } else { "printed" };
        words.error(&format!("what is damaged is not {what}: {}", opened.missing()));
        return Exit::Other;
    }
    exit
}

/// Tells of events that were dropped, and of those whose end did not come, where that is known at once.
fn tell_cut_off(recording: &Recording, words: &Words) {
    let totals = recording.totals();
    let dropped = totals.decode_errors;
    let unfinished = if recording.is_closed() { recording.report().unfinished } else { 0 };
    if dropped == 0 && unfinished == 0 {
        return;
    }
    // Of the rows that were dropped nothing can be shown.
    let held = (totals.rows_forgotten > 0).then(|| held(&recording.view()));
    let told = |what: &str, all: u64, held: u64, advice: &str| {
        if all == 0 {
            return;
        }
        let events = counted(all, "event");
        words.note(&match held {
            0 => format!("{what}: {events}"),
            _ if held == all => format!("{what}: {events}; {advice}"),
            _ => format!("{what}: {events}; of the latest {} {advice}", HumanCount(held)),
        });
    };
    let held_dropped = held.as_ref().map_or(dropped, |held| held.decode_errors);
    told("dropped as too large", dropped, held_dropped, "--turns says which, --raw has the bytes");
    let held_unfinished = held.as_ref().map_or(unfinished, |held| held.unfinished);
    let what = "cut off before the end came, and thrown away";
    told(what, unfinished, held_unfinished, "--turns says where");
}

/// Why what was asked for cannot be there.
fn out_of_range(show: &Show, view: &View) -> Option<String> {
    if let Some(attempt) = show.attempt {
        return attempt::missing(view, attempt);
    }
    let is_past = show.from > 1 && show.from >= view.next_row();
    is_past.then(|| no_row(view, show.from))
}

fn no_row(view: &View, row: u64) -> String {
    let (first, last) = (view.first_row(), view.next_row().saturating_sub(1));
    match last.checked_sub(first) {
        Some(_) if last > 0 => format!("there is no row {row}: rows go from {first} to {last}"),
        _ => format!("there is no row {row}: nothing is in it"),
    }
}

fn summary(recording: &Recording) -> String {
    let origin = recording.origin();
    let totals = recording.totals();
    // What its program counted is there no more.
    let is_damaged = recording.damage().iter().any(|damage| damage.kind == DamageKind::Changed);
    let (there, damaged) = match is_damaged.then(|| recording.report()) {
        Some(report) => (report.events, report.damaged),
        None => (totals.events, 0),
    };
    let what = match &origin.imported_from {
        Some(file) => format!("imported from {file}"),
        None if origin.url.is_empty() => "a recording that does not tell of what".into(),
        None => origin.url.clone(),
    };
    let events = counted(there, "event");
    // Of those whose turns are gone the number tells.
    let view = recording.view();
    let newest = view.page(view.next_row().saturating_sub(1), 1, 0);
    let newest = newest.first().map_or(0, |row| u64::from(row.attempt));
    let attempts = counted(totals.attempts.max(newest), "attempt");
    let mut summary = format!("{what}: {events} in {attempts}");
    if damaged > 0 {
        let _ = write!(summary, ", and {} that cannot be read", counted(damaged, "row"));
    }
    if totals.rows_forgotten > 0 {
        let dropped = counted(totals.rows_forgotten, "row");
        let were = if totals.rows_forgotten == 1 { "was" } else { "were" };
        let _ = write!(summary, "; the first {dropped} {were} dropped");
    }
    summary
}

fn rows(show: &Show, view: &View, wanted: Wanted, words: &Words) -> ControlFlow<Exit> {
    let mut query = wanted.query.clone();
    if show.turns {
        query = query.kind(Kind::Turn).kind(Kind::ReconnectionTime).kind(Kind::DecodeError);
    }
    if let Some(attempt) = show.attempt {
        query = query.attempts(attempt..=attempt);
    }
    let format = Format::of(&show.output).numbered(show.numbers).untimed(view.origin().untimed);
    let all = view.next_row() - view.first_row();
    let progress = Progress::rows(words, "looking through".into(), all);
    let under_way = progress.clone();
    let _ending = end_when_asked(move || under_way.clear());
    let mut printing = Printing {
        view,
        wanted,
        format,
        words,
        progress,
        events: 0,
        any: false,
        buffer: String::new(),
    };
    let printed = match show.last {
        Some(last) => {
            let numbers = printing.last(&query, last.min(show.count.unwrap_or(u64::MAX)));
            printing.rows(&numbers)
        }
        None => printing.all(&query, show.from, show.count.unwrap_or(u64::MAX)),
    };
    printing.progress.clear();
    printed?;
    let is_all = show.from == 1 && show.count != Some(0) && show.last != Some(0);
    if !printing.any && is_all && show.filter.is_given() {
        words.note("nothing passes the filter");
    }
    ControlFlow::Continue(())
}

struct Printing<'a> {
    view: &'a View,
    wanted: Wanted,
    format: Format,
    words: &'a Words,
    progress: Progress,
    events: u64,
    /// Whether any row was.
    any: bool,
    buffer: String,
}

impl Printing<'_> {
    /// Prints those that pass, from a row on, as they are found.
    fn all(&mut self, query: &Query, from: u64, most: u64) -> ControlFlow<Exit> {
        let mut left = most;
        let mut next = Some(from);
        while let Some(from) = next.filter(|_| left > 0) {
            let room = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
            let budget = Budget { hits: room, rows: STRETCH };
            let hits = self.view.find(query, from, Order::Forward, budget);
            left -= hits.numbers.len() as u64;
            self.rows(&hits.numbers)?;
            next = hits.next;
            if let Some(next) = next {
                self.progress.at(next.saturating_sub(self.view.first_row()));
            }
        }
        ControlFlow::Continue(())
    }

    /// The newest rows that pass, from the oldest of them on.
    fn last(&self, query: &Query, last: u64) -> Vec<u64> {
        let most = usize::try_from(last).unwrap_or(usize::MAX);
        let mut numbers = Vec::new();
        let mut next = Some(u64::MAX);
        while let Some(from) = next.filter(|_| numbers.len() < most) {
            let budget = Budget { hits: most - numbers.len(), rows: STRETCH };
            let hits = self.view.find(query, from, Order::Backward, budget);
            numbers.extend(hits.numbers);
            next = hits.next;
            if let Some(next) = next {
                self.progress.at(self.view.next_row().saturating_sub(next));
            }
        }
        numbers.reverse();
        numbers
    }

    fn rows(&mut self, numbers: &[u64]) -> ControlFlow<Exit> {
        self.any |= !numbers.is_empty();
        for page in numbers.chunks(PAGE) {
            for mut row in self.view.rows(page, usize::MAX) {
                let is_json = matches!(self.format, Format::Ndjson(_));
                if row.kind == RowKind::Damaged && is_json {
                    // Of no kind that a program knows.
                    self.words.warning(&row.data);
                    continue;
                }
                if row.kind == RowKind::Event {
                    self.events += 1;
                    self.wanted.shown(&mut row, self.format.between_columns());
                }
                if row.kind == RowKind::DecodeError && is_json {
                    let dropped = self.view.dropped(row.number);
                    self.format.write_dropped(&row, dropped.as_ref(), None, &mut self.buffer);
                    continue;
                }
                self.format.write(&row, self.events, None, &mut self.buffer);
            }
            self.progress.aside(|| stdout::print(&mut self.buffer, self.words))?;
        }
        ControlFlow::Continue(())
    }
}

fn raw(view: &View, row: u64, words: &Words) -> Exit {
    // Piece by piece: what was dropped has no limit.
    let printed = if io::stdout().is_terminal() {
        stdout::written(raw_escaped(view, row, io::stdout().lock()), words)
    } else {
        view.visit_raw(row, |bytes| stdout::bytes(bytes, words))
    };
    match printed {
        ControlFlow::Continue(RawEnd::Whole) => Exit::Done,
        ControlFlow::Continue(RawEnd::Unfinished) => {
            words.note(&format!("row {row} has no end: this is how far it came"));
            Exit::Done
        }
        ControlFlow::Continue(_) => {
            words.error(&match view.row(row) {
                Some(Row { kind: RowKind::Damaged, data, .. }) => data,
                Some(Row { kind: RowKind::DecodeError, .. }) => {
                    format!("row {row} was dropped, and its bytes are damaged: not all of them are there")
                }
                Some(_) => format!(
                    "row {row} is a turn of the connection, of which the stream has no bytes; sse show \
                     --turns --from {row} --count 1 prints it"
                ),
                None => no_row(view, row),
            });
            Exit::Other
        }
        ControlFlow::Break(exit) => exit,
    }
}

/// With stand-ins for what a terminal would act on, and its last line ended.
fn raw_escaped(view: &View, row: u64, out: impl Write) -> io::Result<RawEnd> {
    let mut out = Escaped::new(BufWriter::new(out), StandIns::Words);
    let mut is_between_lines = true;
    let shown = view.visit_raw(row, |bytes| {
        is_between_lines = bytes.last().map_or(is_between_lines, |byte| *byte == b'\n');
        match out.write_all(bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    });
    let end = match shown {
        ControlFlow::Continue(end) => end,
        ControlFlow::Break(error) => return Err(error),
    };
    if !is_between_lines {
        out.write_all(b"\n")?;
    }
    out.finish()?;
    Ok(end)
}

fn check(show: &Show, recording: &Recording, words: &Words) -> Exit {
    let length = Some(journal_bytes(&show.file));
    let progress = Progress::bytes(words, format!("checking {}", show.file.display()), length);
    let under_way = progress.clone();
    let _ending = end_when_asked(move || under_way.clear());
    let checked = damage::check(recording, &progress);
    progress.clear();
    let damage = match checked {
        Ok(damage) => damage,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Other;
        }
    };
    for damage in &damage {
        words.warning(&damage.to_string());
    }
    if damage.is_empty() {
        words.note(&format!("{}; none of its rows is damaged", summary(recording)));
        Exit::Done
    } else {
        Exit::Other
    }
}

fn stats(recording: &Recording, file: &Path, format: &Format, words: &Words) -> Exit {
    let report = &recording.report();
    let mut text = match format {
        Format::Ndjson(_) => escape::json(json(report)) + "\n",
        Format::Lines(_) => {
            words.note(&summary(recording));
            told(report)
        }
    };
    if let ControlFlow::Break(exit) = stdout::print(&mut text, words) {
        return exit;
    }
    if !recording.is_looked_through() {
        words.note(&format!(
            "it is too large to be looked through each time, so damage is not counted here; to look: \
             sse show --check {}",
            file.display()
        ));
    }
    Exit::Done
}

/// Of what was imported.
const UNTIMED: &str = "what was imported does not say when each event came";

/// What is not known is null.
fn json(report: &Report) -> String {
    if !report.untimed {
        return serde_json::to_string(report).unwrap_or_default();
    }
    let mut json = serde_json::to_value(report).unwrap_or_default();
    let mut unknown = vec!["peakRate", "gaps", "stalls"];
    if report.duration_micros == 0 {
        unknown.extend(["durationMicros", "rate"]);
    }
    for name in unknown {
        json[name] = serde_json::Value::Null;
    }
    json.to_string()
}

fn told(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<16} {value}");
    };
    line(
        "events",
        format!("{} ({} of data)", HumanCount(report.events), HumanBytes(report.data_bytes)),
    );
    line(
        "bodies",
        format!(
            "{}, {} over the wire",
            HumanBytes(report.body_bytes),
            HumanBytes(report.wire_bytes)
        ),
    );
    line("comments", HumanCount(report.comments).to_string());
    match report {
        Report { untimed: false, peak_rate, .. } => {
            line("time", time(report.duration_micros));
            let peak = HumanCount(*peak_rate);
            // Of what came all at once there is none.
            if report.duration_micros > 0 {
                line("rate", format!("{}, {peak} in the busiest second", rate(report)));
            }
        }
        Report { duration_micros: 0, .. } => line("time", format!("not known: {UNTIMED}")),
        Report { .. } => {
            line("time", time(report.duration_micros));
            line("rate", rate(report));
            line("gaps", format!("not known: {UNTIMED}"));
        }
    }
    let gaps = &report.gaps;
    if gaps.count > 0 {
        line(
            "gaps",
            format!(
                "p50 {}, p95 {}, p99 {}, longest {}",
                time(gaps.p50_micros),
                time(gaps.p95_micros),
                time(gaps.p99_micros),
                time(gaps.max_micros)
            ),
        );
    }
    if !report.untimed {
        line("stalls", format!("{} of more than 30 s without any sign of life", report.stalls));
    }
    line("came again", HumanCount(report.repeated).to_string());
    line("missing", missing(report));
    if report.resets > 0 {
        let resets = HumanCount(report.resets);
        line("resets", format!("{resets}, by which the hub said that events were lost"));
    }
    line("out of order", HumanCount(report.out_of_order).to_string());
    if report.decode_errors > 0 {
        line("dropped", format!("{} too large", HumanCount(report.decode_errors)));
    }
    if report.unfinished > 0 {
        let events = counted(report.unfinished, "event");
        line("cut off", format!("{events}, thrown away: the connection ended before the end came"));
    }
    if report.damaged > 0 {
        let rows = counted(report.damaged, "row");
        line("damaged", format!("{rows}, not counted as what they were"));
    }
    // Their turns may have been dropped.
    if report.attempts > 0 || report.events == 0 {
        line("attempts", report.attempts.to_string());
    }
    let attempts = &report.latest_attempts;
    for attempt in attempts.iter().skip(attempts.len().saturating_sub(MOST_ATTEMPTS)) {
        let _ = writeln!(text, "{}", attempt_line(attempt));
    }
    text
}

/// Events a second, and over which time where that is not all of it: the oldest rows may have been dropped before they
/// were counted.
fn rate(report: &Report) -> String {
    let rate = report.rate;
    #[expect(clippy::cast_precision_loss, reason = "it is read in a few digits")]
    let (events, all) = (report.events as f64, report.duration_micros as f64 / 1e6);
    let mut text = format!("{rate:.1} events/s");
    if rate > 0.0 && events / rate < 0.99 * all {
        let _ = write!(text, " over the latest {}", time((events / rate * 1e6) as u64));
    }
    text
}

/// How many events did not come, or why nobody can tell.
fn missing(report: &Report) -> String {
    let at_least = HumanCount(report.missed_at_least);
    match report.numbering {
        Numbering::OneByOne => format!("{at_least} by their ids"),
        Numbering::Anew => format!(
            "at least {at_least} by their ids: the server began to count anew, and what was lost then is in no id"
        ),
        Numbering::NoIds => "not to be told: events have no ids".into(),
        Numbering::TooFew if report.skipped == 0 => {
            "not to be told: too few events have ids that count".into()
        }
        Numbering::TooFew | Numbering::MostlyOneByOne => format!(
            "at least {} if ids count one by one, of which one cannot be sure",
            HumanCount(report.skipped)
        ),
        Numbering::NotOneByOne | _ => "not to be told: ids do not count one by one".into(),
    }
}

fn attempt_line(attempt: &AttemptReport) -> String {
    let mut line = format!("  {:>3}  at {}", attempt.attempt, time(attempt.began_micros));
    if !attempt.id_sent.is_empty() {
        let _ = write!(line, ", after id {}", escape::shown(&attempt.id_sent));
    }
    let phases = attempt.phases.unwrap_or_default();
    // Where nothing tells when the connection was made, the first event may be only the first that is there.
    let first_event = attempt.first_event_micros.filter(|_| attempt.phases.is_some());
    for (name, micros) in [
        ("name", phases.dns_micros),
        ("connection", phases.tcp_micros),
        ("TLS", phases.tls_micros),
        ("head", phases.head_micros),
        ("first event after", first_event),
    ] {
        if let Some(micros) = micros {
            let _ = write!(line, ", {name} {}", time(micros));
        }
    }
    let _ = write!(line, ": {}", counted(attempt.events, "event"));
    if attempt.repeated > 0 {
        let _ = write!(line, ", {} came again", HumanCount(attempt.repeated));
    }
    if let Some(ended) = &attempt.ended {
        let _ = write!(line, "; {}", escape::shown(ended));
    }
    line
}

/// A time as one says it.
pub(crate) fn time(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is read in a few digits")]
    let seconds = micros as f64 / 1e6;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", seconds * 1e3),
        1_000_000..120_000_000 => format!("{seconds:.2} s"),
        _ => format!("{:.1} min", seconds / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_over_which_time_it_is_where_that_is_not_all() {
        let mut report = Report::default();
        (report.events, report.duration_micros, report.rate) = (100, 10_000_000, 10.0);
        assert_eq!(rate(&report), "10.0 events/s");
        report.rate = 100.0;
        assert_eq!(rate(&report), "100.0 events/s over the latest 1.00 s");
    }
}
