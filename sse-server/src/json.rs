//! JSON bodies, and what is wrong with one in words.

use core::fmt;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::error::Category;

use crate::respond::Refusal;

/// Reads a body that must be a JSON object such as the example.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    example: &str,
) -> Result<T, Refusal> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    // A list would be taken for an object's values in their order.
    let is_object = first == Some(&b'{');
    let read = if is_object { serde_json::from_slice(body).map(Some) } else { parse_any(body) };
    match read {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Refusal::bad_request(format_args!(
            "the body is JSON but no object; send one, such as {example}"
        ))),
        Err(_) if first.is_none() => Err(Refusal::bad_request(format_args!(
            "the body is empty; send a JSON object, such as {example}"
        ))),
        Err(error) => Err(Refusal::bad_request(Fault(&error))),
    }
}

fn parse_any<T>(body: &[u8]) -> serde_json::Result<Option<T>> {
    serde_json::from_slice::<IgnoredAny>(body).map(|_| None)
}

/// A parser's error for people: where, what, and what to do.
struct Fault<'a>(&'a serde_json::Error);

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        let place = format!(" at line {line} column {column}");
        let what = said.strip_suffix(&place).unwrap_or(&said);
        match error.classify() {
            Category::Data => {
                let what = what.replace('`', "\"").replace("a sequence", "an array");
                write!(f, "the JSON does not fit at line {line}, column {column}: {what}")
            }
            Category::Eof => {
                write!(f, "the JSON is cut off at line {line}, column {column}; send all of it")
            }
            Category::Syntax | Category::Io => {
                write!(
                    f,
                    "the body is not JSON: at line {line}, column {column}, {what}; \
                     have a JSON library write it"
                )
            }
        }
    }
}

/// JSON without the white space between its tokens; numbers and the order of keys stay as sent.
pub(crate) fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|&c| {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            return true;
        }
        in_string = c == '"';
        !matches!(c, ' ' | '\t' | '\n' | '\r')
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_loses_its_white_space_and_nothing_else() {
        let cases = [
            (r#"{ "b": 1.50, "a" : [ 1 , 2 ] }"#, r#"{"b":1.50,"a":[1,2]}"#),
            (r#"" a \" b ""#, r#"" a \" b ""#),
            (r#"[" \\", " x "]"#, r#"[" \\"," x "]"#),
            (" 12345678901234567890123 ", "12345678901234567890123"),
            ("[\r\n\t]", "[]"),
        ];
        for (json, expected) in cases {
            assert_eq!(compact(json), expected);
        }
    }
}
