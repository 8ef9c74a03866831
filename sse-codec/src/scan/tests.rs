//! The scans against the obvious one, at every place around their widths.

use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};

use super::*;
use crate::memory::{Full, Growing};

/// Plain text with one or two bytes that are not, at every place around the widths of the scans.
fn lines() -> impl Iterator<Item = Vec<u8>> {
    let lens = (0..70).chain([95, 96, 97, 127, 128, 129, 159, 600, 700]);
    let lens = lens.step_by(if cfg!(miri) { 5 } else { 1 });
    lens.flat_map(|len| {
        let step = if len < 100 && !cfg!(miri) { 1 } else { 13 };
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

/// Where the line ends that begins at `start`, and where the next one begins: a CR alone is for others.
fn naive_line_end(bytes: &[u8], start: usize) -> (usize, usize) {
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let at = bytes[start..].iter().position(is_line_end).map_or(bytes.len(), |at| start + at);
    (at, at + line_end_width(&bytes[at..]))
}

/// What a scan with each vector must come to, as far as lines end in LF or CRLF.
fn check_line_ends<V: Vector>(vector: V, bytes: &[u8]) {
    for checked in [false, true] {
        let mut ends = LineEnds::new(vector, bytes, 0);
        let mut start = 0;
        loop {
            let end = ends.next(checked);
            assert_eq!((end.at, end.next), naive_line_end(bytes, start), "{bytes:?}");
            let line = &bytes[start..end.at];
            let piece = end.line;
            assert_eq!(piece.bytes(), line);
            // What is known to be text is; what is not may be all the same.
            assert!(!piece.is_known() || core::str::from_utf8(line).is_ok(), "{bytes:?}");
            assert!(piece.is_known() || !line.is_ascii(), "{bytes:?}");
            assert!(!end.plain || !line.contains(&0), "{bytes:?}");
            if end.next == end.at {
                break;
            }
            start = end.next;
        }
    }
}

/// With every vector that there is here.
fn check_all_line_ends(bytes: &[u8]) {
    struct Check;

    impl Job<'_> for Check {
        type Output = ();

        fn run<V: Vector>(self, vector: V, bytes: &[u8]) {
            check_line_ends(vector, bytes);
        }
    }

    check_line_ends(Baseline, bytes);
    check_line_ends(swar::Words, bytes);
    Widest::detect().run(Check, bytes);
}

#[test]
fn line_ends_come_in_turn_with_what_is_known_of_the_bytes_before_them() {
    for line in lines() {
        check_all_line_ends(&line);
    }
}

/// One byte of each kind that UTF-8 tells apart, and those beside them.
const KINDS: [u8; 24] = [
    b'a', 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
];

#[test]
fn what_is_utf8_is_told_as_core_tells_it() {
    let step = if cfg!(miri) { 1_009 } else { 7 };
    // Around the widths of the vectors, and with text before and after, or without.
    let places = [(0, 32), (0, 40), (28, 0), (29, 1), (30, 33), (31, 0), (62, 5)];
    for (first, (before, after)) in places.into_iter().enumerate() {
        let mut bytes = vec![b' '; before + 4 + after];
        for index in (first..KINDS.len().pow(4)).step_by(step) {
            let kinds = [0, 1, 2, 3].map(|place| index / KINDS.len().pow(place) % KINDS.len());
            let kinds = kinds.map(|kind| KINDS[kind]);
            bytes[before..before + 4].copy_from_slice(&kinds);
            assert_eq!(validate(&bytes), core::str::from_utf8(&bytes).ok(), "{before} {kinds:X?}");
        }
    }
}

#[test]
fn lines_that_are_not_ascii_end_where_they_do_and_are_known_only_if_they_are_text() {
    // Miri interprets, and other processors may be emulated.
    let step = match () {
        () if cfg!(miri) => 7_919,
        () if cfg!(target_arch = "x86_64") => 11,
        () => 101,
    };
    for index in (0..KINDS.len().pow(4)).step_by(step) {
        let kinds = [0, 1, 2, 3].map(|place| KINDS[index / KINDS.len().pow(place) % KINDS.len()]);
        for before in [0, 15, 29, 60] {
            let mut bytes = vec![b' '; before];
            bytes.extend_from_slice(&kinds);
            bytes.extend_from_slice("事🙂é\n".as_bytes());
            bytes.extend_from_slice(&kinds);
            bytes.extend_from_slice(b"\r\nplain\n");
            check_all_line_ends(&bytes);
        }
    }
}

/// What both ways to mark, and the widest there is here, must come to.
fn check_marks<V: Vector>(vector: V, block: &[u8; 64]) {
    let marks = |marked: fn(u8) -> bool| {
        block.iter().rev().fold(0_u64, |marks, byte| marks << 1 | u64::from(marked(*byte)))
    };
    let special = marks(|byte| !(14..0x80).contains(&byte));
    let colons = marks(|byte| byte == b':');
    assert_eq!(vector.block_marks(block), special);
    assert_eq!(vector.byte_marks(block, b':'), colons);
    let lane = block.first_chunk().expect("a block has lanes");
    assert_eq!(vector.lane_marks(lane), special as u32 & 0xFFFF);
    let half = block.first_chunk().expect("a block has halves");
    assert_eq!(vector.half_marks(half), special as u32);
}

#[test]
fn every_vector_marks_what_the_obvious_one_marks() {
    struct Check;

    impl Job<'_> for Check {
        type Output = ();

        fn run<V: Vector>(self, vector: V, block: &[u8]) {
            check_marks(vector, block.try_into().expect("it is a block"));
        }
    }

    // Miri looks at every load, and takes its time.
    let step = if cfg!(miri) { 13 } else { 1 };
    for byte in (0..=u8::MAX).step_by(step) {
        for place in (0..64).step_by(step) {
            let mut block: [u8; 64] = core::array::from_fn(|at| (at * 7) as u8 | 0x40);
            block[place] = byte;
            block[(place + 9) % 64] = b'\r';
            check_marks(Baseline, &block);
            check_marks(swar::Words, &block);
            Widest::detect().run(Check, &block);
        }
    }
}

#[test]
fn an_event_of_one_line_is_seen_only_where_there_is_one() {
    for len in 0..80 {
        for end in 0..=len + 2 {
            let mut stream = b"data: ".to_vec();
            stream.resize(stream.len() + len, b'x');
            stream.extend_from_slice(b"\n\ndata: \n\n");
            // A line end in the data, or one more at its end.
            stream.insert("data:".len() + end, b'\n');
            let first = naive_line_end(&stream, 0).0;
            let is_whole = stream[first..].starts_with(b"\n\n");
            let text = stream.get("data: ".len()..first).map(String::from_utf8_lossy);
            let expected = is_whole.then(|| text.unwrap_or_default().into_owned());
            let found = match data_start(Baseline, &stream) {
                DataStart::Event(event) => Some(event.data.to_owned()),
                DataStart::Open(_) | DataStart::Line | DataStart::Special | DataStart::Other => {
                    None
                }
            };
            assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(&stream));
            let short = tick(&stream).map(|event| event.data.to_owned());
            assert_eq!(short, expected.filter(|_| first + 2 <= TICK), "{len} {end}");
        }
    }
}

