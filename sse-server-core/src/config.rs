//! Settings of a hub, each with its default and why it is that.

use core::time::Duration;

use crate::{error::InvalidConfig, window::Log};

/// How much of a log is kept. What passes any of the limits goes, oldest first.
///
/// ```
/// use core::time::Duration;
/// use sse_server_core::Retention;
///
/// let hour = Retention::DEFAULT.age(Some(Duration::from_secs(3600)));
/// assert_eq!(hour.within(&Retention::WINDOW).bytes, Retention::WINDOW.bytes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// How many events.
    pub events: usize,
    /// How many bytes: of encoded events, and about what is held beside to find them by, such as
    /// the names of their topics.
    pub bytes: u64,
    /// For how long; `None`: whatever their age.
    pub age: Option<Duration>,
}

impl Retention {
    /// What a store keeps by default: 100,000 events, 64 MiB, 24 hours.
    pub const DEFAULT: Self =
        Self { events: 100_000, bytes: 64 << 20, age: Some(Duration::from_secs(24 * 3600)) };

    /// What a hub keeps at hand by default: 16,384 events, 16 MiB. They are references to frames
    /// that the store keeps as well; whoever is further behind reads from the store.
    pub const WINDOW: Self = Self { events: 16_384, bytes: 16 << 20, age: None };

    /// How long [`Keys`](crate::Keys) are remembered by default: 65,536 of them, 16 MiB, an hour.
    /// A publisher that tries again does so within seconds.
    pub const KEYS: Self =
        Self { events: 65_536, bytes: 16 << 20, age: Some(Duration::from_secs(3600)) };

    /// Keeps at most this many events.
    #[must_use]
    pub const fn events(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Keeps at most about this many bytes.
    #[must_use]
    pub const fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Keeps events this long; `None`: whatever their age.
    #[must_use]
    pub const fn age(mut self, age: Option<Duration>) -> Self {
        self.age = age;
        self
    }
}

impl Retention {
    /// What passes neither this nor `other`.
    #[must_use]
    pub fn within(self, other: &Self) -> Self {
        Self {
            events: self.events.min(other.events),
            bytes: self.bytes.min(other.bytes),
            age: self.age.into_iter().chain(other.age).min(),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What becomes of a subscriber that lags by more than it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// It is cut, and loses nothing: it resumes from history.
    #[default]
    Cut,
    /// It is given the latest event of each of its topics that the hub has at hand, behind a
    /// `reset`; by a pattern the latest one event, of whichever of its topics that is.
    SkipToLatest,
    /// It loses the oldest events, as many as bring it an eighth under the limit, behind a `reset`. One
    /// that the window has overtaken keeps a page of the others: so that however fast events come,
    /// it reads some between one loss and the next.
    DropOldest,
}

/// Settings of a [`Hub`](crate::Hub).
///
/// ```
/// use core::time::Duration;
/// use sse_server_core::{HubConfig, Overflow, Retention};
///
/// let mut config = HubConfig::default();
/// config.heartbeat = Some(Duration::from_secs(30));
/// config.overflow = Overflow::SkipToLatest;
/// config.check(&Retention::DEFAULT)?;
/// # Ok::<(), sse_server_core::InvalidConfig>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubConfig {
    /// How long a stream may be silent before it is given a heartbeat; `None`: for ever.
    /// 15 s: below the 30 s after which the most impatient of usual proxies hang up.
    pub heartbeat: Option<Duration>,
    /// Heartbeats as events of the type `heartbeat` that carry the time, in the place of comments,
    /// for clients that cannot see those. The value is the Unix time at the origin of
    /// [`Instant`](sse_codec::time::Instant), since a core knows no other time. `None`: comments.
    pub heartbeat_event: Option<Duration>,
    /// The reconnection time that streams state, give or take half. 2 s.
    pub retry: Duration,
    /// By how many bytes a subscriber may lag. 1 MiB. One that the window overtakes may lag by a
    /// page's worth at most.
    pub max_lag: u64,
    /// For how long it may lag by more: only what came before counts, so that a burst which nobody
    /// had the time to read cuts nobody, however large. 250 ms. It is judged as events come, and one
    /// counts after twice as long at the latest: so one that reads nothing lags by
    /// [`max_lag`](Self::max_lag) and what is published in that time at most.
    pub lag_grace: Duration,
    /// What becomes of one that lags by more. It is cut.
    pub overflow: Overflow,
    /// How long a subscriber with something to read may read nothing before it is cut. 30 s.
    pub max_stall: Duration,
    /// What the hub keeps at hand.
    pub window: Retention,
    /// The largest event, type and data together. 256 KiB.
    pub max_event: usize,
    /// How many topics a subscription or an event may name. 64.
    pub max_topics: usize,
    /// How many of a subscription's topics may be patterns. 8.
    pub max_patterns: usize,
    /// How many different patterns may be in use at a hub. 1,000: each costs a little with every event
    /// that it matches.
    pub max_patterns_in_use: usize,
    /// How many subscribers the hub takes. 1,048,576.
    pub max_subscribers: usize,
    /// How many events may wait for the store at once. 4,096.
    pub max_pending: usize,
    /// How many bytes those may have. 64 MiB.
    pub max_pending_bytes: usize,
    /// How many bytes of history a replaying subscriber holds at once, by
    /// [`Stored::cost`](crate::Stored::cost). 256 KiB.
    pub page: usize,
    /// How many bytes of history all of them hold. 64 MiB; as it fills, pages become smaller, and
    /// then the next ones wait. Those who are made to skip hold half of it at most, or one event each.
    pub max_page_bytes: usize,
    /// How many pages the store is asked for at once; the others wait. 256.
    pub max_fetches: usize,
    /// Over how long a drain spreads the reconnects of very many subscribers, at most. 25 s.
    pub drain_spread: Duration,
}

impl HubConfig {
    /// The most bytes of a [`Retention`] that one event may take: several times
    /// [`max_event`](Self::max_event), since each line has a field of its own on the wire.
    pub fn largest_event(&self) -> u64 {
        Log::largest_entry(self)
    }

