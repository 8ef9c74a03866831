//! How times are said.

use core::{fmt, time::Duration};

pub(crate) fn reconnection_time(wait: Duration) -> String {
    format!("the server asks to wait {} before a reconnect", Time(wait))
}

/// A time as one says it.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        match milliseconds {
            0..1_000 => write!(f, "{milliseconds} ms"),
            // One digit after the point is as much as anybody waits for.
            1_000..10_000 if milliseconds % 1_000 >= 50 => {
                write!(f, "{:.1} s", self.0.as_secs_f64())
            }
            1_000..120_000 => write!(f, "{:.0} s", self.0.as_secs_f64()),
            _ => write!(f, "{:.0} min", self.0.as_secs_f64() / 60.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        for (milliseconds, said) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (1_049, "1 s"),
            (1_500, "1.5 s"),
            (30_400, "30 s"),
            (180_000, "3 min"),
        ] {
            assert_eq!(Time(Duration::from_millis(milliseconds)).to_string(), said);
        }
    }
}
