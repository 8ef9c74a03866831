//! Runs every committed corpus through its target, on any compiler and without a fuzzer.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

#[test]
fn decode_chunking_holds_over_its_corpus() {
    replay("decode_chunking", sse_fuzz::decode_chunking);
    // Their inputs have one form.
    replay("decode_vs_naive", sse_fuzz::decode_chunking);
}

#[test]
fn decode_vs_naive_holds_over_its_corpus() {
    replay("decode_vs_naive", sse_fuzz::decode_vs_naive);
    replay("decode_chunking", sse_fuzz::decode_vs_naive);
}

#[test]
fn encode_round_trip_holds_over_its_corpus() {
    replay("encode_round_trip", sse_fuzz::encode_round_trip);
}

#[test]
fn limits_hold_over_their_corpus() {
    replay("limits", sse_fuzz::limits);
}

#[test]
fn the_session_holds_over_its_corpus() {
    replay("session", sse_fuzz::session);
}

#[test]
fn recording_holds_over_its_corpus() {
    replay("recording", sse_fuzz::recording);
}

/// The corpus of every target is replayed: a new target without a test here fails this one.
#[test]
fn every_corpus_is_replayed() {
    let corpora = entries(&root().join("corpus"));
    let names: Vec<_> = corpora.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(
        names,
        [
            "decode_chunking",
            "decode_vs_naive",
            "encode_round_trip",
            "limits",
            "recording",
            "session"
        ]
    );
}

fn replay(target: &str, run: fn(&[u8])) {
    let inputs = entries(&root().join("corpus").join(target));
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    for path in inputs {
        // A failing input is found by its name, which the harness shows with the panic.
        println!("{}", path.display());
        run(&fs::read(&path).expect("a corpus file can be read"));
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the corpus can be read").path())
        .collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for tests"))
}
