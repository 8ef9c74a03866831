//! `sse bench` as a process, against a hub and against a scripted server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;
mod process;

use std::process::Output;

use origin::Origin;
use process::{Sse, interrupt, is_harmless, sse, words};
use serde_json::{Value, json};

fn report(output: &Output) -> Value {
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1, "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_it_publishes_itself_arrives_and_is_timed() {
    let mut hub = Sse::spawn(&mut sse(&["serve", "--port", "0", "--silent"]));
    hub.line();
    let events = hub.stdout_read.trim().to_owned();
    let url = events.strip_suffix("/events").unwrap();
    let stream = format!("{events}?topic=load");
    let mut bench = sse(&[
        "bench",
        "--connections",
        "20",
        "--for",
        "1s",
        "--publish",
        url,
        "--topic",
        "load",
        &stream,
    ]);
    let output = Sse::spawn(bench.args(["--rate", "40", "--size", "300"])).wait();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let report = report(&output);
    assert_eq!(
        report["connections"],
        json!({
            "asked": 20, "opened": 20, "failed": 0, "ended": 0, "cut": 0, "resumed": 0,
        })
    );
    let published = report["published"]["events"].as_u64().unwrap();
    assert!(published > 0, "{report}");
    assert_eq!(report["deliveryMicros"]["count"], published * 20, "{report}");
    for told in ["missed", "repeated", "outOfOrder"] {
        assert_eq!(report[told], 0, "{told}: {report}");
    }
    assert_eq!(report["openMicros"]["count"], 20);
    assert_eq!(report["failures"], json!([]));
}

#[test]
fn gaps_and_repeats_of_any_endpoint_are_told_by_its_ids() {
    let origin = Origin::start();
    let url = origin.url();
    let bench =
        Sse::spawn(&mut sse(&["bench", "--connections", "2", "--for", "1s", "--once", &url]));
    let body = |ids: &[u8]| -> String {
        ids.iter().map(|id| format!("id: {id}\ndata: {{\"at\":1700000000}}\n\n")).collect()
    };
    origin.open(&body(&[1, 2, 3, 4])).end();
    // It is asked for only once the first has been read, or not: what is missing is told in both cases.
    origin.open(&body(&[1, 4, 4])).end();
    let output = bench.wait();
    let report = report(&output);
    // Of so few it is not known whether they count one by one.
    assert_eq!((&report["missed"], &report["missedAtLeast"]), (&Value::Null, &json!(2)));
    assert_eq!(report["repeated"], 1, "{report}");
    let connections = &report["connections"];
    assert_eq!((&connections["ended"], &connections["cut"]), (&json!(2), &json!(0)), "{report}");
    assert_eq!(report["deliveryMicros"], Value::Null);
}

#[test]
fn what_no_connection_saw_is_missing_by_ids_that_count_one_by_one() {
    let origin = Origin::start();
    let url = origin.url();
    let bench =
        Sse::spawn(&mut sse(&["bench", "--connections", "2", "--for", "1h", "--once", &url]));
    let body: String =
        (1..=20).chain(26..=40).map(|id| format!("id: {id}\ndata: {id}\n\n")).collect();
    origin.open(&body).end();
    origin.open(&body).end();
    let report = report(&bench.wait());
    assert_eq!((&report["missed"], &report["missedAtLeast"]), (&json!(10), &json!(10)), "{report}");
}

