//! Redirects are followed by the driver, and take no secrets along.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use sse_client::{Error, Redirects, Update, session::ErrorKind};

use crate::origin::{Origin, STREAM, Step, answer, send};

fn redirect(status: &str, location: &str) -> Vec<Step> {
    answer(status, &format!("location: {location}\r\n"), "")
}

fn stream() -> Vec<Step> {
    vec![send(STREAM), send("id: 7\ndata: here\n\n")]
}

#[tokio::test]
async fn a_redirect_is_followed_and_each_reconnect_starts_at_the_original_url() {
    let there = "/there?x=1";
    let script = vec![
        redirect("301 Moved Permanently", there),
        stream(),
        redirect("307 X", there),
        stream(),
    ];
    let origin = Origin::start(script).await;
    let mut updates = origin.source("/here").header("X-Key", "k").open_updates().unwrap();
    let mut seen = Vec::new();
    while seen.len() < 9 {
        seen.push(updates.next().await.unwrap());
    }
    let Update::Redirected { status, location, .. } = &seen[1] else { panic!("{seen:?}") };
    assert_eq!((status.as_u16(), location.as_str()), (301, origin.url(there).as_str()));
    let Update::Opened { head, .. } = &seen[2] else { panic!("{seen:?}") };
    assert_eq!(head.url.as_str(), origin.url(there));
    let lines: Vec<_> = origin.requests().iter().map(|request| request.line.clone()).collect();
    assert_eq!(
        lines,
        [
            "GET /here HTTP/1.1",
            "GET /there?x=1 HTTP/1.1",
            "GET /here HTTP/1.1",
            "GET /there?x=1 HTTP/1.1"
        ]
    );
    let last = &origin.requests()[3];
    assert_eq!((last.header("x-key"), last.header("last-event-id")), (Some("k"), Some("7")));
}

#[tokio::test]
async fn named_headers_never_reach_another_origin_not_even_by_way_of_it() {
    // The same host with another port is another origin.
    let home_again = Origin::start(vec![stream()]).await;
    let foreign = Origin::start(vec![redirect("302 Found", &home_again.url("/back"))]).await;
    let home = Origin::start(vec![redirect("302 Found", &foreign.url("/away"))]).await;
    let mut source = home
        .source("/")
        .header("Authorization", "Bearer secret")
        .header("Cookie", "a=secret")
        .header("X-Api-Key", "secret")
        .last_event_id("3")
        .open()
        .unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "here");
    assert_eq!(home.requests()[0].header("authorization"), Some("Bearer secret"));
    for request in [&foreign.requests()[0], &home_again.requests()[0]] {
        for name in ["authorization", "cookie", "x-api-key"] {
            assert_eq!(request.header(name), None, "{name} crossed origins");
        }
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        assert_eq!(request.header("last-event-id"), Some("3"));
    }
}

#[tokio::test]
async fn credentials_in_the_url_last_over_a_redirect_at_home_and_are_shown_to_nobody() {
    let foreign = Origin::start(vec![stream()]).await;
    let home =
        Origin::start(vec![redirect("307 X", "/b"), redirect("307 X", &foreign.url("/"))]).await;
    let url = format!("http://me:pass%20word@{}/a", home.address);
    let source = || crate::origin::source(url.as_str());
    let mut updates = source().open_updates().unwrap();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(Update::Event(_))) {
        seen.push(updates.next().await.unwrap());
    }
    let Update::Redirected { location, .. } = &seen[1] else { panic!("{seen:?}") };
    assert_eq!(location, &home.url("/b"));
    for request in home.requests() {
        assert_eq!(request.header("authorization"), Some("Basic bWU6cGFzcyB3b3Jk"));
    }
    assert_eq!(foreign.requests()[0].header("authorization"), None);

    let mut source = source().header("Authorization", "Bearer named").open().unwrap();
    source.next().await.unwrap().unwrap();
    assert_eq!(home.requests()[2].header("authorization"), Some("Bearer named"));
}

