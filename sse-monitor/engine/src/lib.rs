//! The eyes of sse-monitor: it connects to an event stream, keeps what arrives, and gives it out by
//! the page.
//!
//! A [`Watch`] is one watched URL. It reconnects as an `EventSource` does and writes a [`Row`] for
//! each event, comment and reconnection time, for each event that had to be dropped, and for each
//! turn of the connection. A shell (the window, the `sse` command) waits until the
//! [revision](Snapshot::revision) changes, and asks for the [`Snapshot`] and the rows it shows.
//!
//! ```no_run
//! use sse_monitor_engine::{Watch, WatchRequest};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let request = WatchRequest::new("http://127.0.0.1:8080/events")?.last_event_id("7")?;
//! let watch = Watch::start(request);
//! let mut seen = 0;
//! let mut next = 1;
//! while !watch.snapshot().state.is_over() {
//!     seen = watch.changed(seen).await;
//!     for row in watch.page(next, 100, 4096) {
//!         println!("{} {} {}", row.number, row.event_type, row.data);
//!         next = row.number + 1;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is kept, and where
//!
//! Everything: the bytes of the stream, when each read brought them, every turn of the connection with
//! the heads of request and response. In memory by default; in a folder with [`WatchRequest::record`],
//! from which [`recording::Recording`] opens it again, whole or as far as it is intact, and
//! [`recording::pack`] makes one file. A [`View`] shows the rows of either as they stand, without holding
//! the stream up; [`query`] has what one asks of it: searches, facets, statistics, differences.
//!
//! ```no_run
//! use std::path::Path;
//! use sse_monitor_engine::{query::{Budget, Order, Query, Text}, recording::Recording};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let recording = Recording::open(Path::new("feed.ssrec"))?;
//! let view = recording.view();
//! let query = Query::new().event_type("price").text(Text::literal("EUR"));
//! let hits = view.find(&query, 0, Order::Forward, Budget::hits(50));
//! for row in view.rows(&hits.numbers, 600) {
//!     println!("{} {}", row.number, row.data);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it speaks
//!
//! HTTP/1.1 and HTTP/2, TLS that trusts what the system trusts (or [others](WatchRequest::authorities)),
//! proxies (HTTP, HTTPS, SOCKS 5), gzip, brotli and zstd; bodies of `text/event-stream`, and lines of JSON
//! (`application/x-ndjson` and its like), each line an event.
//!
//! # Limits
//!
//! | Of | Default | Past it |
//! |---|---|---|
//! | a line, an event ([`Limits`]) | 1 MiB, 4 MiB | the event is dropped, and a row says so |
//! | what is kept in memory ([`Retention`]) | 256 MiB, two million rows | the oldest rows fall out, counted by [`Totals::rows_forgotten`]; or the watch stops reading until rows are [released](Watch::release) |
//! | what is recorded ([`DiskLimit`]) | 16 GiB | recording stops, and a row says so; or the oldest are dropped |
//! | what a compressed stream expands to ([`Expansion`]) | 250-fold past 16 MiB; 1 TiB | the attempt ends |
//! | types that are told apart by number | 4096 | types after that are read from the events' bytes |
//!
//! While recording, an event costs no memory: its 48 bytes of index are on the disk beside its bytes. A full
//! disk stops recording, not watching ([`Watch::recording_stopped`]).

#![forbid(unsafe_code)]

extern crate alloc;

mod clock;
mod connection;
mod journal;
mod log;
mod masked;
pub mod query;
pub mod recording;
mod refusal;
mod request;
mod request_way;
mod row;
mod state;
mod watch;
mod words;

pub use connection::{Answer, Caller, CertificateError, Expansion};
pub use journal::{
    retention::{DiskLimit, DiskPolicy, Overflow, Retention},
    turn::{Format, Origin, Phases, RequestHead, ResponseHead, Turn},
    view::View,
};
pub use request::{HeaderFault, Reconnect, RequestError, WatchRequest};
pub use row::{Row, RowKind};
pub use sse_codec::Limits;
pub use state::{Failure, Fault, Snapshot, State, Totals};
pub use watch::Watch;
