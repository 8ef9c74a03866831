//! The segments of a session, shared by the one that writes and those that read.

use alloc::{collections::VecDeque, sync::Arc};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{
    segment::Segment,
    turn::{End, Origin},
    view::View,
};
use crate::{
    query::Statistics,
    recording::{Damage, DamageList},
};

/// All that is kept of a session.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) origin: Origin,
    inner: RwLock<Inner>,
    types: RwLock<Vec<Arc<str>>>,
    /// Over all rows so far, those that were dropped included. Held for as long as it takes to count a
    /// read's rows or to copy the figures.
    statistics: Mutex<Statistics>,
}

#[derive(Debug, Default)]
struct Inner {
    segments: VecDeque<Arc<Segment>>,
    /// Rows before this one are not shown any more, though their segment may be there.
    first_row: u64,
    damage: DamageList,
    end: Option<End>,
    /// Whether something is missing after the last segment.
    is_before_gap: bool,
}

impl Kept {
    pub(crate) fn new(origin: Origin) -> Self {
        let inner = Inner { first_row: 1, ..Inner::default() };
        let statistics = Mutex::new(Statistics::default());
        Self { origin, inner: RwLock::new(inner), types: RwLock::default(), statistics }
    }

    pub(crate) fn view(self: &Arc<Self>) -> View {
        let inner = self.read();
        View::new(Arc::clone(self), inner.segments.iter(), inner.first_row)
    }

    pub(crate) fn push(&self, segment: Arc<Segment>) {
        self.write().segments.push_back(segment);
    }

    /// Takes the oldest segment out, unless it is the newest too.
    pub(crate) fn pop_oldest(&self) -> Option<Arc<Segment>> {
        let mut inner = self.write();
        if inner.segments.len() < 2 {
            return None;
        }
        let oldest = inner.segments.pop_front();
        inner.first_row = inner.first_row.max(inner.segments.front().map_or(0, |s| s.first_row));
        oldest
    }

    /// Takes the oldest segment out that is in memory, unless it is the newest too. The rows before it stay.
    pub(crate) fn pop_oldest_in_memory(&self) -> Option<Arc<Segment>> {
        let mut inner = self.write();
        let oldest = inner.segments.iter().position(|segment| !segment.is_on_disk())?;
        if oldest + 1 == inner.segments.len() {
            return None;
        }
        inner.segments.remove(oldest)
    }

    pub(crate) fn rows_in_memory(&self) -> u64 {
        let inner = self.read();
        let in_memory = inner.segments.iter().filter(|segment| !segment.is_on_disk());
        in_memory.map(|segment| segment.rows()).sum()
    }

    /// Takes out the segments whose rows all lie before the first one shown.
    pub(crate) fn pop_unshown(&self) {
        let mut inner = self.write();
        while inner.segments.len() > 1
            && inner.segments.front().is_some_and(|oldest| oldest.end() <= inner.first_row)
        {
            inner.segments.pop_front();
        }
    }

    pub(crate) fn first_row(&self) -> u64 {
        self.read().first_row
    }

    pub(crate) fn next_row(&self) -> u64 {
        self.read().segments.back().map_or(1, |newest| newest.end())
    }

    pub(crate) fn is_before_gap(&self) -> bool {
        self.read().is_before_gap
    }

    pub(crate) fn set_before_gap(&self) {
        self.write().is_before_gap = true;
    }

    /// Shows no row before this one any more.
    pub(crate) fn show_from(&self, row: u64) {
        let mut inner = self.write();
        inner.first_row = inner.first_row.max(row);
    }

    pub(crate) fn bytes_in_memory(&self) -> u64 {
        let inner = self.read();
        let in_memory = inner.segments.iter().filter(|segment| !segment.is_on_disk());
        in_memory.map(|segment| segment.bytes()).sum()
    }

    pub(crate) fn event_type(&self, number: u16) -> Option<Arc<str>> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        types.get(usize::from(number)).map(Arc::clone)
    }

    pub(crate) fn types(&self) -> Vec<Arc<str>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The types but for the first `known`.
    pub(crate) fn types_after(&self, known: usize) -> Vec<Arc<str>> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        types.get(known..).unwrap_or_default().to_vec()
    }

    pub(crate) fn add_type(&self, name: Arc<str>) {
        self.types.write().unwrap_or_else(PoisonError::into_inner).push(name);
    }

    pub(crate) fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn damage(&self) -> Vec<Damage> {
        self.read().damage.to_vec()
    }

    pub(crate) fn damage_list(&self) -> DamageList {
        self.read().damage.clone()
    }

    pub(crate) fn set_damage(&self, damage: DamageList) {
        self.write().damage = damage;
    }

    /// Takes note of what cannot be read, where it is met.
    pub(crate) fn add_damage(&self, damage: Damage) {
        self.write().damage.add(damage);
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.read().end.clone()
    }

    pub(crate) fn ended(&self, end: End) {
        self.write().end = Some(end);
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}
