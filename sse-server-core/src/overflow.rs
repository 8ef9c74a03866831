//! What becomes of a subscriber that lags by more than it may.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use crate::{
    config::Overflow,
    cursor::ResetReason,
    event::{HistoryPage, Stored},
    hub::Hub,
    output::{CloseReason, SubscriberId},
    subscriber::{Pace, Phase, Replay, Subscriber},
};

impl Hub {
    /// Whether what a subscriber has not read is more than it may leave, now that an event has come.
    pub(crate) fn is_overdue(&self, index: u32) -> bool {
        self.subscribers.at(index).is_some_and(|subscriber| {
            let (from, to) = (subscriber.cursor, self.aged.max(subscriber.cursor));
            matches!(subscriber.phase, Phase::Live)
                && subscriber.pace == Pace::Live
                // Most are ruled out without a search.
                && self.log.lag_of_all(from) - self.log.lag_of_all(to) > self.config.max_lag
                && self.lags_by_too_much(subscriber, from, to)
        })
    }

    fn lags_by_too_much(&self, subscriber: &Subscriber, after: u64, upto: u64) -> bool {
        let max = self.config.max_lag;
        let (least, most) = self.lag_about(subscriber, after, upto);
        // Between the two one must look at each event: once in a while, not with every one that comes.
        least > max
            || most > max
                && self.log.has_passed(max / 16)
                && self.lag(subscriber, after, upto) > max
    }

    /// Whether one that was at the head before the window overtook it has too much to read: more
    /// than it may leave, or than a page takes. To have been overtaken is no fault alone, since
    /// events of other topics fill the window as well.
    pub(crate) fn is_left_behind(&self, subscriber: &Subscriber, page: &HistoryPage) -> bool {
        let aged = subscriber.cursor + 1..=self.aged;
        let old = page.entries.iter().filter(|entry| aged.contains(&entry.offset));
        let old: u64 = old.map(|entry| entry.frame.len() as u64).sum();
        let is_cut_short = page.upto < page.head.offset() && page.upto <= self.aged;
        let is_too_much = |beyond: u64| {
            // Pages are smaller while there are many.
            let is_full = (page.cost() as u64 + beyond) * 2 >= self.config.page as u64;
            old + beyond > self.config.max_lag || (is_cut_short && is_full)
        };
        let (least, most) = self.lag_about(subscriber, page.upto, self.aged);
        is_too_much(least)
            || is_too_much(most) && is_too_much(self.lag(subscriber, page.upto, self.aged))
    }

    /// Cuts a subscriber, or makes it skip. False where the window has nothing to skip to.
    pub(crate) fn overflow(&mut self, id: SubscriberId) -> bool {
        match self.config.overflow {
            Overflow::Cut => {
                let is_cut = self.end(id, CloseReason::Slow);
                self.counters.cut_for_lag += u64::from(is_cut);
                is_cut
            }
            Overflow::SkipToLatest => self.skip_to_latest(id),
            Overflow::DropOldest => self.drop_oldest(id),
        }
    }

    /// Bytes of a subscriber's topics past a place, up to another.
    fn lag(&self, subscriber: &Subscriber, after: u64, upto: u64) -> u64 {
        self.log.entries_of(self.numbers(subscriber), after, upto).map(|(_, bytes)| bytes).sum()
    }

    /// The same as it is at least and at most, without a look at each event: one of several topics is
    /// counted for each.
    fn lag_about(&self, subscriber: &Subscriber, after: u64, upto: u64) -> (u64, u64) {
        let upto = upto.max(after);
        let lags = self.numbers(subscriber);
        let lags = lags.map(|number| self.log.lag(number, after) - self.log.lag(number, upto));
        lags.fold((0, 0), |(least, most), lag| (lag.max(least), most + lag))
    }

    /// Leaves a subscriber the newest events of the window, as many as it may lag by, less an eighth:
    /// else the next event would have it done again, and it looks at each of them.
    fn drop_oldest(&mut self, id: SubscriberId) -> bool {
        let Some(subscriber) = self.subscribers.get(id) else { return false };
        let trimmed = self.numbers(subscriber).map(|number| self.log.trimmed(number)).max();
        let overtaken = trimmed.filter(|&trimmed| trimmed > subscriber.cursor);
        let (from, head) = (overtaken.unwrap_or(subscriber.cursor), self.log.head().offset());
        let mut lag = 0;
        let newest = self.log.entries_of(self.numbers(subscriber), from, head).rev();
        let newest = newest.take_while(|&(_, bytes)| {
            let is_newest = lag == 0;
            lag += bytes;
            is_newest || lag <= self.config.max_lag - self.config.max_lag / 8
        });
        let mut offsets: Vec<_> = newest.map(|(offset, _)| offset).collect();
        offsets.reverse();
        let Some(&first) = offsets.first() else { return false };
        let page = overtaken.map(|_| {
            let entries = self.entries(offsets.iter().copied());
            let upto = match entries.last() {
                Some(last) if entries.len() < offsets.len() => last.offset,
                Some(_) | None => head,
            };
            (entries, upto)
        });
        self.skip(id, first - 1, page)
    }

    /// Leaves a subscriber the newest event of each of its topics.
    fn skip_to_latest(&mut self, id: SubscriberId) -> bool {
        let Some(subscriber) = self.subscribers.get(id) else { return false };
        let latest = |number| self.log.latest_after(number, subscriber.cursor);
        let mut offsets: Vec<_> = self.numbers(subscriber).filter_map(latest).collect();
        offsets.sort_unstable();
        offsets.dedup();
        // The newest first, as far as there is room.
        let mut entries = self.entries(offsets.into_iter().rev());
        entries.reverse();
        let Some(first) = entries.first() else { return false };
        self.skip(id, first.offset - 1, Some((entries, self.log.head().offset())))
    }

    /// Entries of the window, as many as a page of one's own may have: one at least.
    fn entries(&self, offsets: impl Iterator<Item = u64>) -> Vec<Stored> {
        let mut room = self.fetches.room(&self.config);
        let mut entries = Vec::new();
        for offset in offsets {
            let Some(frame) = self.log.frame(offset) else { break };
            let entry = Stored { offset, frame: frame.clone() };
            if entry.cost() > room && !entries.is_empty() {
                break;
            }
            room = room.saturating_sub(entry.cost());
            entries.push(entry);
        }
        entries
    }

    /// Has a subscriber read on after `cursor`: out of the window, or a page of its own with these
    /// entries, up to a place. The page counts as read history, so nothing else is different for it;
    /// and it is there when it is read, however soon the window overtakes it again.
    fn skip(&mut self, id: SubscriberId, cursor: u64, page: Option<(Vec<Stored>, u64)>) -> bool {
        self.leave_page(id);
        let head = self.log.head();
        let phase = match page {
            Some((mut entries, upto)) => {
                entries.shrink_to_fit();
                let page = HistoryPage { head, trimmed: 0, upto, entries };
                let fetch = self.fetches.open_own(page.cost());
                Phase::Replaying(Box::new(Replay { fetch, page: Some(Arc::new(page)) }))
            }
            None => Phase::Live,
        };
        let Some(subscriber) = self.subscribers.get_mut(id) else { return false };
        subscriber.phase = phase;
        subscriber.cursor = cursor;
        // Another reason still stands for more than this one does.
        subscriber.control.reset.get_or_insert(ResetReason::Skipped);
        self.counters.skipped += 1;
        true
    }
}
