//! What a recording has beside its journal: found, and trusted as far as it fits.

use alloc::sync::Arc;
use std::{fs::File, path::Path};

use super::{folder, types};
use crate::journal::{
    blob::Blob,
    entry::{ENTRY, Entry},
    frame::{FRAME_HEADER, FrameHeader, FrameKind, u64_at},
    reader,
    segment::ID_CRC,
};

/// What is smaller is read whole when it is opened, so that damage is told at once. What is larger
/// is checked where it is read, and by [`Recording::check`].
pub(super) const CHECKED_AT_ONCE: u64 = 64 << 20;

/// Of the entries of a large index one in so many is looked at: in 64 KiB.
const SAMPLED: usize = (64 << 10) / ENTRY;

/// The payload of the last frame of a one-file recording.
pub(crate) const TRAILER_PAYLOAD: usize = 40;

/// What was derived from a journal, and where that ends.
pub(super) struct Derived {
    pub(super) journal_end: u64,
    pub(super) index: Blob,
    pub(super) ids: Blob,
    pub(super) types: Vec<Arc<str>>,
    pub(super) statistics: Option<Vec<u8>>,
    /// The headers one bit of which is not as it was written: no walk tells of them.
    pub(super) mended: Vec<u64>,
}

impl Derived {
    /// Whether it is an index of so many rows, whose entries are intact as far as it is small.
    pub(super) fn is_of(&self, rows: u64) -> bool {
        let length = self.index.len();
        if rows.checked_mul(ENTRY as u64) != Some(length) {
            return false;
        }
        if length > CHECKED_AT_ONCE / 8 {
            return self.is_intact_here_and_there(rows);
        }
        let mut bytes = Vec::new();
        self.index.read_into(0, usize::try_from(length).unwrap_or(0), &mut bytes).is_ok()
            && bytes.as_chunks::<ENTRY>().0.iter().all(|entry| Entry::decode(entry).is_some())
            && self.ids_are_intact(&bytes)
    }

    /// Where a machine lost its power, whole pages of a file are missing, which one entry of some tells.
    fn is_intact_here_and_there(&self, rows: u64) -> bool {
        let mut bytes = [0; ENTRY];
        let places = (0..rows).step_by(SAMPLED).chain([rows.saturating_sub(1)]);
        let mut places = places.map(|row| row * ENTRY as u64);
        places.all(|at| {
            let read = self.index.read_at(at, &mut bytes);
            read.is_ok_and(|read| read == ENTRY) && Entry::decode(&bytes).is_some()
        })
    }

    fn ids_are_intact(&self, entries: &[u8]) -> bool {
        let mut ids = Vec::new();
        let length = usize::try_from(self.ids.len()).unwrap_or(0);
        if self.ids.len() > CHECKED_AT_ONCE {
            // They are checked where they are read.
            return true;
        }
        if self.ids.read_into(0, length, &mut ids).is_err() {
            return false;
        }
        let entries = entries.as_chunks::<ENTRY>().0.iter().filter_map(Entry::decode);
        entries.filter(|entry| entry.id_length > 0).all(|entry| {
            let at = usize::try_from(entry.id_at).unwrap_or(usize::MAX);
            let end = at.saturating_add(entry.id_length as usize + ID_CRC);
            ids.get(at..end).is_some_and(|bytes| reader::checked_id(bytes).is_ok())
        })
    }
}

/// The files beside a segment's journal.
pub(super) fn sidecars(journal: &Path, length: u64) -> Option<Derived> {
    let index = Blob::open(&journal.with_extension("index")).ok()?;
    let ids = Blob::open(&journal.with_extension("ids")).ok()?;
    let types = folder::read(&journal.with_file_name(types::TYPES_FILE)).ok()?;
    // Numbers of types mean something only with all of them.
    let types = types::decode(&types)?;
    Some(Derived { journal_end: length, index, ids, types, statistics: None, mended: Vec::new() })
}

/// What stands behind the journal in a one-file recording.
pub(super) fn trailer(file: &Arc<File>, length: u64) -> Option<Derived> {
    let whole = Blob::part(Arc::clone(file), 0, length);
    let size = (FRAME_HEADER + TRAILER_PAYLOAD) as u64;
    let trailer_at = length.checked_sub(size)?;
    let mut mended = Vec::new();
    let mut header_at = |at, kind| {
        let (header, is_mended) = header_at(&whole, at, kind)?;
        mended.extend(is_mended.then_some(at));
        Some(header)
    };
    let header = header_at(trailer_at, FrameKind::Trailer)?;
    let payload = payload_at(&whole, trailer_at, header)?;
    if payload.len() != TRAILER_PAYLOAD {
        return None;
    }
    let places: Vec<u64> = (0..5).map(|n| u64_at(&payload, n * 8)).collect();
    let [journal_end, index_at, ids_at, types_at, statistics_at] = places[..] else { return None };
    let mut statistics = None;
    if statistics_at > 0 {
        // Nothing was taken out between, or put there.
        let header = header_at(statistics_at, FrameKind::Statistics)?;
        Some(trailer_at).filter(|at| *at == statistics_at + header.frame_length())?;
        statistics = payload_at(&whole, statistics_at, header);
    }
    let header = header_at(types_at, FrameKind::Types)?;
    let types = types::decode(&payload_at(&whole, types_at, header)?)?;
    let mut part = |at: u64, kind| {
        let header = header_at(at, kind)?;
        Some(Blob::part(Arc::clone(file), at + FRAME_HEADER as u64, header.length.into()))
    };
    Some(Derived {
        journal_end: Some(journal_end).filter(|end| *end <= length)?,
        index: part(index_at, FrameKind::Index)?,
        ids: part(ids_at, FrameKind::Ids)?,
        types,
        statistics,
        mended,
    })
}

/// The header of the frame of this kind that must stand here, and whether one bit of it is not as it was written.
fn header_at(blob: &Blob, at: u64, kind: FrameKind) -> Option<(FrameHeader, bool)> {
    let mut bytes = [0; FRAME_HEADER];
    if blob.read_at(at, &mut bytes).ok()? < FRAME_HEADER {
        return None;
    }
    let header = FrameHeader::mended(&bytes).filter(|header| header.kind == kind)?;
    Some((header, header.encode() != bytes))
}

pub(super) fn frame_at(blob: &Blob, at: u64, kind: FrameKind) -> Option<Vec<u8>> {
    let (header, _) = header_at(blob, at, kind)?;
    payload_at(blob, at, header)
}

/// What the frame at `at` holds, if it is as it was written.
fn payload_at(blob: &Blob, at: u64, header: FrameHeader) -> Option<Vec<u8>> {
    let length = usize::try_from(header.length).ok()?;
    if u64::from(header.length) > blob.len() {
        return None;
    }
    let mut payload = Vec::new();
    blob.read_into(at + FRAME_HEADER as u64, length, &mut payload).ok()?;
    header.matches(&payload).then_some(payload)
}
