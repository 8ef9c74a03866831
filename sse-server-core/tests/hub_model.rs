//! The hub beside a model that is small and obvious: a list of events, and for each client how far
//! it has come. Whatever is asked, published, lost, late, trimmed and ended, in any order: what a
//! client is given is what the model says, or it is told of a gap that the model sees as well.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

mod common;

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use common::{selector, topic};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use sse_codec::{Decoder, EventId, Item, time::Instant};
use sse_server_core::{
    Appended, CloseReason, Cursor, Epoch, FetchId, HistoryPage, Hub, HubConfig, Log, Output,
    Overflow, Publish, PublishError, PublishId, Receipt, Resume, Retention, StoreError, Subscribe,
    SubscribeError, SubscriberId, Topic, Written,
};

/// What is published to: by number, for the model.
const TOPICS: [&str; 5] = ["a.x", "a.y", "b", "$all", "$user.ann"];
/// What is asked for, and which of the topics that means.
const SELECTORS: [(&str, &[usize]); 6] =
    [("a.x", &[0]), ("a.y", &[1]), ("b", &[2]), ("a.*", &[0, 1]), ("**", &[0, 1, 2]), ("c", &[])];
const EVERYONE: usize = 3;
const ANN: usize = 4;
const CLIENTS: usize = 4;
const MAX_SUBSCRIBERS: usize = 3;
const MAX_TOPICS: usize = 3;
const STALL: u64 = 30_000;

#[derive(Clone, Debug)]
struct Model {
    setting: Setting,
    epoch: u64,
    /// The topics of each event of this epoch.
    events: Vec<BTreeSet<usize>>,
    /// What each client asked for last.
    asked: [Asked; CLIENTS],
    now: u64,
    draining: bool,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    overflow: Overflow,
    max_lag: u64,
    window: usize,
    kept: usize,
    page: usize,
    heartbeats: bool,
    max_fetches: usize,
}

#[derive(Clone, Debug, Default)]
struct Asked {
    selectors: Vec<usize>,
    is_ann: bool,
    expires: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum From {
    /// What it saw last, as a browser does.
    Last,
    Fresh,
    Earliest,
    Future,
    Malformed,
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe {
        n: usize,
        asked: Asked,
        from: From,
    },
    Publish {
        topics: BTreeSet<usize>,
        size: usize,
        fails: bool,
    },
    /// The hub hears so much of what the store has said.
    Hear {
        count: usize,
        fails: bool,
    },
    /// Appended events that never reach the hub, as over a network that lost some.
    Miss(usize),
    Peek {
        n: usize,
        max: usize,
    },
    Confirm {
        n: usize,
        arrives: bool,
    },
    Read(usize),
    Disconnect(usize),
    Close(usize),
    Pass(u64),
    /// The store is emptied.
    Restart,
    Drain,
}

impl Model {
    /// What of the store's events is for a client.
    fn is_for(&self, n: usize, offset: u64) -> bool {
        let asked = &self.asked[n];
        self.events[offset as usize - 1].iter().any(|&topic| match topic {
            EVERYONE => true,
            ANN => asked.is_ann,
            topic => asked.selectors.iter().any(|&one| SELECTORS[one].1.contains(&topic)),
        })
    }

    /// Whether any of `from..=upto` is for a client.
    fn owes(&self, n: usize, from: u64, upto: u64) -> bool {
        (from.max(1)..=upto.min(self.head())).any(|offset| self.is_for(n, offset))
    }

    fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// Up to where events are gone from the store.
    fn trimmed(&self) -> u64 {
        self.head().saturating_sub(self.setting.kept as u64)
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let selectors = prop::collection::vec(0..SELECTORS.len(), 0..=MAX_TOPICS + 1);
    let expires = prop::option::weighted(0.2, 0u64..60_000);
    (selectors, any::<bool>(), expires).prop_map(|(selectors, is_ann, expires)| Asked {
        selectors,
        is_ann,
        expires,
    })
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let overflow = prop_oneof![
            Just(Overflow::Cut),
            Just(Overflow::SkipToLatest),
            Just(Overflow::DropOldest)
        ];
        let max_lag = prop_oneof![Just(1 << 20), 100u64..600];
        (overflow, max_lag, 1usize..12, 1usize..20, 1usize..300, any::<bool>(), 1usize..3)
            .prop_map(|(overflow, max_lag, window, kept, page, heartbeats, max_fetches)| Self {
                setting: Setting { overflow, max_lag, window, kept, page, heartbeats, max_fetches },
                epoch: 1,
                events: Vec::new(),
                asked: Default::default(),
                now: 0,
                draining: false,
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let n = 0..CLIENTS;
        let from = prop_oneof![
            6 => Just(From::Last),
            2 => Just(From::Fresh),
            2 => Just(From::Earliest),
            1 => Just(From::Future),
            1 => Just(From::Malformed),
        ];
        let topics = prop::collection::btree_set(0..TOPICS.len(), 1..=3);
        let rarely = || prop::bool::weighted(0.05);
        prop_oneof![
            12 => (n.clone(), asked(), from)
                .prop_map(|(n, asked, from)| Step::Subscribe { n, asked, from }),
            30 => (topics, 0usize..60, rarely())
                .prop_map(|(topics, size, fails)| Step::Publish { topics, size, fails }),
            40 => (1usize..6, rarely()).prop_map(|(count, fails)| Step::Hear { count, fails }),
            1 => (1usize..3).prop_map(Step::Miss),
            15 => (n.clone(), 1usize..300).prop_map(|(n, max)| Step::Peek { n, max }),
            15 => (n.clone(), prop::bool::weighted(0.9))
                .prop_map(|(n, arrives)| Step::Confirm { n, arrives }),
            20 => n.clone().prop_map(Step::Read),
            5 => n.clone().prop_map(Step::Disconnect),
            2 => n.prop_map(Step::Close),
            10 => (0u64..20_000).prop_map(Step::Pass),
            1 => Just(Step::Restart),
            1 => prop::bool::weighted(0.2).prop_map(|drains| if drains { Step::Drain } else { Step::Pass(0) }),
        ]
        .boxed()
    }

    fn apply(mut self_: Self, step: &Step) -> Self {
        match step {
            Step::Subscribe { n, asked, .. } => {
                self_.asked[*n] = asked.clone();
                self_.asked[*n].expires = asked.expires.map(|after| self_.now + after);
            }
            Step::Publish { topics, fails: false, .. } if !self_.draining => {
                self_.events.push(topics.clone());
            }
            Step::Pass(millis) => self_.now += millis,
            Step::Restart => {
                self_.epoch += 1;
                self_.events.clear();
            }
            Step::Drain => self_.draining = true,
            _ => {}
        }
        self_
    }
}

/// What the store has said and the hub has not heard.
enum Word {
    Appended(Appended),
    Done(PublishId, Result<Receipt, StoreError>),
    Question(FetchId, Vec<sse_server_core::Selector>, Cursor, usize),
}

struct Client {
    id: Option<SubscriberId>,
    decoder: Decoder,
    held: Option<(Written, Vec<u8>)>,
    /// All of its topics up to here was given to it, or it was told of the gap.
    seen: Option<(u64, u64)>,
    from: From,
    /// The hub's epoch when it subscribed.
    joined: u64,
    awaits_head: bool,
    /// `connected` was the last event: it is told the place where the loss that follows ends.
    is_greeted: bool,
    /// `poll_ready` has named it since it last had nothing to read.
    is_named: bool,
    last_progress: u64,
    may_lose_store: bool,
    /// It was made to skip while the head was here.
    skipped_upto: u64,
}

struct World {
    hub: Hub,
    store: Log,
    line: VecDeque<Word>,
    clients: Vec<Client>,
    publishing: u64,
    answered: u64,
    failing: bool,
    skips: u64,
    gone_by: [u64; 5],
}

const fn at(now: u64) -> Instant {
    // Not at the origin, so that "a while ago" is a time.
    Instant::from_origin(Duration::from_millis(100_000 + now))
}

impl World {
    fn act(&mut self, model: &Model) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Append { id, event, .. } => {
                    if core::mem::take(&mut self.failing) {
                        self.line.push_back(Word::Done(id, Err(StoreError::Unavailable)));
                        continue;
                    }
                    let head = self.store.head();
                    let appended = event.place(Cursor::new(head.epoch(), head.offset() + 1));
                    self.store.append(&appended, at(model.now));
                    self.line.push_back(Word::Done(id, Ok(Receipt::new(appended.cursor))));
                    self.line.push_back(Word::Appended(appended));
                }
                Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                    self.line.push_back(Word::Question(
                        fetch,
                        selectors.to_vec(),
                        after,
                        max_bytes,
                    ));
                }
                Output::PublishDone { .. } => self.answered += 1,
                Output::Close { id, reason, .. } => self.closed(model, id, reason),
                other => panic!("{other:?}"),
            }
        }
        while let Some(id) = self.hub.poll_ready() {
            let client = self.clients.iter_mut().find(|client| client.id == Some(id));
            let client = client.expect("only those that are there are named");
            assert!(!client.is_named, "named twice");
            client.is_named = true;
            client.last_progress = model.now;
        }
    }

    fn closed(&mut self, model: &Model, id: SubscriberId, reason: CloseReason) {
        let n = self.clients.iter().position(|client| client.id == Some(id)).expect("there");
        let client = &mut self.clients[n];
        client.id = None;
        client.held = None;
        match reason {
            CloseReason::Slow => {
                let stalled = model.now - client.last_progress + 1 >= STALL;
                let may_lag =
                    model.setting.overflow == Overflow::Cut && model.setting.max_lag < 1000;
                assert!(client.is_named && (stalled || may_lag), "cut without a cause");
            }
            CloseReason::Expired => {
                assert!(model.asked[n].expires.is_some_and(|at| at <= model.now + 1));
            }
            CloseReason::Drained => assert!(model.draining),
            CloseReason::StoreFailed => assert!(client.may_lose_store, "the store did not fail"),
            CloseReason::Revoked => {}
            other => panic!("{other:?}"),
        }
        self.gone_by[reason as usize] += 1;
    }

    fn subscribe(&mut self, model: &Model, n: usize, from: From) {
        self.disconnect(model, n);
        let (asked, client) = (&model.asked[n], &mut self.clients[n]);
        client.from = from;
        let resume = match from {
            From::Last => Resume::from_last_event_id(client.decoder.last_event_id()),
            From::Fresh => Resume::Fresh,
            From::Earliest => Resume::Earliest,
            From::Future => Resume::After(Cursor::new(Epoch::new(model.epoch), 1 << 40)),
            From::Malformed => Resume::from_last_event_id("no id of ours"),
        };
        let mut request =
            Subscribe::new(asked.selectors.iter().map(|&one| selector(SELECTORS[one].0)));
        if asked.is_ann {
            request = request.user("ann").unwrap();
        }
        if let Some(expires) = asked.expires {
            request = request.expires(at(expires));
        }
        let distinct: BTreeSet<_> = asked.selectors.iter().collect();
        let count = distinct.len();
        let present = self.clients.iter().filter(|client| client.id.is_some()).count();
        let result = self.hub.subscribe(request.resume(resume), at(model.now));
        let client = &mut self.clients[n];
        match result {
            Ok(id) => {
                assert!(count <= MAX_TOPICS && present < MAX_SUBSCRIBERS && !model.draining);
                let is_resumed = matches!((from, resume), (From::Last, Resume::After(_)));
                client.joined = self.hub.head().epoch().number();
                if !is_resumed {
                    client.seen = None;
                }
                client.id = Some(id);
                client.is_named = false;
                client.awaits_head = resume == Resume::Fresh;
                client.last_progress = model.now;
                client.may_lose_store = false;
                client.skipped_upto = 0;
                // A connection begins with a parser of its own, and the last event ID it sent.
                let id = match from {
                    From::Last => client.decoder.last_event_id().to_owned(),
                    _ => String::new(),
                };
                client.decoder = Decoder::new();
                client.decoder.set_last_event_id(&EventId::new(id).unwrap());
            }
            Err(SubscribeError::TooManyTopics { .. }) => assert!(count > MAX_TOPICS),
            Err(SubscribeError::Full) => assert!(present >= MAX_SUBSCRIBERS),
            Err(SubscribeError::Draining) => assert!(model.draining),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, model: &Model, fails: bool) {
        let now = at(model.now);
        match self.line.pop_front() {
            Some(Word::Appended(event)) => self.hub.handle_appended(&event, now),
            Some(Word::Done(id, result)) => self.hub.handle_append_done(id, result, now),
            Some(Word::Question(fetch, selectors, after, max_bytes)) => {
                let page = self.store.page(&selectors, after, max_bytes, now);
                let strange = page.head.epoch() != self.hub.head().epoch();
                if fails || strange {
                    self.clients.iter_mut().for_each(|client| client.may_lose_store = true);
                }
                let page: Result<HistoryPage, _> =
                    if fails { Err(StoreError::Unavailable) } else { Ok(page) };
                self.hub.handle_history(fetch, page, now);
            }
            None => return,
        }
        let skips = self.hub.counters().skipped;
        if skips > self.skips {
            self.skips = skips;
            let head = self.hub.head().offset();
            self.clients.iter_mut().for_each(|client| client.skipped_upto = head);
        }
        self.act(model);
    }

    fn peek(&mut self, model: &Model, n: usize, max: usize) {
        let client = &mut self.clients[n];
        let Some(id) = client.id else { return };
        let mut frames = Vec::new();
        let written = self.hub.next_frames(id, max, &mut frames);
        match written {
            Some(written) => {
                assert!(client.is_named, "it has something to read and nobody said so");
                assert_eq!(written.bytes(), frames.iter().map(bytes::Bytes::len).sum::<usize>());
                let (first, rest) = (frames[0].len(), written.bytes());
                // Its own frames come in any case, and one event.
                assert!(rest <= max.max(first) + 600, "{rest} for {max}");
                client.held = Some((written, frames.concat()));
            }
            None => {
                client.is_named = false;
                client.held = None;
            }
        }
        self.act(model);
    }

    fn confirm(&mut self, model: &Model, n: usize, arrives: bool) -> bool {
        let client = &mut self.clients[n];
        let (Some(id), Some((written, wire))) = (client.id, client.held.take()) else {
            return false;
        };
        client.last_progress = model.now;
        self.hub.handle_written(id, written, at(model.now));
        if arrives {
            client.take(model, n, &wire);
        }
        self.act(model);
        // What did not arrive is lost with its connection.
        if !arrives {
            self.disconnect(model, n);
        }
        true
    }

    fn read(&mut self, model: &Model, n: usize) {
        loop {
            self.peek(model, n, 200);
            if !self.confirm(model, n, true) {
                return;
            }
        }
    }

    fn disconnect(&mut self, model: &Model, n: usize) {
        if let Some(id) = self.clients[n].id.take() {
            self.hub.handle_disconnect(id);
        }
        self.clients[n].held = None;
        self.act(model);
    }

    /// Time passes, as it does for a driver: from deadline to deadline.
    fn pass(&mut self, model: &Model, millis: u64) {
        let (mut then, end) = (model.now - millis, model.now);
        loop {
            let due = self.hub.poll_timeout().map(|deadline| deadline.at);
            let due = due.filter(|&due| due <= at(end));
            then = due.map_or(end, |due| {
                let millis = due.since_origin().as_millis() as u64;
                then.max(millis.saturating_sub(100_000))
            });
            self.hub.handle_timeout(at(then));
            let next = self.hub.poll_timeout().map(|deadline| deadline.at);
            assert!(next.is_none_or(|next| next > at(then)), "a deadline that does not move");
            let seen_at = Model { now: then, ..model.clone() };
            self.act(&seen_at);
            if due.is_none() {
                return;
            }
        }
    }
}

