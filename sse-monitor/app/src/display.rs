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

/// By this WebKit paints on the processor, and leaves to a graphics driver only to put layers together.
#[cfg(target_os = "linux")]
const PAINT_ON_PROCESSOR: &str = "WEBKIT_SKIA_ENABLE_CPU_RENDERING";

/// Where there is no graphics processor, as in many virtual machines, a driver imitates one, and painting
/// through it takes the time of several frames. WebKit does not ask; its environment tells it, and a
/// program cannot change its own safely but by beginning anew. Elsewhere, or where the user said what
/// shall be, nothing happens.
#[cfg(target_os = "linux")]
pub(crate) fn choose_painter() {
    use std::{env, fs, os::unix::process::CommandExt as _, process::Command};

    let has_graphics = fs::read_dir("/dev/dri").is_ok_and(|mut devices| {
        devices.any(|device| {
            device.is_ok_and(|device| device.file_name().as_encoded_bytes().starts_with(b"renderD"))
        })
    });
    if has_graphics || env::var_os(PAINT_ON_PROCESSOR).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // It returns only where it fails: then the window is slower.
    let _ = again.args(arguments).env(PAINT_ON_PROCESSOR, "1").exec();
}

/// These systems tell WebKit by themselves, or do not have it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn choose_painter() {}

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
