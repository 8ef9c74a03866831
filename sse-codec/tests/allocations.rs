//! What the decoder and the encoder ask of the allocator: nothing in steady state, and never more than
//! the limits.

#![allow(unsafe_code, clippy::unwrap_used)]

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    hint::black_box,
};
use std::alloc::System;

use bytes::BytesMut;
use sse_codec::{Buffers, Decoder, EventId, EventType, Item, Limits, OutgoingEvent, SliceDecoder};

/// Counts what this thread asks for, so that tests that run beside each other do not meet.
struct Counting;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Calls that may have given memory.
    calls: usize,
    /// Bytes that are held now.
    held: isize,
    /// The most that were held at once.
    peak: isize,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { calls: 0, held: 0, peak: 0 }) };
}

fn note(calls: usize, bytes: isize) {
    // A thread that is ending has no count any more, and no test either.
    let _ended = COUNT.try_with(|count| {
        let Count { calls: before, held, peak } = count.get();
        let held = held + bytes;
        count.set(Count { calls: before + calls, held, peak: peak.max(held) });
    });
}

// SAFETY: everything is passed on to `System` as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: as the caller says.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as isize - layout.size() as isize);
        // SAFETY: as the caller says.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` asked for: calls, and the most bytes held at once beyond those before it.
fn count(work: impl FnOnce()) -> (usize, usize) {
    let before = COUNT.get();
    COUNT.set(Count { peak: before.held, ..before });
    work();
    let after = COUNT.get();
    (after.calls - before.calls, usize::try_from(after.peak - before.held).unwrap())
}

/// One of everything that streams are made of, in both kinds of line ends, 64 times over.
fn stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for number in 0..64 {
        let line = "a line of some length, ".repeat(number % 9 + 1);
        let blocks = format!(
            "data: {line}\n\nid: {number}\nevent: price\nretry: 2000\ndata: {line}\ndata: {line}\n\n: {line}\n\n\
             event: a\r\ndata: \u{4E8B}\u{1F642}{line}\r\n\r\ndata\n\nid\ndata: {number}\n\nunknown: {line}\n\n"
        );
        stream.extend_from_slice(blocks.as_bytes());
    }
    stream.extend_from_slice(b"data: not \xFF\xF0\x9F UTF-8\n\n");
    stream
}

const CHUNKS: [usize; 5] = [1, 7, 64, 1_400, 16 << 10];

#[test]
fn the_pull_door_allocates_nothing_in_steady_state() {
    let stream = stream();
    for size in CHUNKS {
        for comments in [false, true] {
            let mut decoder = Decoder::new().comments(comments);
            let mut events = 0_u64;
            let mut once = || {
                for mut chunk in stream.chunks(size) {
                    while let Ok(Some(item)) = decoder.decode(&mut chunk) {
                        events += u64::from(matches!(item, Item::Event(_)));
                    }
                }
            };
            once();
            let (calls, _) = count(|| (0..10).for_each(|_| once()));
            assert_eq!(calls, 0, "chunks of {size}, comments: {comments}");
            assert_eq!(events, 11 * (64 * 5 + 1));
        }
    }
}

#[test]
fn the_visit_door_allocates_nothing_in_steady_state() {
    let stream = stream();
    for size in CHUNKS {
        let mut decoder = Decoder::new();
        let mut events = 0_u64;
        let mut once = || {
            for chunk in stream.chunks(size) {
                decoder
                    .visit(chunk, |item| events += u64::from(matches!(item, Ok(Item::Event(_)))));
            }
        };
        once();
        let (calls, _) = count(|| (0..10).for_each(|_| once()));
        assert_eq!(calls, 0, "chunks of {size}");
        assert_eq!(events, 11 * (64 * 5 + 1));
    }
}

#[test]
fn the_door_with_lent_memory_never_allocates() {
    let stream = stream();
    let (mut line, mut event) = (vec![0; 1 << 10], vec![0; 4 << 10]);
    let (mut event_type, mut last, mut id) = ([0; 32], [0; 32], [0; 32]);
    for size in CHUNKS {
        let mut events = 0_u64;
        // From its first byte: there is no warming up.
        let (calls, _) = count(|| {
            let mut decoder = SliceDecoder::new(Buffers {
                line: &mut line,
                event: &mut event,
                event_type: &mut event_type,
                ids: [&mut last, &mut id],
            });
            for mut chunk in stream.chunks(size) {
                while let Ok(Some(item)) = decoder.decode(&mut chunk) {
                    events += u64::from(matches!(item, Item::Event(_)));
                }
            }
        });
        assert_eq!(calls, 0, "chunks of {size}");
        assert_eq!(events, 64 * 5 + 1);
    }
}

