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

/// How often in a row they are given it. Whoever runs on a machine that is late all the time is judged all
/// the same.
const GRACES: usize = 3;

/// How many words on presence are said while the lock is held.
const WORDS: usize = 16;

/// The timer of a hub.
pub(crate) async fn keep_time(shared: Weak<Shared>, alarm: Arc<Notify>) {
    let mut deadline: Option<Clock> = None;
    while let Some(shared) = shared.upgrade() {
        let origin = shared.origin;
        let looked = Clock::now();
        let expected = deadline.map_or(looked, |at| at.min(looked));
        let Tick { due, goes_on } = shared.tick_awake(expected, Clock::now).await;
        drop(shared);
        deadline = due.and_then(|at| origin.checked_add(at.since_origin()));
        if goes_on {
            // What is left of what was due is late for want of turns, and not of a processor.
            deadline = None;
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

    /// The same, as soon as the process ran when it was expected to, so that others had their turn before
    /// they are judged.
    async fn tick_awake(&self, mut expected: Clock, clock: impl Fn() -> Clock) -> Tick {
        for _ in 0..GRACES {
            let state = self.lock();
            let now = self.now();
            // Asked last: a stop up to the time that everybody is judged by counts.
            if clock().saturating_duration_since(expected) <= STANDSTILL {
                return self.tick_at(state, now);
            }
            drop(state);
            expected = clock() + STANDSTILL;
            sleep(STANDSTILL).await;
        }
        self.tick()
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

#[cfg(test)]
mod tests {
    use core::{cell::Cell, pin::pin, sync::atomic::Ordering};

    use futures_util::FutureExt as _;
    use sse_server_core::{Publish, Subscribe, Topic};
    use tokio::time::advance;

    use super::*;
    use crate::config::Config;

    /// A hub one of whose subscribers has taken nothing for longer than it may.
    fn stalled() -> Shared {
        let shared = Shared::new(Config::default());
        let topic = Topic::new("a").expect("a topic");
        let _id = shared.subscribe(Subscribe::new([topic.clone()])).expect("there is room");
        let event = Publish::new([topic], "x".repeat(250_000));
        assert!(shared.publish_all(vec![event], None).is_ok());
        shared.ahead.fetch_add(31, Ordering::Relaxed);
        shared
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_judged_by_a_clock_that_ran_on_while_the_process_stood_still() {
        let shared = stalled();
        let start = Clock::now();
        // Stopped for ten seconds, and once more in the grace that was given for it.
        let stops = [10, 10, 60, 60, 60].map(|seconds| start + Duration::from_secs(seconds));
        let asked = Cell::new(0);
        let clock = || stops[asked.replace(asked.get() + 1)];
        let mut tick = pin!(shared.tick_awake(start, clock));
        for _ in 0..2 {
            assert!((&mut tick).now_or_never().is_none());
            assert_eq!(shared.counters().cut_for_stall, 0);
            advance(STANDSTILL).await;
        }
        assert!((&mut tick).now_or_never().is_some());
        assert_eq!(shared.counters().cut_for_stall, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_is_always_late_keeps_time_in_the_end() {
        let shared = stalled();
        let start = Clock::now();
        let asked = Cell::new(0);
        let clock = || {
            asked.set(asked.get() + 1);
            start + Duration::from_secs(asked.get())
        };
        shared.tick_awake(start, clock).await;
        assert_eq!(shared.counters().cut_for_stall, 1);
    }

    #[test]
    fn who_is_in_time_waits_for_nothing() {
        let shared = stalled();
        let start = Clock::now();
        let tick = shared.tick_awake(start, || start + STANDSTILL);
        assert!(tick.now_or_never().is_some());
        assert_eq!(shared.counters().cut_for_stall, 1);
    }
}
