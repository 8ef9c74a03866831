//! Bodies that are cut, huge or broken, and what each costs.

use core::time::Duration;

use sse_client::{EventSource, HttpClient, Limits, RetryPolicy, Update};

use crate::origin::{CHUNKED, Origin, STREAM, Step, answer, send};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_event_of_64_mib_arrives_where_the_limits_allow_it() {
    const SIZE: usize = 64 << 20;
    let script = || vec![send(STREAM), send("id: 1\ndata: "), Step::Fill(SIZE), send("\n\n")];
    let origin = Origin::start(vec![script()]).await;
    let limits = Limits::default().line(SIZE + 100).event(SIZE + 100);
    let mut source = origin.source("/").limits(limits).open().unwrap();
    let event = source.next().await.unwrap().unwrap();
    assert_eq!((event.data().len(), event.last_event_id()), (SIZE, "1"));
}

#[tokio::test]
async fn an_event_of_64_mib_is_dropped_by_the_default_limits_and_its_id_is_kept() {
    let big = vec![
        send(STREAM),
        send("id: 1\ndata: "),
        Step::Fill(64 << 20),
        send("\n\ndata: small\n\n"),
        Step::Hold,
    ];
    let origin = Origin::start(vec![big]).await;
    let mut source = origin.source("/").open().unwrap();
    let Some(Err(sse_client::Error::Dropped(error))) = source.next().await else {
        panic!("not dropped");
    };
    assert!(error.to_string().contains("longer than the limit of 1048576 bytes"), "{error}");
    let event = source.next().await.unwrap().unwrap();
    assert_eq!((event.data(), event.last_event_id()), ("small", "1"));
}

#[tokio::test]
async fn invalid_utf_8_is_replaced_also_over_a_cut() {
    let script = vec![
        send(STREAM),
        Step::Bytes(b"data: a\xFFb\xE2\x82".as_slice().into()),
        Step::Bytes(b"\xAC\xF0\x9F\n\n".as_slice().into()),
        Step::Hold,
    ];
    let origin = Origin::start(vec![script]).await;
    let mut source = origin.source("/").open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "a\u{FFFD}b€\u{FFFD}");
}

#[tokio::test]
async fn a_stream_that_ends_after_each_event_gives_them_all_in_order() {
    const EVENTS: usize = 20;
    let scripts = (0..EVENTS)
        .map(|n| {
            let event = format!("id: {n}\ndata: {n}\n\ndata: unfinished\n");
            if n % 2 == 0 {
                vec![send(STREAM), send(event)]
            } else {
                // Ends within an HTTP chunk.
                vec![send(CHUNKED), send(format!("ff\r\n{event}"))]
            }
        })
        .collect();
    let origin = Origin::start(scripts).await;
    let mut source = origin.source("/").open().unwrap();
    for n in 0..EVENTS {
        assert_eq!(source.next().await.unwrap().unwrap().data(), n.to_string());
    }
    for (n, request) in origin.requests().iter().enumerate().skip(1) {
        assert_eq!(request.header("last-event-id"), Some((n - 1).to_string().as_str()));
    }
}

#[tokio::test]
async fn a_reset_is_a_disconnect_and_the_stream_resumes() {
    let origin = Origin::start(vec![
        vec![send(STREAM), send("id: 1\ndata: 1\n\n"), Step::Reset],
        vec![send(STREAM), send("id: 2\ndata: 2\n\n"), Step::Hold],
    ])
    .await;
    let mut updates = origin.source("/").open_updates().unwrap();
    let mut last = None;
    while last.as_deref() != Some("2") {
        if let Update::Event(event) = updates.next().await.unwrap() {
            last = Some(event.into_data());
        }
    }
    // Whether the first event came before its reset is the kernel's choice; either way the resume
    // says what came.
    let first_came = origin.requests()[1].header("last-event-id") == Some("1");
    assert!(first_came || origin.requests()[1].header("last-event-id").is_none());
}

#[tokio::test]
async fn what_a_server_sends_again_after_a_reconnect_is_marked() {
    let origin = Origin::start(vec![
        vec![send(STREAM), send("id: 1\ndata: a\n\n")],
        vec![send(STREAM), send("id: 1\ndata: a\n\nid: 2\ndata: b\n\n"), Step::Hold],
    ])
    .await;
    let mut source = origin.source("/").open().unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = source.next().await.unwrap().unwrap();
        seen.push((event.is_repeat(), event.into_data()));
    }
    assert_eq!(seen, [(false, "a".into()), (true, "a".into()), (false, "b".into())]);
}

#[tokio::test]
async fn statuses_fail_or_are_tried_again_after_what_they_ask_for() {
    let client = HttpClient::new(|client| client.no_proxy()).unwrap();
    let date =
        "date: Wed, 21 Oct 2015 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2015 07:28:07 GMT\r\n";
    for (status, again) in [
        ("401 Unauthorized", false),
        ("403 Forbidden", false),
        ("404 Not Found", false),
        ("429 Too Many Requests", true),
        ("500 Internal Server Error", true),
        ("503 Service Unavailable", true),
    ] {
        for (headers, wait) in [("", 1), ("retry-after: 7\r\n", 7), (date, 7)] {
            let origin = Origin::start(vec![answer(status, headers, "{}")]).await;
            let patient = RetryPolicy::resilient().no_backoff().reconnection_time(SECOND);
            for (policy, again) in [(patient, again), (RetryPolicy::whatwg(), false)] {
                let source =
                    EventSource::builder(origin.url("/")).shared_client(&client).policy(policy);
                let mut updates = source.open_updates().unwrap();
                let (error, retry_in) = loop {
                    if let Some(Update::Disconnected { error, retry_in, .. }) = updates.next().await
                    {
                        break (error, retry_in);
                    }
                };
                assert_eq!(retry_in, again.then_some(wait * SECOND), "{status} {headers}");
                let expected = format!("{} answered {status}: ", origin.address);
                assert!(error.to_string().starts_with(&expected), "{error}");
                assert_eq!(error.body(), "{}");
            }
        }
    }
}

#[tokio::test]
async fn silence_after_the_head_ends_by_the_first_byte_timeout() {
    let origin = Origin::start(vec![vec![send(STREAM), Step::Hold]]).await;
    let policy = RetryPolicy::never().first_byte_timeout(Some(Duration::from_secs(5)));
    let mut updates = origin.source("/").policy(policy).open_updates().unwrap();
    while !matches!(updates.next().await, Some(Update::Opened { .. })) {}
    tokio::time::pause();
    let Some(Update::Disconnected { error, .. }) = updates.next().await else {
        panic!("not disconnected");
    };
    assert_eq!(error.to_string(), "the server opened the stream and then sent nothing for 5 s");
}
