//! Whether there is a display to open a window on, and what draws it.

use thiserror::Error;

/// There is none.
#[derive(Debug, Error)]
#[error(
    "there is no display to open a window on ({found}); start it from a desktop session, or watch in \
     this terminal with: sse tail URL"
)]
pub(crate) struct NoDisplay {
    found: String,
}

/// Says whether WebKit leaves it to a graphics processor to put the window's layers together; with 1 it
/// does not.
#[cfg(target_os = "linux")]
const WITHOUT_GRAPHICS: &str = "WEBKIT_DISABLE_COMPOSITING_MODE";

/// Where there is no graphics processor, as in many virtual machines, a driver imitates one, and takes
/// the processors for longer than a frame to put one together. WebKit does not ask, so that it is told to
/// draw the window as a whole. Where the user said what shall be, nothing happens.
///
/// It has to know before the window is made: told later, it draws as it should, but the mouse wheel
/// scrolls nothing any more. It reads that in the environment, which is set safely only for a program that
/// begins; so this one begins anew, in its own place and as the same process.
#[cfg(target_os = "linux")]
pub(crate) fn choose_drawing() {
    use std::{env, fs, os::unix::process::CommandExt as _, process::Command};

    let has_graphics = fs::read_dir("/dev/dri").is_ok_and(|mut devices| {
        devices.any(|device| {
            device.is_ok_and(|device| device.file_name().as_encoded_bytes().starts_with(b"renderD"))
        })
    });
    // Once it has begun anew the variable is set.
    if has_graphics || env::var_os(WITHOUT_GRAPHICS).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // It comes back only where that failed: then the window is drawn slowly, and all else is as it is.
    let _ = again.args(arguments).env(WITHOUT_GRAPHICS, "1").exec();
}

/// These systems tell WebKit by themselves, or do not have it.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn choose_drawing() {}

/// Asks before Tauri does, since Tauri's answer to a missing display is a panic.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(crate) fn check() -> Result<(), NoDisplay> {
    if gtk::init().is_ok() {
        return Ok(());
    }
    let named = ["WAYLAND_DISPLAY", "DISPLAY"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)))
        .collect::<Vec<_>>();
    let found = if named.is_empty() {
        "neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned()
    } else {
        format!("{} cannot be reached", named.join(", "))
    };
    Err(NoDisplay { found })
}

/// These systems always have one.
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub(crate) fn check() -> Result<(), NoDisplay> {
    Ok(())
}
