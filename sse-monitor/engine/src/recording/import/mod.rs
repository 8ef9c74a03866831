//! Sessions from what other programs wrote.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use sse_codec::{EventId, EventType, Frame, Limits, OutgoingEvent};
use thiserror::Error;

use super::{Folder, PackError, Recording, pack};
use crate::{
    clock::Moment,
    journal::{
        retention::{DiskLimit, DiskPolicy},
        turn::{Format, Origin, RequestHead, ResponseHead, Turn},
        writer::{Place, Writer},
    },
    masked,
    row::RowKind,
};

/// What a file to import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The body of an event stream, as `curl -N` prints it.
    Raw,
    /// Lines of JSON: those of `sse tail --ndjson`, or any.
    Ndjson,
    /// A HAR file, as browsers and proxies write it.
    Har,
}

impl Source {
    /// What the beginning of a file looks like.
    pub fn guess(beginning: &[u8]) -> Self {
        let text = beginning.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(beginning).trim_ascii_start();
        let log = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
        if log.is_some_and(|text| text.starts_with(b"\"log\"")) {
            Self::Har
        } else if text.starts_with(b"{") || text.starts_with(b"[") {
            Self::Ndjson
        } else {
            Self::Raw
        }
    }
}

/// Why a file cannot be imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A line is not what the lines before it were.
    #[error("line {line} cannot be imported: {reason}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The file is no HAR.
    #[error("it is not a HAR file: {reason}")]
    Har {
        /// Why.
        reason: String,
    },
    /// No entry of the HAR file has the body of an event stream.
    #[error(
        "no entry of the HAR file is an event stream whose body was saved; in a browser, save it \"with content\""
    )]
    NoStream,
    /// The recording cannot be written.
    #[error("{0}")]
    Pack(#[from] PackError),
}

/// Makes a one-file recording at `to` of what `from` has; `name` is what it calls its origin. Returns
/// the number of events.
///
/// # Errors
/// [`ImportError`] says what is wrong with it. Nothing is left then.
pub fn import(from: impl Read, source: Source, name: &str, to: &Path) -> Result<u64, ImportError> {
    if to.exists() {
        return Err(PackError::Exists { path: to.into() }.into());
    }
    let folder = Folder::beside(to);
    let limits = Limits::default();
    let mut writer = fill(from, source, name, folder.path(), limits)?;
    writer.close(Moment::default());
    drop(writer);
    let recording = Recording::open(folder.path()).map_err(io::Error::other)?;
    pack(&recording.view(), recording.totals(), to, |_| {})?;
    Ok(recording.totals().events)
}

fn fill(
    from: impl Read,
    source: Source,
    name: &str,
    folder: &Path,
    limits: Limits,
) -> Result<Writer, ImportError> {
    let now = Timestamp::now().as_microsecond().unsigned_abs();
    let session = |url: String, unix_micros| -> io::Result<Imported> {
        let origin = Origin {
            url,
            imported_from: Some(name.into()),
            started_unix_micros: unix_micros,
            most_line: limits.line as u64,
            most_event: limits.event as u64,
            most_value: limits.value as u64,
            recorded_by: concat!("sse-monitor ", env!("CARGO_PKG_VERSION")).into(),
            ..Origin::default()
        };
        let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.into(), limit };
        let writer = Writer::new(origin, limits, place)?;
        Ok(Imported { writer, started: unix_micros, latest: 0 })
    };
    match source {
        Source::Raw => {
            let mut session = session(String::new(), now)?;
            session.open(name, now, Format::EventStream);
            session.copy(from, now)?;
            Ok(session.writer)
        }
        Source::Ndjson => {
            let mut lines = BufReader::new(from);
            let mut first = Vec::new();
            lines.read_until(b'\n', &mut first)?;
            if serde_json::from_slice::<Line>(&first).is_ok() {
                let mut number = 0;
                let mut rest = first.chain(lines);
                let mut line = Vec::new();
                let mut open: Option<Imported> = None;
                loop {
                    line.clear();
                    if rest.read_until(b'\n', &mut line)? == 0 {
                        return open.map(|session| session.writer).ok_or(ImportError::NoStream);
                    }
                    number += 1;
                    if line.trim_ascii().is_empty() {
                        continue;
                    }
                    let fail = |reason: String| ImportError::Line { line: number, reason };
                    let line: Line =
                        serde_json::from_slice(&line).map_err(|error| fail(error.to_string()))?;
                    let micros = line.unix_micros().unwrap_or(now);
                    let session = match &mut open {
                        Some(session) => session,
                        None => open.insert(session(String::new(), micros)?),
                    };
                    session.line(&line, name, micros).map_err(fail)?;
                }
            }
            let mut session = session(String::new(), now)?;
            session.open(name, now, Format::Ndjson);
            session.copy(first.chain(lines), now)?;
            Ok(session.writer)
        }
        Source::Har => {
            let har: Har = serde_json::from_reader(BufReader::new(from))
                .map_err(|error| ImportError::Har { reason: error.to_string() })?;
            let mut entries: Vec<_> =
                har.log.entries.into_iter().filter(HarEntry::is_stream).collect();
            entries.sort_by_key(HarEntry::unix_micros);
            let first = entries.first().ok_or(ImportError::NoStream)?;
            let url = masked::shown_url(&first.request.url);
            let mut session = session(url, first.unix_micros().unwrap_or(now))?;
            for entry in entries {
                session.entry(entry, now)?;
            }
            Ok(session.writer)
        }
    }
}

