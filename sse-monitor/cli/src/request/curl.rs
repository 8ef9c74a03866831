//! A pasted curl command.

use std::env;

use super::{
    curl_options::{self, Meaning},
    parts::{Data, Parts},
    shell_words,
};

/// What a curl command asks for.
#[derive(Debug, Default)]
pub(crate) struct Pasted {
    pub(crate) urls: Vec<String>,
    pub(crate) parts: Parts,
    /// Options that mean nothing here.
    pub(crate) ignored: Vec<String>,
}

/// Whether this is where a curl command begins.
pub(crate) fn is_curl(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    matches!(name, "curl" | "curl.exe") && !word.contains("://")
}

/// The command that was given as words, or as one text, if it is curl's; the error is a sentence.
pub(crate) fn pasted(words: &[String]) -> Option<Result<Pasted, String>> {
    match words {
        [first, rest @ ..] if is_curl(first) => Some(parse(rest)),
        [text] => {
            let text = text.trim();
            // As documentation shows it, with a shell's prompt before it.
            let text = text.strip_prefix("$ ").unwrap_or(text);
            is_curl(text.split_whitespace().next()?).then(|| parse_text(text))
        }
        _ => None,
    }
}

fn parse_text(text: &str) -> Result<Pasted, String> {
    let refuse = |why: String| format!("the curl command cannot be read: {why}");
    if text.contains("^\"") {
        return Err(refuse(
            "it is written for Windows' cmd; copy it as bash has it (in browsers “Copy as cURL (bash)”)"
                .into(),
        ));
    }
    let words = shell_words::split(text, |name| env::var(name).ok()).map_err(refuse)?;
    parse(words.get(1..).unwrap_or_default())
}

/// Reads curl's arguments.
pub(crate) fn parse(words: &[String]) -> Result<Pasted, String> {
    let mut pasted = Pasted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix("--") {
            if name.is_empty() {
                // All that follows are URLs.
                pasted.urls.extend(words.by_ref().cloned());
                break;
            }
            let meaning = curl_options::long(name).ok_or_else(|| unknown(word))?;
            let value = if meaning.takes_value() {
                Some(words.next().ok_or_else(|| without_value(word))?.as_str())
            } else {
                None
            };
            pasted.option(word, meaning, value)?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            // Several may stand together; what follows one that takes a value is the value.
            let mut rest = letters;
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                let name = format!("-{letter}");
                let meaning = curl_options::short(letter).ok_or_else(|| unknown(&name))?;
                if !meaning.takes_value() {
                    pasted.option(&name, meaning, None)?;
                    continue;
                }
                let value = if rest.is_empty() {
                    words.next().ok_or_else(|| without_value(&name))?.as_str()
                } else {
                    core::mem::take(&mut rest)
                };
                pasted.option(&name, meaning, Some(value))?;
            }
        } else {
            pasted.urls.push(word.clone());
        }
    }
    for url in &mut pasted.urls {
        // So curl takes it.
        if !url.is_empty() && !url.contains("://") {
            url.insert_str(0, "http://");
        }
    }
    if pasted.urls.is_empty() {
        return Err("the curl command names no URL".into());
    }
    Ok(pasted)
}

fn unknown(option: &str) -> String {
    // What stands after it may be a secret.
    let option = option.split('=').next().unwrap_or_default();
    format!("{option} is no option of curl that is known here: leave it out, or check its spelling")
}

fn without_value(option: &str) -> String {
    format!("{option} of the curl command has no value after it: paste the whole command")
}

