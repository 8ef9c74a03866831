//! What is posted, as events.

use core::time::Duration;
use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sse_codec::EventType;
use sse_server_core::{Publish, PublishKey, Topic};

use crate::{
    budget::Share,
    json::{compact, from_json},
    respond::Refusal,
};

/// How much more of a body that is too large is read, and thrown away: an answer sent into the
/// middle of a request is lost if the peer only reads once it has written.
const MAX_DISCARD: usize = 8 << 20;

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    topic: Option<String>,
    topics: Option<Vec<String>>,
    user: Option<String>,
    all: Option<bool>,
    event: Option<String>,
    key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
}

/// Tells `null`, which is data, from nothing.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(value).map(Some)
}

/// What a request publishes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route<'a> {
    /// `POST /publish`.
    Publish,
    /// `POST /events/{topic}`: the body is the data.
    Raw { topic: &'a str, query: &'a str },
    /// `POST /broadcast`.
    Broadcast,
    /// `POST /notify`.
    Notify,
}

/// What a body holds, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Lines,
    Text,
}

impl Route<'_> {
    /// Which body it takes.
    pub(crate) fn form(self, headers: &HeaderMap) -> Result<Form, Refusal> {
        match self {
            // Whatever it is: the data is passed on as it came.
            Route::Raw { .. } => Ok(Form::Text),
            Route::Publish if has_type(headers, "application/json") => Ok(Form::Json),
            Route::Publish if has_type(headers, "application/x-ndjson") => Ok(Form::Lines),
            Route::Publish => Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON and say so; send Content-Type: application/json, \
                 or application/x-ndjson for a batch",
            )),
            Route::Broadcast | Route::Notify => json_only(headers).map(|()| Form::Json),
        }
    }

    /// Reads the event that a body asks to publish, on behalf of `publisher`.
    pub(crate) fn parse(self, body: &[u8], publisher: Option<&str>) -> Result<Publish, Refusal> {
        match self {
            Route::Publish => Ok(parse(body, publisher)?.0),
            Route::Raw { topic, query } => raw(topic, query, body),
            Route::Broadcast => {
                let Broadcast { message } = from_json(body, r#"{"message": "x"}"#)?;
                let event = Publish::new([Topic::all()], text_of(&message)?);
                named(event, "announcement")
            }
            Route::Notify => {
                let Notify { user_id, message } =
                    from_json(body, r#"{"userId": "ann", "message": "x"}"#)?;
                let topic = user("userId", &user_id)?;
                named(Publish::new([topic], text_of(&message)?), "notification")
            }
        }
    }
}

fn has_type(headers: &HeaderMap, name: &str) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(name)
}

