//! Whether there is a display to open a window on, and what draws it.

#[cfg(target_os = "linux")]
use std::{fs, path::Path};

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
/// begins; so this one begins anew, in its own place and as the same process, if its file is sure to be known.
#[cfg(target_os = "linux")]
pub(crate) fn choose_drawing() {
    use std::{env, os::unix::process::CommandExt as _, process::Command};

    let has_graphics = fs::read_dir("/dev/dri").is_ok_and(|mut devices| {
        devices.any(|device| {
            device.is_ok_and(|device| device.file_name().as_encoded_bytes().starts_with(b"renderD"))
        })
    });
    // Once it has begun anew the variable is set.
    if has_graphics || env::var_os(WITHOUT_GRAPHICS).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let program = env::current_exe().unwrap_or_default();
    if is_of_name(&program, Path::new(&name), fs::canonicalize(&name).ok().as_deref()) {
        let mut again = Command::new(program);
        again.arg0(name).args(arguments).env(WITHOUT_GRAPHICS, "1");
        // It comes back only where that failed.
        let _ = again.exec();
    }
    eprintln!(
        "sse-monitor: there is no graphics processor; with {WITHOUT_GRAPHICS}=1 in its environment the window \
         is drawn faster"
    );
}

/// Whether the file of this process is the program that was called by this name, which leads to the file `found`, if to
/// any: it is another where that was started by a loader (`ld.so PROGRAM`), an emulator or a debugger, which would take
/// the arguments for its own.
#[cfg(target_os = "linux")]
fn is_of_name(file: &Path, name: &Path, found: Option<&Path>) -> bool {
    let has_name = file.file_name().is_some() && file.file_name() == name.file_name();
    has_name || found == Some(file)
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn it_begins_anew_only_from_a_file_that_is_its_own() {
        let own = "/opt/app/sse-monitor";
        for (file, name, found, is_own) in [
            (own, "/opt/app/sse-monitor", Some(own), true),
            (own, "./sse-monitor", Some(own), true),
            // Found along the PATH.
            (own, "sse-monitor", None, true),
            // A link of another name.
            (own, "/usr/bin/monitor", Some(own), true),
            // There is no telling.
            (own, "monitor", None, false),
            ("/usr/lib/ld-linux-x86-64.so.2", "./sse-monitor", Some(own), false),
            ("/usr/bin/qemu-aarch64", "sse-monitor", None, false),
            ("/opt/app/sse-monitor (deleted)", "./sse-monitor", None, false),
            ("", "", None, false),
        ] {
            let found = found.map(Path::new);
            assert_eq!(
                is_of_name(Path::new(file), Path::new(name), found),
                is_own,
                "{file} {name}"
            );
        }
    }
}
