//! Tickets: what a browser's EventSource, which can send no header, shows to be let in.

use alloc::sync::Arc;
use core::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use super::{AdmissionConfig, AdmissionError, Pass, Revoke, Visitor};
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
/// let (pass, ticket) = admission.admit_by_ticket(&secret, false, None, now)?;
/// assert_eq!(ticket.user(), Some("ann"));
/// admission.release(pass, now);
/// // From now on it is only good to resume that stream.
/// let again = admission.admit_by_ticket(&secret, false, None, now);
/// assert_eq!(again.unwrap_err(), TicketError::Used);
/// assert!(admission.admit_by_ticket(&secret, true, None, now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Ticket {
    selectors: Arc<[Selector]>,
    user: Option<Arc<str>>,
    token: Option<Arc<str>>,
    expires: Option<Instant>,
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
    /// Its stream is open.
    #[error("the ticket's stream is open; close it, or ask for another ticket")]
    InUse,
    /// As many tickets are out as may be.
    #[error("as many tickets are out as there may be; try again later")]
    Full,
    /// The stream may not open now, ticket or no.
    #[error(transparent)]
    Refused(#[from] AdmissionError),
}

impl Ticket {
    /// Good for a stream of these, by nobody in particular.
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        let selectors = selectors.into_iter().collect();
        Self { selectors, user: None, token: None, expires: None }
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
    issued: HashMap<[u8; 16], Issued, FixedState>,
    in_use: HashMap<Pass, [u8; 16], FixedState>,
}

#[derive(Debug)]
struct Issued {
    ticket: Ticket,
    state: State,
}

#[derive(Debug)]
enum State {
    Unused { until: Instant },
    Open,
    Closed { since: Instant },
}

impl Tickets {
    pub(super) fn new(config: &AdmissionConfig, seed: u64) -> Self {
        Self {
            wait: config.ticket_wait,
            max: config.max_tickets,
            issued: HashMap::with_hasher(FixedState::with_seed(seed)),
            in_use: HashMap::with_hasher(FixedState::with_seed(seed)),
        }
    }

    pub(super) fn issue(
        &mut self,
        secret: [u8; 16],
        ticket: Ticket,
        now: Instant,
    ) -> Result<(), TicketError> {
        if self.issued.len() >= self.max {
            self.issued.retain(|_, issued| !issued.is_over(now));
        }
        if self.issued.len() >= self.max {
            // Of those whose stream was closed, the one that has waited longest: it may wait for
            // ever where its token does not end.
            let since = |issued: &Issued| match issued.state {
                State::Closed { since } => Some(since),
                State::Unused { .. } | State::Open => None,
            };
            let closed =
                self.issued.iter().filter_map(|(&secret, issued)| Some((since(issued)?, secret)));
            let (_, oldest) = closed.min().ok_or(TicketError::Full)?;
            self.issued.remove(&oldest);
        }
        let until = now + self.wait;
        self.issued.insert(secret, Issued { ticket, state: State::Unused { until } });
        Ok(())
    }

    pub(super) fn check(
        &self,
        secret: &[u8; 16],
        is_resume: bool,
        now: Instant,
    ) -> Result<&Ticket, TicketError> {
        let issued = self.issued.get(secret).filter(|issued| !issued.is_over(now));
        let issued = issued.ok_or(TicketError::Unknown)?;
        match issued.state {
            State::Unused { .. } => Ok(&issued.ticket),
            State::Open => Err(TicketError::InUse),
            State::Closed { .. } if is_resume => Ok(&issued.ticket),
            State::Closed { .. } => Err(TicketError::Used),
        }
    }

    pub(super) fn redeem(&mut self, secret: &[u8; 16], pass: Pass) {
        if let Some(issued) = self.issued.get_mut(secret) {
            issued.state = State::Open;
            self.in_use.insert(pass, *secret);
        }
    }

    pub(super) fn release(&mut self, pass: Pass, now: Instant) {
        let secret = self.in_use.remove(&pass);
        if let Some(issued) = secret.and_then(|secret| self.issued.get_mut(&secret)) {
            issued.state = State::Closed { since: now };
        }
    }

    pub(super) fn revoke(&mut self, whose: Revoke<'_>) {
        let of = |ticket: &Ticket| whose.is_of(ticket.user.as_ref(), ticket.token.as_ref());
        self.issued.retain(|_, issued| !of(&issued.ticket));
    }
}

impl Issued {
    fn is_over(&self, now: Instant) -> bool {
        let unused = match self.state {
            State::Unused { until } => until <= now,
            State::Open | State::Closed { .. } => false,
        };
        unused || self.ticket.expires.is_some_and(|at| at <= now)
    }
}
