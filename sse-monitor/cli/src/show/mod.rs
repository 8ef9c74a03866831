//! `sse show`: what a recording has.

mod stats;

use core::{
    fmt::Write as _,
    ops::{ControlFlow, RangeInclusive},
};
use std::io::{self, BufWriter, IsTerminal, Write};

use indicatif::HumanCount;
use sse_monitor_engine::{
    RawEnd, Row, RowKind, View,
    query::{Budget, Kind, Order, Query},
    recording::{Damage, DamageKind, Recording},
};

use crate::{
    args::Show,
    attempt,
    damage::{self, Opened},
    escape::{Escaped, StandIns},
    exit::Exit,
    filter::Wanted,
    progress::Progress,
    record::journal_bytes,
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, printer::Format},
    words::{Words, counted},
};

pub(crate) use stats::time;

/// Rows found and printed at a time.
const PAGE: usize = 512;

/// Rows looked at before it is told how far it is.
const STRETCH: u64 = 1 << 16;

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
    let (exit, asked) = match show {
        Show { raw: Some(row), .. } => (raw(&view, *row, &words), Asked::Told),
        Show { stats: true, .. } => {
            (stats::print(recording, &show.file, &Format::of(output), &words), Asked::All)
        }
        _ => {
            words.note(&dated_summary(recording));
            if let Some(sentence) = out_of_range(show, &view) {
                words.error(&sentence);
                return Exit::Other;
            }
            match rows(show, &view, wanted, &words) {
                ControlFlow::Continue(asked) => {
                    tell_cut_off(recording, &words);
                    (Exit::Done, asked)
                }
                // Whoever read has enough.
                ControlFlow::Break(exit) => (exit, Asked::Told),
            }
        }
    };
    let is_missing = opened.tell(&words);
    match asked {
        Asked::All if is_missing => {
            let what = if show.stats { "counted" } else { "printed" };
            words.error(&format!("what is damaged is not {what}: {}", opened.missing()));
            Exit::Other
        }
        Asked::Rows { are_damaged: true, .. } => {
            words.error("some of what was asked for is damaged, and not printed");
            Exit::Other
        }
        Asked::Rows { to_end: true, .. } if opened.is_cut_off() => {
            words.error("its end is missing, and some of what was asked for, it may be");
            Exit::Other
        }
        Asked::All | Asked::Rows { .. } | Asked::Told => exit,
    }
}

/// What must be there of a recording for all to be shown that was asked for.
enum Asked {
    All,
    Rows {
        /// Whether any of them could not be read.
        are_damaged: bool,
        /// Whether they go on for as long as there are rows.
        to_end: bool,
    },
    /// What was not there was told.
    Told,
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
    let view = recording.view();
    let is_shortened = totals.rows_forgotten > 0;
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
    let held_dropped = match dropped {
        1.. if is_shortened => view.count(&Query::new().kind(Kind::DecodeError)),
        dropped => dropped,
    };
    told("dropped as too large", dropped, held_dropped, "--turns says which, --raw has the bytes");
    let held_unfinished = match unfinished {
        1.. if is_shortened => held_unfinished(&view),
        unfinished => unfinished,
    };
    let what = "cut off before the end came, and thrown away";
    told(what, unfinished, held_unfinished, "--turns says where");
}

/// How many of the turns that are there tell of an event whose end did not come.
fn held_unfinished(view: &View) -> u64 {
    let query = Query::new().kind(Kind::Turn);
    let (mut count, mut next) = (0, Some(0));
    while let Some(from) = next {
        let hits = view.find(&query, from, Order::Forward, Budget::hits(PAGE));
        let turns = hits.numbers.iter().filter_map(|number| view.turn(*number));
        count += turns.filter(|turn| turn.unfinished).count() as u64;
        next = hits.next;
    }
    count
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
    format!("{}: {}", origin(recording), contents(recording))
}

/// With when it began, if that is known: beside rows stand the times of a clock.
fn dated_summary(recording: &Recording) -> String {
    match stats::began(recording) {
        Some(began) => {
            format!("{}, begun {}: {}", origin(recording), stats::date(began), contents(recording))
        }
        None => summary(recording),
    }
}

/// What it is of.
fn origin(recording: &Recording) -> String {
    let origin = recording.origin();
    match &origin.imported_from {
        Some(file) => format!("imported from {file}"),
        None if origin.url.is_empty() => "a recording that does not tell of what".into(),
        None => origin.url.clone(),
    }
}

/// How much is in it.
fn contents(recording: &Recording) -> String {
    let totals = recording.totals();
    // What its program counted is there no more, or it counted no attempts.
    let is_damaged =
        !recording.counts_lost_rows() || recording.damage().iter().any(Damage::is_loss);
    let report = (is_damaged || totals.attempts == 0).then(|| recording.report());
    let (there, damaged) = match &report {
        Some(report) if is_damaged => (report.events, report.damaged),
        Some(_) | None => (totals.events, 0),
    };
    let attempts = match totals.attempts.max(report.map_or(0, |report| report.attempts)) {
        0 => numbered_attempts(&recording.view()),
        attempts => attempts,
    };
    let events = counted(there, "event");
    let attempts = counted(attempts, "attempt");
    let mut contents = format!("{events} in {attempts}");
    if !recording.counts_lost_rows() {
        contents.push_str(", and a part that cannot be read");
    } else if damaged > 0 {
        let _ = write!(contents, ", and {} that cannot be read", counted(damaged, "row"));
    }
    if totals.rows_forgotten > 0 {
        let dropped = counted(totals.rows_forgotten, "row");
        let were = if totals.rows_forgotten == 1 { "was" } else { "were" };
        let _ = write!(contents, "; the first {dropped} {were} dropped");
    }
    contents
}

