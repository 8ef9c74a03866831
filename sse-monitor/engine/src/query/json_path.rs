//! Paths into JSON.

use core::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use thiserror::Error;

/// A path such as `.choices[0].delta.content`; `[*]` is every element of a list.
///
/// ```
/// use sse_monitor_engine::query::JsonPath;
///
/// let path = JsonPath::new(".choices[*].delta[\"content\"]")?;
/// let value = serde_json::json!({"choices": [{"delta": {"content": "a"}}, {}]});
/// assert_eq!(path.select(&value), [&serde_json::json!("a")]);
/// # Ok::<(), sse_monitor_engine::query::JsonPathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    steps: Vec<Step>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Every,
}

/// What is wrong with a path, or with a test on one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonPathError {
    /// The path cannot be read.
    #[error(
        "“{given}” is not a path into JSON at character {at}: write one like .choices[0].delta.content"
    )]
    Path {
        /// What was given.
        given: String,
        /// Where it stops making sense, counted from 1.
        at: usize,
    },
    /// What stands after `~` is not a regular expression.
    #[error("“{given}” is not a regular expression: {reason}")]
    Regex {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing stands after the operator.
    #[error(
        "“{given}” names nothing to compare with: give it after the {operator}, as in .price > 100"
    )]
    NoOperand {
        /// What was given.
        given: String,
        /// What it ends with.
        operator: &'static str,
    },
    /// What stands after the operator is neither JSON nor one word.
    #[error(
        "“{given}” is neither JSON nor one word: put a text between double quotes, and give several tests one by one"
    )]
    Operand {
        /// What was given.
        given: String,
    },
    /// Only numbers and texts have an order.
    #[error("“{given}” cannot be compared by order: give a number or a text after <, <=, > or >=")]
    Order {
        /// What was given.
        given: String,
    },
}

impl JsonPath {
    /// Reads a path. It may begin with `$`, and needs no dot at its beginning.
    ///
    /// # Errors
    /// [`JsonPathError::Path`].
    pub fn new(text: &str) -> Result<Self, JsonPathError> {
        let (path, rest) = Self::parse(text.trim())?;
        if rest.is_empty() { Ok(path) } else { Err(refused(text.trim(), rest)) }
    }

    /// Reads a path at the beginning of a text; returns it and what follows.
    pub(super) fn parse(given: &str) -> Result<(Self, &str), JsonPathError> {
        let mut rest = given.strip_prefix('$').unwrap_or(given);
        let mut steps = Vec::new();
        while !rest.is_empty() || given.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracket(inner).ok_or_else(|| refused(given, rest))?;
                steps.push(step);
                rest = after;
                continue;
            }
            let after_dot = rest.strip_prefix('.');
            // Only the first name may stand without its dot.
            let Some(name) = after_dot.or_else(|| (steps.is_empty()).then_some(rest)) else {
                break;
            };
            let end =
                name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-' || c == '$'));
            let (key, after) = name.split_at(end.unwrap_or(name.len()));
            if key.is_empty() {
                // A lone dot is the value itself.
                if steps.is_empty() && after_dot.is_some() && !after.starts_with('.') {
                    rest = after;
                    if after.starts_with('[') {
                        continue;
                    }
                    break;
                }
                return Err(refused(given, rest));
            }
            steps.push(Step::Key(key.into()));
            rest = after;
        }
        let text = given[..given.len() - rest.len()].to_owned();
        Ok((Self { steps, text }, rest))
    }

    /// All that it leads to in `value`.
    pub fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![value];
        for step in &self.steps {
            let next = |value: &'a Value| -> Vec<&'a Value> {
                match step {
                    Step::Key(key) => value.get(key).into_iter().collect(),
                    Step::Index(index) => value.get(index).into_iter().collect(),
                    Step::Every => value.as_array().into_iter().flatten().collect(),
                }
            };
            found = found.into_iter().flat_map(next).collect();
        }
        found
    }

    /// The texts of all that it leads to in a text of JSON, whatever its depth and its numbers: of strings what they
    /// say, of all else the JSON without the white space in it, its numbers as they are written, and its strings
    /// with nothing escaped that can stand as it is.
    pub fn texts(&self, json: &str) -> Vec<String> {
        self.written(json).into_iter().map(text).collect()
    }

    /// All that it leads to in a text of JSON, as it is written; of a key that stands twice the last, as of a
    /// [`Value`].
    pub(super) fn written<'a>(&self, json: &'a str) -> Vec<&'a str> {
        let mut found: Vec<_> = json_in(json).map(RawValue::get).into_iter().collect();
        for step in &self.steps {
            let next = |value| {
                let all = members(value, step);
                let is_key = matches!(step, Step::Key(_));
                let skipped = if is_key { all.len().saturating_sub(1) } else { 0 };
                all.into_iter().skip(skipped)
            };
            found = found.into_iter().flat_map(next).collect();
        }
        found
    }

    /// Where in a text of JSON the values stand that it leads to; of a key that stands twice, both.
    pub(crate) fn spans(&self, json: &str) -> Vec<Range<usize>> {
        let Some(root) = json_in(json) else { return Vec::new() };
        let mut found = vec![root.get()];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| members(value, step)).collect();
        }
        // All of them are parts of the one text.
        let start = |value: &str| value.as_ptr().addr() - json.as_ptr().addr();
        found.into_iter().map(|value| start(value)..start(value) + value.len()).collect()
    }

    /// The longest name on the way.
    pub(super) fn longest_key(&self) -> Option<&str> {
        let keys = self.steps.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) | Step::Every => None,
        });
        keys.max_by_key(|key| key.len())
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The JSON that a text is, if it is JSON, whatever its depth and its values. A mark of the byte order may stand
/// before it.
pub(crate) fn json_in(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// What can be compared of a value that stands in JSON. What is too large is the largest number there is, and what is
/// too deep is its text.
pub(super) fn value(json: &str) -> Value {
    if let Ok(value) = serde_json::from_str(json) {
        return value;
    }
    match json.as_bytes().first() {
        Some(b'"') => string(json).into(),
        Some(b'-') => f64::MIN.into(),
        Some(b'0'..=b'9') => f64::MAX.into(),
        _ => json.into(),
    }
}

/// What a string says, or else the JSON without the white space in it: its numbers as they are written, and its strings
/// with nothing escaped that can stand as it is.
pub(super) fn text(json: &str) -> String {
    if json.starts_with('"') {
        return string(json);
    }
    let (mut text, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(start) = rest.find('"') {
        let (before, from_quote) = rest.split_at(start);
        let mut is_escaped = false;
        let is_end = |c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        };
        let length = from_quote[1..].find(is_end).map_or(from_quote.len(), |end| end + 2);
        let (quoted, after) = from_quote.split_at(length);
        text.extend(before.split_ascii_whitespace());
        match quoted.contains('\\') {
            true => text.push_str(&Value::from(string(quoted)).to_string()),
            false => text.push_str(quoted),
        }
        rest = after;
    }
    text.extend(rest.split_ascii_whitespace());
    text
}

/// What a string of JSON says. In the place of each surrogate that is alone stands U+FFFD.
fn string(json: &str) -> String {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u").and_then(|text| text.get(..4));
        digits.and_then(|digits| u16::from_str_radix(digits, 16).ok())
    };
    let (mut paired, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        paired.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                paired.push('\u{fffd}');
                rest = &escape[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        let (escape, after) = escape.split_at(length);
        paired.push_str(escape);
        rest = after;
    }
    paired.push_str(rest);
    serde_json::from_str(&paired).unwrap_or(paired)
}

/// Where a step leads from a value, as it is written.
fn members<'a>(value: &'a str, step: &Step) -> Vec<&'a str> {
    match step {
        Step::Key(key) => {
            let object = serde_json::from_str::<Members<'_>>(value).map(|Members(all)| all);
            let all = object.unwrap_or_default().into_iter();
            all.filter(|(name, _)| string(name.get()) == *key)
                .map(|(_, value)| value.get())
                .collect()
        }
        Step::Index(_) | Step::Every => {
            let list = serde_json::from_str::<Vec<&RawValue>>(value).unwrap_or_default();
            let wanted = |at: usize| *step == Step::Every || *step == Step::Index(at);
            list.into_iter()
                .enumerate()
                .filter(|(at, _)| wanted(*at))
                .map(|(_, v)| v.get())
                .collect()
        }
    }
}

