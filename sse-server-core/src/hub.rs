//! The hub: what it is asked and told.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::fmt;

use sse_codec::time::Instant;

use crate::{
    config::HubConfig,
    cursor::{Cursor, ResetReason},
    error::{PublishError, StoreError},
    event::{Appended, Draft, Presence, Publish},
    fetches::Fetches,
    output::{Counters, Output, Place, PublishId, Receipt, SubscriberId},
    subscriber::{Pace, Phase, Slab, Subscriber},
    timers::Wheel,
    topic::Topic,
    window::{Log, Placed},
    words::Words,
};

/// The event types by which a hub itself speaks.
pub(crate) const RESERVED_TYPES: [&str; 4] = ["connected", "reset", "heartbeat", "presence"];

/// The subscribers of one thread, and the window of the log that they read from.
///
/// Its methods are of four kinds. Getters take `&self`. *Verbs* ([`subscribe`](Self::subscribe),
/// [`publish`](Self::publish), [`close`](Self::close), [`drain`](Self::drain)) are what the
/// application asks. `handle_*` is what the world reports; a report cannot fail, and one that comes
/// too late does nothing. `poll_*` is what the driver must do next: after any call, act on
/// [`poll_output`](Self::poll_output) and [`poll_ready`](Self::poll_ready) until each is empty, and
/// arm one timer for [`poll_timeout`](Self::poll_timeout). Their order among each other is free.
///
/// ```
/// use core::time::Duration;
/// use sse_codec::time::Instant;
/// use sse_server_core::{CloseReason, Cursor, Epoch, Hub, HubConfig, Output, Subscribe, Topic};
///
/// let now = Instant::ORIGIN;
/// let mut hub = Hub::new(HubConfig::default(), Cursor::new(Epoch::new(1), 0), 1);
/// let id = hub.subscribe(Subscribe::new([Topic::new("prices")?]), now)?;
/// assert_eq!(hub.poll_ready(), Some(id), "there is something to write to it");
///
/// let mut frames = Vec::new();
/// let written = hub.next_frames(id, 16 << 10, &mut frames).expect("it said so");
/// // Its socket takes nothing: half a minute later it is cut.
/// let then = now + hub.config().max_stall + Duration::from_secs(1);
/// assert!(hub.poll_timeout().is_some_and(|deadline| deadline.at < then));
/// hub.handle_timeout(then);
/// let Some(Output::Close { reason, .. }) = hub.poll_output() else { unreachable!() };
/// assert_eq!(reason, CloseReason::Slow);
/// // A report that comes too late does nothing.
/// hub.handle_written(id, written, then);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Hub {
    pub(crate) config: HubConfig,
    pub(crate) seed: u64,
    pub(crate) log: Log,
    pub(crate) subscribers: Slab,
    pub(crate) wheel: Wheel,
    pub(crate) fetches: Fetches,
    pub(crate) drain: Option<Drain>,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) counters: Counters,
    pub(crate) everyone: u32,
    pub(crate) words: Words,
    /// The words of which not all have been told who are to be.
    pub(crate) telling: VecDeque<Telling>,
    /// Events that the store has not answered for, each with its bytes.
    appending: BTreeMap<PublishId, usize>,
    appending_bytes: usize,
    publishes: u64,
    /// All up to here has been there for [`HubConfig::lag_grace`].
    pub(crate) aged: u64,
    /// What will be that next: where the head was, and when.
    aging: (u64, Instant),
    /// Those found too far behind while an event is handed round.
    overdue: Vec<SubscriberId>,
}

/// Who is to be told still of the newest word on presence of a topic, by their seats there.
///
/// A round goes backwards: in the seat of whoever leaves comes the last, who was told, and is told once
/// more at most. Newcomers are told as they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling {
    pub(crate) topic: u32,
    /// From here on, below `left`.
    floor: usize,
    left: usize,
    /// From where on they were told an older word in this round, and are to be told in another.
    again: Option<usize>,
    pub(crate) since: Instant,
}

impl Telling {
    /// There is a newer word. The round goes on with it: beginning anew it would never come to the lowest
    /// seats, if words come faster than it ends.
    const fn renew(&mut self) {
        (self.floor, self.again) = (0, Some(self.left));
    }

    /// The last of so many and one more has taken this seat.
    pub(crate) fn moves(&mut self, place: usize, others: usize) {
        match &mut self.again {
            // Who is told in the other round, to where this round has been.
            Some(from) if place >= self.left && others >= *from => *from = place.min(*from),
            // Who has not been told, to where nobody else needs to be.
            None if place < self.floor && others < self.left => self.floor = place,
            _ => {}
        }
    }
}

/// How many are told of a word in one go: a topic may have very many who watch it, and others wait
/// for the hub meanwhile.
const TELL_AT_ONCE: usize = 4096;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) until: Instant,
    /// How many subscribers there were.
    pub(crate) crowd: usize,
}

