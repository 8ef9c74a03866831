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
    issued: HashMap<[u8; 16], Issued, FixedState>,
    in_use: HashMap<Pass, [u8; 16], FixedState>,
    /// Those that wait for their first use, and for how long.
    unused: BTreeMap<Principal, BTreeSet<(Instant, [u8; 16])>>,
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
        }
    }

    pub(super) fn issue(
        &mut self,
        secret: [u8; 16],
        ticket: Ticket,
        now: Instant,
    ) -> Result<(), TicketError> {
        self.remove(&secret);
        if let Some(waiting) = ticket.principal.as_ref().and_then(|who| self.unused.get_mut(who)) {
            while let Some(&(until, over)) = waiting.first().filter(|(until, _)| *until <= now) {
                waiting.remove(&(until, over));
                self.issued.remove(&over);
            }
            if waiting.len() >= self.max_unused {
                return Err(TicketError::TooManyUnused { max: self.max_unused });
            }
        }
        if self.issued.len() >= self.max {
            self.forget(|issued| issued.is_over(now));
        }
        if self.issued.len() >= self.max {
            self.make_room()?;
        }
        // One whose token ends before waits no longer.
        let until = (now + self.wait).min(ticket.expires.unwrap_or(now + self.wait));
        if let Some(principal) = &ticket.principal {
            self.unused.entry(principal.clone()).or_default().insert((until, secret));
        }
        self.issued.insert(secret, Issued { ticket, until, state: State::Unused, since: now });
        Ok(())
    }

    /// Forgets a ticket whose stream is not open, of whoever has the most: the one that has waited
    /// longest. It may wait for ever where its token does not end.
    fn make_room(&mut self) -> Result<(), TicketError> {
        let mut counts = BTreeMap::new();
        for issued in self.issued.values() {
            *counts.entry(&issued.ticket.principal).or_insert(0_usize) += 1;
        }
        let is_open = |issued: &Issued| matches!(issued.state, State::Open(_));
        let idle = self.issued.iter().filter(|(_, issued)| !is_open(issued));
        let candidates = idle.map(|(&secret, issued)| {
            (Reverse(counts.get(&issued.ticket.principal)), issued.since, secret)
        });
        let (.., secret) = candidates.min().ok_or(TicketError::Full)?;
        self.remove(&secret);
        Ok(())
    }

    fn remove(&mut self, secret: &[u8; 16]) {
        if let Some(issued) = self.issued.remove(secret) {
            self.used(secret, &issued);
        }
    }

    /// The ticket, and the stream that it takes over.
    pub(super) fn check(
        &self,
        secret: &[u8; 16],
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

    pub(super) fn redeem(&mut self, secret: &[u8; 16], pass: Pass) {
        let Some(mut issued) = self.issued.remove(secret) else { return };
        self.used(secret, &issued);
        issued.state = State::Open(pass);
        self.issued.insert(*secret, issued);
        self.in_use.insert(pass, *secret);
    }

    pub(super) fn release(&mut self, pass: Pass, now: Instant) {
        let secret = self.in_use.remove(&pass);
        if let Some(issued) = secret.and_then(|secret| self.issued.get_mut(&secret)) {
            (issued.state, issued.since) = (State::Closed, now);
        }
    }

    pub(super) fn revoke(&mut self, whose: Revoke<'_>) {
        self.forget(|issued| {
            whose.is_of(issued.ticket.user.as_ref(), issued.ticket.token.as_ref())
        });
    }

    fn forget(&mut self, which: impl Fn(&Issued) -> bool) {
        let gone: Vec<_> = self.issued.extract_if(|_, issued| which(issued)).collect();
        for (secret, issued) in gone {
            self.used(&secret, &issued);
        }
    }

    /// Notes that a ticket does not wait for its first use any more.
    fn used(&mut self, secret: &[u8; 16], issued: &Issued) {
        let Some(principal) = &issued.ticket.principal else { return };
        if let Some(waiting) = self.unused.get_mut(principal) {
            waiting.remove(&(issued.until, *secret));
            if waiting.is_empty() {
                self.unused.remove(principal);
            }
        }
    }
}

impl Issued {
    fn is_over(&self, now: Instant) -> bool {
        let unused = matches!(self.state, State::Unused) && self.until <= now;
        unused || self.ticket.expires.is_some_and(|at| at <= now)
    }
}
