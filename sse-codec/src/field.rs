//! A line to its field, as WHATWG HTML §9.2.6 tells lines apart.

use crate::scan::Piece;

/// What a line means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    /// An empty line: dispatch the event.
    Blank,
    /// Begins with a colon: ignored by the standard.
    Comment(Piece<'a>),
    Data(Piece<'a>),
    EventType(Piece<'a>),
    Id(Piece<'a>),
    Retry(Piece<'a>),
    /// Any other name: ignored.
    Unknown,
}

impl<'a> Field<'a> {
    #[inline]
    pub(crate) fn parse(line: Piece<'a>) -> Self {
        match line.bytes() {
            [] => Self::Blank,
            [b':', ..] => Self::Comment(line.after_ascii(1)),
            [b'd', b'a', b't', b'a', rest @ ..] => Self::with_value(line, 4, rest, Self::Data),
            [b'e', b'v', b'e', b'n', b't', rest @ ..] => {
                Self::with_value(line, 5, rest, Self::EventType)
            }
            [b'i', b'd', rest @ ..] => Self::with_value(line, 2, rest, Self::Id),
            [b'r', b'e', b't', b'r', b'y', rest @ ..] => {
                Self::with_value(line, 5, rest, Self::Retry)
            }
            _ => Self::Unknown,
        }
    }

    #[inline(always)]
    fn with_value(
        line: Piece<'a>,
        name: usize,
        after_name: &[u8],
        field: impl FnOnce(Piece<'a>) -> Self,
    ) -> Self {
        match after_name {
            // "If value starts with a U+0020 SPACE character, remove it from value."
            [b':', b' ', ..] => field(line.after_ascii(name + 2)),
            [b':', ..] => field(line.after_ascii(name + 1)),
            // "Otherwise: the whole line as the field name, and the empty string as the value."
            [] => field(line.after_ascii(name)),
            _ => Self::Unknown,
        }
    }
}

/// "If the field value consists of only ASCII digits": no sign, no space, no other digits, and not
/// empty. Values over 64 bits are taken as the greatest.
pub(crate) fn parse_retry(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}