#[test]
fn lines_of_json_are_events() {
    let origin = Origin::start();
    let url = origin.url();
    let bench = Sse::spawn(&mut sse(&["bench", "--connections", "1", "--once", &url]));
    // Longer than a line of an event may be, and not than an event.
    let long = format!("[{}2]", " ".repeat(1_999_997));
    origin.answer(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n\
         {{\"n\":1}}\n\n{long}\n{{\"n\":3}}",
    ));
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let report = report(&output);
    assert_eq!(
        (&report["events"], &report["dataBytes"]),
        (&json!(3), &json!(2_000_014)),
        "{report}"
    );
    assert_eq!(
        (&report["bytes"], &report["missed"]),
        (&json!(2_000_017), &Value::Null),
        "{report}"
    );
    assert_eq!(report["dropped"], json!(0), "{report}");
}

#[test]
fn a_stream_that_is_over_is_not_asked_for_again() {
    let over = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let origin = Origin::start();
    let url = origin.url();
    let bench = Sse::spawn(&mut sse(&["bench", "--connections", "2", "--for", "1h", &url]));
    origin.answer(over);
    origin.answer(over);
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert!(words(&output).contains("answered 204 No Content to 2 connections"), "{output:?}");
    let told = report(&output);
    let connections = &told["connections"];
    assert_eq!((&connections["ended"], &connections["failed"]), (&json!(2), &json!(0)), "{told}");
    assert_eq!(told["failures"], json!([]));

    let bench = Sse::spawn(&mut sse(&["bench", "--connections", "1", "--for", "1h", &url]));
    origin.answer("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(4), "nothing is there to be measured");
}

#[test]
fn a_connection_that_failed_and_was_opened_later_counts_once() {
    let origin = Origin::start();
    let url = origin.url();
    let bench = Sse::spawn(&mut sse(&["bench", "--connections", "2", "--for", "1h", &url]));
    let mut late = origin.accept();
    let exchange = origin.open("retry: 1\ndata: a\n\n");
    late.send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let over = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    origin.open("retry: 1\ndata: b\n\n").end();
    exchange.end();
    origin.answer(over);
    origin.answer(over);
    let report = report(&bench.wait());
    assert_eq!(
        report["connections"],
        json!({
            "asked": 2, "opened": 2, "failed": 0, "ended": 2, "cut": 2, "resumed": 0,
        })
    );
}

#[test]
fn a_time_in_the_data_says_how_long_it_took() {
    let origin = Origin::start();
    let mut sse =
        sse(&["bench", "--connections", "1", "--for", "1s", "--timestamp", ".at", "--pretty"]);
    let bench = Sse::spawn(sse.arg(origin.url()));
    let _exchange = origin.open(
        "data: {\"at\":1700000000}\n\ndata: {\"at\":\"2999-01-01T00:00:00Z\"}\n\ndata: no\n\n",
    );
    let output = bench.wait();
    assert!(is_harmless(&output.stdout));
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(table.contains("delivery         p50 60.0 min"), "{table}");
    assert!(table.contains("1 were sent in the future"), "{table}");
    assert!(table.contains("not to be told: it takes several connections"), "{table}");
}

#[test]
fn what_failed_is_told_with_the_status_of_the_worst() {
    let origin = Origin::start();
    let bench = Sse::spawn(&mut sse(&[
        "bench",
        "--connections",
        "1",
        "--for",
        "1s",
        "--once",
        &origin.url(),
    ]));
    origin.answer("HTTP/1.1 404 Not Found\r\ncontent-length: 8\r\n\r\nno \u{1b}[31");
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(4), "{}", words(&output));
    let report = report(&output);
    assert_eq!(report["connections"]["failed"], 1);
    assert_eq!(
        report["failures"],
        json!([{"sentence": "the server answered 404 Not Found: “no \u{fffd}[31”", "count": 1}])
    );
    let (_kept, nowhere) = origin::nowhere();
    let url = format!("http://{nowhere}/");
    // It does not wait an hour for what cannot be measured.
    let bench = &["bench", "--connections", "2", "--for", "1h", &url];
    let output = Sse::spawn(&mut sse(bench)).wait();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    let output =
        Sse::spawn(&mut sse(&["bench", "--connections", "2", "--for", "1s", "--once", &url]))
            .wait();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
}

#[test]
fn a_page_is_no_stream_and_nothing_is_advised_that_was_given() {
    let origin = Origin::start();
    let url = origin.url();
    let asked = ["bench", "--connections", "1", "--once", "--pretty", "--timestamp", ".at", &url];
    let bench = Sse::spawn(&mut sse(&asked));
    origin.answer("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 3\r\n\r\n<p>");
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(6), "{}", words(&output));
    let table = String::from_utf8(output.stdout).unwrap();
    for words in [
        "1× the server answered 200 with text/html, which is not an event stream",
        "delivery         not to be told: no event came",
        "came again       not to be told: no event came",
    ] {
        assert!(table.contains(words), "{table}");
    }
    assert!(!table.contains("add --"), "{table}");
}

