//! Tests on what stands in JSON.

use alloc::borrow::Cow;
use core::cmp::Ordering;

use regex::Regex;
use serde_json::{Number, Value, value::RawValue};

use super::{
    RegexError, compiled,
    json_path::{JsonPath, JsonPathError, refused, text, value},
    text::Needle,
};

/// A test on JSON data, such as `.delta.type == "text"`, `.usage.total > 100`, `.name ~ "^a"`; a path
/// alone asks whether there is such a thing.
#[derive(Clone, Debug)]
pub struct JsonTest {
    path: JsonPath,
    test: Test,
    /// What is compared with, if that is an integer that is none in 64 bits.
    integer: Option<String>,
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
        let value = match serde_json::from_str::<&RawValue>(operand) {
            Ok(json) => value(json.get()),
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
            "==" => Test::Equals(value.clone()),
            "!=" => Test::Differs(value.clone()),
            "<" => ordered(&[Ordering::Less])?,
            ">" => ordered(&[Ordering::Greater])?,
            "<=" => ordered(&[Ordering::Less, Ordering::Equal])?,
            ">=" => ordered(&[Ordering::Greater, Ordering::Equal])?,
            _ => Test::Matches(regex(value.as_str().unwrap_or(operand), false)?),
        };
        let is_exact = value.is_u64() || value.as_i64().is_some_and(|integer| integer > i64::MIN);
        // With a zero before them digits are no number, and with a minus 0 is still 0.
        let is_digits = is_integer(operand) && value.is_number() && operand != "-0";
        let integer = (is_digits && !is_exact).then(|| operand.to_owned());
        Ok(Self { integer, ..Self::of(path, test) })
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
        Self { path, test, integer: None, needle }
    }

    /// What a row's bytes must hold for it to pass, if there is such a thing.
    pub(super) const fn needle(&self) -> Option<&Needle> {
        self.needle.as_ref()
    }

    /// Whether any value that the path leads to passes. With `!=`, whether all do, none included. Numbers are those
    /// that a [`Value`] has of them: of integers beyond 64 bits that is not each digit.
    pub fn passes(&self, value: &Value) -> bool {
        let found = self.path.select(value).into_iter();
        self.passes_of(found.map(|value| Found { value: Cow::Borrowed(value), json: None }))
    }

    /// As [`passes`](Self::passes), of a text of JSON, by its numbers as they are written.
    pub(super) fn passes_in(&self, json: &str) -> bool {
        let found = self.path.written(json).into_iter();
        self.passes_of(found.map(|json| Found { value: Cow::Owned(value(json)), json: Some(json) }))
    }

    /// Whether a [`Value`] does not tell all that is asked for.
    pub(super) const fn wants_text(&self) -> bool {
        self.integer.is_some() || matches!(self.test, Test::Matches(_))
    }

    fn passes_of<'a>(&self, mut found: impl Iterator<Item = Found<'a>>) -> bool {
        match &self.test {
            Test::Exists => found.next().is_some(),
            Test::Equals(wanted) => found.any(|found| self.equals(&found, wanted)),
            Test::Differs(unwanted) => !found.any(|found| self.equals(&found, unwanted)),
            Test::Order(orders, bound) => found.any(|found| {
                self.compare(&found, bound).is_some_and(|ordering| orders.contains(&ordering))
            }),
            Test::Matches(regex) => {
                found.any(|Found { value, json }| match (value.as_str(), json) {
                    (Some(text), _) => regex.is_match(text),
                    (None, Some(json)) => regex.is_match(&text(json)),
                    (None, None) => regex.is_match(&value.to_string()),
                })
            }
        }
    }

    /// 1 and 1.0 are the same number.
    fn equals(&self, found: &Found<'_>, other: &Value) -> bool {
        let is_number = found.value.is_number() && other.is_number();
        if is_number {
            self.compare(found, other) == Some(Ordering::Equal)
        } else {
            *found.value == *other
        }
    }

    fn compare(&self, found: &Found<'_>, other: &Value) -> Option<Ordering> {
        match (found.json.filter(|json| is_integer(json)), &self.integer) {
            (Some(found), Some(other)) => Some(compare_integers(found, other)),
            _ => compare(&found.value, other),
        }
    }
}

