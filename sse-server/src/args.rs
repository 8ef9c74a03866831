//! Flags.

use core::{str::FromStr, time::Duration};

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{CommandFactory, Parser, ValueEnum};
use http::header::HeaderName;
use sse_server::{
    AdmissionConfig, Config, HostName, HubConfig, InvalidConfig, Origin, Overflow, Retention,
    ServerConfig,
};

/// What one tries first.
const EXAMPLES: &str = "\
Subscribe in one terminal, publish from another:
  curl -N 'http://127.0.0.1:8080/events?topic=prices'
  curl http://127.0.0.1:8080/publish -H 'Content-Type: application/json' \\
       -d '{\"topic\": \"prices\", \"data\": {\"eur\": 1.08}}'

It runs until SIGTERM or Ctrl+C, and then lets those who read read to the end; a second signal ends it at once.

Exit status: 0 after a signal; 1 where it cannot start; 2 for a command line or settings that cannot be;
143 or 130 after a second signal, SIGTERM or Ctrl+C. All limits: docs/hub-limits.md.";

/// A hub of Server-Sent Events: many subscribe, something publishes, nobody loses an event in
/// silence.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,

    /// Publish a lively mixed stream to everyone, to try things on.
    #[arg(long)]
    pub(crate) demo: bool,

    /// Silence after which a stream is given a heartbeat [default: 15s; 2s with --demo].
    #[arg(long, value_name = "TIME", value_parser = time_above_zero)]
    heartbeat: Option<Duration>,

    /// Reconnection time that streams state, give or take half.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "2s")]
    retry: Duration,

    /// How large an event may be, in bytes, or as 8MiB. All that may be held must hold one: --max-lag as it
    /// was published, --keep-bytes as it is sent (seven times as much, if it is all line breaks).
    #[arg(long, value_name = "BYTES", value_parser = bytes::<usize>, default_value_t = HubConfig::default().max_event)]
    max_event: usize,

    /// Lag at which a subscriber is cut, in bytes. It is judged as events come, and what came within
    /// --lag-grace does not count: a burst cuts nobody, however large, until it is as old as that.
    #[arg(long, value_name = "BYTES", value_parser = bytes::<u64>, default_value_t = HubConfig::default().max_lag)]
    max_lag: u64,

    /// For how long an event does not count as lag. It counts after twice as long at the latest.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "250ms")]
    lag_grace: Duration,

    /// Time without reading after which a subscriber is cut.
    #[arg(long, value_name = "TIME", value_parser = time_above_zero, default_value = "30s")]
    max_stall: Duration,

    /// What becomes of a subscriber that lags by more.
    #[arg(long, value_name = "POLICY", value_enum, default_value = "cut")]
    overflow: Policy,

    /// Heartbeats as events of the type `heartbeat` with the time, in the place of comments.
    #[arg(long)]
    heartbeat_events: bool,

    /// How many streams an address may have open.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = AdmissionConfig::default().max_per_address)]
    streams_per_address: usize,

    /// How many streams a user may have open.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = AdmissionConfig::default().max_per_user)]
    streams_per_user: usize,

    /// How many topics' presence an address may watch.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = AdmissionConfig::default().max_watched_per_address)]
    watched_per_address: usize,

    /// How many topics' presence a user may watch.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = AdmissionConfig::default().max_watched_per_user)]
    watched_per_user: usize,

    /// How many different patterns an address may have in use.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = AdmissionConfig::default().max_patterns_per_address)]
    patterns_per_address: usize,

    /// How many different patterns a user may have in use.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = AdmissionConfig::default().max_patterns_per_user)]
    patterns_per_user: usize,

    /// How many streams a second one may open, by user and by address, long-polls included; ten times as many at once.
    #[arg(long, value_name = "COUNT", value_parser = count::<u32>, default_value_t = AdmissionConfig::default().connect_rate)]
    connect_rate: u32,

    /// How many events a second one may publish, by user or else by address; twice as many at once.
    #[arg(long, value_name = "COUNT", value_parser = count::<u32>, default_value_t = AdmissionConfig::default().publish_rate)]
    publish_rate: u32,

    /// Answer every stream that cannot open for now by 200, a `retry` and an end: at another status
    /// a browser's EventSource gives up for good. So answered in any case is who comes back as a browser
    /// does, with a Last-Event-ID and `Accept: text/event-stream`, or shows a ticket.
    #[arg(long)]
    soft_refusals: bool,

    /// Header with the user's id. Only behind a proxy that sets it on every request.
    #[arg(long, value_name = "NAME")]
    user_header: Option<HeaderName>,

    /// Take the last address of X-Forwarded-For for the client's. Only behind a proxy that adds it.
    #[arg(long)]
    forwarded: bool,

    /// Another host that requests may name on the loopback address, at whatever port. May be given
    /// several times.
    #[arg(long = "allow-host", value_name = "HOST")]
    allowed_hosts: Vec<HostName>,

    /// Another origin whose pages may read and post, such as https://shop.example: by CORS, cookies
    /// included. May be given several times.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<Origin>,

    /// Serve no page at `/`.
    #[arg(long)]
    no_page: bool,

    /// Address and port for metrics and for ending streams. Nobody is asked there who they are.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<String>,

    /// Time that a connection may take to send the head of a request.
    #[arg(long, value_name = "TIME", value_parser = time_above_zero, default_value = "10s")]
    head_timeout: Duration,

    /// Time that a connection of HTTP/2 may go on without a stream.
    #[arg(long, value_name = "TIME", value_parser = time_above_zero, default_value = "60s")]
    idle_timeout: Duration,

    /// How many connections are held at once.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = ServerConfig::default().max_connections)]
    max_connections: usize,

    /// How many of them an address may have, unless --forwarded. [default: four times
    /// --streams-per-address, and 1024 at least]
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>)]
    connections_per_address: Option<usize>,

    /// How many events are kept for those who resume.
    #[arg(long, value_name = "COUNT", value_parser = count::<usize>, default_value_t = Retention::DEFAULT.events)]
    keep_events: usize,

    /// How many bytes of events are kept for those who resume.
    #[arg(long, value_name = "BYTES", value_parser = bytes::<u64>, default_value_t = Retention::DEFAULT.bytes)]
    keep_bytes: u64,

    /// For how long events are kept for those who resume.
    #[arg(long, value_name = "TIME", value_parser = time_above_zero, default_value = "24h")]
    keep_for: Duration,

    /// Time after which a stop no longer waits for those who read.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "20s")]
    drain: Duration,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// It is cut, and resumes from history.
    Cut,
    /// It gets the latest of each topic.
    SkipToLatest,
    /// It loses the oldest events.
    DropOldest,
}

