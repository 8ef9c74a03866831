//! Keeps one line of the terminal that says how the connection is, as a page has a coloured dot:
//! `cargo run -p sse-client --example connected -- http://localhost:8080/events`

#![forbid(unsafe_code)]

use core::{error::Error, time::Duration};
use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use sse_client::{EventSource, RetryPolicy, Update};

/// All that the line shows.
#[derive(Default)]
struct Status {
    connection: String,
    events: u64,
    latest: String,
}

impl Status {
    /// Takes an update in; most of the work of showing a connection is this match.
    fn take(&mut self, update: Update) {
        match update {
            Update::Connecting { attempt, .. } if attempt.number() == 1 => {
                self.connection = "○ connecting".into();
            }
            Update::Connecting { attempt, .. } => {
                self.connection = format!("○ connecting, attempt {attempt}");
            }
            Update::Opened { head, .. } => {
                // Not the query: it may hold a token.
                let url = head.url.split('?').next().unwrap_or_default();
                self.connection = format!("● connected to {url}");
            }
            Update::Event(event) => {
                self.events += 1;
                self.latest = event.data().chars().take(40).collect();
            }
            Update::Disconnected { error, retry_in: Some(wait), .. } => {
                self.connection = format!("◌ {error}; again in {wait:.1?}");
            }
            Update::Disconnected { error, retry_in: None, .. } => {
                self.connection = format!("✕ {error}");
            }
            Update::Redirected { .. }
            | Update::Comment { .. }
            | Update::ReconnectionTime { .. }
            | Update::Dropped(_)
            | Update::Closed
            | _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = show().await else { return ExitCode::SUCCESS };
    eprintln!("connected: {error}");
    ExitCode::FAILURE
}

async fn show() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let policy = RetryPolicy::resilient().idle_timeout(Some(Duration::from_secs(45)));
    let mut updates = EventSource::builder(url).policy(policy).open_updates()?;
    let mut status = Status::default();
    while let Some(update) = updates.next().await {
        status.take(update);
        let Status { connection, events, latest } = &status;
        // Back to the line's beginning, and clear what was there.
        write!(stdout(), "\r\x1b[2K{connection} | {events} events | {latest}")?;
        stdout().flush()?;
    }
    writeln!(stdout())?;
    Ok(())
}
