//! The hub of Server-Sent Events as a state machine: topics, history, resume, heartbeats, and what
//! to do about those who do not read. No IO, no clock, no lock, no randomness: the driver passes
//! the time and a seed in, and acts on what comes out.
//!
//! # The store orders, hubs follow
//! [`Hub::publish`] checks an event and yields [`Output::Append`]. The store gives the event its
//! place ([`Draft::place`]: encoded once, shared by all), and every hub of that store takes it in
//! that order by [`Hub::handle_appended`]. One thread with a store in memory and many machines
//! around one Redis are the same model.
//!
//! # A subscriber is a cursor
//! It has no queue. What it reads next is whatever its topics hold past its cursor: frames are
//! peeked by [`Hub::next_frames`] and the cursor moves when [`Hub::handle_written`] confirms them.
//! So a subscriber that stops reading costs nothing, is seen, and is cut in time.
//!
//! # A loop
//! ```
//! use core::time::Duration;
//! use sse_codec::time::Instant;
//! use sse_server_core::{
//!     Cursor, Epoch, Hub, HubConfig, Log, Output, Publish, Receipt, Retention, Subscribe, Topic,
//! };
//!
//! let (now, start) = (Instant::ORIGIN, Cursor::new(Epoch::new(0xe), 0));
//! let mut store = Log::new(Retention::DEFAULT, start, 1);
//! let mut hub = Hub::new(HubConfig::default(), start, 1);
//!
//! let id = hub.subscribe(Subscribe::new([Topic::new("prices")?]), now)?;
//! hub.publish(Publish::new([Topic::new("prices")?], "1.08"), now)?;
//! while let Some(output) = hub.poll_output() {
//!     match output {
//!         Output::Append { id, event, .. } => {
//!             let head = store.head();
//!             let appended = event.place(Cursor::new(head.epoch(), head.offset() + 1));
//!             store.append(&appended, now);
//!             hub.handle_append_done(id, Ok(Receipt::new(appended.cursor)), now);
//!             hub.handle_appended(&appended, now);
//!         }
//!         Output::PublishDone { result, .. } => assert_eq!(result?.cursor.to_string(), "e-1"),
//!         Output::FetchHistory { fetch, selectors, after, max_bytes, .. } => {
//!             let page = store.page(&selectors, after, max_bytes, now);
//!             hub.handle_history(fetch, Ok(page), now);
//!         }
//!         Output::Close { id, reason, .. } => println!("end the response of {id:?}: {reason:?}"),
//!         // What a later version may ask besides.
//!         _ => {}
//!     }
//! }
//! assert_eq!(hub.poll_ready(), Some(id));
//! let (mut frames, mut wire) = (Vec::new(), String::new());
//! while let Some(written) = hub.next_frames(id, 16 << 10, &mut frames) {
//!     wire.extend(frames.drain(..).map(|frame| String::from_utf8(frame.to_vec()).unwrap()));
//!     hub.handle_written(id, written, now);
//! }
//! assert!(wire.contains("event: connected\nid: e-0\n"));
//! assert!(wire.ends_with("id: e-1\ndata: 1.08\n\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//! Every one has a name and a default in [`HubConfig`] and [`Retention`].

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod admission;
mod config;
mod cursor;
mod delivery;
mod error;
mod event;
mod fetches;
mod hub;
mod index;
mod key;
mod members;
mod merge;
mod output;
mod overflow;
mod patterns;
mod replay;
mod selector;
mod subscribe;
mod subscriber;
mod timers;
mod topic;
mod upkeep;
mod window;
mod words;

pub use crate::{
    admission::{
        Admission, AdmissionConfig, AdmissionCounters, AdmissionError, Pass, Principal, Redeemed,
        Revoke, Ticket, TicketError, Visitor, Whose,
    },
    config::{HubConfig, Overflow, Retention},
    cursor::{Cursor, Epoch, ResetReason, Resume},
    error::{
        InvalidConfig, InvalidKey, InvalidTopic, InvalidUser, PublishError, StoreError,
        SubscribeError,
    },
    event::{Appended, Draft, HistoryPage, Presence, Publish, Stored},
    hub::Hub,
    key::{Keys, PublishKey},
    output::{
        CloseReason, Counters, Deadline, FetchId, Output, Place, PublishId, Receipt, SubscriberId,
        Timer,
    },
    selector::Selector,
    subscribe::Subscribe,
    subscriber::Written,
    topic::Topic,
    window::{Log, Placed},
};
