//! Who may come in, and how much each may publish: one a process, whatever the number of hubs.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::{fmt, net::IpAddr, time::Duration};

use foldhash::quality::FixedState;
use hashbrown::{HashMap, hash_map::Entry};
use sse_codec::time::Instant;

use crate::{event::Presence, selector::Selector, topic::Topic};

mod rate;
mod ticket;

pub use self::ticket::{Ticket, TicketError};
use self::{rate::Rates, ticket::Tickets};

/// Settings of an [`Admission`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdmissionConfig {
    /// How many streams a user may have open. 16: a browser over HTTP/1.1 has six.
    pub max_per_user: usize,
    /// How many streams an address may have open. 256: there may be an office behind it. Of IPv6,
    /// a /64 counts as one, since whoever has one address has them all.
    pub max_per_address: usize,
    /// How many streams there may be. 1,048,576.
    pub max_streams: usize,
    /// How many events a second a principal may publish. 1,000.
    pub publish_rate: u32,
    /// How many events a principal may publish at once. 2,000.
    pub publish_burst: u32,
    /// How many principals' rates are remembered. 65,536; when all are in use, those that are the
    /// nearest to having used nothing are forgotten first.
    pub max_rates: usize,
    /// How long a ticket waits for its first use. 60 s.
    pub ticket_wait: Duration,
    /// How many tickets there may be. 65,536.
    pub max_tickets: usize,
    /// Over how long changes of presence are gathered. 1 s.
    pub presence_pause: Duration,
    /// How many users a word on presence names. 100.
    pub max_named: usize,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            max_per_user: 16,
            max_per_address: 256,
            max_streams: 1 << 20,
            publish_rate: 1000,
            publish_burst: 2000,
            max_rates: 1 << 16,
            ticket_wait: Duration::from_secs(60),
            max_tickets: 1 << 16,
            presence_pause: Duration::from_secs(1),
            max_named: 100,
        }
    }
}

/// Somebody at the door.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Visitor {
    user: Option<Arc<str>>,
    address: Option<IpAddr>,
    selectors: Arc<[Selector]>,
}

impl Visitor {
    /// Somebody of whom nothing is known but what they want to read.
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self { selectors: selectors.into_iter().collect(), ..Self::default() }
    }

    /// Sets who they are.
    pub fn user(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Sets whence they come.
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }
}

/// A stream that was let in, until [`Admission::release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pass(u64);

/// Why somebody is not let in, or may not publish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The user has as many streams open as a user may.
    #[error(
        "this user has {max} streams open, the most there may be; close one, or share one between tabs"
    )]
    TooManyForUser {
        /// How many there may be.
        max: usize,
    },
    /// The address has as many streams open as an address may.
    #[error("this address has {max} streams open, the most there may be; close one, or share one")]
    TooManyForAddress {
        /// How many there may be.
        max: usize,
    },
    /// There are as many streams as there may be.
    #[error("as many streams are open as there may be; try again later")]
    Full,
    /// Published too much in too short a time.
    #[error("too much was published in too short a time; try again in {} ms", wait.as_millis())]
    TooFast {
        /// How long to wait.
        wait: Duration,
    },
    /// More at once than ever can be.
    #[error("{count} events at once are more than the {max} that may be; publish them in parts")]
    BurstTooLarge {
        /// How many there are.
        count: u32,
        /// How many there may be.
        max: u32,
    },
}

/// Limits by user, by address and in all; publish rates; tickets; presence.
///
/// It is asked when a stream opens or closes and when something is published, never when an event
/// is delivered.
pub struct Admission {
    config: AdmissionConfig,
    seed: u64,
    passes: u64,
    visitors: HashMap<Pass, Visitor, FixedState>,
    by_user: HashMap<Arc<str>, usize, FixedState>,
    by_address: HashMap<u128, usize, FixedState>,
    rates: Rates,
    tickets: Tickets,
    watched: BTreeMap<Topic, Watched>,
    /// Watched topics with changes that nobody was told of, in the order of their time.
    changed: VecDeque<(Instant, Topic)>,
}

#[derive(Debug, Default)]
struct Watched {
    watchers: usize,
    count: usize,
    users: BTreeMap<Arc<str>, usize>,
    /// Users as they were when the last word went out.
    told: BTreeSet<Arc<str>>,
    is_changed: bool,
}

