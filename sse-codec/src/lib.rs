//! The WHATWG event-stream format (`text/event-stream`, Server-Sent Events): bytes to events and
//! events to bytes, exactly, and nothing else.
//!
//! This crate does no IO and knows no runtime. Feed it what your socket gave, in whatever pieces; it
//! gives events that borrow those pieces where it can.
//!
//! # Decoding
//! ```
//! use sse_codec::{Decoder, Item};
//!
//! let mut decoder = Decoder::new();
//! let mut input: &[u8] = b"id: 7\nevent: price\ndata: 1.08\n\n";
//! while let Some(item) = decoder.decode(&mut input)? {
//!     if let Item::Event(event) = item {
//!         assert_eq!((event.event_type, event.data, event.last_event_id), ("price", "1.08", "7"));
//!     }
//! }
//! # Ok::<(), sse_codec::DecodeError>(())
//! ```
//!
//! # Encoding
//! ```
//! use sse_codec::{EventId, EventType, OutgoingEvent};
//!
//! let event = OutgoingEvent::new().event_type(EventType::new("price")?).data("1.08");
//! assert_eq!(event.encode().as_bytes(), b"event: price\ndata: 1.08\n\n");
//! # Ok::<(), sse_codec::InvalidField>(())
//! ```
//!
//! # Limits
//! A line may have 1 MiB, an event 4 MiB ([`Limits`]). An event over a limit is lost with a
//! [`DecodeError`] that says where it stood; decoding goes on after its blank line.
//!
//! # Features
//! `std` (default) and `alloc`. Without `alloc` only the types that need no allocator are there.

#![no_std]
// All unsafe code is in `scan.rs`, which allows it for itself.
#![deny(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod block;
#[cfg(feature = "alloc")]
mod decoder;
#[cfg(feature = "alloc")]
mod encoder;
mod engine;
mod error;
mod event;
mod field;
mod head;
#[cfg(feature = "alloc")]
mod line;
mod memory;
mod position;
mod scan;
mod slice;
pub mod time;
#[cfg(feature = "alloc")]
mod value;

#[cfg(feature = "alloc")]
pub use crate::{
    decoder::{Decoder, Limits},
    encoder::{Frame, OutgoingEvent},
    event::OwnedEvent,
    line::{Line, LineTooLong, Lines},
    value::{EventId, EventType},
};
pub use crate::{
    error::{DecodeError, InvalidField},
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    slice::{Buffers, SliceDecoder},
};
