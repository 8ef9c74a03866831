//! A recording that is open: what it has, and what of it is damaged.

use alloc::sync::Arc;
use core::ops::ControlFlow;
use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{Damage, opener::Opener};
use crate::{
    journal::{
        frame::VERSION,
        kept::Kept,
        reader::{self, Reader},
        turn::Origin,
        view::View,
        walk::Walk,
    },
    query::{Filtered, Order, Query, Report, Source, Statistics},
    state::Totals,
};

/// A session that is over, or one that another program still records as far as it had come.
///
/// Opening takes as long as it takes to look at each segment's end, whatever the number of events;
/// only what was not closed is indexed again, in memory. Nothing is written.
#[derive(Debug)]
pub struct Recording {
    pub(super) kept: Arc<Kept>,
    pub(super) totals: Totals,
    pub(super) is_closed: bool,
    pub(super) is_live: bool,
    pub(super) is_looked_through: bool,
    pub(super) counts_lost_rows: bool,
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
        Opener::open(path)
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
    /// damaged, its rows are counted the first time. Where something [is lost](Damage::is_loss) by that, numbers that
    /// IDs leave out may be its own, so that nothing is missed for certain. What its program counted stays as it is.
    pub fn report(&self) -> Report {
        let mut statistics = self.kept.statistics();
        let view = self.view();
        if statistics.next_row() < view.next_row() {
            statistics.update(&view);
        }
        let mut report = statistics.report().clone();
        let counts_damaged = statistics.reads_rows() || report.damaged > 0;
        if counts_damaged && self.kept.damage_list().iter().any(Damage::is_loss) {
            (report.missed, report.missed_at_least) = (None, 0);
        }
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
    /// 64 MiB it is not, nor of a folder with an index of more than 8 MiB: damage is met where it is read, and by a [check](Self::check).
    pub fn is_looked_through(&self) -> bool {
        self.is_looked_through
    }

    /// Whether of all rows that cannot be read it is known how many they are: it is told by an index, and by none that
    /// is damaged too. Else there may be more than the [report](Self::report) has.
    pub fn counts_lost_rows(&self) -> bool {
        self.counts_lost_rows
    }

    /// What of it cannot be read, as far as is known: see [`check`](Self::check). Of more than a thousand places the
    /// others are told as [how many](Damage::places) there are.
    pub fn damage(&self) -> Vec<Damage> {
        self.kept.damage()
    }

    /// Reads all that its rows are made of (journals, indexes, IDs) and tells what is damaged, as
    /// [`damage`](Self::damage) does from then on. `progress` hears how many bytes of a segment's journal were read.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn check(&self, mut progress: impl FnMut(u64)) -> io::Result<Vec<Damage>> {
        // Opening told some of it.
        let mut damage = self.kept.damage_list();
        let view = self.view();
        let mut reader = Reader::new(&view);
        for part in view.parts() {
            let segment = &part.segment;
            let [journal, ..] = segment.files();
            let mut walk = Walk::new(&segment.journal);
            while let Some(step) = walk.step()? {
                step.damage(&journal).into_iter().for_each(|met| damage.add(met));
                progress(walk.at());
            }
            reader::for_entries(&view, part.numbers(), |_, number, entry| {
                match entry {
                    None => damage.add(segment.damaged_entry(number)),
                    Some(entry) if reader.id(segment, &entry).is_err() => {
                        damage.add(segment.damaged_id(&entry));
                    }
                    Some(_) => {}
                }
                ControlFlow::<()>::Continue(())
            });
        }
        let told = damage.to_vec();
        if told.iter().any(|damage| damage.kind.is_loss()) {
            // What its program counted is there no more.
            *self.kept.statistics() = Statistics::of_damaged();
        }
        self.kept.set_damage(damage);
        Ok(told)
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
