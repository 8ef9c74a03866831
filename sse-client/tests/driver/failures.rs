//! Streams that do not open, or fall silent: each says why in a sentence.

use core::{future::Future as _, net::SocketAddr, task::Poll, time::Duration};

use sse_client::{
    Error, RetryPolicy, Update,
    session::{ErrorKind, SessionError},
};

use tokio::io::AsyncWriteExt as _;

use crate::origin::{Origin, STREAM, Step, answer, nowhere, send, source};

/// The first disconnect of an event source at `origin`: kind, sentence, whether it tries again.
async fn first_failure(builder: sse_client::Builder) -> (ErrorKind, String, bool) {
    let mut updates = builder.open_updates().unwrap();
    while let Some(update) = updates.next().await {
        if let Update::Disconnected { error, retry_in, .. } = update {
            if retry_in.is_none() {
                assert_eq!(updates.next().await, Some(Update::Closed));
                assert_eq!(updates.next().await, None);
            }
            return (error.kind(), error.to_string(), retry_in.is_some());
        }
    }
    panic!("it never disconnected");
}

#[tokio::test]
async fn no_content_ends_the_stream_without_an_error() {
    let origin = Origin::start(vec![vec![send("HTTP/1.1 204 No Content\r\n\r\n")]]).await;
    let mut source = origin.source("/").open().unwrap();
    assert_eq!(source.next().await, None);
    assert_eq!(origin.requests().len(), 1);
    let (kind, sentence, again) = first_failure(origin.source("/")).await;
    assert_eq!((kind, again), (ErrorKind::Ended, false));
    assert!(sentence.starts_with("the server answered 204 No Content"), "{sentence}");
}

#[tokio::test]
async fn not_found_is_the_last_thing_an_event_source_gives() {
    let origin = Origin::start(vec![answer("404 Not Found", "", "no such page")]).await;
    let mut source = origin.source("/").open().unwrap();
    let Some(Err(Error::Failed(error))) = source.next().await else { panic!("no error") };
    assert_eq!(error.kind(), ErrorKind::Http);
    let expected = format!("{} answered 404 Not Found: check the URL's path", origin.address);
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.body(), "no such page");
    assert_eq!(source.next().await, None);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_web_page_is_called_one() {
    let page = answer("200 OK", "content-type: text/html; charset=utf-8\r\n", "<!doctype html>");
    let origin = Origin::start(vec![page]).await;
    let (kind, sentence, again) = first_failure(origin.source("/")).await;
    assert_eq!((kind, again), (ErrorKind::Protocol, false));
    let expected = format!("{} answered with a web page (text/html)", origin.address);
    assert!(sentence.starts_with(&expected), "{sentence}");
}

#[tokio::test]
async fn the_media_type_of_two_headers_is_the_last_ones() {
    let twice = |first: &str, last: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {first}\r\nContent-Type: {last}\r\n\r\ndata: 1\n\n"
        )
    };
    let (good, bad) = (twice("text/html", "text/event-stream"), twice("text/event-stream", "a/b"));
    let origin = Origin::start(vec![vec![send(good), Step::Hold], vec![send(bad)]]).await;
    assert_eq!(origin.source("/").open().unwrap().next().await.unwrap().unwrap().data(), "1");
    let (_, sentence, _) = first_failure(origin.source("/")).await;
    assert!(sentence.contains(" answered with a/b, not with"), "{sentence}");
}

