//! Signals that ask the program to end: Ctrl+C in its terminal, the end of that terminal or of the
//! session, `kill`.

use core::future::pending;
use std::io;

use tauri::{Window, async_runtime::spawn};
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};

use crate::closing;

/// From now on each of them closes the window, without a question, since nobody may be there to answer it: what
/// it records is in its file before, and what it kept on the disk is gone after.
pub(crate) fn close_by_them(window: Window) {
    spawn(async move {
        if let Err(error) = hear(&window).await {
            eprintln!("sse-monitor: a signal would end it at once: {error}");
        }
    });
}

async fn hear(window: &Window) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup =
        if outlives_its_terminal() { None } else { Some(signal(SignalKind::hangup())?) };
    loop {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
        closing::close(window.clone());
    }
}

/// Whether it was started to ignore SIGHUP, as `nohup` starts a program: to hear it would undo that. Where
/// there is no `/proc` it cannot be told.
fn outlives_its_terminal() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & SIGHUP != 0)
}
