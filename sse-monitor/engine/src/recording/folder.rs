//! The folder of a session that is no longer needed.

use std::{
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
    process,
};

use super::{live::LOCK_FILE, statistics::STATISTICS_FILE, types::TYPES_FILE};

/// The bytes of a file; of nothing else, since a pipe would be waited for.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// Removes the folder of a session, once it is [put in a file](super::pack), say. Only a session's own
/// files are removed: a folder with anything else in it stays, and that in it.
///
/// # Errors
/// If something else is in it, or it cannot be removed; if it is a link to one.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    if !folder.symlink_metadata()?.is_dir() {
        // Where a link leads somebody else may have said.
        return Err(io::ErrorKind::NotADirectory.into());
    }
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let is_ours = |stem: &str, extension: Option<&str>| match extension {
            Some("sse" | "index" | "ids") => stem.bytes().all(|byte| byte.is_ascii_digit()),
            Some(_) => false,
            None => [TYPES_FILE, STATISTICS_FILE, LOCK_FILE].contains(&stem),
        };
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if is_ours(stem, path.extension().map(|e| e.to_str().unwrap_or("?"))) {
            fs::remove_file(path)?;
        }
    }
    fs::remove_dir(folder)
}

/// Removes what this process has half made of a recording at `file`, for a program that ends in the middle
/// of [`pack`](super::pack), `import` or [`redact`](super::redact::redact). What is whole stays.
///
/// Not while another process may be writing one of that name: what it has of it would go as well.
pub fn discard(file: &Path) {
    // What cannot be removed harms nobody, and there is nobody left to tell.
    let _ = fs::remove_file(part_of(file));
    let _ = remove_folder(&folder_of(file));
}

/// What a file is called until it is whole.
pub(crate) fn part_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

/// The folder of this process beside a file.
fn folder_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", process::id()));
    file.with_file_name(name)
}

/// A session's folder beside the file that it will be put in; gone with this.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it. It may lie where everybody may write: what is there already, a link among it, is somebody
    /// else's.
    pub(crate) fn beside(file: &Path) -> io::Result<Self> {
        let path = folder_of(file);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(io::Error::new(
                error.kind(),
                format!(
                    "{} is there already, of a program that was stopped; remove it",
                    path.display()
                ),
            )),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Its name is this process's own.
        let _ = remove_folder(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_made_is_discarded_and_nothing_else() {
        let keep = tempfile::tempdir().unwrap();
        let file = keep.path().join("a.ssrec");
        let folder = Folder::beside(&file).unwrap();
        fs::write(folder.path().join("000001.sse"), "x").unwrap();
        fs::write(part_of(&file), "x").unwrap();
        fs::write(&file, "whole").unwrap();
        fs::write(keep.path().join("b.ssrec.part"), "another's").unwrap();
        discard(&file);
        let left = fs::read_dir(keep.path()).unwrap().map(|f| f.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["a.ssrec", "b.ssrec.part"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_folder_leads_nowhere() {
        let keep = tempfile::tempdir().unwrap();
        let file = keep.path().join("a.ssrec");
        let other = keep.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("000001.sse"), "x").unwrap();
        std::os::unix::fs::symlink(&other, folder_of(&file)).unwrap();
        let refused = Folder::beside(&file).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        discard(&file);
        assert_eq!(fs::read(other.join("000001.sse")).unwrap(), b"x");
        fs::remove_file(folder_of(&file)).unwrap();
        let folder = Folder::beside(&file).unwrap();
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn only_a_sessions_own_files_are_removed() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        fs::create_dir(&folder).unwrap();
        for name in
            ["000001.sse", "000001.index", "000001.ids", "types", "statistics", "lock", "notes.txt"]
        {
            fs::write(folder.join(name), "x").unwrap();
        }
        assert!(remove_folder(&folder).is_err());
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
        fs::remove_file(folder.join("notes.txt")).unwrap();
        remove_folder(&folder).unwrap();
        assert!(!folder.exists());
    }
}
