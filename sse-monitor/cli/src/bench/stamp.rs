//! When an event was sent, as its data tells.

use core::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::Value;
use sse_monitor_engine::query::JsonPath;

/// What is put into events that are published to be measured, and found again in them.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// What the data begins with: no other run's does.
    beginning: String,
    began: Instant,
}

impl Mark {
    pub(super) fn new(began: Instant) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let beginning =
            format!("{{\"bench\":\"{:x}-{:x}\",\"n\":", std::process::id(), now.as_nanos());
        Self { beginning, began }
    }

    /// The data of event `number`, padded to about `size` bytes.
    pub(super) fn data(&self, number: u64, size: usize) -> String {
        let sent = micros(self.began.elapsed());
        let mut data = format!("{}{number},\"sent\":{sent},\"pad\":\"", self.beginning);
        let pad = size.saturating_sub(data.len() + 2);
        data.extend(core::iter::repeat_n('x', pad));
        data.push_str("\"}");
        data
    }

    /// Number and time of an event of this run.
    pub(super) fn read(&self, data: &str) -> Option<(u64, Duration)> {
        let rest = data.strip_prefix(&self.beginning)?;
        let (number, rest) = rest.split_once(",\"sent\":")?;
        let (sent, _) = rest.split_once(',')?;
        Some((number.parse().ok()?, Duration::from_micros(sent.parse().ok()?)))
    }
}

/// How long ago an event was sent by its data's own word; `None` where there is none. An `Err` is a time in
/// the future.
pub(super) fn age(path: &JsonPath, data: &str) -> Option<Result<Duration, Duration>> {
    let value: Value = serde_json::from_str(data).ok()?;
    let sent = since_1970(path.select(&value).into_iter().next()?)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(now.checked_sub(sent).ok_or_else(|| sent - now))
}

/// A time in RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, by how
/// large it is.
fn since_1970(value: &Value) -> Option<Duration> {
    if let Some(text) = value.as_str() {
        let time: Timestamp = text.parse().ok()?;
        return Some(Duration::from_micros(u64::try_from(time.as_microsecond()).ok()?));
    }
    let number = value.as_f64().filter(|number| *number > 0.0)?;
    let seconds = match number {
        ..1e11 => number,
        ..1e14 => number / 1e3,
        ..1e17 => number / 1e6,
        _ => number / 1e9,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_is_found_again_and_no_others() {
        let mark = Mark::new(Instant::now());
        let data = mark.data(42, 200);
        assert_eq!(data.len(), 200);
        assert!(serde_json::from_str::<Value>(&data).is_ok());
        assert_eq!(mark.read(&data).unwrap().0, 42);
        assert!(mark.data(1, 0).ends_with("\"pad\":\"\"}"));
        assert_eq!(mark.read("{\"bench\":\"other\",\"n\":1,\"sent\":1,"), None);
    }

    #[test]
    fn times_are_read_in_any_usual_unit() {
        let time = Duration::from_millis(1_700_000_000_500);
        for value in [
            json!("2023-11-14T22:13:20.5Z"),
            json!(1_700_000_000.5),
            json!(1_700_000_000_500_u64),
            json!(1_700_000_000_500_000_u64),
            json!(1_700_000_000_500_000_000_u64),
        ] {
            let read = since_1970(&value).unwrap();
            let apart = read.abs_diff(time);
            assert!(apart < Duration::from_millis(1), "{value}: {read:?}");
        }
        for value in [json!("soon"), json!(-1), json!(null), json!(0)] {
            assert_eq!(since_1970(&value), None, "{value}");
        }
    }
}
