//! A network that can be cut.

use core::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    select, spawn,
    sync::watch,
    task::AbortHandle,
};

/// Passes on what comes to its own port, while it is whole.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    task: AbortHandle,
}

impl Relay {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (whole, is_whole) = watch::channel(true);
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that comes while the network is cut is dropped at once.
                spawn(pass_on(stream, target, is_whole.clone()));
            }
        });
        Self { address, whole, task: task.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Cuts all connections, and those to come until it is mended.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(mut stream: TcpStream, target: SocketAddr, mut whole: watch::Receiver<bool>) {
    if !*whole.borrow_and_update() {
        return;
    }
    let Ok(mut onward) = TcpStream::connect(target).await else { return };
    select! {
        _ = copy_bidirectional(&mut stream, &mut onward) => {}
        _ = whole.changed() => {}
    }
}
