//! What one asks of a session's rows, live or over: [which](Query) there are, [how many](Facets) of
//! each sort, and [how they came](Statistics).
//!
//! Every question is answered from a [`View`](crate::View), so that none holds the stream up. Those
//! about numbers, times, types, IDs and attempts read the index alone; those about data read the rows'
//! bytes, and where a plain text is asked for, only those of the rows in whose frames it was found.

mod block;
mod diff;
mod facets;
mod filter;
mod filtered;
mod found;
mod ids;
mod json_path;
mod json_test;
mod report;
mod search;
#[cfg(test)]
mod search_tests;
mod statistics;
#[cfg(test)]
mod statistics_tests;
mod steps;
#[cfg(test)]
mod tests;
mod text;

pub use diff::{Diff, Match, diff};
pub use facets::Facets;
pub use filter::{Kind, Query};
pub(crate) use filtered::Source;
pub use filtered::{Filtered, Progress};
pub(crate) use ids::DataSeen;
pub(crate) use json_path::json_in;
pub use json_path::{JsonPath, JsonPathError};
pub use json_test::JsonTest;
pub use report::{AttemptReport, Gaps, Numbering, Report, Stall};
pub use search::{Budget, Hits, Order};
pub use statistics::Statistics;
pub(crate) use statistics::{RESET, Seen};
pub use steps::Steps;
pub(crate) use text::compiled;
pub use text::{RegexError, Text};