#[tokio::test]
async fn a_clients_default_headers_say_nobody_elsewhere_who_asks() {
    let foreign = Origin::start(vec![stream()]).await;
    let home =
        Origin::start(vec![redirect("302 Found", "/b"), redirect("302 Found", &foreign.url("/"))])
            .await;
    let secret = HeaderValue::from_static("Bearer secret");
    let source = || {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, secret.clone())]);
        home.source("/").client(|client| client.default_headers(headers))
    };
    let builder = source().redirects(Redirects::SameOrigin);
    let Some(Err(Error::Failed(error))) = builder.open().unwrap().next().await else {
        panic!("no error");
    };
    assert_eq!(error.kind(), ErrorKind::Request);
    assert_eq!(
        error.to_string(),
        format!(
            "{} redirects to another origin, {}, and this client is told not to follow there",
            home.address, foreign.address
        )
    );
    assert_eq!(home.requests()[1].line, "GET /b HTTP/1.1");
    assert!(foreign.requests().is_empty());
    assert!(source().open().unwrap().next().await.unwrap().is_ok());
    assert_eq!(foreign.requests()[0].header("authorization"), Some(""));
}

#[tokio::test]
async fn no_redirect_is_followed_where_none_is_allowed() {
    let origin = Origin::start(vec![redirect("307 Temporary Redirect", "/b"), stream()]).await;
    let mut source = origin.source("/").redirects(Redirects::None).open().unwrap();
    let error = source.next().await.unwrap().unwrap_err();
    let (from, to) = (origin.address, origin.address);
    assert_eq!(
        error.to_string(),
        format!("{from} redirects to {to}, and this client is told to follow no redirect")
    );
    assert_eq!(source.next().await, None);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_redirected_post_becomes_a_get_or_stays_as_its_status_says() {
    for (status, line, body) in [
        ("301 Moved Permanently", "GET /b HTTP/1.1", ""),
        ("302 Found", "GET /b HTTP/1.1", ""),
        ("303 See Other", "GET /b HTTP/1.1", ""),
        ("307 Temporary Redirect", "POST /b HTTP/1.1", "{}"),
        ("308 Permanent Redirect", "POST /b HTTP/1.1", "{}"),
    ] {
        let origin = Origin::start(vec![redirect(status, "/b"), stream()]).await;
        let builder = origin
            .source("/a")
            .header("Content-Type", "application/json")
            .header("Content-Language", "en");
        let mut source = builder.method(http::Method::POST).body("{}").open().unwrap();
        assert!(source.next().await.unwrap().is_ok());
        let request = &origin.requests()[1];
        assert_eq!((request.line.as_str(), request.body.as_str()), (line, body), "{status}");
        for name in ["content-type", "content-language", "content-length"] {
            assert_eq!(request.header(name).is_some(), !body.is_empty(), "{status}: {name}");
        }
    }
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_fails_in_words_and_is_not_tried_again() {
    for (location, expected) in [
        ("ftp://a.org/", "redirects to an address that is not a web server's: it begins with ftp:"),
        ("http://", "redirects to something that is not a URL"),
        ("/circle", "the redirects lead in a circle: gave up after 20"),
    ] {
        let origin = Origin::start(vec![redirect("302 Found", location)]).await;
        let mut source = origin.source("/").open().unwrap();
        let Some(Err(Error::Failed(error))) = source.next().await else {
            panic!("no error for {location}");
        };
        assert_eq!(error.kind(), ErrorKind::Request);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(source.next().await, None);
    }
}

#[tokio::test]
async fn a_login_page_at_the_end_of_a_redirect_is_told_from_the_url_that_was_asked() {
    let page = answer("200 OK", "content-type: text/html\r\n", "<form>");
    let origin = Origin::start(vec![redirect("302 Found", "/login"), page]).await;
    let mut source = origin.source("/").open().unwrap();
    let error = source.next().await.unwrap().unwrap_err().to_string();
    let expected = format!("{}, after a redirect, answered with a web page", origin.address);
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test]
async fn a_redirect_without_a_location_is_a_status_like_another() {
    let origin = Origin::start(vec![answer("302 Found", "", "")]).await;
    let mut source = origin.source("/").open().unwrap();
    let error = source.next().await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} answered 302 Found: it redirects without saying where to", origin.address)
    );
}
