//! Goes over a recording's frames, and writes them again with what is found in them masked.

use core::mem;
use std::io;

use sse_codec::Limits;

use super::{
    Field, MASK, Preview, Written,
    patterns::Redaction,
    rewrite::{self, Cuts},
};
use crate::{
    clock::Moment,
    journal::{
        beginnings::{Beginning, Beginnings},
        dropped::End,
        entry::EntryKind,
        frame::{FRAME_HEADER, FrameHeader, FrameKind},
        indexer::Indexer,
        reader,
        segment::Segment,
        turn::{Checkpoint, Format, LinePlace, Turn},
        view::View,
        walk::{Step, Walk},
        writer::Writer,
    },
    row::RowKind,
};

pub(super) struct Walker<'a> {
    view: &'a View,
    redaction: &'a Redaction,
    /// None: nothing is written.
    writer: Option<Writer>,
    preview: Preview,
    limits: Limits,
    indexer: Indexer,
    format: Format,
    /// That the body is of.
    attempt: u32,
    /// The number of the next row.
    row: u64,
    /// Bytes of the body that are in no row so far, from `base` on.
    buffer: Vec<u8>,
    base: u64,
    /// How many of them are done with.
    done: usize,
    /// Within an event that was dropped: finds its end.
    dropping: Option<End>,
    /// Within an event whose beginning is damaged.
    is_lost: bool,
    /// Whether a part of a body may be missing before the next one, and, as the index tells, which row of this journal
    /// is the first that is whole after that.
    is_after_gap: bool,
    whole: Option<Beginning>,
    /// Whether what is missing may be the beginning of a body.
    is_unknown: bool,
    /// What is to be written with the frame.
    out: Vec<u8>,
    cuts: Cuts,
    wire: usize,
    moment: Moment,
    /// Bytes that were searched for the ends of lines.
    #[cfg(test)]
    searched: u64,
}

impl<'a> Walker<'a> {
    pub(super) fn new(view: &'a View, redaction: &'a Redaction, writer: Option<Writer>) -> Self {
        let limits = reader::limits_of(&view.kept().origin);
        let first = view.parts().first();
        let checkpoint = first.map(|part| part.segment.checkpoint.clone()).unwrap_or_default();
        let mut walker = Self {
            view,
            redaction,
            writer,
            preview: Preview::of(redaction),
            limits,
            indexer: Indexer::resume(limits, &checkpoint),
            format: checkpoint.format,
            attempt: checkpoint.attempt,
            row: 0,
            buffer: Vec::new(),
            base: checkpoint.body_offset,
            done: 0,
            dropping: None,
            is_lost: checkpoint.mid_event,
            is_after_gap: false,
            whole: None,
            is_unknown: false,
            out: Vec::new(),
            cuts: Vec::new(),
            wire: 0,
            moment: Moment::default(),
            #[cfg(test)]
            searched: 0,
        };
        walker.catch_up(checkpoint.attempt);
        if let Some(writer) = &mut walker.writer {
            writer.begin_body(checkpoint.format, Moment::default());
        }
        walker
    }

    pub(super) fn walk(mut self) -> io::Result<(Preview, Written)> {
        self.all()?;
        let moment = self.moment;
        Ok((self.preview, self.writer.map(|writer| (writer, moment))))
    }

    fn all(&mut self) -> io::Result<()> {
        let mut beginnings = Beginnings::new(self.view);
        let mut before: Option<&Segment> = None;
        for (part, place) in self.view.parts().iter().zip(0..) {
            if before.is_some_and(|before| !part.segment.follows(before)) {
                self.gone(self.attempt, 0);
                self.is_unknown = true;
            }
            before = Some(&part.segment);
            self.whole = None;
            self.row = part.segment.first_row;
            let [file, ..] = part.segment.files();
            let mut walk = Walk::new(&part.segment.journal);
            while let Some(step) = walk.step()? {
                let damage = step.damage(&file);
                damage.into_iter().for_each(|damage| self.view.kept().add_damage(damage));
                match step {
                    Step::Frame { header, payload, payload_at, .. } => {
                        let is_new = header.attempt != self.attempt;
                        if header.kind.is_body() && (mem::take(&mut self.is_after_gap) || is_new) {
                            self.whole = beginnings.after(place, header.attempt, payload_at);
                        }
                        self.frame(&header, payload, payload_at);
                    }
                    Step::Spoilt { header, .. } if header.kind.is_body() => {
                        self.gone(header.attempt, header.length.into());
                    }
                    Step::Spoilt { header, .. } => {
                        self.row += u64::from(header.kind == FrameKind::Turn);
                    }
                    Step::Gap { .. } => {
                        self.gone(self.attempt, 0);
                        self.is_unknown = true;
                    }
                    Step::Broken { bytes, .. } => {
                        self.gone(self.attempt, bytes.saturating_sub(FRAME_HEADER as u64));
                        self.is_unknown = true;
                    }
                    Step::Disordered { .. } => {
                        self.gone(self.attempt, 0);
                        self.is_unknown = true;
                        break;
                    }
                }
            }
        }
        self.end_body(None);
        Ok(())
    }

