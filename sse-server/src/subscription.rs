//! One open stream of encoded events.

use alloc::sync::Arc;
use core::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use sse_server_core::{CloseReason, Place, SubscriberId, Written};

use crate::hub_task::{Read, Shared};

/// How much one chunk carries, about: enough to make many small events one write, and little
/// enough that a stalled reader holds nothing worth mentioning.
const CHUNK: usize = 16 << 10;

/// A stream of encoded events, for a response of whatever server.
///
/// Chunks hold whole blocks, but for blocks of more than 32 KiB. That a chunk is asked for says that the one before was written: so
/// the hub sees who does not read. The stream ends when the hub ends it in peace, and fails with
/// [`Cut`] if it cut the subscriber, which is the server's cue to reset the connection.
#[derive(Debug)]
#[must_use = "a subscription that is dropped is over"]
pub struct Subscription {
    shared: Arc<Shared>,
    id: SubscriberId,
    unconfirmed: Option<Written>,
    over: bool,
    /// Of a block that is larger than a chunk: what has not been given out.
    rest: Bytes,
}

impl Subscription {
    pub(crate) const fn new(shared: Arc<Shared>, id: SubscriberId) -> Self {
        Self { shared, id, unconfirmed: None, over: false, rest: Bytes::new() }
    }

    /// Says that what it gave last was written, where nothing more is asked for.
    pub(crate) fn confirm(&mut self) {
        if let Some(written) = self.unconfirmed.take() {
            self.shared.confirm(self.id, written);
        }
    }

    /// By what it resumes if it ends now.
    pub(crate) fn place(&self) -> Option<Place> {
        self.shared.place(self.id)
    }

    /// Says that its reader was told of the `reset` of that place.
    pub(crate) fn reset_told(&self) {
        self.shared.reset_told(self.id);
    }

    /// A large block goes out in pieces, since whoever writes it may copy what it holds.
    fn piece(&mut self) -> Bytes {
        self.rest.split_to(self.rest.len().min(2 * CHUNK))
    }
}

thread_local! {
    /// Room for the frames of a chunk: one of each subscription would be one more place in memory
    /// to reach for with every event.
    static FRAMES: Cell<Vec<Bytes>> = const { Cell::new(Vec::new()) };
}

/// Takes these frames as one piece.
fn joined(frames: &mut Vec<Bytes>) -> Bytes {
    if frames.len() == 1 {
        return frames.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    for frame in frames.drain(..) {
        whole.extend_from_slice(&frame);
    }
    whole.freeze()
}

impl Stream for Subscription {
    type Item = Result<Bytes, Cut>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        if !this.rest.is_empty() {
            // That more is asked for says that it reads.
            this.shared.progress(this.id);
            return Poll::Ready(Some(Ok(this.piece())));
        }
        let unconfirmed = this.unconfirmed.take();
        let mut frames = FRAMES.take();
        let read = this.shared.read(this.id, unconfirmed, CHUNK, &mut frames, cx);
        if let Read::Frames(_) = read {
            this.rest = joined(&mut frames);
        }
        FRAMES.set(frames);
        match read {
            Read::Frames(written) => {
                this.unconfirmed = Some(written);
                Poll::Ready(Some(Ok(this.piece())))
            }
            Read::Nothing => Poll::Pending,
            Read::Ended(reason) => {
                this.over = true;
                let cut = reason == CloseReason::Slow;
                Poll::Ready(cut.then_some(Err(Cut)))
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if !self.over {
            self.shared.disconnect(self.id);
        }
    }
}

/// The subscriber did not keep up, so the hub cut it. It resumes by its last event ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber did not keep up and was cut; it can resume by its last event ID")]
#[non_exhaustive]
pub struct Cut;

#[cfg(test)]
mod tests {
    use core::sync::atomic::Ordering;

    use futures_util::{FutureExt as _, StreamExt as _};
    use sse_server_core::{Publish, Subscribe, Topic};

    use super::*;
    use crate::config::Config;

    #[test]
    fn one_who_takes_a_large_event_piece_by_piece_is_not_cut_and_one_who_stops_is() {
        let shared = Arc::new(Shared::new(Config::default()));
        let topic = Topic::new("a").expect("a topic");
        let id = shared.subscribe(Subscribe::new([topic.clone()])).expect("there is room");
        let mut stream = Subscription::new(shared.clone(), id);
        let event = Publish::new([topic], "x".repeat(250_000));
        assert!(shared.publish_all(vec![event], None).is_ok());
        let mut next = |seconds| {
            shared.ahead.fetch_add(seconds, Ordering::Relaxed);
            let chunk = stream.next().now_or_never().expect("there is something");
            shared.tick();
            chunk
        };
        // Each half of what may pass without progress.
        for _ in 0..6 {
            assert!(matches!(next(15), Some(Ok(_))));
        }
        assert_eq!(shared.counters().cut_for_stall, 0);
        shared.ahead.fetch_add(31, Ordering::Relaxed);
        shared.tick();
        assert_eq!(shared.counters().cut_for_stall, 1);
    }
}
