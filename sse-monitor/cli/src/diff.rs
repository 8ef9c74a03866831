//! `sse diff`: what differs between two recordings.

use core::ops::ControlFlow;
use std::{io, path::Path};

use sse_monitor_engine::{
    View,
    query::{self, Match},
    recording::Recording,
};

use crate::{
    args::{By, Diff},
    escape,
    exit::Exit,
    progress::Progress,
    show::time,
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, printer::Format},
    words::Words,
};

/// Bytes that are printed at a time, or one row.
const PAGE: usize = 64 << 10;

/// Runs the command to its end.
pub(crate) fn run(diff: &Diff) -> Exit {
    let output = &diff.output;
    let words = Words::new(is_coloured(output.color, &io::stderr()), output.silent);
    let (Some(first), Some(second)) = (open(&diff.first, &words), open(&diff.second, &words))
    else {
        return Exit::Other;
    };
    let by = match diff.by {
        By::Id => Match::Id,
        By::Content => Match::Content,
    };
    let progress = Progress::busy(&words, "comparing".into());
    let under_way = progress.clone();
    let _ending = end_when_asked(move || under_way.clear());
    let told = query::diff(&first, &second, by);
    progress.clear();
    let printed = match Format::of(output) {
        Format::Ndjson(_) => {
            let json = escape::json(serde_json::to_string(&told).unwrap_or_default()) + "\n";
            stdout::bytes(json.as_bytes(), &words)
        }
        format @ Format::Lines(_) => {
            let mut rows = Rows { format, words: &words, text: String::new() };
            rows.all(&told, &first, &second)
        }
    };
    if let ControlFlow::Break(exit) = printed {
        return exit;
    }
    words.note(&format!(
        "{} in both, {} only in the first, {} only in the second, {} changed, {} in another order; their \
         times are apart by {} at the median, {} at most",
        told.in_both,
        told.only_first.len(),
        told.only_second.len(),
        told.changed.len(),
        told.reordered,
        time(told.time.p50_micros),
        time(told.time.max_micros)
    ));
    if told.is_empty() { Exit::Done } else { Exit::Unexpected }
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

fn open(path: &Path, words: &Words) -> Option<View> {
    match Recording::open(path) {
        Ok(recording) => {
            recording.damage().iter().for_each(|damage| words.warning(&damage.to_string()));
            Some(recording.view())
        }
        Err(error) => {
            words.error(&error.to_string());
            None
        }
    }
}
