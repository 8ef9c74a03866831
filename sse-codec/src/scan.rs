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

#[cfg(feature = "alloc")]
use bytes::Bytes;

#[cfg(feature = "alloc")]
use crate::memory::copy;
use crate::memory::{Full, Memory, Store};

pub(crate) use line_ends::{
    DataStart, LineEnds, data_start, ignorable_lines, line, line_end_width,
};

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
pub(crate) struct Text<S> {
    memory: Memory<S>,
    /// Invariant: if set, the memory's bytes are UTF-8.
    known: bool,
}

impl<S: Store> Text<S> {
    pub(crate) const fn new(store: S) -> Self {
        // It starts empty, and nothing is UTF-8.
        Self { memory: Memory::new(store), known: true }
    }

    #[cfg(feature = "alloc")]
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
    ///
    /// `from` begins with the piece; the more comes after it, the faster it is copied.
    #[inline(always)]
    pub(crate) fn push_line(
        &mut self,
        piece: Piece<'_>,
        from: &[u8],
        limit: usize,
    ) -> Result<(), Full> {
        debug_assert!(from.starts_with(piece.bytes));
        self.memory.push_line(from, piece.bytes.len(), limit)?;
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

/// Text that is shared, or short enough to be kept in place.
///
/// Invariant: UTF-8. What `Bytes` hold never changes.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub(crate) enum SharedText {
    Short { len: u8, bytes: [u8; SHORT_TEXT] },
    Shared(Bytes),
}

/// What fits beside the length into the room of `Bytes`.
#[cfg(feature = "alloc")]
const SHORT_TEXT: usize = 23;

#[cfg(feature = "alloc")]
impl SharedText {
    /// `text` in place, if it is short.
    #[inline(always)]
    pub(crate) fn short(text: &str) -> Option<Self> {
        let len = text.len();
        if len > SHORT_TEXT {
            return None;
        }
        let mut bytes = [0; SHORT_TEXT];
        copy(&mut bytes[..len], text.as_bytes());
        Some(Self::Short { len: len as u8, bytes })
    }

    /// `text`, which lies in `chunk`.
    ///
    /// # Panics
    /// If it does not.
    #[inline]
    pub(crate) fn within(chunk: &Bytes, text: &str) -> Self {
        Self::Shared(chunk.slice_ref(text.as_bytes()))
    }

    /// `text`, copied.
    #[inline]
    pub(crate) fn copy(text: &str) -> Self {
        Self::short(text).unwrap_or_else(|| Self::Shared(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        let bytes = match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Shared(bytes) => bytes,
        };
        // SAFETY: the invariant.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Short { len, bytes } => Bytes::copy_from_slice(&bytes[..usize::from(len)]),
            Self::Shared(bytes) => bytes,
        }
    }
}

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

/// Bytes that are compared by one instruction where there are such.
const LANE: usize = 16;
/// Bytes of one bitmap.
const BLOCK: usize = 64;

/// Registers to compare many bytes at once.
pub(crate) trait Vector: Copy {
    /// A bit for each byte that is a line end, another control character, or not ASCII.
    fn block_marks(self, block: &[u8; BLOCK]) -> u64;
    /// A bit for each byte that is `wanted`.
    fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64;
    /// As `block_marks`.
    fn lane_marks(self, lane: &[u8; LANE]) -> u32;
    /// The beginning of a block, from `at` on, before which all is plain text without a line end.
    fn skip_plain(self, bytes: &[u8], at: usize) -> usize;
    /// The index of the first line end from `at` on, or the length; for where most bytes are not ASCII.
    fn line_end_in_unicode(self, bytes: &[u8], at: usize) -> usize;
}

/// What every processor of this kind has.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use swar::Words as Baseline;

/// Work to be compiled for each [`Vector`]; all of it is to be inlined.
pub(crate) trait Job {
    type Output;

    fn run<V: Vector>(self, vector: V) -> Self::Output;
}

/// Does the work with the widest registers that there are. Without `std` nobody says which.
#[inline(always)]
pub(crate) fn with_widest<J: Job>(job: J) -> J::Output {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if let Some(avx2) = avx2::Avx2::detect() {
        return avx2.run(job);
    }
    with_baseline(job)
}

/// Apart, so that it costs nothing where it is not taken.
#[inline(never)]
fn with_baseline<J: Job>(job: J) -> J::Output {
    job.run(Baseline)
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        _mm_subs_epi8,
    };

    use super::{BLOCK, Baseline, LANE, Vector};

    impl Vector for Baseline {
        #[inline(always)]
        fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
            let lanes = lanes(block).map(compare);
            // SAFETY: SSE2 is part of x86-64.
            let any = unsafe {
                let any = _mm_or_si128(
                    _mm_or_si128(lanes[0], lanes[1]),
                    _mm_or_si128(lanes[2], lanes[3]),
                );
                _mm_movemask_epi8(any)
            };
            if any == 0 { 0 } else { bitmap(lanes) }
        }

