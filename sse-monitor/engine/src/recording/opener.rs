//! Opens a recording: one file, or the folder of a session.

use alloc::sync::Arc;
use core::{mem, ops::Range};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    Damage, DamageKind, DamageList, OpenError, Recording,
    derived::{CHECKED_AT_ONCE, Spoilt, frame_at, sidecars, trailer},
    folder, live,
    rebuild::{self, Rebuilt},
    segments::{has_frames, hint, number_of, segments_of, unreadable},
    statistics::{self, STATISTICS_FILE},
    types,
};
use crate::{
    journal::{
        blob::Blob,
        frame::{FILE_HEADER, FRAME_HEADER, FileHeader, FrameKind},
        kept::Kept,
        reader,
        segment::{Segment, file_names},
        turn::{Checkpoint, END_PAYLOAD, End, Head, Origin},
        walk::Walk,
    },
    query::Statistics,
    state::Totals,
};

/// Missing files of a gap that are told one by one: what the others are called may be nonsense.
const MOST_MISSING: u64 = 100;

/// How often a session is listed anew whose files are dropped while they are opened.
const MOST_TRIES: usize = 20;

/// More rows than any session has.
const MOST_ROWS: u64 = 1 << 53;

/// What is known of a recording while its segments are opened, the first one first.
pub(super) struct Opener<'a> {
    path: &'a Path,
    /// The journals of a folder.
    files: Vec<PathBuf>,
    is_folder: bool,
    is_live: bool,
    is_looked_through: bool,
    counts_lost_rows: bool,
    kept: Option<Arc<Kept>>,
    /// Of the latest file: what it is called, how long it is, and whether it has an end.
    before: Option<(String, u64, bool)>,
    /// Whether the latest file had an end frame, be that damaged.
    has_end: bool,
    /// Whether something is missing between that and what follows.
    is_before_gap: bool,
    next_row: u64,
    totals: Totals,
    damage: DamageList,
    is_closed: bool,
    /// What the latest segment's end says.
    goes_on: bool,
    stopped: Option<String>,
    last_event_id: String,
    /// Of a file, if they are there.
    statistics: Option<Vec<u8>>,
}

