//! Servers as others write them: Express, FastAPI with sse-starlette, a route handler on plain Node.
//!
//! Packages come from npm and PyPI, once, into the target folder. Where node, npm or Python is not
//! there, or their registries are out of reach, a test says so and passes.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod install;

use core::time::Duration;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use sse_client::{
    Event, EventSource, RetryPolicy, Update, Updates,
    session::{ErrorKind, SessionError},
};

const PYTHON: [&str; 4] =
    ["fastapi==0.165.0", "sse-starlette==3.7.0", "starlette==1.10.0", "uvicorn==0.54.0"];

/// What a server of another make sends between events.
#[derive(Clone, Copy)]
enum Heartbeat {
    Comment,
    Event,
}

#[tokio::test]
async fn express_as_tutorials_write_it() {
    let Some(modules) = install::npm("express@5.3.0") else { return };
    let server = move || {
        let mut node = Command::new("node");
        node.arg(source("express.cjs")).env("NODE_PATH", &modules);
        node
    };
    story(&server, Heartbeat::Comment).await;
}

#[tokio::test]
async fn sse_starlette_on_fastapi() {
    let Some(python) = install::pip(&PYTHON) else { return };
    let server = move || {
        let mut command = Command::new(&python);
        command.arg(source("fastapi_events.py"));
        command
    };
    story(&server, Heartbeat::Comment).await;
}

#[tokio::test]
async fn a_route_handler_on_plain_node() {
    if !install::exists("node") {
        return;
    }
    let server = || {
        let mut node = Command::new("node");
        node.arg(source("next.mjs"));
        node
    };
    story(&server, Heartbeat::Event).await;
}

fn source(name: &str) -> String {
    format!("{}/tests/foreign/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server of another make, ended when dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(mut command: Command, port: u16, epoch: &str) -> Self {
        command.env("PORT", port.to_string()).env("EPOCH", epoch);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the server prints its port");
        Self { process, port }
    }

    fn events(&self) -> sse_client::Builder {
        EventSource::builder(format!("http://127.0.0.1:{}/events", self.port))
            .client(|client| client.no_proxy())
    }

    /// Has it send an event to everyone; returns to how many.
    async fn send(&self) -> u64 {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{}/send", self.port);
        let answer = client.post(url).send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["clients"].as_u64().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Refused, connected, heartbeats, events, a restart in between, a resume.
async fn story(command: &dyn Fn() -> Command, heartbeat: Heartbeat) {
    let server = Server::start(command(), 0, "a");
    let mut refused = server.events().header("Authorization", "Bearer wrong").open().unwrap();
    let Some(Err(sse_client::Error::Failed(error))) = refused.next().await else {
        panic!("not refused");
    };
    assert!(matches!(error, SessionError::Status { status: 401, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Http);

    let policy = RetryPolicy::resilient().no_backoff().reconnection_time(Duration::from_millis(50));
    let mut updates = server
        .events()
        .header("Authorization", "Bearer right")
        .policy(policy.idle_timeout(Some(Duration::from_secs(30))))
        .open_updates()
        .unwrap();
    assert_eq!(connected(&mut updates).await, r#"{"last":"none"}"#);
    beat(&mut updates, heartbeat).await;
    let (first, id) = price(&server, &mut updates, "a").await;
    assert_eq!(id, format!("a.{first}"));

    let port = server.port;
    drop(server);
    let mut refusals = 0;
    while refusals == 0 {
        if let Some(Update::Disconnected { error, retry_in: Some(_), .. }) = updates.next().await {
            refusals += u32::from(error.kind() == ErrorKind::Connect);
        }
    }
    let server = Server::start(command(), port, "b");
    assert_eq!(connected(&mut updates).await, format!(r#"{{"last":"{id}"}}"#));
    let (number, id) = price(&server, &mut updates, "b").await;
    assert_eq!(id, format!("b.{number}"));
    updates.close();
    assert_eq!(updates.next().await, Some(Update::Closed));
}

/// The next update; the stream goes on.
async fn next(updates: &mut Updates) -> Update {
    match updates.next().await {
        Some(Update::Disconnected { error, retry_in: None, .. }) => panic!("{error}"),
        Some(update) => update,
        None => panic!("it is over"),
    }
}

/// The next event of a type.
async fn event(updates: &mut Updates, event_type: &str) -> Event {
    loop {
        if let Update::Event(event) = next(updates).await
            && event.event_type() == event_type
        {
            return event;
        }
    }
}

/// The data of the next `connected` event.
async fn connected(updates: &mut Updates) -> String {
    event(updates, "connected").await.into_data().replace(' ', "")
}

/// Until a heartbeat comes.
async fn beat(updates: &mut Updates, heartbeat: Heartbeat) {
    match heartbeat {
        Heartbeat::Comment => while !matches!(next(updates).await, Update::Comment { .. }) {},
        Heartbeat::Event => drop(event(updates, "heartbeat").await),
    }
}

/// Has an event sent, once the server counts its client in, and waits for it.
async fn price(server: &Server, updates: &mut Updates, epoch: &str) -> (u64, String) {
    // A server that has sent `connected` may not list the client yet; nothing else goes out then.
    while server.send().await == 0 {}
    let event = event(updates, "price").await;
    assert!(event.last_event_id().starts_with(epoch));
    let data: serde_json::Value = serde_json::from_str(event.data()).unwrap();
    (data["n"].as_u64().unwrap(), event.last_event_id().to_owned())
}
