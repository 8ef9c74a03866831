//! Laws that hold for every stream: hostile bytes, any cut, any limits.

#![allow(clippy::unwrap_used)]

mod common;

use core::time::Duration;

use common::{
    forgetful, measured,
    naive::{Outcome, Rules},
    read, read_lent, read_naively, rules, visit,
};
use proptest::{collection::vec, prelude::*, sample::select};
use sse_codec::{EventId, EventType, Limits, LineTooLong, Lines, OutgoingEvent};

/// Streams made of what the format is sensitive to, so that lines, fields and cuts meet often.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(vec![
            &b"data: "[..], b"data:", b"data", b"event: ", b"event:", b"event", b"id: ", b"id", b"retry: ",
            b"retry", b":", b": hi", b"dat", b"\n\n", b"\r\n\r\n", b"\r\r", b"data: x\n\n", b"event: t\ndata: y\n\n",
            b"id: 7\n\n", b"12", b"\xEF\xBB\xBF", b"\0", "事🙂é".as_bytes(), b"\xF0\x9F", b"\xE4\xBA", b"\xFF",
            b"a fairly long run of ASCII text that passes one block of a scan, and then goes on for a while more",
        ]).prop_map(<[u8]>::to_vec),
        4 => select(vec![b'\n', b'\r', b' ', b':', b'a', b'\t', 0x0B, 0x0C]).prop_map(|byte| vec![byte]),
        1 => vec(any::<u8>(), 0..20),
        // A line that is long already is gone on with in another way.
        1 => (500_usize..700).prop_map(|len| vec![b'x'; len]),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let limits = prop_oneof![
        Just(Limits::default()),
        (0_usize..200, 0_usize..300, 0_usize..40).prop_map(|(line, event, value)| {
            Limits::default().line(line).event(event).value(value)
        }),
        (500_usize..900, 500_usize..1200)
            .prop_map(|(line, event)| Limits::default().line(line).event(event)),
    ];
    (limits, any::<bool>()).prop_map(|(limits, comments)| Rules { comments, ..rules(limits) })
}

fn cuts(stream: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = stream;
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks
}

