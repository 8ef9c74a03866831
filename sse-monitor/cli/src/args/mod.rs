//! The command line.

mod recordings;
mod values;

use core::time::Duration;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use recordings::{By, Diff, Export, Form, From, Import, Show};
pub(crate) use values::{count, disk_limit, duration, new_recording, recording, size};

use crate::{
    bench::Bench,
    filter::Filter,
    limits::Most,
    publish::Publish,
    request::{Again, Connect},
    serve::Serve,
};

/// Watch event streams (text/event-stream, server-sent events) in a terminal.
#[derive(Debug, Parser)]
#[command(name = "sse", version, propagate_version = true, after_help = FIRST_STEPS)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the events of one stream or of several as they arrive.
    ///
    /// In a terminal each event is one line: local time, type, ID in brackets, data, with ⏎ for its line
    /// breaks. In a pipe each event is one JSON object. A lost connection is tried again, and goes on
    /// after the last event that arrived; a first connection that fails ends the command. A request with a
    /// body, or of another method than GET, is sent once, since each may cost something; with --keep-trying
    /// it is sent again.
    #[command(display_name = "sse")]
    Tail(Box<Tail>),
    /// Send events to a hub.
    ///
    /// To a hub of sse-server, or any that takes POST /publish and POST /events/TOPIC as it does.
    Publish(Box<Publish>),
    /// Measure an endpoint by many connections.
    Bench(Box<Bench>),
    /// Run a hub on this machine, to try things on.
    Serve(Serve),
    /// Record a stream in a file.
    Record(Box<Record>),
    /// Print what a recording has.
    Show(Box<Show>),
    /// Tell what differs between two recordings.
    Diff(Diff),
    /// Make of a recording what other programs read.
    Export(Export),
    /// Make a recording of what other programs wrote.
    Import(Import),
    /// Make a recording to give away, without what nobody else should read.
    Redact(crate::redact::Redact),
    /// List the recordings in a folder.
    Sessions(crate::sessions::Sessions),
    /// Print the completions for a shell, to be sourced by it.
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
    /// Print a manual page: sse man tail | man -l -
    Man {
        /// Of this command; without it, of all in short
        command: Option<String>,

        /// Write the pages of all commands into this folder instead: sse.1, sse-tail.1 ...; it is made if need be
        #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
        dir: Option<PathBuf>,
    },
}

const COMPLETIONS: &str = "\
Examples:
  bash, for this session, and for each:
    source <(sse completions bash)
    sse completions bash > ~/.local/share/bash-completion/completions/sse

  zsh, into a folder of its $fpath:
    sse completions zsh > ~/.zfunc/_sse

  fish:
    sse completions fish > ~/.config/fish/completions/sse.fish";

const FIRST_STEPS: &str = "\
First steps:
  sse serve --demo                                 a lively stream, to try out
  sse tail http://127.0.0.1:8080/events            its events as they come
  sse publish http://127.0.0.1:8080 --all 'hello'  an event of your own, to all
  sse COMMAND --help                               more of each, with examples

Exit status:
  0    it ended as asked, or the reader of its output has enough (head)
  1    another failure, or something of a recording is damaged, so that it is
       missing; the sentence on stderr says which
  2    the command line, the URL or a header is wrong, or a file cannot be read
       that an option or an @ names
  3    no connection: nobody answers there, it cannot be trusted (TLS), or it
       broke in the middle of the stream
  4    the server answered with an HTTP status that is no stream's, with
       redirects in a circle or to what is no web address, or refused an event
  5    it took too long
  6    what came is not an event stream
  7    what was expected does not hold: two recordings differ, or the stream
       ended before as many events as --count asks for
  129  ended by SIGHUP: its terminal was closed
  130  interrupted by Control-C
  143  ended by SIGTERM

  A signal is how record and serve are ended: they finish, and give 0; record
  gives the signal's status where no stream was open yet. Where several streams
  are read, the highest of their statuses counts: one that was refused (4)
  beside one that ended well (0) gives 4. Where --count or --for ends the
  command, those streams count that were over by then. Status 204, by which a
  server ends a stream for good, is an end as asked (0), but to record, which
  has nothing then (4).

Environment:
  HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY
            proxies, unless --proxy and --noproxy name others
  NO_COLOR  no colour";