/// A session that is filled from a file.
struct Imported {
    writer: Writer,
    started: u64,
    /// Times never fall, whatever the file says.
    latest: u64,
}

impl Imported {
    fn moment(&mut self, unix_micros: u64) -> Moment {
        self.latest = self.latest.max(unix_micros.saturating_sub(self.started));
        Moment { unix_micros, elapsed_micros: self.latest }
    }

    /// An attempt of which no more is known than that it was answered.
    fn open(&mut self, name: &str, unix_micros: u64, format: Format) {
        let moment = self.moment(unix_micros);
        let kind = RowKind::Connecting;
        self.writer.turn(&Turn::new(kind, format!("imported from {name}")), moment);
        let mut turn = Turn::new(RowKind::Connected { status: 200 }, "what was imported begins");
        turn.response = Some(ResponseHead { status: 200, format, ..ResponseHead::default() });
        self.writer.turn(&turn, moment);
        self.writer.begin_body(format, moment);
    }

    fn copy(&mut self, mut from: impl Read, unix_micros: u64) -> Result<(), ImportError> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.write(&buffer[..read], unix_micros)?;
        }
    }

    fn write(&mut self, bytes: &[u8], unix_micros: u64) -> io::Result<()> {
        let moment = self.moment(unix_micros);
        let mut rest = bytes;
        while !rest.is_empty() {
            let is_rest = rest.len() < bytes.len();
            let wire = if is_rest { 0 } else { bytes.len() };
            let used = self.writer.body(rest, wire, is_rest, u64::MAX, moment);
            rest = &rest[used..];
        }
        // Half an import is none.
        self.writer.stopped().map_or(Ok(()), |why| Err(io::Error::other(why.to_owned())))
    }

    fn line(&mut self, line: &Line, name: &str, unix_micros: u64) -> Result<(), String> {
        while self.writer.attempt() < line.attempt().clamp(1, self.writer.attempt() + 1) {
            self.open(name, unix_micros, Format::EventStream);
        }
        let frame = match line {
            Line::Comment { text, .. } => {
                // One comment is one line; its text is given byte for byte.
                if text.contains(['\n', '\r']) {
                    return Err("a comment cannot have a line break".into());
                }
                Frame::comment(text.strip_prefix(' ').unwrap_or(text))
            }
            Line::Event { event_type, id, data, .. } => {
                let event_type = EventType::new(event_type.as_str()).map_err(|e| e.to_string())?;
                let mut event = OutgoingEvent::new().data(data.as_str());
                if event_type.as_str() != sse_codec::DEFAULT_EVENT_TYPE {
                    event = event.event_type(event_type);
                }
                if self.writer.last_event_id() != id {
                    event = event.id(EventId::new(id.as_str()).map_err(|e| e.to_string())?);
                }
                event.encode()
            }
        };
        self.write(frame.as_bytes(), unix_micros).map_err(|error| error.to_string())
    }

    fn entry(&mut self, entry: HarEntry, now: u64) -> Result<(), ImportError> {
        let began = entry.unix_micros().unwrap_or(now);
        let moment = self.moment(began);
        let url = masked::shown_url(&entry.request.url);
        let mut turn = Turn::new(RowKind::Connecting, format!("connecting to {url}"));
        turn.request = Some(RequestHead {
            method: entry.request.method,
            url: url.clone(),
            headers: shown(entry.request.headers),
            body_bytes: 0,
        });
        self.writer.turn(&turn, moment);
        let response = entry.response;
        let kind = RowKind::Connected { status: response.status };
        let mut turn = Turn::new(kind, format!("connected ({})", response.status));
        turn.response = Some(ResponseHead {
            status: response.status,
            version: response.http_version,
            headers: shown(response.headers),
            ..ResponseHead::default()
        });
        let wait = entry.timings.wait.max(0.0) * 1e3;
        #[expect(
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "it is not below 0"
        )]
        let opened = began.saturating_add(wait as u64);
        let moment = self.moment(opened);
        self.writer.turn(&turn, moment);
        self.writer.begin_body(Format::EventStream, moment);
        let text = response.content.text.unwrap_or_default();
        let body = match response.content.encoding.as_deref() {
            Some("base64") => STANDARD.decode(text.trim()).map_err(|error| ImportError::Har {
                reason: format!("the body of {url} is not base64: {error}"),
            })?,
            _ => text.into_bytes(),
        };
        Ok(self.write(&body, opened)?)
    }
}

