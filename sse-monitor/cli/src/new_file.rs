//! Files that appear whole or not at all, and that nobody else may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A file under way: beside the place where it will stand, and removed unless it is
/// [kept](NewFile::keep).
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    part: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Nothing is written over. The error is a sentence.
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        refuse_what_is_there(path)?;
        let part = part_of(path);
        let file = private(&part)
            .map_err(|error| format!("nothing can be written to {}: {error}", path.display()))?;
        Ok(Self { file, part, path: path.into() })
    }

    /// All was written: it gets its name.
    pub(crate) fn keep(self) -> io::Result<()> {
        // A link is refused where somebody made a file of that name meanwhile.
        fs::hard_link(&self.part, &self.path).or_else(|error| {
            let exists = error.kind() == io::ErrorKind::AlreadyExists;
            // Some file systems have no links.
            if exists { Err(error) } else { fs::rename(&self.part, &self.path) }
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a rename there is none.
        let _ = fs::remove_file(&self.part);
    }
}

/// What a file is called until it is whole.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// A sentence, where there is a file of this name, or one that is not whole.
pub(crate) fn refuse_what_is_there(path: &Path) -> Result<(), String> {
    if path.file_name().is_none() {
        return Err(format!("{} names no file to write to", path.display()));
    }
    if path.symlink_metadata().is_ok() {
        return Err(format!("{} is there already; it is not written over", path.display()));
    }
    let part = part_of(path);
    if part.symlink_metadata().is_ok() {
        return Err(format!(
            "{} is there already: another program writes it, or was stopped while it did; if none \
             does, remove it",
            part.display()
        ));
    }
    Ok(())
}

/// A new file that nobody else may read.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("a");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(keep.path()), ["a.part"]);
        assert!(NewFile::create(&path).unwrap_err().contains("a.part is there already"));
        drop(file);
        assert!(names(keep.path()).is_empty());
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        file.keep().unwrap();
        assert_eq!(names(keep.path()), ["a"]);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(NewFile::create(&path).unwrap_err().contains("a is there already"));
    }

    #[test]
    fn what_somebody_made_meanwhile_is_not_written_over() {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("a");
        let file = NewFile::create(&path).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert_eq!(file.keep().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            (names(keep.path()), fs::read(&path).unwrap()),
            (vec!["a".into()], b"theirs".into())
        );
    }
}