const EXAMPLES: &str = "\
Examples:
  Watch a stream:
    sse tail http://127.0.0.1:8080/events

  With a token from a file (a line \"Authorization: Bearer ...\"), so that no
  secret stands in the command line:
    sse tail -H @token.txt https://example.com/events

  Go on after the event with ID 41, and stop after ten:
    sse tail --last-event-id 41 --count 10 http://127.0.0.1:8080/events

  What a curl command gets, as your browser or a documentation has it:
    sse tail -- curl 'https://api.example.com/events' -H 'X-Key: abc'

  Several streams side by side:
    sse tail http://127.0.0.1:8080/events/{news,prices}

  The words of a language model's answer as they come:
    sse tail --json @request.json -H @token.txt --once \\
      --columns '.choices[0].delta.content' \\
      https://api.example.com/v1/chat/completions

  Only events of one type whose data says something:
    sse tail --type tick --where '.price > 100' \\
      http://127.0.0.1:8080/events

  The data of all events, in a pipe:
    sse tail http://127.0.0.1:8080/events | jq -r .data

In a pipe, or with --ndjson, each line is one JSON object with these members:
  kind     \"event\", \"comment\" with --comments, or \"dropped\"; others may come
  n        the event's number among those printed, from 1
  time     when it arrived here, in UTC: \"2026-01-31T12:00:00.000000Z\"
  attempt  the connection that it came over, from 1
  type     of an event; \"message\" where the stream names none
  id       the last event ID, which may be empty
  data     of an event; text, of others
  url, stream  where several URLs are read: which one it is of, and its number
Members may be added, and these stay as they are.

Words about the connection go to stderr. The exit statuses are listed in: sse --help";

/// The options of `sse tail`.
#[derive(Debug, Parser)]
#[command(after_long_help = EXAMPLES, after_help = "More, with examples: sse tail --help")]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) connect: Connect,

    #[command(flatten)]
    pub(crate) again: Again,

    /// Go on where the last run stopped, and keep in this file where this one does
    ///
    /// The place of each URL is kept by itself, with what is sent there, and a file that knows none of
    /// them is refused. Secrets are not in it, and only you may read it. Where it can be written no more,
    /// on a full disk say, printing goes on, and the exit status is 1 in the end.
    #[arg(long, value_name = "FILE", conflicts_with = "last_event_id")]
    pub(crate) state: Option<PathBuf>,

    /// Stop after so many events; where the stream ends before, the exit status is 7
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) count: Option<u64>,

    /// Stop after this time, such as 10s, 500ms or 5m
    ///
    /// If no stream was open in that time, or fewer events came than --count asks for, the exit
    /// status is 5.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,

    #[command(flatten)]
    pub(crate) most: Most,

    #[command(flatten)]
    pub(crate) filter: Filter,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// How to print.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// Print JSON, one object a line, in a terminal too
    #[arg(long, conflicts_with = "pretty")]
    pub(crate) ndjson: bool,

    /// Print lines for people, in a pipe too
    #[arg(long)]
    pub(crate) pretty: bool,

    /// Say nothing on stderr but what went wrong
    #[arg(short, long)]
    pub(crate) silent: bool,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
}

/// The options of `sse record`.
#[derive(Debug, Parser)]
#[command(after_help = RECORD, override_usage = ONE_STREAM)]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) connect: Connect,

    #[command(flatten)]
    pub(crate) again: Again,

    /// The file to record to; it must not be there yet
    #[arg(short, long, value_name = "FILE", value_parser = new_recording())]
    pub(crate) output: PathBuf,

    /// Stop after so many events; where the stream ends before, the exit status is 7
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) count: Option<u64>,

    /// Stop after this time, such as 10s, 500ms or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,

    /// Let the recording take no more than this, such as 500M or 2G; 16K at least
    ///
    /// So large are the folder it is kept in while it is under way, and the file that is made of it at the end: for
    /// as long as that takes, both are there.
    #[arg(long, value_name = "SIZE", default_value = "16G", value_parser = disk_limit)]
    pub(crate) limit: u64,

    /// At the limit drop the oldest, instead of stopping to record
    ///
    /// An event that is longer than the limit leaves room for stops it all the same.
    #[arg(long)]
    pub(crate) drop_oldest: bool,

    /// Say nothing on stderr but what went wrong
    #[arg(short, long)]
    pub(crate) silent: bool,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,

    #[command(flatten)]
    pub(crate) most: Most,
}

const ONE_STREAM: &str = "\
sse record [OPTIONS] --output <FILE> <URL>
       sse record [OPTIONS] --output <FILE> -- curl <URL> ...";

const RECORD: &str = "\
What arrives is written at once, to a folder beside the file (FILE.recording), which becomes the \
file when recording ends, by Control-C, SIGTERM or otherwise. Where the program is killed the folder \
stays: sse show and sse export take it as it is, and sse import FILE.recording -o FILE makes the file. \
A request with a body, or of another method than GET, is sent once, unless --keep-trying is given. Secrets of the request are masked; the stream stays exact.";

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// In a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_a_help_says_fits_a_narrow_terminal() {
        let mut command = Args::command();
        command.build();
        let mut all = vec![command.clone()];
        all.extend(command.get_subcommands().cloned());
        let mut unfit = Vec::new();
        for command in all {
            let texts = [command.get_after_help(), command.get_after_long_help()];
            for text in texts.into_iter().flatten().map(ToString::to_string) {
                let mut before = "";
                for line in text.lines() {
                    // What stands apart is printed as it is, and a paragraph, which is a line, wrapped to the width.
                    let is_apart = |line: &str| line.is_empty() || line.starts_with(' ');
                    let is_too_wide = is_apart(line) && line.chars().count() > 80;
                    if is_too_wide || !is_apart(before) && !is_apart(line) {
                        unfit.push(line.to_owned());
                    }
                    before = line;
                }
            }
        }
        assert_eq!(unfit, [""; 0]);
    }
}
