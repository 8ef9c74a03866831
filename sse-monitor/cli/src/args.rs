//! The command line.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Watch event streams (text/event-stream, server-sent events) in a terminal.
#[derive(Debug, Parser)]
#[command(name = "sse", version, propagate_version = true, after_help = EXITS)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the events of a stream as they arrive.
    ///
    /// In a terminal each event is one line: local time, type, ID in brackets, data, with ⏎ for its line
    /// breaks. In a pipe each event is one JSON object. A lost connection is tried again, and goes on
    /// after the last event that arrived; a first connection that fails ends the command.
    #[command(display_name = "sse")]
    Tail(Tail),
}

const EXITS: &str = "\
Exit status:
  0    it ended as asked
  1    another failure; the sentence on stderr says which
  2    the command line, the URL or a header is wrong
  3    no connection: nobody answers there, or it cannot be trusted (TLS)
  4    the server answered with an HTTP status that is not an event stream's
  5    it took too long
  6    what came is not an event stream
  130  interrupted by Control-C";

const EXAMPLES: &str = "\
Examples:
  Watch a stream:
    sse tail http://127.0.0.1:8080/events

  With a token from a file (a line \"Authorization: Bearer ...\"), so that no secret stands in the
  command line:
    sse tail -H @token.txt https://example.com/events

  Go on after the event with ID 41, and stop after ten:
    sse tail --last-event-id 41 --count 10 http://127.0.0.1:8080/events

  The data of all events of one type, in a pipe:
    sse tail http://127.0.0.1:8080/events | jq -r 'select(.type == \"tick\") | .data'

In a pipe, or with --ndjson, each line is one JSON object:
  {\"kind\":\"event\",\"n\":1,\"time\":\"2026-01-31T12:00:00.000000Z\",\"attempt\":1,\"type\":\"tick\",\"id\":\"7\",\"data\":\"...\"}
  {\"kind\":\"comment\",\"time\":\"2026-01-31T12:00:15.000000Z\",\"attempt\":1,\"text\":\" heartbeat\"}
  n counts the events of this run from 1; time is when it arrived here, in UTC; attempt counts the
  connections from 1; type is \"message\" where the stream names none; id is the last event ID, which
  may be empty. Fields may be added, and these stay as they are. Comments come with --comments.

Words about the connection go to stderr. The exit statuses are listed in: sse --help";

/// The options of `sse tail`.
#[derive(Debug, Parser)]
#[command(after_long_help = EXAMPLES, after_help = "More, with examples: sse tail --help")]
pub(crate) struct Tail {
    /// Where the event stream is, beginning with http:// or https://
    pub(crate) url: String,

    /// Send a header, as "Name: value"; can be given more than once
    ///
    /// @FILE takes the headers from a file, one a line, so that a secret need not stand in the
    /// command line, where other users of the machine can read it.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,

    /// Go on after the event with this ID
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(crate) last_event_id: String,

    /// Stop after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Stop after this time, such as 10s, 500ms or 5m
    ///
    /// If no stream was open in that time, or fewer events came than --count asks for, the exit
    /// status is 5.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,

    /// Do not connect again: stop when the stream ends
    #[arg(long, visible_alias = "no-reconnect")]
    pub(crate) once: bool,

    /// Keep trying even if the first connection fails
    #[arg(long, conflicts_with = "once")]
    pub(crate) keep_trying: bool,

    /// Print comments too; servers send them as heartbeats
    #[arg(long)]
    pub(crate) comments: bool,

    /// Print JSON, one object a line, in a terminal too
    #[arg(long, conflicts_with = "pretty")]
    pub(crate) ndjson: bool,

    /// Print lines for people, in a pipe too
    #[arg(long)]
    pub(crate) pretty: bool,

    /// Say nothing about the connection but why it ended for good
    #[arg(short, long)]
    pub(crate) silent: bool,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
}

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

fn duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "give a time such as 10s, 500ms or 5m";
    // A bare number is seconds, as curl takes it.
    let seconds = text.trim().parse::<f64>().ok().map(Duration::try_from_secs_f64);
    let time = match seconds {
        Some(seconds) => seconds.ok(),
        None => text.parse::<jiff::SignedDuration>().ok().and_then(|t| t.try_into().ok()),
    };
    match time {
        Some(time) if !time.is_zero() => Ok(time),
        _ => Err(HINT.into()),
    }
}

/// The path in `@PATH`, if that is what was given.
pub(crate) fn header_file(header: &str) -> Option<PathBuf> {
    header.strip_prefix('@').map(PathBuf::from)
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
    fn times_are_taken_as_people_write_them() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("1.5", 1_500),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "0s", "-1s", "-1", "soon", "NaN", "inf", "1e300"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