fn lines<'c>(
    limit: usize,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Vec<Result<String, LineTooLong>> {
    let mut lines = Lines::with_limit(limit);
    let mut seen = Vec::new();
    for mut chunk in chunks {
        while let Some(line) = lines.next_line(&mut chunk).transpose() {
            seen.push(line.map(|line| String::from_utf8_lossy(line.bytes).into_owned()));
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_decoder_equals_its_naive_twin_however_the_stream_is_cut(
        stream in stream(),
        rules in any_rules(),
        sizes in vec(1_usize..90, 1..8),
    ) {
        let expected = read_naively(rules, &stream);
        prop_assert_eq!(&read(rules, [&stream[..]]), &expected);
        prop_assert_eq!(&read(rules, stream.chunks(1)), &expected);
        let chunks = cuts(&stream, &sizes);
        prop_assert_eq!(&read(rules, chunks.iter().map(Vec::as_slice)), &expected);
        prop_assert_eq!(&visit(rules, chunks.iter().map(Vec::as_slice)), &expected);
    }

    #[test]
    fn the_decoder_without_an_allocator_equals_the_naive_twin_with_its_limits(
        stream in stream(),
        rules in (0_usize..900, 0_usize..1200, 0_usize..40, any::<bool>())
            .prop_map(|(line, event, value, comments)| Rules { line, event, value, comments }),
        sizes in vec(1_usize..90, 1..8),
    ) {
        let expected = read_naively(rules, &stream);
        prop_assert_eq!(&read_lent(rules, [&stream[..]]), &expected);
        prop_assert_eq!(&read_lent(rules, stream.chunks(1)), &expected);
        let chunks = cuts(&stream, &sizes);
        prop_assert_eq!(&read_lent(rules, chunks.iter().map(Vec::as_slice)), &expected);
    }

    #[test]
    fn what_is_forgotten_is_counted_and_nothing_else_changes(
        stream in stream(),
        rules in any_rules(),
        sizes in vec(1_usize..90, 1..8),
        most in prop_oneof![Just(0_usize), 0_usize..40],
    ) {
        let expected = measured(read_naively(rules, &stream));
        prop_assert_eq!(&forgetful(rules, stream.chunks(1), most), &expected);
        let chunks = cuts(&stream, &sizes);
        prop_assert_eq!(&forgetful(rules, chunks.iter().map(Vec::as_slice), most), &expected);
    }

    #[test]
    fn a_line_is_as_long_as_what_was_forgotten_of_it_and_the_rest(
        stream in stream(),
        limit in prop_oneof![Just(1_usize << 20), 0_usize..100],
        sizes in vec(1_usize..90, 1..8),
        most in 0_usize..40,
    ) {
        let whole = lines(limit, [&stream[..]]);
        let expected: Vec<_> = whole.into_iter().map(|line| line.map(|text| text.len())).collect();
        let mut lines = Lines::with_limit(limit);
        let (mut seen, mut forgotten) = (Vec::new(), 0);
        for chunk in cuts(&stream, &sizes) {
            let mut chunk = &chunk[..];
            while let Some(line) = lines.next_line(&mut chunk).transpose() {
                let rest = line.map(|line| String::from_utf8_lossy(line.bytes).len());
                seen.push(rest.map(|rest| core::mem::take(&mut forgotten) + rest));
                forgotten = 0;
            }
            forgotten += lines.forget_text(most);
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut(
        stream in stream(),
        limit in prop_oneof![Just(1_usize << 20), 0_usize..100],
        sizes in vec(1_usize..90, 1..8),
    ) {
        let whole = lines(limit, [&stream[..]]);
        prop_assert_eq!(&lines(limit, stream.chunks(1)), &whole);
        let chunks = cuts(&stream, &sizes);
        prop_assert_eq!(&lines(limit, chunks.iter().map(Vec::as_slice)), &whole);
        let text = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&stream);
        let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
        if limit == 1 << 20 {
            let mut expected: Vec<&str> = text.split('\n').collect();
            expected.pop();
            let found: Vec<String> = whole.into_iter().flatten().collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_encoded_is_read_back(
        event_type in proptest::option::of("[^\r\n]{0,20}"),
        id in proptest::option::of("[^\r\n\0]{0,20}"),
        retry in proptest::option::of(any::<u64>()),
        data in proptest::option::of("(\r|\n|\r\n|:| |\\PC|data: |[\0-\x7f]){0,30}"),
    ) {
        let mut event = OutgoingEvent::new();
        if let Some(event_type) = &event_type {
            event = event.event_type(EventType::new(event_type).unwrap());
        }
        if let Some(id) = &id {
            event = event.id(EventId::new(id).unwrap());
        }
        if let Some(retry) = retry {
            event = event.reconnection_time(Duration::from_millis(retry));
        }
        if let Some(data) = &data {
            event = event.data(data);
        }
        let frame = event.encode();
        prop_assert_eq!(frame.as_bytes().len(), event.encoded_len());

        let reading = read(rules(Limits::default()), [frame.as_bytes()]);
        prop_assert_eq!(&reading.last_event_id, &id.clone().unwrap_or_default());
        let mut outcomes = reading.outcomes.into_iter();
        if let Some(retry) = retry {
            match outcomes.next() {
                Some(Outcome::ReconnectionTime { milliseconds, .. }) => {
                    prop_assert_eq!(milliseconds, retry);
                }
                other => prop_assert!(false, "read {:?}", other),
            }
        }
        if let Some(data) = data {
            match outcomes.next() {
                Some(Outcome::Event { event_type: read_type, data: read_data, last_event_id, .. }) => {
                    let expected = event_type.filter(|name| !name.is_empty());
                    prop_assert_eq!(read_type, expected.unwrap_or_else(|| "message".into()));
                    prop_assert_eq!(read_data, data.replace("\r\n", "\n").replace('\r', "\n"));
                    prop_assert_eq!(last_event_id, id.unwrap_or_default());
                }
                other => prop_assert!(false, "read {:?}", other),
            }
        }
        prop_assert_eq!(outcomes.next(), None);
    }
}
