//! What becomes of a recording that cannot go on: watching does.

use std::io;

use super::{Place, Writer, limits::most_statistics};
use crate::{
    clock::Moment,
    journal::{
        frame::{FRAME_HEADER, FrameHeader, FrameKind, MOST_PAYLOAD},
        segment::Segment,
        turn::{Checkpoint, LinePlace, Turn},
    },
    recording::statistics,
    row::RowKind,
};

/// Why nothing is recorded any more.
#[derive(Debug)]
pub(super) struct Stopped {
    /// In a few words.
    pub(super) why: String,
    /// As it is told, but for what goes on.
    pub(super) sentence: String,
}

impl Stopped {
    /// Without the folder: who records may put it elsewhere by the time this is read.
    pub(super) fn of(error: &io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        let is_full = full.contains(&error.kind());
        let why = if is_full {
            "the disk is full".into()
        } else if error.kind() == io::ErrorKind::FileTooLarge {
            "no file may be larger here (ulimit -f)".into()
        } else {
            error.to_string()
        };
        let sentence = format!("recording stopped: {why}; what came before is recorded");
        Self { why, sentence }
    }
}

impl Writer {
    /// For who copies what is there already: half a copy is none.
    ///
    /// # Errors
    /// Why it could not all be written, if so.
    pub(crate) fn all_is_written(&self) -> io::Result<()> {
        let Some(stopped) = &self.stopped else { return Ok(()) };
        Err(io::Error::other(stopped.why.clone()))
    }

    /// What comes from now on is kept in memory, as for those who do not record.
    pub(super) fn stop_recording(&mut self, error: &io::Error, moment: Moment) {
        let Place::Folder { path, limit } = &self.place else { return };
        self.stopped = Some(Stopped::of(error));
        // A disk that is full may have no room for that either.
        let _ = self.seal(moment, false);
        let _ = statistics::write(path, &self.kept, most_statistics(limit));
        self.lock = None;
        if let Some(syncer) = self.syncer.take() {
            syncer.leave();
        }
        let begun = self.begun_event();
        let checkpoint = self.checkpoint_before(&begun);
        let (number, first_row) = (self.segment.number + 1, self.segment.end());
        self.place = Place::Memory(self.fallback);
        self.enter(Segment::in_memory(number, first_row, checkpoint));
        // Only what is in memory counts against its limit.
        self.closed_bytes = 0;
        // It is in memory, which does not fail.
        let _ = self.write_again(&begun, moment);
    }

    /// Of a segment that begins with these bytes once more.
    pub(super) fn checkpoint_before(&self, begun: &[u8]) -> Checkpoint {
        let mut checkpoint = self.checkpoint();
        if !begun.is_empty() {
            checkpoint.body_offset -= begun.len() as u64;
            checkpoint.mid_event = false;
            checkpoint.line = LinePlace::Start;
        }
        checkpoint
    }

    pub(super) fn tell_stop(&mut self, moment: Moment) {
        let sentence = format!("{}, and watching goes on", self.stopped().unwrap_or_default());
        self.turn(&Turn::new(RowKind::RecordingStopped, sentence), moment);
    }

    /// The bytes that were written of rows whose end was not; none where they cannot be read.
    pub(super) fn begun_event(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut piece = Vec::new();
        for (at, length) in self.indexing.begun() {
            if self.segment.journal.read_into(at, length as usize, &mut piece).is_err() {
                return Vec::new();
            }
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    /// Writes what an event begins with once more, since a row lies whole in its segment.
    pub(super) fn write_again(&mut self, begun: &[u8], moment: Moment) -> io::Result<()> {
        let mut body_start = self.indexing.body_offset() - begun.len() as u64;
        for piece in begun.chunks(MOST_PAYLOAD) {
            let header = FrameHeader::new(FrameKind::BodyRest, piece, moment, self.attempt);
            let header = header.wire(0).numbered(self.number);
            let payload_at = self.segment.journal.len() + FRAME_HEADER as u64;
            self.segment.journal.append([&header.encode(), piece])?;
            self.number = self.number.next();
            self.indexing.place(body_start, payload_at, header.length);
            body_start += piece.len() as u64;
        }
        Ok(())
    }
}
