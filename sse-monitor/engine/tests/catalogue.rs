//! The catalogue of a folder's sessions: what it knows, loses, and makes again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use sse_monitor_engine::{
    DiskLimit, Reconnect, Watch, WatchRequest,
    catalogue::{CATALOGUE_FILE, Catalogue, CatalogueError, SessionState},
    recording::{Recording, Source, import, pack, remove_folder},
};

/// Tells a child in which folder to write.
const FOLDER: &str = "SSE_CATALOGUE";

const NOTES: u64 = 150;

#[test]
fn sessions_are_told_as_they_stand_and_follow_their_files() {
    let keep = tempfile::tempdir().unwrap();
    recording(keep.path(), "a.ssrec", 3);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:CANARY@{}/?token=CANARY", listener.local_addr().unwrap());
    let request = WatchRequest::new(&url).unwrap().reconnect(Reconnect::Never);
    let folder = keep.path().join("b.ssrec.recording");
    let watch = Watch::start(request.record(&folder, DiskLimit::default()));
    let (mut socket, _) = listener.accept().unwrap();
    let _ = socket.read(&mut [0; 4096]).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: a\n\ndata: b\n\n";
    socket.write_all(head.as_bytes()).unwrap();
    until(&watch, |watch| watch.snapshot().totals.events == 2);

    let mut catalogue = Catalogue::open(keep.path()).unwrap();
    let b = catalogue.session("b.ssrec.recording").unwrap().unwrap();
    assert_eq!((b.state, b.events, b.rows, b.attempts), (SessionState::Live, 2, 4, 1));
    assert!(!b.url.contains("CANARY") && b.url.contains("***"), "{}", b.url);
    let a = catalogue.session("a.ssrec").unwrap().unwrap();
    assert_eq!((a.state, a.events, a.title.as_str()), (SessionState::Finished, 3, ""));
    assert_eq!(a.bytes, fs::metadata(catalogue.path("a.ssrec")).unwrap().len());
    assert_eq!(a.imported_from.as_deref(), Some("a file"));
    assert_eq!(names(&catalogue), ["b.ssrec.recording", "a.ssrec"]);

    // What is noted of a session under way goes on with its file.
    catalogue.set_title("b.ssrec.recording", "the feed, it's down").unwrap();
    catalogue.set_tags("b.ssrec.recording", &["prices", "a \"b\""]).unwrap();
    catalogue.set_notes("b.ssrec.recording", "first line\nsecond").unwrap();
    watch.disconnect();
    drop(watch);
    catalogue.refresh().unwrap();
    let over = catalogue.session("b.ssrec.recording").unwrap().unwrap();
    assert_eq!((over.state, over.rows), (SessionState::Finished, 5));
    let recording = Recording::open(&folder).unwrap();
    pack(&recording.view(), recording.totals(), &keep.path().join("b.ssrec"), |_| {}).unwrap();
    remove_folder(&folder).unwrap();
    fs::remove_file(catalogue.path("a.ssrec")).unwrap();
    catalogue.refresh().unwrap();
    assert_eq!(names(&catalogue), ["b.ssrec"]);
    let b = &catalogue.sessions().unwrap()[0];
    assert_eq!((b.title.as_str(), b.notes.as_str()), ("the feed, it's down", "first line\nsecond"));
    assert_eq!(b.tags, ["prices", "a \"b\""]);

    // What was noted is not lost with a file that may come back.
    fs::rename(keep.path().join("b.ssrec"), keep.path().join("elsewhere")).unwrap();
    catalogue.refresh().unwrap();
    assert_eq!(catalogue.sessions().unwrap()[0].state, SessionState::Missing);
    fs::rename(keep.path().join("elsewhere"), keep.path().join("b.ssrec")).unwrap();
    catalogue.refresh().unwrap();
    let b = &catalogue.sessions().unwrap()[0];
    assert_eq!((b.state, b.events), (SessionState::Finished, 2));
    assert_eq!(b.title, "the feed, it's down");

    let error = catalogue.set_title("none", "x").unwrap_err();
    assert!(matches!(error, CatalogueError::NoSession { .. }), "{error}");
    let error = catalogue.set_notes("b.ssrec", &"x".repeat(100_000)).unwrap_err();
    assert!(matches!(error, CatalogueError::TooLong { bytes: 100_000, .. }), "{error}");
}

#[test]
fn what_is_no_recording_is_told_and_what_was_left_is_crashed() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("foreign.ssrec"), "hello").unwrap();
    fs::write(keep.path().join("notes.txt"), "hello").unwrap();
    fs::create_dir(keep.path().join("other")).unwrap();
    recording(keep.path(), "whole", 4);
    let bytes = fs::read(keep.path().join("whole")).unwrap();
    fs::create_dir(keep.path().join("left")).unwrap();
    fs::write(keep.path().join("left/000001.sse"), &bytes[..bytes.len() / 3]).unwrap();
    assert_eq!(Catalogue::look(keep.path()).unwrap().sessions().unwrap().len(), 2);
    assert!(!keep.path().join(CATALOGUE_FILE).exists(), "a look makes no file");
    let catalogue = Catalogue::open(keep.path()).unwrap();
    let state = |name| catalogue.session(name).unwrap().map(|session| session.state);
    assert_eq!(state("left"), Some(SessionState::Crashed));
    assert_eq!(state("foreign.ssrec"), Some(SessionState::Unreadable));
    let problem = catalogue.session("foreign.ssrec").unwrap().unwrap().problem.unwrap();
    assert!(problem.contains("is not a recording"), "{problem}");
    assert_eq!(catalogue.sessions().unwrap().len(), 2);
}

