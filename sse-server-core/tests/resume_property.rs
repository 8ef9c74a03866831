//! Whatever is published, trimmed, cut and resumed: what a client was given is complete, or it was
//! told.
//!
//! `PROPTEST_CASES` makes a longer run.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

mod common;

use std::collections::BTreeMap;

use common::{World, events};
use proptest::prelude::*;
use sse_server_core::{CloseReason, Cursor, HubConfig, Overflow, Resume, Retention, SubscriberId};

const TOPICS: [&str; 3] = ["a.x", "b", "$all"];
const SELECTORS: [&str; 4] = ["a.x", "b", "a.*", "**"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(usize),
    Read(usize),
    /// The connection is lost, with what was written last or without it.
    Cut {
        unread: bool,
    },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1usize..8).prop_map(Step::Publish),
        3 => (1usize..200).prop_map(Step::Read),
        1 => any::<bool>().prop_map(|unread| Step::Cut { unread }),
        1 => (0u64..20).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn a_client_gets_all_of_its_topics_in_order_or_a_reset(
        steps in steps(),
        subscribed in 0usize..16,
        overflow in prop_oneof![Just(Overflow::Cut), Just(Overflow::SkipToLatest), Just(Overflow::DropOldest)],
        lag in prop_oneof![Just(1 << 20), 30u64..300],
        window in 1usize..12,
        kept in 1usize..20,
        page in 1usize..200,
    ) {
        let mut config = HubConfig::default();
        config.window = config.window.events(window);
        config.page = page;
        config.overflow = overflow;
        config.max_lag = lag;
        config.lag_grace = common::secs(0);
        let mut world = World::with(config, Retention::DEFAULT.events(kept));
        let topics: Vec<_> = SELECTORS.iter().enumerate()
            .filter_map(|(n, &name)| (subscribed & 1 << n != 0).then_some(name)).collect();
        // The model: which offsets are for this client, and what was published of each selector last.
        let mut mine = Vec::new();
        let mut published = Published::default();
        let mut client = Client::default();
        let mut id = world.subscribe(&topics, Resume::Fresh);
        for step in steps {
            if let Some((_, reason)) = world.closed.pop() {
                prop_assert_eq!(reason, CloseReason::Slow);
                prop_assert_eq!(overflow, Overflow::Cut);
                id = client.reconnect(&mut world, &topics);
            }
            match step {
                Step::Publish(to) => {
                    let to: Vec<_> = (0..3).filter(|n| to & 1 << n != 0).map(|n| TOPICS[n]).collect();
                    let place = world.publish(&to, "x");
                    let reads = |name: &str| {
                        name == "$all"
                            || topics.iter().any(|own| common::selector(own).matches(&common::topic(name)))
                    };
                    if to.iter().any(|name| reads(name)) {
                        mine.push(place.offset());
                    }
                    published.note(&topics, &to, place.offset());
                    client.note_skips(&world, overflow, &published);
                }
                Step::Read(max) => {
                    let wire = world.read_some(id, max);
                    client.note_skips(&world, overflow, &published);
                    client.take(&wire, &mine)?;
                }
                Step::Cut { unread } => {
                    let mut lost = Vec::new();
                    if let Some(written) = world.hub.next_frames(id, 100, &mut lost).filter(|_| unread) {
                        // Written, confirmed, and lost on the way.
                        world.hub.handle_written(id, written, world.now);
                    }
                    world.hub.handle_disconnect(id);
                    world.act();
                    id = client.reconnect(&mut world, &topics);
                }
                Step::Pass(seconds) => {
                    let wire = world.read(id);
                    client.note_skips(&world, overflow, &published);
                    client.take(&wire, &mine)?;
                    world.pass(common::secs(seconds));
                }
            }
        }
        // Whoever comes back reads history at leisure, and nothing is published any more: so it has been
        // cut already, or is cut now, and not again.
        let mut cuts = 0;
        loop {
            if let Some((closed, reason)) = world.closed.pop() {
                prop_assert_eq!((closed, reason, overflow), (id, CloseReason::Slow, Overflow::Cut));
                cuts += 1;
                id = client.reconnect(&mut world, &topics);
            }
            let wire = world.read(id);
            client.note_skips(&world, overflow, &published);
            client.take(&wire, &mine)?;
            if world.closed.is_empty() {
                break;
            }
        }
        prop_assert!(cuts <= 1, "cut {} times at the end", cuts);
        let missing = mine.iter().filter(|&&offset| offset > client.seen).count();
        prop_assert_eq!(missing, 0, "at the end all is read");
        prop_assert_eq!(world.closed, []);
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(512, |cases| cases.parse().expect("PROPTEST_CASES"))
}