impl Pasted {
    fn option(&mut self, name: &str, meaning: Meaning, value: Option<&str>) -> Result<(), String> {
        let parts = &mut self.parts;
        let text = || value.unwrap_or_default().to_owned();
        let file = || value.map(Into::into);
        match meaning {
            Meaning::Url => self.urls.push(text()),
            Meaning::Header => parts.headers.push(text()),
            Meaning::NamedHeader(header) => parts.headers.push(format!("{header}: {}", text())),
            Meaning::Bearer => parts.headers.push(format!("Authorization: Bearer {}", text())),
            Meaning::Cookie => {
                if !text().contains('=') {
                    return Err(format!(
                        "{name} names a file of cookies, which are not read here: give them as \
                         name=value"
                    ));
                }
                parts.headers.push(format!("Cookie: {}", text()));
            }
            Meaning::Method => parts.method = Some(text()),
            Meaning::Form => parts.data.push(Data::Form(text())),
            Meaning::Raw => parts.data.push(Data::Raw(text())),
            Meaning::Binary => parts.data.push(Data::Binary(text())),
            Meaning::UrlEncoded => parts.data.push(Data::UrlEncoded(text())),
            Meaning::Json => parts.data.push(Data::Json(text())),
            Meaning::Get => parts.get = true,
            Meaning::User => parts.user = Some(text()),
            Meaning::Compressed => parts.compressed = true,
            Meaning::Proxy(scheme) => parts.proxy = Some(format!("{scheme}{}", text())),
            Meaning::ProxyUser => parts.proxy_user = Some(text()),
            Meaning::NoProxy => parts.no_proxy = Some(text()),
            Meaning::Insecure => parts.insecure = true,
            Meaning::ProxyInsecure => parts.proxy_insecure = true,
            Meaning::Authorities => parts.cacert = file(),
            Meaning::ProxyAuthorities => parts.proxy_cacert = file(),
            Meaning::Certificate => parts.cert = file(),
            Meaning::Key => parts.key = file(),
            Meaning::Nothing | Meaning::NothingWithValue => self.ignored.push(name.into()),
            Meaning::Refused(why) | Meaning::RefusedWithValue(why) => {
                return Err(format!("{name} of the curl command cannot be followed: {why}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_text(text: &str) -> Result<Pasted, String> {
        pasted(&[text.to_owned()]).expect("it begins with curl")
    }

    #[test]
    fn what_chrome_copies_is_taken_whole() {
        let pasted = of_text(
            "curl 'https://api.example.com/v1/chat?a=1' \\\n  -H 'accept: */*' \\\n  \
             -H $'x-note: it\\'s \\u0021' \\\n  -b 'sid=1; theme=dark' \\\n  \
             --data-raw $'{\"q\":\"a\\nb\"}' \\\n  --compressed --insecure",
        )
        .unwrap();
        assert_eq!(pasted.urls, ["https://api.example.com/v1/chat?a=1"]);
        assert_eq!(
            pasted.parts.headers,
            ["accept: */*", "x-note: it's !", "Cookie: sid=1; theme=dark"]
        );
        assert_eq!(pasted.parts.data, [Data::Raw("{\"q\":\"a\nb\"}".into())]);
        assert!(pasted.parts.compressed && pasted.parts.insecure);
        assert!(pasted.ignored.is_empty());
    }

    #[test]
    fn short_options_may_stand_together() {
        let pasted = of_text("curl -sSNkXPOST -H'A: b' -o /dev/null -m5 localhost:8080/x").unwrap();
        assert_eq!(pasted.urls, ["http://localhost:8080/x"]);
        assert_eq!(pasted.parts.method.as_deref(), Some("POST"));
        assert_eq!(pasted.parts.headers, ["A: b"]);
        assert!(pasted.parts.insecure);
        assert_eq!(pasted.ignored, ["-s", "-S", "-N", "-o", "-m"]);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_in_words() {
        for (text, sentence) in [
            ("curl", "names no URL"),
            ("curl -X", "-X of the curl command has no value"),
            ("curl --nonsense http://a", "--nonsense is no option of curl that is known here"),
            ("curl -sé http://a", "-é is no option of curl"),
            ("curl -F a=b http://a", "-F of the curl command cannot be followed"),
            ("curl -b jar.txt http://a", "-b names a file of cookies"),
            ("curl -I http://a", "-I of the curl command cannot be followed"),
            ("curl http://a | jq .", "the | at character 15"),
            ("curl ^\"http://a^\"", "Windows"),
        ] {
            let refusal = of_text(text).unwrap_err();
            assert!(refusal.contains(sentence), "{text:?}: {refusal}");
        }
    }

    #[test]
    fn a_url_is_no_command() {
        for text in ["http://127.0.0.1/curl", "curlew http://a", ""] {
            assert!(pasted(&[text.to_owned()]).is_none(), "{text:?}");
        }
        assert!(pasted(&["/usr/bin/curl".to_owned(), "a".to_owned()]).is_some());
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(
            words in proptest::collection::vec(
                prop_oneof![
                    "-{0,3}[a-zA-Z0-9#:=@é-]{0,12}",
                    "\\PC{0,12}",
                    Just("--data-raw".to_owned()),
                    Just("-XPOST".to_owned()),
                    Just("--".to_owned()),
                ],
                0..8,
            ),
        ) {
            if let Err(refusal) = parse(&words) {
                prop_assert!(!refusal.is_empty());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"(curl|-[a-zA-Z]| |\\\n|['"$\\#{]|--data|\PC){0,40}"#) {
            drop(pasted(&[format!("curl {text}")]));
        }
    }

    /// As a fuzzer would: a whole command, with bytes of it changed, doubled and dropped.
    #[test]
    fn a_damaged_command_never_makes_it_panic() {
        let whole = "curl 'https://a.example/b?c=d' -X POST -H $'A: \\u00e9\\x41' --data-raw \
                     \"{\\\"a\\\": \\\"$HOME\\\"}\" \\\n -sSNk --json @- --proxy socks5://b:1";
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % most
        };
        for _ in 0..20_000 {
            let mut bytes = whole.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len().max(1));
                match random(3) {
                    _ if bytes.is_empty() => {}
                    0 => bytes[at] = b"\\'\"$-{}x \n#;u\xc3"[random(14)],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            drop(pasted(&[format!("curl {}", String::from_utf8_lossy(&bytes))]));
        }
    }
}
