//! What the page may ask. Commands translate and forward, nothing else. Errors are sentences for the
//! user. What may take its time runs off the main thread, which draws the window.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sse_monitor_engine::query::Report;
use tauri::{
    State, WebviewWindow, Window,
    async_runtime::{JoinHandle, spawn_blocking},
    ipc::Response,
};

use crate::{
    closing::{self, Closing},
    page::Asked,
    recovered::{Recovered, recover},
    save::{SaveError, Saved},
    scratch::Left,
    search,
    session::{About, Whole},
    shown::{NotOpened, Shown},
    source::{as_recording, why_not_opened},
};

/// What stands on the command line.
#[derive(Debug)]
pub(crate) struct Given(pub(crate) Option<String>);

/// The same, as the page takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GivenSource {
    text: String,
    is_recording: bool,
}

#[tauri::command]
pub(crate) fn given(given: State<'_, Given>) -> Option<GivenSource> {
    let text = given.0.clone()?;
    Some(GivenSource { is_recording: as_recording(&text), text })
}

#[tauri::command(async)]
pub(crate) fn connect(
    shown: State<'_, Shown>,
    window: WebviewWindow,
    url: &str,
) -> Result<(), String> {
    not_recording(&shown)?;
    shown.connect(url).map_err(|error| error.to_string())?;
    // A window without a title still shows the stream.
    let _ = window.set_title(&shown.title());
    Ok(())
}

#[tauri::command(async)]
pub(crate) fn lets_go(shown: State<'_, Shown>, url: &str) -> Result<bool, String> {
    not_recording(&shown)?;
    shown.lets_go(url).map_err(|error| error.to_string())
}

#[tauri::command(async)]
pub(crate) fn check(shown: State<'_, Shown>, path: &str) -> Result<(), String> {
    not_recording(&shown)?;
    Shown::check(path).map_err(|error| why_not_opened(&error))
}

#[tauri::command(async)]
pub(crate) fn open(
    shown: State<'_, Shown>,
    window: WebviewWindow,
    path: &str,
) -> Result<About, String> {
    not_recording(&shown)?;
    let about = shown.open(path).map_err(|error| match error {
        NotOpened::Open(error) => why_not_opened(&error),
        NotOpened::UnderWay(error) => error.to_string(),
    })?;
    // As above.
    let _ = window.set_title(&shown.title());
    Ok(about)
}

#[tauri::command(async)]
pub(crate) fn clear(shown: State<'_, Shown>) -> Result<(), String> {
    not_recording(&shown)?;
    shown.clear();
    Ok(())
}

/// The list is as high as WebKit can draw it at this factor.
const LARGEST_ZOOM: f64 = 2.0;

#[tauri::command]
pub(crate) fn zoom(window: WebviewWindow, factor: f64) -> Result<(), String> {
    let factor = factor.clamp(0.5, LARGEST_ZOOM);
    window.set_zoom(factor).map_err(|error| format!("the window cannot be zoomed: {error}"))
}

#[tauri::command(async)]
pub(crate) fn reconnect(shown: State<'_, Shown>) {
    shown.reconnect();
}

#[tauri::command(async)]
pub(crate) fn disconnect(shown: State<'_, Shown>) {
    shown.disconnect();
}

#[tauri::command(async)]
pub(crate) fn page(shown: State<'_, Shown>, asked: Asked) -> Response {
    Response::new(shown.page(&asked))
}

#[tauri::command(async)]
pub(crate) fn seek(
    shown: State<'_, Shown>,
    number: Option<u64>,
    position: u64,
    by: i64,
    until: Option<u64>,
) -> Option<(u64, u64)> {
    shown.seek(number, position, by, until)
}

// Tauri wants a `Result` of commands that borrow and wait.
#[tauri::command]
pub(crate) async fn changed(
    shown: State<'_, Shown>,
    watch: u64,
    revision: u64,
    filter: u64,
    found: u64,
) -> Result<(), ()> {
    shown.changed(watch, revision, filter, found).await;
    Ok(())
}

#[tauri::command(async)]
pub(crate) fn filter(shown: State<'_, Shown>, text: &str) -> Result<(), String> {
    let query = search::parse(text).map_err(|error| error.to_string())?;
    shown.filter(query).map_err(|error| format!("nothing can be searched now: {error}"))
}

#[tauri::command(async)]
pub(crate) fn row(shown: State<'_, Shown>, number: u64) -> Option<Whole> {
    shown.row(number)
}

#[tauri::command(async)]
pub(crate) fn report(shown: State<'_, Shown>) -> Option<Report> {
    shown.report()
}

#[tauri::command(async)]
pub(crate) fn record(shown: State<'_, Shown>, path: &str, name: &str) -> Result<(), String> {
    shown.record(path, name).map_err(|error| error.to_string())
}

#[tauri::command(async)]
pub(crate) fn finish(shown: State<'_, Shown>) -> Result<Vec<Saved>, String> {
    shown.finish().map_err(|error| error.to_string())
}

#[tauri::command(async)]
pub(crate) fn finish_elsewhere(
    shown: State<'_, Shown>,
    path: &str,
    name: &str,
) -> Result<Vec<Saved>, String> {
    shown.finish_elsewhere(path, name).map_err(|error| error.to_string())
}

#[tauri::command(async)]
pub(crate) fn discard(shown: State<'_, Shown>) {
    shown.discard();
}

/// The page asks the user whether the window is to be closed.
#[tauri::command]
pub(crate) fn asks_to_close(closing: State<'_, Closing>) {
    closing.asks();
}

/// What the user answered: also where rows are in no file.
#[tauri::command(async)]
pub(crate) fn close(window: Window) {
    closing::close(window);
}

/// What becomes of recordings that killed windows left: told once, as soon as it is known.
#[derive(Debug)]
pub(crate) struct Recovering(Mutex<Option<JoinHandle<Recovered>>>);

impl Recovering {
    pub(crate) fn begin(left: Vec<Left>) -> Self {
        Self(Mutex::new(Some(spawn_blocking(move || recover(&left)))))
    }
}

// As above.
#[tauri::command]
pub(crate) async fn recovered(recovering: State<'_, Recovering>) -> Result<Recovered, ()> {
    let handle = recovering.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(match handle {
        Some(handle) => handle.await.unwrap_or_default(),
        None => Recovered::default(),
    })
}

/// What is being recorded is not let go.
fn not_recording(shown: &Shown) -> Result<(), String> {
    if shown.is_recording() { Err(SaveError::UnderWay.to_string()) } else { Ok(()) }
}
