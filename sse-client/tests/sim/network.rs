//! Connections: bytes in order after a while, cut at any place, or lost without a word.

use alloc::collections::VecDeque;

use bytes::Bytes;
use sse_client::session::Attempt;
use sse_codec::time::Instant;
use sse_server_core::SubscriberId;

/// How many bytes are under way or unread before the server's writes block.
pub(crate) const WINDOW: usize = 600;

/// One request and its response.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) client: usize,
    pub(crate) attempt: Attempt,
    pub(crate) subscriber: Option<SubscriberId>,
    /// What has arrived at the client and is not read yet.
    pub(crate) inbox: VecDeque<Arrival>,
    /// Bytes written by the server and not read by the client.
    pub(crate) unread: usize,
    /// Nothing arrives before what was sent before it.
    pub(crate) latest: Instant,
    pub(crate) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Works,
    /// Bytes vanish, and neither end is told.
    HalfOpen,
    /// What is still under way never arrives.
    Cut,
}

/// What a client finds at its end of a wire.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    Head {
        status: u16,
        retry_after: Option<u64>,
    },
    Bytes(Bytes),
    /// The body's proper end.
    End,
    /// A reset, or a refusal.
    Broken,
}

impl Wire {
    pub(crate) fn new(client: usize, attempt: Attempt, now: Instant) -> Self {
        Self {
            client,
            attempt,
            subscriber: None,
            inbox: VecDeque::new(),
            unread: 0,
            latest: now,
            state: State::Works,
        }
    }
}