impl Client {
    fn take(&mut self, model: &Model, n: usize, mut wire: &[u8]) {
        while let Some(item) = self.decoder.decode(&mut wire).unwrap() {
            let Item::Event(event) = item else { continue };
            let place = Cursor::parse(event.last_event_id);
            let place = place.map(|cursor| (cursor.epoch().number(), cursor.offset()));
            let was_greeted = core::mem::replace(&mut self.is_greeted, false);
            match event.event_type {
                "connected" => {
                    self.is_greeted = self.awaits_head;
                    if self.awaits_head {
                        self.seen = Some(place.expect("a fresh one is told its place"));
                    }
                    self.awaits_head = false;
                }
                "reset" => {
                    let (epoch, offset) = place.expect("a reset has an id");
                    let lost = |from: u64| {
                        epoch != model.epoch || model.owes(n, from + 1, offset.min(model.trimmed()))
                    };
                    match event.data {
                        r#"{"reason":"epoch"}"# => {
                            assert!(
                                self.joined != epoch
                                    || self.seen.is_none_or(|(old, _)| old != epoch)
                            )
                        }
                        r#"{"reason":"malformed"}"# => {
                            assert!(matches!(self.from, From::Malformed))
                        }
                        r#"{"reason":"future"}"# => assert!(matches!(self.from, From::Future)),
                        r#"{"reason":"trimmed"}"# => {
                            let (old, from) = self.seen.unwrap_or((epoch, 0));
                            assert!(
                                old != epoch || lost(from) || was_greeted,
                                "a gap that is none"
                            );
                        }
                        r#"{"reason":"skipped"}"# => {
                            assert!(
                                model.setting.overflow != Overflow::Cut && self.skipped_upto > 0
                            );
                        }
                        other => panic!("{other}"),
                    }
                    self.seen = Some((epoch, offset));
                }
                "message" => {
                    let (epoch, offset) = place.expect("an event has an id");
                    if epoch == model.epoch {
                        assert!(model.is_for(n, offset), "an event of somebody else");
                        match self.seen {
                            Some((old, seen)) => {
                                assert_eq!(old, epoch, "another epoch in silence");
                                assert!(offset > seen, "repeated");
                                let from = seen.max(match model.setting.overflow {
                                    Overflow::SkipToLatest => self.skipped_upto,
                                    _ => 0,
                                });
                                assert!(!model.owes(n, from + 1, offset - 1), "skipped in silence");
                            }
                            None => assert!(
                                !model.owes(n, model.trimmed() + 1, offset - 1)
                                    || matches!(self.from, From::Earliest),
                                "not from the beginning"
                            ),
                        }
                    }
                    self.seen = Some((epoch, offset));
                }
                "heartbeat" => {}
                other => panic!("{other}"),
            }
        }
        // A heartbeat may say that nothing of its own lies before a place.
        if let Some(cursor) = Cursor::parse(self.decoder.last_event_id()) {
            let (epoch, offset) = (cursor.epoch().number(), cursor.offset());
            if let Some((old, seen)) =
                self.seen.filter(|&(old, seen)| old == epoch && seen < offset)
            {
                assert!(epoch != model.epoch || !model.owes(n, seen + 1, offset), "an id too far");
                self.seen = Some((old, offset));
            }
        }
    }
}