    fn frame(&mut self, header: &FrameHeader, payload: &[u8], payload_at: u64) {
        match header.kind {
            FrameKind::Turn => {
                if let Ok(turn) = serde_json::from_slice(payload) {
                    self.turn(turn, header);
                }
                self.row += 1;
            }
            FrameKind::Body | FrameKind::BodyRest => self.body(header, payload, payload_at),
            FrameKind::Head
            | FrameKind::End
            | FrameKind::Index
            | FrameKind::Ids
            | FrameKind::Types
            | FrameKind::Trailer
            | FrameKind::Statistics
            | FrameKind::Unknown(_) => {}
        }
    }

    fn turn(&mut self, mut turn: Turn, header: &FrameHeader) {
        if turn.kind != RowKind::RecordingStopped {
            let is_end = matches!(turn.kind, RowKind::Disconnected { .. } | RowKind::Closed);
            self.end_body(is_end.then_some(header.moment));
        }
        self.moment = header.moment;
        let mut texts = vec![&mut turn.sentence, &mut turn.id];
        if let Some(request) = &mut turn.request {
            texts.push(&mut request.url);
            texts.extend(request.headers.iter_mut().map(|(_, value)| value));
        }
        if let Some(response) = &mut turn.response {
            texts.extend(response.headers.iter_mut().map(|(_, value)| value));
            texts.extend(&mut response.remote);
        }
        for text in texts {
            if let Some(masked) = self.redaction.masked(text, false) {
                self.preview.add(self.row, Field::Turn, &masked);
                *text = masked.text;
            }
        }
        let is_new = turn.kind == RowKind::Connecting;
        self.catch_up(header.attempt.saturating_sub(u32::from(is_new)));
        if let Some(writer) = &mut self.writer {
            writer.turn(&turn, header.moment);
        }
        if let RowKind::Connected { .. } = turn.kind {
            self.format = turn.response.map(|response| response.format).unwrap_or_default();
            self.begin_body(header);
        }
    }

    fn begin_body(&mut self, header: &FrameHeader) {
        self.attempt = header.attempt;
        self.indexer.begin(self.format);
        (self.base, self.is_lost) = (0, false);
        (self.is_after_gap, self.is_unknown, self.whole) = (false, false, None);
        if let Some(writer) = &mut self.writer {
            writer.begin_body(self.format, header.moment);
        }
    }

    /// Attempts have the numbers that they had.
    fn catch_up(&mut self, attempt: u32) {
        if let Some(writer) = &mut self.writer {
            writer.catch_up(attempt);
        }
    }

    fn body(&mut self, header: &FrameHeader, payload: &[u8], payload_at: u64) {
        if header.attempt != self.attempt {
            // The turn with which this body began cannot be read.
            let (whole, is_unknown) = (self.whole, self.is_unknown);
            self.end_body(None);
            self.format = whole.map_or(self.format, |whole| whole.format);
            self.catch_up(header.attempt);
            self.begin_body(header);
            if is_unknown {
                self.gone(header.attempt, 0);
                (self.is_after_gap, self.whole) = (false, whole);
            }
        }
        self.is_unknown = false;
        self.moment = header.moment;
        self.wire += header.wire as usize;
        self.catch_up(header.attempt);
        let mut payload = payload;
        if let Some(Beginning { at, row, .. }) = self.whole
            && let Ok(into) = usize::try_from(at.saturating_sub(payload_at))
            && let Some((before, rest)) = payload.split_at_checked(into)
        {
            self.whole = None;
            self.rows(before);
            if self.indexer.is_skipping() {
                self.resume(self.base + self.buffer.len() as u64, false);
            }
            self.row = row;
            payload = rest;
        }
        self.rows(payload);
        self.write(header.kind == FrameKind::BodyRest);
    }

