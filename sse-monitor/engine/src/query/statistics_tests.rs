//! What statistics tell of a session that was written as a stream writes it.

use core::time::Duration;

use sse_codec::Limits;

use super::{
    Numbering, Statistics,
    tests::{Session, at},
};
use crate::{
    journal::{
        retention::Retention,
        turn::{Origin, Turn},
        writer::Writer,
    },
    row::RowKind,
    state::Fault,
};

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
