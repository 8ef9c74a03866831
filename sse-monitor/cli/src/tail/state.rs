//! The file in which one run keeps where the next goes on.

use core::time::Duration;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use serde::{Deserialize, Serialize};

/// While events come, the file is written at most so often.
const PAUSE: Duration = Duration::from_secs(1);

/// More than the places of all streams that one could name.
const LARGEST: u64 = 4 << 20;

/// The last event ID of all that was printed, of each stream.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    places: Places,
    is_written: bool,
    written_at: Option<Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Places {
    streams: Vec<Place>,
}

/// Where a stream was left. Secrets in its URL are masked, so that a new token leads to the same place.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    url: String,
    last_event_id: String,
}

impl StateFile {
    /// For the streams at these URLs. The error is a sentence.
    pub(crate) fn open(path: &Path, urls: &[String]) -> Result<Self, String> {
        let places = match read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                format!(
                    "{} is not a file that --state wrote; name another, or remove it",
                    path.display()
                )
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Places::default(),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        let state = Self { path: path.into(), places, is_written: true, written_at: None };
        // An ID means something only to the server that gave it; one mistyped URL should not begin anew.
        if let Some(other) = state.places.streams.first()
            && !urls.iter().any(|url| state.last_event_id(url).is_some())
        {
            return Err(format!(
                "{} keeps where {} was left, and nothing of {}: name another file, or remove it",
                path.display(),
                other.url,
                urls.join(", ")
            ));
        }
        Ok(state)
    }

    /// Where the stream at this URL was left.
    pub(crate) fn last_event_id(&self, url: &str) -> Option<&str> {
        let place = self.places.streams.iter().find(|place| place.url == url)?;
        Some(&place.last_event_id)
    }

    /// All of the stream at this URL up to the event with this ID was printed.
    pub(crate) fn passed(&mut self, url: &str, last_event_id: &str) -> Result<(), String> {
        match self.places.streams.iter_mut().find(|place| place.url == url) {
            Some(place) if place.last_event_id == last_event_id => {}
            Some(place) => {
                place.last_event_id.clear();
                place.last_event_id.push_str(last_event_id);
                self.is_written = false;
            }
            None => {
                let place = Place { url: url.into(), last_event_id: last_event_id.into() };
                self.places.streams.push(place);
                self.is_written = false;
            }
        }
        if self.written_at.is_some_and(|at| at.elapsed() < PAUSE) { Ok(()) } else { self.write() }
    }

    /// Writes what is not written yet: the whole file or nothing.
    pub(crate) fn write(&mut self) -> Result<(), String> {
        if self.is_written {
            return Ok(());
        }
        self.replace().map_err(|error| {
            format!("where this run stops cannot be kept in {}: {error}", self.path.display())
        })?;
        self.is_written = true;
        self.written_at = Some(Instant::now());
        Ok(())
    }

    fn replace(&self) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let new = self.path.with_file_name(name);
        let text = serde_json::to_string(&self.places).map_err(io::Error::other)?;
        let written = private(&new).and_then(|mut file| {
            writeln!(file, "{text}")?;
            // What is renamed before it is on the disk may be empty after a crash.
            file.sync_data()
        });
        let replaced = written.and_then(|()| fs::rename(&new, &self.path));
        if replaced.is_err() {
            let _ = fs::remove_file(&new);
        }
        replaced
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A new file that nobody else may read: URLs and IDs are nobody else's business.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // Of a run that was killed, and had this process's number.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options.open(path)
        }
        opened => opened,
    }
}