    fn rows(&mut self, payload: &[u8]) {
        let before = self.buffer.len();
        self.buffer.extend_from_slice(payload);
        if let Some(dropped) = self.dropping.take() {
            self.mask_to(dropped, before, payload);
        }
        let mut input = payload;
        while let Some(found) = self.indexer.next(&mut input) {
            let (kind, start, end) = (found.kind, found.start, found.end);
            let place = |at: u64| usize::try_from(at.saturating_sub(self.base)).unwrap_or(0);
            let (start, end) = (place(start), place(end));
            match kind {
                EntryKind::Event => {
                    self.gap(start);
                    self.event(end);
                }
                // What stands within an event is done with it.
                EntryKind::Comment | EntryKind::ReconnectionTime
                    if self.indexer.pending_event().is_some() => {}
                EntryKind::Comment | EntryKind::ReconnectionTime => {
                    self.gap(start);
                    self.gap(end);
                }
                // A comment, in an event that goes on.
                EntryKind::DecodeError if self.indexer.pending_event().is_some() => {}
                EntryKind::DecodeError => {
                    self.gap(start);
                    let at = self.buffer.len() - input.len();
                    self.mask(at);
                    if self.indexer.is_dropping() {
                        let line = LinePlace::after(self.buffer[..at].last().copied());
                        self.mask_to(End::from_within(self.format, line), at, input);
                    }
                }
                EntryKind::Turn => {}
            }
            self.row += 1;
        }
        // What belongs to no event is not waited with, but for a line that is not whole.
        if self.indexer.pending_event().is_none() {
            let whole = self.after_last_line(before);
            self.gap(whole);
        }
        self.buffer.drain(..self.done);
        self.base += self.done as u64;
        self.done = 0;
    }

    /// Where the last line ends that ends in the buffer from `from` on; 0: none does.
    fn after_last_line(&mut self, from: usize) -> usize {
        #[cfg(test)]
        {
            self.searched += (self.buffer.len() - from) as u64;
        }
        let found = memchr::memrchr2(b'\n', b'\r', &self.buffer[from..]);
        found.map_or(0, |at| from + at + 1)
    }

    /// Bytes up to `end` that are no event.
    fn gap(&mut self, end: usize) {
        let raw = self.buffer.get(self.done..end).unwrap_or_default();
        let goes_on = self.indexer.is_skipping();
        if !mem::replace(&mut self.is_lost, goes_on) || raw.is_empty() {
            let (out, cuts) = (&mut self.out, &mut self.cuts);
            let masked = rewrite::lines(raw, self.format, self.redaction, false, out, cuts);
            self.preview.masked_lines += masked;
        }
        self.settle(end);
    }

    fn event(&mut self, end: usize) {
        let raw = self.buffer.get(self.done..end).unwrap_or_default();
        let (out, cuts) = (&mut self.out, &mut self.cuts);
        let is_lost = rewrite::event(raw, self.format, self.redaction, out, cuts);
        self.preview.not_json += u64::from(is_lost);
        self.settle(end);
    }

    /// Bytes up to `end` of an event that was too long for anybody to look at.
    fn mask(&mut self, end: usize) {
        let raw = self.buffer.get(self.done..end).unwrap_or_default();
        self.preview.masked_lines += rewrite::mask(raw, &mut self.out);
        self.settle(end);
    }

    /// As [`mask`](Self::mask) up to where the event ends in `rest`, which begins at `at`; else all of that, and what is
    /// left of the event in what comes.
    fn mask_to(&mut self, mut dropped: End, at: usize, rest: &[u8]) {
        let end = dropped.find(rest);
        self.mask(at + end.unwrap_or(rest.len()));
        if end.is_none() {
            self.dropping = Some(dropped);
        }
    }

    fn settle(&mut self, end: usize) {
        self.done = self.done.max(end);
        for (field, masked) in self.cuts.drain(..) {
            self.preview.add(self.row, field, &masked);
        }
    }

    /// So many bytes of a body cannot be read: what they were a part of goes too.
    fn gone(&mut self, attempt: u32, bytes: u64) {
        if self.dropping.take().is_some() {
            // Its end may be among them, and what follows is to be no part of it.
            let end: &[u8] = if self.format == Format::Ndjson { b"\n" } else { b"\n\n" };
            self.out.extend_from_slice(end);
            self.write(true);
        }
        self.attempt = attempt;
        self.resume(self.base + self.buffer.len() as u64 + bytes, true);
        self.is_after_gap = true;
    }

    /// Goes on at this place of the body.
    fn resume(&mut self, body_offset: u64, is_within_event: bool) {
        let after = Checkpoint {
            attempt: self.attempt,
            format: self.format,
            body_offset,
            last_event_id: self.indexer.last_event_id().into(),
            mid_event: is_within_event,
            line: if is_within_event { LinePlace::Unknown } else { LinePlace::Start },
            ..Checkpoint::default()
        };
        self.indexer = Indexer::resume(self.limits, &after);
        self.base = after.body_offset;
        self.buffer.clear();
        (self.done, self.dropping, self.is_lost) = (0, None, is_within_event);
    }

