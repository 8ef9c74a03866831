//! Questions to a session that was written as a stream writes it.

use core::{iter, time::Duration};

use sse_codec::Limits;

use super::{Budget, Kind, Match, Numbering, Order, Query, Statistics, Text, diff};
use crate::{
    clock::Moment,
    journal::{
        retention::Retention,
        turn::{Format, Origin, Turn},
        writer::Writer,
    },
    row::RowKind,
    state::Fault,
};

#[test]
fn rows_are_found_by_what_they_are() {
    let session = Session::of_ticks(100);
    let view = session.writer.kept().view();
    let find = |query: Query| {
        let hits = view.find(&query, 0, Order::Forward, Budget::hits(usize::MAX));
        assert_eq!(view.count(&query), hits.numbers.len() as u64);
        view.rows(&hits.numbers, usize::MAX)
    };
    assert_eq!(find(Query::new()).len(), 2 + 200);
    assert_eq!(find(Query::new().kind(Kind::Turn)).len(), 2);
    assert_eq!(find(Query::new().kind(Kind::Event)).len(), 100);
    assert_eq!(find(Query::new().kind(Kind::Comment).kind(Kind::Turn)).len(), 102);
    assert_eq!(find(Query::new().event_type("even")).len(), 50);
    assert_eq!(find(Query::new().event_type("even").event_type("odd")).len(), 100);
    assert_eq!(find(Query::new().event_type("none")).len(), 0);
    let by_id = find(Query::new().id("7"));
    assert_eq!((by_id.len(), by_id[0].data.as_str()), (1, "{\"n\":7,\"text\":\"tick 7\"}"));
    assert_eq!(find(Query::new().attempts(2..=9)).len(), 0);
    assert_eq!(find(Query::new().numbers(3..=12)).len(), 10);
    let time = Duration::from_micros(10)..=Duration::from_micros(19);
    assert_eq!(find(Query::new().kind(Kind::Event).elapsed(time)).len(), 10);
}

#[test]
fn rows_are_found_by_what_they_say() {
    let session = Session::of_ticks(100);
    let view = session.writer.kept().view();
    let count = |query: Query| view.count(&query);
    assert_eq!(count(Query::new().text(Text::literal("tick 9"))), 11);
    assert_eq!(count(Query::new().text(Text::literal("TICK 9"))), 0);
    assert_eq!(count(Query::new().text(Text::any_case("TICK 9"))), 11);
    assert_eq!(count(Query::new().text(Text::regex("tick [19]\"").unwrap())), 2);
    let both = Query::new().text(Text::literal("tick 9")).text(Text::literal("99"));
    assert_eq!(count(both), 1);
    let without = Query::new().kind(Kind::Event).without(Text::literal("tick 9"));
    assert_eq!(count(without), 89);
    // What stands in a field's name, an ID or a type is not in the data.
    assert_eq!(count(Query::new().text(Text::literal("data:"))), 0);
    assert_eq!(count(Query::new().text(Text::literal("even"))), 0);
    assert_eq!(count(Query::new().text(Text::literal("beat 5"))), 11);
    assert_eq!(count(Query::new().json(".n >= 90").unwrap()), 10);
    assert_eq!(count(Query::new().json(".n").unwrap().json(".text ~ \" 1.$\"").unwrap()), 10);
    assert_eq!(count(Query::new().text(Text::literal("connected"))), 1);
}

#[test]
fn rows_are_left_out_by_what_they_are_and_say() {
    let session = Session::of_ticks(100);
    let view = session.writer.kept().view();
    // Two turns, a hundred comments, fifty events of each type.
    for (other, left) in [
        (Query::new().kind(Kind::Comment), 102),
        (Query::new().event_type("even"), 152),
        (Query::new().event_type("none"), 202),
        (Query::new().id("7"), 201),
        (Query::new().text(Text::regex("tick [19]\"").unwrap()), 200),
        (Query::new().json(".n >= 90").unwrap(), 192),
        (Query::new().attempts(1..=1), 0),
        (Query::new().excluding(Query::new().kind(Kind::Comment)), 100),
    ] {
        let query = Query::new().excluding(other);
        assert_eq!(view.count(&query), left, "{query:?}");
        let all = view.page(1, 1000, usize::MAX);
        assert_eq!(all.iter().filter(|row| query.passes(row)).count() as u64, left, "{query:?}");
    }
    let both = Query::new()
        .kind(Kind::Event)
        .excluding(Query::new().event_type("odd"))
        .excluding(Query::new().json(".n >= 90").unwrap());
    assert_eq!(view.count(&both), 45);
}

