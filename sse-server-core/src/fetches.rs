//! Questions to the store that wait for an answer.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    config::HubConfig,
    cursor::Epoch,
    output::{FetchId, SubscriberId},
    selector::Selector,
};

/// What is asked: names in order, and the place after which.
///
/// Names and not their numbers: a number is given to another name once nobody subscribes to it,
/// perhaps before the answer is there.
pub(crate) type Question = (Arc<[Selector]>, Epoch, u64);

/// Equal questions are asked once, and so many at a time; the others wait for their turn. So they
/// do while the pages that were given for an answer, and those on their way, are as many as may be.
#[derive(Debug, Default)]
pub(crate) struct Fetches {
    next: u64,
    by_question: BTreeMap<Question, FetchId>,
    open: BTreeMap<FetchId, Fetch>,
    /// Those not asked yet.
    waiting: BTreeSet<FetchId>,
    /// How many bytes those that were asked may be answered with.
    expected: usize,
    /// The pages that are read.
    pages: BTreeMap<FetchId, Page>,
    page_bytes: usize,
    /// Those that no store was asked for: given to readers who are slow, so that they must not take
    /// all the room of those who resume.
    own: BTreeMap<FetchId, usize>,
    own_bytes: usize,
}

#[derive(Debug)]
struct Fetch {
    question: Question,
    by: BTreeSet<SubscriberId>,
    /// How many bytes the answer may have, once it was asked.
    max_bytes: usize,
}

#[derive(Debug)]
struct Page {
    bytes: usize,
    readers: usize,
}

/// A smaller page than this is not asked for, so that a page is worth its question.
const LEAST_PAGE: usize = 4096;

/// What part of the room that is left a page may take. The first ones are of full size, and it takes
/// more than a thousand slow readers to leave no room for others.
const SHARE: usize = 256;

impl Fetches {
    /// Enters that a subscriber wants to know.
    pub(crate) fn want(&mut self, question: Question, by: SubscriberId) -> FetchId {
        let fetch = *self.by_question.entry(question.clone()).or_insert_with(|| {
            let fetch = FetchId(self.next);
            self.next += 1;
            self.open.insert(fetch, Fetch { question, by: BTreeSet::new(), max_bytes: 0 });
            self.waiting.insert(fetch);
            fetch
        });
        if let Some(open) = self.open.get_mut(&fetch) {
            open.by.insert(by);
        }
        fetch
    }

    /// The next to be asked and how many bytes its page may have, if there is room for one.
    pub(crate) fn ask(&mut self, config: &HubConfig) -> Option<(FetchId, &Question, usize)> {
        let asked = self.open.len() - self.waiting.len();
        let own = self.own_bytes.min(config.max_page_bytes / 2);
        let taken = self.page_bytes + self.expected;
        let left = config.max_page_bytes.saturating_sub(taken + own);
        let max_bytes = share(left, config);
        // One at least is always asked, whatever the limits.
        if taken > 0 && (asked >= config.max_fetches || left < max_bytes) {
            return None;
        }
        let fetch = self.waiting.pop_first()?;
        let open = self.open.get_mut(&fetch)?;
        open.max_bytes = max_bytes;
        self.expected += max_bytes;
        Some((fetch, &open.question, max_bytes))
    }

    /// Takes an answer, and gives those who waited for it.
    pub(crate) fn answer(&mut self, fetch: FetchId) -> BTreeSet<SubscriberId> {
        if self.waiting.contains(&fetch) {
            return BTreeSet::new();
        }
        let Some(open) = self.open.remove(&fetch) else { return BTreeSet::new() };
        self.expected -= open.max_bytes;
        if self.by_question.get(&open.question) == Some(&fetch) {
            self.by_question.remove(&open.question);
        }
        open.by
    }

    /// Enters that a subscriber reads the page that answered this.
    pub(crate) fn open_page(&mut self, fetch: FetchId, bytes: usize) {
        let page = self.pages.entry(fetch).or_insert_with(|| {
            self.page_bytes += bytes;
            Page { bytes, readers: 0 }
        });
        page.readers += 1;
    }

    /// How many bytes a page may have that no store is asked for.
    pub(crate) fn room(&self, config: &HubConfig) -> usize {
        let left = (config.max_page_bytes / 2).saturating_sub(self.own_bytes);
        share(left, config).min(left)
    }

    /// Enters a page that no store was asked for, with its one reader.
    pub(crate) fn open_own(&mut self, bytes: usize) -> FetchId {
        let fetch = FetchId(self.next);
        self.next += 1;
        self.own.insert(fetch, bytes);
        self.own_bytes += bytes;
        fetch
    }

    /// Enters that one of those who read a page does so no more. Whether it was the last.
    pub(crate) fn close_page(&mut self, fetch: FetchId) -> bool {
        if let Some(bytes) = self.own.remove(&fetch) {
            self.own_bytes -= bytes;
            return true;
        }
        let Some(page) = self.pages.get_mut(&fetch) else { return false };
        page.readers -= 1;
        let is_last = page.readers == 0;
        if is_last {
            self.page_bytes -= page.bytes;
            self.pages.remove(&fetch);
        }
        is_last
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

/// How many bytes of those that are left a page may have.
fn share(left: usize, config: &HubConfig) -> usize {
    (left / SHARE).max(LEAST_PAGE).min(config.page)
}
