//! Text that is put together, or kept: what makes sure that it is UTF-8, and then remembers it.

#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
use bytes::Bytes;

use super::{Piece, validate};
use crate::memory::{Full, Memory, Store};

/// Text under construction: bytes in some memory, and whether they are known to be UTF-8.
#[derive(Debug)]
pub(crate) struct Text<S> {
    memory: Memory<S>,
    /// Invariant: if set, the memory's bytes are UTF-8.
    known: bool,
}

impl<S: Store> Text<S> {
    pub(crate) const fn new(store: S) -> Self {
        // It starts empty, and nothing is UTF-8.
        Self { memory: Memory::new(store), known: true }
    }

    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.memory.len()
    }

    /// How many bytes there can be without growing.
    pub(crate) fn room(&self) -> usize {
        self.memory.room()
    }

    /// Whether what is there so far is text without a further look.
    #[inline(always)]
    pub(crate) const fn is_known(&self) -> bool {
        self.known
    }

    /// Cuts it to `len` bytes. Whether they are UTF-8 is not known then.
    #[inline(always)]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.memory.truncate(len);
        self.known = false;
    }

    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.memory.clear();
        self.known = true;
    }

    /// See [`Memory::clear_and_shrink`].
    pub(crate) fn clear_and_shrink(&mut self) {
        self.memory.clear_and_shrink();
        self.known = true;
    }

    /// See [`Memory::reset`].
    pub(crate) fn reset(&mut self) {
        self.memory.reset();
        self.known = true;
    }

    /// Appends a piece, or nothing where it does not fit or would pass `limit` bytes.
    #[inline(always)]
    pub(crate) fn push(&mut self, piece: Piece<'_>, limit: usize) -> Result<(), Full> {
        self.memory.push(piece.bytes, limit)?;
        self.known &= piece.known;
        Ok(())
    }

    /// Appends a piece if there is room for it without growing, and says so. For short ones.
    #[inline(always)]
    pub(crate) fn push_within(&mut self, piece: Piece<'_>) -> bool {
        let fits = self.memory.push_within(piece.bytes);
        self.known &= piece.known || !fits;
        fits
    }

    /// Appends a piece and a line feed, or nothing where that does not fit or would pass `limit` bytes.
    ///
    /// `from` begins with the piece; the more comes after it, the faster it is copied.
    #[inline(always)]
    pub(crate) fn push_line(
        &mut self,
        piece: Piece<'_>,
        from: &[u8],
        limit: usize,
    ) -> Result<(), Full> {
        debug_assert!(from.starts_with(piece.bytes));
        self.memory.push_line(from, piece.bytes.len(), limit)?;
        self.known &= piece.known;
        Ok(())
    }

    /// Forgets what stands after the first `kept` bytes, but for a character that is not finished, and counts how
    /// long that was as text; or forgets nothing, where that is too much to count.
    #[cfg(feature = "alloc")]
    pub(crate) fn forget_after(&mut self, kept: usize, count: &mut u32) {
        let bytes = self.memory.bytes_mut();
        let end = bytes.len() - unfinished(&bytes[kept..]);
        let forgotten = if self.known { end - kept } else { lossy_len(&bytes[kept..end]) };
        let counted = u32::try_from(forgotten).ok().and_then(|more| count.checked_add(more));
        if let Some(counted) = counted {
            *count = counted;
            bytes.copy_within(end.., kept);
            let left = bytes.len() - (end - kept);
            self.memory.truncate(left);
        }
    }

    /// Takes the place of what was there before.
    #[inline(always)]
    pub(crate) fn set(&mut self, piece: Piece<'_>, limit: usize) -> Result<(), Full> {
        self.clear();
        self.push(piece, limit)
    }

    /// What is there so far.
    #[inline(always)]
    pub(crate) fn piece(&self) -> Piece<'_> {
        Piece { bytes: self.memory.bytes(), known: self.known }
    }

    /// The text; empty unless [`make_text`](Self::make_text) succeeded since the last `push`.
    #[inline(always)]
    pub(crate) fn text(&self) -> &str {
        self.piece().known_text().unwrap_or_default()
    }

    /// Makes sure that it is text: each maximal subpart that is not UTF-8 becomes U+FFFD, in place.
    ///
    /// WHATWG Encoding, "UTF-8 decode" with error mode "replacement". `Full` where the replacements do
    /// not fit; then it is empty.
    #[inline(always)]
    pub(crate) fn make_text(&mut self, limit: usize) -> Result<(), Full> {
        if self.known { Ok(()) } else { self.make_text_cold(limit) }
    }

    #[inline(never)]
    fn make_text_cold(&mut self, limit: usize) -> Result<(), Full> {
        if validate(self.memory.bytes()).is_some() {
            self.known = true;
            return Ok(());
        }
        let old = self.memory.bytes().len();
        let new = lossy_len(self.memory.bytes());
        if let Err(full) = self.memory.resize(new, limit) {
            self.clear();
            return Err(full);
        }
        // The old bytes wait at the far end; what is read there never falls behind what is written,
        // since the rest can only have grown.
        let bytes = self.memory.bytes_mut();
        bytes.copy_within(..old, new - old);
        let (mut read, mut written) = (new - old, 0);
        while let Some(chunk) = bytes[read..].utf8_chunks().next() {
            let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
            bytes.copy_within(read..read + valid, written);
            read += valid + invalid;
            written += valid;
            if invalid > 0 {
                bytes[written..written + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
                written += REPLACEMENT.len();
            }
        }
        self.known = validate(self.memory.bytes()).is_some();
        debug_assert!(self.known && written == new);
        Ok(())
    }
}

