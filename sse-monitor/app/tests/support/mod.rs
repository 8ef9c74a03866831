//! What the window's tests stand on.

pub(crate) mod desk;
pub(crate) mod flood;
pub(crate) mod frames;
pub(crate) mod hub;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod server;
pub(crate) mod spent;
pub(crate) mod x11;

use core::{net::SocketAddr, time::Duration};

use tokio::net::TcpSocket;

/// How long a condition may take before a test fails: only a hang takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(40);

/// An address that refuses, and what keeps its port from everyone else: bound, it never listens.
pub(crate) fn nowhere() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a free port");
    let address = socket.local_addr().expect("a bound socket has an address");
    (socket, address)
}