#[test]
fn text_over_several_lines_and_reads_is_found() {
    let mut session = Session::new();
    let body = "data: one\ndata: two\n\ndata: caf\u{e9} latte\n\nevent: long\ndata: three\n\n";
    for size in [1, 2, 3, 5, 7, 100] {
        for piece in body.as_bytes().chunks(size) {
            session.feed(piece, 1);
        }
    }
    let view = session.writer.kept().view();
    for text in ["one\ntwo", "two", "\n", "caf\u{e9} l", "three"] {
        assert_eq!(view.count(&Query::new().text(Text::literal(text))), 6, "{text:?}");
    }
}

#[test]
fn pages_lead_over_all_hits_in_both_orders() {
    let session = Session::of_ticks(5_000);
    let view = session.writer.kept().view();
    let query = Query::new().event_type("odd").text(Text::literal("7"));
    let all = view.find(&query, 0, Order::Forward, Budget::hits(usize::MAX)).numbers;
    assert!(all.len() > 500);
    for budget in [Budget::hits(40), Budget { hits: 100, rows: 1 }] {
        let mut forward = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            let hits = view.find(&query, from, Order::Forward, budget);
            assert!(hits.numbers.len() <= budget.hits);
            forward.extend(hits.numbers);
            next = hits.next;
        }
        assert_eq!(forward, all);
        let mut backward = Vec::new();
        let mut next = Some(u64::MAX);
        while let Some(from) = next {
            let hits = view.find(&query, from, Order::Backward, budget);
            backward.extend(hits.numbers);
            next = hits.next;
        }
        backward.reverse();
        assert_eq!(backward, all);
    }
}

#[test]
fn a_search_that_finds_nothing_comes_back_within_its_budget() {
    let session = Session::of_ticks(5_000);
    let view = session.writer.kept().view();
    let query = Query::new().text(Text::literal("nowhere"));
    let hits = view.find(&query, 0, Order::Forward, Budget { hits: 10, rows: 1 });
    assert!(hits.numbers.is_empty() && hits.next.is_some() && hits.looked_at < 5_000, "{hits:?}");
}

#[test]
fn facets_count_each_sort() {
    let session = Session::of_ticks(99);
    let view = session.writer.kept().view();
    let facets = view.facets(&Query::new());
    assert_eq!((facets.rows, facets.events, facets.comments, facets.turns), (200, 99, 99, 2));
    assert_eq!(facets.event_types, [("even".into(), 50), ("odd".into(), 49)]);
    assert_eq!(facets.attempts.into_iter().collect::<Vec<_>>(), [(1, 99)]);
    let some = view.facets(&Query::new().text(Text::literal("tick 9")));
    assert_eq!(some.event_types, [("even".into(), 5), ("odd".into(), 5)]);
}

#[test]
fn types_beyond_those_interned_are_found_by_their_bytes() {
    let mut session = Session::new();
    for n in 0..5_000 {
        session.feed(format!("event: t{n}\ndata: {n}\n\n").as_bytes(), 1);
    }
    let view = session.writer.kept().view();
    for n in [0, 4_095, 4_096, 4_999] {
        let query = Query::new().event_type(&format!("t{n}"));
        let hits = view.find(&query, 0, Order::Forward, Budget::hits(9));
        let rows = view.rows(&hits.numbers, 80);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].event_type.clone(), rows[0].data.clone()),
            (format!("t{n}"), n.to_string())
        );
    }
    assert_eq!(view.facets(&Query::new()).other_event_types, 5_000 - 4_096);
}

