//! How much a compressed stream may expand to.

use core::time::Duration;

use sse_codec::time::Instant;

/// What a compressed stream may expand to, before it is taken for a bomb and cut off: see
/// [`Builder::expansion`](super::Builder::expansion).
///
/// For each byte that came over the wire it may say [`ratio`](Self::ratio) bytes, and beyond that it has
/// [`free_bytes`](Self::free_bytes), which grow back evenly, from none to all within 10 s. There is no
/// limit on a stream's whole length: however long it stays open, only what it says in little at once counts,
/// and what was saved up by saying little is never more than the free bytes.
///
/// | a stream of | decodes to | |
/// |---|---|---|
/// | equal events of 100 bytes, each flushed | 11 for 1 | never cut |
/// | equal events of 30 KiB, each flushed | 125 for 1 | never cut |
/// | events of 30 KiB with nothing but `0,0,0,…` in them, each flushed | 560 for 1 | cut beyond 100 a second, or 1000 at once |
/// | zeros and no flush, a bomb | 1030 for 1 | cut after 21 MiB |
///
/// What it may say is given out first, to the byte; then the stream is over, with a failure of the kind
/// [`Expansion`](crate::session::FailureKind::Expansion), after which no policy tries again.
///
/// ```no_run
/// use sse_client::{EventSource, Expansion};
///
/// # fn main() -> Result<(), sse_client::BuildError> {
/// // A board of 200 KiB that is mostly zeros, sent whole 50 times a second.
/// let board = Expansion::default().free_bytes(256 << 20);
/// let source = EventSource::builder("https://example.org/board").expansion(Some(board)).open()?;
/// # Ok(())
/// # }
/// ```
///
/// With the feature `gzip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Expansion {
    ratio: u32,
    free_bytes: u64,
}

impl Default for Expansion {
    /// 250 bytes for one, and 16 MiB: four of the largest events that the default limits let pass.
    fn default() -> Self {
        Self { ratio: 250, free_bytes: 16 << 20 }
    }
}

impl Expansion {
    /// How many bytes a byte that came over the wire may stand for, however often. Default: 250, twice of what
    /// events reach that repeat each other word for word. Gzip allows 1032 at most.
    pub const fn ratio(mut self, bytes: u32) -> Self {
        self.ratio = bytes;
        self
    }

    /// How many bytes may come at any ratio; they grow back, from none to all within 10 s. Default: 16 MiB.
    /// More than an event may have, or a single one can be too much. Fewer than 64 KiB count as so many: twice
    /// what gzip remembers, within which no stream is even.
    pub const fn free_bytes(mut self, bytes: u64) -> Self {
        self.free_bytes = if bytes < LEAST_FREE { LEAST_FREE } else { bytes };
        self
    }
}

const LEAST_FREE: u64 = 64 << 10;

/// How long it takes until all free bytes have grown back.
const REGROWTH: Duration = Duration::from_secs(10);

/// What a stream may still expand to.
#[derive(Debug)]
pub(super) struct Allowance {
    /// `None`: anything.
    limits: Option<Expansion>,
    free: u64,
    at: Instant,
    wire: u64,
    decoded: u64,
}

impl Allowance {
    pub(super) fn new(limits: Option<Expansion>, now: Instant) -> Self {
        let free = limits.map_or(0, |limits| limits.free_bytes);
        Self { limits, free, at: now, wire: 0, decoded: 0 }
    }

    /// Lets the free bytes grow back.
    pub(super) fn regrow(&mut self, now: Instant) {
        let Some(Expansion { free_bytes, .. }) = self.limits else { return };
        let elapsed = now - self.at;
        if elapsed >= REGROWTH {
            (self.free, self.at) = (free_bytes, now);
            return;
        }
        let grown = u128::from(free_bytes) * elapsed.as_nanos() / REGROWTH.as_nanos();
        // What was too short a time for a whole byte counts the next time.
        let counted = (grown * REGROWTH.as_nanos()).div_ceil(free_bytes.into());
        self.free = self.free.saturating_add(grown as u64).min(free_bytes);
        self.at = self.at + Duration::from_nanos(counted as u64);
    }

