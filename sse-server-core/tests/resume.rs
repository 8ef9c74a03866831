//! Resumes: complete, or a reset that says why not.
#![forbid(unsafe_code)]

mod common;

use common::{EPOCH, World, data, events, resets};
use sse_codec::time::Instant;
use sse_server_core::{
    Appended, CloseReason, Cursor, Epoch, HubConfig, Output, Placed, Publish, Resume, Retention,
    StoreError, Topic,
};

#[test]
fn a_resume_gives_what_came_after_and_connected_carries_no_id() {
    let mut world = World::new();
    world.publish(&["a"], "1");
    let seen = world.publish(&["a"], "2");
    world.publish(&["a"], "3");
    world.publish(&["b"], "not mine");
    world.publish(&["a"], "4");
    let id = world.subscribe(&["a"], Resume::After(seen));
    let wire = world.read(id);
    assert_eq!(events(&wire)[0].event_type, "connected");
    assert_eq!(events(&wire)[0].last_event_id, "", "no id: the client has a better one");
    assert_eq!(data(&wire), ["3", "4"]);
    assert_eq!(resets(&wire), [""; 0]);
}

#[test]
fn one_cut_before_its_first_event_resumes_by_the_id_of_connected() {
    let mut world = World::new();
    world.publish(&["a"], "before");
    let id = world.subscribe(&["a"], Resume::Fresh);
    let connected = events(&world.read(id))[0].last_event_id.clone();
    world.hub.handle_disconnect(id);
    world.publish(&["a"], "missed");
    let id = world.subscribe(&["a"], Resume::from_last_event_id(&connected));
    assert_eq!(data(&world.read(id)), ["missed"]);
}

#[test]
fn what_has_outlived_its_age_is_not_shown() {
    let mut config = HubConfig::default();
    config.window = config.window.age(Some(common::secs(60)));
    let mut world = World::with(config, Retention::DEFAULT.age(Some(common::secs(60))));
    let old = world.publish(&["a"], "old");
    world.publish(&["a"], "lost");
    world.pass(common::secs(40));
    world.publish(&["a"], "kept");
    world.pass(common::secs(40));
    let id = world.subscribe(&["a"], Resume::After(old));
    let wire = world.read(id);
    assert_eq!((resets(&wire).len(), data(&wire).concat()), (1, "kept".to_owned()));
}

#[test]
fn earliest_gives_all_that_is_kept_and_no_reset() {
    let mut config = HubConfig::default();
    config.window = config.window.events(2);
    let mut world = World::with(config, Retention::DEFAULT.events(3));
    for n in 0..5 {
        world.publish(&["a"], &n.to_string());
    }
    let id = world.subscribe(&["a"], Resume::Earliest);
    let wire = world.read(id);
    assert_eq!(resets(&wire), [""; 0]);
    assert_eq!(data(&wire), ["2", "3", "4"]);
}

#[test]
fn what_is_lost_while_the_first_events_of_the_earliest_are_on_their_way_is_told() {
    let mut world = World::with(HubConfig::default(), Retention::DEFAULT.events(1));
    let id = world.subscribe(&["a"], Resume::Earliest);
    world.publish(&["a"], "1");
    let mut frames = Vec::new();
    let written = world.hub.next_frames(id, 1000, &mut frames).unwrap();
    // Of three more this hub hears of the last alone, and the store keeps no other.
    let topics = [common::topic("a")];
    for offset in 2..=4 {
        let mut appended = sample(offset, &topics);
        appended.cursor = Cursor::new(EPOCH, offset);
        world.store.append(&appended, world.now);
        if offset == 4 {
            world.hub.handle_appended(&appended, world.now);
        }
    }
    world.act();
    world.hub.handle_written(id, written, world.now);
    let first: String = frames.iter().map(|it| core::str::from_utf8(it).unwrap()).collect();
    assert_eq!((resets(&first), data(&first)), (vec![], vec!["1".to_owned()]));
    let rest = world.read(id);
    assert_eq!(resets(&rest), ["{\"reason\":\"trimmed\"}"]);
    assert_eq!(data(&rest), ["4"]);
}

#[test]
fn another_epoch_and_a_malformed_id_are_reset_and_all_that_is_kept_follows() {
    let mut world = World::new();
    world.publish(&["a"], "1");
    world.publish(&["a"], "2");
    let cases = [
        (Resume::After(Cursor::new(Epoch::new(0xf), 1)), "epoch"),
        (Resume::Malformed, "malformed"),
        (Resume::After(Cursor::new(EPOCH, 3)), "future"),
        (Resume::After(Cursor::new(EPOCH, u64::MAX)), "future"),
    ];
    for (resume, reason) in cases {
        let id = world.subscribe(&["a"], resume);
        let wire = world.read(id);
        assert_eq!(resets(&wire), [format!("{{\"reason\":\"{reason}\"}}")]);
        assert_eq!(events(&wire)[1].last_event_id, "e-0", "just before what follows");
        assert_eq!(data(&wire), ["1", "2"], "{reason}");
    }
}

