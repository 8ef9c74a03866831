//! Settings of the server, each with its default and why it is that.

use core::time::Duration;
use std::io::{self, Write};

use http::header::HeaderName;
use sse_server_core::{AdmissionConfig, HubConfig, InvalidConfig, Retention};

use crate::origin::{HostName, Origin};

/// Settings of a [`Hub`](crate::Hub).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// Subscribers, heartbeats, limits.
    pub hub: HubConfig,
    /// How much history the store keeps.
    pub retention: Retention,
    /// Limits by user, by address and in all; publish rates. They hold for requests, not for what
    /// the program itself does by its handle.
    pub admission: AdmissionConfig,
    /// What the routes do.
    pub routes: RoutesConfig,
}

impl Config {
    /// Checks the settings against each other.
    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        let Self { hub, retention, admission, routes } = self;
        hub.check(retention)?;
        admission.check()?;
        InvalidConfig::check_counts(&[
            ("max_body", routes.max_body),
            ("max_batch", routes.max_batch),
            ("max_batch_events", routes.max_batch_events),
        ])?;
        // What passes the one would be told to try again later, for ever, by the other.
        InvalidConfig::check_order(&[
            ("max_bodies", routes.max_bodies, "max_body", routes.max_body),
            ("max_bodies", routes.max_bodies, "max_batch", routes.max_batch),
            ("max_pending", hub.max_pending, "max_batch_events", routes.max_batch_events),
            ("max_pending_bytes", hub.max_pending_bytes, "max_batch", routes.max_batch),
        ])?;
        InvalidConfig::check_times(&[
            ("long_poll", routes.long_poll),
            ("max_long_poll", routes.max_long_poll),
            ("ticket_life", routes.ticket_life),
        ])
    }
}

/// Settings of an [`EventService`](crate::EventService).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoutesConfig {
    /// How long a long-poll waits if it does not say. 25 s: below the 30 s of usual proxies.
    pub long_poll: Duration,
    /// How long a long-poll may ask to wait. 60 s.
    pub max_long_poll: Duration,
    /// The largest body of one event, which as JSON may be twice as long as its data. 512 KiB.
    pub max_body: usize,
    /// The largest body of a batch. 4 MiB.
    pub max_batch: usize,
    /// How many bytes the bodies that are being read may have together, but for the first 4 KiB of
    /// each: one that needs more is answered 503. 64 MiB.
    pub max_bodies: usize,
    /// How many events a batch may have. 1,000.
    pub max_batch_events: usize,
    /// Answers every stream that cannot open for now by 200, a `retry` and an end, in the place of
    /// 429 or 503, at which a browser's EventSource would give up for good. No: who opens a stream
    /// for the first time is told the truth, which proxies and monitors understand as well.
    ///
    /// Whatever this says, it is so answered to who holds a ticket, to who comes back (with a
    /// `Last-Event-ID` and `Accept: text/event-stream`), and to everyone during a drain.
    pub soft_refusals: bool,
    /// How long a stream that was opened by a ticket may go on and be resumed. 1 h.
    pub ticket_life: Duration,
    /// Whether requests may publish, by whatever route. Yes: and then whoever reaches the service
    /// may. Without, only the program itself publishes, by its [`Hub`](crate::Hub).
    pub publish: bool,
    /// Whether a request must come with a [`Grant`](crate::Grant), or with a ticket that was given out
    /// for one, to read, to publish and to be given a ticket; all others are 401. No: whoever reaches
    /// the service may do all that the routes do. An application that grants should say yes, so that
    /// a route that its middleware misses is closed and not open.
    pub grants_only: bool,
    /// Whether there is a page at `/`. Yes.
    pub page: bool,
    /// The header from which the user's id is taken. Only behind a proxy that sets it on every
    /// request, since whoever else can set it is whoever they say. None.
    pub user_header: Option<HeaderName>,
    /// The origins whose pages may read and post besides the server's own, such as
    /// `https://shop.example`. Without, a page from anywhere could publish by the browser of whoever
    /// looks at it. None.
    ///
    /// What such a page asks is answered with the headers of CORS, preflights included: it may name
    /// who asks and where to resume (`Authorization`, `Last-Event-ID`), and have cookies go along,
    /// by which the application in front may know the user. So an origin that is named is trusted
    /// with all that those who look at its pages may read and publish.
    pub allowed_origins: Vec<Origin>,
    /// Whether the last address of `X-Forwarded-For` is the client's. Only behind a proxy that
    /// adds it. No.
    pub forwarded: bool,
}

