//! The frames of a journal, as bytes. Nothing here does IO.
//!
//! `docs/recording-format.md` tells the same for readers in other languages.

use crc32fast::Hasher;

use crate::clock::Moment;

/// What a journal begins with. The bytes that are not ASCII or that line-end conversion would change
/// make a file damaged in transfer recognisable, as PNG's do.
pub(crate) const MAGIC: [u8; 8] = *b"\x89SSE\r\n\x1a\n";

/// Raised when readers of the one before would misread what is written, or miss what it promises: since
/// 2, frames are numbered.
pub(crate) const VERSION: u16 = 2;

/// Magic, version, two zero bytes, and a CRC of these.
pub(crate) const FILE_HEADER: usize = 16;

/// What stands before each frame's payload.
pub(crate) const FRAME_HEADER: usize = 40;

/// So many bytes of it are summed: all but the sum itself.
const SUMMED: usize = FRAME_HEADER - 4;

/// That of the CRC, its highest power first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The longest payload of a frame that is read into memory; writers cut what is longer.
pub(crate) const MOST_PAYLOAD: usize = 1 << 20;

/// The place of a frame in its journal, from 1, by which one that is missing, moved or doubled is noticed.
///
/// It has 24 bits: after the largest comes 1 again. 0 stands in journals of version 1, which have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(u32);

const MOST_NUMBER: u32 = (1 << 24) - 1;

impl Number {
    pub(crate) const FIRST: Self = Self(1);
    const NONE: Self = Self(0);

    pub(crate) const fn next(self) -> Self {
        match self.0 {
            0 => Self::NONE,
            MOST_NUMBER => Self::FIRST,
            number => Self(number + 1),
        }
    }

    /// That of these bytes, should they be a header.
    pub(crate) fn of(header: &[u8; FRAME_HEADER]) -> Self {
        Self(u32_at(header, 4) >> 8)
    }

    /// How many frames are missing where it stands in the place of another, or of the first; `None` where it cannot
    /// come after that.
    pub(crate) fn beyond(self, expected: Option<Self>) -> Option<u64> {
        let expected = match expected {
            None if self == Self::NONE => return Some(0),
            None => Self::FIRST,
            Some(expected) => expected,
        };
        match (self, expected) {
            (Self::NONE, Self::NONE) => Some(0),
            (Self::NONE, _) | (_, Self::NONE) => None,
            _ => Some(u64::from((self.0 + MOST_NUMBER - expected.0) % MOST_NUMBER)),
        }
    }

    /// So many further on.
    pub(crate) fn skip(self, frames: u64) -> Self {
        match self {
            Self::NONE => Self::NONE,
            Self(number) => {
                let place = (u64::from(number) - 1 + frames) % u64::from(MOST_NUMBER);
                Self(u32::try_from(place).map_or(1, |place| place + 1))
            }
        }
    }

    /// Whether a journal can begin with it.
    pub(crate) fn is_first(self) -> bool {
        self == Self::FIRST || self == Self::NONE
    }
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// What the journal is of: JSON. The first frame.
    Head,
    /// A turn of the connection: JSON.
    Turn,
    /// Bytes of a response's body, without transfer and content coding.
    Body,
    /// The rest of what one read brought, where it was cut into several frames.
    BodyRest,
    /// Totals: JSON. The last frame of a journal that was closed.
    End,
    /// Derived from the frames before: index entries, IDs, types, and where these stand; statistics.
    Index,
    Ids,
    Types,
    Trailer,
    Statistics,
    /// Of a later version, which adds what earlier ones can pass over.
    Unknown(u8),
}

/// Kinds from here on follow from the frames before them.
const FIRST_DERIVED: u8 = 16;

impl FrameKind {
    const CODES: [(Self, u8); 10] = [
        (Self::Head, 1),
        (Self::Turn, 2),
        (Self::Body, 3),
        (Self::BodyRest, 4),
        (Self::End, 5),
        (Self::Index, 16),
        (Self::Ids, 17),
        (Self::Types, 18),
        (Self::Trailer, 19),
        (Self::Statistics, 20),
    ];

    fn code(self) -> u8 {
        if let Self::Unknown(code) = self {
            return code;
        }
        Self::CODES.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, code)| *code)
    }

    fn from_code(code: u8) -> Self {
        let known = Self::CODES.iter().find(|(_, other)| *other == code);
        known.map_or(Self::Unknown(code), |(kind, _)| *kind)
    }

    pub(crate) const fn is_body(self) -> bool {
        matches!(self, Self::Body | Self::BodyRest)
    }

    /// Whether it follows from the frames before it.
    pub(crate) fn is_derived(self) -> bool {
        self.code() >= FIRST_DERIVED
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    pub(crate) number: Number,
    pub(crate) length: u32,
    pub(crate) moment: Moment,
    pub(crate) attempt: u32,
    /// How many bytes came over the wire for it: another number than `length` where the body was
    /// compressed.
    pub(crate) wire: u32,
    pub(crate) payload_crc: u32,
}

