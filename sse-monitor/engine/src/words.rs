//! The sentences about the connection, the same in every shell.

use core::{fmt, time::Duration};

use http::HeaderName;
use url::Url;

use sse_client::session::SessionError;

use crate::{connection::ACCEPTED, masked::shown_url, refusal, times::Time};

/// IDs are shown up to so many characters; theirs is a row's own field.
const ID_SHOWN: usize = 80;

pub(crate) fn connecting(url: &str, attempt: u32, id: &str, id_is_sent: bool) -> String {
    let again = if attempt > 1 {
        format!("connecting again (attempt {attempt})")
    } else {
        format!("connecting to {url}")
    };
    match (id, id_is_sent) {
        ("", _) => again,
        (id, true) => format!("{again}, after id {}", Id(id)),
        (id, false) => format!(
            "{again}; the last event ID, {}, has characters that no header can carry, so the server \
             will not know where to go on",
            Id(id),
        ),
    }
}

pub(crate) fn enough(events: u64) -> String {
    match events {
        1 => "the one event that was asked for has come".into(),
        events => format!("the {events} events that were asked for have come"),
    }
}

/// `kept_back` names the headers that do not go there.
pub(crate) fn redirected(status: u16, location: &Url, kept_back: &[HeaderName]) -> String {
    let mut sentence = format!("redirected ({status}) to {}", shown_url(location.as_str()));
    if !kept_back.is_empty() {
        let names: Vec<_> = kept_back.iter().map(HeaderName::as_str).collect();
        sentence.push_str(&format!(
            "; since that is another origin, these headers are not sent there: {}",
            names.join(", ")
        ));
    }
    sentence
}

pub(crate) fn connected(status: u16, version: &str) -> String {
    format!("connected ({version} {status})")
}

/// What a session's error says, and what the server itself says in the place of a guess, without the
/// `secrets` of the request, which it may repeat.
pub(crate) fn failure(error: &SessionError, secrets: &[String]) -> String {
    if let SessionError::ContentEncoding { place, found, .. } = error {
        return format!(
            "{place} compressed the stream ({found}), and that is not undone here: have the server send it as it \
             is, or compressed by one of {ACCEPTED}"
        );
    }
    let sentence = error.to_string();
    let mut body = error.body().to_owned();
    for secret in secrets {
        body = body.replace(secret.as_str(), "***");
    }
    let (SessionError::Status { retry_after, .. }, Some(said)) = (error, refusal::words(&body))
    else {
        return sentence;
    };
    let status = sentence.split_once(": ").map_or(sentence.as_str(), |(status, _)| status);
    match retry_after {
        Some(wait) => format!("{status}: “{said}”; it asks to wait {}", Time(*wait)),
        None => format!("{status}: “{said}”"),
    }
}

/// The same of a stream that ended within an event, or before its compression did.
pub(crate) fn cut(mut sentence: String, is_within_event: bool, coding: Option<&str>) -> String {
    if is_within_event {
        sentence.push_str("; an event was cut off by that, and is thrown away");
    }
    if let Some(coding) = coding {
        sentence.push_str("; its compression (");
        sentence.push_str(coding);
        sentence.push_str(") has no end, so something may be missing");
    }
    sentence
}

pub(crate) fn lost(reason: &str, was_open: bool, wait: Duration, id: &str) -> String {
    let what = if was_open { "connection lost" } else { "connection failed" };
    // A reason that asks something has ended its sentence.
    let then = if reason.ends_with('?') { " Trying" } else { "; trying" };
    let again = format!("{what}: {reason}{then} again in {}", Time(wait));
    if id.is_empty() { again } else { format!("{again}, after id {}", Id(id)) }
}

/// An ID, cut to what one reads.
struct Id<'a>(&'a str);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(ID_SHOWN) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_told_with_what_follows() {
        let two = Duration::from_secs(2);
        assert_eq!(
            lost("the server ended the stream", true, two, "7"),
            "connection lost: the server ended the stream; trying again in 2 s, after id 7"
        );
        assert_eq!(
            lost("is the server running?", false, two, ""),
            "connection failed: is the server running? Trying again in 2 s"
        );
    }

    #[test]
    fn a_long_id_is_cut() {
        let said = connecting("http://a/", 2, &"é".repeat(1_000), true);
        assert_eq!(said.chars().filter(|&c| c == 'é').count(), ID_SHOWN);
        assert!(said.ends_with('…'));
    }
}
