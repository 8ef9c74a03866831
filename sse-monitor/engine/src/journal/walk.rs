//! Walks a journal frame by frame, up to where it is damaged or cut off.

use std::io;

use super::{
    blob::Blob,
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader, MOST_PAYLOAD},
};

/// Goes over a journal's frames in order.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    journal: &'a Blob,
    at: u64,
    payload: Vec<u8>,
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
}

impl<'a> Walk<'a> {
    pub(crate) const fn new(journal: &'a Blob) -> Self {
        Self { journal, at: FILE_HEADER as u64, payload: Vec::new() }
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
