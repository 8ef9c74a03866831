//! What text is looked for in data.

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder, bytes};
use regex_syntax::hir::{Hir, HirKind};
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
    Regex { whole: Regex, needle: Option<Needle> },
}

/// What a row's bytes must hold for a text to be in its data.
#[derive(Clone, Debug)]
pub(crate) enum Needle {
    Bytes(Box<Finder<'static>>),
    Regex {
        regex: bytes::Regex,
        /// No match has more bytes.
        longest: usize,
    },
}

impl Needle {
    /// This very text, as far as it must stand in the bytes as it is.
    fn literal(text: &str) -> Self {
        Self::Bytes(Box::new(Finder::new(longest_line(text)).into_owned()))
    }

    /// What the bytes of JSON must hold that says this text as a name or a value: it, or that something is
    /// written otherwise.
    pub(super) fn in_json(text: &str) -> Option<Self> {
        let otherwise = |c: char| c.is_control() || ['"', '\\', '/', '\u{fffd}'].contains(&c);
        let plain = text.split(otherwise).max_by_key(|part| part.len()).unwrap_or_default();
        // What is that short stands everywhere.
        if plain.len() < 3 {
            return None;
        }
        let regex = bytes::Regex::new(&format!(r"{}|\\u", regex::escape(plain))).ok()?;
        Some(Self::Regex { regex, longest: plain.len() })
    }

    /// Where in `bytes` it stands first: its beginning and its end.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Bytes(finder) => {
                finder.find(bytes).map(|start| (start, start + finder.needle().len()))
            }
            Self::Regex { regex, .. } => {
                regex.find(bytes).map(|found| (found.start(), found.end()))
            }
        }
    }

    /// The most bytes that it takes.
    pub(crate) fn longest(&self) -> usize {
        match self {
            Self::Bytes(finder) => finder.needle().len(),
            Self::Regex { longest, .. } => *longest,
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
        let whole = Box::new(Finder::new(text).into_owned());
        Self(Kind::Literal { whole, needle: Needle::literal(text) })
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
        let needle = regex.ok().map(|regex| Needle::Regex { regex, longest });
        Self(Kind::AnyCase { whole, needle })
    }

    /// What this regular expression matches, in the syntax of Rust's `regex`.
    ///
    /// # Errors
    /// [`RegexError`] says what is wrong with it.
    pub fn regex(pattern: &str) -> Result<Self, RegexError> {
        let whole = compiled(pattern)?;
        let parsed = regex_syntax::parse(pattern).ok();
        let needle = parsed.and_then(|parsed| needed(&parsed).map(Needle::literal));
        Ok(Self(Kind::Regex { whole, needle }))
    }

    /// Whether it is in `data`.
    pub fn is_in(&self, data: &str) -> bool {
        match &self.0 {
            Kind::Literal { whole, .. } => whole.find(data.as_bytes()).is_some(),
            Kind::AnyCase { whole, .. } | Kind::Regex { whole, .. } => whole.is_match(data),
        }
    }

    /// What a row's bytes must hold for the text to be in its data, if there is such a thing.
    pub(crate) fn needle(&self) -> Option<&Needle> {
        match &self.0 {
            Kind::Literal { needle, .. } => Some(needle),
            Kind::AnyCase { needle, .. } | Kind::Regex { needle, .. } => needle.as_ref(),
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

/// The longest text that stands in whatever the expression matches, as far as its form tells.
fn needed(expression: &Hir) -> Option<&str> {
    match expression.kind() {
        HirKind::Literal(literal) => core::str::from_utf8(&literal.0).ok(),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Concat(parts) => {
            parts.iter().filter_map(needed).max_by_key(|text| longest_line(text).len())
        }
        HirKind::Repetition(_)
        | HirKind::Empty
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Alternation(_) => None,
    }
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
        let regex = |pattern: &str| Text::regex(pattern).unwrap();
        assert_eq!(
            found(regex("^[a-z]+(?:long|er)?(x{2}abc[0-9])*needed+ b"), "needed"),
            Some((0, 5))
        );
        assert_eq!(found(regex("a[0-9]+(needle.\nx)?y(needle)+z"), "a needle"), Some((2, 8)));
        assert_eq!(found(regex("x(?:\n|a)\nabc"), "\nabc"), Some((1, 4)));
        for pattern in ["(?i)needle", "a|b", "(needle)?", "(needle){0,3}", ".*", "^$", "\n"] {
            assert!(regex(pattern).needle().is_none(), "{pattern}");
        }
    }

    #[test]
    fn what_json_says_otherwise_is_not_passed_over() {
        let found = |text: &str, json: &str| Needle::in_json(text).unwrap().find(json.as_bytes());
        assert_eq!(found("name", r#"{"name":1}"#), Some((2, 6)));
        assert_eq!(found("name", r#"{"n\u0061me":1}"#), Some((3, 5)));
        assert_eq!(found("name", r#"{"nam":"e\n"}"#), None);
        assert_eq!(found("a/text\"", r#""a\/text\"""#), Some((4, 8)));
        assert!(Needle::in_json("ab\"cd").is_none());
    }

    #[test]
    fn what_is_no_regular_expression_is_told_in_a_line() {
        for pattern in ["(", "a{1000}{1000}{1000}", "[z-a]"] {
            let error = Text::regex(pattern).unwrap_err();
            assert!(!error.reason.is_empty() && !error.reason.contains('\n'), "{error}");
        }
    }
}
