//! Law: what a decoder gives never depends on how the stream was cut.

use std::time::Duration;

use sse_codec::{DecodeError, Decoder, Item, Limits, OwnedEvent, Span};

/// Decodes a stream whole and cut, and compares everything that came out.
///
/// The first byte chooses the limits and whether comments are wanted; the second says how many of
/// the bytes after it are lengths of chunks, taken in turn and over again; the rest is the stream. So a
/// corpus file can be written with an editor: `0`, `1`, a byte of value 1, and a stream is that
/// stream byte by byte.
pub fn decode_chunking(input: &[u8]) {
    let [options, count, rest @ ..] = input else { return };
    let (lengths, stream) = rest.split_at(rest.len().min(usize::from(count & 0x0f)));
    let whole = decode(*options, [stream]);
    let cut = decode(*options, chunks(stream, lengths));
    assert_eq!(whole, cut, "the result depends on the cuts {lengths:?}");
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

fn decode<'s>(options: u8, chunks: impl IntoIterator<Item = &'s [u8]>) -> Outcome {
    let mut decoder = Decoder::with_limits(limits(options)).comments(options & 1 == 1);
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

/// Limits so small that a short input passes them, or the default ones.
fn limits(options: u8) -> Limits {
    match options >> 1 & 0b11 {
        0 => Limits::default(),
        1 => Limits::default().line(8),
        2 => Limits::default().event(24),
        _ => Limits::default().line(16).event(24),
    }
}

/// The stream in chunks of these lengths, over again while they last; whole where they are all 0.
fn chunks<'s>(stream: &'s [u8], lengths: &[u8]) -> Vec<&'s [u8]> {
    if lengths.iter().all(|length| *length == 0) {
        return vec![stream];
    }
    let mut rest = stream;
    let mut chunks = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(usize::from(*length)));
        chunks.push(chunk);
        rest = after;
    }
    chunks
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
