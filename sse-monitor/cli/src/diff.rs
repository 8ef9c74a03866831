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
    show::time,
    tail::{
        is_coloured,
        printer::{self, Format},
    },
    words::Words,
};

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
    let told = query::diff(&first, &second, by);
    let mut format = Format::of(output);
    let mut text = String::new();
    match format {
        Format::Ndjson(_) => {
            text = escape::json(serde_json::to_string(&told).unwrap_or_default()) + "\n";
        }
        Format::Lines(_) => {
            let mut row = |mark: &str, view: &View, number: u64| {
                if let Some(row) = view.row(number) {
                    text.push_str(mark);
                    format.write(&row, 0, None, &mut text);
                }
            };
            told.only_first.iter().for_each(|number| row("< ", &first, *number));
            told.only_second.iter().for_each(|number| row("> ", &second, *number));
            for (a, b) in &told.changed {
                row("< ", &first, *a);
                row("> ", &second, *b);
            }
        }
    }
    if let ControlFlow::Break(exit) = printer::print(&mut text, &words) {
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
