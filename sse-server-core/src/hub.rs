//! The hub: what it is asked and told.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::{fmt, num::NonZeroU64};

use sse_codec::time::Instant;

use crate::{
    config::HubConfig,
    cursor::{Cursor, ResetReason, Resume},
    error::{PublishError, StoreError, SubscribeError},
    event::{Appended, Draft, Publish},
    output::{CloseReason, Counters, Output, PublishId, SubscriberId},
    replay::Fetches,
    subscriber::{Control, Opening, Phase, Seat, Slab, Subscriber, Topics},
    timers::{Wheel, millis},
    topic::Topic,
    window::{Log, Placed},
};

/// The event types by which a hub itself speaks.
pub(crate) const RESERVED_TYPES: [&str; 3] = ["connected", "reset", "heartbeat"];

/// The subscribers of one thread, and the window of the log that they read from.
///
/// Its methods are of four kinds. Getters take `&self`. *Verbs* ([`subscribe`](Self::subscribe),
/// [`publish`](Self::publish), [`close`](Self::close), [`drain`](Self::drain)) are what the
/// application asks. `handle_*` is what the world reports; a report cannot fail, and one that comes
/// too late does nothing. `poll_*` is what the driver must do next: after any call, act on
/// [`poll_output`](Self::poll_output) and [`poll_ready`](Self::poll_ready) until each is empty, and
/// arm one timer for [`poll_timeout`](Self::poll_timeout). Their order among each other is free.
pub struct Hub {
    pub(crate) config: HubConfig,
    pub(crate) seed: u64,
    pub(crate) log: Log,
    /// By topic number: the slots of its subscribers.
    pub(crate) members: Vec<Vec<u32>>,
    pub(crate) subscribers: Slab,
    pub(crate) wheel: Wheel,
    pub(crate) fetches: Fetches,
    pub(crate) drain: Option<Drain>,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) counters: Counters,
    everyone: Topic,
    appending: BTreeSet<PublishId>,
    publishes: u64,
    /// Those found too far behind while an event is handed round.
    overdue: Vec<SubscriberId>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) until: Instant,
    /// How many subscribers there were.
    pub(crate) crowd: usize,
}

/// What a subscriber asks for.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Subscribe {
    topics: Vec<Topic>,
    resume: Resume,
    expires: Option<Instant>,
}

impl Subscribe {
    /// Events of these topics, and of `$all`, which is in every subscription.
    pub fn new(topics: impl IntoIterator<Item = Topic>) -> Self {
        Self { topics: topics.into_iter().collect(), ..Self::default() }
    }

    /// Sets where to begin.
    pub fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }

    /// Sets when the grant ends, and with it the subscription.
    pub fn expires(mut self, at: Instant) -> Self {
        self.expires = Some(at);
        self
    }
}

impl Hub {
    /// A hub without subscribers. `head` is the newest place of its store; what lies before it is
    /// read from there. The seed decides about jitter, client ids and hashing.
    pub fn new(config: HubConfig, head: Cursor, seed: u64) -> Self {
        Self {
            log: Log::new(config.window, head, seed),
            config,
            seed,
            members: Vec::new(),
            subscribers: Slab::default(),
            wheel: Wheel::new(),
            fetches: Fetches::default(),
            drain: None,
            outputs: VecDeque::new(),
            counters: Counters::default(),
            everyone: Topic::all(),
            appending: BTreeSet::new(),
            publishes: 0,
            overdue: Vec::new(),
        }
    }

    /// Its settings.
    pub const fn config(&self) -> &HubConfig {
        &self.config
    }

    /// The newest place that it has heard of.
    pub const fn head(&self) -> Cursor {
        self.log.head()
    }