struct HubTest;

impl StateMachineTest for HubTest {
    type SystemUnderTest = World;
    type Reference = Model;

    fn init_test(model: &Model) -> World {
        let setting = model.setting;
        let mut config = HubConfig::default();
        config.overflow = setting.overflow;
        config.max_lag = setting.max_lag;
        config.lag_grace = Duration::ZERO;
        config.window = config.window.events(setting.window);
        config.page = setting.page;
        config.heartbeat = setting.heartbeats.then_some(Duration::from_secs(15));
        config.max_subscribers = MAX_SUBSCRIBERS;
        config.max_topics = MAX_TOPICS;
        config.max_fetches = setting.max_fetches;
        let start = Cursor::new(Epoch::new(model.epoch), 0);
        let client = |_| Client {
            id: None,
            decoder: Decoder::new(),
            held: None,
            seen: None,
            from: From::Fresh,
            joined: 0,
            awaits_head: false,
            is_greeted: false,
            is_named: false,
            last_progress: 0,
            may_lose_store: false,
            skipped_upto: 0,
        };
        World {
            hub: Hub::new(config, start, 7),
            store: Log::new(Retention::DEFAULT.events(setting.kept), start, 7),
            line: VecDeque::new(),
            clients: (0..CLIENTS).map(client).collect(),
            publishing: 0,
            answered: 0,
            failing: false,
            skips: 0,
            gone_by: [0; 5],
        }
    }

