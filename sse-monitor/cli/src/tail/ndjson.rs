//! One JSON object a line, for programs.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use sse_monitor_engine::{Row, RowKind};

use super::name::Name;
use crate::escape;

/// A line. The fields, their order and meaning are promised in docs/sse-ndjson.md: new ones may
/// come, these stay.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Record<'a> {
    Event {
        n: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
        time: String,
        attempt: u32,
        #[serde(rename = "type")]
        event_type: &'a str,
        id: &'a str,
        data: &'a str,
    },
    Comment {
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
        time: String,
        attempt: u32,
        text: &'a str,
    },
    Turn {
        time: String,
        attempt: u32,
        id: &'a str,
        text: &'a str,
    },
}

/// Appends the line of a row to `out`; `n` is the event's number, `stream` the one of several that it is
/// from.
pub(crate) fn write(row: &Row, n: u64, stream: Option<&Name>, out: &mut String) {
    let url = stream.map(|name| name.url.as_str());
    let time = time(row.unix_micros);
    let (attempt, text) = (row.attempt, row.data.as_str());
    let record = if row.kind == RowKind::Comment {
        Record::Comment { url, time, attempt, text }
    } else if row.kind != RowKind::Event {
        Record::Turn { time, attempt, id: &row.id, text }
    } else {
        Record::Event {
            n,
            url,
            time,
            attempt: row.attempt,
            event_type: &row.event_type,
            id: &row.id,
            data: &row.data,
        }
    };
    // Strings and numbers: nothing in it can fail to be written.
    out.push_str(&escape::json(serde_json::to_string(&record).unwrap_or_default()));
    out.push('\n');
}

/// RFC 3339 in UTC, always with microseconds, so that lines sort as text.
fn time(unix_micros: u64) -> String {
    let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    time.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_promised_shape() {
        assert_eq!(
            line(RowKind::Event, "a\n\"\u{9b}"),
            "{\"kind\":\"event\",\"n\":3,\"time\":\"1970-01-01T00:00:01.500000Z\",\"attempt\":2,\
             \"type\":\"tick\",\"id\":\"7\",\"data\":\"a\\n\\\"\\u009b\"}\n"
        );
    }

    #[test]
    fn a_comment_has_the_promised_shape() {
        assert_eq!(
            line(RowKind::Comment, " heartbeat"),
            "{\"kind\":\"comment\",\"time\":\"1970-01-01T00:00:01.500000Z\",\"attempt\":2,\
             \"text\":\" heartbeat\"}\n"
        );
    }

    fn line(kind: RowKind, data: &str) -> String {
        let row = Row {
            number: 9,
            kind,
            unix_micros: 1_500_000,
            elapsed_micros: 0,
            attempt: 2,
            event_type: "tick".into(),
            id: "7".into(),
            data: data.into(),
            data_bytes: data.len() as u64,
        };
        let mut out = String::new();
        write(&row, 3, None, &mut out);
        out
    }
}
