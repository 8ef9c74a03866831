//! What is typed into the search field, as a query.

use sse_monitor_engine::query::{JsonPathError, Kind, Query, RegexError, Text};
use thiserror::Error;

/// The kinds by their names in the field, which are the ones in the list.
const KINDS: [(&str, Kind); 6] = [
    ("event", Kind::Event),
    ("comment", Kind::Comment),
    ("retry", Kind::ReconnectionTime),
    ("dropped", Kind::DecodeError),
    ("connection", Kind::Turn),
    ("damaged", Kind::Damaged),
];

/// The operators of a test on JSON.
const OPERATORS: [&str; 7] = ["==", "!=", "<", "<=", ">", ">=", "~"];

/// What is typed that cannot be a query, in a sentence.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum SearchError {
    #[error(
        "there is no kind “{0}”: kinds are event, comment, retry, dropped, connection and damaged"
    )]
    Kind(String),
    #[error("“{0}” is no attempt: write a number such as 2, or two such as 2-5")]
    Attempt(String),
    #[error("{0}: wants something after the colon")]
    Value(&'static str),
    #[error("“{0}” compares nothing: write ==, !=, <, <=, >, >= or ~")]
    Operator(String),
    #[error("“{0}” wants something to compare with")]
    Operand(String),
    #[error(transparent)]
    Json(#[from] JsonPathError),
    #[error("“{0}” is not a regular expression: {1}")]
    Regex(String, String),
}

/// Reads words (in capitals or not), `"very texts"`, `/regular expressions/` (with `i` in capitals or
/// not), `type:`, `kind:`, `id:` and `attempt:`, and tests on JSON such as `$.bid > 1.08` and
/// `$.symbol ~ /^eur/i`, each with a `-` before it for what is unwanted. Rows pass that pass all of
/// them. `None` where nothing is asked for.
pub(crate) fn parse(text: &str) -> Result<Option<Query>, SearchError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(None);
    }
    let mut query = Query::new();
    while !rest.is_empty() {
        let unwanted = rest.strip_prefix('-');
        let unwanted = unwanted.filter(|rest| !rest.is_empty() && !rest.starts_with([' ', '-']));
        (query, rest) = match unwanted {
            // A quote that was just begun: every text has what stands in it.
            Some(unwanted) if unwanted.starts_with('"') && word(unwanted).0.is_empty() => {
                (query, word(unwanted).2)
            }
            Some(unwanted) => {
                let (other, rest) = term(Query::new(), unwanted)?;
                (query.excluding(other), rest)
            }
            None => term(query, rest)?,
        };
        rest = rest.trim_start();
    }
    Ok(Some(query))
}

fn term(query: Query, rest: &str) -> Result<(Query, &str), SearchError> {
    if rest.starts_with("$.") || rest.starts_with("$[") || is_test_without_sign(rest) {
        let (test, after) = json_test(rest)?;
        return Ok((query.json(test)?, after));
    }
    if let Some(Pattern { typed, any_case, after }) = pattern(rest) {
        let flags = if any_case { "(?i)" } else { "" };
        let regex = Text::regex(&format!("{flags}{}", typed.replace("\\/", "/")));
        let as_typed = |RegexError { reason, .. }| SearchError::Regex(typed.into(), reason);
        return Ok((query.text(regex.map_err(as_typed)?), after));
    }
    for key in ["type", "kind", "id", "attempt"] {
        let Some(given) = rest.strip_prefix(key).and_then(|rest| rest.strip_prefix(':')) else {
            continue;
        };
        let (value, _, after) = word(given);
        if value.is_empty() {
            return Err(SearchError::Value(key));
        }
        let query = match key {
            "type" => query.event_type(&value),
            "id" => query.id(&value),
            "kind" => query.kind(kind(&value)?),
            _ => query.attempts(attempts(&value)?),
        };
        return Ok((query, after));
    }
    let (value, is_quoted, after) = word(rest);
    Ok((query.text(text(&value, is_quoted)), after))
}

