//! The session that the window shows, and what of it.

use alloc::sync::Arc;
use core::{future::pending, mem::swap};
use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use sse_monitor_engine::{
    WatchRequest,
    query::{Filtered, Query, Report},
    recording::OpenError,
};
use thiserror::Error;
use tokio::{select, sync::watch};

use crate::{
    page::{self, Asked, Ending, Head, Listed},
    save::{self, SaveError, Saved},
    scratch::Scratch,
    session::{About, Opened, Session, Whole},
    source::{ConnectError, refuse_curl, with_scheme},
    watched::{Watched, host},
};

/// More than the highest screen has; a page's answer stays small whatever is asked for.
const MOST_ROWS: usize = 1000;

/// Why a recording is not shown.
#[derive(Debug, Error)]
pub(crate) enum NotOpened {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    UnderWay(#[from] SaveError),
}

/// At most one session at a time.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    current: watch::Sender<Current>,
    /// Where watches keep their rows; in memory without it.
    scratch: Mutex<Option<Scratch>>,
    finishing: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Current {
    /// Tells one session from the next, whose revisions begin anew; 0 before the first.
    number: u64,
    session: Option<Session>,
    filter: Option<Filter>,
    /// How many searches there were.
    filters: u64,
    saving: Option<Saving>,
}

/// The file in which the session will be put.
#[derive(Clone, Debug)]
struct Saving {
    path: PathBuf,
    ending: Option<Ending>,
}

/// A search that goes on.
#[derive(Clone, Debug)]
struct Filter {
    number: u64,
    query: Query,
    /// One for each stretch of the session.
    found: Vec<Arc<Filtered>>,
}

impl Shown {
    pub(crate) fn new(scratch: Option<Scratch>) -> Self {
        Self { scratch: Mutex::new(scratch), ..Self::default() }
    }

    /// Watches `url` in place of what was shown, whose rows are let go; or goes on with it, if it is
    /// the same URL and its watch is over.
    pub(crate) fn connect(&self, url: &str) -> Result<(), ConnectError> {
        refuse_curl(url)?;
        let url = &*with_scheme(url);
        let watched = {
            let scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
            let went_on = match &self.current.borrow().session {
                Some(Session::Watched(watched)) => watched.go_on(url, scratch.as_ref()),
                _ => None,
            };
            went_on.unwrap_or_else(|| Watched::begin(url, scratch.as_ref()))?
        };
        Ok(self.show(Session::Watched(watched))?)
    }

    /// Whether to connect to `url` would let go of the rows that are shown, rather than go on with them.
    pub(crate) fn lets_go(&self, url: &str) -> Result<bool, ConnectError> {
        refuse_curl(url)?;
        let url = &*with_scheme(url);
        WatchRequest::new(url).map(drop)?;
        Ok(match &self.current.borrow().session {
            Some(Session::Watched(watched)) => !watched.goes_on(url),
            _ => true,
        })
    }

    /// Refuses what is no recording, as `open` does.
    pub(crate) fn check(path: &str) -> Result<(), OpenError> {
        Opened::open(&save::given_path(path)).map(drop)
    }

    /// Shows a recording in place of what was shown.
    pub(crate) fn open(&self, path: &str) -> Result<About, NotOpened> {
        let opened = Arc::new(Opened::open(&save::given_path(path))?);
        let about = opened.about();
        self.show(Session::Opened(opened))?;
        Ok(about)
    }

    /// Nothing takes the place of what is recorded, also where that was begun while the other was opened.
    fn show(&self, session: Session) -> Result<(), SaveError> {
        let mut other = Some(session);
        let is_shown = self.change(|current| {
            if current.saving.is_some() {
                return false;
            }
            current.number += 1;
            swap(&mut current.session, &mut other);
            true
        });
        // What was shown ends out of the lock, since its end is written to the disk; or what is not.
        drop(other);
        if is_shown { Ok(()) } else { Err(SaveError::UnderWay) }
    }

    /// Changes what is shown, and looks in it for what the filter asks for. False if `change` changed nothing.
    fn change(&self, change: impl FnOnce(&mut Current) -> bool) -> bool {
        self.current.send_if_modified(|current| {
            let is_other = change(current);
            if is_other && let Some(filter) = current.filter.take() {
                // Without a thread to search on, all rows are shown.
                let _ = current.search(filter.query);
            }
            is_other
        })
    }

    /// Lists only what passes; all without a query.
    pub(crate) fn filter(&self, query: Option<Query>) -> io::Result<()> {
        let mut outcome = Ok(());
        self.current.send_modify(|current| {
            current.filter = None;
            if let Some(query) = query {
                outcome = current.search(query);
            }
        });
        outcome
    }

    /// Ends the wait before the next attempt.
    pub(crate) fn reconnect(&self) {
        if let Some(Session::Watched(watched)) = &self.current.borrow().session {
            watched.latest().reconnect();
        }
    }

    pub(crate) fn disconnect(&self) {
        if let Some(Session::Watched(watched)) = &self.current.borrow().session {
            watched.latest().disconnect();
        }
    }

