//! The lines that may stand before an event's data, where they lie whole in the chunk.

use core::time::Duration;

use crate::{
    event::DEFAULT_EVENT_TYPE,
    field::parse_retry,
    scan::{self, Piece},
};

/// The `event` and `id` lines at the beginning of a block, as far as they are plain: text, with an LF
/// after it, and no NUL in an id.
///
/// Reading them needs nothing of what the decoder remembers, and decides nothing: at the first line that
/// is unlike this it stops.
pub(crate) struct Head<'i> {
    /// `message` where it was empty or missing.
    pub(crate) event_type: Piece<'i>,
    /// Empty where it was missing.
    pub(crate) id: Piece<'i>,
    pub(crate) has_id: bool,
    /// The bytes of these lines, each with one for its end.
    pub(crate) len: usize,
}

impl<'i> Head<'i> {
    #[inline(always)]
    pub(crate) fn read(input: &'i [u8]) -> Self {
        const EVENT: u64 = u64::from_le_bytes(*b"event:\0\0");
        const ID: u64 = u64::from_le_bytes(*b"id:\0\0\0\0\0");
        let mut head = Self {
            event_type: Piece::from_text(DEFAULT_EVENT_TYPE),
            id: Piece::from_text(""),
            has_id: false,
            len: 0,
        };
        let mut rest = input;
        while let Some(start) = rest.first_chunk() {
            let start = u64::from_le_bytes(*start);
            if start & 0xFFFF_FFFF_FFFF == EVENT {
                let space = usize::from((start >> 48) as u8 == b' ');
                let Some((value, next)) = scan::short_line(rest, 6 + space) else { break };
                head.event_type =
                    if value.len() == 0 { Piece::from_text(DEFAULT_EVENT_TYPE) } else { value };
                rest = next;
            } else if start & 0xFF_FFFF == ID {
                let space = usize::from((start >> 24) as u8 == b' ');
                let Some((value, next)) = scan::short_line(rest, 3 + space) else { break };
                if value.bytes().contains(&0) {
                    break;
                }
                head.id = value;
                head.has_id = true;
                rest = next;
            } else {
                break;
            }
        }
        head.len = input.len() - rest.len();
        head
    }
}

/// A plain `retry` line that begins `bytes`: its time, and its bytes with the LF that ends it.
#[inline(always)]
pub(crate) fn retry_line(bytes: &[u8]) -> Option<(Duration, usize)> {
    const RETRY: u64 = u64::from_le_bytes(*b"retry:\0\0");
    let start = u64::from_le_bytes(*bytes.first_chunk()?);
    if start & 0xFFFF_FFFF_FFFF != RETRY {
        return None;
    }
    let space = usize::from((start >> 48) as u8 == b' ');
    let (value, rest) = scan::short_line(bytes, 6 + space)?;
    let duration = Duration::from_millis(parse_retry(value.bytes())?);
    Some((duration, bytes.len() - rest.len()))
}
