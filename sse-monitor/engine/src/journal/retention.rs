//! How much is kept.

/// How much a watch keeps in memory, and what happens past that.
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

/// How much a recorded session may take of the disk, index included, in its folder and, once it was closed, in one
/// file. What its end needs is kept free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiskLimit {
    /// The most bytes.
    pub bytes: u64,
    /// What happens when they are reached.
    pub policy: DiskPolicy,
}

impl DiskLimit {
    /// 16 GiB: fifty million events of 300 bytes.
    pub const DEFAULT_BYTES: u64 = 16 << 30;

    /// 16 KiB: what a recording needs at least, to have its end and a few events.
    pub const LEAST_BYTES: u64 = 16 << 10;
}

impl Default for DiskLimit {
    fn default() -> Self {
        Self { bytes: Self::DEFAULT_BYTES, policy: DiskPolicy::Stop }
    }
}

/// What happens when a [`DiskLimit`] is reached. A disk that is full stops the recording always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiskPolicy {
    /// Recording stops, and a row says so; watching goes on.
    #[default]
    Stop,
    /// The oldest are dropped, a sixteenth of the limit at a time. An event that is longer than the limit leaves room for
    /// stops the recording.
    DropOldest,
}
