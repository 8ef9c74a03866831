//! The last event ID: what is sent, what is kept, what came before.

use super::*;

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
fn an_event_without_an_id_of_its_own_is_never_a_repeat() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 7\ndata: 1\n\n");
    script.reopen();
    script.body("id: 7\n\ndata: new\n\nid: a\0b\ndata: new too\n\n");
    assert_eq!(script.outputs(), ["message new (7)", "message new too (7)"]);
}

#[test]
fn what_comes_again_twice_is_marked_twice_but_a_new_id_that_comes_twice_is_not() {
    let mut script = Script::new(SessionConfig::new());
    script.open();
    script.body("id: 7\ndata: 1\n\n");
    script.reopen();
    script.body("id: 7\ndata: 1\n\nid: 7\ndata: 1\n\nid: 8\ndata: a\n\nid: 8\ndata: b\n\n");
    assert_eq!(
        script.outputs(),
        ["message 1 (7) again", "message 1 (7) again", "message a (8)", "message b (8)"]
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
    script.body(&events(0..972));
    assert!(script.outputs().iter().all(|words| !words.ends_with("again")));
}

#[test]
fn a_replay_of_any_length_is_marked_where_it_reaches_what_is_remembered() {
    let events = |ids: core::ops::Range<u32>| -> String {
        ids.map(|id| format!("id: {id}\ndata: {id}\n\n")).collect()
    };
    for (count, marked) in [(1, 1), (128, 128), (129, 128), (1000, 128)] {
        let mut script = Script::new(SessionConfig::new());
        script.open();
        script.body(&events(0..count));
        script.reopen();
        script.body(&events(0..count + 1));
        let outputs = script.outputs();
        let again = outputs.iter().filter(|words| words.ends_with("again")).count();
        assert_eq!(again, marked, "of {count}");
        assert!(outputs[count as usize - 1].ends_with("again"), "{outputs:?}");
    }
    let id = EventId::new("500").unwrap();
    let mut script = Script::new(SessionConfig::new().last_event_id(id));
    script.open();
    script.body(&events(0..1000));
    let outputs = script.outputs();
    assert!(outputs[500].ends_with("again"), "{outputs:?}");
    assert_eq!(outputs.iter().filter(|words| words.ends_with("again")).count(), 1);
}

#[test]
fn what_is_remembered_outlives_short_bodies_and_the_oldest_goes_first() {
    let mut script = Script::new(SessionConfig::new());
    for id in 0..200 {
        if id == 0 {
            script.open()
        } else {
            script.reopen()
        }
        script.body(&format!("id: {id}\ndata: {id}\n\n"));
        assert_eq!(script.outputs(), [format!("message {id} ({id})")]);
    }
    script.reopen();
    script.body("id: 71\ndata: 71\n\nid: 72\ndata: 72\n\nid: 199\ndata: 199\n\n");
    assert_eq!(
        script.outputs(),
        ["message 71 (71)", "message 72 (72) again", "message 199 (199) again"]
    );
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
