//! What a run tells at its end.

use core::{fmt::Write, time::Duration};

use hdrhistogram::Histogram;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use sse_monitor_engine::query::Numbering;

use super::{Bench, tally::Counts};
use crate::{escape, show::time, words::counted};

/// The JSON object; its members are promised in docs/sse-ndjson.md.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    url: String,
    seconds: f64,
    connections: Connections,
    events: u64,
    events_per_second: Option<f64>,
    bytes: u64,
    data_bytes: u64,
    dropped: u64,
    open_micros: Option<Times>,
    first_event_micros: Option<Times>,
    delivery_micros: Option<Times>,
    from_the_future: u64,
    missed: Option<u64>,
    missed_at_least: Option<u64>,
    repeated: Option<u64>,
    out_of_order: Option<u64>,
    published: Option<Published>,
    failures: Vec<Failures>,
    /// Whether it was asked for how long events took.
    #[serde(skip)]
    is_timed: bool,
    #[serde(skip)]
    numbering: Numbering,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    asked: u64,
    opened: u64,
    failed: u64,
    ended: u64,
    cut: u64,
    resumed: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    count: u64,
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    events: u64,
    failed: u64,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Failures {
    sentence: String,
    count: u64,
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        })
    }

    fn told(times: Option<&Self>) -> String {
        times.map_or("none".into(), |times| {
            format!(
                "p50 {}, p99 {}, p99.9 {}, longest {}  ({})",
                time(times.p50),
                time(times.p99),
                time(times.p999),
                time(times.max),
                HumanCount(times.count)
            )
        })
    }
}

impl Report {
    pub(super) fn of(counts: &Counts, url: String, length: Duration, bench: &Bench) -> Self {
        let publishes = bench.publish.is_some();
        let asked = u64::from(bench.connections);
        let is_known = publishes || counts.numbering == Numbering::OneByOne;
        // By other IDs it shows only where one connection saw what another did not.
        let is_told = is_known || (counts.has_ids && counts.opened > 1);
        let seconds = length.as_secs_f64();
        let published_for = counts.published_for.map(|length| length.as_secs_f64());
        // What comes after publishing is no part of its rate, and without any answer nobody knows when that was.
        let (counted, counted_for) = match publishes {
            true => (counts.events_by_then, published_for),
            false => (counts.events, Some(seconds)),
        };
        let failures = counts.failures.iter();
        Self {
            url,
            seconds,
            connections: Connections {
                asked,
                opened: counts.opened,
                failed: counts.failed,
                ended: counts.ended,
                cut: counts.cut,
                resumed: counts.resumed,
            },
            events: counts.events,
            events_per_second: counted_for.map(|seconds| counted as f64 / seconds.max(1e-6)),
            bytes: counts.bytes,
            data_bytes: counts.data_bytes,
            dropped: counts.dropped,
            open_micros: Times::of(&counts.open_time),
            first_event_micros: Times::of(&counts.first_event),
            delivery_micros: Times::of(&counts.delivery),
            from_the_future: counts.from_the_future,
            missed: is_known.then_some(counts.told.missed),
            missed_at_least: is_told.then_some(counts.told.missed),
            repeated: (publishes || counts.has_ids).then_some(counts.told.repeated),
            out_of_order: is_told.then_some(counts.told.out_of_order),
            published: publishes.then(|| Published {
                events: counts.published,
                failed: counts.publish_failed,
                seconds: published_for.unwrap_or_default(),
            }),
            failures: failures
                .map(|(sentence, &count)| Failures { sentence: sentence.clone(), count })
                .collect(),
            is_timed: publishes || bench.timestamp.is_some(),
            numbering: counts.numbering,
        }
    }

    pub(super) fn json(&self) -> String {
        // Texts and numbers: nothing in it can fail to be written.
        escape::json(serde_json::to_string(self).unwrap_or_default()) + "\n"
    }