/// What a path leads to.
struct Found<'a> {
    value: Cow<'a, Value>,
    /// As it is written, where that is at hand.
    json: Option<&'a str>,
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

fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Of two integers as JSON writes them: without zeros before them.
fn compare_integers(a: &str, b: &str) -> Ordering {
    let by_size = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => by_size(a, b),
        (Some(a), Some(b)) => by_size(b, a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
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
    fn what_is_no_test_is_told_in_words() {
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
    fn an_expression_sees_what_the_strings_of_a_list_and_of_an_object_say() {
        let json = r#"{"tags":["Z\u00fcrich", 1.10],"obj":{"\u00e9":"a\/b \"\\", "n":"\n"}}"#;
        for (test, expected) in [
            (".tags ~ Zürich", true),
            (r#".tags ~ ^\["Zürich",1\.10\]$"#, true),
            (".tags ~ u00fc", false),
            (".obj ~ é", true),
            (".obj ~ a/b", true),
            (r#".obj ~ ^\{"é":"a/b \\"\\\\","n":"\\n"\}$"#, true),
            (". ~ Zürich.*é", true),
        ] {
            let query = Query::new().json(test).unwrap();
            assert_eq!(query.data_passes(json), expected, "{test}");
        }
    }

    #[test]
    fn a_number_is_compared_with_numbers_alone() {
        let long = format!("1{}", "0".repeat(400));
        for (test, n, expected) in [
            (".n < 007", "5", false),
            (".n > 00", "5", false),
            (".n == 007", "7", false),
            (".n != 007", "7", true),
            (".n < 007", "\"005\"", true),
            (".n > \"4\"", "5", false),
            (".n < 5", "\"4\"", false),
            (".n == -0", "0", true),
            (".n == -0", "-0", true),
            (".n <= -0", "0", true),
            (".n < -0", "0", false),
            (".n >= -0", "123456789012345678901", true),
            (".n == 0", "-0", true),
            (&format!(".n > {long}"), "5", false),
            (&format!(".n < {long}"), "5", true),
            (&format!(".n < {long}"), "\"0\"", false),
            (&format!(".n == {long}"), &long, true),
            (&format!(".n < {long}"), &long, false),
        ] {
            let query = Query::new().json(test).unwrap();
            let json = format!("{{\"n\":{n}}}");
            assert_eq!(query.data_passes(&json), expected, "{test:.40} of {json:.40}");
        }
    }

    #[test]
    fn integers_of_any_length_are_compared_digit_by_digit() {
        for (test, json, expected) in [
            (".n == 123456789012345678901", r#"{"n":123456789012345678901}"#, true),
            (".n == 123456789012345678901", r#"{"n":123456789012345678900}"#, false),
            (".n != 123456789012345678901", r#"{"n":123456789012345678900}"#, true),
            (".n > 123456789012345678900", r#"{"n":123456789012345678901}"#, true),
            (".n <= 123456789012345678900", r#"{"n":123456789012345678901}"#, false),
            (".n < 123456789012345678901", r#"{"n":99}"#, true),
            (".n > -123456789012345678901", r#"{"n":-123456789012345678900}"#, true),
            (".n > -123456789012345678901", r#"{"n":-0}"#, true),
            (".n < -123456789012345678901", r#"{"n":-1234567890123456789012}"#, true),
            (".n == -9223372036854775808", r#"{"n":-9223372036854775809}"#, false),
            (".n >= 18446744073709551616", r#"{"n":18446744073709551615}"#, false),
            (".n < 123456789012345678901", r#"{"n":1e30}"#, false),
            (".n[*] == 123456789012345678901", r#"{"n":["1",123456789012345678901]}"#, true),
            (r".n ~ ^1\.10$", r#"{"n":1.10}"#, true),
            (".n ~ ^123456789012345678901$", r#"{"n":123456789012345678901}"#, true),
            (".n < 1e400", r#"{"n":1}"#, true),
        ] {
            let query = Query::new().json(test).unwrap();
            assert_eq!(query.data_passes(json), expected, "{test} of {json}");
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
