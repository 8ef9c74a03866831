//! The examples, and HTTP/2: a hub in servers of others.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::unwrap_used)]

#[path = "../examples/axum_notifications.rs"]
mod axum_notifications;
#[path = "../examples/futures_stream.rs"]
mod futures_stream;
#[path = "../examples/plain_hyper.rs"]
mod plain_hyper;

use std::{
    collections::BTreeSet, convert::Infallible, future::pending, net::SocketAddr, time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_server::{
    Config, EventService, EventType, Hub, Publish, Server, ServerConfig, ServiceFuture, Subscribe,
    Topic,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tower_service::Service;

fn hub() -> Hub {
    Hub::start(Config::default()).unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Sends a request and reads until what has come holds `until`.
async fn ask(address: SocketAddr, request: &str, until: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let wire = read_until(&mut stream, until).await;
    (stream, wire)
}

async fn read_until(stream: &mut TcpStream, until: &str) -> String {
    let mut wire = String::new();
    while !wire.contains(until) {
        let mut some = [0; 4096];
        let len = stream.read(&mut some).await.unwrap();
        assert!(len > 0, "it ended with {wire}");
        wire.push_str(&String::from_utf8_lossy(&some[..len]));
    }
    wire
}

#[tokio::test]
async fn in_axum_each_user_gets_what_is_for_them() {
    let (listener, address) = listener().await;
    let hub = Hub::start(axum_notifications::config()).unwrap();
    tokio::spawn(async { axum::serve(listener, axum_notifications::app(hub)).await });
    let get =
        |session: &str| format!("GET /events HTTP/1.1\r\nHost: x\r\nX-Session: {session}\r\n\r\n");
    let (_, wire) = ask(address, &get("eve"), "log in first").await;
    assert!(wire.starts_with("HTTP/1.1 401"), "{wire}");
    let (mut ann, _) = ask(address, &get("ann-s"), "event: connected").await;
    let (mut bob, _) = ask(address, &get("bob-s"), "event: connected").await;
    for order in [2, 7] {
        let post =
            format!("POST /orders/{order}/paid HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        let (_, wire) = ask(address, &post, "HTTP/1.1 200").await;
        assert!(wire.starts_with("HTTP/1.1 200"), "{wire}");
    }
    // What was not meant for them would have come first.
    let wire = read_until(&mut ann, "data: order").await;
    assert!(wire.contains("event: paid\n") && wire.contains("order 7"), "{wire}");
    assert!(read_until(&mut bob, "data: order").await.contains("order 2"));
}

#[tokio::test]
async fn in_plain_hyper_the_routes_are_the_same() {
    let (listener, address) = listener().await;
    tokio::spawn(plain_hyper::serve(listener, hub()));
    let get = "GET /events/a HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut stream, _) = ask(address, get, "event: connected").await;
    let post = "POST /events/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
    ask(address, post, "{\"id\":").await;
    assert!(read_until(&mut stream, "data: hi\n\n").await.contains("id: "));
}

#[tokio::test]
async fn as_a_futures_stream_it_goes_into_any_server() {
    let (listener, address) = listener().await;
    let hub = hub();
    let of_server = hub.clone();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        futures_stream::respond(socket, futures_stream::prices(&of_server, "").unwrap()).await
    });
    let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut stream, _) = ask(address, get, "event: connected").await;
    hub.publish(Publish::new([Topic::new("prices").unwrap()], "1.08")).await.unwrap();
    read_until(&mut stream, "data: 1.08\n\n").await;
    hub.drain(Duration::from_secs(60)).await;
    assert!(stream.read_to_end(&mut Vec::new()).await.is_ok(), "it ends");
}

#[tokio::test]
async fn while_it_drains_a_browser_is_told_to_come_again_and_a_poll_the_truth() {
    let hub = hub();
    hub.drain(Duration::from_secs(60)).await;
    let mut service = EventService::new(hub);
    let mut ask = async |accept: &str| {
        let request = http::Request::get("/events/a").header("accept", accept);
        let answer = service.call(request.body(String::new()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    };
    let (status, wire) = ask("text/event-stream").await;
    assert_eq!(status, 200);
    assert!(wire.contains("\nretry: "), "{wire}");
    assert_eq!(ask("application/json").await.0, 503);
}

#[tokio::test]
async fn those_whom_a_drain_has_ended_are_told_to_come_back_over_as_long_as_its_streams_were() {
    let hub = hub();
    let subscribe = || Subscribe::new([Topic::new("a").unwrap()]);
    let crowd: Vec<_> = (0..10_000).map(|_| hub.subscribe(subscribe()).unwrap()).collect();
    let mut drain = Box::pin(hub.drain(Duration::from_secs(60)));
    assert!((&mut drain).now_or_never().is_none());
    let mut service = EventService::new(hub.clone());
    let mut ask = async |accept: &str| {
        let request = http::Request::get("/events/a").header("accept", accept);
        let answer = service.call(request.body(String::new()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        if let Some(seconds) = head.headers.get("retry-after") {
            return seconds.to_str().unwrap().parse::<u64>().unwrap() * 1000;
        }
        let body = body.collect().await.unwrap().to_bytes();
        let wire = String::from_utf8_lossy(&body).into_owned();
        let time = wire.lines().find_map(|line| line.strip_prefix("retry: "));
        time.expect(&wire).parse().unwrap()
    };
    // 25 s for ten thousand: of those who are told a time at random nearly all are told a later one.
    for accept in ["text/event-stream", "application/json"] {
        let (mut soon, mut times) = (0, BTreeSet::new());
        for _ in 0..200 {
            let millis = ask(accept).await;
            assert!((1000..40_000).contains(&millis), "{millis}");
            soon += usize::from(millis < 5000);
            times.insert(millis / 1000);
        }
        assert!(soon < 100, "{soon} of 200 come back within five seconds by {accept}");
        assert!(times.len() > 10, "{times:?} by {accept}");
    }
    drop(crowd);
}

#[tokio::test]
async fn a_page_from_elsewhere_publishes_nothing_wherever_the_service_is_mounted() {
    let mut service = EventService::new(hub());
    let request = http::Request::post("/events/a").header("host", "hub.test");
    let request = request.header("origin", "https://evil.test").body("x".to_owned()).unwrap();
    assert_eq!(service.call(request).await.unwrap().status(), 403);
}

/// Posts a body that begins with so many bytes and, if it hangs, never ends.
fn post(hub: &Hub, len: usize, hangs: bool) -> ServiceFuture {
    let start = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from("x".repeat(len))))]);
    let rest = if hangs { stream::pending().left_stream() } else { stream::empty().right_stream() };
    let request = http::Request::post("/events/a").body(StreamBody::new(start.chain(rest)));
    EventService::new(hub.clone()).call(request.unwrap())
}

#[tokio::test]
async fn bodies_that_do_not_end_take_no_more_than_they_may_together() {
    let mut config = Config::default();
    (config.routes.max_body, config.routes.max_batch) = (100_000, 100_000);
    config.routes.max_bodies = 100_000;
    let hub = Hub::start(config).unwrap();
    let mut hangs = post(&hub, 60_000, true);
    assert!((&mut hangs).now_or_never().is_none());
    let refused = post(&hub, 60_000, false).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    // A few lines are always let through.
    assert_eq!(post(&hub, 4096, false).await.unwrap().status(), 200);
    drop(hangs);
    assert_eq!(post(&hub, 60_000, false).await.unwrap().status(), 200);
}

#[tokio::test]
async fn where_requests_do_not_publish_there_is_no_route_that_does() {
    let mut config = Config::default();
    config.routes.publish = false;
    let hub = Hub::start(config).unwrap();
    let refused = post(&hub, 2, false).await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
    let mut service = EventService::new(hub);
    for (method, path, status) in [
        ("POST", "/publish", 404),
        ("GET", "/publish", 404),
        ("POST", "/broadcast", 404),
        ("POST", "/notify", 404),
        ("GET", "/events/a", 200),
        ("GET", "/ticket", 405),
    ] {
        let request = http::Request::builder().method(method).uri(path).body(String::new());
        let answer = service.call(request.unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
    }
}

type Client = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

/// A server of this hub, and a connection to it.
async fn http_2(hub: Hub) -> (Client, SocketAddr) {
    let (client, address, _) = http_2_with(hub, ServerConfig::default()).await;
    (client, address)
}

/// The same with the end of the connection.
async fn http_2_with(hub: Hub, config: ServerConfig) -> (Client, SocketAddr, JoinHandle<()>) {
    let server = Server::bind("127.0.0.1:0", hub, config).unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run(pending()));
    let socket = TcpStream::connect(address).await.unwrap();
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    let end = tokio::spawn(async move { connection.await.unwrap() });
    (client, address, end)
}

#[tokio::test]
async fn a_connection_of_http_2_ends_some_time_after_its_last_stream_however_alive_its_peer_is() {
    let mut config = Config::default();
    config.hub.heartbeat = Some(Duration::from_millis(20));
    let mut server = ServerConfig::default();
    server.idle_timeout = Duration::from_millis(50);
    let hub = Hub::start(config).unwrap();
    let (mut client, address, end) = http_2_with(hub.clone(), server).await;
    let request = http::Request::get(format!("http://{address}/events/a"));
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let mut stream = client.send_request(request).await.unwrap().into_body();
    // Ten times as long as one without a stream may be.
    let mut heartbeats = 0;
    while heartbeats < 25 {
        let frame = stream.frame().await.unwrap().unwrap();
        let wire = String::from_utf8_lossy(frame.data_ref().unwrap()).into_owned();
        heartbeats += wire.matches(": heartbeat").count();
    }
    assert!(!end.is_finished(), "there is a stream");
    drop(stream);
    // In peace, though it answers whatever pings there are.
    end.await.unwrap();
    assert!(client.is_closed());
}

#[tokio::test]
async fn a_stream_of_http_2_that_is_not_read_is_reset_and_its_neighbours_read_on() {
    let mut config = Config::default();
    config.hub.max_lag = 300_000;
    config.hub.lag_grace = Duration::ZERO;
    let hub = Hub::start(config).unwrap();
    let (client, address) = http_2(hub.clone()).await;
    let open = || async {
        let request = http::Request::get(format!("http://{address}/events/a"));
        let request = request.body(Full::new(Bytes::new())).unwrap();
        client.clone().send_request(request).await.unwrap().into_body()
    };
    let (mut stalled, mut reads) = (open().await, open().await);
    // More than the stream's window, what hyper holds, and the lag that may be.
    let mut published = 0;
    while hub.counters().cut_for_lag == 0 {
        let event = Publish::new([Topic::new("a").unwrap()], "x".repeat(50_000));
        hub.publish(event).await.unwrap();
        published += 1;
        let mut wire = 0;
        while wire < 50_000 {
            wire += reads.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        // Lag is judged by what has been there for a moment.
        assert!(published < 5000, "it is never cut: {:?}", hub.counters());
    }
    assert_eq!(hub.counters().subscribers, 1, "nothing is kept for it");
    let error = loop {
        match stalled.frame().await.expect("it does not end in peace") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    // RST_STREAM with the code CANCEL, in h2's words.
    let reason = core::error::Error::source(&error).unwrap().to_string();
    assert_eq!(reason, "stream error received: stream no longer needed");
    hub.publish(Publish::new([Topic::new("a").unwrap()], "still here")).await.unwrap();
    let mut wire = String::new();
    while !wire.contains("data: still here\n\n") {
        let frame = reads.frame().await.unwrap().unwrap();
        wire.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
}

#[tokio::test]
async fn over_http_2_many_streams_share_a_connection() {
    let hub = hub();
    let (client, address) = http_2(hub.clone()).await;
    let request = |method: &str, path: &str, body: &'static str| {
        http::Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .unwrap()
    };
    let mut bodies = Vec::new();
    for _ in 0..50 {
        let response = client.clone().send_request(request("GET", "/events/a", "")).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("connection"));
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        bodies.push(response.into_body());
    }
    let answer = client.clone().send_request(request("POST", "/events/a", "hi")).await.unwrap();
    assert_eq!(answer.status(), 200);
    for body in &mut bodies {
        let mut wire = String::new();
        while !wire.contains("data: hi\n\n") {
            let frame = body.frame().await.unwrap().unwrap();
            wire.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
    }
    // One that is reset leaves the others alone.
    drop(bodies.pop());
    while hub.counters().subscribers > 49 {
        tokio::task::yield_now().await;
    }
    // A page from elsewhere is refused here as well.
    let mut evil = request("GET", "/events", "");
    *evil.uri_mut() = http::Uri::from_static("http://evil.test/events");
    assert_eq!(client.clone().send_request(evil).await.unwrap().status(), 403);
    tokio::spawn(async move { hub.drain(Duration::from_secs(60)).await });
    for mut body in bodies {
        while let Some(frame) = body.frame().await {
            assert!(frame.is_ok(), "it ends in peace");
        }
    }
}

#[tokio::test]
async fn an_answer_of_http_2_of_many_pieces_comes_whole() {
    let hub = hub();
    let (client, address) = http_2(hub.clone()).await;
    let data = "x".repeat(200_000);
    hub.publish(Publish::new([Topic::new("a").unwrap()], data.clone())).await.unwrap();
    let request = http::Request::get(format!("http://{address}/events/a?lastEventId=earliest"))
        .header("accept", "application/json")
        .body(Full::new(Bytes::new()));
    let answer = client.clone().send_request(request.unwrap()).await.unwrap();
    let len: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body.len(), len);
    assert!(String::from_utf8_lossy(&body).contains(&data));
}

/// What a long-poll is answered.
async fn poll(hub: &Hub, query: &str) -> serde_json::Value {
    let request =
        http::Request::get(format!("/events?{query}")).header("accept", "application/json");
    let answer = EventService::new(hub.clone()).call(request.body(String::new()).unwrap());
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn a_long_poll_gives_an_event_as_large_as_the_hub_lets_through() {
    let mut config = Config::default();
    (config.hub.max_event, config.hub.max_lag) = (8 << 20, 8 << 20);
    config.hub.window.bytes = 64 << 20;
    config.retention.bytes = 64 << 20;
    let hub = Hub::start(config).unwrap();
    // By one line, by all of them, and by the type.
    let data =
        ["x".repeat(1_400_000), "many lines\n".repeat(500_000), String::new(), "small".into()];
    let kind = "x".repeat(20_000);
    for (n, data) in data.iter().enumerate() {
        let mut event = Publish::new([Topic::new("a").unwrap()], data.clone());
        if n == 2 {
            event = event.event_type(EventType::new(kind.clone()).unwrap());
        }
        hub.publish(event).await.unwrap();
    }
    let (mut place, mut got) = ("earliest".to_owned(), Vec::new());
    while got.len() < data.len() {
        let answer = poll(&hub, &format!("topic=a&lastEventId={place}")).await;
        assert_ne!(answer["lastEventId"], *place, "it goes on");
        place = answer["lastEventId"].as_str().unwrap().to_owned();
        got.extend(answer["events"].as_array().unwrap().iter().cloned());
    }
    // Not by `assert_eq`, which would show them.
    assert!(got.iter().map(|event| event["data"].as_str().unwrap()).eq(data.iter()));
    assert!(got[2]["event"] == kind);
}

#[tokio::test]
async fn a_long_poll_whose_time_is_over_before_all_is_looked_through_is_told_of_a_reset() {
    let mut config = Config::default();
    config.hub.window = config.hub.window.events(1);
    let hub = Hub::start(config).unwrap();
    // More than is looked through at once.
    for _ in 0..20_000 {
        drop(hub.publish(Publish::new([Topic::new("a").unwrap()], "")));
    }
    for (id, reason) in [("what?", "malformed"), ("abc-1", "epoch")] {
        let answer = poll(&hub, &format!("topic=none.*&timeout=0&lastEventId={id}")).await;
        assert_eq!(answer["reset"]["reason"], reason, "{answer}");
    }
}

#[tokio::test]
async fn long_polls_that_have_no_time_get_on_and_are_told_of_a_reset_once() {
    let mut config = Config::default();
    config.hub.window = config.hub.window.events(1);
    config.admission.presence_pause = Duration::ZERO;
    let hub = Hub::start(config).unwrap();
    // By 1,024 topics a page, more than are looked through at once.
    for n in 0..20_000 {
        drop(hub.publish(Publish::new([Topic::new(&format!("t.{n}")).unwrap()], "")));
    }
    let last = hub.publish(Publish::new([Topic::new("wanted.7.x").unwrap()], "hers"));
    let last = last.await.unwrap().as_str().to_owned();
    let patterns: String = (0..8).map(|k| format!("topic=wanted.{k}.*&")).collect();
    // With each poll there is a word on presence as well.
    let open = async |path: &str| {
        let request = http::Request::get(path).body(String::new()).unwrap();
        EventService::new(hub.clone()).call(request).await.unwrap().into_body()
    };
    let patterns = format!("{patterns}topic=$presence.room&");
    let mut watcher = open("/events/$presence.room").await;
    let mut readers = Vec::new();
    let (mut place, mut resets, mut got) = ("what?".to_owned(), Vec::new(), Vec::new());
    let (mut polls, mut words) = (0, 0);
    while got.is_empty() {
        readers.push(open("/events/room").await);
        let (count, mut wire) = (format!("\"count\":{},", readers.len()), String::new());
        while !wire.contains(&count) {
            let frame = watcher.frame().await.unwrap().unwrap();
            wire.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
        let answer = poll(&hub, &format!("{patterns}timeout=0&lastEventId={place}")).await;
        let place_of = |id: &str| id.split('~').next().unwrap().to_owned();
        let next = answer["lastEventId"].as_str().unwrap();
        assert_ne!(place_of(next), place_of(&place), "it goes on");
        place = answer["lastEventId"].as_str().unwrap().to_owned();
        resets.extend(answer["reset"]["reason"].as_str().map(str::to_owned));
        let events = answer["events"].as_array().unwrap().iter();
        let (told, events): (Vec<_>, Vec<_>) =
            events.cloned().partition(|event| event["event"] == "presence");
        words += told.len();
        got.extend(events);
        polls += 1;
    }
    assert_eq!(got[0]["data"].as_str(), Some("hers"));
    assert!(place.starts_with(&format!("{last}~")), "{place}");
    assert!(words > 1, "{words} words");
    assert_eq!(resets, ["malformed"]);
    assert!(polls > 1, "there was more to look through than one poll had the time for");
    assert_eq!(hub.counters().resets, 1);
}

#[tokio::test]
async fn where_the_hub_has_no_room_a_browser_is_told_to_come_back_later() {
    let mut config = Config::default();
    (config.hub.max_subscribers, config.routes.soft_refusals) = (1, true);
    let hub = Hub::start(config).unwrap();
    let mut service = EventService::new(hub.clone());
    let mut ask = || service.call(http::Request::get("/events/a").body(String::new()).unwrap());
    let _open = ask().await.unwrap();
    let wire = ask().await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let wire = String::from_utf8_lossy(&wire).into_owned();
    let retry = wire.lines().find_map(|line| line.strip_prefix("retry: ")).expect(&wire);
    assert!((10_000..=15_000).contains(&retry.parse::<u64>().unwrap()), "{wire}");
}

#[tokio::test]
async fn who_polls_for_presence_again_and_again_has_nothing_told_to_others() {
    let mut config = Config::default();
    config.admission.presence_pause = Duration::ZERO;
    let hub = Hub::start(config).unwrap();
    let open = async |path: &str| {
        let request = http::Request::get(path).body(String::new()).unwrap();
        EventService::new(hub.clone()).call(request).await.unwrap().into_body()
    };
    let mut watcher = open("/events/$presence.room").await;
    let mut wire = String::new();
    let mut read_until = async |until: &str| {
        while !wire.contains(until) {
            let frame = watcher.frame().await.unwrap().unwrap();
            wire.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
        wire.matches("event: presence\n").count()
    };
    assert_eq!(read_until("\"count\":0").await, 1);
    for _ in 0..10 {
        poll(&hub, "topic=$presence.room&timeout=0&lastEventId=earliest").await;
        tokio::task::yield_now().await;
    }
    let _reader = open("/events/room").await;
    assert_eq!(read_until("\"count\":1").await, 2);
}

#[tokio::test]
async fn settings_that_could_never_work_are_refused_before_anybody_comes() {
    let refuse = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        Hub::start(config).unwrap_err().to_string()
    };
    let words = refuse(|config| config.routes.max_bodies = 1000);
    assert_eq!(
        words,
        "max_bodies of 1000 is below max_body of 524288; raise the one or lower the other"
    );
    let words = refuse(|config| config.routes.max_batch_events = 5000);
    assert!(words.starts_with("max_pending of 4096 is below max_batch_events"), "{words}");
    let words = refuse(|config| config.admission.max_per_address = 0);
    assert!(words.starts_with("max_per_address is 0"), "{words}");
    let words = refuse(|config| config.routes.ticket_life = Duration::ZERO);
    assert!(words.starts_with("ticket_life of 0ns is too short"), "{words}");
    let mut config = ServerConfig::default();
    config.max_connections = 0;
    let error = Server::bind("127.0.0.1:0", hub(), config).unwrap_err();
    assert!(error.to_string().starts_with("max_connections is 0"), "{error}");
}

#[tokio::test]
async fn a_time_may_be_never() {
    let (mut of_hub, mut config) = (Config::default(), ServerConfig::default());
    of_hub.routes.long_poll = Duration::MAX;
    of_hub.routes.max_long_poll = Duration::MAX;
    of_hub.retention.age = None;
    of_hub.hub.max_stall = Duration::MAX;
    of_hub.hub.heartbeat = Some(Duration::MAX);
    config.head_timeout = Duration::MAX;
    config.idle_timeout = Duration::MAX;
    config.drain_timeout = Duration::MAX;
    let hub = Hub::start(of_hub).unwrap();
    hub.publish(Publish::new([Topic::new("a").unwrap()], "hi")).await.unwrap();
    for wait in ["", &format!("&timeout={}", u64::MAX)] {
        let answer = poll(&hub, &format!("topic=a&lastEventId=earliest{wait}")).await;
        assert_eq!(answer["events"][0]["data"], "hi");
    }
    let (client, address, _) = http_2_with(hub, config).await;
    let request = http::Request::get(format!("http://{address}/healthz"));
    let answer = client.clone().send_request(request.body(Full::new(Bytes::new())).unwrap());
    assert_eq!(answer.await.unwrap().status(), 200);
    let (_, wire) = ask(address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "ok\n").await;
    assert!(wire.starts_with("HTTP/1.1 200"), "{wire}");
}
