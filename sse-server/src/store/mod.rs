//! Stores: who owns the order of events.

mod memory;

use alloc::sync::Arc;

use sse_codec::time::Instant;
use sse_server_core::{
    Appended, Cursor, Draft, FetchId, HistoryPage, Publish, PublishId, Receipt, Selector,
    StoreError,
};

pub(crate) use self::memory::MemoryStore;

/// Takes questions at once and answers them when it can.
///
/// A store in memory has its reports ready as soon as it is asked; one behind a network has a task
/// of its own and wakes the hub's.
pub(crate) trait Store: Send {
    /// The newest place.
    fn head(&self) -> Cursor;

    /// Whether it would refuse an event, as far as it can tell at once.
    fn check(&mut self, event: &Publish, now: Instant) -> Result<(), StoreError>;

    /// Gives an event its place.
    fn append(&mut self, id: PublishId, event: Draft, now: Instant);

    /// Reads a page of history.
    fn fetch(&mut self, question: Question, now: Instant);

    /// The next report, in the store's order.
    fn poll_report(&mut self) -> Option<Report>;
}

/// What [`Store::fetch`] is asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) fetch: FetchId,
    pub(crate) selectors: Arc<[Selector]>,
    pub(crate) after: Cursor,
    pub(crate) max_bytes: usize,
}

/// What a store has to say.
#[derive(Debug)]
pub(crate) enum Report {
    Appended(Appended),
    AppendDone(PublishId, Result<Receipt, StoreError>),
    History(FetchId, Result<HistoryPage, StoreError>),
}
