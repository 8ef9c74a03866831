//! Where lines end, on top of what the vectors mark.

#![forbid(unsafe_code)]

use super::{BLOCK, Baseline, HALF, Job, LANE, Piece, Vector, Widest};
use crate::{
    memory,
    name::{DATA, EVENT, whole_word},
};

/// The line ends of a chunk in turn, by bitmaps of 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnds<'i, V> {
    vector: V,
    bytes: &'i [u8],
    /// Where the next line begins.
    start: usize,
    /// The bytes from here on were not looked at.
    rest: usize,
    /// The marks of the 64 bytes before it, but those that were dealt with.
    marks: u64,
}

/// A line, and how it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnd<'i> {
    pub(crate) line: Piece<'i>,
    /// The index of the first CR or LF in the line, or the length of the bytes.
    pub(crate) at: usize,
    /// Where the line after it begins: after LF or CRLF. `at` if it ends in another way, or the bytes end
    /// first.
    pub(crate) next: usize,
    /// Whether it is known to have no NUL.
    pub(crate) plain: bool,
}

impl<'i, V: Vector> LineEnds<'i, V> {
    /// Those from `start` on, where a line begins.
    #[inline(always)]
    pub(crate) fn new(vector: V, bytes: &'i [u8], start: usize) -> Self {
        Self { vector, bytes, start, rest: start, marks: 0 }
    }

    /// The next one. Only if `checked`, there is a look at whether text that is not ASCII is UTF-8.
    #[inline(always)]
    pub(crate) fn next(&mut self, checked: bool) -> LineEnd<'i> {
        if self.marks == 0 && !self.scan() {
            let at = self.bytes.len();
            return self.end(at, at, true, true);
        }
        let at = self.first_mark();
        self.marks &= self.marks - 1;
        let byte = self.bytes[at];
        if byte == b'\n' {
            return self.end(at, at + 1, true, true);
        }
        if byte == b'\r' && self.bytes.get(at + 1) == Some(&b'\n') {
            // The LF has the next mark, if that is of the same block.
            if self.marks == 0 {
                self.rest = at + 2;
            } else {
                self.marks &= self.marks - 1;
            }
            return self.end(at, at + 2, true, true);
        }
        let (at, known) = self.vector.special_line_end(self.bytes, at, checked);
        let next = at + line_end_width(&self.bytes[at..]);
        self.marks = 0;
        self.rest = next;
        self.end(at, next, known, false)
    }

    /// The line from `start` to `at`, which must be known to be UTF-8 if `known` says so.
    #[inline(always)]
    fn end(&mut self, at: usize, next: usize, known: bool, plain: bool) -> LineEnd<'i> {
        let line = Piece { bytes: &self.bytes[self.start..at], known };
        self.start = next;
        LineEnd { line, at, next, plain }
    }

    /// The index of the first mark, where there is one.
    #[inline(always)]
    fn first_mark(&self) -> usize {
        self.rest + self.marks.trailing_zeros() as usize - BLOCK
    }

    /// Goes on to the next 64 bytes that have marks, if there are such.
    #[inline(always)]
    fn scan(&mut self) -> bool {
        self.scan_blocks::<false>()
    }

    /// The same, where most blocks are looked at once: then it pays to ask for what comes a while later.
    #[inline(always)]
    fn scan_ahead(&mut self) -> bool {
        self.scan_blocks::<true>()
    }

    #[inline(always)]
    fn scan_blocks<const AHEAD: bool>(&mut self) -> bool {
        let Some(mut rest) = self.bytes.get(self.rest..) else { return false };
        let mut blocks = 0;
        while let Some((block, after)) = rest.split_first_chunk() {
            if AHEAD && let Some(byte) = after.get(SOON) {
                self.vector.fetch(byte);
            }
            self.marks = self.vector.block_marks(block);
            rest = after;
            if self.marks != 0 {
                self.rest = self.bytes.len() - rest.len();
                return true;
            }
            blocks += 1;
            if blocks == LONG {
                rest = &rest[self.vector.skip_plain(rest, 0)..];
            }
        }
        self.rest = self.bytes.len() - rest.len() + BLOCK;
        self.marks = match self.bytes.last_chunk() {
            _ if rest.is_empty() => 0,
            // The last block again, less what was seen.
            Some(block) => self.vector.block_marks(block) >> (BLOCK - rest.len()),
            None => marks_of_few(self.vector, rest),
        };
        self.marks != 0
    }
}

/// As many bytes later as memory takes to come, at the speed of plain events.
pub(super) const SOON: usize = 256;

/// The end of a line that is likely to have bytes that are not ASCII.
#[inline(always)]
pub(crate) fn line_end<V: Vector>(vector: V, bytes: &[u8]) -> LineEnd<'_> {
    let at = find(vector, bytes, 0);
    let next = at + line_end_width(&bytes[at..]);
    LineEnd { line: Piece::unknown(&bytes[..at]), at, next, plain: false }
}

/// After so many blocks, a line is likely to be very long.
const LONG: usize = 6;

