//! What the window's tests stand on.

pub(crate) mod desk;
pub(crate) mod hub;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod server;

use core::time::Duration;
use std::net::TcpListener;

/// How long a condition may take before a test fails: only a hang takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(40);

/// A port that nothing listens on, a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
