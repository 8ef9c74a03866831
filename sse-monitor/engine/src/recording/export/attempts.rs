//! A session's attempts, one after the other, without their bodies: those are read when they are written.

use core::ops::ControlFlow;
use std::io;

use crate::{
    clock::Moment,
    journal::{
        beginnings::Beginnings,
        frame::{FrameHeader, FrameKind},
        segment::Segment,
        turn::{Format, Phases, RequestHead, ResponseHead, Turn},
        view::View,
        walk::{Mark, Step, Walk},
    },
    row::RowKind,
};

/// What an attempt said and was answered.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) began_unix_micros: u64,
    /// Since the session did.
    pub(super) began_micros: u64,
    pub(super) request: Option<RequestHead>,
    pub(super) response: Option<ResponseHead>,
    pub(super) phases: Option<Phases>,
    /// What its body is read as, by its rows: where the response's head cannot be read.
    format: Option<Format>,
    pub(super) body_began_micros: u64,
    pub(super) body_ended_micros: u64,
    pub(super) body: Body,
}

impl Attempt {
    /// What its body is read as.
    pub(super) fn format(&self, view: &View) -> Format {
        // Of the oldest one the head may have been let go of.
        let oldest = || view.parts().first().map(|part| part.segment.checkpoint.format);
        let told = self.response.as_ref().map(|head| head.format);
        told.or(self.format).or_else(oldest).unwrap_or_default()
    }

    fn turn(&mut self, turn: Turn, moment: Moment) {
        if turn.kind == RowKind::Connecting {
            self.began_unix_micros = moment.unix_micros;
        }
        if let RowKind::Connected { .. } = turn.kind {
            self.body_began_micros = moment.elapsed_micros;
        }
        // The turn that ends it ends its body.
        self.body_ended_micros = moment.elapsed_micros;
        self.request = turn.request.or(self.request.take());
        self.response = turn.response.or(self.response.take());
        self.phases = turn.phases.or(self.phases.take());
    }
}

/// A response's body, as it lies in the frames.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Where its first frame is; `None`: there is none.
    first: Option<Place>,
    /// How many frames there are.
    frames: u64,
    pub(super) bytes: u64,
    /// How many bytes came over the wire for it.
    pub(super) wire: u64,
    text: Utf8,
    /// Where something is missing, since it is damaged: so many places, and a sign that there are more.
    gaps: Vec<Gap>,
}

/// A place in a body where something is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// Before which of the bytes that are there.
    pub(super) at: u64,
    /// Before which of them the first row begins that is whole, as the index tells, if it does.
    pub(super) row: Option<u64>,
}

/// A frame's place: in which part of the view, and where in its journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    part: usize,
    mark: Mark,
}

/// Damage that is told apart: 240 KiB of it.
pub(super) const MOST_GAPS: usize = 10_000;

/// What [`for_frames`] meets.
pub(super) enum Met<'a> {
    /// A frame that is intact.
    Frame(&'a FrameHeader, &'a [u8]),
    /// What cannot be read, and was a body's or may have been.
    Gap,
    /// What cannot be read, and was no body's.
    Damage,
}

