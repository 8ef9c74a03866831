//! Debian packages: what is missing, and how it gets here.

use std::process::{Command, Stdio};

use crate::command::{self, Failure, exists};

/// What the window is built with and runs on.
pub(crate) const WINDOW: &[&str] = &["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev"];

/// What the tests want besides: a display without a screen, a driver for the window, OpenSSL, with
/// which the driver's client is built, a browser whose own EventSource the hub is tested with, and
/// what runs programs of other processors.
pub(crate) const TEST: &[&str] =
    &["xvfb", "xauth", "webkit2gtk-driver", "libssl-dev", "chromium", "qemu-user"];

/// Installs those of `wanted` that are missing, and says so.
///
/// Elsewhere than on Debian and its kin, it says what is wanted and goes on where it is there.
pub(crate) fn install(wanted: &[&str]) -> Result<(), Failure> {
    if !(exists("dpkg-query") && exists("apt-get")) {
        return elsewhere(wanted);
    }
    let missing = missing(wanted, &installed(wanted));
    if missing.is_empty() {
        eprintln!("xtask: every Debian package wanted is installed.");
        return Ok(());
    }
    let names = missing.join(" ");
    let by_hand = format!("apt-get install --no-install-recommends {names}");
    let Some(rights) = Rights::here() else {
        return Err(Failure::new(
            format!("these Debian packages are missing, and only root may install them: {names}"),
            format!("run `{by_hand}` as root, then this command again"),
        ));
    };
    eprintln!("xtask: installing the Debian packages {names}.");
    // An old list may well do, so a failed update alone stops nothing.
    if let Err(failure) = command::run(&mut rights.apt_get(&["update"])) {
        eprintln!("xtask: going on with the package lists that are there: {failure}");
    }
    let install = ["install", "--yes", "--no-install-recommends"];
    command::run(rights.apt_get(&install).args(&missing)).map_err(|failure| {
        failure.or_cure(format!("read what apt-get printed above, or run `{by_hand}` yourself"))
    })
}

/// How this process may install packages.
#[derive(Clone, Copy)]
enum Rights {
    Root,
    Sudo,
}

impl Rights {
    fn here() -> Option<Self> {
        if command::output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0") {
            Some(Self::Root)
        } else if exists("sudo") {
            Some(Self::Sudo)
        } else {
            None
        }
    }

    fn apt_get(self, args: &[&str]) -> Command {
        let mut command = Command::new(match self {
            Self::Root => "env",
            Self::Sudo => "sudo",
        });
        if let Self::Sudo = self {
            command.arg("env");
        }
        // Another apt-get may hold the lock for a while; nobody is there to answer questions.
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o"]);
        command.arg("DPkg::Lock::Timeout=300").args(args).stdin(Stdio::null());
        command
    }
}

/// One line a package: its state, its name. What dpkg has never heard of has no line.
fn installed(wanted: &[&str]) -> String {
    let query = ["--show", "--showformat=${db:Status-Status} ${Package}\\n"];
    let output = Command::new("dpkg-query").args(query).args(wanted).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn missing<'w>(wanted: &[&'w str], installed: &str) -> Vec<&'w str> {
    let is_there = |name: &str| installed.lines().any(|line| line == format!("installed {name}"));
    wanted.iter().copied().filter(|name| !is_there(name)).collect()
}

/// Not Debian: macOS and Windows bring what a window needs, other Linux systems name it otherwise.
fn elsewhere(wanted: &[&str]) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let names = wanted.join(", ");
    eprintln!("xtask: this is not Debian or Ubuntu; it needs what Debian calls {names}.");
    let mut query = Command::new("pkg-config");
    if query.args(["--exists", "webkit2gtk-4.1"]).status().is_ok_and(|status| status.success()) {
        eprintln!("xtask: WebKit (webkit2gtk-4.1) is here, so it goes on.");
        return Ok(());
    }
    Err(Failure::new(
        "WebKit (webkit2gtk-4.1), which the window is drawn with, was not found by pkg-config",
        format!("install what Debian calls {names}, then run this command again"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count_as_there() {
        let installed = "installed xvfb\nconfig-files xauth\nnot-installed libssl-dev\n";
        assert_eq!(
            missing(&["xvfb", "xauth", "libssl-dev", "new"], installed),
            ["xauth", "libssl-dev", "new"]
        );
    }
}
