//! `sse sessions`: what is recorded in a folder.

use core::{fmt::Write as _, ops::ControlFlow};
use std::{io, path::PathBuf};

use clap::Parser;
use indicatif::{HumanBytes, HumanCount};
use jiff::{Timestamp, tz::TimeZone};
use sse_monitor_engine::catalogue::{Catalogue, Session, SessionState};

use crate::{
    args::Output,
    escape,
    exit::Exit,
    stdout,
    tail::{is_coloured, printer::Format},
    words::Words,
};

/// The options of `sse sessions`.
#[derive(Debug, Parser)]
#[command(after_help = STATES)]
pub(crate) struct Sessions {
    /// The folder to look in
    #[arg(default_value = ".")]
    folder: PathBuf,

    #[command(flatten)]
    output: Output,
}

const STATES: &str = "\
Listed are files whose names end in .ssrec, and the folders of sessions. Each line tells when one began, how it stands, how many events came, what it takes of the disk, its name, \
and its title or where the stream was; the last to begin comes first. A session is
  live        being recorded
  finished    closed by its program
  crashed     left by a program that was stopped; sse show prints what there is
  damaged     something of it cannot be read; sse show --check says what
  unreadable  not to be read; a sentence on stderr says why
  missing     gone, and something was noted about it

In a pipe, or with --ndjson, each line is a JSON object: name, state, problem, url, importedFrom, \
startedUnixMicros, durationMicros, events, attempts, rows, bytes, title, tags, notes.";

/// Runs the command to its end.
pub(crate) fn run(sessions: &Sessions) -> Exit {
    let output = &sessions.output;
    let words = Words::new(is_coloured(output.color, &io::stderr()), output.silent);
    let listed = Catalogue::look(&sessions.folder).and_then(|catalogue| catalogue.sessions());
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            words.error(&error.to_string());
            return Exit::Other;
        }
    };
    if listed.is_empty() {
        let folder = sessions.folder.display();
        words.note(&format!(
            "there is no recording in {folder}: files whose names end in .ssrec are listed, and folders of sessions"
        ));
    }
    let is_for_people = matches!(Format::of(output), Format::Lines(_));
    let mut text = String::new();
    for session in &listed {
        if is_for_people {
            line(session, &mut text);
        } else {
            let json = serde_json::to_string(session).unwrap_or_default();
            text.push_str(&escape::json(json));
            text.push('\n');
        }
    }
    if let ControlFlow::Break(exit) = stdout::print(&mut text, &words) {
        return exit;
    }
    for session in &listed {
        if let Some(problem) = &session.problem {
            words.warning(problem);
        }
    }
    Exit::Done
}

fn line(session: &Session, out: &mut String) {
    let state = match session.state {
        SessionState::Live => "live",
        SessionState::Finished => "finished",
        SessionState::Crashed => "crashed",
        SessionState::Damaged => "damaged",
        SessionState::Missing => "missing",
        SessionState::Unreadable => "unreadable",
        // One that this program does not know yet.
        _ => "other",
    };
    let began = match session.started_unix_micros {
        0 => String::new(),
        micros => local(micros),
    };
    let what = match (&session.title[..], &session.imported_from) {
        ("", Some(from)) => format!("imported from {from}"),
        ("", None) => session.url.clone(),
        (title, _) => title.to_owned(),
    };
    let _ = writeln!(
        out,
        "{began:<16}  {state:<10}  {:>12} {:<6}  {:>11}  {}  {}",
        HumanCount(session.events).to_string(),
        if session.events == 1 { "event" } else { "events" },
        HumanBytes(session.bytes).to_string(),
        escape::shown(&session.name),
        escape::shown(&what)
    );
}

fn local(unix_micros: u64) -> String {
    let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
