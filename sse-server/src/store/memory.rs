//! The store of one process: what is kept ends with it, and its next life is another epoch.

use alloc::collections::VecDeque;

use sse_codec::time::Instant;
use sse_server_core::{
    Cursor, Draft, Epoch, Keys, Log, Publish, PublishId, Receipt, Retention, StoreError,
};

use super::{Question, Report, Store};

#[derive(Debug)]
pub(crate) struct MemoryStore {
    log: Log,
    keys: Keys,
    reports: VecDeque<Report>,
}

impl MemoryStore {
    pub(crate) fn new(retention: Retention, epoch: Epoch, seed: u64) -> Self {
        let log = Log::new(retention, Cursor::new(epoch, 0), seed);
        Self { log, keys: Keys::new(Retention::KEYS, seed), reports: VecDeque::new() }
    }
}

impl Store for MemoryStore {
    fn head(&self) -> Cursor {
        self.log.head()
    }

    fn check(&mut self, event: &Publish, now: Instant) -> Result<(), StoreError> {
        self.keys.check(event, now)
    }

    fn append(&mut self, id: PublishId, event: Draft, now: Instant) {
        let before = self.keys.find(&event, now).transpose();
        if let Some(before) = before {
            self.reports.push_back(Report::AppendDone(id, before.map(Receipt::repeat)));
            return;
        }
        let head = self.log.head();
        let place = Cursor::new(head.epoch(), head.offset() + 1);
        self.keys.note(&event, place, now);
        let appended = event.place(place);
        self.log.append(&appended, now);
        self.reports.push_back(Report::AppendDone(id, Ok(Receipt::new(place))));
        self.reports.push_back(Report::Appended(appended));
    }

    fn fetch(&mut self, question: Question, now: Instant) {
        let page = self.log.page(&question.selectors, question.after, question.max_bytes, now);
        self.reports.push_back(Report::History(question.fetch, Ok(page)));
    }

    fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }
}
