//! The file in which one run keeps where the next goes on.

use core::time::Duration;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::{Value, json};

/// While events come, the file is written at most so often.
const PAUSE: Duration = Duration::from_secs(1);

/// The last event ID of all that was printed.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    last_event_id: String,
    is_written: bool,
    written_at: Option<Instant>,
}

impl StateFile {
    /// The error is a sentence.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let last_event_id = match fs::read(path) {
            Ok(bytes) => {
                let state: Option<Value> = serde_json::from_slice(&bytes).ok();
                let id = state.as_ref().and_then(|state| state.get("lastEventId")?.as_str());
                id.map(Into::into).ok_or_else(|| {
                    format!(
                        "{} is not a file that --state wrote; name another, or remove it",
                        path.display()
                    )
                })?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        Ok(Self { path: path.into(), last_event_id, is_written: true, written_at: None })
    }

    pub(crate) fn last_event_id(&self) -> Option<&str> {
        Some(self.last_event_id.as_str()).filter(|id| !id.is_empty())
    }

    /// All up to the event with this ID was printed.
    pub(crate) fn passed(&mut self, last_event_id: &str) -> Result<(), String> {
        if self.last_event_id != last_event_id {
            self.last_event_id = last_event_id.into();
            self.is_written = false;
        }
        if self.written_at.is_some_and(|at| at.elapsed() < PAUSE) { Ok(()) } else { self.write() }
    }

    /// Writes what is not written yet: the whole file or nothing.
    pub(crate) fn write(&mut self) -> Result<(), String> {
        if self.is_written {
            return Ok(());
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let state = json!({ "lastEventId": self.last_event_id });
        fs::write(&new, format!("{state}\n")).and_then(|()| fs::rename(&new, &self.path)).map_err(
            |error| {
                format!("where this run stops cannot be kept in {}: {error}", self.path.display())
            },
        )?;
        self.is_written = true;
        self.written_at = Some(Instant::now());
        Ok(())
    }
}
