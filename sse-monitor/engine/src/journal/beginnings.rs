//! Where rows begin after a part of a body that cannot be read, as the index tells.

use core::ops::ControlFlow;

use super::{
    entry::{Entry, EntryKind, FLAG_BEGINNING_LOST, FLAG_COMMENT_TOO_LONG, FLAG_NDJSON},
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
    /// Whether the next comment may stand in an event that began before what is asked for.
    is_within: bool,
    ahead: Option<Ahead>,
}

/// The first row that is no comment, from a row on.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    from: u64,
    number: u64,
    /// `None` where it cannot be read, or where there is none.
    entry: Option<Entry>,
}

impl<'v> Beginnings<'v> {
    pub(crate) const fn new(view: &'v View) -> Self {
        Self { view, next: 0, is_within: true, ahead: None }
    }

    /// Where in a part's journal the first row of this attempt begins whose bytes all stand from here on, and which
    /// stands in no event that began before; `None` where the index does not tell. Places are asked for in the order
    /// in which they stand.
    ///
    /// A row is complete where the next one's bytes begin. So whatever was completed after an event began after it,
    /// unless it was dropped: nobody knows where such an event ends.
    pub(crate) fn after(&mut self, part: usize, attempt: u32, from: u64) -> Option<Beginning> {
        let rows = self.view.parts().get(part)?.numbers();
        if self.next < rows.start {
            (self.next, self.is_within) = (rows.start, true);
        }
        let is_of_it = |entry: &Entry| entry.kind != EntryKind::Turn && entry.attempt == attempt;
        loop {
            let (number, first) = self.pass(rows.end, from)?;
            let ahead = self.ahead(number, rows.end);
            let comment = (ahead.number > number && !self.is_within && is_of_it(&first))
                .then(|| beginning(number, &first));
            let Some(entry) = ahead.entry else {
                if ahead.number == rows.end {
                    return comment;
                }
                (self.next, self.is_within) = (ahead.number + 1, true);
                continue;
            };
            if !is_of_it(&entry) {
                return comment;
            }
            if is_before(&entry, from) {
                self.pass_over(ahead.number, &entry);
                continue;
            }
            let event = beginning(ahead.number, &entry);
            return Some(
                comment
                    .map_or(event, |comment| Beginning { at: comment.at.min(event.at), ..comment }),
            );
        }
    }

    /// Passes over what begins before, to the first row that does not.
    fn pass(&mut self, end: u64, from: u64) -> Option<(u64, Entry)> {
        let view = self.view;
        reader::for_entries(view, self.next..end, |_, number, entry| {
            match entry {
                Some(entry) if !is_before(&entry, from) => {
                    return ControlFlow::Break((number, entry));
                }
                Some(entry) => self.pass_over(number, &entry),
                None => (self.next, self.is_within) = (number + 1, true),
            }
            ControlFlow::Continue(())
        })
    }

    fn pass_over(&mut self, number: u64, entry: &Entry) {
        self.next = number + 1;
        if !is_comment(entry) {
            self.is_within = entry.kind == EntryKind::DecodeError;
        }
    }

    /// Looked for once: many comments may come before it.
    fn ahead(&mut self, from: u64, end: u64) -> Ahead {
        if let Some(ahead) = self.ahead.filter(|ahead| (ahead.from..=ahead.number).contains(&from))
        {
            return ahead;
        }
        let found = reader::for_entries(self.view, from..end, |_, number, entry| match entry {
            Some(entry) if is_comment(&entry) => ControlFlow::Continue(()),
            entry => ControlFlow::Break((number, entry)),
        });
        let (number, entry) = found.unwrap_or((end, None));
        *self.ahead.insert(Ahead { from, number, entry })
    }
}

fn is_comment(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Comment | EntryKind::ReconnectionTime)
        || entry.has(FLAG_COMMENT_TOO_LONG)
}

fn is_before(entry: &Entry, from: u64) -> bool {
    entry.at < from || entry.has(FLAG_BEGINNING_LOST)
}

fn beginning(row: u64, entry: &Entry) -> Beginning {
    let is_json = entry.has(FLAG_NDJSON);
    let format = if is_json { Format::Ndjson } else { Format::EventStream };
    Beginning { at: entry.at, row, format }
}
