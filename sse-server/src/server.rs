//! The accept loop.

use alloc::sync::Arc;
use core::{net::SocketAddr, pin::pin, time::Duration};
use std::{io, net::ToSocketAddrs};

use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

use crate::{config::ServerConfig, connection, hub::Hub, service::EventService};

/// A hub that listens.
///
/// ```no_run
/// use sse_server::{Config, Hub, Server, ServerConfig};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::start(Config::default())?;
/// let server = Server::bind("127.0.0.1:8080", hub, ServerConfig::default())?;
/// println!("listening on http://{}", server.local_addr()?);
/// server.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    hub: Hub,
    config: Arc<ServerConfig>,
}

impl Server {
    /// Listens on the first of the addresses that can be had; from now on connections queue up.
    ///
    /// # Errors
    /// What the system says: the port is in use, say.
    pub fn bind(address: impl ToSocketAddrs, hub: Hub, config: ServerConfig) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, hub, config: Arc::new(config) })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then drains: listens no more, lets subscribers read what there is for
    /// them, and returns when all connections have ended, or by the deadline.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, hub, config } = self;
        let service = EventService::new(hub.clone());
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = stop.as_mut() => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) if connections.len() < config.max_connections => {
                        let (service, config) = (service.clone(), config.clone());
                        connections.spawn(connection::serve(stream, service, config, stopped.clone()));
                    }
                    // Over the limit: closed by being dropped.
                    Ok(_) => {}
                    // One peer's fault, or no descriptor left: better once others have gone.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
        // Closed before the streams are: whoever comes back early finds nobody, and tries again,
        // while an answer with an error would end a browser's EventSource for good.
        drop(listener);
        stopping.send_replace(true);
        let ended = async {
            hub.drain(config.drain_timeout).await;
            while connections.join_next().await.is_some() {}
        };
        // What is still there reads nothing: it ends with its task.
        let _ = timeout(config.drain_timeout, ended).await;
    }
}

/// After an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