/// Whether it begins with a test on JSON as `sse tail --where` takes it, such as `.bid > 1.08`. Without an operator it
/// is a word.
fn is_test_without_sign(rest: &str) -> bool {
    let is_path = rest.strip_prefix('.').is_some_and(|rest| {
        rest.starts_with(|char: char| char.is_alphabetic() || "_\"[".contains(char))
    });
    is_path && rest[path_length(rest)..].trim_start().starts_with(['=', '!', '<', '>', '~'])
}

fn text(value: &str, is_quoted: bool) -> Text {
    if is_quoted { Text::literal(value) } else { Text::any_case(value) }
}

/// A word, or a text in quotes, of which the last may be missing while one types; and what follows.
fn word(rest: &str) -> (String, bool, &str) {
    let Some(quoted) = rest.strip_prefix('"') else {
        let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        return (word.into(), false, after);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, true, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(char),
        }
    }
    (value, true, "")
}

/// A regular expression as it stands between its slashes, and what follows them.
struct Pattern<'t> {
    typed: &'t str,
    /// Whether it is meant in capitals or not.
    any_case: bool,
    after: &'t str,
}

/// A regular expression between slashes. A path such as `/api/users` is none: after the last slash
/// there is an end. Nor does one that has slashes of its own have white space after them, where
/// another term begins.
fn pattern(rest: &str) -> Option<Pattern<'_>> {
    let inner = rest.strip_prefix('/')?;
    let (mut is_escaped, mut is_path) = (false, false);
    for (at, char) in inner.char_indices() {
        if is_path && char.is_whitespace() {
            return None;
        }
        if char == '/' && !is_escaped && at > 0 {
            is_path = true;
            let after = &inner[at + 1..];
            let (any_case, after) = match after.strip_prefix('i') {
                Some(after) => (true, after),
                None => (false, after),
            };
            if after.is_empty() || after.starts_with(char::is_whitespace) {
                return Some(Pattern { typed: &inner[..at], any_case, after });
            }
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    None
}

fn kind(name: &str) -> Result<Kind, SearchError> {
    let found = KINDS.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or_else(|| SearchError::Kind(name.into()))
}

fn attempts(given: &str) -> Result<core::ops::RangeInclusive<u32>, SearchError> {
    let (first, last) = given.split_once('-').unwrap_or((given, given));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => Ok(first..=last),
        _ => Err(SearchError::Attempt(given.into())),
    }
}

/// A test on JSON at the beginning of `rest`, and what follows it.
fn json_test(rest: &str) -> Result<(&str, &str), SearchError> {
    let path = path_length(rest);
    let after_path = rest[path..].trim_start();
    let is_operator = |char| "=!<>~".contains(char);
    let length = after_path.find(|char| !is_operator(char)).unwrap_or(after_path.len());
    let (operator, after) = after_path.split_at(length);
    if operator.is_empty() {
        return Ok(rest.split_at(path));
    }
    if !OPERATORS.contains(&operator) {
        return Err(SearchError::Operator(operator.into()));
    }
    let operand = after.trim_start();
    if operator == "~"
        && let Some(Pattern { after, .. }) = pattern(operand)
    {
        return Ok((&rest[..rest.len() - after.len()], after));
    }
    let (_, _, after) = word(operand);
    let test = &rest[..rest.len() - after.len()];
    if operand.is_empty() {
        return Err(SearchError::Operand(test.trim_end().into()));
    }
    Ok((test, after))
}

