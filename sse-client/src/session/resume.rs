//! What comes for the second time.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use core::hash::BuildHasher;

use foldhash::quality::FixedState;

/// How many ids are remembered of earlier bodies, and as many of this one. Enough for a server that begins
/// a little too early, at 2 KiB a session that has ids.
const REMEMBERED: usize = 128;

/// The bits of a hash that give way to the age of what is remembered.
const AGE: u64 = REMEMBERED as u64 - 1;

/// The ids of the latest events that had one of their own, hashed.
#[derive(Debug)]
pub(super) struct Resume {
    hasher: FixedState,
    /// Those of earlier bodies, sorted, each with its place among them (0 is the oldest) in its lowest bits.
    /// They last as long as the body: what comes again may come after much else that does.
    earlier: Box<[u64]>,
    /// Those of this body, the oldest first.
    ids: VecDeque<u64>,
}

impl Resume {
    pub(super) fn new(last_event_id: &str, seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        let stored = (!last_event_id.is_empty()).then(|| hasher.hash_one(last_event_id));
        Self { hasher, earlier: Box::default(), ids: stored.into_iter().collect() }
    }

    /// Another body begins.
    pub(super) fn begin(&mut self) {
        let mut latest = self.earlier.to_vec();
        latest.sort_unstable_by_key(|earlier| earlier & AGE);
        latest.extend(self.ids.drain(..));
        let forgotten = latest.len().saturating_sub(REMEMBERED);
        let aged = latest.drain(forgotten..).zip(0..).map(|(id, age)| id & !AGE | age);
        let mut aged: Vec<_> = aged.collect();
        aged.sort_unstable();
        self.earlier = aged.into();
    }

    /// Takes note of an event's own id. Returns whether it came in an earlier body.
    pub(super) fn is_repeat(&mut self, id: &str) -> bool {
        if id.is_empty() {
            return false;
        }
        let id = self.hasher.hash_one(id);
        let place = self.earlier.partition_point(|&earlier| earlier < id & !AGE);
        let is_repeat = self.earlier.get(place).is_some_and(|earlier| earlier & !AGE == id & !AGE);
        if self.ids.len() == REMEMBERED {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
        is_repeat
    }
}