impl<'a> Opener<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Recording, OpenError> {
        for _ in 0..MOST_TRIES {
            let opened = Self::open_once(path);
            let is_gone = matches!(
                &opened,
                Err(OpenError::Unreadable { source, .. })
                    if source.kind() == io::ErrorKind::NotFound
            );
            // Its oldest files are dropped while it is recorded.
            if !(is_gone && path.is_dir()) {
                return opened;
            }
        }
        Self::open_once(path)
    }

    fn open_once(path: &'a Path) -> Result<Recording, OpenError> {
        let metadata = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        let is_folder = metadata.is_dir();
        // Before its files are listed: one that is closed meanwhile was not left by a program that stopped.
        let is_live = is_folder && live::is_recorded(path);
        let mut opener = Self::new(path, is_folder, is_live);
        if !is_folder {
            opener.segment(path)?;
            return Ok(opener.finish());
        }
        let mut before: Option<u64> = None;
        let mut foreign = None;
        let files = segments_of(path)?;
        opener.files.clone_from(&files);
        for file in &files {
            if let (Some(before), Some(number)) = (before, number_of(file)) {
                opener.missing(before.saturating_add(1)..number);
            }
            match opener.segment(file) {
                Err(error @ OpenError::Foreign { .. }) if files.len() > 1 => {
                    opener.overwritten(file)?;
                    foreign = foreign.or(Some(error));
                }
                opened => opened?,
            }
            before = number_of(file);
        }
        if let Some(error) = foreign.filter(|_| opener.kept.is_none()) {
            return Err(error);
        }
        match before {
            None => return Err(OpenError::Empty { path: path.into() }),
            // Of one under way it was only just made.
            Some(last) if opener.goes_on && !is_live => {
                opener.missing(last.saturating_add(1)..last.saturating_add(2))
            }
            Some(_) => {}
        }
        Ok(opener.finish())
    }

    fn new(path: &'a Path, is_folder: bool, is_live: bool) -> Self {
        Self {
            path,
            files: Vec::new(),
            is_folder,
            is_live,
            is_looked_through: true,
            counts_lost_rows: true,
            kept: None,
            before: None,
            has_end: false,
            is_before_gap: false,
            next_row: 1,
            totals: EMPTY,
            damage: DamageList::default(),
            is_closed: false,
            goes_on: false,
            stopped: None,
            last_event_id: String::new(),
            statistics: None,
        }
    }

    fn segment(&mut self, path: &Path) -> Result<(), OpenError> {
        let fail = |source| unreadable(path, source);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !fs::metadata(path).map_err(fail)?.is_file() {
            // To open a pipe would wait for whoever writes into it.
            return Err(OpenError::NoFile { path: path.into() });
        }
        let file = Arc::new(File::open(path).map_err(fail)?);
        let length = file.metadata().map_err(fail)?.len();
        if self.files.len() > 1 && length < FILE_HEADER as u64 {
            // Its program was stopped when it had just made it.
            // The one before is closed once this one is more than that.
            let kind = if self.goes_on { DamageKind::EndMissing } else { DamageKind::NotClosed };
            self.tell(&name, 0, length, kind);
            self.counts_lost_rows &= !self.goes_on;
            self.is_before_gap |= self.goes_on;
            (self.is_closed, self.goes_on) = (false, false);
            self.before = Some((name, length, false));
            return Ok(());
        }
        let whole = Blob::part(Arc::clone(&file), 0, length);
        let mut beginning = Vec::new();
        (&*file).take(512).read_to_end(&mut beginning).map_err(fail)?;
        match FileHeader::of(&beginning) {
            FileHeader::Journal => {}
            FileHeader::Damaged => self.tell(&name, 0, FILE_HEADER as u64, DamageKind::Header),
            FileHeader::Newer(found) => {
                return Err(OpenError::Newer { path: path.into(), found });
            }
            FileHeader::Foreign if has_frames(&whole) => {
                self.tell(&name, 0, FILE_HEADER as u64, DamageKind::Header);
            }
            FileHeader::Foreign => {
                return Err(OpenError::Foreign { path: path.into(), hint: hint(&beginning) });
            }
        }
        let is_first = self.kept.is_none();
        let derived = if self.is_folder { sidecars(path, length) } else { trailer(&file, length) };
        let journal_end = derived.as_ref().map_or(length, |derived| derived.journal_end);
        let journal = Blob::part(Arc::clone(&file), 0, journal_end);
        // A number that nothing can have counted to is damaged.
        let head = head(&journal).filter(|head| head.first_row <= MOST_ROWS);
        // Another one tells of the same session, and where it is the next, how many rows came before it.
        let next = if is_first && head.is_none() { self.next_head(path) } else { None };
        let kept = self.kept_of(head.as_ref().or(next.as_ref()));
        let head = match head {
            Some(head) => head,
            None => {
                // Of a file that is one recording there is no other.
                let segment = self.is_folder.then(|| number_of(path)).flatten().unwrap_or(1);
                let checkpoint = self.checkpoint(&kept, segment).map_err(fail)?;
                Head { segment, first_row: self.next_row, checkpoint, ..Head::default() }
            }
        };
        if head.first_row > self.next_row
            && let Some((before, length, false)) = self.before.take()
        {
            if !self.damage.end_is_missing(&before) {
                self.tell(&before, length, 0, DamageKind::EndMissing);
            }
            (self.is_before_gap, self.counts_lost_rows) = (true, false);
        }
        let number = number_of(path).filter(|_| self.is_folder).unwrap_or(head.segment);
        let is_misplaced = number != head.segment;
        if is_misplaced {
            // Its header may be damaged too.
            self.tell(&name, FILE_HEADER as u64, length, DamageKind::Misplaced);
            (self.is_before_gap, self.counts_lost_rows) = (true, false);
        }
        let end = end(&journal);
        self.is_closed = end.is_some();
        self.goes_on = end.as_ref().is_some_and(|end| end.goes_on);
        self.stopped = end.as_ref().and_then(|end| end.stopped.clone());
        let trusted = end.zip(derived).filter(|(end, derived)| {
            let end_at = journal.len() - (FRAME_HEADER + END_PAYLOAD) as u64;
            let types =
                if self.is_folder { kept.types_after(0).len() } else { derived.types.len() };
            // Entries name types by their numbers.
            let knows_types = types as u64 >= end.types;
            // An index beside it may be of the one that should stand there.
            let spoilt = (!is_misplaced).then(|| derived.spoilt(end.rows)).flatten();
            if let Some(Spoilt { extension, at, bytes }) = &spoilt
                && self.is_folder
            {
                let file = Path::new(&name).with_extension(extension);
                self.tell_derived(&file.to_string_lossy(), *at, *bytes);
            }
            !is_misplaced
                && [0, end_at].contains(&end.journal_bytes)
                && knows_types
                && spoilt.is_none()
        });
        let is_small = length <= CHECKED_AT_ONCE;
        let (found, is_as_written) = match &trusted {
            Some(_) if is_small => look_through(&whole, &name).map_err(fail)?,
            Some(_) | None => (DamageList::default(), true),
        };
        let trusted = trusted.filter(|_| is_as_written);
        let (rows, blobs, journal) = match trusted {
            Some((end, derived)) => {
                if !self.is_folder {
                    derived.types.iter().for_each(|name| kept.add_type(Arc::clone(name)));
                }
                // A file's frames are looked through with the rest of it.
                self.is_looked_through &= is_small && !(self.is_folder && derived.is_large());
                self.totals = capped(end.totals);
                self.last_event_id = end.last_event_id;
                self.has_end = true;
                self.statistics = derived.statistics;
                self.damage.append(found);
                // Of a large file nobody looks for them.
                for at in &end.gaps {
                    self.tell(&name, *at, FRAME_HEADER as u64, DamageKind::Gap);
                }
                self.counts_lost_rows &= end.gaps.is_empty();
                for (at, bytes, kind) in derived.damage {
                    self.tell(&name, at, bytes, kind);
                }
                (end.rows, [derived.index, derived.ids], journal)
            }
            None => self.index_again(&name, file, length, &head, &kept).map_err(fail)?,
        };
        let [index, ids] = blobs;
        // Rows go on from the segment before, whatever a damaged head says.
        let mut first_row = head.first_row.max(self.next_row);
        // The first of all begins with row 1.
        let is_next = |next: &Head| next.segment == head.segment.saturating_add(1);
        if let Some(next) = next.filter(|next| head.segment > 1 && is_next(next)) {
            first_row = next.first_row.saturating_sub(rows).max(1);
        }
        if is_first {
            kept.show_from(first_row);
        }
        self.next_row = first_row + rows;
        let is_after_gap = mem::replace(&mut self.is_before_gap, is_misplaced);
        self.before = Some((name.clone(), length, self.has_end));
        let segment = Segment::existing(
            number,
            first_row,
            rows,
            [journal, index, ids],
            head.checkpoint,
            (!self.is_folder).then_some(name),
        );
        kept.push(Arc::new(segment.after_gap(is_after_gap)));
        Ok(())
    }

    /// Makes the index of a segment again; tells how many rows it has, and where they are.
    fn index_again(
        &mut self,
        name: &str,
        file: Arc<File>,
        length: u64,
        head: &Head,
        kept: &Arc<Kept>,
    ) -> io::Result<(u64, [Blob; 2], Blob)> {
        // Of those whose turns are gone the head tells.
        let Checkpoint { attempt, attempts, connections, .. } = head.checkpoint;
        let attempts = self.totals.attempts.max(attempts.unwrap_or(attempt.into()));
        let connections = self.totals.connections.max(connections.unwrap_or(0));
        let before = capped(Totals { attempts, connections, ..self.totals });
        let limits = reader::limits_of(&kept.origin);
        let whole = Blob::part(Arc::clone(&file), 0, length);
        let rebuilt = rebuild::rebuild(&whole, head, limits, before, kept, name)?;
        let Rebuilt { index, ids, rows, totals, last_event_id, damage, .. } = rebuilt;
        self.damage.append(damage);
        self.counts_lost_rows &= !rebuilt.lacks_rows;
        // A file appears whole or not at all, a segment grows.
        let (is_open, kind) = if self.is_folder {
            (!self.is_closed && rebuilt.last.is_some(), DamageKind::NotClosed)
        } else {
            let is_open = rebuilt.last.is_some_and(|last| last != FrameKind::Trailer);
            (is_open, DamageKind::CutOff)
        };
        if rebuilt.is_whole && is_open {
            self.tell(name, length, 0, kind);
        }
        // In a file its index stands behind the end, and nothing is lost with it.
        self.is_closed |= rebuilt.end.is_some() && !self.is_folder;
        self.totals = totals;
        self.last_event_id = last_event_id;
        self.statistics = rebuilt.statistics;
        self.has_end = self.is_closed || rebuilt.end.is_some();
        let journal_end = rebuilt.end.as_ref().map_or(length, |(at, _)| *at);
        let end = rebuilt.end.map(|(_, end)| end).filter(|end| end.rows == rows);
        if let Some(end) = end.filter(|_| rebuilt.is_whole) {
            // What was dropped is counted there too.
            self.totals = capped(end.totals);
            self.stopped = end.stopped;
        }
        Ok((rows, [index, ids], Blob::part(file, 0, journal_end)))
    }

    /// The first segment's head tells what the session is of.
    fn kept_of(&mut self, head: Option<&Head>) -> Arc<Kept> {
        let is_folder = self.is_folder;
        let path = self.path;
        if let Some(kept) = &self.kept {
            return Arc::clone(kept);
        }
        let origin = head.map(|head| head.origin.clone()).unwrap_or_default();
        let kept = Arc::new(Kept::new(origin));
        if is_folder && let Ok(bytes) = folder::read(&path.join(types::TYPES_FILE)) {
            match types::decode(&bytes) {
                Some(types) => types.into_iter().for_each(|name| kept.add_type(name)),
                None => self.tell_derived(types::TYPES_FILE, 0, bytes.len() as u64),
            }
        }
        self.kept = Some(Arc::clone(&kept));
        kept
    }

    /// The first head of the segments after this one that can be read.
    fn next_head(&self, path: &Path) -> Option<Head> {
        let mut after = self.files.iter().skip_while(|file| *file != path).skip(1);
        let head_of = |file: &PathBuf| head(&Blob::open(file).ok()?);
        after.find_map(head_of).filter(|head| head.first_row <= MOST_ROWS)
    }

    /// Where the body stands at the beginning of a segment whose head is damaged.
    fn checkpoint(&self, kept: &Arc<Kept>, number: u64) -> io::Result<Checkpoint> {
        match kept.view().parts().last() {
            Some(before) if number.checked_sub(1) == Some(before.segment.number) => {
                rebuild::checkpoint_after(&before.segment, kept)
            }
            // Nothing tells what the first bytes of a body go on with.
            Some(_) | None => Ok(Checkpoint { mid_event: true, ..Checkpoint::default() }),
        }
    }

    /// Tells of a segment in whose place something else stands.
    fn overwritten(&mut self, path: &Path) -> Result<(), OpenError> {
        let length = fs::metadata(path).map_err(|source| unreadable(path, source))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.tell(&name, 0, length, DamageKind::Changed);
        (self.is_before_gap, self.counts_lost_rows) = (true, false);
        (self.is_closed, self.goes_on, self.before) = (false, false, None);
        Ok(())
    }

    /// Tells of segments that stood between others. The oldest may have been dropped.
    fn missing(&mut self, numbers: Range<u64>) {
        let count = numbers.end.saturating_sub(numbers.start);
        self.counts_lost_rows &= count == 0;
        self.is_before_gap |= count > 0;
        // Several are told together, and one by its name.
        let named = if count > MOST_MISSING + 1 { MOST_MISSING } else { count };
        for number in numbers.start..numbers.start + named {
            let [name, ..] = file_names(number);
            self.tell(&name, 0, 0, DamageKind::Missing);
        }
        if named < count {
            self.damage.count(Damage::several(count - named, 0, DamageKind::Missing));
        }
    }

    /// Tells of a file that is made from the rest. Of one that is being recorded it may only just be written.
    fn tell_derived(&mut self, file: &str, at: u64, bytes: u64) {
        if !self.is_live {
            self.tell(file, at, bytes, DamageKind::Derived);
        }
    }

    fn tell(&mut self, file: &str, at: u64, bytes: u64, kind: DamageKind) {
        self.damage.add(Damage::new(file, at, bytes, kind));
    }

    fn finish(mut self) -> Recording {
        if self.is_live {
            // It has no end yet.
            let is_open = |kind| matches!(kind, DamageKind::NotClosed | DamageKind::CutOff);
            self.damage.retain(|kind| !is_open(kind));
        }
        let statistics = match self.statistics.take() {
            None if self.is_folder => folder::read(&self.path.join(STATISTICS_FILE)).ok(),
            of_file => of_file,
        };
        // Nothing is in it where there was no room.
        let statistics = statistics.filter(|bytes| !bytes.is_empty());
        if let Some(bytes) = &statistics
            && !statistics::is_intact(bytes)
        {
            self.tell_derived(STATISTICS_FILE, 0, bytes.len() as u64);
        }
        let statistics = statistics.and_then(|bytes| statistics::decode(&bytes, self.next_row));
        let kept = self.kept.unwrap_or_else(|| Arc::new(Kept::new(Origin::default())));
        let is_damaged = self.damage.iter().any(|damage| damage.kind.is_loss());
        if self.is_before_gap {
            kept.set_before_gap();
        }
        kept.set_damage(self.damage);
        if is_damaged {
            // What its program counted is there no more.
            *kept.statistics() = Statistics::of_damaged();
        } else if let Some(statistics) = statistics {
            *kept.statistics() = statistics;
        }
        let rows = self.totals;
        kept.ended(End {
            totals: rows,
            last_event_id: self.last_event_id,
            stopped: self.stopped,
            ..End::default()
        });
        let Self { is_closed, is_live, is_looked_through, counts_lost_rows, .. } = self;
        Recording { kept, totals: rows, is_closed, is_live, is_looked_through, counts_lost_rows }
    }
}

