//! What each feature adds, held to the decoder and the encoder that it stands on.

#![allow(clippy::unwrap_used)]

use core::convert::Infallible;
use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt, Stream, StreamExt, stream, stream::FusedStream};
use http_body_util::{BodyExt, StreamBody};
use serde::{Serialize, Serializer, ser::Error as _};
use sse_codec::{
    ByteStr, DecodeError, EventBody, EventCodec, EventId, EventStream, EventType, Frame, Items,
    Limits, OutgoingEvent, OwnedEvent, SharedDecoder, SharedItem, StreamError,
};
use tokio_util::codec::{Decoder, FramedRead, FramedWrite};

const STREAM: &[u8] = b"\xEF\xBB\xBFid: 7\nevent: price\r\ndata: 1.08\r\n\r\nretry: 20\n: hi\ndata: b\ndata\n\ndata: cut";

/// An item as text.
fn told(item: SharedItem) -> String {
    match item {
        SharedItem::Event(event) => {
            format!("{} {:?} {}", event.event_type, event.data, event.last_event_id)
        }
        SharedItem::Comment { text, .. } => format!(":{text}"),
        SharedItem::ReconnectionTime { duration, .. } => format!("{duration:?}"),
        other => panic!("an item these tests do not know: {other:?}"),
    }
}

const TOLD: [&str; 4] = [r#"price "1.08" 7"#, "20ms", ": hi", r#"message "b\n" 7"#];

fn chunks(size: usize) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(STREAM.chunks(size).map(|chunk| Ok(Bytes::from_static(chunk))))
}

/// The items of a stream that is never pending.
fn collect<T>(items: impl Stream<Item = T>) -> Vec<T> {
    items.collect::<Vec<_>>().now_or_never().unwrap()
}

#[test]
fn a_stream_gives_the_items_whatever_the_chunks() {
    for size in 1..=STREAM.len() {
        let decoder = SharedDecoder::new().comments(true);
        let items = EventStream::with_decoder(chunks(size), decoder);
        let items: Vec<_> = collect(items).into_iter().map(|item| told(item.unwrap())).collect();
        assert_eq!(items, TOLD, "chunks of {size}");
    }
}

