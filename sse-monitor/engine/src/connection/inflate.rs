//! Undoes a content coding as the bytes come, and refuses what expands without measure.

use std::io;

use bytes::Bytes;
use compression_codecs::{
    BrotliDecoder, DecodeV2, GzipDecoder, ZstdDecoder,
    core::util::{PartialBuffer, WriteBuffer},
};
use sse_client::session::{Failure, FailureKind};
use tokio::time::Instant;

use super::expansion::{Allowance, Expansion};

/// Decoded bytes a piece: what a bomb can make us hold at a time.
const PIECE: usize = 64 << 10;

/// The content codings that a body can have.
pub(crate) const ACCEPTED: &str = "gzip, br, zstd";

/// A body under way.
pub(crate) struct Inflate {
    name: &'static str,
    codec: Box<dyn DecodeV2 + Send>,
    allowance: Allowance,
    wire: u64,
    decoded: u64,
    /// The coded stream has ended; gzip's may be followed by another.
    ended: bool,
    /// What went wrong behind the piece that was given last.
    failed: Option<Failure>,
    piece: Vec<u8>,
}

impl Inflate {
    /// `None`: not a coding known here.
    pub(crate) fn of(coding: &str, limits: Expansion, now: Instant) -> Option<Self> {
        let (name, codec): (_, Box<dyn DecodeV2 + Send>) = match coding {
            "gzip" | "x-gzip" => ("gzip", Box::new(GzipDecoder::new())),
            "br" => ("br", Box::new(BrotliDecoder::new())),
            "zstd" => ("zstd", Box::new(ZstdDecoder::new())),
            _ => return None,
        };
        let allowance = Allowance::new(limits, now);
        let piece = vec![0; PIECE];
        Some(Self {
            name,
            codec,
            allowance,
            wire: 0,
            decoded: 0,
            ended: false,
            failed: None,
            piece,
        })
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether what came is not all: it does not say that it ends.
    pub(crate) const fn is_cut(&self) -> bool {
        self.wire > 0 && !self.ended
    }

    /// Takes note that bytes came, which are then [decoded](Self::next).
    pub(crate) fn received(&mut self, now: Instant) {
        self.allowance.regrow(now);
    }

    /// Decodes from the front of `input`; `None`: all that it says was given. What was decoded before a failure
    /// is given first.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Failure> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        if self.ended && !input.is_empty() {
            self.codec.reinit().map_err(corrupt(self.name, false))?;
            self.ended = false;
        }
        let mut buffer = WriteBuffer::new_initialized(&mut self.piece);
        let mut used = 0;
        while !buffer.has_no_spare_space() && !self.ended && used < input.len() {
            let is_beginning = self.decoded == 0 && buffer.written_len() == 0;
            // A codec that fails does not say what it decoded before, so that a beginning is taken byte by byte.
            let end = if self.decoded == 0 { used + 1 } else { input.len() };
            let mut coded = PartialBuffer::new(&input[used..end]);
            let decoded = self.codec.decode(&mut coded, &mut buffer);
            used += coded.written_len();
            match decoded.map_err(corrupt(self.name, is_beginning)) {
                Ok(ended) => self.ended = ended,
                Err(failure) => {
                    self.failed = Some(failure);
                    break;
                }
            }
        }
        if !buffer.has_no_spare_space() && !self.ended && self.failed.is_none() {
            // What a server has flushed must come out now, not with the next event.
            let is_beginning = self.decoded == 0 && buffer.written_len() == 0;
            let flushed = self.codec.flush(&mut buffer).map_err(corrupt(self.name, is_beginning));
            self.failed = flushed.err();
        }
        let written = buffer.written_len();
        drop(input.split_to(used));
        self.wire += used as u64;
        self.decoded += written as u64;
        if !self.allowance.spend(used, written) {
            return Err(self.excess());
        }
        if written > 0 {
            return Ok(Some(Bytes::copy_from_slice(&self.piece[..written])));
        }
        self.failed.take().map_or(Ok(None), Err)
    }

    fn excess(&self) -> Failure {
        let (name, wire, decoded) = (self.name, self.wire, self.decoded);
        Failure::new(
            FailureKind::Expansion,
            format!(
                "the server's compressed stream ({name}) expands without measure: {wire} bytes \
                 became {decoded}; nothing more of it is decoded"
            ),
        )
    }
}

/// What went wrong on the way may go well the next time; what from its beginning is not compressed is not then
/// either.
fn corrupt(name: &'static str, is_beginning: bool) -> impl Fn(io::Error) -> Failure {
    move |error| {
        let mut message = format!(
            "the server calls its stream compressed ({name}), and it cannot be decoded: {error}"
        );
        if !is_beginning {
            return Failure::new(FailureKind::Interrupted, message);
        }
        message.push_str("; it should send it as it is, or as it says");
        Failure::new(FailureKind::Coding, message)
    }
}

