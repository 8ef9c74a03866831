//! What a response goes out by, and how it is cut while nothing moves there: a body is not polled
//! while its socket is blocked, so nothing within the response could.
//!
//! The hub cuts a subscriber that does not read. Whatever else is written, be it an answer to a
//! long-poll or the rest of a stream that has ended, is bounded by the wire itself.

use alloc::sync::Arc;
use core::{
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{io, sync::OnceLock};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
    task::AbortHandle,
    task_local,
    time::{Sleep, sleep},
};

use crate::lane::Lane;

/// The task that writes a response: of HTTP/1.1 the connection's, of HTTP/2 one of its own. Ending
/// it resets the connection, or of HTTP/2 this stream alone.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    task: OnceLock<AbortHandle>,
    is_cut: AtomicBool,
    /// A request has come, so whoever is there speaks HTTP.
    pub(crate) has_asked: AtomicBool,
    /// What it writes may go on for hours, so that it must see whether anybody is there.
    watches: AtomicBool,
}

impl Writer {
    /// Says which task it is.
    pub(crate) fn begin(&self, task: AbortHandle) {
        if self.task.set(task).is_ok() && self.is_cut.load(Ordering::SeqCst) {
            self.cut();
        }
    }

    /// A request has come. Whoever sends one may be done with sending.
    pub(crate) fn begin_answer(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
        self.watches.store(false, Ordering::Relaxed);
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Cuts a response, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct CutHandle(Arc<Writer>);

impl CutHandle {
    pub(crate) const fn new(writer: Arc<Writer>) -> Self {
        Self(writer)
    }

    /// Of the HTTP/2 stream whose task this is called in.
    pub(crate) fn of_stream() -> Option<Self> {
        WRITER.try_with(|writer| Self(writer.clone())).ok()
    }

    pub(crate) fn cut(&self) {
        self.0.cut();
    }

    /// Has the end of the peer noticed from now on, until it asks for something else.
    pub(crate) fn watch_peer(&self) {
        self.0.watches.store(true, Ordering::Relaxed);
    }
}

task_local! {
    static WRITER: Arc<Writer>;
}

/// What the wires of a hub's listeners have seen.
#[derive(Debug, Default)]
pub(crate) struct WireCounters {
    /// Connections and streams that were cut, since nothing of what was to be written moved.
    pub(crate) cut: AtomicU64,
    /// Streams of HTTP/1.1 whose peer was seen to have hung up, by what it sent or by what could not
    /// be written.
    pub(crate) lost: AtomicU64,
}

/// Runs each stream of an HTTP/2 connection as a task that can be cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<AtomicUsize>);

impl Streams {
    /// Whether there is one.
    pub(crate) fn are_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Counts a stream for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(streams: &Streams) -> Self {
        streams.0.fetch_add(1, Ordering::Relaxed);
        Self(streams.0.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let writer = Arc::new(Writer::default());
        let open = Open::new(self);
        let task = tokio::spawn(WRITER.scope(writer.clone(), async move {
            let _open = open;
            stream.await;
        }));
        writer.begin(task.abort_handle());
    }
}

/// A connection's socket, for those who write and for those who watch. One that was cut is closed
/// by a reset: what waits in its buffers is given up.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    writer: Arc<Writer>,
    /// For how long nothing that is to be written may move.
    max_stall: Duration,
    counters: Arc<WireCounters>,
    pub(crate) lane: Lane,
    /// The connection's task writes a stream itself, so that hyper must not write.
    is_driven: AtomicBool,
}

/// By how much longer a stream may stand still at the wire than at its hub: the hub, which knows who
/// it is, judges and counts it first.
const SPARE: Duration = Duration::from_secs(1);

impl Wire {
    pub(crate) fn new(
        socket: TcpStream,
        writer: Arc<Writer>,
        max_stall: Duration,
        counters: Arc<WireCounters>,
    ) -> Self {
        let is_driven = AtomicBool::new(false);
        Self { socket, writer, max_stall, counters, lane: Lane::default(), is_driven }
    }

    /// Which HTTP the peer begins with, and, seldom, what it took to tell, which hyper is to read.
    pub(crate) async fn version(&self) -> io::Result<(Version, Vec<u8>)> {
        let mut early = [0; PREFACE.len()];
        let len = self.socket.peek(&mut early).await?;
        if early == *PREFACE {
            return Ok((Version::Http2, Vec::new()));
        }
        if len == 0 || !PREFACE.starts_with(&early[..len]) {
            return Ok((Version::Http1, Vec::new()));
        }
        // The preface in pieces, or a POST: peeking on would not wait for more.
        let mut early = Vec::new();
        while early.len() < PREFACE.len() && PREFACE.starts_with(&early) {
            let mut bytes = [0; PREFACE.len()];
            self.socket.readable().await?;
            match self.socket.try_read(&mut bytes[early.len()..]) {
                Ok(0) => break,
                Ok(len) => early.extend_from_slice(&bytes[early.len()..][..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let version = if early == PREFACE { Version::Http2 } else { Version::Http1 };
        Ok((version, early))
    }

    /// Whether the peer has hung up in the middle of a stream. hyper would look as well, but keeps
    /// 16 KiB at hand for what such a peer might send. `is_armed`, false at first, says that the
    /// socket wakes the task.
    pub(crate) fn has_lost_peer(&self, is_armed: &mut bool, cx: &mut Context<'_>) -> bool {
        // Woken for something else, as it is for every event.
        if *is_armed && !self.is_readable() {
            return false;
        }
        *is_armed = false;
        let watches = &self.writer.watches;
        if !watches.load(Ordering::Relaxed) {
            return false;
        }
        let mut byte = [0];
        match self.socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Pending => {
                *is_armed = true;
                false
            }
            Poll::Ready(Ok(1..)) => {
                // It has the next request waiting; its end shows when something is written.
                watches.store(false, Ordering::Relaxed);
                false
            }
            Poll::Ready(Ok(0) | Err(_)) => {
                self.lose_peer();
                true
            }
        }
    }

    /// The peer was seen to be gone: once, if that was in the middle of a stream.
    fn lose_peer(&self) {
        let marks = [&self.is_driven, &self.writer.watches];
        if marks.map(|mark| mark.swap(false, Ordering::Relaxed)).contains(&true) {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The stream of the lane is written past hyper from now on.
    pub(crate) fn begin_driving(&self) {
        self.is_driven.store(true, Ordering::Relaxed);
    }

    /// The stream that was driven, and watched, has come to its end.
    pub(crate) fn end_driving(&self) {
        self.is_driven.store(false, Ordering::Relaxed);
        self.writer.watches.store(false, Ordering::Relaxed);
    }

    /// For how long nothing may move, by what is written.
    fn patience(&self) -> Duration {
        let is_stream = [&self.is_driven, &self.writer.watches];
        let is_stream = is_stream.iter().any(|is| is.load(Ordering::Relaxed));
        if is_stream { self.max_stall.saturating_add(SPARE) } else { self.max_stall }
    }

    /// Whether the socket has something to read, as far as is known without asking it.
    fn is_readable(&self) -> bool {
        self.socket.try_io(Interest::READABLE, || Ok(())).is_ok()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.writer.is_cut.load(Ordering::SeqCst) {
            let _ = self.socket.set_zero_linger();
        }
    }
}

/// Versions of HTTP, as told by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// What HTTP/2 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The end of a [`Wire`] that is given to hyper.
#[derive(Debug)]
pub(crate) struct WireEnd {
    wire: Arc<Wire>,
    /// To be read before what the socket has.
    early: Vec<u8>,
    /// While a write waits: until when it may.
    stall: Option<Pin<Box<Sleep>>>,
}

/// Up to how many bytes are copied together: to write so little from one place costs less than to
/// have the kernel gather it, and more would need memory to copy into.
const SMALL: usize = 512;

impl WireEnd {
    pub(crate) const fn new(wire: Arc<Wire>, early: Vec<u8>) -> Self {
        Self { wire, early, stall: None }
    }

    /// Acts as soon as the socket lets it. What it is ready for is known mostly, so acting comes
    /// first.
    fn poll_try<T>(
        &self,
        cx: &mut Context<'_>,
        ready: impl Fn(&TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>,
        mut act: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let socket = &self.wire.socket;
        loop {
            match act(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            ready!(ready(socket, cx))?;
        }
    }

    /// That hyper may write: in the middle of a driven stream its bytes would tear a chunk.
    fn check_hyper(&self) -> io::Result<()> {
        if self.wire.is_driven.load(Ordering::Relaxed) {
            return Err(io::Error::other("hyper writes in the middle of a stream that is driven"));
        }
        Ok(())
    }

    /// Writes as soon as the socket lets it, and cuts the connection if it does not for too long.
    pub(crate) fn poll_put(
        &mut self,
        cx: &mut Context<'_>,
        put: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        // Before the clock is looked at: the process may have stood still, and not the peer.
        if let Poll::Ready(result) = self.poll_try(cx, TcpStream::poll_write_ready, put) {
            self.stall = None;
            if result.is_err() {
                // Most often an event finds out sooner than a look at what the peer sends.
                self.wire.lose_peer();
            }
            return Poll::Ready(result);
        }
        let wire = &self.wire;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(wire.patience())));
        ready!(stall.as_mut().poll(cx));
        self.wire.counters.cut.fetch_add(1, Ordering::Relaxed);
        self.wire.writer.is_cut.store(true, Ordering::SeqCst);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for WireEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let len = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early[..len]);
            self.early.drain(..len);
            return Poll::Ready(Ok(()));
        }
        self.poll_try(cx, TcpStream::poll_read_ready, |socket| socket.try_read_buf(buf).map(drop))
    }
}

impl AsyncWrite for WireEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_hyper()?;
        self.poll_put(cx, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        if len > SMALL {
            self.check_hyper()?;
            return self.poll_put(cx, |socket| socket.try_write_vectored(pieces));
        }
        let mut whole = [0; SMALL];
        let mut at = 0;
        for piece in pieces {
            whole[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        self.poll_write(cx, &whole[..len])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket holds nothing back.
        self.wire.lane.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&self.wire.socket).shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use core::{future::poll_fn, net::Ipv4Addr, pin::pin};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn wire(socket: TcpStream, writer: Arc<Writer>) -> Wire {
        Wire::new(socket, writer, Duration::MAX, Arc::default())
    }

    /// Which version a peer is taken for that writes this in two parts, the first of which was seen
    /// alone, and what is read of it then.
    async fn taken_for(first: &str, rest: &str) -> io::Result<(Version, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut peer = TcpStream::connect(listener.local_addr()?).await?;
        let wire = wire(listener.accept().await?.0, Arc::default());
        peer.write_all(first.as_bytes()).await?;
        wire.socket.readable().await?;
        let (version, early) = {
            let mut version = pin!(wire.version());
            let told = tokio::select! {
                biased;
                told = version.as_mut() => Some(told?),
                () = core::future::ready(()) => None,
            };
            peer.write_all(rest.as_bytes()).await?;
            peer.shutdown().await?;
            match told {
                Some(told) => told,
                None => version.await?,
            }
        };
        let mut read = String::new();
        WireEnd::new(Arc::new(wire), early).read_to_string(&mut read).await?;
        Ok((version, read))
    }

    #[tokio::test]
    async fn the_version_is_told_however_its_first_bytes_come_and_none_of_them_is_lost() {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for (text, version) in [
            ("POST /publish HTTP/1.1\r\n", Version::Http1),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Version::Http1),
            ("PRI * HTTP/2.0\r\n\r\nXX and more that is not the preface", Version::Http1),
            ("PR", Version::Http1),
            (preface, Version::Http2),
            (&format!("{preface}frames"), Version::Http2),
        ] {
            for at in 1..=text.len() {
                let (first, rest) = text.split_at(at);
                let taken = taken_for(first, rest).await.expect("the sockets work");
                assert_eq!(taken, (version, text.to_owned()), "{first:?} {rest:?}");
            }
        }
    }

    #[tokio::test]
    async fn hyper_writes_nothing_into_a_stream_that_is_driven() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut peer = TcpStream::connect(listener.local_addr()?).await?;
        let wire = Arc::new(wire(listener.accept().await?.0, Arc::default()));
        let mut hyper = WireEnd::new(wire.clone(), Vec::new());
        wire.begin_driving();
        let large = [0; SMALL + 1];
        assert!(hyper.write(b"torn").await.is_err());
        assert!(hyper.write_vectored(&[io::IoSlice::new(b"torn")]).await.is_err());
        assert!(hyper.write_vectored(&[io::IoSlice::new(&large)]).await.is_err());
        wire.end_driving();
        hyper.write_all(b"whole").await?;
        hyper.shutdown().await?;
        let mut read = String::new();
        peer.read_to_string(&mut read).await?;
        assert_eq!(read, "whole");
        Ok(())
    }

    #[tokio::test]
    async fn one_that_is_done_with_sending_is_gone_in_a_stream_and_waits_for_its_answer_after_one()
    -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut peer = TcpStream::connect(listener.local_addr()?).await?;
        let writer = Arc::new(Writer::default());
        let wire = wire(listener.accept().await?.0, writer.clone());
        let lost = || poll_fn(|cx| Poll::Ready(wire.has_lost_peer(&mut false, cx)));
        CutHandle::new(writer.clone()).watch_peer();
        assert!(!lost().await);
        peer.shutdown().await?;
        wire.socket.readable().await?;
        assert!(lost().await);
        assert_eq!(wire.counters.lost.load(Ordering::Relaxed), 1);
        writer.begin_answer();
        assert!(!lost().await);
        Ok(())
    }
}
