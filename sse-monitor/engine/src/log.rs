//! What the task that reads the stream and the shells that look at it share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::{
    capture::{Capture, Draft, Overflow},
    clock::{Clock, Moment},
    request::WatchRequest,
    row::{Row, RowKind},
    state::{Snapshot, State, Totals},
};

/// The rows and the state, behind one lock that is held for one row or one page at a time.
#[derive(Debug)]
pub(crate) struct Log {
    clock: Clock,
    pauses: bool,
    inner: Mutex<Inner>,
    revision: watch::Sender<u64>,
    released: Notify,
}

#[derive(Debug)]
struct Inner {
    capture: Capture,
    url: String,
    state: State,
    last_event_id: String,
    totals: Totals,
    attempt: u32,
}

/// What a new row says beside its time and attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) kind: RowKind,
    pub(crate) event_type: &'a str,
    pub(crate) id: &'a str,
    pub(crate) data: &'a str,
}

impl Log {
    pub(crate) fn new(request: &WatchRequest) -> Self {
        Self {
            clock: Clock::start(),
            pauses: request.retention.overflow == Overflow::Pause,
            inner: Mutex::new(Inner {
                capture: Capture::new(request.retention),
                url: request.url(),
                state: State::Idle,
                last_event_id: request.last_event_id.clone(),
                totals: Totals::default(),
                attempt: 0,
            }),
            revision: watch::Sender::new(1),
            released: Notify::new(),
        }
    }

    /// Writes a row for something that arrived.
    pub(crate) fn write(&self, content: Content<'_>) {
        self.record(content, |_| None);
    }

    /// Writes a row for a turn of the connection, and the state that it leads to.
    pub(crate) fn turn(&self, content: Content<'_>, state: impl FnOnce(Moment) -> State) {
        self.record(content, |moment| Some(state(moment)));
    }

    /// Nothing is written once the watch is over: what a task still had in hand came too late.
    fn record(&self, content: Content<'_>, state: impl FnOnce(Moment) -> Option<State>) {
        let mut inner = self.lock();
        // Read under the lock, so that times rise with the rows' numbers.
        let moment = self.clock.now();
        if inner.state.is_over() {
            return;
        }
        inner.count(&content);
        let attempt = inner.attempt;
        inner.capture.append(&Draft {
            kind: content.kind,
            unix_micros: moment.unix_micros,
            elapsed_micros: moment.elapsed_micros,
            attempt,
            event_type: content.event_type,
            id: content.id,
            data: content.data,
        });
        if let Some(state) = state(moment) {
            inner.state = state;
        }
        self.touch();
    }

    /// Tells the ID that a reconnect would send: it moves without an event too.
    pub(crate) fn last_event_id(&self, id: &str) {
        let mut inner = self.lock();
        if inner.last_event_id != id {
            inner.last_event_id.clear();
            inner.last_event_id.push_str(id);
            self.touch();
        }
    }

    /// Waits until there is room for another row.
    pub(crate) async fn room(&self) {
        if !self.pauses {
            return;
        }
        loop {
            let released = self.released.notified();
            if !self.lock().capture.is_full() {
                return;
            }
            released.await;
        }
    }

    pub(crate) fn release(&self, number: u64) {
        let mut inner = self.lock();
        inner.capture.release(number);
        self.touch();
        drop(inner);
        self.released.notify_one();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        Snapshot {
            // Read under the lock that each change holds, so that it belongs to what is beside it.
            revision: *self.revision.borrow(),
            url: inner.url.clone(),
            state: inner.state.clone(),
            last_event_id: inner.last_event_id.clone(),
            first_row: inner.capture.first_row(),
            next_row: inner.capture.next_row(),
            totals: Totals {
                kept_bytes: inner.capture.kept_bytes() as u64,
                rows_forgotten: inner.capture.rows_forgotten(),
                ..inner.totals
            },
        }
    }

    pub(crate) fn page(&self, first: u64, count: usize, preview: usize) -> Vec<Row> {
        self.lock().capture.page(first, count, preview)
    }

    pub(crate) fn row(&self, number: u64) -> Option<Row> {
        self.lock().capture.row(number)
    }

    pub(crate) async fn changed(&self, since: u64) -> u64 {
        let mut revision = self.revision.subscribe();
        match revision.wait_for(|now| *now != since).await {
            Ok(now) => *now,
            // The sender is ours, so it cannot be gone.
            Err(_) => since,
        }
    }

    fn touch(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// A panic while the lock was held leaves counts and rows that are each whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn count(&mut self, content: &Content<'_>) {
        let totals = &mut self.totals;
        match content.kind {
            RowKind::Event => {
                totals.events += 1;
                totals.data_bytes += content.data.len() as u64;
                if self.last_event_id != content.id {
                    self.last_event_id = content.id.into();
                }
            }
            RowKind::Comment => totals.comments += 1,
            RowKind::ReconnectionTime { .. } => totals.reconnection_times += 1,
            RowKind::DecodeError => totals.decode_errors += 1,
            RowKind::Connecting => {
                totals.attempts += 1;
                self.attempt += 1;
            }
            RowKind::Connected { .. } => totals.connections += 1,
            RowKind::Redirected { .. } | RowKind::Disconnected { .. } | RowKind::Closed => {}
        }
    }
}
