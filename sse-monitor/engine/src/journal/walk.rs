//! Walks a journal frame by frame, past what is damaged in it, up to where it is cut off.

use std::io;

use crc32fast::Hasher;

use super::{
    blob::Blob,
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader, MOST_PAYLOAD, Number, u32_at},
};
use crate::recording::{Damage, DamageKind};

/// Bytes looked through at a time for the next frame.
const BLOCK: usize = 64 << 10;
const FEW: usize = 512;

/// Goes over a journal's frames in order.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    journal: &'a Blob,
    mark: Mark,
    payload: Vec<u8>,
}

/// Where a frame begins, for a walk that goes on there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: u64,
    /// The number that the frame there must have; `None`: it is the first.
    number: Option<Number>,
}

impl Mark {
    pub(crate) const BEGINNING: Self = Self { at: FILE_HEADER as u64, number: None };

    /// Where the frame of this header stands, which alone tells which one it is.
    pub(crate) const fn of_header(at: u64, header: &FrameHeader) -> Self {
        Self { at, number: Some(header.number) }
    }

    pub(crate) const fn at(self) -> u64 {
        self.at
    }

    /// Where its payload begins.
    pub(crate) const fn payload_at(self) -> u64 {
        self.at + FRAME_HEADER as u64
    }

    /// Whether the frame of this header is the one that must stand here.
    pub(crate) fn is_of(self, header: &FrameHeader) -> bool {
        match self.number {
            None => header.number.is_first(),
            Some(number) => header.number == number,
        }
    }

    /// The header of the frame that must stand here, where one bit of it was changed.
    pub(crate) fn mended(self, header: &[u8; FRAME_HEADER]) -> Option<FrameHeader> {
        FrameHeader::mended(header).filter(|header| self.is_of(header))
    }

    /// Behind it.
    pub(crate) const fn past(self, header: &FrameHeader) -> Self {
        Self { at: self.at + header.frame_length(), number: Some(header.number.next()) }
    }

    /// How many frames are missing from here up to another place.
    pub(crate) fn missing_to(self, other: Self) -> u64 {
        other.number.and_then(|number| number.beyond(self.number)).unwrap_or(0)
    }
}

/// What stands at a place of a journal.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Frame {
        header: FrameHeader,
        payload_at: u64,
        payload: &'a [u8],
        /// One bit of the header is not as it was written.
        is_mended: bool,
    },
    /// A frame whose payload is not as it was written. The next one follows all the same.
    Spoilt { header: FrameHeader, at: u64 },
    /// These bytes are no frame. After them the next one follows that can be found, if any can.
    Broken { at: u64, bytes: u64 },
    /// These zeros stand for what was missing when this was made of several journals.
    Gap { at: u64 },
    /// Frames are missing here, or stand where they do not belong: what follows cannot be told apart from what
    /// somebody made of it. The journal has so many more bytes.
    Disordered { at: u64, bytes: u64 },
}

impl Step<'_> {
    /// What is damaged here, in this file.
    pub(crate) fn damage(&self, file: &str) -> Option<Damage> {
        let (at, bytes, kind) = match self {
            Self::Frame { is_mended: false, .. } => return None,
            Self::Frame { payload_at, .. } => {
                (payload_at - FRAME_HEADER as u64, FRAME_HEADER as u64, DamageKind::Mended)
            }
            Self::Spoilt { header, at } => {
                let is_derived = header.kind.is_derived();
                let kind = if is_derived { DamageKind::Derived } else { DamageKind::Changed };
                (*at, header.frame_length(), kind)
            }
            Self::Broken { at, bytes } => (*at, *bytes, DamageKind::Changed),
            Self::Gap { at } => (*at, FRAME_HEADER as u64, DamageKind::Gap),
            Self::Disordered { at, bytes } => (*at, *bytes, DamageKind::Disordered),
        };
        Some(Damage::new(file, at, bytes, kind))
    }
}

impl<'a> Walk<'a> {
    pub(crate) const fn new(journal: &'a Blob) -> Self {
        Self::from(journal, Mark::BEGINNING)
    }

    /// From where another walk stood.
    pub(crate) const fn from(journal: &'a Blob, mark: Mark) -> Self {
        Self { journal, mark, payload: Vec::new() }
    }

    pub(crate) const fn mark(&self) -> Mark {
        self.mark
    }

    /// Where the next frame begins.
    pub(crate) const fn at(&self) -> u64 {
        self.mark.at
    }

