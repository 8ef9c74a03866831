//! A thermostat that follows an event stream in one kilobyte: no allocator, no operating system.
//!
//! `Thermostat` is what would run on the device: it uses `core` alone, and its memory is all in the struct
//! that lends it. `main` plays the modem, which gives bytes as they come. Run it with `cargo run -p
//! sse-codec --example firmware`.

use sse_codec::{Buffers, Item, SliceDecoder};

/// All the memory there is for the stream; its sizes are the limits.
struct Memory {
    line: [u8; 256],
    event: [u8; 512],
    event_type: [u8; 32],
    ids: [[u8; 32]; 2],
}

impl Memory {
    const fn new() -> Self {
        Self { line: [0; 256], event: [0; 512], event_type: [0; 32], ids: [[0; 32]; 2] }
    }

    fn decoder(&mut self) -> SliceDecoder<'_> {
        let [last, id] = &mut self.ids;
        SliceDecoder::new(Buffers {
            line: &mut self.line,
            event: &mut self.event,
            event_type: &mut self.event_type,
            ids: [last, id],
        })
    }
}

struct Thermostat<'m> {
    decoder: SliceDecoder<'m>,
    /// In tenths of a degree.
    target: i32,
    /// How long to wait before the next connection, in milliseconds.
    retry: u64,
    /// Events that were too large for this device.
    lost: u32,
}

impl<'m> Thermostat<'m> {
    fn new(memory: &'m mut Memory) -> Self {
        Self { decoder: memory.decoder(), target: 200, retry: 5_000, lost: 0 }
    }

    /// The modem's interrupt has put some bytes here, cut anywhere.
    fn handle_bytes(&mut self, mut bytes: &[u8]) {
        loop {
            match self.decoder.decode(&mut bytes) {
                Ok(None) => return,
                Ok(Some(Item::Event(event))) => {
                    if event.event_type == "target"
                        && let Some(target) = tenths(event.data)
                    {
                        self.target = target;
                    }
                }
                Ok(Some(Item::ReconnectionTime { duration, .. })) => {
                    self.retry = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                }
                Ok(Some(_)) => {}
                // The stream goes on after the event that did not fit.
                Err(_) => {
                    self.lost += 1;
                }
            }
        }
    }

    /// The connection broke: what the next one says in `Last-Event-ID`.
    fn handle_end(&mut self) -> &str {
        self.decoder.finish();
        self.decoder.last_event_id()
    }
}

/// `21.5` as 215.
fn tenths(text: &str) -> Option<i32> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let whole: i32 = whole.parse().ok()?;
    let tenth: i32 = tenth.parse().ok().filter(|tenth| (0..10).contains(tenth))?;
    Some(whole * 10 + if text.starts_with('-') { -tenth } else { tenth })
}

fn main() {
    let mut memory = Memory::new();
    let mut thermostat = Thermostat::new(&mut memory);
    let large = "x".repeat(1_000);
    let stream = format!(
        ": welcome\nretry: 30000\n\nid: 41\nevent: target\ndata: 21.5\n\n\
         id: 42\nevent: news\ndata: {large}\n\nid: 43\nevent: target\ndata: -3.5\n\nid: 44\nevent: tar"
    );
    // What the modem's buffer holds.
    for bytes in stream.as_bytes().chunks(24) {
        thermostat.handle_bytes(bytes);
    }
    assert_eq!(thermostat.target, -35);
    assert_eq!((thermostat.retry, thermostat.lost), (30_000, 1));
    let (target, lost) = (thermostat.target, thermostat.lost);
    let id = thermostat.handle_end();
    assert_eq!(id, "43");
    println!("target {target} tenths of a degree, {lost} event too large, to resume after {id}");
}
