//! What the page may ask. Commands translate and forward, nothing else.

use sse_monitor_engine::Row;
use tauri::{State, WebviewWindow};

use crate::shown::{Page, Shown};

/// The URL given on the command line.
#[derive(Debug)]
pub(crate) struct GivenUrl(pub(crate) Option<String>);

#[tauri::command]
pub(crate) fn given_url(given: State<'_, GivenUrl>) -> Option<String> {
    given.0.clone()
}

/// The error is a sentence for the user.
#[tauri::command]
pub(crate) fn connect(
    shown: State<'_, Shown>,
    window: WebviewWindow,
    url: &str,
) -> Result<(), String> {
    shown.connect(url).map_err(|error| error.to_string())?;
    // A window without a title still shows the stream.
    let _ = window.set_title(&shown.title());
    Ok(())
}

#[tauri::command]
pub(crate) fn clear(shown: State<'_, Shown>) {
    shown.clear();
}

#[tauri::command]
pub(crate) fn disconnect(shown: State<'_, Shown>) {
    shown.disconnect();
}

// Off the main thread, which draws the window.
#[tauri::command(async)]
pub(crate) fn page(shown: State<'_, Shown>, from: Option<u64>, count: usize) -> Page {
    shown.page(from, count)
}

// Tauri wants a `Result` of commands that borrow and wait.
#[tauri::command]
pub(crate) async fn changed(shown: State<'_, Shown>, watch: u64, revision: u64) -> Result<(), ()> {
    shown.changed(watch, revision).await;
    Ok(())
}

#[tauri::command(async)]
pub(crate) fn row(shown: State<'_, Shown>, number: u64) -> Option<Row> {
    shown.row(number)
}
