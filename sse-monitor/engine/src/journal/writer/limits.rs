//! How much a writer keeps, and what it lets go of.

use std::io;

use super::{Place, Writer};
use crate::{
    clock::Moment,
    journal::retention::{DiskLimit, DiskPolicy, Overflow, Retention},
};

/// Big enough that ten million events are some fifty files, small enough that one dropped is little
/// lost, and that the last one's index is rebuilt in a blink.
const DISK_SEGMENT: u64 = 64 << 20;

/// In memory a segment is small enough to be dropped without a pause.
const MEMORY_SEGMENT: u64 = 1 << 20;

/// A segment is this share of what is kept at most, so that one dropped is little lost.
const SEGMENT_SHARE: u8 = 16;

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
    pub(super) fn most_segment(&self) -> u64 {
        let event = self.indexing.indexer().limits().event as u64;
        match &self.place {
            Place::Folder { limit, .. } => 2 * (disk_segment(limit) + event),
            // With the bytes that count against no limit: comments, fields that mean nothing.
            Place::Memory(_) => MEMORY_SEGMENT + event + event / 4,
        }
    }

    pub(super) fn keep_limits(&mut self, moment: Moment) {
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

/// A segment of a small limit is small, so that dropping one keeps most of what is recorded.
fn disk_segment(limit: &DiskLimit) -> u64 {
    DISK_SEGMENT.min(limit.bytes / u64::from(SEGMENT_SHARE)).max(4096)
}
