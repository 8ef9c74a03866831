//! One store, several hubs, ten thousand subscribers: slow ones, reconnects to other hubs, grants
//! that end, retention that runs out, a store that is late and fails. From a seed: the same seed
//! gives the same trace, and a failure names its seed.
//!
//! `SIM_SEED` runs one seed, `SIM_RUNS` so many from it.
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
use std::{collections::BTreeMap, hash::Hasher};

use common::{selector, topic};
use sse_codec::{Decoder, Item, time::Instant};
use sse_server_core::{
    Appended, CloseReason, Cursor, Epoch, FetchId, HistoryPage, Hub, HubConfig, Log, Output,
    Publish, PublishId, Receipt, Resume, Retention, StoreError, Subscribe, SubscriberId,
};

const HUBS: usize = 3;
const TOPICS: u64 = 200;
const STEPS: u64 = 300;

/// Numbers from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What the store has said and a hub has not heard yet.
enum Word {
    Appended(Appended),
    Done(PublishId, Result<Receipt, StoreError>),
    History(FetchId, Result<HistoryPage, StoreError>),
}

struct Client {
    hub: usize,
    id: Option<SubscriberId>,
    /// A topic, and whether it asks for a pattern that holds it alone.
    topic: u64,
    by_pattern: bool,
    is_slow: bool,
    decoder: Decoder,
    awaits_head: bool,
    /// All of its topic up to here was given to it, or it was told of the gap.
    seen: u64,
}

struct Sim {
    chance: Chance,
    now: Instant,
    store: Log,
    hubs: Vec<Hub>,
    /// By hub: what is on its way, in order, each with its time.
    lines: Vec<BTreeMap<(Instant, u64), Word>>,
    sent: u64,
    clients: Vec<Client>,
    /// By topic: the offsets of its events.
    published: BTreeMap<u64, Vec<u64>>,
    trace: std::hash::DefaultHasher,
    figures: [u64; 4],
}

impl Sim {
    fn new(seed: u64, clients: usize) -> Self {
        let start = Cursor::new(Epoch::new(seed | 1), 0);
        let mut config = HubConfig::default();
        config.window = config.window.events(64);
        config.page = 2000;
        config.max_stall = Duration::from_secs(4);
        config.heartbeat = Some(Duration::from_secs(2));
        let mut chance = Chance(seed);
        let clients = (0..clients).map(|_| Client {
            hub: 0,
            id: None,
            topic: chance.below(TOPICS),
            by_pattern: chance.one_in(4),
            is_slow: chance.one_in(20),
            decoder: Decoder::new(),
            awaits_head: true,
            seen: 0,
        });
        Self {
            clients: clients.collect(),
            chance,
            now: Instant::from_origin(Duration::from_secs(1)),
            store: Log::new(Retention::DEFAULT.events(400), start, seed),
            hubs: (0..HUBS).map(|n| Hub::new(config.clone(), start, seed ^ n as u64)).collect(),
            lines: (0..HUBS).map(|_| BTreeMap::new()).collect(),
            sent: 0,
            published: BTreeMap::new(),
            trace: std::hash::DefaultHasher::new(),
            figures: [0; 4],
        }
    }

    /// Puts a word on a hub's line, behind all that are on it.
    fn say(&mut self, hub: usize, word: Word) {
        let late = if self.chance.one_in(20) { 300 } else { 5 };
        let at = self.now + Duration::from_millis(self.chance.below(late));
        let last = self.lines[hub].last_key_value().map_or(at, |(&(last, _), _)| last);
        self.sent += 1;
        self.lines[hub].insert((at.max(last), self.sent), word);
    }

    fn connect(&mut self, n: usize) {
        let hub = self.chance.below(HUBS as u64) as usize;
        let client = &mut self.clients[n];
        let resume = Resume::from_last_event_id(client.decoder.last_event_id());
        client.awaits_head = resume == Resume::Fresh;
        client.hub = hub;
        let name = if client.by_pattern { "t{}.**" } else { "t{}.x" };
        let mut asked = Subscribe::new([selector(&name.replace("{}", &client.topic.to_string()))])
            .resume(resume);
        if self.chance.one_in(50) {
            asked = asked.expires(self.now + Duration::from_millis(self.chance.below(3000)));
        }
        client.id = self.hubs[hub].subscribe(asked, self.now).ok();
        // A connection begins with a parser of its own, and the last event ID of the one before.
        let id = client.decoder.last_event_id().to_owned();
        client.decoder = Decoder::new();
        client.decoder.set_last_event_id(&sse_codec::EventId::new(id).unwrap());
    }

