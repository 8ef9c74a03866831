//! Prints the events of a URL: `cargo run -p sse-client --example watch -- http://localhost:8080/events`

#![forbid(unsafe_code)]

use sse_client::EventSource;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let url = std::env::args().nth(1).ok_or("which URL? Give it as the argument")?;
    let mut source = EventSource::builder(url).open()?;
    while let Some(event) = source.next().await {
        let event = event?;
        println!("{:>12} {}", event.event_type(), event.data());
    }
    Ok(())
}
