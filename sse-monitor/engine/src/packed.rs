//! Rows as bytes, for a page that is drawn many times a second: no JSON is written or read.

use crate::{
    row::{Row, RowKind},
    state::Fault,
};

/// What stands before each row's texts.
pub const PACKED_HEADER: usize = 56;

/// A type or ID is shown up to so many bytes; the row whole has the rest.
pub const PACKED_TEXT: usize = 1024;

/// Stands for no time in which it is tried again.
const NEVER: u32 = u32::MAX;

impl Row {
    /// Appends the row to `out` in a form that a page reads with a `DataView`: [`PACKED_HEADER`] bytes,
    /// then its type, its ID and its data in UTF-8, each as long as the header says, then zeros up to a
    /// multiple of eight. All numbers are little-endian.
    ///
    /// | At | Bytes | |
    /// |---|---|---|
    /// | 0 | 8 | number |
    /// | 8 | 8 | microseconds since 1970 |
    /// | 16 | 8 | microseconds since the watch began |
    /// | 24 | 8 | bytes of the whole data |
    /// | 32 | 4 | attempt |
    /// | 36 | 4 | of a reconnection time its milliseconds; of a disconnect those until it is tried again, or 2³² − 1 for never |
    /// | 40 | 4 | bytes of the data that follow |
    /// | 44 | 4 | bytes of the ID that follow, at most [`PACKED_TEXT`] |
    /// | 48 | 4 | bytes of the type that follow, at most [`PACKED_TEXT`] |
    /// | 52 | 1 | kind: 1 event, 2 comment, 3 reconnection time, 4 decode error, 5 connecting, 6 redirected, 7 connected, 8 disconnected, 9 closed, 10 recording stopped, 11 damaged |
    /// | 53 | 1 | of a disconnect the fault: 1 request, 2 connect, 3 TLS, 4 timed out, 5 HTTP, 6 unavailable, 7 protocol, 8 ended, 9 other |
    /// | 54 | 2 | of a redirect or a connect the HTTP status |
    pub fn pack_into(&self, out: &mut Vec<u8>) {
        let (kind, fault, status, wait) = code(self.kind);
        let event_type = beginning(&self.event_type, PACKED_TEXT);
        let id = beginning(&self.id, PACKED_TEXT);
        let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
        out.reserve(PACKED_HEADER + event_type.len() + id.len() + self.data.len() + 7);
        for number in [self.number, self.unix_micros, self.elapsed_micros, self.data_bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.attempt, wait, length(&self.data), length(id), length(event_type)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&[kind, fault]);
        out.extend_from_slice(&status.to_le_bytes());
        for text in [event_type, id, &self.data] {
            out.extend_from_slice(text.as_bytes());
        }
        out.resize(out.len().next_multiple_of(8), 0);
    }
}

const fn code(kind: RowKind) -> (u8, u8, u16, u32) {
    match kind {
        RowKind::Event => (1, 0, 0, 0),
        RowKind::Comment => (2, 0, 0, 0),
        RowKind::ReconnectionTime { wait_ms } => (3, 0, 0, wait_ms),
        RowKind::DecodeError => (4, 0, 0, 0),
        RowKind::Connecting => (5, 0, 0, 0),
        RowKind::Redirected { status } => (6, 0, status, 0),
        RowKind::Connected { status } => (7, 0, status, 0),
        RowKind::Disconnected { fault, retry_in_ms } => {
            let wait = match retry_in_ms {
                Some(wait) => wait,
                None => NEVER,
            };
            (8, fault_code(fault), 0, wait)
        }
        RowKind::Closed => (9, 0, 0, 0),
        RowKind::RecordingStopped => (10, 0, 0, 0),
        RowKind::Damaged => (11, 0, 0, 0),
    }
}

const fn fault_code(fault: Fault) -> u8 {
    match fault {
        Fault::Request => 1,
        Fault::Connect => 2,
        Fault::Tls => 3,
        Fault::TimedOut => 4,
        Fault::Http => 5,
        Fault::Unavailable => 6,
        Fault::Protocol => 7,
        Fault::Ended => 8,
        Fault::Other => 9,
    }
}

/// At most `bytes` bytes of `text`, cut between characters.
pub(crate) fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_can_be_read_back_from_its_bytes() {
        let row = Row {
            number: 1 << 40,
            kind: RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None },
            unix_micros: 1_795_458_031_042_000,
            elapsed_micros: 7,
            attempt: 3,
            event_type: "é".repeat(600),
            id: "e-7".into(),
            data: "lost".into(),
            data_bytes: 99,
        };
        let mut bytes = Vec::new();
        row.pack_into(&mut bytes);
        let one = bytes.len();
        row.pack_into(&mut bytes);
        assert_eq!((one % 8, bytes.len()), (0, 2 * one));
        assert_eq!(bytes[..one], bytes[one..]);
        let u64_at = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().unwrap());
        let u32_at = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
        assert_eq!([0, 8, 16, 24].map(u64_at), [1 << 40, 1_795_458_031_042_000, 7, 99]);
        assert_eq!([32, 36, 40, 44, 48].map(u32_at), [3, u32::MAX, 4, 3, 1024]);
        assert_eq!(bytes[52..56], [8, 8, 0, 0]);
        assert_eq!(bytes[PACKED_HEADER..PACKED_HEADER + 1024], *"é".repeat(512).as_bytes());
        assert_eq!(bytes[PACKED_HEADER + 1024..PACKED_HEADER + 1031], *b"e-7lost");
        let mut connected = Vec::new();
        let kind = RowKind::Connected { status: 200 };
        Row { kind, ..row }.pack_into(&mut connected);
        assert_eq!(connected[52..56], [7, 0, 200, 0]);
    }
}
