//! Lines of a body, with what is found in them masked.

use super::{
    Field,
    patterns::{Masked, Redaction},
};
use crate::journal::turn::Format;

/// A line that is longer, of no event, is masked whole.
const LONGEST: usize = 64 << 10;

const DATA: &[u8] = b"data:";

/// A byte order mark, which may stand before a body's first line.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The texts of a row in which something was masked.
pub(super) type Cuts = Vec<(Field, Masked)>;

/// Appends an event's bytes to `out`, all its lines whole: its data is looked at as one text. Says whether a path into
/// JSON is lost on it.
pub(super) fn event(
    raw: &[u8],
    format: Format,
    redaction: &Redaction,
    out: &mut Vec<u8>,
    cuts: &mut Cuts,
) -> bool {
    if format == Format::Ndjson {
        lines(raw, format, redaction, true, out, cuts);
        let mut texts = pieces(raw).map(|(line, _)| String::from_utf8_lossy(line));
        return texts.any(|text| !text.trim_ascii().is_empty() && redaction.is_lost_on(&text));
    }
    let values = pieces(raw).filter_map(|(line, _)| match split(line) {
        (b"data", value) => Some(String::from_utf8_lossy(value)),
        _ => None,
    });
    let data = values.collect::<Vec<_>>().join("\n");
    let masked = redaction.masked(&data, true);
    let mut is_written = false;
    for (line, whole) in pieces(raw) {
        match (&masked, split(line)) {
            (Some(masked), (b"data", _)) => {
                // All of it stands where its first line stood.
                if !core::mem::replace(&mut is_written, true) {
                    for line in masked.text.split('\n') {
                        out.extend_from_slice(b"data: ");
                        out.extend_from_slice(line.as_bytes());
                        out.push(b'\n');
                    }
                }
            }
            (None, (b"data", _)) => out.extend_from_slice(whole),
            _ => self::line(line, whole, redaction, out, cuts),
        }
    }
    cuts.extend(masked.map(|masked| (Field::Data, masked)));
    redaction.is_lost_on(&data)
}

/// Appends lines of which no complete event consists; the last may be without its end. Where `is_whole`,
/// each is a text of its own. Returns how many were masked whole.
pub(super) fn lines(
    raw: &[u8],
    format: Format,
    redaction: &Redaction,
    is_whole: bool,
    out: &mut Vec<u8>,
    cuts: &mut Cuts,
) -> u64 {
    let mut masked_lines = 0;
    for (line, whole) in pieces(raw) {
        let is_data = format == Format::Ndjson || split(line).0 == b"data";
        // What is only a part of a value cannot be looked at as one.
        let is_part = redaction.has_json() && is_data && !is_whole && !line.is_empty();
        if is_part || (line.len() > LONGEST && !is_whole) {
            let name = if format == Format::Ndjson { 0 } else { line.len() - split(line).1.len() };
            out.extend_from_slice(&line[..name.min(LONGEST)]);
            out.resize(out.len() + line.len() - name.min(LONGEST), b'*');
            out.extend_from_slice(&whole[line.len()..]);
            masked_lines += 1;
        } else if format == Format::Ndjson {
            match redaction.masked(&String::from_utf8_lossy(line), true) {
                Some(masked) => {
                    out.extend_from_slice(masked.text.as_bytes());
                    out.extend_from_slice(&whole[line.len()..]);
                    cuts.push((if is_whole { Field::Data } else { Field::Unread }, masked));
                }
                None => out.extend_from_slice(whole),
            }
        } else {
            self::line(line, whole, redaction, out, cuts);
        }
    }
    masked_lines
}

/// Appends one line, whose value is a text of its own.
fn line(line: &[u8], whole: &[u8], redaction: &Redaction, out: &mut Vec<u8>, cuts: &mut Cuts) {
    let (name, value) = split(line);
    let field = match name {
        b"" => Field::Comment,
        b"id" => Field::Id,
        b"event" => Field::EventType,
        _ => Field::Unread,
    };
    // A field that has no meaning may say something by its name.
    let text = String::from_utf8_lossy(if field == Field::Unread { line } else { value });
    match redaction.masked(&text, false) {
        Some(masked) => {
            if field != Field::Unread {
                out.extend_from_slice(&line[..line.len() - value.len()]);
            }
            out.extend_from_slice(masked.text.as_bytes());
            out.extend_from_slice(&whole[line.len()..]);
            cuts.push((field, masked));
        }
        None => out.extend_from_slice(whole),
    }
}

/// A field's name and its value, without the space between; a comment has no name.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.strip_prefix(MARK).unwrap_or(line);
    let colon = memchr::memchr(b':', line).unwrap_or(line.len());
    let value = line.get(colon + 1..).unwrap_or_default();
    (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
}

/// The lines, each without and with its end; the last may be unfinished.
fn pieces(mut raw: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    core::iter::from_fn(move || {
        if raw.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', raw).unwrap_or(raw.len());
        let width = if raw[end..].starts_with(b"\r\n") { 2 } else { usize::from(end < raw.len()) };
        let (whole, rest) = raw.split_at(end + width);
        raw = rest;
        Some((&whole[..end], whole))
    })
}

/// Appends bytes of an event that was too long, with all masked but what makes it one. Returns of how many
/// lines.
pub(super) fn mask(raw: &[u8], out: &mut Vec<u8>) -> u64 {
    let mut masked_lines = 0;
    for (line, whole) in pieces(raw) {
        masked_lines += u64::from(!line.is_empty());
        let name = if line.starts_with(DATA) { DATA.len() } else { 0 };
        out.extend_from_slice(&line[..name]);
        out.resize(out.len() + line.len() - name, b'*');
        out.extend_from_slice(&whole[line.len()..]);
    }
    masked_lines
}
