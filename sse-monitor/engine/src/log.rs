//! What the thread that reads the stream and the shells that look at it share.

use alloc::sync::Arc;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::{Notify, watch},
    time,
};

use crate::{
    clock::{Clock, Moment},
    journal::{
        kept::Kept,
        retention::{DiskPolicy, Overflow, Retention},
        turn::{Format, Origin, Turn},
        view::View,
        writer::{Place, Writer},
    },
    query::{Report, Source},
    request::WatchRequest,
    row::RowKind,
    state::{Snapshot, State, Totals},
    words,
};

/// A session under way. The writer is held while a read is written, which a slow disk can make long;
/// what shells ask for is kept beside it, and never waits for that.
#[derive(Debug)]
pub(crate) struct Log {
    clock: Clock,
    pauses: bool,
    /// With so many events it is over.
    most_events: u64,
    url: String,
    kept: Arc<Kept>,
    writer: Mutex<Writer>,
    public: Mutex<Public>,
    revision: watch::Sender<u64>,
    released: Notify,
}

/// A session under way, as a search follows it.
#[derive(Debug)]
pub(crate) struct Followed {
    log: Arc<Log>,
    seen: u64,
    is_over: bool,
}

/// For so long what comes is gathered before it is searched: half of what an eye needs.
const GATHERED: Duration = Duration::from_millis(8);

impl Followed {
    pub(crate) const fn new(log: Arc<Log>) -> Self {
        Self { log, seen: 0, is_over: false }
    }
}

impl Source for Followed {
    fn view(&mut self) -> View {
        // Before the view, so that what comes after it is waited for.
        let snapshot = self.log.snapshot();
        (self.seen, self.is_over) = (snapshot.revision, snapshot.state.is_over());
        self.log.view()
    }

    async fn wait(&mut self) -> bool {
        if !self.is_over {
            self.log.changed(self.seen).await;
            time::sleep(GATHERED).await;
        }
        !self.is_over
    }
}

/// What shells see.
#[derive(Debug)]
struct Public {
    state: State,
    last_event_id: String,
    totals: Totals,
    first_row: u64,
    next_row: u64,
    stopped: Option<String>,
}

impl Log {
    pub(crate) fn new(request: &WatchRequest) -> Self {
        let clock = Clock::start();
        let now = clock.now();
        let origin = Origin {
            url: request.url(),
            method: request.method.to_string(),
            started_unix_micros: now.unix_micros,
            most_line: request.limits.line as u64,
            most_event: request.limits.event as u64,
            most_value: request.limits.value as u64,
            last_event_id: request.last_event_id.clone(),
            redacted: request.redacted(),
            recorded_by: concat!("sse-monitor ", env!("CARGO_PKG_VERSION")).into(),
            ..Origin::default()
        };
        let (writer, failure) = match &request.recording {
            None => (in_memory(origin, request, request.retention), None),
            Some((path, limit)) => {
                let place = Place::Folder { path: path.clone(), limit: *limit };
                match Writer::new(origin.clone(), request.limits, place) {
                    Ok(writer) => (writer, None),
                    Err(error) => {
                        let sentence =
                            format!("nothing is recorded in {}: {error}", path.display());
                        (in_memory(origin, request, request.retention), Some(sentence))
                    }
                }
            }
        };
        let mut writer = writer;
        writer.fall_back_to(request.retention);
        let log = Self {
            pauses: request.recording.is_none() && request.retention.overflow == Overflow::Pause,
            most_events: request.most_events,
            url: request.url(),
            kept: Arc::clone(writer.kept()),
            writer: Mutex::new(writer),
            public: Mutex::new(Public {
                state: State::Idle,
                last_event_id: request.last_event_id.clone(),
                totals: Totals::default(),
                first_row: 1,
                next_row: 1,
                stopped: None,
            }),
            revision: watch::Sender::new(1),
            released: Notify::new(),
            clock,
        };
        if let Some(sentence) = failure {
            log.write(&Turn::new(RowKind::RecordingStopped, sentence.clone()));
            log.public().stopped = Some(sentence);
        }
        log
    }

    pub(crate) fn view(&self) -> View {
        self.kept.view()
    }

    pub(crate) fn report(&self) -> Report {
        self.reported(Report::clone)
    }

    pub(crate) fn brief_report(&self) -> Report {
        self.reported(Report::brief)
    }

    fn reported(&self, copied: impl FnOnce(&Report) -> Report) -> Report {
        let is_over = self.is_over();
        let mut statistics = self.kept.statistics();
        statistics.refresh();
        let now = self.clock.now().elapsed_micros;
        let silent_micros = statistics.silence(now);
        let (now, began) = (if is_over { 0 } else { now }, statistics.began());
        let report = copied(statistics.report()).lasting(now, began);
        Report { silent_micros, ..report }
    }

    /// Writes a row for something that happened.
    pub(crate) fn write(&self, turn: &Turn) {
        self.record(|writer, moment| {
            writer.turn(turn, moment);
            None
        });
    }

    /// Writes a row for a turn of the connection, and the state that it leads to.
    pub(crate) fn turn(&self, turn: &Turn, state: impl FnOnce(Moment) -> State) {
        self.record(|writer, moment| {
            writer.turn(turn, moment);
            Some(state(moment))
        });
    }

