//! The scans against the obvious one, at every place around their widths.

use alloc::{string::String, vec, vec::Vec};

use super::*;

/// What all of the above must come to.
fn naive_line_end(bytes: &[u8]) -> (usize, bool) {
    let end = bytes.iter().position(|&byte| is_line_end(byte)).unwrap_or(bytes.len());
    (end, bytes[..end].is_ascii())
}

/// Plain text with one or two bytes that are not, at every place around the widths of the scans.
fn lines() -> impl Iterator<Item = Vec<u8>> {
    let lens = (0..70).chain([95, 96, 97, 127, 128, 129, 159, 600, 700]);
    lens.flat_map(|len| {
        let step = if len < 100 { 1 } else { 13 };
        (0..=len).step_by(step).flat_map(move |at| {
            [b'\n', b'\r', b'\t', 0x0B, 0x80, 0xFF, 14, 13].map(|byte| {
                let mut line = vec![b'a'; len];
                if let Some(place) = line.get_mut(at) {
                    *place = byte;
                }
                if let Some(place) = line.get_mut(at + 5) {
                    *place = b'\n';
                }
                line
            })
        })
    })
}

#[test]
fn every_way_to_scan_finds_the_same_line_end() {
    for line in lines() {
        let (end, ascii) = naive_line_end(&line);
        // What is known to be ASCII up to its end is so; what is not may be all the same.
        let agrees = |(found, known): (usize, bool)| found == end && known <= ascii;
        assert!(agrees(line_end(&line)), "{line:?}");
        assert!(agrees(swar::line_end(&line)), "portable: {line:?}");
        let (piece, ended) = long_line(&line);
        assert!(agrees((piece.len(), piece.is_known())) && ended == (end < line.len()));
        assert_eq!(line_end(&line).1, swar::line_end(&line).1, "{line:?}");
    }
}

#[test]
fn ignorable_lines_end_where_another_line_begins() {
    for blanks in [false, true] {
        for lead in 0..140 {
            let mut stream = Vec::new();
            while stream.len() < lead {
                stream.extend_from_slice(if blanks { b": ping\n\n" } else { b": ping\n" });
            }
            let end = stream.len();
            for rest in [&b""[..], b"data: x\n", b": unfinished", b": cr\r\n", b"\xFF\n"] {
                let mut stream = stream.clone();
                stream.extend_from_slice(rest);
                if !stream.starts_with(b":") {
                    continue;
                }
                let found = ignorable_lines(&stream, blanks, 1 << 20);
                assert_eq!(found, end, "{}", String::from_utf8_lossy(&stream));
                assert_eq!(ignorable_lines(&stream, blanks, 6), end);
                assert_eq!(ignorable_lines(&stream, blanks, 5), 0);
            }
        }
    }
}

#[test]
fn replacements_take_the_place_of_what_is_not_utf8() {
    for bytes in [
        &b"plain"[..],
        b"\xFF",
        b"\xC0\xAF\xF0\x9F\x99x\xE2\x82y",
        b"\xE4\xBA\xE4\xBA\x8B\xE4\xBA",
        "事🙂é".as_bytes(),
    ] {
        let mut text = Text::new(crate::memory::Growing::default());
        text.push(Piece::unknown(bytes), 100).unwrap();
        text.make_text(100).unwrap();
        assert_eq!(text.text(), String::from_utf8_lossy(bytes));
        assert_eq!(text.text().len(), lossy_len(bytes));
    }
}

#[test]
fn replacements_that_do_not_fit_leave_nothing() {
    let mut text = Text::new(crate::memory::Growing::default());
    text.push(Piece::unknown(b"a\xFF"), 2).unwrap();
    assert_eq!(text.make_text(3), Err(Full));
    assert_eq!(text.bytes(), b"");
}
