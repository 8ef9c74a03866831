//! How long a server may say nothing.

use super::*;

#[test]
fn an_attempt_without_an_answer_is_given_up_in_time() {
    let policy = exact(1000).first_byte_timeout(Some(Duration::from_secs(30)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.outputs();
    assert_eq!(script.timer(), Some(Timer::Response));
    script.advance(Duration::from_millis(29_999));
    assert_eq!(script.outputs(), [""; 0]);
    script.advance(Duration::from_millis(1));
    let error = "the server gave no answer within 30 s";
    assert_eq!(script.outputs(), ["abort 1", &format!("disconnected 1: {error}; again at 31s")]);
}

#[test]
fn a_server_may_hold_its_head_back_until_there_is_an_event() {
    for policy in [RetryPolicy::whatwg(), RetryPolicy::resilient(), RetryPolicy::never()] {
        let mut script = Script::new(SessionConfig::new().policy(policy));
        script.outputs();
        assert_eq!(script.timer(), None);
        script.advance(Duration::from_secs(31));
        script.respond(STREAM);
        script.body("data: 1\n\n");
        assert_eq!(script.outputs(), ["opened 1", "message 1 ()"]);
    }
}

#[test]
fn silence_is_silence_before_the_answer_too() {
    let policy = exact(1000).idle_timeout(Some(Duration::from_secs(45)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.outputs();
    script.advance(Duration::from_secs(45));
    let error = "the server gave no answer within 45 s";
    assert_eq!(script.outputs(), ["abort 1", &format!("disconnected 1: {error}; again at 46s")]);
}

#[test]
fn a_pause_of_the_reader_is_not_the_servers_delay() {
    let policy = exact(1000).first_byte_timeout(Some(Duration::from_secs(5)));
    let mut script = Script::new(SessionConfig::new().policy(policy));
    script.outputs();
    script.now = script.now + Duration::from_secs(60);
    script.session.handle_reading(script.now);
    script.advance(Duration::from_millis(4999));
    assert_eq!(script.outputs(), [""; 0]);
    script.respond(ResponseHead::new(404));
    script.now = script.now + Duration::from_secs(60);
    script.session.handle_reading(script.now);
    script.advance(Duration::from_millis(1999));
    script.body("why");
    script.end();
    assert_eq!(script.body_of_failure(), "why");
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
