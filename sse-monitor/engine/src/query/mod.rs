//! What one asks of a session's rows, live or over: [which](Query) there are, [how many](Facets) of
//! each sort, and [how they came](Statistics).
//!
//! Every question is answered from a [`View`](crate::View), so that none holds the stream up. Those
//! about numbers, times, types, IDs and attempts read the index alone; those about data read each
//! row's bytes, a frame at a time, and look for a plain text in all of a frame at once.

mod diff;
mod facets;
mod filter;
mod ids;
mod json_path;
mod search;
mod statistics;
#[cfg(test)]
mod tests;
mod text;

pub use diff::{Diff, Match, diff};
pub use facets::Facets;
pub use filter::{Kind, Query};
pub use json_path::{JsonPath, JsonPathError, JsonTest};
pub use search::{Budget, Hits, Order};
pub use statistics::{AttemptReport, Gaps, Report, Stall, Statistics};
pub use text::{RegexError, Text};
