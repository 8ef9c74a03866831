//! Whether there is a display to open a window on.

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
