//! The window of sse-monitor: shows a live event stream as it arrives.
//!
//! All that is known about the stream is the engine's; the page pulls from it what it shows. What lies
//! between is here: the command line, the window, and [commands] that translate and forward.

#![forbid(unsafe_code)]
// A window needs no console beside it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

extern crate alloc;

mod commands;
mod display;
mod shown;
mod watched;

use std::process::ExitCode;

use clap::Parser;

use crate::shown::Shown;

/// Watch a live event stream (Server-Sent Events) in a window.
#[derive(Debug, Parser)]
#[command(name = "sse-monitor", version)]
struct Arguments {
    /// The stream to connect to at once, for example http://127.0.0.1:8080/events
    url: Option<String>,
}

fn main() -> ExitCode {
    let Arguments { url } = Arguments::parse();
    let ended = display::check().map_err(|error| error.to_string()).and_then(|()| {
        tauri::Builder::default()
            .manage(Shown::default())
            .manage(commands::GivenUrl(url))
            .invoke_handler(tauri::generate_handler![
                commands::given_url,
                commands::connect,
                commands::clear,
                commands::disconnect,
                commands::page,
                commands::changed,
                commands::row,
            ])
            .run(tauri::generate_context!())
            .map_err(|error| format!("the window could not be opened: {error}"))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("sse-monitor: {sentence}");
            ExitCode::FAILURE
        }
    }
}
