//! Where sessions lie while they are watched.
//!
//! They are written to the disk as they come, so that a million events cost no memory, and are gone
//! with the window. One that is being recorded says beside it for which file it is meant: it outlives a
//! window that is killed, and the next one [puts it there](crate::recovered).

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

/// Beside a session's folder and of the same name, it holds the path of the file for which it is meant.
const MEANT: &str = "meant";

/// A folder for the sessions of this program.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    sessions: AtomicU64,
    _lock: File,
}

/// The folder of one session; gone with this, unless it is meant for a file that was not made.
#[derive(Debug)]
pub(crate) struct Session(PathBuf);

/// What a program left that was killed, while it recorded: nobody else touches it.
#[derive(Debug)]
pub(crate) struct Left {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes one within `cache`, removes what programs left there that were killed, and gives those of
    /// them in which there are recordings.
    pub(crate) fn new(cache: &Path) -> io::Result<(Self, Vec<Left>)> {
        let all = cache.join("sessions");
        fs::create_dir_all(&all)?;
        keep_private(&all)?;
        let left = sweep(&all)?;
        let folder = make_folder(&all)?;
        let lock = OpenOptions::new().write(true).create_new(true).open(folder.join(LOCK))?;
        lock.lock()?;
        Ok((Self { folder, sessions: AtomicU64::new(0), _lock: lock }, left))
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

    /// Notes for which file it is meant, so that it is not lost with this program; `None` takes that
    /// back.
    pub(crate) fn mean_for(&self, file: Option<&Path>) -> io::Result<()> {
        let note = note_of(&self.0);
        let Some(file) = file else {
            return fs::remove_file(note).or_else(|error| {
                let is_gone = error.kind() == io::ErrorKind::NotFound;
                if is_gone { Ok(()) } else { Err(error) }
            });
        };
        // As JSON, which tells a path that was cut off from one that was not.
        fs::write(note, serde_json::to_vec(file)?)
    }

    /// The file for which it is meant.
    pub(crate) fn meant_for(&self) -> Option<PathBuf> {
        meant_for(&self.0)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.meant_for().is_none() {
            // As above.
            let _ = remove_folder(&self.0);
        }
    }
}

impl Left {
    /// The sessions in it that are meant for files, each gone once it is meant for none.
    pub(crate) fn sessions(&self) -> io::Result<Vec<Session>> {
        let folders = folders_in(&self.folder)?;
        Ok(folders.into_iter().filter(|folder| meant_for(folder).is_some()).map(Session).collect())
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        // As above.
        let _ = remove(&self.folder);
    }
}

fn note_of(session: &Path) -> PathBuf {
    session.with_extension(MEANT)
}

/// The file for which a session is meant, if it is and if the note can be read.
fn meant_for(session: &Path) -> Option<PathBuf> {
    serde_json::from_slice(&fs::read(note_of(session)).ok()?).ok()
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

/// By the process's number, which one that was killed may have had before.
fn make_folder(all: &Path) -> io::Result<PathBuf> {
    let id = process::id();
    let mut folder = all.join(id.to_string());
    let mut more = 1;
    while folder.exists() {
        more += 1;
        folder = all.join(format!("{id}-{more}"));
    }
    fs::create_dir(&folder)?;
    Ok(folder)
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

/// Removes what programs left that were killed, but for those who recorded.
fn sweep(all: &Path) -> io::Result<Vec<Left>> {
    let mut left = Vec::new();
    for entry in fs::read_dir(all)? {
        let folder = entry?.path();
        let Ok(lock) = File::open(folder.join(LOCK)) else { continue };
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            continue;
        }
        let one = Left { folder, _lock: lock };
        if one.sessions().is_ok_and(|sessions| !sessions.is_empty()) {
            left.push(one);
        }
    }
    Ok(left)
}

/// Removes sessions that are meant for no file, and nothing else that may lie there.
fn remove(folder: &Path) -> io::Result<()> {
    let mut keeps = false;
    for session in folders_in(folder)? {
        if meant_for(&session).is_some() {
            keeps = true;
            continue;
        }
        remove_folder(&session)?;
        // Only a note that cannot be read is there.
        let _ = fs::remove_file(note_of(&session));
    }
    if keeps {
        return Ok(());
    }
    fs::remove_file(folder.join(LOCK))?;
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_left_is_removed_unless_it_is_meant_for_a_file() {
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
        let own = process::id().to_string();
        drop(make(&own));
        let recorded = make("recorded");
        let file = cache.path().join("feed.ssrec");
        let session = Session(all.join("recorded/1"));
        session.mean_for(Some(&file)).unwrap();
        drop((session, recorded));
        fs::create_dir_all(all.join("recorded/2")).unwrap();
        fs::create_dir(all.join("foreign")).unwrap();

        let (scratch, left) = Scratch::new(cache.path()).unwrap();
        let here = || {
            let folders = folders_in(&all).unwrap();
            let mut names: Vec<_> = folders
                .iter()
                .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(here(), [own.as_str(), "foreign", "recorded", "used"]);
        let (other, none) = Scratch::new(cache.path()).unwrap();
        assert_eq!(here().len(), 5, "one process may have had the number of another");
        assert!(none.is_empty(), "what one window puts in its file, another leaves alone");
        drop(other);

        // One that could not be put in its file is there for the next window.
        let meant = left[0].sessions().unwrap();
        assert_eq!(meant.iter().map(Session::meant_for).collect::<Vec<_>>(), [Some(file)]);
        drop((meant, left));
        let (other, left) = Scratch::new(cache.path()).unwrap();
        left[0].sessions().unwrap()[0].mean_for(None).unwrap();
        drop((other, left));
        assert_eq!(here(), [own.as_str(), "foreign", "used"]);

        let session = scratch.session();
        fs::create_dir(session.folder()).unwrap();
        fs::write(session.folder().join("types"), "").unwrap();
        drop(scratch);
        assert_eq!(here(), ["foreign", "used"]);
        drop((session, used));
    }
}