#[test]
fn statistics_tell_gaps_stalls_and_first_times() {
    let second = 1_000_000;
    let mut session = Session::new();
    for n in 1..=100_u64 {
        session.feed(format!("id: {n}\ndata: x\n\n").as_bytes(), n * 10_000);
    }
    session.feed(b": still here\n", 20 * second);
    session.feed(b"id: 101\ndata: x\n\n", 60 * second);
    let mut statistics = Statistics::new(Duration::from_secs(30));
    statistics.update(&session.writer.kept().view());
    let report = statistics.report();
    assert_eq!((report.events, report.comments, report.data_bytes), (101, 1, 101));
    assert_eq!(report.gaps.count, 100);
    assert!(report.gaps.p50_micros.abs_diff(10_000) < 20, "{:?}", report.gaps);
    assert_eq!(report.gaps.max_micros, 59 * second, "{:?}", report.gaps);
    // The comment was a sign of life, and 40 s after it came none.
    assert_eq!(report.stalls, 1);
    assert_eq!(
        (report.latest_stalls[0].from_micros, report.latest_stalls[0].micros),
        (20 * second, 40 * second)
    );
    assert_eq!(report.peak_rate, 99);
    assert!((report.rate - 101.0 / 60.0).abs() < 1e-6, "{}", report.rate);
    let attempt = &report.latest_attempts[0];
    assert_eq!((attempt.first_byte_micros, attempt.first_event_micros), (Some(0), Some(10_000)));
    assert_eq!(attempt.status, Some(200));
}

#[test]
fn the_average_is_over_all_the_time_that_is_told() {
    let second = 1_000_000;
    let mut session = Session::new();
    for n in 1..=10 {
        session.feed(b"data: x\n\n", n * second / 10);
    }
    let closed = Turn::new(RowKind::Closed, "closed");
    session.writer.turn(&closed, at(8 * second));
    let report = session.writer.kept().statistics().report().clone();
    let mut counted = Statistics::default();
    counted.update(&session.writer.kept().view());
    let restored = crate::query::Report { rate: 9.9, ..report.clone() };
    let restored = Statistics::restored(restored, 0, 14);
    session.writer.kept().statistics().refresh();
    let refreshed = session.writer.kept().statistics().report().clone();
    for report in [&refreshed, counted.report(), restored.report()] {
        assert_eq!(report.duration_micros, 8 * second);
        assert!((report.rate - 1.25).abs() < 1e-9, "{}", report.rate);
    }
    assert!((report.clone().lasting(20 * second, 0).rate - 0.5).abs() < 1e-9);
    assert!((report.lasting(20 * second, 10 * second).rate - 1.0).abs() < 1e-9);

    // Where the oldest are gone nobody knows how many they were.
    session.writer.kept().show_from(8);
    let mut left = Statistics::default();
    left.update(&session.writer.kept().view());
    assert_eq!(left.report().events, 5);
    let attempt = &left.report().latest_attempts[0];
    let told = (attempt.attempt, attempt.events, attempt.first_event_micros);
    assert_eq!(told, (1, 5, None), "nobody knows how long after its beginning");
    assert!((left.report().rate - 5.0 / 7.4).abs() < 1e-9, "{}", left.report().rate);
}

#[test]
fn statistics_taken_bit_by_bit_are_those_taken_at_once() {
    let mut session = Session::new();
    let mut bit_by_bit = Statistics::default();
    for n in 0..500_u64 {
        session.feed(format!("id: {}\ndata: {n}\n\n", n / 2).as_bytes(), n * n);
        if n % 7 == 0 {
            bit_by_bit.update(&session.writer.kept().view());
        }
    }
    let view = session.writer.kept().view();
    bit_by_bit.update(&view);
    bit_by_bit.update(&view);
    let mut at_once = Statistics::default();
    at_once.update(&view);
    assert_eq!(bit_by_bit.report(), at_once.report());
}

#[test]
fn statistics_kept_while_it_is_written_are_those_of_its_rows() {
    let mut session = Session::of_ticks(500);
    session.reconnect("499", 600);
    let again = "retry: 5\nid: 498\ndata: {\"n\":498,\"text\":\"tick 498\"}\n\ndata: y\n\n";
    session.feed(again.as_bytes(), 40_000_000);
    let kept = session.writer.kept();
    let mut counted = Statistics::default();
    counted.update(&kept.view());
    kept.statistics().refresh();
    assert_eq!(kept.statistics().report(), counted.report());
    assert_eq!((counted.report().events, counted.report().repeated), (502, 1));
    let brief = counted.report().brief();
    assert_eq!((brief.gaps, brief.events), (counted.report().gaps, 502));
    assert!(brief.latest_attempts.is_empty() && brief.latest_seconds.is_empty());
}

