//! The routes beside the event stream, and who is let in.
#![forbid(unsafe_code)]

mod common;

use std::io::{Read, Write};

use common::{Server, read_head};

#[test]
fn a_long_poll_says_where_one_stands_waits_and_misses_nothing() {
    let server = Server::start(&[]);
    let first = server.publish(r#"{"topic": "a", "data": "before"}"#);
    let answer = server.json("GET", "/events/a", "");
    assert_eq!(answer, serde_json::json!({ "events": [], "lastEventId": first }));
    // Nothing of the topic within the time: the place moves with what is not its own.
    let other = server.publish(r#"{"topic": "b", "data": "x"}"#);
    let answer = server.json("GET", &format!("/events/a?timeout=0&lastEventId={first}"), "");
    assert_eq!(answer, serde_json::json!({ "events": [], "lastEventId": other }));
    // What came meanwhile is answered at once.
    let one = server.publish(r#"{"topic": "a", "data": {"n": 1}}"#);
    let two = server.publish(r#"{"topic": "a", "event": "tick", "data": "2"}"#);
    let answer = server.json("GET", "/events/a", &format!("Last-Event-ID: {other}\r\n"));
    let events = serde_json::json!([
        { "id": one, "event": "message", "data": "{\"n\":1}" },
        { "id": two, "event": "tick", "data": "2" },
    ]);
    assert_eq!(answer, serde_json::json!({ "events": events, "lastEventId": two }));
    // What comes while it waits, as soon as it comes.
    let mut waiting = server.send(
        format!(
            "GET /events/a?timeout=60 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Accept: application/json\r\nLast-Event-ID: {two}\r\n\r\n"
        )
        .as_bytes(),
    );
    let three = server.publish(r#"{"topic": "a", "data": "3"}"#);
    assert_eq!(read_head(&mut waiting).0, 200);
    let mut body = String::new();
    waiting.read_to_string(&mut body).unwrap();
    assert!(body.contains(&three), "{body}");
    // A gap is said.
    let answer = server.json("GET", "/events/a?lastEventId=1-1", "");
    assert_eq!(answer["reset"]["reason"], "epoch");
    assert_eq!(answer["events"].as_array().unwrap().len(), 4);
    assert_eq!(answer["lastEventId"], three.as_str());
}

#[test]
fn a_notification_reaches_its_user_only_and_a_broadcast_everyone() {
    let server = Server::start(&["--user-header", "X-User"]);
    let mut ann = [
        server.subscribe("/events", "X-User: ann\r\n"),
        server.subscribe("/events/a", "X-User: ann\r\n"),
    ];
    let mut bob = server.subscribe("/events?topic=**", "X-User: bob\r\n");
    let mut nobody = server.subscribe("/events", "");
    let answer = server.post("/notify", r#"{"userId": "ann", "message": {"text": "hi"}}"#);
    assert!(answer.body.starts_with("{\"id\":"), "{}", answer.body);
    assert!(answer.body.contains("\"success\":true"));
    server.post("/broadcast", r#"{"message": "to all"}"#);
    for stream in &mut ann {
        let event = stream.event();
        assert_eq!((&*event.event_type, &*event.data), ("notification", r#"{"text":"hi"}"#));
    }
    for stream in ann.iter_mut().chain([&mut bob, &mut nobody]) {
        let event = stream.event();
        assert_eq!((&*event.event_type, &*event.data), ("announcement", "to all"));
    }
    // Without the flag nobody is who they say.
    let server = Server::start(&[]);
    let mut liar = server.subscribe("/events", "X-User: ann\r\n");
    server.post("/notify", r#"{"userId": "ann", "message": "secret"}"#);
    server.post("/broadcast", r#"{"message": "to all"}"#);
    assert_eq!(liar.data(), "to all");
}

#[test]
fn a_raw_body_is_published_as_it_is() {
    let server = Server::start(&[]);
    let mut stream = server.subscribe("/events?topic=a.*", "");
    let answer =
        server.request("POST", "/events/a.b?event=raw", "Content-Type: x/y\r\n", b" two\nlines ");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let event = stream.event();
    assert_eq!((&*event.event_type, &*event.data), ("raw", " two\nlines "));
    assert_eq!(answer.body, format!("{{\"id\":\"{}\"}}", event.last_event_id));
    server.request("POST", "/events/a.b", "", b"");
    assert_eq!(stream.data(), "");
}

#[test]
fn readiness_ends_before_life_does() {
    let server = Server::start(&["--drain", "1h"]);
    assert_eq!(server.request("GET", "/readyz", "", b"").body, "ready\n");
    assert_eq!(server.request("GET", "/healthz", "", b"").body, "ok\n");
    // A connection that is in the middle of a request lives on while it drains.
    let mut open = server.send(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_head(&mut open);
    open.read_exact(&mut [0; 6]).unwrap();
    open.get_mut().write_all(b"GET /readyz HTTP/1.1\r\nHost: local").unwrap();
    let mut stream = server.subscribe("/events", "");
    server.signal("TERM");
    assert!(stream.rest().contains("retry: "));
    open.get_mut().write_all(b"host\r\n\r\n").unwrap();
    let mut answer = String::new();
    // It may as well have been hung up on: its request had only begun.
    let _ = open.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[test]
fn too_many_streams_and_too_fast_a_publisher_are_told_when_to_come_back() {
    let server = Server::start(&["--streams-per-address", "2", "--publish-rate", "1"]);
    let streams = [server.subscribe("/events", ""), server.subscribe("/events", "")];
    let answer = server.request("GET", "/events", "", b"");
    assert_eq!(answer.status, 429);
    assert!(answer.headers.contains("\r\nretry-after: 10\r\n"), "{}", answer.headers);
    assert!(answer.error().starts_with("This address has 2 streams open"), "{}", answer.error());
    drop(streams);
    // As soon as the server has heard that they are gone.
    while server.request("GET", "/events?timeout=0", "Accept: application/json\r\n", b"").status
        != 200
    {}

    let publish = || server.post("/publish", r#"{"topic": "a", "data": 1}"#);
    let statuses: Vec<_> = (0..4).map(|_| publish().status).collect();
    assert_eq!(statuses[..2], [200, 200]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let batch = "{\"topic\": \"a\", \"data\": 1}\n".repeat(3);
    let header = "Content-Type: application/x-ndjson\r\n";
    let answer = server.request("POST", "/publish", header, batch.as_bytes());
    assert_eq!(answer.status, 413, "{}", answer.body);
}

#[test]
fn a_browser_that_is_refused_for_now_is_told_to_come_back_and_not_that_it_is_over() {
    let server = Server::start(&["--streams-per-address", "1", "--soft-refusals"]);
    let _open = server.subscribe("/events", "");
    let refused = server.request("GET", "/events", "Accept: text/event-stream\r\n", b"");
    assert_eq!(refused.status, 200);
    assert!(refused.headers.contains("text/event-stream"));
    let wire = refused.body;
    assert!(wire.starts_with(": This address has 1 streams open"), "{wire}");
    let retry: u64 = wire.split("retry: ").nth(1).unwrap().trim().parse().unwrap();
    assert!((10_000..=15_000).contains(&retry), "{retry}");
    // Whoever polls or asks for what cannot be reads the truth.
    let poll = server.request("GET", "/events", "Accept: application/json\r\n", b"");
    assert_eq!(poll.status, 429);
    assert_eq!(server.request("GET", "/events/a..b", "", b"").status, 400);
}

#[test]
fn a_browser_that_comes_back_is_never_told_that_it_is_over() {
    let server = Server::start(&["--streams-per-address", "1"]);
    let _open = server.subscribe("/events", "");
    let stream = "Accept: text/event-stream\r\n";
    let refused = |path: &str, headers: &str| server.request("GET", path, headers, b"");
    for answer in [
        refused("/events", &format!("{stream}Last-Event-ID: earliest\r\n")),
        refused("/events?lastEventId=x", stream),
    ] {
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("retry: "), "{}", answer.body);
    }
    // Whoever comes for the first time, or may be no browser, reads the truth.
    assert_eq!(refused("/events", stream).status, 429);
    assert_eq!(refused("/events", "Last-Event-ID: earliest\r\n").status, 429);
}

#[test]
fn streams_are_opened_at_a_rate_and_too_many_are_told_when_to_come_back() {
    let mut server = Server::start(&["--connect-rate", "1", "--admin", "127.0.0.1:0"]);
    let admin = server.admin();
    let open = |headers: &str| server.request("GET", "/events?timeout=0", headers, b"");
    let json = "Accept: application/json\r\n";
    let statuses: Vec<_> = (0..30).map(|_| open(json).status).collect();
    assert_eq!(statuses[..10], [200; 10]);
    let refused = statuses.iter().filter(|&&status| status == 429).count();
    // More than half, unless it took half a minute.
    assert!(refused > 10, "{statuses:?}");
    let answer = loop {
        let answer = server.request("GET", "/events/a", json, b"");
        if answer.status == 429 {
            break answer;
        }
    };
    assert!(answer.headers.contains("\r\nretry-after: 1\r\n"), "{}", answer.headers);
    assert!(answer.error().starts_with("Too many streams were opened"), "{}", answer.error());
    // Heads and what is no stream count for nothing.
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(server.request("GET", path, "", b"").status, 200);
    }
    assert_eq!(server.request("HEAD", "/events/a", "", b"").status, 200);
    let counters = &server.stats(admin)["counters"];
    assert!(counters["refused_too_fast_total"].as_u64() > Some(refused as u64), "{counters}");
    assert_eq!(counters["refused_full_total"], 0);
}

#[test]
fn a_long_poll_is_never_told_to_begin_anew_where_it_asked_for_what_is_kept() {
    let server = Server::start(&[]);
    let _watched = server.subscribe("/events/room", "");
    let path = "/events/$presence.room?lastEventId=earliest&timeout=20";
    let answer = server.json("GET", path, "");
    assert_eq!(answer["events"][0]["event"], "presence", "{answer}");
    assert_ne!(answer["lastEventId"], "", "{answer}");
    // By which nothing is passed over that came in between.
    let id = answer["lastEventId"].as_str().unwrap();
    server.publish(r#"{"topic": "a", "data": "in between"}"#);
    let next = server.json("GET", &format!("/events/a?lastEventId={id}"), "");
    assert_eq!(next["events"][0]["data"], "in between", "{next}");
}

#[test]
fn a_long_poll_on_presence_is_answered_when_that_changes() {
    let server = Server::start(&["--user-header", "X-User"]);
    let poll = |id: &str, timeout: u32| {
        let path = format!("/events/$presence.room?lastEventId={id}&timeout={timeout}");
        let answer = server.json("GET", &path, "");
        let events = answer["events"].as_array().unwrap().iter();
        let counts = events.map(|event| event["data"].as_str().unwrap().to_owned());
        (counts.collect::<Vec<_>>(), answer["lastEventId"].as_str().unwrap().to_owned())
    };
    let _ann = server.subscribe("/events/room", "X-User: ann\r\n");
    let (none, first) = poll("", 60);
    assert_eq!(none, [""; 0], "at once, with the place");
    let (words, told) = poll(&first, 60);
    assert!(words.len() == 1 && words[0].contains(r#""count":1,"users":["ann"]"#), "{words:?}");
    // Longer than presence is gathered for.
    let (words, same) = poll(&told, 2);
    assert_eq!((words, &*same), (vec![], &*told), "nothing has changed");
    let bob = server.subscribe("/events/room", "X-User: bob\r\n");
    let (words, told) = poll(&same, 60);
    assert!(words.len() == 1 && words[0].contains(r#""users":["ann","bob"]"#), "{words:?}");
    drop(bob);
    let (words, _) = poll(&told, 60);
    assert!(words.len() == 1 && words[0].contains(r#""users":["ann"]"#), "{words:?}");
    // The same id is good for a stream.
    server.publish(r#"{"all": true, "data": "next"}"#);
    let mut stream = server.subscribe(&format!("/events?lastEventId={told}"), "");
    assert_eq!(stream.data(), "next");
}

#[test]
fn a_page_from_elsewhere_publishes_only_if_its_origin_is_allowed() {
    let mut server =
        Server::start(&["--allow-origin", "https://shop.test", "--admin", "127.0.0.1:0"]);
    let admin = server.admin();
    let post = |headers: &str| {
        let headers = format!("Content-Type: text/plain\r\n{headers}");
        server.request("POST", "/events/a", &headers, b"x")
    };
    let refused = post("Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(refused.status, 403);
    assert!(refused.error().contains("--allow-origin"), "{}", refused.error());
    assert_eq!(post("Origin: https://evil.test\r\n").status, 403);
    let shop = "Origin: https://shop.test\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(post(shop).status, 200);
    assert_eq!(post("Sec-Fetch-Site: same-origin\r\n").status, 200);
    // That goes for what is published, and for nothing else.
    let mut stream = std::net::TcpStream::connect(admin).unwrap();
    let stats = "GET /stats HTTP/1.1\r\nHost: localhost\r\nOrigin: https://shop.test\r\n\r\n";
    stream.write_all(stats.as_bytes()).unwrap();
    assert_eq!(read_head(&mut std::io::BufReader::new(stream)).0, 403);
}

#[test]
fn pages_from_elsewhere_reach_nothing() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--allow-host", "hub.test"]);
    let admin = server.admin();
    let public = server.address;
    let ask = |address, method: &str, path: &str, headers: &str| {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
        );
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let (status, headers) = read_head(&mut std::io::BufReader::new(stream));
        assert!(!headers.contains("access-control-"), "{method} {path}: {headers}");
        status
    };
    let mut asked = Vec::new();
    for address in [public, admin] {
        for (method, path) in server.routes(address) {
            asked.extend((method == "GET").then(|| (address, "HEAD".to_owned(), path.clone())));
            asked.push((address, "OPTIONS".to_owned(), path.clone()));
            asked.push((address, method, path));
        }
        asked.push((address, "GET".to_owned(), "/nothing".to_owned()));
    }
    for (address, path) in [(public, "/publish"), (admin, "/revoke?user=a")] {
        assert!(asked.contains(&(address, "POST".into(), path.into())), "{asked:?}");
    }
    for (address, method, path) in &asked {
        let (&address, method, path) = (address, &**method, &**path);
        for headers in [
            "Host: evil.test\r\n".to_owned(),
            "Host: localhost.evil.test\r\n".into(),
            "Host: localhost\r\nOrigin: http://evil.test\r\n".into(),
            "Host: localhost\r\nOrigin: null\r\n".into(),
            format!("Host: {address}\r\nOrigin: http://localhost:1\r\n"),
        ] {
            assert_eq!(ask(address, method, path, &headers), 403, "{method} {path} {headers}");
        }
        for headers in [
            "Host: localhost\r\n".to_owned(),
            "Host: hub.test\r\nOrigin: https://hub.test\r\n".into(),
            format!("Host: {address}\r\nOrigin: http://{address}\r\n"),
        ] {
            assert_ne!(ask(address, method, path, &headers), 403, "{method} {path} {headers}");
        }
    }
}

#[test]
fn an_address_and_a_user_have_a_share_of_the_patterns_and_of_what_is_watched() {
    let args = ["--user-header", "X-User", "--patterns-per-address", "3", "--patterns-per-user"];
    let server = Server::start(&[&args[..], &["2", "--watched-per-user", "1"]].concat());
    let ask = |query: &str, user: &str| {
        let answer = server.request("GET", &format!("/events?topic={query}"), user, b"");
        assert!(answer.headers.contains("retry-after: 10\r\n"), "{}", answer.headers);
        (answer.status, answer.error())
    };
    let ann = "X-User: ann\r\n";
    let _open = server.subscribe("/events?topic=a.*&topic=b.*", ann);
    let _same = server.subscribe("/events?topic=b.*&topic=c", ann);
    let (status, sentence) = ask("c.*", ann);
    assert_eq!(status, 429);
    assert!(sentence.starts_with("This user has 2 patterns in use"), "{sentence}");
    let _other = server.subscribe("/events?topic=c.*", "X-User: bob\r\n");
    let (status, sentence) = ask("d.*", "X-User: bob\r\n");
    assert_eq!(status, 429);
    assert!(sentence.starts_with("This address has 3 patterns in use"), "{sentence}");
    let _watch = server.subscribe("/events/$presence.a", ann);
    let (status, sentence) = ask("$presence.b", ann);
    assert_eq!(status, 429);
    assert!(sentence.starts_with("This user watches the presence of 1 topics"), "{sentence}");
}

#[test]
fn who_alone_asks_for_more_than_may_ever_be_is_told_so_for_good() {
    let args = ["--user-header", "X-User", "--patterns-per-user", "2", "--soft-refusals"];
    let server = Server::start(&[&args[..], &["--watched-per-address", "1"]].concat());
    let patterns = "/events?topic=a.*&topic=b.*&topic=c.*";
    let watched = "/events?topic=$presence.a&topic=$presence.b";
    // As a browser's EventSource asks when it comes back: a stream and an end would have it ask for
    // ever.
    let comes_back = "X-User: ann\r\nAccept: text/event-stream\r\nLast-Event-ID: 1-1\r\n";
    for (path, sentence) in [
        (
            patterns,
            "The subscription names 3 patterns; 2 is the most that one user may have in use",
        ),
        (watched, "The subscription watches the presence of 2 topics; 1 is the most"),
    ] {
        let refused = server.request("GET", path, comes_back, b"");
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(!refused.headers.contains("retry-after"), "{}", refused.headers);
        assert!(refused.error().starts_with(sentence), "{}", refused.error());
    }
    let headers = "X-User: ann\r\nContent-Type: application/json\r\n";
    let ticket = br#"{"topics": ["a.*", "b.*", "c.*"]}"#;
    let refused = server.request("POST", "/ticket", headers, ticket);
    assert_eq!(refused.status, 400, "no ticket that can never be used: {}", refused.body);
}

#[test]
fn whoever_runs_it_sees_who_is_turned_away() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--streams-per-address", "1"]);
    let admin = server.admin();
    let _open = server.subscribe("/events", "");
    assert_eq!(server.request("GET", "/events", "", b"").status, 429);
    server.publish(r#"{"topic": "a", "data": 1, "key": "k"}"#);
    server.publish(r#"{"topic": "a", "data": 1, "key": "k"}"#);
    let stats = server.stats(admin);
    let counters = &stats["counters"];
    assert_eq!(counters["refused_for_address_total"], 1, "{stats}");
    assert_eq!(counters["admitted_total"], 1, "{stats}");
    assert_eq!(counters["repeats_total"], 1, "{stats}");
}

#[test]
fn whoever_runs_it_sees_what_long_polls_were_given() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.admin();
    let id = server.publish(r#"{"topic": "a", "data": 1}"#);
    server.publish(r#"{"topic": "a", "data": 2}"#);
    let poll = |id: &str| server.json("GET", &format!("/events/a?lastEventId={id}"), "");
    assert_eq!(poll("earliest")["events"].as_array().unwrap().len(), 2);
    assert_eq!(poll(&id)["events"].as_array().unwrap().len(), 1);
    assert_eq!(poll("f-1")["reset"]["reason"], "epoch");
    let counters = &server.stats(admin)["counters"];
    assert_eq!((&counters["delivered_total"], &counters["resets_total"]), (&5.into(), &1.into()));
}

#[test]
fn whoever_runs_it_sees_the_figures_and_ends_streams() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0", "--user-header", "X-User"]);
    let admin = server.admin();
    let ask = |method: &str, path: &str| {
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut stream = std::net::TcpStream::connect(admin).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = std::io::BufReader::new(stream);
        let status = read_head(&mut reader).0;
        let mut body = String::new();
        reader.read_to_string(&mut body).unwrap();
        (status, body)
    };
    let mut first = server.open("/events/a", "X-User: ann\r\n");
    let connected: serde_json::Value = serde_json::from_str(&first.data()).unwrap();
    let client_id = connected["clientId"].as_str().unwrap();
    let mut more = [0, 1].map(|_| server.subscribe("/events/a", "X-User: bob\r\n"));
    let mut watcher = server.subscribe("/events/$presence.a", "");
    let (status, body) = ask("GET", "/presence?topic=a");
    assert_eq!(
        (status, &*body),
        (200, r#"{"count":3,"partial":false,"topic":"a","users":["ann","bob"]}"#)
    );
    assert!(ask("GET", "/presence?topic=a&after=ann").1.contains(r#""users":["bob"]"#));
    assert_eq!(ask("GET", "/healthz"), (200, "ok\n".into()));
    assert!(watcher.data().contains("\"users\":[\"ann\",\"bob\"]"));
    assert!(ask("GET", "/metrics").1.contains("# TYPE sse_subscribers gauge\nsse_subscribers 4\n"));
    assert_eq!(ask("DELETE", &format!("/subscribers/{client_id}")), (200, "{\"ended\":1}".into()));
    first.rest();
    assert_eq!(ask("DELETE", &format!("/subscribers/{client_id}")).0, 404);
    assert_eq!(ask("DELETE", "/subscribers/+0").0, 404);
    assert_eq!(ask("POST", "/revoke?user=bob"), (200, "{\"ended\":2}".into()));
    more.iter_mut().for_each(|stream| drop(stream.rest()));
    let event = watcher.event();
    assert_eq!(event.event_type, "presence");
    let stats: serde_json::Value = serde_json::from_str(&ask("GET", "/stats").1).unwrap();
    assert_eq!(stats["counters"]["revoked_total"], 3);
    for (method, path, status) in [
        ("POST", "/metrics", 405),
        ("GET", "/revoke", 405),
        ("GET", "/x", 404),
        ("GET", "/presence", 400),
    ] {
        assert_eq!(ask(method, path).0, status, "{method} {path}");
    }
}

#[test]
fn a_ticket_opens_one_stream_and_resumes_it() {
    let mut server = Server::start(&["--user-header", "X-User", "--admin", "127.0.0.1:0"]);
    let admin = server.admin();
    let json = "Content-Type: application/json\r\nX-User: ann\r\n";
    let ticket = |body: &str| {
        let answer = server.request("POST", "/ticket", json, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["useWithin"], 60);
        answer["ticket"].as_str().unwrap().to_owned()
    };
    let path = format!("/events?ticket={}", ticket(r#"{"topics": ["a", "b.*"]}"#));
    // No header says who it is; the ticket does.
    let mut stream = server.open(&path, "");
    assert_eq!(stream.event().event_type, "connected");
    server.publish(r#"{"topic": "c", "data": "not asked for"}"#);
    server.publish(r#"{"topic": "b.x", "data": "1"}"#);
    server.publish(r#"{"user": "ann", "data": "2"}"#);
    server.publish(r#"{"user": "bob", "data": "of others"}"#);
    assert_eq!(stream.data(), "1");
    let event = stream.event();
    assert_eq!(event.data, "2");
    let resume = format!("Last-Event-ID: {}\r\n", event.last_event_id);
    // While it is open, one that begins anew is told to come back, as far as a browser can be told.
    let second = server.request("GET", &path, "", b"");
    assert!(second.status == 200 && second.body.contains("\nretry: "), "{}", second.body);
    let second = server.request("GET", &path, "Accept: application/json\r\n", b"");
    assert_eq!((second.status, second.error().contains("stream is open")), (429, true));
    // A resume takes it over: that its connection broke may not have been noticed.
    let mut second = server.open(&path, &resume);
    assert_eq!(second.event().event_type, "connected");
    server.publish(r#"{"topic": "a", "data": "3"}"#);
    assert_eq!(second.data(), "3");
    assert!(!stream.rest().contains("data: 3"), "the one before has ended");
    let counters = &server.stats(admin)["counters"];
    assert_eq!((&counters["replaced_total"], &counters["revoked_total"]), (&1.into(), &0.into()));
    drop(second);
    // One that broke before its first event has no id to come back by.
    let mut third = loop {
        let third = server.open(&path, "");
        // Until the end of the one before is noticed, this too is told to come back.
        if third.headers.contains("transfer-encoding: chunked") {
            break third;
        }
    };
    assert_eq!(third.event().event_type, "connected");
    server.publish(r#"{"topic": "a", "data": "4"}"#);
    assert_eq!(third.data(), "4");
    let unknown = server.request("GET", "/events?ticket=00000000000000000000000000000000", "", b"");
    assert_eq!((unknown.status, unknown.error().contains("ask for another")), (401, true));
    for (path, status) in [
        (format!("{path}&topic=c"), 400),
        (path.replace("events?", "events/c?"), 400),
        ("/events?ticket=x".to_owned(), 401),
    ] {
        assert_eq!(server.request("GET", &path, &resume, b"").status, status, "{path}");
    }
    let many: Vec<_> = (0..65).map(|n| format!("\"t{n}\"")).collect();
    let long: Vec<_> = (0..10).map(|n| format!("\"{n}{}\"", "x".repeat(250))).collect();
    for (body, sentence) in [
        (r#"{"topics": ["a..b"]}"#.to_owned(), "The topic has an empty segment"),
        (r#"{"topics": ["$user.bob"]}"#.into(), "Topics that begin with $ are the hub's own"),
        (r#"{"topics": 1}"#.into(), "The JSON does not fit at line 1, column 12"),
        (format!("{{\"topics\": [{}]}}", many.join(",")), "The ticket names 65 topics; 64"),
        (format!("{{\"topics\": [{}]}}", long.join(",")), "The topics of a ticket have 2510 bytes"),
    ] {
        let answer = server.request("POST", "/ticket", json, body.as_bytes());
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.error().starts_with(sentence), "{}", answer.error());
    }
    assert_eq!(server.request("POST", "/ticket", "", b"{}").status, 415);
    assert_eq!(server.request("GET", "/ticket", "", b"").status, 405);
}

#[test]
fn tickets_count_for_the_rate_of_whoever_asks_for_them() {
    let server = Server::start(&["--publish-rate", "1"]);
    let statuses: Vec<_> = (0..4).map(|_| server.post("/ticket", "{}").status).collect();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].contains(&429), "{statuses:?}");
}

#[test]
fn a_publish_that_is_sent_again_by_its_key_takes_effect_once() {
    let server = Server::start(&["--user-header", "X-User"]);
    let mut stream = server.subscribe("/events/a", "");
    let post = |user: &str, form: &str, body: &str| {
        let headers = format!("Content-Type: application/{form}\r\nX-User: {user}\r\n");
        let answer = server.request("POST", "/publish", &headers, body.as_bytes());
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, json)
    };
    let event = r#"{"topic": "a", "data": "paid", "key": "order 17"}"#;
    let (status, first) = post("shop", "json", event);
    assert_eq!((status, &first["repeat"]), (200, &serde_json::Value::Null));
    let (status, again) = post("shop", "json", event);
    assert_eq!((status, &again["id"], &again["repeat"]), (200, &first["id"], &true.into()));
    // Another's key of the same name is another key.
    let (_, other) = post("warehouse", "json", event);
    assert_ne!(other["id"], first["id"]);
    let (status, reused) = post("shop", "json", &event.replace("paid", "sent"));
    assert_eq!(status, 409);
    assert!(reused["error"].as_str().unwrap().starts_with("This key was used for another event"));
    // A batch stands and falls as a whole.
    let new = r#"{"topic": "a", "data": "new", "key": "order 18"}"#;
    let lines = |last: &str| post("shop", "x-ndjson", &format!("{new}\n\n{last}\n"));
    let (status, bad) = lines(&event.replace("paid", "sent"));
    assert_eq!(status, 409);
    assert!(bad["error"].as_str().unwrap().starts_with("In line 3: This key was used"), "{bad}");
    let (status, bad) = lines(&new.replace("new", "newer"));
    assert_eq!(
        (status, &bad["error"]),
        (400, &"In line 3: Its key is that of line 1; choose one for each event.".into())
    );
    let (status, fine) = lines(event);
    assert_eq!((status, &fine["ids"][1]), (200, &first["id"]), "{fine}");
    let data: Vec<_> = (0..3).map(|_| stream.data()).collect();
    assert_eq!(data, ["paid", "paid", "new"]);
    for key in ["", "a\\nb", "a\\u0000"] {
        let (status, answer) = post("shop", "json", &event.replace("order 17", key));
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().starts_with("In \"key\": the key"), "{answer}");
    }
}
