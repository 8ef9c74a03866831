//! The lines that may stand before an event's data, where they lie whole in the chunk.

use crate::scan::{self, Piece};

/// The `event` and `id` lines at the beginning of a block, as far as they are plain: text, with an LF
/// or a CRLF after it, and no NUL in an id.
///
/// Reading them needs nothing of what the decoder remembers, and decides nothing: at the first line that
/// is unlike this it stops.
#[derive(Default)]
pub(crate) struct Head<'i> {
    pub(crate) event_type: Option<Piece<'i>>,
    pub(crate) id: Option<Piece<'i>>,
    /// The bytes of these lines, each with one for its end.
    pub(crate) len: usize,
}

impl<'i> Head<'i> {
    #[inline(always)]
    pub(crate) fn read(input: &'i [u8]) -> Self {
        const EVENT: u64 = u64::from_le_bytes(*b"event:\0\0");
        const ID: u64 = u64::from_le_bytes(*b"id:\0\0\0\0\0");
        let mut head = Self::default();
        while let Some(start) = input[head.len..].first_chunk() {
            let start = u64::from_le_bytes(*start);
            if start & 0xFFFF_FFFF_FFFF == EVENT {
                let space = usize::from((start >> 48) as u8 == b' ');
                let Some((value, len)) = scan::short_line(&input[head.len..], 6 + space) else {
                    break;
                };
                head.event_type = Some(value);
                head.len += len;
            } else if start & 0xFF_FFFF == ID {
                let space = usize::from((start >> 24) as u8 == b' ');
                let Some((value, len)) = scan::short_line(&input[head.len..], 3 + space) else {
                    break;
                };
                if value.bytes().contains(&0) {
                    break;
                }
                head.id = Some(value);
                head.len += len;
            } else {
                break;
            }
        }
        head
    }
}
