//! The fastest way: an event that lies whole in the chunk is read and given there.

use super::{Decoded, EndedBlock, Engine, Stage, WORTHWHILE};
use crate::{
    event::{DEFAULT_EVENT_TYPE, Event, Item},
    field::parse_retry,
    memory::Store,
    name::{DATA, EVENT, ID, RETRY, whole_word},
    scan::{
        DataStart, Job, LineEnds, Vector, data_start, line_end_width, pass_ignorable,
        special_data_start, typed_event,
    },
};

/// What the `event` and `id` lines say that come before the data of an event.
#[derive(Clone, Copy, Default)]
pub(crate) struct Head<'i> {
    /// `message` where the field is empty.
    pub(crate) event_type: Option<&'i str>,
    pub(crate) id: Option<&'i str>,
}

/// [`Engine::decode_data_event`] with the widest registers.
pub(super) struct DataEventJob<'a, 'd, S>(
    pub(super) &'a mut Engine<S>,
    pub(super) &'d mut Decoded<'a>,
);

impl<'a, 'i: 'a, S: Store> Job<'i> for DataEventJob<'a, '_, S> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V, chunk: &'i [u8]) -> usize {
        self.0.decode_data_event(vector, chunk, self.1)
    }
}

/// [`Engine::decode_special_data_event`] with the widest registers.
struct SpecialDataEventJob<'a, 'd, S>(&'a mut Engine<S>, &'d mut Decoded<'a>);

impl<'a, 'i: 'a, S: Store> Job<'i> for SpecialDataEventJob<'a, '_, S> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V, chunk: &'i [u8]) -> usize {
        self.0.decode_special_data_event(vector, chunk, self.1)
    }
}

/// [`Engine::decode_typed_event`] with the widest registers.
pub(super) struct TypedEventJob<'a, 'd, S>(
    pub(super) &'a mut Engine<S>,
    pub(super) &'d mut Decoded<'a>,
);

impl<'a, 'i: 'a, S: Store> Job<'i> for TypedEventJob<'a, '_, S> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V, chunk: &'i [u8]) -> usize {
        self.0.decode_typed_event(vector, chunk, self.1)
    }
}

/// [`Engine::decode_whole`] with the widest registers.
pub(super) struct WholeJob<'a, 'd, S>(pub(super) &'a mut Engine<S>, pub(super) &'d mut Decoded<'a>);

impl<'a, 'i: 'a, S: Store> Job<'i> for WholeJob<'a, '_, S> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V, chunk: &'i [u8]) -> usize {
        self.0.decode_whole(vector, chunk, self.1)
    }
}