impl Args {
    pub(crate) fn hub_config(&self) -> Config {
        let mut config = Config::default();
        // Short in the demo, so that its quiet spells show heartbeats.
        let usual = if self.demo { Some(Duration::from_secs(2)) } else { config.hub.heartbeat };
        config.hub.heartbeat = self.heartbeat.or(usual);
        config.hub.retry = self.retry;
        config.hub.max_event = self.max_event;
        // As JSON it may be twice as long, and all that it comes through must hold it.
        let as_json = self.max_event.saturating_mul(2);
        if as_json > config.routes.max_body {
            config.routes.max_body = as_json;
            let through = [&mut config.routes.max_batch, &mut config.routes.max_bodies];
            for limit in through.into_iter().chain([&mut config.hub.max_pending_bytes]) {
                *limit = config.routes.max_body.max(*limit);
            }
        }
        config.hub.max_lag = self.max_lag;
        config.hub.lag_grace = self.lag_grace;
        // Whoever lags by less than is cut reads on from what is at hand.
        let at_hand = self.max_lag.saturating_mul(2).max(config.hub.largest_event());
        config.hub.window.bytes = config.hub.window.bytes.max(at_hand);
        config.hub.max_stall = self.max_stall;
        config.hub.overflow = match self.overflow {
            Policy::Cut => Overflow::Cut,
            Policy::SkipToLatest => Overflow::SkipToLatest,
            Policy::DropOldest => Overflow::DropOldest,
        };
        if self.heartbeat_events {
            // The hub's origin of time is its start, a moment from now.
            config.hub.heartbeat_event = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        }
        config.admission.max_per_address = self.streams_per_address;
        config.admission.max_per_user = self.streams_per_user;
        config.admission.max_patterns_per_address = self.patterns_per_address;
        config.admission.max_watched_per_address = self.watched_per_address;
        config.admission.max_watched_per_user = self.watched_per_user;
        config.admission.max_patterns_per_user = self.patterns_per_user;
        config.admission.connect_rate = self.connect_rate;
        config.admission.connect_burst = self.connect_rate.saturating_mul(10);
        config.admission.publish_rate = self.publish_rate;
        config.admission.publish_burst = self.publish_rate.saturating_mul(2);
        config.routes.soft_refusals = self.soft_refusals;
        config.routes.user_header = self.user_header.clone();
        config.routes.allowed_origins = self.allowed_origins.clone();
        config.routes.forwarded = self.forwarded;
        config.routes.page = !self.no_page;
        config.retention = Retention::DEFAULT
            .events(self.keep_events)
            .bytes(self.keep_bytes)
            .age(Some(self.keep_for));
        config
    }

