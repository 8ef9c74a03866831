//! What is looked for, and masked in a text.

use core::ops::Range;

use memchr::memmem::Finder;
use regex::Regex;

use super::MASK;
use crate::{
    journal::turn::RedactedText,
    query::{JsonPath, JsonPathError, RegexError, compiled, json_in},
};

/// Characters shown before and after what is masked.
const AROUND: usize = 24;

/// What is to be redacted.
///
/// ```
/// use sse_monitor_engine::recording::redact::Redaction;
///
/// let redaction = Redaction::new().literal("alice@example.com").json(".user.name")?.regex("sk-[a-z0-9]+")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Redaction {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
enum Pattern {
    Literal(Box<Finder<'static>>),
    Regex(Regex),
    Json(JsonPath),
}

/// A text in which something was masked.
#[derive(Debug)]
pub(super) struct Masked {
    pub(super) text: String,
    /// How many places were masked.
    pub(super) places: u64,
    /// How often each pattern was found.
    pub(super) counts: Vec<u64>,
    /// Where the first mask is.
    first: Range<usize>,
}

impl Redaction {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many of the last bytes may be of a text that goes on behind them.
    pub(super) fn begun(&self, bytes: &[u8]) -> usize {
        let begun = |pattern: &Pattern| match pattern {
            Pattern::Literal(finder) => {
                let text = finder.needle();
                (1..text.len()).rev().find(|length| bytes.ends_with(&text[..*length]))
            }
            Pattern::Regex(_) | Pattern::Json(_) => None,
        };
        self.patterns.iter().filter_map(begun).max().unwrap_or(0)
    }

    /// This very text, wherever it stands; at the end of a body also what it begins with.
    pub fn literal(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.patterns.push(Pattern::Literal(Box::new(Finder::new(text).into_owned())));
        }
        self
    }

    /// All that this regular expression matches.
    ///
    /// # Errors
    /// [`RegexError`] says what is wrong with it.
    pub fn regex(mut self, pattern: &str) -> Result<Self, RegexError> {
        self.patterns.push(Pattern::Regex(compiled(pattern)?));
        Ok(self)
    }

    /// All values that this path leads to, in data that is JSON; of a key that stands twice, both.
    ///
    /// # Errors
    /// [`JsonPathError`] says what cannot be read.
    pub fn json(mut self, path: &str) -> Result<Self, JsonPathError> {
        self.patterns.push(Pattern::Json(JsonPath::new(path)?));
        Ok(self)
    }

    /// Whether it asks for nothing.
    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn has_json(&self) -> bool {
        self.patterns.iter().any(|pattern| matches!(pattern, Pattern::Json(_)))
    }

    /// Whether a path into JSON leads nowhere in this data, since it is none.
    pub(super) fn is_lost_on(&self, data: &str) -> bool {
        self.has_json() && json_in(data).is_none()
    }

    /// Each pattern in words. What a text or a regular expression is stays unsaid: it is, or tells, what nobody
    /// should read.
    pub(super) fn described(&self) -> Vec<RedactedText> {
        let described = |pattern: &Pattern| match pattern {
            Pattern::Literal(finder) => {
                let length = String::from_utf8_lossy(finder.needle()).chars().count();
                format!("a text of {length} characters")
            }
            Pattern::Regex(regex) => {
                let length = regex.as_str().chars().count();
                format!("what matches a regular expression of {length} characters")
            }
            Pattern::Json(path) => format!("JSON at {}", path.as_str()),
        };
        self.patterns.iter().map(|p| RedactedText { what: described(p), count: 0 }).collect()
    }

    /// The text with all masked that is found in it; `None` if nothing is.
    pub(super) fn masked(&self, text: &str, is_data: bool) -> Option<Masked> {
        let mut counts = vec![0; self.patterns.len()];
        let mut spans: Vec<Span> = Vec::new();
        for (pattern, count) in self.patterns.iter().zip(&mut counts) {
            let before = spans.len();
            match pattern {
                Pattern::Literal(finder) => spans.extend(overlapping(finder, text)),
                Pattern::Regex(regex) => {
                    let found = regex.find_iter(text).filter(|found| !found.is_empty());
                    spans.extend(found.map(|found| Span::new(found.range(), false)));
                }
                Pattern::Json(path) if is_data => {
                    spans.extend(path.spans(text).into_iter().map(|range| Span::new(range, true)));
                }
                Pattern::Json(_) => {}
            }
            *count = (spans.len() - before) as u64;
        }
        if spans.is_empty() {
            return None;
        }
        let spans = merged(spans);
        let mut masked = String::with_capacity(text.len());
        let mut first = 0..0;
        let mut at = 0;
        for Span { range, is_value } in &spans {
            masked.push_str(&text[at..range.start]);
            let start = masked.len();
            // A value stays one.
            masked.extend(if *is_value { ["\"", MASK, "\""] } else { ["", MASK, ""] });
            if first.is_empty() {
                first = start..masked.len();
            }
            at = range.end;
        }
        masked.push_str(&text[at..]);
        Some(Masked { text: masked, places: spans.len() as u64, counts, first })
    }