    /// Forgets the rows. Where the watch is over, the next connect begins anew.
    pub(crate) fn clear(&self) {
        self.change(|current| {
            let Some(Session::Watched(watched)) = &mut current.session else { return false };
            watched.clear();
            true
        });
    }

    /// What the window is called: by what it shows, as there may be several windows.
    pub(crate) fn title(&self) -> String {
        let name = match &self.current.borrow().session {
            Some(Session::Watched(watched)) => host(&watched.snapshot().url).to_owned(),
            Some(Session::Opened(opened)) => opened.name(),
            None => return "sse-monitor".into(),
        };
        format!("{name} \u{2013} sse-monitor")
    }

    /// How things stand, and the rows asked for, in bytes.
    pub(crate) fn page(&self, asked: &Asked) -> Vec<u8> {
        let current = self.current.borrow().clone();
        let mut head = Head { watch: current.number, ..Head::default() };
        let Some(session) = current.session else { return page::encode(&head, &[]) };
        // The snapshot first: a row that comes in between has a newer revision, and is asked for again.
        head.snapshot = session.snapshot();
        head.is_recorded = matches!(session, Session::Opened(_));
        head.is_watched_on = session.is_watched_on();
        head.unsaved = if current.saving.is_some() { 0 } else { session.unsaved(&head.snapshot) };
        head.filter = current.filter.as_ref().map(Filter::head);
        head.saving = current.saving.map(|Saving { path, ending }| page::Saving {
            path: path.display().to_string(),
            bytes: head.snapshot.totals.kept_bytes,
            stopped: session.recording_stopped(),
            ending,
        });
        let found = current.filter.as_ref().map(|filter| &filter.found[..]);
        let list = session.list(&head.snapshot, found, asked.until);
        let slice = list.slice(asked.number, asked.shift, asked.count.min(MOST_ROWS));
        let since = match asked.until {
            Some(_) => {
                session.list(&head.snapshot, found, None).total().saturating_sub(slice.total)
            }
            None => 0,
        };
        head.list = Listed { total: slice.total, begin: slice.begin, anchor: slice.anchor, since };
        page::encode(&head, &slice.rows)
    }

    /// The number and position of the row `by` rows after row `number`, or after `position`.
    pub(crate) fn seek(
        &self,
        number: Option<u64>,
        position: u64,
        by: i64,
        until: Option<u64>,
    ) -> Option<(u64, u64)> {
        let current = self.current.borrow().clone();
        let session = current.session?;
        let found = current.filter.as_ref().map(|filter| &filter.found[..]);
        session.list(&session.snapshot(), found, until).seek(number, position, by)
    }

    /// Waits until something differs from what the page of this session, revision, search and its
    /// revision showed.
    pub(crate) async fn changed(&self, number: u64, revision: u64, filter: u64, found: u64) {
        let mut receiver = self.current.subscribe();
        let current = receiver.borrow_and_update().clone();
        let is_other = current.number != number
            || current.filter.as_ref().map_or(0, |filter| filter.number) != filter;
        if is_other {
            return;
        }
        let row = async {
            match &current.session {
                Some(Session::Watched(watched)) => {
                    watched.latest().changed(revision).await;
                }
                _ => pending().await,
            }
        };
        let search = async {
            match &current.filter {
                Some(filter) => filter.changed(found).await,
                None => pending().await,
            }
        };
        select! {
            // Its sender is `self`, so it cannot be gone.
            _ = receiver.changed() => {}
            () = row => {}
            () = search => {}
        }
    }

    /// The row `number` whole, if it is kept.
    pub(crate) fn row(&self, number: u64) -> Option<Whole> {
        let session = self.current.borrow().session.clone()?;
        session.row(number)
    }

    pub(crate) fn report(&self) -> Option<Report> {
        let session = self.current.borrow().session.clone()?;
        Some(session.report())
    }

    /// From now on what is watched is meant for this file, with all that is kept of it already; in a folder, for one
    /// of this name.
    pub(crate) fn record(&self, path: &str, name: &str) -> Result<(), SaveError> {
        let path = save::target(path, name)?;
        let mut outcome = Ok(());
        self.current.send_if_modified(|current| {
            outcome = match (&current.session, &current.saving) {
                (_, Some(_)) => Err(SaveError::UnderWay),
                // So that it is not lost with a window that is killed.
                (Some(Session::Watched(watched)), None) => {
                    watched.mean_for(Some(&path)).map_err(SaveError::Begin)
                }
                _ => Err(SaveError::Nothing),
            };
            if outcome.is_ok() {
                current.saving = Some(Saving { path, ending: None });
            }
            outcome.is_ok()
        });
        outcome
    }

