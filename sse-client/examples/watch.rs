//! Prints the events of a URL: `cargo run -p sse-client --example watch -- http://localhost:8080/events`

#![forbid(unsafe_code)]

use core::error::Error;
use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use sse_client::EventSource;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = watch(std::env::args().nth(1).unwrap_or_default()).await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("watch: {error}");
    ExitCode::FAILURE
}

async fn watch(url: String) -> Result<(), Box<dyn Error>> {
    let mut source = EventSource::builder(url).open()?;
    while let Some(event) = source.next().await {
        let event = event?;
        // Unlike `println`, an error when the reader of a pipe has left.
        writeln!(stdout(), "{:>12} {}", event.event_type(), event.data())?;
    }
    Ok(())
}
