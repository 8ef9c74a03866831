//! Scripts in virtual time: one behaviour each.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::*;

const STREAM: ResponseHead<'_> = ResponseHead::new(200).content_type(Some(b"text/event-stream"));

#[test]
fn asks_to_connect_at_once_and_without_an_id() {
    let mut script = Script::new(SessionConfig::new());
    assert_eq!(script.outputs(), ["connect 1"]);
    assert_eq!(script.session.ready_state(), ReadyState::Connecting);
    assert!(!script.session.wants_body());
}

#[test]
fn gives_events_comments_and_reconnection_times_in_order() {
    let mut script = Script::new(SessionConfig::new().comments(true));
    script.open();
    script.body("retry: 5\n: beat\nevent: a\ndata: 1\n\ndata: 2\n\n");
    assert_eq!(script.outputs(), ["retry 5ms", "comment \" beat\"", "a 1 ()", "message 2 ()"]);
}

#[test]
fn leaves_comments_out_unless_asked() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body(": beat\n\ndata: 1\n\n");
    assert_eq!(script.outputs(), ["message 1 ()"]);
}

#[test]
fn wants_no_more_of_the_body_until_the_last_of_it_is_given_out() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    assert!(script.session.wants_body());
    script.body("data: 1\n\ndata: 2\n\n");
    assert!(!script.session.wants_body());
    assert!(script.session.poll_output().is_some());
    assert!(!script.session.wants_body());
    assert!(script.session.poll_output().is_some());
    assert!(script.session.wants_body());
}

#[test]
fn takes_a_body_that_it_did_not_want_yet() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    for byte in "id: 7\ndata: 1\n\ndata: 2\n\n".chars() {
        script.body(&byte.to_string());
    }
    assert_eq!(script.outputs(), ["message 1 (7)", "message 2 (7)"]);
}

#[test]
fn sends_the_id_on_reconnect_also_after_events_without_one() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 7\ndata: 1\n\ndata: 2\n\n");
    script.end();
    script.outputs();
    script.wait();
    assert_eq!(script.outputs(), ["connect 2 from 7"]);
    script.respond(STREAM);
    script.body("data: 3\n\n");
    script.end();
    assert_eq!(script.outputs()[..2], ["opened 2", "message 3 (7)"]);
    script.wait();
    assert_eq!(script.outputs(), ["connect 3 from 7"]);
}

#[test]
fn takes_the_id_from_a_block_without_data_but_not_from_an_unfinished_one() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 7\n\nid: 8\ndata: lost\n");
    script.end();
    script.outputs();
    script.wait();
    assert_eq!(script.outputs(), ["connect 2 from 7"]);
}

#[test]
fn forgets_half_an_event_at_the_end_of_its_body() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("data: half");
    script.end();
    script.outputs();
    script.wait();
    script.outputs();
    script.respond(STREAM);
    script.body(" an event\n\ndata: whole\n\n");
    assert_eq!(script.outputs(), ["opened 2", "message whole ()"]);
}

#[test]
fn resumes_from_a_stored_id() {
    let id = EventId::new("7-42").unwrap();
    let mut script = Script::new(SessionConfig::new().last_event_id(id));
    assert_eq!(script.outputs(), ["connect 1 from 7-42"]);
}

#[test]
fn an_id_that_no_header_can_carry_does_not_stop_the_reconnect() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: a\u{1}b\ndata: 1\n\n");
    script.end();
    script.outputs();
    script.wait();
    assert_eq!(script.outputs(), ["connect 2 without a\u{1}b"]);
    assert_eq!(header_value("é\t~"), Some("é\t~".as_bytes()));
    assert_eq!(header_value(""), None);
}

#[test]
fn reports_the_end_before_the_wait_and_after_the_last_event() {
    let mut script = Script::new(SessionConfig::new().policy(exact(2000)));
    script.open();
    script.body("data: 1\n\n");
    script.end();
    assert_eq!(
        script.outputs(),
        ["message 1 ()", "disconnected 1: the server ended the stream; again at 2s"]
    );
    assert_eq!(script.session.ready_state(), ReadyState::Connecting);
}

#[test]
fn waits_for_as_long_as_the_stream_said_and_remembers_it() {
    let mut script = Script::new(SessionConfig::new().policy(RetryPolicy::whatwg()));
    script.open();
    script.body("retry: 250\n\n");
    script.end();
    assert!(script.outputs()[1].ends_with("again at 250ms"));
    script.wait();
    script.outputs();
    script.fail(FailureKind::Refused);
    assert!(script.outputs()[0].ends_with("again at 500ms"));
}

