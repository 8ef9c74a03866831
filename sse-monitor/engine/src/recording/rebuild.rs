//! Makes an index again from its journal.

use std::io;

use sse_codec::Limits;

use super::{DamageKind, DamageList};
use crate::{
    journal::{
        blob::Blob,
        frame::{FRAME_HEADER, FrameHeader, FrameKind},
        indexer::Indexer,
        indexing::{FramePlace, Indexing},
        kept::Kept,
        reader,
        segment::Segment,
        turn::{Checkpoint, END_PAYLOAD, End, Format, Head, LinePlace, Turn},
        walk::{Step, Walk},
    },
    row::RowKind,
    state::Totals,
};

/// What follows from a journal.
pub(crate) struct Rebuilt {
    pub(crate) index: Blob,
    pub(crate) ids: Blob,
    pub(crate) rows: u64,
    pub(crate) totals: Totals,
    pub(crate) last_event_id: String,
    pub(crate) damage: DamageList,
    /// Whether all of the journal could be read.
    pub(crate) is_whole: bool,
    /// Whether something of a body could not be read: which rows it was, and how many, nothing tells.
    pub(crate) lacks_rows: bool,
    /// The frame that is the last but for what follows from the others, if it is there: where the journal ends
    /// with it, and what it says.
    pub(crate) end: Option<(u64, End)>,
    /// Where the body stands at its end.
    pub(crate) checkpoint: Checkpoint,
    /// What stands behind the end of a file.
    pub(crate) statistics: Option<Vec<u8>>,
    /// The kind of the last frame, whatever it holds: the head where there is none, `None` where what stands there is
    /// no frame.
    pub(crate) last: Option<FrameKind>,
}

/// Walks the journal and indexes what is intact in it.
pub(crate) fn rebuild(
    journal: &Blob,
    head: &Head,
    limits: Limits,
    before: Totals,
    kept: &Kept,
    file: &str,
) -> io::Result<Rebuilt> {
    let mut rebuild = Rebuild::new(journal, head, limits, before, kept);
    let mut walk = Walk::new(journal);
    while let Some(step) = walk.step()? {
        rebuild.end(&step);
        rebuild.damage(&step, file);
        if matches!(step, Step::Disordered { .. }) {
            break;
        }
        rebuild.step(step)?;
    }
    Ok(rebuild.finish())
}

/// An index under way.
struct Rebuild<'a> {
    journal: &'a Blob,
    limits: Limits,
    kept: &'a Kept,
    indexing: Indexing,
    /// Of the body that goes on.
    attempt: u32,
    format: Format,
    /// Whether something is missing of which nobody knows what it was: the beginning of a body, it may be.
    is_unknown: bool,
    /// What stands before the next step, if that is no frame.
    unread: Option<Unread>,
    made: Rebuilt,
    entries: Vec<u8>,
    new_ids: Vec<u8>,
}

/// Bytes that are no frame.
struct Unread {
    at: u64,
    bytes: u64,
    /// Whether rows may have been missing before.
    lacked_rows: bool,
}

impl<'a> Rebuild<'a> {
    fn new(journal: &'a Blob, head: &Head, limits: Limits, before: Totals, kept: &'a Kept) -> Self {
        let checkpoint = &head.checkpoint;
        let mut indexing =
            Indexing::new(Indexer::resume(limits, checkpoint), checkpoint.body_offset);
        indexing.know_types(&kept.types());
        indexing.resume_totals(before);
        // Of a body that goes on the head tells, or the segment before.
        let is_unknown = checkpoint.mid_event && checkpoint.attempt == 0;
        Self {
            journal,
            limits,
            kept,
            indexing,
            attempt: checkpoint.attempt,
            format: checkpoint.format,
            is_unknown,
            unread: None,
            made: Rebuilt {
                index: Blob::memory(),
                ids: Blob::memory(),
                rows: 0,
                totals: Totals::default(),
                last_event_id: String::new(),
                damage: DamageList::default(),
                is_whole: true,
                // The event within which it begins may have had its row.
                lacks_rows: checkpoint.mid_event && !is_unknown,
                end: None,
                checkpoint: Checkpoint::default(),
                statistics: None,
                last: Some(FrameKind::Head),
            },
            entries: Vec::new(),
            new_ids: Vec::new(),
        }
    }

