//! `vectors.json`, written from WHATWG HTML §9.2: each stream whole, at every two-way split, byte by
//! byte, and on time.

#![allow(clippy::unwrap_used)]

mod common;

use common::{
    Reader, Reading,
    naive::{Outcome, Rules},
    read, read_lent, read_naively, rules, visit,
};
use serde::Deserialize;
use sse_codec::Limits;

fn standard() -> Rules {
    rules(Limits::default())
}

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    input: Option<String>,
    hex: Option<String>,
    events: Vec<Event>,
    #[serde(default)]
    last_id: String,
    retry: Option<u64>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Event {
    #[serde(default = "message", rename = "type")]
    event_type: String,
    data: String,
    #[serde(default)]
    id: String,
}

fn message() -> String {
    "message".into()
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        match (&self.input, &self.hex) {
            (Some(input), None) => input.as_bytes().to_vec(),
            (None, Some(hex)) => {
                let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
                let byte = |pair: &[u8]| {
                    u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()
                };
                digits.chunks(2).map(byte).collect()
            }
            _ => panic!("{}: one of input and hex", self.name),
        }
    }

    fn check(&self, reading: &Reading, how: &str) {
        let mut events = Vec::new();
        let mut retry = None;
        for outcome in &reading.outcomes {
            match outcome {
                Outcome::Event { event_type, data, last_event_id, .. } => events.push(Event {
                    event_type: event_type.clone(),
                    data: data.clone(),
                    id: last_event_id.clone(),
                }),
                Outcome::ReconnectionTime { milliseconds, .. } => retry = Some(*milliseconds),
                Outcome::Comment { .. } => {}
                Outcome::LineTooLong { .. }
                | Outcome::CommentTooLong { .. }
                | Outcome::ValueTooLong { .. }
                | Outcome::EventTooLong { .. } => {
                    panic!("{} {how}: {outcome:?}", self.name)
                }
            }
        }
        assert_eq!(events, self.events, "{} {how}", self.name);
        assert_eq!(retry, self.retry, "{} {how}", self.name);
        assert_eq!(reading.last_event_id, self.last_id, "{} {how}", self.name);
    }
}

fn vectors() -> Vec<Vector> {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.vectors.len(), 99);
    vectors.vectors
}

#[test]
fn whole() {
    for vector in vectors() {
        vector.check(&read(standard(), [&vector.bytes()[..]]), "whole");
    }
}

#[test]
fn at_every_two_way_split() {
    for vector in vectors() {
        let bytes = vector.bytes();
        for at in 0..=bytes.len() {
            let (left, right) = bytes.split_at(at);
            vector.check(&read(standard(), [left, right]), &format!("split at {at}"));
            let chunks = [left, &[], right];
            vector.check(&read(standard(), chunks), &format!("empty chunk at {at}"));
        }
    }
}

#[test]
fn byte_by_byte() {
    for vector in vectors() {
        let bytes = vector.bytes();
        vector.check(&read(standard(), bytes.chunks(1)), "byte by byte");
        vector.check(&visit(standard(), bytes.chunks(1)), "visited byte by byte");
        let lent = Rules { line: 200, event: 200, value: 200, comments: true };
        vector.check(&read_lent(lent, bytes.chunks(1)), "byte by byte without an allocator");
    }
}

#[test]
fn on_time() {
    for vector in vectors() {
        let bytes = vector.bytes();
        let mut reader = Reader::new(standard());
        for end in 1..=bytes.len() {
            reader.feed(&bytes[end - 1..end]);
            let due = read_naively(standard(), &bytes[..end]).outcomes;
            assert_eq!(reader.outcomes, due, "{} after byte {end}", vector.name);
        }
    }
}

#[test]
fn the_naive_twin_agrees() {
    for vector in vectors() {
        vector.check(&read_naively(standard(), &vector.bytes()), "read naively");
    }
}

