//! `sse redact`: a recording to give away.

use core::{fmt::Write as _, ops::ControlFlow};
use std::{io, path::PathBuf};

use clap::{Args, Parser};
use indicatif::HumanCount;
use sse_monitor_engine::recording::{
    discard,
    redact::{Field, Preview, Redaction, preview, redact},
};

use crate::{
    args::{Output, new_recording, recording},
    damage::Opened,
    escape,
    exit::Exit,
    new_file::refuse_what_is_there,
    progress::Progress,
    signals::end_when_asked,
    stdout,
    tail::{is_coloured, printer::Format},
    words::{Words, counted},
};

/// The options of `sse redact`.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Redact {
    /// A recording: the file, or the folder of one that was left
    #[arg(value_parser = recording())]
    file: PathBuf,

    #[command(flatten)]
    patterns: Patterns,

    /// The recording to make; it must not be there yet. Without it nothing is written
    #[arg(short, long, value_name = "FILE", value_parser = new_recording())]
    output: Option<PathBuf>,

    #[command(flatten)]
    printed: Output,
}

/// What is masked.
#[derive(Debug, Args)]
pub(crate) struct Patterns {
    /// Mask this very text, and what it begins with where a body ends there; can be given several times
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,

    /// Mask what this regular expression matches; can be given several times
    #[arg(long, value_name = "REGEX")]
    regex: Vec<String>,

    /// Mask the values at this path in data that is JSON; can be given several times
    #[arg(long, value_name = "PATH")]
    json: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  See what would be masked, and how it will look:
    sse redact --json .user.email --regex 'sk-[A-Za-z0-9]+' feed.ssrec

  Write a recording with exactly that masked; or another form of it:
    sse redact --json .user.email --regex 'sk-[A-Za-z0-9]+' \\
      -o given.ssrec feed.ssrec
    sse export --as har --redact --json .user.email feed.ssrec

Each line tells the row, which of its texts, how many places in it, and the first of them with what \
stands around it, as it will be. The new recording lists what was masked in it. Texts are looked at as \
a reader of the stream sees them; what an application encodes (JSON's \\u0041, base64) is asked for as it \
is encoded, or by --json.";

/// Runs the command to its end.
pub(crate) fn run(options: &Redact) -> Exit {
    let printed = &options.printed;
    let words = Words::new(is_coloured(printed.color, &io::stderr()), printed.silent);
    let redaction = match options.patterns.redaction() {
        Ok(redaction) => redaction,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Usage;
        }
    };
    let mut opened = match Opened::open(&options.file, &words) {
        Ok(opened) => opened,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Other;
        }
    };
    let there = options.output.as_deref().map(refuse_what_is_there).transpose();
    if let Err(sentence) = there {
        words.error(&sentence);
        return Exit::Other;
    }
    let progress = Progress::busy(&words, format!("looking through {}", options.file.display()));
    let (under_way, output) = (progress.clone(), options.output.clone());
    let _ending = end_when_asked(move || {
        under_way.clear();
        if let Some(to) = output {
            discard(&to);
            words.error(&format!("interrupted; there is no {}", to.display()));
        }
    });
    let done = match &options.output {
        Some(to) => redact(&opened.recording, &redaction, to).map_err(|error| error.to_string()),
        None => preview(&opened.recording.view(), &redaction)
            .map_err(|error| format!("{} cannot be read: {error}", options.file.display())),
    };
    progress.clear();
    let is_missing = opened.tell(&words);
    let done = match done {
        Ok(done) => done,
        Err(sentence) => {
            words.error(&sentence);
            return Exit::Other;
        }
    };
    let mut text = match Format::of(printed) {
        Format::Ndjson(_) => escape::json(serde_json::to_string(&done).unwrap_or_default()) + "\n",
        Format::Lines(_) => lines(&done),
    };
    if let ControlFlow::Break(exit) = stdout::print(&mut text, &words) {
        return exit;
    }
    tell(&done, &words);
    match &options.output {
        Some(to) => words.note(&format!("written to {}", to.display())),
        None => words.note("nothing was written; to write the recording: -o FILE"),
    }
    if is_missing {
        let written = options.output.as_ref().map_or("", |_| ", and is not in what is written");
        let missing = opened.missing();
        words.error(&format!("what is damaged was not looked at{written}: {missing}"));
        return Exit::Other;
    }
    Exit::Done
}

/// Says how often each was found.
pub(crate) fn tell(done: &Preview, words: &Words) {
    for pattern in &done.patterns {
        let times = if pattern.count == 1 { "time" } else { "times" };
        words.note(&format!("{}: {} {times}", pattern.what, HumanCount(pattern.count)));
    }
    if done.not_json > 0 {
        let events = counted(done.not_json, "event");
        words.warning(&format!(
            "no JSON, so that --json finds nothing in them: {events}; --text and --regex look at all"
        ));
    }
    if done.masked_lines > 0 {
        let lines = counted(done.masked_lines, "line");
        words.note(&format!(
            "masked whole, since of events that were too large, or never complete: {lines}"
        ));
    }
}

impl Patterns {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.regex.is_empty() && self.json.is_empty()
    }

    /// What they ask for; else a sentence that says what is wrong.
    pub(crate) fn redaction(&self) -> Result<Redaction, String> {
        if self.is_empty() {
            return Err("nothing is asked for: give --text, --regex or --json".into());
        }
        let mut redaction = Redaction::new();
        for text in &self.text {
            redaction = redaction.literal(text);
        }
        for regex in &self.regex {
            redaction = redaction.regex(regex).map_err(|error| error.to_string())?;
        }
        for path in &self.json {
            redaction = redaction.json(path).map_err(|error| error.to_string())?;
        }
        if redaction.is_empty() {
            return Err("nothing is asked for: give --text, --regex or --json".into());
        }
        Ok(redaction)
    }
}

fn lines(done: &Preview) -> String {
    let mut text = String::new();
    for cut in &done.cuts {
        let field = match cut.field {
            Field::Data => "data",
            Field::Id => "id",
            Field::EventType => "type",
            Field::Comment => "comment",
            Field::Turn => "connection",
            Field::Unread => "unread",
            // One that this program does not know yet.
            _ => "other",
        };
        let around = escape::shown(&cut.around);
        let _ = writeln!(text, "row {:<8} {field:<10} {:>4}  {around}", cut.row, cut.count);
    }
    let more = done.cut_count.saturating_sub(done.cuts.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "and {} more", HumanCount(more));
    }
    text
}
