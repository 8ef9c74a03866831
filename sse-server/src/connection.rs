//! One connection, from its first byte to its end.

use alloc::sync::Arc;
use core::{
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::{Pin, pin},
    sync::atomic::Ordering,
    task::{Context, Poll},
    time::Duration,
};
use std::io;

use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tower_service::Service;

use crate::{
    admin,
    body::Body,
    config::ServerConfig,
    crowd::Place,
    guard::Guard,
    hub::Hub,
    identity::PeerAddress,
    lane::Driving,
    respond::Refusal,
    service::EventService,
    stop::Stop,
    wire::{CutHandle, Streams, Version, Wire, WireCounters, WireEnd, Writer},
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
    pub(crate) stop: Arc<Stop>,
    /// For how long a peer may take nothing of what there is for it.
    pub(crate) max_stall: Duration,
    pub(crate) counters: Arc<WireCounters>,
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

/// Serves one connection to its end, or until `writer` is cut. Its place comes free then.
pub(crate) async fn serve(
    socket: TcpStream,
    (peer, _place): (IpAddr, Place),
    listening: Arc<Listening>,
    writer: Arc<Writer>,
) {
    let config = &listening.config;
    // None is needed for correctness; a socket that refuses is about to fail anyway.
    let _ = socket.set_nodelay(true);
    let _ = socket2::SockRef::from(&socket).set_send_buffer_size(config.send_buffer);
    let _ = notice_vanished(&socket, listening.max_stall);

    let counters = &listening.counters;
    let wire = Arc::new(Wire::new(socket, writer.clone(), listening.max_stall, counters.clone()));
    let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
        writer.begin_answer();
        request.extensions_mut().insert(PeerAddress(peer));
        let (listening, writer, wire) = (listening.clone(), writer.clone(), wire.clone());
        async move {
            // A stream of HTTP/2 shares its connection with others, which a cut must leave alone.
            let cut = match request.version() {
                http::Version::HTTP_2 => CutHandle::of_stream(),
                _ => Some(CutHandle::new(writer)),
            };
            let watch = cut.clone();
            let version = request.version();
            if let Some(cut) = cut {
                request.extensions_mut().insert(cut);
            }
            let answer = listening.answer(request).await;
            Ok::<_, Infallible>(match (version, watch) {
                // The wire sees to it that what HTTP/1 writes is taken.
                (http::Version::HTTP_11, _) => answer.map(|body| body.handed_to(wire)),
                (http::Version::HTTP_2, Some(cut)) => {
                    let Listening { max_stall, counters, .. } = &*listening;
                    answer.map(|body| body.watched(cut, *max_stall, counters.clone()))
                }
                _ => answer,
            })
        }
    });

    let deadline = Instant::now() + config.head_timeout;
    let version = tokio::select! {
        version = wire.version() => version,
        // One that has not even begun a request is owed nothing.
        () = sleep_until(deadline) => return,
        () = listening.stop.wait() => return,
    };
    let driven = Driven { wire: &wire, writer: &writer, stop: &listening.stop };
    match version {
        Ok((Version::Http1, early)) => {
            let mut builder = http1::Builder::new();
            builder
                // Without a timer hyper ignores its time-outs.
                .timer(TokioTimer::new())
                .header_read_timeout(config.head_timeout)
                // Whether a stream's peer is there is seen by the wire.
                .half_close(true)
                .max_buf_size(MAX_BUFFER);
            let io = TokioIo::new(WireEnd::new(wire.clone(), early));
            let connection = pin!(builder.serve_connection(io, service));
            driven.run(connection, http1::Connection::graceful_shutdown, None).await;
        }
        Ok((Version::Http2, early)) => {
            let streams = Streams::default();
            let mut builder = http2::Builder::new(streams.clone());
            builder
                .timer(TokioTimer::new())
                .keep_alive_interval(config.head_timeout)
                .keep_alive_timeout(config.head_timeout)
                .max_header_list_size(MAX_BUFFER as u32)
                .max_send_buf_size(MAX_BUFFER);
            let io = TokioIo::new(WireEnd::new(wire.clone(), early));
            // Boxed, so that those of HTTP/1.1 are no larger for it.
            let mut connection = Box::pin(builder.serve_connection(io, service));
            let idle = Idle::new(streams, deadline, config.idle_timeout);
            driven.run(connection.as_mut(), http2::Connection::graceful_shutdown, Some(idle)).await;
        }
        // Whatever goes wrong on a connection concerns its peer alone, who knows.
        Err(_) => {}
    }
}

