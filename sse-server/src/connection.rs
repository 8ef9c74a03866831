//! One connection, with a handle by which it can be cut while nothing moves on it.

use alloc::{sync::Arc, task::Wake};
use core::{
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
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

use crate::{
    admin, body::Body, config::ServerConfig, guard::Guard, hub::Hub, identity::PeerAddress,
    respond::Refusal, service::EventService,
};

/// What a listener serves.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    Public(EventService),
    Admin(Hub),
}

/// What the connections of a listener share.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) site: Site,
    pub(crate) config: Arc<ServerConfig>,
    /// On the loopback address, where a browser's pages from anywhere could reach it.
    pub(crate) guard: Option<Guard>,
}

impl Listening {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(Err(refusal)) = self.guard.as_ref().map(|guard| guard.check(&request)) {
            return Refusal::into_response(refusal);
        }
        match &self.site {
            Site::Public(service) => match service.clone().call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Site::Admin(hub) => admin::answer(hub, &request),
        }
    }
}

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
    peer: IpAddr,
    listening: Arc<Listening>,
    mut stop: watch::Receiver<bool>,
) {
    let config = &listening.config;
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
        request.extensions_mut().insert(PeerAddress(peer));
        let listening = listening.clone();
        async move { Ok::<_, Infallible>(listening.answer(request).await) }
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
    let mut signals = pin!(Signals::new(config.head_timeout, &line, &mut stop));
    let mut bell = None;
    loop {
        // A stream is polled for every event, the signals only when they ring.
        let signal = poll_fn(|cx| {
            // Whatever goes wrong on a connection concerns its peer alone, who knows.
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            let bell = Bell::of(&mut bell, cx);
            if !bell.rung.swap(false, Ordering::AcqRel) {
                return Poll::Pending;
            }
            let waker = Waker::from(bell.clone());
            signals.as_mut().poll_next(&mut Context::from_waker(&waker)).map(Some)
        });
        match signal.await {
            None | Some(Signal::Cut) => return,
            Some(Signal::HeadOverdue | Signal::Stop) if !line.spoke.load(Ordering::Relaxed) => {
                // One that has not finished a request yet is owed nothing.
                return;
            }
            Some(Signal::HeadOverdue) => {}
            Some(Signal::Stop) => connection.as_mut().graceful_shutdown(),
        }
        if let Some(bell) = &bell {
            bell.rung.store(true, Ordering::Release);
        }
    }
}

/// What may happen to a connection besides its traffic.
enum Signal {
    Cut,
    /// The time for the first head is over. Until the first request hyper watches no clock: it
    /// does not know which HTTP to expect.
    HeadOverdue,
    Stop,
}

type Pending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Waits for all of them at once; each but the cut comes once.
struct Signals<'a> {
    cut: Pending<'a>,
    head: Option<Pending<'a>>,
    stop: Option<Pending<'a>>,
}

impl<'a> Signals<'a> {
    fn new(head: Duration, line: &'a Line, stop: &'a mut watch::Receiver<bool>) -> Self {
        Self {
            cut: Box::pin(line.cut.notified()),
            head: Some(Box::pin(sleep(head))),
            // The sender lives as long as the accept loop; gone is as good as stopped.
            stop: Some(Box::pin(async { drop(stop.changed().await) })),
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Signal> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Signal::Cut);
        }
        if self.stop.as_mut().is_some_and(|stop| stop.as_mut().poll(cx).is_ready()) {
            self.stop = None;
            return Poll::Ready(Signal::Stop);
        }
        if self.head.as_mut().is_some_and(|head| head.as_mut().poll(cx).is_ready()) {
            self.head = None;
            return Poll::Ready(Signal::HeadOverdue);
        }
        Poll::Pending
    }
}

/// Wakes a task and tells it that a signal was the reason.
struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Bell {
    /// The bell for this task; a new one, rung so that the signals learn of it, if the task's waker
    /// has changed.
    fn of<'a>(bell: &'a mut Option<Arc<Self>>, cx: &Context<'_>) -> &'a Arc<Self> {
        if bell.as_ref().is_some_and(|bell| !bell.task.will_wake(cx.waker())) {
            *bell = None;
        }
        bell.get_or_insert_with(|| {
            Arc::new(Self { rung: AtomicBool::new(true), task: cx.waker().clone() })
        })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
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