#[test]
fn a_line_over_its_limit_is_told_with_where_its_event_begins() {
    let limited = rules(Limits::default().line(16).value(4));
    let stream = b"id: 1\ndata: a\n\nid: 2\n: c\ndata: 123456789ab\ndata: lost\n\n\
        id: 3\n\ndata: 123456789ab\n\nid: 4\nevent: longer\ndata: lost\n\n";
    let expected = read_naively(limited, stream);
    let mut starts = Vec::new();
    for outcome in &expected.outcomes {
        if let Outcome::LineTooLong { line_start, event_start }
        | Outcome::ValueTooLong { line_start, event_start } = outcome
        {
            starts.push((*line_start, *event_start));
        }
    }
    assert_eq!(starts, [(25, 15), (62, 62), (87, 81)]);
    for size in 1..=stream.len() {
        assert_eq!(read(limited, stream.chunks(size)), expected, "chunks of {size}");
    }
}

#[test]
fn a_value_over_its_limit_drops_its_event_even_where_another_follows() {
    let limited = rules(Limits::default().value(4));
    let stream =
        b"event: longer\nevent: t\ndata: lost\n\nid: 12345\nid: 7\ndata: lost\n\ndata: here\n\n";
    let expected = read_naively(limited, stream);
    assert!(matches!(
        expected.outcomes[..],
        [
            Outcome::ValueTooLong { line_start: 0, event_start: 0 },
            Outcome::ValueTooLong { .. },
            Outcome::Event { .. }
        ]
    ));
    for size in 1..=stream.len() {
        assert_eq!(read(limited, stream.chunks(size)), expected, "chunks of {size}");
    }
}

#[test]
fn an_id_that_a_caller_sets_fits_or_not_whatever_the_cuts_were() {
    use sse_codec::{Buffers, SliceDecoder};

    let stream = b"\n\nid: 7\ndata: x\n\n";
    for size in [stream.len(), 1] {
        let (mut line, mut event, mut event_type) = ([0; 64], [0; 64], [0; 16]);
        let (mut longer, mut shorter) = ([0; 64], [0; 16]);
        let mut decoder = SliceDecoder::new(Buffers {
            line: &mut line,
            event: &mut event,
            event_type: &mut event_type,
            ids: [&mut longer, &mut shorter],
        });
        for mut chunk in stream.chunks(size) {
            while decoder.decode(&mut chunk).unwrap().is_some() {}
        }
        assert_eq!(decoder.set_last_event_id(&"i".repeat(16)), Ok(()), "chunks of {size}");
        assert!(decoder.set_last_event_id(&"i".repeat(17)).is_err(), "chunks of {size}");
    }
}

#[test]
fn a_time_of_forty_digits_is_as_long_as_there_is() {
    let stream = format!("retry: {}\n\n", "9".repeat(40));
    let rules = rules(Limits::default());
    let longest = Outcome::ReconnectionTime { milliseconds: u64::MAX, start: 0, end: 48 };
    assert_eq!(read_naively(rules, stream.as_bytes()).outcomes, core::slice::from_ref(&longest));
    for size in [1, 7, 64] {
        let reading = read(rules, stream.as_bytes().chunks(size));
        assert_eq!(reading.outcomes, core::slice::from_ref(&longest));
    }
}

#[test]
fn a_long_line_goes_on_in_short_chunks_as_in_one_whatever_comes_in_it() {
    let specials = ["", "\n", "\r", "\r\n", "\n\n", "\0", "\u{7f}", "é", "事"].map(str::as_bytes);
    let specials = specials.into_iter().chain([&b"\xFF"[..], b"\xE4\xBA"]);
    let limits = [
        rules(Limits::default().line(1000).event(1000)),
        rules(Limits::default().line(560).event(1000)),
        rules(Limits::default().line(1000).event(570)),
    ];
    let sizes = [1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65];
    for special in specials {
        for (at, end) in (500..580).step_by(3).flat_map(|at| [(at, ""), (at, "data: and more\n\n")])
        {
            let stream = [b"data: ", &vec![b'x'; at][..], special, end.as_bytes()].concat();
            for rules in limits {
                let expected = read_naively(rules, &stream);
                for size in sizes {
                    let chunks = stream.chunks(size);
                    let place = format!("{special:?} at {at}, {rules:?}, chunks of {size}");
                    assert_eq!(read(rules, chunks.clone()), expected, "{place}");
                    assert_eq!(read_lent(rules, chunks), expected, "{place}");
                }
            }
        }
    }
}
