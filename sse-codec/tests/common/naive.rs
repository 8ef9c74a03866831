//! The slow, obvious decoder: the whole stream at once, each step as the standard words it. What the
//! real one is compared with. It stands alone, so that tests and fuzz targets can take it in by path.

/// As an item or a decode error, owning its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Event {
        event_type: String,
        data: String,
        last_event_id: String,
        has_id: bool,
        start: u64,
        end: u64,
    },
    Comment {
        text: String,
        start: u64,
        end: u64,
    },
    ReconnectionTime {
        milliseconds: u64,
        start: u64,
        end: u64,
    },
    LineTooLong {
        line_start: u64,
        event_start: u64,
    },
    CommentTooLong {
        line_start: u64,
    },
    ValueTooLong {
        line_start: u64,
        event_start: u64,
    },
    EventTooLong {
        event_start: u64,
    },
}

/// What is allowed, and asked for.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The bytes of a line, without its end.
    pub line: usize,
    /// The bytes of an event's lines, each with one for its end; of its data, as text.
    pub event: usize,
    /// The bytes of an event type and of an id, as text.
    pub value: usize,
    pub comments: bool,
}

/// Decodes a whole stream. Gives what it said, in order, and the last event ID.
pub fn decode(stream: &[u8], rules: Rules) -> (Vec<Outcome>, String) {
    let mut outcomes = vec![];
    let mut last_event_id = String::new();
    let mut block = Block::default();
    for Line { bytes, start, end } in split(stream) {
        if bytes.len() > rules.line {
            let event_start = block.start.unwrap_or(start);
            let why = Outcome::LineTooLong { line_start: start, event_start };
            block.drop_event(why, &mut outcomes);
            continue;
        }
        let Some(end) = end else { continue };
        if bytes.is_empty() {
            outcomes.extend(dispatch(
                core::mem::take(&mut block),
                &mut last_event_id,
                rules.event,
                end,
            ));
            continue;
        }
        let (name, value) = match bytes.iter().position(|&byte| byte == b':') {
            Some(colon) if bytes.get(colon + 1) == Some(&b' ') && colon > 0 => {
                (&bytes[..colon], &bytes[colon + 2..])
            }
            Some(colon) => (&bytes[..colon], &bytes[colon + 1..]),
            None => (bytes, &[][..]),
        };
        if matches!(name, b"data" | b"event" | b"id") {
            block.start.get_or_insert(start);
            block.size += bytes.len() + 1;
        }
        let ignored_id = name == b"id" && value.contains(&0);
        let decoded = lossy(value);
        if name == b"" && rules.comments && decoded.len() + 1 > rules.line {
            outcomes.push(Outcome::CommentTooLong { line_start: start });
            continue;
        }
        let too_long = match name {
            b"event" | b"id" if decoded.len() > rules.value && !ignored_id => {
                let event_start = block.start.unwrap_or(start);
                Some(Outcome::ValueTooLong { line_start: start, event_start })
            }
            _ => None,
        };
        if block.size > rules.event
            && let Some(event_start) = block.start
        {
            block.drop_event(Outcome::EventTooLong { event_start }, &mut outcomes);
        }
        if let Some(outcome) = too_long {
            block.drop_event(outcome, &mut outcomes);
            continue;
        }
        match name {
            b"" if rules.comments => {
                outcomes.push(Outcome::Comment { text: decoded, start, end });
            }
            b"data" => match &mut block.data {
                Some(data) => *data = data.clone() + "\n" + &decoded,
                none => *none = Some(decoded),
            },
            b"event" => block.event_type = decoded,
            b"id" if !ignored_id => block.id = Some(decoded),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let milliseconds = decoded.parse().unwrap_or(u64::MAX);
                outcomes.push(Outcome::ReconnectionTime { milliseconds, start, end });
            }
            _ => {}
        }
    }
    (outcomes, last_event_id)
}

fn dispatch(
    block: Block,
    last_event_id: &mut String,
    event_limit: usize,
    end: u64,
) -> Option<Outcome> {
    let has_id = block.id.is_some();
    if let Some(id) = block.id {
        *last_event_id = id;
    }
    let event_start = block.start?;
    let data = block.data?;
    if block.dropped {
        return None;
    }
    if data.len() > event_limit {
        return Some(Outcome::EventTooLong { event_start });
    }
    Some(Outcome::Event {
        event_type: match block.event_type {
            empty if empty.is_empty() => "message".into(),
            event_type => event_type,
        },
        data,
        last_event_id: last_event_id.clone(),
        has_id,
        start: event_start,
        end,
    })
}

impl Block {
    /// One event, one error.
    fn drop_event(&mut self, why: Outcome, outcomes: &mut Vec<Outcome>) {
        if !self.dropped {
            outcomes.push(why);
        }
        self.dropped = true;
    }
}

#[derive(Default)]
struct Block {
    data: Option<String>,
    event_type: String,
    id: Option<String>,
    start: Option<u64>,
    size: usize,
    dropped: bool,
}

struct Line<'a> {
    bytes: &'a [u8],
    start: u64,
    /// After the byte that ended it; `None` for a line that the stream does not end.
    end: Option<u64>,
}

fn split(stream: &[u8]) -> Vec<Line<'_>> {
    let mut lines = vec![];
    let mut start = if stream.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut at = start;
    while at < stream.len() {
        let byte = stream[at];
        at += 1;
        if byte == b'\n' || byte == b'\r' {
            let bytes = &stream[start..at - 1];
            lines.push(Line { bytes, start: start as u64, end: Some(at as u64) });
            if byte == b'\r' && stream.get(at) == Some(&b'\n') {
                at += 1;
            }
            start = at;
        }
    }
    lines.push(Line { bytes: &stream[start..], start: start as u64, end: None });
    lines
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
