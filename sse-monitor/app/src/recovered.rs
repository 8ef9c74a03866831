//! Recordings of windows that were killed, put in the files for which they were meant.

use std::path::Path;

use serde::Serialize;
use sse_monitor_engine::recording::{OpenError, PackError, Recording};

use crate::{
    save::{Saved, numbered, put},
    scratch::{Left, Session},
};

/// How many other names are tried where a file of the name that was given is there.
const NAMES: u32 = 100;

/// What became of them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Recovered {
    saved: Vec<Saved>,
    /// Why others could not be saved, each in a sentence. They stay where they are.
    troubles: Vec<String>,
}

/// Puts all that was left where it was meant to be.
pub(crate) fn recover(left: &[Left]) -> Recovered {
    let mut recovered = Recovered::default();
    for left in left {
        // One that cannot be looked into now may be later.
        for session in left.sessions().unwrap_or_default() {
            let Some(file) = session.meant_for() else { continue };
            match one(&session, &file) {
                Ok(saved) => recovered.saved.extend(saved),
                Err(reason) => recovered.troubles.push(format!(
                    "An earlier window did not end well. What it recorded is still in {}, because {reason}. Open \
                     that folder here by Ctrl+O; the next window tries again.",
                    session.folder().display()
                )),
            }
        }
    }
    recovered
}

/// `None` if nothing had come yet.
fn one(session: &Session, file: &Path) -> Result<Option<Saved>, String> {
    let saved = match Recording::open(session.folder()) {
        Ok(recording) => Some(named(&recording, file).map_err(|error| error.to_string())?),
        Err(OpenError::Empty { .. }) => None,
        Err(error) => return Err(error.to_string()),
    };
    // It is in its file: nothing is lost if it is put there again under another name.
    let _ = session.mean_for(None);
    Ok(saved)
}

/// In that file, or in one of a name beside it: the user may have given the name to another meanwhile.
fn named(recording: &Recording, file: &Path) -> Result<Saved, PackError> {
    let mut number = 1;
    loop {
        let saved = put(&recording.view(), recording.totals(), &numbered(file, number));
        if number == NAMES || !matches!(saved, Err(PackError::Exists { .. })) {
            return saved;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{scratch::Scratch, watched::Watched};

    #[tokio::test]
    async fn what_was_left_is_put_in_its_file_or_beside_it_and_what_cannot_be_stays() {
        let cache = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (scratch, _) = Scratch::new(cache.path()).unwrap();
        let watched = Watched::begin(&url, Some(&scratch)).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: one\n\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut revision = 0;
        while watched.snapshot().totals.events == 0 {
            revision = watched.latest().changed(revision).await;
        }
        let file = cache.path().join("folder/feed.ssrec");
        watched.mean_for(Some(&file)).unwrap();

        // As a program that is killed leaves it: nothing closed, nothing removed.
        let killed = cache.path().join("killed");
        copy(&cache.path().join("sessions"), &killed.join("sessions"));
        let (_next, left) = Scratch::new(&killed).unwrap();
        let recovered = recover(&left);
        assert!(recovered.saved.is_empty());
        let told = "An earlier window did not end well. What it recorded is still in ";
        assert!(recovered.troubles[0].starts_with(told), "{recovered:?}");
        drop(left);

        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, "another").unwrap();
        let (_next, left) = Scratch::new(&killed).unwrap();
        let recovered = recover(&left);
        assert!(recovered.troubles.is_empty(), "{recovered:?}");
        let other = file.with_file_name("feed-2.ssrec");
        let row = |path| {
            let view = Recording::open(path).unwrap().view();
            view.row(view.next_row() - 1).unwrap().data
        };
        assert_eq!(row(&other), "one");
        drop(left);
        let (_next, left) = Scratch::new(&killed).unwrap();
        assert!(left.is_empty());
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}