/// Has the kernel give up a peer that has vanished: heartbeats would wait in the buffer for as long
/// as there is room, and be sent again for a quarter of an hour.
#[cfg(target_os = "linux")]
fn notice_vanished(socket: &TcpStream, max_stall: Duration) -> io::Result<()> {
    // A peer that is there and does not read is cut by ourselves, which it is told.
    let most = Duration::from_millis(i32::MAX as u64);
    let within = max_stall.saturating_add(Duration::from_secs(1)).min(most);
    socket2::SockRef::from(socket).set_tcp_user_timeout(Some(within))
}

/// The same as far as it can be had.
#[cfg(not(target_os = "linux"))]
fn notice_vanished(socket: &TcpStream, max_stall: Duration) -> io::Result<()> {
    let keepalive = socket2::TcpKeepalive::new().with_time(max_stall);
    socket2::SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// A clock for connections of HTTP/2: hyper watches none until the first request, and between
/// requests one that only asks whether its peer is alive.
struct Idle {
    streams: Streams,
    timeout: Duration,
    /// Boxed, so that connections of HTTP/1.1 are no larger for it.
    until: Pin<Box<Sleep>>,
    runs: bool,
}

impl Idle {
    fn new(streams: Streams, first: Instant, timeout: Duration) -> Self {
        Self { streams, timeout, until: Box::pin(sleep_until(first)), runs: true }
    }

    /// Comes true when no stream has been open for so long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.streams.are_open() {
            self.runs = false;
            return Poll::Pending;
        }
        if !core::mem::replace(&mut self.runs, true) {
            let until = Instant::now() + self.timeout;
            self.until.as_mut().reset(until);
        }
        self.until.as_mut().poll(cx)
    }
}

/// What a connection is driven by besides its own future.
struct Driven<'a> {
    wire: &'a Arc<Wire>,
    writer: &'a Writer,
    stop: &'a Stop,
}

impl Driven<'_> {
    /// Polls a connection to its end, which `idle` hastens.
    async fn run<C: Future>(
        self,
        mut connection: Pin<&mut C>,
        shut_down: impl Fn(Pin<&mut C>),
        mut idle: Option<Idle>,
    ) {
        let Self { wire, writer, stop } = self;
        let mut word = pin!(stop.word());
        let (mut waits, mut is_stopping) = (false, false);
        let (mut has_asked, mut is_armed) = (false, false);
        let mut driving: Option<Driving> = None;
        poll_fn(|cx| {
            // Once is enough: it is always this task that polls. So an event costs a look at flags.
            if !core::mem::replace(&mut waits, true) {
                let _ = word.as_mut().poll(cx);
            }
            loop {
                match driving.as_mut().map(|driving| driving.poll(wire, cx)) {
                    // hyper has nothing to do meanwhile.
                    Some(Poll::Pending) => {}
                    Some(Poll::Ready(Err(_))) => return Poll::Ready(()),
                    Some(Poll::Ready(Ok(()))) | None => {
                        driving = None;
                        if connection.as_mut().poll(cx).is_ready() {
                            return Poll::Ready(());
                        }
                        driving = Driving::begin(wire);
                        if driving.is_some() {
                            continue;
                        }
                    }
                }
                if wire.has_lost_peer(&mut is_armed, cx) {
                    return Poll::Ready(());
                }
                // For all but the first few polls it has.
                has_asked = has_asked || writer.has_asked.load(Ordering::Relaxed);
                let is_idle = idle.as_mut().is_some_and(|idle| idle.poll(cx).is_ready());
                if is_stopping || !(is_idle || stop.is_said()) {
                    return Poll::Pending;
                }
                (is_stopping, idle) = (true, None);
                if !has_asked {
                    // One that has not finished a request yet is owed nothing.
                    return Poll::Ready(());
                }
                shut_down(connection.as_mut());
            }
        })
        .await;
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_gives_up_a_peer_that_has_vanished() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let socket = TcpStream::connect(address).await.expect("it listens");
        for (max_stall, expected) in
            [(Duration::from_secs(30), 31_000), (Duration::MAX, i32::MAX as u128)]
        {
            notice_vanished(&socket, max_stall).expect("Linux can");
            let timeout = socket2::SockRef::from(&socket).tcp_user_timeout();
            let millis = timeout.expect("it was set").map(|timeout| timeout.as_millis());
            assert_eq!(millis, Some(expected));
        }
    }
}
