//! A hub with a store in memory, in virtual time.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test fails by panic")]

use core::time::Duration;
use std::collections::VecDeque;

use sse_codec::{Decoder, Item, OwnedEvent, time::Instant};
use sse_server_core::{
    CloseReason, Cursor, Epoch, Hub, HubConfig, Keys, Log, Output, Publish, PublishError, Receipt,
    Resume, Retention, Selector, Subscribe, SubscriberId, Topic,
};

pub const EPOCH: Epoch = Epoch::new(0xe);

pub struct World {
    pub hub: Hub,
    pub store: Log,
    pub keys: Keys,
    pub now: Instant,
    pub closed: Vec<(SubscriberId, CloseReason)>,
    pub done: Vec<Result<Receipt, PublishError>>,
    /// While set, the store answers nothing.
    pub store_sleeps: bool,
    pub held: VecDeque<Output>,
}

impl World {
    pub fn new() -> Self {
        Self::with(HubConfig::default(), Retention::DEFAULT)
    }

    pub fn with(config: HubConfig, retention: Retention) -> Self {
        let start = Cursor::new(EPOCH, 0);
        Self {
            hub: Hub::new(config, start, 7),
            store: Log::new(retention, start, 7),
            keys: Keys::new(Retention::KEYS, 7),
            now: Instant::from_origin(Duration::from_secs(1000)),
            closed: Vec::new(),
            done: Vec::new(),
            store_sleeps: false,
            held: VecDeque::new(),
        }
    }

    pub fn publish(&mut self, topics: &[&str], data: &str) -> Cursor {
        let topics = topics.iter().map(|name| topic(name));
        self.hub.publish(Publish::new(topics, data), self.now).unwrap();
        self.act();
        self.store.head()
    }

    pub fn subscribe(&mut self, topics: &[&str], resume: Resume) -> SubscriberId {
        let request = Subscribe::new(topics.iter().map(|name| selector(name))).resume(resume);
        let id = self.hub.subscribe(request, self.now).unwrap();
        self.act();
        id
    }

    /// Acts on the outputs, as a driver does.
    pub fn act(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Close { id, reason, .. } => self.closed.push((id, reason)),
                Output::PublishDone { result, .. } => self.done.push(result),
                question => self.held.push_back(question),
            }
            if !self.store_sleeps {
                self.answer();
            }
        }
    }

    /// Has the store answer all that it was asked.
    pub fn answer(&mut self) {
        while let Some(question) = self.held.pop_front() {
            match question {
                Output::Append { id, event, .. } => {
                    let before = self.keys.find(&event, self.now).transpose();
                    if let Some(before) = before {
                        self.hub.handle_append_done(id, before.map(Receipt::repeat), self.now);
                        continue;
                    }
                    let head = self.store.head();
                    let place = Cursor::new(head.epoch(), head.offset() + 1);
                    self.keys.note(&event, place, self.now);
                    let appended = event.place(place);
                    self.store.append(&appended, self.now);
                    self.hub.handle_append_done(id, Ok(Receipt::new(place)), self.now);
                    self.hub.handle_appended(&appended, self.now);
                }
                Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                    let page = self.store.page(&selectors, after, max_bytes, self.now);
                    self.hub.handle_history(fetch, Ok(page), self.now);
                }
                other => panic!("not a question: {other:?}"),
            }
        }
    }

    /// Reads one write of about `max_bytes`.
    pub fn read_some(&mut self, id: SubscriberId, max_bytes: usize) -> String {
        let mut frames = Vec::new();
        // Once more after the store was asked: a driver would be called back.
        for _ in 0..2 {
            if let Some(written) = self.hub.next_frames(id, max_bytes, &mut frames) {
                self.hub.handle_written(id, written, self.now);
                break;
            }
            self.act();
        }
        self.act();
        frames.iter().map(|frame| core::str::from_utf8(frame).unwrap()).collect()
    }

    /// Reads until there is nothing more.
    pub fn read(&mut self, id: SubscriberId) -> String {
        let mut wire = String::new();
        loop {
            let some = self.read_some(id, 1000);
            if some.is_empty() {
                return wire;
            }
            wire.push_str(&some);
        }
    }

    pub fn ready(&mut self) -> Vec<SubscriberId> {
        core::iter::from_fn(|| self.hub.poll_ready()).collect()
    }

    /// Lets time pass, from deadline to deadline.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(deadline) = self.hub.poll_timeout().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(deadline.at);
            self.hub.handle_timeout(self.now);
            self.act();
            let next = self.hub.poll_timeout();
            assert!(next.is_none_or(|next| next.at > self.now), "a deadline that does not move");
        }
        self.now = end;
    }
}

pub fn topic(name: &str) -> Topic {
    if name == "$all" { Topic::all() } else { Topic::new(name).unwrap() }
}

pub fn selector(name: &str) -> Selector {
    if name == "$all" { Topic::all().into() } else { Selector::new(name).unwrap() }
}

pub fn events(wire: &str) -> Vec<OwnedEvent> {
    let (mut decoder, mut input, mut events) = (Decoder::new(), wire.as_bytes(), Vec::new());
    while let Some(item) = decoder.decode(&mut input).unwrap() {
        if let Item::Event(event) = item {
            events.push(event.to_owned());
        }
    }
    events
}

/// The data of the published events.
pub fn data(wire: &str) -> Vec<String> {
    let events = events(wire).into_iter();
    events.filter(|event| event.event_type == "message").map(|event| event.data).collect()
}

/// The reasons of the resets.
pub fn resets(wire: &str) -> Vec<String> {
    let events = events(wire).into_iter();
    events.filter(|event| event.event_type == "reset").map(|event| event.data).collect()
}

pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