impl core::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inflate")
            .field("name", &self.name)
            .field("wire", &self.wire)
            .field("decoded", &self.decoded)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use compression_codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder};

    use super::*;

    const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

    #[test]
    fn each_flushed_event_comes_out_at_once() {
        for coding in CODINGS {
            let mut encoder = encoder(coding);
            let mut inflate = Inflate::of(coding, Expansion::default(), Instant::now()).unwrap();
            for n in 0..50 {
                let event = format!("data: {n} and some more\n\n");
                let coded = encode(&mut *encoder, event.as_bytes());
                let mut seen = Vec::new();
                // In any pieces.
                for byte in coded {
                    inflate.received(Instant::now());
                    let mut input = Bytes::copy_from_slice(&[byte]);
                    while let Some(piece) = inflate.next(&mut input).unwrap() {
                        seen.extend_from_slice(&piece);
                    }
                    assert!(input.is_empty());
                }
                assert_eq!(seen, event.as_bytes(), "{coding}, event {n}");
            }
        }
    }

    #[test]
    fn a_bomb_is_refused_and_never_held() {
        for coding in CODINGS {
            let mut encoder = encoder(coding);
            let free_bytes = 1 << 20;
            let limits = Expansion { free_bytes, ..Expansion::default() };
            let mut inflate = Inflate::of(coding, limits, Instant::now()).unwrap();
            let mut input = Bytes::from(encode(&mut *encoder, &vec![b'x'; 12 << 20]));
            inflate.received(Instant::now());
            let mut held = 0;
            let failure = loop {
                match inflate.next(&mut input) {
                    Ok(Some(piece)) => {
                        assert!(piece.len() <= PIECE);
                        held += piece.len();
                    }
                    Ok(None) => panic!("{coding}: all of it was decoded"),
                    Err(failure) => break failure,
                }
            };
            assert!(failure.message.contains("expands without measure"), "{failure}");
            assert!(failure.kind.is_hopeless());
            let paid = inflate.wire * limits.ratio;
            assert!(held as u64 <= free_bytes + paid, "{coding}: {held}");
            assert!(inflate.decoded - held as u64 <= PIECE as u64, "{coding}");
        }
    }

    /// What was decoded before it failed, and why it did.
    fn failure_of(inflate: &mut Inflate, input: &mut Bytes) -> (Vec<u8>, Failure) {
        let mut decoded = Vec::new();
        loop {
            match inflate.next(input) {
                Ok(Some(piece)) => decoded.extend_from_slice(&piece),
                Ok(None) => panic!("it took all of it"),
                Err(failure) => return (decoded, failure),
            }
        }
    }

    #[test]
    fn what_is_not_compressed_is_told() {
        for coding in CODINGS {
            let mut inflate = Inflate::of(coding, Expansion::default(), Instant::now()).unwrap();
            let mut input = Bytes::from_static(b"data: plain text, not compressed\n\n");
            inflate.received(Instant::now());
            let (decoded, failure) = failure_of(&mut inflate, &mut input);
            assert_eq!(decoded, b"", "{coding}");
            assert!(failure.message.contains(coding), "{failure}");
            assert_eq!(failure.kind, FailureKind::Coding, "{failure}");
        }
        assert!(Inflate::of("compress", Expansion::default(), Instant::now()).is_none());
    }

    #[test]
    fn what_is_broken_after_a_good_beginning_may_go_well_the_next_time() {
        for coding in CODINGS {
            let mut inflate = Inflate::of(coding, Expansion::default(), Instant::now()).unwrap();
            let mut coded = encode(&mut *encoder(coding), b"data: good\n\n");
            // All of it in one read.
            coded.extend_from_slice(&[0xFF; 64]);
            let mut input = Bytes::from(coded);
            inflate.received(Instant::now());
            let (decoded, failure) = failure_of(&mut inflate, &mut input);
            assert_eq!(failure.kind, FailureKind::Interrupted, "{coding}: {failure}");
            assert_eq!(decoded, b"data: good\n\n", "{coding}");
        }
    }

    fn encoder(coding: &str) -> Box<dyn EncodeV2> {
        match coding {
            "gzip" => Box::new(GzipEncoder::new(compression_codecs::core::Level::Best.into())),
            "br" => Box::new(BrotliEncoder::new(Default::default())),
            _ => Box::new(ZstdEncoder::new(3)),
        }
    }

    fn encode(encoder: &mut dyn EncodeV2, bytes: &[u8]) -> Vec<u8> {
        let mut coded = Vec::new();
        let mut input = PartialBuffer::new(bytes);
        let mut piece = vec![0; 1 << 16];
        loop {
            let mut buffer = WriteBuffer::new_initialized(&mut piece);
            let done = if input.unwritten().is_empty() {
                encoder.flush(&mut buffer).unwrap()
            } else {
                encoder.encode(&mut input, &mut buffer).unwrap();
                false
            };
            coded.extend_from_slice(buffer.written());
            if done {
                return coded;
            }
        }
    }
}
