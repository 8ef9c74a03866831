//! Bytes to lines, for those who want no more than that.

use crate::{
    event::Span,
    memory::{Full, Growing},
    position::Position,
    scan::{self, Piece, Text},
};

/// Splits an event stream into lines, however the stream is cut into chunks.
///
/// WHATWG HTML §9.2.5: one leading byte order mark is dropped; a line ends in CRLF, LF or CR. A line
/// that ends in CR is given at once; the LF of a CRLF is swallowed when it comes.
///
/// ```
/// use sse_codec::Lines;
///
/// let mut lines = Lines::new();
/// let mut seen = Vec::new();
/// for mut chunk in [&b"data: a\r"[..], b"\nda", b"ta: b\n"] {
///     loop {
///         match lines.next_line(&mut chunk) {
///             Ok(Some(line)) => seen.push(String::from_utf8_lossy(line.bytes).into_owned()),
///             Ok(None) => break,
///             Err(skipped) => eprintln!("{skipped}"),
///         }
///     }
/// }
/// assert_eq!(seen, ["data: a", "data: b"]);
/// ```
#[derive(Debug)]
pub struct Lines {
    limit: usize,
    position: Position,
    /// The unfinished line of earlier chunks; after it was given out, that line.
    carry: Text<Growing>,
    state: State,
    /// Bytes of the unfinished line that were not to be kept.
    forgotten: usize,
    /// Where the current line began.
    start: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two lines.
    Start,
    /// Within a line whose beginning is carried.
    Within,
    /// Within a line that passed the limit.
    Skipping,
}

/// A line of an event stream, without its end.
///
/// ```
/// use sse_codec::Lines;
///
/// let mut lines = Lines::new();
/// let line = lines.next_line(&mut &b"\xFF\r\n"[..])?.expect("a whole line");
/// assert_eq!((line.bytes, line.span.end), (&b"\xFF"[..], 2));
/// # Ok::<(), sse_codec::LineTooLong>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The line's bytes, which need not be UTF-8.
    pub bytes: &'a [u8],
    /// The line's place in the stream, with the byte that ended it (of a CRLF that is the CR).
    pub span: Span,
}

/// A line has more bytes than [`Lines`] was told to allow. The rest of it is skipped.
///
/// ```
/// use sse_codec::Lines;
///
/// let mut lines = Lines::with_limit(4);
/// let mut input = &b"too long\nnext\n"[..];
/// let error = lines.next_line(&mut input).unwrap_err();
/// assert_eq!((error.line_start, error.limit), (0, 4));
/// assert_eq!(lines.next_line(&mut input).unwrap().unwrap().bytes, b"next");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("a line of the event stream at byte {line_start} is longer than {limit} bytes")]
pub struct LineTooLong {
    /// Where in the stream the line begins.
    pub line_start: u64,
    /// The limit it passed, in bytes.
    pub limit: usize,
}

