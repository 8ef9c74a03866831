//! Which responses are streams, and what is said of the others.

use super::*;

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
        script.refuse(ResponseHead::new(status));
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
fn the_media_type_counts_without_its_parameters_and_case() {
    for good in ["text/event-stream", "Text/Event-Stream;charset=utf-8", " text/event-stream ; x"] {
        let head = ResponseHead::new(200).content_type(Some(good.as_bytes()));
        assert_eq!(head.check(None), Ok(()), "{good}");
    }
    // As of two headers: the last that is a type counts.
    for good in [
        "text/event-stream, text/event-stream",
        "text/html, text/event-stream;charset=utf-8",
        "text/html;x=\"a, b\",text/event-stream, ,*/*, none",
    ] {
        let head = ResponseHead::new(200).content_type(Some(good.as_bytes()));
        assert_eq!(head.check(None), Ok(()), "{good}");
    }
    for bad in ["text/event-stream, text/html", "text/html;x=\", text/event-stream", ",", "*/*"] {
        let head = ResponseHead::new(200).content_type(Some(bad.as_bytes()));
        assert!(head.check(None).is_err(), "{bad}");
    }
    for bad in ["", "text/event-streams", "text/plain", "application/json; text/event-stream"] {
        let head = ResponseHead::new(200).content_type(Some(bad.as_bytes()));
        assert!(head.check(None).is_err(), "{bad}");
    }
}

#[test]
fn other_media_types_fail_in_words_and_a_web_page_is_called_one() {
    let sentence = |head: ResponseHead<'_>| {
        let mut script = Script::new(SessionConfig::new());
        script.outputs();
        script.refuse(head);
        let outputs = script.outputs();
        assert_eq!(outputs.len(), 2, "{outputs:?}");
        outputs[0].clone()
    };
    let typed = |value| sentence(ResponseHead::new(200).content_type(Some(value)));
    assert!(typed(b"text/html; charset=utf-8").contains("answered with a web page (text/html)"));
    assert!(typed(b"Application/JSON").contains("answered with application/json, not"));
    assert!(typed(b"a\nb\xFF/c").contains("answered with ab\u{FFFD}/c, not"));
    assert!(sentence(ResponseHead::new(200)).contains("answered without a media type"));
}

#[test]
fn statuses_fail_in_words() {
    let sentence = |status, retry_after| {
        let head = ResponseHead::new(status).retry_after(retry_after);
        head.check(None).unwrap_err().to_string()
    };
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
fn a_stream_that_is_still_compressed_is_refused_in_words() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(STREAM.content_encoding(Some(b"br")));
    let outputs = script.outputs();
    assert!(outputs[1].contains("the server compressed the stream (br)"), "{outputs:?}");
    assert_eq!(outputs[2..], ["closed"]);
    assert_eq!(STREAM.content_encoding(Some(b" Identity")).check(None), Ok(()));
    let advice = |codings| {
        let error = STREAM.content_encoding(Some(codings)).check(None).unwrap_err().to_string();
        error.split_once("as it is, or ").unwrap().1.to_owned()
    };
    for gzip in [&b"gzip"[..], b"X-GZip", b"identity, gzip"] {
        let expected = "build the client with that compression (the feature gzip of sse-client)";
        assert_eq!(advice(gzip), expected);
    }
    // Also where the request asked for it.
    for other in [&b"br"[..], b"gzip, br", b"gzip, gzip", b"not-gzip"] {
        assert_eq!(advice(other), "compressed by gzip alone (the feature gzip of sse-client)");
    }
}

#[test]
fn what_a_refusal_says_is_kept() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(401));
    assert_eq!(script.session.ready_state(), ReadyState::Connecting);
    assert!(script.session.wants_body());
    script.body("{\"error\":");
    script.body("\"no such key\"}");
    assert_eq!(script.outputs(), [""; 0]);
    script.end();
    assert_eq!(script.body_of_failure(), "{\"error\":\"no such key\"}");
    assert_eq!(script.outputs(), ["closed"]);
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(200).content_type(Some(b"application/json")));
    script.body("{}");
    script.fail(FailureKind::Interrupted);
    assert_eq!(script.body_of_failure(), "{}");
}

#[test]
fn of_what_a_refusal_says_no_more_is_read_than_is_kept() {
    let mut script = Script::new(SessionConfig::new());
    script.outputs();
    script.respond(ResponseHead::new(503).retry_after(Some(Duration::from_secs(7))));
    script.body(&("é".repeat(200) + " "));
    script.body(&"é".repeat(9000));
    script.body("too late");
    assert!(matches!(script.session.poll_output(), Some(Output::Abort { .. })));
    assert_eq!(script.body_of_failure(), "é".repeat(200) + " " + &"é".repeat(7991));
}

#[test]
fn a_refusal_that_does_not_say_why_is_not_waited_for() {
    let mut script = Script::new(SessionConfig::new().policy(exact(1000)));
    script.outputs();
    script.respond(ResponseHead::new(503));
    assert_eq!(script.timer(), Some(Timer::Refusal));
    script.body("so");
    script.advance(Duration::from_secs(2));
    let outputs = script.outputs();
    assert_eq!(outputs[0], "abort 1");
    assert!(outputs[1].ends_with("; again at 3s"), "{outputs:?}");
    // Nor one without a body, nor one that could not be read.
    for head in [
        ResponseHead::new(204),
        ResponseHead::new(503).content_encoding(Some(b"br")),
        STREAM.content_encoding(Some(b"br")),
    ] {
        let mut script = Script::new(SessionConfig::new());
        script.outputs();
        script.respond(head);
        assert_eq!(script.outputs()[0], "abort 1", "{head:?}");
    }
}

#[test]
fn what_breaks_off_before_an_answer_was_never_open() {
    let kind = |script: &mut Script| match script.session.poll_output() {
        Some(Output::Disconnected { error, .. }) => error.kind(),
        other => panic!("{other:?}"),
    };
    let mut script = Script::new(SessionConfig::new().policy(exact(1)));
    script.outputs();
    script.fail(FailureKind::Interrupted);
    assert_eq!(kind(&mut script), ErrorKind::Connect);
    script.wait();
    script.outputs();
    script.respond(STREAM);
    script.outputs();
    script.fail(FailureKind::Interrupted);
    assert_eq!(kind(&mut script), ErrorKind::Ended);
}
