//! The plain lines at the beginning of a chunk.

use core::time::Duration;

use crate::{
    event::DEFAULT_EVENT_TYPE,
    field::parse_retry,
    scan::{Baseline, LineEnds, Piece, Vector, line_end_width},
};

/// The lines that begin a chunk, as far as they are plain: `event`, `id` and one `data` line in any order,
/// of text, with LF or CRLF after each, no NUL in an id, and no type or id over the limit.
///
/// Reading them needs nothing of what the decoder remembers, and decides nothing: at the first line that
/// is unlike this it stops.
#[derive(Clone, Copy)]
pub(crate) struct Head<'i> {
    /// `message` where the field is empty.
    pub(crate) event_type: Option<&'i str>,
    pub(crate) id: Option<&'i str>,
    pub(crate) data: Option<&'i str>,
    /// The bytes of these lines with their ends.
    pub(crate) len: usize,
    /// How many of these ends are CRLF, which limits count as one byte.
    pub(crate) crlfs: usize,
    pub(crate) rest: Rest<'i>,
}

/// An event of plain lines that end in LF.
pub(crate) struct EventLines<'i> {
    /// As of a [`Head`].
    pub(crate) event_type: Option<&'i str>,
    pub(crate) id: Option<&'i str>,
    pub(crate) data: &'i str,
    /// The bytes of its lines, the blank one included.
    pub(crate) len: usize,
}

/// What comes after a [`Head`].
#[derive(Clone, Copy)]
pub(crate) enum Rest<'i> {
    /// The blank line: its bytes.
    Blank(usize),
    /// The beginning of a `data` line, to the end of the chunk: its value so far.
    OpenData(Piece<'i>),
    /// The beginning of any other line, to the end of the chunk; or nothing.
    Cut(Piece<'i>),
    /// A `retry` line: what it says, its bytes, and those of its end.
    Retry(Duration, usize, usize),
    /// Something else.
    Other,
    /// It was not looked at.
    Unread,
}

impl<'i> Head<'i> {
    /// Its bytes as limits count them.
    #[inline(always)]
    pub(crate) const fn size(&self) -> usize {
        self.len - self.crlfs
    }

    /// Reads an event of lines that end in LF; or as far as it got.
    #[inline(always)]
    pub(crate) fn read_event<V: Vector>(
        vector: V,
        input: &'i [u8],
        value_limit: usize,
    ) -> Result<EventLines<'i>, Self> {
        let (mut event_type, mut id, mut start) = (None, None, 0);
        let mut ends = LineEnds::new(vector, input);
        let (data, rest) = loop {
            let word = first_word(&input[start..]);
            let end = ends.next();
            if end == input.len() {
                break (None, Rest::cut(&ends, start, word));
            }
            if input[end] != b'\n' {
                break (None, Rest::Unread);
            }
            if word & NAME_OF_5 == DATA {
                let Some(data) = ends.text_from(start + 5 + space(word, 5)) else {
                    break (None, Rest::Unread);
                };
                start = end + 1;
                break (Some(data), Rest::Unread);
            }
            if word & NAME_OF_6 == EVENT {
                event_type = match ends.text_from(start + 6 + space(word, 6)) {
                    Some("") => Some(DEFAULT_EVENT_TYPE),
                    Some(event_type) if event_type.len() <= value_limit => Some(event_type),
                    Some(_) | None => break (None, Rest::Unread),
                };
            } else if word & NAME_OF_3 == ID && ends.is_plain_from(start) {
                id = match ends.text_from(start + 3 + space(word, 3)) {
                    Some(id) if id.len() <= value_limit => Some(id),
                    Some(_) | None => break (None, Rest::Unread),
                };
            } else if word & NAME_OF_6 == RETRY {
                break (None, Rest::retry(&ends, start, word, 1));
            } else {
                break (None, Rest::Unread);
            }
            start = end + 1;
        };
        match (data, input.get(start)) {
            (Some(data), Some(b'\n')) => Ok(EventLines { event_type, id, data, len: start + 1 }),
            _ => Err(Self { event_type, id, data, len: start, crlfs: 0, rest }),
        }
    }

    /// Reads on, if there may be more.
    pub(crate) fn read_on(mut self, input: &'i [u8], value_limit: usize) -> Self {
        let mut ends = LineEnds::from(Baseline, input, self.len);
        while let Rest::Unread = self.rest {
            let start = self.len;
            let word = first_word(&input[start..]);
            let end = ends.next_from(start);
            let width = line_end_width(&input[end..]);
            self.rest = if end == input.len() {
                Rest::cut(&ends, start, word)
            } else if width == 0 {
                Rest::Other
            } else if end == start {
                Rest::Blank(width)
            } else if word & NAME_OF_6 == RETRY {
                Rest::retry(&ends, start, word, width)
            } else if self.take_line(&ends, start, word, value_limit) {
                self.len = end + width;
                self.crlfs += width - 1;
                Rest::Unread
            } else {
                Rest::Other
            }
        }
        self
    }

    /// Takes the line from `start` to the latest end; or not, where something is special about it.
    fn take_line<V: Vector>(
        &mut self,
        ends: &LineEnds<'i, V>,
        start: usize,
        word: u64,
        value_limit: usize,
    ) -> bool {
        if word & NAME_OF_5 == DATA && self.data.is_none() {
            self.data = ends.text_from(start + 5 + space(word, 5));
            return self.data.is_some();
        }
        let (name_len, is_id) = match () {
            () if word & NAME_OF_6 == EVENT => (6, false),
            () if word & NAME_OF_3 == ID => (3, true),
            () => return false,
        };
        match ends.text_from(start + name_len + space(word, name_len)) {
            Some(value) if value.len() > value_limit || (is_id && value.contains('\0')) => false,
            Some(id) if is_id => {
                self.id = Some(id);
                true
            }
            Some(event_type) => {
                let default = event_type.is_empty();
                self.event_type = Some(if default { DEFAULT_EVENT_TYPE } else { event_type });
                true
            }
            None => false,
        }
    }
}

