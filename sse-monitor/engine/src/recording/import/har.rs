//! HAR files, as browsers and proxies write them.

use alloc::collections::BTreeSet;
use core::fmt;
use std::io::{self, BufReader, Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use url::Url;

use super::{Filling, ImportError, LeftOut, micros_of};
use crate::{
    journal::turn::{self, Format, Phases, RequestHead, ResponseHead, Turn},
    masked,
    row::RowKind,
};

/// The most bytes of a file, whose streams are held in memory until they are sorted by time.
const MOST_BYTES: u64 = 1 << 30;

/// What was masked is listed by its name: so many of up to so many bytes.
const MOST_LISTED: usize = 100;
const MOST_NAME: usize = 200;

/// Makes a session of the entries that are streams.
pub(super) fn fill(
    from: impl Read,
    now: u64,
    session: impl Fn(String, Vec<String>, u64, bool) -> Result<Filling, ImportError>,
) -> Result<Filling, ImportError> {
    let from = BufReader::new(Limited { from, left: MOST_BYTES });
    // An entry that is not as it should be is none of the others' business; what is no JSON ends the file.
    let har: Har = serde_json::from_reader(from)
        .map_err(|error| ImportError::Har { reason: error.to_string() })?;
    let Entries { streams: mut entries, left_out } = har.log.entries;
    // Those of which nobody knows when they were come last, so that the times of the others count from the first one's.
    entries.sort_by_key(|entry| (entry.unix_micros().is_none(), entry.unix_micros()));
    let Some(first) = entries.first() else {
        let reason = left_out.sentences.into_iter().next();
        return Err(reason.map_or(ImportError::NoStream, |reason| ImportError::Entry { reason }));
    };
    let url = shown_url(&first.request.url);
    let redacted: BTreeSet<_> = entries.iter().flat_map(redacted).collect();
    let redacted = redacted.into_iter().filter(|what| what.len() <= MOST_NAME).take(MOST_LISTED);
    let began = first.unix_micros().unwrap_or(now);
    // Of a whole body nobody knows when which part of it came.
    let is_timed = entries.iter().all(HarEntry::is_timed);
    let mut session = session(url, redacted.collect(), began, is_timed)?;
    session.left_out = left_out;
    for entry in entries {
        session.entry(entry)?;
    }
    Ok(session)
}

/// What is masked of an entry's request.
fn redacted(entry: &HarEntry) -> Vec<String> {
    let names = entry.request.headers.iter().map(|header| header.name.to_ascii_lowercase());
    let names: Vec<_> = names.collect();
    let Ok(url) = Url::parse(&entry.request.url) else { return Vec::new() };
    masked::redacted(&url, names.iter().map(String::as_str))
}

/// A file that is refused once it turns out too large.
struct Limited<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => Err(io::Error::other(format!("it is larger than {MOST_BYTES} bytes"))),
        }
    }
}

impl Filling {
    fn entry(&mut self, entry: HarEntry) -> Result<(), ImportError> {
        let format = entry.format().unwrap_or_default();
        let began = entry.unix_micros().unwrap_or(self.started + self.latest);
        let HarEntry { number, request, response, time, timings, reads, .. } = entry;
        let HarResponse { status, http_version, headers, content } = response;
        let url = shown_url(&request.url);
        let body = match content.into_bytes() {
            Ok(body) => body,
            Err(error) => {
                self.left_out.add(number, &url, format_args!("its body is not base64: {error}"));
                return Ok(());
            }
        };
        let moment = self.moment(began);
        let mut turn = Turn::new(RowKind::Connecting, format!("connecting to {url}"));
        let is_id = |header: &&HarHeader| header.name.eq_ignore_ascii_case("last-event-id");
        if let Some(header) = request.headers.iter().find(is_id) {
            turn.id = shortened(header.value.clone());
        }
        turn.request = Some(RequestHead {
            method: shortened(request.method),
            url,
            headers: shown(request.headers),
            body_bytes: 0,
        });
        self.writer.turn(&turn, moment);
        let kind = RowKind::Connected { status };
        let mut turn = Turn::new(kind, format!("connected ({status})"));
        turn.response = Some(ResponseHead {
            status,
            version: shortened(http_version),
            headers: shown(headers),
            format,
            ..ResponseHead::default()
        });
        turn.phases = timings.phases();
        let opened = began.saturating_add(timings.before_body());
        let moment = self.moment(opened);
        self.writer.turn(&turn, moment);
        self.writer.begin_body(format, moment);
        if total(&reads) == body.len() as u64 {
            let mut rest = &body[..];
            for (bytes, at) in reads {
                let (read, after) = rest.split_at(usize::try_from(bytes).unwrap_or(0));
                self.write(read, began.saturating_add(at.min(MOST_MICROS)))?;
                rest = after;
            }
        } else {
            self.copy(&body[..], opened)?;
        }
        let time =
            micros(time).or_else(|| micros(timings.receive).map(|last| opened - began + last));
        self.end(began.saturating_add(time.unwrap_or(0)), time.is_some())
    }
}

