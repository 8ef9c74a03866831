//! The WHATWG event-stream format (`text/event-stream`, Server-Sent Events): bytes to events and
//! events to bytes, exactly, and nothing else.
//!
//! Feed it what your socket gave, in whatever pieces; it gives events that borrow those pieces where
//! they lie whole in them, and allocates nothing once it has warmed up. What it takes is bounded, and
//! what comes out never depends on where the stream was cut.
//!
//! # What it is not
//! It does no IO, knows no runtime, reads no clock, and never reconnects. It does not parse the data
//! of an event, nor HTTP. For an `EventSource` that connects and resumes there is `sse-client`, for a
//! hub `sse-server`; both stand on this crate. The format itself, with its traps, is told in
//! `docs/event-format.md` of the repository, for those who write a server in another language.
//!
//! # Decoding
//! One engine, and a door for each way to hold memory:
//!
//! | Door | Takes | Gives | For |
//! |---|---|---|---|
//! | [`Decoder::decode`] | `&mut &[u8]` | borrowed items, one a call | most programs: the caller sets the pace |
//! | [`Decoder::visit`] | `&[u8]` | borrowed items, to a closure | the last nanoseconds |
//! | [`SharedDecoder`] | [`bytes::Bytes`] | owned items that share the chunk | handing events to other tasks |
//! | [`SliceDecoder`] | `&mut &[u8]` | borrowed items | no allocator: the caller lends the memory |
//! | [`Items`] | `std::io::Read` | owned items, as an iterator | files, pipes, blocking sockets |
//! | [`Lines`] | `&mut &[u8]` | lines with their places | those who want no more than that |
//!
//! **Pull.** The loop is the same for every chunk; `Ok(None)` says that it is used up:
//! ```
//! use sse_codec::{Decoder, Item};
//!
//! let mut decoder = Decoder::new();
//! for mut chunk in [&b"id: 7\nevent: pri"[..], b"ce\ndata: 1.08\n", b"\n"] {
//!     while let Some(item) = decoder.decode(&mut chunk)? {
//!         match item {
//!             Item::Event(event) => {
//!                 assert_eq!((event.event_type, event.data, event.last_event_id), ("price", "1.08", "7"));
//!             }
//!             Item::ReconnectionTime { duration, .. } => println!("reconnect after {duration:?}"),
//!             _ => {}
//!         }
//!     }
//! }
//! # Ok::<(), sse_codec::DecodeError>(())
//! ```
//! An item borrows the decoder and the chunk until the next call. A function of yours that refills in
//! a loop and *returns* a borrowed item is refused by today's borrow checker; give it a closure instead
//! (`fn next_with(&mut self, each: impl FnMut(Item<'_>))`), or loop over a chunk as above.
//!
//! **Visit.** A closure sees every item of a chunk:
//! ```
//! use sse_codec::{Decoder, Item};
//!
//! let (mut decoder, mut bytes) = (Decoder::new(), 0);
//! decoder.visit(b"data: a\n\ndata: b\n\n", |item| {
//!     if let Ok(Item::Event(event)) = item {
//!         bytes += event.data.len();
//!     }
//! });
//! assert_eq!(bytes, 2);
//! ```
//!
//! **Shared.** Events that outlive the chunk, without a copy where they lie whole in it:
//! ```
//! use bytes::Bytes;
//! use sse_codec::{SharedDecoder, SharedItem};
//!
//! let mut decoder = SharedDecoder::new();
//! let mut chunk = Bytes::from_static(b"data: a\n\n");
//! while let Some(item) = decoder.decode(&mut chunk)? {
//!     if let SharedItem::Event(event) = item {
//!         // An event that is kept for long should not keep a chunk of 64 KiB alive.
//!         let kept = event.detach();
//!         assert_eq!(kept.data, "a");
//!     }
//! }
//! # Ok::<(), sse_codec::DecodeError>(())
//! ```
//!
//! **Without an allocator.** The buffers are the limits; `examples/firmware.rs` is a whole device:
//! ```
//! use sse_codec::{Buffers, Item, SliceDecoder};
//!
//! let (mut line, mut event) = ([0; 256], [0; 512]);
//! let (mut event_type, mut last_id, mut id) = ([0; 32], [0; 32], [0; 32]);
//! let mut decoder = SliceDecoder::new(Buffers {
//!     line: &mut line,
//!     event: &mut event,
//!     event_type: &mut event_type,
//!     ids: [&mut last_id, &mut id],
//! });
//! let mut input = &b"data: 21.5\n\n"[..];
//! while let Some(Item::Event(event)) = decoder.decode(&mut input)? {
//!     assert_eq!(event.data, "21.5");
//! }
//! # Ok::<(), sse_codec::DecodeError>(())
//! ```
//!
//! **A reader.**
//! ```
//! # #[cfg(feature = "std")] {
//! use sse_codec::{Items, SharedItem};
//!
//! for item in Items::new(&b"data: a\n\n"[..]) {
//!     match item {
//!         Ok(SharedItem::Event(event)) => assert_eq!(event.data, "a"),
//!         Ok(_) => {}
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! # }
//! ```
//!
//! # Encoding
//! Type and id are checked when they are made, so encoding cannot fail, and nothing can be injected:
//! whatever is set comes out of a decoder as it was, with each CRLF, CR and LF of the data as LF.
//! ```
//! use sse_codec::{EventId, EventType, OutgoingEvent};
//!
//! let event = OutgoingEvent::new()
//!     .event_type(EventType::new("price")?)
//!     .id(EventId::new("8")?)
//!     .data("EUR\n1.09");
//! let mut out = Vec::new(); // or a `BytesMut`; used again, it is never allocated again
//! event.encode_into(&mut out);
//! assert_eq!(out, b"event: price\nid: 8\ndata: EUR\ndata: 1.09\n\n");
//! assert!(EventId::new("8\ndata: forged").is_err());
//! # Ok::<(), sse_codec::InvalidField>(())
//! ```
//! [`OutgoingEvent::encode`] gives a [`Frame`], encoded once and shared by every subscriber;
//! [`OutgoingEvent::data_writer`] lets a value print itself straight into `data` lines, and with the
//! feature `serde_json`, `OutgoingEvent::encode_json_into` does so with its JSON.
//!
//! # Limits
//! | [`Limits`] | Default | What is counted |
//! |---|---|---|
//! | `line` | 1 MiB | the bytes of a line, without its end |
//! | `event` | 4 MiB | the `data`, `event` and `id` lines of an event, each with one byte for its end |
//! | `value` | 16 KiB | one event type, one event ID, as text |
//!
//! They count what the stream says, not what is buffered, so that what comes out cannot depend on the cuts.
//! What passes one loses **one event**, with a [`DecodeError`] that says where it stood; decoding goes on
//! after its blank line, and its id counts like any other, since otherwise each reconnect would ask for the
//! same event again.
//! A decoder takes at most 256 bytes, and what is pending: with the worst that its limits allow, a line, an
//! event and three values (a type, two ids), which the defaults keep below 5 MiB and 64 KiB. While one of its
//! buffers grows, an allocator that has to move it holds the smaller one too.
//!
//! # Where browsers are followed rather than the letter
//! **The last event ID survives [`Decoder::finish`]**, and so a reconnect. By the letter of the
//! standard each stream starts with an empty one, so that the first event without an id after a
//! reconnect would set it to nothing, and the reconnect after that would miss what lies between. Browsers keep
//! it, and so does this crate; a decoder made anew starts without.
//!
//! All else is the letter: one byte order mark is dropped; a line that ends in CR counts at once and an
//! LF after it belongs to it; invalid UTF-8 is U+FFFD for each maximal subpart, over any cut; `retry`
//! takes ASCII digits only; an id with NUL is ignored; what the stream does not end with a blank line is
//! dropped. The tests hold it to 99 vectors, cut at every byte, and to a slow twin that does each step as
//! the standard words it.
//!
//! # Features
//! Each only adds.
//!
//! | Feature | Adds |
//! |---|---|
//! | `std` (default) | [`Items`]; the fastest code for the processor it finds at run time |
//! | `alloc` | all that grows: without it, [`SliceDecoder`] and what it gives are there |
//! | `futures-core` | `EventStream`: items from a `Stream` of chunks |
//! | `tokio-util` | `EventCodec`, for `FramedRead` and `FramedWrite` |
//! | `http-body` | `EventBody`, a response's body; `EventStream::from_body` |
//! | `serde` | [`OwnedEvent`] to and from whatever serde knows |
//! | `serde_json` | values as JSON, straight into `data` lines |