    /// Puts what was watched in its file. If that fails, it can be tried again.
    pub(crate) fn finish(&self) -> Result<Vec<Saved>, SaveError> {
        // Asked for twice, it is written once.
        let _one = self.finishing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.borrow().clone();
        let path = current.saving.ok_or(SaveError::None)?.path;
        let Some(Session::Watched(watched)) = &current.session else {
            return Err(SaveError::Nothing);
        };
        let saved = watched.save(&path)?;
        self.current.send_modify(|current| {
            if let Some(Session::Watched(watched)) = &mut current.session {
                watched.note_saved(&saved);
            }
        });
        self.discard();
        Ok(saved)
    }

    /// Puts what was watched in this file, in place of the one that it was meant for.
    pub(crate) fn finish_elsewhere(&self, path: &str, name: &str) -> Result<Vec<Saved>, SaveError> {
        let path = save::target(path, name)?;
        let mut outcome = Err(SaveError::None);
        self.current.send_if_modified(|current| {
            if let (Some(Session::Watched(watched)), Some(saving)) =
                (&current.session, &mut current.saving)
            {
                outcome = watched.mean_for(Some(&path)).map_err(SaveError::Begin);
                if outcome.is_ok() {
                    *saving = Saving { path, ending: None };
                }
            }
            outcome.is_ok()
        });
        outcome?;
        self.finish()
    }

    /// Whether what is watched is recorded no more, for want of room.
    pub(crate) fn has_stopped(&self) -> bool {
        let current = self.current.borrow();
        match &current.session {
            Some(Session::Watched(watched)) => {
                watched.watches().any(|watch| watch.recording_stopped().is_some())
            }
            Some(Session::Opened(_)) | None => false,
        }
    }

    /// How many rows are in no file, and meant for none.
    pub(crate) fn unsaved(&self) -> u64 {
        let current = self.current.borrow();
        match (&current.session, &current.saving) {
            (Some(session), None) => session.unsaved(&session.snapshot()),
            _ => 0,
        }
    }

    /// The window is asked to close. Whether it may at once: a recording is put in its file before, by
    /// `finish_to_close`, unless that failed already.
    pub(crate) fn may_close(&self) -> bool {
        let current = self.current.borrow();
        let ending = current.saving.as_ref().map(|saving| &saving.ending);
        matches!(ending, None | Some(Some(Ending::Failed(_))))
    }

    /// Puts a recording in its file, so that the window may close. Where that fails, the page is told, and
    /// the next time the window may.
    pub(crate) fn finish_to_close(&self) -> bool {
        self.end(Ending::Writing);
        match self.finish() {
            Err(error) if self.is_recording() => {
                self.end(Ending::Failed(error.to_string()));
                false
            }
            _ => true,
        }
    }

    fn end(&self, ending: Ending) {
        self.current.send_if_modified(|current| {
            let saving = current.saving.as_mut();
            saving.map(|saving| saving.ending = Some(ending)).is_some()
        });
    }

    /// Whether a recording is under way.
    pub(crate) fn is_recording(&self) -> bool {
        self.current.borrow().saving.is_some()
    }

    /// It is meant for no file any more.
    pub(crate) fn discard(&self) {
        self.current.send_modify(|current| {
            if let (Some(_), Some(Session::Watched(watched))) =
                (current.saving.take(), &current.session)
            {
                // A note that stays has the next window put it in that file.
                let _ = watched.mean_for(None);
            }
        });
    }

    /// Ends all, as the window closes. A recording that cannot be put in its file is left for the next
    /// window to try.
    pub(crate) fn close(&self) {
        if self.is_recording()
            && let Err(error) = self.finish()
        {
            eprintln!(
                "sse-monitor: {error}; the next window tries again to put the recording there"
            );
        }
        self.current.send_replace(Current::default());
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Current {
    fn search(&mut self, query: Query) -> io::Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let found = session.filter(&query)?;
        self.filters += 1;
        self.filter = Some(Filter { number: self.filters, query, found });
        Ok(())
    }
}

impl Filter {
    fn head(&self) -> page::Filter {
        let mut head = page::Filter {
            number: self.number,
            revision: 0,
            matches: 0,
            looked_at: 0,
            rows: 0,
            is_caught_up: true,
        };
        for found in &self.found {
            let progress = found.progress();
            head.revision += progress.revision;
            head.matches += progress.matches;
            head.looked_at += progress.looked_at;
            head.rows += progress.rows;
            head.is_caught_up &= progress.is_caught_up;
        }
        head
    }

    /// Waits until its revision is another than `since`.
    async fn changed(&self, since: u64) {
        let before: Vec<u64> = self.found.iter().map(|found| found.progress().revision).collect();
        if before.iter().sum::<u64>() != since {
            return;
        }
        let Some((latest, earlier)) = self.found.split_last() else { return pending().await };
        // Of the earlier ones, whose watches are over, one after the other has found all.
        let searching =
            earlier.iter().zip(&before).find(|(found, _)| !found.progress().is_caught_up);
        let earlier = async {
            match searching {
                Some((found, before)) => found.changed(*before).await,
                None => pending().await,
            }
        };
        select! {
            _ = latest.changed(before.last().copied().unwrap_or_default()) => {}
            _ = earlier => {}
        }
    }
}

#[cfg(test)]
mod tests;
