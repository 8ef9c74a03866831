//! Packages of other languages, installed once into the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Whether a program can be started; says so if not.
pub(crate) fn exists(program: &str) -> bool {
    let mut command = Command::new(program);
    let there = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// The `node_modules` folder with an npm package in it.
pub(crate) fn npm(package: &str) -> Option<PathBuf> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    if !exists("node") || !exists(npm) {
        return None;
    }
    let folder = once(package, |folder| {
        let mut install = Command::new(npm);
        install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
        run(install.arg(folder).arg(package))
    })?;
    Some(folder.join("node_modules"))
}

/// The interpreter of an environment with PyPI packages in it.
pub(crate) fn pip(packages: &[&str]) -> Option<PathBuf> {
    let python = ["python3", "python"].into_iter().find(|python| exists(python))?;
    let interpreter = |folder: &Path| {
        folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    };
    let folder = once(&packages.join(" "), |folder| {
        run(Command::new(python).args(["-m", "venv"]).arg(folder))
            && run(Command::new(interpreter(folder))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(packages))
    })?;
    Some(interpreter(&folder))
}

/// A folder that is made by `make`, unless an earlier run has made it.
fn once(name: &str, make: impl FnOnce(&Path) -> bool) -> Option<PathBuf> {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let done = folder.join("installed");
    if done.exists() {
        return Some(folder);
    }
    // What an interrupted run has left.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    if !make(&folder) {
        println!("skipped: the packages could not be installed; is the registry out of reach?");
        return None;
    }
    fs::write(done, "").unwrap();
    Some(folder)
}

fn run(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}
