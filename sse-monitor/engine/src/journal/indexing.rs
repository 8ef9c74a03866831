//! Index entries for frames, of a journal that is written or of one that is read again.

use alloc::{collections::VecDeque, sync::Arc};
use core::ops::Range;
use std::collections::HashMap;

use super::{
    entry::{
        ENTRY, Entry, EntryKind, FLAG_BEGINNING_LOST, FLAG_SAME_ID, MOST_ID, TYPE_NOT_INTERNED,
    },
    frame::FRAME_HEADER,
    indexer::{Found, Indexer},
    kept::Kept,
    turn::Format,
};
use crate::{
    query::{Seen, Statistics},
    row::RowKind,
    state::Totals,
};

/// Types are chosen by strangers: what comes after so many is told by its bytes alone.
const MOST_TYPES: u16 = 4096;

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
    drafts: Vec<Draft>,
    /// The IDs that drafts name.
    scratch: String,
    /// The ID at the newest draft.
    newest_id: String,
    accepted: LastId,
    encoded: LastId,
    recent: VecDeque<Placed>,
    types: HashMap<Arc<str>, u16>,
    newest_type: Option<(Arc<str>, u16)>,
    totals: Totals,
}

/// A row whose frame has no place yet.
#[derive(Debug)]
struct Draft {
    kind: EntryKind,
    flags: u8,
    event_type: u16,
    start: u64,
    end: u64,
    data_length: u32,
    /// `None`: the same as the row before.
    id: Option<Range<usize>>,
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
        let newest_id = indexer.last_event_id().to_owned();
        let accepted = LastId { text: newest_id.clone(), place: None };
        Self {
            indexer,
            body_offset,
            settled: body_offset,
            drafts: Vec::new(),
            scratch: String::new(),
            newest_id,
            encoded: accepted.clone(),
            accepted,
            recent: VecDeque::new(),
            types: HashMap::new(),
            newest_type: None,
            totals: Totals::default(),
        }
    }

    pub(crate) const fn totals(&self) -> &Totals {
        &self.totals
    }

    pub(crate) fn resume_totals(&mut self, totals: Totals) {
        self.totals = totals;
    }

    /// Goes on with the types that were interned before.
    pub(crate) fn know_types(&mut self, types: &[Arc<str>]) {
        self.types = types.iter().cloned().zip(0..).collect();
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

    /// Whether bytes have come that belong to no complete row.
    pub(crate) const fn is_within_event(&self) -> bool {
        self.settled < self.body_offset
    }

    /// Another body begins.
    pub(crate) fn begin(&mut self, format: Format) {
        self.indexer.begin(format);
        self.body_offset = 0;
        self.settled = 0;
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
            let Found { kind, flags, start, end, data_length, event_type, id } = found;
            let mut draft = Draft { kind, flags, event_type: 0, start, end, data_length, id: None };
            match kind {
                EntryKind::Event => {
                    draft.event_type = match &self.newest_type {
                        Some((name, number)) if **name == *event_type => *number,
                        _ => intern(&mut self.types, &mut self.newest_type, event_type, kept),
                    };
                    if self.newest_id != id {
                        self.newest_id.clear();
                        self.newest_id.push_str(id);
                        let from = self.scratch.len();
                        self.scratch.push_str(id);
                        draft.id = Some(from..self.scratch.len());
                    }
                    self.totals.events += 1;
                    self.totals.data_bytes += u64::from(data_length);
                }
                EntryKind::Comment => self.totals.comments += 1,
                EntryKind::ReconnectionTime => self.totals.reconnection_times += 1,
                EntryKind::DecodeError => self.totals.decode_errors += 1,
                EntryKind::Turn => {}
            }
            self.drafts.push(draft);
            rows += 1;
            self.settled = match kind {
                EntryKind::DecodeError => self.body_offset + (chunk.len() - rest.len()) as u64,
                // They may stand within an event, which began before them.
                EntryKind::Comment | EntryKind::ReconnectionTime => {
                    self.indexer.pending_event().unwrap_or(end)
                }
                EntryKind::Event | EntryKind::Turn => end,
            };
        }
        chunk.len() - rest.len()
    }

    /// Takes note of a turn of the connection, whose frame is to come.
    pub(crate) fn turn(&mut self, kind: RowKind) {
        self.totals.attempts += u64::from(kind == RowKind::Connecting);
        self.totals.connections += u64::from(matches!(kind, RowKind::Connected { .. }));
        let (start, end, data_length) = (0, 0, 0);
        let kind = EntryKind::Turn;
        self.drafts.push(Draft {
            kind,
            flags: 0,
            event_type: 0,
            start,
            end,
            data_length,
            id: None,
        });
    }

    pub(crate) fn drafts(&self) -> u64 {
        self.drafts.len() as u64
    }

    /// Counts the rows that are not turns, of which the first has this number.
    pub(crate) fn count(&self, first: u64, elapsed_micros: u64, statistics: &mut Statistics) {
        for (draft, number) in self.drafts.iter().zip(first..) {
            let Draft { kind, data_length, .. } = *draft;
            if kind != EntryKind::Turn {
                let id = draft.id.as_ref().and_then(|range| self.scratch.get(range.clone()));
                statistics.row(Seen { number, kind, elapsed_micros, data_length, id });
            }
        }
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
        entries.reserve(self.drafts.len() * ENTRY);
        for draft in &self.drafts {
            let same_id = draft.id.is_none();
            if let Some(range) = &draft.id {
                last.text.clear();
                last.text.push_str(&self.scratch[range.clone()]);
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
        self.drafts.clear();
        self.scratch.clear();
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

fn intern(
    types: &mut HashMap<Arc<str>, u16>,
    newest: &mut Option<(Arc<str>, u16)>,
    name: &str,
    kept: &Kept,
) -> u16 {
    if let Some((name, number)) = types.get_key_value(name) {
        *newest = Some((Arc::clone(name), *number));
        return *number;
    }
    let Some(number) = u16::try_from(types.len()).ok().filter(|number| *number < MOST_TYPES) else {
        return TYPE_NOT_INTERNED;
    };
    let name: Arc<str> = name.into();
    types.insert(Arc::clone(&name), number);
    kept.add_type(Arc::clone(&name));
    *newest = Some((name, number));
    number
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
