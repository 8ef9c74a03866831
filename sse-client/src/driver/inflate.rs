//! Undoes gzip as the bytes come: a piece at a time, counted, and each event as soon as its bytes are there.
//!
//! Not the HTTP client, which can do it too: it does not count, and nobody is told who counts what.

use alloc::{format, string::String, vec::Vec};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, header::CONTENT_ENCODING};
use sse_codec::time::Instant;

use super::{
    expansion::{Allowance, Excess, Expansion},
    gunzip::{Corrupt, Gunzip},
};
use crate::session::{Failure, FailureKind};

/// A compressed body under way.
pub(super) struct Inflate {
    gunzip: Gunzip,
    allowance: Allowance,
    /// What came and is not decoded yet.
    input: Bytes,
    /// The decoder may have more to say without more input.
    is_full: bool,
    /// Why it ends, once all before that was given out.
    broken: Option<Failure>,
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
            gunzip: Gunzip::new(),
            allowance: Allowance::new(limits, now),
            input: Bytes::new(),
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
    ///
    /// Before an error comes what was decoded and is allowed: a plain stream would have given it, too.
    pub(super) fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        if let Some(failure) = self.broken.take() {
            return Some(Err(failure));
        }
        if self.input.is_empty() && !self.is_full {
            return None;
        }
        let mut piece = Vec::with_capacity(self.gunzip.room());
        let (taken, result) = self.gunzip.decode(&self.input, &mut piece);
        self.is_full = piece.len() == piece.capacity();
        self.broken = result.err().map(|corrupt| self.corrupt(corrupt));
        if let Err(excess) = self.allowance.spend(taken, piece.len()) {
            piece.truncate(excess.allowed);
            self.broken = Some(self.exceeded(excess));
        }
        if self.broken.is_some() || taken == self.input.len() {
            self.input = Bytes::new();
        } else {
            self.input.advance(taken);
        }
        if self.broken.is_some() {
            self.is_full = false;
        }
        match self.broken.take_if(|_| piece.is_empty()) {
            Some(failure) => Some(Err(failure)),
            // No larger than it must be: an event may keep it.
            None => Some(Ok(Bytes::copy_from_slice(&piece))),
        }
    }

    /// What it means that the body ends here.
    pub(super) fn end(&self) -> Result<(), Failure> {
        match self.gunzip.is_within() {
            false => Ok(()),
            true => Err(Failure::new(
                FailureKind::Interrupted,
                format!("the compressed stream from {} broke off in the middle", self.place),
            )),
        }
    }

    fn corrupt(&self, corrupt: Corrupt) -> Failure {
        let message = format!(
            "{} says that its stream is compressed (gzip), and it cannot be decoded: {corrupt}",
            self.place
        );
        // What went wrong on the way may go well the next time; what never was gzip is none then either.
        let is_gzip = self.gunzip.has_begun();
        Failure::new(if is_gzip { FailureKind::Interrupted } else { FailureKind::Coding }, message)
    }

    fn exceeded(&self, excess: Excess) -> Failure {
        let message = format!(
            "the compressed stream from {} expands without measure: {excess}; if it is to be so, allow more \
             (`Builder::expansion`), or ask for it as it is (\"Accept-Encoding: identity\")",
            self.place
        );
        Failure::new(FailureKind::Expansion, message)
    }
}

#[cfg(test)]
mod tests {
    use core::{mem, time::Duration};
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use http::HeaderValue;

    use super::*;
    use crate::driver::gunzip::WINDOW;

    const MIB: usize = 1 << 20;

    fn inflate() -> Inflate {
        Inflate::new(Some(Expansion::default()), "example.org:443".into(), Instant::ORIGIN)
    }

    /// One member, flushed after each of `parts`; then its end.
    fn gzip(parts: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let flushed = parts.iter().map(|part| {
            encoder.write_all(part).unwrap();
            encoder.flush().unwrap();
            mem::take(encoder.get_mut())
        });
        (flushed.collect(), encoder.finish().unwrap())
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
                    assert!(piece.len() <= WINDOW);
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
        for (chunk, before, kind) in [
            (&b"data: 1\n\n"[..], "", FailureKind::Coding),
            (&wrong_sum, "data: 1\n\n", FailureKind::Interrupted),
            (&and_text, "data: 1\n\n", FailureKind::Interrupted),
        ] {
            let (text, failure) = take(&mut inflate(), chunk, Instant::ORIGIN);
            assert_eq!(text, before.as_bytes());
            let failure = failure.unwrap();
            assert_eq!(failure.kind, kind);
            let expected =
                "example.org:443 says that its stream is compressed (gzip), and it cannot";
            assert!(failure.message.starts_with(expected), "{failure}");
        }
    }

    /// As of a server that dies and prints its error into the body.
    #[test]
    fn what_breaks_off_within_a_member_is_told_after_what_came_before() {
        let events: [&[u8]; 2] = [b"data: 1\n\n", b"data: 2\n\n"];
        let (flushed, _) = gzip(&events);
        let chunk = [&flushed.concat()[..], b"\xFFInternal Server Error"].concat();
        for size in [1, 5, chunk.len()] {
            let mut inflate = inflate();
            let mut text = Vec::new();
            let failure = chunk.chunks(size).find_map(|chunk| {
                let (piece, failure) = take(&mut inflate, chunk, Instant::ORIGIN);
                text.extend(piece);
                failure
            });
            assert_eq!(text, events.concat(), "in pieces of {size}");
            let failure = failure.unwrap();
            assert_eq!(failure.kind, FailureKind::Interrupted);
            assert!(failure.message.ends_with("its deflate is corrupt"), "{failure}");
        }
    }

    #[test]
    fn what_exceeds_is_told_after_what_is_allowed_however_it_is_cut() {
        let (head, zeros) = zeros();
        let chunk = [&head[..], &zeros].concat();
        let narrow = Expansion::default().ratio(1).free_bytes(100_000);
        for size in [1, 100, chunk.len()] {
            let mut inflate = Inflate::new(Some(narrow), String::new(), Instant::ORIGIN);
            let (mut seen, mut wire) = (0, 0);
            let failure = chunk.chunks(size).find_map(|chunk| {
                wire += chunk.len();
                let (text, failure) = take(&mut inflate, chunk, Instant::ORIGIN);
                seen += text.len();
                failure
            });
            assert_eq!(failure.unwrap().kind, FailureKind::Expansion);
            assert!((100_000..=100_000 + wire).contains(&seen), "{seen} bytes of {wire}");
        }
    }

    #[test]
    fn a_bomb_is_cut_after_what_is_allowed() {
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
    fn who_allows_next_to_nothing_gets_what_keeps_to_the_ratio() {
        let mut state = 1_u32;
        let mut letter = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            b'a' + (state % 26) as u8
        };
        let text: Vec<_> = (0..MIB).map(|_| letter()).collect();
        let body = whole(&text);
        assert!((1..2).contains(&(text.len() / body.len())), "{}", body.len());
        let narrow = Expansion::default().ratio(4).free_bytes(0);
        for size in [7, 1000, 400_000, body.len()] {
            let mut inflate = Inflate::new(Some(narrow), String::new(), Instant::ORIGIN);
            let seen: Vec<_> =
                body.chunks(size).flat_map(|chunk| taken(&mut inflate, chunk)).collect();
            assert!(seen == text, "in pieces of {size}");
        }
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
