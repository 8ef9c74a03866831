//! How a recording came: rates, gaps, stalls, attempts.

use core::{fmt::Write as _, ops::ControlFlow};
use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use jiff::{Timestamp, tz::TimeZone};
use sse_monitor_engine::{
    query::{AttemptReport, Numbering, Report},
    recording::{Damage, Recording},
};

use super::summary;
use crate::{
    escape,
    exit::Exit,
    stdout,
    tail::printer::Format,
    words::{Words, counted},
};

/// Attempts that are shown one by one.
const MOST_ATTEMPTS: usize = 20;

/// Prints it.
pub(super) fn print(recording: &Recording, file: &Path, format: &Format, words: &Words) -> Exit {
    let report = &recording.report();
    let began = began(recording);
    let known = Known {
        is_loss: recording.damage().iter().any(Damage::is_loss),
        counts_lost_rows: recording.counts_lost_rows(),
    };
    let mut text = match format {
        Format::Ndjson(_) => {
            let started = serde_json::to_string(&began).unwrap_or_default();
            // Before the others.
            let json = json(report, &known);
            escape::json(format!("{{\"startedUnixMicros\":{started},{}", &json[1..])) + "\n"
        }
        Format::Lines(_) => {
            words.note(&summary(recording));
            told(report, &known, began)
        }
    };
    if let ControlFlow::Break(exit) = stdout::print(&mut text, words) {
        return exit;
    }
    if !recording.is_looked_through() {
        words.note(&format!(
            "it is too large to be looked through each time, so damage is not counted here; to look: \
             sse show --check {}",
            file.display()
        ));
    }
    Exit::Done
}

/// Of what was imported.
const UNTIMED: &str = "what was imported does not say when each event came";

/// What there is to know of what cannot be read.
struct Known {
    /// Whether something cannot.
    is_loss: bool,
    /// Whether it is known how many rows that is.
    counts_lost_rows: bool,
}

/// What is not known is null.
fn json(report: &Report, known: &Known) -> String {
    let mut unknown = Vec::new();
    if report.untimed {
        unknown.extend(["peakRate", "gaps", "stalls"]);
        if report.duration_micros == 0 {
            unknown.extend(["durationMicros", "rate"]);
        }
    }
    if !known.counts_lost_rows {
        unknown.push("damaged");
    }
    if unknown.is_empty() {
        return serde_json::to_string(report).unwrap_or_default();
    }
    let mut json = serde_json::to_value(report).unwrap_or_default();
    for name in unknown {
        json[name] = serde_json::Value::Null;
    }
    json.to_string()
}

fn told(report: &Report, known: &Known, began: Option<u64>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<16} {value}");
    };
    line(
        "events",
        format!("{} ({} of data)", HumanCount(report.events), HumanBytes(report.data_bytes)),
    );
    line(
        "bodies",
        format!(
            "{}, {} over the wire",
            HumanBytes(report.body_bytes),
            HumanBytes(report.wire_bytes)
        ),
    );
    line("comments", HumanCount(report.comments).to_string());
    if let Some(began) = began {
        line("began", date(began));
    }
    match report {
        Report { untimed: false, peak_rate, .. } => {
            line("time", time(report.duration_micros));
            let peak = HumanCount(*peak_rate);
            // Of what came all at once there is none.
            if report.duration_micros > 0 {
                line("rate", format!("{}, {peak} in the busiest second", rate(report)));
            }
        }
        Report { duration_micros: 0, .. } => line("time", format!("not known: {UNTIMED}")),
        Report { .. } => {
            line("time", time(report.duration_micros));
            line("rate", rate(report));
            line("gaps", format!("not known: {UNTIMED}"));
        }
    }
    let gaps = &report.gaps;
    if gaps.count > 0 {
        line(
            "gaps",
            format!(
                "p50 {}, p95 {}, p99 {}, longest {}",
                time(gaps.p50_micros),
                time(gaps.p95_micros),
                time(gaps.p99_micros),
                time(gaps.max_micros)
            ),
        );
    }
    if !report.untimed {
        line("stalls", format!("{} of more than 30 s without any sign of life", report.stalls));
    }
    line("came again", HumanCount(report.repeated).to_string());
    line("missing", missing(report, known.is_loss));
    if report.resets > 0 {
        let resets = HumanCount(report.resets);
        line("resets", format!("{resets}, by which the hub said that events were lost"));
    }
    line("out of order", HumanCount(report.out_of_order).to_string());
    if report.decode_errors > 0 {
        line("dropped", format!("{} too large", HumanCount(report.decode_errors)));
    }
    if report.unfinished > 0 {
        let events = counted(report.unfinished, "event");
        line("cut off", format!("{events}, thrown away: the connection ended before the end came"));
    }
    let rows = counted(report.damaged, "row");
    match report.damaged {
        _ if known.counts_lost_rows && report.damaged == 0 => {}
        _ if known.counts_lost_rows => {
            line("damaged", format!("{rows}, not counted as what they were"));
        }
        0 => line(
            "damaged",
            "not known how many rows: what tells their numbers is damaged too".into(),
        ),
        _ => line("damaged", format!("{rows}, and others; what tells how many is damaged too")),
    }
    // Their turns may have been dropped.
    if report.attempts > 0 || report.events == 0 {
        line("attempts", report.attempts.to_string());
    }
    let attempts = &report.latest_attempts;
    let knows_nothing = report.untimed && report.duration_micros == 0;
    for attempt in attempts.iter().skip(attempts.len().saturating_sub(MOST_ATTEMPTS)) {
        let _ = writeln!(text, "{}", attempt_line(attempt, knows_nothing));
    }
    text
}

