//! Tickets: what a browser's EventSource, which can send no header, shows to be let in.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::{cmp::Reverse, time::Duration};

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use super::{AdmissionConfig, AdmissionError, Pass, Principal, Revoke, Visitor};
use crate::selector::Selector;

/// What a ticket is good for: one stream of these topics and patterns.
///
/// ```
/// use core::time::Duration;
/// use sse_codec::time::Instant;
/// use sse_server_core::{Admission, AdmissionConfig, Selector, Ticket, TicketError};
///
/// let (mut admission, now) = (Admission::new(AdmissionConfig::default(), 1), Instant::ORIGIN);
/// let secret = [7; 16]; // at random
/// let ticket = Ticket::new([Selector::new("prices")?]).for_user("ann");
/// admission.issue_ticket(secret, ticket, now)?;
/// let first = admission.admit_by_ticket(&secret, false, None, now)?;
/// assert_eq!(first.ticket.user(), Some("ann"));
/// // Soon it is only good to resume that stream.
/// let later = now + admission.config().ticket_wait;
/// admission.release(first.pass, later);
/// let again = admission.admit_by_ticket(&secret, false, None, later);
/// assert_eq!(again.unwrap_err(), TicketError::Used);
/// let second = admission.admit_by_ticket(&secret, true, None, later)?;
/// // A resume takes the stream over: that its connection broke may not have been noticed.
/// let third = admission.admit_by_ticket(&secret, true, None, later)?;
/// assert_eq!(third.replaced, Some(second.pass), "close this one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Ticket {
    selectors: Arc<[Selector]>,
    user: Option<Arc<str>>,
    token: Option<Arc<str>>,
    principal: Option<Principal>,
    expires: Option<Instant>,
}

/// A stream that was let in [by its ticket](super::Admission::admit_by_ticket).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Redeemed {
    /// The stream's.
    pub pass: Pass,
    /// What it may read, and whose it is.
    pub ticket: Ticket,
    /// The same ticket's stream before, if it was open still. It is released already: close it.
    pub replaced: Option<Pass>,
}

/// Why a ticket lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// Never given out, or over.
    #[error("the ticket is not known or is over; ask for another")]
    Unknown,
    /// Used before, and this is no resume.
    #[error("the ticket was used before and is only good to resume its stream; ask for another")]
    Used,
    /// Its stream is open, and this is no resume.
    #[error("the ticket's stream is open; close it, or ask for another ticket")]
    InUse,
    /// As many tickets are out as may be.
    #[error("as many tickets are out as there may be; try again later")]
    Full,
    /// As many tickets of one principal wait for their first use as may.
    #[error("{max} of your tickets wait for their first use, the most there may be; use one")]
    TooManyUnused {
        /// How many may.
        max: usize,
    },
    /// The stream may not open now, ticket or no.
    #[error(transparent)]
    Refused(#[from] AdmissionError),
}