#![no_std]
// All unsafe code is in `scan.rs`, which allows it for itself.
#![deny(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod block;
#[cfg(feature = "http-body")]
mod body;
#[cfg(feature = "alloc")]
mod buffer;
#[cfg(feature = "alloc")]
mod byte_str;
#[cfg(feature = "alloc")]
mod decoder;
#[cfg(feature = "alloc")]
mod encoder;
mod engine;
mod error;
mod event;
mod field;
#[cfg(feature = "alloc")]
mod frame;
#[cfg(feature = "serde_json")]
mod json;
#[cfg(feature = "alloc")]
mod line;
mod memory;
mod name;
mod position;
#[cfg(feature = "std")]
mod read;
mod scan;
#[cfg(feature = "alloc")]
mod shared;
mod slice;
#[cfg(feature = "futures-core")]
mod stream;
#[cfg(feature = "alloc")]
mod text;
pub mod time;
#[cfg(feature = "tokio-util")]
mod tokio_codec;
#[cfg(feature = "alloc")]
mod value;

#[cfg(feature = "http-body")]
pub use crate::body::{BodyChunks, EventBody};
#[cfg(feature = "std")]
pub use crate::read::{Items, ReadError};
#[cfg(feature = "futures-core")]
pub use crate::stream::{EventStream, StreamError};
#[cfg(feature = "tokio-util")]
pub use crate::tokio_codec::EventCodec;
#[cfg(feature = "alloc")]
pub use crate::{
    buffer::{Buffer, DataWriter},
    byte_str::ByteStr,
    decoder::{Decoder, Limits},
    encoder::OutgoingEvent,
    event::OwnedEvent,
    frame::Frame,
    line::{Line, LineTooLong, Lines},
    shared::{SharedDecoder, SharedEvent, SharedItem},
    value::{EventId, EventType},
};
pub use crate::{
    error::{DecodeError, InvalidField, ValueKind},
    event::{DEFAULT_EVENT_TYPE, Event, Item, Span},
    slice::{Buffers, SliceDecoder},
};
