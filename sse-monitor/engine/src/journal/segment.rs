//! A run of rows that come and go together: a journal, and what is derived from it.

use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    blob::Blob,
    entry::{ENTRY, Entry},
    frame::{self, FILE_HEADER},
    turn::Checkpoint,
};
use crate::recording::{Damage, DamageKind};

/// How far a CRC reaches behind each ID.
pub(crate) const ID_CRC: usize = 4;

/// Three blobs that grow together. Rows count once all three have them.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    /// The number of its first row.
    pub(crate) first_row: u64,
    rows: AtomicU64,
    pub(crate) journal: Blob,
    pub(crate) index: Blob,
    pub(crate) ids: Blob,
    pub(crate) checkpoint: Checkpoint,
    /// How much of the journal is on the disk, whatever becomes of the machine.
    synced: AtomicU64,
    /// Where its files are, if it has files of its own.
    folder: Option<PathBuf>,
    /// The one file that it lies in, if it does.
    file: Option<String>,
    /// Whether something is missing before it, whatever its number.
    is_after_gap: bool,
}

/// In the place of how much was brought to the disk: more than any journal has.
const REMOVED: u64 = u64::MAX;

/// What a segment's files are called: the journal, the index, the IDs.
pub(crate) fn file_names(number: u64) -> [String; 3] {
    ["sse", "index", "ids"].map(|extension| format!("{number:06}.{extension}"))
}

impl Segment {
    pub(crate) fn in_memory(number: u64, first_row: u64, checkpoint: Checkpoint) -> Self {
        let [journal, index, ids] = [Blob::memory(), Blob::memory(), Blob::memory()];
        let rows = AtomicU64::new(0);
        // Positions count from a file's header everywhere.
        let _ = journal.append([&frame::file_header(), &[]]);
        let synced = AtomicU64::new(0);
        Self {
            number,
            first_row,
            rows,
            journal,
            index,
            ids,
            checkpoint,
            synced,
            folder: None,
            file: None,
            is_after_gap: false,
        }
    }

    /// New files in `folder`. None is left where one could not be made.
    pub(crate) fn create(
        folder: &Path,
        number: u64,
        first_row: u64,
        checkpoint: Checkpoint,
    ) -> io::Result<Self> {
        let paths = file_names(number).map(|name| folder.join(name));
        let create = || {
            let journal = Blob::create(&paths[0])?;
            journal.append([&frame::file_header(), &[]])?;
            Ok((journal, Blob::create(&paths[1])?, Blob::create(&paths[2])?))
        };
        match create() {
            Ok((journal, index, ids)) => Ok(Self {
                number,
                first_row,
                rows: AtomicU64::new(0),
                journal,
                index,
                ids,
                checkpoint,
                synced: AtomicU64::new(0),
                folder: Some(folder.into()),
                file: None,
                is_after_gap: false,
            }),
            Err(error) => {
                for path in paths {
                    // An empty journal would be taken for a damaged one later.
                    if fs::metadata(&path).is_ok_and(|file| file.len() <= FILE_HEADER as u64) {
                        let _ = fs::remove_file(path);
                    }
                }
                Err(error)
            }
        }
    }

    /// One that is there already; `file` is the name of the one file that it lies in, if it does.
    pub(crate) fn existing(
        number: u64,
        first_row: u64,
        rows: u64,
        blobs: [Blob; 3],
        checkpoint: Checkpoint,
        file: Option<String>,
    ) -> Self {
        let [journal, index, ids] = blobs;
        let rows = AtomicU64::new(rows);
        let synced = AtomicU64::new(0);
        Self {
            number,
            first_row,
            rows,
            journal,
            index,
            ids,
            checkpoint,
            synced,
            folder: None,
            file,
            is_after_gap: false,
        }
    }

    /// The same, before which something is missing.
    pub(crate) fn after_gap(self, is_after_gap: bool) -> Self {
        Self { is_after_gap, ..self }
    }

    pub(crate) const fn is_after_gap(&self) -> bool {
        self.is_after_gap
    }

    /// What the files are called in which its journal, index and IDs lie.
    pub(crate) fn files(&self) -> [String; 3] {
        match &self.file {
            Some(file) => [file.clone(), file.clone(), file.clone()],
            None => file_names(self.number),
        }
    }

    /// That the entry of this row is damaged.
    pub(crate) fn damaged_entry(&self, number: u64) -> Damage {
        let [_, file, _] = self.files();
        let at = self.index.start() + number.saturating_sub(self.first_row) * ENTRY as u64;
        Damage::new(file, at, ENTRY as u64, DamageKind::Changed)
    }

    /// That the ID of this entry is damaged.
    pub(crate) fn damaged_id(&self, entry: &Entry) -> Damage {
        let [_, _, file] = self.files();
        let at = self.ids.start().saturating_add(entry.id_at);
        Damage::new(file, at, entry.id_length.into(), DamageKind::Changed)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Acquire)
    }

    /// The number after its last row.
    pub(crate) fn end(&self) -> u64 {
        self.first_row + self.rows()
    }

    /// Shows what was appended to readers.
    pub(crate) fn commit(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Release);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.journal.len() + self.index.len() + self.ids.len()
    }

    pub(crate) const fn is_on_disk(&self) -> bool {
        self.folder.is_some()
    }

    /// Whether nothing is missing between the two.
    pub(crate) const fn follows(&self, before: &Self) -> bool {
        self.number == before.number.wrapping_add(1) && !self.is_after_gap
    }

    /// Whether it begins with what stands at the end of the one before as well: of an event within which recording
    /// stopped, so that it lies whole in memory. Its first turn tells of that.
    pub(crate) const fn repeats(&self, before: &Self) -> bool {
        before.is_on_disk() && !self.is_on_disk() && self.follows(before)
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Whether its files are gone, which no disk need bear any more.
    pub(crate) fn is_removed(&self) -> bool {
        self.synced() == REMOVED
    }

    /// Brings what was written so far to the disk: the journal last, whose end says that the others are
    /// whole.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let length = self.journal.len();
        if length > self.synced() {
            self.ids.sync()?;
            self.index.sync()?;
            self.journal.sync()?;
            // It may have been removed in the meantime.
            self.synced.fetch_max(length, Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn seal(&self) {
        for blob in [&self.journal, &self.index, &self.ids] {
            blob.seal();
        }
    }

    /// Removes its files. Who still reads them goes on reading.
    pub(crate) fn remove(&self) {
        self.synced.store(REMOVED, Ordering::Release);
        if let Some(folder) = &self.folder {
            for name in file_names(self.number) {
                // What cannot be removed stays, and is counted no longer.
                let _ = fs::remove_file(folder.join(name));
            }
        }
    }
}
