//! Index entries for frames, of a journal that is written or of one that is read again.

use alloc::{collections::VecDeque, sync::Arc};

use super::{
    drafts::{Aside, Draft, Drafts},
    entry::{ENTRY, Entry, EntryKind, FLAG_BEGINNING_LOST, FLAG_SAME_ID, MOST_ID, MOST_PLACE},
    frame::FRAME_HEADER,
    indexer::Indexer,
    kept::Kept,
    turn::{Format, LinePlace},
};
use crate::{query::Statistics, row::RowKind, state::Totals};

/// How many frames back the beginning of an event is found. Only an event that comes in more reads
/// than that loses its beginning.
const MOST_RECENT: usize = 1 << 16;

/// Where a frame is, or will be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramePlace {
    pub(crate) payload_at: u64,
    pub(crate) payload_length: u32,
    /// How long the segment's IDs are before it.
    pub(crate) ids_length: u64,
    pub(crate) attempt: u32,
    pub(crate) elapsed_micros: u64,
}

/// Decodes bodies, and makes an entry of each row once its frame has a place.
#[derive(Debug)]
pub(crate) struct Indexing {
    indexer: Indexer,
    body_offset: u64,
    /// What lies before it in the body belongs to rows that are complete.
    settled: u64,
    /// The body's latest byte.
    latest: Option<u8>,
    drafts: Drafts,
    accepted: LastId,
    encoded: LastId,
    recent: VecDeque<Placed>,
}

/// An ID, and where in the segment's IDs it stands.
#[derive(Clone, Debug, Default)]
struct LastId {
    text: String,
    place: Option<u64>,
}

/// A body frame.
#[derive(Clone, Copy, Debug)]
struct Placed {
    body_start: u64,
    payload_at: u64,
    length: u32,
}

impl Indexing {
    pub(crate) fn new(indexer: Indexer, body_offset: u64) -> Self {
        let last_event_id = indexer.last_event_id().to_owned();
        let drafts = Drafts::new(&last_event_id);
        let accepted = LastId { text: last_event_id, place: None };
        Self {
            indexer,
            body_offset,
            settled: body_offset,
            latest: None,
            drafts,
            encoded: accepted.clone(),
            accepted,
            recent: VecDeque::new(),
        }
    }

    pub(crate) const fn totals(&self) -> &Totals {
        &self.drafts.totals
    }

    pub(crate) const fn resume_totals(&mut self, totals: Totals) {
        self.drafts.resume_totals(totals);
    }

    /// Counts of what is written, and the last event ID in it: without what was decoded since.
    pub(crate) fn written(&self) -> (Totals, &str) {
        if self.drafts.rows.is_empty() {
            (*self.totals(), self.last_event_id())
        } else {
            (*self.drafts.written(), &self.accepted.text)
        }
    }

    /// Goes on with the types that were interned before.
    pub(crate) fn know_types(&mut self, types: &[Arc<str>]) {
        self.drafts.know_types(types);
    }

    pub(crate) fn last_event_id(&self) -> &str {
        self.indexer.last_event_id()
    }

    pub(crate) const fn indexer(&self) -> &Indexer {
        &self.indexer
    }

    pub(crate) const fn body_offset(&self) -> u64 {
        self.body_offset
    }

    /// Whether more will come of an event that has begun, be it one that was dropped, or of a line: one who begins here
    /// would take the rest of it for another.
    pub(crate) fn is_within_event(&self) -> bool {
        self.line() == LinePlace::Within
            || self.indexer.is_dropping()
            || self.indexer.pending_event().is_some()
    }

    /// Where in a line the body stands.
    pub(crate) const fn line(&self) -> LinePlace {
        LinePlace::after(self.latest)
    }

    /// Goes on after bytes of a body that cannot be read, with what is known of rows so far.
    pub(crate) fn go_on(&mut self, indexer: Indexer, body_offset: u64) {
        self.accepted = LastId { text: indexer.last_event_id().to_owned(), place: None };
        self.encoded = self.accepted.clone();
        self.indexer = indexer;
        (self.body_offset, self.settled) = (body_offset, body_offset);
        self.latest = None;
        self.recent.clear();
    }