impl<'i> Rest<'i> {
    /// The line from `start` on, which the chunk does not end.
    #[inline(always)]
    fn cut<V: Vector>(ends: &LineEnds<'i, V>, start: usize, word: u64) -> Self {
        let Some(line) = ends.piece_from(start) else { return Self::Other };
        // After the colon comes more than that: else a space may follow that is no part of the value.
        if word & NAME_OF_5 == DATA && line.len() > 5 {
            Self::OpenData(line.after_ascii(5 + space(word, 5)))
        } else {
            Self::Cut(line)
        }
    }

    /// The `retry` line from `start` on, whose end has `width` bytes.
    #[inline(always)]
    fn retry<V: Vector>(ends: &LineEnds<'i, V>, start: usize, word: u64, width: usize) -> Self {
        let Some(line) = ends.piece_from(start) else { return Self::Other };
        match parse_retry(line.after_ascii(6 + space(word, 6)).bytes()) {
            Some(milliseconds) => {
                Self::Retry(Duration::from_millis(milliseconds), line.len(), width)
            }
            None => Self::Other,
        }
    }
}

// Names with their colons, as the first bytes of a word.
const NAME_OF_3: u64 = 0xFF_FFFF;
const NAME_OF_5: u64 = 0xFF_FFFF_FFFF;
const NAME_OF_6: u64 = 0xFFFF_FFFF_FFFF;
const ID: u64 = u64::from_le_bytes(*b"id:\0\0\0\0\0");
const DATA: u64 = u64::from_le_bytes(*b"data:\0\0\0");
const EVENT: u64 = u64::from_le_bytes(*b"event:\0\0");
const RETRY: u64 = u64::from_le_bytes(*b"retry:\0\0");

/// How many bytes the space takes that may stand after a name of `len` bytes.
#[inline(always)]
fn space(word: u64, len: usize) -> usize {
    usize::from((word >> (8 * len)) as u8 == b' ')
}

/// The first eight bytes, with zeros where there are fewer.
#[inline(always)]
fn first_word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// How many bytes the name of a `data` field has that begins `bytes`, with its colon and the space
/// after it.
#[inline(always)]
pub(crate) fn data_name(bytes: &[u8]) -> Option<usize> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    (word & NAME_OF_5 == DATA).then(|| 5 + space(word, 5))
}
