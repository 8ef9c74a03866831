//! Where in a stream its reader stands, and what must be passed over before the next line.

const BYTE_ORDER_MARK: &[u8; 3] = b"\xEF\xBB\xBF";

/// WHATWG HTML §9.2.5 and §9.2.6: one leading byte order mark is dropped; CRLF is one line end, of
/// which the CR counts at once, so that an event never waits for the byte after it.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// Bytes of the stream used so far.
    offset: u64,
    /// How much of a byte order mark the stream has begun with; [`PAST`](Self::PAST) once that is
    /// settled.
    mark: u8,
    /// The last byte was a CR: an LF after it belongs to it.
    after_cr: bool,
}

impl Position {
    const PAST: u8 = 3;

    #[inline(always)]
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the next byte is simply the next byte.
    #[inline(always)]
    pub(crate) const fn is_plain(&self) -> bool {
        self.mark == Self::PAST && !self.after_cr
    }

    #[inline(always)]
    pub(crate) fn advance(&mut self, input: &mut &[u8], count: usize) {
        *input = &input[count..];
        self.count(count);
    }

    /// Counts bytes that were used.
    #[inline(always)]
    pub(crate) const fn count(&mut self, bytes: usize) {
        self.offset += bytes as u64;
    }

    /// Advances past the byte that ends a line, and past the LF of a CRLF if it is there, and leaves
    /// it to the caller to count them.
    #[inline(always)]
    pub(crate) fn pass_line_end(&mut self, input: &mut &[u8]) {
        *input = match input {
            [b'\r', b'\n', rest @ ..] => rest,
            [b'\r', rest @ ..] => {
                self.after_cr = rest.is_empty();
                rest
            }
            [_, rest @ ..] => rest,
            [] => input,
        };
    }

    /// Passes over a byte order mark or the LF of a CRLF that earlier chunks began. `Some`: bytes that
    /// were held back as the beginning of a mark, and turn out to be the beginning of a line.
    pub(crate) fn enter(&mut self, input: &mut &[u8]) -> Option<&'static [u8]> {
        self.pass_line_feed(input);
        while self.mark < Self::PAST && !input.is_empty() {
            let seen = usize::from(self.mark);
            if input[0] != BYTE_ORDER_MARK[seen] {
                self.mark = Self::PAST;
                return (seen > 0).then_some(&BYTE_ORDER_MARK[..seen]);
            }
            self.mark += 1;
            self.advance(input, 1);
        }
        None
    }

    fn pass_line_feed(&mut self, input: &mut &[u8]) {
        if self.after_cr && !input.is_empty() {
            self.after_cr = false;
            if input[0] == b'\n' {
                self.advance(input, 1);
            }
        }
    }
}
