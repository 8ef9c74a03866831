//! A watched URL.

use alloc::sync::Arc;
use std::{io, thread};

use tokio::{runtime, sync::Notify};

use crate::{
    connection,
    journal::{retention::DiskPolicy, turn::Turn, view::View},
    log::{Followed, Log},
    query::{Filtered, Order, Query, Report},
    request::WatchRequest,
    row::{Row, RowKind},
    state::{Failure, Fault, Snapshot, State},
};

/// A watched URL: a thread that reads its event stream, and all that is kept of it.
///
/// Dropping it ends the connection.
#[derive(Debug)]
pub struct Watch {
    log: Arc<Log>,
    stop: Arc<Notify>,
    reconnect: Arc<Notify>,
}

impl Watch {
    /// Begins to connect. Whatever goes wrong from here on shows in [`snapshot`](Self::snapshot).
    ///
    /// It reads on a thread of its own, so that neither a slow disk nor a busy shell holds the other
    /// up, and needs no runtime of the caller's.
    pub fn start(request: WatchRequest) -> Self {
        let log = Arc::new(Log::new(&request));
        let (stop, reconnect) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let watch = Self {
            log: Arc::clone(&log),
            stop: Arc::clone(&stop),
            reconnect: Arc::clone(&reconnect),
        };
        let thread = thread::Builder::new().name("sse-watch".into());
        if let Err(error) = thread.spawn(move || read(request, &log, &stop, reconnect)) {
            watch.unable(&error);
        }
        watch
    }

    /// How it stands now.
    pub fn snapshot(&self) -> Snapshot {
        self.log.snapshot()
    }

    /// Its statistics so far, with the latest attempts, stalls and seconds. Kept as it reads, so that
    /// asking costs a copy.
    pub fn report(&self) -> Report {
        self.log.report()
    }

    /// The same without its lists: as cheap as a [`snapshot`](Self::snapshot), whatever came.
    pub fn brief_report(&self) -> Report {
        self.log.brief_report()
    }

    /// Its rows as they stand now. What is searched or paged through it holds nothing up.
    pub fn view(&self) -> View {
        self.log.view()
    }

    /// Up to `count` rows from number `first` on, each with at most `preview` bytes of its data.
    ///
    /// Begins at the oldest row kept where `first` has fallen out, and is empty past the newest.
    /// The cost depends on the page, not on how many rows are kept.
    pub fn page(&self, first: u64, count: usize, preview: usize) -> Vec<Row> {
        self.view().page(first, count, preview)
    }

    /// The whole row `number`; `None` if it has fallen out or did not come yet.
    pub fn row(&self, number: u64) -> Option<Row> {
        self.view().row(number)
    }

    /// Begins to look for the rows that pass, those that come later included.
    ///
    /// # Errors
    /// If no thread can be had for it.
    pub fn filter(&self, query: Query, order: Order) -> io::Result<Filtered> {
        Filtered::start(Followed::new(Arc::clone(&self.log)), query, order)
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

    /// Forgets all that came: its rows, the files in which they are recorded, and what was counted of them.
    /// Only the attempt under way goes on. Row numbers go on too.
    pub fn clear(&self) {
        self.log.clear();
    }

    /// What is done from now on where the [limit of the disk](WatchRequest::record) is reached: a shell
    /// may learn late that the beginning must not be dropped. Without a recording it does nothing.
    pub fn set_disk_policy(&self, policy: DiskPolicy) {
        self.log.set_policy(policy);
    }

    /// Why nothing is recorded any more, in words, though [it was asked for](WatchRequest::record).
    pub fn recording_stopped(&self) -> Option<String> {
        self.log.stopped()
    }

    /// Ends the wait before the next attempt to connect. Does nothing otherwise.
    pub fn reconnect(&self) {
        self.reconnect.notify_one();
    }

    /// Ends the connection for good; what arrived stays. Does nothing if it is over.
    pub fn disconnect(&self) {
        self.log.turn(&Turn::new(RowKind::Closed, "disconnected"), |_| State::Closed);
        self.stop.notify_one();
    }

    fn unable(&self, error: &io::Error) {
        let sentence = format!("the stream cannot be read: {error}");
        let kind = RowKind::Disconnected { fault: Fault::Other, retry_in_ms: None };
        let failure = Failure { fault: Fault::Other, sentence: sentence.clone() };
        self.log.turn(&Turn::new(kind, sentence), |_| State::Failed { failure });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.disconnect();
    }
}

fn read(request: WatchRequest, log: &Arc<Log>, stop: &Notify, reconnect: Arc<Notify>) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let watch = Watch { log: Arc::clone(log), stop: Arc::default(), reconnect };
            watch.unable(&error);
            return;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = stop.notified() => {}
            () = connection::follow(request, Arc::clone(log), reconnect) => {}
        }
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
}