impl Body {
    /// Where something is missing; more than [`MOST_GAPS`] if there are more.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn gap(&mut self) {
        if self.gaps.len() <= MOST_GAPS {
            self.gaps.push(Gap { at: self.bytes, row: None });
        }
    }

    /// A row that is whole begins this far into what comes next, after a gap.
    fn row(&mut self, into: u64) {
        if let Some(gap) = self.gaps.last_mut() {
            gap.row = Some(self.bytes + into);
        }
    }

    fn add(&mut self, place: Place, header: &FrameHeader, payload: &[u8]) {
        self.first.get_or_insert(place);
        self.frames += 1;
        self.bytes += payload.len() as u64;
        self.wire += u64::from(header.wire);
        self.text.add(payload);
    }

    /// Whether it is UTF-8.
    pub(super) const fn is_text(&self) -> bool {
        self.text.is_so_far() && self.text.open == 0
    }

    /// Shows `each` its bytes, as they came.
    pub(super) fn read(
        &self,
        view: &View,
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.reads(view, |_, bytes| each(bytes))
    }

    /// The same, each with when it came.
    pub(super) fn reads(
        &self,
        view: &View,
        mut each: impl FnMut(Moment, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut left = self.frames;
        let Some(first) = self.first else { return Ok(()) };
        for_frames(view, Some(first), |_, met| {
            if let Met::Frame(header, payload) = met
                && header.kind.is_body()
            {
                each(header.moment, payload)?;
                left -= 1;
            }
            Ok(if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
    }
}

/// Shows `each` every attempt, in order, until it breaks.
pub(super) fn attempts(
    view: &View,
    mut each: impl FnMut(Attempt) -> io::Result<ControlFlow<()>>,
) -> io::Result<()> {
    let mut current: Option<Attempt> = None;
    let mut is_after_gap = false;
    let mut beginnings = Beginnings::new(view);
    // Where in this part's journal the first row begins that is whole after a gap.
    let mut row: Option<(usize, u64)> = None;
    for_frames(view, None, |place, met| {
        let Met::Frame(header, payload) = met else {
            is_after_gap |= matches!(met, Met::Gap);
            return Ok(ControlFlow::Continue(()));
        };
        let is_body = header.kind.is_body();
        if !is_body && header.kind != FrameKind::Turn {
            return Ok(ControlFlow::Continue(()));
        }
        // Told by the number, since the turn with which it began may be damaged.
        if current.as_ref().is_some_and(|attempt| attempt.number != header.attempt)
            && let Some(attempt) = current.take()
            && each(attempt)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        let attempt = current.get_or_insert_with(|| Attempt {
            number: header.attempt,
            // The turns that say so may be damaged.
            began_unix_micros: header.moment.unix_micros,
            began_micros: header.moment.elapsed_micros,
            body_began_micros: header.moment.elapsed_micros,
            ..Attempt::default()
        });
        if is_body {
            attempt.body_ended_micros = header.moment.elapsed_micros;
            let from = place.mark.payload_at();
            let is_after_gap = core::mem::take(&mut is_after_gap);
            if is_after_gap || (attempt.response.is_none() && attempt.format.is_none()) {
                let next = beginnings.after(place.part, header.attempt, from);
                attempt.format = attempt.format.or(next.map(|next| next.format));
                if is_after_gap {
                    attempt.body.gap();
                    row = next.map(|next| (place.part, next.at));
                }
            }
            let into = row.filter(|(part, _)| *part == place.part);
            let into = into.and_then(|(_, at)| at.checked_sub(from));
            if let Some(into) = into.filter(|into| *into < payload.len() as u64) {
                attempt.body.row(into);
                row = None;
            }
            attempt.body.add(place, header, payload);
        } else if let Ok(turn) = serde_json::from_slice::<Turn>(payload) {
            if let RowKind::Connected { .. } = turn.kind {
                // With it a body begins.
                (is_after_gap, row) = (false, None);
            }
            attempt.turn(turn, header.moment);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // After a break none is left.
    current.map_or(Ok(()), |attempt| each(attempt).map(|_| ()))
}

/// The attempt of this number, if there was one.
pub(super) fn attempt(view: &View, number: u32) -> io::Result<Option<Attempt>> {
    let mut found = None;
    attempts(view, |attempt| {
        let is_it = attempt.number == number;
        found = found.take().or(is_it.then_some(attempt));
        Ok(if is_it { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// Shows `each` the frames, from a place on or all, until it breaks; none that repeats what came before. What is damaged
/// is noted in the session, which thereby tells that something is missing.
pub(super) fn for_frames(
    view: &View,
    from: Option<Place>,
    mut each: impl FnMut(Place, Met<'_>) -> io::Result<ControlFlow<()>>,
) -> io::Result<()> {
    let first = from.map_or(0, |place| place.part);
    let mut before: Option<&Segment> = None;
    for (part, segment) in view.parts().iter().map(|part| &part.segment).enumerate().skip(first) {
        let mut repeats = before.is_some_and(|before| segment.repeats(before));
        let is_after_gap = before.is_some_and(|before| !segment.follows(before));
        before = Some(segment);
        let mut walk = match from {
            Some(place) if place.part == part => Walk::from(&segment.journal, place.mark),
            Some(_) | None => Walk::new(&segment.journal),
        };
        if is_after_gap && each(Place { part, mark: walk.mark() }, Met::Gap)?.is_break() {
            return Ok(());
        }
        loop {
            let mark = walk.mark();
            let Some(step) = walk.step()? else { break };
            let met = match &step {
                Step::Frame { header, .. } if repeats && header.kind.is_body() => continue,
                Step::Frame { header, payload, .. } => Met::Frame(header, payload),
                Step::Spoilt { header, .. } if !header.kind.is_body() => Met::Damage,
                Step::Spoilt { .. }
                | Step::Broken { .. }
                | Step::Gap { .. }
                | Step::Disordered { .. } => Met::Gap,
            };
            repeats = false;
            if each(Place { part, mark }, met)?.is_break() {
                return Ok(());
            }
            let [file, ..] = segment.files();
            step.damage(&file).into_iter().for_each(|damage| view.kept().add_damage(damage));
        }
    }
    Ok(())
}

/// Whether bytes are UTF-8, told piece by piece.
#[derive(Debug, Default)]
struct Utf8 {
    is_not: bool,
    /// The beginning of a character whose end has not come.
    beginning: [u8; 4],
    open: usize,
}

impl Utf8 {
    const fn is_so_far(&self) -> bool {
        !self.is_not
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while self.open > 0 && self.is_so_far() {
            let [next, rest @ ..] = bytes else { return };
            self.beginning[self.open] = *next;
            bytes = rest;
            let open = core::mem::take(&mut self.open) + 1;
            self.look(open);
        }
        if self.is_so_far()
            && let Err(error) = core::str::from_utf8(bytes)
        {
            let rest = &bytes[error.valid_up_to()..];
            self.is_not = error.error_len().is_some();
            if !self.is_not {
                self.open = rest.len();
                self.beginning[..rest.len()].copy_from_slice(rest);
            }
        }
    }

    /// At the character that begins with so many bytes.
    fn look(&mut self, bytes: usize) {
        match core::str::from_utf8(&self.beginning[..bytes]) {
            Ok(_) => {}
            Err(error) if error.error_len().is_some() => self.is_not = true,
            Err(_) => self.open = bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_however_it_is_cut() {
        for bytes in [
            &b"plain"[..],
            "aé€😀z".as_bytes(),
            b"",
            b"\xff",
            b"a\xe2\x82",
            b"\xe2\x82\xacx\xe2\x28\xa1",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x98\x80\xf0\x9f",
            b"\xc3\xc3",
        ] {
            for size in 1..=bytes.len().max(1) {
                let mut body = Body::default();
                bytes.chunks(size).for_each(|piece| body.text.add(piece));
                assert_eq!(
                    body.is_text(),
                    core::str::from_utf8(bytes).is_ok(),
                    "{bytes:x?}, {size}"
                );
            }
        }
    }
}
