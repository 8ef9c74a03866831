//! EventSource for Rust.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "reqwest"))]
extern crate std;

#[cfg(feature = "reqwest")]
mod driver;
mod event;
pub mod session;

#[cfg(feature = "reqwest")]
pub use crate::driver::{
    BuildError, Builder, Error, EventSource, Head, Update, Updates, UrlMistake,
};
pub use crate::{event::Event, session::RetryPolicy};
pub use sse_codec::{DecodeError, EventId, InvalidField, Limits, Span};