#[test]
fn a_stream_goes_on_after_a_dropped_event_and_ends_with_its_chunks() {
    let decoder = SharedDecoder::with_limits(Limits::default().line(8));
    let chunks =
        ["data: too long\n\ndata: b\n\n"].map(|chunk| Ok::<_, io::Error>(Bytes::from(chunk)));
    let mut events = EventStream::with_decoder(stream::iter(chunks), decoder);
    let mut next = || events.next().now_or_never().unwrap();
    assert!(matches!(next(), Some(Err(StreamError::Decode(DecodeError::LineTooLong { .. })))));
    assert_eq!(told(next().unwrap().unwrap()), r#"message "b" "#);
    assert!(next().is_none());
    assert!(next().is_none());
}

#[test]
fn a_failing_chunk_is_passed_on() {
    let chunks = [Ok(Bytes::from("data: a\n\n")), Err(io::Error::other("cut"))];
    let items = collect(EventStream::new(stream::iter(chunks)));
    assert_eq!(items.len(), 2);
    match &items[1] {
        Err(StreamError::Chunk(error)) => assert_eq!(error.to_string(), "cut"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_decoder_of_a_stream_takes_its_last_event_id_to_the_next() {
    let mut first = EventStream::new(chunks(5));
    while first.next().now_or_never().unwrap().is_some() {}
    assert_eq!(first.last_event_id(), "7");
    let again = [Ok::<_, Infallible>(Bytes::from("data: c\n\n"))];
    let items = collect(EventStream::with_decoder(stream::iter(again), first.into_decoder()));
    assert_eq!(told(items.into_iter().next().unwrap().unwrap()), r#"message "c" 7"#);
}

#[test]
fn a_body_carries_frames_and_is_read_back() {
    let frames = [
        Frame::comment("hello"),
        OutgoingEvent::new().event_type(EventType::new("price").unwrap()).data("1\n2").encode(),
    ];
    let body = EventBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    let read = EventStream::from_body_with(body, SharedDecoder::new().comments(true));
    let items: Vec<_> = collect(read).into_iter().map(|item| told(item.unwrap())).collect();
    assert_eq!(items, [": hello", "price \"1\\n2\" "]);
}

#[test]
fn trailers_are_passed_over() {
    let trailers = http_body::Frame::trailers(http::HeaderMap::new());
    let frames =
        [Ok::<_, Infallible>(http_body::Frame::data(Bytes::from("data: a\n\n"))), Ok(trailers)];
    let read = EventStream::from_body(StreamBody::new(stream::iter(frames)));
    assert_eq!(collect(read).len(), 1);
}

#[test]
fn a_failing_block_fails_the_body() {
    let blocks = [Ok(OutgoingEvent::new().data("a")), Err(io::Error::other("cut"))];
    let body = EventBody::new(stream::iter(blocks));
    assert_eq!(body.collect().now_or_never().unwrap().unwrap_err().to_string(), "cut");
}

#[test]
fn a_codec_gives_the_items_whatever_the_reads() {
    for size in 1..=STREAM.len() {
        let mut codec = EventCodec::with_decoder(SharedDecoder::new().comments(true));
        let mut items = Vec::new();
        let mut buffer = BytesMut::new();
        for chunk in STREAM.chunks(size) {
            buffer.extend_from_slice(chunk);
            while let Some(item) = codec.decode(&mut buffer).unwrap() {
                items.push(told(item.unwrap()));
            }
            assert!(buffer.is_empty());
        }
        assert!(codec.decode_eof(&mut buffer).unwrap().is_none());
        assert_eq!(items, TOLD, "reads of {size}");
    }
}

#[test]
fn a_codec_that_is_driven_by_hand_uses_all_there_is() {
    let mut codec = EventCodec::new();
    let mut buffer = BytesMut::from("data: a\n\nda");
    assert_eq!(told(codec.decode(&mut buffer).unwrap().unwrap().unwrap()), r#"message "a" "#);
    // More comes while a piece of the last chunk is left.
    buffer.extend_from_slice(b"ta: b\n\ndata: c\n\n");
    assert_eq!(told(codec.decode(&mut buffer).unwrap().unwrap().unwrap()), r#"message "b" "#);
    buffer.extend_from_slice(b"data: d\n\n");
    assert_eq!(told(codec.decode(&mut buffer).unwrap().unwrap().unwrap()), r#"message "c" "#);
    assert_eq!(told(codec.decode(&mut buffer).unwrap().unwrap().unwrap()), r#"message "d" "#);
    assert!(codec.decode(&mut buffer).unwrap().is_none());
    assert!(buffer.is_empty());
}

/// Ends where it is empty, and goes on where there is more.
struct Twice(Vec<&'static [u8]>);

impl io::Read for Twice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let bytes = self.0.remove(0);
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[test]
fn what_a_stream_was_cut_within_is_seen_after_its_end() {
    let ends = [
        ("", None),
        ("data: b\n", Some(15)),
        ("data: b\r", Some(15)),
        ("\rdata: b", Some(16)),
        ("data: b\nid: 8", Some(15)),
        ("data: b\n: he", Some(15)),
        ("data: b\n\n: he", None),
        ("retry: 5", None),
    ];
    for (end, pending) in ends {
        let whole = format!("id: 7\ndata: a\n\n{end}");
        let seen = |decoder: &SharedDecoder| {
            assert_eq!(decoder.last_event_id(), "7");
            decoder.pending_event()
        };
        // What is incomplete is no item.
        let whole_events = whole.matches("\n\n").count();

        let mut items = Items::new(whole.as_bytes());
        assert!(items.by_ref().count() == whole_events);
        assert_eq!(seen(items.decoder()), pending, "{whole:?}");

        let chunks = stream::iter([Ok::<_, Infallible>(Bytes::from(whole.clone()))]);
        let mut events = EventStream::new(chunks);
        assert!(collect(&mut events).len() == whole_events && events.is_terminated());
        assert_eq!(seen(events.decoder()), pending, "{whole:?}");

        let mut framed = FramedRead::new(whole.as_bytes(), EventCodec::new());
        assert!(collect(&mut framed).len() == whole_events);
        assert_eq!(seen(framed.decoder().decoder()), pending, "{whole:?}");
    }
}

#[test]
fn what_comes_after_an_end_is_another_stream() {
    let mut items = Items::new(Twice(vec![b"id: 7\n\ndata: cut", b"", b"data: b\n\n"]));
    assert!(items.next().is_none());
    assert_eq!(items.decoder().pending_event(), Some(7));
    let item = items.next().unwrap().unwrap();
    assert_eq!(item.span().start, 0);
    assert_eq!(told(item), r#"message "b" 7"#);

    let mut codec = EventCodec::new();
    assert!(codec.decode_eof(&mut BytesMut::from("id: 7\n\ndata: cut")).unwrap().is_none());
    assert_eq!(codec.decoder().pending_event(), Some(7));
    let item = codec.decode(&mut BytesMut::from("data: b\n\n")).unwrap().unwrap().unwrap();
    assert_eq!(told(item), r#"message "b" 7"#);
}

#[test]
fn a_framed_reader_survives_a_dropped_event() {
    let decoder = SharedDecoder::with_limits(Limits::default().line(8));
    let socket = &b"data: too long\n\ndata: b\n\n"[..];
    let items = collect(FramedRead::new(socket, EventCodec::with_decoder(decoder)));
    assert_eq!(items.len(), 2);
    assert!(items[0].as_ref().unwrap().is_err());
    assert!(items[1].as_ref().unwrap().is_ok());
}

#[test]
fn a_framed_writer_takes_events_and_frames() {
    let mut socket = Vec::new();
    let mut writer = FramedWrite::new(&mut socket, EventCodec::new());
    let id = EventId::new("1").unwrap();
    writer.send(OutgoingEvent::new().id(id).data("a")).now_or_never().unwrap().unwrap();
    writer.send(Frame::comment("b")).now_or_never().unwrap().unwrap();
    assert_eq!(socket, b"id: 1\ndata: a\n\n: b\n\n");
}

#[test]
fn an_owned_event_goes_through_serde() {
    let item = collect(EventStream::new(chunks(9))).into_iter().next().unwrap().unwrap();
    let SharedItem::Event(event) = item else { panic!("{item:?}") };
    let shared = serde_json::to_string(&event).unwrap();
    let event = OwnedEvent::from(event);
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(json, r#"{"event_type":"price","data":"1.08","last_event_id":"7","has_id":true}"#);
    assert_eq!(shared, json);
    assert_eq!(serde_json::from_str::<OwnedEvent>(&json).unwrap(), event);
    let short: OwnedEvent = serde_json::from_str(r#"{"data":"x"}"#).unwrap();
    assert_eq!((&short.event_type[..], &short.last_event_id[..]), ("message", ""));
    let empty: OwnedEvent = serde_json::from_str(r#"{"event_type":"","data":"x"}"#).unwrap();
    assert_eq!(empty, short);
    let text: ByteStr = serde_json::from_str(r#""a\u00e9""#).unwrap();
    assert_eq!(serde_json::to_string(&text).unwrap(), "\"aé\"");
}

struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;

        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("written before it fails")?;
        Err(S::Error::custom("no more"))
    }
}

#[test]
fn json_goes_straight_into_data_lines() {
    let event = OutgoingEvent::new().event_type(EventType::new("t").unwrap());
    let value = serde_json::json!({"text": "a\nb\r", "list": [1, null]});
    let expected = event.clone().data(serde_json::to_string(&value).unwrap()).encode();
    assert_eq!(event.encode_json(&value).unwrap(), expected);
    let mut out = BytesMut::from("before");
    event.encode_json_into(&value, &mut out).unwrap();
    assert_eq!(out, [b"before", expected.as_bytes()].concat());
}

#[test]
fn json_with_line_breaks_of_its_own_stays_one_event() {
    let raw = serde_json::value::RawValue::from_string("[1,\r\n2,\r\n\n3]".into()).unwrap();
    let frame = OutgoingEvent::new().encode_json(&raw).unwrap();
    assert_eq!(frame.as_bytes(), b"data: [1,\ndata: 2,\ndata: \ndata: 3]\n\n");
}

#[test]
fn json_that_fails_leaves_the_buffer_as_it_was() {
    let mut out = b"data: before\n\n".to_vec();
    let error = OutgoingEvent::new().encode_json_into(&Fails, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "no more");
    assert_eq!(out, b"data: before\n\n");
}