    /// What is left of a body is of an event that was not finished, or the last line of JSON, which need not
    /// have its end where a turn ends it at this time.
    fn end_body(&mut self, ended: Option<Moment>) {
        let is_open = self.indexer.finish().is_some();
        if is_open {
            let cuts = self.preview.cut_count;
            self.event(self.buffer.len());
            if let Some(moment) = ended {
                self.row += 1;
                self.moment = moment;
                if self.preview.cut_count > cuts {
                    // Masked it may not look whole any more.
                    self.out.push(b'\n');
                }
            }
        } else if self.dropping.take().is_none() {
            self.gap(self.buffer.len());
        }
        let begun = self.redaction.begun(&self.out);
        // Its rest did not come, but of a last line of JSON, which is whole.
        if (self.format == Format::EventStream || !is_open) && begun > 0 {
            self.out.truncate(self.out.len() - begun);
            self.out.extend_from_slice(MASK.as_bytes());
            self.preview.masked_lines += 1;
        }
        self.buffer.clear();
        self.done = 0;
        self.write(false);
    }

    fn write(&mut self, is_rest: bool) {
        let Some(writer) = &mut self.writer else {
            self.out.clear();
            return;
        };
        let (mut rest, mut is_rest) = (&self.out[..], is_rest);
        while !rest.is_empty() {
            let wire = mem::take(&mut self.wire);
            let used = writer.body(rest, wire, is_rest, u64::MAX, self.moment);
            rest = &rest[used..];
            is_rest = true;
        }
        self.out.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{
            retention::{DiskLimit, DiskPolicy},
            turn::{Origin, ResponseHead},
            writer::Place,
        },
        recording::{Recording, redact},
        row::Row,
        state::Fault,
    };

    fn at(elapsed_micros: u64) -> Moment {
        Moment { unix_micros: 1_700_000_000_000_000 + elapsed_micros, elapsed_micros }
    }