#[test]
fn waits_three_seconds_as_browsers_do_where_nothing_was_said() {
    let mut script = Script::new(SessionConfig::new().policy(RetryPolicy::whatwg()));
    script.outputs();
    script.fail(FailureKind::Refused);
    assert_eq!(script.outputs(), ["disconnected 1: it failed; again at 3s"]);
    script.advance(Duration::from_millis(2999));
    assert_eq!(script.outputs(), [""; 0]);
    script.advance(Duration::from_millis(1));
    assert_eq!(script.outputs(), ["connect 2"]);
}

#[test]
fn random_waits_stay_between_what_was_asked_and_a_bound_that_doubles_up_to_the_cap() {
    let seconds = Duration::from_secs;
    let policy =
        RetryPolicy::resilient().reconnection_time(seconds(1)).backoff(seconds(2), seconds(30));
    for seed in 0..50 {
        let mut script = Script::seeded(SessionConfig::new().policy(policy.clone()), seed);
        for bound in [2, 4, 8, 16, 30, 30, 30] {
            script.outputs();
            script.fail(FailureKind::Refused);
            script.outputs();
            let failed_at = script.now;
            script.wait();
            let waited = script.now - failed_at;
            assert!(waited >= seconds(1) && waited <= seconds(1 + bound), "{waited:?} {bound}");
        }
    }
}