impl FrameHeader {
    /// The first frame of a journal, unless it is [numbered](Self::numbered).
    pub(crate) fn new(kind: FrameKind, payload: &[u8], moment: Moment, attempt: u32) -> Self {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let payload_crc = crc32fast::hash(payload);
        let number = Number::FIRST;
        Self { kind, number, length, moment, attempt, wire: length, payload_crc }
    }

    pub(crate) const fn numbered(mut self, number: Number) -> Self {
        self.number = number;
        self
    }

    pub(crate) const fn wire(mut self, bytes: u32) -> Self {
        self.wire = bytes;
        self
    }

    /// Payload and header together.
    pub(crate) const fn frame_length(&self) -> u64 {
        FRAME_HEADER as u64 + self.length as u64
    }

    pub(crate) fn encode(&self) -> [u8; FRAME_HEADER] {
        let mut bytes = [0; FRAME_HEADER];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind.code();
        bytes[5..8].copy_from_slice(&self.number.0.to_le_bytes()[..3]);
        bytes[8..16].copy_from_slice(&self.moment.elapsed_micros.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.moment.unix_micros.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.attempt.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.wire.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..SUMMED]);
        bytes[SUMMED..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None`: these bytes are no frame's header, or no longer.
    pub(crate) fn decode(bytes: &[u8; FRAME_HEADER]) -> Option<Self> {
        if crc32fast::hash(&bytes[..SUMMED]) != u32_at(bytes, SUMMED) {
            return None;
        }
        Some(Self {
            kind: FrameKind::from_code(bytes[4]),
            number: Number::of(bytes),
            length: u32_at(bytes, 0),
            moment: Moment { elapsed_micros: u64_at(bytes, 8), unix_micros: u64_at(bytes, 16) },
            attempt: u32_at(bytes, 24),
            wire: u32_at(bytes, 28),
            payload_crc: u32_at(bytes, 32),
        })
    }

    /// The same, also of bytes one bit of which was changed. Only where a header must stand, since more bytes pass for
    /// one.
    ///
    /// Headers differ in five bits at least, by their sums: there is no other than this one that is as near, and it
    /// is wrong only of four changed bits or more.
    pub(crate) fn mended(bytes: &[u8; FRAME_HEADER]) -> Option<Self> {
        let wrong = crc32fast::hash(&bytes[..SUMMED]) ^ u32_at(bytes, SUMMED);
        if wrong == 0 {
            return Self::decode(bytes);
        }
        // What each bit adds to the sum, from the last one that is summed to the first.
        let mut adds = POLYNOMIAL;
        let summed = (0..SUMMED * 8).rev().find(|_| {
            let is_it = adds == wrong;
            adds = (adds >> 1) ^ if adds & 1 == 1 { POLYNOMIAL } else { 0 };
            is_it
        });
        let of_sum = || wrong.is_power_of_two().then(|| SUMMED * 8 + wrong.ilog2() as usize);
        let bit = summed.or_else(of_sum)?;
        let mut mended = *bytes;
        mended[bit / 8] ^= 1 << (bit % 8);
        Self::decode(&mended)
    }

    pub(crate) fn matches(&self, payload: &[u8]) -> bool {
        let mut hasher = Hasher::new();
        hasher.update(payload);
        hasher.finalize() == self.payload_crc
    }
}

pub(crate) fn file_header() -> [u8; FILE_HEADER] {
    let mut bytes = [0; FILE_HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// What the first bytes of a file say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileHeader {
    Journal,
    /// Written by a newer program, which says so in a version that is intact.
    Newer(u16),
    /// A journal's, but damaged.
    Damaged,
    Foreign,
}

impl FileHeader {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let Some(bytes) = bytes.first_chunk::<FILE_HEADER>() else {
            let is_beginning = !bytes.is_empty() && MAGIC.starts_with(&bytes[..bytes.len().min(8)]);
            return if is_beginning { Self::Damaged } else { Self::Foreign };
        };
        let intact = crc32fast::hash(&bytes[..12]) == u32_at(bytes, 12);
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        let alike = bytes[..8].iter().zip(MAGIC).filter(|(a, b)| **a == *b).count();
        match (intact, alike) {
            (true, 8) if version > VERSION => Self::Newer(version),
            (true, 8) => Self::Journal,
            // One byte of the header differs, or its sum does: the rest may be well.
            (false, 7 | 8) => Self::Damaged,
            _ => Self::Foreign,
        }
    }
}

/// Whether frames are in these bytes, which may be the beginning of a journal that is damaged there: by a header, and by
/// the zeros that such has and no text.
pub(crate) fn are_in(bytes: &[u8]) -> bool {
    let is_known = |header: FrameHeader| !matches!(header.kind, FrameKind::Unknown(_));
    let mut headers = bytes.windows(FRAME_HEADER).filter_map(|header| header.first_chunk());
    bytes.iter().take(FILE_HEADER + FRAME_HEADER).any(|byte| *byte == 0)
        && headers.any(|header| FrameHeader::decode(header).is_some_and(is_known))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FrameHeader {
        let moment = Moment { unix_micros: 1 << 51, elapsed_micros: 77 };
        let number = Number(0x0001_0203);
        FrameHeader::new(FrameKind::Body, b"data: a\n\n", moment, 3).wire(5).numbered(number)
    }

    #[test]
    fn numbers_begin_again_after_the_largest() {
        assert_eq!(Number::FIRST.next(), Number(2));
        assert_eq!(Number(MOST_NUMBER).next(), Number::FIRST);
        assert_eq!(Number::NONE.next(), Number::NONE);
        for (number, frames) in [(1, 0), (1, 5), (MOST_NUMBER, 1), (MOST_NUMBER - 2, 7)] {
            let after = (0..frames).fold(Number(number), |number, _| number.next());
            assert_eq!(Number(number).skip(frames), after);
            assert_eq!(after.beyond(Some(Number(number))), Some(frames));
        }
        assert_eq!(Number(3).beyond(None), Some(2));
        assert_eq!(Number::NONE.beyond(None), Some(0));
        assert_eq!(Number::NONE.beyond(Some(Number(3))), None);
        assert_eq!(Number(3).beyond(Some(Number::NONE)), None);
    }

    #[test]
    fn a_header_comes_back_as_it_was_written() {
        assert_eq!(FrameHeader::decode(&header().encode()), Some(header()));
        assert!(header().matches(b"data: a\n\n"));
        assert!(!header().matches(b"data: b\n\n"));
    }

    #[test]
    fn a_kind_of_a_later_version_is_a_header_too() {
        for code in 0..=u8::MAX {
            let kind = FrameKind::from_code(code);
            assert_eq!((kind.code(), kind.is_derived()), (code, code >= FIRST_DERIVED));
            let header = FrameHeader { kind, ..header() };
            assert_eq!(FrameHeader::decode(&header.encode()), Some(header));
        }
    }

    #[test]
    fn a_header_with_any_bit_flipped_is_none_until_that_is_mended() {
        let flipped = |bits: &[usize]| {
            let mut bytes = header().encode();
            bits.iter().for_each(|bit| bytes[bit / 8] ^= 1 << (bit % 8));
            bytes
        };
        for bit in 0..FRAME_HEADER * 8 {
            assert_eq!(FrameHeader::decode(&flipped(&[bit])), None, "bit {bit}");
            assert_eq!(FrameHeader::mended(&flipped(&[bit])), Some(header()), "bit {bit}");
            for other in 0..bit {
                let bits = [bit, other];
                assert_eq!(FrameHeader::mended(&flipped(&bits)), None, "bits {bits:?}");
                let bits = [bit, other, (bit * other + 7) % (FRAME_HEADER * 8)];
                if bits[2] != bit && bits[2] != other {
                    assert_eq!(FrameHeader::mended(&flipped(&bits)), None, "bits {bits:?}");
                }
            }
        }
    }

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        assert_eq!(FileHeader::of(&file_header()), FileHeader::Journal);
        assert_eq!(FileHeader::of(b"data: a\n\ndata: b\n\n"), FileHeader::Foreign);
        assert_eq!(FileHeader::of(b""), FileHeader::Foreign);
        assert_eq!(FileHeader::of(&file_header()[..5]), FileHeader::Damaged);
        for bit in 0..FILE_HEADER * 8 {
            let mut bytes = file_header();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::of(&bytes), FileHeader::Damaged, "bit {bit}");
        }
        let mut newer = file_header();
        newer[8] = 9;
        let crc = crc32fast::hash(&newer[..12]);
        newer[12..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(FileHeader::of(&newer), FileHeader::Newer(9));
    }
}
