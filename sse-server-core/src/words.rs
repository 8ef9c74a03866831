//! Words on presence: the newest of each topic, and who is still to be told of which.

use alloc::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// The words of a hub.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// By the number of a `$presence` topic. With each, how many there had been when it came.
    newest: BTreeMap<u32, (u64, Bytes)>,
    /// By slot: the topics of which there is a word that it was not told.
    due: BTreeMap<u32, BTreeSet<u32>>,
    count: u64,
}

/// Up to which topic words were written, and how many there had been by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    upto: u32,
    count: u64,
}

impl Words {
    /// Takes the newest word on a topic.
    pub(crate) fn take(&mut self, topic: u32, word: Bytes) {
        self.count += 1;
        self.newest.insert(topic, (self.count, word));
    }

    /// Whether there is a word on a topic.
    pub(crate) fn has(&self, topic: u32) -> bool {
        self.newest.contains_key(&topic)
    }

    /// Has a slot told the newest word on a topic, if there is one.
    pub(crate) fn tell(&mut self, slot: u32, topic: u32) -> bool {
        let is_there = self.has(topic);
        if is_there {
            self.due.entry(slot).or_default().insert(topic);
        }
        is_there
    }

    /// What a slot is to be told, with what confirms it and those before.
    pub(crate) fn due(&self, slot: u32) -> impl Iterator<Item = (&Bytes, Told)> {
        let due = self.due.get(&slot).into_iter().flatten();
        due.filter_map(|&upto| {
            let (_, word) = self.newest.get(&upto)?;
            Some((word, Told { upto, count: self.count }))
        })
    }

    /// Notes what a slot was told. True if there is more, or newer.
    pub(crate) fn confirm(&mut self, slot: u32, told: Told) -> bool {
        let Some(due) = self.due.get_mut(&slot) else { return false };
        due.retain(|&topic| {
            let newest = self.newest.get(&topic);
            newest.is_some_and(|&(count, _)| topic > told.upto || count > told.count)
        });
        let has_more = !due.is_empty();
        if !has_more {
            self.due.remove(&slot);
        }
        has_more
    }

    /// Whoever had a slot is gone.
    pub(crate) fn leave(&mut self, slot: u32) {
        self.due.remove(&slot);
    }

    /// Nobody watches a topic any more. Its number may be another's from now on.
    pub(crate) fn forget(&mut self, topic: u32) {
        self.newest.remove(&topic);
    }
}
