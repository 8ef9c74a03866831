//! Bytes that grow at the end and are read anywhere: a file, a part of one, or memory.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{PoisonError, RwLock},
};

use super::pieces::Pieces;

/// One writer, any number of readers; reading never waits for a write to a disk.
#[derive(Debug)]
pub(crate) enum Blob {
    File(Disk),
    Memory(RwLock<Pieces>),
}

/// A part of a file, from `start` on.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Of a file under way, the handle that appends. Another than the reader's, since on Windows
    /// reading moves a handle's cursor.
    writer: Option<File>,
    reader: Arc<File>,
    start: u64,
    length: AtomicU64,
}

impl Blob {
    pub(crate) fn memory() -> Self {
        Self::Memory(RwLock::default())
    }

    /// A new file, which only its owner may read.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let writer = Some(options.open(path)?);
        let reader = Arc::new(File::open(path)?);
        Ok(Self::File(Disk { writer, reader, start: 0, length: AtomicU64::new(0) }))
    }

    /// A file as it is; it will not grow.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_file() {
            // A pipe would be waited for.
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = Arc::new(File::open(path)?);
        let length = file.metadata()?.len();
        Ok(Self::part(file, 0, length))
    }

    pub(crate) const fn part(reader: Arc<File>, start: u64, length: u64) -> Self {
        Self::File(Disk { writer: None, reader, start, length: AtomicU64::new(length) })
    }

    /// Where it begins in its file.
    pub(crate) const fn start(&self) -> u64 {
        match self {
            Self::File(disk) => disk.start,
            Self::Memory(_) => 0,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::File(disk) => disk.length.load(Ordering::Acquire),
            Self::Memory(bytes) => {
                bytes.read().unwrap_or_else(PoisonError::into_inner).len() as u64
            }
        }
    }

    /// Appends the pieces, all of them or none.
    pub(crate) fn append(&self, pieces: [&[u8]; 2]) -> io::Result<()> {
        let [first, second] = pieces;
        match self {
            Self::File(disk) => disk.append(first, second),
            Self::Memory(bytes) => {
                let mut bytes = bytes.write().unwrap_or_else(PoisonError::into_inner);
                bytes.append(first);
                bytes.append(second);
                Ok(())
            }
        }
    }

    /// Takes back what an append that was only half of something added.
    pub(crate) fn truncate(&self, length: u64) {
        match self {
            Self::File(disk) => {
                if let Some(file) = &disk.writer
                    && disk.length.load(Ordering::Relaxed) > length
                {
                    // What it fails to take back no reader asks for: its rows do not count.
                    let _ = file.set_len(length);
                    disk.length.store(length, Ordering::Release);
                }
            }
            Self::Memory(bytes) => bytes
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .truncate(usize::try_from(length).unwrap_or(usize::MAX)),
        }
    }

    /// Reads up to `buffer.len()` bytes from `at` on; fewer only where it ends.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.len().saturating_sub(at);
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        if count == 0 {
            // A damaged place may be anywhere.
            return Ok(0);
        }
        let buffer = &mut buffer[..count];
        match self {
            Self::File(disk) => read_fully(&disk.reader, disk.start + at, buffer),
            Self::Memory(bytes) => {
                let bytes = bytes.read().unwrap_or_else(PoisonError::into_inner);
                Ok(bytes.read_at(usize::try_from(at).unwrap_or(usize::MAX), buffer))
            }
        }
    }

    /// Reads exactly so many bytes into `buffer`, in place of what is in it.
    pub(crate) fn read_into(&self, at: u64, count: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.resize(count, 0);
        let read = self.read_at(at, buffer)?;
        if read < count {
            buffer.truncate(read);
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Gives back the room that nothing further will take.
    pub(crate) fn seal(&self) {
        if let Self::Memory(bytes) = self {
            bytes.write().unwrap_or_else(PoisonError::into_inner).shrink();
        }
    }

    /// Waits until the system has brought what was written to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self {
            Self::File(Disk { writer: Some(file), .. }) => file.sync_data(),
            Self::File(_) | Self::Memory(_) => Ok(()),
        }
    }
}

impl Disk {
    fn append(&self, first: &[u8], second: &[u8]) -> io::Result<()> {
        let Some(mut file) = self.writer.as_ref() else {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        };
        let length = self.length.load(Ordering::Relaxed);
        let written = if first.is_empty() {
            file.write_all(second)
        } else {
            // One write a frame, so that a process that is killed leaves whole frames.
            file.write_all(&[first, second].concat())
        };
        if let Err(error) = written {
            // A part of it may be there. It would only be found damaged later, so this may fail.
            let _ = file.set_len(length);
            return Err(error);
        }
        self.length.store(length + (first.len() + second.len()) as u64, Ordering::Release);
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends.
fn read_fully(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read_some(file, at + done as u64, &mut buffer[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(unix)]
fn read_some(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_some(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_memory_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let file = Blob::create(&folder.path().join("a")).unwrap();
        let memory = Blob::memory();
        for blob in [&file, &memory] {
            blob.append([b"one", b"two"]).unwrap();
            blob.append([b"", b"three"]).unwrap();
            assert_eq!(blob.len(), 11);
            let mut buffer = [0; 4];
            assert_eq!(blob.read_at(2, &mut buffer).unwrap(), 4);
            assert_eq!(&buffer, b"etwo");
            assert_eq!(blob.read_at(9, &mut buffer).unwrap(), 2);
            assert_eq!(blob.read_at(99, &mut buffer).unwrap(), 0);
            let mut whole = Vec::new();
            assert!(blob.read_into(0, 12, &mut whole).is_err());
            blob.read_into(6, 5, &mut whole).unwrap();
            assert_eq!(whole, b"three");
        }
        let part = Blob::part(Arc::new(File::open(folder.path().join("a")).unwrap()), 3, 3);
        let mut buffer = [0; 9];
        assert_eq!(part.read_at(0, &mut buffer).unwrap(), 3);
        assert_eq!(&buffer[..3], b"two");
        assert!(part.append([b"", b"x"]).is_err());
    }

    #[test]
    fn a_file_is_its_owners_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        Blob::create(&path).unwrap();
        assert!(Blob::create(&path).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
