//! A fuzzer's bytes as a stream, and how it is cut.

use sse_codec::Limits;

/// The first byte chooses the limits, whether comments are wanted and how much is forgotten; the second says how many of
/// the bytes after it are lengths of chunks, taken in turn and over again; the rest is the stream. So a
/// corpus file can be written with an editor: `0`, `1`, a byte of value 1, and a stream is that
/// stream byte by byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'i> {
    options: u8,
    lengths: &'i [u8],
    pub(crate) stream: &'i [u8],
}

impl<'i> Input<'i> {
    pub(crate) fn new(bytes: &'i [u8]) -> Option<Self> {
        let [options, count, rest @ ..] = bytes else { return None };
        let (lengths, stream) = rest.split_at(rest.len().min(usize::from(count & 0x0f)));
        Some(Self { options: *options, lengths, stream })
    }

    pub(crate) const fn comments(&self) -> bool {
        self.options & 1 == 1
    }

    /// Limits so small that a short input passes them, or the default ones.
    pub(crate) fn limits(&self) -> Limits {
        match self.options >> 1 & 0b11 {
            0 => Limits::default(),
            1 => Limits::default().line(8),
            2 => Limits::default().event(24),
            _ => Limits::default().line(16).event(24),
        }
    }

    /// How much of a text is kept that is not whole yet, where a decoder is told to forget it.
    pub(crate) const fn most(&self) -> usize {
        (self.options >> 3) as usize
    }

    /// The stream in chunks of these lengths, over again while they last; whole where they are all 0.
    pub(crate) fn chunks(&self) -> Vec<&'i [u8]> {
        if self.lengths.iter().all(|length| *length == 0) {
            return vec![self.stream];
        }
        let mut rest = self.stream;
        let mut chunks = Vec::new();
        for length in self.lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(rest.len().min(usize::from(*length)));
            chunks.push(chunk);
            rest = after;
        }
        chunks
    }
}
