//! Many topics on one connection, each with a reader of its own:
//! `cargo run -p sse-client --example topics -- http://localhost:8080/events prices news`
//!
//! A browser may hold six connections to a host over HTTP/1.1, and any client does well to hold one.
//! The server is asked for all topics at once (`?topic=prices&topic=news`), events are told apart by
//! their type, and each type has a channel. A reader that is slow holds up the connection rather than
//! memory: the channels are bounded.

#![forbid(unsafe_code)]

extern crate alloc;

use alloc::collections::BTreeMap;
use core::error::Error;
use std::process::ExitCode;

use sse_client::{Event, EventSource};
use tokio::{sync::mpsc, task::JoinSet};

/// How many events may wait for a reader.
const WAITING: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = read_all().await else { return ExitCode::SUCCESS };
    eprintln!("topics: {error}");
    ExitCode::FAILURE
}

async fn read_all() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().ok_or("say a URL, and topics")?;
    let topics: Vec<String> = arguments.collect();
    let url = url::Url::parse_with_params(&base, topics.iter().map(|topic| ("topic", topic)))?;

    let mut readers = JoinSet::new();
    let mut channels = BTreeMap::new();
    for topic in topics {
        let (sender, receiver) = mpsc::channel(WAITING);
        readers.spawn(read(topic.clone(), receiver));
        channels.insert(topic, sender);
    }
    let mut source = EventSource::builder(url).open()?;
    while let Some(event) = source.next().await {
        let event = event?;
        if let Some(channel) = channels.get(event.event_type()) {
            channel.send(event).await?;
        }
    }
    // The end of the channels is the end of the readers.
    drop(channels);
    while readers.join_next().await.is_some() {}
    Ok(())
}

async fn read(topic: String, mut events: mpsc::Receiver<Event>) {
    let mut count = 0;
    while let Some(event) = events.recv().await {
        count += 1;
        println!("{topic} #{count}: {}", event.data());
    }
}