    /// Checks the settings against each other and against what the store keeps. A hub whose
    /// settings were not checked does all the same what they say: it may lose events at once, and
    /// tells of it.
    ///
    /// ```
    /// use sse_server_core::{HubConfig, Retention};
    ///
    /// let config = HubConfig::default();
    /// assert!(config.check(&Retention::DEFAULT).is_ok());
    /// let error = config.check(&Retention::DEFAULT.bytes(1000)).unwrap_err();
    /// assert!(error.to_string().contains("raise the one or lower the other"));
    /// ```
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting and what would do.
    pub fn check(&self, store: &Retention) -> Result<(), InvalidConfig> {
        let lag = usize::try_from(self.max_lag).unwrap_or(usize::MAX);
        for (name, kept) in [("retention", store), ("window", &self.window)] {
            if kept.bytes <= self.max_lag {
                return Err(InvalidConfig::RetentionBelowLag {
                    name,
                    retention: kept.bytes,
                    lag: self.max_lag,
                });
            }
            let event = self.largest_event();
            if kept.bytes < event || kept.events == 0 {
                return Err(InvalidConfig::RetentionBelowEvent {
                    name,
                    retention: if kept.events == 0 { 0 } else { kept.bytes },
                    event,
                });
            }
            if let Some(age) = kept.age.filter(|&age| age <= self.max_stall) {
                return Err(InvalidConfig::RetentionBelowStall {
                    name,
                    age,
                    stall: self.max_stall,
                });
            }
        }
        InvalidConfig::check_counts(&[
            ("max_event", self.max_event),
            ("max_fetches", self.max_fetches),
            ("max_subscribers", self.max_subscribers),
            ("max_pending", self.max_pending),
            ("max_topics", self.max_topics),
            ("page", self.page),
        ])?;
        InvalidConfig::check_order(&[
            ("max_page_bytes", self.max_page_bytes, "page", self.page),
            // One event would be too much for whoever reads it.
            ("max_lag", lag, "max_event", self.max_event),
            ("max_pending_bytes", self.max_pending_bytes, "max_event", self.max_event),
        ])?;
        InvalidConfig::check_times(&[
            // Half of it at times: all who are cut at once come back within it.
            ("retry", self.retry),
            ("heartbeat", self.heartbeat.unwrap_or(Duration::MAX)),
            ("max_stall", self.max_stall),
        ])
    }
}

impl InvalidConfig {
    /// The least that a time may be which is waited again and again.
    const LEAST: Duration = Duration::from_millis(10);

    /// Refuses limits that let nothing through.
    ///
    /// # Errors
    /// [`InvalidConfig::None`] of the first that does.
    #[doc(hidden)]
    pub fn check_counts(counts: &[(&'static str, usize)]) -> Result<(), Self> {
        let nothing = counts.iter().find(|&&(_, count)| count == 0);
        nothing.map_or(Ok(()), |&(name, _)| Err(Self::None { name }))
    }

    /// Refuses limits below others that they must hold.
    ///
    /// # Errors
    /// [`InvalidConfig::Below`] of the first that is.
    #[doc(hidden)]
    pub fn check_order(pairs: &[(&'static str, usize, &'static str, usize)]) -> Result<(), Self> {
        let below = pairs.iter().find(|&&(_, value, _, least)| value < least);
        below.map_or(Ok(()), |&(name, value, other, least)| {
            Err(Self::Below { name, value, other, least })
        })
    }

    /// Refuses times that are too short to be meant.
    ///
    /// # Errors
    /// [`InvalidConfig::TooShort`] of the first that is.
    #[doc(hidden)]
    pub fn check_times(times: &[(&'static str, Duration)]) -> Result<(), Self> {
        let short = times.iter().find(|&&(_, value)| value < Self::LEAST);
        short.map_or(Ok(()), |&(name, value)| {
            Err(Self::TooShort { name, value, least: Self::LEAST })
        })
    }
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(15)),
            heartbeat_event: None,
            retry: Duration::from_secs(2),
            max_lag: 1 << 20,
            lag_grace: Duration::from_millis(250),
            overflow: Overflow::Cut,
            max_stall: Duration::from_secs(30),
            window: Retention::WINDOW,
            max_event: 256 << 10,
            max_topics: 64,
            max_patterns: 8,
            max_patterns_in_use: 1000,
            max_subscribers: 1 << 20,
            max_pending: 4096,
            max_pending_bytes: 64 << 20,
            page: 256 << 10,
            max_page_bytes: 64 << 20,
            max_fetches: 256,
            drain_spread: Duration::from_secs(25),
        }
    }
}
