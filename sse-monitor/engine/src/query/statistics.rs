//! How a session's rows came: rates, gaps, stalls, and what each attempt brought.

use alloc::{collections::VecDeque, sync::Arc};
use core::{
    num::NonZeroU32,
    ops::{ControlFlow, RangeInclusive},
    time::Duration,
};

use hdrhistogram::Histogram;

use super::{
    ids::{DataSeen, Told, Trail},
    report::{AttemptReport, Gaps, Numbering, Report, Stall, average},
};
use crate::{
    journal::{
        counted_as,
        entry::{Entry, EntryKind, FLAG_BEGINNING_LOST, FLAG_OWN_ID, FLAG_SAME_ID},
        reader::{self, Reader},
        segment::Segment,
        texts::texts,
        turn::Turn,
        view::View,
        walk::{Mark, Walk},
    },
    row::RowKind,
};

/// How many attempts, stalls and seconds are reported one by one; older ones are only counted.
const MOST_REPORTED: usize = 1000;

/// The longest gap that is told apart from longer ones: a day.
const LONGEST_GAP: u64 = 24 * 3600 * 1_000_000;

/// Statistics of a session, live or over: taken from its rows, a view at a time, and no row twice.
///
/// Those of a watch are kept as it reads, and asked for by [`Watch::report`](crate::Watch::report); this
/// is for others, such as those that take another silence for a stall.
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
    /// The segment of which frames were counted last, and up to where.
    counted: (u64, Mark),
    stall_after: u64,
    report: Report,
    gaps: Histogram<u64>,
    trail: Trail,
    latest: Latest,
    /// When the oldest row was, where those before it are gone.
    began: u64,
    has_events: bool,
    longest_gap: u64,
    /// Whether each row is read, since some are known to be damaged.
    reads_rows: bool,
    /// The oldest row is of this attempt, whose beginning is gone.
    begins_within: Option<u32>,
}

/// The latest row of each sort, by when it came.
#[derive(Debug, Default)]
struct Latest {
    event: Option<u64>,
    /// Of the open stream: when it opened, or its latest row came.
    sign_of_life: Option<u64>,
    /// `None`: its beginning is not there.
    attempt_began: Option<u64>,
}

/// The type of event by which a hub says that events were lost.
pub(crate) const RESET: &str = "reset";

/// How long its data is: `{"reason":"epoch"}` to `{"reason":"malformed"}`. Others use that type for what they like.
const RESET_DATA: RangeInclusive<u32> = 18..=22;

