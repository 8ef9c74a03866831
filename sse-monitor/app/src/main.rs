//! The window of sse-monitor: shows a live event stream as it arrives, or a recording of one.
//!
//! All that is known about the stream is the engine's; the page pulls from it what it shows. What lies
//! between is here: the command line, the window, what is [shown] of which [session], and
//! [commands] that translate and forward.

#![forbid(unsafe_code)]
// A window needs no console beside it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

extern crate alloc;

mod closing;
mod commands;
mod display;
mod list;
mod page;
mod recovered;
mod save;
mod scratch;
mod search;
mod session;
mod shown;
#[cfg(unix)]
mod signals;
mod source;
mod watched;

use std::process::ExitCode;

use clap::Parser;
use tauri::{App, Manager as _, RunEvent, WindowEvent};

use crate::{
    closing::Closing,
    scratch::{Left, Scratch},
    shown::Shown,
};

/// Watch a live event stream (Server-Sent Events), or look at a recording of one, in a window.
///
/// It asks by GET, without headers of yours. For a request that needs more, record it with
/// `sse record -o feed.ssrec -- curl …` and open the file.
#[derive(Debug, Parser)]
#[command(name = "sse-monitor", version)]
struct Arguments {
    /// The stream to connect to at once, for example http://127.0.0.1:8080/events; or the file or folder
    /// of a recording
    url: Option<String>,
}

fn main() -> ExitCode {
    let Arguments { url } = Arguments::parse();
    display::choose_drawing();
    let ended = display::check().map_err(|error| error.to_string()).and_then(|()| {
        tauri::Builder::default()
            .manage(commands::Given(url))
            .manage(Closing::default())
            .setup(|app| {
                let (scratch, left) = scratch(app).unzip();
                app.manage(Shown::new(scratch));
                app.manage(commands::Recovering::begin(left.unwrap_or_default()));
                #[cfg(unix)]
                for window in app.webview_windows().into_values() {
                    signals::close_by_them(window.as_ref().window());
                }
                Ok(())
            })
            .on_window_event(|window, event| {
                if let WindowEvent::CloseRequested { api, .. } = event {
                    closing::requested(window, api);
                }
            })
            .invoke_handler(tauri::generate_handler![
                commands::given,
                commands::lets_go,
                commands::connect,
                commands::check,
                commands::open,
                commands::clear,
                commands::zoom,
                commands::reconnect,
                commands::disconnect,
                commands::page,
                commands::seek,
                commands::changed,
                commands::filter,
                commands::row,
                commands::report,
                commands::record,
                commands::finish,
                commands::finish_elsewhere,
                commands::discard,
                commands::recovered,
                commands::asks_to_close,
                commands::close,
            ])
            .build(tauri::generate_context!())
            .map_err(|error| format!("the window could not be opened: {error}"))
    });
    let ended = ended.map(|app| {
        app.run_return(|app, event| {
            if let RunEvent::Exit = event {
                app.state::<Shown>().close();
            }
        })
    });
    match ended {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("sse-monitor: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Where sessions lie while they are watched, and what killed windows left there; `None` if no folder can
/// be had for them.
fn scratch(app: &App) -> Option<(Scratch, Vec<Left>)> {
    let cache = app.path().app_cache_dir().ok()?;
    Scratch::new(&cache)
        .inspect_err(|error| {
            eprintln!(
                "sse-monitor: rows are kept in memory alone, since {} cannot be used: {error}",
                cache.display()
            );
        })
        .ok()
}
