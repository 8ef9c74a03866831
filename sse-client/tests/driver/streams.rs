//! Streams that open: what they give, how they resume, how they end.

use core::{pin::pin, time::Duration};

use sse_client::{Event, EventSource, RetryPolicy, Update, session::ReadyState};

use crate::origin::{CHUNKED, Origin, STREAM, Step, send};

/// Everything until it has been opened `times` times and then disconnected.
async fn until_disconnected(updates: &mut sse_client::Updates) -> Vec<Update> {
    let mut seen = Vec::new();
    while let Some(update) = updates.next().await {
        let done = matches!(update, Update::Disconnected { .. });
        seen.push(update);
        if done {
            break;
        }
    }
    seen
}

async fn next_event(source: &mut EventSource) -> Event {
    source.next().await.expect("the stream goes on").expect("an event")
}

#[tokio::test]
async fn gives_named_events_and_says_what_it_asked_for() {
    let body = "event: price\nid: 7\ndata: EUR\ndata: 1.08\n\ndata: plain\n\n";
    let origin = Origin::start(vec![vec![send(STREAM), send(body), Step::Hold]]).await;
    let mut source = origin.source("/events?topic=a").header("X-Key", "k").open().unwrap();
    let price = next_event(&mut source).await;
    assert_eq!(
        (price.event_type(), price.data(), price.last_event_id()),
        ("price", "EUR\n1.08", "7")
    );
    assert_eq!((price.span().start, price.span().end), (0, 41));
    let plain = next_event(&mut source).await;
    assert_eq!(
        (plain.event_type(), plain.data(), plain.last_event_id()),
        ("message", "plain", "7")
    );
    assert_eq!(source.ready_state(), ReadyState::Open);
    assert_eq!(source.last_event_id(), "7");
    let request = &origin.requests()[0];
    assert_eq!(request.line, "GET /events?topic=a HTTP/1.1");
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("x-key"), Some("k"));
    assert_eq!(request.header("last-event-id"), None);
}

#[tokio::test]
async fn updates_tell_everything_in_order() {
    let body = ": hello\nretry: 1\nid: 7\ndata: a\n\n";
    let origin = Origin::start(vec![vec![send(STREAM), send(body)]]).await;
    let mut updates = origin.source("/").open_updates().unwrap();
    let seen = until_disconnected(&mut updates).await;
    let [
        Update::Connecting { attempt, last_event_id, id_is_sent: false, .. },
        Update::Opened { head, .. },
        Update::Comment { text, .. },
        Update::ReconnectionTime { duration, .. },
        Update::Event(event),
        Update::Disconnected { error, retry_in: Some(_), .. },
    ] = &seen[..]
    else {
        panic!("{seen:?}");
    };
    assert_eq!((attempt.number(), last_event_id.as_str()), (1, ""));
    assert_eq!((head.status.as_u16(), head.url.as_str()), (200, origin.url("/").as_str()));
    assert_eq!(head.headers["content-type"], "text/event-stream");
    assert_eq!((text.as_str(), *duration, event.data()), (" hello", Duration::from_millis(1), "a"));
    assert_eq!(error.to_string(), "the server ended the stream");
    let Some(Update::Connecting { last_event_id, id_is_sent: true, .. }) = updates.next().await
    else {
        panic!("no second attempt");
    };
    assert_eq!(last_event_id, "7");
}

#[tokio::test]
async fn one_byte_chunks_change_nothing_and_cancelling_loses_nothing() {
    let text = "\u{FEFF}id: 1\r\ndata: grüß\r\n\r\n:\r\ndata: 2\r\ndata: 3\r\n\r\nevent: z\r\ndata\r\n\r\n";
    let origin = Origin::start(vec![vec![send(CHUNKED), Step::Drip(text), Step::Hold]]).await;
    let mut source = origin.source("/").open().unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        tokio::select! {
            biased;
            event = source.next() => seen.push(event.unwrap().unwrap()),
            () = tokio::task::yield_now() => {} // drops `next` in the middle of its wait
        }
    }
    let seen: Vec<_> = seen.iter().map(|event| (event.event_type(), event.data())).collect();
    assert_eq!(seen, [("message", "grüß"), ("message", "2\n3"), ("z", "")]);
}