#[cfg(feature = "std")]
#[test]
fn what_a_reader_costs_is_what_it_gives() {
    /// A socket that gives one event at a time.
    struct Ticks(usize);

    impl std::io::Read for Ticks {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let event = b"data: a tick\n\n";
            if self.0 == 0 {
                return Ok(0);
            }
            self.0 -= 1;
            buffer[..event.len()].copy_from_slice(event);
            Ok(event.len())
        }
    }

    const READS: usize = 1_000;
    let mut items = sse_codec::Items::new(Ticks(READS));
    assert!(items.next().unwrap().is_ok());
    let (calls, peak) = count(|| assert_eq!(items.count(), READS - 1));
    // A chunk that can be shared is its bytes and its count.
    assert!(calls <= 2 * READS && peak < 1_000, "{calls} allocations, {peak} bytes at once");
}

#[test]
fn encoding_into_a_buffer_with_room_allocates_nothing() {
    use core::fmt::Write;

    let long = "a long line ".repeat(100);
    let datas = [
        "",
        "1",
        "a\nb\r\nc\r",
        &long,
        "a text of more bytes than the sixty-four that count as short, as sentences have",
    ];
    let mut vec = Vec::with_capacity(16 << 10);
    let mut bytes = BytesMut::with_capacity(16 << 10);
    let (calls, _) = count(|| {
        for data in datas {
            let event = OutgoingEvent::new()
                .event_type(EventType::new("price").unwrap())
                .id(EventId::new("7-42").unwrap())
                .reconnection_time(core::time::Duration::from_secs(3))
                .data(data);
            black_box(event.encoded_len());
            event.encode_into(&mut vec);
            event.encode_into(&mut bytes);
            let mut writer = event.data_writer(&mut vec);
            writer.write_str(data).unwrap();
            writer.finish();
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn a_frame_is_one_allocation() {
    for data in ["1", "a\nb\nc"] {
        let event = OutgoingEvent::new().data(data);
        let mut frame = None;
        let (calls, _) = count(|| frame = Some(event.encode()));
        assert_eq!(calls, 1, "{data:?}");
    }
}

/// What may be held besides a line and an event: a type, two ids.
const SLACK: usize = 64 << 10;

/// Feeds `head` and then `fill` without an end, far beyond the limits, and gives the peak.
fn flood(head: &[u8], fill: &[u8], size: usize, limits: Limits) -> usize {
    let fill: Vec<u8> =
        fill.iter().copied().cycle().take(fill.len() * size.div_ceil(fill.len())).collect();
    let total = 3 * (limits.line + limits.event);
    let (_, peak) = count(|| {
        let mut decoder = Decoder::with_limits(limits).comments(true);
        let mut feed = |mut chunk: &[u8]| {
            while let Some(item) = decoder.decode(&mut chunk).transpose() {
                let _news = black_box(item);
            }
        };
        feed(head);
        for _ in 0..total / fill.len() {
            feed(&fill);
        }
    });
    peak
}

#[test]
fn memory_never_passes_the_limits() {
    let limits = Limits::default().line(128 << 10).event(256 << 10);
    let shapes: [(&str, &[u8], &[u8]); 10] = [
        ("an endless line", b"", b"x"),
        ("endless data in one line", b"data: ", b"x"),
        ("endless data in many lines", b"", b"data: some text\n"),
        ("endless empty data lines", b"", b"data\n"),
        ("an endless type", b"event: ", b"x"),
        ("an endless id", b"id: ", b"x"),
        ("an endless comment", b": ", b"x"),
        ("endless ids and types", b"", b"id: some text\nevent: some text\n"),
        ("what is not UTF-8, which grows as text", b"data: ", b"\xFF"),
        ("blank lines", b"", b"\n"),
    ];
    for (name, head, fill) in shapes {
        for size in [1, 1_400, 16 << 10] {
            let size = size.max(fill.len());
            let peak = flood(head, fill, size, limits);
            let allowed = limits.line + limits.event + SLACK;
            assert!(peak <= allowed, "{name}, chunks of {size}: {peak} of {allowed} bytes");
        }
    }
}

#[test]
fn the_worst_event_takes_a_line_and_an_event_and_a_little_more() {
    // Type, two ids, data and an unfinished line, each as long as may be, one after the other; and
    // then other events of which each has another part that long: what is kept for reuse counts too.
    let limits = Limits::default().line(64 << 10).event(128 << 10);
    let value = "v".repeat(limits.value);
    let line = "d".repeat(limits.line - 16);
    let stream = format!(
        "id: {value}\n\nevent: {value}\nid: {value}\ndata: {line}\ndata: \u{FFFD}\n: {line}\n\n\
         event: {value}x\ndata: lost\n\ndata: {line}\n\nid: {value}\ndata\n\n: {line}"
    );
    for size in [7, 64, 1_400, 16 << 10] {
        let (_, peak) = count(|| {
            let mut decoder = Decoder::with_limits(limits).comments(true);
            for mut chunk in stream.as_bytes().chunks(size) {
                while let Some(item) = decoder.decode(&mut chunk).transpose() {
                    let _news = black_box(item);
                }
            }
        });
        let allowed = limits.line + limits.event + SLACK;
        assert!(peak <= allowed, "chunks of {size}: {peak} of {allowed} bytes");
    }
}

/// All that `decoder` does with a stream, in chunks of 1,400 bytes.
fn read(decoder: &mut Decoder, stream: &[u8]) {
    for mut chunk in stream.chunks(1_400) {
        while let Some(item) = decoder.decode(&mut chunk).transpose() {
            let _news = black_box(item);
        }
    }
}

/// What is held by all that this thread made and did not drop.
fn held() -> usize {
    usize::try_from(COUNT.get().held).unwrap()
}

/// What is kept of its two large buffers, whatever there was, and of the small ones.
const KEPT: usize = (2 * 64 + 1) << 10;

#[test]
fn what_a_large_event_took_is_given_back() {
    let line = "x".repeat(900 << 10);
    let large = format!("id: 1\ndata: {line}\ndata: {line}\ndata: {line}\n\nid: {line}\n\n");
    let before = held();
    let mut decoder = Decoder::new();
    read(&mut decoder, large.as_bytes());
    assert!(held() - before > 3 << 20, "the buffers are used");
    // What is pending at the end of a stream is not: nothing of it will be asked for.
    decoder.finish();
    assert!(held() - before <= KEPT, "{} bytes", held() - before);
    // In a stream that goes on, smaller events do it by and by.
    read(&mut decoder, large.as_bytes());
    for _ in 0..16 {
        read(&mut decoder, b"data: 1\n\n");
    }
    assert!(held() - before <= KEPT, "{} bytes", held() - before);
    // Where all are large, each takes what the one before it had.
    let all = large.repeat(2);
    read(&mut decoder, all.as_bytes());
    let (calls, _) = count(|| read(&mut decoder, all.as_bytes()));
    assert_eq!(calls, 0);
}

#[test]
fn a_line_without_an_end_and_blank_lines_without_number_take_no_memory() {
    let peak = |head: &[u8], fill: &[u8], times: usize| {
        let mut items = 0;
        let (_, peak) = count(|| {
            let mut decoder = Decoder::new();
            read(&mut decoder, head);
            for _ in 0..times {
                read(&mut decoder, fill);
            }
            let mut rest = &b"\n\ndata: and on\n\n"[..];
            while let Some(item) = decoder.decode(&mut rest).unwrap() {
                assert!(matches!(item, Item::Event(event) if event.data == "and on"));
                items += 1;
            }
        });
        assert_eq!(items, 1);
        peak
    };
    let chunk = vec![b'x'; 1 << 20];
    let limits = Limits::default();
    // Buffers double as they grow.
    assert!(peak(b"data: ", &chunk, 64) <= 2 * limits.line + SLACK);
    assert!(peak(b": ", &chunk, 64) <= SLACK);
    for end in [&b"\n"[..], b"\r", b"\r\n"] {
        let ends = end.repeat(100_000);
        assert_eq!(peak(b"", &ends, 100), 0, "{end:?}");
    }
}
