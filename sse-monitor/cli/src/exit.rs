//! How a command ended, for the shell that called it.

use std::process::ExitCode;

use sse_monitor_engine::Fault;

/// The exit status. The numbers are promised in `sse --help`.
///
/// Of several the highest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Other = 1,
    Usage = 2,
    Connect = 3,
    Http = 4,
    TimedOut = 5,
    Protocol = 6,
    Unexpected = 7,
    /// 128 + SIGHUP, as shells count.
    HungUp = 129,
    /// 128 + SIGINT, as shells count.
    Interrupted = 130,
    /// 128 + SIGTERM, as shells count.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Fault> for Exit {
    fn from(fault: Fault) -> Self {
        match fault {
            // Streams end; whoever asked for one attempt has had it.
            Fault::Ended => Self::Done,
            Fault::Connect | Fault::Tls => Self::Connect,
            Fault::Http | Fault::Unavailable => Self::Http,
            Fault::TimedOut => Self::TimedOut,
            Fault::Protocol => Self::Protocol,
            Fault::Request | Fault::Other => Self::Other,
            _ => Self::Other,
        }
    }
}
