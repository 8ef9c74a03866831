//! Writes a journal and its index, in memory or in a folder.

#[cfg(feature = "watch")]
mod clear;
mod limits;
#[cfg(test)]
mod rotate_tests;
mod stop;

use alloc::sync::Arc;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sse_codec::{Limits, Line, Lines};

use limits::{Measured, most_statistics};
use stop::Stopped;

use super::{
    frame::{FRAME_HEADER, FrameHeader, FrameKind, Number},
    indexer::Indexer,
    indexing::{FramePlace, Indexing},
    kept::Kept,
    retention::{DiskLimit, DiskPolicy, Overflow, Retention},
    segment::Segment,
    sync::{self, Syncer},
    turn::{Checkpoint, End, Format, Head, Origin, Turn},
};
use crate::{
    clock::Moment,
    recording::{Lock, TypesFile, statistics},
    row::RowKind,
    state::Totals,
};

/// Where a session is kept.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Memory(Retention),
    Folder { path: PathBuf, limit: DiskLimit },
}

/// The one that writes a session.
#[derive(Debug)]
pub(crate) struct Writer {
    kept: Arc<Kept>,
    place: Place,
    segment: Arc<Segment>,
    /// The number of the segment's next frame.
    number: Number,
    indexing: Indexing,
    attempt: u32,
    /// Bytes of the segments before the current one.
    closed_bytes: u64,
    /// Why recording stopped, if it did.
    stopped: Option<Stopped>,
    /// Where it recorded, also once that has stopped.
    folder: Option<PathBuf>,
    /// How much is kept in memory once it has.
    fallback: Retention,
    rows_forgotten: u64,
    types: Option<TypesFile>,
    syncer: Option<Syncer>,
    lock: Option<Lock>,
    /// Of a segment on the disk, the file's and its first frame.
    head_bytes: u64,
    measured: Measured,
    entries: Vec<u8>,
    ids: Vec<u8>,
}

impl Writer {
    /// # Errors
    /// If the folder cannot be made, or a file in it.
    pub(crate) fn new(origin: Origin, limits: Limits, place: Place) -> io::Result<Self> {
        let checkpoint =
            Checkpoint { last_event_id: origin.last_event_id.clone(), ..Checkpoint::default() };
        let Place::Folder { path, .. } = &place else {
            let segment = Segment::in_memory(1, 1, checkpoint);
            return Ok(Self::with(origin, limits, place, segment));
        };
        make_folder(path)?;
        let segment = Segment::create(path, 1, 1, checkpoint)?;
        write_head(&segment, &origin)?;
        let types = TypesFile::create(path)?;
        let lock = Lock::take(path)?;
        let syncer = Syncer::start(path, sync::INTERVAL)?;
        let mut writer = Self::with(origin, limits, place, segment);
        syncer.follow(&writer.segment);
        (writer.types, writer.syncer, writer.lock) = (Some(types), Some(syncer), Some(lock));
        writer.head_bytes = writer.segment.bytes();
        Ok(writer)
    }

    /// As [`new`](Self::new) for a place that cannot fail.
    pub(crate) fn in_memory(origin: Origin, limits: Limits, retention: Retention) -> Self {
        let checkpoint =
            Checkpoint { last_event_id: origin.last_event_id.clone(), ..Checkpoint::default() };
        let segment = Segment::in_memory(1, 1, checkpoint);
        Self::with(origin, limits, Place::Memory(retention), segment)
    }

    fn with(origin: Origin, limits: Limits, place: Place, segment: Segment) -> Self {
        let segment = Arc::new(segment);
        let indexing = Indexing::new(Indexer::new(limits, &origin.last_event_id), 0);
        let kept = Arc::new(Kept::new(origin));
        kept.push(Arc::clone(&segment));
        let folder = match &place {
            Place::Folder { path, .. } => Some(path.clone()),
            Place::Memory(_) => None,
        };
        Self {
            kept,
            folder,
            place,
            number: first_number(&segment),
            segment,
            indexing,
            attempt: 0,
            closed_bytes: 0,
            stopped: None,
            fallback: Retention::default(),
            rows_forgotten: 0,
            types: None,
            syncer: None,
            lock: None,
            head_bytes: 0,
            measured: Measured::default(),
            entries: Vec::new(),
            ids: Vec::new(),
        }
    }

