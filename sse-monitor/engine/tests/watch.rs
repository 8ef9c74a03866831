//! A watch against a scripted server on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod origin;

use core::{net::SocketAddr, time::Duration};

use origin::Origin;
use sse_monitor_engine::{
    DiskLimit, Fault, Overflow, Reconnect, Retention, Row, RowKind, Snapshot, State, Watch,
    WatchRequest,
    recording::{Recording, export},
};
use tokio::runtime::Runtime;

/// Past this a test is stuck, and says where.
const STUCK: Duration = Duration::from_secs(30);

#[test]
fn everything_that_arrives_is_a_row_in_order() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let _exchange = origin
        .open(": hello\nretry: 1500\nid: 7\nevent: tick\ndata: one\ndata: two\n\ndata: three\n\n");
    let rows = rig.rows(&watch, 6);
    assert_eq!(
        rows.iter().map(|row| row.kind).collect::<Vec<_>>(),
        [
            RowKind::Connecting,
            RowKind::Connected { status: 200 },
            RowKind::Comment,
            RowKind::ReconnectionTime { wait_ms: 1500 },
            RowKind::Event,
            RowKind::Event,
        ]
    );
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(rows.iter().all(|row| row.attempt == 1));
    assert!(rows.is_sorted_by_key(|row| row.elapsed_micros));
    assert_eq!(rows[0].data, format!("connecting to {}", origin.url()));
    assert_eq!(rows[1].data, "connected (HTTP/1.1 200)");
    assert_eq!(rows[2].data, " hello");
    assert_eq!(rows[3].data, "the server asks to wait 1.5 s before a reconnect");
    let tick = &rows[4];
    assert_eq!(
        (tick.event_type.as_str(), tick.id.as_str(), tick.data.as_str()),
        ("tick", "7", "one\ntwo")
    );
    assert_eq!((rows[5].event_type.as_str(), rows[5].id.as_str()), ("message", "7"));

    let snapshot = watch.snapshot();
    assert_eq!(snapshot.state, State::Open { attempt: 1 });
    assert_eq!(snapshot.last_event_id, "7");
    assert_eq!((snapshot.first_row, snapshot.next_row), (1, 7));
    let totals = snapshot.totals;
    assert_eq!((totals.events, totals.comments, totals.reconnection_times), (2, 1, 1));
    assert_eq!((totals.attempts, totals.connections, totals.data_bytes), (1, 1, 12));
}

#[test]
fn a_secret_in_the_url_is_sent_and_not_shown() {
    let rig = Rig::new();
    let origin = Origin::start();
    let url = format!("{}?topic=a&token=secret", origin.url());
    let watch = rig.watch(WatchRequest::new(&url).unwrap());
    let exchange = origin.open("");
    assert!(exchange.head.starts_with("GET /events?topic=a&token=secret "), "{}", exchange.head);
    let shown = format!("{}?topic=a&token=***", origin.url());
    assert_eq!(watch.snapshot().url, shown);
    assert_eq!(rig.rows(&watch, 1)[0].data, format!("connecting to {shown}"));
}

#[test]
fn a_lost_connection_is_tried_again_after_the_last_id() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin).last_event_id("3").unwrap());
    let exchange = origin.open("retry: 1\nid: 7\ndata: one\n\nid: 8\n\n");
    assert_eq!(exchange.header("last-event-id"), Some("3"));
    exchange.end();
    let again = origin.open("id: 9\ndata: two\n\n");
    assert_eq!(again.header("last-event-id"), Some("8"), "an ID without data counts too");
    let rows = rig.rows(&watch, 8);
    let kinds: Vec<_> = rows.iter().map(|row| (row.attempt, row.kind)).collect();
    let RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: Some(wait) } = kinds[4].1 else {
        panic!("{kinds:?}");
    };
    assert_eq!(kinds[4].0, 1);
    assert_eq!(rows[4].id, "8");
    let sentence = &rows[4].data;
    assert!(
        sentence.starts_with("connection lost: the server ended the stream; trying again in "),
        "{sentence} ({wait} ms)"
    );
    assert!(sentence.ends_with(", after id 8"), "{sentence}");
    assert_eq!((kinds[5], rows[5].id.as_str()), ((2, RowKind::Connecting), "8"));
    assert_eq!(rows[5].data, "connecting again (attempt 2), after id 8");
    assert_eq!(kinds[6], (2, RowKind::Connected { status: 200 }));
    assert_eq!((kinds[7], rows[7].data.as_str()), ((2, RowKind::Event), "two"));
    assert_eq!(watch.snapshot().state, State::Open { attempt: 2 });
}

