//! When something arrived, by two clocks.

use std::time::{Instant, SystemTime};

/// Reads the wall clock, for people, and a clock that never jumps, for distances.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

/// One reading of both, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) unix_micros: u64,
    pub(crate) elapsed_micros: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Moment {
            unix_micros: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
            elapsed_micros: u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}
