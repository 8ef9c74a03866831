//! What those are told who watch who is there.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use foldhash::quality::FixedState;
use sse_codec::time::Instant;

use super::{
    AdmissionConfig,
    audience::{Audience, Claims},
};
use crate::{event::Presence, topic::Topic};

/// Who reads what, and the topics whose presence somebody watches. Of the others no changes are
/// gathered; to begin to watch one costs no more than a word on it.
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

#[derive(Debug, Default)]
struct Watched {
    watchers: usize,
    /// How many streams read it, once that was counted: for its first word, and not to begin to watch
    /// it, of which one stream may do much at once.
    readers: Option<usize>,
    changes: Changes,
    /// When the next word goes out, if something has changed.
    due: Option<Instant>,
}

/// The users who came and went since the last word, as far as there is room.
#[derive(Debug, Default)]
struct Changes {
    /// Who has come, and who has not but left.
    has_come: BTreeMap<Arc<str>, bool>,
    /// There was no room for somebody. Nobody else is noted then, so that nobody is said to have left
    /// of whom it was not said that they came.
    has_more: bool,
}

impl Presences {
    pub(super) fn new(config: &AdmissionConfig, hasher: FixedState) -> Self {
        Self {
            pause: config.presence_pause,
            max_named: config.max_named,
            max_watched: config.max_watched,
            audience: Audience::new(hasher),
            watched: BTreeMap::new(),
            changed: VecDeque::new(),
        }
    }

    /// Whether what a visitor watches is not too much.
    pub(super) fn has_room_to_watch(&self, claims: &Claims) -> bool {
        let new = claims.watched.iter().filter(|topic| !self.watched.contains_key(*topic)).count();
        new == 0 || self.watched.len() + new <= self.max_watched
    }

    /// Whether patterns that overlap are the same as somebody's, or there are fewer than so many.
    pub(super) fn has_room_to_overlap(&self, claims: &Claims, max: usize) -> bool {
        claims.overlapping().is_none_or(|overlap| self.audience.has_room(overlap, max))
    }

    /// Notes that somebody comes.
    pub(super) fn enter(&mut self, claims: &Claims, user: Option<&Arc<str>>, now: Instant) {
        let mut new = Vec::new();
        for topic in &claims.watched {
            let watched = self.watched.entry(topic.clone()).or_default();
            watched.watchers += 1;
            if watched.watchers == 1 {
                new.push(topic);
            }
        }
        let concerned = self.concerned(claims);
        for topic in &concerned {
            self.note(topic, user, true, now);
        }
        self.audience.enter(claims, user);
        // The first to watch is told what there is, even if nothing changes. Whoever comes later is told
        // the last word by the hub, and the others have heard it.
        for topic in new {
            self.stirs(topic, now);
        }
    }

    /// Notes that somebody goes.
    pub(super) fn leave(&mut self, claims: &Claims, user: Option<&Arc<str>>, now: Instant) {
        self.audience.leave(claims, user);
        for topic in &self.concerned(claims) {
            self.note(topic, user, false, now);
        }
        for topic in &claims.watched {
            if let Some(watched) = self.watched.get_mut(topic) {
                watched.watchers -= 1;
                if watched.watchers == 0 {
                    self.watched.remove(topic);
                }
            }
        }
    }

    /// Who is subscribed to a topic, watched or not: of the users, those behind `after`.
    pub(super) fn look(&self, topic: &Topic, after: Option<&str>) -> Presence {
        let (users, has_more) = self.audience.users(topic, after, self.max_named);
        Presence {
            topic: topic.clone(),
            count: self.count(topic),
            users,
            joined: [].into(),
            left: [].into(),
            is_partial: has_more,
        }
    }

