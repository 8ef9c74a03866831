//! Names of topics, checked once.

use alloc::{format, sync::Arc};
use core::fmt;

use crate::error::{InvalidTopic, InvalidUser};

/// What one publishes to and subscribes to: segments joined by `.`.
///
/// 1 to [`MAX_LEN`](Self::MAX_LEN) bytes, no empty segment, no control character, no white space,
/// no `*` (which patterns use). Names that begin with `$` are the hub's own.
///
/// ```
/// use sse_server_core::Topic;
///
/// assert_eq!(Topic::new("prices.eur")?.as_str(), "prices.eur");
/// assert!(Topic::new("$all").is_err(), "reserved: Topic::all() gives it");
/// assert!(Topic::new("a b").is_err());
/// # Ok::<(), sse_server_core::InvalidTopic>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 256;

    /// Checks a name that somebody chose.
    ///
    /// # Errors
    /// [`InvalidTopic`] says what is wrong with it, [`InvalidTopic::Reserved`] for a leading `$`.
    pub fn new(name: &str) -> Result<Self, InvalidTopic> {
        if name.starts_with('$') {
            return Err(InvalidTopic::Reserved);
        }
        Self::checked(name)
    }

    /// `$all`: everyone. It is in every subscription.
    pub fn all() -> Self {
        Self(Arc::from("$all"))
    }

    /// `$user.ID`: everything that this user has open.
    ///
    /// # Errors
    /// [`InvalidTopic::User`] if the ID cannot stand in a topic.
    pub fn user(id: &str) -> Result<Self, InvalidTopic> {
        const PREFIX: &str = "$user.";
        Self::checked(&format!("{PREFIX}{id}")).map_err(|error| {
            let max = Self::MAX_LEN - PREFIX.len();
            InvalidTopic::User(if id.is_empty() {
                InvalidUser::Empty
            } else if let InvalidTopic::TooLong { .. } = error {
                InvalidUser::TooLong { len: id.len(), max }
            } else if let InvalidTopic::Forbidden { at, character } = error {
                InvalidUser::Forbidden { at: at - PREFIX.len(), character }
            } else {
                InvalidUser::EmptySegment
            })
        })
    }

    /// `$presence.TOPIC`: who is subscribed to a topic. It carries no events that are kept.
    ///
    /// # Errors
    /// [`InvalidTopic::TooLong`] if the topic's name leaves no room.
    pub fn presence(topic: &Self) -> Result<Self, InvalidTopic> {
        Self::checked(&format!("$presence.{topic}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_name(self) -> Arc<str> {
        self.0
    }

    fn checked(name: &str) -> Result<Self, InvalidTopic> {
        if name.is_empty() {
            return Err(InvalidTopic::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(InvalidTopic::TooLong { len: name.len() });
        }
        let forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '*';
        if let Some((at, character)) = name.char_indices().find(|&(_, c)| forbidden(c)) {
            return Err(InvalidTopic::Forbidden { at, character });
        }
        if name.split('.').any(str::is_empty) {
            return Err(InvalidTopic::EmptySegment);
        }
        Ok(Self(Arc::from(name)))
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_the_grammar_says() {
        let long = "a".repeat(257);
        let cases: [(&str, Option<InvalidTopic>); 14] = [
            ("a", None),
            ("a.b.c", None),
            ("größe.価格", None),
            ("a:b_c-d/e", None),
            (&long[..256], None),
            ("", Some(InvalidTopic::Empty)),
            (&long, Some(InvalidTopic::TooLong { len: 257 })),
            ("$all", Some(InvalidTopic::Reserved)),
            ("$", Some(InvalidTopic::Reserved)),
            ("a..b", Some(InvalidTopic::EmptySegment)),
            (".a", Some(InvalidTopic::EmptySegment)),
            ("a.*", Some(InvalidTopic::Forbidden { at: 2, character: '*' })),
            ("a\nb", Some(InvalidTopic::Forbidden { at: 1, character: '\n' })),
            ("a\u{a0}b", Some(InvalidTopic::Forbidden { at: 1, character: '\u{a0}' })),
        ];
        for (name, error) in cases {
            assert_eq!(Topic::new(name).err(), error, "{name:?}");
        }
    }

    #[test]
    fn a_user_id_cannot_reach_beyond_its_own_topic() {
        assert_eq!(Topic::user("ann@example.org").unwrap().as_str(), "$user.ann@example.org");
        let long = "a".repeat(251);
        assert!(Topic::user(&long[1..]).is_ok());
        for (id, error) in [
            ("", InvalidUser::Empty),
            ("*", InvalidUser::Forbidden { at: 0, character: '*' }),
            ("a b", InvalidUser::Forbidden { at: 1, character: ' ' }),
            ("a\0", InvalidUser::Forbidden { at: 1, character: '\0' }),
            ("a.", InvalidUser::EmptySegment),
            (".a", InvalidUser::EmptySegment),
            (&long, InvalidUser::TooLong { len: 251, max: 250 }),
        ] {
            assert_eq!(Topic::user(id).err(), Some(error.into()), "{id:?}");
        }
    }
}
