//! Tickets: what a browser's EventSource, which can send no header, shows to be let in.

use alloc::sync::Arc;
use core::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use super::{AdmissionConfig, AdmissionError, Pass, Visitor};
use crate::selector::Selector;

/// What a ticket is good for: one stream of these topics and patterns.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ticket {
    selectors: Arc<[Selector]>,
    user: Option<Arc<str>>,
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
        Self { selectors: selectors.into_iter().collect(), user: None, expires: None }
    }

    /// Sets whose stream it is.
    pub fn for_user(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
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
        Visitor { user: self.user.clone(), address: None, selectors: self.selectors.clone() }
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
    Closed,
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
            return Err(TicketError::Full);
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
            State::Closed if is_resume => Ok(&issued.ticket),
            State::Closed => Err(TicketError::Used),
        }
    }

    pub(super) fn redeem(&mut self, secret: &[u8; 16], pass: Pass) {
        if let Some(issued) = self.issued.get_mut(secret) {
            issued.state = State::Open;
            self.in_use.insert(pass, *secret);
        }
    }

    pub(super) fn release(&mut self, pass: Pass) {
        let secret = self.in_use.remove(&pass);
        if let Some(issued) = secret.and_then(|secret| self.issued.get_mut(&secret)) {
            issued.state = State::Closed;
        }
    }
}

impl Issued {
    fn is_over(&self, now: Instant) -> bool {
        let unused = match self.state {
            State::Unused { until } => until <= now,
            State::Open | State::Closed => false,
        };
        unused || self.ticket.expires.is_some_and(|at| at <= now)
    }
}
