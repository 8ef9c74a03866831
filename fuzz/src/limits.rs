//! Law: limits lose what the naive twin says they lose, whoever owns the memory, and nothing larger comes
//! out.

use crate::common::{
    Reading,
    naive::{Outcome, Rules},
    read, read_lent, read_naively,
};

/// Decodes a stream within small limits, in memory that grows and in memory that is lent.
///
/// The first three bytes are the limits of a line, of an event and of a value, where those from 128 on stand for
/// more, up to 1,144; the fourth says whether comments are wanted, by its highest bit, and by its others how long
/// the chunks are (0: the stream whole); the rest is the stream.
pub fn limits(input: &[u8]) {
    let [line, event, value, options, stream @ ..] = input else { return };
    if b"\xEF\xBB\xBF".starts_with(stream) {
        // It may yet become a byte order mark, which is no part of a line; the twin takes it as it is.
        return;
    }
    let [line, event, value] = [line, event, value].map(|byte| match usize::from(*byte) {
        small @ ..128 => small,
        large => (large - 112) * 8,
    });
    let comments = options & 0x80 != 0;
    let size = match options & 0x7f {
        0 => stream.len().max(1),
        size => usize::from(size),
    };

    let rules = Rules { line, event, value: value.min(line), comments };
    let reading = read(rules, stream.chunks(size));
    within(rules, &reading);
    assert_eq!(reading, read_naively(rules, stream), "memory that grows, {rules:?}");

    let rules = Rules { value, ..rules };
    let reading = read_lent(rules, stream.chunks(size));
    within(rules, &reading);
    assert_eq!(reading, read_naively(rules, stream), "memory that is lent, {rules:?}");
}

fn within(rules: Rules, reading: &Reading) {
    assert!(reading.last_event_id.len() <= rules.value, "{reading:?} passes {rules:?}");
    for outcome in &reading.outcomes {
        let fits = match outcome {
            Outcome::Event { event_type, data, last_event_id, .. } => {
                data.len() <= rules.event
                    && (event_type.len() <= rules.value || event_type == "message")
                    && last_event_id.len() <= rules.value
            }
            Outcome::Comment { text, .. } => text.len() <= rules.line,
            Outcome::ReconnectionTime { .. }
            | Outcome::LineTooLong { .. }
            | Outcome::CommentTooLong { .. }
            | Outcome::ValueTooLong { .. }
            | Outcome::EventTooLong { .. } => true,
        };
        assert!(fits, "{outcome:?} passes {rules:?}");
    }
}
