//! What a stream reads.

use core::task::Context;

use bytes::Bytes;
use sse_server_core::{CloseReason, Place, SubscriberId, Written};

use super::Shared;

/// How a poll of a subscriber went.
pub(crate) enum Read {
    /// Something to write; to be confirmed at the next poll.
    Frames(Written),
    /// Nothing yet; the waker will be woken.
    Nothing,
    /// The hub has ended the response.
    Ended(CloseReason),
}

impl Shared {
    /// Confirms what was read before, and reads on.
    pub(crate) fn read(
        &self,
        id: SubscriberId,
        written: Option<Written>,
        max_bytes: usize,
        frames: &mut Vec<Bytes>,
        cx: &Context<'_>,
    ) -> Read {
        let mut state = self.lock();
        if let Some(written) = written {
            state.hub.handle_written(id, written, self.now());
        }
        // Most of the time nobody has ended, and looking that up costs more than knowing it.
        let ended = if state.ended.is_empty() { None } else { state.ended.remove(&id) };
        if let Some(reason) = ended {
            self.act(state);
            return Read::Ended(reason);
        }
        let mut old_waker = None;
        let read = match state.hub.next_frames(id, max_bytes, frames) {
            Some(written) => Read::Frames(written),
            None => {
                let waker = &mut state.readers[id.index()].waker;
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    old_waker = waker.replace(cx.waker().clone());
                }
                Read::Nothing
            }
        };
        // As it is after all but a few of very many reads.
        if state.hub.is_quiet() {
            drop(state);
        } else {
            self.act(state);
        }
        // Dropping the last waker of a task drops the task, which may hold a stream of this hub.
        drop(old_waker);
        read
    }

    /// Says that a part of what was read last was written.
    pub(crate) fn progress(&self, id: SubscriberId) {
        let mut state = self.lock();
        let now = self.now();
        state.hub.handle_progress(id, now);
    }

    /// Confirms what was read last.
    pub(crate) fn confirm(&self, id: SubscriberId, written: Written) {
        let mut state = self.lock();
        state.hub.handle_written(id, written, self.now());
        self.act(state);
    }

    pub(crate) fn disconnect(&self, id: SubscriberId) {
        // In a destructor, which may itself run for a panic.
        let Ok(mut state) = self.state.lock() else { return };
        let ended = state.ended.remove(&id).is_some();
        state.hub.handle_disconnect(id);
        // The slot of one that the hub ended may have another reader by now.
        let before = (!ended).then(|| core::mem::take(&mut state.readers[id.index()]));
        if let Some(pass) = before.as_ref().and_then(|before| before.pass) {
            let now = self.now();
            state.admitted.remove(&pass);
            state.admission.release(pass, now);
        }
        self.act(state);
        drop(before);
    }

    /// By what a subscriber resumes if it goes now.
    pub(crate) fn place(&self, id: SubscriberId) -> Option<Place> {
        self.lock().hub.place(id)
    }

    /// Says that a subscriber was told of a `reset` with its place.
    pub(crate) fn reset_told(&self, id: SubscriberId) {
        self.lock().hub.handle_reset_told(id);
    }
}
