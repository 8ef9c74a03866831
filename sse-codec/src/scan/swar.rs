//! The portable twin: eight bytes in a register of any machine.

#![forbid(unsafe_code)]

use super::{BLOCK, HALF, LANE, Vector};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Words;

impl Vector for Words {
    #[inline(always)]
    fn block_marks(self, block: &[u8; BLOCK]) -> u64 {
        bitmap(block, compare)
    }

    #[inline(always)]
    fn byte_marks(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
        bitmap(block, |word| equal(word, wanted))
    }

    #[inline(always)]
    fn half_marks(self, half: &[u8; HALF]) -> u32 {
        bitmap(half, compare) as u32
    }

    #[inline(always)]
    fn lane_marks(self, lane: &[u8; LANE]) -> u32 {
        bitmap(lane, compare) as u32
    }
}

#[inline(always)]
fn bitmap(bytes: &[u8], compare: impl Fn(u64) -> u64) -> u64 {
    bytes.rchunks_exact(8).fold(0, |bitmap, word| {
        let word = word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        // The multiplication brings the highest bits of all bytes together.
        bitmap << 8 | (compare(word) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

/// The highest bit of each byte. No carry passes from byte to byte, so each is exact.
#[inline(always)]
const fn compare(word: u64) -> u64 {
    // From 14 on, seven bits and this reach the eighth.
    (!((word & !HIGH) + ONES * (0x80 - 14)) | word) & HIGH
}

#[inline(always)]
const fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ (ONES * byte as u64);
    !(((other & !HIGH) + !HIGH) | other) & HIGH
}
