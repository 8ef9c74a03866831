//! Writes a journal and its index, in memory or in a folder.

use alloc::sync::Arc;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sse_codec::Limits;

use super::{
    frame::{FRAME_HEADER, FrameHeader, FrameKind, MOST_PAYLOAD},
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

/// Big enough that ten million events are some fifty files, small enough that one dropped is little
/// lost, and that the last one's index is rebuilt in a blink.
const DISK_SEGMENT: u64 = 64 << 20;

/// In memory a segment is small enough to be dropped without a pause.
const MEMORY_SEGMENT: u64 = 1 << 20;

/// A segment is this share of what is kept at most, so that one dropped is little lost.
const SEGMENT_SHARE: u8 = 16;

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
    indexing: Indexing,
    attempt: u32,
    /// Bytes of the segments before the current one.
    closed_bytes: u64,
    /// Why recording stopped, if it did.
    stopped: Option<String>,
    rows_forgotten: u64,
    types: Option<TypesFile>,
    syncer: Option<Syncer>,
    lock: Option<Lock>,
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
        Self {
            kept,
            place,
            segment,
            indexing,
            attempt: 0,
            closed_bytes: 0,
            stopped: None,
            rows_forgotten: 0,
            types: None,
            syncer: None,
            lock: None,
            entries: Vec::new(),
            ids: Vec::new(),
        }
    }

    pub(crate) const fn kept(&self) -> &Arc<Kept> {
        &self.kept
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            kept_bytes: self.closed_bytes + self.segment.bytes(),
            rows_forgotten: self.rows_forgotten,
            ..*self.indexing.totals()
        }
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
        self.stopped.as_deref()
    }

    /// How many more rows may be written before older ones are [released](Self::release). Unless
    /// rows wait for that, there is always room.
    pub(crate) fn room(&self) -> u64 {
        match &self.place {
            Place::Memory(retention) if retention.overflow == Overflow::Pause => {
                let waiting = self.segment.end().saturating_sub(self.kept.first_row());
                let bytes = self.closed_bytes + self.segment.bytes();
                // What is no row yet cannot be released: it must not wait for itself.
                if waiting > 0 && bytes >= retention.bytes as u64 {
                    0
                } else {
                    retention.rows.saturating_sub(waiting)
                }
            }
            Place::Memory(_) | Place::Folder { .. } => u64::MAX,
        }
    }

    /// Lets go of the segments whose rows were released.
    pub(crate) fn release(&mut self) {
        self.kept.pop_unshown();
        self.closed_bytes = self.kept.bytes_in_memory().saturating_sub(self.segment.bytes());
    }

    /// What is done from now on where the limit of the disk is reached.
    pub(crate) const fn set_policy(&mut self, policy: DiskPolicy) {
        if let Place::Folder { limit, .. } = &mut self.place {
            limit.policy = policy;
        }
    }

    /// Another attempt begins. A turn that says so does it by itself.
    pub(crate) const fn begin_attempt(&mut self) {
        self.attempt += 1;
    }

    /// Writes a turn of the connection.
    pub(crate) fn turn(&mut self, turn: &Turn, moment: Moment) {
        if turn.kind == RowKind::Connecting {
            self.begin_attempt();
        }
        self.indexing.turn(turn.kind);
        // Strings and numbers: nothing in it can fail to be written.
        let payload = serde_json::to_vec(turn).unwrap_or_default();
        self.write(FrameKind::Turn, &payload, payload.len(), moment);
        let mut statistics = self.kept.statistics();
        statistics.turn(turn, self.attempt, moment.elapsed_micros);
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
        let chunk = &chunk[..chunk.len().min(MOST_PAYLOAD)];
        if self.segment.journal.len() > self.most_segment() {
            self.rotate(moment);
        }
        // A segment ends between two rows, so that each is whole in its own.
        let is_due = self.is_due();
        let most_rows = if is_due { 1 } else { most_rows };
        let used = self.indexing.decode(chunk, most_rows, &self.kept);
        let has_rows = self.indexing.drafts() > 0;
        let kind = if is_rest { FrameKind::BodyRest } else { FrameKind::Body };
        self.write(kind, &chunk[..used], wire, moment);
        // A comment's end may be within an event.
        if is_due && has_rows && !self.indexing.is_within_event() {
            self.rotate(moment);
        }
        used
    }

    /// Nothing more will come. What is recorded is on the disk when it returns.
    pub(crate) fn close(&mut self, moment: Moment) {
        self.seal(moment);
        self.syncer = None;
        if let Place::Folder { path, .. } = &self.place {
            // Without it they are counted again by whoever asks for them.
            let _ = statistics::write(path, &self.kept);
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
            // It is in memory now, which does not fail.
            let _ = self.try_write(&header, payload);
            self.tell_stop(moment);
        }
        self.keep_limits(moment);
    }

    fn try_write(&mut self, header: &FrameHeader, payload: &[u8]) -> io::Result<()> {
        let segment = &self.segment;
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
        // The journal last: what it has, the others have.
        let types = match &mut self.types {
            Some(file) if segment.is_on_disk() => file.append(&self.kept),
            Some(_) | None => Ok(()),
        };
        let written = types
            .and_then(|()| append(&segment.ids, &self.ids))
            .and_then(|()| append(&segment.index, &self.entries))
            .and_then(|()| segment.journal.append([&header.encode(), payload]));
        if let Err(error) = written {
            segment.index.truncate(index_length);
            segment.ids.truncate(ids_length);
            return Err(error);
        }
        let rows = self.indexing.drafts();
        if header.kind.is_body() && rows > 0 {
            let mut statistics = self.kept.statistics();
            self.indexing.count(segment.end(), header.moment.elapsed_micros, &mut statistics);
        }
        let body_bytes = if header.kind.is_body() { header.length } else { 0 };
        self.indexing.accept(payload_at, body_bytes);
        segment.commit(rows);
        Ok(())
    }

    fn is_due(&self) -> bool {
        let journal = self.segment.journal.len();
        match &self.place {
            Place::Folder { limit, .. } => journal >= disk_segment(limit),
            Place::Memory(retention) => {
                let share = usize::from(SEGMENT_SHARE);
                let bytes = MEMORY_SEGMENT.min((retention.bytes / share) as u64);
                let rows = (retention.rows / u64::from(SEGMENT_SHARE)).max(1);
                self.segment.rows() > 0 && (self.segment.bytes() >= bytes)
                    || self.segment.rows() >= rows
            }
        }
    }

    /// How long a journal may get that waits for the end of an event.
    fn most_segment(&self) -> u64 {
        let event = 2 * self.indexing.indexer().limits().event as u64;
        match &self.place {
            Place::Folder { limit, .. } => 2 * disk_segment(limit) + event,
            Place::Memory(_) => MEMORY_SEGMENT + event,
        }
    }

    /// Closes the segment and begins the next.
    fn rotate(&mut self, moment: Moment) {
        let created = match &self.place {
            Place::Memory(_) => Ok(self.next_in_memory()),
            Place::Folder { path, .. } => {
                let (number, first_row) = (self.segment.number + 1, self.segment.end());
                Segment::create(path, number, first_row, self.checkpoint()).and_then(|segment| {
                    write_head(&segment, &self.kept.origin)
                        .inspect_err(|_| segment.remove())
                        .map(|()| segment)
                })
            }
        };
        match created {
            Ok(segment) => {
                self.seal(moment);
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
        self.kept.push(Arc::clone(&self.segment));
        if let Some(syncer) = &self.syncer
            && self.segment.is_on_disk()
        {
            syncer.follow(&self.segment);
        }
        self.indexing.begin_segment();
    }

    fn seal(&self, moment: Moment) {
        self.segment.seal();
        if self.segment.is_on_disk() {
            let end = End {
                rows: self.segment.rows(),
                totals: self.totals(),
                last_event_id: self.last_event_id().into(),
            };
            let payload = end.encode();
            let header = FrameHeader::new(FrameKind::End, &payload, moment, self.attempt);
            // Without it the segment is read as one that was cut off, which it then is.
            let _ = self.segment.journal.append([&header.encode(), &payload]);
        }
    }

    fn next_in_memory(&self) -> Segment {
        let number = self.segment.number + 1;
        Segment::in_memory(number, self.segment.end(), self.checkpoint())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            attempt: self.attempt,
            format: self.indexing.indexer().format(),
            body_offset: self.indexing.body_offset(),
            last_event_id: self.last_event_id().into(),
            mid_event: self.indexing.is_within_event(),
        }
    }

    /// What comes from now on is kept in memory, as for those who do not record.
    fn stop_recording(&mut self, error: &io::Error, moment: Moment) {
        let Place::Folder { path, .. } = &self.place else { return };
        self.stopped = Some(sentence(error));
        self.seal(moment);
        let _ = statistics::write(path, &self.kept);
        self.lock = None;
        if let Some(syncer) = self.syncer.take() {
            syncer.leave();
        }
        let next = self.next_in_memory();
        self.place = Place::Memory(Retention::default());
        self.enter(next);
        // Only what is in memory counts against its limit.
        self.closed_bytes = 0;
    }

    fn tell_stop(&mut self, moment: Moment) {
        let sentence = self.stopped.clone().unwrap_or_default();
        self.turn(&Turn::new(RowKind::RecordingStopped, sentence), moment);
    }

    fn keep_limits(&mut self, moment: Moment) {
        match self.place.clone() {
            Place::Memory(Retention { overflow: Overflow::Pause, .. }) => self.release(),
            Place::Memory(retention) => self.forget(&retention),
            Place::Folder { limit, .. } => {
                if self.closed_bytes + self.segment.bytes() <= limit.bytes {
                    return;
                }
                if limit.policy == DiskPolicy::DropOldest && self.drop_oldest_files(limit.bytes) {
                    return;
                }
                if limit.policy == DiskPolicy::Stop {
                    let full = io::Error::other(format!(
                        "the limit of {} bytes for recordings is reached",
                        limit.bytes
                    ));
                    self.stop_recording(&full, moment);
                    self.tell_stop(moment);
                }
            }
        }
    }

    fn forget(&mut self, retention: &Retention) {
        let before = self.kept.first_row();
        while self.closed_bytes + self.segment.bytes() > retention.bytes as u64 {
            let Some(oldest) = self.kept.pop_oldest() else { break };
            if !oldest.is_on_disk() {
                self.closed_bytes = self.closed_bytes.saturating_sub(oldest.bytes());
            }
        }
        let newest = self.segment.end();
        if newest.saturating_sub(self.kept.first_row()) > retention.rows {
            self.kept.show_from(newest - retention.rows);
            self.release();
        }
        self.rows_forgotten += self.kept.first_row() - before;
    }

    /// Whether there is room again.
    fn drop_oldest_files(&mut self, most: u64) -> bool {
        let before = self.kept.first_row();
        while self.closed_bytes + self.segment.bytes() > most {
            let Some(oldest) = self.kept.pop_oldest() else { break };
            self.closed_bytes = self.closed_bytes.saturating_sub(oldest.bytes());
            oldest.remove();
        }
        self.rows_forgotten += self.kept.first_row() - before;
        self.closed_bytes + self.segment.bytes() <= most
    }
}

fn append(blob: &super::blob::Blob, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { blob.append([&[], bytes]) }
}

/// A segment of a small limit is small, so that dropping one keeps most of what is recorded.
fn disk_segment(limit: &DiskLimit) -> u64 {
    DISK_SEGMENT.min(limit.bytes / u64::from(SEGMENT_SHARE)).max(4096)
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

/// Without the folder: who records may put it elsewhere by the time this is read.
fn sentence(error: &io::Error) -> String {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    let is_full = full.contains(&error.kind());
    let why = if is_full { "the disk is full".into() } else { error.to_string() };
    format!("recording stopped: {why}; what came before is recorded, and watching goes on")
}
