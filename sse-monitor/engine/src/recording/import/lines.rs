//! The lines of `sse tail --ndjson` and its like, read back.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, de::IgnoredAny};
use sse_codec::{EventId, EventType, Frame, Limits, OutgoingEvent};

use super::{Filling, ImportError, MARK, micros_of};
use crate::journal::turn::Format;

/// The most bytes of a line: an event of the most bytes that are decoded, each of them escaped.
pub(super) fn most(limits: Limits) -> u64 {
    limits.event.max(Limits::default().event) as u64 * 8
}

/// A line.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Event {
        #[serde(flatten)]
        place: Place,
        #[serde(rename = "type", default = "message")]
        event_type: String,
        #[serde(default)]
        id: String,
        data: String,
    },
    Comment {
        #[serde(flatten)]
        place: Place,
        text: String,
    },
    /// What the connection did, which is told in words alone, or what a later version tells.
    #[serde(other)]
    Other,
}

/// What an export as a fixture has, of which each reader would make an event.
#[derive(Debug, Deserialize)]
struct Fixture {
    #[serde(rename = "input", alias = "hex")]
    _input: String,
    #[serde(rename = "events")]
    _events: Vec<IgnoredAny>,
}

/// What each of these lines has, whatever it tells.
#[derive(Debug, Deserialize)]
struct Stamp {
    #[serde(rename = "kind")]
    _kind: String,
    time: Time,
    #[serde(rename = "attempt")]
    _attempt: u32,
}

/// When a line came: `null` where nobody knows, but never left out.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Time {
    Known(String),
    Unknown(()),
}

