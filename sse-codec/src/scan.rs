//! Where lines end, and whether they are text: the crate's one file with unsafe code.
//!
//! One comparison finds all that may matter: read as signed, a byte below 14 is a control character
//! (line ends among them) or not ASCII. As long as a block of 64 has none, it is plain text without a
//! line end; that is all the work most bytes ever cost. The answer comes with the proof that goes
//! with it: a [`Piece`] that is known to be UTF-8 turns into `&str` without another pass.
//!
//! Nothing is kept between calls: a note on a caller's chunk would be worth nothing once the caller
//! has changed the chunk.

#![allow(unsafe_code)]

/// Bytes that may be known to be UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'i> {
    bytes: &'i [u8],
    /// Invariant: if set, `bytes` is UTF-8.
    known: bool,
}

impl<'i> Piece<'i> {
    pub(crate) const fn unknown(bytes: &'i [u8]) -> Self {
        Self { bytes, known: false }
    }

    pub(crate) const fn from_text(text: &'i str) -> Self {
        Self { bytes: text.as_bytes(), known: true }
    }

    #[inline(always)]
    pub(crate) const fn bytes(self) -> &'i [u8] {
        self.bytes
    }

    #[inline(always)]
    pub(crate) const fn len(self) -> usize {
        self.bytes.len()
    }

    /// Whether it is text without a further look; if not, it may still be.
    #[inline(always)]
    pub(crate) const fn is_known(self) -> bool {
        self.known
    }

    /// The bytes from `at` on, after `at` bytes that are ASCII.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub(crate) fn after_ascii(self, at: usize) -> Self {
        let bytes = &self.bytes[at..];
        // Not the start of a character: then `at` was no boundary, and nothing is known.
        let boundary = self.bytes[..at].last().is_none_or(|byte| byte.is_ascii());
        Self { bytes, known: self.known && boundary }
    }

    /// The text, if it is UTF-8.
    #[inline(always)]
    pub(crate) fn text(self) -> Option<&'i str> {
        if self.known {
            // SAFETY: the invariant of `known`.
            Some(unsafe { core::str::from_utf8_unchecked(self.bytes) })
        } else {
            validate(self.bytes)
        }
    }

    /// The same piece, known to be UTF-8 if it is.
    #[inline(always)]
    pub(crate) fn checked(self) -> Self {
        Self { bytes: self.bytes, known: self.known || validate(self.bytes).is_some() }
    }
}

/// Text under construction: bytes in some memory, and whether they are known to be UTF-8.
#[derive(Debug)]
pub(crate) struct Text<M> {
    memory: M,
    /// Invariant: if set, the memory's bytes are UTF-8.
    known: bool,
}

impl<M: Memory> Text<M> {
    pub(crate) const fn new(memory: M) -> Self {
        // `Memory` starts empty, and nothing is UTF-8.
        Self { memory, known: true }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.memory.clear();
        self.known = true;
    }

    /// Appends a piece, or nothing where it does not fit or would pass `limit` bytes.
    #[inline(always)]
    pub(crate) fn push(&mut self, piece: Piece<'_>, limit: usize) -> Result<(), Full> {
        self.memory.push(piece.bytes, limit)?;
        self.known &= piece.known;
        Ok(())
    }

    /// Appends a piece and a line feed, or nothing where that does not fit or would pass `limit` bytes.
    #[inline(always)]
    pub(crate) fn push_line(&mut self, piece: Piece<'_>, limit: usize) -> Result<(), Full> {
        self.memory.push_line(piece.bytes, limit)?;
        self.known &= piece.known;
        Ok(())
    }

    /// Takes the place of what was there before.
    #[inline(always)]
    pub(crate) fn set(&mut self, piece: Piece<'_>, limit: usize) -> Result<(), Full> {
        self.clear();
        self.push(piece, limit)
    }