fn shown(headers: Vec<HarHeader>) -> Vec<(String, String)> {
    let shown = |header: HarHeader| {
        let name = header.name.to_ascii_lowercase();
        let value = masked::shown_header(&name, &header.value);
        (name, value)
    };
    headers.into_iter().map(shown).collect()
}

/// A line of `sse tail --ndjson`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Event {
        time: Option<String>,
        #[serde(default = "one")]
        attempt: u32,
        #[serde(rename = "type", default = "message")]
        event_type: String,
        #[serde(default)]
        id: String,
        data: String,
    },
    Comment {
        time: Option<String>,
        #[serde(default = "one")]
        attempt: u32,
        text: String,
    },
}

const fn one() -> u32 {
    1
}

fn message() -> String {
    sse_codec::DEFAULT_EVENT_TYPE.into()
}

impl Line {
    const fn attempt(&self) -> u32 {
        match self {
            Self::Event { attempt, .. } | Self::Comment { attempt, .. } => *attempt,
        }
    }

    fn unix_micros(&self) -> Option<u64> {
        match self {
            Self::Event { time, .. } | Self::Comment { time, .. } => micros_of(time.as_deref()?),
        }
    }
}

fn micros_of(time: &str) -> Option<u64> {
    u64::try_from(time.parse::<Timestamp>().ok()?.as_microsecond()).ok()
}

#[derive(Debug, Deserialize)]
struct Har {
    log: HarLog,
}

#[derive(Debug, Deserialize)]
struct HarLog {
    entries: Vec<HarEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarEntry {
    started_date_time: String,
    request: HarRequest,
    response: HarResponse,
    #[serde(default)]
    timings: HarTimings,
}

#[derive(Debug, Default, Deserialize)]
struct HarTimings {
    #[serde(default)]
    wait: f64,
}

#[derive(Debug, Deserialize)]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarResponse {
    status: u16,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
    content: HarContent,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarContent {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
    encoding: Option<String>,
}

#[derive(Debug, Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

impl HarEntry {
    fn is_stream(&self) -> bool {
        let essence = self.response.content.mime_type.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
            && self.response.content.text.as_ref().is_some_and(|text| !text.is_empty())
    }

    fn unix_micros(&self) -> Option<u64> {
        micros_of(&self.started_date_time)
    }
}
