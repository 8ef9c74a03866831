//! One pull of the window's page, in the bytes that it takes.

use serde::{Deserialize, Serialize};
use sse_monitor_engine::{Row, Snapshot};

/// Which rows are looked at.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Asked {
    /// The row from which the others are counted; without it, the last ones are looked at.
    pub(crate) number: Option<u64>,
    /// How many rows after it the first one is.
    pub(crate) shift: i64,
    pub(crate) count: usize,
    /// Where the list ends while it stands still.
    pub(crate) until: Option<u64>,
}

/// How things stand. Small whatever is shown, so that it can be JSON.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// Which session this is of: each connect begins another.
    pub(crate) watch: u64,
    pub(crate) snapshot: Snapshot,
    /// Whether it is a recording.
    pub(crate) is_recorded: bool,
    /// Whether earlier watches came before the latest, of which alone statistics tell.
    pub(crate) is_watched_on: bool,
    /// Rows that are in no file, and meant for none.
    pub(crate) unsaved: u64,
    pub(crate) list: Listed,
    pub(crate) filter: Option<Filter>,
    pub(crate) saving: Option<Saving>,
}

/// Where the rows stand in the list.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed {
    pub(crate) total: u64,
    /// The position of the first row in this page.
    pub(crate) begin: u64,
    /// The position of the row from which they were counted.
    pub(crate) anchor: u64,
    /// Rows of the list that came since it stands still.
    pub(crate) since: u64,
}

/// How far the search has come.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filter {
    /// Which search this is: each change of the text begins another.
    pub(crate) number: u64,
    /// Differs whenever it has come further.
    pub(crate) revision: u64,
    pub(crate) matches: u64,
    pub(crate) looked_at: u64,
    pub(crate) rows: u64,
    pub(crate) is_caught_up: bool,
}

/// The file that the session will be put in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Saving {
    pub(crate) path: String,
    /// What it has so far.
    pub(crate) bytes: u64,
    /// Why it gets no more, if so.
    pub(crate) stopped: Option<String>,
    /// How far it is written, if the window was asked to close.
    pub(crate) ending: Option<Ending>,
}

/// What becomes of a recording that ends with the window.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ending {
    /// It is being put in its file.
    Writing,
    /// It cannot be, for this reason.
    Failed(String),
}

/// The head, and the rows as the engine packs them: how many bytes the head has, in four; the head in
/// JSON; zeros up to a multiple of eight; the rows.
pub(crate) fn encode(head: &Head, rows: &[Row]) -> Vec<u8> {
    let json = serde_json::to_vec(head).unwrap_or_default();
    let mut bytes = Vec::with_capacity(json.len() + 512 * rows.len());
    bytes.extend_from_slice(&u32::try_from(json.len()).unwrap_or_default().to_le_bytes());
    bytes.extend_from_slice(&json);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    for row in rows {
        row.pack_into(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use core::fmt::Write as _;

    use serde_json::{Value, json};
    use sse_monitor_engine::{Failure, Fault, RowKind, State, Totals};

    use super::*;

    /// The page's own tests read this file: what is compared here with what Rust writes is compared
    /// there with what TypeScript reads.
    const SAMPLE: &str = include_str!("../../ui/tests/page.json");

    #[test]
    fn a_page_is_written_as_the_window_reads_it() {
        let failure =
            Failure { fault: Fault::Connect, sentence: "the server refused the connection".into() };
        let retry_at_unix_micros = 1_795_458_033_042_000;
        let snapshot = Snapshot {
            revision: 42,
            url: "http://127.0.0.1:8080/events".into(),
            state: State::Waiting { retry_at_unix_micros, failure },
            last_event_id: "e-7".into(),
            first_row: 1,
            next_row: 12,
            totals: Totals {
                events: 1,
                comments: 1,
                reconnection_times: 1,
                decode_errors: 1,
                attempts: 1,
                connections: 1,
                data_bytes: 7,
                kept_bytes: 512,
                rows_forgotten: 0,
            },
        };
        let kinds = [
            RowKind::Connecting,
            RowKind::Redirected { status: 307 },
            RowKind::Connected { status: 200 },
            RowKind::ReconnectionTime { wait_ms: 2000 },
            RowKind::Event,
            RowKind::Comment,
            RowKind::DecodeError,
            RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: Some(2000) },
            RowKind::Disconnected { fault: Fault::Http, retry_in_ms: None },
            RowKind::Closed,
            RowKind::RecordingStopped,
        ];
        let rows: Vec<_> =
            kinds.into_iter().zip(1..).map(|(kind, number)| sample_row(number, kind)).collect();
        let filter = Filter {
            number: 2,
            revision: 9,
            matches: 11,
            looked_at: 11,
            rows: 11,
            is_caught_up: true,
        };
        let head = Head {
            watch: 3,
            snapshot,
            is_recorded: false,
            is_watched_on: false,
            unsaved: 11,
            list: Listed { total: 11, begin: 0, anchor: 11, since: 2 },
            filter: Some(filter),
            saving: Some(Saving {
                path: "/home/me/feed.ssrec".into(),
                bytes: 512,
                stopped: None,
                ending: None,
            }),
        };
        let bytes = encode(&head, &rows);
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let written = json!({ "head": head, "rows": rows, "hex": hex });
        let sample: Value = serde_json::from_str(SAMPLE).unwrap();
        assert_eq!(written, sample, "write this into ui/tests/page.json: {written}");
    }

    fn sample_row(number: u64, kind: RowKind) -> Row {
        let event = kind == RowKind::Event;
        Row {
            number,
            kind,
            unix_micros: 1_795_458_031_042_000 + number,
            elapsed_micros: number,
            attempt: 1,
            event_type: if event { "order".into() } else { String::new() },
            id: if event { "é-7".into() } else { String::new() },
            data: r#"{"n":1}"#.into(),
            data_bytes: 7,
        }
    }
}
