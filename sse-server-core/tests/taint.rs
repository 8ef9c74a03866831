//! Nobody is given what is not theirs. Every payload names its audience, and every subscriber
//! checks each that it is given: over names that look alike, numbers and places that are used
//! again, resumes by ids of others, and grants that have ended.
//!
//! `TAINT_SEED` and `TAINT_DELIVERIES` make other and longer runs.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

mod common;

use std::collections::VecDeque;

use common::{EPOCH, World, data, events, secs, selector};
use sse_codec::time::Instant;
use sse_server_core::{
    Appended, CloseReason, Cursor, Epoch, Hub, HubConfig, InvalidTopic, Log, Output, Publish,
    Resume, Retention, Selector, Stored, Subscribe, SubscribeError, SubscriberId, Topic,
};

/// Names that one may take for each other: separators, a star that is a letter elsewhere, a name
/// within a name, cases, accents in two spellings, letters of two alphabets, what is invisible.
const NAMES: [&str; 24] = [
    "a",
    "A",
    "a.b",
    "a_b",
    "a:b",
    "a-b",
    "a/b",
    "ab",
    "a.b.c",
    "b.a",
    "a.bc",
    "ab.c",
    "%61",
    "a%2Eb",
    "é",
    "e\u{301}",
    "а",
    "ａ",
    "ß",
    "ss",
    "a\u{200b}",
    "a\u{feff}",
    "all",
    "user.ann",
];

const USERS: [&str; 6] = ["ann", "Ann", "ann.b", "an", "ann:b", "aпп"];

/// Numbers from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % n as u64) as usize
    }
}

/// Somebody who subscribed, and all that they may read.
struct Reader {
    id: SubscriberId,
    selectors: Vec<Selector>,
    user: Option<&'static str>,
    last_event_id: String,
    expires: Option<Instant>,
    /// Up to here it has been given what is its own.
    place: u64,
    /// It has been given all there was, at one time at least.
    has_caught_up: bool,
}

impl Reader {
    /// By comparing texts segment by segment: nothing of the crate's own.
    fn may_read(&self, audience: &str) -> bool {
        audience.split(' ').any(|name| {
            name == "$all"
                || name.strip_prefix("$user.").is_some_and(|id| Some(id) == self.user)
                || self.selectors.iter().any(|selector| {
                    let (asked, name): (Vec<_>, Vec<_>) =
                        (selector.as_str().split('.').collect(), name.split('.').collect());
                    let is_reserved = name[0].starts_with('$');
                    let open = asked.last() == Some(&"**");
                    let fixed = asked.len() - usize::from(open);
                    let fits = if open { name.len() > fixed } else { name.len() == fixed };
                    let same = |(asked, name): (&&str, &&str)| {
                        *asked == "*" && !is_reserved || asked == name
                    };
                    fits && !(open && is_reserved) && asked[..fixed].iter().zip(&name).all(same)
                })
        })
    }

    fn check(&mut self, wire: &str, now: Instant) -> usize {
        let mut given = 0;
        for event in events(wire) {
            if event.event_type == "message" {
                assert!(
                    self.may_read(&event.data),
                    "{:?} to {:?} of {:?}",
                    event.data,
                    self.selectors,
                    self.user
                );
                assert!(self.expires.is_none_or(|at| now < at + secs(1)), "after its grant");
                given += 1;
            }
            self.last_event_id = event.last_event_id;
        }
        self.place = Cursor::parse(&self.last_event_id).map_or(self.place, Cursor::offset);
        self.has_caught_up |= wire.is_empty();
        given
    }

    /// Whether it was at the head, the window has left it behind since, and what it has left to read is
    /// half a page at least. `frames` are all events, with their audiences.
    fn is_overtaken(&self, frames: &[(String, usize)]) -> bool {
        let unread = &frames[self.place as usize..];
        let own = unread.iter().filter(|(audience, _)| self.may_read(audience));
        let own: usize = own.map(|(_, len)| len + size_of::<Stored>()).sum();
        self.has_caught_up && unread.len() > WINDOW && own * 2 >= PAGE
    }
}

