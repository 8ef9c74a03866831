//! One session, and the next.

use serde_json::{Value, json};
use sse_monitor_engine::{
    query::{Kind, Text},
    recording,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

#[tokio::test]
async fn before_the_first_connect_there_is_an_empty_page() {
    let shown = Shown::default();
    let head = look(&shown, &Asked { count: 50, ..Asked::default() }).0;
    assert_eq!(head["watch"], 0);
    assert_eq!(head["snapshot"]["state"], json!({ "name": "idle" }));
    assert_eq!(head["list"]["total"], 0);
    assert!(shown.row(1).is_none() && shown.report().is_none());
    assert!(shown.seek(None, 0, 1, None).is_none());
    shown.disconnect();
    shown.clear();
    shown.filter(Some(Query::new())).unwrap();
    assert!(shown.record("/tmp/x", "x").is_err() && shown.finish().is_err());
}

#[tokio::test]
async fn a_refused_url_leaves_what_is_watched() {
    let shown = Shown::default();
    let refusal = shown.connect("nonsense").unwrap_err().to_string();
    assert!(refusal.contains("nonsense"), "{refusal}");
    let refusal = shown.open("/nonsense").unwrap_err().to_string();
    assert!(refusal.contains("/nonsense"), "{refusal}");
    assert_eq!(look(&shown, &Asked::default()).0["watch"], 0);
    assert_eq!(shown.title(), "sse-monitor");
}

#[tokio::test]
async fn a_connect_ends_the_wait_for_a_change() {
    let shown = Arc::new(Shown::default());
    let waiting = tokio::spawn({
        let shown = Arc::clone(&shown);
        async move { shown.changed(0, 0, 0, 0).await }
    });
    tokio::task::yield_now().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    shown.connect(&format!("http://{address}/")).unwrap();
    assert_eq!(shown.title(), format!("{address} \u{2013} sse-monitor"));
    waiting.await.unwrap();
    // Asked about a watch that is gone, it answers at once.
    shown.changed(0, 0, 0, 0).await;
    assert_eq!(look(&shown, &Asked::default()).0["watch"], 1);
}

#[tokio::test]
async fn a_stream_is_filtered_held_recorded_and_opened_again() {
    let cache = tempfile::tempdir().unwrap();
    let shown = Shown::new(Some(Scratch::new(cache.path()).unwrap().0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?token=secret", listener.local_addr().unwrap());
    shown.connect(&url).unwrap();
    let mut stream = accept(&listener).await;
    let events = |numbers: core::ops::Range<u32>| {
        numbers.map(|n| format!("id: {n}\ndata: {{\"n\":{n}}}\n\n")).collect::<String>()
    };
    stream.write_all(events(0..100).as_bytes()).await.unwrap();
    let all = Asked { number: Some(0), count: 1000, ..Asked::default() };
    let is_last =
        |data: &'static str| move |rows: &[String]| rows.last().is_some_and(|row| row == data);
    let rows = until(&shown, &all, is_last("{\"n\":99}")).await;
    let turns = rows.len() - 100;

    // What passes, and what comes later of it.
    shown.filter(Some(sevens())).unwrap();
    let rows = until(&shown, &all, |rows| rows.len() == 19).await;
    assert_eq!((rows[0].as_str(), rows[18].as_str()), ("{\"n\":7}", "{\"n\":97}"));
    stream.write_all(events(100..110).as_bytes()).await.unwrap();
    until(&shown, &all, is_last("{\"n\":107}")).await;
    let (number, position) = shown.seek(None, 3, 0, None).unwrap();
    assert_eq!((number, position), (turns as u64 + 38, 3));
    assert_eq!(shown.seek(Some(number), 0, 100, None).unwrap().1, 19);
    assert_eq!(shown.seek(Some(number), 0, -100, None).unwrap().1, 0);
    let held = Asked { until: Some(number + 1), count: 2, ..Asked::default() };
    let (head, rows) = look(&shown, &held);
    assert_eq!(rows, ["{\"n\":27}", "{\"n\":37}"]);
    assert_eq!(head["list"], json!({ "total": 4, "begin": 2, "anchor": 4, "since": 16 }));
    let around = Asked { number: Some(number), shift: -1, count: 3, ..Asked::default() };
    assert_eq!(look(&shown, &around).1, ["{\"n\":27}", "{\"n\":37}", "{\"n\":47}"]);
    shown.filter(None).unwrap();
    assert_eq!(look(&shown, &all).1.len(), turns + 110);

    let file = cache.path().join("feed.ssrec");
    shown.record(file.to_str().unwrap(), "x").unwrap();
    assert!(shown.record("/tmp/other", "x").is_err());
    assert!(look(&shown, &all).0["saving"]["bytes"].as_u64().unwrap() > 0);
    let saved = serde_json::to_value(shown.finish().unwrap()).unwrap();
    assert_eq!((&saved[0]["events"], &saved[0]["missing"]), (&json!(110), &json!(0)));
    assert!(shown.finish().is_err());
    let live = look(&shown, &all).1;

    let about = serde_json::to_value(shown.open(file.to_str().unwrap()).unwrap()).unwrap();
    assert!(about["redacted"].to_string().contains("token"), "{about}");
    assert!(!about.to_string().contains("secret"), "{about}");
    let (head, rows) = look(&shown, &all);
    assert_eq!((head["isRecorded"].as_bool(), rows), (Some(true), live));
    assert_eq!(shown.report().unwrap().events, 110);
    shown.filter(Some(sevens())).unwrap();
    until(&shown, &all, |rows| rows.len() == 20).await;
    assert!(shown.record("/tmp/other", "x").is_err());
    shown.close();
    assert_eq!(std::fs::read_dir(cache.path().join("sessions")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_bytes_of_an_event_that_was_dropped_are_shown() {
    let shown = Shown::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    shown.connect(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let mut stream = accept(&listener).await;
    // The first MiB of it ends within a character.
    let dropped =
        format!("id: 5\ndata: {}é{}\n\n", "x".repeat((1 << 20) - 13), "x".repeat(2 << 20));
    let all = Asked { number: Some(0), count: 1000, ..Asked::default() };
    let (begin, rest) = dropped.as_bytes().split_at(2 << 20);
    stream.write_all(begin).await.unwrap();
    let is_told = |rows: &[String]| rows.last().is_some_and(|row| row.contains("was dropped"));
    let rows = until(&shown, &all, is_told).await;
    let whole = serde_json::to_value(shown.row(rows.len() as u64).unwrap()).unwrap();
    assert_eq!(whole["raw"]["ending"], json!("unfinished"));
    stream.write_all(rest).await.unwrap();
    stream.write_all(b"data: after\n\n").await.unwrap();
    let rows = until(&shown, &all, |rows| rows.last().is_some_and(|row| row == "after")).await;
    let whole = shown.row(rows.len() as u64 - 1).unwrap();
    let whole = serde_json::to_value(whole).unwrap();
    assert_eq!(whole["kind"], "decode_error");
    let raw = &whole["raw"];
    assert_eq!((&raw["bytes"], &raw["ending"]), (&json!(dropped.len()), &json!("whole")));
    assert_eq!(raw["text"].as_str(), dropped.get(..(1 << 20) - 1));
    let after = serde_json::to_value(shown.row(rows.len() as u64).unwrap()).unwrap();
    assert_eq!((&after["data"], &after["raw"]), (&json!("after"), &Value::Null));
}

#[tokio::test]
async fn nothing_takes_the_place_of_what_is_recorded() {
    let keep = tempfile::tempdir().unwrap();
    let other = keep.path().join("a.ssrec");
    recording::import(&b"data: a\n\n"[..], recording::Source::Raw, "a body", &other).unwrap();
    let shown = Shown::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    shown.connect(&url).unwrap();
    let _stream = accept(&listener).await;
    let file = keep.path().join("feed.ssrec");
    shown.record(file.to_str().unwrap(), "x").unwrap();
    shown.filter(Some(sevens())).unwrap();
    let search = || look(&shown, &Asked::default()).0["filter"]["number"].clone();
    let before = search();
    // As of one that was being opened when Record was pressed.
    let refused = shown.open(other.to_str().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("a recording is under way"), "{refused}");
    assert!(shown.connect("http://127.0.0.1:9/").is_err());
    assert_eq!(search(), before, "it goes on");
    shown.finish().unwrap();
    assert!(file.exists());
}

#[tokio::test]
async fn rows_are_at_stake_as_long_as_they_are_in_no_file() {
    let keep = tempfile::tempdir().unwrap();
    let shown = Shown::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let all = Asked { number: Some(0), count: 1000, ..Asked::default() };
    let unsaved = || {
        let told = look(&shown, &all).0["unsaved"].clone();
        assert_eq!(told, json!(shown.unsaved()));
        told
    };
    assert!(shown.lets_go("nonsense").is_err() && shown.lets_go(&url).unwrap());
    shown.connect(&url).unwrap();
    let mut stream = accept(&listener).await;
    stream.write_all(b"id: 1\ndata: one\n\n").await.unwrap();
    let rows = until(&shown, &all, |rows| rows.last().is_some_and(|row| row == "one")).await;
    assert_eq!(unsaved(), json!(rows.len()));
    assert!(shown.lets_go(&url).unwrap(), "another watch begins while this one is not over");

    let file = keep.path().join("feed.ssrec");
    shown.record(file.to_str().unwrap(), "x").unwrap();
    assert_eq!(unsaved(), json!(0), "they are meant for a file");
    shown.finish().unwrap();
    assert_eq!(unsaved(), json!(0));
    stream.write_all(b"data: two\n\n").await.unwrap();
    until(&shown, &all, |rows| rows.last().is_some_and(|row| row == "two")).await;
    assert_eq!(unsaved(), json!(1));

    shown.disconnect();
    assert!(!shown.lets_go(&url).unwrap(), "it goes on with the rows");
    assert!(shown.lets_go("http://127.0.0.1:9/").unwrap());
    shown.clear();
    assert_eq!(unsaved(), json!(0));
    assert!(Shown::check("/nonsense").is_err() && Shown::check(file.to_str().unwrap()).is_ok());
    shown.open(file.to_str().unwrap()).unwrap();
    assert_eq!(unsaved(), json!(0));
}

#[test]
fn times_that_nobody_knows_are_not_shown() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("a.ssrec");
    recording::import(&b"data: a\n\n"[..], recording::Source::Raw, "a body", &file).unwrap();
    let shown = Shown::default();
    shown.open(file.to_str().unwrap()).unwrap();
    let row = serde_json::to_value(shown.row(3).unwrap()).unwrap();
    assert_eq!((&row["data"], &row["unixMicros"]), (&json!("a"), &json!(0)));
}

#[tokio::test]
async fn a_recording_has_the_rows_of_earlier_connections_in_files_of_their_own() {
    let cache = tempfile::tempdir().unwrap();
    let shown = Shown::new(Some(Scratch::new(cache.path()).unwrap().0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let all = Asked { number: Some(0), count: 1000, ..Asked::default() };
    for data in ["one", "two"] {
        shown.connect(&url).unwrap();
        let mut stream = accept(&listener).await;
        stream.write_all(format!("id: {data}\ndata: {data}\n\n").as_bytes()).await.unwrap();
        until(&shown, &all, |rows| rows.last().is_some_and(|row| row == data)).await;
        shown.disconnect();
    }
    let file = cache.path().join("feed.ssrec");
    shown.record(file.to_str().unwrap(), "x").unwrap();
    // All of them or none: another try finds nothing in its way.
    let second = cache.path().join("feed-2.ssrec");
    std::fs::write(&second, "another").unwrap();
    let refusal = shown.finish().unwrap_err().to_string();
    assert!(refusal.contains("feed-2.ssrec is there already"), "{refusal}");
    assert!(!file.exists() && shown.is_recording());
    assert_eq!(look(&shown, &all).0["isWatchedOn"], true);
    // Into a folder, by the name that was suggested.
    let folder = cache.path().join("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    let saved = shown.finish_elsewhere(folder.to_str().unwrap(), "feed.ssrec").unwrap();
    let saved = serde_json::to_value(saved).unwrap();
    assert!(!shown.is_recording());
    let (file, second) = (folder.join("feed.ssrec"), folder.join("feed-2.ssrec"));
    assert_eq!((&saved[0]["events"], &saved[1]["events"]), (&json!(1), &json!(1)));
    for (file, data) in [(file, "one"), (second, "two")] {
        shown.open(file.to_str().unwrap()).unwrap();
        let rows = look(&shown, &all).1;
        assert!(rows.iter().any(|row| row == data), "{data}: {rows:?}");
    }
    shown.close();
}

#[tokio::test]
async fn what_was_cleared_is_not_recorded_and_all_that_is_told_agrees() {
    let cache = tempfile::tempdir().unwrap();
    let shown = Shown::new(Some(Scratch::new(cache.path()).unwrap().0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    shown.connect(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let mut stream = accept(&listener).await;
    let all = Asked { number: Some(0), count: 1000, ..Asked::default() };
    stream.write_all("data: secret\n\n".repeat(50).as_bytes()).await.unwrap();
    until(&shown, &all, |rows| rows.last().is_some_and(|row| row == "secret")).await;
    until(&shown, &all, |rows| rows.iter().filter(|row| *row == "secret").count() == 50).await;
    shown.clear();
    let totals = &look(&shown, &all).0["snapshot"]["totals"];
    assert_eq!((&totals["events"], &totals["attempts"]), (&json!(0), &json!(1)));
    assert_eq!(shown.report().unwrap().events, 0);

    let file = cache.path().join("feed.ssrec");
    shown.record(file.to_str().unwrap(), "x").unwrap();
    stream.write_all(b"data: one\n\n").await.unwrap();
    until(&shown, &all, |rows| rows == ["one"]).await;
    let report = shown.report().unwrap();
    assert_eq!((report.events, report.attempts), (1, 1));
    let saved = serde_json::to_value(shown.finish().unwrap()).unwrap();
    let told = (&saved[0]["events"], &saved[0]["rows"], &saved[0]["missing"]);
    assert_eq!(told, (&json!(1), &json!(1), &json!(0)));
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"secret"));
    shown.open(file.to_str().unwrap()).unwrap();
    let (head, rows) = look(&shown, &all);
    assert_eq!(rows, ["one"]);
    assert_eq!(head["snapshot"]["totals"]["events"], 1);
    let report = shown.report().unwrap();
    assert_eq!((report.events, report.attempts), (1, 1));
    shown.close();
}

#[tokio::test]
async fn a_recording_that_cannot_be_put_in_its_file_is_there_for_the_next_window() {
    let cache = tempfile::tempdir().unwrap();
    let shown = Shown::new(Some(Scratch::new(cache.path()).unwrap().0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    shown.connect(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let mut stream = accept(&listener).await;
    stream.write_all(b"data: one\n\n").await.unwrap();
    let all = Asked { number: Some(0), count: 1000, ..Asked::default() };
    until(&shown, &all, |rows| rows.last().is_some_and(|row| row == "one")).await;
    let folder = cache.path().join("stick");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("feed.ssrec");
    shown.record(file.to_str().unwrap(), "x").unwrap();
    std::fs::remove_dir(&folder).unwrap();
    assert!(shown.finish().is_err());
    assert!(shown.finish_elsewhere(file.to_str().unwrap(), "x").is_err());
    shown.close();
    drop(shown);

    let (_next, left) = Scratch::new(cache.path()).unwrap();
    let meant = left.iter().flat_map(|left| left.sessions().unwrap());
    assert_eq!(meant.map(|session| session.meant_for()).collect::<Vec<_>>(), [Some(file)]);
}

/// Events alone: a port may have one too.
fn sevens() -> Query {
    Query::new().kind(Kind::Event).text(Text::literal("7"))
}

/// The head of a page, and its rows' data.
fn look(shown: &Shown, asked: &Asked) -> (Value, Vec<String>) {
    let bytes = shown.page(asked);
    let length = u32::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let head = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
    let mut at = (4 + length).next_multiple_of(8);
    let mut rows = Vec::new();
    while at < bytes.len() {
        let length =
            |from: usize| u32::from_le_bytes(*bytes[at + from..].first_chunk().unwrap()) as usize;
        let begin = at + 56 + length(44) + length(48);
        let end = begin + length(40);
        rows.push(String::from_utf8(bytes[begin..end].into()).unwrap());
        at = end.next_multiple_of(8);
    }
    (head, rows)
}

/// The rows, once they are as expected.
async fn until(shown: &Shown, asked: &Asked, expected: impl Fn(&[String]) -> bool) -> Vec<String> {
    loop {
        let (head, rows) = look(shown, asked);
        if expected(&rows) {
            return rows;
        }
        let at = |pointer: &str| head.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let revision = at("/snapshot/revision");
        shown.changed(at("/watch"), revision, at("/filter/number"), at("/filter/revision")).await;
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}
