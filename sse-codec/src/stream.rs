//! Events out of an asynchronous stream of chunks.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use thiserror::Error;

use crate::{
    ending::Ending,
    error::DecodeError,
    shared::{SharedDecoder, SharedItem},
};

pin_project! {
    /// The items of an event stream that arrives as a `Stream` of chunks, such as the body of a response.
    ///
    /// It ends when the chunks do; what was incomplete then is dropped, as the standard has it. A
    /// [dropped event](StreamError::Decode) does not end it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{StreamExt, stream};
    /// use sse_codec::{EventStream, SharedItem, StreamError};
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// let chunks = ["data: a\n", "\ndata: b\n\n"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
    /// let mut events = EventStream::new(stream::iter(chunks));
    /// while let Some(item) = events.next().await {
    ///     match item {
    ///         Ok(SharedItem::Event(event)) => println!("{}", event.data),
    ///         Ok(_) => {}
    ///         Err(StreamError::Decode(dropped)) => eprintln!("{dropped}"),
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok::<(), sse_codec::StreamError<std::io::Error>>(())
    /// # }).unwrap().unwrap();
    /// ```
    /// A stream or a body that is not [`Unpin`] is pinned first: `let mut events = pin!(EventStream::new(chunks));`,
    /// with [`core::pin::pin`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S> {
        #[pin]
        chunks: S,
        decoder: SharedDecoder,
        chunk: Bytes,
        ending: Ending,
    }
}

/// Why there is no item.
///
/// ```
/// use futures_util::{FutureExt, StreamExt, stream};
/// use sse_codec::{EventStream, StreamError};
///
/// let chunks = stream::iter([Err::<bytes::Bytes, _>("reset by peer")]);
/// let error = EventStream::new(chunks).next().now_or_never().flatten();
/// assert!(matches!(error, Some(Err(StreamError::Chunk("reset by peer")))));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The stream of chunks failed. What it does after that is its own affair.
    #[error("the event stream could not be read")]
    Chunk(#[source] E),
    /// One event passed a limit and was dropped; the next item follows.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl<S> EventStream<S> {
    /// The items of `chunks`, within the default limits, without comments.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::EventStream;
    ///
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("data: a\n\n: a comment\n"))]);
    /// assert_eq!(EventStream::new(chunks).count().now_or_never(), Some(1));
    /// ```
    pub fn new(chunks: S) -> Self {
        Self::with_decoder(chunks, SharedDecoder::new())
    }

    /// The items of `chunks` as `decoder` gives them.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::{EventStream, SharedDecoder};
    ///
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("data: a\n\n: a comment\n"))]);
    /// let items = EventStream::with_decoder(chunks, SharedDecoder::new().comments(true));
    /// assert_eq!(items.count().now_or_never(), Some(2));
    /// ```
    pub fn with_decoder(chunks: S, decoder: SharedDecoder) -> Self {
        Self { chunks, decoder, chunk: Bytes::new(), ending: Ending::default() }
    }

    /// The last event ID: what a reconnect sends.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::EventStream;
    ///
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("id: 7\ndata: a\n\n"))]);
    /// let mut events = EventStream::new(chunks);
    /// assert!(events.next().now_or_never().is_some());
    /// assert_eq!(events.last_event_id(), "7");
    /// ```
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The decoder: after the last item, its [pending event](SharedDecoder::pending_event) is what the stream was
    /// cut within.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::EventStream;
    ///
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("data: a\n\ndata: cu"))]);
    /// let mut events = EventStream::new(chunks);
    /// assert_eq!(events.by_ref().count().now_or_never(), Some(1));
    /// assert_eq!(events.decoder().pending_event(), Some(9));
    /// ```
    pub fn decoder(&self) -> &SharedDecoder {
        &self.decoder
    }

    /// The decoder, which keeps its last event ID, for the stream of the next connection.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::{FutureExt, StreamExt, stream};
    /// use sse_codec::EventStream;
    ///
    /// let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from("id: 7\ndata: a\n\n"))]);
    /// let mut events = EventStream::new(chunks);
    /// assert!(events.next().now_or_never().unwrap().is_some());
    /// let next = EventStream::with_decoder(
    ///     stream::empty::<std::io::Result<Bytes>>(),
    ///     events.into_decoder(),
    /// );
    /// assert_eq!(next.last_event_id(), "7");
    /// ```
    pub fn into_decoder(mut self) -> SharedDecoder {
        self.decoder.finish();
        self.decoder
    }
}

impl<S, B, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    type Item = Result<SharedItem, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            match this.decoder.decode(this.chunk) {
                Ok(Some(item)) => return Poll::Ready(Some(Ok(item))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
                Ok(None) if this.ending.is_ended() => return Poll::Ready(None),
                Ok(None) => {}
            }
            match ready!(this.chunks.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => {
                    *this.chunk = chunk.into();
                    this.ending.before_chunk(this.chunk, this.decoder);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(StreamError::Chunk(error)))),
                None => this.ending.at_end(this.decoder),
            }
        }
    }
}

impl<S, B, E> FusedStream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    fn is_terminated(&self) -> bool {
        self.ending.is_ended()
    }
}
