//! The signals that ask a command to end.

use core::future::{Future, pending};

use crate::exit::Exit;

/// Comes true at ^C, or at the SIGTERM that `kill`, `timeout` and service managers send, with the exit
/// status that shells expect after it.
///
/// It counts from this call on. Where signals cannot be listened for they keep their default, and this
/// never comes true.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> impl Future<Output = Exit> {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            return pending().await;
        };
        tokio::select! {
            Some(()) = interrupt.recv() => Exit::Interrupted,
            Some(()) = terminate.recv() => Exit::Terminated,
            else => pending().await,
        }
    }
}

/// Comes true at ^C, with the exit status that shells expect after it.
///
/// It counts from its first poll on. Where it cannot be listened for, it keeps its default, and this
/// never comes true.
#[cfg(not(unix))]
pub(crate) async fn asked_to_end() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => pending().await,
    }
}
