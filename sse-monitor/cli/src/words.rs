//! Words for people, on stderr.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use indicatif::HumanCount;

use crate::escape;

/// So many of something, whose plural has an s.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

/// Says how things go. What cannot be said (stderr is closed) is left unsaid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    colour: bool,
    silent: bool,
}

impl Words {
    pub(crate) const fn new(colour: bool, silent: bool) -> Self {
        Self { colour, silent }
    }

    /// Whether only what went wrong is said.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    /// How the connection is doing; left out if silence was asked for.
    pub(crate) fn note(&self, sentence: &str) {
        if !self.silent {
            self.say(Style::new().dimmed(), sentence);
        }
    }

    /// The connection was lost and is tried again; left out if silence was asked for.
    pub(crate) fn lost(&self, sentence: &str) {
        if !self.silent {
            self.warning(sentence);
        }
    }

    /// Something of the stream was lost, yet it goes on.
    pub(crate) fn warning(&self, sentence: &str) {
        self.say(AnsiColor::Yellow.on_default(), sentence);
    }

    /// Why it ended.
    pub(crate) fn error(&self, sentence: &str) {
        self.say(AnsiColor::Red.on_default(), sentence);
    }

    fn say(&self, style: Style, sentence: &str) {
        let style = if self.colour { style } else { Style::new() };
        // One write a line, so that it stays whole among other programs' lines.
        let line = format!("{style}sse: {}{style:#}\n", escape::shown(sentence));
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
