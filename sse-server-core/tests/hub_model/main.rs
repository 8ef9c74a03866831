//! The hub beside a model that is small and obvious: a list of events, and for each client how far
//! it has come. Whatever is asked, published, lost, late, trimmed and ended, in any order: what a
//! client is given is what the model says, or it is told of a gap that the model sees as well.
//!
//! `PROPTEST_CASES` makes a longer run.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

#[path = "../common/mod.rs"]
mod common;
mod model;
mod world;

use core::time::Duration;
use std::collections::VecDeque;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use sse_codec::Decoder;
use sse_server_core::{
    CloseReason, Cursor, Epoch, Hub, HubConfig, Log, Publish, PublishError, Retention, Topic,
};

use crate::{
    common::topic,
    model::{
        ANN, CLIENTS, EVERYONE, From, MAX_SUBSCRIBERS, MAX_TOPICS, Model, STALL, Step, TOPICS,
    },
    world::{Client, Word, World, at},
};

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
            came_at: 0,
            has_caught_up: false,
            awaits_page: false,
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
            gone_by: [0; 6],
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
        let [slow, drained, expired, revoked, failed, _] = world.gone_by;
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
