//! Which attempts to connect a recording has.

use sse_monitor_engine::{
    View,
    query::{Budget, Order, Query},
};

/// Why there is nothing of this attempt, as a sentence; `None` where there is.
pub(crate) fn missing(view: &View, attempt: u32) -> Option<String> {
    let ends = [view.first_row(), view.next_row().saturating_sub(1)];
    // Of an end that is damaged nothing is known.
    let [first, last] = ends.map(|number| view.row(number).map_or(0, |row| row.attempt));
    let (first, last) = (first.max(1), last.max(first));
    if last == 0 {
        return Some(format!("there is no attempt {attempt}: nothing is in it"));
    }
    if !(first..=last).contains(&attempt) {
        let has = match last - first {
            0 => format!("only attempt {first} is"),
            _ => format!("attempts {first} to {last} are"),
        };
        return Some(format!("there is no attempt {attempt} in it: {has}"));
    }
    let query = Query::new().attempts(attempt..=attempt);
    let hits = view.find(&query, 0, Order::Forward, Budget::hits(1));
    hits.numbers.is_empty().then(|| format!("nothing is in it of attempt {attempt}"))
}
