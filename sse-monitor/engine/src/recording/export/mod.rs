//! Sessions in forms that other programs know.

mod attempts;
mod har;
mod lines;
mod raw;

use std::io;

use serde_json::{Value, json};
use sse_codec::{DecodeError, Decoder, Item, Limits};

use self::raw::Intact;
pub use self::{
    har::har,
    raw::{Bodies, raw},
};
use crate::journal::{
    dropped::End,
    reader::limits_of,
    turn::{Format, LinePlace},
    view::View,
};

/// A test vector is read by people: one whose body has more bytes is none.
const MOST_FIXTURE: u64 = 16 << 20;

/// The curl command of an attempt's request. What was masked in it stands as `***`: to be filled in.
/// `None` if there was no such attempt.
///
/// # Errors
/// If the recording cannot be read.
pub fn curl(view: &View, attempt: u32) -> io::Result<Option<String>> {
    let found = attempts::attempt(view, attempt)?;
    Ok(found.and_then(|attempt| attempt.request).map(|request| {
        let mut command = String::from("curl -N");
        if request.method != "GET" {
            command.push_str(&format!(" -X {}", quoted(&request.method)));
        }
        // What a browser listed beside the headers is in the URL.
        let headers = request.headers.iter().filter(|(name, _)| !name.starts_with(':'));
        for (name, value) in headers {
            command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
        }
        if request.body_bytes > 0 {
            command.push_str(&format!(
                " \\\n  --data-binary @BODY # {} bytes, not recorded",
                request.body_bytes
            ));
            return command.replacen("curl -N", &format!("curl -N {}", quoted(&request.url)), 1);
        }
        format!("{command} \\\n  {}", quoted(&request.url))
    }))
}

/// A test vector.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fixture {
    /// In the shape of `sse-codec/tests/vectors.json`: the input, and what a decoder must make of it.
    pub vector: Value,
    /// How many events were dropped since they passed a limit: they are not in the input either, since another
    /// decoder may have another limit.
    pub dropped: u64,
}

/// A test vector from an attempt's body. `None` if there was no such body, or it is no event stream.
///
/// # Errors
/// If the recording cannot be read, or the body has more than 16 MiB.
pub fn fixture(view: &View, attempt: u32, name: &str) -> io::Result<Option<Fixture>> {
    let found = attempts::attempt(view, attempt)?
        .filter(|attempt| attempt.body.bytes > 0 && attempt.format(view) == Format::EventStream);
    let Some(attempt) = found else { return Ok(None) };
    if attempt.body.bytes > MOST_FIXTURE {
        return Err(io::Error::other(format!(
            "the body of attempt {} has {} bytes, and a test vector at most {MOST_FIXTURE}; export it raw, \
             and take a part of it",
            attempt.number, attempt.body.bytes
        )));
    }
    let mut body = Vec::new();
    Intact::of(view, &attempt)?.read(view, |piece| {
        body.extend_from_slice(piece);
        Ok(())
    })?;
    let limits = limits_of(&view.kept().origin);
    let (body, dropped) = without_dropped(&body, limits);
    Ok(Some(Fixture { vector: vector(&body, name, limits), dropped }))
}

/// A body without the events in it that pass a limit, and how many these are.
fn without_dropped(body: &[u8], limits: Limits) -> (Vec<u8>, u64) {
    let mut decoder = Decoder::with_limits(limits).comments(true);
    let (mut left, mut from, mut dropped) = (Vec::new(), 0, 0);
    let mut input = body;
    loop {
        let start = match decoder.decode(&mut input) {
            Ok(None) => break,
            Err(
                DecodeError::LineTooLong { event_start, .. }
                | DecodeError::EventTooLong { event_start, .. }
                | DecodeError::ValueTooLong { event_start, .. },
            ) => usize::try_from(event_start).unwrap_or(body.len()),
            Ok(Some(_)) | Err(_) => continue,
        };
        let at = body.len() - input.len();
        let end = if decoder.is_dropping() {
            let line = LinePlace::after(body[..at].last().copied());
            let end = End::from_within(Format::EventStream, line).find(input);
            at + end.unwrap_or(input.len())
        } else {
            at
        };
        left.extend_from_slice(body.get(from..start).unwrap_or_default());
        let is_crlf = body[..end].ends_with(b"\r") && body[end..].starts_with(b"\n");
        (from, dropped) = (end + usize::from(is_crlf), dropped + 1);
    }
    left.extend_from_slice(&body[from..]);
    (left, dropped)
}

fn vector(body: &[u8], name: &str, limits: Limits) -> Value {
    let mut vector = json!({ "name": name });
    match core::str::from_utf8(body) {
        Ok(text) => vector["input"] = text.into(),
        Err(_) => {
            vector["hex"] =
                body.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        }
    }
    let mut decoder = Decoder::with_limits(limits).comments(true);
    let mut input = body;
    let mut events = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(Item::Event(event))) => {
                let mut said = json!({ "data": event.data });
                if event.event_type != sse_codec::DEFAULT_EVENT_TYPE {
                    said["type"] = event.event_type.into();
                }
                if !event.last_event_id.is_empty() {
                    said["id"] = event.last_event_id.into();
                }
                events.push(said);
            }
            Ok(Some(Item::ReconnectionTime { duration, .. })) => {
                vector["retry"] = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).into();
            }
            Ok(None) => break,
            Ok(Some(_)) | Err(_) => {}
        }
    }
    vector["events"] = events.into();
    if !decoder.last_event_id().is_empty() {
        vector["last_id"] = decoder.last_event_id().into();
    }
    vector
}

/// As a shell takes it: between single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Moment,
        journal::{
            retention::Retention,
            turn::{Origin, RequestHead, Turn},
            writer::Writer,
        },
        row::RowKind,
    };

    #[test]
    fn what_a_browser_listed_beside_the_headers_is_left_out() {
        let (origin, limits) = (Origin::default(), Limits::default());
        let mut writer = Writer::in_memory(origin, limits, Retention::default());
        let mut turn = Turn::new(RowKind::Connecting, "connecting");
        let headers = [(":path", "/?token=CANARY"), (":authority", "a"), ("accept", "*/*")];
        let headers = headers.map(|(name, value)| (name.into(), value.into())).to_vec();
        turn.request = Some(RequestHead { headers, ..RequestHead::default() });
        writer.turn(&turn, Moment::default());
        let view = writer.kept().view();
        let mut out = Vec::new();
        har(&view, None, &mut out).unwrap();
        let curl = curl(&view, 1).unwrap().unwrap();
        for text in [String::from_utf8(out).unwrap(), curl] {
            assert!(!text.contains("CANARY") && !text.contains(":authority"), "{text}");
            assert!(text.contains("accept"), "{text}");
        }
    }
}
