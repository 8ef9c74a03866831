//! What a stream costs: allocations an event, bytes a stream, and no more bytes than the limits.

extern crate alloc;

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
};
use std::{alloc::System, thread_local};

#[cfg(feature = "gzip")]
mod bomb;
#[cfg(feature = "reqwest")]
mod ended;
mod session;
#[cfg(feature = "reqwest")]
mod sockets;

/// Counts for each thread by itself, since tests run side by side, and so do clients and servers.
struct Counting;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Calls that may have given memory.
    calls: u64,
    /// Bytes that are held now.
    held: i64,
    /// The most that were held at once.
    peak: i64,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { calls: 0, held: 0, peak: 0 }) };
}

fn note(calls: u64, bytes: i64) {
    // A thread that ends has nothing to count any more.
    let _ = COUNT.try_with(|count| {
        let Count { calls: before, held, peak } = count.get();
        let held = held + bytes;
        count.set(Count { calls: before + calls, held, peak: peak.max(held) });
    });
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's own promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: the caller's own promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller's own promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that this thread holds.
fn held() -> i64 {
    COUNT.get().held
}

/// The most bytes that this thread held at once during `work`, beyond those before it.
fn peak(work: impl FnOnce()) -> i64 {
    let before = held();
    COUNT.set(Count { peak: before, ..COUNT.get() });
    work();
    COUNT.get().peak - before
}

/// So many events of a usual kind.
fn events(from: u32, count: u32) -> String {
    let event = |n| format!("event: delta\nid: chat-{n}\ndata: {{\"text\":\"word {n}\"}}\n\n");
    (from..from + count).map(event).collect()
}