    /// How much is kept in memory if recording stops.
    pub(crate) const fn fall_back_to(&mut self, retention: Retention) {
        // Nobody releases the rows of a recording.
        self.fallback = Retention { overflow: Overflow::DropOldest, ..retention };
    }

    pub(crate) const fn kept(&self) -> &Arc<Kept> {
        &self.kept
    }

    pub(crate) fn totals(&self) -> Totals {
        self.counted(*self.indexing.totals())
    }

    /// How many events came.
    pub(crate) const fn events(&self) -> u64 {
        self.indexing.totals().events
    }

    fn counted(&self, totals: Totals) -> Totals {
        let kept_bytes = self.closed_bytes + self.segment.bytes();
        Totals { kept_bytes, rows_forgotten: self.rows_forgotten, ..totals }
    }

    pub(crate) fn last_event_id(&self) -> &str {
        self.indexing.last_event_id()
    }

    /// The attempt under way, from 1.
    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Why recording stopped, in words.
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.as_ref().map(|stopped| stopped.sentence.as_str())
    }

    /// What is done from now on where the limit of the disk is reached.
    pub(crate) const fn set_policy(&mut self, policy: DiskPolicy) {
        if let Place::Folder { limit, .. } = &mut self.place {
            limit.policy = policy;
        }
    }

    /// Another attempt begins. A turn that says so does it by itself.
    pub(crate) const fn begin_attempt(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
    }

    /// The attempts up to this one brought nothing that is told.
    pub(crate) fn catch_up(&mut self, attempt: u32) {
        self.attempt = self.attempt.max(attempt);
    }

    /// Writes a turn of the connection.
    pub(crate) fn turn(&mut self, turn: &Turn, moment: Moment) {
        // Of a server that cannot be reached there is nothing else.
        if self.is_due() && !self.indexing.is_within_event() {
            self.rotate(moment);
        }
        if turn.kind == RowKind::Connecting {
            self.begin_attempt();
        }
        self.indexing.turn(turn.kind, &self.kept);
        let payload = turn.encode();
        self.write(FrameKind::Turn, &payload, payload.len(), moment);
        let row = self.segment.end().saturating_sub(1);
        let mut statistics = self.kept.statistics();
        statistics.turn(turn, row, self.attempt, moment.elapsed_micros);
        drop(statistics);
        // It tells more of an attempt.
        self.measured = Measured::default();
    }

    /// A response's body begins.
    pub(crate) fn begin_body(&mut self, format: Format, moment: Moment) {
        self.indexing.begin(format);
        if self.is_due() {
            self.rotate(moment);
        }
    }

    /// Writes bytes of the body that one read brought, and the rows that end in them: at most
    /// `most_rows`, which is not 0. Returns how many bytes were taken; the rest is to be given again,
    /// with `is_rest`.
    pub(crate) fn body(
        &mut self,
        chunk: &[u8],
        wire: usize,
        is_rest: bool,
        most_rows: u64,
        moment: Moment,
    ) -> usize {
        let (most_bytes, most_rows_at_once) = self.most_at_once();
        let chunk = &chunk[..chunk.len().min(most_bytes)];
        if self.is_overdue() {
            self.rotate(moment);
        }
        // A segment ends between two rows, so that each is whole in its own.
        let is_due = self.is_due();
        let most_rows = if is_due { 1 } else { most_rows.min(most_rows_at_once) };
        let used = self.indexing.decode(chunk, most_rows, &self.kept);
        let kind = if is_rest { FrameKind::BodyRest } else { FrameKind::Body };
        self.write(kind, &chunk[..used], wire, moment);
        // A comment's end may be within an event; blank lines alone are none.
        if is_due && !self.indexing.is_within_event() {
            self.rotate(moment);
        }
        used
    }

    /// Whether a line of JSON has come that only wants its end.
    pub(crate) fn wants_line_end(&self) -> bool {
        self.indexing.indexer().whole_line().is_some()
    }

    /// How many bytes have come of an event whose end has not, and which is none if the body ends here; 0 where it
    /// stands between two.
    pub(crate) fn unfinished(&self) -> u64 {
        let indexer = self.indexing.indexer();
        match indexer.format() {
            Format::Ndjson => indexer.begun_line(),
            Format::EventStream => begun(&self.begun_event().bytes, indexer.limits()),
        }
    }

    /// Nothing more will come. What is recorded is on the disk when it returns, or why it is not is told.
    pub(crate) fn close(&mut self, moment: Moment) {
        let sealed = self.seal(moment, false);
        let synced = self.syncer.take().and_then(Syncer::finish).map_or(Ok(()), Err);
        if let Place::Folder { path, limit } = &self.place {
            if let Err(error) = sealed.and(synced) {
                self.stopped = Some(Stopped::of(&error));
            }
            // Without it they are counted again by whoever asks for them.
            let _ = statistics::write(path, &self.kept, most_statistics(limit));
        }
        self.lock = None;
    }

    fn write(&mut self, kind: FrameKind, payload: &[u8], wire: usize, moment: Moment) {
        let wire = u32::try_from(wire).unwrap_or(u32::MAX);
        let header = FrameHeader::new(kind, payload, moment, self.attempt).wire(wire);
        let failed = self.syncer.as_ref().and_then(Syncer::failure);
        let written = failed.map_or_else(|| self.try_write(&header, payload), Err);
        if let Err(error) = written {
            self.stop_recording(&error, moment);
            // That is told before what is not recorded.
            let rows = self.indexing.set_aside();
            self.tell_stop(moment);
            self.indexing.take_back(rows);
            // It is in memory now, which does not fail.
            let _ = self.try_write(&header, payload);
        }
        self.keep_limits();
    }

    fn try_write(&mut self, header: &FrameHeader, payload: &[u8]) -> io::Result<()> {
        let segment = Arc::clone(&self.segment);
        let payload_at = segment.journal.len() + FRAME_HEADER as u64;
        let (index_length, ids_length) = (segment.index.len(), segment.ids.len());
        let frame = FramePlace {
            payload_at,
            payload_length: header.length,
            ids_length,
            attempt: header.attempt,
            elapsed_micros: header.moment.elapsed_micros,
        };
        self.entries.clear();
        self.ids.clear();
        self.indexing.encode(frame, &mut self.entries, &mut self.ids);
        self.make_room(header, (self.entries.len() + self.ids.len()) as u64)?;
        // The journal last: what it has, the others have.
        let types = match &mut self.types {
            Some(file) if segment.is_on_disk() => file.append(&self.kept),
            Some(_) | None => Ok(()),
        };
        let written = types
            .and_then(|()| append(&segment.ids, &self.ids))
            .and_then(|()| append(&segment.index, &self.entries))
            .and_then(|()| {
                let header = header.numbered(self.number);
                segment.journal.append([&header.encode(), payload])
            });
        if let Err(error) = written {
            segment.index.truncate(index_length);
            segment.ids.truncate(ids_length);
            return Err(error);
        }
        self.number = self.number.next();
        let rows = self.indexing.drafts();
        if rows > 0 || header.kind.is_body() {
            let mut statistics = self.kept.statistics();
            self.indexing.count(segment.end(), header.moment.elapsed_micros, &mut statistics);
            if header.kind.is_body() {
                statistics.body(header.attempt, header.length, header.wire);
            }
        }
        let body_bytes = if header.kind.is_body() { header.length } else { 0 };
        self.indexing.accept(payload_at, body_bytes);
        segment.commit(rows);
        Ok(())
    }

    /// Closes the segment and begins the next.
    fn rotate(&mut self, moment: Moment) {
        match self.next_segment(self.checkpoint()) {
            Ok(segment) => {
                // What follows says that there was another.
                let _ = self.seal(moment, true);
                self.enter(segment);
            }
            Err(error) => {
                self.stop_recording(&error, moment);
                self.tell_stop(moment);
            }
        }
    }

    fn enter(&mut self, segment: Segment) {
        self.closed_bytes += self.segment.bytes();
        self.segment = Arc::new(segment);
        self.number = first_number(&self.segment);
        self.kept.push(Arc::clone(&self.segment));
        if let Some(syncer) = &self.syncer
            && self.segment.is_on_disk()
        {
            syncer.follow(&self.segment);
        }
        self.indexing.begin_segment();
    }

    /// Ends the segment. One whose end cannot be written is read as one that was not closed, which it then is.
    fn seal(&self, moment: Moment, goes_on: bool) -> io::Result<()> {
        self.segment.seal();
        if !self.segment.is_on_disk() {
            return Ok(());
        }
        let (totals, last_event_id) = self.indexing.written();
        let end = End {
            rows: self.segment.rows(),
            totals: self.counted(totals),
            last_event_id: last_event_id.into(),
            journal_bytes: self.segment.journal.len(),
            types: self.kept.types_after(0).len() as u64,
            goes_on,
            gaps: Vec::new(),
            stopped: self.stopped.as_ref().map(|stopped| stopped.why.clone()),
        };
        let payload = end.encode();
        let header = FrameHeader::new(FrameKind::End, &payload, moment, self.attempt);
        self.segment.journal.append([&header.numbered(self.number).encode(), &payload])
    }

    fn next_segment(&self, checkpoint: Checkpoint) -> io::Result<Segment> {
        let (number, first_row) = (self.segment.number + 1, self.segment.end());
        match &self.place {
            Place::Memory(_) => Ok(Segment::in_memory(number, first_row, checkpoint)),
            Place::Folder { path, .. } => {
                let segment = Segment::create(path, number, first_row, checkpoint)?;
                write_head(&segment, &self.kept.origin).inspect_err(|_| segment.remove())?;
                Ok(segment)
            }
        }
    }

    fn checkpoint(&self) -> Checkpoint {
        let (counted, _) = self.indexing.written();
        Checkpoint {
            attempt: self.attempt,
            attempts: Some(counted.attempts),
            connections: Some(counted.connections),
            format: self.indexing.indexer().format(),
            body_offset: self.indexing.body_offset(),
            last_event_id: self.last_event_id().into(),
            mid_event: self.indexing.is_within_event(),
            line: self.indexing.line(),
        }
    }
}

