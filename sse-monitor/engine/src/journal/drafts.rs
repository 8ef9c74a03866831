//! Rows whose frame has no place yet.

use alloc::sync::Arc;
use core::{mem, num::NonZeroU32, ops::Range};
use std::collections::HashMap;

use super::{
    entry::{EntryKind, FLAG_COMMENT_TOO_LONG, FLAG_OWN_ID, TYPE_NOT_INTERNED},
    indexer::Found,
    kept::Kept,
};
use crate::{
    query::{DataSeen, RESET, Seen, Statistics},
    row::RowKind,
    state::Totals,
};

/// Types are chosen by strangers: what comes after so many is told by its bytes alone.
const MOST_TYPES: u16 = 4096;

/// What was decoded and is not written.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    pub(super) rows: Vec<Draft>,
    /// The IDs that they name.
    scratch: String,
    /// The ID at the newest of them.
    newest_id: String,
    types: HashMap<Arc<str>, u16>,
    newest_type: Option<(Arc<str>, u16)>,
    pub(super) totals: Totals,
    /// Of the rows that are written.
    written: Totals,
}

/// Rows that wait while others are written.
#[derive(Debug)]
pub(crate) struct Aside {
    rows: Vec<Draft>,
    scratch: String,
}

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: EntryKind,
    pub(super) flags: u8,
    pub(super) event_type: u16,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) data_length: u32,
    /// Of the data of an event that has an ID of its own, or another than the one before.
    sum: Option<NonZeroU32>,
    /// `None`: the same as the row before.
    pub(super) id: Option<Range<usize>>,
}

impl Drafts {
    pub(super) fn new(last_event_id: &str) -> Self {
        Self { newest_id: last_event_id.to_owned(), ..Self::default() }
    }

    /// Goes on with the types that were interned before.
    pub(super) fn know_types(&mut self, types: &[Arc<str>]) {
        self.types = types.iter().cloned().zip(0..).collect();
    }

    pub(super) const fn resume_totals(&mut self, totals: Totals) {
        (self.totals, self.written) = (totals, totals);
    }

    /// The counts of what is written.
    pub(super) const fn written(&self) -> &Totals {
        &self.written
    }

    /// Takes note of a row of the body.
    #[inline]
    pub(super) fn add(&mut self, found: Found<'_>, kept: &Kept) {
        let Found { kind, flags, start, end, data_length, event_type, id, data } = found;
        let mut draft =
            Draft { kind, flags, event_type: 0, start, end, data_length, sum: None, id: None };
        match counted_as(kind, flags) {
            EntryKind::Event => {
                draft.event_type = match &self.newest_type {
                    Some((name, number)) if **name == *event_type => *number,
                    _ => self.intern(event_type, kept),
                };
                if self.newest_id != id {
                    self.newest_id.clear();
                    self.newest_id.push_str(id);
                    let from = self.scratch.len();
                    self.scratch.push_str(id);
                    draft.id = Some(from..self.scratch.len());
                }
                // Of others nobody asks for it.
                let is_own = flags & FLAG_OWN_ID != 0;
                if !id.is_empty() && (is_own || draft.id.is_some()) {
                    draft.sum = data.and_then(DataSeen::sum);
                }
                self.totals.events += 1;
                self.totals.data_bytes += u64::from(data_length);
            }
            EntryKind::Comment => self.totals.comments += 1,
            EntryKind::ReconnectionTime => self.totals.reconnection_times += 1,
            EntryKind::DecodeError => self.totals.decode_errors += 1,
            EntryKind::Turn => {}
        }
        self.rows.push(draft);
    }

    /// Takes note of a turn of the connection; of one that is damaged nothing is known.
    pub(super) fn turn(&mut self, kind: Option<RowKind>) {
        self.totals.attempts += u64::from(kind == Some(RowKind::Connecting));
        self.totals.connections += u64::from(matches!(kind, Some(RowKind::Connected { .. })));
        let (start, end, data_length) = (0, 0, 0);
        let (kind, flags, event_type, sum, id) = (EntryKind::Turn, 0, 0, None, None);
        self.rows.push(Draft { kind, flags, event_type, start, end, data_length, sum, id });
    }

    /// The ID that a draft names.
    pub(super) fn id(&self, range: &Range<usize>) -> &str {
        self.scratch.get(range.clone()).unwrap_or_default()
    }

    /// Counts the rows that are not turns, of which the first has this number.
    pub(super) fn count(
        &self,
        first: u64,
        elapsed_micros: u64,
        before: &str,
        statistics: &mut Statistics,
    ) {
        let reset = self.types.get(RESET).copied();
        let mut newest = before;
        for (draft, number) in self.rows.iter().zip(first..) {
            let Draft { data_length, sum, .. } = *draft;
            if draft.kind == EntryKind::Turn {
                continue;
            }
            let kind = counted_as(draft.kind, draft.flags);
            let data = DataSeen { length: data_length, sum };
            let is_own = draft.flags & FLAG_OWN_ID != 0;
            if let Some(range) = &draft.id {
                newest = self.id(range);
            }
            let id = (draft.id.is_some() || is_own).then_some(newest);
            let is_reset = reset == Some(draft.event_type) && kind == EntryKind::Event;
            statistics.row(Seen { number, kind, elapsed_micros, data, id, is_reset });
        }
    }

    /// Leaves the rows out, which come [later](Self::take_back) than what is written meanwhile.
    pub(super) fn set_aside(&mut self) -> Aside {
        Aside { rows: mem::take(&mut self.rows), scratch: mem::take(&mut self.scratch) }
    }

    pub(super) fn take_back(&mut self, Aside { rows, scratch }: Aside) {
        (self.rows, self.scratch) = (rows, scratch);
    }

    /// They are written.
    pub(super) fn accept(&mut self) {
        self.written = self.totals;
        self.rows.clear();
        self.scratch.clear();
    }

    fn intern(&mut self, name: &str, kept: &Kept) -> u16 {
        if let Some((name, number)) = self.types.get_key_value(name) {
            self.newest_type = Some((Arc::clone(name), *number));
            return *number;
        }
        let number = u16::try_from(self.types.len()).ok().filter(|number| *number < MOST_TYPES);
        let Some(number) = number else { return TYPE_NOT_INTERNED };
        let name: Arc<str> = name.into();
        self.types.insert(Arc::clone(&name), number);
        kept.add_type(Arc::clone(&name));
        self.newest_type = Some((name, number));
        number
    }
}

/// What a row counts as: a comment that is too long is one that came, and no event that was lost.
pub(crate) const fn counted_as(kind: EntryKind, flags: u8) -> EntryKind {
    let is_comment = matches!(kind, EntryKind::DecodeError) && flags & FLAG_COMMENT_TOO_LONG != 0;
    if is_comment { EntryKind::Comment } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::turn::Origin;

    #[test]
    fn data_is_summed_only_where_its_event_has_an_id_of_its_own_or_another() {
        let kept = Kept::new(Origin::default());
        let mut drafts = Drafts::new("");
        for (id, flags) in [("", 0), ("7", FLAG_OWN_ID), ("7", 0), ("7", FLAG_OWN_ID), ("8", 0)] {
            let (kind, event_type, data) = (EntryKind::Event, "message", Some("a"));
            let (start, end, data_length) = (0, 1, 1);
            let found = Found { kind, flags, start, end, data_length, event_type, id, data };
            drafts.add(found, &kept);
        }
        let summed: Vec<_> = drafts.rows.iter().map(|draft| draft.sum.is_some()).collect();
        assert_eq!(summed, [false, true, false, true, true]);
    }
}
