//! What of a recording cannot be read, and is told.

use std::{collections::HashSet, io, path::Path};

use sse_monitor_engine::recording::{Damage, DamageKind, OpenError, Recording};

use crate::{
    progress::Progress,
    record::folder_of,
    words::{Words, counted},
};

/// The recording there. The error is a sentence.
pub(crate) fn recording(path: &Path) -> Result<Recording, String> {
    Recording::open(path).map_err(|error| {
        let folder = folder_of(path);
        let is_missing = matches!(&error, OpenError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound);
        if !is_missing || !folder.is_dir() {
            return error.to_string();
        }
        format!(
            "{0} is not there yet; {1} is, a recording under way or one that was not finished: name {1} to see \
             what is in it until now; once it is over, sse import {1} -o {0} makes the file of it",
            path.display(),
            folder.display()
        )
    })
}

/// All that is damaged of a recording: all of it is read. The error is a sentence.
pub(crate) fn check(recording: &Recording, progress: &Progress) -> Result<Vec<Damage>, String> {
    // Each segment is counted from its beginning.
    let (mut before, mut latest) = (0, 0);
    let checked = recording.check(|bytes| {
        if bytes < latest {
            before += latest;
        }
        latest = bytes;
        progress.at(before + bytes);
    });
    checked.map_err(|error| format!("it cannot be read: {error}"))
}

/// A recording whose damage is told as it is met, each once.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) recording: Recording,
    told: HashSet<Damage>,
    is_missing: bool,
    /// Whether it is a file, which appears whole or not at all.
    is_file: bool,
}

impl Opened {
    /// Tells what opening found. The error is a sentence.
    pub(crate) fn open(path: &Path, words: &Words) -> Result<Self, String> {
        recording(path).map(|recording| Self::of(recording, path, words))
    }

    /// As [`open`](Self::open), of one that is open.
    pub(crate) fn of(recording: Recording, path: &Path, words: &Words) -> Self {
        if recording.is_live() {
            let name = path.display();
            words.note(&format!("{name} is being recorded; this is what came until now"));
        }
        let is_file = path.is_file();
        let mut opened = Self { recording, told: HashSet::new(), is_missing: false, is_file };
        opened.tell(words);
        opened
    }

    /// Tells what was met since, while it was read. Says whether something is missing of what was recorded.
    pub(crate) fn tell(&mut self, words: &Words) -> bool {
        for damage in self.recording.damage() {
            self.is_missing |= damage.is_loss();
            let sentence = damage.to_string();
            if self.told.insert(damage) {
                words.warning(&sentence);
            }
        }
        self.is_missing || self.is_cut_off()
    }

    /// Whether rows may be missing at its end. A folder's program was stopped there, or goes on.
    pub(crate) fn is_cut_off(&self) -> bool {
        let is_cut_off = |damage: &Damage| damage.kind == DamageKind::CutOff;
        self.is_file && !self.recording.is_closed() && self.told.iter().any(is_cut_off)
    }

    /// How much is missing, as far as is known.
    pub(crate) fn missing(&self) -> String {
        let damage = self.recording.damage();
        let of = |kind: DamageKind| damage.iter().filter(move |damage| damage.kind == kind);
        let bytes = of(DamageKind::Changed).chain(of(DamageKind::Disordered));
        let bytes = bytes.map(|damage| damage.bytes).sum();
        let mut missing: Vec<String> = of(DamageKind::Missing)
            .map(|damage| match damage.places {
                1 => format!("{}, which is not there", damage.file),
                several => format!("{several} more files, which are not there"),
            })
            .collect();
        missing.extend(of(DamageKind::EndMissing).map(|damage| match damage.places {
            1 => format!("the end of {}", damage.file),
            several => format!("the ends of {several} more files"),
        }));
        missing.extend(of(DamageKind::Misplaced).map(|damage| match damage.places {
            1 => format!("{}, in whose place another stands", damage.file),
            several => format!("{several} more files, in whose places others stand"),
        }));
        if of(DamageKind::Gap).next().is_some() {
            missing.push("what was missing when it was made".into());
        }
        if self.is_cut_off() {
            missing.push("its end, which is missing".into());
        }
        if bytes > 0 || missing.is_empty() {
            let bytes = counted(bytes, "byte");
            let is_all = self.recording.counts_lost_rows();
            missing.insert(
                0,
                match self.recording.report().damaged {
                    0 => bytes,
                    rows if is_all => format!("{} in {bytes}", counted(rows, "row")),
                    rows => format!("{} at least in {bytes}", counted(rows, "row")),
                },
            );
        }
        missing.join("; ")
    }
}
