//! The sessions that are recorded in a folder, and what people note about them.
//!
//! The catalogue is an SQLite file in that folder. What it tells of recordings follows from them, so that
//! it can be lost, or be damaged, and is made again; only titles, tags and notes are its own.

mod look;
mod schema;

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::journal::writer::make_folder;
use look::Looked;

/// What the file is called.
pub const CATALOGUE_FILE: &str = "catalogue.sqlite";

/// Held while the file is opened, made or set aside.
const LOCK_FILE: &str = "catalogue.lock";

/// The most bytes of a title, of all tags, of notes.
const MOST_TEXT: usize = 64 << 10;

/// The sessions in a folder.
///
/// Any number of processes may have it open; one that has to wait for another longer than some seconds is
/// told so.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keep = tempfile::tempdir()?;
/// # let folder = keep.path();
/// use sse_monitor_engine::catalogue::Catalogue;
///
/// let mut catalogue = Catalogue::open(folder)?;
/// catalogue.refresh()?;
/// for session in catalogue.sessions()? {
///     println!("{} {} {} events", session.name, session.url, session.events);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Catalogue {
    folder: PathBuf,
    database: Connection,
    set_aside: Option<PathBuf>,
}

/// A recorded session, as the catalogue knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Session {
    /// Its file's or folder's name, by which it is known.
    pub name: String,
    /// How it stands.
    pub state: SessionState,
    /// What is wrong with it, if it cannot be read.
    pub problem: Option<String>,
    /// Where the stream is, without its secrets.
    pub url: String,
    /// Where it was imported from, if it was.
    pub imported_from: Option<String>,
    /// When it began, in microseconds since 1970 (UTC).
    pub started_unix_micros: u64,
    /// From its beginning to its latest row, in microseconds.
    pub duration_micros: u64,
    /// Events that came, those that were dropped since among them.
    pub events: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Rows, those that were dropped not among them.
    pub rows: u64,
    /// What it takes of the disk.
    pub bytes: u64,
    /// What somebody called it.
    pub title: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What somebody noted.
    pub notes: String,
}

/// How a recorded session stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionState {
    /// It is being recorded.
    Live,
    /// Its program closed it.
    #[default]
    Finished,
    /// Its program was stopped; what it had written is there.
    Crashed,
    /// Something of it cannot be read, as far as is known without [reading all](crate::recording::Recording::check) of
    /// it; the rest is there.
    Damaged,
    /// It cannot be read; the problem says why.
    Unreadable,
    /// It is gone, and something was noted about it.
    Missing,
}

/// Why the catalogue cannot do that.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// A newer program made it.
    #[error(
        "the catalogue {} was made by a newer version (its format is {found}, and this program knows up to \
         {known}); use that version, or move the file away: it is made again from the recordings, without \
         titles, tags and notes",
        path.display()
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format's version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The file is something else's.
    #[error("{} is the database of another program; move it away, and the catalogue is made", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("the catalogue {} cannot be used: {reason}", path.display())]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no such session.
    #[error("there is no session {name} in {}", folder.display())]
    NoSession {
        /// Which.
        name: String,
        /// Where.
        folder: PathBuf,
    },
    /// A title, tags or notes are too long.
    #[error("{what} may have {MOST_TEXT} bytes, and these are {bytes}")]
    TooLong {
        /// Which.
        what: &'static str,
        /// How long they are.
        bytes: usize,
    },
}

impl Catalogue {
    /// Opens the catalogue of a folder. Where there is none it is made, and where it is damaged it is
    /// [set aside](Self::set_aside) and made again from the recordings.
    ///
    /// # Errors
    /// [`CatalogueError`]: it is a newer version's or another program's, or cannot be written.
    pub fn open(folder: &Path) -> Result<Self, CatalogueError> {
        let path = folder.join(CATALOGUE_FILE);
        let io = |source| CatalogueError::Io { path: folder.into(), source };
        make_folder(folder).map_err(io)?;
        // So that no other process takes a file for damaged that this one makes, or for one without sessions.
        let lock = lock(folder).map_err(io)?;
        let opened = schema::open(&path)?;
        let mut catalogue =
            Self { folder: folder.into(), database: opened.database, set_aside: opened.set_aside };
        if opened.is_new {
            catalogue.refresh()?;
        }
        drop(lock);
        Ok(catalogue)
    }

