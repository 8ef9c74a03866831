//! The doors that give owned items: they say what the pull door says, and share what they can.

#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::HashMap,
    io::{self, Read},
};

use bytes::Bytes;
use common::{error_outcome, naive::Outcome, read_naively, rules};
use proptest::{collection::vec, prelude::*, sample::select};
use sse_codec::{
    ByteStr, DecodeError, EventId, Items, Limits, ReadError, SharedDecoder, SharedEvent, SharedItem,
};

fn outcome(item: SharedItem) -> Outcome {
    match item {
        SharedItem::Event(SharedEvent {
            event_type, data, last_event_id, has_id, span, ..
        }) => Outcome::Event {
            event_type: event_type.as_str().into(),
            data: data.as_str().into(),
            last_event_id: last_event_id.as_str().into(),
            has_id,
            start: span.start,
            end: span.end,
        },
        SharedItem::Comment { text, span, .. } => {
            Outcome::Comment { text: text.as_str().into(), start: span.start, end: span.end }
        }
        SharedItem::ReconnectionTime { duration, span, .. } => Outcome::ReconnectionTime {
            milliseconds: u64::try_from(duration.as_millis()).unwrap(),
            start: span.start,
            end: span.end,
        },
        other => panic!("an item these tests do not know: {other:?}"),
    }
}

fn shared(decoder: &mut SharedDecoder, chunk: &'static [u8]) -> Vec<SharedItem> {
    let mut chunk = Bytes::from_static(chunk);
    let mut items = Vec::new();
    while let Some(item) = decoder.decode(&mut chunk).unwrap() {
        items.push(item);
    }
    items
}

fn event(item: &SharedItem) -> &SharedEvent {
    let SharedItem::Event(event) = item else { panic!("{item:?}") };
    event
}

/// A reader that gives at most `size` bytes at a time, and is interrupted in between.
struct Slow<'s> {
    stream: &'s [u8],
    size: usize,
    interrupted: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = self.size.min(buffer.len());
        (&mut self.stream).take(len as u64).read(buffer)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_owned_doors_equal_the_naive_twin(
        pieces in vec(select(vec![
            &b"data: x\n\n"[..], b"data: a longer value than most\ndata", b"event: t\n", b"id: 7\n", b"id\n",
            b"retry: 12\n", b": hi\n", b"\n\n", b"\r", b"\r\n\r\n", b"\xFF", b"\xE4\xBA", b"\0", b"data:\xE4\xBA\x8B\n\n",
        ]), 0..30),
        size in 1_usize..60,
        limit in prop_oneof![Just(1 << 20), 0_usize..40],
    ) {
        let stream = pieces.concat();
        let limits = Limits::default().line(limit);
        let expected = read_naively(rules(limits), &stream).outcomes;
        let decoder = || SharedDecoder::with_limits(limits).comments(true);

        let mut whole = decoder();
        let mut outcomes = Vec::new();
        for chunk in stream.chunks(size) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while let Some(item) = whole.decode(&mut chunk).transpose() {
                outcomes.push(item.map_or_else(error_outcome, outcome));
            }
            prop_assert!(chunk.is_empty());
        }
        prop_assert_eq!(&outcomes, &expected);

        let reader = Slow { stream: &stream, size, interrupted: false };
        let read: Vec<_> = Items::with_decoder(reader, decoder())
            .map(|item| match item {
                Ok(item) => outcome(item),
                Err(ReadError::Decode(error)) => error_outcome(error),
                Err(other) => panic!("{other}"),
            })
            .collect();
        prop_assert_eq!(&read, &expected);
    }
}

#[test]
fn what_lies_whole_in_its_chunk_is_not_copied_unless_it_is_short() {
    static CHUNK: &[u8] = b"event: a type of twenty-four b.\ndata: data of 24 bytes, whole.\n\n\
        event: price\ndata: data of 23 bytes, whole\n\ndata: two\ndata: lines of data, put together\n\n";
    let items = shared(&mut SharedDecoder::new(), CHUNK);
    let inside = |text: &ByteStr| CHUNK.as_ptr_range().contains(&text.as_ptr());
    let [long, short, joined] = [0, 1, 2].map(|at| event(&items[at]));
    assert_eq!((long.event_type.len(), long.data.len()), (24, 24));
    assert!(inside(&long.data) && inside(&long.event_type));
    assert_eq!((&*short.event_type, &*short.data), ("price", "data of 23 bytes, whole"));
    assert!(!inside(&short.data) && !inside(&short.event_type));
    assert_eq!(joined.data, "two\nlines of data, put together");
    assert!(!inside(&joined.data));
}

