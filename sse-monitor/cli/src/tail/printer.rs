//! Rows to stdout and stderr.

use core::ops::ControlFlow;
use std::io::{self, IsTerminal, Write};

use jiff::tz::TimeZone;
use sse_monitor_engine::{Failure, Fault, Row, RowKind};

use super::{is_coloured, line::Lines, ndjson};
use crate::{args::Tail, exit::Exit, words::Words};

/// Prints rows: data on stdout, what the connection does on stderr.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    words: &'a Words,
    format: Format,
    comments: bool,
    count: Option<u64>,
    events: u64,
    opened: bool,
    /// Whether there is nothing to advise of keeping on.
    keeps_trying: bool,
    /// What was said of the redirect before, if this attempt had one.
    redirect: String,
    buffer: String,
}

#[derive(Debug)]
enum Format {
    Lines(Lines),
    Ndjson,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(tail: &Tail, words: &'a Words) -> Self {
        let stdout = io::stdout();
        let format = if tail.pretty || (stdout.is_terminal() && !tail.ndjson) {
            Format::Lines(Lines::new(is_coloured(tail.color, &stdout), TimeZone::system()))
        } else {
            Format::Ndjson
        };
        Self {
            words,
            format,
            comments: tail.comments,
            count: tail.count,
            events: 0,
            opened: false,
            keeps_trying: tail.keep_trying || tail.once,
            redirect: String::new(),
            buffer: String::new(),
        }
    }

    /// Prints rows, in order; breaks once enough was printed or nobody reads on.
    pub(crate) fn page(&mut self, rows: &[Row]) -> ControlFlow<Exit> {
        for row in rows {
            self.row(row)?;
        }
        self.flush()
    }

    /// The time that was given is over.
    pub(crate) fn out_of_time(&self) -> Exit {
        if let Some(count) = self.count {
            let came = self.events;
            self.words.error(&format!("only {came} of {count} events came in the time given"));
        } else if !self.opened {
            self.words.error("no stream was open in the time given");
        } else {
            return Exit::Done;
        }
        Exit::TimedOut
    }

    /// The stream is over for good.
    pub(crate) fn failed(&self, failure: &Failure) -> Exit {
        let sentence = &failure.sentence;
        if failure.fault == Fault::Ended {
            self.words.note(sentence);
        } else if !self.opened
            && matches!(failure.fault, Fault::Connect | Fault::TimedOut | Fault::Unavailable)
            && !self.keeps_trying
        {
            self.words.error(&format!("{sentence} (to keep trying, add --keep-trying)"));
        } else {
            self.words.error(sentence);
        }
        failure.fault.into()
    }

    fn row(&mut self, row: &Row) -> ControlFlow<Exit> {
        match row.kind {
            RowKind::Event => {
                self.events += 1;
                self.data(row);
                if self.count == Some(self.events) {
                    self.flush()?;
                    return ControlFlow::Break(Exit::Done);
                }
            }
            RowKind::Comment if self.comments => self.data(row),
            RowKind::Comment => {}
            RowKind::Connected { .. } => {
                self.opened = true;
                self.note(row)?;
            }
            // In a circle of redirects one line is enough.
            RowKind::Redirected { .. } if self.redirect == row.data => {}
            RowKind::Redirected { .. } => {
                self.redirect.clone_from(&row.data);
                self.note(row)?;
            }
            RowKind::Connecting | RowKind::ReconnectionTime { .. } => {
                self.redirect.clear();
                self.note(row)?;
            }
            // The last one is told at the end, with what can be done.
            RowKind::Disconnected { retry_in_ms, .. } if retry_in_ms.is_none() => {}
            RowKind::Disconnected { .. } => {
                self.flush()?;
                self.words.lost(&row.data);
            }
            RowKind::DecodeError => {
                self.flush()?;
                self.words.warning(&row.data);
            }
            RowKind::Closed => {}
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn note(&mut self, row: &Row) -> ControlFlow<Exit> {
        // What came before it should stand before it where both go to one terminal.
        self.flush()?;
        self.words.note(&row.data);
        ControlFlow::Continue(())
    }

    fn data(&mut self, row: &Row) {
        match &self.format {
            Format::Lines(lines) => lines.write(row, &mut self.buffer),
            Format::Ndjson => ndjson::write(row, self.events, &mut self.buffer),
        }
    }

    fn flush(&mut self) -> ControlFlow<Exit> {
        if self.buffer.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(self.buffer.as_bytes()).and_then(|()| stdout.flush());
        self.buffer.clear();
        match written {
            Ok(()) => ControlFlow::Continue(()),
            // Whoever read has enough, as `head` has.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                ControlFlow::Break(Exit::Done)
            }
            Err(error) => {
                self.words.error(&format!("the events cannot be written to stdout: {error}"));
                ControlFlow::Break(Exit::Other)
            }
        }
    }
}
