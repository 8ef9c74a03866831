//! The driver on real loopback sockets, against an origin that misbehaves on demand.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

extern crate alloc;

mod bad_input;
#[cfg(feature = "gzip")]
mod compressed;
mod failures;
mod faults;
mod http;
mod origin;
mod redirects;
mod streams;
#[cfg(feature = "rustls")]
mod tls;
mod typed;