    /// Looks at a folder. Where there is a catalogue it is [opened](Self::open) and brought up to date; where
    /// there is none, none is made.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn look(folder: &Path) -> Result<Self, CatalogueError> {
        if folder.join(CATALOGUE_FILE).exists() {
            let mut catalogue = Self::open(folder)?;
            catalogue.refresh()?;
            return Ok(catalogue);
        }
        let database = schema::in_memory(folder)?;
        let mut catalogue = Self { folder: folder.into(), database, set_aside: None };
        catalogue.refresh()?;
        Ok(catalogue)
    }

    /// Where the damaged catalogue lies in whose place this one was made, if that happened now. Its
    /// titles, tags and notes are not in this one.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// Looks what has become of the folder's recordings. Opens those that are new or have changed.
    ///
    /// # Errors
    /// [`CatalogueError`]. Recordings that cannot be read are no error: [`SessionState::Unreadable`].
    pub fn refresh(&mut self) -> Result<(), CatalogueError> {
        let mut known = Vec::new();
        {
            let mut select =
                self.database.prepare("SELECT name, stamp FROM session").or_else(self.refused())?;
            let rows = select
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
                .or_else(self.refused())?;
            for row in rows {
                known.push(row.or_else(self.refused())?);
            }
        }
        // Before anything is locked, since it may take a while.
        let looked = look::folder(&self.folder, &known)
            .map_err(|source| CatalogueError::Io { path: self.folder.clone(), source })?;
        self.write(&looked).or_else(self.refused())
    }

    /// All sessions, those that began last first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn sessions(&self) -> Result<Vec<Session>, CatalogueError> {
        let select = format!("SELECT {COLUMNS} FROM session ORDER BY started DESC, name");
        let mut select = self.database.prepare(&select).or_else(self.refused())?;
        let sessions = select.query_map([], session).or_else(self.refused())?;
        sessions.collect::<Result<_, _>>().or_else(self.refused())
    }

    /// The session of this name.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn session(&self, name: &str) -> Result<Option<Session>, CatalogueError> {
        let select = format!("SELECT {COLUMNS} FROM session WHERE name = ?1");
        self.database.query_row(&select, [name], session).optional().or_else(self.refused())
    }

    /// Where a session lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Calls a session something.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn set_title(&mut self, name: &str, title: &str) -> Result<(), CatalogueError> {
        self.set("title", "UPDATE session SET title = ?2 WHERE name = ?1", name, title)
    }

    /// Puts these tags in the place of those that a session had.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn set_tags(&mut self, name: &str, tags: &[&str]) -> Result<(), CatalogueError> {
        // Texts: nothing in them can fail to be written.
        let json = serde_json::to_string(tags).unwrap_or_default();
        self.set("tags", "UPDATE session SET tags = ?2 WHERE name = ?1", name, &json)
    }

    /// Notes something about a session, in place of what was noted.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn set_notes(&mut self, name: &str, notes: &str) -> Result<(), CatalogueError> {
        self.set("notes", "UPDATE session SET notes = ?2 WHERE name = ?1", name, notes)
    }

    fn set(
        &self,
        what: &'static str,
        update: &str,
        name: &str,
        value: &str,
    ) -> Result<(), CatalogueError> {
        if value.len() > MOST_TEXT {
            return Err(CatalogueError::TooLong { what, bytes: value.len() });
        }
        match self.database.execute(update, [name, value]).or_else(self.refused())? {
            0 => Err(CatalogueError::NoSession { name: name.into(), folder: self.folder.clone() }),
            _ => Ok(()),
        }
    }

    fn write(&mut self, looked: &[Looked]) -> rusqlite::Result<()> {
        let change = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut upsert = change.prepare(UPSERT)?;
        for Looked { stamp, session: s } in looked.iter().filter(|looked| !looked.is_known()) {
            upsert.execute(params![
                s.name,
                stamp,
                state_name(s.state),
                s.problem,
                s.url,
                s.imported_from,
                integer(s.started_unix_micros),
                integer(s.duration_micros),
                integer(s.events),
                integer(s.attempts),
                integer(s.rows),
                integer(s.bytes),
            ])?;
        }
        drop(upsert);
        let there: Vec<&str> = looked.iter().map(|looked| looked.session.name.as_str()).collect();
        let there = serde_json::to_string(&there).unwrap_or_default();
        change.execute(MOVE, [there.as_str(), look::UNDER_WAY])?;
        change.execute(FORGET, [there.as_str()])?;
        change.execute(MISS, [there.as_str()])?;
        change.commit()
    }

    /// In the place of SQLite's own errors.
    fn refused<T>(&self) -> impl FnOnce(rusqlite::Error) -> Result<T, CatalogueError> + use<T> {
        let path = self.folder.join(CATALOGUE_FILE);
        move |error| Err(schema::refused(&path, &error))
    }
}

