//! Paths into JSON, and tests on what stands there.

use core::{cmp::Ordering, fmt, ops::Range};

use regex::Regex;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Number, Value, value::RawValue};
use thiserror::Error;

use super::{RegexError, compiled, text::Needle};

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
    fn parse(given: &str) -> Result<(Self, &str), JsonPathError> {
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

    /// The texts of all that it leads to in a text of JSON: of strings what they say, of all else the JSON as it is
    /// written. For what serde_json takes for no [`Value`], though it is JSON: it is too deep, say.
    pub fn texts(&self, json: &str) -> Vec<String> {
        let text = |json: &str| if json.starts_with('"') { string(json) } else { json.into() };
        self.spans(json).into_iter().map(|at| text(&json[at])).collect()
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
    fn longest_key(&self) -> Option<&str> {
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
fn value(json: &str) -> Value {
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

fn refused(given: &str, rest: &str) -> JsonPathError {
    let at = given[..given.len() - rest.len()].chars().count() + 1;
    JsonPathError::Path { given: given.into(), at }
}

/// A test on JSON data, such as `.delta.type == "text"`, `.usage.total > 100`, `.name ~ "^a"`; a path
/// alone asks whether there is such a thing.
#[derive(Clone, Debug)]
pub struct JsonTest {
    path: JsonPath,
    test: Test,
    /// What the bytes of JSON must hold that passes.
    needle: Option<Needle>,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Equals(Value),
    Differs(Value),
    Order(&'static [Ordering], Value),
    Matches(Regex),
}

const OPERATORS: [&str; 7] = ["==", "!=", "<=", ">=", "<", ">", "~"];

impl JsonTest {
    /// Reads a test. What stands after the operator is JSON, or else a text of one word; after `~` a regular
    /// expression, which may stand between slashes, with an `i` behind them for capitals or not.
    ///
    /// # Errors
    /// [`JsonPathError`] says what cannot be read.
    pub fn new(text: &str) -> Result<Self, JsonPathError> {
        let given = text.trim();
        let (path, rest) = JsonPath::parse(given)?;
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(Self::of(path, Test::Exists));
        }
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
        let operator = operator.ok_or_else(|| refused(given, rest))?;
        let operand = rest[operator.len()..].trim();
        if operand.is_empty() {
            return Err(JsonPathError::NoOperand { given: given.into(), operator });
        }
        if operator == "~"
            && let Some((pattern, any_case)) = between_slashes(operand)
        {
            return Ok(Self::of(path, Test::Matches(regex(pattern, any_case)?)));
        }
        let value: Value = match serde_json::from_str(operand) {
            Ok(value) => value,
            Err(_) if is_word(operand) || operator == "~" => operand.into(),
            Err(_) => return Err(JsonPathError::Operand { given: operand.into() }),
        };
        let ordered = |orders| {
            if value.is_number() || value.is_string() {
                Ok(Test::Order(orders, value.clone()))
            } else {
                Err(JsonPathError::Order { given: operand.into() })
            }
        };
        let test = match operator {
            "==" => Test::Equals(value),
            "!=" => Test::Differs(value),
            "<" => ordered(&[Ordering::Less])?,
            ">" => ordered(&[Ordering::Greater])?,
            "<=" => ordered(&[Ordering::Less, Ordering::Equal])?,
            ">=" => ordered(&[Ordering::Greater, Ordering::Equal])?,
            _ => Test::Matches(regex(value.as_str().unwrap_or(operand), false)?),
        };
        Ok(Self::of(path, test))
    }

    fn of(path: JsonPath, test: Test) -> Self {
        let value = match &test {
            Test::Equals(value) => value.as_str(),
            Test::Exists | Test::Differs(_) | Test::Order(..) | Test::Matches(_) => None,
        };
        let needle = match &test {
            // It passes where there is no such thing.
            Test::Differs(_) => None,
            Test::Exists | Test::Equals(_) | Test::Order(..) | Test::Matches(_) => value
                .and_then(Needle::in_json)
                .or_else(|| path.longest_key().and_then(Needle::in_json)),
        };
        Self { path, test, needle }
    }

    /// What a row's bytes must hold for it to pass, if there is such a thing.
    pub(super) const fn needle(&self) -> Option<&Needle> {
        self.needle.as_ref()
    }

    /// Whether any value that the path leads to passes. With `!=`, whether all do, none included.
    pub fn passes(&self, value: &Value) -> bool {
        self.passes_of(&self.path.select(value))
    }

    /// As [`passes`](Self::passes), of a text of JSON.
    pub(super) fn passes_in(&self, json: &str) -> bool {
        let found: Vec<_> = self.path.spans(json).into_iter().map(|at| value(&json[at])).collect();
        self.passes_of(&found.iter().collect::<Vec<_>>())
    }

    fn passes_of(&self, found: &[&Value]) -> bool {
        let mut found = found.iter().copied();
        match &self.test {
            Test::Exists => found.next().is_some(),
            Test::Equals(wanted) => found.any(|value| equal(value, wanted)),
            Test::Differs(unwanted) => !found.any(|value| equal(value, unwanted)),
            Test::Order(orders, bound) => found.any(|value| {
                compare(value, bound).is_some_and(|ordering| orders.contains(&ordering))
            }),
            Test::Matches(regex) => found.any(|value| match value.as_str() {
                Some(text) => regex.is_match(text),
                None => regex.is_match(&value.to_string()),
            }),
        }
    }
}

fn regex(pattern: &str, any_case: bool) -> Result<Regex, JsonPathError> {
    let flags = if any_case { "(?i)" } else { "" };
    let as_given =
        |RegexError { reason, .. }| JsonPathError::Regex { given: pattern.into(), reason };
    compiled(&format!("{flags}{pattern}")).map_err(as_given)
}

/// The regular expression of `/this/` or `/this/i`, and whether it is meant in capitals or not. Of a path such as `/api/users` it is all.
fn between_slashes(operand: &str) -> Option<(&str, bool)> {
    let inner = operand.strip_prefix('/')?;
    let (mut is_escaped, mut is_path) = (false, false);
    for (at, char) in inner.char_indices() {
        if is_path && char.is_whitespace() {
            return None;
        }
        if char == '/' && !is_escaped && at > 0 {
            match &inner[at + 1..] {
                "" => return Some((&inner[..at], false)),
                "i" => return Some((&inner[..at], true)),
                _ => is_path = true,
            }
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    None
}

/// Whether it is plain that a text is meant, and the whole of it.
fn is_word(operand: &str) -> bool {
    !operand.is_empty()
        && !operand.starts_with(['=', '<', '>', '!', '~', '&', '|'])
        && !operand.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
}

/// 1 and 1.0 are the same number.
fn equal(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && compare(a, b) == Some(Ordering::Equal))
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (integer(a), integer(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            (Some(a), None) => with_float(a, b.as_f64()?),
            (None, Some(b)) => with_float(b, a.as_f64()?).map(Ordering::reverse),
            (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Floating-point numbers tell not all integers apart beyond 2^53, and JSON has others up to 2^64.
fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn with_float(integer: i128, float: f64) -> Option<Ordering> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is too large saturates, far beyond any integer here"
    )]
    let whole = float.trunc() as i128;
    let rest = 0.0.partial_cmp(&float.fract())?;
    Some(integer.cmp(&whole).then(rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::Query;

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
    fn what_is_no_path_is_told_with_its_place() {
        for (path, at) in [(".a..b", 3), (".a[x]", 3), (".a[0", 3), (".a b", 3), ("[\"a]", 1)] {
            let error = JsonPath::new(path).unwrap_err();
            assert_eq!(error, JsonPathError::Path { given: path.into(), at });
        }
        assert!(JsonTest::new(".a = 1").is_err());
        assert!(JsonTest::new(".a < true").unwrap_err().to_string().contains("order"));
        for (test, given) in [(".a ~ /b(/i", "“b(”"), (".a ~ /b(/", "“b(”"), (".a ~ b(", "“b(”")]
        {
            let sentence = JsonTest::new(test).unwrap_err().to_string();
            assert!(sentence.starts_with(given) && !sentence.contains("?i"), "{sentence}");
        }
        for test in [".n >", ".n ~"] {
            let error = JsonTest::new(test).unwrap_err();
            assert!(error.to_string().contains("names nothing to compare with"), "{error}");
        }
        for test in [
            ".n === 1",
            ".n >= 1 && .n < 3",
            ".n == 1 or .n == 2",
            ".s == 'a@b.c'",
            ".n > \"a",
            ".s == two words",
        ] {
            let error = JsonTest::new(test).unwrap_err();
            assert!(matches!(error, JsonPathError::Operand { .. }), "{test}: {error}");
        }
        for test in [".a ~ (", ".a ~ /(/i", ".a ~ \"(\""] {
            let sentence = JsonTest::new(test).unwrap_err().to_string();
            assert!(sentence.contains("regular expression"), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
        }
    }

    #[test]
    fn tests_pass_and_fail() {
        let value = json!({"n": 5, "f": 1.5, "s": "text", "list": [1, 2], "ok": true, "path": "/api/users/"});
        for test in [
            ".n",
            ".n == 5",
            ".n == 5.0",
            ".n != 6",
            ".n < 6",
            ".n>=5",
            ".f > 1",
            ".s == text",
            ".s == \"text\"",
            ".s != EUR/USD",
            ".s ~ te x?|^t",
            ".s ~ ^te",
            ".s ~ \"x.\"",
            ".s ~ /^te/",
            ".s~/^TEXT$/i",
            r".s ~ /x|\//",
            r".path ~ /^\/api\//",
            ".path ~ /api/users/",
            ".path ~ /api/users",
            r".path ~ /api\/",
            ".path ~ /",
            ".list[*] == 2",
            ".ok == true",
            ".none != 1",
            ".s < u",
        ] {
            assert!(JsonTest::new(test).unwrap().passes(&value), "{test}");
        }
        for test in [
            ".none",
            ".n == \"5\"",
            ".n != 5",
            ".n > 5",
            ".s > 1",
            ".s ~ /TEXT/",
            ".path ~ /a/b |users/i",
            ".list[*] == 3",
            ".ok == false",
        ] {
            assert!(!JsonTest::new(test).unwrap().passes(&value), "{test}");
        }
    }

    #[test]
    fn json_is_looked_into_whatever_its_depth_and_its_values() {
        let deep = format!("{{\"a\":1,\"b\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for (json, test, expected) in [
            (deep.as_str(), ".a == 1", true),
            (&deep, ".a == 2", false),
            (&deep, ".b", true),
            (&deep, ".c", false),
            (&deep, ".c != 1", true),
            (r#"{"a":1e400,"b":-1e400,"c":"x"}"#, ".c == x", true),
            (r#"{"a":1e400}"#, ".a > 5", true),
            (r#"{"a":-1e400}"#, ".a > 5", false),
            ("\u{feff}{\"a\":1}", ".a == 1", true),
            (r#"{"a":"x\ud800y\ud83d\ude00\\","b":1}"#, ".b == 1", true),
            (r#"{"a":"x\ud800y\ud83d\ude00\\"}"#, ".a == \"x\u{fffd}y\u{1f600}\\\\\"", true),
            (r#"{"a":"\udc00"}"#, ".a ~ ^.$", true),
            (r#"{"a":[1e400,"x"]}"#, ".a[*] == x", true),
            (r#"{"\ud800":0,"b":1}"#, ".b == 1", true),
            (r#"{"\ud800":0,"\u0062":{"\udc00x":1}}"#, ".b[\"\u{fffd}x\"] == 1", true),
            (r#"{"a":1e400,}"#, ".a", false),
            (r#"{"a":1e400"#, ".b != 1", false),
            ("[DONE]", ".b != 1", false),
        ] {
            let query = Query::new().json(test).unwrap();
            assert_eq!(query.data_passes(json), expected, "{test} of {:.40}", json);
        }
    }

    #[test]
    fn integers_are_compared_digit_by_digit() {
        let passes = |test: &str, json: &str| {
            JsonTest::new(test).unwrap().passes(&serde_json::from_str(json).unwrap())
        };
        for (test, json, expected) in [
            (".n == 12345678901234567891", r#"{"n":12345678901234567891}"#, true),
            (".n == 12345678901234567891", r#"{"n":12345678901234567890}"#, false),
            (".n != 12345678901234567891", r#"{"n":12345678901234567890}"#, true),
            (".n > 12345678901234567890", r#"{"n":12345678901234567891}"#, true),
            (".n <= 12345678901234567890", r#"{"n":12345678901234567891}"#, false),
            (".n > -1", r#"{"n":18446744073709551615}"#, true),
            (".n == 9007199254740993", r#"{"n":9007199254740992.0}"#, false),
            (".n > 9007199254740992.0", r#"{"n":9007199254740993}"#, true),
            (".n < 7.5", r#"{"n":7}"#, true),
            (".n > -7.5", r#"{"n":-7}"#, true),
            (".n < -7.5", r#"{"n":-7}"#, false),
            (".n == 7", r#"{"n":7.0}"#, true),
            (".n < 1e300", r#"{"n":18446744073709551615}"#, true),
        ] {
            assert_eq!(passes(test, json), expected, "{test} of {json}");
        }
    }
}
