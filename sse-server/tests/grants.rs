//! Grants: what whoever mounts the service says of each request.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

use std::time::Duration;

use http_body_util::BodyExt;
use sse_server::{Config, EventService, Grant, Hub, Publish, Selector, Topic, User};
use tower_service::Service;

fn hub() -> Hub {
    Hub::start(Config::default()).unwrap()
}

/// Asks with what the application's middleware has granted.
async fn ask_by(hub: &Hub, grant: &Grant, method: &str, path: &str, body: &str) -> (u16, String) {
    let request = http::Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let mut request = request.header("accept", "application/json").body(body.to_owned()).unwrap();
    request.extensions_mut().insert(grant.clone());
    let answer = EventService::new(hub.clone()).call(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn selectors(names: &[&str]) -> Vec<Selector> {
    names.iter().map(|name| Selector::new(name).unwrap()).collect()
}

#[tokio::test]
async fn a_grant_says_what_a_request_may_read_watch_and_publish() {
    let hub = hub();
    let grant = Grant::new()
        .user("ann")
        .read(selectors(&["team.7.**", "news"]))
        .watch(selectors(&["team.7.*"]))
        .publish(selectors(&["team.7.chat"]));
    let own = Grant::new().user("ann");
    let all = Grant::new().publish_anything();
    for (grant, method, path, body, status) in [
        (&grant, "GET", "/events?topic=team.7.chat&topic=news", "", 200),
        (&grant, "GET", "/events?topic=team.7.*", "", 200),
        (&grant, "GET", "/events?topic=$presence.team.7.chat", "", 200),
        (&grant, "GET", "/events", "", 200),
        // Wider, another's, or of another kind: never narrowed.
        (&grant, "GET", "/events?topic=team.7.chat&topic=team.8.chat", "", 403),
        (&grant, "GET", "/events?topic=team.**", "", 403),
        (&grant, "GET", "/events?topic=**", "", 403),
        (&grant, "GET", "/events?topic=$presence.news", "", 403),
        (&own, "GET", "/events", "", 200),
        (&own, "GET", "/events/news", "", 403),
        (&own, "GET", "/events/$presence.news", "", 403),
        (&grant, "POST", "/publish", r#"{"topic": "team.7.chat", "data": 1}"#, 200),
        (&grant, "POST", "/events/team.7.chat", "x", 200),
        (&grant, "POST", "/publish", r#"{"topics": ["team.7.chat", "news"], "data": 1}"#, 403),
        (&grant, "POST", "/publish", r#"{"user": "ann", "data": 1}"#, 403),
        (&grant, "POST", "/events/news", "x", 403),
        (&grant, "POST", "/broadcast", r#"{"message": 1}"#, 403),
        (&grant, "POST", "/notify", r#"{"userId": "ann", "message": 1}"#, 403),
        (&own, "POST", "/publish", r#"{"topic": "a", "data": 1}"#, 403),
        (&all, "POST", "/broadcast", r#"{"message": 1}"#, 200),
        (&all, "POST", "/notify", r#"{"userId": "ann", "message": 1}"#, 200),
        (&all, "GET", "/events/a", "", 403),
        (&grant, "POST", "/ticket", r#"{"topics": ["team.7.*", "$presence.team.7.chat"]}"#, 200),
        (&grant, "POST", "/ticket", r#"{"topics": ["team.8.chat"]}"#, 403),
    ] {
        let (answered, said) = ask_by(&hub, grant, method, path, body).await;
        assert_eq!(answered, status, "{method} {path} {body}: {said}");
        if method == "GET" {
            assert_eq!(ask_by(&hub, grant, "HEAD", path, "").await.0, status, "HEAD {path}");
        }
    }
    let published = hub.head().offset();
    assert_eq!(published, 4, "nothing of what was refused");
    // What is for its user comes by the grant's name.
    let (_, told) = ask_by(&hub, &own, "GET", "/events?lastEventId=earliest", "").await;
    assert!(told.contains("\"event\":\"notification\""), "{told}");
}

#[tokio::test]
async fn where_grants_are_needed_nothing_is_open_without_one() {
    let mut config = Config::default();
    config.routes.grants_only = true;
    let hub = Hub::start(config).unwrap();
    let ask = async |method: &str, path: &str, user: Option<User>| {
        let request = http::Request::builder().method(method).uri(path);
        let mut request =
            request.header("accept", "application/json").body("{}".to_owned()).unwrap();
        user.map(|user| request.extensions_mut().insert(user));
        EventService::new(hub.clone()).call(request).await.unwrap().status().as_u16()
    };
    for user in [None, Some(User::new("ann"))] {
        for (method, path) in [
            ("GET", "/events"),
            ("HEAD", "/events"),
            ("GET", "/events/a"),
            ("POST", "/events/a"),
            ("POST", "/publish"),
            ("POST", "/broadcast"),
            ("POST", "/notify"),
            ("POST", "/ticket"),
        ] {
            assert_eq!(ask(method, path, user.clone()).await, 401, "{method} {path} {user:?}");
        }
    }
    assert_eq!(hub.head().offset(), 0, "nothing is published");
    assert_eq!(ask("GET", "/healthz", None).await, 200);
    let grant = Grant::new().read(selectors(&["a"])).publish(selectors(&["a"]));
    assert_eq!(ask_by(&hub, &grant, "POST", "/events/a", "x").await.0, 200);
    assert_eq!(ask_by(&hub, &grant, "GET", "/events/a", "").await.0, 200);
    // A ticket was given out for a grant. To ask for the head uses none up.
    let (_, issued) = ask_by(&hub, &grant, "POST", "/ticket", r#"{"topics": ["a"]}"#).await;
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    let path = format!("/events?ticket={}", issued["ticket"].as_str().unwrap());
    for method in ["HEAD", "HEAD", "GET"] {
        assert_eq!(ask(method, &path, None).await, 200, "{method}");
    }
    let unknown = "/events?ticket=0123456789abcdef0123456789abcdef";
    assert_eq!([ask("HEAD", unknown, None).await, ask("GET", unknown, None).await], [401, 401]);
}

#[tokio::test]
async fn a_grant_that_names_nobody_is_of_the_user_that_the_application_names() {
    let mut config = Config::default();
    config.routes.user_header = Some(http::HeaderName::from_static("x-user"));
    let hub = Hub::start(config).unwrap();
    for user in ["ann", "eve", "bob"] {
        let event = Publish::new([Topic::user(user).unwrap()], format!("for {user}"));
        hub.publish(event).await.unwrap();
    }
    for (grant, data) in
        [(Grant::new(), &["for ann"][..]), (Grant::new().user("bob"), &["for bob"])]
    {
        let request = http::Request::get("/events?lastEventId=earliest");
        // What a client says of itself counts for nothing.
        let request = request.header("accept", "application/json").header("x-user", "eve");
        let mut request = request.body(String::new()).unwrap();
        request.extensions_mut().insert(grant);
        request.extensions_mut().insert(User::new("ann"));
        let answer = EventService::new(hub.clone()).call(request).await.unwrap();
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let events = answer["events"].as_array().unwrap().iter();
        assert_eq!(events.map(|event| event["data"].as_str().unwrap()).collect::<Vec<_>>(), data);
    }
}

#[tokio::test]
async fn when_a_grant_is_over_its_streams_and_tickets_are() {
    let hub = hub();
    let now = std::time::Instant::now;
    let over = Grant::new().read(selectors(&["a"])).publish(selectors(&["a"])).until(now());
    for (method, path, body) in [
        ("GET", "/events/a", ""),
        ("HEAD", "/events/a", ""),
        ("POST", "/events/a", "x"),
        ("POST", "/ticket", r#"{"topics": ["a"]}"#),
    ] {
        let (status, said) = ask_by(&hub, &over, method, path, body).await;
        assert_eq!(status, 401, "{path}: {said}");
    }
    let mut request = http::Request::get("/events/a").body(String::new()).unwrap();
    let soon = Grant::new().read(selectors(&["a"])).until(now() + Duration::from_secs(3));
    request.extensions_mut().insert(soon);
    let stream = EventService::new(hub.clone()).call(request).await.unwrap();
    assert_eq!(stream.status(), 200);
    // It ends by itself.
    stream.into_body().collect().await.unwrap();
    assert_eq!(hub.counters().expired, 1);
}
