//! What can be refused, each as a sentence for whoever asked.

use core::time::Duration;

use crate::selector::Selector;

/// A name that no topic can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTopic {
    /// No bytes.
    #[error("the topic is empty; name one, such as prices.eur")]
    Empty,
    /// More than [`Topic::MAX_LEN`](crate::Topic::MAX_LEN) bytes.
    #[error("the topic has {len} bytes; 256 is the most")]
    TooLong {
        /// How many it has.
        len: usize,
    },
    /// A dot at either end, or two in a row.
    #[error("the topic has an empty segment; write one dot between names, none at either end")]
    EmptySegment,
    /// A control character, white space or `*`.
    #[error(
        "the topic holds {character:?} at byte {at}; control characters, white space and * are not allowed"
    )]
    #[non_exhaustive]
    Forbidden {
        /// Where, in bytes.
        at: usize,
        /// Which.
        character: char,
    },
    /// A leading `$`.
    #[error("topics that begin with $ are the hub's own; choose another name")]
    Reserved,
    /// A `*` that is neither a whole segment nor, doubled, the last one.
    #[error(
        "* stands for a whole segment and ** for the rest, so that only the last may be **; write prices.* or prices.**"
    )]
    Wildcard,
    /// Of a user whose id cannot stand in one.
    #[error(transparent)]
    User(#[from] InvalidUser),
}

/// An id that no user can have, since it must stand in a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUser {
    /// No bytes.
    #[error("the user's id is empty")]
    Empty,
    /// More than are left of a topic's.
    #[error("the user's id has {len} bytes; {max} is the most")]
    TooLong {
        /// How many it has.
        len: usize,
        /// How many it may.
        max: usize,
    },
    /// A dot at either end, or two in a row.
    #[error("the user's id has a dot at an end, or two in a row; take out what is too much")]
    EmptySegment,
    /// A control character, white space or `*`.
    #[error(
        "the user's id holds {character:?} at byte {at}; control characters, white space and * are not allowed"
    )]
    Forbidden {
        /// Where, in bytes.
        at: usize,
        /// Which.
        character: char,
    },
}

/// A text that cannot be the key of a publish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// No bytes.
    #[error("the key is empty; leave it out, or choose another for each event")]
    Empty,
    /// More than [`PublishKey::MAX_LEN`](crate::PublishKey::MAX_LEN) bytes.
    #[error("the key has {len} bytes; 256 is the most")]
    TooLong {
        /// How many it has.
        len: usize,
    },
    /// A control character.
    #[error("the key holds a control character at byte {at}; take it out")]
    Control {
        /// Where, in bytes.
        at: usize,
    },
}

/// Why a subscription is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// More topics than a subscription may have.
    #[error("the subscription names {count} topics; {max} is the most")]
    #[non_exhaustive]
    TooManyTopics {
        /// How many it names.
        count: usize,
        /// How many it may.
        max: usize,
    },
    /// More patterns than a subscription may have.
    #[error("the subscription names {count} patterns; {max} is the most")]
    #[non_exhaustive]
    TooManyPatterns {
        /// How many it names.
        count: usize,
        /// How many it may.
        max: usize,
    },
    /// Wider than what was granted.
    #[error("{asked} is not among what may be read here; ask for less")]
    #[non_exhaustive]
    Forbidden {
        /// What was asked for.
        asked: Selector,
    },
    /// By a grant that is over.
    #[error("what was granted is over; ask for it anew")]
    Expired,
    /// As many different patterns are in use as the hub indexes.
    #[error("the hub has as many patterns in use as it takes; name topics, or try again later")]
    PatternsFull,
    /// As many subscribers as the hub takes.
    #[error("the hub has as many subscribers as it takes; try again later")]
    Full,
    /// The hub is about to stop.
    #[error("the hub is shutting down; try again in a moment")]
    Draining,
}

/// Why an event is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Nobody it could go to.
    #[error("the event names no topic; name at least one")]
    NoTopic,
    /// More topics than an event may name.
    #[error("the event names {count} topics; {max} is the most")]
    #[non_exhaustive]
    TooManyTopics {
        /// How many it names.
        count: usize,
        /// How many it may.
        max: usize,
    },
    /// An event type by which the hub itself speaks.
    #[error(
        "the event types connected, reset, heartbeat and presence are the hub's own; choose another"
    )]
    ReservedType,
    /// An event type with a control character.
    #[error("the event type holds a control character at byte {at}; take it out")]
    #[non_exhaustive]
    InvalidType {
        /// Where, in bytes.
        at: usize,
    },
    /// Larger than an event may be.
    #[error("the event has {len} bytes; {max} is the most")]
    #[non_exhaustive]
    TooLarge {
        /// Its type and data, in bytes.
        len: usize,
        /// How many there may be.
        max: usize,
    },
    /// As many events wait for the store as may.
    #[error("too many events wait for the store; try again in a moment")]
    Busy,
    /// The hub is about to stop.
    #[error("the hub is shutting down; try again in a moment")]
    Draining,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a store reports when it cannot do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Out of reach. Whether an append took place is not known.
    #[error("the store is out of reach; try again in a moment")]
    Unavailable,
    /// An append whose key belongs to another event. Nothing was published.
    #[error("this key was used for another event; choose a key of its own for each event")]
    KeyReused,
}

/// Settings that cannot work together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// What is kept would not outlast a subscriber that is cut for its lag.
    #[error(
        "{name} of {retention} bytes does not exceed the lag of {lag} bytes at which a slow subscriber is cut; raise the one or lower the other"
    )]
    #[non_exhaustive]
    RetentionBelowLag {
        /// Which: the store's retention, or the hub's window.
        name: &'static str,
        /// How many bytes are kept.
        retention: u64,
        /// At how many a subscriber is cut.
        lag: u64,
    },
    /// What is kept would not hold one event, which would be lost as soon as it was published.
    #[error(
        "{name} of {retention} bytes does not hold the largest event, which takes {event} bytes if it is all line breaks; raise it to that, or lower max_event"
    )]
    #[non_exhaustive]
    RetentionBelowEvent {
        /// Which: the store's retention, or the hub's window.
        name: &'static str,
        /// How many bytes are kept; 0 where no event may be.
        retention: u64,
        /// How many an event may take, its topics included.
        event: u64,
    },
    /// What is kept would not outlast a subscriber that is cut because it reads nothing.
    #[error(
        "{name} of {age:?} does not exceed the {stall:?} after which a subscriber that reads nothing is cut; raise the one or lower the other"
    )]
    #[non_exhaustive]
    RetentionBelowStall {
        /// Which: the store's retention, or the hub's window.
        name: &'static str,
        /// For how long events are kept.
        age: Duration,
        /// After how long a subscriber is cut.
        stall: Duration,
    },
    /// A limit that what another allows could never keep.
    #[error("{name} of {value} is below {other} of {least}; raise the one or lower the other")]
    #[non_exhaustive]
    Below {
        /// Which setting.
        name: &'static str,
        /// What it says.
        value: usize,
        /// What it must not be below.
        other: &'static str,
        /// What that says.
        least: usize,
    },
    /// A limit that lets nothing through.
    #[error("{name} is 0, with which nothing could be done; the least is 1")]
    #[non_exhaustive]
    None {
        /// Which setting.
        name: &'static str,
    },
    /// A time that is too short to be meant.
    #[error("{name} of {value:?} is too short; the least is {least:?}")]
    #[non_exhaustive]
    TooShort {
        /// Which setting.
        name: &'static str,
        /// What it says.
        value: Duration,
        /// What it may say at least.
        least: Duration,
    },
}
