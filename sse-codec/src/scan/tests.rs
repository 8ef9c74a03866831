//! The scans against the obvious one, at every place around their widths.

use alloc::{string::String, vec, vec::Vec};

use super::{
    line_ends::{is_line_end, line_end},
    *,
};
use crate::memory::Growing;

/// What all of the above must come to.
fn naive_line_end(bytes: &[u8]) -> (usize, bool) {
    let end = bytes.iter().position(|&byte| is_line_end(byte)).unwrap_or(bytes.len());
    (end, bytes[..end].is_ascii())
}

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

#[test]
fn the_first_line_end_is_found_and_nothing_is_called_ascii_that_is_not() {
    for line in lines() {
        let (end, ascii) = naive_line_end(&line);
        let (found, known) = line_end(&line);
        // What is known to be ASCII is; what is not may be all the same.
        assert!(found == end && known <= ascii, "{line:?}");
    }
}

#[test]
fn line_ends_come_in_turn_with_the_bytes_before_them() {
    for line in lines() {
        let mut ends = LineEnds::new(Baseline, &line);
        let mut start = 0;
        for end in (0..line.len()).filter(|at| is_line_end(line[*at])).chain([line.len()]) {
            assert_eq!(ends.next(), end, "{line:?}");
            let piece = ends.piece_from(start).unwrap();
            assert_eq!(piece.bytes(), &line[start..end]);
            assert!(!piece.is_known() || line[start..end].is_ascii(), "{line:?}");
            assert!(!ends.is_plain_from(start) || !line[start..end].contains(&0), "{line:?}");
            start = end + 1;
        }
        assert_eq!(ends.next(), line.len());
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
}

#[test]
fn every_vector_marks_what_the_obvious_one_marks() {
    struct Check<'b>(&'b [u8; 64]);

    impl Job for Check<'_> {
        type Output = ();

        fn run<V: Vector>(self, vector: V) {
            check_marks(vector, self.0);
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
            with_widest(Check(&block));
        }
    }
}

#[test]
fn ignorable_lines_end_where_another_line_begins() {
    for blanks in [false, true] {
        for lead in (1..140).step_by(if cfg!(miri) { 11 } else { 1 }) {
            let mut stream = Vec::new();
            while stream.len() < lead {
                stream.extend_from_slice(if blanks { b": ping\n\n" } else { b": ping\n" });
            }
            let end = stream.len();
            for rest in [&b""[..], b"data: x\n", b": unfinished", b": cr\r\n", b"\xFF\n"] {
                let mut stream = stream.clone();
                stream.extend_from_slice(rest);
                let found = ignorable_lines(&stream, blanks);
                assert_eq!(found, end, "{}", String::from_utf8_lossy(&stream));
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