impl<S: Store> Engine<S> {
    /// At the beginning of a block that begins with a `data` line: of most, that is all.
    #[inline(always)]
    fn decode_data_event<'a, 'i: 'a, V: Vector>(
        &'a mut self,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        self.give_data_start(data_start(vector, chunk), chunk, decoded)
    }

    /// The same, where a byte of the line is not ASCII.
    #[inline(always)]
    fn decode_special_data_event<'a, 'i: 'a, V: Vector>(
        &'a mut self,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        self.give_data_start(special_data_start(vector, chunk), chunk, decoded)
    }

    #[inline(always)]
    fn give_data_start<'a, 'i: 'a>(
        &'a mut self,
        found: DataStart<'i>,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        match found {
            DataStart::Event(event) if event.len <= self.harmless => {
                let len = event.len;
                let event = self.give_data_event(DEFAULT_EVENT_TYPE, event);
                *decoded = Ok(Some(Item::Event(event)));
                len
            }
            DataStart::Open(line) if line.len() <= self.harmless => {
                self.leave(0, line, chunk, decoded)
            }
            DataStart::Special => self.decode_other_data_event(chunk, decoded),
            DataStart::Line => self.decode_on_lines(chunk, decoded),
            DataStart::Event(_) | DataStart::Open(_) | DataStart::Other => {
                self.decode_other_event(chunk, decoded)
            }
        }
    }

    #[inline(never)]
    fn decode_other_data_event<'a, 'i: 'a>(
        &'a mut self,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        self.widest.run(SpecialDataEventJob(self, decoded), chunk)
    }

    /// At the beginning of a block that begins with an `event` line: after it, most have one `data` line.
    #[inline(always)]
    fn decode_typed_event<'a, 'i: 'a, V: Vector>(
        &'a mut self,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        match typed_event(vector, chunk) {
            Some((event_type, event))
                if event.len <= self.harmless && event_type.len() <= self.bounds.value =>
            {
                let event_type =
                    if event_type.is_empty() { DEFAULT_EVENT_TYPE } else { event_type };
                let len = event.len;
                *decoded = Ok(Some(Item::Event(self.give_data_event(event_type, event))));
                len
            }
            Some(_) | None => self.decode_other_event(chunk, decoded),
        }
    }

    #[inline(never)]
    fn decode_other_event<'a, 'i: 'a>(
        &'a mut self,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        self.widest.run(WholeJob(self, decoded), chunk)
    }

    /// At the beginning of a line, in a block that has no data so far.
    #[inline(always)]
    fn decode_whole<'a, 'i: 'a, V: Vector>(
        &'a mut self,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        let mut first = 0;
        if !self.comments && matches!(chunk.first(), Some(b':' | b'\n')) {
            // No line of so few bytes is too long.
            let lines = chunk.get(..self.harmless).unwrap_or(chunk);
            first = pass_ignorable(vector, lines, 0, self.block.size == 0);
        }
        let mut ends = LineEnds::new(vector, chunk, first);
        let mut start = first;
        let mut head = Head::default();
        // In the limits, a line end counts as one byte.
        let mut crlfs = 0;
        let cut = loop {
            let Some(word) = chunk.get(start..).and_then(whole_word) else { break None };
            // What is in few bytes is hardly whole.
            let end = ends.next(chunk.len() > WORTHWHILE);
            // No line and no event of so few bytes passes a limit.
            if self.block.size + end.next > self.harmless {
                break None;
            }
            if end.next == end.at {
                break Some(end.piece_from(chunk, start));
            }
            if let Some(at) = DATA.value_in(word) {
                let blank = line_end_width(&chunk[end.next..]);
                match end.piece_from(chunk, start + at).text() {
                    Some(data) if blank > 0 => {
                        let event = self.give_event(head, data, first, end.next, blank);
                        *decoded = Ok(Some(Item::Event(event)));
                        return end.next + blank;
                    }
                    Some(_) | None => break None,
                }
            } else if let Some(at) = EVENT.value_in(word) {
                match end.piece_from(chunk, start + at).text() {
                    Some("") => head.event_type = Some(DEFAULT_EVENT_TYPE),
                    Some(text) if text.len() <= self.bounds.value => head.event_type = Some(text),
                    Some(_) | None => break None,
                }
            } else if let Some(at) = ID.value_in(word) {
                match end.piece_from(chunk, start + at).text() {
                    Some(text)
                        if text.len() <= self.bounds.value
                            && (end.plain || !text.contains('\0')) =>
                    {
                        head.id = Some(text);
                    }
                    Some(_) | None => break None,
                }
            } else {
                let value = RETRY.value_in(word).map(|at| &chunk[start + at..end.at]);
                let Some(milliseconds) = value.and_then(parse_retry) else { break None };
                self.take(head, first, start - first - crlfs);
                *decoded = Ok(Some(self.reconnection_time(milliseconds, start..end.at)));
                self.position.count(end.next);
                return end.next;
            }
            crlfs += end.next - end.at - 1;
            start = end.next;
        };
        self.take(head, first, start - first - crlfs);
        if let Some(line) = cut {
            return self.leave(start, line, chunk, decoded);
        }
        self.position.count(start);
        start + self.decode_on_lines(&chunk[start..], decoded)
    }

    /// An event whose data is in the chunk. Its first line there begins at `start`; at `end` begins its blank
    /// line, which has `blank` bytes.
    #[inline(always)]
    fn give_event<'a>(
        &'a mut self,
        head: Head<'a>,
        data: &'a str,
        start: usize,
        end: usize,
        blank: usize,
    ) -> Event<'a> {
        let offset = self.position.offset();
        let start = offset + start as u64;
        self.position.count(end + blank);
        let ended = if self.block.size == 0 && head.id.is_none() {
            EndedBlock { start, has_id: false, has_event_type: false }
        } else {
            self.end_block_apart(head.id, start)
        };
        self.event_of_block(ended, head.event_type, data, offset + end as u64 + 1)
    }

    #[inline(never)]
    fn end_block_apart(&mut self, id: Option<&str>, start: u64) -> EndedBlock {
        self.end_block(id, start)
    }

    /// Lets lines of `size` bytes, each with one for its end, wait for the rest of their block. In the chunk they
    /// begin at `start`.
    #[inline(never)]
    fn take(&mut self, head: Head<'_>, start: usize, size: usize) {
        if size > 0 {
            let start = self.position.offset() + start as u64;
            self.block.take(head, start, size, self.bounds.value);
            self.stage = Stage::Begun;
        }
    }
}
