//! Subscriptions by pattern, and by user.
#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_core,
    reason = "a test fails by panic"
)]

mod common;

use common::{World, data, resets, selector};
use sse_server_core::{
    Cursor, HubConfig, Publish, Resume, Retention, Subscribe, SubscribeError, Topic,
};

#[test]
fn a_pattern_gets_what_it_matches_once_and_in_order() {
    let mut world = World::new();
    let one = world.subscribe(&["a.*"], Resume::Fresh);
    let rest = world.subscribe(&["a.**", "b"], Resume::Fresh);
    let all = world.subscribe(&["**"], Resume::Fresh);
    world.publish(&["a.x", "a.y"], "1");
    world.publish(&["a.x.deep"], "2");
    world.publish(&["a"], "3");
    world.publish(&["b"], "4");
    world.publish(&["$all"], "5");
    assert_eq!(data(&world.read(one)), ["1", "5"]);
    assert_eq!(data(&world.read(rest)), ["1", "2", "4", "5"]);
    assert_eq!(data(&world.read(all)), ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_pattern_that_nobody_used_before_resumes_too() {
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT.events(4));
    let place = world.publish(&["a.x"], "1");
    for n in 2..=4 {
        world.publish(&["a.x"], &n.to_string());
    }
    let id = world.subscribe(&["a.*"], Resume::After(place));
    assert_eq!(data(&world.read(id)), ["2", "3", "4"]);
    world.hub.handle_disconnect(id);
    // From the store as well, and not behind a gap.
    let mut config = HubConfig::default();
    config.window = config.window.events(1);
    let mut world = World::with(config, Retention::DEFAULT.events(4));
    let place = world.publish(&["a.x"], "1");
    for n in 2..=6 {
        world.publish(&["a.x"], &n.to_string());
    }
    let id = world.subscribe(&["a.*"], Resume::After(place));
    let wire = world.read(id);
    assert_eq!(data(&wire), ["3", "4", "5", "6"]);
    assert_eq!(resets(&wire), [r#"{"reason":"trimmed"}"#]);
}

#[test]
fn no_pattern_reads_what_is_for_a_user() {
    let mut world = World::new();
    let curious = world.subscribe(&["**"], Resume::Earliest);
    let ann = Subscribe::new([selector("a")]).user("ann").unwrap();
    let ann = world.hub.subscribe(ann, world.now).unwrap();
    let to_ann = Publish::new([Topic::user("ann").unwrap()], "secret");
    world.hub.publish(to_ann, world.now).unwrap();
    world.act();
    assert_eq!(data(&world.read(ann)), ["secret"]);
    assert_eq!(data(&world.read(curious)), [""; 0]);
    let late = world.subscribe(&["**"], Resume::Earliest);
    assert_eq!(data(&world.read(late)), [""; 0]);
}

#[test]
fn what_is_wider_than_the_grant_is_refused_and_not_narrowed() {
    let mut world = World::new();
    let mut ask = |asked: &str| {
        let granted = ["a.*", "b"].map(selector);
        world.hub.subscribe(Subscribe::new([selector(asked)]).granted(granted), world.now)
    };
    for fine in ["a.x", "a.*", "b"] {
        assert!(ask(fine).is_ok(), "{fine}");
    }
    for wide in ["**", "*", "a.**", "c", "b.x", "$presence.b"] {
        let refusal = ask(wide);
        assert!(matches!(refusal, Err(SubscribeError::Forbidden { .. })), "{wide}: {refusal:?}");
    }
}

#[test]
fn patterns_are_limited_a_subscription_and_a_hub() {
    let mut config = HubConfig::default();
    config.max_patterns_in_use = 9;
    let mut world = World::with(config, Retention::DEFAULT);
    let patterns = |names: core::ops::Range<usize>| {
        Subscribe::new(names.map(|n| selector(&format!("t{n}.*"))))
    };
    let refusal = world.hub.subscribe(patterns(0..9), world.now);
    assert!(matches!(refusal, Err(SubscribeError::TooManyPatterns { count: 9, max: 8, .. })));
    let first = world.hub.subscribe(patterns(0..8), world.now).unwrap();
    // The same again are no new ones.
    assert!(world.hub.subscribe(patterns(0..8), world.now).is_ok());
    assert!(world.hub.subscribe(patterns(8..9), world.now).is_ok());
    assert_eq!(world.hub.subscribe(patterns(9..10), world.now), Err(SubscribeError::PatternsFull));
    world.hub.handle_disconnect(first);
    assert_eq!(world.hub.subscribe(patterns(9..10), world.now), Err(SubscribeError::PatternsFull));
}

#[test]
fn a_pattern_that_is_given_up_leaves_nothing_behind() {
    let mut world = World::new();
    for round in 0..3 {
        let id = world.subscribe(&["a.*", "a.x"], Resume::Fresh);
        world.publish(&["a.x"], "1");
        assert_eq!(data(&world.read(id)), ["1"], "{round}");
        world.hub.handle_disconnect(id);
        world.publish(&["a.x"], "2");
        // Its number is given to a topic, which must not inherit anything.
        let other = world.subscribe(&["c"], Resume::Fresh);
        world.publish(&["a.x"], "3");
        assert_eq!(data(&world.read(other)), [""; 0]);
        world.hub.handle_disconnect(other);
    }
}

#[test]
fn a_page_by_a_pattern_without_an_index_begins_where_it_is_asked_to() {
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT.events(6));
    for n in 1..=10 {
        let topics = [["a.x", "b"][n % 2], "a.y"];
        let count = if n % 3 == 2 { 2 } else { 1 };
        world.publish(&topics[..count], &n.to_string());
    }
    let head = world.store.head();
    let mut page = |after, max_bytes| {
        let after = Cursor::new(head.epoch(), after);
        let page = world.store.page(&[selector("a.*")], after, max_bytes, world.now);
        let offsets: Vec<_> = page.entries.iter().map(|entry| entry.offset).collect();
        (offsets, page.trimmed, page.upto)
    };
    // Even ones are of a.x; 5 of a.y as well, but gone is all up to 4.
    assert_eq!(page(0, 10_000), (vec![5, 6, 8, 10], 4, 10));
    assert_eq!(page(4, 10_000).0, [5, 6, 8, 10]);
    assert_eq!(page(6, 10_000).0, [8, 10]);
    assert_eq!(page(6, 1), (vec![8], 0, 9), "one at least, and the next that is wanted is 10");
    assert_eq!((page(10, 10_000).0, page(u64::MAX, 10_000).0), (vec![], vec![]));
}

#[test]
fn a_pattern_that_was_given_up_long_ago_leaves_its_number_to_others_and_nothing_else() {
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT.events(500));
    let mut config = HubConfig::default();
    config.window = config.window.events(100);
    world.hub = sse_server_core::Hub::new(config, world.store.head(), 7);
    let first = world.publish(&["start"], "");
    for round in 0..300 {
        // More patterns than are kept in mind, each of which is of all these events.
        let pattern = "*.".repeat(round % 100) + "**";
        let id = world.subscribe(&[&pattern], Resume::Fresh);
        world.publish(&[&"a.".repeat(101)[..201]], &round.to_string());
        assert_eq!(data(&world.read(id)), [round.to_string()]);
        // Topics that nobody had before, by whatever numbers are free.
        let topic = format!("t.{round}");
        let other = world.subscribe(&[&topic], Resume::After(first));
        world.publish(&[&topic], "own");
        assert_eq!(data(&world.read(other)), ["own"], "{round}");
        world.hub.handle_disconnect(id);
        world.hub.handle_disconnect(other);
    }
    // And one comes back by what it has seen.
    let place = world.store.head();
    let id =
        world.subscribe(&["**"], Resume::After(Cursor::new(place.epoch(), place.offset() - 300)));
    let wire = world.read(id);
    assert_eq!((data(&wire).len(), resets(&wire).len()), (300, 0));
}

#[test]
fn patterns_that_nobody_uses_are_not_counted_as_in_use() {
    let mut config = HubConfig::default();
    config.max_patterns_in_use = 2;
    let mut world = World::with(config, Retention::DEFAULT);
    for n in 0..200 {
        let both = [format!("a{n}.*"), format!("b{n}.*")];
        let id = world.subscribe(&[&both[0], &both[1]], Resume::Fresh);
        world.publish(&[&format!("b{n}.x")], "x");
        assert_eq!(data(&world.read(id)), ["x"]);
        // Lost, and there again.
        world.hub.handle_disconnect(id);
        let id = world.subscribe(&[&both[1]], Resume::Fresh);
        world.hub.handle_disconnect(id);
    }
}

#[test]
fn a_scan_by_a_pattern_looks_at_so_many_entries_at_once_and_finds_them_all() {
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT);
    let start = world.store.head();
    for n in 0..10_000 {
        world.publish(&[&format!("b.{n}")], "");
    }
    world.publish(&["a.x"], "found");
    let pattern = [selector("a.*")];
    let mut after = start;
    let mut looks = Vec::new();
    while after.offset() < 10_001 {
        let page = world.store.page(&pattern, after, 10_000, world.now);
        looks.push((page.upto, page.entries.len()));
        after = Cursor::new(after.epoch(), page.upto);
    }
    assert_eq!(looks, [(4096, 0), (8192, 0), (10_001, 1)]);
    let id = world.subscribe(&["a.*"], Resume::After(start));
    let wire = world.read(id);
    assert_eq!((data(&wire), resets(&wire)), (vec!["found".to_owned()], vec![]));
}

