//! What goes wrong where connections come in: said, seldom enough to be read, and waited out.

use core::{future::pending, time::Duration};
use std::io;

use tokio::time::{Instant, sleep_until};

/// How seldom one kind of trouble is said.
const SILENCE: Duration = Duration::from_secs(10);

/// After an accept that failed, at first and at most: until then none is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

#[derive(Debug)]
pub(crate) struct Trouble {
    report: fn(&str),
    /// Until when nothing is accepted.
    until: Option<Instant>,
    /// How long that will be after the next failure.
    pause: Duration,
    full: Said,
    crowded: Said,
    failed: Said,
}

/// When something was said last, and how often it has happened since.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    at: Option<Instant>,
    since: u64,
}

impl Said {
    /// It has happened again: how often it has since it was said, if it is time to say so.
    fn again(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        if self.at.is_some_and(|at| now < at + SILENCE) {
            return None;
        }
        self.at = Some(now);
        Some(core::mem::take(&mut self.since))
    }
}

impl Trouble {
    pub(crate) fn new(report: fn(&str)) -> Self {
        let (full, crowded, failed) = Default::default();
        Self { report, until: None, pause: PAUSES[0], full, crowded, failed }
    }

    /// A connection was accepted.
    pub(crate) const fn is_over(&mut self) {
        self.pause = PAUSES[0];
    }

    /// A connection has ended, so that another may be accepted.
    pub(crate) const fn eases(&mut self) {
        self.until = None;
    }

    /// A connection came over the limit, which is named, and was closed.
    pub(crate) fn is_full(&mut self, max: usize, limit: &str) {
        if let Some(times) = self.full.again(Instant::now()) {
            (self.report)(&format!(
                "{max} connections are open, the most there may be ({limit}): \
                 {times} more closed as they came"
            ));
        }
    }

    /// A connection came over the limit of its address, and was closed.
    pub(crate) fn is_crowded(&mut self, max: usize) {
        if let Some(times) = self.crowded.again(Instant::now()) {
            (self.report)(&format!(
                "{max} connections are open of one address, the most there may be \
                 (--connections-per-address): {times} more closed as they came"
            ));
        }
    }

    /// A connection could not be accepted.
    pub(crate) fn accept_failed(&mut self, error: &io::Error) {
        // Of that one connection alone: the peer has gone again.
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        ) {
            return;
        }
        let now = Instant::now();
        self.until = Some(now + self.pause);
        self.pause = PAUSES[1].min(2 * self.pause);
        if let Some(times) = self.failed.again(now) {
            (self.report)(&format!(
                "no connection can be accepted ({times} times since this was last said): {error}; \
                 where a limit is named, raise it (ulimit -n for open files) or hold fewer \
                 connections (--max-connections)"
            ));
        }
    }

    /// Whether nothing is to be accepted for now.
    pub(crate) const fn pauses(&self) -> bool {
        self.until.is_some()
    }

    /// Waits for the end of the pause, if there is one.
    pub(crate) async fn pause(&mut self) {
        match self.until {
            Some(until) => sleep_until(until).await,
            None => pending().await,
        }
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_lasts_is_said_at_times_with_how_often_it_came() {
        let (mut said, start) = (Said::default(), Instant::now());
        assert_eq!(said.again(start), Some(1));
        for millis in [1, 5000, 9999] {
            assert_eq!(said.again(start + Duration::from_millis(millis)), None);
        }
        assert_eq!(said.again(start + SILENCE), Some(4));
        assert_eq!(said.again(start + SILENCE), None);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_until_something_is_accepted_and_end_when_a_connection_does() {
        let mut trouble = Trouble::new(|_| {});
        let error = io::Error::other("no descriptor is left");
        let start = Instant::now();
        for millis in [50, 150, 350, 750, 1550, 2550, 3550] {
            trouble.accept_failed(&error);
            assert!(trouble.pauses());
            trouble.pause().await;
            assert_eq!(start.elapsed(), Duration::from_millis(millis));
        }
        trouble.is_over();
        trouble.accept_failed(&io::ErrorKind::ConnectionAborted.into());
        assert!(!trouble.pauses(), "that was one peer's affair");
        trouble.accept_failed(&error);
        trouble.eases();
        assert!(!trouble.pauses());
    }
}