#[test]
fn the_id_of_a_reset_resumes_without_another() {
    let mut world = World::new();
    world.publish(&["a"], "1");
    let id = world.subscribe(&["a"], Resume::Malformed);
    let reset = events(&world.read_some(id, 1))[1].clone();
    assert_eq!(reset.event_type, "reset");
    world.hub.handle_disconnect(id);
    let id = world.subscribe(&["a"], Resume::from_last_event_id(&reset.last_event_id));
    let wire = world.read(id);
    assert_eq!((resets(&wire).len(), data(&wire)), (0, vec!["1".to_owned()]));
}

#[test]
fn only_what_the_subscribed_topics_lost_is_a_gap() {
    let mut config = HubConfig::default();
    config.window = config.window.events(2);
    let mut world = World::with(config, Retention::DEFAULT.events(4));
    let old = world.publish(&["quiet"], "q1");
    for n in 0..4 {
        world.publish(&["loud"], &n.to_string());
    }
    // Kept now: loud 0 to 3. What was trimmed is q1, which this client has.
    let id = world.subscribe(&["quiet"], Resume::After(old));
    assert_eq!(resets(&world.read(id)), [""; 0], "nothing of quiet was lost");
    world.publish(&["loud"], "4");
    let id = world.subscribe(&["quiet"], Resume::After(old));
    assert_eq!(resets(&world.read(id)), [""; 0], "loud 0 was lost, which is not its own");
    let id = world.subscribe(&["quiet", "loud"], Resume::After(old));
    let wire = world.read(id);
    assert_eq!(resets(&wire), ["{\"reason\":\"trimmed\"}"]);
    assert_eq!(events(&wire)[1].last_event_id, "e-2");
    assert_eq!(data(&wire), ["1", "2", "3", "4"]);
}

