//! One event a line, for people.

use anstyle::{AnsiColor, Style};
use jiff::{Timestamp, tz::TimeZone};
use sse_monitor_engine::{Row, RowKind};

use super::name::Name;
use crate::escape::{self, Part};

/// Types that are as long as most line up their data.
const TYPE_WIDTH: usize = 12;

/// Numbers of rows that are as long as most line up what follows.
const ROW_WIDTH: usize = 7;

/// Types keep one of these each; red is left for what is wrong.
pub(super) const TYPE_COLOURS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Green, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Yellow];

/// Writes rows as lines: local time, type, ID in brackets, data.
#[derive(Debug)]
pub(crate) struct Lines {
    colour: bool,
    zone: TimeZone,
    numbered: bool,
    untimed: bool,
}

impl Lines {
    pub(crate) const fn new(colour: bool, zone: TimeZone) -> Self {
        Self { colour, zone, numbered: false, untimed: false }
    }

    /// With the number of each row first, where that is wanted.
    pub(crate) fn numbered(self, wanted: bool) -> Self {
        Self { numbered: wanted, ..self }
    }

    /// Without times, where nobody knows them.
    pub(crate) fn untimed(self, untimed: bool) -> Self {
        Self { untimed, ..self }
    }

    /// Appends the row's line to `out`, with the name of its stream before it where there are several.
    pub(crate) fn write(&self, row: &Row, stream: Option<&Name>, out: &mut String) {
        if let Some(name) = stream {
            self.text(name.style, &name.prefix, out);
            out.push_str("  ");
        }
        let dimmed = Style::new().dimmed();
        if self.numbered {
            self.styled(dimmed, &format!("{:>ROW_WIDTH$}  ", row.number), out);
        }
        if !self.untimed {
            self.styled(dimmed, &self.time(row.unix_micros), out);
            out.push_str("  ");
        }
        if row.kind == RowKind::Comment {
            self.text(dimmed, ":", out);
            self.text(dimmed, &row.data, out);
        } else if row.kind != RowKind::Event {
            self.text(dimmed, "— ", out);
            self.text(dimmed, &row.data, out);
        } else {
            self.text(type_style(&row.event_type), &row.event_type, out);
            let width = escape::shown(&row.event_type).chars().count();
            out.extend(core::iter::repeat_n(' ', TYPE_WIDTH.saturating_sub(width)));
            if !row.id.is_empty() {
                out.push(' ');
                self.styled(dimmed, "[", out);
                self.text(dimmed, &row.id, out);
                self.styled(dimmed, "]", out);
            }
            out.push(' ');
            self.text(Style::new(), &row.data, out);
        }
        out.push('\n');
    }

    fn time(&self, unix_micros: u64) -> String {
        if unix_micros == 0 {
            // Of what is damaged nobody knows it.
            return " ".repeat("00:00:00.000".len());
        }
        let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
        // A clock that is millions of years off is shown as 1970 rather than not at all.
        let time = Timestamp::from_microsecond(micros).unwrap_or_default();
        time.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S%.3f").to_string()
    }

    /// A stranger's text: stand-ins for control characters are set apart from the text.
    fn text(&self, style: Style, text: &str, out: &mut String) {
        for part in escape::parts(text) {
            let style = match part {
                Part::Plain(_) => style,
                Part::LineBreak => style.dimmed(),
                Part::Unsafe(_) => AnsiColor::Red.on_default().dimmed(),
            };
            self.styled(style, &part.shown(), out);
        }
    }

    fn styled(&self, style: Style, text: &str, out: &mut String) {
        if self.colour && !style.is_plain() {
            out.push_str(&format!("{style}{text}{style:#}"));
        } else {
            out.push_str(text);
        }
    }
}

/// Always the same for one type. `message` is plain, since it is the type of all that have none.
fn type_style(event_type: &str) -> Style {
    if event_type == "message" {
        return Style::new();
    }
    // FNV-1a: spreads short names well, and is the same in every run.
    let hash = event_type
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let colour = TYPE_COLOURS[hash as usize % TYPE_COLOURS.len()];
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_time_type_id_and_data() {
        let row = row(RowKind::Event, "tick", "1-7", "{\"n\":1}");
        assert_eq!(line(false, &row), "00:00:01.500  tick         [1-7] {\"n\":1}\n");
    }

    #[test]
    fn the_number_of_a_row_stands_first_where_it_is_wanted() {
        let mut out = String::new();
        let lines = Lines::new(false, TimeZone::UTC).numbered(true);
        lines.write(&row(RowKind::Event, "tick", "1-7", "x"), None, &mut out);
        assert_eq!(out, "      1  00:00:01.500  tick         [1-7] x\n");
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let row = row(RowKind::Event, "a\u{1b}]0;x\u{7}", "\u{9b}2J", "one\ntwo\r\u{202e}");
        let line = line(false, &row);
        assert_eq!(line, "00:00:01.500  a\\u{1b}]0;x\\u{7} [\\u{9b}2J] one⏎two\\r\\u{202e}\n");
    }

    #[test]
    fn colours_wrap_text_and_never_come_from_it() {
        let row = row(RowKind::Event, "tick", "", "\u{1b}[31mred");
        let line = line(true, &row);
        assert!(line.contains("\\u{1b}"), "{line:?}");
        assert!(line.contains("red"), "{line:?}");
        assert!(!line.contains("\u{1b}[31mred"), "{line:?}");
    }

    #[test]
    fn a_comment_is_dimmed_as_a_whole() {
        let row = row(RowKind::Comment, "", "", " heartbeat");
        assert_eq!(line(false, &row), "00:00:01.500  : heartbeat\n");
        assert!(line(true, &row).contains("\u{1b}[2m heartbeat"));
    }

    fn line(colour: bool, row: &Row) -> String {
        let mut out = String::new();
        Lines::new(colour, TimeZone::UTC).write(row, None, &mut out);
        out
    }

    fn row(kind: RowKind, event_type: &str, id: &str, data: &str) -> Row {
        Row {
            number: 1,
            kind,
            unix_micros: 1_500_000,
            elapsed_micros: 0,
            attempt: 1,
            event_type: event_type.into(),
            id: id.into(),
            data: data.into(),
            data_bytes: data.len() as u64,
        }
    }
}
