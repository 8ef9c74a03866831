//! Values that are checked once, when they are built, so that encoding cannot fail.

use alloc::borrow::Cow;
use core::fmt;

use crate::{
    error::{InvalidField, ValueKind, check_event_id},
    text::{SHORT, is_plain, line_break},
};

/// An event type that an event stream can carry: no CR, no LF.
///
/// ```
/// use sse_codec::EventType;
///
/// assert_eq!(EventType::new("price")?.as_str(), "price");
/// assert!(EventType::new("price\nid: 7").is_err());
/// # Ok::<(), sse_codec::InvalidField>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventType<'a>(Cow<'a, str>);

impl<'a> EventType<'a> {
    /// Checks and wraps `value`. The empty type is allowed; clients read it as `message`.
    ///
    /// # Errors
    /// [`InvalidField::LineBreak`] if it holds CR or LF.
    #[inline]
    pub fn new(value: impl Into<Cow<'a, str>>) -> Result<Self, InvalidField> {
        let value = value.into();
        match line_break(value.as_bytes()) {
            Some(at) => Err(InvalidField::LineBreak { kind: ValueKind::EventType, at }),
            None => Ok(Self(value)),
        }
    }

    /// The checked text.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same value, owning its text.
    pub fn into_owned(self) -> EventType<'static> {
        EventType(Cow::Owned(self.0.into_owned()))
    }
}

/// An event ID that an event stream can carry: no CR, no LF, no NUL.
///
/// Nothing else is refused, since whatever can be received must be sendable again. The empty id
/// resets the client's last event ID.
///
/// ```
/// use sse_codec::EventId;
///
/// assert_eq!(EventId::new("7-42")?.as_str(), "7-42");
/// assert!(EventId::new("7\042").is_err());
/// # Ok::<(), sse_codec::InvalidField>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventId<'a>(Cow<'a, str>);

impl<'a> EventId<'a> {
    /// Checks and wraps `value`.
    ///
    /// # Errors
    /// [`InvalidField::LineBreak`] if it holds CR or LF, [`InvalidField::Nul`] if it holds NUL.
    #[inline]
    pub fn new(value: impl Into<Cow<'a, str>>) -> Result<Self, InvalidField> {
        let value = value.into();
        if value.len() > SHORT || !is_plain(value.as_bytes()) {
            check_event_id(&value)?;
        }
        Ok(Self(value))
    }

    /// The checked text.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same value, owning its text.
    pub fn into_owned(self) -> EventId<'static> {
        EventId(Cow::Owned(self.0.into_owned()))
    }
}

impl AsRef<str> for EventType<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventId<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for EventType<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<str> for EventId<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl<'a> TryFrom<&'a str> for EventType<'a> {
    type Error = InvalidField;

    fn try_from(value: &'a str) -> Result<Self, InvalidField> {
        Self::new(value)
    }
}

impl<'a> TryFrom<&'a str> for EventId<'a> {
    type Error = InvalidField;

    fn try_from(value: &'a str) -> Result<Self, InvalidField> {
        Self::new(value)
    }
}

impl fmt::Debug for EventType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for EventType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
