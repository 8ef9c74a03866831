//! `tokio_util::codec`: event streams on anything that is `AsyncRead` or `AsyncWrite`.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    encoder::OutgoingEvent,
    ending::Ending,
    error::DecodeError,
    frame::Frame,
    shared::{SharedDecoder, SharedItem},
};

/// Both directions for `FramedRead`, `FramedWrite` and `Framed`.
///
/// What it reads is itself a `Result`: a [`DecodeError`] is the loss of one event, after which the stream
/// goes on, whereas `FramedRead` ends at a codec's error. Only reading itself fails with that.
///
/// ```
/// use futures_util::StreamExt;
/// use sse_codec::{EventCodec, SharedItem};
/// use tokio_util::codec::FramedRead;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let socket = &b"data: a\n\ndata: b\n\n"[..];
/// let mut items = FramedRead::new(socket, EventCodec::new());
/// while let Some(item) = items.next().await {
///     match item? {
///         Ok(SharedItem::Event(event)) => println!("{}", event.data),
///         Ok(_) => {}
///         Err(dropped) => eprintln!("{dropped}"),
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Debug, Default)]
pub struct EventCodec {
    decoder: SharedDecoder,
    chunk: Bytes,
    ending: Ending,
}

impl EventCodec {
    /// Reads within the default limits, without comments.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use sse_codec::{EventCodec, OutgoingEvent};
    /// use tokio_util::codec::{Decoder, Encoder};
    ///
    /// let (mut codec, mut buffer) = (EventCodec::new(), BytesMut::new());
    /// codec.encode(OutgoingEvent::new().data("a"), &mut buffer)?;
    /// assert!(matches!(codec.decode(&mut buffer), Ok(Some(Ok(_)))));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads as `decoder` does.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use sse_codec::{EventCodec, SharedDecoder, SharedItem};
    /// use tokio_util::codec::Decoder;
    ///
    /// let mut codec = EventCodec::with_decoder(SharedDecoder::new().comments(true));
    /// let item = codec.decode(&mut BytesMut::from(": hi\n"));
    /// assert!(matches!(item, Ok(Some(Ok(SharedItem::Comment { .. })))));
    /// ```
    pub fn with_decoder(decoder: SharedDecoder) -> Self {
        Self { decoder, chunk: Bytes::new(), ending: Ending::default() }
    }

    /// The last event ID: what a reconnect sends.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use sse_codec::EventCodec;
    /// use tokio_util::codec::Decoder;
    ///
    /// let mut codec = EventCodec::new();
    /// assert!(matches!(codec.decode(&mut BytesMut::from("id: 7\n\n")), Ok(None)));
    /// assert_eq!(codec.last_event_id(), "7");
    /// ```
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The decoder: after the last item, its [pending event](SharedDecoder::pending_event) is what the stream was
    /// cut within.
    ///
    /// ```
    /// use futures_util::{FutureExt, StreamExt};
    /// use sse_codec::EventCodec;
    /// use tokio_util::codec::FramedRead;
    ///
    /// let mut items = FramedRead::new(&b"data: a\n\ndata: cu"[..], EventCodec::new());
    /// assert_eq!(items.by_ref().count().now_or_never(), Some(1));
    /// assert_eq!(items.decoder().decoder().pending_event(), Some(9));
    /// ```
    pub fn decoder(&self) -> &SharedDecoder {
        &self.decoder
    }

    /// The decoder, to go on with in the next stream: its last event ID is kept, an incomplete event is not.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use sse_codec::EventCodec;
    /// use tokio_util::codec::Decoder;
    ///
    /// let mut codec = EventCodec::new();
    /// assert!(matches!(codec.decode(&mut BytesMut::from("id: 7\n\ndata: cut")), Ok(None)));
    /// assert_eq!(codec.into_decoder().last_event_id(), "7");
    /// ```
    pub fn into_decoder(mut self) -> SharedDecoder {
        self.decoder.finish();
        self.decoder
    }
}

impl Decoder for EventCodec {
    type Item = Result<SharedItem, DecodeError>;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        loop {
            if let Some(item) = self.decoder.decode(&mut self.chunk).transpose() {
                return Ok(Some(item));
            }
            if source.is_empty() {
                return Ok(None);
            }
            self.ending.before_chunk(source, &mut self.decoder);
            // All there is: what is incomplete is the decoder's to keep, within its limits.
            self.chunk = source.split().freeze();
        }
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let item = self.decode(source)?;
        if item.is_none() {
            self.ending.at_end(&mut self.decoder);
        }
        Ok(item)
    }
}

impl Encoder<OutgoingEvent<'_>> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, event: OutgoingEvent<'_>, out: &mut BytesMut) -> io::Result<()> {
        event.encode_into(out);
        Ok(())
    }
}

impl Encoder<Frame> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> io::Result<()> {
        out.extend_from_slice(frame.as_bytes());
        Ok(())
    }
}