#[tokio::test]
async fn resumes_by_the_last_event_id_after_a_clean_end() {
    let origin = Origin::start(vec![
        vec![send(STREAM), send("id: 1\ndata: a\n\nid: é 2\ndata: b\n\nid: 3\ndata: lost")],
        vec![send(STREAM), send("data: c\n\n")],
        vec![send(STREAM), send("data: d\n\n"), Step::Hold],
    ])
    .await;
    let mut source = origin.source("/").open().unwrap();
    for expected in ["a", "b", "c", "d"] {
        assert_eq!(next_event(&mut source).await.data(), expected);
    }
    // The test's origin reads headers as UTF-8, as the standard says they are sent here.
    let sent: Vec<_> = origin
        .requests()
        .iter()
        .map(|request| request.header("last-event-id").map(str::to_owned))
        .collect();
    assert_eq!(sent, [None, Some("é 2".to_owned()), Some("é 2".to_owned())]);
}

#[tokio::test]
async fn resumes_after_a_body_that_broke_off() {
    let cut = "d\r\nid: 1\ndata: a\r\n7\r\n\n\nda"; // ends within a chunk
    let origin = Origin::start(vec![
        vec![send(CHUNKED), send(cut)],
        vec![send(CHUNKED), Step::Drip("id: 2\ndata: b\n\n"), Step::Hold],
    ])
    .await;
    let mut updates = origin.source("/").open_updates().unwrap();
    let seen = until_disconnected(&mut updates).await;
    let Some(Update::Disconnected { error, retry_in: Some(_), .. }) = seen.last() else {
        panic!("{seen:?}");
    };
    let expected =
        format!("the connection to {} broke in the middle of the stream", origin.address);
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(
        seen.iter().any(|update| matches!(update, Update::Event(event) if event.data() == "a"))
    );
    loop {
        if let Some(Update::Event(event)) = updates.next().await {
            assert_eq!((event.data(), event.last_event_id()), ("b", "2"));
            break;
        }
    }
    assert_eq!(origin.requests()[1].header("last-event-id"), Some("1"));
}

#[tokio::test]
async fn resumes_from_a_stored_id_and_says_when_an_id_cannot_be_sent() {
    let origin = Origin::start(vec![
        vec![send(STREAM), send("id: a\u{1}b\ndata: 1\n\n")],
        vec![send(STREAM), Step::Hold],
    ])
    .await;
    let mut updates = origin.source("/").last_event_id("7-42").open_updates().unwrap();
    until_disconnected(&mut updates).await;
    let Some(Update::Connecting { last_event_id, id_is_sent, .. }) = updates.next().await else {
        panic!("no second attempt");
    };
    assert_eq!((last_event_id.as_str(), id_is_sent), ("a\u{1}b", false));
    let Some(Update::Opened { .. }) = updates.next().await else { panic!("not opened") };
    assert_eq!(origin.requests()[0].header("last-event-id"), Some("7-42"));
    assert_eq!(origin.requests()[1].header("last-event-id"), None);
}

#[tokio::test]
async fn a_post_sends_its_body_again_with_each_attempt() {
    let origin = Origin::start(vec![
        vec![send(STREAM), send("data: 1\n\n")],
        vec![send(STREAM), send("data: 2\n\n"), Step::Hold],
    ])
    .await;
    let mut source = origin
        .source("/v1/chat")
        .method(http::Method::POST)
        .header("Content-Type", "application/json")
        .body(r#"{"stream":true}"#)
        .open()
        .unwrap();
    assert_eq!(next_event(&mut source).await.data(), "1");
    assert_eq!(next_event(&mut source).await.data(), "2");
    for request in origin.requests() {
        assert_eq!(request.line, "POST /v1/chat HTTP/1.1");
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.body, r#"{"stream":true}"#);
    }
}

#[tokio::test]
async fn a_dropped_stream_drops_its_connection() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let mut source = origin.source("/").open().unwrap();
    next_event(&mut source).await;
    drop(source);
    origin.left().await;
}

#[tokio::test]
async fn a_close_drops_the_connection_also_where_nobody_polls_on() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let mut source = origin.source("/").open().unwrap();
    next_event(&mut source).await;
    source.close();
    origin.left().await;
    assert_eq!(source.next().await, None);
}