    fn apply(mut world: World, model: &Model, step: Step) -> World {
        match step {
            Step::Subscribe { n, from, .. } => world.subscribe(model, n, from),
            Step::Publish { topics, size, fails } => {
                let topics = topics.into_iter().map(|number| match number {
                    EVERYONE => Topic::all(),
                    ANN => Topic::user("ann").unwrap(),
                    number => topic(TOPICS[number]),
                });
                let event = Publish::new(topics, "x".repeat(size));
                world.failing = fails;
                match world.hub.publish(event, at(model.now)) {
                    Ok(_) => world.publishing += 1,
                    Err(error) => {
                        assert_eq!((error, model.draining), (PublishError::Draining, true))
                    }
                }
                world.act(model);
                world.failing = false;
            }
            Step::Hear { count, fails } => {
                for _ in 0..count {
                    world.hear(model, fails);
                }
            }
            Step::Miss(count) => {
                for _ in 0..count {
                    if let Some(Word::Appended(_)) = world.line.front() {
                        world.line.pop_front();
                    }
                }
            }
            Step::Peek { n, max } => world.peek(model, n, max),
            Step::Confirm { n, arrives } => {
                world.confirm(model, n, arrives);
            }
            Step::Read(n) => world.read(model, n),
            Step::Disconnect(n) => world.disconnect(model, n),
            Step::Close(n) => {
                if let Some(id) = world.clients[n].id {
                    world.hub.close(id, CloseReason::Revoked, at(model.now));
                    world.act(model);
                    assert_eq!(world.clients[n].id, None);
                }
            }
            Step::Pass(millis) => world.pass(model, millis),
            Step::Restart => {
                let head = Cursor::new(Epoch::new(model.epoch), 0);
                let kept = Retention::DEFAULT.events(model.setting.kept);
                world.store = Log::new(kept, head, 7);
            }
            Step::Drain => world.hub.drain(at(model.now + 20_000), at(model.now)),
        }
        world.act(model);
        world
    }

