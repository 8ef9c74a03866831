//! A session, its reader, and what the reader must have seen by now.

use alloc::{collections::BTreeSet, string::String};

use sse_client::session::{Output, Session};
use sse_codec::time::Instant;
use sse_server_core::Cursor;

use crate::world::Journal;

pub(crate) struct Client {
    pub(crate) session: Session,
    /// Numbers of the topics.
    pub(crate) topics: Vec<usize>,
    /// The connection of the latest attempt.
    pub(crate) wire: Option<usize>,
    /// The connections, old ones too, that have something for it.
    pub(crate) arrived: BTreeSet<usize>,
    /// The reader does nothing until then.
    pub(crate) away_until: Instant,
    pub(crate) is_closed: bool,
    /// Up to where it has seen all, as its events told; `None` before its first `connected`.
    seen: Option<Cursor>,
}

/// What the world does for a client.
pub(crate) enum Wish {
    Connect { attempt: sse_client::session::Attempt, last_event_id: String },
    Abort,
    Event,
    Reset,
    Disconnected,
    Nothing,
}

impl Client {
    pub(crate) fn new(session: Session, topics: Vec<usize>) -> Self {
        Self {
            session,
            topics,
            wire: None,
            arrived: BTreeSet::new(),
            away_until: Instant::ORIGIN,
            is_closed: false,
            seen: None,
        }
    }

    /// Takes the session's next output, and holds it to the promise.
    pub(crate) fn next(&mut self, journal: &Journal) -> Option<Wish> {
        Some(match self.session.poll_output()? {
            Output::Connect { attempt, last_event_id, .. } => {
                Wish::Connect { attempt, last_event_id: last_event_id.into() }
            }
            Output::Abort { .. } => Wish::Abort,
            Output::Event { event, is_repeat, .. } => {
                let at = Cursor::parse(event.last_event_id).expect("an id of the hub");
                match event.event_type {
                    "connected" => {
                        // On a resume it has no id of its own, and must not skip anything.
                        if let Some(seen) = self.seen.filter(|seen| seen.epoch() == at.epoch()) {
                            let lost = journal.first_after(seen, &self.topics);
                            assert!(
                                lost.is_none_or(|(offset, _)| offset > at.offset()),
                                "{seen} to {at} skips {lost:?} in silence"
                            );
                        }
                        assert!(self.seen.is_none_or(|seen| seen.epoch() == at.epoch()));
                        self.seen.get_or_insert(at);
                        Wish::Nothing
                    }
                    "reset" => {
                        if let Some(seen) = self.seen.filter(|seen| seen.epoch() == at.epoch()) {
                            let lost = journal.first_after(seen, &self.topics);
                            assert!(
                                lost.is_some_and(|(offset, _)| offset <= at.offset()),
                                "told of a gap from {seen} to {at} where there is none: {lost:?}"
                            );
                        }
                        self.seen = Some(at);
                        Wish::Reset
                    }
                    _ => {
                        let seen = self.seen.expect("connected comes first");
                        let due = journal.first_after(seen, &self.topics);
                        let due = due.map(|(offset, data)| (offset, data.as_str()));
                        assert_eq!(due, Some((at.offset(), event.data)), "after {seen} came {at}");
                        assert_eq!(at.epoch(), seen.epoch(), "another epoch without a reset");
                        assert!(!is_repeat, "{at} was never sent before");
                        self.seen = Some(at);
                        Wish::Event
                    }
                }
            }
            Output::Disconnected { .. } => Wish::Disconnected,
            Output::Closed => {
                self.is_closed = true;
                Wish::Nothing
            }
            Output::Opened { .. }
            | Output::Comment { .. }
            | Output::ReconnectionTime { .. }
            | Output::Dropped(_)
            | _ => Wish::Nothing,
        })
    }

    /// What it still has to see.
    pub(crate) fn misses<'a>(&self, journal: &'a Journal) -> Option<&'a String> {
        let Some(seen) = self.seen else { panic!("it never connected") };
        assert_eq!(seen.epoch(), journal.epoch(), "it was never told of the last epoch");
        journal.first_after(seen, &self.topics).map(|(_, data)| data)
    }
}
