//! Text that shares the memory it came in, or is short enough for its own.

use alloc::string::String;
use core::{cmp::Ordering, fmt, hash, ops::Deref};

use bytes::Bytes;

use crate::scan::SharedText;

/// Text in shared memory: [`Bytes`] that are known to be UTF-8. Cloning it allocates nothing.
///
/// It keeps alive the whole chunk it lies in; [`detach`](Self::detach) gives a copy that does not. Text of up
/// to 23 bytes is kept in place, which costs less than sharing, and keeps nothing alive.
///
/// ```
/// use sse_codec::ByteStr;
///
/// let text = ByteStr::from("1.08");
/// assert_eq!(text, "1.08");
/// assert_eq!(text.clone().detach().as_str(), "1.08");
/// ```
#[derive(Clone)]
pub struct ByteStr(SharedText);

impl Default for ByteStr {
    fn default() -> Self {
        Self::from("")
    }
}

impl ByteStr {
    pub(crate) const EMPTY: Self = Self(SharedText::EMPTY);

    /// `text` in place, if it is short enough for that.
    #[inline(always)]
    pub(crate) fn short(text: &str) -> Option<Self> {
        SharedText::short(text).map(Self)
    }

    /// `text`, sharing `chunk` if it lies in it, else a copy.
    #[inline]
    pub(crate) fn within(chunk: &Bytes, text: &str) -> Self {
        Self::short(text).unwrap_or_else(|| Self::long_within(chunk, text))
    }

    /// The same, for text that is not short.
    #[inline]
    pub(crate) fn long_within(chunk: &Bytes, text: &str) -> Self {
        let (outer, inner) = (chunk.as_ptr_range(), text.as_bytes().as_ptr_range());
        if outer.start <= inner.start && inner.end <= outer.end {
            Self(SharedText::within(chunk, text))
        } else {
            Self::from(text)
        }
    }

    /// The text.
    ///
    /// ```
    /// assert_eq!(sse_codec::ByteStr::from("1.08").as_str(), "1.08");
    /// ```
    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The text's bytes.
    ///
    /// ```
    /// assert_eq!(sse_codec::ByteStr::from("1.08").as_bytes(), b"1.08");
    /// ```
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text's bytes, shared.
    ///
    /// ```
    /// assert_eq!(sse_codec::ByteStr::from("1.08").into_bytes(), "1.08");
    /// ```
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// The same text in memory of its own, so that a short text does not keep a large chunk alive.
    ///
    /// ```
    /// let text = sse_codec::ByteStr::from(String::from("1.08"));
    /// assert_eq!(String::from(text.detach()), "1.08");
    /// ```
    #[must_use]
    pub fn detach(self) -> Self {
        Self(SharedText::copy(self.as_str()))
    }
}

/// A copy.
impl From<&str> for ByteStr {
    #[inline]
    fn from(text: &str) -> Self {
        Self(SharedText::copy(text))
    }
}

/// A copy, which keeps none of the string's spare room.
impl From<String> for ByteStr {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// A copy.
impl From<ByteStr> for String {
    fn from(text: ByteStr) -> Self {
        Self::from(text.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ByteStr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for ByteStr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
    }
}

impl Deref for ByteStr {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for ByteStr {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl core::borrow::Borrow<str> for ByteStr {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for ByteStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ByteStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for ByteStr {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ByteStr {}

impl PartialEq<str> for ByteStr {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for ByteStr {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for ByteStr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByteStr {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// As `str` does, so that a map's keys may be looked up by `&str`.
impl hash::Hash for ByteStr {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
