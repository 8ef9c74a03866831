//! Law: whatever a file says, a recording is opened up to the damage or refused, and what is damaged is never
//! served as what was recorded.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::LazyLock,
};

use sse_monitor_engine::{
    Row, RowKind, View,
    query::{Budget, Order, Query, Text},
    recording::{Recording, pack},
};

/// A recording of two attempts, of an event stream in many reads and of lines of JSON.
const GOOD: &[u8] = include_bytes!("recording.ssrec");

/// Where a file begins to be one.
const FILE_HEADER: usize = 16;
const FRAME_HEADER: usize = 40;

/// A row of the index, in the frame of this kind.
const ENTRY: usize = 48;
const INDEX: u8 = 16;

/// The rows of the good one.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let file = Scratch::with(GOOD, "good");
    let recording = Recording::open(&file.0).expect("it is a good one");
    assert!(recording.damage().is_empty() && recording.is_closed());
    recording.view().page(1, usize::MAX, usize::MAX)
});

static QUERIES: LazyLock<[Query; 4]> = LazyLock::new(|| {
    [
        Query::new().text(Text::literal("data")),
        Query::new().text(Text::any_case("ONE")).event_type("tick"),
        Query::new().id("2"),
        Query::new().json(".a").expect("it is a path"),
    ]
});

/// Opens a file and asks it all that there is to ask.
///
/// The first byte says what the file is: 0 the rest of the input; 1 the good recording with changes, of four
/// bytes each (which, where, what); 2 the same, with all sums made right again, as one who means harm would.
/// Other numbers stand for these by their rest. With 128 it is a segment in a folder.
pub fn recording(input: &[u8]) {
    let [mode, rest @ ..] = input else { return };
    let bytes = match mode % 128 % 3 {
        0 => rest.to_vec(),
        1 => changed(rest),
        _ => with_sums(changed(rest)),
    };
    let is_folder = *mode >= 128;
    let scratch = if is_folder { Scratch::folder(&bytes) } else { Scratch::with(&bytes, "one") };
    // What is refused is told in words, which is made here too.
    let recording = match Recording::open(&scratch.0) {
        Ok(recording) => recording,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let view = recording.view();
    ask(&recording, &view);
    if mode % 128 % 3 == 1 {
        nothing_false_is_served(&view);
    }
    let again = Scratch::path("again");
    if pack(&view, recording.totals(), &again, |_| {}).is_ok() {
        let again = Scratch(again);
        let packed = Recording::open(&again.0).expect("what was packed is a recording");
        let (rows, expected) = (packed.view().next_row(), view.next_row());
        // Where sums are made right, a frame may reach into the journal's end, and the index still know a row in it. A
        // copy ends before such a frame, and says so.
        let is_told = mode % 128 % 3 == 2 && packed.damage().iter().any(|it| it.kind.is_loss());
        assert!(rows == expected || rows < expected && is_told, "{:?}", recording.damage());
    }
}

fn ask(recording: &Recording, view: &View) {
    for damage in recording.damage() {
        assert!(!damage.to_string().is_empty());
    }
    let _ = recording.check(|_| {});
    let _ = recording.report();
    let (first, next) = (view.first_row(), view.next_row());
    assert!(first <= next);
    let rows = view.page(first, 500, 100);
    assert!(rows.len() as u64 == 500.min(next - first), "{} rows of {first}..{next}", rows.len());
    for (row, number) in rows.iter().zip(first..) {
        assert_eq!(row.number, number);
        assert!(row.data.len() <= 100);
    }
    for number in [first, first + (next - first) / 2, next.saturating_sub(1), next] {
        let _ = (view.row(number), view.raw(number), view.turn(number));
    }
    for query in &*QUERIES {
        let budget = Budget { hits: 100, rows: 10_000 };
        let found = view.find(query, 0, Order::Forward, budget).numbers;
        let mut rows = view.rows(&found, usize::MAX);
        rows.retain(|row| row.kind != RowKind::Damaged);
        assert!(rows.iter().all(|row| query.passes(row)), "{rows:?}");
    }
    let _ = view.facets(&Query::new());
}

/// Without its sums made right, a change is found: each event is one of the good ones, in their order.
fn nothing_false_is_served(view: &View) {
    let mut good = ROWS.iter().filter(|row| row.kind == RowKind::Event);
    for row in view.page(view.first_row(), 500, usize::MAX) {
        if row.kind == RowKind::Event {
            let is_good = good.any(|good| {
                // Where the frame before is damaged, its ID is not known.
                (&good.event_type, &good.data) == (&row.event_type, &row.data)
            });
            assert!(is_good, "{row:?}");
        }
    }
}

/// The good recording with these changes.
fn changed(changes: &[u8]) -> Vec<u8> {
    let mut bytes = GOOD.to_vec();
    for change in changes.as_chunks::<4>().0.iter().take(64) {
        let [which, low, high, what] = *change;
        let at = usize::from(u16::from_le_bytes([low, high])) % (bytes.len() + 1);
        match which % 5 {
            0 => bytes.get_mut(at).map(|byte| *byte ^= what).unwrap_or_default(),
            1 => bytes.get_mut(at).map(|byte| *byte = what).unwrap_or_default(),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..bytes.len().min(at + usize::from(what)))),
            _ => bytes.insert(at, what),
        }
    }
    bytes
}

/// The same with the sums of the file's header, of frames and of entries made right, as far as frames follow
/// each other.
fn with_sums(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() < FILE_HEADER {
        return bytes;
    }
    set_sum(&mut bytes[..FILE_HEADER], 12);
    let mut at = FILE_HEADER;
    while let Some(header) = bytes.get(at..at + FRAME_HEADER) {
        let length = u32::from_le_bytes(*header.first_chunk().expect("it is longer")) as usize;
        let kind = header[4];
        let payload = at + FRAME_HEADER;
        let Some(whole) = bytes.get_mut(payload..payload.saturating_add(length)) else { break };
        if kind == INDEX {
            whole.as_chunks_mut::<ENTRY>().0.iter_mut().for_each(|entry| set_sum(entry, 44));
        }
        let sum = crc32fast::hash(whole).to_le_bytes();
        bytes[at + 32..at + 36].copy_from_slice(&sum);
        set_sum(&mut bytes[at..payload], 36);
        at = payload + length;
    }
    bytes
}

fn set_sum(bytes: &mut [u8], at: usize) {
    let sum = crc32fast::hash(&bytes[..at]).to_le_bytes();
    bytes[at..at + 4].copy_from_slice(&sum);
}

/// A file or folder of this process's own, gone with this.
struct Scratch(PathBuf);

impl Scratch {
    fn path(name: &str) -> PathBuf {
        let thread = std::thread::current().id();
        env::temp_dir().join(format!("sse-fuzz-{}-{thread:?}-{name}", process::id()))
    }

    fn with(bytes: &[u8], name: &str) -> Self {
        let path = Self::path(name);
        fs::write(&path, bytes).expect("there is room");
        Self(path)
    }

    fn folder(bytes: &[u8]) -> Self {
        let path = Self::path("folder");
        fs::create_dir_all(&path).expect("there is room");
        fs::write(path.join("000001.sse"), bytes).expect("there is room");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        if path.is_dir() {
            let _ = fs::remove_file(path.join("000001.sse"));
            let _ = fs::remove_dir(path);
        } else {
            let _ = fs::remove_file(path);
        }
    }
}
