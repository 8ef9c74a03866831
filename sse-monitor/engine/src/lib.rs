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
//! The recordings of a folder stand in its [`catalogue`](catalogue::Catalogue), with what people note about them.
//!
//! # What it speaks
//!
//! HTTP/1.1 and HTTP/2, TLS that trusts what the system trusts (or [others](WatchRequest::authorities)),
//! proxies (HTTP, HTTPS, SOCKS 5), gzip, brotli and zstd; bodies of `text/event-stream`, and lines of JSON
//! (`application/x-ndjson` and its like), each line an event.
//!
//! # What a window draws from
//!
//! Nothing that is asked of a watch each time a window is drawn depends on how much came, and nothing holds
//! up the thread that reads the stream: [`Watch::snapshot`] has the totals, [`Watch::brief_report`] the
//! statistics, a [`View`] the rows by number, [`Row::pack_into`] their bytes. What passes a query is a list that
//! [grows in the background](Watch::filter), with its progress and its rows by position. A
//! [`Recording`](recording::Recording) answers the same questions.
//!
//! ```no_run
//! use sse_monitor_engine::{Watch, query::Filtered};
//!
//! /// What one frame shows: the newest rows, or the newest of those that pass.
//! fn frame(watch: &Watch, filtered: Option<&Filtered>, rows: u64, out: &mut Vec<u8>) {
//!     let view = watch.view();
//!     let shown = match filtered {
//!         None => view.page(view.next_row().saturating_sub(rows), 50, 600),
//!         Some(filtered) => {
//!             let from = filtered.progress().matches.saturating_sub(rows);
//!             view.rows(&filtered.page(from, 50), 600)
//!         }
//!     };
//!     shown.iter().for_each(|row| row.pack_into(out));
//! }
//! ```
//!
//! # Features
//!
//! | Feature | For |
//! |---|---|
//! | `watch` | connecting to streams |
//! | `convert` | recordings from and to what other programs know |
//! | `catalogue` | the sessions in a folder, in SQLite |
//!
//! All are on by default. Without them recordings are opened, checked, put in one file, and asked.
//!
//! # Limits
//!
//! | Of | Default | Past it |
//! |---|---|---|
//! | a line, an event ([`Limits`]) | 1 MiB, 4 MiB | the event is dropped, and a row says so; its bytes stay ([`View::dropped`], [`View::visit_raw`]) |
//! | what is kept in memory ([`Retention`]) | 256 MiB, two million rows | the oldest rows fall out, counted by [`Totals::rows_forgotten`]; or the watch stops reading until rows are [released](Watch::release) |
//! | what is recorded ([`DiskLimit`]) | 16 GiB | recording stops, and a row says so; or the oldest are dropped |
//! | what a compressed stream expands to ([`Expansion`]) | 250-fold and 16 MiB beyond, which grow back within 10 s | the attempt ends |
//! | damaged places that are told each | 1000, and 100 missing files of a gap | told as [how many](recording::Damage::places) there are |
//! | types that are told apart by number | 4096 | types after that are read from the events' bytes |
//!
//! While recording, an event costs no memory: its 48 bytes of index are on the disk beside its bytes. A full
//! disk stops recording, not watching ([`Watch::recording_stopped`]). A program that is killed loses nothing that
//! it wrote; what was written is brought to the disk each second and at the end, by a thread of its own, so that a
//! machine that loses its power loses a second at most.

#![forbid(unsafe_code)]
// What writes is there for watches and imports.
#![cfg_attr(not(all(feature = "convert", feature = "watch")), allow(dead_code, unused_imports))]

extern crate alloc;

#[cfg(feature = "catalogue")]
pub mod catalogue;
mod clock;
#[cfg(feature = "watch")]
mod connection;
mod journal;
#[cfg(feature = "watch")]
mod log;
#[cfg(any(feature = "convert", feature = "watch"))]
mod masked;
mod packed;
pub mod query;
pub mod recording;
#[cfg(feature = "watch")]
mod refusal;
#[cfg(feature = "watch")]
mod request;
#[cfg(feature = "watch")]
mod request_tags;
#[cfg(feature = "watch")]
mod request_url;
#[cfg(feature = "watch")]
mod request_way;
mod row;
mod state;
mod times;
#[cfg(feature = "watch")]
mod watch;
#[cfg(feature = "watch")]
mod words;

#[cfg(feature = "watch")]
pub use connection::{Answer, Caller, CertificateError, Expansion};
pub use journal::{
    dropped::{Dropped, Passed, RawEnd},
    retention::{DiskLimit, DiskPolicy, Overflow, Retention},
    turn::{Format, Origin, Phases, RedactedText, RequestHead, ResponseHead, Turn},
    view::View,
};
pub use packed::{PACKED_HEADER, PACKED_TEXT};
#[cfg(feature = "watch")]
pub use request::{HeaderFault, Reconnect, RequestError, WatchRequest};
pub use row::{Row, RowKind};
pub use sse_codec::Limits;
pub use state::{Failure, Fault, Snapshot, State, Totals};
#[cfg(feature = "watch")]
pub use watch::Watch;
