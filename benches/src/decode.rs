//! The decoders, each as its own documentation says to use it.

#[cfg(feature = "peers")]
mod peers;

use bytes::Bytes;
use sse_codec::{Decoder, Item, Limits, SharedDecoder, SharedItem};

use crate::rounds::{Contender, Outcome};

/// Bytes of a chunk, or none for the whole stream as one.
pub type ChunkSize = Option<usize>;

/// The chunk sizes that are measured: the smallest reads, a network packet, a TLS record, a large read,
/// everything.
pub const CHUNK_SIZES: [ChunkSize; 5] =
    [Some(64), Some(1_400), Some(16 << 10), Some(64 << 10), None];

fn chunks(stream: &[u8], size: ChunkSize) -> std::slice::Chunks<'_, u8> {
    stream.chunks(size.unwrap_or(stream.len()).max(1))
}

fn shared_chunks(stream: &Bytes, size: ChunkSize) -> impl Iterator<Item = Bytes> {
    let size = size.unwrap_or(stream.len()).max(1);
    (0..stream.len()).step_by(size).map(move |start| {
        let end = (start + size).min(stream.len());
        stream.slice(start..end)
    })
}

/// What becomes of every event, ours and the peers': its data is counted, and no compiler may leave out where
/// it lies.
#[inline(always)]
fn take(outcome: &mut Outcome, data: &[u8]) {
    outcome.events += 1;
    outcome.data_bytes += data.len() as u64;
    std::hint::black_box(data.as_ptr());
}

/// No line of a corpus passes these.
fn limits() -> Limits {
    Limits::default().line(4 << 20).event(8 << 20)
}

/// Our pull door.
pub fn pull(stream: &[u8], size: ChunkSize) -> Outcome {
    let mut decoder = Decoder::with_limits(limits());
    let mut outcome = Outcome::default();
    for mut input in chunks(stream, size) {
        while let Ok(Some(item)) = decoder.decode(&mut input) {
            if let Item::Event(event) = item {
                take(&mut outcome, event.data.as_bytes());
            }
        }
    }
    outcome
}

/// Our visit door.
pub fn visit(stream: &[u8], size: ChunkSize) -> Outcome {
    let mut decoder = Decoder::with_limits(limits());
    let mut outcome = Outcome::default();
    for chunk in chunks(stream, size) {
        decoder.visit(chunk, |item| {
            if let Ok(Item::Event(event)) = item {
                take(&mut outcome, event.data.as_bytes());
            }
        });
    }
    outcome
}

/// Our shared door: owned events that share the chunks.
pub fn shared(stream: &Bytes, size: ChunkSize) -> Outcome {
    let mut decoder = SharedDecoder::with_limits(limits());
    let mut outcome = Outcome::default();
    for mut chunk in shared_chunks(stream, size) {
        while let Ok(Some(item)) = decoder.decode(&mut chunk) {
            if let SharedItem::Event(event) = item {
                outcome.events += 1;
                outcome.data_bytes += event.data.len() as u64;
                std::hint::black_box(&event);
            }
        }
    }
    outcome
}

/// Our pull door, each event copied out.
pub fn owned(stream: &[u8], size: ChunkSize) -> Outcome {
    let mut decoder = Decoder::with_limits(limits());
    let mut outcome = Outcome::default();
    for mut input in chunks(stream, size) {
        while let Ok(Some(item)) = decoder.decode(&mut input) {
            if let Item::Event(event) = item {
                let event = event.to_owned();
                outcome.events += 1;
                outcome.data_bytes += event.data.len() as u64;
                std::hint::black_box(&event);
            }
        }
    }
    outcome
}

/// The bound of whoever must at least read the bytes: a copy.
pub fn memcpy(stream: &[u8], size: ChunkSize, buffer: &mut Vec<u8>) -> Outcome {
    for chunk in chunks(stream, size) {
        buffer.clear();
        buffer.extend_from_slice(chunk);
        std::hint::black_box(&buffer);
    }
    Outcome::default()
}

/// The bound of whoever must at least find the lines, with a memchr a line.
pub fn line_scan(stream: &[u8], size: ChunkSize) -> Outcome {
    let mut lines = 0;
    for chunk in chunks(stream, size) {
        lines += memchr::memchr2_iter(b'\n', b'\r', chunk).count() as u64;
    }
    std::hint::black_box(lines);
    Outcome::default()
}

/// The names of those [`contenders`] that are our doors; they come first, in this order.
pub const DOORS: [&str; 4] = ["pull", "visit", "shared", "owned"];

/// The names of those [`contenders`] that decode nothing; they come next.
pub const BOUNDS: [&str; 2] = ["memcpy", "memchr2"];

/// All contenders for one stream and one chunk size: our doors, the bounds, the peers.
pub fn contenders(stream: &Bytes, size: ChunkSize) -> Vec<Contender<'_>> {
    let mut buffer = Vec::with_capacity(stream.len());
    let mut contenders: Vec<Contender<'_>> = vec![
        Contender { name: "pull", work: Box::new(move || pull(stream, size)) },
        Contender { name: "visit", work: Box::new(move || visit(stream, size)) },
        Contender { name: "shared", work: Box::new(move || shared(stream, size)) },
        Contender { name: "owned", work: Box::new(move || owned(stream, size)) },
        Contender { name: "memcpy", work: Box::new(move || memcpy(stream, size, &mut buffer)) },
        Contender { name: "memchr2", work: Box::new(move || line_scan(stream, size)) },
    ];
    #[cfg(feature = "peers")]
    peers::add(&mut contenders, stream, size);
    contenders.shrink_to_fit();
    contenders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    /// All that the benchmark `decode` runs, once, on little: its work is done, and right.
    #[test]
    fn every_contender_reads_every_event_of_every_corpus() {
        for letter in 'a'..='j' {
            let corpus = corpus::of_size(letter, 20_000).unwrap_or_else(|| panic!("{letter}"));
            let right = Outcome { events: corpus.events, data_bytes: corpus.data_bytes };
            let stream = Bytes::from(corpus.bytes);
            for size in CHUNK_SIZES {
                // Some peers read a large event again with each chunk of it.
                let is_long = letter == 'j' && size.is_some();
                for mut contender in contenders(&stream, size) {
                    if is_long && !DOORS.contains(&contender.name) {
                        continue;
                    }
                    let is_bound = BOUNDS.contains(&contender.name);
                    let right = if is_bound { Outcome::default() } else { right };
                    assert_eq!((contender.work)(), right, "{letter}, {size:?}, {contender:?}");
                }
            }
        }
    }
}