    /// What is there so far.
    #[inline(always)]
    pub(crate) fn piece(&self) -> Piece<'_> {
        Piece { bytes: self.memory.bytes(), known: self.known }
    }

    /// The text; empty unless [`make_text`](Self::make_text) succeeded since the last `push`.
    #[inline(always)]
    pub(crate) fn text(&self) -> &str {
        if self.known {
            // SAFETY: the invariant of `known`.
            unsafe { core::str::from_utf8_unchecked(self.memory.bytes()) }
        } else {
            ""
        }
    }

    /// Makes sure that it is text: each maximal subpart that is not UTF-8 becomes U+FFFD, in place.
    ///
    /// WHATWG Encoding, "UTF-8 decode" with error mode "replacement". `Full` where the replacements do
    /// not fit; then it is empty.
    #[inline(always)]
    pub(crate) fn make_text(&mut self, limit: usize) -> Result<(), Full> {
        if self.known { Ok(()) } else { self.make_text_cold(limit) }
    }

    #[inline(never)]
    fn make_text_cold(&mut self, limit: usize) -> Result<(), Full> {
        if validate(self.memory.bytes()).is_some() {
            self.known = true;
            return Ok(());
        }
        let old = self.memory.bytes().len();
        let new = lossy_len(self.memory.bytes());
        if let Err(full) = self.memory.resize(new, limit) {
            self.clear();
            return Err(full);
        }
        // The old bytes wait at the far end; what is read there never falls behind what is written,
        // since the rest can only have grown.
        let bytes = self.memory.bytes_mut();
        bytes.copy_within(..old, new - old);
        let (mut read, mut written) = (new - old, 0);
        while let Some(chunk) = bytes[read..].utf8_chunks().next() {
            let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
            bytes.copy_within(read..read + valid, written);
            read += valid + invalid;
            written += valid;
            if invalid > 0 {
                bytes[written..written + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
                written += REPLACEMENT.len();
            }
        }
        self.known = validate(self.memory.bytes()).is_some();
        debug_assert!(self.known && written == new);
        Ok(())
    }
}

/// Where a decoder keeps bytes. Begins empty.
pub(crate) trait Memory: core::fmt::Debug {
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];
    /// Appends all of `bytes`; or nothing, where they would pass `limit` or the memory there is.
    fn push(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full>;
    /// The same, with a line feed after them.
    fn push_line(&mut self, bytes: &[u8], limit: usize) -> Result<(), Full>;
    /// Cuts, or appends zeros; or does nothing, where that would pass `limit` or the memory there is.
    fn resize(&mut self, len: usize, limit: usize) -> Result<(), Full>;
    fn clear(&mut self);
}

/// There is no room for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// How long `bytes` is as text, with a replacement for each maximal subpart that is not UTF-8.
pub(crate) fn lossy_len(bytes: &[u8]) -> usize {
    let replaced = |invalid: &[u8]| if invalid.is_empty() { 0 } else { REPLACEMENT.len() };
    bytes.utf8_chunks().map(|chunk| chunk.valid().len() + replaced(chunk.invalid())).sum()
}

