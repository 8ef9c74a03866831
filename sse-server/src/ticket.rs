//! `POST /ticket`: for a browser's EventSource, which can send no header to say who it is.

use core::fmt;
use std::time::Instant;

use serde::Deserialize;
use sse_server_core::{Selector, Ticket, TicketError, Topic};

use crate::{hub::Hub, identity::Identity, json::from_json, respond::Refusal};

/// What a ticket counts for in the rate at which its holder may publish: it is remembered for a
/// minute at least.
const COST: u32 = 20;

/// How many bytes the names in a ticket may have together, since very many may be out.
const MAX_NAMES: usize = 2048;

/// What is known by nobody but the holder of a ticket.
#[derive(Clone, Copy)]
pub(crate) struct Secret(pub(crate) [u8; 16]);

impl Secret {
    fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads what [`Display`](fmt::Display) wrote. Whatever else it may be is no ticket.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        let number = number.ok_or_else(|| Refusal::from(TicketError::Unknown))?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Not for logs.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    topic: Option<String>,
    topics: Option<Vec<String>>,
}

/// Gives out a ticket, and says it in JSON.
pub(crate) fn issue(hub: &Hub, identity: &Identity, body: &[u8]) -> Result<String, Refusal> {
    let Request { topic, topics } = from_json(body, r#"{"topics": ["a"]}"#)?;
    let names = topic.iter().chain(topics.iter().flatten());
    let selectors: Result<Vec<_>, _> = names.map(|name| Selector::new(name)).collect();
    let selectors = selectors.map_err(Refusal::bad_request)?;
    let bytes: usize = selectors.iter().map(|selector| selector.as_str().len()).sum();
    if bytes > MAX_NAMES {
        return Err(Refusal::bad_request(format_args!(
            "the topics of a ticket have {bytes} bytes together; {MAX_NAMES} is the most; \
             a pattern such as prices.* may say the same in fewer"
        )));
    }
    let (count, max) = (selectors.len(), hub.shared().max_topics());
    if count > max {
        return Err(Refusal::bad_request(format_args!(
            "the ticket names {count} topics; {max} is the most"
        )));
    }
    let mut life = hub.routes().ticket_life;
    if let Some(grant) = &identity.grant {
        grant.check_read(&selectors)?;
        let left = grant.ends().map(|at| at.saturating_duration_since(Instant::now()));
        life = life.min(left.unwrap_or(life));
    }
    let mut ticket = Ticket::new(selectors);
    if let Some(user) = &identity.user {
        Topic::user(user).map_err(Refusal::bad_request)?;
        ticket = ticket.for_user(user.clone());
    }
    if let Some(principal) = identity.principal() {
        hub.shared().charge_ticket(&principal, COST)?;
        ticket = ticket.asked_by(principal);
    }
    let secret = Secret::draw().map_err(|error| {
        let reason = format!("the system gives no random numbers: {error}");
        Refusal::new(http::StatusCode::INTERNAL_SERVER_ERROR, reason)
    })?;
    let wait = hub.shared().issue_ticket(secret.0, ticket, life)?;
    let answer = serde_json::json!({ "ticket": secret.to_string(), "useWithin": wait.as_secs() });
    Ok(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_written_and_not_shown_to_logs() {
        let secret = Secret([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        let text = secret.to_string();
        assert_eq!(text, "000102030405060708090a0b0c0d0eff");
        assert_eq!(Secret::read(&text).map(|read| read.0).ok(), Some(secret.0));
        assert_eq!(format!("{secret:?}"), "Secret");
        for text in ["", "0", "+00102030405060708090a0b0c0d0eff", &"f".repeat(33), &"g".repeat(32)]
        {
            assert!(Secret::read(text).is_err(), "{text}");
        }
    }
}
