//! Brings what is recorded to the disk, at intervals and off the path of what comes in.
//!
//! A program that is killed loses nothing that it wrote: the system has it. A machine that loses its
//! power loses what the system had not brought to the disk, which is no more than an interval.

use alloc::sync::Arc;
use core::time::Duration;
use std::{
    io,
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use super::segment::Segment;
use crate::recording::TYPES_FILE;

/// So much is lost at most when the machine is.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A thread that brings the segments under way to the disk.
#[derive(Debug)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    closing: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Those that were written to since, the newest last.
    segments: Vec<Arc<Segment>>,
    is_closing: bool,
    failed: Option<io::Error>,
}

impl Syncer {
    /// # Errors
    /// If no thread can be had.
    pub(crate) fn start(folder: &Path, interval: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let folder = folder.to_owned();
        let sync = {
            let shared = Arc::clone(&shared);
            move || shared.run(&folder, interval)
        };
        let thread = thread::Builder::new().name("sse-sync".into()).spawn(sync)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Looks after this segment too, from now on the newest.
    pub(crate) fn follow(&self, segment: &Arc<Segment>) {
        let mut state = self.shared.state();
        // They come faster than the disk takes them, where little is kept.
        state.segments.retain(|segment| !segment.is_removed());
        state.segments.push(Arc::clone(segment));
    }

    /// Why the disk did not take what it had seemed to take.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.shared.state().failed.take()
    }

    /// Brings all to the disk that was written so far, waits for it, and says why it did not work.
    pub(crate) fn finish(mut self) -> Option<io::Error> {
        self.join();
        self.failure()
    }

    fn join(&mut self) {
        self.shared.state().is_closing = true;
        self.shared.closing.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to panic about.
            let _ = thread.join();
        }
    }

    /// Lets it end by itself: a disk that is full or broken is not waited for.
    pub(crate) fn leave(mut self) {
        self.thread = None;
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    fn run(&self, folder: &Path, interval: Duration) {
        let mut types = 0;
        loop {
            let state = self.state();
            let waited = self.closing.wait_timeout_while(state, interval, |s| !s.is_closing);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let is_closing = state.is_closing;
            let segments = state.segments.clone();
            // The newest goes on.
            let done = segments.len().saturating_sub(1);
            state.segments.drain(..done);
            drop(state);
            // First, since segments name them.
            let synced = sync_types(folder, &mut types).and_then(|()| sync(folder, &segments));
            if let Err(error) = synced {
                self.state().failed = Some(error);
            }
            if is_closing {
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `synced` is how long the file of types was when it was brought to the disk.
fn sync_types(folder: &Path, synced: &mut u64) -> io::Result<()> {
    let path = folder.join(TYPES_FILE);
    let length = std::fs::metadata(&path)?.len();
    if length > *synced {
        // On Windows only a handle that may write can be synced.
        std::fs::OpenOptions::new().append(true).open(path)?.sync_data()?;
        *synced = length;
    }
    Ok(())
}

fn sync(folder: &Path, segments: &[Arc<Segment>]) -> io::Result<()> {
    let mut is_new = false;
    for segment in segments {
        is_new |= segment.synced() == 0;
        segment.sync()?;
    }
    // The files' names too.
    if is_new { sync_folder(folder) } else { Ok(()) }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Elsewhere a folder is no file that could be synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::turn::Checkpoint;

    #[test]
    fn what_was_dropped_is_not_brought_to_the_disk() {
        let keep = tempfile::tempdir().unwrap();
        std::fs::write(keep.path().join(TYPES_FILE), "").unwrap();
        let segment = |number| {
            Arc::new(Segment::create(keep.path(), number, 1, Checkpoint::default()).unwrap())
        };
        let [first, second] = [segment(1), segment(2)];
        let syncer = Syncer::start(keep.path(), Duration::from_secs(3600)).unwrap();
        syncer.follow(&first);
        first.remove();
        first.sync().unwrap();
        assert!(first.is_removed());
        syncer.follow(&second);
        assert_eq!(Arc::strong_count(&first), 1, "it is held, and its files are open");
        assert!(syncer.finish().is_none());
        assert!(second.synced() > 0 && !second.is_removed());
    }
}