#[tokio::test]
async fn an_overloaded_server_is_asked_again_when_it_says() {
    let busy = answer("503 Service Unavailable", "retry-after: 7\r\n", "");
    let origin = Origin::start(vec![busy]).await;
    let mut updates = origin.source("/").open_updates().unwrap();
    updates.next().await;
    let Some(Update::Disconnected { error, retry_in, .. }) = updates.next().await else {
        panic!("not disconnected");
    };
    assert!(error.to_string().ends_with("it asks to wait 7 s"), "{error}");
    assert_eq!(retry_in, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_retry_after_date_is_read_by_the_servers_own_clock() {
    let dates = "date: Wed, 21 Oct 2015 07:28:00 GMT\r\n\
                 retry-after: Wed, 21 Oct 2015 07:28:30 GMT\r\n";
    let origin = Origin::start(vec![answer("429 Too Many Requests", dates, "")]).await;
    let (_, sentence, again) = first_failure(origin.source("/")).await;
    assert!(again && sentence.ends_with("it asks to wait 30 s"), "{sentence}");
}

#[tokio::test]
async fn what_a_server_asks_for_beyond_measure_is_not_granted_and_can_be_reckoned_with() {
    let past = "Wed, 21 Oct 2015 07:28:00 GMT";
    for (asked, sentence_end, expected, wait) in [
        (
            "99999999999999999999",
            "it asks to wait 100 years, of which this client grants 1 h",
            None,
            3600,
        ),
        ("7200", "it asks to wait 2 h, of which this client grants 1 h", Some(7200), 3600),
        ("0", "overloaded or in maintenance", Some(0), 0),
        (past, "overloaded or in maintenance", Some(0), 0),
    ] {
        let headers = format!("retry-after: {asked}\r\n");
        let origin = Origin::start(vec![answer("503 Service Unavailable", &headers, "")]).await;
        let mut updates = origin.source("/").open_updates().unwrap();
        updates.next().await;
        let Some(Update::Disconnected { error, retry_in: Some(retry_in), .. }) =
            updates.next().await
        else {
            panic!("not disconnected");
        };
        assert!(error.to_string().ends_with(sentence_end), "{error}");
        let retry_after = error.retry_after().unwrap();
        assert!(std::time::Instant::now().checked_add(retry_after).is_some());
        assert!(expected.is_none_or(|seconds| retry_after.as_secs() == seconds));
        // By a millisecond more the policy reconnects "at once".
        assert_eq!(retry_in.as_secs(), wait);
    }
}

#[tokio::test]
async fn a_refused_connection_asks_whether_the_server_is_running() {
    let (_socket, address) = nowhere();
    let (kind, sentence, again) = first_failure(source(format!("http://{address}/events"))).await;
    assert_eq!((kind, again), (ErrorKind::Connect, true));
    assert_eq!(
        sentence,
        format!("nothing listens at {address}: connection refused; is the server running?")
    );
}

#[tokio::test]
async fn it_connects_once_a_server_is_there() {
    let (socket, address) = nowhere();
    let mut updates = source(format!("http://{address}/")).open_updates().unwrap();
    while !matches!(updates.next().await, Some(Update::Disconnected { .. })) {}
    let listener = socket.listen(1).unwrap();
    let accepts = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
    while !accepts.is_finished() {
        updates.next().await;
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_called_so() {
    let builder = source("http://events.invalid/").client(|client| client.dns_resolver(NoNames));
    let (kind, sentence, again) = first_failure(builder).await;
    assert_eq!((kind, again), (ErrorKind::Connect, true));
    assert_eq!(
        sentence,
        "no address is known for \"events.invalid\": check the name, or the network"
    );
}

#[tokio::test]
async fn what_is_not_http_is_called_so() {
    let origin = Origin::start(vec![vec![send("SSH-2.0-OpenSSH_9.2\r\n"), Step::Hold]]).await;
    let (kind, sentence, again) = first_failure(origin.source("/")).await;
    assert_eq!((kind, again), (ErrorKind::Protocol, true));
    let expected = format!("what {} answers is not HTTP: ", origin.address);
    assert!(sentence.starts_with(&expected), "{sentence}");
}

#[tokio::test]
async fn what_speaks_before_it_is_asked_is_not_http() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut sockets = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
            sockets.push(socket);
        }
    });
    // Whether it is read before or after the request is sent is chance.
    for _ in 0..8 {
        let (kind, sentence, again) = first_failure(source(format!("http://{address}/"))).await;
        assert_eq!((kind, again), (ErrorKind::Protocol, true), "{sentence}");
        assert!(sentence.contains("is not HTTP"), "{sentence}");
    }
}