    #[test]
    fn what_a_text_begins_with_is_masked_where_the_body_ends_within_it() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.clone(), limit };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        for tail in ["data: is TopSec", "data: whole TopSecret", ": TopSecre", "id: 1\ndata: none"]
        {
            writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
            writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(0));
            writer.begin_body(Format::EventStream, at(0));
            let body = format!("data: TopSec\n\n{tail}");
            writer.body(body.as_bytes(), body.len(), false, u64::MAX, at(1));
        }
        for body in ["{\"a\":1}\n{\"a\":\"is TopSec", "{\"a\":1}\n\"TopSecre\""] {
            writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
            let mut turn = Turn::new(RowKind::Connected { status: 200 }, "connected");
            turn.response = Some(ResponseHead { format: Format::Ndjson, ..Default::default() });
            writer.turn(&turn, at(0));
            writer.begin_body(Format::Ndjson, at(0));
            writer.body(body.as_bytes(), body.len(), false, u64::MAX, at(1));
        }
        writer.close(at(2));
        drop(writer);
        let recording = Recording::open(&folder).unwrap();
        let given = keep.path().join("given.ssrec");
        redact::redact(&recording, &Redaction::new().literal("TopSecret"), &given).unwrap();
        let mut raw = Vec::new();
        for attempt in 1..=6 {
            let view = Recording::open(&given).unwrap().view();
            crate::recording::export::raw(&view, Some(attempt), &mut raw).unwrap();
            raw.push(b'|');
        }
        // An event that is whole holds no more than a part of it, which is not what is to be masked.
        let expected = "data: TopSec\n\ndata: is ***|data: TopSec\n\ndata: whole ***|\
                        data: TopSec\n\n: ***|data: TopSec\n\nid: 1\ndata: none|\
                        {\"a\":1}\n{\"a\":\"is ***|{\"a\":1}\n\"TopSecre\"|";
        assert_eq!(String::from_utf8(raw).unwrap(), expected);
    }

    #[test]
    fn the_last_line_of_json_is_masked_as_data_though_it_has_no_end() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("lines");
        let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.clone(), limit };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        // Far from the first, and each without a line end.
        writer.catch_up(4_000_000_000);
        for (body, micros) in [("{\"a\":1}\n{\"a\":4711}", 10), ("{\"b\":1}", 20)] {
            writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(micros));
            let mut turn = Turn::new(RowKind::Connected { status: 200 }, "connected");
            let remote = Some("10.4711.0.1:80".into());
            turn.response =
                Some(ResponseHead { format: Format::Ndjson, remote, ..Default::default() });
            writer.turn(&turn, at(micros));
            writer.begin_body(Format::Ndjson, at(micros));
            writer.body(body.as_bytes(), body.len(), false, u64::MAX, at(micros + 1));
            let lost = RowKind::Disconnected { fault: Fault::Ended, retry_in_ms: None };
            writer.turn(&Turn::new(lost, "lost"), at(micros + 5));
        }
        writer.close(at(30));
        drop(writer);
        let recording = Recording::open(&folder).unwrap();
        let given = keep.path().join("given.ssrec");
        // What stands there then is not JSON any more, and still the event that it was.
        let done = redact::redact(&recording, &Redaction::new().literal("4711"), &given).unwrap();
        let cuts: Vec<_> = done.cuts.iter().map(|cut| (cut.row, cut.field)).collect();
        assert_eq!(cuts, [(2, Field::Turn), (4, Field::Data), (7, Field::Turn)]);
        let given = Recording::open(&given).unwrap();
        let rows = |recording: &Recording| recording.view().page(1, 99, 99);
        let (before, after) = (rows(&recording), rows(&given));
        let places = |rows: &[Row]| -> Vec<_> {
            rows.iter().map(|row| (row.number, row.kind, row.attempt, row.elapsed_micros)).collect()
        };
        assert_eq!(places(&after), places(&before));
        let data: Vec<_> = after.iter().filter(|row| row.kind == RowKind::Event).collect();
        let data: Vec<_> = data.iter().map(|row| row.data.as_str()).collect();
        assert_eq!(data, ["{\"a\":1}", "{\"a\":***}", "{\"b\":1}"]);
        assert_eq!(after[0].attempt, 4_000_000_001);
    }

    #[test]
    fn a_line_of_many_pieces_is_searched_once() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("long");
        let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.clone(), limit };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        let body = format!("data: {}\n\n", "x".repeat(100_000));
        for piece in body.as_bytes().chunks(1000) {
            writer.body(piece, piece.len(), false, u64::MAX, at(1));
        }
        writer.close(at(2));
        drop(writer);
        let recording = Recording::open(&folder).unwrap();
        let view = recording.view();
        let redaction = Redaction::new().literal("not in it");
        let mut walker = Walker::new(&view, &redaction, None);
        walker.all().unwrap();
        assert_eq!(walker.row, 4);
        assert!(walker.searched <= body.len() as u64, "{} of {}", walker.searched, body.len());
    }

    #[test]
    fn what_is_damaged_becomes_no_event_that_nobody_sent() {
        let keep = tempfile::tempdir().unwrap();
        let folder = keep.path().join("s");
        let limit = DiskLimit { bytes: u64::MAX, policy: DiskPolicy::Stop };
        let place = Place::Folder { path: folder.clone(), limit };
        let mut writer = Writer::new(Origin::default(), Limits::default(), place).unwrap();
        let body = "data: one\ndata: two\ndata: three\n\ndata: four\n\ndata: five\n: c\n\n";
        writer.turn(&Turn::new(RowKind::Connecting, "connecting"), at(0));
        writer.turn(&Turn::new(RowKind::Connected { status: 200 }, "connected"), at(0));
        writer.begin_body(Format::EventStream, at(0));
        for piece in body.as_bytes().chunks(7) {
            writer.body(piece, piece.len(), false, u64::MAX, at(1));
        }
        writer.close(at(2));
        drop(writer);
        let journal = folder.join("000001.sse");
        let whole = std::fs::read(&journal).unwrap();
        for piece in body.as_bytes().chunks(7) {
            let at = memchr::memmem::find(&whole, piece).unwrap();
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            std::fs::write(&journal, bytes).unwrap();
            let damaged = Recording::open(&folder).unwrap();
            let given = keep.path().join(format!("{at}.ssrec"));
            redact::redact(&damaged, &Redaction::new().literal("not in it"), &given).unwrap();
            let rows = Recording::open(&given).unwrap().view().page(1, 99, 99);
            let events: Vec<_> = rows.iter().filter(|row| row.kind == RowKind::Event).collect();
            let sent = |row: &&&Row| ["one\ntwo\nthree", "four", "five"].contains(&&*row.data);
            assert_eq!(events.iter().filter(sent).count(), events.len(), "{at}: {events:?}");
            assert!(!events.is_empty(), "{at}");
        }
    }
}
