//! What a subscriber costs, counted at the allocator.
#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

mod common;

use core::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};
use std::{alloc::System, sync::Mutex};

use common::{World, selector};
use sse_server_core::{HubConfig, Resume, Retention, Subscribe};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
/// The tests of a file share the allocator, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MILLION: usize = 1_000_000;

/// A hub with a million subscribers, and the bytes that each took.
fn million(of: impl Fn(usize) -> Subscribe) -> (World, usize) {
    let before = BYTES.load(Ordering::Relaxed);
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT);
    for n in 0..MILLION {
        world.hub.subscribe(of(n), world.now).unwrap();
    }
    let bytes = (BYTES.load(Ordering::Relaxed) - before) / MILLION;
    (world, bytes)
}

#[test]
fn a_subscriber_with_one_topic_takes_128_bytes_at_most() {
    let _turn = TURN.lock();
    // Ten a topic, as in rooms.
    let topics: Vec<_> = (0..MILLION / 10).map(|n| selector(&format!("room.{n}"))).collect();
    let (_, of_rooms) = million(|n| Subscribe::new([topics[n / 10].clone()]));
    println!("bytes a subscriber: {of_rooms}");
    assert!(of_rooms <= 128, "{of_rooms}");
}

#[test]
fn a_subscriber_with_the_usual_three_takes_192_bytes_at_most() {
    let _turn = TURN.lock();
    let topics: Vec<_> = (0..1000).map(|n| selector(&format!("room.{n}"))).collect();
    let of = |n: usize, streams| {
        Subscribe::new([topics[n % 1000].clone()]).user(&format!("{:x}", n / streams)).unwrap()
    };
    let figures = [10, 1].map(|streams| million(|n| of(n, streams)).1);
    println!("bytes a subscriber with three topics, by streams a user: 10, 1: {figures:?}");
    assert!(figures[0] <= 192, "{figures:?}");
}

#[test]
fn publishing_to_very_many_allocates_as_much_as_publishing_to_one() {
    let _turn = TURN.lock();
    let topic = [selector("a")];
    let calls = [1, MILLION / 10].map(|subscribers| {
        let mut world = World::new();
        for _ in 0..subscribers {
            world.hub.subscribe(Subscribe::new(topic.clone()), world.now).unwrap();
        }
        while world.hub.poll_ready().is_some() {}
        let mut frames = Vec::with_capacity(16);
        // Everyone reads what they begin with, so that they can become ready again.
        let first = world.subscribe(&["b"], Resume::Fresh);
        for index in 0..first.index() {
            let id = world.hub.subscriber_at(index).unwrap();
            while let Some(written) = world.hub.next_frames(id, 1000, &mut frames) {
                world.hub.handle_written(id, written, world.now);
                frames.clear();
            }
        }
        let before = CALLS.load(Ordering::Relaxed);
        world.publish(&["a"], "x");
        let mut ready = 0;
        while let Some(id) = world.hub.poll_ready() {
            ready += usize::from(id.index() < first.index());
        }
        assert_eq!(ready, subscribers);
        CALLS.load(Ordering::Relaxed) - before
    });
    assert_eq!(calls[0], calls[1]);
}
