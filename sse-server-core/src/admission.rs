//! Who may come in, and how much each may publish: one a process, whatever the number of hubs.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, net::IpAddr};

use foldhash::quality::FixedState;
use hashbrown::{HashMap, hash_map::Entry};
use sse_codec::time::Instant;

use crate::{event::Presence, selector::Selector, topic::Topic};

mod audience;
mod config;
mod error;
mod presence;
mod principal;
mod rate;
mod shares;
mod ticket;
mod visitor;

use self::{
    audience::{Claims, Overlap},
    presence::Presences,
    principal::network,
    rate::{Rates, TooMuch},
    shares::Shares,
    ticket::Tickets,
};
pub use self::{
    config::AdmissionConfig,
    error::AdmissionError,
    principal::{Principal, Whose},
    ticket::{Redeemed, Ticket, TicketError},
    visitor::Visitor,
};

/// A stream that was let in, until [`Admission::release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pass(u64);

/// What an [`Admission`] has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AdmissionCounters {
    /// Streams that are open now.
    pub streams: u64,
    /// Streams that were let in.
    pub admitted: u64,
    /// Streams that were not, because of a limit of their user's.
    pub refused_for_user: u64,
    /// Because of one of their address's.
    pub refused_for_address: u64,
    /// Because of a limit on all of them.
    pub refused_full: u64,
    /// Because each alone asked for more than anybody may have.
    pub refused_for_good: u64,
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
    patterns: Shares<Selector>,
    overlaps: Shares<Overlap>,
    watched: Shares<Topic>,
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
            patterns: Shares::new(
                config.max_patterns_per_user,
                config.max_patterns_per_address,
                hasher(),
            ),
            overlaps: Shares::new(
                config.max_patterns_per_user,
                config.max_patterns_per_address,
                hasher(),
            ),
            watched: Shares::new(
                config.max_watched_per_user,
                config.max_watched_per_address,
                hasher(),
            ),
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
        let claims = Claims::of(&visitor);
        // Before what would be otherwise later: nobody shall try again for nothing.
        let admitted = self.can_ever(&opens, &claims).and_then(|()| {
            self.has_room(&visitor, gone)?;
            self.has_share(&opens, &claims)?;
            let checked = self.opened.check(&opens, 1, now);
            checked.map_err(|much| match much {
                TooMuch::Now(wait) => AdmissionError::OpenedTooFast { wait },
                TooMuch::AtOnce(max) => AdmissionError::BurstTooLarge { count: 1, max },
            })
        });
        if let Err(refusal) = admitted {
            match refusal {
                AdmissionError::TooManyForUser { .. }
                | AdmissionError::TooManyPatterns { whose: Whose::User, .. }
                | AdmissionError::WatchesTooMany { whose: Whose::User, .. } => {
                    self.counters.refused_for_user += 1;
                }
                AdmissionError::TooManyForAddress { .. }
                | AdmissionError::TooManyPatterns { whose: Whose::Address, .. }
                | AdmissionError::WatchesTooMany { whose: Whose::Address, .. } => {
                    self.counters.refused_for_address += 1;
                }
                AdmissionError::OpenedTooFast { .. } => self.counters.refused_too_fast += 1,
                AdmissionError::AsksForTooManyPatterns { .. }
                | AdmissionError::AsksToWatchTooMany { .. } => self.counters.refused_for_good += 1,
                AdmissionError::Full
                | AdmissionError::TooManyWatched
                | AdmissionError::TooManyOverlaps
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
        self.patterns.take(&opens, claims.patterns());
        self.overlaps.take(&opens, claims.overlapping().into_iter());
        self.watched.take(&opens, claims.watched.iter());
        self.presences.enter(&claims, visitor.user.as_ref(), now);
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
        Ok(())
    }

    /// Whether there is a time at which somebody may have what they ask for.
    fn can_ever(&self, principals: &[Principal], claims: &Claims) -> Result<(), AdmissionError> {
        let count = claims.patterns().count();
        self.patterns
            .can_ever_hold(principals, count)
            .map_err(|(whose, max)| AdmissionError::AsksForTooManyPatterns { whose, count, max })?;
        let count = claims.watched.len();
        let share = self.watched.can_ever_hold(principals, count);
        let share = share.map_or_else(|(_, max)| max, |()| usize::MAX);
        let max = share.min(self.config.max_watched);
        if count > max {
            return Err(AdmissionError::AsksToWatchTooMany { count, max });
        }
        Ok(())
    }

    /// Whether what somebody asks for leaves enough to others.
    fn has_share(&self, principals: &[Principal], claims: &Claims) -> Result<(), AdmissionError> {
        let patterns = self.patterns.check(principals, claims.patterns());
        let overlaps = self.overlaps.check(principals, claims.overlapping().into_iter());
        if let Err((whose, max)) = patterns.and(overlaps) {
            return Err(AdmissionError::TooManyPatterns { whose, max });
        }
        if let Err((whose, max)) = self.watched.check(principals, claims.watched.iter()) {
            return Err(AdmissionError::WatchesTooMany { whose, max });
        }
        if !self.presences.has_room_to_watch(claims) {
            return Err(AdmissionError::TooManyWatched);
        }
        if !self.presences.has_room_to_overlap(claims, self.config.max_overlaps) {
            return Err(AdmissionError::TooManyOverlaps);
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
        let principals: Vec<_> = visitor.principals().collect();
        let claims = Claims::of(&visitor);
        self.patterns.give_back(&principals, claims.patterns());
        self.overlaps.give_back(&principals, claims.overlapping().into_iter());
        self.watched.give_back(&principals, claims.watched.iter());
        self.presences.leave(&claims, visitor.user.as_ref(), now);
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
    /// [`TicketError::Full`], [`TicketError::TooManyUnused`] of whoever asked for it, or
    /// [`TicketError::Refused`] where it could never be used.
    pub fn issue_ticket(
        &mut self,
        secret: [u8; 16],
        ticket: Ticket,
        now: Instant,
    ) -> Result<(), TicketError> {
        let visitor = ticket.visitor();
        let principals: Vec<_> = visitor.principals().collect();
        let can_ever = self.can_ever(&principals, &Claims::of(&visitor));
        let issued = can_ever.map_err(TicketError::Refused);
        let issued = issued.and_then(|()| self.tickets.issue(secret, ticket, now));
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

    /// Whether a ticket is one that [`admit_by_ticket`](Self::admit_by_ticket) takes, without using it.
    ///
    /// # Errors
    /// [`TicketError`] says what is wrong with it.
    pub fn check_ticket(
        &self,
        secret: &[u8; 16],
        is_resume: bool,
        now: Instant,
    ) -> Result<(), TicketError> {
        self.tickets.check(secret, is_resume, now).map(drop)
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

    /// Who is subscribed to a topic, by its name or by a pattern. What it costs grows with the patterns
    /// that match the topic, not with how many read by them.
    pub fn presence(&self, topic: &Topic) -> Presence {
        self.presences.look(topic, None)
    }

    /// The same, but of the users those that follow `after`, in order: the next page, where
    /// [`is_partial`](Presence::is_partial) says that there is one and `after` is the last that was
    /// named.
    ///
    /// ```
    /// use sse_codec::time::Instant;
    /// use sse_server_core::{Admission, AdmissionConfig, Selector, Topic, Visitor};
    ///
    /// let mut config = AdmissionConfig::default();
    /// config.max_named = 1;
    /// let (mut admission, now) = (Admission::new(config, 1), Instant::ORIGIN);
    /// for user in ["ann", "bob"] {
    ///     admission.admit(Visitor::new([Selector::new("room")?]).user(user), now)?;
    /// }
    /// let page = admission.presence(&Topic::new("room")?);
    /// assert_eq!((page.count, &*page.users[0], page.is_partial), (2, "ann", true));
    /// let page = admission.presence_after(&page.topic, page.users.last().map(|user| &**user));
    /// assert_eq!((&*page.users[0], page.is_partial), ("bob", false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn presence_after(&self, topic: &Topic, after: Option<&str>) -> Presence {
        self.presences.look(topic, after)
    }

    /// The next word on a topic that is watched and has changed: tell it to every hub by
    /// [`handle_presence`](crate::Hub::handle_presence). A hub tells the last word to those who begin to
    /// watch later; one at which nobody watched by then has none, and is to be told of
    /// [`presence`](Self::presence) when somebody does.
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
