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
    DataEvent, DataStart, LineEnds, TICK, data_start, line, line_end, line_end_width,
    pass_ignorable, short_and_plain, special_data_start, tick, typed_event,
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
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", feature = "std"))]
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
    /// Asks for the memory of a byte that will be looked at soon.
    #[inline(always)]
    fn fetch(self, _byte: &u8) {}
    /// As `block_marks`.
    fn half_marks(self, half: &[u8; HALF]) -> u32;
    /// As `block_marks`.
    fn lane_marks(self, lane: &[u8; LANE]) -> u32;
    /// A bit for each byte that is `wanted`.
    fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64;
    /// The beginning of a block, from `at` on, before which all is plain text without a line end.
    #[inline(always)]
    fn skip_plain(self, _bytes: &[u8], at: usize) -> usize {
        at
    }
    /// Passes over text that is not ASCII and begins at `at`, to a line end, or to where it is ASCII
    /// again, or to the end; and whether what it passed is UTF-8. If not, it may be all the same.
    #[inline(always)]
    fn pass_unicode(self, bytes: &[u8], at: usize) -> (usize, bool) {
        (line_ends::find(self, bytes, at), false)
    }
    /// The index of the first line end, or the length, of a line that is special at `at`; and whether all from
    /// there on is known to be UTF-8, which it is only if `checked`.
    #[inline(never)]
    fn special_line_end(self, bytes: &[u8], at: usize, checked: bool) -> (usize, bool) {
        line_ends::find_special(self, bytes, at, checked)
    }
}

/// What the build may take for granted: nearly every processor of the two kinds has these registers, but a kernel's
/// own code may not touch them, and a big-endian ARM has its lanes the other way round.
#[cfg(any(
    all(target_arch = "x86_64", target_feature = "sse2"),
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"),
))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;
#[cfg(not(any(
    all(target_arch = "x86_64", target_feature = "sse2"),
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"),
)))]
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
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", feature = "std"))]
    avx2: Option<avx2::Avx2>,
}

impl Widest {
    #[inline(always)]
    pub(crate) fn detect() -> Self {
        Self {
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2", feature = "std"))]
            avx2: avx2::Avx2::detect(),
        }
    }

    /// Does the work with them.
    #[inline(always)]
    pub(crate) fn run<'i, J: Job<'i>>(self, job: J, chunk: &'i [u8]) -> J::Output {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2", feature = "std"))]
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

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2 {
    use core::arch::x86_64::{
        __m128i, _MM_HINT_T0, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128,
        _mm_prefetch, _mm_set1_epi8, _mm_subs_epi8,
    };

    use super::{BLOCK, Baseline, HALF, LANE, Vector};

    impl Vector for Baseline {
        #[inline(always)]
        fn fetch(self, byte: &u8) {
            // SAFETY: SSE is there. Nothing is read that anybody could see.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(byte).cast()) }
        }

        #[inline(always)]
        fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
            let lanes = lanes(block).map(compare);
            // SAFETY: SSE2 is there.
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
            // SAFETY: SSE2 is there.
            let equal = |lane| unsafe { _mm_cmpeq_epi8(lane, _mm_set1_epi8(wanted as i8)) };
            bitmap(lanes(block).map(equal))
        }

        #[inline(always)]
        fn half_marks(self, half: &[u8; HALF]) -> u32 {
            // SAFETY: SSE2 is there; a half has two lanes of 16 bytes.
            let lane =
                |at| unsafe { _mm_movemask_epi8(compare(load(half.as_ptr().add(at)))) as u32 };
            lane(0) | lane(LANE) << LANE
        }

        #[inline(always)]
        fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
            // SAFETY: SSE2 is there; a lane has 16 bytes.
            unsafe { _mm_movemask_epi8(compare(load(lane.as_ptr()))) as u32 }
        }
    }

    #[inline(always)]
    fn bitmap(lanes: [__m128i; 4]) -> u64 {
        // SAFETY: SSE2 is there.
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
        // SAFETY: as the caller says; no alignment is asked for. SSE2 is there.
        unsafe { _mm_loadu_si128(lane.cast()) }
    }

    /// Sets the highest bit of each byte to be marked.
    #[inline(always)]
    fn compare(lane: __m128i) -> __m128i {
        // SAFETY: SSE2 is there.
        // Read as signed, what is not ASCII is below all else, and stays there.
        unsafe { _mm_subs_epi8(lane, _mm_set1_epi8(14)) }
    }
}

