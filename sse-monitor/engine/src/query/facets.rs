//! What there is, and how often.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{filter::Query, search::for_each_hit};
use crate::journal::{
    entry::{EntryKind, TYPE_NOT_INTERNED},
    view::View,
};

/// How many rows of each sort pass a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Facets {
    /// All that pass.
    pub rows: u64,
    /// Events.
    pub events: u64,
    /// Comments, as rows: those that passed a limit are among the [decode errors](Self::decode_errors).
    pub comments: u64,
    /// Reconnection times.
    pub reconnection_times: u64,
    /// Events that were dropped, and comments left out, since they passed a limit: a row of theirs says so, and is
    /// found as such ([`Kind::DecodeError`](super::Kind::DecodeError)). [`Totals`](crate::Totals) and a [`Report`](super::Report) count such
    /// comments as what came, with the comments.
    pub decode_errors: u64,
    /// Turns of the connection.
    pub turns: u64,
    /// Rows that pass as [damaged](super::Kind::Damaged) ones: all such where that kind is asked for, and otherwise those of
    /// which nothing tells what they were.
    pub damaged: u64,
    /// Events by their type, the commonest first.
    pub event_types: Vec<(String, u64)>,
    /// Events whose types were too many to be counted one by one.
    pub other_event_types: u64,
    /// Events by the attempt that they came in.
    pub attempts: BTreeMap<u32, u64>,
}

impl View {
    /// How many rows of each sort pass.
    pub fn facets(&self, query: &Query) -> Facets {
        let mut facets = Facets::default();
        let names = self.kept().types();
        let mut types = vec![0_u64; names.len()];
        for_each_hit(self, query, |_, _, entry| {
            facets.rows += 1;
            let Some(entry) = entry else {
                facets.damaged += 1;
                return;
            };
            match entry.kind {
                EntryKind::Event => facets.events += 1,
                EntryKind::Comment => facets.comments += 1,
                EntryKind::ReconnectionTime => facets.reconnection_times += 1,
                EntryKind::DecodeError => facets.decode_errors += 1,
                EntryKind::Turn => facets.turns += 1,
            }
            if entry.kind == EntryKind::Event {
                match types.get_mut(usize::from(entry.event_type)) {
                    Some(count) if entry.event_type != TYPE_NOT_INTERNED => *count += 1,
                    // Or a type that came after the names were read.
                    Some(_) | None => facets.other_event_types += 1,
                }
                *facets.attempts.entry(entry.attempt).or_default() += 1;
            }
        });
        let counts = names.iter().zip(types).filter(|(_, count)| *count > 0);
        facets.event_types = counts.map(|(name, count)| (String::from(&**name), count)).collect();
        facets.event_types.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        facets
    }
}
