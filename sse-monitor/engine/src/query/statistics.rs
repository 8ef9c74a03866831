//! How a session's rows came: rates, gaps, stalls, and what each attempt brought.

use alloc::{collections::VecDeque, sync::Arc};
use core::{ops::ControlFlow, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::ids::Trail;
use crate::{
    journal::{
        entry::{Entry, EntryKind, FLAG_SAME_ID},
        reader::{self, Reader},
        segment::Segment,
        turn::{Phases, Turn},
        view::View,
    },
    row::RowKind,
    state::Fault,
};

/// How many attempts, stalls and seconds are reported one by one; older ones are only counted.
const MOST_REPORTED: usize = 1000;

/// The longest gap that is told apart from longer ones: a day.
const LONGEST_GAP: u64 = 24 * 3600 * 1_000_000;

/// Statistics of a session, live or over: taken from its rows, a view at a time, and no row twice.
///
/// ```no_run
/// # fn example(watch: &sse_monitor_engine::Watch) {
/// use sse_monitor_engine::query::Statistics;
///
/// let mut statistics = Statistics::default();
/// // As often as one likes: each call looks only at what is new.
/// statistics.update(&watch.view());
/// println!("{} events, p99 of the gaps {:?} µs", statistics.report().events, statistics.report().gaps.p99_micros);
/// # }
/// ```
#[derive(Debug)]
pub struct Statistics {
    next_row: u64,
    stall_after: u64,
    report: Report,
    gaps: Histogram<u64>,
    trail: Trail,
    latest: Latest,
    first_event: Option<u64>,
    newest_event: u64,
    skipped: u64,
}

/// The latest row of each sort, by when it came.
#[derive(Debug, Default)]
struct Latest {
    event: Option<u64>,
    /// Of the open stream: when it opened, or its latest row came.
    sign_of_life: Option<u64>,
    attempt_began: u64,
}

/// What there is to say. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Events.
    pub events: u64,
    /// Comments.
    pub comments: u64,
    /// Events that were dropped since they passed a limit.
    pub decode_errors: u64,
    /// Rows that are damaged, of which nothing more can be said.
    pub damaged: u64,
    /// Bytes of the events' data.
    pub data_bytes: u64,
    /// From the session's beginning to the latest row.
    pub duration_micros: u64,
    /// Events a second, from the first to the latest.
    pub rate: f64,
    /// The most events in a second.
    pub peak_rate: u64,
    /// Between one event and the next of the same attempt.
    pub gaps: Gaps,
    /// How often an open stream was silent for longer than was asked.
    pub stalls: u64,
    /// The latest of them.
    pub latest_stalls: VecDeque<Stall>,
    /// Events whose ID came before.
    pub repeated: u64,
    /// Events whose IDs say that they did not come; `None` where IDs do not count one by one.
    pub missed: Option<u64>,
    /// Events whose IDs are smaller than the one before.
    pub out_of_order: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// The latest of them.
    pub latest_attempts: VecDeque<AttemptReport>,
    /// Events in each of the latest seconds in which any came: seconds since the beginning, events.
    pub latest_seconds: VecDeque<(u64, u64)>,
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
    pub(super) fn of(times: &Histogram<u64>) -> Self {
        if times.is_empty() {
            return Self::default();
        }
        let at = |quantile| times.value_at_quantile(quantile);
        Self {
            count: times.len(),
            p50_micros: at(0.5),
            p95_micros: at(0.95),
            p99_micros: at(0.99),
            max_micros: times.max(),
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
    /// The row that ended it.
    pub row: u64,
}

/// One attempt to connect, and what it brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttemptReport {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it began, since the session did.
    pub began_micros: u64,
    /// The last event ID that it sent.
    pub id_sent: String,
    /// The status of the response, if one came.
    pub status: Option<u16>,
    /// How long each step of connecting took.
    pub phases: Option<Phases>,
    /// From its beginning to the response's head.
    pub first_byte_micros: Option<u64>,
    /// From its beginning to the first event.
    pub first_event_micros: Option<u64>,
    /// Events.
    pub events: u64,
    /// Of these, what had come before.
    pub repeated: u64,
    /// Numbers that IDs left out: meant as events missed only where IDs count one by one.
    pub skipped: u64,
    /// Events whose IDs are smaller than the one before.
    pub out_of_order: u64,
    /// When it ended, since the session began.
    pub ended_micros: Option<u64>,
    /// Why it ended.
    pub ended: Option<String>,
    /// The sort of failure.
    pub fault: Option<Fault>,
}

impl Default for Statistics {
    fn default() -> Self {
        Self::new(Self::STALL)
    }
}

impl Statistics {
    /// Twice what most servers leave between two heartbeats.
    pub const STALL: Duration = Duration::from_secs(30);

    /// A silence longer than `stall` is one.
    pub fn new(stall: Duration) -> Self {
        // Three digits tell gaps well enough apart, at some hundred kilobytes.
        let gaps = Histogram::new_with_bounds(1, LONGEST_GAP, 3);
        Self {
            next_row: 0,
            stall_after: u64::try_from(stall.as_micros()).unwrap_or(u64::MAX),
            report: Report::default(),
            // The bounds are constants, and right ones.
            gaps: gaps.unwrap_or_else(|error| unreachable!("{error}")),
            trail: Trail::default(),
            latest: Latest::default(),
            first_event: None,
            newest_event: 0,
            skipped: 0,
        }
    }

    /// Takes in the rows that are new since the last view.
    pub fn update(&mut self, view: &View) {
        let mut reader = Reader::new(view);
        let numbers = self.next_row.max(view.first_row())..view.next_row();
        self.next_row = numbers.end;
        reader::for_entries(view, numbers, |segment, number, entry| {
            match entry {
                Some(entry) => self.row(&mut reader, segment, number, &entry),
                None => self.report.damaged += 1,
            }
            ControlFlow::<()>::Continue(())
        });
        self.report.gaps = Gaps::of(&self.gaps);
        self.report.missed = self.trail.counts_one_by_one().then(|| {
            // What came out of order fills what was left out.
            self.skipped.saturating_sub(self.report.out_of_order)
        });
        self.report.rate = self.rate();
    }

    /// What there is to say of the rows so far.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    fn row(&mut self, reader: &mut Reader<'_>, segment: &Arc<Segment>, number: u64, entry: &Entry) {
        let at = entry.elapsed_micros;
        self.report.duration_micros = self.report.duration_micros.max(at);
        match entry.kind {
            EntryKind::Turn => {
                let turn = reader.raw(segment, entry).ok();
                if let Some(turn) = turn.and_then(|raw| serde_json::from_slice(raw).ok()) {
                    self.turn(turn, entry);
                }
                return;
            }
            EntryKind::Event => {
                let id =
                    if entry.has(FLAG_SAME_ID) { None } else { reader.id(segment, entry).ok() };
                self.event(id, entry);
            }
            EntryKind::Comment => self.report.comments += 1,
            EntryKind::DecodeError => self.report.decode_errors += 1,
            EntryKind::ReconnectionTime => {}
        }
        if let Some(from) = self.latest.sign_of_life.replace(at)
            && at - from.min(at) > self.stall_after
        {
            self.report.stalls += 1;
            let stall = Stall { from_micros: from, micros: at - from, row: number };
            push(&mut self.report.latest_stalls, stall);
        }
    }

    fn event(&mut self, id: Option<&str>, entry: &Entry) {
        let at = entry.elapsed_micros;
        let report = &mut self.report;
        report.events += 1;
        report.data_bytes += u64::from(entry.data_length);
        let told = id.map(|id| self.trail.next(id)).unwrap_or_default();
        report.repeated += u64::from(told.is_repeat);
        report.out_of_order += u64::from(told.is_out_of_order);
        if let Some(attempt) = report.latest_attempts.back_mut() {
            attempt.events += 1;
            attempt.repeated += u64::from(told.is_repeat);
            attempt.out_of_order += u64::from(told.is_out_of_order);
            attempt.skipped += told.skipped;
            let since = at.saturating_sub(self.latest.attempt_began);
            attempt.first_event_micros.get_or_insert(since);
        }
        self.skipped += told.skipped;
        self.first_event.get_or_insert(at);
        self.newest_event = at;
        if let Some(before) = self.latest.event.replace(at) {
            // A gap of nothing is between two events of one read.
            let gap = at.saturating_sub(before).clamp(1, LONGEST_GAP);
            self.gaps.saturating_record(gap);
        }
        let second = at / 1_000_000;
        match report.latest_seconds.back_mut() {
            Some((newest, count)) if *newest == second => *count += 1,
            Some(_) | None => push(&mut report.latest_seconds, (second, 1)),
        }
        let count = report.latest_seconds.back().map_or(0, |(_, count)| *count);
        report.peak_rate = report.peak_rate.max(count);
    }

    fn turn(&mut self, turn: Turn, entry: &Entry) {
        let at = entry.elapsed_micros;
        let attempts = &mut self.report.latest_attempts;
        match turn.kind {
            RowKind::Connecting => {
                self.report.attempts += 1;
                self.latest = Latest { attempt_began: at, ..Latest::default() };
                let attempt = entry.attempt;
                let began_micros = at;
                let new =
                    AttemptReport { attempt, began_micros, id_sent: turn.id, ..Default::default() };
                push(attempts, new);
            }
            RowKind::Connected { status } => {
                self.latest.sign_of_life = Some(at);
                if let Some(attempt) = attempts.back_mut() {
                    attempt.status = Some(status);
                    attempt.phases = turn.phases;
                    attempt.first_byte_micros = Some(at.saturating_sub(attempt.began_micros));
                }
            }
            RowKind::Disconnected { fault, .. } => {
                self.latest.sign_of_life = None;
                if let Some(attempt) = attempts.back_mut() {
                    attempt.ended_micros = Some(at);
                    attempt.ended = Some(turn.sentence);
                    attempt.fault = Some(fault);
                    attempt.status = attempt.status.or(turn.response.map(|head| head.status));
                }
            }
            RowKind::Closed => {
                self.latest.sign_of_life = None;
                if let Some(attempt) = attempts.back_mut().filter(|a| a.ended_micros.is_none()) {
                    attempt.ended_micros = Some(at);
                    attempt.ended = Some(turn.sentence);
                }
            }
            RowKind::Event
            | RowKind::Comment
            | RowKind::ReconnectionTime { .. }
            | RowKind::DecodeError
            | RowKind::Redirected { .. }
            | RowKind::RecordingStopped
            | RowKind::Damaged => {}
        }
    }

    fn rate(&self) -> f64 {
        let span = self.newest_event - self.first_event.unwrap_or(self.newest_event);
        if span == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate is read in a few digits")]
        let rate = self.report.events.saturating_sub(1) as f64 / (span as f64 / 1e6);
        rate
    }
}

/// Keeps the latest.
fn push<T>(latest: &mut VecDeque<T>, new: T) {
    if latest.len() == MOST_REPORTED {
        latest.pop_front();
    }
    latest.push_back(new);
}
