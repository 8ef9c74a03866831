//! One connection, with a handle by which it can be cut while nothing moves on it.

use alloc::sync::Arc;
use core::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};
use std::io;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{Notify, watch},
    time::sleep,
};
use tower_service::Service;

use crate::{body::Body, config::ServerConfig, service::EventService};

/// What hyper may hold of a response, and the longest request head. Enough for a chunk of the hub.
const MAX_BUFFER: usize = 32 << 10;

/// Cuts a connection, from any thread: a response body is not polled while its socket is blocked,
/// so nothing within the connection could.
#[derive(Clone, Debug)]
pub(crate) struct CutHandle(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    is_cut: AtomicBool,
    cut: Notify,
    /// A request has come, so whoever is there speaks HTTP.
    spoke: AtomicBool,
}

impl CutHandle {
    pub(crate) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Relaxed);
        self.0.cut.notify_one();
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    stream: TcpStream,
    service: EventService,
    config: Arc<ServerConfig>,
    mut stop: watch::Receiver<bool>,
) {
    // Neither is needed for correctness; a socket that refuses is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(config.send_buffer);

    let line = Arc::new(Line::default());
    let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
        line.spoke.store(true, Ordering::Relaxed);
        // A stream of HTTP/2 shares its connection with others, which a cut would take along.
        if request.version() < http::Version::HTTP_2 {
            request.extensions_mut().insert(CutHandle(line.clone()));
        }
        let mut service = service.clone();
        async move { Service::call(&mut service, request).await as Result<Response<Body>, Infallible> }
    });

    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Without a timer hyper ignores its time-outs.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .max_buf_size(MAX_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(config.head_timeout)
        .keep_alive_timeout(config.head_timeout)
        .max_header_list_size(MAX_BUFFER as u32)
        .max_send_buf_size(MAX_BUFFER);

    let io = TokioIo::new(CuttableStream { stream, line: line.clone() });
    let mut connection = pin!(builder.serve_connection(io, service));
    // Until the first request hyper watches no clock: it does not know which HTTP to expect.
    let mut first_head = pin!(sleep(config.head_timeout));
    let (mut awaits_head, mut stopping) = (true, false);
    loop {
        tokio::select! {
            // Whatever goes wrong on a connection concerns its peer alone, who knows.
            _ = connection.as_mut() => return,
            () = line.cut.notified() => return,
            () = first_head.as_mut(), if awaits_head => {
                if !line.spoke.load(Ordering::Relaxed) {
                    return;
                }
                awaits_head = false;
            }
            // The sender lives as long as the accept loop; gone is as good as stopped.
            _ = stop.changed(), if !stopping => {
                // One that has not finished a request yet is owed nothing.
                if !line.spoke.load(Ordering::Relaxed) {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                stopping = true;
            }
        }
    }
}

/// A socket that, when cut, is closed by a reset: what waits in its buffers is given up.
struct CuttableStream {
    stream: TcpStream,
    line: Arc<Line>,
}

impl Drop for CuttableStream {
    fn drop(&mut self) {
        if self.line.is_cut.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
