//! The statistics of a session that is over, so that nobody has to count its rows again.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    journal::kept::Kept,
    query::{Report, Statistics},
};

/// What the file is called in a session's folder.
pub(crate) const STATISTICS_FILE: &str = "statistics";

/// What is written: the report, and up to which row it goes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    next_row: u64,
    report: Report,
}

/// Writes those of a session into its folder.
pub(crate) fn write(folder: &Path, kept: &Kept) -> io::Result<()> {
    let text = encode(&mut kept.statistics(), kept.next_row());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(folder.join(STATISTICS_FILE))?.write_all(text.as_bytes())
}

/// Those in a session's folder, if they are there and of all of its rows.
pub(crate) fn read(folder: &Path, next_row: u64) -> Option<Statistics> {
    decode(&fs::read(folder.join(STATISTICS_FILE)).ok()?, next_row)
}

/// A line: the CRC in eight hexadecimal digits, a space, JSON.
pub(crate) fn encode(statistics: &mut Statistics, next_row: u64) -> String {
    statistics.refresh();
    let written = Written { next_row, report: statistics.report().clone() };
    // Numbers and texts: nothing in it can fail to be written.
    let json = serde_json::to_string(&written).unwrap_or_default();
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// `None`: damaged, or of other rows.
pub(crate) fn decode(bytes: &[u8], next_row: u64) -> Option<Statistics> {
    let text = core::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (crc, json) = text.split_once(' ')?;
    let crc = u32::from_str_radix(crc, 16).ok()?;
    let is_intact = crc == crc32fast::hash(json.as_bytes());
    let written: Written = serde_json::from_str(json).ok().filter(|_| is_intact)?;
    (written.next_row == next_row).then(|| Statistics::restored(written.report, next_row))
}
