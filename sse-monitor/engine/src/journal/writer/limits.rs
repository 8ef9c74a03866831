//! How much a writer keeps, and what it lets go of.

use alloc::sync::Arc;
use std::io;

use super::{Place, Writer};
use crate::{
    journal::{
        entry::ENTRY,
        frame::{FRAME_HEADER, FrameHeader, FrameKind, MOST_PAYLOAD},
        retention::{DiskLimit, DiskPolicy, Overflow, Retention},
        turn::END_PAYLOAD,
    },
    recording::{TRAILER_PAYLOAD, statistics},
};

/// Big enough that ten million events are some fifty files, small enough that one dropped is little
/// lost, and that the last one's index is rebuilt in a blink.
const DISK_SEGMENT: u64 = 64 << 20;

/// In memory a segment is small enough to be dropped without a pause.
const MEMORY_SEGMENT: u64 = 1 << 20;

/// A segment is this share of what is kept at most, so that one dropped is little lost.
const SEGMENT_SHARE: u8 = 16;

/// What is written at once is this share of a limit at most, but for what is so little that its frame is much of it.
const FRAME_SHARE: u64 = 64;
const LEAST_FRAME: usize = 1 << 10;

/// Statistics are this share of a limit at most, but for what they have without any list.
const STATISTICS_SHARE: u64 = 8;
const LEAST_STATISTICS: u64 = 2 << 10;

/// What numbers in statistics grow by until they are measured again.
const STATISTICS_GROW: u64 = 1 << 10;

/// The end of this segment and of another, the heads of frames that one file has beside the journal's, and the last of
/// them.
const ENDS: u64 = (2 * (FRAME_HEADER + END_PAYLOAD) + 5 * FRAME_HEADER + TRAILER_PAYLOAD) as u64;

/// How long statistics are on the disk, as they were measured last.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Attempts, stalls, and the latest second in which an event came: what adds to their lists.
    of: Option<(u64, u64, Option<u64>)>,
    bytes: u64,
}

impl Writer {
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

    pub(super) fn is_due(&self) -> bool {
        let journal = self.segment.journal.len();
        match &self.place {
            // Where events are small the index is most of it.
            Place::Folder { limit, .. } => {
                journal >= DISK_SEGMENT || self.segment.bytes() >= disk_segment(limit)
            }
            Place::Memory(retention) => {
                let share = usize::from(SEGMENT_SHARE);
                let bytes = MEMORY_SEGMENT.min((retention.bytes / share) as u64);
                let rows = (retention.rows / u64::from(SEGMENT_SHARE)).max(1);
                self.segment.rows() > 0 && (self.segment.bytes() >= bytes)
                    || self.segment.rows() >= rows
            }
        }
    }

    /// Whether the segment waits no longer for the end of an event.
    pub(super) fn is_overdue(&self) -> bool {
        let event = self.indexing.indexer().limits().event as u64;
        let journal = self.segment.journal.len();
        match &self.place {
            Place::Folder { limit, .. } => journal > 2 * (disk_segment(limit) + event),
            // With the bytes that count against no limit: comments, fields that mean nothing.
            Place::Memory(_) => journal > MEMORY_SEGMENT + event + event / 4,
        }
    }

    /// As many bytes of a read, and as many rows, as are written at once, so that a small limit is come near to.
    pub(super) fn most_at_once(&self) -> (usize, u64) {
        let Place::Folder { limit, .. } = &self.place else { return (MOST_PAYLOAD, u64::MAX) };
        let share = usize::try_from(limit.bytes / FRAME_SHARE).unwrap_or(MOST_PAYLOAD);
        let bytes = share.clamp(LEAST_FRAME, MOST_PAYLOAD);
        (bytes, (bytes / ENTRY) as u64)
    }

    /// Lets go of what is more than is kept in memory.
    pub(super) fn keep_limits(&mut self) {
        match self.place.clone() {
            Place::Memory(Retention { overflow: Overflow::Pause, .. }) => self.release(),
            Place::Memory(retention) => self.forget(&retention),
            Place::Folder { .. } => {}
        }
    }

