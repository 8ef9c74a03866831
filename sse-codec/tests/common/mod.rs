//! The decoder and its naive twin, brought to one form.

#![allow(dead_code, unreachable_pub, unnameable_types, missing_docs)]
#![allow(clippy::exhaustive_enums, clippy::unwrap_used)]

pub mod naive;

use naive::{Outcome, Rules};
use sse_codec::{Buffers, DecodeError, Decoder, Item, Limits, SliceDecoder};

/// A stream as a decoder read it.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    pub outcomes: Vec<Outcome>,
    pub last_event_id: String,
}

/// The rules that the decoder follows with these limits, comments asked for.
pub fn rules(limits: Limits) -> Rules {
    let value = limits.value.min(limits.line);
    Rules { line: limits.line, event: limits.event, value, comments: true }
}

/// Decodes `chunks` by the pull door.
pub fn read<'c>(rules: Rules, chunks: impl IntoIterator<Item = &'c [u8]>) -> Reading {
    let mut reader = Reader::new(rules);
    for chunk in chunks {
        reader.feed(chunk);
    }
    reader.finish()
}

/// Decodes `chunks` by the visit door.
pub fn visit<'c>(rules: Rules, chunks: impl IntoIterator<Item = &'c [u8]>) -> Reading {
    let Reader { mut decoder, mut outcomes } = Reader::new(rules);
    for chunk in chunks {
        decoder.visit(chunk, |item| outcomes.push(item.map_or_else(error_outcome, outcome)));
    }
    Reader { decoder, outcomes }.finish()
}

/// Decodes `chunks` without an allocator.
pub fn read_lent<'c>(rules: Rules, chunks: impl IntoIterator<Item = &'c [u8]>) -> Reading {
    let (mut line, mut event) = (vec![0; rules.line], vec![0; rules.event + 1]);
    let value = || vec![0; rules.value];
    let (mut event_type, mut last, mut id) = (value(), value(), value());
    let mut decoder = SliceDecoder::new(Buffers {
        line: &mut line,
        event: &mut event,
        event_type: &mut event_type,
        ids: [&mut last, &mut id],
    })
    .comments(rules.comments);
    let mut outcomes = Vec::new();
    for mut chunk in chunks {
        while let Some(item) = decoder.decode(&mut chunk).transpose() {
            outcomes.push(item.map_or_else(error_outcome, outcome));
        }
    }
    decoder.finish();
    Reading { outcomes, last_event_id: decoder.last_event_id().to_owned() }
}

/// Decodes `chunks`, and forgets what is more than `most` bytes after each.
pub fn forgetful<'c>(
    rules: Rules,
    chunks: impl IntoIterator<Item = &'c [u8]>,
    most: usize,
) -> Reading {
    let mut reader = Reader::new(rules);
    for chunk in chunks {
        reader.feed(chunk);
        reader.decoder.forget_text(most);
    }
    measured(reader.finish())
}

/// The same with the lengths of texts in their place.
pub fn measured(mut reading: Reading) -> Reading {
    for outcome in &mut reading.outcomes {
        if let Outcome::Event { data: text, .. } | Outcome::Comment { text, .. } = outcome {
            *text = text.len().to_string();
        }
    }
    reading
}

/// What the naive twin says of the whole stream.
pub fn read_naively(rules: Rules, stream: &[u8]) -> Reading {
    let (outcomes, last_event_id) = naive::decode(stream, rules);
    Reading { outcomes, last_event_id }
}

pub struct Reader {
    decoder: Decoder,
    pub outcomes: Vec<Outcome>,
}

impl Reader {
    pub fn new(rules: Rules) -> Self {
        let limits = Limits::default().line(rules.line).event(rules.event).value(rules.value);
        let decoder = Decoder::with_limits(limits).comments(rules.comments);
        Self { decoder, outcomes: Vec::new() }
    }

    pub fn feed(&mut self, chunk: &[u8]) {
        // A copy of its own, so that reading outside the chunk would show.
        let chunk = chunk.to_vec().into_boxed_slice();
        let mut input = &chunk[..];
        while let Some(item) = self.decoder.decode(&mut input).transpose() {
            self.outcomes.push(item.map_or_else(error_outcome, outcome));
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
            has_id: event.has_id,
            start,
            end,
        },
        Item::Comment { text, .. } => Outcome::Comment { text: text.to_owned(), start, end },
        Item::ReconnectionTime { duration, .. } => Outcome::ReconnectionTime {
            milliseconds: u64::try_from(duration.as_millis()).unwrap(),
            start,
            end,
        },
        Item::EventOutline { event_type, data_len, last_event_id, has_id, .. } => Outcome::Event {
            event_type: event_type.to_owned(),
            data: filler(data_len),
            last_event_id: last_event_id.to_owned(),
            has_id,
            start,
            end,
        },
        Item::CommentOutline { text_len, .. } => {
            Outcome::Comment { text: filler(text_len), start, end }
        }
        other => panic!("an item these tests do not know: {other:?}"),
    }
}

/// What stands for a text of which only the length is known.
fn filler(len: usize) -> String {
    ".".repeat(len)
}

pub fn error_outcome(error: DecodeError) -> Outcome {
    match error {
        DecodeError::LineTooLong { line_start, event_start, .. } => {
            Outcome::LineTooLong { line_start, event_start }
        }
        DecodeError::CommentTooLong { line_start, .. } => Outcome::CommentTooLong { line_start },
        DecodeError::ValueTooLong { line_start, event_start, .. } => {
            Outcome::ValueTooLong { line_start, event_start }
        }
        DecodeError::EventTooLong { event_start, .. } => Outcome::EventTooLong { event_start },
        other => panic!("an error these tests do not know: {other:?}"),
    }
}
