//! The fixed-width index: one entry a row, as bytes.

use super::frame::{u32_at, u64_at};

/// How wide an entry is, on disk and in memory.
pub(crate) const ENTRY: usize = 48;

/// An event whose type is not among the interned ones: they were too many. Its bytes tell it.
pub(crate) const TYPE_NOT_INTERNED: u16 = u16::MAX;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EntryKind {
    Event,
    Comment,
    ReconnectionTime,
    DecodeError,
    /// A turn of the connection; its frame says which.
    Turn,
}

impl EntryKind {
    const fn code(self) -> u8 {
        match self {
            Self::Event => 1,
            Self::Comment => 2,
            Self::ReconnectionTime => 3,
            Self::DecodeError => 4,
            Self::Turn => 5,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Event,
            2 => Self::Comment,
            3 => Self::ReconnectionTime,
            4 => Self::DecodeError,
            5 => Self::Turn,
            _ => return None,
        })
    }
}

/// Where a row stands and what can be told of it without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    /// See the constants.
    pub(crate) flags: u8,
    /// An interned type.
    pub(crate) event_type: u16,
    pub(crate) attempt: u32,
    /// Its first byte, in its segment's journal.
    pub(crate) at: u64,
    /// How far before `at` the header of that frame begins.
    pub(crate) frame_back: u32,
    /// Bytes of the stream from its first to its last; they may go on in further frames.
    pub(crate) length: u32,
    /// Bytes of the decoded data. Of a reconnection time the milliseconds, of a decode error the
    /// limit that was passed.
    pub(crate) data_length: u32,
    pub(crate) elapsed_micros: u64,
    /// Where in the segment's IDs its last event ID stands (40 bits), and its length (24 bits). Of a decode error, which
    /// has no ID, its place in the body and 1.
    pub(crate) id_at: u64,
    pub(crate) id_length: u32,
}

/// The body is lines of JSON, not an event stream.
pub(crate) const FLAG_NDJSON: u8 = 1;
/// Of a decode error: it was the event that was too long, not a line.
pub(crate) const FLAG_EVENT_TOO_LONG: u8 = 2;
/// Its first bytes lie too far back to be found.
pub(crate) const FLAG_BEGINNING_LOST: u8 = 4;
/// It has the same ID as the row before.
pub(crate) const FLAG_SAME_ID: u8 = 8;

/// Of a decode error: it was an event's type or ID that was too long, not a line.
pub(crate) const FLAG_VALUE_TOO_LONG: u8 = 16;

/// Its ID is its own: it has an `id` line. Events of older recordings do not say so.
pub(crate) const FLAG_OWN_ID: u8 = 32;

/// Of a decode error: it was a comment that was too long as text, and no event was lost.
pub(crate) const FLAG_COMMENT_TOO_LONG: u8 = 64;

/// What 24 bits hold.
pub(crate) const MOST_ID: usize = (1 << 24) - 1;

/// What 40 bits hold.
pub(crate) const MOST_PLACE: u64 = (1 << 40) - 1;

impl Entry {
    pub(crate) fn encode(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[0] = self.kind.code();
        bytes[1] = self.flags;
        bytes[2..4].copy_from_slice(&self.event_type.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.attempt.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.frame_back.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.length.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.data_length.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.elapsed_micros.to_le_bytes());
        let id = (self.id_at << 24) | u64::from(self.id_length);
        bytes[36..44].copy_from_slice(&id.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None`: damaged.
    pub(crate) fn decode(bytes: &[u8; ENTRY]) -> Option<Self> {
        if crc32fast::hash(&bytes[..44]) != u32_at(bytes, 44) {
            return None;
        }
        let id = u64_at(bytes, 36);
        Some(Self {
            kind: EntryKind::from_code(bytes[0])?,
            flags: bytes[1],
            event_type: u16::from_le_bytes([bytes[2], bytes[3]]),
            attempt: u32_at(bytes, 4),
            at: u64_at(bytes, 8),
            frame_back: u32_at(bytes, 16),
            length: u32_at(bytes, 20),
            data_length: u32_at(bytes, 24),
            elapsed_micros: u64_at(bytes, 28),
            id_at: id >> 24,
            id_length: u32::try_from(id & MOST_ID as u64).unwrap_or(0),
        })
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            kind: EntryKind::Event,
            flags: FLAG_NDJSON,
            event_type: 7,
            attempt: 3,
            at: 1 << 45,
            frame_back: 40,
            length: 300,
            data_length: 280,
            elapsed_micros: 1 << 50,
            id_at: (1 << 40) - 1,
            id_length: 9,
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was_written() {
        assert_eq!(Entry::decode(&entry().encode()), Some(entry()));
    }

    #[test]
    fn an_entry_with_any_bit_flipped_is_none() {
        for bit in 0..ENTRY * 8 {
            let mut bytes = entry().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::decode(&bytes), None, "bit {bit}");
        }
    }
}