/// Where a path ends: at white space or an operator outside of quotes.
fn path_length(text: &str) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let ends = |char: char| {
        let ends = !is_quoted && (char.is_whitespace() || "=!<>~".contains(char));
        is_quoted ^= char == '"' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        ends
    };
    text.find(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use sse_monitor_engine::{Row, RowKind};

    use super::*;

    #[test]
    fn rows_pass_as_the_field_says() {
        let row = |data: &str| Row {
            number: 1,
            attempt: 3,
            event_type: "price".into(),
            id: "7".into(),
            data: data.into(),
            ..Row::default()
        };
        let json = row(r#"{"symbol":"EURUSD","bid":1.09,"side":"buy now","path":"/api/users"}"#);
        for (text, passes) in [
            ("eur", true),
            ("eur bid", true),
            ("eur gbp", false),
            (r#""EUR""#, true),
            (r#""eur""#, false),
            (r#""buy now""#, true),
            (r#""buy no"#, true),
            ("-gbp eur", true),
            ("-eur", false),
            ("/EUR.SD/", true),
            ("/eur.sd/", false),
            ("/eur.sd/i", true),
            (r"/\/api\/users/", true),
            ("/buy now/ -sell", true),
            ("/api/users", true),
            ("/nothing/here", false),
            ("type:price", true),
            ("type:order", false),
            ("type:order type:price", true),
            (r#"type:"price" eur"#, true),
            ("kind:event", true),
            ("kind:comment", false),
            ("id:7", true),
            ("attempt:3", true),
            ("attempt:1-2", false),
            ("$.bid > 1.08", true),
            ("$.bid>1.1", false),
            ("$.bid", true),
            ("$.ask", false),
            (r#"$.side == "buy now" eur"#, true),
            ("$.symbol == EURUSD -gbp", true),
            (r#"$["side"] ~ "^buy""#, true),
            (".symbol ~ /^eur/", false),
            (".symbol ~ /^eur/i -gbp", true),
            (".side~/buy now/", true),
            (r".path ~ /^\/api\//", true),
            (".path ~ /api/users", true),
            (".path ~ /api/users /EUR/", true),
            (".path ~ /api/users /error/", false),
            (".path ~ /api/users/", true),
            (".path ~ /api/nobody /error/", false),
            ("/api/users /EUR/", true),
            ("/api/users /error/", false),
            ("/api/users/ EUR", true),
            (r#".path ~ "/api/""#, true),
            ("$1.08", false),
            (".bid > 1.08", true),
            (".bid>1.1", false),
            (".symbol == EURUSD -gbp", true),
            (".bid", false),
            ("-type:order", true),
            ("-type:price", false),
            ("-type:order -type:price", false),
            (r#"-type:"price""#, false),
            ("-kind:comment", true),
            ("-kind:event", false),
            ("-id:5", true),
            ("-id:7", false),
            ("-attempt:1-2 eur", true),
            ("-attempt:3", false),
            ("-/EUR/", false),
            ("-/eur/", true),
            ("-/eur/i", false),
            ("-$.bid > 1.08", false),
            ("-$.bid > 1.1 eur", true),
            ("-.ask", true),
            ("-.bid > 1.08", false),
            (r#"-"EUR""#, false),
            (r#"-""#, true),
            (r#"-"" -type:order"#, true),
            ("-", false),
            ("--", false),
        ] {
            let query = parse(text).unwrap().unwrap();
            assert_eq!(query.passes(&json), passes, "{text}");
        }
        let comment = Row { kind: RowKind::Comment, ..row("beat") };
        let damaged = Row { kind: RowKind::Damaged, ..row("row 1 is damaged") };
        assert!(parse("kind:damaged").unwrap().unwrap().passes(&damaged));
        assert!(!parse("-kind:damaged").unwrap().unwrap().passes(&damaged));
        assert!(parse("kind:comment BEAT").unwrap().unwrap().passes(&comment));
        assert!(parse("  ").unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_told_in_a_sentence() {
        for (text, word) in [
            ("kind:event kind:ping", "ping"),
            ("attempt:x", "attempt"),
            ("type:", "type"),
            ("-type:", "type"),
            ("-kind:ping", "ping"),
            (".bid = 1", "=="),
            ("$.bid = 1", "=="),
            ("$.bid >", "compare with"),
            ("$.bid >> 1", ">>"),
            ("$.a..b == 1", "path"),
            ("$.bid > true", "order"),
            ("/(/", "regular expression"),
            (".bid ~ /(/", "regular expression"),
            ("/a(/i", "“a(”"),
            (r"/\/(/", r"“\/(”"),
            (".bid ~ /a(/i", "“a(”"),
            ("kind:ping", "damaged"),
        ] {
            let sentence = parse(text).unwrap_err().to_string();
            assert!(sentence.contains(word) && !sentence.contains('\n'), "{text}: {sentence}");
        }
    }
}