#[tokio::test]
async fn what_answers_in_no_http2_is_called_so() {
    let origin = Origin::start(vec![vec![send(STREAM), Step::Hold]]).await;
    let builder = origin.source("/").client(|client| client.no_proxy().http2_prior_knowledge());
    let (kind, sentence, _) = first_failure(builder).await;
    assert_eq!(kind, ErrorKind::Protocol, "{sentence}");
    assert!(sentence.contains("does not answer in HTTP/2"), "{sentence}");
}

#[tokio::test]
async fn a_proxy_without_an_address_is_not_taken_for_the_server() {
    let proxy = reqwest::Proxy::all("http://proxy.invalid:3128").unwrap();
    let builder = sse_client::EventSource::builder("http://127.0.0.1:9/")
        .client(|client| client.proxy(proxy));
    let (_, sentence, again) = first_failure(builder).await;
    assert!(again);
    let expected = "no address is known for the proxy on the way to 127.0.0.1:9: check its name";
    assert_eq!(sentence, expected);
}

#[tokio::test]
async fn a_proxy_at_which_nothing_listens_is_named_beside_the_server() {
    let (_socket, nobody) = nowhere();
    let proxy = reqwest::Proxy::all(format!("http://me:secret@{nobody}")).unwrap();
    let builder = sse_client::EventSource::builder("http://events.invalid/")
        .client(|client| client.proxy(proxy));
    let (kind, sentence, _) = first_failure(builder).await;
    assert_eq!(kind, ErrorKind::Connect);
    let expected = format!(
        "nothing listens at events.invalid:80, or at the proxy http://{nobody}: connection refused"
    );
    assert!(sentence.starts_with(&expected), "{sentence}");
}

#[tokio::test]
async fn no_proxy_is_blamed_where_there_is_none() {
    let (_socket, nobody) = nowhere();
    let elsewhere = reqwest::Proxy::https("http://my_proxy:10").unwrap();
    let builder = sse_client::EventSource::builder(format!("http://{nobody}/"))
        .client(|client| client.no_proxy().proxy(elsewhere).referer(false));
    let (_, sentence, _) = first_failure(builder).await;
    let expected =
        format!("nothing listens at {nobody}: connection refused; is the server running?");
    assert_eq!(sentence, expected);
}

#[tokio::test]
async fn a_refusal_comes_with_its_headers_and_all_that_an_api_says() {
    let quota =
        format!("{{\"error\":{{\"details\":[\"{}\"],\"retryDelay\":\"39s\"}}}}", "x".repeat(9_000));
    let refusal = answer("429 Too Many Requests", "x-request-id: 7f\r\n", &quota);
    let origin = Origin::start(vec![refusal]).await;
    let mut updates = origin.source("/").policy(RetryPolicy::never()).open_updates().unwrap();
    let (error, head) = loop {
        if let Some(Update::Disconnected { error, head, .. }) = updates.next().await {
            break (error, head.unwrap());
        }
    };
    assert_eq!(error.body(), quota);
    assert_eq!((error.status(), head.status.as_u16()), (Some(429), 429));
    assert_eq!(head.headers["x-request-id"], "7f");
}

#[tokio::test]
async fn an_event_source_says_why_nothing_comes() {
    let refusal = answer("503 Service Unavailable", "", "");
    let stream = vec![send(STREAM), send("data: 1\n\n"), Step::Hold];
    let origin = Origin::start(vec![refusal.clone(), stream]).await;
    let policy = RetryPolicy::resilient().reconnection_time(Duration::ZERO).no_backoff();
    let mut source = origin.source("/").policy(policy).open().unwrap();
    assert_eq!(source.last_error(), None);
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
    assert_eq!(source.last_error(), None, "it is open again");

    let origin = Origin::start(vec![refusal]).await;
    let mut source = origin.source("/").policy(RetryPolicy::never()).open().unwrap();
    let Some(Err(Error::Failed(error))) = source.next().await else { panic!("no error") };
    assert_eq!(source.last_error(), Some(&error));
    assert_eq!(source.next().await, None);
}