const EMPTY: Totals = Totals {
    events: 0,
    comments: 0,
    reconnection_times: 0,
    decode_errors: 0,
    attempts: 0,
    connections: 0,
    data_bytes: 0,
    kept_bytes: 0,
    rows_forgotten: 0,
};

/// A forged end or head may tell any number, and more is added to each of them.
fn capped(totals: Totals) -> Totals {
    let cap = |count: u64| count.min(MOST_ROWS);
    Totals {
        events: cap(totals.events),
        comments: cap(totals.comments),
        reconnection_times: cap(totals.reconnection_times),
        decode_errors: cap(totals.decode_errors),
        attempts: cap(totals.attempts),
        connections: cap(totals.connections),
        data_bytes: cap(totals.data_bytes),
        kept_bytes: cap(totals.kept_bytes),
        rows_forgotten: cap(totals.rows_forgotten),
    }
}

fn head(journal: &Blob) -> Option<Head> {
    let payload = frame_at(journal, FILE_HEADER as u64, FrameKind::Head)?;
    serde_json::from_slice(&payload).ok()
}

/// The end of a journal that was closed.
pub(super) fn end(journal: &Blob) -> Option<End> {
    let at = journal.len().checked_sub((FRAME_HEADER + END_PAYLOAD) as u64)?;
    serde_json::from_slice(&frame_at(journal, at, FrameKind::End)?).ok()
}

/// What is damaged of a file, and whether its index can be as it was written: it tells where frames stood.
fn look_through(file: &Blob, name: &str) -> io::Result<(DamageList, bool)> {
    let (mut damage, mut is_as_written) = (DamageList::default(), true);
    let mut walk = Walk::new(file);
    while let Some(step) = walk.step()? {
        let met = step.damage(name);
        let kind = met.as_ref().map(|met| met.kind);
        is_as_written &= !matches!(kind, Some(DamageKind::Disordered | DamageKind::Derived));
        met.into_iter().for_each(|met| damage.add(met));
    }
    Ok((damage, is_as_written))
}
