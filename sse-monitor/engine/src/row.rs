//! One thing that happened, as the window and the terminal show it.

use serde::{Deserialize, Serialize};

use crate::state::Fault;

/// One row of a [`Watch`](crate::Watch): something that arrived, or a turn that the connection took.
///
/// Texts are as the stream sent them, control characters included: whoever shows them escapes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its place in the order of arrival, from 1. Never used again for another row.
    pub number: u64,
    /// What it is.
    #[serde(flatten)]
    pub kind: RowKind,
    /// When it arrived by the wall clock, in microseconds since 1970 (UTC).
    pub unix_micros: u64,
    /// When it arrived by a clock that never jumps, in microseconds since the watch began.
    pub elapsed_micros: u64,
    /// The attempt to connect that it belongs to, from 1.
    pub attempt: u32,
    /// An event's type (`message` where the stream names none); empty for other rows.
    pub event_type: String,
    /// An event's last event ID. Of a [`Connecting`](RowKind::Connecting) row the ID that was sent, of
    /// a [`Disconnected`](RowKind::Disconnected) row the one that a reconnect would send.
    pub id: String,
    /// An event's data or a comment's text; for other rows a sentence that says what happened.
    /// A page has only its beginning.
    pub data: String,
    /// How many bytes the whole data has.
    pub data_bytes: u64,
}

impl Row {
    /// Whether `data` is only the beginning, and [`Watch::row`](crate::Watch::row) has the rest.
    pub const fn is_cut(&self) -> bool {
        (self.data.len() as u64) < self.data_bytes
    }
}

/// What a [`Row`] tells of.
///
/// In JSON it is the row's field `kind`, with the variant's own fields beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum RowKind {
    /// An event of the stream.
    #[default]
    Event,
    /// A comment line; servers send them as heartbeats.
    Comment,
    /// The server set the reconnection time (a `retry` field).
    ReconnectionTime {
        /// The time it asks for, in milliseconds.
        wait_ms: u32,
    },
    /// An event was dropped because it passed a limit, or a comment left out.
    DecodeError,
    /// An attempt to connect began; the row's `id` is the last event ID it sent.
    Connecting,
    /// The server sent the request elsewhere.
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// The response came and is an event stream.
    Connected {
        /// The HTTP status.
        status: u16,
    },
    /// The connection failed or ended.
    Disconnected {
        /// The sort of failure; the sentence is in the row's `data`.
        fault: Fault,
        /// In how many milliseconds it is tried again; `None` if it is not.
        retry_in_ms: Option<u32>,
    },
    /// The user ended the watch.
    Closed,
    /// Recording stopped, since the disk is full or its limit is reached; watching goes on.
    RecordingStopped,
    /// A row of a recording that is not as it was written.
    Damaged,
}
