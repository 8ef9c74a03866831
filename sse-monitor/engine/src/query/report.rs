//! What statistics say.

use alloc::collections::VecDeque;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::{journal::turn::Phases, state::Fault};

/// What there is to say. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Whether nobody knows when its events came ([`Origin::untimed`](crate::Origin::untimed)): there are no gaps,
    /// stalls and seconds then, nor a time up to the first event.
    #[serde(default)]
    pub untimed: bool,
    /// Events.
    pub events: u64,
    /// Comments, those that passed a limit included.
    pub comments: u64,
    /// Events that were dropped since they passed a limit.
    pub decode_errors: u64,
    /// Events whose end did not come, since the connection ended within them: they are not among the events.
    #[serde(default)]
    pub unfinished: u64,
    /// Rows that are damaged, of which nothing more can be said.
    pub damaged: u64,
    /// Bytes of the events' data.
    pub data_bytes: u64,
    /// Bytes of the bodies, without transfer and content coding.
    #[serde(default)]
    pub body_bytes: u64,
    /// Bytes that came over the wire for them: fewer where they were compressed.
    #[serde(default)]
    pub wire_bytes: u64,
    /// From the session's beginning to its end, or to the latest row of one that did not come to its end; as told by
    /// [`Watch::report`](crate::Watch::report) of one that goes on, to now.
    pub duration_micros: u64,
    /// Events a second, over [that time](Self::duration_micros): on average, silences included. Where the oldest rows
    /// were dropped before they were counted, from the oldest that is there on.
    pub rate: f64,
    /// The most events in a second.
    pub peak_rate: u64,
    /// Between one event and the next of the same attempt.
    pub gaps: Gaps,
    /// How often an open stream was silent for longer than was asked.
    pub stalls: u64,
    /// The latest of them.
    pub latest_stalls: VecDeque<Stall>,
    /// How long the stream that is open now has been silent, as told by
    /// [`Watch::report`](crate::Watch::report); `None` where none is open, and of a recording.
    pub silent_micros: Option<u64>,
    /// Events whose ID came before, or was sent as the one to go on after; not those of a server that counts anew, as
    /// three numbers in a row say that came in another attempt with other data, nor such IDs without a number.
    pub repeated: u64,
    /// Events whose IDs say that they did not come; `None` where IDs do not [tell](Self::numbering).
    pub missed: Option<u64>,
    /// The same where the numbers began anew, without what was lost then.
    pub missed_at_least: u64,
    /// Numbers that IDs left out, and that did not come late: events only where IDs count one by one.
    #[serde(default)]
    pub skipped: u64,
    /// What the numbers in IDs tell.
    pub numbering: Numbering,
    /// Events `reset`, by which a hub as sse-server says that events were lost.
    pub resets: u64,
    /// Events that are new, and whose IDs are smaller than the largest so far; not where the server began to count anew.
    pub out_of_order: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// The latest of them.
    pub latest_attempts: VecDeque<AttemptReport>,
    /// Events in each of the latest seconds in which any came: seconds since the beginning, events.
    pub latest_seconds: VecDeque<(u64, u64)>,
}

impl Report {
    /// The same at this time, up to which nothing else came. What is counted began at `began`.
    #[must_use]
    pub(crate) fn lasting(mut self, micros: u64, began: u64) -> Self {
        self.duration_micros = self.duration_micros.max(micros);
        self.rate = average(self.events, self.duration_micros.saturating_sub(began));
        self
    }

    /// Leaves out the older half of what its lists tell one by one; false once they are empty.
    pub(crate) fn shorten(&mut self) -> bool {
        let Self { latest_attempts, latest_stalls, latest_seconds, .. } = self;
        let counts = [latest_attempts.len(), latest_stalls.len(), latest_seconds.len()];
        latest_attempts.drain(..counts[0].div_ceil(2));
        latest_stalls.drain(..counts[1].div_ceil(2));
        latest_seconds.drain(..counts[2].div_ceil(2));
        counts.iter().any(|count| *count > 0)
    }

    /// The same of what does not tell when events came.
    #[must_use]
    pub(crate) fn untimed(self) -> Self {
        let without = |mut attempt: AttemptReport| {
            (attempt.first_byte_micros, attempt.first_event_micros) = (None, None);
            attempt
        };
        Self {
            untimed: true,
            peak_rate: 0,
            gaps: Gaps::default(),
            stalls: 0,
            latest_stalls: VecDeque::new(),
            latest_seconds: VecDeque::new(),
            latest_attempts: self.latest_attempts.into_iter().map(without).collect(),
            ..self
        }
    }

