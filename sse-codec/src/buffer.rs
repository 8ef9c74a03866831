//! What the encoder writes to, and how text of any length becomes lines there.

use alloc::vec::Vec;
use core::fmt;

use bytes::BytesMut;

use crate::text::{SHORT, line_break, put_short, text_lines};

/// Memory that grows, to encode into: `Vec<u8>` or [`bytes::BytesMut`].
///
/// Nothing else implements it, so that a buffer cannot fail, and what was begun can be taken back.
///
/// ```
/// use sse_codec::{Buffer, OutgoingEvent};
///
/// fn greet<B: Buffer>(out: &mut B) {
///     OutgoingEvent::new().data("hi").encode_into(out);
/// }
///
/// let (mut vec, mut bytes) = (Vec::new(), bytes::BytesMut::new());
/// greet(&mut vec);
/// greet(&mut bytes);
/// assert_eq!(vec, bytes);
/// ```
pub trait Buffer: sealed::Bytes {}

impl Buffer for Vec<u8> {}
impl Buffer for BytesMut {}

mod sealed {
    use super::{BytesMut, Vec};

    #[allow(unnameable_types)]
    pub trait Bytes {
        fn len(&self) -> usize;
        fn bytes_mut(&mut self) -> &mut [u8];
        fn reserve(&mut self, additional: usize);
        fn put(&mut self, bytes: &[u8]);
        fn truncate(&mut self, len: usize);
        /// Appends zeros up to that length.
        fn extend_to(&mut self, len: usize);
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

        fn extend_to(&mut self, len: usize) {
            self.resize(len, 0);
        }

        fn bytes_mut(&mut self) -> &mut [u8] {
            self
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

        fn extend_to(&mut self, len: usize) {
            self.resize(len, 0);
        }

        fn bytes_mut(&mut self) -> &mut [u8] {
            self
        }
    }
}

/// What ends a line of data and begins the next.
const BETWEEN: &[u8; 7] = b"\ndata: ";

/// Writes the data of one event straight into its `data` lines.
///
/// Made by [`OutgoingEvent::data_writer`](crate::OutgoingEvent::data_writer). Text comes in any number of
/// pieces; a CRLF that is cut between two of them is one line break all the same. The event is
/// complete with [`finish`](Self::finish); dropped before that, it leaves the buffer as it was. Only a writer
/// that is leaked ([`core::mem::forget`]) leaves its text there as it came, lines unbroken: such a buffer is
/// to be thrown away.
///
/// ```
/// use core::fmt::Write;
/// use sse_codec::OutgoingEvent;
///
/// let mut out = Vec::new();
/// let mut data = OutgoingEvent::new().data_writer(&mut out);
/// write!(data, "{}%", 99)?;
/// drop(data); // a change of mind
/// assert!(out.is_empty());
/// # Ok::<(), core::fmt::Error>(())
/// ```
#[must_use = "the event is taken back unless it is finished"]
pub struct DataWriter<'b, B: Buffer> {
    out: &'b mut B,
    /// The buffer's length before the event.
    start: usize,
    /// The buffer's length when all data in it was in lines; what follows is text as it came.
    in_lines: usize,
    finished: bool,
}

impl<'b, B: Buffer> DataWriter<'b, B> {
    /// The lines before the data are written already, from `start` on.
    #[inline(always)]
    pub(crate) fn new(out: &'b mut B, start: usize) -> Self {
        out.put(b"data: ");
        let in_lines = out.len();
        Self { out, start, in_lines, finished: false }
    }

    /// Completes the event. Without any text it is a real, empty one.
    ///
    /// ```
    /// let mut out = Vec::new();
    /// sse_codec::OutgoingEvent::new().data_writer(&mut out).finish();
    /// assert_eq!(out, b"data: \n\n");
    /// ```
    #[inline]
    pub fn finish(mut self) {
        if let Some(first) = line_break(&self.out.bytes_mut()[self.in_lines..]) {
            break_lines(self.out, self.in_lines + first);
        }
        self.out.put(b"\n\n");
        self.finished = true;
    }

    #[inline(always)]
    pub(crate) fn text(&mut self, text: &[u8]) {
        // Values print themselves in pieces of a few bytes, which are looked through together, at the end.
        let is_worth_a_look = text.len() > SHORT && self.in_lines == self.out.len();
        if is_worth_a_look && !text.ends_with(b"\r") {
            put_lines(self.out, text, line_break(text));
            self.in_lines = self.out.len();
        } else {
            self.out.put(text);
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

/// Appends text in `data` lines, but for what begins the first and ends the last.
#[inline(always)]
pub(crate) fn put_lines<B: Buffer>(out: &mut B, text: &[u8], first_break: Option<usize>) {
    match first_break {
        None => put_short(out, text),
        Some(at) => put_broken_lines(out, text, at),
    }
}

/// The same for text that has a line break at `at`.
#[inline(never)]
fn put_broken_lines<B: Buffer>(out: &mut B, mut text: &[u8], mut at: usize) {
    // One break more than this, and a buffer of the exact length would grow.
    out.reserve(text.len() + BETWEEN.len());
    loop {
        put_short(out, &text[..at]);
        out.put(BETWEEN);
        text = match &text[at..] {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => &[],
        };
        match line_break(text) {
            Some(next) => at = next,
            None => return put_short(out, text),
        }
    }
}

/// Makes `data` lines of the text that ends the buffer and has its first line break at `from`.
///
/// From its end on, since that is where all of it moves.
#[inline(never)]
fn break_lines<B: Buffer>(out: &mut B, from: usize) {
    let text = &out.bytes_mut()[from..];
    let (mut read, mut breaks, mut in_lines) = (text.len(), 0, 0);
    for line in text_lines(text).skip(1) {
        breaks += 1;
        in_lines += line.len();
    }
    let mut write = in_lines + breaks * BETWEEN.len();
    out.extend_to(from + write);
    let text = &mut out.bytes_mut()[from..];
    while let Some(at) = memchr::memrchr2(b'\n', b'\r', &text[..read]) {
        let line = at + 1..read;
        read = if text[..=at].ends_with(b"\r\n") { at - 1 } else { at };
        write -= line.len();
        text.copy_within(line, write);
        write -= BETWEEN.len();
        text[write..][..BETWEEN.len()].copy_from_slice(BETWEEN);
    }
    debug_assert!((read, write) == (0, 0));
}