    /// Masks a text that is no data in place.
    pub(super) fn mask(&self, text: &mut String) {
        if let Some(masked) = self.masked(text, false) {
            *text = masked.text;
        }
    }
}

impl Masked {
    /// The first mask, and what stands around it, as it will be.
    pub(super) fn around(&self) -> String {
        let before = &self.text[..self.first.start];
        let after = &self.text[self.first.end..];
        let start = before.char_indices().rev().nth(AROUND - 1).map_or(0, |(at, _)| at);
        let end = after.char_indices().nth(AROUND).map_or(after.len(), |(at, _)| at);
        let left = if start > 0 { "…" } else { "" };
        let right = if end < after.len() { "…" } else { "" };
        let mask = &self.text[self.first.clone()];
        format!("{left}{}{mask}{}{right}", &before[start..], &after[..end])
    }
}

/// Bytes of a text that are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    range: Range<usize>,
    /// They are a value of JSON.
    is_value: bool,
}

impl Span {
    const fn new(range: Range<usize>, is_value: bool) -> Self {
        Self { range, is_value }
    }
}

/// All places, those that begin within another too.
fn overlapping(finder: &Finder<'_>, text: &str) -> Vec<Span> {
    let length = finder.needle().len();
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some(found) = text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
        let start = from + found;
        spans.push(Span::new(start..start + length, false));
        from = start + 1;
    }
    spans
}

/// Spans that overlap as one, in order.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.range.start, core::cmp::Reverse(span.range.end)));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.range.start < last.range.end => {
                if span.range.end > last.range.end {
                    last.range.end = span.range.end;
                    last.is_value = false;
                } else if span.range == last.range {
                    last.is_value |= span.is_value;
                }
            }
            Some(_) | None => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(redaction: &Redaction, text: &str) -> String {
        redaction.masked(text, true).map_or_else(|| text.to_owned(), |masked| masked.text)
    }

    #[test]
    fn what_is_found_is_masked_and_the_rest_stays_as_it_is() {
        let all =
            Redaction::new().literal("bob").regex("[0-9]{4,}").unwrap().json(".a.b[*]").unwrap();
        for (text, expected) in [
            ("nothing 123", "nothing 123"),
            ("bob and bob", "*** and ***"),
            ("bobob", "***"),
            ("pin 12345, bob", "pin ***, ***"),
            (
                "{ \"a\" : {\"b\": [ 1, \"bob\", {\"x\":[]} ]}, \"z\": 1.50 }",
                "{ \"a\" : {\"b\": [ \"***\", \"***\", \"***\" ]}, \"z\": 1.50 }",
            ),
            (
                "{\"a\":{\"b\":[7]},\"a\":{\"b\":[8]}}",
                "{\"a\":{\"b\":[\"***\"]},\"a\":{\"b\":[\"***\"]}}",
            ),
            ("{\"a\":{\"b\":[7]}", "{\"a\":{\"b\":[7]}"),
            ("é bob é", "é *** é"),
        ] {
            assert_eq!(masked(&all, text), expected);
        }
        let empty = Redaction::new().literal("").regex("x*").unwrap();
        assert_eq!(masked(&empty, "axb"), "a***b");
        let value = Redaction::new().json(".").unwrap().literal("1").regex("1,").unwrap();
        assert_eq!(masked(&value, " [1,2] "), " \"***\" ");
    }

    #[test]
    fn what_is_shown_of_a_cut_does_not_tell_it() {
        let redaction = Redaction::new().literal("CANARY");
        let text = format!("{}CANARY{}CANARY", "é".repeat(30), "x".repeat(40));
        let shown = redaction.masked(&text, true).unwrap();
        assert_eq!((shown.places, shown.counts[0]), (2, 2));
        assert_eq!(shown.around(), format!("…{}***{}…", "é".repeat(24), "x".repeat(24)));
        assert_eq!(redaction.masked("CANARY", true).unwrap().around(), "***");
        assert!(!format!("{:?}", redaction.described()).contains("CANARY"));
    }
}
