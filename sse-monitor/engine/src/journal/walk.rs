//! Walks a journal frame by frame, up to where it is damaged or cut off.

use std::io;

use super::{
    blob::Blob,
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader, MOST_PAYLOAD, Number},
};
use crate::recording::{Damage, DamageKind};

/// Goes over a journal's frames in order.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    journal: &'a Blob,
    at: u64,
    /// The number of the frame before.
    number: Option<Number>,
    payload: Vec<u8>,
}

/// Where a frame begins, for a walk that goes on there.
#[cfg(feature = "convert")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: u64,
    number: Option<Number>,
}

/// What stands at a place of a journal.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Frame {
        header: FrameHeader,
        payload_at: u64,
        payload: &'a [u8],
    },
    /// A frame whose payload is not as it was written. The next one follows all the same.
    Spoilt {
        header: FrameHeader,
        at: u64,
    },
    /// Nothing can be read from here on; the journal has so many more bytes.
    Broken {
        at: u64,
        bytes: u64,
    },
    /// Frames are missing here, or stand where they do not belong: what follows cannot be told apart from what
    /// somebody made of it. The journal has so many more bytes.
    Disordered {
        at: u64,
        bytes: u64,
    },
}

impl Step<'_> {
    /// What is damaged here, in this file.
    pub(crate) fn damage(&self, file: &str) -> Option<Damage> {
        let (at, bytes, kind) = match self {
            Self::Frame { .. } => return None,
            Self::Spoilt { header, at } => (*at, header.frame_length(), DamageKind::Changed),
            Self::Broken { at, bytes } => (*at, *bytes, DamageKind::Changed),
            Self::Disordered { at, bytes } => (*at, *bytes, DamageKind::Disordered),
        };
        Some(Damage { file: file.into(), at, bytes, kind })
    }
}

impl<'a> Walk<'a> {
    pub(crate) const fn new(journal: &'a Blob) -> Self {
        Self { journal, at: FILE_HEADER as u64, number: None, payload: Vec::new() }
    }

    /// From where another walk stood.
    #[cfg(feature = "convert")]
    pub(crate) const fn from(journal: &'a Blob, mark: Mark) -> Self {
        Self { journal, at: mark.at, number: mark.number, payload: Vec::new() }
    }

    #[cfg(feature = "convert")]
    pub(crate) const fn mark(&self) -> Mark {
        Mark { at: self.at, number: self.number }
    }

    /// Where the next frame begins.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// The next frame; `None` at the end.
    pub(crate) fn step(&mut self) -> io::Result<Option<Step<'_>>> {
        let left = self.journal.len().saturating_sub(self.at);
        if left == 0 {
            return Ok(None);
        }
        let at = self.at;
        let broken = Step::Broken { at, bytes: left };
        let mut bytes = [0; FRAME_HEADER];
        if self.journal.read_at(at, &mut bytes)? < FRAME_HEADER {
            self.at += left;
            return Ok(Some(broken));
        }
        let Some(header) = FrameHeader::decode(&bytes) else {
            self.at += left;
            return Ok(Some(broken));
        };
        let payload_at = at + FRAME_HEADER as u64;
        if header.frame_length() > left
            || (header.length as usize > MOST_PAYLOAD && !header.kind.is_derived())
        {
            self.at += left;
            return Ok(Some(broken));
        }
        let is_next = match self.number {
            None => header.number.is_first(),
            Some(before) => header.number == before.next(),
        };
        if !is_next {
            self.at += left;
            return Ok(Some(Step::Disordered { at, bytes: left }));
        }
        self.number = Some(header.number);
        self.at += header.frame_length();
        if header.kind.is_derived() {
            // It may be as long as the index; who wants it reads it in place.
            self.payload.clear();
            return Ok(Some(Step::Frame { header, payload_at, payload: &[] }));
        }
        self.journal.read_into(payload_at, header.length as usize, &mut self.payload)?;
        Ok(Some(if header.matches(&self.payload) {
            Step::Frame { header, payload_at, payload: &self.payload }
        } else {
            Step::Spoilt { header, at }
        }))
    }
}
