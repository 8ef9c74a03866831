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

pub(crate) use line_ends::{
    DataEvent, DataStart, LineEnds, TICK, data_start, line, line_end_width, pass_ignorable,
    special_data_start, tick, typed_event,
};
#[cfg(feature = "alloc")]
pub(crate) use text::SharedText;
pub(crate) use text::{Text, lossy_len};

/// Bytes that may be known to be UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'i> {
    bytes: &'i [u8],
    /// Invariant: if set, `bytes` is UTF-8.
    known: bool,
}

impl<'i> Piece<'i> {
    /// No bytes.
    pub(crate) const NONE: Self = Self { bytes: &[], known: true };

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

    /// The text, if it is known to be such.
    #[inline(always)]
    pub(crate) fn known_text(self) -> Option<&'i str> {
        // SAFETY: the invariant of `known`.
        self.known.then(|| unsafe { core::str::from_utf8_unchecked(self.bytes) })
    }

    /// The text, if it is UTF-8.
    #[inline(always)]
    pub(crate) fn text(self) -> Option<&'i str> {
        if self.known { self.known_text() } else { validate(self.bytes) }
    }

    /// The same piece, known to be UTF-8 if it is.
    #[inline(always)]
    pub(crate) fn checked(self) -> Self {
        Self { bytes: self.bytes, known: self.known || validate(self.bytes).is_some() }
    }
}

#[inline]
fn validate(bytes: &[u8]) -> Option<&str> {
    // Below this, setting up the vector units costs more than it saves.
    const SHORT: usize = 32;
    if bytes.len() < SHORT {
        return core::str::from_utf8(bytes).ok();
    }
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if let Some(avx2) = avx2::Avx2::detect() {
        return Piece { bytes, known: avx2.is_utf8(bytes) }.known_text();
    }
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Bytes that every processor with vectors compares by one instruction.
const LANE: usize = 16;
/// Bytes of two lanes.
const HALF: usize = 32;
/// Bytes of one bitmap.
const BLOCK: usize = 64;

/// Registers to compare many bytes at once.
pub(crate) trait Vector: Copy {
    /// A bit for each byte that is a line end, another control character, or not ASCII.
    fn block_marks(self, block: &[u8; BLOCK]) -> u64;
    /// As `block_marks`.
    fn half_marks(self, half: &[u8; HALF]) -> u32;
    /// As `block_marks`.
    fn lane_marks(self, lane: &[u8; LANE]) -> u32;
    /// A bit for each byte that is `wanted`.
    fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64;
    /// The beginning of a block, from `at` on, before which all is plain text without a line end.
    fn skip_plain(self, bytes: &[u8], at: usize) -> usize;
    /// Passes over text that is not ASCII and begins at `at`, to a line end, or to where it is ASCII
    /// again, or to the end; and whether what it passed is UTF-8. If not, it may be all the same.
    fn pass_unicode(self, bytes: &[u8], at: usize) -> (usize, bool);
    /// The index of the first line end, or the length, of a line that is special at `at`; and whether all from
    /// there on is known to be UTF-8, which it is only if `checked`.
    fn special_line_end(self, bytes: &[u8], at: usize, checked: bool) -> (usize, bool);
}

/// What every processor of this kind has.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use swar::Words as Baseline;

/// Work on a chunk, to be compiled for each [`Vector`]; all of it is to be inlined.
///
/// The chunk is apart from the rest, so that both are handed over in registers: a chunk that went through
/// memory would be waited for.
pub(crate) trait Job<'i> {
    type Output;

    fn run<V: Vector>(self, vector: V, chunk: &'i [u8]) -> Self::Output;
}

/// The widest registers that there are. Without `std` nobody says which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widest {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    avx2: Option<avx2::Avx2>,
}

impl Widest {
    #[inline(always)]
    pub(crate) fn detect() -> Self {
        Self {
            #[cfg(all(target_arch = "x86_64", feature = "std"))]
            avx2: avx2::Avx2::detect(),
        }
    }

    /// Does the work with them.
    #[inline(always)]
    pub(crate) fn run<'i, J: Job<'i>>(self, job: J, chunk: &'i [u8]) -> J::Output {
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        if let Some(avx2) = self.avx2 {
            return avx2.run(job, chunk);
        }
        with_baseline(job, chunk)
    }
}

