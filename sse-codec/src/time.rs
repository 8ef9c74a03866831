//! Monotonic time that somebody else measures.

use core::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A point in monotonic time: a [`Duration`] since an origin that the driver picks.
///
/// The cores read no clock. Their driver reads one and passes the result in, so that a core runs
/// without an operating system, replays exactly, and is tested in virtual time.
///
/// ```
/// use core::time::Duration;
/// use sse_codec::time::Instant;
///
/// let now = Instant::from_origin(Duration::from_secs(3));
/// let later = now + Duration::from_millis(500);
/// assert_eq!(later - now, Duration::from_millis(500));
/// assert_eq!(now - later, Duration::ZERO); // never negative, never a panic
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The origin itself.
    ///
    /// ```
    /// use sse_codec::time::Instant;
    ///
    /// assert_eq!(Instant::ORIGIN, Instant::from_origin(core::time::Duration::ZERO));
    /// ```
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// The instant that lies `elapsed` after the origin.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_codec::time::Instant;
    ///
    /// assert!(Instant::from_origin(Duration::from_secs(1)) > Instant::ORIGIN);
    /// ```
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long after the origin this instant lies.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sse_codec::time::Instant;
    ///
    /// let second = Duration::from_secs(1);
    /// assert_eq!((Instant::ORIGIN + second).since_origin(), second);
    /// ```
    pub const fn since_origin(self) -> Duration {
        self.0
    }
}

/// Saturates at the far end of time (584 thousand million years).
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }
}

/// The time from `earlier` to `self`; zero if `earlier` is in fact later.
impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:?}", self.0)
    }
}
