//! Looks at the recordings in a folder.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io,
    path::Path,
    time::SystemTime,
};

use super::{Session, SessionState};
use crate::recording::Recording;

/// How the folder of a session ends that is under way, and is put in a file of the name before that.
pub(super) const UNDER_WAY: &str = ".recording";

/// How a one-file recording ends.
const FILE: &str = ".ssrec";

/// Raised where what is told of a recording that is as it was is other than before.
const VERSION: u32 = 1;

/// What became of one recording.
#[derive(Debug)]
pub(super) struct Looked {
    /// Another where the recording has changed.
    pub(super) stamp: String,
    /// Only its name, where it is as it was.
    pub(super) session: Session,
}

impl Looked {
    pub(super) fn is_known(&self) -> bool {
        self.stamp.is_empty()
    }
}

/// Looks at all recordings in the folder, and into those whose stamps are not among these.
pub(super) fn folder(folder: &Path, known: &[(String, String)]) -> io::Result<Vec<Looked>> {
    let known: HashMap<&str, &str> = known.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
    let mut looked = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        // What is no text is no name that anybody could ask for.
        let Ok(name) = file.file_name().into_string() else { continue };
        let path = file.path();
        // Gone since, say.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let measured = if metadata.is_dir() {
            measure(&path).ok().flatten()
        } else if name.ends_with(FILE) {
            Some((metadata.len(), modified(&metadata)))
        } else {
            None
        };
        let Some((bytes, modified)) = measured else { continue };
        let stamp = format!("{VERSION} {bytes} {modified}");
        let session = if known.get(name.as_str()) == Some(&stamp.as_str()) {
            looked.push(Looked {
                stamp: String::new(),
                session: Session { name, ..Session::default() },
            });
            continue;
        } else {
            look(&path, name, bytes)
        };
        // A session under way is looked at again each time, since its end changes no file.
        let is_over = session.state != SessionState::Live;
        looked.push(Looked { stamp: if is_over { stamp } else { "live".into() }, session });
    }
    Ok(looked)
}

fn look(path: &Path, name: String, bytes: u64) -> Session {
    let session = Session { name, bytes, ..Session::default() };
    let recording = match Recording::open(path) {
        Ok(recording) => recording,
        Err(error) => {
            let problem = Some(error.to_string());
            return Session { state: SessionState::Unreadable, problem, ..session };
        }
    };
    let is_cut_off = path.is_file() && !recording.is_closed();
    let state = if recording.is_live() {
        SessionState::Live
    } else if is_cut_off || recording.damage().iter().any(|damage| damage.kind.is_loss()) {
        // A file appears whole or not at all.
        SessionState::Damaged
    } else if recording.is_closed() {
        SessionState::Finished
    } else {
        SessionState::Crashed
    };
    let (origin, totals, view) = (recording.origin(), recording.totals(), recording.view());
    let newest = view.page(view.next_row().saturating_sub(1), 1, 0);
    Session {
        state,
        url: origin.url.clone(),
        imported_from: origin.imported_from.clone(),
        started_unix_micros: origin.started_unix_micros,
        duration_micros: newest.last().map_or(0, |row| row.elapsed_micros),
        events: totals.events,
        attempts: totals.attempts,
        rows: view.next_row() - view.first_row(),
        ..session
    }
}

/// The bytes of a session's folder, and when it changed last; `None` if it is none.
fn measure(folder: &Path) -> io::Result<Option<(u64, u128)>> {
    let (mut bytes, mut latest, mut is_session) = (0, 0, false);
    for file in fs::read_dir(folder)? {
        let file = file?;
        let metadata = file.metadata()?;
        bytes += metadata.len();
        latest = latest.max(modified(&metadata));
        let path = file.path();
        is_session |= path.extension().is_some_and(|extension| extension == "sse");
    }
    Ok(is_session.then_some((bytes, latest)))
}

fn modified(metadata: &Metadata) -> u128 {
    let time = metadata.modified().ok();
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.unwrap_or_default().as_nanos()
}

#[cfg(all(test, feature = "convert"))]
mod tests {
    use crate::recording::{Source, import};

    use super::*;

    #[test]
    fn what_another_version_looked_at_is_looked_at_again() {
        let keep = tempfile::tempdir().unwrap();
        import(&b"data: a\n\n"[..], Source::Raw, "a", &keep.path().join("a.ssrec")).unwrap();
        let looked = |known: &[(String, String)]| folder(keep.path(), known).unwrap().remove(0);
        let stamp = looked(&[]).stamp;
        let is_known = |stamp: &str| looked(&[("a.ssrec".into(), stamp.into())]).is_known();
        assert!(is_known(&stamp));
        let file = fs::metadata(keep.path().join("a.ssrec")).unwrap();
        assert!(!is_known(&format!("{} {}", file.len(), modified(&file))));
    }
}
