//! What becomes of a subscriber that lags by more than it may.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use crate::{
    config::Overflow,
    cursor::ResetReason,
    event::{HistoryPage, Stored},
    hub::Hub,
    output::{CloseReason, FetchId, SubscriberId},
    subscriber::{Pace, Phase, Replay, Subscriber},
};

impl Hub {
    /// Whether what a subscriber has not read is more than it may leave.
    pub(crate) fn is_overdue(&self, index: u32) -> bool {
        self.subscribers.at(index).is_some_and(|subscriber| {
            let (from, to) = (subscriber.cursor, self.aged.max(subscriber.cursor));
            let exceeds = |lag: &dyn Fn(u64) -> u64| lag(from) - lag(to) > self.config.max_lag;
            matches!(subscriber.phase, Phase::Live)
                && subscriber.pace == Pace::Live
                // Most are ruled out without a search.
                && exceeds(&|after| self.log.lag_of_all(after))
                && exceeds(&|after| self.lag(subscriber, after))
        })
    }

    /// Whether one that was at the head before the window overtook it has too much to read: more
    /// than it may leave, or than a page takes. To have been overtaken is no fault alone, since
    /// events of other topics fill the window as well.
    pub(crate) fn is_left_behind(&self, subscriber: &Subscriber, page: &HistoryPage) -> bool {
        let aged = subscriber.cursor + 1..=self.aged;
        let old = page.entries.iter().filter(|entry| aged.contains(&entry.offset));
        let old: u64 = old.map(|entry| entry.frame.len() as u64).sum();
        let upto = page.upto.min(self.aged);
        let beyond = self.lag(subscriber, upto) - self.lag(subscriber, self.aged);
        // Pages are smaller while there are many.
        let is_full = (page.cost() as u64 + beyond) * 2 >= self.config.page as u64;
        let is_cut_short = page.upto < page.head.offset() && page.upto <= self.aged;
        old + beyond > self.config.max_lag || (is_cut_short && is_full)
    }

    /// Cuts a subscriber, or makes it skip.
    pub(crate) fn overflow(&mut self, id: SubscriberId) {
        match self.config.overflow {
            Overflow::Cut => {
                if self.end(id, CloseReason::Slow) {
                    self.counters.cut_for_lag += 1;
                }
            }
            Overflow::SkipToLatest => self.skip_to_latest(id),
            Overflow::DropOldest => self.drop_oldest(id),
        }
    }

    /// Bytes of a subscriber's topics past an offset.
    fn lag(&self, subscriber: &Subscriber, after: u64) -> u64 {
        let lag: u64 = self.numbers(subscriber).map(|number| self.log.lag(number, after)).sum();
        // An event of several of its topics was counted for each.
        lag.min(self.log.lag_of_all(after))
    }

    fn drop_oldest(&mut self, id: SubscriberId) {
        let Some(subscriber) = self.subscribers.get(id) else { return };
        // The first place in the window from which no more than the limit is left.
        let trimmed = self.numbers(subscriber).map(|number| self.log.trimmed(number)).max();
        let (mut low, mut high) = (subscriber.cursor, self.log.head().offset());
        if let Some(trimmed) = trimmed.filter(|&trimmed| trimmed > low) {
            // At the edge of the window the next event would overtake it again.
            low = trimmed.max(high - self.log.len() as u64 / 2);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.lag(subscriber, middle) > self.config.max_lag {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.skip(id, low);
    }

    /// Gives a subscriber a page of its own with the newest event of each of its topics. The page
    /// counts as read history, so nothing else is different for it.
    fn skip_to_latest(&mut self, id: SubscriberId) {
        let Some(subscriber) = self.subscribers.get(id) else { return };
        let head = self.log.head();
        let latest = |number| self.log.latest_after(number, subscriber.cursor);
        let mut offsets: Vec<_> = self.numbers(subscriber).filter_map(latest).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let mut room = self.config.page;
        let mut entries = Vec::with_capacity(offsets.len());
        // The newest first, as far as there is room: a slow one must not hold much.
        for offset in offsets.into_iter().rev() {
            let Some(frame) = self.log.frame(offset) else { break };
            if frame.len() > room && !entries.is_empty() {
                break;
            }
            room = room.saturating_sub(frame.len());
            entries.push(Stored { offset, frame: frame.clone() });
        }
        entries.reverse();
        let first = entries.first().map_or(head.offset(), |first| first.offset - 1);
        let page = HistoryPage { head, trimmed: 0, upto: head.offset(), entries };
        let replay = Replay { fetch: FetchId::NONE, page: Some(Arc::new(page)) };
        self.skip(id, first);
        if let Some(subscriber) = self.subscribers.get_mut(id) {
            subscriber.phase = Phase::Replaying(Box::new(replay));
        }
    }

    fn skip(&mut self, id: SubscriberId, cursor: u64) {
        self.leave_page(id);
        let Some(subscriber) = self.subscribers.get_mut(id) else { return };
        subscriber.phase = Phase::Live;
        subscriber.cursor = cursor;
        // Another reason still stands for more than this one does.
        subscriber.control.reset.get_or_insert(ResetReason::Skipped);
        self.counters.skipped += 1;
    }
}