#[test]
fn the_same_seed_waits_the_same_and_another_waits_otherwise() {
    let waits = |seed| {
        let mut script = Script::seeded(SessionConfig::new(), seed);
        let mut waits = Vec::new();
        for _ in 0..5 {
            script.outputs();
            script.fail(FailureKind::Refused);
            script.outputs();
            script.wait();
            waits.push(script.now);
        }
        waits
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn only_a_stream_that_stayed_open_a_while_makes_waits_short_again() {
    let policy = exact(0)
        .backoff(Duration::from_secs(1), Duration::MAX)
        .steady_after(Duration::from_secs(9));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    let mut wait_after_open_for = |seconds| {
        script.outputs();
        script.respond(STREAM);
        script.advance(Duration::from_secs(seconds));
        script.end();
        script.outputs();
        let ended = script.now;
        script.wait();
        script.now - ended
    };
    let longest = (0..12).map(|_| wait_after_open_for(8)).max();
    assert!(longest > Some(Duration::from_secs(60)));
    assert!(wait_after_open_for(9) <= Duration::from_secs(1));
}

#[test]
fn gives_up_after_so_many_failures_in_a_row() {
    let policy = exact(10).max_attempts(Some(2));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.outputs();
    script.fail(FailureKind::Refused);
    script.outputs();
    script.wait();
    script.outputs();
    script.fail(FailureKind::Refused);
    assert_eq!(
        script.outputs(),
        ["disconnected 2: it failed; gave up after 2 failed attempts in a row", "closed"]
    );
    assert_eq!(script.session.ready_state(), ReadyState::Closed);
    assert_eq!(script.session.poll_timeout(), None);
}

#[test]
fn one_attempt_is_all_under_never() {
    let mut script = Script::new(SessionConfig::new().policy(RetryPolicy::never()));
    script.open();
    script.body("data: 1\n\n");
    script.end();
    let outputs = script.outputs();
    assert_eq!(outputs, ["message 1 ()", "disconnected 1: the server ended the stream", "closed"]);
}

#[test]
fn no_content_ends_it_under_every_policy() {
    for policy in [RetryPolicy::whatwg(), RetryPolicy::resilient().retry_status(204, true)] {
        let mut script = Script::new(SessionConfig::new().policy(policy));
        script.outputs();
        script.respond(ResponseHead::new(204));
        let outputs = script.outputs();
        assert_eq!(outputs[0], "abort 1");
        assert!(outputs[1].starts_with("disconnected 1: the server answered 204"), "{outputs:?}");
        assert_eq!(outputs[2..], ["closed"]);
    }
}

#[test]
fn statuses_are_tried_again_as_the_policy_says() {
    let again = |policy: RetryPolicy, status| {
        let mut script = Script::new(SessionConfig::new().policy(policy));
        script.outputs();
        script.respond(ResponseHead::new(status));
        script.outputs();
        script.session.ready_state() == ReadyState::Connecting
    };
    for status in [408, 425, 429, 500, 502, 503, 504, 529] {
        assert!(again(RetryPolicy::resilient(), status), "{status}");
        assert!(!again(RetryPolicy::whatwg(), status), "{status}");
        assert!(!again(RetryPolicy::never(), status), "{status}");
    }
    for status in [201, 206, 301, 400, 401, 403, 404, 405, 410, 501, 505, 999] {
        assert!(!again(RetryPolicy::resilient(), status), "{status}");
    }
    assert!(again(RetryPolicy::whatwg().retry_status(404, true), 404));
    assert!(!again(RetryPolicy::resilient().retry_status(503, false), 503));
}

#[test]
fn retry_after_is_a_floor_but_not_past_the_longest_wait() {
    let again_at = |asked, longest| {
        let policy = exact(2000).longest_asked_wait(longest);
        let mut script = Script::new(SessionConfig::new().policy(policy));
        script.outputs();
        script.respond(ResponseHead::new(503).retry_after(Some(Duration::from_secs(asked))));
        script.outputs();
        script.wait();
        script.now.since_origin().as_secs()
    };
    assert_eq!(again_at(1, None), 2);
    assert_eq!(again_at(60, None), 60);
    assert_eq!(again_at(86_400, Some(Duration::from_secs(3600))), 3600);
}

#[test]
fn a_retry_field_of_ages_is_cut_to_the_longest_wait() {
    let policy = RetryPolicy::resilient().no_backoff();
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.open();
    script.body("retry: 18446744073709551615\n");
    script.end();
    assert!(script.outputs()[1].ends_with("again at 3600s"));
}

#[test]
fn hopeless_failures_are_not_tried_again() {
    for kind in [FailureKind::Tls, FailureKind::Redirect, FailureKind::Request] {
        for policy in [RetryPolicy::whatwg(), RetryPolicy::resilient()] {
            let mut script = Script::new(SessionConfig::new().policy(policy));
            script.outputs();
            script.fail(kind);
            assert_eq!(script.outputs(), ["disconnected 1: it failed", "closed"]);
        }
    }
}

#[test]
fn the_media_type_counts_without_its_parameters_and_case() {
    for good in ["text/event-stream", "Text/Event-Stream;charset=utf-8", " text/event-stream ; x"] {
        let head = ResponseHead::new(200).content_type(Some(good.as_bytes()));
        assert_eq!(head.check(), Ok(()), "{good}");
    }
    for bad in ["", "text/event-streams", "text/plain", "application/json; text/event-stream"] {
        let head = ResponseHead::new(200).content_type(Some(bad.as_bytes()));
        assert!(head.check().is_err(), "{bad}");
    }
}

#[test]
fn other_media_types_fail_in_words_and_a_web_page_is_called_one() {
    let sentence = |head: ResponseHead<'_>| {
        let mut script = Script::new(SessionConfig::new());
        script.outputs();
        script.respond(head);
        let outputs = script.outputs();
        assert_eq!(outputs.len(), 3, "{outputs:?}");
        outputs[1].clone()
    };
    let typed = |value| sentence(ResponseHead::new(200).content_type(Some(value)));
    assert!(typed(b"text/html; charset=utf-8").contains("answered with a web page (text/html)"));
    assert!(typed(b"Application/JSON").contains("answered with application/json, not"));
    assert!(typed(b"a\nb\xFF/c").contains("answered with ab\u{FFFD}/c, not"));
    assert!(sentence(ResponseHead::new(200)).contains("names no media type"));
}

#[test]
fn statuses_fail_in_words() {
    let sentence = |status, retry_after| SessionError::Status { status, retry_after }.to_string();
    assert_eq!(sentence(404, None), "the server answered 404 Not Found: check the URL's path");
    assert_eq!(
        sentence(429, Some(Duration::from_secs(90))),
        "the server answered 429 Too Many Requests: too many requests or streams are open; \
         it asks to wait 90 s"
    );
    assert_eq!(
        sentence(299, None),
        "the server answered 299: an event stream is answered with 200"
    );
}

#[test]
fn an_attempt_without_an_answer_is_given_up_in_time() {
    let policy = exact(1000).connect_timeout(Some(Duration::from_secs(30)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.outputs();
    assert_eq!(script.timer(), Some(Timer::Connect));
    script.advance(Duration::from_millis(29_999));
    assert_eq!(script.outputs(), [""; 0]);
    script.advance(Duration::from_millis(1));
    let error = "the server gave no answer within 30 s";
    assert_eq!(script.outputs(), ["abort 1", &format!("disconnected 1: {error}; again at 31s")]);
}

#[test]
fn a_silent_stream_is_given_up_and_any_byte_is_life() {
    let policy = exact(1000).idle_timeout(Some(Duration::from_secs(45)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.open();
    assert_eq!(script.timer(), Some(Timer::Idle));
    script.advance(Duration::from_secs(44));
    script.body(":");
    assert_eq!(script.outputs(), [""; 0]);
    script.advance(Duration::from_secs(44));
    assert_eq!(script.outputs(), [""; 0]);
    script.advance(Duration::from_secs(1));
    let error = "nothing arrived for 45 s, not even a heartbeat";
    assert_eq!(script.outputs(), ["abort 1", &format!("disconnected 1: {error}; again at 90s")]);
}

#[test]
fn the_first_byte_has_a_time_of_its_own() {
    let policy = exact(1000)
        .first_byte_timeout(Some(Duration::from_secs(5)))
        .idle_timeout(Some(Duration::from_secs(45)));
    let mut script = Script::new(SessionConfig::new().policy(policy.clone()));
    script.open();
    assert_eq!(script.timer(), Some(Timer::FirstByte));
    script.advance(Duration::from_secs(5));
    let error = "the server opened the stream and then sent nothing for 5 s";
    assert_eq!(script.outputs(), ["abort 1", &format!("disconnected 1: {error}; again at 6s")]);
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.open();
    script.advance(Duration::from_secs(4));
    script.session.handle_reading(script.now);
    script.advance(Duration::from_secs(4));
    script.body(":");
    assert_eq!(script.outputs(), [""; 0]);
    assert_eq!(script.timer(), Some(Timer::Idle));
    script.advance(Duration::from_secs(44));
    assert_eq!(script.outputs(), [""; 0]);
}

#[test]
fn a_stream_that_is_still_compressed_is_refused_in_words() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(STREAM.content_encoding(Some(b"br")));
    let outputs = script.outputs();
    assert!(outputs[1].contains("the server compressed the stream (br)"), "{outputs:?}");
    assert_eq!(outputs[2..], ["closed"]);
    assert_eq!(STREAM.content_encoding(Some(b" Identity")).check(), Ok(()));
}

#[test]
fn silence_is_not_judged_while_the_reader_is_behind() {
    let policy = exact(1000).idle_timeout(Some(Duration::from_secs(45)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.open();
    script.body("data: 1\n\n");
    assert_eq!(script.timer(), None);
    script.advance(Duration::from_secs(100));
    assert_eq!(script.outputs(), ["message 1 ()"]);
    script.session.handle_reading(script.now);
    script.advance(Duration::from_secs(44));
    assert_eq!(script.outputs(), [""; 0]);
    script.advance(Duration::from_secs(1));
    assert_eq!(script.outputs()[0], "abort 1");
}

#[test]
fn no_reconnect_starts_before_the_reader_has_what_arrived() {
    let mut script = Script::new(SessionConfig::new().policy(exact(1000)));
    script.open();
    script.body("data: 1\n\nretry: 5000\n");
    script.end();
    script.advance(Duration::from_secs(60));
    assert_eq!(script.session.poll_timeout(), None);
    let end = "disconnected 1: the server ended the stream; again at 5s";
    assert_eq!(script.outputs(), ["message 1 ()", "retry 5s", end]);
    script.advance(Duration::ZERO);
    assert_eq!(script.outputs(), ["connect 2"]);
}

#[test]
fn late_reports_of_an_attempt_that_is_over_change_nothing() {
    let policy = exact(1000).connect_timeout(Some(Duration::from_secs(30)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.outputs();
    let first = script.attempt;
    script.advance(Duration::from_secs(30));
    script.outputs();
    script.advance(Duration::from_secs(1));
    assert_eq!(script.outputs(), ["connect 2"]);
    let session = &mut script.session;
    session.handle_response(first, STREAM, script.now);
    session.handle_body(first, "data: 1\n\n".into(), script.now);
    session.handle_end(first, script.now);
    session.handle_failure(first, Failure::new(FailureKind::Tls, "it failed"), script.now);
    assert_eq!(script.outputs(), [""; 0]);
    script.respond(STREAM);
    assert_eq!(script.outputs(), ["opened 2"]);
}

#[test]
fn reports_out_of_turn_change_nothing() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.body("data: 1\n\n"); // no head yet
    assert_eq!(script.outputs(), [""; 0]);
    script.respond(STREAM);
    script.respond(ResponseHead::new(404)); // a second head
    script.end();
    script.end();
    script.body("data: 2\n\n"); // after its end
    assert_eq!(script.outputs().len(), 2);
}

#[test]
fn an_event_of_type_error_is_an_event() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("event: error\ndata: overloaded\n\n");
    assert_eq!(script.outputs(), ["error overloaded ()"]);
    assert_eq!(script.session.ready_state(), ReadyState::Open);
}

#[test]
fn an_oversized_event_is_lost_with_a_word_and_the_stream_goes_on() {
    let mut script = Script::new(SessionConfig::new().limits(Limits::default().line(10)));
    script.open();
    script.body("id: 7\ndata: 0123456789\n\ndata: 1\n\n");
    let outputs = script.outputs();
    assert!(outputs[0].starts_with("dropped: a line of the event stream at byte 6"), "{outputs:?}");
    assert_eq!(outputs[1..], ["message 1 (7)"]);
}

#[test]
fn what_a_server_sends_twice_is_given_twice() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 7\ndata: 1\n\nid: 7\ndata: 1\n\n");
    assert_eq!(script.outputs(), ["message 1 (7)", "message 1 (7)"]);
}

#[test]
fn what_comes_again_after_a_reconnect_is_marked_as_its_id_says() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 6\ndata: 1\n\nid: 7\ndata: 2\n\n");
    script.reopen();
    // The first has no id of its own, although the last event ID at it is 7.
    script.body("data: beat\n\nid: 7\ndata: 2\n\nid: 8\ndata: 3\n\nid: 6\ndata: 1\n\n");
    assert_eq!(
        script.outputs(),
        ["message beat (7)", "message 2 (7) again", "message 3 (8)", "message 1 (6) again"]
    );
    script.reopen();
    script.body("id: 6\ndata: 1\n\nid: 8\ndata: 3\n\ndata: 4\n\nid: 9\ndata: 5\n\n");
    assert_eq!(
        script.outputs(),
        ["message 1 (6) again", "message 3 (8) again", "message 4 (8)", "message 5 (9)"]
    );
}

#[test]
fn the_event_that_a_stored_id_stands_for_is_a_repeat() {
    let id = EventId::new("7").unwrap();
    let mut script = Script::new(SessionConfig::new().last_event_id(id));
    script.open();
    script.body("id: 7\ndata: 1\n\nid: 8\ndata: 2\n\n");
    assert_eq!(script.outputs(), ["message 1 (7) again", "message 2 (8)"]);
}

#[test]
fn of_a_long_past_only_the_end_is_remembered() {
    let events = |ids: core::ops::Range<u32>| -> String {
        ids.map(|id| format!("id: {id}\ndata: {id}\n\n")).collect()
    };
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body(&events(0..1000));
    script.reopen();
    script.body(&events(900..1100));
    let again = script.outputs().iter().filter(|words| words.ends_with("again")).count();
    assert_eq!(again, 100);
    script.reopen();
    script.body(&events(0..1000));
    assert!(script.outputs().iter().all(|words| !words.ends_with("again")));
}

#[test]
fn an_empty_id_forgets_the_last_one_also_after_a_reconnect() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 7\ndata: 1\n\n");
    script.reopen();
    script.body("data: 2\n\nid\ndata: 3\n\n");
    assert_eq!(script.outputs(), ["message 2 (7)", "message 3 ()"]);
    script.end();
    script.outputs();
    script.wait();
    assert_eq!(script.outputs(), ["connect 3"]);
}

#[test]
fn close_while_connecting_lets_go_of_the_request() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.session.close();
    assert_eq!(script.outputs(), ["abort 1", "closed"]);
    assert_eq!(script.session.ready_state(), ReadyState::Closed);
}

#[test]
fn close_before_anyone_heard_of_the_request_leaves_nothing_to_let_go_of() {
    let mut script = Script::new(SessionConfig::new());
    script.session.close();
    assert_eq!(script.outputs(), ["closed"]);
}

#[test]
fn close_while_open_drops_what_was_not_given_out() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("data: 1\n\n");
    script.session.close();
    assert_eq!(script.outputs(), ["abort 1", "closed"]);
    assert!(!script.session.wants_body());
}

#[test]
fn close_during_the_wait_stops_it() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.end();
    script.outputs();
    script.session.close();
    assert_eq!(script.outputs(), ["closed"]);
    assert_eq!(script.session.poll_timeout(), None);
    script.session.close();
    script.advance(Duration::from_secs(3600));
    assert_eq!(script.outputs(), [""; 0]);
}

