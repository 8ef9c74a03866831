//! What is counted while it runs, by all connections together.

use alloc::{collections::BTreeMap, sync::Arc};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use sse_monitor_engine::{
    Failure,
    query::{JsonPath, Numbering},
};
use tokio::sync::Notify;

use super::{
    stamp::{self, Mark, micros},
    trail::{Ids, Number, Told, Trails},
};
use crate::exit::Exit;

/// Failures beyond so many sorts are counted together.
const MOST_SORTS: usize = 20;

/// An hour: whatever took longer is counted as that.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// By what events are recognised.
#[derive(Debug)]
pub(super) struct Marks {
    /// Events of this run's own.
    pub(super) own: Option<Mark>,
    /// Where the data says when it was sent.
    pub(super) timestamp: Option<JsonPath>,
}

/// Shared by all connections.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) marks: Marks,
    counts: Mutex<Counts>,
    one_is_further: Notify,
}

#[derive(Debug)]
pub(super) struct Counts {
    /// Connections whose first attempt opened, or failed.
    tried: u64,
    /// Connections that try no more.
    over: u64,
    pub(super) open: u64,
    /// Connections that were open at least once.
    pub(super) opened: u64,
    /// Connections that failed at first, and were not open since.
    pub(super) failed: u64,
    /// Connections whose stream came to its end, where that is the end.
    pub(super) ended: u64,
    /// Those of them that the server told so, by status 204.
    pub(super) told_to_stop: u64,
    pub(super) cut: u64,
    pub(super) resumed: u64,
    pub(super) events: u64,
    pub(super) data_bytes: u64,
    pub(super) bytes: u64,
    pub(super) dropped: u64,
    pub(super) open_time: Histogram<u64>,
    pub(super) first_event: Histogram<u64>,
    pub(super) delivery: Histogram<u64>,
    /// Events that were sent in the future, by their own word.
    pub(super) from_the_future: u64,
    pub(super) ids: Ids,
    pub(super) has_ids: bool,
    pub(super) told: Told,
    /// What the numbers in IDs tell.
    pub(super) numbering: Numbering,
    pub(super) published: u64,
    /// For how long that went on, the answers included; what is on its way then is only waited for.
    pub(super) published_for: Option<Duration>,
    /// Events that had come by its end.
    pub(super) events_by_then: u64,
    pub(super) publish_failed: u64,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) worst: Exit,
}

impl Tally {
    pub(super) fn new(marks: Marks) -> Arc<Self> {
        let histogram = || {
            // Three digits, and a table of its size a histogram: it cannot be refused.
            Histogram::new_with_bounds(1, LONGEST_MICROS, 3).unwrap_or_else(|_| unreachable!())
        };
        Arc::new(Self {
            marks,
            one_is_further: Notify::new(),
            counts: Mutex::new(Counts {
                tried: 0,
                over: 0,
                open: 0,
                opened: 0,
                failed: 0,
                ended: 0,
                told_to_stop: 0,
                cut: 0,
                resumed: 0,
                events: 0,
                data_bytes: 0,
                bytes: 0,
                dropped: 0,
                open_time: histogram(),
                first_event: histogram(),
                delivery: histogram(),
                from_the_future: 0,
                ids: Ids::default(),
                has_ids: false,
                told: Told::default(),
                numbering: Numbering::NoIds,
                published: 0,
                published_for: None,
                events_by_then: 0,
                publish_failed: 0,
                failures: BTreeMap::new(),
                worst: Exit::Done,
            }),
        })
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole at any time.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first attempt of a connection opened, or failed.
    pub(super) fn tried(&self) {
        self.counts().tried += 1;
        self.one_is_further.notify_one();
    }

    /// A connection tries no more.
    pub(super) fn over(&self) {
        self.counts().over += 1;
        self.one_is_further.notify_one();
    }

    /// Waits until so many connections were tried; those that try again are not waited for.
    pub(super) async fn until_tried(&self, connections: u64) {
        while self.counts().tried < connections {
            self.one_is_further.notified().await;
        }
    }

    /// Waits until so many connections try no more. Not while somebody waits for them to be tried.
    pub(super) async fn until_over(&self, connections: u64) {
        while self.counts().over < connections {
            self.one_is_further.notified().await;
        }
    }
}

impl Counts {
    /// A failure, whatever it stopped.
    pub(super) fn failure(&mut self, failure: &Failure) {
        self.worst = self.worst.max(failure.fault.into());
        let is_new = !self.failures.contains_key(&failure.sentence);
        let sentence = if is_new && self.failures.len() >= MOST_SORTS {
            "other failures"
        } else {
            &failure.sentence
        };
        *self.failures.entry(sentence.to_owned()).or_default() += 1;
    }

    /// An event of a connection; `now` is the time since the run began.
    pub(super) fn event(
        &mut self,
        marks: &Marks,
        trail: &mut Trails,
        data: &str,
        id: Option<&str>,
        now: Duration,
    ) {
        self.events += 1;
        self.data_bytes += data.len() as u64;
        if let Some(own) = &marks.own {
            if let Some((number, sent)) = own.read(data) {
                trail.saw(Number::OneByOne(number));
                self.delivery.saturating_record(micros(now.saturating_sub(sent)).max(1));
            }
            return;
        }
        if let Some(id) = id {
            self.has_ids = true;
            if let Some(number) = self.ids.number(id) {
                trail.saw(number);
            }
        }
        match marks.timestamp.as_ref().and_then(|path| stamp::age(path, data)) {
            Some(Ok(age)) => self.delivery.saturating_record(micros(age).max(1)),
            Some(Err(_)) => self.from_the_future += 1,
            None => {}
        }
    }
}