#[test]
fn a_wait_ends_where_somebody_asks() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    origin.open("retry: 3000000\nid: 7\ndata: one\n\n").end();
    rig.until(&watch, |snapshot| matches!(snapshot.state, State::Waiting { .. }));
    watch.reconnect();
    let again = origin.open("data: two\n\n");
    assert_eq!(again.header("last-event-id"), Some("7"));
    let rows = rig.rows(&watch, 8);
    assert_eq!((rows[7].attempt, rows[7].data.as_str()), (2, "two"), "{rows:?}");
}

#[test]
fn waits_do_not_grow_while_connections_bring_events() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let attempts: u32 = 12;
    for n in 0..attempts {
        // Lines of JSON are events too, however they come.
        if n % 3 == 1 {
            let mut lines = origin.accept();
            lines.send("HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n{}");
            rig.until(&watch, |snapshot| snapshot.totals.connections > u64::from(n));
            lines.send("\n");
            rig.until(&watch, |snapshot| snapshot.totals.events > u64::from(n));
            lines.end();
        } else if n % 3 == 0 {
            origin.open(&format!("retry: 1\nid: {n}\ndata: one\n\n")).end();
        } else {
            origin.answer(
                "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n{}\n",
            );
        }
    }
    rig.until(&watch, |snapshot| snapshot.totals.attempts > u64::from(attempts));
    let rows = watch.page(1, 1000, 80);
    let waits: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let RowKind::Disconnected { retry_in_ms, .. } = row.kind else { return None };
            retry_in_ms
        })
        .collect();
    // What the server asks for comes to 100 ms at least; the jitter is that of a first wait.
    assert_eq!(waits.len(), 12);
    assert!(waits.iter().all(|wait| (100..=600).contains(wait)), "{waits:?}");
}

#[test]
fn a_refused_connection_waits_and_says_why() {
    let rig = Rig::new();
    let (_kept, nowhere) = origin::nowhere();
    let watch = rig.watch(refused(nowhere));
    let snapshot = rig.until(&watch, |s| matches!(s.state, State::Waiting { .. }));
    let State::Waiting { retry_at_unix_micros, failure } = snapshot.state else { return };
    assert_eq!(failure.fault, Fault::Connect);
    assert!(failure.sentence.contains("connection refused"), "{}", failure.sentence);
    let row = watch.row(2).unwrap();
    assert!(retry_at_unix_micros > row.unix_micros);
    assert!(row.data.starts_with("connection failed: "), "{}", row.data);
}

#[test]
fn a_first_connection_that_fails_is_the_end_where_that_was_asked_for() {
    let rig = Rig::new();
    for reconnect in [Reconnect::OnceOpened, Reconnect::Never] {
        let (_kept, nowhere) = origin::nowhere();
        let watch = rig.watch(refused(nowhere).reconnect(reconnect));
        let snapshot = rig.until(&watch, |s| s.state.is_over());
        let State::Failed { failure } = snapshot.state else { panic!("{snapshot:?}") };
        assert_eq!(failure.fault, Fault::Connect);
        assert_eq!(snapshot.totals.attempts, 1);
    }
}

#[test]
fn a_stream_that_ends_is_the_end_where_it_is_never_tried_again() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin).reconnect(Reconnect::Never));
    origin.open("data: one\n\n").end();
    let snapshot = rig.until(&watch, |s| s.state.is_over());
    let State::Failed { failure } = snapshot.state else { panic!("{snapshot:?}") };
    assert_eq!(
        (failure.fault, failure.sentence.as_str()),
        (Fault::Ended, "the server ended the stream")
    );
    assert_eq!(snapshot.totals.events, 1);
}

#[test]
fn where_one_answer_is_waited_for_its_end_is_the_end() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin).reconnect(Reconnect::UntilOpened));
    origin
        .answer("HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n");
    origin.open("data: one\n\n").end();
    let snapshot = rig.until(&watch, |s| s.state.is_over());
    let State::Failed { failure } = snapshot.state else { panic!("{snapshot:?}") };
    assert_eq!(failure.fault, Fault::Ended);
    assert_eq!((snapshot.totals.attempts, snapshot.totals.events), (2, 1));
}

#[test]
fn what_cannot_get_better_is_not_tried_again() {
    let rig = Rig::new();
    for (response, fault, word) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Fault::Http, "404"),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", Fault::Http, "401"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p>.",
            Fault::Protocol,
            "web page",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", Fault::Ended, "204"),
        (
            "HTTP/1.1 302 Found\r\nlocation: ftp://a/\r\ncontent-length: 0\r\n\r\n",
            Fault::Http,
            "ftp",
        ),
    ] {
        let origin = Origin::start();
        let watch = rig.watch(request(&origin));
        origin.answer(response);
        let snapshot = rig.until(&watch, |s| s.state.is_over());
        let State::Failed { failure } = &snapshot.state else { panic!("{snapshot:?}") };
        assert_eq!(failure.fault, fault, "{failure:?}");
        assert!(failure.sentence.contains(word), "{failure:?}");
        let last = watch.row(snapshot.next_row - 1).unwrap();
        assert_eq!(last.kind, RowKind::Disconnected { fault, retry_in_ms: None });
        assert_eq!(last.data, failure.sentence);
    }
}

