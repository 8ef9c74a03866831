//! The stream that the window shows.

use alloc::sync::Arc;

use serde::Serialize;
use sse_monitor_engine::{RequestError, Row, Snapshot, Watch, WatchRequest};
use tokio::{runtime::Handle, select, sync::watch};

/// More than the highest screen has; a page's answer stays small whatever is asked for.
const MOST_ROWS: usize = 1000;

/// Of a row in the list one line is seen: no screen is wider than this.
const PREVIEW_BYTES: usize = 600;

/// At most one [`Watch`], replaced as a whole by the next connect.
#[derive(Debug)]
pub(crate) struct Shown {
    runtime: Handle,
    current: watch::Sender<Current>,
}

#[derive(Clone, Debug, Default)]
struct Current {
    /// Tells one watch from the next, whose revisions begin anew; 0 before the first.
    number: u64,
    watch: Option<Arc<Watch>>,
}

/// How things stand, and the rows asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    watch: u64,
    snapshot: Snapshot,
    rows: Vec<Row>,
}

impl Shown {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, current: watch::Sender::default() }
    }

    /// Watches `url` in place of what was watched, whose rows are let go.
    pub(crate) fn connect(&self, url: &str) -> Result<(), RequestError> {
        let request = WatchRequest::new(url)?;
        let watch = Arc::new(Watch::start(request, &self.runtime));
        self.current.send_modify(|current| {
            *current = Current { number: current.number + 1, watch: Some(watch) };
        });
        Ok(())
    }

    pub(crate) fn disconnect(&self) {
        if let Some(watch) = &self.current.borrow().watch {
            watch.disconnect();
        }
    }

    /// Up to `count` rows from number `from` on, or the newest ones without it.
    pub(crate) fn page(&self, from: Option<u64>, count: usize) -> Page {
        let Current { number, watch } = self.current.borrow().clone();
        let Some(watch) = watch else {
            return Page { watch: number, snapshot: Snapshot::default(), rows: Vec::new() };
        };
        let count = count.min(MOST_ROWS);
        // The snapshot first: a row that comes in between has a newer revision, and is asked for again.
        let snapshot = watch.snapshot();
        let from = from.unwrap_or_else(|| snapshot.next_row.saturating_sub(count as u64));
        let mut rows = watch.page(from, count, PREVIEW_BYTES);
        rows.retain(|row| row.number < snapshot.next_row);
        Page { watch: number, snapshot, rows }
    }

    /// Waits until something differs from the page of watch `number` at `revision`.
    pub(crate) async fn changed(&self, number: u64, revision: u64) {
        let mut receiver = self.current.subscribe();
        let current = receiver.borrow_and_update().clone();
        if current.number != number {
            return;
        }
        let Some(watch) = current.watch else {
            // Its sender is `self`, so it cannot be gone.
            let _ = receiver.changed().await;
            return;
        };
        select! {
            _ = receiver.changed() => {}
            _ = watch.changed(revision) => {}
        }
    }

    /// The row `number` whole, if it is kept.
    pub(crate) fn row(&self, number: u64) -> Option<Row> {
        self.current.borrow().watch.as_ref()?.row(number)
    }
}