#[test]
fn a_close_keeps_an_abort_that_was_not_taken_yet() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(404));
    script.session.close();
    assert_eq!(script.outputs(), ["abort 1", "closed"]);
}

/// A session, its clock, and its outputs in words.
struct Script {
    session: Session,
    now: Instant,
    attempt: Attempt,
}

impl Script {
    fn new(config: SessionConfig) -> Self {
        Self::seeded(config, 0)
    }

    fn seeded(config: SessionConfig, seed: u64) -> Self {
        let now = Instant::ORIGIN;
        Self { session: Session::new(config, seed, now), now, attempt: Attempt(1) }
    }

    fn open(&mut self) {
        self.outputs();
        self.respond(STREAM);
        self.outputs();
    }

    /// Ends the body, and opens the next.
    fn reopen(&mut self) {
        self.outputs();
        self.end();
        self.outputs();
        self.wait();
        self.open();
    }

    fn respond(&mut self, head: ResponseHead<'_>) {
        self.session.handle_response(self.attempt, head, self.now);
    }

    fn body(&mut self, text: &str) {
        self.session.handle_body(self.attempt, Bytes::copy_from_slice(text.as_bytes()), self.now);
    }

    fn end(&mut self) {
        self.session.handle_end(self.attempt, self.now);
    }

