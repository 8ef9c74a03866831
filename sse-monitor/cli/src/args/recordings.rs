//! The options of the commands that read recordings, or make them of files.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

use super::{Output, count, new_recording, recording};
use crate::{filter::Filter, limits::Most};

/// The options of `sse show`.
#[derive(Debug, Parser)]
#[command(after_help = SHOW)]
pub(crate) struct Show {
    /// A recording: the file, or the folder of one under way
    #[arg(value_parser = recording())]
    pub(crate) file: PathBuf,

    /// Print how it came instead: rates, gaps, stalls, attempts
    ///
    /// Of a recording of more than 64 MiB as its program counted it: whether any of it is damaged since
    /// is told by --check.
    #[arg(long, conflicts_with_all = ["check", "raw"], conflicts_with_all = OF_ROWS)]
    pub(crate) stats: bool,

    /// Read all of it, and print what is damaged; the exit status is 1 where something is, and 0 where it is only that
    /// its program was stopped
    #[arg(long, conflicts_with = "raw", conflicts_with_all = OF_ROWS)]
    pub(crate) check: bool,

    /// Print the bytes of this row as the server sent them; --numbers shows them
    #[arg(long, value_name = "ROW", conflicts_with_all = OF_ROWS)]
    pub(crate) raw: Option<u64>,

    /// Begin at this row; --numbers shows them
    #[arg(long, value_name = "ROW", default_value_t = 1, value_parser = count)]
    pub(crate) from: u64,

    /// Print the last so many rows
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "from")]
    pub(crate) last: Option<u64>,

    /// Print at most so many rows
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,

    /// Only rows of this attempt to connect
    #[arg(long, value_name = "N")]
    pub(crate) attempt: Option<u32>,

    /// Print the turns of the connection too, and what was dropped
    #[arg(long)]
    pub(crate) turns: bool,

    /// Print each row's number before it; as JSON it is always there
    #[arg(long)]
    pub(crate) numbers: bool,

    #[command(flatten)]
    pub(crate) filter: Filter,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// The options that say which rows are printed: of no use where something else is.
const OF_ROWS: [&str; 15] = [
    "from",
    "last",
    "count",
    "attempt",
    "turns",
    "numbers",
    "types",
    "ids",
    "grep",
    "regex",
    "without",
    "ignore_case",
    "tests",
    "columns",
    "comments",
];

const SHOW: &str = "\
Rows are numbered from 1, comments and turns of the connection included, whether they are printed or not: \
--numbers shows the number of each, which --from and --raw take.

In a pipe, or with --ndjson, each line is one JSON object as of sse tail, with the row's number as \"row\"; \
turns are {\"kind\":\"turn\",...}, what was dropped is {\"kind\":\"dropped\",...}, and --stats is one object.

Examples:
  The last ten events, and then one of them byte for byte:
    sse show -n 10 --numbers feed.ssrec
    sse show --raw 4711 feed.ssrec

  What the connection did, and how the events came:
    sse show --turns feed.ssrec
    sse show --stats feed.ssrec

  All of an event that was dropped since it was too large, as --turns tells:
    sse show --raw 12 feed.ssrec > event.txt";

/// The options of `sse diff`.
#[derive(Debug, Parser)]
#[command(after_help = DIFF)]
pub(crate) struct Diff {
    /// The first recording
    #[arg(value_parser = recording())]
    pub(crate) first: PathBuf,

    /// The second recording
    #[arg(value_parser = recording())]
    pub(crate) second: PathBuf,

    /// What makes two events the same one
    #[arg(long, value_name = "WHAT", default_value = "id")]
    pub(crate) by: By,

    #[command(flatten)]
    pub(crate) output: Output,
}

const DIFF: &str = "\
Prints the events, with the numbers of their rows, that only one has (< the first, > the second), those of one id \
that say different things (both), those that come in another order (~), and on stderr how \
many there are, and how far their times are apart. Where events repeat without ids, what is lost in one place is shown \
as it is; with several such places, events between them may be shown as moved (~) that did not. The exit status is 7 where they differ. With --ndjson, or in a pipe, it is one JSON object with the numbers of the rows.";