    /// Takes what is made from the rest for behind the end, be that damaged.
    fn end(&mut self, step: &Step<'_>) {
        let unread = self.unread.take();
        let (kind, at) = match step {
            Step::Frame { header, payload_at, .. } => {
                (header.kind, payload_at - FRAME_HEADER as u64)
            }
            Step::Spoilt { header, at } => (header.kind, *at),
            Step::Broken { .. } | Step::Gap { .. } | Step::Disordered { .. } => {
                self.made.last = None;
                return;
            }
        };
        self.made.last = Some(kind);
        if kind.is_derived() && self.made.end.is_none() {
            let is_end = |unread: &Unread| unread.bytes == (FRAME_HEADER + END_PAYLOAD) as u64;
            let end = unread.filter(is_end);
            if let Some(end) = &end {
                self.made.lacks_rows = end.lacked_rows;
            }
            self.made.end = Some((end.map_or(at, |end| end.at), End::default()));
        }
    }

    /// Tells what is damaged.
    fn damage(&mut self, step: &Step<'_>, file: &str) {
        let made = &mut self.made;
        let Some(mut met) = step.damage(file) else { return };
        let is_behind_end = made.end.is_some();
        if let Step::Broken { at, bytes } = *step {
            self.unread = Some(Unread { at, bytes, lacked_rows: made.lacks_rows });
            if at + bytes == self.journal.len() {
                met.kind = DamageKind::CutOff;
            } else if is_behind_end {
                met.kind = DamageKind::Derived;
            }
        }
        made.is_whole &=
            is_behind_end || matches!(met.kind, DamageKind::Mended | DamageKind::Derived);
        made.lacks_rows |= match step {
            // A turn has its row all the same.
            Step::Spoilt { header, .. } => header.kind.is_body(),
            Step::Frame { .. }
            | Step::Broken { .. }
            | Step::Gap { .. }
            | Step::Disordered { .. } => met.kind.is_loss(),
        };
        made.damage.add(met);
    }

    fn step(&mut self, step: Step<'_>) -> io::Result<()> {
        match step {
            Step::Frame { header, payload_at, payload, .. } => {
                self.frame(&header, payload_at, Some(payload))
            }
            Step::Spoilt { header, at } => self.spoilt(&header, at),
            // What stands behind the end is made from the rest.
            Step::Broken { bytes, .. } if self.made.end.is_none() => {
                self.go_on(bytes.saturating_sub(FRAME_HEADER as u64));
                self.is_unknown = true;
                Ok(())
            }
            Step::Gap { .. } => {
                self.go_on(0);
                self.is_unknown = true;
                Ok(())
            }
            Step::Broken { .. } | Step::Disordered { .. } => Ok(()),
        }
    }

