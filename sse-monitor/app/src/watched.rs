//! One URL, watched by one [`Watch`] after another, as one list of rows.
//!
//! Disconnecting ends a watch for good. Connecting to the same URL again begins another that goes on
//! after the last event; here its rows follow those of the watches before it.

use alloc::sync::Arc;
use std::{io, path::Path};

use sse_monitor_engine::{
    DiskLimit, DiskPolicy, RequestError, Snapshot, Totals, Watch, WatchRequest, query::Report,
};

use crate::{
    list::Stretch,
    save::{SaveError, Saved, numbered, save},
    scratch::{Scratch, Session},
};

/// As much as earlier watches may keep beside the latest one, whose own limit bounds it.
const MOST_EARLIER_BYTES: u64 = 1 << 30;

/// What a watch may take of the disk: ten million events of 300 bytes. Past it the oldest fall out.
const ON_DISK: DiskLimit = DiskLimit { bytes: 4 << 30, policy: DiskPolicy::DropOldest };

#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// As it was given: what is shown of it may hide a secret that makes it another.
    given: String,
    /// The earlier ones are over, so that nothing in them moves.
    earlier: Vec<Part>,
    latest: Part,
    /// The first row that was not cleared away.
    first: u64,
    /// The first row that is in no file.
    unsaved: u64,
    /// Whether the next watch begins anew, though this one has a last event ID.
    forgets: bool,
}

/// A watch, and what came before its own first row.
#[derive(Clone, Debug)]
struct Part {
    watch: Arc<Watch>,
    /// Where its rows lie; in memory without it.
    session: Option<Arc<Session>>,
    rows: u64,
    attempts: u32,
    /// Of its own attempts those that were cleared away, and are counted no more.
    cleared_attempts: u32,
}

impl Watched {
    pub(crate) fn begin(given: &str, scratch: Option<&Scratch>) -> Result<Self, RequestError> {
        let latest = Part::start(WatchRequest::new(given)?, scratch);
        let given = given.trim().to_owned();
        Ok(Self { given, earlier: Vec::new(), latest, first: 1, unsaved: 1, forgets: false })
    }

    /// Whether connecting to `given` keeps the rows: not while it is watched, if it is another URL, or was
    /// cleared since it was over.
    pub(crate) fn goes_on(&self, given: &str) -> bool {
        let is_over = self.latest.watch.snapshot().state.is_over();
        !self.forgets && is_over && self.given == given.trim()
    }

    /// The same, watched on from the last event; `None` if it does not go on.
    pub(crate) fn go_on(
        &self,
        given: &str,
        scratch: Option<&Scratch>,
    ) -> Option<Result<Self, RequestError>> {
        if !self.goes_on(given) {
            return None;
        }
        let last = self.latest.watch.snapshot();
        let request =
            WatchRequest::new(given).and_then(|request| request.last_event_id(&last.last_event_id));
        Some(request.map(|request| {
            let mut earlier = self.earlier.clone();
            let latest = Part {
                rows: self.latest.rows + last.next_row - 1,
                attempts: self.latest.attempts
                    + self.latest.cleared_attempts
                    + attempts(&last.totals),
                ..Part::start(request, scratch)
            };
            earlier.push(self.latest.clone());
            let mut room = MOST_EARLIER_BYTES;
            let fit = |part: &&Part| {
                let kept = part.watch.snapshot().totals.kept_bytes;
                let fits = kept <= room;
                room = room.saturating_sub(kept);
                fits
            };
            let kept = earlier.iter().rev().take_while(fit).count();
            earlier.drain(..earlier.len() - kept);
            Self { earlier, latest, ..self.clone() }
        }))
    }

    /// Forgets all rows that there are. Where the watch is over, the next one begins anew.
    pub(crate) fn clear(&mut self) {
        let before = attempts(&self.latest.watch.snapshot().totals);
        self.latest.watch.clear();
        let last = self.latest.watch.snapshot();
        self.latest.cleared_attempts += before.saturating_sub(attempts(&last.totals));
        self.earlier.clear();
        self.first = self.latest.rows + last.first_row;
        self.forgets = last.state.is_over();
    }

    /// Notes for which file all of it is meant, so that it outlives this program; but for rows in memory
    /// alone. From now on nothing of it falls out: where there is no more room, it stops.
    pub(crate) fn mean_for(&self, file: Option<&Path>) -> io::Result<()> {
        for (part, number) in self.parts().zip(1..) {
            if let Some(session) = &part.session
                && let Err(error) =
                    session.mean_for(file.map(|file| numbered(file, number)).as_deref())
            {
                let at = session.folder().display();
                let error = io::Error::new(error.kind(), format!("{at}: {error}"));
                if file.is_some() {
                    // What was noted of the earlier ones would be held to.
                    let _ = self.mean_for(None);
                }
                return Err(error);
            }
        }
        let policy = if file.is_some() { DiskPolicy::Stop } else { ON_DISK.policy };
        self.latest.watch.set_disk_policy(policy);
        Ok(())
    }

