//! Where things are: the workspace's folder, its members, their features, what was built.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::command::Failure;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let own = own.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// `cargo`, the one that runs this, at the root of the workspace.
pub(crate) fn cargo<I: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// A program that cargo built in the profile this one was built in.
pub(crate) fn program(name: &str) -> Result<PathBuf, Failure> {
    let missing = || {
        Failure::new(
            format!("the program `{name}` is not beside xtask, where cargo should have put it"),
            "run xtask as `cargo xtask`, and without a `--target` of its own",
        )
    };
    // Cargo puts all programs of a profile in one folder, wherever a setting moved it.
    let this = env::current_exe().map_err(|_| missing())?;
    let path = this.with_file_name(name).with_extension(env::consts::EXE_EXTENSION);
    if path.is_file() { Ok(path) } else { Err(missing()) }
}

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its features but `default`, in the order of its manifest.
    pub(crate) features: Vec<String>,
    pub(crate) has_default: bool,
}

/// The members that build without WebKit and npm.
pub(crate) fn default_members() -> Result<Vec<Package>, Failure> {
    let root = root();
    let manifest = read(&root.join("Cargo.toml"))?;
    let members = list(&manifest, "default-members");
    members.iter().map(|member| package(&root.join(member).join("Cargo.toml"))).collect()
}

fn package(path: &Path) -> Result<Package, Failure> {
    let manifest = read(path)?;
    let name = section(&manifest, "[package]")
        .find_map(|(key, value)| (key == "name").then(|| value.trim_matches('"').to_owned()));
    let name = name.ok_or_else(|| {
        Failure::new(format!("{} has no `name` in `[package]`", path.display()), "give it one")
    })?;
    let mut features: Vec<_> =
        section(&manifest, "[features]").map(|(key, _)| key.to_owned()).collect();
    let all = features.len();
    features.retain(|feature| feature != "default");
    Ok(Package { name, has_default: features.len() < all, features })
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(
            format!("{} cannot be read: {error}", path.display()),
            "check that the checkout is whole (`git status`)",
        )
    })
}

/// The `key = value` lines of a section of a manifest, as this workspace writes them.
fn section<'m>(manifest: &'m str, header: &str) -> impl Iterator<Item = (&'m str, &'m str)> {
    manifest
        .lines()
        .skip_while(move |line| line.trim() != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with(['#', ' ', '\t', ']']))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
}

/// The quoted items of a list of a manifest, one a line.
fn list(manifest: &str, key: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| !line.starts_with(&format!("{key} = [")))
        .skip(1)
        .take_while(|line| !line.starts_with(']'))
        .map(|line| line.trim().trim_end_matches(',').trim_matches('"').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_the_manifest() {
        let names: Vec<_> = default_members().unwrap().into_iter().map(|p| p.name).collect();
        assert!(names.starts_with(&["sse-codec".to_owned(), "sse-client".to_owned()]), "{names:?}");
        assert!(!names.contains(&"sse-monitor-app".to_owned()), "{names:?}");
    }

    #[test]
    fn features_are_read_without_comments_and_continued_lines() {
        let manifest = "[features]\n## Says why.\ndefault = [\"a\"]\na = [\n    \"dep:x\",\n]\n\
                        b = []\n\n[dependencies]\nx = 1\n";
        let keys: Vec<_> = section(manifest, "[features]").map(|(key, _)| key).collect();
        assert_eq!(keys, ["default", "a", "b"]);
    }
}
