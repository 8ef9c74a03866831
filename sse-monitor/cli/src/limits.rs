//! How large a line and an event may be: of each command that decodes a stream.

use clap::Args;
use sse_monitor_engine::Limits;

use crate::args::size;

/// A line or an event is held in memory, several times over where it is printed.
const MOST: u64 = 1 << 30;

/// What an event has besides its longest line, where nothing is said of it.
const BESIDES: usize = 1 << 20;

// Of each option, since a heading of them all would hold for those that follow too.
const LIMITS: &str = "Limits";

/// The limits past which an event is dropped.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Most {
    /// Drop an event with a longer line than this; 1G at most [default: 1M]
    ///
    /// What is dropped is told. Printing an event takes up to five times its size of memory; recording it takes none.
    #[arg(long, value_name = "SIZE", value_parser = at_most, help_heading = LIMITS)]
    max_line: Option<u64>,

    /// Drop an event that is larger than this; 1G at most [default: 4M, or 1M more than --max-line]
    #[arg(long, value_name = "SIZE", value_parser = at_most, help_heading = LIMITS)]
    max_event: Option<u64>,
}

impl Most {
    pub(crate) const fn is_given(self) -> bool {
        self.max_line.is_some() || self.max_event.is_some()
    }

    pub(crate) fn limits(self) -> Limits {
        let limits = Limits::default();
        let bytes = |size: Option<u64>| size.and_then(|size| usize::try_from(size).ok());
        let line = bytes(self.max_line).unwrap_or(limits.line);
        let event = limits.event.max(line.saturating_add(BESIDES));
        limits.line(line).event(bytes(self.max_event).unwrap_or(event))
    }
}

fn at_most(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes > MOST { Err("give a size of 1G at most".into()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_room_for_its_longest_line() {
        let limits = |max_line, max_event| {
            let limits = Most { max_line, max_event }.limits();
            (limits.line, limits.event)
        };
        let default = Limits::default();
        assert_eq!(limits(None, None), (default.line, default.event));
        assert_eq!(limits(Some(64 << 20), None), (64 << 20, 65 << 20));
        assert_eq!(limits(Some(100), None), (100, default.event));
        assert_eq!(limits(Some(64 << 20), Some(8 << 20)), (64 << 20, 8 << 20));
    }

    #[test]
    fn a_limit_has_a_limit() {
        assert_eq!(at_most("1G"), Ok(1 << 30));
        assert_eq!(at_most("2G"), Err("give a size of 1G at most".into()));
        assert!(at_most("0").is_err());
    }
}
