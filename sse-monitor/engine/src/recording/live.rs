//! Tells whether a session is being recorded: by a lock, which ends with its program whatever becomes of it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// What the file is called in a session's folder. One of its own, since on some systems nobody else can read
/// what is locked.
pub(crate) const LOCK_FILE: &str = "lock";

/// Held by the program that records.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        let path = folder.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(&path)?;
        match file.lock() {
            Ok(()) => {}
            // Then a session under way is taken for one that was left.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
        Ok(Self { _file: file, path })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is not locked.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a program records into this folder now.
pub(crate) fn is_recorded(folder: &Path) -> bool {
    let file = File::open(folder.join(LOCK_FILE));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}
