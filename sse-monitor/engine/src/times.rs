//! How times are said.

use core::{fmt, time::Duration};

/// The longest that a server can make a client wait, as the policies of `sse-client` have it unless told otherwise.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What is said of a reconnection time, in milliseconds. The most that there is stands for any that is longer.
pub(crate) fn reconnection_time(milliseconds: u32) -> String {
    let wait = Duration::from_millis(milliseconds.into());
    let mut sentence = match milliseconds {
        u32::MAX => "the server asks to wait more than 49 days before a reconnect".into(),
        _ => format!("the server asks to wait {} before a reconnect", Time(wait)),
    };
    if wait > LONGEST_WAIT {
        sentence.push_str("; an hour at most is waited");
    }
    sentence
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
            120_000..7_200_000 => write!(f, "{:.0} min", self.0.as_secs_f64() / 60.0),
            7_200_000..172_800_000 => write!(f, "{:.0} h", self.0.as_secs_f64() / 3600.0),
            _ => write!(f, "{:.0} days", self.0.as_secs_f64() / 86_400.0),
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
            (7_199_000, "120 min"),
            (10_800_000, "3 h"),
            (259_200_000, "3 days"),
        ] {
            assert_eq!(Time(Duration::from_millis(milliseconds)).to_string(), said);
        }
    }

    #[test]
    fn a_time_to_wait_is_told_as_it_was_sent_and_what_is_made_of_it() {
        let said = |milliseconds| reconnection_time(milliseconds);
        assert_eq!(said(3_600_000), "the server asks to wait 60 min before a reconnect");
        assert_eq!(
            said(u32::MAX - 1),
            "the server asks to wait 50 days before a reconnect; an hour at most is waited"
        );
        assert_eq!(
            said(u32::MAX),
            "the server asks to wait more than 49 days before a reconnect; an hour at most is waited"
        );
    }
}
