//! Where lines end, on top of what the vectors mark.

#![forbid(unsafe_code)]

use super::{BLOCK, Baseline, Job, LANE, Piece, Vector, with_widest};
use crate::{head, memory};

/// The line ends of a chunk in turn, by bitmaps of 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnds<'i, V> {
    vector: V,
    bytes: &'i [u8],
    /// Everything before it was looked at, but for what `marks` says of the 64 bytes before it.
    scanned: usize,
    marks: u64,
    /// The latest line end.
    end: usize,
    /// From here to the latest line end, all is ASCII and no control character.
    plain_from: usize,
}

impl<'i, V: Vector> LineEnds<'i, V> {
    #[inline(always)]
    pub(crate) fn new(vector: V, bytes: &'i [u8]) -> Self {
        Self::from(vector, bytes, 0)
    }

    /// Those from `start` on.
    #[inline(always)]
    pub(crate) fn from(vector: V, bytes: &'i [u8], start: usize) -> Self {
        Self { vector, bytes, scanned: start, marks: 0, end: start, plain_from: start }
    }

    /// Whether no control character stands between `start` and the latest line end, NUL above all; if
    /// not, there may be none all the same.
    #[inline(always)]
    pub(crate) const fn is_plain_from(&self, start: usize) -> bool {
        self.plain_from <= start
    }

    /// The bytes from `start` to the latest line end.
    #[inline(always)]
    pub(crate) fn piece_from(&self, start: usize) -> Option<Piece<'i>> {
        let bytes = self.bytes.get(start..self.end)?;
        Some(Piece { bytes, known: self.plain_from <= start })
    }

    /// The same, if they are text.
    #[inline(always)]
    pub(crate) fn text_from(&self, start: usize) -> Option<&'i str> {
        self.piece_from(start)?.text()
    }

    /// The index of the first CR or LF at `start` or after it, or the length; where those before it were
    /// given already, but perhaps for the LF of a CRLF.
    #[inline(always)]
    pub(crate) fn next_from(&mut self, start: usize) -> usize {
        loop {
            let end = self.next();
            if end >= start {
                return end;
            }
        }
    }

    /// The index of the next CR or LF, or the length.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> usize {
        loop {
            while self.marks == 0 {
                if self.scanned >= self.bytes.len() {
                    self.end = self.bytes.len();
                    return self.end;
                }
                let rest = &self.bytes[self.scanned..];
                self.marks = match rest.first_chunk() {
                    Some(block) => self.vector.block_marks(block),
                    None => marks_of_few(rest),
                };
                self.scanned += BLOCK;
                if self.marks == 0 && self.scanned - self.end >= LONG {
                    self.scanned = self.vector.skip_plain(self.bytes, self.scanned);
                }
            }
            let at = self.scanned + self.marks.trailing_zeros() as usize - BLOCK;
            self.marks &= self.marks - 1;
            let byte = self.bytes[at];
            if is_line_end(byte) {
                self.end = at;
                return at;
            }
            self.plain_from = at + 1;
            if byte >= 0x80 {
                self.end = self.vector.line_end_in_unicode(self.bytes, at);
                self.plain_from = self.end;
                self.scanned = self.end + 1;
                self.marks = 0;
                return self.end;
            }
        }
    }
}

/// From here on, a line is likely to be very long.
const LONG: usize = 6 * BLOCK;

/// The marks of fewer than 64 bytes.
#[inline(always)]
fn marks_of_few(bytes: &[u8]) -> u64 {
    let Some(last) = bytes.last_chunk::<LANE>() else {
        let within = !(!0_u32 << bytes.len());
        return u64::from(Baseline.lane_marks(&padded(bytes)) & within);
    };
    let mut marks = u64::from(Baseline.lane_marks(last)) << (bytes.len() - LANE);
    let mut start = 0;
    while let Some(lane) = bytes[start..].first_chunk::<LANE>() {
        marks |= u64::from(Baseline.lane_marks(lane)) << start;
        start += LANE;
    }
    marks
}

/// Fewer than 16 bytes, and zeros after them.
#[inline(always)]
fn padded(bytes: &[u8]) -> [u8; LANE] {
    let len = bytes.len();
    // Words that overlap cover any length.
    let word = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        u128::from(first) | u128::from(last) << (8 * (len - 8))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u128::from(u64::from(first) | u64::from(last) << (8 * (len - 4)))
    } else {
        bytes.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte))
    };
    word.to_le_bytes()
}

/// How many bytes of whole lines at the beginning are comments, or blank if those are ignored too.
/// Lines that do not end in LF are left. The first line begins like one to ignore.
pub(crate) fn ignorable_lines(bytes: &[u8], blanks: bool) -> usize {
    let mut start = 0;
    let mut base = 0;
    // Whether the block before ended in a line end.
    let mut after_end = 0;
    let mut padded = [0; BLOCK];
    while base < bytes.len() {
        let rest = &bytes[base..];
        let (block, within) = match rest.first_chunk() {
            Some(block) => (block, !0),
            None => {
                memory::copy(&mut padded[..rest.len()], rest);
                (&padded, !(!0 << rest.len()))
            }
        };
        let [colons, line_feeds, carriage_returns] =
            [b':', b'\n', b'\r'].map(|byte| Baseline.byte_marks(block, byte));
        let starts = line_feeds << 1 | after_end;
        let ignored = if blanks { colons | line_feeds } else { colons };
        // Lines that begin with something else, or whose end decides.
        let others = (starts & !ignored | carriage_returns) & within;
        if others != 0 {
            let until = others.trailing_zeros();
            let last = line_feeds & !(!0 << until);
            if last != 0 {
                start = base + BLOCK - last.leading_zeros() as usize;
            }
            return start;
        }
        if line_feeds != 0 {
            start = base + BLOCK - line_feeds.leading_zeros() as usize;
        }
        after_end = line_feeds >> (BLOCK - 1);
        base += BLOCK;
    }
    start
}

