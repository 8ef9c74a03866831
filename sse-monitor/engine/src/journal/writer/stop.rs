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

/// What was written of an event whose end was not.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) bytes: Vec<u8>,
    /// Whether its beginning is among them, which may be in a segment before.
    is_whole: bool,
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
        let begun = self.begun_event();
        self.stop_within(&begun, error, moment);
    }

    /// The same where these bytes have come of an event whose end has not.
    pub(super) fn stop_within(&mut self, begun: &Begun, error: &io::Error, moment: Moment) {
        let Place::Folder { path, limit } = &self.place else { return };
        self.stopped = Some(Stopped::of(error));
        // A disk that is full may have no room for that either.
        let _ = self.seal(moment, false);
        let _ = statistics::write(path, &self.kept, most_statistics(limit));
        self.lock = None;
        if let Some(syncer) = self.syncer.take() {
            syncer.leave();
        }
        let checkpoint = self.checkpoint_before(begun);
        let (number, first_row) = (self.segment.number + 1, self.segment.end());
        self.place = Place::Memory(self.fallback);
        self.enter(Segment::in_memory(number, first_row, checkpoint));
        // Only what is in memory counts against its limit.
        self.closed_bytes = 0;
        // It is in memory, which does not fail.
        let _ = self.write_again(begun, moment);
    }

    /// Of a segment that begins with these bytes once more.
    pub(super) fn checkpoint_before(&self, begun: &Begun) -> Checkpoint {
        let mut checkpoint = self.checkpoint();
        if !begun.bytes.is_empty() {
            checkpoint.body_offset -= begun.bytes.len() as u64;
            checkpoint.mid_event = !begun.is_whole;
            checkpoint.line = if begun.is_whole { LinePlace::Start } else { LinePlace::Unknown };
        }
        checkpoint
    }

    pub(super) fn tell_stop(&mut self, moment: Moment) {
        let sentence = format!("{}, and watching goes on", self.stopped().unwrap_or_default());
        self.turn(&Turn::new(RowKind::RecordingStopped, sentence), moment);
    }

    /// The bytes that were written of rows whose end was not; none where they cannot be read.
    pub(super) fn begun_event(&self) -> Begun {
        let mut begun = Begun { bytes: Vec::new(), is_whole: self.indexing.has_beginning() };
        let mut piece = Vec::new();
        for (at, length) in self.indexing.begun() {
            if self.segment.journal.read_into(at, length as usize, &mut piece).is_err() {
                return Begun::default();
            }
            begun.bytes.extend_from_slice(&piece);
        }
        begun
    }

    /// Writes what an event begins with once more, since a row lies whole in its segment.
    pub(super) fn write_again(&mut self, begun: &Begun, moment: Moment) -> io::Result<()> {
        let mut body_start = self.indexing.body_offset() - begun.bytes.len() as u64;
        for piece in begun.bytes.chunks(MOST_PAYLOAD) {
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

#[cfg(test)]
mod tests {
    use sse_codec::Limits;

    use super::*;
    use crate::{
        journal::{
            retention::{DiskLimit, DiskPolicy, Retention},
            tests::{at, feed},
            turn::{Format, Origin, ResponseHead},
        },
        recording::{Recording, export::raw, pack},
        state::Totals,
    };

    #[test]
    fn what_had_come_of_an_event_is_told_once_wherever_recording_stops() {
        let body = (0..400).map(|n| format!("id: {n}\ndata: {n}\n\n")).collect::<String>();
        let mut within = 0;
        for piece in [7, 11, 64] {
            let keep = tempfile::tempdir().unwrap();
            let folder = keep.path().join("s");
            let limit = DiskLimit { bytes: DiskLimit::LEAST_BYTES, policy: DiskPolicy::Stop };
            let place = Place::Folder { path: folder.clone(), limit };
            let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
            let mut connected = Turn::new(RowKind::Connected { status: 200 }, "connected");
            connected.response = Some(ResponseHead::default());
            writer.turn(&connected, at(0));
            writer.begin_body(Format::EventStream, at(0));
            for piece in body.as_bytes().chunks(piece) {
                let was_within = writer.unfinished() > 0;
                let recorded = writer.stopped().is_none();
                feed(&mut writer, piece);
                within += usize::from(was_within && recorded && writer.stopped().is_some());
            }
            assert!(writer.stopped().is_some());
            let view = writer.kept().view();
            let mut out = Vec::new();
            raw(&view, None, &mut out).unwrap();
            assert!(out == body.as_bytes(), "{piece}");
            let rows = view.page(0, usize::MAX, 99).into_iter();
            let data = rows.filter(|row| row.kind == RowKind::Event).map(|row| row.data);
            assert!(data.eq((0..400).map(|n| n.to_string())), "{piece}");
            // In one file, without what says that it stands there twice, it would be another stream.
            let refused = pack(&view, writer.totals(), &keep.path().join("a"), |_| {}).unwrap_err();
            assert!(refused.to_string().contains("stopped"), "{refused}");
            let recorded = Recording::open(&folder).unwrap();
            pack(&recorded.view(), recorded.totals(), &keep.path().join("a"), |_| {}).unwrap();
            out.clear();
            raw(&Recording::open(&keep.path().join("a")).unwrap().view(), None, &mut out).unwrap();
            assert!(body.as_bytes().starts_with(&out) && out.len() > 100, "{piece}");
        }
        assert!(within > 0, "none of them stopped within an event");
    }

    #[test]
    fn an_event_whose_beginning_is_in_another_segment_does_not_begin_anew() {
        let mut writer =
            Writer::in_memory(Origin::default(), Limits::default(), Retention::default());
        let mut connected = Turn::new(RowKind::Connected { status: 200 }, "connected");
        connected.response = Some(ResponseHead::default());
        writer.turn(&connected, at(0));
        writer.begin_body(Format::EventStream, at(0));
        feed(&mut writer, b"data: one\n");
        writer.rotate(at(1));
        feed(&mut writer, b"data: two\n");
        writer.clear(Totals::default(), false, at(2));
        feed(&mut writer, b"data: three\n\ndata: four\n\n");
        let mut body = Vec::new();
        raw(&writer.kept().view(), None, &mut body).unwrap();
        assert_eq!(body, b"data: four\n\n");
    }
}
