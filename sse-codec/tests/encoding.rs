//! The encoder: any text is one event, by whichever way it is written.

#![allow(clippy::unwrap_used)]

use core::{fmt::Write, time::Duration};

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*, sample::select};
use sse_codec::{
    Decoder, EventId, EventType, Frame, InvalidField, Item, OutgoingEvent, OwnedEvent,
    SharedDecoder, ValueKind,
};

/// What a stream says, and the reconnection times in it.
fn decode(mut stream: &[u8]) -> (Vec<OwnedEvent>, Vec<Duration>) {
    let mut decoder = Decoder::new().comments(true);
    let (mut events, mut times) = (Vec::new(), Vec::new());
    while let Some(item) = decoder.decode(&mut stream).unwrap() {
        match item {
            Item::Event(event) => events.push(event.to_owned()),
            Item::ReconnectionTime { duration, .. } => times.push(duration),
            Item::Comment { .. } | _ => panic!("nobody encoded {item:?}"),
        }
    }
    (events, times)
}

/// Any text, with what could end a line or a field in it more often than chance has it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(
            select(vec![
                "\r",
                "\n",
                "\r\n",
                ":",
                " ",
                "a",
                "data: ",
                "id: 1\n",
                "\u{2028}",
                "\u{85}",
                "\u{FEFF}",
                "\0",
                "🙂",
                "a run of text that is longer than what counts as short, which is sixty-four bytes",
            ]),
            0..12,
        )
        .prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

/// A value that a field can carry, of lengths on both sides of what counts as short.
fn value() -> impl Strategy<Value = String> {
    (any::<String>(), 0_usize..60).prop_map(|(text, more)| {
        let text = text + &"é-".repeat(more);
        text.chars().filter(|char| !matches!(char, '\r' | '\n' | '\0')).collect()
    })
}

