//! Law: every door of the decoder gives what a slow, obvious decoder gives.

use bytes::Bytes;
use sse_codec::{SharedDecoder, SharedItem};

use crate::{
    common::{
        forgetful, measured,
        naive::{Outcome, Rules},
        read, read_lent, read_naively, rules, visit,
    },
    input::Input,
};

/// Decodes a cut stream by each door, beside the naive twin.
pub fn decode_vs_naive(input: &[u8]) {
    let Some(input) = Input::new(input) else { return };
    let owned = Rules { comments: input.comments(), ..rules(input.limits()) };
    let expected = read_naively(owned, input.stream);
    assert_eq!(read(owned, input.chunks()), expected, "{input:?}");
    assert_eq!(visit(owned, input.chunks()), expected, "by the visit door: {input:?}");
    let events = expected.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Event { event_type, data, last_event_id, .. } => {
            Some([event_type, data, last_event_id].map(Clone::clone))
        }
        Outcome::Comment { .. }
        | Outcome::ReconnectionTime { .. }
        | Outcome::LineTooLong { .. }
        | Outcome::CommentTooLong { .. }
        | Outcome::ValueTooLong { .. }
        | Outcome::EventTooLong { .. } => None,
    });
    let shared = shared_events(input);
    assert_eq!(shared, events.collect::<Vec<_>>(), "by the shared door: {input:?}");

    let told = forgetful(owned, input.chunks(), input.most());
    assert_eq!(told, measured(expected), "forgetting: {input:?}");

    // Small enough that most inputs pass one of them, and that lending the memory costs nothing.
    let lent = Rules { line: 48, event: 64, value: 12, ..owned };
    let expected = read_naively(lent, input.stream);
    assert_eq!(read_lent(lent, input.chunks()), expected, "without an allocator: {input:?}");
}

fn shared_events(input: Input<'_>) -> Vec<[String; 3]> {
    let mut decoder = SharedDecoder::with_limits(input.limits()).comments(input.comments());
    let mut events = Vec::new();
    for chunk in input.chunks() {
        let mut chunk = Bytes::copy_from_slice(chunk);
        while !chunk.is_empty() {
            if let Ok(Some(SharedItem::Event(event))) = decoder.decode(&mut chunk) {
                let texts = [event.event_type, event.data, event.last_event_id];
                events.push(texts.map(|text| text.as_str().to_owned()));
            }
        }
    }
    events
}
