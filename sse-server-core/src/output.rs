//! What a hub asks of its driver, and the names of things in between.

use alloc::sync::Arc;

use sse_codec::time::Instant;

use crate::{
    cursor::{Cursor, ResetReason},
    error::{PublishError, StoreError},
    event::Draft,
    selector::Selector,
};

/// One open response at the hub. A name is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl SubscriberId {
    /// Its place in a table: small, and given to another once this subscriber has gone.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

/// One call of [`Hub::publish`](crate::Hub::publish).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishId(pub(crate) u64);

/// Where a subscriber leaves off, if it goes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Place {
    /// By what it resumes.
    pub cursor: Cursor,
    /// The `reset` that it must be told of with that: whoever resumed by the place alone would never
    /// hear of what was lost before it.
    pub reset: Option<ResetReason>,
}

/// Where a published event has its place.
///
/// ```
/// use sse_server_core::{Cursor, Epoch, Receipt};
///
/// let place = Cursor::new(Epoch::new(1), 7);
/// assert!(Receipt::repeat(place).is_repeat && !Receipt::new(place).is_repeat);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Receipt {
    /// The place.
    pub cursor: Cursor,
    /// Whether it had it before: the event came again, [by its key](crate::Publish::key).
    pub is_repeat: bool,
}

impl Receipt {
    /// Of an event that was appended.
    pub const fn new(cursor: Cursor) -> Self {
        Self { cursor, is_repeat: false }
    }

    /// Of an event that was there already.
    pub const fn repeat(cursor: Cursor) -> Self {
        Self { cursor, is_repeat: true }
    }
}

/// One question for history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub(crate) u64);

/// What the driver must do, in this order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Have the store append `event`: report [`handle_appended`](crate::Hub::handle_appended) to
    /// every hub of the store, and [`handle_append_done`](crate::Hub::handle_append_done) to this.
    #[non_exhaustive]
    Append {
        /// To name in the report.
        id: PublishId,
        /// To [place](Draft::place).
        event: Draft,
    },
    /// Have the store read a page: report [`handle_history`](crate::Hub::handle_history).
    #[non_exhaustive]
    FetchHistory {
        /// To name in the report.
        fetch: FetchId,
        /// Whose entries are wanted.
        selectors: Arc<[Selector]>,
        /// After which place.
        after: Cursor,
        /// How many bytes at most, by [`Stored::cost`](crate::Stored::cost), though at least one
        /// entry if there is one.
        max_bytes: usize,
    },
    /// Tell whoever published how it went.
    #[non_exhaustive]
    PublishDone {
        /// Which call.
        id: PublishId,
        /// The event's place, or why it has none.
        result: Result<Receipt, PublishError>,
    },
    /// End this subscriber's response. The hub has forgotten it already.
    #[non_exhaustive]
    Close {
        /// Which one.
        id: SubscriberId,
        /// Why.
        reason: CloseReason,
    },
}

/// Why a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// It lagged too far behind, or read nothing for too long: reset its connection, since what
    /// is in its buffers does not move either.
    Slow,
    /// The hub stops.
    Drained,
    /// The time it was granted is over.
    Expired,
    /// Somebody ended it.
    Revoked,
    /// The store could not be read.
    StoreFailed,
    /// Another stream has taken its place.
    Replaced,
}

impl From<StoreError> for CloseReason {
    fn from(_: StoreError) -> Self {
        Self::StoreFailed
    }
}

/// When [`handle_timeout`](crate::Hub::handle_timeout) is next of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadline {
    /// The time.
    pub at: Instant,
    /// What for.
    pub timer: Timer,
}

/// What a [`Deadline`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// A heartbeat, a stall or an expiry.
    Subscriber,
    /// The end of a drain.
    Drain,
    /// A word on presence that not all were told.
    Presence,
}

/// What a hub has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Subscribers that are there now.
    pub subscribers: u64,
    /// Subscribers that ever were.
    pub subscribed: u64,
    /// Events that came from the store.
    pub appended: u64,
    /// Events published here that were a repeat, by their key.
    pub repeats: u64,
    /// Events written, counted for each subscriber.
    pub delivered: u64,
    /// Bytes written, of any kind.
    pub written_bytes: u64,
    /// `reset` events.
    pub resets: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Subscribers cut for their lag in bytes.
    pub cut_for_lag: u64,
    /// Subscribers cut because they read nothing.
    pub cut_for_stall: u64,
    /// Times that a subscriber was made to skip events rather than be cut.
    pub skipped: u64,
    /// Subscribers cut by the application.
    pub revoked: u64,
    /// Subscribers whose grant ended.
    pub expired: u64,
    /// Subscribers in whose place another one came.
    pub replaced: u64,
    /// Subscribers that a drain ended.
    pub drained: u64,
    /// Subscribers that were ended because the store could not be read.
    pub store_failed: u64,
    /// Subscriptions that were refused.
    pub refused: u64,
    /// Pages of history asked of the store.
    pub fetches: u64,
}
