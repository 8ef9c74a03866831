//! The file in which one run keeps where the next goes on.

use alloc::sync::Arc;
use core::time::Duration;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde::{Deserialize, Serialize};
use sse_monitor_engine::WatchRequest;
use tokio::{task, time};

use crate::new_file::private;

/// While events come, the file is written at most so often.
const PAUSE: Duration = Duration::from_secs(1);

/// More than the places of all streams that one could name.
const LARGEST: u64 = 4 << 20;

/// Links that lead from one to the next: as many as Linux follows.
const MOST_LINKS: usize = 40;

/// The last event ID of all that was printed, of each stream.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    places: Places,
    /// Of each stream of this run, and where its place is, once it has one.
    streams: Vec<(Key, Option<usize>)>,
    is_written: bool,
    tried_at: Option<Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Places {
    streams: Vec<Place>,
}

/// Where a stream was left.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(flatten)]
    key: Key,
    last_event_id: String,
}

/// By what a stream is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    /// Without secrets.
    url: String,
    /// What tells apart who sends another body to one URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_tag: Option<u32>,
    /// What tells apart whose URLs differ in a secret alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets_tag: Option<u32>,
}

impl Key {
    fn of(request: &WatchRequest) -> Self {
        Self {
            url: request.url(),
            body_tag: request.body_tag(),
            secrets_tag: request.secrets_tag(),
        }
    }

    /// Whether they are the same but for secrets.
    fn is_like(&self, other: &Self) -> bool {
        (&self.url, self.body_tag) == (&other.url, other.body_tag)
    }
}

impl StateFile {
    /// For these streams, which are known by their numbers from 0. The error is a sentence.
    pub(crate) fn open(path: &Path, requests: &[WatchRequest]) -> Result<Self, String> {
        let path = &*where_links_lead(path);
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
        let keys: Vec<_> = requests.iter().map(Key::of).collect();
        let streams = assigned(&places, keys)
            .map_err(|sentence| format!("{sentence}: name another file than {}", path.display()))?;
        let state = Self { path: path.into(), places, streams, is_written: true, tried_at: None };
        // An ID means something only to the server that gave it; one mistyped URL should not begin anew.
        if let Some(other) = state.places.streams.first()
            && state.streams.iter().all(|(_, place)| place.is_none())
        {
            let urls: Vec<_> = state.streams.iter().map(|(key, _)| key.url.as_str()).collect();
            let is_of_body = urls.contains(&other.key.url.as_str());
            return Err(format!(
                "{} keeps where {} was left{}, and nothing of {}: name another file, or remove it",
                path.display(),
                other.key.url,
                if is_of_body { " with another method or body" } else { "" },
                urls.join(", ")
            ));
        }
        // Better told before anything is read than once it would have to be kept.
        let new = state.beside();
        fresh(&new).and_then(|_| fs::remove_file(&new)).map_err(|error| state.unkept(&error))?;
        Ok(state)
    }

    /// Where this stream was left.
    pub(crate) fn last_event_id(&self, stream: usize) -> Option<&str> {
        let place = self.streams[stream].1?;
        Some(&self.places.streams[place].last_event_id)
    }

    /// All of this stream up to the event with this ID was printed.
    pub(crate) fn passed(&mut self, stream: usize, last_event_id: &str) -> Result<(), String> {
        let (key, place) = &mut self.streams[stream];
        match place.and_then(|place| self.places.streams.get_mut(place)) {
            Some(place) if place.last_event_id == last_event_id && place.key == *key => {}
            Some(place) => {
                // Its secrets may be others than they were.
                place.key.clone_from(key);
                place.last_event_id.clear();
                place.last_event_id.push_str(last_event_id);
                self.is_written = false;
            }
            None => {
                *place = Some(self.places.streams.len());
                let place = Place { key: key.clone(), last_event_id: last_event_id.into() };
                self.places.streams.push(place);
                self.is_written = false;
            }
        }
        if self.tried_at.is_some_and(|at| at.elapsed() < PAUSE) { Ok(()) } else { self.write() }
    }

    /// Writes what is not written yet: the whole file or nothing.
    pub(crate) fn write(&mut self) -> Result<(), String> {
        if self.is_written {
            return Ok(());
        }
        self.tried_at = Some(Instant::now());
        self.replace().map_err(|error| self.unkept(&error))?;
        self.is_written = true;
        Ok(())
    }

    fn unkept(&self, error: &io::Error) -> String {
        format!("where this run stops cannot be kept in {}: {error}", self.path.display())
    }

    /// What is written before it takes the file's place.
    fn beside(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        self.path.with_file_name(name)
    }