/// A row, as far as statistics look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) number: u64,
    pub(crate) kind: EntryKind,
    pub(crate) elapsed_micros: u64,
    pub(crate) data: DataSeen,
    /// `None`: the same as of the event before, and not its own.
    pub(crate) id: Option<&'a str>,
    /// Whether its type is [`RESET`].
    pub(crate) is_reset: bool,
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
            counted: (0, Mark::BEGINNING),
            stall_after: u64::try_from(stall.as_micros()).unwrap_or(u64::MAX),
            report: Report::default(),
            // The bounds are constants, and right ones.
            gaps: gaps.unwrap_or_else(|error| unreachable!("{error}")),
            trail: Trail::default(),
            latest: Latest::default(),
            began: 0,
            has_events: false,
            longest_gap: 0,
            reads_rows: false,
            begins_within: None,
        }
    }

    /// Those of a session whose rows before `first` are gone: from this time on, and from within this attempt if it is
    /// under way; it may be open.
    #[cfg(any(test, feature = "watch"))]
    pub(crate) fn beginning_at(first: u64, micros: u64, attempt: Option<u32>, open: bool) -> Self {
        let mut statistics = Self { next_row: first, began: micros, ..Self::default() };
        if let Some(attempt) = attempt {
            statistics.begin_within(attempt, micros);
        }
        statistics.latest.sign_of_life = open.then_some(micros);
        statistics
    }

    /// What was said of a session that is over, the rows of which were counted from this time on.
    pub(crate) fn restored(report: Report, began: u64, next_row: u64) -> Self {
        let mut restored = Self { next_row, report, began, ..Self::default() };
        // Whatever the program that wrote it took for the average.
        restored.report.rate = restored.average();
        restored
    }

    /// The rows before this time are gone, and are not counted.
    pub(crate) const fn begin_at(&mut self, micros: u64) {
        self.began = micros;
    }

    /// When the oldest row that is counted came, where those before it are gone; else 0.
    pub(crate) const fn began(&self) -> u64 {
        self.began
    }

    /// Of a session some rows of which are damaged: they are not counted as what they were.
    pub(crate) fn of_damaged() -> Self {
        Self { reads_rows: true, ..Self::default() }
    }

    /// Whether it is of a session some rows of which are damaged.
    pub(crate) const fn reads_rows(&self) -> bool {
        self.reads_rows
    }

    /// The number after the last row that was seen.
    pub(crate) const fn next_row(&self) -> u64 {
        self.next_row
    }

    /// Takes in the rows that are new since the last view.
    pub fn update(&mut self, view: &View) {
        let mut reader = Reader::new(view);
        let numbers = self.next_row.max(view.first_row())..view.next_row();
        // Of rows that are gone before they were looked at nothing is counted, nor the time in which they came.
        let mut is_oldest = self.next_row == 0 && numbers.start > 1;
        self.next_row = numbers.end;
        let types = view.kept().types();
        let reset = types.iter().position(|name| **name == *RESET);
        let reset = reset.and_then(|number| u16::try_from(number).ok());
        reader::for_entries(view, numbers, |segment, number, entry| {
            if let Some(entry) = entry.filter(|_| is_oldest) {
                self.begin_at(entry.elapsed_micros);
                self.begins_within = Some(entry.attempt).filter(|attempt| *attempt > 0);
                is_oldest = false;
            }
            match entry {
                Some(_) if self.reads_rows && is_damaged(&mut reader, number) => {
                    self.report.damaged += 1;
                }
                Some(entry) => self.entry(&mut reader, segment, number, &entry, reset),
                None => {
                    view.kept().add_damage(segment.damaged_entry(number));
                    self.report.damaged += 1;
                }
            }
            ControlFlow::<()>::Continue(())
        });
        for part in view.parts() {
            self.bodies(&part.segment);
        }
        self.refresh();
    }

    /// Takes in the sizes of the body frames that are new in a segment, as far as they can be read.
    fn bodies(&mut self, segment: &Segment) {
        let (number, mark) = self.counted;
        if segment.number < number {
            return;
        }
        let mark = if segment.number == number { mark } else { Mark::BEGINNING };
        let mut walk = Walk::from(&segment.journal, mark);
        while let Ok(Some(header)) = walk.header() {
            if header.kind.is_body() {
                self.body(header.attempt, header.length, header.wire);
            }
        }
        self.counted = (segment.number, walk.mark());
    }

    /// Takes in the size of a read of an attempt's body, and how much of the wire it took.
    pub(crate) fn body(&mut self, attempt: u32, length: u32, wire: u32) {
        let (length, wire) = (u64::from(length), u64::from(wire));
        self.report.body_bytes += length;
        self.report.wire_bytes += wire;
        let mut latest = self.report.latest_attempts.iter_mut().rev();
        if let Some(report) = latest.find(|report| report.attempt == attempt) {
            report.body_bytes += length;
            report.wire_bytes += wire;
        }
    }

    /// What there is to say of the rows so far.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Works out what is not counted row by row.
    pub(crate) fn refresh(&mut self) {
        if !self.has_events {
            // Nothing to work out, or done by the one that saw the rows.
            return;
        }
        self.report.gaps = Gaps::of(&self.gaps, self.longest_gap);
        self.report.numbering = self.trail.numbering();
        self.report.missed_at_least = match self.report.numbering {
            Numbering::OneByOne | Numbering::Anew => self.trail.missing(),
            Numbering::NoIds
            | Numbering::TooFew
            | Numbering::NotOneByOne
            | Numbering::MostlyOneByOne => 0,
        };
        self.report.skipped = self.trail.missing();
        let is_known = self.report.numbering == Numbering::OneByOne;
        self.report.missed = is_known.then_some(self.report.missed_at_least);
        self.report.rate = self.average();
    }

    fn average(&self) -> f64 {
        let Report { events, duration_micros, .. } = self.report;
        average(events, duration_micros.saturating_sub(self.began))
    }

    fn entry(
        &mut self,
        reader: &mut Reader<'_>,
        segment: &Arc<Segment>,
        number: u64,
        entry: &Entry,
        reset: Option<u16>,
    ) {
        let Entry { kind, attempt, elapsed_micros, data_length, .. } = *entry;
        let kind = counted_as(kind, entry.flags);
        let within = self.begins_within.take().or_else(|| self.without_beginning(attempt));
        if kind == EntryKind::Turn {
            match reader.raw(segment, entry).map(serde_json::from_slice::<Turn>) {
                Ok(Ok(turn)) => {
                    if let Some(attempt) = within.filter(|_| turn.kind != RowKind::Connecting) {
                        self.begin_within(attempt, elapsed_micros);
                    }
                    self.turn(&turn, number, attempt, elapsed_micros);
                }
                // One that only a newer version can read.
                Ok(Err(_)) => {}
                Err(_) => self.report.damaged += 1,
            }
            return;
        }
        if let Some(attempt) = within {
            self.begin_within(attempt, elapsed_micros);
        }
        let is_new =
            kind == EntryKind::Event && (!entry.has(FLAG_SAME_ID) || entry.has(FLAG_OWN_ID));
        let is_summed = is_new && entry.id_length > 0;
        let sum = if is_summed { sum(reader, segment, entry) } else { None };
        let data = DataSeen { length: data_length, sum };
        let id = if is_new { reader.id(segment, entry).ok() } else { None };
        let is_reset = reset.is_some_and(|reset| entry.event_type == reset);
        self.row(Seen { number, kind, elapsed_micros, data, id, is_reset });
    }

    /// The attempt of a row, where the turn is damaged with which it began.
    fn without_beginning(&self, attempt: u32) -> Option<u32> {
        let latest = self.report.latest_attempts.back();
        let is_another = attempt > 0 && latest.is_none_or(|latest| latest.attempt != attempt);
        (self.reads_rows && is_another).then_some(attempt)
    }

    /// An attempt is under way whose beginning is gone: what is known of it begins now.
    fn begin_within(&mut self, attempt: u32, micros: u64) {
        self.report.attempts += 1;
        self.latest = Latest::default();
        let new = AttemptReport { attempt, began_micros: micros, ..AttemptReport::default() };
        push(&mut self.report.latest_attempts, new);
    }

    /// Takes in a row that is no turn of the connection.
    pub(crate) fn row(&mut self, seen: Seen<'_>) {
        self.next_row = self.next_row.max(seen.number + 1);
        let at = seen.elapsed_micros;
        self.report.duration_micros = self.report.duration_micros.max(at);
        match seen.kind {
            EntryKind::Event => self.event(seen),
            EntryKind::Comment => self.report.comments += 1,
            EntryKind::DecodeError => self.report.decode_errors += 1,
            EntryKind::ReconnectionTime | EntryKind::Turn => {}
        }
        self.end_silence(seen.number, at);
    }

    /// For how long nothing has come, at this time; `None` where no stream is open.
    #[cfg(any(test, feature = "watch"))]
    pub(crate) fn silence(&self, at: u64) -> Option<u64> {
        self.latest.sign_of_life.map(|latest| at.saturating_sub(latest))
    }

    /// Looks at how long nothing came before this row of an open stream.
    fn end_silence(&mut self, row: u64, at: u64) {
        if let Some(from) = self.latest.sign_of_life.replace(at)
            && at - from.min(at) > self.stall_after
        {
            self.report.stalls += 1;
            push(
                &mut self.report.latest_stalls,
                Stall { from_micros: from, micros: at - from, row },
            );
        }
    }

    fn event(&mut self, seen: Seen<'_>) {
        let at = seen.elapsed_micros;
        let report = &mut self.report;
        report.events += 1;
        report.data_bytes += u64::from(seen.data.length);
        let is_reset = seen.is_reset && RESET_DATA.contains(&seen.data.length);
        report.resets += u64::from(is_reset);
        let told = match seen.id {
            Some(id) if is_reset => self.trail.reset(id),
            Some(id) => self.trail.next(id, seen.data),
            None => Told::default(),
        };
        report.repeated += u64::from(told.is_repeat);
        report.repeated = report.repeated.saturating_sub(told.new_after_all);
        report.out_of_order += u64::from(told.is_out_of_order);
        report.out_of_order = report.out_of_order.saturating_sub(told.in_order_after_all);
        if let Some(attempt) = report.latest_attempts.back_mut() {
            attempt.events += 1;
            attempt.repeated += u64::from(told.is_repeat);
            attempt.repeated = attempt.repeated.saturating_sub(told.new_after_all);
            attempt.out_of_order += u64::from(told.is_out_of_order);
            // Some may be of the attempt before.
            attempt.out_of_order = attempt.out_of_order.saturating_sub(told.in_order_after_all);
            attempt.skipped = attempt.skipped.saturating_add(told.skipped);
            if let Some(began) = self.latest.attempt_began {
                attempt.first_event_micros.get_or_insert(at.saturating_sub(began));
            }
        }
        self.has_events = true;
        if let Some(before) = self.latest.event.replace(at) {
            // A gap of nothing is between two events of one read.
            let gap = at.saturating_sub(before);
            self.longest_gap = self.longest_gap.max(gap);
            self.gaps.saturating_record(gap.min(LONGEST_GAP));
        }
        let second = at / 1_000_000;
        match report.latest_seconds.back_mut() {
            Some((newest, count)) if *newest == second => *count += 1,
            Some(_) | None => push(&mut report.latest_seconds, (second, 1)),
        }
        let count = report.latest_seconds.back().map_or(0, |(_, count)| *count);
        report.peak_rate = report.peak_rate.max(count);
    }

    /// Takes in a turn of the connection, which came at this time.
    pub(crate) fn turn(&mut self, turn: &Turn, row: u64, attempt: u32, at: u64) {
        if matches!(turn.kind, RowKind::Disconnected { .. } | RowKind::Closed)
            && self.latest.sign_of_life.is_some()
        {
            // A stream that falls silent and is lost stalled before.
            self.end_silence(row, at);
        }
        self.report.duration_micros = self.report.duration_micros.max(at);
        let attempts = &mut self.report.latest_attempts;
        match turn.kind {
            RowKind::Connecting => {
                self.trail.resumed(&turn.id);
                self.report.attempts += 1;
                self.latest = Latest { attempt_began: Some(at), ..Latest::default() };
                let id_sent = turn.id.clone();
                let new =
                    AttemptReport { attempt, began_micros: at, id_sent, ..Default::default() };
                push(attempts, new);
            }
            RowKind::Connected { status } => {
                self.latest.sign_of_life = Some(at);
                if let Some(attempt) = attempts.back_mut() {
                    attempt.status = Some(status);
                    attempt.phases = turn.phases;
                    let began = self.latest.attempt_began;
                    attempt.first_byte_micros = began.map(|began| at.saturating_sub(began));
                }
            }
            RowKind::Disconnected { fault, .. } => {
                self.report.unfinished += u64::from(turn.unfinished);
                self.latest.sign_of_life = None;
                if let Some(attempt) = attempts.back_mut() {
                    attempt.ended_micros = Some(at);
                    attempt.ended = Some(turn.sentence.clone());
                    attempt.fault = Some(fault);
                    attempt.status =
                        attempt.status.or(turn.response.as_ref().map(|head| head.status));
                }
            }
            RowKind::Closed => {
                self.latest.sign_of_life = None;
                if let Some(attempt) = attempts.back_mut().filter(|a| a.ended_micros.is_none()) {
                    attempt.ended_micros = Some(at);
                    attempt.ended = Some(turn.sentence.clone());
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
}

/// Of an event's data, as it was made when it came.
fn sum(reader: &mut Reader<'_>, segment: &Arc<Segment>, entry: &Entry) -> Option<NonZeroU32> {
    if entry.data_length > DataSeen::MOST_SUMMED || entry.has(FLAG_BEGINNING_LOST) {
        return None;
    }
    let limits = reader.limits();
    let raw = reader.raw(segment, entry).ok()?;
    DataSeen::sum(&texts(entry, raw, limits).ok()?.data)
}

/// Whether it is shown as such.
fn is_damaged(reader: &mut Reader<'_>, number: u64) -> bool {
    let row = reader.row(number, usize::MAX);
    row.is_some_and(|row| row.kind == RowKind::Damaged)
}

/// Keeps the latest.
fn push<T>(latest: &mut VecDeque<T>, new: T) {
    if latest.len() == MOST_REPORTED {
        latest.pop_front();
    }
    latest.push_back(new);
}
