//! A session as a HAR file.

use core::ops::ControlFlow;
use std::io::{self, Write};

use base64::{engine::general_purpose::STANDARD, write::EncoderWriter};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    attempts::{Attempt, attempts},
    raw::Intact,
};
use crate::journal::{turn::Format, view::View};

/// Writes the session as a HAR file (version 1.2): an entry for each attempt, or for the one of this number. Bodies
/// are written as they are read, whatever their size. Returns how many entries there are.
///
/// # Errors
/// If the recording cannot be read, or `out` not be written.
pub fn har(view: &View, attempt: Option<u32>, out: &mut impl Write) -> io::Result<u64> {
    let creator = json!({ "name": "sse-monitor", "version": env!("CARGO_PKG_VERSION") });
    let masked = &view.kept().origin.redacted_texts;
    let masked: Vec<_> =
        masked.iter().map(|text| format!("{} × {}", text.count, text.what)).collect();
    let comment = match masked.is_empty() {
        true => String::new(),
        false => format!("\"comment\":{},", json!(format!("masked: {}", masked.join("; ")))),
    };
    write!(out, "{{\"log\":{{\"version\":\"1.2\",{comment}\"creator\":{creator},\"entries\":[")?;
    let mut entries = 0;
    attempts(view, |next| {
        if attempt.is_none_or(|attempt| attempt == next.number) {
            writeln!(out, "{}", if entries > 0 { "," } else { "" })?;
            entries += 1;
            entry(view, next, out)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    out.write_all(b"\n]}}\n")?;
    Ok(entries)
}

fn entry(view: &View, attempt: Attempt, out: &mut impl Write) -> io::Result<()> {
    let mut request = attempt.request.clone().unwrap_or_default();
    let is_known = attempt.request.is_some();
    // What was imported may be of several.
    if !is_known && view.kept().origin.imported_from.is_none() {
        request.url.clone_from(&view.kept().origin.url);
        request.method.clone_from(&view.kept().origin.method);
    }
    let response = attempt.response.clone().unwrap_or_default();
    let phases = attempt.phases.unwrap_or_default();
    let (body, wire) = (Intact::of(view, &attempt)?, attempt.body.wire);
    let optional = |micros: Option<u64>| micros.map_or(-1.0, milliseconds);
    let receive = attempt.body_ended_micros.saturating_sub(attempt.body_began_micros);
    let parts = [phases.dns_micros, phases.tcp_micros, phases.tls_micros, phases.head_micros];
    // What a damaged recording says may be any number.
    let time = parts.into_iter().flatten().fold(receive, u64::saturating_add);
    let with_tls = |tcp: u64| tcp.saturating_add(phases.tls_micros.unwrap_or(0));
    let query: Vec<_> = url::Url::parse(&request.url)
        .map(|url| url.query_pairs().map(|(k, v)| json!({"name": k, "value": v})).collect())
        .unwrap_or_default();
    let mut entry = json!({
        "startedDateTime": time_of(attempt.began_unix_micros),
        "time": milliseconds(time),
        "request": {
            "method": request.method, "url": request.url, "httpVersion": response.version,
            "cookies": [], "headers": headers(&request.headers), "queryString": query,
            "headersSize": -1, "bodySize": request.body_bytes,
        },
        "cache": {},
        "timings": {
            "blocked": -1, "dns": optional(phases.dns_micros),
            // The connection's time has that of TLS in it.
            "connect": optional(phases.tcp_micros.map(with_tls)),
            "ssl": optional(phases.tls_micros), "send": 0,
            "wait": optional(phases.head_micros.or(Some(0))), "receive": milliseconds(receive),
        },
        "_attempt": attempt.number,
    });
    if !is_known && !request.url.is_empty() {
        let method = if request.method.is_empty() { "" } else { "its method and " };
        entry["comment"] =
            format!("the request is not in the recording, but for {method}its URL").into();
    }
    let answer = json!({
        "status": response.status, "statusText": "", "httpVersion": response.version,
        "cookies": [], "headers": headers(&response.headers),
        "redirectURL": "", "headersSize": -1,
        "bodySize": if wire > 0 { json!(wire) } else { json!(-1) },
    });
    // A body whose type is not known, since it was imported, is still one of these.
    let mime = response.header("content-type").unwrap_or(match attempt.format(view) {
        Format::EventStream => "text/event-stream",
        Format::Ndjson => "application/x-ndjson",
    });
    let mut content = json!({ "size": body.bytes(), "mimeType": mime });
    let saved = body.bytes().checked_sub(wire).filter(|saved| *saved > 0 && wire > 0);
    if let Some(saved) = saved {
        content["compression"] = saved.into();
    }
    if !attempt.body.is_text() {
        content["encoding"] = "base64".into();
    }
    // The body is the last member of all that it stands in, so that it need never be held.
    let (entry, answer, content) = (open(&entry), open(&answer), open(&content));
    out.write_all(entry.as_bytes())?;
    // Of a body of which not all is written they would tell of another.
    if !view.kept().origin.untimed && body.bytes() == attempt.body.bytes {
        reads(view, &attempt, out)?;
    }
    write!(out, ",\"response\":{answer},\"content\":{content},\"text\":\"")?;
    if attempt.body.is_text() {
        text(view, &body, out)?;
    } else {
        base64(view, &body, out)?;
    }
    out.write_all(b"\"}}}")
}

/// What HAR has no place for, and an import takes: how many bytes each read brought, and how many microseconds after the
/// attempt's beginning.
fn reads(view: &View, attempt: &Attempt, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b",\"_sseReads\":[")?;
    let mut before = "";
    attempt.body.reads(view, |moment, bytes| {
        let micros = moment.elapsed_micros.saturating_sub(attempt.began_micros);
        write!(out, "{before}[{},{micros}]", bytes.len())?;
        before = ",";
        Ok(())
    })?;
    out.write_all(b"]")
}

/// An object that more is to be written into.
fn open(object: &Value) -> String {
    let mut text = object.to_string();
    text.pop();
    text
}

/// The body within a string of JSON.
fn text(view: &View, body: &Intact<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    body.read(view, |piece| {
        bytes.extend_from_slice(piece);
        let whole = match core::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(error) => error.valid_up_to(),
        };
        // A character may lie in two pieces.
        let text = core::str::from_utf8(&bytes[..whole]).unwrap_or_default();
        let quoted = serde_json::to_string(text)?;
        out.write_all(&quoted.as_bytes()[1..quoted.len() - 1])?;
        bytes.drain(..whole);
        Ok(())
    })
}

fn base64(view: &View, body: &Intact<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut encoder = EncoderWriter::new(out, &STANDARD);
    body.read(view, |piece| encoder.write_all(piece))?;
    encoder.finish().map(|_| ())
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    // What a browser listed beside them is in the URL, without its secrets.
    let headers = headers.iter().filter(|(name, _)| !name.starts_with(':'));
    headers.map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

#[expect(clippy::cast_precision_loss, reason = "HAR has times as numbers of milliseconds")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}

fn time_of(unix_micros: u64) -> String {
    let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or_default().to_string()
}