    /// Counts bytes that came, and what they were decoded to.
    ///
    /// # Errors
    /// The sentence's middle: by what it is too much.
    pub(super) fn spend(&mut self, wire: usize, decoded: usize) -> Result<(), Excess> {
        let (wire, decoded) = (wire as u64, decoded as u64);
        self.wire += wire;
        self.decoded += decoded;
        let Some(limits) = self.limits else { return Ok(()) };
        let paid = wire.saturating_mul(limits.ratio.into());
        let allowed = self.free.saturating_add(paid);
        match allowed.checked_sub(decoded) {
            // What is saved up by saying little is no more than what all begin with.
            Some(left) => {
                self.free = left.min(limits.free_bytes);
                Ok(())
            }
            None => {
                // Less than what was decoded, which has a length.
                let allowed = usize::try_from(allowed).unwrap_or(0);
                Err(Excess { limits, allowed, wire: self.wire, decoded: self.decoded })
            }
        }
    }
}

/// A stream expands to more than it may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excess {
    pub(super) limits: Expansion,
    /// How many of the bytes that were just decoded it may.
    pub(super) allowed: usize,
    /// What came of the body so far.
    pub(super) wire: u64,
    /// What that was decoded to.
    pub(super) decoded: u64,
}

impl core::fmt::Display for Excess {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { limits: Expansion { ratio, free_bytes }, wire, decoded, .. } = self;
        write!(
            f,
            "{wire} bytes became {decoded}, where {ratio} for one are allowed and {free_bytes} beyond that"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn allowance() -> Allowance {
        Allowance::new(Some(Expansion::default()), Instant::ORIGIN)
    }

    #[test]
    fn what_keeps_to_the_ratio_may_go_on_for_ever() {
        let mut allowance = allowance();
        for _ in 0..1_000_000 {
            allowance.spend(100, 25_000).unwrap();
        }
        assert_eq!(allowance.free, 16 * MIB);
    }

    #[test]
    fn what_is_saved_up_is_no_more_than_the_free_bytes() {
        let mut allowance = allowance();
        allowance.spend(1 << 30, 1 << 30).unwrap();
        allowance.spend(0, 16 << 20).unwrap();
        allowance.spend(0, 1).unwrap_err();
    }

    #[test]
    fn free_bytes_grow_back_within_ten_seconds() {
        let mut allowance = allowance();
        allowance.spend(0, 16 << 20).unwrap();
        allowance.regrow(Instant::ORIGIN + Duration::from_secs(5));
        assert_eq!(allowance.free, 8 * MIB);
        allowance.regrow(Instant::ORIGIN + Duration::from_secs(60));
        assert_eq!(allowance.free, 16 * MIB);
    }

    #[test]
    fn they_grow_back_as_fast_however_often_that_is_looked_at() {
        for free_bytes in [0, 123_457, 16 << 20, u64::MAX] {
            let limits = Expansion::default().free_bytes(free_bytes);
            let mut allowance = Allowance::new(Some(limits), Instant::ORIGIN);
            allowance.free = 0;
            let mut now = Instant::ORIGIN;
            // The time of a byte, or less.
            for _ in 0..50_000 {
                now = now + Duration::from_micros(100);
                allowance.regrow(now);
            }
            let half = limits.free_bytes / 2;
            let missing = half.checked_sub(allowance.free).unwrap();
            assert!(missing <= half / 1000, "{missing} of {half}");
        }
    }

    #[test]
    fn an_excess_says_what_was_and_what_may_be() {
        let mut allowance = Allowance::new(
            Some(Expansion::default().ratio(10).free_bytes(100_000)),
            Instant::ORIGIN,
        );
        allowance.spend(5, 100_050).unwrap();
        let excess = allowance.spend(1, 11).unwrap_err();
        assert_eq!(excess.allowed, 10);
        let expected = "6 bytes became 100061, where 10 for one are allowed and 100000 beyond that";
        assert_eq!(alloc::string::ToString::to_string(&excess), expected);
    }

    #[test]
    fn no_limits_are_no_limits() {
        let mut allowance = Allowance::new(None, Instant::ORIGIN);
        allowance.regrow(Instant::ORIGIN + Duration::MAX);
        allowance.spend(0, usize::MAX).unwrap();
        let widest = Expansion::default().ratio(u32::MAX).free_bytes(u64::MAX);
        let mut allowance = Allowance::new(Some(widest), Instant::ORIGIN);
        allowance.regrow(Instant::ORIGIN + Duration::MAX);
        allowance.spend(1, usize::MAX).unwrap();
    }
}