/// Longer times are none.
const MOST_MICROS: u64 = 1 << 50;

/// `None`: not told. HAR says so by -1.
fn micros(milliseconds: Option<f64>) -> Option<u64> {
    let micros = milliseconds.filter(|time| *time > 0.0)? * 1e3;
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "it is not below 0, and no larger than can be"
    )]
    Some((micros.round() as u64).min(MOST_MICROS))
}

fn shown(headers: Vec<HarHeader>) -> Vec<(String, String)> {
    let shown = |header: HarHeader| {
        let name = header.name.to_ascii_lowercase();
        let value = masked::shown_header(&name, &header.value);
        (name, value)
    };
    // HTTP/2's own names, such as `:path`, say again what the URL says, its secrets too.
    let headers = headers.into_iter().filter(|header| !header.name.starts_with(':'));
    let mut shown = headers.map(shown).collect();
    turn::cut_headers(&mut shown);
    shown
}

/// As long as a turn keeps it at most, which is told beside many others.
fn shown_url(url: &str) -> String {
    shortened(masked::shown_url(url))
}

fn shortened(mut text: String) -> String {
    turn::cut(&mut text, turn::MOST_TEXT);
    text
}

#[derive(Debug, Deserialize)]
struct Har {
    log: HarLog,
}

#[derive(Debug, Deserialize)]
struct HarLog {
    #[serde(deserialize_with = "entries")]
    entries: Entries,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarEntry {
    /// Which of the file's it is, from 1.
    #[serde(skip)]
    number: u64,
    /// Text, where it is as it should be; what brought events is kept whenever it was.
    #[serde(default)]
    started_date_time: Value,
    request: HarRequest,
    response: HarResponse,
    time: Option<f64>,
    #[serde(default)]
    timings: HarTimings,
    /// What an export of ours tells besides: of each read how many bytes it brought, and how many microseconds after
    /// the beginning.
    #[serde(default, rename = "_sseReads")]
    reads: Vec<(u64, u64)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HarTimings {
    blocked: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    ssl: Option<f64>,
    send: Option<f64>,
    wait: Option<f64>,
    receive: Option<f64>,
}

impl HarTimings {
    /// From the beginning to the response's head.
    fn before_body(&self) -> u64 {
        // The connection's time has that of TLS in it.
        let parts = [self.blocked, self.dns, self.connect, self.send, self.wait];
        parts.into_iter().filter_map(micros).fold(0, u64::saturating_add)
    }

    fn phases(&self) -> Option<Phases> {
        let tls_micros = micros(self.ssl);
        let tcp = |all: u64| all.saturating_sub(tls_micros.unwrap_or(0));
        let phases = Phases {
            dns_micros: micros(self.dns),
            tcp_micros: micros(self.connect).map(tcp),
            tls_micros,
            head_micros: micros(self.wait),
        };
        (phases != Phases::default()).then_some(phases)
    }
}

#[derive(Debug, Deserialize)]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarResponse {
    status: u16,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
    content: HarContent,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarContent {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
    encoding: Option<String>,
}

#[derive(Debug, Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

/// The entries that are streams, in the order in which they stand.
#[derive(Debug, Default)]
struct Entries {
    streams: Vec<HarEntry>,
    left_out: LeftOut,
}

impl Entries {
    fn add(&mut self, number: u64, entry: &RawValue) {
        match serde_json::from_str::<HarEntry>(entry.get()) {
            Ok(mut entry) => {
                entry.number = number;
                if entry.format().is_some() {
                    self.streams.push(entry);
                }
            }
            Err(_) => {
                let entry = serde_json::from_str(entry.get());
                let why = entry.as_ref().map_or_else(|error| Some(unreadable(error)), fault);
                if let Some(why) = why {
                    let entry = entry.unwrap_or(Value::Null);
                    let url = entry["request"]["url"].as_str().map(shown_url).unwrap_or_default();
                    self.left_out.add(number, &url, format_args!("{why}"));
                }
            }
        }
    }
}

/// What is wrong with an entry, in words that show nothing of it; `None`: it is known to be no stream, or its body was
/// not saved.
fn fault(entry: &Value) -> Option<&'static str> {
    let [request, response] = [&entry["request"], &entry["response"]];
    let content = &response["content"];
    let name = &content["mimeType"];
    let is_stream = name.as_str().map_or(!name.is_null(), |name| Format::of_type(name).is_some());
    let is_saved = !content["text"].is_null() && content["text"] != "";
    if content.is_object() && !(is_stream && is_saved) {
        return None;
    }
    Some(if !entry.is_object() {
        "it is no JSON object"
    } else if !request.is_object() {
        "it has no request"
    } else if !(request["method"].is_string() && request["url"].is_string()) {
        "its request has no method or no URL"
    } else if !response.is_object() {
        "it has no response"
    } else if response["status"].as_u64().is_none_or(|status| status > u16::MAX.into()) {
        "its response has no status"
    } else if !content.is_object() {
        "its response has no content"
    } else {
        "something in it is of another type than in a HAR file"
    })
}

/// The same of one that is JSON, and cannot be read all the same.
fn unreadable(error: &serde_json::Error) -> &'static str {
    // Of the error only its words tell.
    if error.to_string().starts_with("recursion limit exceeded") {
        "it is nested too deep"
    } else {
        "it has a text or a number that cannot be read"
    }
}