    /// Makes room on the disk for a frame and its rows, and for all that is still to be written once nothing follows.
    ///
    /// # Errors
    /// If the limit does not allow for it.
    pub(super) fn make_room(&mut self, header: &FrameHeader, derived: u64) -> io::Result<()> {
        let Place::Folder { limit, .. } = &self.place else { return Ok(()) };
        let limit = *limit;
        let frame = header.frame_length() + derived;
        let used = self.closed_bytes + self.segment.bytes() + frame;
        // Far from the limit nobody need know exactly.
        if used < limit.bytes / 2 && limit.bytes > DISK_SEGMENT {
            return Ok(());
        }
        // The head of a segment has the last event ID, which JSON may lengthen.
        let head = self.head_bytes + 6 * self.last_event_id().len() as u64;
        let mut reserved = ENDS + head + self.types_bytes() + self.statistics_bytes(&limit);
        if header.kind == FrameKind::Turn {
            // Statistics tell what it says.
            reserved += u64::from(header.length) + STATISTICS_GROW;
        }
        let most = limit.bytes.saturating_sub(frame + reserved);
        let bytes = limit.bytes;
        let full = match limit.policy {
            DiskPolicy::Stop if self.closed_bytes + self.segment.bytes() > most => {
                format!("the limit of {bytes} bytes for recordings is reached")
            }
            // What is before it would be dropped in vain.
            DiskPolicy::DropOldest if self.segment.bytes() > most => {
                let what = if self.indexing.is_within_event() { "an event" } else { "what came" };
                format!("{what} is too long for the limit of {bytes} bytes for recordings")
            }
            DiskPolicy::Stop => return Ok(()),
            DiskPolicy::DropOldest => {
                self.drop_oldest_files(most);
                return Ok(());
            }
        };
        Err(io::Error::other(full))
    }

    fn types_bytes(&self) -> u64 {
        self.types.as_ref().map_or(0, |types| types.length_with(&self.kept))
    }

    fn statistics_bytes(&mut self, limit: &DiskLimit) -> u64 {
        let kept = Arc::clone(&self.kept);
        let mut statistics = kept.statistics();
        let report = statistics.report();
        let second = report.latest_seconds.back().map(|(second, _)| *second);
        let of = Some((report.attempts, report.stalls, second));
        if self.measured.of != of {
            let bytes = statistics::encode(&mut statistics, kept.next_row()).len() as u64;
            self.measured = Measured { of, bytes };
        }
        self.measured.bytes.min(most_statistics(limit)) + STATISTICS_GROW
    }

    fn forget(&mut self, retention: &Retention) {
        if self.stopped.is_some() {
            return self.forget_in_memory(retention);
        }
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

    /// What lies on the disk takes no memory, and stays: of what came since, the oldest fall out.
    fn forget_in_memory(&mut self, retention: &Retention) {
        let bytes = |writer: &Self| writer.closed_bytes + writer.segment.bytes();
        while bytes(self) > retention.bytes as u64 || self.kept.rows_in_memory() > retention.rows {
            let Some(oldest) = self.kept.pop_oldest_in_memory() else { break };
            self.closed_bytes = self.closed_bytes.saturating_sub(oldest.bytes());
            self.rows_forgotten += oldest.rows();
        }
    }

    fn drop_oldest_files(&mut self, most: u64) {
        let before = self.kept.first_row();
        while self.closed_bytes + self.segment.bytes() > most {
            let Some(oldest) = self.kept.pop_oldest() else { break };
            self.closed_bytes = self.closed_bytes.saturating_sub(oldest.bytes());
            oldest.remove();
        }
        self.rows_forgotten += self.kept.first_row() - before;
    }
}

/// Statistics tell of a thousand attempts and more, which are not to take a small limit for themselves.
pub(super) fn most_statistics(limit: &DiskLimit) -> u64 {
    (limit.bytes / STATISTICS_SHARE).max(LEAST_STATISTICS)
}

/// A segment of a small limit is small, so that dropping one keeps most of what is recorded.
fn disk_segment(limit: &DiskLimit) -> u64 {
    DISK_SEGMENT.min(limit.bytes / u64::from(SEGMENT_SHARE)).max(4096)
}
