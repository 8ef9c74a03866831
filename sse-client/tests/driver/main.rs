//! The driver on real loopback sockets, against an origin that misbehaves on demand.

#![forbid(unsafe_code)]

mod bad_input;
mod failures;
mod origin;
mod redirects;
mod streams;
