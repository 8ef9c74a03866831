//! The signals that ask a command to end.

use core::future::{Future, pending};
use std::{process, thread};

use tokio::{runtime, sync::oneshot};

use crate::exit::Exit;

/// Comes true at ^C, at the SIGTERM that `kill`, `timeout` and service managers send, or at the SIGHUP of
/// a terminal that is closed, with the exit status that shells expect after it.
///
/// It counts from this call on. Where signals cannot be listened for they keep their default, and this
/// never comes true.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> impl Future<Output = Exit> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    let hang_up = (!outlives_its_terminal()).then(|| signal(SignalKind::hangup()));
    // Once listened for, though nobody does, it ends nothing any more: a file that would be larger than may be
    // (`ulimit -f`) is told as a disk that is full.
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            return pending().await;
        };
        let hang_up = async {
            match hang_up {
                Some(Ok(mut hang_up)) => hang_up.recv().await,
                Some(Err(_)) | None => pending().await,
            }
        };
        tokio::select! {
            Some(()) = interrupt.recv() => Exit::Interrupted,
            Some(()) = terminate.recv() => Exit::Terminated,
            Some(()) = hang_up => Exit::HungUp,
            else => pending().await,
        }
    }
}

/// Whether it was started to ignore SIGHUP, as `nohup` starts a program: listening would undo that.
#[cfg(target_os = "linux")]
fn outlives_its_terminal() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & SIGHUP != 0)
}

/// Elsewhere it cannot be told.
#[cfg(all(unix, not(target_os = "linux")))]
fn outlives_its_terminal() -> bool {
    false
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

/// While it is there, a signal to end ends the process.
#[derive(Debug)]
pub(crate) struct Ending(Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some((is_over, listener)) = self.0.take() {
            drop(is_over);
            // One that ends the process already is let do so, and nothing is done beside it.
            let _ = listener.join();
        }
    }
}

/// For long work that waits for nothing: a signal to end ends the process from here on, in the middle of
/// it, once `before` has put away what is half made. What is returned is to be kept until all is done.
pub(crate) fn end_when_asked(before: impl FnOnce() + Send + 'static) -> Ending {
    let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else {
        // Then signals keep their default, which ends it as well.
        return Ending(None);
    };
    let asked = {
        let _within = runtime.enter();
        asked_to_end()
    };
    let (sender, is_over) = oneshot::channel();
    let listener = thread::spawn(move || {
        let asked = runtime.block_on(async {
            tokio::select! {
                exit = asked => Some(exit),
                _ = is_over => None,
            }
        });
        if let Some(exit) = asked {
            before();
            process::exit(exit as i32);
        }
    });
    Ending(Some((sender, listener)))
}
