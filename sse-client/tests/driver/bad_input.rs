//! What cannot be asked for is refused before anything is sent.

use core::error::Error as _;

use sse_client::{BuildError, EventSource, Update};

use crate::origin::{Origin, STREAM, answer, send};

fn url_sentence(url: &str) -> String {
    EventSource::builder(url).open().unwrap_err().to_string()
}

#[test]
fn a_url_that_is_none_is_refused_with_a_word_on_what_to_write() {
    for (url, expected) in [
        ("", "no URL was given: write one such as http://localhost:8080/events"),
        (
            "localhost:8080/events",
            "\"localhost:8080/events\" does not say how to connect: write \
             \"http://localhost:8080/events\"",
        ),
        (
            "example.org",
            "\"example.org\" does not say how to connect: write \"http://example.org\"",
        ),
        (
            "127.0.0.1:9",
            "\"127.0.0.1:9\" does not say how to connect: write \"http://127.0.0.1:9\"",
        ),
        (
            "ftp://example.org/",
            "\"ftp://example.org/\" is not the URL of an event stream: it must begin with http:// \
             or https://",
        ),
        ("http://", "\"http://\" names no host: write one such as http://localhost:8080/events"),
        ("http://a:b/", "\"http://a:b/\" is not a URL: its port is not a number up to 65535"),
        (
            "127.0.0.1:99999",
            "\"127.0.0.1:99999\" is not a URL: its port is not a number up to 65535",
        ),
        (
            "//example.org/a",
            "\"//example.org/a\" does not say how to connect: write \"http://example.org/a\"",
        ),
        (
            "mailto:me",
            "\"mailto:me\" is not the URL of an event stream: it must begin with http:// or \
             https://",
        ),
        (
            "http:///events",
            "\"http:///events\" names no host: write one such as http://localhost:8080/events",
        ),
        (
            "http//localhost",
            "\"http//localhost\" is not a URL: write one such as http://localhost:8080/events",
        ),
        (
            "http://a b/",
            "\"http://a b/\" is not a URL: its host has a character that no host can have",
        ),
        (
            "http://[::1/",
            "\"http://[::1/\" is not a URL: its IPv6 address is none; it is written as in \
             http://[::1]:8080/events",
        ),
        ("/events", "\"/events\" is not a URL: write one such as http://localhost:8080/events"),
        ("not a url", "\"not a url\" is not a URL: write one such as http://localhost:8080/events"),
    ] {
        assert_eq!(url_sentence(url), expected);
    }
}

#[test]
fn a_url_as_long_as_a_book_is_cut_in_its_error() {
    assert!(url_sentence(&"ü".repeat(100_000)).len() < 1000);
}

#[test]
fn a_url_that_is_none_shows_no_secret() {
    for url in [
        "http://me:hunter2@127.0.0.1:99999/?a",
        "http://me:hunter2/?hunter2@127.0.0.1/",
        "me:hunter2@127.0.0.1/?token=hunter2",
        "127.0.0.1:8080/?token=hunter2",
        "127.0.0.1:99999/?token=b@hunter2",
        "ftp://example.org/#hunter2",
        "not a url?hunter2",
        "localhost:8080/events?token=hunter2&back=http://me@x",
        "https://h:99999/?token=hunter2&m=a//b@c",
        "events?token=hunter2//@",
        "me:hunter2//x@127.0.0.1/",
    ] {
        let error = EventSource::builder(url).open().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    assert_eq!(
        url_sentence("example.org/events?token=hunter2"),
        "\"example.org/events?…\" does not say how to connect: write \
         \"http://example.org/events?…\""
    );
}

#[test]
fn spaces_around_a_url_are_forgiven() {
    assert!(EventSource::builder(" http://127.0.0.1:9/ \n").open().is_ok());
    assert!(EventSource::builder("http://127.0.0.1:9/?from=file:///a").open().is_ok());
}

#[test]
fn a_header_that_cannot_be_sent_is_named_and_its_value_kept_secret() {
    let build =
        |name, value| EventSource::builder("http://127.0.0.1:9/").header(name, value).open();
    let error = build("X-Key", "se\ncret").unwrap_err();
    assert!(matches!(error, BuildError::HeaderValue { .. }));
    assert_eq!(
        error.to_string(),
        "the value of the header \"x-key\" cannot be sent: it has a line break or another control \
         character in it"
    );
    let error = build("X Key", "secret").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"X Key\" cannot be the name of a header: it may have letters, digits and hyphens"
    );
    let error = build("X-Key: secret", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"X-Key:…\" cannot be the name of a header: it may have letters, digits and hyphens"
    );
}

