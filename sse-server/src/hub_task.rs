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
    /// By how many seconds tests have set the clock ahead.
    #[cfg(test)]
    pub(crate) ahead: core::sync::atomic::AtomicU64,
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
    /// How many pages of history were read.
    pages: usize,
}

/// How many pages of history are read while the lock is held. The timer's task reads on, and lets
/// others have their turn in between: whoever resumes by a pattern may have all that is kept looked
/// through.
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
            #[cfg(test)]
            ahead: Default::default(),
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

    /// Over how long those come back whom a drain ends: zero without one.
    pub(crate) fn drain_spread(&self) -> Duration {
        self.lock().hub.drain_spread()
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

    /// Acts on all that the hub wants done, releases the lock, and does the rest. What takes long is
    /// left to the timer's task.
    fn act(&self, state: MutexGuard<'_, State>) {
        self.act_after(state, Afterwards::default());
    }

    /// As [`act`](Self::act), where some of it was done before and the lock was kept.
    fn act_after(&self, mut state: MutexGuard<'_, State>, mut afterwards: Afterwards) {
        state.pump(self.now(), &mut afterwards);
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

    /// A time of the clock as the hub knows it.
    pub(crate) fn time_of(&self, at: Clock) -> Instant {
        Instant::from_origin(at.saturating_duration_since(self.origin))
    }

    fn now(&self) -> Instant {
        let now = Instant::from_origin(self.origin.elapsed());
        #[cfg(test)]
        let now = now + Duration::from_secs(self.ahead.load(core::sync::atomic::Ordering::Relaxed));
        now
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
        loop {
            // All of them before anybody else comes: the slot of one that has ended may have another
            // reader next.
            if let Some(output) = self.hub.poll_output() {
                self.obey(output, now, afterwards);
            } else if let Some(report) = self.store.poll_report() {
                self.relay(report, now);
            } else if afterwards.pages == PAGES {
                break;
            } else if let Some(question) = self.questions.pop_front() {
                self.store.fetch(question, now);
                afterwards.pages += 1;
            } else {
                break;
            }
        }
        while let Some(id) = self.hub.poll_ready() {
            afterwards.wake.extend(self.readers[id.index()].waker.take());
        }
        let next = self.deadline();
        let is_sooner = match (next, self.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_sooner {
            self.armed = next;
        }
        afterwards.alarm |= is_sooner || !self.questions.is_empty();
        afterwards.drained |= self.hub.is_drained();
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
    use core::{
        panic::AssertUnwindSafe,
        sync::atomic::{AtomicUsize, Ordering},
        task::Context,
    };

    use futures_util::StreamExt as _;
    use sse_server_core::{
        Draft, Publish, Resume, Retention, Selector, StoreError, Subscribe, Topic,
    };

    use super::*;

    /// A store that counts the pages it was asked for.
    struct Counting(Box<dyn Store>, Arc<AtomicUsize>);

    impl Store for Counting {
        fn head(&self) -> Cursor {
            self.0.head()
        }

        fn check(&mut self, event: &Publish, now: Instant) -> Result<(), StoreError> {
            self.0.check(event, now)
        }

        fn append(&mut self, id: PublishId, event: Draft, now: Instant) {
            self.0.append(id, event, now);
        }

        fn fetch(&mut self, question: Question, now: Instant) {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.fetch(question, now);
        }

        fn poll_report(&mut self) -> Option<Report> {
            self.0.poll_report()
        }
    }

    #[test]
    fn a_crowd_that_has_all_that_is_kept_looked_through_holds_nobody_up_for_more_than_a_few_pages()
    {
        const TOPICS: usize = 8200;
        const CROWD: usize = 100;
        let mut config = Config::default();
        config.hub.window = config.hub.window.events(1);
        let shared = Shared::new(config);
        let pages = Arc::new(AtomicUsize::new(0));
        let place = shared.head();
        {
            let mut state = shared.lock();
            let store = Box::new(MemoryStore::new(Retention::DEFAULT, place.epoch(), 1));
            state.store = Box::new(Counting(store, pages.clone()));
        }
        // After each thing that is done under the lock.
        let mut before = 0;
        let mut few_more = || {
            let now = pages.load(Ordering::Relaxed);
            assert!(now - before <= PAGES, "{} pages at once", now - before);
            before = now;
            now
        };
        let publish = |name: &str, data: &str| {
            let event = Publish::new([Topic::new(name).expect("a topic")], data);
            assert!(shared.publish_all(vec![event], None).is_ok());
        };
        for n in 0..TOPICS {
            publish(&format!("t.{n}"), "");
        }
        let reader = shared.subscribe(Subscribe::new([Topic::new("a").expect("a topic")]));
        let reader = reader.expect("there is room");
        for n in 0..CROWD {
            let patterns = (0..8).map(|k| Selector::new(&format!("none.{n}.{k}.*")));
            let request = Subscribe::new(patterns.map(|pattern| pattern.expect("a pattern")));
            shared.subscribe(request.resume(Resume::After(place))).expect("there is room");
            few_more();
        }
        let (mut written, mut frames) = (None, Vec::new());
        let mut told = String::new();
        let mut read = || {
            loop {
                let cx = Context::from_waker(Waker::noop());
                match shared.read(reader, written.take(), 4096, &mut frames, &cx) {
                    Read::Frames(more) => written = Some(more),
                    Read::Nothing | Read::Ended(_) => break,
                }
                for frame in frames.drain(..) {
                    told.push_str(core::str::from_utf8(&frame).expect("text"));
                }
            }
            told.matches("data: event").count()
        };
        // It gets its events while the others wait.
        for n in 0..10 {
            publish("a", &format!("event {n}"));
            few_more();
            assert_eq!(read(), n + 1);
            few_more();
        }
        let sofar = few_more();
        let mut ticks = 1;
        while shared.tick().goes_on {
            few_more();
            ticks += 1;
        }
        let all = few_more();
        assert!(all >= 8 * CROWD && sofar < all, "{sofar} of {all} pages");
        assert!(ticks >= (all - sofar) / PAGES, "{ticks} times");
        let places: Vec<_> =
            (0..10).filter_map(|n| told.find(&format!("data: event {n}\n"))).collect();
        assert!(places.len() == 10 && places.is_sorted(), "{told}");
    }

    #[tokio::test]
    async fn what_those_who_ask_leave_of_a_long_look_the_timers_task_does() {
        let mut config = Config::default();
        config.hub.window = config.hub.window.events(1);
        let hub = crate::Hub::start(config).expect("the settings agree");
        let start = hub.shared().head();
        let publish = |name: &str| {
            let event = Publish::new([Topic::new(name).expect("a topic")], name);
            assert!(hub.shared().publish_all(vec![event], None).is_ok());
        };
        // At 1,024 topics a page, more than are read at once.
        (0..8200).for_each(|n| publish(&format!("t.{n}")));
        publish("wanted.7.last");
        let patterns = (0..8).map(|k| Selector::new(&format!("wanted.{k}.*")));
        let request = Subscribe::new(patterns.map(|pattern| pattern.expect("a pattern")));
        let stream = hub.subscribe(request.resume(Resume::After(start)));
        let mut stream = stream.expect("there is room");
        let mut told = String::new();
        while !told.contains("data: wanted.7.last\n\n") {
            let chunk = stream.next().await.expect("it goes on").expect("it is not cut");
            told.push_str(core::str::from_utf8(&chunk).expect("text"));
        }
        assert!(!told.contains("event: reset"), "{told}");
    }

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

    #[test]
    fn words_on_presence_are_said_a_few_at_a_time() {
        const ROOMS: usize = 100;
        let mut config = Config::default();
        config.admission.presence_pause = Duration::ZERO;
        let shared = Shared::new(config);
        for n in 0..ROOMS {
            let selector = Selector::new(&format!("$presence.{n}")).expect("a name");
            let visitor = sse_server_core::Visitor::new([selector.clone()]);
            shared.admit(Subscribe::new([selector]), visitor, None).expect("there is room");
        }
        let mut before = 0;
        loop {
            let tick = shared.tick();
            let told = shared.admission_counters().presence as usize;
            assert!(told - before <= 16, "{}", told - before);
            before = told;
            if !tick.goes_on {
                break;
            }
        }
        assert_eq!(before, ROOMS);
    }
}
