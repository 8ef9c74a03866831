//! Places in the store's order, and the ids that tell clients of them.

use alloc::string::ToString;
use core::fmt;

use sse_codec::EventId;

/// One life of a store. A store that was emptied, or that failed over with loss, begins another,
/// so that a cursor of the old life is known to be a gap and never taken for a place in the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number, which the store draws at random when it begins.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A place in the order of one store: just after the entry with this offset.
///
/// Offsets count from 1 without holes; offset 0 lies before the first entry. Clients see a cursor
/// as an event id, `<epoch in hex>-<offset>`, and have nothing to read in it.
///
/// ```
/// use sse_server_core::{Cursor, Epoch};
///
/// let cursor = Cursor::new(Epoch::new(0xbeef), 42);
/// assert_eq!(cursor.to_string(), "beef-42");
/// assert_eq!(Cursor::parse("beef-42"), Some(cursor));
/// assert_eq!(Cursor::parse("beef-+42"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    epoch: Epoch,
    offset: u64,
}

impl Cursor {
    /// The place after entry `offset` of `epoch`.
    pub const fn new(epoch: Epoch, offset: u64) -> Self {
        Self { epoch, offset }
    }

    /// The life of the store that it belongs to.
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// The offset of the last entry before it.
    pub const fn offset(self) -> u64 {
        self.offset
    }

    /// Reads an id back. Only what [`Display`](fmt::Display) writes is taken, so that one place
    /// has one id.
    pub fn parse(id: &str) -> Option<Self> {
        let (epoch, offset) = id.split_once('-')?;
        let canonical = |digits: &str| digits == "0" || !digits.starts_with(['0', '+']);
        if !canonical(epoch) || !canonical(offset) || epoch.bytes().any(|b| b.is_ascii_uppercase())
        {
            return None;
        }
        Some(Self::new(Epoch(u64::from_str_radix(epoch, 16).ok()?), offset.parse().ok()?))
    }

    /// The id that clients see.
    pub fn id(self) -> EventId<'static> {
        // Hexadecimal digits, a hyphen and decimal digits: never refused.
        EventId::new(self.to_string()).unwrap_or_else(|_| unreachable!())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch.0, self.offset)
    }
}

/// From where a subscriber wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Resume {
    /// From now on.
    #[default]
    Fresh,
    /// All that is kept, then on.
    Earliest,
    /// What came after this place.
    After(Cursor),
    /// After an id that this hub never gave. All that is kept, behind a `reset`.
    Malformed,
}

impl Resume {
    /// Reads a `Last-Event-ID`. The empty id is that of a client that has seen none.
    ///
    /// ```
    /// use sse_server_core::Resume;
    ///
    /// assert_eq!(Resume::from_last_event_id(""), Resume::Fresh);
    /// assert_eq!(Resume::from_last_event_id("earliest"), Resume::Earliest);
    /// assert_eq!(Resume::from_last_event_id("what?"), Resume::Malformed);
    /// ```
    pub fn from_last_event_id(id: &str) -> Self {
        match id {
            "" => Self::Fresh,
            "earliest" => Self::Earliest,
            id => Cursor::parse(id).map_or(Self::Malformed, Self::After),
        }
    }
}

/// Why a resume cannot be complete. Clients read it in the data of the `reset` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetReason {
    /// Events of the subscription are no longer kept.
    Trimmed,
    /// The store has begun anew since.
    Epoch,
    /// The id lies after all that was ever given.
    Future,
    /// The id is none of this hub's.
    Malformed,
    /// The subscriber read too slowly for all that came, and chose to lose some of it.
    Skipped,
}

impl ResetReason {
    /// The word that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::Epoch => "epoch",
            Self::Future => "future",
            Self::Malformed => "malformed",
            Self::Skipped => "skipped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_does() {
        for (epoch, offset) in [(0, 0), (1, 1), (u64::MAX, u64::MAX), (0xdead_beef, 1 << 40)] {
            let cursor = Cursor::new(Epoch::new(epoch), offset);
            assert_eq!(Cursor::parse(cursor.id().as_str()), Some(cursor));
        }
        for id in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "1-1-1",
            "g-1",
            "1-a",
            "01-1",
            "1-01",
            "+1-1",
            "1-+1",
            "A-1",
            "10000000000000000-1",
            "1-18446744073709551616",
            " 1-1",
            "1-1 ",
        ] {
            assert_eq!(Cursor::parse(id), None, "{id:?}");
        }
    }
}