    /// A frame whose payload cannot be read.
    fn spoilt(&mut self, header: &FrameHeader, at: u64) -> io::Result<()> {
        match header.kind {
            FrameKind::Body | FrameKind::BodyRest => {
                self.attempt = header.attempt;
                self.go_on(header.length.into());
                Ok(())
            }
            FrameKind::End => {
                // Nothing of it is taken along.
                self.made.end = Some((at, End::default()));
                Ok(())
            }
            FrameKind::Turn => self.frame(header, at + FRAME_HEADER as u64, None),
            FrameKind::Head
            | FrameKind::Index
            | FrameKind::Ids
            | FrameKind::Types
            | FrameKind::Trailer
            | FrameKind::Statistics
            | FrameKind::Unknown(_) => Ok(()),
        }
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload_at: u64,
        payload: Option<&[u8]>,
    ) -> io::Result<()> {
        match header.kind {
            FrameKind::Turn => self.turn(header, payload),
            FrameKind::Body | FrameKind::BodyRest => {
                self.body(header, payload.unwrap_or_default());
            }
            FrameKind::End => {
                let told = payload.and_then(|payload| serde_json::from_slice(payload).ok());
                let end = payload_at + u64::from(header.length);
                self.made.end = Some((end, told.unwrap_or_default()));
                return Ok(());
            }
            FrameKind::Statistics => {
                let mut payload = Vec::new();
                self.journal.read_into(payload_at, header.length as usize, &mut payload)?;
                self.made.statistics = Some(payload);
                return Ok(());
            }
            FrameKind::Head
            | FrameKind::Index
            | FrameKind::Ids
            | FrameKind::Types
            | FrameKind::Trailer
            | FrameKind::Unknown(_) => return Ok(()),
        }
        let Self { indexing, made, entries, new_ids, .. } = self;
        let frame = FramePlace {
            payload_at,
            payload_length: header.length,
            ids_length: made.ids.len(),
            attempt: header.attempt,
            elapsed_micros: header.moment.elapsed_micros,
        };
        entries.clear();
        new_ids.clear();
        indexing.encode(frame, entries, new_ids);
        made.index.append([entries, &[]])?;
        made.ids.append([new_ids, &[]])?;
        made.rows += indexing.drafts();
        // Then that was none.
        made.end = None;
        indexing.accept(payload_at, if header.kind.is_body() { header.length } else { 0 });
        Ok(())
    }

    fn turn(&mut self, header: &FrameHeader, payload: Option<&[u8]>) {
        let Some(payload) = payload else {
            // Its row says that it is damaged.
            return self.indexing.damaged_turn();
        };
        let turn = serde_json::from_slice(payload).unwrap_or_else(|_| Turn::unreadable());
        self.indexing.turn(turn.kind, self.kept);
        if let RowKind::Connected { .. } = turn.kind {
            self.is_unknown = false;
            self.format = turn.response.map(|response| response.format).unwrap_or_default();
            self.attempt = header.attempt;
            // The turn's own entry comes before the body's.
            self.indexing.begin(self.format);
        }
    }

    fn body(&mut self, header: &FrameHeader, payload: &[u8]) {
        if header.attempt != self.attempt {
            // The turn with which this body began cannot be read.
            self.attempt = header.attempt;
            self.made.lacks_rows |= self.is_unknown;
            if self.is_unknown {
                self.go_on(0);
            } else {
                self.indexing.begin(self.format);
            }
        }
        self.is_unknown = false;
        self.indexing.decode(payload, u64::MAX, self.kept);
    }

    /// Goes on within a body of which so many bytes cannot be read.
    fn go_on(&mut self, missing: u64) {
        let after = Checkpoint {
            mid_event: true,
            line: LinePlace::Unknown,
            body_offset: self.indexing.body_offset() + missing,
            ..self.checkpoint()
        };
        self.indexing.go_on(Indexer::resume(self.limits, &after), after.body_offset);
    }

    /// Where the body stands.
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            attempt: self.attempt,
            format: self.format,
            body_offset: self.indexing.body_offset(),
            last_event_id: self.indexing.last_event_id().into(),
            mid_event: self.indexing.is_within_event(),
            line: self.indexing.line(),
            ..Checkpoint::default()
        }
    }

    fn finish(self) -> Rebuilt {
        let totals = *self.indexing.totals();
        let last_event_id = self.indexing.last_event_id().into();
        let checkpoint = self.checkpoint();
        Rebuilt { totals, last_event_id, checkpoint, ..self.made }
    }
}

/// Where the body stands at the end of a segment, for the one after it whose own head is damaged.
pub(crate) fn checkpoint_after(segment: &Segment, kept: &Kept) -> io::Result<Checkpoint> {
    let head = Head {
        segment: segment.number,
        first_row: segment.first_row,
        checkpoint: segment.checkpoint.clone(),
        ..Head::default()
    };
    let limits = reader::limits_of(&kept.origin);
    let made = rebuild(&segment.journal, &head, limits, Totals::default(), kept, "")?;
    if made.end.is_some() {
        return Ok(made.checkpoint);
    }
    // Nobody knows what else was written there.
    Ok(Checkpoint { attempt: 0, mid_event: true, line: LinePlace::Unknown, ..made.checkpoint })
}