/// The wider registers of most processors, which halve the work.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2", feature = "std"))]
mod avx2 {
    use core::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_alignr_epi8, _mm256_and_si256,
        _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi8,
        _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_subs_epu8, _mm256_xor_si256,
    };

    use super::{BLOCK, Baseline, HALF, Job, LANE, Vector, line_ends, utf8};

    /// The proof that AVX2 and BMI1 are there. Its methods are inlined into functions that may use them.
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
            unsafe { is_utf8(self, bytes) }
        }

        #[inline(always)]
        pub(super) fn load(self, bytes: &[u8; HALF]) -> Half {
            // SAFETY: `self` is the proof; 32 bytes are read, and no alignment is asked for.
            Half(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
        }

        /// The same lane twice.
        #[inline(always)]
        pub(super) fn load_twice(self, lane: &[u8; LANE]) -> Half {
            // SAFETY: `self` is the proof; 16 bytes are read, and no alignment is asked for.
            Half(unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(lane.as_ptr().cast())) })
        }

        /// The same byte everywhere.
        #[inline(always)]
        pub(super) fn splat(self, byte: u8) -> Half {
            // SAFETY: `self` is the proof.
            Half(unsafe { _mm256_set1_epi8(byte as i8) })
        }

        /// The half with that index of a block, or more.
        #[inline(always)]
        fn half_of(self, bytes: &[u8], index: usize) -> Half {
            let half = bytes.get(index * HALF..).and_then(<[u8]>::first_chunk);
            half.map_or(self.splat(0), |half| self.load(half))
        }

        #[inline(always)]
        fn special(self, half: Half) -> Half {
            // SAFETY: `self` is the proof.
            Half(unsafe { _mm256_cmpgt_epi8(self.splat(14).0, half.0) })
        }
    }

    /// 32 bytes in a register. There are none without [`Avx2`], which is the proof for all of its methods.
    #[derive(Clone, Copy)]
    pub(super) struct Half(__m256i);

    impl Half {
        #[inline(always)]
        pub(super) fn or(self, other: Self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_or_si256(self.0, other.0) })
        }

        #[inline(always)]
        pub(super) fn and(self, other: Self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_and_si256(self.0, other.0) })
        }

        #[inline(always)]
        pub(super) fn xor(self, other: Self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_xor_si256(self.0, other.0) })
        }

        /// All bits of each byte that is the same.
        #[inline(always)]
        pub(super) fn equal(self, other: Self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_cmpeq_epi8(self.0, other.0) })
        }

        /// Each byte less the other, but not below zero.
        #[inline(always)]
        pub(super) fn subtract(self, other: Self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_subs_epu8(self.0, other.0) })
        }

        /// The higher four bits of each byte, and above them bits of another.
        #[inline(always)]
        pub(super) fn shift_four_down(self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_srli_epi16(self.0, 4) })
        }

        /// The entries that `indices`, of four bits each, choose of a table that was loaded twice.
        #[inline(always)]
        pub(super) fn choose(self, indices: Self) -> Self {
            // SAFETY: as of the type.
            Self(unsafe { _mm256_shuffle_epi8(self.0, indices.0) })
        }

        /// The bytes one, two or three places earlier, where the last ones of `before` come before the first.
        #[inline(always)]
        pub(super) fn earlier(self, places: usize, before: Self) -> Self {
            // SAFETY: as of the type.
            unsafe {
                let joined = _mm256_permute2x128_si256(before.0, self.0, 0x21);
                Self(match places {
                    1 => _mm256_alignr_epi8(self.0, joined, 15),
                    2 => _mm256_alignr_epi8(self.0, joined, 14),
                    _ => _mm256_alignr_epi8(self.0, joined, 13),
                })
            }
        }

        /// The highest bit of each byte.
        #[inline(always)]
        pub(super) fn highest_bits(self) -> u32 {
            // SAFETY: as of the type.
            unsafe { _mm256_movemask_epi8(self.0) as u32 }
        }
    }

    impl Vector for Avx2 {
        #[inline(always)]
        fn fetch(self, byte: &u8) {
            Baseline.fetch(byte);
        }

        #[inline(always)]
        fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
            let [low, high] = [self.half_of(block, 0), self.half_of(block, 1)];
            let (low, high) = (self.special(low), self.special(high));
            if low.or(high).highest_bits() == 0 { 0 } else { bitmap(low, high) }
        }

        #[inline(always)]
        fn half_marks(self, half: &[u8; HALF]) -> u32 {
            self.special(self.load(half)).highest_bits()
        }

        #[inline(always)]
        fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
            Baseline.lane_marks(lane)
        }

        #[inline(always)]
        fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
            let wanted = self.splat(wanted);
            bitmap(self.half_of(block, 0).equal(wanted), self.half_of(block, 1).equal(wanted))
        }

        #[inline(always)]
        fn skip_plain(self, bytes: &[u8], mut at: usize) -> usize {
            while let Some(blocks) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ 2 * BLOCK }>)
            {
                let first =
                    self.special(self.half_of(blocks, 0)).or(self.special(self.half_of(blocks, 1)));
                let second =
                    self.special(self.half_of(blocks, 2)).or(self.special(self.half_of(blocks, 3)));
                if first.or(second).highest_bits() != 0 {
                    break;
                }
                at += 2 * BLOCK;
            }
            at
        }

        #[inline(always)]
        fn pass_unicode(self, bytes: &[u8], at: usize) -> (usize, bool) {
            utf8::pass::<true>(self, bytes, at)
        }

        #[inline(always)]
        fn special_line_end(self, bytes: &[u8], at: usize, checked: bool) -> (usize, bool) {
            // SAFETY: `self` is the proof.
            unsafe { special_line_end(self, bytes, at, checked) }
        }
    }

    #[inline(always)]
    fn bitmap(low: Half, high: Half) -> u64 {
        u64::from(low.highest_bits()) | u64::from(high.highest_bits()) << HALF
    }

    /// # Safety
    /// AVX2 and BMI1 are there.
    #[target_feature(enable = "avx2,bmi1")]
    unsafe fn run_job<'i, J: Job<'i>>(avx2: Avx2, job: J, chunk: &'i [u8]) -> J::Output {
        job.run(avx2, chunk)
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
    unsafe fn is_utf8(avx2: Avx2, bytes: &[u8]) -> bool {
        utf8::is_utf8(avx2, bytes)
    }
}

