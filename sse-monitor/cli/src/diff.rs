//! `sse diff`: what differs between two recordings.

use core::ops::ControlFlow;
use std::io;

use sse_monitor_engine::{
    View,
    query::{self, Match},
};

use crate::{
    args::{By, Diff},
    damage::Opened,
    escape,
    exit::Exit,
    progress::Progress,
    show::time,
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, printer::Format},
    words::{Words, counted},
};

/// Bytes that are printed at a time, or one row.
const PAGE: usize = 64 << 10;

/// Runs the command to its end.
pub(crate) fn run(diff: &Diff) -> Exit {
    let output = &diff.output;
    let words = Words::new(is_coloured(output.color, &io::stderr()), output.silent);
    let open = |path| Opened::open(path, &words);
    let (mut first, mut second) =
        match open(&diff.first).and_then(|first| Ok((first, open(&diff.second)?))) {
            Ok(both) => both,
            Err(sentence) => {
                words.error(&sentence);
                return Exit::Other;
            }
        };
    let views = [first.recording.view(), second.recording.view()];
    let by = match diff.by {
        By::Id => Match::Id,
        By::Content => Match::Content,
    };
    let progress = Progress::busy(&words, "comparing".into());
    let under_way = progress.clone();
    let _ending = end_when_asked(move || under_way.clear());
    let told = query::diff(&views[0], &views[1], by);
    progress.clear();
    let is_untimed = [&first, &second].iter().any(|it| it.recording.origin().untimed);
    let printed = match Format::of(output).untimed(is_untimed) {
        Format::Ndjson(_) => {
            let mut json = serde_json::to_string(&told).unwrap_or_default();
            let mut unknown = Vec::new();
            unknown.extend(is_untimed.then_some("time"));
            unknown.extend((!first.recording.counts_lost_rows()).then_some("damagedFirst"));
            unknown.extend((!second.recording.counts_lost_rows()).then_some("damagedSecond"));
            if !unknown.is_empty() {
                let mut told = serde_json::to_value(&told).unwrap_or_default();
                for name in unknown {
                    told[name] = serde_json::Value::Null;
                }
                json = told.to_string();
            }
            let json = escape::json(json) + "\n";
            stdout::bytes(json.as_bytes(), &words)
        }
        format @ Format::Lines(_) => {
            let format = format.numbered(true);
            let mut rows = Rows { format, words: &words, text: String::new() };
            rows.all(&told, &views[0], &views[1])
        }
    };
    if let ControlFlow::Break(exit) = printed {
        return exit;
    }
    let times = match told.in_both {
        0 => String::new(),
        _ if is_untimed => "; of one at least nobody knows when they came".into(),
        _ => format!(
            "; their times are apart by {} at the median, {} at most",
            time(told.time.p50_micros),
            time(told.time.max_micros)
        ),
    };
    words.note(&format!(
        "{} in both, {} only in the first, {} only in the second, {} changed, {} in another order{times}",
        told.in_both,
        told.only_first.len(),
        told.only_second.len(),
        told.changed.len(),
        told.reordered.len()
    ));
    for (recording, which) in [(&first.recording, "first"), (&second.recording, "second")] {
        let dropped = recording.totals().decode_errors;
        if dropped > 0 {
            let events = counted(dropped, "event");
            words.warning(&format!(
                "not compared, since dropped as too large: {events} of the {which}"
            ));
        }
    }
    for (recording, rows, which) in [
        (&first.recording, told.damaged_first, "first"),
        (&second.recording, told.damaged_second, "second"),
    ] {
        if !recording.counts_lost_rows() {
            words.warning(&format!(
                "part of the {which} cannot be read, so it may have had what only the other has; how many rows it \
                 was is not known"
            ));
        } else if rows > 0 {
            let rows = counted(rows, "row");
            words.warning(&format!("not compared, since damaged: {rows} of the {which}"));
        }
    }
    let is_missing = first.tell(&words) | second.tell(&words);
    match told.is_empty() {
        false => Exit::Unexpected,
        true if is_missing => {
            words.error("what is damaged was not compared");
            Exit::Other
        }
        true => Exit::Done,
    }
}

/// Prints rows in pages, however many there are.
struct Rows<'a> {
    format: Format,
    words: &'a Words,
    text: String,
}

impl Rows<'_> {
    fn all(&mut self, told: &query::Diff, first: &View, second: &View) -> ControlFlow<Exit> {
        for number in &told.only_first {
            self.row("< ", first, *number)?;
        }
        for number in &told.only_second {
            self.row("> ", second, *number)?;
        }
        for (a, b) in &told.changed {
            self.row("< ", first, *a)?;
            self.row("> ", second, *b)?;
        }
        for (_, moved) in &told.reordered {
            self.row("~ ", second, *moved)?;
        }
        stdout::print(&mut self.text, self.words)
    }

    fn row(&mut self, mark: &str, view: &View, number: u64) -> ControlFlow<Exit> {
        if let Some(row) = view.row(number) {
            self.text.push_str(mark);
            self.format.write(&row, 0, None, &mut self.text);
        }
        if self.text.len() < PAGE {
            return ControlFlow::Continue(());
        }
        stdout::print(&mut self.text, self.words)
    }
}
