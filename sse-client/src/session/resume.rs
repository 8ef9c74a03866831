//! What comes for the second time.

use alloc::collections::VecDeque;
use core::hash::BuildHasher;

use foldhash::quality::FixedState;

/// How many ids are remembered. Enough for a server that begins a little too early, at 1 KiB a
/// session that has ids.
const REMEMBERED: usize = 128;

/// The ids of the latest events that had one of their own, hashed: first those of earlier bodies,
/// then those of this body.
#[derive(Debug)]
pub(super) struct Resume {
    hasher: FixedState,
    ids: VecDeque<u64>,
    /// How many of them are of earlier bodies. None is left once this body has had as many as are
    /// remembered, and so comparing costs nothing from then on.
    earlier: usize,
}

impl Resume {
    pub(super) fn new(last_event_id: &str, seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        let stored = (!last_event_id.is_empty()).then(|| hasher.hash_one(last_event_id));
        Self { hasher, ids: stored.into_iter().collect(), earlier: 0 }
    }

    /// Another body begins.
    pub(super) fn begin(&mut self) {
        self.earlier = self.ids.len();
    }

    /// Takes note of an event's own id. Returns whether it came in an earlier body.
    pub(super) fn is_repeat(&mut self, id: &str) -> bool {
        if id.is_empty() {
            return false;
        }
        let id = self.hasher.hash_one(id);
        let is_repeat = self.ids.iter().take(self.earlier).any(|&earlier| earlier == id);
        if self.ids.len() == REMEMBERED {
            self.ids.pop_front();
            self.earlier = self.earlier.saturating_sub(1);
        }
        self.ids.push_back(id);
        is_repeat
    }
}
