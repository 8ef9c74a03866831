//! Long-polling: the same cursor, one answer at a time.

use core::{future::poll_fn, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_core::Stream;
use http::{Response, StatusCode};
use serde::Serialize;
use sse_codec::{Decoder, Item, Limits};
use sse_server_core::Resume;
use tokio::time::{Instant, timeout_at};

use crate::{
    body::Body,
    respond::{self, Refusal},
    seen::Seen,
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

/// For no longer than this anybody waits, whatever they may.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// For how much longer one waits until it is known from where it reads.
const BEGINNING: Duration = Duration::from_secs(5);

/// Of no hub: whoever asks for what follows it is told that it is none.
const MALFORMED: &str = "malformed";

/// Waits until there is something to say, or until the time is over.
pub(crate) async fn answer(
    mut stream: Subscription,
    resume: Resume,
    mut seen: Seen,
    wait: Duration,
) -> Result<Response<Body>, Refusal> {
    let mut until = Instant::now() + wait.min(LONGEST);
    // What the hub let through is as large as it is.
    let limits = Limits::default().line(usize::MAX).event(usize::MAX).value(usize::MAX);
    let mut decoder = Decoder::with_limits(limits);
    if let Resume::After(cursor) = resume {
        decoder.set_last_event_id(&cursor.id());
    }
    let mut answer = Answer::default();
    // Whoever comes for the first time wants to know where it stands, not to wait.
    let mut waits = resume != Resume::Fresh;
    let mut may_wait_on = true;
    loop {
        let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
        match timeout_at(until, next).await {
            Ok(Some(Ok(chunk))) => answer.take(&mut decoder, &mut seen, &chunk)?,
            // A resume that began nowhere would begin again.
            Err(_) if may_wait_on && stream.place().is_none() => {
                may_wait_on = false;
                until += BEGINNING;
            }
            // The hub ended it, for its shutdown, or there was nothing in time.
            Ok(Some(Err(_)) | None) | Err(_) => waits = false,
        }
        if !answer.events.is_empty() || answer.reset.is_some() || !waits {
            break;
        }
    }
    // A word on presence has no place.
    let has_seen = answer.events.iter().any(|it| !it.id.is_empty()) || answer.reset.is_some();
    let id = match stream.place().filter(|_| !has_seen) {
        // Nothing of its topics lies before it but what a `reset` tells of. So however much there is to
        // look through, each poll goes on where the one before came to.
        Some(place) => {
            if let Some(reason) = place.reset {
                let reason = serde_json::json!({ "reason": reason.as_str() });
                answer.reset = serde_json::value::to_raw_value(&reason).ok();
                stream.reset_told();
            }
            place.cursor.to_string()
        }
        // Nothing that has a place was seen: whoever asked for something asks for it again, and is
        // told then why it cannot be had.
        None => match (decoder.last_event_id(), resume) {
            ("", Resume::Earliest) => "earliest".to_owned(),
            ("", Resume::Malformed) => MALFORMED.to_owned(),
            (id, _) => id.to_owned(),
        },
    };
    answer.last_event_id = seen.added_to(id);
    // Whether it arrives is not known; whoever it does not reach asks for the same again.
    stream.confirm();
    let json = serde_json::to_string(&answer).map_err(unreadable)?;
    Ok(respond::json(StatusCode::OK, &json))
}

fn unreadable(error: impl core::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format_args!("cannot answer: {error}"))
}

impl Answer {
    fn take(
        &mut self,
        decoder: &mut Decoder,
        seen: &mut Seen,
        chunk: &Bytes,
    ) -> Result<(), Refusal> {
        let mut input = &chunk[..];
        while let Some(item) = decoder.decode(&mut input).map_err(unreadable)? {
            let Item::Event(event) = item else { continue };
            match event.event_type {
                "connected" | "heartbeat" => {}
                "reset" => self.reset = serde_json::from_str(event.data).ok(),
                "presence" if seen.is_news(event.data) => self.push(&event, ""),
                "presence" => {}
                _ => self.push(&event, event.last_event_id),
            }
        }
        Ok(())
    }

    fn push(&mut self, event: &sse_codec::Event<'_>, id: &str) {
        self.events.push(Event {
            id: id.to_owned(),
            event: event.event_type.to_owned(),
            data: event.data.to_owned(),
        });
    }
}