#[tokio::test]
async fn a_closed_stream_says_so_drops_its_connection_and_ends() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let mut updates = origin.source("/").open_updates().unwrap();
    while !matches!(updates.next().await, Some(Update::Event(_))) {}
    updates.close();
    assert_eq!(updates.ready_state(), ReadyState::Closed);
    assert_eq!(updates.next().await, Some(Update::Closed));
    assert_eq!(updates.next().await, None);
    assert_eq!(updates.next().await, None);
    origin.left().await;
}

#[tokio::test]
async fn a_slow_reader_stops_the_socket_and_loses_nothing() {
    const FLOOD: usize = 64 << 20;
    let origin =
        Origin::start(vec![vec![send(STREAM), Step::Flood(FLOOD)], vec![Step::Hold]]).await;
    let mut source = origin.source("/").policy(RetryPolicy::never()).open().unwrap();
    next_event(&mut source).await;
    // However often the origin may write now, it gets no further than the buffers of the kernel
    // and of the HTTP client.
    for _ in 0..100_000 {
        tokio::task::yield_now().await;
    }
    assert!(origin.flooded() < FLOOD / 2, "{} bytes were taken in", origin.flooded());
    let mut events = 1;
    while let Some(Ok(_)) = source.next().await {
        events += 1;
    }
    assert_eq!(events, FLOOD / 1024);
}

#[tokio::test]
async fn an_oversized_event_is_an_error_and_the_stream_goes_on() {
    let body = "data: 0123456789\n\ndata: 1\n\n";
    let origin = Origin::start(vec![vec![send(STREAM), send(body), Step::Hold]]).await;
    let limits = sse_client::Limits::default().line(10);
    let mut source = origin.source("/").limits(limits).open().unwrap();
    let Some(Err(sse_client::Error::Dropped(error))) = source.next().await else {
        panic!("not dropped");
    };
    assert!(error.to_string().contains("longer than the limit of 10 bytes"), "{error}");
    assert_eq!(next_event(&mut source).await.data(), "1");
}

#[tokio::test]
async fn nothing_is_sent_before_the_stream_is_polled() {
    let origin = Origin::start(vec![vec![send(STREAM), Step::Hold]]).await;
    let mut source = origin.source("/").open().unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(origin.requests().is_empty());
    let mut next = pin!(source.next());
    while origin.requests().is_empty() {
        tokio::select! {
            biased;
            _ = &mut next => panic!("the origin sends nothing"),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn a_named_last_event_id_is_the_one_to_begin_with() {
    let first = vec![send(STREAM), send("id: 9\ndata: 1\n\n")];
    let forgets = vec![send(STREAM), send("id\ndata: 2\n\n")];
    let last = vec![send(STREAM), send("data: 3\n\n"), Step::Hold];
    let origin = Origin::start(vec![first, forgets, last]).await;
    let builder = origin.source("/").header("Last-Event-ID", "5").headers_with(|_| async {
        let name = http::HeaderName::from_static("last-event-id");
        Ok(http::HeaderMap::from_iter([(name, http::HeaderValue::from_static("6"))]))
    });
    let mut source = builder.open().unwrap();
    for _ in 0..3 {
        next_event(&mut source).await;
    }
    let requests = origin.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("last-event-id")).collect();
    assert_eq!(sent, [Some("5"), Some("9"), None]);
}

#[tokio::test]
async fn an_end_in_due_form_is_no_error_where_it_is_not_tried_again_but_a_break_is() {
    let whole = vec![send(CHUNKED), send("9\r\ndata: 1\n\n\r\n0\r\n\r\n")];
    let broken = vec![send(CHUNKED), send("9\r\ndata: 1\n\n\r\n5\r\n")];
    let origin = Origin::start(vec![whole, broken]).await;
    let open = || origin.source("/").policy(RetryPolicy::never()).open().unwrap();
    let mut source = open();
    next_event(&mut source).await;
    assert_eq!(source.next().await, None);
    let mut source = open();
    next_event(&mut source).await;
    let Some(Err(sse_client::Error::Failed(error))) = source.next().await else {
        panic!("no error");
    };
    assert_eq!(error.kind(), sse_client::session::ErrorKind::Ended);
    assert_eq!(source.next().await, None);
}
