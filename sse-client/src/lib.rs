//! EventSource for Rust: open an event stream (`text/event-stream`, Server-Sent Events), and keep it
//! open.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "reqwest")] {
//! use sse_client::EventSource;
//!
//! let mut source = EventSource::builder("http://localhost:8080/events").open()?;
//! while let Some(event) = source.next().await {
//!     let event = event?;
//!     println!("{}: {}", event.event_type(), event.data());
//! }
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//! It asks, checks that the answer is an event stream, gives its events, and when the connection is
//! lost it waits and asks again with the last event ID, so that the server can go on where it
//! stopped. What a browser's `EventSource` cannot do is here too: any method, headers and body; waits
//! that grow, with jitter; `Retry-After`; a limit on attempts; time-outs. [`RetryPolicy`] says which
//! answers and errors are tried again; its two forms are the standard's and a sturdier one, the
//! default.
//!
//! # What it does not
//! It drops nothing that a server sends twice, and invents nothing that a server lost: whether a
//! resume was complete is between the server and the reader. It looks into no data, unless
//! asked to read it as JSON.
//!
//! # Two layers
//! [`session`] is all of the behaviour as a state machine without IO: no clock, no socket, no
//! randomness, no `std`. It runs in firmware and in virtual time, and a driver for any runtime is a
//! page of code (there is one in its documentation, run as a test). The feature `reqwest` brings the
//! driver that most programs want:
//!
//! - `EventSource`, a stream of [`Event`]s in which reconnecting makes no noise;
//! - `Updates`, the stream of everything that happens, for a program that shows its connection:
//!   connecting, redirected, opened, comments, reconnection times, disconnected and for how long.
//!
//! Both read only while they are polled, so that a slow reader slows the server, not the memory
//! down. Neither has a task or a channel of its own behind it. The HTTP client has two tasks for each connection
//! that is open or coming about; dropping a source, or closing it, ends them with the connection.
//!
//! # Errors
//! Every error's `Display` is a sentence that says what is wrong and, where one can do something,
//! what: "nothing listens at 127.0.0.1:9: connection refused; is the server running?". None shows a
//! header's value or a URL's query. What a server says in the body of a refusal is beside the
//! sentence, in [`SessionError::body`](session::SessionError::body). For programs there are types:
//! [`SessionError`] and its [`kind`](session::SessionError::kind).
//!
//! # Limits
//! | what | limit | set by |
//! |---|---|---|
//! | a line | 1 MiB; its event is dropped, with an error | [`Limits::line`] |
//! | an event | 4 MiB; it is dropped, with an error | [`Limits::event`] |
//! | an event type, an event ID | 16 KiB; its event is dropped, with an error | [`Limits::value`] |
//! | bytes read ahead of the reader | one piece of the body, as the HTTP client gives them; over HTTP/2 64 KiB | `HttpClient` |
//! | the time until a connection is there | 30 s | `Builder::client` |
//! | the body of an answer that is no stream | its first 16 KiB are kept, within 2 s | – |
//! | redirects of one attempt | 20 | `Builder::redirects` |
//! | what a server can make it wait | 1 hour; by a `retry` field 100 ms at least | [`RetryPolicy::longest_asked_wait`] |
//!
//! With the feature `gzip` there is one more:
//!
//! | what | limit | set by |
//! |---|---|---|
//! | what a compressed body expands to | 250 bytes for one that came, and 16 MiB beyond that, which grow back within 10 s; then it is over, for good | `Builder::expansion` |
//!
//! The other limits' bytes are those that the stream decompresses to. It is decompressed no further than it
//! is read, 32 KiB at a time, so that a little gzip that is a lot of text never takes memory, and by the
//! limit on it little time. A compressed stream takes some 48 KiB for what gzip must remember.
//!
//! # Types of others
//! What is seen of other crates here is `sse-codec`'s types, `bytes::Bytes`, `http`'s, and, with the
//! driver, reqwest's `ClientBuilder` and `Error`, and `futures_core::Stream`, which a stream must be.
//! With `json`, serde's traits.
//!
//! # Features
//! - `reqwest` (default): the driver, on reqwest and tokio.
//! - `rustls` (default): `https` for it. `native-tls`: the platform's TLS instead. Or neither, where
//!   there is only plain `http`.
//! - `gzip`: asks for streams compressed by gzip, and takes them, as far as `Expansion` allows: each event is
//!   there as soon as the server has flushed it. Without it, or in another coding, a stream that is
//!   compressed unasked ends with an error that says so. reqwest's own features of that kind change nothing:
//!   it counts nothing that it decompresses, so that its part in it is switched off.
//! - `json`: `Event::json`, `On::json` and `Builder::json`, by serde.
//!
//! Without features, only [`session`] and [`Event`] are there, on `core` and `alloc`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "reqwest"))]
extern crate std;

#[cfg(feature = "reqwest")]
mod driver;
mod event;
#[cfg(feature = "json")]
mod json;
pub mod session;

#[cfg(feature = "gzip")]
pub use crate::driver::Expansion;
#[cfg(all(feature = "json", feature = "reqwest"))]
pub use crate::driver::OnJson;
#[cfg(feature = "reqwest")]
pub use crate::driver::{
    BuildError, Builder, Error, EventSource, Head, HttpClient, On, Redirects, Update, Updates,
    UrlMistake, parse_url,
};
#[cfg(feature = "json")]
pub use crate::json::JsonError;
pub use crate::{
    event::Event,
    session::{RetryPolicy, SessionError},
};
/// Methods and headers, of the version that is spoken here.
#[cfg(feature = "reqwest")]
pub use http;
pub use sse_codec::{DecodeError, EventId, InvalidField, Limits, Span};

/// The guides' snippets, compiled and run with the documentation's tests.
#[cfg(all(doctest, feature = "json", feature = "reqwest"))]
mod guides {
    #[doc = include_str!("../../docs/from-reqwest-eventsource.md")]
    struct FromReqwestEventsource;

    #[doc = include_str!("../../docs/from-eventsource-client.md")]
    struct FromEventsourceClient;

    #[doc = include_str!("../../docs/from-eventsource-stream.md")]
    struct FromEventsourceStream;
}
