//! Time and endings: heartbeats, stalls, expiry, drain.

use core::time::Duration;

use sse_codec::time::Instant;

use crate::{
    delivery::portion,
    hub::{Drain, Hub},
    output::{CloseReason, Deadline, Output, SubscriberId, Timer},
    subscriber::{Heartbeat, Phase},
    timers::millis,
};

impl Hub {
    /// Ends a subscriber. [`Output::Close`] follows.
    pub fn close(&mut self, id: SubscriberId, reason: CloseReason, now: Instant) {
        let _ = now;
        self.end(id, reason);
    }

    /// Takes in nobody and nothing more, tells every subscriber when to come back, lets those that
    /// read read to the end, and ends the others at `until`. Whoever waits for the store then is
    /// told that it has not answered.
    pub fn drain(&mut self, until: Instant, now: Instant) {
        if self.drain.is_some() {
            return;
        }
        self.drain = Some(Drain { until, crowd: self.subscribers.len() });
        for index in self.subscribers.indexes() {
            if let Some(subscriber) = self.subscribers.at_mut(index) {
                subscriber.control.retry = true;
                subscriber.closing = true;
            }
            self.make_ready(index, now);
        }
    }

    /// Takes the report that a response has ended on its own.
    pub fn handle_disconnect(&mut self, id: SubscriberId) {
        self.forget(id);
    }

    /// Does what is due. The clock alone decides, so that a call too early or too late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(index) = self.wheel.pop_due(now) {
            self.wake(index, now);
        }
        self.tell_on(now);
        if self.drain.is_some_and(|drain| drain.until <= now) {
            for index in self.subscribers.indexes() {
                self.end(self.subscribers.id(index), CloseReason::Drained);
            }
            self.give_up_appending();
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next of use.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let subscriber = self.wheel.next().map(|at| Deadline { at, timer: Timer::Subscriber });
        let drain = self.drain.filter(|_| self.is_waited_for());
        let drain = drain.map(|drain| Deadline { at: drain.until, timer: Timer::Drain });
        let telling = self.telling.front().map(|telling| telling.since);
        let telling = telling.map(|at| Deadline { at, timer: Timer::Presence });
        subscriber.into_iter().chain(drain).chain(telling).min_by_key(|deadline| deadline.at)
    }

    /// Has `poll_ready` name a subscriber, and sees to it that its stall is noticed.
    pub(crate) fn make_ready(&mut self, index: u32, now: Instant) {
        let stall = now + self.config.max_stall;
        if self.subscribers.make_ready(index, now) && self.wheel.is_later(index, stall) {
            self.wheel.arm(index, stall);
        }
    }

    /// Arms the timer of a new subscriber.
    pub(crate) fn arm(&mut self, index: u32, now: Instant) {
        let expires = self.subscribers.at(index).and_then(|subscriber| subscriber.expires);
        let expires = expires.map(|at| from_millis(at.get()));
        let heartbeat = self.heartbeat(index).map(|after| now + after);
        if let Some(at) = heartbeat.into_iter().chain(expires).min() {
            self.wheel.arm(index, at);
        }
    }

    /// Ends a subscriber at the hub's own wish.
    pub(crate) fn end(&mut self, id: SubscriberId, reason: CloseReason) -> bool {
        let there = self.forget(id);
        if there {
            match reason {
                CloseReason::Revoked => self.counters.revoked += 1,
                CloseReason::Expired => self.counters.expired += 1,
                CloseReason::Drained => self.counters.drained += 1,
                CloseReason::StoreFailed => self.counters.store_failed += 1,
                CloseReason::Replaced => self.counters.replaced += 1,
                // Counted by what it was slow in.
                CloseReason::Slow => {}
            }
            self.outputs.push_back(Output::Close { id, reason });
        }
        there
    }

    fn forget(&mut self, id: SubscriberId) -> bool {
        self.leave_page(id);
        let Some(subscriber) = self.subscribers.remove(id) else { return false };
        self.wheel.disarm(id.index);
        self.words.leave(id.index);
        self.unseat(&subscriber.topics);
        true
    }

    /// A timer only says that it is worth looking: writes do not move it, which keeps them cheap.
    fn wake(&mut self, index: u32, now: Instant) {
        let id = self.subscribers.id(index);
        let heartbeat = self.heartbeat(index);
        let Some(subscriber) = self.subscribers.at_mut(index) else { return };
        let expires = subscriber.expires.map(|at| from_millis(at.get()));
        if expires.is_some_and(|at| at <= now) {
            self.end(id, CloseReason::Expired);
            return;
        }
        let touched = from_millis(subscriber.touched);
        let mut next = heartbeat.map(|after| now + after);
        if subscriber.pending {
            let stall = touched + self.config.max_stall;
            if millis(now) >= millis(stall) {
                self.counters.cut_for_stall += 1;
                self.end(id, CloseReason::Slow);
                return;
            }
            next = Some(next.map_or(stall, |next| next.min(stall)));
        } else if let Some(beat) = heartbeat.map(|after| touched + after) {
            if millis(now) >= millis(beat) {
                self.beat(index, now);
            } else {
                next = Some(beat);
            }
        }
        if let Some(at) = next.into_iter().chain(expires).min() {
            // A heartbeat that nobody reads may have armed it for its stall, which comes sooner.
            if self.wheel.is_later(index, at) {
                self.wheel.arm(index, at);
            }
        }
    }

    fn beat(&mut self, index: u32, now: Instant) {
        let head = self.log.head().offset();
        let Some(subscriber) = self.subscribers.at_mut(index) else { return };
        let live = matches!(subscriber.phase, Phase::Live);
        subscriber.control.heartbeat = if live && subscriber.cursor < head {
            // It has read all of its topics, so nothing lies between.
            subscriber.cursor = head;
            Some(Heartbeat::Id)
        } else {
            Some(Heartbeat::Comment)
        };
        self.make_ready(index, now);
    }

    /// After how long a silence this subscriber is given a heartbeat: up to an eighth sooner than
    /// the rest, so that those who heard the same event do not all beat at once.
    fn heartbeat(&self, index: u32) -> Option<Duration> {
        let interval = self.config.heartbeat?;
        Some(interval - portion(interval / 8, self.noise(self.subscribers.id(index), 3)))
    }
}

const fn from_millis(millis: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(millis))
}