impl Line {
    /// The bytes that tell the same, after an event with this last event ID; the error goes on after "line 7: ".
    fn encoded(&self, last_event_id: &str) -> Result<Frame, String> {
        Ok(match self {
            Self::Comment { text, .. } => {
                // One comment is one line; its text is given byte for byte.
                if text.contains(['\n', '\r']) {
                    return Err("a comment cannot have a line break".into());
                }
                Frame::comment(text.strip_prefix(' ').unwrap_or(text))
            }
            Self::Event { event_type, id, data, .. } => {
                let event_type = EventType::new(event_type.as_str()).map_err(|e| e.to_string())?;
                let mut event = OutgoingEvent::new().data(data.as_str());
                if event_type.as_str() != sse_codec::DEFAULT_EVENT_TYPE {
                    event = event.event_type(event_type);
                }
                if last_event_id != id {
                    event = event.id(EventId::new(id.as_str()).map_err(|e| e.to_string())?);
                }
                event.encode()
            }
            Self::Other => return Err("it tells of nothing".into()),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Place {
    time: Option<String>,
    #[serde(default = "one")]
    attempt: u32,
}

const fn one() -> u32 {
    1
}

fn message() -> String {
    sse_codec::DEFAULT_EVENT_TYPE.into()
}

/// The next line with its end; `None` at the end. Of one that is too long only a part.
pub(super) fn read(from: &mut impl BufRead, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = from.take(most + 1).read_until(b'\n', &mut line)?;
    Ok((read > 0).then_some(line))
}

/// The beginning of a file up to its first line that is not blank, and whether that is of these.
pub(super) fn beginning(from: &mut impl BufRead, most: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut beginning = Vec::new();
    while let Some(line) = read(from, most)? {
        let is_first = beginning.is_empty();
        beginning.extend_from_slice(&line);
        let line = if is_first { without_mark(&line) } else { &line };
        if !line.trim_ascii().is_empty() {
            return Ok((beginning, is_ours(line)));
        }
        if beginning.len() as u64 > most {
            break;
        }
    }
    Ok((beginning, false))
}

fn is_ours(line: &[u8]) -> bool {
    match serde_json::from_slice(line) {
        Ok(Line::Event { .. } | Line::Comment { .. }) => true,
        // Others may tell of a player's turn.
        Ok(Line::Other) => {
            serde_json::from_slice::<Stamp>(line).is_ok_and(|stamp| match stamp.time {
                Time::Known(time) => micros_of(&time).is_some(),
                Time::Unknown(()) => true,
            })
        }
        Err(_) => false,
    }
}

/// Whether a line that is cut off is one that tells of an event, as far as it came.
fn begins_as_event(line: &[u8]) -> bool {
    let tokens: [&[u8]; 4] = [b"{", b"\"kind\"", b":", b"\"event\""];
    let rest = tokens
        .into_iter()
        .try_fold(line, |rest, token| rest.trim_ascii_start().strip_prefix(token));
    rest.is_some()
}

/// What is wrong with a line, which is not the first of the file only because it is so by itself.
fn in_line(error: &serde_json::Error) -> String {
    let what = error.to_string();
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    match error.column() {
        // Of what is wrong with all of it.
        0 => what.into(),
        column => format!("{what}, at column {column}"),
    }
}

const NO_TIME: &str = "it has no time, though the first one has; with no time in the first one, \
                       those of the others are left out";

/// As much of it as tells it from others.
fn bad_time(time: &str) -> String {
    let shown: String = time.chars().take(40).collect();
    format!("its time {shown:?} is none as 2026-01-31T12:00:00Z is")
}

fn without_mark(first: &[u8]) -> &[u8] {
    first.strip_prefix(MARK).unwrap_or(first)
}

/// Makes a session of the lines.
pub(super) fn fill(
    mut from: impl BufRead,
    name: &str,
    now: u64,
    most: u64,
    session: impl Fn(String, Vec<String>, u64, bool) -> Result<Filling, ImportError>,
) -> Result<Filling, ImportError> {
    let mut number = 0;
    let mut is_timed = false;
    let mut open: Option<Filling> = None;
    while let Some(bytes) = read(&mut from, most)? {
        let bytes = if number == 0 { without_mark(&bytes) } else { &bytes };
        number += 1;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let fail = |reason: String| ImportError::Line { line: number, reason };
        if bytes.len() as u64 > most {
            return Err(fail(format!("it is longer than {most} bytes")));
        }
        let line: Line = match serde_json::from_slice(bytes) {
            Ok(line) => line,
            // The last one, of a program that was stopped while it wrote it.
            Err(error) if error.is_eof() && !bytes.ends_with(b"\n") && open.is_some() => {
                if let Some(session) = &mut open {
                    let came = bytes.len() as u64;
                    if begins_as_event(bytes) {
                        session.cut_off(came);
                    } else {
                        session.cut_off_line = came;
                    }
                }
                break;
            }
            Err(error) => return Err(fail(in_line(&error))),
        };
        let (place, frame) = match &line {
            Line::Event { place, .. } | Line::Comment { place, .. } => (place, &line),
            Line::Other => continue,
        };
        let told = |time| micros_of(time).ok_or_else(|| fail(bad_time(time)));
        let time = place.time.as_deref().map(told).transpose()?;
        let session = match &mut open {
            Some(session) => session,
            None => {
                is_timed = time.is_some();
                open.insert(session(String::new(), Vec::new(), time.unwrap_or(now), is_timed)?)
            }
        };
        let micros = match time {
            Some(time) if is_timed => time,
            None if is_timed => return Err(fail(NO_TIME.into())),
            // Of those that some have nobody could tell the others'.
            Some(_) | None => now,
        };
        session.attempt(place.attempt, name, micros);
        let frame = frame.encoded(session.writer.last_event_id()).map_err(fail)?;
        session.write(frame.as_bytes(), micros)?;
    }
    let found = || "; no line of it tells of an event".into();
    open.ok_or_else(|| ImportError::Empty { found: found() })
}

impl Filling {
    /// Lines of JSON that are nobody's in particular: each is an event. Values that span lines are refused, as the first
    /// one shows.
    pub(super) fn copy_json(
        &mut self,
        mut from: impl BufRead,
        unix_micros: u64,
        most: u64,
    ) -> Result<(), ImportError> {
        let (mut number, mut is_begun, mut has_json) = (0, false, false);
        while let Some(bytes) = read(&mut from, most)? {
            number += u64::from(!is_begun);
            let line = if number == 1 && !is_begun { without_mark(&bytes) } else { &bytes };
            // The last one may be cut off, and what is too large is told as such.
            let is_whole = !is_begun && line.ends_with(b"\n") && !line.trim_ascii().is_empty();
            is_begun = !line.ends_with(b"\n");
            if number == 1 && serde_json::from_slice::<Fixture>(line).is_ok() {
                return Err(ImportError::Fixture);
            }
            let value = is_whole.then(|| serde_json::from_slice::<IgnoredAny>(line));
            has_json |= matches!(value, Some(Ok(_)));
            // What is no JSON is an event all the same, as it is of a stream.
            self.not_json += u64::from(matches!(value, Some(Err(_))));
            if let Some(Err(error)) = value
                && error.is_eof()
                && !has_json
            {
                let reason = format!(
                    "it is not JSON by itself ({}); where values span lines, jq -c puts each on one",
                    in_line(&error)
                );
                return Err(ImportError::Line { line: number, reason });
            }
            self.write(line, unix_micros)?;
        }
        self.end(unix_micros, false)
    }

    /// The attempt of the next line; those between had no rows, but they keep their numbers.
    fn attempt(&mut self, number: u32, name: &str, unix_micros: u64) {
        let number = number.max(1);
        if self.writer.attempt() < number {
            self.writer.catch_up(number - 1);
            self.open(name, unix_micros, Format::EventStream);
        }
    }
}
