//! Encoded blocks that many share.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::{encoder::OutgoingEvent, text::text_lines};

/// An encoded block: encoded once, shared by every subscriber. Cloning it copies no bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A comment block: a `:` line for each line of `text`, then a blank line.
    ///
    /// ```
    /// assert_eq!(sse_codec::Frame::comment("still here").as_bytes(), b": still here\n\n");
    /// ```
    pub fn comment(text: &str) -> Self {
        let mut out = Vec::with_capacity(text.len() + ": \n\n".len());
        for line in text_lines(text.as_bytes()) {
            out.extend_from_slice(if line.is_empty() { b":" } else { b": " });
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        out.push(b'\n');
        Self::encoded(out)
    }

    /// `block` is one or more whole blocks.
    pub(crate) fn encoded(block: Vec<u8>) -> Self {
        Self(Bytes::from(block))
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoded bytes, shared.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<OutgoingEvent<'_>> for Frame {
    fn from(event: OutgoingEvent<'_>) -> Self {
        event.encode()
    }
}

impl From<&OutgoingEvent<'_>> for Frame {
    fn from(event: &OutgoingEvent<'_>) -> Self {
        event.encode()
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        frame.0
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?})", self.0)
    }
}
