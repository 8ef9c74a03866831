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
//! let watch = Watch::start(request, &tokio::runtime::Handle::current());
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
//! # Limits
//!
//! What is kept is bounded by a [`Retention`]: 256 MiB and two million rows by default. Past it the
//! oldest rows fall out, and [`Totals::rows_forgotten`] counts them; or, where every row matters
//! more than the server's pace, the watch stops reading until rows are
//! [released](Watch::release). A row is one event, of at most 4 MiB.

#![forbid(unsafe_code)]

extern crate alloc;

mod capture;
mod clock;
mod log;
mod masked;
mod reader;
mod refusal;
mod request;
mod row;
mod state;
mod watch;
mod words;

pub use capture::{Overflow, Retention};
pub use request::{HeaderFault, Reconnect, RequestError, WatchRequest};
pub use row::{Row, RowKind};
pub use state::{Failure, Fault, Snapshot, State, Totals};
pub use watch::Watch;
