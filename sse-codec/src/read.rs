//! Events out of a blocking `std::io::Read`.

use alloc::{boxed::Box, vec};
use std::io::{self, Read};

use bytes::Bytes;
use thiserror::Error;

use crate::{
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
/// use sse_codec::{Items, SharedItem};
///
/// let stream = &b"data: a\n\ndata: b\n\n"[..];
/// for item in Items::new(stream) {
///     if let SharedItem::Event(event) = item? {
///         println!("{}", event.data);
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
}

/// Why there is no item.
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
    pub fn new(reader: R) -> Self {
        Self::with_decoder(reader, SharedDecoder::new())
    }

    /// The items of `reader` as `decoder` gives them.
    pub fn with_decoder(reader: R, decoder: SharedDecoder) -> Self {
        Self { reader, decoder, buffer: vec![0; READ].into(), chunk: Bytes::new() }
    }

    /// The decoder: its last event ID is what a reconnect sends.
    ///
    /// ```
    /// use sse_codec::Items;
    ///
    /// let mut items = Items::new(&b"id: 7\ndata: a\n\n"[..]);
    /// assert_eq!(items.by_ref().count(), 1);
    /// assert_eq!(items.decoder().last_event_id(), "7");
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
                    self.decoder.finish();
                    return None;
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}