#[inline]
fn validate(bytes: &[u8]) -> Option<&str> {
    // Below this, setting up the vector units costs more than it saves.
    const SHORT: usize = 32;
    if bytes.len() < SHORT {
        core::str::from_utf8(bytes).ok()
    } else {
        simdutf8::basic::from_utf8(bytes).ok()
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
    let Some(start) = data_value(bytes) else { return DataStart::Other };
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

/// How the bytes of a `data` line that begins them go on.
pub(crate) enum DataLine<'i> {
    /// To an LF: the value, which is text, and the line's bytes with their end.
    Whole(Piece<'i>, usize),
    /// To the end of the bytes: the value so far.
    Open(Piece<'i>),
    /// It is no `data` line, or something is special about it.
    Other,
}

/// Reads a `data` line at the beginning of `bytes`.
#[inline(always)]
pub(crate) fn data_line(bytes: &[u8]) -> DataLine<'_> {
    let Some(start) = data_value(bytes) else { return DataLine::Other };
    let (end, ascii) = line_end(bytes);
    let Some(value) = bytes.get(start..end) else { return DataLine::Other };
    let value = Piece { bytes: value, known: ascii };
    match bytes.get(end) {
        None => DataLine::Open(value),
        Some(b'\n') => {
            let value = value.checked();
            if value.known { DataLine::Whole(value, end + 1) } else { DataLine::Other }
        }
        Some(_) => DataLine::Other,
    }
}

/// A line of text that ends in LF: its value from `start` on, and what comes after it. `None` for
/// anything else.
#[inline(always)]
pub(crate) fn short_line(bytes: &[u8], start: usize) -> Option<(Piece<'_>, &[u8])> {
    let (end, ascii) = line_end(bytes);
    if *bytes.get(end)? != b'\n' {
        return None;
    }
    let value = Piece { bytes: bytes.get(start..end)?, known: ascii }.checked();
    value.known.then(|| (value, &bytes[end + 1..]))
}

/// Where the value of a `data` line begins.
#[inline(always)]
fn data_value(bytes: &[u8]) -> Option<usize> {
    const NAME: u64 = u64::from_le_bytes(*b"data:\0\0\0");
    let head = u64::from_le_bytes(*bytes.first_chunk()?);
    let space = usize::from((head >> 40) as u8 == b' ');
    (head & 0xFF_FFFF_FFFF == NAME).then_some(5 + space)
}

/// How many bytes of whole lines at the beginning are comments, or blank if those are ignored too.
/// Lines that pass `limit` or do not end in LF are left.
pub(crate) fn ignorable_lines(bytes: &[u8], blanks: bool, limit: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    let mut start = if bytes.len() > limit {
        0
    } else {
        match sse2::ignorable_lines(bytes, blanks) {
            Ok(end) => return end,
            Err(tail) => tail,
        }
    };
    #[cfg(not(target_arch = "x86_64"))]
    let mut start = 0;
    loop {
        match bytes.get(start) {
            Some(b':') => {}
            Some(b'\n') if blanks => {
                start += 1;
                continue;
            }
            _ => return start,
        }
        let (len, _) = line_end(&bytes[start..]);
        if len > limit || bytes.get(start + len) != Some(&b'\n') {
            return start;
        }
        start += len + 1;
    }
}

/// The same for a line that is likely long.
#[inline(always)]
pub(crate) fn long_line(bytes: &[u8]) -> (Piece<'_>, bool) {
    #[cfg(target_arch = "x86_64")]
    let (end, ascii) = sse2::long_line_end(bytes, 0);
    #[cfg(not(target_arch = "x86_64"))]
    let (end, ascii) = line_end(bytes);
    (Piece { bytes: &bytes[..end], known: ascii }, end < bytes.len())
}

/// The index of the first CR or LF, or the length; and whether all bytes before it are ASCII.
#[inline(always)]
fn line_end(bytes: &[u8]) -> (usize, bool) {
    #[cfg(target_arch = "x86_64")]
    {
        sse2::line_end(bytes)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        swar::line_end(bytes)
    }
}

const fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// After the first byte that is not ASCII: only line ends are looked for.
#[inline(never)]
fn line_end_in_unicode(bytes: &[u8], from: usize) -> (usize, bool) {
    let end = memchr::memchr2(b'\n', b'\r', &bytes[from..]);
    (end.map_or(bytes.len(), |end| from + end), false)
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };

    use super::{is_line_end, line_end_in_unicode};

    /// Bytes of one register.
    const LANE: usize = 16;
    /// Bytes between two branches in a long line.
    const BLOCK: usize = 4 * LANE;

    #[inline(always)]
    pub(super) fn line_end(bytes: &[u8]) -> (usize, bool) {
        // Short lines end here, with nothing special in them.
        if let Some(lane) = bytes.first_chunk::<LANE>() {
            let found = candidates(lane);
            if found == 0 {
                return long_line_end(bytes, LANE);
            }
            let at = found.trailing_zeros() as usize;
            if is_line_end(lane[at % LANE]) {
                return (at, true);
            }
        }
        long_line_end(bytes, 0)
    }

    /// The same from `at` on, with nothing before it.
    #[inline(never)]
    pub(super) fn long_line_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
        #[cfg(feature = "std")]
        if bytes.len() - at >= super::avx2::WORTH_IT && super::avx2::is_there() {
            // SAFETY: AVX2 is there.
            at = unsafe { super::avx2::skip_plain(bytes, at) };
        }
        while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
            let found = block_candidates(block);
            if found != 0 {
                if let Some(answer) = resolve(bytes, at, found) {
                    return answer;
                }
            }
            at += BLOCK;
        }
        while let Some(lane) = bytes[at..].first_chunk::<LANE>() {
            let found = candidates(lane);
            if found != 0 {
                if let Some(answer) = resolve(bytes, at, u64::from(found)) {
                    return answer;
                }
            }
            at += LANE;
        }
        if at == bytes.len() {
            return (at, true);
        }
        // The tail: the last lane again, less what was seen; or a very short chunk, bytewise.
        match bytes.last_chunk::<LANE>() {
            Some(lane) => {
                let start = bytes.len() - LANE;
                let found = (u64::from(candidates(lane)) >> (at - start)) << (at - start);
                resolve(bytes, start, found).unwrap_or((bytes.len(), true))
            }
            None => super::swar::line_end(bytes),
        }
    }

    /// The first line end among the candidates; `None` if they are other control characters.
    #[inline(always)]
    fn resolve(bytes: &[u8], base: usize, mut found: u64) -> Option<(usize, bool)> {
        while found != 0 {
            let at = base + found.trailing_zeros() as usize;
            let byte = bytes[at];
            if is_line_end(byte) {
                return Some((at, true));
            }
            if byte >= 0x80 {
                return Some(line_end_in_unicode(bytes, at));
            }
            found &= found - 1;
        }
        None
    }

    /// As far as whole blocks show it: `Err` says where the line begins that they do not decide.
    ///
    /// A line's first byte tells whether it is ignored, and all first bytes of a block are looked at
    /// together.
    pub(super) fn ignorable_lines(bytes: &[u8], blanks: bool) -> Result<usize, usize> {
        let mut start = 0;
        let mut base = 0;
        // Whether the block before ended in a line end. The first line begins like one to ignore.
        let mut after_end = 0;
        while let Some(block) = bytes[base..].first_chunk::<BLOCK>() {
            let [colons, line_feeds, carriage_returns] = block_marks(block);
            if carriage_returns != 0 {
                return Err(start);
            }
            let starts = line_feeds << 1 | after_end;
            let ignored = if blanks { colons | line_feeds } else { colons };
            let others = starts & !ignored;
            if others != 0 {
                return Ok(base + others.trailing_zeros() as usize);
            }
            if line_feeds != 0 {
                start = base + BLOCK - line_feeds.leading_zeros() as usize;
            }
            after_end = line_feeds >> (BLOCK - 1);
            base += BLOCK;
        }
        Err(start)
    }

    /// A bit for each colon, LF and CR.
    #[inline(always)]
    fn block_marks(block: &[u8; BLOCK]) -> [u64; 3] {
        let lane = block.as_ptr();
        // SAFETY: SSE2 is part of x86-64; the four lanes are the block's 64 bytes.
        unsafe {
            let lanes = [
                load(lane),
                load(lane.add(LANE)),
                load(lane.add(2 * LANE)),
                load(lane.add(3 * LANE)),
            ];
            [b':', b'\n', b'\r'].map(|wanted| {
                let wanted = _mm_set1_epi8(wanted as i8);
                let mask = |lane| u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(lane, wanted)) as u32);
                mask(lanes[0]) | mask(lanes[1]) << 16 | mask(lanes[2]) << 32 | mask(lanes[3]) << 48
            })
        }
    }

    /// A bit for each byte that is a control character below 14, or not ASCII.
    #[inline(always)]
    fn candidates(lane: &[u8; LANE]) -> u32 {
        // SAFETY: SSE2 is part of x86-64; a lane has 16 bytes.
        unsafe { _mm_movemask_epi8(compare(load(lane.as_ptr()))) as u32 }
    }

    #[inline(always)]
    fn block_candidates(block: &[u8; BLOCK]) -> u64 {
        let lane = block.as_ptr();
        // SAFETY: SSE2 is part of x86-64; the four lanes are the block's 64 bytes.
        unsafe {
            let a = compare(load(lane));
            let b = compare(load(lane.add(LANE)));
            let c = compare(load(lane.add(2 * LANE)));
            let d = compare(load(lane.add(3 * LANE)));
            let any = _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d));
            if _mm_movemask_epi8(any) == 0 {
                return 0;
            }
            let mask = |lane| u64::from(_mm_movemask_epi8(lane) as u32);
            mask(a) | mask(b) << 16 | mask(c) << 32 | mask(d) << 48
        }
    }

    /// # Safety
    /// 16 bytes are readable at `lane`.
    #[inline(always)]
    unsafe fn load(lane: *const u8) -> __m128i {
        // SAFETY: as the caller says; no alignment is asked for. SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(lane.cast()) }
    }

    #[inline(always)]
    fn compare(lane: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_cmplt_epi8(lane, _mm_set1_epi8(14)) }
    }
}