/// What the others brought is let go of at once.
fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Entries, D::Error> {
    struct Streams;

    impl<'de> Visitor<'de> for Streams {
        type Value = Entries;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Entries, A::Error> {
            let mut entries = Entries::default();
            let mut number = 0;
            while let Some(entry) = all.next_element::<Box<RawValue>>()? {
                number += 1;
                entries.add(number, &entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_seq(Streams)
}

impl HarContent {
    fn into_bytes(self) -> Result<Vec<u8>, base64::DecodeError> {
        let text = self.text.unwrap_or_default();
        match self.encoding.as_deref() {
            Some("base64") => STANDARD.decode(text.trim()),
            _ => Ok(text.into_bytes()),
        }
    }

    /// How long the body is, which is decoded for that.
    fn length(&self) -> Option<usize> {
        let text = self.text.as_deref().unwrap_or_default();
        match self.encoding.as_deref() {
            Some("base64") => STANDARD.decode(text.trim()).ok().map(|body| body.len()),
            _ => Some(text.len()),
        }
    }
}

fn total(reads: &[(u64, u64)]) -> u64 {
    reads.iter().fold(0, |all, (bytes, _)| all.saturating_add(*bytes))
}

impl HarEntry {
    /// Whether it tells when which part of its body came: of a body that was changed since it does not.
    fn is_timed(&self) -> bool {
        let length = self.response.content.length();
        let is_known = !self.reads.is_empty() && self.unix_micros().is_some();
        is_known && length.is_none_or(|length| total(&self.reads) == length as u64)
    }

    /// What its body is read as, if it is a stream whose body was saved.
    fn format(&self) -> Option<Format> {
        let content = &self.response.content;
        content.text.as_ref().filter(|text| !text.is_empty())?;
        Format::of_type(&content.mime_type)
    }

    fn unix_micros(&self) -> Option<u64> {
        micros_of(self.started_date_time.as_str()?)
    }
}
