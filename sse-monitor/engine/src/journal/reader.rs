//! Reads rows back from their bytes.

use alloc::sync::Arc;
use core::ops::{ControlFlow, Range};

use sse_codec::Limits;

use super::{
    dropped::{Dropped, Passed, RawEnd},
    entry::{ENTRY, Entry, EntryKind, TYPE_NOT_INTERNED},
    frame::{FILE_HEADER, FRAME_HEADER, FrameHeader, FrameKind, MOST_PAYLOAD},
    met::LatestDamage,
    segment::{ID_CRC, Segment},
    texts::{comment, sentence, texts},
    turn::{Origin, Turn},
    view::{Part, View},
    walk::{Mark, Step, Walk},
};
use crate::{
    clock::Moment,
    packed::beginning,
    recording::Damage,
    row::{Row, RowKind},
};

/// Bytes of IDs read at a time.
const ID_WINDOW: usize = 16 << 10;

/// Where an event has more than so many bytes, and some for each byte that is shown, only so many are
/// read: a line of data can be short beside its name and its end.
const BEGINNING: usize = 64 << 10;
const LINE_SHARE: usize = 8;

/// So much of an event that was dropped is given out in one piece: it has no other limit.
const MOST_DROPPED: usize = 64 << 20;

/// Entries read at a time by those who look at all of them.
const BLOCK: usize = 2048;

/// Reads rows of a view. Keeps the frame it read last, in which the next row mostly lies.
#[derive(Debug)]
pub(crate) struct Reader<'v> {
    view: &'v View,
    frame: Frame,
    /// The frame that was found damaged last, which is not read for each of its rows again.
    unreadable: Option<(Arc<Segment>, u64)>,
    /// The bytes of a row that lies in more than one frame.
    gathered: Vec<u8>,
    ids: Window,
    met: LatestDamage,
}

/// A part of a segment's IDs, which mostly has the next one too.
#[derive(Debug, Default)]
struct Window {
    segment: Option<Arc<Segment>>,
    at: u64,
    bytes: Vec<u8>,
    /// Where the ID stands of which it was told last that it is damaged; rows after it may have it too.
    told: Option<u64>,
}

/// A frame that was read, and found intact.
#[derive(Debug, Default)]
struct Frame {
    segment: Option<Arc<Segment>>,
    at: u64,
    header: Option<FrameHeader>,
    payload: Vec<u8>,
}

