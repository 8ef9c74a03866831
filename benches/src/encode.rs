//! The encoders, each as its own documentation says to use it, on the events of the corpora.
//!
//! Everybody starts from borrowed text and ends in a buffer that is used again, where the encoder lets
//! one bring it; what it allocates on the way is part of the price.

use std::{hint::black_box, time::Duration};

use bytes::BytesMut;
use sse_codec::{Decoder, EventId, EventType, Item, Limits, OutgoingEvent};

use crate::{
    corpus,
    rounds::{Contender, Outcome},
};

/// The corpora whose events are encoded.
pub const LETTERS: [char; 7] = ['a', 'b', 'c', 'd', 'e', 'h', 'i'];

/// How many bytes a batch takes in memory, about: no more than stays in the cache next to the processor,
/// so that encoders are measured and not the memory.
const BATCH: usize = 128 << 10;

/// What an event is made of.
#[derive(Debug)]
pub struct Parts {
    /// The type, where it is not the default one.
    pub event_type: Option<String>,
    /// The event's own id.
    pub id: Option<String>,
    /// The reconnection time.
    pub retry: Option<Duration>,
    /// The data, its lines joined by LF.
    pub data: String,
}

/// Events to encode, over and over.
#[derive(Debug)]
pub struct Batch {
    /// The events.
    pub parts: Vec<Parts>,
    /// The bytes of their data.
    pub data_bytes: u64,
    /// The bytes they come to, encoded.
    pub encoded_bytes: usize,
}

impl Batch {
    /// The first events of a corpus. `None` if there is no such corpus.
    pub fn of(letter: char) -> Option<Self> {
        let corpus = corpus::of_size(letter, BATCH)?;
        let mut decoder = Decoder::with_limits(Limits::default().line(4 << 20).event(8 << 20));
        let mut input = &corpus.bytes[..];
        let (mut parts, mut retry, mut data_bytes): (Vec<Parts>, _, _) = (Vec::new(), None, 0);
        while let Ok(Some(item)) = decoder.decode(&mut input) {
            match item {
                Item::ReconnectionTime { duration, .. } => retry = Some(duration),
                Item::Event(event) => {
                    let has_type = event.event_type != sse_codec::DEFAULT_EVENT_TYPE;
                    let has_id = !event.last_event_id.is_empty();
                    data_bytes += event.data.len();
                    parts.push(Parts {
                        event_type: has_type.then(|| event.event_type.to_owned()),
                        id: has_id.then(|| event.last_event_id.to_owned()),
                        retry: retry.take(),
                        data: event.data.to_owned(),
                    });
                    if data_bytes + parts.len() * size_of::<Parts>() >= BATCH {
                        break;
                    }
                }
                Item::Comment { .. } | _ => {}
            }
        }
        let encoded_bytes =
            parts.iter().map(|parts| ours(parts, |event| event.encoded_len())).sum();
        Some(Self { parts, data_bytes: data_bytes as u64, encoded_bytes })
    }

    fn outcome(&self) -> Outcome {
        Outcome { events: self.parts.len() as u64, data_bytes: self.data_bytes }
    }
}