const WINDOW: usize = 20;
const PAGE: usize = 500;

#[test]
fn a_hundred_thousand_deliveries_reach_their_audience_alone() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seed = number("TAINT_SEED").unwrap_or(1);
    let deliveries = number("TAINT_DELIVERIES").unwrap_or(100_000);
    println!("TAINT_SEED={seed} TAINT_DELIVERIES={deliveries}");
    let mut chance = Chance(seed);
    let mut config = HubConfig::default();
    config.window = config.window.events(WINDOW);
    config.page = PAGE;
    config.max_stall = secs(1000);
    let mut world = World::with(config, Retention::DEFAULT.events(200));
    let mut readers: Vec<Reader> = Vec::new();
    let (mut given, mut ids) = (0u64, vec![String::new()]);
    let (mut frames, mut overtaken) = (Vec::new(), 0);
    while given < deliveries {
        let now = world.now;
        // One comes, in the place of another, perhaps by an id that was somebody else's.
        if readers.len() < 60 || chance.below(3) == 0 {
            if readers.len() >= 60 {
                let gone = readers.swap_remove(chance.below(60));
                world.hub.handle_disconnect(gone.id);
            }
            let pattern = ["*", "**", "a.*", "a.**", "*.b"][chance.below(5)];
            let mut asked =
                vec![NAMES[chance.below(NAMES.len())], NAMES[chance.below(NAMES.len())]];
            asked.extend((chance.below(6) == 0).then_some(pattern));
            let selectors: Vec<_> = asked.into_iter().map(selector).collect();
            let user = (chance.below(2) == 0).then(|| USERS[chance.below(USERS.len())]);
            let resume = match chance.below(4) {
                0 => Resume::Fresh,
                1 => Resume::Earliest,
                _ => Resume::from_last_event_id(&ids[chance.below(ids.len())]),
            };
            let expires = (chance.below(4) == 0).then(|| now + secs(1 + chance.below(60) as u64));
            let mut request = Subscribe::new(selectors.clone()).resume(resume);
            if let Some(user) = user {
                request = request.user(user).unwrap();
            }
            if let Some(expires) = expires {
                request = request.expires(expires);
            }
            let id = world.hub.subscribe(request, now).unwrap();
            let place = match resume {
                Resume::Fresh => world.hub.head().offset(),
                Resume::After(cursor) => cursor.offset(),
                _ => 0,
            };
            readers.push(Reader {
                id,
                selectors,
                user,
                last_event_id: String::new(),
                expires,
                place,
                has_caught_up: resume == Resume::Fresh,
            });
        }
        for _ in 0..chance.below(4) {
            let mut audience: Vec<String> = Vec::new();
            for _ in 0..=chance.below(2) {
                audience.push(match chance.below(12) {
                    0 => "$all".into(),
                    1..4 => format!("$user.{}", USERS[chance.below(USERS.len())]),
                    _ => NAMES[chance.below(NAMES.len())].into(),
                });
            }
            let topics = audience.iter().map(|name| match name.strip_prefix("$user.") {
                Some(id) => Topic::user(id).unwrap(),
                None => common::topic(name),
            });
            let audience = audience.join(" ");
            let len = format!("id: {}\ndata: {audience}\n\n", world.store.head()).len() + 1;
            world.hub.publish(Publish::new(topics, audience.as_str()), now).unwrap();
            frames.push((audience, len));
            world.act();
        }
        for _ in 0..20 {
            let n = chance.below(readers.len());
            let wire = world.read_some(readers[n].id, 1 << chance.below(12));
            given += readers[n].check(&wire, world.now) as u64;
            if chance.below(50) == 0 {
                ids[0].clone_from(&readers[n].last_event_id);
                ids.push(readers[n].last_event_id.clone());
            }
        }
        if chance.below(10) == 0 {
            world.pass(secs(chance.below(5) as u64));
        }
        for (id, reason) in core::mem::take(&mut world.closed) {
            let at = readers.iter().position(|reader| reader.id == id).unwrap();
            let reader = readers.swap_remove(at);
            match reason {
                CloseReason::Expired => assert!(reader.expires.is_some_and(|at| at <= world.now)),
                CloseReason::Slow => {
                    assert!(reader.is_overtaken(&frames), "cut at {}", reader.place);
                    overtaken += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(overtaken > 0, "the window overtakes some");
}

#[test]
fn names_that_could_be_another_are_no_names() {
    let refused = [
        "a*",
        "*a",
        "a.*b",
        "**.a",
        "a..b",
        ".a",
        "a.",
        "a b",
        "a\0",
        "a\u{85}",
        "a\u{2028}b",
        "\u{3000}",
        "$all",
        "$user.ann",
        "$user.*",
        "$presence",
        "$presence.*",
        "$presence.$user.ann",
    ];
    for name in refused {
        assert!(Selector::new(name).is_err(), "{name:?}");
        assert!(Topic::new(name).is_err(), "{name:?}");
    }
    for id in ["ann\0", "ann *", "*", "", ".", "a..b"] {
        assert!(Topic::user(id).is_err(), "{id:?}");
    }
    assert_eq!(Topic::new("$all"), Err(InvalidTopic::Reserved));
}

#[test]
fn what_is_wider_than_the_grant_is_refused_and_never_narrowed() {
    let mut world = World::new();
    let grants = [
        (&["a.*"][..], &["a.b", "a.*"][..], &["a.b.c", "a.**", "*", "**", "*.b", "a"][..]),
        (&["a.**"], &["a.b", "a.*", "a.**", "a.b.**", "a.*.c"], &["a", "*.b", "**", "ab.c"]),
        (&["*", "b.c"], &["a", "*", "b.c"], &["**", "b.*", "b.d", "*.c"]),
        (&[], &[], &["a", "*", "**"]),
        (&["**"], &["**", "a.b.c"], &["$presence.a"]),
        (&["$presence.a"], &["$presence.a"], &["$presence.b", "a"]),
    ];
    for (granted, allowed, refused) in grants {
        let granted: Vec<_> = granted.iter().copied().map(selector).collect();
        let mut ask = |name: &str| {
            let request = Subscribe::new([selector(name)]).granted(granted.clone());
            world.hub.subscribe(request, world.now)
        };
        for name in allowed {
            assert!(ask(name).is_ok(), "{name} by {granted:?}");
        }
        for name in refused {
            let error = ask(name).unwrap_err();
            assert!(matches!(error, SubscribeError::Forbidden { .. }), "{name}: {error}");
        }
    }
}

/// A hub and a store that is late.
struct Late {
    hub: Hub,
    store: Log,
    questions: VecDeque<Output>,
    now: Instant,
}

impl Late {
    /// All of a topic's events are in the store, and the hub has none of them at hand.
    fn new(topics: &[&str]) -> Self {
        let now = Instant::from_origin(secs(1));
        let mut feeder = Hub::new(HubConfig::default(), Cursor::new(EPOCH, 0), 1);
        let mut store = Log::new(Retention::DEFAULT, Cursor::new(EPOCH, 0), 1);
        for (topic, offset) in topics.iter().zip(1..) {
            store.append(&placed(&mut feeder, topic, Cursor::new(EPOCH, offset)), now);
        }
        let hub = Hub::new(HubConfig::default(), store.head(), 1);
        Self { hub, store, questions: VecDeque::new(), now }
    }

    fn subscribe(&mut self, topic: &str, after: u64) -> SubscriberId {
        let resume = Resume::After(Cursor::new(self.hub.head().epoch(), after));
        let request = Subscribe::new([selector(topic)]).resume(resume);
        let id = self.hub.subscribe(request, self.now).unwrap();
        self.questions.extend(core::iter::from_fn(|| self.hub.poll_output()));
        id
    }

    fn answer(&mut self) {
        while let Some(question) = self.questions.pop_front() {
            if let Output::FetchHistory { fetch, selectors, after, max_bytes, .. } = question {
                let page = self.store.page(&selectors, after, max_bytes, self.now);
                self.hub.handle_history(fetch, Ok(page), self.now);
            }
            self.questions.extend(core::iter::from_fn(|| self.hub.poll_output()));
        }
    }

    fn read(&mut self, id: SubscriberId) -> String {
        let mut frames = Vec::new();
        while let Some(written) = self.hub.next_frames(id, 4096, &mut frames) {
            self.hub.handle_written(id, written, self.now);
        }
        self.questions.extend(core::iter::from_fn(|| self.hub.poll_output()));
        frames.iter().map(|frame| core::str::from_utf8(frame).unwrap()).collect()
    }
}

fn placed(hub: &mut Hub, name: &str, place: Cursor) -> Appended {
    let event = Publish::new([common::topic(name)], name);
    hub.publish(event, Instant::ORIGIN).unwrap();
    let Some(Output::Append { event, .. }) = hub.poll_output() else { panic!("no append") };
    event.place(place)
}

#[test]
fn a_page_that_was_asked_for_one_topic_is_not_given_to_another() {
    let mut world = Late::new(&["secret", "public"]);
    let gone = world.subscribe("secret", 0);
    // The number of `secret` is free, and the question about it is still out.
    world.hub.handle_disconnect(gone);
    let id = world.subscribe("public", 0);
    world.answer();
    assert_eq!(data(&world.read(id)), ["public"]);
}

#[test]
fn a_page_of_an_epoch_is_not_waited_for_in_the_next() {
    let mut world = Late::new(&["a"]);
    let waits = world.subscribe("a", 0);
    // The store begins anew, and the hub hears of it before it has its page.
    let place = |offset| Cursor::new(Epoch::new(0xf), offset);
    world.store = Log::new(Retention::DEFAULT, place(1), 1);
    let event = placed(&mut Hub::new(HubConfig::default(), place(0), 1), "a", place(2));
    let old = core::mem::take(&mut world.questions);
    world.hub.handle_appended(&event, world.now);
    world.store.append(&event, world.now);
    world.questions.extend(core::iter::from_fn(|| world.hub.poll_output()));
    assert_eq!((old.len(), world.questions.len()), (1, 1), "asked again");
    for question in old {
        let Output::FetchHistory { fetch, .. } = question else { panic!("{question:?}") };
        let page =
            Late::new(&["a"]).store.page(&[selector("a")], Cursor::new(EPOCH, 0), 100, world.now);
        world.hub.handle_history(fetch, Ok(page), world.now);
    }
    world.answer();
    let wire = world.read(waits);
    assert_eq!(common::resets(&wire), [r#"{"reason":"epoch"}"#]);
    assert_eq!(events(&wire).last().unwrap().last_event_id, "f-2");
}

#[test]
fn the_store_is_asked_so_many_things_at_once_and_nothing_for_those_who_left() {
    let mut config = HubConfig::default();
    config.max_fetches = 2;
    let mut world = Late::new(&["a", "b", "c", "d", "e"]);
    world.hub = Hub::new(config, world.store.head(), 1);
    let ids = ["a", "b", "c", "d", "c"].map(|topic| world.subscribe(topic, 0));
    assert_eq!(world.questions.len(), 2);
    world.hub.handle_disconnect(ids[3]);
    world.answer();
    assert_eq!(world.hub.counters().fetches, 3, "one for two who ask the same, none for who left");
    let got = ids.map(|id| data(&world.read(id)).concat());
    assert_eq!(got, ["a", "b", "c", "", "c"]);
}
