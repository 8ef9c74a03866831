//! Rates, by GCRA: one time a principal, and nothing to refill.

use core::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use super::Principal;

/// For each principal, when all that it did would be over had it kept to the rate.
#[derive(Debug)]
pub(super) struct Rates {
    /// Between two at the rate, in nanoseconds.
    interval: u64,
    burst: u32,
    max: usize,
    paid: HashMap<Principal, Instant, FixedState>,
}

/// Why something is too much.
#[derive(Debug)]
pub(super) enum TooMuch {
    /// For now: how long to wait.
    Now(Duration),
    /// At once: how much may be.
    AtOnce(u32),
}

impl Rates {
    /// So many a second, and so many at once, for each of `max` principals.
    pub(super) fn new(rate: u32, burst: u32, max: usize, hasher: FixedState) -> Self {
        Self {
            interval: 1_000_000_000 / u64::from(rate.max(1)),
            burst: burst.max(1),
            max: max.max(1),
            paid: HashMap::with_hasher(hasher),
        }
    }

    /// Whether so many are not too much for anybody of these; nothing is noted yet.
    pub(super) fn check<'a>(
        &self,
        principals: impl IntoIterator<Item = &'a Principal>,
        count: u32,
        now: Instant,
    ) -> Result<(), TooMuch> {
        if count > self.burst {
            return Err(TooMuch::AtOnce(self.burst));
        }
        let room = self.time_of(self.burst);
        let ahead = |principal| self.after(principal, count, now) - now;
        match principals.into_iter().map(ahead).max() {
            // At least one, so that nobody is told to try again at once.
            Some(ahead) if ahead > room => {
                Err(TooMuch::Now((ahead - room).max(Duration::from_millis(1))))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Notes so many.
    pub(super) fn note(&mut self, principal: &Principal, count: u32, now: Instant) {
        let after = self.after(principal, count, now);
        match self.paid.get_mut(principal) {
            Some(paid) => *paid = after,
            None => {
                self.make_room(now);
                self.paid.insert(principal.clone(), after);
            }
        }
    }

    fn after(&self, principal: &Principal, count: u32, now: Instant) -> Instant {
        self.paid.get(principal).copied().unwrap_or(now).max(now) + self.time_of(count)
    }

    fn time_of(&self, count: u32) -> Duration {
        Duration::from_nanos(self.interval * u64::from(count))
    }

    /// Forgets who owes nothing; if all do, the half that owes least.
    fn make_room(&mut self, now: Instant) {
        if self.paid.len() < self.max {
            return;
        }
        self.paid.retain(|_, paid| *paid > now);
        if self.paid.len() >= self.max {
            let mut times: alloc::vec::Vec<_> = self.paid.values().copied().collect();
            let middle = times.len() / 2;
            let (_, &mut median, _) = times.select_nth_unstable(middle);
            self.paid.retain(|_, paid| *paid > median);
        }
    }
}
