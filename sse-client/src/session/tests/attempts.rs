//! Attempts: reports that are late or out of turn, and the close.

use super::*;

#[test]
fn asks_to_connect_at_once_and_without_an_id() {
    let mut script = Script::new(SessionConfig::new());
    assert_eq!(script.outputs(), ["connect 1"]);
    assert_eq!(script.session.ready_state(), ReadyState::Connecting);
    assert!(!script.session.wants_body());
}

#[test]
fn late_reports_of_an_attempt_that_is_over_change_nothing() {
    let policy = exact(1000).first_byte_timeout(Some(Duration::from_secs(30)));
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
fn close_while_a_refusal_is_read_lets_go_of_the_request() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(404));
    script.session.close();
    assert_eq!(script.outputs(), ["abort 1", "closed"]);
}

#[test]
fn a_close_keeps_an_abort_that_was_not_taken_yet() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(204));
    script.session.close();
    assert_eq!(script.outputs(), ["abort 1", "closed"]);
}
