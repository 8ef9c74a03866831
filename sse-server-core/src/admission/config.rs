//! Settings of an admission, each with its default and why it is that.

use core::time::Duration;

use crate::error::InvalidConfig;

/// Settings of an [`Admission`](crate::Admission).
///
/// ```
/// use sse_server_core::AdmissionConfig;
///
/// let mut config = AdmissionConfig::default();
/// (config.publish_rate, config.publish_burst) = (10, 50);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdmissionConfig {
    /// How many streams a user may have open. 16: a browser over HTTP/1.1 has six.
    pub max_per_user: usize,
    /// How many streams an address may have open. 256: there may be an office behind it. Of IPv6,
    /// a /64 counts as one, since whoever has one address has them all.
    pub max_per_address: usize,
    /// How many streams there may be. 1,048,576.
    pub max_streams: usize,
    /// How many events a second a principal may publish. 1,000.
    pub publish_rate: u32,
    /// How many events a principal may publish at once. 2,000.
    pub publish_burst: u32,
    /// How many streams a second a user may open, and an address, long-polls and resumes included. 100.
    pub connect_rate: u32,
    /// How many they may open at once. 1,000: all that an address may have open, four times over, as
    /// when the server begins anew and everyone comes back.
    pub connect_burst: u32,
    /// How many principals' rates are remembered, of each kind. 65,536; when all are in use, those that are the
    /// nearest to having used nothing are forgotten first.
    pub max_rates: usize,
    /// How long a ticket waits for its first use. 60 s.
    pub ticket_wait: Duration,
    /// How many tickets there may be. 65,536.
    pub max_tickets: usize,
    /// How many tickets that a [principal asked for](crate::Ticket::asked_by) may wait for their first use.
    /// 256, as many streams as an address may have open.
    pub max_unused_tickets: usize,
    /// Over how long changes of presence are gathered. 1 s.
    pub presence_pause: Duration,
    /// How many users a word on presence names, and how many it says came or left. 100.
    pub max_named: usize,
    /// How many topics' presence may be watched at once. 1,000: each costs a little whenever a
    /// stream with a pattern opens or closes.
    pub max_watched: usize,
    /// How many of those a user may watch, by all their streams. 64, as many as one stream.
    pub max_watched_per_user: usize,
    /// How many of those an address may watch. 128.
    pub max_watched_per_address: usize,
    /// How many different patterns a user may have in use, by all their streams. 32. Of a hub's
    /// [`max_patterns_in_use`](crate::HubConfig::max_patterns_in_use) nobody shall take all.
    pub max_patterns_per_user: usize,
    /// How many different patterns an address may have in use. 128: there may be an office behind it,
    /// most of whose patterns are the same.
    pub max_patterns_per_address: usize,
    /// How many different groups of patterns that overlap, as `a.*` and `*.b` do, streams may be open
    /// by. 1,000: so that a stream counts once, each is looked at for the first word on a topic, and
    /// whenever one is asked for that nobody watches. A user and an address may have as many of them
    /// as patterns.
    pub max_overlaps: usize,
}

impl AdmissionConfig {
    /// Refuses limits that let nobody in and nothing out. Of tickets, patterns and what is watched
    /// there may be none.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting and what would do.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        InvalidConfig::check_counts(&[
            ("max_per_user", self.max_per_user),
            ("max_per_address", self.max_per_address),
            ("max_streams", self.max_streams),
            ("publish_rate", self.publish_rate as usize),
            ("publish_burst", self.publish_burst as usize),
            ("connect_rate", self.connect_rate as usize),
            ("connect_burst", self.connect_burst as usize),
            ("max_rates", self.max_rates),
        ])?;
        InvalidConfig::check_times(&[("ticket_wait", self.ticket_wait)])
    }
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            max_per_user: 16,
            max_per_address: 256,
            max_streams: 1 << 20,
            publish_rate: 1000,
            publish_burst: 2000,
            connect_rate: 100,
            connect_burst: 1000,
            max_rates: 1 << 16,
            ticket_wait: Duration::from_secs(60),
            max_tickets: 1 << 16,
            max_unused_tickets: 256,
            presence_pause: Duration::from_secs(1),
            max_named: 100,
            max_watched: 1000,
            max_watched_per_user: 64,
            max_watched_per_address: 128,
            max_patterns_per_user: 32,
            max_patterns_per_address: 128,
            max_overlaps: 1000,
        }
    }
}