/// The members of an object, each as it is written, and as often as it is.
///
/// Their names too: one that is no [`String`] takes nothing from the others.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

/// What stands in brackets, from after the first of them on.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    if let Some(after) = inner.strip_prefix("*]") {
        return Some((Step::Every, after));
    }
    if inner.starts_with('"') {
        let mut keys = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let key = keys.next()?.ok()?;
        let after = inner[keys.byte_offset()..].strip_prefix(']')?;
        return Some((Step::Key(key), after));
    }
    let (index, after) = inner.split_once(']')?;
    Some((Step::Index(index.parse().ok()?), after))
}

pub(super) fn refused(given: &str, rest: &str) -> JsonPathError {
    let at = given[..given.len() - rest.len()].chars().count() + 1;
    JsonPathError::Path { given: given.into(), at }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_where_it_says() {
        let value = json!({"a": {"b": [1, {"c d": 2}, 3]}, "e-f": null});
        for (path, expected) in [
            (".a.b[0]", vec![json!(1)]),
            ("a.b[0]", vec![json!(1)]),
            ("$.a.b[1][\"c d\"]", vec![json!(2)]),
            (".a.b[*]", vec![json!(1), json!({"c d": 2}), json!(3)]),
            (".e-f", vec![json!(null)]),
            (".a.b[9]", vec![]),
            (".nothing.there", vec![]),
            (".", vec![value.clone()]),
            ("$", vec![value.clone()]),
        ] {
            let found: Vec<_> =
                JsonPath::new(path).unwrap().select(&value).into_iter().cloned().collect();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn texts_have_nothing_escaped_that_can_stand_as_it_is() {
        for (json, expected) in [
            (
                r#"{"a": {"b" : "Z\u00fcrich", "\u00e9": [ "a\/b", 1.10 ]}}"#,
                r#"{"b":"Zürich","é":["a/b",1.10]}"#,
            ),
            (
                r#"{"a": ["\u0022 \\", "\ud83d\ude00\udc00", "\u0007\n "]}"#,
                r#"["\" \\","😀\u{fffd}","\u0007\n "]"#,
            ),
            (r#"{"a": "a\/b \u00e9"}"#, "a/b é"),
        ] {
            let expected = expected.replace(r"\u{fffd}", "\u{fffd}");
            assert_eq!(JsonPath::new(".a").unwrap().texts(json), [expected], "{json}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_with_its_place() {
        for (path, at) in [(".a..b", 3), (".a[x]", 3), (".a[0", 3), (".a b", 3), ("[\"a]", 1)] {
            let error = JsonPath::new(path).unwrap_err();
            assert_eq!(error, JsonPathError::Path { given: path.into(), at });
        }
    }
}
