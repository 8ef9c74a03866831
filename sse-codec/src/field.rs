//! A line to its field, as WHATWG HTML §9.2.6 tells lines apart.

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// An empty line: dispatch the event.
    Blank,
    /// Begins with a colon: ignored by the standard.
    Comment(&'a [u8]),
    Data(&'a [u8]),
    EventType(&'a [u8]),
    Id(&'a [u8]),
    Retry(&'a [u8]),
    /// Any other name: ignored.
    Unknown,
}

impl<'a> Field<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        if line.is_empty() {
            return Self::Blank;
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(0) => return Self::Comment(&line[1..]),
            // "If value starts with a U+0020 SPACE character, remove it from value."
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            // "Otherwise: the whole line as the field name, and the empty string as the value."
            None => (line, &line[line.len()..]),
        };
        match name {
            b"data" => Self::Data(value),
            b"event" => Self::EventType(value),
            b"id" => Self::Id(value),
            b"retry" => Self::Retry(value),
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