/// Of [`Vector::special_line_end`], whatever the vector.
#[inline(always)]
pub(super) fn find_special<V: Vector>(
    vector: V,
    bytes: &[u8],
    mut at: usize,
    checked: bool,
) -> (usize, bool) {
    let mut known = true;
    loop {
        match bytes.get(at) {
            None | Some(b'\n' | b'\r') => return (at, known),
            Some(0x80..) if checked => {
                let valid;
                (at, valid) = vector.pass_unicode(bytes, at);
                known &= valid;
                continue;
            }
            Some(0x80..) => return (find(vector, bytes, at), false),
            // Plain text, or another control character.
            Some(_) => at += 1,
        }
        let mut ends = LineEnds::new(vector, bytes, at);
        at = if ends.scan() { ends.first_mark() } else { bytes.len() };
    }
}

/// These bytes, if they are no more than 64, and plain text without a line end.
#[inline(always)]
pub(crate) fn short_and_plain(bytes: &[u8]) -> Option<Piece<'_>> {
    let is_plain = match bytes.first_chunk() {
        Some(block) => bytes.len() == BLOCK && Baseline.block_marks(block) == 0,
        None => marks_of_few(Baseline, bytes) == 0,
    };
    // Without a mark, all are ASCII.
    is_plain.then_some(Piece { bytes, known: true })
}

/// The marks of fewer than 64 bytes: lanes that overlap cover any length.
#[inline(always)]
fn marks_of_few<V: Vector>(vector: V, bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<HALF>(), bytes.last_chunk()) {
        u64::from(vector.half_marks(first)) | u64::from(vector.half_marks(last)) << (len - HALF)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<LANE>(), bytes.last_chunk()) {
        u64::from(vector.lane_marks(first)) | u64::from(vector.lane_marks(last)) << (len - LANE)
    } else {
        u64::from(vector.lane_marks(&padded(bytes)) & !(!0 << len))
    }
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

/// Where a line begins, from the one at `start` on, that is not ignored: comments are, and blank lines if
/// `blanks` says so. Lines that do not end in LF are left.
#[inline(always)]
pub(crate) fn pass_ignorable<V: Vector>(
    vector: V,
    bytes: &[u8],
    mut start: usize,
    blanks: bool,
) -> usize {
    let mut base = start;
    // Whether a line begins with the block.
    let mut begins = 1;
    let mut padded = [0; BLOCK];
    while base < bytes.len() {
        let (block, gone) = block_at(bytes, base, &mut padded);
        if let Some(byte) = bytes.get(base + SOON) {
            vector.fetch(byte);
        }
        let colons = vector.byte_marks(block, b':') >> gone;
        let line_feeds = vector.byte_marks(block, b'\n') >> gone;
        let carriage_returns = vector.byte_marks(block, b'\r') >> gone;
        let within = !0 >> (BLOCK - (bytes.len() - base).min(BLOCK));
        let starts = line_feeds << 1 | begins;
        let ignored = if blanks { colons | line_feeds } else { colons };
        // Lines that begin with something else, or whose end decides.
        let others = (starts & !ignored | carriage_returns) & within;
        let before = if others == 0 { !0 } else { others ^ (others - 1) };
        let last = starts & before;
        if last != 0 {
            start = base + BLOCK - 1 - last.leading_zeros() as usize;
        }
        if others != 0 {
            return start;
        }
        begins = line_feeds >> (BLOCK - 1);
        base += BLOCK;
    }
    if begins == 0 { start } else { bytes.len() }
}

/// The 64 bytes from `at` on; and how many bytes before them come first, where there are not as many.
#[inline(always)]
fn block_at<'b>(bytes: &'b [u8], at: usize, padded: &'b mut [u8; BLOCK]) -> (&'b [u8; BLOCK], u32) {
    let rest = &bytes[at..];
    match (rest.first_chunk(), bytes.last_chunk()) {
        (Some(block), _) => (block, 0),
        (None, Some(last)) => (last, (BLOCK - rest.len()) as u32),
        (None, None) => {
            memory::copy(&mut padded[..rest.len()], rest);
            (padded, 0)
        }
    }
}

/// The index of the first line end from `at` on, or the length, by nothing but comparisons with line
/// ends: for where most bytes are not ASCII.
#[inline(always)]
pub(super) fn find<V: Vector>(vector: V, bytes: &[u8], mut at: usize) -> usize {
    let mut padded = [0; BLOCK];
    while at < bytes.len() {
        let (block, gone) = block_at(bytes, at, &mut padded);
        let ends = vector.byte_marks(block, b'\n') | vector.byte_marks(block, b'\r');
        let ends = ends >> gone;
        if ends != 0 {
            return at + ends.trailing_zeros() as usize;
        }
        at += BLOCK;
    }
    bytes.len()
}

