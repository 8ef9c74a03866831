//! Event streams as bodies of HTTP messages: frames to a response's body, a response's body to events.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::{frame::Frame, shared::SharedDecoder, stream::EventStream};

pin_project! {
    /// A response's body: the blocks that a stream gives, each as soon as it is there.
    ///
    /// The stream's items are [`Frame`]s, or events to encode. Send it with `Content-Type:
    /// text/event-stream`; nothing is said here about status and headers.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use futures_util::stream;
    /// use http_body_util::BodyExt;
    /// use sse_codec::{EventBody, OutgoingEvent};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let events = ["a", "b"].map(|data| Ok::<_, Infallible>(OutgoingEvent::new().data(data)));
    /// let body = EventBody::new(stream::iter(events));
    /// let bytes = body.collect().await?.to_bytes();
    /// assert_eq!(bytes, "data: a\n\ndata: b\n\n");
    /// # Ok::<(), Infallible>(())
    /// # }).unwrap().unwrap();
    /// ```
    #[derive(Debug)]
    pub struct EventBody<S> {
        #[pin]
        blocks: S,
    }
}

impl<S> EventBody<S> {
    /// The body of the blocks that `blocks` gives.
    ///
    /// ```
    /// use futures_util::{FutureExt, stream};
    /// use http_body_util::BodyExt;
    /// use sse_codec::{EventBody, Frame};
    ///
    /// let frames = stream::iter([Ok::<_, std::io::Error>(Frame::comment("hi"))]);
    /// let body = EventBody::new(frames).collect().now_or_never().expect("frames are there");
    /// assert_eq!(body?.to_bytes(), ": hi\n\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(blocks: S) -> Self {
        Self { blocks }
    }
}

impl<S, F, E> Body for EventBody<S>
where
    S: Stream<Item = Result<F, E>>,
    F: Into<Frame>,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, E>>> {
        let block = ready!(self.project().blocks.poll_next(cx));
        Poll::Ready(
            block.map(|block| block.map(|block| http_body::Frame::data(block.into().into()))),
        )
    }
}

pin_project! {
    /// The chunks of a body, as [`EventStream`] wants them. Trailers are passed over.
    ///
    /// Made by [`EventStream::from_body`]; its name is for who keeps that stream in a struct.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::Full;
    /// use sse_codec::{BodyChunks, EventStream};
    ///
    /// struct Answer {
    ///     events: EventStream<BodyChunks<Full<Bytes>>>,
    /// }
    ///
    /// let answer = Answer { events: EventStream::from_body(Full::new(Bytes::new())) };
    /// assert_eq!(answer.events.last_event_id(), "");
    /// ```
    #[derive(Debug)]
    pub struct BodyChunks<B> {
        #[pin]
        body: B,
    }
}

impl<B> EventStream<BodyChunks<B>> {
    /// The items of a response's body, within the default limits, without comments. A body that is not [`Unpin`] is
    /// pinned first: `pin!(EventStream::from_body(body))`, with [`core::pin::pin`].
    ///
    /// ```
    /// use futures_util::{FutureExt, StreamExt};
    /// use http_body_util::Full;
    /// use sse_codec::{EventStream, SharedItem};
    ///
    /// let body = Full::new(bytes::Bytes::from("data: a\n\n"));
    /// let mut events = EventStream::from_body(body);
    /// let item = events.next().now_or_never().flatten();
    /// assert!(matches!(item, Some(Ok(SharedItem::Event(event))) if event.data == "a"));
    /// ```
    pub fn from_body(body: B) -> Self {
        Self::new(BodyChunks { body })
    }

    /// The items of a response's body as `decoder` gives them.
    ///
    /// ```
    /// use futures_util::{FutureExt, StreamExt};
    /// use http_body_util::Full;
    /// use sse_codec::{EventStream, SharedDecoder};
    ///
    /// let body = Full::new(bytes::Bytes::from(": a comment\n"));
    /// let items = EventStream::from_body_with(body, SharedDecoder::new().comments(true));
    /// assert_eq!(items.count().now_or_never(), Some(1));
    /// ```
    pub fn from_body_with(body: B, decoder: SharedDecoder) -> Self {
        Self::with_decoder(BodyChunks { body }, decoder)
    }
}

impl<B: Body> Stream for BodyChunks<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.project().body;
        loop {
            match ready!(body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        // Of `Bytes` this is no copy.
                        let bytes = data.copy_to_bytes(data.remaining());
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }
}
