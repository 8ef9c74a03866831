//! Questions to a session that was written as a stream writes it.

use core::{iter, time::Duration};

use sse_codec::Limits;

use super::{Budget, Kind, Match, Order, Query, Text, diff};
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
fn an_event_without_an_id_of_its_own_is_known_by_what_it_says() {
    let session = |body: &str| {
        let mut session = Session::new();
        session.feed(body.as_bytes(), 1);
        session.writer.kept().view()
    };
    let first = session("id: 1\ndata: a\n\ndata: without\n\n");
    let second = session("id: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: without\n\n");
    let told = diff(&first, &second, Match::Id);
    assert_eq!((told.in_both, &told.only_first[..], &told.changed[..]), (2, &[][..], &[][..]));
    let only: Vec<_> = told.only_second.iter().map(|row| second.row(*row).unwrap().data).collect();
    assert_eq!(only, ["b"]);
    // An import has it from the one before where it is equal.
    let [own, of_before] =
        ["id: 1\n", ""].map(|id| session(&format!("id: 1\ndata: a\n\n{id}data: b\n\n")));
    assert!(diff(&own, &of_before, Match::Id).is_empty());
}

#[test]
fn events_that_are_alike_are_paired_by_what_comes_before_them() {
    let session = |data: &[&str]| {
        let mut session = Session::new();
        data.iter().for_each(|data| session.feed(format!("data: {data}\n\n").as_bytes(), 1));
        session.writer.kept().view()
    };
    let first = session(&["a", "tick", "b", "tick", "c", "tick", "d"]);
    let second = session(&["a", "b", "tick", "c", "tick", "d"]);
    for by in [Match::Id, Match::Content] {
        let told = diff(&first, &second, by);
        assert_eq!((told.in_both, &told.only_first[..]), (6, &[4][..]), "{told:?}");
        assert_eq!((&told.only_second[..], &told.reordered[..]), (&[][..], &[][..]), "{told:?}");
    }
}

#[test]
fn of_a_stream_that_repeats_itself_only_what_is_lost_in_one_place_is_told() {
    let session = |cycle: &[&str], count: usize, lost: core::ops::Range<usize>| {
        let mut session = Session::new();
        for (n, data) in cycle.iter().cycle().take(count).enumerate() {
            if !lost.contains(&n) {
                session.feed(format!("data: {data}\n\n").as_bytes(), 1);
            }
        }
        // More rows in one piece than are compared at a time from the end.
        session.feed(&b": beat\n".repeat(5_000), 1);
        session.writer.kept().view()
    };
    for (cycle, count, lost) in [
        (&["a", "b"][..], 2_000, 0..1),
        (&["a", "b", "c"], 6_000, 1_501..1_502),
        (&["a", "b", "c"], 2_000, 800..900),
        (&["a", "a", "b"], 2_000, 1_999..2_000),
        (&["a"], 2_000, 0..2_000),
    ] {
        let (whole, other) = (session(cycle, count, 0..0), session(cycle, count, lost.clone()));
        for by in [Match::Id, Match::Content] {
            let told = diff(&whole, &other, by);
            let both = (count - lost.len()) as u64;
            assert_eq!((told.in_both, told.only_first.len()), (both, lost.len()), "{lost:?}");
            assert_eq!((told.only_second.len(), told.reordered.len()), (0, 0), "{lost:?}");
            let told = diff(&other, &whole, by);
            assert_eq!((told.in_both, told.only_second.len()), (both, lost.len()), "{lost:?}");
            assert_eq!((told.only_first.len(), told.reordered.len()), (0, 0), "{lost:?}");
        }
    }
}

#[test]
fn what_is_wholly_alike_is_paired_before_what_has_an_id_in_common() {
    let session = |own: &str| {
        let mut session = Session::new();
        let body =
            format!("id: 5\ndata: x\n\n{own}data: y\n\nid: 6\ndata: z\n\nid: 5\ndata: w\n\n");
        session.feed(body.as_bytes(), 1);
        session.writer.kept().view()
    };
    let told = diff(&session("id: 5\n"), &session(""), Match::Id);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn times_are_counted_from_the_first_event_of_both_whatever_they_are() {
    let session = |events: &[(&str, u64)]| {
        let mut session = Session::new();
        events.iter().for_each(|(event, at)| session.feed(event.as_bytes(), *at));
        session.writer.kept().view()
    };
    // The first one has an ID of its own in one of them alone.
    let rest = [("id: 2\ndata: b\n\n", 20), ("id: 3\ndata: c\n\n", 30)];
    let first = session(&[&[("id: 1\ndata: a\n\n", 10)], &rest[..]].concat());
    let second = session(&[&[("id: 1\n\ndata: a\n\n", 110)], &rest[..]].concat());
    let time = diff(&first, &second, Match::Id).time;
    assert_eq!((time.p50_micros, time.max_micros), (100, 100), "{time:?}");
    let far = session(&[("id: 2\ndata: b\n\n", 20), ("id: 3\ndata: c\n\n", 1 << 63)]);
    for (a, b) in [(&first, &far), (&far, &first)] {
        assert!(diff(a, b, Match::Id).time.max_micros >= (1 << 63) - 30);
    }
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

    pub(super) fn connect(&mut self, id: &str, micros: u64) {
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

pub(super) const fn at(elapsed_micros: u64) -> Moment {
    Moment { unix_micros: 1_700_000_000_000_000 + elapsed_micros, elapsed_micros }
}
