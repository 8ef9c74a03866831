//! How much a compressed stream may expand to.

use core::time::Duration;

use tokio::time::Instant;

/// How much a compressed stream may expand to, before it is taken for a bomb and cut off.
///
/// For each byte that came over the wire it may say [`ratio`](Self::ratio) bytes, and beyond that it has
/// [`free_bytes`](Self::free_bytes), which grow back evenly, from none to all within 10 s. There is no limit on a
/// stream's whole length: however long it stays open, only what it says in little at once counts, and what was saved
/// up by saying little is never more than the free bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The most decoded bytes for a byte that came over the wire. Text of heartbeats and JSON reaches
    /// some tens.
    pub ratio: u64,
    /// How many bytes may come at any ratio.
    pub free_bytes: u64,
}

impl Default for Expansion {
    fn default() -> Self {
        Self { ratio: 250, free_bytes: 16 << 20 }
    }
}

/// How long it takes until all free bytes have grown back.
const REGROWTH: Duration = Duration::from_secs(10);

/// What a stream may still expand to.
#[derive(Debug)]
pub(super) struct Allowance {
    limits: Expansion,
    free: u64,
    /// When what has grown back was last added.
    at: Instant,
}

impl Allowance {
    pub(super) const fn new(limits: Expansion, now: Instant) -> Self {
        Self { limits, free: limits.free_bytes, at: now }
    }

    /// Lets the free bytes grow back.
    pub(super) fn regrow(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).min(REGROWTH);
        let all = self.limits.free_bytes;
        // Within those ten seconds it is no more than all.
        let grown = (u128::from(all) * elapsed.as_nanos() / REGROWTH.as_nanos()) as u64;
        // A time too short for a byte counts with the next.
        if grown > 0 {
            self.free = self.free.saturating_add(grown).min(all);
            self.at = now;
        }
    }

    /// Counts bytes that came, and what they were decoded to. Whether that is not too much.
    pub(super) fn spend(&mut self, wire: usize, decoded: usize) -> bool {
        let paid = (wire as u64).saturating_mul(self.limits.ratio);
        let left = self.free.saturating_add(paid).checked_sub(decoded as u64);
        // What is saved up by saying little is no more than what all begin with.
        self.free = left.unwrap_or(0).min(self.limits.free_bytes);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_keeps_to_the_ratio_may_go_on_for_ever() {
        let mut allowance = Allowance::new(Expansion::default(), Instant::now());
        // 100 TiB.
        for _ in 0..1_000_000 {
            assert!(allowance.spend(400_000, 100_000_000));
        }
        assert_eq!(allowance.free, 16 * MIB);
    }

    #[test]
    fn what_is_saved_up_is_no_more_than_the_free_bytes() {
        let mut allowance = Allowance::new(Expansion::default(), Instant::now());
        assert!(allowance.spend(1 << 30, 1 << 30));
        assert!(allowance.spend(0, 16 << 20));
        assert!(!allowance.spend(0, 1));
    }

    #[test]
    fn free_bytes_grow_back_within_ten_seconds_however_often_that_is_looked_at() {
        let began = Instant::now();
        let mut allowance = Allowance::new(Expansion::default(), began);
        assert!(allowance.spend(0, 16 << 20));
        let seconds = |n| began + Duration::from_secs(n);
        allowance.regrow(seconds(5));
        assert_eq!(allowance.free, 8 * MIB);
        allowance.regrow(seconds(4));
        assert_eq!(allowance.free, 8 * MIB, "a clock that went back gives nothing");
        allowance.regrow(seconds(60));
        assert_eq!(allowance.free, 16 * MIB);
        assert!(allowance.spend(0, 16 << 20));
        for n in 1..=100_000 {
            allowance.regrow(seconds(60) + Duration::from_micros(50 * n));
        }
        let missing = 8 * MIB - allowance.free;
        assert!(missing <= 100_000, "{missing}: less than a byte each time");
    }
}
