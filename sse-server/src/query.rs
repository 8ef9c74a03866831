//! What a request for an event stream asks.

use core::time::Duration;

use http::{Request, header::HeaderName};
use sse_server_core::{Resume, Selector, Topic};

use crate::{respond::Refusal, seen, ticket::Secret};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a request for events asks.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) selectors: Vec<Selector>,
    pub(crate) resume: Resume,
    /// What a long-poll was told of presence before.
    pub(crate) seen: String,
    /// How long a long-poll waits.
    pub(crate) wait: Option<Duration>,
    /// Shown in the place of everything else: it says who asks, and for what.
    pub(crate) ticket: Option<Secret>,
}

impl Asked {
    fn resume_by(&mut self, id: &str) {
        let (place, seen) = seen::split(id);
        self.resume = Resume::from_last_event_id(place);
        seen.clone_into(&mut self.seen);
    }
}

/// How many parameters a query may have: no subscription needs more.
const MAX_PAIRS: usize = 128;

/// Reads what is asked from the path's topic, the query and the headers.
///
/// What is not known is refused: a parameter passed over in silence would be a subscription to
/// something else than was meant.
pub(crate) fn asked<B>(request: &Request<B>, path_topic: Option<&str>) -> Result<Asked, Refusal> {
    let mut asked = Asked {
        selectors: Vec::new(),
        resume: Resume::Fresh,
        seen: String::new(),
        wait: None,
        ticket: None,
    };
    if let Some(topic) = path_topic {
        asked.selectors.push(selector(&decode(topic, false)?)?);
    }
    for (name, value) in pairs(request.uri().query().unwrap_or_default())? {
        match &*name {
            "topic" => asked.selectors.push(selector(&value)?),
            "lastEventId" => asked.resume_by(&value),
            "ticket" => asked.ticket = Some(Secret::read(&value)?),
            "timeout" => asked.wait = Some(seconds(&value)?),
            name => {
                return Err(Refusal::bad_request(format_args!(
                    "the query parameter {name:?} is not known; there are topic, lastEventId, ticket and timeout"
                )));
            }
        }
    }
    if asked.ticket.is_some() && !asked.selectors.is_empty() {
        return Err(Refusal::bad_request(
            "a ticket is for the topics it was asked for; leave them out, or ask for another",
        ));
    }
    // On its own reconnect a browser sends the header; the query is then that of the first time.
    if let Some(id) = request.headers().get(LAST_EVENT_ID) {
        match core::str::from_utf8(id.as_bytes()) {
            Ok(id) => asked.resume_by(id),
            Err(_) => asked.resume = Resume::Malformed,
        }
    }
    Ok(asked)
}

/// Reads a query.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PAIRS {
            return Err(Refusal::bad_request(format_args!(
                "the query has more than {MAX_PAIRS} parameters; ask for less, or use a pattern"
            )));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name, true)?, decode(value, true)?));
    }
    Ok(pairs)
}

/// Reads the topic to which a path publishes.
pub(crate) fn topic(path_topic: &str) -> Result<Topic, Refusal> {
    Topic::new(&decode(path_topic, false)?).map_err(Refusal::bad_request)
}

fn selector(name: &str) -> Result<Selector, Refusal> {
    Selector::new(name).map_err(Refusal::bad_request)
}

fn seconds(text: &str) -> Result<Duration, Refusal> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Refusal::bad_request(format_args!("timeout takes whole seconds, such as 25, not {text:?}"))
    })
}

/// Decodes percent-encoding; in a query, `+` is a space.
fn decode(text: &str, plus_is_space: bool) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || Some(char::from(rest.next()?).to_digit(16)? as u8);
                match (digit(), digit()) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => {
                        return Err(Refusal::bad_request(format_args!(
                            "{text:?} has a % without two hexadecimal digits; write %25 for a % itself"
                        )));
                    }
                }
            }
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| {
        Refusal::bad_request(format_args!("{text:?} is not UTF-8 once it is percent-decoded"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_read_as_it_is_written() {
        let cases = [
            ("a%2Eb", false, Some("a.b")),
            ("a+b", false, Some("a+b")),
            ("a+b", true, Some("a b")),
            ("%e4%BE%a1", true, Some("価")),
            ("%", false, None),
            ("%4", false, None),
            ("%+4", false, None),
            ("%gg", false, None),
            ("%ff", false, None),
        ];
        for (text, plus_is_space, expected) in cases {
            assert_eq!(decode(text, plus_is_space).ok().as_deref(), expected, "{text}");
        }
    }
}
