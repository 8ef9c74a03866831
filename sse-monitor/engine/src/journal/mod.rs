//! What is kept of a session: a journal of frames, and an index that follows from it.
//!
//! A *journal* is append-only: the bytes of the bodies as they came, a frame a read, with the time and
//! the attempt beside them, and between them the turns of the connection. Each frame carries the CRC
//! of what it holds. An *index entry* of fixed width stands for each row, so that any page is two reads
//! away; IDs stand once each beside it. Index and IDs can be made again from the journal at any time.
//!
//! A *segment* is a journal with its index; a session is a row of segments, of which the oldest can be
//! dropped. Each is in files or in memory; readers cannot tell which.

pub(crate) mod beginnings;
pub(crate) mod blob;
mod drafts;
pub(crate) mod dropped;
pub(crate) mod entry;
pub(crate) mod frame;
pub(crate) mod indexer;
pub(crate) mod indexing;
pub(crate) mod kept;
pub(crate) mod met;
mod pieces;
pub(crate) mod reader;
pub(crate) mod retention;
pub(crate) mod segment;
pub(crate) mod sync;
pub(crate) mod texts;
pub(crate) mod turn;
pub(crate) mod view;
pub(crate) mod walk;
pub(crate) mod writer;

pub(crate) use drafts::counted_as;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod dropped_tests;
#[cfg(test)]
mod folder_tests;
#[cfg(test)]
mod gap_tests;
#[cfg(test)]
mod head_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod stop_tests;
#[cfg(test)]
mod tests;
