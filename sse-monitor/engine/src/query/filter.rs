//! Which rows are asked for.

use core::ops::RangeInclusive;
use core::time::Duration;

use super::{
    json_path::{JsonPathError, json_in},
    json_test::JsonTest,
    text::Text,
};
use crate::{
    journal::entry::{Entry, EntryKind},
    row::{Row, RowKind},
};

/// What a [`Query`] tells rows apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Events.
    Event,
    /// Comments.
    Comment,
    /// Reconnection times.
    ReconnectionTime,
    /// Events that were dropped since they passed a limit, and comments that were left out.
    DecodeError,
    /// Turns of the connection.
    Turn,
    /// Rows that are damaged, so that what they were cannot be read. To find them, each row is read.
    Damaged,
}

impl Kind {
    pub(crate) const fn of(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Event => Self::Event,
            EntryKind::Comment => Self::Comment,
            EntryKind::ReconnectionTime => Self::ReconnectionTime,
            EntryKind::DecodeError => Self::DecodeError,
            EntryKind::Turn => Self::Turn,
        }
    }

    const fn of_row(kind: RowKind) -> Self {
        match kind {
            RowKind::Event => Self::Event,
            RowKind::Comment => Self::Comment,
            RowKind::ReconnectionTime { .. } => Self::ReconnectionTime,
            RowKind::DecodeError => Self::DecodeError,
            RowKind::Damaged => Self::Damaged,
            RowKind::Connecting
            | RowKind::Redirected { .. }
            | RowKind::Connected { .. }
            | RowKind::Disconnected { .. }
            | RowKind::Closed
            | RowKind::RecordingStopped => Self::Turn,
        }
    }
}

/// Which rows are asked for: those that pass all that was named. One that is empty asks for all.
///
/// ```
/// use sse_monitor_engine::query::{Query, Text};
///
/// let query = Query::new().event_type("price").text(Text::any_case("eur")).json(".bid > 1.08")?;
/// # Ok::<(), sse_monitor_engine::query::JsonPathError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Query {
    pub(super) kinds: Vec<Kind>,
    pub(super) event_types: Vec<String>,
    pub(super) ids: Vec<String>,
    pub(super) attempts: Option<RangeInclusive<u32>>,
    pub(super) numbers: Option<RangeInclusive<u64>>,
    pub(super) elapsed: Option<RangeInclusive<u64>>,
    pub(super) texts: Vec<Text>,
    pub(super) without: Vec<Text>,
    pub(super) json: Vec<JsonTest>,
    pub(super) excluded: Vec<Self>,
}

impl Query {
    /// All rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows of this kind; with several named, of any of them.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Events of this type; with several named, of any of them.
    pub fn event_type(mut self, event_type: &str) -> Self {
        self.event_types.push(event_type.into());
        self
    }

    /// Events with this last event ID; with several named, with any of them.
    pub fn id(mut self, id: &str) -> Self {
        self.ids.push(id.into());
        self
    }

    /// Rows of these attempts to connect, counted from 1.
    pub fn attempts(mut self, attempts: RangeInclusive<u32>) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Rows with these numbers.
    pub fn numbers(mut self, numbers: RangeInclusive<u64>) -> Self {
        self.numbers = Some(numbers);
        self
    }

    /// Rows that came in this time, counted from the session's beginning.
    pub fn elapsed(mut self, time: RangeInclusive<Duration>) -> Self {
        let micros = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.elapsed = Some(micros(time.start())..=micros(time.end()));
        self
    }

    /// Rows whose data has this text; with several named, all of them.
    pub fn text(mut self, text: Text) -> Self {
        self.texts.push(text);
        self
    }

    /// Rows whose data does not have this text.
    pub fn without(mut self, text: Text) -> Self {
        self.without.push(text);
        self
    }

    /// Rows that do not pass this other query; with several named, none of them.
    pub fn excluding(mut self, other: Self) -> Self {
        self.excluded.push(other);
        self
    }

    /// Events whose data is JSON that passes this test; with several named, all of them. See
    /// [`JsonTest`].
    ///
    /// # Errors
    /// [`JsonPathError`] says what cannot be read.
    pub fn json(mut self, test: &str) -> Result<Self, JsonPathError> {
        self.json.push(JsonTest::new(test)?);
        Ok(self)
    }

    /// Whether a row passes that is at hand, with its whole data. What is said of a damaged row is none of its data.
    pub fn passes(&self, row: &Row) -> bool {
        let kind = Kind::of_row(row.kind);
        let is_event = kind == Kind::Event;
        let micros = row.elapsed_micros;
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.numbers.as_ref().is_none_or(|numbers| numbers.contains(&row.number))
            && self.attempts.as_ref().is_none_or(|attempts| attempts.contains(&row.attempt))
            && self.elapsed.as_ref().is_none_or(|time| time.contains(&micros))
            && (self.event_types.is_empty()
                || is_event && self.event_types.contains(&row.event_type))
            && (self.ids.is_empty() || is_event && self.ids.contains(&row.id))
            && (self.json.is_empty() || is_event)
            && if kind == Kind::Damaged { !self.reads_data() } else { self.data_passes(&row.data) }
            && !self.excluded.iter().any(|other| other.passes(row))
    }