#[test]
fn a_body_that_breaks_off_is_a_fault_of_the_connection() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin).reconnect(Reconnect::Never));
    let mut exchange = origin.accept();
    exchange.send(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
         9\r\ndata: a\n\n\r\n",
    );
    rig.until(&watch, |s| s.totals.events == 1);
    exchange.end();
    let snapshot = rig.until(&watch, |s| s.state.is_over());
    let State::Failed { failure } = snapshot.state else { panic!("{snapshot:?}") };
    assert_eq!(failure.fault, Fault::Connect, "{failure:?}");
}

#[test]
fn a_redirect_is_a_row() {
    let rig = Rig::new();
    let (first, second) = (Origin::start(), Origin::start());
    let watch = rig.watch(request(&first).header("X-Key: secret").unwrap());
    let target = format!("{}?token=secret", second.url());
    let mut exchange = first.accept();
    assert_eq!(exchange.header("x-key"), Some("secret"));
    exchange.send(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
    ));
    let there = second.open("data: here\n\n");
    assert_eq!(there.header("x-key"), None, "a header stays with its origin");
    let rows = rig.rows(&watch, 4);
    assert_eq!(rows[1].kind, RowKind::Redirected { status: 307 });
    let told = "; since that is another origin, these headers are not sent there: x-key";
    assert_eq!(rows[1].data, format!("redirected (307) to {}?token=***{told}", second.url()));
    assert_eq!(rows[3].data, "here");
}

#[test]
fn a_redirect_to_where_no_stream_can_be_says_what_to_do() {
    let rig = Rig::new();
    let origin = Origin::start();
    for (location, sentence) in [
        (
            "ftp://a.org/events",
            "redirects to a URL that begins with ftp:, and event streams are read over http",
        ),
        ("http://", "redirects to something that is not a URL"),
    ] {
        let watch = rig.watch(request(&origin));
        origin.answer(&format!(
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ));
        let State::Failed { failure } = rig.until(&watch, |s| s.state.is_over()).state else {
            panic!("{location}")
        };
        assert!(failure.sentence.contains(sentence), "{}", failure.sentence);
        assert!(failure.sentence.contains(": check the "), "{}", failure.sentence);
    }
}

#[test]
fn an_event_past_the_limit_is_told_and_the_next_one_comes() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let long = "x".repeat((1 << 20) + 1);
    let _exchange = origin.open(&format!("data: {long}\n\ndata: after\n\n"));
    let rows = rig.rows(&watch, 4);
    assert_eq!(rows[2].kind, RowKind::DecodeError);
    assert!(rows[2].data.contains("longer than"), "{}", rows[2].data);
    assert_eq!(rows[3].data, "after");
    assert_eq!(watch.snapshot().totals.decode_errors, 1);
}

#[test]
fn the_average_falls_while_nothing_comes() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let _exchange = origin.open("data: one\n\ndata: two\n\n");
    let latest = rig.rows(&watch, 4)[3].elapsed_micros;
    for report in [watch.report(), watch.brief_report()] {
        let now = latest + report.silent_micros.unwrap();
        assert_eq!(report.duration_micros, now);
        assert!((report.rate - 2.0 / (now as f64 / 1e6)).abs() < 1e-9, "{report:?}");
    }
    watch.disconnect();
    let end = watch.page(1, 10, 80)[4].elapsed_micros;
    assert_eq!((watch.report().duration_micros, watch.report().silent_micros), (end, None));
}

#[test]
fn disconnecting_closes_the_connection_and_keeps_what_arrived() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let exchange = origin.open("data: one\n\n");
    rig.rows(&watch, 3);
    watch.disconnect();
    assert_eq!(watch.snapshot().state, State::Closed);
    exchange.closed();
    watch.disconnect();
    let rows = watch.page(1, 10, 80);
    assert_eq!(rows.len(), 4, "closing twice is one row: {rows:?}");
    assert_eq!(rows[3].kind, RowKind::Closed);
}

#[test]
fn dropping_a_watch_closes_the_connection() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let exchange = origin.open("data: one\n\n");
    rig.rows(&watch, 3);
    drop(watch);
    exchange.closed();
}