    fn fail(&mut self, kind: FailureKind) {
        let failure = Failure::new(kind, "it failed");
        self.session.handle_failure(self.attempt, failure, self.now);
    }

    fn advance(&mut self, time: Duration) {
        self.now = self.now + time;
        self.session.handle_timeout(self.now);
    }

    /// Jumps to the deadline.
    fn wait(&mut self) {
        self.now = self.session.poll_timeout().unwrap().at.max(self.now);
        self.session.handle_timeout(self.now);
    }

    fn timer(&self) -> Option<Timer> {
        self.session.poll_timeout().map(|deadline| deadline.timer)
    }

    fn outputs(&mut self) -> Vec<String> {
        let mut words = vec![];
        while let Some(output) = self.session.poll_output() {
            words.push(match output {
                Output::Connect { attempt, last_event_id, header } => {
                    self.attempt = attempt;
                    match (last_event_id, header) {
                        ("", None) => format!("connect {attempt}"),
                        (id, None) => format!("connect {attempt} without {id}"),
                        (id, Some(sent)) => {
                            assert_eq!(id.as_bytes(), sent);
                            format!("connect {attempt} from {id}")
                        }
                    }
                }
                Output::Abort { attempt } => format!("abort {attempt}"),
                Output::Opened { attempt } => format!("opened {attempt}"),
                Output::Event { event, is_repeat } => {
                    let Event { event_type, data, last_event_id, .. } = event;
                    let again = if is_repeat { " again" } else { "" };
                    format!("{event_type} {data} ({last_event_id}){again}")
                }
                Output::Comment { text, .. } => format!("comment {text:?}"),
                Output::ReconnectionTime { duration, .. } => format!("retry {duration:?}"),
                Output::Dropped(error) => format!("dropped: {error}"),
                Output::Disconnected { attempt, error, retry_at: None } => {
                    format!("disconnected {attempt}: {error}")
                }
                Output::Disconnected { attempt, error, retry_at: Some(at) } => {
                    format!("disconnected {attempt}: {error}; again at {:?}", at.since_origin())
                }
                Output::Closed => "closed".to_owned(),
            });
        }
        words
    }
}

/// Waits for so many milliseconds exactly, and is `resilient` otherwise.
fn exact(milliseconds: u64) -> RetryPolicy {
    RetryPolicy::resilient()
        .no_backoff()
        .reconnection_time(Duration::from_millis(milliseconds))
        .connect_timeout(None)
}
