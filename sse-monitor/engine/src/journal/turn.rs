//! What a journal says in JSON: its head, the connection's turns, its end.

use serde::{Deserialize, Serialize};

use super::frame::MOST_PAYLOAD;
use crate::{
    packed::beginning,
    row::RowKind,
    state::{Fault, Totals},
};

/// What a response's body is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// `text/event-stream`.
    #[default]
    EventStream,
    /// A JSON value a line.
    Ndjson,
}

impl Format {
    /// What a body of this `Content-Type` is, if it is a stream.
    pub(crate) fn of_type(content_type: &str) -> Option<Self> {
        const LINES_OF_JSON: [&str; 5] = [
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
            "application/stream+json",
        ];
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if LINES_OF_JSON.iter().any(|name| essence.eq_ignore_ascii_case(name)) {
            return Some(Self::Ndjson);
        }
        essence.eq_ignore_ascii_case("text/event-stream").then_some(Self::EventStream)
    }
}

/// The first frame of each segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Head {
    pub(crate) origin: Origin,
    /// Counts from 1; the segments before may have been dropped.
    pub(crate) segment: u64,
    /// The number of its first row.
    pub(crate) first_row: u64,
    /// Where the body that goes on in it stands.
    pub(crate) checkpoint: Checkpoint,
}

/// What a session is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Origin {
    /// Where the stream is, without its secrets.
    pub url: String,
    /// How it is asked for; empty where that is not known.
    pub method: String,
    /// Where it was imported from, if it was.
    pub imported_from: Option<String>,
    /// When it began by the wall clock, in microseconds since 1970 (UTC).
    pub started_unix_micros: u64,
    /// Whether nobody knows when its rows came, since it was imported from what does not say so: the times that they
    /// have then are those of the import, or of the body that they came in.
    pub untimed: bool,
    /// The most bytes of a line and of an event; what passes them is told, not shown.
    pub most_line: u64,
    /// See `most_line`.
    pub most_event: u64,
    /// The most bytes of an event type or an event ID.
    pub most_value: u64,
    /// The last event ID that the first attempt began with.
    pub last_event_id: String,
    /// What was masked in it: request headers, keys of the query, the user in the URL.
    pub redacted: Vec<String>,
    /// What was masked in its bodies, where it was given away.
    pub redacted_texts: Vec<RedactedText>,
    /// The program that recorded it.
    pub recorded_by: String,
}

/// Texts that were masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RedactedText {
    /// Which, in words.
    pub what: String,
    /// How many there were.
    pub count: u64,
}

/// The state of a decoder between two rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Checkpoint {
    pub(crate) attempt: u32,
    /// How many attempts were counted before it, and how many that opened a stream: what was cleared is not. `None`:
    /// its program did not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connections: Option<u64>,
    pub(crate) format: Format,
    /// Bytes of the body before it.
    pub(crate) body_offset: u64,
    pub(crate) last_event_id: String,
    /// It begins within an event, whose rest tells nothing.
    pub(crate) mid_event: bool,
    /// Where in a line it begins.
    pub(crate) line: LinePlace,
}

/// Where in a line a body stands: what follows may look like a blank line, which ends an event, and be none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LinePlace {
    /// It is not told, or what stands before is damaged.
    #[default]
    Unknown,
    /// At its beginning.
    Start,
    /// At its beginning too, but that an LF is the rest of the end of the line before.
    AfterCr,
    /// After its first byte.
    Within,
}

impl LinePlace {
    /// After the latest byte of a body; `None`: none has come.
    pub(crate) const fn after(byte: Option<u8>) -> Self {
        match byte {
            None | Some(b'\n') => Self::Start,
            Some(b'\r') => Self::AfterCr,
            Some(_) => Self::Within,
        }
    }
}

/// The last frame of a segment that was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct End {
    /// The rows of this segment.
    pub(crate) rows: u64,
    /// Totals of the session so far.
    pub(crate) totals: Totals,
    pub(crate) last_event_id: String,
    /// How long the journal is before this frame; 0 where its program did not tell.
    pub(crate) journal_bytes: u64,
    /// How many types the events so far have; 0 where its program did not tell.
    pub(crate) types: u64,
    /// Another segment follows.
    pub(crate) goes_on: bool,
    /// Where in this file something is missing that was missing in what it was made of: the first few places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gaps: Vec<u64>,
    /// Why nothing more was recorded, though the session went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<String>,
}

