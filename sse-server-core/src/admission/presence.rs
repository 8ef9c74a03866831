//! Who is there, for those who watch it.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use super::{AdmissionConfig, Pass, Visitor};
use crate::{event::Presence, selector::Selector, topic::Topic};

/// Who subscribed to what, and the topics whose presence somebody watches. Of the others no changes
/// are gathered.
#[derive(Debug)]
pub(super) struct Presences {
    pause: Duration,
    max_named: usize,
    max_watched: usize,
    audience: Audience,
    watched: BTreeMap<Topic, Watched>,
    /// Those with changes that nobody was told of, in the order of their time.
    changed: VecDeque<(Instant, Topic)>,
}

/// Who subscribed to what, so that nobody else need be looked at.
#[derive(Debug)]
struct Audience {
    by_topic: HashMap<Selector, Readers, FixedState>,
    by_pattern: BTreeMap<Selector, Readers>,
}

/// With the user, where they are known.
type Readers = BTreeMap<Pass, Option<Arc<str>>>;

impl Audience {
    fn enter(&mut self, pass: Pass, visitor: &Visitor) {
        for selector in visitor.selectors.iter() {
            let readers = if selector.is_pattern() {
                self.by_pattern.entry(selector.clone()).or_default()
            } else {
                self.by_topic.entry(selector.clone()).or_default()
            };
            readers.insert(pass, visitor.user.clone());
        }
    }

    fn leave(&mut self, pass: Pass, visitor: &Visitor) {
        for selector in visitor.selectors.iter() {
            let readers = if selector.is_pattern() {
                self.by_pattern.get_mut(selector)
            } else {
                self.by_topic.get_mut(selector)
            };
            let Some(readers) = readers else { continue };
            readers.remove(&pass);
            if !readers.is_empty() {
                continue;
            }
            if selector.is_pattern() {
                self.by_pattern.remove(selector);
            } else {
                self.by_topic.remove(selector);
            }
        }
    }

    /// Each once, by however many of their selectors.
    fn of(&self, topic: &Topic) -> BTreeMap<Pass, &Option<Arc<str>>> {
        let by_name = self.by_topic.get(&Selector::from(topic.clone()));
        let by_pattern = self.by_pattern.iter().filter(|(pattern, _)| pattern.matches(topic));
        let readers = by_name.into_iter().chain(by_pattern.map(|(_, readers)| readers));
        readers.flatten().map(|(&pass, user)| (pass, user)).collect()
    }
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
    pub(super) fn new(config: &AdmissionConfig, hasher: FixedState) -> Self {
        let by_topic = HashMap::with_hasher(hasher);
        Self {
            pause: config.presence_pause,
            max_named: config.max_named,
            max_watched: config.max_watched,
            audience: Audience { by_topic, by_pattern: BTreeMap::new() },
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

    /// Notes that somebody comes.
    pub(super) fn enter(&mut self, pass: Pass, visitor: &Visitor, now: Instant) {
        let own: Vec<_> = watched_by(visitor).collect();
        for topic in &own {
            if let Some(watched) = self.watched.get_mut(topic) {
                watched.watchers += 1;
            } else {
                let mut watched = Watched::of(self.audience.of(topic).into_values());
                watched.watchers = 1;
                self.watched.insert(topic.clone(), watched);
            }
        }
        self.audience.enter(pass, visitor);
        // A new watcher is told what there is, even if nothing changes.
        self.step(visitor, &own, now, Watched::enter);
    }

    /// Notes that somebody goes.
    pub(super) fn leave(&mut self, pass: Pass, visitor: &Visitor, now: Instant) {
        self.audience.leave(pass, visitor);
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

    /// Who is subscribed to a topic, watched or not.
    pub(super) fn look(&self, topic: &Topic) -> Presence {
        Watched::of(self.audience.of(topic).into_values()).word(topic, self.max_named)
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
        own: &[Topic],
        now: Instant,
        change: fn(&mut Watched, Option<&Arc<str>>),
    ) {
        for topic in self.concerned(visitor) {
            if let Some(watched) = self.watched.get_mut(&topic) {
                change(watched, visitor.user.as_ref());
                self.stirs(topic, now);
            }
        }
        own.iter().for_each(|topic| self.stirs(topic.clone(), now));
    }

    /// Which of those that are watched somebody reads, each once.
    fn concerned(&self, visitor: &Visitor) -> BTreeSet<Topic> {
        let (patterns, topics): (Vec<_>, Vec<_>) =
            visitor.selectors.iter().partition(|selector| selector.is_pattern());
        let by_name = topics.into_iter().filter_map(|it| Topic::new(it.as_str()).ok());
        let mut concerned: BTreeSet<_> =
            by_name.filter(|topic| self.watched.contains_key(topic)).collect();
        if !patterns.is_empty() {
            let matches = |topic: &&Topic| patterns.iter().any(|it| it.matches(topic));
            concerned.extend(self.watched.keys().filter(matches).cloned());
        }
        concerned
    }

    /// Has a change told after the pause.
    fn stirs(&mut self, topic: Topic, now: Instant) {
        let Some(watched) = self.watched.get_mut(&topic) else { return };
        if watched.due.is_none() {
            watched.due = Some(now + self.pause);
            self.changed.push_back((now + self.pause, topic));
        }
    }
}

impl Watched {
    /// As it is, with nothing to tell.
    fn of<'a>(users: impl Iterator<Item = &'a Option<Arc<str>>>) -> Self {
        let mut watched = Self::default();
        for user in users {
            watched.enter(user.as_ref());
        }
        watched.told = watched.users.keys().cloned().collect();
        watched
    }

    fn enter(&mut self, user: Option<&Arc<str>>) {
        self.count += 1;
        if let Some(user) = user {
            *self.users.entry(user.clone()).or_insert(0) += 1;
        }
    }

    fn leave(&mut self, user: Option<&Arc<str>>) {
        self.count -= 1;
        if let Some(user) = user
            && let Some(open) = self.users.get_mut(user)
        {
            *open -= 1;
            if *open == 0 {
                self.users.remove(user);
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
