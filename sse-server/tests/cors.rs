//! Pages of origins that are allowed read and post; others are shown nothing.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc)]

mod common;

use std::collections::BTreeMap;

use common::{Answer, Server};

const SHOP: &str = "Origin: https://shop.test\r\n";

fn server() -> Server {
    // As people may write it; what counts is what browsers say.
    Server::start(&["--allow-origin", "HTTPS://Shop.test:443/", "--streams-per-address", "1"])
}

fn preflight(server: &Server, path: &str, method: &str, origin: &str) -> Answer {
    let headers = format!(
        "{origin}Sec-Fetch-Site: cross-site\r\nAccess-Control-Request-Method: {method}\r\n\
         Access-Control-Request-Headers: content-type\r\n"
    );
    server.request("OPTIONS", path, &headers, b"")
}

/// That a page of this origin may read the answer, and how it got it.
fn assert_readable(answer: &Answer, what: &str) {
    for header in [
        "access-control-allow-origin: https://shop.test",
        "access-control-allow-credentials: true",
        "vary: origin",
    ] {
        let lines = answer.headers.lines().filter(|line| *line == header);
        assert_eq!(lines.count(), 1, "{what} {header}: {}", answer.headers);
    }
}

/// That no page of another origin may.
fn assert_hidden(answer: &Answer, what: &str) {
    assert!(!answer.headers.contains("access-control-"), "{what}: {}", answer.headers);
}

#[test]
fn a_browser_that_asks_what_a_page_may_send_is_told_by_route() {
    let server = server();
    let mut routes = BTreeMap::from([("/events?topic=a".to_owned(), vec!["get", "head"])]);
    for (method, path) in server.routes(server.address) {
        routes.entry(path).or_default().extend(match &*method {
            "GET" => &["get", "head"][..],
            "POST" => &["post"],
            _ => panic!("{method}"),
        });
    }
    assert_eq!(routes["/events/a"], ["get", "head", "post"]);
    for (path, methods) in &routes {
        let methods = methods.join(", ");
        let answer = preflight(&server, path, "POST", SHOP);
        assert_eq!((answer.status, &*answer.body), (204, ""), "{path}");
        assert_readable(&answer, path);
        for header in [
            &*format!("access-control-allow-methods: {methods}"),
            "access-control-allow-headers: authorization, cache-control, content-type, last-event-id",
            "access-control-max-age: 7200",
        ] {
            assert!(answer.headers.lines().any(|line| line == header), "{}", answer.headers);
        }
        for origin in [
            "Origin: https://evil.test\r\n",
            "Origin: http://shop.test\r\n",
            "Origin: https://shop.test:8443\r\n",
            "Origin: https://shop.test.evil.test\r\n",
            "Origin: null\r\n",
        ] {
            let answer = preflight(&server, path, "POST", origin);
            assert_eq!(answer.status, 403, "{path} {origin}");
            assert_hidden(&answer, path);
        }
    }
    let answer = preflight(&server, "/nothing", "GET", SHOP);
    assert_eq!(answer.status, 404);
    assert_readable(&answer, "/nothing");
    // Of whoever asks for themselves: no preflight.
    assert_eq!(server.request("OPTIONS", "/publish", SHOP, b"").status, 405);
}

#[test]
fn a_page_that_is_allowed_reads_what_it_gets_and_why_it_gets_nothing() {
    let server = server();
    let json = format!("{SHOP}Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n");
    let answer = server.request("POST", "/publish", &json, br#"{"topic": "a", "data": 1}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_readable(&answer, "a publish");
    let poll = format!("{SHOP}Accept: application/json\r\n");
    let answer = server.request("GET", "/events/a?lastEventId=earliest", &poll, b"");
    assert!(answer.body.contains("\"data\":\"1\""), "{}", answer.body);
    assert_readable(&answer, "a long-poll");

    let mut stream = server.open("/events/a?lastEventId=earliest", SHOP);
    assert!(stream.headers.contains("\r\naccess-control-allow-origin: https://shop.test\r\n"));
    stream.wait_for("data: 1\n");

    let refused = server.request("GET", "/events", SHOP, b"");
    assert_eq!(refused.status, 429);
    assert_readable(&refused, "a refusal");
    assert!(refused.headers.contains("access-control-expose-headers: retry-after\r\n"));
    for (method, path, headers, status) in [
        ("POST", "/publish", &*json, 400),
        ("POST", "/publish", SHOP, 415),
        ("GET", "/publish", SHOP, 405),
        ("GET", "/nothing", SHOP, 404),
        ("GET", "/events?ticket=0123456789abcdef0123456789abcdef", SHOP, 401),
    ] {
        let answer = server.request(method, path, headers, b"");
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_readable(&answer, path);
    }
}

#[test]
fn other_pages_are_shown_nothing_and_nobody_is_where_none_is_allowed() {
    let server = server();
    let publish = "Content-Type: text/plain\r\nOrigin: https://evil.test\r\n";
    let refused = server.request("POST", "/events/a", publish, b"x");
    assert_eq!(refused.status, 403);
    assert_hidden(&refused, "a page from elsewhere");
    let own = server.request("GET", "/healthz", "", b"");
    assert!(own.headers.contains("\r\nvary: origin\r\n"), "{}", own.headers);
    assert_hidden(&own, "its own page");
    let twice = format!("{SHOP}Origin: https://evil.test\r\n");
    assert_hidden(&server.request("GET", "/healthz", &twice, b""), "two origins");

    let closed = Server::start(&[]);
    let answer = closed.request("GET", "/healthz", "", b"");
    assert!(!answer.headers.contains("vary:"), "{}", answer.headers);
    let refused = preflight(&closed, "/publish", "POST", SHOP);
    assert_eq!(refused.status, 403);
    assert!(refused.error().contains("--allow-origin"), "{}", refused.error());
    assert_hidden(&refused, "none allowed");
}