/// What was published last, in all and of each selector of the client.
#[derive(Default)]
struct Published {
    last: u64,
    latest: BTreeMap<String, u64>,
}

impl Published {
    fn note(&mut self, asked: &[&str], topics: &[&str], offset: u64) {
        self.last = offset;
        for name in asked.iter().chain(&["$all"]) {
            let selector = common::selector(name);
            if topics.iter().any(|topic| selector.matches(&common::topic(topic))) {
                self.latest.insert((*name).to_owned(), offset);
            }
        }
    }
}

/// What a client knows.
struct Client {
    last_event_id: String,
    /// Everything of its topics up to here was given to it, or it was told of the gap.
    seen: u64,
    awaits_head: bool,
    skips: u64,
    /// Up to here it is given the latest of each topic only: these.
    skips_to: u64,
    latest: Vec<u64>,
}

impl Default for Client {
    fn default() -> Self {
        let (last_event_id, latest) = (String::new(), Vec::new());
        Self { last_event_id, seen: 0, awaits_head: true, skips: 0, skips_to: 0, latest }
    }
}

impl Client {
    fn reconnect(&mut self, world: &mut World, topics: &[&str]) -> SubscriberId {
        let resume = Resume::from_last_event_id(&self.last_event_id);
        self.awaits_head = resume == Resume::Fresh;
        self.skips_to = 0;
        world.subscribe(topics, resume)
    }

    /// One that is made to skip is given the latest of each topic only, of all there is.
    fn note_skips(&mut self, world: &World, overflow: Overflow, published: &Published) {
        let skips = world.hub.counters().skipped;
        if skips > self.skips && overflow == Overflow::SkipToLatest {
            self.skips_to = published.last;
            self.latest.extend(published.latest.values());
        }
        self.skips = skips;
    }

    fn take(&mut self, wire: &str, mine: &[u64]) -> Result<(), TestCaseError> {
        for event in events(wire) {
            let place = Cursor::parse(&event.last_event_id);
            match &*event.event_type {
                "connected" => {
                    if self.awaits_head {
                        self.seen = place.expect("a fresh subscription is told its place").offset();
                    }
                    prop_assert_eq!(place.is_some(), self.awaits_head);
                    self.awaits_head = false;
                }
                "reset" => {
                    let offset = place.expect("a reset has an id").offset();
                    let lost = mine.iter().any(|&own| own > self.seen && own <= offset);
                    let is_skip = event.data.contains("skipped");
                    prop_assert!(lost || is_skip, "a reset without a loss");
                    // What lies before may be shown again after it, if it was on its way.
                    self.seen = offset;
                }
                _ => {
                    let offset = place.expect("an event has an id").offset();
                    let next = mine.iter().find(|&&own| own > self.seen);
                    if offset > self.skips_to {
                        prop_assert_eq!(next, Some(&offset), "skipped, repeated or not its own");
                    } else if next != Some(&offset) {
                        prop_assert!(
                            self.latest.contains(&offset),
                            "neither the next nor the latest"
                        );
                    }
                    prop_assert!(
                        mine.contains(&offset) && offset > self.seen,
                        "repeated or not its own"
                    );
                    self.seen = offset;
                }
            }
        }
        // Blocks with nothing but an id move it too.
        if let Some((_, id)) = wire.rsplit_once("id: ") {
            self.last_event_id = id.lines().next().unwrap_or_default().to_owned();
        }
        Ok(())
    }
}
