//! Where rows begin after a part of a body that cannot be read, as the index tells.

use core::ops::ControlFlow;

use super::{
    entry::{EntryKind, FLAG_BEGINNING_LOST, FLAG_COMMENT_TOO_LONG, FLAG_NDJSON},
    reader,
    turn::Format,
    view::View,
};

/// A row of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// Where its first byte stands in its part's journal.
    pub(crate) at: u64,
    /// Its number, or that of one within it.
    pub(crate) row: u64,
    /// What its body is read as.
    pub(crate) format: Format,
}

/// Goes over a view's rows, a part at a time, and never back.
#[derive(Debug)]
pub(crate) struct Beginnings<'v> {
    view: &'v View,
    /// Rows before it begin before all that is asked for.
    next: u64,
}

impl<'v> Beginnings<'v> {
    pub(crate) const fn new(view: &'v View) -> Self {
        Self { view, next: 0 }
    }

    /// Where in a part's journal the first row of this attempt begins whose bytes all stand from here on, and which
    /// stands in no event that began before; `None` where the index does not tell. Places are asked for in the order
    /// in which they stand.
    ///
    /// A row is complete where the next one's bytes begin. So whatever was completed after an event began after it,
    /// unless it was dropped: nobody knows where such an event ends.
    pub(crate) fn after(&mut self, part: usize, attempt: u32, from: u64) -> Option<Beginning> {
        let rows = self.view.parts().get(part)?.numbers();
        let mut first: Option<Beginning> = None;
        let mut is_within = true;
        reader::for_entries(self.view, self.next.max(rows.start)..rows.end, |_, number, entry| {
            let Some(entry) = entry else {
                (first, is_within) = (None, true);
                return ControlFlow::Continue(());
            };
            let is_comment = matches!(entry.kind, EntryKind::Comment | EntryKind::ReconnectionTime)
                || entry.has(FLAG_COMMENT_TOO_LONG);
            let is_before = entry.at < from || entry.has(FLAG_BEGINNING_LOST);
            if is_before {
                if !is_comment {
                    self.next = number;
                    (first, is_within) = (None, entry.kind == EntryKind::DecodeError);
                }
                return ControlFlow::Continue(());
            }
            if entry.kind == EntryKind::Turn || entry.attempt != attempt {
                return ControlFlow::Break(());
            }
            if !is_comment || !is_within {
                let is_json = entry.has(FLAG_NDJSON);
                let format = if is_json { Format::Ndjson } else { Format::EventStream };
                let known = first.unwrap_or(Beginning { at: entry.at, row: number, format });
                first = Some(Beginning { at: known.at.min(entry.at), ..known });
            }
            if is_comment { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        first
    }
}
