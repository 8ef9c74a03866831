//! Who comes in, by what, and who is shown out.

use core::{net::IpAddr, time::Duration};
use std::sync::MutexGuard;

use sse_server_core::{
    AdmissionError, CloseReason, Presence, Redeemed, Resume, Revoke, Subscribe, SubscribeError,
    SubscriberId, Ticket, TicketError, Topic, Visitor,
};

use super::{Reader, Shared, State};
use crate::wire::CutHandle;

/// Why a request is refused: by the door or by the hub.
#[derive(Debug)]
pub(crate) enum Refused<E> {
    Admission(AdmissionError),
    Ticket(TicketError),
    Hub(E),
}

impl Shared {
    /// Opens a stream of the program's own.
    pub(crate) fn subscribe(&self, request: Subscribe) -> Result<SubscriberId, SubscribeError> {
        let state = self.lock();
        self.seat(state, request, Reader::default())
    }

    /// Opens a stream on behalf of somebody.
    pub(crate) fn admit(
        &self,
        request: Subscribe,
        visitor: Visitor,
        cut: Option<CutHandle>,
    ) -> Result<SubscriberId, Refused<SubscribeError>> {
        let mut state = self.lock();
        let now = self.now();
        let pass = state.admission.admit(visitor, now).map_err(Refused::Admission)?;
        let reader = Reader { waker: None, cut, pass: Some(pass) };
        self.seat(state, request, reader).map_err(Refused::Hub)
    }

    /// Remembers a ticket.
    pub(crate) fn issue_ticket(
        &self,
        secret: [u8; 16],
        ticket: Ticket,
        life: Duration,
    ) -> Result<Duration, TicketError> {
        let mut state = self.lock();
        let now = self.now();
        state.admission.issue_ticket(secret, ticket.until(now + life), now)?;
        Ok(state.admission.config().ticket_wait.min(life))
    }

    /// Opens the stream of whoever holds a ticket.
    pub(crate) fn admit_by_ticket(
        &self,
        secret: &[u8; 16],
        resume: Resume,
        address: Option<IpAddr>,
        cut: Option<CutHandle>,
    ) -> Result<SubscriberId, Refused<SubscribeError>> {
        let mut state = self.lock();
        let now = self.now();
        let is_resume = matches!(resume, Resume::After(_));
        let admitted = state.admission.admit_by_ticket(secret, is_resume, address, now);
        let Redeemed { pass, ticket, replaced, .. } = admitted.map_err(Refused::Ticket)?;
        if let Some(id) = replaced.and_then(|pass| state.admitted.remove(&pass)) {
            state.hub.close(id, CloseReason::Replaced, now);
            // The new one may get its slot: its reader must have left that.
            self.act(state);
            state = self.lock();
        }
        let mut request = Subscribe::new(ticket.selectors().iter().cloned()).resume(resume);
        if let Some(at) = ticket.expires() {
            request = request.expires(at);
        }
        // Checked when the ticket was given out.
        if let Some(Ok(with_user)) = ticket.user().map(|user| request.clone().user(user)) {
            request = with_user;
        }
        let reader = Reader { waker: None, cut, pass: Some(pass) };
        self.seat(state, request, reader).map_err(Refused::Hub)
    }

    fn seat(
        &self,
        mut state: MutexGuard<'_, State>,
        request: Subscribe,
        reader: Reader,
    ) -> Result<SubscriberId, SubscribeError> {
        let now = self.now();
        let id = match state.hub.subscribe(request, now) {
            Ok(id) => id,
            Err(refusal) => {
                if let Some(pass) = reader.pass {
                    state.admission.release(pass, now);
                }
                return Err(refusal);
            }
        };
        if state.readers.len() <= id.index() {
            state.readers.resize_with(id.index() + 1, Reader::default);
        }
        if let Some(pass) = reader.pass {
            state.admitted.insert(pass, id);
        }
        let before = core::mem::replace(&mut state.readers[id.index()], reader);
        self.act(state);
        drop(before);
        Ok(id)
    }

    /// Who is subscribed to a topic.
    pub(crate) fn presence(&self, topic: &Topic) -> Presence {
        self.lock().admission.presence(topic)
    }

    /// Ends the stream of one client; false if there is none.
    pub(crate) fn close_client(&self, client_id: u64) -> bool {
        let mut state = self.lock();
        let Some(id) = state.hub.find_client(client_id) else { return false };
        state.hub.close(id, CloseReason::Revoked, self.now());
        self.act(state);
        true
    }

    /// Ends all streams of a user and forgets their tickets, and says how many streams there were.
    pub(crate) fn revoke_user(&self, user: &str) -> usize {
        let mut state = self.lock();
        let passes = state.admission.revoke(Revoke::User(user));
        let ids: Vec<_> = passes.iter().filter_map(|pass| state.admitted.remove(pass)).collect();
        for &id in &ids {
            state.hub.close(id, CloseReason::Revoked, self.now());
        }
        self.act(state);
        ids.len()
    }
}
