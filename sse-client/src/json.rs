//! The data of an event as JSON.

use alloc::string::{String, ToString};

use serde::Deserialize;
use thiserror::Error;

use crate::event::Event;

/// How much of the data an error shows.
const SHOWN: usize = 80;

/// A parser may quote a text of any length.
const LONGEST_REASON: usize = 200;

impl Event {
    /// The data read as JSON.
    ///
    /// ```
    /// use sse_client::Event;
    ///
    /// let event = Event::new("price", r#"{"eur": 1.08}"#, "7");
    /// let prices: std::collections::BTreeMap<String, f64> = event.json()?;
    /// assert_eq!(prices["eur"], 1.08);
    ///
    /// let error = Event::new("price", "[DONE]", "").json::<f64>().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the data of an event of type \"price\" without an id is not the expected JSON: \
    ///      invalid type: sequence, expected f64 at line 1 column 0; it is \"[DONE]\""
    /// );
    /// # Ok::<(), sse_client::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// [`JsonError`] shows the event's type, its id, and the beginning of its data.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        serde_json::from_str(self.data()).map_err(|reason| JsonError {
            event_type: self.event_type().into(),
            last_event_id: self.last_event_id().into(),
            data: cut(self.data()),
            is_cut: self.data().chars().nth(SHOWN).is_some(),
            reason: reason.to_string().chars().take(LONGEST_REASON).collect(),
        })
    }
}

/// The data of an event is not the JSON that was expected. The stream goes on.
///
/// Its `Display` shows the beginning of the data, and the reason may quote it, too: where that may be secret,
/// show the type and the id alone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the data of an event of type {event_type:?} {} is not the expected JSON: {reason}; it {} \
     {data:?}",
    WithId(last_event_id),
    if *is_cut { "begins" } else { "is" }
)]
#[non_exhaustive]
pub struct JsonError {
    /// The event's type.
    pub event_type: String,
    /// The last event ID at the event.
    pub last_event_id: String,
    /// The event's data, cut to 80 characters.
    pub data: String,
    /// Whether the data was longer than that.
    pub is_cut: bool,
    /// What the JSON parser says, and where in the data; cut to 200 characters.
    pub reason: String,
}

struct WithId<'a>(&'a str);

impl core::fmt::Display for WithId<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            "" => f.write_str("without an id"),
            id => write!(f, "with the id {id:?}"),
        }
    }
}

fn cut(data: &str) -> String {
    data.chars().take(SHOWN).collect()
}
