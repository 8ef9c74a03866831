//! Those who lag: cut, or made to skip, and told.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

mod common;

use common::{World, data, events, resets, secs};
use sse_server_core::{CloseReason, HubConfig, Overflow, Resume, Retention, SubscriberId};

fn world(overflow: Overflow) -> World {
    let mut config = HubConfig::default();
    config.overflow = overflow;
    config.max_lag = 300;
    config.lag_grace = secs(0);
    World::with(config, Retention::DEFAULT)
}

#[test]
fn the_oldest_are_dropped_and_the_gap_is_told() {
    let mut world = world(Overflow::DropOldest);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    for n in 0..50 {
        world.publish(&["a"], &format!("{n:020}"));
    }
    let wire = world.read(id);
    assert_eq!(resets(&wire), [r#"{"reason":"skipped"}"#]);
    let got: Vec<u64> = data(&wire).iter().map(|n| n.parse().unwrap()).collect();
    assert!(got.len() > 3 && wire.len() < 500, "about the limit is left: {wire}");
    assert_eq!(got, (50 - got.len() as u64..50).collect::<Vec<_>>(), "without a hole");
    assert_eq!(world.closed, []);
    // The id of the reset lies just before what follows.
    let events = events(&wire);
    let reset = &events[0].last_event_id;
    let again = world.subscribe(&["a"], Resume::from_last_event_id(reset));
    assert_eq!(data(&world.read(again)).len(), got.len());
}

#[test]
fn the_latest_of_each_topic_are_left() {
    let mut world = world(Overflow::SkipToLatest);
    let id = world.subscribe(&["a", "b", "c.*"], Resume::Fresh);
    world.read(id);
    world.publish(&["b"], "of b");
    for n in 0..50 {
        world.publish(&["a"], &format!("{n:020}"));
        world.publish(&["c.x"], &format!("c{n:020}"));
    }
    let skipped_to = world.hub.counters().skipped;
    assert_eq!(skipped_to, 1, "one that is skipping is not made to again");
    let wire = world.read(id);
    // What came while it did not read even that was too much once more.
    assert_eq!(resets(&wire), [r#"{"reason":"skipped"}"#; 2]);
    let got = data(&wire);
    assert_eq!(got[0], "of b", "a quiet topic keeps what it had");
    assert_eq!(got[got.len() - 2..], [format!("{:020}", 49), format!("c{:020}", 49)]);
    assert!(got.len() <= 6, "the latest of each topic, twice at most: {got:?}");
    assert!(world.read(id).is_empty());
    world.publish(&["b"], "on");
    assert_eq!(data(&world.read(id)), ["on"]);
    assert_eq!(world.closed, []);
}

#[test]
fn what_was_on_its_way_when_it_was_made_to_skip_is_not_repeated() {
    let mut world = world(Overflow::DropOldest);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    for n in 0..5 {
        world.publish(&["a"], &n.to_string());
    }
    let mut frames = Vec::new();
    let written = world.hub.next_frames(id, 10_000, &mut frames).unwrap();
    for n in 5..12 {
        world.publish(&["a"], &format!("{n:020}"));
    }
    world.hub.handle_written(id, written, world.now);
    let mut got: Vec<String> =
        frames.iter().flat_map(|f| data(core::str::from_utf8(f).unwrap())).collect();
    let wire = world.read(id);
    got.extend(data(&wire));
    let got: Vec<u64> = got.iter().map(|n| n.parse().unwrap()).collect();
    assert!(got.is_sorted_by(|a, b| a < b), "{got:?}");
    assert_eq!(resets(&wire).len(), usize::from(got.len() < 12), "{got:?}");
}

#[test]
fn a_second_skip_while_the_first_is_on_its_way_is_told_too() {
    let mut world = world(Overflow::DropOldest);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    let publish = |world: &mut World, from: u64| {
        for n in from..from + 30 {
            world.publish(&["a"], &format!("{n:020}"));
        }
    };
    publish(&mut world, 0);
    let mut frames = Vec::new();
    let first = world.hub.next_frames(id, 60, &mut frames).unwrap();
    publish(&mut world, 30);
    world.hub.handle_written(id, first, world.now);
    let wire = world.read(id);
    assert_eq!(resets(&wire), [r#"{"reason":"skipped"}"#]);
}

#[test]
fn one_that_skips_and_still_reads_nothing_is_cut_in_time() {
    for overflow in [Overflow::SkipToLatest, Overflow::DropOldest] {
        let mut world = world(overflow);
        let id = world.subscribe(&["a"], Resume::Fresh);
        world.read(id);
        for n in 0..100 {
            world.publish(&["a"], &format!("{n:020}"));
            world.pass(secs(1));
        }
        assert_eq!(world.closed, [(id, CloseReason::Slow)]);
        assert_eq!(world.hub.counters().cut_for_stall, 1);
    }
}

/// A window of few and small events, so that it overtakes before the lag in bytes is too much.
fn overtaken(overflow: Overflow) -> (World, SubscriberId) {
    let mut config = HubConfig::default();
    config.overflow = overflow;
    config.lag_grace = secs(0);
    config.window = Retention::WINDOW.events(10);
    config.page = 500;
    let mut world = World::with(config, Retention::DEFAULT);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    for n in 0..100 {
        world.publish(&["a"], &format!("{n:020}"));
    }
    (world, id)
}

#[test]
fn a_reader_whom_the_window_overtakes_is_cut() {
    let (mut world, id) = overtaken(Overflow::Cut);
    world.read_some(id, 100);
    assert_eq!(world.closed, [(id, CloseReason::Slow)]);
    assert_eq!(world.hub.counters().cut_for_lag, 1);
}

#[test]
fn a_reader_whom_the_window_overtakes_is_made_to_skip() {
    for (overflow, left) in [(Overflow::SkipToLatest, 99..100), (Overflow::DropOldest, 90..100)] {
        let (mut world, id) = overtaken(overflow);
        let wire = world.read(id);
        assert_eq!(resets(&wire), [r#"{"reason":"skipped"}"#], "{overflow:?}");
        let got: Vec<u64> = data(&wire).iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(got, left.collect::<Vec<_>>(), "{overflow:?}");
        assert_eq!((world.closed.len(), world.hub.counters().skipped), (0, 1));
        // And again, from the place that it skipped to.
        for n in 100..200 {
            world.publish(&["a"], &format!("{n:020}"));
        }
        assert_eq!(resets(&world.read(id)), [r#"{"reason":"skipped"}"#], "{overflow:?}");
        world.publish(&["a"], "on");
        assert_eq!(data(&world.read(id)), ["on"]);
    }
}

#[test]
fn one_that_reads_once_a_second_gets_events_between_its_losses_however_fast_they_come() {
    for overflow in [Overflow::SkipToLatest, Overflow::DropOldest] {
        let mut config = HubConfig::default();
        config.overflow = overflow;
        config.window = Retention::WINDOW.events(100);
        config.max_lag = 4096;
        config.page = 4096;
        let mut world = World::with(config, Retention::DEFAULT);
        let id = world.subscribe(&["a"], Resume::Fresh);
        world.read(id);
        let (mut read, mut losses, mut empty) = (Vec::<u64>::new(), 0, 0);
        for second in 0..60 {
            // Ten windows between one read and the next.
            for n in 0..1000 {
                world.publish(&["a"], &(second * 1000 + n).to_string());
            }
            world.pass(secs(1));
            // A single look, as of one whose socket takes no more: not once more after the store
            // was asked.
            let mut frames = Vec::new();
            if let Some(written) = world.hub.next_frames(id, 500, &mut frames) {
                world.hub.handle_written(id, written, world.now);
            }
            world.act();
            let wire = String::from_utf8(frames.concat()).unwrap();
            let got = data(&wire);
            empty += usize::from(got.is_empty());
            losses += resets(&wire).len();
            read.extend(got.iter().map(|n| n.parse::<u64>().unwrap()));
        }
        assert!(read.is_sorted_by(|a, b| a < b), "{overflow:?}: {read:?}");
        assert!(
            losses > 5 && losses == world.hub.counters().resets as usize,
            "{overflow:?}: {losses}"
        );
        // In between it waits for the store, which says how far behind it is.
        assert!(read.len() > 60 / 2 && empty <= 60 / 2, "{overflow:?}: {} {empty}", read.len());
        assert!(read.last().is_some_and(|&last| last > 50_000), "{overflow:?}: {read:?}");
        assert_eq!(world.closed, []);
    }
}

#[test]
fn the_pages_of_those_who_skip_are_bounded_together() {
    for overflow in [Overflow::SkipToLatest, Overflow::DropOldest] {
        let mut config = HubConfig::default();
        config.overflow = overflow;
        config.lag_grace = secs(0);
        config.window = Retention::WINDOW.events(10);
        config.page = 10_000;
        config.max_page_bytes = 200_000;
        let mut world = World::with(config, Retention::DEFAULT);
        let ids: Vec<_> = (0..500).map(|_| world.subscribe(&["a", "c"], Resume::Fresh)).collect();
        ids.iter().for_each(|&id| drop(world.read(id)));
        for n in 0..30 {
            world.publish(&[["a", "c"][n % 2]], &"x".repeat(1000));
        }
        // Each sees that the window has overtaken it, and is made to skip.
        for &id in &ids {
            assert!(world.read_some(id, 1).contains("skipped"), "{overflow:?}");
        }
        assert_eq!(world.hub.counters().skipped, 500, "{overflow:?}");
        // What each holds: it is there, though the window is past it and the store does not answer.
        for _ in 0..20 {
            world.publish(&["d"], "on");
        }
        world.store_sleeps = true;
        let held = ids.iter().map(|&id| {
            let mut frames = Vec::new();
            let written = world.hub.next_frames(id, 1 << 20, &mut frames);
            written.map_or(0, |written| written.bytes())
        });
        let held: usize = held.sum();
        // The first have what there was room for, the others one event each.
        assert!((520_000..620_000).contains(&held), "{overflow:?}: {held}");
        // They leave room for those who resume.
        world.store_sleeps = false;
        let id = world.subscribe(&["a"], Resume::Earliest);
        assert_eq!(data(&world.read(id)).len(), 15, "{overflow:?}");
    }
}

#[test]
fn one_of_a_quiet_topic_is_not_blamed_for_what_others_fill_the_window_with() {
    let mut config = HubConfig::default();
    config.lag_grace = secs(0);
    config.window = Retention::WINDOW.events(10);
    config.page = 500;
    let mut world = World::with(config, Retention::DEFAULT);
    let id = world.subscribe(&["quiet"], Resume::Fresh);
    world.read(id);
    world.publish(&["quiet"], "one");
    for n in 0..100 {
        world.publish(&["loud"], &n.to_string());
    }
    world.publish(&["quiet"], "two");
    assert_eq!(data(&world.read(id)), ["one", "two"]);
    assert_eq!(world.closed, []);
}

#[test]
fn one_that_comes_back_reads_history_of_any_length() {
    for resume in [Resume::Earliest, Resume::from_last_event_id("e-3")] {
        let (mut world, _) = overtaken(Overflow::Cut);
        let id = world.subscribe(&["a"], resume);
        let read = data(&world.read(id)).len();
        assert!(read >= 97, "{read}");
        assert!(!world.closed.iter().any(|&(closed, _)| closed == id));
    }
}

#[test]
fn an_event_of_several_of_ones_topics_counts_once() {
    let left = |topics: &[&str]| {
        let mut world = world(Overflow::DropOldest);
        let id = world.subscribe(topics, Resume::Fresh);
        world.read(id);
        for n in 0..50 {
            world.publish(&["a"], &format!("{n:020}"));
        }
        data(&world.read(id)).len()
    };
    // The one holds the other; neither does; an event of several topics.
    for topics in [&["a", "*", "**"][..], &["a.*", "*.b"], &["a.b", "c"]] {
        let mut world = world(Overflow::DropOldest);
        let id = world.subscribe(topics, Resume::Fresh);
        world.read(id);
        for n in 0..50 {
            world.publish(&["a.b", "a", "c"], &format!("{n:020}"));
        }
        assert_eq!(data(&world.read(id)).len(), left(&["a"]), "{topics:?}");
    }
}

#[test]
fn events_of_several_of_ones_topics_do_not_bring_the_cut_nearer() {
    let published_until_cut = |topics: &[&str]| {
        let mut world = world(Overflow::Cut);
        let id = world.subscribe(topics, Resume::Fresh);
        world.read(id);
        let mut count = 0;
        while world.closed.is_empty() {
            world.publish(&["a.b", "c"], &format!("{count:020}"));
            count += 1;
        }
        assert_eq!(world.closed, [(id, CloseReason::Slow)]);
        count
    };
    let expected = published_until_cut(&["c"]);
    for topics in [&["a.b", "c"][..], &["a.*", "*.b"], &["a.b", "**"], &["a.*", "*.b", "c"]] {
        assert_eq!(published_until_cut(topics), expected, "{topics:?}");
    }
}