#[test]
fn ignorable_lines_end_where_another_line_begins() {
    struct Pass(usize, bool);

    impl Job<'_> for Pass {
        type Output = usize;

        fn run<V: Vector>(self, vector: V, bytes: &[u8]) -> usize {
            pass_ignorable(vector, bytes, self.0, self.1)
        }
    }

    for blanks in [false, true] {
        for lead in (1..140).step_by(if cfg!(miri) { 11 } else { 1 }) {
            let mut stream = b"no comment\n".to_vec();
            let start = stream.len();
            while stream.len() < start + lead {
                stream.extend_from_slice(if blanks { b": ping\n\n" } else { b": ping\n" });
            }
            let end = stream.len();
            for rest in [&b""[..], b"data: x\n", b": unfinished", b": cr\r\n", b"\xFF\n"] {
                let mut stream = stream.clone();
                stream.extend_from_slice(rest);
                for start in [start, end] {
                    let found = pass_ignorable(Baseline, &stream, start, blanks);
                    assert_eq!(found, end, "{}", String::from_utf8_lossy(&stream));
                    assert_eq!(Widest::detect().run(Pass(start, blanks), &stream), end);
                }
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
        let mut text = Text::new(Growing::default());
        text.push(Piece::unknown(bytes), 100).unwrap();
        text.make_text(100).unwrap();
        assert_eq!(text.text(), String::from_utf8_lossy(bytes));
        assert_eq!(text.text().len(), lossy_len(bytes));
    }
}

#[test]
fn replacements_that_do_not_fit_leave_nothing() {
    let mut text = Text::new(Growing::default());
    text.push(Piece::unknown(b"a\xFF"), 2).unwrap();
    assert_eq!(text.make_text(3), Err(Full));
    assert_eq!(text.bytes(), b"");
}