    /// Puts all of it in files, one for each watch, the earliest in `file`: all of them or none.
    pub(crate) fn save(&self, file: &Path) -> Result<Vec<Saved>, SaveError> {
        let mut all = Vec::new();
        for (part, number) in self.parts().zip(1..) {
            let folder = part.session.as_ref().map(|session| session.folder());
            match save(&part.watch, folder, &numbered(file, number)) {
                Ok(saved) => all.push(saved),
                Err(error) => {
                    for saved in all {
                        // It would stand in the way of another try.
                        saved.remove();
                    }
                    return Err(error);
                }
            }
        }
        Ok(all)
    }

    /// Notes which rows are in files: those of each watch.
    pub(crate) fn note_saved(&mut self, saved: &[Saved]) {
        let all: Vec<_> = self.parts().map(|part| part.rows).zip(saved).collect();
        let first = all.iter().find(|(_, saved)| saved.leaves_rows()).or(all.last());
        self.unsaved = first.map_or(1, |(rows, saved)| rows + saved.next_row());
    }

    /// How many of the rows in this snapshot are in no file.
    pub(crate) fn unsaved(&self, snapshot: &Snapshot) -> u64 {
        snapshot.next_row.saturating_sub(snapshot.first_row.max(self.unsaved))
    }

    pub(crate) fn latest(&self) -> &Arc<Watch> {
        &self.latest.watch
    }

    /// How things stand, over all watches.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let last = self.latest.watch.snapshot();
        let mut totals = last.totals;
        let mut first_row = self.latest.rows + last.first_row;
        // Where the latest watch let rows go, what is older went before them.
        let earlier = if last.first_row > 1 { &[][..] } else { &self.earlier[..] };
        for part in earlier.iter().rev() {
            let snapshot = part.watch.snapshot();
            first_row = part.rows + snapshot.first_row;
            if snapshot.first_row > 1 {
                break;
            }
        }
        for part in &self.earlier {
            add(&mut totals, &part.watch.snapshot().totals);
        }
        Snapshot {
            first_row: first_row.max(self.first),
            next_row: self.latest.rows + last.next_row,
            last_event_id: if self.forgets { String::new() } else { last.last_event_id },
            totals,
            ..last
        }
    }

    /// The rows of all watches as they stand now; what passes of them is for the caller to say.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let stretch = |part: &Part| Stretch {
            view: part.watch.view(),
            rows: part.rows,
            attempts: part.attempts,
            found: None,
        };
        self.parts().map(stretch).collect()
    }

    pub(crate) fn watches(&self) -> impl Iterator<Item = &Watch> {
        self.parts().map(|part| &*part.watch)
    }

    /// Statistics of the latest watch.
    pub(crate) fn report(&self) -> Report {
        self.latest.placed(self.latest.watch.report())
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.earlier.iter().chain([&self.latest])
    }
}

impl Part {
    fn start(request: WatchRequest, scratch: Option<&Scratch>) -> Self {
        let session = scratch.map(|scratch| Arc::new(scratch.session()));
        let request = match &session {
            Some(session) => request.record(session.folder(), ON_DISK),
            None => request,
        };
        let watch = Arc::new(Watch::start(request));
        Self { watch, session, rows: 0, attempts: 0, cleared_attempts: 0 }
    }

    /// Its statistics, with the numbers that its rows and attempts have in the list.
    fn placed(&self, mut report: Report) -> Report {
        for attempt in &mut report.latest_attempts {
            attempt.attempt += self.attempts;
        }
        for stall in &mut report.latest_stalls {
            stall.row += self.rows;
        }
        report
    }
}

fn attempts(totals: &Totals) -> u32 {
    u32::try_from(totals.attempts).unwrap_or(u32::MAX)
}

fn add(to: &mut Totals, of: &Totals) {
    to.events += of.events;
    to.comments += of.comments;
    to.reconnection_times += of.reconnection_times;
    to.decode_errors += of.decode_errors;
    to.attempts += of.attempts;
    to.connections += of.connections;
    to.data_bytes += of.data_bytes;
    to.kept_bytes += of.kept_bytes;
    to.rows_forgotten += of.rows_forgotten;
}

