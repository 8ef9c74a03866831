//! What a request for an event stream asks.

use http::{Request, header::HeaderName};
use sse_server_core::{Resume, Subscribe, Topic};

use crate::respond::Refusal;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Reads a subscription from the path's topic, the query and the headers.
///
/// What is not known is refused: a parameter passed over in silence would be a subscription to
/// something else than was meant.
pub(crate) fn subscription<B>(
    request: &Request<B>,
    path_topic: Option<&str>,
) -> Result<Subscribe, Refusal> {
    let mut topics = Vec::new();
    if let Some(topic) = path_topic {
        topics.push(topic_named(&decode(topic, false)?)?);
    }
    let mut resume = Resume::Fresh;
    let pairs = request.uri().query().unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value, true)?;
        match &*decode(name, true)? {
            "topic" => topics.push(topic_named(&value)?),
            "lastEventId" => resume = Resume::from_last_event_id(&value),
            name => {
                return Err(Refusal::bad_request(format_args!(
                    "the query parameter {name:?} is not known; there are topic and lastEventId"
                )));
            }
        }
    }
    // On its own reconnect a browser sends the header; the query is then that of the first time.
    if let Some(id) = request.headers().get(LAST_EVENT_ID) {
        let id = core::str::from_utf8(id.as_bytes());
        resume = id.map_or(Resume::Malformed, Resume::from_last_event_id);
    }
    Ok(Subscribe::new(topics).resume(resume))
}

fn topic_named(name: &str) -> Result<Topic, Refusal> {
    Topic::new(name).map_err(Refusal::bad_request)
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
