//! Sessions in forms that other programs know.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use sse_codec::{Decoder, Item};

use crate::{
    journal::{
        frame::{FrameHeader, FrameKind},
        turn::{Format, Phases, RequestHead, ResponseHead, Turn},
        view::{Part, View},
        walk::{Step, Walk},
    },
    row::RowKind,
};

/// The most bytes of a body that is put into one text, which is held in memory.
const MOST_BODY: usize = 256 << 20;

/// What an attempt said and was answered.
#[derive(Debug, Default)]
struct Attempt {
    number: u32,
    began_unix_micros: u64,
    request: Option<RequestHead>,
    response: Option<ResponseHead>,
    phases: Option<Phases>,
    body_began_micros: u64,
    body_ended_micros: u64,
    wire: u64,
    body: Vec<u8>,
}

/// Writes the bodies of the responses, byte for byte, without transfer and content coding: of one
/// attempt, or of all, one after the other. Returns how many bytes there were.
///
/// # Errors
/// If the recording cannot be read, or `out` not be written.
pub fn raw(view: &View, attempt: Option<u32>, out: &mut impl Write) -> io::Result<u64> {
    let mut bytes = 0;
    for part in view.parts() {
        let mut walk = Walk::new(&part.segment.journal);
        while let Some(step) = walk.step()? {
            let Some((header, payload)) = intact(view, part, &step) else { continue };
            if header.kind.is_body() && attempt.is_none_or(|attempt| attempt == header.attempt) {
                out.write_all(payload)?;
                bytes += payload.len() as u64;
            }
        }
    }
    Ok(bytes)
}

/// The curl command of an attempt's request. What was masked in it stands as `***`: to be filled in.
/// `None` if there was no such attempt.
///
/// # Errors
/// If the recording cannot be read.
pub fn curl(view: &View, attempt: u32) -> io::Result<Option<String>> {
    let mut found = None;
    attempts(
        view,
        |_| false,
        |candidate| {
            if candidate.number == attempt {
                found = candidate.request;
            }
            Ok(())
        },
    )?;
    Ok(found.map(|request| {
        let mut command = String::from("curl -N");
        if request.method != "GET" {
            command.push_str(&format!(" -X {}", quoted(&request.method)));
        }
        for (name, value) in &request.headers {
            command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
        }
        if request.body_bytes > 0 {
            command
                .push_str(&format!(" \\\n  -d @BODY # {} bytes, not recorded", request.body_bytes));
            return command.replacen("curl -N", &format!("curl -N {}", quoted(&request.url)), 1);
        }
        format!("{command} \\\n  {}", quoted(&request.url))
    }))
}

/// A test vector in the shape of `sse-codec/tests/vectors.json` from an attempt's body: the input, and
/// what a decoder must make of it. `None` if there was no such body, or it is no event stream.
///
/// # Errors
/// If the recording cannot be read.
pub fn fixture(view: &View, attempt: u32, name: &str) -> io::Result<Option<Value>> {
    let mut found = None;
    attempts(
        view,
        |number| number == attempt,
        |candidate| {
            let format = candidate.response.as_ref().map(|head| head.format).unwrap_or_default();
            if candidate.number == attempt && format == Format::EventStream {
                found = Some(candidate.body);
            }
            Ok(())
        },
    )?;
    Ok(found.filter(|body| !body.is_empty()).map(|body| vector(&body, name)))
}

fn vector(body: &[u8], name: &str) -> Value {
    let mut vector = json!({ "name": name });
    match core::str::from_utf8(body) {
        Ok(text) => vector["input"] = text.into(),
        Err(_) => {
            vector["hex"] =
                body.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        }
    }
    let mut decoder = Decoder::new();
    let mut input = body;
    let mut events = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(Item::Event(event))) => {
                let mut said = json!({ "data": event.data });
                if event.event_type != sse_codec::DEFAULT_EVENT_TYPE {
                    said["type"] = event.event_type.into();
                }
                if !event.last_event_id.is_empty() {
                    said["id"] = event.last_event_id.into();
                }
                events.push(said);
            }
            Ok(Some(Item::ReconnectionTime { duration, .. })) => {
                vector["retry"] = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).into();
            }
            Ok(None) => break,
            Ok(Some(_)) | Err(_) => {}
        }
    }
    vector["events"] = events.into();
    if !decoder.last_event_id().is_empty() {
        vector["last_id"] = decoder.last_event_id().into();
    }
    vector
}

/// Writes the session as a HAR file (version 1.2): an entry for each attempt that sent a request. An
/// attempt's body is held in memory while it is written: 256 MiB at most.
///
/// # Errors
/// If the recording cannot be read, or `out` not be written.
pub fn har(view: &View, out: &mut impl Write) -> io::Result<()> {
    let creator = json!({ "name": "sse-monitor", "version": env!("CARGO_PKG_VERSION") });
    let masked = &view.kept().origin.redacted_texts;
    let masked: Vec<_> =
        masked.iter().map(|text| format!("{} × {}", text.count, text.what)).collect();
    let comment = match masked.is_empty() {
        true => String::new(),
        false => format!("\"comment\":{},", json!(format!("masked: {}", masked.join("; ")))),
    };
    write!(out, "{{\"log\":{{\"version\":\"1.2\",{comment}\"creator\":{creator},\"entries\":[")?;
    let mut first = true;
    attempts(
        view,
        |_| true,
        |attempt| {
            if !core::mem::take(&mut first) {
                out.write_all(b",")?;
            }
            write!(out, "\n{}", entry(attempt))
        },
    )?;
    out.write_all(b"\n]}}\n")
}

