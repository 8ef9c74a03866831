//! Puts what is watched in a file.

use std::{
    env, fs,
    path::{Path, PathBuf, absolute},
};

use serde::Serialize;
use sse_monitor_engine::{
    Watch,
    recording::{PackError, pack},
};
use thiserror::Error;

/// What a recording is called, if the user names nothing else.
const EXTENSION: &str = "ssrec";

/// What became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Saved {
    path: String,
    events: u64,
    bytes: u64,
}

/// Why nothing can be recorded to a path.
#[derive(Debug, Error)]
pub(crate) enum SaveError {
    #[error("“{0}” names no file")]
    NoFile(String),
    #[error("there is no folder {0}")]
    NoFolder(String),
    #[error("{0} is there already; it is not written over")]
    Exists(String),
    #[error("nothing is watched that could be recorded")]
    Nothing,
    #[error("a recording is under way; stop it first")]
    UnderWay,
    #[error("no recording is under way")]
    None,
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// A path as the user gives it, with `~` for the home folder.
pub(crate) fn given_path(given: &str) -> PathBuf {
    let given = given.trim();
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from);
    let path = match (given.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(given),
    };
    absolute(&path).unwrap_or(path)
}

/// The file that a recording will be put in, if it can.
pub(crate) fn target(given: &str) -> Result<PathBuf, SaveError> {
    let mut path = given_path(given);
    if given.trim().is_empty() || given.trim().ends_with(['/', '\\']) || path.file_name().is_none()
    {
        return Err(SaveError::NoFile(given.trim().into()));
    }
    if path.extension().is_none() {
        path.set_extension(EXTENSION);
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => Err(SaveError::NoFolder(folder.display().to_string())),
        _ if path.exists() => Err(SaveError::Exists(path.display().to_string())),
        _ => Ok(path),
    }
}

/// Writes all that is kept of the watch.
pub(crate) fn save(watch: &Watch, path: &Path) -> Result<Saved, SaveError> {
    let totals = watch.snapshot().totals;
    pack(&watch.view(), totals, path, |_| {})?;
    let bytes = fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    Ok(Saved { path: path.display().to_string(), events: totals.events, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let given = |name: &str| folder.path().join(name).display().to_string();
        fs::write(given("there.ssrec"), "x").unwrap();
        for (path, word) in [
            (String::new(), "no file"),
            ("~/".into(), "no file"),
            (given("there"), "already"),
            (given("none/feed"), "no folder"),
        ] {
            let sentence = target(&path).unwrap_err().to_string();
            assert!(sentence.contains(word), "{path}: {sentence}");
        }
        assert_eq!(target(&given("feed")).unwrap(), folder.path().join("feed.ssrec"));
        assert_eq!(target(&given("feed.bin")).unwrap(), folder.path().join("feed.bin"));
    }
}
