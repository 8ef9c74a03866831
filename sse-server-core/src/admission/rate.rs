//! Publish rates, by GCRA: one time a principal, and nothing to refill.

use core::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sse_codec::time::Instant;

use super::{AdmissionConfig, AdmissionError, Principal};

/// For each principal, when all that it published would be over had it kept to the rate.
#[derive(Debug)]
pub(super) struct Rates {
    /// Between two events at the rate, in nanoseconds.
    interval: u64,
    burst: u32,
    max: usize,
    paid: HashMap<Principal, Instant, FixedState>,
}

impl Rates {
    pub(super) fn new(config: &AdmissionConfig, hasher: FixedState) -> Self {
        Self {
            interval: 1_000_000_000 / u64::from(config.publish_rate.max(1)),
            burst: config.publish_burst.max(1),
            max: config.max_rates.max(1),
            paid: HashMap::with_hasher(hasher),
        }
    }

    pub(super) fn take(
        &mut self,
        principal: &Principal,
        events: u32,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        if events > self.burst {
            return Err(AdmissionError::BurstTooLarge { count: events, max: self.burst });
        }
        let time_of = |events: u32| Duration::from_nanos(self.interval * u64::from(events));
        let before = self.paid.get(principal).copied().unwrap_or(now).max(now);
        let after = before + time_of(events);
        let (ahead, room) = (after - now, time_of(self.burst));
        if ahead > room {
            // At least one, so that nobody is told to try again at once.
            let wait = (ahead - room).max(Duration::from_millis(1));
            return Err(AdmissionError::TooFast { wait });
        }
        match self.paid.get_mut(principal) {
            Some(paid) => *paid = after,
            None => {
                self.make_room(now);
                self.paid.insert(principal.clone(), after);
            }
        }
        Ok(())
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
