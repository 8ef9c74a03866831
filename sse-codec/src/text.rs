//! Short text and its line breaks, without calls and loops where they would cost more than the work.

use core::mem;

use crate::buffer::Buffer;

/// What counts as short, in bytes: event types, ids, ticks.
const SHORT: usize = 32;

/// The index of the first CR or LF.
#[inline(always)]
pub(crate) fn line_break(text: &[u8]) -> Option<usize> {
    if text.len() <= SHORT {
        // Most short text has none, which takes no loop to see.
        return if has_line_break(text) { text.iter().position(is_line_break) } else { None };
    }
    memchr::memchr2(b'\n', b'\r', text)
}

fn is_line_break(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Whether there is a CR or LF in at most [`SHORT`] bytes: words that overlap cover any length.
#[inline(always)]
fn has_line_break(text: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        let found = |chunk: &[u8; 16]| {
            chunk.iter().fold(false, |found, byte| found | (*byte == b'\n') | (*byte == b'\r'))
        };
        found(first) | found(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        word_has_line_break(u64::from_le_bytes(*first))
            | word_has_line_break(u64::from_le_bytes(*last))
    } else {
        text.iter().any(is_line_break)
    }
}

/// A byte is zero where the lowest bit borrows from above it.
#[inline(always)]
fn word_has_line_break(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    zero(word ^ (ONES * b'\n' as u64)) | zero(word ^ (ONES * b'\r' as u64)) != 0
}

/// Copies at most [`SHORT`] bytes to the beginning of `to`, without a call.
///
/// # Panics
/// If there is no room for them.
#[inline(always)]
fn copy_short(to: &mut [u8], text: &[u8]) {
    let to = &mut to[..text.len()];
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        to[..16].copy_from_slice(first);
        to[text.len() - 16..].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        to[..8].copy_from_slice(first);
        to[text.len() - 8..].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        to[..4].copy_from_slice(first);
        to[text.len() - 4..].copy_from_slice(last);
    } else {
        for (to, byte) in to.iter_mut().zip(text) {
            *to = *byte;
        }
    }
}

/// The lines before the data, put together on the stack, so that the buffer is asked for room once.
pub(crate) struct Head {
    bytes: [u8; 128],
    len: usize,
}

impl Head {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; 128], len: 0 }
    }

    #[inline(always)]
    pub(crate) fn field<const N: usize, B: Buffer>(
        &mut self,
        out: &mut B,
        name: &[u8; N],
        value: &[u8],
    ) {
        let end = self.len + N + value.len();
        if value.len() > SHORT || end >= self.bytes.len() {
            self.flush(out);
            self.len = 0;
            out.put(name);
            out.put(value);
            return out.put(b"\n");
        }
        self.bytes[self.len..][..N].copy_from_slice(name);
        copy_short(&mut self.bytes[self.len + N..], value);
        self.bytes[end] = b'\n';
        self.len = end + 1;
    }

    #[inline(always)]
    pub(crate) fn flush<B: Buffer>(&self, out: &mut B) {
        out.put(&self.bytes[..self.len]);
    }
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

/// A number in decimal digits, without an allocation.
pub(crate) struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    #[inline]
    pub(crate) fn new(mut value: u64) -> Self {
        let mut decimal = Self { digits: [b'0'; 20], start: 20 };
        loop {
            decimal.start -= 1;
            decimal.digits[decimal.start] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                return decimal;
            }
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}
