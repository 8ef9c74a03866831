//! Who reads what: kept as streams come and go, so that no question looks through the readers.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, btree_map},
    sync::Arc,
    vec::Vec,
};
use core::ops::Bound;

use foldhash::quality::FixedState;
use hashbrown::{HashMap, hash_map};

use super::Visitor;
use crate::{patterns::Patterns, selector::Selector, topic::Topic};

/// What a visitor asks for, each once, by how it is counted.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Topics and patterns of which no two hold the same topic.
    alone: Vec<Selector>,
    /// Patterns that have a topic in common with another of them, neither holding all of the other.
    overlapping: Option<Overlap>,
    /// The topics whose presence is watched.
    pub(super) watched: Vec<Topic>,
}

/// Patterns that overlap, in order.
pub(super) type Overlap = Arc<[Selector]>;

impl Claims {
    pub(super) fn of(visitor: &Visitor) -> Self {
        let mut asked: Vec<_> = visitor.selectors.iter().collect();
        asked.sort_unstable();
        asked.dedup();
        let watched = asked.iter().filter_map(|selector| selector.watched()).collect();
        // Of the hub's own topics nobody asks who is there.
        asked.retain(|selector| !selector.as_str().starts_with('$'));
        let patterns: Vec<_> = asked.iter().copied().filter(|it| it.is_pattern()).collect();
        asked.retain(|asked| !patterns.iter().any(|it| it != asked && it.covers(asked)));
        let kept = asked.clone();
        let is_shared = |one: &&Selector| {
            let others = kept.iter().filter(|other| other != &one && other.is_pattern());
            one.is_pattern() && others.into_iter().any(|other| other.overlaps(one))
        };
        let (overlapping, alone): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_shared);
        Self {
            alone: alone.into_iter().cloned().collect(),
            overlapping: (!overlapping.is_empty())
                .then(|| overlapping.into_iter().cloned().collect()),
            watched,
        }
    }

    /// All topics and patterns.
    fn all(&self) -> impl Iterator<Item = &Selector> + Clone {
        self.alone.iter().chain(self.overlapping.iter().flat_map(|overlap| overlap.iter()))
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = &Selector> + Clone {
        self.all().filter(|selector| selector.is_pattern())
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &Selector> {
        self.alone.iter().filter(|selector| !selector.is_pattern())
    }

    pub(super) const fn overlapping(&self) -> Option<&Overlap> {
        self.overlapping.as_ref()
    }
}

/// How many streams there are, and of whom, by what they asked for.
#[derive(Debug)]
pub(super) struct Audience {
    by_topic: HashMap<Selector, Readers, FixedState>,
    /// Boxed, since each segment of a pattern has room for two.
    by_pattern: Patterns<Box<Readers>>,
    /// Streams whose patterns overlap, by those, since each is one however many of them match.
    overlapping: BTreeMap<Overlap, usize>,
    /// The patterns that a user has in use, each once: whether somebody reads a topic is asked of
    /// these, and not of everybody's.
    patterns_of: HashMap<Arc<str>, Vec<Selector>, FixedState>,
}

/// Of one topic or pattern.
#[derive(Debug, Default)]
struct Readers {
    /// Streams, but for those that are counted by the patterns that overlap.
    streams: usize,
    /// How many streams each user has, one or more.
    users: BTreeMap<Arc<str>, u32>,
}

impl Audience {
    pub(super) fn new(hasher: FixedState) -> Self {
        Self {
            by_topic: HashMap::with_hasher(hasher.clone()),
            patterns_of: HashMap::with_hasher(hasher),
            by_pattern: Patterns::default(),
            overlapping: BTreeMap::new(),
        }
    }

    pub(super) fn enter(&mut self, claims: &Claims, user: Option<&Arc<str>>) {
        for selector in &claims.alone {
            self.readers(selector).streams += 1;
        }
        if let Some(overlap) = &claims.overlapping {
            *self.overlapping.entry(overlap.clone()).or_insert(0) += 1;
        }
        let Some(user) = user else { return };
        for selector in claims.all() {
            let is_first = self.readers(selector).user_enters(user);
            if is_first && selector.is_pattern() {
                self.patterns_of.entry(user.clone()).or_default().push(selector.clone());
            }
        }
    }

    pub(super) fn leave(&mut self, claims: &Claims, user: Option<&Arc<str>>) {
        for selector in &claims.alone {
            self.readers(selector).streams -= 1;
            self.user_leaves(selector, user);
            self.tidy(selector);
        }
        let Some(overlap) = &claims.overlapping else { return };
        if let btree_map::Entry::Occupied(mut streams) = self.overlapping.entry(overlap.clone()) {
            *streams.get_mut() -= 1;
            if *streams.get() == 0 {
                streams.remove();
            }
        }
        if user.is_some() {
            for pattern in overlap.iter() {
                self.user_leaves(pattern, user);
                self.tidy(pattern);
            }
        }
    }

    fn user_leaves(&mut self, selector: &Selector, user: Option<&Arc<str>>) {
        let Some(user) = user else { return };
        let is_last = self.readers(selector).user_leaves(user);
        if is_last
            && selector.is_pattern()
            && let hash_map::Entry::Occupied(mut patterns) = self.patterns_of.entry(user.clone())
        {
            patterns.get_mut().retain(|known| known != selector);
            if patterns.get().is_empty() {
                patterns.remove();
            }
        }
    }

    /// Whether patterns that overlap are known, or fewer than so many are.
    pub(super) fn has_room(&self, overlap: &Overlap, max: usize) -> bool {
        self.overlapping.len() < max || self.overlapping.contains_key(overlap)
    }

    /// How many streams read a topic, each once.
    pub(super) fn count(&self, topic: &Topic) -> usize {
        let streams: usize = self.of(topic).iter().map(|readers| readers.streams).sum();
        let matches = |overlap: &Overlap| overlap.iter().any(|pattern| pattern.matches(topic));
        let overlapping = self.overlapping.iter().map(look);
        let overlapping = overlapping.filter(|(overlap, _)| matches(overlap));
        streams + overlapping.map(|(_, streams)| streams).sum::<usize>()
    }

    /// Whether a user has a stream of a topic. Others' patterns are not looked at.
    pub(super) fn has(&self, topic: &Topic, user: &str) -> bool {
        let by_name = self.by_topic.get(&Selector::from(topic.clone())).map(look);
        let mut patterns = self.patterns_of.get(user).into_iter().flatten().map(look);
        by_name.is_some_and(|readers| readers.users.contains_key(user))
            || patterns.any(|pattern| pattern.matches(topic))
    }

    /// The first users of a topic, in order, and whether there are more. They begin behind `after`.
    pub(super) fn users(
        &self,
        topic: &Topic,
        after: Option<&str>,
        max: usize,
    ) -> (Vec<Arc<str>>, bool) {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let most = max.saturating_add(1);
        let mut users = BTreeSet::new();
        for readers in self.of(topic) {
            users.extend(
                readers.users.range::<str, _>(range).map(|(user, _)| look(user)).take(most),
            );
        }
        let has_more = users.len() > max;
        (users.into_iter().take(max).cloned().collect(), has_more)
    }

    /// By its name, and by the patterns that match it.
    fn of(&self, topic: &Topic) -> Vec<&Readers> {
        let mut found: Vec<_> =
            self.by_topic.get(&Selector::from(topic.clone())).into_iter().collect();
        self.by_pattern.matching(topic.as_str(), &mut |readers| found.push(look(readers)));
        found
    }

    fn readers(&mut self, selector: &Selector) -> &mut Readers {
        if selector.is_pattern() {
            self.by_pattern.entry(selector.as_str())
        } else {
            self.by_topic.entry(selector.clone()).or_default()
        }
    }

    /// Forgets a topic or pattern that nobody reads.
    fn tidy(&mut self, selector: &Selector) {
        if selector.is_pattern() {
            if self.by_pattern.entry(selector.as_str()).is_empty() {
                self.by_pattern.remove(selector.as_str());
            }
        } else if let hash_map::Entry::Occupied(readers) = self.by_topic.entry(selector.clone())
            && readers.get().is_empty()
        {
            readers.remove();
        }
    }
}

impl Readers {
    /// Whether it is their first stream.
    fn user_enters(&mut self, user: &Arc<str>) -> bool {
        let streams = self.users.entry(user.clone()).or_insert(0);
        *streams += 1;
        *streams == 1
    }

    /// Whether it was their last stream.
    fn user_leaves(&mut self, user: &Arc<str>) -> bool {
        let btree_map::Entry::Occupied(mut streams) = self.users.entry(user.clone()) else {
            return false;
        };
        *streams.get_mut() -= 1;
        let is_last = *streams.get() == 0;
        if is_last {
            streams.remove();
        }
        is_last
    }

    fn is_empty(&self) -> bool {
        self.streams == 0 && self.users.is_empty()
    }
}

/// Tests count what is looked at.
#[cfg(not(test))]
const fn look<T>(entry: T) -> T {
    entry
}

#[cfg(test)]
use self::tests::look;

#[cfg(test)]
pub(super) mod tests {
    extern crate std;

    use alloc::format;
    use core::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    std::thread_local! {
        static LOOKED: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn look<T>(entry: T) -> T {
        LOOKED.set(LOOKED.get() + 1);
        entry
    }

    /// How many entries were looked at since this was asked last.
    pub(in super::super) fn looked_at() -> usize {
        LOOKED.take()
    }

    fn topic(name: &str) -> Topic {
        Topic::new(name).unwrap()
    }

    fn visitor(names: &[&str], user: Option<&str>) -> Visitor {
        let visitor = Visitor::new(names.iter().map(|name| Selector::new(name).unwrap()));
        match user {
            Some(user) => visitor.user(user),
            None => visitor,
        }
    }

    fn claims(names: &[&str]) -> Claims {
        Claims::of(&visitor(names, None))
    }

    #[test]
    fn of_what_is_asked_for_twice_one_is_kept() {
        let asked = claims(&["a.b", "a.*", "a.b", "$presence.a", "c", "$presence.a"]);
        assert_eq!(asked.alone, [Selector::new("a.*").unwrap(), Selector::new("c").unwrap()]);
        assert_eq!((asked.watched, asked.overlapping), (alloc::vec![topic("a")], None));
        let asked = claims(&["a.*", "*.b", "*.b.**", "a", "c.*"]);
        let names = |selectors: &[Selector]| format!("{selectors:?}");
        assert_eq!(names(&asked.alone), r#"["*.b.**", "a"]"#);
        assert_eq!(names(&asked.overlapping.unwrap()), r#"["*.b", "a.*", "c.*"]"#);
        // Held by `**`, it has nothing in common with another.
        let asked = claims(&["a.*", "*.b", "**"]);
        assert_eq!((names(&asked.alone), asked.overlapping), (r#"["**"]"#.into(), None));
    }

    const NAMES: [&str; 10] = ["a", "b", "a.a", "a.b", "b.a", "*", "a.*", "*.a", "*.b", "a.**"];

    proptest! {
        /// The twin: each stream asked by itself.
        #[test]
        fn the_readers_are_those_of_whose_selectors_one_matches(
            streams in prop::collection::vec(
                (prop::collection::vec(0..NAMES.len(), 0..5), 0..4_usize, any::<bool>()),
                0..12,
            ),
            after in prop::option::of(0..4_usize),
            max in 0..3_usize,
        ) {
            const USERS: [&str; 4] = ["", "ann", "bob", "eve"];
            let mut audience = Audience::new(FixedState::with_seed(1));
            let came = streams.iter().map(|(asked, user, stays)| {
                let names: Vec<_> = asked.iter().map(|&n| NAMES[n]).collect();
                (visitor(&names, Some(USERS[*user]).filter(|user| !user.is_empty())), *stays)
            });
            let came: Vec<_> = came.collect();
            for (visitor, _) in &came {
                audience.enter(&Claims::of(visitor), visitor.user.as_ref());
            }
            for (visitor, _) in came.iter().filter(|(_, stays)| !stays) {
                audience.leave(&Claims::of(visitor), visitor.user.as_ref());
            }
            for name in &NAMES[..5] {
                let topic = topic(name);
                let reads = |v: &Visitor| v.selectors.iter().any(|it| it.matches(&topic));
                let readers = came.iter().filter(|(visitor, stays)| *stays && reads(visitor));
                prop_assert_eq!(audience.count(&topic), readers.clone().count());
                let users: BTreeSet<_> = readers.filter_map(|(it, _)| it.user.clone()).collect();
                for user in &USERS[1..] {
                    prop_assert_eq!(audience.has(&topic, user), users.contains(*user));
                }
                let after = after.map(|n| USERS[n]);
                let rest = users.iter().filter(|it| after.is_none_or(|after| ***it > *after));
                let (named, has_more) = audience.users(&topic, after, max);
                prop_assert_eq!(named, rest.clone().take(max).cloned().collect::<Vec<_>>());
                prop_assert_eq!(has_more, rest.count() > max);
            }
            for (visitor, _) in came.iter().filter(|(_, stays)| *stays) {
                audience.leave(&Claims::of(visitor), visitor.user.as_ref());
            }
            prop_assert!(audience.by_topic.is_empty() && audience.by_pattern.is_empty());
            prop_assert!(audience.overlapping.is_empty() && audience.patterns_of.is_empty());
        }
    }
}