#[test]
fn each_attempt_tells_what_came_again_and_what_is_missing() {
    let mut session = Session::new();
    let ids = |range: core::ops::RangeInclusive<u64>| -> String {
        range.map(|n| format!("id: e-{n}\ndata: {n}\n\n")).collect()
    };
    session.feed(ids(1..=40).as_bytes(), 10);
    session.reconnect("e-40", 20);
    session.feed(ids(39..=50).as_bytes(), 30);
    session.reconnect("e-50", 40);
    session.feed(ids(54..=60).as_bytes(), 50);
    let mut statistics = Statistics::default();
    statistics.update(&session.writer.kept().view());
    let report = statistics.report();
    let attempts: Vec<_> = report
        .latest_attempts
        .iter()
        .map(|a| (a.attempt, a.id_sent.as_str(), a.events, a.repeated, a.skipped))
        .collect();
    assert_eq!(attempts, [(1, "", 40, 0, 0), (2, "e-40", 12, 2, 0), (3, "e-50", 7, 0, 3)]);
    assert_eq!((report.repeated, report.missed, report.out_of_order), (2, Some(3), 0));
    assert_eq!(report.latest_attempts[0].fault, Some(Fault::Ended));
    assert_eq!(report.latest_attempts[0].ended_micros, Some(20));
}

#[test]
fn what_comes_again_right_away_is_told() {
    let mut session = Session::new();
    session.feed(b"id: 4\ndata: a\n\nid: 5\ndata: b\n\ndata: no ID of its own\n\n", 1);
    session.reconnect("5", 2);
    session.feed(b"id: 5\ndata: b\n\nid: 6\ndata: c\n\n", 3);
    let kept = session.writer.kept().statistics().report().clone();
    let mut counted = Statistics::default();
    counted.update(&session.writer.kept().view());
    for report in [&kept, counted.report()] {
        assert_eq!((report.repeated, report.out_of_order), (1, 0));
        let by_attempt: Vec<_> = report.latest_attempts.iter().map(|a| a.repeated).collect();
        assert_eq!(by_attempt, [0, 1]);
    }
}

#[test]
fn the_id_that_a_session_goes_on_from_is_known() {
    let origin = Origin { last_event_id: "5".into(), ..Origin::default() };
    let mut session =
        Session { writer: Writer::in_memory(origin, Limits::default(), Retention::default()) };
    session.connect("5", 0);
    session.feed(b"id: 5\ndata: a\n\nid: 8\ndata: b\n\n", 1);
    for n in 9..60 {
        session.feed(format!("id: {n}\ndata: c\n\n").as_bytes(), n);
    }
    let mut counted = Statistics::default();
    counted.update(&session.writer.kept().view());
    session.writer.kept().statistics().refresh();
    let kept = session.writer.kept().statistics().report().clone();
    for report in [&kept, counted.report()] {
        assert_eq!((report.repeated, report.missed), (1, Some(2)));
    }
}

#[test]
fn a_server_that_counts_anew_hides_nothing_and_is_not_out_of_order() {
    let mut session = Session::new();
    let ids = |range: core::ops::RangeInclusive<u64>| -> String {
        range.map(|n| format!("id: {n}\ndata: {n}\n\n")).collect()
    };
    session.feed((ids(5_001..=5_040) + &ids(5_044..=5_060)).as_bytes(), 10);
    session.reconnect("5060", 20);
    session.feed(ids(1..=100).as_bytes(), 30);
    let mut statistics = Statistics::default();
    statistics.update(&session.writer.kept().view());
    let report = statistics.report();
    // What was lost when it was started again has no number.
    assert_eq!((report.missed, report.missed_at_least), (None, 3));
    assert_eq!((report.numbering, report.out_of_order), (Numbering::Anew, 0));
    assert_eq!(report.latest_attempts[1].out_of_order, 0);
}

#[test]
fn what_comes_again_is_told_by_its_id_and_its_data() {
    let ids = |text: &str| -> String {
        (1..=20).map(|n| format!("id: {n}\ndata: {text}{n}\n\n")).collect()
    };
    for (text, repeated, numbering) in
        [("one", 20, Numbering::OneByOne), ("two", 0, Numbering::Anew)]
    {
        let mut session = Session::new();
        session.feed(ids("one").as_bytes(), 10);
        session.reconnect("20", 20);
        session.feed(ids(text).as_bytes(), 30);
        // As they came, and read again from what was kept of them.
        let mut counted = Statistics::default();
        counted.update(&session.writer.kept().view());
        session.writer.kept().statistics().refresh();
        let kept = session.writer.kept().statistics().report().clone();
        for report in [&kept, counted.report()] {
            assert_eq!((report.repeated, report.numbering), (repeated, numbering), "{text}");
        }
    }
}

