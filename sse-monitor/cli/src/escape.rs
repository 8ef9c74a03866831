//! Text of strangers, made fit for a terminal.

use alloc::borrow::Cow;

/// Whether a terminal could act on this character, or show the text around it in another order.
///
/// Control characters (C0, DEL, C1), and the marks that change the direction of text or break lines.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A piece of a stranger's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// May be shown as it is.
    Plain(&'a str),
    /// A line break.
    LineBreak,
    /// Any other character that may not be shown as it is.
    Unsafe(char),
}

impl Part<'_> {
    /// The piece, or what stands for it: `⏎` for a line break, `\t` for a tab, `\u{1b}` and the like
    /// for the rest.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self {
            Part::Plain(text) => Cow::Borrowed(text),
            Part::LineBreak => Cow::Borrowed("⏎"),
            Part::Unsafe('\t') => Cow::Borrowed("\\t"),
            Part::Unsafe('\r') => Cow::Borrowed("\\r"),
            Part::Unsafe('\0') => Cow::Borrowed("\\0"),
            Part::Unsafe(c) => Cow::Owned(c.escape_unicode().to_string()),
        }
    }
}

/// Cuts a text into what may be shown as it is, and what may not.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (part, length) = if first == '\n' {
            (Part::LineBreak, 1)
        } else if is_unsafe(first) {
            (Part::Unsafe(first), first.len_utf8())
        } else {
            let plain = rest.find(is_unsafe).map_or(rest, |end| &rest[..end]);
            (Part::Plain(plain), plain.len())
        };
        rest = &rest[length..];
        Some(part)
    })
}

/// The text with its stand-ins.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    parts(text).for_each(|part| out.push_str(&part.shown()));
    Cow::Owned(out)
}

/// JSON whose strings hold nothing that a terminal could act on: what [`serde_json`] leaves as it is
/// becomes `\u009b` and the like, which every reader of JSON takes for the same text.
pub(crate) fn json(json: String) -> String {
    // Outside its strings compact JSON is ASCII without control characters.
    if !json.contains(is_unsafe) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_unsafe(c) { escaped(c, &mut out) } else { out.push(c) }
    }
    out
}

/// Appends a text as a JSON string that holds nothing that a terminal could act on.
pub(crate) fn json_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, after) = rest.split_at(plain_bytes(rest.as_bytes()));
        out.push_str(plain);
        let Some(c) = after.chars().next() else { break };
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if is_unsafe(c) => escaped(c, out),
            c => out.push(c),
        }
        rest = &after[c.len_utf8()..];
    }
    out.push('"');
}

fn escaped(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

/// How many bytes at the beginning stand for themselves in JSON and in a terminal: ASCII but control
/// characters, quotes and backslashes. Eight at a time.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that is found is one in truth; those above it may be found by its borrow.
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let delete = zero(word ^ (ONES * 0x7f));
        let found = (below_space | quote | backslash | delete | word) & TOPS;
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\');
    words.len() * 8 + tail.iter().take_while(|byte| is_plain(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_passes() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_unsafe(c)) {
            let text = format!("a{c}b");
            assert!(!shown(&text).contains(is_unsafe), "{c:?}");
            let line = json(serde_json::to_string(&text).unwrap());
            assert!(!line.contains(is_unsafe), "{c:?}");
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }

    #[test]
    fn a_json_string_is_what_a_library_writes_but_for_what_a_terminal_acts_on() {
        let mut texts: Vec<_> = (0..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|&c| (c as u32) < 0x3000 || (c as u32).is_multiple_of(997))
            .map(|c| format!("seven b{c}after it{c}"))
            .collect();
        texts.extend(["".into(), "\"".repeat(17), "\\".into(), "12345678\u{7f}".into()]);
        for text in texts {
            let mut out = String::new();
            json_string(&text, &mut out);
            assert_eq!(out, json(serde_json::to_string(&text).unwrap()));
        }
    }

    #[test]
    fn stand_ins_can_be_read() {
        assert_eq!(
            shown("a\nb\tc\r\0 \u{1b}[31m \u{9b} \u{202e}"),
            "a⏎b\\tc\\r\\0 \\u{1b}[31m \\u{9b} \\u{202e}"
        );
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "Grüße, 世界 👩‍👩‍👧 {\"a\":1}";
        assert!(matches!(shown(text), Cow::Borrowed(same) if same == text));
        let line = serde_json::to_string(text).unwrap();
        assert_eq!(json(line.clone()), line);
    }
}