    /// The next frame; `None` at the end.
    pub(crate) fn step(&mut self) -> io::Result<Option<Step<'_>>> {
        let at = self.mark.at;
        let (header, is_mended) = match self.pass()? {
            None => return Ok(None),
            Some(Passed::Frame(header)) => (header, false),
            Some(Passed::Mended(header)) => (header, true),
            Some(Passed::Broken) => {
                return Ok(Some(Step::Broken { at, bytes: self.mark.at - at }));
            }
            Some(Passed::Gap) => return Ok(Some(Step::Gap { at })),
            Some(Passed::Disordered) => {
                return Ok(Some(Step::Disordered { at, bytes: self.mark.at - at }));
            }
        };
        let payload_at = at + FRAME_HEADER as u64;
        let is_intact = if header.kind.is_derived() {
            // It may be as long as the index; who wants it reads it in place.
            let sum = self.sum(payload_at, header.length)?;
            self.payload.clear();
            sum == header.payload_crc
        } else {
            self.journal.read_into(payload_at, header.length as usize, &mut self.payload)?;
            header.matches(&self.payload)
        };
        Ok(Some(if is_intact {
            Step::Frame { header, payload_at, payload: &self.payload, is_mended }
        } else {
            Step::Spoilt { header, at }
        }))
    }

    /// The sum of so many bytes, of which a part is held at a time.
    fn sum(&mut self, mut at: u64, length: u32) -> io::Result<u32> {
        let mut hasher = Hasher::new();
        let mut left = length as usize;
        while left > 0 {
            let count = left.min(MOST_PAYLOAD);
            self.journal.read_into(at, count, &mut self.payload)?;
            hasher.update(&self.payload);
            (at, left) = (at + count as u64, left - count);
        }
        Ok(hasher.finalize())
    }

    /// The header of the next frame, whatever its payload is; `None` at the end.
    pub(crate) fn header(&mut self) -> io::Result<Option<FrameHeader>> {
        while let Some(passed) = self.pass()? {
            match passed {
                Passed::Frame(header) | Passed::Mended(header) => return Ok(Some(header)),
                Passed::Broken | Passed::Gap | Passed::Disordered => {}
            }
        }
        Ok(None)
    }

    /// Goes past what stands here; `None` at the end.
    fn pass(&mut self) -> io::Result<Option<Passed>> {
        let end = self.journal.len();
        let left = end.saturating_sub(self.mark.at);
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = [0; FRAME_HEADER];
        if self.journal.read_at(self.mark.at, &mut bytes)? < FRAME_HEADER {
            self.mark.at = end;
            return Ok(Some(Passed::Broken));
        }
        let intact = FrameHeader::decode(&bytes);
        // To look for the next one would be to look through this one's payload, in which the stream may have put what
        // it likes.
        let Some(header) = intact.or_else(|| self.mark.mended(&bytes)) else {
            let at = self.mark.at;
            let found = self.found(&bytes)?;
            // What is behind the last frame is none: a machine may have lost its power there.
            let is_gap = bytes == [0; FRAME_HEADER]
                && found.is_some_and(|found| found.at - at == FRAME_HEADER as u64);
            self.mark = found.unwrap_or(Mark { at: end, number: None });
            return Ok(Some(if is_gap { Passed::Gap } else { Passed::Broken }));
        };
        if !fits(&header, left) {
            // It is cut off. What looks like a frame within is the stream's.
            self.mark.at = end;
            return Ok(Some(Passed::Broken));
        }
        if !self.mark.is_of(&header) {
            self.mark.at = end;
            return Ok(Some(Passed::Disordered));
        }
        self.mark = self.mark.past(&header);
        Ok(Some(if intact.is_some() { Passed::Frame(header) } else { Passed::Mended(header) }))
    }

    /// Where the next frame begins after these bytes, which are no header.
    fn found(&self, damaged: &[u8; FRAME_HEADER]) -> io::Result<Option<Mark>> {
        // The length may be well, and leads over bytes in which the stream may have put what it likes.
        let after = self.mark.at + FRAME_HEADER as u64 + u64::from(u32_at(damaged, 0));
        let mut header = [0; FRAME_HEADER];
        if self.journal.read_at(after, &mut header)? == FRAME_HEADER
            && let Some(mark) = self.goes_on(after, &header)
        {
            return Ok(Some(mark));
        }
        let mut at = self.mark.at + 1;
        // Most often it is near.
        let mut block = vec![0; FEW];
        loop {
            let read = self.journal.read_at(at, &mut block)?;
            let places = block[..read].windows(FRAME_HEADER).zip(at..);
            let mut headers = places.filter_map(|(bytes, at)| Some((at, bytes.first_chunk()?)));
            if let Some(mark) = headers.find_map(|(at, header)| self.goes_on(at, header)) {
                return Ok(Some(mark));
            }
            if read < block.len() {
                return Ok(None);
            }
            at += (block.len() - FRAME_HEADER + 1) as u64;
            block.resize((2 * block.len()).min(BLOCK), 0);
        }
    }

    /// Whether the frame of this header can follow, by its number: there is room for those between.
    fn goes_on(&self, at: u64, header: &[u8; FRAME_HEADER]) -> Option<Mark> {
        // Most places are none by that alone.
        let number = Number::of(header);
        let missing = number.beyond(self.mark.number)?;
        if missing > (at - self.mark.at) / FRAME_HEADER as u64 {
            return None;
        }
        let header = FrameHeader::decode(header)?;
        fits(&header, self.journal.len() - at).then_some(Mark { at, number: Some(number) })
    }
}

/// Whether the frame is all there, and no longer than what is written.
fn fits(header: &FrameHeader, left: u64) -> bool {
    header.frame_length() <= left
        && (header.length as usize <= MOST_PAYLOAD || header.kind.is_derived())
}

/// What a walk went past.
enum Passed {
    Frame(FrameHeader),
    Mended(FrameHeader),
    Broken,
    Gap,
    Disordered,
}
