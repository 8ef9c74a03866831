//! What a recording has beside its journal: found, and trusted as far as it fits.

use alloc::sync::Arc;
use std::{fs::File, path::Path};

use super::{DamageKind, folder, types};
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
    /// What of the frames that hold it is not as it was written, but for the index and the IDs: place, bytes, kind.
    pub(super) damage: Vec<(u64, u64, DamageKind)>,
}

/// Bytes of a file beside a journal that are not as they were written.
pub(super) struct Spoilt {
    pub(super) extension: &'static str,
    pub(super) at: u64,
    pub(super) bytes: u64,
}

impl Derived {
    /// Whether it is more than is looked at whole.
    pub(super) fn is_large(&self) -> bool {
        self.index.len() > CHECKED_AT_ONCE / 8 || self.ids.len() > CHECKED_AT_ONCE
    }

    /// Where it is no index of so many rows, the first place that tells. All of its entries are looked at as far as it
    /// is small.
    pub(super) fn spoilt(&self, rows: u64) -> Option<Spoilt> {
        let of_index = |at, bytes| Some(Spoilt { extension: "index", at, bytes });
        let length = self.index.len();
        let expected = rows.saturating_mul(ENTRY as u64);
        if length != expected {
            return of_index(length.min(expected), length.abs_diff(expected));
        }
        if length > CHECKED_AT_ONCE / 8 {
            return self.spoilt_here_and_there(rows).and_then(|at| of_index(at, ENTRY as u64));
        }
        let mut bytes = Vec::new();
        if self.index.read_into(0, usize::try_from(length).unwrap_or(0), &mut bytes).is_err() {
            return of_index(0, length);
        }
        let entries = bytes.as_chunks::<ENTRY>().0;
        match (0..).zip(entries).find(|(_, entry)| Entry::decode(entry).is_none()) {
            Some((row, _)) => of_index(row * ENTRY as u64, ENTRY as u64),
            None => self.spoilt_id(entries),
        }
    }

    /// Where a machine lost its power, whole pages of a file are missing, which one entry of some tells.
    fn spoilt_here_and_there(&self, rows: u64) -> Option<u64> {
        let mut bytes = [0; ENTRY];
        let places = (0..rows).step_by(SAMPLED).chain([rows.saturating_sub(1)]);
        places.map(|row| row * ENTRY as u64).find(|at| {
            let read = self.index.read_at(*at, &mut bytes);
            !read.is_ok_and(|read| read == ENTRY) || Entry::decode(&bytes).is_none()
        })
    }

    fn spoilt_id(&self, entries: &[[u8; ENTRY]]) -> Option<Spoilt> {
        let mut ids = Vec::new();
        if self.ids.len() > CHECKED_AT_ONCE {
            // They are checked where they are read.
            return None;
        }
        let length = usize::try_from(self.ids.len()).unwrap_or(0);
        // What cannot be read is told of the first ID.
        let _ = self.ids.read_into(0, length, &mut ids);
        let with_id = entries.iter().filter_map(Entry::decode).filter(|entry| entry.id_length > 0);
        let mut places = with_id.map(|entry| (entry.id_at, entry.id_length as usize + ID_CRC));
        let (at, bytes) = places.find(|(at, bytes)| {
            let at = usize::try_from(*at).unwrap_or(usize::MAX);
            let id = ids.get(at..at.saturating_add(*bytes));
            id.is_none_or(|id| reader::checked_id(id).is_err())
        })?;
        Some(Spoilt { extension: "ids", at, bytes: bytes as u64 })
    }
}

/// The files beside a segment's journal.
pub(super) fn sidecars(journal: &Path, length: u64) -> Option<Derived> {
    let index = Blob::open(&journal.with_extension("index")).ok()?;
    let ids = Blob::open(&journal.with_extension("ids")).ok()?;
    let types = folder::read(&journal.with_file_name(types::TYPES_FILE)).ok()?;
    // Numbers of types mean something only with all of them.
    let types = types::decode(&types)?;
    Some(Derived { journal_end: length, index, ids, types, statistics: None, damage: Vec::new() })
}

/// What stands behind the journal in a one-file recording.
pub(super) fn trailer(file: &Arc<File>, length: u64) -> Option<Derived> {
    let whole = Blob::part(Arc::clone(file), 0, length);
    let size = (FRAME_HEADER + TRAILER_PAYLOAD) as u64;
    let trailer_at = length.checked_sub(size)?;
    let mut damage = Vec::new();
    let mut header_at = |at, kind| {
        let (header, is_mended) = header_at(&whole, at, kind)?;
        damage.extend(is_mended.then_some((at, FRAME_HEADER as u64, DamageKind::Mended)));
        Some(header)
    };
    let header = header_at(trailer_at, FrameKind::Trailer)?;
    let payload = payload_at(&whole, trailer_at, header)?;
    if payload.len() != TRAILER_PAYLOAD {
        return None;
    }
    let places: Vec<u64> = (0..5).map(|n| u64_at(&payload, n * 8)).collect();
    let [journal_end, index_at, ids_at, types_at, statistics_at] = places[..] else { return None };
    let (mut statistics, mut spoilt) = (None, None);
    if statistics_at > 0 {
        // Nothing was taken out between, or put there.
        let header = header_at(statistics_at, FrameKind::Statistics)?;
        Some(trailer_at).filter(|at| *at == statistics_at + header.frame_length())?;
        statistics = payload_at(&whole, statistics_at, header);
        let place = (statistics_at, header.frame_length(), DamageKind::Derived);
        spoilt = statistics.is_none().then_some(place);
    }
    let header = header_at(types_at, FrameKind::Types)?;
    let types = types::decode(&payload_at(&whole, types_at, header)?)?;
    let mut part = |at: u64, kind| {
        let header = header_at(at, kind)?;
        Some(Blob::part(Arc::clone(file), at + FRAME_HEADER as u64, header.length.into()))
    };
    let journal_end = Some(journal_end).filter(|end| *end <= length)?;
    let (index, ids) = (part(index_at, FrameKind::Index)?, part(ids_at, FrameKind::Ids)?);
    damage.extend(spoilt);
    Some(Derived { journal_end, index, ids, types, statistics, damage })
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
