//! An allocator that counts what is taken, once somebody asks. All tests of a binary share it, so that each has one.

use core::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicBool, AtomicIsize, Ordering},
};
use std::alloc::System;

#[global_allocator]
static COUNTED: Counting = Counting;

/// Not before it is asked for: rates are measured with this allocator too.
static IS_COUNTING: AtomicBool = AtomicBool::new(false);

static NOW: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[allow(unsafe_code)]
// SAFETY: everything is the system's allocator; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there while it moves.
        count(size.cast_signed());
        // SAFETY: as the caller promises.
        let moved = unsafe { System.realloc(place, layout, size) };
        count(-layout.size().cast_signed());
        moved
    }
}

fn count(bytes: isize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
        MOST.fetch_max(now, Ordering::Relaxed);
    }
}

/// The most bytes that were taken at a time since then, beyond what was taken when it was made.
pub(crate) struct Taken(isize);

impl Taken {
    pub(crate) fn from_now_on() -> Self {
        IS_COUNTING.store(true, Ordering::Relaxed);
        let before = NOW.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        Self(before)
    }

    pub(crate) fn most(&self) -> usize {
        (MOST.load(Ordering::Relaxed) - self.0).unsigned_abs()
    }
}