/// Cuts the first line off: the line without its end, and whether it has one (else it is all of
/// `bytes`).
#[inline(always)]
pub(crate) fn line(bytes: &[u8]) -> (Piece<'_>, bool) {
    struct First;

    impl<'i> Job<'i> for First {
        type Output = Piece<'i>;

        #[inline(always)]
        fn run<V: Vector>(self, vector: V, bytes: &'i [u8]) -> Piece<'i> {
            LineEnds::new(vector, bytes, 0).next(true).line
        }
    }

    let line = Widest::detect().run(First, bytes);
    (line, line.len() < bytes.len())
}

/// The bytes that a [`tick`] has at most.
pub(crate) const TICK: usize = LANE;

/// An event of one `data` line.
pub(crate) struct DataEvent<'i> {
    pub(crate) data: &'i str,
    /// The bytes up to the blank line.
    pub(crate) blank: usize,
    /// The bytes of the block.
    pub(crate) len: usize,
}

/// Such an event at the beginning of `bytes`, if it is short, plain, and LF ends its lines.
#[inline(always)]
pub(crate) fn tick(bytes: &[u8]) -> Option<DataEvent<'_>> {
    match bytes.first_chunk::<TICK>() {
        Some(lane) => marked_tick(lane, Baseline.lane_marks(lane)),
        None => tick_of_few(bytes),
    }
}

/// The same at the end of a chunk.
#[inline(never)]
fn tick_of_few(bytes: &[u8]) -> Option<DataEvent<'_>> {
    marked_tick(bytes, Baseline.lane_marks(&padded(bytes)))
}

#[inline(always)]
fn marked_tick(bytes: &[u8], marks: u32) -> Option<DataEvent<'_>> {
    let start = whole_word(bytes).and_then(|word| DATA.value_in(word))?;
    let end = marks.trailing_zeros() as usize;
    if bytes.get(end..end + 2)? != b"\n\n" {
        return None;
    }
    let data = Piece { bytes: bytes.get(start..end)?, known: true }.known_text()?;
    Some(DataEvent { data, blank: end + 1, len: end + 2 })
}

/// How the bytes of an event that begins with its `data` line go on.
pub(crate) enum DataStart<'i> {
    Event(DataEvent<'i>),
    /// No line ends here: the line so far, which is not only its name.
    Open(Piece<'i>),
    /// Something other than a blank line follows the line, or nothing so far.
    Line,
    /// With a byte that is a control character or not ASCII.
    Special,
    /// In another way.
    Other,
}

/// Looks at what begins with a `data` line, up to its end or anything special.
#[inline(always)]
pub(crate) fn data_start<V: Vector>(vector: V, bytes: &[u8]) -> DataStart<'_> {
    let mut ends = LineEnds::new(vector, bytes, 0);
    if !ends.scan_ahead() {
        return after_data(bytes, bytes.len(), true);
    }
    let at = ends.first_mark();
    match bytes[at] {
        b'\n' | b'\r' => after_data(bytes, at, true),
        _ => DataStart::Special,
    }
}

/// The same, whatever is special in the line.
#[inline(always)]
pub(crate) fn special_data_start<V: Vector>(vector: V, bytes: &[u8]) -> DataStart<'_> {
    let mut ends = LineEnds::new(vector, bytes, 0);
    let end = ends.next(bytes.len() > BLOCK);
    after_data(bytes, end.at, end.line.is_known())
}

/// What follows a `data` line that ends at `end`.
#[inline(always)]
fn after_data(bytes: &[u8], end: usize, known: bool) -> DataStart<'_> {
    let Some(start) = whole_word(bytes).and_then(|word| DATA.value_in(word)) else {
        return DataStart::Other;
    };
    let (blank, len) = match &bytes[end..] {
        [b'\n', b'\n', ..] => (end + 1, end + 2),
        [b'\r', b'\n', b'\r', b'\n', ..] => (end + 2, end + 4),
        [] => return DataStart::Open(Piece { bytes, known }),
        [b'\n'] => return DataStart::Line,
        [b'\n', next, ..] if *next != b'\r' => return DataStart::Line,
        _ => return DataStart::Other,
    };
    match (Piece { bytes: &bytes[start..end], known }).text() {
        Some(data) => DataStart::Event(DataEvent { data, blank, len }),
        None => DataStart::Line,
    }
}

/// An event of one `event` and one `data` line at the beginning of `bytes`, all of it ASCII without a control
/// character, and LF after its lines: its type, and the rest of it.
#[inline(always)]
pub(crate) fn typed_event<V: Vector>(vector: V, bytes: &[u8]) -> Option<(&str, DataEvent<'_>)> {
    let type_start = EVENT.value_in(whole_word(bytes)?)?;
    let mut ends = LineEnds::new(vector, bytes, 0);
    if !ends.scan_ahead() {
        return None;
    }
    let type_end = ends.first_mark();
    let line = bytes.get(type_end..)?.strip_prefix(b"\n")?;
    let start = type_end + 1 + DATA.value_in(whole_word(line)?)?;
    ends.marks &= ends.marks - 1;
    if ends.marks == 0 && !ends.scan_ahead() {
        return None;
    }
    let end = ends.first_mark();
    if !bytes.get(end..)?.starts_with(b"\n\n") {
        return None;
    }
    let event_type = Piece { bytes: bytes.get(type_start..type_end)?, known: true }.known_text()?;
    let data = Piece { bytes: bytes.get(start..end)?, known: true }.known_text()?;
    Some((event_type, DataEvent { data, blank: end + 1, len: end + 2 }))
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
