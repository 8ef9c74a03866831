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
    time::Duration,
};
use std::{alloc::System, sync::Mutex};

use common::{EPOCH, World, secs, selector, topic};
use sse_codec::time::Instant;
use sse_server_core::{
    Admission, AdmissionConfig, Cursor, Hub, HubConfig, Log, Output, Principal, Publish, Receipt,
    Resume, Retention, Subscribe, Ticket, Visitor,
};

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
    // One stream a user: each brings a name of its own, which counts.
    let of = |n: usize, user: &str| Subscribe::new([topics[n % 1000].clone()]).user(user).unwrap();
    let (_, short) = million(|n| of(n, &format!("{n:x}")));
    let (_, uuid) = million(|n| of(n, &format!("{n:08x}-0000-4000-8000-000000000000")));
    println!("bytes a subscriber with three topics, by user ids of 5 and 36: {short}, {uuid}");
    assert!(short <= 192, "{short}");
    assert!(uuid <= 192, "{uuid}");
}

#[test]
fn as_many_patterns_as_may_be_of_as_many_segments_take_a_few_megabytes() {
    let _turn = TURN.lock();
    let before = BYTES.load(Ordering::Relaxed);
    let mut world = World::new();
    let patterns = world.hub.config().max_patterns_in_use;
    let rest = ".a".repeat(120);
    for n in (0..patterns).step_by(8) {
        let names = (n..n + 8).map(|n| selector(&format!("n{n:x}{rest}.*")));
        world.hub.subscribe(Subscribe::new(names), world.now).unwrap();
    }
    let each = (BYTES.load(Ordering::Relaxed) - before) / patterns;
    println!("bytes a pattern of 122 segments: {each}");
    assert!(each <= 16 << 10, "{each}");
}

#[test]
fn what_admission_keeps_of_a_stream_takes_600_bytes_at_most() {
    const STREAMS: usize = 100_000;
    let _turn = TURN.lock();
    let before = BYTES.load(Ordering::Relaxed);
    let mut admission = Admission::new(AdmissionConfig::default(), 1);
    for n in 0..STREAMS {
        let visitor = Visitor::new([selector(&format!("room.{}", n % 1000))])
            .user(format!("{n:08x}-0000-4000-8000-000000000000"))
            .address(core::net::Ipv4Addr::from(0x0a00_0000 + n as u32 / 10).into());
        admission.admit(visitor, Instant::ORIGIN).unwrap();
    }
    let each = (BYTES.load(Ordering::Relaxed) - before) / STREAMS;
    println!("bytes a stream at the door, by a user id of 36: {each}");
    assert!(each <= 600, "{each}");
}

#[test]
fn what_is_asked_of_a_crowd_at_the_door_allocates_no_more_for_a_large_one() {
    let _turn = TURN.lock();
    // Of a crowd of so many: to watch, a word, to look; and a ticket in the place of another.
    let of = |crowd: usize| {
        let mut config = AdmissionConfig::default();
        (config.max_named, config.max_tickets) = (10, crowd);
        let mut admission = Admission::new(config, 1);
        let now = Instant::ORIGIN;
        for n in 0..crowd {
            let visitor = Visitor::new([selector("room")]).user(n.to_string());
            admission.admit(visitor, now).unwrap();
            let mut secret = [0; 16];
            secret[..8].copy_from_slice(&n.to_le_bytes());
            let ticket = Ticket::new([]).asked_by(Principal::user((n / 3).to_string()));
            admission.issue_ticket(secret, ticket, now).unwrap();
        }
        let (before, bytes) = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        let watch = Visitor::new([selector("$presence.room")]);
        admission.admit(watch, now).unwrap();
        let word = admission.poll_presence(now + secs(1)).unwrap();
        assert_eq!((word.count, word.users.len()), (crowd, 10));
        admission.presence(&topic("room"));
        admission.issue_ticket([0xff; 16], Ticket::new([]), now).unwrap();
        let (after, more) = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        println!("a crowd of {crowd}: {} allocations, {} bytes", after - before, more - bytes);
        after - before
    };
    let (small, large) = (of(100), of(30_000));
    // A tree may split on the way.
    assert!(large <= small + 10, "{small} and {large}");
}

/// The topics of the event with this number.
type Shape = fn(usize) -> Vec<String>;

#[test]
fn what_a_log_says_it_takes_is_what_it_takes() {
    let _turn = TURN.lock();
    let retention = Retention::DEFAULT.bytes(4 << 20);
    // Names that are longer than what is said, new ones in each event or the same; and next to nothing.
    let shapes: [(&str, Shape, usize); 4] = [
        ("64 new long names", |n| (0..64).map(|m| format!("{n:0128}{m:0128}")).collect(), 10),
        ("64 long names", |_| (0..64).map(|m| format!("{m:0256}")).collect(), 10),
        ("a short name", |_| vec!["a".into()], 0),
        ("a page", |n| vec![format!("room.{}", n % 1000)], 10_000),
    ];
    for (what, topics, size) in shapes {
        let start = Cursor::new(EPOCH, 0);
        let mut log = Log::new(retention, start, 7);
        let mut hub = Hub::new(HubConfig::default(), start, 7);
        let before = BYTES.load(Ordering::Relaxed);
        let mut offset = 0;
        // Until it has been full for long.
        while offset < 2000 || log.len() > offset as usize / 4 {
            let topics = topics(offset as usize).into_iter().map(|name| topic(&name));
            let event = Publish::new(topics, "x".repeat(size));
            hub.publish(event, Instant::ORIGIN).unwrap();
            let Some(Output::Append { id, event, .. }) = hub.poll_output() else { panic!() };
            offset += 1;
            let place = Cursor::new(EPOCH, offset);
            log.append(&event.place(place), Instant::ORIGIN);
            hub.handle_append_done(id, Ok(Receipt::new(place)), Instant::ORIGIN);
            hub.poll_output();
        }
        let takes = BYTES.load(Ordering::Relaxed) - before;
        println!("{what}: {takes} bytes for {} events, said to be {}", log.len(), log.bytes());
        assert!(log.bytes() <= 4 << 20 && log.bytes() > 3 << 20, "{what}: {}", log.bytes());
        assert!(takes <= 6 << 20, "{what}: {takes}");
    }
}

#[test]
fn a_tick_costs_nothing_for_those_that_are_not_due() {
    let _turn = TURN.lock();
    let mut world = World::new();
    let mut frames = Vec::with_capacity(16);
    let mut subscribe = |world: &mut World, count: usize| {
        for _ in 0..count {
            let id = world.hub.subscribe(Subscribe::new([selector("a")]), world.now).unwrap();
            while let Some(written) = world.hub.next_frames(id, 1000, &mut frames) {
                world.hub.handle_written(id, written, world.now);
                frames.clear();
            }
        }
    };
    subscribe(&mut world, 50);
    world.now = world.now + secs(8);
    subscribe(&mut world, 100_000);
    assert_eq!(world.ready().len(), 100_050, "as they came");
    let before = CALLS.load(Ordering::Relaxed);
    // Ten seconds in ticks of 16 ms, in which the fifty are due and the others are not.
    let mut due = 0;
    for _ in 0..440 {
        world.now = world.now + Duration::from_millis(16);
        world.hub.handle_timeout(world.now);
        while world.hub.poll_ready().is_some() {
            due += 1;
        }
    }
    assert_eq!(due, 50);
    assert_eq!(CALLS.load(Ordering::Relaxed) - before, 0, "allocations");
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
