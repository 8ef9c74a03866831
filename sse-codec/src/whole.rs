//! The path most events take: a block that lies whole in the chunk and is as plain as most are.
//!
//! It needs nothing of what the decoder remembers, and decides nothing: where a block is unlike this,
//! the answer is `None`, and the [engine](crate::engine) reads it line by line.

use crate::{
    event::DEFAULT_EVENT_TYPE,
    scan::{self, Piece},
};

/// An event whose lines are `event` and `id` lines, then one `data` line, then the blank line, all ended
/// by LF or all by CRLF.
pub(crate) struct Whole<'i> {
    pub(crate) event_type: &'i str,
    pub(crate) id: Option<Piece<'i>>,
    pub(crate) data: &'i str,
    /// The block's bytes.
    pub(crate) len: usize,
    /// The same without the LF of the last CRLF.
    pub(crate) span: usize,
}

#[inline(always)]
pub(crate) fn whole_block(input: &[u8]) -> Option<Whole<'_>> {
    let mut event_type = DEFAULT_EVENT_TYPE;
    let mut id = None;
    let mut rest = input;
    loop {
        let head = u64::from_le_bytes(*rest.first_chunk()?);
        if starts_with(head, b"data:") {
            let (line, _) = scan::line(rest);
            let data = value(line, 5)?.text()?;
            let end = line.len();
            let used = input.len() - rest.len() + end;
            return if rest.get(end..end + 2)? == b"\n\n" {
                Some(Whole { event_type, id, data, len: used + 2, span: used + 2 })
            } else if rest.get(end..end + 4)? == b"\r\n\r\n" {
                Some(Whole { event_type, id, data, len: used + 4, span: used + 3 })
            } else {
                None
            };
        }
        if starts_with(head, b"event:") {
            let (line, next) = ended_line(rest)?;
            event_type = match value(line, 6)?.text()? {
                "" => DEFAULT_EVENT_TYPE,
                event_type => event_type,
            };
            rest = next;
        } else if starts_with(head, b"id:") {
            let (line, next) = ended_line(rest)?;
            let value = value(line, 3)?.checked();
            if !value.is_known() || value.bytes().contains(&0) {
                return None;
            }
            id = Some(value);
            rest = next;
        } else {
            return None;
        }
    }
}

/// Whether the eight bytes of a little-endian word begin with `name`.
#[inline(always)]
fn starts_with(head: u64, name: &[u8]) -> bool {
    let mut word = [0; 8];
    word[..name.len()].copy_from_slice(name);
    let mask = u64::MAX >> (64 - 8 * name.len());
    head & mask == u64::from_le_bytes(word)
}

/// What follows the name, its colon, and one space.
#[inline(always)]
fn value(line: Piece<'_>, name: usize) -> Option<Piece<'_>> {
    let space = usize::from(line.bytes().get(name) == Some(&b' '));
    (name + space <= line.len()).then(|| line.after_ascii(name + space))
}

/// The first line and what comes after its end, which is LF or CRLF.
#[inline(always)]
fn ended_line(bytes: &[u8]) -> Option<(Piece<'_>, &[u8])> {
    let (line, _) = scan::line(bytes);
    match &bytes[line.len()..] {
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => Some((line, rest)),
        _ => None,
    }
}
