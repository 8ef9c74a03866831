//! Opens a recording: one file, or the folder of a session.

use alloc::sync::Arc;
use core::ops::{ControlFlow, Range};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{
    Damage, DamageKind,
    derived::{CHECKED_AT_ONCE, frame_at, sidecars, trailer},
    folder, live,
    rebuild::{self, Rebuilt},
    statistics, types,
};
use crate::{
    journal::{
        blob::Blob,
        entry::ENTRY,
        frame::{FILE_HEADER, FRAME_HEADER, FileHeader, FrameKind, VERSION},
        kept::Kept,
        reader::{self, Reader},
        segment::{Segment, file_names},
        turn::{Checkpoint, END_PAYLOAD, End, Head, Origin},
        view::View,
        walk::Walk,
    },
    query::{Filtered, Order, Query, Report, Source, Statistics},
    state::Totals,
};

/// Missing files that are told one by one: what the others are called may be nonsense.
const MOST_MISSING: usize = 100;

/// More rows than any session has.
const MOST_ROWS: u64 = 1 << 53;

/// A session that is over, or one that another program still records as far as it had come.
///
/// Opening takes as long as it takes to look at each segment's end, whatever the number of events;
/// only what was not closed is indexed again, in memory. Nothing is written.
#[derive(Debug)]
pub struct Recording {
    kept: Arc<Kept>,
    totals: Totals,
    is_closed: bool,
    is_live: bool,
    is_looked_through: bool,
}

/// Why a recording cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or folder cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a pipe, a device or the like, of which each byte is read once; a recording is read in any order.
    #[error("{} is a pipe or a device, which cannot be read as a recording: save it to a file first", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
    },
    /// The folder has no recording in it.
    #[error("there is no recording in {}: a session's folder has files such as 000001.sse", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a recording of this program{hint}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What can be done about it.
        hint: &'static str,
    },
    /// A newer program wrote it.
    #[error(
        "{} was recorded by a newer version (its format is {found}, and this program reads up to {VERSION}); \
         open it with that version",
        path.display()
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format's version.
        found: u16,
    },
}

