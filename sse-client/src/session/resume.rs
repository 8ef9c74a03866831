//! From where a body goes on, and what comes in it for the second time.
//!
//! An event tells the last event ID at its place, not whether the id is its own. After a resume the
//! difference matters: the event that was the last before it may come again, and one without an id
//! may come first. So the decoder begins each body with an id that stands for "none yet in this
//! body", and only the id that was asked for is shown to anyone.

use alloc::{collections::VecDeque, string::String};
use core::hash::BuildHasher;

use foldhash::quality::FixedState;
use sse_codec::{Decoder, EventId};

/// No id so far in this body. A server that sends this very id does no harm: no header could have
/// carried it back. Eight bytes, so that comparing it is comparing a number.
const NONE_YET: &str = "\u{1}no id\u{1}\u{1}";

/// How many ids are remembered, and up to how many ids of a body are compared with them.
/// Enough for a server that begins a little too early, at 1 KiB a session that has ids.
const REMEMBERED: usize = 128;

#[derive(Debug)]
pub(super) struct Resume {
    /// The id that this body was asked to go on from.
    from: String,
    hasher: FixedState,
    /// The latest ids of earlier events, hashed.
    seen: VecDeque<u64>,
    /// The id at the latest event of this body.
    previous: Option<u64>,
    /// How many more ids of this body are compared.
    watching: usize,
}

impl Resume {
    pub(super) fn new(last_event_id: &str, seed: u64) -> Self {
        let mut resume = Self {
            from: String::new(),
            hasher: FixedState::with_seed(seed),
            seen: VecDeque::new(),
            previous: None,
            watching: 0,
        };
        if !last_event_id.is_empty() {
            resume.seen.push_back(resume.hasher.hash_one(last_event_id));
        }
        resume
    }

    /// Another body begins.
    pub(super) fn begin(&mut self, decoder: &mut Decoder) {
        // Each body is decoded from its own beginning; the last event ID is kept.
        decoder.finish();
        let last = decoder.last_event_id();
        if last != NONE_YET {
            self.from.clear();
            self.from.push_str(last);
        }
        if let Ok(none_yet) = EventId::new(NONE_YET) {
            decoder.set_last_event_id(&none_yet);
        }
        self.previous = None;
        self.watching = if self.seen.is_empty() { 0 } else { REMEMBERED };
    }

    /// The last event ID that the decoder's stands for.
    #[inline]
    pub(super) fn id<'a>(&'a self, of_decoder: &'a str) -> &'a str {
        if of_decoder == NONE_YET { &self.from } else { of_decoder }
    }

    /// Takes note of the decoder's last event ID at an event. Returns the one that it stands for, and
    /// whether it is the event's own and has come before.
    #[inline]
    pub(super) fn place<'a>(&'a mut self, of_decoder: &'a str) -> (&'a str, bool) {
        if of_decoder == NONE_YET {
            return (&self.from, false);
        }
        let is_repeat = !of_decoder.is_empty() && self.has_come_before(of_decoder);
        (of_decoder, is_repeat)
    }

    fn has_come_before(&mut self, of_decoder: &str) -> bool {
        let id = Some(self.hasher.hash_one(of_decoder));
        // The same as at the event before: most likely this one has none of its own.
        let (Some(id), true) = (id, id != self.previous) else { return false };
        self.previous = Some(id);
        if self.watching > 0 {
            self.watching -= 1;
            if self.seen.contains(&id) {
                return true;
            }
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(id);
        false
    }
}
