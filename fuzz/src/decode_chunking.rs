//! Law: what a decoder gives never depends on how the stream was cut.

use std::time::Duration;

use sse_codec::{DecodeError, Decoder, Item, OwnedEvent, Span};

use crate::input::Input;

/// Decodes a stream whole and cut, and compares everything that came out.
pub fn decode_chunking(input: &[u8]) {
    let Some(input) = Input::new(input) else { return };
    let whole = decode(input, [input.stream]);
    let cut = decode(input, input.chunks());
    assert_eq!(whole, cut, "the result depends on the cuts of {input:?}");
}

/// What one decoder gave for one stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    items: Vec<Result<OwnedItem, DecodeError>>,
    last_event_id: String,
}

#[derive(Debug, PartialEq)]
enum OwnedItem {
    Event(OwnedEvent, Span),
    Comment(String, Span),
    ReconnectionTime(Duration, Span),
}

fn decode<'s>(input: Input<'_>, chunks: impl IntoIterator<Item = &'s [u8]>) -> Outcome {
    let mut decoder = Decoder::with_limits(input.limits()).comments(input.comments());
    let mut items = Vec::new();
    for mut chunk in chunks {
        while let Some(item) = decoder.decode(&mut chunk).map(|item| item.map(own)).transpose() {
            items.push(item);
        }
        assert!(chunk.is_empty(), "the decoder asked for more before it had used the chunk");
    }
    decoder.finish();
    Outcome { items, last_event_id: decoder.last_event_id().to_owned() }
}

fn own(item: Item<'_>) -> OwnedItem {
    match item {
        Item::Event(event) => OwnedItem::Event(event.to_owned(), event.span),
        Item::Comment { text, span, .. } => OwnedItem::Comment(text.to_owned(), span),
        Item::ReconnectionTime { duration, span, .. } => {
            OwnedItem::ReconnectionTime(duration, span)
        }
        other => panic!("an item this target does not compare yet: {other:?}"),
    }
}
