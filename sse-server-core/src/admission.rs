//! Who may come in, and how much each may publish: one a process, whatever the number of hubs.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, net::IpAddr, time::Duration};

use foldhash::quality::FixedState;
use hashbrown::{HashMap, hash_map::Entry};
use sse_codec::time::Instant;

use crate::{event::Presence, selector::Selector, topic::Topic};

mod presence;
mod principal;
mod rate;
mod ticket;

use self::{
    presence::Presences,
    principal::network,
    rate::{Rates, TooMuch},
    ticket::Tickets,
};
pub use self::{
    principal::Principal,
    ticket::{Redeemed, Ticket, TicketError},
};

/// Settings of an [`Admission`].
///
/// ```
/// use sse_server_core::AdmissionConfig;
///
/// let mut config = AdmissionConfig::default();
/// (config.publish_rate, config.publish_burst) = (10, 50);
/// ```
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
    /// How many streams a second a user may open, and an address, long-polls and resumes included. 100.
    pub connect_rate: u32,
    /// How many they may open at once. 1,000: all that an address may have open, four times over, as
    /// when the server begins anew and everyone comes back.
    pub connect_burst: u32,
    /// How many principals' rates are remembered, of each kind. 65,536; when all are in use, those that are the
    /// nearest to having used nothing are forgotten first.
    pub max_rates: usize,
    /// How long a ticket waits for its first use. 60 s.
    pub ticket_wait: Duration,
    /// How many tickets there may be. 65,536.
    pub max_tickets: usize,
    /// How many tickets that a [principal asked for](Ticket::asked_by) may wait for their first use.
    /// 256, as many streams as an address may have open.
    pub max_unused_tickets: usize,
    /// Over how long changes of presence are gathered. 1 s.
    pub presence_pause: Duration,
    /// How many users a word on presence names. 100.
    pub max_named: usize,
    /// How many topics' presence may be watched at once. 1,000: each costs a little whenever a
    /// stream opens or closes.
    pub max_watched: usize,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            max_per_user: 16,
            max_per_address: 256,
            max_streams: 1 << 20,
            publish_rate: 1000,
            publish_burst: 2000,
            connect_rate: 100,
            connect_burst: 1000,
            max_rates: 1 << 16,
            ticket_wait: Duration::from_secs(60),
            max_tickets: 1 << 16,
            max_unused_tickets: 256,
            presence_pause: Duration::from_secs(1),
            max_named: 100,
            max_watched: 1000,
        }
    }
}

