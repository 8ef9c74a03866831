//! How a subscriber comes in: what it asks for, whether it may, and where it takes its seats.

use alloc::vec::Vec;
use core::num::NonZeroU64;

use sse_codec::time::Instant;

use crate::{
    cursor::{ResetReason, Resume},
    error::{InvalidTopic, SubscribeError},
    hub::Hub,
    output::SubscriberId,
    selector::Selector,
    subscriber::{Control, Opening, Pace, Phase, Seat, Subscriber, Topics},
    timers::millis,
    topic::Topic,
};

/// What a subscriber asks for.
///
/// ```
/// use sse_server_core::{Resume, Selector, Subscribe};
///
/// let asked = Subscribe::new([Selector::new("prices.eur")?, Selector::new("news.**")?])
///     .user("ann")? // from their session, not from the request
///     .granted([Selector::new("prices.*")?, Selector::new("news.**")?])
///     .resume(Resume::from_last_event_id("beef-41"));
/// assert_eq!(asked.selectors().len(), 2);
/// # Ok::<(), sse_server_core::InvalidTopic>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Subscribe {
    selectors: Vec<Selector>,
    user: Option<Topic>,
    granted: Option<Vec<Selector>>,
    resume: Resume,
    expires: Option<Instant>,
}

impl Subscribe {
    /// Events of these topics and patterns, and of `$all`, which is in every subscription.
    pub fn new<S: Into<Selector>>(selectors: impl IntoIterator<Item = S>) -> Self {
        Self { selectors: selectors.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds what is for this user, wherever they subscribe. Who they are must be known from
    /// elsewhere, never from what they ask.
    ///
    /// # Errors
    /// [`InvalidTopic::User`] if the ID cannot stand in a topic.
    pub fn user(mut self, id: &str) -> Result<Self, InvalidTopic> {
        self.user = Some(Topic::user(id)?);
        Ok(self)
    }

    /// Refuses whatever none of `granted` covers.
    pub fn granted(mut self, granted: impl IntoIterator<Item = Selector>) -> Self {
        self.granted = Some(granted.into_iter().collect());
        self
    }

    /// The topics and patterns asked for.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
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
    /// Takes in a subscriber. Its first frames are ready at once.
    ///
    /// # Errors
    /// [`SubscribeError`] says which limit it would pass.
    pub fn subscribe(
        &mut self,
        request: Subscribe,
        now: Instant,
    ) -> Result<SubscriberId, SubscribeError> {
        let selectors = self.admit(&request, now).inspect_err(|_| self.counters.refused += 1)?;
        let Subscribe { resume, expires, .. } = request;
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
        let pace = match opening {
            Opening::Fresh => Pace::Live,
            Opening::Resumed if resume == Resume::Earliest || reset.is_some() => Pace::FromEarliest,
            Opening::Resumed => Pace::CatchingUp,
        };
        let id = self.subscribers.insert(Subscriber {
            phase: Phase::Live,
            cursor,
            topics: Topics::from(Vec::new()),
            touched: millis(now),
            expires: expires.and_then(|at| NonZeroU64::new(millis(at).max(1))),
            control: Control { opening: Some(opening), reset, ..Control::default() },
            pending: false,
            pace,
            closing: false,
        });
        self.seat(id.index, &selectors);
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

    /// Checks a subscription and gives what it asks for, each once.
    fn admit(&self, request: &Subscribe, now: Instant) -> Result<Vec<Selector>, SubscribeError> {
        if self.drain.is_some() {
            return Err(SubscribeError::Draining);
        }
        if request.expires.is_some_and(|at| at <= now) {
            return Err(SubscribeError::Expired);
        }
        let mut selectors = request.selectors.clone();
        selectors.sort_unstable();
        selectors.dedup();
        let (count, max) = (selectors.len(), self.config.max_topics);
        if count > max {
            return Err(SubscribeError::TooManyTopics { count, max });
        }
        let is_new = |selector: &&Selector| {
            let number = self.log.number_of(selector).filter(|_| selector.is_pattern());
            selector.is_pattern() && number.is_none_or(|it| self.log.members(it).is_empty())
        };
        let count = selectors.iter().filter(|s| s.is_pattern()).count();
        let max = self.config.max_patterns.min(self.config.max_patterns_in_use);
        if count > max {
            return Err(SubscribeError::TooManyPatterns { count, max });
        }
        if let Some(granted) = &request.granted {
            let is_granted = |asked: &&Selector| granted.iter().any(|grant| grant.covers(asked));
            if let Some(asked) = selectors.iter().find(|asked| !is_granted(asked)) {
                return Err(SubscribeError::Forbidden { asked: asked.clone() });
            }
        }
        if self.subscribers.len() >= self.config.max_subscribers {
            return Err(SubscribeError::Full);
        }
        let new_patterns = selectors.iter().filter(is_new).count();
        if self.log.patterns() + new_patterns > self.config.max_patterns_in_use {
            return Err(SubscribeError::PatternsFull);
        }
        let everyone = Selector::from(Topic::all());
        // What another one holds as well would be looked at, and counted as lag, twice.
        let patterns: Vec<_> = selectors.iter().filter(|s| s.is_pattern()).cloned().collect();
        let is_held = |asked: &Selector| patterns.iter().any(|it| it != asked && it.covers(asked));
        selectors.retain(|selector| *selector != everyone && !is_held(selector));
        let own = request.user.clone().map(Selector::from);
        selectors.extend(own.filter(|own| !request.selectors.contains(own)));
        Ok(selectors)
    }

    /// Enters a subscriber into the lists of its topics.
    fn seat(&mut self, index: u32, topics: &[Selector]) {
        let mut is_told = false;
        let mut seats = Vec::with_capacity(topics.len());
        for topic in topics {
            let (number, place) = self.log.enter(topic, index);
            is_told |= self.words.tell(index, number);
            seats.push(Seat { topic: number, place });
        }
        seats.sort_unstable_by_key(|seat| seat.topic);
        if let Some(subscriber) = self.subscribers.at_mut(index) {
            subscriber.topics = seats.into();
            subscriber.control.presence = is_told;
        }
    }

    /// Takes a subscriber out of the lists of its topics. The last of each list takes its seat.
    pub(crate) fn unseat(&mut self, topics: &Topics) {
        for &Seat { topic, place } in topics.seats() {
            if let Some(moved) = self.log.leave(topic, place) {
                let moved = self.subscribers.at_mut(moved).into_iter();
                let seats = moved.flat_map(|subscriber| subscriber.topics.seats_mut());
                for seat in seats.filter(|seat| seat.topic == topic) {
                    seat.place = place;
                }
                if self.words.has(topic) {
                    let others = self.log.members(topic).len();
                    let telling = self.telling.iter_mut().find(|telling| telling.topic == topic);
                    telling.into_iter().for_each(|it| it.moves(place as usize, others));
                }
            } else if place == 0 {
                self.words.forget(topic);
                self.telling.retain(|telling| telling.topic != topic);
            }
        }
    }
}
