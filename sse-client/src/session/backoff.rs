//! How long to wait.

use core::time::Duration;

use super::policy::RetryPolicy;

/// What a stream's word on its reconnection time comes to at least. A server that says 0 and ends each
/// answer would be asked a thousand times a second.
const LEAST_ASKED: Duration = Duration::from_millis(100);

/// Counts failures in a row, remembers the stream's reconnection time, and draws the jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    random: SplitMix64,
    failures: u32,
    /// What the stream said. It holds for the session, not for the attempt.
    asked: Option<Duration>,
}

impl Backoff {
    pub(super) const fn new(seed: u64) -> Self {
        Self { random: SplitMix64(seed), failures: 0, asked: None }
    }

    /// The stream's `retry` field.
    pub(super) fn ask(&mut self, reconnection_time: Duration) {
        self.asked = Some(reconnection_time);
    }

    /// A stream stayed open long enough to forget what was before it.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// One more failure; returns how many there are in a row.
    pub(super) fn fail(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// The wait before the next attempt: what was asked for, plus full jitter.
    ///
    /// "Wait a delay equal to the reconnection time of the event source. Optionally, wait some
    /// more." (WHATWG HTML §9.2.3.) What a server asks for is thus a floor, which keeps a storm of
    /// clients away from it for as long as it wants, and the jitter above it spreads them.
    pub(super) fn wait(&mut self, policy: &RetryPolicy, retry_after: Option<Duration>) -> Duration {
        let bound = policy.longest_asked_wait.unwrap_or(Duration::MAX);
        let asked = self.asked.map(|time| time.max(LEAST_ASKED).min(bound));
        let reconnection_time = asked.unwrap_or(policy.reconnection_time);
        let floor = reconnection_time.max(retry_after.unwrap_or_default().min(bound));
        let Some(growth) = policy.growth else { return floor };
        // 2^32 of anything worth waiting for is past any cap.
        let doublings = self.failures.saturating_sub(1).min(32);
        let most = growth.first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
        floor.saturating_add(self.random.up_to(most.min(growth.cap)))
    }
}

/// Sebastiano Vigna's splitmix64: jitter needs spread, not secrecy.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from nothing to `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let scaled = (u128::from(self.next()) * (u128::from(nanos) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}
