//! The catalogue's file: made, brought up to date, or set aside where it is damaged.

use core::time::Duration;
use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::CatalogueError;

/// Stands in the file's header: by it one knows whose it is.
const APPLICATION: i64 = 0x5353_4543;

/// Each brings the file from the version of its place to the next.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE session (
        name TEXT PRIMARY KEY,
        stamp TEXT NOT NULL,
        state TEXT NOT NULL,
        problem TEXT,
        url TEXT NOT NULL,
        imported_from TEXT,
        started INTEGER NOT NULL,
        duration INTEGER NOT NULL,
        events INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        tags TEXT NOT NULL DEFAULT '[]',
        notes TEXT NOT NULL DEFAULT ''
    ) STRICT"];

/// So long one waits for another process; each writes for a few milliseconds.
const BUSY: Duration = Duration::from_secs(5);

/// What was opened.
pub(super) struct Opened {
    pub(super) database: Connection,
    pub(super) is_new: bool,
    pub(super) set_aside: Option<PathBuf>,
}

/// Why a file could not be.
enum Fault {
    Damaged,
    Other(CatalogueError),
}

/// Opens the file. The caller holds the lock on it.
pub(super) fn open(path: &Path) -> Result<Opened, CatalogueError> {
    match try_open(path) {
        Ok((database, is_new)) => Ok(Opened { database, is_new, set_aside: None }),
        Err(Fault::Other(error)) => Err(error),
        Err(Fault::Damaged) => {
            let set_aside = set_aside(path)
                .map_err(|source| CatalogueError::Io { path: path.into(), source })?;
            match try_open(path) {
                Ok((database, _)) => {
                    Ok(Opened { database, is_new: true, set_aside: Some(set_aside) })
                }
                Err(Fault::Other(error)) => Err(error),
                Err(Fault::Damaged) => Err(CatalogueError::Refused {
                    path: path.into(),
                    reason: "it is damaged as soon as it is made; is the disk well?".into(),
                }),
            }
        }
    }
}

fn try_open(path: &Path) -> Result<(Connection, bool), Fault> {
    let fault = |error: rusqlite::Error| {
        if is_damage(&error) { Fault::Damaged } else { Fault::Other(refused(path, &error)) }
    };
    create(path)
        .map_err(|source| Fault::Other(CatalogueError::Io { path: path.into(), source }))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags).map_err(fault)?;
    database.busy_timeout(BUSY).map_err(fault)?;
    let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = pragma("user_version").map_err(fault)?;
    let application = pragma("application_id").map_err(fault)?;
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = database.query_row(tables, [], |row| row.get(0)).map_err(fault)?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Err(Fault::Other(CatalogueError::Foreign { path: path.into() }));
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        let path = path.into();
        return Err(Fault::Other(CatalogueError::Newer { path, found: version, known }));
    }
    let check = "PRAGMA quick_check(1)";
    let check: String = database.query_row(check, [], |row| row.get(0)).map_err(fault)?;
    if check != "ok" {
        return Err(Fault::Damaged);
    }
    // Readers and a writer do not wait for each other.
    database.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    database.pragma_update(None, "synchronous", "NORMAL").map_err(fault)?;
    migrate(&mut database, version).map_err(fault)?;
    Ok((database, version == 0))
}

/// One that is gone with this.
pub(super) fn in_memory(folder: &Path) -> Result<Connection, CatalogueError> {
    let opened = Connection::open_in_memory().and_then(|mut database| {
        migrate(&mut database, 0)?;
        Ok(database)
    });
    opened.map_err(|error| refused(folder, &error))
}

fn migrate(database: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let change = database.transaction()?;
    for (step, next) in MIGRATIONS.iter().zip(1_i64..).skip(usize::try_from(version).unwrap_or(0)) {
        change.execute_batch(step)?;
        change.pragma_update(None, "user_version", next)?;
        change.pragma_update(None, "application_id", APPLICATION)?;
    }
    change.commit()
}

/// Makes the file for its owner alone; what SQLite puts beside it gets the same permissions.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

/// Moves a damaged file out of the way, with what SQLite put beside it. Returns where it lies now.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let beside = |end: &str| {
        let mut name = OsString::from(path);
        name.push(end);
        PathBuf::from(name)
    };
    let damaged = beside(&format!(".damaged-{}", now.as_micros()));
    fs::rename(path, &damaged)?;
    for end in ["-wal", "-shm"] {
        // Another file's: mostly they are not there.
        let _ = fs::remove_file(beside(end));
    }
    Ok(damaged)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// What SQLite says, with what can be done.
pub(super) fn refused(path: &Path, error: &rusqlite::Error) -> CatalogueError {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "it is damaged; it is made again from the recordings when it is next opened".into()
        }
        Some(ErrorCode::DatabaseBusy) => {
            "another program has held it for some seconds; try again".into()
        }
        Some(ErrorCode::ReadOnly) => "it is read-only".into(),
        Some(ErrorCode::DiskFull) => "the disk is full".into(),
        _ => error.to_string(),
    };
    CatalogueError::Refused { path: path.into(), reason }
}