/// For lines of kilobytes, where the wider registers of most processors pay. Without `std` nobody says
/// whether they are there.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod avx2 {
    use core::arch::x86_64::{
        _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };

    const LANE: usize = 32;
    const BLOCK: usize = 4 * LANE;
    /// From here on, asking for them costs less than they save.
    pub(super) const WORTH_IT: usize = 4 * BLOCK;

    #[inline(always)]
    pub(super) fn is_there() -> bool {
        std::is_x86_feature_detected!("avx2")
    }

    /// The beginning, from `at` on, of the first block that is not plain text without a line end; or of
    /// what is left after whole blocks.
    ///
    /// # Safety
    /// AVX2 is there.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
        while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
            let lane = block.as_ptr();
            // SAFETY: AVX2 is there; the four lanes are the block's 128 bytes, and no alignment is
            // asked for.
            let special = unsafe {
                let bound = _mm256_set1_epi8(14);
                let compare =
                    |lane: *const u8| _mm256_cmpgt_epi8(bound, _mm256_loadu_si256(lane.cast()));
                let a = compare(lane);
                let b = compare(lane.add(LANE));
                let c = compare(lane.add(2 * LANE));
                let d = compare(lane.add(3 * LANE));
                let any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
                _mm256_movemask_epi8(any) != 0
            };
            if special {
                break;
            }
            at += BLOCK;
        }
        at
    }
}

/// The portable twin: eight bytes in a register of any machine.
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
mod swar {
    use super::{is_line_end, line_end_in_unicode};

    const LANE: usize = 8;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const LOW: u64 = !HIGH;
    /// Added to seven bits it reaches the eighth from 14 on.
    const TO_14: u64 = 0x7272_7272_7272_7272;

    #[inline(always)]
    pub(super) fn line_end(bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(lane) = bytes[at..].first_chunk::<LANE>() {
            let word = u64::from_le_bytes(*lane);
            // No carry passes from byte to byte, so each bit is exact.
            let mut found = (!((word & LOW) + TO_14) | word) & HIGH;
            while found != 0 {
                let here = at + (found.trailing_zeros() / 8) as usize;
                match bytes[here] {
                    byte if is_line_end(byte) => return (here, true),
                    0x80.. => return line_end_in_unicode(bytes, here),
                    _ => found &= found - 1,
                }
            }
            at += LANE;
        }
        for here in at..bytes.len() {
            match bytes[here] {
                byte if is_line_end(byte) => return (here, true),
                0x80.. => return line_end_in_unicode(bytes, here),
                _ => {}
            }
        }
        (bytes.len(), true)
    }
}

#[cfg(test)]
mod tests;
