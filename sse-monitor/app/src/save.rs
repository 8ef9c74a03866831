//! Puts what is watched in a file.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf, absolute},
};

use serde::Serialize;
use sse_monitor_engine::{
    Totals, View, Watch,
    recording::{PackError, Recording, pack},
};
use thiserror::Error;

/// What a recording is called, if the user names nothing else.
pub(crate) const EXTENSION: &str = "ssrec";

/// A file that was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Saved {
    path: PathBuf,
    events: u64,
    rows: u64,
    /// Older rows that had been let go before.
    missing: u64,
    /// Newer rows, which came when there was no more room where it is recorded, and are in memory alone.
    left: u64,
    /// The number after the last row that is in it.
    #[serde(skip)]
    next_row: u64,
    bytes: u64,
}

impl Saved {
    pub(crate) const fn next_row(&self) -> u64 {
        self.next_row
    }

    /// Whether rows are kept that are not in it.
    pub(crate) const fn leaves_rows(&self) -> bool {
        self.left > 0
    }

    /// Takes it back.
    pub(crate) fn remove(&self) {
        // What stays does no harm but that another try is refused.
        let _ = fs::remove_file(&self.path);
    }
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
    #[error("{} cannot be written: {source}; name a file in a folder where you may write", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("nothing is watched that could be recorded")]
    Nothing,
    #[error("a recording is under way; stop it first")]
    UnderWay,
    #[error("no recording is under way")]
    None,
    #[error("a recording cannot be begun: {0}")]
    Begin(io::Error),
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

/// The file that a recording will be put in, if it can: one called `name` where a folder is given.
pub(crate) fn target(given: &str, name: &str) -> Result<PathBuf, SaveError> {
    let mut path = given_path(given);
    if given.trim().is_empty() {
        return Err(SaveError::NoFile(given.trim().into()));
    }
    if path.is_dir() {
        path.push(Path::new(name).file_name().unwrap_or("stream".as_ref()));
    } else if given.trim().ends_with(['/', '\\']) {
        return Err(SaveError::NoFolder(path.display().to_string()));
    }
    if path.file_name().is_none() {
        return Err(SaveError::NoFile(given.trim().into()));
    }
    if path.extension().is_none() {
        path.set_extension(EXTENSION);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
        return Err(SaveError::NoFolder(folder.display().to_string()));
    }
    let part = beside(&path);
    if let Some(there) = [&path, &part].into_iter().find(|path| path.exists()) {
        return Err(SaveError::Exists(there.display().to_string()));
    }
    // Better now than when all has come that was to be written.
    let unwritable = |source| SaveError::Unwritable { path: path.clone(), source };
    File::create_new(&part).and_then(|_| fs::remove_file(&part)).map_err(unwritable)?;
    Ok(path)
}

/// What a recording is called until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// The file of this name for the recording with this number, from 1, where there are several.
pub(crate) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Writes all that is kept of the watch; of one that had no more room on the disk all that is there.
pub(crate) fn save(watch: &Watch, folder: Option<&Path>, path: &Path) -> Result<Saved, SaveError> {
    if let Some(folder) = folder
        && watch.recording_stopped().is_some()
        && let Ok(recording) = Recording::open(folder)
    {
        let left = watch.view().next_row().saturating_sub(recording.view().next_row());
        let saved = put(&recording.view(), recording.totals(), path)?;
        return Ok(Saved { left, ..saved });
    }
    Ok(put(&watch.view(), watch.snapshot().totals, path)?)
}

/// Writes all that is in the view.
pub(crate) fn put(view: &View, totals: Totals, path: &Path) -> Result<Saved, PackError> {
    pack(view, totals, path, |_| {})?;
    let bytes = fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    Ok(Saved {
        path: path.to_owned(),
        events: totals.events,
        rows: view.next_row() - view.first_row(),
        missing: totals.rows_forgotten,
        left: 0,
        next_row: view.next_row(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use sse_monitor_engine::{DiskLimit, DiskPolicy, WatchRequest};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn of_a_recording_that_stopped_all_is_saved_that_was_recorded() {
        let keep = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (folder, file) = (keep.path().join("s"), keep.path().join("feed.ssrec"));
        let limit = DiskLimit { bytes: 100_000, policy: DiskPolicy::Stop };
        let watch = Watch::start(WatchRequest::new(&url).unwrap().record(&folder, limit));
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let events = (0..4000).map(|n| format!("data: {n}\n\n")).collect::<String>();
        stream.write_all(format!("{head}{events}").as_bytes()).await.unwrap();
        let mut revision = 0;
        while watch.snapshot().totals.events < 4000 {
            revision = watch.changed(revision).await;
        }
        assert!(watch.recording_stopped().is_some());
        // As after more than memory takes: what is on the disk is no longer listed.
        watch.release(watch.snapshot().next_row);
        let saved = save(&watch, Some(&folder), &file).unwrap();
        assert_eq!((saved.missing, saved.rows < 4000), (0, true), "{saved:?}");
        // Where it stopped it says so, in memory alone.
        assert_eq!(saved.rows + saved.left, watch.view().next_row() - 1, "{saved:?}");
        assert_eq!((saved.next_row(), saved.leaves_rows()), (saved.rows + 1, true), "{saved:?}");
        let view = Recording::open(&file).unwrap().view();
        assert_eq!(view.page(1, 3, 80)[2].data, "0", "two turns come before the first event");
    }

    #[test]
    fn a_file_that_cannot_be_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let given = |name: &str| folder.path().join(name).display().to_string();
        fs::write(given("there.ssrec"), "x").unwrap();
        fs::write(given("half.ssrec.part"), "x").unwrap();
        for (path, word) in [
            (String::new(), "no file"),
            (given("there"), "already"),
            (given("half"), "half.ssrec.part is there already"),
            (given("none/feed"), "no folder"),
            (given("none/"), "no folder"),
            (given(&"x".repeat(300)), "cannot be written"),
        ] {
            let sentence = target(&path, "name.ssrec").unwrap_err().to_string();
            assert!(sentence.contains(word), "{path}: {sentence}");
        }
        let target = |path: &str| target(path, "../host:1-noon.ssrec").unwrap();
        assert_eq!(target(&given("feed")), folder.path().join("feed.ssrec"));
        assert_eq!(target(&given("feed.bin")), folder.path().join("feed.bin"));
        for within in ["", "/"] {
            let path = folder.path().display().to_string() + within;
            assert_eq!(target(&path), folder.path().join("host:1-noon.ssrec"));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left of a try");
    }
}