/// Somebody at the door.
///
/// ```
/// use sse_server_core::{Selector, Visitor};
///
/// let visitor = Visitor::new([Selector::new("prices.*")?])
///     .user("ann")
///     .token("8f1c")
///     .address("2001:db8::1".parse().unwrap());
/// # let _ = visitor;
/// # Ok::<(), sse_server_core::InvalidTopic>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Visitor {
    user: Option<Arc<str>>,
    token: Option<Arc<str>>,
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

    /// Sets the id of the token by which that is known, so that all that came by it can be ended.
    pub fn token(mut self, id: impl Into<Arc<str>>) -> Self {
        self.token = Some(id.into());
        self
    }

    /// Sets whence they come.
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// To whom it is counted that they come.
    fn principals(&self) -> impl Iterator<Item = Principal> {
        let user = self.user.as_ref().map(|user| Principal::user(user.clone()));
        user.into_iter().chain(self.address.map(Principal::address))
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
    /// As many topics' presence is watched as may be.
    #[error("the presence of as many topics is watched as may be; try again later")]
    TooManyWatched,
    /// There are as many streams as there may be.
    #[error("as many streams are open as there may be; try again later")]
    Full,
    /// Published too much in too short a time.
    #[error("too much was published in too short a time; try again in {} ms", wait.as_millis())]
    TooFast {
        /// How long to wait.
        wait: Duration,
    },
    /// Opened too many streams in too short a time.
    #[error("too many streams were opened in too short a time; try again in {} ms", wait.as_millis())]
    OpenedTooFast {
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

/// What an [`Admission`] has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AdmissionCounters {
    /// Streams that are open now.
    pub streams: u64,
    /// Streams that were let in.
    pub admitted: u64,
    /// Streams that were not, because of their user's limit.
    pub refused_for_user: u64,
    /// Because of their address's.
    pub refused_for_address: u64,
    /// Because of the limit on all of them, or on what may be watched.
    pub refused_full: u64,
    /// Because too many had been opened in too short a time.
    pub refused_too_fast: u64,
    /// Events that were published too fast.
    pub refused_publishes: u64,
    /// Tickets that were given out.
    pub tickets: u64,
    /// Tickets that were asked for and not given out: too fast, or there were too many.
    pub unissued_tickets: u64,
    /// Tickets that let nobody in, whatever was wrong with them.
    pub refused_tickets: u64,
    /// Streams that a resume by the same ticket took over.
    pub replaced: u64,
    /// Words on presence.
    pub presence: u64,
    /// Streams that were ended by [`Admission::revoke`].
    pub revoked: u64,
}

/// Whose streams and tickets [`Admission::revoke`] ends.
///
/// ```
/// use sse_codec::time::Instant;
/// use sse_server_core::{Admission, AdmissionConfig, Revoke, Visitor};
///
/// let (mut admission, now) = (Admission::new(AdmissionConfig::default(), 1), Instant::ORIGIN);
/// let pass = admission.admit(Visitor::new([]).user("ann").token("8f1c"), now)?;
/// assert_eq!(admission.revoke(Revoke::Token("8f1c")), [pass], "close these");
/// # Ok::<(), sse_server_core::AdmissionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoke<'a> {
    /// Those of a user.
    User(&'a str),
    /// Those that came by a token.
    Token(&'a str),
}

impl Revoke<'_> {
    fn is_of(self, user: Option<&Arc<str>>, token: Option<&Arc<str>>) -> bool {
        let (id, of) = match self {
            Self::User(id) => (id, user),
            Self::Token(id) => (id, token),
        };
        of.is_some_and(|of| **of == *id)
    }
}

/// Limits by user, by address and in all; publish rates; tickets; presence.
///
/// It is asked when a stream opens or closes and when something is published, never when an event
/// is delivered.
///
/// ```
/// use sse_codec::time::Instant;
/// use sse_server_core::{Admission, AdmissionConfig, AdmissionError, Selector, Visitor};
///
/// let mut config = AdmissionConfig::default();
/// config.max_per_user = 1;
/// let (mut admission, now) = (Admission::new(config, 1), Instant::ORIGIN);
/// let ann = Visitor::new([Selector::new("prices")?]).user("ann");
/// let pass = admission.admit(ann.clone(), now)?;
/// let refused = admission.admit(ann.clone(), now);
/// assert_eq!(refused, Err(AdmissionError::TooManyForUser { max: 1 }));
/// admission.release(pass, now);
/// assert!(admission.admit(ann, now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Admission {
    config: AdmissionConfig,
    passes: u64,
    visitors: HashMap<Pass, Visitor, FixedState>,
    by_user: HashMap<Arc<str>, usize, FixedState>,
    by_address: HashMap<u128, usize, FixedState>,
    published: Rates,
    opened: Rates,
    tickets: Tickets,
    presences: Presences,
    counters: AdmissionCounters,
}

impl Admission {
    /// Nobody is in. The seed is for hashing: names come from strangers.
    pub fn new(config: AdmissionConfig, seed: u64) -> Self {
        let hasher = || FixedState::with_seed(seed);
        let rates = |rate, burst| Rates::new(rate, burst, config.max_rates, hasher());
        Self {
            passes: 0,
            visitors: HashMap::with_hasher(hasher()),
            by_user: HashMap::with_hasher(hasher()),
            by_address: HashMap::with_hasher(hasher()),
            published: rates(config.publish_rate, config.publish_burst),
            opened: rates(config.connect_rate, config.connect_burst),
            tickets: Tickets::new(&config, seed),
            presences: Presences::new(&config, hasher()),
            counters: AdmissionCounters::default(),
            config,
        }
    }