    /// Another body begins.
    pub(crate) fn begin(&mut self, format: Format) {
        self.indexer.begin(format);
        self.body_offset = 0;
        self.settled = 0;
        self.latest = None;
        self.recent.clear();
    }

    /// Another segment begins.
    pub(crate) fn begin_segment(&mut self) {
        self.accepted.place = None;
        self.recent.clear();
    }

    /// Decodes up to `most_rows` rows; returns how many bytes they took: all, if they are fewer.
    pub(crate) fn decode(&mut self, chunk: &[u8], most_rows: u64, kept: &Kept) -> usize {
        let mut rest = chunk;
        let mut rows = 0;
        while rows < most_rows {
            let Some(found) = self.indexer.next(&mut rest) else { break };
            let (kind, end) = (found.kind, found.end);
            self.drafts.add(found, kept);
            rows += 1;
            self.settled = match kind {
                // A comment that is too long takes no event with it.
                EntryKind::DecodeError => {
                    let used = self.body_offset + (chunk.len() - rest.len()) as u64;
                    self.indexer.pending_event().unwrap_or(used)
                }
                // They may stand within an event, which began before them.
                EntryKind::Comment | EntryKind::ReconnectionTime => {
                    self.indexer.pending_event().unwrap_or(end)
                }
                EntryKind::Event | EntryKind::Turn => end,
            };
        }
        self.indexer.let_go();
        let used = chunk.len() - rest.len();
        self.latest = chunk[..used].last().copied().or(self.latest);
        let is_dropped = self.indexer.is_dropping() && self.indexer.pending_event().is_none();
        if is_dropped || !self.is_within_event() {
            // Blank lines, what means nothing, and what was dropped are no part of a row to come.
            self.settled = self.body_offset + used as u64;
        }
        used
    }

    /// Takes note of a turn of the connection, whose frame is to come.
    pub(crate) fn turn(&mut self, kind: RowKind, kept: &Kept) {
        if matches!(kind, RowKind::Disconnected { .. } | RowKind::Closed) {
            self.end_body(kept);
        }
        self.drafts.turn(Some(kind));
    }

    /// Takes note of a turn that cannot be read: it has its place among the rows.
    pub(crate) fn damaged_turn(&mut self) {
        self.drafts.turn(None);
    }

    /// Of lines of JSON the last need not have its end. What else is unfinished stays so.
    fn end_body(&mut self, kept: &Kept) {
        if let Some(found) = self.indexer.finish() {
            self.drafts.add(found, kept);
        }
        self.settled = self.body_offset;
        self.latest = None;
    }

    /// What was decoded and is not written is to come after what is written until it is taken back.
    pub(crate) fn set_aside(&mut self) -> Aside {
        self.drafts.set_aside()
    }

    pub(crate) fn take_back(&mut self, aside: Aside) {
        self.drafts.take_back(aside);
    }

    pub(crate) fn drafts(&self) -> u64 {
        self.drafts.rows.len() as u64
    }

    /// Counts the rows that are not turns, of which the first has this number.
    pub(crate) fn count(&self, first: u64, elapsed_micros: u64, statistics: &mut Statistics) {
        self.drafts.count(first, elapsed_micros, &self.accepted.text, statistics);
    }

    /// Appends the entries and IDs of what was decoded, for a frame at this place. May be called
    /// again for another place until they are [accepted](Self::accept).
    pub(crate) fn encode(&mut self, frame: FramePlace, entries: &mut Vec<u8>, ids: &mut Vec<u8>) {
        self.encoded.text.clone_from(&self.accepted.text);
        self.encoded.place = self.accepted.place;
        let here = Placed {
            body_start: self.body_offset,
            payload_at: frame.payload_at,
            length: frame.payload_length,
        };
        let last = &mut self.encoded;
        entries.reserve(self.drafts.rows.len() * ENTRY);
        for draft in &self.drafts.rows {
            let same_id = draft.id.is_none();
            if let Some(range) = &draft.id {
                last.text.clear();
                last.text.push_str(self.drafts.id(range));
                last.place = None;
            }
            let (mut id_at, mut id_length) = (0, 0);
            if draft.kind == EntryKind::Event && !last.text.is_empty() {
                let text = &last.text.as_bytes()[..last.text.len().min(MOST_ID)];
                id_length = narrow(text.len());
                id_at = *last.place.get_or_insert_with(|| {
                    let at = frame.ids_length + ids.len() as u64;
                    ids.extend_from_slice(text);
                    ids.extend_from_slice(&crc32fast::hash(text).to_le_bytes());
                    at
                });
            }
            if draft.kind == EntryKind::DecodeError {
                // 0 stands where it is not told.
                id_at = draft.start.saturating_add(1).min(MOST_PLACE);
            }
            let place = locate(draft, frame, here, &self.recent);
            let same_id = if same_id { FLAG_SAME_ID } else { 0 };
            let entry = Entry {
                kind: draft.kind,
                flags: draft.flags | place.flags | same_id,
                event_type: draft.event_type,
                attempt: frame.attempt,
                at: place.at,
                frame_back: place.frame_back,
                length: place.length,
                data_length: draft.data_length,
                elapsed_micros: frame.elapsed_micros,
                id_at,
                id_length,
            };
            entries.extend_from_slice(&entry.encode());
        }
    }

