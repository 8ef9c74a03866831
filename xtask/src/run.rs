//! `cargo xtask run`: from a fresh clone to a window on a live stream.

use std::{env, process::ExitCode};

use crate::{
    command,
    command::Failure,
    guard::{Guarded, guarded},
    hub::Hub,
    node, packages, workspace,
};

/// What shows the stream.
#[derive(Clone, Copy)]
enum Shell {
    Window,
    Terminal,
}

/// Sets up, builds, starts the demo hub and shows it, until the window is closed or ^C.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let shell = Shell::here();
    eprintln!(
        "xtask: {}",
        match shell {
            Shell::Window =>
                "a demo hub will run on this machine, and a window will watch its stream.",
            Shell::Terminal => {
                "there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window \
             can open; `sse tail` will show the demo hub's stream in this terminal."
            }
        }
    );
    let (package, program) = match shell {
        Shell::Window => {
            packages::install(packages::WINDOW)?;
            node::install()?;
            ("sse-monitor-app", "sse-monitor")
        }
        Shell::Terminal => ("sse-monitor-cli", "sse"),
    };
    eprintln!("xtask: building sse-server and {program}; the first time takes some minutes.");
    command::run(&mut workspace::cargo(["build", "-p", "sse-server", "-p", package]))?;

    let hub = Hub::start()?;
    let url = hub.events();
    let mut show = guarded(&workspace::program(program)?)?;
    match shell {
        Shell::Window => {
            eprintln!("xtask: the window watches {url}; close it, or press ^C, to end the demo.");
        }
        Shell::Terminal => {
            eprintln!("xtask: this is {url}; press ^C to end the demo.");
            show.args(["tail", "--comments"]);
        }
    }
    Guarded::start(show.arg(&url))?.wait()
}

impl Shell {
    fn here() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        // Only on X11 and Wayland does a variable tell; elsewhere there is a screen as a rule.
        let needs_variable = cfg!(all(unix, not(target_os = "macos")));
        if !needs_variable || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
            Self::Window
        } else {
            Self::Terminal
        }
    }
}
