//! Who is there, for those who watch it.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use sse_codec::time::Instant;

use super::{AdmissionConfig, Visitor};
use crate::{event::Presence, selector::Selector, topic::Topic};

/// The topics whose presence somebody watches. Of the others nothing is counted.
#[derive(Debug)]
pub(super) struct Presences {
    pause: Duration,
    max_named: usize,
    max_watched: usize,
    watched: BTreeMap<Topic, Watched>,
    /// Those with changes that nobody was told of, in the order of their time.
    changed: VecDeque<(Instant, Topic)>,
}

#[derive(Debug, Default)]
struct Watched {
    watchers: usize,
    count: usize,
    users: BTreeMap<Arc<str>, usize>,
    /// Users as they were when the last word went out.
    told: BTreeSet<Arc<str>>,
    /// When the next one will, if something has changed.
    due: Option<Instant>,
}

impl Presences {
    pub(super) fn new(config: &AdmissionConfig) -> Self {
        Self {
            pause: config.presence_pause,
            max_named: config.max_named,
            max_watched: config.max_watched,
            watched: BTreeMap::new(),
            changed: VecDeque::new(),
        }
    }

    /// Whether what a visitor watches is not too much.
    pub(super) fn has_room(&self, visitor: &Visitor) -> bool {
        let is_new = |topic: &Topic| !self.watched.contains_key(topic);
        let new = watched_by(visitor).filter(is_new).collect::<BTreeSet<_>>().len();
        new == 0 || self.watched.len() + new <= self.max_watched
    }

    /// Notes that somebody comes to `others`.
    pub(super) fn enter<'a>(
        &mut self,
        visitor: &Visitor,
        others: impl Iterator<Item = &'a Visitor> + Clone,
        now: Instant,
    ) {
        let own: Vec<_> = watched_by(visitor).collect();
        for topic in &own {
            if let Some(watched) = self.watched.get_mut(topic) {
                watched.watchers += 1;
            } else {
                let mut watched = Watched::of(topic, others.clone());
                watched.watchers = 1;
                self.watched.insert(topic.clone(), watched);
            }
        }
        // A new watcher is told what there is, even if nothing changes.
        self.step(visitor, &own, now, Watched::enter);
    }

    /// Notes that somebody goes.
    pub(super) fn leave(&mut self, visitor: &Visitor, now: Instant) {
        self.step(visitor, &[], now, Watched::leave);
        for topic in watched_by(visitor) {
            if let Some(watched) = self.watched.get_mut(&topic) {
                watched.watchers -= 1;
                if watched.watchers == 0 {
                    self.watched.remove(&topic);
                }
            }
        }
    }

    /// Who of `visitors` is subscribed to a topic, watched or not.
    pub(super) fn look<'a>(
        &self,
        topic: &Topic,
        visitors: impl Iterator<Item = &'a Visitor>,
    ) -> Presence {
        Watched::of(topic, visitors).word(topic, self.max_named)
    }

    pub(super) fn poll(&mut self, now: Instant) -> Option<Presence> {
        loop {
            if self.changed.front()?.0 > now {
                return None;
            }
            let (at, topic) = self.changed.pop_front()?;
            // It may have been forgotten, and be watched anew since.
            if let Some(watched) = self.watched.get_mut(&topic).filter(|it| it.due == Some(at)) {
                watched.due = None;
                return Some(watched.word(&topic, self.max_named));
            }
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.changed.front().map(|&(at, _)| at)
    }

    fn step(
        &mut self,
        visitor: &Visitor,
        also: &[Topic],
        now: Instant,
        change: fn(&mut Watched, &Visitor),
    ) {
        for (topic, watched) in &mut self.watched {
            let concerned = reads(visitor, topic);
            if concerned {
                change(watched, visitor);
            }
            if (concerned || also.contains(topic)) && watched.due.is_none() {
                watched.due = Some(now + self.pause);
                self.changed.push_back((now + self.pause, topic.clone()));
            }
        }
    }
}

impl Watched {
    /// As it is, with nothing to tell.
    fn of<'a>(topic: &Topic, visitors: impl Iterator<Item = &'a Visitor>) -> Self {
        let mut watched = Self::default();
        for visitor in visitors.filter(|visitor| reads(visitor, topic)) {
            watched.enter(visitor);
        }
        watched.told = watched.users.keys().cloned().collect();
        watched
    }

    fn enter(&mut self, visitor: &Visitor) {
        self.count += 1;
        if let Some(user) = &visitor.user {
            *self.users.entry(user.clone()).or_insert(0) += 1;
        }
    }

    fn leave(&mut self, visitor: &Visitor) {
        self.count -= 1;
        if let Some(user) = &visitor.user {
            if let Some(open) = self.users.get_mut(user) {
                *open -= 1;
                if *open == 0 {
                    self.users.remove(user);
                }
            }
        }
    }

    fn word(&mut self, topic: &Topic, max_named: usize) -> Presence {
        let now: BTreeSet<_> = self.users.keys().cloned().collect();
        let before = core::mem::replace(&mut self.told, now);
        let named = |users: &BTreeSet<Arc<str>>, not: &BTreeSet<Arc<str>>| {
            users.difference(not).take(max_named).cloned().collect()
        };
        Presence {
            topic: topic.clone(),
            count: self.count,
            users: named(&self.told, &BTreeSet::new()),
            joined: named(&self.told, &before),
            left: named(&before, &self.told),
        }
    }
}

/// The topics whose presence somebody watches.
fn watched_by(visitor: &Visitor) -> impl Iterator<Item = Topic> {
    let watched = |selector: &Selector| {
        selector.as_str().strip_prefix("$presence.").and_then(|name| Topic::new(name).ok())
    };
    visitor.selectors.iter().filter_map(watched)
}

fn reads(visitor: &Visitor, topic: &Topic) -> bool {
    visitor.selectors.iter().any(|selector| selector.matches(topic))
}