/// Events a second, and over which time where that is not all of it: the oldest rows may have been dropped before they
/// were counted.
fn rate(report: &Report) -> String {
    let rate = report.rate;
    #[expect(clippy::cast_precision_loss, reason = "it is read in a few digits")]
    let (events, all) = (report.events as f64, report.duration_micros as f64 / 1e6);
    let mut text = format!("{rate:.1} events/s");
    if rate > 0.0 && events / rate < 0.99 * all {
        let _ = write!(text, " over the latest {}", time((events / rate * 1e6) as u64));
    }
    text
}

/// How many events did not come, or why nobody can tell.
fn missing(report: &Report, is_loss: bool) -> String {
    if is_loss && report.skipped > 0 && report.numbering != Numbering::NotOneByOne {
        let skipped = HumanCount(report.skipped);
        return format!(
            "not known: ids leave out {skipped}, and part of the recording cannot be read"
        );
    }
    let at_least = HumanCount(report.missed_at_least);
    match report.numbering {
        Numbering::OneByOne => format!("{at_least} by their ids"),
        Numbering::Anew => format!(
            "at least {at_least} by their ids: the server began to count anew, and what was lost then is in no id"
        ),
        Numbering::NoIds => "not to be told: events have no ids".into(),
        Numbering::TooFew if report.skipped == 0 => {
            "not to be told: too few events have ids that count".into()
        }
        Numbering::TooFew | Numbering::MostlyOneByOne => format!(
            "at least {} if ids count one by one, of which one cannot be sure",
            HumanCount(report.skipped)
        ),
        Numbering::NotOneByOne | _ => "not to be told: ids do not count one by one".into(),
    }
}

fn attempt_line(attempt: &AttemptReport, is_untimed: bool) -> String {
    let began = time(attempt.began_micros);
    let is_begun = attempt.phases.is_some() || attempt.first_event_micros.is_some();
    let mut parts = match attempt.events {
        _ if is_untimed => Vec::new(),
        // Its beginning is not there.
        1.. if !is_begun => vec![format!("from {began} on")],
        _ => vec![format!("at {began}")],
    };
    if !attempt.id_sent.is_empty() {
        parts.push(format!("after id {}", escape::shown(&attempt.id_sent)));
    }
    let phases = attempt.phases.unwrap_or_default();
    // Where nothing tells when the connection was made, the first event may be only the first that is there.
    let first_event = attempt.first_event_micros.filter(|_| attempt.phases.is_some());
    for (name, micros) in [
        ("name", phases.dns_micros),
        ("connection", phases.tcp_micros),
        ("TLS", phases.tls_micros),
        ("head", phases.head_micros),
        ("first event after", first_event),
    ] {
        if let Some(micros) = micros {
            parts.push(format!("{name} {}", time(micros)));
        }
    }
    let colon = if parts.is_empty() { "" } else { ": " };
    let (parts, events) = (parts.join(", "), counted(attempt.events, "event"));
    let mut line = format!("  {:>3}  {parts}{colon}{events}", attempt.attempt);
    if attempt.repeated > 0 {
        let _ = write!(line, ", {} came again", HumanCount(attempt.repeated));
    }
    if let Some(ended) = &attempt.ended {
        let _ = write!(line, "; {}", escape::shown(ended));
    }
    line
}

/// When a recording began, in microseconds since 1970 (UTC), if that is known.
pub(super) fn began(recording: &Recording) -> Option<u64> {
    let origin = recording.origin();
    Some(origin.started_unix_micros).filter(|micros| *micros > 0 && !origin.untimed)
}

/// A moment with its date, as clocks here have it.
pub(super) fn date(unix_micros: u64) -> String {
    let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A time as one says it.
pub(crate) fn time(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is read in a few digits")]
    let seconds = micros as f64 / 1e6;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", seconds * 1e3),
        1_000_000..120_000_000 => format!("{seconds:.2} s"),
        120_000_000..7_200_000_000 => format!("{:.1} min", seconds / 60.0),
        7_200_000_000..172_800_000_000 => format!("{:.1} h", seconds / 3600.0),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use sse_monitor_engine::Phases;

    use super::*;

    #[test]
    fn an_attempt_has_no_time_that_nobody_knows() {
        let mut attempt = AttemptReport::default();
        (attempt.attempt, attempt.began_micros, attempt.events) = (3, 2_000_000, 1);
        assert_eq!(attempt_line(&attempt, true), "    3  1 event");
        assert_eq!(attempt_line(&attempt, false), "    3  from 2.00 s on: 1 event");
        attempt.phases = Some(Phases::default());
        attempt.first_event_micros = Some(500);
        let line = "    3  at 2.00 s, first event after 500 µs: 1 event";
        assert_eq!(attempt_line(&attempt, false), line);
        attempt.phases = None;
        assert_eq!(attempt_line(&attempt, false), "    3  at 2.00 s: 1 event");
    }

    #[test]
    fn a_rate_says_over_which_time_it_is_where_that_is_not_all() {
        let mut report = Report::default();
        (report.events, report.duration_micros, report.rate) = (100, 10_000_000, 10.0);
        assert_eq!(rate(&report), "10.0 events/s");
        report.rate = 100.0;
        assert_eq!(rate(&report), "100.0 events/s over the latest 1.00 s");
    }
}
