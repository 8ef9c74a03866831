//! What a program asks for beyond the bare stream: fresh headers, one type, JSON.

use core::time::Duration;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use sse_client::{
    Error, RetryPolicy, Update,
    session::{ErrorKind, Failure, FailureKind},
};

use crate::origin::{Origin, STREAM, Step, answer, send};

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

#[tokio::test]
async fn headers_are_asked_for_before_each_attempt_and_stand_instead_of_the_builders() {
    let origin = Origin::start(vec![
        vec![send(STREAM), send("data: 1\n\n")],
        answer("401 Unauthorized", "", ""),
        vec![send(STREAM), send("data: 2\n\n"), Step::Hold],
    ])
    .await;
    let policy = RetryPolicy::resilient()
        .no_backoff()
        .reconnection_time(Duration::from_millis(1))
        .retry_status(401, true);
    let mut source = origin
        .source("/")
        .policy(policy)
        .header("Authorization", "Bearer old")
        .headers_with(|attempt| async move {
            tokio::task::yield_now().await;
            Ok(bearer(&format!("token {attempt}")))
        })
        .open()
        .unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
    assert_eq!(source.next().await.unwrap().unwrap().data(), "2");
    let requests = origin.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [Some("Bearer token 1"), Some("Bearer token 2"), Some("Bearer token 3")]);
}

#[tokio::test]
async fn provided_headers_follow_to_the_same_origin_only() {
    let away = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let redirect = |to: &str| answer("307 Temporary Redirect", &format!("location: {to}\r\n"), "");
    let home = Origin::start(vec![redirect("/there"), redirect(&away.url("/"))]).await;
    let builder = home.source("/").headers_with(|_| async { Ok(bearer("secret")) });
    assert!(builder.open().unwrap().next().await.unwrap().is_ok());
    for request in home.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }
    assert_eq!(home.requests()[1].line, "GET /there HTTP/1.1");
    assert_eq!(away.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_failing_provider_ends_the_attempt_as_it_says() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let builder = origin.source("/").headers_with(|attempt| async move {
        match attempt.number() {
            1 => Err(Failure::new(FailureKind::Connect, "no token: the issuer is down")),
            _ => Ok(HeaderMap::new()),
        }
    });
    assert_eq!(builder.open().unwrap().next().await.unwrap().unwrap().data(), "1");
    let builder = origin.source("/").headers_with(|_| async {
        Err(Failure::new(FailureKind::Request, "no token: it was revoked"))
    });
    let Some(Err(Error::Failed(error))) = builder.open().unwrap().next().await else {
        panic!("no error");
    };
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Request, "no token: it was revoked")
    );
    assert_eq!(origin.requests().len(), 1);
}

// Time is paused here: it jumps to the next timer whenever nothing else can happen.
#[tokio::test(start_paused = true)]
async fn headers_that_do_not_come_fail_the_attempt_and_not_the_server() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let of = |policy: RetryPolicy| {
        origin.source("/").policy(policy).headers_with(|attempt| async move {
            match attempt.number() {
                1 => core::future::pending().await,
                _ => Ok(HeaderMap::new()),
            }
        })
    };
    let idle = Duration::from_millis(300);
    for (policy, within) in [
        (RetryPolicy::resilient(), "30 s"),
        (RetryPolicy::resilient().idle_timeout(Some(idle)), "300 ms"),
    ] {
        let mut updates = of(policy).open_updates().unwrap();
        assert!(matches!(updates.next().await, Some(Update::Connecting { .. })));
        let Some(Update::Disconnected { error, retry_in: Some(_), .. }) = updates.next().await
        else {
            panic!("it is not tried again");
        };
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let expected = format!(
            "the headers for the request (`headers_with`) were not there within {within}: nothing was sent"
        );
        assert_eq!(error.to_string(), expected);
        assert!(origin.requests().is_empty());
    }
    let mut source = of(RetryPolicy::resilient()).open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_headers_take_is_not_the_servers() {
    let late = vec![Step::Wait(Duration::from_secs(15)), send(STREAM), send("data: 1\n\n")];
    let origin = Origin::start(vec![late]).await;
    // Not one attempt, since the paused clock may run ahead of a socket once.
    let policy = RetryPolicy::resilient().max_attempts(Some(3));
    let policy = policy.first_byte_timeout(Some(Duration::from_secs(20)));
    let builder = origin.source("/").policy(policy).headers_with(|_| async {
        tokio::time::sleep(Duration::from_secs(15)).await;
        Ok(HeaderMap::new())
    });
    assert_eq!(builder.open().unwrap().next().await.unwrap().unwrap().data(), "1");
}

#[tokio::test]
async fn a_subscription_gives_the_events_of_one_type() {
    let body =
        "data: 1\n\nevent: price\ndata: 2\n\nevent: other\ndata: 3\n\nevent: price\ndata: 4\n\n";
    let origin = Origin::start(vec![vec![send(STREAM), send(body), Step::Hold]]).await;
    let mut prices = origin.source("/").open().unwrap().on("price");
    assert_eq!(prices.next().await.unwrap().unwrap().data(), "2");
    assert_eq!(prices.next().await.unwrap().unwrap().data(), "4");
    prices.source().close();
    assert_eq!(prices.next().await, None);
}

#[cfg(feature = "json")]
#[tokio::test]
async fn data_that_is_not_the_expected_json_says_type_id_and_beginning_and_the_stream_goes_on() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Price {
        eur: u32,
    }
    let long = format!("{{\"usd\": \"{}\"}}", "é".repeat(500));
    let body = format!(
        "event: price\nid: 7\ndata: {{\"eur\": 1}}\n\nevent: price\ndata: {long}\n\n\
         event: price\ndata: {{\"eur\":\ndata: 2}}\n\n"
    );
    let origin = Origin::start(vec![vec![send(STREAM), send(body), Step::Hold]]).await;
    let mut prices = origin.source("/").open().unwrap().on("price").json::<Price>();
    assert_eq!(prices.next().await, Some(Ok(Price { eur: 1 })));
    let Some(Err(Error::Json(error))) = prices.next().await else { panic!("no error") };
    let sentence = error.to_string();
    let expected = "the data of an event of type \"price\" with the id \"7\" is not the expected \
                    JSON: missing field `eur` at line 1 column 1011; it begins \"{\\\"usd\\\": \\\"éé";
    assert!(sentence.starts_with(expected), "{sentence}");
    assert!(sentence.len() < 400);
    assert_eq!(prices.next().await, Some(Ok(Price { eur: 2 })));
}

#[cfg(feature = "json")]
#[tokio::test]
async fn a_body_of_json_says_so_unless_it_is_said_otherwise() {
    let stream = || vec![send(STREAM), send("data: 1\n\n"), Step::Hold];
    let origin = Origin::start(vec![stream()]).await;
    let ask = || origin.source("/").method(http::Method::POST);
    let question = serde_json::json!({ "stream": true });
    for builder in [
        ask().json(&question),
        ask().json(&question).header("Content-Type", "application/vnd.api+json"),
    ] {
        assert!(builder.open().unwrap().next().await.unwrap().is_ok());
    }
    let [plain, named] = &origin.requests()[..] else { panic!("not two requests") };
    assert_eq!(plain.header("content-type"), Some("application/json"));
    assert_eq!(named.header("content-type"), Some("application/vnd.api+json"));
    assert_eq!(plain.body, r#"{"stream":true}"#);
    let no_json = std::collections::HashMap::from([((1, 2), 3)]);
    let sentence = ask().json(&no_json).open().unwrap_err().to_string();
    assert_eq!(sentence, "the body cannot be written as JSON: key must be a string");
}
