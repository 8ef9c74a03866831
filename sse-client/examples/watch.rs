//! Prints the events of a URL, and what becomes of the connection on standard error:
//! `cargo run -p sse-client --example watch -- http://localhost:8080/events`

#![forbid(unsafe_code)]

use core::error::Error;
use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use sse_client::{EventSource, Update};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = watch(std::env::args().nth(1).unwrap_or_default()).await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("watch: {error}");
    ExitCode::FAILURE
}

async fn watch(url: String) -> Result<(), Box<dyn Error>> {
    let mut updates = EventSource::builder(url).open_updates()?;
    while let Some(update) = updates.next().await {
        match update {
            Update::Opened { head, .. } => {
                // Not the query: it may hold a token.
                eprintln!("watch: connected to {}", head.url.split('?').next().unwrap_or_default());
            }
            Update::Event(event) => {
                // Unlike `println`, an error when the reader of a pipe has left.
                writeln!(stdout(), "{:>12} {}", event.event_type(), event.data())?;
            }
            Update::Dropped(error) => eprintln!("watch: {error}"),
            Update::Disconnected { error, retry_in: Some(wait), .. } => {
                eprintln!("watch: {error}; again in {wait:.1?}");
            }
            Update::Disconnected { error, retry_in: None, .. } => return Err(error.into()),
            Update::Connecting { .. }
            | Update::Redirected { .. }
            | Update::Comment { .. }
            | Update::ReconnectionTime { .. }
            | Update::Closed
            | _ => {}
        }
    }
    Ok(())
}
