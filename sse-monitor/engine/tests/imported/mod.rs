//! Something imported, and the recording that was made of it.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::path::PathBuf;

use sse_monitor_engine::{
    Row, RowKind,
    recording::{ImportError, Imported as Told, Recording, Source, import},
};

pub(crate) const STREAM: &[u8] =
    b"retry: 20\nid: 1\nevent: tick\ndata: one\ndata: two\n\n: beat\n\ndata: \xff\n\n";

pub(crate) struct Imported {
    pub(crate) told: Told,
    pub(crate) recording: Recording,
    pub(crate) keep: tempfile::TempDir,
}

impl Imported {
    pub(crate) fn of(bytes: &[u8], source: Source) -> Self {
        Self::try_of(bytes, source).unwrap()
    }

    pub(crate) fn try_of(bytes: &[u8], source: Source) -> Result<Self, ImportError> {
        let keep = tempfile::tempdir().unwrap();
        let to: PathBuf = keep.path().join("out.ssrec");
        let told = import(bytes, source, "a file", &to)?;
        let recording = Recording::open(&to).unwrap();
        assert_eq!(recording.damage(), []);
        Ok(Self { told, recording, keep })
    }

    pub(crate) fn events(&self) -> Vec<Row> {
        let mut rows = self.recording.view().page(1, usize::MAX, usize::MAX);
        rows.retain(|row| row.kind == RowKind::Event);
        rows
    }
}