/// Of [`Vector::line_end_in_unicode`], whatever the vector.
#[inline(always)]
pub(super) fn find_in_unicode<V: Vector>(vector: V, bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = &bytes[at..];
        let (block, gone) = match (rest.first_chunk(), bytes.last_chunk()) {
            (Some(block), _) => (block, 0),
            // The last block again, less what was seen.
            (None, Some(last)) => (last, BLOCK - rest.len()),
            (None, None) => {
                return rest
                    .iter()
                    .position(|byte| is_line_end(*byte))
                    .map_or(bytes.len(), |end| at + end);
            }
        };
        let ends = vector.byte_marks(block, b'\n') | vector.byte_marks(block, b'\r');
        let ends = ends.checked_shr(gone as u32).unwrap_or(0);
        if ends != 0 {
            return at + ends.trailing_zeros() as usize;
        }
        if rest.len() <= BLOCK {
            return bytes.len();
        }
        at += BLOCK;
    }
}

/// Cuts the first line off: the line without its end, and whether it has one (else it is all of
/// `bytes`).
#[inline(always)]
pub(crate) fn line(bytes: &[u8]) -> (Piece<'_>, bool) {
    let (end, ascii) = line_end(bytes);
    (Piece { bytes: &bytes[..end], known: ascii }, end < bytes.len())
}

/// An event of one `data` line.
pub(crate) struct DataBlock<'i> {
    pub(crate) data: &'i str,
    /// The block's bytes.
    pub(crate) len: usize,
    /// Its bytes up to the one that completes it: without the LF of a last CRLF.
    pub(crate) span: usize,
}

/// How the bytes of an event that begins with its `data` line go on.
pub(crate) enum DataStart<'i> {
    /// To the end of the event, which has no other line; LF or CRLF ends its lines.
    Block(DataBlock<'i>),
    /// To the end of the bytes: the value so far.
    Open(Piece<'i>),
    /// It begins with something else, or goes on in another way.
    Other,
}

/// Reads an event of one `data` line at the beginning of `bytes`.
#[inline(always)]
pub(crate) fn data_start(bytes: &[u8]) -> DataStart<'_> {
    let Some(start) = head::data_name(bytes) else { return DataStart::Other };
    let (end, ascii) = line_end(bytes);
    let Some(value) = bytes.get(start..end) else { return DataStart::Other };
    let value = Piece { bytes: value, known: ascii };
    let after = &bytes[end..];
    let (len, span) = if after.starts_with(b"\n\n") {
        (end + 2, end + 2)
    } else if after.starts_with(b"\r\n\r\n") {
        (end + 4, end + 3)
    } else if after.is_empty() {
        return DataStart::Open(value);
    } else {
        return DataStart::Other;
    };
    match value.text() {
        Some(data) => DataStart::Block(DataBlock { data, len, span }),
        None => DataStart::Other,
    }
}

/// The index of the first CR or LF, or the length; and whether all bytes before it are ASCII.
#[inline(always)]
pub(super) fn line_end(bytes: &[u8]) -> (usize, bool) {
    // Short lines end here, with nothing special in them.
    if let Some(lane) = bytes.first_chunk::<LANE>() {
        let found = Baseline.lane_marks(lane);
        if found == 0 {
            return line_end_from(bytes, LANE);
        }
        let at = found.trailing_zeros() as usize;
        if is_line_end(lane[at % LANE]) {
            return (at, true);
        }
        return line_end_from(bytes, 0);
    }
    line_end_of_few(bytes)
}

/// The same for fewer than 16 bytes.
#[inline(never)]
fn line_end_of_few(bytes: &[u8]) -> (usize, bool) {
    let mut ends = LineEnds::from(Baseline, bytes, 0);
    (ends.next(), ends.plain_from == 0)
}

/// The same, with nothing special before `at`.
#[inline(never)]
fn line_end_from(bytes: &[u8], at: usize) -> (usize, bool) {
    struct Find<'i>(&'i [u8], usize);

    impl Job for Find<'_> {
        type Output = (usize, bool);

        #[inline(always)]
        fn run<V: Vector>(self, vector: V) -> (usize, bool) {
            let mut ends = LineEnds::from(vector, self.0, self.1);
            let end = ends.next();
            (end, ends.plain_from <= self.1)
        }
    }

    // For few bytes it would not pay.
    if bytes.len() < 2 * BLOCK {
        Find(bytes, at).run(Baseline)
    } else {
        with_widest(Find(bytes, at))
    }
}

/// How many bytes the line end has that begins `bytes`: 0 where there is none, or where the next chunk
/// decides.
#[inline(always)]
pub(crate) fn line_end_width(bytes: &[u8]) -> usize {
    match bytes {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    }
}

pub(super) const fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