impl Admission {
    /// Nobody is in. The seed is for hashing: names come from strangers.
    pub fn new(config: AdmissionConfig, seed: u64) -> Self {
        let hasher = || FixedState::with_seed(seed);
        Self {
            seed,
            passes: 0,
            visitors: HashMap::with_hasher(hasher()),
            by_user: HashMap::with_hasher(hasher()),
            by_address: HashMap::with_hasher(hasher()),
            rates: Rates::new(&config, hasher()),
            tickets: Tickets::new(&config, seed),
            watched: BTreeMap::new(),
            changed: VecDeque::new(),
            config,
        }
    }

    /// Its settings.
    pub const fn config(&self) -> &AdmissionConfig {
        &self.config
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.visitors.len()
    }

    /// Lets a stream in.
    ///
    /// # Errors
    /// [`AdmissionError`] says which limit it would pass.
    pub fn admit(&mut self, visitor: Visitor, now: Instant) -> Result<Pass, AdmissionError> {
        let AdmissionConfig { max_per_user, max_per_address, max_streams, .. } = self.config;
        let address = visitor.address.map(network);
        if self.visitors.len() >= max_streams {
            return Err(AdmissionError::Full);
        }
        let of_user = visitor.user.as_ref().and_then(|user| self.by_user.get(user));
        if of_user.is_some_and(|&open| open >= max_per_user) {
            return Err(AdmissionError::TooManyForUser { max: max_per_user });
        }
        let of_address = address.and_then(|address| self.by_address.get(&address));
        if of_address.is_some_and(|&open| open >= max_per_address) {
            return Err(AdmissionError::TooManyForAddress { max: max_per_address });
        }
        if let Some(user) = &visitor.user {
            *self.by_user.entry(user.clone()).or_insert(0) += 1;
        }
        if let Some(address) = address {
            *self.by_address.entry(address).or_insert(0) += 1;
        }
        self.passes += 1;
        let pass = Pass(self.passes);
        for topic in watched_by(&visitor) {
            if let Some(watched) = self.watched.get_mut(&topic) {
                watched.watchers += 1;
                continue;
            }
            let mut watched = Watched { watchers: 1, ..Watched::default() };
            for other in self.visitors.values().filter(|other| reads(other, &topic)) {
                watched.enter(other);
            }
            watched.told = watched.users.keys().cloned().collect();
            self.watched.insert(topic, watched);
        }
        // A new watcher is told what there is, even if nothing changes.
        let watched_by: Vec<_> = watched_by(&visitor).collect();
        self.step(&visitor, &watched_by, now, Watched::enter);
        self.visitors.insert(pass, visitor);
        Ok(pass)
    }

    /// Notes that a stream has ended.
    pub fn release(&mut self, pass: Pass, now: Instant) {
        let Some(visitor) = self.visitors.remove(&pass) else { return };
        if let Some(user) = &visitor.user {
            decrement(&mut self.by_user, user.clone());
        }
        if let Some(address) = visitor.address {
            decrement(&mut self.by_address, network(address));
        }
        self.step(&visitor, &[], now, Watched::leave);
        for topic in watched_by(&visitor) {
            if let Some(watched) = self.watched.get_mut(&topic) {
                watched.watchers -= 1;
                if watched.watchers == 0 {
                    self.watched.remove(&topic);
                }
            }
        }
        self.tickets.release(pass);
    }

    /// The streams of a user, to be ended one and all.
    pub fn passes_of(&self, user: &str) -> Vec<Pass> {
        let of_user = |(_, visitor): &(&Pass, &Visitor)| visitor.user.as_deref() == Some(user);
        let mut passes: Vec<_> = self.visitors.iter().filter(of_user).map(|(&p, _)| p).collect();
        passes.sort_unstable();
        passes
    }

    /// Notes that a principal, a user or an address, publishes so many events.
    ///
    /// # Errors
    /// [`AdmissionError::TooFast`], with how long to wait, or
    /// [`AdmissionError::BurstTooLarge`]. Nothing is noted then.
    pub fn publish(
        &mut self,
        principal: &str,
        events: u32,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        self.rates.take(principal, events, now)
    }

    /// Gives out a ticket by which one stream can be opened: a browser's EventSource can send no
    /// header to say who it is. `secret` is drawn at random by the driver.
    ///
    /// # Errors
    /// [`TicketError::Full`].
    pub fn issue_ticket(
        &mut self,
        secret: [u8; 16],
        ticket: Ticket,
        now: Instant,
    ) -> Result<(), TicketError> {
        self.tickets.issue(secret, ticket, now)
    }