#[test]
fn its_time_begins_once_each_was_tried_though_others_try_again() {
    let origin = Origin::start();
    let mut sse = sse(&["bench", "--connections", "2", "--for", "1s", &origin.url()]);
    let bench = Sse::spawn(&mut sse);
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (mut first, mut second) = (origin.accept(), origin.accept());
    first.send(busy);
    // At no time from here on is there none that waits for an answer.
    let _again = origin.accept();
    second.send(busy);
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(4), "{}", words(&output));
    let sentence = "the server answered 503 Service Unavailable";
    assert_eq!(report(&output)["failures"], json!([{"sentence": sentence, "count": 2}]));
}

#[test]
fn it_ends_once_all_have_where_none_is_opened_again() {
    let origin = Origin::start();
    let mut sse = sse(&["bench", "--connections", "2", "--for", "1h", "--once", &origin.url()]);
    let bench = Sse::spawn(&mut sse);
    origin.open("data: a\n\n").end();
    origin.open("data: b\n\n").end();
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(report(&output)["events"], 2);
}

#[test]
fn any_request_is_measured_also_a_pasted_one() {
    let origin = Origin::start();
    let url = origin.url();
    let measured = |more: &[&str]| {
        let arguments = [&["bench", "--connections", "1", "--for", "1s"], more].concat();
        let bench = Sse::spawn(&mut sse(&arguments));
        let mut exchange = origin.accept();
        let length = exchange.header("content-length").unwrap().parse().unwrap();
        let body = String::from_utf8(exchange.receive(length)).unwrap();
        exchange.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: a\n\n");
        let output = bench.wait();
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        assert_eq!(report(&output)["events"], 1);
        (exchange, body, words(&output))
    };
    let (exchange, body, _) =
        measured(&["-X", "PUT", "--json", "{\"q\":1}", "-u", "me:pw", "-k", &url]);
    assert!(exchange.head.starts_with("PUT /events HTTP/1.1"), "{}", exchange.head);
    assert_eq!(exchange.header("content-type"), Some("application/json"));
    assert_eq!(exchange.header("authorization"), Some("Basic bWU6cHc="));
    assert_eq!(body, "{\"q\":1}");

    let curl = format!("curl '{url}' -H 'X-Key: abc' --data-raw 'a b' --compressed");
    let (exchange, body, said) = measured(&[&curl]);
    assert_eq!((exchange.header("x-key"), body.as_str()), (Some("abc"), "a b"));
    assert_eq!(exchange.header("accept-encoding"), None);
    assert!(said.contains("--compressed is left out"), "{said}");
}

#[test]
fn an_answer_that_comes_compressed_is_told() {
    let origin = Origin::start();
    let mut sse = sse(&["bench", "--connections", "1", "--for", "1s", "--once", &origin.url()]);
    let bench = Sse::spawn(&mut sse);
    origin.answer(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n",
    );
    let output = bench.wait();
    let report = report(&output);
    let sentence = report["failures"][0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("comes compressed (gzip)"), "{sentence}");
    assert_eq!(output.status.code(), Some(6));
}

#[cfg(unix)]
#[test]
fn control_c_prints_what_there_is() {
    let origin = Origin::start();
    let mut sse = sse(&["bench", "--connections", "1", "--for", "1h", &origin.url()]);
    let bench = Sse::spawn(&mut sse);
    let _exchange = origin.open("data: one\n\n");
    interrupt(&bench.child);
    let output = bench.wait();
    assert_eq!(output.status.code(), Some(130), "{}", words(&output));
    assert_eq!(report(&output)["connections"]["asked"], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn more_connections_than_there_may_be_are_refused_in_words() {
    let line = format!(
        "ulimit -n 100; exec {} bench --connections 200 http://127.0.0.1:1/",
        env!("CARGO_BIN_EXE_sse")
    );
    let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(words(&output).contains("36 connections are the most"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
    let output =
        Sse::spawn(&mut sse(&["bench", "--publish", "http://127.0.0.1:1/events/a", "http://a/"]))
            .wait();
    assert!(words(&output).contains("the topic by --topic"), "{}", words(&output));
}
