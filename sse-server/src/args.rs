//! Flags.

use core::time::Duration;

use clap::Parser;
use sse_server::{Config, HubConfig, Retention, ServerConfig};

/// A hub of Server-Sent Events: many subscribe, something publishes, nobody loses an event in
/// silence.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Args {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,

    /// Publish a lively mixed stream to everyone, to try things on.
    #[arg(long)]
    pub(crate) demo: bool,

    /// Silence after which a stream is given a heartbeat [default: 15s; 2s with --demo].
    #[arg(long, value_name = "TIME", value_parser = time)]
    heartbeat: Option<Duration>,

    /// Reconnection time that streams state, give or take half.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "2s")]
    retry: Duration,

    /// Lag at which a subscriber is cut, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = HubConfig::default().max_lag)]
    max_lag: u64,

    /// Time without reading after which a subscriber is cut.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    max_stall: Duration,

    /// How many events are kept for those who resume.
    #[arg(long, value_name = "COUNT", default_value_t = Retention::DEFAULT.events)]
    keep_events: usize,

    /// How many bytes of events are kept for those who resume.
    #[arg(long, value_name = "BYTES", default_value_t = Retention::DEFAULT.bytes)]
    keep_bytes: u64,

    /// For how long events are kept for those who resume.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "24h")]
    keep_for: Duration,

    /// Time after which a stop no longer waits for those who read.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "20s")]
    drain: Duration,
}

impl Args {
    pub(crate) fn hub_config(&self) -> Config {
        let mut config = Config::default();
        // Short in the demo, so that its quiet spells show heartbeats.
        let usual = if self.demo { Some(Duration::from_secs(2)) } else { config.hub.heartbeat };
        config.hub.heartbeat = self.heartbeat.or(usual);
        config.hub.retry = self.retry;
        config.hub.max_lag = self.max_lag;
        config.hub.max_stall = self.max_stall;
        config.retention = Retention::DEFAULT
            .events(self.keep_events)
            .bytes(self.keep_bytes)
            .age(Some(self.keep_for));
        config
    }

    pub(crate) fn server_config(&self) -> ServerConfig {
        let mut config = ServerConfig::default();
        config.drain_timeout = self.drain;
        config
    }
}

/// A time as people write it: `500ms`, `15s`, `5m`, `24h`.
fn time(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(unit_at);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let millis = count.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
    millis.map(Duration::from_millis).ok_or_else(|| {
        "a time is a whole number and a unit, ms, s, m or h: 500ms, 15s, 24h".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let cases = [
            ("500ms", Some(500)),
            ("15s", Some(15_000)),
            ("2m", Some(120_000)),
            ("24h", Some(86_400_000)),
            ("15", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text).ok(), expected.map(Duration::from_millis), "{text:?}");
        }
    }
}
