//! Whether bytes are UTF-8, 32 at a time.

#![forbid(unsafe_code)]

use super::line_ends::SOON;
use super::{
    HALF, Vector,
    avx2::{Avx2, Half},
};
use crate::memory::copy;

/// Whether all of it is.
#[inline(always)]
pub(super) fn is_utf8(avx2: Avx2, bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        match half_at(avx2, bytes, at) {
            Some(half) if half.highest_bits() == 0 => at += HALF,
            _ => match pass::<false>(avx2, bytes, at) {
                (to, true) => at = to,
                (_, false) => return false,
            },
        }
    }
    true
}

/// Passes over text that begins at `at`, to where it is ASCII again, to the end, and if `TO_LINE_END` to a line
/// end; and says whether that is UTF-8, which it is not where it ends within a character.
#[inline(always)]
pub(super) fn pass<const TO_LINE_END: bool>(
    avx2: Avx2,
    bytes: &[u8],
    mut at: usize,
) -> (usize, bool) {
    let zeros = avx2.splat(0);
    let nonzero = |half: Half| !half.equal(zeros).highest_bits();
    let (mut before, mut faults) = (zeros, zeros);
    loop {
        let next = half_at(avx2, bytes, at);
        let half = next.unwrap_or_else(|| last_half(avx2, &bytes[at..]));
        if TO_LINE_END && let Some(byte) = bytes.get(at + SOON) {
            avx2.fetch(byte);
        }
        let found = faults_in(avx2, before, half);
        if TO_LINE_END {
            let line_feeds = half.equal(avx2.splat(b'\n'));
            let ends = line_feeds.or(half.equal(avx2.splat(b'\r'))).highest_bits();
            if ends != 0 {
                // With the line end itself, before which no character may be unfinished.
                let line = ends ^ (ends - 1);
                let valid = (nonzero(faults) | nonzero(found) & line) == 0;
                return (at + ends.trailing_zeros() as usize, valid);
            }
        }
        faults = faults.or(found);
        if next.is_none() {
            return (bytes.len(), nonzero(faults) == 0);
        }
        at += HALF;
        if half.highest_bits() == 0 {
            return (at, nonzero(faults) == 0);
        }
        before = half;
    }
}

#[inline(always)]
fn half_at(avx2: Avx2, bytes: &[u8], at: usize) -> Option<Half> {
    bytes.get(at..)?.first_chunk().map(|half| avx2.load(half))
}

/// Fewer than 32 bytes, and zeros after them, by which a character that is unfinished is a fault.
#[inline(always)]
fn last_half(avx2: Avx2, bytes: &[u8]) -> Half {
    let mut half = [0; HALF];
    copy(&mut half[..bytes.len()], bytes);
    avx2.load(&half)
}

/// Marks where `half`, after `before`, is not UTF-8: at the first byte by which that shows, or later. A
/// character that `half` leaves unfinished is none so far.
///
/// What two bytes in a row can be wrong about depends on three of their four-bit halves. Each table gives, as
/// bits, the faults that one of them allows; a fault that all three allow is one. Whether the third and the
/// fourth byte of a character are there is a matter of the bytes further back. This way to look at UTF-8 is
/// due to John Keiser and Daniel Lemire, "Validating UTF-8 in less than one instruction per byte".
#[inline(always)]
fn faults_in(avx2: Avx2, before: Half, half: Half) -> Half {
    let low = avx2.splat(0x0F);
    let first = half.earlier(1, before);
    let faults = avx2
        .load_twice(&FIRST_HIGH)
        .choose(first.shift_four_down().and(low))
        .and(avx2.load_twice(&FIRST_LOW).choose(first.and(low)))
        .and(avx2.load_twice(&SECOND_HIGH).choose(half.shift_four_down().and(low)));
    // The highest bit is set where a third or a fourth byte must stand.
    let third = half.earlier(2, before).subtract(avx2.splat(0xE0 - 0x80));
    let fourth = half.earlier(3, before).subtract(avx2.splat(0xF0 - 0x80));
    third.or(fourth).and(avx2.splat(CONTINUED)).xor(faults)
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
