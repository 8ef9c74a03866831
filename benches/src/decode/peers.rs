//! Other people's decoders.

use std::{convert::Infallible, future::ready};

use bytes::{Bytes, BytesMut};
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio_util::codec::Decoder;

use super::{ChunkSize, chunks, shared_chunks, take};
use crate::rounds::{Contender, Outcome};

pub(super) fn add<'s>(contenders: &mut Vec<Contender<'s>>, stream: &'s Bytes, size: ChunkSize) {
    contenders.extend([
        Contender { name: "sse-core", work: Box::new(move || sse_core(stream, size)) },
        Contender { name: "sse-parse", work: Box::new(move || sse_parse(stream, size)) },
        Contender { name: "sse-stream", work: Box::new(move || sse_stream(stream, size)) },
        Contender { name: "russe", work: Box::new(move || russe(stream, size)) },
        Contender { name: "sseer", work: Box::new(move || sseer(stream, size)) },
        Contender { name: "eventsrc", work: Box::new(move || eventsrc(stream, size)) },
    ] as [Contender<'_>; 6]);
    // With each event it moves all that is left of the chunk: minutes for a whole stream of ticks.
    if size.is_some() {
        contenders.push(Contender {
            name: "eventsource-stream",
            work: Box::new(move || eventsource_stream(stream, size)),
        });
    }
}

fn sse_core(stream: &[u8], size: ChunkSize) -> Outcome {
    let limit = std::num::NonZeroUsize::new(8 << 20).unwrap_or(std::num::NonZeroUsize::MAX);
    let mut decoder = sse_core::SseDecoder::with_limit(limit);
    let mut outcome = Outcome::default();
    for mut chunk in chunks(stream, size) {
        while let Some(event) = decoder.next(&mut chunk) {
            if let Ok(sse_core::SseEvent::Message(event)) = event {
                take(&mut outcome, event.data.as_bytes());
            }
        }
    }
    outcome
}

fn sse_parse(stream: &[u8], size: ChunkSize) -> Outcome {
    let mut parser = sse_parse::SseParser::new().max_buffer(8 << 20);
    let mut outcome = Outcome::default();
    for chunk in chunks(stream, size) {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            take(&mut outcome, event.data.as_bytes());
        }
    }
    outcome
}

/// It decodes what was put into its buffer.
fn russe(stream: &[u8], size: ChunkSize) -> Outcome {
    let mut decoder = russe::Decoder::default();
    let mut buffer = BytesMut::new();
    let mut outcome = Outcome::default();
    for chunk in chunks(stream, size) {
        buffer.extend_from_slice(chunk);
        while let Ok(Some(event)) = decoder.decode(&mut buffer) {
            if let russe::Event::Message(message) = event {
                take(&mut outcome, message.data.as_bytes());
            }
        }
    }
    outcome
}

fn sse_stream(stream: &Bytes, size: ChunkSize) -> Outcome {
    all(sse_stream::SseByteStream::new(ready_chunks(stream, size)), |outcome, event| {
        if let Some(data) = event.data {
            take(outcome, data.as_bytes());
        }
    })
}

fn eventsource_stream(stream: &Bytes, size: ChunkSize) -> Outcome {
    all(ready_chunks(stream, size).eventsource(), |outcome, event| {
        take(outcome, event.data.as_bytes());
    })
}

fn sseer(stream: &Bytes, size: ChunkSize) -> Outcome {
    all(sseer::EventStream::new(ready_chunks(stream, size)), |outcome, event| {
        take(outcome, event.data.as_bytes());
    })
}

fn eventsrc(stream: &Bytes, size: ChunkSize) -> Outcome {
    all(eventsrc::EventStream::new(ready_chunks(stream, size)), |outcome, event| {
        take(outcome, event.data().as_bytes());
    })
}

/// Chunks that are there without waiting.
fn ready_chunks(
    stream: &Bytes,
    size: ChunkSize,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(shared_chunks(stream, size).map(Ok))
}

/// Everything of a stream that never waits.
fn all<T, E>(
    events: impl Stream<Item = Result<T, E>>,
    mut each: impl FnMut(&mut Outcome, T),
) -> Outcome {
    let mut outcome = Outcome::default();
    let done = events.for_each(|event| {
        if let Ok(event) = event {
            each(&mut outcome, event);
        }
        ready(())
    });
    done.now_or_never();
    outcome
}
