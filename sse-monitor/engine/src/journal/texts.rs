//! From a row's bytes to its texts.

use alloc::borrow::Cow;

use sse_codec::{Decoder, Item, Limits};

use super::{
    entry::{
        Entry, EntryKind, FLAG_BEGINNING_LOST, FLAG_EVENT_TOO_LONG, FLAG_NDJSON,
        FLAG_VALUE_TOO_LONG,
    },
    indexer::NDJSON_TYPE,
    reader::Unreadable,
};
use crate::times;

/// An event's texts, as its bytes say them.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) event_type: Cow<'a, str>,
    pub(crate) data: Cow<'a, str>,
}

/// What an event's bytes say.
pub(crate) fn texts<'a>(
    entry: &Entry,
    raw: &'a [u8],
    limits: Limits,
) -> Result<Texts<'a>, Unreadable> {
    if entry.has(FLAG_NDJSON) {
        let end = raw.len() - usize::from(matches!(raw.last(), Some(b'\n' | b'\r')));
        let line = raw[..end].strip_suffix(b"\r").unwrap_or(&raw[..end]);
        return Ok(Texts { event_type: NDJSON_TYPE.into(), data: String::from_utf8_lossy(line) });
    }
    if !entry.has(FLAG_EVENT_TOO_LONG | FLAG_BEGINNING_LOST | FLAG_VALUE_TOO_LONG)
        && let Some(texts) = plain(raw)
    {
        return Ok(texts);
    }
    let mut decoder = Decoder::with_limits(limits);
    let mut input = raw;
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(Item::Event(event))) => {
                return Ok(Texts {
                    event_type: event.event_type.to_owned().into(),
                    data: event.data.to_owned().into(),
                });
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                // Without its beginning an event may have no data left.
                let lost = entry.has(FLAG_BEGINNING_LOST);
                return if lost { Ok(Texts::default()) } else { Err(Unreadable) };
            }
        }
    }
}

/// Most events by far: one line of data, and lines of id and type.
fn plain(raw: &[u8]) -> Option<Texts<'_>> {
    let mut rest = raw.strip_suffix(b"\n")?;
    let (mut event_type, mut data) = (None, None);
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest)?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        if rest[end] == b'\r' {
            return None;
        }
        if let Some(value) = line.strip_prefix(b"data: ") {
            if data.replace(value).is_some() {
                return None;
            }
        } else if let Some(value) = line.strip_prefix(b"event: ") {
            event_type = Some(value).filter(|value| !value.is_empty());
        } else if !line.starts_with(b"id:") {
            return None;
        }
        rest = after;
    }
    let event_type = event_type.map(text);
    Some(Texts {
        event_type: event_type.unwrap_or(sse_codec::DEFAULT_EVENT_TYPE.into()),
        data: text(data?),
    })
}

/// As [`String::from_utf8_lossy`] has it, which looks at each byte; this looks at several where it can.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// A comment line's text.
pub(crate) fn comment(raw: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let text = raw.strip_prefix(b":").ok_or(Unreadable)?;
    Ok(String::from_utf8_lossy(
        text.strip_suffix(b"\n").or(text.strip_suffix(b"\r")).unwrap_or(text),
    ))
}

/// What is said of a reconnection time, which its entry alone tells.
pub(crate) fn sentence(entry: &Entry) -> Option<String> {
    (entry.kind == EntryKind::ReconnectionTime).then(|| times::reconnection_time(entry.data_length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_straight_from_its_bytes_is_what_a_decoder_reads() {
        const LINES: [&[u8]; 13] = [
            b"data: a",
            b"data:b",
            b"data: ",
            b"data",
            b"data:  c\xff",
            b"event: t",
            b"event: ",
            b"event:x",
            b"event: \xc3",
            b"id: 1",
            b"id:\0",
            b":c",
            b"data: d\r",
        ];
        let mut straight = 0;
        for combination in 0..LINES.len().pow(3) {
            let picks = [combination, combination / 13, combination / 169].map(|n| LINES[n % 13]);
            let raw = [&picks.join(&b'\n')[..], b"\n\n"].concat();
            let Some(texts) = plain(&raw) else { continue };
            straight += 1;
            let mut events = Vec::new();
            Decoder::new().visit(&raw, |item| {
                if let Ok(Item::Event(event)) = item {
                    events.push((event.event_type.to_owned(), event.data.to_owned()));
                }
            });
            let told = (texts.event_type.into_owned(), texts.data.into_owned());
            assert_eq!(events, [told], "{:?}", String::from_utf8_lossy(&raw));
        }
        assert!(straight > 200, "only {straight} were");
    }
}