#[test]
fn a_replay_longer_than_a_page_neither_skips_nor_repeats_at_the_seam() {
    let mut config = HubConfig::default();
    config.window = config.window.events(3);
    config.page = 100;
    let mut world = World::with(config, Retention::DEFAULT);
    for n in 0..50 {
        world.publish(&["a"], &n.to_string());
    }
    let id = world.subscribe(&["a"], Resume::After(Cursor::new(EPOCH, 5)));
    let mut wire = String::new();
    for n in 50..60 {
        wire.push_str(&world.read_some(id, 60));
        world.publish(&["a"], &n.to_string());
    }
    wire.push_str(&world.read(id));
    assert_eq!(data(&wire), (5..60).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(resets(&wire), [""; 0]);
    assert!(world.hub.counters().fetches > 3, "it took pages");
}

#[test]
fn one_that_the_window_overtakes_reads_on_from_the_store() {
    let mut config = HubConfig::default();
    config.window = config.window.events(2);
    let mut world = World::with(config, Retention::DEFAULT);
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    for n in 0..10 {
        world.publish(&["a"], &n.to_string());
    }
    let wire = world.read(id);
    assert_eq!(data(&wire), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(resets(&wire), [""; 0]);
}

#[test]
fn one_that_the_retention_overtakes_is_told() {
    let mut config = HubConfig::default();
    config.window = config.window.events(2);
    let mut world = World::with(config, Retention::DEFAULT.events(3));
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    for n in 0..10 {
        world.publish(&["a"], &n.to_string());
    }
    let wire = world.read(id);
    assert_eq!(resets(&wire), ["{\"reason\":\"trimmed\"}"]);
    assert_eq!(data(&wire), ["7", "8", "9"]);
}

#[test]
fn equal_questions_to_the_store_are_asked_once() {
    let mut config = HubConfig::default();
    config.window = config.window.events(1);
    let mut world = World::with(config, Retention::DEFAULT);
    for n in 0..5 {
        world.publish(&["a"], &n.to_string());
    }
    world.store_sleeps = true;
    let from = Resume::After(Cursor::new(EPOCH, 1));
    let ids: Vec<_> = (0..3).map(|_| world.subscribe(&["a"], from)).collect();
    assert_eq!(world.held.len(), 1);
    for &id in &ids {
        assert_eq!(events(&world.read(id)).len(), 1, "connected does not wait for the store");
    }
    world.hub.handle_disconnect(ids[1]);
    world.store_sleeps = false;
    world.answer();
    let got: Vec<_> = ids.iter().map(|&id| data(&world.read(id)).concat()).collect();
    assert_eq!(got, ["1234", "", "1234"]);
}

#[test]
fn a_store_that_fails_ends_those_who_wait_for_it() {
    let mut config = HubConfig::default();
    config.window = config.window.events(1);
    let mut world = World::with(config, Retention::DEFAULT);
    for n in 0..5 {
        world.publish(&["a"], &n.to_string());
    }
    world.store_sleeps = true;
    let id = world.subscribe(&["a"], Resume::Earliest);
    let Some(Output::FetchHistory { fetch, .. }) = world.held.pop_front() else { panic!() };
    world.hub.handle_history(fetch, Err(StoreError::Unavailable), world.now);
    world.act();
    assert_eq!(world.closed, [(id, CloseReason::StoreFailed)]);
}

#[test]
fn a_hub_behind_its_store_asks_it_before_it_calls_an_id_the_future() {
    let mut world = World::new();
    world.publish(&["a"], "1");
    // Another hub of the store published; this one has not heard yet.
    let topics = [common::topic("a")];
    let mut unheard = Vec::new();
    for offset in 2..=3 {
        let mut appended = sample(offset, &topics);
        appended.cursor = Cursor::new(EPOCH, offset);
        world.store.append(&appended, world.now);
        unheard.push(appended);
    }
    let id = world.subscribe(&["a"], Resume::After(Cursor::new(EPOCH, 2)));
    let mut wire = world.read(id);
    for appended in &unheard {
        world.hub.handle_appended(appended, world.now);
        wire.push_str(&world.read(id));
    }
    assert_eq!((resets(&wire).len(), data(&wire)), (0, vec!["3".to_owned()]));
}

#[test]
fn a_new_epoch_of_the_store_resets_everyone() {
    let mut world = World::new();
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.publish(&["a"], "old");
    world.read(id);
    let mut appended = sample(1, &[common::topic("a")]);
    appended.cursor = Cursor::new(Epoch::new(0xf), 1);
    world.store.append(&appended, world.now);
    world.hub.handle_appended(&appended, world.now);
    let wire = world.read(id);
    assert_eq!(resets(&wire), ["{\"reason\":\"epoch\"}"]);
    assert_eq!(events(&wire)[0].last_event_id, "f-0");
    assert_eq!(data(&wire), ["1"]);
}

#[test]
fn what_comes_twice_from_the_store_is_taken_once_and_a_hole_is_filled_from_it() {
    let mut world = World::new();
    let topics = [common::topic("a")];
    let id = world.subscribe(&["a"], Resume::Fresh);
    world.read(id);
    let mut wire = String::new();
    for offset in 1..=4 {
        let mut appended = sample(offset, &topics);
        appended.cursor = Cursor::new(EPOCH, offset);
        world.store.append(&appended, world.now);
        if offset != 2 && offset != 3 {
            world.hub.handle_appended(&appended, world.now);
            world.hub.handle_appended(&appended, world.now);
        }
        world.act();
        wire.push_str(&world.read(id));
    }
    assert_eq!((resets(&wire).len(), data(&wire).concat()), (0, "1234".to_owned()));
}

/// An event as a store gives it, by way of a hub of its own.
fn sample(offset: u64, topics: &[Topic]) -> Appended {
    let mut hub = World::new().hub;
    let event = Publish::new(topics.iter().cloned(), offset.to_string());
    assert!(hub.publish(event, Instant::ORIGIN).is_ok());
    let Some(Output::Append { event, .. }) = hub.poll_output() else { panic!("no append") };
    event.place(Cursor::new(EPOCH, offset))
}

#[test]
fn the_pages_of_all_who_replay_have_a_limit_together_and_all_are_served() {
    let mut config = HubConfig::default();
    config.window = Retention::WINDOW.events(1);
    config.page = 8 << 10;
    config.max_page_bytes = 64 << 10;
    let mut world = World::with(config, Retention::DEFAULT);
    for n in 0..600 {
        world.publish(&["a"], &n.to_string());
    }
    // Each from another place, so that no page serves two.
    let from = |n: usize| Resume::from_last_event_id(&format!("e-{n}"));
    let ids: Vec<_> = (0..40).map(|n| world.subscribe(&["a"], from(n))).collect();
    // What a page of small events takes is its list for the most part, and that counts.
    let asked = world.hub.counters().fetches;
    assert!((8..=16).contains(&asked), "{asked} pages of 4 KiB at least for 64 KiB");
    // One that goes makes room for another.
    world.hub.handle_disconnect(ids[0]);
    world.act();
    assert_eq!(world.hub.counters().fetches, asked + 1);
    let mut got = vec![Vec::new(); ids.len()];
    for _ in 0..40 {
        for (id, got) in ids.iter().zip(&mut got) {
            got.extend(data(&world.read_some(*id, 2000)));
        }
    }
    for (n, got) in got.iter().enumerate().skip(1) {
        let all: Vec<_> = (n..600).map(|n| n.to_string()).collect();
        assert_eq!(*got, all, "by {n}");
    }
    assert_eq!(world.closed, []);
}

#[test]
fn what_has_a_place_that_no_event_can_have_is_not_taken() {
    let topic = Topic::new("a").expect("a topic");
    for epoch in [EPOCH, Epoch::new(0xf00)] {
        for offset in [0, u64::MAX] {
            let mut world = World::new();
            let id = world.subscribe(&["a"], Resume::Fresh);
            let mut event = sample(1, core::slice::from_ref(&topic));
            event.cursor = Cursor::new(epoch, offset);
            assert_eq!(world.store.append(&event, world.now), Placed::Impossible);
            world.hub.handle_appended(&event, world.now);
            assert_eq!(world.hub.head(), Cursor::new(EPOCH, 0));
            assert_eq!(world.store.head(), Cursor::new(EPOCH, 0));
            // It goes on as if there had been nothing.
            world.publish(&["a"], "1");
            let wire = world.read(id);
            assert_eq!((data(&wire).concat(), resets(&wire).len()), ("1".to_owned(), 0));
        }
    }
}