    /// A response's body begins.
    pub(crate) fn begin_body(&self, format: Format) {
        self.record(|writer, moment| {
            writer.begin_body(format, moment);
            None
        });
    }

    /// Writes bytes of the body, and the rows that end in them. Waits where rows must be
    /// [released](Self::release) first.
    pub(crate) async fn body(&self, chunk: &[u8], wire: usize) {
        let moment = self.clock.now();
        let mut rest = chunk;
        while !rest.is_empty() {
            // Made before it is known that there is no room, so that no release is missed.
            let released = self.released.notified();
            let mut used = 0;
            let is_rest = rest.len() < chunk.len();
            let wire = if is_rest { 0 } else { wire };
            let is_over = !self.record(|writer, _| {
                if self.pauses {
                    writer.release();
                }
                // A row is an event at most.
                let room = writer.room().min(self.events_left(writer));
                if room > 0 {
                    used = writer.body(rest, wire, is_rest, room, moment);
                }
                None
            });
            if is_over {
                return;
            }
            rest = &rest[used..];
            if used == 0 {
                released.await;
            }
        }
    }

    /// Nothing is written once the watch is over: what a task still had in hand came too late.
    /// Returns whether it was written.
    fn record(&self, write: impl FnOnce(&mut Writer, Moment) -> Option<State>) -> bool {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.public().state.is_over() {
            return false;
        }
        // Read under the lock, so that times rise with the rows' numbers.
        let mut state = write(&mut writer, self.clock.now());
        if self.events_left(&writer) == 0 && !state.as_ref().is_some_and(State::is_over) {
            let turn = Turn::new(RowKind::Closed, words::enough(self.most_events));
            writer.turn(&turn, self.clock.now());
            state = Some(State::Closed);
        }
        if state.as_ref().is_some_and(State::is_over) {
            // Before anybody is told, since a recording may be opened then; and shells do not wait for it.
            writer.close(self.clock.now());
        }
        let totals = writer.totals();
        let stopped = writer.stopped();
        let mut public = self.public();
        public.totals = totals;
        public.first_row = self.kept.first_row();
        public.next_row = self.kept.next_row();
        if public.last_event_id != writer.last_event_id() && totals.events > 0 {
            public.last_event_id.clear();
            public.last_event_id.push_str(writer.last_event_id());
        }
        if public.stopped.is_none() {
            public.stopped = stopped.map(Into::into);
        }
        if let Some(state) = state {
            public.state = state;
        }
        self.touch();
        true
    }

    /// How many events came, and were not cleared.
    pub(crate) fn events(&self) -> u64 {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).events()
    }

    /// Whether the body stands within an event.
    pub(crate) fn is_within_event(&self) -> bool {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).unfinished() > 0
    }

    const fn events_left(&self, writer: &Writer) -> u64 {
        self.most_events.saturating_sub(writer.events())
    }

    /// Whether nothing is written any more.
    pub(crate) fn is_over(&self) -> bool {
        self.public().state.is_over()
    }

    /// Tells the ID that a reconnect would send: it moves without an event too.
    pub(crate) fn last_event_id(&self, id: &str) {
        let mut public = self.public();
        if public.last_event_id != id {
            public.last_event_id.clear();
            public.last_event_id.push_str(id);
            self.touch();
        }
    }

    pub(crate) fn set_policy(&self, policy: DiskPolicy) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).set_policy(policy);
    }

    pub(crate) fn release(&self, number: u64) {
        self.kept.show_from(number.min(self.kept.next_row()));
        let mut public = self.public();
        public.first_row = public.first_row.max(number.min(public.next_row));
        self.touch();
        drop(public);
        self.released.notify_one();
    }

    pub(crate) fn clear(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (attempts, connections) = match self.public().state {
            State::Connecting { .. } => (1, 0),
            State::Open { .. } => (1, 1),
            State::Idle | State::Waiting { .. } | State::Closed | State::Failed { .. } => (0, 0),
        };
        let under_way = Totals { attempts, connections, ..Totals::default() };
        writer.clear(under_way, self.is_over(), self.clock.now());
        let mut public = self.public();
        public.totals = writer.totals();
        public.first_row = self.kept.first_row();
        public.next_row = self.kept.next_row();
        if public.stopped.is_none() {
            public.stopped = writer.stopped().map(Into::into);
        }
        self.touch();
        drop(public);
        self.released.notify_one();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let public = self.public();
        Snapshot {
            // Read under the lock that each change holds, so that it belongs to what is beside it.
            revision: *self.revision.borrow(),
            url: self.url.clone(),
            state: public.state.clone(),
            last_event_id: public.last_event_id.clone(),
            first_row: public.first_row,
            next_row: public.next_row,
            totals: public.totals,
        }
    }

    /// Why nothing is recorded any more, though it was asked for.
    pub(crate) fn stopped(&self) -> Option<String> {
        self.public().stopped.clone()
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
    fn public(&self) -> MutexGuard<'_, Public> {
        self.public.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_memory(origin: Origin, request: &WatchRequest, retention: Retention) -> Writer {
    Writer::in_memory(origin, request.limits, retention)
}