#[test]
fn a_damaged_catalogue_is_set_aside_and_made_again() {
    let keep = tempfile::tempdir().unwrap();
    recording(keep.path(), "a.ssrec", 3);
    let whole = {
        let mut catalogue = Catalogue::open(keep.path()).unwrap();
        catalogue.set_title("a.ssrec", "mine").unwrap();
        assert_eq!(catalogue.set_aside(), None);
        catalogue.sessions().unwrap()
    };
    let path = keep.path().join(CATALOGUE_FILE);
    // Closed, so that all of it is in one file.
    let bytes = fs::read(&path).unwrap();
    let mut damages: Vec<Vec<u8>> =
        vec![b"no database at all, but long enough to be one".repeat(99)];
    damages.push(bytes[..bytes.len() / 2].to_vec());
    damages.push([&bytes[..100], &vec![0xA5; bytes.len() - 100][..]].concat());
    for (n, damage) in damages.into_iter().enumerate() {
        fs::write(&path, damage).unwrap();
        let catalogue = Catalogue::open(keep.path()).unwrap();
        assert!(catalogue.set_aside().is_some_and(Path::exists), "damage {n}");
        let mut expected = whole[0].clone();
        expected.title.clear();
        assert_eq!(catalogue.sessions().unwrap(), [expected], "damage {n}");
    }
    // One that is gone, or was only just made.
    for left in [None, Some(b"")] {
        fs::remove_file(&path).unwrap();
        if let Some(bytes) = left {
            fs::write(&path, bytes).unwrap();
        }
        let catalogue = Catalogue::open(keep.path()).unwrap();
        assert_eq!((names(&catalogue), catalogue.set_aside()), (vec!["a.ssrec".to_owned()], None));
    }
}

#[test]
fn a_newer_catalogue_and_one_of_another_program_are_refused_in_words() {
    let keep = tempfile::tempdir().unwrap();
    drop(Catalogue::open(keep.path()).unwrap());
    let path = keep.path().join(CATALOGUE_FILE);
    let bytes = fs::read(&path).unwrap();
    // In SQLite's header the version stands at 60, the application at 68.
    let mut newer = bytes.clone();
    newer[60..64].copy_from_slice(&9_u32.to_be_bytes());
    fs::write(&path, &newer).unwrap();
    let error = Catalogue::open(keep.path()).unwrap_err();
    assert!(matches!(error, CatalogueError::Newer { found: 9, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), newer, "it was left as it is");
    let mut foreign = bytes;
    foreign[68..72].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&path, &foreign).unwrap();
    let error = Catalogue::open(keep.path()).unwrap_err();
    assert!(matches!(error, CatalogueError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), foreign, "it was left as it is");
}

#[cfg(unix)]
#[test]
fn its_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().join("sessions");
    let mut catalogue = Catalogue::open(&folder).unwrap();
    recording(&folder, "a.ssrec", 1);
    catalogue.refresh().unwrap();
    catalogue.set_title("a.ssrec", "a").unwrap();
    let mut seen = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
        seen += 1;
    }
    assert!(seen >= 4, "the catalogue, its log and its lock, and the recording: {seen}");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn two_processes_write_at_once_and_nothing_is_lost() {
    let keep = tempfile::tempdir().unwrap();
    // Their first moment too: both find nothing there.
    recording(keep.path(), "a.ssrec", 1);
    recording(keep.path(), "b.ssrec", 1);
    let child = |name: &str| {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "notes_again_and_again", "--ignored"])
            .env(FOLDER, keep.path().join(name))
            .spawn()
            .unwrap()
    };
    for mut child in [child("a.ssrec"), child("b.ssrec")] {
        assert!(child.wait().unwrap().success());
    }
    let catalogue = Catalogue::open(keep.path()).unwrap();
    assert_eq!(catalogue.set_aside(), None);
    for session in catalogue.sessions().unwrap() {
        assert_eq!(session.notes, (NOTES - 1).to_string(), "{}", session.name);
    }
}

#[test]
#[ignore = "a child of the test above"]
fn notes_again_and_again() {
    let Some(path) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let name = path.file_name().unwrap().to_str().unwrap();
    for n in 0..NOTES {
        let mut catalogue = Catalogue::open(path.parent().unwrap()).unwrap();
        catalogue.set_notes(name, &n.to_string()).unwrap();
        catalogue.refresh().unwrap();
        assert_eq!(catalogue.session(name).unwrap().unwrap().notes, n.to_string());
    }
}

fn recording(folder: &Path, name: &str, events: usize) {
    let body = b"data: a\n\n".repeat(events);
    import(&body[..], Source::Raw, "a file", &folder.join(name)).unwrap();
}

fn names(catalogue: &Catalogue) -> Vec<String> {
    catalogue.sessions().unwrap().into_iter().map(|session| session.name).collect()
}

fn until(watch: &Watch, is_so: impl Fn(&Watch) -> bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut seen = 0;
        while !is_so(watch) {
            seen = watch.changed(seen).await;
        }
    });
}