#[test]
fn what_a_hub_says_was_lost_is_counted() {
    let ids = |epoch: &str, range: core::ops::RangeInclusive<u64>| -> String {
        range.map(|n| format!("id: {epoch}-{n}\ndata: {n}\n\n")).collect()
    };
    let reset = |id: &str, reason: &str| {
        format!("event: reset\nid: {id}\ndata: {{\"reason\":\"{reason}\"}}\n\n")
    };
    for (told, resets, missed, at_least, numbering) in [
        (reset("a1-49", "trimmed") + &ids("a1", 50..=60), 1, Some(9), 9, Numbering::OneByOne),
        (reset("b2-0", "epoch") + &ids("b2", 1..=20), 1, None, 0, Numbering::Anew),
        // Another's event of that type.
        ("event: reset\nid: a1-41\ndata: a\n\n".into(), 0, Some(0), 0, Numbering::OneByOne),
    ] {
        let mut session = Session::new();
        session.feed(ids("a1", 1..=40).as_bytes(), 10);
        session.reconnect("a1-40", 20);
        session.feed(told.as_bytes(), 30);
        let mut counted = Statistics::default();
        counted.update(&session.writer.kept().view());
        session.writer.kept().statistics().refresh();
        let kept = session.writer.kept().statistics().report().clone();
        for report in [&kept, counted.report()] {
            assert_eq!((report.resets, report.missed), (resets, missed), "{told}");
            assert_eq!((report.missed_at_least, report.numbering), (at_least, numbering));
        }
    }
}

#[test]
fn an_id_that_moved_on_without_an_event_is_not_missed() {
    let mut session = Session::new();
    for n in 1..=30 {
        session.feed(format!("id: {n}\ndata: a\n\n").as_bytes(), n);
    }
    // No data, no event; but the next request goes on after it.
    session.feed(b"id: 40\n\n", 31);
    session.reconnect("40", 32);
    session.feed(b"id: 41\ndata: a\n\nid: 43\ndata: a\n\n", 33);
    let mut counted = Statistics::default();
    counted.update(&session.writer.kept().view());
    session.writer.kept().statistics().refresh();
    let kept = session.writer.kept().statistics().report().clone();
    for report in [&kept, counted.report()] {
        assert_eq!((report.repeated, report.missed), (0, Some(1)));
    }
}

#[test]
fn a_silence_in_which_the_stream_is_lost_is_a_stall() {
    let mut session = Session::new();
    session.feed(b"data: a\n\n", 1);
    session.reconnect("", 40_000_001);
    session.feed(b"data: b\n\n", 40_000_002);
    let mut counted = Statistics::default();
    counted.update(&session.writer.kept().view());
    let kept = session.writer.kept().statistics().report().clone();
    assert_eq!(session.writer.kept().statistics().silence(40_000_009), Some(7));
    session.writer.turn(&Turn::new(RowKind::Closed, "closed"), at(40_000_009));
    assert_eq!(session.writer.kept().statistics().silence(40_000_010), None, "nothing is open");
    for report in [&kept, counted.report()] {
        assert_eq!(report.stalls, 1);
        let stall = report.latest_stalls[0];
        assert_eq!((stall.from_micros, stall.micros, stall.row), (1, 40_000_000, 4));
    }
}

#[test]
fn events_that_are_alike_stand_for_each_other_in_their_order() {
    let session = |ids: &[u64]| {
        let mut session = Session::new();
        for (n, id) in (1..).zip(ids) {
            session.feed(format!("id: {id}\ndata: same\n\n").as_bytes(), n);
        }
        session
    };
    let (first, second) = (session(&[1, 2, 1, 1, 3]), session(&[1, 1, 1, 1]));
    let (first, second) = (first.writer.kept().view(), second.writer.kept().view());
    let told = diff(&first, &second, Match::Id);
    assert_eq!((told.in_both, &told.reordered[..]), (3, &[][..]));
    assert_eq!((&told.only_first[..], &told.only_second[..]), (&[4, 7][..], &[6][..]));
    let told = diff(&second, &first, Match::Content);
    assert_eq!((told.in_both, &told.only_second[..]), (4, &[7][..]));
    let told = diff(&first, &second, Match::Content);
    assert_eq!((told.in_both, &told.only_first[..]), (4, &[7][..]));
    assert!(told.reordered.is_empty(), "{told:?}");
}

