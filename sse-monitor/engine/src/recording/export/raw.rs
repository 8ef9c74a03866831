//! The bodies of a session's responses, as they came.

use core::ops::{ControlFlow, Range};
use std::io::{self, Write};

use super::{
    attempts::{Attempt, MOST_GAPS, attempts},
    lines::{Lines, MARK},
};
use crate::journal::view::View;

/// What [`raw`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bodies {
    /// How many bytes.
    pub bytes: u64,
    /// How many bytes of unfinished events are not among them.
    pub left_out: u64,
}

/// Writes the bodies of the responses, without transfer and content coding: of one attempt, or of all, one after the
/// other.
///
/// They are written byte for byte, but for what would have a decoder read other events than were recorded: where
/// another attempt follows, what one left unfinished at its end is left out, as a decoder drops it at the end of
/// a stream; and so is what is there of an event of which a part is damaged, or whose beginning the recording has let
/// go of.
///
/// # Errors
/// If the recording cannot be read, or `out` not be written; if all attempts are asked for, and some brought an
/// event stream and others lines of JSON.
pub fn raw(view: &View, attempt: Option<u32>, out: &mut impl Write) -> io::Result<Bodies> {
    let mut written = Bodies::default();
    let mut held: Option<Attempt> = None;
    attempts(view, |next| {
        if next.body.bytes > 0 && attempt.is_none_or(|attempt| attempt == next.number) {
            if let Some(before) = &held {
                same_format(view, before, &next)?;
                write(view, before, true, &mut written, out)?;
            }
            held = Some(next);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some(last) = &held {
        write(view, last, false, &mut written, out)?;
    }
    Ok(written)
}

fn same_format(view: &View, before: &Attempt, next: &Attempt) -> io::Result<()> {
    if before.format(view) == next.format(view) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "of the attempts {} and {} one brought an event stream and the other lines of JSON, which no reader takes \
         together; name the attempt that is wanted",
        before.number, next.number
    )))
}

/// Writes what is wanted of a body.
fn write(
    view: &View,
    attempt: &Attempt,
    is_followed: bool,
    written: &mut Bodies,
    out: &mut impl Write,
) -> io::Result<()> {
    // What was written before is a stream that goes on.
    let Wanted { ranges, ends_line, has_mark } =
        wanted(view, attempt, written.bytes == 0, is_followed)?;
    read(view, attempt, &ranges, |piece| out.write_all(piece))?;
    if ends_line {
        out.write_all(b"\n")?;
    }
    let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    let mark = if has_mark { MARK.len() as u64 } else { 0 };
    written.left_out += attempt.body.bytes - bytes - mark;
    written.bytes += bytes + u64::from(ends_line);
    Ok(())
}

/// Shows `each` these of a body's bytes.
fn read(
    view: &View,
    attempt: &Attempt,
    ranges: &[Range<u64>],
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let (mut at, mut left) = (0, ranges);
    attempt.body.read(view, |piece| {
        let end = at + piece.len() as u64;
        while let [next, rest @ ..] = left {
            let place = |byte: u64| (byte.clamp(at, end) - at) as usize;
            each(&piece[place(next.start)..place(next.end)])?;
            if next.end > end {
                break;
            }
            left = rest;
        }
        at = end;
        Ok(())
    })
}

/// A body without what is there of events of which a part cannot be read.
#[derive(Debug)]
pub(super) struct Intact<'a> {
    attempt: &'a Attempt,
    ranges: Vec<Range<u64>>,
}