    /// Its settings.
    pub const fn config(&self) -> &AdmissionConfig {
        &self.config
    }

    /// What it has done so far.
    pub fn counters(&self) -> AdmissionCounters {
        AdmissionCounters { streams: self.visitors.len() as u64, ..self.counters }
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
        self.take_in(visitor, None, now)
    }

    fn take_in(
        &mut self,
        visitor: Visitor,
        in_place_of: Option<Pass>,
        now: Instant,
    ) -> Result<Pass, AdmissionError> {
        let gone = in_place_of.and_then(|pass| self.visitors.get(&pass));
        let opens: Vec<_> = visitor.principals().collect();
        let admitted = self.has_room(&visitor, gone).and_then(|()| {
            let checked = self.opened.check(&opens, 1, now);
            checked.map_err(|much| match much {
                TooMuch::Now(wait) => AdmissionError::OpenedTooFast { wait },
                TooMuch::AtOnce(max) => AdmissionError::BurstTooLarge { count: 1, max },
            })
        });
        if let Err(refusal) = admitted {
            match refusal {
                AdmissionError::TooManyForUser { .. } => self.counters.refused_for_user += 1,
                AdmissionError::TooManyForAddress { .. } => self.counters.refused_for_address += 1,
                AdmissionError::OpenedTooFast { .. } => self.counters.refused_too_fast += 1,
                AdmissionError::Full
                | AdmissionError::TooManyWatched
                // Of a publish, not of a stream.
                | AdmissionError::TooFast { .. }
                | AdmissionError::BurstTooLarge { .. } => self.counters.refused_full += 1,
            }
            return Err(refusal);
        }
        if let Some(pass) = in_place_of {
            self.release(pass, now);
            self.counters.replaced += 1;
        }
        self.counters.admitted += 1;
        if let Some(user) = &visitor.user {
            *self.by_user.entry(user.clone()).or_insert(0) += 1;
        }
        if let Some(address) = visitor.address {
            *self.by_address.entry(network(address)).or_insert(0) += 1;
        }
        opens.iter().for_each(|principal| self.opened.note(principal, 1, now));
        self.passes += 1;
        let pass = Pass(self.passes);
        self.presences.enter(pass, &visitor, now);
        self.visitors.insert(pass, visitor);
        Ok(pass)
    }

    /// Whether there is room for somebody once another is gone.
    fn has_room(&self, visitor: &Visitor, gone: Option<&Visitor>) -> Result<(), AdmissionError> {
        let AdmissionConfig { max_per_user, max_per_address, max_streams, .. } = self.config;
        let one_if = |is: &dyn Fn(&Visitor) -> bool| usize::from(gone.is_some_and(is));
        if self.visitors.len() - one_if(&|_| true) >= max_streams {
            return Err(AdmissionError::Full);
        }
        let of_user = visitor.user.as_ref().and_then(|user| self.by_user.get(user));
        let less = one_if(&|gone| gone.user == visitor.user);
        if of_user.is_some_and(|&open| open - less >= max_per_user) {
            return Err(AdmissionError::TooManyForUser { max: max_per_user });
        }
        let address = visitor.address.map(network);
        let of_address = address.and_then(|address| self.by_address.get(&address));
        let less = one_if(&|gone| gone.address.map(network) == address);
        if of_address.is_some_and(|&open| open - less >= max_per_address) {
            return Err(AdmissionError::TooManyForAddress { max: max_per_address });
        }
        if !self.presences.has_room(visitor) {
            return Err(AdmissionError::TooManyWatched);
        }
        Ok(())
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
        self.presences.leave(pass, &visitor, now);
        self.tickets.release(pass, now);
    }

