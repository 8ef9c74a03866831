//! Makes an index again from its journal.

use std::io;

use sse_codec::Limits;

use super::{DamageKind, DamageList};
use crate::{
    journal::{
        blob::Blob,
        frame::{FRAME_HEADER, FrameKind},
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

/// Bytes that are no frame, before the next step.
struct Unread {
    at: u64,
    bytes: u64,
    /// Whether rows may have been missing before.
    lacked_rows: bool,
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
    let mut damage = DamageList::default();
    let checkpoint = &head.checkpoint;
    // The event within which it begins may have had its row.
    let mut lacks_rows = checkpoint.mid_event && checkpoint.attempt > 0;
    let (mut is_whole, mut end) = (true, None);
    let (mut last, mut statistics) = (Some(FrameKind::Head), None);
    let mut indexing = Indexing::new(Indexer::resume(limits, checkpoint), checkpoint.body_offset);
    indexing.know_types(&kept.types());
    indexing.resume_totals(before);
    let mut walk = Walk::new(journal);
    let (mut entries, mut new_ids) = (Vec::new(), Vec::new());
    let mut format = head.checkpoint.format;
    let mut attempt = head.checkpoint.attempt;
    // Whether something is missing of which nobody knows what it was: the beginning of a body, it may be. So it is
    // where the head is missing, by which a body is known to go on.
    let mut is_unknown = checkpoint.mid_event && checkpoint.attempt == 0;
    let mut unread = None;
    while let Some(step) = walk.step()? {
        let lacked_rows = lacks_rows;
        if let Some(mut met) = step.damage(file) {
            let is_behind_end = end.is_some();
            if let Step::Broken { at, bytes } = step
                && at + bytes == journal.len()
            {
                met.kind = DamageKind::CutOff;
            } else if is_behind_end && matches!(step, Step::Broken { .. }) {
                met.kind = DamageKind::Derived;
            }
            is_whole &=
                is_behind_end || matches!(met.kind, DamageKind::Mended | DamageKind::Derived);
            lacks_rows |= match step {
                // A turn has its row all the same.
                Step::Spoilt { header, .. } => header.kind.is_body(),
                Step::Frame { .. } | Step::Broken { .. } | Step::Disordered { .. } => {
                    met.kind.is_loss()
                }
            };
            damage.add(met);
        }
        let frame = match &step {
            Step::Frame { header, payload_at, .. } => {
                Some((header.kind, payload_at - FRAME_HEADER as u64))
            }
            Step::Spoilt { header, at } => Some((header.kind, *at)),
            Step::Broken { .. } | Step::Disordered { .. } => None,
        };
        last = frame.map(|(kind, _)| kind);
        if let Some((kind, at)) = frame
            && kind.is_derived()
            && end.is_none()
        {
            // The end stands before that.
            let is_end = |broken: &Unread| broken.bytes == (FRAME_HEADER + END_PAYLOAD) as u64;
            let ends = unread.take().filter(is_end);
            lacks_rows = ends.as_ref().map_or(lacks_rows, |broken| broken.lacked_rows);
            end = Some((ends.map_or(at, |broken| broken.at), End::default()));
        }
        unread = None;
        let (header, payload_at, payload) = match step {
            Step::Frame { header, payload_at, payload, .. } => (header, payload_at, Some(payload)),
            Step::Spoilt { header, at } => {
                if header.kind.is_body() {
                    attempt = header.attempt;
                    let missing = u64::from(header.length);
                    go_on(&mut indexing, attempt, format, missing, limits);
                }
                if header.kind == FrameKind::End {
                    // Nothing of it can be read, or taken along.
                    end = Some((at, End::default()));
                }
                if header.kind != FrameKind::Turn {
                    continue;
                }
                (header, at + FRAME_HEADER as u64, None)
            }
            // What stands behind the end is made from the rest.
            Step::Broken { .. } if end.is_some() => continue,
            Step::Broken { at, bytes } => {
                unread = Some(Unread { at, bytes, lacked_rows });
                let missing = bytes.saturating_sub(FRAME_HEADER as u64);
                go_on(&mut indexing, attempt, format, missing, limits);
                is_unknown = true;
                continue;
            }
            Step::Disordered { .. } => break,
        };
        match header.kind {
            FrameKind::Turn => match payload.map(serde_json::from_slice::<Turn>) {
                // Its row says that it is damaged.
                None => indexing.damaged_turn(),
                Some(turn) => {
                    let turn = turn.unwrap_or_else(|_| Turn::unreadable());
                    indexing.turn(turn.kind, kept);
                    if let RowKind::Connected { .. } = turn.kind {
                        is_unknown = false;
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
                    lacks_rows |= is_unknown;
                    if is_unknown {
                        go_on(&mut indexing, attempt, format, 0, limits);
                    } else {
                        indexing.begin(format);
                    }
                }
                is_unknown = false;
                indexing.decode(payload.unwrap_or_default(), u64::MAX, kept);
            }
            FrameKind::End => {
                let told = payload.and_then(|payload| serde_json::from_slice(payload).ok());
                end = Some((payload_at + u64::from(header.length), told.unwrap_or_default()));
                continue;
            }
            FrameKind::Statistics => {
                let mut payload = Vec::new();
                journal.read_into(payload_at, header.length as usize, &mut payload)?;
                statistics = Some(payload);
                continue;
            }
            FrameKind::Head
            | FrameKind::Index
            | FrameKind::Ids
            | FrameKind::Types
            | FrameKind::Trailer
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
        // Then that was none.
        end = None;
        indexing.accept(payload_at, if header.kind.is_body() { header.length } else { 0 });
    }
    Ok(Rebuilt {
        index,
        ids,
        rows,
        totals: *indexing.totals(),
        last_event_id: indexing.last_event_id().into(),
        damage,
        is_whole,
        lacks_rows,
        end,
        checkpoint: Checkpoint {
            attempt,
            format,
            body_offset: indexing.body_offset(),
            last_event_id: indexing.last_event_id().into(),
            mid_event: indexing.is_within_event(),
            line: indexing.line(),
            ..Checkpoint::default()
        },
        statistics,
        last,
    })
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

/// Goes on within a body of which so many bytes cannot be read.
fn go_on(indexing: &mut Indexing, attempt: u32, format: Format, missing: u64, limits: Limits) {
    let after = Checkpoint {
        attempt,
        format,
        body_offset: indexing.body_offset() + missing,
        last_event_id: indexing.last_event_id().into(),
        mid_event: true,
        line: LinePlace::Unknown,
        ..Checkpoint::default()
    };
    indexing.go_on(Indexer::resume(limits, &after), after.body_offset);
}
