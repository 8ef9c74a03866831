//! The hub, its store, the clients, and the faults between them.

use alloc::collections::{BTreeMap, BinaryHeap};
use core::{cmp::Reverse, time::Duration};

use bytes::Bytes;
use sse_client::session::{
    Failure, FailureKind, ReadyState, ResponseHead, RetryPolicy, Session, SessionConfig,
};
use sse_codec::time::Instant;
use sse_server_core::{
    CloseReason, Cursor, Epoch, FetchId, HistoryPage, Hub, HubConfig, Log, Output, Publish,
    Receipt, Resume, Retention, Subscribe, SubscriberId, Topic,
};

use crate::{
    client::{Client, Wish},
    network::{Arrival, State, WINDOW, Wire},
    random::Random,
};

const TOPICS: usize = 4;
/// Faults and publishing end then; what follows is long enough for every wait to end.
const CALM: Instant = Instant::from_origin(Duration::from_secs(120));
const END: Instant = Instant::from_origin(Duration::from_secs(420));

/// How much happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    steps: u64,
    published: u64,
    events: u64,
    resets: u64,
    connects: u64,
    disconnects: u64,
    cuts: u64,
    half_opens: u64,
    new_epochs: u64,
    drains: u64,
    slow_cuts: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.published += other.published;
        self.events += other.events;
        self.resets += other.resets;
        self.connects += other.connects;
        self.disconnects += other.disconnects;
        self.cuts += other.cuts;
        self.half_opens += other.half_opens;
        self.new_epochs += other.new_epochs;
        self.drains += other.drains;
        self.slow_cuts += other.slow_cuts;
    }

    /// A simulation in which nothing goes wrong shows nothing.
    pub(crate) fn assert_that_everything_happened(&self) {
        let Self { events, resets, cuts, half_opens, new_epochs, drains, slow_cuts, .. } = self;
        let all = [events, resets, cuts, half_opens, new_epochs, drains, slow_cuts];
        assert!(all.iter().all(|&&count| count > 0), "{self:?}");
    }
}

/// What was ever published: in each life of the store, by offset from 1.
pub(crate) struct Journal {
    epoch: Epoch,
    lives: BTreeMap<Epoch, Vec<(usize, String)>>,
}

impl Journal {
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn new(epoch: Epoch) -> Self {
        Self { epoch, lives: BTreeMap::from([(epoch, Vec::new())]) }
    }

    fn begin(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.lives.insert(epoch, Vec::new());
    }

    fn entries(&mut self) -> &mut Vec<(usize, String)> {
        self.lives.entry(self.epoch).or_default()
    }

    /// The first entry of these topics after a place.
    pub(crate) fn first_after(&self, at: Cursor, topics: &[usize]) -> Option<(u64, &String)> {
        let after = usize::try_from(at.offset()).unwrap();
        let mut entries = self.lives[&at.epoch()].iter().enumerate().skip(after);
        let (index, (_, data)) = entries.find(|(_, (topic, _))| topics.contains(topic))?;
        Some((index as u64 + 1, data))
    }
}

#[derive(Debug)]
enum Action {
    Publish,
    Fault,
    /// A request reaches the server.
    Request {
        wire: usize,
        last_event_id: String,
    },
    Arrive {
        wire: usize,
        arrival: Arrival,
    },
    /// The server learns that a wire is dead.
    ServerSees {
        wire: usize,
    },
    History {
        generation: u64,
        fetch: FetchId,
        page: HistoryPage,
    },
    Wake {
        client: usize,
    },
    /// The hub that drains is replaced by another on the same store.
    Replace {
        generation: u64,
    },
}

pub(crate) struct World {
    now: Instant,
    random: Random,
    hub: Hub,
    store: Log,
    journal: Journal,
    /// Counts the hubs, so that answers to an old one are known.
    generation: u64,
    retention: Retention,
    clients: Vec<Client>,
    wires: Vec<Wire>,
    readers: BTreeMap<SubscriberId, usize>,
    agenda: BinaryHeap<Reverse<(Instant, u64)>>,
    actions: BTreeMap<u64, Action>,
    planned: u64,
    totals: Totals,
}