#[test]
fn a_header_about_the_body_is_the_http_clients_to_set() {
    for name in ["Content-Length", "transfer-encoding"] {
        let error = EventSource::builder("http://localhost/").header(name, "5").open().unwrap_err();
        assert!(matches!(error, BuildError::Framing { .. }), "{error}");
        let headers = http::HeaderMap::from_iter([(
            http::HeaderName::try_from(name).unwrap(),
            http::HeaderValue::from_static("5"),
        )]);
        let error = EventSource::builder("http://localhost/").headers(headers).open().unwrap_err();
        assert!(matches!(error, BuildError::Framing { .. }), "{error}");
    }
}

#[test]
fn settings_beside_a_shared_client_are_not_dropped_in_silence() {
    let shared = sse_client::HttpClient::new(|client| client).unwrap();
    let builder = EventSource::builder("http://localhost/").shared_client(&shared);
    let error = builder.client(|client| client.user_agent("mine")).open().unwrap_err();
    assert!(matches!(error, BuildError::TwoClients), "{error}");
}

#[test]
fn an_id_that_no_stream_can_hold_is_refused() {
    let builder = EventSource::builder("http://127.0.0.1:9/").last_event_id("a\nb");
    let sentence = builder.open().unwrap_err().to_string();
    assert!(sentence.starts_with("this cannot be a last event ID: a line break"), "{sentence}");
}

#[test]
fn debug_output_shows_no_secret() {
    let builder = EventSource::builder("http://user:hunter2@127.0.0.1:9/?key=hunter2")
        .header("Authorization", "Bearer hunter2")
        .header("X-Api-Key", "hunter2");
    assert!(!format!("{builder:?}").contains("hunter2"));
    assert!(!format!("{:?}", builder.open().unwrap()).contains("hunter2"));
}

#[tokio::test]
async fn debug_output_of_what_happens_shows_no_secret_either() {
    let headers = "set-cookie: id=hunter2\r\ncontent-location: /?key=hunter2\r\n";
    let stream = STREAM.replace("connection", &format!("{headers}connection"));
    for last in [
        answer("403 Forbidden", headers, "{\"key\":\"hunter2\"}"),
        answer("200 OK", "content-type: text/html\r\n", "hunter2"),
        vec![send(stream), send("data: 1\n\n")],
    ] {
        for there in ["there?key=hunter2", "there#hunter2"] {
            let location = format!("location: /{there}\r\n");
            let redirect = answer("307 Temporary Redirect", &location, "");
            let origin = Origin::start(vec![redirect, last.clone()]).await;
            let policy = sse_client::RetryPolicy::resilient().max_attempts(Some(1));
            let builder = origin.source("/?key=hunter2").policy(policy);
            let mut updates = builder.open_updates().unwrap();
            while let Some(update) = updates.next().await {
                let shown = format!("{update:?} {updates:?}");
                assert!(!shown.contains("hunter2"), "{shown}");
                if let Update::Redirected { location, .. } = &update {
                    assert!(location.ends_with(there) && shown.contains("/there"));
                }
            }
        }
    }
}

#[test]
fn the_error_of_a_client_that_cannot_be_made_says_its_cause_once() {
    let builder = EventSource::builder("http://127.0.0.1:9/");
    let error = builder.client(|client| client.user_agent("a\nb")).open().unwrap_err();
    assert!(matches!(error, BuildError::Client(_)), "{error}");
    assert!(error.to_string().starts_with("the HTTP client could not be made: "), "{error}");
    assert!(error.source().is_none());
}
