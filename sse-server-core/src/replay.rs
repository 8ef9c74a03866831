//! From where a subscriber reads: the window, or pages of the store until it lies there.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use sse_codec::time::Instant;

use crate::{
    config::Overflow,
    cursor::{Cursor, Epoch, ResetReason},
    error::StoreError,
    event::HistoryPage,
    hub::Hub,
    output::{CloseReason, FetchId, Output, SubscriberId},
    subscriber::{Pace, Phase, Replay},
};

impl Hub {
    /// Takes the store's answer to [`Output::FetchHistory`].
    pub fn handle_history(
        &mut self,
        fetch: FetchId,
        page: Result<HistoryPage, StoreError>,
        now: Instant,
    ) {
        let page = page.map(|mut page| {
            page.entries.shrink_to_fit();
            Arc::new(page)
        });
        for id in self.fetches.answer(fetch) {
            match &page {
                Ok(page) => self.open_page(id, fetch, page, now),
                Err(_) if self.awaits(id, fetch) => {
                    self.end(id, CloseReason::StoreFailed);
                }
                Err(_) => {}
            }
        }
        self.ask_store();
    }

    /// Lets a subscriber read from the window if that holds all it needs, else from the store.
    pub(crate) fn settle(&mut self, index: u32, now: Instant) {
        self.leave_page(self.subscribers.id(index));
        let Some(subscriber) = self.subscribers.at_mut(index) else { return };
        subscriber.phase = Phase::Live;
        let is_covered = self.is_covered(index);
        if !is_covered {
            self.request_page(index);
        } else if self.config.overflow == Overflow::SkipToLatest && self.is_overdue(index) {
            // While it had a page of the latest, others came.
            self.overflow(self.subscribers.id(index));
        }
        let Some(subscriber) = self.subscribers.at(index) else { return };
        let has_events = self.log.next_after(self.numbers(subscriber), subscriber.cursor).is_some();
        if has_events || subscriber.closing || !subscriber.control.is_empty() {
            self.make_ready(index, now);
        }
    }

    /// Sends a subscriber to the store if the window has overtaken it.
    pub(crate) fn recall(&mut self, id: SubscriberId) {
        let Some(subscriber) = self.subscribers.get(id) else { return };
        if matches!(subscriber.phase, Phase::Live) && !self.is_covered(id.index) {
            self.request_page(id.index);
        }
    }

    /// After the cursor moved: lets go of a page that is read to its end.
    pub(crate) fn turn_page(&mut self, id: SubscriberId, now: Instant) {
        let Some(subscriber) = self.subscribers.get_mut(id) else { return };
        let Phase::Replaying(replay) = &subscriber.phase else { return };
        let Some(page) = &replay.page else { return };
        if page.entries.last().is_none_or(|last| last.offset <= subscriber.cursor) {
            subscriber.cursor = subscriber.cursor.max(page.upto);
            self.settle(id.index, now);
        }
    }

    /// After the log gave up all before its newest event.
    pub(crate) fn begin_anew(&mut self, index: u32, old_epoch: Epoch, now: Instant) {
        let Some(subscriber) = self.subscribers.at_mut(index) else { return };
        if self.log.head().epoch() != old_epoch {
            subscriber.control.reset = Some(ResetReason::Epoch);
            subscriber.cursor = 0;
            subscriber.pace = Pace::FromEarliest;
            self.settle(index, now);
        } else if matches!(subscriber.phase, Phase::Live) {
            // What the hub itself has not heard is no slowness of a subscriber.
            if subscriber.pace == Pace::Live {
                subscriber.pace = Pace::CatchingUp;
            }
            self.settle(index, now);
        }
    }

    pub(crate) fn request_page(&mut self, index: u32) {
        let id = self.subscribers.id(index);
        let Some(subscriber) = self.subscribers.at(index) else { return };
        let mut names: Vec<_> =
            self.numbers(subscriber).map(|number| self.log.name(number)).collect();
        names.sort_unstable();
        let question = (Arc::from(names), self.log.head().epoch(), subscriber.cursor);
        self.leave_page(id);
        let fetch = self.fetches.want(question, id);
        if let Some(subscriber) = self.subscribers.at_mut(index) {
            subscriber.phase = Phase::Replaying(Box::new(Replay { fetch, page: None }));
        }
        self.ask_store();
    }

    /// Gives up a page that a subscriber waits for or reads. Another phase must follow.
    pub(crate) fn leave_page(&mut self, id: SubscriberId) {
        let Some(subscriber) = self.subscribers.get(id) else { return };
        let Phase::Replaying(replay) = &subscriber.phase else { return };
        let fetch = replay.fetch;
        if replay.page.is_none() {
            self.fetches.leave(fetch, id);
        } else if self.fetches.close_page(fetch) {
            self.ask_store();
        }
    }

    fn ask_store(&mut self) {
        while let Some((fetch, question, max_bytes)) = self.fetches.ask(&self.config) {
            let (selectors, epoch, after) = question;
            self.outputs.push_back(Output::FetchHistory {
                fetch,
                selectors: selectors.clone(),
                after: Cursor::new(*epoch, *after),
                max_bytes,
            });
            self.counters.fetches += 1;
        }
    }

    fn open_page(
        &mut self,
        id: SubscriberId,
        fetch: FetchId,
        page: &Arc<HistoryPage>,
        now: Instant,
    ) {
        if !self.awaits(id, fetch) {
            return;
        }
        if page.head.epoch() != self.log.head().epoch() {
            // The store began anew before this hub heard of it; on its return it will have.
            self.end(id, CloseReason::StoreFailed);
            return;
        }
        let Some(subscriber) = self.subscribers.get_mut(id) else { return };
        if subscriber.cursor > page.head.offset() {
            subscriber.control.reset = Some(ResetReason::Future);
            subscriber.cursor = 0;
            subscriber.pace = Pace::FromEarliest;
            self.settle(id.index, now);
            return;
        }
        if page.trimmed > subscriber.cursor {
            if subscriber.pace != Pace::FromEarliest {
                subscriber.control.reset = Some(ResetReason::Trimmed);
            }
            subscriber.cursor = page.trimmed;
        }
        if subscriber.pace == Pace::FromEarliest {
            subscriber.pace = Pace::CatchingUp;
        }
        subscriber.phase = Phase::Replaying(Box::new(Replay { fetch, page: Some(page.clone()) }));
        self.fetches.open_page(fetch, page.cost());
        let is_left_behind = self.subscribers.get(id).is_some_and(|subscriber| {
            subscriber.pace == Pace::Live && self.is_left_behind(subscriber, page)
        });
        if !(is_left_behind && self.overflow(id)) {
            self.turn_page(id, now);
        }
        self.make_ready(id.index, now);
    }

    fn awaits(&self, id: SubscriberId, fetch: FetchId) -> bool {
        self.subscribers.get(id).is_some_and(|subscriber| match &subscriber.phase {
            Phase::Live => false,
            Phase::Replaying(replay) => replay.fetch == fetch && replay.page.is_none(),
        })
    }

    pub(crate) fn is_covered(&self, index: u32) -> bool {
        self.subscribers.at(index).is_some_and(|subscriber| {
            self.numbers(subscriber).all(|number| self.log.covers(number, subscriber.cursor))
        })
    }
}
