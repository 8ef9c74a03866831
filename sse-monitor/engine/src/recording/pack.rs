//! Puts a session in one file.

use alloc::sync::Arc;
use core::{mem, ops::ControlFlow};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{derived::TRAILER_PAYLOAD, opener, part_of, rebuild, statistics, types};
use crate::{
    clock::Moment,
    journal::{
        blob::Blob,
        entry::{ENTRY, Entry},
        frame::{self, FRAME_HEADER, FrameHeader, FrameKind, Number},
        kept::Kept,
        reader::{self, Reader},
        segment::Segment,
        turn::{END_PAYLOAD, End, Head},
        view::View,
        walk::{Mark, Step, Walk},
    },
    query::Statistics,
    state::Totals,
};

/// Places that an end frame tells of, which is of one length.
const MOST_GAPS: usize = 8;

/// Why a session cannot be put in a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// There is a file of this name.
    #[error("{} is there already; it is not written over", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("the recording cannot be written to {}: {source}", path.display())]
    Io {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Puts the session, as it stands in the view, in one file at `path`, with its index; where that is damaged, and all
/// else is whole, with one that is made again. `progress` hears how many bytes of it were written.
///
/// The file appears whole or not at all: until it is whole, it is called `path` with `.part` behind.
///
/// # Errors
/// [`PackError`] if there is a file of one of these names, or it cannot be written; of a watch whose recording stopped,
/// since what came after that is in memory alone: [open](super::Recording::open) what was recorded, and pack that.
pub fn pack(
    view: &View,
    totals: Totals,
    path: &Path,
    progress: impl FnMut(u64),
) -> Result<(), PackError> {
    let fail = |source: io::Error| PackError::Io { path: path.into(), source };
    if path.exists() {
        return Err(PackError::Exists { path: path.into() });
    }
    let part = part_of(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    // Another program may write it, or one was killed that did.
    let file = options.open(&part).map_err(|error| {
        let exists = error.kind() == io::ErrorKind::AlreadyExists;
        if exists { PackError::Exists { path: part.clone() } } else { fail(error) }
    })?;
    let written = write(view, totals, file, &part, progress).and_then(|file| {
        file.sync_all()?;
        // A link is refused where somebody made a file of that name meanwhile.
        fs::hard_link(&part, path).or_else(|error| {
            let exists = error.kind() == io::ErrorKind::AlreadyExists;
            // Some file systems have no links.
            if exists { Err(error) } else { fs::rename(&part, path) }
        })
    });
    // Of a rename nothing is left; what cannot be removed harms nobody.
    let _ = fs::remove_file(&part);
    written.map_err(fail)
}

fn write(
    view: &View,
    totals: Totals,
    file: File,
    path: &Path,
    progress: impl FnMut(u64),
) -> io::Result<File> {
    let file = BufWriter::with_capacity(1 << 20, file);
    let gaps = Vec::new();
    let mut out = Output { file, path: path.into(), at: 0, number: Number::FIRST, gaps, progress };
    let kept = view.kept();
    out.bytes(&frame::file_header())?;
    let first = view.parts().first();
    let head = Head {
        origin: kept.origin.clone(),
        segment: 1,
        first_row: first.map_or(1, |part| part.segment.first_row),
        checkpoint: first.map(|part| part.segment.checkpoint.clone()).unwrap_or_default(),
    };
    let payload = serde_json::to_vec(&head)?;
    let mut moment = Moment { unix_micros: kept.origin.started_unix_micros, elapsed_micros: 0 };
    out.frame(FrameKind::Head, &payload, moment)?;

    // What each segment's positions are moved by.
    let mut moved = Vec::new();
    let mut before: Option<&Segment> = None;
    for part in view.parts() {
        let segment = &*part.segment;
        // Whether or not it still follows: its first bytes may stand on the disk too, or its oldest have fallen out.
        if before.is_some_and(|before| before.is_on_disk() && !segment.is_on_disk()) {
            return Err(io::Error::other(
                "its recording stopped, and what came since is in memory alone; open what was recorded, and pack that",
            ));
        }
        if segment.is_after_gap() || before.is_some_and(|before| !segment.follows(before)) {
            out.gap()?;
        }
        before = Some(segment);
        let (end, is_disordered) = end_of_rows(segment, part.rows)?;
        let from = beginning_of_rows(segment)?;
        moved.push(out.at.cast_signed() - from.at().cast_signed());
        out.frames(&segment.journal, from, end)?;
        if is_disordered {
            out.gap()?;
        }
    }
    if kept.is_before_gap() {
        out.gap()?;
    }
    // Their numbers may leave some out.
    let rows = view.parts().iter().map(|part| part.rows).sum();
    let ended = kept.end();
    let last_event_id = match &ended {
        Some(end) => end.last_event_id.clone(),
        None => newest_id(view).unwrap_or_default(),
    };
    let totals = Totals { kept_bytes: 0, ..totals };
    let types = kept.types_after(0).len() as u64;
    let stopped = ended.and_then(|end| end.stopped);
    let journal_bytes = out.at;
    let gaps = mem::take(&mut out.gaps);
    let end =
        End { rows, totals, last_event_id, journal_bytes, types, goes_on: false, gaps, stopped };
    if let Some(last) = view.parts().last()
        && let Some(entry) = newest_entry(last.rows, &last.segment)
    {
        moment.elapsed_micros = entry.elapsed_micros;
        moment.unix_micros = moment.unix_micros.saturating_add(entry.elapsed_micros);
    }
    out.frame(FrameKind::End, &end.encode(), moment)?;

    let journal_end = out.at;
    let indexed = if is_index_damaged(view) { out.indexed_again(view, head, rows)? } else { None };
    let places = match &indexed {
        Some(indexed) => out.derived(indexed, &[0], statistics_of(view, indexed), moment)?,
        None => out.derived(view, &moved, statistics_of(view, view), moment)?,
    };
    let mut payload = [0; TRAILER_PAYLOAD];
    for (slot, place) in [journal_end].into_iter().chain(places).enumerate() {
        payload[slot * 8..slot * 8 + 8].copy_from_slice(&place.to_le_bytes());
    }
    out.frame(FrameKind::Trailer, &payload, moment)?;
    out.file.into_inner().map_err(io::IntoInnerError::into_error)
}

struct Output<P> {
    file: BufWriter<File>,
    path: PathBuf,
    /// Where something is missing: the first few places.
    gaps: Vec<u64>,
    at: u64,
    /// Of the next frame.
    number: Number,
    progress: P,
}

impl<P: FnMut(u64)> Output<P> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn frame(&mut self, kind: FrameKind, payload: &[u8], moment: Moment) -> io::Result<()> {
        self.header(FrameHeader::new(kind, payload, moment, 0))?;
        self.bytes(payload)
    }

    fn header(&mut self, header: FrameHeader) -> io::Result<()> {
        self.bytes(&header.numbered(self.number).encode())?;
        self.number = self.number.next();
        Ok(())
    }

    /// Stands for frames that are missing here, so that whoever opens this file is told of it.
    fn gap(&mut self) -> io::Result<()> {
        self.tell_gap();
        self.number = self.number.next();
        self.bytes(&[0; FRAME_HEADER])
    }

    fn tell_gap(&mut self) {
        if self.gaps.len() < MOST_GAPS {
            self.gaps.push(self.at);
        }
    }

    /// Copies the frames of a journal from `from` up to `to`, with the numbers that they have here. A damaged payload is
    /// copied as it is, and from a frame on that does not follow all is, by which whoever opens this file is told of it
    /// too. In the place of what is no frame zeros stand, since with other numbers around it some of it might seem one.
    fn frames(&mut self, journal: &Blob, from: Mark, to: u64) -> io::Result<()> {
        let bytes = Bytes { journal, at: from.at() };
        let (mut from, mut bytes) = (from, BufReader::with_capacity(1 << 20, bytes));
        while to.saturating_sub(from.at()) >= FRAME_HEADER as u64 {
            let mut header = [0; FRAME_HEADER];
            bytes.read_exact(&mut header)?;
            let left = to - from.at() - FRAME_HEADER as u64;
            // What is mended needs no mending there.
            let mended = || from.mended(&header);
            match FrameHeader::decode(&header).or_else(mended) {
                Some(header) if from.is_of(&header) => {
                    // One of which bytes are missing reaches into what follows.
                    let length = header.length.min(u32::try_from(left).unwrap_or(u32::MAX));
                    self.header(FrameHeader { length, ..header })?;
                    self.pass(&mut bytes, length.into())?;
                    from = from.past(&header);
                }
                Some(header) => {
                    // It must not seem to follow here.
                    self.number = self.number.next();
                    self.header(header)?;
                    return self.pass(&mut bytes, left);
                }
                None => {
                    let mut walk = Walk::from(journal, from);
                    let is_gap = matches!(walk.step()?, Some(Step::Gap { .. }));
                    if is_gap {
                        self.tell_gap();
                    }
                    let next = walk.mark();
                    let broken = next.at().min(to).saturating_sub(from.at());
                    bytes.seek_relative(broken.cast_signed() - FRAME_HEADER as i64)?;
                    self.pass(&mut BufReader::new(io::repeat(0)), broken)?;
                    if next.at() > to {
                        return Ok(());
                    }
                    self.number = self.number.skip(from.missing_to(next));
                    from = next;
                }
            }
        }
        self.pass(&mut bytes, to.saturating_sub(from.at()))
    }

    fn pass(&mut self, source: &mut impl BufRead, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let bytes = source.fill_buf()?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let now = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
            self.bytes(&bytes[..now])?;
            source.consume(now);
            count -= now as u64;
        }
        (self.progress)(self.at);
        Ok(())
    }

    /// The session with an index that is made again from what was written. `None`: not all of that can be read, so
    /// that the index which there is tells more.
    fn indexed_again(&mut self, view: &View, head: Head, rows: u64) -> io::Result<Option<View>> {
        self.file.flush()?;
        // A handle of its own: on Windows reading moves the one that writes.
        let file = Arc::new(File::open(&self.path)?);
        let journal = Blob::part(file, 0, self.at);
        let kept = Arc::new(Kept::new(head.origin.clone()));
        view.kept().types().into_iter().for_each(|name| kept.add_type(name));
        let limits = reader::limits_of(&kept.origin);
        let made = rebuild::rebuild(&journal, &head, limits, Totals::default(), &kept, "")?;
        if !made.is_whole || made.rows != rows {
            return Ok(None);
        }
        let blobs = [journal, made.index, made.ids];
        let segment = Segment::existing(1, head.first_row, rows, blobs, head.checkpoint, None);
        kept.push(Arc::new(segment));
        Ok(Some(kept.view()))
    }

    /// Index, IDs, types and statistics; says where they are.
    fn derived(
        &mut self,
        view: &View,
        moved: &[i64],
        statistics: String,
        moment: Moment,
    ) -> io::Result<[u64; 4]> {
        let rows: u64 = view.parts().iter().map(|part| part.rows).sum();
        // Of a session under way they go on growing.
        let ids: Vec<u64> = view.parts().iter().map(|part| part.segment.ids.len()).collect();
        let (Ok(index_length), Ok(ids_length)) =
            (u32::try_from(rows * ENTRY as u64), u32::try_from(ids.iter().sum::<u64>()))
        else {
            // More than a frame can say: whoever opens it makes the index again.
            return Ok([0; 4]);
        };
        let index_at = self.at;
        self.streamed(FrameKind::Index, index_length, moment, |each| {
            entries(view, moved, &ids, |entry| each(&entry))
        })?;
        let ids_at = self.at;
        self.streamed(FrameKind::Ids, ids_length, moment, |each| ids_of(view, &ids, each))?;
        let types_at = self.at;
        self.frame(FrameKind::Types, types::encode(&view.kept().types()).as_bytes(), moment)?;
        let statistics_at = self.at;
        self.frame(FrameKind::Statistics, statistics.as_bytes(), moment)?;
        Ok([index_at, ids_at, types_at, statistics_at])
    }

    /// Writes a frame whose payload is never held: it is made once for its sum, and once to be written.
    fn streamed(
        &mut self,
        kind: FrameKind,
        length: u32,
        moment: Moment,
        payload: impl Fn(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut sum = crc32fast::Hasher::new();
        payload(&mut |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        let payload_crc = sum.finalize();
        let header = FrameHeader::new(kind, &[], moment, 0).wire(length);
        self.header(FrameHeader { length, payload_crc, ..header })?;
        payload(&mut |bytes| self.bytes(bytes))
    }
}

/// A journal's bytes from a place on.
struct Bytes<'a> {
    journal: &'a Blob,
    at: u64,
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.journal.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Bytes<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.journal.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Those that are known of a session that is over, or counted now, as it is `indexed`.
fn statistics_of(view: &View, indexed: &View) -> String {
    let kept = view.kept();
    let next_row = view.next_row();
    let mut known = kept.statistics();
    // What was counted of damaged rows is not what there is now.
    let is_of_others = known.reads_rows() && !core::ptr::eq(view, indexed);
    if kept.end().is_some() && known.next_row() == next_row && !is_of_others {
        return statistics::encode(&mut known, next_row);
    }
    drop(known);
    let mut counted = Statistics::default();
    counted.update(indexed);
    statistics::encode(&mut counted, next_row)
}

/// Whether an entry cannot be read, or an ID.
fn is_index_damaged(view: &View) -> bool {
    let mut reader = Reader::new(view);
    reader::for_entries(view, view.numbers(), |segment, _, entry| {
        match entry.is_some_and(|entry| reader.id(segment, &entry).is_ok()) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })
    .is_some()
}

/// All entries, as they stand in one file.
fn entries(
    view: &View,
    moved: &[i64],
    ids: &[u64],
    mut each: impl FnMut([u8; ENTRY]) -> io::Result<()>,
) -> io::Result<()> {
    let mut ids_moved = 0;
    for ((part, moved), ids) in view.parts().iter().zip(moved).zip(ids) {
        let failed = reader::for_entries(view, part.numbers(), |_, _, entry| {
            let entry = entry.map(|entry| Entry {
                at: entry.at.saturating_add_signed(*moved),
                // Without an ID it is a place in the body, or nothing.
                id_at: entry.id_at + if entry.id_length == 0 { 0 } else { ids_moved },
                ..entry
            });
            // A damaged one stays so.
            match each(entry.map_or([0; ENTRY], |entry| entry.encode())) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        failed.map_or(Ok(()), Err)?;
        ids_moved += ids;
    }
    Ok(())
}

fn ids_of(
    view: &View,
    ids: &[u64],
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    for (part, end) in view.parts().iter().zip(ids) {
        let mut at = 0;
        while at < *end {
            let room = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let read = part.segment.ids.read_at(at, &mut buffer[..room])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            each(&buffer[..read])?;
            at += read as u64;
        }
    }
    Ok(())
}

/// Where the frames after the head begin.
fn beginning_of_rows(segment: &Segment) -> io::Result<Mark> {
    let mut walk = Walk::new(&segment.journal);
    match walk.step()? {
        Some(Step::Frame { header, .. } | Step::Spoilt { header, .. })
            if header.kind == FrameKind::Head =>
        {
            Ok(walk.mark())
        }
        _ => Ok(Mark::BEGINNING),
    }
}

/// Where what the view shows ends: before the end frame of a closed segment, and before what came
/// after the view was made; and whether what stands there is in disorder.
fn end_of_rows(segment: &Segment, rows: u64) -> io::Result<(u64, bool)> {
    let length = segment.journal.len();
    if segment.rows() > rows {
        return Ok((end_of_newest(segment, rows)?, false));
    }
    if opener::end(&segment.journal).is_some() {
        return Ok((length - (FRAME_HEADER + END_PAYLOAD) as u64, false));
    }
    // Where it was cut off within a frame, nothing behind that could be found again.
    let mut walk = Walk::new(&segment.journal);
    while let Some(step) = walk.step()? {
        if let Step::Broken { at, bytes } | Step::Disordered { at, bytes } = step
            && at + bytes == length
        {
            return Ok((at, matches!(step, Step::Disordered { .. })));
        }
    }
    Ok((length, false))
}

/// Where the frame ends in which the newest row ends.
fn end_of_newest(segment: &Segment, rows: u64) -> io::Result<u64> {
    let Some(newest) = newest_entry(rows, segment) else {
        return Ok(beginning_of_rows(segment)?.at());
    };
    let mut at = newest.at.saturating_sub(newest.frame_back.into());
    let mut missing = u64::from(newest.length.max(1));
    let mut into = u64::from(newest.frame_back).saturating_sub(FRAME_HEADER as u64);
    let mut bytes = [0; FRAME_HEADER];
    while missing > 0 {
        if segment.journal.read_at(at, &mut bytes)? < FRAME_HEADER {
            return Ok(segment.journal.len());
        }
        let Some(header) = FrameHeader::mended(&bytes) else { return Ok(segment.journal.len()) };
        at += header.frame_length();
        missing = missing.saturating_sub(u64::from(header.length).saturating_sub(into));
        into = 0;
    }
    Ok(at)
}

fn newest_entry(rows: u64, segment: &Segment) -> Option<Entry> {
    let mut bytes = [0; ENTRY];
    let at = rows.checked_sub(1)? * ENTRY as u64;
    let read = segment.index.read_at(at, &mut bytes).ok()?;
    (read == ENTRY).then(|| Entry::decode(&bytes)).flatten()
}

/// The ID at the newest event.
fn newest_id(view: &View) -> Option<String> {
    let mut reader = Reader::new(view);
    let newest = view.next_row().checked_sub(1)?;
    (view.first_row()..=newest).rev().take(1000).find_map(|number| {
        let row = reader.row(number, 0)?;
        (row.kind == crate::row::RowKind::Event).then_some(row.id)
    })
}
