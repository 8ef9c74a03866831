//! Drives a hub: one lock, one clock, one timer.

use alloc::{collections::VecDeque, sync::Arc};
use core::{hash::BuildHasher, task::Waker, time::Duration};
use std::{
    collections::HashMap,
    hash::RandomState,
    sync::{Mutex, MutexGuard},
    time::Instant as Clock,
};

use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionCounters, CloseReason, Counters, Cursor, Epoch, Hub, Output, Pass,
    PublishError, PublishId, Receipt, SubscriberId,
};
use tokio::sync::{Notify, oneshot};

use crate::{
    config::Config,
    store::{MemoryStore, Question, Report, Store},
    wire::{CutHandle, WireCounters},
};

mod clock;
mod door;
mod publishing;
mod reading;

pub(crate) use self::{clock::keep_time, door::Refused, reading::Read};

type Answer = oneshot::Sender<Result<Receipt, PublishError>>;

/// Where the answer to a publish comes in.
pub(crate) type Awaited = oneshot::Receiver<Result<Receipt, PublishError>>;

/// What the handles, the streams and the timer of one hub share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Tells the timer that its deadline has moved.
    pub(crate) alarm: Arc<Notify>,
    /// Tells whoever drains that the last has gone.
    drained: Notify,
    pub(crate) wire: Arc<WireCounters>,
    origin: Clock,
}

struct State {
    hub: Hub,
    admission: Admission,
    store: Box<dyn Store>,
    /// By slot: how to reach whoever reads there.
    readers: Vec<Reader>,
    /// Who came in by which pass.
    admitted: HashMap<Pass, SubscriberId>,
    /// Those whose response the hub has ended and whose reader has not seen it yet.
    ended: HashMap<SubscriberId, CloseReason>,
    /// Those of them that are cut unless their readers see it by then.
    leaving: VecDeque<Leaving>,
    answers: HashMap<PublishId, Answer>,
    /// What the store is to be asked.
    questions: VecDeque<Question>,
    /// For when the timer is armed.
    armed: Option<Instant>,
}

/// By when it is cut, who, and by what.
type Leaving = (Instant, SubscriberId, CutHandle);

#[derive(Default)]
struct Reader {
    waker: Option<Waker>,
    cut: Option<CutHandle>,
    pass: Option<Pass>,
}

/// What is done after the lock is released, since none of it is ours: wakers and sockets.
#[derive(Default)]
struct Afterwards {
    wake: Vec<Waker>,
    cut: Vec<CutHandle>,
    answers: Vec<(Answer, Result<Receipt, PublishError>)>,
    alarm: bool,
    drained: bool,
    /// The store has been asked enough for once: others may want the lock.
    goes_on: bool,
}

/// How many pages of history are read while the lock is held.
const PAGES: usize = 4;

impl Shared {
    pub(crate) fn new(mut config: Config) -> Self {
        // A hub that showed what its store has let go of would make "kept" mean two things.
        config.hub.window = config.hub.window.within(&config.retention);
        let [epoch, seed] = [0, 1].map(|n: u64| RandomState::new().hash_one(n));
        // 48 bits keep ids short; the next life of a store draws the same one time in 2⁴⁸.
        let store = MemoryStore::new(config.retention, Epoch::new(epoch >> 16), seed);
        Self {
            state: Mutex::new(State {
                hub: Hub::new(config.hub, store.head(), seed),
                admission: Admission::new(config.admission, seed),
                store: Box::new(store),
                readers: Vec::new(),
                admitted: HashMap::new(),
                ended: HashMap::new(),
                leaving: VecDeque::new(),
                answers: HashMap::new(),
                questions: VecDeque::new(),
                armed: None,
            }),
            alarm: Arc::new(Notify::new()),
            drained: Notify::new(),
            wire: Arc::default(),
            origin: Clock::now(),
        }
    }

    /// For how long one may take nothing of what there is for it.
    pub(crate) fn max_stall(&self) -> Duration {
        self.lock().hub.config().max_stall
    }

    /// How many topics a subscription may have.
    pub(crate) fn max_topics(&self) -> usize {
        self.lock().hub.config().max_topics
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.lock().hub.is_draining()
    }

    pub(crate) fn head(&self) -> Cursor {
        self.lock().hub.head()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().hub.counters()
    }

    pub(crate) fn admission_counters(&self) -> AdmissionCounters {
        self.lock().admission.counters()
    }

