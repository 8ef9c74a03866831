//! The stream that the window shows.

use serde::Serialize;
use sse_monitor_engine::{RequestError, Row, Snapshot};
use tokio::{select, sync::watch};

use crate::watched::{Watched, host};

/// More than the highest screen has; a page's answer stays small whatever is asked for.
const MOST_ROWS: usize = 1000;

/// Of a row in the list one line is seen: no screen is wider than this.
const PREVIEW_BYTES: usize = 600;

/// At most one URL at a time.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    current: watch::Sender<Current>,
}

#[derive(Clone, Debug, Default)]
struct Current {
    /// Tells one watch from the next, whose revisions begin anew; 0 before the first.
    number: u64,
    watched: Option<Watched>,
}

/// How things stand, and the rows asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    watch: u64,
    snapshot: Snapshot,
    rows: Vec<Row>,
}

impl Shown {
    /// Watches `url` in place of what was watched, whose rows are let go; or goes on with it, if it is
    /// the same URL and its watch is over.
    pub(crate) fn connect(&self, url: &str) -> Result<(), RequestError> {
        let went_on = {
            let current = self.current.borrow();
            current.watched.as_ref().and_then(|watched| watched.go_on(url))
        };
        let watched = went_on.unwrap_or_else(|| Watched::begin(url))?;
        self.current.send_modify(|current| {
            *current = Current { number: current.number + 1, watched: Some(watched) };
        });
        Ok(())
    }

    pub(crate) fn disconnect(&self) {
        if let Some(watched) = &self.current.borrow().watched {
            watched.latest().disconnect();
        }
    }

    /// Forgets the rows. Where the watch is over, the next connect begins anew.
    pub(crate) fn clear(&self) {
        self.current.send_modify(|current| {
            if let Some(watched) = &mut current.watched {
                watched.clear();
            }
        });
    }

    /// What the window is called: by the host that it watches, as there may be several windows.
    pub(crate) fn title(&self) -> String {
        match &self.current.borrow().watched {
            Some(watched) => format!("{} \u{2013} sse-monitor", host(&watched.snapshot().url)),
            None => "sse-monitor".into(),
        }
    }

    /// Up to `count` rows from number `from` on, or the newest ones without it.
    pub(crate) fn page(&self, from: Option<u64>, count: usize) -> Page {
        let Current { number, watched } = self.current.borrow().clone();
        let Some(watched) = watched else {
            return Page { watch: number, snapshot: Snapshot::default(), rows: Vec::new() };
        };
        let count = count.min(MOST_ROWS);
        // The snapshot first: a row that comes in between has a newer revision, and is asked for again.
        let snapshot = watched.snapshot();
        let from = from.unwrap_or_else(|| snapshot.next_row.saturating_sub(count as u64));
        let mut rows = watched.page(from, count, PREVIEW_BYTES);
        rows.retain(|row| row.number < snapshot.next_row);
        Page { watch: number, snapshot, rows }
    }

    /// Waits until something differs from the page of watch `number` at `revision`.
    pub(crate) async fn changed(&self, number: u64, revision: u64) {
        let mut receiver = self.current.subscribe();
        let current = receiver.borrow_and_update().clone();
        if current.number != number {
            return;
        }
        let Some(watched) = current.watched else {
            // Its sender is `self`, so it cannot be gone.
            let _ = receiver.changed().await;
            return;
        };
        select! {
            _ = receiver.changed() => {}
            _ = watched.latest().changed(revision) => {}
        }
    }

    /// The row `number` whole, if it is kept.
    pub(crate) fn row(&self, number: u64) -> Option<Row> {
        self.current.borrow().watched.as_ref()?.row(number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sse_monitor_engine::{Failure, Fault, RowKind, State, Totals};
    use tokio::net::TcpListener;

    use alloc::sync::Arc;

    use super::{Page, Row, Shown, Snapshot};

    /// The page's own tests read this file: what is compared here with what Rust writes is compared
    /// there with what TypeScript expects.
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
            next_row: 10,
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
            RowKind::Closed,
        ];
        let rows = kinds.into_iter().zip(1..).map(|(kind, number)| sample_row(number, kind));
        let page = Page { watch: 3, snapshot, rows: rows.collect() };
        let written = serde_json::to_value(page).unwrap();
        let sample: Value = serde_json::from_str(SAMPLE).unwrap();
        assert_eq!(written, sample, "write this into ui/tests/page.json: {written:#}");
    }

    #[tokio::test]
    async fn before_the_first_connect_there_is_an_empty_page() {
        let shown = Shown::default();
        let page = serde_json::to_value(shown.page(None, 50)).unwrap();
        assert_eq!(page["watch"], 0);
        assert_eq!(page["snapshot"]["state"], json!({ "name": "idle" }));
        assert_eq!(page["rows"], json!([]));
        assert!(shown.row(1).is_none());
        shown.disconnect();
    }

    #[tokio::test]
    async fn a_refused_url_leaves_what_is_watched() {
        let shown = Shown::default();
        let refusal = shown.connect("nonsense").unwrap_err().to_string();
        assert!(refusal.contains("nonsense"), "{refusal}");
        assert_eq!(shown.page(None, 1).watch, 0);
        assert_eq!(shown.title(), "sse-monitor");
    }

    #[tokio::test]
    async fn a_connect_ends_the_wait_for_a_change() {
        let shown = Arc::new(Shown::default());
        let waiting = tokio::spawn({
            let shown = Arc::clone(&shown);
            async move { shown.changed(0, 0).await }
        });
        tokio::task::yield_now().await;
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        shown.connect(&format!("http://{address}/")).unwrap();
        assert_eq!(shown.title(), format!("{address} \u{2013} sse-monitor"));
        waiting.await.unwrap();
        // Asked about a watch that is gone, it answers at once.
        shown.changed(0, 0).await;
        assert_eq!(shown.page(None, 1).watch, 1);
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
            id: if event { "e-7".into() } else { String::new() },
            data: r#"{"n":1}"#.into(),
            data_bytes: 7,
        }
    }
}
