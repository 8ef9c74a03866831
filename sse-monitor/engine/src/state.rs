//! How a watch stands, in a form that a shell can poll once a frame.

use serde::{Deserialize, Serialize};

/// How a [`Watch`](crate::Watch) stands at one moment. The default is a watch that never began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Differs whenever anything else here, or any row, has changed. Grows.
    pub revision: u64,
    /// The URL, fit to be shown: secrets in it are masked.
    pub url: String,
    /// What the watch is doing.
    pub state: State,
    /// The ID that a reconnect would send; empty if none.
    pub last_event_id: String,
    /// The number of the oldest row still kept.
    pub first_row: u64,
    /// The number that the next row will get, so that `next_row - first_row` rows are kept.
    pub next_row: u64,
    /// Counts since the watch began, rows that fell out included.
    pub totals: Totals,
}

/// What a watch is doing. In JSON: `{"name": "waiting", ...}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum State {
    /// Nothing was asked for yet.
    #[default]
    Idle,
    /// A request is under way.
    Connecting {
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// The stream is open.
    Open {
        /// The attempt that opened it, from 1.
        attempt: u32,
    },
    /// The connection failed or was lost, and will be tried again.
    Waiting {
        /// When, in microseconds since 1970 (UTC).
        retry_at_unix_micros: u64,
        /// Why it was lost.
        failure: Failure,
    },
    /// The user ended it.
    Closed,
    /// It ended, and will not be tried again.
    Failed {
        /// Why.
        failure: Failure,
    },
}

impl State {
    /// Whether the watch is over: nothing will arrive any more.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Closed | Self::Failed { .. })
    }
}

/// Why a connection failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The sort of failure.
    pub fault: Fault,
    /// What is wrong and what to do, in words.
    pub sentence: String,
}

/// Sorts of failure, as the terminal's exit status tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The request cannot work as given: an unusable URL or header.
    Request,
    /// The server could not be reached.
    Connect,
    /// Somebody was reached, but no trust could be established.
    Tls,
    /// It took too long.
    TimedOut,
    /// The server answered with a status that is not an event stream's, or with redirects that cannot be followed.
    Http,
    /// The server answered with a status that may be another the next time, such as 503.
    Unavailable,
    /// What came is not an event stream, or not even HTTP.
    Protocol,
    /// The stream was open, and ended or broke off.
    Ended,
    /// Anything else.
    Other,
}

/// Counts since a watch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Events.
    pub events: u64,
    /// Comments, those that passed a limit included.
    pub comments: u64,
    /// Reconnection times that the server set.
    pub reconnection_times: u64,
    /// Events that were dropped because they passed a limit.
    pub decode_errors: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Attempts that opened a stream.
    pub connections: u64,
    /// Bytes of the events' data.
    pub data_bytes: u64,
    /// Bytes that the kept rows take now.
    pub kept_bytes: u64,
    /// Rows that fell out, the oldest first, because the [retention](crate::Retention) was reached.
    pub rows_forgotten: u64,
}
