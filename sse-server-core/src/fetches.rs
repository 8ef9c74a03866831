//! Questions to the store that wait for an answer.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    cursor::Epoch,
    output::{FetchId, SubscriberId},
    selector::Selector,
};

/// What is asked: names in order, and the place after which.
///
/// Names and not their numbers: a number is given to another name once nobody subscribes to it,
/// perhaps before the answer is there.
pub(crate) type Question = (Arc<[Selector]>, Epoch, u64);

/// Equal questions are asked once, and so many at a time; the others wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Fetches {
    next: u64,
    by_question: BTreeMap<Question, FetchId>,
    open: BTreeMap<FetchId, Fetch>,
    /// Those not asked yet.
    waiting: BTreeSet<FetchId>,
}

#[derive(Debug)]
struct Fetch {
    question: Question,
    by: BTreeSet<SubscriberId>,
}

impl Fetches {
    /// Enters that a subscriber wants to know.
    pub(crate) fn want(&mut self, question: Question, by: SubscriberId) -> FetchId {
        let fetch = *self.by_question.entry(question.clone()).or_insert_with(|| {
            let fetch = FetchId(self.next);
            self.next += 1;
            self.open.insert(fetch, Fetch { question, by: BTreeSet::new() });
            self.waiting.insert(fetch);
            fetch
        });
        if let Some(open) = self.open.get_mut(&fetch) {
            open.by.insert(by);
        }
        fetch
    }

    /// The next to be asked, if there are fewer than `max` without an answer.
    pub(crate) fn ask(&mut self, max: usize) -> Option<(FetchId, &Question)> {
        if self.open.len() - self.waiting.len() >= max {
            return None;
        }
        let fetch = self.waiting.pop_first()?;
        self.open.get(&fetch).map(|open| (fetch, &open.question))
    }

    /// Takes an answer, and gives those who waited for it.
    pub(crate) fn answer(&mut self, fetch: FetchId) -> BTreeSet<SubscriberId> {
        if self.waiting.contains(&fetch) {
            return BTreeSet::new();
        }
        let Some(open) = self.open.remove(&fetch) else { return BTreeSet::new() };
        if self.by_question.get(&open.question) == Some(&fetch) {
            self.by_question.remove(&open.question);
        }
        open.by
    }

    /// Enters that a subscriber does not want to know any more. What nobody wants is not asked,
    /// and an answer on its way is for nobody.
    pub(crate) fn leave(&mut self, fetch: FetchId, by: SubscriberId) {
        let Some(open) = self.open.get_mut(&fetch) else { return };
        if !open.by.remove(&by) || !open.by.is_empty() {
            return;
        }
        self.by_question.remove(&open.question);
        if self.waiting.remove(&fetch) {
            self.open.remove(&fetch);
        }
    }
}