    /// The frame is written, and this much of the body with it. `payload_at` as it was encoded for.
    pub(crate) fn accept(&mut self, payload_at: u64, body_bytes: u32) {
        core::mem::swap(&mut self.accepted, &mut self.encoded);
        self.drafts.accept();
        if body_bytes == 0 {
            return;
        }
        self.recent.push_back(Placed {
            body_start: self.body_offset,
            payload_at,
            length: body_bytes,
        });
        self.body_offset += u64::from(body_bytes);
        while self
            .recent
            .front()
            .is_some_and(|oldest| oldest.body_start + u64::from(oldest.length) <= self.settled)
            || self.recent.len() > MOST_RECENT
        {
            self.recent.pop_front();
        }
    }

    /// What was written of rows that are not: where it stands in the journal, and how long each part is.
    pub(crate) fn begun(&self) -> Vec<(u64, u32)> {
        let from = self.begins_at();
        let part = |placed: &Placed| {
            let passed = from.saturating_sub(placed.body_start);
            let length = u64::from(placed.length).checked_sub(passed).filter(|left| *left > 0)?;
            Some((placed.payload_at + passed, u32::try_from(length).unwrap_or(u32::MAX)))
        };
        self.recent.iter().filter_map(part).collect()
    }

    /// Whether that has its beginning, and that is not in a segment before.
    pub(crate) fn has_beginning(&self) -> bool {
        self.recent.front().is_some_and(|oldest| oldest.body_start <= self.begins_at())
    }

    fn begins_at(&self) -> u64 {
        let drafts = self.drafts.rows.iter().filter(|draft| draft.kind != EntryKind::Turn);
        // A comment may be in an event that has begun before it.
        drafts.map(|draft| draft.start).fold(self.settled, u64::min)
    }

    /// A part of the body stands here too, where the rows that begin in it are looked for.
    pub(crate) fn place(&mut self, body_start: u64, payload_at: u64, length: u32) {
        self.recent.push_back(Placed { body_start, payload_at, length });
    }
}

struct Location {
    at: u64,
    frame_back: u32,
    length: u32,
    flags: u8,
}

/// Where a draft's bytes begin.
fn locate(draft: &Draft, frame: FramePlace, here: Placed, recent: &VecDeque<Placed>) -> Location {
    let header = narrow(FRAME_HEADER);
    if draft.kind == EntryKind::Turn {
        return Location {
            at: frame.payload_at,
            frame_back: header,
            length: frame.payload_length,
            flags: 0,
        };
    }
    let mut flags = 0;
    let mut start = draft.start;
    let placed = if start >= here.body_start {
        here
    } else {
        let after = recent.partition_point(|placed| placed.body_start <= start);
        match after.checked_sub(1).and_then(|at| recent.get(at)) {
            Some(placed) => *placed,
            None => {
                let oldest = recent.front().copied().unwrap_or(here);
                flags = FLAG_BEGINNING_LOST;
                start = oldest.body_start;
                oldest
            }
        }
    };
    let into = start - placed.body_start;
    Location {
        at: placed.payload_at + into,
        frame_back: narrow(usize::try_from(into).unwrap_or(usize::MAX)).saturating_add(header),
        length: u32::try_from(draft.end.saturating_sub(start)).unwrap_or(u32::MAX),
        flags,
    }
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
