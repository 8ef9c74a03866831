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
        if is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
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
