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
//! | [`EventStream`] | a `Stream` of chunks, a response's body | owned items, as a `Stream` | asynchronous clients |
//! | [`EventCodec`] | `AsyncRead`, by `FramedRead` | owned items, as a `Stream` | asynchronous sockets and pipes |
//! | [`Lines`] | `&mut &[u8]` | lines with their places | those who want no more than that |
//!
//! At each door an error is the loss of **one event**, after which the stream goes on. A `?` in the loop would
//! make it the loss of all that follow; hence these loops look at it.
//!
//! **Pull.** The loop is the same for every chunk; `Ok(None)` says that it is used up:
//! ```
//! # #[cfg(feature = "alloc")] {
//! use sse_codec::{Decoder, Item};
//!
//! let mut decoder = Decoder::new();
//! for mut chunk in [&b"id: 7\nevent: pri"[..], b"ce\ndata: 1.08\n", b"\n"] {
//!     loop {
//!         match decoder.decode(&mut chunk) {
//!             Ok(Some(Item::Event(event))) => {
//!                 assert_eq!((event.event_type, event.data, event.last_event_id), ("price", "1.08", "7"));
//!             }
//!             Ok(Some(Item::ReconnectionTime { duration, .. })) => println!("reconnect after {duration:?}"),
//!             Ok(Some(_)) => {}
//!             Ok(None) => break,
//!             Err(dropped) => eprintln!("{dropped}"), // larger than the limits
//!         }
//!     }
//! }
//! # }
//! ```
//! An item borrows the decoder and the chunk until the next call. A function of yours that refills in
//! a loop and *returns* a borrowed item is refused by today's borrow checker; give it a closure instead
//! (`fn next_with(&mut self, each: impl FnMut(Item<'_>))`), or loop over a chunk as above.
//!
//! **Visit.** A closure sees every item of a chunk:
//! ```
//! # #[cfg(feature = "alloc")] {
//! use sse_codec::{Decoder, Item};
//!
//! let (mut decoder, mut bytes) = (Decoder::new(), 0);
//! decoder.visit(b"data: a\n\ndata: b\n\n", |item| match item {
//!     Ok(Item::Event(event)) => bytes += event.data.len(),
//!     Ok(_) => {}
//!     Err(dropped) => eprintln!("{dropped}"),
//! });
//! assert_eq!(bytes, 2);
//! # }
//! ```
//!
//! **Shared.** Events that outlive the chunk, without a copy where they lie whole in it:
//! ```
//! # #[cfg(feature = "alloc")] {
//! use bytes::Bytes;
//! use sse_codec::{SharedDecoder, SharedItem};
//!
//! let mut decoder = SharedDecoder::new();
//! let mut chunk = Bytes::from_static(b"data: a\n\n");
//! loop {
//!     match decoder.decode(&mut chunk) {
//!         Ok(Some(SharedItem::Event(event))) => {
//!             // An event that is kept for long should not keep a chunk of 64 KiB alive.
//!             let kept = event.detach();
//!             assert_eq!(kept.data, "a");
//!         }
//!         Ok(Some(_)) => {}
//!         Ok(None) => break,
//!         Err(dropped) => eprintln!("{dropped}"),
//!     }
//! }
//! # }
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
//! let mut input = &b"retry: 500\ndata: 21.5\n\n"[..];
//! loop {
//!     match decoder.decode(&mut input) {
//!         Ok(Some(Item::Event(event))) => assert_eq!(event.data, "21.5"),
//!         Ok(Some(_)) => {} // the reconnection time
//!         Ok(None) => break,
//!         Err(_dropped) => {} // larger than the buffers
//!     }
//! }
//! ```
//!
//! **A reader.**
//! ```
//! # #[cfg(feature = "std")] {
//! use sse_codec::{Items, ReadError, SharedItem};
//!
//! for item in Items::new(&b"data: a\n\n"[..]) {
//!     match item {
//!         Ok(SharedItem::Event(event)) => assert_eq!(event.data, "a"),
//!         Ok(_) => {}
//!         Err(ReadError::Decode(dropped)) => eprintln!("{dropped}"),
//!         Err(error) => panic!("{error}"),
//!     }
//! }
//! # }
//! ```
//!
//! **A stream of chunks**, with the feature `futures-core`; `EventStream::from_body` takes a response's body,
//! with the feature `http-body`:
//! ```
//! # #[cfg(feature = "futures-core")] {
//! use bytes::Bytes;
//! use futures_util::{StreamExt, stream};
//! use sse_codec::{EventStream, SharedItem, StreamError};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let chunks = ["data: a\n", "\ndata: b\n\n"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
//! let mut items = EventStream::new(stream::iter(chunks));
//! while let Some(item) = items.next().await {
//!     match item {
//!         Ok(SharedItem::Event(event)) => println!("{}", event.data),
//!         Ok(_) => {}
//!         Err(StreamError::Decode(dropped)) => eprintln!("{dropped}"),
//!         Err(error) => return Err(error),
//!     }
//! }
//! # Ok(())
//! # }).unwrap().unwrap();
//! # }
//! ```
//!
//! **A socket of tokio's**, with the feature `tokio-util`:
//! ```
//! # #[cfg(feature = "tokio-util")] {
//! use futures_util::StreamExt;
//! use sse_codec::{EventCodec, SharedItem};
//! use tokio_util::codec::FramedRead;
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let socket = &b"data: a\n\ndata: b\n\n"[..];
//! let mut items = FramedRead::new(socket, EventCodec::new());
//! while let Some(item) = items.next().await {
//!     match item? {
//!         Ok(SharedItem::Event(event)) => println!("{}", event.data),
//!         Ok(_) => {}
//!         Err(dropped) => eprintln!("{dropped}"),
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! # }).unwrap().unwrap();
//! # }
//! ```
//!
//! **Lines**, of a stream that is to be shown or kept as it is:
//! ```
//! # #[cfg(feature = "alloc")] {
//! use sse_codec::Lines;
//!
//! let mut lines = Lines::new();
//! for mut chunk in [&b"data: a\r"[..], b"\n\r\n"] {
//!     loop {
//!         match lines.next_line(&mut chunk) {
//!             Ok(Some(line)) => println!("{}: {:?}", line.span.start, line.bytes),
//!             Ok(None) => break,
//!             Err(skipped) => eprintln!("{skipped}"),
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! # When a stream ends
//! What was incomplete is dropped, as the standard has it. Whether there was anything, so that an answer that was cut
//! can be told from one that is complete, say [`Items`], [`EventStream`] and [`EventCodec`] after their last item:
//! `decoder().pending_event()`. Who feeds a decoder asks [`Decoder::pending_event`] before [`Decoder::finish`]; it
//! counts whole lines, and a line was begun after them if the last byte was neither CR nor LF. A field counts once
//! its name is whole.
//!
//! # Encoding
//! Type and id are checked when they are made, so encoding cannot fail, and nothing can be injected:
//! whatever is set comes out of a decoder as it was, with each CRLF, CR and LF of the data as LF.
//! ```
//! # #[cfg(feature = "alloc")] {
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
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//! What was received is sent on by `OutgoingEvent::try_from(&event)`, by whichever door it came.
//! [`OutgoingEvent::encode`] gives a [`Frame`], encoded once and shared by every subscriber;
//! [`OutgoingEvent::data_writer`] lets a value print itself straight into `data` lines, and with the
//! feature `serde_json`, `OutgoingEvent::encode_json_into` does so with its JSON.
//!
//! **To a socket of tokio's** events and frames go by [`EventCodec`], which is an encoder as well:
//! `FramedWrite::new(socket, EventCodec::new())`. **As a response's body**, with the feature `http-body`:
//! ```
//! # #[cfg(feature = "http-body")] {
//! use core::convert::Infallible;
//! use futures_util::stream;
//! use http_body_util::BodyExt;
//! use sse_codec::{EventBody, OutgoingEvent};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let events = ["a", "b"].map(|data| Ok::<_, Infallible>(OutgoingEvent::new().data(data)));
//! let body = EventBody::new(stream::iter(events)); // any `Stream`, such as a channel's
//! assert_eq!(body.collect().await?.to_bytes(), "data: a\n\ndata: b\n\n");
//! # Ok::<(), Infallible>(())
//! # }).unwrap().unwrap();
//! # }
//! ```
//!
//! # Limits
//! | [`Limits`] | Default | What is counted |
//! |---|---|---|
//! | `line` | 1 MiB | the bytes of a line, without its end: of comments and of unknown fields too |
//! | `event` | 4 MiB | the `data`, `event` and `id` lines of an event, each with one byte for its end |
//! | `value` | 16 KiB | one event type, one event ID, as text |
//!
//! They count what the stream says, not what is buffered, so that what comes out cannot depend on the cuts.
//! Data, types and ids are counted twice: as bytes of the stream, and as the text that they become, since each
//! sequence that is not UTF-8 becomes the three bytes of U+FFFD. A value that swells so may pass its limit although its
//! bytes did not.
//!
//! What passes one loses **one event**, with a [`DecodeError`] that says where it stood; decoding goes on
//! after its blank line, and its id counts like any other, since otherwise each reconnect would ask for the
//! same event again. A line that is too long and stands between two events, be it a comment, costs the event that comes
//! next.
//!
//! A decoder takes at most 256 bytes (a [`SharedDecoder`] 288), and what is pending: with the worst that its limits
//! allow, a line, an event and three values (a type, two ids), which the defaults keep below 5 MiB and 64 KiB. While
//! one of its buffers grows, an allocator that has to move it holds the smaller one too. A buffer is kept for the
//! next line or event; what is over 64 KiB of it is given back by [`Decoder::finish`], and by halves wherever a chunk
//! ends between two events and little of it was used.
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
//! | `futures-core` | [`EventStream`]: items from a `Stream` of chunks |
//! | `tokio-util` | [`EventCodec`], for `FramedRead` and `FramedWrite` |
//! | `http-body` | [`EventBody`], a response's body; `EventStream::from_body` |
//! | `serde` | [`OwnedEvent`] and `ByteStr` to and from whatever serde knows; `SharedEvent` as an `OwnedEvent` |
//! | `serde_json` | values as JSON, straight into `data` lines |
//!
//! Line ends are looked for in the processor's vector registers, whether or not there is `std`: SSE2 on x86-64 (AVX2 where
//! `std` finds it at run time), NEON on 64-bit ARM, and eight bytes at a time in an ordinary register elsewhere.
//!
// What a feature adds is not there to link to without it: then the link leads to the features.
#![cfg_attr(not(feature = "std"), doc = " [`Items`]: #features")]
#![cfg_attr(not(feature = "futures-core"), doc = " [`EventStream`]: #features")]
#![cfg_attr(not(feature = "tokio-util"), doc = " [`EventCodec`]: #features")]
#![cfg_attr(not(feature = "http-body"), doc = " [`EventBody`]: #features")]
// Without an allocator that is most of what the pages link to.
#![cfg_attr(not(feature = "alloc"), allow(rustdoc::broken_intra_doc_links))]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
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
#[cfg(any(feature = "std", feature = "futures-core"))]
mod ending;
mod engine;
mod error;
mod event;
mod field;
#[cfg(feature = "alloc")]
mod forward;
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