/// How long an [`End`] is in JSON, filled up with spaces: so it is found from the journal's end.
pub(crate) const END_PAYLOAD: usize = 1024;

impl End {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec(self).unwrap_or_default();
        let mut shorter = self.clone();
        if json.len() > END_PAYLOAD {
            // An ID of such a length can be read from the last event.
            shorter.last_event_id = String::new();
            json = serde_json::to_vec(&shorter).unwrap_or_default();
        }
        if json.len() > END_PAYLOAD {
            shorter.stopped = Some("it could not be written".into());
            json = serde_json::to_vec(&shorter).unwrap_or_default();
        }
        json.resize(END_PAYLOAD, b' ');
        json
    }
}

/// One turn of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Turn {
    /// Which.
    #[serde(flatten)]
    pub kind: RowKind,
    /// What happened, in words.
    pub sentence: String,
    /// The last event ID that was sent, or would be sent next.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The request, of an attempt that begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestHead>,
    /// The response's head, of a connection that opened or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseHead>,
    /// How long each step of connecting took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// Of a connection that ended: within an event, whose end did not come, so that it is none.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub unfinished: bool,
}

impl Turn {
    pub(crate) fn new(kind: RowKind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
            id: String::new(),
            request: None,
            response: None,
            phases: None,
            unfinished: false,
        }
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// As a frame has it: no longer than one may be, whatever the server sent.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Strings and numbers: nothing in it can fail to be written.
        let json = serde_json::to_vec(self).unwrap_or_default();
        if json.len() <= MOST_PAYLOAD {
            return json;
        }
        let mut turn = self.clone();
        cut(&mut turn.sentence, MOST_TEXT);
        cut(&mut turn.id, MOST_TEXT);
        if let Some(request) = &mut turn.request {
            cut(&mut request.url, MOST_TEXT);
            cut_headers(&mut request.headers);
        }
        if let Some(response) = &mut turn.response {
            cut_headers(&mut response.headers);
        }
        serde_json::to_vec(&turn).unwrap_or_default()
    }

    /// What could not be read back, in words.
    pub(crate) fn unreadable() -> Self {
        let fault = Fault::Other;
        let kind = RowKind::Disconnected { fault, retry_in_ms: None };
        Self::new(kind, "a turn of the connection that this version cannot read")
    }
}

/// The most bytes of a text in a turn that is too long, and of all its headers. In JSON a byte takes up to six.
pub(crate) const MOST_TEXT: usize = 8 << 10;
const MOST_HEADERS: usize = 48 << 10;

/// As many headers as fit, each cut where it is too long.
pub(crate) fn cut_headers(headers: &mut Vec<(String, String)>) {
    let mut room = MOST_HEADERS;
    headers.retain_mut(|(name, value)| {
        cut(name, MOST_TEXT);
        cut(value, MOST_TEXT);
        let length = name.len() + value.len();
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
}

/// Cuts a text, and says so in it.
pub(crate) fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let length = text.len();
        text.truncate(beginning(text, most).len());
        text.push_str(&format!(" … ({length} bytes)"));
    }
}

/// A request as it was sent, but for its secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RequestHead {
    /// `GET`, mostly.
    pub method: String,
    /// With its secrets masked.
    pub url: String,
    /// In the order sent; the values of secret ones are masked.
    pub headers: Vec<(String, String)>,
    /// How many bytes its body has.
    pub body_bytes: u64,
}

/// A response before its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResponseHead {
    /// Such as 200.
    pub status: u16,
    /// Such as `HTTP/1.1`.
    pub version: String,
    /// In the order received; the values of secret ones are masked.
    pub headers: Vec<(String, String)>,
    /// What the body is read as.
    pub format: Format,
    /// The content coding that was undone, if there was one.
    pub decoded: Option<String>,
    /// The address that answered.
    pub remote: Option<String>,
}

impl ResponseHead {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// How long each step of connecting took, in microseconds; `None` for what was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Phases {
    /// Looking the name up.
    pub dns_micros: Option<u64>,
    /// Opening the connection, and a tunnel through a proxy where there is one.
    pub tcp_micros: Option<u64>,
    /// The TLS handshake.
    pub tls_micros: Option<u64>,
    /// From the request sent to the response's head.
    pub head_micros: Option<u64>,
}
