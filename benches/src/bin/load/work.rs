//! What the servers are made to do.

/// One row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) subscribers: usize,
    pub(crate) topics: usize,
    /// Events in all.
    pub(crate) events: u64,
    /// Events a second; `None`: as fast as they are read.
    pub(crate) rate: Option<u64>,
    /// Subscribers more that never read.
    pub(crate) stalled: usize,
    /// Bytes of data an event.
    pub(crate) data: usize,
}

const USUAL: Work =
    Work { name: "", subscribers: 1000, topics: 1, events: 0, rate: None, stalled: 0, data: 160 };

/// At the lowest rates each delivery is a write of its own.
///
/// Both servers hold their subscribers at once, and 20,000 descriptors are what many systems allow
/// a process: so 10k are 9,500.
pub(crate) const WORKS: [Work; 9] = [
    Work { name: "1k, 20/s", events: 320, rate: Some(20), ..USUAL },
    Work { name: "1k, 100/s", events: 800, rate: Some(100), ..USUAL },
    Work { name: "1k, saturated", events: 4000, ..USUAL },
    Work { name: "10k, 2/s", subscribers: 9500, events: 48, rate: Some(2), ..USUAL },
    Work { name: "10k, 10/s", subscribers: 9500, events: 80, rate: Some(10), ..USUAL },
    Work { name: "10k, saturated", subscribers: 9500, events: 400, ..USUAL },
    Work { name: "1,000 topics × 9", subscribers: 9000, topics: 1000, events: 80_000, ..USUAL },
    Work { name: "1k, 200/s of 2 KB", events: 2000, rate: Some(200), data: 2000, ..USUAL },
    Work {
        name: "the same, 5 stalled",
        events: 2000,
        rate: Some(200),
        stalled: 5,
        data: 2000,
        ..USUAL
    },
];

impl Work {
    /// A part of it, for a quick look.
    pub(crate) fn scaled(self, scale: u64) -> Self {
        Self {
            subscribers: (self.subscribers as u64 / scale).max(1) as usize,
            topics: (self.topics as u64 / scale).max(1) as usize,
            events: (self.events / scale).max(1),
            ..self
        }
    }
}