    pub(crate) fn server_config(&self) -> ServerConfig {
        let mut config = ServerConfig::default();
        config.drain_timeout = self.drain;
        config.head_timeout = self.head_timeout;
        config.idle_timeout = self.idle_timeout;
        config.max_connections = self.max_connections;
        let usual = config.max_connections_per_address;
        let usual = usual.max(self.streams_per_address.saturating_mul(4));
        config.max_connections_per_address = self.connections_per_address.unwrap_or(usual);
        config.allowed_hosts = self.allowed_hosts.clone();
        config
    }
}

/// What is wrong with settings, with the flags by which they are set.
pub(crate) fn advice(error: &InvalidConfig) -> String {
    let names: &[&str] = match error {
        InvalidConfig::RetentionBelowLag { .. } => &["keep_bytes", "max_lag"],
        InvalidConfig::RetentionBelowEvent { .. } => &["keep_bytes", "max_event"],
        InvalidConfig::RetentionBelowStall { .. } => &["keep_for", "max_stall"],
        InvalidConfig::Below { name, other, .. } => &[name, other],
        InvalidConfig::None { name, .. } | InvalidConfig::TooShort { name, .. } => &[name],
        _ => &[],
    };
    let command = Args::command();
    let is_flag = |name: &&&str| command.get_arguments().any(|it| it.get_id() == **name);
    let flags = names.iter().filter(is_flag).map(|name| format!("--{}", name.replace('_', "-")));
    match &flags.collect::<Vec<_>>()[..] {
        [] => error.to_string(),
        flags => format!("{error} ({})", flags.join(", ")),
    }
}

/// A number of bytes: `262144`, `256KiB`, `8MiB`, `1GiB`.
fn bytes<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = match unit {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let bytes = number.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
    match bytes.map(|bytes| (bytes, bytes.try_into())) {
        Some((0, _)) => Err(NOTHING.to_owned()),
        Some((_, Ok(bytes))) => Ok(bytes),
        _ => Err("bytes are a whole number, with a unit or without: 262144, 256KiB, 8MiB, 1GiB"
            .to_owned()),
    }
}

const NOTHING: &str = "0 would let nothing through; 1 is the least";

/// A number of things of which there must be one at least.
fn count<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err: ToString> + Default + PartialEq,
{
    let count: T = text.parse().map_err(|error: T::Err| error.to_string())?;
    if count == T::default() {
        return Err(NOTHING.to_owned());
    }
    Ok(count)
}

fn time_above_zero(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("a time above zero is needed here, such as 15s".to_owned()),
        time => Ok(time),
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

    #[test]
    fn bytes_are_read_with_a_unit_and_without() {
        for (text, expected) in [
            ("1", Some(1)),
            ("256KiB", Some(256 << 10)),
            ("8MiB", Some(8 << 20)),
            ("2GiB", Some(2 << 30)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615KiB", None),
            ("18446744073709551616", None),
            ("0MiB", None),
            ("8MB", None),
            ("-1", None),
            ("MiB", None),
            ("", None),
        ] {
            assert_eq!(bytes::<u64>(text).ok(), expected, "{text:?}");
        }
        assert!(bytes::<u16>("64KiB").is_err());
    }
}