fn entry(attempt: Attempt) -> Value {
    let Attempt { request, response, phases, body, wire, .. } = attempt;
    let request = request.unwrap_or_default();
    let response = response.unwrap_or_default();
    let phases = phases.unwrap_or_default();
    let milliseconds = |micros: Option<u64>| micros.map_or(-1.0, milliseconds);
    let receive = attempt.body_ended_micros.saturating_sub(attempt.body_began_micros);
    let parts = [phases.dns_micros, phases.tcp_micros, phases.tls_micros, phases.head_micros];
    let time = parts.into_iter().flatten().sum::<u64>() + receive;
    let query: Vec<_> = url::Url::parse(&request.url)
        .map(|url| url.query_pairs().map(|(k, v)| json!({"name": k, "value": v})).collect())
        .unwrap_or_default();
    // A body whose type is not known, since it was imported, is still one of these.
    let mime = response.header("content-type").unwrap_or(match response.format {
        Format::EventStream => "text/event-stream",
        Format::Ndjson => "application/x-ndjson",
    });
    let mime = mime.to_owned();
    let size = body.len();
    let mut content = json!({ "size": size, "mimeType": mime });
    if let Some(saved) = (size as u64).checked_sub(wire).filter(|saved| *saved > 0 && wire > 0) {
        content["compression"] = saved.into();
    }
    match String::from_utf8(body) {
        Ok(text) => content["text"] = text.into(),
        Err(error) => {
            content["text"] = STANDARD.encode(error.as_bytes()).into();
            content["encoding"] = "base64".into();
        }
    }
    json!({
        "startedDateTime": time_of(attempt.began_unix_micros),
        "time": self::milliseconds(time),
        "request": {
            "method": request.method, "url": request.url, "httpVersion": response.version,
            "cookies": [], "headers": headers(&request.headers), "queryString": query,
            "headersSize": -1, "bodySize": request.body_bytes,
        },
        "response": {
            "status": response.status, "statusText": "", "httpVersion": response.version,
            "cookies": [], "headers": headers(&response.headers), "content": content,
            "redirectURL": "", "headersSize": -1,
            "bodySize": if wire > 0 { json!(wire) } else { json!(-1) },
        },
        "cache": {},
        "timings": {
            "blocked": -1, "dns": milliseconds(phases.dns_micros),
            // The connection's time has that of TLS in it.
            "connect": milliseconds(phases.tcp_micros.map(|tcp| tcp + phases.tls_micros.unwrap_or(0))),
            "ssl": milliseconds(phases.tls_micros), "send": 0,
            "wait": milliseconds(phases.head_micros.or(Some(0))), "receive": self::milliseconds(receive),
        },
        "_attempt": attempt.number,
    })
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

#[expect(clippy::cast_precision_loss, reason = "HAR has times as numbers of milliseconds")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}

fn time_of(unix_micros: u64) -> String {
    let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or_default().to_string()
}

/// A frame; what is none is noted as damage of the session, which thereby tells that something is missing.
fn intact<'a>(view: &View, part: &Part, step: &'a Step<'_>) -> Option<(FrameHeader, &'a [u8])> {
    if let Step::Frame { header, payload, .. } = step {
        return Some((*header, payload));
    }
    let [file, ..] = part.segment.files();
    step.damage(&file).into_iter().for_each(|damage| view.kept().add_damage(damage));
    None
}

/// Shows `each` every attempt, in order; with its body where that is wanted.
fn attempts(
    view: &View,
    wants_body: impl Fn(u32) -> bool,
    mut each: impl FnMut(Attempt) -> io::Result<()>,
) -> io::Result<()> {
    let mut current: Option<Attempt> = None;
    for part in view.parts() {
        let mut walk = Walk::new(&part.segment.journal);
        while let Some(step) = walk.step()? {
            let Some((header, payload)) = intact(view, part, &step) else { continue };
            let micros = header.moment.elapsed_micros;
            if header.kind.is_body() {
                let attempt = current.get_or_insert_default();
                attempt.number = header.attempt;
                attempt.body_ended_micros = micros;
                attempt.wire += u64::from(header.wire);
                if wants_body(header.attempt) {
                    if attempt.body.len() + payload.len() > MOST_BODY {
                        return Err(io::Error::other(format!(
                            "attempt {} brought more than {MOST_BODY} bytes, which such a file is not for; \
                             its body can be exported as it is",
                            header.attempt
                        )));
                    }
                    attempt.body.extend_from_slice(payload);
                }
            } else if header.kind == FrameKind::Turn
                && let Ok(turn) = serde_json::from_slice::<Turn>(payload)
            {
                if turn.kind == RowKind::Connecting
                    && let Some(attempt) = current.take()
                {
                    each(attempt)?;
                }
                let attempt = current.get_or_insert_default();
                attempt.number = header.attempt;
                if turn.kind == RowKind::Connecting {
                    attempt.began_unix_micros = header.moment.unix_micros;
                }
                if let RowKind::Connected { .. } = turn.kind {
                    attempt.body_began_micros = micros;
                }
                // The turn that ends it ends its body.
                attempt.body_ended_micros = micros;
                attempt.request = turn.request.or(attempt.request.take());
                attempt.response = turn.response.or(attempt.response.take());
                attempt.phases = turn.phases.or(attempt.phases.take());
            }
        }
    }
    current.map_or(Ok(()), each)
}

/// As a shell takes it: between single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