#[test]
fn two_sessions_are_told_apart() {
    let events = |ids: &[(u64, &str)], micros: u64| {
        let mut session = Session::new();
        for (n, (id, data)) in (0_u64..).zip(ids) {
            session.feed(format!("id: {id}\ndata: {data}\n\n").as_bytes(), 1_000 + n * micros);
        }
        session
    };
    let first = events(&[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")], 1_000);
    let second = events(&[(1, "a"), (3, "c"), (2, "b"), (5, "E"), (6, "f")], 1_500);
    let (first, second) = (first.writer.kept().view(), second.writer.kept().view());
    let told = diff(&first, &second, Match::Id);
    assert_eq!(told.in_both, 4);
    assert_eq!((&told.only_first[..], &told.only_second[..]), (&[6][..], &[7][..]));
    assert_eq!(told.changed, [(7, 6)]);
    assert_eq!(told.reordered.len(), 1, "{told:?}");
    // Since the first event of both: 1 ms and 3 ms, 2 and 1.5, 4 and 4.5.
    assert_eq!(told.time.max_micros, 2_000, "{:?}", told.time);
    let by_content = diff(&first, &second, Match::Content);
    assert_eq!((by_content.in_both, by_content.changed.len()), (3, 0));
    assert!(diff(&first, &first, Match::Id).is_empty());
}

#[test]
fn of_what_was_reordered_the_fewest_rows_are_told() {
    let session = |ids: &mut dyn Iterator<Item = u64>| {
        let mut session = Session::new();
        for (at, id) in (1..).zip(ids) {
            session.feed(format!("id: {id}\ndata: of {id}\n\n").as_bytes(), at);
        }
        session
    };
    let in_order = session(&mut (0..1_000));
    let moved = session(&mut iter::once(999).chain(0..999));
    let backwards = session(&mut (0..1_000).rev());
    let [in_order, moved, backwards] =
        [in_order, moved, backwards].map(|session| session.writer.kept().view());
    // Before the events stand the rows of the connection.
    let first = in_order.numbers().end - 1_000;
    for by in [Match::Id, Match::Content] {
        assert_eq!(diff(&in_order, &moved, by).reordered, [(first + 999, first)]);
        assert_eq!(diff(&moved, &in_order, by).reordered, [(first, first + 999)]);
        let told = diff(&moved, &backwards, by);
        assert_eq!((told.in_both, told.reordered.len()), (1_000, 998));
        assert_eq!(diff(&backwards, &moved, by).reordered.len(), 998);
    }
}

/// A session whose time a test tells.
pub(super) struct Session {
    pub(super) writer: Writer,
}

impl Session {
    pub(super) fn new() -> Self {
        let writer = Writer::in_memory(Origin::default(), Limits::default(), Retention::default());
        let mut session = Self { writer };
        session.connect("", 0);
        session
    }

    /// After each event a comment.
    pub(super) fn of_ticks(count: u64) -> Self {
        let mut session = Self::new();
        for n in 0..count {
            let parity = if n % 2 == 0 { "even" } else { "odd" };
            let event = format!(
                "id: {n}\nevent: {parity}\ndata: {{\"n\":{n},\"text\":\"tick {n}\"}}\n\n: beat {n}\n"
            );
            session.feed(event.as_bytes(), n);
        }
        session
    }

    fn connect(&mut self, id: &str, micros: u64) {
        self.writer.turn(&Turn::new(RowKind::Connecting, "connecting").id(id), at(micros));
        let connected = RowKind::Connected { status: 200 };
        self.writer.turn(&Turn::new(connected, "connected (HTTP/1.1 200)"), at(micros));
        self.writer.begin_body(Format::EventStream, at(micros));
    }

    pub(super) fn reconnect(&mut self, id: &str, micros: u64) {
        let kind = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: Some(1) };
        self.writer.turn(&Turn::new(kind, "lost"), at(micros));
        self.connect(id, micros);
    }

    pub(super) fn feed(&mut self, bytes: &[u8], micros: u64) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.writer.body(rest, rest.len(), false, u64::MAX, at(micros));
            rest = &rest[used..];
        }
    }
}

const fn at(elapsed_micros: u64) -> Moment {
    Moment { unix_micros: 1_700_000_000_000_000 + elapsed_micros, elapsed_micros }
}
