//! Rows to stdout and stderr.

use core::ops::ControlFlow;
use std::io::{self, IsTerminal, Write};

use jiff::tz::TimeZone;
use sse_monitor_engine::{Failure, Fault, Row, RowKind};

use super::{is_coloured, line::Lines, ndjson, state::StateFile};
use crate::{
    args::{Output, Tail},
    exit::Exit,
    filter::Wanted,
    words::Words,
};

/// Prints rows: data on stdout, what the connection does on stderr.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    words: &'a Words,
    format: Format,
    wanted: Wanted,
    state: Option<StateFile>,
    /// The ID at the latest event that was looked at.
    last_event_id: Option<String>,
    count: Option<u64>,
    events: u64,
    opened: bool,
    /// Whether there is nothing to advise of keeping on.
    keeps_trying: bool,
    /// What was said of the redirect before, if this attempt had one.
    redirect: String,
    buffer: String,
}

/// How rows are written.
#[derive(Debug)]
pub(crate) enum Format {
    Lines(Lines),
    Ndjson,
}

impl Format {
    pub(crate) fn of(output: &Output) -> Self {
        let stdout = io::stdout();
        if output.pretty || (stdout.is_terminal() && !output.ndjson) {
            Self::Lines(Lines::new(is_coloured(output.color, &stdout), TimeZone::system()))
        } else {
            Self::Ndjson
        }
    }

    /// Appends a row's line; `n` counts the events.
    pub(crate) fn write(&self, row: &Row, n: u64, out: &mut String) {
        match self {
            Self::Lines(lines) => lines.write(row, out),
            Self::Ndjson => ndjson::write(row, n, out),
        }
    }
}

impl<'a> Printer<'a> {
    pub(crate) fn new(
        tail: &Tail,
        wanted: Wanted,
        state: Option<StateFile>,
        words: &'a Words,
    ) -> Self {
        Self {
            words,
            format: Format::of(&tail.output),
            wanted,
            state,
            last_event_id: None,
            count: tail.count,
            events: 0,
            opened: false,
            keeps_trying: tail.connect.keep_trying || tail.connect.once,
            redirect: String::new(),
            buffer: String::new(),
        }
    }

    /// Prints rows, in order; breaks once enough was printed or nobody reads on.
    pub(crate) fn page(&mut self, rows: &mut [Row]) -> ControlFlow<Exit> {
        for row in rows {
            self.row(row)?;
        }
        self.flush()
    }

    /// Keeps where the next run goes on; the exit status is another where that fails.
    pub(crate) fn close(&mut self, exit: Exit) -> Exit {
        match self.state.as_mut().map_or(Ok(()), StateFile::write) {
            Ok(()) => exit,
            Err(sentence) => {
                self.words.error(&sentence);
                Exit::Other
            }
        }
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

    fn row(&mut self, row: &mut Row) -> ControlFlow<Exit> {
        match row.kind {
            RowKind::Event => {
                if self.state.is_some() {
                    self.last_event_id = Some(row.id.clone());
                }
                if self.wanted.query.passes(row) {
                    self.events += 1;
                    self.data(row);
                    if self.count == Some(self.events) {
                        self.flush()?;
                        return ControlFlow::Break(Exit::Done);
                    }
                }
            }
            RowKind::Comment if self.wanted.query.passes(row) => self.data(row),
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
            RowKind::DecodeError | RowKind::RecordingStopped | RowKind::Damaged => {
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

    fn data(&mut self, row: &mut Row) {
        self.wanted.shown(row);
        self.format.write(row, self.events, &mut self.buffer);
    }

    fn flush(&mut self) -> ControlFlow<Exit> {
        print(&mut self.buffer, self.words)?;
        // What is not printed is no part of where the next run goes on.
        let passed = self.last_event_id.take();
        let Some((state, id)) = self.state.as_mut().zip(passed) else {
            return ControlFlow::Continue(());
        };
        match state.passed(&id) {
            Ok(()) => ControlFlow::Continue(()),
            Err(sentence) => {
                self.words.error(&sentence);
                ControlFlow::Break(Exit::Other)
            }
        }
    }
}

/// Writes what was gathered to stdout; breaks where nobody reads on.
pub(crate) fn print(buffer: &mut String, words: &Words) -> ControlFlow<Exit> {
    if buffer.is_empty() {
        return ControlFlow::Continue(());
    }
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(buffer.as_bytes()).and_then(|()| stdout.flush());
    buffer.clear();
    match written {
        Ok(()) => ControlFlow::Continue(()),
        // Whoever read has enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(Exit::Done),
        Err(error) => {
            words.error(&format!("the events cannot be written to stdout: {error}"));
            ControlFlow::Break(Exit::Other)
        }
    }
}
