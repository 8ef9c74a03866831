//! Rows to stdout and stderr.

use core::{mem, ops::ControlFlow};
use std::io::{self, IsTerminal};

use jiff::tz::TimeZone;
use sse_monitor_engine::{Dropped, Failure, Fault, Passed, Row, RowKind};

use super::{is_coloured, line::Lines, name::Name, ndjson::Ndjson, state::State, stream::Stream};
use crate::{
    args::{Output, Tail},
    exit::Exit,
    filter::Wanted,
    request::broken,
    stdout,
    words::{Words, counted},
};

/// Prints rows: data on stdout, what the connection does on stderr.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    words: &'a Words,
    format: Format,
    wanted: Wanted,
    state: Option<State>,
    /// Whether it was told that it cannot be kept.
    is_unkept: bool,
    count: Option<u64>,
    events: u64,
    /// Events that came, whether they were printed or not.
    came: u64,
    /// Whether there is nothing to advise of keeping on.
    keeps_trying: bool,
    buffer: String,
}

/// How rows are written.
#[derive(Debug)]
pub(crate) enum Format {
    Lines(Lines),
    Ndjson(Ndjson),
}

impl Format {
    pub(crate) fn of(output: &Output) -> Self {
        let stdout = io::stdout();
        if output.pretty || (stdout.is_terminal() && !output.ndjson) {
            Self::Lines(Lines::new(is_coloured(output.color, &stdout), TimeZone::system()))
        } else {
            Self::Ndjson(Ndjson::default())
        }
    }

    /// The same with the numbers of the rows, which JSON has in any case.
    pub(crate) fn numbered(self, wanted: bool) -> Self {
        match self {
            Self::Lines(lines) => Self::Lines(lines.numbered(wanted)),
            Self::Ndjson(lines) => Self::Ndjson(lines.numbered()),
        }
    }

    /// The same without times, where nobody knows them.
    pub(crate) fn untimed(self, untimed: bool) -> Self {
        match self {
            Self::Lines(lines) => Self::Lines(lines.untimed(untimed)),
            Self::Ndjson(lines) => Self::Ndjson(lines.untimed(untimed)),
        }
    }

    /// What stands between two columns: for people what a tab looks like, which is never printed as it is.
    pub(crate) const fn between_columns(&self) -> &'static str {
        match self {
            Self::Lines(_) => "  ",
            Self::Ndjson(_) => "\t",
        }
    }

    /// Appends the line of what was dropped: people are told on stderr.
    pub(crate) fn write_dropped(
        &mut self,
        row: &Row,
        dropped: Option<&Dropped>,
        stream: Option<&Name>,
        out: &mut String,
    ) {
        if let Self::Ndjson(lines) = self {
            lines.write_dropped(row, dropped, stream, out);
        }
    }

    /// Appends a row's line; `n` counts the events, and `stream` is the one of several that it is from.
    pub(crate) fn write(&mut self, row: &Row, n: u64, stream: Option<&Name>, out: &mut String) {
        match self {
            Self::Lines(lines) => lines.write(row, stream, out),
            Self::Ndjson(lines) => lines.write(row, n, stream, out),
        }
    }
}

/// What can be done about the next one, for the end of a sentence.
const fn advice(dropped: &Dropped) -> &'static str {
    match dropped.passed {
        Passed::Line | Passed::Comment => "; --max-line raises it",
        Passed::Event => "; --max-event raises it",
        Passed::Value | _ => "",
    }
}

impl<'a> Printer<'a> {
    pub(crate) fn new(tail: &Tail, wanted: Wanted, state: Option<State>, words: &'a Words) -> Self {
        Self {
            words,
            format: Format::of(&tail.output),
            wanted,
            state,
            is_unkept: false,
            count: tail.count,
            events: 0,
            came: 0,
            keeps_trying: tail.again.keep_trying || tail.again.once,
            buffer: String::new(),
        }
    }

    /// Prints the next rows of a stream, in order, and says whether there were any; breaks once enough
    /// was printed or nobody reads on.
    pub(crate) fn page(&mut self, stream: &mut Stream, count: usize) -> ControlFlow<Exit, bool> {
        let view = stream.watch().view();
        let first = stream.next();
        let next = view.visit(first, count, |row| self.row(stream, row))?;
        self.flush(stream)?;
        let any = next > first;
        if any {
            stream.printed(next);
        }
        ControlFlow::Continue(any)
    }

    /// Keeps where the next run goes on; the exit status is another where that fails, of which nobody need hear twice.
    pub(crate) fn close(&mut self, exit: Exit) -> Exit {
        if self.came > 0 && self.events == 0 {
            let came = counted(self.came, "event");
            self.words.note(&format!("of {came} that came none passes the filter"));
        }
        match self.state.as_ref().map_or(Ok(()), |state| state.file().write()) {
            Ok(()) => exit,
            Err(sentence) => {
                if !self.is_unkept {
                    self.words.error(&sentence);
                }
                Exit::Other
            }
        }
    }