const COLUMNS: &str = "name, state, problem, url, imported_from, started, duration, events, attempts, \
                       rows, bytes, title, tags, notes";

const UPSERT: &str = "
    INSERT INTO session (name, stamp, state, problem, url, imported_from, started, duration, events,
        attempts, rows, bytes)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT (name) DO UPDATE SET (stamp, state, problem, url, imported_from, started, duration,
        events, attempts, rows, bytes) = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// What was noted about a session under way goes on with the file that it was put in.
const MOVE: &str = "
    UPDATE session SET (title, tags, notes) = (old.title, old.tags, old.notes)
    FROM session AS old
    WHERE old.name = session.name || ?2 AND session.title = '' AND session.tags = '[]'
        AND session.notes = '' AND session.name IN (SELECT value FROM json_each(?1))
        AND old.name NOT IN (SELECT value FROM json_each(?1))";

const FORGET: &str = "
    DELETE FROM session WHERE name NOT IN (SELECT value FROM json_each(?1))
        AND (title = '' AND tags = '[]' AND notes = ''
            OR EXISTS (SELECT 1 FROM session AS new WHERE session.name = new.name || '.recording'
                AND (new.title, new.tags, new.notes) = (session.title, session.tags, session.notes)))";

const MISS: &str = "
    UPDATE session SET state = 'missing', stamp = ''
    WHERE name NOT IN (SELECT value FROM json_each(?1))";

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let number = |column| row.get(column).map(|number: i64| number.unsigned_abs());
    Ok(Session {
        name: row.get(0)?,
        state: state_of(&row.get::<_, String>(1)?),
        problem: row.get(2)?,
        url: row.get(3)?,
        imported_from: row.get(4)?,
        started_unix_micros: number(5)?,
        duration_micros: number(6)?,
        events: number(7)?,
        attempts: number(8)?,
        rows: number(9)?,
        bytes: number(10)?,
        title: row.get(11)?,
        tags: serde_json::from_str(&row.get::<_, String>(12)?).unwrap_or_default(),
        notes: row.get(13)?,
    })
}

const STATES: [(SessionState, &str); 6] = [
    (SessionState::Live, "live"),
    (SessionState::Finished, "finished"),
    (SessionState::Crashed, "crashed"),
    (SessionState::Damaged, "damaged"),
    (SessionState::Unreadable, "unreadable"),
    (SessionState::Missing, "missing"),
];

fn state_name(state: SessionState) -> &'static str {
    STATES.iter().find(|(other, _)| *other == state).map_or("unreadable", |(_, name)| name)
}

fn state_of(name: &str) -> SessionState {
    let found = STATES.iter().find(|(_, other)| *other == name);
    found.map_or(SessionState::Unreadable, |(state, _)| *state)
}

/// SQLite's numbers have a sign.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn lock(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(folder.join(LOCK_FILE))?;
    file.lock()?;
    Ok(file)
}