/// How many attempts the rows are of, where no turn tells that one began: these are numbered, on over what was cleared.
fn numbered_attempts(view: &View) -> u64 {
    let attempt = |number| view.row(number).map_or(0, |row| u64::from(row.attempt));
    let (first, last) = (attempt(view.first_row()), attempt(view.next_row().saturating_sub(1)));
    match last {
        0 => 0,
        last => last.saturating_sub(first.max(1)) + 1,
    }
}

fn rows(show: &Show, view: &View, wanted: Wanted, words: &Words) -> ControlFlow<Exit, Asked> {
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
        are_damaged: false,
        run: None,
        buffer: String::new(),
    };
    let printed = match show.last {
        Some(last) => {
            let numbers = printing.last(&query, last.min(show.count.unwrap_or(u64::MAX)));
            printing.rows(&numbers).map_continue(|()| true)
        }
        None => printing.all(&query, show.from, show.count.unwrap_or(u64::MAX)),
    };
    printing.progress.clear();
    printing.tell_run();
    let to_end = printed?;
    let are_damaged = printing.are_damaged;
    let is_all = show.from == 1 && show.count != Some(0) && show.last != Some(0);
    if !printing.any && is_all && show.filter.is_given() {
        words.note("nothing passes the filter");
    }
    ControlFlow::Continue(match show {
        Show { from: 1, last: None, count: None, attempt: None, .. } => Asked::All,
        _ => Asked::Rows { are_damaged, to_end },
    })
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
    /// Whether any could not be read.
    are_damaged: bool,
    /// The latest run of those, which is not told yet, and what there is to say of the only one in it.
    run: Option<(RangeInclusive<u64>, String)>,
    buffer: String,
}

impl Printing<'_> {
    /// Prints those that pass, from a row on, as they are found. Says whether there might be more of them.
    fn all(&mut self, query: &Query, from: u64, most: u64) -> ControlFlow<Exit, bool> {
        let mut left = most;
        let mut next = Some(from);
        while let Some(from) = next.filter(|_| left > 0) {
            let room = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
            let budget = Budget { hits: room, rows: STRETCH };
            let hits = self.view.find(query, from, Order::Forward, budget);
            left -= hits.numbers.len() as u64;
            // Behind the last one that was asked for nothing was.
            let end = hits.numbers.last().filter(|_| left == 0);
            self.are_damaged |=
                hits.unreadable.iter().any(|number| end.is_none_or(|end| number < end));
            self.rows(&hits.numbers)?;
            next = hits.next;
            if let Some(next) = next {
                self.progress.at(next.saturating_sub(self.view.first_row()));
            }
        }
        ControlFlow::Continue(left > 0)
    }

    /// The newest rows that pass, from the oldest of them on.
    fn last(&mut self, query: &Query, last: u64) -> Vec<u64> {
        let most = usize::try_from(last).unwrap_or(usize::MAX);
        let mut numbers = Vec::new();
        let mut next = Some(u64::MAX);
        while let Some(from) = next.filter(|_| numbers.len() < most) {
            let budget = Budget { hits: most - numbers.len(), rows: STRETCH };
            let hits = self.view.find(query, from, Order::Backward, budget);
            numbers.extend(hits.numbers);
            let first = numbers.last().filter(|_| numbers.len() == most);
            self.are_damaged |=
                hits.unreadable.iter().any(|number| first.is_none_or(|first| number > first));
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
                self.are_damaged |= row.kind == RowKind::Damaged;
                if row.kind == RowKind::Damaged && is_json {
                    // Of no kind that a program knows.
                    self.damaged(row);
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

impl Printing<'_> {
    fn damaged(&mut self, row: Row) {
        match &mut self.run {
            Some((rows, _)) if rows.end() + 1 == row.number => {
                *rows = *rows.start()..=row.number;
            }
            _ => {
                self.tell_run();
                self.run = Some((row.number..=row.number, row.data));
            }
        }
    }

    fn tell_run(&mut self) {
        if let Some((rows, one)) = self.run.take() {
            let (first, last) = rows.into_inner();
            let told = match last - first {
                0 => one,
                _ => format!(
                    "rows {first} to {last} are damaged: their bytes are not as they were written"
                ),
            };
            self.words.warning(&told);
        }
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
    if damage.iter().any(Damage::is_loss) {
        return Exit::Other;
    }
    words.note(&format!("{}; none of its rows is damaged", dated_summary(recording)));
    match damage.iter().all(|damage| damage.kind == DamageKind::NotClosed) {
        true => Exit::Done,
        false => Exit::Other,
    }
}