/// A line, before it is known what it borrows.
struct Found<'i> {
    /// `None`: the line is the carried one.
    in_chunk: Option<&'i [u8]>,
    span: Span,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// Lines of up to 1 MiB, as [`Limits`](crate::Limits) has it.
    ///
    /// ```
    /// let mut lines = sse_codec::Lines::new();
    /// let mut megabyte = &[b'x'; 1 << 20][..];
    /// assert_eq!(lines.next_line(&mut megabyte), Ok(None));
    /// assert!(lines.next_line(&mut &b"x"[..]).is_err());
    /// ```
    pub fn new() -> Self {
        Self::with_limit(crate::Limits::default().line)
    }

    /// Lines of up to `limit` bytes, their ends not counted.
    ///
    /// ```
    /// let mut lines = sse_codec::Lines::with_limit(4);
    /// assert!(lines.next_line(&mut &b"four\n"[..]).is_ok());
    /// assert!(lines.next_line(&mut &b"more than four"[..]).is_err());
    /// ```
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            position: Position::default(),
            carry: Text::new(Growing::default()),
            state: State::Start,
            forgotten: 0,
            start: 0,
        }
    }

    /// Advances `input` past the next line and gives it. `None`: all used, feed more.
    ///
    /// ```
    /// let (mut lines, mut input) = (sse_codec::Lines::new(), &b"one\r\ntwo"[..]);
    /// assert_eq!(lines.next_line(&mut input)?.map(|line| line.bytes), Some(&b"one"[..]));
    /// assert_eq!(lines.next_line(&mut input)?, None);
    /// assert_eq!(lines.next_line(&mut &b"\n"[..])?.map(|line| line.span.start), Some(5));
    /// # Ok::<(), sse_codec::LineTooLong>(())
    /// ```
    ///
    /// # Errors
    /// [`LineTooLong`] as soon as a line passes the limit; the next call goes on after that line.
    pub fn next_line<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Line<'a>>, LineTooLong> {
        let Some(Found { in_chunk, span }) = self.advance(input)? else { return Ok(None) };
        Ok(Some(Line { bytes: in_chunk.unwrap_or(self.carry.bytes()), span }))
    }

    /// The end of the stream: forgets the unfinished line, and is ready for the next stream.
    ///
    /// ```
    /// let mut lines = sse_codec::Lines::new();
    /// assert_eq!(lines.next_line(&mut &b"cut"[..]), Ok(None));
    /// lines.finish();
    /// let line = lines.next_line(&mut &b"next\n"[..])?.expect("a whole line");
    /// assert_eq!((line.bytes, line.span.start), (&b"next"[..], 0));
    /// # Ok::<(), sse_codec::LineTooLong>(())
    /// ```
    pub fn finish(&mut self) {
        self.position = Position::default();
        self.state = State::Start;
    }

    /// What has come of the unfinished line, if any has: of a stream that is over, its last line without an end.
    ///
    /// ```
    /// use sse_codec::Lines;
    ///
    /// let mut lines = Lines::new();
    /// let mut input = &b"one\ntwo"[..];
    /// assert!(lines.next_line(&mut input)?.is_some());
    /// assert!(lines.next_line(&mut input)?.is_none());
    /// assert_eq!(lines.unfinished().map(|line| line.bytes), Some(&b"two"[..]));
    /// # Ok::<(), sse_codec::LineTooLong>(())
    /// ```
    pub fn unfinished(&self) -> Option<Line<'_>> {
        let span = Span { start: self.start, end: self.position.offset() };
        (self.state == State::Within).then(|| Line { bytes: self.carry.bytes(), span })
    }

    /// Whether the stream stands within a line that is too long, which was told: the rest of it is passed over.
    ///
    /// ```
    /// use sse_codec::Lines;
    ///
    /// let mut lines = Lines::with_limit(4);
    /// assert!(lines.next_line(&mut &b"too long"[..]).is_err());
    /// assert!(lines.is_dropping());
    /// assert_eq!(lines.next_line(&mut &b" still\n"[..]), Ok(None));
    /// assert!(!lines.is_dropping());
    /// ```
    pub fn is_dropping(&self) -> bool {
        self.state == State::Skipping
    }

    /// Forgets what has come of the unfinished line, if it is more than `most` bytes, and says how long that was as
    /// text: the line will be given without it. For who only counts, so that a long line need not be held.
    ///
    /// ```
    /// use sse_codec::Lines;
    ///
    /// let mut lines = Lines::new();
    /// assert_eq!(lines.next_line(&mut &b"a long li"[..]), Ok(None));
    /// assert_eq!(lines.forget_text(5), 9);
    /// let line = lines.next_line(&mut &b"ne\n"[..])?.expect("it is whole");
    /// assert_eq!((line.bytes, line.span.end), (&b"ne"[..], 12));
    /// # Ok::<(), sse_codec::LineTooLong>(())
    /// ```
    pub fn forget_text(&mut self, most: usize) -> usize {
        if self.state != State::Within || self.carry.len() <= most {
            return 0;
        }
        let before = self.carry.len();
        let mut text = 0;
        self.carry.forget_after(0, &mut text);
        self.forgotten += before - self.carry.len();
        text as usize
    }

    /// As [`next_line`](Self::next_line), but borrows only the chunk.
    fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Found<'i>>, LineTooLong> {
        loop {
            let held_back = self.position.enter(input);
            if self.state == State::Start {
                self.carry.clear();
                self.forgotten = 0;
                self.start = self.position.offset() - held_back.map_or(0, <[u8]>::len) as u64;
            }
            if let Some(bytes) = held_back {
                self.state = State::Within;
                self.keep(Piece::unknown(bytes))?;
            }
            let (piece, ended) = scan::line(input);
            self.position.advance(input, piece.len());
            if !ended && piece.len() == 0 {
                return Ok(None);
            }
            let span = Span { start: self.start, end: self.position.offset() + 1 };
            if ended {
                let before = input.len();
                self.position.pass_line_end(input);
                self.position.count(before - input.len());
            }
            match self.state {
                State::Skipping if ended => self.state = State::Start,
                State::Skipping => {}
                State::Start if ended && piece.len() <= self.limit => {
                    return Ok(Some(Found { in_chunk: Some(piece.bytes()), span }));
                }
                State::Start | State::Within => {
                    self.state = State::Within;
                    let kept = self.keep(piece);
                    if ended {
                        self.state = State::Start;
                    }
                    kept?;
                    if ended {
                        return Ok(Some(Found { in_chunk: None, span }));
                    }
                }
            }
        }
    }

    fn keep(&mut self, piece: Piece<'_>) -> Result<(), LineTooLong> {
        self.carry.push(piece, self.limit - self.forgotten).map_err(|Full| {
            self.state = State::Skipping;
            LineTooLong { line_start: self.start, limit: self.limit }
        })
    }
}