/// Makes the event as our encoder takes it, its values checked, and uses it where it stands, as the peers'
/// events are made and used in their loops.
#[inline(always)]
fn ours<T>(parts: &Parts, act: impl FnOnce(&OutgoingEvent<'_>) -> T) -> T {
    let mut event = OutgoingEvent::new().data(&parts.data);
    if let Some(event_type) = &parts.event_type
        && let Ok(event_type) = EventType::new(event_type)
    {
        event = event.event_type(event_type);
    }
    if let Some(id) = &parts.id
        && let Ok(id) = EventId::new(id)
    {
        event = event.id(id);
    }
    if let Some(retry) = parts.retry {
        event = event.reconnection_time(retry);
    }
    act(&event)
}

/// Our encoder into a `Vec`.
pub fn into_vec(batch: &Batch, out: &mut Vec<u8>) -> Outcome {
    out.clear();
    for parts in &batch.parts {
        ours(parts, |event| event.encode_into(out));
    }
    debug_assert_eq!(out.len(), batch.encoded_bytes);
    black_box(&out);
    batch.outcome()
}

fn into_bytes_mut(batch: &Batch, out: &mut BytesMut) -> Outcome {
    out.clear();
    for parts in &batch.parts {
        ours(parts, |event| event.encode_into(out));
    }
    black_box(&out);
    batch.outcome()
}

fn frames(batch: &Batch) -> Outcome {
    for parts in &batch.parts {
        black_box(ours(parts, |event| event.encode()));
    }
    batch.outcome()
}

fn written(batch: &Batch, out: &mut Vec<u8>) -> Outcome {
    use core::fmt::Write;

    out.clear();
    for parts in &batch.parts {
        ours(parts, |event| {
            let mut writer = event.data_writer(out);
            // Writing to memory does not fail.
            let _written = writer.write_str(&parts.data);
            writer.finish();
        });
    }
    black_box(&out);
    batch.outcome()
}

/// The bound of whoever must at least move the bytes.
fn copy(batch: &Batch, out: &mut Vec<u8>) -> Outcome {
    out.clear();
    for parts in &batch.parts {
        out.extend_from_slice(parts.data.as_bytes());
    }
    black_box(&out);
    batch.outcome()
}

#[cfg(feature = "peers")]
fn russe(batch: &Batch, out: &mut BytesMut) -> Outcome {
    use tokio_util::codec::Encoder;

    out.clear();
    let mut encoder = russe::Encoder::default();
    for parts in &batch.parts {
        let message = russe::Message {
            data: parts.data.as_str().into(),
            event: parts.event_type.as_deref().map(Into::into),
            retry: parts.retry,
            id: parts.id.as_deref().map(Into::into),
        };
        // The values are legal.
        let _encoded = encoder.encode(russe::Event::Message(message), out);
    }
    black_box(&out);
    batch.outcome()
}

#[cfg(feature = "peers")]
fn sse_stream(batch: &Batch, mut give: impl FnMut(bytes::Bytes)) -> Outcome {
    for parts in &batch.parts {
        let event = sse_stream::Sse {
            event: parts.event_type.clone(),
            data: Some(parts.data.clone()),
            id: parts.id.clone(),
            retry: parts.retry.map(|retry| retry.as_millis() as u64),
        };
        // The values are legal.
        if let Ok(bytes) = event.encode() {
            give(bytes);
        }
    }
    batch.outcome()
}

/// One batch as one response body, which is the only way to its bytes.
#[cfg(feature = "peers")]
fn axum(batch: &Batch, mut give: impl FnMut(bytes::Bytes)) -> Outcome {
    use axum::response::{IntoResponse, Sse, sse::Event};
    use futures_util::{FutureExt, StreamExt};

    // A body must own its stream, so the events are made first; its encoder works while they are.
    let events: Vec<Result<Event, std::convert::Infallible>> = batch
        .parts
        .iter()
        .map(|parts| {
            let mut event = Event::default();
            if let Some(event_type) = &parts.event_type {
                event = event.event(event_type);
            }
            if let Some(id) = &parts.id {
                event = event.id(id);
            }
            if let Some(retry) = parts.retry {
                event = event.retry(retry);
            }
            Ok(event.data(&parts.data))
        })
        .collect();
    let body = Sse::new(futures_util::stream::iter(events)).into_response().into_body();
    let each = body.into_data_stream().for_each(|chunk| {
        if let Ok(chunk) = chunk {
            give(chunk);
        }
        std::future::ready(())
    });
    each.now_or_never();
    batch.outcome()
}

#[cfg(feature = "peers")]
fn tokio_sse_codec(batch: &Batch, out: &mut BytesMut) -> Outcome {
    use tokio_util::codec::Encoder;

    out.clear();
    let mut encoder = tokio_sse_codec::SseEncoder::new();
    for parts in &batch.parts {
        let frame = tokio_sse_codec::Frame::Event(tokio_sse_codec::Event {
            id: parts.id.clone().map(Into::into),
            name: match &parts.event_type {
                Some(event_type) => event_type.clone().into(),
                None => "message".into(),
            },
            data: &parts.data,
        });
        if let Some(retry) = parts.retry {
            let _encoded = encoder.encode(tokio_sse_codec::Frame::<&str>::Retry(retry), out);
        }
        // The values are legal.
        let _encoded = encoder.encode(frame, out);
    }
    black_box(&out);
    batch.outcome()
}

/// The names of those [`contenders`] that are ours; they come first, in this order.
pub const DOORS: [&str; 4] = ["vec", "bytes-mut", "frame", "written"];

/// The name of the one that encodes nothing; it comes next.
pub const BOUND: &str = "copy";

/// All contenders for one batch: our doors, the bound, the peers.
pub fn contenders(batch: &Batch) -> Vec<Contender<'_>> {
    let vec = || Vec::with_capacity(batch.encoded_bytes);
    let (mut a, mut b, mut c) = (vec(), vec(), vec());
    let mut d = BytesMut::with_capacity(batch.encoded_bytes);
    let mut contenders: Vec<Contender<'_>> = vec![
        Contender { name: "vec", work: Box::new(move || into_vec(batch, &mut a)) },
        Contender { name: "bytes-mut", work: Box::new(move || into_bytes_mut(batch, &mut d)) },
        Contender { name: "frame", work: Box::new(move || frames(batch)) },
        Contender { name: "written", work: Box::new(move || written(batch, &mut b)) },
        Contender { name: "copy", work: Box::new(move || copy(batch, &mut c)) },
    ];
    #[cfg(feature = "peers")]
    {
        let bytes = || BytesMut::with_capacity(2 * batch.encoded_bytes);
        let (mut a, mut b) = (bytes(), bytes());
        contenders.extend([
            Contender { name: "russe", work: Box::new(move || russe(batch, &mut a)) },
            Contender {
                name: "tokio_sse_codec",
                work: Box::new(move || tokio_sse_codec(batch, &mut b)),
            },
            Contender {
                name: "sse-stream",
                work: Box::new(move || sse_stream(batch, |bytes| drop(black_box(bytes)))),
            },
            Contender {
                name: "axum",
                work: Box::new(move || axum(batch, |bytes| drop(black_box(bytes)))),
            },
        ] as [Contender<'_>; 4]);
    }
    contenders.shrink_to_fit();
    contenders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes every batch in each of our ways, which must give the same bytes.
    #[test]
    fn every_door_writes_the_same_events() {
        for letter in LETTERS {
            let batch = Batch::of(letter).unwrap_or_else(|| panic!("corpus {letter}"));
            let (mut vec, mut bytes, mut writer) = (Vec::new(), BytesMut::new(), Vec::new());
            into_vec(&batch, &mut vec);
            into_bytes_mut(&batch, &mut bytes);
            written(&batch, &mut writer);
            assert_eq!(vec.len(), batch.encoded_bytes, "corpus {letter}");
            assert_eq!(vec, bytes, "corpus {letter}");
            assert_eq!(vec, writer, "corpus {letter}");
            let mut decoder = Decoder::new();
            let (mut input, mut at) = (&vec[..], 0);
            while let Ok(Some(item)) = decoder.decode(&mut input) {
                if let Item::Event(event) = item {
                    assert_eq!(event.data, batch.parts[at].data, "corpus {letter}, event {at}");
                    at += 1;
                }
            }
            assert_eq!(at, batch.parts.len(), "corpus {letter}");
            // The rest of what the benchmark `encode` runs, once.
            for mut contender in contenders(&batch) {
                assert_eq!((contender.work)(), batch.outcome(), "corpus {letter}, {contender:?}");
            }
        }
    }

    /// What each peer is timed at is the work that we do: its bytes are the same events.
    #[cfg(feature = "peers")]
    #[test]
    fn every_peer_writes_the_same_events() {
        for letter in LETTERS {
            let batch = Batch::of(letter).unwrap_or_else(|| panic!("corpus {letter}"));
            let (mut a, mut b) = (BytesMut::new(), BytesMut::new());
            let (mut c, mut d) = (Vec::new(), Vec::new());
            russe(&batch, &mut a);
            tokio_sse_codec(&batch, &mut b);
            sse_stream(&batch, |bytes| c.extend_from_slice(&bytes));
            axum(&batch, |bytes| d.extend_from_slice(&bytes));
            for (peer, bytes) in
                [("russe", &a[..]), ("tokio_sse_codec", &b), ("sse-stream", &c), ("axum", &d)]
            {
                let (mut decoder, mut input) = (Decoder::new(), bytes);
                let (mut retry, mut at) = (None, 0);
                while let Ok(Some(item)) = decoder.decode(&mut input) {
                    match item {
                        Item::ReconnectionTime { duration, .. } => retry = Some(duration),
                        Item::Event(event) => {
                            let parts = &batch.parts[at];
                            let event_type = parts.event_type.as_deref().unwrap_or("message");
                            let of_peer = (event.event_type, event.data, retry.take());
                            let ours = (event_type, parts.data.as_str(), parts.retry);
                            assert_eq!(of_peer, ours, "{peer}, corpus {letter}, event {at}");
                            let id = parts.id.as_deref().filter(|_| event.has_id);
                            assert_eq!(id, parts.id.as_deref(), "{peer}, corpus {letter}");
                            at += 1;
                        }
                        // Nobody encodes any, and others may come.
                        Item::Comment { .. } | _ => {}
                    }
                }
                assert_eq!(at, batch.parts.len(), "{peer}, corpus {letter}");
            }
        }
    }
}
