//! Long-polling: the same cursor, one answer at a time.

use core::{future::poll_fn, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_core::Stream;
use http::{Response, StatusCode};
use serde::Serialize;
use sse_codec::{Decoder, Item};
use sse_server_core::Resume;
use tokio::time::{Instant, timeout_at};

use crate::{
    body::Body,
    respond::{self, Refusal},
    subscription::Subscription,
};

/// What a poll is answered.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    events: Vec<Event>,
    /// What to ask for next.
    last_event_id: String,
    /// Why events before these are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<Box<serde_json::value::RawValue>>,
}

#[derive(Debug, Serialize)]
struct Event {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    event: String,
    data: String,
}

/// Waits until there is something to say, or until the time is over.
pub(crate) async fn answer(
    mut stream: Subscription,
    resume: Resume,
    wait: Duration,
) -> Result<Response<Body>, Refusal> {
    let until = Instant::now() + wait;
    let mut decoder = Decoder::new();
    if let Resume::After(cursor) = resume {
        decoder.set_last_event_id(&cursor.id());
    }
    let mut answer = Answer::default();
    // Whoever comes for the first time wants to know where it stands, not to wait.
    let mut waits = resume != Resume::Fresh;
    loop {
        let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
        match timeout_at(until, next).await {
            Ok(Some(Ok(chunk))) => answer.take(&mut decoder, &chunk),
            // The hub ended it, for its shutdown, or there was nothing in time.
            Ok(Some(Err(_)) | None) | Err(_) => waits = false,
        }
        if !answer.events.is_empty() || answer.reset.is_some() || !waits {
            break;
        }
    }
    answer.last_event_id = match stream.place().filter(|_| answer.events.is_empty()) {
        // Nothing of its topics lies before it.
        Some(place) if answer.reset.is_none() => place.to_string(),
        Some(_) | None => match decoder.last_event_id() {
            // Nothing that has a place was seen: whoever asked for what is kept asks for it again.
            "" if resume != Resume::Fresh => "earliest".to_owned(),
            id => id.to_owned(),
        },
    };
    // Whether it arrives is not known; whoever it does not reach asks for the same again.
    stream.confirm();
    let json = serde_json::to_string(&answer).map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format_args!("cannot answer: {error}"))
    })?;
    Ok(respond::json(StatusCode::OK, &json))
}

impl Answer {
    fn take(&mut self, decoder: &mut Decoder, chunk: &Bytes) {
        let mut input = &chunk[..];
        while let Ok(Some(item)) = decoder.decode(&mut input) {
            let Item::Event(event) = item else { continue };
            match event.event_type {
                "connected" | "heartbeat" => {}
                "reset" => self.reset = serde_json::from_str(event.data).ok(),
                "presence" => self.push(&event, ""),
                _ => self.push(&event, event.last_event_id),
            }
        }
    }

    fn push(&mut self, event: &sse_codec::Event<'_>, id: &str) {
        self.events.push(Event {
            id: id.to_owned(),
            event: event.event_type.to_owned(),
            data: event.data.to_owned(),
        });
    }
}
