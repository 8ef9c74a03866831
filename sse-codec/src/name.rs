//! The names of fields, as the first bytes of a word.

/// A field's name, its colon, and the space that most servers write.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    word: u64,
    len: usize,
}

pub(crate) const DATA: Name = Name::new(b"data: ");
pub(crate) const EVENT: Name = Name::new(b"event: ");
pub(crate) const ID: Name = Name::new(b"id: ");
pub(crate) const RETRY: Name = Name::new(b"retry: ");

impl Name {
    const fn new(name: &[u8]) -> Self {
        let (mut word, mut at) = (0, name.len());
        while at > 0 {
            at -= 1;
            word = word << 8 | name[at] as u64;
        }
        Self { word, len: name.len() }
    }

    /// Where the value begins in a line that begins with `word` and has this name: after the colon, and after
    /// the space that may follow.
    #[inline(always)]
    pub(crate) fn value_in(self, word: u64) -> Option<usize> {
        let differs = word ^ self.word;
        if differs << (8 * (8 - self.len)) == 0 {
            Some(self.len)
        } else if differs << (8 * (9 - self.len)) == 0 {
            Some(self.len - 1)
        } else {
            None
        }
    }
}

/// The first eight bytes of a line and what follows it, with zeros where there are fewer.
#[inline(always)]
pub(crate) fn first_word(bytes: &[u8]) -> u64 {
    whole_word(bytes)
        .unwrap_or_else(|| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

/// The same, if there are as many.
#[inline(always)]
pub(crate) fn whole_word(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|word| u64::from_le_bytes(*word))
}
