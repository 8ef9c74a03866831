//! Short text: its line breaks, and how to append it, without calls and loops where they would cost more than
//! the work.

use core::mem;

use crate::buffer::Buffer;

/// What counts as short, in bytes: event types, ids, ticks.
pub(crate) const SHORT: usize = 64;

/// The index of the first CR or LF.
#[inline(always)]
pub(crate) fn line_break(text: &[u8]) -> Option<usize> {
    // Most short text has no control character at all, which takes no loop to see.
    if text.len() <= SHORT && is_plain(text) {
        return None;
    }
    memchr::memchr2(b'\n', b'\r', text)
}

/// Whether at most [`SHORT`] bytes have none below 14, where CR, LF and NUL are: lanes that overlap cover any
/// length.
#[inline(always)]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    debug_assert!(text.len() <= SHORT);
    if let (Some(first), Some(last)) = (text.first_chunk::<32>(), text.last_chunk::<32>()) {
        is_plain_lane(first) & is_plain_lane(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        is_plain_lane(first) & is_plain_lane(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        is_plain_word(u64::from_le_bytes(*first)) & is_plain_word(u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        is_plain_word(first | (last << 32))
    } else {
        text.iter().all(|byte| *byte > b'\r')
    }
}

#[inline(always)]
fn is_plain_lane<const N: usize>(lane: &[u8; N]) -> bool {
    lane.iter().fold(true, |plain, byte| plain & (*byte > b'\r'))
}

/// A byte is below 14 where the subtraction borrows from its highest bit.
#[inline(always)]
fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    word.wrapping_sub(ONES * (b'\r' as u64 + 1)) & !word & (ONES << 7) == 0
}

/// The lines of a text, broken at CRLF, CR and LF. Always one at least.
pub(crate) fn text_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = mem::take(&mut rest)?;
        let Some(end) = line_break(text) else { return Some(text) };
        let width = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + width..]);
        Some(&text[..end])
    })
}

/// Appends text that is likely short: without a call if it is, by appends of fixed lengths that
/// overlap.
#[inline(always)]
pub(crate) fn put_short<B: Buffer>(out: &mut B, text: &[u8]) {
    if text.len() > SHORT {
        out.put(text);
    } else if !(put_ends::<32, B>(out, text)
        || put_ends::<16, B>(out, text)
        || put_ends::<8, B>(out, text)
        || put_ends::<4, B>(out, text)
        || put_ends::<2, B>(out, text))
        && let [byte] = text
    {
        out.put(&[*byte]);
    }
}

/// Appends text of `N` to `2 * N` bytes, and gives false for shorter text.
#[inline(always)]
fn put_ends<const N: usize, B: Buffer>(out: &mut B, text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) else {
        return false;
    };
    out.put(first);
    // Back to where the last `N` bytes begin.
    out.truncate(out.len() + text.len() - 2 * N);
    out.put(last);
    true
}

/// Appends a number in decimal digits.
#[inline(always)]
pub(crate) fn put_decimal<B: Buffer>(out: &mut B, value: u64) {
    if value >= GROUP {
        return put_long_decimal(out, value);
    }
    // Counted apart from the digits, so that what comes after them need not wait for them.
    let len = decimal_len(value).min(8);
    let digits = (eight_digits(value) | ZEROS) >> (8 * (8 - len));
    put_short(out, &digits.to_le_bytes()[..len]);
}

/// How many digits a number has.
#[inline(always)]
pub(crate) fn decimal_len(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[inline(never)]
fn put_long_decimal<B: Buffer>(out: &mut B, value: u64) {
    put_decimal(out, value / GROUP);
    out.put(&(eight_digits(value % GROUP) | ZEROS).to_le_bytes());
}

/// The first number of nine digits.
const GROUP: u64 = 100_000_000;
/// Makes digits of the numbers 0 to 9.
const ZEROS: u64 = u64::from_le_bytes(*b"00000000");

/// The eight digits of a number below [`GROUP`] as the bytes of a word, the first one lowest.
///
/// Halves, then quarters, then digits, all in their places at once: a multiplication in place of each
/// division, exact for numbers this small.
#[inline(always)]
const fn eight_digits(value: u64) -> u64 {
    let halves = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let quarters = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | ((quarters - 10 * tens) << 8)
}
