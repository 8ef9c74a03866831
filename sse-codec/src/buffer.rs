//! What the encoder writes to, and how text of any length becomes lines there.

use alloc::vec::Vec;
use core::fmt;

use bytes::BytesMut;

use crate::text::{line_break, put_short};

/// Memory that grows, to encode into: `Vec<u8>` or [`bytes::BytesMut`].
///
/// Nothing else implements it, so that a buffer cannot fail, and what was begun can be taken back.
pub trait Buffer: sealed::Bytes {}

impl Buffer for Vec<u8> {}
impl Buffer for BytesMut {}

mod sealed {
    use super::{BytesMut, Vec};

    #[allow(unnameable_types)]
    pub trait Bytes {
        fn len(&self) -> usize;
        fn reserve(&mut self, additional: usize);
        fn put(&mut self, bytes: &[u8]);
        fn truncate(&mut self, len: usize);
    }

    impl Bytes for Vec<u8> {
        #[inline(always)]
        fn len(&self) -> usize {
            self.len()
        }

        #[inline(always)]
        fn reserve(&mut self, additional: usize) {
            self.reserve(additional);
        }

        #[inline(always)]
        fn put(&mut self, bytes: &[u8]) {
            self.extend_from_slice(bytes);
        }

        #[inline(always)]
        fn truncate(&mut self, len: usize) {
            self.truncate(len);
        }
    }

    impl Bytes for BytesMut {
        #[inline(always)]
        fn len(&self) -> usize {
            self.len()
        }

        #[inline(always)]
        fn reserve(&mut self, additional: usize) {
            self.reserve(additional);
        }

        #[inline(always)]
        fn put(&mut self, bytes: &[u8]) {
            self.extend_from_slice(bytes);
        }

        #[inline(always)]
        fn truncate(&mut self, len: usize) {
            self.truncate(len);
        }
    }
}

/// Writes the data of one event straight into its `data` lines.
///
/// Made by [`OutgoingEvent::data_writer`](crate::OutgoingEvent::data_writer). Text comes in any number of
/// pieces; a CRLF that is cut between two of them is one line break all the same. The event is
/// complete with [`finish`](Self::finish); dropped before that, it leaves the buffer as it was.
#[must_use = "the event is taken back unless it is finished"]
pub struct DataWriter<'b, B: Buffer> {
    out: &'b mut B,
    /// The buffer's length before the event.
    start: usize,
    /// The last byte was a CR: an LF after it belongs to it.
    after_cr: bool,
    finished: bool,
}

impl<'b, B: Buffer> DataWriter<'b, B> {
    /// The lines before the data are written already, from `start` on.
    #[inline]
    pub(crate) fn new(out: &'b mut B, start: usize) -> Self {
        out.put(b"data: ");
        Self { out, start, after_cr: false, finished: false }
    }

    /// Completes the event. Without any text it is a real, empty one.
    #[inline]
    pub fn finish(mut self) {
        self.out.put(b"\n\n");
        self.finished = true;
    }

    #[inline(always)]
    pub(crate) fn text(&mut self, mut text: &[u8]) {
        if self.after_cr {
            let [first, rest @ ..] = text else { return };
            self.after_cr = false;
            text = if *first == b'\n' { rest } else { text };
        }
        self.text_where(line_break(text), text);
    }

    /// The same, where the first line break is known, and no CR stands before the text.
    #[inline(always)]
    pub(crate) fn text_where(&mut self, first_break: Option<usize>, text: &[u8]) {
        match first_break {
            None => put_short(self.out, text),
            Some(at) => self.after_cr = lines(self.out, b"\ndata: ", text, at),
        }
    }
}

/// Any text; it never fails.
impl<B: Buffer> fmt::Write for DataWriter<'_, B> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text.as_bytes());
        Ok(())
    }
}

impl<B: Buffer> Drop for DataWriter<'_, B> {
    #[inline]
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

impl<B: Buffer> fmt::Debug for DataWriter<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataWriter").field("written", &(self.out.len() - self.start)).finish()
    }
}

/// Writes text that has a line break at `at`, with `between` in place of each. Gives whether it ended in
/// a CR.
#[inline(never)]
fn lines<B: Buffer>(out: &mut B, between: &[u8; 7], mut text: &[u8], mut at: usize) -> bool {
    // One break more than this, and a buffer of the exact length would grow.
    out.reserve(text.len() + between.len());
    loop {
        put_short(out, &text[..at]);
        out.put(between);
        text = match &text[at..] {
            [b'\r', b'\n', rest @ ..] => rest,
            [b'\r'] => return true,
            [_, rest @ ..] => rest,
            [] => text,
        };
        match line_break(text) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.put(text);
    false
}