    fn count(&self, topic: &Topic) -> usize {
        let counted = self.watched.get(topic).and_then(|watched| watched.readers);
        counted.unwrap_or_else(|| self.audience.count(topic))
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
                let changes = core::mem::take(&mut watched.changes);
                let word = changes.tell(self.look(&topic, None));
                if let Some(watched) = self.watched.get_mut(&topic) {
                    watched.readers = Some(word.count);
                }
                return Some(word);
            }
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.changed.front().map(|&(at, _)| at)
    }

    /// Which of those that are watched somebody reads, each once.
    fn concerned(&self, claims: &Claims) -> BTreeSet<Topic> {
        if self.watched.is_empty() {
            return BTreeSet::new();
        }
        let by_name = claims.topics().filter_map(|it| Topic::new(it.as_str()).ok());
        let mut concerned: BTreeSet<_> =
            by_name.filter(|topic| self.watched.contains_key(topic)).collect();
        if claims.patterns().next().is_some() {
            let matches = |topic: &&Topic| claims.patterns().any(|it| it.matches(topic));
            concerned.extend(self.watched.keys().filter(matches).cloned());
        }
        concerned
    }

    /// Notes that a stream of a topic comes or goes, which is not in the audience then, and has it
    /// told.
    fn note(&mut self, topic: &Topic, user: Option<&Arc<str>>, comes: bool, now: Instant) {
        let Some(watched) = self.watched.get_mut(topic) else { return };
        if let Some(readers) = &mut watched.readers {
            *readers = if comes { *readers + 1 } else { *readers - 1 };
        }
        // With another stream they are there all the time.
        if let Some(user) = user.filter(|user| !self.audience.has(topic, user)) {
            watched.changes.note(user, comes, self.max_named);
        }
        self.stirs(topic, now);
    }

    /// Has a change told after the pause.
    fn stirs(&mut self, topic: &Topic, now: Instant) {
        let Some(watched) = self.watched.get_mut(topic) else { return };
        if watched.due.is_none() {
            watched.due = Some(now + self.pause);
            self.changed.push_back((now + self.pause, topic.clone()));
        }
    }
}

impl Changes {
    fn note(&mut self, user: &Arc<str>, comes: bool, max: usize) {
        // Back where they were.
        if self.has_come.remove(user).is_some() {
            return;
        }
        self.has_more |= self.has_come.len() >= max;
        if !self.has_more {
            self.has_come.insert(user.clone(), comes);
        }
    }

