//! A line in the terminal that tells how far something is.

use core::time::Duration;
use std::io::{self, IsTerminal, Read, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{stdout, words::Words};

/// How often the line changes by itself.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// Where nobody can say how far it is.
const BUSY: &str = "sse: {msg}, {elapsed}; Control-C ends it";

/// A line on stderr that is written over and over, and gone at the end. There is none where stderr is no
/// terminal, or silence was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// That says what it is [told](Self::say).
    pub(crate) fn line(words: &Words) -> Self {
        Self::new(words, None, "sse: {msg}")
    }

    /// That tells how many bytes of all were worked on; `what` is a sentence's beginning.
    pub(crate) fn bytes(words: &Words, what: String, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "sse: {msg} {bar:24} {bytes} of {total_bytes}; Control-C ends it",
            None => "sse: {msg}, {bytes}; Control-C ends it",
        };
        let progress = Self::new(words, total, template);
        progress.0.set_message(what);
        progress
    }

    /// That tells how many rows of all were worked on, of what is printed. There is none where that is piped.
    pub(crate) fn rows(words: &Words, what: String, total: u64) -> Self {
        if stdout::is_piped() {
            return Self::hidden();
        }
        let template = "sse: {msg} {bar:24} {human_pos} of {human_len} rows; Control-C ends it";
        let progress = Self::new(words, Some(total), template);
        progress.0.set_message(what);
        progress
    }

    /// That tells for how long it has been at it, where nobody can say how far it is, before something is
    /// printed. There is none where that is piped.
    pub(crate) fn busy(words: &Words, what: String) -> Self {
        if stdout::is_piped() {
            return Self::hidden();
        }
        let progress = Self::new(words, None, BUSY);
        progress.0.set_message(what);
        progress.0.enable_steady_tick(TICK);
        progress
    }

    /// None, whatever it is told.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    fn new(words: &Words, total: Option<u64>, template: &str) -> Self {
        let is_shown = io::stderr().is_terminal() && !words.is_silent();
        let target =
            if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(ProgressBar::with_draw_target(total, target).with_style(style(template)))
    }

    /// Says this now.
    pub(crate) fn say(&self, message: String) {
        self.0.set_message(message);
        self.0.tick();
    }

    /// So many are done.
    pub(crate) fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    /// So many more are done.
    pub(crate) fn add(&self, count: u64) {
        self.0.inc(count);
    }

    /// Does what comes before, of which nobody can say how far it is: the line tells for how long it has been
    /// at it.
    pub(crate) fn before<T>(&self, what: String, work: impl FnOnce() -> T) -> T {
        let (after, message) = (self.0.style(), self.0.message());
        self.0.set_style(style(BUSY));
        self.0.set_message(what);
        self.0.enable_steady_tick(TICK);
        let done = work();
        self.0.disable_steady_tick();
        self.0.set_style(after);
        self.0.set_message(message);
        done
    }

    /// Does something while the line is not there, since it writes to the terminal itself.
    pub(crate) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// What is read or written through it is told.
#[derive(Debug)]
pub(crate) struct Counted<T> {
    pub(crate) inner: T,
    pub(crate) progress: Progress,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.progress.add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
