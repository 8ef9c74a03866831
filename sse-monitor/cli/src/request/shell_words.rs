//! A command line as a POSIX shell cuts it into words, with bash's `$'…'`.

/// Why a text is no single command; a sentence.
type Refusal = String;

/// Cuts a text into words: quotes, backslashes, line ends after a backslash, comments, variables.
///
/// A variable's value is never cut into words. What else a shell would do (pipes, redirections,
/// substitutions) is refused, since it cannot be done here.
pub(crate) fn split(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, Refusal> {
    let mut reader = Reader { text, rest: text, variable: &variable };
    let mut words = Vec::new();
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return Ok(words);
        }
        words.push(reader.word()?);
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let after = self.rest.strip_prefix(prefix);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// A backslash at a line's end joins the line to the next one.
    fn take_joined_line(&mut self) -> bool {
        self.take("\\\n") || self.take("\\\r\n")
    }

    /// Where the reading is, for a sentence; counted from 1.
    fn at(&self) -> usize {
        self.text[..self.text.len() - self.rest.len()].chars().count() + 1
    }

    /// What stands between words. A bare line end does too: it is how a pasted text comes whose
    /// backslashes got lost.
    fn skip_blank(&mut self) {
        loop {
            if self.rest.starts_with(char::is_whitespace) {
                self.rest = self.rest.trim_start();
            } else if self.rest.starts_with('#') {
                self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
            } else if !self.take_joined_line() {
                return;
            }
        }
    }

    fn word(&mut self) -> Result<String, Refusal> {
        let mut word = Vec::new();
        let begins = self.at();
        loop {
            if self.take_joined_line() {
                continue;
            }
            match self.rest.chars().next() {
                None => break,
                Some(c) if c.is_whitespace() => break,
                Some('\'') => self.single_quoted(&mut word)?,
                Some('"') => self.double_quoted(&mut word)?,
                Some('$') => self.dollar(&mut word, false)?,
                Some('\\') => {
                    self.next();
                    let escaped = self.next().unwrap_or('\\');
                    push(&mut word, escaped);
                }
                Some(c @ ('|' | '&' | ';' | '<' | '>' | '(' | ')' | '`')) => {
                    return Err(format!(
                        "the {c} at character {} is for a shell, and no part of one command: leave it \
                         and what follows out, or put it in quotes",
                        self.at()
                    ));
                }
                Some(c) => {
                    self.next();
                    push(&mut word, c);
                }
            }
        }
        if word.contains(&0) {
            return Err(format!("the word at character {begins} has a NUL, which none can have"));
        }
        String::from_utf8(word)
            .map_err(|_| format!("the word at character {begins} is not UTF-8, and must be here"))
    }

    fn unclosed(&self, quote: &str, begins: usize) -> Refusal {
        format!("the quote {quote} at character {begins} is never closed: paste the whole command")
    }

    fn single_quoted(&mut self, word: &mut Vec<u8>) -> Result<(), Refusal> {
        let begins = self.at();
        self.next();
        let (quoted, rest) =
            self.rest.split_once('\'').ok_or_else(|| self.unclosed("'", begins))?;
        word.extend_from_slice(quoted.as_bytes());
        self.rest = rest;
        Ok(())
    }

    fn double_quoted(&mut self, word: &mut Vec<u8>) -> Result<(), Refusal> {
        let begins = self.at();
        self.next();
        loop {
            if self.take_joined_line() {
                continue;
            }
            match self.rest.chars().next() {
                None => return Err(self.unclosed("\"", begins)),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('$') => self.dollar(word, true)?,
                Some('`') => return Err(self.substitution()),
                Some('\\') => {
                    self.next();
                    if !self.rest.starts_with(['$', '`', '"', '\\']) {
                        word.push(b'\\');
                        continue;
                    }
                    if let Some(c) = self.next() {
                        push(word, c);
                    }
                }
                Some(c) => {
                    self.next();
                    push(word, c);
                }
            }
        }
    }

    fn substitution(&self) -> Refusal {
        format!(
            "at character {} a shell would run another command and put in what it prints: put it in \
             yourself",
            self.at()
        )
    }

    fn dollar(&mut self, word: &mut Vec<u8>, quoted: bool) -> Result<(), Refusal> {
        let begins = self.at();
        if self.rest.starts_with("$(") {
            return Err(self.substitution());
        }
        self.next();
        if !quoted && self.rest.starts_with('\'') {
            return self.ansi_quoted(word, begins);
        }
        if !quoted && self.rest.starts_with('"') {
            return self.double_quoted(word);
        }
        if let Some(special) = self.rest.chars().next()
            && (special.is_ascii_digit() || "@*#?$!-".contains(special))
        {
            return Err(format!(
                "the ${special} at character {begins} is a shell's own: put its value in yourself, or a \
                 backslash before the $"
            ));
        }
        let is_braced = self.take("{");
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_of_name(c)).unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_name || (is_braced && !after.starts_with('}')) {
            if is_braced {
                return Err(format!(
                    "the ${{ at character {begins} is more than a variable's name: put its value in \
                     yourself"
                ));
            }
            // A dollar alone is a dollar.
            word.push(b'$');
            return Ok(());
        }
        let value = (self.variable)(name).ok_or_else(|| {
            format!("the variable {name} of the command is not set in the environment")
        })?;
        word.extend_from_slice(value.as_bytes());
        self.rest = if is_braced { &after[1..] } else { after };
        Ok(())
    }

    /// `$'…'`, as browsers write what has line ends or quotes in it.
    fn ansi_quoted(&mut self, word: &mut Vec<u8>, begins: usize) -> Result<(), Refusal> {
        self.next();
        loop {
            match self.next() {
                None => return Err(self.unclosed("$'", begins)),
                Some('\'') => return Ok(()),
                Some('\\') => self.ansi_escape(word, begins)?,
                Some(c) => push(word, c),
            }
        }
    }

    fn ansi_escape(&mut self, word: &mut Vec<u8>, begins: usize) -> Result<(), Refusal> {
        let c = self.next().ok_or_else(|| self.unclosed("$'", begins))?;
        match c {
            'a' => word.push(7),
            'b' => word.push(8),
            'e' | 'E' => word.push(0x1b),
            'f' => word.push(0xc),
            'n' => word.push(b'\n'),
            'r' => word.push(b'\r'),
            't' => word.push(b'\t'),
            'v' => word.push(0xb),
            '\\' | '\'' | '"' | '?' => push(word, c),
            'c' => word.push(self.next().map_or(0, |c| c as u32 as u8 & 0x1f)),
            'x' => match self.number(2, 16) {
                Some(byte) => word.push(byte as u8),
                None => word.extend_from_slice(b"\\x"),
            },
            'u' | 'U' => {
                let code = self.number(if c == 'u' { 4 } else { 8 }, 16);
                let code = code.map(|code| self.with_low_surrogate(code));
                match code.map(char::from_u32) {
                    Some(Some(c)) => push(word, c),
                    Some(None) => push(word, char::REPLACEMENT_CHARACTER),
                    None => {
                        word.push(b'\\');
                        push(word, c);
                    }
                }
            }
            '0'..='7' => {
                self.rest = &self.text[self.text.len() - self.rest.len() - 1..];
                word.push(self.number(3, 8).unwrap_or_default() as u8);
            }
            other => {
                word.push(b'\\');
                push(word, other);
            }
        }
        Ok(())
    }

    /// Browsers write a character beyond the first 65,536 as two.
    fn with_low_surrogate(&mut self, high: u32) -> u32 {
        let before = self.rest;
        if (0xd800..0xdc00).contains(&high) && self.take("\\u") {
            match self.number(4, 16) {
                Some(low @ 0xdc00..=0xdfff) => {
                    return 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                }
                _ => self.rest = before,
            }
        }
        high
    }

    /// Up to `most` digits.
    fn number(&mut self, most: usize, radix: u32) -> Option<u32> {
        let digits = self.rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        // Digits are ASCII, a byte each.
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        u32::from_str_radix(number, radix).ok()
    }
}

