//! HTTP over a connection that is open, and the responses that come over it.

use core::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_client::session::Failure;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
};

use super::{
    dial::{Dialed, Stream},
    failure,
};
use crate::journal::turn::Phases;

/// How long a kept connection may take to be ready for the next request.
const SOON: Duration = Duration::from_millis(50);

/// A response whose body is to be read.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) phases: Phases,
    pub(crate) body: Body,
}

/// A body, and the task that drives its connection.
#[derive(Debug)]
pub(crate) struct Body {
    incoming: Incoming,
    place: String,
    /// Where it is nobody else's.
    _connection: Option<Connection>,
}

/// An open connection that takes one request after the other.
#[derive(Debug)]
pub(crate) struct Line {
    sender: Sender,
    remote: Option<SocketAddr>,
    phases: Phases,
    is_http2: bool,
    _connection: Connection,
}

#[derive(Debug)]
enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Line {
    pub(super) async fn open(dialed: Dialed, place: &str) -> Result<Self, Failure> {
        let Dialed { stream, remote, is_http2, phases } = dialed;
        let (sender, connection) = shake(stream, is_http2, place).await?;
        Ok(Self { sender, remote, phases, is_http2, _connection: connection })
    }

    pub(super) const fn is_http2(&self) -> bool {
        self.is_http2
    }

    /// Whether a further request can be sent; none can while an answer before it is not read.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.sender.is_ready().await
    }

    /// Sends a request. What it took to connect goes with the first answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        place: String,
    ) -> Result<Response, Failure> {
        let response = self.sender.send(request, &place).await?;
        let phases = core::mem::take(&mut self.phases);
        Ok(Response::of(response, self.remote, phases, place, None))
    }
}

/// Sends the only request that goes over a connection.
pub(super) async fn speak(
    request: Request<Full<Bytes>>,
    dialed: Dialed,
    place: String,
) -> Result<Response, Failure> {
    let Dialed { stream, remote, is_http2, mut phases } = dialed;
    let asked = Instant::now();
    let (mut sender, connection) = shake(stream, is_http2, &place).await?;
    let response = sender.send(request, &place).await?;
    phases.head_micros = Some(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
    Ok(Response::of(response, remote, phases, place, Some(connection)))
}

impl Response {
    fn of(
        response: http::Response<Incoming>,
        remote: Option<SocketAddr>,
        phases: Phases,
        place: String,
        connection: Option<Connection>,
    ) -> Self {
        let (head, incoming) = response.into_parts();
        Self {
            status: head.status,
            version: head.version,
            headers: head.headers,
            remote,
            phases,
            body: Body { incoming, place, _connection: connection },
        }
    }
}

/// Begins to speak HTTP over an open connection.
async fn shake(
    stream: Stream,
    is_http2: bool,
    place: &str,
) -> Result<(Sender, Connection), Failure> {
    match stream {
        Stream::Plain(stream) => shake_over(stream, is_http2, place).await,
        Stream::Tls(stream) => shake_over(*stream, is_http2, place).await,
    }
}

async fn shake_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    is_http2: bool,
    place: &str,
) -> Result<(Sender, Connection), Failure> {
    let unanswered = |error| failure::unanswered(place, &error);
    let io = TokioIo::new(stream);
    if is_http2 {
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let shaken = builder.adaptive_window(true).handshake(io).await;
        let (sender, connection) = shaken.map_err(unanswered)?;
        return Ok((Sender::Http2(sender), Connection::drive(connection)));
    }
    let (sender, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(unanswered)?;
    Ok((Sender::Http1(sender), Connection::drive(connection)))
}

impl Sender {
    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        place: &str,
    ) -> Result<http::Response<Incoming>, Failure> {
        let response = match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        };
        response.map_err(|error| failure::unanswered(place, &error))
    }

    async fn is_ready(&mut self) -> bool {
        let ready = async {
            match self {
                Self::Http1(sender) => sender.ready().await,
                Self::Http2(sender) => sender.ready().await,
            }
        };
        tokio::time::timeout(SOON, ready).await.is_ok_and(|ready| ready.is_ok())
    }
}

/// Ends a connection that nobody needs any more.
#[derive(Debug)]
struct Connection(AbortHandle);

impl Connection {
    /// Drives it on a task of its own.
    fn drive(connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static) -> Self {
        // What goes wrong with it the request or the body is told.
        Self(tokio::spawn(async { drop(connection.await) }).abort_handle())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Body {
    /// The next bytes, as they came after the transfer coding; `None` at the announced end.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            return match core::task::ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                // What is not data is trailers, which mean nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) if chunk.is_empty() => continue,
                    Ok(chunk) => Poll::Ready(Some(Ok(chunk))),
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    Poll::Ready(Some(Err(failure::broken_off(&self.place, &error))))
                }
                None => Poll::Ready(None),
            };
        }
    }
}