/// How many bytes stand from the first field of an event after the last blank line on.
fn begun(mut bytes: &[u8], limits: Limits) -> u64 {
    let length = bytes.len() as u64;
    let is_field = |line: &Line<'_>| {
        let name = line.bytes.split(|byte| *byte == b':').next().unwrap_or_default();
        [&b"data"[..], b"event", b"id"].contains(&name)
    };
    let start = |line: &Line<'_>| is_field(line).then_some(line.span.start);
    let mut lines = Lines::with_limit(limits.event);
    let mut begins = None;
    while let Ok(Some(line)) = lines.next_line(&mut bytes) {
        begins = if line.bytes.is_empty() { None } else { begins.or_else(|| start(&line)) };
    }
    let begins = begins.or_else(|| start(&lines.unfinished()?));
    begins.map_or(0, |begins| length - begins)
}

fn append(blob: &super::blob::Blob, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { blob.append([&[], bytes]) }
}

/// A segment on the disk has its head already.
fn first_number(segment: &Segment) -> Number {
    if segment.is_on_disk() { Number::FIRST.next() } else { Number::FIRST }
}

fn write_head(segment: &Segment, origin: &Origin) -> io::Result<()> {
    let head = Head {
        origin: origin.clone(),
        segment: segment.number,
        first_row: segment.first_row,
        checkpoint: segment.checkpoint.clone(),
    };
    let payload = serde_json::to_vec(&head).unwrap_or_default();
    let moment = Moment { unix_micros: origin.started_unix_micros, elapsed_micros: 0 };
    let header = FrameHeader::new(FrameKind::Head, &payload, moment, segment.checkpoint.attempt);
    segment.journal.append([&header.encode(), &payload])
}

/// Makes a folder that only its owner may look into.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}
