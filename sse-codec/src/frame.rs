//! Encoded blocks that many share.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::{buffer::Buffer, encoder::OutgoingEvent, text::text_lines};

/// An encoded block: encoded once, shared by every subscriber. Cloning it copies no bytes.
///
/// ```
/// use sse_codec::{Frame, OutgoingEvent};
///
/// let frame = Frame::from(OutgoingEvent::new().data("1.08"));
/// let other = frame.clone();
/// assert_eq!(frame.as_bytes().as_ptr(), other.as_bytes().as_ptr());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A comment block: a `:` line for each line of `text`, then a blank line.
    ///
    /// ```
    /// assert_eq!(sse_codec::Frame::comment("still here").as_bytes(), b": still here\n\n");
    /// ```
    #[must_use]
    pub fn comment(text: &str) -> Self {
        let mut out = Vec::with_capacity(text.len() + ": \n\n".len());
        Self::comment_into(text, &mut out);
        Self::encoded(out)
    }

    /// Appends a [comment](Self::comment) block to `out`, without a frame.
    ///
    /// ```
    /// use sse_codec::Frame;
    ///
    /// let mut out = Vec::new();
    /// Frame::comment_into("still\nhere", &mut out);
    /// assert_eq!(out, b": still\n: here\n\n");
    /// ```
    pub fn comment_into<B: Buffer>(text: &str, out: &mut B) {
        for line in text_lines(text.as_bytes()) {
            out.put(if line.is_empty() { b":" } else { b": " });
            out.put(line);
            out.put(b"\n");
        }
        out.put(b"\n");
    }

    /// `block` is one or more whole blocks.
    pub(crate) fn encoded(block: Vec<u8>) -> Self {
        Self(Bytes::from(block))
    }

    /// The encoded bytes.
    ///
    /// ```
    /// assert_eq!(sse_codec::Frame::comment("").as_bytes(), b":\n\n");
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoded bytes, shared.
    ///
    /// ```
    /// assert_eq!(sse_codec::Frame::comment("hi").into_bytes(), ": hi\n\n");
    /// ```
    #[must_use]
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
