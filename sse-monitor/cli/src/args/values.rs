//! What options take: times, counts, sizes, recordings.

use core::time::Duration;
use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::builder::{PathBufValueParser, TypedValueParser};

/// A recording: a file or a folder, and no pipe, of which each byte is read once. Whether it can be opened is told
/// when it is.
pub(crate) fn recording() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match fs::metadata(&path) {
        _ if path == Path::new("-") => {
            Err("a recording is a file and cannot come from stdin: save it to a file first (./- is one too)")
        }
        Ok(what) if !what.is_file() && !what.is_dir() => {
            Err("a pipe or a device cannot be read as a recording: save it to a file first")
        }
        Ok(_) | Err(_) => Ok(path),
    })
}

/// A recording to make. Whether something stands in its way is told when it is made.
pub(crate) fn new_recording() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path == Path::new("-") {
        true => {
            Err("a recording is a file and cannot go to stdout: give it a name (./- is one too)")
        }
        false => Ok(path),
    })
}

use sse_monitor_engine::DiskLimit;

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "give a time such as 10s, 500ms or 5m";
    // A bare number is seconds, as curl takes it.
    let seconds = text.trim().parse::<f64>().ok().map(Duration::try_from_secs_f64);
    let time = match seconds {
        Some(seconds) => seconds.ok(),
        None => text.parse::<jiff::SignedDuration>().ok().and_then(|t| t.try_into().ok()),
    };
    match time {
        Some(time) if !time.is_zero() => Ok(time),
        _ => Err(HINT.into()),
    }
}

pub(crate) fn count(text: &str) -> Result<u64, String> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("give a whole number from 1 on".into()),
    }
}

/// Of the disk, for a recording.
pub(crate) fn disk_limit(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes < DiskLimit::LEAST_BYTES {
        let least = DiskLimit::LEAST_BYTES >> 10;
        return Err(format!("give {least}K at least, which a recording of a few events takes"));
    }
    Ok(bytes)
}

pub(crate) fn size(text: &str) -> Result<u64, String> {
    const HINT: &str = "give a size such as 500M or 2G";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err(HINT.into()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| HINT.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_begins_with_one() {
        assert_eq!(count("7"), Ok(7));
        for text in ["", "0", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(count(text), Err("give a whole number from 1 on".into()), "{text}");
        }
    }

    #[test]
    fn sizes_are_taken_as_people_write_them() {
        for (text, bytes) in [("7", 7), ("500M", 500 << 20), ("2g", 2 << 30), ("1 KiB", 1024)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "-1", "1.5G", "G", "9999999999T", "5 miles"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_taken_as_people_write_them() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("1.5", 1_500),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "0s", "-1s", "-1", "soon", "NaN", "inf", "1e300"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
