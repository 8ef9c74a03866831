//! Events that a recording does not have, since they passed a limit when it was made.

use sse_monitor_engine::{
    Passed,
    query::{Budget, Kind, Order, Query},
    recording::Recording,
};

use crate::words::counted;

/// Rows looked for at a time.
const PAGE: usize = 512;

/// How many there are, by the limit that they passed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TooLarge {
    lines: u64,
    events: u64,
    values: u64,
}

impl TooLarge {
    pub(crate) fn of(recording: &Recording, attempt: Option<u32>) -> Self {
        let mut found = Self::default();
        if recording.totals().decode_errors == 0 {
            return found;
        }
        let view = recording.view();
        let mut query = Query::new().kind(Kind::DecodeError);
        if let Some(attempt) = attempt {
            query = query.attempts(attempt..=attempt);
        }
        let mut next = Some(0);
        while let Some(from) = next {
            let hits = view.find(&query, from, Order::Forward, Budget::hits(PAGE));
            for number in hits.numbers {
                match view.passed(number) {
                    Some(Passed::Line) => found.lines += 1,
                    Some(Passed::Event) => found.events += 1,
                    Some(Passed::Value) => found.values += 1,
                    // A comment is no event.
                    Some(_) | None => {}
                }
            }
            next = hits.next;
        }
        found
    }

    /// That they were dropped, as a sentence; `None` where there are none.
    pub(crate) fn told(self) -> Option<String> {
        let events = self.lines + self.events + self.values;
        (events > 0).then(|| format!("dropped as too large: {}", counted(events, "event")))
    }

    /// What lets them through, for the end of a sentence.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self { lines: 0, events: 0, .. } => "",
            Self { events: 0, .. } => "; --max-line raises the limit",
            Self { lines: 0, .. } => "; --max-event raises the limit",
            _ => "; --max-line and --max-event raise the limits",
        }
    }
}