/// The registers of every 64-bit ARM processor but a few without an operating system.
#[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
mod neon {
    use core::arch::aarch64::{
        uint8x16_t, vandq_u8, vceqq_u8, vcltq_s8, vdupq_n_s8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8,
        vmaxvq_u8, vorrq_u8, vpaddq_u8, vreinterpretq_s8_u8, vreinterpretq_u64_u8,
    };

    use super::{BLOCK, Baseline, HALF, LANE, Vector};

    impl Vector for Baseline {
        #[inline(always)]
        fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
            let lanes = lanes(block).map(compare);
            // SAFETY: NEON is there.
            let any = unsafe {
                vmaxvq_u8(vorrq_u8(vorrq_u8(lanes[0], lanes[1]), vorrq_u8(lanes[2], lanes[3])))
            };
            if any == 0 { 0 } else { bitmap(lanes) }
        }

        #[inline(always)]
        fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
            // SAFETY: NEON is there.
            let equal = |lane| unsafe { vceqq_u8(lane, vdupq_n_u8(wanted)) };
            bitmap(lanes(block).map(equal))
        }

        #[inline(always)]
        fn half_marks(self, half: &[u8; HALF]) -> u32 {
            // SAFETY: a half has two lanes of 16 bytes.
            let [low, high] = [0, LANE].map(|at| compare(unsafe { load(half.as_ptr().add(at)) }));
            bitmap([low, high, low, high]) as u32
        }

        #[inline(always)]
        fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
            // SAFETY: a lane has 16 bytes.
            let lane = compare(unsafe { load(lane.as_ptr()) });
            bitmap([lane; 4]) as u32 & 0xFFFF
        }
    }

    /// A bit for each byte that is all ones, where the others are zero.
    #[inline(always)]
    fn bitmap(lanes: [uint8x16_t; 4]) -> u64 {
        const BITS: [u8; LANE] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
        // SAFETY: NEON is there, and `BITS` has 16 bytes.
        unsafe {
            let bits = load(BITS.as_ptr());
            let [a, b, c, d] = lanes.map(|lane| vandq_u8(lane, bits));
            // Each round adds neighbours, so that after three of them a byte has eight bits of its own.
            let quarters = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(quarters, quarters)))
        }
    }

    #[inline(always)]
    fn lanes(block: &[u8; BLOCK]) -> [uint8x16_t; 4] {
        // SAFETY: the four lanes are the block's 64 bytes.
        [0, LANE, 2 * LANE, 3 * LANE].map(|at| unsafe { load(block.as_ptr().add(at)) })
    }

    /// # Safety
    /// 16 bytes are readable at `lane`.
    #[inline(always)]
    unsafe fn load(lane: *const u8) -> uint8x16_t {
        // SAFETY: as the caller says; no alignment is asked for. NEON is there.
        unsafe { vld1q_u8(lane) }
    }

    /// Sets all bits of each byte to be marked.
    #[inline(always)]
    fn compare(lane: uint8x16_t) -> uint8x16_t {
        // SAFETY: NEON is there.
        // Read as signed, what is not ASCII is below all else.
        unsafe { vcltq_s8(vreinterpretq_s8_u8(lane), vdupq_n_s8(14)) }
    }
}

// Elsewhere it is the baseline; here the tests have it.
#[cfg_attr(
    any(
        all(target_arch = "x86_64", target_feature = "sse2"),
        all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"),
    ),
    allow(dead_code)
)]
mod swar;

mod line_ends;
#[cfg(all(test, feature = "alloc"))]
mod tests;
mod text;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2", feature = "std"))]
mod utf8;
