//! Gzip (RFC 1952): members, each a head, a text in deflate, and a tail with its sum.
//!
//! Over the bare inflater, since decoders of gzip keep to themselves what they have decoded before an error.

use alloc::vec::Vec;

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// How far back deflate refers, and what the inflater decodes at a time.
pub(super) const WINDOW: usize = 32 << 10;

const MAGIC: [u8; 3] = [0x1F, 0x8B, 8];

// A head's flags, by the parts that they announce. The lowest one announces none.
const HEAD_SUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Why it is not gzip, in the middle of a sentence.
pub(super) type Corrupt = &'static str;

pub(super) struct Gunzip {
    part: Part,
    /// The first member's head was one.
    has_begun: bool,
    /// What has come of a part of fixed length.
    bytes: [u8; 10],
    filled: usize,
    /// The parts of the head that are still to come.
    flags: u8,
    inflater: Decompress,
    /// Of the head, then of the text.
    sum: Crc,
}

/// Where in a member the next byte belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    ExtraLength,
    Extra(u16),
    Name,
    Comment,
    HeadSum,
    Deflate,
    Tail,
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Head,
            has_begun: false,
            bytes: [0; 10],
            filled: 0,
            flags: 0,
            inflater: Decompress::new(false),
            sum: Crc::new(),
        }
    }

    /// A member has begun and has not ended. Another may follow it.
    pub(super) fn is_within(&self) -> bool {
        self.part != Part::Head || self.filled > 0
    }

    /// Whether it began as gzip does, whatever came then.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// How much room [`decode`](Self::decode) should be given: up to the end of a window. With less the
    /// inflater holds the rest back, which is lost if an error follows it, and with more too.
    pub(super) fn room(&self) -> usize {
        let decoded = if self.part == Part::Deflate { self.inflater.total_out() } else { 0 };
        let begun = decoded % WINDOW as u64;
        WINDOW - begun as usize
    }

    /// Decodes up to the end of `input`, of a member, or of what `text` has room for, and says how much of
    /// `input` that took. Whatever could be decoded is in `text`, before an error too.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        text: &mut Vec<u8>,
    ) -> (usize, Result<(), Corrupt>) {
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            if self.part == Part::Deflate {
                let (before, begin) = (self.inflater.total_in(), text.len());
                let status = self.inflater.decompress_vec(rest, text, FlushDecompress::None);
                let read = (self.inflater.total_in() - before) as usize;
                taken += read;
                self.sum.update(&text[begin..]);
                match status {
                    Err(_) => return (taken, Err("its deflate is corrupt")),
                    Ok(Status::StreamEnd) => (self.part, self.filled) = (Part::Tail, 0),
                    Ok(_) if text.len() == text.capacity() => return (taken, Ok(())),
                    // What the server has flushed has come out.
                    Ok(_) if read == 0 && text.len() == begin => return (taken, Ok(())),
                    Ok(_) => {}
                }
            } else {
                let Some(&byte) = rest.first() else { return (taken, Ok(())) };
                taken += 1;
                let result = self.frame(byte);
                if result.is_err() || !self.is_within() {
                    return (taken, result);
                }
            }
        }
    }

    /// Takes a byte of what stands around the text.
    fn frame(&mut self, byte: u8) -> Result<(), Corrupt> {
        if !matches!(self.part, Part::HeadSum | Part::Tail) {
            self.sum.update(&[byte]);
        }
        let length = match self.part {
            Part::Head => 10,
            Part::Tail => 8,
            Part::ExtraLength | Part::HeadSum => 2,
            Part::Name | Part::Comment => {
                if byte == 0 {
                    self.go_on();
                }
                return Ok(());
            }
            Part::Extra(left) => {
                match left - 1 {
                    0 => self.go_on(),
                    left => self.part = Part::Extra(left),
                }
                return Ok(());
            }
            Part::Deflate => return Ok(()),
        };
        self.bytes[self.filled] = byte;
        self.filled += 1;
        let seen = &self.bytes[..self.filled];
        if self.part == Part::Head {
            // At once: of what is no gzip there may never be ten bytes.
            let seen = &seen[..seen.len().min(MAGIC.len())];
            if !MAGIC.starts_with(seen) {
                return Err("it does not begin as gzip does");
            }
        }
        match seen.len() == length {
            true => self.complete(),
            false => Ok(()),
        }
    }

    /// A part of fixed length is complete.
    fn complete(&mut self) -> Result<(), Corrupt> {
        let sum = self.sum.sum().to_le_bytes();
        match (self.part, self.bytes) {
            (Part::Head, [_, _, _, flags, ..]) => {
                if flags & RESERVED != 0 {
                    return Err("its head has flags that mean nothing");
                }
                self.has_begun = true;
                self.flags = flags;
                self.go_on();
            }
            (Part::ExtraLength, [low, high, ..]) => match u16::from_le_bytes([low, high]) {
                0 => self.go_on(),
                length => self.part = Part::Extra(length),
            },
            (Part::HeadSum, bytes) => {
                if !bytes.starts_with(&sum[..2]) {
                    return Err("the sum of its head is wrong");
                }
                self.go_on();
            }
            (_, bytes) => {
                if !bytes.starts_with(&sum) {
                    return Err("its sum is wrong");
                }
                if !bytes[4..].starts_with(&self.sum.amount().to_le_bytes()) {
                    return Err("its length is wrong");
                }
                (self.part, self.filled) = (Part::Head, 0);
                self.sum.reset();
            }
        }
        Ok(())
    }

    /// Goes on to the next part that the head has, or to the text.
    fn go_on(&mut self) {
        self.filled = 0;
        let parts = [
            (EXTRA, Part::ExtraLength),
            (NAME, Part::Name),
            (COMMENT, Part::Comment),
            (HEAD_SUM, Part::HeadSum),
        ];
        if let Some((flag, part)) = parts.into_iter().find(|(flag, _)| self.flags & flag != 0) {
            self.flags &= !flag;
            self.part = part;
        } else {
            self.part = Part::Deflate;
            self.inflater.reset(false);
            self.sum.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use std::io::Write as _;

    use flate2::{Compression, GzBuilder, write::GzEncoder};

    use super::*;

    /// All that is decoded of `bytes`, cut into pieces of `size`, and why it went no further.
    fn decode(bytes: &[u8], size: usize) -> (String, Result<(), Corrupt>) {
        let mut gunzip = Gunzip::new();
        let mut seen = Vec::new();
        for mut piece in bytes.chunks(size) {
            loop {
                let mut text = Vec::with_capacity(gunzip.room());
                let (taken, result) = gunzip.decode(piece, &mut text);
                let is_full = text.len() == text.capacity();
                seen.extend(text);
                if result.is_err() {
                    return (String::from_utf8(seen).unwrap(), result);
                }
                piece = &piece[taken..];
                if piece.is_empty() && !is_full {
                    break;
                }
            }
        }
        assert!(!gunzip.is_within());
        (String::from_utf8(seen).unwrap(), Ok(()))
    }

    const EMPTY: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn a_head_may_have_all_that_the_format_knows() {
        let named = GzBuilder::new().filename("events").comment("of today").extra(&b"extra"[..]);
        let mut named = named.write(Vec::new(), Compression::best());
        named.write_all(b"data: 1\n\n").unwrap();
        let named = named.finish().unwrap();
        let mut head =
            [0x1F, 0x8B, 8, EXTRA | NAME | HEAD_SUM, 1, 2, 3, 4, 5, 6, 0, 0, b'x', 0].to_vec();
        let mut sum = Crc::new();
        sum.update(&head);
        head.extend(&sum.sum().to_le_bytes()[..2]);
        let summed = [&head[..], &EMPTY].concat();
        for size in [1, 3, 100] {
            assert_eq!(
                decode(&[&named[..], &summed, &named].concat(), size).0,
                "data: 1\n\ndata: 1\n\n"
            );
            let mut wrong = summed.clone();
            wrong[4] ^= 1;
            assert_eq!(decode(&wrong, size).1, Err("the sum of its head is wrong"));
            wrong[3] |= 0x80;
            assert_eq!(decode(&wrong, size).1, Err("its head has flags that mean nothing"));
            wrong[1] = 0;
            assert_eq!(decode(&wrong, size).1, Err("it does not begin as gzip does"));
            let mut wrong = named.clone();
            *wrong.last_mut().unwrap() ^= 1;
            assert_eq!(decode(&wrong, size), ("data: 1\n\n".into(), Err("its length is wrong")));
        }
    }

    /// Wherever in the window the error comes, and whatever the inflater has read ahead.
    #[test]
    fn what_was_decoded_before_an_error_is_the_same_however_it_is_cut() {
        for length in [1, 100, WINDOW - 20, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW + 5, 500_000]
        {
            let text: String = ('a'..='z').cycle().take(length).collect();
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let mut bytes = core::mem::take(encoder.get_mut());
            // A block of a type that there is not.
            bytes.push(0xFF);
            for size in [1, 7, 1000, bytes.len()] {
                let (seen, result) = decode(&bytes, size);
                assert_eq!(result, Err("its deflate is corrupt"));
                assert!(seen == text, "{} of {length} in pieces of {size}", seen.len());
            }
        }
    }
}
