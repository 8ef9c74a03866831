//! Why the door stays shut.

use core::time::Duration;

use super::Whose;

/// Why somebody is not let in, or may not publish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The user has as many streams open as a user may.
    #[error(
        "this user has {max} streams open, the most there may be; close one, or share one between tabs"
    )]
    TooManyForUser {
        /// How many there may be.
        max: usize,
    },
    /// The address has as many streams open as an address may.
    #[error("this address has {max} streams open, the most there may be; close one, or share one")]
    TooManyForAddress {
        /// How many there may be.
        max: usize,
    },
    /// As many topics' presence is watched as may be.
    #[error("the presence of as many topics is watched as may be; try again later")]
    TooManyWatched,
    /// A user or an address watches the presence of as many topics as one may.
    #[error(
        "this {whose} watches the presence of {max} topics, the most there may be; close a stream \
         that watches, or ask for fewer"
    )]
    WatchesTooMany {
        /// Whose limit it is.
        whose: Whose,
        /// How many there may be.
        max: usize,
    },
    /// A user or an address has as many patterns in use as one may.
    #[error(
        "this {whose} has {max} patterns in use, the most there may be; close a stream that has \
         some, or ask for fewer, or for the topics themselves"
    )]
    TooManyPatterns {
        /// Whose limit it is.
        whose: Whose,
        /// How many there may be.
        max: usize,
    },
    /// More patterns in one subscription than a user or an address may have in use: it can never be
    /// opened.
    #[error(
        "the subscription names {count} patterns; {max} is the most that one {whose} may have in use; \
         ask for fewer, or for the topics themselves"
    )]
    AsksForTooManyPatterns {
        /// Whose limit it is.
        whose: Whose,
        /// How many it names.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// More topics watched by one subscription than may be: it can never be opened.
    #[error(
        "the subscription watches the presence of {count} topics; {max} is the most that may be \
         watched at once; ask for fewer"
    )]
    AsksToWatchTooMany {
        /// How many it watches.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// As many groups of patterns that overlap are in use as may be.
    #[error(
        "as many groups of overlapping patterns are in use as may be; ask for patterns that have \
         no topic in common, or try again later"
    )]
    TooManyOverlaps,
    /// There are as many streams as there may be.
    #[error("as many streams are open as there may be; try again later")]
    Full,
    /// Published too much in too short a time.
    #[error("too much was published in too short a time; try again in {} ms", wait.as_millis())]
    TooFast {
        /// How long to wait.
        wait: Duration,
    },
    /// Opened too many streams in too short a time.
    #[error("too many streams were opened in too short a time; try again in {} ms", wait.as_millis())]
    OpenedTooFast {
        /// How long to wait.
        wait: Duration,
    },
    /// More at once than ever can be.
    #[error("{count} events at once are more than the {max} that may be; publish them in parts")]
    BurstTooLarge {
        /// How many there are.
        count: u32,
        /// How many there may be.
        max: u32,
    },
}