#[test]
fn a_gap_of_a_pattern_is_what_its_topics_lost_as_far_as_that_is_remembered() {
    let told_after = |others: usize| {
        let mut world = World::with(HubConfig::default(), Retention::DEFAULT.events(10));
        let start = world.store.head();
        world.publish(&["a.x"], "lost");
        for n in 0..others {
            world.publish(&[&format!("b.{}", n % 20)], "");
        }
        let after = Cursor::new(start.epoch(), 1);
        let mut told = |after, pattern: &str| {
            world.store.page(&[selector(pattern)], after, 10_000, world.now).trimmed
        };
        (told(start, "a.*"), told(after, "a.*"), told(after, "c.*"))
    };
    assert_eq!(told_after(1), (0, 0, 0));
    assert_eq!(told_after(500), (1, 0, 0));
    // What went before the last 1,024 may have been anybody's.
    assert_eq!(told_after(1033), (1, 0, 0));
    assert_eq!(told_after(2000), (967, 967, 967));
}

#[test]
fn a_pattern_that_nobody_has_used_since_the_window_began_is_forgotten() {
    let mut config = HubConfig::default();
    config.window = config.window.events(10);
    let mut world = World::with(config, Retention::DEFAULT);
    let names = |world: &World| {
        let text = format!("{:?}", world.hub);
        let digits = text.split("topics: ").nth(1).unwrap();
        digits.split(',').next().unwrap().parse::<usize>().unwrap()
    };
    for _ in 0..10 {
        world.publish(&["b"], "");
    }
    let usual = names(&world);
    for n in 0..5 {
        let id = world.subscribe(&[&format!("a{n}.*")], Resume::Fresh);
        world.hub.handle_disconnect(id);
        world.publish(&["b"], "");
    }
    assert_eq!(names(&world), usual + 5);
    for _ in 0..10 {
        world.publish(&["b"], "");
    }
    assert_eq!(names(&world), usual);
}

#[test]
fn a_page_by_many_patterns_is_as_much_work_as_one_by_one_and_comes_less_far() {
    let mut world = World::new();
    for n in 0..3000 {
        world.publish(&[&format!("a.{n}")], "");
    }
    let start = Cursor::new(world.store.head().epoch(), 0);
    let by =
        |count: usize| -> Vec<_> { (0..count).map(|n| selector(&format!("none.{n}.*"))).collect() };
    let page = world.store.page(&by(1), start, 4096, world.now);
    assert_eq!((page.upto, page.entries.len()), (3000, 0));
    // It goes on from where it came to, and misses nothing.
    let mut wanted = by(7);
    wanted.push(selector("a.2999"));
    wanted.push(selector("a.2998.**"));
    let (mut at, mut pages, mut found) = (start, 0, Vec::new());
    while at.offset() < 3000 {
        let page = world.store.page(&wanted, at, 4096, world.now);
        assert!(page.upto - at.offset() <= 1025, "{}", page.upto);
        found.extend(page.entries.iter().map(|entry| entry.offset));
        at = Cursor::new(at.epoch(), page.upto);
        pages += 1;
    }
    assert_eq!((pages, &found[..]), (3, &[3000][..]));
}