    fn replace(&self) -> io::Result<()> {
        let new = self.beside();
        let text = serde_json::to_string(&self.places).map_err(io::Error::other)?;
        let written = fresh(&new).and_then(|mut file| {
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

/// The file itself, also where it is not there yet: another would take the place of a link to it.
fn where_links_lead(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A new file, in the place of one that a run left which was killed and had this process's number.
fn fresh(path: &Path) -> io::Result<File> {
    match private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            private(path)
        }
        opened => opened,
    }
}

/// The places of these streams. The error is the beginning of a sentence.
///
/// Secrets change, so that where one stream was left under a URL and one is read from it, it is the same.
/// Where there are several, only their own secrets tell whose a place is: a guess could pass over events.
fn assigned(places: &Places, keys: Vec<Key>) -> Result<Vec<(Key, Option<usize>)>, String> {
    if let Some((_, twice)) =
        keys.iter().enumerate().find(|(index, key)| keys[..*index].contains(key))
    {
        return Err(format!("{} is given twice, and one place cannot be that of two", twice.url));
    }
    let place_of = |key: &Key| places.streams.iter().position(|place| place.key == *key);
    let places_of: Vec<_> = keys.iter().map(place_of).collect();
    let mut streams = Vec::new();
    for (key, place) in keys.iter().zip(&places_of) {
        let is_taken = |index: &usize| places_of.contains(&Some(*index));
        let alike = (0..places.streams.len()).filter(|at| key.is_like(&places.streams[*at].key));
        let free: Vec<_> = alike.clone().filter(|index| !is_taken(index)).collect();
        let asking = keys.iter().filter(|other| other.is_like(key)).count();
        let place = match (place, free.as_slice()) {
            (Some(_), _) | (None, []) => *place,
            (None, [only]) if asking == 1 && alike.count() == 1 => Some(*only),
            (None, _) => {
                return Err(format!(
                    "which of the streams of {} this was cannot be told, since its secrets are others",
                    key.url
                ));
            }
        };
        streams.push((key.clone(), place));
    }
    Ok(streams)
}

/// The file as all who write it share it.
#[derive(Clone, Debug)]
pub(crate) struct State(Arc<Mutex<StateFile>>);

impl State {
    pub(crate) fn new(file: StateFile) -> Self {
        Self(Arc::new(Mutex::new(file)))
    }

    pub(crate) fn file(&self) -> MutexGuard<'_, StateFile> {
        // What it holds is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is not written yet, now and then: a stream that falls silent is not asked for again.
    pub(crate) async fn keep_written(self) {
        loop {
            time::sleep(PAUSE).await;
            let state = self.clone();
            // What cannot be written is told by the next that was printed, or at the end.
            let _ = task::spawn_blocking(move || drop(state.file().write())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, body_tag: Option<u32>, secrets_tag: Option<u32>) -> Key {
        Key { url: url.into(), body_tag, secrets_tag }
    }

    fn places_of(kept: &[Key], asked: &[Key]) -> Result<Vec<Option<usize>>, String> {
        let place = |key: &Key| Place { key: key.clone(), last_event_id: "7".into() };
        let places = Places { streams: kept.iter().map(place).collect() };
        let streams = assigned(&places, asked.to_vec())?;
        Ok(streams.into_iter().map(|(_, place)| place).collect())
    }

    #[test]
    fn a_stream_is_known_by_its_url_its_body_and_its_secrets() {
        let (alice, bob) = (key("a", None, Some(1)), key("a", None, Some(2)));
        let (eve, old) = (key("a", None, Some(3)), key("a", None, None));
        let (one, other) = (key("a", Some(1), Some(1)), key("a", Some(2), Some(1)));
        for (kept, asked, places) in [
            (&[][..], &[&alice, &bob][..], &[None, None][..]),
            (&[&alice, &bob], &[&bob, &alice], &[Some(1), Some(0)]),
            (&[&alice, &bob], &[&bob], &[Some(1)]),
            (&[&alice], &[&alice, &bob], &[Some(0), None]),
            (&[&one, &alice], &[&other, &one, &alice], &[None, Some(0), Some(1)]),
            // A secret that changed, or was never noted.
            (&[&alice], &[&eve], &[Some(0)]),
            (&[&old], &[&eve], &[Some(0)]),
        ] {
            let of = |keys: &[&Key]| keys.iter().map(|&key| key.clone()).collect::<Vec<_>>();
            assert_eq!(places_of(&of(kept), &of(asked)).unwrap(), places, "{kept:?} {asked:?}");
        }
        for (kept, asked) in [
            (vec![alice.clone(), bob.clone()], vec![eve.clone()]),
            (vec![alice.clone(), bob.clone()], vec![alice.clone(), eve.clone()]),
            (vec![alice.clone()], vec![bob.clone(), eve.clone()]),
        ] {
            let refused = places_of(&kept, &asked).unwrap_err();
            assert!(refused.contains("cannot be told"), "{refused}");
        }
        let refused = places_of(&[], &[alice.clone(), bob, alice]).unwrap_err();
        assert!(refused.contains("a is given twice"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_the_file_that_it_leads_to_is_written() {
        let keep = tempfile::tempdir().unwrap();
        let path = |name: &str| keep.path().join(name);
        fs::create_dir(path("kept")).unwrap();
        std::os::unix::fs::symlink("second", path("first")).unwrap();
        std::os::unix::fs::symlink("kept/state.json", path("second")).unwrap();
        let request = WatchRequest::new("http://a/").unwrap();
        // Once it is not there yet, and once it is.
        for id in ["7", "8"] {
            let mut state =
                StateFile::open(&path("first"), core::slice::from_ref(&request)).unwrap();
            state.passed(0, id).unwrap();
            assert!(fs::read_to_string(path("kept/state.json")).unwrap().contains(id));
            assert!(fs::symlink_metadata(path("first")).unwrap().is_symlink());
            assert_eq!(fs::read_dir(path("kept")).unwrap().count(), 1);
        }
    }
}
