//! Which attempts to connect a recording has.

use sse_monitor_engine::{
    Row, RowKind, View,
    query::{Budget, Order, Query},
};

/// Why there is nothing of this attempt, as a sentence; `None` where there is.
pub(crate) fn missing(view: &View, attempt: u32) -> Option<String> {
    let query = Query::new().attempts(attempt..=attempt);
    if !view.find(&query, 0, Order::Forward, Budget::hits(1)).numbers.is_empty() {
        return None;
    }
    let (first, next) = (view.first_row(), view.next_row());
    if first == next {
        return Some(format!("there is no attempt {attempt}: nothing is in it"));
    }
    // Of an end that is damaged nothing is known.
    let is_known = |row: &Row| row.kind != RowKind::Damaged && row.attempt > 0;
    let known = |number| view.row(number).filter(is_known);
    let ends = known(first).zip(known(next - 1)).map(|(first, last)| first.attempt..=last.attempt);
    let Some(ends) = ends.filter(|ends| !ends.contains(&attempt)) else {
        return Some(format!("nothing is in it of attempt {attempt}"));
    };
    let has = match ends.into_inner() {
        (first, last) if first == last => format!("only attempt {first} is"),
        (first, last) => format!("attempts {first} to {last} are"),
    };
    Some(format!("there is no attempt {attempt} in it: {has}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sse_monitor_engine::recording::{self, Recording, Source};

    use super::*;

    #[test]
    fn an_end_that_is_damaged_refuses_no_attempt_and_is_no_end_of_a_range() {
        let keep = tempfile::tempdir().unwrap();
        let file = keep.path().join("a.ssrec");
        let line =
            |attempt| format!("{{\"kind\":\"event\",\"attempt\":{attempt},\"data\":\"a\"}}\n");
        let lines = [1, 2, 2].map(line).concat();
        recording::import(lines.as_bytes(), Source::Ndjson, "a file", &file).unwrap();
        let recording = Recording::open(&file).unwrap();
        let view = recording.view();
        let why = "there is no attempt 9 in it: attempts 1 to 2 are";
        assert_eq!(missing(&view, 9).as_deref(), Some(why));
        // Of the last row's entry in the index, wherever it is.
        let whole = fs::read(&file).unwrap();
        let is_unknown = || view.row(view.next_row() - 1).is_some_and(|row| row.attempt == 0);
        let found = (0..whole.len()).rev().step_by(32).find(|at| {
            let mut damaged = whole.clone();
            damaged[*at] ^= 1;
            fs::write(&file, damaged).unwrap();
            is_unknown()
        });
        assert!(found.is_some());
        assert_eq!([1, 2].map(|attempt| missing(&view, attempt)), [None, None]);
        assert_eq!(missing(&view, 9).as_deref(), Some("nothing is in it of attempt 9"));
    }
}
