//! When something arrived, by two clocks.

use core::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use std::time::{Instant, SystemTime};

/// Both clocks are read a moment apart, and cut to microseconds each by itself: so far they may seem to come apart.
const SLACK_MICROS: u64 = 5;

/// Reads the wall clock, for people, and a clock that never jumps, for distances.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// What the wall clock showed at the origin, by what it showed last.
    wall: AtomicI64,
}

/// One reading of both, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) unix_micros: u64,
    pub(crate) elapsed_micros: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now(), wall: AtomicI64::new(0) }
    }

    pub(crate) fn now(&self) -> Moment {
        let before = micros(self.origin.elapsed());
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let after = micros(self.origin.elapsed());
        let known = self.wall.load(Ordering::Relaxed);
        let origin = origin(known, micros(wall), before, after);
        self.wall.store(origin, Ordering::Relaxed);
        Moment { unix_micros: before.saturating_add_signed(origin), elapsed_micros: before }
    }
}

/// What the wall clock showed at the origin, of which this is known, if it shows `wall` between these times since. The
/// same as long as it has not jumped or drifted, so that of two rows of one read the later is shown no earlier time.
fn origin(known: i64, wall: u64, before: u64, after: u64) -> i64 {
    let found = wall.cast_signed().saturating_sub(before.cast_signed());
    let slack = SLACK_MICROS + (after - before);
    if found.abs_diff(known) <= slack { known } else { found }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_stay_together_until_one_jumps() {
        // Cut to microseconds they come apart by one.
        assert_eq!(origin(1_000, 1_051, 50, 50), 1_000);
        assert_eq!(origin(1_000, 1_049, 50, 50), 1_000);
        // Something else ran between the readings.
        assert_eq!(origin(1_000, 1_900, 50, 950), 1_000);
        assert_eq!(origin(1_000, 9_050, 50, 51), 9_000);
        assert_eq!(origin(1_000, 50, 50, 51), 0);
        let clock = Clock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(second.elapsed_micros >= first.elapsed_micros);
        assert!(first.unix_micros > 1_700_000_000_000_000, "{first:?}");
    }
}