impl Default for RoutesConfig {
    fn default() -> Self {
        Self {
            long_poll: Duration::from_secs(25),
            max_long_poll: Duration::from_secs(60),
            max_body: 512 << 10,
            max_batch: 4 << 20,
            max_bodies: 64 << 20,
            max_batch_events: 1000,
            soft_refusals: false,
            ticket_life: Duration::from_secs(3600),
            publish: true,
            grants_only: false,
            page: true,
            user_header: None,
            allowed_origins: Vec::new(),
            forwarded: false,
        }
    }
}

/// Settings of a [`Server`](crate::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How long a connection may take to send a request's head. 10 s.
    pub head_timeout: Duration,
    /// How long a connection of HTTP/2 may go on without a stream, be its peer alive or not. 60 s. Of
    /// HTTP/1.1 the next head is awaited no longer than any head.
    pub idle_timeout: Duration,
    /// How long a drain may take before what is left is cut. 20 s.
    pub drain_timeout: Duration,
    /// How many connections are held at once, besides 32 of the admin listener. 16,384: below the 20,000 descriptors that many
    /// systems allow a process.
    pub max_connections: usize,
    /// How many of them an address may have; of IPv6 a /64. 1,024: four times the streams that it may
    /// have open, so that nobody alone keeps all others out. Where the address is taken from a
    /// header ([`RoutesConfig::forwarded`]) there is no such limit, since all come from the proxy.
    pub max_connections_per_address: usize,
    /// The kernel's send buffer a connection. 64 KiB: left to itself, the kernel would let one
    /// stalled reader hold 4 MiB.
    pub send_buffer: usize,
    /// The hosts that a request may name on a listener of the loopback address, besides localhost
    /// and the address itself. A page from elsewhere that had its name resolve to this machine
    /// would name its own. None.
    pub allowed_hosts: Vec<HostName>,
    /// Takes what whoever runs the server should know, a sentence at a time: that no connection can
    /// be accepted, say. Each kind comes once in ten seconds at most. Writes to stderr.
    pub report: fn(&str),
}

impl ServerConfig {
    /// Checks what would have every connection closed as it comes.
    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        InvalidConfig::check_counts(&[
            ("max_connections", self.max_connections),
            ("max_connections_per_address", self.max_connections_per_address),
        ])?;
        InvalidConfig::check_times(&[
            ("head_timeout", self.head_timeout),
            ("idle_timeout", self.idle_timeout),
        ])
    }
}

fn to_stderr(sentence: &str) {
    // Nobody reading stderr changes nothing.
    let _ = writeln!(io::stderr(), "sse-server: {sentence}");
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(20),
            max_connections: 16_384,
            max_connections_per_address: 1024,
            send_buffer: 64 << 10,
            allowed_hosts: Vec::new(),
            report: to_stderr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not a limit.
    const OTHERS: [&str; 5] =
        ["routes.page", "routes.user_header", "routes.soft_refusals", "routes.forwarded", "report"];

    #[test]
    fn every_limit_is_told_in_the_docs() {
        let docs = include_str!("../../docs/hub-limits.md");
        let Config { hub, admission, routes, .. } = Config::default();
        let server = format!("{:#?}", ServerConfig::default());
        for (part, settings) in [
            ("hub.", format!("{hub:#?}")),
            ("admission.", format!("{admission:#?}")),
            ("routes.", format!("{routes:#?}")),
            ("", server),
        ] {
            // Those of the struct itself, by their indentation.
            let names = settings.lines().filter_map(|line| line.strip_prefix("    "));
            let names =
                names.filter(|line| !line.starts_with(' ')).map(|line| line.split_once(':'));
            for (name, _) in names.flatten() {
                let name = format!("{part}{name}");
                let is_told = docs.contains(&format!("`{name}`"));
                assert!(is_told != OTHERS.contains(&&*name), "{name}");
            }
        }
    }
}