/// Apart, so that it costs nothing where it is not taken.
#[inline(never)]
fn with_baseline<'i, J: Job<'i>>(job: J, chunk: &'i [u8]) -> J::Output {
    job.run(Baseline, chunk)
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        _mm_subs_epi8,
    };

    use super::{BLOCK, Baseline, HALF, LANE, Vector, line_ends};

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
        fn half_marks(self, half: &[u8; HALF]) -> u32 {
            // SAFETY: SSE2 is part of x86-64; a half has two lanes of 16 bytes.
            let lane =
                |at| unsafe { _mm_movemask_epi8(compare(load(half.as_ptr().add(at)))) as u32 };
            lane(0) | lane(LANE) << LANE
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

        #[inline(always)]
        fn pass_unicode(self, bytes: &[u8], at: usize) -> (usize, bool) {
            (line_ends::find(self, bytes, at), false)
        }

        #[inline(never)]
        fn special_line_end(self, bytes: &[u8], at: usize, checked: bool) -> (usize, bool) {
            line_ends::find_special(self, bytes, at, checked)
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
        __m256i, _mm_loadu_si128, _mm256_alignr_epi8, _mm256_and_si256,
        _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi8,
        _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_subs_epu8, _mm256_xor_si256,
    };

    use super::{BLOCK, Baseline, HALF, Job, LANE, Vector, line_ends};
    use crate::memory::copy;

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
        pub(super) fn run<'i, J: Job<'i>>(self, job: J, chunk: &'i [u8]) -> J::Output {
            // SAFETY: `self` is the proof.
            unsafe { run_job(self, job, chunk) }
        }

        #[inline(always)]
        pub(super) fn is_utf8(self, bytes: &[u8]) -> bool {
            // SAFETY: `self` is the proof.
            unsafe { is_utf8(bytes) }
        }
    }

    /// # Safety
    /// AVX2 and BMI1 are there.
    #[target_feature(enable = "avx2,bmi1")]
    unsafe fn run_job<'i, J: Job<'i>>(avx2: Avx2, job: J, chunk: &'i [u8]) -> J::Output {
        job.run(avx2, chunk)
    }

    impl Vector for Avx2 {
        #[inline(always)]
        fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
            let (low, high) = (compare(half_of(block, 0)), compare(half_of(block, 1)));
            if highest_bits(or(low, high)) == 0 { 0 } else { bitmap(low, high) }
        }

        #[inline(always)]
        fn half_marks(self, half: &[u8; HALF]) -> u32 {
            highest_bits(compare(load(half)))
        }

        #[inline(always)]
        fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
            Baseline.lane_marks(lane)
        }

        #[inline(always)]
        fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
            bitmap(equal(half_of(block, 0), wanted), equal(half_of(block, 1), wanted))
        }

        #[inline(always)]
        fn skip_plain(self, bytes: &[u8], mut at: usize) -> usize {
            while let Some(blocks) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * BLOCK }>)
            {
                let first = or(compare(half_of(blocks, 0)), compare(half_of(blocks, 1)));
                let second = or(compare(half_of(blocks, 2)), compare(half_of(blocks, 3)));
                if highest_bits(or(first, second)) != 0 {
                    break;
                }
                at += 2 * BLOCK;
            }
            at
        }

        #[inline(always)]
        fn pass_unicode(self, bytes: &[u8], at: usize) -> (usize, bool) {
            pass::<true>(bytes, at)
        }

        #[inline(always)]
        fn special_line_end(self, bytes: &[u8], at: usize, checked: bool) -> (usize, bool) {
            // SAFETY: `self` is the proof.
            unsafe { special_line_end(self, bytes, at, checked) }
        }
    }

    #[inline(always)]
    fn load(half: &[u8; HALF]) -> __m256i {
        // SAFETY: only what has `Avx2`, the proof that AVX2 is there, calls this; no alignment is asked
        // for.
        unsafe { _mm256_loadu_si256(half.as_ptr().cast()) }
    }

    #[inline(always)]
    fn half_of(bytes: &[u8], index: usize) -> __m256i {
        half_at(bytes, index * HALF).unwrap_or_else(|| splat(0))
    }

    #[inline(always)]
    fn bitmap(low: __m256i, high: __m256i) -> u64 {
        u64::from(highest_bits(low)) | u64::from(highest_bits(high)) << HALF
    }

    #[inline(always)]
    fn compare(half: __m256i) -> __m256i {
        // SAFETY: as of `load`.
        unsafe { _mm256_cmpgt_epi8(_mm256_set1_epi8(14), half) }
    }

    /// # Safety
    /// AVX2 and BMI1 are there.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1")]
    unsafe fn special_line_end(
        avx2: Avx2,
        bytes: &[u8],
        at: usize,
        checked: bool,
    ) -> (usize, bool) {
        line_ends::find_special(avx2, bytes, at, checked)
    }

    /// # Safety
    /// AVX2 and BMI1 are there.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1")]
    unsafe fn is_utf8(bytes: &[u8]) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            match half_at(bytes, at) {
                Some(half) if highest_bits(half) == 0 => at += HALF,
                _ => match pass::<false>(bytes, at) {
                    (to, true) => at = to,
                    (_, false) => return false,
                },
            }
        }
        true
    }

    /// Passes over text, to a line end only if `TO_LINE_END`.
    #[inline(always)]
    fn pass<const TO_LINE_END: bool>(bytes: &[u8], mut at: usize) -> (usize, bool) {
        let (mut before, mut errors) = (splat(0), splat(0));
        loop {
            let next = half_at(bytes, at);
            let half = next.unwrap_or_else(|| last_half(&bytes[at..]));
            let found = utf8_errors(before, half);
            if TO_LINE_END {
                let ends = highest_bits(or(equal(half, b'\n'), equal(half, b'\r')));
                if ends != 0 {
                    // With the line end itself, before which no character may be unfinished.
                    let line = ends ^ (ends - 1);
                    let valid = (nonzero(errors) | nonzero(found) & line) == 0;
                    return (at + ends.trailing_zeros() as usize, valid);
                }
            }
            errors = or(errors, found);
            if next.is_none() {
                return (bytes.len(), nonzero(errors) == 0);
            }
            at += HALF;
            if highest_bits(half) == 0 {
                return (at, nonzero(errors) == 0);
            }
            before = half;
        }
    }

    /// Marks where `half`, after `before`, is not UTF-8: at the first byte by which that shows, or later. A
    /// character that `half` leaves unfinished is none so far.
    ///
    /// What two bytes in a row can be wrong about depends on three halves of theirs. Each table gives, as bits,
    /// the faults that its half allows; a fault that all three allow is one. Whether the third and the
    /// fourth byte of a character are there is a matter of bytes further back. This way to look at UTF-8 is
    /// due to John Keiser and Daniel Lemire, "Validating UTF-8 in less than one instruction per byte".
    #[inline(always)]
    fn utf8_errors(before: __m256i, half: __m256i) -> __m256i {
        // SAFETY: as of `load`.
        unsafe {
            let joined = _mm256_permute2x128_si256(before, half, 0x21);
            let first = _mm256_alignr_epi8(half, joined, 15);
            let faults = _mm256_and_si256(
                _mm256_and_si256(
                    _mm256_shuffle_epi8(table(&FIRST_HIGH), high_halves(first)),
                    _mm256_shuffle_epi8(table(&FIRST_LOW), _mm256_and_si256(first, splat(0x0F))),
                ),
                _mm256_shuffle_epi8(table(&SECOND_HIGH), high_halves(half)),
            );
            // The highest bit is set where a third or a fourth byte must stand.
            let third = _mm256_subs_epu8(_mm256_alignr_epi8(half, joined, 14), splat(0xE0 - 0x80));
            let fourth = _mm256_subs_epu8(_mm256_alignr_epi8(half, joined, 13), splat(0xF0 - 0x80));
            let due = _mm256_and_si256(_mm256_or_si256(third, fourth), splat(CONTINUED));
            _mm256_xor_si256(due, faults)
        }
    }

    // Faults of two bytes in a row, a bit each.
    /// A character begins before the one before it is whole.
    const TOO_SHORT: u8 = 1;
    /// A continuation follows what is whole.
    const TOO_LONG: u8 = 1 << 1;
    /// Two bytes say what one can.
    const OVERLONG_2: u8 = 1 << 2;
    /// Three bytes say what fewer can.
    const OVERLONG_3: u8 = 1 << 3;
    const SURROGATE: u8 = 1 << 4;
    /// Above U+10FFFF; if the second byte is below 0x90, the next one says so.
    const TOO_LARGE: u8 = 1 << 5;
    /// With a second byte below 0x90: above U+10FFFF, or four bytes say what fewer can.
    const OUT_OF_RANGE: u8 = 1 << 6;
    /// Continuations in a row: as many as are due, or it is a fault.
    const CONTINUED: u8 = 1 << 7;

    /// By the high half of the first byte.
    const FIRST_HIGH: [u8; 16] = {
        let mut faults = [TOO_LONG; 16];
        faults[0x8] = CONTINUED;
        faults[0x9] = CONTINUED;
        faults[0xA] = CONTINUED;
        faults[0xB] = CONTINUED;
        faults[0xC] = TOO_SHORT | OVERLONG_2;
        faults[0xD] = TOO_SHORT;
        faults[0xE] = TOO_SHORT | OVERLONG_3 | SURROGATE;
        faults[0xF] = TOO_SHORT | TOO_LARGE | OUT_OF_RANGE;
        faults
    };

    /// By the low half of the first byte.
    const FIRST_LOW: [u8; 16] = {
        let any = TOO_SHORT | TOO_LONG | CONTINUED;
        let mut faults = [any | TOO_LARGE | OUT_OF_RANGE; 16];
        faults[0x0] = any | OVERLONG_2 | OVERLONG_3 | OUT_OF_RANGE;
        faults[0x1] = any | OVERLONG_2;
        faults[0x2] = any;
        faults[0x3] = any;
        faults[0x4] = any | TOO_LARGE;
        faults[0xD] |= SURROGATE;
        faults
    };

    /// By the high half of the second byte.
    const SECOND_HIGH: [u8; 16] = {
        let any = TOO_LONG | OVERLONG_2 | CONTINUED;
        let mut faults = [TOO_SHORT; 16];
        faults[0x8] = any | OVERLONG_3 | OUT_OF_RANGE;
        faults[0x9] = any | OVERLONG_3 | TOO_LARGE;
        faults[0xA] = any | SURROGATE | TOO_LARGE;
        faults[0xB] = any | SURROGATE | TOO_LARGE;
        faults
    };

    #[inline(always)]
    fn table(entries: &[u8; LANE]) -> __m256i {
        // SAFETY: as of `load`; 16 bytes are read.
        unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(entries.as_ptr().cast())) }
    }

    #[inline(always)]
    fn high_halves(bytes: __m256i) -> __m256i {
        // SAFETY: as of `load`.
        unsafe { _mm256_and_si256(_mm256_srli_epi16(bytes, 4), splat(0x0F)) }
    }

    #[inline(always)]
    fn half_at(bytes: &[u8], at: usize) -> Option<__m256i> {
        bytes.get(at..)?.first_chunk().map(load)
    }

    /// Fewer than 32 bytes, and zeros after them.
    #[inline(always)]
    fn last_half(bytes: &[u8]) -> __m256i {
        let mut half = [0; HALF];
        copy(&mut half[..bytes.len()], bytes);
        load(&half)
    }

    #[inline(always)]
    fn splat(byte: u8) -> __m256i {
        // SAFETY: as of `load`.
        unsafe { _mm256_set1_epi8(byte as i8) }
    }

    #[inline(always)]
    fn or(one: __m256i, other: __m256i) -> __m256i {
        // SAFETY: as of `load`.
        unsafe { _mm256_or_si256(one, other) }
    }

    /// All bits of each byte that is `wanted`.
    #[inline(always)]
    fn equal(half: __m256i, wanted: u8) -> __m256i {
        // SAFETY: as of `load`.
        unsafe { _mm256_cmpeq_epi8(half, splat(wanted)) }
    }

    #[inline(always)]
    fn highest_bits(half: __m256i) -> u32 {
        // SAFETY: as of `load`.
        unsafe { _mm256_movemask_epi8(half) as u32 }
    }

    /// A bit for each byte that is not zero.
    #[inline(always)]
    fn nonzero(half: __m256i) -> u32 {
        !highest_bits(equal(half, 0))
    }
}

#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
mod swar;

mod line_ends;
#[cfg(all(test, feature = "alloc"))]
mod tests;
mod text;
