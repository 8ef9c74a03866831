//! The statistics of a session that is over, so that nobody has to count its rows again.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::types::{checked_line, line};
use crate::{
    journal::kept::Kept,
    query::{Report, Statistics},
};

/// What the file is called in a session's folder.
pub(crate) const STATISTICS_FILE: &str = "statistics";

/// What is written: the report, up to which row it goes, and from when on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    next_row: u64,
    /// 0 where the oldest rows are counted too.
    #[serde(default)]
    began_micros: u64,
    report: Report,
}

/// Writes those of a session into its folder, with as many of the latest attempts, stalls and seconds as so many
/// bytes hold.
pub(crate) fn write(folder: &Path, kept: &Kept, most: u64) -> io::Result<()> {
    let text = encode_within(&mut kept.statistics(), kept.next_row(), most);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(folder.join(STATISTICS_FILE))?.write_all(text.as_bytes())
}

/// Removes those of rows that are forgotten: their number alone does not tell them from those that come after.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(STATISTICS_FILE))
}

/// A line: the CRC in eight hexadecimal digits, a space, JSON.
pub(crate) fn encode(statistics: &mut Statistics, next_row: u64) -> String {
    encode_within(statistics, next_row, u64::MAX)
}

fn encode_within(statistics: &mut Statistics, next_row: u64, most: u64) -> String {
    statistics.refresh();
    let (report, began_micros) = (statistics.report().clone(), statistics.began());
    let mut written = Written { next_row, began_micros, report };
    loop {
        // Numbers and texts: nothing in it can fail to be written.
        let json = serde_json::to_string(&written).unwrap_or_default();
        let text = line(&json);
        if text.len() as u64 <= most || !written.report.shorten() {
            return text;
        }
    }
}

/// Whether they are as they were written.
pub(super) fn is_intact(bytes: &[u8]) -> bool {
    json_of(bytes).is_some()
}

fn json_of(bytes: &[u8]) -> Option<&str> {
    checked_line(core::str::from_utf8(bytes).ok()?.strip_suffix('\n')?)
}

/// `None`: damaged, or of other rows.
pub(crate) fn decode(bytes: &[u8], next_row: u64) -> Option<Statistics> {
    let written: Written = serde_json::from_str(json_of(bytes)?).ok()?;
    let Written { began_micros, report, .. } = written;
    (written.next_row == next_row).then(|| Statistics::restored(report, began_micros, next_row))
}

#[cfg(test)]
mod tests {
    use sse_codec::Limits;

    use crate::{
        clock::Moment,
        journal::{
            retention::{DiskLimit, DiskPolicy},
            turn::{Format, Origin, Turn},
            writer::{Place, Writer},
        },
        recording::{
            Recording, pack,
            redact::{Redaction, redact},
        },
        row::RowKind,
    };

    fn at(elapsed_micros: u64) -> Moment {
        Moment { unix_micros: 1_700_000_000_000_000 + elapsed_micros, elapsed_micros }
    }

    #[test]
    fn a_shortened_recording_has_one_average_wherever_it_is_told() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        let limit = DiskLimit { bytes: 64 << 10, policy: DiskPolicy::DropOldest };
        let place = Place::Folder { path: folder.clone(), limit };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        for n in 0..2000 {
            writer.body(b"data: x\n\n", 9, false, u64::MAX, at(n * 500_000));
        }
        // As if its program had been killed.
        drop(writer);

        let killed = Recording::open(&folder).unwrap();
        let (packed, given) = (keep.path().join("packed.ssrec"), keep.path().join("given.ssrec"));
        pack(&killed.view(), killed.totals(), &packed, |_| {}).unwrap();
        redact(&killed, &Redaction::new().literal("secret"), &given).unwrap();
        let first = killed.view().first_row();
        assert!(first > 1000, "{first}");
        let counted = killed.report();
        assert!((counted.rate - 2.0).abs() < 0.01, "{}", counted.rate);
        for file in [packed, given] {
            let report = Recording::open(&file).unwrap().report();
            assert_eq!((report.events, report.duration_micros), (counted.events, 999_500_000));
            assert!((report.rate - counted.rate).abs() < 1e-9, "{file:?}: {}", report.rate);
        }
    }
}
