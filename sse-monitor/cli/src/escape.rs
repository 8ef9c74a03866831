//! Text of strangers, made fit for a terminal.

use alloc::borrow::Cow;
use std::io::{self, Write};

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

/// Text of strangers on its way out, with stand-ins for what a terminal could act on. Line breaks stay.
///
/// What is not UTF-8 becomes U+FFFD, as it does wherever the text of a stream is read.
#[derive(Debug)]
pub(crate) struct Escaped<W> {
    out: W,
    form: StandIns,
    /// The beginning of a character that was cut.
    cut: Vec<u8>,
    has_replaced: bool,
}

/// What stands for a character that may not be shown as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIns {
    /// What people read: see [`Part::shown`].
    Words,
    /// What every reader of JSON takes for the same character, within a string.
    Json,
}

impl<W: Write> Escaped<W> {
    pub(crate) const fn new(out: W, form: StandIns) -> Self {
        Self { out, form, cut: Vec::new(), has_replaced: false }
    }

    /// Writes what is left, and says whether anything of it is not as it was.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        if !self.cut.is_empty() {
            self.has_replaced = true;
            self.out.write_all("\u{fffd}".as_bytes())?;
        }
        self.out.flush()?;
        Ok(self.has_replaced)
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if !text.contains(is_unsafe) {
            return self.out.write_all(text.as_bytes());
        }
        let mut out = String::with_capacity(text.len() + 16);
        for part in parts(text) {
            match (&part, self.form) {
                (Part::LineBreak, _) => out.push('\n'),
                (Part::Unsafe(c), StandIns::Json) => escaped(*c, &mut out),
                (Part::Plain(_) | Part::Unsafe(_), _) => out.push_str(&part.shown()),
            }
            self.has_replaced |= matches!(part, Part::Unsafe(_));
        }
        self.out.write_all(out.as_bytes())
    }
}

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut whole = core::mem::take(&mut self.cut);
        whole.extend_from_slice(bytes);
        let mut rest = &whole[..];
        while let Err(error) = core::str::from_utf8(rest) {
            let (valid, after) = rest.split_at(error.valid_up_to());
            self.text(core::str::from_utf8(valid).unwrap_or_default())?;
            let Some(length) = error.error_len() else {
                self.cut = after.to_vec();
                return Ok(bytes.len());
            };
            self.text("\u{fffd}")?;
            self.has_replaced = true;
            rest = &after[length..];
        }
        self.text(core::str::from_utf8(rest).unwrap_or_default())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
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
    fn what_is_written_through_is_the_same_however_it_is_cut() {
        let text = "a\u{1b}[31m\n\u{9b}é 世\u{202e}\t\r\n";
        let bytes = [text.as_bytes(), b"\xff\xe4\xb8|\xe4\xb8"].concat();
        let words = "a\\u{1b}[31m\n\\u{9b}é 世\\u{202e}\\t\\r\n\u{fffd}\u{fffd}|\u{fffd}";
        let json = "a\\u001b[31m\n\\u009bé 世\\u202e\\u0009\\u000d\n\u{fffd}\u{fffd}|\u{fffd}";
        for (form, expected) in [(StandIns::Words, words), (StandIns::Json, json)] {
            for size in 1..=bytes.len() {
                let mut out = Vec::new();
                let mut escaped = Escaped::new(&mut out, form);
                bytes.chunks(size).for_each(|chunk| escaped.write_all(chunk).unwrap());
                assert!(escaped.finish().unwrap());
                assert_eq!(String::from_utf8(out).unwrap(), expected, "cut each {size}");
            }
        }
        let mut out = Vec::new();
        let mut escaped = Escaped::new(&mut out, StandIns::Words);
        escaped.write_all("Grüße\n世界".as_bytes()).unwrap();
        assert!(!escaped.finish().unwrap(), "it is as it was");
        assert_eq!(out, "Grüße\n世界".as_bytes());
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
