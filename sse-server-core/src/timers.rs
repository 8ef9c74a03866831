//! One wheel for all the timers of a hub.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use sse_codec::time::Instant;

/// A hierarchical timing wheel: arming, disarming and expiring cost the same however many timers
/// there are, and time that passes costs nothing.
///
/// Each key has one timer. Eight levels of 64 slots of 16 ms reach further than time does. A timer
/// stands on the level of the highest digit (in base 64) in which its tick differs from the
/// wheel's, and falls to a lower level when the wheel reaches its slot. So on every level the
/// occupied slots lie after the wheel's own, and the first slot of the lowest occupied level is
/// the next to come.
#[derive(Debug)]
pub(crate) struct Wheel {
    tick: u64,
    occupied: [u64; LEVELS],
    heads: Vec<u32>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    prev: u32,
    next: u32,
    /// [`IDLE`] while not armed.
    at: u64,
}

const LEVELS: usize = 8;
const SLOTS: usize = 64;
const TICK: u64 = 16;
const MAX_TICK: u64 = (1 << (6 * LEVELS)) - 1;
const NONE: u32 = u32::MAX;
const IDLE: u64 = u64::MAX;

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            tick: 0,
            occupied: [0; LEVELS],
            heads: vec![NONE; LEVELS * SLOTS],
            nodes: Vec::new(),
        }
    }

    /// Arms the timer of `key`, in the place of what it was armed for.
    pub(crate) fn arm(&mut self, key: u32, at: Instant) {
        self.disarm(key);
        let index = key as usize;
        if index >= self.nodes.len() {
            self.nodes.resize(index + 1, Node { prev: NONE, next: NONE, at: IDLE });
        }
        // Rounded up: a timer may be late by a tick, never early.
        self.insert(key, millis(at).div_ceil(TICK).clamp(self.tick, MAX_TICK));
    }

    /// Whether the timer is armed for later than `at`, or not at all.
    pub(crate) fn is_later(&self, key: u32, at: Instant) -> bool {
        self.nodes.get(key as usize).is_none_or(|node| node.at > millis(at).div_ceil(TICK))
    }

    pub(crate) fn disarm(&mut self, key: u32) {
        let Some(&Node { prev, next, at }) = self.nodes.get(key as usize) else { return };
        if at == IDLE {
            return;
        }
        if next != NONE {
            self.nodes[next as usize].prev = prev;
        }
        if prev != NONE {
            self.nodes[prev as usize].next = next;
        } else {
            // The wheel's tick moves only past empty slots, so the level is what it was.
            let (level, slot) = self.place(at);
            self.heads[level * SLOTS + slot] = next;
            if next == NONE {
                self.occupied[level] &= !(1 << slot);
            }
        }
        self.nodes[key as usize].at = IDLE;
    }

    /// Takes out one timer that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let now = millis(now) / TICK;
        loop {
            let (level, slot, starts) = self.next_slot().filter(|&(_, _, at)| at <= now)?;
            self.tick = self.tick.max(starts);
            let key = self.heads[level * SLOTS + slot];
            if level == 0 {
                self.disarm(key);
                return Some(key);
            }
            self.heads[level * SLOTS + slot] = NONE;
            self.occupied[level] &= !(1 << slot);
            let mut falling = key;
            while falling != NONE {
                let Node { next, at, .. } = self.nodes[falling as usize];
                self.insert(falling, at);
                falling = next;
            }
        }
    }

    /// When to call [`pop_due`](Self::pop_due): no later than the first timer.
    pub(crate) fn next(&self) -> Option<Instant> {
        let (_, _, starts) = self.next_slot()?;
        Some(Instant::from_origin(Duration::from_millis(starts.saturating_mul(TICK))))
    }

    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = 6 * level;
        let above = self.tick >> (shift + 6) << (shift + 6);
        Some((level, slot, above | (slot as u64) << shift))
    }

    fn insert(&mut self, key: u32, at: u64) {
        let (level, slot) = self.place(at);
        let head = core::mem::replace(&mut self.heads[level * SLOTS + slot], key);
        if head != NONE {
            self.nodes[head as usize].prev = key;
        }
        self.nodes[key as usize] = Node { prev: NONE, next: head, at };
        self.occupied[level] |= 1 << slot;
    }

    fn place(&self, at: u64) -> (usize, usize) {
        let differs = (at ^ self.tick) | 1;
        let level = (63 - differs.leading_zeros() as usize) / 6;
        (level, (at >> (6 * level)) as usize & (SLOTS - 1))
    }
}

pub(crate) fn millis(at: Instant) -> u64 {
    u64::try_from(at.since_origin().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The twin: a map from key to time.
        #[test]
        fn timers_come_when_they_are_due_and_only_then(
            steps in prop::collection::vec((0u32..20, 0u64..400_000, 0u64..50_000, any::<bool>()), 1..200),
        ) {
            let (mut wheel, mut twin) = (Wheel::new(), BTreeMap::new());
            let mut now = 0u64;
            for (key, after, passes, arms) in steps {
                let ms = |ms| Instant::from_origin(Duration::from_millis(ms));
                if arms {
                    wheel.arm(key, ms(now + after));
                    twin.insert(key, now + after);
                } else {
                    wheel.disarm(key);
                    twin.remove(&key);
                }
                if let Some(&first) = twin.values().min() {
                    let next = wheel.next().unwrap();
                    prop_assert!(next < ms(first + TICK), "asks to be called in time");
                } else {
                    prop_assert_eq!(wheel.next(), None);
                }
                now += passes;
                while let Some(key) = wheel.pop_due(ms(now)) {
                    let at = twin.remove(&key).expect("armed");
                    prop_assert!(at <= now, "not early");
                }
                prop_assert!(twin.values().all(|&at| at + TICK > now), "not late by more than a tick");
            }
        }
    }

    #[test]
    fn a_timer_after_years_is_found() {
        let mut wheel = Wheel::new();
        let far = Instant::from_origin(Duration::from_secs(100 * 365 * 86_400));
        wheel.arm(7, far);
        wheel.arm(8, Instant::from_origin(Duration::MAX));
        assert_eq!(wheel.pop_due(far + Duration::from_millis(TICK)), Some(7));
        assert_eq!(wheel.pop_due(far + Duration::from_millis(TICK)), None);
    }
}
