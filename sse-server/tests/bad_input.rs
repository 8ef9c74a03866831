//! What is wrong is said in a sentence, with the right status, and changes nothing.
#![forbid(unsafe_code)]

mod common;

use std::io::Write;

use common::{Server, read_head};

#[test]
fn a_publish_that_is_none_is_refused_with_a_reason() {
    let server = Server::start(&[]);
    let cases = [
        ("", 400, "The body is empty; send a JSON object, such as {\"topic\": "),
        (
            "{\n  \"topic\": \"a\",\n  \"data\" 1\n}",
            400,
            "The body is not JSON: at line 3, column 10, expected `:`; have a JSON library write it.",
        ),
        ("hello", 400, "The body is not JSON: at line 1, column 1, expected value; "),
        ("[]", 400, "The body is JSON but no object; send one, such as {"),
        (r#"["a",null,null,true,"ev","x"]"#, 400, "The body is JSON but no object; send one, "),
        ("{\"topic\": \"a\", ", 400, "The JSON is cut off at line 1, column 15; send all of it."),
        (
            "{\"topic\": 1, \"data\": 1}",
            400,
            "The JSON does not fit at line 1, column 11: invalid type: integer \"1\", expected a string.",
        ),
        (
            "{\"topic\": \"a\", \"date\": 1}",
            400,
            "The JSON does not fit at line 1, column 21: unknown field \"date\", ",
        ),
        ("{\"data\": 1}", 400, "The event names no topic; add \"topic\": \"…\""),
        ("{\"topics\": [], \"data\": 1}", 400, "The event names no topic"),
        ("{\"all\": false, \"data\": 1}", 400, "The event names no topic"),
        ("{\"topic\": \"a\"}", 400, "The event has no data; add \"data\""),
        ("{\"topic\": \"\", \"data\": 1}", 400, "The topic is empty; name one"),
        ("{\"topic\": \"$all\", \"data\": 1}", 400, "Topics that begin with $ are the hub's own"),
        (
            "{\"topic\": \"$user.ann\", \"data\": 1}",
            400,
            "Topics that begin with $ are the hub's own",
        ),
        ("{\"topic\": \"a b\", \"data\": 1}", 400, "The topic holds ' ' at byte 1"),
        ("{\"topic\": \"a\\u0000\", \"data\": 1}", 400, "The topic holds '\\0' at byte 1"),
        ("{\"topic\": \"a.*\", \"data\": 1}", 400, "The topic holds '*' at byte 2"),
        (
            "{\"topic\": \"a\", \"event\": \"connected\", \"data\": 1}",
            400,
            "The event types connected, reset, heartbeat and presence are the hub's own",
        ),
        ("{\"topic\": \"a\", \"event\": \"reset\", \"data\": 1}", 400, "The event types connected"),
        (
            "{\"topic\": \"a\", \"event\": \"heartbeat\", \"data\": 1}",
            400,
            "The event types connected",
        ),
        ("{\"topic\": \"a\", \"event\": \"x\\nid: 7\", \"data\": 1}", 400, "In \"event\": "),
        ("{\"topic\": \"a\", \"event\": \"x\\rdata: 7\", \"data\": 1}", 400, "In \"event\": "),
        (
            "{\"topic\": \"a\", \"event\": \"x\\u0000\", \"data\": 1}",
            400,
            "The event type holds a control character at byte 1",
        ),
        (
            "{\"topic\": \"a\", \"data\": \"\\ud800\"}",
            400,
            "The data is a string that is not Unicode text: half of a surrogate pair",
        ),
        (
            "{\"topic\": \"a\", \"data\": 1} x",
            400,
            "The body is not JSON: at line 1, column 27, trailing characters; ",
        ),
    ];
    for (body, status, sentence) in cases {
        let answer = server.post("/publish", body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.error().starts_with(sentence), "{body}: {}", answer.error());
        assert!(answer.error().ends_with('.'), "{}", answer.error());
    }
    let many: Vec<_> = (0..65).map(|n| format!("\"t{n}\"")).collect();
    let answer =
        server.post("/publish", &format!("{{\"topics\": [{}], \"data\": 1}}", many.join(",")));
    assert_eq!(answer.error(), "The event names 65 topics; 64 is the most.");

    let id = server.publish(r#"{"topic": "a", "data": 1}"#);
    assert!(id.ends_with("-1"), "nothing of all that was published: {id}");
}

#[test]
fn an_example_in_a_refusal_is_taken_as_it_stands() {
    let server = Server::start(&[]);
    for path in ["/publish", "/broadcast", "/notify", "/ticket"] {
        for body in ["", "[]", "7"] {
            let refused = server.post(path, body);
            assert_eq!(refused.status, 400, "{path}");
            let sentence = refused.error();
            let (_, example) = sentence.split_once("such as ").expect(&sentence);
            let taken = server.post(path, example.strip_suffix('.').expect(&sentence));
            assert_eq!(taken.status, 200, "{path} {example}: {}", taken.body);
        }
    }
}

#[test]
fn a_user_who_cannot_be_is_told_as_a_user() {
    let server = Server::start(&["--user-header", "X-User"]);
    let long = "x".repeat(3000);
    for (id, sentence) in [
        (&*long, "The user's id has 3000 bytes; 250 is the most."),
        ("a b", "The user's id holds ' ' at byte 1; control characters, "),
        ("a..b", "The user's id has a dot at an end, or two in a row; "),
        ("", "The user's id is empty."),
    ] {
        let headers = format!("X-User: {id}\r\nContent-Type: application/json\r\n");
        let stream = server.request("GET", "/events", &headers, b"");
        let ticket = server.request("POST", "/ticket", &headers, br#"{"topics": ["a"]}"#);
        for refused in [stream, ticket] {
            assert_eq!(refused.status, 400);
            assert!(refused.error().starts_with(sentence), "{}", refused.error());
        }
    }
    let refused = server.post("/notify", &format!(r#"{{"userId": "{long}", "message": 1}}"#));
    assert_eq!(refused.error(), "In \"userId\": the user's id has 3000 bytes; 250 is the most.");
}

#[test]
fn no_value_can_inject_a_field() {
    let server = Server::start(&[]);
    let mut stream = server.subscribe("/events/a", "");
    let nasty = "x\r\nid: 7\rretry: 1\n\nevent: evil\u{0}\u{2028}data: 8\r\n\r\n";
    let body = serde_json::json!({ "topic": "a", "event": "id: 9", "data": nasty });
    let id = server.publish(&body.to_string());
    let object = serde_json::json!({ "topic": "a", "data": { nasty: nasty } });
    server.publish(&object.to_string());
    let event = stream.event();
    assert_eq!(event.event_type, "id: 9");
    assert_eq!(event.last_event_id, id);
    assert_eq!(event.data, nasty.replace("\r\n", "\n").replace('\r', "\n"));
    let event = stream.event();
    assert_eq!(event.event_type, "message");
    assert_eq!(event.data, object["data"].to_string());
}

#[test]
fn a_body_of_another_type_is_refused() {
    let server = Server::start(&[]);
    for header in ["", "Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n"] {
        let answer = server.request("POST", "/publish", header, b"{\"topic\": \"a\", \"data\": 1}");
        assert_eq!(answer.status, 415);
        assert!(answer.error().contains("send Content-Type: application/json"));
    }
    let header = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let answer = server.request("POST", "/publish", header, b"{\"topic\": \"a\", \"data\": 1}");
    assert_eq!(answer.status, 200);
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start(&[]);
    let head = "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    // 1 GiB is announced and never sent.
    let mut reader = server.send(format!("{head}Content-Length: 1073741824\r\n\r\n").as_bytes());
    assert_eq!(read_head(&mut reader).0, 413);
    // Too much by some megabytes, announced or not, is read so that the answer arrives.
    for length in [512 << 10, 8 << 20] {
        let large = format!("{{\"topic\": \"a\", \"data\": \"{}\"}}", "x".repeat(length));
        let answer = server.post("/publish", &large);
        assert_eq!(answer.status, 413);
        let error = answer.error();
        assert!(error.starts_with("The body has more than 524288 bytes"), "{error}");
    }
    let mut reader = server.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes());
    for _ in 0..9 {
        reader
            .get_mut()
            .write_all(format!("10000\r\n{}\r\n", "x".repeat(65_536)).as_bytes())
            .unwrap();
    }
    reader.get_mut().write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(read_head(&mut reader).0, 413);
    // As much as may be is taken.
    let most = r#"{"topic": "a", "data": "x"}"#.to_owned();
    let most = most.clone() + &" ".repeat((512 << 10) - most.len());
    assert_eq!((most.len(), server.post("/publish", &most).status), (512 << 10, 200));
    // So is the largest event, of which JSON makes more.
    let data = "\\n".repeat((256 << 10) - 32);
    let event = format!("{{\"topic\": \"a\", \"data\": \"{data}\"}}");
    assert_eq!(server.post("/publish", &event).status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn a_body_without_end_is_refused_by_every_route_and_takes_no_memory() {
    let server = Server::start(&[]);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    let before = server.memory();
    for (path, media_type, max) in [
        ("/publish", "application/json", 512 << 10),
        ("/publish", "application/x-ndjson", 4 << 20),
        ("/events/a", "text/plain", 512 << 10),
        ("/broadcast", "application/json", 512 << 10),
        ("/notify", "application/json", 512 << 10),
        ("/ticket", "application/json", 512 << 10),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        // A little over the limit the rest is read, so that the answer arrives.
        let mut reader = server.send(head.as_bytes());
        for _ in 0..=max / 65_536 {
            reader.get_mut().write_all(chunk.as_bytes()).unwrap();
        }
        reader.get_mut().write_all(b"0\r\n\r\n").unwrap();
        assert_eq!(read_head(&mut reader).0, 413, "{path}");
        // 1 GiB would take far longer than it is let.
        let mut reader = server.send(head.as_bytes());
        let mut sent = 0;
        while sent < 1 << 30 && reader.get_mut().write_all(chunk.as_bytes()).is_ok() {
            sent += 65_536;
        }
        assert!(sent < 64 << 20, "{path}: {} MiB were taken", sent >> 20);
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB");
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
}

#[test]
fn a_subscription_that_is_none_is_refused_with_a_reason() {
    let server = Server::start(&[]);
    let cases = [
        (
            "/events?topics=a",
            "The query parameter \"topics\" is not known; there are topic, lastEventId, ticket and timeout.",
        ),
        ("/events?topic=", "The topic is empty; name one, such as prices.eur."),
        (
            "/events?topic=a&topic=%zz",
            "\"%zz\" has a % without two hexadecimal digits; write %25 for a % itself.",
        ),
        ("/events/%ff", "\"%ff\" is not UTF-8 once it is percent-decoded."),
        (
            "/events/a%0Ab",
            "The topic holds '\\n' at byte 1; control characters, white space and * are not allowed.",
        ),
        ("/events?topic=a+b", "The topic holds ' ' at byte 1"),
        ("/events/$all", "Topics that begin with $ are the hub's own; choose another name."),
        ("/events/%24user.ann", "Topics that begin with $ are the hub's own"),
        ("/events/a..b", "The topic has an empty segment"),
        ("/events?topic=a*", "* stands for a whole segment and ** for the rest"),
        ("/events/$presence.$all", "Topics that begin with $ are the hub's own"),
        ("/events?topic=$user.*", "Topics that begin with $ are the hub's own"),
        ("/events?topic=a&timeout=5", "Timeout is for long-polling; send Accept: application/json"),
        ("/events?topic=a&timeout=-5", "Timeout takes whole seconds, such as 25, not \"-5\"."),
    ];
    for (path, sentence) in cases {
        for method in ["GET", "HEAD"] {
            let answer = server.request(method, path, "", b"");
            assert_eq!(answer.status, 400, "{path}");
            if method == "GET" {
                assert!(answer.error().starts_with(sentence), "{path}: {}", answer.error());
            }
        }
    }
    let many: Vec<_> = (0..65).map(|n| format!("topic={n}")).collect();
    let answer = server.request("GET", &format!("/events?{}", many.join("&")), "", b"");
    assert_eq!(answer.error(), "The subscription names 65 topics; 64 is the most.");
    let many = "topic=a&".repeat(129);
    let answer = server.request("GET", &format!("/events?{many}"), "", b"");
    assert_eq!(
        answer.error(),
        "The query has more than 128 parameters; ask for less, or use a pattern."
    );
    let long = format!("/events/{}", "a".repeat(257));
    let answer = server.request("GET", &long, "", b"");
    assert_eq!(answer.error(), "The topic has 257 bytes; 256 is the most.");
}

#[test]
fn a_head_without_bounds_is_refused() {
    let server = Server::start(&[]);
    let endless =
        format!("GET /events?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "topic=a&".repeat(1_000_000));
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    // It may hang up while this is written.
    let _ = stream.write_all(endless.as_bytes());
    let mut reader = std::io::BufReader::new(stream);
    let mut line = String::new();
    let read = std::io::BufRead::read_line(&mut reader, &mut line);
    assert!(read.is_err() || line.is_empty() || line.starts_with("HTTP/1.1 4"), "{line}");
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
}

#[test]
fn other_methods_and_paths_are_told_what_there_is() {
    let server = Server::start(&[]);
    for (method, path, allow) in [
        ("POST", "/events", "get, head"),
        ("DELETE", "/events/a", "get, head, post"),
        ("GET", "/notify", "post"),
        ("PUT", "/broadcast", "post"),
        ("POST", "/readyz", "get, head"),
        ("GET", "/publish", "post"),
        ("OPTIONS", "/publish", "post"),
        ("POST", "/healthz", "get, head"),
        ("PUT", "/", "get, head"),
    ] {
        let answer = server.request(method, path, "", b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.headers.contains(&format!("\r\nallow: {allow}\r\n")), "{}", answer.headers);
        assert!(answer.error().starts_with(&format!("{path} takes ")), "{}", answer.error());
    }
    for path in ["/nope", "/events/a/b", "/publish/", "/EVENTS", "//events"] {
        let answer = server.request("GET", path, "", b"");
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.error().contains("GET /events/{topic}, POST /publish, POST /events/{topic}"),
            "{}",
            answer.error()
        );
    }
}

#[test]
fn no_route_by_which_one_publishes_can_inject_a_field() {
    let server = Server::start(&["--user-header", "X-User"]);
    let mut stream = server.subscribe("/events?topic=a", "X-User: ann\r\n");
    let nasty = "x\r\nid: 7\rretry: 1\n\nevent: evil\u{0}\u{2028}data: 8\r\n\r\n";
    let line = serde_json::json!({ "topic": "a", "data": nasty });
    let message = serde_json::json!({ "message": nasty });
    let note = serde_json::json!({ "userId": "ann", "message": nasty });
    let ndjson = "Content-Type: application/x-ndjson\r\n";
    let json = "Content-Type: application/json\r\n";
    let sent = [
        ("/publish", json, line.to_string(), "message"),
        ("/publish", ndjson, format!("{line}\r\n\n{line}"), "message"),
        ("/events/a?event=id:%209", "", nasty.to_owned(), "id: 9"),
        ("/broadcast", json, message.to_string(), "announcement"),
        ("/notify", json, note.to_string(), "notification"),
    ];
    for (path, header, body, event_type) in sent {
        let answer = server.request("POST", path, header, body.as_bytes());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        for _ in 0..body.matches("\"topic\"").count().max(1) {
            let event = stream.event();
            assert_eq!(event.event_type, event_type);
            assert_eq!(event.data, nasty.replace("\r\n", "\n").replace('\r', "\n"), "{path}");
            assert!(answer.body.contains(&event.last_event_id), "{path}: {}", answer.body);
        }
    }
    for name in ["%0A", "x%0Did:7", "x%00", "connected", "reset", "heartbeat", "presence"] {
        let answer = server.request("POST", &format!("/events/a?event={name}"), "", b"x");
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.error().ends_with('.'));
    }
    for topic in ["$all", "a%0A", "%ff", "a..b", "*", "$user.ann"] {
        let answer = server.request("POST", &format!("/events/{topic}"), "", b"x");
        assert_eq!(answer.status, 400, "{topic}");
    }
    for user in ["a\\nb", "", "a\\u0000", "*", "a b", "\\r"] {
        let body = format!("{{\"userId\": \"{user}\", \"message\": 1}}");
        let answer = server.post("/notify", &body);
        assert_eq!(answer.status, 400, "{user}");
        assert!(answer.error().contains("\"userId\""), "{}", answer.error());
    }
    let answer = server.request("POST", "/events/a", "", b"ok\xff");
    assert_eq!(
        answer.error(),
        "The body is not UTF-8 at byte 2; an event stream carries nothing else."
    );
    let answer = server.post("/broadcast", "{\"massage\": 1}");
    assert!(answer.error().contains("unknown field \"massage\""), "{}", answer.error());
}

#[test]
fn what_concerns_a_batch_as_a_whole_is_said_of_no_line() {
    let server = Server::start(&["--publish-rate", "1"]);
    let batch = "{\"topic\": \"a\", \"data\": 1}\n".repeat(3);
    let header = "Content-Type: application/x-ndjson\r\n";
    let answer = server.request("POST", "/publish", header, batch.as_bytes());
    assert_eq!(answer.status, 413);
    assert!(answer.error().starts_with("3 events at once are more"), "{}", answer.error());
}

#[test]
fn a_batch_is_published_whole_or_not_at_all() {
    let server = Server::start(&[]);
    let header = "Content-Type: application/x-ndjson\r\n";
    let post = |body: &str| server.request("POST", "/publish", header, body.as_bytes());
    let good = r#"{"topic": "a", "data": 1}"#;
    let bad = [
        (
            format!("{good}\n{{\"topic\": \"a\", \"data\" 1}}\n{good}"),
            400,
            "In line 2: The body is not JSON: at line 1, column 23, expected `:`; have a JSON library write it.",
        ),
        (
            format!("{good}\n\n\n{{\"topic\": \"a\", \"event\": \"reset\", \"data\": 1}}"),
            400,
            "In line 4: The event types connected",
        ),
        (String::new(), 400, "The batch has no events"),
        (
            format!("{good}\n").repeat(1001),
            413,
            "In line 1001: The batch has more than 1000 events",
        ),
    ];
    for (body, status, sentence) in bad {
        let answer = post(&body);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.error().starts_with(sentence), "{}", answer.error());
    }
    let answer = post(&format!("{good}\r\n").repeat(1000));
    let ids: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let ids = ids["ids"].as_array().unwrap();
    assert_eq!(ids.len(), 1000);
    assert!(ids[0].as_str().unwrap().ends_with("-1"), "nothing of the bad ones: {}", ids[0]);
    let huge = vec![b'x'; (4 << 20) + 1];
    let answer = server.request("POST", "/publish", header, &huge);
    assert_eq!(answer.status, 413);
}

#[test]
fn a_last_event_id_of_whatever_kind_is_answered_by_the_truth() {
    let server = Server::start(&[]);
    let id = server.publish(r#"{"topic": "a", "data": "1"}"#);
    let other = server.publish(r#"{"topic": "b", "data": "2"}"#);
    server.publish(r#"{"topic": "a", "data": "3"}"#);
    let (epoch, _) = id.split_once('-').unwrap();
    let long = "x".repeat(10_000);
    let cases = [
        (id.clone(), None, &["3"][..]),
        // Of another topic: a place in the one order of all.
        (other, None, &["3"]),
        (long, Some("malformed"), &["1", "3"]),
        ("a b\u{e9}".into(), Some("malformed"), &["1", "3"]),
        (format!("{epoch}-999999"), Some("future"), &["1", "3"]),
        (format!("{epoch}-18446744073709551615"), Some("future"), &["1", "3"]),
        ("1-1".into(), Some("epoch"), &["1", "3"]),
        ("earliest".into(), None, &["1", "3"]),
    ];
    for (id, reset, data) in cases {
        let mut stream = server.subscribe("/events/a", &format!("Last-Event-ID: {id}\r\n"));
        if let Some(reason) = reset {
            let event = stream.event();
            assert_eq!(
                (&*event.event_type, event.data),
                ("reset", format!("{{\"reason\":\"{reason}\"}}"))
            );
        }
        for data in data {
            assert_eq!(stream.data(), *data, "{:.20}", id);
        }
    }
}
