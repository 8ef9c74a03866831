//! The streams that are measured: ten kinds of real traffic, generated from a seed.

/// A stream to decode.
#[derive(Debug)]
pub struct Corpus {
    /// The letter that tables name it by.
    pub letter: char,
    /// What it stands for.
    pub name: &'static str,
    /// The stream.
    pub bytes: Vec<u8>,
    /// The events in it.
    pub events: u64,
    /// The bytes of their data, line breaks included.
    pub data_bytes: u64,
}

/// How many bytes a corpus has where speed is measured, about.
pub const SIZE: usize = 4 << 20;

/// All ten, `a` to `j`.
pub fn all() -> Vec<Corpus> {
    ('a'..='j').filter_map(one).collect()
}

/// The one with this letter.
pub fn one(letter: char) -> Option<Corpus> {
    of_size(letter, SIZE)
}

/// The same, with no more events than it takes to reach this many bytes.
pub fn of_size(letter: char, size: usize) -> Option<Corpus> {
    type Kind = (char, &'static str, fn(&mut Writer));
    let kinds: [Kind; 10] = [
        ('a', "OpenAI chat deltas", |w| {
            let json = w.openai_delta();
            w.event(&[("data", &json)]);
        }),
        ('b', "event + data (Anthropic)", |w| {
            let text = w.words(2);
            let json = format!(
                r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
            );
            w.event(&[("event", "content_block_delta"), ("data", &json)]);
        }),
        ('c', "ticks", |w| {
            let digit = char::from(b'0' + w.below(10) as u8).to_string();
            w.event(&[("data", &digit)]);
        }),
        ('d', "64 KiB lines", |w| {
            let line = w.text(64 << 10);
            w.event(&[("data", &line)]);
        }),
        ('e', "20 data lines", |w| {
            let lines: Vec<String> = (0..20)
                .map(|_| {
                    let len = 100 + w.below(80);
                    w.text(len)
                })
                .collect();
            let fields: Vec<(&str, &str)> =
                lines.iter().map(|line| ("data", line.as_str())).collect();
            w.event(&fields);
        }),
        ('f', "comments mostly", |w| {
            for _ in 0..12 {
                w.comment("keep-alive");
            }
            let json = format!(r#"{{"symbol":"{}","price":{}}}"#, w.words(1), w.below(100_000));
            w.event(&[("data", &json)]);
        }),
        ('g', "a with CRLF", |w| {
            w.crlf = true;
            let json = w.openai_delta();
            w.event(&[("data", &json)]);
        }),
        ('h', "id, event, retry, data", |w| {
            let id = format!("{}-{}", 1_760_000_000_000 + w.events * 250, w.below(10));
            let json = format!(
                r#"{{"symbol":"{}","price":{},"quantity":{}}}"#,
                w.words(1),
                w.below(100_000),
                w.below(100)
            );
            w.event(&[("id", &id), ("event", "price"), ("retry", "3000"), ("data", &json)]);
        }),
        ('i', "CJK and emoji", |w| {
            let text: String = (0..75).map(|_| w.ideograph()).collect();
            let json = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
            w.event(&[("data", &json)]);
        }),
        ('j', "2 MiB lines", |w| {
            let line = w.text(2 << 20);
            w.event(&[("data", &line)]);
        }),
    ];
    let (_, name, write) = kinds.into_iter().find(|kind| kind.0 == letter)?;
    Some(generate(letter, name, size, write))
}

fn generate(letter: char, name: &'static str, size: usize, write: fn(&mut Writer)) -> Corpus {
    let mut writer = Writer { seed: u64::from(letter), ..Writer::default() };
    while writer.bytes.len() < size {
        write(&mut writer);
    }
    let Writer { bytes, events, data_bytes, .. } = writer;
    Corpus { letter, name, bytes, events, data_bytes }
}

#[derive(Default)]
struct Writer {
    seed: u64,
    crlf: bool,
    bytes: Vec<u8>,
    events: u64,
    data_bytes: u64,
}

impl Writer {
    fn event(&mut self, fields: &[(&str, &str)]) {
        let mut data_lines = 0;
        for (name, value) in fields {
            self.line(&format!("{name}: {value}"));
            if *name == "data" {
                data_lines += 1;
                self.data_bytes += value.len() as u64;
            }
        }
        self.line("");
        self.events += 1;
        self.data_bytes += data_lines - 1;
    }

    fn comment(&mut self, text: &str) {
        self.line(&format!(": {text}"));
        self.line("");
    }

    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
    }

    fn openai_delta(&mut self) -> String {
        format!(
            r#"{{"id":"chatcmpl-{:016x}{:08x}","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_{:010x}","choices":[{{"index":0,"delta":{{"content":" {}"}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#,
            self.next(),
            self.next() >> 32,
            self.next() >> 24,
            self.words(1),
        )
    }

    fn words(&mut self, count: usize) -> String {
        const WORDS: [&str; 8] =
            ["the", "stream", "of", "events", "never", "waits", "for", "anybody"];
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect();
        words.join(" ")
    }

    fn text(&mut self, len: usize) -> String {
        let mut text = String::with_capacity(len + 8);
        while text.len() < len {
            text.push_str(&self.words(1));
            text.push(' ');
        }
        text.truncate(len);
        text
    }

    fn ideograph(&mut self) -> char {
        if self.below(10) == 0 {
            char::from_u32(0x1F600 + self.below(64) as u32).unwrap_or('x')
        } else {
            char::from_u32(0x4E00 + self.below(0x5000) as u32).unwrap_or('x')
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letter, bytes an event and a sum over the first 100,000 bytes: with another stream, figures of
    /// today and of yesterday could not be compared.
    const FACTS: [(char, std::ops::Range<u64>, u64); 10] = [
        ('a', 290..310, 0x6453_3461_550A_C301),
        ('b', 115..130, 0xD87C_D0C7_2137_341A),
        ('c', 9..10, 0x9424_76A6_28F3_5FF5),
        ('d', 65_544..65_545, 0xC2BA_7D16_FB39_0781),
        ('e', 2_900..2_950, 0x9B89_F3BF_D422_F84C),
        ('f', 200..220, 0xF5C2_5EB4_0F3C_E628),
        ('g', 290..310, 0xBFA7_5DBF_1EBA_EBCE),
        ('h', 95..110, 0xD11D_07E7_0781_436A),
        ('i', 270..300, 0x6C26_D117_3DF1_4413),
        ('j', 2_097_160..2_097_161, 0x1089_01EE_0FB9_B170),
    ];

    #[test]
    fn every_corpus_is_what_it_was() {
        let sums = FACTS.map(|(letter, event, _)| {
            let corpus = of_size(letter, 100_000).unwrap_or_else(|| panic!("corpus {letter}"));
            let mean = corpus.bytes.len() as u64 / corpus.events;
            assert!(event.contains(&mean), "{letter}: {mean} bytes an event");
            (letter, checksum(&corpus.bytes[..100_000]))
        });
        assert_eq!(sums, FACTS.map(|(letter, _, sum)| (letter, sum)));
        assert!(of_size('k', 1).is_none());
    }

    #[test]
    fn every_corpus_has_the_lines_that_it_is_named_for() {
        let lines = |letter| {
            let bytes = of_size(letter, 1).unwrap_or_else(|| panic!("corpus {letter}")).bytes;
            String::from_utf8(bytes).unwrap_or_else(|error| panic!("corpus {letter}: {error}"))
        };
        let starts =
            |letter, name: &str| lines(letter).lines().filter(|l| l.starts_with(name)).count();
        assert_eq!(starts('b', "event: "), 1);
        assert_eq!(starts('e', "data: "), 20);
        assert_eq!(starts('f', ":"), 12);
        assert_eq!(["id: ", "event: ", "retry: ", "data: "].map(|name| starts('h', name)), [1; 4]);
        assert_eq!(lines('g').matches('\n').count(), lines('g').matches("\r\n").count());
        assert_eq!(lines('j').len(), "data: \n\n".len() + (2 << 20));
    }

    /// FNV-1a.
    fn checksum(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        })
    }
}
