//! What comes out of a body, and when more of it is wanted.

use super::*;

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
fn holds_a_chunk_for_no_longer_than_there_is_something_in_it() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    let chunk = Bytes::copy_from_slice(b"data: 1\n\ndata: 2\n\nda");
    script.session.handle_body(script.attempt, chunk.clone(), script.now);
    assert!(script.session.poll_output().is_some());
    script.session.release_chunk();
    assert!(!chunk.is_unique());
    assert_eq!(script.outputs(), ["message 2 ()"]);
    script.session.release_chunk();
    assert!(chunk.is_unique());
    script.body("ta: 3\n\n");
    assert_eq!(script.outputs(), ["message 3 ()"]);
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
fn nothing_of_a_body_is_held_after_its_end_or_a_close() {
    let ends: [fn(&mut Script); 3] = [
        Script::end,
        |script| script.fail(FailureKind::Interrupted),
        |script| script.session.close(),
    ];
    for end in ends {
        let mut script = Script::new(SessionConfig::new());
        script.open();
        script.body("id: 1\n\nid: 2\ndata: cut\ndata");
        assert_eq!(script.outputs(), [""; 0]);
        assert!(script.session.decoder.pending_event().is_some());
        end(&mut script);
        // From the very output that tells of the end.
        assert!(script.session.poll_output().is_some());
        assert_eq!(script.session.decoder.pending_event(), None);
        assert_eq!(script.session.last_event_id(), "1");
    }
}

#[test]
fn debug_output_of_a_session_shows_nothing_of_a_body() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("data: secret\n\ndata: secret");
    assert!(!format!("{:?}", script.session).contains("secret"));
    script.outputs();
    assert!(!format!("{:?}", script.session).contains("secret"));
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(401));
    script.body("secret");
    script.end();
    let error = script.session.poll_output();
    assert!(!format!("{error:?}").contains("secret"));
    assert!(!format!("{:?}", script.session).contains("secret"));
}
