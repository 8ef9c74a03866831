//! What is tried again, and after how long.

use super::*;

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
fn a_wait_ends_where_somebody_asks_and_nothing_else_does() {
    let mut script = Script::new(SessionConfig::new().policy(exact(2000)));
    script.session.reconnect(script.now);
    assert_eq!(script.outputs(), ["connect 1"]);
    script.session.reconnect(script.now);
    script.respond(STREAM);
    script.session.reconnect(script.now);
    assert_eq!(script.outputs(), ["opened 1"]);
    script.end();
    script.outputs();
    script.advance(Duration::from_millis(1));
    script.session.reconnect(script.now);
    assert_eq!(script.outputs(), ["connect 2"]);
    script.session.close();
    script.outputs();
    script.session.reconnect(script.now);
    assert_eq!(script.outputs(), [""; 0]);
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
fn a_stream_that_brought_an_event_makes_waits_short_again_where_that_is_asked_for() {
    let policy = exact(100).backoff(Duration::from_secs(1), Duration::MAX).steady_on_event(true);
    let mut script = Script::new(SessionConfig::new().policy(policy));
    let mut wait_after = |body| {
        script.outputs();
        script.respond(STREAM);
        script.body(body);
        script.end();
        // By either way of asking.
        while script.session.poll_event().is_some() {}
        script.outputs();
        let ended = script.now;
        script.wait();
        script.now - ended
    };
    let longest = (0..50).map(|_| wait_after("data: a\n\n")).max();
    assert!(longest <= Some(Duration::from_millis(1_100)), "{longest:?}");
    let longest = (0..12).map(|_| wait_after(": nothing\n\n")).max();
    assert!(longest > Some(Duration::from_secs(60)), "{longest:?}");
    assert!(wait_after("data: a\n\n") <= Duration::from_millis(1_100));
    // A server that is gone after it has brought nothing.
    let waits = (0..12).map(|_| {
        script.outputs();
        script.fail(FailureKind::Refused);
        script.outputs();
        let ended = script.now;
        script.wait();
        script.now - ended
    });
    let longest = waits.max();
    assert!(longest > Some(Duration::from_secs(60)), "{longest:?}");
}

#[test]
fn a_stream_that_opens_and_never_says_anything_is_no_success() {
    for policy in [
        exact(10).first_byte_timeout(Some(Duration::from_secs(30))),
        exact(10).idle_timeout(Some(Duration::from_secs(45))),
    ] {
        let mut script = Script::new(SessionConfig::new().policy(policy.max_attempts(Some(3))));
        for _ in 0..2 {
            script.open();
            script.wait();
            script.outputs();
            script.wait();
        }
        script.open();
        script.wait();
        let outputs = script.outputs();
        assert!(outputs[1].ends_with("gave up after 3 failed attempts in a row"), "{outputs:?}");
    }
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
fn there_is_always_a_first_attempt() {
    for most in [0, 1] {
        let policy = exact(1000).max_attempts(Some(most));
        let mut script = Script::new(SessionConfig::new().policy(policy));
        assert_eq!(script.outputs(), ["connect 1"]);
        script.fail(FailureKind::Refused);
        let outputs = script.outputs();
        assert_eq!(
            outputs,
            ["disconnected 1: it failed; gave up after 1 failed attempt", "closed"]
        );
    }
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
fn retry_after_is_a_floor_but_not_past_the_longest_wait() {
    let again_at = |asked, longest| {
        let policy = exact(2000).longest_asked_wait(longest);
        let mut script = Script::new(SessionConfig::new().policy(policy));
        script.outputs();
        script.refuse(ResponseHead::new(503).retry_after(Some(Duration::from_secs(asked))));
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