impl Recording {
    /// Opens a one-file recording, or a session's folder.
    ///
    /// What is damaged is told by [`damage`](Self::damage); the rest is there.
    ///
    /// # Errors
    /// [`OpenError`] says in words what it is instead of a recording.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let metadata = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        let is_folder = metadata.is_dir();
        // Before its files are listed: one that is closed meanwhile was not left by a program that stopped.
        let is_live = is_folder && live::is_recorded(path);
        let mut opener = Opener::new(path, is_folder, is_live);
        if !is_folder {
            opener.segment(path)?;
            return Ok(opener.finish());
        }
        let mut before = None;
        for file in &segments_of(path)? {
            if let (Some(before), Some(number)) = (before, number_of(file)) {
                opener.missing(before + 1..number);
            }
            match opener.segment(file) {
                // Dropped meanwhile, as the oldest are.
                Err(OpenError::Unreadable { source, .. })
                    if before.is_none() && source.kind() == io::ErrorKind::NotFound => {}
                opened => {
                    opened?;
                    before = number_of(file);
                }
            }
        }
        match before {
            None => return Err(OpenError::Empty { path: path.into() }),
            // Of one under way it was only just made.
            Some(last) if opener.goes_on && !is_live => opener.missing(last + 1..last + 2),
            Some(_) => {}
        }
        Ok(opener.finish())
    }

    /// Its rows.
    pub fn view(&self) -> View {
        self.kept.view()
    }

    /// What it is of.
    pub fn origin(&self) -> &Origin {
        &self.kept.origin
    }

    /// Counts over the whole session, what was dropped from its beginning included.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Its statistics. At once where its program closed it; else, and where something is [known](Self::damage) to be
    /// damaged, its rows are counted the first time.
    pub fn report(&self) -> Report {
        let mut statistics = self.kept.statistics();
        let view = self.view();
        if statistics.next_row() < view.next_row() {
            statistics.update(&view);
        }
        let report = statistics.report().clone();
        if self.origin().untimed { report.untimed() } else { report }
    }

    /// Begins to look for the rows that pass.
    ///
    /// # Errors
    /// If no thread can be had for it.
    pub fn filter(&self, query: Query, order: Order) -> io::Result<Filtered> {
        Filtered::start(Over(self.view()), query, order)
    }

    /// Whether its program closed it.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether a program recorded into it when it was opened. One that is neither closed nor live was left
    /// by a program that stopped.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// Why its program recorded no more, though the session went on: a full disk, say.
    pub fn recording_stopped(&self) -> Option<String> {
        self.kept.end()?.stopped
    }

    /// Whether all of it was read when it was opened, so that its [damage](Self::damage) is known. Of one of more than
    /// 64 MiB it is not: damage is met where it is read, and by a [check](Self::check).
    pub fn is_looked_through(&self) -> bool {
        self.is_looked_through
    }

    /// What of it cannot be read, as far as is known: see [`check`](Self::check).
    pub fn damage(&self) -> Vec<Damage> {
        self.kept.damage()
    }

    /// Reads all that its rows are made of (journals, indexes, IDs) and tells what is damaged. `progress` hears how many bytes of a segment's journal were
    /// read.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn check(&self, mut progress: impl FnMut(u64)) -> io::Result<Vec<Damage>> {
        let mut damage = self.damage();
        let mut tell = |found: Damage| {
            // Opening told some of it.
            let is_known = |known: &Damage| (&known.file, known.at) == (&found.file, found.at);
            if !damage.iter().any(is_known) {
                damage.push(found);
            }
        };
        let view = self.view();
        let mut reader = Reader::new(&view);
        for part in view.parts() {
            let segment = &part.segment;
            let [journal, index, ids] = segment.files();
            let mut walk = Walk::new(&segment.journal);
            while let Some(step) = walk.step()? {
                step.damage(&journal).into_iter().for_each(&mut tell);
                progress(walk.at());
            }
            reader::for_entries(&view, part.numbers(), |_, number, entry| {
                let at = (number - segment.first_row) * ENTRY as u64;
                let kind = DamageKind::Changed;
                match entry {
                    None => tell(Damage { file: index.clone(), at, bytes: ENTRY as u64, kind }),
                    Some(entry) if reader.id(segment, &entry).is_err() => {
                        let (at, bytes) = (entry.id_at, entry.id_length.into());
                        tell(Damage { file: ids.clone(), at, bytes, kind });
                    }
                    Some(_) => {}
                }
                ControlFlow::<()>::Continue(())
            });
        }
        Ok(damage)
    }
}

/// Rows that stay as they are.
struct Over(View);

impl Source for Over {
    fn view(&mut self) -> View {
        self.0.clone()
    }

    async fn wait(&mut self) -> bool {
        false
    }
}

struct Opener<'a> {
    path: &'a Path,
    is_folder: bool,
    is_live: bool,
    is_looked_through: bool,
    kept: Option<Arc<Kept>>,
    next_row: u64,
    totals: Totals,
    damage: Vec<Damage>,
    is_closed: bool,
    /// What the latest segment's end says.
    goes_on: bool,
    stopped: Option<String>,
    last_event_id: String,
    /// Of a file, if they are there.
    statistics: Option<Vec<u8>>,
}