    /// The same without its lists: as much as is wanted each time a window is drawn.
    #[must_use]
    pub fn brief(&self) -> Self {
        let Self { events, comments, decode_errors, damaged, data_bytes, duration_micros, .. } =
            *self;
        let Self { body_bytes, wire_bytes, unfinished, .. } = *self;
        let Self {
            rate, peak_rate, gaps, stalls, repeated, missed, out_of_order, attempts, ..
        } = *self;
        let Self { missed_at_least, skipped, numbering, resets, untimed, .. } = *self;
        Self {
            untimed,
            events,
            comments,
            decode_errors,
            unfinished,
            damaged,
            data_bytes,
            body_bytes,
            wire_bytes,
            duration_micros,
            rate,
            peak_rate,
            gaps,
            stalls,
            repeated,
            missed,
            missed_at_least,
            skipped,
            numbering,
            resets,
            out_of_order,
            attempts,
            ..Self::default()
        }
    }
}

/// So many events a second.
pub(super) fn average(events: u64, micros: u64) -> f64 {
    if micros == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate is read in a few digits")]
    let rate = events as f64 / (micros as f64 / 1e6);
    rate
}

/// What the numbers that IDs end in tell about events that did not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Numbering {
    /// Nothing: no event has an ID.
    #[default]
    NoIds,
    /// Nothing yet: fewer than nine events have one that goes on from the one before.
    TooFew,
    /// Nothing: they do not count one by one, as where one reads some topics of many.
    NotOneByOne,
    /// What was left out, if they count one by one: most leave none out, and more than some do.
    MostlyOneByOne,
    /// What was left out but for that: the server began to count anew, as it does after a restart, and what it had
    /// not sent before nobody can tell.
    Anew,
    /// What was left out.
    OneByOne,
}

/// Times between events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Gaps {
    /// How many there are.
    pub count: u64,
    /// Half are no longer than this.
    pub p50_micros: u64,
    /// 95 of 100 are no longer than this.
    pub p95_micros: u64,
    /// 99 of 100 are no longer than this.
    pub p99_micros: u64,
    /// The longest.
    pub max_micros: u64,
}

impl Gaps {
    /// The histogram knows times in a few digits, and the longest is told exactly.
    pub(super) fn of(times: &Histogram<u64>, longest: u64) -> Self {
        if times.is_empty() {
            return Self::default();
        }
        let at = |quantile| times.value_at_quantile(quantile).min(longest);
        Self {
            count: times.len(),
            p50_micros: at(0.5),
            p95_micros: at(0.95),
            p99_micros: at(0.99),
            max_micros: longest,
        }
    }
}

/// An open stream was silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stall {
    /// From when on, since the session began.
    pub from_micros: u64,
    /// For how long.
    pub micros: u64,
    /// The row that ended it, which may tell that the connection was lost.
    pub row: u64,
}

/// One attempt to connect, and what it brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttemptReport {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it began, since the session did; where its beginning is not there, when what is there of it does.
    pub began_micros: u64,
    /// The last event ID that it sent.
    pub id_sent: String,
    /// The status of the response, if one came.
    pub status: Option<u16>,
    /// How long each step of connecting took.
    pub phases: Option<Phases>,
    /// From its beginning to the response's head; `None` also where its beginning is not there.
    pub first_byte_micros: Option<u64>,
    /// From its beginning to the first event; `None` also where its beginning is not there.
    pub first_event_micros: Option<u64>,
    /// Bytes of the body, without transfer and content coding.
    #[serde(default)]
    pub body_bytes: u64,
    /// Bytes that came over the wire for it.
    #[serde(default)]
    pub wire_bytes: u64,
    /// Events.
    pub events: u64,
    /// Of these, what had come before.
    pub repeated: u64,
    /// Numbers that IDs left out, those that came late too: events only where IDs count one by one.
    pub skipped: u64,
    /// Events that are new, and whose IDs are smaller than the largest so far.
    pub out_of_order: u64,
    /// When it ended, since the session began.
    pub ended_micros: Option<u64>,
    /// Why it ended.
    pub ended: Option<String>,
    /// The sort of failure.
    pub fault: Option<Fault>,
}
