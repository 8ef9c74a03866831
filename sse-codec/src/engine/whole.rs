//! The fastest way: an event that lies whole in the chunk is read and given there.

use super::{Decoded, EndedBlock, Engine, Stage, WORTHWHILE, Way, lines::Lines};
use crate::{
    event::{DEFAULT_EVENT_TYPE, Event, Item},
    field::parse_retry,
    memory::Store,
    name::{DATA, EVENT, ID, RETRY, whole_word},
    scan::{
        DataStart, LineEnds, Vector, data_start, line_end_width, pass_ignorable,
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

/// At the beginning of a block that begins with a `data` line: of most, that is all.
pub(super) struct DataEvent;

impl Way for DataEvent {
    #[inline(always)]
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        engine.give_data_start(data_start(vector, chunk), chunk, decoded)
    }
}

/// The same, where a byte of the line is not ASCII.
struct SpecialDataEvent;

impl Way for SpecialDataEvent {
    #[inline(always)]
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        engine.give_data_start(special_data_start(vector, chunk), chunk, decoded)
    }
}

/// At the beginning of a block that begins with an `event` line: after it, most have one `data` line.
pub(super) struct TypedEvent;

impl Way for TypedEvent {
    #[inline(always)]
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        match typed_event(vector, chunk) {
            Some((event_type, event))
                if event.len <= engine.harmless && event_type.len() <= engine.bounds.value =>
            {
                let event_type =
                    if event_type.is_empty() { DEFAULT_EVENT_TYPE } else { event_type };
                let len = event.len;
                *decoded = Ok(Some(Item::Event(engine.give_data_event(event_type, event))));
                len
            }
            Some(_) | None => engine.go_on::<WholeEvent>(chunk, decoded),
        }
    }
}

/// At the beginning of a line, in a block that has no data so far.
pub(super) struct WholeEvent;

impl Way for WholeEvent {
    #[inline(always)]
    fn decode<'a, 'i: 'a, S: Store, V: Vector>(
        engine: &'a mut Engine<S>,
        vector: V,
        chunk: &'i [u8],
        decoded: &mut Decoded<'a>,
    ) -> usize {
        let mut first = 0;
        if !engine.comments && matches!(chunk.first(), Some(b':' | b'\n')) {
            // No line of so few bytes is too long.
            let lines = chunk.get(..engine.harmless).unwrap_or(chunk);
            first = pass_ignorable(vector, lines, 0, engine.block.size == 0);
        }
        let mut ends = LineEnds::new(vector, chunk, first);
        // What is before it is in the head.
        let mut read = first;
        let mut head = Head::default();
        // In the limits, a line end counts as one byte.
        let mut crlfs = 0;
        let cut = loop {
            let Some(word) = chunk.get(read..).and_then(whole_word) else { break None };
            // What is in few bytes is hardly whole.
            let end = ends.next(chunk.len() > WORTHWHILE);
            // No line and no event of so few bytes passes a limit.
            if engine.block.size + end.next > engine.harmless {
                break None;
            }
            if end.next == end.at {
                break Some(end.line);
            }
            if let Some(at) = DATA.value_in(word) {
                let blank = line_end_width(&chunk[end.next..]);
                match end.line.after_ascii(at).text() {
                    Some(data) if blank > 0 => {
                        let event = engine.give_event(head, data, first, end.next, blank);
                        *decoded = Ok(Some(Item::Event(event)));
                        return end.next + blank;
                    }
                    Some(_) | None => break None,
                }
            } else if let Some(at) = EVENT.value_in(word) {
                match end.line.after_ascii(at).text() {
                    Some("") => head.event_type = Some(DEFAULT_EVENT_TYPE),
                    Some(text) if text.len() <= engine.bounds.value => head.event_type = Some(text),
                    Some(_) | None => break None,
                }
            } else if let Some(at) = ID.value_in(word) {
                match end.line.after_ascii(at).text() {
                    Some(text)
                        if text.len() <= engine.bounds.value
                            && (end.plain || !text.contains('\0')) =>
                    {
                        head.id = Some(text);
                    }
                    Some(_) | None => break None,
                }
            } else {
                let value = RETRY.value_in(word).map(|at| &end.line.bytes()[at..]);
                let Some(milliseconds) = value.and_then(parse_retry) else { break None };
                engine.take(head, first, read - first - crlfs);
                *decoded = Ok(Some(engine.reconnection_time(milliseconds, read..end.at)));
                engine.position.count(end.next);
                return end.next;
            }
            crlfs += end.next - end.at - 1;
            read = end.next;
        };
        engine.take(head, first, read - first - crlfs);
        if let Some(line) = cut {
            return engine.leave(read, line, chunk, decoded);
        }
        engine.position.count(read);
        read + engine.go_on::<Lines>(&chunk[read..], decoded)
    }
}

impl<S: Store> Engine<S> {
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
            DataStart::Special => self.go_on::<SpecialDataEvent>(chunk, decoded),
            DataStart::Line => self.go_on::<Lines>(chunk, decoded),
            DataStart::Event(_) | DataStart::Open(_) | DataStart::Other => {
                self.go_on::<WholeEvent>(chunk, decoded)
            }
        }
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