/// The host and port in a URL as an engine shows it, for a title.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sse_monitor_engine::Row;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::list::List;

    #[tokio::test]
    async fn connecting_again_goes_on_after_the_last_event_and_keeps_the_rows() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let cache = tempfile::tempdir().unwrap();
        let (scratch, _) = Scratch::new(cache.path()).unwrap();
        let scratch = Some(&scratch);
        let watched = Watched::begin(&url, scratch).unwrap();
        let (_stream, asked) = answer(&listener, "id: a\ndata: one\n\n").await;
        assert!(!asked.contains("last-event-id"), "{asked}");
        let before = seen(&watched, "one").await;
        assert!(watched.go_on(&url, scratch).is_none(), "it is not over");
        watched.latest().disconnect();
        assert!(watched.go_on("http://127.0.0.1:1/", scratch).is_none());

        let mut watched = watched.go_on(&format!(" {url}"), scratch).unwrap().unwrap();
        let (_stream, asked) = answer(&listener, "id: b\ndata: two\n\n").await;
        assert!(asked.contains("last-event-id: a\r\n"), "{asked}");
        let after = seen(&watched, "two").await;
        assert_eq!(after[..before.len()], before);
        let numbers: Vec<_> = after.iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=after.len() as u64).collect::<Vec<_>>());
        let last = after.last().unwrap();
        assert_eq!((last.attempt, last.data.as_str()), (2, "two"));
        let slice = list(&watched).slice(Some(3), 0, 2);
        assert_eq!((slice.begin, slice.rows.as_slice()), (2, &after[2..4]));
        assert_eq!(list(&watched).slice(None, 0, 2).rows, after[after.len() - 2..]);
        let snapshot = watched.snapshot();
        assert_eq!((snapshot.first_row, snapshot.next_row), (1, last.number + 1));
        assert_eq!((snapshot.totals.events, snapshot.totals.attempts), (2, 2));

        watched.clear();
        let snapshot = watched.snapshot();
        assert_eq!((snapshot.first_row, snapshot.next_row), (last.number + 1, last.number + 1));
        assert_eq!(list(&watched).slice(Some(1), 0, 100).rows, []);
        watched.latest().disconnect();
        assert!(watched.go_on(&url, scratch).is_some(), "it was cleared while it ran");
        watched.clear();
        assert!(watched.go_on(&url, scratch).is_none(), "it was cleared once over");
        assert_eq!(watched.snapshot().last_event_id, "");
    }

    #[tokio::test]
    async fn attempts_count_on_after_those_that_were_cleared() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let mut watched = Watched::begin(&url, None).unwrap();
        drop(answer(&listener, "retry: 1\ndata: one\n\n").await);
        let (_stream, _) = answer(&listener, "data: two\n\n").await;
        let rows = seen(&watched, "two").await;
        assert_eq!(rows.last().unwrap().attempt, 2);
        watched.clear();
        assert_eq!(watched.snapshot().totals.attempts, 1, "the one under way");
        watched.latest().disconnect();

        let watched = watched.go_on(&url, None).unwrap().unwrap();
        let (_stream, _) = answer(&listener, "data: three\n\n").await;
        let rows = seen(&watched, "three").await;
        assert_eq!(rows.last().unwrap().attempt, 3);
        // Statistics tell of it by the same number.
        let report = watched.report();
        let attempts: Vec<_> = report.latest_attempts.iter().map(|told| told.attempt).collect();
        assert_eq!((report.attempts, attempts), (1, vec![3]));
        let stall = json!({ "fromMicros": 0, "micros": 1, "row": 3 });
        let mut report = Report::default();
        report.latest_stalls.push_back(serde_json::from_value(stall).unwrap());
        let report = watched.latest.placed(report);
        let three = rows.last().unwrap().number;
        assert_eq!(report.latest_stalls[0].row, three, "its third row");
    }

    #[test]
    fn a_title_names_the_host_alone() {
        for (url, named) in [
            ("http://127.0.0.1:8080/events?a=b", "127.0.0.1:8080"),
            ("https://***@example.com?token=***", "example.com"),
            ("http://[::1]:1/", "[::1]:1"),
        ] {
            assert_eq!(host(url), named);
        }
    }

    /// Answers the next request by an event stream; gives the request in small letters.
    async fn answer(listener: &TcpListener, body: &str) -> (TcpStream, String) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        (stream, String::from_utf8(request).unwrap().to_ascii_lowercase())
    }

    fn list(watched: &Watched) -> List {
        let snapshot = watched.snapshot();
        List { stretches: watched.stretches(), first: snapshot.first_row, end: snapshot.next_row }
    }

    /// The rows up to the one with this data.
    async fn seen(watched: &Watched, data: &str) -> Vec<Row> {
        let mut revision = 0;
        loop {
            revision = watched.latest().changed(revision).await;
            let rows = list(watched).slice(Some(0), 0, 100).rows;
            if rows.last().is_some_and(|row| row.data == data) {
                return rows;
            }
        }
    }
}
