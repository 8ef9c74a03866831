//! How much is kept.

/// How much a watch keeps, and what happens past that.
///
/// Rows go by segments of a sixteenth of the limits (at most 1 MiB of text each), and the newest
/// segment always stays: so memory can pass `bytes` by one event, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retention {
    /// The most bytes, index included.
    pub bytes: usize,
    /// The most rows.
    pub rows: u64,
    /// What happens when either is reached.
    pub overflow: Overflow,
}

impl Retention {
    /// 256 MiB: an hour of a busy stream, and little beside a web view.
    pub const DEFAULT_BYTES: usize = 256 << 20;

    /// Two million rows: more than anybody scrolls through, and under 100 MiB of index.
    pub const DEFAULT_ROWS: u64 = 2_000_000;
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            bytes: Self::DEFAULT_BYTES,
            rows: Self::DEFAULT_ROWS,
            overflow: Overflow::DropOldest,
        }
    }
}

/// What happens when a [`Retention`] is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest rows fall out, and are counted. For those who look at what is there now.
    #[default]
    DropOldest,
    /// The watch stops reading until rows are [released](crate::Watch::release): the server feels
    /// the slow reader. For those who must see every row.
    Pause,
}
