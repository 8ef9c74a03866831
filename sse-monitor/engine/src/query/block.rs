//! Which rows of a block may hold a text, told by the journal's bytes: a frame is looked through at
//! once, and only the rows in which the text stands are decoded.

use alloc::sync::Arc;

use super::text::Needle;
use crate::journal::{
    entry::{Entry, EntryKind},
    frame::{FRAME_HEADER, FrameHeader, MOST_PAYLOAD},
    segment::Segment,
};

/// Bytes of a journal read at a time.
const WINDOW: usize = 256 << 10;

/// Finds the candidates of one block after the other.
#[derive(Debug, Default)]
pub(super) struct Scan {
    window: Window,
    /// For each row the least place at which it or a row after it begins: a comment within an event
    /// begins after the event, and is the row before it.
    floors: Vec<u64>,
    /// A bit for each row.
    marked: Vec<u64>,
    /// The end of the body before the frame, in which a text may begin that goes on in it.
    carry: Vec<u8>,
}

/// The journal cannot be walked there, so each row must be asked.
#[derive(Debug)]
pub(super) struct Unwalkable;

impl Scan {
    /// Marks the rows of a block that may hold the needle. A row's damaged entry is `None`.
    pub(super) fn look(
        &mut self,
        segment: &Arc<Segment>,
        entries: &[Option<Entry>],
        needle: &Needle,
    ) -> Result<(), Unwalkable> {
        self.marked.clear();
        self.marked.resize(entries.len().div_ceil(64), 0);
        self.floors.clear();
        self.floors.resize(entries.len(), u64::MAX);
        let mut first = None;
        let mut floor = u64::MAX;
        for (slot, entry) in entries.iter().enumerate().rev() {
            if let Some(entry) = entry {
                if entry.at <= floor {
                    (floor, first) = (entry.at, Some(entry));
                }
                if entry.kind == EntryKind::Turn {
                    // Its sentence stands in JSON, which may write it otherwise.
                    self.mark(slot);
                }
            }
            self.floors[slot] = floor;
        }
        // Rows end in their order, so that the last one's end is the last of all.
        let last = entries.iter().rev().flatten().find(|entry| entry.kind != EntryKind::Turn);
        match (first, last) {
            (Some(first), Some(last)) => self.walk(segment, first, last, needle),
            _ => Ok(()),
        }
    }

    pub(super) fn is_marked(&self, slot: usize) -> bool {
        self.marked.get(slot / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1)
    }

    fn mark(&mut self, slot: usize) {
        self.marked[slot / 64] |= 1 << (slot % 64);
    }

    /// Goes over the frames from the one in which `first` begins to the one in which `last` ends.
    fn walk(
        &mut self,
        segment: &Arc<Segment>,
        first: &Entry,
        last: &Entry,
        needle: &Needle,
    ) -> Result<(), Unwalkable> {
        let mut window = core::mem::take(&mut self.window);
        let mut at = first.at.checked_sub(first.frame_back.into()).ok_or(Unwalkable)?;
        let mut left = None;
        self.carry.clear();
        while left != Some(0) {
            let header = window.bytes(segment, at, FRAME_HEADER)?;
            let header = header.first_chunk().and_then(FrameHeader::decode).ok_or(Unwalkable)?;
            let length = header.length as usize;
            if length > MOST_PAYLOAD {
                return Err(Unwalkable);
            }
            let payload_at = at + FRAME_HEADER as u64;
            at = payload_at + u64::from(header.length);
            if !header.kind.is_body() {
                continue;
            }
            let payload = window.bytes(segment, payload_at, length)?;
            let from = usize::try_from(first.at.saturating_sub(payload_at)).unwrap_or(length);
            let to = match &mut left {
                Some(left) => {
                    let here = length.min(*left);
                    *left -= here;
                    here
                }
                None if last.at < at => {
                    let begins = usize::try_from(last.at.saturating_sub(payload_at)).unwrap_or(0);
                    let here = (last.length as usize).min(length - begins);
                    left = Some(last.length as usize - here);
                    begins + here
                }
                None => length,
            };
            if from < to && header.matches(payload) {
                self.frame(payload_at, payload, from..to, needle);
            } else if from < to {
                // Who asks its rows finds out, and tells of it.
                let (mut place, end) = (payload_at + from as u64, payload_at + to as u64);
                while place < end {
                    place = self.mark_rows_at(place);
                }
            }
        }
        self.window = window;
        Ok(())
    }

    fn frame(&mut self, at: u64, payload: &[u8], range: core::ops::Range<usize>, needle: &Needle) {
        let before = needle.longest() - 1;
        if !self.carry.is_empty() {
            let carried = self.carry.len();
            self.carry.extend_from_slice(&payload[..range.end.min(before)]);
            let mut from = 0;
            while let Some((start, end)) = needle.find(&self.carry[from..]) {
                // What ends in the frame before was found there.
                if let Some(last) = (from + end).checked_sub(carried + 1) {
                    self.mark_rows_at(at + last as u64);
                }
                from += start + 1;
            }
            self.carry.truncate(carried);
        }
        let mut from = range.start;
        while let Some((_, end)) = payload.get(from..range.end).and_then(|rest| needle.find(rest)) {
            let last = from + end - 1;
            let next = self.mark_rows_at(at + last as u64);
            // The next row, since of this one it is known.
            from = usize::try_from(next.saturating_sub(at)).unwrap_or(usize::MAX).max(last + 1);
        }
        let end = &payload[range];
        let kept = end.len().min(before);
        if kept < before {
            let surplus = (self.carry.len() + kept).saturating_sub(before);
            self.carry.drain(..surplus);
        } else {
            self.carry.clear();
        }
        self.carry.extend_from_slice(&end[end.len() - kept..]);
    }

    /// Marks the rows that may have this byte: an event, and what stands within it. Returns where the
    /// next row begins.
    fn mark_rows_at(&mut self, at: u64) -> u64 {
        let after = self.floors.partition_point(|floor| *floor <= at);
        let next = self.floors.get(after).copied().unwrap_or(u64::MAX);
        let Some(slot) = after.checked_sub(1) else { return next };
        let floor = self.floors[slot];
        let beginning = self.floors.partition_point(|other| *other < floor);
        (beginning..=slot).for_each(|slot| self.mark(slot));
        next
    }
}

/// A part of a journal, which mostly has the next frame too.
#[derive(Debug, Default)]
struct Window {
    segment: Option<Arc<Segment>>,
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn bytes(
        &mut self,
        segment: &Arc<Segment>,
        at: u64,
        count: usize,
    ) -> Result<&[u8], Unwalkable> {
        let is_same = self.segment.as_ref().is_some_and(|other| Arc::ptr_eq(other, segment));
        let within = at.checked_sub(self.at).and_then(|from| usize::try_from(from).ok());
        let within = within.filter(|from| is_same && from + count <= self.bytes.len());
        let from = match within {
            Some(from) => from,
            None => {
                self.segment = None;
                self.bytes.resize(count.max(WINDOW), 0);
                let read = segment.journal.read_at(at, &mut self.bytes).map_err(|_| Unwalkable)?;
                self.bytes.truncate(read);
                self.segment = Some(Arc::clone(segment));
                self.at = at;
                0
            }
        };
        self.bytes.get(from..from + count).ok_or(Unwalkable)
    }
}