    fn check_invariants(world: &World, model: &Model) {
        let present = world.clients.iter().filter(|client| client.id.is_some()).count();
        let counters = world.hub.counters();
        assert_eq!(counters.subscribers, present as u64);
        let [slow, drained, expired, revoked, failed] = world.gone_by;
        assert_eq!(counters.cut_for_lag + counters.cut_for_stall, slow);
        assert_eq!((counters.drained, counters.expired), (drained, expired));
        assert_eq!((counters.revoked, counters.store_failed), (revoked, failed));
        for (n, client) in world.clients.iter().enumerate() {
            let is_over =
                client.id.is_some() && model.asked[n].expires.is_some_and(|at| at + 32 < model.now);
            // The clock moves in `Pass` alone, which does what is due.
            assert!(!is_over, "its grant is over");
            let stalls = client.id.is_some() && client.is_named && client.held.is_none();
            assert!(!stalls || model.now < client.last_progress + STALL + 32, "a stall unnoticed");
        }
    }

    fn teardown(mut world: World, mut model: Model) {
        // All is well again: everyone reads to the end.
        if model.draining {
            model.now += 21_000;
            world.pass(&model, 21_000);
            while !world.line.is_empty() {
                world.hear(&model, false);
            }
            assert!(world.hub.is_drained());
            assert_eq!(world.hub.poll_timeout(), None);
            assert_eq!(world.answered, world.publishing, "everyone who published has an answer");
            return;
        }
        let everyone = Step::Publish { topics: [EVERYONE].into(), size: 1, fails: false };
        model = Model::apply(model, &everyone);
        world = Self::apply(world, &model, everyone);
        for _ in 0..200 {
            while !world.line.is_empty() {
                world.hear(&model, false);
            }
            (0..CLIENTS).for_each(|n| world.read(&model, n));
        }
        let end = Some((model.epoch, model.head()));
        for client in world.clients.iter().filter(|client| client.id.is_some()) {
            assert_eq!(client.seen, end, "at the end all is read");
            assert!(!client.is_named, "and nothing is left to read");
        }
        assert_eq!(world.answered, world.publishing, "everyone who published has an answer");
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig::default())]
    #[test]
    fn the_hub_does_as_the_model_says(sequential 1..120 => HubTest);
}