        #[inline(always)]
        fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
            // SAFETY: SSE2 is part of x86-64.
            let equal = |lane| unsafe { _mm_cmpeq_epi8(lane, _mm_set1_epi8(wanted as i8)) };
            bitmap(lanes(block).map(equal))
        }

        #[inline(always)]
        fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
            // SAFETY: SSE2 is part of x86-64; a lane has 16 bytes.
            unsafe { _mm_movemask_epi8(compare(load(lane.as_ptr()))) as u32 }
        }

        #[inline(always)]
        fn skip_plain(self, _: &[u8], at: usize) -> usize {
            at
        }

        #[inline(never)]
        fn line_end_in_unicode(self, bytes: &[u8], at: usize) -> usize {
            super::line_ends::find_in_unicode(self, bytes, at)
        }
    }

    #[inline(always)]
    fn bitmap(lanes: [__m128i; 4]) -> u64 {
        // SAFETY: SSE2 is part of x86-64.
        let [a, b, c, d] = lanes.map(|lane| unsafe { u64::from(_mm_movemask_epi8(lane) as u32) });
        a | b << 16 | c << 32 | d << 48
    }

    #[inline(always)]
    fn lanes(block: &[u8; BLOCK]) -> [__m128i; 4] {
        let lane = block.as_ptr();
        // SAFETY: the four lanes are the block's 64 bytes.
        unsafe {
            [load(lane), load(lane.add(LANE)), load(lane.add(2 * LANE)), load(lane.add(3 * LANE))]
        }
    }

    /// # Safety
    /// 16 bytes are readable at `lane`.
    #[inline(always)]
    unsafe fn load(lane: *const u8) -> __m128i {
        // SAFETY: as the caller says; no alignment is asked for. SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(lane.cast()) }
    }

    /// Sets the highest bit of each byte to be marked.
    #[inline(always)]
    fn compare(lane: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        // Read as signed, what is not ASCII is below all else, and stays there.
        unsafe { _mm_subs_epi8(lane, _mm_set1_epi8(14)) }
    }
}

/// The wider registers of most processors, which halve the work.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod avx2 {
    use core::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8,
    };

    use super::{BLOCK, Baseline, Job, LANE, Vector};

    /// The proof that AVX2 and BMI1 are there. Its methods are inlined into [`run_job`], which may use
    /// them.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Avx2(());

    impl Avx2 {
        #[inline(always)]
        pub(super) fn detect() -> Option<Self> {
            let found =
                std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("bmi1");
            found.then_some(Self(()))
        }

        #[inline(always)]
        pub(super) fn run<J: Job>(self, job: J) -> J::Output {
            // SAFETY: `self` is the proof.
            unsafe { run_job(self, job) }
        }
    }

    /// # Safety
    /// AVX2 and BMI1 are there.
    #[target_feature(enable = "avx2,bmi1")]
    unsafe fn run_job<J: Job>(avx2: Avx2, job: J) -> J::Output {
        job.run(avx2)
    }

    impl Vector for Avx2 {
        #[inline(always)]
        fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
            bitmap(block, compare)
        }

        #[inline(always)]
        fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
            // SAFETY: `self` is the proof that AVX2 is there.
            bitmap(block, |half| unsafe { _mm256_cmpeq_epi8(half, _mm256_set1_epi8(wanted as i8)) })
        }

        #[inline(always)]
        fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
            Baseline.lane_marks(lane)
        }

        #[inline(always)]
        fn skip_plain(self, bytes: &[u8], mut at: usize) -> usize {
            while let Some(blocks) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * BLOCK }>)
            {
                let half = blocks.as_ptr().cast::<__m256i>();
                // SAFETY: `self` is the proof that AVX2 is there; the four halves are the 128 bytes,
                // and no alignment is asked for.
                let special = unsafe {
                    let half = |index| compare(_mm256_loadu_si256(half.add(index)));
                    let any = _mm256_or_si256(
                        _mm256_or_si256(half(0), half(1)),
                        _mm256_or_si256(half(2), half(3)),
                    );
                    _mm256_movemask_epi8(any) != 0
                };
                if special {
                    break;
                }
                at += 2 * BLOCK;
            }
            at
        }

        #[inline(always)]
        fn line_end_in_unicode(self, bytes: &[u8], at: usize) -> usize {
            // SAFETY: `self` is the proof.
            unsafe { line_end_in_unicode(self, bytes, at) }
        }
    }

    /// # Safety
    /// AVX2 and BMI1 are there.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1")]
    unsafe fn line_end_in_unicode(avx2: Avx2, bytes: &[u8], at: usize) -> usize {
        super::line_ends::find_in_unicode(avx2, bytes, at)
    }

    #[inline(always)]
    fn bitmap(block: &[u8; BLOCK], compare: impl Fn(__m256i) -> __m256i) -> u64 {
        let half = block.as_ptr().cast::<__m256i>();
        // SAFETY: only `Avx2`, the proof that AVX2 is there, calls this; the two halves are the block's
        // 64 bytes, and no alignment is asked for.
        unsafe {
            let half = |index| {
                let half = compare(_mm256_loadu_si256(half.add(index)));
                u64::from(_mm256_movemask_epi8(half) as u32)
            };
            half(0) | half(1) << 32
        }
    }

    #[inline(always)]
    fn compare(half: __m256i) -> __m256i {
        // SAFETY: only `Avx2`, the proof that AVX2 is there, calls this.
        unsafe { _mm256_cmpgt_epi8(_mm256_set1_epi8(14), half) }
    }
}

#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
mod swar;

mod line_ends;
#[cfg(all(test, feature = "alloc"))]
mod tests;