    fn tell(self, mut word: Presence) -> Presence {
        word.is_partial |= self.has_more;
        for (user, has_come) in self.has_come {
            if has_come { &mut word.joined } else { &mut word.left }.push(user);
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::{super::audience::tests::looked_at, *};
    use crate::{Admission, Selector, Visitor};

    const READERS: usize = 10_000;

    fn visitor(names: &[&str]) -> Visitor {
        Visitor::new(names.iter().map(|name| Selector::new(name).unwrap()))
    }

    #[test]
    fn what_is_looked_at_for_a_watch_does_not_grow_with_the_readers() {
        let config = AdmissionConfig { max_named: 10, ..AdmissionConfig::default() };
        let mut admission = Admission::new(config, 1);
        let mut now = Instant::ORIGIN;
        for n in 0..READERS {
            let names = [&["room"][..], &["*"], &["r.*", "*.r"], &["room", "**"]][n % 4];
            admission.admit(visitor(names).user(format!("user {n}")), now).unwrap();
        }
        // Of 10 users and one more by its name and by each of 2 patterns; those three, for the users
        // and for the count; and the patterns that overlap.
        let most = 11 * 3 + 2 * 3 + 1;
        let costs = |step: &str, cost: usize| assert!(cost <= most, "{step}: {cost}");
        looked_at();
        let pass = admission.admit(visitor(&["$presence.room"]), now).unwrap();
        costs("to begin to watch", looked_at());
        now = now + config.presence_pause;
        let word = admission.poll_presence(now).unwrap();
        assert_eq!((word.count, word.users.len(), word.is_partial), (READERS * 3 / 4, 10, true));
        assert_eq!(word.joined, []);
        costs("a word", looked_at());
        let gone = admission.admit(visitor(&["room"]).user("user 0"), now).unwrap();
        costs("one more stream", looked_at());
        admission.release(gone, now);
        costs("one less", looked_at());
        let topic = Topic::new("room").unwrap();
        assert_eq!(admission.presence(&topic).users, word.users);
        costs("to ask", looked_at());
        admission.release(pass, now);
        costs("to watch no more", looked_at());
    }

    #[test]
    fn what_is_looked_at_to_come_and_go_does_not_grow_with_others_patterns() {
        const WATCHED: usize = 1000;
        let mut admission = Admission::new(AdmissionConfig::default(), 1);
        let now = Instant::ORIGIN;
        let watched: Vec<_> = (0..WATCHED).map(|n| format!("$presence.a.b.c.n{n}")).collect();
        let watched: Vec<_> = watched.iter().map(|name| &**name).collect();
        admission.admit(visitor(&watched), now).unwrap();
        // All of which match all that is watched.
        let others = ["a.b.c.*", "a.b.*.*", "a.*.c.*", "a.*.*.*", "*.b.c.*", "*.b.*.*", "a.b.c.**"];
        for pattern in others {
            admission.admit(visitor(&[pattern]).user(pattern), now).unwrap();
        }
        let ann = |names: &[&str]| visitor(names).user("ann");
        admission.admit(ann(&["other.*", "a.b.c.n7"]), now).unwrap();
        looked_at();
        let pass = admission.admit(ann(&["**"]), now).unwrap();
        // For each topic a pattern of her own, or her stream by its name.
        assert_eq!(looked_at(), WATCHED);
        admission.release(pass, now);
        assert_eq!(looked_at(), WATCHED);
    }

    #[test]
    fn what_is_looked_at_for_a_word_does_not_grow_with_the_patterns_that_overlap() {
        const GROUPS: usize = 900;
        let config = AdmissionConfig::default();
        let mut admission = Admission::new(config, 1);
        let mut now = Instant::ORIGIN;
        for n in 0..GROUPS {
            admission.admit(visitor(&["room.*", &format!("*.n{n}")]), now).unwrap();
        }
        admission.admit(visitor(&["$presence.room.n7", "$presence.n7"]), now).unwrap();
        looked_at();
        let mut word = |admission: &mut Admission| {
            now = now + config.presence_pause;
            let words: Vec<_> = core::iter::from_fn(|| admission.poll_presence(now)).collect();
            let mut counts: Vec<_> = words.iter().map(|it| (it.topic.as_str(), it.count)).collect();
            counts.sort_unstable();
            (counts.iter().map(|it| it.1).collect::<Vec<_>>(), looked_at(), now)
        };
        // The first is counted.
        let (counts, cost, at) = word(&mut admission);
        assert_eq!((counts, cost), ([0, GROUPS].into(), 2 * GROUPS));
        let pass = admission.admit(visitor(&["**", "room.n7"]), at).unwrap();
        let (counts, cost, at) = word(&mut admission);
        assert_eq!(counts, [1, GROUPS + 1]);
        assert!(cost <= 2, "{cost}");
        admission.release(pass, at);
        let (counts, cost, _) = word(&mut admission);
        assert_eq!((counts, cost), ([0, GROUPS].into(), 0));
        let topic = Topic::new("room.n7").unwrap();
        assert_eq!(admission.presence(&topic).count, GROUPS);
        assert_eq!(looked_at(), 0);
    }

    #[test]
    fn all_users_are_named_page_by_page() {
        let config = AdmissionConfig { max_named: 7, ..AdmissionConfig::default() };
        let mut admission = Admission::new(config, 1);
        let users: Vec<_> = (100..125).map(|n| format!("user {n}")).collect();
        for user in &users {
            admission.admit(visitor(&["room"]).user(&**user), Instant::ORIGIN).unwrap();
        }
        let topic = Topic::new("room").unwrap();
        let mut named = Vec::new();
        loop {
            let page = admission.presence_after(&topic, named.last().map(|it: &Arc<str>| &**it));
            assert_eq!((page.count, page.users.len() <= 7), (25, true));
            named.extend(page.users);
            assert_eq!(page.is_partial, named.len() < 25);
            if !page.is_partial {
                break;
            }
        }
        assert!(named.iter().map(|user| &**user).eq(users.iter().map(|user| &**user)));
    }
}