#[tokio::test]
async fn a_connection_that_is_gone_before_the_answer_is_none_and_tried_again() {
    for script in [vec![], vec![Step::Reset]] {
        let origin = Origin::start(vec![script]).await;
        let (kind, sentence, again) = first_failure(origin.source("/")).await;
        assert_eq!((kind, again), (ErrorKind::Connect, true));
        let expected = format!("{} closed the connection without an answer: ", origin.address);
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

#[tokio::test]
async fn what_is_no_http_to_plain_http_may_want_tls() {
    // What a TLS server says to bytes that are no handshake: an alert.
    let alert = Step::Bytes([0x15, 3, 3, 0, 2, 2, 10][..].into());
    let origin = Origin::start(vec![vec![alert]]).await;
    let (kind, sentence, again) = first_failure(origin.source("/")).await;
    assert_eq!((kind, again), (ErrorKind::Protocol, true));
    let hint = "; is this the right port, and is it http:// rather than https://?";
    assert!(sentence.ends_with(hint), "{sentence}");
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[tokio::test]
async fn https_to_a_server_without_tls_is_hopeless() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        // What a server says to bytes that are no request.
        tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await?;
        Ok::<_, std::io::Error>(socket)
    });
    let (kind, sentence, again) = first_failure(source(format!("https://{address}/"))).await;
    server.await.unwrap().unwrap();
    assert_eq!((kind, again), (ErrorKind::Tls, false), "{sentence}");
    assert_eq!(
        sentence,
        format!("{address} does not speak TLS: is it http:// rather than https://?")
    );
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[tokio::test]
async fn https_without_a_tls_feature_says_which_to_enable() {
    let (kind, sentence, again) = first_failure(source("https://127.0.0.1:9/")).await;
    assert_eq!((kind, again), (ErrorKind::Tls, false));
    assert!(sentence.contains("rustls or native-tls"), "{sentence}");
}

// Time is paused in these: it jumps to the next timer whenever nothing else can happen.

#[tokio::test(start_paused = true)]
async fn a_wait_that_never_ends_is_a_wait() {
    let (_taken, address) = nowhere();
    let policy = RetryPolicy::whatwg().reconnection_time(Duration::MAX);
    let builder = source(format!("http://{address}/")).policy(policy);
    let mut updates = builder.open_updates().unwrap();
    loop {
        if let Some(Update::Disconnected { retry_in, .. }) = updates.next().await {
            assert!(retry_in.is_some_and(|wait| wait > Duration::MAX / 2), "{retry_in:?}");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_sends_no_head_before_its_first_event_has_all_the_time_it_wants() {
    let late = vec![Step::Wait(Duration::from_secs(3600)), send(STREAM), send("data: 1\n\n")];
    let origin = Origin::start(vec![late]).await;
    // Not one attempt, since the paused clock may run into the time for the connection once.
    let policy = RetryPolicy::resilient().max_attempts(Some(3));
    let mut source = origin.source("/").policy(policy).open().unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data(), "1");
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_head_ends_by_the_first_byte_timeout() {
    let origin = Origin::start(vec![vec![Step::Hold]]).await;
    let policy = RetryPolicy::resilient().first_byte_timeout(Some(Duration::from_secs(20)));
    let (kind, sentence, again) = first_failure(origin.source("/").policy(policy)).await;
    assert_eq!((kind, again), (ErrorKind::Timeout, true));
    assert_eq!(sentence, "the server gave no answer within 20 s");
}

#[tokio::test]
async fn a_pause_of_the_reader_before_anything_was_sent_is_not_the_servers_delay() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n")]]).await;
    let policy = RetryPolicy::never().first_byte_timeout(Some(Duration::from_secs(20)));
    let mut updates = origin.source("/").policy(policy).open_updates().unwrap();
    assert!(matches!(updates.next().await, Some(Update::Connecting { .. })));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    assert!(matches!(updates.next().await, Some(Update::Opened { .. })));
}

/// Polls once, and lets a minute pass in which it is not polled.
async fn look_away(updates: &mut sse_client::Updates) {
    let mut next = core::pin::pin!(updates.next());
    core::future::poll_fn(|cx| {
        assert!(next.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_pause_of_the_reader_while_it_waits_is_not_the_servers_silence() {
    let policy = || RetryPolicy::never().idle_timeout(Some(Duration::from_secs(20)));
    let script = vec![send(STREAM), send("data: 1\n\n"), Step::Wait(Duration::from_millis(20))];
    let origin = Origin::start(vec![[script, vec![send("data: 2\n\n")]].concat()]).await;
    let mut updates = origin.source("/").policy(policy()).open_updates().unwrap();
    assert!(matches!(updates.next().await, Some(Update::Connecting { .. })));
    look_away(&mut updates).await;
    assert!(matches!(updates.next().await, Some(Update::Opened { .. })));
    assert!(matches!(updates.next().await, Some(Update::Event(_))));
    look_away(&mut updates).await;
    assert!(matches!(updates.next().await, Some(Update::Event(_))));
}

#[tokio::test]
async fn a_reader_that_always_comes_late_is_told_of_a_silence_all_the_same() {
    let origin = Origin::start(vec![vec![send(STREAM), send("data: 1\n\n"), Step::Hold]]).await;
    let policy = RetryPolicy::never().idle_timeout(Some(Duration::from_millis(700)));
    let mut updates = origin.source("/").policy(policy).open_updates().unwrap();
    while !matches!(updates.next().await, Some(Update::Event(_))) {}
    tokio::time::pause();
    let told = async {
        for _ in 0..5 {
            let mut next = core::pin::pin!(updates.next());
            let polled = core::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await;
            if let Poll::Ready(Some(Update::Disconnected { error, .. })) = polled {
                return Some(error);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        None
    };
    assert!(matches!(told.await, Some(SessionError::IdleTimeout(_))));
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_about_is_given_up_in_time() {
    // It says nothing to the beginning of a TLS handshake.
    let origin = Origin::start(vec![vec![Step::Hold]]).await;
    let builder = source(format!("https://{}/", origin.address));
    let (kind, sentence, again) = first_failure(builder).await;
    assert_eq!((kind, again), (ErrorKind::Timeout, true));
    assert_eq!(
        sentence,
        format!(
            "no connection to {} came about in time: check the address, or the network",
            origin.address
        )
    );
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_called_the_culprit_and_tried_again() {
    let refusal = answer("503 Service Unavailable", "", "");
    let proxy = Origin::start(vec![refusal]).await;
    let (_socket, nobody) = nowhere();
    for (proxy_url, why) in
        [(proxy.url("/"), "it refused"), (format!("http://{nobody}"), "Connection refused")]
    {
        let proxy = reqwest::Proxy::all(proxy_url).unwrap();
        let builder = sse_client::EventSource::builder("https://events.invalid/")
            .client(|client| client.proxy(proxy));
        let (kind, sentence, again) = first_failure(builder).await;
        assert_eq!((kind, again), (ErrorKind::Connect, true), "{sentence}");
        let expected = format!("the proxy made no way to events.invalid:443: {why}");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
    assert_eq!(proxy.requests()[0].line, "CONNECT events.invalid:443 HTTP/1.1");
}

#[tokio::test]
async fn silence_after_an_event_ends_by_the_idle_timeout_and_the_stream_resumes() {
    let script = vec![send(STREAM), send("id: 7\ndata: 1\n\n"), Step::Hold];
    let origin = Origin::start(vec![script]).await;
    let policy = RetryPolicy::resilient().idle_timeout(Some(Duration::from_secs(45)));
    let mut updates = origin.source("/").policy(policy).open_updates().unwrap();
    while !matches!(updates.next().await, Some(Update::Event(_))) {}
    tokio::time::pause();
    let Some(Update::Disconnected { error, .. }) = updates.next().await else {
        panic!("not disconnected");
    };
    assert_eq!(error, SessionError::IdleTimeout(Duration::from_secs(45)));
    tokio::time::resume();
    while !matches!(updates.next().await, Some(Update::Event(_))) {}
    assert_eq!(origin.requests()[1].header("last-event-id"), Some("7"));
}

/// A resolver that knows no name, so that no test asks a real one.
struct NoNames;

impl reqwest::dns::Resolve for NoNames {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let unknown = std::io::Error::other("no such name");
        Box::pin(async { Err::<Box<dyn Iterator<Item = SocketAddr> + Send>, _>(unknown.into()) })
    }
}