#[test]
fn events_under_one_long_id_share_it() {
    let stream = b"id: an id of twenty-four b..\ndata: a\n\ndata: b\n\n";
    let items = shared(&mut SharedDecoder::new(), stream);
    let id = |at: usize| &event(&items[at]).last_event_id;
    assert_eq!(id(0).as_ptr(), id(1).as_ptr());
    assert_eq!(id(0).len(), 24);
}

#[test]
fn a_detached_event_lets_its_chunk_go() {
    let mut chunk = Bytes::from(b"event: t\ndata: long enough not to be copied\n\n".to_vec());
    let whole = chunk.clone();
    let item = SharedDecoder::new().decode(&mut chunk).unwrap().unwrap();
    drop(chunk);
    let kept = event(&item).clone();
    drop(item);
    assert!(!whole.is_unique());
    let detached = kept.clone().detach();
    assert_eq!(detached, kept);
    drop(kept);
    assert!(whole.is_unique());
}

#[test]
fn a_short_event_keeps_no_chunk_alive() {
    let mut chunk = Bytes::from(b"id: 7\nevent: price\ndata: 1.08\n\n".to_vec());
    let whole = chunk.clone();
    let item = SharedDecoder::new().decode(&mut chunk).unwrap().unwrap();
    drop(chunk);
    assert!(whole.is_unique());
    assert_eq!(event(&item).data, "1.08");
    assert_eq!(event(&item).data.clone().into_bytes(), "1.08");
}

#[test]
fn a_limit_costs_one_event_and_the_chunk_is_advanced() {
    let mut decoder = SharedDecoder::with_limits(Limits::default().line(8));
    let mut chunk = Bytes::from_static(b"data: too long\n\ndata: b\n\n");
    assert!(matches!(decoder.decode(&mut chunk), Err(DecodeError::LineTooLong { .. })));
    assert_eq!(event(&decoder.decode(&mut chunk).unwrap().unwrap()).data, "b");
    assert_eq!(decoder.decode(&mut chunk), Ok(None));
}

#[test]
fn a_seeded_id_is_the_first_events() {
    let mut decoder = SharedDecoder::new();
    decoder.set_last_event_id(&EventId::new("41").unwrap());
    assert_eq!(event(&shared(&mut decoder, b"data: a\n\n")[0]).last_event_id, "41");
    decoder.finish();
    assert_eq!(decoder.last_event_id(), "41");
}

#[test]
fn shared_text_is_looked_up_and_ordered_like_text() {
    let mut seen = HashMap::new();
    seen.insert(ByteStr::from("price"), 1);
    assert_eq!(seen.get("price"), Some(&1));
    let mut texts = ["b", "a", "é"].map(ByteStr::from);
    texts.sort();
    assert_eq!(texts, ["a", "b", "é"]);
    assert_eq!(format!("{0} {0:?}", ByteStr::from("a\"")), r#"a" "a\"""#);
    assert_eq!(ByteStr::default(), "");
}

#[test]
fn a_reader_that_fails_is_told_and_may_go_on() {
    struct Fails(u8);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => (&b"data: a\n"[..]).read(buffer),
                2 => Err(io::Error::other("a hiccup")),
                3 => (&b"\n"[..]).read(buffer),
                _ => Ok(0),
            }
        }
    }
    let mut items = Items::new(Fails(0));
    assert!(matches!(items.next(), Some(Err(ReadError::Io(_)))));
    assert_eq!(event(&items.next().unwrap().unwrap()).data, "a");
    assert!(items.next().is_none());
    assert_eq!(items.decoder().last_event_id(), "");
}

#[test]
fn a_chunk_that_is_used_up_is_held_by_its_events_alone() {
    let whole =
        Bytes::from(b"data: an event of more than 23 bytes\n\n: and what is\ndata: cut".to_vec());
    let mut chunk = whole.clone();
    let mut decoder = SharedDecoder::new();
    let event = decoder.decode(&mut chunk).unwrap();
    assert_eq!(decoder.decode(&mut chunk), Ok(None));
    assert!(!whole.is_unique());
    drop(event);
    assert!(whole.is_unique(), "{chunk:?}");
}

#[test]
fn what_a_decoder_holds_is_not_printed() {
    let mut decoder = SharedDecoder::new();
    let mut chunk = Bytes::from(format!("id: 7\ndata: {}", "secret".repeat(10_000)));
    assert_eq!(decoder.decode(&mut chunk), Ok(None));
    let printed = format!("{decoder:?}");
    // As text, or as the numbers of its bytes.
    assert!(printed.len() < 2_000 && !printed.contains("115, 101, 99"), "{printed}");
}
