//! Whoever comes for one answer at a time, of a store that is asked for one short page and no more: it
//! gets on, and what it was given is complete or it was told.
//!
//! `PROPTEST_CASES` makes a longer run.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test fails by panic")]

mod common;

use common::{World, events, selector, topic};
use proptest::prelude::*;
use sse_server_core::{Cursor, HubConfig, Output, Resume, Retention, SubscriberId};

const TOPICS: [&str; 4] = ["a.x", "a.y", "b", "c"];
const ASKED: [&[&str]; 4] = [&["a.*"], &["a.x", "b"], &["**"], &["c.*", "b"]];

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(usize),
    /// So many pages are answered before its time is over.
    Poll(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..TOPICS.len()).prop_map(Step::Publish),
        2 => (0usize..3).prop_map(Step::Poll),
    ];
    prop::collection::vec(step, 1..120)
}

/// A hub, its store, and the topic of all that was ever published, from offset 1 on.
struct Scene {
    world: World,
    published: Vec<&'static str>,
}

impl Scene {
    /// What was published of these topics past an offset.
    fn own(&self, asked: &'static [&'static str], after: u64) -> impl Iterator<Item = u64> {
        let own = move |name: &str| asked.iter().any(|own| selector(own).matches(&topic(name)));
        let all = (1..).zip(&self.published);
        all.filter(move |&(offset, name)| offset > after && own(name)).map(|(offset, _)| offset)
    }
}

/// One who polls: all of its own up to `seen` it was given, or told to be lost.
struct Client {
    asked: &'static [&'static str],
    last_event_id: String,
    seen: u64,
    /// It has asked by an id that is none, and was not told so yet.
    owed: bool,
}

impl Client {
    fn poll(&mut self, scene: &mut Scene, pages: usize, step: u64) -> Result<(), String> {
        let world = &mut scene.world;
        world.store_sleeps = true;
        let id = world.subscribe(self.asked, Resume::from_last_event_id(&self.last_event_id));
        let (mut wire, mut left) = (String::new(), pages);
        loop {
            let some = world.read_some(id, 50);
            wire.push_str(&some);
            if events(&some).iter().any(|event| event.event_type != "connected") {
                break;
            }
            if some.is_empty() {
                if left == 0 || !answer_one(world, step) {
                    break;
                }
                left -= 1;
            }
        }
        self.take(scene, id, &wire)?;
        let world = &mut scene.world;
        world.hub.handle_disconnect(id);
        world.held.clear();
        world.act();
        world.store_sleeps = false;
        Ok(())
    }

    fn take(&mut self, scene: &mut Scene, id: SubscriberId, wire: &str) -> Result<(), String> {
        let mut is_told = false;
        for event in events(wire) {
            let place = Cursor::parse(&event.last_event_id).map(Cursor::offset);
            match (&*event.event_type, place) {
                ("connected", _) => continue,
                ("reset", Some(offset)) => self.told(scene, offset)?,
                (_, Some(offset)) => {
                    let next = scene.own(self.asked, self.seen).next();
                    if next != Some(offset) {
                        return Err(format!("{offset} in the place of {next:?}"));
                    }
                    self.seen = offset;
                }
                _ => return Err(format!("an event without a place: {event:?}")),
            }
            self.last_event_id.clone_from(&event.last_event_id);
            is_told = true;
        }
        let Some(place) = scene.world.hub.place(id).filter(|_| !is_told) else { return Ok(()) };
        let offset = place.cursor.offset();
        if offset > scene.world.store.head().offset() {
            // It asks again by an id that the store knows nothing of yet.
            return Ok(());
        }
        if place.reset.is_some() {
            self.told(scene, offset)?;
            scene.world.hub.handle_reset_told(id);
        } else if let Some(own) = scene.own(self.asked, self.seen).find(|&own| own <= offset) {
            return Err(format!("{own} is passed over at {offset}"));
        }
        self.seen = self.seen.max(offset);
        self.last_event_id = place.cursor.to_string();
        Ok(())
    }

    fn told(&mut self, scene: &Scene, offset: u64) -> Result<(), String> {
        let is_lost = scene.own(self.asked, self.seen).any(|own| own <= offset);
        if !(self.owed || is_lost) {
            return Err(format!("a reset at {offset} after {} without a loss", self.seen));
        }
        (self.owed, self.seen) = (false, offset);
        Ok(())
    }
}

/// Answers one question by a page that looks at `step` entries; false if there is none.
fn answer_one(world: &mut World, step: u64) -> bool {
    let Some(question) = world.held.pop_front() else { return false };
    let Output::FetchHistory { fetch, selectors, after, max_bytes, .. } = question else {
        panic!("not a question: {question:?}")
    };
    let mut page = world.store.page(&selectors, after, max_bytes, world.now);
    page.upto = page.upto.min(after.offset().max(page.trimmed) + step);
    page.entries.retain(|entry| entry.offset <= page.upto);
    world.hub.handle_history(fetch, Ok(page), world.now);
    world.act();
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn who_polls_gets_on_by_short_pages_and_is_told_of_what_is_lost_meanwhile(
        steps in steps(),
        asked in 0..ASKED.len(),
        first in prop_oneof![Just(""), Just("none"), Just("abc-7"), Just("e-99999")],
        window in 1usize..6,
        kept in 1usize..30,
        step in 1u64..4,
    ) {
        let mut config = HubConfig::default();
        config.window = config.window.events(window);
        let world = World::with(config, Retention::DEFAULT.events(kept));
        let mut scene = Scene { world, published: Vec::new() };
        let last_event_id = first.to_owned();
        let owed = !first.is_empty();
        let mut client = Client { asked: ASKED[asked], last_event_id, seen: 0, owed };
        if first.is_empty() {
            // At the head, which is known at once.
            client.poll(&mut scene, 0, step).map_err(TestCaseError::fail)?;
        }
        for it in steps {
            match it {
                Step::Publish(at) => {
                    scene.world.publish(&[TOPICS[at]], "x");
                    scene.published.push(TOPICS[at]);
                }
                Step::Poll(pages) => {
                    client.poll(&mut scene, pages, step).map_err(TestCaseError::fail)?;
                }
            }
        }
        // Nothing is published any more: by a page a time it comes to the head.
        let polls = scene.published.len() + 3;
        for _ in 0..polls {
            client.poll(&mut scene, 1, step).map_err(TestCaseError::fail)?;
        }
        prop_assert_eq!(client.last_event_id, scene.world.store.head().to_string());
        prop_assert!(!client.owed, "it was never told");
        prop_assert!(client.seen == scene.world.store.head().offset());
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(512, |cases| cases.parse().expect("PROPTEST_CASES"))
}