    fn act(&mut self, hub: usize) {
        while let Some(output) = self.hubs[hub].poll_output() {
            match output {
                Output::Append { id, event, .. } => {
                    if self.chance.one_in(50) {
                        self.say(hub, Word::Done(id, Err(StoreError::Unavailable)));
                        continue;
                    }
                    let head = self.store.head();
                    let appended = event.place(Cursor::new(head.epoch(), head.offset() + 1));
                    self.store.append(&appended, self.now);
                    let name = appended.topics[0].as_str();
                    let number = name[1..].split('.').next().unwrap().parse().unwrap();
                    self.published.entry(number).or_default().push(appended.cursor.offset());
                    self.say(hub, Word::Done(id, Ok(Receipt::new(appended.cursor))));
                    for hub in 0..HUBS {
                        self.say(hub, Word::Appended(appended.clone()));
                    }
                }
                Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                    let page = if self.chance.one_in(30) {
                        Err(StoreError::Unavailable)
                    } else {
                        Ok(self.store.page(&selectors, after, max_bytes, self.now))
                    };
                    self.say(hub, Word::History(fetch, page));
                }
                Output::Close { id, reason, .. } => {
                    self.figures[1] += u64::from(reason == CloseReason::Slow);
                    let gone = self.clients.iter_mut().find(|c| c.hub == hub && c.id == Some(id));
                    gone.unwrap().id = None;
                }
                _ => {}
            }
        }
    }

    fn read(&mut self, n: usize, max_bytes: usize) {
        let Some(id) = self.clients[n].id else { return };
        let hub = self.clients[n].hub;
        let mut frames = Vec::new();
        while let Some(written) = self.hubs[hub].next_frames(id, max_bytes, &mut frames) {
            self.hubs[hub].handle_written(id, written, self.now);
            for frame in frames.drain(..) {
                self.trace.write(&frame);
                self.take(n, &frame);
            }
        }
        self.act(hub);
    }

    fn take(&mut self, n: usize, mut wire: &[u8]) {
        let client = &mut self.clients[n];
        let own = self.published.get(&client.topic).map_or(&[][..], Vec::as_slice);
        while let Some(item) = client.decoder.decode(&mut wire).unwrap() {
            let Item::Event(event) = item else { continue };
            let offset = Cursor::parse(event.last_event_id).map(Cursor::offset);
            match event.event_type {
                "connected" if client.awaits_head => {
                    client.seen = offset.expect("a fresh one is told its place");
                    client.awaits_head = false;
                }
                "connected" => {}
                "reset" => {
                    self.figures[2] += 1;
                    client.seen = offset.expect("a reset has an id");
                }
                _ => {
                    let offset = offset.expect("an event has an id");
                    let next = own[own.partition_point(|&own| own <= client.seen)..].first();
                    assert_eq!(next, Some(&offset), "skipped, repeated or not its own");
                    self.figures[0] += 1;
                    client.seen = offset;
                }
            }
        }
    }

    fn hear(&mut self, hub: usize) {
        while let Some(entry) = self.lines[hub].first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (word, now) = (entry.remove(), self.now);
            match word {
                Word::Appended(event) => self.hubs[hub].handle_appended(&event, now),
                Word::Done(id, result) => self.hubs[hub].handle_append_done(id, result, now),
                Word::History(fetch, page) => self.hubs[hub].handle_history(fetch, page, now),
            }
            self.act(hub);
        }
    }

    /// Whoever has something to read and is not slow reads it.
    fn serve(&mut self, all: bool) {
        for hub in 0..HUBS {
            self.hubs[hub].handle_timeout(self.now);
            self.hear(hub);
            self.act(hub);
            while self.hubs[hub].poll_ready().is_some() {}
        }
        for n in 0..self.clients.len() {
            if all || !self.clients[n].is_slow {
                self.read(n, 4000);
            } else if self.chance.one_in(40) {
                self.read(n, 100);
            }
        }
    }

    fn step(&mut self) {
        self.now = self.now + Duration::from_millis(self.chance.below(100));
        for _ in 0..self.chance.below(6) {
            let hub = self.chance.below(HUBS as u64) as usize;
            let name = format!("t{}.x", self.chance.below(TOPICS));
            let event = Publish::new([topic(&name)], "data");
            assert!(self.hubs[hub].publish(event, self.now).is_ok());
            self.act(hub);
        }
        for _ in 0..self.clients.len() / 200 {
            let n = self.chance.below(self.clients.len() as u64) as usize;
            if let Some(id) = self.clients[n].id.take() {
                let hub = self.clients[n].hub;
                let mut lost = Vec::new();
                // What was written last may not have arrived.
                if let Some(written) = self.hubs[hub].next_frames(id, 100, &mut lost) {
                    self.hubs[hub].handle_written(id, written, self.now);
                }
                self.hubs[hub].handle_disconnect(id);
                self.figures[3] += 1;
            }
        }
        self.serve(false);
        for n in 0..self.clients.len() {
            if self.clients[n].id.is_none() && self.chance.one_in(10) {
                self.connect(n);
            }
        }
    }

    fn run(mut self) -> (u64, [u64; 4]) {
        for n in 0..self.clients.len() {
            self.connect(n);
        }
        for _ in 0..STEPS {
            self.step();
        }
        // All is well again: everyone reads to the end.
        for _ in 0..100 {
            self.now = self.now + Duration::from_millis(500);
            for n in 0..self.clients.len() {
                if self.clients[n].id.is_none() {
                    self.connect(n);
                }
            }
            self.serve(true);
        }
        for client in &self.clients {
            let last = self.published.get(&client.topic).and_then(|own| own.last());
            assert!(client.awaits_head || last.is_none_or(|&last| last <= client.seen));
        }
        (self.trace.finish(), self.figures)
    }
}

fn run(seed: u64, clients: usize) -> (u64, [u64; 4]) {
    std::panic::catch_unwind(|| Sim::new(seed, clients).run())
        .unwrap_or_else(|_| panic!("SIM_SEED={seed} with {clients} subscribers fails"))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn ten_thousand_subscribers_are_given_all_or_are_told() {
    let (_, figures) = run(number("SIM_SEED").unwrap_or(1), 10_000);
    let [delivered, cut, resets, lost] = figures;
    println!("delivered {delivered}, cut {cut}, resets {resets}, connections lost {lost}");
    assert!(delivered > 10_000 && cut > 10 && resets > 10 && lost > 1000, "{figures:?}");
}

#[test]
fn any_seed_will_do_and_the_same_gives_the_same_trace() {
    let first = number("SIM_SEED").unwrap_or(100);
    for seed in first..first + number("SIM_RUNS").unwrap_or(12) {
        let trace = run(seed, 300);
        if seed % 4 == 0 {
            assert_eq!(trace, run(seed, 300), "SIM_SEED={seed}");
        }
    }
}
