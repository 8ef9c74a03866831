//! Events out of a blocking `std::io::Read`.

use alloc::{boxed::Box, vec};
use std::io::{self, Read};

use bytes::Bytes;
use thiserror::Error;

use crate::{
    ending::Ending,
    error::DecodeError,
    shared::{SharedDecoder, SharedItem},
};

/// How much is asked of the reader at a time: what a TLS record holds.
const READ: usize = 16 << 10;

/// The items of an event stream that is read from a file, a socket or a pipe.
///
/// An item is given as soon as its last byte was read. After an error of the reader the iterator may go on,
/// if the reader does; a [dropped event](ReadError::Decode) never ends the stream.
///
/// ```
/// use sse_codec::{Items, ReadError, SharedItem};
///
/// let stream = &b"data: a\n\ndata: b\n\n"[..];
/// for item in Items::new(stream) {
///     match item {
///         Ok(SharedItem::Event(event)) => println!("{}", event.data),
///         Ok(_) => {}
///         Err(ReadError::Decode(dropped)) => eprintln!("{dropped}"),
///         Err(error) => return Err(error),
///     }
/// }
/// # Ok::<(), sse_codec::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Items<R> {
    reader: R,
    decoder: SharedDecoder,
    buffer: Box<[u8]>,
    chunk: Bytes,
    ending: Ending,
}

/// Why there is no item.
///
/// ```
/// use sse_codec::{Items, Limits, ReadError, SharedDecoder};
///
/// let decoder = SharedDecoder::with_limits(Limits::default().line(8));
/// let mut items = Items::with_decoder(&b"data: too long\n\ndata: b\n\n"[..], decoder);
/// assert!(matches!(items.next(), Some(Err(ReadError::Decode(_)))));
/// assert!(matches!(items.next(), Some(Ok(_))));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The reader failed.
    #[error("the event stream could not be read")]
    Io(#[from] io::Error),
    /// One event passed a limit and was dropped; the next call goes on.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl<R: Read> Items<R> {
    /// The items of `reader`, within the default limits, without comments.
    ///
    /// ```
    /// use sse_codec::Items;
    ///
    /// assert_eq!(Items::new(&b"data: a\n\n: a comment\n"[..]).count(), 1);
    /// ```
    pub fn new(reader: R) -> Self {
        Self::with_decoder(reader, SharedDecoder::new())
    }

    /// The items of `reader` as `decoder` gives them.
    ///
    /// ```
    /// use sse_codec::{Items, SharedDecoder};
    ///
    /// let decoder = SharedDecoder::new().comments(true);
    /// assert_eq!(Items::with_decoder(&b"data: a\n\n: a comment\n"[..], decoder).count(), 2);
    /// ```
    pub fn with_decoder(reader: R, decoder: SharedDecoder) -> Self {
        Self {
            reader,
            decoder,
            buffer: vec![0; READ].into(),
            chunk: Bytes::new(),
            ending: Ending::default(),
        }
    }

    /// The decoder: its last event ID is what a reconnect sends, and its
    /// [pending event](SharedDecoder::pending_event), after the last item, is what the stream was cut within.
    ///
    /// ```
    /// use sse_codec::Items;
    ///
    /// let mut items = Items::new(&b"id: 7\ndata: a\n\n"[..]);
    /// assert_eq!(items.by_ref().count(), 1);
    /// assert_eq!(items.decoder().last_event_id(), "7");
    /// assert_eq!(items.decoder().pending_event(), None);
    ///
    /// let mut cut = Items::new(&b"data: a\n\ndata: cu"[..]);
    /// assert_eq!(cut.by_ref().count(), 1);
    /// assert_eq!(cut.decoder().pending_event(), Some(9));
    /// ```
    pub fn decoder(&self) -> &SharedDecoder {
        &self.decoder
    }

    /// The decoder, to go on with in the next stream: its last event ID is kept, an incomplete event is not.
    ///
    /// ```
    /// use sse_codec::Items;
    ///
    /// let mut items = Items::new(&b"id: 7\ndata: a\n\ndata: cut"[..]);
    /// assert_eq!(items.by_ref().count(), 1);
    /// let mut next = Items::with_decoder(&b"data: b\n\n"[..], items.into_decoder());
    /// assert_eq!(next.by_ref().count(), 1);
    /// assert_eq!(next.decoder().last_event_id(), "7");
    /// ```
    pub fn into_decoder(mut self) -> SharedDecoder {
        self.decoder.finish();
        self.decoder
    }

    fn read(&mut self) -> io::Result<usize> {
        loop {
            match self.reader.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(len) => {
                    // A copy of what came, and no more: a reader that gives a few bytes at a time makes
                    // small chunks, and no event keeps a whole buffer alive.
                    self.chunk = Bytes::copy_from_slice(&self.buffer[..len]);
                    return Ok(len);
                }
            }
        }
    }
}

impl<R: Read> Iterator for Items<R> {
    type Item = Result<SharedItem, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.decoder.decode(&mut self.chunk) {
                Ok(Some(item)) => return Some(Ok(item)),
                Err(error) => return Some(Err(error.into())),
                Ok(None) => {}
            }
            match self.read() {
                Ok(0) => {
                    self.ending.at_end(&mut self.decoder);
                    return None;
                }
                Ok(_) => self.ending.before_chunk(&self.chunk, &mut self.decoder),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}