#[test]
fn a_full_watch_that_pauses_makes_the_server_wait_and_loses_nothing() {
    const EVENTS: u64 = 20_000;
    let rig = Rig::new();
    let origin = Origin::start();
    let retention = Retention { rows: 100, overflow: Overflow::Pause, ..Retention::default() };
    let watch = rig.watch(request(&origin).retention(retention));
    let sender = std::thread::spawn(move || {
        let mut exchange = origin.open("");
        for n in 1..=EVENTS {
            exchange.send(&format!("data: {n}\n\n"));
        }
        exchange
    });
    let (mut next, mut seen, mut events) = (1, 0, 0);
    while events < EVENTS {
        seen = rig.wait(watch.changed(seen));
        let snapshot = watch.snapshot();
        assert!(snapshot.next_row - snapshot.first_row <= 100, "{snapshot:?}");
        for row in watch.page(next, 1_000, 80) {
            assert_eq!(row.number, next);
            next += 1;
            if row.kind == RowKind::Event {
                events += 1;
                assert_eq!(row.data, events.to_string());
            }
        }
        watch.release(next);
    }
    assert_eq!(watch.snapshot().totals.rows_forgotten, 0);
    drop(sender.join().unwrap());
}

#[test]
fn a_full_watch_that_drops_keeps_the_newest_and_counts_the_rest() {
    let rig = Rig::new();
    let origin = Origin::start();
    let retention = Retention { rows: 100, ..Retention::default() };
    let watch = rig.watch(request(&origin).retention(retention));
    let mut exchange = origin.open("");
    for n in 1..=1_000 {
        exchange.send(&format!("data: {n}\n\n"));
    }
    let snapshot = rig.until(&watch, |s| s.totals.events == 1_000);
    assert!(snapshot.next_row - snapshot.first_row <= 100);
    assert_eq!(snapshot.totals.rows_forgotten, snapshot.first_row - 1);
    assert_eq!(watch.row(snapshot.next_row - 1).unwrap().data, "1000");
    assert_eq!(watch.row(1), None);
}

#[test]
fn a_change_that_already_happened_is_not_waited_for() {
    let rig = Rig::new();
    let origin = Origin::start();
    let watch = rig.watch(request(&origin));
    let _exchange = origin.open("data: one\n\n");
    let snapshot = rig.until(&watch, |s| s.totals.events == 1);
    assert_eq!(rig.wait(watch.changed(0)), snapshot.revision);
}

#[test]
fn a_watch_of_so_many_events_has_no_more_and_closes_the_connection() {
    let rig = Rig::new();
    let body = |n: u32| format!(": beat\n\nid: {n}\r\ndata: {n}\r\n\r\n");
    for (first, second) in [(7, 0), (2, 5), (0, 3), (3, 0)] {
        let keep = tempfile::tempdir().unwrap();
        let origin = Origin::start();
        let request = request(&origin).stop_after(3);
        let watch = rig.watch(request.record(keep.path(), DiskLimit::default()));
        let exchange =
            origin.open(&format!("retry: 1\n\n{}", (0..first).map(body).collect::<String>()));
        if first < 3 {
            exchange.end();
            origin.open(&(0..second).map(body).collect::<String>()).closed();
        } else {
            exchange.closed();
        }
        let snapshot = rig.until(&watch, |s| s.state.is_over());
        assert_eq!((snapshot.state, snapshot.totals.events), (State::Closed, 3));
        let last = watch.row(snapshot.next_row - 1).unwrap();
        assert_eq!(last.data, "the 3 events that were asked for have come");
        let opened = Recording::open(keep.path()).unwrap();
        assert_eq!((opened.totals().events, opened.report().events), (3, 3));
        assert!(opened.is_closed() && opened.damage().is_empty());
        let mut raw = Vec::new();
        export::raw(&opened.view(), None, &mut raw).unwrap();
        assert_eq!(String::from_utf8(raw).unwrap().matches("data:").count(), 3);
        assert_eq!(opened.view().row(snapshot.next_row - 2).unwrap().kind, RowKind::Event);
    }
}

struct Rig(Runtime);

impl Rig {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        Self({ runtime }.worker_threads(1).enable_all().build().unwrap())
    }

    fn watch(&self, request: WatchRequest) -> Watch {
        Watch::start(request)
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(async { tokio::time::timeout(STUCK, future).await }).expect("it is stuck")
    }

    fn until(&self, watch: &Watch, reached: impl Fn(&Snapshot) -> bool) -> Snapshot {
        self.wait(async {
            loop {
                let snapshot = watch.snapshot();
                if reached(&snapshot) {
                    return snapshot;
                }
                watch.changed(snapshot.revision).await;
            }
        })
    }

    /// The first `count` rows, once they are there.
    fn rows(&self, watch: &Watch, count: u64) -> Vec<Row> {
        self.until(watch, |s| s.next_row > count);
        watch.page(1, usize::try_from(count).unwrap(), usize::MAX)
    }
}

fn request(origin: &Origin) -> WatchRequest {
    WatchRequest::new(&origin.url()).unwrap()
}

fn refused(nowhere: SocketAddr) -> WatchRequest {
    WatchRequest::new(&format!("http://{nowhere}/")).unwrap()
}
