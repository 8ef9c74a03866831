//! What the window shows: a URL that is watched, or a recording.

use alloc::sync::Arc;
use core::ops::ControlFlow;
use std::{
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sse_monitor_engine::{
    RawEnd, Row, RowKind, Snapshot, State, Turn, View,
    query::{Filtered, Order, Query, Report},
    recording::{Damage, OpenError, Recording},
};

use crate::{list::List, list::Stretch, watched::Watched};

#[derive(Clone, Debug)]
pub(crate) enum Session {
    Watched(Watched),
    Opened(Arc<Opened>),
}

/// A recording, and the file or folder it is in.
#[derive(Debug)]
pub(crate) struct Opened {
    path: PathBuf,
    recording: Recording,
}

/// What there is to say of a recording beside its rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About {
    path: String,
    url: String,
    started_unix_micros: u64,
    untimed: bool,
    recorded_by: String,
    imported_from: Option<String>,
    /// Whether it is being recorded: more came since.
    is_live: bool,
    /// What was masked in it, each in words.
    redacted: Vec<String>,
    /// What of it cannot be read, each in a sentence.
    damage: Vec<String>,
    /// Whether with that something is gone that was recorded.
    is_loss: bool,
    /// Whether it is known of all rows that cannot be read how many they are.
    counts_lost_rows: bool,
}

/// A row whole, with what it tells of the connection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whole {
    #[serde(flatten)]
    row: Row,
    turn: Option<Turn>,
    raw: Option<Raw>,
}

/// The bytes of an event that was dropped, since its row has no data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    /// Of the first [`MOST_SHOWN`] of them.
    text: String,
    /// How many there are, as far as they were counted.
    bytes: u64,
    ending: RawEnding,
}

/// How far they were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum RawEnding {
    Whole,
    /// It has not come yet, or its connection ended.
    Unfinished,
    /// There are more than [`MOST_COUNTED`].
    More,
    /// What follows cannot be read.
    Damaged,
}

const MOST_SHOWN: usize = 1 << 20;
const MOST_COUNTED: u64 = 16 << 20;

impl Session {
    pub(crate) fn snapshot(&self) -> Snapshot {
        match self {
            Self::Watched(watched) => watched.snapshot(),
            Self::Opened(opened) => opened.snapshot(),
        }
    }

    /// The rows that there are, or those of them that `found` names; before `end`, where it is given.
    pub(crate) fn list(
        &self,
        snapshot: &Snapshot,
        found: Option<&[Arc<Filtered>]>,
        end: Option<u64>,
    ) -> List {
        let mut stretches = match self {
            Self::Watched(watched) => watched.stretches(),
            Self::Opened(opened) => {
                let view = opened.recording.view();
                vec![Stretch { view, rows: 0, attempts: 0, found: None }]
            }
        };
        for (stretch, found) in stretches.iter_mut().zip(found.unwrap_or_default()) {
            stretch.found = Some(Arc::clone(found));
        }
        let (first, next) = (snapshot.first_row, snapshot.next_row.max(snapshot.first_row));
        List { stretches, first, end: end.unwrap_or(next).clamp(first, next) }
    }

    /// Begins to look for what passes, in each of its stretches.
    pub(crate) fn filter(&self, query: &Query) -> io::Result<Vec<Arc<Filtered>>> {
        // Backward, since the newest are what one looks at.
        let order = Order::Backward;
        match self {
            Self::Watched(watched) => watched
                .watches()
                .map(|watch| watch.filter(query.clone(), order).map(Arc::new))
                .collect(),
            Self::Opened(opened) => {
                Ok(vec![Arc::new(opened.recording.filter(query.clone(), order)?)])
            }
        }
    }

    /// The row `number` whole, if it is kept.
    pub(crate) fn row(&self, number: u64) -> Option<Whole> {
        let list = self.list(&self.snapshot(), None, None);
        if !(list.first..list.end).contains(&number) {
            return None;
        }
        let stretch = list.stretches.iter().rev().find(|stretch| stretch.rows < number)?;
        let local = number - stretch.rows;
        let row = stretch.place(stretch.view.row(local)?);
        let raw = (row.kind == RowKind::DecodeError).then(|| raw(&stretch.view, local));
        Some(Whole { row, turn: stretch.view.turn(local), raw })
    }

    /// Whether its rows are of several watches, one after another.
    pub(crate) fn is_watched_on(&self) -> bool {
        match self {
            Self::Watched(watched) => watched.watches().count() > 1,
            Self::Opened(_) => false,
        }
    }

    /// How many of the rows in this snapshot are in no file.
    pub(crate) fn unsaved(&self, snapshot: &Snapshot) -> u64 {
        match self {
            Self::Watched(watched) => watched.unsaved(snapshot),
            Self::Opened(_) => 0,
        }
    }

    /// Why nothing of it is recorded any more.
    pub(crate) fn recording_stopped(&self) -> Option<String> {
        match self {
            Self::Watched(watched) => watched.latest().recording_stopped(),
            Self::Opened(_) => None,
        }
    }

    /// Statistics: of a URL that was connected to again, those of the latest watch.
    pub(crate) fn report(&self) -> Report {
        match self {
            Self::Watched(watched) => watched.report(),
            Self::Opened(opened) => opened.recording.report(),
        }
    }
}

fn raw(view: &View, number: u64) -> Raw {
    let (mut begin, mut bytes) = (Vec::new(), 0);
    let read = view.visit_raw(number, |piece| {
        let room = MOST_SHOWN - begin.len();
        begin.extend_from_slice(&piece[..piece.len().min(room)]);
        bytes += piece.len() as u64;
        if bytes > MOST_COUNTED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let ending = match read {
        ControlFlow::Break(()) => RawEnding::More,
        ControlFlow::Continue(RawEnd::Whole) => RawEnding::Whole,
        ControlFlow::Continue(RawEnd::Unfinished) => RawEnding::Unfinished,
        ControlFlow::Continue(_) => RawEnding::Damaged,
    };
    if bytes > begin.len() as u64
        && let Err(error) = str::from_utf8(&begin)
        && error.error_len().is_none()
    {
        // Its last character goes on in what is not shown.
        begin.truncate(error.valid_up_to());
    }
    Raw { text: String::from_utf8_lossy(&begin).into_owned(), bytes, ending }
}

impl Opened {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { path: path.to_owned(), recording: Recording::open(path)? })
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    pub(crate) fn about(&self) -> About {
        let origin = self.recording.origin().clone();
        let texts = origin.redacted_texts.into_iter();
        let texts = texts.map(|text| format!("{} ({} times)", text.what, text.count));
        About {
            path: self.path.display().to_string(),
            url: origin.url,
            started_unix_micros: origin.started_unix_micros,
            untimed: origin.untimed,
            recorded_by: origin.recorded_by,
            imported_from: origin.imported_from,
            is_live: self.recording.is_live(),
            redacted: origin.redacted.into_iter().chain(texts).collect(),
            counts_lost_rows: self.recording.counts_lost_rows(),
            is_loss: self.recording.damage().iter().any(Damage::is_loss),
            damage: self.recording.damage().iter().map(ToString::to_string).collect(),
        }
    }

    /// It stands still: as if its watch were over.
    fn snapshot(&self) -> Snapshot {
        let view = self.recording.view();
        Snapshot {
            url: self.recording.origin().url.clone(),
            state: State::Closed,
            first_row: view.first_row(),
            next_row: view.next_row(),
            totals: self.recording.totals(),
            ..Snapshot::default()
        }
    }
}
