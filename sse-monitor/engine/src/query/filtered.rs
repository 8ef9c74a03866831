//! The rows that pass a query, found in the background while the stream goes on.

use alloc::sync::Arc;
use core::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use serde::{Deserialize, Serialize};
use tokio::{runtime, sync::watch};

use super::{
    filter::Query,
    found::Found,
    search::{BLOCK, Order, Search},
};
use crate::journal::view::View;

/// Blocks searched before it is looked whether there is something new.
const BLOCKS: usize = 32;

/// The rows of a session that pass a query: a list that grows as they are found, and as the stream
/// brings more.
///
/// A thread of its own searches, block by block, first all that there is, then what comes. It holds
/// nothing up: it reads a [`View`], and what it found is locked for as long as it takes to note a
/// block or to copy a page. A row that passes takes no more than a bit, so that a list of ten million
/// is two megabytes. Dropping it ends the search.
///
/// ```no_run
/// # fn example(watch: &sse_monitor_engine::Watch) -> std::io::Result<()> {
/// use sse_monitor_engine::query::{Order, Query, Text};
///
/// let filtered = watch.filter(Query::new().text(Text::any_case("eur")), Order::Backward)?;
/// // Each time a window is drawn:
/// let progress = filtered.progress();
/// let numbers = filtered.page(progress.matches.saturating_sub(50), 50);
/// for row in watch.view().rows(&numbers, 600) {
///     println!("{} {}", row.number, row.data);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Filtered {
    shared: Arc<Shared>,
}

/// How far a [`Filtered`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Progress {
    /// Rows that pass, so far: positions in the list are less than this.
    pub matches: u64,
    /// Rows that were looked at and are still kept.
    pub looked_at: u64,
    /// Rows among which the query looks, as many as there were then.
    pub rows: u64,
    /// Whether it is done with all that there were: more comes only with the stream.
    pub is_caught_up: bool,
    /// Differs whenever anything here has changed.
    pub revision: u64,
}

#[derive(Debug)]
struct Shared {
    found: Mutex<Found>,
    progress: watch::Sender<Progress>,
    cancelled: AtomicBool,
}

/// Where rows come from.
pub(crate) trait Source: Send + 'static {
    fn view(&mut self) -> View;

    /// Waits until the view may have more; false once it never will.
    fn wait(&mut self) -> impl Future<Output = bool> + Send;
}

impl Filtered {
    pub(crate) fn start(source: impl Source, query: Query, order: Order) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            found: Mutex::default(),
            progress: watch::Sender::default(),
            cancelled: AtomicBool::new(false),
        });
        let worker = Worker { source, query, order, shared: Arc::clone(&shared), looked: None };
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        let search = move || runtime.block_on(worker.run());
        thread::Builder::new().name("sse-filter".into()).spawn(search)?;
        Ok(Self { shared })
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        *self.shared.progress.borrow()
    }

    /// The numbers of up to `count` rows from this position of the list on, the oldest first, whatever
    /// the order in which they are searched.
    ///
    /// Positions move where older rows are found or fall out: `progress().matches` minus a position
    /// stays while only older ones are found.
    pub fn page(&self, position: u64, count: usize) -> Vec<u64> {
        self.shared.found().page(position, count)
    }

    /// How many of its rows have a smaller number: the position of this row, or of the next that passes.
    pub fn position(&self, number: u64) -> u64 {
        self.shared.found().before(number)
    }

    /// Waits until the [revision](Progress::revision) is another than `since`, and returns the progress.
    /// Cancel-safe.
    pub async fn changed(&self, since: u64) -> Progress {
        let mut progress = self.shared.progress.subscribe();
        let changed = progress.wait_for(|now| now.revision != since).await.map(|now| *now);
        // The sender is ours, so it cannot be gone.
        changed.unwrap_or_default()
    }

    /// Ends the search; what was found stays.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
        // Wakes the thread where it waits for more.
        self.shared.progress.send_modify(|progress| progress.revision += 1);
    }
}

impl Drop for Filtered {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Shared {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

struct Worker<S> {
    source: S,
    query: Query,
    order: Order,
    shared: Arc<Shared>,
    /// The rows that were looked at.
    looked: Option<Range<u64>>,
}

impl<S: Source> Worker<S> {
    async fn run(mut self) {
        let mut progress = self.shared.progress.subscribe();
        loop {
            let is_done = self.round();
            // Before the flag is looked at, so that no cancel is missed.
            progress.mark_unchanged();
            if self.shared.is_cancelled() {
                return;
            }
            if is_done {
                tokio::select! {
                    more = self.source.wait() => if !more { return },
                    _ = progress.changed() => {}
                }
            }
        }
    }

    /// Looks at some blocks more; true where there are no others.
    fn round(&mut self) -> bool {
        let view = self.source.view();
        let query = self.query.clone();
        let mut search = Search::new(&view, &query);
        let asked = search.numbers();
        let start = if self.order == Order::Forward { asked.start } else { asked.end };
        let mut looked = self.looked.take().unwrap_or(start..start);
        looked =
            looked.start.clamp(asked.start, asked.end)..looked.end.clamp(asked.start, asked.end);
        let mut numbers = Vec::new();
        let mut is_done = false;
        for _ in 0..BLOCKS {
            let block = next_block(&looked, &asked);
            is_done = block.is_empty();
            numbers.clear();
            search.block(block.clone(), |_, number, _| numbers.push(number));
            if !is_done {
                looked = looked.start.min(block.start)..looked.end.max(block.end);
            }
            self.note(&view, block, &numbers, &looked, &asked);
            if is_done || self.shared.is_cancelled() {
                break;
            }
        }
        self.looked = Some(looked);
        is_done
    }

    fn note(
        &self,
        view: &View,
        block: Range<u64>,
        numbers: &[u64],
        looked: &Range<u64>,
        asked: &Range<u64>,
    ) {
        let matches = {
            let mut found = self.shared.found();
            found.forget(view.first_row());
            found.note(block, numbers);
            found.len()
        };
        self.shared.progress.send_if_modified(|progress| {
            let now = Progress {
                matches,
                looked_at: looked.end - looked.start,
                rows: asked.end - asked.start,
                is_caught_up: looked == asked,
                revision: progress.revision,
            };
            let differs = now != *progress;
            *progress = Progress { revision: progress.revision + u64::from(differs), ..now };
            differs
        });
    }
}

/// What is looked at next: what is new comes first, since that is what one looks at. Empty where all was.
fn next_block(looked: &Range<u64>, asked: &Range<u64>) -> Range<u64> {
    if looked.end < asked.end {
        looked.end..asked.end.min((looked.end / BLOCK + 1) * BLOCK)
    } else {
        let from = looked.start.saturating_sub(1) / BLOCK * BLOCK;
        from.max(asked.start).min(looked.start)..looked.start
    }
}