fn push(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Result<Vec<String>, Refusal> {
        split(text, |name| (name == "TOKEN").then(|| "a b".to_owned()))
    }

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        for (text, expected) in [
            ("", &[][..]),
            ("  a\tb\n c ", &["a", "b", "c"]),
            ("a\\\nb \\\n c \\\r\n d", &["ab", "c", "d"]),
            ("'a b' \"c d\" e\\ f", &["a b", "c d", "e f"]),
            ("a'b'\"c\"d ''", &["abcd", ""]),
            ("'it'\\''s' 'a\\nb'", &["it's", "a\\nb"]),
            ("\"a\\\"b\\\\c\\d\\$e\\`\"", &["a\"b\\c\\d$e`"]),
            ("\"a\\\nb\"", &["ab"]),
            ("a # b 'c\nd#e", &["a", "d#e"]),
            ("$TOKEN\"${TOKEN}c\" '$TOKEN'", &["a ba bc", "$TOKEN"]),
            ("a$ \"$\" $.x \"\\$5\"", &["a$", "$", "$.x", "$5"]),
            ("$\"a\"", &["a"]),
            ("\\", &["\\"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_browsers_quote_is_read() {
        for (text, expected) in [
            (r"$'a\n\t\'\\\x41\101\0101'", "a\n\t'\\AA\u{8}1"),
            (r"$'\u00e9\U0001f980\ud83e\udd80\xc3\xa9'", "é🦀🦀é"),
            (r"$'\u0021\e[\cA\q\ud800\ud800'", "!\u{1b}[\u{1}\\q\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(words(text).unwrap(), [expected], "{text:?}");
        }
    }

    #[test]
    fn what_is_no_single_command_is_refused_in_words() {
        for (text, sentence) in [
            ("curl a | jq .", "the | at character 8 is for a shell"),
            ("a > b", "the > at character 3"),
            ("a 'b", "the quote ' at character 3 is never closed"),
            ("a \"b", "the quote \" at character 3 is never closed"),
            ("$'b\\", "the quote $' at character 1 is never closed"),
            ("a $(b)", "at character 3 a shell would run another command"),
            ("\"`a`\"", "at character 2 a shell would run another command"),
            ("\"costs $5\"", "the $5 at character 8 is a shell's own"),
            ("$OTHER", "the variable OTHER of the command is not set"),
            ("${TOKEN:-x}", "the ${ at character 1 is more than a variable's name"),
            ("$'a\\0b'", "has a NUL"),
            ("$'\\xff'", "is not UTF-8"),
        ] {
            let refusal = words(text).unwrap_err();
            assert!(refusal.contains(sentence), "{text:?}: {refusal}");
        }
    }

    /// Whatever is taken, bash takes for the same words.
    #[cfg(target_os = "linux")]
    #[test]
    fn bash_cuts_the_same_words() {
        const PIECES: [&str; 24] = [
            "a", "b c", "'", "'", "\"", "\"", "\\", "\\\n", " ", "\t", "$'", "\\n", "\\x41",
            "\\101", "\\u00e9", "\\'", "\\\"", "#", "é", "=", "$", "\\e", "-d", "\\q",
        ];
        let mut seed = 7_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % most
        };
        let mut script = String::from("set -f +B\n");
        let mut taken = Vec::new();
        for _ in 0..4_000 {
            let text: String = (0..random(12)).map(|_| PIECES[random(PIECES.len())]).collect();
            // A backslash at the very end would join the next line of the script.
            let Ok(words) = split(&text, |_| None) else { continue };
            // A bare line end, or one after a comment, ends the command there, and is a blank here.
            let is_ended = text.contains("\\\\\n") || (text.contains('#') && text.contains('\n'));
            if text.ends_with(['\\', '\n']) || is_ended {
                continue;
            }
            script.push_str(&format!("printf '<%s>' x {text}\necho; echo ---\n"));
            let words: String = words.iter().map(|word| format!("<{word}>")).collect();
            taken.push((text, format!("<x>{words}\n")));
        }
        assert!(taken.len() > 500, "only {} were taken", taken.len());
        let mut bash = std::process::Command::new("bash");
        let output = bash.args(["-c", &script]).env("LC_ALL", "C.UTF-8").output();
        // Without a bash there is nobody to ask.
        let Ok(output) = output else { return };
        let printed = String::from_utf8_lossy(&output.stdout);
        for ((text, ours), theirs) in taken.iter().zip(printed.split("---\n")) {
            assert_eq!(ours, theirs, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(given in proptest::collection::vec("[^\0]{0,12}", 0..6)) {
            let quoted: Vec<_> =
                given.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
            prop_assert_eq!(words(&quoted.join(" ")).unwrap(), given.clone());
            let escaped: Vec<_> = given
                .iter()
                .map(|word| {
                    let codes = word.chars().map(|c| format!("\\U{:08x}", c as u32));
                    format!("$'{}'", codes.collect::<String>())
                })
                .collect();
            prop_assert_eq!(words(&escaped.join("\\\n ")).unwrap(), given);
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"([\\$'"{}()xuUc0-7a-f \n#|;é🦀-]|\PC){0,60}"#) {
            if let Err(refusal) = words(&text) {
                prop_assert!(!refusal.is_empty());
            }
        }
    }
}