    /// All streams are over, before enough was printed.
    pub(crate) fn all_over(&self, streams: &[Stream], exit: Exit) -> Exit {
        match self.count {
            // Of a failure that was told nobody need hear this too.
            Some(count) if exit == Exit::Done => {
                let (came, end) =
                    (self.events, if streams.len() == 1 { "stream" } else { "streams" });
                self.words
                    .error(&format!("only {came} of {count} events came before the {end} ended"));
                Exit::Unexpected
            }
            _ => exit,
        }
    }

    /// The time that was given is over.
    pub(crate) fn out_of_time(&self, streams: &[Stream]) -> Exit {
        let mut exit = Exit::Done;
        if let Some(count) = self.count {
            let came = self.events;
            self.words.error(&format!("only {came} of {count} events came in the time given"));
            exit = Exit::TimedOut;
        }
        for stream in streams {
            exit = exit.max(stream.over.unwrap_or(Exit::Done));
            if self.count.is_none() && !stream.opened && stream.over.is_none() {
                self.words.error(&stream.said("no stream was open in the time given"));
                exit = exit.max(Exit::TimedOut);
            }
        }
        exit
    }

    /// The stream is over for good.
    pub(crate) fn failed(&self, stream: &Stream, failure: &Failure) -> Exit {
        let was_sent_once = stream.opened && !stream.is_repeatable && !self.keeps_trying;
        let sentence = broken(failure, was_sent_once);
        let sentence = stream.said(&sentence);
        if failure.fault == Fault::Ended {
            self.words.note(&sentence);
        } else if !stream.opened
            && matches!(failure.fault, Fault::Connect | Fault::TimedOut | Fault::Unavailable)
            && !self.keeps_trying
        {
            self.words.error(&format!("{sentence} (to keep trying, add --keep-trying)"));
        } else {
            self.words.error(&sentence);
        }
        failure.fault.into()
    }

    fn row(&mut self, stream: &mut Stream, row: &mut Row) -> ControlFlow<Exit> {
        match row.kind {
            RowKind::Event => {
                self.came += 1;
                if self.state.is_some() {
                    stream.passed = Some(row.id.clone());
                }
                if self.wanted.query.passes(row) {
                    self.events += 1;
                    self.data(stream, row);
                    if self.count == Some(self.events) {
                        self.flush(stream)?;
                        return ControlFlow::Break(Exit::Done);
                    }
                }
            }
            RowKind::Comment if self.wanted.query.passes(row) => self.data(stream, row),
            RowKind::Comment => {}
            RowKind::Connected { .. } => {
                stream.opened = true;
                self.note(stream, row)?;
            }
            // In a circle of redirects one line is enough.
            RowKind::Redirected { .. } if stream.redirect == row.data => {}
            RowKind::Redirected { .. } => {
                stream.redirect.clone_from(&row.data);
                self.note(stream, row)?;
            }
            RowKind::Connecting | RowKind::ReconnectionTime { .. } => {
                stream.redirect.clear();
                self.note(stream, row)?;
            }
            // The last one is told at the end, with what can be done.
            RowKind::Disconnected { retry_in_ms, .. } if retry_in_ms.is_none() => {}
            RowKind::Disconnected { .. } => {
                self.flush(stream)?;
                self.words.lost(&stream.said(&row.data));
            }
            RowKind::DecodeError => {
                let dropped = stream.watch().view().dropped(row.number);
                self.format.write_dropped(
                    row,
                    dropped.as_ref(),
                    stream.name.as_ref(),
                    &mut self.buffer,
                );
                self.flush(stream)?;
                let advice = dropped.as_ref().map_or("", advice);
                self.words.warning(&stream.said(&format!("{}{advice}", row.data)));
            }
            RowKind::RecordingStopped | RowKind::Damaged => {
                self.flush(stream)?;
                self.words.warning(&stream.said(&row.data));
            }
            RowKind::Closed => {}
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn note(&mut self, stream: &mut Stream, row: &Row) -> ControlFlow<Exit> {
        // What came before it should stand before it where both go to one terminal.
        self.flush(stream)?;
        self.words.note(&stream.said(&row.data));
        ControlFlow::Continue(())
    }

    fn data(&mut self, stream: &Stream, row: &mut Row) {
        // A comment has no data in which anything could stand.
        if row.kind == RowKind::Event {
            self.wanted.shown(row, self.format.between_columns());
        }
        self.format.write(row, self.events, stream.name.as_ref(), &mut self.buffer);
    }

    fn flush(&mut self, stream: &mut Stream) -> ControlFlow<Exit> {
        stdout::print(&mut self.buffer, self.words)?;
        // What is not printed is no part of where the next run goes on.
        let Some((state, id)) = self.state.as_ref().zip(stream.passed.take()) else {
            return ControlFlow::Continue(());
        };
        // A full disk is no reason to watch no more, and may have room before the end.
        if let Err(sentence) = state.file().passed(stream.number, &id)
            && !mem::replace(&mut self.is_unkept, true)
        {
            self.words.error(&format!("{sentence}; printing goes on"));
        }
        ControlFlow::Continue(())
    }
}