    pub(super) fn data_passes(&self, data: &str) -> bool {
        self.texts.iter().all(|text| text.is_in(data))
            && !self.without.iter().any(|text| text.is_in(data))
            && (self.json.is_empty() || self.json_passes(data))
    }

    fn json_passes(&self, data: &str) -> bool {
        let wants_value = self.json.iter().any(|test| !test.wants_text());
        let value = wants_value.then(|| serde_json::from_str(data).ok()).flatten();
        match value {
            Some(value) => self.json.iter().all(|test| match test.wants_text() {
                true => test.passes_in(data),
                false => test.passes(&value),
            }),
            // Not all that is JSON is a value here: it may be too deep, or have a number that is too large.
            None => json_in(data).is_some() && self.json.iter().all(|test| test.passes_in(data)),
        }
    }

    /// Whether the rows' own bytes must be read to answer.
    pub(super) fn reads_data(&self) -> bool {
        !(self.texts.is_empty() && self.without.is_empty() && self.json.is_empty())
    }

    /// Whether an entry that [may pass](Self::may_pass) does, whatever else the row says.
    fn is_settled(&self, entry: &Entry, types: &TypeSet) -> bool {
        self.names_kind(entry.kind)
            && (self.event_types.is_empty() || types.is_known(entry.event_type))
            && self.ids.is_empty()
            && self.excluded.is_empty()
            && !self.reads_data()
    }

    /// Whether rows of this kind are asked for as what they are.
    pub(super) fn names_kind(&self, kind: EntryKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&Kind::of(kind))
    }

    /// Whether a row whose entry is damaged may pass: nobody knows when it came, and in which attempt.
    pub(super) fn may_pass_without_entry(&self) -> bool {
        self.attempts.is_none()
            && self.elapsed.is_none()
            && (self.kinds.is_empty() || self.names_damaged())
    }

    /// Whether rows are asked for that are damaged, of which nothing else is known that they could be asked by.
    fn names_damaged(&self) -> bool {
        self.kinds.contains(&Kind::Damaged)
            && self.event_types.is_empty()
            && self.ids.is_empty()
            && !self.reads_data()
    }

    /// What the entry alone can refuse. A type that was not interned is not among these, and whether a row is
    /// damaged its entry does not tell.
    pub(super) fn may_pass(&self, number: u64, entry: &Entry, types: &TypeSet) -> bool {
        (self.names_kind(entry.kind) || self.names_damaged())
            && self.numbers.as_ref().is_none_or(|numbers| numbers.contains(&number))
            && self.attempts.as_ref().is_none_or(|attempts| attempts.contains(&entry.attempt))
            && self.elapsed.as_ref().is_none_or(|time| time.contains(&entry.elapsed_micros))
            && (self.event_types.is_empty()
                || entry.kind == EntryKind::Event && types.may_contain(entry.event_type))
            && (self.ids.is_empty()
                || entry.kind == EntryKind::Event
                    && self.ids.iter().any(|id| id.len() == entry.id_length as usize))
    }
}

/// What is told of a row that is looked at for what it must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusion {
    Passes,
    IsExcluded,
    /// The row itself must be read.
    IsOpen,
}

/// The queries of which a row must pass none, with the types that each names.
#[derive(Debug, Default)]
pub(super) struct Excluded<'q>(Vec<(&'q Query, TypeSet)>);

impl<'q> Excluded<'q> {
    pub(super) fn of(query: &'q Query, types: &[alloc::sync::Arc<str>]) -> Self {
        Self(query.excluded.iter().map(|other| (other, TypeSet::of(other, types))).collect())
    }

    /// What the entry tells by itself.
    pub(super) fn look(&self, number: u64, entry: &Entry) -> Exclusion {
        let mut told = Exclusion::Passes;
        for (other, types) in &self.0 {
            if !other.may_pass(number, entry, types) {
                continue;
            }
            if other.is_settled(entry, types) {
                return Exclusion::IsExcluded;
            }
            told = Exclusion::IsOpen;
        }
        told
    }

    pub(super) fn passes(&self, row: &Row) -> bool {
        !self.0.iter().any(|(other, _)| other.passes(row))
    }
}

/// Numbers of the types that a query names.
#[derive(Debug, Default)]
pub(super) struct TypeSet {
    wanted: Vec<bool>,
}

impl TypeSet {
    pub(super) fn of(query: &Query, types: &[alloc::sync::Arc<str>]) -> Self {
        let is_wanted = |name: &alloc::sync::Arc<str>| {
            query.event_types.iter().any(|wanted| **wanted == **name)
        };
        Self { wanted: types.iter().map(is_wanted).collect() }
    }

    /// A number without a name may be any type.
    fn may_contain(&self, number: u16) -> bool {
        self.wanted.get(usize::from(number)).copied().unwrap_or(true)
    }

    /// Whether the entry's number settles it.
    pub(super) fn is_known(&self, number: u16) -> bool {
        usize::from(number) < self.wanted.len()
    }
}
