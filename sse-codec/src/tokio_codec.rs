//! `tokio_util::codec`: event streams on anything that is `AsyncRead` or `AsyncWrite`.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    encoder::OutgoingEvent,
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
}

impl EventCodec {
    /// Reads within the default limits, without comments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads as `decoder` does.
    pub fn with_decoder(decoder: SharedDecoder) -> Self {
        Self { decoder, chunk: Bytes::new() }
    }

    /// The last event ID: what a reconnect sends.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The decoder, to go on with in the next stream: its last event ID is kept, an incomplete event is not.
    pub fn into_decoder(mut self) -> SharedDecoder {
        self.decoder.finish();
        self.decoder
    }
}

impl Decoder for EventCodec {
    type Item = Result<SharedItem, DecodeError>;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        if self.chunk.is_empty() {
            // All there is: what is incomplete is the decoder's to keep, within its limits.
            self.chunk = source.split().freeze();
        }
        Ok(self.decoder.decode(&mut self.chunk).transpose())
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        loop {
            match self.decode(source)? {
                None if source.is_empty() => {
                    self.decoder.finish();
                    return Ok(None);
                }
                None => {}
                item => return Ok(item),
            }
        }
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
