//! Bytes to lines: byte order mark, CR, LF, CRLF, over any cut.
//!
//! WHATWG HTML §9.2.5: one leading U+FEFF is dropped; a line ends in CRLF, LF or CR. A line that ends
//! in CR counts at once, so that an event never waits for the byte after it: the LF of a CRLF is
//! swallowed when it comes.

use alloc::vec::Vec;

use crate::event::Span;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Splits an event stream into lines, however the stream is cut into chunks.
///
/// ```
/// use sse_codec::Lines;
///
/// let mut lines = Lines::new();
/// let mut seen = Vec::new();
/// for chunk in [&b"data: a\r"[..], b"\nda", b"ta: b\n"] {
///     let mut input = chunk;
///     while let Some(line) = lines.next_line(&mut input)? {
///         seen.push(String::from_utf8_lossy(line.bytes).into_owned());
///     }
/// }
/// assert_eq!(seen, ["data: a", "data: b"]);
/// # Ok::<(), sse_codec::LineTooLong>(())
/// ```
#[derive(Debug)]
pub struct Lines {
    limit: usize,
    /// The unfinished line of earlier chunks; after a carried line was given out, that line.
    carry: Vec<u8>,
    /// Bytes of the stream consumed so far.
    offset: u64,
    line_start: u64,
    carry_given_out: bool,
    after_cr: bool,
    skipping: bool,
}

/// A line of an event stream, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The line's bytes, which need not be UTF-8.
    pub bytes: &'a [u8],
    /// The line's place in the stream, with the byte that ended it (the CR of a CRLF).
    pub span: Span,
}

/// A line has more bytes than [`Lines`] was told to allow. The rest of it is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("a line of the event stream at byte {line_start} is longer than {limit} bytes")]
pub struct LineTooLong {
    /// Where in the stream the line begins.
    pub line_start: u64,
    /// The limit it passed, in bytes.
    pub limit: usize,
}

/// Where the line that [`Lines::advance`] found lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'i> {
    Chunk(&'i [u8]),
    Carry,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// Lines of up to 1 MiB.
    pub fn new() -> Self {
        Self::with_limit(crate::Limits::default().line)
    }

    /// Lines of up to `limit` bytes, their ends not counted.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            carry: Vec::new(),
            offset: 0,
            line_start: 0,
            carry_given_out: false,
            after_cr: false,
            skipping: false,
        }
    }

    /// Advances `input` past the next line and gives it. `None`: all used, feed more.
    ///
    /// # Errors
    /// [`LineTooLong`] as soon as a line passes the limit; the next call goes on after that line.
    pub fn next_line<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Line<'a>>, LineTooLong> {
        let Some((place, span)) = self.advance(input)? else { return Ok(None) };
        let bytes = match place {
            Place::Chunk(bytes) => bytes,
            Place::Carry => self.carried(),
        };
        Ok(Some(Line { bytes, span }))
    }

    /// The end of the stream: forgets the unfinished line, and is ready for the next stream.
    pub fn finish(&mut self) {
        self.carry.clear();
        *self = Self { carry: core::mem::take(&mut self.carry), ..Self::with_limit(self.limit) };
    }

    /// The line that [`advance`](Self::advance) said is carried.
    pub(crate) fn carried(&self) -> &[u8] {
        without_mark(&self.carry, self.line_start)
    }

    /// As [`next_line`](Self::next_line), but borrows only the chunk.
    pub(crate) fn advance<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<(Place<'i>, Span)>, LineTooLong> {
        if self.carry_given_out {
            self.carry.clear();
            self.carry_given_out = false;
        }
        loop {
            if self.after_cr && !input.is_empty() {
                self.after_cr = false;
                if input[0] == b'\n' {
                    self.consume(input, 1);
                }
            }
            if self.carry.is_empty() && !self.skipping {
                self.line_start = self.offset;
            }
            let end = memchr::memchr2(b'\n', b'\r', input);
            let (piece, finished) = match end {
                Some(end) => (&input[..end], true),
                None => (*input, false),
            };
            if !self.skipping && piece.len() > self.limit - self.carry.len() {
                // What is left of the line is consumed by the next call.
                self.skipping = true;
                self.carry.clear();
                return Err(LineTooLong { line_start: self.line_start, limit: self.limit });
            }
            if !finished {
                if !self.skipping {
                    self.carry.extend_from_slice(piece);
                }
                self.consume(input, piece.len());
                return Ok(None);
            }
            self.after_cr = input[piece.len()] == b'\r';
            self.consume(input, piece.len() + 1);
            if core::mem::take(&mut self.skipping) {
                continue;
            }
            let start = self.line_start;
            let place = if self.carry.is_empty() {
                Place::Chunk(without_mark(piece, start))
            } else {
                self.carry.extend_from_slice(piece);
                self.carry_given_out = true;
                Place::Carry
            };
            return Ok(Some((place, Span { start, end: self.offset })));
        }
    }

    fn consume(&mut self, input: &mut &[u8], count: usize) {
        *input = &input[count..];
        self.offset += count as u64;
    }
}

fn without_mark(line: &[u8], line_start: u64) -> &[u8] {
    if line_start == 0 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line }
}
