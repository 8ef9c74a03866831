//! The accept loop.

use alloc::sync::Arc;
use core::{net::SocketAddr, pin::pin, time::Duration};
use std::{io, net::ToSocketAddrs};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::{
    config::ServerConfig,
    connection::{self, Listening, Site},
    crowd::Crowd,
    guard::Guard,
    hub::Hub,
    service::EventService,
    stop::Stop,
    trouble::Trouble,
    wire::Writer,
};

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
    admin: Option<TcpListener>,
    hub: Hub,
    config: Arc<ServerConfig>,
}

impl Server {
    /// Listens on the first of the addresses that can be had; from now on connections queue up.
    ///
    /// # Errors
    /// What the system says: the port is in use, say. Of the kind
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) where no address was named, or the settings
    /// would have every connection closed as it comes.
    pub fn bind(
        address: impl ToSocketAddrs,
        hub: Hub,
        mut config: ServerConfig,
    ) -> io::Result<Self> {
        config.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        // Whoever means never may say so; what is added to the clock must not pass its end.
        for time in [&mut config.head_timeout, &mut config.idle_timeout, &mut config.drain_timeout]
        {
            *time = LONGEST.min(*time);
        }
        Ok(Self { listener: listen(address)?, admin: None, hub, config: Arc::new(config) })
    }

    /// Listens for whoever runs the server as well: metrics, presence, ending streams. Nobody is
    /// asked who they are, so it belongs on the loopback address, where `Host` and `Origin` are
    /// checked.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind_admin(&mut self, address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        let listener = listen(address)?;
        let bound = listener.local_addr()?;
        if !bound.ip().is_loopback() {
            (self.config.report)(&format!(
                "the admin listener is at {bound}, which others may reach, and asks nobody who \
                 they are: whoever does reach it may end streams; listen on 127.0.0.1, or see to \
                 it that a firewall keeps others out"
            ));
        }
        self.admin = Some(listener);
        Ok(bound)
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
        let Self { listener, admin, hub, config } = self;
        let stopping = Arc::new(Stop::default());
        let max_stall = hub.shared().max_stall();
        let listening = |listener: &TcpListener, site| {
            let address = listener.local_addr();
            let is_local = address.is_ok_and(|address| address.ip().is_loopback());
            let origins = match &site {
                Site::Public(_) => &hub.routes().allowed_origins[..],
                Site::Admin(_) => &[],
            };
            let guard = is_local.then(|| Guard::new(&config.allowed_hosts, origins));
            let (config, stop) = (config.clone(), stopping.clone());
            let counters = hub.shared().wire.clone();
            Arc::new(Listening { site, config, guard, stop, max_stall, counters })
        };
        let public = listening(&listener, Site::Public(EventService::new(hub.clone())));
        let admin = admin.map(|listener| {
            let private = listening(&listener, Site::Admin(hub.clone()));
            (listener, private)
        });
        let (mut connections, mut of_admin) = (JoinSet::new(), JoinSet::new());
        let mut trouble = Trouble::new(config.report);
        let crowd = Crowd::default();
        let is_forwarded = hub.routes().forwarded;
        let per_address =
            if is_forwarded { usize::MAX } else { config.max_connections_per_address };
        let mut stop = pin!(stop);
        loop {
            let (accepted, listening) = tokio::select! {
                () = stop.as_mut() => break,
                Some(_) = connections.join_next() => {
                    trouble.eases();
                    continue;
                }
                Some(_) = of_admin.join_next() => continue,
                () = trouble.pause() => continue,
                accepted = listener.accept(), if !trouble.pauses() => (accepted, &public),
                Some((accepted, listening)) = accept(admin.as_ref()), if !trouble.pauses() => {
                    (accepted, listening)
                }
            };
            // Whoever runs the server gets in however many readers there are.
            let (connections, max, limit) = match listening.site {
                Site::Public(_) => (&mut connections, config.max_connections, "--max-connections"),
                Site::Admin(_) => (&mut of_admin, ADMIN_CONNECTIONS, "of the admin listener"),
            };
            match accepted {
                Ok((stream, peer)) if connections.len() < max => {
                    let per_address = match listening.site {
                        Site::Public(_) => per_address,
                        Site::Admin(_) => usize::MAX,
                    };
                    let Some(place) = crowd.place(peer.ip(), per_address) else {
                        trouble.is_crowded(per_address);
                        continue;
                    };
                    let (listening, writer) = (listening.clone(), Arc::new(Writer::default()));
                    let peer = (peer.ip(), place);
                    let served = connection::serve(stream, peer, listening, writer.clone());
                    writer.begin(connections.spawn(served));
                    trouble.is_over();
                }
                // Closed by being dropped.
                Ok(_) => trouble.is_full(max, limit),
                Err(error) => trouble.accept_failed(&error),
            }
        }
        // Closed before the streams are: whoever comes back early finds nobody, and tries again,
        // while an answer with an error would end a browser's EventSource for good.
        drop((listener, admin));
        stopping.say();
        let ended = async {
            hub.drain(config.drain_timeout).await;
            while connections.join_next().await.is_some() {}
            while of_admin.join_next().await.is_some() {}
        };
        // What is still there reads nothing: it ends with its task.
        let _ = timeout(config.drain_timeout, ended).await;
    }
}

/// A time that stands for never.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How many connections the admin listener holds at once.
const ADMIN_CONNECTIONS: usize = 32;

fn listen(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

type Accepted = io::Result<(TcpStream, SocketAddr)>;

/// Accepts where there is a listener.
async fn accept(
    listener: Option<&(TcpListener, Arc<Listening>)>,
) -> Option<(Accepted, &Arc<Listening>)> {
    let (listener, listening) = listener?;
    Some((listener.accept().await, listening))
}
