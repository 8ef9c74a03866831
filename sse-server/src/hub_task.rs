//! Drives a hub: one lock, one clock, one timer.

use alloc::{
    collections::VecDeque,
    sync::{Arc, Weak},
};
use core::{
    hash::BuildHasher,
    net::IpAddr,
    task::{Context, Waker},
    time::Duration,
};
use std::{
    collections::HashMap,
    hash::RandomState,
    sync::{Mutex, MutexGuard},
    time::Instant as Clock,
};

use bytes::Bytes;
use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionCounters, AdmissionError, CloseReason, Counters, Cursor, Epoch, Hub,
    Output, Pass, Presence, Principal, Publish, PublishError, PublishId, Receipt, Redeemed, Resume,
    Revoke, Subscribe, SubscribeError, SubscriberId, Ticket, TicketError, Topic, Visitor, Written,
};
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, sleep_until},
};

use crate::{
    config::Config,
    store::{MemoryStore, Question, Report, Store},
    wire::CutHandle,
};

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
    origin: Clock,
}

struct State {
    hub: Hub,
    admission: Admission,
    store: Box<dyn Store>,
    /// By slot: how to reach whoever reads there.
    readers: Vec<Reader>,
    /// Those whose response the hub has ended and whose reader has not seen it yet.
    ended: HashMap<SubscriberId, CloseReason>,
    /// Those of them that are cut unless their readers see it by then.
    leaving: VecDeque<Leaving>,
    answers: HashMap<PublishId, Answer>,
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

/// Why a request is refused: by the door or by the hub.
#[derive(Debug)]
pub(crate) enum Refused<E> {
    Admission(AdmissionError),
    Ticket(TicketError),
    Hub(E),
}

/// What is done after the lock is released, since none of it is ours: wakers and sockets.
#[derive(Default)]
struct Afterwards {
    wake: Vec<Waker>,
    cut: Vec<CutHandle>,
    answers: Vec<(Answer, Result<Receipt, PublishError>)>,
    alarm: bool,
    drained: bool,
}

/// How a poll of a subscriber went.
pub(crate) enum Read {
    /// Something to write; to be confirmed at the next poll.
    Frames(Written),
    /// Nothing yet; the waker will be woken.
    Nothing,
    /// The hub has ended the response.
    Ended(CloseReason),
}

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
                ended: HashMap::new(),
                leaving: VecDeque::new(),
                answers: HashMap::new(),
                armed: None,
            }),
            alarm: Arc::new(Notify::new()),
            drained: Notify::new(),
            origin: Clock::now(),
        }
    }

    pub(crate) fn publish(&self, event: Publish, answer: Answer) {
        let mut state = self.lock();
        match state.hub.publish(event, self.now()) {
            Ok(id) => {
                state.answers.insert(id, answer);
            }
            Err(refusal) => {
                drop(state);
                // Whoever does not await the answer does not want it.
                let _ = answer.send(Err(refusal));
                return;
            }
        }
        self.act(state);
    }

    /// Publishes all of these events or none, on behalf of somebody.
    pub(crate) fn publish_all(
        &self,
        events: Vec<Publish>,
        principal: Option<&Principal>,
    ) -> Result<Vec<Awaited>, (usize, Refused<PublishError>)> {
        let mut state = self.lock();
        let now = self.now();
        for (n, event) in events.iter().enumerate() {
            let checked = state.hub.check_publish(event);
            let checked =
                checked.and_then(|()| state.store.check(event, now).map_err(PublishError::Store));
            checked.map_err(|error| (n, Refused::Hub(error)))?;
        }
        if !state.hub.has_room(&events) {
            return Err((0, Refused::Hub(PublishError::Busy)));
        }
        if let Some(principal) = principal {
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            let admitted = state.admission.publish(principal, count, now);
            admitted.map_err(|error| (0, Refused::Admission(error)))?;
        }
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            let (sender, answer) = oneshot::channel();
            match state.hub.publish(event, now) {
                Ok(id) => {
                    state.answers.insert(id, sender);
                }
                Err(refusal) => {
                    let _ = sender.send(Err(refusal));
                }
            }
            answers.push(answer);
        }
        self.act(state);
        Ok(answers)
    }

    /// Opens a stream of the program's own.
    pub(crate) fn subscribe(&self, request: Subscribe) -> Result<SubscriberId, SubscribeError> {
        let state = self.lock();
        self.seat(state, request, Reader::default())
    }

    /// Opens a stream on behalf of somebody.
    pub(crate) fn admit(
        &self,
        request: Subscribe,
        visitor: Visitor,
        cut: Option<CutHandle>,
    ) -> Result<SubscriberId, Refused<SubscribeError>> {
        let mut state = self.lock();
        let now = self.now();
        let pass = state.admission.admit(visitor, now).map_err(Refused::Admission)?;
        let reader = Reader { waker: None, cut, pass: Some(pass) };
        self.seat(state, request, reader).map_err(Refused::Hub)
    }

    /// For how long one may take nothing of what there is for it.
    pub(crate) fn max_stall(&self) -> Duration {
        self.lock().hub.config().max_stall
    }

    /// How many topics a subscription may have.
    pub(crate) fn max_topics(&self) -> usize {
        self.lock().hub.config().max_topics
    }

    /// Counts something that costs as much as so many events, or as all that may be published at
    /// once, to the rate of whoever asks it.
    pub(crate) fn charge(&self, principal: &Principal, events: u32) -> Result<(), AdmissionError> {
        let mut state = self.lock();
        let now = self.now();
        let most = state.admission.config().publish_burst;
        state.admission.publish(principal, events.min(most), now)
    }

    /// Remembers a ticket.
    pub(crate) fn issue_ticket(
        &self,
        secret: [u8; 16],
        ticket: Ticket,
        life: Duration,
    ) -> Result<Duration, TicketError> {
        let mut state = self.lock();
        let now = self.now();
        state.admission.issue_ticket(secret, ticket.until(now + life), now)?;
        Ok(state.admission.config().ticket_wait.min(life))
    }

    /// Opens the stream of whoever holds a ticket.
    pub(crate) fn admit_by_ticket(
        &self,
        secret: &[u8; 16],
        resume: Resume,
        address: Option<IpAddr>,
        cut: Option<CutHandle>,
    ) -> Result<SubscriberId, Refused<SubscribeError>> {
        let mut state = self.lock();
        let now = self.now();
        let is_resume = matches!(resume, Resume::After(_));
        let admitted = state.admission.admit_by_ticket(secret, is_resume, address, now);
        let Redeemed { pass, ticket, replaced, .. } = admitted.map_err(Refused::Ticket)?;
        let replaced: Vec<_> = state.occupied(replaced.as_slice()).collect();
        if let [id] = replaced[..] {
            state.hub.close(id, CloseReason::Revoked, now);
            // The new one may get its slot: its reader must have left that.
            self.act(state);
            state = self.lock();
        }
        let mut request = Subscribe::new(ticket.selectors().iter().cloned()).resume(resume);
        if let Some(at) = ticket.expires() {
            request = request.expires(at);
        }
        // Checked when the ticket was given out.
        if let Some(Ok(with_user)) = ticket.user().map(|user| request.clone().user(user)) {
            request = with_user;
        }
        let reader = Reader { waker: None, cut, pass: Some(pass) };
        self.seat(state, request, reader).map_err(Refused::Hub)
    }

    fn seat(
        &self,
        mut state: MutexGuard<'_, State>,
        request: Subscribe,
        reader: Reader,
    ) -> Result<SubscriberId, SubscribeError> {
        let now = self.now();
        let id = match state.hub.subscribe(request, now) {
            Ok(id) => id,
            Err(refusal) => {
                if let Some(pass) = reader.pass {
                    state.admission.release(pass, now);
                }
                return Err(refusal);
            }
        };
        if state.readers.len() <= id.index() {
            state.readers.resize_with(id.index() + 1, Reader::default);
        }
        let before = core::mem::replace(&mut state.readers[id.index()], reader);
        self.act(state);
        drop(before);
        Ok(id)
    }

    /// By what a subscriber resumes if it goes now.
    pub(crate) fn place(&self, id: SubscriberId) -> Option<Cursor> {
        self.lock().hub.place(id)
    }

    /// Who is subscribed to a topic.
    pub(crate) fn presence(&self, topic: &Topic) -> Presence {
        self.lock().admission.presence(topic)
    }

    /// Ends the stream of one client; false if there is none.
    pub(crate) fn close_client(&self, client_id: u64) -> bool {
        let mut state = self.lock();
        let Some(id) = state.hub.find_client(client_id) else { return false };
        state.hub.close(id, CloseReason::Revoked, self.now());
        self.act(state);
        true
    }

    /// Ends all streams of a user and forgets their tickets, and says how many streams there were.
    pub(crate) fn revoke_user(&self, user: &str) -> usize {
        let mut state = self.lock();
        let passes = state.admission.revoke(Revoke::User(user));
        let ids: Vec<_> = state.occupied(&passes).collect();
        for &id in &ids {
            state.hub.close(id, CloseReason::Revoked, self.now());
        }
        self.act(state);
        ids.len()
    }

    /// Confirms what was read before, and reads on.
    pub(crate) fn read(
        &self,
        id: SubscriberId,
        written: Option<Written>,
        max_bytes: usize,
        frames: &mut Vec<Bytes>,
        cx: &Context<'_>,
    ) -> Read {
        let mut state = self.lock();
        if let Some(written) = written {
            state.hub.handle_written(id, written, self.now());
        }
        // Most of the time nobody has ended, and looking that up costs more than knowing it.
        let ended = if state.ended.is_empty() { None } else { state.ended.remove(&id) };
        if let Some(reason) = ended {
            self.act(state);
            return Read::Ended(reason);
        }
        let mut old_waker = None;
        let read = match state.hub.next_frames(id, max_bytes, frames) {
            Some(written) => Read::Frames(written),
            None => {
                let waker = &mut state.readers[id.index()].waker;
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    old_waker = waker.replace(cx.waker().clone());
                }
                Read::Nothing
            }
        };
        // As it is after all but a few of very many reads.
        if state.hub.is_quiet() {
            drop(state);
        } else {
            self.act(state);
        }
        // Dropping the last waker of a task drops the task, which may hold a stream of this hub.
        drop(old_waker);
        read
    }

    pub(crate) fn disconnect(&self, id: SubscriberId) {
        // In a destructor, which may itself run for a panic.
        let Ok(mut state) = self.state.lock() else { return };
        let ended = state.ended.remove(&id).is_some();
        state.hub.handle_disconnect(id);
        // The slot of one that the hub ended may have another reader by now.
        let before = (!ended).then(|| core::mem::take(&mut state.readers[id.index()]));
        if let Some(pass) = before.as_ref().and_then(|before| before.pass) {
            let now = self.now();
            state.admission.release(pass, now);
        }
        self.act(state);
        drop(before);
    }

    pub(crate) async fn drain(&self, within: Duration) {
        self.begin_drain(within);
        loop {
            let drained = self.drained.notified();
            if self.is_drained() {
                return;
            }
            drained.await;
        }
    }

    fn begin_drain(&self, within: Duration) {
        let mut state = self.lock();
        let now = self.now();
        state.hub.drain(now + within, now);
        self.act(state);
    }

    fn is_drained(&self) -> bool {
        self.lock().hub.is_drained()
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

    /// Does what is due and says when to come again.
    fn tick(&self) -> Option<Instant> {
        let mut state = self.lock();
        let now = self.now();
        state.hub.handle_timeout(now);
        while let Some(word) = state.admission.poll_presence(now) {
            state.hub.handle_presence(&word, now);
        }
        let unread = state.overdue(now);
        state.armed = state.deadline();
        let armed = state.armed;
        self.act(state);
        for (_, _, cut) in unread {
            cut.cut();
        }
        armed
    }

    /// Acts on all that the hub wants done, releases the lock, and does the rest.
    fn act(&self, mut state: MutexGuard<'_, State>) {
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
        loop {
            if let Some(output) = self.hub.poll_output() {
                self.obey(output, now, afterwards);
            } else if let Some(report) = self.store.poll_report() {
                self.relay(report, now);
            } else {
                break;
            }
        }
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

    fn deadline(&self) -> Option<Instant> {
        let hub = self.hub.poll_timeout().map(|deadline| deadline.at);
        let leaving = self.leaving.front().map(|&(at, ..)| at);
        hub.into_iter().chain(self.admission.poll_timeout()).chain(leaving).min()
    }

    /// Of those who have not seen that they were ended, by what they are cut.
    fn overdue(&mut self, now: Instant) -> Vec<Leaving> {
        let mut unread = Vec::new();
        while self.leaving.front().is_some_and(|&(at, ..)| at <= now) {
            let leaver = self.leaving.pop_front();
            unread.extend(leaver.filter(|(_, id, _)| self.ended.contains_key(id)));
        }
        unread
    }

    /// Who came in by these passes.
    fn occupied(&self, passes: &[Pass]) -> impl Iterator<Item = SubscriberId> {
        let readers = self.readers.iter().enumerate();
        readers.filter_map(move |(index, reader)| {
            let pass = reader.pass.as_ref()?;
            passes.binary_search(pass).ok()?;
            self.hub.subscriber_at(index)
        })
    }

    fn obey(&mut self, output: Output, now: Instant, afterwards: &mut Afterwards) {
        match output {
            Output::Append { id, event, .. } => self.store.append(id, event, now),
            Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                self.store.fetch(Question { fetch, selectors, after, max_bytes }, now);
            }
            Output::PublishDone { id, result, .. } => {
                let answer = self.answers.remove(&id);
                afterwards.answers.extend(answer.map(|answer| (answer, result)));
            }
            Output::Close { id, reason, .. } => {
                self.ended.insert(id, reason);
                let reader = core::mem::take(&mut self.readers[id.index()]);
                if let Some(pass) = reader.pass {
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

/// By how much the timer must be late for the process itself to have stood still: nobody could read
/// then, so they are given a moment before they are judged by the clock.
const STANDSTILL: Duration = Duration::from_millis(200);

/// The timer of a hub.
pub(crate) async fn keep_time(shared: Weak<Shared>, alarm: Arc<Notify>) {
    let mut deadline = None;
    while let Some(shared) = shared.upgrade() {
        let origin = shared.origin;
        let late = deadline.and_then(|at: Clock| Clock::now().checked_duration_since(at));
        if late.is_some_and(|late| late > STANDSTILL) {
            sleep(STANDSTILL).await;
        }
        let due = shared.tick();
        drop(shared);
        let rung = alarm.notified();
        deadline = due.and_then(|at| origin.checked_add(at.since_origin()));
        match deadline {
            Some(at) => {
                tokio::select! {
                    () = rung => {}
                    () = sleep_until(at.into()) => {}
                }
            }
            None => rung.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::panic::AssertUnwindSafe;

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
