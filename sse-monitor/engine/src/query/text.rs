//! What text is looked for in data.

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder, bytes};
use thiserror::Error;

/// How large a regular expression may be once compiled: those who type one wait for it.
const MOST_COMPILED: usize = 4 << 20;

/// A text to find in data.
#[derive(Clone, Debug)]
pub struct Text(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Literal { whole: Box<Finder<'static>>, needle: Needle },
    AnyCase { whole: Regex, needle: Option<Needle> },
    Regex(Regex),
}

/// What a row's bytes must hold for a text to be in its data.
#[derive(Clone, Debug)]
pub(crate) enum Needle {
    Bytes(Box<Finder<'static>>),
    AnyCase {
        regex: bytes::Regex,
        /// No match has more bytes.
        longest: usize,
    },
}

impl Needle {
    /// Where in `bytes` it stands first: its beginning and its end.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Bytes(finder) => {
                finder.find(bytes).map(|start| (start, start + finder.needle().len()))
            }
            Self::AnyCase { regex, .. } => {
                regex.find(bytes).map(|found| (found.start(), found.end()))
            }
        }
    }

    /// The most bytes that it takes.
    pub(crate) fn longest(&self) -> usize {
        match self {
            Self::Bytes(finder) => finder.needle().len(),
            Self::AnyCase { longest, .. } => *longest,
        }
    }
}

/// Why a regular expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("“{given}” is not a regular expression: {reason}")]
#[non_exhaustive]
pub struct RegexError {
    /// What was given.
    pub given: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Text {
    /// This very text.
    pub fn literal(text: &str) -> Self {
        let finder = |text: &str| Box::new(Finder::new(text).into_owned());
        Self(Kind::Literal {
            whole: finder(text),
            needle: Needle::Bytes(finder(longest_line(text))),
        })
    }

    /// This text, in capitals or not.
    pub fn any_case(text: &str) -> Self {
        let regex = RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build();
        // An escaped text compiles, unless it is far too long, and then this very text will do.
        let Ok(whole) = regex else { return Self::literal(text) };
        let line = longest_line(text);
        let regex = bytes::RegexBuilder::new(&regex::escape(line)).case_insensitive(true).build();
        // Another case may take another number of bytes, and no character more than four.
        let longest = 4 * line.chars().count();
        let needle = regex.ok().map(|regex| Needle::AnyCase { regex, longest });
        Self(Kind::AnyCase { whole, needle })
    }

    /// What this regular expression matches, in the syntax of Rust's `regex`.
    ///
    /// # Errors
    /// [`RegexError`] says what is wrong with it.
    pub fn regex(pattern: &str) -> Result<Self, RegexError> {
        compiled(pattern).map(|regex| Self(Kind::Regex(regex)))
    }

    /// Whether it is in `data`.
    pub fn is_in(&self, data: &str) -> bool {
        match &self.0 {
            Kind::Literal { whole, .. } => whole.find(data.as_bytes()).is_some(),
            Kind::AnyCase { whole, .. } | Kind::Regex(whole) => whole.is_match(data),
        }
    }

    /// What a row's bytes must hold for the text to be in its data, if there is such a thing.
    pub(crate) fn needle(&self) -> Option<&Needle> {
        match &self.0 {
            Kind::Literal { needle, .. } => Some(needle),
            Kind::AnyCase { needle, .. } => needle.as_ref(),
            Kind::Regex(_) => None,
        }
        .filter(|needle| needle.longest() > 0)
    }
}

/// A regular expression that is not too large.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, RegexError> {
    let built = RegexBuilder::new(pattern).size_limit(MOST_COMPILED).build();
    built.map_err(|error| RegexError {
        given: pattern.into(),
        // The last line of several says what is wrong, the others show where.
        reason: error
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .trim()
            .trim_start_matches("error: ")
            .into(),
    })
}

/// The longest part that must stand in the bytes of a row as it is: what breaks lines in data stands
/// otherwise in the stream, and so does what replaces invalid UTF-8.
fn longest_line(text: &str) -> &str {
    text.split(['\n', '\u{fffd}']).max_by_key(|line| line.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_as_asked() {
        assert!(Text::literal("a.c").is_in("xa.cx"));
        assert!(!Text::literal("a.c").is_in("abc"));
        assert!(Text::literal("").is_in(""));
        assert!(Text::any_case("ÄB.").is_in("xäb."));
        assert!(Text::regex("a.c$").unwrap().is_in("abc"));
    }

    #[test]
    fn a_needle_is_what_the_bytes_must_hold() {
        let found = |text: Text, bytes: &str| text.needle().unwrap().find(bytes.as_bytes());
        assert_eq!(found(Text::literal("a\nlonger\nb"), "data: longer"), Some((6, 12)));
        assert_eq!(found(Text::literal("ab\u{fffd}c"), "ab\u{fffd}c"), Some((0, 2)));
        assert_eq!(
            found(Text::any_case("x\nSTRA\u{df}E K"), "stra\u{df}e \u{212a}"),
            Some((0, 11))
        );
        assert!(Text::any_case("k").needle().unwrap().longest() >= "\u{212a}".len());
        assert!(Text::literal("\n").needle().is_none() && Text::any_case("\n").needle().is_none());
        assert!(Text::regex("a").unwrap().needle().is_none());
    }

    #[test]
    fn what_is_no_regular_expression_is_told_in_a_line() {
        for pattern in ["(", "a{1000}{1000}{1000}", "[z-a]"] {
            let error = Text::regex(pattern).unwrap_err();
            assert!(!error.reason.is_empty() && !error.reason.contains('\n'), "{error}");
        }
    }
}
