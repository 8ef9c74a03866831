//! What is published, and who is told how it went.

use sse_server_core::{AdmissionError, Principal, Publish, PublishError};
use tokio::sync::oneshot;

use super::{Answer, Awaited, Refused, Shared};

impl Shared {
    pub(crate) fn publish(&self, event: Publish, answer: Answer) {
        let mut state = self.lock();
        match state.hub.publish(event, self.now()) {
            Ok(id) => {
                state.answers.insert(id, answer);
            }
            Err(refusal) => {
                drop(state);
                // Whoever does not await the answer does not want it.
                let _ = answer.send(Err(refusal));
                return;
            }
        }
        self.act(state);
    }

    /// Publishes all of these events or none, on behalf of somebody. A refusal says which of them is
    /// to blame, if it is one alone.
    pub(crate) fn publish_all(
        &self,
        events: Vec<Publish>,
        principal: Option<&Principal>,
    ) -> Result<Vec<Awaited>, (Option<usize>, Refused<PublishError>)> {
        let mut state = self.lock();
        let now = self.now();
        for (n, event) in events.iter().enumerate() {
            let checked = state.hub.check_publish(event);
            let checked =
                checked.and_then(|()| state.store.check(event, now).map_err(PublishError::Store));
            checked.map_err(|error| (Some(n), Refused::Hub(error)))?;
        }
        if !state.hub.has_room(&events) {
            return Err((None, Refused::Hub(PublishError::Busy)));
        }
        if let Some(principal) = principal {
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            let admitted = state.admission.publish(principal, count, now);
            admitted.map_err(|error| (None, Refused::Admission(error)))?;
        }
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            let (sender, answer) = oneshot::channel();
            match state.hub.publish(event, now) {
                Ok(id) => {
                    state.answers.insert(id, sender);
                }
                Err(refusal) => {
                    let _ = sender.send(Err(refusal));
                }
            }
            answers.push(answer);
        }
        self.act(state);
        Ok(answers)
    }

    /// Counts a ticket, which costs as much as so many events, or as all that may be published at
    /// once, to the rate of whoever asks for it.
    pub(crate) fn charge_ticket(
        &self,
        principal: &Principal,
        events: u32,
    ) -> Result<(), AdmissionError> {
        let mut state = self.lock();
        let now = self.now();
        let most = state.admission.config().publish_burst;
        state.admission.charge_ticket(principal, events.min(most), now)
    }
}
