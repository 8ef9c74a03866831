//! One JSON object a line, for programs.

use jiff::{Timestamp, tz::TimeZone};
use sse_monitor_engine::{Dropped, Row, RowKind};

use super::name::Name;
use crate::escape::json_string;

const MICROS: u64 = 1_000_000;

/// Writes rows as lines. The fields, their order and meaning are promised in docs/sse-ndjson.md: new ones
/// may come, these stay.
#[derive(Debug, Default)]
pub(crate) struct Ndjson {
    /// The second of the row before, as text; most rows are of the same one.
    second: Option<u64>,
    text: String,
    numbered: bool,
    untimed: bool,
}

impl Ndjson {
    /// With the number of each row, by which a recording's are asked for.
    pub(crate) fn numbered(self) -> Self {
        Self { numbered: true, ..self }
    }

    /// With `null` for the times, where nobody knows them.
    pub(crate) fn untimed(self, untimed: bool) -> Self {
        Self { untimed, ..self }
    }

    /// Appends the line of a row to `out`; `n` is the event's number, `stream` the one of several that it
    /// is from.
    pub(crate) fn write(&mut self, row: &Row, n: u64, stream: Option<&Name>, out: &mut String) {
        let (is_event, is_comment) = (row.kind == RowKind::Event, row.kind == RowKind::Comment);
        if is_event {
            out.push_str("{\"kind\":\"event\",\"n\":");
            number(n, 1, out);
        } else if is_comment {
            out.push_str("{\"kind\":\"comment\"");
        } else {
            out.push_str("{\"kind\":\"turn\"");
        }
        self.place(row, stream, out);
        if is_event {
            out.push_str(",\"type\":");
            json_string(&row.event_type, out);
        }
        if !is_comment {
            out.push_str(",\"id\":");
            json_string(&row.id, out);
        }
        out.push_str(if is_event { ",\"data\":" } else { ",\"text\":" });
        json_string(&row.data, out);
        out.push_str("}\n");
    }

    /// Appends the line of what was dropped.
    pub(crate) fn write_dropped(
        &mut self,
        row: &Row,
        dropped: Option<&Dropped>,
        stream: Option<&Name>,
        out: &mut String,
    ) {
        out.push_str("{\"kind\":\"dropped\"");
        self.place(row, stream, out);
        if let Some(Dropped { passed, limit, at, event_type, id, .. }) = dropped {
            for (name, text) in [(",\"type\":", event_type), (",\"id\":", id)] {
                if let Some(text) = text {
                    out.push_str(name);
                    json_string(text, out);
                }
            }
            // A name of ours.
            let passed = serde_json::to_string(passed).unwrap_or_default();
            out.push_str(&format!(",\"passed\":{passed},\"limit\":{limit}"));
            if let Some(at) = at {
                out.push_str(&format!(",\"at\":{at}"));
            }
        }
        out.push_str(",\"text\":");
        json_string(&row.data, out);
        out.push_str("}\n");
    }

    /// Where a row came from, and when.
    fn place(&mut self, row: &Row, stream: Option<&Name>, out: &mut String) {
        if let Some(name) = stream {
            out.push_str(",\"url\":");
            json_string(&name.url, out);
            out.push_str(",\"stream\":");
            number(name.number, 1, out);
        }
        if self.numbered {
            out.push_str(",\"row\":");
            number(row.number, 1, out);
        }
        out.push_str(",\"time\":");
        if self.untimed {
            out.push_str("null");
        } else {
            out.push('"');
            self.time(row.unix_micros, out);
            out.push('"');
        }
        out.push_str(",\"attempt\":");
        number(row.attempt.into(), 1, out);
    }

    /// RFC 3339 in UTC, always with microseconds, so that lines sort as text.
    fn time(&mut self, unix_micros: u64, out: &mut String) {
        let second = unix_micros / MICROS;
        if self.second != Some(second) {
            let time = i64::try_from(second).ok().and_then(|s| Timestamp::from_second(s).ok());
            let time = time.unwrap_or_default().to_zoned_datetime(TimeZone::UTC);
            self.text = time.strftime("%Y-%m-%dT%H:%M:%S.").to_string();
            self.second = Some(second);
        }
        out.push_str(&self.text);
        number(unix_micros % MICROS, 6, out);
        out.push('Z');
    }
}

/// A number, with zeros before it where it has fewer digits than that.
fn number(mut number: u64, digits: usize, out: &mut String) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    while number > 0 {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let text = &text[at.min(text.len() - digits)..];
    // Digits are ASCII.
    out.push_str(core::str::from_utf8(text).unwrap_or_default());
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

    #[test]
    fn a_row_of_a_recording_has_its_number() {
        let mut out = String::new();
        let row = row(RowKind::Connecting, "connected");
        Ndjson::default().numbered().write(&row, 3, None, &mut out);
        assert!(out.starts_with("{\"kind\":\"turn\",\"row\":9,\"time\":"), "{out}");
    }

    #[test]
    fn times_sort_as_text() {
        let mut ndjson = Ndjson::default();
        let mut time = |micros| {
            let mut out = String::new();
            ndjson.time(micros, &mut out);
            out
        };
        assert_eq!(time(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(time(1_000_001), "1970-01-01T00:00:01.000001Z");
        assert_eq!(time(1_999_999), "1970-01-01T00:00:01.999999Z");
        assert_eq!(time(1_764_151_200_120_000), "2025-11-26T10:00:00.120000Z");
        assert_eq!(time(u64::MAX).len(), 27, "a clock that is far off");
    }

    fn line(kind: RowKind, data: &str) -> String {
        let mut out = String::new();
        Ndjson::default().write(&row(kind, data), 3, None, &mut out);
        out
    }

    fn row(kind: RowKind, data: &str) -> Row {
        Row {
            number: 9,
            kind,
            unix_micros: 1_500_000,
            elapsed_micros: 0,
            attempt: 2,
            event_type: "tick".into(),
            id: "7".into(),
            data: data.into(),
            data_bytes: data.len() as u64,
        }
    }
}
