//! Sessions from what other programs wrote.

mod har;
mod kinds;
mod lines;

use core::fmt;
use std::{
    io::{self, BufReader, Read},
    path::Path,
};

use jiff::Timestamp;
use sse_codec::Limits;
use thiserror::Error;

use super::{Folder, PackError, Recording, pack};
use crate::{
    clock::Moment,
    journal::{
        frame::{self, FileHeader},
        retention::{DiskLimit, DiskPolicy},
        turn::{Format, Origin, ResponseHead, Turn},
        writer::{Place, Writer},
    },
    row::RowKind,
    state::Fault,
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
    ///
    /// # Errors
    /// [`ImportError::NoText`] of a file that is known to be something else. By chance it may have what looks like an
    /// event, so that it can be imported all the same as what it is said to be. [`ImportError::Recording`] of one of this
    /// program's own, be its first bytes damaged.
    pub fn guess(beginning: &[u8]) -> Result<Self, ImportError> {
        if frame::are_in(beginning) {
            return Err(ImportError::Recording);
        }
        if let Some(found) = kinds::no_text(beginning) {
            return Err(ImportError::NoText { found });
        }
        let text = beginning.strip_prefix(MARK).unwrap_or(beginning).trim_ascii_start();
        let log = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
        Ok(if log.is_some_and(|text| text.starts_with(b"\"log\"")) {
            Self::Har
        } else if text.starts_with(b"{") || text.starts_with(b"[") {
            Self::Ndjson
        } else {
            Self::Raw
        })
    }
}

/// A byte order mark, which some programs write before all else.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why a file cannot be imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// What was read of it cannot be written beside the recording that is made.
    #[error("the recording cannot be written: {0}")]
    Write(io::Error),
    /// A line is not what the lines before it were.
    #[error("line {line}: {reason}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// It has no event and no comment.
    #[error("it has no event and no comment{found}")]
    Empty {
        /// What it seems to be instead.
        found: String,
    },
    /// It is no text, and neither of what can be imported.
    #[error("it is {found}")]
    NoText {
        /// What it is, and what to do with it.
        found: &'static str,
    },
    /// It is what an import makes; it may be damaged, or of a newer version, as [`Recording::open`] says.
    #[error("it is a recording already, which all commands take as it is")]
    Recording,
    /// It is a test vector, as an export makes it.
    #[error(
        "it is a test fixture; to import the body in it: jq -j .input FILE | sse import - -o RECORDING"
    )]
    Fixture,
    /// The file is no HAR.
    #[error("it is not a HAR file: {reason}")]
    Har {
        /// Why.
        reason: String,
    },
    /// None of the HAR file's streams can be read.
    #[error("no stream of the HAR file can be read; {reason}")]
    Entry {
        /// What is wrong with the first.
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

/// What was [imported](import).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// How many events.
    pub events: u64,
    /// How many others are none, since the body that they began in ends within them.
    pub cut_off: u64,
    /// How many bytes came of those.
    pub cut_off_bytes: u64,
    /// How many bytes came of a last line of `sse tail` that is cut off, and is not known to tell of an event.
    pub cut_off_line: u64,
    /// How many of them are lines that are no JSON, among lines of JSON.
    pub not_json: u64,
    /// Entries of a HAR file that are left out, as sentences: the first hundred.
    pub left_out: Vec<String>,
    /// How many others are left out too.
    pub more_left_out: u64,
}

/// Makes a one-file recording at `to` of what `from` has; `name` is what it calls its origin.
///
/// A body and lines of JSON are read as they come, whatever their size; a line of `sse tail` has 32 MiB at most, a
/// HAR file 1 GiB, of which the bodies of streams are held.
///
/// # Errors
/// [`ImportError`] says what is wrong with it. Nothing is left then.
pub fn import(
    from: impl Read,
    source: Source,
    name: &str,
    to: &Path,
) -> Result<Imported, ImportError> {
    import_within(Limits::default(), from, source, name, to)
}

/// As [`import`], with these limits on lines and events; a line of `sse tail` has eight times as much as an event then.
///
/// # Errors
/// [`ImportError`] says what is wrong with it. Nothing is left then.
pub fn import_within(
    limits: Limits,
    from: impl Read,
    source: Source,
    name: &str,
    to: &Path,
) -> Result<Imported, ImportError> {
    if to.exists() {
        return Err(PackError::Exists { path: to.into() }.into());
    }
    let mut from = from;
    let mut beginning = Vec::new();
    from.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
    let found = found(&beginning);
    if beginning.is_empty() {
        return Err(ImportError::Empty { found });
    }
    if FileHeader::of(&beginning) != FileHeader::Foreign {
        return Err(ImportError::Recording);
    }
    let from = beginning.chain(from);
    let folder = Folder::beside(to).map_err(|source| PackError::Io { path: to.into(), source })?;
    let Filling { mut writer, cut_off, cut_off_bytes, cut_off_line, not_json, left_out, .. } =
        fill(from, source, name, folder.path(), limits)?;
    writer.close(Moment::default());
    drop(writer);
    let recording = Recording::open(folder.path()).map_err(io::Error::other)?;
    let totals = recording.totals();
    let rows = totals.events + totals.comments + totals.reconnection_times + totals.decode_errors;
    if rows == 0 {
        if let Some(reason) = left_out.sentences.into_iter().next() {
            return Err(ImportError::Entry { reason });
        }
        let is_cut = found.is_empty() && cut_off > 0;
        let found = if is_cut { ": it is cut off within the first one".into() } else { found };
        return Err(ImportError::Empty { found });
    }
    pack(&recording.view(), totals, to, |_| {})?;
    Ok(Imported {
        events: totals.events,
        cut_off,
        cut_off_bytes,
        cut_off_line,
        not_json,
        left_out: left_out.sentences,
        more_left_out: left_out.more,
    })
}

