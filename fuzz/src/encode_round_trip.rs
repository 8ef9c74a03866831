//! Law: what is encoded is decoded as exactly one event, equal but for its line breaks.

use std::{borrow::Cow, time::Duration};

use sse_codec::{Decoder, EventId, EventType, Item, OutgoingEvent, OwnedEvent};

/// Not part of any UTF-8 text, so it can part the texts of an input.
const SEPARATOR: u8 = 0xff;

/// Encodes an event between two others, and compares what comes back.
///
/// The first byte says which fields are set; then event type, id and data, with a byte of value 255
/// between them. What no stream can carry must be refused; all else must come back, and the
/// events before and after it must stay as they were.
pub fn encode_round_trip(input: &[u8]) {
    let [fields, rest @ ..] = input else { return };
    let mut texts = rest.splitn(3, |byte| *byte == SEPARATOR).map(String::from_utf8_lossy);
    let mut text = || texts.next().unwrap_or_default();
    let (event_type, id, data) = (text(), text(), text());

    let Some(event) = outgoing(*fields, &event_type, &id) else { return };
    let event = event.data(&*data);
    let frame = event.encode();
    assert_eq!(frame.as_bytes().len(), event.encoded_len(), "the length said beforehand is wrong");

    let mut stream = encoded("before");
    stream.extend_from_slice(frame.as_bytes());
    stream.extend_from_slice(&encoded("after"));

    let own_id = if fields & HAS_ID != 0 { &*id } else { "" };
    let own_type = match &*event_type {
        given if fields & HAS_TYPE != 0 && !given.is_empty() => given,
        _ => "message",
    };
    let expected = [
        ("message", "before", ""),
        (own_type, &*line_breaks_as_lf(&data), own_id),
        ("message", "after", own_id),
    ];
    let decoded = decode(&stream, if fields & HAS_RETRY != 0 { 1 } else { 0 });
    let decoded: Vec<_> = decoded
        .iter()
        .map(|event| (&*event.event_type, &*event.data, &*event.last_event_id))
        .collect();
    assert_eq!(decoded, expected);
}

const HAS_TYPE: u8 = 1;
const HAS_ID: u8 = 2;
const HAS_RETRY: u8 = 4;

/// The event without its data; `None` where a value was refused, as it had to be.
fn outgoing<'a>(fields: u8, event_type: &'a str, id: &'a str) -> Option<OutgoingEvent<'a>> {
    let mut event = OutgoingEvent::new();
    if fields & HAS_TYPE != 0 {
        let value = EventType::new(event_type);
        assert_eq!(value.is_err(), event_type.contains(['\r', '\n']), "event type {event_type:?}");
        event = event.event_type(value.ok()?);
    }
    if fields & HAS_ID != 0 {
        let value = EventId::new(id);
        assert_eq!(value.is_err(), id.contains(['\r', '\n', '\0']), "id {id:?}");
        event = event.id(value.ok()?);
    }
    if fields & HAS_RETRY != 0 {
        event = event.reconnection_time(retry(fields));
    }
    Some(event)
}

fn retry(fields: u8) -> Duration {
    Duration::from_millis(u64::MAX >> (fields >> 3))
}

fn encoded(data: &str) -> Vec<u8> {
    OutgoingEvent::new().data(data).encode().as_bytes().to_vec()
}

fn decode(mut stream: &[u8], reconnection_times: usize) -> Vec<OwnedEvent> {
    let mut decoder = Decoder::new().comments(true);
    let mut events = Vec::new();
    let mut times = 0;
    while let Some(item) =
        decoder.decode(&mut stream).expect("a fuzzer's input is below the limits")
    {
        match item {
            Item::Event(event) => events.push(event.to_owned()),
            Item::ReconnectionTime { .. } => times += 1,
            other => panic!("nobody encoded {other:?}"),
        }
    }
    assert_eq!(times, reconnection_times, "reconnection times");
    events
}

/// What the standard leaves of a text: CRLF, CR and LF are one line break each.
fn line_breaks_as_lf(data: &str) -> Cow<'_, str> {
    if data.contains('\r') {
        data.replace("\r\n", "\n").replace('\r', "\n").into()
    } else {
        data.into()
    }
}