impl Ticket {
    /// Good for a stream of these, by nobody in particular.
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        let selectors = selectors.into_iter().collect();
        Self { selectors, user: None, token: None, principal: None, expires: None }
    }

    /// Sets whose stream it is.
    pub fn for_user(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Sets the id of the token for which it was given.
    pub fn by_token(mut self, id: impl Into<Arc<str>>) -> Self {
        self.token = Some(id.into());
        self
    }

    /// Sets who asked for it, to whom it is counted: whoever has the most tickets loses theirs
    /// first.
    pub fn asked_by(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Sets when the token ends for which it was given, and with it the ticket and the stream.
    pub const fn until(mut self, at: Instant) -> Self {
        self.expires = Some(at);
        self
    }

    /// What it is good for.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Whose stream it is.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// When it ends.
    pub const fn expires(&self) -> Option<Instant> {
        self.expires
    }

    pub(super) fn visitor(&self) -> Visitor {
        let Self { selectors, user, token, .. } = self.clone();
        Visitor { user, token, address: None, selectors }
    }
}

#[derive(Debug)]
pub(super) struct Tickets {
    wait: Duration,
    max: usize,
    max_unused: usize,
    issued: HashMap<Secret, Issued, FixedState>,
    in_use: HashMap<Pass, Secret, FixedState>,
    /// Those that wait for their first use, and for how long.
    unused: BTreeMap<Principal, BTreeSet<(Instant, Secret)>>,
    /// When each is over that will be.
    ends: BTreeSet<(Instant, Secret)>,
    owners: BTreeMap<Option<Principal>, Owner>,
    /// The first of each owner's idle ones, in the order in which they make room for others.
    idle: BTreeSet<(Reverse<usize>, Instant, Secret)>,
}

type Secret = [u8; 16];

/// What somebody has of tickets.
#[derive(Debug, Default)]
struct Owner {
    count: usize,
    /// Those whose stream is not open, and since when they wait.
    idle: BTreeSet<(Instant, Secret)>,
}

#[derive(Debug)]
struct Issued {
    ticket: Ticket,
    /// For its first use, and until when a connection that broke at once is forgiven.
    until: Instant,
    state: State,
    /// Since when it waits, first for its use and later for a resume.
    since: Instant,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Unused,
    Open(Pass),
    Closed,
}

impl Tickets {
    pub(super) fn new(config: &AdmissionConfig, seed: u64) -> Self {
        Self {
            wait: config.ticket_wait,
            max: config.max_tickets,
            max_unused: config.max_unused_tickets,
            issued: HashMap::with_hasher(FixedState::with_seed(seed)),
            in_use: HashMap::with_hasher(FixedState::with_seed(seed)),
            unused: BTreeMap::new(),
            ends: BTreeSet::new(),
            owners: BTreeMap::new(),
            idle: BTreeSet::new(),
        }
    }

    pub(super) fn issue(
        &mut self,
        secret: Secret,
        ticket: Ticket,
        now: Instant,
    ) -> Result<(), TicketError> {
        self.take_out(&secret);
        if let Some(principal) = &ticket.principal {
            while let Some(over) = self.first_unused(principal).filter(|(until, _)| *until <= now) {
                self.take_out(&over.1);
            }
            if self.unused.get(principal).map_or(0, BTreeSet::len) >= self.max_unused {
                return Err(TicketError::TooManyUnused { max: self.max_unused });
            }
        }
        // However many there are, each step here looks at one.
        while self.issued.len() >= self.max {
            let Some(&(_, over)) = self.ends.first().filter(|(at, _)| *at <= now) else { break };
            self.take_out(&over);
        }
        if self.issued.len() >= self.max {
            // One whose stream is not open, of whoever has the most: the one that has waited longest.
            // It may wait for ever where its token does not end.
            let &(.., secret) = self.idle.first().ok_or(TicketError::Full)?;
            self.take_out(&secret);
        }
        // One whose token ends before waits no longer.
        let until = (now + self.wait).min(ticket.expires.unwrap_or(now + self.wait));
        self.put_in(secret, Issued { ticket, until, state: State::Unused, since: now });
        Ok(())
    }

    /// The ticket, and the stream that it takes over.
    pub(super) fn check(
        &self,
        secret: &Secret,
        is_resume: bool,
        now: Instant,
    ) -> Result<(&Ticket, Option<Pass>), TicketError> {
        let issued = self.issued.get(secret).filter(|issued| !issued.is_over(now));
        let issued = issued.ok_or(TicketError::Unknown)?;
        match issued.state {
            State::Unused => Ok((&issued.ticket, None)),
            State::Open(pass) if is_resume => Ok((&issued.ticket, Some(pass))),
            State::Open(_) => Err(TicketError::InUse),
            // A connection that broke before its first event comes back without an id.
            State::Closed if is_resume || now < issued.until => Ok((&issued.ticket, None)),
            State::Closed => Err(TicketError::Used),
        }
    }

    pub(super) fn redeem(&mut self, secret: &Secret, pass: Pass) {
        let Some(issued) = self.take_out(secret) else { return };
        self.put_in(*secret, Issued { state: State::Open(pass), ..issued });
        self.in_use.insert(pass, *secret);
    }

    pub(super) fn release(&mut self, pass: Pass, now: Instant) {
        let secret = self.in_use.remove(&pass);
        if let Some((secret, issued)) = secret.and_then(|it| Some((it, self.take_out(&it)?))) {
            self.put_in(secret, Issued { state: State::Closed, since: now, ..issued });
        }
    }

    pub(super) fn revoke(&mut self, whose: Revoke<'_>) {
        let is_theirs = |ticket: &Ticket| whose.is_of(ticket.user.as_ref(), ticket.token.as_ref());
        let theirs = self.issued.iter().filter(|(_, issued)| is_theirs(&issued.ticket));
        let theirs: Vec<_> = theirs.map(|(&secret, _)| secret).collect();
        theirs.iter().for_each(|secret| drop(self.take_out(secret)));
    }

    fn first_unused(&self, principal: &Principal) -> Option<(Instant, Secret)> {
        self.unused.get(principal)?.first().copied()
    }

    fn put_in(&mut self, secret: Secret, issued: Issued) {
        let Issued { ticket, until, state, since } = &issued;
        self.ends.extend(issued.end().map(|at| (at, secret)));
        if let (State::Unused, Some(principal)) = (state, &ticket.principal) {
            self.unused.entry(principal.clone()).or_default().insert((*until, secret));
        }
        self.change_owner(&ticket.principal, |owner| {
            owner.count += 1;
            if !matches!(state, State::Open(_)) {
                owner.idle.insert((*since, secret));
            }
        });
        self.issued.insert(secret, issued);
    }

    fn take_out(&mut self, secret: &Secret) -> Option<Issued> {
        let issued = self.issued.remove(secret)?;
        if let Some(at) = issued.end() {
            self.ends.remove(&(at, *secret));
        }
        if let Some(principal) = &issued.ticket.principal
            && let Some(unused) = self.unused.get_mut(principal)
        {
            unused.remove(&(issued.until, *secret));
            if unused.is_empty() {
                self.unused.remove(principal);
            }
        }
        self.change_owner(&issued.ticket.principal, |owner| {
            owner.count -= 1;
            owner.idle.remove(&(issued.since, *secret));
        });
        Some(issued)
    }

    fn change_owner(&mut self, principal: &Option<Principal>, change: impl FnOnce(&mut Owner)) {
        let owner = self.owners.entry(principal.clone()).or_default();
        if let Some(first) = owner.first_idle() {
            self.idle.remove(&first);
        }
        change(owner);
        self.idle.extend(owner.first_idle());
        if owner.count == 0 {
            self.owners.remove(principal);
        }
    }
}

impl Owner {
    fn first_idle(&self) -> Option<(Reverse<usize>, Instant, Secret)> {
        let &(since, secret) = self.idle.first()?;
        Some((Reverse(self.count), since, secret))
    }
}

impl Issued {
    fn is_over(&self, now: Instant) -> bool {
        self.end().is_some_and(|at| at <= now)
    }

    /// When it is over, used or not.
    fn end(&self) -> Option<Instant> {
        match self.state {
            State::Unused => Some(self.until),
            State::Open(_) | State::Closed => self.ticket.expires,
        }
    }
}