/// What cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl<'v> Reader<'v> {
    pub(crate) fn new(view: &'v View) -> Self {
        let (frame, ids) = (Frame::default(), Window::default());
        let met = LatestDamage::default();
        Self { view, frame, unreadable: None, gathered: Vec::new(), ids, met }
    }

    /// Row `number`; `None` if there is none. One that is damaged says so, and what of it is damaged is told.
    pub(crate) fn row(&mut self, number: u64, preview: usize) -> Option<Row> {
        let mut row = Row::default();
        self.row_into(number, preview, &mut row).map(|()| row)
    }

    /// As [`row`](Self::row), into one that was read before, so that its memory is used again.
    pub(crate) fn row_into(&mut self, number: u64, preview: usize, row: &mut Row) -> Option<()> {
        let part = self.view.part_of(number)?;
        let segment = Arc::clone(&part.segment);
        match entry(&segment, number) {
            Err(Unreadable) => {
                self.view.kept().add_damage(segment.damaged_entry(number));
                *row = damaged(number, None, "its entry in the index");
            }
            Ok(entry) => {
                if self.of_entry(&segment, number, &entry, preview, row).is_err() {
                    // That its ID is was told.
                    if self.id(&segment, &entry).is_ok() {
                        self.tell(&segment, number, &entry);
                    }
                    *row = damaged(number, Some(&entry), "its bytes");
                }
            }
        }
        Some(())
    }

    pub(crate) fn raw_row(&mut self, number: u64) -> Option<Vec<u8>> {
        let part = self.view.part_of(number)?;
        let segment = Arc::clone(&part.segment);
        let entry = entry(&segment, number).ok()?;
        match entry.kind {
            EntryKind::Turn => None,
            EntryKind::DecodeError => {
                let mut bytes = Vec::new();
                let read = self.dropped_bytes(&segment, &entry, |piece| {
                    let room = MOST_DROPPED - bytes.len();
                    bytes.extend_from_slice(&piece[..piece.len().min(room)]);
                    if piece.len() < room {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                });
                read.ok().map(|_| bytes)
            }
            EntryKind::Event | EntryKind::Comment | EntryKind::ReconnectionTime => {
                self.raw(&segment, &entry).ok().map(<[u8]>::to_vec)
            }
        }
    }

    /// Shows `each` the bytes of a row, until it breaks; false: some cannot be read, or there are none.
    pub(crate) fn visit_raw<B>(
        &mut self,
        number: u64,
        mut each: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> ControlFlow<B, RawEnd> {
        let damaged = ControlFlow::Continue(RawEnd::Damaged);
        let Some(part) = self.view.part_of(number) else { return damaged };
        let segment = Arc::clone(&part.segment);
        let read = match entry(&segment, number) {
            Ok(entry) if entry.kind == EntryKind::Turn => Err(Unreadable),
            Ok(entry) if entry.kind == EntryKind::DecodeError => {
                self.dropped_bytes(&segment, &entry, each)
            }
            Ok(entry) => {
                self.raw(&segment, &entry).map(|bytes| each(bytes).map_continue(|()| true))
            }
            Err(Unreadable) => Err(Unreadable),
        };
        let end = |ends| if ends { RawEnd::Whole } else { RawEnd::Unfinished };
        read.map_or(damaged, |read| read.map_continue(end))
    }

    pub(crate) fn dropped(&mut self, number: u64) -> Option<Dropped> {
        let segment = Arc::clone(&self.view.part_of(number)?.segment);
        let entry = entry(&segment, number).ok()?;
        let is_dropped = entry.kind == EntryKind::DecodeError;
        is_dropped.then(|| self.dropped_of(&segment, &entry).ok()).flatten()
    }

    pub(crate) fn passed(&self, number: u64) -> Option<Passed> {
        let entry = entry(&self.view.part_of(number)?.segment, number).ok()?;
        (entry.kind == EntryKind::DecodeError).then(|| Passed::of(&entry))
    }

    pub(crate) fn turn(&mut self, number: u64) -> Option<Turn> {
        let part = self.view.part_of(number)?;
        let segment = Arc::clone(&part.segment);
        let entry = entry(&segment, number).ok().filter(|entry| entry.kind == EntryKind::Turn)?;
        serde_json::from_slice(self.raw(&segment, &entry).ok()?).ok()
    }

    fn of_entry(
        &mut self,
        segment: &Arc<Segment>,
        number: u64,
        entry: &Entry,
        preview: usize,
        row: &mut Row,
    ) -> Result<(), Unreadable> {
        row.id.clear();
        row.id.push_str(self.id(segment, entry)?);
        let limits = self.limits();
        let interned = self.view.kept().event_type(entry.event_type);
        // Of a page's rows only their beginnings are shown.
        let most = preview.saturating_mul(LINE_SHARE).saturating_add(BEGINNING);
        let is_cut = entry.length as usize > most;
        let raw = if is_cut && entry.kind == EntryKind::Event {
            self.beginning(segment, entry, most)?
        } else {
            self.raw(segment, entry)?
        };
        row.number = number;
        row.kind = RowKind::Event;
        row.elapsed_micros = entry.elapsed_micros;
        row.attempt = entry.attempt;
        row.event_type.clear();
        row.data.clear();
        row.data_bytes = u64::from(entry.data_length);
        match entry.kind {
            EntryKind::Event => {
                let texts = texts(entry, raw, limits)?;
                row.event_type.push_str(match &interned {
                    Some(name) if entry.event_type != TYPE_NOT_INTERNED => name,
                    _ => &texts.event_type,
                });
                if !is_cut {
                    row.data_bytes = texts.data.len() as u64;
                }
                row.data.push_str(beginning(&texts.data, preview));
            }
            EntryKind::Comment => {
                let text = comment(raw)?;
                row.kind = RowKind::Comment;
                row.data_bytes = text.len() as u64;
                row.data = beginning(&text, preview).into();
            }
            EntryKind::ReconnectionTime => {
                row.kind = RowKind::ReconnectionTime { wait_ms: entry.data_length };
                let text = sentence(entry).unwrap_or_default();
                row.data_bytes = text.len() as u64;
                row.data.push_str(beginning(&text, preview));
            }
            EntryKind::DecodeError => {
                row.kind = RowKind::DecodeError;
                let text = self.dropped_of(segment, entry)?.sentence();
                row.data_bytes = text.len() as u64;
                row.data.push_str(beginning(&text, preview));
            }
            EntryKind::Turn => {
                let turn: Turn = serde_json::from_slice(raw).unwrap_or_else(|_| Turn::unreadable());
                row.kind = turn.kind;
                row.id = turn.id;
                row.data_bytes = turn.sentence.len() as u64;
                row.data = beginning(&turn.sentence, preview).into();
            }
        }
        row.unix_micros = self.unix_micros(entry);
        Ok(())
    }

    /// The wall clock at the read that completed the row, by the frame in which it begins: that of the
    /// first read of an event which took several, moved on by the clock that never jumps.
    fn unix_micros(&self, entry: &Entry) -> u64 {
        let Some(header) = self.frame.header else { return 0 };
        let Moment { unix_micros, elapsed_micros } = header.moment;
        // Of a forged recording it may be any number.
        let since = entry.elapsed_micros.wrapping_sub(elapsed_micros);
        unix_micros.saturating_add_signed(since.cast_signed())
    }

    pub(crate) fn limits(&self) -> Limits {
        limits_of(&self.view.kept().origin)
    }

    /// Tells what of a row's bytes is damaged.
    pub(crate) fn tell(&mut self, segment: &Arc<Segment>, number: u64, entry: &Entry) {
        self.met.tell(self.view, segment, number, entry);
    }

    /// The last event ID of an entry. That it is damaged is told.
    pub(crate) fn id(&mut self, segment: &Arc<Segment>, entry: &Entry) -> Result<&str, Unreadable> {
        if entry.id_length == 0 {
            return Ok("");
        }
        let length = entry.id_length as usize + ID_CRC;
        let within = |window: &Window| {
            let from = usize::try_from(entry.id_at.checked_sub(window.at)?).ok()?;
            let is_same = window.segment.as_ref().is_some_and(|other| Arc::ptr_eq(other, segment));
            (is_same && from + length <= window.bytes.len()).then_some(from)
        };
        let from = match within(&self.ids) {
            Some(from) => from,
            None => {
                (self.ids.segment, self.ids.told) = (None, None);
                self.ids.bytes.resize(length.max(ID_WINDOW), 0);
                let read = segment.ids.read_at(entry.id_at, &mut self.ids.bytes);
                let read = read.map_err(|_| Unreadable)?;
                self.ids.bytes.truncate(read);
                self.ids.segment = Some(Arc::clone(segment));
                self.ids.at = entry.id_at;
                0
            }
        };
        let id = self.ids.bytes.get(from..from + length).ok_or(Unreadable).and_then(checked_id);
        if id.is_err() && self.ids.told.replace(entry.id_at) != Some(entry.id_at) {
            self.view.kept().add_damage(segment.damaged_id(entry));
        }
        id
    }

    /// The bytes of an entry, from its first to its last, found intact.
    pub(crate) fn raw(
        &mut self,
        segment: &Arc<Segment>,
        entry: &Entry,
    ) -> Result<&[u8], Unreadable> {
        self.raw_up_to(segment, entry, entry.length as usize)
    }

    /// The first bytes of an event, ended as if it had no others.
    fn beginning(
        &mut self,
        segment: &Arc<Segment>,
        entry: &Entry,
        most: usize,
    ) -> Result<&[u8], Unreadable> {
        let raw = self.raw_up_to(segment, entry, most)?.to_vec();
        self.gathered = raw;
        self.gathered.extend_from_slice(b"\n\n");
        Ok(&self.gathered)
    }

    fn raw_up_to(
        &mut self,
        segment: &Arc<Segment>,
        entry: &Entry,
        length: usize,
    ) -> Result<&[u8], Unreadable> {
        let frame_at = entry.at.checked_sub(entry.frame_back.into()).ok_or(Unreadable)?;
        self.load(segment, frame_at)?;
        let from = (entry.frame_back as usize).checked_sub(FRAME_HEADER).ok_or(Unreadable)?;
        if from + length <= self.frame.payload.len() {
            return Ok(&self.frame.payload[from..from + length]);
        }
        self.gathered.clear();
        self.gathered.extend_from_slice(self.frame.payload.get(from..).ok_or(Unreadable)?);
        let mut next = frame_at + self.frame.header.map_or(0, |header| header.frame_length());
        while self.gathered.len() < length {
            let mut payload = Vec::new();
            let header = read_frame(segment, next, &mut payload)?;
            next += header.frame_length();
            if header.kind.is_body() && header.attempt == entry.attempt {
                let missing = (length - self.gathered.len()).min(payload.len());
                self.gathered.extend_from_slice(&payload[..missing]);
            } else if header.kind.is_body() {
                return Err(Unreadable);
            }
        }
        Ok(&self.gathered)
    }

    /// What is damaged of the frames in which a row's bytes lie, told as by who reads the journal from its beginning.
    pub(crate) fn damage(segment: &Segment, number: u64, entry: &Entry) -> Option<Damage> {
        let at = entry.at.checked_sub(entry.frame_back.into())?;
        let before = u64::from(entry.frame_back).checked_sub(FRAME_HEADER as u64)?;
        let mut left = before + u64::from(entry.length);
        let mut walk = Walk::from(&segment.journal, numbered_mark(segment, number, at));
        let [file, ..] = segment.files();
        while walk.at() < at {
            let damage = walk.step().ok()??.damage(&file);
            if walk.at() > at {
                return damage;
            }
        }
        while left > 0 {
            match walk.step().ok()?? {
                Step::Frame { header, payload, .. } if header.kind.is_body() => {
                    left = left.saturating_sub(payload.len() as u64);
                }
                Step::Frame { .. } => {}
                step @ (Step::Spoilt { .. }
                | Step::Broken { .. }
                | Step::Gap { .. }
                | Step::Disordered { .. }) => {
                    return step.damage(&file);
                }
            }
        }
        None
    }

    /// Shows `each` what follows in the body from the first byte of an entry on, read by read, until it breaks or the
    /// body ends, or something of it is there no more.
    pub(super) fn body_from<B>(
        &mut self,
        segment: &Arc<Segment>,
        entry: &Entry,
        mut each: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Unreadable> {
        let frame_at = entry.at.checked_sub(entry.frame_back.into()).ok_or(Unreadable)?;
        self.load(segment, frame_at)?;
        let from = (entry.frame_back as usize).checked_sub(FRAME_HEADER).ok_or(Unreadable)?;
        let first = self.frame.payload.get(from..).ok_or(Unreadable)?;
        if let ControlFlow::Break(value) = each(first) {
            return Ok(ControlFlow::Break(value));
        }
        let mut next = frame_at + self.frame.header.map_or(0, |header| header.frame_length());
        let mut payload = Vec::new();
        let is_later = |part: &&Part| part.segment.number >= segment.number;
        let mut before: Option<&Segment> = None;
        for part in self.view.parts().iter().filter(is_later) {
            if before.is_some_and(|before| !part.segment.follows(before)) {
                return Ok(ControlFlow::Continue(()));
            }
            before = Some(&part.segment);
            while let Some(header) = next_frame(&part.segment, next, &mut payload)? {
                next += header.frame_length();
                if header.attempt != entry.attempt {
                    return Ok(ControlFlow::Continue(()));
                }
                if header.kind.is_body()
                    && let ControlFlow::Break(value) = each(&payload)
                {
                    return Ok(ControlFlow::Break(value));
                }
            }
            next = FILE_HEADER as u64;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn load(&mut self, segment: &Arc<Segment>, at: u64) -> Result<(), Unreadable> {
        let is_there = self.frame.at == at
            && self.frame.header.is_some()
            && self.frame.segment.as_ref().is_some_and(|other| Arc::ptr_eq(other, segment));
        if is_there {
            return Ok(());
        }
        let is_it =
            |(other, place): &(Arc<Segment>, u64)| *place == at && Arc::ptr_eq(other, segment);
        if self.unreadable.as_ref().is_some_and(is_it) {
            return Err(Unreadable);
        }
        self.frame.header = None;
        let header = read_frame(segment, at, &mut self.frame.payload);
        let header = header.inspect_err(|_| self.unreadable = Some((Arc::clone(segment), at)))?;
        self.frame.segment = Some(Arc::clone(segment));
        self.frame.at = at;
        self.frame.header = Some(header);
        Ok(())
    }
}

/// From where on a walk knows which number the frame of a row must have, which begins at `at`: from there, or, where its
/// header tells it no more, from the nearest frame of a row before whose header does.
fn numbered_mark(segment: &Segment, number: u64, at: u64) -> Mark {
    let before = (segment.first_row..number).rev().filter_map(|number| {
        let entry = entry(segment, number).ok()?;
        entry.at.checked_sub(entry.frame_back.into())
    });
    let mut nearest = None;
    for place in core::iter::once(at).chain(before) {
        if place > at || nearest.is_some_and(|nearest| place >= nearest) {
            continue;
        }
        nearest = Some(place);
        let mut header = [0; FRAME_HEADER];
        let read = segment.journal.read_at(place, &mut header);
        let header = FrameHeader::mended(&header).filter(|_| matches!(read, Ok(FRAME_HEADER)));
        if let Some(header) = header {
            return Mark::of_header(place, &header);
        }
    }
    Mark::BEGINNING
}

/// Reads the frame at `at`.
fn read_frame(
    segment: &Segment,
    at: u64,
    payload: &mut Vec<u8>,
) -> Result<FrameHeader, Unreadable> {
    let mut header = [0; FRAME_HEADER];
    match segment.journal.read_at(at, &mut header) {
        Ok(FRAME_HEADER) => {}
        _ => return Err(Unreadable),
    }
    let header = FrameHeader::mended(&header).ok_or(Unreadable)?;
    let length = header.length as usize;
    if length > MOST_PAYLOAD {
        return Err(Unreadable);
    }
    segment.journal.read_into(at + FRAME_HEADER as u64, length, payload).map_err(|_| Unreadable)?;
    if header.matches(payload) { Ok(header) } else { Err(Unreadable) }
}

/// The same where there is one of the stream, or of its connection: what follows from these ends a segment.
fn next_frame(
    segment: &Segment,
    at: u64,
    payload: &mut Vec<u8>,
) -> Result<Option<FrameHeader>, Unreadable> {
    let mut header = [0; FRAME_HEADER];
    let read = segment.journal.read_at(at, &mut header).map_err(|_| Unreadable)?;
    if read == 0 {
        return Ok(None);
    }
    let header = FrameHeader::mended(&header).ok_or(Unreadable)?;
    if header.kind == FrameKind::End || header.kind.is_derived() {
        return Ok(None);
    }
    read_frame(segment, at, payload).map(Some)
}

fn entry(segment: &Segment, number: u64) -> Result<Entry, Unreadable> {
    let mut bytes = [0; ENTRY];
    let at = (number - segment.first_row) * ENTRY as u64;
    match segment.index.read_at(at, &mut bytes) {
        Ok(ENTRY) => Entry::decode(&bytes).ok_or(Unreadable),
        _ => Err(Unreadable),
    }
}

/// Shows `each` the entries of these rows, in order, until it breaks; `None` is a damaged one.
pub(crate) fn for_entries<B>(
    view: &View,
    numbers: Range<u64>,
    mut each: impl FnMut(&Arc<Segment>, u64, Option<Entry>) -> ControlFlow<B>,
) -> Option<B> {
    let mut bytes = vec![0; BLOCK * ENTRY];
    for part in view.parts() {
        let rows = part.numbers();
        let mut next = rows.start.max(numbers.start);
        let end = rows.end.min(numbers.end);
        while next < end {
            let count = usize::try_from(end - next).unwrap_or(BLOCK).min(BLOCK);
            let at = (next - rows.start) * ENTRY as u64;
            let read = part.segment.index.read_at(at, &mut bytes[..count * ENTRY]).unwrap_or(0);
            for slot in 0..count {
                let there = (slot + 1) * ENTRY <= read;
                let entry = bytes[slot * ENTRY..].first_chunk::<ENTRY>().filter(|_| there);
                let entry = entry.and_then(Entry::decode);
                if let ControlFlow::Break(value) = each(&part.segment, next, entry) {
                    return Some(value);
                }
                next += 1;
            }
        }
    }
    None
}

/// The ID in what was read of the IDs.
pub(crate) fn checked_id(bytes: &[u8]) -> Result<&str, Unreadable> {
    let (text, crc) = bytes.split_last_chunk::<ID_CRC>().ok_or(Unreadable)?;
    if crc32fast::hash(text).to_le_bytes() != *crc {
        return Err(Unreadable);
    }
    core::str::from_utf8(text).map_err(|_| Unreadable)
}

/// The limits that a session was decoded with.
pub(crate) fn limits_of(origin: &Origin) -> Limits {
    let limits = Limits::default();
    let narrow = |bytes: u64, default| match usize::try_from(bytes) {
        Ok(0) | Err(_) => default,
        Ok(bytes) => bytes,
    };
    limits
        .line(narrow(origin.most_line, limits.line))
        .event(narrow(origin.most_event, limits.event))
        .value(narrow(origin.most_value, limits.value))
}

fn damaged(number: u64, entry: Option<&Entry>, what: &str) -> Row {
    let data = format!("row {number} is damaged: {what} are not as they were written");
    Row {
        number,
        kind: RowKind::Damaged,
        unix_micros: 0,
        elapsed_micros: entry.map_or(0, |entry| entry.elapsed_micros),
        attempt: entry.map_or(0, |entry| entry.attempt),
        event_type: String::new(),
        id: String::new(),
        data_bytes: data.len() as u64,
        data,
    }
}
