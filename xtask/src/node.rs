//! Node.js and the npm packages of the window's page.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    command::{self, Failure},
    workspace,
};

/// The oldest Node.js that the page's build tool takes: major, minor.
const OLDEST: (u32, u32) = (20, 19);

/// The page's folder.
pub(crate) fn page() -> PathBuf {
    workspace::root().join("sse-monitor").join("ui")
}

/// Checks Node.js, and installs what the lock file names unless it is there.
pub(crate) fn install() -> Result<(), Failure> {
    check_version()?;
    if is_fresh(&page()) {
        eprintln!("xtask: every npm package of the lock file is installed.");
        return Ok(());
    }
    eprintln!("xtask: installing the npm packages of the lock file into sse-monitor/ui.");
    command::run(npm(["ci", "--no-audit", "--no-fund"]).current_dir(page()))
}

/// `npm` in the page's folder.
pub(crate) fn npm<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(args).current_dir(page());
    command
}

fn check_version() -> Result<(), Failure> {
    let (major, minor) = OLDEST;
    let cure = format!(
        "install Node.js {major}.{minor} or newer with npm (from your system, nodejs.org or a \
         version manager), then run this command again"
    );
    let said = command::output(Command::new("node").arg("--version"))
        .map_err(|_| Failure::new("Node.js, which builds the window's page, is missing", &*cure))?;
    if version(&said).is_some_and(|found| found >= OLDEST) {
        return Ok(());
    }
    Err(Failure::new(
        format!("Node.js is {said}, but {major}.{minor} is the oldest that will do"),
        cure,
    ))
}

/// Major and minor of what `node --version` says.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether npm installed since the lock file changed: it leaves a lock file of its own.
fn is_fresh(page: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let wanted: Option<SystemTime> = changed(&page.join("package-lock.json"));
    let there = changed(&page.join("node_modules").join(".package-lock.json"));
    there.is_some() && there >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert!(version("v20.9.0").unwrap() < OLDEST);
        assert!(version("v22.0.0").unwrap() > OLDEST);
        assert_eq!(version("20"), None);
    }
}
