//! What is due: the hub's timer, and the end of a drain.

use alloc::sync::{Arc, Weak};
use core::time::Duration;
use std::{sync::MutexGuard, time::Instant as Clock};

use sse_codec::time::Instant;
use tokio::{
    sync::Notify,
    task::yield_now,
    time::{sleep, sleep_until},
};

use super::{Afterwards, Leaving, Shared, State};

/// By how much the timer must be late for the process itself to have stood still: nobody could read
/// then, so they are given a moment before they are judged by the clock.
const STANDSTILL: Duration = Duration::from_millis(200);

/// How many words on presence are said while the lock is held.
const WORDS: usize = 16;

/// The timer of a hub.
pub(crate) async fn keep_time(shared: Weak<Shared>, alarm: Arc<Notify>) {
    let mut deadline = None;
    while let Some(shared) = shared.upgrade() {
        let origin = shared.origin;
        let late = deadline.and_then(|at: Clock| Clock::now().checked_duration_since(at));
        if late.is_some_and(|late| late > STANDSTILL) {
            sleep(STANDSTILL).await;
        }
        let looked = Clock::now();
        let Tick { due, goes_on } = match shared.tick_if(|| looked.elapsed() <= STANDSTILL) {
            Some(tick) => tick,
            None => {
                sleep(STANDSTILL).await;
                shared.tick()
            }
        };
        drop(shared);
        deadline = due.and_then(|at| origin.checked_add(at.since_origin()));
        if goes_on {
            yield_now().await;
            continue;
        }
        let rung = alarm.notified();
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

/// What is left after all that was due.
pub(crate) struct Tick {
    /// When to come again.
    due: Option<Instant>,
    /// Enough was done for once, and the rest is to be as soon as others have had their turn.
    pub(super) goes_on: bool,
}

impl Shared {
    /// Does what is due.
    pub(crate) fn tick(&self) -> Tick {
        let state = self.lock();
        let now = self.now();
        self.tick_at(state, now)
    }

    /// The same, if the process has not stood still until the time that everybody is judged by.
    pub(crate) fn tick_if(&self, is_awake: impl FnOnce() -> bool) -> Option<Tick> {
        let state = self.lock();
        let now = self.now();
        is_awake().then(|| self.tick_at(state, now))
    }

    fn tick_at(&self, mut state: MutexGuard<'_, State>, now: Instant) -> Tick {
        state.hub.handle_timeout(now);
        for _ in 0..WORDS {
            let Some(word) = state.admission.poll_presence(now) else { break };
            state.hub.handle_presence(&word, now);
        }
        let next = [state.hub.poll_timeout().map(|next| next.at), state.admission.poll_timeout()];
        let is_to_tell = next.into_iter().flatten().any(|at| at <= now);
        let unread = state.overdue(now);
        let mut afterwards = Afterwards::default();
        state.pump(now, &mut afterwards);
        // Whoever asks from here on finds the timer armed, and rings if that is too late.
        let tick =
            Tick { due: state.deadline(), goes_on: is_to_tell || !state.questions.is_empty() };
        state.armed = tick.due;
        self.act_after(state, afterwards);
        for (_, _, cut) in unread {
            cut.cut();
        }
        tick
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
}

impl State {
    pub(super) fn deadline(&self) -> Option<Instant> {
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
}