    /// Acts on all that the hub wants done, releases the lock, and does the rest.
    fn act<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        while self.act_for_once(state) {
            std::thread::yield_now();
            // Here also in a destructor, which may itself run for a panic.
            let Ok(again) = self.state.lock() else { return };
            state = again;
        }
    }

    /// Does a part of it that is not too long, and says whether more is left.
    fn act_for_once(&self, mut state: MutexGuard<'_, State>) -> bool {
        let now = self.now();
        let mut afterwards = Afterwards::default();
        state.pump(now, &mut afterwards);
        drop(state);
        for waker in afterwards.wake {
            waker.wake();
        }
        for cut in afterwards.cut {
            cut.cut();
        }
        for (answer, result) in afterwards.answers {
            let _ = answer.send(result);
        }
        if afterwards.alarm {
            self.alarm.notify_one();
        }
        if afterwards.drained {
            self.drained.notify_waiters();
        }
        afterwards.goes_on
    }

    /// # Panics
    /// Where a panic has left the hub in the middle of something: what it would deliver from then
    /// on, nobody knows.
    fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            Err(_) => panic!("the hub has panicked and is of no more use; restart the process"),
        }
    }

    /// Whether a panic has left the hub in the middle of something.
    pub(crate) fn has_failed(&self) -> bool {
        self.state.is_poisoned()
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.alarm.notify_one();
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.state.try_lock() {
            Ok(state) => state.hub.fmt(f),
            Err(_) => f.write_str("Hub"),
        }
    }
}

impl State {
    fn pump(&mut self, now: Instant, afterwards: &mut Afterwards) {
        let mut pages = 0;
        loop {
            // All of them before anybody else comes: the slot of one that has ended may have another
            // reader next.
            if let Some(output) = self.hub.poll_output() {
                self.obey(output, now, afterwards);
            } else if let Some(report) = self.store.poll_report() {
                self.relay(report, now);
            } else if pages == PAGES {
                break;
            } else if let Some(question) = self.questions.pop_front() {
                self.store.fetch(question, now);
                pages += 1;
            } else {
                break;
            }
        }
        afterwards.goes_on = !self.questions.is_empty();
        while let Some(id) = self.hub.poll_ready() {
            afterwards.wake.extend(self.readers[id.index()].waker.take());
        }
        let next = self.deadline();
        afterwards.alarm = match (next, self.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if afterwards.alarm {
            self.armed = next;
        }
        afterwards.drained = self.hub.is_drained();
    }

    fn obey(&mut self, output: Output, now: Instant, afterwards: &mut Afterwards) {
        match output {
            Output::Append { id, event, .. } => self.store.append(id, event, now),
            Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                self.questions.push_back(Question { fetch, selectors, after, max_bytes });
            }
            Output::PublishDone { id, result, .. } => {
                let answer = self.answers.remove(&id);
                afterwards.answers.extend(answer.map(|answer| (answer, result)));
            }
            Output::Close { id, reason, .. } => {
                self.ended.insert(id, reason);
                let reader = core::mem::take(&mut self.readers[id.index()]);
                if let Some(pass) = reader.pass {
                    self.admitted.remove(&pass);
                    self.admission.release(pass, now);
                }
                afterwards.wake.extend(reader.waker);
                match (reason, reader.cut) {
                    (CloseReason::Slow, cut) => afterwards.cut.extend(cut),
                    // A drain has a deadline of its own.
                    (CloseReason::Drained, _) | (_, None) => {}
                    (_, Some(cut)) => self.leaving.push_back((now + LEAVE, id, cut)),
                }
            }
            // An output that this driver does not know yet asks for nothing that it could do.
            _ => {}
        }
    }

    fn relay(&mut self, report: Report, now: Instant) {
        match report {
            Report::Appended(event) => self.hub.handle_appended(&event, now),
            Report::AppendDone(id, result) => self.hub.handle_append_done(id, result, now),
            Report::History(fetch, page) => self.hub.handle_history(fetch, page, now),
        }
    }
}

/// For how long one whose grant has ended may go on taking what it was sent before. Whoever reads
/// sees the end at once.
const LEAVE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use core::panic::AssertUnwindSafe;

    use sse_server_core::{Subscribe, Topic};

    use super::*;

    #[test]
    fn a_hub_that_a_panic_has_torn_serves_nobody_and_says_so() {
        let shared = Arc::new(Shared::new(Config::default()));
        let topic = Topic::new("a").expect("a topic");
        let id = shared.subscribe(Subscribe::new([topic])).expect("there is room");
        let torn = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _state = shared.lock();
            panic!("in the middle of something");
        }));
        assert!(torn.is_err() && shared.has_failed());
        let answer = std::panic::catch_unwind(AssertUnwindSafe(|| shared.head()));
        assert!(answer.is_err());
        // Those who leave may leave.
        shared.disconnect(id);
        assert_eq!(format!("{shared:?}"), "Hub");
    }
}