impl<'a> Intact<'a> {
    pub(super) fn of(view: &View, attempt: &'a Attempt) -> io::Result<Self> {
        let Wanted { ranges, .. } = wanted(view, attempt, true, false)?;
        Ok(Self { attempt, ranges })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    pub(super) fn read(
        &self,
        view: &View,
        each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        read(view, self.attempt, &self.ranges, each)
    }
}

/// What of a body a decoder is to read.
#[derive(Debug)]
struct Wanted {
    ranges: Vec<Range<u64>>,
    /// Whether its last line is whole but for its end.
    ends_line: bool,
    /// Whether a mark before it is left out.
    has_mark: bool,
}

fn wanted(view: &View, attempt: &Attempt, is_first: bool, is_followed: bool) -> io::Result<Wanted> {
    let (all, gaps) = (attempt.body.bytes, attempt.body.gaps());
    if gaps.len() > MOST_GAPS {
        return Err(io::Error::other(format!(
            "the body of attempt {} is damaged in more than {MOST_GAPS} places",
            attempt.number
        )));
    }
    let oldest = view.parts().first().map(|part| &part.segment.checkpoint);
    let within = oldest.filter(|oldest| oldest.mid_event && oldest.attempt == attempt.number);
    let within = within.map(|oldest| oldest.line);
    if is_first && !is_followed && within.is_none() && gaps.is_empty() {
        return Ok(Wanted { ranges: alloc::vec![0..all], ends_line: false, has_mark: false });
    }
    let mut lines = Lines::new(view, attempt.format(view));
    if let Some(line) = within {
        lines.begin_within(line);
    }
    let mut gaps = gaps.iter().peekable();
    let mut row = None;
    attempt.body.read(view, |mut piece| {
        // They lie between two frames.
        if let Some(gap) = gaps.next_if(|gap| gap.at == lines.at) {
            lines.gap();
            row = gap.row;
        }
        let end = lines.at + piece.len() as u64;
        if let Some(row) = row.take_if(|row| *row < end) {
            let (before, rest) = piece.split_at((row - lines.at) as usize);
            lines.add(before);
            lines.row();
            piece = rest;
        }
        lines.add(piece);
        Ok(())
    })?;
    let has_mark = !is_first && lines.has_mark;
    let ends_line = is_followed && lines.last_is_whole();
    let mut ranges = lines.end(is_followed && !ends_line);
    if let Some(first) = ranges.first_mut().filter(|first| has_mark && first.start == 0) {
        first.start = MARK.len() as u64;
    }
    Ok(Wanted { ranges, ends_line, has_mark })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sse_codec::Limits;

    use super::*;
    use crate::{
        clock::Moment,
        journal::{
            retention::{DiskLimit, DiskPolicy, Overflow, Retention},
            turn::{Format, Origin, ResponseHead, Turn},
            writer::{Place, Writer},
        },
        recording::Recording,
        row::RowKind,
        state::Fault,
    };

    type Events = Vec<(String, String, String)>;

    const FIRST: &[u8] =
        "\u{feff}id: 1\nevent: a\ndata: x\n\n: c\nretry: 5\nid: 2\r\ndata: y\r\n: in it\r\n\r\n\
        data\rdata: z\r\rid: 3\n\n: beat\nignored\nevent: b\ndata: é\n\n"
            .as_bytes();
    const SECOND: &[u8] =
        "\u{feff}data: of the second\n\nid: 9\ndata: last\n\ndata: cut".as_bytes();

    #[test]
    fn a_decoder_reads_the_recorded_events_wherever_an_attempt_was_cut() {
        for second in [SECOND, &SECOND[3..], b"\ndata: a\n\n", b"", b"\n"] {
            for cut in 0..=FIRST.len() {
                let writer = recorded(Format::EventStream, &[&FIRST[..cut], second, &SECOND[..30]]);
                let view = writer.kept().view();
                let mut out = Vec::new();
                let bodies = raw(&view, None, &mut out).unwrap();
                assert_eq!(bodies.bytes, out.len() as u64);
                assert_eq!(events(Format::EventStream, &out), rows(&view), "{cut}");
                // One alone is as it came.
                out.clear();
                raw(&view, Some(1), &mut out).unwrap();
                assert_eq!(out, &FIRST[..cut]);
            }
        }
    }

    #[test]
    fn a_reader_of_lines_of_json_reads_the_recorded_ones_too() {
        const LINES: &[u8] = b"{\"a\":1}\n\n[2]\r\n{\"b\":\"c\"}\n";
        for cut in 0..=LINES.len() {
            let writer = recorded(Format::Ndjson, &[&LINES[..cut], b"{\"d\":4}", b"{\"e\""]);
            let view = writer.kept().view();
            let mut out = Vec::new();
            let bodies = raw(&view, None, &mut out).unwrap();
            assert_eq!(bodies.bytes, out.len() as u64);
            assert_eq!(events(Format::Ndjson, &out), rows(&view), "{cut}");
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let writer =
            recorded(Format::EventStream, &[b"data: a\n\n: c\ndata: b\nda", b"data: c\n\nd"]);
        let mut out = Vec::new();
        let bodies = raw(&writer.kept().view(), None, &mut out).unwrap();
        assert_eq!(out, b"data: a\n\n: c\ndata: c\n\nd");
        assert_eq!(bodies, Bodies { bytes: 23, left_out: 10 });
    }

    #[test]
    fn an_event_whose_beginning_was_let_go_of_is_left_out() {
        let retention = Retention { bytes: 1 << 20, rows: 1000, overflow: Overflow::DropOldest };
        let limits = Limits::default().line(4096).event(4096);
        let mut writer = Writer::in_memory(origin(limits), limits, retention);
        let beats = ": beat\n".repeat(100_000);
        let body = format!("data: lost\n{beats}data: end of it\n\ndata: kept\n\n");
        attempt(&mut writer, Format::EventStream, body.as_bytes());
        let view = writer.kept().view();
        assert!(view.parts()[0].segment.checkpoint.mid_event);
        for attempt in [None, Some(1)] {
            let mut out = Vec::new();
            let bodies = raw(&view, attempt, &mut out).unwrap();
            assert_eq!(out, b"data: kept\n\n");
            assert!(bodies.left_out > 1000, "{bodies:?}");
        }
        assert_eq!(rows(&view).last().unwrap().2, "kept");
    }

    #[test]
    fn the_rest_of_a_dropped_line_ends_no_event_though_it_be_only_its_end() {
        let retention = Retention { bytes: 1 << 20, rows: 1000, overflow: Overflow::DropOldest };
        let limits = Limits::default().line(4096).event(4096);
        let mut begin_with_it = 0;
        // In pieces of 1000 bytes, after one of which the next segment begins.
        for pieces in 1008..1020 {
            let mut writer = Writer::in_memory(origin(limits), limits, retention);
            let line = "x".repeat(pieces * 1000 - 6);
            let body = format!("data: {line}\ndata: rest\n\ndata: kept\n\n");
            attempt(&mut writer, Format::EventStream, body.as_bytes());
            let view = writer.kept().view();
            let checkpoint = &view.parts()[0].segment.checkpoint;
            if checkpoint.body_offset == pieces as u64 * 1000 {
                begin_with_it += 1;
                let mut out = Vec::new();
                raw(&view, None, &mut out).unwrap();
                assert_eq!(out, b"data: kept\n\n", "{pieces}");
            }
        }
        assert!(begin_with_it > 0);
    }

    #[test]
    fn what_is_damaged_becomes_no_event_that_nobody_sent() {
        let keep = tempfile::tempdir().unwrap();
        let (folder, limits) = (keep.path().join("s"), Limits::default());
        let limit = DiskLimit { bytes: 1 << 30, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.clone(), limit };
        let mut writer = Writer::new(origin(limits), limits, place).unwrap();
        let body = "data: one\ndata: two\n\nevent: a\ndata: three\n\n: beat\n\ndata: four\n\ndata: five\n\n";
        attempt(&mut writer, Format::EventStream, body.as_bytes());
        attempt(&mut writer, Format::EventStream, SECOND);
        let sent = rows(&writer.kept().view());
        writer.close(Moment::default());
        let journal = folder.join("000001.sse");
        let whole = fs::read(&journal).unwrap();
        let (mut least, mut damaged) = (sent.len(), 0);
        for at in (0..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            // One bit of a header would be mended.
            bytes[at] ^= 0x60;
            fs::write(&journal, bytes).unwrap();
            let Ok(recording) = Recording::open(&folder) else { continue };
            let mut out = Vec::new();
            if raw(&recording.view(), None, &mut out).is_err() {
                continue;
            }
            let read = events(Format::EventStream, &out);
            for (event_type, _, data) in &read {
                let is_it =
                    |event: &(String, String, String)| &event.0 == event_type && &event.2 == data;
                assert!(sent.iter().any(is_it), "byte {at}: {event_type} {data:?}");
            }
            least = least.min(read.len());
            damaged += usize::from(read.len() < sent.len());
        }
        assert!(least < sent.len() - 1 && damaged > 30, "{least} {damaged}");
    }

    #[test]
    fn attempts_of_different_formats_are_not_joined() {
        let mut writer = recorded(Format::EventStream, &[b"data: a\n\n"]);
        attempt(&mut writer, Format::Ndjson, b"{}\n");
        let view = writer.kept().view();
        let error = raw(&view, None, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("attempts 1 and 2"), "{error}");
        assert_eq!(raw(&view, Some(2), &mut io::sink()).unwrap().bytes, 3);
    }

    fn origin(limits: Limits) -> Origin {
        let (line, event) = (limits.line as u64, limits.event as u64);
        Origin { most_line: line, most_event: event, ..Origin::default() }
    }

    fn recorded(format: Format, bodies: &[&[u8]]) -> Writer {
        let limits = Limits::default();
        let mut writer = Writer::in_memory(origin(limits), limits, Retention::default());
        for body in bodies {
            attempt(&mut writer, format, body);
        }
        writer
    }

    fn attempt(writer: &mut Writer, format: Format, body: &[u8]) {
        let moment = Moment::default();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), moment);
        let mut turn = Turn::new(RowKind::Connected { status: 200 }, "connected");
        turn.response = Some(ResponseHead { format, ..ResponseHead::default() });
        writer.turn(&turn, moment);
        writer.begin_body(format, moment);
        for piece in body.chunks(if body.len() > 1000 { 1000 } else { 7 }) {
            let mut rest = piece;
            while !rest.is_empty() {
                let used = writer.body(rest, rest.len(), false, u64::MAX, moment);
                rest = &rest[used..];
            }
        }
        let kind = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
        writer.turn(&Turn::new(kind, "ended"), moment);
    }

    fn rows(view: &View) -> Events {
        let rows = view.page(1, usize::MAX, usize::MAX).into_iter();
        let events = rows.filter(|row| row.kind == RowKind::Event);
        events.map(|row| (row.event_type, row.id, row.data)).collect()
    }

    /// As a reader of that form sees them.
    fn events(format: Format, body: &[u8]) -> Events {
        rows(&recorded(format, &[body]).kept().view())
    }
}
