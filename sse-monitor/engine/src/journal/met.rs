//! Damage that readers meet.

use alloc::sync::Arc;
use core::ops::Range;

use super::{entry::Entry, reader::Reader, segment::Segment, view::View};

/// What was told of as damaged last: the rows in it are many, and looking into it may be long.
#[derive(Debug, Default)]
pub(crate) struct LatestDamage {
    segment: Option<Arc<Segment>>,
    bytes: Range<u64>,
}

impl LatestDamage {
    /// Tells what is damaged of a row's bytes.
    pub(crate) fn tell(&mut self, view: &View, segment: &Arc<Segment>, number: u64, entry: &Entry) {
        let is_same = self.segment.as_ref().is_some_and(|other| Arc::ptr_eq(other, segment));
        let begins = entry.at.checked_sub(entry.frame_back.into());
        if is_same && self.bytes.contains(&begins.unwrap_or(entry.at)) {
            return;
        }
        let at = begins.unwrap_or(entry.at);
        self.segment = Some(Arc::clone(segment));
        self.bytes = at..at.saturating_add(1);
        if let Some(damage) = Reader::damage(segment, number, entry) {
            self.bytes = damage.at..damage.at.saturating_add(damage.bytes);
            view.kept().add_damage(damage);
        }
    }
}