    /// Forgets the tickets of a user or a token, and gives the streams, to be ended one and all.
    pub fn revoke(&mut self, whose: Revoke<'_>) -> Vec<Pass> {
        self.tickets.revoke(whose);
        let is_theirs = |(_, visitor): &(&Pass, &Visitor)| {
            whose.is_of(visitor.user.as_ref(), visitor.token.as_ref())
        };
        let mut passes: Vec<_> = self.visitors.iter().filter(is_theirs).map(|(&p, _)| p).collect();
        passes.sort_unstable();
        self.counters.revoked += passes.len() as u64;
        passes
    }

    /// Notes that a principal publishes so many events.
    ///
    /// # Errors
    /// [`AdmissionError::TooFast`], with how long to wait, or
    /// [`AdmissionError::BurstTooLarge`]. Nothing is noted then.
    pub fn publish(
        &mut self,
        principal: &Principal,
        events: u32,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        let spent = self.spend(principal, events, now);
        if spent.is_err() {
            self.counters.refused_publishes += u64::from(events);
        }
        spent
    }

    /// Notes that a principal asks for a ticket, which costs as much of its rate as so many events.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), but counted as a ticket that was not given out.
    pub fn charge_ticket(
        &mut self,
        principal: &Principal,
        events: u32,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        let spent = self.spend(principal, events, now);
        self.counters.unissued_tickets += u64::from(spent.is_err());
        spent
    }

    fn spend(
        &mut self,
        principal: &Principal,
        events: u32,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        self.published.check([principal], events, now).map_err(|much| match much {
            TooMuch::Now(wait) => AdmissionError::TooFast { wait },
            TooMuch::AtOnce(max) => AdmissionError::BurstTooLarge { count: events, max },
        })?;
        self.published.note(principal, events, now);
        Ok(())
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
        let issued = self.tickets.issue(secret, ticket, now);
        match issued {
            Ok(()) => self.counters.tickets += 1,
            Err(_) => self.counters.unissued_tickets += 1,
        }
        issued
    }

    /// Lets in whoever holds a ticket: within [`AdmissionConfig::ticket_wait`], and then only to
    /// resume. It is one connection at a time: a resume takes the place of the one before, whose end
    /// may not have been noticed.
    ///
    /// # Errors
    /// [`TicketError`] says what is wrong with it.
    pub fn admit_by_ticket(
        &mut self,
        secret: &[u8; 16],
        is_resume: bool,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Redeemed, TicketError> {
        let admitted = self.redeem(secret, is_resume, address, now);
        self.counters.refused_tickets += u64::from(admitted.is_err());
        admitted
    }

    fn redeem(
        &mut self,
        secret: &[u8; 16],
        is_resume: bool,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Redeemed, TicketError> {
        let (ticket, replaced) = self.tickets.check(secret, is_resume, now)?;
        let ticket = ticket.clone();
        let visitor = Visitor { address, ..ticket.visitor() };
        let pass = self.take_in(visitor, replaced, now)?;
        self.tickets.redeem(secret, pass);
        Ok(Redeemed { pass, ticket, replaced })
    }

    /// Who is subscribed to a topic, by its name or by a pattern.
    pub fn presence(&self, topic: &Topic) -> Presence {
        self.presences.look(topic)
    }

    /// The next word on a topic that is watched and has changed: tell it to every hub by
    /// [`handle_presence`](crate::Hub::handle_presence).
    pub fn poll_presence(&mut self, now: Instant) -> Option<Presence> {
        let word = self.presences.poll(now)?;
        self.counters.presence += 1;
        Some(word)
    }

    /// When [`poll_presence`](Self::poll_presence) is next of use.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.presences.next()
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("config", &self.config)
            .field("streams", &self.visitors.len())
            .field("users", &self.by_user.len())
            .field("addresses", &self.by_address.len())
            .finish_non_exhaustive()
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