/// What makes two events the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Their ids, or what they say where they have none of their own
    Id,
    /// What they say
    Content,
}

/// The options of `sse export`.
#[derive(Debug, Parser)]
#[command(after_long_help = EXPORT, after_help = "More, with examples: sse export --help")]
pub(crate) struct Export {
    /// A recording: the file, or the folder of one under way
    #[arg(value_parser = recording())]
    pub(crate) file: PathBuf,

    /// What to make of it
    #[arg(long = "as", value_name = "FORM")]
    pub(crate) form: Form,

    /// Only this attempt to connect; without it all, but for curl and fixture, which take the first
    #[arg(long, value_name = "N")]
    pub(crate) attempt: Option<u32>,

    /// Write to this file, which must not be there yet, and which only you may read; without it, or to -, to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Mask what --text, --regex and --json say, as sse redact does, and tell how often it was found
    #[arg(long)]
    pub(crate) redact: bool,

    #[command(flatten, next_help_heading = "With --redact")]
    pub(crate) patterns: crate::redact::Patterns,
}

impl Export {
    /// The file to write to; `None` for stdout.
    pub(crate) fn output(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }
}

const EXPORT: &str = "\
What reads --as raw sees the events that were recorded, and no other. So where one attempt follows another, the \
bytes of an event that the first never completed are left out, which is told; --attempt N writes one attempt to \
its end.

Examples:
  The events as lines of JSON:
    sse export --as ndjson feed.ssrec | jq -r .data

  What the server sent over the second connection, byte for byte:
    sse export --as raw --attempt 2 -o body.txt feed.ssrec

  For a browser's tools, without what nobody else should read:
    sse export --as har --redact --json .user.email -o feed.har feed.ssrec

  The request, to be sent again:
    sse export --as curl feed.ssrec";

/// What other programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Lines of JSON, as of sse tail --comments
    Ndjson,
    /// The bodies of the responses, byte for byte; of several attempts one after the other
    Raw,
    /// A HAR file, for browsers' tools
    Har,
    /// The request as a curl command; secrets are masked
    Curl,
    /// A test vector: the body, and what a decoder must make of it
    Fixture,
}

/// The options of `sse import`.
#[derive(Debug, Parser)]
#[command(after_help = IMPORT)]
pub(crate) struct Import {
    /// What to import, or - for stdin; or FILE.recording, the folder that a killed sse record left; or a recording
    /// that is damaged
    #[arg(value_name = "SOURCE")]
    pub(crate) file: PathBuf,

    /// The recording to make; it must not be there yet
    #[arg(short, long, value_name = "FILE", value_parser = new_recording())]
    pub(crate) output: PathBuf,

    /// What it is; without it, what it looks like
    #[arg(long, value_name = "FORM")]
    pub(crate) from: Option<From>,

    #[command(flatten)]
    pub(crate) most: Most,
}

const IMPORT: &str = "\
A file that has no event and no comment is refused, and without --from one that is known to be no text, such as a \
compressed one. A folder is taken as far as it came, be that without any event; \
of a recording that is under way it stays, and the recording goes on. Of a recording that is damaged all is taken \
that can be read, and what is missing is told; the exit status is 1 then.

Of a body, of lines of JSON and of a browser's HAR file nobody knows when each event came, and no times are made up. \
The lines and the HAR file of sse tail and sse export tell it. Among lines of JSON one that is none is an event as it is, and is told.

Examples:
  What curl printed:
    curl -N https://example.com/events | sse import - -o feed.ssrec

  What a browser saved, \"with content\":
    sse import example.com.har -o feed.ssrec

  What a recording has whose program was killed:
    sse import feed.ssrec.recording -o feed.ssrec

  A recording of which events were dropped, with these:
    sse export --as raw feed.ssrec | sse import - --max-line 64M -o whole.ssrec";

/// What can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// The body of an event stream, as curl -N prints it
    Raw,
    /// Lines of JSON: of sse tail, or any
    Ndjson,
    /// A HAR file, as browsers save it
    Har,
}
