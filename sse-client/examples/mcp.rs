//! Calls a tool of an MCP server over Streamable HTTP, and resumes the answer's stream if it is cut.
//!
//! `cargo run -p sse-client --features json --example mcp -- http://localhost:3000/mcp TOOL`
//!
//! Each message is a POST whose answer may be an event stream. If that breaks off, the rest is asked for
//! by a GET with `Last-Event-ID`: so the POST is tried once, and the GET is kept up. An answer that is no
//! stream comes as an update as well: a server may answer by plain JSON, which is read up to 16 KiB, and
//! what wants no answer it only accepts.

#![forbid(unsafe_code)]

use core::error::Error;
use std::process::ExitCode;

use http::Method;
use serde_json::{Value, json};
use sse_client::{Builder, EventSource, HttpClient, RetryPolicy, SessionError, Update, Updates};

const VERSION: &str = "2025-06-18";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = call().await else { return ExitCode::SUCCESS };
    eprintln!("mcp: {error}");
    ExitCode::FAILURE
}

async fn call() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(tool)) = (arguments.next(), arguments.next()) else {
        return Err("say a URL, such as http://localhost:3000/mcp, and a tool".into());
    };
    let client = HttpClient::new(|client| client)?;
    let source = |session: &str| {
        let source = EventSource::builder(&url)
            .shared_client(&client)
            .header("Accept", "application/json, text/event-stream")
            .header("Content-Type", "application/json")
            .header("MCP-Protocol-Version", VERSION);
        if session.is_empty() { source } else { source.header("Mcp-Session-Id", session) }
    };

    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": VERSION, "capabilities": {},
        "clientInfo": { "name": "sse-client example", "version": "0" } } });
    let mut updates = post(source(""), &hello)?;
    let mut session = String::new();
    let server = answer(&mut updates, 1, Some(&mut session)).await?;
    let server = server.ok_or("the server closed the stream before it said hello")?;
    println!("connected to {}", server["serverInfo"]);
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    accepted(&mut post(source(&session), &ready)?).await?;

    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": tool, "arguments": {} } });
    let mut updates = post(source(&session), &call)?;
    let mut result = answer(&mut updates, 2, None).await?;
    if result.is_none() {
        let id = updates.last_event_id();
        println!("cut after {id:?}; asking for the rest");
        let mut updates = source(&session).last_event_id(id).open_updates()?;
        result = answer(&mut updates, 2, None).await?;
    }
    println!("{}", result.ok_or("the server has no answer")?);
    Ok(())
}

fn post(source: Builder, message: &Value) -> Result<Updates, sse_client::BuildError> {
    let source = source.method(Method::POST).body(message.to_string());
    source.policy(RetryPolicy::never()).open_updates()
}

/// Waits until the server has taken a message that it does not answer.
async fn accepted(updates: &mut Updates) -> Result<(), Box<dyn Error>> {
    while let Some(update) = updates.next().await {
        if let Update::Disconnected { error, head, .. } = update {
            let is_taken = head.is_some_and(|head| head.status.is_success());
            return if is_taken { Ok(()) } else { Err(error.into()) };
        }
    }
    Ok(())
}

/// Reads until the answer to request `id`; what comes before it is shown. `None`: it did not come.
async fn answer(
    updates: &mut Updates,
    id: u64,
    mut session: Option<&mut String>,
) -> Result<Option<Value>, Box<dyn Error>> {
    while let Some(update) = updates.next().await {
        let head = if let Update::Opened { head, .. } = &update {
            Some(head)
        } else if let Update::Disconnected { head, .. } = &update {
            head.as_ref()
        } else {
            None
        };
        if let (Some(head), Some(session)) = (head, &mut session) {
            let value = head.headers.get("Mcp-Session-Id").and_then(|value| value.to_str().ok());
            value.unwrap_or_default().clone_into(session);
        }
        if let Update::Event(event) = update {
            // An event without data only gives an id to resume from.
            if event.data().is_empty() {
                continue;
            }
            let message: Value = event.json()?;
            if message["id"] == id {
                return Ok(Some(message["result"].clone()));
            }
            println!("{}: {}", message["method"], message["params"]);
        } else if let Update::Disconnected { error, retry_in: None, .. } = update {
            if let SessionError::MediaType { found: Some(found), body, .. } = &error
                && found == "application/json"
            {
                let message: Value = serde_json::from_str(body)?;
                return Ok(Some(message["result"].clone()));
            }
            println!("{error}");
        }
    }
    Ok(None)
}