/// Refuses what does not say that it is JSON: a form on a page from elsewhere cannot.
pub(crate) fn json_only(headers: &HeaderMap) -> Result<(), Refusal> {
    if has_type(headers, "application/json") {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body must be JSON and say so; send Content-Type: application/json",
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broadcast {
    message: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Notify {
    user_id: String,
    message: Box<RawValue>,
}

/// Reads a batch, a line an event; says which line is to blame.
pub(crate) fn parse_lines(
    body: &[u8],
    publisher: Option<&str>,
    max_events: usize,
) -> Result<Vec<(usize, Publish)>, Refusal> {
    let mut events = Vec::new();
    let mut keys = HashMap::new();
    for (line, text) in (1..).zip(body.split(|&byte| byte == b'\n')) {
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if events.len() == max_events {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format_args!("the batch has more than {max_events} events; send it in parts"),
            )
            .in_line(line));
        }
        let (event, key) = parse(text, publisher).map_err(|refusal| refusal.in_line(line))?;
        if let Some(before) = key.and_then(|key| keys.insert(key, line)) {
            let reason = format!("its key is that of line {before}; choose one for each event");
            return Err(Refusal::bad_request(reason).in_line(line));
        }
        events.push((line, event));
    }
    if events.is_empty() {
        return Err(Refusal::bad_request("the batch has no events; send one a line"));
    }
    Ok(events)
}

fn raw(topic: &str, query: &str, body: &[u8]) -> Result<Publish, Refusal> {
    let topic = crate::query::topic(topic)?;
    let data = core::str::from_utf8(body).map_err(|error| {
        Refusal::bad_request(format_args!(
            "the body is not UTF-8 at byte {}; an event stream carries nothing else",
            error.valid_up_to()
        ))
    })?;
    let mut event = Publish::new([topic], data);
    for (name, value) in crate::query::pairs(query)? {
        if name != "event" {
            return Err(Refusal::bad_request(format_args!(
                "the query parameter {name:?} is not known; there is event"
            )));
        }
        event = named(event, &value)?;
    }
    Ok(event)
}

/// Reads an event, and its key beside.
fn parse(body: &[u8], publisher: Option<&str>) -> Result<(Publish, Option<PublishKey>), Refusal> {
    let request: Request = from_json(body, r#"{"topic": "a", "data": "x"}"#)?;
    let Some(data) = request.data else {
        return Err(Refusal::bad_request(
            "the event has no data; add \"data\", a string or any other JSON",
        ));
    };
    let mut topics = Vec::new();
    for name in request.topic.iter().chain(request.topics.iter().flatten()) {
        topics.push(Topic::new(name).map_err(Refusal::bad_request)?);
    }
    if let Some(id) = &request.user {
        topics.push(user("user", id)?);
    }
    if request.all == Some(true) {
        topics.push(Topic::all());
    }
    if topics.is_empty() {
        return Err(Refusal::bad_request(
            "the event names no topic; add \"topic\": \"…\", \"topics\": […], \"user\": \"…\" or \"all\": true",
        ));
    }
    let mut event = Publish::new(topics, text_of(&data)?);
    if let Some(event_type) = request.event {
        event = named(event, &event_type)?;
    }
    let key = request.key.map(|name| key(&name, publisher)).transpose()?;
    if let Some(key) = &key {
        event = event.key(key.clone());
    }
    Ok((event, key))
}

/// The topic of the user whose id stands in a field.
fn user(field: &str, id: &str) -> Result<Topic, Refusal> {
    if id.is_empty() {
        return Err(Refusal::bad_request(format_args!(
            "{field:?} is empty; give the id of the user it is for"
        )));
    }
    Topic::user(id).map_err(|error| Refusal::bad_request(format_args!("in {field:?}: {error}")))
}

/// A key means what it means to one user. Who is not known shares theirs with all such, since an
/// address may change from one try to the next.
fn key(name: &str, publisher: Option<&str>) -> Result<PublishKey, Refusal> {
    let key = PublishKey::new(name)
        .map_err(|error| Refusal::bad_request(format_args!("in \"key\": {error}")))?;
    Ok(match publisher {
        Some(publisher) => key.by(publisher),
        None => key,
    })
}

/// A string is sent as what it says, anything else as the JSON it is.
fn text_of(data: &RawValue) -> Result<String, Refusal> {
    match serde_json::from_str::<String>(data.get()) {
        Ok(text) => Ok(text),
        // Lone surrogates can be written in JSON but stand for no text.
        Err(_) if data.get().starts_with('"') => Err(Refusal::bad_request(
            "the data is a string that is not Unicode text: half of a surrogate pair (\\ud800 to \\udfff) \
             stands alone in it; send the character itself, or both halves",
        )),
        Err(_) => Ok(compact(data.get())),
    }
}

fn named(event: Publish, event_type: &str) -> Result<Publish, Refusal> {
    EventType::new(event_type.to_owned())
        .map(|event_type| event.event_type(event_type))
        .map_err(|error| Refusal::bad_request(format_args!("in \"event\": {error}")))
}

/// Reads a body to its end, if that comes in time, before `max` bytes, and while its share allows.
pub(crate) async fn read<B>(body: B, max: usize, share: &mut Share) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: core::fmt::Display,
{
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(body, max, share)).await;
    read.unwrap_or_else(|_| {
        Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format_args!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs()),
        ))
    })
}

async fn collect<B>(body: B, max: usize, share: &mut Share) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: core::fmt::Display,
{
    let mut body = core::pin::pin!(body);
    let most = max.saturating_add(MAX_DISCARD);
    let (mut bytes, mut len) = (BytesMut::new(), body.size_hint().lower() as usize);
    let mut has_room = true;
    if len <= most {
        len = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Refusal::bad_request(format_args!("the body broke off: {error}"))
            })?;
            let Ok(mut data) = frame.into_data() else { continue };
            len += data.remaining();
            if len > most {
                break;
            }
            if len <= max && has_room {
                bytes.extend_from_slice(&data.copy_to_bytes(data.remaining()));
                // Room is made for more than has come.
                has_room = share.grow_to(bytes.capacity());
            }
            if len > max || !has_room {
                bytes = BytesMut::new();
                share.give_back();
            }
        }
    }
    if len > max {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format_args!("the body has more than {max} bytes; send less, or a reference to it"),
        ));
    }
    if !has_room {
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many large bodies are on their way to this server; try again later",
        ));
    }
    Ok(bytes.freeze())
}