impl World {
    pub(crate) fn play(seed: u64) -> Totals {
        let mut world = Self::new(seed);
        let first = world.random.millis(0..2000);
        world.plan(first, Action::Publish);
        world.plan(Duration::from_secs(1), Action::Fault);
        while world.step() {}
        world.judge();
        world.totals
    }

    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let start = Cursor::new(Epoch::new(random.next() >> 16), 0);
        // Sometimes so little is kept that a slow one is overtaken.
        let kept = [3, 20, 1000][usize::try_from(random.within(0..3)).unwrap()];
        let retention = Retention::DEFAULT.events(kept).age(None);
        let clients = (0..random.within(1..7)).map(|_| {
            let topics = (0..TOPICS).filter(|_| random.percent(40)).collect();
            let policy = RetryPolicy::resilient()
                .first_byte_timeout(Some(Duration::from_secs(5)))
                .idle_timeout(Some(Duration::from_secs(40)));
            let config = SessionConfig::new().policy(policy);
            Client::new(Session::new(config, random.next(), Instant::ORIGIN), topics)
        });
        let clients = clients.collect();
        Self {
            now: Instant::ORIGIN,
            hub: Hub::new(hub_config(&mut random), start, seed),
            store: Log::new(retention, start, seed),
            journal: Journal::new(start.epoch()),
            generation: 0,
            retention,
            clients,
            wires: Vec::new(),
            readers: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            actions: BTreeMap::new(),
            planned: 0,
            totals: Totals::default(),
            random,
        }
    }

    fn plan(&mut self, after: Duration, action: Action) {
        self.plan_at(self.now + after, action);
    }

    fn plan_at(&mut self, at: Instant, action: Action) {
        self.agenda.push(Reverse((at, self.planned)));
        self.actions.insert(self.planned, action);
        self.planned += 1;
    }

    /// Goes to the next moment at which anything happens.
    fn step(&mut self) -> bool {
        for client in 0..self.clients.len() {
            self.pump(client);
        }
        self.serve();
        let deadlines = self.clients.iter().filter(|client| client.away_until <= self.now);
        let next = deadlines
            .filter_map(|client| Some(client.session.poll_timeout()?.at))
            .chain(self.hub.poll_timeout().map(|deadline| deadline.at))
            .chain(self.agenda.peek().map(|Reverse((at, _))| *at))
            .min();
        let Some(next) = next.filter(|&next| next <= END) else { return false };
        self.totals.steps += 1;
        self.now = self.now.max(next);
        while let Some(&Reverse((at, number))) = self.agenda.peek() {
            if at > self.now {
                break;
            }
            self.agenda.pop();
            let action = self.actions.remove(&number).unwrap();
            self.act(action);
        }
        self.hub.handle_timeout(self.now);
        for client in &mut self.clients {
            if client.away_until <= self.now {
                client.session.handle_timeout(self.now);
            }
        }
        true
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Publish => self.publish(),
            Action::Fault => self.fault(),
            Action::Request { wire, last_event_id } => self.request(wire, &last_event_id),
            Action::Arrive { wire, arrival } => {
                if self.wires[wire].state == State::Works || matches!(arrival, Arrival::Broken) {
                    self.wires[wire].inbox.push_back(arrival);
                    self.clients[self.wires[wire].client].arrived.insert(wire);
                }
            }
            Action::ServerSees { wire } => {
                if let Some(subscriber) = self.wires[wire].subscriber.take() {
                    self.readers.remove(&subscriber);
                    self.hub.handle_disconnect(subscriber);
                }
            }
            Action::History { generation, fetch, page } => {
                if generation == self.generation {
                    self.hub.handle_history(fetch, Ok(page), self.now);
                }
            }
            Action::Wake { client } => self.clients[client].session.handle_reading(self.now),
            Action::Replace { generation } => {
                if generation == self.generation {
                    self.replace_hub();
                }
            }
        }
    }

    fn publish(&mut self) {
        if self.now >= CALM {
            return;
        }
        let burst = if self.random.percent(10) { 30 } else { 1 };
        for _ in 0..burst {
            let topic = usize::try_from(self.random.within(0..TOPICS as u64)).unwrap();
            let filler = "x".repeat(usize::try_from(self.random.within(0..200)).unwrap());
            let data = format!("{} of {topic} {filler}", self.journal.entries().len());
            // A hub that drains refuses, and nothing was published.
            if self.hub.publish(Publish::new([name(topic)], data.clone()), self.now).is_ok() {
                self.journal.entries().push((topic, data));
                self.totals.published += 1;
            }
            self.serve_outputs();
        }
        let pause = self.random.millis(1..3000);
        self.plan(pause, Action::Publish);
    }

    fn fault(&mut self) {
        if self.now >= CALM {
            return;
        }
        let pause = self.random.millis(100..8000);
        self.plan(pause, Action::Fault);
        let client = usize::try_from(self.random.within(0..self.clients.len() as u64)).unwrap();
        match self.random.within(0..100) {
            0..45 => {
                let Some(wire) = self.clients[client].wire else { return };
                self.totals.cuts += 1;
                self.cut(wire);
            }
            45..60 => {
                let Some(wire) = self.clients[client].wire else { return };
                self.totals.half_opens += 1;
                self.wires[wire].state = State::HalfOpen;
            }
            60..85 => {
                let away = self.random.millis(100..60_000);
                let until = self.now + away;
                self.clients[client].away_until = until;
                self.plan(away, Action::Wake { client });
            }
            85..90 => {
                self.totals.new_epochs += 1;
                let start = Cursor::new(Epoch::new(self.random.next() >> 16), 0);
                self.store = Log::new(self.retention, start, 1);
                self.journal.begin(start.epoch());
                self.replace_hub();
            }
            90..97 => {
                self.totals.drains += 1;
                self.hub.drain(self.now + Duration::from_secs(5), self.now);
                let generation = self.generation;
                self.plan(Duration::from_secs(6), Action::Replace { generation });
            }
            _ => self.clients[client].session.close(),
        }
    }

    /// Both ends of a wire learn that it is dead, each in its own time.
    fn cut(&mut self, wire: usize) {
        if self.wires[wire].state == State::Works {
            self.wires[wire].state = State::Cut;
        }
        let [client, server] = [self.random.millis(0..500), self.random.millis(0..20_000)];
        self.plan(client, Action::Arrive { wire, arrival: Arrival::Broken });
        self.plan(server, Action::ServerSees { wire });
    }

    /// Another process takes the place of the hub, on the store that there is.
    fn replace_hub(&mut self) {
        self.generation += 1;
        self.hub = Hub::new(hub_config(&mut self.random), self.store.head(), self.random.next());
        for (_, wire) in core::mem::take(&mut self.readers) {
            self.wires[wire].subscriber = None;
            self.cut(wire);
        }
    }

    fn request(&mut self, wire: usize, last_event_id: &str) {
        if self.wires[wire].state != State::Works {
            return;
        }
        let topics = self.clients[self.wires[wire].client].topics.clone();
        let request = Subscribe::new(topics.into_iter().map(name))
            .resume(Resume::from_last_event_id(last_event_id));
        let overloaded = self.now < CALM && self.random.percent(5);
        match self.hub.subscribe(request, self.now) {
            Ok(subscriber) if !overloaded => {
                self.send(wire, Arrival::Head { status: 200, retry_after: None });
                self.wires[wire].subscriber = Some(subscriber);
                self.readers.insert(subscriber, wire);
            }
            Ok(subscriber) => {
                self.hub.handle_disconnect(subscriber);
                self.send(wire, Arrival::Head { status: 503, retry_after: Some(2) });
            }
            Err(_) => self.send(wire, Arrival::Broken),
        }
    }

    fn send(&mut self, wire: usize, arrival: Arrival) {
        let delay = self.random.millis(1..400);
        let at = self.wires[wire].latest.max(self.now + delay);
        self.wires[wire].latest = at;
        self.plan_at(at, Action::Arrive { wire, arrival });
    }

    fn serve(&mut self) {
        self.serve_outputs();
        while let Some(subscriber) = self.hub.poll_ready() {
            if let Some(&wire) = self.readers.get(&subscriber) {
                self.write(wire);
            }
        }
        self.serve_outputs();
    }

    fn serve_outputs(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Append { id, event, .. } => {
                    let head = self.store.head();
                    let appended = event.place(Cursor::new(head.epoch(), head.offset() + 1));
                    self.store.append(&appended, self.now);
                    self.hub.handle_append_done(id, Ok(Receipt::new(appended.cursor)), self.now);
                    self.hub.handle_appended(&appended, self.now);
                }
                Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
                    let page = self.store.page(&selectors, after, max_bytes, self.now);
                    let (generation, delay) = (self.generation, self.random.millis(0..300));
                    self.plan(delay, Action::History { generation, fetch, page });
                }
                Output::Close { id, reason, .. } => {
                    let Some(wire) = self.readers.remove(&id) else { continue };
                    self.wires[wire].subscriber = None;
                    if reason == CloseReason::Slow {
                        self.totals.slow_cuts += 1;
                        self.cut(wire);
                    } else {
                        self.send(wire, Arrival::End);
                    }
                }
                Output::PublishDone { .. } | _ => {}
            }
        }
    }

    /// Writes to a wire for as long as it takes bytes.
    fn write(&mut self, wire: usize) {
        let mut frames = Vec::new();
        while self.wires[wire].unread < WINDOW {
            let Some(subscriber) = self.wires[wire].subscriber else { return };
            frames.clear();
            let Some(written) = self.hub.next_frames(subscriber, 400, &mut frames) else { return };
            let bytes = Bytes::from(frames.concat());
            self.wires[wire].unread += bytes.len();
            self.send_in_pieces(wire, bytes);
            self.hub.handle_written(subscriber, written, self.now);
        }
    }

    fn send_in_pieces(&mut self, wire: usize, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let length = match self.random.percent(50) {
                true => bytes.len(),
                false => usize::try_from(self.random.within(1..bytes.len() as u64 + 1)).unwrap(),
            };
            self.send(wire, Arrival::Bytes(bytes.split_to(length)));
        }
    }

    /// What a driver does, for as long as the reader is there.
    fn pump(&mut self, client: usize) {
        while self.clients[client].away_until <= self.now {
            if let Some(wish) = self.clients[client].next(&self.journal) {
                self.grant(client, wish);
                continue;
            }
            if !self.deliver(client) {
                return;
            }
        }
    }

    fn grant(&mut self, client: usize, wish: Wish) {
        match wish {
            Wish::Connect { attempt, last_event_id } => {
                self.totals.connects += 1;
                let wire = self.wires.len();
                self.wires.push(Wire::new(client, attempt, self.now));
                self.clients[client].wire = Some(wire);
                let delay = self.random.millis(1..400);
                match if self.now < CALM { self.random.within(0..100) } else { 99 } {
                    0..10 => self.send(wire, Arrival::Broken),
                    10..15 => self.wires[wire].state = State::HalfOpen,
                    _ => self.plan(delay, Action::Request { wire, last_event_id }),
                }
            }
            Wish::Abort => {
                // Its reports may still come; the server learns of it if the wire works.
                let Some(wire) = self.clients[client].wire.take() else { return };
                if self.wires[wire].state == State::Works {
                    let delay = self.random.millis(0..2000);
                    self.plan(delay, Action::ServerSees { wire });
                }
            }
            Wish::Event => self.totals.events += 1,
            Wish::Reset => self.totals.resets += 1,
            Wish::Disconnected => self.totals.disconnects += 1,
            Wish::Nothing => {}
        }
    }

    /// Reports one arrival, of whichever wire the client ever had.
    fn deliver(&mut self, client: usize) -> bool {
        let wants_body = self.clients[client].session.wants_body();
        let current = self.clients[client].wire;
        let must_wait = |wire: usize| {
            let next = self.wires[wire].inbox.front();
            let is_body = !matches!(next, Some(Arrival::Head { .. } | Arrival::Broken));
            is_body && Some(wire) == current && !wants_body
        };
        let mut arrived = self.clients[client].arrived.iter().copied();
        let Some(wire) = arrived.find(|&wire| !must_wait(wire)) else { return false };
        let attempt = self.wires[wire].attempt;
        let arrival = self.wires[wire].inbox.pop_front().unwrap();
        let Client { session, arrived, .. } = &mut self.clients[client];
        if self.wires[wire].inbox.is_empty() {
            arrived.remove(&wire);
        }
        match arrival {
            Arrival::Head { status, retry_after } => {
                let head = ResponseHead::new(status)
                    .content_type(Some(b"text/event-stream"))
                    .retry_after(retry_after.map(Duration::from_secs));
                session.handle_response(attempt, head, self.now);
            }
            Arrival::Bytes(bytes) => {
                self.wires[wire].unread -= bytes.len();
                session.handle_body(attempt, bytes, self.now);
                self.write(wire);
            }
            Arrival::End => session.handle_end(attempt, self.now),
            Arrival::Broken => {
                let failure = Failure::new(FailureKind::Interrupted, "it broke off");
                session.handle_failure(attempt, failure, self.now);
            }
        }
        true
    }

    /// After a long calm, whoever is left has it all.
    fn judge(&self) {
        for (number, client) in self.clients.iter().enumerate() {
            if client.session.ready_state() == ReadyState::Closed {
                continue;
            }
            assert_eq!(client.session.ready_state(), ReadyState::Open, "client {number}");
            assert_eq!(client.misses(&self.journal), None, "client {number}");
        }
    }
}

fn name(topic: usize) -> Topic {
    Topic::new(&format!("topic.{topic}")).unwrap()
}

fn hub_config(random: &mut Random) -> HubConfig {
    let mut config = HubConfig::default();
    config.max_lag = random.within(2..20) * 500;
    // Sometimes the hub itself keeps less at hand than the store.
    config.window =
        config.window.events([2, 10, 1000][usize::try_from(random.within(0..3)).unwrap()]);
    config.page = 500;
    config
}