/// Enough of a file to see what it is.
const BEGINNING: u64 = 512;

/// What a file seems to be that has nothing to import, for the end of a sentence.
fn found(beginning: &[u8]) -> String {
    let text = beginning.strip_prefix(MARK).unwrap_or(beginning).trim_ascii_start();
    if let Some(found) = kinds::no_text(beginning) {
        return format!(": it is {found}");
    }
    let found = if beginning.is_empty() {
        ": it is empty"
    } else if text.starts_with(b"<") {
        "; it looks like HTML or XML"
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        "; it looks like JSON"
    } else {
        ""
    };
    found.into()
}

fn fill(
    from: impl Read,
    source: Source,
    name: &str,
    folder: &Path,
    limits: Limits,
) -> Result<Filling, ImportError> {
    let now = Timestamp::now().as_microsecond().unsigned_abs();
    let session = |url: String, redacted: Vec<String>, unix_micros, is_timed: bool| {
        let origin = Origin {
            url,
            redacted,
            imported_from: Some(name.into()),
            started_unix_micros: unix_micros,
            untimed: !is_timed,
            most_line: limits.line as u64,
            most_event: limits.event as u64,
            most_value: limits.value as u64,
            recorded_by: concat!("sse-monitor ", env!("CARGO_PKG_VERSION")).into(),
            ..Origin::default()
        };
        let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.into(), limit };
        let writer = Writer::new(origin, limits, place).map_err(ImportError::Write)?;
        Ok(Filling {
            writer,
            started: unix_micros,
            latest: 0,
            cut_off: 0,
            cut_off_bytes: 0,
            cut_off_line: 0,
            not_json: 0,
            left_out: LeftOut::default(),
        })
    };
    match source {
        Source::Raw => {
            let mut session = session(String::new(), Vec::new(), now, false)?;
            session.open(name, now, Format::EventStream);
            session.copy(from, now)?;
            session.end(now, false)?;
            Ok(session)
        }
        Source::Ndjson => {
            let mut lines = BufReader::new(from);
            let most = lines::most(limits);
            let (beginning, is_ours) = lines::beginning(&mut lines, most)?;
            let whole = beginning.chain(lines);
            if is_ours {
                return lines::fill(whole, name, now, most, session);
            }
            let mut session = session(String::new(), Vec::new(), now, false)?;
            session.open(name, now, Format::Ndjson);
            session.copy_json(whole, now, most)?;
            Ok(session)
        }
        Source::Har => har::fill(from, now, session),
    }
}

/// A session that is filled from a file.
struct Filling {
    writer: Writer,
    started: u64,
    /// Times never fall, whatever the file says.
    latest: u64,
    /// See [`Imported`].
    cut_off: u64,
    cut_off_bytes: u64,
    cut_off_line: u64,
    not_json: u64,
    left_out: LeftOut,
}

/// Entries of a HAR file that are left out.
#[derive(Debug, Default)]
struct LeftOut {
    sentences: Vec<String>,
    more: u64,
}

/// So many of them are told one by one.
const MOST_LEFT_OUT: usize = 100;

impl LeftOut {
    /// Tells of an entry by its place in the file, and by its URL, if it has one.
    fn add(&mut self, number: u64, url: &str, why: fmt::Arguments<'_>) {
        if self.sentences.len() == MOST_LEFT_OUT {
            self.more += 1;
            return;
        }
        let url = if url.is_empty() { String::new() } else { format!(" ({url})") };
        self.sentences.push(format!("entry {number}{url}: {why}"));
    }
}

impl Filling {
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

    /// The body ends here, and whether it is known that it did so at this time.
    fn end(&mut self, unix_micros: u64, is_known: bool) -> Result<(), ImportError> {
        if self.writer.wants_line_end() {
            self.write(b"\n", self.started + self.latest)?;
        }
        let moment = self.moment(unix_micros);
        match self.writer.unfinished() {
            0 if is_known => {
                let kind = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
                self.writer.turn(&Turn::new(kind, "the body ended"), moment);
            }
            0 => {}
            bytes => self.cut_off(bytes),
        }
        Ok(())
    }

    /// What was imported ends within an event, of which so many bytes came.
    fn cut_off(&mut self, bytes: u64) {
        self.cut_off += 1;
        self.cut_off_bytes += bytes;
        let kind = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
        let sentence = format!(
            "what was imported ends within an event, which is none: {bytes} bytes came of it"
        );
        let mut turn = Turn::new(kind, sentence);
        turn.unfinished = true;
        let moment = self.moment(self.started + self.latest);
        self.writer.turn(&turn, moment);
    }

    fn write(&mut self, bytes: &[u8], unix_micros: u64) -> Result<(), ImportError> {
        let moment = self.moment(unix_micros);
        let mut rest = bytes;
        while !rest.is_empty() {
            let is_rest = rest.len() < bytes.len();
            let wire = if is_rest { 0 } else { bytes.len() };
            let used = self.writer.body(rest, wire, is_rest, u64::MAX, moment);
            rest = &rest[used..];
        }
        self.writer.all_is_written().map_err(ImportError::Write)
    }
}

fn micros_of(time: &str) -> Option<u64> {
    u64::try_from(time.parse::<Timestamp>().ok()?.as_microsecond()).ok()
}
