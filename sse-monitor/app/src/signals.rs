//! Signals that ask the program to end: Ctrl+C in its terminal, the end of that terminal or of the
//! session, `kill`.

use std::io;

use tauri::{WebviewWindow, async_runtime::spawn};
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};

/// From now on each of them asks the window to close, as the button on its frame does: what it records is
/// in its file before, and what it kept on the disk is gone after.
pub(crate) fn close_by_them(window: WebviewWindow) {
    spawn(async move {
        if let Err(error) = hear(&window).await {
            eprintln!("sse-monitor: a signal would end it at once: {error}");
        }
    });
}

async fn hear(window: &WebviewWindow) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        // It fails where the window has gone already.
        let _ = window.close();
    }
}