impl<'a> Opener<'a> {
    const fn new(path: &'a Path, is_folder: bool, is_live: bool) -> Self {
        Self {
            path,
            is_folder,
            is_live,
            is_looked_through: true,
            kept: None,
            next_row: 1,
            totals: EMPTY,
            damage: Vec::new(),
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
        if self.kept.is_some() && length < FILE_HEADER as u64 {
            // Its program was stopped when it had just made it.
            self.tell(&name, 0, length, DamageKind::NotClosed);
            self.is_closed = false;
            return Ok(());
        }
        let mut beginning = Vec::new();
        (&*file).take(512).read_to_end(&mut beginning).map_err(fail)?;
        match FileHeader::of(&beginning) {
            FileHeader::Journal => {}
            FileHeader::Damaged => self.tell(&name, 0, FILE_HEADER as u64, DamageKind::Changed),
            FileHeader::Newer(found) => {
                return Err(OpenError::Newer { path: path.into(), found });
            }
            FileHeader::Foreign => {
                return Err(OpenError::Foreign { path: path.into(), hint: hint(&beginning) });
            }
        }
        let derived = if self.is_folder { sidecars(path, length) } else { trailer(&file, length) };
        let journal = match &derived {
            Some(derived) => Blob::part(Arc::clone(&file), 0, derived.journal_end),
            None => Blob::part(Arc::clone(&file), 0, length),
        };
        // A number that nothing can have counted to is damaged.
        let head = head(&journal).filter(|head| head.first_row <= MOST_ROWS);
        let kept = self.kept_of(head.as_ref());
        let head = head.unwrap_or_else(|| Head {
            segment: 1,
            first_row: self.next_row,
            // Nothing tells what the first bytes of a body go on with.
            checkpoint: Checkpoint { mid_event: true, ..Checkpoint::default() },
            ..Head::default()
        });
        let end = end(&journal);
        self.is_closed = end.is_some();
        self.goes_on = end.as_ref().is_some_and(|end| end.goes_on);
        self.stopped = end.as_ref().and_then(|end| end.stopped.clone());
        let limits = reader::limits_of(&kept.origin);
        let trusted = end.zip(derived).filter(|(end, derived)| {
            let end_at = journal.len() - (FRAME_HEADER + END_PAYLOAD) as u64;
            let types =
                if self.is_folder { kept.types_after(0).len() } else { derived.types.len() };
            // Entries name types by their numbers.
            let knows_types = types as u64 >= end.types;
            [0, end_at].contains(&end.journal_bytes) && knows_types && derived.is_of(end.rows)
        });
        let is_small = length <= CHECKED_AT_ONCE;
        let found = match &trusted {
            Some(_) if is_small => damage_in(&journal, &name).map_err(fail)?,
            Some(_) | None => Vec::new(),
        };
        // An index tells where frames stood.
        let trusted = trusted.filter(|_| found.iter().all(|d| d.kind != DamageKind::Disordered));
        let (rows, blobs, journal) = match trusted {
            Some((end, derived)) => {
                if !self.is_folder {
                    derived.types.iter().for_each(|name| kept.add_type(Arc::clone(name)));
                }
                self.is_looked_through &= is_small;
                self.totals = end.totals;
                self.last_event_id = end.last_event_id;
                self.statistics = derived.statistics;
                self.damage.extend(found);
                (end.rows, [derived.index, derived.ids], journal)
            }
            None => {
                let rebuilt = rebuild::rebuild(&journal, &head, limits, self.totals, &kept, &name);
                let Rebuilt { index, ids, rows, totals, last_event_id, damage } =
                    rebuilt.map_err(fail)?;
                if damage.iter().all(|damage| damage.kind == DamageKind::Mended) && !self.is_closed
                {
                    // A file appears whole or not at all, a segment grows.
                    let kind =
                        if self.is_folder { DamageKind::NotClosed } else { DamageKind::CutOff };
                    self.tell(&name, length, 0, kind);
                }
                self.damage.extend(damage);
                self.totals = totals;
                self.last_event_id = last_event_id;
                (rows, [index, ids], journal)
            }
        };
        let [index, ids] = blobs;
        // Rows go on from the segment before, whatever a damaged head says.
        let first_row = head.first_row.max(self.next_row);
        self.next_row = first_row + rows;
        kept.push(Arc::new(Segment::existing(
            head.segment,
            first_row,
            rows,
            [journal, index, ids],
            head.checkpoint,
            (!self.is_folder).then_some(name),
        )));
        Ok(())
    }

    /// The first segment's head tells what the session is of.
    fn kept_of(&mut self, head: Option<&Head>) -> Arc<Kept> {
        let is_folder = self.is_folder;
        let path = self.path;
        Arc::clone(self.kept.get_or_insert_with(|| {
            let origin = head.map(|head| head.origin.clone()).unwrap_or_default();
            let kept = Arc::new(Kept::new(origin));
            if is_folder {
                let types = folder::read(&path.join(types::TYPES_FILE)).ok();
                let types = types.and_then(|bytes| types::decode(&bytes)).unwrap_or_default();
                types.into_iter().for_each(|name| kept.add_type(name));
            }
            if let Some(head) = head {
                kept.show_from(head.first_row);
            }
            kept
        }))
    }

    /// Tells of segments that stood between others. The oldest may have been dropped.
    fn missing(&mut self, numbers: Range<u64>) {
        for number in numbers.take(MOST_MISSING) {
            let [name, ..] = file_names(number);
            self.tell(&name, 0, 0, DamageKind::Missing);
        }
    }

    fn tell(&mut self, file: &str, at: u64, bytes: u64, kind: DamageKind) {
        self.damage.push(Damage { file: file.into(), at, bytes, kind });
    }

    fn finish(mut self) -> Recording {
        if self.is_live {
            // It has no end yet.
            let is_open = |kind| matches!(kind, DamageKind::NotClosed | DamageKind::CutOff);
            self.damage.retain(|damage| !is_open(damage.kind));
        }
        let kept = self.kept.unwrap_or_else(|| Arc::new(Kept::new(Origin::default())));
        self.damage.into_iter().for_each(|damage| kept.add_damage(damage));
        let statistics = match self.statistics {
            Some(bytes) => statistics::decode(&bytes, self.next_row),
            None if self.is_folder => statistics::read(self.path, self.next_row),
            None => None,
        };
        if kept.damage().iter().any(|damage| damage.kind.is_loss()) {
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
        let Self { is_closed, is_live, is_looked_through, .. } = self;
        Recording { kept, totals: rows, is_closed, is_live, is_looked_through }
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

fn head(journal: &Blob) -> Option<Head> {
    let payload = frame_at(journal, FILE_HEADER as u64, FrameKind::Head)?;
    serde_json::from_slice(&payload).ok()
}

/// The end of a journal that was closed.
pub(super) fn end(journal: &Blob) -> Option<End> {
    let at = journal.len().checked_sub((FRAME_HEADER + END_PAYLOAD) as u64)?;
    serde_json::from_slice(&frame_at(journal, at, FrameKind::End)?).ok()
}

fn damage_in(journal: &Blob, name: &str) -> io::Result<Vec<Damage>> {
    let mut damage = Vec::new();
    let mut walk = Walk::new(journal);
    while let Some(step) = walk.step()? {
        damage.extend(step.damage(name));
    }
    Ok(damage)
}

/// The journals of a folder, in order.
fn segments_of(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let fail = |source| unreadable(folder, source);
    let mut files = Vec::new();
    for file in fs::read_dir(folder).map_err(fail)? {
        let path = file.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "sse")
            && number_of(&path).is_some()
        {
            files.push(path);
        }
    }
    // Numbers of equal width, but for a session of more than a million segments.
    files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    if files.is_empty() {
        return Err(OpenError::Empty { path: folder.into() });
    }
    Ok(files)
}

/// The number in a segment's name.
fn number_of(path: &Path) -> Option<u64> {
    let digits = path.file_stem()?.to_str()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn unreadable(path: &Path, source: io::Error) -> OpenError {
    OpenError::Unreadable { path: path.into(), source }
}

/// What a file seems to be instead.
fn hint(beginning: &[u8]) -> &'static str {
    let text = beginning.trim_ascii_start();
    if beginning.is_empty() {
        "; it is empty"
    } else if text.starts_with(b"{\"log\"") || text.starts_with(b"{\n  \"log\"") {
        "; it looks like a HAR file, which can be imported: sse import FILE -o RECORDING"
    } else if text.starts_with(b"{") {
        "; it looks like lines of JSON, which can be imported: sse import FILE -o RECORDING"
    } else if [&b"data:"[..], b"event:", b"id:", b":", b"retry:"]
        .iter()
        .any(|f| text.starts_with(f))
    {
        "; it looks like the body of an event stream, which can be imported: sse import FILE -o RECORDING"
    } else {
        ""
    }
}
