//! Undoes gzip as the bytes come: a piece at a time, counted, and each event as soon as its bytes are there.
//!
//! Not the HTTP client, which can do it too: it does not count, and nobody is told who counts what.

use alloc::{format, string::String};
use core::mem::{self, MaybeUninit};
use std::io;

use bytes::{Buf as _, Bytes};
use compression_codecs::{
    DecodeV2 as _, GzipDecoder,
    core::util::{PartialBuffer, WriteBuffer},
};
use http::{HeaderMap, header::CONTENT_ENCODING};
use sse_codec::time::Instant;

use super::expansion::{Allowance, Expansion};
use crate::session::{Failure, FailureKind};

/// How much is decoded at a time, and so by how much a bomb can exceed what is allowed.
const PIECE: usize = 16 << 10;

/// A compressed body under way.
pub(super) struct Inflate {
    codec: GzipDecoder,
    allowance: Allowance,
    /// What came and is not decoded yet.
    input: Bytes,
    /// A gzip member has begun and has not ended. Another may follow it.
    is_within: bool,
    /// The decoder had more to say than a piece takes.
    is_full: bool,
    /// Why it ends, once all before that was given out.
    broken: Option<io::Error>,
    /// Who sent it, for a sentence.
    place: String,
}

impl Inflate {
    /// Whether `headers` are those of a body that can be decoded here.
    pub(super) fn knows(headers: &HeaderMap) -> bool {
        let values = headers.get_all(CONTENT_ENCODING).iter();
        let mut codings = values
            .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
        let is_gzip = |coding: &[u8]| {
            coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
        };
        codings.next().is_some_and(is_gzip) && codings.next().is_none()
    }

    pub(super) fn new(limits: Option<Expansion>, place: String, now: Instant) -> Self {
        Self {
            codec: GzipDecoder::new(),
            allowance: Allowance::new(limits, now),
            input: Bytes::new(),
            is_within: false,
            is_full: false,
            broken: None,
            place,
        }
    }

    /// Takes what came, once all that came before [is decoded](Self::next).
    pub(super) fn receive(&mut self, chunk: Bytes, now: Instant) {
        self.allowance.regrow(now);
        self.input = chunk;
    }

