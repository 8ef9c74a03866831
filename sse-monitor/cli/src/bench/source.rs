//! Events that are published to be measured.

use alloc::sync::Arc;
use core::time::Duration;

use sse_monitor_engine::{Caller, Failure};
use tokio::time::{self, MissedTickBehavior};

use super::{stamp::Mark, tally::Tally};
use crate::publish::{Template, ids, post};

/// No more often than this is published; what is due by then goes together.
const TICK: Duration = Duration::from_millis(5);

/// As many events as a hub takes in one batch.
const MOST_EVENTS: u64 = 1000;

/// What to publish.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) caller: Caller,
    pub(super) template: Template,
    /// Events a second.
    pub(super) rate: u32,
    /// Bytes of data of an event.
    pub(super) size: usize,
}

impl Source {
    /// Publishes for so long, and waits for the last answer: what is not counted as published is not on
    /// its way.
    pub(super) async fn run(mut self, mark: Mark, tally: Arc<Tally>, length: Duration) {
        let each = Duration::from_secs(1) / self.rate;
        let mut ticks = time::interval(each.max(TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let began = time::Instant::now();
        let mut number = 0;
        while began.elapsed() < length {
            ticks.tick().await;
            let due = (began.elapsed().as_secs_f64() * f64::from(self.rate)) as u64 + 1;
            let batch = due.saturating_sub(number).min(MOST_EVENTS);
            if batch == 0 {
                continue;
            }
            let lines: Vec<_> = (number + 1..=number + batch)
                .map(|number| self.template.event_of(&mark.data(number, self.size)))
                .collect();
            let published = ids(post(&mut self.caller, lines.join("\n")).await).await;
            let mut counts = tally.counts();
            counts.published_for = Some(began.elapsed());
            counts.events_by_then = counts.events;
            match published {
                Ok(_) => {
                    number += batch;
                    counts.published = number;
                }
                Err(failure) => {
                    counts.publish_failed += batch;
                    let sentence = format!("publishing: {}", failure.sentence);
                    counts.failure(&Failure { sentence, ..failure });
                }
            }
        }
    }
}