    /// What there is to say where not all that is missing is known.
    fn missed_at_least(&self) -> String {
        let Some(count) = self.missed_at_least else {
            return "not to be told: it takes several connections, or IDs that count one by one"
                .into();
        };
        let why = if self.numbering == Numbering::TooFew {
            "too few IDs came to tell more"
        } else {
            "IDs do not count one by one, so that what none saw is not to be told"
        };
        match count {
            0 => format!("none that another connection saw; {why}"),
            _ => format!("at least {}, which other connections saw; {why}", HumanCount(count)),
        }
    }

    pub(super) fn table(&self) -> String {
        let mut table = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(table, "{name:<16} {value}");
        };
        let connections = &self.connections;
        line("time", format!("{:.1} s", self.seconds));
        // Only of those that are opened once.
        let ended = match connections.ended {
            0 => String::new(),
            ended => format!("{} came to their end, ", HumanCount(ended)),
        };
        line(
            "connections",
            format!(
                "{} of {} opened, {} failed; {ended}{} cut, {} resumed",
                HumanCount(connections.opened),
                HumanCount(connections.asked),
                HumanCount(connections.failed),
                HumanCount(connections.cut),
                HumanCount(connections.resumed)
            ),
        );
        let rate = self.events_per_second.map(|rate| format!("{rate:.0} a second, "));
        line(
            "events",
            format!(
                "{}, {}{} of data in {}",
                HumanCount(self.events),
                rate.unwrap_or_default(),
                HumanBytes(self.data_bytes),
                HumanBytes(self.bytes)
            ),
        );
        if let Some(published) = &self.published {
            line(
                "published",
                format!(
                    "{} in {:.1} s, {} failed",
                    counted(published.events, "event"),
                    published.seconds,
                    HumanCount(published.failed)
                ),
            );
        }
        line("open", Times::told(self.open_micros.as_ref()));
        line("first event", Times::told(self.first_event_micros.as_ref()));
        let delivery = self.delivery_micros.as_ref();
        line(
            "delivery",
            match delivery {
                Some(times) => Times::told(Some(times)),
                None if self.events == 0 => "not to be told: no event came".into(),
                None if self.is_timed => {
                    "not to be told: no event came that says when it was sent".into()
                }
                None => "not to be told: add --publish or --timestamp".into(),
            },
        );
        if self.from_the_future > 0 {
            let count = HumanCount(self.from_the_future);
            line("", format!("{count} were sent in the future: the clocks do not agree"));
        }
        let of_ids = |count: Option<u64>, without: &str| match count {
            Some(count) => HumanCount(count).to_string(),
            None if self.events == 0 => "not to be told: no event came".into(),
            None => without.to_owned(),
        };
        line("missing", of_ids(self.missed, &self.missed_at_least()));
        line("came again", of_ids(self.repeated, "not to be told: events have no IDs"));
        if let Some(count) = self.out_of_order.filter(|count| *count > 0) {
            line("out of order", HumanCount(count).to_string());
        }
        if self.dropped > 0 {
            line("dropped", format!("{} too large", HumanCount(self.dropped)));
        }
        for Failures { sentence, count } in &self.failures {
            line("failure", format!("{}× {}", HumanCount(*count), escape::shown(sentence)));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::bench::tally::{Marks, Tally};

    #[test]
    fn a_rate_is_not_over_the_wait_for_the_last_events() {
        let tally = Tally::new(Marks { own: None, timestamp: None });
        let rate = |arguments: &[&str]| {
            let bench = Bench::parse_from([&["bench", "http://127.0.0.1/"], arguments].concat());
            let length = Duration::from_secs(4);
            Report::of(&tally.counts(), String::new(), length, &bench).events_per_second
        };
        tally.counts().events = 60;
        assert_eq!(rate(&[]), Some(15.0));
        // No answer tells for how long.
        let publish = ["--publish", "http://127.0.0.1/"];
        assert_eq!(rate(&publish), None);
        tally.counts().published_for = Some(Duration::from_secs(2));
        tally.counts().events_by_then = 50;
        assert_eq!(rate(&publish), Some(25.0));
    }
}
