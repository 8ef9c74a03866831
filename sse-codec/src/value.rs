//! Values that are checked once, when they are built, so that encoding cannot fail.

use alloc::{borrow::Cow, string::String};
use core::{fmt, str::FromStr};

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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType<'a>(Cow<'a, str>);

impl<'a> EventType<'a> {
    /// Checks and wraps `value`. The empty type is allowed; clients read it as `message`.
    ///
    /// ```
    /// use sse_codec::EventType;
    ///
    /// let (lent, owned) = (EventType::new("price")?, EventType::new(format!("{}ice", "pr"))?);
    /// assert_eq!(lent, owned);
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
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
    ///
    /// ```
    /// assert_eq!(sse_codec::EventType::new("price")?.as_str(), "price");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same value, owning its text.
    ///
    /// ```
    /// use sse_codec::EventType;
    ///
    /// let text = String::from("price");
    /// let owned: EventType<'static> = EventType::new(&text)?.into_owned();
    /// drop(text);
    /// assert_eq!(owned, "price");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    #[must_use]
    pub fn into_owned(self) -> EventType<'static> {
        EventType(Cow::Owned(self.0.into_owned()))
    }
}

impl EventType<'static> {
    /// A value that is known when the program is compiled, as a constant.
    ///
    /// ```
    /// use sse_codec::EventType;
    ///
    /// const VALUE: EventType<'static> = EventType::from_static("price");
    /// assert_eq!(VALUE, "price");
    /// ```
    ///
    /// # Panics
    /// If `value` has CR or LF in it: in a constant, the program is not compiled then.
    #[must_use]
    pub const fn from_static(value: &'static str) -> Self {
        assert!(is_fit(value, true), "CR or LF cannot be part of an event type");
        Self(Cow::Borrowed(value))
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId<'a>(Cow<'a, str>);

impl<'a> EventId<'a> {
    /// Checks and wraps `value`.
    ///
    /// ```
    /// use sse_codec::{EventId, InvalidField};
    ///
    /// assert!(EventId::new(format!("{}-{}", 7, 42)).is_ok());
    /// assert_eq!(EventId::new("7\0"), Err(InvalidField::Nul { at: 1 }));
    /// ```
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
    ///
    /// ```
    /// assert_eq!(sse_codec::EventId::new("7-42")?.as_str(), "7-42");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same value, owning its text.
    ///
    /// ```
    /// use sse_codec::EventId;
    ///
    /// let text = String::from("7-42");
    /// let owned: EventId<'static> = EventId::new(&text)?.into_owned();
    /// drop(text);
    /// assert_eq!(owned, "7-42");
    /// # Ok::<(), sse_codec::InvalidField>(())
    /// ```
    #[must_use]
    pub fn into_owned(self) -> EventId<'static> {
        EventId(Cow::Owned(self.0.into_owned()))
    }
}

impl EventId<'static> {
    /// A value that is known when the program is compiled, as a constant.
    ///
    /// ```
    /// use sse_codec::EventId;
    ///
    /// const VALUE: EventId<'static> = EventId::from_static("7-42");
    /// assert_eq!(VALUE, "7-42");
    /// ```
    ///
    /// # Panics
    /// If `value` has CR, LF or NUL in it: in a constant, the program is not compiled then.
    #[must_use]
    pub const fn from_static(value: &'static str) -> Self {
        assert!(is_fit(value, false), "CR, LF or NUL cannot be part of an event ID");
        Self(Cow::Borrowed(value))
    }
}

/// What both kinds of checked text can do.
macro_rules! checked_text {
    ($name:ident) => {
        impl AsRef<str> for $name<'_> {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name<'_> {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name<'_> {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl<'a> TryFrom<&'a str> for $name<'a> {
            type Error = InvalidField;

            fn try_from(value: &'a str) -> Result<Self, InvalidField> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $name<'_> {
            type Error = InvalidField;

            fn try_from(value: String) -> Result<Self, InvalidField> {
                Self::new(value)
            }
        }

        /// A copy.
        impl FromStr for $name<'_> {
            type Err = InvalidField;

            fn from_str(value: &str) -> Result<Self, InvalidField> {
                Self::new(String::from(value))
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

checked_text!(EventType);
checked_text!(EventId);

/// Whether a value has no CR, no LF and, unless it may, no NUL: byte by byte, as constants need it.
const fn is_fit(value: &str, nul: bool) -> bool {
    let (bytes, mut at) = (value.as_bytes(), 0);
    while at < bytes.len() {
        if matches!(bytes[at], b'\r' | b'\n') || !nul && bytes[at] == 0 {
            return false;
        }
        at += 1;
    }
    true
}
