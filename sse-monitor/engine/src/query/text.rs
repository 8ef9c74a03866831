//! What text is looked for in data.

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// How large a regular expression may be once compiled: those who type one wait for it.
const MOST_COMPILED: usize = 4 << 20;

/// A text to find in data.
#[derive(Clone, Debug)]
pub struct Text(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Literal(Box<Literal>),
    Regex(Regex),
}

#[derive(Clone, Debug)]
struct Literal {
    whole: Finder<'static>,
    /// Its longest line, which must stand in the bytes of a row as it is.
    line: Finder<'static>,
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
        let line = text.split('\n').max_by_key(|line| line.len()).unwrap_or_default();
        // What replaces invalid UTF-8 stands in the data and not in the bytes.
        let line = line.split('\u{fffd}').max_by_key(|part| part.len()).unwrap_or_default();
        Self(Kind::Literal(Box::new(Literal {
            whole: Finder::new(text).into_owned(),
            line: Finder::new(line).into_owned(),
        })))
    }

    /// This text, in capitals or not.
    pub fn any_case(text: &str) -> Self {
        let pattern = regex::escape(text);
        let regex = RegexBuilder::new(&pattern).case_insensitive(true).build();
        // An escaped text compiles, unless it is far too long, and then this very text will do.
        regex.map_or_else(|_| Self::literal(text), |regex| Self(Kind::Regex(regex)))
    }

    /// What this regular expression matches, in the syntax of Rust's `regex`.
    ///
    /// # Errors
    /// [`RegexError`] says what is wrong with it.
    pub fn regex(pattern: &str) -> Result<Self, RegexError> {
        let built = RegexBuilder::new(pattern).size_limit(MOST_COMPILED).build();
        built.map(|regex| Self(Kind::Regex(regex))).map_err(|error| RegexError {
            given: pattern.into(),
            // The last line of several says what is wrong, the others show where.
            reason: error.to_string().lines().last().unwrap_or_default().trim().into(),
        })
    }

    /// Whether it is in `data`.
    pub fn is_in(&self, data: &str) -> bool {
        match &self.0 {
            Kind::Literal(literal) => literal.whole.find(data.as_bytes()).is_some(),
            Kind::Regex(regex) => regex.is_match(data),
        }
    }

    /// What a row's bytes must hold for the text to be in its data, if there is such a thing.
    pub(crate) fn needle(&self) -> Option<&Finder<'static>> {
        match &self.0 {
            Kind::Literal(literal) => Some(&literal.line).filter(|line| !line.needle().is_empty()),
            Kind::Regex(_) => None,
        }
    }
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
        let needle =
            |text: &str| Text::literal(text).needle().map(|finder| finder.needle().to_vec());
        assert_eq!(needle("a\nlonger\nb"), Some(b"longer".to_vec()));
        assert_eq!(needle("ab\u{fffd}c"), Some(b"ab".to_vec()));
        assert_eq!(needle("\n"), None);
    }

    #[test]
    fn what_is_no_regular_expression_is_told_in_a_line() {
        for pattern in ["(", "a{1000}{1000}{1000}", "[z-a]"] {
            let error = Text::regex(pattern).unwrap_err();
            assert!(!error.reason.is_empty() && !error.reason.contains('\n'), "{error}");
        }
    }
}
