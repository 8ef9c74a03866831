//! Settings of the server, each with its default and why it is that.

use core::time::Duration;

use sse_server_core::{HubConfig, Retention};

/// Settings of a [`Hub`](crate::Hub).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// Subscribers, heartbeats, limits.
    pub hub: HubConfig,
    /// How much history the store keeps.
    pub retention: Retention,
}

/// Settings of a [`Server`](crate::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How long a connection may take to send a request's head. 10 s.
    pub head_timeout: Duration,
    /// How long a drain may take before what is left is cut. 20 s.
    pub drain_timeout: Duration,
    /// How many connections are held at once. 16,384: below the 20,000 descriptors that many
    /// systems allow a process.
    pub max_connections: usize,
    /// The kernel's send buffer a connection. 64 KiB: left to itself, the kernel would let one
    /// stalled reader hold 4 MiB.
    pub send_buffer: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(20),
            max_connections: 16_384,
            send_buffer: 64 << 10,
        }
    }
}
