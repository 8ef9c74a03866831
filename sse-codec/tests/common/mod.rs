//! The decoder and its naive twin, brought to one form.

#![allow(dead_code, unreachable_pub, unnameable_types, missing_docs)]
#![allow(clippy::exhaustive_enums, clippy::unwrap_used)]

pub mod naive;

use naive::Outcome;
use sse_codec::{Buffers, DecodeError, Decoder, Item, Limits, SliceDecoder};

/// A stream as a decoder read it.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    pub outcomes: Vec<Outcome>,
    pub last_event_id: String,
}

/// Decodes `chunks`, comments included.
pub fn read<'c>(limits: Limits, chunks: impl IntoIterator<Item = &'c [u8]>) -> Reading {
    let mut reader = Reader::new(limits);
    for chunk in chunks {
        reader.feed(chunk);
    }
    reader.finish()
}

/// Decodes `chunks` without an allocator, comments included. `value` limits event types and IDs.
pub fn read_lent<'c>(
    limits: Limits,
    value: usize,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Reading {
    let (mut line, mut event) = (vec![0; limits.line], vec![0; limits.event + 1]);
    let (mut event_type, mut last, mut id) = (vec![0; value], vec![0; value], vec![0; value]);
    let mut decoder = SliceDecoder::new(Buffers {
        line: &mut line,
        event: &mut event,
        event_type: &mut event_type,
        ids: [&mut last, &mut id],
    })
    .comments(true);
    let mut outcomes = Vec::new();
    for mut chunk in chunks {
        while let Some(item) = decoder.decode(&mut chunk).transpose() {
            outcomes.push(item.map_or_else(error_outcome, outcome));
        }
    }
    decoder.finish();
    Reading { outcomes, last_event_id: decoder.last_event_id().to_owned() }
}

/// What the naive twin says of the whole stream, with a limit for event types and IDs.
pub fn read_naively_with(limits: Limits, value: usize, stream: &[u8]) -> Reading {
    let (outcomes, last_event_id) = naive::decode_with(stream, limits.line, limits.event, value);
    Reading { outcomes, last_event_id }
}

/// What the naive twin says of the whole stream.
pub fn read_naively(limits: Limits, stream: &[u8]) -> Reading {
    let (outcomes, last_event_id) = naive::decode(stream, limits.line, limits.event);
    Reading { outcomes, last_event_id }
}

pub struct Reader {
    decoder: Decoder,
    pub outcomes: Vec<Outcome>,
}

impl Reader {
    pub fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::with_limits(limits).comments(true), outcomes: Vec::new() }
    }

    pub fn feed(&mut self, chunk: &[u8]) {
        // A copy of its own, so that reading outside the chunk would show.
        let chunk = chunk.to_vec().into_boxed_slice();
        let mut input = &chunk[..];
        loop {
            match self.decoder.decode(&mut input) {
                Ok(None) => break,
                Ok(Some(item)) => self.outcomes.push(outcome(item)),
                Err(error) => self.outcomes.push(error_outcome(error)),
            }
        }
        assert!(input.is_empty(), "decode() left {input:?} and asked for more");
    }

    pub fn finish(mut self) -> Reading {
        self.decoder.finish();
        Reading { outcomes: self.outcomes, last_event_id: self.decoder.last_event_id().to_owned() }
    }
}

pub fn outcome(item: Item<'_>) -> Outcome {
    let span = item.span();
    let (start, end) = (span.start, span.end);
    match item {
        Item::Event(event) => Outcome::Event {
            event_type: event.event_type.to_owned(),
            data: event.data.to_owned(),
            last_event_id: event.last_event_id.to_owned(),
            start,
            end,
        },
        Item::Comment { text, .. } => Outcome::Comment { text: text.to_owned(), start, end },
        Item::ReconnectionTime { duration, .. } => Outcome::ReconnectionTime {
            milliseconds: u64::try_from(duration.as_millis()).unwrap(),
            start,
            end,
        },
        other => panic!("an item these tests do not know: {other:?}"),
    }
}

pub fn error_outcome(error: DecodeError) -> Outcome {
    match error {
        DecodeError::LineTooLong { line_start, .. } => Outcome::LineTooLong { line_start },
        DecodeError::EventTooLong { event_start, .. } => Outcome::EventTooLong { event_start },
        other => panic!("an error these tests do not know: {other:?}"),
    }
}
