//! `POST /publish`: JSON to an event.

use core::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sse_codec::EventType;
use sse_server_core::{Publish, Topic};

use crate::respond::Refusal;

/// The largest body of a publish.
pub(crate) const MAX_BODY: usize = 256 << 10;

/// How much more of a body that is too large is read, and thrown away: an answer sent into the
/// middle of a request is lost if the peer only reads once it has written.
const MAX_DISCARD: usize = 1 << 20;

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    topic: Option<String>,
    topics: Option<Vec<String>>,
    all: Option<bool>,
    event: Option<String>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
}

/// Tells `null`, which is data, from nothing.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(value).map(Some)
}

/// Reads the event that a body asks to publish.
pub(crate) fn parse(body: &[u8]) -> Result<Publish, Refusal> {
    let request: Request = serde_json::from_slice(body).map_err(|error| {
        let reason = match error.classify() {
            serde_json::error::Category::Data => format!("the body is not an event: {error}"),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => format!("the body is not JSON: {error}"),
        };
        Refusal::bad_request(reason)
    })?;
    let Some(data) = request.data else {
        return Err(Refusal::bad_request(
            "the event has no data; add \"data\", a string or any other JSON",
        ));
    };
    let mut topics = Vec::new();
    for name in request.topic.iter().chain(request.topics.iter().flatten()) {
        topics.push(Topic::new(name).map_err(Refusal::bad_request)?);
    }
    if request.all == Some(true) {
        topics.push(Topic::all());
    }
    if topics.is_empty() {
        return Err(Refusal::bad_request(
            "the event names no topic; add \"topic\": \"…\", \"topics\": […] or \"all\": true",
        ));
    }
    // A string is sent as what it says, anything else as the JSON it is.
    let text = match serde_json::from_str::<String>(data.get()) {
        Ok(text) => text,
        // Lone surrogates can be written in JSON but stand for no text.
        Err(error) if data.get().starts_with('"') => {
            return Err(Refusal::bad_request(format_args!(
                "the data is a string that is not Unicode text: {error}"
            )));
        }
        Err(_) => compact(data.get()),
    };
    let event = Publish::new(topics, text);
    match request.event {
        Some(event_type) => EventType::new(event_type)
            .map(|event_type| event.event_type(event_type))
            .map_err(|error| Refusal::bad_request(format_args!("in \"event\": {error}"))),
        None => Ok(event),
    }
}

/// Reads a body to its end, if that comes in time and before [`MAX_BODY`].
pub(crate) async fn read<B>(headers: &HeaderMap, body: B) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: core::fmt::Display,
{
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json")
        });
    if !is_json {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON and say so; send Content-Type: application/json",
        ));
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(body)).await;
    read.unwrap_or_else(|_| {
        Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format_args!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs()),
        ))
    })
}

async fn collect<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: core::fmt::Display,
{
    let mut body = core::pin::pin!(body);
    let (mut bytes, mut len) = (BytesMut::new(), body.size_hint().lower() as usize);
    if len <= MAX_BODY + MAX_DISCARD {
        len = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Refusal::bad_request(format_args!("the body broke off: {error}"))
            })?;
            let Ok(mut data) = frame.into_data() else { continue };
            len += data.remaining();
            if len > MAX_BODY + MAX_DISCARD {
                break;
            }
            if len <= MAX_BODY {
                bytes.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
        }
    }
    if len > MAX_BODY {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format_args!(
                "the body has more than {MAX_BODY} bytes; send less, or a reference to it"
            ),
        ));
    }
    Ok(bytes.freeze())
}

/// JSON without the white space between its tokens; numbers and the order of keys stay as sent.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|&c| {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            return true;
        }
        in_string = c == '"';
        !matches!(c, ' ' | '\t' | '\n' | '\r')
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_loses_its_white_space_and_nothing_else() {
        let cases = [
            (r#"{ "b": 1.50, "a" : [ 1 , 2 ] }"#, r#"{"b":1.50,"a":[1,2]}"#),
            (r#"" a \" b ""#, r#"" a \" b ""#),
            (r#"[" \\", " x "]"#, r#"[" \\"," x "]"#),
            (" 12345678901234567890123 ", "12345678901234567890123"),
            ("[\r\n\t]", "[]"),
        ];
        for (json, expected) in cases {
            assert_eq!(compact(json), expected);
        }
    }
}
