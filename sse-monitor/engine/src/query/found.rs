//! Numbers of rows, a bit each.

use alloc::collections::VecDeque;
use core::ops::Range;

use super::search::BLOCK;

const WORDS: usize = BLOCK as usize / 64;

/// A growing set of numbers, in blocks, of which the oldest can be forgotten.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The number of the first block.
    first: u64,
    blocks: VecDeque<Block>,
    len: u64,
}

/// The numbers of one block; no bits where there are none.
#[derive(Debug, Default)]
struct Block {
    count: u32,
    bits: Option<Box<[u64; WORDS]>>,
}

impl Found {
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Adds numbers that all lie in this range, which lies in one block.
    pub(super) fn note(&mut self, range: Range<u64>, numbers: &[u64]) {
        if range.is_empty() {
            return;
        }
        let number = range.start / BLOCK;
        if self.blocks.is_empty() {
            self.first = number;
        }
        while number < self.first {
            self.blocks.push_front(Block::default());
            self.first -= 1;
        }
        let slot = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        while self.blocks.len() <= slot {
            self.blocks.push_back(Block::default());
        }
        let Some(block) = self.blocks.get_mut(slot).filter(|_| !numbers.is_empty()) else { return };
        let bits = block.bits.get_or_insert_default();
        for number in numbers {
            let (word, bit) = place(*number);
            block.count += u32::from(bits[word] & bit == 0);
            self.len += u64::from(bits[word] & bit == 0);
            bits[word] |= bit;
        }
    }

    /// Forgets the numbers before this one.
    pub(super) fn forget(&mut self, before: u64) {
        while self.first < before / BLOCK
            && let Some(block) = self.blocks.pop_front()
        {
            self.first += 1;
            self.len -= u64::from(block.count);
        }
        if self.first != before / BLOCK {
            return;
        }
        let Some(block) = self.blocks.front_mut() else { return };
        let Some(bits) = &mut block.bits else { return };
        let (last, bit) = place(before);
        bits[..last].fill(0);
        bits[last] &= !(bit - 1);
        let count = bits.iter().map(|word| word.count_ones()).sum();
        self.len -= u64::from(block.count - count);
        block.count = count;
    }

    /// Up to `count` numbers from this position on, in order.
    pub(super) fn page(&self, position: u64, count: usize) -> Vec<u64> {
        let mut skip = position;
        let mut numbers = Vec::new();
        for (block, number) in self.blocks.iter().zip(self.first..) {
            if skip >= u64::from(block.count) {
                skip -= u64::from(block.count);
                continue;
            }
            let room = count - numbers.len();
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
            numbers.extend(block.numbers(number * BLOCK).skip(skipped).take(room));
            skip = 0;
            if numbers.len() == count {
                break;
            }
        }
        numbers
    }

    /// How many of the numbers are smaller.
    pub(super) fn before(&self, number: u64) -> u64 {
        let Some(whole) = (number / BLOCK).checked_sub(self.first) else { return 0 };
        let whole = usize::try_from(whole).unwrap_or(usize::MAX);
        let before = self.blocks.iter().take(whole).map(|block| u64::from(block.count));
        let within = self.blocks.get(whole).map_or(0, |block| {
            let base = number / BLOCK * BLOCK;
            block.numbers(base).take_while(|other| *other < number).count() as u64
        });
        before.sum::<u64>() + within
    }
}

impl Block {
    fn numbers(&self, base: u64) -> impl Iterator<Item = u64> + '_ {
        let words = self.bits.iter().flat_map(|bits| bits.iter().copied().zip(0_u64..));
        words.flat_map(move |(mut word, slot)| {
            core::iter::from_fn(move || {
                let bit = (word != 0).then(|| u64::from(word.trailing_zeros()))?;
                word &= word - 1;
                Some(base + slot * 64 + bit)
            })
        })
    }
}

/// The word of a number's bit in its block, and the bit.
const fn place(number: u64) -> (usize, u64) {
    let within = number % BLOCK;
    (within as usize / 64, 1 << (within % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_order_however_they_were_found() {
        let mut found = Found::default();
        let all: Vec<u64> =
            (1..20_000).filter(|n| n % 7 == 3 && !(4_096..9_000).contains(n)).collect();
        let block = |n: u64| n * BLOCK..(n + 1) * BLOCK;
        let of = |range: Range<u64>| -> Vec<u64> {
            all.iter().copied().filter(|n| range.contains(n)).collect()
        };
        for n in [5, 6, 4, 7, 8, 9, 3, 2, 0, 1, 1] {
            found.note(block(n), &of(block(n)));
        }
        assert_eq!(found.len(), all.len() as u64);
        assert_eq!(found.page(0, usize::MAX), all);
        for position in [0, 1, 292, 293, 584, 1_000, all.len() - 1, all.len(), all.len() + 9] {
            let expected = all.get(position..).unwrap_or_default();
            let page = found.page(position as u64, 300);
            assert_eq!(page, expected[..expected.len().min(300)], "from {position}");
        }
        for number in [0, 3, 4, 4_095, 4_096, 9_001, 19_999, 1 << 40] {
            let expected = all.iter().filter(|n| **n < number).count() as u64;
            assert_eq!(found.before(number), expected, "before {number}");
        }
    }

    #[test]
    fn what_is_forgotten_is_counted_no_longer() {
        let mut found = Found::default();
        let all: Vec<u64> = (0..3 * BLOCK).filter(|n| n % 3 == 0).collect();
        for n in 0..3 {
            let range = n * BLOCK..(n + 1) * BLOCK;
            let numbers: Vec<_> = all.iter().copied().filter(|n| range.contains(n)).collect();
            found.note(range, &numbers);
        }
        for before in [0, 1, 64, 700, BLOCK, BLOCK + 1, 2 * BLOCK + 63, 3 * BLOCK, 5 * BLOCK] {
            found.forget(before);
            let left: Vec<_> = all.iter().copied().filter(|n| *n >= before).collect();
            assert_eq!((found.page(0, usize::MAX), found.len()), (left.clone(), left.len() as u64));
        }
    }
}