/// Text that is shared, or short enough to be kept in place.
///
/// Invariant: UTF-8. What `Bytes` hold never changes.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub(crate) enum SharedText {
    /// The last byte says how many of those before it are text.
    Short([u8; ROOM]),
    Shared(Bytes),
}

/// As much as fits beside the tag into the room of `Bytes`.
#[cfg(feature = "alloc")]
const ROOM: usize = 24;

#[cfg(feature = "alloc")]
impl SharedText {
    pub(crate) const EMPTY: Self = Self::Short([0; ROOM]);

    /// `text` in place, if it is short.
    #[inline(always)]
    pub(crate) fn short(text: &str) -> Option<Self> {
        if text.len() >= ROOM {
            return None;
        }
        let [first, second, third] = words(text.as_bytes());
        let mut bytes = [0; ROOM];
        bytes[..8].copy_from_slice(&first.to_le_bytes());
        bytes[8..16].copy_from_slice(&second.to_le_bytes());
        let third = third | (text.len() as u64) << (64 - 8);
        bytes[16..].copy_from_slice(&third.to_le_bytes());
        Some(Self::Short(bytes))
    }

    /// `text`, which lies in `chunk`.
    ///
    /// # Panics
    /// If it does not.
    #[inline]
    pub(crate) fn within(chunk: &Bytes, text: &str) -> Self {
        Self::Shared(chunk.slice_ref(text.as_bytes()))
    }

    /// `text`, copied.
    #[inline]
    pub(crate) fn copy(text: &str) -> Self {
        Self::short(text).unwrap_or_else(|| Self::Shared(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => &bytes[..usize::from(bytes[ROOM - 1])],
            Self::Shared(bytes) => bytes,
        }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        Piece { bytes: self.as_bytes(), known: true }.known_text().unwrap_or_default()
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Short(_) => Bytes::copy_from_slice(self.as_bytes()),
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Up to 23 bytes as words, with zeros after them: loads that overlap cover any length, and none goes through
/// memory.
#[cfg(feature = "alloc")]
#[inline(always)]
fn words(bytes: &[u8]) -> [u64; 3] {
    let len = bytes.len();
    let last = |bytes: &[u8]| bytes.last_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    // Of the last eight bytes, those that another word has already.
    let rest = |seen: usize| last(bytes).checked_shr((8 * (seen + 8 - len)) as u32).unwrap_or(0);
    let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    if len >= 16 {
        [word(0), word(8), rest(16)]
    } else if len >= 8 {
        [word(0), rest(8), 0]
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        [first | last << (8 * (len - 4)), 0, 0]
    } else {
        [bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0, 0]
    }
}

#[cfg(feature = "alloc")]
const LONGEST_CHARACTER: usize = 4;

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// How many of the last bytes may be the beginning of a character.
#[cfg(feature = "alloc")]
fn unfinished(bytes: &[u8]) -> usize {
    let is_begun = |len: &usize| match bytes.len().checked_sub(*len) {
        Some(start) => core::str::from_utf8(&bytes[start..])
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none()),
        None => false,
    };
    (1..LONGEST_CHARACTER).find(is_begun).unwrap_or(0)
}

/// How long `bytes` is as text, with a replacement for each maximal subpart that is not UTF-8.
pub(crate) fn lossy_len(bytes: &[u8]) -> usize {
    let replaced = |invalid: &[u8]| if invalid.is_empty() { 0 } else { REPLACEMENT.len() };
    bytes.utf8_chunks().map(|chunk| chunk.valid().len() + replaced(chunk.invalid())).sum()
}