    /// Lets in whoever holds a ticket: once within [`AdmissionConfig::ticket_wait`], and then, one
    /// connection at a time, only to resume.
    ///
    /// # Errors
    /// [`TicketError`] says what is wrong with it.
    pub fn admit_by_ticket(
        &mut self,
        secret: &[u8; 16],
        is_resume: bool,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<(Pass, Ticket), TicketError> {
        let ticket = self.tickets.check(secret, is_resume, now)?.clone();
        let visitor = Visitor { address, ..ticket.visitor() };
        let pass = self.admit(visitor, now)?;
        self.tickets.redeem(secret, pass);
        Ok((pass, ticket))
    }

    /// Who is subscribed to a topic, by its name or by a pattern. Looks at every stream.
    pub fn presence(&self, topic: &Topic) -> Presence {
        let mut watched = Watched::default();
        for visitor in self.visitors.values().filter(|visitor| reads(visitor, topic)) {
            watched.enter(visitor);
        }
        watched.told = watched.users.keys().cloned().collect();
        watched.word(topic, self.config.max_named)
    }

    /// The next word on a topic that is watched and has changed: tell it to every hub by
    /// [`handle_presence`](crate::Hub::handle_presence).
    pub fn poll_presence(&mut self, now: Instant) -> Option<Presence> {
        loop {
            if self.changed.front()?.0 > now {
                return None;
            }
            let (_, topic) = self.changed.pop_front()?;
            if let Some(watched) = self.watched.get_mut(&topic) {
                watched.is_changed = false;
                return Some(watched.word(&topic, self.config.max_named));
            }
        }
    }

    /// When [`poll_presence`](Self::poll_presence) is next of use.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.changed.front().map(|&(at, _)| at)
    }

    /// Notes a coming or going in whatever is watched.
    fn step(
        &mut self,
        visitor: &Visitor,
        also: &[Topic],
        now: Instant,
        change: fn(&mut Watched, &Visitor),
    ) {
        for (topic, watched) in &mut self.watched {
            let concerned = reads(visitor, topic);
            if concerned {
                change(watched, visitor);
            }
            if (concerned || also.contains(topic))
                && !core::mem::replace(&mut watched.is_changed, true)
            {
                self.changed.push_back((now + self.config.presence_pause, topic.clone()));
            }
        }
    }
}

impl Watched {
    fn enter(&mut self, visitor: &Visitor) {
        self.count += 1;
        if let Some(user) = &visitor.user {
            *self.users.entry(user.clone()).or_insert(0) += 1;
        }
    }

    fn leave(&mut self, visitor: &Visitor) {
        self.count -= 1;
        if let Some(user) = &visitor.user {
            if let Some(open) = self.users.get_mut(user) {
                *open -= 1;
                if *open == 0 {
                    self.users.remove(user);
                }
            }
        }
    }

    fn word(&mut self, topic: &Topic, max_named: usize) -> Presence {
        let now: BTreeSet<_> = self.users.keys().cloned().collect();
        let before = core::mem::replace(&mut self.told, now);
        let named = |users: &BTreeSet<Arc<str>>, not: &BTreeSet<Arc<str>>| {
            users.difference(not).take(max_named).cloned().collect()
        };
        Presence {
            topic: topic.clone(),
            count: self.count,
            users: named(&self.told, &BTreeSet::new()),
            joined: named(&self.told, &before),
            left: named(&before, &self.told),
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("config", &self.config)
            .field("seed", &self.seed)
            .field("streams", &self.visitors.len())
            .field("users", &self.by_user.len())
            .field("addresses", &self.by_address.len())
            .finish_non_exhaustive()
    }
}

/// What counts as one address.
fn network(address: IpAddr) -> u128 {
    match address {
        // The same host by either family is one.
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => v6.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

fn decrement<K: Eq + core::hash::Hash>(counts: &mut HashMap<K, usize, FixedState>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

/// The topics whose presence somebody watches.
fn watched_by(visitor: &Visitor) -> impl Iterator<Item = Topic> {
    let watched = |selector: &Selector| {
        selector.as_str().strip_prefix("$presence.").and_then(|name| Topic::new(name).ok())
    };
    visitor.selectors.iter().filter_map(watched)
}

fn reads(visitor: &Visitor, topic: &Topic) -> bool {
    visitor.selectors.iter().any(|selector| selector.matches(topic))
}
