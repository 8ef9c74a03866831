//! An HTTP origin that does as it is told, on a real loopback socket.

use alloc::sync::Arc;
use core::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use std::{io, sync::Mutex};

use sse_client::{Builder, EventSource, RetryPolicy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
};

/// The head of a good answer whose body lasts until the connection closes.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// The same with a body in chunks, so that an early end can be told from a proper one.
pub(crate) const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                                  transfer-encoding: chunked\r\nconnection: close\r\n\r\n";

/// What the origin does on a connection, after it has read the request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(String),
    /// These bytes, as they are.
    Bytes(Arc<[u8]>),
    /// So many letters.
    Fill(usize),
    /// Ends the connection by a reset.
    Reset,
    /// Each byte as an HTTP chunk of its own.
    Drip(&'static str),
    /// As many bytes of events as this, counted as the socket takes them.
    Flood(usize),
    /// So long.
    Wait(Duration),
    /// Until the other side closes.
    Hold,
}

pub(crate) fn send(text: impl Into<String>) -> Step {
    Step::Send(text.into())
}

/// A complete answer without an event stream in it.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![send(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))]
}

/// A request as the origin read it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method, target and version.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} was sent twice");
        value
    }
}

pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    flooded: AtomicUsize,
    left: Notify,
}

impl Origin {
    /// Answers the first connection by the first script, the next by the next; the last serves all
    /// that follow.
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let of_task = Arc::clone(&shared);
        tokio::spawn(async move {
            let last = scripts.len() - 1;
            for number in 0.. {
                let (socket, _) = listener.accept().await.unwrap();
                let script = scripts[number.min(last)].clone();
                let shared = Arc::clone(&of_task);
                // A client that leaves early makes an error here, which is its right.
                tokio::spawn(async move { shared.play(socket, script).await });
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An event source at `path` that reconnects at once.
    pub(crate) fn source(&self, path: &str) -> Builder {
        source(self.url(path))
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(crate) fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::Relaxed)
    }

    /// Until a client closed a connection that was [held](Step::Hold).
    pub(crate) async fn left(&self) {
        self.shared.left.notified().await;
    }
}

/// An event source that reconnects at once, and asks no proxy.
pub(crate) fn source(url: impl Into<String>) -> Builder {
    let at_once = Duration::from_millis(1);
    EventSource::builder(url)
        .policy(RetryPolicy::resilient().no_backoff().reconnection_time(at_once))
        .client(|client| client.no_proxy())
}

/// A port at which nothing listens, and which nobody else can take meanwhile.
pub(crate) fn nowhere() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

impl Shared {
    async fn play(&self, mut socket: TcpStream, script: Vec<Step>) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let request = read_request(&mut socket).await?;
        self.requests.lock().unwrap().push(request);
        for step in script {
            match step {
                Step::Send(text) => socket.write_all(text.as_bytes()).await?,
                Step::Bytes(bytes) => socket.write_all(&bytes).await?,
                Step::Fill(mut bytes) => {
                    let letters = vec![b'x'; 1 << 16];
                    while bytes > 0 {
                        let part = bytes.min(letters.len());
                        socket.write_all(&letters[..part]).await?;
                        bytes -= part;
                    }
                }
                Step::Reset => {
                    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
                    return Ok(());
                }
                Step::Drip(text) => {
                    for byte in text.bytes() {
                        socket.write_all(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']).await?;
                        tokio::task::yield_now().await;
                    }
                }
                Step::Flood(bytes) => {
                    let event = format!("data: {}\n\n", "x".repeat(1016)).into_bytes();
                    while self.flooded.load(Ordering::Relaxed) < bytes {
                        socket.write_all(&event).await?;
                        self.flooded.fetch_add(event.len(), Ordering::Relaxed);
                    }
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Hold => {
                    let mut byte = [0];
                    // An end or a reset: either way the client has left.
                    while socket.read(&mut byte).await.is_ok_and(|read| read > 0) {}
                    self.left.notify_one();
                }
            }
        }
        socket.shutdown().await
    }
}

async fn read_request(socket: &mut TcpStream) -> io::Result<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let line = lines.next().unwrap_or_default();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    Ok(Request { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
