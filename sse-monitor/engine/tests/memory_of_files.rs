//! What files cost that are larger than anybody wants to hold, by an allocator that counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod counting;

use std::io::{self, Read};

use counting::Taken;
use sse_monitor_engine::{
    query::{Match, diff},
    recording::{Recording, Source, export, import},
};

/// More than is held of any of them, with an index that is no longer looked at whole when it is opened.
const LARGE: usize = 12 << 20;

/// What reads, writes and indexes may hold at a time.
const LITTLE: usize = 6 << 20;

/// One test, since all share the count.
#[test]
fn a_file_costs_no_more_memory_than_a_part_of_it() {
    let keep = tempfile::tempdir().unwrap();
    let to = keep.path().join("large.ssrec");
    let taken = Taken::from_now_on();
    let events =
        import(Events::default().take(LARGE as u64), Source::Raw, "events", &to).unwrap().events;
    told("the import of a body", taken.most(), LITTLE);
    assert!(events > 50_000, "{events}");

    let recording = Recording::open(&to).unwrap();
    let view = recording.view();
    let taken = Taken::from_now_on();
    export::har(&view, None, &mut io::sink()).unwrap();
    told("its HAR file", taken.most(), LITTLE);

    let to = keep.path().join("small.ssrec");
    import(&b"data: a\n\n"[..], Source::Raw, "an event", &to).unwrap();
    let small = Recording::open(&to).unwrap().view();
    for (other, only_first, most) in [(&view, 0, 112), (&small, events, 120)] {
        let taken = Taken::from_now_on();
        assert_eq!(diff(&view, other, Match::Id).only_first.len() as u64, only_first);
        // A list is moved into one twice as large as it grows, and what is left in a map into a list.
        let each = (taken.most() - LITTLE.min(taken.most())) / usize::try_from(events).unwrap();
        println!("a difference: {} bytes an event", taken.most() as f64 / events as f64);
        assert!(each < most, "{each} bytes an event");
    }

    // Lines of JSON, and a HAR file of which nearly all is no stream.
    let lines = keep.path().join("lines.ssrec");
    let taken = Taken::from_now_on();
    let line = b"{\"some\":\"line of JSON that is not about much\"}\n".repeat(100);
    let text = (0..LARGE / line.len()).flat_map(|_| &line).copied();
    import(Bytes(text), Source::Ndjson, "lines", &lines).unwrap();
    told("the import of lines", taken.most(), LITTLE);

    let to = keep.path().join("har.ssrec");
    let taken = Taken::from_now_on();
    let page = har_entry("text/html", &"x".repeat(1 << 20));
    let pages = (0..LARGE >> 20).flat_map(|_| page.bytes());
    let stream = har_entry("text/event-stream", "data: a\\n\\n");
    let text = b"{\"log\":{\"entries\":[".iter().copied().chain(pages);
    let text = text.chain(stream.trim_end_matches(',').bytes()).chain(*b"]}}");
    assert_eq!(import(Bytes(text), Source::Har, "a file", &to).unwrap().events, 1);
    told("the import of a HAR file", taken.most(), LITTLE);
}

fn told(what: &str, taken: usize, most: usize) {
    println!("{what}: {taken} bytes");
    assert!(taken <= most, "{what} took {taken} bytes");
}

fn har_entry(mime: &str, text: &str) -> String {
    format!(
        "{{\"startedDateTime\":\"2026-01-31T12:00:00Z\",\"request\":{{\"method\":\"GET\",\"url\":\"https://a/\"}},\
         \"response\":{{\"status\":200,\"content\":{{\"text\":\"{text}\",\"mimeType\":\"{mime}\"}}}}}},"
    )
}

/// A stream of numbered events without an end.
#[derive(Default)]
struct Events {
    number: u64,
    left: Vec<u8>,
}

impl Read for Events {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            self.left = (0..100)
                .map(|n| format!("id: {}\ndata: {{\"text\":\"sixty bytes or so of an event: caf\u{e9} {n}\"}}\n\n", self.number + n))
                .collect::<String>()
                .into_bytes();
            self.number += 100;
        }
        let count = self.left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        Ok(count)
    }
}

/// Bytes as a file.
struct Bytes<I>(I);

impl<I: Iterator<Item = u8>> Read for Bytes<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        for (place, byte) in buffer.iter_mut().zip(&mut self.0) {
            *place = byte;
            count += 1;
        }
        Ok(count)
    }
}
