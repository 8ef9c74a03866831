//! What a server says about a status that is no stream, out of the beginning of the response's body.

use alloc::borrow::Cow;
/// As much as is told; the beginning is what counts.
const LONGEST: usize = 500;

/// The fields that explain, the one that says most first.
const EXPLAINING: [&str; 6] =
    ["message", "detail", "error_description", "error", "title", "reason"];

/// How deep an explanation may lie: `{"error": {"message": …}}`.
const DEPTH: u8 = 3;

/// The server's words on one line, harmless to show; `None` where the body has none for people. The
/// body may be cut anywhere.
pub(crate) fn words(body: &str) -> Option<String> {
    let text = body.trim_start_matches('\u{feff}').trim();
    if text.starts_with('{') {
        let told = Scanner(text).explanation(DEPTH);
        return one_line(told.as_ref().map_or(text, |(_, told)| told));
    }
    // A web page, or what is no text at all.
    let is_text = !text.starts_with('<') && !text.contains(['\0', char::REPLACEMENT_CHARACTER]);
    if is_text { one_line(text) } else { None }
}

/// Without line breaks, control characters and marks that turn the direction of text, cut, and
/// without a full stop, since a sentence goes on after it.
fn one_line(text: &str) -> Option<String> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() > LONGEST {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        // A word may be as long as the body.
        line.extend(word.chars().take(LONGEST + 1).map(harmless));
    }
    if line.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| line.is_char_boundary(at)).unwrap_or_default();
        line.truncate(end);
        line.push('…');
    } else {
        line.truncate(line.trim_end_matches('.').len());
    }
    (!line.is_empty()).then_some(line)
}

fn harmless(c: char) -> char {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    if turns || c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}

/// Reads only as much JSON as it takes to find a string: no number is looked at, and what is not JSON
/// or ends too early has none.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    /// The best of an object's explanations, with its place in [`EXPLAINING`].
    fn explanation(&mut self, depth: u8) -> Option<(usize, Cow<'a, str>)> {
        self.take('{')?;
        let mut best: Option<(usize, Cow<'a, str>)> = None;
        // What cannot be read on ends the search, and what was found before it counts.
        while let Some(key) = self.string() {
            if self.take(':').is_none() {
                break;
            }
            let rank = EXPLAINING.iter().position(|name| *name == key);
            let told = match (rank, self.peek()) {
                (Some(rank), Some('"')) => self.string().map(|told| (rank, told)),
                (Some(rank), Some('{')) if depth > 0 => {
                    let mut inner = Scanner(self.0);
                    let told = inner.explanation(depth - 1).map(|(_, told)| (rank, told));
                    self.skip();
                    told
                }
                _ => {
                    self.skip();
                    None
                }
            };
            best = match (best, told.filter(|(_, told)| !told.trim().is_empty())) {
                (Some(best), Some(told)) => Some(if told.0 < best.0 { told } else { best }),
                (best, told) => best.or(told),
            };
            if self.take(',').is_none() {
                break;
            }
        }
        best
    }

    fn peek(&mut self) -> Option<char> {
        self.0 = self.0.trim_start();
        self.0.chars().next()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        (self.peek()? == wanted).then(|| self.0 = &self.0[wanted.len_utf8()..])
    }

    /// A string without its quotes; one that the body's end cuts has its beginning.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take('"')?;
        let text = self.0;
        let mut is_escaped = false;
        let end = text.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let inner = &text[..end.unwrap_or(text.len())];
        self.0 = end.map_or("", |end| &text[end + 1..]);
        Some(if inner.contains('\\') { unescaped(inner).into() } else { inner.into() })
    }

    /// Passes over one value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                '"' => {
                    self.string();
                }
                '{' | '[' => {
                    depth += 1;
                    self.0 = &self.0[1..];
                }
                '}' | ']' | ',' if depth == 0 => return,
                _ => {
                    depth -= usize::from(matches!(next, '}' | ']'));
                    self.0 = &self.0[next.len_utf8()..];
                }
            }
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escaped = &rest[at + 1..];
        let Some(first) = escaped.chars().next() else { return out };
        rest = &escaped[first.len_utf8()..];
        match first {
            'n' | 'r' | 't' | 'b' | 'f' => out.push(' '),
            'u' => {
                let (c, after) = code_point(rest);
                out.push(c);
                rest = after;
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

/// Reads `XXXX`, or `XXXX\uXXXX` where two of them are one character; and gives what follows.
fn code_point(text: &str) -> (char, &str) {
    let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
    let Some(first) = unit(text) else { return (char::REPLACEMENT_CHARACTER, text) };
    let after = &text[4..];
    let second = after.strip_prefix("\\u").and_then(unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match pair.filter(|c| c.len_utf16() == 2) {
        Some(c) => (c, &after[6..]),
        None => (char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER), after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_its_explanation() {
        for (body, said) in [
            (r#"{"error":"no such topic"}"#, "no such topic"),
            (
                r#"{"error":"Bad Request","statusCode":400,"message":"topic is missing."}"#,
                "topic is missing",
            ),
            (r#"{"error":{"code":[1,"}"],"message":"Wrong key"},"a":1}"#, "Wrong key"),
            (
                r#" { "type" : "about:blank", "detail": "no scope \"read\"" } "#,
                r#"no scope "read""#,
            ),
            (
                r#"{"message":"a\u00e9\ud83d\ude00\u0041\ud800b\nc\u00"}"#,
                "aé😀A\u{fffd}b c\u{fffd}00",
            ),
            (r#"{"error":"","detail":[{"msg":"x"}]}"#, r#"{"error":"","detail":[{"msg":"x"}]}"#),
            // Cut where the driver stopped reading.
            (r#"{"error":"it goes on and"#, "it goes on and"),
            (r#"{"error":"all of it","trace":["at"#, "all of it"),
            ("[1,2]", "[1,2]"),
        ] {
            assert_eq!(words(body).as_deref(), Some(said), "{body}");
        }
    }

    #[test]
    fn text_is_told_as_it_is_and_a_web_page_not_at_all() {
        let text = "  Too many\r\n  streams.\n";
        assert_eq!(words(text).as_deref(), Some("Too many streams"));
        for body in ["<h1>no</h1>", "\u{fffd}PNG", "a\0b", " \n", ""] {
            assert_eq!(words(body), None, "{body}");
        }
    }

    #[test]
    fn what_is_told_is_short_and_harmless() {
        let said = words("\u{1b}[31mred\u{202e}").unwrap();
        assert_eq!(said, "\u{fffd}[31mred\u{fffd}");
        for body in ["é".repeat(4_000), "né ".repeat(4_000)] {
            let said = words(&body).unwrap();
            assert!(said.ends_with('…') && said.len() <= LONGEST + "…".len(), "{}", said.len());
        }
    }

    #[test]
    fn a_body_may_be_cut_anywhere() {
        let body = r#"{"a":[{"b":"\\\"}"}],"error":{"message":"x\ud83d\ude00"},"c":1e5}"#;
        for end in 0..body.len() {
            let said = words(&body[..end]);
            assert_eq!(said.is_none(), end == 0, "{end}");
        }
        assert_eq!(words(body).as_deref(), Some("x😀"));
    }
}
