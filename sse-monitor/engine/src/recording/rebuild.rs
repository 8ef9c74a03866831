//! Makes an index again from its journal.

use std::io;

use sse_codec::Limits;

use super::{Damage, DamageKind};
use crate::{
    journal::{
        blob::Blob,
        frame::{FRAME_HEADER, FrameKind},
        indexer::Indexer,
        indexing::{FramePlace, Indexing},
        kept::Kept,
        turn::{Checkpoint, Head, LinePlace, Turn},
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
    pub(crate) damage: Vec<Damage>,
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
    let (index, ids) = (Blob::memory(), Blob::memory());
    let mut rows = 0;
    let mut damage = Vec::new();
    let mut indexing = resume(limits, &head.checkpoint, kept);
    indexing.resume_totals(before);
    let mut walk = Walk::new(journal);
    let (mut entries, mut new_ids) = (Vec::new(), Vec::new());
    let mut format = head.checkpoint.format;
    let mut attempt = head.checkpoint.attempt;
    while let Some(step) = walk.step()? {
        let (header, payload_at, payload) = match step {
            Step::Frame { header, payload_at, payload } => (header, payload_at, Some(payload)),
            Step::Spoilt { header, at } => {
                let bytes = header.frame_length();
                damage.push(Damage { file: file.into(), at, bytes, kind: DamageKind::Changed });
                if header.kind.is_body() {
                    let totals = *indexing.totals();
                    let after = Checkpoint {
                        attempt: header.attempt,
                        format,
                        body_offset: indexing.body_offset() + u64::from(header.length),
                        last_event_id: indexing.last_event_id().into(),
                        mid_event: true,
                        line: LinePlace::Unknown,
                    };
                    attempt = header.attempt;
                    indexing = resume(limits, &after, kept);
                    indexing.resume_totals(totals);
                }
                if header.kind != FrameKind::Turn {
                    continue;
                }
                (header, at + FRAME_HEADER as u64, None)
            }
            Step::Broken { at, bytes } => {
                damage.push(Damage { file: file.into(), at, bytes, kind: DamageKind::CutOff });
                break;
            }
            Step::Disordered { at, bytes } => {
                damage.push(Damage { file: file.into(), at, bytes, kind: DamageKind::Disordered });
                break;
            }
        };
        match header.kind {
            FrameKind::Turn => match payload.map(serde_json::from_slice::<Turn>) {
                // Its row says that it is damaged.
                None => indexing.damaged_turn(),
                Some(turn) => {
                    let turn = turn.unwrap_or_else(|_| Turn::unreadable());
                    indexing.turn(turn.kind, kept);
                    if let RowKind::Connected { .. } = turn.kind {
                        format = turn.response.map(|response| response.format).unwrap_or_default();
                        attempt = header.attempt;
                        // The turn's own entry comes before the body's.
                        indexing.begin(format);
                    }
                }
            },
            FrameKind::Body | FrameKind::BodyRest => {
                if header.attempt != attempt {
                    // The turn with which this body began cannot be read.
                    attempt = header.attempt;
                    indexing.begin(format);
                }
                indexing.decode(payload.unwrap_or_default(), u64::MAX, kept);
            }
            FrameKind::Head
            | FrameKind::End
            | FrameKind::Index
            | FrameKind::Ids
            | FrameKind::Types
            | FrameKind::Trailer
            | FrameKind::Statistics
            | FrameKind::Unknown(_) => continue,
        }
        let frame = FramePlace {
            payload_at,
            payload_length: header.length,
            ids_length: ids.len(),
            attempt: header.attempt,
            elapsed_micros: header.moment.elapsed_micros,
        };
        entries.clear();
        new_ids.clear();
        indexing.encode(frame, &mut entries, &mut new_ids);
        index.append([&entries, &[]])?;
        ids.append([&new_ids, &[]])?;
        rows += indexing.drafts();
        indexing.accept(payload_at, if header.kind.is_body() { header.length } else { 0 });
    }
    Ok(Rebuilt {
        index,
        ids,
        rows,
        totals: *indexing.totals(),
        last_event_id: indexing.last_event_id().into(),
        damage,
    })
}

fn resume(limits: Limits, checkpoint: &Checkpoint, kept: &Kept) -> Indexing {
    let mut indexing = Indexing::new(Indexer::resume(limits, checkpoint), checkpoint.body_offset);
    indexing.know_types(&kept.types());
    indexing
}