impl Hub {
    /// A hub without subscribers. `head` is the newest place of its store; what lies before it is
    /// read from there. The seed decides about jitter, client ids and hashing.
    pub fn new(config: HubConfig, head: Cursor, seed: u64) -> Self {
        let mut log = Log::new(config.window, head, seed);
        // Whose members nobody asks for: it has them all.
        let (everyone, _) = log.enter(&Topic::all().into(), u32::MAX);
        Self {
            log,
            config,
            seed,
            subscribers: Slab::default(),
            wheel: Wheel::new(),
            fetches: Fetches::default(),
            drain: None,
            outputs: VecDeque::new(),
            counters: Counters::default(),
            everyone,
            words: Words::default(),
            telling: VecDeque::new(),
            appending: BTreeMap::new(),
            appending_bytes: 0,
            publishes: 0,
            aged: head.offset(),
            aging: (head.offset(), Instant::ORIGIN),
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

    /// Checks an event and asks the store to append it; [`Output::PublishDone`] says how it went.
    ///
    /// # Errors
    /// [`PublishError`] says what is wrong with it.
    pub fn publish(&mut self, request: Publish, now: Instant) -> Result<PublishId, PublishError> {
        let _ = now;
        self.check(&request)?;
        let id = PublishId(self.publishes);
        self.publishes += 1;
        self.appending.insert(id, request.size());
        self.appending_bytes += request.size();
        self.outputs.push_back(Output::Append { id, event: Draft::new(request) });
        Ok(id)
    }

    /// Takes the next event of the store's order, and marks those ready that subscribed to it.
    pub fn handle_appended(&mut self, event: &Appended, now: Instant) {
        let old_epoch = self.log.head().epoch();
        match self.log.append(event, now) {
            Placed::Stale | Placed::Impossible => return,
            Placed::Next => {
                let (offset, at) = self.aging;
                if now - at >= self.config.lag_grace {
                    self.aged = offset;
                    self.aging = (self.log.head().offset(), now);
                }
                self.hand_round(now);
            }
            Placed::Jumped | Placed::NewEpoch => {
                self.aged = self.log.head().offset() - 1;
                self.aging = (self.aged, now);
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
        result: Result<Receipt, StoreError>,
        now: Instant,
    ) {
        let _ = now;
        if let Some(bytes) = self.appending.remove(&id) {
            self.appending_bytes -= bytes;
            self.counters.repeats += u64::from(result.as_ref().is_ok_and(|done| done.is_repeat));
            let result = result.map_err(PublishError::Store);
            self.outputs.push_back(Output::PublishDone { id, result });
        }
    }

    /// Takes the newest word on who is subscribed to a topic, for whoever watches that by
    /// [`Topic::presence`]. A newer word takes the place of one that was not read yet. Where very many
    /// watch it, the others are told by [`handle_timeout`](Self::handle_timeout), which is due at once.
    pub fn handle_presence(&mut self, presence: &Presence, now: Instant) {
        let Ok(topic) = Topic::presence(&presence.topic) else { return };
        let Some(number) = self.log.number_of(&topic.into()) else { return };
        let watchers = self.log.members(number).len();
        if watchers == 0 {
            return;
        }
        self.words.take(number, presence.encode());
        match self.telling.iter_mut().find(|telling| telling.topic == number) {
            Some(telling) => telling.renew(),
            None => self.telling.push_back(Telling {
                topic: number,
                floor: 0,
                left: watchers,
                again: None,
                since: now,
            }),
        }
        if self.telling.len() == 1 {
            self.tell_on(now);
        }
    }

    /// Has some more of those told of a word who watch its topic.
    pub(crate) fn tell_on(&mut self, now: Instant) {
        let mut room = TELL_AT_ONCE;
        while room > 0 {
            let Some(&Telling { topic, floor, left, again, .. }) = self.telling.front() else {
                return;
            };
            let watchers = self.log.members(topic).len();
            let left = left.min(watchers);
            let next = left.saturating_sub(room).max(floor);
            for at in (next..left).rev() {
                let index = self.log.members(topic)[at];
                if let Some(subscriber) = self.subscribers.at_mut(index) {
                    subscriber.control.presence = self.words.tell(index, topic);
                }
                self.make_ready(index, now);
            }
            room -= left.saturating_sub(next);
            let Some(telling) = self.telling.pop_front() else { return };
            // Behind the others, so that each has its turn.
            match again {
                _ if next > floor => {
                    self.telling.push_back(Telling { left: next, since: now, ..telling });
                }
                Some(floor) if floor < watchers => self.telling.push_back(Telling {
                    floor,
                    left: watchers,
                    again: None,
                    since: now,
                    ..telling
                }),
                _ => {}
            }
        }
    }

    /// Whether all of these events can be published now, as far as their number and size go.
    pub fn has_room(&self, events: &[Publish]) -> bool {
        let bytes = events.iter().map(Publish::size).sum::<usize>();
        self.appending.len() + events.len() <= self.config.max_pending
            && self.appending_bytes + bytes <= self.config.max_pending_bytes
    }

    /// The number that clients see as their `clientId`, in hexadecimal digits. It says nothing about
    /// those of others.
    pub fn client_id(&self, id: SubscriberId) -> u64 {
        self.noise(id, 0)
    }

    /// Who has this place in a table: see [`SubscriberId::index`].
    pub fn subscriber_at(&self, index: usize) -> Option<SubscriberId> {
        let index = u32::try_from(index).ok()?;
        self.subscribers.at(index).map(|_| self.subscribers.id(index))
    }

    /// Who has this `clientId`. Looks at every subscriber.
    pub fn find_client(&self, client_id: u64) -> Option<SubscriberId> {
        let ids = self.subscribers.indexes().into_iter().map(|index| self.subscribers.id(index));
        ids.into_iter().find(|&id| self.client_id(id) == client_id)
    }

    /// By what a subscriber resumes if it goes now, having read all that it was given. `None` while it
    /// is not known from where it reads: the store has not said what is kept.
    pub fn place(&self, id: SubscriberId) -> Option<Place> {
        let subscriber = self.subscribers.get(id)?;
        let head = self.log.head();
        let has_read_all = matches!(subscriber.phase, Phase::Live)
            && self.is_covered(id.index)
            && self.log.next_after(self.numbers(subscriber), subscriber.cursor).is_none();
        let offset = match subscriber.pace {
            _ if has_read_all => head.offset(),
            // The store was asked once, and to ask it again may take another go.
            Pace::FromEarliest if subscriber.control.reset != Some(ResetReason::Future) => {
                return None;
            }
            Pace::FromEarliest | Pace::Live | Pace::CatchingUp => subscriber.cursor,
        };
        let cursor = Cursor::new(head.epoch(), offset);
        Some(Place { cursor, reset: subscriber.control.reset })
    }

    /// Takes the report that a subscriber was told of the `reset` of its [`place`](Self::place) by
    /// other means than its frames.
    pub fn handle_reset_told(&mut self, id: SubscriberId) {
        let Some(subscriber) = self.subscribers.get_mut(id) else { return };
        self.counters.resets += u64::from(subscriber.control.reset.take().is_some());
        if subscriber.pace == Pace::FromEarliest {
            subscriber.pace = Pace::CatchingUp;
        }
    }

    /// Checks an event as [`publish`](Self::publish) does, without publishing it.
    ///
    /// # Errors
    /// [`PublishError`] says what is wrong with it.
    pub fn check_publish(&self, request: &Publish) -> Result<(), PublishError> {
        self.check(request)
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

    /// Whether neither [`poll_ready`](Self::poll_ready) nor [`poll_output`](Self::poll_output) has
    /// anything to give. After a write that is the rule, and [`poll_timeout`](Self::poll_timeout) is
    /// then no sooner than it was.
    pub fn is_quiet(&self) -> bool {
        self.outputs.is_empty() && self.subscribers.nobody_ready()
    }

    /// Whether a drain has begun.
    pub const fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Answers whoever waits for the store that it has not answered.
    pub(crate) fn give_up_appending(&mut self) {
        self.appending_bytes = 0;
        while let Some((id, _)) = self.appending.pop_first() {
            let result = Err(PublishError::Store(StoreError::Unavailable));
            self.outputs.push_back(Output::PublishDone { id, result });
        }
    }

    /// Whether a drain has begun and nobody is left to wait for.
    pub fn is_drained(&self) -> bool {
        self.drain.is_some() && !self.is_waited_for()
    }

    /// Whether there is a subscriber, or an event that the store has not answered for.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.subscribers.len() > 0 || !self.appending.is_empty()
    }

    /// The numbers of all that a subscriber reads, in order: `$all` has the lowest.
    pub(crate) fn numbers(&self, subscriber: &Subscriber) -> impl Iterator<Item = u32> + Clone {
        core::iter::once(self.everyone).chain(subscriber.topics.numbers())
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
        if !self.has_room(core::slice::from_ref(request)) {
            return Err(PublishError::Busy);
        }
        Ok(())
    }

    /// Marks the subscribers of the newest event ready; deals with those who are too far behind.
    fn hand_round(&mut self, now: Instant) {
        for at in 0..self.log.newest_topics().len() {
            let topic = self.log.newest_topics()[at];
            if topic == self.everyone {
                for index in 0..self.subscribers.slots() {
                    self.hand_to(index, now);
                }
                continue;
            }
            for at in 0..self.log.members(topic).len() {
                self.hand_to(self.log.members(topic)[at], now);
            }
        }
        while let Some(id) = self.overdue.pop() {
            // An event may have found it by several topics.
            if self.is_overdue(id.index) {
                self.overflow(id);
            }
        }
    }

    fn hand_to(&mut self, index: u32, now: Instant) {
        if self.subscribers.make_ready(index, now) {
            let stall = now + self.config.max_stall;
            if self.wheel.is_later(index, stall) {
                self.wheel.arm(index, stall);
            }
        } else if self.is_overdue(index) {
            self.overdue.push(self.subscribers.id(index));
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
