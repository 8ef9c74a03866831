//! A watched URL.

use alloc::sync::Arc;

use tokio::{runtime::Handle, task::AbortHandle};

use crate::{
    log::{Content, Log},
    reader,
    request::WatchRequest,
    row::{Row, RowKind},
    state::{Snapshot, State},
};

/// A watched URL: a task that reads its event stream, and all that is kept of it.
///
/// Dropping it ends the connection.
#[derive(Debug)]
pub struct Watch {
    log: Arc<Log>,
    reader: AbortHandle,
}

impl Watch {
    /// Begins to connect, on `runtime`. Whatever goes wrong from here on shows in
    /// [`snapshot`](Self::snapshot).
    pub fn start(request: WatchRequest, runtime: &Handle) -> Self {
        let log = Arc::new(Log::new(&request));
        let reader = runtime.spawn(reader::read(request, Arc::clone(&log))).abort_handle();
        Self { log, reader }
    }

    /// How it stands now.
    pub fn snapshot(&self) -> Snapshot {
        self.log.snapshot()
    }

    /// Up to `count` rows from number `first` on, each with at most `preview` bytes of its data.
    ///
    /// Begins at the oldest row kept where `first` has fallen out, and is empty past the newest.
    /// The cost depends on the page, not on how many rows are kept.
    pub fn page(&self, first: u64, count: usize, preview: usize) -> Vec<Row> {
        self.log.page(first, count, preview)
    }

    /// The whole row `number`; `None` if it has fallen out or did not come yet.
    pub fn row(&self, number: u64) -> Option<Row> {
        self.log.row(number)
    }

    /// Waits until the [revision](Snapshot::revision) is another than `since`, and returns it.
    ///
    /// At once, if it already is: so nothing is missed between two calls. Cancel-safe.
    pub async fn changed(&self, since: u64) -> u64 {
        self.log.changed(since).await
    }

    /// Says that the rows before `number` are no longer needed. A watch that
    /// [paused](crate::Overflow::Pause) for want of room goes on.
    pub fn release(&self, number: u64) {
        self.log.release(number);
    }

    /// Ends the connection for good; what arrived stays. Does nothing if it is over.
    pub fn disconnect(&self) {
        let content =
            Content { kind: RowKind::Closed, event_type: "", id: "", data: "disconnected" };
        self.log.turn(content, |_| State::Closed);
        self.reader.abort();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