prop_compose! {
    fn outgoing()(
        event_type in proptest::option::of(value()),
        id in proptest::option::of(value()),
        retry in proptest::option::of(any::<u64>()),
        data in text(),
    ) -> OutgoingEvent<'static> {
        let mut event = OutgoingEvent::new().data(data);
        if let Some(event_type) = event_type {
            event = event.event_type(EventType::new(event_type).unwrap());
        }
        if let Some(id) = id {
            event = event.id(EventId::new(id).unwrap());
        }
        if let Some(retry) = retry {
            event = event.reconnection_time(Duration::from_millis(retry));
        }
        event
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_buffer_gets_the_same_bytes_after_what_it_had(
        event in outgoing(),
        before in vec(any::<u8>(), 0..40),
    ) {
        let frame = event.encode();
        prop_assert_eq!(frame.as_bytes().len(), event.encoded_len());
        let mut vec = before.clone();
        event.encode_into(&mut vec);
        let mut bytes = BytesMut::from(&before[..]);
        event.encode_into(&mut bytes);
        let expected = [&before[..], frame.as_bytes()].concat();
        prop_assert_eq!(&vec, &expected);
        prop_assert_eq!(&bytes[..], &expected[..]);
        prop_assert_eq!(Frame::from(event), frame);
    }

    #[test]
    fn data_that_is_written_in_pieces_equals_data_that_is_set(
        event in outgoing(),
        pieces in vec(text(), 0..8),
    ) {
        let mut out = b"data: before\n\n".to_vec();
        let mut data = event.data_writer(&mut out);
        for piece in &pieces {
            data.write_str(piece).unwrap();
        }
        data.finish();
        let mut expected = b"data: before\n\n".to_vec();
        event.data(pieces.concat()).encode_into(&mut expected);
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn a_writer_that_is_dropped_takes_its_event_back(event in outgoing(), piece in text()) {
        let mut out = BytesMut::from("data: before\n\n");
        let mut data = event.data_writer(&mut out);
        data.write_str(&piece).unwrap();
        drop(data);
        prop_assert_eq!(&out[..], b"data: before\n\n");
    }

    #[test]
    fn no_value_breaks_out_of_its_field(event_type in text(), id in text(), data in text()) {
        let checked_type = EventType::new(&event_type);
        match checked_type {
            Err(InvalidField::LineBreak { kind, at }) => {
                prop_assert_eq!(kind, ValueKind::EventType);
                prop_assert!(matches!(event_type.as_bytes()[at], b'\r' | b'\n'));
                prop_assert!(!event_type.as_bytes()[..at].iter().any(|b| matches!(b, b'\r' | b'\n')));
            }
            Err(other) => prop_assert!(false, "{other}"),
            Ok(_) => prop_assert!(!event_type.contains(['\r', '\n'])),
        }
        let checked_id = EventId::new(&id);
        match checked_id {
            Err(InvalidField::LineBreak { kind, at }) => {
                prop_assert_eq!(kind, ValueKind::EventId);
                prop_assert!(matches!(id.as_bytes()[at], b'\r' | b'\n'));
            }
            Err(InvalidField::Nul { at }) => prop_assert_eq!(id.as_bytes()[at], 0),
            Err(other) => prop_assert!(false, "{other}"),
            Ok(_) => prop_assert!(!id.contains(['\r', '\n', '\0'])),
        }
        let mut event = OutgoingEvent::new().data(&data);
        let mut expected = OwnedEvent::default();
        expected.event_type = "message".into();
        expected.data = data.replace("\r\n", "\n").replace('\r', "\n");
        if let Ok(checked) = EventType::new(&event_type) {
            event = event.event_type(checked);
            if !event_type.is_empty() {
                expected.event_type = event_type.clone().into();
            }
        }
        if let Ok(checked) = EventId::new(&id) {
            event = event.id(checked);
            expected.last_event_id = id.clone();
            expected.has_id = true;
        }
        let (events, times) = decode(event.encode().as_bytes());
        prop_assert_eq!(events, [expected]);
        prop_assert!(times.is_empty());
    }

    #[test]
    fn what_was_received_is_sent_on_as_it_was(blocks in vec(outgoing(), 0..6)) {
        let stream = blocks.iter().flat_map(|block| block.encode().into_bytes()).collect::<Vec<_>>();
        let (events, _) = decode(&stream);
        let mut forwarded = Vec::new();
        for event in &events {
            OutgoingEvent::try_from(event).unwrap().encode_into(&mut forwarded);
        }
        prop_assert_eq!(&decode(&forwarded).0, &events);

        let (mut borrowed, mut shared) = (Vec::new(), Vec::new());
        Decoder::new().visit(&stream, |item| if let Item::Event(event) = item.unwrap() {
            OutgoingEvent::try_from(&event).unwrap().encode_into(&mut borrowed);
        });
        let (mut decoder, mut chunk) = (SharedDecoder::new(), Bytes::from(stream));
        while let Some(item) = decoder.decode(&mut chunk).unwrap() {
            if let Some(event) = item.into_event() {
                OutgoingEvent::try_from(&event).unwrap().encode_into(&mut shared);
            }
        }
        prop_assert_eq!(&borrowed, &forwarded);
        prop_assert_eq!(&shared, &forwarded);
    }

    #[test]
    fn every_buffer_gets_the_same_comment(text in text(), before in vec(any::<u8>(), 0..40)) {
        let mut out = BytesMut::from(&before[..]);
        Frame::comment_into(&text, &mut out);
        prop_assert_eq!(&out[..], [&before[..], Frame::comment(&text).as_bytes()].concat());
    }

    #[test]
    fn no_comment_breaks_out_of_its_lines(text in text()) {
        let frame = Frame::comment(&text);
        let mut decoder = Decoder::new().comments(true);
        let mut lines = Vec::new();
        decoder.visit(frame.as_bytes(), |item| match item {
            Ok(Item::Comment { text, .. }) => lines.push(text.strip_prefix(' ').unwrap_or(text).to_owned()),
            other => panic!("a comment became {other:?}"),
        });
        prop_assert_eq!(lines.join("\n"), text.replace("\r\n", "\n").replace('\r', "\n"));
    }
}

#[test]
fn a_crlf_that_is_cut_between_two_pieces_is_one_line_break() {
    let mut out = Vec::new();
    let mut data = OutgoingEvent::new().data_writer(&mut out);
    for piece in ["a\r", "", "\nb", "\r", "\r", "\n", "c\n"] {
        data.write_str(piece).unwrap();
    }
    data.finish();
    assert_eq!(out, b"data: a\ndata: b\ndata: \ndata: c\ndata: \n\n");
}

#[test]
fn nothing_written_is_an_empty_event() {
    let mut out = Vec::new();
    OutgoingEvent::new().data_writer(&mut out).finish();
    assert_eq!(out, b"data: \n\n");
    assert_eq!(decode(&out).0.len(), 1);
}

#[test]
fn times_are_whole_milliseconds_at_any_size() {
    let wait = |time| OutgoingEvent::new().reconnection_time(time).encode();
    for (time, digits) in [
        (Duration::ZERO, "0"),
        (Duration::from_micros(2_999), "2"),
        (Duration::from_secs(3), "3000"),
        (Duration::from_millis(99_999_999), "99999999"),
        (Duration::from_millis(100_000_000), "100000000"),
        (Duration::from_millis(10_203_040_506_070_809), "10203040506070809"),
        (Duration::from_millis(u64::MAX), "18446744073709551615"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        assert_eq!(wait(time).as_bytes(), format!("retry: {digits}\n\n").as_bytes());
    }
    // Each number of digits, at both its ends and in between; each four digits, in both halves of eight.
    let powers = (0..=19).map(|digits| 10_u64.pow(digits));
    let ends = powers.flat_map(|power| (1..=9).filter_map(move |n| power.checked_mul(n)));
    let around = ends.flat_map(|number| [number - 1, number, number + 1]);
    for number in around.chain((0..10_000).map(|four| four * 10_001)) {
        let expected = format!("retry: {number}\n\n");
        assert_eq!(wait(Duration::from_millis(number)).as_bytes(), expected.as_bytes());
    }
}

#[test]
fn a_line_break_is_seen_at_any_place_of_text_of_any_length() {
    for len in 0..140 {
        // Control characters that end no line are among it.
        let plain: String = (0..len).map(|at| ['x', '\t', '~', '\u{7F}'][at % 4]).collect();
        let expected = format!("data: {plain}\n\n");
        assert_eq!(OutgoingEvent::new().data(&plain).encode().as_bytes(), expected.as_bytes());
        assert_eq!(EventType::new(&plain).unwrap().as_str(), plain);
        let with_id = OutgoingEvent::new().id(EventId::new(&plain).unwrap()).encode();
        assert_eq!(with_id.as_bytes(), format!("id: {plain}\n\n").as_bytes());
        for at in 0..len {
            let (before, after) = (&plain[..at], &plain[at + 1..]);
            for line_break in ["\n", "\r"] {
                let text = [before, line_break, after].concat();
                let frame = OutgoingEvent::new().data(&text).encode();
                let expected = format!("data: {before}\ndata: {after}\n\n");
                assert_eq!(frame.as_bytes(), expected.as_bytes());
                let refused = |kind| Err(InvalidField::LineBreak { kind, at });
                assert_eq!(EventType::new(&text).map(|_| ()), refused(ValueKind::EventType));
                assert_eq!(EventId::new(&text).map(|_| ()), refused(ValueKind::EventId));
            }
            let with_nul = [before, "\0", after].concat();
            assert_eq!(EventId::new(&with_nul).map(|_| ()), Err(InvalidField::Nul { at }));
            assert!(EventType::new(&with_nul).is_ok());
        }
    }
}

#[test]
fn an_event_that_was_changed_cannot_be_made_to_inject_a_line() {
    let mut event = decode(b"event: t\nid: 7\ndata: a\n\n").0.remove(0);
    event.last_event_id = "7\ndata: forged".into();
    let refused = InvalidField::LineBreak { kind: ValueKind::EventId, at: 1 };
    assert_eq!(OutgoingEvent::try_from(&event).unwrap_err(), refused);
    event.last_event_id = "7".into();
    event.event_type = "t\rdata: forged".into();
    let refused = InvalidField::LineBreak { kind: ValueKind::EventType, at: 1 };
    assert_eq!(OutgoingEvent::try_from(&event).unwrap_err(), refused);
}

#[test]
fn checked_values_are_made_of_any_text() {
    let id = EventId::from_static("7");
    assert_eq!("7".parse::<EventId<'static>>().as_ref(), Ok(&id));
    assert_eq!(EventId::try_from(String::from("7")), Ok(id.clone()));
    assert!(id == "7" && id < EventId::from_static("8"));
    assert!("7\0".parse::<EventId<'_>>().is_err());
    assert_eq!(format!("{id:>3}"), "  7");
    // A type may have NUL in it.
    assert_eq!(EventType::from_static("t\0"), EventType::new("t\0").unwrap());
    assert!(EventType::try_from(String::from("t\n")).is_err());
}

#[test]
#[should_panic(expected = "CR, LF or NUL cannot be part of an event ID")]
fn a_constant_is_checked_as_well() {
    let _ = EventId::from_static("7\0");
}

#[test]
fn a_line_break_of_another_kind_is_text() {
    let data = "a\u{85}b\u{2028}c\u{0B}d\u{0C}e";
    assert_eq!(decode(OutgoingEvent::new().data(data).encode().as_bytes()).0[0].data, data);
}
