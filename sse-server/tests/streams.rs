//! Event streams over real sockets.
#![forbid(unsafe_code)]

mod common;

use std::io::{Read, Write};

use common::{Server, read_head};

#[test]
fn the_first_event_is_connected_with_a_client_id_and_the_place_of_the_head() {
    let server = Server::start(&[]);
    let id = server.publish(r#"{"topic": "a", "data": "before"}"#);
    let first = server.open("/events/a", "").event();
    assert_eq!(first.event_type, "connected");
    assert_eq!(first.last_event_id, id);
    let data: serde_json::Value = serde_json::from_str(&first.data).unwrap();
    assert!(data["clientId"].is_string());
}

#[test]
fn the_head_tells_proxies_neither_to_keep_nor_to_hold_back() {
    let server = Server::start(&[]);
    let mut stream = server.open("/events", "");
    for line in [
        "\r\ncontent-type: text/event-stream\r\n",
        "\r\ncache-control: no-store, no-transform\r\n",
        "\r\nx-accel-buffering: no\r\n",
    ] {
        assert!(stream.headers.contains(line), "{}", stream.headers);
    }
    assert!(!stream.headers.contains("access-control-"), "{}", stream.headers);
    stream.wait_for(": welcome\n\n");
}

#[test]
fn what_is_published_reaches_each_subscriber_of_its_topics_once() {
    let server = Server::start(&[]);
    let paths = ["/events/a", "/events?topic=a&topic=b", "/events?topic=b", "/events"];
    let mut streams = paths.map(|path| server.subscribe(path, ""));
    server.publish(r#"{"topic": "a", "data": "one"}"#);
    server.publish(r#"{"topics": ["a", "b"], "event": "price", "data": {"x": [1, 2.50]}}"#);
    let last = server.publish(r#"{"all": true, "data": "two\r\nlines"}"#);
    let got = streams.each_mut().map(|stream| {
        let mut got = Vec::new();
        while got.last() != Some(&"two\nlines".to_owned()) {
            got.push(stream.data());
        }
        got
    });
    let (one, json, two) = ("one", r#"{"x":[1,2.50]}"#, "two\nlines");
    assert_eq!(got[0], [one, json, two]);
    assert_eq!(got[1], [one, json, two]);
    assert_eq!(got[2], [json, two]);
    assert_eq!(got[3], [two]);
    streams[0]
        .wait_for(&format!("event: price\nid: {}\ndata: {json}\n\n", last.replace("-3", "-2")));
}

#[test]
fn a_resume_loses_and_repeats_nothing() {
    let server = Server::start(&[]);
    let mut stream = server.subscribe("/events/a", "");
    let mut got = Vec::new();
    let mut last = String::new();
    for n in 0..30 {
        server.publish(&format!(r#"{{"topic": "a", "data": "{n}"}}"#));
        server.publish(r#"{"topic": "b", "data": "of others"}"#);
        if n % 3 == 0 {
            let event = stream.event();
            got.push(event.data);
            last = event.last_event_id;
        }
        if n % 10 == 9 {
            // Both ways to say it; the header is the newer word.
            let (path, header) = if n == 9 {
                (format!("/events/a?lastEventId={last}"), String::new())
            } else {
                ("/events/a?lastEventId=earliest".into(), format!("Last-Event-ID: {last}\r\n"))
            };
            drop(stream);
            stream = server.open(&path, &header);
            assert_eq!(stream.event().last_event_id, "", "connected carries none on a resume");
        }
    }
    while got.len() < 30 {
        let event = stream.event();
        assert_eq!(event.event_type, "message");
        got.push(event.data);
    }
    assert_eq!(got, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_restart_is_a_new_epoch_and_resets_those_who_come_back() {
    let server = Server::start(&[]);
    let id = server.publish(r#"{"topic": "a", "data": "lost with the process"}"#);
    let listen = server.address.to_string();
    drop(server);
    let server = Server::start_on(&listen, &[]);
    server.publish(r#"{"topic": "a", "data": "new"}"#);
    let mut stream = server.subscribe("/events/a", &format!("Last-Event-ID: {id}\r\n"));
    let reset = stream.event();
    assert_eq!((&*reset.event_type, &*reset.data), ("reset", r#"{"reason":"epoch"}"#));
    assert_eq!(stream.data(), "new");
    // The id of the reset is a place in the new epoch.
    let header = format!("Last-Event-ID: {}\r\n", reset.last_event_id);
    assert_eq!(server.subscribe("/events/a", &header).data(), "new");
}

#[test]
fn an_id_that_is_none_is_answered_by_a_reset() {
    let server = Server::start(&[]);
    let id = server.publish(r#"{"topic": "a", "data": "kept"}"#);
    let future = id.replace("-1", "-999");
    let long = "x".repeat(10_000);
    for (id, reason) in [
        (&*future, "future"),
        ("nonsense", "malformed"),
        (&long, "malformed"),
        ("\u{e9}", "malformed"),
    ] {
        let mut stream = server.subscribe("/events/a", &format!("Last-Event-ID: {id}\r\n"));
        assert_eq!(stream.data(), format!(r#"{{"reason":"{reason}"}}"#));
        assert_eq!(stream.data(), "kept");
    }
}

#[test]
fn what_is_no_longer_kept_is_told_as_lost() {
    let server = Server::start(&["--keep-events", "2"]);
    let ids = [0, 1, 2, 3].map(|n| server.publish(&format!(r#"{{"topic": "a", "data": "{n}"}}"#)));
    let mut stream = server.subscribe("/events/a", &format!("Last-Event-ID: {}\r\n", ids[0]));
    let reset = stream.event();
    assert_eq!((&*reset.event_type, &*reset.data), ("reset", r#"{"reason":"trimmed"}"#));
    assert_eq!(reset.last_event_id, ids[1], "the place just before what follows");
    assert_eq!([stream.data(), stream.data()], ["2", "3"]);
    let mut stream = server.subscribe("/events/a", &format!("Last-Event-ID: {}\r\n", ids[1]));
    assert_eq!(stream.data(), "2", "nothing between was lost");
}

#[test]
fn the_idle_hear_a_heartbeat() {
    let server = Server::start(&["--heartbeat", "50ms"]);
    let mut stream = server.subscribe("/events/a", "");
    stream.wait_for(": heartbeat\n\n");
    let id = server.publish(r#"{"topic": "b", "data": "of others"}"#);
    stream.wait_for(&format!("\n\nid: {id}\n\n"));
}

#[test]
fn whoever_hangs_up_is_forgotten_though_nothing_is_written() {
    let args = ["--admin", "127.0.0.1:0", "--heartbeat", "1h", "--max-stall", "1h"];
    let mut server = Server::start(&args);
    let admin = server.admin();
    let subscribers = |count: u64| while server.stats(admin)["counters"]["subscribers"] != count {};
    let stream = "GET /events/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let poll = |timeout: u8, id: &str| {
        format!(
            "GET /events/a?timeout={timeout}{id} HTTP/1.1\r\nHost: localhost\r\n\
             Accept: application/json\r\n\r\n"
        )
    };
    for request in [stream.to_owned(), poll(60, "&lastEventId=earliest")] {
        let connection = server.send(request.as_bytes());
        subscribers(1);
        drop(connection);
        subscribers(0);
    }
    // A stream on a connection that has served something before.
    let mut connection = server.send(poll(0, "").as_bytes());
    assert_eq!(read_head(&mut connection).0, 200);
    connection.get_mut().write_all(stream.as_bytes()).unwrap();
    subscribers(1);
    drop(connection);
    subscribers(0);
    assert_eq!(server.stats(admin)["counters"]["lost_peers_total"], 3);
}

#[test]
fn a_peer_whose_end_shows_only_when_something_is_written_is_counted_as_lost() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--heartbeat", "1h"]);
    let admin = server.admin();
    let mut stream = server.subscribe("/events/a", "");
    // What it sends is left unread, so that its end lies hidden behind it.
    stream.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let publish = || server.publish(r#"{"topic": "a", "data": "seen"}"#);
    for _ in 0..2 {
        publish();
        assert_eq!(stream.data(), "seen");
    }
    drop(stream);
    while server.stats(admin)["counters"]["subscribers"] != 0 {
        publish();
    }
    assert_eq!(server.stats(admin)["counters"]["lost_peers_total"], 1);
}

#[test]
fn events_of_any_size_come_whole_to_one_that_begins_to_read_when_all_are_there() {
    let server = Server::start(&[]);
    let mut stream = server.subscribe("/events/a", "");
    // Around what is copied together, what is read at once, and what a chunk has at most; more in all
    // than the kernel holds.
    let sizes = [1, 400, 960, 980, 1000, 1100, 16_200, 16_400, 33_000, 200_000];
    let sizes: Vec<usize> = sizes.into_iter().chain(sizes).chain(980..1030).collect();
    let data = |size: usize| ('a'..='z').cycle().take(size).collect::<String>();
    for &size in &sizes {
        let answer = server.request("POST", "/events/a", "", data(size).as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for size in sizes {
        assert!(stream.data() == data(size), "{size}");
    }
}

#[test]
fn a_connection_serves_on_when_its_stream_has_ended() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--user-header", "X-User"]);
    let admin = server.admin();
    for pipelined in [false, true] {
        let mut stream = server.subscribe("/events/a", "X-User: ann\r\n");
        let next = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        if pipelined {
            stream.send(next);
        }
        server.publish(r#"{"topic": "a", "data": "last"}"#);
        assert_eq!(stream.data(), "last");
        server.revoke(admin, "ann");
        assert!(stream.rest().ends_with("data: last\n\n"));
        if !pipelined {
            stream.send(next);
        }
        assert_eq!(stream.answer(), (200, "ok\n".to_owned()));
    }
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let server = Server::start(&[]);
    let answer = server.request("HEAD", "/events/a", "", b"");
    assert_eq!((answer.status, &*answer.body), (200, ""));
    assert!(answer.headers.contains("content-type: text/event-stream"));
}

#[test]
fn http_1_0_gets_a_stream_without_chunks() {
    let server = Server::start(&[]);
    let mut reader = server.send(b"GET /events/a HTTP/1.0\r\n\r\n");
    let (status, headers) = read_head(&mut reader);
    assert_eq!(status, 200);
    assert!(!headers.contains("transfer-encoding"), "{headers}");
    let mut begin = [0; 28];
    reader.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b": welcome\n\nevent: connected\n");
}

#[test]
fn two_hundred_subscribers_get_every_event_in_order() {
    let server = Server::start(&[]);
    let mut streams: Vec<_> = (0..200).map(|_| server.subscribe("/events/a", "")).collect();
    for n in 0..20 {
        server.publish(&format!(r#"{{"topic": "a", "data": "{n}"}}"#));
    }
    for stream in &mut streams {
        for n in 0..20 {
            assert_eq!(stream.data(), n.to_string());
        }
    }
}

#[test]
fn the_demo_speaks_in_many_ways() {
    let server = Server::start(&["--demo"]);
    let mut stream = server.open("/events?lastEventId=earliest", "");
    let mut missing = vec!["connected", "tick", "price", "log", "message"];
    while !missing.is_empty() {
        let event = stream.event();
        missing.retain(|&event_type| event_type != event.event_type);
        assert!(event.event_type != "log" || event.data.lines().count() == 3);
    }
}

#[test]
fn the_page_and_health_are_there() {
    let server = Server::start(&[]);
    assert_eq!(server.request("GET", "/healthz", "", b"").body, "ok\n");
    let page = server.request("GET", "/", "", b"");
    assert!(page.headers.contains("content-type: text/html") && page.body.contains("EventSource"));
}
