//! Who comes in, by what, and who is shown out.

use core::{net::IpAddr, time::Duration};
use std::sync::MutexGuard;

use sse_server_core::{
    AdmissionError, CloseReason, Presence, Redeemed, Resume, Revoke, Subscribe, SubscribeError,
    SubscriberId, Ticket, TicketError, Topic, Visitor,
};

use super::{Afterwards, Reader, Shared, State};
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
        self.seat(state, request, Reader::default(), Afterwards::default())
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
        self.seat(state, request, reader, Afterwards::default()).map_err(Refused::Hub)
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
        let mut afterwards = Afterwards::default();
        if let Some(id) = replaced.and_then(|pass| state.admitted.remove(&pass)) {
            state.hub.close(id, CloseReason::Replaced, now);
            // The new one may get its slot: its reader must have left that.
            state.pump(now, &mut afterwards);
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
        self.seat(state, request, reader, afterwards).map_err(Refused::Hub)
    }

    /// Refuses a ticket that would let nobody in, and uses none up.
    pub(crate) fn check_ticket(
        &self,
        secret: &[u8; 16],
        resume: Resume,
    ) -> Result<(), TicketError> {
        let is_resume = matches!(resume, Resume::After(_));
        self.lock().admission.check_ticket(secret, is_resume, self.now())
    }

    /// Gives somebody who was let in a place. Since it is the same lock, nobody has ended that pass in
    /// between: whoever is in by a pass can be found by it.
    fn seat(
        &self,
        mut state: MutexGuard<'_, State>,
        request: Subscribe,
        reader: Reader,
        afterwards: Afterwards,
    ) -> Result<SubscriberId, SubscribeError> {
        let now = self.now();
        let id = match state.hub.subscribe(request, now) {
            Ok(id) => id,
            Err(refusal) => {
                if let Some(pass) = reader.pass {
                    state.admission.release(pass, now);
                }
                self.act_after(state, afterwards);
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
        self.act_after(state, afterwards);
        drop(before);
        Ok(id)
    }

    /// Who is subscribed to a topic.
    pub(crate) fn presence(&self, topic: &Topic, after: Option<&str>) -> Presence {
        self.lock().admission.presence_after(topic, after)
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

#[cfg(test)]
mod tests {
    use alloc::{sync::Arc, task::Wake};
    use core::task::{Context, Waker};
    use std::sync::Mutex;

    use sse_server_core::Selector;

    use super::*;
    use crate::{config::Config, hub_task::Read};

    const SECRET: [u8; 16] = [7; 16];

    type Admitted = Result<SubscriberId, Refused<SubscribeError>>;

    /// Resumes by the ticket as soon as it is woken, which is as soon as the lock is released.
    struct Rival {
        shared: Arc<Shared>,
        resume: Resume,
        came: Mutex<Vec<Admitted>>,
    }

    impl Wake for Rival {
        fn wake(self: Arc<Self>) {
            let came = self.shared.admit_by_ticket(&SECRET, self.resume, None, None);
            self.came.lock().expect("nothing panics").push(came);
        }
    }

    /// Reads all that there is, and waits for more.
    fn wait(shared: &Shared, id: SubscriberId, waker: &Waker) {
        let (mut written, mut frames) = (None, Vec::new());
        let cx = Context::from_waker(waker);
        while let Read::Frames(more) = shared.read(id, written, 4096, &mut frames, &cx) {
            written = Some(more);
        }
    }

    #[test]
    fn two_who_resume_by_one_ticket_at_once_are_one_stream_that_a_revocation_finds() {
        let shared = Arc::new(Shared::new(Config::default()));
        let resume = Resume::After(shared.head());
        let ticket = Ticket::new([Selector::new("a").expect("a topic")]).for_user("ann");
        let life = Duration::from_secs(3600);
        shared.issue_ticket(SECRET, ticket, life).expect("there is room");
        let come = |resume| shared.admit_by_ticket(&SECRET, resume, None, None).expect("a ticket");
        let first = come(Resume::Fresh);
        let rival = Arc::new(Rival { shared: shared.clone(), resume, came: Mutex::default() });
        wait(&shared, first, &rival.clone().into());
        // The end of the first wakes the rival, who takes the place of the second.
        let _second = come(resume);
        assert!(matches!(&rival.came.lock().expect("nothing panics")[..], [Ok(_)]));
        {
            let state = shared.lock();
            assert_eq!(state.admitted.len(), 1, "{:?}", state.admitted);
            assert_eq!(state.admission.streams(), 1);
            assert_eq!(state.hub.counters().subscribers, 1);
        }
        assert_eq!(shared.revoke_user("ann"), 1);
        assert_eq!(shared.counters().subscribers, 0);
    }
}