    /// What it has done so far.
    pub const fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.subscribers = self.subscribers.len() as u64;
        counters
    }

    /// Takes in a subscriber. Its first frames are ready at once.
    ///
    /// # Errors
    /// [`SubscribeError`] says which limit it would pass.
    pub fn subscribe(
        &mut self,
        request: Subscribe,
        now: Instant,
    ) -> Result<SubscriberId, SubscribeError> {
        let Subscribe { mut topics, resume, expires } = request;
        topics.sort_unstable();
        topics.dedup();
        if self.drain.is_some() {
            return Err(SubscribeError::Draining);
        }
        if topics.len() > self.config.max_topics {
            let (count, max) = (topics.len(), self.config.max_topics);
            return Err(SubscribeError::TooManyTopics { count, max });
        }
        if self.subscribers.len() >= self.config.max_subscribers {
            return Err(SubscribeError::Full);
        }
        topics.push(self.everyone.clone());
        // What has outlived its age is not shown, even if nothing has come since.
        self.log.trim(now);

        let head = self.log.head();
        let (opening, cursor, reset) = match resume {
            Resume::Fresh => (Opening::Fresh, head.offset(), None),
            Resume::Earliest => (Opening::Resumed, 0, None),
            Resume::After(at) if at.epoch() == head.epoch() => {
                (Opening::Resumed, at.offset(), None)
            }
            Resume::After(_) => (Opening::Resumed, 0, Some(ResetReason::Epoch)),
            Resume::Malformed => (Opening::Resumed, 0, Some(ResetReason::Malformed)),
        };
        let earliest = resume == Resume::Earliest || reset.is_some();
        let id = self.subscribers.insert(Subscriber {
            phase: Phase::Live,
            cursor,
            topics: Topics::from(Vec::new()),
            touched: millis(now),
            expires: expires.and_then(|at| NonZeroU64::new(millis(at).max(1))),
            control: Control { opening: Some(opening), reset, ..Control::default() },
            pending: false,
            catching_up: opening == Opening::Resumed,
            earliest,
            closing: false,
        });
        self.seat(id.index, &topics);
        self.counters.subscribed += 1;
        self.arm(id.index, now);
        if cursor > head.offset() {
            // Another hub of the store may have heard of more than this one; the store knows.
            self.request_page(id.index);
            self.make_ready(id.index, now);
        } else {
            self.settle(id.index, now);
        }
        Ok(id)
    }

    /// Checks an event and asks the store to append it; [`Output::PublishDone`] says how it went.
    ///
    /// # Errors
    /// [`PublishError`] says what is wrong with it.
    pub fn publish(&mut self, request: Publish, now: Instant) -> Result<PublishId, PublishError> {
        let _ = now;
        self.check(&request)?;
        let id = PublishId(self.publishes);
        self.publishes += 1;
        self.appending.insert(id);
        self.outputs.push_back(Output::Append { id, event: Draft::new(request) });
        Ok(id)
    }

    /// Takes the next event of the store's order, and marks those ready that subscribed to it.
    pub fn handle_appended(&mut self, event: &Appended, now: Instant) {
        let old_epoch = self.log.head().epoch();
        match self.log.append(event, now) {
            Placed::Stale => return,
            Placed::Next => self.hand_round(now),
            Placed::Jumped | Placed::NewEpoch => {
                for index in self.subscribers.indexes() {
                    self.begin_anew(index, old_epoch, now);
                }
            }
        }
        self.counters.appended += 1;
    }

    /// Takes the store's answer to [`Output::Append`].
    pub fn handle_append_done(
        &mut self,
        id: PublishId,
        result: Result<Cursor, StoreError>,
        now: Instant,
    ) {
        let _ = now;
        if self.appending.remove(&id) {
            let result = result.map_err(PublishError::Store);
            self.outputs.push_back(Output::PublishDone { id, result });
        }
    }

    /// The next subscriber that has something to read. Write its
    /// [`next_frames`](Self::next_frames) until there are none: until then it is not named again.
    pub fn poll_ready(&mut self) -> Option<SubscriberId> {
        self.subscribers.pop_ready()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether a drain has begun.
    pub const fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Whether a drain has begun and nobody is left to wait for.
    pub fn is_drained(&self) -> bool {
        self.drain.is_some() && self.subscribers.len() == 0 && self.appending.is_empty()
    }

    fn check(&self, request: &Publish) -> Result<(), PublishError> {
        if self.drain.is_some() {
            return Err(PublishError::Draining);
        }
        let count = request.topics.len();
        if count == 0 {
            return Err(PublishError::NoTopic);
        }
        if count > self.config.max_topics {
            return Err(PublishError::TooManyTopics { count, max: self.config.max_topics });
        }
        let event_type = request.event_type.as_ref().map_or("", |event_type| event_type.as_str());
        if RESERVED_TYPES.contains(&event_type) {
            return Err(PublishError::ReservedType);
        }
        if let Some(at) = event_type.find(char::is_control) {
            return Err(PublishError::InvalidType { at });
        }
        let len = event_type.len() + request.data.len();
        if len > self.config.max_event {
            return Err(PublishError::TooLarge { len, max: self.config.max_event });
        }
        if self.appending.len() >= self.config.max_pending {
            return Err(PublishError::Busy);
        }
        Ok(())
    }

    /// Marks the subscribers of the newest event ready; cuts those who are too far behind.
    fn hand_round(&mut self, now: Instant) {
        for &topic in self.log.newest_topics() {
            let Some(members) = self.members.get(topic as usize) else { continue };
            for &index in members {
                if self.subscribers.make_ready(index, now) {
                    let stall = now + self.config.max_stall;
                    if self.wheel.is_later(index, stall) {
                        self.wheel.arm(index, stall);
                    }
                } else if self.subscribers.at(index).is_some_and(|subscriber| {
                    let after = subscriber.cursor;
                    matches!(subscriber.phase, Phase::Live)
                        && !subscriber.catching_up
                        && self.log.lag_of_all(after) > self.config.max_lag
                        && subscriber.topics.numbers().map(|n| self.log.lag(n, after)).sum::<u64>()
                            > self.config.max_lag
                }) {
                    self.overdue.push(self.subscribers.id(index));
                }
            }
        }
        while let Some(id) = self.overdue.pop() {
            if self.end(id, CloseReason::Slow) {
                self.counters.cut_for_lag += 1;
            }
        }
    }

    /// Enters a subscriber into the lists of its topics.
    fn seat(&mut self, index: u32, topics: &[Topic]) {
        let mut seats = Vec::with_capacity(topics.len());
        for topic in topics {
            let number = self.log.pin(topic);
            if self.members.len() <= number as usize {
                self.members.resize_with(number as usize + 1, Vec::new);
            }
            let members = &mut self.members[number as usize];
            seats.push(Seat { topic: number, place: members.len() as u32 });
            members.push(index);
        }
        seats.sort_unstable_by_key(|seat| seat.topic);
        if let Some(subscriber) = self.subscribers.at_mut(index) {
            subscriber.topics = seats.into();
        }
    }

    /// Takes a subscriber out of the lists of its topics. The last of each list takes its seat.
    pub(crate) fn unseat(&mut self, topics: &Topics) {
        for &Seat { topic, place } in topics.seats() {
            let members = &mut self.members[topic as usize];
            members.swap_remove(place as usize);
            if let Some(&moved) = members.get(place as usize) {
                let moved = self.subscribers.at_mut(moved).into_iter();
                for seat in moved.flat_map(|subscriber| subscriber.topics.seats_mut()) {
                    if seat.topic == topic {
                        seat.place = place;
                    }
                }
            }
            if members.is_empty() {
                *members = Vec::new();
            }
            self.log.unpin(topic);
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("log", &self.log)
            .field("counters", &self.counters())
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}
