//! Bodies of responses.

use alloc::sync::Arc;
use core::{
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Frame, SizeHint};

use tokio::{task::AbortHandle, time::sleep};

use crate::{
    subscription::{Cut, Subscription},
    wire::{CutHandle, Wire, WireCounters},
};

/// The body of a response: a few bytes, or an event stream.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Bytes(Bytes),
    Pieces(Pieces),
    Stream(Subscription),
    Handed(Handed),
}

/// A stream that is handed over to its connection as soon as there is nothing more to write at once.
#[derive(Debug)]
struct Handed {
    /// Until then.
    stream: Option<Subscription>,
    to: Arc<Wire>,
}

impl Handed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let Some(stream) = &mut self.stream else {
            return self.to.lane.poll_over().map(|cut| cut.map(Err));
        };
        let next = Pin::new(stream).poll_next(cx);
        if next.is_pending() {
            // It wakes the connection's task, which writes it from now on.
            self.stream.take().into_iter().for_each(|stream| self.to.lane.hand_over(stream));
        }
        next
    }
}

/// A few bytes on a stream of HTTP/2, whose peer may open its window or not. In pieces, and without
/// saying at the last that it is the last, since a stream that has been given all is cut by nobody.
#[derive(Debug)]
struct Pieces {
    rest: Bytes,
    is_over: bool,
    cut: CutHandle,
    max_stall: Duration,
    counters: Arc<WireCounters>,
    /// Cuts the stream, unless something moves.
    alarm: AbortHandle,
}

/// How much goes out at once.
const PIECE: usize = 16 << 10;

impl Pieces {
    fn new(rest: Bytes, cut: CutHandle, max_stall: Duration, counters: Arc<WireCounters>) -> Self {
        let alarm = alarm(cut.clone(), max_stall, counters.clone());
        Self { rest, is_over: false, cut, max_stall, counters, alarm }
    }

    fn next(&mut self) -> Option<Bytes> {
        self.alarm.abort();
        if self.rest.is_empty() {
            self.is_over = true;
            return None;
        }
        self.alarm = alarm(self.cut.clone(), self.max_stall, self.counters.clone());
        Some(self.rest.split_to(self.rest.len().min(PIECE)))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.alarm.abort();
    }
}

fn alarm(cut: CutHandle, max_stall: Duration, counters: Arc<WireCounters>) -> AbortHandle {
    let alarm = async move {
        sleep(max_stall).await;
        counters.cut.fetch_add(1, Ordering::Relaxed);
        cut.cut();
    };
    tokio::spawn(alarm).abort_handle()
}

impl Body {
    /// Cut if nothing of it is taken for too long. The hub sees to that where it is a stream.
    pub(crate) fn watched(
        self,
        cut: CutHandle,
        max_stall: Duration,
        counters: Arc<WireCounters>,
    ) -> Self {
        match self.0 {
            Kind::Bytes(bytes) if !bytes.is_empty() => {
                Self(Kind::Pieces(Pieces::new(bytes, cut, max_stall, counters)))
            }
            kind @ (Kind::Bytes(_) | Kind::Pieces(_) | Kind::Stream(_) | Kind::Handed(_)) => {
                Self(kind)
            }
        }
    }

    /// Written by the task of this connection, as chunks of HTTP/1.1, if it is a stream.
    pub(crate) fn handed_to(self, to: Arc<Wire>) -> Self {
        match self.0 {
            Kind::Stream(stream) => Self(Kind::Handed(Handed { stream: Some(stream), to })),
            kind @ (Kind::Bytes(_) | Kind::Pieces(_) | Kind::Handed(_)) => Self(kind),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes(bytes))
    }
}

impl From<Subscription> for Body {
    fn from(subscription: Subscription) -> Self {
        Self(Kind::Stream(subscription))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.0 {
            Kind::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(core::mem::take(bytes))))),
            Kind::Pieces(pieces) => Poll::Ready(pieces.next().map(|piece| Ok(Frame::data(piece)))),
            Kind::Stream(stream) => Pin::new(stream).poll_next(cx).map_ok(Frame::data),
            Kind::Handed(handed) => handed.poll_next(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::Pieces(pieces) => pieces.is_over,
            Kind::Stream(_) | Kind::Handed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Pieces(pieces) => SizeHint::with_exact(pieces.rest.len() as u64),
            Kind::Stream(_) | Kind::Handed(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;

    use http_body_util::BodyExt;
    use tokio::{task::JoinHandle, time::advance};

    use super::*;
    use crate::wire::Writer;

    const STALL: Duration = Duration::from_secs(30);

    /// A body on a stream, the task that writes it, and how many were cut.
    fn watched(len: usize) -> (Body, JoinHandle<()>, Arc<WireCounters>) {
        let writer = Arc::new(Writer::default());
        let task = tokio::spawn(pending());
        writer.begin(task.abort_handle());
        let body = Body::from(Bytes::from(vec![b'x'; len]));
        let counters = Arc::<WireCounters>::default();
        (body.watched(CutHandle::new(writer), STALL, counters.clone()), task, counters)
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_nothing_is_cut_at_its_first_piece_and_after_its_last() {
        for taken in 0..=2 {
            let (mut body, task, counters) = watched(PIECE + 1);
            for _ in 0..taken {
                assert!(body.frame().await.is_some());
            }
            assert!(!http_body::Body::is_end_stream(&body));
            assert!(task.await.is_err_and(|error| error.is_cancelled()), "{taken}");
            assert_eq!(counters.cut.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_a_piece_in_time_takes_all_of_them() {
        let (mut body, task, counters) = watched(5 * PIECE);
        let mut len = 0;
        while let Some(Ok(frame)) = body.frame().await {
            len += frame.into_data().map_or(0, |piece| piece.len());
            advance(STALL - Duration::from_secs(1)).await;
        }
        drop(body);
        advance(2 * STALL).await;
        assert!(len == 5 * PIECE && !task.is_finished());
        assert_eq!(counters.cut.load(Ordering::Relaxed), 0);
    }
}