    /// The next piece of what has come; `None`: that was all.
    pub(super) fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        if let Some(error) = self.broken.take() {
            return Some(Err(self.corrupt(&error)));
        }
        if self.input.is_empty() && !self.is_full {
            return None;
        }
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = WriteBuffer::new_uninitialized(&mut piece);
        let input = mem::take(&mut self.input);
        let mut coded = PartialBuffer::new(&input[..]);
        self.broken = self.decode(&mut coded, &mut piece).err();
        let (used, decoded) = (coded.written_len(), piece.written_len());
        self.is_full = piece.has_no_spare_space();
        if self.broken.is_none() && used < input.len() {
            self.input = input;
            self.input.advance(used);
        }
        if let Err(excess) = self.allowance.spend(used, decoded) {
            (self.input, self.is_full, self.broken) = (Bytes::new(), false, None);
            return Some(Err(Failure::new(
                FailureKind::Expansion,
                format!(
                    "the compressed stream from {} expands without measure: {excess}; if it is to be so, \
                     allow more (`Builder::expansion`), or ask for it as it is (\"Accept-Encoding: identity\")",
                    self.place
                ),
            )));
        }
        match (decoded, self.broken.take()) {
            (0, Some(error)) => Some(Err(self.corrupt(&error))),
            (_, broken) => {
                self.broken = broken;
                Some(Ok(Bytes::copy_from_slice(piece.written())))
            }
        }
    }

    /// Decodes until there is no more input or no more room.
    fn decode(
        &mut self,
        coded: &mut PartialBuffer<&[u8]>,
        piece: &mut WriteBuffer<'_>,
    ) -> io::Result<()> {
        while !coded.unwritten().is_empty() && !piece.has_no_spare_space() {
            if !self.is_within {
                self.codec.reinit()?;
                self.is_within = true;
            }
            self.is_within = !self.codec.decode(coded, piece)?;
        }
        if self.is_within && !piece.has_no_spare_space() {
            // What the server has flushed must come out now, not with the next event.
            self.codec.flush(piece)?;
        }
        Ok(())
    }

    /// What it means that the body ends here.
    pub(super) fn end(&self) -> Result<(), Failure> {
        match self.is_within {
            false => Ok(()),
            true => Err(Failure::new(
                FailureKind::Interrupted,
                format!("the compressed stream from {} broke off in the middle", self.place),
            )),
        }
    }

    fn corrupt(&self, error: &io::Error) -> Failure {
        let message = format!(
            "{} says that its stream is compressed (gzip), and it cannot be decoded: {error}",
            self.place
        );
        Failure::new(FailureKind::Interrupted, message)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::time::Duration;

    use compression_codecs::{EncodeV2 as _, GzipEncoder, core::Level};
    use http::HeaderValue;

    use super::*;

    const MIB: usize = 1 << 20;

    fn inflate() -> Inflate {
        Inflate::new(Some(Expansion::default()), "example.org:443".into(), Instant::ORIGIN)
    }

    /// One member, flushed after each of `parts`; then its end.
    fn gzip(parts: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut encoder = GzipEncoder::new(Level::Best.into());
        let mut room = alloc::vec![0; 1 << 16];
        let mut flushed = Vec::new();
        for part in parts {
            let mut coded = Vec::new();
            let mut part = PartialBuffer::new(*part);
            loop {
                let mut out = WriteBuffer::new_initialized(&mut room);
                let is_done = part.unwritten().is_empty() && encoder.flush(&mut out).unwrap();
                if !is_done && !part.unwritten().is_empty() {
                    encoder.encode(&mut part, &mut out).unwrap();
                }
                coded.extend_from_slice(out.written());
                if is_done {
                    break;
                }
            }
            flushed.push(coded);
        }
        let mut out = WriteBuffer::new_initialized(&mut room);
        assert!(encoder.finish(&mut out).unwrap());
        (flushed, out.written().to_vec())
    }

    /// The same as one body.
    fn whole(text: &[u8]) -> Vec<u8> {
        let (flushed, end) = gzip(&[text]);
        [flushed.concat(), end].concat()
    }

    /// All that is decoded of `chunk`, and why it went no further.
    fn take(inflate: &mut Inflate, chunk: &[u8], now: Instant) -> (Vec<u8>, Option<Failure>) {
        inflate.receive(Bytes::copy_from_slice(chunk), now);
        let mut text = Vec::new();
        loop {
            match inflate.next() {
                None => return (text, None),
                Some(Ok(piece)) => {
                    assert!(piece.len() <= PIECE);
                    text.extend_from_slice(&piece);
                }
                Some(Err(failure)) => {
                    assert!(inflate.next().is_none(), "it goes on");
                    return (text, Some(failure));
                }
            }
        }
    }

    #[track_caller]
    fn taken(inflate: &mut Inflate, chunk: &[u8]) -> Vec<u8> {
        let (text, failure) = take(inflate, chunk, Instant::ORIGIN);
        assert_eq!(failure, None);
        text
    }

    /// So many, in no order.
    fn letters(count: u32) -> String {
        let letter = |n: u32| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 26);
        (1..=count).map(letter).collect()
    }

    /// A MiB of zeros that begins and ends on a byte, so that it can be said again and again.
    fn zeros() -> (Vec<u8>, Vec<u8>) {
        let zeros = alloc::vec![0; MIB];
        let (flushed, _) = gzip(&[b"", &zeros, &zeros]);
        let [head, _, zeros] = flushed.try_into().unwrap();
        (head, zeros)
    }

    #[test]
    fn each_flushed_event_comes_out_at_once_however_its_bytes_are_cut() {
        let events: Vec<_> = (0..50).map(|n| format!("data: {n} and some more\n\n")).collect();
        let parts: Vec<_> = events.iter().map(String::as_bytes).collect();
        let (flushed, end) = gzip(&parts);
        for size in [1, 2, 7, 1000] {
            let mut inflate = inflate();
            for (coded, event) in flushed.iter().zip(&events) {
                let text: Vec<_> =
                    coded.chunks(size).flat_map(|chunk| taken(&mut inflate, chunk)).collect();
                assert_eq!(text, event.as_bytes(), "in pieces of {size}");
                assert!(inflate.input.is_empty());
            }
            inflate.end().unwrap_err();
            end.chunks(size).for_each(|chunk| assert!(taken(&mut inflate, chunk).is_empty()));
            inflate.end().unwrap();
        }
    }

    #[test]
    fn members_follow_each_other() {
        let text: Vec<_> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let members = [whole(&text), whole(b""), whole(b"data: 2\n\n")].concat();
        let expected = [&text, &b"data: 2\n\n"[..]].concat();
        assert_eq!(taken(&mut inflate(), &members), expected);
        let mut cut = inflate();
        let seen: Vec<_> = members.chunks(1).flat_map(|byte| taken(&mut cut, byte)).collect();
        assert!(seen == expected);
        cut.end().unwrap();
    }

    #[test]
    fn a_body_may_end_only_with_a_member() {
        inflate().end().unwrap();
        let member = whole(b"data: 1\n\n");
        for length in 1..member.len() {
            let mut inflate = inflate();
            taken(&mut inflate, &member[..length]);
            let failure = inflate.end().unwrap_err();
            assert_eq!(failure.kind, FailureKind::Interrupted);
            let expected = "the compressed stream from example.org:443 broke off in the middle";
            assert_eq!(failure.message, expected);
        }
    }

    #[test]
    fn what_is_no_gzip_is_told_after_what_came_before() {
        let mut wrong_sum = whole(b"data: 1\n\n");
        let sum = wrong_sum.len() - 8;
        wrong_sum[sum] ^= 1;
        let and_text = [&whole(b"data: 1\n\n")[..], b"data: 2\n\n"].concat();
        for (chunk, before) in
            [(&b"data: 1\n\n"[..], ""), (&wrong_sum, "data: 1\n\n"), (&and_text, "data: 1\n\n")]
        {
            let (text, failure) = take(&mut inflate(), chunk, Instant::ORIGIN);
            assert_eq!(text, before.as_bytes());
            let failure = failure.unwrap();
            assert_eq!(failure.kind, FailureKind::Interrupted);
            let expected =
                "example.org:443 says that its stream is compressed (gzip), and it cannot";
            assert!(failure.message.starts_with(expected), "{failure}");
        }
    }

    #[test]
    fn a_bomb_is_cut_after_what_is_allowed_and_a_piece() {
        let (head, zeros) = zeros();
        let mut inflate = inflate();
        taken(&mut inflate, &head);
        let (mut wire, mut seen) = (head.len(), 0);
        // A GiB of them. The clock stands still: a bomb goes off at once.
        let failure = (0..1024).find_map(|_| {
            let (text, failure) = take(&mut inflate, &zeros, Instant::ORIGIN);
            wire += zeros.len();
            seen += text.len();
            failure
        });
        let failure = failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Expansion);
        assert!(failure.message.contains("expands without measure"), "{failure}");
        assert!(failure.message.contains("`Builder::expansion`"), "{failure}");
        // What went beyond that is the one piece that was not given out.
        assert!(seen <= 250 * wire + 16 * MIB, "{seen} bytes of {wire}");
        assert!((16 * MIB..22 * MIB).contains(&seen), "{seen} bytes");
    }

    #[test]
    fn a_bomb_after_a_good_hour_is_cut_as_soon() {
        let (head, zeros) = zeros();
        let mut inflate = inflate();
        taken(&mut inflate, &whole(letters(MIB as u32).as_bytes()));
        taken(&mut inflate, &head);
        let mut seen = 0;
        let failure = (0..1024).find_map(|_| {
            let (text, failure) = take(&mut inflate, &zeros, Instant::ORIGIN);
            seen += text.len();
            failure
        });
        assert_eq!(failure.unwrap().kind, FailureKind::Expansion);
        assert!(seen < 22 * MIB, "{seen}");
    }

    #[test]
    fn equal_events_each_flushed_are_never_a_bomb() {
        for (length, repeats) in [(92, 100_000), (1000, 1000), (20_000, 1000)] {
            let event = format!("data: {}\n\n", letters(length));
            let event = event.as_bytes();
            // From the second on each is said in the same bytes.
            let (flushed, _) = gzip(&[event, event, event]);
            let mut inflate = inflate();
            assert!(taken(&mut inflate, &flushed[0]) == event);
            for _ in 1..repeats {
                assert!(taken(&mut inflate, &flushed[2]) == event);
            }
        }
    }

    #[test]
    fn monotonous_events_are_none_at_the_pace_of_a_stream() {
        let event = format!("data: {}\n\n", "0,".repeat(15 << 10));
        let event = event.as_bytes();
        let (flushed, _) = gzip(&[event, event, event]);
        let wire = flushed[2].len();
        assert!(event.len() / wire > 500, "of a ratio that is cut: {wire}");
        let narrow = Expansion::default().free_bytes(1 << 20);
        let mut inflate = Inflate::new(Some(narrow), String::new(), Instant::ORIGIN);
        taken(&mut inflate, &flushed[0]);
        let mut now = Instant::ORIGIN;
        for _ in 0..400 {
            now = now + Duration::from_millis(200);
            let (text, failure) = take(&mut inflate, &flushed[2], now);
            assert!(text == event && failure.is_none(), "{failure:?}");
        }
        let at_once = (0..100).find(|_| take(&mut inflate, &flushed[2], now).1.is_some());
        assert!(at_once.is_some_and(|events| (32..80).contains(&events)), "{at_once:?}");
    }

    #[test]
    fn who_wants_all_gets_all() {
        let (head, zeros) = zeros();
        let mut inflate = Inflate::new(None, String::new(), Instant::ORIGIN);
        taken(&mut inflate, &head);
        let seen: usize = (0..32).map(|_| taken(&mut inflate, &zeros).len()).sum();
        assert_eq!(seen, 32 * MIB);
    }

    #[test]
    fn only_gzip_alone_is_known() {
        let knows = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            Inflate::knows(&headers)
        };
        for known in [&["gzip"][..], &["GZip"], &["x-gzip"], &["identity, gzip"], &["", " gzip ,"]]
        {
            assert!(knows(known), "{known:?}");
        }
        for unknown in
            [&[][..], &[""], &["identity"], &["br"], &["gzip, br"], &["gzip", "gzip"], &["gzipped"]]
        {
            assert!(!knows(unknown), "{unknown:?}");
        }
    }
}
