//! Where sessions lie while they are watched.
//!
//! They are written to the disk as they come, so that a million events cost no memory, and are gone
//! with the window, unless they are put in a file.

use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    process,
};

use sse_monitor_engine::recording::remove_folder;

/// Locked for as long as the program runs whose sessions lie beside it.
const LOCK: &str = "lock";

/// A folder for the sessions of this program.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    sessions: AtomicU64,
    _lock: File,
}

/// The folder of one session; gone with this.
#[derive(Debug)]
pub(crate) struct Session(PathBuf);

impl Scratch {
    /// Makes one within `cache`, and removes what programs left there that were killed.
    pub(crate) fn new(cache: &Path) -> io::Result<Self> {
        let all = cache.join("sessions");
        fs::create_dir_all(&all)?;
        keep_private(&all)?;
        sweep(&all)?;
        let folder = all.join(process::id().to_string());
        fs::create_dir(&folder)?;
        let lock = OpenOptions::new().write(true).create_new(true).open(folder.join(LOCK))?;
        lock.lock()?;
        Ok(Self { folder, sessions: AtomicU64::new(0), _lock: lock })
    }

    pub(crate) fn session(&self) -> Session {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        Session(self.folder.join(number.to_string()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is swept by the next window.
        let _ = remove(&self.folder);
    }
}

impl Session {
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // As above.
        let _ = remove_folder(&self.0);
    }
}

/// Streams may hold what is for nobody else.
fn keep_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn sweep(all: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all)? {
        let folder = entry?.path();
        let is_left = match File::open(folder.join(LOCK)) {
            Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        if is_left {
            // Another window may sweep too.
            let _ = remove(&folder);
        }
    }
    Ok(())
}

/// Removes sessions, and nothing else that may lie there.
fn remove(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_folder(&entry.path())?;
        }
    }
    fs::remove_file(folder.join(LOCK))?;
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_another_uses_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let all = cache.path().join("sessions");
        let make = |name: &str| {
            let session = all.join(name).join("1");
            fs::create_dir_all(&session).unwrap();
            fs::write(session.join("000001.sse"), "x").unwrap();
            let lock = File::create(all.join(name).join(LOCK)).unwrap();
            lock.lock().unwrap();
            lock
        };
        let used = make("used");
        drop(make("left"));
        let foreign = all.join("foreign");
        fs::create_dir(&foreign).unwrap();

        let scratch = Scratch::new(cache.path()).unwrap();
        let here = || {
            let entries = fs::read_dir(&all).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let own = process::id().to_string();
        assert_eq!(here(), [own.as_str(), "foreign", "used"]);
        let session = scratch.session();
        fs::create_dir(session.folder()).unwrap();
        fs::write(session.folder().join("types"), "").unwrap();
        drop(scratch);
        assert_eq!(here(), ["foreign", "used"]);
        drop((session, used));
    }
}
